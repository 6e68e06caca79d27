#include <gmock/gmock.h>

#include "base/json.h"
#include "program_runner.h"

namespace dicomhouse::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class TablesCommandTest : public testing::Test {
 protected:
  void Export() {
    scratch_.Write("scans/a.dcm", Instance("1.1"));
    ASSERT_EQ(Dicomhouse(scratch_, {"export", scratch_.path("scans"), "--quiet", "--write-disposition", "write-append"}).code,
              kDone);
  }
  base::Json Json(const std::vector<std::string>& words) {
    const auto json = base::Json::Parse(Dicomhouse(scratch_, words).out);
    return json.ok() ? *json : base::Json();
  }

  Scratch scratch_;
};

TEST_F(TablesCommandTest, WithoutATableTheFirstCommandIsNamed) {
  const Outcome listed = Dicomhouse(scratch_, {"tables"});
  EXPECT_EQ(listed.code, kDone);
  EXPECT_THAT(listed.out, HasSubstr("There is no table yet"));
  EXPECT_THAT(listed.out, HasSubstr("dicomhouse export"));
  EXPECT_EQ(Dicomhouse(scratch_, {"tables", "--json"}).out, "[]\n");
}

TEST_F(TablesCommandTest, TablesAreListedWithTheirRows) {
  Export();
  EXPECT_THAT(Dicomhouse(scratch_, {"tables"}).out, HasSubstr("local.dicom.metadata_account"));
  const base::Json list = Json({"tables", "--json"});
  ASSERT_EQ(list.array().size(), 2U);
  EXPECT_EQ(list.array()[0]["table"].as_string(), "bq://local.dicom.metadata");
  EXPECT_EQ(list.array()[0]["rows"].as_int(), 1);
}

TEST_F(TablesCommandTest, AMisspeltNameNamesTheNearest) {
  Export();
  const Outcome shown = Dicomhouse(scratch_, {"table", "show", "metdata"});
  EXPECT_EQ(shown.code, kFailed);
  EXPECT_THAT(shown.err, HasSubstr("bq://local.dicom.metadata"));
  EXPECT_EQ(Dicomhouse(scratch_, {"table", "show", "a.b.c.d/e"}).code, kWrongUse);
}

TEST_F(TablesCommandTest, EachExportIsAVersionAndExpireForgetsTheOld) {
  Export();
  Export();
  Export();
  EXPECT_EQ(Json({"table", "versions", "metadata", "--json"}).array().size(), 3U);
  EXPECT_EQ(Json({"table", "expire", "metadata", "--older-than", "1", "--json"})["forgotten"].as_int(-1), 0);
  EXPECT_EQ(Json({"table", "expire", "metadata", "--keep", "2", "--json"})["forgotten"].as_int(-1), 1);
  const base::Json versions = Json({"table", "versions", "metadata", "--json"});
  ASSERT_EQ(versions.array().size(), 2U);
  EXPECT_TRUE(versions.array()[1]["current"].as_bool());
  EXPECT_EQ(versions.array()[1]["rows"].as_int(), 3);
}

TEST_F(TablesCommandTest, AnOverwrittenTableIsReadAsItWas) {
  Export();
  scratch_.Write("scans/b.dcm", Instance("1.2"));
  ASSERT_EQ(Dicomhouse(scratch_, {"export", scratch_.path("scans"), "--quiet", "--overwrite-table"}).code, kDone);
  const base::Json versions = Json({"table", "versions", "metadata", "--json"});
  ASSERT_EQ(versions.array().size(), 2U);
  const std::string old = std::to_string(versions.array()[0]["version"].as_int());
  const std::string count = "SELECT COUNT(*) AS n FROM metadata";
  EXPECT_EQ(Dicomhouse(scratch_, {"query", "--format", "csv", count}).out, "n\n2\n");
  const Outcome read = Dicomhouse(scratch_, {"query", "--format", "csv", "--version", old, count});
  EXPECT_EQ(read.out, "n\n1\n") << read.err;
  EXPECT_EQ(Json({"table", "show", "metadata", "--version", old, "--json"})["rows"].as_int(), 1);
  EXPECT_EQ(Json({"table", "show", "metadata", "--json"})["rows"].as_int(), 2);
  const Outcome never = Dicomhouse(scratch_, {"query", "--version", "17", count});
  EXPECT_EQ(never.code, kFailed);
  EXPECT_THAT(never.err, HasSubstr("1:27: table bq://local.dicom.metadata has no version 17, or it has expired"));
  EXPECT_EQ(Dicomhouse(scratch_, {"query", "--version", old, count + ", metadata_account"}).code, kWrongUse);
  EXPECT_EQ(Dicomhouse(scratch_, {"table", "show", "metadata", "--version", "17"}).code, kFailed);
  EXPECT_EQ(Dicomhouse(scratch_, {"query", "--version", "x", count}).code, kWrongUse);
}

TEST_F(TablesCommandTest, DropAsksAndWithoutAPersonWantsYes) {
  Export();
  const Outcome unasked = Dicomhouse(scratch_, {"table", "drop", "metadata"});
  EXPECT_EQ(unasked.code, kWrongUse);
  EXPECT_THAT(unasked.err, HasSubstr("--yes"));
  for (const char* no : {"n\n", "\n", "perhaps\n"}) {
    const Outcome kept = DicomhouseWith(no, scratch_, {"table", "drop", "metadata"});
    EXPECT_EQ(kept.code, kFailed) << no;
    EXPECT_THAT(kept.err, HasSubstr("[y/N] \nNothing dropped.\n")) << no;
  }
  const Outcome dropped = Dicomhouse(scratch_, {"table", "drop", "metadata", "--yes"});
  EXPECT_EQ(dropped.code, kDone);
  EXPECT_THAT(dropped.out, HasSubstr("metadata_account"));
  EXPECT_EQ(Dicomhouse(scratch_, {"table", "drop", "metadata", "--yes"}).code, kFailed);
  EXPECT_EQ(DicomhouseWith("y\n", scratch_, {"table", "drop", "metadata_account"}).code, kDone);
}

TEST_F(TablesCommandTest, AMovedWarehouseIsReadAndRelocated) {
  Export();
  std::filesystem::rename(scratch_.path("warehouse"), scratch_.path("moved"));
  EXPECT_EQ(Dicomhouse(scratch_, {"table", "show", "metadata"}).code, kFailed);
  const std::vector<std::string> there = {"--warehouse", scratch_.path("moved")};
  EXPECT_EQ(Dicomhouse(scratch_, {"table", "show", "metadata", there[0], there[1]}).code, kDone);
  EXPECT_EQ(Dicomhouse(scratch_, {"table", "relocate", "metadata", there[0], there[1]}).code, kDone);
  EXPECT_EQ(Dicomhouse(scratch_, {"table", "show", "metadata", there[0], there[1]}).code, kDone);
}

}  // namespace
}  // namespace dicomhouse::cli
