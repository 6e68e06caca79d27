#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "base/json.h"
#include "program_runner.h"

namespace dicomhouse::cli {
namespace {

using testing::HasSubstr;

class SchemaCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    scratch_.Write("scans/a.dcm", Instance("1.1"));
    scratch_.Write("scans/b.dcm", Instance("1.2", "MR", Element(0x00100040, "CS", "F")));
  }
  std::string Scans() const { return scratch_.path("scans"); }

  Scratch scratch_;
};

TEST_F(SchemaCommandTest, IsTheOneOfTheTableThatAnExportMakes) {
  const Outcome schema = Dicomhouse(scratch_, {"schema", Scans(), "--quiet"});
  ASSERT_EQ(schema.code, kDone) << schema.err;
  EXPECT_FALSE(std::filesystem::exists(scratch_.path("warehouse")));
  ASSERT_EQ(Dicomhouse(scratch_, {"export", Scans(), "--quiet"}).code, kDone);
  EXPECT_EQ(Dicomhouse(scratch_, {"schema", "--table", "metadata"}).out, schema.out);
}

TEST_F(SchemaCommandTest, IsTheSameForAnyOrderAndNumberOfThreads) {
  const std::string a = scratch_.path("scans/a.dcm");
  const std::string b = scratch_.path("scans/b.dcm");
  const std::string first = Dicomhouse(scratch_, {"schema", a, b, "--threads", "1"}).out;
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(Dicomhouse(scratch_, {"schema", b, a, "--threads", "1"}).out, first);
  EXPECT_EQ(Dicomhouse(scratch_, {"schema", b, a, "--threads", "4"}).out, first);
}

TEST_F(SchemaCommandTest, ColumnsNoneIsGooglesTable) {
  EXPECT_THAT(Dicomhouse(scratch_, {"schema", Scans()}).out, HasSubstr("SourcePath"));
  EXPECT_THAT(Dicomhouse(scratch_, {"schema", "--columns", "none", Scans()}).out, testing::Not(HasSubstr("SourcePath")));
}

TEST_F(SchemaCommandTest, DiffOfTheSameIs0OfOthers1OfNothing2) {
  const std::string json = scratch_.Write("schema.json", Dicomhouse(scratch_, {"schema", Scans()}).out);
  EXPECT_EQ(Dicomhouse(scratch_, {"schema", "diff", json, Scans()}).code, 0);
  const Outcome different = Dicomhouse(scratch_, {"schema", "diff", scratch_.path("scans/a.dcm"), json});
  EXPECT_EQ(different.code, 1);
  EXPECT_THAT(different.out, HasSubstr("+ PatientSex  STRING NULLABLE"));
  const Outcome nothing = Dicomhouse(scratch_, {"schema", "diff", json, scratch_.path("nothing")});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("neither a file"));
}

TEST_F(SchemaCommandTest, DiffSaysWhichTypesAndModesDiffer) {
  const std::string one = scratch_.Write("one.json", R"([{"name": "A", "type": "STRING"}, {"name": "B", "type": "DATE"}])");
  const std::string two = scratch_.Write("two.json", R"({"schema": {"fields": [{"name": "B", "type": "STRING"},
      {"name": "R", "type": "RECORD", "mode": "REPEATED", "fields": [{"name": "X", "type": "INT64"}]}]}})");
  const auto json = base::Json::Parse(Dicomhouse(scratch_, {"schema", "diff", one, two, "--json"}).out);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["onlyInFirst"].array().size(), 1U);
  EXPECT_EQ((*json)["onlyInSecond"].array()[1]["field"].as_string(), "R.X");
  EXPECT_EQ((*json)["different"].array()[0]["second"].as_string(), "STRING NULLABLE");
}

TEST_F(SchemaCommandTest, WhyNamesTheFirstFileTheRuleAndTheDictionary) {
  const Outcome why = Dicomhouse(scratch_, {"schema", "--why", "PatientSex", Scans()});
  EXPECT_EQ(why.code, kDone) << why.err;
  EXPECT_THAT(why.out, HasSubstr("PatientSex: STRING NULLABLE"));
  EXPECT_THAT(why.out, HasSubstr("scans/b.dcm"));
  EXPECT_THAT(why.out, HasSubstr("(0010,0040) PatientSex \"Patient's Sex\", VR CS, VM 1"));
  EXPECT_THAT(why.out, HasSubstr("VR CS makes STRING"));
}

TEST_F(SchemaCommandTest, WhyGoesIntoSequencesAndGivesTheOffset) {
  const auto json =
      base::Json::Parse(Dicomhouse(scratch_, {"schema", "--why", "RequestAttributesSequence.0040,0009", Scans(), "--json"}).out);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["tagPath"].as_string(), "0040,0275[0].0040,0009");
  const std::string file = ReadFile((*json)["file"].as_string());
  EXPECT_EQ(file.substr(static_cast<size_t>((*json)["offset"].as_int()), 6), std::string("\x40\0\x09\0SH", 6));
}

TEST_F(SchemaCommandTest, WhySaysWhyThereIsNoColumn) {
  EXPECT_THAT(Dicomhouse(scratch_, {"schema", "--why", "PixelData", Scans()}).out, HasSubstr("named in DroppedTags"));
  EXPECT_THAT(Dicomhouse(scratch_, {"schema", "--why", "Tag_00091001", Scans()}).out, HasSubstr("OtherElements"));
  const Outcome none = Dicomhouse(scratch_, {"schema", "--why", "PatientSxe", Scans()});
  EXPECT_EQ(none.code, kFailed);
  EXPECT_THAT(none.err, HasSubstr("did you mean PatientSex?"));
}

TEST_F(SchemaCommandTest, DiffRefusesWhatIsNeitherASchemaNorDicom) {
  const std::string json = scratch_.Write("schema.json", Dicomhouse(scratch_, {"schema", Scans()}).out);
  std::filesystem::create_directories(scratch_.path("nothing"));
  const std::string object = scratch_.Write("e.json", "{}");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {scratch_.Write("filter.txt", "/studies/1.2\n"), "filter.txt: neither a BigQuery schema in JSON nor DICOM"},
      {scratch_.Write("empty", ""), "empty: neither a BigQuery schema in JSON nor DICOM"},
      {scratch_.path("nothing"), "nothing: no DICOM instance"},
      {object, "e.json: a list of fields is expected"}};
  for (const auto& [other, text] : cases) {
    for (const bool first : {true, false}) {
      const Outcome refused = Dicomhouse(scratch_, {"schema", "diff", first ? other : json, first ? json : other});
      EXPECT_EQ(refused.code, 2) << other;
      EXPECT_THAT(refused.err, HasSubstr(text));
      EXPECT_EQ(refused.out, "");
    }
  }
}

TEST_F(SchemaCommandTest, AnInterruptSaysNothingOfATable) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Running slow(scratch_, {"schema", "-", "--quiet"}, ends[0]);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  ::kill(slow.process(), SIGINT);
  const Outcome stopped = slow.Wait();
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(stopped.code, kInterrupted) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("stopped before the end"));
  EXPECT_THAT(stopped.err, testing::Not(HasSubstr("table")));
}

TEST_F(SchemaCommandTest, WhyKnowsTheColumnsThatNoElementMakes) {
  EXPECT_THAT(Dicomhouse(scratch_, {"schema", "--why", "BulkData", Scans()}).out, HasSubstr("--profile lossless only"));
  const Outcome lossless = Dicomhouse(scratch_, {"schema", "--why", "BulkData", "--profile", "lossless", Scans(), "--json"});
  EXPECT_EQ(lossless.code, kDone) << lossless.err;
  const auto json = base::Json::Parse(lossless.out);
  ASSERT_TRUE(json.ok());
  EXPECT_THAT((*json)["rule"].as_string(), HasSubstr("value that has no column"));
  EXPECT_THAT(Dicomhouse(scratch_, {"schema", "--why", "SourceSize", Scans()}).out, HasSubstr("--columns"));
  // Copies of an instance are files of their own.
  scratch_.Write("scans/copy.dcm", Instance("1.1"));
  EXPECT_THAT(Dicomhouse(scratch_, {"schema", "--why", "Rows", Scans()}).err, HasSubstr("none of 3 DICOM files has it"));
}

}  // namespace
}  // namespace dicomhouse::cli
