#include "warehouse/internal/schema_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/limits.h"

namespace dicomhouse::warehouse {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;
using table::Field;
using table::Mode;
using table::Type;

// Levels of nested columns that are read. BigQuery has 15; the walks below are recursive and bounded by it.
constexpr int kMaxLevels = 64;

// TIME is written as text and marked so: Spark refuses a whole table for one column of Iceberg's type `time`
// (docs/decisions/0014-time-as-text.md).
constexpr std::string_view kTimeMark = "BigQuery TIME: HH:MM:SS[.ffffff]";

constexpr std::array<std::pair<Type, std::string_view>, 7> kTypes = {{
    {Type::kString, "string"},
    {Type::kInteger, "long"},
    {Type::kFloat, "double"},
    {Type::kDate, "date"},
    {Type::kTimestamp, "timestamptz"},
    {Type::kBytes, "binary"},
    {Type::kBoolean, "boolean"},
}};

// ---- reading

struct Primitive {
  Type type = Type::kString;
  bool foreign = false;
};

std::optional<Primitive> PrimitiveFromName(std::string_view name) {
  for (const auto& [type, text] : kTypes) {
    if (text == name) return Primitive{type, false};
  }
  if (name == "int") return Primitive{Type::kInteger, true};
  if (name == "float") return Primitive{Type::kFloat, true};
  if (name == "uuid" || name.starts_with("decimal(")) return Primitive{Type::kString, true};
  if (name == "time") return Primitive{Type::kTime, true};
  if (name == "timestamp") return Primitive{Type::kTimestamp, true};
  if (name.starts_with("fixed[")) return Primitive{Type::kBytes, true};
  return std::nullopt;
}

class SchemaReader {
 public:
  explicit SchemaReader(const std::string& where) : where_(where) {}

  Result<std::vector<Field>> Fields(const Json& json, const std::string& path, int level) {  // NOLINT(misc-no-recursion)
    if (level > kMaxLevels) return Error{ErrorCode::kLimit, where_ + ": column '" + path + "' is nested deeper than 64 levels"};
    if (!json["fields"].is_array()) return Corrupt(path, "a struct without a list 'fields'");
    std::vector<Field> fields;
    for (const Json& item : json["fields"].array()) {
      Field field;
      field.name = item["name"].as_string();
      const std::string column = path.empty() ? field.name : path + "." + field.name;
      if (field.name.empty()) return Corrupt(path, "a field without a 'name'");
      DH_ASSIGN(field.id, Id(item["id"], column));
      DH_CHECK(ReadType(item["type"], column, level, field));
      if (field.type == Type::kString && field.foreign_type.empty() && item["doc"].as_string() == kTimeMark)
        field.type = Type::kTime;
      fields.push_back(std::move(field));
    }
    return fields;
  }

 private:
  Error Corrupt(const std::string& path, const std::string& what) const {
    return {ErrorCode::kCorrupt, where_ + ": schemas: " + (path.empty() ? "" : "column '" + path + "': ") + what};
  }

  Result<int32_t> Id(const Json& json, const std::string& path) {
    const int64_t id = json.as_int(0);
    if (id <= 0 || id > INT32_MAX) return Corrupt(path, "a wrong or missing field id");
    if (!ids_.insert(static_cast<int32_t>(id)).second) return Corrupt(path, "field id " + std::to_string(id) + " is there twice");
    return static_cast<int32_t>(id);
  }

  Status ReadType(const Json& type, const std::string& path, int level, Field& field) {  // NOLINT(misc-no-recursion)
    if (type.is_string()) {
      const auto primitive = PrimitiveFromName(type.as_string());
      if (!primitive) return Unsupported(path, type.as_string());
      field.type = primitive->type;
      if (primitive->foreign) field.foreign_type = type.as_string();
      return {};
    }
    const std::string& kind = type["type"].as_string();
    if (kind == "struct") {
      field.type = Type::kRecord;
      DH_ASSIGN(field.fields, Fields(type, path, level + 1));
      return {};
    }
    if (kind == "list") {
      if (field.mode == Mode::kRepeated) return Unsupported(path, "list of lists");
      field.mode = Mode::kRepeated;
      DH_ASSIGN(field.element_id, Id(type["element-id"], path));
      if (type["element"]["type"].as_string() == "map") return Unsupported(path, "list of maps");
      return ReadType(type["element"], path, level + 1, field);
    }
    if (kind == "map") return ReadMap(type, path, level, field);
    return Unsupported(path, kind.empty() ? type.Print() : kind);
  }

  Status ReadMap(const Json& type, const std::string& path, int level, Field& field) {  // NOLINT(misc-no-recursion)
    if (level >= kMaxLevels) return Error{ErrorCode::kLimit, where_ + ": column '" + path + "' is nested deeper than 64 levels"};
    Field key{.name = "key", .fields = {}, .foreign_type = {}};
    Field value{.name = "value", .fields = {}, .foreign_type = {}};
    DH_ASSIGN(key.id, Id(type["key-id"], path + ".key"));
    DH_ASSIGN(value.id, Id(type["value-id"], path + ".value"));
    DH_CHECK(ReadType(type["key"], path + ".key", level + 1, key));
    DH_CHECK(ReadType(type["value"], path + ".value", level + 1, value));
    field.type = Type::kRecord;
    field.mode = Mode::kRepeated;
    field.foreign_type = "map";
    field.fields = {std::move(key), std::move(value)};
    return {};
  }

  Error Unsupported(const std::string& path, const std::string& type) const {
    return {ErrorCode::kUnsupported,
            where_ + ": column '" + path + "' has the Iceberg type '" + type + "', which is not supported"};
  }

  const std::string& where_;
  std::set<int32_t> ids_;
};

// ---- writing (our own trees: as deep as the mapping made them)

Json StructToJson(const std::vector<Field>& fields);

Json TypeToJson(const Field& field) {  // NOLINT(misc-no-recursion)
  if (field.foreign_type == "map") {
    Json map = Json::MakeObject();
    map.Set("type", "map").Set("key-id", field.fields[0].id).Set("key", TypeToJson(field.fields[0]));
    map.Set("value-id", field.fields[1].id).Set("value", TypeToJson(field.fields[1])).Set("value-required", false);
    return map;
  }
  Json element = field.type == Type::kRecord  ? StructToJson(field.fields)
                 : field.foreign_type.empty() ? Json(IcebergType(field.type))
                                              : Json(field.foreign_type);
  if (field.mode != Mode::kRepeated) return element;
  Json list = Json::MakeObject();
  list.Set("type", "list").Set("element-id", field.element_id).Set("element", std::move(element)).Set("element-required", false);
  return list;
}

Json FieldToJson(const Field& field) {  // NOLINT(misc-no-recursion)
  Json json = Json::MakeObject();
  json.Set("id", field.id).Set("name", field.name).Set("required", false).Set("type", TypeToJson(field));
  if (field.type == Type::kTime && field.foreign_type.empty()) json.Set("doc", kTimeMark);
  return json;
}

Json StructToJson(const std::vector<Field>& fields) {  // NOLINT(misc-no-recursion)
  Json array = Json::MakeArray();
  for (const Field& field : fields) array.Append(FieldToJson(field));
  Json json = Json::MakeObject();
  json.Set("type", "struct").Set("fields", std::move(array));
  return json;
}

// ---- growing

// What a column is, for people: "STRING, REPEATED".
std::string Describe(const Field& field) {
  std::string text(table::TypeName(field.type));
  if (!field.foreign_type.empty()) text += " (Iceberg " + field.foreign_type + ")";
  return text + ", " + std::string(table::ModeName(field.mode));
}

std::string DescribeJson(const Json& type) {
  Json fields = Json::MakeArray();
  fields.Append(Json::MakeObject().Set("id", INT32_MAX).Set("name", "x").Set("type", type));
  const auto schema = SchemaFromJson(Json::MakeObject().Set("fields", std::move(fields)), "");
  return schema.ok() ? Describe(schema->fields[0]) : "Iceberg " + type.Print();
}

class SchemaGrower {
 public:
  SchemaGrower(bool replace, int32_t last_id) : replace_(replace), last_id_(last_id) {}

  int32_t last_id() const { return last_id_; }

  Result<Json> Struct(const Json& existing, const std::vector<Field>& united,
                      const std::string& path) {  // NOLINT(misc-no-recursion)
    const Json::Array& old = existing["fields"].array();
    std::map<std::string, size_t, std::less<>> places;
    for (size_t i = 0; i < old.size(); ++i) {
      places[old[i]["name"].as_string()] = i;
      if (!replace_ && old[i]["required"].as_bool()) return Required(path, old[i]["name"].as_string());
    }
    Json::Array in_united_order;
    std::vector<bool> is_old;
    for (const Field& field : united) {
      const std::string column = path.empty() ? field.name : path + "." + field.name;
      const auto place = places.find(field.name);
      is_old.push_back(place != places.end());
      if (place == places.end()) {
        in_united_order.push_back(New(field));
        continue;
      }
      const int32_t last_id_before = last_id_;
      auto merged = Column(old[place->second], field, column);
      if (merged.ok()) {
        in_united_order.push_back(*std::move(merged));
      } else if (replace_) {  // the name stays, the column is another one
        last_id_ = last_id_before;
        in_united_order.push_back(New(field));
      } else {
        return merged.error();
      }
    }
    Json result = existing;
    result.Set("fields", replace_ ? std::move(in_united_order) : Interleave(old, united, std::move(in_united_order), is_old));
    return result;
  }

  // A column that is new, with its nested ones: ids depth first.
  Json New(const Field& field) {
    Field copy = field;
    GiveIds(copy);
    return FieldToJson(copy);
  }

 private:
  void GiveIds(Field& field) {  // NOLINT(misc-no-recursion): our own trees
    field.id = ++last_id_;
    field.foreign_type.clear();
    field.element_id = field.mode == Mode::kRepeated ? ++last_id_ : 0;
    for (Field& child : field.fields) GiveIds(child);
  }

  static Error Required(const std::string& path, const std::string& name) {
    return {ErrorCode::kFailedPrecondition, "column '" + (path.empty() ? name : path + "." + name) +
                                                "' is NOT NULL in the table, as another engine made it; new rows may lack it. "
                                                "Drop NOT NULL there, or write to another table"};
  }

  Error Clash(const std::string& path, const Field& field, const Json& type) const {
    return {ErrorCode::kFailedPrecondition, "column '" + path + "' is " + DescribeJson(type) + " in the table but " +
                                                Describe(field) +
                                                " in the new data. Write to another table, or replace this one"};
  }

  // An existing column and what the new data want it to be.
  Result<Json> Column(const Json& old, const Field& field, const std::string& path) {  // NOLINT(misc-no-recursion)
    Json result = old;
    const Json& type = old["type"];
    const bool list = type["type"].as_string() == "list";
    if (list != (field.mode == Mode::kRepeated)) return Clash(path, field, type);
    if (!list) {
      DH_ASSIGN(Json merged, ElementType(type, field, path, type));
      result.Set("type", std::move(merged));
      return result;
    }
    if (!replace_ && type["element-required"].as_bool()) return Required(path, "element");
    Json list_type = type;
    DH_ASSIGN(Json merged, ElementType(type["element"], field, path, type));
    list_type.Set("element", std::move(merged));
    result.Set("type", std::move(list_type));
    return result;
  }

  Result<Json> ElementType(const Json& type, const Field& field, const std::string& path,
                           const Json& whole) {  // NOLINT(misc-no-recursion)
    if (field.type == Type::kRecord) {
      if (type["type"].as_string() != "struct") return Clash(path, field, whole);
      return Struct(type, field.fields, path);
    }
    const std::string& name = type.as_string();
    const std::string_view wanted = IcebergType(field.type);
    if (name == wanted) return type;
    // The only promotions of the Iceberg spec ("Schema evolution") that end at a type of ours.
    if ((name == "int" && wanted == "long") || (name == "float" && wanted == "double")) return Json(wanted);
    return Clash(path, field, whole);
  }

  // Columns of `united` in its order in the places that its old ones had; new ones right after their neighbour.
  static Json::Array Interleave(const Json::Array& old, const std::vector<Field>& united, Json::Array merged,
                                const std::vector<bool>& is_old) {
    std::set<std::string_view> names;
    for (const Field& field : united) names.insert(field.name);
    Json::Array result;
    size_t next = 0;
    const auto take_new = [&] {
      for (; next < merged.size() && !is_old[next]; ++next) result.push_back(std::move(merged[next]));
    };
    take_new();
    for (const Json& column : old) {
      if (!names.contains(column["name"].as_string())) {
        result.push_back(column);
        continue;
      }
      result.push_back(std::move(merged[next++]));
      take_new();
    }
    return result;
  }

  bool replace_;
  int32_t last_id_;
};

int Count(const Json& type) {  // NOLINT(misc-no-recursion): bounded by kMaxLevels, SchemaFromJson has seen it
  if (type["type"].as_string() == "list") return Count(type["element"]);
  int count = 0;
  for (const Json& field : type["fields"].array()) count += 1 + Count(field["type"]);
  return count;
}

Result<GrownSchema> Grow(const Json& existing, const table::Schema& united, int32_t last_column_id, bool replace) {
  SchemaGrower grower(replace, last_column_id);
  Json base = existing.is_object() ? existing : Json::MakeObject().Set("type", "struct").Set("fields", Json::MakeArray());
  base.Remove("schema-id");
  if (replace) base.Remove("identifier-field-ids");
  DH_ASSIGN(Json json, grower.Struct(base, united.fields, ""));
  const int columns = Count(json);
  if (columns > base::kMaxColumns) {
    return Error{ErrorCode::kLimit, "the table would have " + std::to_string(columns) +
                                        " columns, nested ones counted; at most " + std::to_string(base::kMaxColumns) +
                                        " are possible"};
  }
  return GrownSchema{std::move(json), grower.last_id()};
}

}  // namespace

std::string_view IcebergType(Type type) {
  if (type == Type::kTime) return "string";
  for (const auto& [value, name] : kTypes) {
    if (value == type) return name;
  }
  return "struct";
}

Result<table::Schema> SchemaFromJson(const Json& json, const std::string& where) {
  table::Schema schema;
  DH_ASSIGN(schema.fields, SchemaReader(where).Fields(json, "", 1));
  return schema;
}

Json SchemaToJson(const table::Schema& schema) { return StructToJson(schema.fields); }

Result<GrownSchema> AppendColumns(const Json& existing, const table::Schema& united, int32_t last_column_id) {
  return Grow(existing, united, last_column_id, false);
}

Result<GrownSchema> ReplaceColumns(const Json& existing, const table::Schema& united, int32_t last_column_id) {
  return Grow(existing, united, last_column_id, true);
}

}  // namespace dicomhouse::warehouse
