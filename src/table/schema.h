// The shape of a table: BigQuery's field types and modes, with Iceberg's field ids. Knows nothing of DICOM.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace dicomhouse::table {

// BigQuery's names; beside them Iceberg's type and how Parquet stores it.
enum class Type : uint8_t {
  kString,     // string: BYTE_ARRAY, UTF-8
  kInteger,    // long: INT64
  kFloat,      // double: DOUBLE
  kDate,       // date: INT32, days since 1970-01-01
  kTime,       // string "HH:MM:SS[.ffffff]" (decision 0014); in Parquet for others TIME: INT64, microseconds
  kTimestamp,  // timestamptz: INT64, microseconds since 1970-01-01T00:00Z
  kBytes,      // binary: BYTE_ARRAY
  kBoolean,    // boolean
  kRecord,     // struct
};

enum class Mode : uint8_t {
  kNullable,
  kRepeated,  // Iceberg: an optional list with optional elements
};

// One column or nested field.
struct Field {
  std::string name;
  Type type = Type::kString;
  Mode mode = Mode::kNullable;
  std::vector<Field> fields;  // of a kRecord, in order
  // Iceberg's ids; 0: not given yet. A kRepeated field has a second one for the list's element.
  int32_t id = 0;
  int32_t element_id = 0;
  // Iceberg's type as another writer recorded it, when it is not the one that `type` stands for
  // ("int", "float", "decimal(9, 2)", "uuid", ...); empty for our own columns.
  std::string foreign_type;

  bool operator==(const Field&) const = default;
};

struct Schema {
  std::vector<Field> fields;

  bool operator==(const Schema&) const = default;
};

// "STRING", "INTEGER", ... as `bq show --schema` prints them; "NULLABLE", "REPEATED".
std::string_view TypeName(Type type);
std::string_view ModeName(Mode mode);

// The schema as BigQuery's JSON: what `bq mk --schema` takes. One field a line when `indent` is 0.
base::Json ToBigQueryJson(const Schema& schema);
base::Result<Schema> FromBigQueryJson(const base::Json& json);

// Whether every field has a name that tables can have, and siblings have different ones. Names that differ in case only are the
// same to BigQuery, Spark and DuckDB. Errors: kFailedPrecondition naming both fields, kLimit (base::kMaxColumnNameBytes).
base::Status CheckNames(const Schema& schema);

// Columns and nested fields, all counted.
int CountFields(const Schema& schema);

}  // namespace dicomhouse::table
