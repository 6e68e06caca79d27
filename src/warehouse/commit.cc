// Transaction: parts in, one new version out. The order of a commit, each step synced before the next:
//   parts, position deletes -> manifests -> manifest list -> vN+1.metadata.json linked to its name (this publishes) -> hint.
// A process that stops anywhere leaves the old version or the new one, never something between.
#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "warehouse/internal/position_delete_file.h"
#include "warehouse/internal/random.h"
#include "warehouse/internal/table_lock.h"
#include "warehouse/internal/table_state.h"

namespace dicomhouse::warehouse {

using base::Error;
using base::ErrorCode;
using base::FileSystem;
using base::JoinPath;
using base::Result;
using base::Status;

namespace {

// Bytes of one manifest, about: readers take manifests in parallel (Iceberg's own default).
constexpr size_t kManifestBytes = size_t{8} << 20;
// How often a folder is made again that another process removes in the same moment.
constexpr int kFolderAttempts = 10;

// Running totals of a version, as its summary reports them (Iceberg spec, appendix F, "Optional Snapshot Summary Fields").
struct Totals {
  int64_t data_files = 0;
  int64_t delete_files = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t position_deletes = 0;
  int64_t equality_deletes = 0;

  void Add(const ManifestEntry& entry) {
    bytes += entry.bytes;
    if (entry.content == FileContent::kData) {
      ++data_files;
      rows += entry.rows;
      return;
    }
    ++delete_files;
    (entry.content == FileContent::kPositionDeletes ? position_deletes : equality_deletes) += entry.rows;
  }
};

void PutTotals(const Totals& base, const Totals& added, bool replaced, std::map<std::string, std::string>& summary) {
  const auto put = [&summary](const char* key, int64_t value) { summary[key] = std::to_string(value); };
  const auto put_some = [&put](const char* key, int64_t value) {
    if (value != 0) put(key, value);
  };
  put("added-data-files", added.data_files);
  put("added-records", added.rows);
  put("added-files-size", added.bytes);
  put_some("added-delete-files", added.delete_files);
  put_some("added-position-delete-files", added.delete_files);
  put_some("added-position-deletes", added.position_deletes);
  put("changed-partition-count", 1);
  const Totals kept = replaced ? Totals() : base;
  if (replaced) {
    put_some("deleted-data-files", base.data_files);
    put_some("deleted-records", base.rows);
    put_some("removed-delete-files", base.delete_files);
    put_some("removed-files-size", base.bytes);
  }
  put("total-records", kept.rows + added.rows);
  put("total-files-size", kept.bytes + added.bytes);
  put("total-data-files", kept.data_files + added.data_files);
  put("total-delete-files", kept.delete_files + added.delete_files);
  put("total-position-deletes", kept.position_deletes + added.position_deletes);
  put("total-equality-deletes", kept.equality_deletes);
}

}  // namespace

struct Transaction::State {
  State(const Warehouse& in, TableName table, Disposition how)
      : warehouse(in),
        files(in.files()),
        name(std::move(table)),
        disposition(how),
        folder(in.TableFolder(name)),
        id(RandomHex()) {}
  ~State() { End(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // ---- the start
  Status Start();
  Status CheckDisposition(const std::optional<TableState>& state);
  Status MakeFolders();
  void NoteNewFolders();

  // ---- the commit
  // One attempt upon the table as it is now: all but what makes it visible.
  Status Attempt();
  // Makes the attempt visible. kAlreadyExists: somebody else was first.
  Status PublishAttempt();
  Result<int64_t> PublishOrTryAgain();
  Result<std::optional<TableState>> LoadBase();
  Result<GrownSchema> Grow(const std::optional<TableState>& base, const table::Schema& united) const;
  Status FinishParts(const table::Schema& with_ids, const Finish& finish);
  Result<std::vector<ManifestEntry>> NewEntries(const PathMap& paths, const std::vector<RemovedRow>& removed,
                                                int64_t snapshot_id);
  Result<ManifestEntry> WriteDeletes(const PathMap& paths, const std::vector<RemovedRow>& removed, int64_t snapshot_id);
  Status WriteManifests(const TableMetadata& metadata, const PathMap& paths, int64_t spec_id,
                        const std::vector<ManifestEntry>& entries, int64_t sequence_number, int64_t snapshot_id,
                        std::vector<ManifestFile>& lines);
  // The manifests that the new version takes over, or, when it replaces the old one, those that say what was deleted.
  Result<std::vector<ManifestFile>> OldManifests(const TableMetadata& metadata, const PathMap& paths, const SnapshotEntry* parent,
                                                 int64_t sequence_number, int64_t snapshot_id);
  Result<Totals> TotalsOf(const PathMap& paths, const SnapshotEntry* parent);
  Status StageVersion(const std::optional<TableState>& base, TableMetadata metadata, const PathMap& paths,
                      const SnapshotEntry& snapshot);
  Status TakeBack();
  Status TakeBackTable(const TableState& now);
  Status TakeBackVersion(const TableState& now);
  Status SyncNewFolders();

  // ---- the end
  // Lets go of the table: what was written goes, unless it was published.
  void End();

  // ---- files
  std::string MarkerPath() const { return JoinPath(folder, "metadata/.writing-" + id); }
  // Writes a file of this transaction, synced; it goes when the transaction does not come to its end.
  Status WriteFile(const std::string& relative, const std::string& bytes);
  void Remove(const std::string& relative);
  void RemoveAttemptFiles();
  void RemoveWritten();
  void RemoveEmptyFolders();
  void RemoveNewFolders();

  Warehouse warehouse;
  FileSystem& files;
  TableName name;
  Disposition disposition;
  std::string folder;
  std::string id;  // in the name of each file that this transaction writes
  TableLock lock;
  bool folders_made = false;
  std::vector<std::string> new_folders;  // around the table's, that were not there; the innermost first
  bool published = false;
  bool all_removed = true;

  // The table when the transaction began; 0 and "": there was none.
  int64_t begin_version = 0;
  std::string begin_uuid;

  std::atomic<int> parts{0};
  int attempts = 0;
  std::optional<table::Schema> finished_schema;
  std::vector<DataFile> data_files;
  std::vector<std::string> attempt_files;  // relative

  // What is to be committed, for this attempt and the next.
  struct Wanted {
    table::Schema united;
    Finish finish;
    std::vector<RemovedRow> removed;
    std::map<std::string, std::string> summary;
  } wanted;
  // The attempt that waits to be published: what it is upon, and what it will be.
  struct Prepared {
    std::optional<TableState> base;
    int64_t version = 0;  // 0: nothing waits
    int64_t snapshot_id = 0;
    std::string text;
  } prepared;
};

// ---- the start

Status Transaction::State::CheckDisposition(const std::optional<TableState>& state) {
  if (!state) return {};
  if (disposition == Disposition::kCreate) {
    return Error{ErrorCode::kAlreadyExists, "table " + name.Uri() + " exists. Choose another name, append to it or replace it"};
  }
  DH_CHECK(CheckWritable(*state));
  begin_version = state->file.version;
  begin_uuid = state->metadata.json()["table-uuid"].as_string();
  if (disposition != Disposition::kEmpty) return {};
  const auto current = state->metadata.current_snapshot_id();
  if (!current) return {};
  DH_ASSIGN(const Snapshot snapshot, ReadSnapshot(files, folder, state->metadata, *state->metadata.FindSnapshot(*current)));
  if (snapshot.rows == 0) return {};
  return Error{ErrorCode::kAlreadyExists, "table " + name.Uri() + " has " + std::to_string(snapshot.rows) + " " +
                                              base::Plural(static_cast<uint64_t>(snapshot.rows), "row") +
                                              "; it must be empty or not exist. Choose another name, append to it or replace it"};
}

void Transaction::State::NoteNewFolders() {
  for (std::string path = folder; path.rfind('/') > 0 && path.rfind('/') != std::string::npos;) {
    path = path.substr(0, path.rfind('/'));
    if (files.Exists(path)) return;
    new_folders.push_back(path);
  }
}

Status Transaction::State::MakeFolders() {
  NoteNewFolders();
  // Somebody may drop the table, or clean up after a failed first write, in this very moment: try again.
  Status status;
  for (int attempt = 0; attempt < kFolderAttempts; ++attempt) {
    folders_made = true;
    status = files.MakeFolders(JoinPath(folder, "metadata"));
    if (status.ok()) status = files.MakeFolders(JoinPath(folder, "data"));
    if (!status.ok() && status.error().code == ErrorCode::kNotFound) continue;
    DH_CHECK(status);
    if (const auto alone = TableLock::TryAlone(files, folder)) SweepOrphans(files, folder);
    auto shared = TableLock::Share(files, folder);
    if (shared.ok()) {
      lock = *std::move(shared);
      return base::WriteFileDurably(files, MarkerPath(), "");
    }
    if (shared.error().code != ErrorCode::kNotFound) return shared.error();
    status = shared.error();
  }
  return status;
}

Status Transaction::State::Start() {
  DH_CHECK(CheckName(name));
  if (!base::IsUtf8(folder)) {
    return Error{ErrorCode::kInvalidArgument, "the warehouse's folder, " + base::Utf8Escaped(warehouse.folder()) +
                                                  ", has bytes in its name that are not UTF-8, as the locations in a table "
                                                  "must be; choose another folder"};
  }
  DH_ASSIGN(const auto state, LoadState(files, folder));
  DH_CHECK(CheckDisposition(state));
  return MakeFolders();
}

// ---- the commit

Result<std::optional<TableState>> Transaction::State::LoadBase() {
  DH_ASSIGN(auto state, LoadState(files, folder));
  const int64_t version = state ? state->file.version : 0;
  const std::string uuid = state ? state->metadata.json()["table-uuid"].as_string() : "";
  if (uuid != begin_uuid && !(disposition == Disposition::kAppend && begin_uuid.empty())) {
    return Error{ErrorCode::kConflict, "table " + name.Uri() + " was " +
                                           (state ? (begin_uuid.empty() ? "made" : "replaced") : "dropped") +
                                           " by somebody else during this write. Try again"};
  }
  if (disposition != Disposition::kAppend && version != begin_version) {
    return Error{ErrorCode::kConflict, "table " + name.Uri() + " was changed by somebody else during this write. Try again"};
  }
  if (state) DH_CHECK(CheckWritable(*state));
  return state;
}

Result<GrownSchema> Transaction::State::Grow(const std::optional<TableState>& base, const table::Schema& united) const {
  if (!base) return ReplaceColumns(base::Json(), united, 0);
  const TableMetadata& metadata = base->metadata;
  if (disposition != Disposition::kAppend) return ReplaceColumns(metadata.current_schema(), united, metadata.last_column_id());
  auto grown = AppendColumns(metadata.current_schema(), united, metadata.last_column_id());
  if (!grown.ok()) return Error{grown.error().code, "table " + name.Uri() + ": " + grown.error().message};
  return grown;
}

Status Transaction::State::FinishParts(const table::Schema& with_ids, const Finish& finish) {
  if (!finished_schema || *finished_schema != with_ids) {
    DH_ASSIGN(data_files, finish(with_ids));
    finished_schema = with_ids;
  }
  for (const DataFile& file : data_files) {
    // What is published must be there: somebody may have dropped the table's folder meanwhile.
    const auto size = files.Size(JoinPath(folder, file.path));
    if (!size.ok() && size.error().code == ErrorCode::kNotFound) {
      return Error{ErrorCode::kConflict,
                   size.error().message + ": the part has gone; was table " + name.Uri() + " dropped? Try again"};
    }
    if (!size.ok()) return size.error();
    if (*size != static_cast<uint64_t>(file.bytes)) {
      return Error{ErrorCode::kCorrupt, JoinPath(folder, file.path) + ": has " + std::to_string(*size) + " bytes, " +
                                            std::to_string(file.bytes) + " were written"};
    }
  }
  return {};
}

Result<ManifestEntry> Transaction::State::WriteDeletes(const PathMap& paths, const std::vector<RemovedRow>& removed,
                                                       int64_t snapshot_id) {
  std::set<std::string> known;
  for (const DataFile& file : data_files) known.insert(file.path);
  std::vector<DeletedRow> rows;
  for (const RemovedRow& row : removed) {
    const auto relative = PathMap(folder, folder).Relative(row.data_path);
    if (!relative.ok() || !known.contains(*relative)) {
      return Error{ErrorCode::kInvalidArgument, row.data_path + ": a row to remove is not in a part of this write"};
    }
    rows.push_back({paths.Recorded(*relative), row.row});
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  DH_ASSIGN(const std::string bytes, MakePositionDeleteFile(rows));
  const std::string relative = "data/" + std::to_string(attempts) + "-" + id + "-deletes.parquet";
  DH_CHECK(WriteFile(relative, bytes));
  ManifestEntry entry;
  entry.snapshot_id = snapshot_id;
  entry.content = FileContent::kPositionDeletes;
  entry.path = paths.Recorded(relative);
  entry.rows = static_cast<int64_t>(rows.size());
  entry.bytes = static_cast<int64_t>(bytes.size());
  entry.split_offsets = {4};
  // Bounds of the paths let readers see which data files are meant without opening this one.
  entry.columns = {{.field_id = kDeleteFilePathId,
                    .value_count = entry.rows,
                    .lower_bound = rows.front().file_path,
                    .upper_bound = rows.back().file_path}};
  return entry;
}

Result<std::vector<ManifestEntry>> Transaction::State::NewEntries(const PathMap& paths, const std::vector<RemovedRow>& removed,
                                                                  int64_t snapshot_id) {
  std::vector<ManifestEntry> entries;
  for (const DataFile& file : data_files) {
    ManifestEntry entry;
    entry.snapshot_id = snapshot_id;
    entry.path = paths.Recorded(file.path);
    entry.rows = file.rows;
    entry.bytes = file.bytes;
    entry.columns = file.columns;
    entry.split_offsets = file.split_offsets;
    entries.push_back(std::move(entry));
  }
  if (!removed.empty()) {
    DH_ASSIGN(ManifestEntry deletes, WriteDeletes(paths, removed, snapshot_id));
    entries.push_back(std::move(deletes));
  }
  return entries;
}

Status Transaction::State::WriteManifests(const TableMetadata& metadata, const PathMap& paths, int64_t spec_id,
                                          const std::vector<ManifestEntry>& entries, int64_t sequence_number, int64_t snapshot_id,
                                          std::vector<ManifestFile>& lines) {
  for (const bool of_deletes : {false, true}) {
    std::optional<ManifestWriter> writer;
    int64_t least = sequence_number;
    const auto finish = [&]() -> Status {
      ManifestFile line;
      const std::string bytes = writer->Finish(line);
      const std::string relative =
          "metadata/" + id + "-m" + std::to_string(attempts) + "-" + std::to_string(attempt_files.size()) + ".avro";
      DH_CHECK(WriteFile(relative, bytes));
      line.path = paths.Recorded(relative);
      line.sequence_number = sequence_number;
      line.min_sequence_number = std::exchange(least, sequence_number);
      lines.push_back(std::move(line));
      writer.reset();
      return {};
    };
    for (const ManifestEntry& entry : entries) {
      if ((entry.content != FileContent::kData) != of_deletes) continue;
      if (!writer) {
        DH_ASSIGN(writer, ManifestWriter::Make(metadata.current_schema(), spec_id, of_deletes, snapshot_id));
      }
      least = std::min(least, entry.sequence_number.value_or(sequence_number));
      DH_CHECK(writer->Append(entry));
      if (writer->size() >= kManifestBytes) DH_CHECK(finish());
    }
    if (writer) DH_CHECK(finish());
  }
  return {};
}

Result<std::vector<ManifestFile>> Transaction::State::OldManifests(const TableMetadata& metadata, const PathMap& paths,
                                                                   const SnapshotEntry* parent, int64_t sequence_number,
                                                                   int64_t snapshot_id) {
  if (parent == nullptr) return std::vector<ManifestFile>();
  DH_ASSIGN(std::vector<ManifestFile> old, LoadManifestList(files, paths, *parent));
  if (disposition == Disposition::kAppend) {
    // Manifests that only say what an earlier version deleted have no place in this one.
    std::erase_if(old,
                  [](const auto& line) { return line.deleted_files > 0 && line.added_files == 0 && line.existing_files == 0; });
    return old;
  }
  std::map<int64_t, std::vector<ManifestEntry>> gone;  // by partition spec
  for (const ManifestFile& manifest : old) {
    if (!metadata.IsUnpartitioned(manifest.partition_spec_id))
      continue;  // its values are not kept here; leaving it out is enough
    DH_ASSIGN(std::vector<ManifestEntry> entries, LoadManifest(files, paths, manifest));
    for (ManifestEntry& entry : entries) {
      entry.status = EntryStatus::kDeleted;
      entry.snapshot_id = snapshot_id;
      gone[manifest.partition_spec_id].push_back(std::move(entry));
    }
  }
  std::vector<ManifestFile> lines;
  for (const auto& [spec_id, entries] : gone) {
    DH_CHECK(WriteManifests(metadata, paths, spec_id, entries, sequence_number, snapshot_id, lines));
  }
  return lines;
}

Result<Totals> Transaction::State::TotalsOf(const PathMap& paths, const SnapshotEntry* parent) {
  Totals totals;
  if (parent == nullptr) return totals;
  const auto number = [parent](const char* key) { return parent->Number(key); };
  if (number("total-records") && number("total-data-files") && number("total-files-size")) {
    totals.rows = *number("total-records");
    totals.data_files = *number("total-data-files");
    totals.bytes = *number("total-files-size");
    totals.delete_files = number("total-delete-files").value_or(0);
    totals.position_deletes = number("total-position-deletes").value_or(0);
    totals.equality_deletes = number("total-equality-deletes").value_or(0);
    return totals;
  }
  DH_ASSIGN(const std::vector<ManifestFile> manifests, LoadManifestList(files, paths, *parent));
  for (const ManifestFile& manifest : manifests) {
    DH_ASSIGN(const std::vector<ManifestEntry> entries, LoadManifest(files, paths, manifest));
    for (const ManifestEntry& entry : entries) totals.Add(entry);
  }
  return totals;
}

Status Transaction::State::SyncNewFolders() {
  DH_CHECK(files.SyncFolder(JoinPath(folder, "data")));
  if (begin_version != 0) return {};
  // A table's first version: the folders above it may be new too.
  std::string path = folder;
  for (int level = 0; level < 4; ++level) {
    DH_CHECK(files.SyncFolder(path));
    path = path.substr(0, path.rfind('/'));
  }
  return {};
}

Status Transaction::State::StageVersion(const std::optional<TableState>& upon, TableMetadata metadata, const PathMap& paths,
                                        const SnapshotEntry& snapshot) {
  metadata.AddSnapshot(snapshot);
  if (upon) metadata.AddToLog(paths.Recorded("metadata/" + upon->file.name), upon->metadata.last_updated_ms());
  DH_CHECK(SyncNewFolders());
  prepared = {upon, upon ? upon->file.version + 1 : 1, snapshot.id, metadata.Print()};
  return Stage(files, folder, prepared.text, "." + id);
}

Status Transaction::State::PublishAttempt() {
  return PublishStaged(files, folder, prepared.version, prepared.text, "." + id, published);
}

Status Transaction::State::Attempt() {
  DH_ASSIGN(const std::optional<TableState> base, LoadBase());
  DH_ASSIGN(const GrownSchema grown, Grow(base, wanted.united));
  TableMetadata metadata = base ? base->metadata : TableMetadata::New(folder, NowMs());
  const auto parent_id = metadata.current_snapshot_id();
  const SnapshotEntry* found = parent_id ? metadata.FindSnapshot(*parent_id) : nullptr;
  const std::optional<SnapshotEntry> parent = found != nullptr ? std::optional(*found) : std::nullopt;
  const SnapshotEntry* old = parent ? &*parent : nullptr;
  SnapshotEntry snapshot;
  snapshot.schema_id = metadata.SetSchema(grown);
  const bool replace = disposition != Disposition::kAppend;
  if (replace) metadata.SetUnsorted();
  DH_ASSIGN(const table::Schema with_ids, SchemaFromJson(metadata.current_schema(), folder));
  DH_CHECK(table::CheckNames(with_ids));
  DH_CHECK(FinishParts(with_ids, wanted.finish));

  const PathMap paths(metadata.location(), folder);
  snapshot.id = RandomSnapshotId();
  snapshot.parent_id = parent_id;
  snapshot.sequence_number = metadata.last_sequence_number() + 1;
  snapshot.timestamp_ms = std::max(NowMs(), metadata.last_updated_ms());
  DH_ASSIGN(const std::vector<ManifestEntry> entries, NewEntries(paths, wanted.removed, snapshot.id));
  std::vector<ManifestFile> lines;
  const int64_t spec_id = metadata.json()["default-spec-id"].as_int(0);
  DH_CHECK(WriteManifests(metadata, paths, spec_id, entries, snapshot.sequence_number, snapshot.id, lines));
  DH_ASSIGN(const std::vector<ManifestFile> before, OldManifests(metadata, paths, old, snapshot.sequence_number, snapshot.id));
  lines.insert(lines.end(), before.begin(), before.end());
  DH_ASSIGN(const std::string list, WriteManifestList(lines, snapshot.id, parent_id, snapshot.sequence_number));
  const std::string list_name =
      "metadata/snap-" + std::to_string(snapshot.id) + "-" + std::to_string(attempts) + "-" + id + ".avro";
  DH_CHECK(WriteFile(list_name, list));
  snapshot.manifest_list = paths.Recorded(list_name);

  DH_ASSIGN(const Totals totals, TotalsOf(paths, old));
  Totals added;
  for (const ManifestEntry& entry : entries) added.Add(entry);
  snapshot.summary = wanted.summary;
  // "append" promises that nothing but data files came (Iceberg spec, "Snapshots").
  const bool overwrites = (replace && totals.data_files > 0) || !wanted.removed.empty();
  snapshot.summary["operation"] = overwrites ? "overwrite" : "append";
  PutTotals(totals, added, replace, snapshot.summary);
  return StageVersion(base, std::move(metadata), paths, snapshot);
}

Result<int64_t> Transaction::State::PublishOrTryAgain() {
  for (attempts = 1; attempts <= base::kMaxCommitAttempts; ++attempts) {
    Status status = attempts == 1 ? Status() : Attempt();
    if (status.ok()) status = PublishAttempt();
    if (published) return status.ok() ? Result<int64_t>(prepared.snapshot_id) : status.error();
    RemoveAttemptFiles();
    // Only the link says kAlreadyExists; a version file that vanished between listing and reading says kNotFound.
    if (status.error().code != ErrorCode::kAlreadyExists) return status.error();
    if (disposition != Disposition::kAppend) {
      return Error{ErrorCode::kConflict, "table " + name.Uri() + " was changed by somebody else during this write. Try again"};
    }
  }
  return Error{ErrorCode::kConflict, "table " + name.Uri() + ": other writers were first " +
                                         std::to_string(base::kMaxCommitAttempts) + " times in a row. Try again"};
}

// ---- taking back

Status Transaction::State::TakeBack() {
  if (!published) return {};
  DH_ASSIGN(const auto now, LoadState(files, folder));
  if (!now || now->file.version != prepared.version || now->metadata.current_snapshot_id() != prepared.snapshot_id) {
    return Error{ErrorCode::kConflict, "table " + name.Uri() + " has been changed by somebody else since"};
  }
  if (!prepared.base) {
    Status gone = TakeBackTable(*now);
    if (gone.ok() || gone.error().code != ErrorCode::kConflict) return gone;
  }
  return TakeBackVersion(*now);
}

// The table that this write made. kConflict: somebody else is writing to it now.
Status Transaction::State::TakeBackTable(const TableState& now) {
  lock = TableLock();
  const auto alone = TableLock::TryAlone(files, folder);
  const auto still = LoadState(files, folder);
  if (!alone || !still.ok() || !still->has_value() || (*still)->file.version != now.file.version) {
    DH_ASSIGN(lock, TableLock::Share(files, folder));
    return Error{ErrorCode::kConflict, "table " + name.Uri() + " is being written by somebody else"};
  }
  const std::string dataset = folder.substr(0, folder.rfind('/'));
  const std::string hidden = JoinPath(dataset, ".dropped-" + id);
  DH_CHECK(files.Rename(folder, hidden));  // all at once: readers and listings see the table or nothing
  folders_made = published = false;
  DH_CHECK(files.RemoveTree(hidden));
  RemoveNewFolders();
  return {};
}

// A version more, which is the one before: whoever has begun to write upon what is taken back loses the race for its number.
Status Transaction::State::TakeBackVersion(const TableState& now) {
  TableMetadata next = now.metadata;
  if (prepared.base) {
    next = prepared.base->metadata;
    next.json().Set("last-column-id", now.metadata.last_column_id());
    next.json().Set("last-sequence-number", now.metadata.last_sequence_number());
    next.json().Set("metadata-log", now.metadata.json()["metadata-log"]);
  } else {
    next.KeepSnapshots({});
    next.json().Set("current-snapshot-id", -1).Set("refs", base::Json::MakeObject());
  }
  next.json().Set("last-updated-ms", std::max(NowMs(), now.metadata.last_updated_ms()));
  const PathMap paths(now.metadata.location(), folder);
  next.AddToLog(paths.Recorded("metadata/" + now.file.name), now.metadata.last_updated_ms());
  bool taken_back = false;
  const int64_t number = now.file.version + 1;
  Status status = dicomhouse::warehouse::Publish(files, folder, number, next.Print(), "." + RandomHex(), taken_back);
  if (taken_back) published = false;  // what was written goes with the transaction
  if (!status.ok() && status.error().code == ErrorCode::kAlreadyExists) {
    return Error{ErrorCode::kConflict, "table " + name.Uri() + " has been changed by somebody else since"};
  }
  return status;
}

// ---- the end

void Transaction::State::End() {
  if (!std::exchange(folders_made, false)) return;
  for (const char* temporary : {"", ".hint"}) Remove("metadata/." + id + temporary);
  if (!published) RemoveWritten();
  // With the marker the next writer finds what could not be removed now.
  if (all_removed) (void)files.Remove(MarkerPath());
  lock = TableLock();
  if (published) return;
  RemoveEmptyFolders();
  RemoveNewFolders();
}

Status Transaction::State::WriteFile(const std::string& relative, const std::string& bytes) {
  attempt_files.push_back(relative);
  return base::WriteFileDurably(files, JoinPath(folder, relative), bytes);
}

void Transaction::State::Remove(const std::string& relative) {
  if (!files.Remove(JoinPath(folder, relative)).ok()) all_removed = false;
}

void Transaction::State::RemoveAttemptFiles() {
  for (const std::string& relative : attempt_files) Remove(relative);
  attempt_files.clear();
}

void Transaction::State::RemoveWritten() {
  RemoveAttemptFiles();
  for (int part = 0; part < parts; ++part) {
    char number[16];
    std::snprintf(number, sizeof number, "%05d", part);
    Remove("data/" + std::string(number) + "-" + id + ".parquet");
  }
}

void Transaction::State::RemoveEmptyFolders() {
  if (begin_version != 0) return;
  const auto alone = TableLock::TryAlone(files, folder);  // else somebody else writes the table's first version
  const auto data = files.List(JoinPath(folder, "data"));
  const auto metadata = files.List(JoinPath(folder, "metadata"));
  const auto all = files.List(folder);
  if (!alone || !data.ok() || !metadata.ok() || !all.ok()) return;
  if (data->empty() && *metadata == std::vector<std::string>{".lock"} && *all == std::vector<std::string>{"data", "metadata"}) {
    (void)files.RemoveTree(folder);
  }
}

// Whoever writes another table there meanwhile keeps them: they are not empty then.
void Transaction::State::RemoveNewFolders() {
  for (const std::string& path : new_folders) {
    if (files.Exists(path) && !files.RemoveEmptyFolder(path).ok()) return;
  }
}

// ---- the public face

Transaction::Transaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Result<Transaction> Transaction::Begin(const Warehouse& warehouse, const TableName& name, Disposition disposition) {
  auto state = std::make_unique<State>(warehouse, name, disposition);
  DH_CHECK(state->Start());
  return Transaction(std::move(state));
}

std::string Transaction::NewDataPath() {
  char number[16];
  std::snprintf(number, sizeof number, "%05d", state_->parts.fetch_add(1));
  return JoinPath(state_->folder, "data/" + std::string(number) + "-" + state_->id + ".parquet");
}

std::string Transaction::RelativePath(const std::string& absolute) const {
  const std::string prefix = state_->folder + "/";
  return absolute.starts_with(prefix) ? absolute.substr(prefix.size()) : absolute;
}

Status Transaction::Prepare(const table::Schema& united, Finish finish, std::vector<RemovedRow> rows_removed,
                            std::map<std::string, std::string> summary) {
  State& state = *state_;
  if (state.prepared.version != 0)
    return Error{ErrorCode::kFailedPrecondition, "table " + state.name.Uri() + ": this write has been committed already"};
  state.wanted = {united, std::move(finish), std::move(rows_removed), std::move(summary)};
  state.attempts = 1;
  return state.Attempt();
}

Result<int64_t> Transaction::Publish() {
  if (state_->prepared.version == 0 || state_->published)
    return Error{ErrorCode::kFailedPrecondition, "table " + state_->name.Uri() + ": there is nothing to publish"};
  return state_->PublishOrTryAgain();
}

bool Transaction::adds() const { return state_->disposition == Disposition::kAppend && state_->begin_version > 0; }
bool Transaction::published() const { return state_->published; }

Status Transaction::TakeBack() { return state_->TakeBack(); }

Result<int64_t> Transaction::Commit(const table::Schema& united, const Finish& finish,
                                    const std::vector<RemovedRow>& rows_removed,
                                    const std::map<std::string, std::string>& summary) {
  const Status prepared = Prepare(united, finish, rows_removed, summary);
  if (!prepared.ok()) state_->RemoveAttemptFiles();
  DH_CHECK(prepared);
  auto id = Publish();
  if (state_->published) state_->End();
  return id;
}

}  // namespace dicomhouse::warehouse
