// The attributes that the index keeps of an instance: what a search can ask for without reading headers, and what it returns
// unasked (PS3.18 tables 10.6.1-5 and 10.6.3-3 to -5, and some more that viewers like to have).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/dicom_json.h"
#include "dicom/instance.h"
#include "dicom/text.h"
#include "store/instances.h"

namespace dicomhouse::store {

// One attribute of the index.
struct IndexedAttribute {
  uint32_t tag;
  Level level;
  const char* column;  // of the level's table, its text as values joined by '\'; null: only among the JSON members
};
// Ascending tags within a level.
std::span<const IndexedAttribute> IndexedAttributes();
// The attribute if it has a column, or null.
const IndexedAttribute* FindColumn(uint32_t tag);

inline constexpr size_t kMaxColumnsOfLevel = 16;

// JSON members are kept as "GGGGEEEE":{...} with this between them. It can't be in JSON text.
inline constexpr char kMemberEnd = '\x1e';

// What the index keeps of one instance at one level.
struct LevelAttributes {
  std::vector<std::string> columns;  // in the order of IndexedAttributes of this level that have one
  std::string members;
};
struct InstanceAttributes {
  std::array<LevelAttributes, 3> levels;  // by Level
};

// Takes attributes from headers. Used by one thread at a time; memory is kept.
class AttributeReader {
 public:
  InstanceAttributes Read(dicom::Instance& header);
  LevelAttributes Read(dicom::Instance& header, Level level);
  // One element's values as text: trimmed, in UTF-8, joined by '\'; numbers in decimal. Empty when it has none.
  std::string Text(const dicom::Instance& header, const dicom::TopElement& element);

 private:
  dicom::DicomJsonWriter json_;
  dicom::TextDecoder decoder_;
  dicom::DecodedText decoded_;
  std::string character_set_value_;
  dicom::CharacterSet character_set_;
};

// Members of several levels or sources as one list in ascending order of tags, comma-separated. Of two with the same tag the
// first source's counts.
std::string JoinMembers(std::span<const std::string_view> sources);

// Text for comparison of names: lower case, without accents, words separated by one space (PS3.18 §8.3.4.2 leaves the details
// of fuzzy matching to the server). Total: any bytes.
std::string FoldName(std::string_view utf8);

}  // namespace dicomhouse::store
