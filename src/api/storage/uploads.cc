// Uploads: media, multipart (multipart/related, RFC 2387), and resumable with the Content-Range of RFC 9110 §14.4 in requests.
#include <charconv>
#include <vector>

#include "api/storage/handlers.h"
#include "base/limits.h"
#include "http/multipart.h"

namespace dicomhouse::api::storage {
namespace {

// Nothing for what is no number of 64 bits.
std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

using base::Error;
using base::ErrorCode;
using base::Json;

Error Invalid(std::string text) { return {ErrorCode::kInvalidArgument, std::move(text)}; }

store::BytePull PullOf(http::BodyReader& body) {
  return [&body](std::span<uint8_t> out) { return body.Read(out); };
}

base::Result<Json> ParseResource(std::string_view text) {
  text = WithoutByteOrderMark(text);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return Json::MakeObject();
  auto json = Json::Parse(text);
  if (!json.ok() || !json->is_object()) return Invalid("the object's metadata must be a JSON object");
  return *std::move(json);
}

// What query and headers say of the object that is to be written.
base::Result<store::UploadRequest> RequestOf(const http::Request& request, const PathValues& path) {
  store::UploadRequest upload;
  DH_ASSIGN(upload.if_generation, WriteCondition(request));
  upload.object.bucket = path["bucket"];
  upload.object.name = QueryText(request, "name");
  DH_CHECK(ApplyHashHeader(request.headers.Get("X-Goog-Hash"), upload.sums));
  return upload;
}

base::Status CheckName(const store::Object& object) {
  if (object.name.empty()) return Invalid("Required parameter: name");
  return {};
}

base::Result<store::Object> UploadMedia(const Service& service, http::Request& request, store::UploadRequest upload) {
  DH_CHECK(CheckName(upload.object));
  upload.object.content_type = request.headers.Get("Content-Type");
  return store::Upload(*service.objects, upload, PullOf(*request.body));
}

base::Result<store::Object> UploadMultipart(const Service& service, http::Request& request, store::UploadRequest upload) {
  const auto type = http::ParseMediaType(request.headers.Get("Content-Type"));
  std::string_view boundary = type ? type->Parameter("boundary") : "";
  // gsutil writes boundary='...': quotes of a kind that no standard has, and that are no part of it.
  if (boundary.size() > 2 && boundary.starts_with('\'') && boundary.ends_with('\''))
    boundary = boundary.substr(1, boundary.size() - 2);
  if (!type || type->type != "multipart" || boundary.empty())
    return Invalid("a multipart upload is multipart/related with a boundary");
  http::MultipartReader parts(*request.body, std::string(boundary));
  DH_ASSIGN(const bool has_resource, parts.NextPart());
  if (!has_resource) return Invalid("a multipart upload has two parts: metadata and contents");
  DH_ASSIGN(const std::string text, http::ReadAll(parts, base::kMaxJsonBodyBytes));
  DH_ASSIGN(const Json resource, ParseResource(text));
  DH_CHECK(ApplyResource(resource, upload.object));
  DH_CHECK(ApplySums(resource, upload.sums));
  DH_CHECK(CheckName(upload.object));
  DH_ASSIGN(const bool has_contents, parts.NextPart());
  if (!has_contents) return Invalid("a multipart upload has two parts: metadata and contents");
  if (upload.object.content_type.empty()) upload.object.content_type = parts.headers().Get("Content-Type");
  bool ended = false;
  return store::Upload(*service.objects, upload, [&](std::span<uint8_t> out) -> base::Result<size_t> {
    if (ended) return size_t{0};
    DH_ASSIGN(const size_t got, parts.Read(out));
    if (got > 0) return got;
    ended = true;  // the closing delimiter must come before the object is there
    DH_ASSIGN(const bool third, parts.NextPart());
    if (third) return Invalid("a multipart upload has two parts, and this one has more");
    return size_t{0};
  });
}

http::Response BeginResumable(const Service& service, http::Request& request, store::UploadRequest upload) {
  const auto begun = [&]() -> base::Result<std::string> {
    DH_ASSIGN(const Json resource, ReadJson(request));
    upload.object.content_type = request.headers.Get("X-Upload-Content-Type");
    DH_CHECK(ApplyResource(resource, upload.object));
    DH_CHECK(ApplySums(resource, upload.sums));
    DH_CHECK(CheckName(upload.object));
    const std::string_view length = request.headers.Get("X-Upload-Content-Length");
    if (!length.empty()) {
      upload.sums.size = NumberOf(length);
      if (!upload.sums.size) return Invalid("X-Upload-Content-Length must be a number");
    }
    return service.uploads->Begin(upload);
  }();
  if (!begun.ok()) return StorageError(begun.error());
  http::Response response;
  response.headers.Set("X-GUploader-UploadID", *begun);
  response.headers.Set("Location", service.url + "/upload/storage/v1/b/" + http::PercentEncode(upload.object.bucket) +
                                       "/o?uploadType=resumable&name=" + http::PercentEncode(upload.object.name) +
                                       "&upload_id=" + *begun);
  return response;
}

// "bytes 0-99/200", "bytes 0-99/*", "bytes */200", "bytes */*".
struct ContentRange {
  std::optional<http::ByteRange> range;
  std::optional<uint64_t> total;
};

base::Result<ContentRange> ParseContentRange(std::string_view header) {
  const Error wrong = Invalid("'" + std::string(header) + "' is no Content-Range");
  constexpr std::string_view kUnit = "bytes ";
  const size_t slash = header.find('/');
  if (!header.starts_with(kUnit) || slash == std::string_view::npos || slash < kUnit.size()) return wrong;
  const std::string_view range = header.substr(kUnit.size(), slash - kUnit.size());
  const std::string_view total = header.substr(slash + 1);
  ContentRange parsed;
  if (total != "*") {
    parsed.total = NumberOf(total);
    if (!parsed.total) return wrong;
  }
  if (range == "*") return parsed;
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return wrong;
  const auto first = NumberOf(range.substr(0, dash));
  const auto last = NumberOf(range.substr(dash + 1));
  if (!first || !last || *last < *first || *last == UINT64_MAX || (parsed.total && *last >= *parsed.total)) return wrong;
  parsed.range = http::ByteRange{*first, *last + 1};
  return parsed;
}

base::Result<store::Uploads::State> Continue(const Service& service, http::Request& request, const std::string& id) {
  const std::string_view header = request.headers.Get("Content-Range");
  if (header.empty()) return service.uploads->Append(id, {}, PullOf(*request.body));
  DH_ASSIGN(const ContentRange range, ParseContentRange(header));
  if (!range.range) return service.uploads->Look(id, range.total);
  const store::Uploads::Piece piece{range.range->begin, range.range->end - range.range->begin, range.total};
  return service.uploads->Append(id, piece, PullOf(*request.body));
}

}  // namespace

http::Response BeginUpload(const Service& service, http::Request& request, const PathValues& path) {
  // Some clients send the pieces of a resumable upload with POST.
  if (request.target.Query("upload_id") != nullptr) return ContinueUpload(service, request, path);
  auto upload = RequestOf(request, path);
  if (!upload.ok()) return StorageError(upload.error());
  const std::string type = QueryText(request, "uploadType");
  if (type == "resumable") return BeginResumable(service, request, *std::move(upload));
  if (type != "media" && type != "multipart") return StorageError(400, "uploadType must be media, multipart or resumable");
  const auto object =
      type == "media" ? UploadMedia(service, request, *std::move(upload)) : UploadMultipart(service, request, *std::move(upload));
  return object.ok() ? JsonResponse(ObjectJson(service, *object)) : StorageError(object.error());
}

http::Response ContinueUpload(const Service& service, http::Request& request, const PathValues&) {
  const auto state = Continue(service, request, QueryText(request, "upload_id"));
  if (!state.ok()) return StorageError(state.error());
  if (state->object) return JsonResponse(ObjectJson(service, *state->object));
  http::Response response;
  // 308 is "Resume Incomplete" here. Clients for which it is a redirection ask for another form.
  if (request.headers.Get("X-GUploader-No-308") == "yes") {
    response.headers.Set("X-HTTP-Status-Code-Override", "308");
  } else {
    response.status = 308;
  }
  if (state->size > 0) response.headers.Set("Range", "bytes=0-" + std::to_string(state->size - 1));
  return response;
}

http::Response CancelUpload(const Service& service, http::Request& request, const PathValues&) {
  const base::Status done = service.uploads->Cancel(QueryText(request, "upload_id"));
  if (!done.ok()) return StorageError(done.error());
  http::Response response;
  response.status = 499;  // "Client Closed Request": what Cloud Storage answers
  return response;
}

}  // namespace dicomhouse::api::storage
