// The page that this program implements shows three queries and two answers: they are read out of the page's own text,
// which lies beside the repository where the specification is checked out.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "tests/query/question.h"
#include "tests/support/source_tree.h"

namespace dicomhouse::query {
namespace {

using Page = std::string;

Page ReadPage() {
  std::ifstream file(dicomhouse::test_support::SharedFolder() / "spec" / "seed-original-pt.txt", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Between(const Page& page, const std::string& from, const std::string& to) {
  const size_t begin = page.find(from);
  if (begin == std::string::npos) return "";
  return page.substr(begin, page.find(to, begin + from.size()) - begin);
}

// The answer that begins with a row of `field`, up to its closing bracket.
std::string AnswerOnPage(const Page& page, const std::string& field) {
  const size_t begin = page.find("[\n  {\n    \"" + field + "\"");
  return begin == std::string::npos ? "" : page.substr(begin, page.find("\n]\n", begin) + 3 - begin);
}

// Each value of `field` in a JSON text, in order.
std::vector<std::string> Values(const std::string& json, const std::string& field) {
  std::vector<std::string> values;
  const std::regex pattern("\"" + field + "\": \"([^\"]*)\"");
  for (std::sregex_iterator at(json.begin(), json.end(), pattern), end; at != end; ++at) values.push_back((*at)[1]);
  return values;
}

class PageTest : public testing::Test {
 protected:
  void SetUp() override {
    page_ = ReadPage();
    if (page_.empty()) GTEST_SKIP() << "the page's text is not beside the repository";
  }

  Page page_;
  House house_;
};

table::Schema Uids(std::vector<Field> more) {
  std::vector<Field> fields = {Column("PatientID"), Column("StudyInstanceUID"), Column("SeriesInstanceUID"),
                               Column("SOPInstanceUID")};
  for (Field& field : more) fields.push_back(std::move(field));
  return {fields};
}

TEST_F(PageTest, TheFirstQueryGivesThePagesAnswerToTheCharacter) {
  const std::string expected = AnswerOnPage(page_, "DICOMwebPath");
  const std::string sql = Between(page_, "#standardSQL\nSELECT CONCAT('/dicomWeb", "\n\n");
  ASSERT_FALSE(expected.empty());
  ASSERT_NE(sql.find("`chc-nih-chest-xray.nih_chest_xray.nih_chest_xray`"), std::string::npos);
  std::string rows;
  const std::regex path("/studies/([0-9.]+)/series/([0-9.]+)/instances/([0-9.]+)");
  for (const std::string& value : Values(expected, "DICOMwebPath")) {
    std::smatch match;
    ASSERT_TRUE(std::regex_search(value, match, path));
    rows += (rows.empty() ? "SELECT '19045' AS PatientID, '" : " UNION ALL SELECT '19045', '") + match[1].str() +
            "' AS StudyInstanceUID, '" + match[2].str() + "' AS SeriesInstanceUID, '" + match[3].str() + "' AS SOPInstanceUID";
  }
  house_.Make("chc-nih-chest-xray.nih_chest_xray.nih_chest_xray", Uids({}), {rows + " UNION ALL SELECT '1', '2', '3', '4'"});
  const auto answer = house_.Ask(sql);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(*answer, expected);
}

TEST_F(PageTest, TheQueryOfTheLatestStudiesGivesThePagesAnswerToTheCharacter) {
  const std::string expected = AnswerOnPage(page_, "StudyDateTime");
  const std::string sql = Between(page_, "#standardSQL\nSELECT\n  MIN(CONCAT(StudyDate", "\n\n");
  ASSERT_FALSE(expected.empty());
  const auto times = Values(expected, "StudyDateTime");
  const auto patients = Values(expected, "PatientID");
  const auto studies = Values(expected, "StudyInstanceUID");
  const auto counts = Values(expected, "InstanceCount");
  ASSERT_EQ(times.size(), 10U);
  ASSERT_EQ(counts.size(), 10U);
  std::string rows =
      "SELECT 'P' AS PatientID, 'old' AS StudyInstanceUID, '' AS SeriesInstanceUID, '' AS SOPInstanceUID, "
      "DATE '2020-01-01' AS StudyDate, TIME '00:00:01' AS StudyTime";
  for (size_t i = 0; i < times.size(); ++i) {
    rows += " UNION ALL SELECT '" + patients[i] + "', '" + studies[i] + "', '', n::VARCHAR, DATE '" + times[i].substr(0, 10) +
            "', TIME '" + times[i].substr(11) + "' FROM range(" + counts[i] + ") AS r(n)";
  }
  house_.Make("bigquery-public-data.idc_v5.dicom_metadata",
              Uids({Column("StudyDate", Type::kDate), Column("StudyTime", Type::kTime)}), {rows});
  const auto answer = house_.Ask(sql);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(*answer, expected);
}

TEST_F(PageTest, TheQueryForAFilterFileWritesItsLines) {
  const std::string sql = Between(page_, "SELECT CONCAT\n        ('/studies/'", "\n    \n");
  ASSERT_NE(sql.find("[PROJECT_ID:BIGQUERY_DATASET.BIGQUERY_TABLE]"), std::string::npos);
  house_.Make("PROJECT_ID.BIGQUERY_DATASET.BIGQUERY_TABLE", Uids({}),
              {"SELECT 'P' AS PatientID, '1.2' AS StudyInstanceUID, '3.4' AS SeriesInstanceUID, '5.6' AS SOPInstanceUID"});
  EXPECT_EQ(house_.Rows(sql), "/studies/1.2/series/3.4/instances/5.6\n");
}

TEST(JsonShape, OneColumnRowsStandApartAndOthersAreJoined) {
  const House house;
  const auto one = house.Ask("SELECT x FROM UNNEST(['a', 'b']) AS x ORDER BY x");
  ASSERT_TRUE(one.ok()) << one.error().message;
  EXPECT_EQ(*one, "[\n  {\n    \"x\": \"a\"\n  },\n  {\n    \"x\": \"b\"\n  }\n]\n");
  const auto two = house.Ask("SELECT x, 1 AS y FROM UNNEST(['a', 'b']) AS x ORDER BY x");
  ASSERT_TRUE(two.ok()) << two.error().message;
  EXPECT_EQ(*two, "[\n  {\n    \"x\": \"a\",\n    \"y\": \"1\"\n  }, {\n    \"x\": \"b\",\n    \"y\": \"1\"\n  }\n]\n");
  EXPECT_EQ(*house.Ask("SELECT 1 AS x FROM UNNEST([1]) AS y WHERE FALSE"), "[]\n");
}

}  // namespace
}  // namespace dicomhouse::query
