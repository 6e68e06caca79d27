// The routes of Cloud Storage's JSON API.
#include <memory>

#include "api/services.h"
#include "api/storage/handlers.h"

namespace dicomhouse::api {
namespace {

struct StorageRoute {
  const char* methods;
  const char* pattern;
  storage::HandlerOf handler;
};

constexpr StorageRoute kRoutes[] = {
    {"GET", "/storage/v1/b", storage::ListBuckets},
    {"POST", "/storage/v1/b", storage::CreateBucket},
    {"GET", "/storage/v1/b/{bucket}", storage::GetBucket},
    {"DELETE", "/storage/v1/b/{bucket}", storage::DeleteBucket},
    {"GET", "/storage/v1/b/{bucket}/storageLayout", storage::GetStorageLayout},
    {"GET", "/storage/v1/b/{bucket}/o", storage::ListObjects},
    {"GET", "/storage/v1/b/{bucket}/o/{object}", storage::GetObject},
    {"PATCH,PUT", "/storage/v1/b/{bucket}/o/{object}", storage::PatchObject},
    {"DELETE", "/storage/v1/b/{bucket}/o/{object}", storage::DeleteObject},
    {"POST", "/storage/v1/b/{bucket}/o/{object}/compose", storage::ComposeObject},
    {"POST", "/storage/v1/b/{bucket}/o/{object}/copyTo/b/{to_bucket}/o/{to_object}", storage::CopyObject},
    {"POST", "/storage/v1/b/{bucket}/o/{object}/rewriteTo/b/{to_bucket}/o/{to_object}", storage::RewriteObject},
    {"GET", "/download/storage/v1/b/{bucket}/o/{object}", storage::DownloadObject},
    {"POST", "/upload/storage/v1/b/{bucket}/o", storage::BeginUpload},
    {"PUT", "/upload/storage/v1/b/{bucket}/o", storage::ContinueUpload},
    {"DELETE", "/upload/storage/v1/b/{bucket}/o", storage::CancelUpload},
    // gsutil and gcloud have this path for uploads that they may resume.
    {"POST", "/resumable/upload/storage/v1/b/{bucket}/o", storage::BeginUpload},
    {"PUT", "/resumable/upload/storage/v1/b/{bucket}/o", storage::ContinueUpload},
    {"DELETE", "/resumable/upload/storage/v1/b/{bucket}/o", storage::CancelUpload},
};

// Lives as long as the routes.
struct State {
  State(store::Objects& objects, const std::string& url) : uploads(objects), service{&objects, &uploads, url} {}
  store::Uploads uploads;
  storage::Service service;
};

}  // namespace

void storage::AddRoutes(Router& router, store::Objects& objects, const std::string& url) {
  auto state = std::make_shared<State>(objects, url);
  for (const StorageRoute& route : kRoutes) {
    router.Add(route.methods, route.pattern, [state, handler = route.handler](http::Request& request, const PathValues& path) {
      return handler(state->service, request, path);
    });
  }
  for (const char* prefix : {"/storage/v1", "/upload/storage/v1", "/resumable/upload/storage/v1", "/download/storage/v1"}) {
    router.SetErrors(prefix, [](int status, const std::string& text) { return StorageError(status, text); });
  }
}

void AddStorageRoutes(Router& router, const Services& services) {
  storage::AddRoutes(router, services.store->objects(), services.public_url);
}

}  // namespace dicomhouse::api
