// What the JSON APIs read of requests: messages by their shapes, update masks, partial responses, filters of logs. The first byte
// chooses.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/healthcare/shapes.h"
#include "api/json_shape.h"
#include "api/logging/entries.h"
#include "base/json.h"

namespace {

using dicomhouse::base::Json;
namespace api = dicomhouse::api;

// What was read is read again to the same.
void ReadBody(std::string_view text) {
  const auto json = Json::Parse(text);
  if (!json.ok()) return;
  for (const api::JsonShape* const shape :
       {&api::kDicomStoreBetaShape, &api::kExportRequestBetaShape, &api::kSetIamPolicyRequestShape}) {
    auto message = api::ReadMessage(*json, *shape);
    if (!message.ok()) continue;
    const auto again = api::ReadMessage(*message, *shape);
    if (!again.ok() || again->Print() != message->Print()) std::abort();
  }
}

void ReadMask(std::string_view text) {
  const Json given = *Json::Parse(R"({"labels": {"a": "b"}, "notificationConfig": {"pubsubTopic": "t"}})");
  Json message = Json::MakeObject();
  (void)api::ApplyFieldMask(api::kDicomStoreShape, text, given, message);
}

void ReadFields(std::string_view text) {
  const Json json = *Json::Parse(R"({"a": {"b": 1, "c": [{"d": 2}]}, "e": [3]})");
  (void)api::SelectFields(json, text);
}

void ReadFilter(std::string_view text) {
  const auto filter = api::LogFilter::Parse(text);
  if (!filter.ok()) return;
  dicomhouse::store::LogEntry entry;
  entry.project = "p";
  entry.log = "healthcare.googleapis.com/import_dicom";
  entry.severity = "ERROR";
  (void)filter->Matches(api::EntryJson(entry));
  dicomhouse::store::Catalog::LogQuery query;
  filter->Narrow(query);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'b':
      ReadBody(text);
      break;
    case 'm':
      ReadMask(text);
      break;
    case 'f':
      ReadFields(text);
      break;
    default:
      ReadFilter(text);
  }
  return 0;
}
