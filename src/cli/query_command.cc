// `dicomhouse query`.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/file.h"
#include "base/limits.h"
#include "cli/command.h"
#include "query/query.h"

namespace dicomhouse::cli {
namespace {

struct QueryFlags {
  std::string sql;
  std::string file;
  std::string format = "table";
  int64_t max_rows = 0;
  int threads = 0;
};

base::Result<std::string> TextOf(const QueryFlags& flags) {
  if (!flags.file.empty()) return base::RealFileSystem().ReadAll(flags.file, base::kMaxStatementBytes);
  if (flags.sql != "-") return flags.sql;
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
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
  return query::Run(warehouse::Warehouse(common.warehouse), sql, options, [](std::string_view piece) -> base::Status {
    if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size())
      return base::Error{base::ErrorCode::kIo, "can't write to standard output"};
    return {};
  });
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
      "  dicomhouse query --file question.sql --format parquet > answer.parquet");
  auto* sql = command->add_option("SQL", flags->sql, "The question; - reads it from standard input");
  command->add_option("--file", flags->file, "Read the question from a file")->type_name("FILE")->excludes(sql);
  command->add_option("--format", flags->format, "How the answer is printed")
      ->check(CLI::IsMember({"table", "json", "csv", "parquet"}))
      ->capture_default_str();
  command->add_option("--max-rows", flags->max_rows, "Print at most so many rows (0: all)")->capture_default_str();
  command->add_option("--threads", flags->threads, "Threads of the engine (default: as many as the machine has)");
  AddCommonFlags(*command, common);
  command->callback([flags, &common, &run] {
    if (flags->sql.empty() && flags->file.empty()) throw CLI::RequiredError("SQL or --file");
    run = [flags, &common] {
      const base::Status done = RunQuery(*flags, common);
      if (done.ok()) return static_cast<int>(kDone);
      std::string message = done.error().message;
      if (done.error().code == base::ErrorCode::kNotFound && message.find("there is no table") != std::string::npos)
        message += "\nA table is made of files by\n  dicomhouse export FOLDER";
      return Complain(message, done.error().code == base::ErrorCode::kInvalidArgument ? kWrongUse : kFailed);
    };
  });
}

}  // namespace dicomhouse::cli
