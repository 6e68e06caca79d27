// One part of a table: a Parquet file with one row group, written from a Batch without unrolling its runs.
//
// The pages are written at once (Write); the footer waits until the whole table's schema, and with it each column's
// field id, is known (Finish). Between the two a part is a few kilobytes in memory. Finish may be called again with other ids: it
// replaces the footer.
// Format: apache/parquet-format. Data pages v1, zstd; dictionary pages where values repeat; three-level lists.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "table/batch.h"
#include "table/schema.h"

namespace dicomhouse::table {

// What a reader may know of one leaf without reading it. Bounds are the values as Iceberg and Parquet serialize them
// (little endian, strings as they are); none when unknown or long.
struct ChunkStats {
  int32_t field_id = 0;
  int64_t compressed_bytes = 0;
  int64_t value_count = 0;  // entries, NULLs and empty lists counted
  int64_t null_count = 0;
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

// How TIME columns are stored: as Parquet's TIME, or as text "HH:MM:SS[.ffffff]" for tables that Spark is to open.
enum class TimeStorage : uint8_t { kTime, kText };

class Part {
 public:
  // Writes the batch's columns that have a value; all, where it has no rows. Requires: batch.Close() was called. `file` is kept
  // until Close.
  static base::Result<Part> Write(const Batch& batch, std::unique_ptr<base::OutputFile> file, TimeStorage times);
  Part(Part&&) noexcept;
  Part& operator=(Part&&) noexcept;
  ~Part();

  // Writes the footer with the ids that `schema` gives to this part's columns (all of them must be there), and syncs.
  base::Status Finish(const Schema& schema);
  base::Status Close();

  // After Finish.
  const std::vector<ChunkStats>& stats() const;
  int64_t rows() const;
  int64_t bytes() const;
  // The part's own columns, in order, without ids.
  const Schema& schema() const;

 private:
  struct State;
  explicit Part(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dicomhouse::table
