#include "cli/storage_client.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/object_glob.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;

std::string BucketPath(const std::string& bucket) { return "/storage/v1/b/" + http::PercentEncode(bucket); }

std::string ObjectPath(const store::ObjectUri& uri) { return BucketPath(uri.bucket) + "/o/" + http::PercentEncode(uri.object); }

}  // namespace

DescriptorBody::DescriptorBody(int descriptor) : descriptor_(descriptor) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode)) length_ = static_cast<uint64_t>(facts.st_size);
}

base::Result<size_t> DescriptorBody::Read(std::span<uint8_t> out) {
  while (true) {
    const ssize_t got = ::read(descriptor_, out.data(), out.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return Error{ErrorCode::kIo, std::string("can't read: ") + std::strerror(errno)};
  }
}

base::Result<Json> StorageClient::Upload(http::BodyReader& contents, const store::ObjectUri& to) {
  http::ClientRequest request;
  request.method = "POST";
  request.target = "/upload" + BucketPath(to.bucket) + "/o?uploadType=media&name=" + http::PercentEncode(to.object);
  request.headers.Set("Content-Type", "application/octet-stream");
  request.stream = &contents;
  DH_ASSIGN(const http::ClientResponse response, api_->Send(std::move(request)));
  return Json::Parse(response.body);
}

base::Status StorageClient::Download(const store::ObjectUri& from, const http::Client::Sink& sink) {
  http::ClientRequest request;
  request.target = "/download" + ObjectPath(from) + "?alt=media";
  DH_CHECK(api_->Send(std::move(request), sink));
  return {};
}

base::Status StorageClient::Copy(const store::ObjectUri& from, const store::ObjectUri& to) {
  const std::string target =
      ObjectPath(from) + "/rewriteTo/b/" + http::PercentEncode(to.bucket) + "/o/" + http::PercentEncode(to.object);
  DH_CHECK(api_->Call("POST", target, Json::MakeObject()));
  return {};
}

base::Status StorageClient::Delete(const store::ObjectUri& object) {
  DH_CHECK(api_->Call("DELETE", ObjectPath(object)));
  return {};
}

base::Result<Json> StorageClient::Get(const store::ObjectUri& object) { return api_->Call("GET", ObjectPath(object)); }

base::Result<StorageClient::Listing> StorageClient::List(const std::string& bucket, const std::string& prefix,
                                                         const std::string& delimiter) {
  Listing listing;
  std::string token;
  do {
    std::string target = BucketPath(bucket) + "/o?prefix=" + http::PercentEncode(prefix);
    if (!delimiter.empty()) target += "&delimiter=" + http::PercentEncode(delimiter);
    if (!token.empty()) target += "&pageToken=" + http::PercentEncode(token);
    DH_ASSIGN(const Json page, api_->Call("GET", target));
    for (const Json& object : page["items"].array()) listing.objects.push_back(object);
    for (const Json& name : page["prefixes"].array()) listing.prefixes.push_back(name.as_string());
    token = page["nextPageToken"].as_string();
  } while (!token.empty());
  return listing;
}

base::Result<std::vector<Json>> StorageClient::ListBuckets(const std::string& project, int64_t page_size) {
  std::vector<Json> buckets;
  std::string token;
  do {
    std::string target = "/storage/v1/b?project=" + http::PercentEncode(project);
    if (page_size > 0) target += "&maxResults=" + std::to_string(page_size);
    if (!token.empty()) target += "&pageToken=" + http::PercentEncode(token);
    DH_ASSIGN(const Json page, api_->Call("GET", target));
    for (const Json& bucket : page["items"].array()) buckets.push_back(bucket);
    token = page["nextPageToken"].as_string();
  } while (!token.empty());
  return buckets;
}

base::Status StorageClient::CreateBucket(const std::string& project, const std::string& name) {
  Json body = Json::MakeObject();
  DH_CHECK(api_->Call("POST", "/storage/v1/b?project=" + http::PercentEncode(project), body.Set("name", name)));
  return {};
}

base::Status StorageClient::DeleteBucket(const std::string& name) {
  DH_CHECK(api_->Call("DELETE", BucketPath(name)));
  return {};
}

base::Result<std::vector<std::string>> StorageClient::Expand(const store::ObjectUri& uri, bool recursive) {
  std::vector<std::string> names;
  if (ObjectGlob::IsWild(uri.object)) {
    const ObjectGlob pattern(uri.object);
    DH_ASSIGN(const Listing listing, List(uri.bucket, pattern.prefix(), ""));
    for (const Json& object : listing.objects) {
      if (pattern.Matches(object["name"].as_string())) names.push_back(object["name"].as_string());
    }
  } else if (recursive) {
    DH_ASSIGN(const Listing listing, List(uri.bucket, uri.object, ""));
    const std::string folder = uri.object.empty() || uri.object.ends_with('/') ? uri.object : uri.object + "/";
    for (const Json& object : listing.objects) {
      const std::string& name = object["name"].as_string();
      if (name == uri.object || name.starts_with(folder)) names.push_back(name);
    }
  } else {
    const auto found = Get(uri);
    if (!found.ok() && found.error().code != ErrorCode::kNotFound) return found.error();
    if (found.ok()) names.push_back(uri.object);
  }
  if (names.empty()) return Error{ErrorCode::kNotFound, "The following URLs matched no objects or files:\n" + uri.Text()};
  return names;
}

}  // namespace dicomhouse::cli
