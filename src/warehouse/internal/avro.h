// Avro object container files: what Iceberg's manifests and manifest lists are (Iceberg spec, "Manifests"; Avro 1.11 spec,
// "Object Container Files"). The schema in the file drives reading; fields are known by Iceberg's `field-id`, never by name.
//
// Not a general Avro library: no maps with text keys, no enums, no unions but "optional", no recursive types. Iceberg
// writes none of them, and they are refused by name.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace dicomhouse::warehouse {

// One value. int and long are int64_t, float and double are double, string, bytes and fixed are std::string; a missing
// optional is std::monostate.
struct AvroValue {
  using Array = std::vector<AvroValue>;
  using Record = std::vector<std::pair<int32_t, AvroValue>>;  // by field id, in the schema's order

  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Record> value;

  AvroValue() = default;
  AvroValue(int64_t number) : value(number) {}             // NOLINT(google-explicit-constructor)
  AvroValue(std::string text) : value(std::move(text)) {}  // NOLINT(google-explicit-constructor)
  AvroValue(Array items) : value(std::move(items)) {}      // NOLINT(google-explicit-constructor)
  AvroValue(Record fields) : value(std::move(fields)) {}   // NOLINT(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  // The field of a record, or null (the value) when there is none.
  const AvroValue& operator[](int32_t field_id) const;
  AvroValue* Find(int32_t field_id);
  // The value, or `otherwise` when this is of another kind.
  int64_t as_int(int64_t otherwise = 0) const;
  const std::string& as_string() const;  // "" when not a string
  const Array& array() const;            // empty when not an array
};

// A schema as a table of nodes: no node refers to itself, directly or not.
class AvroSchema {
 public:
  enum class Kind : uint8_t { kBoolean, kInt, kLong, kFloat, kDouble, kBytes, kString, kFixed, kArray, kRecord, kOptional };
  struct Field {
    int32_t id = -1;
    size_t node = 0;
  };
  struct Node {
    Kind kind = Kind::kLong;
    size_t inner = 0;                // kArray: the item; kOptional: the value
    bool null_first = true;          // kOptional: ["null", X] or [X, "null"]
    size_t fixed_bytes = 0;          // kFixed
    std::vector<Field> fields = {};  // kRecord
    int depth = 1;
  };

  // Errors: kCorrupt, kUnsupported (naming the type), kLimit (deeper than 64).
  static base::Result<AvroSchema> Parse(std::string_view json);

  const Node& node(size_t index) const { return nodes_[index]; }
  size_t root() const { return root_; }

 private:
  friend class AvroSchemaParser;
  std::vector<Node> nodes_;
  size_t root_ = 0;
};

// What stands before the first block.
struct AvroHeader {
  std::map<std::string, std::string> metadata;  // "avro.schema", "avro.codec" and Iceberg's own keys
  AvroSchema schema;
};

// Reads a whole container file; calls `row` for each record. Fields whose ids are in `skip` are passed over unbuilt.
// `where` names the file in errors; they carry the byte offset too. Codecs: null, deflate, zstandard, snappy.
using AvroRow = std::function<base::Status(AvroValue)>;
base::Result<AvroHeader> ReadAvro(std::string_view bytes, const std::string& where, const std::set<int32_t>& skip,
                                  const AvroRow& row);

// Builds a container file in memory, codec null: some readers can't read compressed manifests (icebird 0.3.1).
class AvroWriter {
 public:
  // `metadata` with "avro.schema"; "avro.codec" is set to null.
  static base::Result<AvroWriter> Make(std::map<std::string, std::string> metadata);
  // Errors: kCorrupt when `record` does not fit the schema.
  base::Status Append(const AvroValue& record);
  // Bytes so far, the open block included.
  size_t size() const { return out_.size() + block_.size(); }
  // The file. The writer is spent.
  std::string Finish();

 private:
  AvroWriter() = default;
  void FlushBlock();

  AvroSchema schema_;
  std::string sync_;
  std::string out_;
  std::string block_;
  int64_t block_records_ = 0;
};

}  // namespace dicomhouse::warehouse
