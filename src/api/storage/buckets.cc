#include "api/storage/handlers.h"

namespace dicomhouse::api::storage {

using base::Json;

http::Response ListBuckets(const Service& service, http::Request& request, const PathValues&) {
  const auto answer = [&]() -> base::Result<Json> {
    const std::string project = QueryText(request, "project");
    if (project.empty()) return base::Error{base::ErrorCode::kInvalidArgument, "Required parameter: project"};
    DH_ASSIGN(const store::PageRequest page, PageOf(request));
    DH_ASSIGN(const auto buckets, service.objects->ListBuckets(project, QueryText(request, "prefix"), page));
    Json json = Json::MakeObject();
    json.Set("kind", "storage#buckets");
    if (!buckets.next.empty()) json.Set("nextPageToken", buckets.next);
    if (buckets.items.empty()) return json;
    Json items = Json::MakeArray();
    for (const store::Bucket& bucket : buckets.items) items.Append(BucketJson(service, bucket));
    return json.Set("items", std::move(items));
  };
  return Answer(answer());
}

http::Response CreateBucket(const Service& service, http::Request& request, const PathValues&) {
  const auto answer = [&]() -> base::Result<Json> {
    DH_ASSIGN(const Json body, ReadJson(request));
    DH_ASSIGN(const store::Bucket bucket, service.objects->CreateBucket(QueryText(request, "project"), body["name"].as_string()));
    return BucketJson(service, bucket);
  };
  return Answer(answer());
}

http::Response GetBucket(const Service& service, http::Request&, const PathValues& path) {
  const auto answer = [&]() -> base::Result<Json> {
    DH_ASSIGN(const store::Bucket bucket, service.objects->GetBucket(path["bucket"]));
    return BucketJson(service, bucket);
  };
  return Answer(answer());
}

http::Response DeleteBucket(const Service& service, http::Request&, const PathValues& path) {
  const base::Status done = service.objects->DeleteBucket(path["bucket"]);
  if (!done.ok() && done.error().code == base::ErrorCode::kFailedPrecondition) return StorageError(409, done.error().message);
  if (!done.ok()) return StorageError(done.error());
  return {.status = 204, .headers = {}, .body = "", .stream = nullptr, .length = std::nullopt};
}

// Whether the bucket has real folders: gcloud asks before it removes with wildcards.
http::Response GetStorageLayout(const Service& service, http::Request&, const PathValues& path) {
  const auto answer = [&]() -> base::Result<Json> {
    DH_ASSIGN(const store::Bucket bucket, service.objects->GetBucket(path["bucket"]));
    Json flat = Json::MakeObject();
    flat.Set("enabled", false);
    Json json = Json::MakeObject();
    json.Set("kind", "storage#storageLayout").Set("bucket", bucket.name).Set("location", "LOCAL");
    return json.Set("locationType", "region").Set("hierarchicalNamespace", std::move(flat));
  };
  return Answer(answer());
}

}  // namespace dicomhouse::api::storage
