// `dicomhouse store add|verify|rebuild`: a server's data folder without the server.
#include <unistd.h>

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
  bool index_too = false;
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

base::Status CheckDataFolder(const std::string& folder) {
  DH_CHECK(base::RealFileSystem().List(folder));
  if (base::RealFileSystem().Exists(base::JoinPath(folder, "format"))) return {};
  return base::Error{base::ErrorCode::kNotFound, folder + " is no data folder of dicomhouse: it has no file 'format'"};
}

base::Result<int> RunRebuild(const StoreFlags& flags) {
  DH_CHECK(CheckDataFolder(flags.data));
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  DH_ASSIGN(const store::Store::Rebuilt rebuilt,
            store::Store::Rebuild(flags.data, flags.index_too, [terminal](size_t done, size_t all) {
              if (terminal) std::fprintf(stderr, "\rreading segment %zu of %zu%s", done, all, done == all ? "\n" : "");
            }));
  for (const std::string& line : rebuilt.index.damaged) std::printf("%s\n", Printable(line).c_str());
  for (const store::DicomStore& store : rebuilt.new_names) {
    std::printf("a DICOM store without a name is %s now\n", store.name.Text().c_str());
  }
  if (rebuilt.made_index) {
    std::printf("the index has %s again\n", Counted(static_cast<uint64_t>(rebuilt.index.instances), "instance").c_str());
  } else if (rebuilt.new_names.empty()) {
    std::printf("nothing is missing (--index makes the index again all the same)\n");
  }
  return rebuilt.index.damaged.empty() ? kDone : kFailed;
}

base::Result<int> RunVerify(const StoreFlags& flags) {
  DH_CHECK(CheckDataFolder(flags.data));
  DH_ASSIGN(const std::unique_ptr<store::Store> store, store::Store::Open(flags.data));
  uint64_t faults = 0;
  DH_ASSIGN(const store::Store::Verified verified, store->Verify([&faults](const std::string& line) {
    ++faults;
    std::printf("%s\n", Printable(line).c_str());
  }));
  std::printf("%s, %s: %s\n", Counted(static_cast<uint64_t>(verified.instances), "instance").c_str(),
              Counted(static_cast<uint64_t>(verified.objects), "object").c_str(),
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

void AddRebuild(CLI::App& parent, Run& run) {
  auto flags = std::make_shared<StoreFlags>();
  CLI::App* command = parent.add_subcommand("rebuild", "Make a data folder's index again from its instances, when it is lost");
  command->footer(
      "For a folder that the server refuses to open because its index or catalog is missing, broken or older than the "
      "instances. Only the file that is not usable is made again; it is kept as NAME.old. All instances are read once. What was "
      "deleted shortly before may be there again; DICOM stores whose names are lost are called recovered/store-N. Make a copy of "
      "the folder first where you can. The server must not be running. Exit codes: 0 all is there, 1 something is damaged or "
      "could not be done.\n\nExample:\n"
      "  dicomhouse store rebuild --data /srv/dicomhouse");
  command->add_flag("--index", flags->index_too, "Make the index again although it can be opened");
  AddDataFlag(*command, *flags);
  command->callback([flags, &run] {
    run = [flags] {
      const auto code = RunRebuild(*flags);
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
  AddRebuild(*command, run);
}

}  // namespace dicomhouse::cli
