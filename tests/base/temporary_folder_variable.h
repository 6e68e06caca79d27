// TMPDIR for a test: where unnamed files are made.
#pragma once

#include <cstdlib>
#include <string>

namespace dicomhouse::base {

// TMPDIR is `folder` while it lives.
class TemporaryFolderVariable {
 public:
  explicit TemporaryFolderVariable(const std::string& folder) {
    if (const char* before = std::getenv("TMPDIR"); before != nullptr) before_ = before;
    ::setenv("TMPDIR", folder.c_str(), 1);
  }
  ~TemporaryFolderVariable() { before_.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", before_.c_str(), 1); }
  TemporaryFolderVariable(const TemporaryFolderVariable&) = delete;
  TemporaryFolderVariable& operator=(const TemporaryFolderVariable&) = delete;

 private:
  std::string before_;
};

}  // namespace dicomhouse::base
