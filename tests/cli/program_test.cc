#include "cli/program.h"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "cli/suggest.h"
#include "program_runner.h"

namespace dicomhouse::cli {
namespace {

using testing::HasSubstr;

std::vector<std::string> Split(const std::string& words) {
  std::vector<std::string> out;
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    out.push_back(words.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// The words of all commands that do something: "export", "table drop", ...
std::vector<std::string> Commands() {
  Common common;
  Run run;
  const auto app = MakeProgram(common, run);
  std::vector<std::pair<std::string, const CLI::App*>> open = {{"", app.get()}};
  std::vector<std::string> commands;
  for (size_t i = 0; i < open.size(); ++i) {
    for (const CLI::App* child : open[i].second->get_subcommands([](const CLI::App*) { return true; })) {
      const std::string words = open[i].first + (open[i].first.empty() ? "" : " ") + child->get_name();
      open.emplace_back(words, child);
      commands.push_back(words);
    }
  }
  return commands;
}

TEST(ProgramTest, TheHelpOfEachCommandHasAnExampleThatBeginsWithIt) {
  const Scratch scratch;
  ASSERT_GE(Commands().size(), 12U);
  for (const std::string& command : Commands()) {
    std::vector<std::string> words = Split(command);
    words.emplace_back("--help");
    const Outcome help = Dicomhouse(scratch, words);
    EXPECT_EQ(help.code, kDone) << command;
    EXPECT_THAT(help.out, HasSubstr("Example")) << command;
    EXPECT_THAT(help.out, HasSubstr("  dicomhouse " + command)) << command;
  }
}

TEST(ProgramTest, MisspeltWordsAreSuggestedRightlyAndAreWrongUse) {
  const Scratch scratch;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"exprot scans", "there is no command 'exprot'; did you mean export?"},
      {"table shwo metadata", "did you mean show?"},
      {"export scans --treads 2", "there is no flag --treads; did you mean --threads?"},
      {"export scans --profile gogle", "did you mean google?"},
      {"tables --jsno", "did you mean --json?"},
      {"", "say which command"},
      {"tables --project a --project b", "--project is given twice"},
      {"xyzzy", "there are export"},
      {"export", "PATH is required"},
      {"tables metadata", "the word 'metadata' is one too many"},
  };
  for (const auto& [words, text] : cases) {
    const Outcome refused = Dicomhouse(scratch, Split(words));
    EXPECT_EQ(refused.code, kWrongUse) << words;
    EXPECT_THAT(refused.err, HasSubstr(text)) << words;
    EXPECT_THAT(refused.err, HasSubstr("--help`")) << words;
  }
}

TEST(ProgramTest, AnEmptyValueIsRefusedByEachFlagThatNamesAPlace) {
  const Scratch scratch;
  const std::string scans = scratch.Write("scans/a.dcm", Instance("1.1"));
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"export", scans, "--warehouse"}, "--warehouse"},
      {{"export", scans, "--duckdb"}, "--duckdb"},
      {{"export", scans, "--parquet"}, "--parquet"},
      {{"export", scans, "--bq-table"}, "--bq-table"},
      {{"export", scans, "--filter-file"}, "--filter"},
      {{"query", "SELECT 1", "--warehouse"}, "--warehouse"},
      {{"tables", "--warehouse"}, "--warehouse"},
      {{"schema", "--table"}, "--table"},
      {{"serve", "--data"}, "--data"},
      {{"serve", "--listen"}, "--listen"},
      {{"store", "verify", "--data"}, "--data"},
      {{"bq", "extract", "t", "gs://b/o", "--warehouse"}, "--warehouse"}};
  for (auto [words, flag] : cases) {
    words.emplace_back("");
    const Outcome refused = Dicomhouse(scratch, words);
    EXPECT_EQ(refused.code, kWrongUse) << flag << refused.err;
    EXPECT_THAT(refused.err, HasSubstr(flag)) << flag;
    EXPECT_THAT(refused.err, HasSubstr("the value is empty")) << flag;
  }
}

// /dev/full answers every write with ENOSPC.
TEST(ProgramTest, OutputThatCannotBeWrittenIsAFailureOfEachCommand) {
  const Scratch scratch;
  const std::string scan = scratch.Write("scans/a.dcm", Instance("1.1"));
  ASSERT_EQ(Dicomhouse(scratch, {"export", scan}).code, kDone);
  const std::vector<std::vector<std::string>> commands = {{"--help"},
                                                          {"--version"},
                                                          {"export", "--help"},
                                                          {"export", scan, "--overwrite-table", "--json"},
                                                          {"export", scan, "--overwrite-table"},
                                                          {"schema", "--table", "metadata"},
                                                          {"schema", scan},
                                                          {"schema", "--why", "Modality", scan},
                                                          {"tables"},
                                                          {"table", "show", "metadata"},
                                                          {"table", "versions", "metadata", "--json"},
                                                          {"inspect", scan},
                                                          {"inspect", scan, "--json"},
                                                          {"query", "SELECT 1 AS a"},
                                                          {"query", "SELECT 1 AS a", "--format", "csv"},
                                                          {"query", "SELECT 1 AS a", "--format", "json"},
                                                          {"query", "SELECT 1 AS a", "--format", "parquet"},
                                                          {"query", "SELECT 1 AS a", "--destination-table", "t"},
                                                          {"generate", "man"}};
  for (const auto& words : commands) {
    const Outcome failed = DicomhouseInto("/dev/full", scratch, words);
    EXPECT_EQ(failed.code, kFailed) << words.front() << " " << words.back();
    const std::string reason = words.front() == "--version" ? "" : ": No space left";  // a library's write, which hides it
    EXPECT_THAT(failed.err, HasSubstr("can't write to standard output" + reason)) << words.front() << " " << words.back();
  }
  // diff says by 1 that schemas differ.
  EXPECT_EQ(DicomhouseInto("/dev/full", scratch, {"schema", "diff", "metadata", "metadata_account"}).code, kWrongUse);
}

TEST(ProgramTest, ClosedStandardStreamsAreErrorsAndNeverOtherFiles) {
  const Scratch scratch;
  const std::string scan = scratch.Write("a.dcm", Instance("1.1"));
  FileActions actions;
  for (int descriptor = 0; descriptor < 3; ++descriptor) actions.Close(descriptor);
  const pid_t process = StartProgram(scratch, {"export", scan, "--parquet", scratch.path("out.parquet")}, actions);
  int status = 0;
  ::waitpid(process, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), kFailed);
  const std::string parquet = ReadFile(scratch.path("out.parquet"));
  EXPECT_THAT(parquet, testing::StartsWith("PAR1"));
  EXPECT_THAT(parquet, testing::EndsWith("PAR1"));
  EXPECT_THAT(parquet, testing::Not(HasSubstr("instances in")));
}

TEST(ProgramTest, AFileThatIsAFolderIsNamed) {
  const Scratch scratch;
  for (const char* words : {"serve --config /tmp", "query --file /tmp"})
    EXPECT_THAT(Dicomhouse(scratch, Split(words)).err, HasSubstr("/tmp: can't read: Is a directory")) << words;
}

TEST(ProgramTest, TheFlagGoesBeforeTheVariableForTheWarehouse) {
  const Scratch scratch;
  const Outcome listed = Dicomhouse(scratch, {"tables", "--warehouse", scratch.path("other")});
  EXPECT_THAT(listed.out, HasSubstr(scratch.path("other")));
}

TEST(ProgramTest, AMisspeltVariableIsNamedWithTheNearest) {
  const Scratch scratch;
  ::setenv("DICOMHOUSE_WAREHOSE", "a secret", 1);
  ::setenv("DICOMHOUSE_QQQ", "a secret", 1);
  ::setenv("DICOMHOUSE_PUBLIC_URL", "http://known", 1);
  const Outcome warned = Dicomhouse(scratch, {"tables"});
  EXPECT_EQ(warned.code, kDone);
  EXPECT_THAT(warned.err, testing::StartsWith("dicomhouse: warning: there is no variable DICOMHOUSE_QQQ; there are DICOMHOUSE_"));
  EXPECT_THAT(warned.err, testing::EndsWith("\ndicomhouse: warning: there is no variable DICOMHOUSE_WAREHOSE; did you mean "
                                            "DICOMHOUSE_WAREHOUSE?\n"));
  EXPECT_THAT(warned.err, testing::Not(HasSubstr("secret")));
  for (const char* words : {"--help", "--version", "tables --help", "generate bash", "generate man"})
    EXPECT_EQ(Dicomhouse(scratch, Split(words)).err, "") << words;
  for (const char* name : {"DICOMHOUSE_WAREHOSE", "DICOMHOUSE_QQQ", "DICOMHOUSE_PUBLIC_URL"}) ::unsetenv(name);
}

// A server that is asked to stop; `ignored`: whether hangups are, as under nohup.
TEST(ProgramTest, AServerStopsWhenItsTerminalIsClosedButNotUnderNohup) {
  for (const bool ignored : {false, true}) {
    const Scratch scratch;
    std::signal(SIGHUP, ignored ? SIG_IGN : SIG_DFL);
    const Running server(scratch, {"serve", "--data", scratch.path("data"), "--port", "0"}, -1, scratch.path("out"));
    std::signal(SIGHUP, SIG_DFL);
    for (int i = 0; i < 200 && ReadFile(scratch.path("out")).find("tables:") == std::string::npos; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::kill(server.process(), SIGHUP);
    if (ignored) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      EXPECT_EQ(::waitpid(server.process(), nullptr, WNOHANG), 0) << "it has ended";
      ::kill(server.process(), SIGTERM);
    }
    EXPECT_EQ(server.Wait().code, kDone);
    EXPECT_THAT(ReadFile(scratch.path("out")), HasSubstr("stopping: "));
  }
}

TEST(ProgramTest, ManPageAndCompletionsKnowAllCommands) {
  const Scratch scratch;
  for (const std::string what : {"man", "bash", "zsh", "fish"}) {
    const Outcome made = Dicomhouse(scratch, {"generate", what});
    EXPECT_EQ(made.code, kDone);
    for (const std::string& command : Commands()) {
      if (command == "generate") continue;
      EXPECT_THAT(made.out, HasSubstr(command.substr(command.rfind(' ') + 1))) << what;
    }
    EXPECT_THAT(made.out, testing::Not(HasSubstr(scratch.path("")))) << what;
  }
  EXPECT_THAT(Dicomhouse(scratch, {"--help"}).out, testing::Not(HasSubstr("generate")));
}

TEST(ProgramTest, TheManPageHasNoFaultsWhereMandocIs) {
  if (std::system("mandoc -T lint /dev/null > /dev/null 2>&1; test $? -ne 127") != 0) GTEST_SKIP() << "mandoc is not installed";
  const Scratch scratch;
  const std::string page = scratch.Write("dicomhouse.1", Dicomhouse(scratch, {"generate", "man"}).out);
  EXPECT_EQ(std::system(("mandoc -W style -T lint " + page).c_str()), 0);
}

TEST(ProgramTest, GroffBeginsEachCommandOfTheSynopsisOnALine) {
  if (std::system("groff -v > /dev/null 2>&1; test $? -ne 127") != 0) GTEST_SKIP() << "groff is not installed";
  const Scratch scratch;
  const std::string page = scratch.Write("dicomhouse.1", Dicomhouse(scratch, {"generate", "man"}).out);
  const std::string text = scratch.path("page.txt");
  // -c -P-c -P-b -P-u: no bold, no escapes.
  ASSERT_EQ(std::system(("groff -mdoc -Tutf8 -k -P-c -P-b -P-u " + page + " > " + text).c_str()), 0);
  const std::string shown = ReadFile(text);
  for (const std::string line : {"\n     dicomhouse export [flags] PATH ...\n", "\n     dicomhouse query [flags] [SQL]\n"})
    EXPECT_THAT(shown, HasSubstr(line));
}

TEST(SuggestTest, NearIsAFewLettersOrABeginning) {
  const std::vector<std::string> words = {"export", "query", "tables", "PatientName"};
  EXPECT_EQ(NearestWord("exprot", words), "export");
  EXPECT_EQ(NearestWord("EXPORT", words), "export");
  EXPECT_EQ(NearestWord("que", words), "query");
  EXPECT_EQ(NearestWord("PatientNmae", words), "PatientName");
  EXPECT_EQ(NearestWord("zebra", words), "");
  EXPECT_EQ(NearestWord("", words), "");
}

}  // namespace
}  // namespace dicomhouse::cli
