// The SQL of a relation that reads one version of a table: its files by field id with the version's schema, less what
// its delete files take away. Iceberg table spec: "Column projection", "Scan planning" (deletes).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {

// Which columns a relation shows. Names are compared without regard to case.
struct ScanColumns {
  bool all = true;
  std::set<std::string> names;  // lower case; used when `all` is false. Unknown names are passed over
};

// "SELECT ... FROM read_parquet(...)". Columns come in the schema's order; at least one is always there. Top-level columns
// are found by field id; fields inside records by name (the engine knows no other way), absent ones are NULL.
// Errors: kUnsupported: a type, or a delete file, that cannot be read rightly.
base::Result<std::string> ScanSql(const Snapshot& snapshot, const ScanColumns& columns);

// The files that this SQL reads: what Engine::Lock must leave open.
std::vector<std::string> ScanPaths(const Snapshot& snapshot);

}  // namespace dicomhouse::warehouse
