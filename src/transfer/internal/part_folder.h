// A hidden folder beside a target, for parts until they are published. It goes with the object, with all that is in it.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "transfer/destination.h"
#include "warehouse/merge.h"

namespace dicomhouse::transfer {

class PartFolder {
 public:
  // Makes ".NAME.partial-XXXXXX" beside `target`, whose folder must exist; those go that processes have left which were killed.
  // Errors: kNotFound, kIo.
  static base::Result<std::unique_ptr<PartFolder>> Make(const std::string& target);
  ~PartFolder();
  PartFolder(const PartFolder&) = delete;
  PartFolder& operator=(const PartFolder&) = delete;

  const std::string& path() const { return path_; }
  // Says anew that somebody lives who uses what has the path now.
  void Lock();
  // "part-00000.parquet", ... Thread-safe.
  base::Result<Destination::NewFile> NewPart();
  // Writes the footers and returns the set; the schema gets its ids.
  // `cancelled`: PartSet's.
  base::Result<warehouse::PartSet> Finish(const table::Schema& united, std::vector<WrittenPart>& parts,
                                          const std::vector<RemovedRow>& removed, const std::atomic<bool>& cancelled) const;

 private:
  explicit PartFolder(std::string path) : path_(std::move(path)) { Lock(); }
  std::string path_;
  int lock_ = -1;  // the open folder, locked
  std::mutex mutex_;
  int next_ = 0;
};

// The path in its absolute form, without a '/' at its end; and the folder that it is in.
std::string AbsoluteTarget(const std::string& target);
std::string FolderOf(const std::string& path);
// The file's bytes are on the disk when this returns.
base::Status SyncFile(const std::string& path);

}  // namespace dicomhouse::transfer
