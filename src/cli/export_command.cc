// `dicomhouse export`: flags in, one export, a report out.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <random>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/progress_line.h"
#include "cli/reading.h"
#include "cli/terminal.h"
#include "transfer/exporter.h"
#include "warehouse/engine.h"

namespace dicomhouse::cli {
namespace {

constexpr std::string_view kDefaultTable = "metadata";

struct ExportFlags {
  ReadFlags read;
  std::string table = std::string(kDefaultTable);
  std::string parquet;
  std::string duckdb;
  std::string disposition;
  bool overwrite = false;
  std::string filter_file;
  std::string shard;
  bool no_account = false;
  bool json = false;
};

base::Result<warehouse::Disposition> DispositionOf(const ExportFlags& flags) {
  using warehouse::Disposition;
  if (flags.overwrite && !flags.disposition.empty()) {
    return base::Error{base::ErrorCode::kInvalidArgument,
                       "--overwrite-table and --write-disposition exclude each other; give one of them"};
  }
  if (flags.overwrite || flags.disposition == "write-truncate") return Disposition::kTruncate;
  if (flags.disposition == "write-append") return Disposition::kAppend;
  return flags.disposition == "write-empty" ? Disposition::kEmpty : Disposition::kCreate;
}

// "2/8": the second of eight.
base::Result<transfer::Shard> ShardOf(const std::string& text) {
  transfer::Shard shard;
  if (text.empty()) return shard;
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, shard.number);
  const bool divided = number.ec == std::errc() && number.ptr != end && *number.ptr == '/';
  const auto count = std::from_chars(divided ? number.ptr + 1 : end, end, shard.count);
  if (!divided || count.ec != std::errc() || count.ptr != end || shard.number == 0 || shard.number > shard.count) {
    return base::Error{base::ErrorCode::kInvalidArgument,
                       "--shard: " + text + " is not I/N with I from 1 to N, as in --shard 2/8: the second of eight exports"};
  }
  --shard.number;
  return shard;
}

// What a table's version and its account's have in common, and no other version has.
std::string NewExportId() {
  std::random_device random;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x", random(), random());
  return text.data();
}

base::Json ReportJson(const transfer::ExportReport& report, double seconds, bool filtered, bool sharded) {
  base::Json failures = base::Json::MakeObject();
  for (const auto& [reason, count] : report.failures) failures.Set(reason, count);
  base::Json dropped = base::Json::MakeObject();
  for (int i = 0; i < mapping::kDroppedReasonCount; ++i) {
    const uint64_t count = report.elements.dropped[static_cast<size_t>(i)];
    if (count > 0) dropped.Set(mapping::ReasonText(static_cast<mapping::Reason>(i)), count);
  }
  const mapping::ElementCounts& counts = report.elements.counts;
  base::Json elements = base::Json::MakeObject();
  elements.Set("read", counts.read).Set("placed", counts.placed).Set("other", counts.other).Set("dropped", std::move(dropped));
  base::Json json = base::Json::MakeObject();
  json.Set("table", report.table).Set("instances", report.instances).Set("files", report.files).Set("skipped", report.skipped);
  json.Set("failures", std::move(failures)).Set("duplicates", report.duplicates);
  if (filtered) json.Set("filtered", report.filtered);
  if (sharded) json.Set("otherShards", report.other_shards);
  json.Set("columns", report.columns).Set("elements", std::move(elements)).Set("bytesRead", report.bytes_read);
  return json.Set("seconds", seconds);
}

// ---- what to try next: commands that run as they stand here

// A question that the new rows can answer.
std::string QuestionOf(const transfer::ExportReport& report, const std::string& from) {
  const auto& fields = report.schema.fields;
  const bool modality = std::any_of(fields.begin(), fields.end(), [](const auto& field) { return field.name == "Modality"; });
  return modality ? "SELECT Modality, COUNT(*) AS instances FROM " + from + " GROUP BY Modality ORDER BY instances DESC"
                  : "SELECT COUNT(*) AS instances FROM " + from;
}

// A file as DuckDB reads it: its name is a pattern, in which a character in brackets stands for itself.
std::string ParquetFrom(const std::string& target) {
  std::string pattern;
  for (const char c : target) {
    pattern += std::string_view("*?[").find(c) == std::string_view::npos ? std::string(1, c) : "[" + std::string(1, c) + "]";
  }
  if (transfer::IsParquetFolder(target))
    return "read_parquet(" + warehouse::SqlString(base::JoinPath(pattern, "*.parquet")) + ", union_by_name = true)";
  const std::string file = warehouse::SqlString(pattern);
  return target.ends_with(".parquet") ? file : "read_parquet(" + file + ")";
}

// A file's name that is not taken for a flag.
std::string FileWord(const std::string& file) { return base::ShellWord(file.starts_with('-') ? "./" + file : file); }

std::vector<std::string> NextCommands(const ExportFlags& flags, const Common& common, const warehouse::TableName& name,
                                      const transfer::ExportReport& report) {
  std::vector<std::string> commands;
  const bool any = report.instances > 0;
  if (!flags.parquet.empty()) {
    if (any) commands.push_back("duckdb -c " + base::ShellWord(QuestionOf(report, ParquetFrom(flags.parquet))));
    return commands;
  }
  if (!flags.duckdb.empty()) {
    const std::string table = name.table == kDefaultTable ? name.table : warehouse::SqlName(name.table);
    if (any) commands.push_back("duckdb " + FileWord(flags.duckdb) + " " + base::ShellWord(QuestionOf(report, table)));
    return commands;
  }
  const std::string query = "dicomhouse query " + WarehouseWords(common);
  if (any) commands.push_back(query + base::ShellWord(QuestionOf(report, TableInQuery(name))));
  if (report.account_lines > 0) {
    warehouse::TableName account = name;
    account.table += "_account";
    commands.push_back(query + base::ShellWord("SELECT Reason, TagPath, COUNT(*) AS n FROM " + TableInQuery(account) +
                                               " GROUP BY Reason, TagPath ORDER BY n DESC LIMIT 20"));
  }
  return commands;
}

void PrintNext(const std::vector<std::string>& commands) {
  if (!commands.empty()) std::printf("Next:\n");
  for (const std::string& command : commands) std::printf("  %s\n", command.c_str());
}

void PrintReport(const transfer::ExportReport& report, double seconds) {
  const auto rate = static_cast<uint64_t>(static_cast<double>(report.instances) / std::max(seconds, 0.001));
  std::printf("%s in %s (%s, %s/s), %s: done\n", Counted(report.instances, "instance").c_str(), report.table.c_str(),
              Duration(seconds).c_str(), Grouped(rate).c_str(), Counted(static_cast<uint64_t>(report.columns), "column").c_str());
  const mapping::ElementCounts& counts = report.elements.counts;
  std::printf("  elements: %s read = %s in columns + %s in OtherElements + %s dropped (see DroppedTags)\n",
              Grouped(counts.read).c_str(), Grouped(counts.placed).c_str(), Grouped(counts.other).c_str(),
              Grouped(counts.dropped).c_str());
  if (report.skipped > 0) std::printf("  skipped, not DICOM instances: %s\n", Grouped(report.skipped).c_str());
  if (report.other_shards > 0) std::printf("  left to the other shards: %s\n", Grouped(report.other_shards).c_str());
  if (report.filtered > 0) std::printf("  not named by the filter: %s\n", Grouped(report.filtered).c_str());
  if (report.duplicates > 0) std::printf("  copies of instances that have a row: %s\n", Grouped(report.duplicates).c_str());
  for (const auto& [reason, count] : report.failures) std::printf("  failed: %s, %s\n", Grouped(count).c_str(), reason.c_str());
}

// With --no-account an account that is there goes on telling of an earlier export.
void PrintOldAccount(const ExportFlags& flags, const Common& common, warehouse::TableName name) {
  if (!flags.no_account || !flags.parquet.empty() || !flags.duckdb.empty()) return;
  name.table += "_account";
  if (warehouse::Warehouse(common.warehouse).TableExists(name))
    std::printf("  %s is not of this export, but of an earlier one\n", name.Uri().c_str());
}

// The table's destination and the account's.
struct Destinations {
  std::unique_ptr<transfer::Destination> table;
  std::unique_ptr<transfer::Destination> account;  // null: none is wanted
};

base::Result<std::unique_ptr<transfer::Destination>> OpenDestination(const ExportFlags& flags, const Common& common,
                                                                     const warehouse::TableName& name, bool account,
                                                                     warehouse::Disposition disposition) {
  if (!flags.parquet.empty()) {
    return transfer::OpenParquetDestination(account ? transfer::ParquetAccountTarget(flags.parquet) : flags.parquet, disposition);
  }
  if (!flags.duckdb.empty())
    return transfer::OpenDuckDbDestination(flags.duckdb, name.table + (account ? "_account" : ""), disposition);
  const warehouse::Warehouse warehouse(common.warehouse);
  return account ? transfer::OpenAccountDestination(warehouse, name, disposition)
                 : transfer::OpenTableDestination(warehouse, name, disposition);
}

// With the ways out of it.
base::Error ExistsError(const ExportFlags& flags, const base::Error& error) {
  const bool file = !flags.parquet.empty() && !transfer::IsParquetFolder(flags.parquet);
  return {error.code, error.message + ":\n" + (file ? "" : "  --write-disposition write-append  adds to it\n") +
                          "  --overwrite-table  replaces it"};
}

base::Result<Destinations> OpenDestinations(const ExportFlags& flags, const Common& common, const warehouse::TableName& name) {
  DH_ASSIGN(const warehouse::Disposition disposition, DispositionOf(flags));
  Destinations opened;
  auto table = OpenDestination(flags, common, name, false, disposition);
  if (!table.ok() && table.error().code == base::ErrorCode::kAlreadyExists) return ExistsError(flags, table.error());
  if (!table.ok()) return table.error();
  opened.table = *std::move(table);
  if (flags.no_account) return opened;
  auto account = OpenDestination(flags, common, name, true, disposition);
  // Beside a table of the warehouse, what has the account's name and is none can't be asked to be replaced.
  const bool elsewhere = !flags.parquet.empty() || !flags.duckdb.empty();
  if (!account.ok() && account.error().code == base::ErrorCode::kAlreadyExists && elsewhere)
    return ExistsError(flags, account.error());
  if (!account.ok()) return account.error();
  opened.account = *std::move(account);
  return opened;
}

base::Result<int> RunExport(const ExportFlags& flags, const Common& common) {
  transfer::ExportOptions options;
  DH_ASSIGN(options.mapping, MappingOf(flags.read));
  DH_ASSIGN(const warehouse::TableName name, ParseTableName(flags.table, common));
  if (!flags.filter_file.empty()) {
    DH_ASSIGN(options.filter, transfer::Filter::FromFile(flags.filter_file));
  }
  DH_ASSIGN(options.shard, ShardOf(flags.shard));
  options.summary = {{"dicomhouse.profile", flags.read.profile}, {"dicomhouse.export", NewExportId()}};
  const bool sharded = options.shard.count > 1;
  if (sharded) options.summary["dicomhouse.shard"] = flags.shard;
  const bool filtered = options.filter.active();
  DH_ASSIGN(const Destinations destinations, OpenDestinations(flags, common, name));
  DH_ASSIGN(const RunResult run, RunOver(flags.read, std::move(options), *destinations.table, destinations.account.get()));
  if (flags.json) {
    PrintJson(ReportJson(run.report, run.seconds, filtered, sharded));
  } else {
    PrintReport(run.report, run.seconds);
    PrintOldAccount(flags, common, name);
    PrintNext(NextCommands(flags, common, name, run.report));
  }
  return run.failures > 0 ? kDoneWithFailures : kDone;
}

void AddDestinationFlags(CLI::App& command, ExportFlags& flags) {
  command.add_option("--bq-table", flags.table, "Table: bq://PROJECT.DATASET.TABLE, or its last parts")
      ->type_name("NAME")
      ->capture_default_str();
  auto* parquet = command
                      .add_option("--parquet", flags.parquet,
                                  "Write a Parquet file instead of a table; into a folder, if it is one or ends with /")
                      ->type_name("FILE|DIR/");
  command.add_option("--duckdb", flags.duckdb, "Write the table into a DuckDB database file instead")
      ->type_name("FILE")
      ->excludes(parquet);
  command
      .add_option("--write-disposition", flags.disposition,
                  "What happens to an existing table: write-empty, write-truncate, write-append. Without it an existing table is "
                  "an error")
      ->type_name("HOW")
      ->check(CLI::IsMember({"write-empty", "write-truncate", "write-append"}));
  command.add_flag("--overwrite-table", flags.overwrite, "Replace an existing table");
  command.add_flag("--no-account", flags.no_account, "Write no table TABLE_account");
}

}  // namespace

void AddExport(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command = app.add_subcommand("export", "Write the metadata of DICOM files into a table");
  command->footer(std::string(kPathHelp) +
                  "Beside the table stands its account, TABLE_account (NAME_account.parquet for NAME.parquet, NAME_account/ for "
                  "NAME/): a row\n"
                  "for each element without an exact place of its own, and for each file that failed.\n\n"
                  "Examples:\n"
                  "  dicomhouse export ~/scans\n"
                  "  dicomhouse export ~/scans --bq-table bq://local.dicom.metadata --write-disposition write-truncate\n"
                  "  find /archive -newer last_run -name '*.dcm' | dicomhouse export - --write-disposition write-append\n"
                  "  dicomhouse export ~/scans --filter-file filter.txt --json\n"
                  "  dicomhouse export ~/scans --parquet scans.parquet\n"
                  "  dicomhouse export ~/scans --duckdb scans.duckdb\n\n"
                  "Exit codes: 0 done, 1 failed, 2 wrong use, 3 done but some files failed, 130 interrupted.");
  command->add_option("PATH", flags->read.paths, "What to read")->required();
  AddDestinationFlags(*command, *flags);
  command
      ->add_option("--filter-file", flags->filter_file,
                   "Export only what its lines name: /studies/UID[/series/UID[/instances/UID]]")
      ->type_name("FILE");
  command
      ->add_option("--shard", flags->shard,
                   "Export the I-th of N shares of the instances. N runs over the same files, at once or not, with "
                   "--write-disposition write-append make the table of one run")
      ->type_name("I/N");
  AddReadFlags(*command, flags->read);
  command->add_flag("--ordered", flags->read.ordered,
                    "Rows in the order of the sorted paths, those of an archive in its own order (one thread)");
  command->add_flag("--json", flags->json, "End standard output with one JSON object");
  AddCommonFlags(*command, common);
  command->callback([flags, &common, &run] {
    run = [flags, &common] {
      const auto code = RunExport(*flags, common);
      return code.ok() ? *code : Complain(code.error());
    };
  });
}

}  // namespace dicomhouse::cli
