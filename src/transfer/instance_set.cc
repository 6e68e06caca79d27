#include "transfer/instance_set.h"

#include <cstring>

namespace dicomhouse::transfer {
namespace {

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

InstanceSet::Entry& InstanceSet::Find(std::vector<Entry>& entries, uint64_t high, uint64_t low) {
  const size_t mask = entries.size() - 1;
  size_t place = low & mask;
  while ((entries[place].hash_high | entries[place].hash_low) != 0 &&
         (entries[place].hash_high != high || entries[place].hash_low != low)) {
    place = (place + 1) & mask;
  }
  return entries[place];
}

InstanceSet::Answer InstanceSet::Insert(std::string_view uid, uint64_t order, RowPlace place) {
  const uint64_t high = Hash(uid, 0x243f6a8885a308d3) | 1;
  const uint64_t low = Hash(uid, 0x13198a2e03707344);
  Shard& shard = shards_[high >> 58];
  const std::lock_guard lock(shard.mutex);
  if (shard.entries.empty()) shard.entries.resize(256);
  if (shard.used * 4 >= shard.entries.size() * 3) {
    std::vector<Entry> larger(shard.entries.size() * 2);
    for (const Entry& entry : shard.entries) {
      if ((entry.hash_high | entry.hash_low) != 0) Find(larger, entry.hash_high, entry.hash_low) = entry;
    }
    shard.entries.swap(larger);
  }
  Entry& entry = Find(shard.entries, high, low);
  Answer answer;
  if ((entry.hash_high | entry.hash_low) == 0) {
    entry = {high, low, order, place};
    ++shard.used;
    return answer;
  }
  if (entry.order <= order) {
    answer.outcome = Outcome::kDuplicate;
    return answer;
  }
  answer = {Outcome::kReplaces, entry.place};
  entry.order = order;
  entry.place = place;
  return answer;
}

}  // namespace dicomhouse::transfer
