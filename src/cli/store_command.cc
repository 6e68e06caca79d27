// `dicomhouse store add|verify`: a server's data folder without the server.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <thread>

#include "cli/command.h"
#include "cli/progress_line.h"
#include "cli/reading.h"
#include "cli/terminal.h"
#include "store/store.h"
#include "transfer/importer.h"

namespace dicomhouse::cli {
namespace {

struct StoreFlags {
  std::string data;
  std::string store;
  bool replace = false;
  bool json = false;
  ReadFlags read;
};

// "projects/P/locations/L/datasets/D/dicomStores/S", or "D/S" of the project and location "local".
base::Result<store::DicomStoreName> StoreNameOf(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash != std::string::npos && text.find('/', slash + 1) == std::string::npos) {
    return store::DicomStoreName::Parse("projects/local/locations/local/datasets/" + text.substr(0, slash) + "/dicomStores/" +
                                        text.substr(slash + 1));
  }
  if (!text.starts_with("projects/")) {
    return base::Error{base::ErrorCode::kInvalidArgument,
                       "--store: '" + text +
                           "' is neither DATASET/STORE nor projects/*/locations/*/datasets/*/dicomStores/*, as in\n"
                           "  --store my-dataset/my-store"};
  }
  return store::DicomStoreName::Parse(text);
}

// The store, made with its dataset when there is none.
base::Result<store::DicomStore> OpenOrMake(store::Catalog& catalog, const store::DicomStoreName& name) {
  auto found = catalog.GetDicomStore(name);
  if (found.ok() || found.error().code != base::ErrorCode::kNotFound) return found;
  const auto made = catalog.CreateDataset({name.dataset, base::Json::MakeObject()});
  if (!made.ok() && made.error().code != base::ErrorCode::kAlreadyExists) return made.error();
  return catalog.CreateDicomStore(name, base::Json::MakeObject());
}

void PrintReport(const transfer::ImportReport& report, const std::string& store, double seconds) {
  std::printf("%s stored in %s (%s, %s)\n", Counted(report.stored + report.replaced, "instance").c_str(), store.c_str(),
              Bytes(report.bytes).c_str(), Duration(seconds).c_str());
  if (report.replaced > 0) std::printf("  of them in place of others: %s\n", Grouped(report.replaced).c_str());
  if (report.same > 0) std::printf("  there already, the same bytes: %s\n", Grouped(report.same).c_str());
  if (report.conflicts > 0) {
    std::printf("  refused, other bytes are there under the same UID: %s (--replace replaces them)\n",
                Grouped(report.conflicts).c_str());
  }
  if (report.skipped > 0) std::printf("  skipped, not DICOM instances: %s\n", Grouped(report.skipped).c_str());
  if (report.failed > 0) std::printf("  failed: %s\n", Grouped(report.failed).c_str());
}

base::Json ReportJson(const transfer::ImportReport& report, const std::string& store, double seconds) {
  base::Json json = base::Json::MakeObject();
  json.Set("store", store).Set("files", report.files).Set("stored", report.stored).Set("replaced", report.replaced);
  json.Set("same", report.same).Set("conflicts", report.conflicts).Set("skipped", report.skipped).Set("failed", report.failed);
  return json.Set("bytes", report.bytes).Set("seconds", seconds);
}

base::Result<int> RunAdd(const StoreFlags& flags) {
  DH_ASSIGN(const store::DicomStoreName name, StoreNameOf(flags.store));
  DH_ASSIGN(const std::unique_ptr<store::Store> store, store::Store::Open(flags.data));
  DH_ASSIGN(const store::DicomStore into, OpenOrMake(store->catalog(), name));
  transfer::ImportReport report;
  DH_ASSIGN(const double seconds,
            ReadThrough(flags.read,
                        [&](transfer::Source& source, int threads, transfer::Progress& progress,
                            const transfer::FailureSink& on_failure) -> base::Status {
                          const transfer::ImportOptions options{
                              flags.replace ? store::OnExisting::kReplace : store::OnExisting::kRefuse, threads};
                          DH_ASSIGN(report, transfer::Import(source, store->instances(), into.id, options, progress, on_failure));
                          return {};
                        }));
  if (flags.json) {
    PrintJson(ReportJson(report, name.Text(), seconds));
  } else {
    PrintReport(report, name.Text(), seconds);
  }
  return report.failed + report.conflicts > 0 ? kDoneWithFailures : kDone;
}

base::Result<int> RunVerify(const StoreFlags& flags) {
  if (!base::RealFileSystem().Exists(base::JoinPath(flags.data, "format"))) {
    return base::Error{base::ErrorCode::kNotFound, flags.data + " is no data folder of dicomhouse"};
  }
  DH_ASSIGN(const std::unique_ptr<store::Store> store, store::Store::Open(flags.data));
  uint64_t faults = 0;
  DH_ASSIGN(const int64_t instances, store->instances().Verify([&faults](const std::string& line) {
    ++faults;
    std::printf("%s\n", Printable(line).c_str());
  }));
  std::printf("%s, %s\n", Counted(static_cast<uint64_t>(instances), "instance").c_str(),
              faults == 0 ? "all as they were stored" : Counted(faults, "fault").c_str());
  return faults == 0 ? kDone : kFailed;
}

void AddDataFlag(CLI::App& command, StoreFlags& flags) {
  flags.data = DefaultDataFolder();
  command.add_option("--data", flags.data, "The data folder (or the variable DICOMHOUSE_DATA)")
      ->type_name("DIR")
      ->capture_default_str();
}

void AddAdd(CLI::App& parent, Run& run) {
  auto flags = std::make_shared<StoreFlags>();
  CLI::App* command = parent.add_subcommand("add", "Bring files into a DICOM store");
  command->footer(std::string(kPathHelp) +
                  "The server must not be running. Dataset and store are made when there are none.\n\n"
                  "Examples:\n"
                  "  dicomhouse store add ~/scans --store my-dataset/my-store\n"
                  "  dicomhouse store add scans.zip --store projects/p/locations/l/datasets/d/dicomStores/s");
  command->add_option("PATH", flags->read.paths, "What to read")->required();
  command->add_option("--store", flags->store, "DATASET/STORE, or its full resource name")->type_name("NAME")->required();
  command->add_flag("--replace", flags->replace, "Replace instances that have other bytes under the same UID");
  command->add_option("--threads", flags->read.threads, "Threads (default: as many as the machine has)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  command->add_flag("--quiet", flags->read.quiet, "No progress");
  command->add_flag("--json", flags->json, "Print one JSON object");
  AddDataFlag(*command, *flags);
  command->callback([flags, &run] {
    run = [flags] {
      const auto code = RunAdd(*flags);
      return code.ok() ? *code : Complain(code.error());
    };
  });
}

void AddVerify(CLI::App& parent, Run& run) {
  auto flags = std::make_shared<StoreFlags>();
  CLI::App* command = parent.add_subcommand("verify", "Compare index and bytes of a data folder, and say what is wrong");
  command->footer(
      "The server must not be running. Exit codes: 0 all is well, 1 something is wrong.\n\nExample:\n"
      "  dicomhouse store verify --data /srv/dicomhouse");
  AddDataFlag(*command, *flags);
  command->callback([flags, &run] {
    run = [flags] {
      const auto code = RunVerify(*flags);
      return code.ok() ? *code : Complain(code.error());
    };
  });
}

}  // namespace

void AddStore(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("store", "A server's data folder without the server");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  dicomhouse store add ~/scans --store my-dataset/my-store\n"
      "  dicomhouse store verify");
  AddAdd(*command, run);
  AddVerify(*command, run);
}

}  // namespace dicomhouse::cli
