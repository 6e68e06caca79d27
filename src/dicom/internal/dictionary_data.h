// The tables behind dictionary.h. Their definitions are generated: tools/make_dictionary.py -> dictionary_data.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dicom/dictionary.h"

namespace dicomhouse::dicom::internal {

extern const std::string_view kEdition;

// Sorted by tag.
extern const std::span<const ElementEntry> kElements;

// An open-addressing hash table of 1 << kElementSlotBits indices into kElements, plus one; 0 is an empty slot.
// A tag's first slot is ElementSlot(tag), the next ones follow it, and the last is followed by the first.
inline constexpr int kElementSlotBits = 14;
extern const uint16_t kElementSlots[size_t{1} << kElementSlotBits];
constexpr uint32_t ElementSlot(uint32_t tag) { return tag * 0x9E3779B1u >> (32 - kElementSlotBits); }
constexpr uint32_t NextElementSlot(uint32_t slot) { return (slot + 1) & ((1u << kElementSlotBits) - 1); }

// The masks that elements have, most significant digits first; the first is 0xFFFFFFFF.
extern const std::span<const uint32_t> kElementMasks;

// Indices into kElements, sorted by keyword. Elements without a keyword are not here.
extern const std::span<const uint16_t> kElementsByKeyword;

// Sorted by UID.
extern const std::span<const UidEntry> kUids;

struct PrivateRow {
  uint32_t tag;  // 0 in the digits that `mask` leaves out
  PrivateEntry entry;
};
// The rows of one creator and mask are [first, first + count) of kPrivateRows, sorted by tag.
struct PrivateBlock {
  std::string_view creator;
  uint32_t mask;
  uint16_t first;
  uint16_t count;
};
// Sorted by creator, then by mask, the one with most digits first.
extern const std::span<const PrivateBlock> kPrivateBlocks;
extern const std::span<const PrivateRow> kPrivateRows;

}  // namespace dicomhouse::dicom::internal
