#include "store/internal/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace dicomhouse::store {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected

// kTables[k][b]: the checksum of byte b with k zero bytes behind it, so that eight bytes go in at once.
using Tables = std::array<std::array<uint32_t, 256>, 8>;
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

#if defined(__x86_64__)
// The processor's own instruction (SSE 4.2), eight bytes at a time: five times as fast as the tables.
__attribute__((target("sse4.2"))) uint32_t ExtendByInstruction(uint32_t crc, std::span<const uint8_t> bytes) {
  uint64_t state = static_cast<uint32_t>(~crc);
  size_t at = 0;
  for (; bytes.size() - at >= 8; at += 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + at, sizeof eight);
    state = __builtin_ia32_crc32di(state, eight);
  }
  auto last = static_cast<uint32_t>(state);
  for (; at < bytes.size(); ++at) last = __builtin_ia32_crc32qi(last, bytes[at]);
  return ~last;
}
bool HasInstruction() { return __builtin_cpu_supports("sse4.2") != 0; }
#else
uint32_t ExtendByInstruction(uint32_t crc, std::span<const uint8_t>) { return crc; }
bool HasInstruction() { return false; }
#endif

}  // namespace

uint32_t ExtendCrc32c(uint32_t crc, std::span<const uint8_t> bytes) {
  static const bool kHasInstruction = HasInstruction();
  return kHasInstruction ? ExtendByInstruction(crc, bytes) : ExtendCrc32cByTable(crc, bytes);
}

uint32_t ExtendCrc32cByTable(uint32_t crc, std::span<const uint8_t> bytes) {
  crc = ~crc;
  size_t at = 0;
  for (; bytes.size() - at >= 8; at += 8) {
    const uint8_t* p = bytes.data() + at;
    crc ^= uint32_t{p[0]} | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16 | uint32_t{p[3]} << 24;
    crc = kTables[7][crc & 0xFF] ^ kTables[6][crc >> 8 & 0xFF] ^ kTables[5][crc >> 16 & 0xFF] ^ kTables[4][crc >> 24] ^
          kTables[3][p[4]] ^ kTables[2][p[5]] ^ kTables[1][p[6]] ^ kTables[0][p[7]];
  }
  for (; at < bytes.size(); ++at) crc = (crc >> 8) ^ kTables[0][(crc ^ bytes[at]) & 0xFF];
  return ~crc;
}

}  // namespace dicomhouse::store
