// DICOM instances, byte for byte, and an index of them. An instance that was acknowledged survives a crash, and the index
// agrees with the bytes after any crash (docs/data-format.md).
//
// Bytes lie in large append-only segments, and so do header bytes, beside them, so that reading all headers is a
// sequential read. Writers are grouped: one sync of the segments and one commit of the index for all that wait.
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
#include "dicom/byte_source.h"
#include "dicom/instance.h"
#include "store/internal/place.h"

namespace dicomhouse::store {

struct InstanceKey {
  std::string study;
  std::string series;
  std::string instance;
  bool operator==(const InstanceKey&) const = default;
};

// An instance as the index knows it.
struct InstanceInfo {
  int64_t id = 0;  // ascends with each stored instance, never used again
  InstanceKey key;
  std::string sop_class;
  std::string transfer_syntax;
  uint64_t bytes = 0;
  std::string sha256;     // 32 bytes, of all bytes
  int64_t stored_us = 0;  // since 1970
};

// The bytes of one instance, at any position. Not shared between threads.
class Blob : public dicom::ByteSource {
 public:
  virtual uint64_t size() const = 0;
};

// What happens to an instance whose SOP Instance UID is in the store already.
enum class OnExisting : uint8_t {
  kRefuse,   // kConflict in its outcome
  kReplace,  // the new bytes take its place
};

// What became of one incoming instance.
enum class Stored : uint8_t {
  kStored,
  kReplaced,
  kSame,      // the same bytes are there already: nothing was written
  kConflict,  // other bytes are there under the same UID (kRefuse)
};

// One instance on its way in. Used by one thread. Destroyed without Commit: nothing remains.
class Incoming {
 public:
  virtual ~Incoming() = default;
  // Bytes in their order, any number of times. Errors: kIo (ENOSPC and the like), kLimit (base::kMaxInstanceBytes).
  virtual base::Status Append(std::span<const uint8_t> bytes) = 0;
  // All bytes are there: reads the header. Errors: kUnsupported: not DICOM at all, or a DICOMDIR; kCorrupt: damaged, without
  // one of the UIDs, or a UID that is none; the text says which. Afterwards key() and header() are there.
  virtual base::Status Finish() = 0;
  virtual const InstanceKey& key() const = 0;
  virtual const dicom::Instance& header() const = 0;
};

// The changes of a store, in their order.
enum class ChangeKind : uint8_t { kStored = 1, kReplaced = 2, kDeleted = 3 };
struct Change {
  int64_t number = 0;  // ascending over the whole data folder
  ChangeKind kind = ChangeKind::kStored;
  int64_t time_us = 0;
  InstanceKey key;
};

struct StoreMetrics {
  int64_t studies = 0;
  int64_t series = 0;
  int64_t instances = 0;
  int64_t header_bytes = 0;  // structuredStorageSizeBytes
  int64_t blob_bytes = 0;    // blobStorageSizeBytes
};

// ---- Search (QIDO-RS, PS3.18 §10.6 and PS3.4 §C.2.2.2)
enum class Level : uint8_t { kStudy, kSeries, kInstance };

// One attribute that must match, at any level above or at the one searched.
struct Condition {
  std::vector<uint32_t> path;  // tags from the top of the data set down: {0x00400275, 0x00400009}
  // One of: single value with wildcards * and ? (PS3.4 §C.2.2.2.4), "A-B" ranges for DA, TM, DT, lists of UIDs.
  std::vector<std::string> values;
};
struct Search {
  Level level = Level::kStudy;
  std::string study;   // "" for all
  std::string series;  // "" for all
  std::vector<Condition> conditions;
  bool fuzzy = false;                          // PN: words anywhere, without case and accents
  std::vector<std::vector<uint32_t>> include;  // more attributes to return
  bool include_all = false;
  uint64_t limit = 100;
  uint64_t offset = 0;
};
// A study, series or instance that matched. `attributes`: the members of its DICOM JSON object (PS3.18 §F.2) in ascending tag
// order, without the braces around it; RetrieveURL and the like are the caller's to add.
struct Match {
  InstanceKey key;  // filled as far as the level says
  std::string attributes;
};

// All instances of a store as they were when it was taken; bytes of deleted ones stay readable until it is destroyed.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual uint64_t instances() const = 0;
  struct Entry {
    InstanceInfo info;  // without sha256 and sop_class
    Place blob;
    Place header;
  };
  // The next `count` entries in the order of their header bytes on the disk. Fewer or none: the end. Thread-safe.
  virtual base::Result<std::vector<Entry>> Next(size_t count) = 0;
  // The header of an entry as a source that InstanceReader reads as it would the instance itself: offsets are the instance's.
  // Values that are not among the header bytes come from the instance. Thread-safe; each source is for one thread.
  virtual base::Result<std::unique_ptr<dicom::ByteSource>> OpenHeader(const Entry& entry) = 0;
  virtual base::Result<std::unique_ptr<Blob>> OpenBlob(const Entry& entry) = 0;
};

class Instances {
 public:
  // Opens or makes DATA/index.sqlite and the segments; finishes or undoes what a crash interrupted. Errors: kCorrupt: the index
  // is missing, empty or broken, and instances are there; nothing was changed.
  static base::Result<std::unique_ptr<Instances>> Open(const std::string& folder, base::FileSystem& files);
  virtual ~Instances() = default;

  // All members are thread-safe. `store`: DicomStore::id.

  virtual base::Result<std::unique_ptr<Incoming>> Begin(int64_t store) = 0;
  // Stores finished instances; returns what became of each, in their order. Durable when it returns: waits for the group.
  // Errors: kIo: nothing of them is stored.
  virtual base::Result<std::vector<Stored>> Commit(std::span<const std::unique_ptr<Incoming>> incoming,
                                                   OnExisting on_existing) = 0;

  // Errors: kNotFound.
  virtual base::Result<InstanceInfo> Find(int64_t store, const InstanceKey& key) = 0;
  // The instances of a study (series "") or series, ordered by id. `after`: only those with a greater id.
  virtual base::Result<std::vector<InstanceInfo>> List(int64_t store, const std::string& study, const std::string& series,
                                                       int64_t after, size_t limit) = 0;
  virtual base::Result<std::unique_ptr<Blob>> OpenBlob(const InstanceInfo& info) = 0;
  virtual base::Result<std::unique_ptr<dicom::ByteSource>> OpenHeader(const InstanceInfo& info) = 0;

  virtual base::Result<std::vector<Match>> Find(int64_t store, const Search& search) = 0;

  // Deletes an instance, a series (instance "") or a study (series "" too); returns how many instances. Durable.
  // Errors: kNotFound when there is nothing.
  virtual base::Result<int64_t> Delete(int64_t store, const InstanceKey& key) = 0;
  // All of a store; its id may not be used afterwards.
  virtual base::Status DeleteStore(int64_t store) = 0;

  // The ids of all stores that have instances, ascending: for what a crash left of a store that was deleted.
  virtual base::Result<std::vector<int64_t>> Stores() = 0;

  virtual base::Result<StoreMetrics> Metrics(int64_t store) = 0;
  // Of a study, a series or an instance: empty UIDs as in Delete. Errors: kNotFound.
  virtual base::Result<StoreMetrics> Metrics(int64_t store, const InstanceKey& key) = 0;
  virtual base::Result<std::unique_ptr<Snapshot>> TakeSnapshot(int64_t store) = 0;
  virtual base::Result<std::vector<Change>> Changes(int64_t store, int64_t after, size_t limit) = 0;

  // Compares index and bytes: each checksum, each segment. `report` gets a line for each thing that is wrong. Returns the
  // number of instances looked at.
  virtual base::Result<int64_t> Verify(const std::function<void(const std::string& line)>& report) = 0;

  // What opening had to mend, and what it could not: lines for a log. Mostly none.
  virtual const std::vector<std::string>& opening_notes() const = 0;
};

// Whether a folder has segments or files of instances. Errors: kIo.
base::Result<bool> HasInstances(const std::string& folder, base::FileSystem& files);

// What was found without the index.
struct RebuiltIndex {
  int64_t instances = 0;
  std::vector<std::string> damaged;  // a line for each record or file that is no instance any more
};
using RebuildProgress = std::function<void(size_t segments_done, size_t segments)>;

// Makes index.sqlite of a folder from its segments and files. The index that is there, if any, is kept beside it as
// index.sqlite.old. All bytes are read once. What was deleted, and whose space was not given back yet, is there again; what was
// stored is dated now. The folder must be locked. Errors: kIo.
base::Result<RebuiltIndex> RebuildIndex(const std::string& folder, base::FileSystem& files, const RebuildProgress& progress);

}  // namespace dicomhouse::store
