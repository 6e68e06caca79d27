// A Batch as a list of rows, unrolled the slow and obvious way. For tests.
//
// A row is a JSON object with the columns that are there, by name: a NULL column is left out, a list without elements is [],
// an element without value is null. Numbers of all types are integers, but FLOAT: its text as %a prints it, so that NaN equals
// itself. Breaking a rule of table/batch.h throws.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.h"
#include "table/batch.h"

namespace dicomhouse::table {

inline std::string FloatText(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

namespace unrolling {

// Throws with the name of what breaks a rule. Nothing is put together while all is well.
inline void Require(bool holds, const Node& node, const char* what) {
  if (!holds) throw std::logic_error(node.name() + ": " + what);
}

inline base::Json OfOccurrence(const Node& node, size_t occurrence);

inline base::Json OfLeaf(const Node& leaf, uint32_t slot) {
  const uint32_t index = leaf.value.at(slot);
  if (index == kAbsent) return {};
  Require(index < leaf.values.size(), leaf, "an index without a value");
  if (leaf.values.is_text()) return std::string(leaf.values.text(index));
  const int64_t number = leaf.values.number(index);
  return leaf.type() == Type::kFloat ? base::Json(FloatText(std::bit_cast<double>(number))) : base::Json(number);
}

// The slot of a node: a leaf's value, or an item of a RECORD.
inline base::Json OfSlot(const Node& node, uint32_t slot) {  // NOLINT(misc-no-recursion)
  Require(slot < node.slots, node, "no such slot");
  if (node.type() != Type::kRecord) return OfLeaf(node, slot);
  std::vector<const Node*> children;
  for (const auto& child : node.children()) children.push_back(child.get());
  std::sort(children.begin(), children.end(), [](const Node* a, const Node* b) { return a->name() < b->name(); });
  base::Json record = base::Json::MakeObject();
  for (const Node* child : children) {
    const auto found = std::lower_bound(child->at.begin(), child->at.end(), slot);
    if (found == child->at.end() || *found != slot) continue;
    record.Set(child->name(), OfOccurrence(*child, static_cast<size_t>(found - child->at.begin())));
  }
  return record;
}

inline base::Json OfOccurrence(const Node& node, size_t occurrence) {  // NOLINT(misc-no-recursion)
  if (!node.repeated()) return OfSlot(node, static_cast<uint32_t>(occurrence));
  base::Json list = base::Json::MakeArray();
  const uint32_t begin = node.start.at(occurrence);
  const uint32_t end = occurrence + 1 < node.start.size() ? node.start[occurrence + 1] : node.slots;
  for (uint32_t slot = begin; slot < end; ++slot) list.Append(OfSlot(node, slot));
  return list;
}

// What batch.h promises of a node.
inline void Check(const Node& node) {  // NOLINT(misc-no-recursion)
  Require(std::adjacent_find(node.at.begin(), node.at.end(), std::greater_equal<>()) == node.at.end(), node,
          "occurrences do not increase");
  if (node.repeated()) {
    Require(node.start.size() == node.at.size(), node, "not one range for each occurrence");
    Require(std::is_sorted(node.start.begin(), node.start.end()) && (node.start.empty() || node.start.back() <= node.slots), node,
            "ranges");
  } else {
    Require(node.slots == node.at.size(), node, "not one slot for each occurrence");
  }
  Require(node.type() == Type::kRecord || node.value.size() == node.slots, node, "not one value for each slot");
  for (const auto& child : node.children()) {
    Require(child->at.empty() || child->at.back() < node.slots, *child, "present in an item that is not there");
    Check(*child);
  }
}

}  // namespace unrolling

// Requires: batch.Close() was called.
inline std::vector<base::Json> Unroll(const Batch& batch) {
  std::vector<const Column*> columns;
  for (const auto& column : batch.columns()) columns.push_back(column.get());
  std::sort(columns.begin(), columns.end(), [](const Column* a, const Column* b) { return a->node.name() < b->node.name(); });
  std::vector<base::Json> rows(batch.rows(), base::Json::MakeObject());
  for (const Column* column : columns) {
    const Node& node = column->node;
    unrolling::Check(node);
    size_t row = 0;
    for (const Column::Run& run : column->runs()) {
      unrolling::Require(run.count <= rows.size() - row, node, "more rows than the batch has");
      if (run.key != kAbsent) {
        unrolling::Require(run.key < column->keys(), node, "no such distinct value");
        base::Json value;
        if (column->gathered()) {
          value = base::Json::MakeArray();
          for (const uint32_t item : column->ItemsOf(run.key)) value.Append(unrolling::OfSlot(node, item));
        } else {
          unrolling::Require(node.at.at(run.key) == run.key, node, "a distinct value that is not at its number");
          value = unrolling::OfOccurrence(node, run.key);
        }
        for (uint32_t i = 0; i < run.count; ++i) {
          if (!value.is_null()) rows[row + i].Set(node.name(), value);
        }
      }
      row += run.count;
    }
    unrolling::Require(row == rows.size() || column->runs().empty(), node, "fewer rows than the batch has");
  }
  return rows;
}

}  // namespace dicomhouse::table
