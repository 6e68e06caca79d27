// What is known of each of any number of keys, in 10 to 14 bytes of memory for each, however long the keys are: a table of hashes
// in memory, the rest in a Spill that is read only when a key comes again.
//
// Keys are told apart by 96 bits of hash: two of 10 million clash once in 10^15.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/spill.h"

namespace dicomhouse::transfer {

using Fingerprint = std::array<uint32_t, 3>;
Fingerprint FingerprintOf(std::string_view key);

// Not thread-safe. Errors of all members: kIo, of the temporary file.
template <typename Value>
class FingerprintMap {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  FingerprintMap() : records_(base::kFingerprintMemoryBytes) {}

  // What the key has. Gives it `value` when it has none, and returns nothing then.
  base::Result<std::optional<Value>> FindOrInsert(const Fingerprint& key, const Value& value) {
    if (slots_.empty()) slots_.resize(kFirstSlots);
    // Four fifths full: a third more, so that little is free at any time.
    if (uint64_t{used_} * 5 >= slots_.size() * 4) Grow();
    DH_ASSIGN(const Place place, Find(key));
    if (place.record) return std::optional<Value>(place.record->value);
    const Record record{key, value};
    DH_CHECK(records_.Append(BytesOf(record)));
    slots_[place.slot] = {key[0], ++used_};
    return std::optional<Value>();
  }

  // Requires: the key is there.
  base::Status Replace(const Fingerprint& key, const Value& value) {
    DH_ASSIGN(const Place place, Find(key));
    const Record record{key, value};
    return records_.Overwrite(OffsetOf(slots_[place.slot]), BytesOf(record));
  }

  bool empty() const { return used_ == 0; }
  base::Result<bool> Has(const Fingerprint& key) const {
    if (empty()) return false;
    DH_ASSIGN(const Place place, Find(key));
    return place.record.has_value();
  }

 private:
  static constexpr size_t kFirstSlots = 192;

  struct Record {
    Fingerprint key;
    Value value;
  };
  struct Slot {
    uint32_t hash = 0;    // the key's first third
    uint32_t number = 0;  // of its record, from 1; 0: free
  };
  // Where a key is (with its record), or would go.
  struct Place {
    size_t slot = 0;
    std::optional<Record> record;
  };

  static std::string_view BytesOf(const Record& record) { return {reinterpret_cast<const char*>(&record), sizeof record}; }
  static uint64_t OffsetOf(const Slot& slot) { return uint64_t{slot.number - 1} * sizeof(Record); }
  // The hash as a fraction of the table, which may then have any size.
  static size_t FirstSlot(uint32_t hash, size_t slots) { return uint64_t{hash} * slots >> 32; }

  base::Result<Place> Find(const Fingerprint& key) const {
    size_t at = FirstSlot(key[0], slots_.size());
    for (; slots_[at].number != 0; at = at + 1 == slots_.size() ? 0 : at + 1) {
      if (slots_[at].hash != key[0]) continue;
      Record record;
      DH_CHECK(records_.Read(OffsetOf(slots_[at]), {reinterpret_cast<char*>(&record), sizeof record}));
      if (record.key == key) return Place{at, record};
    }
    return Place{at, std::nullopt};
  }

  void Grow() {
    std::vector<Slot> larger(slots_.size() / 3 * 4);
    for (const Slot& slot : slots_) {
      if (slot.number == 0) continue;
      size_t at = FirstSlot(slot.hash, larger.size());
      while (larger[at].number != 0) at = at + 1 == larger.size() ? 0 : at + 1;
      larger[at] = slot;
    }
    slots_.swap(larger);
  }

  std::vector<Slot> slots_;  // open addressing
  uint32_t used_ = 0;
  base::Spill records_;
};

}  // namespace dicomhouse::transfer
