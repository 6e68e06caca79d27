// "Why is this tag missing, or of this type, in the table?" The rules from dictionary and VR to column: one path gets one name,
// one type and one mode for ever, whatever the data holds. Google's rules: docs/ARCHITECTURE.md, "The schema"; decisions in
// docs/decisions/0002-schema.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dicom/vr.h"
#include "mapping/fate.h"
#include "table/schema.h"

namespace dicomhouse::mapping {

enum class Profile : uint8_t {
  kGoogle,    // the table that Google's export makes
  kLossless,  // the same, and what that drops
};

enum class Fate : uint8_t {
  kValue,       // a column of a scalar type
  kPersonName,  // a RECORD of Alphabetic, Ideographic, Phonetic
  kSequence,    // a REPEATED RECORD
  kOther,       // OtherElements of its level
  kDropped,     // named in DroppedTags
};

// All that decides about an element, apart from its bytes.
struct ElementKind {
  uint32_t tag = 0;
  dicom::Vr vr = dicom::Vr::kNone;  // as written; kNone in implicit VR
  bool sequence = false;            // a sequence by its header, or by its first bytes where nothing else says
  std::string_view creator;         // of a private element: who owns the block
};

struct Rule {
  Fate fate = Fate::kOther;
  dicom::Vr vr = dicom::Vr::kUN;     // how the bytes are to be read
  bool us_or_ss = false;             // vr is US or SS by Pixel Representation (implicit VR only)
  Reason reason = Reason::kReasons;  // of kDropped, or of kOther when that is not the element's natural place
  bool repeating_group = false;      // 50xx, 60xx: a REPEATED RECORD of Id and Value
  std::string name;                  // of the column or field
  table::Type type = table::Type::kString;
  table::Mode mode = table::Mode::kNullable;
  uint64_t order = 0;  // among its siblings: standard tags, private sequences, OtherElements
};

Rule RuleFor(const ElementKind& kind, Profile profile);

// Profile lossless: the column of a private element that OtherElements keeps as text. Its name is made of the creator and the tag
// without its block ("GEMS_ACQU_01__0019xx0F"; a creator that the dictionary does not know for it has a fingerprint behind its
// name); where the file's VR makes another type than the private dictionary's, or there is no entry, the type follows
// ("__INTEGER"), so that a name has one type for ever. Nothing for values without a type.
std::optional<Rule> TypedPrivateRule(uint32_t tag, dicom::Vr vr, std::string_view creator);

// The column type of a VR; kString for those that have none.
table::Type TypeOf(dicom::Vr vr);
// "Tag_GGGGEEEE", upper-case hex.
std::string TagName(uint32_t tag);
// The keyword, or TagName.
std::string ElementName(uint32_t tag);
// "GGGG,EEEE", as messages and the account write tags.
std::string TagText(uint32_t tag);
inline bool IsPrivate(uint32_t tag) { return (tag >> 16 & 1) != 0; }
// (gggg,0010-00FF) with odd gggg: names the owner of a block (PS3.5 §7.8.1).
inline bool IsPrivateCreator(uint32_t tag) { return IsPrivate(tag) && (tag & 0xFFFF) >= 0x10 && (tag & 0xFFFF) <= 0xFF; }

inline constexpr uint64_t kPrivateOrder = uint64_t{1} << 32;
inline constexpr uint64_t kOtherElementsOrder = uint64_t{2} << 32;
inline constexpr uint64_t kDroppedTagsOrder = uint64_t{3} << 32;
inline constexpr uint64_t kExtraColumnsOrder = uint64_t{4} << 32;

}  // namespace dicomhouse::mapping
