#include "table/schema.h"

#include <array>
#include <utility>

namespace dicomhouse::table {
namespace {

constexpr std::array<std::pair<Type, std::string_view>, 9> kTypeNames = {{
    {Type::kString, "STRING"},
    {Type::kInteger, "INTEGER"},
    {Type::kFloat, "FLOAT"},
    {Type::kDate, "DATE"},
    {Type::kTime, "TIME"},
    {Type::kTimestamp, "TIMESTAMP"},
    {Type::kBytes, "BYTES"},
    {Type::kBoolean, "BOOLEAN"},
    {Type::kRecord, "RECORD"},
}};

// Depth of schemas is bounded by base::kMaxSequenceDepth: these walks over our own trees may recurse.
base::Json FieldsToJson(const std::vector<Field>& fields) {  // NOLINT(misc-no-recursion)
  base::Json array = base::Json::MakeArray();
  for (const Field& field : fields) {
    base::Json json = base::Json::MakeObject();
    json.Set("name", field.name).Set("type", TypeName(field.type)).Set("mode", ModeName(field.mode));
    if (field.type == Type::kRecord) json.Set("fields", FieldsToJson(field.fields));
    array.Append(std::move(json));
  }
  return array;
}

base::Result<std::vector<Field>> FieldsFromJson(const base::Json& json, const std::string& where) {  // NOLINT(misc-no-recursion)
  if (!json.is_array()) return base::Error{base::ErrorCode::kInvalidArgument, where + ": a list of fields is expected"};
  std::vector<Field> fields;
  for (const base::Json& item : json.array()) {
    Field field;
    field.name = item["name"].as_string();
    const std::string path = where.empty() ? field.name : where + "." + field.name;
    if (field.name.empty()) return base::Error{base::ErrorCode::kInvalidArgument, where + ": a field without a name"};
    std::string type = item["type"].as_string();
    if (type == "INT64") type = "INTEGER";
    if (type == "FLOAT64") type = "FLOAT";
    if (type == "BOOL") type = "BOOLEAN";
    if (type == "STRUCT") type = "RECORD";
    bool known = false;
    for (const auto& [value, name] : kTypeNames) {
      if (name == type) {
        field.type = value;
        known = true;
      }
    }
    if (!known) return base::Error{base::ErrorCode::kUnsupported, path + ": type " + type + " is not supported"};
    field.mode = item["mode"].as_string() == "REPEATED" ? Mode::kRepeated : Mode::kNullable;
    if (field.type == Type::kRecord) {
      DH_ASSIGN(field.fields, FieldsFromJson(item["fields"], path));
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

int Count(const std::vector<Field>& fields) {  // NOLINT(misc-no-recursion)
  int count = 0;
  for (const Field& field : fields) count += 1 + Count(field.fields);
  return count;
}

}  // namespace

std::string_view TypeName(Type type) {
  for (const auto& [value, name] : kTypeNames) {
    if (value == type) return name;
  }
  return "STRING";
}

std::string_view ModeName(Mode mode) { return mode == Mode::kRepeated ? "REPEATED" : "NULLABLE"; }

base::Json ToBigQueryJson(const Schema& schema) { return FieldsToJson(schema.fields); }

base::Result<Schema> FromBigQueryJson(const base::Json& json) {
  Schema schema;
  DH_ASSIGN(schema.fields, FieldsFromJson(json.is_object() ? json["fields"] : json, ""));
  return schema;
}

int CountFields(const Schema& schema) { return Count(schema.fields); }

}  // namespace dicomhouse::table
