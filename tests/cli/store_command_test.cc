#include <gmock/gmock.h>

#include "base/json.h"
#include "program_runner.h"

namespace dicomhouse::cli {
namespace {

using testing::HasSubstr;

TEST(StoreCommandTest, AStoreThatIsNoNameIsAskedForInBothForms) {
  const Scratch scratch;
  const std::string scan = scratch.Write("scans/a.dcm", Instance("1.1"));
  const Outcome refused = Dicomhouse(scratch, {"store", "add", scan, "--data", scratch.path("data"), "--store", "hospital"});
  EXPECT_EQ(refused.code, kWrongUse);
  EXPECT_THAT(refused.err, HasSubstr("--store: 'hospital' is neither DATASET/STORE nor projects/*/locations/*"));
}

TEST(StoreCommandTest, WhatTheWalkCannotReadHasFailed) {
  const Scratch scratch;
  scratch.Write("scans/a.dcm", Instance("1.1"));
  std::filesystem::create_symlink("nowhere", scratch.path("scans/dangling"));
  const Outcome done =
      Dicomhouse(scratch, {"store", "add", scratch.path("scans"), "--data", scratch.path("data"), "--store", "d/s", "--json"});
  EXPECT_EQ(done.code, kDoneWithFailures);
  EXPECT_THAT(done.err, HasSubstr("scans/dangling: can't look at: No such file or directory\n"));
  const auto json = base::Json::Parse(done.out);
  ASSERT_TRUE(json.ok()) << done.out;
  EXPECT_EQ((*json)["files"].as_int(), 2);
  EXPECT_EQ((*json)["failed"].as_int(), 1);
}

TEST(StoreCommandTest, OneIsSingular) {
  const Scratch scratch;
  const std::string scan = scratch.Write("scans/a.dcm", Instance("1.1"));
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--data", scratch.path("data")});
    return Dicomhouse(scratch, words).out;
  };
  EXPECT_THAT(run({"store", "add", scan, "--store", "d/s"}), HasSubstr("1 instance stored"));
  EXPECT_THAT(run({"store", "verify"}), HasSubstr("1 instance, 0 objects: all"));
  EXPECT_THAT(Dicomhouse(scratch, {"export", scan}).out, HasSubstr("1 instance in "));
  EXPECT_THAT(Dicomhouse(scratch, {"export", scan, "--overwrite-table"}).code, kDone);
  EXPECT_THAT(Dicomhouse(scratch, {"table", "expire", "metadata"}).out, HasSubstr(": 1 version forgotten, 1 kept; "));
  EXPECT_EQ(Dicomhouse(scratch, {"query", "SELECT 1 AS a", "--destination-table", "t"}).out, "1 row in local.dicom.t\n");
}

}  // namespace
}  // namespace dicomhouse::cli
