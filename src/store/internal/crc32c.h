// CRC-32C (Castagnoli, RFC 9260 appendix A): what Cloud Storage checks contents with.
#pragma once

#include <cstdint>
#include <span>

namespace dicomhouse::store {

// The checksum of the bytes so far and `bytes`; begin with 0.
uint32_t ExtendCrc32c(uint32_t crc, std::span<const uint8_t> bytes);
// The same without the processor's help.
uint32_t ExtendCrc32cByTable(uint32_t crc, std::span<const uint8_t> bytes);

}  // namespace dicomhouse::store
