// Programs that nobody here wrote read our tables to the same rows. Runs where tests/engines/setup.sh has installed them:
// ENGINES_FOLDER names its folder (BUILD_FOLDER/engines); without it these tests are skipped.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "table_maker.h"
#include "tests/support/source_tree.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {
namespace {

using table::Mode;
using table::Type;

const TableName kName{"local", "dicom", "meta data"};

// A reader of tests/engines, by its command.
struct Reader {
  const char* name;
  const char* command;    // %E: the engines' folder, %S: the scripts' folder
  const char* installed;  // a file of the engines' folder
  friend void PrintTo(const Reader& reader, std::ostream* out) { *out << reader.name; }
};

std::string Replace(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

class EnginesTest : public testing::TestWithParam<Reader> {
 protected:
  void SetUp() override {
    const char* engines = std::getenv("ENGINES_FOLDER");
    if (engines == nullptr || !std::filesystem::exists(std::string(engines) + "/" + GetParam().installed)) {
      GTEST_SKIP() << "ENGINES_FOLDER is not set, or is without " << GetParam().name << " (tests/engines/setup.sh)";
    }
  }

  // The rows, sorted: readers owe no order.
  std::vector<std::string> Rows(const std::string& arguments = "") {
    const std::string scripts = (dicomhouse::test_support::SourceTree() / "tests" / "engines").string();
    const std::string engines = std::getenv("ENGINES_FOLDER");
    const std::string command = Replace(Replace(GetParam().command, "%E", engines), "%S", scripts) + " '" +
                                warehouse_.TableFolder(kName) + "' " + arguments + " 2>&1";
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string output;
    char buffer[4096];
    for (size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, got);
    EXPECT_EQ(::pclose(pipe), 0) << output;
    std::vector<std::string> rows;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) rows.push_back(line);
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  // Writes one part with the columns that `select` gives.
  void Write(Disposition disposition, const table::Schema& schema, const std::string& select, std::vector<int64_t> removed = {}) {
    auto write = Transaction::Begin(warehouse_, kName, disposition);
    ASSERT_OK(write);
    const std::string path = write->NewDataPath();
    std::vector<std::string> names;
    for (const table::Field& field : schema.fields) names.push_back(field.name);
    std::vector<Transaction::RemovedRow> rows;
    for (const int64_t row : removed) rows.push_back({path, row});
    ASSERT_OK(write->Commit(schema,
                            [&](const table::Schema& with_ids) -> base::Result<std::vector<DataFile>> {
                              DH_ASSIGN(DataFile part, WritePart(*write, path, select, Pick(with_ids, names)));
                              return std::vector{part};
                            },
                            rows, {{"dicomhouse.source", "test"}}));
  }

  TemporaryFolder folder_;
  Warehouse warehouse_{folder_.path()};
};

const table::Schema kAllTypes =
    Columns({Column("B", Type::kBytes), Column("D", Type::kDate), Column("F", Type::kFloat), Column("I", Type::kInteger),
             Column("L", Type::kInteger, Mode::kRepeated),
             Column("R", Type::kRecord, Mode::kNullable, {Column("X"), Column("Y", Type::kBoolean)}), Column("S"),
             Column("Seq", Type::kRecord, Mode::kRepeated, {Column("Code"), Column("T", Type::kTime)}), Column("T", Type::kTime),
             Column("Z", Type::kTimestamp)});

TEST_P(EnginesTest, ReadsEveryType) {
  // icebird takes bytes for text and keeps milliseconds: it is asked what it can say.
  const bool exact = std::string(GetParam().name) != "icebird";
  const std::string bytes = exact ? "a\\x00\\xFF" : "a\\x00b";
  const std::string micros = exact ? "456" : "000";
  Write(Disposition::kEmpty, kAllTypes,
        "SELECT '" + bytes +
            "'::BLOB AS B, DATE '1969-12-31' AS D, 1.5::DOUBLE AS F, 9223372036854775807 AS I, [1, NULL, -2]::BIGINT[] AS L, "
            "{X: 'ü', Y: true} AS R, 'text' AS S, [{Code: 'c', T: '08:30:00.000001'}, {Code: NULL, T: NULL}] AS Seq, "
            "'23:59:59.999999' AS T, TIMESTAMPTZ '2024-02-29 12:00:00.123" +
            micros + "+00' AS Z");
  EXPECT_THAT(
      Rows(),
      testing::ElementsAre(
          std::string(R"({"B":")") + (exact ? "YQD/" : "YQBi") +
          R"(","D":"1969-12-31","F":1.5,"I":"9223372036854775807","L":["1",null,"-2"],"R":{"X":"ü","Y":true},"S":"text",)"
          R"("Seq":[{"Code":"c","T":"08:30:00.000001"},{"Code":null,"T":null}],"T":"23:59:59.999999","Z":"2024-02-29T12:00:00.123)" +
          micros + R"(Z"})"));
}

TEST_P(EnginesTest, ReadsPartsThatLackColumnsAndNestedFields) {
  const auto seq = [](std::vector<table::Field> fields) {
    return Column("Seq", Type::kRecord, Mode::kRepeated, std::move(fields));
  };
  Write(Disposition::kAppend, Columns({Column("A"), seq({Column("X")})}), "SELECT 'one' AS A, [{X: 'x'}] AS Seq");
  Write(Disposition::kAppend, Columns({Column("A"), Column("B"), seq({Column("W"), Column("X")})}),
        "SELECT 'two' AS A, 'b' AS B, [{W: 'w', X: 'x2'}] AS Seq");
  EXPECT_THAT(Rows(), testing::ElementsAre(R"({"A":"one","B":null,"Seq":[{"W":null,"X":"x"}]})",
                                           R"({"A":"two","B":"b","Seq":[{"W":"w","X":"x2"}]})"));
}

TEST_P(EnginesTest, SeesNoRemovedRows) {
  Write(Disposition::kAppend, Columns({Column("A", Type::kInteger)}), "SELECT i AS A FROM range(5) t(i)", {1, 3});
  EXPECT_THAT(Rows(), testing::ElementsAre(R"({"A":"0"})", R"({"A":"2"})", R"({"A":"4"})"));
}

TEST_P(EnginesTest, SeesOnlyTheReplacementAndStillTheOldVersion) {
  Write(Disposition::kAppend, Columns({Column("A")}), "SELECT 'old' AS A");
  Write(Disposition::kTruncate, Columns({Column("A", Type::kInteger), Column("B")}), "SELECT 1 AS A, 'new' AS B");
  EXPECT_THAT(Rows(), testing::ElementsAre(R"({"A":"1","B":"new"})"));
  EXPECT_THAT(Rows("v1.metadata.json"), testing::ElementsAre(R"({"A":"old"})"));
}

TEST_P(EnginesTest, ReadsATableAfterExpireAndRelocate) {
  for (int i = 0; i < 3; ++i)
    Write(Disposition::kAppend, Columns({Column("A", Type::kInteger)}), "SELECT i AS A FROM range(2) t(i)", {0});
  ASSERT_OK(warehouse_.Expire(kName, 1, INT64_MAX));
  EXPECT_EQ(Rows().size(), 3U);
  TemporaryFolder other;
  std::filesystem::rename(folder_.path() + "/local", other.path() + "/local");
  warehouse_ = Warehouse(other.path());
  ASSERT_OK(warehouse_.Relocate(kName));
  EXPECT_THAT(Rows(), testing::ElementsAre(R"({"A":"1"})", R"({"A":"1"})", R"({"A":"1"})"));
}

INSTANTIATE_TEST_SUITE_P(Readers, EnginesTest,
                         testing::Values(Reader{"icebird", "ENGINES_FOLDER='%E' node '%S/read_icebird.mjs'", ".npm"},
                                         Reader{"pyiceberg", "'%E/venv/bin/python' '%S/read_pyiceberg.py'", ".python"}),
                         [](const auto& one) { return std::string(one.param.name); });

// Spark takes the warehouse for a Hadoop catalog: it reads what we wrote, and we read what it did. Takes two minutes; runs
// where tests/engines/setup.sh --spark has been.
class SparkTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* engines = std::getenv("ENGINES_FOLDER");
    if (engines == nullptr || !std::filesystem::exists(std::string(engines) + "/.jar")) {
      GTEST_SKIP() << "ENGINES_FOLDER is not set, or is without Spark (tests/engines/setup.sh BUILD_FOLDER --spark)";
    }
  }

  std::vector<std::string> Spark(const std::vector<std::string>& steps) {
    const std::string scripts = (dicomhouse::test_support::SourceTree() / "tests" / "engines").string();
    const std::string errors = folder_.path() + "/spark.log";
    std::string command =
        "\"$ENGINES_FOLDER/venv/bin/python\" '" + scripts + "/spark_check.py' '" + folder_.path() + "' local dicom t";
    for (const std::string& step : steps) command += " \"" + step + "\"";
    FILE* pipe = ::popen((command + " 2>'" + errors + "'").c_str(), "r");
    std::string output;
    char buffer[4096];
    for (size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, got);
    EXPECT_EQ(::pclose(pipe), 0) << ReadFile(errors);
    std::vector<std::string> rows;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) rows.push_back(line);
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  void Append(const std::string& select, std::vector<int64_t> removed = {}) {
    auto write = Transaction::Begin(warehouse_, name_, Disposition::kAppend);
    ASSERT_OK(write);
    const std::string path = write->NewDataPath();
    std::vector<Transaction::RemovedRow> rows;
    for (const int64_t row : removed) rows.push_back({path, row});
    const auto finish = [&](const table::Schema& with_ids) -> base::Result<std::vector<DataFile>> {
      DH_ASSIGN(DataFile part, WritePart(*write, path, select, Pick(with_ids, {"A", "L"})));
      return std::vector{part};
    };
    ASSERT_OK(
        write->Commit(Columns({Column("A", Type::kInteger), Column("L", Type::kString, Mode::kRepeated)}), finish, rows, {}));
  }

  TableName name_{"local", "dicom", "t"};
  TemporaryFolder folder_;
  Warehouse warehouse_{folder_.path()};
};

TEST_F(SparkTest, ReadsAppendsDeletesCompactsAndExpires) {
  Append("SELECT i AS A, ['x', NULL] AS L FROM range(4) t(i)", {1});
  EXPECT_THAT(Spark({"read"}),
              testing::ElementsAre(R"({"A":"0","L":["x",null]})", R"({"A":"2","L":["x",null]})", R"({"A":"3","L":["x",null]})"));
  EXPECT_EQ(Spark({"sql:INSERT INTO @ VALUES (7, array('y'))", "read"}).size(), 4U);
  auto snapshot = warehouse_.OpenTable(name_);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 4);
  // Deletes as files, and compressed metadata.
  EXPECT_EQ(Spark({"sql:ALTER TABLE @ SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read')", "gzip",
                   "sql:DELETE FROM @ WHERE A = 3", "read"})
                .size(),
            3U);
  snapshot = warehouse_.OpenTable(name_);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 3);
  EXPECT_FALSE(snapshot->deletes.empty());
  Append("SELECT 9 AS A, NULL::VARCHAR[] AS L");
  EXPECT_THAT(
      Spark({"sql:CALL dh.system.rewrite_data_files(table => '@', options => map('rewrite-all', 'true', 'delete-file-threshold', "
             "'1'))",
             "sql:ALTER TABLE @ ADD COLUMN N INT FIRST",
             "sql:CALL dh.system.expire_snapshots(table => '@', older_than => TIMESTAMP '2999-01-01 00:00:00', retain_last => 1)",
             "read"}),
      testing::ElementsAre(R"({"A":"0","L":["x",null],"N":null})", R"({"A":"2","L":["x",null],"N":null})",
                           R"({"A":"7","L":["y"],"N":null})", R"({"A":"9","L":null,"N":null})"));
  Append("SELECT 10 AS A, ['z'] AS L");
  snapshot = warehouse_.OpenTable(name_);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 5);
  EXPECT_EQ(snapshot->schema.fields.size(), 3U);
  EXPECT_EQ(snapshot->schema.fields[0].foreign_type, "int");
  ASSERT_OK(warehouse_.Expire(name_, 1, INT64_MAX));
  TemporaryFolder other;
  std::filesystem::rename(folder_.path() + "/local", other.path() + "/local");
  ASSERT_OK(Warehouse(other.path()).Relocate(name_));
  EXPECT_EQ(Warehouse(other.path()).OpenTable(name_)->rows, 5);
  std::filesystem::rename(other.path() + "/local", folder_.path() + "/local");
  ASSERT_OK(warehouse_.Relocate(name_));
  EXPECT_EQ(Spark({"read"}).size(), 5U);
}

}  // namespace
}  // namespace dicomhouse::warehouse
