// Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 §6.1): bytes of a value to valid UTF-8.
//
// A CharacterSet is what one value of (0008,0005) says; it is immutable and can be shared between threads.
// A TextDecoder holds converters; one per thread. Plain ASCII (no byte above 0x7F, no ESC) should never get here:
// callers test with IsPlainAscii first, because that is nearly all text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dicom/vr.h"

namespace dicomhouse::dicom {

// No byte above 0x7F and no ESC: the bytes are UTF-8 already in every character set but ISO_IR 13's
// 0x5C and 0x7E, which stay what they are (docs/decisions).
bool IsPlainAscii(std::string_view bytes);

class CharacterSet {
 public:
  // The default repertoire (ISO-IR 6). Bytes above 0x7F are then taken as UTF-8 when the whole value is valid UTF-8,
  // else as ISO 8859-1, and counted as replaced (decision: files that forget the attribute are common).
  CharacterSet();
  // The value of (0008,0005), backslashes included. Terms are recognised in the field's spellings too ("ISO-IR 100", "utf-8").
  // Unknown terms, and those that are not allowed beside the others (UTF-8 and GB 18030 have no code extensions), are taken
  // as the default; unknown() says so.
  explicit CharacterSet(std::string_view value);

  const std::vector<std::string>& unknown() const { return unknown_; }
  const std::string& value() const { return value_; }

  struct Terms;  // internal to text.cc
  const Terms& terms() const { return *terms_; }

 private:
  std::string value_;
  std::vector<std::string> unknown_;
  std::shared_ptr<const Terms> terms_;
};

// Where the decoded values of one element lie in `text`.
struct DecodedText {
  std::string text;                                   // UTF-8, all values one after the other, without separators
  std::vector<std::pair<uint32_t, uint32_t>> values;  // begin, end in `text`; padding removed as PS3.5 §6.2 says for the VR
  uint32_t replaced_bytes = 0;                        // bytes that had no meaning and became U+FFFD (or were guessed, see above)

  void Clear() {
    text.clear();
    values.clear();
    replaced_bytes = 0;
  }
  std::string_view value(size_t i) const {
    return std::string_view(text).substr(values[i].first, values[i].second - values[i].first);
  }
};

class TextDecoder {
 public:
  TextDecoder();
  ~TextDecoder();
  TextDecoder(const TextDecoder&) = delete;
  TextDecoder& operator=(const TextDecoder&) = delete;

  // Decodes one element's bytes. Values are split at backslashes outside of escape sequences and multi-byte characters
  // when SplitsAtBackslash(vr); the code state is reset at those backslashes, at CR, LF, FF, TAB, and in PN at '^' and '='
  // (PS3.5 §6.1.2.5.3). VRs that UsesCharacterSet(vr) is false for are decoded in the default repertoire.
  // Escape sequences of sets that (0008,0005) doesn't announce are followed too, except in UTF-8, GBK and GB 18030, where
  // there are none. Bytes above 0x7F while no set is there for them are taken as the first announced set that has such
  // bytes, else as in the default repertoire, and counted. Pairs of bytes that have a meaning in Shift JIS but none in
  // ISO_IR 13 are taken as Shift JIS, and counted.
  // Padding removed: trailing spaces (and NULs, which the field has) of all; leading spaces too but in LT, ST, UT, UC, UR and PN.
  // An empty element gives no value; a value of padding only is an empty value. The out parameter is cleared first; its
  // memory is reused. What is behind base::kMaxHeaderBytes is left out and counted.
  void Decode(const CharacterSet& set, Vr vr, std::string_view bytes, DecodedText& out);

  struct Converters;  // internal to text.cc

 private:
  std::unique_ptr<Converters> converters_;
};

}  // namespace dicomhouse::dicom
