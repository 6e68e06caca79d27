#include "table/part.h"

#include <algorithm>
#include <cassert>
#include <functional>

#include "table/internal/leaf_encoder.h"
#include "table/internal/thrift.h"

namespace dicomhouse::table {
namespace {

using internal::Chunk;
using internal::LeafPath;
using internal::ThriftWriter;

constexpr std::string_view kMagic = "PAR1";
constexpr std::string_view kCreatedBy = "dicomhouse";
// Encoded pages are handed to the file in pieces of about this size.
constexpr size_t kWriteBytes = 1 << 20;
constexpr int kZstdCodec = 6;

// parquet.thrift: Type.
int PhysicalType(Type type) {
  switch (type) {
    case Type::kBoolean:
      return 0;
    case Type::kDate:
      return 1;
    case Type::kInteger:
    case Type::kTime:
    case Type::kTimestamp:
      return 2;
    case Type::kFloat:
      return 5;
    case Type::kString:
    case Type::kBytes:
      return 6;
    case Type::kRecord:
      break;
  }
  assert(false);
  return 0;
}

// The leaves below a field that have a value, with the way to them.
void FindLeaves(const Field& field, const Node& node, LeafPath path, std::vector<std::string> names,  // NOLINT(misc-no-recursion)
                const std::function<void(const LeafPath&, std::vector<std::string>)>& visit) {
  path.chain.push_back(&node);
  names.push_back(field.name);
  path.max_definition += node.repeated() ? 3 : 1;
  path.max_repetition += node.repeated() ? 1 : 0;
  if (node.repeated()) names.insert(names.end(), {"list", "element"});
  if (field.type != Type::kRecord) {
    visit(path, std::move(names));
    return;
  }
  for (const Field& child : field.fields) {
    FindLeaves(child, *node.FindChild(child.name), path, names, visit);
  }
}

// parquet.thrift: ConvertedType, for readers that don't know LogicalType; -1: none. TIME has one for UTC only.
int ConvertedType(Type type) {
  switch (type) {
    case Type::kString:
      return 0;
    case Type::kDate:
      return 6;
    case Type::kTimestamp:
      return 10;
    default:
      return -1;
  }
}

void WriteLogicalType(ThriftWriter& out, Type type) {
  if (type != Type::kString && type != Type::kDate && type != Type::kTime && type != Type::kTimestamp) return;
  out.BeginStruct(10);
  out.BeginStruct(type == Type::kString ? 1 : type == Type::kDate ? 6 : type == Type::kTime ? 7 : 8);
  if (type == Type::kTime || type == Type::kTimestamp) {
    out.Bool(1, type == Type::kTimestamp);  // adjusted to UTC
    out.BeginStruct(2);                     // the unit: microseconds
    out.BeginStruct(2);
    out.EndStruct();
    out.EndStruct();
  }
  out.EndStruct();
  out.EndStruct();
}

struct Element {
  std::string_view name;
  int repetition;              // 0 required, 1 optional, 2 repeated
  const Type* type = nullptr;  // of a leaf
  size_t children = 0;
  bool list = false;
  int32_t id = 0;
};

void WriteElement(ThriftWriter& out, const Element& element) {
  out.BeginElement();
  if (element.type != nullptr) out.I32(1, PhysicalType(*element.type));
  out.I32(3, element.repetition);
  out.Text(4, element.name);
  if (element.type == nullptr) out.I32(5, static_cast<int32_t>(element.children));
  const int converted = element.list ? 3 : element.type != nullptr ? ConvertedType(*element.type) : -1;
  if (converted >= 0) out.I32(6, converted);
  if (element.id != 0) out.I32(9, element.id);
  if (element.type != nullptr) WriteLogicalType(out, *element.type);
  if (element.list) {
    out.BeginStruct(10);
    out.BeginStruct(3);
    out.EndStruct();
    out.EndStruct();
  }
  out.EndStruct();
}

size_t CountElements(const std::vector<Field>& fields) {  // NOLINT(misc-no-recursion)
  size_t count = 0;
  for (const Field& field : fields) count += (field.mode == Mode::kRepeated ? 3 : 1) + CountElements(field.fields);
  return count;
}

// `fields` are the part's own, with ids filled in. Ids of leaves go to `leaf_ids` in order.
void WriteElements(ThriftWriter& out, const std::vector<Field>& fields,
                   std::vector<int32_t>& leaf_ids) {  // NOLINT(misc-no-recursion)
  for (const Field& field : fields) {
    const bool leaf = field.type != Type::kRecord;
    const bool list = field.mode == Mode::kRepeated;
    if (list) {
      WriteElement(out, {field.name, 1, nullptr, 1, true, field.id});
      WriteElement(out, {"list", 2, nullptr, 1, false, 0});
    }
    WriteElement(out, {list ? "element" : std::string_view(field.name), 1, leaf ? &field.type : nullptr, field.fields.size(),
                       false, list ? field.element_id : field.id});
    if (leaf) leaf_ids.push_back(list ? field.element_id : field.id);
    WriteElements(out, field.fields, leaf_ids);
  }
}

// The types as they are stored.
void StoreTimesAsText(std::vector<Field>& fields) {  // NOLINT(misc-no-recursion)
  for (Field& field : fields) {
    if (field.type == Type::kTime) field.type = Type::kString;
    StoreTimesAsText(field.fields);
  }
}

base::Status TakeIds(std::vector<Field>& fields, const std::vector<Field>& with_ids) {  // NOLINT(misc-no-recursion)
  // Both are in the same order but for fields that this part lacks: walk them together.
  size_t from = 0;
  for (Field& field : fields) {
    size_t i = from;
    while (i < with_ids.size() && with_ids[i].name != field.name) ++i;
    if (i == with_ids.size()) {
      for (i = 0; i < from && with_ids[i].name != field.name; ++i) {
      }
      if (i == from)
        return base::Error{base::ErrorCode::kFailedPrecondition, "column " + field.name + " has no place in the table's schema"};
    }
    from = i + 1;
    field.id = with_ids[i].id;
    field.element_id = with_ids[i].element_id;
    DH_CHECK(TakeIds(field.fields, with_ids[i].fields));
  }
  return {};
}

void WriteChunk(ThriftWriter& out, const Chunk& chunk) {
  out.BeginElement();
  const bool dictionary = chunk.dictionary_offset >= 0;
  out.I64(2, 0);  // file_offset: deprecated, 0 as the format now asks
  out.BeginStruct(3);
  out.I32(1, PhysicalType(chunk.type));
  out.BeginList(2, dictionary ? 3 : 2, ThriftWriter::kI32);
  out.ElementI32(0);
  out.ElementI32(3);
  if (dictionary) out.ElementI32(8);
  out.BeginList(3, chunk.names.size(), ThriftWriter::kText);
  for (const std::string& name : chunk.names) out.ElementText(name);
  out.I32(4, kZstdCodec);
  out.I64(5, chunk.entries);
  out.I64(6, chunk.uncompressed_bytes);
  out.I64(7, chunk.compressed_bytes);
  out.I64(9, chunk.data_offset);
  if (dictionary) out.I64(11, chunk.dictionary_offset);
  out.BeginStruct(12);
  out.I64(3, chunk.nulls);
  if (chunk.upper) out.Text(5, *chunk.upper);
  if (chunk.lower) out.Text(6, *chunk.lower);
  out.EndStruct();
  out.EndStruct();
  out.EndStruct();
}

void WriteRowGroup(ThriftWriter& out, const std::vector<Chunk>& chunks, int64_t rows) {
  out.BeginElement();
  out.BeginList(1, chunks.size(), ThriftWriter::kStruct);
  int64_t uncompressed = 0;
  int64_t compressed = 0;
  for (const Chunk& chunk : chunks) {
    WriteChunk(out, chunk);
    uncompressed += chunk.uncompressed_bytes;
    compressed += chunk.compressed_bytes;
  }
  out.I64(2, uncompressed);
  out.I64(3, rows);
  out.I64(5, static_cast<int64_t>(kMagic.size()));
  out.I64(6, compressed);
  out.EndStruct();
}

}  // namespace

struct Part::State {
  std::unique_ptr<base::OutputFile> file;
  TimeStorage times = TimeStorage::kTime;
  Schema schema;
  std::vector<Chunk> chunks;
  std::vector<ChunkStats> stats;
  int64_t rows = 0;
  int64_t data_bytes = 0;  // where the footer begins
  int64_t bytes = 0;
};

Part::Part(std::unique_ptr<State> state) : state_(std::move(state)) {}
Part::Part(Part&&) noexcept = default;
Part& Part::operator=(Part&&) noexcept = default;
Part::~Part() = default;

base::Result<Part> Part::Write(const Batch& batch, std::unique_ptr<base::OutputFile> file, TimeStorage times) {
  auto state = std::make_unique<State>();
  state->file = std::move(file);
  state->rows = batch.rows();
  const bool any = batch.rows() > 0;
  state->schema = batch.SchemaOf(any);
  std::string out(kMagic);
  internal::LeafEncoder encoder(times == TimeStorage::kText);
  state->times = times;
  base::Status written;
  const auto write_out = [&] {
    if (written.ok()) written = state->file->Append(out);
    state->data_bytes += static_cast<int64_t>(out.size());
    out.clear();
  };
  for (const Field& field : state->schema.fields) {
    if (!any) break;
    LeafPath path;
    path.column = batch.FindColumn(field.name);
    FindLeaves(field, path.column->node, path, {}, [&](const LeafPath& leaf, std::vector<std::string> names) {
      Chunk chunk = encoder.Encode(leaf, state->data_bytes, out);
      chunk.names = std::move(names);
      state->chunks.push_back(std::move(chunk));
      if (out.size() >= kWriteBytes) write_out();
    });
  }
  write_out();
  DH_CHECK(written);
  DH_CHECK(state->file->Pause());
  return Part(std::move(state));
}

base::Status Part::Finish(const Schema& schema) {
  State& state = *state_;
  Schema own = state.schema;
  DH_CHECK(TakeIds(own.fields, schema.fields));
  if (state.times == TimeStorage::kText) StoreTimesAsText(own.fields);
  ThriftWriter footer;
  std::vector<int32_t> ids;
  footer.I32(1, 2);
  footer.BeginList(2, 1 + CountElements(own.fields), ThriftWriter::kStruct);
  WriteElement(footer, {"table", 0, nullptr, own.fields.size(), false, 0});
  WriteElements(footer, own.fields, ids);
  footer.I64(3, state.rows);
  footer.BeginList(4, state.rows > 0 ? 1 : 0, ThriftWriter::kStruct);
  if (state.rows > 0) WriteRowGroup(footer, state.chunks, state.rows);
  footer.Text(6, kCreatedBy);
  footer.BeginList(7, ids.size(), ThriftWriter::kStruct);
  for (size_t i = 0; i < ids.size(); ++i) {  // column orders: by type
    footer.BeginElement();
    footer.BeginStruct(1);
    footer.EndStruct();
    footer.EndStruct();
  }
  footer.Finish();
  std::string bytes = footer.bytes();
  const auto length = static_cast<uint32_t>(bytes.size());
  bytes.append(reinterpret_cast<const char*>(&length), sizeof length).append(kMagic);
  if (state.bytes != 0) DH_CHECK(state.file->Truncate(static_cast<uint64_t>(state.data_bytes)));
  DH_CHECK(state.file->Append(bytes));
  state.bytes = state.data_bytes + static_cast<int64_t>(bytes.size());
  state.stats.clear();
  for (size_t i = 0; i < state.chunks.size(); ++i) {
    const Chunk& chunk = state.chunks[i];
    state.stats.push_back({ids[i], chunk.compressed_bytes, chunk.entries, chunk.nulls, chunk.lower, chunk.upper});
  }
  DH_CHECK(state.file->Sync());
  return state.file->Pause();
}

base::Status Part::Close() { return state_->file->Close(); }
const std::vector<ChunkStats>& Part::stats() const { return state_->stats; }
int64_t Part::rows() const { return state_->rows; }
int64_t Part::bytes() const { return state_->bytes; }
const Schema& Part::schema() const { return state_->schema; }

}  // namespace dicomhouse::table
