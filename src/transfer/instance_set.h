// The SOP Instance UIDs of an export: each becomes one row, whatever copies of it there are. Which copy wins does not depend on
// threads: the one that comes first in the order of the source.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

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
  // `order`: the copy's place in the source. Thread-safe.
  Answer Insert(std::string_view uid, uint64_t order, RowPlace place);

 private:
  // 28 bytes an entry, because there is one for each instance of the export. UIDs are told apart by 96 bits of hash: two of 10
  // million clash once in 10^15.
  struct Entry {
    std::array<uint32_t, 3> hash{};  // all 0: free
    std::array<uint32_t, 2> order{};
    RowPlace place;

    bool free() const { return (hash[0] | hash[1] | hash[2]) == 0; }
  };
  static_assert(sizeof(Entry) == 28);
  struct Shard {
    std::mutex mutex;
    std::vector<Entry> entries;
    size_t used = 0;
  };
  static Entry& Find(std::vector<Entry>& entries, const std::array<uint32_t, 3>& hash);

  std::array<Shard, 64> shards_;
};

}  // namespace dicomhouse::transfer
