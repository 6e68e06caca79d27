// Writing files. Errors are exceptions here: a generator that can't write has nothing else to do.
#pragma once

#include <filesystem>
#include <string_view>

namespace make_dicom {

void WriteFile(const std::filesystem::path& path, std::string_view bytes);

}  // namespace make_dicom
