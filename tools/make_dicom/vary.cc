#include "vary.h"

#include <algorithm>
#include <string>

#include "modules.h"
#include "tags.h"

namespace make_dicom {
namespace {

// What says how the rest is read.
bool Structural(const Attribute& attribute) {
  const uint32_t element = attribute.tag & 0xFFFF;
  if ((attribute.tag >> 16) % 2 == 1 && element < 0x0100) return true;  // private creator
  static constexpr Attribute kKept[] = {kSpecificCharacterSet,
                                        kSOPClassUID,
                                        kReferencedSOPClassUID,
                                        kModality,
                                        kPixelData,
                                        kSamplesPerPixel,
                                        kPhotometricInterpretation,
                                        kRows,
                                        kColumns,
                                        kBitsAllocated,
                                        kBitsStored,
                                        kHighBit,
                                        kPixelRepresentation};
  return std::find(std::begin(kKept), std::end(kKept), attribute) != std::end(kKept);
}

std::string Base36(uint64_t number) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 36]);
    number /= 36;
  } while (number > 0);
  return text;
}

// The end of the text is replaced by the number, so that it grows beyond its VR's limit for no value.
std::string Numbered(std::string_view text, uint64_t number, char separator) {
  std::string suffix = separator + Base36(number);
  const size_t kept = std::min(text.size(), std::max<size_t>(text.size(), 16) - std::min<size_t>(16, suffix.size()));
  return std::string(text.substr(0, std::min(kept, text.find('\\')))) + suffix;
}

std::string VariedUid(std::string_view uid, uint64_t number) {
  std::string kept(uid.substr(0, std::min<size_t>(uid.size(), 48)));
  while (!kept.empty() && kept.back() == '.') kept.pop_back();
  return kept + ".5" + std::to_string(number);
}

std::string VariedNumbers(const Element& element, Random& random) {
  std::string packed;
  const size_t size = PackNumber(element.attribute, 0).size();
  for (size_t i = 0; i < element.value.size(); i += size) packed += PackNumber(element.attribute, random.Between(1, 32000));
  return packed;
}

std::string VariedDecimals(std::string_view text, uint64_t number, Random& random) {
  const auto count = 1 + std::count(text.begin(), text.end(), '\\');
  std::string values;
  for (long i = 0; i < count; ++i) {
    if (i > 0) values += '\\';
    values += std::to_string(random.Between(0, 99)) + "." + Padded(number, 8);
  }
  return values;
}

std::string VariedIntegers(std::string_view text, uint64_t number) {
  const auto count = 1 + std::count(text.begin(), text.end(), '\\');
  std::string values;
  for (long i = 0; i < count; ++i) values += (i > 0 ? "\\" : "") + std::to_string(number + static_cast<uint64_t>(i));
  return values;
}

std::string Varied(const Element& element, uint64_t number, Random& random) {
  const std::string_view vr = element.attribute.vr;
  const std::string_view text = element.value;
  const int days = static_cast<int>(number % 300000) - 150000;
  const double seconds = static_cast<double>(number % 86400000000 * 86311 % 86400000000) / 1e6;
  if (IsNumeric(element.attribute)) return VariedNumbers(element, random);
  if (vr[0] == 'O' || vr == "UN") return random.Bytes(element.value.size());
  if (vr == "UI") return VariedUid(std::string_view(text.data(), std::min(text.size(), text.find('\0'))), number);
  if (vr == "DS") return VariedDecimals(text, number, random);
  if (vr == "IS") return VariedIntegers(text, number);
  if (vr == "DA") return DateText(days);
  if (vr == "TM") return TimeText(seconds);
  if (vr == "DT") return DateText(days) + TimeText(seconds);
  if (vr == "AS") return Padded(number % 1000, 3) + "DWMY"[number / 1000 % 4];
  if (vr == "CS") return Numbered(text, number, '_');
  return Numbered(text, number, ' ');
}

}  // namespace

void VaryAll(DataSet& data_set, uint64_t number, Random& random) {
  for (Element& element : data_set.elements()) {
    for (DataSet& item : element.items) VaryAll(item, number, random);
    if (element.is_sequence() || element.value.empty() || Structural(element.attribute)) continue;
    const std::string value = Varied(element, number, random);
    if (IsNumeric(element.attribute)) {
      element.value = value;
    } else {
      data_set.Set(element.attribute, value);  // pads; the element has its place already
    }
  }
}

}  // namespace make_dicom
