// DICOM JSON of any bytes: it must be JSON, its tags ascend, and asking for all elements one by one gives the same members.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/json.h"
#include "dicom/byte_source.h"
#include "dicom/dicom_json.h"
#include "dicom/instance.h"

namespace {

using namespace dicomhouse;

void Require(bool holds, const char* what, const std::string& json) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n%s\n", what, json.c_str());
  std::abort();
}

// Whether the names of all objects that are data sets ascend. Depth is bounded by the parser.
void CheckOrder(const base::Json& root, const std::string& text) {
  std::vector<const base::Json*> open = {&root};
  while (!open.empty()) {
    const base::Json& data_set = *open.back();
    open.pop_back();
    std::string last;
    for (const auto& [tag, element] : data_set.object()) {
      Require(tag.size() == 8 && tag > last, "tags ascend", text);
      Require(element["vr"].as_string().size() == 2 && element.object().size() <= 2, "an element has a VR and one value", text);
      last = tag;
      if (element["vr"].as_string() != "SQ") continue;
      for (const base::Json& item : element["Value"].array()) open.push_back(&item);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dicom::MemorySource source({data, size});
  dicom::InstanceReader reader;
  dicom::Instance instance;
  if (reader.Read(source, instance) != dicom::ReadOutcome::kInstance) return 0;
  dicom::DicomJsonOptions options;
  options.bulk_uri = [](const std::string& path) { return path; };
  options.file_meta = true;
  dicom::DicomJsonWriter writer(options);
  std::string whole;
  writer.AppendDataSet(instance, whole);
  const auto json = base::Json::Parse(whole);
  const bool deep = !json.ok() && json.error().code == base::ErrorCode::kLimit;
  Require(json.ok() || deep, "it is JSON", whole);
  if (json.ok()) CheckOrder(*json, whole);

  std::vector<uint32_t> tags;
  for (const dicom::TopElement& element : instance.elements) tags.push_back(element.tag);
  std::string members = "{";
  writer.AppendElements(instance, tags, members);
  Require(members + "}" == whole, "chosen elements are those of the whole", whole);
  return 0;
}
