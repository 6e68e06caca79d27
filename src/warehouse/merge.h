// The parts of an export as something that is no table of the warehouse: one Parquet file, or a table in a DuckDB database file.
// The embedded engine reads the parts by field id with the united schema, less the rows that were removed, and writes.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "table/schema.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {

struct MergePart {
  std::string path;
  int64_t rows = 0;
  std::vector<int64_t> removed;  // row numbers that must not be seen
};

// Parts that belong together, finished with the ids of `schema`.
struct PartSet {
  table::Schema schema;
  std::vector<MergePart> parts;
  std::string scratch;  // a folder for files that are needed on the way; they are removed with it by its owner
  // Once true, merging stops soon and has changed nothing; it must outlive the set. Null: never.
  const std::atomic<bool>* cancelled = nullptr;
};

// Gives all fields ids, depth first from 1, as a new table has them.
void GiveFieldIds(table::Schema& schema);

// One Parquet file of all rows, in the order of the parts. Not synced. Errors: kIo, kLimit (memory), kCancelled.
base::Status MergeToParquet(const PartSet& set, const std::string& target);

// Whether a table can be written into a DuckDB database file, by the rules of `disposition`; the file need not exist. `added`:
// the fields of the rows, when they are known. Errors: kAlreadyExists, with what to do; kFailedPrecondition, as WriteDuckDbTable;
// kIo: locked by another program, or no database.
base::Status CheckDuckDbTable(const std::string& file, std::string_view table, Disposition disposition,
                              const table::Schema* added = nullptr);
struct DuckDbWritten {
  int columns = 0;          // that the table then has, nested ones counted
  bool made_table = false;  // there was none of this name
};
// Writes it in one transaction. Appended rows may bring columns; they and nested fields that the table lacks are added.
// A file that this made goes again when nothing could be written and nobody else has written into it.
// Errors: as CheckDuckDbTable; kFailedPrecondition: a column has another type in the table, naming both; kCancelled.
base::Result<DuckDbWritten> WriteDuckDbTable(const PartSet& set, const std::string& file, std::string_view table,
                                             Disposition disposition);
// Removes a table that WriteDuckDbTable made, and the file if no table is left and `made_file`. Errors: kIo.
base::Status RemoveDuckDbTable(const std::string& file, std::string_view table, bool made_file);

}  // namespace dicomhouse::warehouse
