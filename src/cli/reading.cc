#include "cli/reading.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

#include "cli/progress_line.h"
#include "cli/suggest.h"
#include "cli/terminal.h"

namespace dicomhouse::cli {
namespace {

// Signals ask the run to stop; a second one ends the program at once.
std::atomic<std::atomic<bool>*> g_cancelled = nullptr;
extern "C" void OnSignal(int number) {
  std::atomic<bool>* cancelled = g_cancelled.load();
  if (cancelled == nullptr || cancelled->exchange(true)) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
}

// Signals set `cancelled` as long as this lives.
class SignalWatch {
 public:
  explicit SignalWatch(std::atomic<bool>& cancelled) {
    g_cancelled = &cancelled;
    std::signal(SIGINT, OnSignal);
    std::signal(SIGTERM, OnSignal);
    // The terminal was closed. Under nohup it is ignored, and stays so.
    if (std::signal(SIGHUP, OnSignal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  }
  ~SignalWatch() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    if (std::signal(SIGHUP, SIG_DFL) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
    g_cancelled = nullptr;
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
};

struct ExtraColumn {
  std::string_view name;
  bool mapping::ExtraColumns::*wanted;
};
constexpr std::array<ExtraColumn, 5> kExtraColumns = {{{"SourcePath", &mapping::ExtraColumns::source_path},
                                                       {"SourceSize", &mapping::ExtraColumns::source_size},
                                                       {"SourceModified", &mapping::ExtraColumns::source_modified},
                                                       {"SourceSha256", &mapping::ExtraColumns::source_sha256},
                                                       {"DicomOffset", &mapping::ExtraColumns::dicom_offset}}};

base::Error UnknownColumn(const std::string& column) {
  std::vector<std::string> words = {"none"};
  std::string all;
  for (const ExtraColumn& known : kExtraColumns) {
    words.emplace_back(known.name);
    all.append(known.name).append(", ");
  }
  const std::string nearest = NearestWord(column, words);
  return {base::ErrorCode::kInvalidArgument,
          "--columns: " + column + " is not known; " +
              (nearest.empty() ? "there are " + all + "and none" : "did you mean " + nearest + "?")};
}

}  // namespace

bool IsExtraColumn(std::string_view name) {
  return std::any_of(kExtraColumns.begin(), kExtraColumns.end(), [&](const auto& column) { return column.name == name; });
}

void AddReadFlags(CLI::App& app, ReadFlags& flags) {
  app.add_option("--profile", flags.profile, "google: the table that Google's export makes; lossless: nothing dropped")
      ->check(CLI::IsMember({"google", "lossless"}))
      ->capture_default_str();
  app.add_flag("--bulk-sha256", flags.bulk_sha256,
               "With --profile lossless: the SHA-256 of every value in BulkData. Reads whole files, pixels too");
  app.add_option("--columns", flags.columns,
                 "Columns beside DICOM's: SourcePath (default), SourceSize, SourceModified, SourceSha256 (reads whole files), "
                 "DicomOffset (where the data set begins), none; several with commas between")
      ->delimiter(',')
      ->allow_extra_args(false)  // the next word is a PATH
      ->type_name("NAME,...");
  app.add_option("--threads", flags.threads, "Threads (default: as many as the machine has)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  app.add_flag("--quiet", flags.quiet, "No progress");
}

base::Result<mapping::Options> MappingOf(const ReadFlags& flags) {
  mapping::Options options;
  options.profile = flags.profile == "lossless" ? mapping::Profile::kLossless : mapping::Profile::kGoogle;
  options.bulk_sha256 = flags.bulk_sha256;
  if (options.bulk_sha256 && options.profile != mapping::Profile::kLossless) {
    return base::Error{base::ErrorCode::kInvalidArgument,
                       "--bulk-sha256 fills a field of BulkData, which --profile lossless has; give both"};
  }
  options.extra.source_path = flags.columns.empty();
  for (const std::string& column : flags.columns) {
    if (column == "none") continue;
    const auto* const known =
        std::find_if(kExtraColumns.begin(), kExtraColumns.end(), [&](const auto& c) { return c.name == column; });
    if (known == kExtraColumns.end()) return UnknownColumn(column);
    options.extra.*known->wanted = true;
  }
  return options;
}

base::Result<double> ReadThrough(const ReadFlags& flags, const ReadWork& work) {
  const auto start = std::chrono::steady_clock::now();
  const int all = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int threads = flags.ordered ? 1 : flags.threads > 0 ? flags.threads : all;
  transfer::SourceOptions source_options;
  source_options.paths = flags.paths;
  source_options.ordered = flags.ordered;
  DH_ASSIGN(auto source, transfer::Source::Start(source_options));

  transfer::Progress progress;
  const SignalWatch signals(progress.cancelled);
  ProgressLine line(progress, *source, flags.quiet);
  // A worker may wait for a pipe that never says anything: the watcher wakes the source.
  std::jthread watcher([&](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    const auto is_cancelled = [&progress] { return progress.cancelled.load(); };
    while (!stop.stop_requested() && !wake.wait_for(lock, stop, std::chrono::milliseconds(50), is_cancelled)) {
    }
    if (progress.cancelled) source->Cancel();
  });
  const base::Status status = work(*source, threads, progress, [&line](const std::string& path, const std::string& text) {
    line.Say(Printable(path + ": " + text));
  });
  watcher.request_stop();
  line.Stop();
  if (!status.ok()) return status.error();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

base::Result<RunResult> RunOver(const ReadFlags& flags, transfer::ExportOptions options, transfer::Destination& table,
                                transfer::Destination* account) {
  RunResult result;
  DH_ASSIGN(result.seconds, ReadThrough(flags,
                                        [&](transfer::Source& source, int threads, transfer::Progress& progress,
                                            const transfer::FailureSink& on_failure) -> base::Status {
                                          options.threads = threads;
                                          DH_ASSIGN(result.report,
                                                    transfer::Export(source, options, table, account, progress, on_failure));
                                          return {};
                                        }));
  for (const auto& [reason, count] : result.report.failures) result.failures += count;
  return result;
}

}  // namespace dicomhouse::cli
