#include "transfer/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "transfer/internal/archive.h"
#include "transfer/internal/fingerprint_map.h"

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// Pieces that the walk may be ahead of the workers.
constexpr size_t kMaxQueuedPieces = 64;
// A list in random order comes back to its folders; asking for a real path costs more than opening a file.
constexpr size_t kRememberedFolders = 4096;
// Bytes of a list of paths that are read at once.
constexpr size_t kListChunkBytes = 64 << 10;

Error SystemError(const std::string& path, const char* doing) {
  const int reason = errno;
  return {reason == ENOENT || reason == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo,
          path + ": " + doing + ": " + std::strerror(reason)};
}

// The path without links, "." and ".."; nothing when there is none.
std::optional<std::string> RealPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (real == nullptr) return std::nullopt;
  return std::string(real.get());
}

// Absolute, without "." and doubled slashes. A path with ".." becomes the real one, since what ".." means depends on links.
std::string AbsolutePath(std::string_view path, const std::string& current) {
  std::string out = path.starts_with('/') ? "" : current == "/" ? "" : current;
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part == "..") {
      const std::string whole = path.starts_with('/') ? std::string(path) : current + "/" + std::string(path);
      return RealPath(whole).value_or(whole);
    }
    if (!part.empty() && part != ".") out.append("/").append(part);
  }
  return out.empty() ? "/" : out;
}

// A folder or a file to begin with; `real` is the folder's path without links, which tells whether two are the same.
struct Root {
  std::string path;
  std::string real;  // of a folder
  bool is_folder = false;
};

// Cuts what a descriptor gives into paths: at NUL bytes when the first bytes hold one, else at line ends.
class ListCutter {
 public:
  // Calls `take(path)` for each whole path, `too_long(its start)` for one that no path can be.
  template <typename Take, typename TooLong>
  void Add(std::string_view bytes, const Take& take, const TooLong& too_long) {
    if (!separator_.has_value()) separator_ = bytes.find('\0') != std::string_view::npos ? '\0' : '\n';
    while (!bytes.empty()) {
      const size_t end = bytes.find(*separator_);
      const std::string_view part = bytes.substr(0, end);
      if (pending_.size() <= PATH_MAX) pending_.append(part.substr(0, PATH_MAX + 1));
      if (end == std::string_view::npos) return;
      Finish(take, too_long);
      bytes.remove_prefix(end + 1);
    }
  }

  // The last path may lack its separator.
  template <typename Take, typename TooLong>
  void Finish(const Take& take, const TooLong& too_long) {
    if (separator_ == '\n' && pending_.ends_with('\r')) pending_.pop_back();
    if (pending_.size() > PATH_MAX) {
      too_long(pending_.substr(0, 100));
    } else if (!pending_.empty()) {
      take(pending_);
    }
    pending_.clear();
  }

 private:
  std::optional<char> separator_;
  std::string pending_;
};

enum class Kind { kFile, kFolder, kOther, kBroken };

// What `name` in an open folder is. Links are followed; a link to a folder is kOther.
Kind KindOf(int folder, const dirent& entry) {
  if (entry.d_type == DT_REG) return Kind::kFile;
  if (entry.d_type == DT_DIR) return Kind::kFolder;
  if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) return Kind::kOther;
  struct stat info {};
  if (entry.d_type == DT_UNKNOWN) {
    if (::fstatat(folder, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) return Kind::kBroken;
    if (S_ISDIR(info.st_mode)) return Kind::kFolder;
    if (!S_ISLNK(info.st_mode)) return S_ISREG(info.st_mode) ? Kind::kFile : Kind::kOther;
  }
  if (::fstatat(folder, entry.d_name, &info, 0) != 0) return Kind::kBroken;
  return S_ISREG(info.st_mode) ? Kind::kFile : Kind::kOther;
}

class WalkingSource final : public Source {
 public:
  explicit WalkingSource(SourceOptions options, std::string current, std::vector<Root> roots)
      : options_(std::move(options)), current_(std::move(current)), roots_(std::move(roots)) {
    options_.files_per_piece = std::max<uint32_t>(options_.files_per_piece, 1);
  }

  ~WalkingSource() override {
    Cancel();
    if (thread_.joinable()) thread_.join();
    if (wake_ >= 0) ::close(wake_);
  }

  Status Run(bool list) {
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_ < 0) return SystemError("eventfd", "can't make one");
    thread_ = std::thread([this, list] { Walk(list); });
    return {};
  }

  bool Next(Piece& piece) override {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (*cancelled_) return false;
      if (!queue_.empty()) {
        piece = std::move(queue_.front());
        queue_.pop_front();
        if (piece.archive != nullptr) shared_.push_back({piece.number, std::static_pointer_cast<ArchiveFile>(piece.archive)});
        room_.notify_one();
        return true;
      }
      if (ShareArchive(piece)) return true;
      if (done_) return false;
      ready_.wait(lock);
    }
  }

  void Cancel() override {
    {
      const std::lock_guard lock(mutex_);
      cancelled_->store(true);
    }
    ready_.notify_all();
    room_.notify_all();
    const uint64_t one = 1;
    if (wake_ >= 0 && ::write(wake_, &one, sizeof one) < 0) return;  // full: it is readable already
  }

  uint64_t files_found() const override { return files_found_.load(std::memory_order_relaxed); }
  bool listing_done() const override { return listed_.load(); }
  std::vector<Problem> problems() const override {
    const std::lock_guard lock(mutex_);
    return problems_;
  }
  std::optional<Error> broken() const override {
    const std::lock_guard lock(mutex_);
    return broken_;
  }

 private:
  struct Nothing {};
  struct SharedArchive {
    uint64_t number;
    std::shared_ptr<ArchiveFile> archive;
  };

  // Helps with an archive that another worker reads. Requires: mutex_ held.
  bool ShareArchive(Piece& piece) {
    std::erase_if(shared_, [](const SharedArchive& shared) { return shared.archive->finished(); });
    if (shared_.empty()) return false;
    const SharedArchive& shared = shared_[turn_++ % shared_.size()];
    piece = Piece{shared.number, {}, shared.archive};
    return true;
  }

  void Report(std::string path, Error error) {
    const std::lock_guard lock(mutex_);
    problems_.push_back({std::move(path), std::move(error)});
  }

  // Nothing more can be listed.
  void Break(Error error) {
    {
      const std::lock_guard lock(mutex_);
      if (!broken_) broken_ = std::move(error);
    }
    Cancel();
  }

  // ---- the walking thread

  void Walk(bool list) {
    for (const Root& root : roots_) {
      if (*cancelled_) break;
      if (root.is_folder) {
        WalkFolder(root);
      } else {
        AddSingleFile(root, HasArchiveName(root.path) || HasArchiveMagic(root.path));
      }
    }
    if (list && !*cancelled_) WalkList();
    listed_.store(true);
    if (options_.ordered && !*cancelled_) PublishInOrder();
    FlushFiles();
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    ready_.notify_all();
  }

  // Every path of the list on the descriptor.
  void WalkList() {
    ListCutter cutter;
    std::vector<char> buffer(kListChunkBytes);
    const auto take = [this](const std::string& path) { AddListed(path); };
    const auto too_long = [this](const std::string& start) {
      Report(start + "...", {ErrorCode::kInvalidArgument, start + "...: longer than a path can be"});
    };
    while (WaitForList()) {
      const ssize_t got = ::read(options_.list_descriptor, buffer.data(), buffer.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0) return Report("the list of paths", SystemError("the list of paths", "can't read"));
      if (got == 0) return cutter.Finish(take, too_long);
      cutter.Add({buffer.data(), static_cast<size_t>(got)}, take, too_long);
    }
  }

  // False: cancelled.
  bool WaitForList() {
    std::array<pollfd, 2> waits{{{options_.list_descriptor, POLLIN, 0}, {wake_, POLLIN, 0}}};
    while (!*cancelled_) {
      if (::poll(waits.data(), waits.size(), -1) > 0) return !*cancelled_;
      if (errno != EINTR) return true;  // the read says what is wrong
    }
    return false;
  }

  void AddListed(const std::string& given) {
    if (*cancelled_) return;
    Root root;
    root.path = AbsolutePath(given, current_);
    struct stat info {};
    if (::stat(root.path.c_str(), &info) != 0) return Report(root.path, SystemError(root.path, "can't look at"));
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
      return Report(root.path, {ErrorCode::kInvalidArgument, root.path + ": neither a file nor a folder"});
    }
    if (S_ISREG(info.st_mode)) return AddSingleFile(root, HasArchiveName(root.path));
    root.is_folder = true;
    root.real = RealPath(root.path).value_or(root.path);
    WalkFolder(root);
  }

  // The real path of the file's folder, with the file's own name: a link is another file than what it leads to.
  std::string RealOfFile(const std::string& path) {
    const size_t slash = path.rfind('/');
    if (reals_.size() > kRememberedFolders) reals_.clear();
    const auto [found, added] = reals_.try_emplace(path.substr(0, slash + 1));
    if (added) {
      found->second = RealPath(found->first).value_or(found->first);
      if (!found->second.ends_with('/')) found->second += '/';
    }
    return found->second + path.substr(slash + 1);
  }

  // Whether the real path is a folder that was walked, or below one.
  bool IsWalked(const std::string& real) const {
    if (walked_.empty()) return false;
    if (walked_.contains(real) || walked_.contains("/")) return true;
    for (size_t slash = real.find('/', 1); slash != std::string::npos; slash = real.find('/', slash + 1)) {
      if (walked_.contains(real.substr(0, slash))) return true;
    }
    return false;
  }

  void AddSingleFile(const Root& root, bool is_archive) {
    const std::string real = RealOfFile(root.path);
    if (IsWalked(real)) return;
    const auto known = singles_.FindOrInsert(FingerprintOf(real), {});
    if (!known.ok()) return Break(known.error());
    if (!*known) AddFile(root.path, is_archive);
  }

  // The folder and all below it, depth first; the files of a folder come before its folders.
  void WalkFolder(const Root& root) {
    if (IsWalked(root.real)) return;
    std::vector<std::string> waiting = {root.path};
    std::vector<std::string> files;
    std::vector<std::string> folders;
    while (!waiting.empty() && !*cancelled_) {
      const std::string folder = std::move(waiting.back());
      waiting.pop_back();
      if (!walked_.empty() && walked_.contains(RealBelow(root, folder))) continue;
      files.clear();
      folders.clear();
      ListFolder(folder, files, folders);
      for (const std::string& file : files) AddWalked(root, file);
      waiting.insert(waiting.end(), std::make_move_iterator(folders.rbegin()), std::make_move_iterator(folders.rend()));
    }
    walked_.insert(root.real);
  }

  static std::string RealBelow(const Root& root, const std::string& path) {
    return root.real + (root.path == "/" ? path : path.substr(root.path.size()));
  }

  void AddWalked(const Root& root, const std::string& path) {
    if (!singles_.empty()) {
      const auto known = singles_.Has(FingerprintOf(RealBelow(root, path)));
      if (!known.ok()) return Break(known.error());
      if (*known) return;
    }
    AddFile(path, HasArchiveName(path));
  }

  // Absolute paths of what is in the folder, each sorted.
  void ListFolder(const std::string& folder, std::vector<std::string>& files, std::vector<std::string>& folders) {
    DIR* dir = ::opendir(folder.c_str());
    if (dir == nullptr) return Report(folder, SystemError(folder, "can't list the folder"));
    const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir);
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      const Kind kind = KindOf(::dirfd(dir), *entry);
      if (kind == Kind::kFile) files.push_back(prefix + std::string(name));
      if (kind == Kind::kFolder) folders.push_back(prefix + std::string(name));
      if (kind == Kind::kBroken) Report(prefix + std::string(name), SystemError(prefix + std::string(name), "can't look at"));
      if (*cancelled_) break;
    }
    if (errno != 0 && !*cancelled_) Report(folder, SystemError(folder, "can't list the folder to its end"));
    ::closedir(dir);
    std::sort(files.begin(), files.end());
    std::sort(folders.begin(), folders.end());
  }

  void AddFile(const std::string& path, bool is_archive) {
    files_found_.fetch_add(1, std::memory_order_relaxed);
    if (options_.ordered) {
      all_.push_back({path, is_archive});
    } else {
      Place(path, is_archive);
    }
  }

  void PublishInOrder() {
    std::sort(all_.begin(), all_.end());
    for (auto& [path, is_archive] : all_) {
      if (*cancelled_) break;
      Place(std::move(path), is_archive);
    }
    all_ = {};
  }

  void Place(std::string path, bool is_archive) {
    if (is_archive) {
      FlushFiles();
      Publish({0, {}, MakeArchiveFile(std::move(path), cancelled_)});
      return;
    }
    files_.push_back(std::move(path));
    if (files_.size() >= options_.files_per_piece) FlushFiles();
  }

  void FlushFiles() {
    if (!files_.empty()) Publish({0, std::exchange(files_, {}), nullptr});
  }

  // Waits while the workers are far behind.
  void Publish(Piece piece) {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [this] { return *cancelled_ || queue_.size() < kMaxQueuedPieces; });
      if (*cancelled_) return;
      piece.number = next_number_++;
      queue_.push_back(std::move(piece));
    }
    ready_.notify_one();
  }

  SourceOptions options_;
  const std::string current_;  // the working directory at the start
  const std::vector<Root> roots_;
  int wake_ = -1;  // readable once cancelled
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
  std::atomic<bool> listed_ = false;
  std::atomic<uint64_t> files_found_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable ready_;
  std::condition_variable room_;
  std::deque<Piece> queue_;
  bool done_ = false;                  // nothing more comes into the queue
  std::vector<SharedArchive> shared_;  // archives that workers are reading
  size_t turn_ = 0;
  std::vector<Problem> problems_;
  std::optional<Error> broken_;

  // Of the walking thread alone.
  uint64_t next_number_ = 0;
  std::vector<std::string> files_;                      // the piece being filled
  std::vector<std::pair<std::string, bool>> all_;       // everything, when ordered: path, whether an archive
  std::unordered_set<std::string> walked_;              // real paths of the folders begun with
  FingerprintMap<Nothing> singles_;                     // real paths of the files not found in a folder
  std::unordered_map<std::string, std::string> reals_;  // of folders of listed files, with a last slash

  std::thread thread_;
};

// A path that the user named.
Result<Root> LookAt(const std::string& given, const std::string& current) {
  if (given.empty()) return Error{ErrorCode::kInvalidArgument, "a path to read is empty"};
  if (given.find('\0') != std::string::npos) return Error{ErrorCode::kInvalidArgument, "a path to read holds a NUL byte"};
  struct stat info {};
  if (::stat(given.c_str(), &info) != 0) return SystemError(given, "can't read");
  if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
    return Error{ErrorCode::kInvalidArgument, given + ": neither a file nor a folder"};
  }
  Root root;
  root.path = AbsolutePath(given, current);
  root.is_folder = S_ISDIR(info.st_mode);
  if (root.is_folder) root.real = RealPath(root.path).value_or(root.path);
  return root;
}

// Folders first, those around others before them: so each file is found by the outermost folder.
void SortRoots(std::vector<Root>& roots) {
  std::sort(roots.begin(), roots.end(), [](const Root& a, const Root& b) {
    if (a.is_folder != b.is_folder) return a.is_folder;
    if (a.real.size() != b.real.size()) return a.real.size() < b.real.size();
    return a.path < b.path;
  });
}

}  // namespace

Result<std::unique_ptr<Source>> Source::Start(SourceOptions options) {
  if (options.paths.empty()) return Error{ErrorCode::kInvalidArgument, "there is no path to read"};
  std::array<char, PATH_MAX> buffer{};
  if (::getcwd(buffer.data(), buffer.size()) == nullptr) return SystemError(".", "can't tell the working directory");
  const std::string current = buffer.data();
  std::vector<Root> roots;
  bool list = false;
  for (const std::string& path : options.paths) {
    if (path == "-") {
      if (list) return Error{ErrorCode::kInvalidArgument, "'-', the list of paths on standard input, is given twice"};
      list = true;
      continue;
    }
    DH_ASSIGN(Root root, LookAt(path, current));
    roots.push_back(std::move(root));
  }
  SortRoots(roots);
  auto source = std::make_unique<WalkingSource>(std::move(options), current, std::move(roots));
  DH_CHECK(source->Run(list));
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace dicomhouse::transfer
