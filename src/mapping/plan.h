// Plans: what to do with an element, decided when its path is first met and remembered for the worker's life.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "mapping/type_rules.h"
#include "table/batch.h"

namespace dicomhouse::mapping {

struct Level;

// What the bytes of one top-level element came to, when it is more than one value in its place.
struct Outcome {
  ElementCounts counts;
  uint32_t group_item = table::kAbsent;  // in a repeating group's column
  uint32_t dropped_begin = 0;            // DroppedTags items: range in ElementDecoder::dropped_items()
  uint32_t dropped_end = 0;
  uint32_t notes_begin = 0;  // range in ElementDecoder::notes()
  uint32_t notes_end = 0;

  bool drops() const { return dropped_begin != dropped_end; }
  bool noted() const { return notes_begin != notes_end; }
};

// What the bytes of one top-level element came to. Small, because there is one for each value that a batch has seen; nearly all
// share the first two outcomes.
struct Distinct {
  static constexpr uint32_t kPlaced = 0;  // outcome: one element, in its column
  static constexpr uint32_t kOther = 1;   // outcome: one element, in OtherElements, where it belongs

  uint32_t key = table::kAbsent;         // in the element's own column
  uint32_t other_item = table::kAbsent;  // in the top level's OtherElements
  uint32_t outcome = kPlaced;            // index for ElementDecoder::outcome()
};

// What the batch has seen of one top-level element.
struct Seen {
  table::Values bytes;              // of the element, each with what its meaning depends on
  std::vector<Distinct> distincts;  // by index in `bytes`

  Seen() { bytes.SetType(table::Type::kBytes); }
  void Clear() {
    bytes.Clear();
    distincts.clear();
  }
};

// The leaves of a person name's column.
struct PersonNameNodes {
  std::array<table::Node*, 3> groups{};
  std::array<std::array<table::Node*, 5>, 3> components{};
};

// OtherElements of one level, or the column of a repeating group: a REPEATED RECORD of two fields.
struct PairNodes {
  table::Node* record = nullptr;
  table::Node* first = nullptr;   // Tag, or Id
  table::Node* second = nullptr;  // Data, or Value
};

struct Plan {
  uint64_t key = 0;
  uint32_t tag = 0;
  Rule rule;
  table::Column* column = nullptr;  // of a top-level element with a column that is not gathered
  table::Node* node = nullptr;      // where the value goes; null for kOther and kDropped
  PairNodes group;                  // of a repeating group
  PersonNameNodes person;           // of kPersonName
  std::unique_ptr<Level> items;     // of kSequence
  std::unique_ptr<Plan> typed;      // of a private element in profile lossless: its column beside OtherElements
  std::unique_ptr<Seen> seen;       // of a top-level element
  uint32_t last_outcome = 0;        // index for ElementDecoder::outcome() of the last value that only had counts
  bool written_as_unknown() const { return static_cast<dicom::Vr>(key >> 24 & 0xFF) == dicom::Vr::kUN; }
  Plan* next = nullptr;  // the plan that followed last time: nearly always the one that follows again
};

// One data set's place in the schema: the top, or the items of a sequence.
struct Level {
  table::Node* record = nullptr;  // null at the top
  int depth = 0;                  // RECORDs above what is placed here
  bool dropping = false;          // inside a sequence that has no column: everything is counted, nothing placed
  PairNodes other;
  std::unordered_map<uint64_t, std::unique_ptr<Plan>> plans;
  Plan* first = nullptr;
};

// Who owns the private blocks of a data set (PS3.5 §7.8.1).
class PrivateBlocks {
 public:
  void Clear() { blocks_.clear(); }
  // A private creator element with its text.
  void Add(uint32_t tag, uint32_t creator) { blocks_.push_back({(tag & 0xFFFF0000) | (tag & 0xFF) << 8, creator}); }
  // The creator of the block that the tag lies in; 0 when nobody claimed it.
  uint32_t Find(uint32_t tag) const {
    for (size_t i = blocks_.size(); i-- > 0;) {
      if (blocks_[i].first == (tag & 0xFFFFFF00)) return blocks_[i].second;
    }
    return 0;
  }
  // Whether the creator has claimed a block of the tag's group with a lower number too.
  bool OwnsBlockBefore(uint32_t tag, uint32_t creator) const {
    return std::any_of(blocks_.begin(), blocks_.end(), [&](const auto& block) {
      return block.second == creator && block.first >> 16 == tag >> 16 && block.first < (tag & 0xFFFFFF00);
    });
  }

 private:
  std::vector<std::pair<uint32_t, uint32_t>> blocks_;
};

}  // namespace dicomhouse::mapping
