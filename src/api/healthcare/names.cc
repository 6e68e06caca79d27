// What requests of all kinds name: datasets, DICOM stores, pages; and locations.
#include <algorithm>
#include <charconv>

#include "api/healthcare/calls.h"
#include "base/limits.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

Status CheckId(const RestCall& call, const char* name, const char* what) {
  if (store::IsResourceId(call.path[name])) return {};
  return Error{ErrorCode::kInvalidArgument, "Invalid resource name: " + Json(call.path[name]).Print() + " can't be the id of a " +
                                                what + ": 1 to 256 letters, digits, '_', '-' and '.'"};
}

Json LocationJson(const std::string& project, const std::string& location) {
  Json json = Json::MakeObject();
  return json.Set("name", "projects/" + project + "/locations/" + location).Set("locationId", location);
}

}  // namespace

Result<store::DatasetName> DatasetNameOf(const RestCall& call) {
  DH_CHECK(CheckId(call, "projectsId", "project"));
  DH_CHECK(CheckId(call, "locationsId", "location"));
  DH_CHECK(CheckId(call, "datasetsId", "dataset"));
  return store::DatasetName{call.path["projectsId"], call.path["locationsId"], call.path["datasetsId"]};
}

Result<store::DicomStoreName> DicomStoreNameOf(const RestCall& call) {
  DH_ASSIGN(store::DatasetName dataset, DatasetNameOf(call));
  DH_CHECK(CheckId(call, "dicomStoresId", "DICOM store"));
  return store::DicomStoreName{std::move(dataset), call.path["dicomStoresId"]};
}

Result<store::PageRequest> PageOf(const RestCall& call) {
  store::PageRequest page;
  page.token = call.Query("pageToken");
  const std::string& size = call.Query("pageSize");
  if (size.empty()) return page;
  int32_t number = 0;
  (void)std::from_chars(size.data(), size.data() + size.size(), number);  // a number, as the method's table says
  if (number < 0) return Error{ErrorCode::kInvalidArgument, "pageSize is " + size + ": it can't be negative"};
  if (number > 0) page.size = std::min<int>(number, base::kMaxPageSize);
  return page;
}

// Any id is a location: this machine is wherever its owner says.
Result<Json> GetLocation(const RestCall& call) {
  DH_CHECK(CheckId(call, "projectsId", "project"));
  DH_CHECK(CheckId(call, "locationsId", "location"));
  return LocationJson(call.path["projectsId"], call.path["locationsId"]);
}

Result<Json> ListLocations(const RestCall& call) {
  DH_CHECK(CheckId(call, "projectsId", "project"));
  DH_ASSIGN(const store::PageRequest page, PageOf(call));
  if (!page.token.empty()) return Error{ErrorCode::kInvalidArgument, "pageToken is none that this list gave"};
  DH_ASSIGN(const std::vector<std::string> locations, call.services.store->catalog().Locations(call.path["projectsId"]));
  Json::Array list;
  for (const std::string& location : locations) list.push_back(LocationJson(call.path["projectsId"], location));
  return ListAnswer("locations", std::move(list), "");
}

}  // namespace dicomhouse::api
