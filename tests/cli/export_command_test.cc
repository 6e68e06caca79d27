#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "base/json.h"
#include "program_runner.h"
#include "warehouse/engine.h"

namespace dicomhouse::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The first value of the first row.
int64_t Number(const std::string& sql) {
  auto engine = warehouse::Engine::Open({});
  const auto text = engine->Text("SELECT CAST((" + sql + ") AS VARCHAR) WHERE ? = ''", "");
  return text.ok() ? std::stoll(*text) : -1;
}

std::vector<std::string> Fields(const base::Json& json) {
  std::vector<std::string> names;
  for (const auto& [name, value] : json.object()) names.push_back(name);
  return names;
}

class ExportCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    scratch_.Write("scans/a.dcm", Instance("1.1"));
    scratch_.Write("scans/b.dcm", Instance("1.2", "MR"));
  }
  Outcome Export(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"export", scratch_.path("scans"), "--quiet"});
    return Dicomhouse(scratch_, more);
  }
  int64_t Rows() {
    const Outcome shown = Dicomhouse(scratch_, {"table", "show", "metadata", "--json"});
    const auto json = base::Json::Parse(shown.out);
    return json.ok() ? (*json)["rows"].as_int(-1) : -1;
  }

  Scratch scratch_;
};

TEST_F(ExportCommandTest, SaysWhatItDidAndWhatToTryNext) {
  const Outcome done = Export();
  EXPECT_EQ(done.code, kDone) << done.err;
  EXPECT_THAT(done.out, HasSubstr("2 instances in bq://local.dicom.metadata"));
  EXPECT_THAT(done.out, HasSubstr("Next:\n  dicomhouse query"));
  EXPECT_THAT(done.err, IsEmpty());
}

// What a shell makes of a line: its words.
std::vector<std::string> ShellWords(const std::string& line) {
  std::vector<std::string> words;
  FILE* shell = ::popen(("printf '%s\\0' " + line).c_str(), "r");
  std::string word;
  for (int c = std::fgetc(shell); c != EOF; c = std::fgetc(shell)) {
    if (c == 0) words.push_back(std::exchange(word, ""));
    if (c != 0) word += static_cast<char>(c);
  }
  ::pclose(shell);
  return words;
}

// Runs what stands behind "Next:". Returns how many commands there were.
int RunNext(const Scratch& scratch, const std::string& printed) {
  int count = 0;
  const size_t next = printed.find("Next:\n");
  std::istringstream lines(next == std::string::npos ? "" : printed.substr(next + 6));
  for (std::string line; std::getline(lines, line); ++count) {
    std::vector<std::string> words = ShellWords(line);
    if (words.front() == "dicomhouse") {
      words.erase(words.begin());
      const Outcome done = Dicomhouse(scratch, words);
      EXPECT_EQ(done.code, kDone) << line << "\n" << done.err;
      continue;
    }
    EXPECT_EQ(words.front(), "duckdb") << line;
    EXPECT_EQ(words.size(), 3U) << line;
    auto engine = warehouse::Engine::Open({});
    if (words[1] != "-c") {
      EXPECT_TRUE(engine->Execute("ATTACH " + warehouse::SqlString(words[1]) + " AS t (READ_ONLY)").ok()) << line;
      EXPECT_TRUE(engine->Execute("USE t").ok());
    }
    const base::Status done = engine->Execute(words[2]);
    EXPECT_TRUE(done.ok()) << line << "\n" << done.error().message;
  }
  return count;
}

TEST_F(ExportCommandTest, WhatIsSuggestedNextRunsInAShellForEachNameOfATable) {
  for (const std::string table : {"metadata", "t1", "a.b.c.d", "project:dataset.t", "my table", "tab-le_ü", "group", "d.select",
                                  "local.dicom.x", "example.com:p.d.t"}) {
    const Outcome done = Export({"--bq-table", table});
    ASSERT_EQ(done.code, kDone) << done.err;
    EXPECT_EQ(RunNext(scratch_, done.out), 2) << table;
    const Outcome shown = Dicomhouse(scratch_, {"table", "show", table});
    EXPECT_EQ(RunNext(scratch_, shown.out), 2) << table;
  }
  for (const std::string folder : {"house", "my house", "$HOME's `x` !\\"}) {
    const Outcome done = Export({"--warehouse", scratch_.path(folder), "--dataset", "other"});
    EXPECT_EQ(RunNext(scratch_, done.out), 2) << folder;
    const Outcome shown = Dicomhouse(scratch_, {"table", "show", "other.metadata", "--warehouse", scratch_.path(folder)});
    EXPECT_EQ(RunNext(scratch_, shown.out), 2) << folder;
  }
}

TEST_F(ExportCommandTest, WhatIsSuggestedNextRunsForEachNameOfAFile) {
  for (const std::string name :
       {"out.parquet", "no ending", "it's.parquet", "a b/", "x[1]*?.parquet", "y[1]/", "q\"$`.parquet"}) {
    const Outcome done = Export({"--parquet", scratch_.path(name)});
    ASSERT_EQ(done.code, kDone) << name << done.err;
    EXPECT_EQ(RunNext(scratch_, done.out), 1) << name;
  }
  for (const std::string name : {"out.duckdb", "my scans.db", "it's"}) {
    const Outcome done = Export({"--duckdb", scratch_.path(name), "--bq-table", "my table"});
    ASSERT_EQ(done.code, kDone) << name << done.err;
    EXPECT_EQ(RunNext(scratch_, done.out), 1) << name;
  }
  const Outcome folder = Export({"--duckdb", scratch_.path("dd/")});
  EXPECT_EQ(folder.code, kWrongUse);
  EXPECT_THAT(folder.err, HasSubstr("dd/ is a folder"));
}

TEST_F(ExportCommandTest, NothingIsSuggestedThatTheRowsCannotAnswer) {
  const std::string plain = Part10(Element(0x00080018, "UI", "1.9") + Element(0x00100010, "PN", "Doe^Jane"));
  const std::string broken = std::string(128, '\0') + "DICM";
  const std::vector<std::pair<std::string, int>> cases = {{"no DICOM", 0}, {plain, 1}, {broken, 1}};
  for (const auto& [bytes, commands] : cases) {
    const std::string file = scratch_.Write("other/file", bytes);
    const Outcome done = Dicomhouse(scratch_, {"export", file, "--overwrite-table"});
    EXPECT_EQ(RunNext(scratch_, done.out), commands) << done.out;
  }
}

// The shards' processes run at once and append to one table.
TEST_F(ExportCommandTest, ShardsTogetherAreOneExport) {
  for (int i = 0; i < 40; ++i) scratch_.Write("scans/many/" + std::to_string(i), Instance("2." + std::to_string(i % 30)));
  scratch_.Write("scans/text.txt", "no DICOM");
  scratch_.Write("scans/broken.dcm", std::string(128, '\0') + "DICM");
  const auto answer = [this](const std::string& table) {
    const Outcome rows = Dicomhouse(scratch_, {"query", "--format", "csv", "SELECT * FROM " + table + " ORDER BY SourcePath"});
    const Outcome lines = Dicomhouse(scratch_, {"query", "--format", "csv",
                                                "SELECT SourcePath, SOPInstanceUID, TagPath, Reason, Excerpt FROM " + table +
                                                    "_account ORDER BY 1, 2, 3, 4, 5"});
    EXPECT_EQ(rows.code + lines.code, 0) << rows.err << lines.err;
    return rows.out + lines.out;
  };
  EXPECT_EQ(Export({"--bq-table", "whole"}).code, kDoneWithFailures);
  std::vector<Running> runs;
  for (const char* shard : {"1/3", "2/3", "3/3"}) {
    runs.emplace_back(scratch_,
                      std::vector<std::string>{"export", scratch_.path("scans"), "--quiet", "--bq-table", "parts",
                                               "--write-disposition", "write-append", "--shard", shard, "--json"},
                      -1);
  }
  int64_t rows = 0;
  int64_t skipped = 0;
  int64_t failed = 0;
  for (const Running& run : runs) {
    const Outcome done = run.Wait();
    EXPECT_THAT(done.code, testing::AnyOf(kDone, kDoneWithFailures)) << done.err;
    const auto json = base::Json::Parse(done.out);
    ASSERT_TRUE(json.ok()) << done.out;
    rows += (*json)["instances"].as_int();
    skipped += (*json)["skipped"].as_int();
    failed += done.code == kDoneWithFailures ? 1 : 0;
    EXPECT_LT((*json)["instances"].as_int(), 32) << "no shard has all";
  }
  EXPECT_EQ(rows, 32);
  EXPECT_EQ(skipped, 1);
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(answer("parts"), answer("whole"));
  for (const char* wrong : {"0/3", "4/3", "1", "1/", "/3", "a/b", "1/3x", "-1/3"}) {
    const Outcome refused = Export({"--shard", wrong});
    EXPECT_EQ(refused.code, kWrongUse) << wrong;
    EXPECT_THAT(refused.err, HasSubstr("I/N")) << wrong;
  }
}

TEST_F(ExportCommandTest, AnExistingTableIsAnErrorThatNamesTheWaysOut) {
  ASSERT_EQ(Export().code, kDone);
  const Outcome again = Export();
  EXPECT_EQ(again.code, kFailed);
  EXPECT_THAT(again.err, HasSubstr("bq://local.dicom.metadata"));
  EXPECT_THAT(again.err, HasSubstr("append"));
  EXPECT_THAT(again.err, HasSubstr("overwrite"));
  EXPECT_EQ(Rows(), 2);
}

TEST_F(ExportCommandTest, DispositionsAppendTruncateAndRefuseRows) {
  EXPECT_EQ(Export({"--write-disposition", "write-empty"}).code, kDone);
  EXPECT_EQ(Export({"--write-disposition", "write-empty"}).code, kFailed);
  EXPECT_EQ(Export({"--write-disposition", "write-append"}).code, kDone);
  EXPECT_EQ(Rows(), 4);
  EXPECT_EQ(Export({"--overwrite-table"}).code, kDone);
  EXPECT_EQ(Rows(), 2);
}

// Names of files are bytes; what is no UTF-8 of them would make the whole table unreadable.
TEST_F(ExportCommandTest, NamesOfFilesThatAreNotUtf8CanBeRead) {
  scratch_.Write(
      "scans/Stra\xDF"
      "e.dcm",
      Instance("1.3"));
  std::filesystem::create_symlink("/nowhere at all", scratch_.path("scans/cut\xFF.dcm"));
  ASSERT_EQ(Export().code, kDoneWithFailures);
  const std::string sql = "SELECT SourcePath FROM metadata WHERE SOPInstanceUID = '1.3'";
  EXPECT_THAT(Dicomhouse(scratch_, {"query", "--format", "csv", sql}).out, HasSubstr("/scans/Stra\\xDFe.dcm\n"));
  const Outcome account = Dicomhouse(scratch_, {"query", "--format", "csv", "SELECT SourcePath FROM metadata_account"});
  EXPECT_THAT(account.out, HasSubstr("/scans/cut\\xFF.dcm\n"));
  EXPECT_EQ(Export({"--parquet", scratch_.path("p.parquet")}).code, kDoneWithFailures);
  EXPECT_EQ(Export({"--duckdb", scratch_.path("d.duckdb")}).code, kDoneWithFailures);
  const Outcome why = Dicomhouse(scratch_, {"schema", "--why", "SOPInstanceUID", "--json",
                                            scratch_.path("scans/Stra\xDF"
                                                          "e.dcm")});
  EXPECT_TRUE(base::Json::Parse(why.out).ok()) << why.out;
}

TEST_F(ExportCommandTest, AWarehouseWhoseNameIsNotUtf8IsRefused) {
  const Outcome refused = Export({"--warehouse", scratch_.path("wh\xE9")});
  EXPECT_EQ(refused.code, kWrongUse);
  EXPECT_THAT(refused.err, HasSubstr("wh\\xE9, has bytes in its name that are not UTF-8"));
  EXPECT_THAT(scratch_.Names(""), ElementsAre("scans"));
}

TEST_F(ExportCommandTest, WhatHasTheNameOfTheAccountAndIsNoneIsKept) {
  ASSERT_EQ(Export({"--bq-table", "scans_account", "--no-account"}).code, kDone);
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{}, {"--overwrite-table"}, {"--write-disposition=write-append"}}) {
    std::vector<std::string> words = {"--bq-table", "scans"};
    words.insert(words.end(), how.begin(), how.end());
    const Outcome refused = Export(words);
    EXPECT_EQ(refused.code, kFailed);
    EXPECT_THAT(refused.err, HasSubstr("bq://local.dicom.scans_account exists and is not the account of an export"));
  }
  EXPECT_EQ(Export({"--bq-table", "scans", "--no-account"}).code, kDone);
}

TEST_F(ExportCommandTest, TheAccountOfATableThatWasDroppedIsReplaced) {
  ASSERT_EQ(Export().code, kDone);
  ASSERT_EQ(Dicomhouse(scratch_, {"table", "drop", "metadata", "--yes"}).code, kDone);
  EXPECT_EQ(Export().code, kDone);
}

TEST_F(ExportCommandTest, AFileWithTheNameOfTheAccountIsReplacedOnlyWhenAsked) {
  const std::string other = scratch_.Write("k_account.parquet", "somebody's");
  const Outcome refused = Export({"--parquet", scratch_.path("k.parquet")});
  EXPECT_EQ(refused.code, kFailed);
  EXPECT_THAT(refused.err, HasSubstr("k_account.parquet"));
  EXPECT_THAT(refused.err, HasSubstr("--overwrite-table"));
  EXPECT_EQ(ReadFile(other), "somebody's");
  EXPECT_EQ(Export({"--parquet", scratch_.path("k.parquet"), "--overwrite-table"}).code, kDone);
  EXPECT_THAT(ReadFile(other), testing::StartsWith("PAR1"));
}

TEST_F(ExportCommandTest, ATableOfADatabaseWithTheNameOfTheAccountIsReplacedOnlyWhenAsked) {
  const std::string file = scratch_.path("d.duckdb");
  ASSERT_EQ(Export({"--duckdb", file, "--bq-table", "t_account", "--no-account"}).code, kDone);
  EXPECT_EQ(Export({"--duckdb", file, "--bq-table", "t"}).code, kFailed);
  EXPECT_EQ(Export({"--duckdb", file, "--bq-table", "t", "--overwrite-table"}).code, kDone);
}

TEST_F(ExportCommandTest, WithoutAnAccountAnOldOneIsSaidToBeOld) {
  ASSERT_EQ(Export().code, kDone);
  EXPECT_THAT(Export({"--overwrite-table", "--no-account"}).out, HasSubstr("metadata_account is not of this export"));
  EXPECT_THAT(Export({"--overwrite-table"}).out, Not(HasSubstr("is not of this export")));
}

// What can be refused is refused before the account is there.
TEST_F(ExportCommandTest, AnAppendThatADatabaseRefusesLeavesNoAccountInIt) {
  const std::string file = scratch_.path("d.duckdb");
  {
    auto engine = warehouse::Engine::Open({});
    ASSERT_TRUE(engine->Execute("ATTACH " + warehouse::SqlString(file) + " AS d").ok());
    ASSERT_TRUE(engine->Execute("CREATE TABLE d.ct (SOPInstanceUID BIGINT)").ok());
  }
  const Outcome refused = Export({"--duckdb", file, "--bq-table", "ct", "--write-disposition", "write-append"});
  EXPECT_EQ(refused.code, kFailed);
  EXPECT_THAT(refused.err, HasSubstr("'sopinstanceuid' is INTEGER NULLABLE in "));
  auto engine = warehouse::Engine::Open({});
  ASSERT_TRUE(engine->Execute("ATTACH " + warehouse::SqlString(file) + " AS d (READ_ONLY)").ok());
  EXPECT_TRUE(engine->Execute("SELECT * FROM d.ct").ok());
  EXPECT_FALSE(engine->Execute("SELECT * FROM d.ct_account").ok());
}

TEST_F(ExportCommandTest, AnAppendOfNothingAddsNoFiles) {
  ASSERT_EQ(Export().code, kDone);
  const auto files = [&] { return scratch_.Names("warehouse/local/dicom/metadata/data").size(); };
  const size_t before = files();
  scratch_.Write("nothing/readme.txt", "no DICOM");
  ASSERT_EQ(Dicomhouse(scratch_, {"export", scratch_.path("nothing"), "--write-disposition", "write-append"}).code, kDone);
  EXPECT_EQ(files(), before);
  EXPECT_EQ(Rows(), 2);
}

TEST_F(ExportCommandTest, TwoDispositionsAtOnceAreWrongUse) {
  const Outcome both = Export({"--overwrite-table", "--write-disposition", "write-append"});
  EXPECT_EQ(both.code, kWrongUse);
  EXPECT_THAT(both.err, HasSubstr("exclude each other"));
}

TEST_F(ExportCommandTest, JsonHasExactlyTheseFieldsAndItsElementsBalance) {
  const Outcome done = Export({"--json"});
  const auto json = base::Json::Parse(done.out);
  ASSERT_TRUE(json.ok()) << done.out;
  EXPECT_THAT(Fields(*json), ElementsAre("table", "instances", "files", "skipped", "failures", "duplicates", "columns",
                                         "elements", "bytesRead", "seconds"));
  EXPECT_THAT(Fields((*json)["elements"]), ElementsAre("read", "placed", "other", "dropped"));
  const base::Json& elements = (*json)["elements"];
  int64_t sum = elements["placed"].as_int() + elements["other"].as_int();
  for (const auto& [reason, count] : elements["dropped"].object()) sum += count.as_int();
  EXPECT_EQ(elements["read"].as_int(), sum);
  EXPECT_EQ(elements["dropped"]["BULK_VR"].as_int(), 2);
  EXPECT_EQ((*json)["instances"].as_int(), 2);
}

TEST_F(ExportCommandTest, AFilterAddsTheFieldFiltered) {
  const std::string filter = scratch_.Write("filter.txt", "/studies/1.2/series/1.2.3/instances/1.1\n");
  const auto json = base::Json::Parse(Export({"--json", "--filter-file", filter}).out);
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["filtered"].as_int(), 1);
  EXPECT_EQ((*json)["instances"].as_int(), 1);
}

TEST_F(ExportCommandTest, AWrongFilterLineIsNamedByItsNumberAndNothingIsWritten) {
  const std::string filter = scratch_.Write("filter.txt", "/studies/1.2\n/study/1.2\n");
  const Outcome done = Export({"--filter-file", filter});
  EXPECT_EQ(done.code, kWrongUse);
  EXPECT_THAT(done.err, HasSubstr("2"));
  EXPECT_THAT(done.err, HasSubstr("/study/1.2"));
  EXPECT_EQ(Rows(), -1);
}

TEST_F(ExportCommandTest, FilesThatFailAreNamedAndGiveTheExitCode3) {
  scratch_.Write("scans/broken.dcm", std::string(128, '\0') + "DICM" + std::string("\x08\0\x05", 3));
  const Outcome done = Export();
  EXPECT_EQ(done.code, kDoneWithFailures);
  EXPECT_THAT(done.err, HasSubstr("scans/broken.dcm"));
  EXPECT_THAT(done.out, HasSubstr("failed: 1"));
  EXPECT_EQ(Rows(), 2);
}

// What an export says of failures in its four places.
struct Failures {
  Outcome done;
  base::Json by_reason;
  int64_t sum = 0;
  bool balanced = false;  // every file counted once
  std::string account;    // CSV of path and excerpt, sorted
};

Failures FailuresOf(const Scratch& scratch, std::vector<std::string> words, int input = -1) {
  words.insert(words.begin(), "export");
  words.insert(words.end(), {"--quiet", "--json", "--overwrite-table"});
  Failures found;
  found.done = Running(scratch, words, input).Wait();
  const auto json = base::Json::Parse(found.done.out);
  EXPECT_TRUE(json.ok()) << found.done.out << found.done.err;
  if (!json.ok()) return found;
  found.by_reason = (*json)["failures"];
  for (const auto& [reason, count] : found.by_reason.object()) found.sum += count.as_int();
  found.balanced = (*json)["files"].as_int() ==
                   (*json)["instances"].as_int() + (*json)["skipped"].as_int() + (*json)["duplicates"].as_int() + found.sum;
  found.account = Dicomhouse(scratch, {"query", "--format", "csv",
                                       "SELECT SourcePath, Excerpt FROM metadata_account WHERE Reason = 'FILE' ORDER BY 1"})
                      .out;
  return found;
}

TEST_F(ExportCommandTest, WhatTheWalkCannotReadIsCountedInAllPlaces) {
  std::filesystem::create_symlink("nowhere", scratch_.path("scans/dangling"));
  std::filesystem::create_symlink("loop", scratch_.path("scans/loop"));
  const Failures found = FailuresOf(scratch_, {scratch_.path("scans")});
  EXPECT_EQ(found.done.code, kDoneWithFailures);
  EXPECT_EQ(found.sum, 2);
  EXPECT_TRUE(found.balanced) << found.done.out;
  EXPECT_EQ(found.by_reason["can't look at: No such file or directory"].as_int(), 1);
  EXPECT_EQ(found.by_reason["can't look at: Too many levels of symbolic links"].as_int(), 1);
  EXPECT_EQ(found.account, "SourcePath,Excerpt\n" + scratch_.path("scans/dangling") +
                               ",can't look at: No such file or directory\n" + scratch_.path("scans/loop") +
                               ",can't look at: Too many levels of symbolic links\n");
  EXPECT_THAT(found.done.err, HasSubstr("scans/dangling: can't look at: No such file"));
  EXPECT_THAT(Export({"--overwrite-table"}).out, HasSubstr("failed: 1, can't look at: No such file or directory"));
  const Outcome schema = Dicomhouse(scratch_, {"schema", scratch_.path("scans")});
  EXPECT_EQ(schema.code, kDoneWithFailures);
}

TEST_F(ExportCommandTest, PathsOfAListThatAreNotThereAreCountedByReason) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string list = scratch_.path("scans/a.dcm") + "\n" + scratch_.path("no") + "\n" + scratch_.path("none") + "\n" + "/" +
                           std::string(5000, 'x') + "\n/dev/null\n";
  ASSERT_EQ(::write(ends[1], list.data(), list.size()), static_cast<ssize_t>(list.size()));
  ::close(ends[1]);
  const Failures found = FailuresOf(scratch_, {"-"}, ends[0]);
  ::close(ends[0]);
  EXPECT_TRUE(found.balanced) << found.done.out;
  EXPECT_EQ(Fields(found.by_reason), (std::vector<std::string>{"can't look at: No such file or directory",
                                                               "longer than a path can be", "neither a file nor a folder"}));
  EXPECT_EQ(found.by_reason["can't look at: No such file or directory"].as_int(), 2);
  EXPECT_EQ(std::count(found.account.begin(), found.account.end(), '\n'), 5);
}

// The deepest folders can't be opened by their paths.
TEST_F(ExportCommandTest, FoldersBelowTheLongestPathAreFailures) {
  const std::string name(200, 'd');
  const std::string here = std::filesystem::current_path().string();
  std::filesystem::create_directories(scratch_.path("deep"));
  std::filesystem::current_path(scratch_.path("deep"));
  for (int i = 0; i < 25; ++i) {
    ASSERT_EQ(::mkdir(name.c_str(), 0700), 0);
    ASSERT_EQ(::chdir(name.c_str()), 0);
  }
  std::filesystem::current_path(here);
  const Failures found = FailuresOf(scratch_, {scratch_.path("deep")});
  EXPECT_EQ(found.done.code, kDoneWithFailures);
  EXPECT_EQ(Fields(found.by_reason), std::vector<std::string>{"can't list the folder: File name too long"});
  EXPECT_TRUE(found.balanced) << found.done.out;
}

TEST_F(ExportCommandTest, ReasonsHaveNoPathsAndNoLineEnds) {
  const std::string stored = "PK\3\4" + std::string(26, '\0');  // a ZIP that ends behind its first header
  for (const char* name : {"a:b.zip", "c!d.zip", "e.zip"}) scratch_.Write(std::string("archives/") + name, stored);
  scratch_.Write("archives/one.tar.gz", "\x1f\x8b\x08");
  scratch_.Write("archives/two.tar.gz", "\x1f\x8b\x08\x01");
  std::filesystem::create_symlink("/proc/self/mem", scratch_.path("archives/refused"));  // every read of it fails
  const Failures found = FailuresOf(scratch_, {scratch_.path("archives")});
  EXPECT_EQ(found.done.code, kDoneWithFailures);
  EXPECT_TRUE(found.balanced) << found.done.out;
  EXPECT_GE(found.sum, 5);
  for (const std::string& reason : Fields(found.by_reason)) {
    EXPECT_THAT(reason, Not(HasSubstr("archives"))) << reason;
    EXPECT_THAT(reason, Not(HasSubstr("\n"))) << reason;
  }
  EXPECT_EQ(found.by_reason["can't be read as an archive"].as_int(), 3) << found.done.out;
  EXPECT_EQ(found.by_reason["can't be unpacked"].as_int(), 2) << found.done.out;
  EXPECT_THAT(found.done.err, Not(HasSubstr("unknown reason")));
  // A path once in each line.
  EXPECT_THAT(found.done.err, HasSubstr("/archives/a:b.zip: can't be read as an archive: "));
  EXPECT_THAT(found.account, HasSubstr("/archives/c!d.zip,can't be read as an archive: "));
}

TEST_F(ExportCommandTest, APathThatIsNotThereIsAnErrorAndLeavesNoTable) {
  const Outcome done = Dicomhouse(scratch_, {"export", scratch_.path("nowhere")});
  EXPECT_EQ(done.code, kFailed);
  EXPECT_THAT(done.err, HasSubstr("nowhere"));
  EXPECT_EQ(Rows(), -1);
}

TEST_F(ExportCommandTest, AFirstExportThatFailsLeavesNoFolders) {
  const std::string bad = scratch_.Write("filter.txt", "neither a study nor a comment\n");
  const std::string nowhere = scratch_.path("nowhere");
  for (const std::vector<std::string>& words : {std::vector<std::string>{nowhere},
                                                {scratch_.path("scans"), "--filter-file", bad},
                                                {nowhere, "--parquet", scratch_.path("out/")},
                                                {nowhere, "--parquet", scratch_.path("out.parquet")},
                                                {nowhere, "--duckdb", scratch_.path("out.duckdb")},
                                                {nowhere, "--warehouse", scratch_.path("deep/er/warehouse")}}) {
    std::vector<std::string> all = words;
    all.insert(all.begin(), "export");
    EXPECT_NE(Dicomhouse(scratch_, all).code, kDone) << words.back();
    EXPECT_THAT(scratch_.Names(""), ElementsAre("filter.txt", "scans")) << words.back();
  }
  // What was there stays.
  std::filesystem::create_directories(scratch_.path("warehouse/local"));
  EXPECT_EQ(Dicomhouse(scratch_, {"export", nowhere}).code, kFailed);
  EXPECT_THAT(scratch_.Names("warehouse"), ElementsAre("local"));
  EXPECT_THAT(scratch_.Names("warehouse/local"), IsEmpty());
}

// An export that waits for more paths.
class WaitingExport {
 public:
  WaitingExport(const Scratch& scratch, const std::vector<std::string>& words) {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    running_.emplace(scratch, words, ends_[0]);
    ::close(ends_[0]);
    const std::string path = scratch.path("scans/a.dcm") + "\n";
    EXPECT_EQ(::write(ends_[1], path.data(), path.size()), static_cast<ssize_t>(path.size()));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  ~WaitingExport() { EndInput(); }
  WaitingExport(const WaitingExport&) = delete;
  WaitingExport& operator=(const WaitingExport&) = delete;

  void Signal(int number) const { ::kill(running_->process(), number); }
  void EndInput() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }
  Outcome Wait() const { return running_->Wait(); }

 private:
  int ends_[2] = {-1, -1};
  std::optional<Running> running_;
};

TEST_F(ExportCommandTest, AnInterruptLeavesTheOldTable) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    const WaitingExport first(scratch_, {"export", "-", "--quiet"});
    first.Signal(number);
    const Outcome none = first.Wait();
    EXPECT_EQ(none.code, kInterrupted) << none.err;
    EXPECT_THAT(scratch_.Names(""), ElementsAre("scans"));
  }
  ASSERT_EQ(Export().code, kDone);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    const WaitingExport slow(scratch_, {"export", "-", "--overwrite-table", "--quiet"});
    slow.Signal(number);
    const Outcome stopped = slow.Wait();
    EXPECT_EQ(stopped.code, kInterrupted) << stopped.err;
    EXPECT_THAT(stopped.err, HasSubstr("the table is as it was"));
    EXPECT_EQ(Rows(), 2);
  }
}

// As under nohup: a process has what its parent ignores.
TEST_F(ExportCommandTest, AHangupThatIsIgnoredStaysSo) {
  std::signal(SIGHUP, SIG_IGN);
  WaitingExport slow(scratch_, {"export", "-", "--quiet"});
  std::signal(SIGHUP, SIG_DFL);
  slow.Signal(SIGHUP);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  slow.EndInput();
  const Outcome done = slow.Wait();
  EXPECT_EQ(done.code, kDone) << done.err;
  EXPECT_EQ(Rows(), 1);
}

TEST_F(ExportCommandTest, AMisspeltColumnIsSuggestedRightly) {
  const Outcome done = Export({"--columns", "SorcePath"});
  EXPECT_EQ(done.code, kWrongUse);
  EXPECT_THAT(done.err, HasSubstr("did you mean SourcePath?"));
}

TEST_F(ExportCommandTest, HashesOfBulkValuesNeedTheProfileThatHasThem) {
  const Outcome done = Export({"--bulk-sha256"});
  EXPECT_EQ(done.code, kWrongUse);
  EXPECT_THAT(done.err, HasSubstr("--profile lossless"));
  EXPECT_EQ(Export({"--bulk-sha256", "--profile", "lossless", "--columns", "SourceSha256,DicomOffset"}).code, kDone);
}

// ---- other destinations

TEST_F(ExportCommandTest, AParquetFileHasAllRowsOnceAndItsAccountBeside) {
  scratch_.Write("scans/copy.dcm", Instance("1.1"));
  const Outcome done = Export({"--parquet", scratch_.path("out.parquet"), "--threads", "2"});
  EXPECT_EQ(done.code, kDone) << done.err;
  EXPECT_THAT(scratch_.Names(""), ElementsAre("out.parquet", "out_account.parquet", "scans"));
  EXPECT_EQ(Number("SELECT COUNT(*) FROM '" + scratch_.path("out.parquet") + "'"), 2);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM '" + scratch_.path("out_account.parquet") + "' WHERE Reason = 'DUPLICATE_INSTANCE'"), 1);
}

TEST_F(ExportCommandTest, AParquetFileIsReplacedOnlyWhenToldAndNeverAddedTo) {
  const std::string target = scratch_.path("out.parquet");
  ASSERT_EQ(Export({"--parquet", target}).code, kDone);
  const std::string before = ReadFile(target);
  const Outcome again = Export({"--parquet", target});
  EXPECT_EQ(again.code, kFailed);
  EXPECT_THAT(again.err, HasSubstr("--overwrite-table"));
  EXPECT_EQ(Export({"--parquet", target, "--write-disposition", "write-append"}).code, kWrongUse);
  EXPECT_EQ(ReadFile(target), before);
  scratch_.Write("scans/c.dcm", Instance("1.3"));
  EXPECT_EQ(Export({"--parquet", target, "--overwrite-table"}).code, kDone);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM '" + target + "'"), 3);
}

TEST_F(ExportCommandTest, AParquetFolderTakesMoreFilesAndIsReplacedAtOnce) {
  const std::string all = "SELECT COUNT(*) FROM read_parquet('" + scratch_.path("out/*.parquet") + "', union_by_name = true)";
  ASSERT_EQ(Export({"--parquet", scratch_.path("out/")}).code, kDone);
  EXPECT_EQ(Number(all), 2);
  EXPECT_EQ(Export({"--parquet", scratch_.path("out")}).code, kFailed);
  scratch_.Write("scans/c.dcm", Instance("1.3", "US", Element(0x00100040, "CS", "F")));
  EXPECT_EQ(Export({"--parquet", scratch_.path("out"), "--write-disposition", "write-append"}).code, kDone);
  EXPECT_EQ(Number(all), 5);
  EXPECT_EQ(Export({"--parquet", scratch_.path("out"), "--overwrite-table"}).code, kDone);
  EXPECT_EQ(Number(all), 3);
  EXPECT_THAT(scratch_.Names(""), ElementsAre("out", "out_account", "scans"));
}

TEST_F(ExportCommandTest, AFolderWithOtherFilesIsNeverReplaced) {
  const Outcome done = Export({"--parquet", scratch_.path("scans"), "--overwrite-table"});
  EXPECT_EQ(done.code, kFailed);
  EXPECT_THAT(done.err, HasSubstr("a.dcm"));
  EXPECT_THAT(scratch_.Names("scans"), ElementsAre("a.dcm", "b.dcm"));
}

TEST_F(ExportCommandTest, NothingReadStillMakesAParquetFileThatCanBeRead) {
  std::filesystem::create_directories(scratch_.path("empty"));
  EXPECT_EQ(Dicomhouse(scratch_, {"export", scratch_.path("empty"), "--parquet", scratch_.path("out.parquet")}).code, kDone);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM '" + scratch_.path("out.parquet") + "'"), 0);
}

class DuckDbExportTest : public ExportCommandTest {
 protected:
  std::string file_ = scratch_.path("scans.duckdb");
  int64_t Ask(const std::string& what) {
    auto engine = warehouse::Engine::Open({});
    if (!engine->Execute("ATTACH " + warehouse::SqlString(file_) + " AS t (READ_ONLY)").ok()) return -2;
    const auto text = engine->Text("SELECT CAST((SELECT " + what + " FROM t.metadata) AS VARCHAR) WHERE ? = ''", "");
    return text.ok() ? std::stoll(*text) : -1;
  }
};

TEST_F(DuckDbExportTest, DispositionsHoldAndAppendedRowsMayBringColumns) {
  scratch_.Write("scans/copy.dcm", Instance("1.1"));
  ASSERT_EQ(Export({"--duckdb", file_}).code, kDone);
  EXPECT_EQ(Ask("COUNT(*)"), 2);
  EXPECT_EQ(Export({"--duckdb", file_}).code, kFailed);
  EXPECT_EQ(Export({"--duckdb", file_, "--write-disposition", "write-empty"}).code, kFailed);
  EXPECT_EQ(Ask("COUNT(PatientSex)"), -1);
  scratch_.Write("scans/c.dcm", Instance("1.3", "US", Element(0x00100040, "CS", "F")));
  const Outcome appended = Export({"--duckdb", file_, "--write-disposition", "write-append"});
  EXPECT_EQ(appended.code, kDone) << appended.err;
  EXPECT_EQ(Ask("COUNT(*)"), 5);
  EXPECT_EQ(Ask("COUNT(PatientSex)"), 1);
  EXPECT_EQ(Export({"--duckdb", file_, "--overwrite-table"}).code, kDone);
  EXPECT_EQ(Ask("COUNT(*)"), 3);
  EXPECT_THAT(scratch_.Names(""), ElementsAre("scans", "scans.duckdb"));
}

// Files of this process and its children may not grow beyond `bytes` while it lives: as on a full disk.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
};

TEST_F(DuckDbExportTest, AFullDiskLeavesNothingBesideTheFileAndNothingNewInIt) {
  {
    const FileLimit limit(100'000);
    const Outcome failed = Export({"--duckdb", file_, "--no-account"});
    EXPECT_EQ(failed.code, kFailed);
    EXPECT_THAT(failed.err, HasSubstr("scans.duckdb: the database can't be written: "));
    EXPECT_THAT(failed.err, HasSubstr("File too large"));
    EXPECT_THAT(failed.err, Not(HasSubstr("dh_target")));
  }
  EXPECT_THAT(scratch_.Names(""), ElementsAre("scans"));

  ASSERT_EQ(Export({"--duckdb", file_, "--no-account"}).code, kDone);
  {
    const FileLimit limit(std::filesystem::file_size(file_));
    EXPECT_EQ(Export({"--duckdb", file_, "--no-account", "--write-disposition", "write-append"}).code, kFailed);
  }
  EXPECT_THAT(scratch_.Names(""), ElementsAre("scans", "scans.duckdb"));
  EXPECT_EQ(Ask("COUNT(*)"), 2);
}

TEST_F(DuckDbExportTest, AFileThatIsNoDatabaseIsLeftAsItIs) {
  scratch_.Write("scans.duckdb", "not a database");
  const Outcome done = Export({"--duckdb", file_, "--overwrite-table"});
  EXPECT_EQ(done.code, kFailed);
  EXPECT_THAT(done.err, HasSubstr("scans.duckdb"));
  EXPECT_EQ(ReadFile(file_), "not a database");
}

}  // namespace
}  // namespace dicomhouse::cli
