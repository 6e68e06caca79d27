// Tables for questions: a warehouse in a folder that goes with the test, its parts written by the engine.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "query/query.h"
#include "warehouse/engine.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::query {

using table::Field;
using table::Mode;
using table::Type;

inline Field Column(const std::string& name, Type type = Type::kString, Mode mode = Mode::kNullable,
                    std::vector<Field> fields = {}) {
  Field field;
  field.name = name;
  field.type = type;
  field.mode = mode;
  field.fields = std::move(fields);
  return field;
}

// The engine's FIELD_IDS for these columns.
inline std::string FieldIds(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) {
    const std::string children = field.type == Type::kRecord ? ", " + FieldIds(field.fields) : "";
    const std::string id = std::to_string(field.id);
    if (!text.empty()) text += ", ";
    text += '"' + field.name + "\": ";
    if (field.mode == Mode::kRepeated) {
      text +=
          "{__duckdb_field_id: " + id + ", element: {__duckdb_field_id: " + std::to_string(field.element_id) + children + "}}";
    } else {
      text += children.empty() ? id : "{__duckdb_field_id: " + id + children + "}";
    }
  }
  return text;
}

// A warehouse and questions to it. Names without a project or dataset are in project "p", dataset "d".
class House {
 public:
  House() {
    std::string name = (std::filesystem::temp_directory_path() / "query-test-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~House() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  const std::string& folder() const { return folder_; }
  warehouse::Warehouse warehouse() const { return warehouse::Warehouse(folder_); }

  // Makes a table of `schema`; each of `selects` becomes a part (its columns: those of the schema, in order).
  void Make(const std::string& name, const table::Schema& schema, const std::vector<std::string>& selects) const {
    const warehouse::Warehouse house(folder_);
    const auto table = warehouse::TableName::Parse(name, {"p", "d", ""});
    ASSERT_TRUE(table.ok()) << table.error().message;
    auto write = warehouse::Transaction::Begin(house, *table, warehouse::Disposition::kTruncate);
    ASSERT_TRUE(write.ok()) << write.error().message;
    const auto finish = [&](const table::Schema& with_ids) -> base::Result<std::vector<warehouse::DataFile>> {
      std::vector<warehouse::DataFile> files;
      for (const std::string& select : selects) {
        DH_ASSIGN(warehouse::DataFile file, Part(*write, select, with_ids));
        files.push_back(std::move(file));
      }
      return files;
    };
    const auto done = write->Commit(schema, finish, {}, {});
    ASSERT_TRUE(done.ok()) << done.error().message;
  }

  base::Result<std::string> Ask(std::string_view sql, Format format = Format::kJson, int64_t max_rows = 0) const {
    Options options;
    options.defaults = {"p", "d", ""};
    options.format = format;
    options.max_rows = max_rows;
    options.threads = 2;
    options.memory_bytes = size_t{512} << 20;
    std::string text;
    DH_CHECK(Run(warehouse(), sql, options, [&](std::string_view piece) {
      text += piece;
      return base::Status();
    }));
    return text;
  }

  // The answer as CSV without its header, lines ending in "\n"; or "error: ...".
  std::string Rows(std::string_view sql) const {
    const auto answer = Ask(sql, Format::kCsv);
    if (!answer.ok()) return "error: " + answer.error().message;
    return answer->substr(answer->find('\n') + 1);
  }

 private:
  static base::Result<warehouse::DataFile> Part(warehouse::Transaction& write, const std::string& select,
                                                const table::Schema& schema) {
    DH_ASSIGN(warehouse::Engine engine, warehouse::Engine::Open({}));
    const std::string path = write.NewDataPath();
    DH_CHECK(engine.Execute("COPY (" + select + ") TO " + warehouse::SqlString(path) + " (FORMAT parquet, FIELD_IDS {" +
                            FieldIds(schema.fields) + "})"));
    DH_ASSIGN(warehouse::Rows rows, engine.Query("SELECT count(*) FROM read_parquet(" + warehouse::SqlString(path) + ")"));
    DH_ASSIGN(const bool more, rows.Next());
    warehouse::DataFile file;
    file.path = write.RelativePath(path);
    file.rows = more ? rows.column(0).integer(0) : 0;
    file.bytes = static_cast<int64_t>(std::filesystem::file_size(path));
    return file;
  }

  std::string folder_;
};

// A table of instances with all kinds of columns: 4 rows, 2 patients.
inline table::Schema InstanceSchema() {
  const Field name = Column("Alphabetic", Type::kRecord, Mode::kNullable, {Column("FamilyName"), Column("GivenName")});
  const Field code = Column("CodeSequence", Type::kRecord, Mode::kRepeated, {Column("CodeValue")});
  return {
      {Column("PatientID"), Column("StudyInstanceUID"), Column("SeriesInstanceUID"), Column("SOPInstanceUID"),
       Column("StudyDate", Type::kDate), Column("StudyTime", Type::kTime), Column("AcquisitionDateTime", Type::kTimestamp),
       Column("Rows", Type::kInteger), Column("SliceThickness", Type::kFloat), Column("Flag", Type::kBoolean),
       Column("Digest", Type::kBytes), Column("ImageType", Type::kString, Mode::kRepeated),
       Column("PatientName", Type::kRecord, Mode::kNullable, {name}),
       Column("RequestSequence", Type::kRecord, Mode::kRepeated, {Column("Step"), code}),
       Column("OtherElements", Type::kRecord, Mode::kRepeated, {Column("Tag"), Column("Data", Type::kString, Mode::kRepeated)})}};
}

inline std::string InstanceRow(int number) {
  const std::string n = std::to_string(number);
  static const std::vector<std::string> kElements = {
      "[{Tag: 'Tag_00431039', Data: ['8', '9']}, {Tag: 'Tag_00091001', Data: ['GE']}]", "[{Tag: 'Tag_00431039', Data: ['10']}]",
      "CAST([] AS STRUCT(Tag VARCHAR, Data VARCHAR[])[])", "CAST(NULL AS STRUCT(Tag VARCHAR, Data VARCHAR[])[])"};
  return "SELECT 'P" + std::string(number <= 2 ? "1" : "2") + "' AS PatientID, '1." + (number <= 2 ? "1" : "2") +
         "' AS StudyInstanceUID, '1.5." + n + "' AS SeriesInstanceUID, '1.9." + n + "' AS SOPInstanceUID, DATE '2021-07-1" + n +
         "' AS StudyDate, " + (number == 4 ? "TIME '08:30:00.5'" : "TIME '00:38:22'") +
         " AS StudyTime, TIMESTAMPTZ '2021-07-11 00:38:22+00' AS AcquisitionDateTime, CAST(" + std::to_string(256 * number) +
         " AS BIGINT) AS Rows, CAST(" + n + ".5 AS DOUBLE) AS SliceThickness, " + (number % 2 == 0 ? "true" : "NULL::BOOLEAN") +
         " AS Flag, '\\x00\\xFF'::BLOB AS Digest, ['ORIGINAL', 'PRIMARY" + n +
         "'] AS ImageType, {Alphabetic: {FamilyName: 'Doe', GivenName: 'J" + n + "'}} AS PatientName, [{Step: 's" + n +
         "', CodeSequence: [{CodeValue: 'c" + n + "'}, {CodeValue: 'd'}]}] AS RequestSequence, " +
         kElements[static_cast<size_t>(number - 1)] + " AS OtherElements";
}

// The table `t`: two parts of two rows.
inline void MakeInstances(const House& house, const std::string& name = "t") {
  house.Make(name, InstanceSchema(),
             {InstanceRow(1) + " UNION ALL " + InstanceRow(2), InstanceRow(3) + " UNION ALL " + InstanceRow(4)});
}

}  // namespace dicomhouse::query
