#include "transfer/internal/part_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

namespace dicomhouse::transfer {

base::Result<std::unique_ptr<PartFolder>> PartFolder::Make(const std::string& target) {
  const std::string folder = FolderOf(target);
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return base::Error{base::ErrorCode::kNotFound, target + ": the folder " + folder + " does not exist. Make it first"};
  }
  std::string path = base::JoinPath(folder, "." + target.substr(target.rfind('/') + 1) + ".partial-XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) {
    return base::Error{base::ErrorCode::kIo, folder + ": nothing can be written there: " + std::strerror(errno)};
  }
  // As a folder that the user makes; mkdtemp's is for its owner alone.
  std::filesystem::permissions(path, std::filesystem::status(folder, ignored).permissions(), ignored);
  return std::unique_ptr<PartFolder>(new PartFolder(std::move(path)));
}

PartFolder::~PartFolder() { (void)base::RealFileSystem().RemoveTree(path_); }

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
                                                    const std::vector<RemovedRow>& removed) const {
  warehouse::PartSet set;
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
