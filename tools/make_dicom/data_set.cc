#include "data_set.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "tags.h"

namespace make_dicom {
namespace {

constexpr uint32_t kItemTag = 0xFFFEE000;
constexpr uint32_t kItemEnd = 0xFFFEE00D;
constexpr uint32_t kSequenceEnd = 0xFFFEE0DD;
constexpr uint32_t kUndefined = 0xFFFFFFFF;

constexpr uint16_t Code(const char* vr) { return static_cast<uint16_t>(vr[0] << 8 | vr[1]); }
constexpr uint16_t Code(const Attribute& attribute) { return Code(attribute.vr); }

// Bytes of one number; what big endian swaps. 0 for text.
size_t NumberSize(const Attribute& attribute) {
  switch (Code(attribute)) {
    case Code("US"):
    case Code("SS"):
    case Code("OW"):
      return 2;
    case Code("AT"):
    case Code("FL"):
    case Code("SL"):
    case Code("UL"):
    case Code("OF"):
    case Code("OL"):
      return 4;
    case Code("FD"):
    case Code("SV"):
    case Code("UV"):
    case Code("OD"):
    case Code("OV"):
      return 8;
    default:
      return 0;
  }
}

bool IsBytes(const Attribute& attribute) { return attribute.vr[0] == 'O' || Code(attribute) == Code("UN"); }

bool HasLongLength(const Attribute& attribute) {
  switch (Code(attribute)) {
    case Code("SQ"):
    case Code("SV"):
    case Code("UC"):
    case Code("UR"):
    case Code("UT"):
    case Code("UV"):
      return true;
    default:
      return IsBytes(attribute);
  }
}

std::string LittleEndian(uint64_t number, size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(number >> (8 * i) & 0xFF);
  return bytes;
}

template <typename To, typename From>
To BitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

std::string PackText(const Attribute& attribute, std::string_view text) {
  std::string packed;
  while (!text.empty()) {
    const size_t end = text.find('\\');
    packed += PackNumber(attribute, std::strtod(std::string(text.substr(0, end)).c_str(), nullptr));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return packed;
}

// Writes elements of one transfer syntax to the end of a string.
class Encoder {
 public:
  Encoder(const FileFormat& format, std::string& out)
      : implicit_(format.transfer_syntax == kImplicitLittle),
        big_(format.transfer_syntax == kExplicitBig),
        undefined_(format.undefined_lengths),
        out_(out) {}

  void Write(const DataSet& data_set) {
    for (const Element& element : data_set.elements()) Write(element);
  }

 private:
  void Write(const Element& element) {
    if (element.is_sequence()) return WriteSequence(element);
    if (!element.fragments.empty()) return WriteFragments(element);
    WriteHeader(element.attribute, static_cast<uint32_t>(element.value.size()));
    WriteValue(element);
  }

  void WriteValue(const Element& element) {
    const size_t size = big_ ? NumberSize(element.attribute) : 0;
    if (size == 0) {
      out_ += element.value;
      return;
    }
    for (size_t i = 0; i < element.value.size(); i += size) {
      if (Code(element.attribute) == Code("AT")) {  // two 16-bit numbers
        Put16(static_cast<uint8_t>(element.value[i]) | static_cast<uint8_t>(element.value[i + 1]) << 8);
        Put16(static_cast<uint8_t>(element.value[i + 2]) | static_cast<uint8_t>(element.value[i + 3]) << 8);
        continue;
      }
      const std::string_view number = std::string_view(element.value).substr(i, size);
      out_.append(number.rbegin(), number.rend());
    }
  }

  void WriteSequence(const Element& element) {
    WriteHeader(element.attribute, undefined_ ? kUndefined : 0);
    const size_t begin = out_.size();
    for (const DataSet& item : element.items) WriteItem(item);
    if (undefined_) {
      PutTag(kSequenceEnd);
      Put32(0);
    } else {
      Patch32(begin - 4, static_cast<uint32_t>(out_.size() - begin));
    }
  }

  void WriteItem(const DataSet& item) {
    PutTag(kItemTag);
    Put32(undefined_ ? kUndefined : 0);
    const size_t begin = out_.size();
    Write(item);
    if (undefined_) {
      PutTag(kItemEnd);
      Put32(0);
    } else {
      Patch32(begin - 4, static_cast<uint32_t>(out_.size() - begin));
    }
  }

  void WriteFragments(const Element& element) {
    WriteHeader(element.attribute, kUndefined);
    for (const std::string& fragment : element.fragments) {
      PutTag(kItemTag);
      Put32(static_cast<uint32_t>(fragment.size() + fragment.size() % 2));
      out_ += fragment;
      if (fragment.size() % 2 != 0) out_ += '\0';
    }
    PutTag(kSequenceEnd);
    Put32(0);
  }

  void WriteHeader(const Attribute& attribute, uint32_t length) {
    PutTag(attribute.tag);
    if (implicit_) return Put32(length);
    out_.append(attribute.vr, 2);
    if (HasLongLength(attribute)) {
      Put16(0);
      Put32(length);
      return;
    }
    if (length > 0xFFFE) throw std::runtime_error("value too long for its VR: tag " + std::to_string(attribute.tag));
    Put16(static_cast<int>(length));
  }

  void PutTag(uint32_t tag) {
    Put16(static_cast<int>(tag >> 16));
    Put16(static_cast<int>(tag & 0xFFFF));
  }
  void Put16(int number) {
    const char low = static_cast<char>(number & 0xFF);
    const char high = static_cast<char>(number >> 8 & 0xFF);
    const char bytes[2] = {big_ ? high : low, big_ ? low : high};
    out_.append(bytes, 2);
  }
  void Put32(uint32_t number) {
    out_.append(4, '\0');
    Patch32(out_.size() - 4, number);
  }
  void Patch32(size_t at, uint32_t number) {
    for (size_t i = 0; i < 4; ++i) out_[at + (big_ ? 3 - i : i)] = static_cast<char>(number >> (8 * i) & 0xFF);
  }

  bool implicit_;
  bool big_;
  bool undefined_;
  std::string& out_;
};

std::string Deflated(std::string_view bytes) {
  z_stream stream{};
  // Negative window bits: no zlib header, as PS3.5 annex A.5 wants.
  if (deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("zlib: deflateInit2");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib: deflate");
  if (out.size() % 2 != 0) out += '\0';
  return out;
}

void EncodeFileMeta(const DataSet& data_set, std::string_view transfer_syntax, std::string& out) {
  DataSet meta;
  meta.Set(kFileMetaInformationVersion, std::string_view("\0\1", 2));
  meta.Set(kMediaStorageSOPClassUID, data_set.Text(kSOPClassUID));
  meta.Set(kMediaStorageSOPInstanceUID, data_set.Text(kSOPInstanceUID));
  meta.Set(kTransferSyntaxUID, transfer_syntax);
  meta.Set(kImplementationClassUID, "2.25.201637529178400285741196003571283905612");
  meta.Set(kImplementationVersionName, "MAKE_DICOM_1");
  const size_t begin = out.size();
  EncodeDataSet(meta, {}, out);
  DataSet length;
  length.Set(kFileMetaInformationGroupLength, static_cast<double>(out.size() - begin));
  std::string first;
  EncodeDataSet(length, {}, first);
  out.insert(begin, first);
}

}  // namespace

bool IsNumeric(const Attribute& attribute) { return NumberSize(attribute) != 0 && !IsBytes(attribute); }

std::string PackNumber(const Attribute& attribute, double number) {
  switch (Code(attribute)) {
    case Code("FL"):
      return LittleEndian(BitCast<uint32_t>(static_cast<float>(number)), 4);
    case Code("FD"):
      return LittleEndian(BitCast<uint64_t>(number), 8);
    case Code("AT"): {
      const auto tag = static_cast<uint32_t>(number);
      return LittleEndian(tag >> 16, 2) + LittleEndian(tag & 0xFFFF, 2);
    }
    default: {
      if (!IsNumeric(attribute)) return {};
      const uint64_t bits = number < 0 ? static_cast<uint64_t>(static_cast<int64_t>(number)) : static_cast<uint64_t>(number);
      return LittleEndian(bits, NumberSize(attribute));
    }
  }
}

DataSet& DataSet::Set(const Attribute& attribute, std::string_view text) {
  Element& element = At(attribute);
  if (IsNumeric(attribute)) {
    element.value = PackText(attribute, text);
    return *this;
  }
  element.value = text;
  const bool zero_padded = IsBytes(attribute) || Code(attribute) == Code("UI");
  if (element.value.size() % 2 != 0) element.value += zero_padded ? '\0' : ' ';
  return *this;
}

DataSet& DataSet::Set(const Attribute& attribute, double number) { return Set(attribute, {number}); }

DataSet& DataSet::Set(const Attribute& attribute, std::initializer_list<double> numbers) {
  return Set(attribute, std::vector<double>(numbers));
}

DataSet& DataSet::Set(const Attribute& attribute, const std::vector<double>& numbers) {
  std::string text;
  std::string packed;
  for (const double number : numbers) {
    packed += PackNumber(attribute, number);
    if (!text.empty()) text += '\\';
    text += Decimal(number);
  }
  if (!IsNumeric(attribute)) return Set(attribute, text);
  At(attribute).value = packed;
  return *this;
}

DataSet& DataSet::AddItem(const Attribute& sequence) { return At(sequence).items.emplace_back(); }

DataSet& DataSet::EmptySequence(const Attribute& sequence) {
  At(sequence).items.clear();
  return *this;
}

DataSet& DataSet::SetFragments(const Attribute& attribute, std::vector<std::string> fragments) {
  At(attribute).fragments = std::move(fragments);
  return *this;
}

void DataSet::Remove(const Attribute& attribute) {
  std::erase_if(elements_, [&](const Element& element) { return element.attribute == attribute; });
}

Element& DataSet::At(const Attribute& attribute) {
  const auto at = std::lower_bound(elements_.begin(), elements_.end(), attribute.tag,
                                   [](const Element& element, uint32_t tag) { return element.attribute.tag < tag; });
  if (at != elements_.end() && at->attribute == attribute) return *at;
  Element element;
  element.attribute = attribute;
  return *elements_.insert(at, std::move(element));
}

const Element* DataSet::Find(const Attribute& attribute) const {
  const auto at = std::lower_bound(elements_.begin(), elements_.end(), attribute.tag,
                                   [](const Element& element, uint32_t tag) { return element.attribute.tag < tag; });
  return at != elements_.end() && at->attribute == attribute ? &*at : nullptr;
}

Element* DataSet::Find(const Attribute& attribute) { return const_cast<Element*>(std::as_const(*this).Find(attribute)); }

std::string_view DataSet::Text(const Attribute& attribute) const {
  const Element* element = Find(attribute);
  if (element == nullptr) return {};
  std::string_view text = element->value;
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  return text;
}

size_t DataSet::CountElements() const {
  size_t count = 0;
  for (const Element& element : elements_) {
    ++count;
    for (const DataSet& item : element.items) count += item.CountElements();
  }
  return count;
}

std::string Decimal(double number) {
  char text[40];
  for (int precision = 10; precision > 0; --precision) {
    std::snprintf(text, sizeof(text), "%.*g", precision, number);
    if (std::strlen(text) <= 16) break;
  }
  return std::strcmp(text, "-0") == 0 ? "0" : text;
}

std::string Decimals(std::initializer_list<double> numbers) {
  std::string text;
  for (const double number : numbers) {
    if (!text.empty()) text += '\\';
    text += Decimal(number);
  }
  return text;
}

std::string Padded(uint64_t number, int digits) {
  char text[40];
  std::snprintf(text, sizeof(text), "%0*llu", digits, static_cast<unsigned long long>(number));
  return text;
}

void EncodeDataSet(const DataSet& data_set, const FileFormat& format, std::string& out) { Encoder(format, out).Write(data_set); }

void EncodeFile(const DataSet& data_set, const FileFormat& format, std::string& out) {
  out.clear();
  if (format.preamble) out.append(128, '\0').append("DICM");
  if (format.file_meta) EncodeFileMeta(data_set, format.transfer_syntax, out);
  if (format.transfer_syntax != kDeflatedLittle) return EncodeDataSet(data_set, format, out);
  std::string plain;
  EncodeDataSet(data_set, format, plain);
  out += Deflated(plain);
}

std::string EncodeFile(const DataSet& data_set, const FileFormat& format) {
  std::string out;
  EncodeFile(data_set, format, out);
  return out;
}

}  // namespace make_dicom
