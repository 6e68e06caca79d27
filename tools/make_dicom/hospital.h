// A small archive that looks like a hospital's, for examples and end-to-end tests.
#pragma once

#include <cstdint>
#include <filesystem>

namespace make_dicom {

struct HospitalOptions {
  int64_t instances = 600;
  uint64_t seed = 1;
  std::filesystem::path manifest;  // a TSV of what was written, for tests; none when empty
};

// Returns the number of instances written. Beside them: a README.txt, a DICOMDIR, one duplicate, one truncated file.
int64_t MakeHospital(const std::filesystem::path& folder, const HospitalOptions& options);

}  // namespace make_dicom
