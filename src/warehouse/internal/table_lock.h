// The lock of a table's folder (metadata/.lock): every writer holds it shared for as long as it lives; who removes files
// that no version names takes it alone, and so knows that nobody is writing any (docs/decisions/0004-orphaned-parts.md).
// It does not order commits: the exclusive link of the next metadata file does. The system releases it when a process ends.
#pragma once

#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace dicomhouse::warehouse {

class TableLock {
 public:
  TableLock() = default;
  // Takes the lock shared; waits while somebody cleans up. Where the file system knows no locks: a lock that is not held().
  // Errors: kNotFound when the folder goes at this moment; make it again and try again.
  static base::Result<TableLock> Share(base::FileSystem& files, const std::string& table_folder);
  // Takes the lock alone, if nobody else has it now; never waits.
  static std::optional<TableLock> TryAlone(base::FileSystem& files, const std::string& table_folder);

  bool held() const { return held_; }

 private:
  base::InputFile file_;
  bool held_ = false;
};

}  // namespace dicomhouse::warehouse
