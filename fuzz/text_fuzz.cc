// Any bytes, in any character set and VR, must give valid UTF-8 and values that lie within the text.
#include <simdjson.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dicom/text.h"

namespace {

using namespace dicomhouse::dicom;

// The input: the VR (one byte), the value of Specific Character Set to the first line end, the element's bytes.
void DecodeOne(TextDecoder& decoder, DecodedText& text, std::string_view input) {
  if (input.empty()) return;
  const auto vr = static_cast<Vr>(static_cast<uint8_t>(input[0]) % kVrCount);
  input.remove_prefix(1);
  const size_t end = input.find('\n');
  const CharacterSet set(input.substr(0, end));
  const std::string_view bytes = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
  decoder.Decode(set, vr, bytes, text);
  if (!simdjson::validate_utf8(text.text.data(), text.text.size())) std::abort();
  if (text.values.empty() != bytes.empty() || text.replaced_bytes > bytes.size()) std::abort();
  uint32_t previous = 0;
  for (const auto& [first, last] : text.values) {
    if (first != previous || last < first || last > text.text.size()) std::abort();
    if (!simdjson::validate_utf8(text.text.data() + first, last - first)) std::abort();
    previous = last;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static TextDecoder decoder;  // one for all inputs: nothing of one may reach the next
  static DecodedText text;
  DecodeOne(decoder, text, {reinterpret_cast<const char*>(data), size});
  return 0;
}
