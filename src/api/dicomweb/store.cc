// The Store transaction (STOW-RS, PS3.18 §10.5): parts go to the store as they come, and are committed in groups.
#include <memory>
#include <span>
#include <utility>

#include "api/dicomweb/dicomweb.h"
#include "api/dicomweb/store_response.h"
#include "base/limits.h"
#include "dicom/tags.h"
#include "http/multipart.h"

namespace dicomhouse::api::dicomweb {
namespace {

using base::Error;
using base::ErrorCode;

// What is taken from a body at once.
constexpr size_t kReadBytes = 64 << 10;

uint16_t ReasonOf(const Error& error) {
  const bool bytes = error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported;
  return bytes ? kCannotUnderstand : error.code == ErrorCode::kInvalidArgument ? kProcessingFailure : kOutOfResources;
}

// The instances of one request.
class Session {
 public:
  Session(store::Instances& instances, const Resource& resource)
      : instances_(&instances), resource_(&resource), response_(resource.url) {}

  // Reads one instance to the end of `body`. Errors: those of the body only; what the instance lacks is an outcome.
  base::Status Add(http::BodyReader& body);
  // Stores what is waiting.
  void Commit();
  void AddFailure(std::string detail) { Fail({{}, {}, kCannotUnderstand, std::move(detail)}); }

  size_t count() const { return count_; }
  bool broken() const { return io_errors_ > 0 && io_errors_ == count_; }
  const StoreResponse& response() const { return response_; }

 private:
  void Fail(StoreOutcome outcome) {
    ++count_;
    response_.Add(std::move(outcome));
  }

  store::Instances* instances_;
  const Resource* resource_;
  StoreResponse response_;
  // Not cleared, and small enough that the allocator keeps it: one for each request.
  std::unique_ptr<uint8_t[]> buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kReadBytes);
  std::vector<std::unique_ptr<store::Incoming>> group_;
  uint64_t group_bytes_ = 0;
  size_t count_ = 0;
  size_t io_errors_ = 0;
};

base::Status Session::Add(http::BodyReader& body) {
  auto incoming = instances_->Begin(resource_->dicom_store.id);
  base::Status state = incoming.ok() ? base::Status() : base::Status(incoming.error());
  uint64_t bytes = 0;
  const std::span<uint8_t> buffer(buffer_.get(), kReadBytes);
  while (true) {  // to the end in any case: the next part comes behind it
    DH_ASSIGN(const size_t count, body.Read(buffer));
    if (count == 0) break;
    bytes += count;
    if (state.ok()) state = (*incoming)->Append(buffer.first(count));
  }
  if (state.ok()) state = (*incoming)->Finish();
  if (!state.ok()) {
    if (state.error().code == ErrorCode::kIo) ++io_errors_;
    Fail({{}, {}, ReasonOf(state.error()), state.error().message});
    return {};
  }
  const store::InstanceKey& key = (*incoming)->key();
  if (!resource_->key.study.empty() && key.study != resource_->key.study) {
    Fail({key, std::string((*incoming)->header().Text(dicom::kSopClassUidTag)), kDoesNotMatch,
          "The instance is of study " + key.study + ", the request is for study " + resource_->key.study + "."});
    return {};
  }
  group_.push_back(*std::move(incoming));
  group_bytes_ += bytes;
  if (group_.size() >= base::kMaxGroupInstances || group_bytes_ >= base::kMaxGroupBytes) Commit();
  return {};
}

void Session::Commit() {
  if (group_.empty()) return;
  const auto stored = instances_->Commit(group_, store::OnExisting::kRefuse);
  for (size_t i = 0; i < group_.size(); ++i) {
    StoreOutcome outcome{group_[i]->key(), std::string(group_[i]->header().Text(dicom::kSopClassUidTag)), 0, {}};
    if (!stored.ok()) {
      ++io_errors_;
      outcome.failure = kOutOfResources;
      outcome.detail = stored.error().message;
    } else if ((*stored)[i] == store::Stored::kConflict) {
      outcome.failure = kDuplicateInstance;
      outcome.detail = "An instance already exists in this DICOM store with the same UIDs, and its bytes differ.";
    }
    Fail(std::move(outcome));
  }
  group_.clear();
  group_bytes_ = 0;
}

base::Status ReadParts(Session& session, http::BodyReader& body, const std::string& boundary) {
  http::MultipartReader parts(body, boundary);
  while (true) {
    DH_ASSIGN(const bool more, parts.NextPart());
    if (!more) return {};
    if (session.count() >= base::kMaxParts) {
      return Error{ErrorCode::kLimit, "the request has more than " + std::to_string(base::kMaxParts) + " parts"};
    }
    const std::string_view given = parts.headers().Get("Content-Type");
    const auto type = http::ParseMediaType(given);
    if (!given.empty() && (!type || type->Essence() != "application/dicom")) {
      session.AddFailure("A part has the type " + std::string(given.substr(0, 100)) + "; application/dicom is needed.");
      continue;
    }
    DH_CHECK(session.Add(parts));
  }
}

// Whether the answer is to be XML: only when the client wants it more than JSON.
bool WantsXml(const http::Request& request) {
  for (const http::AcceptRange& range : AcceptOf(request)) {
    if (http::Matches(range.range, "application", "dicom+json") || range.range.Essence() == "application/json") return false;
    if (range.range.Essence() == "application/dicom+xml") return true;
  }
  return false;
}

}  // namespace

http::Response Store(const Context& context, http::Request& request, const PathValues& path) {
  const auto resource = FindResource(context, request, path);
  if (!resource.ok()) return ErrorResponse(resource.error());
  const auto type = http::ParseMediaType(request.headers.Get("Content-Type"));
  const bool single = type && type->Essence() == "application/dicom";
  const bool related = type && type->Essence() == "multipart/related";
  const auto part_type = related ? http::ParseMediaType(type->Parameter("type")) : std::nullopt;
  if (!single && (!related || (part_type && part_type->Essence() != "application/dicom"))) {
    return ErrorResponse(415,
                         "Instances are stored as multipart/related; type=\"application/dicom\", or one as application/dicom.");
  }
  if (!IsPlainBody(request)) return CodingRefused(request);
  const std::string boundary = related ? std::string(type->Parameter("boundary")) : "";
  if (related && boundary.empty()) return ErrorResponse(400, "The Content-Type has no boundary.");
  Session session(*context.instances, *resource);
  const base::Status read = single ? session.Add(*request.body) : ReadParts(session, *request.body, boundary);
  session.Commit();  // what came whole is stored, also when the rest did not: sending it again changes nothing
  if (!read.ok()) return ErrorResponse(read.error());
  if (session.count() == 0) return ErrorResponse(400, "The request has no instances.");
  http::Response response;
  response.status = session.broken() ? 503 : session.response().Status();
  const base::Json document = session.response().Document();
  const bool xml = WantsXml(request);
  response.headers.Set("Content-Type", xml ? "application/dicom+xml" : "application/dicom+json");
  response.body = xml ? ToXml(document) : document.Print();
  return response;
}

}  // namespace dicomhouse::api::dicomweb
