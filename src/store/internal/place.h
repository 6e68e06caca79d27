// Where bytes lie: a stretch of a segment, or a file of their own.
#pragma once

#include <cstdint>

namespace dicomhouse::store {

struct Place {
  int64_t segment = 0;  // its number; 0: a file of its own, whose number is `offset`
  uint64_t offset = 0;  // of the first byte in the segment
  uint64_t bytes = 0;
};

}  // namespace dicomhouse::store
