#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <vector>

#include "api/storage/handlers.h"
#include "base/limits.h"
#include "base/text.h"

namespace dicomhouse::api::storage {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;

constexpr size_t kBufferBytes = 256 << 10;

http::Response NoContent() { return {.status = 204, .headers = {}, .body = "", .stream = nullptr, .length = std::nullopt}; }

// The conditions of a request that reads. 0: they hold; otherwise the status: 304, 404 (another generation is asked for), 412.
base::Result<int> CheckConditions(const http::Request& request, const store::Object& object) {
  DH_ASSIGN(const std::optional<int64_t> generation, QueryNumber(request, "generation"));
  if (generation && *generation != object.generation) return 404;
  DH_ASSIGN(const std::optional<int64_t> same, QueryNumber(request, "ifGenerationMatch"));
  DH_ASSIGN(const std::optional<int64_t> same_meta, QueryNumber(request, "ifMetagenerationMatch"));
  if ((same && *same != object.generation) || (same_meta && *same_meta != object.metageneration)) return 412;
  DH_ASSIGN(const std::optional<int64_t> other, QueryNumber(request, "ifGenerationNotMatch"));
  DH_ASSIGN(const std::optional<int64_t> other_meta, QueryNumber(request, "ifMetagenerationNotMatch"));
  if ((other && *other == object.generation) || (other_meta && *other_meta == object.metageneration)) return 304;
  return 0;
}

http::Response ConditionAnswer(int status, const store::Object& object) {
  const std::string name = object.bucket + "/" + object.name;
  if (status == 404) return StorageError(404, "No such object: " + name);
  if (status == 412) return StorageError(412, "At least one of the pre-conditions you specified did not hold.");
  http::Response response = NoContent();
  response.status = 304;
  response.headers.Set("ETag", EtagOf(object));
  return response;
}

// RFC 9110 §5.6.7: "Mon, 23 Nov 2026 18:20:05 GMT", whatever the locale.
std::string HttpDate(int64_t microseconds) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = microseconds / 1'000'000;
  std::tm utc = {};
  ::gmtime_r(&time, &utc);
  std::array<char, 64> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y %H:%M:%S GMT", &utc);
  const std::string day = std::to_string(utc.tm_mday);
  return std::string(kDays[utc.tm_wday]) + ", " + (day.size() < 2 ? "0" : "") + day + " " + kMonths[utc.tm_mon] + " " +
         std::string(text.data(), length);
}

http::Headers ContentHeaders(const store::Object& object) {
  const std::string size = std::to_string(object.size);
  http::Headers headers;
  headers.Set("Content-Type", object.content_type.empty() ? "application/octet-stream" : object.content_type);
  headers.Set("ETag", EtagOf(object));
  headers.Set("Last-Modified", HttpDate(object.updated_us));
  headers.Set("Accept-Ranges", "bytes");
  headers.Set("X-Goog-Generation", std::to_string(object.generation));
  headers.Set("X-Goog-Metageneration", std::to_string(object.metageneration));
  headers.Set("X-Goog-Storage-Class", "STANDARD");
  headers.Set("X-Goog-Hash", "crc32c=" + Crc32cText(object.crc32c) + ",md5=" + base::Base64(object.md5));
  headers.Set("X-Goog-Stored-Content-Encoding", "identity");
  headers.Set("X-Goog-Stored-Content-Length", size);
  return headers;
}

base::Status SendRange(store::ObjectReader& reader, http::ByteRange range, http::BodyWriter& out) {
  std::vector<uint8_t> buffer(std::min<uint64_t>(kBufferBytes, range.end - range.begin));
  for (uint64_t at = range.begin; at < range.end;) {
    const size_t want = std::min<uint64_t>(buffer.size(), range.end - at);
    DH_ASSIGN(const size_t got, reader.ReadAt(at, {buffer.data(), want}));
    if (got == 0)
      return Error{ErrorCode::kCorrupt, "gs://" + reader.object().bucket + "/" + reader.object().name + ": is cut short"};
    DH_CHECK(out.Write({reinterpret_cast<const char*>(buffer.data()), got}));
    at += got;
  }
  return {};
}

// The copy's own resource: what the body has not is the source's.
base::Result<store::Object> CopyTo(const Service& service, http::Request& request, const PathValues& path) {
  DH_CHECK(
      RefuseQueries(request, {"ifSourceGenerationNotMatch", "ifSourceMetagenerationMatch", "ifSourceMetagenerationNotMatch"}));
  DH_ASSIGN(const std::optional<int64_t> condition, WriteCondition(request));
  DH_ASSIGN(const Json body, ReadJson(request));
  DH_ASSIGN(store::Object to, service.objects->Get(path["bucket"], path["object"]));
  DH_ASSIGN(std::optional<int64_t> source, QueryNumber(request, "ifSourceGenerationMatch"));
  if (!source) {
    DH_ASSIGN(source, QueryNumber(request, "sourceGeneration"));
  }
  if (source && *source != to.generation) {
    return Error{ErrorCode::kFailedPrecondition, "The source's generation is " + std::to_string(to.generation) + "."};
  }
  DH_CHECK(ApplyResource(body, to));
  to.bucket = path["to_bucket"];
  to.name = path["to_object"];
  return service.objects->Copy(path["bucket"], path["object"], to, condition);
}

}  // namespace

http::Response ListObjects(const Service& service, http::Request& request, const PathValues& path) {
  const auto answer = [&]() -> base::Result<Json> {
    DH_CHECK(RefuseQueries(request, {"matchGlob", "startOffset", "endOffset"}));
    DH_ASSIGN(const store::PageRequest page, PageOf(request));
    DH_ASSIGN(const store::Objects::Listing listing,
              service.objects->List(path["bucket"], QueryText(request, "prefix"), QueryText(request, "delimiter"), page));
    Json json = Json::MakeObject();
    json.Set("kind", "storage#objects");
    if (!listing.next.empty()) json.Set("nextPageToken", listing.next);
    Json prefixes = Json::MakeArray();
    for (const std::string& prefix : listing.prefixes) prefixes.Append(prefix);
    if (!listing.prefixes.empty()) json.Set("prefixes", std::move(prefixes));
    Json items = Json::MakeArray();
    for (const store::Object& object : listing.objects) items.Append(ObjectJson(service, object));
    if (!listing.objects.empty()) json.Set("items", std::move(items));
    return json;
  };
  return Answer(answer());
}

http::Response GetObject(const Service& service, http::Request& request, const PathValues& path) {
  if (QueryText(request, "alt") == "media") return DownloadObject(service, request, path);
  const auto object = service.objects->Get(path["bucket"], path["object"]);
  if (!object.ok()) return StorageError(object.error());
  const auto status = CheckConditions(request, *object);
  if (!status.ok()) return StorageError(status.error());
  return *status == 0 ? JsonResponse(ObjectJson(service, *object)) : ConditionAnswer(*status, *object);
}

http::Response DownloadObject(const Service& service, http::Request& request, const PathValues& path) {
  auto opened = service.objects->Read(path["bucket"], path["object"]);
  if (!opened.ok()) return StorageError(opened.error());
  const std::shared_ptr<store::ObjectReader> reader = *std::move(opened);
  const store::Object& object = reader->object();
  const auto status = CheckConditions(request, object);
  if (!status.ok()) return StorageError(status.error());
  if (*status != 0) return ConditionAnswer(*status, object);

  const auto asked = http::ParseRange(request.headers.Get("Range"), object.size);
  if (!asked.ok()) {
    http::Response response = StorageError(416, "The requested range cannot be satisfied.");
    response.headers.Set("Content-Range", "bytes */" + std::to_string(object.size));
    return response;
  }
  const http::ByteRange range = asked->value_or(http::ByteRange{0, object.size});
  http::Response response;
  response.headers = ContentHeaders(object);
  if (asked->has_value()) {
    response.status = 206;
    response.headers.Set("Content-Range", "bytes " + std::to_string(range.begin) + "-" + std::to_string(range.end - 1) + "/" +
                                              std::to_string(object.size));
  }
  response.length = range.end - range.begin;
  response.stream = [reader, range](http::BodyWriter& out) { return SendRange(*reader, range, out); };
  return response;
}

http::Response PatchObject(const Service& service, http::Request& request, const PathValues& path) {
  const auto answer = [&]() -> base::Result<Json> {
    DH_CHECK(RefuseQueries(request, {"ifGenerationNotMatch", "ifMetagenerationNotMatch"}));
    DH_ASSIGN(const std::optional<int64_t> generation, QueryNumber(request, "ifGenerationMatch"));
    DH_ASSIGN(const std::optional<int64_t> metageneration, QueryNumber(request, "ifMetagenerationMatch"));
    DH_ASSIGN(const Json body, ReadJson(request));
    DH_ASSIGN(store::Object object, service.objects->Get(path["bucket"], path["object"]));
    if (generation && *generation != object.generation) {
      return Error{ErrorCode::kFailedPrecondition, "The object's generation is " + std::to_string(object.generation) + "."};
    }
    // A patch changes the keys it names, and removes those it sets to null (RFC 7396).
    Json patch = body;
    if (request.method == "PATCH" && body["metadata"].is_object()) {
      Json merged = object.metadata;
      for (const auto& [key, value] : body["metadata"].object()) {
        if (value.is_null()) {
          merged.Remove(key);
        } else {
          merged.Set(key, value);
        }
      }
      patch.Set("metadata", std::move(merged));
    }
    DH_CHECK(ApplyResource(patch, object));
    object.name = path["object"];
    // The metageneration that was read: what somebody else changed meanwhile is not overwritten.
    const int64_t read = object.metageneration;
    DH_ASSIGN(const store::Object updated, service.objects->Update(object, metageneration.value_or(read)));
    return ObjectJson(service, updated);
  };
  return Answer(answer());
}

http::Response DeleteObject(const Service& service, http::Request& request, const PathValues& path) {
  const auto done = [&]() -> base::Status {
    DH_ASSIGN(const std::optional<int64_t> condition, WriteCondition(request));
    DH_ASSIGN(const std::optional<int64_t> generation, QueryNumber(request, "generation"));
    if (condition || !generation) return service.objects->Delete(path["bucket"], path["object"], condition);
    base::Status deleted = service.objects->Delete(path["bucket"], path["object"], generation);
    if (deleted.ok() || deleted.error().code != ErrorCode::kFailedPrecondition) return deleted;
    return Error{ErrorCode::kNotFound,
                 "No such object: " + path["bucket"] + "/" + path["object"] + "#" + std::to_string(*generation)};
  }();
  return done.ok() ? NoContent() : StorageError(done.error());
}

http::Response CopyObject(const Service& service, http::Request& request, const PathValues& path) {
  const auto answer = [&]() -> base::Result<Json> {
    DH_ASSIGN(const store::Object copy, CopyTo(service, request, path));
    return ObjectJson(service, copy);
  };
  return Answer(answer());
}

// One call does all of it: no rewriteToken is ever given.
http::Response RewriteObject(const Service& service, http::Request& request, const PathValues& path) {
  const auto answer = [&]() -> base::Result<Json> {
    DH_ASSIGN(const store::Object copy, CopyTo(service, request, path));
    const std::string size = std::to_string(copy.size);
    Json json = Json::MakeObject();
    json.Set("kind", "storage#rewriteResponse").Set("totalBytesRewritten", size).Set("objectSize", size);
    return json.Set("done", true).Set("resource", ObjectJson(service, copy));
  };
  return Answer(answer());
}

http::Response ComposeObject(const Service& service, http::Request& request, const PathValues& path) {
  const auto answer = [&]() -> base::Result<Json> {
    DH_ASSIGN(const std::optional<int64_t> condition, WriteCondition(request));
    DH_ASSIGN(const Json body, ReadJson(request));
    std::vector<store::ObjectPart> parts;
    for (const Json& source : body["sourceObjects"].array()) {
      const std::string& generation = source["generation"].as_string();
      parts.push_back({source["name"].as_string(), generation.empty() ? 0 : std::strtoll(generation.c_str(), nullptr, 10)});
    }
    store::UploadRequest upload;
    upload.if_generation = condition;
    DH_CHECK(ApplyResource(body["destination"], upload.object));
    upload.object.bucket = path["bucket"];
    upload.object.name = path["object"];
    DH_ASSIGN(const store::Object object, store::Compose(*service.objects, upload, parts));
    return ObjectJson(service, object);
  };
  return Answer(answer());
}

}  // namespace dicomhouse::api::storage
