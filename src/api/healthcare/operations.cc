#include <array>
#include <utility>

#include "api/healthcare/calls.h"
#include "http/message.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;

std::string NameText(const transfer::OperationState& state) { return state.dataset.Text() + "/operations/" + state.id; }

// Only operations on instances have a log.
bool HasLog(const transfer::OperationState& state) { return state.method.find(".DicomService.") != std::string::npos; }

Json CounterJson(const transfer::OperationState& state) {
  Json counter = Json::MakeObject();
  const std::array<std::pair<const char*, int64_t>, 3> counts = {
      {{"success", state.success}, {"failure", state.failure}, {"pending", state.pending}}};
  for (const auto& [name, count] : counts) {
    if (count > 0) counter.Set(name, std::to_string(count));
  }
  return counter;
}

Json MetadataJson(const transfer::OperationState& state, const Services& services) {
  Json metadata = Json::MakeObject();
  metadata.Set("@type", "type.googleapis.com/google.cloud.healthcare." + state.api_version + ".OperationMetadata");
  metadata.Set("apiMethodName", state.method).Set("createTime", Rfc3339(state.create_time_us));
  if (state.end_time_us != 0) metadata.Set("endTime", Rfc3339(state.end_time_us));
  if (HasLog(state)) {
    metadata.Set("logsUrl", services.public_url + "/logs?project=" + http::PercentEncode(state.dataset.project) +
                                "&operation=" + http::PercentEncode(state.id));
  }
  Json counter = CounterJson(state);
  if (!counter.object().empty()) metadata.Set("counter", std::move(counter));
  if (state.cancel_requested) metadata.Set("cancelRequested", true);
  return metadata;
}

// What a response without fields is.
std::string ResponseType(const transfer::OperationState& state) {
  const bool import = state.method.ends_with(".ImportDicomData");
  return "type.googleapis.com/google." +
         (import ? "cloud.healthcare." + state.api_version + ".dicom.ImportDicomDataResponse" : std::string("protobuf.Empty"));
}

Result<std::string> OperationIdOf(const RestCall& call) { return call.path["operationsId"]; }

}  // namespace

Json OperationNameJson(const transfer::OperationState& state) {
  Json json = Json::MakeObject();
  return json.Set("name", NameText(state));
}

Json OperationJson(const transfer::OperationState& state, const Services& services) {
  Json json = OperationNameJson(state);
  json.Set("metadata", MetadataJson(state, services));
  if (!state.done) return json;
  json.Set("done", true);
  if (state.error) {
    Json error = Json::MakeObject();
    json.Set("error", error.Set("code", StatusOf(state.error->code).rpc).Set("message", state.error->message));
  } else if (state.response.is_null()) {
    Json empty = Json::MakeObject();
    json.Set("response", empty.Set("@type", ResponseType(state)));
  } else {
    json.Set("response", state.response);
  }
  return json;
}

Result<Json> GetOperation(const RestCall& call) {
  DH_ASSIGN(const store::DatasetName dataset, DatasetNameOf(call));
  DH_ASSIGN(const std::string id, OperationIdOf(call));
  DH_ASSIGN(const transfer::OperationState state, call.services.operations->Get(dataset, id));
  return OperationJson(state, call.services);
}

Result<Json> ListOperations(const RestCall& call) {
  DH_ASSIGN(const store::DatasetName dataset, DatasetNameOf(call));
  DH_ASSIGN(const store::PageRequest request, PageOf(call));
  const std::string& filter = call.Query("filter");
  if (!filter.empty() && filter != "done=true" && filter != "done=false") {
    return Error{ErrorCode::kInvalidArgument, "Invalid filter: " + Json(filter).Print() + "; done=true and done=false are known"};
  }
  DH_ASSIGN(const store::Dataset exists, call.services.store->catalog().GetDataset(dataset));
  DH_ASSIGN(const store::Page<transfer::OperationState> page, call.services.operations->List(dataset, request));
  Json::Array list;
  for (const transfer::OperationState& state : page.items) {
    if (filter.empty() || (filter == "done=true") == state.done) list.push_back(OperationJson(state, call.services));
  }
  return ListAnswer("operations", std::move(list), page.next);
}

Result<Json> CancelOperation(const RestCall& call) {
  DH_ASSIGN(const store::DatasetName dataset, DatasetNameOf(call));
  DH_ASSIGN(const std::string id, OperationIdOf(call));
  DH_CHECK(call.services.operations->Cancel(dataset, id));
  return Json::MakeObject();
}

}  // namespace dicomhouse::api
