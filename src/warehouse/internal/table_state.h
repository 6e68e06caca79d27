// What the parts of this module share: a table's current state, checked names, snapshots read whole.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "warehouse/internal/metadata.h"
#include "warehouse/internal/table_folder.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {

// A table as it is now.
struct TableState {
  MetadataFile file;
  TableMetadata metadata;
};

// Names that reach the file system have been checked. Errors: kInvalidArgument.
base::Status CheckName(const TableName& name);
// Unset when there is no such table.
base::Result<std::optional<TableState>> LoadState(base::FileSystem& files, const std::string& table_folder);
// The state of a table that must be there. Errors: kNotFound with the names nearest to it.
base::Result<TableState> StateOf(const Warehouse& warehouse, const TableName& name);
base::Error NoSuchTable(const Warehouse& warehouse, const TableName& name);
// Whether this program may write the next version. Errors: kUnsupported with the reason.
base::Status CheckWritable(const TableState& state);
// Reads what `entry` names. Requires: `entry` is of `metadata`.
base::Result<Snapshot> ReadSnapshot(base::FileSystem& files, const std::string& table_folder, const TableMetadata& metadata,
                                    const SnapshotEntry& entry);
// Milliseconds since 1970-01-01T00:00Z.
int64_t NowMs();

// Removes files of writers that died (docs/decisions/0004-orphaned-parts.md). Requires: the caller holds the lock alone.
// Any doubt, such as metadata that can't be read, leaves everything as it is. Returns the number of files removed.
int64_t SweepOrphans(base::FileSystem& files, const std::string& table_folder);

}  // namespace dicomhouse::warehouse
