#include "store/internal/segment.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/limits.h"
#include "store/internal/bytes.h"
#include "store/internal/crc32c.h"

namespace dicomhouse::store {
namespace {

constexpr std::string_view kMagic = "DHr1";
constexpr size_t kChecksumAt = 36;  // of the record's own header
// Descriptors of segments that stay open.
constexpr size_t kMaxOpenSegments = 128;
// A group is written in pieces of this size.
constexpr size_t kBufferBytes = 1 << 20;

std::span<const uint8_t> AsBytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

base::Error Corrupt(std::string what) { return {base::ErrorCode::kCorrupt, std::move(what)}; }

}  // namespace

// magic 4, kind 2, UID's length 2, bytes 8, store 8, id 8, checksum of the bytes 4, checksum of this header and the UID 4, UID.
void AppendRecordHeader(std::string& out, const RecordHeader& header) {
  const size_t begin = out.size();
  out.append(kMagic);
  AppendNumber<uint16_t>(out, static_cast<uint16_t>(header.kind));
  AppendNumber<uint16_t>(out, static_cast<uint16_t>(header.uid.size()));
  AppendNumber<uint64_t>(out, header.bytes);
  AppendNumber<uint64_t>(out, static_cast<uint64_t>(header.store));
  AppendNumber<uint64_t>(out, static_cast<uint64_t>(header.id));
  AppendNumber<uint32_t>(out, header.checksum);
  uint32_t own = ExtendCrc32c(0, AsBytes(std::string_view(out).substr(begin)));
  own = ExtendCrc32c(own, AsBytes(header.uid));
  AppendNumber<uint32_t>(out, own);
  out.append(header.uid);
}

base::Result<RecordHeader> ReadRecordHeader(std::string_view bytes) {
  if (bytes.size() < kRecordFixedBytes || !bytes.starts_with(kMagic)) return Corrupt("no record");
  const auto kind = LoadNumber<uint16_t>(bytes, 4);
  const auto uid_bytes = LoadNumber<uint16_t>(bytes, 6);
  if (kind < static_cast<uint16_t>(RecordKind::kInstance) || kind > static_cast<uint16_t>(RecordKind::kCommit)) {
    return Corrupt("a record of unknown kind");
  }
  if (uid_bytes > kMaxRecordUidBytes || bytes.size() < RecordHeaderBytes(uid_bytes)) return Corrupt("a record that is cut");
  RecordHeader header;
  header.kind = static_cast<RecordKind>(kind);
  header.bytes = LoadNumber<uint64_t>(bytes, 8);
  header.store = static_cast<int64_t>(LoadNumber<uint64_t>(bytes, 16));
  header.id = static_cast<int64_t>(LoadNumber<uint64_t>(bytes, 24));
  header.checksum = LoadNumber<uint32_t>(bytes, 32);
  header.uid = bytes.substr(kRecordFixedBytes, uid_bytes);
  const uint32_t own = ExtendCrc32c(ExtendCrc32c(0, AsBytes(bytes.substr(0, kChecksumAt))), AsBytes(header.uid));
  if (own != LoadNumber<uint32_t>(bytes, kChecksumAt)) return Corrupt("a record whose header does not match its checksum");
  if (header.bytes > base::kMaxInstanceBytes) return Corrupt("a record that is too long");
  return header;
}

std::string SegmentFiles::NameOf(int64_t number) const {
  std::array<char, 32> digits{};
  const int size = std::snprintf(digits.data(), digits.size(), "%08lld", static_cast<long long>(number));
  return std::string(digits.data(), static_cast<size_t>(size)) + suffix_;
}

std::string SegmentFiles::PathOf(int64_t number) const { return base::JoinPath(folder_, NameOf(number)); }

std::optional<int64_t> SegmentFiles::NumberOf(std::string_view name) const {
  if (!name.ends_with(suffix_)) return std::nullopt;
  const std::string_view digits = name.substr(0, name.size() - suffix_.size());
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number <= 0 || NameOf(number) != name) return std::nullopt;
  return number;
}

base::Result<std::shared_ptr<const base::InputFile>> SegmentFiles::Open(int64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(number);
  if (found != open_.end()) return found->second;
  DH_ASSIGN(base::InputFile file, base::InputFile::Open(PathOf(number)));
  if (open_.size() >= kMaxOpenSegments) open_.erase(open_.begin());
  return open_[number] = std::make_shared<const base::InputFile>(std::move(file));
}

void SegmentFiles::Forget(int64_t number) {
  const std::lock_guard lock(mutex_);
  open_.erase(number);
}

base::Result<std::string> SegmentFiles::ReadRecord(const Place& place, size_t uid_bytes) {
  const auto corrupt = [&](const std::string& what) {
    return Corrupt(PathOf(place.segment) + " at byte " + std::to_string(place.offset) + ": " + what);
  };
  const uint64_t header_bytes = RecordHeaderBytes(uid_bytes);
  if (place.offset < header_bytes || place.bytes > base::kMaxInstanceBytes) return corrupt("no place of a record");
  DH_ASSIGN(const auto file, Open(place.segment));
  std::string record(header_bytes + place.bytes, '\0');
  DH_ASSIGN(const size_t got,
            file->ReadAt(place.offset - header_bytes, {reinterpret_cast<uint8_t*>(record.data()), record.size()}));
  if (got < record.size()) return corrupt("the segment ends before the record does");
  const auto header = ReadRecordHeader(record);
  if (!header.ok()) return corrupt(header.error().message);
  if (header->bytes != place.bytes || header->uid.size() != uid_bytes) return corrupt("another record than the index says");
  record.erase(0, header_bytes);
  if (ExtendCrc32c(0, AsBytes(record)) != header->checksum) return corrupt("bytes that don't match their checksum");
  return record;
}

base::Result<bool> SegmentFiles::IsHole(const Place& place) {
  DH_ASSIGN(const auto file, Open(place.segment));
  std::vector<uint8_t> piece(kBufferBytes);
  for (uint64_t done = 0; done < place.bytes;) {
    const size_t count = std::min<uint64_t>(piece.size(), place.bytes - done);
    DH_ASSIGN(const size_t got, file->ReadAt(place.offset + done, std::span(piece).first(count)));
    if (got < count) return false;
    if (std::any_of(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count), [](uint8_t byte) { return byte != 0; })) {
      return false;
    }
    done += count;
  }
  return place.bytes > 0;
}

base::Result<std::vector<int64_t>> SegmentFiles::Numbers(base::FileSystem& files) const {
  std::vector<int64_t> numbers;
  DH_ASSIGN(const std::vector<std::string> names, files.List(folder_));
  for (const std::string& name : names) {
    if (const auto number = NumberOf(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

void SegmentWriter::Open(int64_t number, uint64_t end, int64_t next) {
  number_ = number;
  end_ = kept_ = synced_ = end;
  next_ = next;
}

base::Status SegmentWriter::BeginSegment() {
  if (file_ != nullptr) {
    if (synced_ != end_) DH_CHECK(Sync());
    CutReserve();
    DH_CHECK(std::exchange(file_, nullptr)->Close());
  }
  number_ = next_++;
  end_ = kept_ = synced_ = reserved_ = 0;
  new_name_ = true;
  DH_ASSIGN(file_, files_->Create(names_->PathOf(number_)));
  return {};
}

base::Result<Place> SegmentWriter::Add(RecordHeader header, std::string_view bytes) {
  // A group stays together, so that there is one file to sync: only a group's first record begins a segment.
  if (number_ == 0 || (end_ == kept_ && begins_segment())) DH_CHECK(BeginSegment());
  if (file_ == nullptr) {
    DH_ASSIGN(file_, files_->OpenForAppend(names_->PathOf(number_)));
  }
  header.bytes = bytes.size();
  header.checksum = ExtendCrc32c(0, AsBytes(bytes));
  AppendRecordHeader(buffer_, header);
  buffer_.append(bytes);
  const Place place{number_, end_ + RecordHeaderBytes(header.uid.size()), bytes.size()};
  const uint64_t record = RecordBytes(header.uid.size(), bytes.size());
  buffer_.append(record - RecordHeaderBytes(header.uid.size()) - bytes.size(), '\0');
  end_ += record;
  if (buffer_.size() >= kBufferBytes) DH_CHECK(Flush());
  return place;
}

base::Status SegmentWriter::Flush() {
  if (buffer_.empty()) return {};
  base::Status status = file_->Append(buffer_);
  buffer_.clear();
  return status;
}

base::Status SegmentWriter::Write() {
  assert(!new_name_);
  return Flush();
}

// Where there is no space for it, syncs take longer.
void SegmentWriter::Reserve() {
  const bool small = end_ - kept_ <= base::kMaxReservingGroupBytes;
  if (space_ != Space::kAhead || end_ <= reserved_ || end_ >= base::kSegmentBytes || !small) return;
  if (file_->Reserve(base::kLogReserveBytes).ok()) reserved_ = end_ + base::kLogReserveBytes;
}

// Where that fails, the next opening does it.
void SegmentWriter::CutReserve() {
  if (file_ != nullptr && reserved_ > end_) (void)file_->Truncate(end_);
  reserved_ = 0;
}

base::Status SegmentWriter::Sync() {
  if (end_ == synced_) return {};
  DH_CHECK(Flush());
  Reserve();
  base::Status synced = file_->Sync();
  if (!synced.ok()) {
    sync_failed_ = true;
    return synced;
  }
  if (new_name_) DH_CHECK(files_->SyncFolder(names_->folder()));
  new_name_ = false;
  synced_ = end_;
  return {};
}

SegmentWriter::Left SegmentWriter::Undo(bool certain) {
  buffer_.clear();
  const bool is_there = file_ != nullptr || !new_name_;
  if (end_ == kept_ && is_there && !sync_failed_) return Left::kNothing;
  // The name of a new segment may not be on the disk; what a failed sync left behind is unknown.
  const bool usable = certain && !sync_failed_ && !new_name_ && file_ != nullptr && file_->Truncate(kept_).ok();
  if (usable) {
    end_ = kept_;
    reserved_ = 0;
    synced_ = std::min(synced_, kept_);
    return Left::kNothing;
  }
  const Left left = kept_ > synced_ ? Left::kUnsynced : Left::kNothing;
  if (file_ != nullptr) (void)std::exchange(file_, nullptr)->Close();
  if (certain && new_name_ && number_ != 0) (void)files_->Remove(names_->PathOf(number_));
  sync_failed_ = new_name_ = false;
  number_ = 0;
  end_ = kept_ = synced_ = reserved_ = 0;
  return left;
}

namespace {

// Calls `visit` for the records from `at` on, which is then behind the last one that was visited. False: `visit` wants no more.
base::Result<bool> VisitRecords(dicom::ByteSource& segment, uint64_t& at, uint64_t end, const VisitRecord& visit) {
  std::array<uint8_t, kRecordFixedBytes + kMaxRecordUidBytes> bytes{};
  while (at < end) {
    DH_ASSIGN(const size_t got, segment.ReadAt(at, std::span(bytes).first(std::min<uint64_t>(bytes.size(), end - at))));
    const auto header = ReadRecordHeader({reinterpret_cast<const char*>(bytes.data()), got});
    if (!header.ok()) return Corrupt("at byte " + std::to_string(at) + ": " + header.error().message);
    const uint64_t record = RecordBytes(header->uid.size(), header->bytes);
    if (record > end - at) return Corrupt("at byte " + std::to_string(at) + ": a record past the end");
    if (!visit(*header, at + RecordHeaderBytes(header->uid.size()))) return false;
    at += record;
  }
  return true;
}

// Where the next record begins, from `at` on; `end` when there is none.
base::Result<uint64_t> FindRecord(dicom::ByteSource& segment, uint64_t at, uint64_t end) {
  constexpr size_t kMostBytes = kRecordFixedBytes + kMaxRecordUidBytes;
  std::vector<uint8_t> piece(kBufferBytes + kMostBytes);
  for (; at < end; at += kBufferBytes) {
    DH_ASSIGN(const size_t got, segment.ReadAt(at, std::span(piece).first(std::min<uint64_t>(piece.size(), end - at))));
    const std::string_view bytes(reinterpret_cast<const char*>(piece.data()), got);
    for (size_t i = 0; i < std::min(got, kBufferBytes); i += kRecordAlignment) {
      if (!bytes.substr(i).starts_with(kMagic)) continue;
      const auto header = ReadRecordHeader(bytes.substr(i, kMostBytes));
      if (header.ok() && RecordBytes(header->uid.size(), header->bytes) <= end - at - i) return at + i;
    }
  }
  return end;
}

base::Result<bool> IsZeros(dicom::ByteSource& segment, uint64_t at, uint64_t end) {
  std::vector<uint8_t> piece(kBufferBytes);
  while (at < end) {
    DH_ASSIGN(const size_t got, segment.ReadAt(at, std::span(piece).first(std::min<uint64_t>(piece.size(), end - at))));
    if (got == 0) return true;
    if (std::any_of(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got), [](uint8_t byte) { return byte != 0; })) {
      return false;
    }
    at += got;
  }
  return true;
}

}  // namespace

base::Status ScanSegment(dicom::ByteSource& segment, uint64_t begin, uint64_t end, const VisitRecord& visit) {
  DH_CHECK(VisitRecords(segment, begin, end, visit));
  return {};
}

base::Status SalvageSegment(dicom::ByteSource& segment, uint64_t begin, uint64_t end, const VisitRecord& visit,
                            const VisitDamage& damaged) {
  for (uint64_t at = begin; at < end;) {
    const auto all = VisitRecords(segment, at, end, visit);
    if (all.ok()) return {};
    if (all.error().code != base::ErrorCode::kCorrupt) return all.error();
    // Records begin at multiples of 8 bytes.
    const uint64_t from = (at / kRecordAlignment + 1) * kRecordAlignment;
    DH_ASSIGN(const uint64_t next, FindRecord(segment, from, end));
    if (next == end) {
      DH_ASSIGN(const bool reserved, IsZeros(segment, at, end));
      if (reserved) return {};
    }
    damaged(at, next);
    at = next;
  }
  return {};
}

}  // namespace dicomhouse::store
