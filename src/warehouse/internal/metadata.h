// One table metadata file (Iceberg spec, "Table Metadata" and appendix C). Wraps the JSON: fields that other engines wrote
// and this program doesn't know stay as they are.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "warehouse/internal/schema_json.h"

namespace dicomhouse::warehouse {

// A snapshot's entry in the metadata.
struct SnapshotEntry {
  int64_t id = 0;
  std::optional<int64_t> parent_id;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  std::string manifest_list;  // as recorded
  std::optional<int64_t> schema_id;
  std::map<std::string, std::string> summary;

  // summary[key] as a number, if it is one.
  std::optional<int64_t> Number(const std::string& key) const;
};

class TableMetadata {
 public:
  // Format versions 1 and 2. Errors: kCorrupt naming the JSON field, kUnsupported (version 3 and later). `where`: the file.
  static base::Result<TableMetadata> Parse(std::string_view text, const std::string& where);
  // A new table of format version 2, unpartitioned, without schema or snapshot.
  static TableMetadata New(const std::string& location, int64_t now_ms);

  const std::string& where() const { return where_; }
  const base::Json& json() const { return json_; }
  base::Json& json() { return json_; }
  std::string Print() const { return json_.Print(2) + "\n"; }

  int64_t format_version() const { return json_["format-version"].as_int(); }
  const std::string& location() const { return json_["location"].as_string(); }
  int64_t last_sequence_number() const { return json_["last-sequence-number"].as_int(); }
  int64_t last_updated_ms() const { return json_["last-updated-ms"].as_int(); }
  int32_t last_column_id() const { return static_cast<int32_t>(json_["last-column-id"].as_int()); }
  // Null (the value) for a new table.
  const base::Json& current_schema() const;
  // The schema that a snapshot was written with; the current one when it names none.
  const base::Json& SchemaOf(const SnapshotEntry& snapshot) const;
  // True when new files would have to carry partition values.
  bool partitioned() const;
  // True when files under this partition spec carry no partition values.
  bool IsUnpartitioned(int64_t spec_id) const;
  // Unset when the table has no version yet.
  std::optional<int64_t> current_snapshot_id() const;
  // In the order of the file.
  const std::vector<SnapshotEntry>& snapshots() const { return snapshots_; }
  const SnapshotEntry* FindSnapshot(int64_t id) const;
  // Which version became the current one, and when (Unix time in ms): the oldest first.
  struct Change {
    int64_t timestamp_ms = 0;
    int64_t snapshot_id = 0;
  };
  std::vector<Change> Changes() const;

  // Makes `schema` the current one: an equal one of the table's list, or a new one. Returns its id.
  int32_t SetSchema(const GrownSchema& schema);
  // Forgets sort orders: they may name columns that a replaced table no longer has.
  void SetUnsorted();
  // Adds a snapshot and makes it the current one of branch main.
  void AddSnapshot(const SnapshotEntry& snapshot);
  // Notes the metadata file that this one follows (spec: "metadata-log").
  void AddToLog(const std::string& previous_file, int64_t previous_ms);
  // Removes the snapshots that `keep` does not hold, from the list and the log.
  void KeepSnapshots(const std::vector<int64_t>& keep);
  // The files of statistics that the table names ("statistics", "partition-statistics"), as recorded.
  std::vector<std::string> StatisticsFiles() const;

 private:
  TableMetadata() = default;
  base::Status ReadSnapshots();
  base::Error Corrupt(const std::string& field, const std::string& what) const;

  std::string where_;
  base::Json json_;
  std::vector<SnapshotEntry> snapshots_;
};

}  // namespace dicomhouse::warehouse
