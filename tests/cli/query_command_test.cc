#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/cli/program_runner.h"

namespace dicomhouse::cli {
namespace {

TEST(QueryCommand, AnswersBecomeTables) {
  const Scratch scratch;
  for (const char* uid : {"1.1", "1.2", "1.3"}) scratch.Write(std::string("in/") + uid + ".dcm", Instance(uid));
  ASSERT_EQ(Dicomhouse(scratch, {"export", scratch.path("in")}).code, 0);
  const std::string sql =
      "SELECT SOPInstanceUID AS uid, COUNT(*) AS n, 1.5 AS real, true AS yes, DATE '2026-11-23' AS day, TIME '12:30:45.5' AS "
      "time, "
      "TIMESTAMP '2026-11-23 12:00:00+00' AS moment, b'x' AS bytes, [1, 2] AS list, STRUCT('a' AS s, [STRUCT(2 AS t)] AS u) AS "
      "record, "
      "NULL AS nothing FROM metadata GROUP BY SOPInstanceUID";
  const auto into = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"query", sql, "--destination-table", "made"});
    return Dicomhouse(scratch, std::move(more));
  };
  const Outcome made = into({});
  EXPECT_EQ(made.out, "3 rows in local.dicom.made\n") << made.err;
  const Outcome again = into({});
  EXPECT_EQ(again.code, 1);
  EXPECT_NE(again.err.find("--append"), std::string::npos) << again.err;
  EXPECT_EQ(into({"--append"}).out, "3 rows in local.dicom.made\n");
  const Outcome read =
      Dicomhouse(scratch, {"query", "--format", "csv", "SELECT DISTINCT * EXCEPT (list, record, bytes) FROM made ORDER BY uid"});
  EXPECT_EQ(read.out,
            "uid,n,real,yes,day,time,moment,nothing\n"
            "1.1,1,1.5,true,2026-11-23,12:30:45.500000,2026-11-23 12:00:00 UTC,\n"
            "1.2,1,1.5,true,2026-11-23,12:30:45.500000,2026-11-23 12:00:00 UTC,\n"
            "1.3,1,1.5,true,2026-11-23,12:30:45.500000,2026-11-23 12:00:00 UTC,\n")
      << read.err;
  EXPECT_EQ(
      Dicomhouse(scratch, {"query", "--format", "csv", "SELECT COUNT(*) AS n, MAX(record.u[OFFSET(0)].t) AS t FROM made"}).out,
      "n,t\n6,2\n");
  EXPECT_EQ(into({"--replace"}).code, 0);
  EXPECT_EQ(Dicomhouse(scratch, {"query", "--format", "csv", "SELECT COUNT(*) AS n FROM made"}).out, "n\n3\n");
}

TEST(QueryCommand, EmptyAnswersAreEmptyTables) {
  const Scratch scratch;
  scratch.Write("in/1.dcm", Instance("1.1"));
  ASSERT_EQ(Dicomhouse(scratch, {"export", scratch.path("in")}).code, 0);
  const Outcome made = Dicomhouse(scratch, {"query", "SELECT Modality FROM metadata WHERE false", "--destination-table", "none"});
  EXPECT_EQ(made.out, "0 rows in local.dicom.none\n") << made.err;
  EXPECT_EQ(Dicomhouse(scratch, {"query", "--format", "csv", "SELECT * FROM none"}).out, "Modality\n");
  EXPECT_EQ(Dicomhouse(scratch, {"query", "SELECT nowhere FROM metadata", "--destination-table", "x"}).code, 2);
  EXPECT_EQ(Dicomhouse(scratch, {"query", "SELECT 1", "--append"}).code, 2);
}

TEST(QueryCommand, AKilledQuestionLeavesNothingInTheTemporaryFolder) {
  const Scratch scratch;
  const std::string folder = scratch.path("temporary");
  std::filesystem::create_directories(folder);
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before != nullptr ? before : "/tmp";
  ::setenv("TMPDIR", folder.c_str(), 1);
  const std::string endless =
      "SELECT a, b, c FROM UNNEST(GENERATE_ARRAY(1, 100000)) a, UNNEST(GENERATE_ARRAY(1, 100000)) b, "
      "UNNEST(GENERATE_ARRAY(1, 100000)) c";
  const Running slow(scratch, {"query", "--format", "parquet", endless}, -1);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  ::kill(slow.process(), SIGTERM);
  const Outcome killed = slow.Wait();
  const Outcome done = Dicomhouse(scratch, {"query", "--format", "parquet", "SELECT 1 AS a"});
  ::setenv("TMPDIR", kept.c_str(), 1);
  EXPECT_EQ(killed.code, -SIGTERM) << killed.err;
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(done.out.substr(0, 4), "PAR1") << done.err;
}

TEST(QueryCommand, MessagesAreAboutTheQuestionAndNotAboutTheEngine) {
  const Scratch scratch;
  std::string chain = "SELECT 1";
  for (int i = 0; i < 3000; ++i) chain += "-1";
  std::string nots = "SELECT ";
  for (int i = 0; i < 20000; ++i) nots += "NOT ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {chain, "nested too deeply: 1,000 levels"},
      {nots + "true", "the question is nested too deeply"},
      {"SELECT * FROM INFORMATION_SCHEMA.TABLES", "INFORMATION_SCHEMA is not supported: `dicomhouse tables`"},
      {"SELECT * FROM `local.dicom.information_schema.columns`", "INFORMATION_SCHEMA is not supported"},
      {"SELECT nothing", "1:8: there is no column nothing: the question has no FROM"}};
  for (const auto& [sql, text] : cases) {
    const Outcome refused = Dicomhouse(scratch, {"query", sql});
    EXPECT_NE(refused.code, 0);
    EXPECT_NE(refused.err.find(text), std::string::npos) << refused.err;
    EXPECT_EQ(refused.err.find("SET max_"), std::string::npos) << refused.err;
    EXPECT_EQ(refused.err.find("memory"), std::string::npos) << refused.err;
  }
}

TEST(QueryCommand, AQuestionThatIsNotUnderstoodIsWrongUseWhateverIsWrongInIt) {
  const Scratch scratch;
  for (const char* sql : {"SELECT", "SELECT nofunction(1)", "SELECT nocolumn", "SELECT CAST(1 AS NOTYPE)",
                          "SELECT * FROM INFORMATION_SCHEMA.TABLES", "SELECT @parameter"}) {
    EXPECT_EQ(Dicomhouse(scratch, {"query", sql}).code, kWrongUse) << sql;
  }
  EXPECT_EQ(Dicomhouse(scratch, {"query", "SELECT 1 FROM notable"}).code, kFailed);
}

TEST(QueryCommand, CountsThatCannotBeAreWrongUse) {
  const Scratch scratch;
  for (const auto& [flag, value] : std::vector<std::pair<std::string, std::string>>{
           {"--threads", "-1"}, {"--threads", "0"}, {"--threads", "100000"}, {"--max-rows", "-1"}, {"--max-rows", "x"}}) {
    const Outcome refused = Dicomhouse(scratch, {"query", "SELECT 1 AS a", flag, value});
    EXPECT_EQ(refused.code, kWrongUse) << flag << value;
    EXPECT_NE(refused.err.find(flag), std::string::npos) << refused.err;
    EXPECT_NE(refused.err.find(value), std::string::npos) << refused.err;
  }
  EXPECT_EQ(Dicomhouse(scratch, {"query", "SELECT 1 AS a", "--threads", "1", "--max-rows", "0", "--format", "csv"}).out,
            "a\n1\n");
}

TEST(QueryCommand, AMissingFileOfTheTableIsSaidToBeMissing) {
  const Scratch scratch;
  scratch.Write("in/1.dcm", Instance("1.1"));
  ASSERT_EQ(Dicomhouse(scratch, {"export", scratch.path("in")}).code, 0);
  const std::filesystem::path data = scratch.path("warehouse/local/dicom/metadata/data");
  std::filesystem::path part;
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    if (entry.path().extension() == ".parquet") part = entry.path();
  }
  std::filesystem::remove(part);
  const Outcome failed = Dicomhouse(scratch, {"query", "SELECT Modality FROM metadata"});
  EXPECT_EQ(failed.code, kFailed);
  EXPECT_EQ(failed.err, "dicomhouse: local.dicom.metadata: a file of the table is missing: " + part.string() + "\n");
}

TEST(QueryCommand, ParquetIsNotForATerminal) {
  const Scratch scratch;
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(::grantpt(terminal) + ::unlockpt(terminal), 0);
  const Outcome refused = DicomhouseInto(::ptsname(terminal), scratch, {"query", "SELECT 1 AS a", "--format", "parquet"});
  const Outcome shown = DicomhouseInto(::ptsname(terminal), scratch, {"query", "SELECT 1 AS a"});
  ::close(terminal);
  EXPECT_EQ(refused.code, kWrongUse);
  EXPECT_NE(refused.err.find("not for a terminal"), std::string::npos) << refused.err;
  EXPECT_EQ(shown.code, kDone) << shown.err;
}

}  // namespace
}  // namespace dicomhouse::cli
