// Buckets and objects: what `gs://BUCKET/OBJECT` names. An object is a file under DATA/objects with a row in
// DATA/objects.sqlite; it is durable when its writer's Finish returns. Object names are any UTF-8 text and never become file
// names.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "store/catalog.h"

namespace dicomhouse::store {

// gs://BUCKET/OBJECT taken apart. Errors: kInvalidArgument. The object may be empty or have wildcards.
struct ObjectUri {
  std::string bucket;
  std::string object;
  static base::Result<ObjectUri> Parse(std::string_view text);
  std::string Text() const;
};

// 3 to 63 characters: lower case letters, digits, '-', '_', '.'; the first and the last a letter or digit.
bool IsBucketName(std::string_view text);
// 1 to base::kMaxObjectNameBytes bytes of UTF-8 without CR, LF and NUL; not "." or "..".
bool IsObjectName(std::string_view text);

struct Bucket {
  std::string name;  // IsBucketName
  std::string project;
  int64_t created_us = 0;
};

struct Object {
  std::string bucket;
  std::string name;        // IsObjectName
  int64_t generation = 0;  // ascends with each write of the name
  int64_t metageneration = 1;
  uint64_t size = 0;
  std::string content_type;
  std::string md5;  // 16 bytes
  uint32_t crc32c = 0;
  int64_t created_us = 0;  // since 1970
  int64_t updated_us = 0;  // the same, or when its metadata was last changed
  base::Json metadata;     // the user's own fields: name -> text; null when there are none
};

// Writes one object. Used by one thread. Destroyed without Finish: nothing remains.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual base::Status Append(std::span<const uint8_t> bytes) = 0;
  virtual uint64_t size() const = 0;
  // Frees the file's descriptor until the next call: uploads may wait for their next piece for long.
  virtual base::Status Pause() = 0;
  // MD5 (16 bytes) and CRC32C of what was appended until now.
  virtual std::string Md5() const = 0;
  virtual uint32_t Crc32c() const = 0;
  // The object is on the disk when this returns; readers see it then, or the one before. Errors: kFailedPrecondition:
  // `if_generation` (0: must not exist) does not hold. kIo.
  virtual base::Result<Object> Finish(std::optional<int64_t> if_generation) = 0;
};

// Reads one object at any position; what was opened stays as it was, whatever happens to the name.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual const Object& object() const = 0;
  virtual base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) = 0;
};

class Objects {
 public:
  // Opens or makes objects.sqlite and objects/ in `folder`; what a crash left behind is removed. `files` outlives it.
  // Errors: kIo; kCorrupt: objects.sqlite is missing, empty or broken, and objects are there: nothing was changed; kUnsupported
  // (a newer format).
  static base::Result<std::unique_ptr<Objects>> Open(const std::string& folder, base::FileSystem& files);
  virtual ~Objects() = default;

  // All members are thread-safe, and durable when they return.
  virtual base::Result<Bucket> CreateBucket(const std::string& project, const std::string& name) = 0;  // kAlreadyExists
  virtual base::Result<Bucket> GetBucket(const std::string& name) = 0;                                 // kNotFound
  virtual base::Result<Page<Bucket>> ListBuckets(const std::string& project, const std::string& prefix,
                                                 const PageRequest& page) = 0;
  virtual base::Status DeleteBucket(const std::string& name) = 0;  // kFailedPrecondition: not empty

  // `name`, type and metadata are taken from `object`. Errors: kNotFound (bucket), kInvalidArgument (name).
  virtual base::Result<std::unique_ptr<ObjectWriter>> Write(const Object& object) = 0;
  virtual base::Result<Object> Get(const std::string& bucket, const std::string& name) = 0;
  virtual base::Result<std::unique_ptr<ObjectReader>> Read(const std::string& bucket, const std::string& name) = 0;
  // Errors: kNotFound; kFailedPrecondition: `if_generation` does not hold.
  virtual base::Status Delete(const std::string& bucket, const std::string& name, std::optional<int64_t> if_generation) = 0;
  // Bucket, name, type and metadata of the copy are taken from `to`; the contents are shared, not copied.
  virtual base::Result<Object> Copy(const std::string& bucket, const std::string& name, const Object& to,
                                    std::optional<int64_t> if_generation) = 0;
  // Sets type and metadata of an object to those of `object`; its metageneration goes up. Errors: kNotFound;
  // kFailedPrecondition: `if_metageneration` does not hold.
  virtual base::Result<Object> Update(const Object& object, std::optional<int64_t> if_metageneration) = 0;

  struct Listing {
    std::vector<Object> objects;
    std::vector<std::string> prefixes;  // with `delimiter`: names up to it, each once
    std::string next;
  };
  // By name in the order of its bytes. Prefixes count as items of a page.
  virtual base::Result<Listing> List(const std::string& bucket, const std::string& prefix, const std::string& delimiter,
                                     const PageRequest& page) = 0;

  // Compares each object with its sums, and the files with the rows. `report` gets a line for each thing that is wrong. Returns
  // the number of objects looked at. For when nothing else is going on.
  virtual base::Result<int64_t> Verify(const std::function<void(const std::string& line)>& report) = 0;
};

// Google's wildcards: '*' and '?' don't match '/', "**" does; "**" only at the end or in front of a file extension.
// Errors of Make: kInvalidArgument.
class ObjectPattern {
 public:
  static base::Result<ObjectPattern> Make(std::string_view pattern);
  // As imports have them: "**" with no other wildcards.
  static base::Result<ObjectPattern> MakeForImport(std::string_view pattern);
  bool Matches(std::string_view name) const;
  // What all matching names begin with.
  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
  std::vector<std::string> segments_;  // of the pattern up to "**", between its slashes
  bool any_tail_ = false;              // there was a "**"
  std::string tail_;                   // and behind it this file extension
};

}  // namespace dicomhouse::store
