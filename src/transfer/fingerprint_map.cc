#include "transfer/internal/fingerprint_map.h"

#include <algorithm>
#include <random>
#include <utility>

namespace dicomhouse::transfer {
namespace {

// 64 bits of hash (multiply-xorshift over eight bytes at a time).
uint64_t Hash(std::string_view text, uint64_t seed) {
  uint64_t hash = seed ^ text.size() * 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, std::min<size_t>(text.size() - i, 8));
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 29;
    hash *= 0xc4ceb9fe1a85ec53;
    hash ^= hash >> 32;
  }
  return hash;
}

// Other ones in each process: files could have UIDs made so that all have one slot.
std::pair<uint64_t, uint64_t> MakeSeeds() {
  std::random_device random;
  const auto seed = [&random] { return uint64_t{random()} << 32 | random(); };
  return {seed(), seed()};
}

}  // namespace

Fingerprint FingerprintOf(std::string_view key) {
  static const std::pair<uint64_t, uint64_t> kSeeds = MakeSeeds();
  const uint64_t first = Hash(key, kSeeds.first);
  const uint64_t second = Hash(key, kSeeds.second);
  return {static_cast<uint32_t>(first >> 32), static_cast<uint32_t>(first), static_cast<uint32_t>(second)};
}

}  // namespace dicomhouse::transfer
