// Whether values match a condition of a search (PS3.4 §C.2.2.2), in memory.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/vr.h"
#include "store/internal/attributes.h"

namespace dicomhouse::store {

// What a time or date of reduced precision stands for: all from `first` to `last`, compared as text.
struct TextRange {
  std::string first;  // "" : no bound
  std::string last;
};
// "A-B", "A-", "-B" or a single value of DA or TM.
TextRange RangeOf(std::string_view value, dicom::Vr vr);
// As it is compared: DA without '.', TM without ':' and with hours, minutes and seconds, PN without trailing '^' and '='.
std::string Comparable(std::string_view value, dicom::Vr vr);

inline bool HasWildcard(std::string_view value) { return value.find_first_of("*?") != std::string_view::npos; }
// All words of `wanted` begin words of `name`; both folded.
bool MatchesFuzzily(std::string_view wanted, std::string_view name);

// Whether any of an element's values, joined by '\' as AttributeReader::Text gives them, matches any of `wanted`. An empty
// wanted value matches everything (PS3.4 §C.2.2.2.3). `zone`: "+0100", for values of DT without an offset from UTC.
bool Matches(std::string_view text, dicom::Vr vr, std::span<const std::string> wanted, bool fuzzy, std::string_view zone = {});

// Whether the header has an element at the condition's path, in any item, that matches.
bool MatchesHeader(dicom::Instance& header, AttributeReader& reader, const Condition& condition, bool fuzzy);

}  // namespace dicomhouse::store
