// The data dictionary: PS3.6 and PS3.7's elements and UIDs, and well-known private dictionaries.
// The tables are generated (tools/make_dictionary.py -> dictionary_data.cc); look-ups don't allocate and are thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dicom/vr.h"

namespace dicomhouse::dicom {

// The edition of the standard that the tables come from, e.g. "2026b".
std::string_view DictionaryEdition();

// One element of PS3.6 or PS3.7. Strings live for ever.
struct ElementEntry {
  uint32_t tag = 0;          // group << 16 | element; for a repeating group the digits of `mask` that are 0 are 0
  uint32_t mask = 0;         // 0xFFFFFFFF, or with 0 where the standard writes x (0x50xx: 0xFF00FFFF ...)
  std::string_view keyword;  // "" for a few retired elements without one; else no other entry has it
  std::string_view name;
  Vr vr = Vr::kNone;       // of "OB or OW": kOW; of "US or SS", "US or SS or OW", "US or OW": kUS; kNone in group FFFE
  bool us_or_ss = false;   // "US or SS", "US or SS or OW": depends on Pixel Representation (0028,0103)
  bool ambiguous = false;  // the dictionary names more than one VR
  std::string_view vm;     // "1", "1-n", "2-2n", ...
  bool retired = false;

  bool repeating_group() const { return (mask & 0xFFFF0000) != 0xFFFF0000; }
  bool single_valued() const { return vm == "1"; }
};

// The entry of a tag (PS3.6 §6 to §9, PS3.7 §E), or null. Group length elements (gggg,0000) other than those of groups 0000
// and 0002 have none. Only even groups are looked up. An entry without x in its tag goes before those with: (7FE0,0010) is
// PixelData, (7FE2,0010) VariablePixelData.
const ElementEntry* FindElement(uint32_t tag);
// By keyword ("PatientName"), or null.
const ElementEntry* FindKeyword(std::string_view keyword);
// All entries, by tag.
std::span<const ElementEntry> AllElements();

// One element of a private dictionary.
struct PrivateEntry {
  Vr vr = Vr::kNone;
  std::string_view vm;
  std::string_view name;
};
// `creator`: the private creator's text; trailing spaces don't count, all else does. `tag`: as it stands in the file
// (gggg,xxee); the block number xx doesn't count (PS3.5 §7.8.1).
const PrivateEntry* FindPrivate(std::string_view creator, uint32_t tag);

struct UidEntry {
  std::string_view uid;
  std::string_view keyword;
  std::string_view name;
  std::string_view type;  // "SOP Class", "Transfer Syntax", ...
  bool retired = false;
};
const UidEntry* FindUid(std::string_view uid);

}  // namespace dicomhouse::dicom
