// The export: source x filter x destination. Every file is counted once: a row, a duplicate, skipped, filtered,
// failed, or left to another shard.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mapping/row_builder.h"
#include "table/schema.h"
#include "transfer/destination.h"
#include "transfer/filter.h"
#include "transfer/source.h"

namespace dicomhouse::transfer {

// One of several exports of the same source that share its rows: each instance belongs to one of them, by its SOP Instance UID,
// so that copies meet; files without one by their path.
struct Shard {
  uint32_t number = 0;  // from 0
  uint32_t count = 1;
  // Whether what has this UID or path belongs to this export. The same on every machine and in every version.
  bool Has(std::string_view key) const;
};

struct ExportOptions {
  mapping::Options mapping;
  Shard shard;
  Filter filter;
  int threads = 1;
  std::map<std::string, std::string> summary;  // kept with the table's version
  // What the error says when the user stops the export.
  std::string when_cancelled = "stopped before the end: the table is as it was";
};

// Moves while the export runs; read by whoever shows it. All counts are of things finished.
struct Progress {
  std::atomic<uint64_t> files{0};
  std::atomic<uint64_t> instances{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> failures{0};
  std::atomic<bool> committing{false};
  // Set it to stop the export; it then ends with kCancelled, and nothing has changed.
  std::atomic<bool> cancelled{false};
};

struct ExportReport {
  std::string table;
  uint64_t instances = 0;                    // rows
  uint64_t files = 0;                        // looked at, entries of archives too
  uint64_t skipped = 0;                      // not DICOM, or a DICOMDIR
  uint64_t filtered = 0;                     // not named by the filter
  uint64_t other_shards = 0;                 // left to the other exports of the source
  uint64_t duplicates = 0;                   // instances that had a row already
  std::map<std::string, uint64_t> failures;  // by reason
  int columns = 0;
  uint64_t account_lines = 0;  // 0 also when there is no account
  mapping::RowTotals elements;
  uint64_t bytes_read = 0;
  table::Schema schema;
};

// What could not be read, when it happens: path, and what is wrong (tag, byte offset, reason). Called by any worker, one at a
// time.
using FailureSink = std::function<void(const std::string& path, const std::string& text)>;

// Runs the export and commits the account, then the table. Errors: kCancelled; those of the destinations; kCorrupt when the
// account of the elements does not balance (a bug: the export then changes nothing).
base::Result<ExportReport> Export(Source& source, const ExportOptions& options, Destination& table, Destination* account,
                                  Progress& progress, const FailureSink& on_failure);

}  // namespace dicomhouse::transfer
