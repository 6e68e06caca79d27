#include "api/storage/resources.h"

#include <charconv>

#include "base/limits.h"
#include "base/text.h"

namespace dicomhouse::api::storage {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;

// As Google's reference "HTTP status and error codes for JSON" names them.
std::string ReasonOf(int status) {
  switch (status) {
    case 400:
      return "invalid";
    case 401:
      return "authError";
    case 404:
      return "notFound";
    case 405:
      return "methodNotAllowed";
    case 409:
      return "conflict";
    case 412:
      return "conditionNotMet";
    case 413:
      return "uploadTooLarge";
    case 416:
      return "requestedRangeNotSatisfiable";
    case 501:
      return "notImplemented";
    default:
      return "backendError";
  }
}

int HttpStatusOf(ErrorCode code) {
  if (code == ErrorCode::kFailedPrecondition) return 412;
  if (code == ErrorCode::kCorrupt) return 500;   // of our own files
  if (code == ErrorCode::kConflict) return 503;  // clients try again
  return StatusOf(code).http;
}

std::string ObjectPath(const store::Object& object) {
  return "/storage/v1/b/" + http::PercentEncode(object.bucket) + "/o/" + http::PercentEncode(object.name);
}

base::Status SetMd5(std::string_view text, store::ObjectSums& sums) {
  const auto bytes = base::DecodeBase64(text);
  if (!bytes || bytes->size() != 16) return Error{ErrorCode::kInvalidArgument, "an MD5 is 16 bytes in base64"};
  sums.md5 = *bytes;
  return {};
}

base::Status SetCrc32c(std::string_view text, store::ObjectSums& sums) {
  const auto bytes = base::DecodeBase64(text);
  if (!bytes || bytes->size() != 4) return Error{ErrorCode::kInvalidArgument, "a CRC32C is 4 bytes in base64"};
  uint32_t crc32c = 0;
  for (const char byte : *bytes) crc32c = crc32c << 8 | static_cast<unsigned char>(byte);
  sums.crc32c = crc32c;
  return {};
}

}  // namespace

std::string Crc32cText(uint32_t crc32c) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(crc32c >> shift & 0xFF);
  return base::Base64(bytes);
}

std::string EtagOf(const store::Object& object) {
  return base::Base64(std::to_string(object.generation) + "/" + std::to_string(object.metageneration));
}

Json BucketJson(const Service& service, const store::Bucket& bucket) {
  const std::string created = Rfc3339(bucket.created_us);
  Json json = Json::MakeObject();
  json.Set("kind", "storage#bucket").Set("id", bucket.name);
  json.Set("selfLink", service.url + "/storage/v1/b/" + http::PercentEncode(bucket.name));
  json.Set("projectNumber", "0").Set("name", bucket.name).Set("metageneration", "1");
  json.Set("location", "LOCAL").Set("locationType", "region").Set("storageClass", "STANDARD");
  return json.Set("etag", "CAE=").Set("timeCreated", created).Set("updated", created);
}

Json ObjectJson(const Service& service, const store::Object& object) {
  const std::string generation = std::to_string(object.generation);
  const std::string path = ObjectPath(object);
  Json json = Json::MakeObject();
  json.Set("kind", "storage#object").Set("id", object.bucket + "/" + object.name + "/" + generation);
  json.Set("selfLink", service.url + path);
  json.Set("mediaLink", service.url + "/download" + path + "?generation=" + generation + "&alt=media");
  json.Set("name", object.name).Set("bucket", object.bucket).Set("generation", generation);
  json.Set("metageneration", std::to_string(object.metageneration)).Set("storageClass", "STANDARD");
  if (!object.content_type.empty()) json.Set("contentType", object.content_type);
  json.Set("size", std::to_string(object.size)).Set("md5Hash", base::Base64(object.md5));
  json.Set("crc32c", Crc32cText(object.crc32c)).Set("etag", EtagOf(object));
  const std::string created = Rfc3339(object.created_us);
  json.Set("timeCreated", created).Set("updated", Rfc3339(object.updated_us));
  json.Set("timeStorageClassUpdated", created).Set("timeFinalized", created);
  if (!object.metadata.is_null()) json.Set("metadata", object.metadata);
  return json;
}

http::Response StorageError(int status, const std::string& reason, const std::string& message) {
  Json detail = Json::MakeObject();
  detail.Set("message", message).Set("domain", "global").Set("reason", reason);
  Json error = Json::MakeObject();
  error.Set("code", status).Set("message", message).Set("errors", Json::Array{std::move(detail)});
  Json body = Json::MakeObject();
  return JsonResponse(body.Set("error", std::move(error)), status);
}

http::Response StorageError(int status, const std::string& message) { return StorageError(status, ReasonOf(status), message); }

http::Response StorageError(const Error& error) { return StorageError(HttpStatusOf(error.code), error.message); }

http::Response Answer(const base::Result<Json>& json) { return json.ok() ? JsonResponse(*json) : StorageError(json.error()); }

base::Result<std::optional<int64_t>> QueryNumber(const http::Request& request, std::string_view name) {
  const std::string* text = request.target.Query(name);
  if (text == nullptr) return std::optional<int64_t>();
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (code != std::errc() || end != text->data() + text->size() || number < 0) {
    return Error{ErrorCode::kInvalidArgument, "Invalid value for " + std::string(name) + ": '" + *text + "'"};
  }
  return std::optional<int64_t>(number);
}

std::string QueryText(const http::Request& request, std::string_view name) {
  const std::string* text = request.target.Query(name);
  return text == nullptr ? "" : *text;
}

base::Result<store::PageRequest> PageOf(const http::Request& request) {
  DH_ASSIGN(const std::optional<int64_t> size, QueryNumber(request, "maxResults"));
  store::PageRequest page{base::kMaxPageSize, QueryText(request, "pageToken")};
  if (size && *size > 0 && *size < base::kMaxPageSize) page.size = static_cast<int>(*size);
  return page;
}

base::Status RefuseQueries(const http::Request& request, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (request.target.Query(name) != nullptr) {
      return Error{ErrorCode::kInvalidArgument, "This server does not support the parameter " + std::string(name) + " here."};
    }
  }
  return {};
}

base::Result<std::optional<int64_t>> WriteCondition(const http::Request& request) {
  DH_CHECK(RefuseQueries(request, {"ifGenerationNotMatch", "ifMetagenerationMatch", "ifMetagenerationNotMatch"}));
  return QueryNumber(request, "ifGenerationMatch");
}

base::Status ApplyResource(const Json& resource, store::Object& object) {
  for (const std::string_view name : {"name", "contentType"}) {
    const Json& value = resource[name];
    if (!value.is_null() && !value.is_string())
      return Error{ErrorCode::kInvalidArgument, std::string(name) + " must be a string"};
  }
  if (resource["name"].is_string()) object.name = resource["name"].as_string();
  if (resource["contentType"].is_string()) object.content_type = resource["contentType"].as_string();
  const Json* metadata = resource.find("metadata");
  if (metadata == nullptr) return {};
  for (const auto& [key, value] : metadata->object()) {
    if (!value.is_string()) return Error{ErrorCode::kInvalidArgument, "metadata." + key + " must be a string"};
  }
  object.metadata = metadata->object().empty() ? Json() : *metadata;
  return {};
}

base::Status ApplySums(const Json& resource, store::ObjectSums& sums) {
  if (const Json* md5 = resource.find("md5Hash"); md5 != nullptr && !md5->is_null()) DH_CHECK(SetMd5(md5->as_string(), sums));
  if (const Json* crc = resource.find("crc32c"); crc != nullptr && !crc->is_null()) DH_CHECK(SetCrc32c(crc->as_string(), sums));
  return {};
}

base::Status ApplyHashHeader(std::string_view header, store::ObjectSums& sums) {
  while (!header.empty()) {
    std::string_view item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), item.size() + 1));
    while (item.starts_with(' ')) item.remove_prefix(1);
    if (item.starts_with("md5=")) DH_CHECK(SetMd5(item.substr(4), sums));
    if (item.starts_with("crc32c=")) DH_CHECK(SetCrc32c(item.substr(7), sums));
  }
  return {};
}

}  // namespace dicomhouse::api::storage
