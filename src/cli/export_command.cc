// `dicomhouse export`: flags in, one export, a report out.
#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "base/json.h"
#include "cli/command.h"
#include "cli/progress_line.h"
#include "transfer/exporter.h"

namespace dicomhouse::cli {
namespace {

struct ExportFlags {
  std::vector<std::string> paths;
  std::string table = "metadata";
  std::string disposition;
  bool overwrite = false;
  std::string filter_file;
  std::string profile = "google";
  std::vector<std::string> columns;
  int threads = 0;
  bool ordered = false;
  bool no_account = false;
  bool json = false;
  bool quiet = false;
};

// Signals ask the export to stop; a second one ends the program at once.
std::atomic<bool>* g_cancelled = nullptr;
extern "C" void OnSignal(int number) {
  if (g_cancelled == nullptr || g_cancelled->exchange(true)) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
}

base::Result<warehouse::Disposition> DispositionOf(const ExportFlags& flags) {
  using warehouse::Disposition;
  if (flags.overwrite && !flags.disposition.empty()) {
    return base::Error{base::ErrorCode::kInvalidArgument, "--overwrite-table and --write-disposition exclude each other; give one of them"};
  }
  if (flags.overwrite || flags.disposition == "write-truncate") return Disposition::kTruncate;
  if (flags.disposition == "write-append") return Disposition::kAppend;
  return flags.disposition == "write-empty" ? Disposition::kEmpty : Disposition::kCreate;
}

base::Result<mapping::Options> MappingOf(const ExportFlags& flags) {
  mapping::Options options;
  options.profile = flags.profile == "lossless" ? mapping::Profile::kLossless : mapping::Profile::kGoogle;
  options.extra.source_path = flags.columns.empty();
  for (const std::string& column : flags.columns) {
    if (column == "SourcePath") {
      options.extra.source_path = true;
    } else if (column == "SourceSize") {
      options.extra.source_size = true;
    } else if (column == "SourceModified") {
      options.extra.source_modified = true;
    } else if (column != "none") {
      return base::Error{base::ErrorCode::kInvalidArgument, "--columns: " + column + " is not known; there are SourcePath, SourceSize, SourceModified and none"};
    }
  }
  return options;
}

base::Json ReportJson(const transfer::ExportReport& report, double seconds) {
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
  json.Set("failures", std::move(failures)).Set("duplicates", report.duplicates).Set("filtered", report.filtered);
  json.Set("columns", report.columns).Set("elements", std::move(elements)).Set("bytesRead", report.bytes_read).Set("seconds", seconds);
  return json;
}

uint64_t FailureCount(const transfer::ExportReport& report) {
  uint64_t count = 0;
  for (const auto& [reason, failures] : report.failures) count += failures;
  return count;
}

void PrintReport(const transfer::ExportReport& report, double seconds, const warehouse::TableName& name) {
  const auto rate = static_cast<uint64_t>(static_cast<double>(report.instances) / std::max(seconds, 0.001));
  std::printf("%s instances in %s (%s, %s/s), %s columns: %s\n", Grouped(report.instances).c_str(), report.table.c_str(), Duration(seconds).c_str(),
              Grouped(rate).c_str(), Grouped(static_cast<uint64_t>(report.columns)).c_str(), "done");
  const mapping::ElementCounts& counts = report.elements.counts;
  std::printf("  elements: %s read = %s in columns + %s in OtherElements + %s dropped (see DroppedTags)\n", Grouped(counts.read).c_str(),
              Grouped(counts.placed).c_str(), Grouped(counts.other).c_str(), Grouped(counts.dropped).c_str());
  if (report.skipped > 0) std::printf("  skipped, not DICOM instances: %s\n", Grouped(report.skipped).c_str());
  if (report.filtered > 0) std::printf("  not named by the filter: %s\n", Grouped(report.filtered).c_str());
  if (report.duplicates > 0) std::printf("  copies of instances that have a row: %s\n", Grouped(report.duplicates).c_str());
  for (const auto& [reason, count] : report.failures) std::printf("  failed: %s, %s\n", Grouped(count).c_str(), reason.c_str());
  const std::string table = name.project == "local" && name.dataset == "dicom" ? name.table : name.dataset + "." + name.table;
  std::printf("Next:\n  dicomhouse query \"SELECT Modality, COUNT(*) AS instances FROM %s GROUP BY Modality ORDER BY instances DESC\"\n"
              "  dicomhouse query \"SELECT Reason, TagPath, COUNT(*) AS n FROM %s_account GROUP BY Reason, TagPath ORDER BY n DESC LIMIT 20\"\n",
              table.c_str(), table.c_str());
}

int ExitCodeOf(const base::Error& error) {
  if (error.code == base::ErrorCode::kCancelled) return kInterrupted;
  return error.code == base::ErrorCode::kInvalidArgument ? kWrongUse : kFailed;
}

base::Result<int> RunExport(const ExportFlags& flags, const Common& common) {
  const auto start = std::chrono::steady_clock::now();
  transfer::ExportOptions options;
  DH_ASSIGN(options.mapping, MappingOf(flags));
  DH_ASSIGN(const warehouse::Disposition disposition, DispositionOf(flags));
  DH_ASSIGN(const warehouse::TableName name, warehouse::TableName::Parse(flags.table, {common.project, common.dataset, ""}));
  if (!flags.filter_file.empty()) {
    DH_ASSIGN(options.filter, transfer::Filter::FromFile(flags.filter_file));
  }
  options.threads = flags.ordered ? 1 : flags.threads > 0 ? flags.threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.summary = {{"dicomhouse.profile", flags.profile}};

  const warehouse::Warehouse warehouse(common.warehouse);
  DH_ASSIGN(auto table, transfer::OpenTableDestination(warehouse, name, disposition));
  std::unique_ptr<transfer::Destination> account;
  if (!flags.no_account) {
    warehouse::TableName account_name = name;
    account_name.table += "_account";
    const auto account_disposition = disposition == warehouse::Disposition::kAppend ? disposition : warehouse::Disposition::kTruncate;
    DH_ASSIGN(account, transfer::OpenTableDestination(warehouse, account_name, account_disposition));
  }
  transfer::SourceOptions source_options;
  source_options.paths = flags.paths;
  source_options.ordered = flags.ordered;
  DH_ASSIGN(auto source, transfer::Source::Start(source_options));

  transfer::Progress progress;
  g_cancelled = &progress.cancelled;
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  ProgressLine line(progress, *source, flags.quiet);
  // A worker may wait for a pipe that never says anything: the watcher wakes the source.
  std::jthread watcher([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && !progress.cancelled) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (progress.cancelled) source->Cancel();
  });
  const auto report = transfer::Export(*source, options, *table, account.get(), progress,
                                       [&line](const std::string& path, const std::string& text) { line.Say(path + ": " + text); });
  watcher.request_stop();
  line.Stop();
  g_cancelled = nullptr;
  for (const transfer::Source::Problem& problem : source->problems()) std::fprintf(stderr, "%s\n", problem.error.message.c_str());
  if (!report.ok()) return report.error();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (flags.json) {
    std::printf("%s\n", ReportJson(*report, seconds).Print().c_str());
  } else {
    PrintReport(*report, seconds, name);
  }
  return FailureCount(*report) + source->problems().size() > 0 ? kDoneWithFailures : kDone;
}

}  // namespace

void AddExport(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command = app.add_subcommand("export", "Write the metadata of DICOM files into a table");
  command->footer(
      "PATH is a folder, a file, an archive (.zip .tar .tar.gz .tar.zst) or - for a list of paths on standard input.\n\n"
      "Examples:\n"
      "  dicomhouse export ~/scans\n"
      "  dicomhouse export ~/scans --bq-table bq://local.dicom.metadata --write-disposition write-truncate\n"
      "  find /archive -newer last_run -name '*.dcm' | dicomhouse export - --write-disposition write-append\n"
      "  dicomhouse export ~/scans --filter-file filter.txt --json\n\n"
      "Exit codes: 0 done, 1 failed, 2 wrong use, 3 done but some files failed, 130 interrupted.");
  command->add_option("PATH", flags->paths, "What to read")->required();
  command->add_option("--bq-table", flags->table, "Table: bq://PROJECT.DATASET.TABLE, or its last parts")->capture_default_str();
  command
      ->add_option("--write-disposition", flags->disposition,
                   "What happens to an existing table: write-empty, write-truncate, write-append. Without it an existing table is an error")
      ->check(CLI::IsMember({"write-empty", "write-truncate", "write-append"}));
  command->add_flag("--overwrite-table", flags->overwrite, "Replace an existing table");
  command->add_option("--filter-file", flags->filter_file, "Export only what its lines name: /studies/UID[/series/UID[/instances/UID]]")->type_name("FILE");
  command->add_option("--profile", flags->profile, "google: the table that Google's export makes; lossless: nothing dropped")
      ->check(CLI::IsMember({"google", "lossless"}))
      ->capture_default_str();
  command->add_option("--columns", flags->columns, "Columns beside DICOM's: SourcePath (default), SourceSize, SourceModified, none")->delimiter(',');
  command->add_option("--threads", flags->threads, "Threads (default: as many as the machine has)")->check(CLI::Range(1, 1024));
  command->add_flag("--ordered", flags->ordered, "Rows in the order of the sorted paths (one thread)");
  command->add_flag("--no-account", flags->no_account, "Write no table TABLE_account");
  command->add_flag("--json", flags->json, "End standard output with one JSON object");
  command->add_flag("--quiet", flags->quiet, "No progress");
  AddCommonFlags(*command, common);
  command->callback([flags, &common, &run] {
    run = [flags, &common] {
      const auto code = RunExport(*flags, common);
      return code.ok() ? *code : Complain(code.error().message, ExitCodeOf(code.error()));
    };
  });
}

}  // namespace dicomhouse::cli
