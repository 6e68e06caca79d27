#include "table/batch.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "table/hash.h"

namespace dicomhouse::table {
namespace {

// Looking values up stops when, of the last kTrial new and old ones, fewer than one in kWorthwhile was found.
constexpr uint32_t kTrial = 256;
constexpr uint32_t kWorthwhile = 8;

uint64_t Mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93;
  x ^= x >> 32;
  return x;
}

// Schemas are bounded in depth by base::kMaxSequenceDepth's smaller brother kMaxColumnDepth, so walks over them recurse.
bool HasLeaf(const Node& node) {  // NOLINT(misc-no-recursion)
  if (node.type() != Type::kRecord) return true;
  return std::any_of(node.children().begin(), node.children().end(), [](const auto& child) { return HasLeaf(*child); });
}

bool Before(const Node* a, const Node* b) { return a->order() != b->order() ? a->order() < b->order() : a->name() < b->name(); }

std::vector<const Node*> ChildrenOf(const Node& node) {
  std::vector<const Node*> children;
  for (const auto& child : node.children()) children.push_back(child.get());
  return children;
}

std::vector<Field> FieldsOf(std::vector<const Node*> nodes, bool only_used) {  // NOLINT(misc-no-recursion)
  std::sort(nodes.begin(), nodes.end(), Before);
  std::vector<Field> fields;
  for (const Node* node : nodes) {
    if (!HasLeaf(*node) || (only_used && !node->used())) continue;
    Field field;
    field.name = node->name();
    field.type = node->type();
    field.mode = node->repeated() ? Mode::kRepeated : Mode::kNullable;
    if (node->type() == Type::kRecord) {
      field.fields = FieldsOf(ChildrenOf(*node), only_used);
      // Items without any value: one field, NULL in all, tells how many there are.
      if (field.fields.empty()) {
        field.fields = FieldsOf(ChildrenOf(*node), false);
        field.fields.resize(1);
      }
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace

uint64_t HashBytes(std::string_view bytes) {
  uint64_t hash = bytes.size() * 0x9e3779b97f4a7c15;
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t word = 0;
    std::memcpy(&word, p, 8);
    hash = Mix(hash ^ word);
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, p, left);
    hash = Mix(hash ^ word ^ uint64_t{left} << 56);
  }
  return hash;
}

uint64_t Values::HashOf(uint32_t i) const { return is_text() ? HashBytes(text(i)) : Mix(static_cast<uint64_t>(numbers_[i])); }

template <typename Equal>
uint32_t Values::Find(uint64_t hash, const Equal& equal) {
  if (index_.empty()) index_.resize(64);
  const auto mask = static_cast<uint32_t>(index_.size() - 1);
  auto place = static_cast<uint32_t>(hash) & mask;
  while (index_[place] != 0 && !equal(index_[place] - 1)) place = (place + 1) & mask;
  return place;
}

void Values::Remember(uint32_t place, uint32_t value) {
  index_[place] = value + 1;
  if (++entries_ * 2 > index_.size()) Grow();
  if (size() % kTrial == 0 && size() > 0) {
    looking_up_ = always_looking_up_ || found_ * kWorthwhile >= size();
  }
}

void Values::Grow() {
  std::vector<uint32_t> old(index_.size() * 2);
  old.swap(index_);
  const auto mask = static_cast<uint32_t>(index_.size() - 1);
  for (const uint32_t entry : old) {
    if (entry == 0) continue;
    auto place = static_cast<uint32_t>(HashOf(entry - 1)) & mask;
    while (index_[place] != 0) place = (place + 1) & mask;
    index_[place] = entry;
  }
}

uint32_t Values::AddText(std::string_view text_in) {
  assert(is_text());
  uint32_t place = 0;
  if (looking_up_) {
    place = Find(HashBytes(text_in), [&](uint32_t i) { return text(i) == text_in; });
    if (index_[place] != 0) {
      ++found_;
      return index_[place] - 1;
    }
  }
  arena_.append(text_in);
  ends_.push_back(static_cast<uint32_t>(arena_.size()));
  if (looking_up_) Remember(place, size() - 1);
  return size() - 1;
}

uint32_t Values::AddNumber(int64_t number_in) {
  assert(!is_text());
  uint32_t place = 0;
  if (looking_up_) {
    place = Find(Mix(static_cast<uint64_t>(number_in)), [&](uint32_t i) { return numbers_[i] == number_in; });
    if (index_[place] != 0) {
      ++found_;
      return index_[place] - 1;
    }
  }
  numbers_.push_back(number_in);
  if (looking_up_) Remember(place, size() - 1);
  return size() - 1;
}

void Values::Clear() {
  looking_up_ = true;
  found_ = entries_ = 0;
  arena_.clear();
  ends_.clear();
  numbers_.clear();
  // A large index would cost its clearing each time, and memory that a following part may not need.
  if (index_.size() > 4096) index_ = {};
  std::fill(index_.begin(), index_.end(), 0U);
}

Node::Node(std::string name, Type type, Mode mode, uint64_t order)
    : name_(std::move(name)), type_(type), mode_(mode), order_(order) {
  values.SetType(type);
}

const Node* Node::FindChild(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Node& Node::Child(std::string_view name, Type type, Mode mode, uint64_t order) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    assert(found->second->type_ == type && found->second->mode_ == mode);
    return *found->second;
  }
  children_.push_back(std::make_unique<Node>(std::string(name), type, mode, order));
  Node& child = *children_.back();
  by_name_.emplace(child.name_, &child);
  return child;
}

size_t Node::memory_bytes() const {  // NOLINT(misc-no-recursion)
  size_t bytes = (at.size() + start.size() + value.size()) * 4 + values.memory_bytes();
  for (const auto& child : children_) bytes += child->memory_bytes();
  return bytes;
}

void Node::Clear() {  // NOLINT(misc-no-recursion)
  at.clear();
  start.clear();
  value.clear();
  slots = 0;
  values.Clear();
  for (const auto& child : children_) child->Clear();
}

uint32_t Column::NewKeyOf(std::span<const uint32_t> items) {
  lists_.insert(lists_.end(), items.begin(), items.end());
  list_ends_.push_back(static_cast<uint32_t>(lists_.size()));
  return keys_++;
}

void Column::Clear() {
  keys_ = 0;
  open_key_ = kAbsent;
  open_row_ = 0;
  runs_.clear();
  lists_.clear();
  list_ends_.clear();
  node.Clear();
}

const Column* Batch::FindColumn(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Column& Batch::AddColumn(std::string_view name, Type type, Mode mode, uint64_t order, bool gathered) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) return *found->second;
  columns_.push_back(std::make_unique<Column>(std::string(name), type, mode, order, gathered));
  Column& column = *columns_.back();
  by_name_.emplace(column.node.name(), &column);
  return column;
}

size_t Batch::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& column : columns_) bytes += column->memory_bytes();
  return bytes;
}

void Batch::Close() {
  for (const auto& column : columns_) column->Close(rows_);
}

void Batch::Clear() {
  rows_ = 0;
  for (const auto& column : columns_) column->Clear();
}

Schema Batch::SchemaOf(bool only_used) const {
  std::vector<const Node*> nodes;
  for (const auto& column : columns_) nodes.push_back(&column->node);
  return {FieldsOf(std::move(nodes), only_used)};
}

struct SchemaUnion::Entry {
  Field field;  // without fields
  uint64_t order = 0;
  Entries children;
};

SchemaUnion::SchemaUnion() = default;
SchemaUnion::~SchemaUnion() = default;

void SchemaUnion::Add(const Batch& batch) {
  std::vector<const Node*> nodes;
  for (const auto& column : batch.columns()) nodes.push_back(&column->node);
  AddNodes(nodes, entries_);
}

void SchemaUnion::AddNodes(const std::vector<const Node*>& nodes, Entries& entries) {  // NOLINT(misc-no-recursion)
  for (const Node* node : nodes) {
    if (!HasLeaf(*node)) continue;
    auto& entry = entries[node->name()];
    if (entry == nullptr) {
      entry = std::make_unique<Entry>();
      entry->field.name = node->name();
      entry->field.type = node->type();
      entry->field.mode = node->repeated() ? Mode::kRepeated : Mode::kNullable;
      entry->order = node->order();
    }
    std::vector<const Node*> children;
    for (const auto& child : node->children()) children.push_back(child.get());
    AddNodes(children, entry->children);
  }
}

std::vector<Field> SchemaUnion::FieldsOf(const Entries& entries) {  // NOLINT(misc-no-recursion)
  std::vector<const Entry*> sorted;
  for (const auto& [name, entry] : entries) sorted.push_back(entry.get());
  std::sort(sorted.begin(), sorted.end(), [](const Entry* a, const Entry* b) {
    return a->order != b->order ? a->order < b->order : a->field.name < b->field.name;
  });
  std::vector<Field> fields;
  for (const Entry* entry : sorted) {
    Field field = entry->field;
    field.fields = FieldsOf(entry->children);
    fields.push_back(std::move(field));
  }
  return fields;
}

Schema SchemaUnion::Get() const { return {FieldsOf(entries_)}; }

}  // namespace dicomhouse::table
