#include "table/schema.h"

#include <array>
#include <unordered_map>
#include <utility>

#include "base/limits.h"

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
  if (!json.is_array())
    return base::Error{base::ErrorCode::kInvalidArgument, (where.empty() ? "" : where + ": ") + "a list of fields is expected"};
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

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

base::Status CheckFieldNames(const std::vector<Field>& fields, const std::string& above) {  // NOLINT(misc-no-recursion)
  std::unordered_map<std::string, std::string_view> seen;
  for (const Field& field : fields) {
    const std::string path = above + field.name;
    if (field.name.empty()) return base::Error{base::ErrorCode::kFailedPrecondition, "a field of '" + above + "' has no name"};
    if (field.name.size() > base::kMaxColumnNameBytes) {
      return base::Error{base::ErrorCode::kLimit, "the name of column '" + path + "' has " + std::to_string(field.name.size()) +
                                                      " bytes; at most " + std::to_string(base::kMaxColumnNameBytes) +
                                                      " are possible"};
    }
    const auto [other, added] = seen.try_emplace(LowerCase(field.name), field.name);
    if (!added) {
      return base::Error{base::ErrorCode::kFailedPrecondition,
                         "columns '" + above + std::string(other->second) + "' and '" + path +
                             "' have the same name but for upper and lower case, which engines take for one. Write to another "
                             "table, or replace this one"};
    }
    DH_CHECK(CheckFieldNames(field.fields, path + "."));
  }
  return {};
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

base::Status CheckNames(const Schema& schema) { return CheckFieldNames(schema.fields, ""); }

int CountFields(const Schema& schema) { return Count(schema.fields); }

}  // namespace dicomhouse::table
