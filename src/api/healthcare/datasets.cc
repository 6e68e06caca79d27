#include <utility>

#include "api/healthcare/calls.h"
#include "api/healthcare/shapes.h"
#include "api/healthcare/time_zones.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

Status CheckDataset(const Json& dataset) {
  const std::string& zone = dataset["timeZone"].as_string();
  if (!zone.empty() && !IsTimeZone(zone)) {
    return Error{ErrorCode::kInvalidArgument,
                 "timeZone " + dataset["timeZone"].Print() + " is no IANA name such as \"Europe/Lisbon\""};
  }
  if (!dataset["encryptionSpec"]["kmsKeyName"].as_string().empty()) {
    return Error{ErrorCode::kInvalidArgument, "encryptionSpec.kmsKeyName: this server has no customer-managed keys"};
  }
  return {};
}

// What is kept: the resource without its name and without empty fields.
Json DocumentOf(Json dataset) {
  dataset.Remove("name");
  dataset.Remove("encryptionSpec");
  if (dataset["timeZone"].as_string().empty()) dataset.Remove("timeZone");
  return dataset;
}

}  // namespace

Json DatasetJson(const store::Dataset& dataset) {
  Json json = Json::MakeObject();
  json.Set("name", dataset.name.Text());
  for (const auto& [name, value] : dataset.document.object()) json.Set(name, value);
  return json;
}

Result<Json> CreateDataset(const RestCall& call) {
  store::DatasetName name{call.path["projectsId"], call.path["locationsId"], call.Query("datasetId")};
  if (name.dataset.empty()) return Error{ErrorCode::kInvalidArgument, "datasetId is missing: POST …/datasets?datasetId=ID"};
  DH_ASSIGN(name, store::DatasetName::Parse(name.Text()));
  DH_CHECK(CheckDataset(call.body));
  store::Dataset dataset{name, DocumentOf(call.body)};
  DH_CHECK(call.services.store->catalog().CreateDataset(dataset));
  const std::string package = "google.cloud.healthcare." + std::string(call.version) + ".dataset.";
  transfer::Operations::Description description;
  description.dataset = name;
  description.method = package + "DatasetService.CreateDataset";
  description.api_version = call.version;
  const Json resource = DatasetJson(dataset);
  Json response = Json::MakeObject();
  response.Set("@type", "type.googleapis.com/" + package + "Dataset");
  for (const auto& [field, value] : resource.object()) response.Set(field, value);
  DH_ASSIGN(const transfer::OperationState state, call.services.operations->Record(description, std::move(response)));
  return OperationNameJson(state);
}

Result<Json> GetDataset(const RestCall& call) {
  DH_ASSIGN(const store::DatasetName name, DatasetNameOf(call));
  DH_ASSIGN(const store::Dataset dataset, call.services.store->catalog().GetDataset(name));
  return DatasetJson(dataset);
}

Result<Json> ListDatasets(const RestCall& call) {
  DH_ASSIGN(const Json location, GetLocation(call));
  DH_ASSIGN(const store::PageRequest request, PageOf(call));
  DH_ASSIGN(const store::Page<store::Dataset> page,
            call.services.store->catalog().ListDatasets(call.path["projectsId"], call.path["locationsId"], request));
  Json::Array list;
  for (const store::Dataset& dataset : page.items) list.push_back(DatasetJson(dataset));
  return ListAnswer("datasets", std::move(list), page.next);
}

Result<Json> PatchDataset(const RestCall& call) {
  DH_ASSIGN(const store::DatasetName name, DatasetNameOf(call));
  DH_ASSIGN(store::Dataset dataset, call.services.store->catalog().GetDataset(name));
  std::string mask = call.Query("updateMask");
  if (mask.empty()) mask = "timeZone";
  DH_CHECK(ApplyFieldMask(kDatasetShape, mask, call.body, dataset.document));
  DH_CHECK(CheckDataset(dataset.document));
  dataset.document = DocumentOf(std::move(dataset.document));
  DH_CHECK(call.services.store->catalog().UpdateDataset(dataset));
  return DatasetJson(dataset);
}

Result<Json> DeleteDataset(const RestCall& call) {
  DH_ASSIGN(const store::DatasetName name, DatasetNameOf(call));
  DH_ASSIGN(const auto stores, call.services.store->catalog().DeleteDataset(name));
  call.services.operations->CancelAll(name, std::nullopt);
  for (const store::DicomStore& store : stores) DH_CHECK(call.services.store->instances().DeleteStore(store.id));
  return Json::MakeObject();
}

}  // namespace dicomhouse::api
