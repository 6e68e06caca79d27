#include "store/uploads.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace dicomhouse::store {
namespace {

using base::Error;
using base::ErrorCode;
using Clock = std::chrono::steady_clock;

constexpr size_t kBufferBytes = 256 << 10;

Error Invalid(std::string text) { return {ErrorCode::kInvalidArgument, std::move(text)}; }

base::Status CheckSums(const ObjectWriter& writer, const ObjectSums& sums) {
  if (sums.size && *sums.size != writer.size()) {
    return Invalid("the contents have " + std::to_string(writer.size()) + " bytes, not " + std::to_string(*sums.size));
  }
  if (!sums.md5.empty() && sums.md5 != writer.Md5()) return Invalid("the contents have another MD5 than the one given");
  if (sums.crc32c && *sums.crc32c != writer.Crc32c()) return Invalid("the contents have another CRC32C than the one given");
  return {};
}

// 128 random bits as hexadecimal digits.
std::string NewId() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  std::string id;
  for (const unsigned char byte : bytes) {
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

}  // namespace

base::Result<Object> Upload(Objects& objects, const UploadRequest& request, const BytePull& pull) {
  DH_ASSIGN(const std::unique_ptr<ObjectWriter> writer, objects.Write(request.object));
  std::vector<uint8_t> buffer(kBufferBytes);
  while (true) {
    DH_ASSIGN(const size_t got, pull(buffer));
    if (got == 0) break;
    DH_CHECK(writer->Append({buffer.data(), got}));
  }
  DH_CHECK(CheckSums(*writer, request.sums));
  return writer->Finish(request.if_generation);
}

base::Result<Object> Compose(Objects& objects, const UploadRequest& request, const std::vector<ObjectPart>& parts) {
  if (parts.empty() || parts.size() > base::kMaxComposedObjects) {
    return Invalid("an object is composed of 1 to " + std::to_string(base::kMaxComposedObjects) + " others");
  }
  std::vector<std::unique_ptr<ObjectReader>> readers;
  for (const ObjectPart& part : parts) {
    DH_ASSIGN(auto reader, objects.Read(request.object.bucket, part.name));
    if (part.generation != 0 && part.generation != reader->object().generation) {
      return Error{ErrorCode::kNotFound,
                   "gs://" + request.object.bucket + "/" + part.name + ": has no generation " + std::to_string(part.generation)};
    }
    readers.push_back(std::move(reader));
  }
  size_t index = 0;
  uint64_t at = 0;
  return Upload(objects, request, [&](std::span<uint8_t> out) -> base::Result<size_t> {
    while (index < readers.size()) {
      DH_ASSIGN(const size_t got, readers[index]->ReadAt(at, out));
      at += got;
      if (got > 0) return got;
      ++index;
      at = 0;
    }
    return size_t{0};
  });
}

struct Uploads::Session {
  std::mutex mutex;
  UploadRequest request;
  std::unique_ptr<ObjectWriter> writer;  // null: complete, or over
  std::optional<Object> object;
  Clock::time_point used = Clock::now();  // guarded by Uploads::mutex_
};

struct Uploads::Hold {
  std::shared_ptr<Session> session;
  std::unique_lock<std::mutex> lock;  // goes before the session does
};

Uploads::Uploads(Objects& objects) : objects_(objects) {}
Uploads::~Uploads() = default;

base::Result<std::string> Uploads::Begin(const UploadRequest& request) {
  auto session = std::make_shared<Session>();
  session->request = request;
  DH_ASSIGN(session->writer, objects_.Write(request.object));
  DH_CHECK(session->writer->Pause());
  std::string id = NewId();
  const std::lock_guard lock(mutex_);
  DropOld();
  sessions_.emplace(id, std::move(session));
  return id;
}

// Requires mutex_. Those that nobody asked for lately, and the one that waited longest when there are too many.
void Uploads::DropOld() {
  const auto oldest = Clock::now() - std::chrono::seconds(base::kMaxUploadIdleSeconds);
  std::erase_if(sessions_, [oldest](const auto& entry) { return entry.second->used < oldest; });
  if (sessions_.size() < base::kMaxUploads) return;
  sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(),
                                   [](const auto& a, const auto& b) { return a.second->used < b.second->used; }));
}

base::Result<Uploads::Hold> Uploads::Find(const std::string& id) {
  Hold hold;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return Error{ErrorCode::kNotFound, "there is no upload of this id; begin again"};
    hold.session = found->second;
    hold.session->used = Clock::now();
  }
  hold.lock = std::unique_lock(hold.session->mutex, std::try_to_lock);
  if (!hold.lock.owns_lock()) return Error{ErrorCode::kConflict, "another request is writing to this upload; try again"};
  if (!hold.session->object && hold.session->writer == nullptr) {
    return Error{ErrorCode::kNotFound, "the upload of this id failed; begin again"};
  }
  return hold;
}

base::Result<Uploads::State> Uploads::FinishIfWhole(const std::string& id, Session& session, std::optional<uint64_t> total) {
  const uint64_t size = session.writer->size();
  if (total && size > *total) {
    return Invalid(std::to_string(size) + " bytes have come, and the contents were said to have " + std::to_string(*total));
  }
  if (!total || size < *total) {
    DH_CHECK(session.writer->Pause());
    return State{size, std::nullopt};
  }
  const std::unique_ptr<ObjectWriter> writer = std::move(session.writer);  // whatever comes of it, it is over
  const base::Status same = CheckSums(*writer, session.request.sums);
  auto object = same.ok() ? writer->Finish(session.request.if_generation) : base::Result<Object>(same.error());
  if (!object.ok()) {
    const std::lock_guard lock(mutex_);
    sessions_.erase(id);
    return object.error();
  }
  session.object = *std::move(object);
  return State{session.object->size, session.object};
}

base::Result<Uploads::State> Uploads::Append(const std::string& id, const Piece& piece, const BytePull& pull) {
  DH_ASSIGN(const Hold hold, Find(id));
  Session& session = *hold.session;
  if (session.object) return State{session.object->size, session.object};
  ObjectWriter& writer = *session.writer;
  if (piece.begin > writer.size()) {
    return Invalid("the piece begins at byte " + std::to_string(piece.begin) + ", and only " + std::to_string(writer.size()) +
                   " have come");
  }
  uint64_t at = piece.begin;
  std::vector<uint8_t> buffer(kBufferBytes);
  while (true) {
    auto got = pull(buffer);
    if (!got.ok()) {
      DH_CHECK(writer.Pause());
      return got.error();
    }
    if (*got == 0) break;
    if (piece.length && at + *got > piece.begin + *piece.length) return Invalid("the piece has more bytes than it says");
    const uint64_t known = std::min<uint64_t>(writer.size() - std::min(writer.size(), at), *got);
    DH_CHECK(writer.Append({buffer.data() + known, static_cast<size_t>(*got - known)}));
    at += *got;
  }
  return FinishIfWhole(id, session, piece.length ? piece.total : std::optional<uint64_t>(writer.size()));
}

base::Result<Uploads::State> Uploads::Look(const std::string& id, std::optional<uint64_t> total) {
  DH_ASSIGN(const Hold hold, Find(id));
  if (hold.session->object) return State{hold.session->object->size, hold.session->object};
  return FinishIfWhole(id, *hold.session, total);
}

base::Status Uploads::Cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (sessions_.erase(id) == 0) return Error{ErrorCode::kNotFound, "there is no upload of this id"};
  return {};
}

}  // namespace dicomhouse::store
