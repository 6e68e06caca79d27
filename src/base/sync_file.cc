#include "base/sync_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace dicomhouse::base {

Status SyncFile(const std::string& path) {
  DH_ASSIGN(const InputFile file, InputFile::Open(path));
  if (::fsync(file.descriptor()) != 0) return Error{ErrorCode::kIo, path + ": can't sync to disk: " + std::strerror(errno)};
  return {};
}

}  // namespace dicomhouse::base
