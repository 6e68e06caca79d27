// Uploads of objects: in one go, or resumable, piece by piece over many requests. Sums that the sender gave are compared before
// the object is there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/objects.h"

namespace dicomhouse::store {

// What the sender says the contents must come to.
struct ObjectSums {
  std::string md5;  // 16 bytes, or ""
  std::optional<uint32_t> crc32c;
  std::optional<uint64_t> size;
};

struct UploadRequest {
  Object object;  // bucket, name, type, metadata
  std::optional<int64_t> if_generation;
  ObjectSums sums;
};

// Gives the next bytes; 0 at their end.
using BytePull = std::function<base::Result<size_t>(std::span<uint8_t>)>;

// Writes one object. Errors: those of Objects::Write and Finish; kInvalidArgument: the sums differ; those of `pull`.
base::Result<Object> Upload(Objects& objects, const UploadRequest& request, const BytePull& pull);

// An object of the same bucket, of this generation unless it is 0.
struct ObjectPart {
  std::string name;
  int64_t generation = 0;
};
// Writes one object out of the contents of others, in this order. Errors: kInvalidArgument: none, or more than
// base::kMaxComposedObjects; kNotFound: a part; those of Upload.
base::Result<Object> Compose(Objects& objects, const UploadRequest& request, const std::vector<ObjectPart>& parts);

// Resumable uploads that are under way. They live as long as the program: a sender whose upload is not known any more starts
// again (decision 0034). Thread-safe; two requests for one upload at the same time: kConflict for the later.
class Uploads {
 public:
  // `objects` outlives it.
  explicit Uploads(Objects& objects);
  ~Uploads();

  // Returns the upload's id: whoever knows it may write. Errors: those of Objects::Write.
  base::Result<std::string> Begin(const UploadRequest& request);

  struct State {
    uint64_t size = 0;             // bytes that have come
    std::optional<Object> object;  // when it is complete
  };
  // The bytes [begin, begin + length) of the contents; those that have come already are passed over.
  struct Piece {
    uint64_t begin = 0;
    std::optional<uint64_t> length;  // none: as many as come, and then it is complete
    std::optional<uint64_t> total;   // of the contents, when it is known: complete when all have come
  };
  // Errors: kNotFound (an upload that is not known); kInvalidArgument (a gap, other lengths than said, other sums: the upload is
  // then over); kFailedPrecondition (the generation); those of `pull`, after which what came is kept.
  base::Result<State> Append(const std::string& id, const Piece& piece, const BytePull& pull);
  // Complete when `total` bytes have come.
  base::Result<State> Look(const std::string& id, std::optional<uint64_t> total);
  base::Status Cancel(const std::string& id);

 private:
  struct Session;
  // A session nobody else uses until it goes.
  struct Hold;
  base::Result<Hold> Find(const std::string& id);
  void DropOld();
  base::Result<State> FinishIfWhole(const std::string& id, Session& session, std::optional<uint64_t> total);

  Objects& objects_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;
};

}  // namespace dicomhouse::store
