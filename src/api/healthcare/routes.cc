#include <string>
#include <utility>

#include "api/healthcare/methods.h"
#include "api/services.h"

namespace dicomhouse::api {
namespace {

const char* const kVersions[] = {"v1", "v1beta1"};

http::Response ShowDescription(const Services& services, const http::Request& request) {
  const std::string* const asked = request.target.Query("version");
  for (const char* const version : kVersions) {
    if (asked == nullptr || *asked == version) return JsonResponse(DescribeApi(version, services.public_url + "/"));
  }
  return ErrorResponse(404, "There is no version " + base::Json(*asked).Print() + "; there are v1 and v1beta1.");
}

// Kinds of stores that Google has beside DICOM's.
void AddUnservedKinds(Router& router) {
  for (const std::string version : kVersions) {
    for (const char* const kind : {"fhirStores", "hl7V2Stores", "consentStores", "annotationStores", "dataMapperWorkspaces"}) {
      const auto refuse = [kind](http::Request&, const PathValues&) {
        return ErrorResponse({base::ErrorCode::kFailedPrecondition,  // not 501: see NotImplemented
                              "This server has DICOM stores; it does not implement " + std::string(kind) + "."});
      };
      const std::string path =
          "/" + version + "/projects/{projectsId}/locations/{locationsId}/datasets/{datasetsId}/" + std::string(kind);
      router.Add("GET,POST", path, refuse);
      router.Add("GET,POST,PUT,PATCH,DELETE", path + "/{rest**}", refuse);
    }
  }
}

}  // namespace

void AddHealthcareRoutes(Router& router, const Services& services) {
  for (const char* const version : kVersions) {
    for (const RestMethod& method : HealthcareMethods(version)) {
      if (method.handler == nullptr) continue;
      router.Add(method.http, "/" + std::string(version) + "/" + std::string(method.path),
                 [services, method, version](http::Request& request, const PathValues& path) {
                   return Answer(services, method, version, request, path);
                 });
    }
  }
  AddUnservedKinds(router);
  const auto describe = [services](http::Request& request, const PathValues&) { return ShowDescription(services, request); };
  router.Add("GET", "/$discovery/rest", describe);
  // Where Google's discovery service has it: …/discovery/v1/apis/healthcare/v1/rest.
  router.Add("GET", "/discovery/v1/apis/healthcare/{version}/rest", [services](http::Request& request, const PathValues& path) {
    request.target.query = {{"version", path["version"]}};
    return ShowDescription(services, request);
  });
}

}  // namespace dicomhouse::api
