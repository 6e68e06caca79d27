#include "files.h"

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace make_dicom {

void WriteFile(const std::filesystem::path& path, std::string_view bytes) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wb"), &std::fclose);
  if (file == nullptr) throw std::runtime_error("can't create " + path.string());
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // one write per file
  if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
    throw std::runtime_error("can't write " + path.string());
  }
}

}  // namespace make_dicom
