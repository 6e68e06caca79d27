#include "random.h"

namespace make_dicom {

std::string Random::Bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t i = 0; i < count; i += 8) {
    const uint64_t word = Next();
    for (size_t k = 0; k < 8 && i + k < count; ++k) bytes[i + k] = static_cast<char>(word >> (8 * k) & 0xFF);
  }
  return bytes;
}

std::string Random::Digits(size_t count) {
  std::string digits(count, '0');
  for (char& digit : digits) digit = static_cast<char>('0' + Below(10));
  if (!digits.empty() && digits[0] == '0') digits[0] = '1';
  return digits;
}

}  // namespace make_dicom
