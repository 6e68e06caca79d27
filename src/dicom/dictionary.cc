#include "dicom/dictionary.h"

#include <algorithm>
#include <span>

#include "dicom/internal/dictionary_data.h"

namespace dicomhouse::dicom {

namespace {

// The entry with exactly this tag and mask, or null.
const ElementEntry* FindMasked(uint32_t tag, uint32_t mask) {
  for (uint32_t slot = internal::ElementSlot(tag); internal::kElementSlots[slot] != 0; slot = internal::NextElementSlot(slot)) {
    const ElementEntry& entry = internal::kElements[internal::kElementSlots[slot] - 1u];
    if (entry.tag == tag && entry.mask == mask) return &entry;
  }
  return nullptr;
}

// The row of `block` that `tag` stands for, or null.
const PrivateEntry* FindInBlock(const internal::PrivateBlock& block, uint32_t tag) {
  const auto rows = internal::kPrivateRows.subspan(block.first, block.count);
  const uint32_t wanted = tag & block.mask;
  const auto row = std::ranges::lower_bound(rows, wanted, {}, &internal::PrivateRow::tag);
  return row != rows.end() && row->tag == wanted ? &row->entry : nullptr;
}

}  // namespace

std::string_view DictionaryEdition() { return internal::kEdition; }

const ElementEntry* FindElement(uint32_t tag) {
  if ((tag & 0x00010000) != 0) return nullptr;
  const ElementEntry* exact = FindMasked(tag, 0xFFFFFFFF);
  // An element 0000 is a group length, whatever the masks say.
  if (exact != nullptr || (tag & 0xFFFF) == 0) return exact;
  for (const uint32_t mask : internal::kElementMasks.subspan(1)) {
    const ElementEntry* entry = FindMasked(tag & mask, mask);
    if (entry != nullptr) return entry;
  }
  return nullptr;
}

const ElementEntry* FindKeyword(std::string_view keyword) {
  const auto keyword_of = [](uint16_t index) { return internal::kElements[index].keyword; };
  const auto found = std::ranges::lower_bound(internal::kElementsByKeyword, keyword, {}, keyword_of);
  if (found == internal::kElementsByKeyword.end() || keyword_of(*found) != keyword) return nullptr;
  return &internal::kElements[*found];
}

std::span<const ElementEntry> AllElements() { return internal::kElements; }

const PrivateEntry* FindPrivate(std::string_view creator, uint32_t tag) {
  const size_t end = creator.find_last_not_of(' ');
  creator = creator.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const auto& blocks = internal::kPrivateBlocks;
  // Not equal_range: clang 14 can't compile it with this library.
  for (auto block = std::ranges::lower_bound(blocks, creator, {}, &internal::PrivateBlock::creator);
       block != blocks.end() && block->creator == creator; ++block) {
    const PrivateEntry* entry = FindInBlock(*block, tag);
    if (entry != nullptr) return entry;
  }
  return nullptr;
}

const UidEntry* FindUid(std::string_view uid) {
  const auto found = std::ranges::lower_bound(internal::kUids, uid, {}, &UidEntry::uid);
  return found != internal::kUids.end() && found->uid == uid ? &*found : nullptr;
}

}  // namespace dicomhouse::dicom
