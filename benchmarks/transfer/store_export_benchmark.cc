// An export from a store against one of the same instances in a folder.
//
//   store_export_benchmark DATA FOLDER [THREADS]
//
// DATA: what store_benchmark left, read as store 1. FOLDER is made anew with a file for each instance, 250 in a folder. Prints
// one JSON line: medians of five alternating runs, without a table at the end.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "store/instances.h"
#include "transfer/exporter.h"
#include "transfer/store_source.h"

namespace {

using namespace dicomhouse;  // NOLINT(google-build-using-namespace)
using Clock = std::chrono::steady_clock;

constexpr int64_t kStore = 1;
constexpr uint64_t kFilesPerFolder = 250;
constexpr int kRuns = 5;

template <typename T>
T Must(base::Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

uint64_t WriteFolder(store::Instances& instances, const std::filesystem::path& folder) {
  std::filesystem::remove_all(folder);
  const auto snapshot = Must(instances.TakeSnapshot(kStore));
  uint64_t count = 0;
  for (auto entries = Must(snapshot->Next(256)); !entries.empty(); entries = Must(snapshot->Next(256))) {
    for (const auto& entry : entries) {
      std::vector<uint8_t> bytes(entry.info.bytes);
      Must(Must(snapshot->OpenBlob(entry))->ReadAt(0, bytes));
      const auto below = folder / std::to_string(count / kFilesPerFolder);
      std::filesystem::create_directories(below);
      std::ofstream(below / (std::to_string(count++) + ".dcm"), std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
  }
  return count;
}

double ExportSeconds(transfer::Source& source, int threads) {
  const auto start = Clock::now();
  transfer::Progress progress;
  transfer::ExportOptions options;
  options.threads = threads;
  const auto table = transfer::OpenNullDestination();
  Must(transfer::Export(source, options, *table, nullptr, progress, {}));
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
  return times[kRuns / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int threads = argc > 3 ? std::atoi(argv[3]) : 1;
  const auto instances = Must(store::Instances::Open(argv[1], base::RealFileSystem()));
  const uint64_t count = WriteFolder(*instances, argv[2]);
  std::vector<double> from_store;
  std::vector<double> from_folder;
  for (int run = 0; run < kRuns; ++run) {
    const auto folder = Must(transfer::Source::Start({.paths = {argv[2]}}));
    from_folder.push_back(ExportSeconds(*folder, threads));
    const auto source = transfer::MakeStoreSource(Must(instances->TakeSnapshot(kStore)), "store");
    from_store.push_back(ExportSeconds(*source, threads));
  }
  std::printf(
      "{\"what\":\"export\",\"instances\":%llu,\"threads\":%d,\"store_per_second\":%.0f,\"folder_per_second\":%.0f,"
      "\"ratio\":%.2f}\n",
      static_cast<unsigned long long>(count), threads, static_cast<double>(count) / Median(from_store),
      static_cast<double>(count) / Median(from_folder), Median(from_folder) / Median(from_store));
  return 0;
}
