#include "warehouse/warehouse.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <numeric>
#include <utility>

#include "warehouse/internal/table_state.h"

namespace dicomhouse::warehouse {

using base::Error;
using base::ErrorCode;
using base::FileSystem;
using base::JoinPath;
using base::Result;

namespace {

// Folders in `folder`, sorted; hidden ones (temporary, dropped) left out. A folder that isn't there has none.
Result<std::vector<std::string>> Folders(FileSystem& files, const std::string& folder) {
  auto names = files.List(folder);
  if (!names.ok() && (names.error().code == ErrorCode::kNotFound || !files.IsFolder(folder))) return std::vector<std::string>();
  if (!names.ok()) return names.error();
  std::erase_if(*names,
                [&](const std::string& name) { return name.starts_with('.') || !files.IsFolder(JoinPath(folder, name)); });
  return *std::move(names);
}

// The names of all tables, without reading them.
Result<std::vector<TableName>> TableNames(const Warehouse& warehouse) {
  FileSystem& files = warehouse.files();
  std::vector<TableName> names;
  DH_ASSIGN(const auto projects, Folders(files, warehouse.folder()));
  for (const std::string& project : projects) {
    DH_ASSIGN(const auto datasets, Folders(files, JoinPath(warehouse.folder(), project)));
    for (const std::string& dataset : datasets) {
      DH_ASSIGN(const auto tables, Folders(files, JoinPath(JoinPath(warehouse.folder(), project), dataset)));
      for (const std::string& table : tables) {
        TableName name{project, dataset, table};
        if (CheckName(name).ok() && warehouse.TableExists(name)) names.push_back(std::move(name));
      }
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Letters to change, add or remove to make `b` of `a` (Levenshtein).
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string UtcText(int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text.data();
}

VersionInfo ToVersionInfo(const SnapshotEntry& entry, bool current) {
  VersionInfo info;
  info.snapshot_id = entry.id;
  info.timestamp_ms = entry.timestamp_ms;
  const auto operation = entry.summary.find("operation");
  info.operation = operation == entry.summary.end() ? "" : operation->second;
  info.added_rows = entry.Number("added-records").value_or(0) - entry.Number("added-position-deletes").value_or(0);
  info.total_rows = entry.Number("total-records").value_or(0) - entry.Number("total-position-deletes").value_or(0);
  info.current = current;
  return info;
}

}  // namespace

Error NoSuchTable(const Warehouse& warehouse, const TableName& name) {
  std::string text = "there is no table " + name.Uri() + " in the warehouse " + warehouse.folder();
  const auto names = TableNames(warehouse);
  if (!names.ok()) return {ErrorCode::kNotFound, text};
  if (names->empty()) return {ErrorCode::kNotFound, text + ", which has no tables"};
  std::vector<std::pair<size_t, std::string>> nearest;
  for (const TableName& other : *names) nearest.emplace_back(Distance(name.Text(), other.Text()), other.Uri());
  std::sort(nearest.begin(), nearest.end());
  text += ". The nearest: ";
  for (size_t i = 0; i < std::min<size_t>(3, nearest.size()); ++i) text += (i == 0 ? "" : ", ") + nearest[i].second;
  return {ErrorCode::kNotFound, text};
}

// The state of a table that must be there.
Result<TableState> StateOf(const Warehouse& warehouse, const TableName& name) {
  DH_CHECK(CheckName(name));
  // Twice: the file that was the newest may go in the moment between listing and reading (Expire by somebody else).
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto state = LoadState(warehouse.files(), warehouse.TableFolder(name));
    if (!state.ok() && state.error().code == ErrorCode::kNotFound) continue;
    if (!state.ok()) return state.error();
    if (!state->has_value()) return NoSuchTable(warehouse, name);
    return **std::move(state);
  }
  return NoSuchTable(warehouse, name);
}

Warehouse::Warehouse(const std::string& folder, FileSystem& files) : folder_(AbsolutePath(folder)), files_(&files) {}

std::string Warehouse::TableFolder(const TableName& name) const {
  return JoinPath(JoinPath(JoinPath(folder_, name.project), name.dataset), name.table);
}

bool Warehouse::TableExists(const TableName& name) const {
  if (!CheckName(name).ok()) return false;
  const auto file = FindCurrent(*files_, TableFolder(name));
  return !file.ok() || file->has_value();  // a damaged table is there all the same
}

Result<std::vector<TableInfo>> Warehouse::ListTables() const {
  DH_ASSIGN(std::vector<TableName> names, TableNames(*this));
  std::vector<TableInfo> tables;
  for (TableName& name : names) {
    TableInfo info{.name = name, .rows = -1, .bytes = -1};
    const auto state = LoadState(*files_, TableFolder(name));
    if (state.ok() && !state->has_value()) continue;  // dropped meanwhile
    if (state.ok()) {
      const TableMetadata& metadata = (*state)->metadata;
      info.modified_ms = metadata.last_updated_ms();
      const auto current = metadata.current_snapshot_id();
      const SnapshotEntry* entry = current ? metadata.FindSnapshot(*current) : nullptr;
      const bool summed = entry != nullptr && entry->Number("total-records") && entry->Number("total-files-size");
      if (summed) {
        info.rows = *entry->Number("total-records") - entry->Number("total-position-deletes").value_or(0);
        info.bytes = *entry->Number("total-files-size");
      } else if (const auto snapshot = OpenTable(name); snapshot.ok()) {
        info.rows = snapshot->rows;
        info.bytes = 0;
        for (const LiveFile& file : snapshot->files) info.bytes += file.bytes;
      }
    }
    tables.push_back(std::move(info));
  }
  return tables;
}

Result<Snapshot> Warehouse::OpenTable(const TableName& name, std::optional<int64_t> snapshot_id) const {
  DH_ASSIGN(const TableState state, StateOf(*this, name));
  const TableMetadata& metadata = state.metadata;
  const auto wanted = snapshot_id ? snapshot_id : metadata.current_snapshot_id();
  if (!wanted) {
    Snapshot empty;
    empty.timestamp_ms = metadata.last_updated_ms();
    DH_ASSIGN(empty.schema, SchemaFromJson(metadata.current_schema(), metadata.where()));
    return empty;
  }
  const SnapshotEntry* entry = metadata.FindSnapshot(*wanted);
  if (entry == nullptr) {
    return Error{ErrorCode::kNotFound, "table " + name.Uri() + " has no version " + std::to_string(*wanted) +
                                           ", or it has expired. `dicomhouse table versions` lists those that it has"};
  }
  auto snapshot = ReadSnapshot(*files_, TableFolder(name), metadata, *entry);
  // Another engine may expire versions while they are read; then the newest one is another by now.
  if (!snapshot.ok() && !snapshot_id) {
    const auto again = LoadState(*files_, TableFolder(name));
    if (again.ok() && again->has_value() && (*again)->file.version != state.file.version)
      return OpenTable(name, (*again)->metadata.current_snapshot_id());
  }
  return snapshot;
}

Result<int64_t> Warehouse::VersionAt(const TableName& name, int64_t timestamp_ms) const {
  DH_ASSIGN(const TableState state, StateOf(*this, name));
  const std::vector<TableMetadata::Change> changes = state.metadata.Changes();
  const auto later =
      std::find_if(changes.begin(), changes.end(), [&](const auto& one) { return one.timestamp_ms > timestamp_ms; });
  if (later != changes.begin()) return std::prev(later)->snapshot_id;
  if (changes.empty()) return Error{ErrorCode::kNotFound, "table " + name.Uri() + " has no version yet"};
  // What was in front of the oldest version that is known is gone, or there was nothing.
  const SnapshotEntry* oldest = state.metadata.FindSnapshot(changes.front().snapshot_id);
  const bool first = oldest != nullptr && oldest->sequence_number <= 1 && !oldest->parent_id;
  return Error{
      ErrorCode::kNotFound,
      first ? "table " + name.Uri() + " did not exist then: its first version is of " + UtcText(changes.front().timestamp_ms)
            : "the version that table " + name.Uri() + " had then has expired: the oldest that is left is of " +
                  UtcText(changes.front().timestamp_ms) + ". `dicomhouse table versions` lists them"};
}

Result<std::vector<VersionInfo>> Warehouse::Versions(const TableName& name) const {
  DH_ASSIGN(const TableState state, StateOf(*this, name));
  const auto current = state.metadata.current_snapshot_id();
  std::vector<VersionInfo> versions;
  for (const SnapshotEntry& entry : state.metadata.snapshots()) versions.push_back(ToVersionInfo(entry, entry.id == current));
  return versions;
}

}  // namespace dicomhouse::warehouse
