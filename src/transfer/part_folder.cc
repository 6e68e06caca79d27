#include "transfer/internal/part_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

namespace dicomhouse::transfer {
namespace {

// A folder this young may not be locked yet by who has made it.
constexpr auto kYouth = std::chrono::minutes(1);
// That mkdtemp puts behind a name.
constexpr size_t kLetters = 6;

// Folders of the name that nobody holds a lock on: who made them was killed.
void RemoveAbandoned(const std::string& folder, const std::string& prefix) {
  const auto names = base::RealFileSystem().List(folder);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    // Only names as Make gives them: NAME.partial-XXXXXX.old may be the one copy of what was being replaced.
    if (!name.starts_with(prefix) || name.size() != prefix.size() + kLetters) continue;
    const std::string path = base::JoinPath(folder, name);
    std::error_code failed;
    const auto changed = std::filesystem::last_write_time(path, failed);
    if (failed || std::filesystem::file_time_type::clock::now() - changed < kYouth) continue;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) (void)base::RealFileSystem().RemoveTree(path);
    ::close(descriptor);
  }
}

}  // namespace

base::Result<std::unique_ptr<PartFolder>> PartFolder::Make(const std::string& target) {
  const std::string folder = FolderOf(target);
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return base::Error{base::ErrorCode::kNotFound, target + ": the folder " + folder + " does not exist. Make it first"};
  }
  const std::string prefix = "." + target.substr(target.rfind('/') + 1) + ".partial-";
  RemoveAbandoned(folder, prefix);
  std::string path = base::JoinPath(folder, prefix + std::string(kLetters, 'X'));
  if (::mkdtemp(path.data()) == nullptr) {
    return base::Error{base::ErrorCode::kIo, folder + ": nothing can be written there: " + std::strerror(errno)};
  }
  // As a folder that the user makes; mkdtemp's is for its owner alone.
  std::filesystem::permissions(path, std::filesystem::status(folder, ignored).permissions(), ignored);
  return std::unique_ptr<PartFolder>(new PartFolder(std::move(path)));
}

void PartFolder::Lock() {
  if (lock_ >= 0) ::close(lock_);
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0) (void)::flock(lock_, LOCK_SH);
}

PartFolder::~PartFolder() {
  (void)base::RealFileSystem().RemoveTree(path_);
  if (lock_ >= 0) ::close(lock_);
}

base::Result<Destination::NewFile> PartFolder::NewPart() {
  std::array<char, 32> name{};
  {
    const std::lock_guard lock(mutex_);
    std::snprintf(name.data(), name.size(), "part-%05d.parquet", next_++);
  }
  Destination::NewFile part;
  part.path = base::JoinPath(path_, name.data());
  DH_ASSIGN(part.file, base::RealFileSystem().Create(part.path));
  return part;
}

base::Result<warehouse::PartSet> PartFolder::Finish(const table::Schema& united, std::vector<WrittenPart>& parts,
                                                    const std::vector<RemovedRow>& removed,
                                                    const std::atomic<bool>& cancelled) const {
  warehouse::PartSet set;
  set.cancelled = &cancelled;
  set.schema = united;
  set.scratch = path_;
  warehouse::GiveFieldIds(set.schema);
  std::map<std::string, std::vector<int64_t>> rows;
  for (const RemovedRow& row : removed) rows[row.path].push_back(row.row);
  for (WrittenPart& part : parts) {
    DH_CHECK(part.part.Finish(set.schema));
    DH_CHECK(part.part.Close());
    set.parts.push_back({part.path, part.part.rows(), std::move(rows[part.path])});
  }
  return set;
}

std::string AbsoluteTarget(const std::string& target) {
  std::error_code ignored;
  std::string path = std::filesystem::absolute(target, ignored).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

base::Status SyncFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return base::Error{base::ErrorCode::kIo, path + ": " + std::strerror(errno)};
  const bool synced = ::fsync(file) == 0;
  const int reason = errno;
  ::close(file);
  if (!synced) return base::Error{base::ErrorCode::kIo, path + ": " + std::strerror(reason)};
  return {};
}

}  // namespace dicomhouse::transfer
