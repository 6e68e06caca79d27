// The rows of a Batch as one number each: equal rows have equal numbers, whatever the batch had before them. What Unroll is to
// tests, for fuzzing: nothing is copied, a distinct value is walked once, and work is linear in what the batch holds.
//
// Two rows get the same number when table::Unroll gives them the same object, and (but for a collision of 64 bits) only then.
// NaNs are told apart here, by their bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "table/batch.h"
#include "tests/table/unroll.h"

namespace dicomhouse::table {

namespace unrolling {

inline constexpr uint64_t kNullHash = 0x9E3779B97F4A7C15;
inline constexpr uint64_t kListHash = 0xC2B2AE3D27D4EB4F;
inline constexpr uint64_t kRecordHash = 0x165667B19E3779F9;

// The finalizer of MurmurHash3 over both numbers; the order matters.
inline uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t h = a * 0x87C37B91114253D5 + b;
  h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCD;
  h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53;
  return h ^ (h >> 33);
}
inline uint64_t HashOf(std::string_view text) { return std::hash<std::string_view>()(text); }

inline uint64_t HashOfOccurrence(const Node& node, size_t occurrence);

inline uint64_t HashOfLeaf(const Node& leaf, uint32_t slot) {
  const uint32_t index = leaf.value.at(slot);
  if (index == kAbsent) return kNullHash;
  Require(index < leaf.values.size(), leaf, "an index without a value");
  return leaf.values.is_text() ? Mix(1, HashOf(leaf.values.text(index)))
                               : Mix(2, static_cast<uint64_t>(leaf.values.number(index)));
}

// Fields are summed, so that their order does not matter.
inline uint64_t HashOfSlot(const Node& node, uint32_t slot) {  // NOLINT(misc-no-recursion)
  Require(slot < node.slots, node, "no such slot");
  if (node.type() != Type::kRecord) return HashOfLeaf(node, slot);
  uint64_t sum = kRecordHash;
  for (const auto& child : node.children()) {
    const auto found = std::lower_bound(child->at.begin(), child->at.end(), slot);
    if (found == child->at.end() || *found != slot) continue;
    sum += Mix(HashOf(child->name()), HashOfOccurrence(*child, static_cast<size_t>(found - child->at.begin())));
  }
  return Mix(sum, kRecordHash);
}

inline uint64_t HashOfOccurrence(const Node& node, size_t occurrence) {  // NOLINT(misc-no-recursion)
  if (!node.repeated()) return HashOfSlot(node, static_cast<uint32_t>(occurrence));
  uint64_t hash = kListHash;
  const uint32_t begin = node.start.at(occurrence);
  const uint32_t end = occurrence + 1 < node.start.size() ? node.start[occurrence + 1] : node.slots;
  for (uint32_t slot = begin; slot < end; ++slot) hash = Mix(hash, HashOfSlot(node, slot));
  return hash;
}

inline uint64_t HashOfKey(const Column& column, uint32_t key) {
  const Node& node = column.node;
  if (!column.gathered()) {
    Require(node.at.at(key) == key, node, "a distinct value that is not at its number");
    return HashOfOccurrence(node, key);
  }
  uint64_t hash = kListHash;
  for (const uint32_t item : column.ItemsOf(key)) hash = Mix(hash, HashOfSlot(node, item));
  return hash;
}

}  // namespace unrolling

// One number for each row. Requires: batch.Close() was called. Breaking a rule of table/batch.h throws, as Unroll does.
inline std::vector<uint64_t> HashRows(const Batch& batch) {
  using namespace unrolling;
  std::vector<uint64_t> rows(batch.rows());
  std::vector<uint64_t> keys;
  for (const auto& column : batch.columns()) {
    Check(column->node);
    const uint64_t name = HashOf(column->node.name());
    keys.clear();
    for (uint32_t key = 0; key < column->keys(); ++key) keys.push_back(HashOfKey(*column, key));
    size_t row = 0;
    for (const Column::Run& run : column->runs()) {
      Require(run.count <= rows.size() - row, column->node, "more rows than the batch has");
      if (run.key != kAbsent && keys.at(run.key) != kNullHash) {
        for (uint32_t i = 0; i < run.count; ++i) rows[row + i] += Mix(name, keys[run.key]);
      }
      row += run.count;
    }
    Require(row == rows.size() || column->runs().empty(), column->node, "fewer rows than the batch has");
  }
  return rows;
}

}  // namespace dicomhouse::table
