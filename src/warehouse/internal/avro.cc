#include "warehouse/internal/avro.h"

#include <bit>
#include <cstring>
#include <optional>

#include "base/json.h"
#include "base/limits.h"
#include "warehouse/internal/codec.h"
#include "warehouse/internal/random.h"

namespace dicomhouse::warehouse {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;
using Kind = AvroSchema::Kind;

namespace {

// Levels of a schema. Iceberg's own manifests have 6.
constexpr int kMaxDepth = 64;
// Nodes of a schema: a partition of a thousand columns fits.
constexpr size_t kMaxNodes = 100000;
constexpr std::string_view kMagic("Obj\x01", 4);
constexpr size_t kSyncBytes = 16;
constexpr size_t kBlockBytes = size_t{64} << 10;

}  // namespace

// ---- values

const AvroValue& AvroValue::operator[](int32_t field_id) const {
  static const AvroValue kNull;
  if (const auto* record = std::get_if<Record>(&value)) {
    for (const auto& [id, field] : *record) {
      if (id == field_id) return field;
    }
  }
  return kNull;
}

AvroValue* AvroValue::Find(int32_t field_id) {
  return const_cast<AvroValue*>(std::as_const(*this)[field_id].is_null() ? nullptr : &std::as_const(*this)[field_id]);
}

int64_t AvroValue::as_int(int64_t otherwise) const {
  const auto* number = std::get_if<int64_t>(&value);
  return number != nullptr ? *number : otherwise;
}

const std::string& AvroValue::as_string() const {
  static const std::string kEmpty;
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? *text : kEmpty;
}

const AvroValue::Array& AvroValue::array() const {
  static const Array kEmpty;
  const auto* items = std::get_if<Array>(&value);
  return items != nullptr ? *items : kEmpty;
}

// ---- the schema

// Walks the schema's JSON. Recursion is bounded by kMaxDepth.
class AvroSchemaParser {
 public:
  Result<AvroSchema> Run(const Json& json) {
    DH_ASSIGN(schema_.root_, Type(json, 0));
    return std::move(schema_);
  }

 private:
  Result<size_t> Type(const Json& json, int level) {  // NOLINT(misc-no-recursion): bounded by kMaxDepth
    if (level > kMaxDepth || schema_.nodes_.size() > kMaxNodes)
      return Error{ErrorCode::kLimit, "Avro schema: too deep or too large"};
    if (json.is_array()) return Union(json.array(), level);
    if (json.is_string()) return Named(json.as_string());
    const Json& type = json["type"];
    if (type.is_object() || type.is_array()) return Type(type, level + 1);
    const std::string& name = type.as_string();
    if (name == "record") return Record(json, level);
    if (name == "array") return Inner(Kind::kArray, json["items"], level);
    if (name == "fixed") return Fixed(json);
    if (name == "enum" || name == "map")
      return Error{ErrorCode::kUnsupported, "Avro schema: type '" + name + "' is not supported"};
    return Named(name);
  }

  Result<size_t> Named(const std::string& name) {
    static const std::map<std::string, Kind, std::less<>> kPrimitives = {
        {"boolean", Kind::kBoolean}, {"int", Kind::kInt},     {"long", Kind::kLong},    {"float", Kind::kFloat},
        {"double", Kind::kDouble},   {"bytes", Kind::kBytes}, {"string", Kind::kString}};
    if (const auto found = kPrimitives.find(name); found != kPrimitives.end()) return Add({.kind = found->second});
    const auto found = names_.find(name);
    if (found == names_.end()) return Error{ErrorCode::kCorrupt, "Avro schema: unknown type '" + name + "'"};
    if (!found->second) return Error{ErrorCode::kUnsupported, "Avro schema: type '" + name + "' contains itself"};
    return *found->second;
  }

  Result<size_t> Union(const Json::Array& branches, int level) {  // NOLINT(misc-no-recursion): bounded by kMaxDepth
    const bool first = branches.size() == 2 && branches[0].as_string() == "null";
    const bool second = branches.size() == 2 && branches[1].as_string() == "null";
    if (first == second)
      return Error{ErrorCode::kUnsupported, "Avro schema: a union that is not [\"null\", TYPE] is not supported"};
    DH_ASSIGN(const size_t index, Inner(Kind::kOptional, branches[first ? 1 : 0], level));
    schema_.nodes_[index].null_first = first;
    return index;
  }

  Result<size_t> Inner(Kind kind, const Json& json, int level) {  // NOLINT(misc-no-recursion): bounded by kMaxDepth
    DH_ASSIGN(const size_t inner, Type(json, level + 1));
    return Add({.kind = kind, .inner = inner, .depth = schema_.nodes_[inner].depth + 1});
  }

  Result<size_t> Fixed(const Json& json) {
    const int64_t size = json["size"].as_int(-1);
    if (size < 0 || size > (1 << 20)) return Error{ErrorCode::kCorrupt, "Avro schema: a 'fixed' type of a wrong size"};
    DH_ASSIGN(const size_t index, Add({.kind = Kind::kFixed, .fixed_bytes = static_cast<size_t>(size)}));
    names_[json["name"].as_string()] = index;
    return index;
  }

  Result<size_t> Record(const Json& json, int level) {  // NOLINT(misc-no-recursion): bounded by kMaxDepth
    const std::string name = json["name"].as_string();
    names_[name] = std::nullopt;  // open: a reference to it now would be a cycle
    AvroSchema::Node node{.kind = Kind::kRecord};
    for (const Json& field : json["fields"].array()) {
      DH_ASSIGN(const size_t type, Type(field["type"], level + 1));
      node.fields.push_back({static_cast<int32_t>(field["field-id"].as_int(-1)), type});
      node.depth = std::max(node.depth, schema_.nodes_[type].depth + 1);
    }
    DH_ASSIGN(const size_t index, Add(std::move(node)));
    names_[name] = index;
    return index;
  }

  Result<size_t> Add(AvroSchema::Node node) {
    // Named types can be nested by reference deeper than the JSON is: the depth is counted, not the brackets.
    if (node.depth > kMaxDepth) return Error{ErrorCode::kLimit, "Avro schema: nested deeper than " + std::to_string(kMaxDepth)};
    schema_.nodes_.push_back(std::move(node));
    return schema_.nodes_.size() - 1;
  }

  AvroSchema schema_;
  std::map<std::string, std::optional<size_t>> names_;
};

Result<AvroSchema> AvroSchema::Parse(std::string_view json) {
  DH_ASSIGN(const Json tree, Json::Parse(json));
  return AvroSchemaParser().Run(tree);
}

namespace {

// ---- decoding

// Takes values off a run of bytes. After a failure `error()` says what and where; every call then fails.
class Decoder {
 public:
  // `budget`: values that may still be built; a schema of empty records could name endless ones in a few bytes.
  Decoder(std::string_view bytes, uint64_t& budget) : bytes_(bytes), budget_(&budget) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  const char* error() const { return error_; }

  bool Fail(const char* what) {
    if (error_ == nullptr) error_ = what;
    return false;
  }

  // Avro's zig-zag base-128 number.
  bool Long(int64_t& number) {
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at_ == bytes_.size()) return Fail("it ends within a number");
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      if (shift == 63 && byte > 1) return Fail("a number of more than 64 bits");
      bits |= uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) {
        number = static_cast<int64_t>((bits >> 1U) ^ (~(bits & 1U) + 1U));
        return true;
      }
    }
    return Fail("a number of more than 64 bits");
  }

  bool Bytes(size_t count, std::string_view& out) {
    if (count > left()) return Fail("a length beyond its end");
    out = bytes_.substr(at_, count);
    at_ += count;
    return true;
  }

  // Bytes with their length before them.
  bool Sized(std::string_view& out) {
    int64_t length = 0;
    if (!Long(length)) return false;
    if (length < 0) return Fail("a negative length");
    return Bytes(static_cast<size_t>(length), out);
  }

  bool Value(const AvroSchema& schema, size_t index, const std::set<int32_t>& skip,
             AvroValue* out) {  // NOLINT(misc-no-recursion)
    // The depth of a schema is at most kMaxDepth, so that of this recursion too.
    if ((*budget_)-- == 0) return Fail("more values than its size allows");
    const AvroSchema::Node& node = schema.node(index);
    switch (node.kind) {
      case Kind::kRecord:
        return RecordValue(schema, node, skip, out);
      case Kind::kArray:
        return ArrayValue(schema, node, skip, out);
      case Kind::kOptional: {
        int64_t branch = 0;
        if (!Long(branch)) return false;
        if (branch != 0 && branch != 1) return Fail("a branch that the union doesn't have");
        if ((branch == 0) == node.null_first) return true;
        return Value(schema, node.inner, skip, out);
      }
      default:
        return Scalar(node, out);
    }
  }

 private:
  bool RecordValue(const AvroSchema& schema, const AvroSchema::Node& node, const std::set<int32_t>& skip,
                   AvroValue* out) {  // NOLINT(misc-no-recursion)
    AvroValue::Record record;
    if (out != nullptr) record.reserve(node.fields.size());
    for (const AvroSchema::Field& field : node.fields) {
      const bool wanted = out != nullptr && !skip.contains(field.id);
      AvroValue* place = wanted ? &record.emplace_back(field.id, AvroValue()).second : nullptr;
      if (!Value(schema, field.node, skip, place)) return false;
    }
    if (out != nullptr) out->value = std::move(record);
    return true;
  }

  bool ArrayValue(const AvroSchema& schema, const AvroSchema::Node& node, const std::set<int32_t>& skip,
                  AvroValue* out) {  // NOLINT(misc-no-recursion)
    AvroValue::Array items;
    while (true) {
      int64_t count = 0;
      if (!Long(count)) return false;
      if (count == 0) break;
      if (count < 0) {  // then the block's size in bytes follows, which we have no use for
        int64_t size = 0;
        if (count == INT64_MIN || !Long(size)) return Fail("a wrong item count");
        count = -count;
      }
      for (; count > 0; --count) {
        AvroValue* place = out != nullptr ? &items.emplace_back() : nullptr;
        if (!Value(schema, node.inner, skip, place)) return false;
      }
    }
    if (out != nullptr) out->value = std::move(items);
    return true;
  }

  bool Scalar(const AvroSchema::Node& node, AvroValue* out) {
    std::string_view raw;
    int64_t number = 0;
    switch (node.kind) {
      case Kind::kBoolean:
        if (!Bytes(1, raw)) return false;
        if (out != nullptr) out->value = raw[0] != 0;
        return true;
      case Kind::kInt:
      case Kind::kLong:
        if (!Long(number)) return false;
        if (node.kind == Kind::kInt && number != static_cast<int32_t>(number)) return Fail("an int of more than 32 bits");
        if (out != nullptr) out->value = number;
        return true;
      case Kind::kFloat:
      case Kind::kDouble:
        if (!Bytes(node.kind == Kind::kFloat ? 4 : 8, raw)) return false;
        if (out != nullptr) out->value = Floating(raw);
        return true;
      case Kind::kFixed:
        if (!Bytes(node.fixed_bytes, raw)) return false;
        break;
      default:
        if (!Sized(raw)) return false;
    }
    if (out != nullptr) out->value = std::string(raw);
    return true;
  }

  static double Floating(std::string_view raw) {
    uint64_t bits = 0;
    for (size_t i = 0; i < raw.size(); ++i) bits |= uint64_t{static_cast<uint8_t>(raw[i])} << (8 * i);
    if (raw.size() == 8) return std::bit_cast<double>(bits);
    return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }

  std::string_view bytes_;
  uint64_t* budget_;
  size_t at_ = 0;
  const char* error_ = nullptr;
};

Error Damaged(const std::string& where, size_t offset, const std::string& what) {
  return {ErrorCode::kCorrupt, where + ": damaged Avro file, byte " + std::to_string(offset) + ": " + what};
}

Result<std::string> Decompress(const std::string& codec, std::string_view bytes) {
  constexpr auto kMost = static_cast<size_t>(base::kMaxMetadataBytes);
  if (codec == "deflate") return InflateRaw(bytes, kMost);
  if (codec == "zstandard") return DecompressZstd(bytes, kMost);
  if (codec == "snappy") return DecompressAvroSnappy(bytes, kMost);
  return Error{ErrorCode::kUnsupported, "Avro codec '" + codec + "' is not supported (null, deflate, zstandard and snappy are)"};
}

// The header: magic, a map of bytes, the sync marker (Avro spec, "Object Container Files").
Result<AvroHeader> ReadHeader(Decoder& in, const std::string& where, std::string_view& sync) {
  AvroHeader header;
  std::string_view magic;
  if (!in.Bytes(kMagic.size(), magic) || magic != kMagic) return Damaged(where, 0, "it does not start as an Avro file");
  while (true) {
    int64_t count = 0;
    int64_t size = 0;
    if (!in.Long(count)) return Damaged(where, in.at(), in.error());
    if (count == 0) break;
    if (count < 0 && (count == INT64_MIN || !in.Long(size))) return Damaged(where, in.at(), "a wrong item count");
    for (count = count < 0 ? -count : count; count > 0; --count) {
      std::string_view key;
      std::string_view value;
      if (!in.Sized(key) || !in.Sized(value)) return Damaged(where, in.at(), in.error());
      header.metadata[std::string(key)] = std::string(value);
    }
  }
  if (!in.Bytes(kSyncBytes, sync)) return Damaged(where, in.at(), in.error());
  auto schema = AvroSchema::Parse(header.metadata["avro.schema"]);
  if (!schema.ok()) return Error{schema.error().code, where + ": " + schema.error().message};
  header.schema = *std::move(schema);
  return header;
}

Status ReadBlock(const AvroHeader& header, std::string_view data, int64_t count, const std::string& where, size_t offset,
                 const std::set<int32_t>& skip, const AvroRow& row) {
  uint64_t budget = (uint64_t{1} << 16) + data.size() * 4;
  Decoder in(data, budget);
  for (int64_t i = 0; i < count; ++i) {
    AvroValue value;
    if (!in.Value(header.schema, header.schema.root(), skip, &value)) {
      return Damaged(where, offset, "block, byte " + std::to_string(in.at()) + ": " + in.error());
    }
    DH_CHECK(row(std::move(value)));
  }
  if (in.left() != 0) return Damaged(where, offset, "a block is longer than its records");
  return {};
}

}  // namespace

Result<AvroHeader> ReadAvro(std::string_view bytes, const std::string& where, const std::set<int32_t>& skip, const AvroRow& row) {
  uint64_t unused = 0;
  Decoder in(bytes, unused);
  std::string_view sync;
  DH_ASSIGN(AvroHeader header, ReadHeader(in, where, sync));
  const auto named = header.metadata.find("avro.codec");
  const std::string codec = named == header.metadata.end() || named->second.empty() ? "null" : named->second;
  while (in.left() > 0) {
    int64_t count = 0;
    std::string_view data;
    std::string_view mark;
    if (!in.Long(count) || !in.Sized(data)) return Damaged(where, in.at(), in.error());
    const size_t offset = in.at() - data.size();
    if (!in.Bytes(kSyncBytes, mark) || mark != sync) return Damaged(where, in.at(), "the mark after a block is missing");
    if (count < 0) return Damaged(where, offset, "a block with a negative count");
    std::string inflated;
    if (codec != "null") {
      auto result = Decompress(codec, data);
      if (!result.ok())
        return Error{result.error().code, where + ", byte " + std::to_string(offset) + ": " + result.error().message};
      inflated = *std::move(result);
      data = inflated;
    }
    DH_CHECK(ReadBlock(header, data, count, where, offset, skip, row));
  }
  return header;
}

// ---- encoding

namespace {

void PutLong(std::string& out, int64_t number) {
  uint64_t bits = (static_cast<uint64_t>(number) << 1U) ^ static_cast<uint64_t>(number >> 63);
  for (; bits > 0x7FU; bits >>= 7U) out += static_cast<char>(0x80U | (bits & 0x7FU));
  out += static_cast<char>(bits);
}

void PutSized(std::string& out, std::string_view bytes) {
  PutLong(out, static_cast<int64_t>(bytes.size()));
  out += bytes;
}

bool PutScalar(std::string& out, const AvroSchema::Node& node, const AvroValue& value) {
  const auto* text = std::get_if<std::string>(&value.value);
  const auto* number = std::get_if<int64_t>(&value.value);
  const auto* floating = std::get_if<double>(&value.value);
  const auto* truth = std::get_if<bool>(&value.value);
  switch (node.kind) {
    case Kind::kBoolean:
      if (truth != nullptr) out += *truth ? '\1' : '\0';
      return truth != nullptr;
    case Kind::kInt:
    case Kind::kLong:
      if (number != nullptr) PutLong(out, *number);
      return number != nullptr;
    case Kind::kFloat:
    case Kind::kDouble: {
      if (floating == nullptr) return false;
      const bool single = node.kind == Kind::kFloat;
      const uint64_t bits = single ? std::bit_cast<uint32_t>(static_cast<float>(*floating)) : std::bit_cast<uint64_t>(*floating);
      for (unsigned i = 0; i < (single ? 4U : 8U); ++i) out += static_cast<char>((bits >> (8 * i)) & 0xFFU);
      return true;
    }
    case Kind::kFixed:
      if (text != nullptr) out += *text;
      return text != nullptr && text->size() == node.fixed_bytes;
    default:
      if (text != nullptr) PutSized(out, *text);
      return text != nullptr;
  }
}

// The recursion is as deep as the schema: at most kMaxDepth.
bool PutValue(std::string& out, const AvroSchema& schema, size_t index, const AvroValue& value) {  // NOLINT(misc-no-recursion)
  const AvroSchema::Node& node = schema.node(index);
  switch (node.kind) {
    case Kind::kOptional: {
      const bool null = value.is_null();
      PutLong(out, null == node.null_first ? 0 : 1);
      return null || PutValue(out, schema, node.inner, value);
    }
    case Kind::kArray: {
      const AvroValue::Array& items = value.array();
      if (!items.empty()) PutLong(out, static_cast<int64_t>(items.size()));
      for (const AvroValue& item : items) {
        if (!PutValue(out, schema, node.inner, item)) return false;
      }
      PutLong(out, 0);
      return true;
    }
    case Kind::kRecord: {
      const auto* record = std::get_if<AvroValue::Record>(&value.value);
      if (record == nullptr) return false;
      for (size_t i = 0; i < node.fields.size(); ++i) {
        const int32_t id = node.fields[i].id;
        const bool in_place = i < record->size() && (*record)[i].first == id;
        if (!PutValue(out, schema, node.fields[i].node, in_place ? (*record)[i].second : value[id])) return false;
      }
      return true;
    }
    default:
      return PutScalar(out, node, value);
  }
}

}  // namespace

Result<AvroWriter> AvroWriter::Make(std::map<std::string, std::string> metadata) {
  AvroWriter writer;
  DH_ASSIGN(writer.schema_, AvroSchema::Parse(metadata["avro.schema"]));
  metadata["avro.codec"] = "null";
  writer.sync_ = RandomHex().substr(0, kSyncBytes);
  writer.out_ = kMagic;
  PutLong(writer.out_, static_cast<int64_t>(metadata.size()));
  for (const auto& [key, value] : metadata) {
    PutSized(writer.out_, key);
    PutSized(writer.out_, value);
  }
  PutLong(writer.out_, 0);
  writer.out_ += writer.sync_;
  return writer;
}

Status AvroWriter::Append(const AvroValue& record) {
  const size_t before = block_.size();
  if (!PutValue(block_, schema_, schema_.root(), record)) {
    block_.resize(before);
    return Error{ErrorCode::kCorrupt, "a record does not fit its Avro schema"};
  }
  ++block_records_;
  if (block_.size() >= kBlockBytes) FlushBlock();
  return {};
}

void AvroWriter::FlushBlock() {
  if (block_records_ == 0) return;
  PutLong(out_, block_records_);
  PutSized(out_, block_);
  out_ += sync_;
  block_.clear();
  block_records_ = 0;
}

std::string AvroWriter::Finish() {
  FlushBlock();
  return std::move(out_);
}

}  // namespace dicomhouse::warehouse
