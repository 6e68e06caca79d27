// Numbers in little endian, as files of the store have them.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace dicomhouse::store {

template <std::unsigned_integral T>
void AppendNumber(std::string& out, T number) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(static_cast<uint64_t>(number) >> (8 * i) & 0xFF));
}

// Requires: at + sizeof(T) <= bytes.size().
template <std::unsigned_integral T>
T LoadNumber(std::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (size_t i = 0; i < sizeof(T); ++i) number |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return static_cast<T>(number);
}

}  // namespace dicomhouse::store
