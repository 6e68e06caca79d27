// "Why is this column there, of this type? Why is this tag not?" The first element of an instance that a field comes from, and
// the rule that made the field, in words. For answers to people: one pass over one instance, nothing is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dicom/instance.h"
#include "mapping/type_rules.h"

namespace dicomhouse::mapping {

// An element, and what the rules make of it.
struct FieldOrigin {
  uint32_t tag = 0;
  dicom::Vr written = dicom::Vr::kNone;  // the VR in the file; kNone in implicit VR
  std::string creator;                   // of a private element: who owns its block
  Rule rule;
  std::string tag_path;   // "0040,0275[0].0040,0009": tags, items counted from 0
  std::string inner;      // what of the field's path lies inside the element's RECORD: "Alphabetic.FamilyName", "Value"
  uint64_t offset = 0;    // of the element's header, in bytes of the file (of the inflated data set, if it is deflated)
  bool too_deep = false;  // below the levels of RECORDs that a table has
};

// Finds the first element, in the order of the file, that the field `names` (from the top level down) comes from. A name
// is a column's, a keyword, "Tag_GGGGEEEE" or "GGGG,EEEE", in any case; OtherElements and DroppedTags are found by the first
// element whose place they are. Nothing when the instance has none.
std::optional<FieldOrigin> FindField(dicom::Instance& instance, const std::vector<std::string>& names, Profile profile);

// The rule in words: "VR DA makes DATE; VM 1 makes NULLABLE".
std::string RuleText(const FieldOrigin& origin);

}  // namespace dicomhouse::mapping
