#include "tests/store/simulated_disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace dicomhouse::store::testing {
namespace {

constexpr uint64_t kPageBytes = 4096;

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool Heads(std::mt19937& random) { return std::uniform_int_distribution<int>(0, 1)(random) != 0; }

}  // namespace

// ---- Our own files

class SimulatedOutput final : public base::OutputFile {
 public:
  SimulatedOutput(SimulatedDisk& disk, std::string path, std::unique_ptr<base::OutputFile> real, uint64_t size)
      : disk_(disk),
        path_(std::move(path)),
        real_(std::move(real)),
        node_(disk.Has(path_) ? disk.FindOrMake(path_) : nullptr),
        size_(size) {}

  // Of a write that fails half of the bytes arrive.
  base::Status Append(std::string_view bytes) override {
    const bool fails = Fails("Append");
    if (fails) bytes = bytes.substr(0, bytes.size() / 2);
    DH_CHECK(real_->Append(bytes));
    if (node_ != nullptr) {
      node_->pending.push_back({SimulatedDisk::Change::Kind::kWrite, size_, 0, std::string(bytes)});
    }
    size_ += bytes.size();
    return fails ? Failure() : base::Status();
  }
  base::Status Truncate(uint64_t size) override {
    if (Fails("Truncate")) return Failure();
    if (node_ != nullptr) node_->pending.push_back({SimulatedDisk::Change::Kind::kTruncate, size, 0, ""});
    size_ = size;
    return real_->Truncate(size);
  }
  base::Status Reserve(uint64_t bytes) override {
    if (Fails("Reserve")) return Failure();
    if (node_ != nullptr) {
      node_->pending.push_back({SimulatedDisk::Change::Kind::kWrite, size_, 0, std::string(bytes, '\0')});
    }
    return real_->Reserve(bytes);
  }
  base::Status Sync() override {
    if (node_ == nullptr) return {};
    if (Fails("Sync")) {
      disk_.FailSync(*node_);
      return Failure();
    }
    SimulatedDisk::Sync(*node_);
    return {};
  }
  base::Status Close() override { return real_->Close(); }

 private:
  bool Fails(const std::string& what) { return disk_.Has(path_) && disk_.Fails(what, path_); }
  base::Status Failure() const {
    return base::Error{
        base::ErrorCode::kIo,
        path_ + ": " + (disk_.fault() == SimulatedDisk::Fault::kNoSpace ? "No space left on device" : "Input/output error")};
  }

  SimulatedDisk& disk_;
  std::string path_;
  std::unique_ptr<base::OutputFile> real_;
  SimulatedDisk::NodePointer node_;  // null: elsewhere
  uint64_t size_;
};

class SimulatedFiles final : public base::FileSystem {
 public:
  explicit SimulatedFiles(SimulatedDisk& disk) : disk_(disk) {}

  base::Result<std::unique_ptr<base::OutputFile>> Create(const std::string& path) override {
    DH_CHECK(Count("Create", path));
    DH_ASSIGN(auto real, real_.Create(path));
    if (const auto old = disk_.Find(path)) old->pending.push_back({SimulatedDisk::Change::Kind::kTruncate, 0, 0, ""});
    return Output(path, std::move(real), 0);
  }
  base::Result<std::unique_ptr<base::OutputFile>> OpenForAppend(const std::string& path) override {
    DH_CHECK(Count("OpenForAppend", path));
    DH_ASSIGN(auto real, real_.OpenForAppend(path));
    DH_ASSIGN(const uint64_t size, real_.Size(path));
    return Output(path, std::move(real), size);
  }
  base::Status PunchHole(const std::string& path, uint64_t offset, uint64_t length) override {
    DH_CHECK(Count("PunchHole", path));
    if (const auto node = disk_.Find(path)) {
      node->pending.push_back({SimulatedDisk::Change::Kind::kPunch, offset, length, ""});
    }
    return real_.PunchHole(path, offset, length);
  }
  base::Result<std::string> ReadAll(const std::string& path, uint64_t max_bytes) override {
    return real_.ReadAll(path, max_bytes);
  }
  bool Exists(const std::string& path) override { return real_.Exists(path); }
  base::Result<uint64_t> Size(const std::string& path) override { return real_.Size(path); }
  base::Result<std::vector<std::string>> List(const std::string& folder) override { return real_.List(folder); }
  bool IsFolder(const std::string& path) override { return real_.IsFolder(path); }
  base::Status MakeFolders(const std::string& folder) override {
    DH_CHECK(Count("MakeFolders", folder));
    return real_.MakeFolders(folder);
  }
  base::Status Link(const std::string& from, const std::string& to) override {
    DH_CHECK(Count("Link", to));
    DH_CHECK(real_.Link(from, to));
    if (disk_.Has(to)) disk_.ChangeNames({{to, disk_.Find(from)}});
    return {};
  }
  base::Status Rename(const std::string& from, const std::string& to) override {
    DH_CHECK(Count("Rename", to));
    DH_CHECK(real_.Rename(from, to));
    if (disk_.Has(to)) disk_.Rename(from, to);
    return {};
  }
  base::Status Remove(const std::string& path) override {
    DH_CHECK(Count("Remove", path));
    DH_CHECK(real_.Remove(path));
    disk_.Remove(path);
    return {};
  }
  base::Status RemoveTree(const std::string& folder) override {
    ADD_FAILURE() << "the store removes no trees: " << folder;
    return base::Error{base::ErrorCode::kUnsupported, folder};
  }
  base::Status RemoveEmptyFolder(const std::string& folder) override {
    ADD_FAILURE() << "the store removes no folders so: " << folder;
    return base::Error{base::ErrorCode::kUnsupported, folder};
  }
  base::Status SyncFolder(const std::string& folder) override {
    DH_CHECK(Count("SyncFolder", folder));
    disk_.SyncFolder(folder);
    return {};
  }

 private:
  base::Status Count(const std::string& what, const std::string& path) {
    if (!disk_.Has(path) && path != disk_.folder_) return {};
    if (!disk_.Fails(what, path)) return {};
    return base::Error{base::ErrorCode::kIo, path + ": " + what + ": told to fail"};
  }
  base::Result<std::unique_ptr<base::OutputFile>> Output(const std::string& path, std::unique_ptr<base::OutputFile> real,
                                                         uint64_t size) {
    return std::unique_ptr<base::OutputFile>(std::make_unique<SimulatedOutput>(disk_, path, std::move(real), size));
  }

  SimulatedDisk& disk_;
  base::FileSystem& real_ = base::RealFileSystem();
};

// ---- SQLite's

// The functions of a VFS and of its files. A file of ours is followed by the one that SQLite's own VFS makes.
struct SimulatedVfs {
  struct File {
    sqlite3_file base;
    struct Facts {
      SimulatedDisk* disk;
      std::string path;
      SimulatedDisk::NodePointer node;  // null: elsewhere
      bool syncs_folder;                // the first sync of a new log or journal is one of its name too, as in os_unix.c
    } * facts;

    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    bool Fails(const char* what) const { return facts->node != nullptr && facts->disk->Fails(what, facts->path); }
    int Failure(int code) const { return facts->disk->fault() == SimulatedDisk::Fault::kNoSpace ? SQLITE_FULL : code; }
  };

  static File& Of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static SimulatedDisk& DiskOf(sqlite3_vfs* vfs) { return *static_cast<SimulatedDisk*>(vfs->pAppData); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* opened, int flags, int* out_flags) {
    SimulatedDisk& disk = DiskOf(vfs);
    File& file = Of(opened);
    file.base.pMethods = nullptr;
    const std::string path = name != nullptr ? name : "";
    const bool ours = disk.Has(path);
    if (ours && disk.Fails("SQLite open", path)) return SQLITE_CANTOPEN;
    const int code = disk.real_vfs_->xOpen(disk.real_vfs_, name, file.real(), flags, out_flags);
    if (code != SQLITE_OK) return code;
    const bool is_new = ours && disk.Find(path) == nullptr;
    constexpr int kNamed = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
    // Owned by SQLite's file from here to Close.
    file.facts = new File::Facts{&disk, path, ours ? disk.FindOrMake(path) : nullptr, is_new && (flags & kNamed) != 0};
    file.base.pMethods = &kMethods;
    return SQLITE_OK;
  }
  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    SimulatedDisk& disk = DiskOf(vfs);
    if (disk.Has(name) && disk.Fails("SQLite delete", name)) return SQLITE_IOERR_DELETE;
    const int code = disk.real_vfs_->xDelete(disk.real_vfs_, name, 0);
    if (code == SQLITE_OK && disk.Has(name)) {
      disk.Remove(name);
      if (sync_folder != 0) disk.SyncFolder(FolderOf(name));
    }
    return code;
  }
  static int Access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    sqlite3_vfs* const real = DiskOf(vfs).real_vfs_;
    return real->xAccess(real, name, flags, out);
  }
  static int FullPathname(sqlite3_vfs* vfs, const char* name, int bytes, char* out) {
    sqlite3_vfs* const real = DiskOf(vfs).real_vfs_;
    return real->xFullPathname(real, name, bytes, out);
  }

  static int Close(sqlite3_file* file) {
    const int code = Of(file).real()->pMethods->xClose(Of(file).real());
    delete std::exchange(Of(file).facts, nullptr);
    return code;
  }
  static int Read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
    return Of(file).real()->pMethods->xRead(Of(file).real(), out, bytes, offset);
  }
  // Of a write that fails half of the bytes arrive.
  static int Write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    const bool fails = Of(file).Fails("SQLite write");
    if (fails) count /= 2;
    if (Of(file).facts->node != nullptr) {
      Of(file).facts->node->pending.push_back({SimulatedDisk::Change::Kind::kWrite, static_cast<uint64_t>(offset), 0,
                                               std::string(static_cast<const char*>(bytes), static_cast<size_t>(count))});
    }
    const int code = Of(file).real()->pMethods->xWrite(Of(file).real(), bytes, count, offset);
    return fails ? Of(file).Failure(SQLITE_IOERR_WRITE) : code;
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (Of(file).Fails("SQLite truncate")) return SQLITE_IOERR_TRUNCATE;
    if (Of(file).facts->node != nullptr) {
      Of(file).facts->node->pending.push_back({SimulatedDisk::Change::Kind::kTruncate, static_cast<uint64_t>(size), 0, ""});
    }
    return Of(file).real()->pMethods->xTruncate(Of(file).real(), size);
  }
  static int Sync(sqlite3_file* file, int) {
    File::Facts& facts = *Of(file).facts;
    if (facts.node == nullptr) return SQLITE_OK;
    if (Of(file).Fails("SQLite sync")) {
      facts.disk->FailSync(*facts.node);
      return Of(file).Failure(SQLITE_IOERR_FSYNC);
    }
    SimulatedDisk::Sync(*facts.node);
    if (std::exchange(facts.syncs_folder, false)) facts.disk->SyncFolder(FolderOf(facts.path));
    return SQLITE_OK;
  }
  static int FileSize(sqlite3_file* file, sqlite3_int64* out) {
    return Of(file).real()->pMethods->xFileSize(Of(file).real(), out);
  }
  static int Lock(sqlite3_file* file, int level) { return Of(file).real()->pMethods->xLock(Of(file).real(), level); }
  static int Unlock(sqlite3_file* file, int level) { return Of(file).real()->pMethods->xUnlock(Of(file).real(), level); }
  static int CheckReservedLock(sqlite3_file* file, int* out) {
    return Of(file).real()->pMethods->xCheckReservedLock(Of(file).real(), out);
  }
  static int FileControl(sqlite3_file* file, int what, void* argument) {
    return Of(file).real()->pMethods->xFileControl(Of(file).real(), what, argument);
  }
  static int SectorSize(sqlite3_file* file) { return Of(file).real()->pMethods->xSectorSize(Of(file).real()); }
  static int DeviceCharacteristics(sqlite3_file* file) {
    return Of(file).real()->pMethods->xDeviceCharacteristics(Of(file).real());
  }
  // Memory that connections share; nothing of it is looked at after a power failure.
  static int ShmMap(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
    if (extend != 0 && Of(file).Fails("SQLite shared memory")) return SQLITE_IOERR_SHMSIZE;
    return Of(file).real()->pMethods->xShmMap(Of(file).real(), region, bytes, extend, out);
  }
  static int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
    return Of(file).real()->pMethods->xShmLock(Of(file).real(), offset, count, flags);
  }
  static void ShmBarrier(sqlite3_file* file) { Of(file).real()->pMethods->xShmBarrier(Of(file).real()); }
  static int ShmUnmap(sqlite3_file* file, int remove) { return Of(file).real()->pMethods->xShmUnmap(Of(file).real(), remove); }

  // Version 2: without mapping of the file itself, so that each change of it is a write.
  static constexpr sqlite3_io_methods kMethods = {2,
                                                  Close,
                                                  Read,
                                                  Write,
                                                  Truncate,
                                                  Sync,
                                                  FileSize,
                                                  Lock,
                                                  Unlock,
                                                  CheckReservedLock,
                                                  FileControl,
                                                  SectorSize,
                                                  DeviceCharacteristics,
                                                  ShmMap,
                                                  ShmLock,
                                                  ShmBarrier,
                                                  ShmUnmap,
                                                  nullptr,
                                                  nullptr};
};

// ---- The disk

SimulatedDisk::SimulatedDisk(std::string folder)
    : folder_(std::move(folder)),
      files_(std::make_unique<SimulatedFiles>(*this)),
      real_vfs_(sqlite3_vfs_find(nullptr)),
      vfs_(*real_vfs_) {
  vfs_.pNext = nullptr;
  vfs_.zName = "dicomhouse-simulated";
  vfs_.szOsFile = static_cast<int>(sizeof(SimulatedVfs::File)) + real_vfs_->szOsFile;
  vfs_.pAppData = this;
  vfs_.xOpen = SimulatedVfs::Open;
  vfs_.xDelete = SimulatedVfs::Delete;
  vfs_.xAccess = SimulatedVfs::Access;
  vfs_.xFullPathname = SimulatedVfs::FullPathname;
  EXPECT_STREQ(real_vfs_->zName, "unix");
  EXPECT_EQ(sqlite3_vfs_register(&vfs_, 1), SQLITE_OK);
}

SimulatedDisk::~SimulatedDisk() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_vfs_, 1);
}

void SimulatedDisk::FailAt(int operation, Fault fault, Lasting lasting) {
  operations_ = 0;
  fail_at_ = operation;
  fault_ = fault;
  lasting_ = lasting;
}

bool SimulatedDisk::Fails(const std::string& what, const std::string& path) {
  if (hook_) hook_(what, path);
  ++operations_;
  return fail_at_ > 0 && (lasting_ == Lasting::kOnce ? operations_ == fail_at_ : operations_ >= fail_at_);
}

SimulatedDisk::NodePointer SimulatedDisk::Find(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

SimulatedDisk::NodePointer SimulatedDisk::FindOrMake(const std::string& path) {
  if (const NodePointer found = Find(path)) return found;
  const auto made = std::make_shared<Node>();
  ChangeNames({{path, made}});
  return made;
}

void SimulatedDisk::Rename(const std::string& from, const std::string& to) {
  const NodePointer node = Find(from);
  ASSERT_TRUE(node != nullptr && FolderOf(from) == FolderOf(to)) << from << " " << to;
  ChangeNames({{from, nullptr}, {to, node}});
}

void SimulatedDisk::Remove(const std::string& path) {
  if (Find(path) != nullptr) ChangeNames({{path, nullptr}});
}

void SimulatedDisk::ChangeNames(NameChange change) {
  for (const auto& [path, node] : change) {
    if (node != nullptr) {
      names_[path] = node;
    } else {
      names_.erase(path);
    }
  }
  pending_names_.push_back(std::move(change));
}

void SimulatedDisk::SyncFolder(const std::string& folder) {
  std::vector<NameChange> left;
  for (NameChange& change : pending_names_) {
    if (FolderOf(change.front().first) != folder) {
      left.push_back(std::move(change));
      continue;
    }
    for (auto& [path, node] : change) durable_names_[path] = node;
  }
  pending_names_ = std::move(left);
}

void SimulatedDisk::Apply(std::string& contents, const Change& change) {
  switch (change.kind) {
    case Change::Kind::kWrite:
      if (contents.size() < change.offset + change.bytes.size()) contents.resize(change.offset + change.bytes.size());
      contents.replace(change.offset, change.bytes.size(), change.bytes);
      return;
    case Change::Kind::kTruncate:
      contents.resize(change.offset);
      return;
    case Change::Kind::kPunch:
      if (change.offset >= contents.size()) return;
      const uint64_t count = std::min<uint64_t>(change.length, contents.size() - change.offset);
      contents.replace(change.offset, count, count, '\0');
      return;
  }
}

void SimulatedDisk::Sync(Node& node) {
  for (const Change& change : node.pending) Apply(node.durable, change);
  node.pending.clear();
}

void SimulatedDisk::FailSync(Node& node) const {
  if (fault_ == Fault::kNoSpace) return;
  // Sizes and holes are the file system's own; pages are lost.
  for (const Change& change : node.pending) {
    if (change.kind != Change::Kind::kWrite) {
      Apply(node.durable, change);
    } else if (node.durable.size() < change.offset + change.bytes.size()) {
      node.durable.resize(change.offset + change.bytes.size());
    }
  }
  node.pending.clear();
}

std::string SimulatedDisk::ContentsOf(const Node& node, Unsynced unsynced, std::mt19937& random) {
  std::string contents = node.durable;
  if (unsynced == Unsynced::kLost) return contents;
  for (const Change& change : node.pending) {
    if (unsynced == Unsynced::kKept || (change.kind == Change::Kind::kPunch && Heads(random))) {
      Apply(contents, change);
    } else if (change.kind == Change::Kind::kTruncate) {
      if (Heads(random)) return contents;  // what is written behind a size that never came is not there either
      Apply(contents, change);
    } else if (change.kind == Change::Kind::kWrite) {
      for (uint64_t at = change.offset; at < change.offset + change.bytes.size();) {
        const uint64_t end = std::min(change.offset + change.bytes.size(), (at / kPageBytes + 1) * kPageBytes);
        if (Heads(random)) Apply(contents, {Change::Kind::kWrite, at, 0, change.bytes.substr(at - change.offset, end - at)});
        at = end;
      }
    }
  }
  // An end that is cut anywhere, but never what was there.
  if (unsynced == Unsynced::kAnyPart && contents.size() > node.durable.size() && Heads(random)) {
    contents.resize(std::uniform_int_distribution<size_t>(node.durable.size(), contents.size())(random));
  }
  return contents;
}

void SimulatedDisk::MakeImage(const std::string& to, Unsynced unsynced, std::mt19937& random) const {
  Names names = durable_names_;
  size_t changes = unsynced == Unsynced::kLost ? 0 : pending_names_.size();
  if (unsynced == Unsynced::kAnyPart) changes = std::uniform_int_distribution<size_t>(0, changes)(random);
  for (size_t i = 0; i < changes; ++i) {
    for (const auto& [path, node] : pending_names_[i]) names[path] = node;
  }
  std::filesystem::create_directories(to);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    if (entry.is_directory()) std::filesystem::create_directories(to + entry.path().string().substr(folder_.size()));
  }
  for (const auto& [path, node] : names) {
    if (node == nullptr) continue;
    const std::string contents = ContentsOf(*node, unsynced, random);
    std::ofstream file(to + path.substr(folder_.size()), std::ios::binary);
    file.write(contents.data(), static_cast<std::streamsize>(contents.size()));
    ASSERT_TRUE(file.good()) << path;
  }
}

}  // namespace dicomhouse::store::testing
