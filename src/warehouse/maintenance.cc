// Care for tables: forgetting old versions, dropping, and recording where a moved table is.
#include <algorithm>
#include <map>
#include <set>

#include "base/limits.h"
#include "warehouse/internal/position_delete_file.h"
#include "warehouse/internal/random.h"
#include "warehouse/internal/table_lock.h"
#include "warehouse/internal/table_state.h"

namespace dicomhouse::warehouse {

using base::Error;
using base::ErrorCode;
using base::FileSystem;
using base::JoinPath;
using base::Json;
using base::Result;
using base::Status;

namespace {

// Whether this program may write metadata about what is there; partitioned tables too, as nothing is added to them.
Status CheckCaredFor(const TableState& state) {
  if (state.file.file_system && state.metadata.format_version() == 2) return {};
  return Error{ErrorCode::kUnsupported,
               state.metadata.where() + ": only tables of Iceberg format version 2 that no catalog service keeps can be changed"};
}

// The versions to keep: the newest of branch main, the young ones, and what other branches and tags name.
std::vector<int64_t> VersionsToKeep(const TableMetadata& metadata, int keep_last, int64_t older_than_ms) {
  std::set<int64_t> keep;
  auto id = metadata.current_snapshot_id();
  for (int kept = 0; id && kept < keep_last; ++kept) {
    const SnapshotEntry* entry = metadata.FindSnapshot(*id);
    if (entry == nullptr || !keep.insert(*id).second) break;
    id = entry->parent_id;
  }
  for (const SnapshotEntry& entry : metadata.snapshots()) {
    if (entry.timestamp_ms >= older_than_ms) keep.insert(entry.id);
  }
  for (const auto& [name, ref] : metadata.json()["refs"].object()) keep.insert(ref["snapshot-id"].as_int());
  return {keep.begin(), keep.end()};
}

// Files that only versions outside `keep` name.
Result<std::set<std::string>> FilesOfForgotten(FileSystem& files, const PathMap& paths, const TableMetadata& metadata,
                                               const std::vector<int64_t>& keep) {
  std::set<std::string> kept;
  std::set<std::string> forgotten;
  for (const SnapshotEntry& entry : metadata.snapshots()) {
    const bool stays = std::find(keep.begin(), keep.end(), entry.id) != keep.end();
    const auto named = FilesOfSnapshot(files, paths, entry);
    if (!named.ok() && !stays && named.error().code == ErrorCode::kNotFound) continue;  // an earlier Expire was cut short
    if (!named.ok()) return Error{named.error().code, metadata.where() + ": " + named.error().message};
    (stays ? kept : forgotten).insert(named->begin(), named->end());
  }
  for (const std::string& file : kept) forgotten.erase(file);
  return forgotten;
}

// Metadata files older than the one before the current: nothing but a log names them.
std::vector<std::string> OldMetadataFiles(FileSystem& files, const std::string& folder, int64_t current) {
  std::vector<std::string> old;
  const auto names = files.List(JoinPath(folder, "metadata"));
  if (!names.ok()) return old;
  for (const std::string& name : *names) {
    const auto file = ParseMetadataName(name);
    if (file && file->file_system && file->version < current - 1) old.push_back("metadata/" + name);
  }
  return old;
}

void ForgetOldLogEntries(TableMetadata& metadata) {
  Json log = metadata.json()["metadata-log"];
  if (log.array().size() > 1) log.array().erase(log.array().begin(), log.array().end() - 1);
  metadata.json().Set("metadata-log", std::move(log));
}

// What Expire and Relocate share: the next version of the metadata, published.
Status PublishNext(FileSystem& files, const std::string& folder, const TableState& state, TableMetadata& next) {
  next.json().Set("last-updated-ms", std::max(NowMs(), state.metadata.last_updated_ms()));
  bool published = false;
  return Publish(files, folder, state.file.version + 1, next.Print(), "." + RandomHex(), published);
}

Result<int64_t> ExpireOnce(const Warehouse& warehouse, const TableName& name, int keep_last, int64_t older_than_ms, bool alone) {
  FileSystem& files = warehouse.files();
  const std::string folder = warehouse.TableFolder(name);
  DH_ASSIGN(const TableState state, StateOf(warehouse, name));
  DH_CHECK(CheckCaredFor(state));
  const TableMetadata& metadata = state.metadata;
  const PathMap paths(metadata.location(), folder);
  const std::vector<int64_t> keep = VersionsToKeep(metadata, keep_last, older_than_ms);
  DH_ASSIGN(std::set<std::string> gone, FilesOfForgotten(files, paths, metadata, keep));
  const bool forgets = std::any_of(metadata.snapshots().begin(), metadata.snapshots().end(), [&keep](const auto& entry) {
    return std::find(keep.begin(), keep.end(), entry.id) == keep.end();
  });
  int64_t version = state.file.version;
  if (forgets) {
    TableMetadata next = metadata;
    next.KeepSnapshots(keep);
    next.AddToLog(paths.Recorded("metadata/" + state.file.name), metadata.last_updated_ms());
    if (alone) ForgetOldLogEntries(next);
    DH_CHECK(PublishNext(files, folder, state, next));
    ++version;
    const auto kept = next.StatisticsFiles();
    for (const std::string& file : metadata.StatisticsFiles()) {
      const auto relative = paths.Relative(file);
      if (relative.ok() && std::find(kept.begin(), kept.end(), file) == kept.end()) gone.insert(*relative);
    }
  }
  // A slow writer could link a version whose number has been used and removed: so only when nobody writes.
  if (alone) {
    for (std::string& file : OldMetadataFiles(files, folder, version)) gone.insert(std::move(file));
  }
  int64_t removed = 0;
  for (const std::string& file : gone) {
    DH_CHECK(files.Remove(JoinPath(folder, file)));
    ++removed;
  }
  return removed;
}

// ---- moving

// Rewrites a table's recorded locations. New files get new names; the old ones go when the new version is published.
class Mover {
 public:
  Mover(FileSystem& files, std::string folder, const TableMetadata& metadata)
      : files_(files), folder_(std::move(folder)), from_(metadata.location(), folder_), to_(folder_, folder_), id_(RandomHex()) {}

  // The metadata with the new locations; files are written on the way.
  Status Run(TableMetadata& metadata) {
    Json snapshots = metadata.json()["snapshots"];
    for (Json& snapshot : snapshots.array()) {
      DH_ASSIGN(std::string list, List(snapshot["manifest-list"].as_string()));
      snapshot.Set("manifest-list", std::move(list));
    }
    metadata.json().Set("snapshots", std::move(snapshots)).Set("location", folder_);
    for (const auto& [list, field] : {std::pair{"statistics", "statistics-path"},
                                      {"partition-statistics", "statistics-path"},
                                      {"metadata-log", "metadata-file"}}) {
      if (metadata.json().find(list) == nullptr) continue;
      Json entries = metadata.json()[list];
      for (Json& entry : entries.array()) {
        const auto moved = Move(entry[field].as_string());
        if (moved.ok()) entry.Set(field, *moved);
      }
      metadata.json().Set(list, std::move(entries));
    }
    DH_CHECK(files_.SyncFolder(JoinPath(folder_, "data")));
    return files_.SyncFolder(JoinPath(folder_, "metadata"));
  }

  void RemoveOld() { Remove(old_); }
  void RemoveNew() { Remove(new_); }

 private:
  Result<std::string> Move(const std::string& recorded) const {
    DH_ASSIGN(const std::string relative, from_.Relative(recorded));
    return to_.Recorded(relative);
  }

  Result<std::string> ReadOld(const std::string& recorded, std::string& path) {
    DH_ASSIGN(const std::string relative, from_.Relative(recorded));
    path = JoinPath(folder_, relative);
    old_.push_back(relative);
    return files_.ReadAll(path, base::kMaxMetadataBytes);
  }

  Result<MovedFile> WriteNew(const std::string& relative, const std::string& bytes) {
    new_.push_back(relative);
    DH_CHECK(base::WriteFileDurably(files_, JoinPath(folder_, relative), bytes));
    return MovedFile{to_.Recorded(relative), static_cast<int64_t>(bytes.size())};
  }

  std::string NewName(const char* folder, const char* kind, const char* extension) {
    return std::string(folder) + "/" + id_ + "-" + kind + std::to_string(new_.size()) + extension;
  }

  Result<std::string> List(const std::string& recorded) {
    std::string path;
    DH_ASSIGN(const std::string bytes, ReadOld(recorded, path));
    DH_ASSIGN(const std::string moved,
              MoveManifestList(bytes, path, [this](const std::string& manifest, FileContent) { return Manifest(manifest); }));
    DH_ASSIGN(MovedFile file, WriteNew(NewName("metadata", "snap", ".avro"), moved));
    return std::move(file.path);
  }

  // Versions share manifests, and manifests share delete files: each is written once.
  Result<MovedFile> Manifest(const std::string& recorded) {
    if (const auto done = done_.find(recorded); done != done_.end()) return done->second;
    std::string path;
    DH_ASSIGN(const std::string bytes, ReadOld(recorded, path));
    DH_ASSIGN(const std::string moved,
              MoveManifest(bytes, path, [this](const std::string& file, FileContent content) -> Result<MovedFile> {
                if (content == FileContent::kPositionDeletes) return Deletes(file);
                DH_ASSIGN(std::string to, Move(file));
                return MovedFile{std::move(to), std::nullopt};
              }));
    DH_ASSIGN(MovedFile file, WriteNew(NewName("metadata", "m", ".avro"), moved));
    return done_[recorded] = std::move(file);
  }

  // A position delete file names data files by their recorded paths (Iceberg spec, "Position Delete Files").
  Result<MovedFile> Deletes(const std::string& recorded) {
    if (const auto done = done_.find(recorded); done != done_.end()) return done->second;
    DH_ASSIGN(const std::string relative, from_.Relative(recorded));
    old_.push_back(relative);
    DH_ASSIGN(std::vector<DeletedRow> rows, ReadPositionDeleteFile(JoinPath(folder_, relative)));
    for (DeletedRow& row : rows) {
      DH_ASSIGN(row.file_path, Move(row.file_path));
    }
    std::sort(rows.begin(), rows.end());
    if (rows.empty()) return Error{ErrorCode::kUnsupported, recorded + ": a position delete file without rows"};
    DH_ASSIGN(const std::string bytes, MakePositionDeleteFile(rows));
    DH_ASSIGN(MovedFile file, WriteNew(NewName("data", "deletes", ".parquet"), bytes));
    return done_[recorded] = std::move(file);
  }

  void Remove(const std::vector<std::string>& names) {
    for (const std::string& relative : names) (void)files_.Remove(JoinPath(folder_, relative));
  }

  FileSystem& files_;
  std::string folder_;
  PathMap from_;
  PathMap to_;
  std::string id_;
  std::map<std::string, MovedFile> done_;
  std::vector<std::string> old_;
  std::vector<std::string> new_;
};

Status RelocateOnce(const Warehouse& warehouse, const TableName& name) {
  FileSystem& files = warehouse.files();
  const std::string folder = warehouse.TableFolder(name);
  DH_ASSIGN(const TableState state, StateOf(warehouse, name));
  DH_CHECK(CheckCaredFor(state));
  if (StripFileScheme(state.metadata.location()) == folder) return {};
  Mover mover(files, folder, state.metadata);
  TableMetadata next = state.metadata;
  next.AddToLog(PathMap(state.metadata.location(), folder).Recorded("metadata/" + state.file.name),
                state.metadata.last_updated_ms());
  Status status = mover.Run(next);
  if (status.ok()) status = PublishNext(files, folder, state, next);
  const bool published =
      files.Exists(JoinPath(folder, "metadata/v" + std::to_string(state.file.version + 1) + ".metadata.json")) &&
      (status.ok() || status.error().code != ErrorCode::kAlreadyExists);
  if (status.ok()) mover.RemoveOld();
  if (!published) mover.RemoveNew();
  return status;
}

}  // namespace

Result<int64_t> Warehouse::Expire(const TableName& name, int keep_last, int64_t older_than_ms) const {
  if (keep_last < 1) return Error{ErrorCode::kInvalidArgument, "at least one version must be kept"};
  if (!TableExists(name)) return NoSuchTable(*this, name);
  const std::string folder = TableFolder(name);
  const std::optional<TableLock> alone = TableLock::TryAlone(*files_, folder);
  TableLock shared;
  if (!alone) {
    DH_ASSIGN(shared, TableLock::Share(*files_, folder));
  }
  const int64_t swept = alone ? SweepOrphans(*files_, folder) : 0;
  for (int attempt = 0; attempt < base::kMaxCommitAttempts; ++attempt) {
    auto removed = ExpireOnce(*this, name, keep_last, older_than_ms, alone.has_value());
    if (removed.ok()) return *removed + swept;
    if (removed.error().code != ErrorCode::kAlreadyExists) return removed;
  }
  return Error{ErrorCode::kConflict, "table " + name.Uri() + ": other writers were first each time. Try again"};
}

Status Warehouse::Drop(const TableName& name) const {
  DH_CHECK(CheckName(name));
  if (!TableExists(name)) return NoSuchTable(*this, name);
  const std::string folder = TableFolder(name);
  const std::optional<TableLock> alone = TableLock::TryAlone(*files_, folder);
  if (!alone) {
    const auto shared = TableLock::Share(*files_, folder);
    // Not even shared: the file system has no locks, or the folder can't be written; the rename will tell.
    if (shared.ok() && shared->held()) {
      return Error{ErrorCode::kConflict,
                   "table " + name.Uri() + " is being written by another process. Wait for it, then try again"};
    }
  }
  const std::string dataset = folder.substr(0, folder.rfind('/'));
  const std::string hidden = JoinPath(dataset, ".dropped-" + RandomHex());
  DH_CHECK(files_->Rename(folder, hidden));  // all at once: readers and listings see the table or nothing
  DH_CHECK(files_->SyncFolder(dataset));
  return files_->RemoveTree(hidden);
}

Status Warehouse::Relocate(const TableName& name) const {
  if (!TableExists(name)) return NoSuchTable(*this, name);
  const std::string folder = TableFolder(name);
  const std::optional<TableLock> alone = TableLock::TryAlone(*files_, folder);
  if (!alone) {
    return Error{ErrorCode::kConflict,
                 "table " + name.Uri() + " is being written by another process. Wait for it, then try again"};
  }
  Status status = RelocateOnce(*this, name);
  if (!status.ok() && status.error().code == ErrorCode::kAlreadyExists) {
    return Error{ErrorCode::kConflict, "table " + name.Uri() + " was changed by somebody else meanwhile. Try again"};
  }
  return status;
}

}  // namespace dicomhouse::warehouse
