#include <algorithm>
#include <utility>
#include <vector>

#include "api/healthcare/calls.h"
#include "api/healthcare/shapes.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

constexpr size_t kMaxLabels = 64;
constexpr size_t kMaxLabelCharacters = 63;
constexpr size_t kMaxLabelBytes = 128;
constexpr size_t kMaxStreams = 5;

size_t Characters(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Keys: \p{Ll}\p{Lo}{0,62}; values: [\p{Ll}\p{Lo}\p{N}_-]{0,63}. What isn't ASCII is taken for such a letter.
bool IsLabelText(std::string_view text, bool key) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || (c & 0x80) != 0;
  };
  if (key && (text.empty() || !((text[0] >= 'a' && text[0] <= 'z') || (text[0] & 0x80) != 0))) return false;
  return text.size() <= kMaxLabelBytes && Characters(text) <= kMaxLabelCharacters && std::all_of(text.begin(), text.end(), fits);
}

Status CheckLabels(const Json& labels) {
  if (labels.object().size() > kMaxLabels) return Error{ErrorCode::kInvalidArgument, "labels: at most 64 of them"};
  for (const auto& [key, value] : labels.object()) {
    if (IsLabelText(key, true) && IsLabelText(value.as_string(), false)) continue;
    return Error{ErrorCode::kInvalidArgument, "labels: " + Json(key).Print() + ": " + value.Print() +
                                                  " is none: up to 63 lower-case letters, digits, '_' and '-', a letter first"};
  }
  return {};
}

// projects/P/topics/T
bool IsTopic(std::string_view text) {
  const size_t middle = text.find("/topics/");
  return text.starts_with("projects/") && middle != std::string_view::npos && middle > 9 && text.size() > middle + 8 &&
         text.find('/', 9) == middle && text.find('/', middle + 8) == std::string_view::npos;
}

Status CheckStore(const Json& store) {
  DH_CHECK(CheckLabels(store["labels"]));
  const std::string& topic = store["notificationConfig"]["pubsubTopic"].as_string();
  if (!topic.empty() && !IsTopic(topic)) {
    return Error{ErrorCode::kInvalidArgument, "notificationConfig.pubsubTopic is not of the form projects/P/topics/T"};
  }
  const Json::Array& streams = store["streamConfigs"].array();
  if (streams.size() > kMaxStreams) return Error{ErrorCode::kInvalidArgument, "streamConfigs: at most five of them"};
  for (const Json& stream : streams) {
    const auto table = warehouse::TableName::FromUri(stream["bigqueryDestination"]["tableUri"].as_string());
    if (!table.ok()) {
      return Error{table.error().code, "streamConfigs.bigqueryDestination.tableUri: " + table.error().message};
    }
  }
  return {};
}

// What is kept: the resource in its shape's order, without its name and without empty fields.
Result<Json> DocumentOf(const Json& store) {
  DH_ASSIGN(Json document, ReadMessage(store, kDicomStoreBetaShape));
  document.Remove("name");
  for (const char* const name : {"labels", "notificationConfig"}) {
    if (document[name].object().empty()) document.Remove(name);
  }
  if (document["streamConfigs"].array().empty()) document.Remove("streamConfigs");
  return document;
}

// ---- The filter of lists: "labels.KEY=VALUE AND labels.KEY=VALUE", values quoted or not.

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

using LabelTerms = std::vector<std::pair<std::string, std::string>>;

Result<LabelTerms> ParseLabelFilter(std::string_view filter) {
  LabelTerms terms;
  std::string_view rest = Trimmed(filter);
  while (!rest.empty()) {
    const size_t end = rest.find(" AND ");
    const std::string_view term = Trimmed(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 5);
    const size_t equals = term.find('=');
    std::string_view value = equals == std::string_view::npos ? std::string_view() : Trimmed(term.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    const std::string_view key = Trimmed(term.substr(0, equals));
    if (!key.starts_with("labels.") || key.size() == 7 || equals == std::string_view::npos) {
      return Error{ErrorCode::kInvalidArgument,
                   "Invalid filter: " + Json(term).Print() + " is not of the form labels.KEY=VALUE, joined by AND"};
    }
    terms.emplace_back(key.substr(7), value);
  }
  return terms;
}

bool HasLabels(const store::DicomStore& store, const LabelTerms& terms) {
  return std::all_of(terms.begin(), terms.end(), [&](const auto& term) {
    const Json* const value = store.document["labels"].find(term.first);
    return value != nullptr && value->as_string() == term.second;
  });
}

// A page of those that have the labels: as many pages of the catalog as it takes.
Result<store::Page<store::DicomStore>> FilteredPage(const RestCall& call, const store::DatasetName& name) {
  DH_ASSIGN(store::PageRequest request, PageOf(call));
  DH_ASSIGN(const LabelTerms terms, ParseLabelFilter(call.Query("filter")));
  const auto wanted = static_cast<size_t>(request.size);
  store::Page<store::DicomStore> found;
  while (true) {
    if (!terms.empty()) request.size = static_cast<int>(wanted - found.items.size());
    DH_ASSIGN(store::Page<store::DicomStore> page, call.services.store->catalog().ListDicomStores(name, request));
    std::copy_if(page.items.begin(), page.items.end(), std::back_inserter(found.items),
                 [&](const store::DicomStore& store) { return HasLabels(store, terms); });
    found.next = page.next;
    if (found.next.empty() || found.items.size() >= wanted) return found;
    request.token = page.next;
  }
}

// int64 is text, and absent when it is zero.
void SetCount(Json& json, std::string_view field, int64_t count) {
  if (count != 0) json.Set(field, std::to_string(count));
}

void SetInstanceCounts(Json& json, const store::StoreMetrics& metrics) {
  SetCount(json, "instanceCount", metrics.instances);
  SetCount(json, "structuredStorageSizeBytes", metrics.header_bytes);
  SetCount(json, "blobStorageSizeBytes", metrics.blob_bytes);
}

// A study, series or instance that a path of DICOMweb names.
struct Measured {
  std::string name;
  store::StoreMetrics metrics;
};

Result<Measured> Measure(const RestCall& call) {
  DH_ASSIGN(const store::DicomStoreName name, DicomStoreNameOf(call));
  DH_ASSIGN(const store::DicomStore store, call.services.store->catalog().GetDicomStore(name));
  const store::InstanceKey key{call.path["studiesId"], call.path["seriesId"], call.path["instancesId"]};
  Measured measured{name.Text() + "/dicomWeb/studies/" + key.study, {}};
  if (!key.series.empty()) measured.name += "/series/" + key.series;
  if (!key.instance.empty()) measured.name += "/instances/" + key.instance;
  DH_ASSIGN(measured.metrics, call.services.store->instances().Metrics(store.id, key));
  return measured;
}

}  // namespace

Json DicomStoreJson(const store::DicomStore& store) {
  Json json = Json::MakeObject();
  json.Set("name", store.name.Text());
  for (const auto& [name, value] : store.document.object()) json.Set(name, value);
  return json;
}

Result<Json> CreateDicomStore(const RestCall& call) {
  DH_ASSIGN(const store::DatasetName dataset, DatasetNameOf(call));
  const std::string& id = call.Query("dicomStoreId");
  if (id.empty()) return Error{ErrorCode::kInvalidArgument, "dicomStoreId is missing: POST …/dicomStores?dicomStoreId=ID"};
  DH_ASSIGN(const store::DicomStoreName name, store::DicomStoreName::Parse(store::DicomStoreName{dataset, id}.Text()));
  DH_CHECK(CheckStore(call.body));
  DH_ASSIGN(const Json document, DocumentOf(call.body));
  DH_ASSIGN(const store::DicomStore store, call.services.store->catalog().CreateDicomStore(name, document));
  return DicomStoreJson(store);
}

Result<Json> GetDicomStore(const RestCall& call) {
  DH_ASSIGN(const store::DicomStoreName name, DicomStoreNameOf(call));
  DH_ASSIGN(const store::DicomStore store, call.services.store->catalog().GetDicomStore(name));
  return DicomStoreJson(store);
}

Result<Json> ListDicomStores(const RestCall& call) {
  DH_ASSIGN(const store::DatasetName name, DatasetNameOf(call));
  DH_ASSIGN(const store::Page<store::DicomStore> page, FilteredPage(call, name));
  Json::Array list;
  for (const store::DicomStore& store : page.items) list.push_back(DicomStoreJson(store));
  return ListAnswer("dicomStores", std::move(list), page.next);
}

Result<Json> PatchDicomStore(const RestCall& call) {
  DH_ASSIGN(const store::DicomStoreName name, DicomStoreNameOf(call));
  DH_ASSIGN(store::DicomStore store, call.services.store->catalog().GetDicomStore(name));
  std::string mask = call.Query("updateMask");
  if (mask.empty()) {  // what is there (https://google.aip.dev/134)
    for (const auto& [field, value] : call.body.object()) {
      if (field != "name") mask += (mask.empty() ? "" : ",") + field;
    }
  }
  if (!mask.empty()) DH_CHECK(ApplyFieldMask(kDicomStoreBetaShape, mask, call.body, store.document));
  DH_CHECK(CheckStore(store.document));
  DH_ASSIGN(store.document, DocumentOf(store.document));
  DH_CHECK(call.services.store->catalog().UpdateDicomStore(store));
  return DicomStoreJson(store);
}

Result<Json> DeleteDicomStore(const RestCall& call) {
  DH_ASSIGN(const store::DicomStoreName name, DicomStoreNameOf(call));
  DH_ASSIGN(const store::DicomStore store, call.services.store->catalog().DeleteDicomStore(name));
  call.services.operations->CancelAll(name.dataset, name);
  DH_CHECK(call.services.store->instances().DeleteStore(store.id));
  return Json::MakeObject();
}

Result<Json> GetDicomStoreMetrics(const RestCall& call) {
  DH_ASSIGN(const store::DicomStoreName name, DicomStoreNameOf(call));
  DH_ASSIGN(const store::DicomStore store, call.services.store->catalog().GetDicomStore(name));
  DH_ASSIGN(const store::StoreMetrics metrics, call.services.store->instances().Metrics(store.id));
  Json json = Json::MakeObject();
  json.Set("name", name.Text());
  SetCount(json, "studyCount", metrics.studies);
  SetCount(json, "seriesCount", metrics.series);
  SetInstanceCounts(json, metrics);
  return json;
}

Result<Json> GetStudyMetrics(const RestCall& call) {
  DH_ASSIGN(const Measured study, Measure(call));
  Json json = Json::MakeObject();
  json.Set("study", study.name);
  SetCount(json, "seriesCount", study.metrics.series);
  SetInstanceCounts(json, study.metrics);
  return json;
}

Result<Json> GetSeriesMetrics(const RestCall& call) {
  DH_ASSIGN(const Measured series, Measure(call));
  Json json = Json::MakeObject();
  json.Set("series", series.name);
  SetInstanceCounts(json, series.metrics);
  return json;
}

Result<Json> GetStorageInfo(const RestCall& call) {
  DH_ASSIGN(const Measured instance, Measure(call));
  Json blob = Json::MakeObject();
  SetCount(blob, "sizeBytes", instance.metrics.blob_bytes);
  Json structured = Json::MakeObject();
  SetCount(structured, "sizeBytes", instance.metrics.header_bytes);
  Json json = Json::MakeObject();
  json.Set("referencedResource", instance.name).Set("blobStorageInfo", std::move(blob));
  return json.Set("structuredStorageInfo", std::move(structured));
}

}  // namespace dicomhouse::api
