#include "warehouse/internal/metadata.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "warehouse/internal/random.h"

namespace dicomhouse::warehouse {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

namespace {

// Earlier metadata files that the log names, as Iceberg's own default ("write.metadata.previous-versions-max").
constexpr size_t kMaxLoggedFiles = 100;

Json SnapshotToJson(const SnapshotEntry& snapshot) {
  Json summary = Json::MakeObject();
  for (const auto& [key, value] : snapshot.summary) summary.Set(key, value);
  Json json = Json::MakeObject();
  json.Set("sequence-number", snapshot.sequence_number).Set("snapshot-id", snapshot.id);
  if (snapshot.parent_id) json.Set("parent-snapshot-id", *snapshot.parent_id);
  json.Set("timestamp-ms", snapshot.timestamp_ms).Set("summary", std::move(summary)).Set("manifest-list", snapshot.manifest_list);
  if (snapshot.schema_id) json.Set("schema-id", *snapshot.schema_id);
  return json;
}

}  // namespace

std::optional<int64_t> SnapshotEntry::Number(const std::string& key) const {
  const auto found = summary.find(key);
  if (found == summary.end()) return std::nullopt;
  int64_t number = 0;
  const char* end = found->second.data() + found->second.size();
  const auto result = std::from_chars(found->second.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number < 0) return std::nullopt;
  return number;
}

Error TableMetadata::Corrupt(const std::string& field, const std::string& what) const {
  return {ErrorCode::kCorrupt, where_ + ": '" + field + "' " + what};
}

Result<TableMetadata> TableMetadata::Parse(std::string_view text, const std::string& where) {
  TableMetadata metadata;
  metadata.where_ = where;
  auto json = Json::Parse(text);
  if (!json.ok()) return Error{json.error().code, where + ": " + json.error().message};
  metadata.json_ = *std::move(json);
  if (!metadata.json_.is_object()) return Error{ErrorCode::kCorrupt, where + ": not a JSON object"};
  const int64_t version = metadata.json_["format-version"].as_int(0);
  if (version < 1) return metadata.Corrupt("format-version", "is missing or wrong");
  if (version > 2) {
    return Error{ErrorCode::kUnsupported,
                 where + ": Iceberg format version " + std::to_string(version) + " is not supported (1 and 2 are)"};
  }
  if (metadata.location().empty()) return metadata.Corrupt("location", "is missing or not a text");
  for (const char* field : {"last-column-id", "last-updated-ms"}) {
    if (!metadata.json_[field].is_int()) return metadata.Corrupt(field, "is missing or not a whole number");
  }
  if (metadata.last_sequence_number() < 0) return metadata.Corrupt("last-sequence-number", "is negative");
  const int64_t last_column = metadata.json_["last-column-id"].as_int();
  if (last_column < 0 || last_column > INT32_MAX / 2) return metadata.Corrupt("last-column-id", "is out of range");
  if (!metadata.current_schema().is_object()) return metadata.Corrupt("current-schema-id", "names no schema of 'schemas'");
  DH_CHECK(metadata.ReadSnapshots());
  const auto current = metadata.current_snapshot_id();
  if (current && metadata.FindSnapshot(*current) == nullptr) {
    return metadata.Corrupt("current-snapshot-id", std::to_string(*current) + " is not among 'snapshots'");
  }
  return metadata;
}

Status TableMetadata::ReadSnapshots() {
  std::set<int64_t> ids;
  for (const Json& json : json_["snapshots"].array()) {
    SnapshotEntry snapshot;
    if (!json["snapshot-id"].is_int()) return Corrupt("snapshots", "has an entry without 'snapshot-id'");
    snapshot.id = json["snapshot-id"].as_int();
    if (!ids.insert(snapshot.id).second) return Corrupt("snapshots", "has the id " + std::to_string(snapshot.id) + " twice");
    if (json["parent-snapshot-id"].is_int()) snapshot.parent_id = json["parent-snapshot-id"].as_int();
    snapshot.sequence_number = json["sequence-number"].as_int(0);
    snapshot.timestamp_ms = json["timestamp-ms"].as_int(0);
    snapshot.manifest_list = json["manifest-list"].as_string();
    if (snapshot.manifest_list.empty()) {
      return Error{ErrorCode::kUnsupported,
                   where_ + ": version " + std::to_string(snapshot.id) + " has no 'manifest-list' (written before Iceberg 0.9?)"};
    }
    if (json["schema-id"].is_int()) snapshot.schema_id = json["schema-id"].as_int();
    for (const auto& [key, value] : json["summary"].object()) snapshot.summary[key] = value.as_string();
    snapshots_.push_back(std::move(snapshot));
  }
  return {};
}

TableMetadata TableMetadata::New(const std::string& location, int64_t now_ms) {
  const auto empty = [](const char* id, int number) {
    Json json = Json::MakeObject();
    json.Set(id, number).Set("fields", Json::MakeArray());
    return Json(Json::Array{std::move(json)});
  };
  TableMetadata metadata;
  Json& json = metadata.json_;
  json = Json::MakeObject();
  json.Set("format-version", 2).Set("table-uuid", RandomUuid()).Set("location", location);
  json.Set("last-sequence-number", 0).Set("last-updated-ms", now_ms).Set("last-column-id", 0);
  json.Set("current-schema-id", -1).Set("schemas", Json::MakeArray());
  json.Set("default-spec-id", 0).Set("partition-specs", empty("spec-id", 0)).Set("last-partition-id", 999);
  json.Set("default-sort-order-id", 0).Set("sort-orders", empty("order-id", 0));
  json.Set("properties", Json::MakeObject().Set("write.parquet.compression-codec", "zstd"));
  json.Set("current-snapshot-id", -1).Set("refs", Json::MakeObject()).Set("snapshots", Json::MakeArray());
  json.Set("statistics", Json::MakeArray()).Set("snapshot-log", Json::MakeArray()).Set("metadata-log", Json::MakeArray());
  return metadata;
}

const Json& TableMetadata::current_schema() const {
  if (json_.find("schemas") == nullptr) return json_["schema"];  // format version 1
  for (const Json& schema : json_["schemas"].array()) {
    if (schema["schema-id"].as_int() == json_["current-schema-id"].as_int(0)) return schema;
  }
  static const Json kNull;
  return kNull;
}

const Json& TableMetadata::SchemaOf(const SnapshotEntry& snapshot) const {
  if (snapshot.schema_id) {
    for (const Json& schema : json_["schemas"].array()) {
      if (schema["schema-id"].as_int() == *snapshot.schema_id) return schema;
    }
  }
  return current_schema();
}

bool TableMetadata::partitioned() const { return !IsUnpartitioned(json_["default-spec-id"].as_int(0)); }

bool TableMetadata::IsUnpartitioned(int64_t spec_id) const {
  for (const Json& spec : json_["partition-specs"].array()) {
    if (spec["spec-id"].as_int() == spec_id) return spec["fields"].array().empty();
  }
  return json_["partition-spec"].array().empty();  // format version 1 before there were several
}

std::optional<int64_t> TableMetadata::current_snapshot_id() const {
  const Json& main = json_["refs"]["main"]["snapshot-id"];
  const int64_t id = main.is_int() ? main.as_int() : json_["current-snapshot-id"].as_int(-1);
  if (id == -1) return std::nullopt;
  return id;
}

const SnapshotEntry* TableMetadata::FindSnapshot(int64_t id) const {
  const auto found = std::find_if(snapshots_.begin(), snapshots_.end(), [id](const auto& snapshot) { return snapshot.id == id; });
  return found == snapshots_.end() ? nullptr : &*found;
}

std::vector<TableMetadata::Change> TableMetadata::Changes() const {
  std::vector<Change> changes;
  for (const Json& entry : json_["snapshot-log"].array()) {
    changes.push_back({entry["timestamp-ms"].as_int(), entry["snapshot-id"].as_int()});
  }
  // The log is optional; without it each version counts from when it was made.
  if (changes.empty()) {
    for (const SnapshotEntry& entry : snapshots_) changes.push_back({entry.timestamp_ms, entry.id});
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.timestamp_ms < b.timestamp_ms; });
  return changes;
}

int32_t TableMetadata::SetSchema(const GrownSchema& schema) {
  int64_t next = 0;
  Json& schemas = json_.Set("last-column-id", std::max(schema.last_column_id, last_column_id()));
  for (const Json& old : schemas["schemas"].array()) {
    const int64_t id = old["schema-id"].as_int(0);
    Json without = old;
    without.Remove("schema-id");
    if (without == schema.json) {
      json_.Set("current-schema-id", id);
      return static_cast<int32_t>(id);
    }
    next = std::max(next, id + 1);
  }
  Json added = Json::MakeObject();
  added.Set("type", "struct").Set("schema-id", next);
  for (const auto& [key, value] : schema.json.object()) added.Set(key, value);
  Json list = json_["schemas"];
  list.Append(std::move(added));
  json_.Set("schemas", std::move(list)).Set("current-schema-id", next);
  return static_cast<int32_t>(next);
}

void TableMetadata::SetUnsorted() {
  Json order = Json::MakeObject();
  order.Set("order-id", 0).Set("fields", Json::MakeArray());
  json_.Set("sort-orders", Json(Json::Array{std::move(order)})).Set("default-sort-order-id", 0);
}

void TableMetadata::AddSnapshot(const SnapshotEntry& snapshot) {
  Json snapshots = json_["snapshots"];
  snapshots.Append(SnapshotToJson(snapshot));
  Json log = json_["snapshot-log"];
  log.Append(Json::MakeObject().Set("timestamp-ms", snapshot.timestamp_ms).Set("snapshot-id", snapshot.id));
  Json refs = json_["refs"];
  Json main = refs["main"];  // may carry another engine's retention settings
  main.Set("snapshot-id", snapshot.id).Set("type", "branch");
  refs.Set("main", std::move(main));
  json_.Set("snapshots", std::move(snapshots)).Set("snapshot-log", std::move(log)).Set("refs", std::move(refs));
  json_.Set("current-snapshot-id", snapshot.id).Set("last-sequence-number", snapshot.sequence_number);
  json_.Set("last-updated-ms", snapshot.timestamp_ms);
  snapshots_.push_back(snapshot);
}

void TableMetadata::AddToLog(const std::string& previous_file, int64_t previous_ms) {
  Json log = json_["metadata-log"];
  log.Append(Json::MakeObject().Set("timestamp-ms", previous_ms).Set("metadata-file", previous_file));
  Json::Array& entries = log.array();
  if (entries.size() > kMaxLoggedFiles) entries.erase(entries.begin(), entries.end() - kMaxLoggedFiles);
  json_.Set("metadata-log", std::move(log));
}

void TableMetadata::KeepSnapshots(const std::vector<int64_t>& keep) {
  const auto gone = [&keep](const Json& entry) {
    return std::find(keep.begin(), keep.end(), entry["snapshot-id"].as_int()) == keep.end();
  };
  for (const char* list : {"snapshots", "statistics", "partition-statistics"}) {
    if (json_.find(list) == nullptr) continue;
    Json kept = json_[list];
    std::erase_if(kept.array(), gone);
    json_.Set(list, std::move(kept));
  }
  // The log must not have gaps (spec, "snapshot-log"): what stands before a forgotten version goes too.
  Json log = json_["snapshot-log"];
  Json::Array& entries = log.array();
  const auto last_gone = std::find_if(entries.rbegin(), entries.rend(), gone);
  entries.erase(entries.begin(), last_gone.base());
  json_.Set("snapshot-log", std::move(log));
  std::erase_if(snapshots_, [&keep](const auto& entry) { return std::find(keep.begin(), keep.end(), entry.id) == keep.end(); });
}

std::vector<std::string> TableMetadata::StatisticsFiles() const {
  std::vector<std::string> files;
  for (const char* list : {"statistics", "partition-statistics"}) {
    for (const Json& entry : json_[list].array()) files.push_back(entry["statistics-path"].as_string());
  }
  return files;
}

}  // namespace dicomhouse::warehouse
