// The SOP Instance UIDs of an export: each becomes one row, whatever copies of it there are. Which copy wins does not depend on
// threads: the one that comes first in the order of the source.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/result.h"
#include "transfer/internal/fingerprint_map.h"

namespace dicomhouse::transfer {

// Where a row is: the number of a part and the row in it.
struct RowPlace {
  uint32_t part = 0;
  uint32_t row = 0;
};

class InstanceSet {
 public:
  enum class Outcome : uint8_t {
    kNew,        // never seen: the row counts
    kDuplicate,  // an earlier copy has a row: this one gets none
    kReplaces,   // a later copy got a row: this one counts, and that row is to be removed
  };
  struct Answer {
    Outcome outcome = Outcome::kNew;
    RowPlace removed;  // of kReplaces
  };
  // `order`: the copy's place in the source. Thread-safe. Errors: kIo, of a temporary file.
  base::Result<Answer> Insert(std::string_view uid, uint64_t order, RowPlace place);

 private:
  struct Copy {
    uint64_t order = 0;
    RowPlace place;
  };
  struct Shard {
    std::mutex mutex;
    FingerprintMap<Copy> copies;
  };
  std::array<Shard, 16> shards_;
};

}  // namespace dicomhouse::transfer
