// What must be known of each row in case that another copy of its instance takes its place: kept by part, in a Spill, since that
// is rarely asked for. Private to transfer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/spill.h"
#include "transfer/internal/path_list.h"

namespace dicomhouse::transfer {

// The rows of a part, in their order.
struct PartRows {
  std::vector<uint32_t> facts;  // a number that stands for what is to be taken back with the row
  // With an account, else empty: whose row it is, and where its lines begin in the account's part of the same number.
  PathList paths;
  std::vector<uint32_t> first_lines;

  void Clear() {
    facts.clear();
    paths.Clear();
    first_lines.clear();
  }
};

// Not thread-safe.
class RowLog {
 public:
  // Errors: kIo, of the temporary file.
  base::Status Add(uint32_t part, const PartRows& rows);
  // Requires: the part was added. Errors: kIo.
  base::Result<PartRows> Get(uint32_t part) const;

 private:
  struct Extent {
    uint64_t offset = 0;
    size_t rows = 0;
    size_t path_bytes = 0;
    bool has_lines = false;
  };
  base::Spill bytes_{base::kRowLogMemoryBytes};
  std::map<uint32_t, Extent> extents_;
};

}  // namespace dicomhouse::transfer
