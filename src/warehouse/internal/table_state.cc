#include "warehouse/internal/table_state.h"

#include <chrono>
#include <set>

#include "base/limits.h"

namespace dicomhouse::warehouse {

using base::Error;
using base::ErrorCode;
using base::FileSystem;
using base::JoinPath;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kMarker = ".writing-";

Status AddFiles(FileSystem& files, const PathMap& paths, const ManifestFile& manifest, Snapshot& snapshot) {
  DH_ASSIGN(std::vector<ManifestEntry> entries, LoadManifest(files, paths, manifest));
  for (ManifestEntry& entry : entries) {
    if ((entry.content == FileContent::kData) == manifest.of_deletes) {
      return Error{ErrorCode::kCorrupt, manifest.path + ": " + entry.path + ": data and deletes are mixed in one manifest"};
    }
    DH_ASSIGN(std::string path, paths.Absolute(entry.path));
    const int64_t sequence = entry.sequence_number.value_or(0);
    if (entry.content == FileContent::kData) {
      snapshot.rows += entry.rows;
      snapshot.files.push_back({std::move(path), std::move(entry.path), entry.rows, entry.bytes, sequence});
      continue;
    }
    const bool equality = entry.content == FileContent::kEqualityDeletes;
    if (!equality) snapshot.rows -= entry.rows;
    snapshot.deletes.push_back({std::move(path), equality, std::move(entry.equality_ids), sequence});
  }
  return {};
}

// Files in data/ and metadata/ whose names carry the id of a transaction that died; relative to the table's folder.
std::vector<std::string> FilesNamedAfter(FileSystem& files, const std::string& table_folder,
                                         const std::vector<std::string>& ids) {
  std::vector<std::string> found;
  for (const char* folder : {"data", "metadata"}) {
    const auto names = files.List(JoinPath(table_folder, folder));
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      for (const std::string& id : ids) {
        if (name.find(id) != std::string::npos && !name.starts_with(kMarker)) found.push_back(std::string(folder) + "/" + name);
      }
    }
  }
  return found;
}

}  // namespace

Status CheckName(const TableName& name) {
  DH_ASSIGN(const TableName checked, TableName::FromUri(name.Uri()));
  if (checked != name) return Error{ErrorCode::kInvalidArgument, "table name '" + name.Text() + "': a dot is in the wrong place"};
  return {};
}

int64_t NowMs() {
  using std::chrono::milliseconds;
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<std::optional<TableState>> LoadState(FileSystem& files, const std::string& table_folder) {
  DH_ASSIGN(auto file, FindCurrent(files, table_folder));
  if (!file) return std::optional<TableState>();
  DH_ASSIGN(TableMetadata metadata, LoadMetadata(files, table_folder, *file));
  return std::optional<TableState>(TableState{*std::move(file), std::move(metadata)});
}

Status CheckWritable(const TableState& state) {
  const std::string& where = state.metadata.where();
  const auto refuse = [&where](const std::string& why) { return Error{ErrorCode::kUnsupported, where + ": " + why}; };
  if (!state.file.file_system)
    return refuse("a catalog service keeps this table; only it can write a new version. Write to another table");
  if (state.metadata.format_version() != 2)
    return refuse("Iceberg format version 1 is only read; upgrade the table to version 2 or write to another");
  if (state.metadata.partitioned()) {
    return refuse("the table is partitioned, as another engine made it; such tables are only read. Write to another table");
  }
  return {};
}

Result<Snapshot> ReadSnapshot(FileSystem& files, const std::string& table_folder, const TableMetadata& metadata,
                              const SnapshotEntry& entry) {
  const PathMap paths(metadata.location(), table_folder);
  Snapshot snapshot;
  snapshot.id = entry.id;
  snapshot.timestamp_ms = entry.timestamp_ms;
  snapshot.summary = entry.summary;
  DH_ASSIGN(snapshot.schema, SchemaFromJson(metadata.SchemaOf(entry), metadata.where()));
  const auto read = [&]() -> Status {
    DH_ASSIGN(const std::vector<ManifestFile> manifests, LoadManifestList(files, paths, entry));
    for (const ManifestFile& manifest : manifests) DH_CHECK(AddFiles(files, paths, manifest, snapshot));
    return {};
  };
  const Status status = read();
  if (!status.ok()) {
    // A file that is named but not there is damage of the table, not a table that is not there.
    const ErrorCode code = status.error().code == ErrorCode::kNotFound ? ErrorCode::kCorrupt : status.error().code;
    return Error{code, metadata.where() + ": version " + std::to_string(entry.id) + ": " + status.error().message};
  }
  return snapshot;
}

int64_t SweepOrphans(FileSystem& files, const std::string& table_folder) {
  const auto names = files.List(JoinPath(table_folder, "metadata"));
  if (!names.ok()) return 0;
  std::vector<std::string> ids;
  for (const std::string& name : *names) {
    if (name.starts_with(kMarker) && name.size() == kMarker.size() + 32) ids.push_back(name.substr(kMarker.size()));
  }
  if (ids.empty()) return 0;
  std::set<std::string> named;
  const auto state = LoadState(files, table_folder);
  if (!state.ok()) return 0;
  if (state->has_value()) {
    const TableMetadata& metadata = (*state)->metadata;
    const PathMap paths(metadata.location(), table_folder);
    for (const SnapshotEntry& snapshot : metadata.snapshots()) {
      const auto of_snapshot = FilesOfSnapshot(files, paths, snapshot);
      if (!of_snapshot.ok()) return 0;
      named.insert(of_snapshot->begin(), of_snapshot->end());
    }
  }
  int64_t removed = 0;
  for (const std::string& file : FilesNamedAfter(files, table_folder, ids)) {
    if (!named.contains(file) && files.Remove(JoinPath(table_folder, file)).ok()) ++removed;
  }
  for (const std::string& id : ids) (void)files.Remove(JoinPath(table_folder, "metadata/" + std::string(kMarker) + id));
  return removed;
}

}  // namespace dicomhouse::warehouse
