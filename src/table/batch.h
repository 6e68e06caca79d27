// Columns of runs: rows in memory as they come, before they become a Parquet part.
//
// Neighbouring rows say nearly the same. So a column holds each *distinct* value once and, for the rows, runs of
// (value, count): a row that repeats the row before costs nothing at all. What is nested hangs from the distinct value,
// not from the row. Parquet's own encoding (dictionary + run lengths) is the same idea, so writing needs no unrolling.
//
// A Node is one field of the schema and what has been put into it:
//   - its *occurrences*: in which items of its parent it is present (`at`, increasing; for a top-level field the "items" of the
//     parent are the distinct values, numbered from 0);
//   - a repeated node has for each occurrence a range of *slots* (`start`), any other one slot for each;
//   - the slots of a RECORD are its items, those of a leaf hold indices into `values`.
// A node that is absent everywhere costs nothing, so a row costs what it contains, not what the schema holds.
//
// Not thread-safe: each worker has a Batch of its own. Clear() keeps the schema and the memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "table/schema.h"

namespace dicomhouse::table {

// No value in this row.
inline constexpr uint32_t kAbsent = ~uint32_t{0};

// The values of one leaf, each found again while that pays: when nearly all are different (UIDs), looking them up stops.
class Values {
 public:
  void SetType(Type type) { type_ = type; }
  Type type() const { return type_; }
  bool is_text() const { return type_ == Type::kString || type_ == Type::kBytes; }

  // The index of the value. Requires: is_text(), less than 4 GiB in all.
  uint32_t AddText(std::string_view text);
  // The same for a text that means something else in each context: kept with the context's eight bytes in front. Requires: all
  // values are added so.
  uint32_t AddText(std::string_view text, uint64_t context);
  // INTEGER; DATE in days; TIME, TIMESTAMP in microseconds; FLOAT as the bits of the double. Requires: !is_text().
  uint32_t AddNumber(int64_t number);

  // For values of a small set (names of tags): looking up never stops, though the first hundreds may all be different.
  void AlwaysLookUp() { always_looking_up_ = true; }
  // False: so many different values came that looking them up has stopped until Clear().
  bool looking_up() const { return looking_up_; }

  uint32_t size() const { return is_text() ? static_cast<uint32_t>(ends_.size()) : static_cast<uint32_t>(numbers_.size()); }
  std::string_view text(uint32_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends_[i - 1];
    return {arena_.data() + begin, ends_[i] - begin};
  }
  int64_t number(uint32_t i) const { return numbers_[i]; }
  size_t memory_bytes() const { return arena_.size() + ends_.size() * 4 + numbers_.size() * 8 + index_.size() * sizeof(Entry); }
  void Clear();

 private:
  // A value's number + 1, 0 where there is none; and the lower half of its hash, which tells most values apart without a look.
  struct Entry {
    uint32_t value = 0;
    uint32_t hash = 0;
  };

  // The place in index_ for the value: where it is, or where it would go.
  template <typename Equal>
  uint32_t Find(uint32_t hash, const Equal& equal);
  template <typename Equal, typename Append>
  uint32_t Add(uint64_t hash, const Equal& equal, const Append& append);
  void Grow();

  Type type_ = Type::kString;
  bool looking_up_ = true;
  bool always_looking_up_ = false;
  uint32_t found_ = 0;
  uint32_t entries_ = 0;  // in index_
  std::string arena_;
  std::vector<uint32_t> ends_;
  std::vector<int64_t> numbers_;
  std::vector<Entry> index_;  // open addressing
};

class Node {
 public:
  // `order`: siblings stand in the schema by it, then by name.
  Node(std::string name, Type type, Mode mode, uint64_t order);

  // The child of this name, or null.
  const Node* FindChild(std::string_view name) const;
  // The child of this name; made when there is none. Requires: type() == kRecord; the same type and mode each time.
  Node& Child(std::string_view name, Type type, Mode mode, uint64_t order);

  const std::string& name() const { return name_; }
  Type type() const { return type_; }
  bool repeated() const { return mode_ == Mode::kRepeated; }
  uint64_t order() const { return order_; }
  const std::vector<std::unique_ptr<Node>>& children() const { return children_; }

  // Makes the node present in `parent_item`. Requires: larger than all before.
  void Begin(uint32_t parent_item) {
    at.push_back(parent_item);
    if (repeated()) start.push_back(slots);
  }
  // Present in `parent_item`, now or already (if it was the last one).
  void BeginOrContinue(uint32_t parent_item) {
    if (at.empty() || at.back() != parent_item) Begin(parent_item);
  }
  // A new item of a RECORD, in the last occurrence. Requires: repeated(), or the first since Begin.
  uint32_t AddItem() { return slots++; }
  // A value of a leaf, in the last occurrence; an index into `values`, or kAbsent for NULL.
  void AddValue(uint32_t index) {
    value.push_back(index);
    ++slots;
  }
  bool used() const { return !at.empty(); }
  size_t memory_bytes() const;
  void Clear();

  std::vector<uint32_t> at;
  std::vector<uint32_t> start;
  std::vector<uint32_t> value;
  uint32_t slots = 0;
  Values values;

 private:
  std::string name_;
  Type type_;
  Mode mode_;
  uint64_t order_;
  std::vector<std::unique_ptr<Node>> children_;
  std::unordered_map<std::string_view, Node*> by_name_;  // views into the children's names
};

// A top-level field: its distinct values and the runs of rows.
class Column {
 public:
  struct Run {
    uint32_t key;  // a distinct value, or kAbsent
    uint32_t count;
  };

  Column(std::string name, Type type, Mode mode, uint64_t order, bool gathered)
      : node(std::move(name), type, mode, order), gathered_(gathered) {}

  // Begins a distinct value of its own and returns its number. The caller then fills node and what is below.
  uint32_t NewKey() {
    const uint32_t key = keys_++;
    node.Begin(key);
    return key;
  }

  // A gathered column (OtherElements) takes its items from several elements of a row. Its items are added to `node` under one
  // occurrence; a distinct value is a list of them.
  // A plain column's distinct value for a text: the same text gets the same number while looking it up pays.
  // Requires: this is a NULLABLE leaf of text and all its values are added so.
  uint32_t KeyOfText(std::string_view text) {
    const uint32_t index = node.values.AddText(text);
    if (index == keys_) {
      NewKey();
      node.AddValue(index);
    }
    return index;
  }
  uint32_t KeyOfNumber(int64_t number) {
    const uint32_t index = node.values.AddNumber(number);
    if (index == keys_) {
      NewKey();
      node.AddValue(index);
    }
    return index;
  }

  bool gathered() const { return gathered_; }
  uint32_t NewItem() {
    node.BeginOrContinue(0);
    return node.AddItem();
  }
  uint32_t NewKeyOf(std::span<const uint32_t> items);
  std::span<const uint32_t> ItemsOf(uint32_t key) const {
    const uint32_t begin = key == 0 ? 0 : list_ends_[key - 1];
    return {lists_.data() + begin, list_ends_[key] - begin};
  }

  // From row `row` on, rows have `key`, until the next Set. Rows never go back; the same row may be set again.
  void Set(uint32_t row, uint32_t key) {
    if (key == open_key_) return;
    if (row > open_row_) runs_.push_back({open_key_, row - open_row_});
    open_key_ = key;
    open_row_ = row;
  }
  // Ends the last run at `rows` rows.
  void Close(uint32_t rows) {
    if (rows > open_row_) runs_.push_back({open_key_, rows - open_row_});
    open_row_ = rows;
  }
  const std::vector<Run>& runs() const { return runs_; }
  uint32_t keys() const { return keys_; }
  size_t memory_bytes() const {
    return node.memory_bytes() + runs_.size() * sizeof(Run) + lists_.size() * 4 + list_ends_.size() * 4;
  }
  void Clear();

  Node node;

 private:
  bool gathered_;
  uint32_t keys_ = 0;
  uint32_t open_key_ = kAbsent;
  uint32_t open_row_ = 0;
  std::vector<Run> runs_;
  std::vector<uint32_t> lists_;
  std::vector<uint32_t> list_ends_;
};

class Batch {
 public:
  // The column of this name; made when there is none. The reference stays valid.
  Column& AddColumn(std::string_view name, Type type, Mode mode, uint64_t order, bool gathered = false);

  uint32_t rows() const { return rows_; }
  // The row that is being filled counts from now on. Not called: it is as if the row had never been.
  void CommitRow() { ++rows_; }
  const std::vector<std::unique_ptr<Column>>& columns() const { return columns_; }
  // The column of this name, or null.
  const Column* FindColumn(std::string_view name) const;
  // Of the whole tree: walks it.
  size_t memory_bytes() const;
  // Ends all runs; the batch is then ready to be written.
  void Close();
  // Empties all but the schema.
  void Clear();

  // All fields ever seen, in their order; fields that have no leaf below them are left out. `only_used`: just those with a value
  // now.
  Schema SchemaOf(bool only_used) const;

 private:
  uint32_t rows_ = 0;
  std::vector<std::unique_ptr<Column>> columns_;
  std::unordered_map<std::string_view, Column*> by_name_;  // views into the columns' names
};

// The union of the schemas of several batches whose fields agree in type and mode by name (mapping sees to that): the same for
// any order of adding.
class SchemaUnion {
 public:
  SchemaUnion();
  ~SchemaUnion();
  void Add(const Batch& batch);
  Schema Get() const;

 private:
  struct Entry;
  using Entries = std::map<std::string, std::unique_ptr<Entry>>;
  static void AddNodes(const std::vector<const Node*>& nodes, Entries& entries);
  static std::vector<Field> FieldsOf(const Entries& entries);

  Entries entries_;
};

}  // namespace dicomhouse::table
