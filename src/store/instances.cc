#include "store/instances.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "store/internal/stored_instances.h"

namespace dicomhouse::store {
namespace {

// A group is no larger than this, so that nobody waits long for others.
constexpr size_t kMaxGroupRequests = 4096;
// Pieces of garbage that are given back at a time.
constexpr size_t kGarbageAtOnce = 512;
// Instances that are deleted in one transaction when a whole store goes.
constexpr size_t kDeletedAtOnce = 2048;

base::Error NotFound(const std::string& what) { return {base::ErrorCode::kNotFound, what + " is not in the store"}; }

// A stretch of a file.
class FileBlob final : public Blob {
 public:
  FileBlob(std::shared_ptr<const base::InputFile> file, uint64_t offset, uint64_t size, std::shared_ptr<Pins::Pin> pin)
      : file_(std::move(file)), offset_(offset), size_(size), pin_(std::move(pin)) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    if (offset >= size_) return size_t{0};
    const auto count = static_cast<size_t>(std::min<uint64_t>(out.size(), size_ - offset));
    DH_ASSIGN(const size_t got, file_->ReadAt(offset_ + offset, out.first(count)));
    if (got < count) return base::Error{base::ErrorCode::kCorrupt, "the stored bytes end before the instance does"};
    return got;
  }
  uint64_t size() const override { return size_; }

 private:
  std::shared_ptr<const base::InputFile> file_;
  uint64_t offset_;
  uint64_t size_;
  std::shared_ptr<Pins::Pin> pin_;
};

}  // namespace

base::Result<std::unique_ptr<Instances>> Instances::Open(const std::string& folder, base::FileSystem& files) {
  auto instances = std::make_unique<StoredInstances>(folder, files);
  DH_CHECK(instances->Start());
  return std::unique_ptr<Instances>(std::move(instances));
}

StoredInstances::StoredInstances(const std::string& folder, base::FileSystem& files, std::string_view index_name)
    : files_(&files),
      folder_(folder),
      index_path_(base::JoinPath(folder, index_name)),
      large_folder_(base::JoinPath(folder, kLargeFolder)),
      instances_(base::JoinPath(folder, kSegmentsFolder), std::string(kSegmentSuffix)),
      headers_(base::JoinPath(folder, kHeadersFolder), std::string(kHeaderSuffix)),
      readers_(index_path_),
      instance_writer_(files, instances_, SegmentWriter::Space::kAhead),
      header_writer_(files, headers_, SegmentWriter::Space::kAsNeeded) {}

StoredInstances::~StoredInstances() {
  // So that the next process has nothing to catch up with. Where it fails, it has.
  if (index_behind_) (void)SyncIndex();
  // The writer is the last one to go: it moves SQLite's log into the index, and so all of the index is in one file.
  readers_.Close();
}

base::Status StoredInstances::SyncIndex() {
  Request request;
  request.syncs_index = true;
  request.apply = [] { return base::Status(); };
  return Submit(request);
}

std::string StoredInstances::LargePath(int64_t number) const {
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%016lld", static_cast<long long>(number));
  return base::JoinPath(large_folder_, digits.data()) + std::string(kLargeSuffix);
}

// ---- Groups

// Whoever finds nobody leading takes what waits, its own among it, and has all of it on the disk with one sync.
base::Status StoredInstances::Submit(Request& request) {
  std::unique_lock lock(queue_mutex_);
  queue_.push_back(&request);
  while (!request.done) {
    if (leading_) {
      group_done_.wait(lock);
      continue;
    }
    leading_ = true;
    const std::vector<Request*> group = TakeGroup();
    lock.unlock();
    RunGroup(group);
    lock.lock();
    for (Request* member : group) member->done = true;
    leading_ = false;
    group_done_.notify_all();
  }
  return request.status;
}

std::vector<StoredInstances::Request*> StoredInstances::TakeGroup() {
  std::vector<Request*> group;
  uint64_t bytes = 0;
  while (!queue_.empty() && group.size() < kMaxGroupRequests) {
    bytes += queue_.front()->bytes;
    if (!group.empty() && bytes > base::kMaxGroupBytes) break;
    group.push_back(queue_.front());
    queue_.pop_front();
  }
  return group;
}

void StoredInstances::RunGroup(std::span<Request* const> group) {
  bool committing = false;
  arrived_.clear();
  const base::Status status = ApplyGroup(group, committing);
  if (status.ok()) {
    instance_writer_.Keep();
    header_writer_.Keep();
    pins_.Committed(index_->next_id() - 1);
    for (const Arrived& arrived : arrived_) arrived.incoming->GiveFileAway();
    orphans_.clear();
    return;
  }
  UndoGroup(committing);
  for (Request* request : group) {
    if (request->status.ok()) request->status = status;
  }
}

void StoredInstances::UndoGroup(bool committing) {
  index_->Rollback();
  // A commit that failed may still be found on the disk after a crash: what it refers to has to stay then.
  instance_writer_.Undo(!committing);
  if (header_writer_.Undo(!committing) == SegmentWriter::Left::kUnsynced) headers_doubtful_ = true;
  for (const Arrived& arrived : arrived_) {
    const std::string path = LargePath(static_cast<int64_t>(arrived.place.offset));
    // Renamed back or not, after a crash the file may be there.
    if (committing || !files_->Rename(path, arrived.incoming->spill_path()).ok()) arrived.incoming->GiveFileAway();
    orphans_.push_back(arrived.place);
  }
}

// The log segment is ahead of the index as it is on the disk, and only as far as can be read again in a moment.
bool StoredInstances::SyncsIndex(std::span<Request* const> group) const {
  return instance_writer_.begins_segment() || header_writer_.begins_segment() ||
         instance_writer_.number() != index_->log_segment() ||
         instance_writer_.end() - indexed_end_ >= base::kMaxUnindexedBytes ||
         std::any_of(group.begin(), group.end(), [](const Request* request) { return request->syncs_index; });
}

SyncedHeaders StoredInstances::SyncedNow() const {
  const bool has_segment = header_writer_.number() != 0;
  return {index_->next_id() - 1, has_segment ? header_writer_.number() : header_writer_.next_number(),
          has_segment ? header_writer_.end() : 0};
}

base::Status StoredInstances::ApplyGroup(std::span<Request* const> group, bool& committing) {
  const bool syncs_index = SyncsIndex(group);
  const int64_t first_id = index_->next_id();
  DH_CHECK(index_->Begin(syncs_index ? IndexWriter::Durability::kSynced : IndexWriter::Durability::kLogged));
  for (Request* request : group) {
    request->status = request->apply();
    if (!request->status.ok() && request->status.error().code != base::ErrorCode::kNotFound) return request->status;
  }
  for (const Place& orphan : orphans_) DH_CHECK(index_->AddGarbageFile(orphan));
  if (!orphans_.empty()) garbage_ = true;
  DH_CHECK(syncs_index ? header_writer_.Sync() : header_writer_.Write());
  if (!arrived_.empty()) DH_CHECK(files_->SyncFolder(large_folder_));
  // A group says in the log that it is whole: the index may lose it. Last, so that it is.
  if (instance_writer_.has_group() || index_->next_id() != first_id) {
    DH_CHECK(instance_writer_.Add({RecordKind::kCommit, 0, index_->next_id() - 1, "", 0, 0}, ""));
  }
  DH_CHECK(instance_writer_.Sync());
  DH_CHECK(index_->Settle());
  index_->SetSegment(RecordKind::kInstance, instance_writer_.number(), instance_writer_.end());
  index_->SetSegment(RecordKind::kHeader, header_writer_.number(), header_writer_.end());
  if (syncs_index) {
    index_->SetLog(instance_writer_.number(), headers_doubtful_ ? index_->synced_headers() : SyncedNow());
  }
  committing = true;
  if (!syncs_index) index_behind_ = true;  // before anybody sees its rows
  DH_CHECK(index_->Commit());
  if (syncs_index) {
    index_behind_ = false;
    indexed_end_ = instance_writer_.end();
  }
  return {};
}

// ---- Writing

base::Result<std::unique_ptr<Incoming>> StoredInstances::Begin(int64_t store) {
  const std::string name = std::to_string(next_spill_.fetch_add(1)) + std::string(kSpillSuffix);
  return std::unique_ptr<Incoming>(std::make_unique<IncomingInstance>(*files_, store, base::JoinPath(large_folder_, name)));
}

base::Result<std::vector<Stored>> StoredInstances::Commit(std::span<const std::unique_ptr<Incoming>> incoming,
                                                          OnExisting on_existing) {
  std::vector<IncomingInstance*> own;
  Request request;
  for (const auto& one : incoming) {
    auto* instance = dynamic_cast<IncomingInstance*>(one.get());
    if (instance == nullptr || !instance->finished()) {
      return base::Error{base::ErrorCode::kInvalidArgument, "an instance that is not finished can't be stored"};
    }
    request.bytes += instance->bytes().size();
    request.syncs_index = request.syncs_index || instance->spilled();  // what the log segment has no record of
    own.push_back(instance);
  }
  if (own.empty()) return std::vector<Stored>();
  std::vector<Stored> outcomes;
  request.apply = [&]() -> base::Status {
    outcomes.assign(own.size(), Stored::kStored);
    for (size_t i = 0; i < own.size(); ++i) DH_CHECK(CommitOne(*own[i], on_existing, outcomes[i]));
    return {};
  };
  DH_CHECK(Submit(request));
  if (std::find(outcomes.begin(), outcomes.end(), Stored::kReplaced) != outcomes.end()) AfterRemoving();
  return outcomes;
}

base::Status StoredInstances::CommitOne(IncomingInstance& incoming, OnExisting on_existing, Stored& outcome) {
  DH_ASSIGN(const auto existing, index_->Find(incoming.store(), incoming.key().instance));
  outcome = Stored::kStored;
  const int64_t now = NowUs();
  if (existing) {
    outcome = existing->info.sha256 == incoming.sha256() ? Stored::kSame
              : on_existing == OnExisting::kRefuse       ? Stored::kConflict
                                                         : Stored::kReplaced;
    if (outcome != Stored::kReplaced) return {};
    DH_CHECK(index_->Remove(*existing, false, now));
  }
  const int64_t id = index_->NewId();
  DH_ASSIGN(const Place blob, PlaceBytes(id, incoming));
  return InsertOne(id, existing ? ChangeKind::kReplaced : ChangeKind::kStored, now, incoming, blob);
}

base::Status StoredInstances::InsertOne(int64_t id, ChangeKind kind, int64_t now, const IncomingInstance& incoming,
                                        const Place& blob) {
  RecordHeader record{RecordKind::kHeader, incoming.store(), id, incoming.key().instance, 0, 0};
  DH_ASSIGN(const Place header, header_writer_.Add(record, incoming.header_record()));
  // The rows that count live bytes have to be there.
  DH_CHECK(index_->NeedSegment(RecordKind::kInstance, blob.segment));
  DH_CHECK(index_->NeedSegment(RecordKind::kHeader, header.segment));
  return index_->Insert(id, kind, now, incoming, blob, header);
}

base::Result<Place> StoredInstances::PlaceBytes(int64_t id, IncomingInstance& incoming) {
  if (!incoming.spilled()) {
    return instance_writer_.Add({RecordKind::kInstance, incoming.store(), id, incoming.key().instance, 0, 0}, incoming.bytes());
  }
  const int64_t number = index_->NewFile();
  DH_CHECK(files_->Rename(incoming.spill_path(), LargePath(number)));
  const Place place{0, static_cast<uint64_t>(number), incoming.size()};
  arrived_.push_back({&incoming, place});
  return place;
}

base::Result<int64_t> StoredInstances::Delete(int64_t store, const InstanceKey& key) {
  int64_t deleted = 0;
  Request request;
  request.syncs_index = true;
  request.apply = [&]() -> base::Status {
    const std::string sql = std::string(kSelectRow) + "WHERE t.store = ? AND t.uid = ?" +
                            (key.series.empty() ? "" : " AND s.uid = ?") + (key.instance.empty() ? "" : " AND i.uid = ?");
    std::vector<InstanceRow> rows;
    {
      DH_ASSIGN(Query query, index_->connection().Prepare(sql));
      query->Bind(1, store).Bind(2, key.study);
      if (!key.series.empty()) query->Bind(3, key.series);
      if (!key.instance.empty()) query->Bind(4, key.instance);
      for (;;) {
        DH_ASSIGN(const bool found, query->Step());
        if (!found) break;
        rows.push_back(ReadRow(*query));
      }
    }
    if (rows.empty()) {
      return NotFound(!key.instance.empty() ? key.instance : !key.series.empty() ? key.series : key.study);
    }
    const int64_t now = NowUs();
    for (const InstanceRow& row : rows) DH_CHECK(index_->Remove(row, true, now));
    deleted = static_cast<int64_t>(rows.size());
    return {};
  };
  DH_CHECK(Submit(request));
  AfterRemoving();
  return deleted;
}

void StoredInstances::AfterRemoving() {
  page_ends_.Forget();
  garbage_ = true;
  Reclaim();
}

base::Status StoredInstances::DeleteStore(int64_t store) {
  // Many transactions: a crash between them leaves a store without a name, which is deleted when the data folder is opened.
  for (bool more = true; more;) {
    Request request;
    request.syncs_index = true;
    request.apply = [&]() -> base::Status {
      static const std::string kSql = std::string(kSelectRow) + "WHERE i.store = ? ORDER BY i.id LIMIT ?";
      std::vector<InstanceRow> rows;
      {
        DH_ASSIGN(Query query, index_->connection().Prepare(kSql));
        query->Bind(1, store).Bind(2, static_cast<int64_t>(kDeletedAtOnce));
        for (;;) {
          DH_ASSIGN(const bool found, query->Step());
          if (!found) break;
          rows.push_back(ReadRow(*query));
        }
      }
      for (const InstanceRow& row : rows) DH_CHECK(index_->Remove(row, true, 0));
      more = !rows.empty();
      return more ? base::Status() : index_->ForgetStore(store);
    };
    DH_CHECK(Submit(request));
  }
  AfterRemoving();
  return {};
}

// ---- Space

// Gives back what nobody reads any more. What can't be given back now is tried again later.
void StoredInstances::Reclaim() {
  const std::unique_lock lock(reclaim_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  while (garbage_) {
    garbage_ = false;
    const auto more = ReclaimSome();
    if (!more.ok()) {
      garbage_ = true;
      return;
    }
    if (*more) garbage_ = true;
  }
}

void StoredInstances::SpaceMayHaveBecomeFree() {
  if (!held_back_) return;
  garbage_ = true;
  Reclaim();
}

base::Result<bool> StoredInstances::ReclaimSome() {
  std::vector<Garbage> garbage;
  std::vector<SegmentRow> empty;
  const int64_t oldest = pins_.Oldest();
  {
    DH_ASSIGN(auto reader, readers_.Take());
    DH_ASSIGN(Query query, reader->Prepare("SELECT id, kind, segment, offset, bytes FROM garbage WHERE number <= ? LIMIT ?"));
    query->Bind(1, oldest).Bind(2, static_cast<int64_t>(kGarbageAtOnce));
    for (;;) {
      DH_ASSIGN(const bool row, query->Step());
      if (!row) break;
      garbage.push_back({query->Int(0), static_cast<RecordKind>(query->Int(1)),
                         Place{query->Int(2), static_cast<uint64_t>(query->Int(3)), static_cast<uint64_t>(query->Int(4))}});
    }
  }
  // A record in the part of the log that the index may lose is still wanted, to read what comes behind it.
  if (!garbage.empty() && index_behind_) DH_CHECK(SyncIndex());
  for (const Garbage& one : garbage) DH_CHECK(GiveBack(one));
  // The rows say which files may still be there: they stay until the names are gone from the disk.
  if (std::any_of(garbage.begin(), garbage.end(), [](const Garbage& one) { return one.place.segment == 0; })) {
    DH_CHECK(files_->SyncFolder(large_folder_));
  }
  held_back_ = oldest != std::numeric_limits<int64_t>::max();
  if (garbage.empty()) return false;
  Request request;
  request.syncs_index = true;
  request.apply = [&]() -> base::Status {
    for (const Garbage& one : garbage) DH_CHECK(index_->RemoveGarbage(one.row));
    DH_ASSIGN(empty, index_->TakeEmptySegments(instance_writer_.number(), header_writer_.number()));
    return {};
  };
  DH_CHECK(Submit(request));
  for (const SegmentRow& row : empty) {
    SegmentFiles& segments = row.kind == RecordKind::kInstance ? instances_ : headers_;
    segments.Forget(row.number);
    DH_CHECK(files_->Remove(segments.PathOf(row.number)));
  }
  return garbage.size() == kGarbageAtOnce;
}

// Only the bytes: the record's own header stays, so that the segment can still be read record by record.
base::Status StoredInstances::GiveBack(const Garbage& garbage) {
  if (garbage.place.segment == 0) return files_->Remove(LargePath(static_cast<int64_t>(garbage.place.offset)));
  const SegmentFiles& segments = garbage.kind == RecordKind::kInstance ? instances_ : headers_;
  return files_->PunchHole(segments.PathOf(garbage.place.segment), garbage.place.offset, garbage.place.bytes);
}

// ---- Reading

base::Result<InstanceInfo> StoredInstances::Find(int64_t store, const InstanceKey& key) {
  static const std::string kSql = std::string(kSelectRow) + "WHERE i.store = ? AND i.uid = ?";
  DH_ASSIGN(auto reader, readers_.Take());
  DH_ASSIGN(Query query, reader->Prepare(kSql));
  query->Bind(1, store).Bind(2, key.instance);
  DH_ASSIGN(const bool found, query->Step());
  if (!found) return NotFound(key.instance);
  InstanceRow row = ReadRow(*query);
  if (row.info.key != key) return NotFound(key.instance);
  return std::move(row.info);
}

base::Result<std::vector<InstanceInfo>> StoredInstances::List(int64_t store, const std::string& study, const std::string& series,
                                                              int64_t after, size_t limit) {
  static const std::string kOfStudy =
      std::string(kSelectRow) +
      "WHERE i.study = (SELECT id FROM studies WHERE store = ?1 AND uid = ?2) AND i.id > ?4 ORDER BY i.id LIMIT ?5";
  static const std::string kOfSeries =
      std::string(kSelectRow) +
      "WHERE i.series = (SELECT s.id FROM series s JOIN studies t ON t.id = s.study WHERE t.store = ?1 AND t.uid = ?2 AND "
      "s.uid = ?3) AND i.id > ?4 ORDER BY i.id LIMIT ?5";
  DH_ASSIGN(auto reader, readers_.Take());
  DH_ASSIGN(Query query, reader->Prepare(series.empty() ? kOfStudy : kOfSeries));
  query->Bind(1, store).Bind(2, study).Bind(3, series).Bind(4, after).Bind(5, static_cast<int64_t>(limit));
  std::vector<InstanceInfo> found;
  for (;;) {
    DH_ASSIGN(const bool row, query->Step());
    if (!row) return found;
    found.push_back(ReadRow(*query).info);
  }
}

base::Result<std::unique_ptr<Blob>> StoredInstances::OpenBlobAt(const Place& place, PinPointer pin) {
  std::shared_ptr<const base::InputFile> file;
  if (place.segment == 0) {
    DH_ASSIGN(base::InputFile own, base::InputFile::Open(LargePath(static_cast<int64_t>(place.offset))));
    file = std::make_shared<const base::InputFile>(std::move(own));
  } else {
    DH_ASSIGN(file, instances_.Open(place.segment));
  }
  const uint64_t offset = place.segment == 0 ? 0 : place.offset;
  return std::unique_ptr<Blob>(std::make_unique<FileBlob>(std::move(file), offset, place.bytes, std::move(pin)));
}

base::Result<std::unique_ptr<dicom::ByteSource>> StoredInstances::OpenHeaderAt(const Place& header, const Place& blob,
                                                                               size_t uid_bytes, const PinPointer& pin) {
  const auto open_blob = [this, blob, pin]() -> base::Result<std::unique_ptr<dicom::ByteSource>> {
    DH_ASSIGN(std::unique_ptr<Blob> opened, OpenBlobAt(blob, pin));
    return std::unique_ptr<dicom::ByteSource>(std::move(opened));
  };
  auto payload = headers_.ReadRecord(header, uid_bytes);
  // Header bytes are a copy: where they can't be had, the instance itself is read.
  if (!payload.ok()) return open_blob();
  auto source = HeaderSource::Make(*std::move(payload), open_blob);
  if (!source.ok()) return open_blob();
  return std::unique_ptr<dicom::ByteSource>(*std::move(source));
}

base::Result<std::unique_ptr<Blob>> StoredInstances::OpenBlob(const InstanceInfo& info) {
  PinPointer pin = pins_.Take();
  DH_ASSIGN(auto reader, readers_.Take());
  DH_ASSIGN(Query query, reader->Prepare("SELECT segment, offset, bytes FROM instances WHERE id = ?"));
  query->Bind(1, info.id);
  DH_ASSIGN(const bool found, query->Step());
  if (!found) return NotFound(info.key.instance);
  const Place place{query->Int(0), static_cast<uint64_t>(query->Int(1)), static_cast<uint64_t>(query->Int(2))};
  return OpenBlobAt(place, std::move(pin));
}

base::Result<std::unique_ptr<dicom::ByteSource>> StoredInstances::OpenHeader(const InstanceInfo& info) {
  PinPointer pin = pins_.Take();
  static const std::string kSql = std::string(kSelectRow) + "WHERE i.id = ?";
  DH_ASSIGN(auto reader, readers_.Take());
  DH_ASSIGN(Query query, reader->Prepare(kSql));
  query->Bind(1, info.id);
  DH_ASSIGN(const bool found, query->Step());
  if (!found) return NotFound(info.key.instance);
  const InstanceRow row = ReadRow(*query);
  return OpenHeaderAt(row.header, row.blob, row.info.key.instance.size(), pin);
}

base::Result<std::vector<int64_t>> StoredInstances::Stores() {
  DH_ASSIGN(auto reader, readers_.Take());
  DH_ASSIGN(Query query, reader->Prepare("SELECT store FROM stores ORDER BY store"));
  std::vector<int64_t> stores;
  for (;;) {
    DH_ASSIGN(const bool row, query->Step());
    if (!row) return stores;
    stores.push_back(query->Int(0));
  }
}

base::Result<StoreMetrics> StoredInstances::Metrics(int64_t store) {
  DH_ASSIGN(auto reader, readers_.Take());
  DH_ASSIGN(Query query,
            reader->Prepare("SELECT studies, series, instances, header_bytes, blob_bytes FROM stores WHERE store = ?"));
  query->Bind(1, store);
  DH_ASSIGN(const bool row, query->Step());
  if (!row) return StoreMetrics{};
  return StoreMetrics{query->Int(0), query->Int(1), query->Int(2), query->Int(3), query->Int(4)};
}

base::Result<std::vector<Change>> StoredInstances::Changes(int64_t store, int64_t after, size_t limit) {
  DH_ASSIGN(auto reader, readers_.Take());
  // A stored instance is its own line in the log until it goes.
  DH_ASSIGN(Query query, reader->Prepare("SELECT * FROM (SELECT number, kind, time_us, study, series, instance FROM changes "
                                         "WHERE store = ?1 AND number > ?2 ORDER BY number LIMIT ?3) UNION ALL "
                                         "SELECT * FROM (SELECT i.id, i.kind, i.stored_us, t.uid, s.uid, i.uid FROM instances i "
                                         "JOIN series s ON s.id = i.series JOIN studies t ON t.id = i.study "
                                         "WHERE i.store = ?1 AND i.id > ?2 ORDER BY i.id LIMIT ?3) ORDER BY 1 LIMIT ?3"));
  query->Bind(1, store).Bind(2, after).Bind(3, static_cast<int64_t>(limit));
  std::vector<Change> changes;
  for (;;) {
    DH_ASSIGN(const bool row, query->Step());
    if (!row) return changes;
    changes.push_back({query->Int(0),
                       static_cast<ChangeKind>(query->Int(1)),
                       query->Int(2),
                       {std::string(query->Text(3)), std::string(query->Text(4)), std::string(query->Text(5))}});
  }
}

}  // namespace dicomhouse::store
