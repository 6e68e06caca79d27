// Position delete files (Iceberg spec, "Position Delete Files"): a Parquet file with the columns file_path and pos.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace dicomhouse::warehouse {

struct DeletedRow {
  std::string file_path;  // as the manifest records the data file
  int64_t position = 0;
  auto operator<=>(const DeletedRow&) const = default;
};

// The bytes of a Parquet file: one row group, plain values, pages compressed with zstd. `rows` must be sorted by path and
// position, as the spec demands, and not be empty.
base::Result<std::string> MakePositionDeleteFile(const std::vector<DeletedRow>& rows);

// Reads one that anybody wrote, by the engine. Errors: kCorrupt, kIo.
base::Result<std::vector<DeletedRow>> ReadPositionDeleteFile(const std::string& path);

// Field ids that the spec reserves for the two columns.
inline constexpr int32_t kDeleteFilePathId = 2147483546;
inline constexpr int32_t kDeletePositionId = 2147483545;

}  // namespace dicomhouse::warehouse
