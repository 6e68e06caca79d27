// What all peers share: the list of files, the threads, the clock, the report. A peer gives the work on one file.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace rivals {

struct Options {
  std::string folder;
  int threads = 1;
  bool shuffle = false;
};

inline Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--threads" && i + 1 < argc) {
      options.threads = std::max(1, std::atoi(argv[++i]));
    } else if (word == "--shuffle") {
      options.shuffle = true;
    } else {
      options.folder = word;
    }
  }
  if (options.folder.empty()) {
    std::fprintf(stderr, "usage: %s FOLDER [--threads N] [--shuffle]\n", argv[0]);
    std::exit(2);
  }
  return options;
}

// In order of their paths, or in one random order that is the same in each run (splitmix64 and Fisher-Yates).
inline std::vector<std::string> ListFiles(const Options& options) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options.folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  uint64_t state = 1;
  for (size_t i = files.size(); options.shuffle && i > 1; --i) {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    std::swap(files[i - 1], files[(z ^ (z >> 31)) % i]);
  }
  return files;
}

// Calls `make_work()` once per thread for a function `bool(const std::string& path)`, and that for every file. Listing is in the
// time, as it is for the product. Prints key=value lines; returns the exit code.
template <typename MakeWork>
int Run(int argc, char** argv, const MakeWork& make_work) {
  const Options options = ParseOptions(argc, argv);
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<std::string> files = ListFiles(options);
  std::atomic<size_t> next = 0;
  std::atomic<size_t> failed = 0;
  const auto loop = [&] {
    // In blocks, so that a thread stays in one series.
    constexpr size_t kBlock = 64;
    auto work = make_work();
    for (size_t first = next.fetch_add(kBlock); first < files.size(); first = next.fetch_add(kBlock)) {
      for (size_t i = first; i < std::min(first + kBlock, files.size()); ++i) failed += work(files[i]) ? 0 : 1;
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < options.threads; ++i) threads.emplace_back(loop);
  loop();
  threads.clear();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto instances = static_cast<double>(files.size() - failed);
  std::printf("instances_per_second=%.0f\nseconds=%.4f\ninstances=%.0f\nfailed=%zu\n", instances / seconds, seconds, instances,
              failed.load());
  return 0;
}

}  // namespace rivals
