// Manifest lists and manifests (Iceberg spec, "Manifest Lists" and "Manifests"), format versions 1 and 2 read, 2 written.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "warehouse/internal/avro.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {

// A line of a manifest list.
struct ManifestFile {
  std::string path;  // as recorded
  int64_t bytes = 0;
  int64_t partition_spec_id = 0;
  bool of_deletes = false;
  int64_t sequence_number = 0;
  int64_t min_sequence_number = 0;
  int64_t added_snapshot_id = 0;
  int64_t added_files = 0;
  int64_t existing_files = 0;
  int64_t deleted_files = 0;
  int64_t added_rows = 0;
  int64_t existing_rows = 0;
  int64_t deleted_rows = 0;
  AvroValue partitions;  // field 507, carried over as it was
};

enum class EntryStatus { kExisting = 0, kAdded = 1, kDeleted = 2 };
enum class FileContent { kData = 0, kPositionDeletes = 1, kEqualityDeletes = 2 };

// An entry of a manifest.
struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  int64_t snapshot_id = 0;
  // Unset in a written entry: inherited from the manifest when it is read (spec, "Sequence Number Inheritance").
  std::optional<int64_t> sequence_number;
  std::optional<int64_t> file_sequence_number;
  FileContent content = FileContent::kData;
  std::string path;  // as recorded
  int64_t rows = 0;
  int64_t bytes = 0;
  std::vector<int32_t> equality_ids;
  std::vector<ColumnStats> columns;    // written, not read
  std::vector<int64_t> split_offsets;  // written, not read
};

// Errors: kCorrupt with file and byte offset; kUnsupported (encrypted files).
base::Result<std::vector<ManifestFile>> ReadManifestList(std::string_view bytes, const std::string& where);
// The entries of `manifest`, with what they inherit from it. Entries that are deleted are left out unless `with_deleted`.
// Errors: as above; kUnsupported naming a data file that is not Parquet.
base::Result<std::vector<ManifestEntry>> ReadManifest(std::string_view bytes, const std::string& where,
                                                      const ManifestFile& manifest, bool with_deleted = false);

// A manifest list for the snapshot.
base::Result<std::string> WriteManifestList(const std::vector<ManifestFile>& manifests, int64_t snapshot_id,
                                            std::optional<int64_t> parent_id, int64_t sequence_number);

// A manifest being written, of an unpartitioned table.
class ManifestWriter {
 public:
  // `schema`: the table's, with "schema-id". `spec_id`: of a partition spec without fields.
  static base::Result<ManifestWriter> Make(const base::Json& schema, int64_t spec_id, bool of_deletes, int64_t snapshot_id);
  base::Status Append(const ManifestEntry& entry);
  size_t size() const { return avro_.size(); }
  // The file's bytes, and its line for the manifest list (path and sequence numbers left to the caller).
  std::string Finish(ManifestFile& line);

 private:
  ManifestWriter(AvroWriter avro, ManifestFile line) : avro_(std::move(avro)), line_(std::move(line)) {}
  AvroWriter avro_;
  ManifestFile line_;
};

// Where a file is from now on; its size when that changes too.
struct MovedFile {
  std::string path;
  std::optional<int64_t> bytes;
};
// Told the path as recorded and whether the file holds position or equality deletes.
using MoveFile = std::function<base::Result<MovedFile>(const std::string& recorded, FileContent content)>;
// Copies a manifest list or a manifest with other paths; everything else stays, whoever wrote it. The bounds of delete
// files go, as they are paths too.
base::Result<std::string> MoveManifestList(std::string_view bytes, const std::string& where, const MoveFile& move);
base::Result<std::string> MoveManifest(std::string_view bytes, const std::string& where, const MoveFile& move);

}  // namespace dicomhouse::warehouse
