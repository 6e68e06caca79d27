#include "mapping/type_rules.h"

#include <algorithm>
#include <array>

#include "dicom/dictionary.h"

namespace dicomhouse::mapping {

using dicom::Vr;
using table::Mode;
using table::Type;

namespace {

void AppendHex(std::string& out, uint32_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) out += "0123456789ABCDEF"[value >> 4 * i & 15];
}

// Of a creator's name in a column's: LO has at most 64 characters (PS3.5 §6.2), files have more.
constexpr size_t kMaxCreatorName = 64;

// Creators of the private dictionary that differ from another one in case only (tests/mapping checks that these are all).
constexpr std::array<std::string_view, 6> kCaseTwins = {"PHILIPS MR IMAGING DD 001", "PHILIPS IMAGING DD 001", "SPI RELEASE 1",
                                                        "MITRA OBJECT DOCUMENT 1.0", "MITRA PRESENTATION 1.0", "HOLOGIC"};

// FNV-1a.
uint32_t Fingerprint(std::string_view text) {
  uint32_t hash = 2166136261;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619;
  return hash;
}

bool IsInteger(Vr vr) {
  return vr != Vr::kSQ && !dicom::IsBulk(vr) && !dicom::IsText(vr) && vr != Vr::kFL && vr != Vr::kFD && vr != Vr::kNone;
}

// Whether bytes of VR `written` can be read into the column that the dictionary's VR makes.
bool Fits(Vr dictionary, Vr written) {
  if (dictionary == written) return true;
  if (dicom::IsText(dictionary)) return dicom::IsText(written);
  if (IsInteger(dictionary)) return (IsInteger(written) && written != Vr::kAT) || written == Vr::kIS;
  return (dictionary == Vr::kFL || dictionary == Vr::kFD) && (written == Vr::kFL || written == Vr::kFD || written == Vr::kDS);
}

Rule Other(Vr vr, Reason reason) {
  Rule rule;
  rule.vr = vr;
  rule.reason = reason;
  return rule;
}

Rule Sequence(std::string name, uint64_t order) {
  Rule rule;
  rule.fate = Fate::kSequence;
  rule.vr = Vr::kSQ;
  rule.name = std::move(name);
  rule.type = Type::kRecord;
  rule.mode = Mode::kRepeated;
  rule.order = order;
  return rule;
}

Rule PrivateRule(const ElementKind& kind) {
  Vr vr = kind.vr;
  if (vr == Vr::kNone || vr == Vr::kUN) {
    const dicom::PrivateEntry* entry = dicom::FindPrivate(kind.creator, kind.tag);
    vr = IsPrivateCreator(kind.tag) ? Vr::kLO : entry != nullptr ? entry->vr : Vr::kUN;
  }
  if (kind.sequence) return Sequence(TagName(kind.tag), kPrivateOrder | kind.tag);
  // A dictionary that says SQ of something that is none is not believed.
  return Other(vr == Vr::kSQ ? Vr::kUN : vr, Reason::kReasons);
}

Rule StandardRule(const ElementKind& kind, const dicom::ElementEntry& entry) {
  const bool unsaid = kind.vr == Vr::kNone || kind.vr == Vr::kUN;
  const Vr vr = kind.sequence ? Vr::kSQ : unsaid ? entry.vr : kind.vr;
  if ((kind.sequence || kind.vr == Vr::kSQ) && entry.vr == Vr::kSQ)
    return Sequence(std::string(entry.keyword), kind.tag & entry.mask);
  if (kind.sequence) return Sequence(TagName(kind.tag), kPrivateOrder | kind.tag);
  if (dicom::IsBulk(entry.vr) && dicom::IsBulk(vr)) {
    Rule rule = Other(vr, Reason::kBulkVr);
    rule.fate = Fate::kDropped;
    return rule;
  }
  // "US or OW": OW has no column.
  if (entry.ambiguous && dicom::IsBulk(vr)) {
    Rule rule = Other(vr, Reason::kBulkVr);
    rule.fate = Fate::kDropped;
    return rule;
  }
  if (entry.vr == Vr::kSQ || dicom::IsBulk(entry.vr) || !Fits(entry.vr, vr))
    return Other(vr == Vr::kSQ ? Vr::kUN : vr, Reason::kVrClash);
  Rule rule;
  rule.fate = entry.vr == Vr::kPN ? Fate::kPersonName : Fate::kValue;
  rule.vr = vr;
  rule.us_or_ss = unsaid && entry.us_or_ss;
  rule.name = entry.keyword;
  rule.type = TypeOf(entry.vr);
  rule.mode = entry.single_valued() ? Mode::kNullable : Mode::kRepeated;
  rule.order = kind.tag & entry.mask;
  rule.repeating_group = entry.repeating_group();
  return rule;
}

}  // namespace

Rule RuleFor(const ElementKind& kind, Profile /*profile*/) {
  if (IsPrivate(kind.tag)) return PrivateRule(kind);
  const dicom::ElementEntry* entry = dicom::FindElement(kind.tag);
  if (entry != nullptr && !entry->keyword.empty() && entry->vr != Vr::kNone) return StandardRule(kind, *entry);
  if (kind.sequence || kind.vr == Vr::kSQ) return Sequence(TagName(kind.tag), kPrivateOrder | kind.tag);
  return Other(kind.vr == Vr::kNone ? Vr::kUN : kind.vr, Reason::kReasons);
}

std::optional<Rule> TypedPrivateRule(uint32_t tag, Vr vr, std::string_view creator) {
  if (!IsPrivate(tag) || IsPrivateCreator(tag) || creator.empty() || dicom::IsBulk(vr) || vr == Vr::kSQ || vr == Vr::kNone)
    return std::nullopt;
  const dicom::PrivateEntry* entry = dicom::FindPrivate(creator, tag);
  // The dictionary has entries for one block alone that contradict those for others; a column's name has no block. The entry for
  // the first block has the plain name.
  const dicom::PrivateEntry* first = dicom::FindPrivate(creator, (tag & 0xFFFF00FF) | 0x1000);
  if (entry != nullptr &&
      (first == nullptr || TypeOf(first->vr) != TypeOf(entry->vr) || (first->vm == "1") != (entry->vm == "1"))) {
    entry = nullptr;
  }
  Rule rule;
  rule.fate = vr == Vr::kPN ? Fate::kPersonName : Fate::kValue;
  rule.vr = vr;
  rule.type = TypeOf(vr);
  rule.mode = entry != nullptr && entry->vm == "1" && vr != Vr::kPN ? Mode::kNullable : Mode::kRepeated;
  for (const char c : creator.substr(0, kMaxCreatorName)) {
    rule.name += (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ? c : '_';
  }
  // Names that differ in case or in what became '_' would be one column; those of the dictionary don't, but for the twins.
  if (entry == nullptr || std::find(kCaseTwins.begin(), kCaseTwins.end(), creator) != kCaseTwins.end()) {
    rule.name += '_';
    AppendHex(rule.name, Fingerprint(creator), 8);
  }
  if (rule.name.empty() || (rule.name[0] >= '0' && rule.name[0] <= '9')) rule.name.insert(0, "_");
  rule.name += "__";
  AppendHex(rule.name, tag >> 16, 4);
  rule.name += "xx";
  AppendHex(rule.name, tag & 0xFF, 2);
  if (entry == nullptr || TypeOf(entry->vr) != rule.type) rule.name.append("__").append(table::TypeName(rule.type));
  rule.order = kPrivateOrder | tag;
  return rule;
}

Type TypeOf(Vr vr) {
  switch (vr) {
    case Vr::kDA:
      return Type::kDate;
    case Vr::kTM:
      return Type::kTime;
    case Vr::kDT:
      return Type::kTimestamp;
    case Vr::kFL:
    case Vr::kFD:
      return Type::kFloat;
    case Vr::kAT:
    case Vr::kSL:
    case Vr::kSS:
    case Vr::kUL:
    case Vr::kUS:
    case Vr::kSV:
    case Vr::kUV:
      return Type::kInteger;
    case Vr::kPN:
    case Vr::kSQ:
      return Type::kRecord;
    default:
      return Type::kString;
  }
}

std::string TagName(uint32_t tag) {
  std::string name = "Tag_";
  AppendHex(name, tag, 8);
  return name;
}

std::string ElementName(uint32_t tag) {
  const dicom::ElementEntry* entry = IsPrivate(tag) ? nullptr : dicom::FindElement(tag);
  return entry == nullptr || entry->keyword.empty() ? TagName(tag) : std::string(entry->keyword);
}

std::string TagText(uint32_t tag) {
  std::string text;
  AppendHex(text, tag >> 16, 4);
  text += ',';
  AppendHex(text, tag & 0xFFFF, 4);
  return text;
}

}  // namespace dicomhouse::mapping
