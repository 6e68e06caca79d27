// Data sets for tests, written byte by byte (PS3.5 §7, PS3.10 §7.1), right or wrong as asked.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dicom/cursor.h"
#include "tests/support/deflate.h"

namespace dicomhouse::dicom::testing {

struct Element;
using DataSet = std::vector<Element>;

struct Element {
  uint32_t tag = 0;
  std::string vr;              // as an explicit header has it
  std::string value;           // numbers in little endian; they are turned when written in big endian
  std::vector<DataSet> items;  // of a sequence
  bool sequence = false;
  bool undefined = false;  // a sequence and its items: undefined length
  std::vector<std::string> fragments;
  std::optional<uint32_t> declared_length;  // instead of the true one
};

template <typename T>
std::string LittleEndian(std::initializer_list<T> numbers) {
  std::string bytes;
  for (const T number : numbers) {
    char raw[sizeof number];
    std::memcpy(raw, &number, sizeof number);
    bytes.append(raw, sizeof raw);
  }
  return bytes;
}

// Text, padded to an even length.
inline Element Text(uint32_t tag, std::string vr, std::string_view value) {
  std::string padded(value);
  if (padded.size() % 2 != 0) padded += vr == "UI" ? '\0' : ' ';
  return {tag, std::move(vr), std::move(padded), {}, false, false, {}, {}};
}
inline Element Bytes(uint32_t tag, std::string vr, std::string value) {
  return {tag, std::move(vr), std::move(value), {}, false, false, {}, {}};
}
inline Element Us(uint32_t tag, std::initializer_list<uint16_t> numbers) { return Bytes(tag, "US", LittleEndian(numbers)); }
inline Element Sequence(uint32_t tag, std::vector<DataSet> items, bool undefined = false) {
  return {tag, "SQ", "", std::move(items), true, undefined, {}, {}};
}
inline Element Fragments(uint32_t tag, std::string vr, std::vector<std::string> fragments) {
  return {tag, std::move(vr), "", {}, false, false, std::move(fragments), {}};
}

inline void Append16(std::string& out, uint32_t number, bool big_endian) {
  const char low = static_cast<char>(number);
  const char high = static_cast<char>(number >> 8);
  out += big_endian ? high : low;
  out += big_endian ? low : high;
}
inline void Append32(std::string& out, uint32_t number, bool big_endian) {
  Append16(out, big_endian ? number >> 16 : number & 0xFFFF, big_endian);
  Append16(out, big_endian ? number & 0xFFFF : number >> 16, big_endian);
}
inline void AppendTag(std::string& out, uint32_t tag, bool big_endian) {
  Append16(out, tag >> 16, big_endian);
  Append16(out, tag & 0xFFFF, big_endian);
}

inline Vr VrOf(const std::string& text) { return VrFromBytes(static_cast<uint8_t>(text[0]), static_cast<uint8_t>(text[1])); }

// Bytes of one number of the VR; 1 for all else.
inline size_t NumberSize(const std::string& vr) {
  const size_t size = ValueSize(VrOf(vr));
  return vr == "AT" ? 2 : size == 0 ? 1 : size;  // AT: two numbers of 16 bits
}

inline void AppendHeader(std::string& out, uint32_t tag, const std::string& vr, uint32_t length, Encoding encoding) {
  AppendTag(out, tag, encoding.big_endian);
  if (!encoding.explicit_vr) return Append32(out, length, encoding.big_endian);
  out += vr;
  if (VrOf(vr) != Vr::kNone && !HasLongLength(VrOf(vr))) return Append16(out, length, encoding.big_endian);
  out.append(2, '\0');
  Append32(out, length, encoding.big_endian);
}

inline std::string Write(const DataSet& elements, Encoding encoding);

inline std::string WriteItems(const Element& element, Encoding encoding) {
  std::string out;
  const auto item = [&](uint32_t tag, size_t length) {
    AppendTag(out, tag, encoding.big_endian);
    Append32(out, static_cast<uint32_t>(length), encoding.big_endian);
  };
  for (const DataSet& data_set : element.items) {
    const std::string bytes = Write(data_set, encoding);
    item(kItemTag, element.undefined ? kUndefinedLength : bytes.size());
    out += bytes;
    if (element.undefined) item(kItemDelimitationTag, 0);
  }
  for (const std::string& fragment : element.fragments) {
    item(kItemTag, fragment.size());
    out += fragment;
  }
  if (element.undefined || !element.fragments.empty()) item(kSequenceDelimitationTag, 0);
  return out;
}

inline std::string WriteElement(const Element& element, Encoding encoding) {
  std::string value = element.value;
  if (element.sequence || !element.fragments.empty()) {
    // The content of a UN is implicit and little endian (PS3.5 §6.2.2 note 2).
    value = WriteItems(element, element.vr == "UN" ? Encoding{false, false} : encoding);
  } else if (encoding.big_endian) {
    const size_t size = NumberSize(element.vr);
    for (size_t i = 0; i + size <= value.size(); i += size)
      std::reverse(value.begin() + static_cast<std::ptrdiff_t>(i), value.begin() + static_cast<std::ptrdiff_t>(i + size));
  }
  const bool undefined = element.undefined || !element.fragments.empty();
  const uint32_t length = undefined ? kUndefinedLength : static_cast<uint32_t>(value.size());
  std::string out;
  AppendHeader(out, element.tag, element.vr, element.declared_length.value_or(length), encoding);
  return out + value;
}

inline std::string Write(const DataSet& elements, Encoding encoding) {
  std::string out;
  for (const Element& element : elements) out += WriteElement(element, encoding);
  return out;
}

inline constexpr Encoding kImplicitLittle{false, false};
inline constexpr Encoding kExplicitLittle{true, false};
inline constexpr Encoding kExplicitBig{true, true};

inline std::string_view SyntaxOf(Encoding encoding) {
  return encoding.big_endian ? "1.2.840.10008.1.2.2" : encoding.explicit_vr ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2";
}

// File Meta Information with its group length.
inline std::string WriteMeta(std::string_view transfer_syntax, const DataSet& more = {}) {
  DataSet meta = {Text(0x00020010, "UI", transfer_syntax)};
  meta.insert(meta.end(), more.begin(), more.end());
  const std::string bytes = Write(meta, kExplicitLittle);
  return WriteElement(Bytes(0x00020000, "UL", LittleEndian({static_cast<uint32_t>(bytes.size())})), kExplicitLittle) + bytes;
}
inline std::string Preamble() { return std::string(128, '\0') + "DICM"; }

// A Part 10 file.
inline std::string WriteFile(const DataSet& elements, Encoding encoding = kExplicitLittle) {
  return Preamble() + WriteMeta(SyntaxOf(encoding)) + Write(elements, encoding);
}

using test_support::Deflate;  // PS3.5 §A.5
inline std::string WriteDeflatedFile(const DataSet& elements) {
  return Preamble() + WriteMeta("1.2.840.10008.1.2.1.99") + Deflate(Write(elements, kExplicitLittle));
}

}  // namespace dicomhouse::dicom::testing
