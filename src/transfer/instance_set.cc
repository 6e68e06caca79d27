#include "transfer/instance_set.h"

#include <cstring>

namespace dicomhouse::transfer {
namespace {

constexpr size_t kFirstEntries = 192;

// Two independent 64-bit hashes of a UID (multiply-xorshift over eight bytes at a time).
uint64_t Hash(std::string_view text, uint64_t seed) {
  uint64_t hash = seed ^ text.size() * 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, text.size() - i < 8 ? text.size() - i : 8);
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 29;
    hash *= 0xc4ceb9fe1a85ec53;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

InstanceSet::Entry& InstanceSet::Find(std::vector<Entry>& entries, const std::array<uint32_t, 3>& hash) {
  // The hash as a fraction of the table, which may then have any size.
  size_t place = hash[0] * entries.size() >> 32;
  while (!entries[place].free() && entries[place].hash != hash) {
    if (++place == entries.size()) place = 0;
  }
  return entries[place];
}

InstanceSet::Answer InstanceSet::Insert(std::string_view uid, uint64_t order, RowPlace place) {
  const uint64_t high = Hash(uid, 0x243f6a8885a308d3) | 1;
  const uint64_t low = Hash(uid, 0x13198a2e03707344);
  const std::array<uint32_t, 3> hash = {static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(low),
                                        static_cast<uint32_t>(high)};
  const std::array<uint32_t, 2> halves = {static_cast<uint32_t>(order >> 32), static_cast<uint32_t>(order)};
  Shard& shard = shards_[high >> 58];
  const std::lock_guard lock(shard.mutex);
  if (shard.entries.empty()) shard.entries.resize(kFirstEntries);
  // Four fifths full: a third more, so that little is free at any time.
  if (shard.used * 5 >= shard.entries.size() * 4) {
    std::vector<Entry> larger(shard.entries.size() / 3 * 4);
    for (const Entry& entry : shard.entries) {
      if (!entry.free()) Find(larger, entry.hash) = entry;
    }
    shard.entries.swap(larger);
  }
  Entry& entry = Find(shard.entries, hash);
  if (entry.free()) {
    entry = {hash, halves, place};
    ++shard.used;
    return {};
  }
  if (entry.order <= halves) return {Outcome::kDuplicate, {}};
  const Answer answer = {Outcome::kReplaces, entry.place};
  entry.order = halves;
  entry.place = place;
  return answer;
}

}  // namespace dicomhouse::transfer
