#include "base/unnamed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/file.h"

namespace dicomhouse::base {
namespace {

Error Broken(const std::string& doing, const char* reason) {
  return {ErrorCode::kIo, "can't " + doing + " a temporary file: " + reason};
}

}  // namespace

Result<UnnamedFile> UnnamedFile::Make() {
  const char* variable = std::getenv("TMPDIR");
  const std::string folder = variable != nullptr && *variable != 0 ? variable : "/tmp";
  std::string path = JoinPath(folder, "dicomhouse-XXXXXX");
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) {
    const std::string reason = std::strerror(errno);
    return Error{ErrorCode::kIo, folder + ": no temporary file can be made there: " + reason +
                                     ". The variable TMPDIR says where temporary files are made"};
  }
  ::unlink(path.c_str());
  return UnnamedFile(descriptor);
}

UnnamedFile::UnnamedFile(UnnamedFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

UnnamedFile& UnnamedFile::operator=(UnnamedFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

UnnamedFile::~UnnamedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status UnnamedFile::Write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return Broken("write", std::strerror(errno));
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status UnnamedFile::WriteAt(uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno != EINTR) return Broken("write", std::strerror(errno));
    if (written <= 0) continue;
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return {};
}

Status UnnamedFile::ReadAt(uint64_t offset, std::span<char> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got == 0) return Broken("read", "it ends too early");
    if (got < 0 && errno != EINTR) return Broken("read", std::strerror(errno));
    if (got <= 0) continue;
    out = out.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return {};
}

int UnnamedFile::Rewound() const {
  ::lseek(descriptor_, 0, SEEK_SET);
  return descriptor_;
}

std::string UnnamedFile::path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

}  // namespace dicomhouse::base
