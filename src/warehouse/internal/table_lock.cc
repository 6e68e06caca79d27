#include "warehouse/internal/table_lock.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

namespace dicomhouse::warehouse {
namespace {

using base::InputFile;
using base::Result;

std::string LockPath(const std::string& table_folder) { return base::JoinPath(table_folder, "metadata/.lock"); }

Result<InputFile> OpenLockFile(base::FileSystem& files, const std::string& table_folder) {
  const std::string path = LockPath(table_folder);
  auto file = InputFile::Open(path);
  if (file.ok() || file.error().code != base::ErrorCode::kNotFound) return file;
  DH_ASSIGN(auto created, files.Create(path));  // two may create it at once: it is one file all the same
  DH_CHECK(created->Close());
  return InputFile::Open(path);
}

bool Lock(const InputFile& file, int how) {
  int result = 0;
  do {
    result = ::flock(file.descriptor(), how);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

// Whether the path still names the file that was locked: the table may have been dropped while this one waited.
bool StillThere(const InputFile& file, const std::string& path) {
  struct stat ours {};
  struct stat now {};
  return ::fstat(file.descriptor(), &ours) == 0 && ::stat(path.c_str(), &now) == 0 && ours.st_dev == now.st_dev &&
         ours.st_ino == now.st_ino;
}

}  // namespace

Result<TableLock> TableLock::Share(base::FileSystem& files, const std::string& table_folder) {
  TableLock lock;
  DH_ASSIGN(lock.file_, OpenLockFile(files, table_folder));
  lock.held_ = Lock(lock.file_, LOCK_SH);
  if (!StillThere(lock.file_, LockPath(table_folder))) {
    return base::Error{base::ErrorCode::kNotFound, table_folder + ": the table was dropped at this moment"};
  }
  return lock;
}

std::optional<TableLock> TableLock::TryAlone(base::FileSystem& files, const std::string& table_folder) {
  TableLock lock;
  auto file = OpenLockFile(files, table_folder);
  if (!file.ok()) return std::nullopt;
  lock.file_ = *std::move(file);
  lock.held_ = Lock(lock.file_, LOCK_EX | LOCK_NB);
  if (!lock.held_ || !StillThere(lock.file_, LockPath(table_folder))) return std::nullopt;
  return lock;
}

}  // namespace dicomhouse::warehouse
