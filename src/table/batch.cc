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
// Places of an index at first: many columns have one value.
constexpr size_t kFirstEntries = 8;

__extension__ using Uint128 = unsigned __int128;

// Every bit of both factors reaches every bit of the result.
uint64_t Mix(uint64_t a, uint64_t b) {
  const Uint128 product = Uint128{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr uint64_t kSeed = 0x9e3779b97f4a7c15;
constexpr uint64_t kOther = 0xd6e8feb86659fd93;

uint64_t Load(const char* p, size_t size) {
  uint64_t word = 0;
  std::memcpy(&word, p, size);
  return word;
}

uint64_t HashIn(std::string_view bytes, uint64_t context) {
  const char* p = bytes.data();
  size_t left = bytes.size();
  uint64_t hash = context ^ kSeed;
  for (; left > 16; left -= 16, p += 16) hash = Mix(Load(p, 8) ^ kOther, Load(p + 8, 8) ^ hash);
  // The last 1 to 16 bytes: two loads that may overlap.
  uint64_t first = 0;
  uint64_t second = 0;
  if (left >= 8) {
    first = Load(p, 8);
    second = Load(p + left - 8, 8);
  } else if (left >= 4) {
    first = Load(p, 4);
    second = Load(p + left - 4, 4);
  } else if (left > 0) {
    first = Load(p, 1) | Load(p + left / 2, 1) << 8 | Load(p + left - 1, 1) << 16;
  }
  hash = Mix(first ^ kOther, second ^ hash);
  return Mix(hash ^ bytes.size(), kSeed);
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

uint64_t HashBytes(std::string_view bytes) { return HashIn(bytes, 0); }

template <typename Equal>
uint32_t Values::Find(uint32_t hash, const Equal& equal) {
  if (index_.empty()) index_.resize(kFirstEntries);
  const auto mask = static_cast<uint32_t>(index_.size() - 1);
  uint32_t place = hash & mask;
  while (index_[place].value != 0 && (index_[place].hash != hash || !equal(index_[place].value - 1))) place = (place + 1) & mask;
  return place;
}

template <typename Equal, typename Append>
uint32_t Values::Add(uint64_t hash, const Equal& equal, const Append& append) {
  if (!looking_up_) {
    append();
    return size() - 1;
  }
  const auto half = static_cast<uint32_t>(hash);
  const uint32_t place = Find(half, equal);
  if (index_[place].value != 0) {
    ++found_;
    return index_[place].value - 1;
  }
  append();
  index_[place] = {size(), half};
  if (++entries_ * 2 > index_.size()) Grow();
  if (size() % kTrial == 0) looking_up_ = always_looking_up_ || found_ * kWorthwhile >= size();
  return size() - 1;
}

void Values::Grow() {
  std::vector<Entry> old(index_.size() * 2);
  old.swap(index_);
  const auto mask = static_cast<uint32_t>(index_.size() - 1);
  for (const Entry& entry : old) {
    if (entry.value == 0) continue;
    uint32_t place = entry.hash & mask;
    while (index_[place].value != 0) place = (place + 1) & mask;
    index_[place] = entry;
  }
}

uint32_t Values::AddText(std::string_view text_in) {
  assert(is_text());
  return Add(
      looking_up_ ? HashBytes(text_in) : 0, [&](uint32_t i) { return text(i) == text_in; },
      [&] {
        arena_.append(text_in);
        ends_.push_back(static_cast<uint32_t>(arena_.size()));
      });
}

uint32_t Values::AddText(std::string_view text_in, uint64_t context) {
  assert(is_text());
  const std::string_view front(reinterpret_cast<const char*>(&context), sizeof context);
  return Add(
      looking_up_ ? HashIn(text_in, context) : 0,
      [&](uint32_t i) {
        const std::string_view whole = text(i);
        return whole.size() == text_in.size() + sizeof context && whole.ends_with(text_in) && whole.starts_with(front);
      },
      [&] {
        arena_.append(front).append(text_in);
        ends_.push_back(static_cast<uint32_t>(arena_.size()));
      });
}

uint32_t Values::AddNumber(int64_t number_in) {
  assert(!is_text());
  return Add(
      Mix(static_cast<uint64_t>(number_in) ^ kOther, kSeed), [&](uint32_t i) { return numbers_[i] == number_in; },
      [&] { numbers_.push_back(number_in); });
}

void Values::Clear() {
  looking_up_ = true;
  found_ = entries_ = 0;
  arena_.clear();
  ends_.clear();
  numbers_.clear();
  // A large index would cost its clearing each time, and memory that a following part may not need.
  if (index_.size() > 4096) index_ = {};
  std::fill(index_.begin(), index_.end(), Entry{});
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
