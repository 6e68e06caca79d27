// Opening a data folder: what a stop of the process or the machine left half done is brought to an end or taken back
// (docs/data-format.md, "After a stop").
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/limits.h"
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

base::Status StoredInstances::Start() {
  for (const std::string& folder : {instances_.folder(), headers_.folder(), large_folder_}) DH_CHECK(files_->MakeFolders(folder));
  const auto read_attributes = [this](const InstanceRow& row) -> base::Result<InstanceAttributes> {
    DH_ASSIGN(const auto source, OpenHeaderAt(row.header, row.blob, row.info.key.instance.size(), nullptr));
    dicom::InstanceReader reader;
    dicom::Instance header;
    if (reader.Read(*source, header) != dicom::ReadOutcome::kInstance) {
      return base::Error{base::ErrorCode::kCorrupt, row.info.key.instance + ": its header can't be read any more"};
    }
    return AttributeReader().Read(header);
  };
  DH_ASSIGN(index_, IndexWriter::Open(base::JoinPath(folder_, "index.sqlite"), read_attributes));
  pins_.Committed(index_->next_id() - 1);
  DH_ASSIGN(const std::vector<SegmentRow> segments, index_->Segments());
  DH_ASSIGN(const Tails tails, FindTails(segments));
  DH_CHECK(CutSegments(segments, tails));
  DH_CHECK(RemoveLeftovers());
  DH_CHECK(files_->SyncFolder(folder_));
  DH_CHECK(RemakeHeaders(tails));
  DH_CHECK(IndexRecords(tails.unindexed));
  garbage_ = true;
  Reclaim();
  return {};
}

base::Result<StoredInstances::Tails> StoredInstances::FindTails(const std::vector<SegmentRow>& segments) {
  Tails tails;
  tails.instances = Newest(segments, RecordKind::kInstance);
  tails.headers = Newest(segments, RecordKind::kHeader);
  if (tails.instances.number != 0 && tails.instances.number == index_->log_segment()) DH_CHECK(FindUnindexed(tails));
  DH_CHECK(FindUnsyncedHeaders(segments, tails));
  return tails;
}

// Whole groups of records with ids that the index has not given away: they were synced, and so may have been acknowledged.
base::Status StoredInstances::FindUnindexed(Tails& tails) {
  const SegmentRow& log = tails.instances;
  const auto size = files_->Size(instances_.PathOf(log.number));
  if (!size.ok() || *size <= log.end) return {};
  DH_ASSIGN(const auto file, instances_.Open(log.number));
  dicom::FileSource source(*file);
  const uint64_t begin = log.end;
  int64_t next_id = index_->next_id();
  std::vector<Unindexed> group;
  // An error is the end of what counts.
  (void)ScanSegment(source, begin, *size, [&](const RecordHeader& header, uint64_t offset) {
    const Place place{log.number, offset, header.bytes};
    if (!instances_.ReadRecord(place, header.uid.size()).ok()) return false;
    if (header.kind == RecordKind::kCommit) {
      tails.unindexed.insert(tails.unindexed.end(), group.begin(), group.end());
      group.clear();
      return true;
    }
    if (header.kind != RecordKind::kInstance || header.id < next_id) return false;
    next_id = header.id + 1;
    group.push_back({header, place});
    return true;
  });
  return {};
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

// What lies behind the last record that counts was never acknowledged.
base::Status StoredInstances::CutSegments(const std::vector<SegmentRow>& rows, const Tails& tails) {
  for (const SegmentRow& row : rows) {
    const bool instances = row.kind == RecordKind::kInstance;
    const auto lost = tails.header_ends.find(row.number);
    const uint64_t end = !instances && lost != tails.header_ends.end() ? lost->second : row.end;
    // The log stays until what it has is elsewhere; the next opening cuts it.
    if (instances && row.number == tails.instances.number && !tails.unindexed.empty()) continue;
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
    const bool whole = newest.number != 0 && size.ok() && *size >= newest.end &&
                       (instances ? tails.unindexed.empty() : !tails.header_ends.contains(newest.number));
    const bool goes_on = whole && newest.end < base::kSegmentBytes;
    (instances ? instance_writer_ : header_writer_)
        .Open(goes_on ? newest.number : 0, goes_on ? newest.end : 0, newest.number + 1);
    DH_CHECK(RemoveUnknownSegments(segments, rows, newest.kind));
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
base::Status StoredInstances::RemoveLeftovers() {
  DH_ASSIGN(const std::vector<std::string> names, files_->List(large_folder_));
  const std::string next = LargePath(index_->next_file());
  for (const std::string& name : names) {
    const std::string path = base::JoinPath(large_folder_, name);
    if (name.ends_with(kSpillSuffix) || (name.ends_with(kLargeSuffix) && path >= next)) DH_CHECK(files_->Remove(path));
  }
  return {};
}

base::Status StoredInstances::RemakeHeaders(const Tails& tails) {
  if (tails.header_ends.empty()) return {};
  Request request;
  request.syncs_index = true;
  request.apply = [&]() -> base::Status {
    for (const auto& [number, end] : tails.header_ends) DH_CHECK(index_->SetSegment(RecordKind::kHeader, number, end));
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
      instances.push_back(std::move(instance));
    }
    return {};
  };
  return Submit(request);
}

base::Result<std::unique_ptr<IncomingInstance>> StoredInstances::ReadAgain(const Unindexed& record) {
  DH_ASSIGN(const std::string bytes, instances_.ReadRecord(record.place, record.header.uid.size()));
  auto instance = std::make_unique<IncomingInstance>(*files_, record.header.store, std::string());
  DH_CHECK(instance->Append({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
  DH_CHECK(instance->Finish());
  if (instance->key().instance != record.header.uid) {
    return base::Error{base::ErrorCode::kCorrupt, instances_.PathOf(record.place.segment) + " at byte " +
                                                      std::to_string(record.place.offset) +
                                                      ": another instance than its record says"};
  }
  return instance;
}

}  // namespace dicomhouse::store
