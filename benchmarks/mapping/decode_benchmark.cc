// Decoding and writing alone: header bytes in memory -> columns -> Parquet, one thread, no files opened in the timed part.
//
//   decode_benchmark FOLDER [--rounds N] [--limit N] [--part FILE] [--shuffle]
//
// Prints key=value lines: microseconds per instance for reading (top level), columns and writing, and what the
// part came to.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "dicom/instance.h"
#include "mapping/row_builder.h"
#include "table/part.h"

namespace {

// The thread's own processor time: what other programs do on the machine counts less.
struct Clock {
  using duration = std::chrono::nanoseconds;
  static duration now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }
};
double Seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

std::vector<std::vector<uint8_t>> ReadHeads(const std::string& folder, size_t limit, bool shuffle) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  if (paths.size() > limit) paths.resize(limit);
  if (shuffle) std::shuffle(paths.begin(), paths.end(), std::mt19937(1));
  std::vector<std::vector<uint8_t>> heads;
  for (const std::string& path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::vector<uint8_t> bytes(std::min<size_t>(1 << 20, std::filesystem::file_size(path)));
    in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    heads.push_back(std::move(bytes));
  }
  return heads;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::puts("decode_benchmark FOLDER [--rounds N] [--limit N] [--part FILE] [--shuffle]"), 2;
  size_t limit = 20000;
  int rounds = 3;
  bool shuffle = false;
  std::string part_path = "/dev/null";
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--limit") limit = std::strtoul(argv[++i], nullptr, 10);
    if (word == "--rounds") rounds = std::atoi(argv[++i]);
    if (word == "--part") part_path = argv[++i];
    if (word == "--shuffle") shuffle = true;
  }
  const auto heads = ReadHeads(argv[1], limit, shuffle);
  for (int round = 0; round < rounds; ++round) {
    dicomhouse::mapping::Options options;
    options.extra.source_path = true;
    dicomhouse::mapping::RowBuilder builder(options);
    dicomhouse::dicom::InstanceReader reader;
    dicomhouse::dicom::Instance instance;
    dicomhouse::mapping::RowTotals totals;
    Clock::duration reading{};
    Clock::duration writing{};
    size_t bytes = 0;
    const auto write = [&] {
      const auto begin = Clock::now();
      builder.batch().Close();
      auto file = dicomhouse::base::RealFileSystem().Create(part_path);
      auto part = dicomhouse::table::Part::Write(builder.batch(), std::move(*file), dicomhouse::table::TimeStorage::kText);
      if (part_path != "/dev/null") {
        auto schema = part->schema();
        if (!part->Finish(schema).ok()) std::puts("finish failed");
      }
      bytes += static_cast<size_t>(part->bytes());
      builder.Clear();
      writing += Clock::now() - begin;
    };
    const auto start = Clock::now();
    size_t read_only = 0;
    for (const auto& head : heads) {
      dicomhouse::dicom::MemorySource source(head);
      if (reader.Read(source, instance) == dicomhouse::dicom::ReadOutcome::kInstance) read_only += instance.elements.size();
    }
    reading = Clock::now() - start;
    const auto start_all = Clock::now();
    for (const auto& head : heads) {
      dicomhouse::dicom::MemorySource source(head);
      if (reader.Read(source, instance) != dicomhouse::dicom::ReadOutcome::kInstance) continue;
      builder.Add(instance, {"path", head.size(), 0}, true);
      totals += builder.row_totals();
      if (builder.full()) write();
    }
    const auto all = Clock::now() - start_all;
    const auto rows = static_cast<double>(heads.size());
    const auto writing_inside = writing;
    if (builder.batch().rows() > 0) write();
    std::printf(
        "instances=%zu read_us=%.2f decode_us=%.2f write_us=%.2f bytes=%zu elements=%lu placed=%lu other=%lu dropped=%lu "
        "unbalanced=%lu top=%zu\n",
        heads.size(), Seconds(reading) / rows * 1e6, Seconds(all - writing_inside) / rows * 1e6, Seconds(writing) / rows * 1e6,
        bytes, totals.counts.read, totals.counts.placed, totals.counts.other, totals.counts.dropped, totals.failed_balance,
        read_only);
  }
  return 0;
}
