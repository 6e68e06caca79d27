// The benchmarks' corpus: CT-like and MR-like instances in series, one folder each.
#pragma once

#include <cstdint>
#include <filesystem>

namespace make_dicom {

struct SeriesOptions {
  int64_t instances = 20000;
  int64_t series = 0;  // 0: so many that each has about 200 instances
  int threads = 2;
  bool unlike = false;  // no two instances alike: each value that may vary does
  uint64_t seed = 1;
};

// Returns the number of instances written. Throws on a file that can't be written.
int64_t MakeSeries(const std::filesystem::path& folder, const SeriesOptions& options);

}  // namespace make_dicom
