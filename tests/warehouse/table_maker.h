// Tables for tests: parts written by the engine with field ids, a warehouse in a folder that goes with the test.
#pragma once

#include <duckdb.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {

// A folder of its own, removed at the end.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "warehouse-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// For tests that write thousands of small tables, where waiting for the disk would take minutes: a folder in memory.
inline std::filesystem::path MemoryFolder() {
  const std::filesystem::path memory = "/dev/shm";
  return ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

inline table::Field Column(const std::string& name, table::Type type = table::Type::kString,
                           table::Mode mode = table::Mode::kNullable, std::vector<table::Field> fields = {}) {
  table::Field field;
  field.name = name;
  field.type = type;
  field.mode = mode;
  field.fields = std::move(fields);
  return field;
}

// DuckDB's FIELD_IDS for columns: {a: 1, b: {__duckdb_field_id: 2, element: 3}}.
inline std::string FieldIds(const std::vector<table::Field>& fields) {
  std::string text;
  for (const table::Field& field : fields) {
    const bool record = field.type == table::Type::kRecord;
    const std::string children = record ? ", " + FieldIds(field.fields) : "";
    const std::string id = std::to_string(field.id);
    if (!text.empty()) text += ", ";
    text += '"' + field.name + "\": ";
    if (field.mode == table::Mode::kRepeated) {
      text +=
          "{__duckdb_field_id: " + id + ", element: {__duckdb_field_id: " + std::to_string(field.element_id) + children + "}}";
    } else {
      text += record ? "{__duckdb_field_id: " + id + children + "}" : id;
    }
  }
  return text;
}

// Answers of the engine as text, one row a line, columns with '|' between.
inline std::string Ask(const std::string& sql) {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  duckdb_result result{};
  std::string answer;
  duckdb_open(nullptr, &database);
  duckdb_connect(database, &connection);
  if (duckdb_query(connection, sql.c_str(), &result) != DuckDBSuccess) {
    answer = std::string("error: ") + duckdb_result_error(&result);
  } else {
    for (idx_t row = 0; row < duckdb_row_count(&result); ++row) {
      for (idx_t column = 0; column < duckdb_column_count(&result); ++column) {
        char* text = duckdb_value_varchar(&result, column, row);
        answer += (column == 0 ? "" : "|") + std::string(text == nullptr ? "NULL" : text);
        duckdb_free(text);
      }
      answer += "\n";
    }
  }
  duckdb_destroy_result(&result);
  duckdb_disconnect(&connection);
  duckdb_close(&database);
  return answer;
}

// The columns of `schema` named in `names`.
inline std::vector<table::Field> Pick(const table::Schema& schema, const std::vector<std::string>& names) {
  std::vector<table::Field> fields;
  for (const std::string& name : names) {
    for (const table::Field& field : schema.fields) {
      if (field.name == name) fields.push_back(field);
    }
  }
  return fields;
}

// Writes the rows of `select` as a part with the ids of `columns`.
inline base::Result<DataFile> WritePart(Transaction& write, const std::string& path, const std::string& select,
                                        const std::vector<table::Field>& columns) {
  const std::string answer =
      Ask("COPY (" + select + ") TO '" + path + "' (FORMAT parquet, COMPRESSION zstd, FIELD_IDS {" + FieldIds(columns) + "})");
  if (answer.starts_with("error")) return base::Error{base::ErrorCode::kIo, answer};
  DataFile file;
  file.path = write.RelativePath(path);
  file.rows = std::stoll(Ask("SELECT count(*) FROM read_parquet('" + path + "')"));
  file.bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  return file;
}

// A part whose bytes nobody looks at.
inline base::Result<DataFile> WritePlaceholder(Transaction& write, base::FileSystem& files, int64_t rows) {
  const std::string path = write.NewDataPath();
  DH_CHECK(base::WriteFileDurably(files, path, "part of " + std::to_string(rows)));
  DataFile file;
  file.path = write.RelativePath(path);
  file.rows = rows;
  file.bytes = static_cast<int64_t>(std::string("part of " + std::to_string(rows)).size());
  return file;
}

inline table::Schema Columns(std::vector<table::Field> fields) { return table::Schema{std::move(fields)}; }

// Writes one placeholder of `rows` rows, all in one go.
inline base::Result<int64_t> WriteRows(const Warehouse& warehouse, const TableName& name, Disposition disposition, int64_t rows,
                                       const table::Schema& schema = Columns({Column("a")})) {
  DH_ASSIGN(Transaction write, Transaction::Begin(warehouse, name, disposition));
  DH_ASSIGN(DataFile part, WritePlaceholder(write, warehouse.files(), rows));
  return write.Commit(schema, [&](const table::Schema&) -> base::Result<std::vector<DataFile>> { return std::vector{part}; }, {},
                      {});
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void WriteFile(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

#define ASSERT_OK(result) ASSERT_TRUE((result).ok()) << (result).error().message
#define EXPECT_OK(result) EXPECT_TRUE((result).ok()) << (result).error().message

}  // namespace dicomhouse::warehouse
