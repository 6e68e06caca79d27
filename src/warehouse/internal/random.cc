#include "warehouse/internal/random.h"

#include <random>

namespace dicomhouse::warehouse {
namespace {

uint64_t Random64() {
  std::random_device device;  // the system's generator; never seeded by time
  return (uint64_t{device()} << 32) | uint64_t{device()};
}

}  // namespace

std::string RandomHex() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (int half = 0; half < 2; ++half) {
    uint64_t bits = Random64();
    for (int digit = 0; digit < 16; ++digit, bits >>= 4) text += kHex[bits & 15];
  }
  text[12] = '4';                                                   // RFC 9562: version 4 ...
  text[16] = kHex[8 | (static_cast<unsigned char>(text[16]) & 3)];  // ... and its variant
  return text;
}

std::string RandomUuid() {
  std::string text = RandomHex();
  for (const size_t place : {8U, 13U, 18U, 23U}) text.insert(place, 1, '-');
  return text;
}

int64_t RandomSnapshotId() {
  constexpr uint64_t kMask = (uint64_t{1} << 53) - 1;
  return static_cast<int64_t>(Random64() & kMask) | 1;
}

}  // namespace dicomhouse::warehouse
