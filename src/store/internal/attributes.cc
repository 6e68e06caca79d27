#include "store/internal/attributes.h"

#include <algorithm>
#include <charconv>

#include "dicom/dictionary.h"
#include "dicom/tags.h"
#include "dicom/vr.h"
#include "store/internal/matching.h"

namespace dicomhouse::store {
namespace {

constexpr IndexedAttribute kAttributes[] = {
    {0x00080020, Level::kStudy, "study_date"},
    {0x00080030, Level::kStudy, "study_time"},
    {0x00080050, Level::kStudy, "accession_number"},
    {0x00080090, Level::kStudy, "referring_physician"},
    {0x00080201, Level::kStudy, nullptr},
    {0x00081030, Level::kStudy, "study_description"},
    {0x00100010, Level::kStudy, "patient_name"},
    {0x00100020, Level::kStudy, "patient_id"},
    {0x00100030, Level::kStudy, "patient_birth_date"},
    {0x00100040, Level::kStudy, "patient_sex"},
    {0x0020000D, Level::kStudy, nullptr},
    {0x00200010, Level::kStudy, "study_id"},
    {0x00080021, Level::kSeries, "series_date"},
    {0x00080060, Level::kSeries, "modality"},
    {0x00080070, Level::kSeries, "manufacturer"},
    {0x0008103E, Level::kSeries, "series_description"},
    {0x00180015, Level::kSeries, "body_part"},
    {0x0020000E, Level::kSeries, nullptr},
    {0x00200011, Level::kSeries, "series_number"},
    {0x00200060, Level::kSeries, nullptr},
    {0x00400244, Level::kSeries, "pps_start_date"},
    {0x00400245, Level::kSeries, "pps_start_time"},
    {0x00400275, Level::kSeries, nullptr},
    {0x00080016, Level::kInstance, nullptr},
    {0x00080018, Level::kInstance, nullptr},
    {0x00200013, Level::kInstance, "instance_number"},
    {0x00280008, Level::kInstance, nullptr},
    {0x00280010, Level::kInstance, nullptr},
    {0x00280011, Level::kInstance, nullptr},
    {0x00280100, Level::kInstance, nullptr},
};

dicom::Vr VrOf(const dicom::TopElement& element) {
  if (!element.implicit && element.vr != dicom::Vr::kUN && element.vr != dicom::Vr::kNone) return element.vr;
  const dicom::ElementEntry* entry = dicom::FindElement(element.tag);
  return entry == nullptr ? dicom::Vr::kNone : entry->vr;
}

bool IsWholeNumber(dicom::Vr vr) {
  return vr == dicom::Vr::kUS || vr == dicom::Vr::kUL || vr == dicom::Vr::kSS || vr == dicom::Vr::kSL;
}

// US, UL, SS and SL in decimal.
std::string NumbersAsText(std::string_view bytes, dicom::Vr vr, bool big_endian) {
  const size_t size = vr == dicom::Vr::kUS || vr == dicom::Vr::kSS ? 2 : 4;
  std::string out;
  for (size_t at = 0; at + size <= bytes.size(); at += size) {
    const auto* p = reinterpret_cast<const uint8_t*>(bytes.data()) + at;
    const uint32_t raw = size == 2 ? dicom::LoadU16(p, big_endian) : dicom::LoadU32(p, big_endian);
    int64_t number = raw;
    if (vr == dicom::Vr::kSS) number = static_cast<int16_t>(raw);
    if (vr == dicom::Vr::kSL) number = static_cast<int32_t>(raw);
    if (!out.empty()) out += '\\';
    out += std::to_string(number);
  }
  return out;
}

// The tag as its member is called: "GGGGEEEE" with the quotes.
std::string_view MemberName(std::string_view member) { return member.substr(0, 10); }

}  // namespace

std::span<const IndexedAttribute> IndexedAttributes() { return kAttributes; }

const IndexedAttribute* FindColumn(uint32_t tag) {
  const auto found = std::find_if(std::begin(kAttributes), std::end(kAttributes),
                                  [tag](const IndexedAttribute& a) { return a.tag == tag && a.column != nullptr; });
  return found == std::end(kAttributes) ? nullptr : &*found;
}

std::string AttributeReader::Text(const dicom::Instance& header, const dicom::TopElement& element) {
  if (element.left_out || element.truncated) return {};
  const std::string_view bytes = header.Value(element);
  const dicom::Vr vr = VrOf(element);
  if (IsWholeNumber(vr)) return NumbersAsText(bytes, vr, header.EncodingOf(element).big_endian);
  const std::string_view set = header.Text(dicom::kSpecificCharacterSetTag);
  if (set != character_set_value_) {
    character_set_value_ = set;
    character_set_ = dicom::CharacterSet(set);
  }
  decoder_.Decode(character_set_, vr == dicom::Vr::kNone ? dicom::Vr::kLO : vr, bytes, decoded_);
  std::string out;
  for (size_t i = 0; i < decoded_.values.size(); ++i) {
    if (i > 0) out += '\\';
    out += decoded_.value(i);
  }
  return out;
}

LevelAttributes AttributeReader::Read(dicom::Instance& header, Level level) {
  LevelAttributes out;
  for (const IndexedAttribute& attribute : kAttributes) {
    if (attribute.level != level) continue;
    const dicom::TopElement* element = header.Find(attribute.tag);
    if (attribute.column != nullptr) {
      const std::string text = element == nullptr ? std::string() : Text(header, *element);
      out.columns.push_back(Comparable(text, dicom::FindElement(attribute.tag)->vr));
    }
    if (element == nullptr) continue;
    const size_t before = out.members.size();
    if (before > 0) out.members += kMemberEnd;
    if (!json_.AppendElements(header, std::span(&attribute.tag, 1), out.members)) out.members.resize(before);
  }
  return out;
}

InstanceAttributes AttributeReader::Read(dicom::Instance& header) {
  return {{Read(header, Level::kStudy), Read(header, Level::kSeries), Read(header, Level::kInstance)}};
}

std::string JoinMembers(std::span<const std::string_view> sources) {
  std::vector<std::string_view> members;
  for (std::string_view source : sources) {
    while (!source.empty()) {
      const size_t end = std::min(source.find(kMemberEnd), source.size());
      members.push_back(source.substr(0, end));
      source.remove_prefix(std::min(end + 1, source.size()));
    }
  }
  std::stable_sort(members.begin(), members.end(),
                   [](std::string_view a, std::string_view b) { return MemberName(a) < MemberName(b); });
  std::string out;
  std::string_view last;
  for (const std::string_view member : members) {
    if (MemberName(member) == last) continue;
    last = MemberName(member);
    if (!out.empty()) out += ',';
    out += member;
  }
  return out;
}

}  // namespace dicomhouse::store
