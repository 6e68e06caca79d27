// Segments: append-only files of records. A record says what it is and proves that it is whole, so that a folder of segments
// can be read without an index. docs/data-format.md has the form.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "base/result.h"
#include "dicom/byte_source.h"
#include "store/internal/place.h"

namespace dicomhouse::store {

// kCommit: no bytes; the records before it, as far as the index has not seen them, belong together and count, and those of header
// segments up to its id.
enum class RecordKind : uint8_t { kInstance = 1, kHeader = 2, kCommit = 3 };

// What a record says of its bytes.
struct RecordHeader {
  RecordKind kind = RecordKind::kInstance;
  int64_t store = 0;
  int64_t id = 0;   // InstanceInfo::id
  std::string uid;  // SOP Instance UID
  uint64_t bytes = 0;
  uint32_t checksum = 0;  // CRC-32C of the bytes
};

inline constexpr size_t kRecordFixedBytes = 40;
inline constexpr size_t kMaxRecordUidBytes = 64;
inline constexpr size_t kRecordAlignment = 8;

// Bytes of a record in front of the bytes it is about, and all of them.
constexpr uint64_t RecordHeaderBytes(size_t uid_bytes) { return kRecordFixedBytes + uid_bytes; }
constexpr uint64_t RecordBytes(size_t uid_bytes, uint64_t bytes) {
  return (RecordHeaderBytes(uid_bytes) + bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

void AppendRecordHeader(std::string& out, const RecordHeader& header);
// Reads what AppendRecordHeader wrote at the beginning of `bytes`. Total. Errors: kCorrupt.
base::Result<RecordHeader> ReadRecordHeader(std::string_view bytes);

// The segments of one kind in a folder, read. Files stay open, some of them. Thread-safe.
class SegmentFiles {
 public:
  SegmentFiles(std::string folder, std::string suffix) : folder_(std::move(folder)), suffix_(std::move(suffix)) {}

  const std::string& folder() const { return folder_; }
  std::string NameOf(int64_t number) const;  // "00000001.seg"
  std::string PathOf(int64_t number) const;
  // The number that a file's name says, or nothing.
  std::optional<int64_t> NumberOf(std::string_view name) const;

  // Errors: kNotFound, kIo.
  base::Result<std::shared_ptr<const base::InputFile>> Open(int64_t number);
  // Nothing of it may be wanted any more.
  void Forget(int64_t number);

  // The bytes of a record, checked against what the record says. Errors: kCorrupt, kIo, kNotFound.
  base::Result<std::string> ReadRecord(const Place& place, size_t uid_bytes);
  // Whether all bytes there are zeros: they were given back, and only the record's own header stayed. Errors: kIo, kNotFound.
  base::Result<bool> IsHole(const Place& place);
  // The numbers of the segments that are there, ascending. Errors: kIo.
  base::Result<std::vector<int64_t>> Numbers(base::FileSystem& files) const;

 private:
  std::string folder_;
  std::string suffix_;
  std::mutex mutex_;
  std::map<int64_t, std::shared_ptr<const base::InputFile>> open_;
};

// The end of the last segment of a kind: where records are added. Used by one thread at a time.
//
// A group of records is added, written, synced when it has to be, and then either kept or undone. What could not be synced, or is
// of an unknown state, is never written again: the segment is abandoned where it was kept last, and a new one begun.
class SegmentWriter {
 public:
  // kAhead: zeros are written ahead of small groups that are synced; they are taken away when the segment is left.
  enum class Space { kAsNeeded, kAhead };
  SegmentWriter(base::FileSystem& files, const SegmentFiles& names, Space space)
      : files_(&files), names_(&names), space_(space) {}
  ~SegmentWriter() { CutReserve(); }
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // Goes on at the end of segment `number`, `end` bytes long, with `next` as the number of the next new one. number 0: none.
  void Open(int64_t number, uint64_t end, int64_t next);

  // Adds a record to the group; gives the place of its bytes. Errors: kIo.
  base::Result<Place> Add(RecordHeader header, std::string_view bytes);
  // The group has records.
  bool has_group() const { return end_ != kept_; }
  // Hands the group to the system, for readers; it is on the disk some time. Not for the first group of a segment. Errors: kIo.
  base::Status Write();
  // Has all records on the disk, and the segment's name when it is new. Errors: kIo.
  base::Status Sync();
  // The group counts.
  void Keep() { kept_ = end_; }
  // What an abandoned segment has of groups that count: kUnsynced: records that are on the disk some time, or never.
  enum class Left { kNothing, kUnsynced };
  // The group never was. `certain`: nothing that could come back refers to it, so that its place can be used again.
  Left Undo(bool certain);

  int64_t number() const { return number_; }
  int64_t next_number() const { return next_; }
  // Between groups: the next record begins a segment.
  bool begins_segment() const { return number_ == 0 || end_ >= base::kSegmentBytes; }
  uint64_t end() const { return end_; }

 private:
  base::Status BeginSegment();
  base::Status Flush();
  void Reserve();
  void CutReserve();

  base::FileSystem* files_;
  const SegmentFiles* names_;
  Space space_;
  std::unique_ptr<base::OutputFile> file_;
  int64_t number_ = 0;
  int64_t next_ = 1;
  uint64_t end_ = 0;   // buffered bytes counted
  uint64_t kept_ = 0;  // of which these count
  uint64_t synced_ = 0;
  uint64_t reserved_ = 0;  // the file's end, when it is behind end_
  bool new_name_ = false;
  bool sync_failed_ = false;
  std::string buffer_;
};

// Calls `visit` for each record between `begin` and `end` of a segment, in their order, with the offset of its bytes, until it
// returns false. Errors: kCorrupt with the position of what is no record; kIo.
using VisitRecord = std::function<bool(const RecordHeader& header, uint64_t offset)>;
base::Status ScanSegment(dicom::ByteSource& segment, uint64_t begin, uint64_t end, const VisitRecord& visit);

// The same, but what is no record is passed: `damaged` is called with where it begins and where the next record does, or `end`.
// Nothing but zeros up to `end` is no damage: space that was reserved.
// Errors: kIo.
using VisitDamage = std::function<void(uint64_t begin, uint64_t end)>;
base::Status SalvageSegment(dicom::ByteSource& segment, uint64_t begin, uint64_t end, const VisitRecord& visit,
                            const VisitDamage& damaged);

}  // namespace dicomhouse::store
