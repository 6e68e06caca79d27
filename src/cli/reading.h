// What `export` and `schema` have in common: which files, how they become columns, and one run over them that shows its progress
// and stops at Ctrl-C.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "transfer/exporter.h"

namespace dicomhouse::cli {

struct ReadFlags {
  std::vector<std::string> paths;
  std::string profile = "google";
  std::vector<std::string> columns;
  bool bulk_sha256 = false;
  int threads = 0;
  bool ordered = false;
  bool quiet = false;
};

// --profile, --bulk-sha256, --columns, --threads, --quiet. PATH is the command's own; what it may be is said by kPathHelp.
void AddReadFlags(CLI::App& app, ReadFlags& flags);
inline constexpr const char* kPathHelp =
    "PATH is a folder, a file, an archive (.zip .tar .tar.gz .tar.zst) or - for a list of paths on standard input.\n\n";

// Errors: kInvalidArgument for columns that there are not, and for --bulk-sha256 without BulkData.
base::Result<mapping::Options> MappingOf(const ReadFlags& flags);
// Whether --columns knows it.
bool IsExtraColumn(std::string_view name);

struct RunResult {
  transfer::ExportReport report;
  uint64_t failures = 0;  // files that could not be read, folders that could not be listed
  double seconds = 0;
};

// Runs `work` over the paths, with failures and progress on standard error. Returns the seconds that it took. Errors: those of
// Source::Start and of the work; kCancelled after SIGINT, SIGTERM or SIGHUP. `threads`: what the flags say, or as many as the
// machine has.
using ReadWork = std::function<base::Status(transfer::Source& source, int threads, transfer::Progress& progress,
                                            const transfer::FailureSink& on_failure)>;
base::Result<double> ReadThrough(const ReadFlags& flags, const ReadWork& work);

// Runs transfer::Export over the paths. Failures and progress go to standard error. Errors: those of Source::Start and Export;
// kCancelled after SIGINT, SIGTERM or SIGHUP. `options`: threads are taken from `flags`.
base::Result<RunResult> RunOver(const ReadFlags& flags, transfer::ExportOptions options, transfer::Destination& table,
                                transfer::Destination* account);

}  // namespace dicomhouse::cli
