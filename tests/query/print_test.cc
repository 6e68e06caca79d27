#include "query/print.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "base/file.h"
#include "tests/query/question.h"

namespace dicomhouse::query {
namespace {

TEST(Print, FloatsAsBigQueryWritesThem) {
  EXPECT_EQ(FloatText(0), "0.0");
  EXPECT_EQ(FloatText(-0.0), "0.0");
  EXPECT_EQ(FloatText(2), "2.0");
  EXPECT_EQ(FloatText(-1.5), "-1.5");
  EXPECT_EQ(FloatText(0.1), "0.1");
  EXPECT_EQ(FloatText(9999999), "9999999.0");
  EXPECT_EQ(FloatText(1e7), "1.0E7");
  EXPECT_EQ(FloatText(1.25e-4), "1.25E-4");
  EXPECT_EQ(FloatText(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(FloatText(std::numeric_limits<double>::max()), "1.7976931348623157E308");
  EXPECT_EQ(FloatText(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(FloatText(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

TEST(Print, JsonOfEveryType) {
  const House house;
  MakeInstances(house);
  const auto answer = house.Ask(
      "SELECT PatientID, StudyDate, StudyTime, AcquisitionDateTime, Rows, SliceThickness, Flag, Digest, ImageType, PatientName, "
      "OtherElements "
      "FROM t WHERE SOPInstanceUID = '1.9.4'");
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(*answer, R"([
  {
    "PatientID": "P2",
    "StudyDate": "2021-07-14",
    "StudyTime": "08:30:00.500000",
    "AcquisitionDateTime": "2021-07-11 00:38:22 UTC",
    "Rows": "1024",
    "SliceThickness": "4.5",
    "Flag": "true",
    "Digest": "AP8=",
    "ImageType": [
      "ORIGINAL",
      "PRIMARY4"
    ],
    "PatientName": {
      "Alphabetic": {
        "FamilyName": "Doe",
        "GivenName": "J4"
      }
    },
    "OtherElements": []
  }
]
)");
}

TEST(Print, DatesOfAllCenturies) {
  const House house;
  EXPECT_EQ(house.Rows("SELECT DATE '0001-01-01', DATE '1600-02-29', DATE '1969-12-31', DATE '9999-12-31', TIMESTAMP '1969-12-31 "
                       "23:59:59.999999+00', CAST(NULL AS STRING), ''"),
            "0001-01-01,1600-02-29,1969-12-31,9999-12-31,1969-12-31 23:59:59.999999 UTC,,\"\"\n");
}

TEST(Print, CsvQuotesWhatRfc4180AsksAndEndsLinesAsBqDoes) {
  const House house;
  EXPECT_EQ(*house.Ask(R"(SELECT 'a,b' AS `x"y`, 'c"d' AS b, 'e\nf' AS c, [1] AS d)", Format::kCsv),
            "\"x\"\"y\",b,c,d\n\"a,b\",\"c\"\"d\",\"e\nf\",\"[\"\"1\"\"]\"\n");
}

TEST(Print, TablesAlignAndCutAndDoNotSteerTerminals) {
  const House house;
  EXPECT_EQ(*house.Ask("SELECT 'é' AS name, 12 AS n UNION ALL SELECT NULL, 5 ORDER BY n", Format::kTable),
            "+------+----+\n| name |  n |\n+------+----+\n| NULL |  5 |\n| é    | 12 |\n+------+----+\n(2 rows)\n");
  // Characters of two columns, and marks of none.
  EXPECT_EQ(
      *house.Ask("SELECT '山田^太郎' AS name UNION ALL SELECT 'ﾔﾏﾀﾞ' UNION ALL SELECT 'e\u0301' ORDER BY name", Format::kTable),
      "+-----------+\n| name      |\n+-----------+\n| e\u0301         |\n| 山田^太郎 |\n| ﾔﾏﾀﾞ      |\n+-----------+\n"
      "(3 rows)\n");
  const auto hostile = house.Ask(R"(SELECT '\x1b[2J\a\u009b' AS x, REPEAT('y', 500) AS y)", Format::kTable);
  ASSERT_TRUE(hostile.ok()) << hostile.error().message;
  EXPECT_EQ(hostile->find('\x1b'), std::string::npos);
  EXPECT_EQ(hostile->find('\a'), std::string::npos);
  EXPECT_EQ(hostile->find("\u009b"), std::string::npos);
  EXPECT_NE(hostile->find("yyy…"), std::string::npos);
}

TEST(Print, ManyRowsComeInPiecesAndMaxRowsStops) {
  const House house;
  const std::string sql = "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 50000)) AS x";
  EXPECT_EQ(house.Ask(sql, Format::kTable, 3)->find("(3 rows)") != std::string::npos, true);
  size_t pieces = 0;
  size_t largest = 0;
  Options options;
  options.format = Format::kJson;
  ASSERT_TRUE(query::Run(house.warehouse(), sql, options, [&](std::string_view piece) {
                ++pieces;
                largest = std::max(largest, piece.size());
                return base::Status();
              }).ok());
  EXPECT_GT(pieces, 10U);
  EXPECT_LT(largest, 128U << 10);
}

TEST(Print, AnErrorOfTheOutputEndsTheAnswer) {
  const House house;
  Options options;
  options.format = Format::kCsv;
  const auto status = query::Run(house.warehouse(), "SELECT 1", options, [](std::string_view) {
    return base::Error{base::ErrorCode::kIo, "disk full"};
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "disk full");
}

TEST(Print, ParquetCanBeReadBack) {
  const House house;
  MakeInstances(house);
  const auto answer = house.Ask(
      "SELECT PatientID, SUM(Rows) AS rows, ARRAY_AGG(SOPInstanceUID ORDER BY SOPInstanceUID) AS uids FROM t GROUP BY PatientID "
      "ORDER BY PatientID",
      Format::kParquet);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->substr(0, 4), "PAR1");
  const std::string path = house.folder() + "/answer.parquet";
  auto& files = base::RealFileSystem();
  ASSERT_TRUE(base::WriteFileDurably(files, path, *answer).ok());
  auto engine = warehouse::Engine::Open({});
  ASSERT_TRUE(engine.ok());
  auto rows = engine->Query("SELECT rows, uids[2] FROM read_parquet(" + warehouse::SqlString(path) + ") WHERE PatientID = 'P1'");
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  ASSERT_TRUE(*rows->Next());
  EXPECT_EQ(rows->column(0).type().kind, warehouse::ValueKind::kInt64);
  EXPECT_EQ(rows->column(0).integer(0), 768);
  EXPECT_EQ(rows->column(1).text(0), "1.9.2");
}

}  // namespace
}  // namespace dicomhouse::query
