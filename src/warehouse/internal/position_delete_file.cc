#include "warehouse/internal/position_delete_file.h"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <memory>

#include "warehouse/internal/engine_library.h"

namespace dicomhouse::warehouse {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using internal::DuckDb;

// Rows of one page: pages stay small however long the list is.
constexpr size_t kPageRows = 16384;

// Parquet's metadata in Thrift's compact protocol: just what two required columns need.
class Thrift {
 public:
  enum Kind : uint8_t { kI32 = 5, kI64 = 6, kBinary = 8, kList = 9, kStruct = 12 };

  void Int(int id, int32_t value) { Field(id, kI32), ZigZag(value); }
  void Long(int id, int64_t value) { Field(id, kI64), ZigZag(value); }
  void Text(int id, std::string_view value) { Field(id, kBinary), TextItem(value); }
  void TextItem(std::string_view value) {
    VarInt(value.size());
    out_ += value;
  }
  void IntItem(int32_t value) { ZigZag(value); }
  void List(int id, Kind kind, size_t count) {
    Field(id, kList);
    assert(count < 15);
    out_ += static_cast<char>((count << 4U) | kind);
  }
  // A struct as a field, or (id 0) as an item of a list.
  void Open(int id) {
    if (id != 0) Field(id, kStruct);
    last_.push_back(0);
  }
  void Close() {
    out_ += '\0';
    last_.pop_back();
  }
  std::string Take() { return std::move(out_); }

 private:
  void Field(int id, Kind kind) {
    const int delta = id - last_.back();
    assert(delta > 0 && delta < 16);
    out_ += static_cast<char>((delta << 4) | kind);
    last_.back() = id;
  }
  void VarInt(uint64_t value) {
    for (; value > 0x7FU; value >>= 7U) out_ += static_cast<char>(0x80U | (value & 0x7FU));
    out_ += static_cast<char>(value);
  }
  void ZigZag(int64_t value) { VarInt((static_cast<uint64_t>(value) << 1U) ^ static_cast<uint64_t>(value >> 63)); }

  std::string out_;
  std::vector<int> last_;  // the last field id of each open struct
};

// parquet.thrift: Type, Encoding, CompressionCodec, PageType, ConvertedType.
constexpr int32_t kInt64 = 2;
constexpr int32_t kByteArray = 6;
constexpr int32_t kPlain = 0;
constexpr int32_t kRle = 3;
constexpr int32_t kZstd = 6;
constexpr int32_t kDataPage = 0;
constexpr int32_t kUtf8 = 0;

struct Chunk {
  int64_t offset = 0;
  int64_t compressed = 0;
  int64_t uncompressed = 0;
};

void PutLittleEndian(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFFU);
}

base::Status AppendPage(std::string& out, const std::string& values, size_t rows, Chunk& chunk) {
  std::string packed(ZSTD_compressBound(values.size()), '\0');
  const size_t size = ZSTD_compress(packed.data(), packed.size(), values.data(), values.size(), 3);
  if (ZSTD_isError(size) != 0) return Error{ErrorCode::kIo, std::string("zstd: ") + ZSTD_getErrorName(size)};
  packed.resize(size);
  Thrift header;
  header.Open(0);
  header.Int(1, kDataPage);
  header.Int(2, static_cast<int32_t>(values.size()));
  header.Int(3, static_cast<int32_t>(packed.size()));
  header.Open(5);  // DataPageHeader
  header.Int(1, static_cast<int32_t>(rows));
  header.Int(2, kPlain);
  header.Int(3, kRle);
  header.Int(4, kRle);
  header.Close();
  header.Close();
  const std::string head = header.Take();
  chunk.compressed += static_cast<int64_t>(head.size() + packed.size());
  chunk.uncompressed += static_cast<int64_t>(head.size() + values.size());
  out += head;
  out += packed;
  return {};
}

Result<Chunk> AppendColumn(std::string& out, const std::vector<DeletedRow>& rows, bool paths) {
  Chunk chunk{.offset = static_cast<int64_t>(out.size())};
  for (size_t from = 0; from < rows.size(); from += kPageRows) {
    const size_t to = std::min(rows.size(), from + kPageRows);
    std::string values;
    for (size_t i = from; i < to; ++i) {
      if (paths) PutLittleEndian(values, rows[i].file_path.size(), 4), values += rows[i].file_path;
      if (!paths) PutLittleEndian(values, static_cast<uint64_t>(rows[i].position), 8);
    }
    DH_CHECK(AppendPage(out, values, to - from, chunk));
  }
  return chunk;
}

void PutSchemaColumn(Thrift& meta, int32_t type, const char* name, bool utf8, int32_t id) {
  meta.Open(0);
  meta.Int(1, type);
  meta.Int(3, 0);  // REQUIRED
  meta.Text(4, name);
  if (utf8) meta.Int(6, kUtf8);
  meta.Int(9, id);
  if (utf8) {
    meta.Open(10);  // LogicalType
    meta.Open(1);   // STRING
    meta.Close();
    meta.Close();
  }
  meta.Close();
}

void PutChunk(Thrift& meta, int32_t type, const char* name, size_t rows, const Chunk& chunk) {
  meta.Open(0);
  meta.Long(2, chunk.offset);
  meta.Open(3);  // ColumnMetaData
  meta.Int(1, type);
  meta.List(2, Thrift::kI32, 1);
  meta.IntItem(kPlain);
  meta.List(3, Thrift::kBinary, 1);
  meta.TextItem(name);
  meta.Int(4, kZstd);
  meta.Long(5, static_cast<int64_t>(rows));
  meta.Long(6, chunk.uncompressed);
  meta.Long(7, chunk.compressed);
  meta.Long(9, chunk.offset);
  meta.Close();
  meta.Close();
}

// The engine for one question; everything is released with it.
struct DeleteReader {
  DeleteReader() = default;
  DeleteReader(const DeleteReader&) = delete;
  DeleteReader& operator=(const DeleteReader&) = delete;
  ~DeleteReader() {
    DuckDb().destroy_result(&result);
    DuckDb().disconnect(&connection);
    DuckDb().close(&database);
  }
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  duckdb_result result{};
};

}  // namespace

Result<std::string> MakePositionDeleteFile(const std::vector<DeletedRow>& rows) {
  assert(!rows.empty());
  std::string out = "PAR1";
  DH_ASSIGN(const Chunk paths, AppendColumn(out, rows, true));
  DH_ASSIGN(const Chunk positions, AppendColumn(out, rows, false));
  Thrift meta;
  meta.Open(0);
  meta.Int(1, 1);  // version
  meta.List(2, Thrift::kStruct, 3);
  meta.Open(0);
  meta.Text(4, "table");
  meta.Int(5, 2);
  meta.Close();
  PutSchemaColumn(meta, kByteArray, "file_path", true, kDeleteFilePathId);
  PutSchemaColumn(meta, kInt64, "pos", false, kDeletePositionId);
  meta.Long(3, static_cast<int64_t>(rows.size()));
  meta.List(4, Thrift::kStruct, 1);
  meta.Open(0);  // RowGroup
  meta.List(1, Thrift::kStruct, 2);
  PutChunk(meta, kByteArray, "file_path", rows.size(), paths);
  PutChunk(meta, kInt64, "pos", rows.size(), positions);
  meta.Long(2, paths.uncompressed + positions.uncompressed);
  meta.Long(3, static_cast<int64_t>(rows.size()));
  meta.Close();
  meta.Text(6, "dicomhouse");
  meta.Close();
  const std::string footer = meta.Take();
  out += footer;
  PutLittleEndian(out, footer.size(), 4);
  return out + "PAR1";
}

Result<std::vector<DeletedRow>> ReadPositionDeleteFile(const std::string& path) {
  DH_CHECK(internal::LoadEngine());
  DeleteReader engine;
  if (DuckDb().open(nullptr, &engine.database) != DuckDBSuccess ||
      DuckDb().connect(engine.database, &engine.connection) != DuckDBSuccess) {
    return Error{ErrorCode::kIo, "the query engine does not start"};
  }
  std::string quoted;
  for (const char c : path) quoted.append(c == '\'' ? 2 : 1, c);
  const std::string sql = "SELECT file_path::VARCHAR, pos::BIGINT FROM read_parquet('" + quoted + "')";
  if (DuckDb().query(engine.connection, sql.c_str(), &engine.result) != DuckDBSuccess) {
    return Error{ErrorCode::kCorrupt, path + ": not a position delete file: " + DuckDb().result_error(&engine.result)};
  }
  std::vector<DeletedRow> rows;
  while (duckdb_data_chunk chunk = DuckDb().fetch_chunk(engine.result)) {
    auto* paths = static_cast<duckdb_string_t*>(DuckDb().vector_get_data(DuckDb().data_chunk_get_vector(chunk, 0)));
    const auto* positions = static_cast<const int64_t*>(DuckDb().vector_get_data(DuckDb().data_chunk_get_vector(chunk, 1)));
    for (idx_t i = 0; i < DuckDb().data_chunk_get_size(chunk); ++i) {
      rows.push_back({std::string(DuckDb().string_t_data(&paths[i]), DuckDb().string_t_length(paths[i])), positions[i]});
    }
    DuckDb().destroy_data_chunk(&chunk);
  }
  return rows;
}

}  // namespace dicomhouse::warehouse
