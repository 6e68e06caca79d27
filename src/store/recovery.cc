// Opening a data folder: what a stop of the process or the machine left half done is brought to an end or taken back
// (docs/data-format.md, "After a stop").
#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/limits.h"
#include "dicom/tags.h"
#include "store/internal/stored_instances.h"

namespace dicomhouse::store {
namespace {

// The newest segment of a kind; `rows` ascend.
SegmentRow Newest(const std::vector<SegmentRow>& rows, RecordKind kind) {
  SegmentRow newest;
  newest.kind = kind;
  for (const SegmentRow& row : rows) {
    if (row.kind == kind) newest = row;
  }
  return newest;
}

}  // namespace

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

base::Result<bool> HasInstances(const std::string& folder, base::FileSystem& files) {
  for (const auto& [name, suffix] : {std::pair{kSegmentsFolder, kSegmentSuffix}, std::pair{kHeadersFolder, kHeaderSuffix},
                                     std::pair{kLargeFolder, kLargeSuffix}}) {
    const std::string path = base::JoinPath(folder, name);
    if (!files.IsFolder(path)) continue;
    DH_ASSIGN(const std::vector<std::string> names, files.List(path));
    if (std::any_of(names.begin(), names.end(), [end = suffix](const std::string& file) { return file.ends_with(end); }))
      return true;
  }
  return false;
}

// An index that is missing is not made anew where it would be believed that there is nothing.
base::Status StoredInstances::OpenIndex() {
  DH_ASSIGN(const bool has_files, HasInstances(folder_, *files_));
  const auto folder = has_files ? IndexWriter::Folder::kUsed : IndexWriter::Folder::kNew;
  const auto unusable = [&](const std::string& what) {
    return base::Error{base::ErrorCode::kCorrupt,
                       index_path_ + ": " + what + ". The instances are still in " + folder_ +
                           "; nothing was changed. Put the newest copy of the index back, or have it made again from the "
                           "instances: dicomhouse store rebuild --data " +
                           folder_};
  };
  const auto size = files_->Size(index_path_);
  if (has_files && (!size.ok() || *size == 0)) return unusable(size.ok() ? "the file is empty" : "the file is missing");
  auto opened = IndexWriter::Open(index_path_, folder, AttributesReader());
  if (!opened.ok()) return opened.error().code == base::ErrorCode::kCorrupt ? unusable(opened.error().message) : opened.error();
  index_ = *std::move(opened);
  return {};
}

IndexWriter::ReadAttributes StoredInstances::AttributesReader() {
  return [this](const InstanceRow& row) -> base::Result<InstanceAttributes> {
    DH_ASSIGN(const auto source, OpenHeaderAt(row.header, row.blob, row.info.key.instance.size(), nullptr));
    dicom::InstanceReader reader;
    dicom::Instance header;
    if (reader.Read(*source, header) != dicom::ReadOutcome::kInstance) {
      return base::Error{base::ErrorCode::kCorrupt, row.info.key.instance + ": its header can't be read any more"};
    }
    return AttributeReader().Read(header);
  };
}

base::Status StoredInstances::Start() {
  for (const std::string& folder : {instances_.folder(), headers_.folder(), large_folder_}) DH_CHECK(files_->MakeFolders(folder));
  DH_CHECK(OpenIndex());
  pins_.Committed(index_->next_id() - 1);
  DH_ASSIGN(const std::vector<SegmentRow> segments, index_->Segments());
  DH_ASSIGN(const Tails tails, FindTails(segments));
  DH_CHECK(CutSegments(segments, tails));
  DH_CHECK(RemoveLeftovers(tails));
  DH_CHECK(files_->SyncFolder(folder_));
  DH_CHECK(RemakeHeaders(tails));
  DH_CHECK(IndexRecords(tails.unindexed));
  garbage_ = true;
  Reclaim();
  return {};
}

// The records that come behind the index, segment after segment, in groups. Only the newest group can be one whose sync was not
// through: what is wrong in it never counted. What is wrong in one before is damage, or was given back.
class StoredInstances::LogReader {
 public:
  LogReader(StoredInstances& store, Tails& tails) : store_(&store), tails_(&tails), next_id_(store.index_->next_id()) {}

  base::Status Read(int64_t segment, uint64_t begin) {
    segment_ = segment;
    const auto size = store_->files_->Size(store_->instances_.PathOf(segment));
    if (!size.ok() || *size <= begin) return {};
    DH_ASSIGN(const auto file, store_->instances_.Open(segment));
    dicom::FileSource source(*file);
    DH_CHECK(SalvageSegment(
        source, begin, *size,
        [this](const RecordHeader& header, uint64_t offset) {
          Take(header, offset);
          return unread_.ok();
        },
        [this](uint64_t from, uint64_t) { open_.damaged.push_back(Position(from) + ": no record"); }));
    open_ = {};  // groups stay within a segment
    return unread_;
  }
  void End() {
    if (newest_.damaged.empty()) Count(newest_);
  }

 private:
  struct Group {
    std::vector<Unindexed> records;
    std::vector<std::string> damaged;
    int64_t last_id = 0;
  };

  std::string Position(uint64_t offset) const {
    return store_->instances_.PathOf(segment_) + " at byte " + std::to_string(offset);
  }

  void Take(const RecordHeader& header, uint64_t offset) {
    if (header.kind == RecordKind::kCommit) {
      Count(newest_);
      newest_ = std::exchange(open_, {});
      newest_.last_id = header.id;
      return;
    }
    if (header.kind != RecordKind::kInstance || header.id < next_id_) return;
    next_id_ = header.id + 1;
    const Place place{segment_, offset, header.bytes};
    const auto record = store_->instances_.ReadRecord(place, header.uid.size());
    if (record.ok()) {
      open_.records.push_back({header, place});
    } else if (record.error().code == base::ErrorCode::kIo) {
      unread_ = record.error();
    } else {
      const auto hole = store_->instances_.IsHole(place);
      const bool given_back = hole.ok() && *hole;
      open_.damaged.push_back(given_back ? "" : Position(offset) + ": " + header.uid + " is damaged");
    }
  }

  void Count(Group& group) {
    tails_->last_id = std::max(tails_->last_id, group.last_id);
    tails_->unindexed.insert(tails_->unindexed.end(), group.records.begin(), group.records.end());
    for (const std::string& line : group.damaged) {
      if (!line.empty()) store_->notes_.push_back(line + "; it is lost");
    }
    group = {};
  }

  StoredInstances* store_;
  Tails* tails_;
  int64_t next_id_;
  int64_t segment_ = 0;
  Group open_;    // up to here
  Group newest_;  // whole, the last one until now
  base::Status unread_;
};

base::Result<StoredInstances::Tails> StoredInstances::FindTails(const std::vector<SegmentRow>& segments) {
  Tails tails;
  tails.instances = Newest(segments, RecordKind::kInstance);
  tails.headers = Newest(segments, RecordKind::kHeader);
  DH_CHECK(FindUnindexed(tails));
  DH_CHECK(FindUnindexedFiles(tails));
  DH_CHECK(FindUnsyncedHeaders(segments, tails));
  if (!tails.unindexed.empty()) {
    notes_.push_back(std::to_string(tails.unindexed.size()) + " instances were not in the index, and are read again");
  }
  return tails;
}

// Whole groups of records with ids that the index has not given away: they were synced, and so may have been acknowledged. They
// are behind the index's end of the newest segment, and in segments behind that where the index has lost more than a crash takes.
base::Status StoredInstances::FindUnindexed(Tails& tails) {
  LogReader log(*this, tails);
  DH_ASSIGN(const std::vector<int64_t> numbers, instances_.Numbers(*files_));
  for (const int64_t number : numbers) {
    if (number >= tails.instances.number) DH_CHECK(log.Read(number, number == tails.instances.number ? tails.instances.end : 0));
  }
  log.End();
  return {};
}

// The same of instances in files of their own: the record of their header bytes says whose they are.
base::Status StoredInstances::FindUnindexedFiles(Tails& tails) {
  if (tails.last_id < index_->next_id()) return {};
  DH_ASSIGN(LargeFiles files, LargeFilesFrom(index_->next_file()));
  if (files.empty()) return {};
  std::vector<Unindexed> found;
  DH_ASSIGN(const std::vector<int64_t> numbers, headers_.Numbers(*files_));
  for (const int64_t number : numbers) {
    if (number < tails.headers.number) continue;
    DH_CHECK(MatchFiles(number, number == tails.headers.number ? tails.headers.end : 0, files, found));
  }
  for (const Unindexed& one : found) {
    if (one.header.id >= index_->next_id() && one.header.id <= tails.last_id) tails.unindexed.push_back(one);
  }
  std::sort(tails.unindexed.begin(), tails.unindexed.end(),
            [](const Unindexed& a, const Unindexed& b) { return a.header.id < b.header.id; });
  return {};
}

// Of those with at least this number.
base::Result<StoredInstances::LargeFiles> StoredInstances::LargeFilesFrom(int64_t number) {
  LargeFiles files;
  DH_ASSIGN(const std::vector<std::string> names, files_->List(large_folder_));
  for (const std::string& name : names) {
    int64_t its = 0;
    (void)std::from_chars(name.data(), name.data() + name.size(), its);
    if (its < number || its <= 0 || LargePath(its) != base::JoinPath(large_folder_, name)) continue;
    DH_ASSIGN(const base::InputFile file, base::InputFile::Open(LargePath(its)));
    DH_ASSIGN(const uint64_t size, files_->Size(LargePath(its)));
    dicom::FileSource source(file);
    dicom::Instance header;
    if (!ReadHeaderBytes(source, size, header).ok()) continue;
    std::string_view uid = header.Text(dicom::kSopInstanceUidTag);
    if (uid.empty()) uid = header.Text(dicom::kMediaStorageSopInstanceUidTag);
    files.emplace(uid, its);
  }
  return files;
}

// Takes the files whose header bytes are in a header segment from `begin` on out of `files`.
base::Status StoredInstances::MatchFiles(int64_t header_segment, uint64_t begin, LargeFiles& files,
                                         std::vector<Unindexed>& found) {
  DH_ASSIGN(const auto segment, headers_.Open(header_segment));
  DH_ASSIGN(const uint64_t end, files_->Size(headers_.PathOf(header_segment)));
  dicom::FileSource source(*segment);
  const auto visit = [&](const RecordHeader& header, uint64_t offset) {
    const auto [first, last] = files.equal_range(header.uid);
    if (header.kind != RecordKind::kHeader || first == last) return true;
    const auto record = headers_.ReadRecord({header_segment, offset, header.bytes}, header.uid.size());
    const auto bytes = record.ok() ? DecodeHeader(*record) : base::Result<HeaderBytes>(record.error());
    for (auto file = first; bytes.ok() && file != last; ++file) {
      const auto size = files_->Size(LargePath(file->second));
      if (!size.ok() || *size != bytes->instance_bytes) continue;
      found.push_back({header, {0, static_cast<uint64_t>(file->second), *size}});
      files.erase(file);
      break;
    }
    return !files.empty();
  };
  return SalvageSegment(source, begin, end, visit, [](uint64_t, uint64_t) {});
}

// Header bytes are written without a sync: some may be missing, and after a sync that failed they may even read well, from
// memory, and never be on the disk. All since the last sync that went well are made again.
base::Status StoredInstances::FindUnsyncedHeaders(const std::vector<SegmentRow>& segments, Tails& tails) {
  const SyncedHeaders& synced = index_->synced_headers();
  for (const SegmentRow& row : segments) {
    if (row.kind != RecordKind::kHeader || row.number < synced.segment) continue;
    const uint64_t end = row.number == synced.segment ? synced.end : 0;
    if (end < row.end) tails.header_ends[row.number] = end;
  }
  if (tails.header_ends.empty()) return {};
  const auto newest = tails.header_ends.find(tails.headers.number);
  if (newest != tails.header_ends.end()) tails.headers.end = newest->second;
  static const std::string kSql = std::string(kSelectRow) + "WHERE i.id > ? ORDER BY i.id";
  DH_ASSIGN(Query query, index_->connection().Prepare(kSql));
  query->Bind(1, synced.id);
  for (;;) {
    DH_ASSIGN(const bool found, query->Step());
    if (!found) return {};
    tails.without_header.push_back(ReadRow(*query));
  }
}

// What lies behind the last record that counts was never acknowledged. Where something is read again all stays until that is
// elsewhere; the next opening cuts it.
base::Status StoredInstances::CutSegments(const std::vector<SegmentRow>& rows, const Tails& tails) {
  const bool reads_again = !tails.unindexed.empty();
  for (const SegmentRow& row : rows) {
    const bool instances = row.kind == RecordKind::kInstance;
    const auto lost = tails.header_ends.find(row.number);
    const uint64_t end = !instances && lost != tails.header_ends.end() ? lost->second : row.end;
    if (reads_again && row.number >= (instances ? tails.instances : tails.headers).number) continue;
    const std::string path = (instances ? instances_ : headers_).PathOf(row.number);
    const auto size = files_->Size(path);
    if (!size.ok() || *size <= end) continue;
    DH_ASSIGN(const auto file, files_->OpenForAppend(path));
    DH_CHECK(file->Truncate(end));
    DH_CHECK(file->Close());
  }
  for (const SegmentRow& newest : {tails.instances, tails.headers}) {
    const bool instances = newest.kind == RecordKind::kInstance;
    const SegmentFiles& segments = instances ? instances_ : headers_;
    const auto size = files_->Size(segments.PathOf(newest.number));
    // What is missing is what Verify says; nothing is added to a segment that is not as it should be. Nor to one that lost
    // records, since space behind its end may be garbage, or to a log that is read again.
    const bool whole = newest.number != 0 && size.ok() && *size >= newest.end && !reads_again &&
                       (instances || !tails.header_ends.contains(newest.number));
    const bool goes_on = whole && newest.end < base::kSegmentBytes;
    DH_ASSIGN(const std::vector<int64_t> numbers, segments.Numbers(*files_));
    const int64_t last = std::max(newest.number, numbers.empty() ? 0 : numbers.back());
    (instances ? instance_writer_ : header_writer_).Open(goes_on ? newest.number : 0, goes_on ? newest.end : 0, last + 1);
    if (!reads_again) DH_CHECK(RemoveUnknownSegments(segments, rows, newest.kind));
  }
  indexed_end_ = tails.instances.end;
  return {};
}

base::Status StoredInstances::RemoveUnknownSegments(const SegmentFiles& segments, const std::vector<SegmentRow>& known,
                                                    RecordKind kind) {
  DH_ASSIGN(const std::vector<std::string> names, files_->List(segments.folder()));
  for (const std::string& name : names) {
    const auto number = segments.NumberOf(name);
    const bool is_known = number && std::any_of(known.begin(), known.end(),
                                                [&](const SegmentRow& row) { return row.kind == kind && row.number == *number; });
    if (number && !is_known) DH_CHECK(files_->Remove(base::JoinPath(segments.folder(), name)));
  }
  return {};
}

// Files that were arriving when the process stopped.
base::Status StoredInstances::RemoveLeftovers(const Tails& tails) {
  DH_ASSIGN(const std::vector<std::string> names, files_->List(large_folder_));
  const std::string next = LargePath(index_->next_file());
  for (const std::string& name : names) {
    const std::string path = base::JoinPath(large_folder_, name);
    const bool counts = std::any_of(tails.unindexed.begin(), tails.unindexed.end(), [&](const Unindexed& one) {
      return one.place.segment == 0 && LargePath(static_cast<int64_t>(one.place.offset)) == path;
    });
    if (name.ends_with(kSpillSuffix) || (name.ends_with(kLargeSuffix) && path >= next && !counts)) {
      DH_CHECK(files_->Remove(path));
    }
  }
  return {};
}

base::Status StoredInstances::RemakeHeaders(const Tails& tails) {
  if (tails.header_ends.empty()) return {};
  Request request;
  request.syncs_index = true;
  request.apply = [&]() -> base::Status {
    for (const auto& [number, end] : tails.header_ends) index_->SetSegment(RecordKind::kHeader, number, end);
    for (const InstanceRow& row : tails.without_header) DH_CHECK(RemakeHeader(row));
    return {};
  };
  return Submit(request);
}

base::Status StoredInstances::RemakeHeader(const InstanceRow& row) {
  const auto blob = OpenBlobAt(row.blob, nullptr);
  dicom::Instance header;
  const auto bytes = blob.ok() ? ReadHeaderBytes(**blob, row.blob.bytes, header) : base::Result<std::string>(blob.error());
  // An instance that can't be read either: Verify says so.
  if (!bytes.ok()) return {};
  const RecordHeader record{RecordKind::kHeader, row.store, row.info.id, row.info.key.instance, 0, 0};
  DH_ASSIGN(const Place place, header_writer_.Add(record, *bytes));
  DH_CHECK(index_->NeedSegment(RecordKind::kHeader, place.segment));
  return index_->MoveHeader(row, place);
}

// In a new segment: records whose sync failed may read well here, from memory, and not be on the disk.
base::Status StoredInstances::IndexRecords(const std::vector<Unindexed>& records) {
  if (records.empty()) return {};
  index_->SkipIds(records.back().header.id + 1);
  // Files get new names too, and so do not take those of each other.
  for (const Unindexed& record : records) {
    if (record.place.segment == 0) index_->SkipFiles(static_cast<int64_t>(record.place.offset) + 1);
  }
  std::vector<std::unique_ptr<IncomingInstance>> instances;  // the index refers to their attributes until the end
  Request request;
  request.syncs_index = true;
  request.apply = [&]() -> base::Status {
    const int64_t now = NowUs();
    for (const Unindexed& record : records) {
      DH_ASSIGN(auto instance, ReadAgain(record));
      DH_ASSIGN(const auto existing, index_->Find(record.header.store, record.header.uid));
      if (existing) DH_CHECK(index_->Remove(*existing, false, now));
      const ChangeKind kind = existing ? ChangeKind::kReplaced : ChangeKind::kStored;
      DH_ASSIGN(const Place place, PlaceBytes(record.header.id, *instance));
      DH_CHECK(InsertOne(record.header.id, kind, now, *instance, place));
      instance->ForgetBytes();
      instances.push_back(std::move(instance));
    }
    return {};
  };
  return Submit(request);
}

base::Result<std::unique_ptr<IncomingInstance>> StoredInstances::ReadAgain(const Unindexed& record) {
  auto instance = std::make_unique<IncomingInstance>(*files_, record.header.store, std::string());
  instance->AcceptUidOfFileMeta();
  const bool is_file = record.place.segment == 0;
  const std::string path =
      is_file ? LargePath(static_cast<int64_t>(record.place.offset)) : instances_.PathOf(record.place.segment);
  if (is_file) {
    DH_CHECK(instance->Take(path));
  } else {
    DH_ASSIGN(const std::string bytes, instances_.ReadRecord(record.place, record.header.uid.size()));
    DH_CHECK(instance->Append({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
    DH_CHECK(instance->Finish());
  }
  if (instance->key().instance != record.header.uid) {
    return base::Error{base::ErrorCode::kCorrupt, path + (is_file ? "" : " at byte " + std::to_string(record.place.offset)) +
                                                      ": another instance than its record says"};
  }
  return instance;
}

}  // namespace dicomhouse::store
