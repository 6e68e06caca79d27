#include <algorithm>
#include <utility>

#include "api/dicomweb/dicomweb.h"

namespace dicomhouse::api {

void AddDicomWebRoutes(Router& router, const Services& services) {
  dicomweb::AddRoutes(router,
                      {&services.store->catalog(), &services.store->instances(), services.operations, services.public_url});
}

namespace dicomweb {
namespace {

constexpr size_t kMaxUidLength = 64;

// PS3.5 §9.1, but for leading zeros of components, which the field has.
bool IsUid(std::string_view text) {
  if (text.empty() || text.size() > kMaxUidLength || text.front() == '.' || text.back() == '.') return false;
  if (text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

http::Response NotRendered(const Context& context, const http::Request& request, const PathValues& path) {
  const auto resource = FindResource(context, request, path);
  if (!resource.ok()) return ErrorResponse(resource.error());
  return ErrorResponse(501, "This server does not render images: retrieve the frames or the instance.");
}

}  // namespace

std::string Resource::Url(const store::InstanceKey& of) const {
  std::string out = url + "/studies/" + of.study;
  if (!of.series.empty()) out += "/series/" + of.series;
  if (!of.instance.empty()) out += "/instances/" + of.instance;
  return out;
}

base::Result<Resource> FindResource(const Context& context, const http::Request& request, const PathValues& path) {
  const store::DicomStoreName name{{path["project"], path["location"], path["dataset"]}, path["store"]};
  DH_ASSIGN(const store::DicomStoreName checked, store::DicomStoreName::Parse(name.Text()));
  Resource resource;
  resource.key = {path["study"], path["series"], path["instance"]};
  for (const std::string* uid : {&resource.key.study, &resource.key.series, &resource.key.instance}) {
    if (!uid->empty() && !IsUid(*uid)) {
      return base::Error{base::ErrorCode::kInvalidArgument, "'" + uid->substr(0, kMaxUidLength) + "' is no UID"};
    }
  }
  DH_ASSIGN(resource.dicom_store, context.catalog->GetDicomStore(checked));
  resource.version = request.target.segments.front();
  resource.url = context.public_url + "/" + resource.version + "/" + checked.Text() + "/dicomWeb";
  return resource;
}

void AddRoutes(Router& router, const Context& context) {
  const auto call = [context](auto function) {
    return [context, function](http::Request& request, const PathValues& path) { return function(context, request, path); };
  };
  const auto search = [context](store::Level level) {
    return [context, level](http::Request& request, const PathValues& path) { return Search(context, request, path, level); };
  };
  for (const std::string version : {"v1", "v1beta1"}) {
    const std::string root =
        "/" + version + "/projects/{project}/locations/{location}/datasets/{dataset}/dicomStores/{store}/dicomWeb";
    const std::string study = root + "/studies/{study}";
    const std::string series = study + "/series/{series}";
    const std::string instance = series + "/instances/{instance}";
    router.Add("POST", root + "/studies", call(Store));
    router.Add("POST", study, call(Store));
    router.Add("GET", root + "/studies", search(store::Level::kStudy));
    router.Add("GET", root + "/series", search(store::Level::kSeries));
    router.Add("GET", root + "/instances", search(store::Level::kInstance));
    router.Add("GET", study + "/series", search(store::Level::kSeries));
    router.Add("GET", study + "/instances", search(store::Level::kInstance));
    router.Add("GET", series + "/instances", search(store::Level::kInstance));
    for (const std::string& level : {study, series, instance}) {
      router.Add("GET", level, call(RetrieveDicom));
      router.Add("GET", level + "/metadata", call(RetrieveMetadata));
      router.Add("GET", level + "/rendered", call(NotRendered));
      router.Add("DELETE", level, call(Delete));
    }
    router.Add("GET", instance + "/frames/{frames}", call(RetrieveFrames));
    router.Add("GET", instance + "/frames/{frames}/rendered", call(NotRendered));
    router.Add("GET", instance + "/bulkdata/{path**}", call(RetrieveBulkData));
  }
}

}  // namespace dicomweb
}  // namespace dicomhouse::api
