// SQLite behind Result: connections, prepared statements, transactions. Private to store.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dicomhouse::store {

// One prepared statement. Bind from 1, columns from 0, as SQLite has them. Used by one thread at a time.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  Statement& Bind(int index, int64_t value);
  Statement& Bind(int index, std::string_view text);  // copied
  Statement& BindBlob(int index, std::span<const uint8_t> bytes);
  Statement& BindNull(int index);

  // True: a row is there. False: done. Errors: kAlreadyExists (a UNIQUE constraint), kIo, kCorrupt.
  base::Result<bool> Step();
  // Steps to the end and resets: for statements without rows.
  base::Status Run();
  // Forgets row and bindings, so that it can be used again.
  void Reset();

  int64_t Int(int column) const;
  std::string_view Text(int column) const;  // until the next Step or Reset
  std::span<const uint8_t> Blob(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  sqlite3_stmt* statement_ = nullptr;
};

// One connection. Used by one thread at a time. Writers: write-ahead log, synchronous=FULL: what COMMIT answered is on the
// disk. Readers see the state at their first statement until the transaction ends.
class Database {
 public:
  enum class Mode { kWrite, kRead };
  // kWrite makes the file when there is none. Errors: kIo, kCorrupt, with the path.
  static base::Result<Database> Open(const std::string& path, Mode mode);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  // Runs statements without parameters and rows, separated by ';'.
  base::Status Execute(const std::string& sql);
  // The same of one statement that is run often: prepared once.
  enum class Often { kBeginWrite, kBeginRead, kCommit };
  base::Status Execute(Often which);
  // `sql` is one statement of ours, never made from input.
  base::Result<Statement> Prepare(std::string_view sql);
  int64_t LastRowId() const;
  int64_t Changes() const;

  // From here on the write-ahead log is moved into the database by Checkpoint only, not by commits, whose answer would not tell
  // whether that went well.
  void CheckpointByHand();
  // Moves what the log has into the database, as far as no reader needs it there, when the log has more than `pages` pages.
  // Between transactions. Errors: kIo; it is tried again by the next call.
  base::Status CheckpointAbove(int pages);
  // A sync of the log has failed: Linux drops the pages that it was to write, though they read well from memory, and later
  // syncs succeed. What commits without a sync left there is not on the disk, and what comes behind it could not be read
  // again.
  bool log_is_doubtful() const { return log_is_doubtful_; }
  // Writes the log once more as it reads, and syncs it. Between transactions. Errors: kIo.
  base::Status RewriteLog();

 private:
  explicit Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  void NoteSync(int code) { log_is_doubtful_ = log_is_doubtful_ || code == SQLITE_IOERR_FSYNC; }
  sqlite3* handle_ = nullptr;
  std::string path_;
  std::array<Statement, 3> often_;  // by Often; they go before the handle does
  std::unique_ptr<int> log_pages_;  // after the last commit; SQLite keeps its address
  bool log_is_doubtful_ = false;
};

// BEGIN IMMEDIATE (or BEGIN for a reader); rolled back unless committed.
class DatabaseTransaction {
 public:
  static base::Result<DatabaseTransaction> Begin(Database& database, Database::Mode mode = Database::Mode::kWrite);
  DatabaseTransaction(DatabaseTransaction&& other) noexcept;
  DatabaseTransaction& operator=(DatabaseTransaction&&) = delete;
  ~DatabaseTransaction();
  base::Status Commit();

 private:
  explicit DatabaseTransaction(Database& database) : database_(&database) {}
  Database* database_;
};

// SQLite's own check: `report` gets a line, `name` in front, for each thing that is wrong. Errors: kIo.
base::Status CheckDatabase(Database& database, const std::string& name,
                           const std::function<void(const std::string& line)>& report);

}  // namespace dicomhouse::store
