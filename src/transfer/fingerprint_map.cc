#include "transfer/internal/fingerprint_map.h"

#include <algorithm>

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

}  // namespace

Fingerprint FingerprintOf(std::string_view key) {
  const uint64_t first = Hash(key, 0x13198a2e03707344);
  const uint64_t second = Hash(key, 0x243f6a8885a308d3);
  return {static_cast<uint32_t>(first >> 32), static_cast<uint32_t>(first), static_cast<uint32_t>(second)};
}

}  // namespace dicomhouse::transfer
