// Random tables: a schema, rows as table::Unroll writes them, and a Batch filled with them one by one. For tests.
#pragma once

#include <bit>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "table/batch.h"
#include "tests/table/unroll.h"

namespace dicomhouse::table {

// Puts `value` into the node, under an item of its parent.
inline void FillOccurrence(Node& node, const std::vector<Field>& fields, const base::Json& value);

inline void FillSlot(Node& node, const std::vector<Field>& fields, const base::Json& value) {  // NOLINT(misc-no-recursion)
  if (node.type() != Type::kRecord) {
    if (value.is_null()) return node.AddValue(kAbsent);
    if (node.values.is_text()) return node.AddValue(node.values.AddText(value.as_string()));
    if (!value.is_string()) return node.AddValue(node.values.AddNumber(value.as_int()));
    return node.AddValue(node.values.AddNumber(std::bit_cast<int64_t>(std::strtod(value.as_string().c_str(), nullptr))));
  }
  const uint32_t item = node.AddItem();
  for (size_t i = 0; i < fields.size(); ++i) {
    Node& child = node.Child(fields[i].name, fields[i].type, fields[i].mode, i);
    const base::Json* inner = value.find(fields[i].name);
    if (inner == nullptr) continue;
    child.Begin(item);
    FillOccurrence(child, fields[i].fields, *inner);
  }
}

inline void FillOccurrence(Node& node, const std::vector<Field>& fields, const base::Json& value) {  // NOLINT(misc-no-recursion)
  if (!node.repeated()) return FillSlot(node, fields, value);
  for (const base::Json& element : value.array()) FillSlot(node, fields, element);
}

// Fills an empty batch. A value that stood in an earlier row is the same distinct value.
class BatchFiller {
 public:
  BatchFiller(Batch& batch, const Schema& schema) : batch_(&batch), schema_(&schema) {
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      const Field& field = schema.fields[i];
      columns_.push_back({&batch.AddColumn(field.name, field.type, field.mode, i, IsGathered(field)), {}, {}});
    }
  }
  // Repeated records whose name says so are gathered from items.
  static bool IsGathered(const Field& field) { return field.name.starts_with("gathered"); }

  void Add(const base::Json& row) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Field& field = schema_->fields[i];
      const base::Json* value = row.find(field.name);
      columns_[i].column->Set(batch_->rows(), value == nullptr ? kAbsent : KeyOf(columns_[i], field, *value));
    }
    batch_->CommitRow();
  }

 private:
  struct State {
    Column* column;
    std::map<std::string, uint32_t> keys;
    std::map<std::string, uint32_t> items;
  };

  uint32_t KeyOf(State& state, const Field& field, const base::Json& value) {
    const auto [found, added] = state.keys.try_emplace(value.Print(), 0);
    if (!added) return found->second;
    if (!state.column->gathered()) {
      found->second = state.column->NewKey();
      FillOccurrence(state.column->node, field.fields, value);
      return found->second;
    }
    std::vector<uint32_t> items;
    for (const base::Json& item : value.array()) {
      const auto [known, is_new] = state.items.try_emplace(item.Print(), state.column->node.slots);
      if (is_new) {
        state.column->node.BeginOrContinue(0);
        FillSlot(state.column->node, field.fields, item);
      }
      items.push_back(known->second);
    }
    return found->second = state.column->NewKeyOf(items);
  }

  Batch* batch_;
  const Schema* schema_;
  std::vector<State> columns_;
};

// A random schema and random rows of it; rows often repeat the row before.
class RandomTable {
 public:
  explicit RandomTable(uint64_t seed) : random_(seed) {
    for (size_t i = 0, n = 1 + Below(8); i < n; ++i) schema_.fields.push_back(MakeField("c" + std::to_string(i), 0));
    if (Chance(50)) {
      Field field = MakeField("gathered", 0);
      field.type = Type::kRecord;
      field.mode = Mode::kRepeated;
      field.fields = {MakeField("a", 2), MakeField("b", 1)};
      schema_.fields.push_back(field);
    }
    Number(schema_.fields);
    distinct_percent_ = Below(101);
  }

  const Schema& schema() const { return schema_; }
  base::Json NextRow() {
    for (const Field& field : schema_.fields) {
      if (!Chance(distinct_percent_)) continue;
      row_.Remove(field.name);
      if (Chance(80)) row_.Set(field.name, ValueOf(field));
    }
    return SortedByName(row_);
  }
  size_t Below(size_t limit) { return static_cast<size_t>(random_() % limit); }
  bool Chance(size_t percent) { return Below(100) < percent; }

 private:
  Field MakeField(const std::string& name, int depth) {  // NOLINT(misc-no-recursion)
    static constexpr Type kTypes[] = {Type::kString, Type::kInteger,   Type::kFloat, Type::kDate,
                                      Type::kTime,   Type::kTimestamp, Type::kBytes};
    Field field;
    field.name = name;
    field.mode = Chance(40) ? Mode::kRepeated : Mode::kNullable;
    field.type = depth < 4 && Chance(35) ? Type::kRecord : kTypes[Below(7)];
    if (field.type == Type::kRecord) {
      for (size_t i = 0, n = 1 + Below(3); i < n; ++i) field.fields.push_back(MakeField("f" + std::to_string(i), depth + 1));
    }
    return field;
  }
  void Number(std::vector<Field>& fields) {  // NOLINT(misc-no-recursion)
    for (Field& field : fields) {
      field.id = ++last_id_;
      if (field.mode == Mode::kRepeated) field.element_id = ++last_id_;
      Number(field.fields);
    }
  }
  base::Json ValueOf(const Field& field) {  // NOLINT(misc-no-recursion)
    if (field.mode == Mode::kNullable) return SlotOf(field);
    base::Json list = base::Json::MakeArray();
    for (size_t i = 0, n = Below(4); i < n; ++i) {
      list.Append(field.type != Type::kRecord && Chance(15) ? base::Json() : SlotOf(field));
    }
    return list;
  }
  base::Json SlotOf(const Field& field) {  // NOLINT(misc-no-recursion)
    const auto number = static_cast<int64_t>(Chance(60) ? Below(3) : random_());
    switch (field.type) {
      case Type::kRecord: {
        base::Json record = base::Json::MakeObject();
        for (const Field& child : field.fields) {
          if (Chance(70)) record.Set(child.name, ValueOf(child));
        }
        return record;
      }
      case Type::kString:
      case Type::kBytes:
        return Chance(20) ? std::string() : Chance(70) ? "text " + std::to_string(Below(5)) : std::string(Below(100), 'z') + "ü";
      case Type::kFloat:
        return FloatText(Chance(50) ? static_cast<double>(Below(5)) - 2 : static_cast<double>(number) / 1024);
      case Type::kDate:
        return number % 2'000'000;
      case Type::kTime:
        return static_cast<int64_t>(static_cast<uint64_t>(number) % 86'400'000'000);
      case Type::kTimestamp:
        return number % 100'000'000'000'000'000;
      default:
        return number;
    }
  }
  static base::Json SortedByName(base::Json row) {
    std::sort(row.object().begin(), row.object().end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return row;
  }

  std::mt19937_64 random_;
  Schema schema_;
  int32_t last_id_ = 0;
  size_t distinct_percent_ = 50;
  base::Json row_ = base::Json::MakeObject();
};

}  // namespace dicomhouse::table
