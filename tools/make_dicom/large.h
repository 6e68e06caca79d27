// Single instances and folders that are large in one direction, for the budgets of memory and growth.
#pragma once

#include <cstdint>
#include <filesystem>

namespace make_dicom {

void MakeLargeReport(const std::filesystem::path& file, int64_t items);
void MakeLargeSegmentation(const std::filesystem::path& file, int64_t frames);
void MakeLargeEnhancedMr(const std::filesystem::path& file, int64_t frames);
// Instances that together have `columns` distinct paths of standard attributes. Returns their number.
int64_t MakeManyColumns(const std::filesystem::path& folder, int64_t columns);
// About `gib` GiB of pixel data behind a usual header, in a sparse file. Below 4 GiB, and at 4 rounded down to a whole frame, in
// native form; more, or with `fragments`, in fragments of one frame each.
void MakeHuge(const std::filesystem::path& file, int64_t gib, bool fragments);

}  // namespace make_dicom
