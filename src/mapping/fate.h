// What becomes of an element, and why: the words that the account, the counters and the messages share.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace dicomhouse::mapping {

// Why an element has no exact place of its own. The first group is dropped, the second kept elsewhere or not quite exactly.
enum class Reason : uint8_t {
  kBulkVr,        // OB, OD, OF, OL, OV, OW, UN: no type in BigQuery (the page, F1)
  kTooLarge,      // more than base::kMaxValueBytes (the page, F2)
  kTooDeep,       // below BigQuery's levels of nested records
  kTruncated,     // the file ends inside
  kDuplicateTag,  // the same tag stood before in the same data set
  kDroppedReasons,
  kInvalidValue = kDroppedReasons,  // does not parse as its type: NULL in the column, the text in OtherElements
  kVrClash,                         // written with a VR that the column's type can't take: OtherElements
  kMultiplicity,                    // several values where the dictionary allows one: OtherElements
  kReplacedBytes,                   // bytes without a meaning in the character set: U+FFFD in the column
  kStructure,                       // the bytes around it are not as the standard says
  kFile,                            // the whole file: not read
  kDuplicateInstance,
  kReasons,
};
inline constexpr int kDroppedReasonCount = static_cast<int>(Reason::kDroppedReasons);

// As the account's Reason column and the JSON report print them.
constexpr std::string_view ReasonText(Reason reason) {
  constexpr std::array<std::string_view, static_cast<size_t>(Reason::kReasons)> kTexts = {
      "BULK_VR",  "TOO_LARGE",    "TOO_DEEP",       "TRUNCATED", "DUPLICATE_TAG", "INVALID_VALUE",
      "VR_CLASH", "MULTIPLICITY", "REPLACED_BYTES", "STRUCTURE", "FILE",          "DUPLICATE_INSTANCE"};
  return kTexts[static_cast<size_t>(reason)];
}

// Data elements at every level, sequences included; items, delimiters and group lengths are not counted.
// read == placed + other + dropped, always.
struct ElementCounts {
  uint64_t read = 0;
  uint64_t placed = 0;
  uint64_t other = 0;
  uint64_t dropped = 0;

  ElementCounts& operator+=(const ElementCounts& o) {
    read += o.read;
    placed += o.placed;
    other += o.other;
    dropped += o.dropped;
    return *this;
  }
  ElementCounts& operator-=(const ElementCounts& o) {
    read -= o.read;
    placed -= o.placed;
    other -= o.other;
    dropped -= o.dropped;
    return *this;
  }
  bool operator==(const ElementCounts&) const = default;
  bool balanced() const { return read == placed + other + dropped; }
};

}  // namespace dicomhouse::mapping
