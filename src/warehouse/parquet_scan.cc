#include "warehouse/parquet_scan.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "warehouse/engine.h"

namespace dicomhouse::warehouse {
namespace {

using table::Field;
using table::Mode;
using table::Type;

// The column in which a scan with deletes keeps the part's path.
constexpr std::string_view kFileColumn = "dh_file";
constexpr std::string_view kRowColumn = "file_row_number";  // the engine's name for it
// Iceberg reserves these ids for the columns of position delete files.
constexpr int kDeletedPathId = 2147483546;
constexpr int kDeletedPositionId = 2147483545;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

base::Result<std::string> ScalarType(const Field& field) {
  if (field.foreign_type.starts_with("decimal(")) return "DECIMAL" + field.foreign_type.substr(7);
  if (field.foreign_type == "timestamp") return std::string("TIMESTAMP");
  if (field.foreign_type == "uuid") return std::string("UUID");
  switch (field.type) {
    case Type::kString:
      return std::string("VARCHAR");
    case Type::kInteger:
      return std::string("BIGINT");
    case Type::kFloat:
      return std::string("DOUBLE");
    case Type::kDate:
      return std::string("DATE");
    case Type::kTime:
      return std::string("TIME");
    case Type::kTimestamp:
      return std::string("TIMESTAMPTZ");
    case Type::kBytes:
      return std::string("BLOB");
    case Type::kBoolean:
      return std::string("BOOLEAN");
    case Type::kRecord:
      break;
  }
  return base::Error{base::ErrorCode::kUnsupported, field.name + ": a record without fields cannot be read"};
}

// Schemas are bounded in depth where they are read.
base::Result<std::string> EngineType(const Field& field) {  // NOLINT(misc-no-recursion)
  std::string type;
  if (field.type == Type::kRecord && !field.fields.empty()) {
    for (const Field& child : field.fields) {
      DH_ASSIGN(const std::string inner, EngineType(child));
      type += (type.empty() ? "STRUCT(" : ", ") + SqlName(child.name) + " " + inner;
    }
    type += ")";
  } else {
    DH_ASSIGN(type, ScalarType(field));
  }
  return field.mode == Mode::kRepeated ? type + "[]" : type;
}

std::string PathList(const std::vector<std::string>& paths) {
  std::string list;
  for (const std::string& path : paths) list += (list.empty() ? "[" : ", ") + SqlString(path);
  return list + "]";
}

// An entry of read_parquet's schema=MAP{...}.
std::string MapEntry(int id, std::string_view name, std::string_view type) {
  return std::to_string(id) + ": {name: " + SqlString(name) + ", type: " + SqlString(type) + ", default_value: NULL}";
}

std::string MapOf(const std::vector<std::string>& entries) {
  std::string map;
  for (const std::string& entry : entries) map += (map.empty() ? "MAP{" : ", ") + entry;
  return map + "}";
}

struct Column {
  const Field* field = nullptr;
  std::string type;
};

// Numbers and dates are the cheapest to read when no column is asked for.
int Cost(const Field& field) {
  if (field.mode == Mode::kRepeated) return 3;
  if (field.type == Type::kRecord) return 2;
  return field.type == Type::kString || field.type == Type::kBytes ? 1 : 0;
}

std::vector<const Field*> Chosen(const std::vector<Field>& fields, const ScanColumns& columns) {
  std::vector<const Field*> chosen;
  for (const Field& field : fields) {
    if (columns.all || columns.names.contains(Lower(field.name))) chosen.push_back(&field);
  }
  if (chosen.empty() && !fields.empty()) {
    chosen.push_back(
        &*std::min_element(fields.begin(), fields.end(), [](const Field& a, const Field& b) { return Cost(a) < Cost(b); }));
  }
  return chosen;
}

base::Result<std::vector<Column>> ReadColumns(const Snapshot& snapshot, const std::vector<const Field*>& chosen) {
  std::vector<Column> columns;
  auto add = [&](const Field& field) -> base::Status {
    DH_ASSIGN(std::string type, EngineType(field));
    columns.push_back({&field, std::move(type)});
    return {};
  };
  for (const Field* field : chosen) DH_CHECK(add(*field));
  for (const DeleteFile& file : snapshot.deletes) {
    for (const int32_t id : file.equality_ids) {
      const auto& fields = snapshot.schema.fields;
      const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.id == id; });
      if (found == fields.end()) {
        return base::Error{base::ErrorCode::kUnsupported, file.path + ": deletes by a column that the table no longer has"};
      }
      const bool there =
          std::any_of(columns.begin(), columns.end(), [&](const Column& column) { return column.field == &*found; });
      if (!there) DH_CHECK(add(*found));
    }
  }
  return columns;
}

// UUIDs of other writers are text to a reader of ours.
std::string ShownColumn(const Field& field) {
  const std::string name = SqlName(field.name);
  if (field.foreign_type == "uuid" && field.mode == Mode::kNullable) return "CAST(d." + name + " AS VARCHAR) AS " + name;
  return "d." + name;
}

// Position deletes: (path as recorded, row) pairs, brought to the paths as they are now. A delete counts for parts that are
// not younger than it.
std::string PositionDeletes(const Snapshot& snapshot) {
  std::vector<std::string> paths;
  std::string deletes;
  for (const DeleteFile& file : snapshot.deletes) {
    if (file.equality) continue;
    paths.push_back(file.path);
    deletes += (deletes.empty() ? "(" : ", (") + SqlString(file.path) + ", " + std::to_string(file.sequence_number) + ")";
  }
  if (paths.empty()) return "";
  std::string parts;
  for (const LiveFile& file : snapshot.files) {
    parts += (parts.empty() ? "(" : ", (") + SqlString(file.recorded_path) + ", " + SqlString(file.path) + ", " +
             std::to_string(file.sequence_number) + ")";
  }
  const std::string schema =
      MapOf({MapEntry(kDeletedPathId, "file_path", "VARCHAR"), MapEntry(kDeletedPositionId, "pos", "BIGINT")});
  return " ANTI JOIN (SELECT p.now, x.pos FROM read_parquet(" + PathList(paths) + ", filename='" + std::string(kFileColumn) +
         "', schema=" + schema + ") AS x JOIN (VALUES " + parts +
         ") AS p(recorded, now, sequence) ON p.recorded = x.file_path JOIN (VALUES " + deletes +
         ") AS f(path, sequence) ON f.path = x." + std::string(kFileColumn) +
         " WHERE p.sequence <= f.sequence) AS gone ON gone.now = d." + std::string(kFileColumn) + " AND gone.pos = d." +
         std::string(kRowColumn);
}

// An equality delete counts for parts that are older than it.
std::string EqualityDelete(const Snapshot& snapshot, const DeleteFile& file, const std::vector<Column>& columns, size_t number) {
  std::string older;
  bool all = true;
  for (const LiveFile& part : snapshot.files) {
    if (part.sequence_number < file.sequence_number) {
      older += (older.empty() ? "" : ", ") + SqlString(part.path);
    } else {
      all = false;
    }
  }
  if (older.empty()) return "";
  const std::string alias = "equal" + std::to_string(number);
  std::vector<std::string> entries;
  std::string condition;
  for (const Column& column : columns) {
    if (std::find(file.equality_ids.begin(), file.equality_ids.end(), column.field->id) == file.equality_ids.end()) continue;
    const std::string name = SqlName(column.field->name);
    entries.push_back(MapEntry(column.field->id, column.field->name, column.type));
    condition += (condition.empty() ? "" : " AND ") + ("d." + name) + " IS NOT DISTINCT FROM " + alias + "." + name;
  }
  if (!all) condition += " AND d." + std::string(kFileColumn) + " IN (" + older + ")";
  return " ANTI JOIN read_parquet([" + SqlString(file.path) + "], schema=" + MapOf(entries) + ") AS " + alias + " ON " +
         condition;
}

// A table without rows: the engine still has to know names and types.
std::string EmptySql(const std::vector<Column>& columns) {
  std::string list;
  for (const Column& column : columns) {
    const std::string type = column.field->foreign_type == "uuid" ? "VARCHAR" : column.type;
    list += (list.empty() ? "" : ", ") + ("CAST(NULL AS " + type + ") AS ") + SqlName(column.field->name);
  }
  return "SELECT " + (list.empty() ? std::string("1 AS dh_no_column") : list) + " WHERE false";
}

base::Status CheckNames(const Snapshot& snapshot) {
  for (const Field& field : snapshot.schema.fields) {
    const std::string name = Lower(field.name);
    if (name == kFileColumn || name == kRowColumn) {
      return base::Error{base::ErrorCode::kUnsupported,
                         "a table with deleted rows and a column named " + field.name + " cannot be read: rewrite the table"};
    }
  }
  return {};
}

}  // namespace

base::Result<std::string> ScanSql(const Snapshot& snapshot, const ScanColumns& wanted) {
  const std::vector<const Field*> chosen = Chosen(snapshot.schema.fields, wanted);
  DH_ASSIGN(const std::vector<Column> columns, ReadColumns(snapshot, chosen));
  if (snapshot.files.empty() || columns.empty()) return EmptySql(columns);
  std::string shown;
  for (const Field* field : chosen) shown += (shown.empty() ? "" : ", ") + ShownColumn(*field);
  std::vector<std::string> entries;
  entries.reserve(columns.size());
  for (const Column& column : columns) entries.push_back(MapEntry(column.field->id, column.field->name, column.type));
  std::vector<std::string> paths;
  paths.reserve(snapshot.files.size());
  for (const LiveFile& file : snapshot.files) paths.push_back(file.path);
  std::string sql = "SELECT " + shown + " FROM read_parquet(" + PathList(paths) + ", schema=" + MapOf(entries);
  if (!snapshot.deletes.empty()) {
    DH_CHECK(CheckNames(snapshot));
    sql += ", filename='" + std::string(kFileColumn) + "', " + std::string(kRowColumn) + "=true";
  }
  sql += ") AS d";
  sql += PositionDeletes(snapshot);
  for (size_t i = 0; i < snapshot.deletes.size(); ++i) {
    if (snapshot.deletes[i].equality) sql += EqualityDelete(snapshot, snapshot.deletes[i], columns, i);
  }
  return sql;
}

std::vector<std::string> ScanPaths(const Snapshot& snapshot) {
  std::vector<std::string> paths;
  for (const LiveFile& file : snapshot.files) paths.push_back(file.path);
  for (const DeleteFile& file : snapshot.deletes) paths.push_back(file.path);
  return paths;
}

}  // namespace dicomhouse::warehouse
