#include "warehouse/internal/manifest.h"

#include <algorithm>
#include <set>

namespace dicomhouse::warehouse {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

namespace {

// Field ids of the Iceberg spec. Manifest list:
constexpr int32_t kManifestPath = 500;
constexpr int32_t kManifestLength = 501;
constexpr int32_t kPartitionSpecId = 502;
constexpr int32_t kAddedSnapshotId = 503;
constexpr int32_t kAddedFiles = 504;
constexpr int32_t kExistingFiles = 505;
constexpr int32_t kDeletedFiles = 506;
constexpr int32_t kPartitions = 507;
constexpr int32_t kAddedRows = 512;
constexpr int32_t kExistingRows = 513;
constexpr int32_t kDeletedRows = 514;
constexpr int32_t kSequenceNumber = 515;
constexpr int32_t kMinSequenceNumber = 516;
constexpr int32_t kContent = 517;
constexpr int32_t kListKeyMetadata = 519;
// Manifest entry:
constexpr int32_t kStatus = 0;
constexpr int32_t kSnapshotId = 1;
constexpr int32_t kDataFile = 2;
constexpr int32_t kEntrySequenceNumber = 3;
constexpr int32_t kFileSequenceNumber = 4;
// Data file:
constexpr int32_t kFilePath = 100;
constexpr int32_t kFileFormat = 101;
constexpr int32_t kPartition = 102;
constexpr int32_t kRecordCount = 103;
constexpr int32_t kFileBytes = 104;
constexpr int32_t kColumnSizes = 108;
constexpr int32_t kValueCounts = 109;
constexpr int32_t kNullCounts = 110;
constexpr int32_t kLowerBounds = 125;
constexpr int32_t kUpperBounds = 128;
constexpr int32_t kFileKeyMetadata = 131;
constexpr int32_t kSplitOffsets = 132;
constexpr int32_t kFileContent = 134;
constexpr int32_t kEqualityIds = 135;
constexpr int32_t kNanCounts = 137;
constexpr int32_t kReferencedDataFile = 143;

// What a scan has no use for and what is largest: statistics of columns.
const std::set<int32_t> kStatistics = {kPartition,   kColumnSizes, kValueCounts, kNullCounts,
                                       kLowerBounds, kUpperBounds, kNanCounts,   kSplitOffsets};

constexpr const char* kListSchema =
    R"({"type":"record","name":"manifest_file","fields":[)"
    R"({"name":"manifest_path","type":"string","field-id":500},)"
    R"({"name":"manifest_length","type":"long","field-id":501},)"
    R"({"name":"partition_spec_id","type":"int","field-id":502},)"
    R"({"name":"content","type":"int","field-id":517},)"
    R"({"name":"sequence_number","type":"long","field-id":515},)"
    R"({"name":"min_sequence_number","type":"long","field-id":516},)"
    R"({"name":"added_snapshot_id","type":"long","field-id":503},)"
    R"({"name":"added_files_count","type":"int","field-id":504},)"
    R"({"name":"existing_files_count","type":"int","field-id":505},)"
    R"({"name":"deleted_files_count","type":"int","field-id":506},)"
    R"({"name":"added_rows_count","type":"long","field-id":512},)"
    R"({"name":"existing_rows_count","type":"long","field-id":513},)"
    R"({"name":"deleted_rows_count","type":"long","field-id":514},)"
    R"({"name":"partitions","type":["null",{"type":"array","items":{"type":"record","name":"r508","fields":[)"
    R"({"name":"contains_null","type":"boolean","field-id":509},)"
    R"({"name":"contains_nan","type":["null","boolean"],"default":null,"field-id":518},)"
    R"({"name":"lower_bound","type":["null","bytes"],"default":null,"field-id":510},)"
    R"({"name":"upper_bound","type":["null","bytes"],"default":null,"field-id":511}]},"element-id":508}],)"
    R"("default":null,"field-id":507}]})";

// A map from field id to `value`: an array of pairs, as Avro's maps have text keys only (spec, appendix A).
std::string MapField(const char* name, int id, int key, const char* value) {
  const std::string key_id = std::to_string(key);
  const std::string value_id = std::to_string(key + 1);
  return std::string(R"({"name":")") + name +
         R"(","type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k)" + key_id + "_v" + value_id +
         R"(","fields":[{"name":"key","type":"int","field-id":)" + key_id + R"(},{"name":"value","type":")" + value +
         R"(","field-id":)" + value_id + R"(}]}}],"default":null,"field-id":)" + std::to_string(id) + "},";
}

std::string ListField(const char* name, int id, int element_id, const char* item) {
  return std::string(R"({"name":")") + name + R"(","type":["null",{"type":"array","items":")" + item + R"(","element-id":)" +
         std::to_string(element_id) + R"(}],"default":null,"field-id":)" + std::to_string(id) + "}";
}

std::string EntrySchema() {
  return std::string(R"({"type":"record","name":"manifest_entry","fields":[)") +
         R"({"name":"status","type":"int","field-id":0},)" +
         R"({"name":"snapshot_id","type":["null","long"],"default":null,"field-id":1},)" +
         R"({"name":"sequence_number","type":["null","long"],"default":null,"field-id":3},)" +
         R"({"name":"file_sequence_number","type":["null","long"],"default":null,"field-id":4},)" +
         R"({"name":"data_file","type":{"type":"record","name":"r2","fields":[)" +
         R"({"name":"content","type":"int","field-id":134},)" + R"({"name":"file_path","type":"string","field-id":100},)" +
         R"({"name":"file_format","type":"string","field-id":101},)" +
         R"({"name":"partition","type":{"type":"record","name":"r102","fields":[]},"field-id":102},)" +
         R"({"name":"record_count","type":"long","field-id":103},)" +
         R"({"name":"file_size_in_bytes","type":"long","field-id":104},)" + MapField("column_sizes", kColumnSizes, 117, "long") +
         MapField("value_counts", kValueCounts, 119, "long") + MapField("null_value_counts", kNullCounts, 121, "long") +
         MapField("lower_bounds", kLowerBounds, 126, "bytes") + MapField("upper_bounds", kUpperBounds, 129, "bytes") +
         ListField("split_offsets", kSplitOffsets, 133, "long") + "," + ListField("equality_ids", kEqualityIds, 136, "int") +
         R"(]},"field-id":2}]})";
}

// Fields that must be there; the error names the first one that isn't, or holds a value that can't be.
Status CheckNumbers(const AvroValue& record, const std::vector<int32_t>& ids, const std::string& where) {
  for (const int32_t id : ids) {
    if (record[id].as_int(-1) < 0) {
      return Error{ErrorCode::kCorrupt,
                   where + ": the Iceberg field " + std::to_string(id) + " is missing or negative in a record"};
    }
  }
  return {};
}

std::optional<int64_t> Optional(const AvroValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value.value)) return *number;
  return std::nullopt;
}

Result<ManifestFile> ToManifestFile(const AvroValue& record, const std::string& where) {
  DH_CHECK(CheckNumbers(record, {kManifestLength, kPartitionSpecId}, where));
  ManifestFile file;
  file.path = record[kManifestPath].as_string();
  if (file.path.empty()) return Error{ErrorCode::kCorrupt, where + ": a manifest without a path"};
  if (!record[kListKeyMetadata].is_null())
    return Error{ErrorCode::kUnsupported, where + ": encrypted manifests are not supported"};
  file.bytes = record[kManifestLength].as_int();
  file.partition_spec_id = record[kPartitionSpecId].as_int();
  const int64_t content = record[kContent].as_int(0);
  if (content < 0 || content > 1) return Error{ErrorCode::kUnsupported, where + ": manifest content " + std::to_string(content)};
  file.of_deletes = content == 1;
  file.sequence_number = record[kSequenceNumber].as_int(0);
  file.min_sequence_number = record[kMinSequenceNumber].as_int(0);
  file.added_snapshot_id = record[kAddedSnapshotId].as_int(0);
  file.added_files = record[kAddedFiles].as_int(0);
  file.existing_files = record[kExistingFiles].as_int(0);
  file.deleted_files = record[kDeletedFiles].as_int(0);
  file.added_rows = record[kAddedRows].as_int(0);
  file.existing_rows = record[kExistingRows].as_int(0);
  file.deleted_rows = record[kDeletedRows].as_int(0);
  file.partitions = record[kPartitions];
  return file;
}

Result<ManifestEntry> ToManifestEntry(const AvroValue& record, const std::string& where, const ManifestFile& manifest) {
  const AvroValue& file = record[kDataFile];
  DH_CHECK(CheckNumbers(record, {kStatus}, where));
  DH_CHECK(CheckNumbers(file, {kRecordCount, kFileBytes}, where));
  ManifestEntry entry;
  const int64_t status = record[kStatus].as_int();
  const int64_t content = file[kFileContent].as_int(0);
  if (status > 2 || content < 0 || content > 2)
    return Error{ErrorCode::kCorrupt, where + ": an entry of unknown status or content"};
  entry.status = static_cast<EntryStatus>(status);
  entry.content = static_cast<FileContent>(content);
  entry.snapshot_id = Optional(record[kSnapshotId]).value_or(manifest.added_snapshot_id);
  entry.sequence_number = Optional(record[kEntrySequenceNumber]);
  entry.file_sequence_number = Optional(record[kFileSequenceNumber]);
  // Only added entries inherit; manifests of format version 1 have 0 to give (spec, "Sequence Number Inheritance").
  if (entry.status == EntryStatus::kAdded || manifest.sequence_number == 0) {
    if (!entry.sequence_number) entry.sequence_number = manifest.sequence_number;
    if (!entry.file_sequence_number) entry.file_sequence_number = manifest.sequence_number;
  }
  entry.path = file[kFilePath].as_string();
  if (entry.path.empty()) return Error{ErrorCode::kCorrupt, where + ": an entry without a file path"};
  if (!entry.sequence_number && entry.status != EntryStatus::kDeleted) {
    return Error{ErrorCode::kCorrupt, where + ": the entry of " + entry.path + " has no sequence number"};
  }
  std::string format = file[kFileFormat].as_string();
  for (char& c : format) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  if (format != "parquet")
    return Error{ErrorCode::kUnsupported,
                 where + ": " + entry.path + " is a file of format '" + format + "'; only Parquet is supported"};
  if (!file[kFileKeyMetadata].is_null())
    return Error{ErrorCode::kUnsupported, where + ": " + entry.path + " is encrypted, which is not supported"};
  entry.rows = file[kRecordCount].as_int();
  entry.bytes = file[kFileBytes].as_int();
  for (const AvroValue& id : file[kEqualityIds].array()) entry.equality_ids.push_back(static_cast<int32_t>(id.as_int()));
  return entry;
}

AvroValue OptionalValue(const std::optional<int64_t>& number) { return number ? AvroValue(*number) : AvroValue(); }

AvroValue Pair(int32_t key_field, int32_t key, AvroValue value) {
  return AvroValue(AvroValue::Record{{key_field, AvroValue(int64_t{key})}, {key_field + 1, std::move(value)}});
}

// The five maps of statistics; null when there is none, as the spec's optional fields want it.
void AddStatistics(const std::vector<ColumnStats>& columns, AvroValue::Record& file) {
  AvroValue::Array sizes;
  AvroValue::Array values;
  AvroValue::Array nulls;
  AvroValue::Array lower;
  AvroValue::Array upper;
  for (const ColumnStats& column : columns) {
    sizes.push_back(Pair(117, column.field_id, column.compressed_bytes));
    values.push_back(Pair(119, column.field_id, column.value_count));
    nulls.push_back(Pair(121, column.field_id, column.null_count));
    if (column.lower_bound) lower.push_back(Pair(126, column.field_id, *column.lower_bound));
    if (column.upper_bound) upper.push_back(Pair(129, column.field_id, *column.upper_bound));
  }
  const auto add = [&file](int32_t id, AvroValue::Array items) {
    file.emplace_back(id, items.empty() ? AvroValue() : AvroValue(std::move(items)));
  };
  add(kColumnSizes, std::move(sizes));
  add(kValueCounts, std::move(values));
  add(kNullCounts, std::move(nulls));
  add(kLowerBounds, std::move(lower));
  add(kUpperBounds, std::move(upper));
}

AvroValue ToAvro(const ManifestEntry& entry) {
  AvroValue::Record file;
  file.emplace_back(kFileContent, int64_t{static_cast<int>(entry.content)});
  file.emplace_back(kFilePath, entry.path);
  file.emplace_back(kFileFormat, std::string("PARQUET"));
  file.emplace_back(kPartition, AvroValue::Record{});
  file.emplace_back(kRecordCount, entry.rows);
  file.emplace_back(kFileBytes, entry.bytes);
  AddStatistics(entry.columns, file);
  AvroValue::Array offsets(entry.split_offsets.begin(), entry.split_offsets.end());
  file.emplace_back(kSplitOffsets, offsets.empty() ? AvroValue() : AvroValue(std::move(offsets)));
  AvroValue::Array ids;
  for (const int32_t id : entry.equality_ids) ids.emplace_back(int64_t{id});
  file.emplace_back(kEqualityIds, ids.empty() ? AvroValue() : AvroValue(std::move(ids)));

  AvroValue::Record record;
  record.emplace_back(kStatus, int64_t{static_cast<int>(entry.status)});
  record.emplace_back(kSnapshotId, entry.snapshot_id);
  record.emplace_back(kEntrySequenceNumber, OptionalValue(entry.sequence_number));
  record.emplace_back(kFileSequenceNumber, OptionalValue(entry.file_sequence_number));
  record.emplace_back(kDataFile, std::move(file));
  return AvroValue(std::move(record));
}

AvroValue ToAvro(const ManifestFile& file) {
  AvroValue::Record record;
  record.emplace_back(kManifestPath, file.path);
  record.emplace_back(kManifestLength, file.bytes);
  record.emplace_back(kPartitionSpecId, file.partition_spec_id);
  record.emplace_back(kContent, int64_t{file.of_deletes ? 1 : 0});
  record.emplace_back(kSequenceNumber, file.sequence_number);
  record.emplace_back(kMinSequenceNumber, file.min_sequence_number);
  record.emplace_back(kAddedSnapshotId, file.added_snapshot_id);
  record.emplace_back(kAddedFiles, file.added_files);
  record.emplace_back(kExistingFiles, file.existing_files);
  record.emplace_back(kDeletedFiles, file.deleted_files);
  record.emplace_back(kAddedRows, file.added_rows);
  record.emplace_back(kExistingRows, file.existing_rows);
  record.emplace_back(kDeletedRows, file.deleted_rows);
  record.emplace_back(kPartitions, file.partitions);
  return AvroValue(std::move(record));
}

// Copies a container file, changing each record on its way.
Result<std::string> Rewrite(std::string_view bytes, const std::string& where, const std::function<Status(AvroValue&)>& change) {
  DH_ASSIGN(AvroHeader header, ReadAvro(bytes, where, {}, [](const AvroValue&) { return Status(); }));
  DH_ASSIGN(AvroWriter writer, AvroWriter::Make(header.metadata));
  const auto copied = ReadAvro(bytes, where, {}, [&](AvroValue record) -> Status {
    DH_CHECK(change(record));
    return writer.Append(record);
  });
  if (!copied.ok()) return copied.error();
  return writer.Finish();
}

}  // namespace

Result<std::vector<ManifestFile>> ReadManifestList(std::string_view bytes, const std::string& where) {
  std::vector<ManifestFile> files;
  const auto header = ReadAvro(bytes, where, {}, [&](const AvroValue& record) -> Status {
    DH_ASSIGN(ManifestFile file, ToManifestFile(record, where));
    files.push_back(std::move(file));
    return {};
  });
  if (!header.ok()) return header.error();
  return files;
}

Result<std::vector<ManifestEntry>> ReadManifest(std::string_view bytes, const std::string& where, const ManifestFile& manifest,
                                                bool with_deleted) {
  std::vector<ManifestEntry> entries;
  const auto header = ReadAvro(bytes, where, kStatistics, [&](const AvroValue& record) -> Status {
    DH_ASSIGN(ManifestEntry entry, ToManifestEntry(record, where, manifest));
    if (with_deleted || entry.status != EntryStatus::kDeleted) entries.push_back(std::move(entry));
    return {};
  });
  if (!header.ok()) return header.error();
  return entries;
}

Result<std::string> WriteManifestList(const std::vector<ManifestFile>& manifests, int64_t snapshot_id,
                                      std::optional<int64_t> parent_id, int64_t sequence_number) {
  DH_ASSIGN(AvroWriter writer, AvroWriter::Make({{"avro.schema", kListSchema},
                                                 {"format-version", "2"},
                                                 {"snapshot-id", std::to_string(snapshot_id)},
                                                 {"parent-snapshot-id", parent_id ? std::to_string(*parent_id) : "null"},
                                                 {"sequence-number", std::to_string(sequence_number)}}));
  for (const ManifestFile& file : manifests) DH_CHECK(writer.Append(ToAvro(file)));
  return writer.Finish();
}

Result<ManifestWriter> ManifestWriter::Make(const Json& schema, int64_t spec_id, bool of_deletes, int64_t snapshot_id) {
  DH_ASSIGN(AvroWriter avro, AvroWriter::Make({{"avro.schema", EntrySchema()},
                                               {"schema", schema.Print()},
                                               {"schema-id", std::to_string(schema["schema-id"].as_int())},
                                               {"partition-spec", "[]"},
                                               {"partition-spec-id", std::to_string(spec_id)},
                                               {"format-version", "2"},
                                               {"content", of_deletes ? "deletes" : "data"}}));
  ManifestFile line;
  line.partition_spec_id = spec_id;
  line.of_deletes = of_deletes;
  line.added_snapshot_id = snapshot_id;
  return ManifestWriter(std::move(avro), std::move(line));
}

Status ManifestWriter::Append(const ManifestEntry& entry) {
  int64_t& files = entry.status == EntryStatus::kAdded     ? line_.added_files
                   : entry.status == EntryStatus::kDeleted ? line_.deleted_files
                                                           : line_.existing_files;
  int64_t& rows = entry.status == EntryStatus::kAdded     ? line_.added_rows
                  : entry.status == EntryStatus::kDeleted ? line_.deleted_rows
                                                          : line_.existing_rows;
  ++files;
  rows += entry.rows;
  return avro_.Append(ToAvro(entry));
}

std::string ManifestWriter::Finish(ManifestFile& line) {
  std::string bytes = avro_.Finish();
  line_.bytes = static_cast<int64_t>(bytes.size());
  line = line_;
  return bytes;
}

Result<std::string> MoveManifestList(std::string_view bytes, const std::string& where, const MoveFile& move) {
  return Rewrite(bytes, where, [&](AvroValue& record) -> Status {
    AvroValue* path = record.Find(kManifestPath);
    AvroValue* length = record.Find(kManifestLength);
    if (path == nullptr || length == nullptr) return Error{ErrorCode::kCorrupt, where + ": a manifest without path or length"};
    DH_ASSIGN(MovedFile moved, move(path->as_string(), FileContent::kData));
    path->value = std::move(moved.path);
    if (moved.bytes) length->value = *moved.bytes;
    return {};
  });
}

Result<std::string> MoveManifest(std::string_view bytes, const std::string& where, const MoveFile& move) {
  return Rewrite(bytes, where, [&](AvroValue& record) -> Status {
    AvroValue* file = record.Find(kDataFile);
    AvroValue* path = file == nullptr ? nullptr : file->Find(kFilePath);
    AvroValue* size = file == nullptr ? nullptr : file->Find(kFileBytes);
    if (path == nullptr || size == nullptr) return Error{ErrorCode::kCorrupt, where + ": an entry without path or size"};
    const int64_t content = (*file)[kFileContent].as_int(0);
    if (content < 0 || content > 2) return Error{ErrorCode::kCorrupt, where + ": an entry of unknown content"};
    const bool live = record[kStatus].as_int() != static_cast<int>(EntryStatus::kDeleted);
    const bool rewritten = content == static_cast<int>(FileContent::kPositionDeletes) && live;
    DH_ASSIGN(MovedFile moved, move(path->as_string(), rewritten ? FileContent::kPositionDeletes : FileContent::kData));
    path->value = std::move(moved.path);
    if (moved.bytes) size->value = *moved.bytes;
    if (content != static_cast<int>(FileContent::kPositionDeletes)) return {};
    for (const int32_t bounds : {kLowerBounds, kUpperBounds, kSplitOffsets}) {
      if (AvroValue* field = file->Find(bounds)) field->value = std::monostate();
    }
    if (AvroValue* referenced = file->Find(kReferencedDataFile)) {
      DH_ASSIGN(MovedFile data, move(referenced->as_string(), FileContent::kData));
      referenced->value = std::move(data.path);
    }
    return {};
  });
}

}  // namespace dicomhouse::warehouse
