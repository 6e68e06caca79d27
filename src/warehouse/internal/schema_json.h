// Schemas as Iceberg's metadata records them (Iceberg spec, appendix C, "Schemas") and how they grow (spec, "Schema
// evolution"). Changes are made on the JSON, so that what other engines noted there (docs, defaults) stays.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "table/schema.h"

namespace dicomhouse::warehouse {

// Iceberg's name of a type: "string", "long", ... Requires: not kRecord.
std::string_view IcebergType(table::Type type);

// A struct of the metadata as our schema. Types that other engines use are mapped to the nearest of ours, with
// Field::foreign_type set: int -> INTEGER, float -> FLOAT, decimal and uuid -> STRING, timestamp -> TIMESTAMP,
// fixed -> BYTES, map -> RECORD, REPEATED with fields "key" and "value" ("map"; element_id stays 0).
// Errors: kUnsupported naming the column, kCorrupt naming the JSON field, kLimit. `where`: the file.
base::Result<table::Schema> SchemaFromJson(const base::Json& json, const std::string& where);
// {"type": "struct", "fields": [...]}. Requires: all ids are given.
base::Json SchemaToJson(const table::Schema& schema);

// A schema to be.
struct GrownSchema {
  base::Json json;             // without "schema-id"
  int32_t last_column_id = 0;  // the highest id ever given
};

// `existing` with the columns of `united` that it lacks, at every level. Existing columns keep their ids; those of
// `united` stand in its order, each new one right after its neighbour there; the others stay where they are. New ids are
// given depth first. int becomes long and float double where `united` says so.
// Errors: kFailedPrecondition (another type or mode, naming the column and both; a column that another engine has made
// NOT NULL), kLimit (kMaxColumns).
base::Result<GrownSchema> AppendColumns(const base::Json& existing, const table::Schema& united, int32_t last_column_id);
// Exactly the columns of `united`; those that `existing` (null: none) has with the same type keep their ids.
base::Result<GrownSchema> ReplaceColumns(const base::Json& existing, const table::Schema& united, int32_t last_column_id);

}  // namespace dicomhouse::warehouse
