// A file system that fails when told to, or stops as if the process had been killed, and that knows what would be on the
// disk after a power cut. For tests.
//
//   FaultyFileSystem files;
//   files.FailAt(7, FaultyFileSystem::Fault::kNoSpace);   // the 7th operation that writes fails, later ones work
//   files.StopAt(7);                                      // it and all later ones fail: the process has died
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"

namespace dicomhouse::base {

class FaultyFileSystem final : public FileSystem {
 public:
  enum class Fault { kIoError, kNoSpace };

  // Operations that change something, counted from 1.
  int operations() const { return operations_; }
  void FailAt(int operation, Fault fault) { Set(operation, fault, false); }
  void StopAt(int operation) { Set(operation, Fault::kIoError, true); }
  void Heal() { Set(0, Fault::kIoError, false); }
  // Called before each operation that changes something, with its name and path: what another process does just then.
  void OnOperation(std::function<void(const std::string& what, const std::string& path)> hook) { hook_ = std::move(hook); }
  // Files written, and names made, that no sync has put on the disk yet.
  std::set<std::string> UnsyncedFiles() const { return Copy(unsynced_files_); }
  std::set<std::string> UnsyncedNames() const { return Copy(unsynced_names_); }

  Result<std::unique_ptr<OutputFile>> Create(const std::string& path) override;
  Result<std::unique_ptr<OutputFile>> OpenForAppend(const std::string& path) override;
  Status PunchHole(const std::string& path, uint64_t offset, uint64_t length) override {
    DH_CHECK(Count("PunchHole", path));
    return real_.PunchHole(path, offset, length);
  }
  Result<std::string> ReadAll(const std::string& path, uint64_t max_bytes) override { return real_.ReadAll(path, max_bytes); }
  bool Exists(const std::string& path) override { return real_.Exists(path); }
  Result<uint64_t> Size(const std::string& path) override { return real_.Size(path); }
  Result<std::vector<std::string>> List(const std::string& folder) override { return real_.List(folder); }
  bool IsFolder(const std::string& path) override { return real_.IsFolder(path); }
  Status MakeFolders(const std::string& folder) override {
    DH_CHECK(Count("MakeFolders", folder));
    return real_.MakeFolders(folder);
  }
  Status Link(const std::string& from, const std::string& to) override {
    DH_CHECK(Count("Link", to));
    DH_CHECK(real_.Link(from, to));
    return NoteName(to);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    DH_CHECK(Count("Rename", to));
    DH_CHECK(real_.Rename(from, to));
    return NoteName(to);
  }
  Status Remove(const std::string& path) override {
    DH_CHECK(Count("Remove", path));
    const std::lock_guard lock(mutex_);
    unsynced_files_.erase(path);
    unsynced_names_.erase(path);
    return real_.Remove(path);
  }
  Status RemoveTree(const std::string& folder) override {
    DH_CHECK(Count("RemoveTree", folder));
    return real_.RemoveTree(folder);
  }
  Status RemoveEmptyFolder(const std::string& folder) override {
    DH_CHECK(Count("RemoveEmptyFolder", folder));
    return real_.RemoveEmptyFolder(folder);
  }
  Status SyncFolder(const std::string& folder) override {
    DH_CHECK(Count("SyncFolder", folder));
    const std::lock_guard lock(mutex_);
    std::erase_if(unsynced_names_, [&folder](const std::string& path) { return path.substr(0, path.rfind('/')) == folder; });
    return real_.SyncFolder(folder);
  }

 private:
  friend class FaultyOutputFile;

  void Set(int operation, Fault fault, bool stops) {
    operations_ = 0;
    fail_at_ = operation;
    fault_ = fault;
    stops_ = stops;
  }
  // An operation that is about to change something.
  Status Count(const std::string& what, const std::string& path) {
    if (hook_) hook_(what, path);
    const int now = ++operations_;
    const bool fails = fail_at_ > 0 && (stops_ ? now >= fail_at_ : now == fail_at_);
    if (!fails) return {};
    return Error{ErrorCode::kIo,
                 path + ": " + what + ": " + (fault_ == Fault::kNoSpace ? "No space left on device" : "Input/output error")};
  }
  Status NoteName(const std::string& path) {
    const std::lock_guard lock(mutex_);
    unsynced_names_.insert(path);
    return {};
  }
  std::set<std::string> Copy(const std::set<std::string>& from) const {
    const std::lock_guard lock(mutex_);
    return from;
  }

  FileSystem& real_ = RealFileSystem();
  std::function<void(const std::string&, const std::string&)> hook_;
  std::atomic<int> operations_{0};
  int fail_at_ = 0;
  Fault fault_ = Fault::kIoError;
  bool stops_ = false;
  mutable std::mutex mutex_;
  std::set<std::string> unsynced_files_;
  std::set<std::string> unsynced_names_;
};

class FaultyOutputFile final : public OutputFile {
 public:
  FaultyOutputFile(FaultyFileSystem& files, std::string path, std::unique_ptr<OutputFile> real)
      : files_(files), path_(std::move(path)), real_(std::move(real)) {}

  // A write that fails may have written a part: half of the bytes arrive.
  Status Append(std::string_view bytes) override {
    {
      const std::lock_guard lock(files_.mutex_);
      files_.unsynced_files_.insert(path_);
    }
    const Status status = files_.Count("Append", path_);
    if (!status.ok()) (void)real_->Append(bytes.substr(0, bytes.size() / 2));
    DH_CHECK(status);
    return real_->Append(bytes);
  }
  Status Truncate(uint64_t size) override {
    DH_CHECK(files_.Count("Truncate", path_));
    return real_->Truncate(size);
  }
  Status Reserve(uint64_t bytes) override {
    DH_CHECK(files_.Count("Reserve", path_));
    return real_->Reserve(bytes);
  }
  Status Sync() override {
    DH_CHECK(files_.Count("Sync", path_));
    const std::lock_guard lock(files_.mutex_);
    files_.unsynced_files_.erase(path_);
    return real_->Sync();
  }
  Status Close() override {
    DH_CHECK(files_.Count("Close", path_));
    return real_->Close();
  }

 private:
  FaultyFileSystem& files_;
  std::string path_;
  std::unique_ptr<OutputFile> real_;
};

inline Result<std::unique_ptr<OutputFile>> FaultyFileSystem::Create(const std::string& path) {
  DH_CHECK(Count("Create", path));
  DH_ASSIGN(auto real, real_.Create(path));
  DH_CHECK(NoteName(path));
  return std::unique_ptr<OutputFile>(std::make_unique<FaultyOutputFile>(*this, path, std::move(real)));
}

inline Result<std::unique_ptr<OutputFile>> FaultyFileSystem::OpenForAppend(const std::string& path) {
  DH_CHECK(Count("OpenForAppend", path));
  const bool exists = real_.Exists(path);
  DH_ASSIGN(auto real, real_.OpenForAppend(path));
  if (!exists) DH_CHECK(NoteName(path));
  return std::unique_ptr<OutputFile>(std::make_unique<FaultyOutputFile>(*this, path, std::move(real)));
}

}  // namespace dicomhouse::base
