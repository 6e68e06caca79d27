// A folder on a disk that fails when told to, and that knows what a power failure would leave of it: for our own files
// (base::FileSystem) and for SQLite's, by a VFS in front of SQLite's own.
//
//   SimulatedDisk disk(folder);                        // SQLite's default VFS until it goes
//   auto instances = Instances::Open(folder, disk.files());
//   disk.FailAt(7, SimulatedDisk::Fault::kIoError);    // the 7th operation that changes something fails
//   disk.MakeImage(other, SimulatedDisk::Unsynced::kAnyPart, random);   // the folder after a power failure now
//
// What is durable: contents at a file's last sync; names at the last sync of their folder. What came later may be there in any
// part: pages of 4 KiB one by one, changes of names up to any of them. After a sync that failed with kIoError, pages that it was
// to write are lost although they can still be read, and no later sync brings them back: that is what Linux does.
// Folders themselves are taken to be durable. Nothing is really synced. For one thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace dicomhouse::store::testing {

class SimulatedDisk {
 public:
  // kIoError: EIO. kNoSpace: ENOSPC; of a sync too (delayed allocation), which may be tried again then.
  enum class Fault { kIoError, kNoSpace };
  enum class Lasting { kOnce, kUntilHealed };
  // What becomes of what no sync has put on the disk.
  enum class Unsynced { kLost, kKept, kAnyPart };

  // What lies under `folder` is simulated; files elsewhere work as ever, but are not synced. One at a time.
  explicit SimulatedDisk(std::string folder);
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;
  ~SimulatedDisk();

  base::FileSystem& files() { return *files_; }

  // Operations that change something, and SQLite's openings, counted from 1 since FailAt or Heal.
  int operations() const { return operations_; }
  void FailAt(int operation, Fault fault, Lasting lasting = Lasting::kOnce);
  void Heal() { FailAt(0, Fault::kIoError); }
  // Called before each of them. May use other folders, with files() too.
  using Hook = std::function<void(const std::string& what, const std::string& path)>;
  void OnOperation(Hook hook) { hook_ = std::move(hook); }

  // Writes the folder as it would be after a power failure now to `to`, which is made.
  void MakeImage(const std::string& to, Unsynced unsynced, std::mt19937& random) const;

 private:
  friend class SimulatedFiles;
  friend class SimulatedOutput;
  friend struct SimulatedVfs;

  struct Change {
    enum class Kind { kWrite, kTruncate, kPunch };
    Kind kind = Kind::kWrite;
    uint64_t offset = 0;  // kTruncate: the size
    uint64_t length = 0;  // kPunch
    std::string bytes;    // kWrite
  };
  // A file, whatever it is called.
  struct Node {
    std::string durable;
    std::vector<Change> pending;
  };
  using NodePointer = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePointer>;
  // Of one folder, at once. null: the name goes.
  using NameChange = std::vector<std::pair<std::string, NodePointer>>;

  bool Has(const std::string& path) const { return path.starts_with(folder_ + "/"); }
  // Counts an operation; true: it fails.
  bool Fails(const std::string& what, const std::string& path);
  Fault fault() const { return fault_; }
  NodePointer Find(const std::string& path) const;
  NodePointer FindOrMake(const std::string& path);
  void Rename(const std::string& from, const std::string& to);
  void Remove(const std::string& path);
  void ChangeNames(NameChange change);
  void SyncFolder(const std::string& folder);
  static void Sync(Node& node);
  void FailSync(Node& node) const;
  static void Apply(std::string& contents, const Change& change);
  static std::string ContentsOf(const Node& node, Unsynced unsynced, std::mt19937& random);

  const std::string folder_;
  std::unique_ptr<base::FileSystem> files_;
  sqlite3_vfs* const real_vfs_;
  sqlite3_vfs vfs_;
  Hook hook_;
  int operations_ = 0;
  int fail_at_ = 0;
  Fault fault_ = Fault::kIoError;
  Lasting lasting_ = Lasting::kOnce;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
};

}  // namespace dicomhouse::store::testing
