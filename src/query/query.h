// Questions: one GoogleSQL SELECT over tables of the warehouse, answered by the embedded engine.
// The engine never sees the user's text before the gate has read it (query/gate.h), and it has no access to
// files, network or settings (design §9: two locks).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::query {

// kJsonLines: one object a line.
enum class Format { kTable, kJson, kJsonLines, kCsv, kParquet };

struct Options {
  warehouse::TableName defaults;  // project and dataset for names without them
  Format format = Format::kTable;
  int threads = 0;          // 0: as many as the machine has
  size_t memory_bytes = 0;  // 0: the engine's default share
  int64_t max_rows = 0;     // 0: all
  // The version of the table to read instead of the current one; then the statement names one table.
  std::optional<int64_t> version = std::nullopt;
};

// Where the answer goes; called with consecutive pieces.
using Output = std::function<base::Status(std::string_view)>;

// Answers `sql`. Errors: kInvalidArgument with line:column for what the dialect or the gate refuses; kNotFound for tables,
// with the nearest names; kUnsupported for GoogleSQL that is not understood yet.
base::Status Run(const warehouse::Warehouse& warehouse, std::string_view sql, const Options& options, const Output& output);

// Answers `sql` into a table of the warehouse: its columns are the result's, with types that a table has (DATETIME becomes
// STRING, numbers INT64 or FLOAT64). Returns the number of rows. Errors: those of Run and of warehouse::Transaction;
// kUnsupported: a column of a type that no table has.
base::Result<int64_t> RunInto(const warehouse::Warehouse& warehouse, std::string_view sql, const Options& options,
                              const warehouse::TableName& table, warehouse::Disposition disposition);

}  // namespace dicomhouse::query
