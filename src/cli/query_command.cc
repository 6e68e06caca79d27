// `dicomhouse query`.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <limits>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "query/query.h"

namespace dicomhouse::cli {
namespace {

struct QueryFlags {
  std::string sql;
  std::string file;
  std::string format = "table";
  int64_t max_rows = 0;
  int threads = 0;
  int64_t version = 0;
  std::string destination;
  bool append = false;
  bool replace = false;
};

base::Result<std::string> TextOf(const QueryFlags& flags) {
  if (!flags.file.empty()) return base::RealFileSystem().ReadAll(flags.file, base::kMaxStatementBytes);
  if (flags.sql != "-") return flags.sql;
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

// The answer becomes a table.
base::Status RunIntoTable(const QueryFlags& flags, const Common& common, const std::string& sql, const query::Options& options) {
  using warehouse::Disposition;
  DH_ASSIGN(const warehouse::TableName table, ParseTableName(flags.destination, common));
  const Disposition disposition = flags.append    ? Disposition::kAppend
                                  : flags.replace ? Disposition::kTruncate
                                                  : Disposition::kEmpty;
  const auto rows = query::RunInto(warehouse::Warehouse(common.warehouse), sql, options, table, disposition);
  if (!rows.ok() && rows.error().code == base::ErrorCode::kAlreadyExists) {
    return base::Error{rows.error().code, rows.error().message + ":\n  --append  adds to it\n  --replace  replaces it"};
  }
  if (!rows.ok()) return rows.error();
  std::printf("%lld %s in %s\n", static_cast<long long>(*rows), base::Plural(static_cast<uint64_t>(*rows), "row").c_str(),
              table.Text().c_str());
  return {};
}

// Whether another question is the way out: what can't be understood or is not supported has its line and column in front.
bool IsAboutQuestion(const base::Error& error) {
  const bool placed = !error.message.empty() && error.message.front() >= '1' && error.message.front() <= '9';
  return error.code == base::ErrorCode::kInvalidArgument || (error.code == base::ErrorCode::kUnsupported && placed);
}

base::Status RunQuery(const QueryFlags& flags, const Common& common) {
  DH_ASSIGN(const std::string sql, TextOf(flags));
  query::Options options;
  options.defaults = {common.project, common.dataset, ""};
  options.format = flags.format == "json"      ? query::Format::kJson
                   : flags.format == "csv"     ? query::Format::kCsv
                   : flags.format == "parquet" ? query::Format::kParquet
                                               : query::Format::kTable;
  options.max_rows = flags.max_rows;
  options.threads = flags.threads;
  if (flags.version > 0) options.version = flags.version;
  if (!flags.destination.empty()) return RunIntoTable(flags, common, sql, options);
  if (options.format == query::Format::kParquet && ::isatty(STDOUT_FILENO) != 0) {
    return base::Error{base::ErrorCode::kInvalidArgument,
                       "--format parquet is not for a terminal; send it to a file, as in\n"
                       "  dicomhouse query ... --format parquet > answer.parquet"};
  }
  return query::Run(warehouse::Warehouse(common.warehouse), sql, options, PrintBytes);
}

}  // namespace

void AddQuery(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<QueryFlags>();
  CLI::App* command = app.add_subcommand("query", "Ask a question in GoogleSQL");
  command->footer(
      "Examples:\n"
      "  dicomhouse query \"SELECT Modality, COUNT(*) AS n FROM metadata GROUP BY Modality\"\n"
      "  dicomhouse query --format json \"SELECT PatientName.Alphabetic.FamilyName FROM metadata LIMIT 3\"\n"
      "  dicomhouse query \"SELECT e.Tag, e.Data[SAFE_OFFSET(0)] FROM metadata, UNNEST(OtherElements) AS e LIMIT 5\"\n"
      "  dicomhouse query \"SELECT COUNT(*) FROM metadata FOR SYSTEM_TIME AS OF TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 "
      "DAY)\"\n"
      "  dicomhouse query --file question.sql --format parquet > answer.parquet\n"
      "  dicomhouse query \"SELECT DISTINCT CONCAT('/studies/', StudyInstanceUID) FROM metadata\" --destination-table studies "
      "--replace");
  auto* sql = command->add_option("SQL", flags->sql, "The question; - reads it from standard input");
  command->add_option("--file", flags->file, "Read the question from a file")->type_name("FILE")->excludes(sql);
  command->add_option("--format", flags->format, "How the answer is printed")
      ->check(CLI::IsMember({"table", "json", "csv", "parquet"}))
      ->capture_default_str();
  command->add_option("--max-rows", flags->max_rows, "Print at most so many rows (0: all)")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()))
      ->capture_default_str();
  command->add_option("--threads", flags->threads, "Threads of the engine (default: as many as the machine has)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option(
          "--version", flags->version,
          "Read this version of the table, of those that `dicomhouse table versions` lists; for a question about one table")
      ->type_name("VERSION")
      ->check(CLI::PositiveNumber);
  auto* destination = command
                          ->add_option("--destination-table,--destination_table", flags->destination,
                                       "Write the answer into a table instead, which must be new or empty")
                          ->type_name("NAME");
  auto* append = command->add_flag("--append,--append_table", flags->append, "Add to that table")->needs(destination);
  command->add_flag("--replace", flags->replace, "Replace that table")->needs(destination)->excludes(append);
  AddCommonFlags(*command, common);
  command->callback([flags, &common, &run] {
    if (flags->sql.empty() && flags->file.empty()) throw CLI::RequiredError("SQL or --file");
    run = [flags, &common] {
      const base::Status done = RunQuery(*flags, common);
      if (done.ok()) return static_cast<int>(kDone);
      std::string message = done.error().message;
      if (done.error().code == base::ErrorCode::kNotFound && message.find("there is no table") != std::string::npos)
        message += "\nA table is made of files by\n  dicomhouse export FOLDER";
      return Complain(message, IsAboutQuestion(done.error()) ? kWrongUse : kFailed);
    };
  });
}

}  // namespace dicomhouse::cli
