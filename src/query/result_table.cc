#include "query/result_table.h"

#include <algorithm>
#include <cctype>

namespace dicomhouse::query {
namespace {

using table::Field;
using table::Mode;
using table::Type;
using warehouse::SqlName;
using warehouse::SqlString;
using warehouse::ValueKind;
using warehouse::ValueType;

base::Result<Type> TypeOf(const ValueType& value, const std::string& column) {
  switch (value.kind) {
    case ValueKind::kBoolean:
      return Type::kBoolean;
    case ValueKind::kNull:  // a NULL without a type is INT64 in GoogleSQL
    case ValueKind::kInt8:
    case ValueKind::kInt16:
    case ValueKind::kInt32:
    case ValueKind::kInt64:
    case ValueKind::kUint8:
    case ValueKind::kUint16:
    case ValueKind::kUint32:
    case ValueKind::kUint64:
    case ValueKind::kHuge:
      return Type::kInteger;
    case ValueKind::kFloat:
    case ValueKind::kDouble:
    case ValueKind::kDecimal:
      return Type::kFloat;
    case ValueKind::kString:
    case ValueKind::kDatetime:
      return Type::kString;
    case ValueKind::kBytes:
      return Type::kBytes;
    case ValueKind::kDate:
      return Type::kDate;
    case ValueKind::kTime:
      return Type::kTime;
    case ValueKind::kTimestamp:
      return Type::kTimestamp;
    case ValueKind::kStruct:
      return Type::kRecord;
    case ValueKind::kInterval:
    case ValueKind::kList:
    case ValueKind::kOther:
      break;
  }
  return base::Error{base::ErrorCode::kUnsupported, "column " + column + " has a type that no table has: CAST it"};
}

// Results nest as deep as the statement, which the gate bounds.
base::Result<Field> FieldOf(const ValueType& value, const std::string& column) {  // NOLINT(misc-no-recursion)
  Field field;
  field.name = value.name;
  const bool repeated = value.kind == ValueKind::kList;
  if (repeated) field.mode = Mode::kRepeated;
  const ValueType& element = repeated ? value.children.front() : value;
  DH_ASSIGN(field.type, TypeOf(element, column));
  if (field.type != Type::kRecord) return field;
  for (const ValueType& child : element.children) {
    DH_ASSIGN(Field nested, FieldOf(child, column + "." + child.name));
    field.fields.push_back(std::move(nested));
  }
  return field;
}

// How the engine stores it in the part (table/schema.h).
std::string EngineType(const Field& field) {  // NOLINT(misc-no-recursion): as FieldOf
  std::string type;
  switch (field.type) {
    case Type::kString:
    case Type::kTime:
      type = "VARCHAR";
      break;
    case Type::kInteger:
      type = "BIGINT";
      break;
    case Type::kFloat:
      type = "DOUBLE";
      break;
    case Type::kDate:
      type = "DATE";
      break;
    case Type::kTimestamp:
      type = "TIMESTAMPTZ";
      break;
    case Type::kBytes:
      type = "BLOB";
      break;
    case Type::kBoolean:
      type = "BOOLEAN";
      break;
    case Type::kRecord:
      for (const Field& child : field.fields) {
        type += (type.empty() ? "STRUCT(" : ", ") + SqlName(child.name) + " " + EngineType(child);
      }
      type += ")";
      break;
  }
  return field.mode == Mode::kRepeated ? type + "[]" : type;
}

bool SameName(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "{'a': 1, 'b': {__duckdb_field_id: 2, 'element': 3}}"
std::string FieldIds(const std::vector<Field>& fields, const std::vector<Field>& with_ids) {  // NOLINT(misc-no-recursion)
  std::string text;
  for (const Field& field : fields) {
    const auto found =
        std::find_if(with_ids.begin(), with_ids.end(), [&](const Field& other) { return SameName(other.name, field.name); });
    if (found == with_ids.end()) continue;  // the warehouse gave an id to each
    const std::string nested = field.fields.empty() ? "" : ", " + FieldIds(field.fields, found->fields);
    std::string ids = std::to_string(found->id);
    if (field.mode == Mode::kRepeated) {
      const std::string element = std::to_string(found->element_id);
      ids = "{__duckdb_field_id: " + ids +
            ", element: " + (nested.empty() ? element : "{__duckdb_field_id: " + element + nested + "}") + "}";
    } else if (!nested.empty()) {
      ids = "{__duckdb_field_id: " + ids + nested + "}";
    }
    text += (text.empty() ? "" : ", ") + SqlName(field.name) + ": " + ids;
  }
  return text;
}

}  // namespace

base::Result<ResultTable> ResultTable::Of(const std::vector<ValueType>& columns) {
  ResultTable result;
  for (const ValueType& column : columns) {
    DH_ASSIGN(Field field, FieldOf(column, column.name));
    result.schema_.fields.push_back(std::move(field));
  }
  return result;
}

std::string ResultTable::CopySql(std::string_view select, int64_t max_rows, std::string_view file,
                                 const table::Schema& with_ids) const {
  std::string list;
  for (const Field& field : schema_.fields) {
    const std::string name = SqlName(field.name);
    list += (list.empty() ? "" : ", ") + ("CAST(" + name + " AS " + EngineType(field) + ") AS " + name);
  }
  return "COPY (SELECT " + list + " FROM (" + std::string(select) + ")" +
         (max_rows > 0 ? " LIMIT " + std::to_string(max_rows) : std::string()) + ") TO " + SqlString(file) +
         " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, FIELD_IDS {" + FieldIds(schema_.fields, with_ids.fields) + "})";
}

}  // namespace dicomhouse::query
