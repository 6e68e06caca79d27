#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace dicomhouse::base {
namespace {

Error SystemError(const std::string& path, const char* doing) {
  const int reason = errno;
  const ErrorCode code = reason == ENOENT || reason == ENOTDIR ? ErrorCode::kNotFound
                         : reason == EEXIST                    ? ErrorCode::kAlreadyExists
                                                               : ErrorCode::kIo;
  return {code, path + ": " + doing + ": " + std::strerror(reason)};
}

class PosixOutputFile final : public OutputFile {
 public:
  PosixOutputFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixOutputFile() override {
    if (fd_ >= 0) ::close(fd_);
  }

  Status Pause() override { return Close(); }

  Status Append(std::string_view bytes) override {
    DH_CHECK(Resume());
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return SystemError(path_, "can't write");
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  Status Truncate(uint64_t size) override {
    DH_CHECK(Resume());
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return SystemError(path_, "can't cut");
    if (::lseek(fd_, static_cast<off_t>(size), SEEK_SET) < 0) return SystemError(path_, "can't seek");
    return {};
  }

  Status Reserve(uint64_t bytes) override {
    DH_CHECK(Resume());
    const off_t end = ::lseek(fd_, 0, SEEK_CUR);
    if (end < 0) return SystemError(path_, "can't seek");
    static constexpr std::array<char, 64 << 10> kZeros{};
    for (uint64_t done = 0; done < bytes;) {
      const auto count = static_cast<size_t>(std::min<uint64_t>(kZeros.size(), bytes - done));
      const ssize_t written = ::pwrite(fd_, kZeros.data(), count, end + static_cast<off_t>(done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        Status failed = SystemError(path_, "can't write");
        (void)Truncate(static_cast<uint64_t>(end));
        return failed;
      }
      done += static_cast<uint64_t>(written);
    }
    return {};
  }

  Status Sync() override {
    DH_CHECK(Resume());
    if (::fdatasync(fd_) != 0) return SystemError(path_, "can't sync to disk");
    return {};
  }

  Status Close() override {
    const int fd = std::exchange(fd_, -1);
    if (fd >= 0 && ::close(fd) != 0) return SystemError(path_, "can't close");
    return {};
  }

 private:
  Status Resume() {
    if (fd_ >= 0) return {};
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd_ < 0 || ::lseek(fd_, 0, SEEK_END) < 0) return SystemError(path_, "can't open again");
    return {};
  }

  int fd_;
  std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<OutputFile>> Create(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) return SystemError(path, "can't create");
    return std::unique_ptr<OutputFile>(std::make_unique<PosixOutputFile>(fd, path));
  }

  Result<std::unique_ptr<OutputFile>> OpenForAppend(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) return SystemError(path, "can't open");
    auto file = std::make_unique<PosixOutputFile>(fd, path);
    if (::lseek(fd, 0, SEEK_END) < 0) return SystemError(path, "can't seek");
    return std::unique_ptr<OutputFile>(std::move(file));
  }

  Status PunchHole(const std::string& path, uint64_t offset, uint64_t length) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return SystemError(path, "can't open");
    const int result =
        ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length));
    const bool unsupported = result != 0 && errno == EOPNOTSUPP;
    const Error error = SystemError(path, "can't give space back");
    ::close(fd);
    if (result != 0 && !unsupported) return error;
    return {};
  }

  Result<std::string> ReadAll(const std::string& path, uint64_t max_bytes) override {
    DH_ASSIGN(InputFile file, InputFile::Open(path));
    DH_ASSIGN(const uint64_t size, file.Size());
    if (size > max_bytes) {
      return Error{ErrorCode::kLimit,
                   path + ": " + std::to_string(size) + " bytes; at most " + std::to_string(max_bytes) + " are read"};
    }
    std::string bytes(size, '\0');
    const auto got = file.ReadAt(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
    if (!got.ok()) return Error{got.error().code, path + ": " + got.error().message};
    bytes.resize(*got);
    return bytes;
  }

  bool Exists(const std::string& path) override {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
  }

  Result<uint64_t> Size(const std::string& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return SystemError(path, "can't look at");
    return static_cast<uint64_t>(info.st_size);
  }

  Result<std::vector<std::string>> List(const std::string& folder) override {
    DIR* dir = ::opendir(folder.c_str());
    if (dir == nullptr) return SystemError(folder, "can't list");
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(dir)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool IsFolder(const std::string& path) override {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  }

  Status MakeFolders(const std::string& folder) override {
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    const ErrorCode kind = code == std::errc::no_such_file_or_directory ? ErrorCode::kNotFound : ErrorCode::kIo;
    if (code) return Error{kind, folder + ": can't make the folder: " + code.message()};
    return {};
  }

  Status Link(const std::string& from, const std::string& to) override {
    if (::link(from.c_str(), to.c_str()) != 0) return SystemError(to, "can't publish");
    return {};
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return SystemError(to, "can't rename");
    return {};
  }

  Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return SystemError(path, "can't remove");
    return {};
  }

  Status RemoveTree(const std::string& folder) override {
    std::error_code code;
    std::filesystem::remove_all(folder, code);
    if (code) return Error{ErrorCode::kIo, folder + ": can't remove: " + code.message()};
    return {};
  }

  Status RemoveEmptyFolder(const std::string& folder) override {
    if (::rmdir(folder.c_str()) != 0) return SystemError(folder, "can't remove");
    return {};
  }

  Status SyncFolder(const std::string& folder) override {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return SystemError(folder, "can't open");
    const int result = ::fsync(fd);
    const Error error = SystemError(folder, "can't sync to disk");
    ::close(fd);
    if (result != 0) return error;
    return {};
  }
};

}  // namespace

InputFile::InputFile(InputFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

// Not blocking: it changes nothing for files, and a pipe that nobody writes into is not waited for.
constexpr int kOpenToRead = O_RDONLY | O_NONBLOCK | O_CLOEXEC;

Result<InputFile> InputFile::Open(const std::string& path) {
  InputFile file;
  file.fd_ = ::open(path.c_str(), kOpenToRead);
  if (file.fd_ < 0) return SystemError(path, "can't open");
  return file;
}

FileOpener::~FileOpener() {
  if (fd_ >= 0) ::close(fd_);
}

Result<InputFile> FileOpener::Open(const std::string& path) {
  const size_t name = path.rfind('/') + 1;
  if (name == 0) return InputFile::Open(path);
  if (path.compare(0, name, folder_) != 0) {
    // Opening a folder pays from its second file on: files may come in any order.
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    folder_.assign(path, 0, name);
    return InputFile::Open(path);
  }
  if (fd_ < 0) fd_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) return InputFile::Open(path);  // a folder that may be passed but not read
  InputFile file;
  file.fd_ = ::openat(fd_, path.c_str() + name, kOpenToRead);
  if (file.fd_ < 0) return SystemError(path, "can't open");
  return file;
}

Result<size_t> InputFile::ReadOnceAt(uint64_t offset, std::span<uint8_t> out) const {
  for (;;) {
    const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got >= 0) return static_cast<size_t>(got);
    if (errno == ESPIPE) return Error{ErrorCode::kIo, "can't read: a pipe has no places to read at; a file is needed"};
    if (errno != EINTR) return Error{ErrorCode::kIo, std::string("can't read: ") + std::strerror(errno)};
  }
}

Result<size_t> InputFile::ReadAt(uint64_t offset, std::span<uint8_t> out) const {
  size_t done = 0;
  while (done < out.size()) {
    DH_ASSIGN(const size_t got, ReadOnceAt(offset + done, out.subspan(done)));
    if (got == 0) break;
    done += got;
  }
  return done;
}

Result<uint64_t> InputFile::Size() const {
  DH_ASSIGN(const FileFacts facts, Facts());
  return facts.size_bytes;
}

Result<InputFile::FileFacts> InputFile::Facts() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) return Error{ErrorCode::kIo, std::string("can't look at: ") + std::strerror(errno)};
  return FileFacts{static_cast<uint64_t>(info.st_size), int64_t{info.st_mtim.tv_sec} * 1000000 + info.st_mtim.tv_nsec / 1000};
}

FileSystem& RealFileSystem() {
  static PosixFileSystem files;
  return files;
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty() || (!name.empty() && name.front() == '/')) return std::string(name);
  std::string path(folder);
  if (path.back() != '/') path += '/';
  return path.append(name);
}

Status WriteFileDurably(FileSystem& files, const std::string& path, std::string_view bytes) {
  DH_ASSIGN(auto file, files.Create(path));
  DH_CHECK(file->Append(bytes));
  DH_CHECK(file->Sync());
  return file->Close();
}

}  // namespace dicomhouse::base
