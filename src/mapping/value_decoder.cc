#include "mapping/value_decoder.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/text.h"
#include "dicom/value.h"

namespace dicomhouse::mapping {

using dicom::Vr;
using table::Type;

namespace {

// One binary value as an integer; nothing when it does not fit 64 bits with sign.
std::optional<int64_t> LoadInteger(Vr vr, const uint8_t* p, bool big_endian) {
  switch (vr) {
    case Vr::kUS:
      return dicom::LoadU16(p, big_endian);
    case Vr::kSS:
      return static_cast<int16_t>(dicom::LoadU16(p, big_endian));
    case Vr::kUL:
      return dicom::LoadU32(p, big_endian);
    case Vr::kSL:
      return static_cast<int32_t>(dicom::LoadU32(p, big_endian));
    case Vr::kAT:
      return dicom::LoadTag(p, big_endian);
    case Vr::kSV:
      return static_cast<int64_t>(dicom::LoadU64(p, big_endian));
    default: {
      const uint64_t value = dicom::LoadU64(p, big_endian);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
  }
}

double LoadFloat(Vr vr, const uint8_t* p, bool big_endian) {
  if (vr == Vr::kFL) return std::bit_cast<float>(dicom::LoadU32(p, big_endian));
  return std::bit_cast<double>(dicom::LoadU64(p, big_endian));
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  return text;
}

std::string_view TrimmedFront(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

// Leading spaces mean something in these (PS3.5 §6.2).
bool KeepsLeadingSpaces(Vr vr) {
  return vr == Vr::kLT || vr == Vr::kST || vr == Vr::kUT || vr == Vr::kUC || vr == Vr::kUR || vr == Vr::kPN;
}

}  // namespace

const std::vector<std::string_view>& ValueDecoder::Texts(Vr vr, std::string_view bytes, const ValueContext& context) {
  views_.clear();
  replaced_ = 0;
  if (bytes.empty()) return views_;
  if (!dicom::IsPlainAscii(bytes)) {
    decoder_.Decode(*context.set, vr, bytes, decoded_);
    replaced_ = decoded_.replaced_bytes;
    for (size_t i = 0; i < decoded_.values.size(); ++i) views_.push_back(decoded_.value(i));
    return views_;
  }
  const bool keep_front = KeepsLeadingSpaces(vr);
  const auto add = [&](std::string_view value) { views_.push_back(keep_front ? Trimmed(value) : TrimmedFront(Trimmed(value))); };
  if (!dicom::SplitsAtBackslash(vr)) {
    add(bytes);
    return views_;
  }
  for (;;) {
    const size_t end = bytes.find('\\');
    add(bytes.substr(0, end));
    if (end == std::string_view::npos) return views_;
    bytes.remove_prefix(end + 1);
  }
}

bool ValueDecoder::Numbers(const Rule& rule, std::string_view bytes, const ValueContext& context, std::vector<int64_t>& out) {
  out.clear();
  const Vr vr = VrToRead(rule, context);
  if (dicom::IsText(vr)) return ParsedNumbers(rule.type, vr, bytes, context, out);
  const size_t size = dicom::ValueSize(vr);
  if (size == 0 || bytes.size() % size != 0) return false;
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  for (size_t i = 0; i < bytes.size(); i += size) {
    if (rule.type == Type::kFloat) {
      out.push_back(std::bit_cast<int64_t>(LoadFloat(vr, p + i, context.encoding.big_endian)));
      continue;
    }
    const auto value = LoadInteger(vr, p + i, context.encoding.big_endian);
    if (!value) return false;
    out.push_back(*value);
  }
  return true;
}

bool ValueDecoder::ParsedNumbers(Type type, Vr vr, std::string_view bytes, const ValueContext& context,
                                 std::vector<int64_t>& out) {
  const auto& texts = Texts(vr, bytes, context);
  if (texts.size() == 1 && texts[0].empty()) return true;  // padding only: no value
  for (const std::string_view text : texts) {
    std::optional<int64_t> value;
    if (type == Type::kDate) {
      value = dicom::ParseDate(text);
    } else if (type == Type::kTime) {
      value = dicom::ParseTime(text);
    } else if (type == Type::kTimestamp) {
      value = dicom::ParseDateTime(text, context.utc_offset_minutes);
    } else if (type == Type::kInteger) {
      value = dicom::ParseInteger(text);
    } else {
      double number = 0;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code == std::errc() && end == text.data() + text.size()) value = std::bit_cast<int64_t>(number);
    }
    if (!value) return false;
    out.push_back(*value);
  }
  return true;
}

const std::vector<std::string_view>& ValueDecoder::Printed(Vr vr, std::string_view bytes, const ValueContext& context) {
  if (dicom::IsText(vr)) return Texts(vr, bytes, context);
  views_.clear();
  printed_.clear();
  replaced_ = 0;
  if (bytes.empty()) return views_;
  const size_t size = dicom::IsBulk(vr) ? 0 : dicom::ValueSize(vr);
  if (size == 0 || bytes.size() % size != 0) {
    printed_ = "base64:";
    base::AppendBase64(printed_, bytes);
    views_.push_back(printed_);
    return views_;
  }
  std::vector<size_t> ends;
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  for (size_t i = 0; i < bytes.size(); i += size) {
    char digits[32];
    char* end = digits;
    if (vr == Vr::kAT) {
      printed_ += TagName(dicom::LoadTag(p + i, context.encoding.big_endian)).substr(4);
    } else if (vr == Vr::kFL) {
      end =
          std::to_chars(digits, digits + sizeof digits, std::bit_cast<float>(dicom::LoadU32(p + i, context.encoding.big_endian)))
              .ptr;
    } else if (vr == Vr::kFD) {
      end = std::to_chars(digits, digits + sizeof digits, LoadFloat(vr, p + i, context.encoding.big_endian)).ptr;
    } else if (vr == Vr::kUV) {
      end = std::to_chars(digits, digits + sizeof digits, dicom::LoadU64(p + i, context.encoding.big_endian)).ptr;
    } else {
      end = std::to_chars(digits, digits + sizeof digits, LoadInteger(vr, p + i, context.encoding.big_endian).value_or(0)).ptr;
    }
    printed_.append(digits, static_cast<size_t>(end - digits));
    ends.push_back(printed_.size());
  }
  size_t begin = 0;
  for (const size_t end : ends) {
    views_.push_back(std::string_view(printed_).substr(begin, end - begin));
    begin = end;
  }
  return views_;
}

}  // namespace dicomhouse::mapping
