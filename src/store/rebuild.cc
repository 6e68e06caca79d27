// An index made from the segments and files alone: for a folder whose index is lost or broken.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "store/internal/stored_instances.h"

namespace dicomhouse::store {
namespace {

constexpr std::string_view kRebuiltName = "index.rebuilt.sqlite";
constexpr std::string_view kOldSuffix = ".old";
constexpr const char* kSqliteSuffixes[] = {"", "-wal", "-shm"};
// Instances that become rows in one transaction.
constexpr size_t kInstancesAtOnce = 1000;

}  // namespace

// Reads all records in their order and makes rows of those that are whole. Bytes stay where they are; header bytes are made
// again.
class StoredInstances::Rebuilder {
 public:
  Rebuilder(StoredInstances& store, RebuiltIndex& result) : store_(&store), result_(&result) {}

  base::Status Run(const RebuildProgress& progress) {
    DH_ASSIGN(const std::vector<int64_t> segments, store_->instances_.Numbers(*store_->files_));
    DH_ASSIGN(const std::vector<int64_t> headers, store_->headers_.Numbers(*store_->files_));
    DH_CHECK(FindFiles(headers));
    DH_CHECK(GiveNumbers(segments, headers));
    for (size_t i = 0; i < segments.size(); ++i) {
      progress(i, segments.size());
      DH_CHECK(ReadSegment(segments[i]));
    }
    DH_CHECK(AddFilesBefore(store_->index_->next_id()));
    DH_CHECK(Commit());
    progress(segments.size(), segments.size());
    return {};
  }

 private:
  struct Waiting {
    RecordHeader header;
    Place place;
    std::unique_ptr<IncomingInstance> instance;
  };

  void Damaged(const std::string& line) { result_->damaged.push_back(line); }

  // Instances in files of their own: the record of their header bytes says whose they are.
  base::Status FindFiles(const std::vector<int64_t>& headers) {
    DH_ASSIGN(LargeFiles files, store_->LargeFilesFrom(1));
    for (auto number = headers.rbegin(); number != headers.rend() && !files.empty(); ++number) {
      DH_CHECK(store_->MatchFiles(*number, 0, files, large_));
    }
    std::sort(large_.begin(), large_.end(), [](const Unindexed& a, const Unindexed& b) { return a.header.id < b.header.id; });
    for (const auto& [uid, number] : files) {
      Damaged(store_->LargePath(number) +
              ": no record says which DICOM store it belongs to; `dicomhouse store add` adds it to one");
    }
    return {};
  }

  // New numbers are above all that were ever given.
  base::Status GiveNumbers(const std::vector<int64_t>& segments, const std::vector<int64_t>& headers) {
    int64_t id = large_.empty() ? 0 : large_.back().header.id;
    for (const bool of_headers : {false, true}) {
      SegmentFiles& files = of_headers ? store_->headers_ : store_->instances_;
      for (const int64_t number : of_headers ? headers : segments) {
        DH_CHECK(Scan(files, number, [&id](const RecordHeader& header, uint64_t) {
          id = std::max(id, header.id);
          return true;
        }));
      }
    }
    store_->index_->SkipIds(id + 1);
    DH_ASSIGN(const std::vector<std::string> names, store_->files_->List(store_->large_folder_));
    for (const std::string& name : names) store_->index_->SkipFiles(std::atoll(name.c_str()) + 1);
    store_->instance_writer_.Open(0, 0, segments.empty() ? 1 : segments.back() + 1);
    store_->header_writer_.Open(0, 0, headers.empty() ? 1 : headers.back() + 1);
    return {};
  }

  // Returns where what is there ends: zeros may have been written ahead of it.
  base::Result<uint64_t> Scan(SegmentFiles& files, int64_t number, const VisitRecord& visit) {
    DH_ASSIGN(const auto file, files.Open(number));
    DH_ASSIGN(const uint64_t size, store_->files_->Size(files.PathOf(number)));
    dicom::FileSource source(*file);
    uint64_t end = 0;
    const auto visit_record = [&](const RecordHeader& header, uint64_t offset) {
      const size_t uid_bytes = header.uid.size();
      end = offset - RecordHeaderBytes(uid_bytes) + RecordBytes(uid_bytes, header.bytes);
      return visit(header, offset);
    };
    DH_CHECK(SalvageSegment(source, 0, size, visit_record, [&](uint64_t from, uint64_t to) {
      end = to;
      if (&files == &store_->instances_ && reading_) {
        Damaged(files.PathOf(number) + " at byte " + std::to_string(from) + ": " + std::to_string(to - from) +
                " bytes are no record");
      }
    }));
    return end;
  }

  base::Status ReadSegment(int64_t number) {
    reading_ = true;
    base::Status status;
    const auto end = Scan(store_->instances_, number, [&](const RecordHeader& header, uint64_t offset) {
      if (header.kind == RecordKind::kInstance) status = Read(header, {number, offset, header.bytes});
      return status.ok();
    });
    DH_CHECK(end);
    DH_CHECK(status);
    DH_CHECK(Commit());
    return store_->SetSegmentEnd(number, *end);
  }

  base::Status Read(const RecordHeader& header, const Place& place) {
    DH_CHECK(AddFilesBefore(header.id));
    return Add({header, place});
  }

  base::Status AddFilesBefore(int64_t id) {
    for (; next_large_ < large_.size() && large_[next_large_].header.id < id; ++next_large_) DH_CHECK(Add(large_[next_large_]));
    return {};
  }

  base::Status Add(const Unindexed& record) {
    auto instance = store_->ReadAgain(record);
    if (!instance.ok()) {
      if (instance.error().code == base::ErrorCode::kIo) return instance.error();
      const bool in_segment = record.place.segment != 0;
      const auto hole = in_segment ? store_->instances_.IsHole(record.place) : base::Result<bool>(false);
      if (!hole.ok() || !*hole) Damaged(record.header.uid + ": " + instance.error().message);
      return {};
    }
    (*instance)->ForgetBytes();
    waiting_.push_back({record.header, record.place, *std::move(instance)});
    return waiting_.size() < kInstancesAtOnce ? base::Status() : Commit();
  }

  base::Status Commit() {
    if (waiting_.empty()) return {};
    Request request;
    request.syncs_index = true;
    request.apply = [this]() -> base::Status {
      const int64_t now = NowUs();
      for (const Waiting& one : waiting_) DH_CHECK(Insert(one, now));
      return {};
    };
    DH_CHECK(store_->Submit(request));
    waiting_.clear();
    return {};
  }

  // The newest of one UID counts: ids ascend. The log of changes begins anew.
  base::Status Insert(const Waiting& one, int64_t now) {
    IndexWriter& index = *store_->index_;
    DH_ASSIGN(const auto existing, index.Find(one.header.store, one.header.uid));
    if (existing && existing->info.id >= one.header.id) return {};
    if (existing) DH_CHECK(index.Remove(*existing, false, now));
    result_->instances += existing ? 0 : 1;
    return store_->InsertOne(one.header.id, ChangeKind::kStored, now, *one.instance, one.place);
  }

  StoredInstances* store_;
  RebuiltIndex* result_;
  std::vector<Unindexed> large_;  // by id
  size_t next_large_ = 0;
  std::vector<Waiting> waiting_;
  bool reading_ = false;  // else the numbers of records are looked at
};

base::Status StoredInstances::SetSegmentEnd(int64_t number, uint64_t end) {
  Request request;
  request.syncs_index = true;
  request.apply = [&]() -> base::Status {
    index_->SetSegment(RecordKind::kInstance, number, end);
    return {};
  };
  return Submit(request);
}

base::Result<RebuiltIndex> StoredInstances::Rebuild(const RebuildProgress& progress) {
  for (const std::string& folder : {instances_.folder(), headers_.folder(), large_folder_}) DH_CHECK(files_->MakeFolders(folder));
  DH_ASSIGN(index_, IndexWriter::Open(index_path_, IndexWriter::Folder::kNew, AttributesReader()));
  RebuiltIndex result;
  DH_CHECK(Rebuilder(*this, result).Run(progress));
  return result;
}

base::Result<RebuiltIndex> RebuildIndex(const std::string& folder, base::FileSystem& files, const RebuildProgress& progress) {
  const std::string rebuilt = base::JoinPath(folder, kRebuiltName);
  const std::string index = base::JoinPath(folder, kIndexName);
  for (const char* suffix : kSqliteSuffixes) DH_CHECK(files.Remove(rebuilt + suffix));  // of one that was interrupted
  RebuiltIndex result;
  {
    StoredInstances instances(folder, files, kRebuiltName);
    DH_ASSIGN(result, instances.Rebuild(progress));
  }
  if (files.Exists(rebuilt + "-wal")) return base::Error{base::ErrorCode::kIo, rebuilt + ": could not be closed"};
  for (const char* suffix : kSqliteSuffixes) {
    DH_CHECK(files.Remove(index + std::string(kOldSuffix) + suffix));
    if (files.Exists(index + suffix)) DH_CHECK(files.Rename(index + suffix, index + std::string(kOldSuffix) + suffix));
  }
  DH_CHECK(files.Rename(rebuilt, index));
  DH_CHECK(files.SyncFolder(folder));
  return result;
}

}  // namespace dicomhouse::store
