#include "store/internal/sqlite.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace dicomhouse::store {
namespace {

// The log is written again in pieces of this size: SQLite's own files take less than 128 KiB at a time.
constexpr sqlite3_int64 kPieceBytes = 1 << 16;

base::Error ErrorOf(sqlite3* handle, int code, const std::string& where) {
  using base::ErrorCode;
  const std::string text = where + ": " + (handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
      return {ErrorCode::kAlreadyExists, text};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::kCorrupt, text};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kConflict, text};
    default:
      return {ErrorCode::kIo, text};
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Bind(int index, int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}

Statement& Statement::Bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindBlob(int index, std::span<const uint8_t> bytes) {
  sqlite3_bind_blob64(statement_, index, bytes.data() == nullptr ? reinterpret_cast<const uint8_t*>("") : bytes.data(),
                      bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::BindNull(int index) {
  sqlite3_bind_null(statement_, index);
  return *this;
}

base::Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  base::Error error = ErrorOf(sqlite3_db_handle(statement_), code, "the index");
  sqlite3_reset(statement_);
  return error;
}

base::Status Statement::Run() {
  while (true) {
    DH_ASSIGN(const bool row, Step());
    if (!row) break;
  }
  Reset();
  return {};
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const uint8_t> Statement::Blob(int column) const {
  const auto* bytes = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

base::Result<Database> Database::Open(const std::string& path, Mode mode) {
  sqlite3* handle = nullptr;
  const int flags = mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(handle, path);
  if (code != SQLITE_OK) return ErrorOf(handle, code, path);
  sqlite3_busy_timeout(handle, 10'000);
  if (mode == Mode::kWrite) {
    DH_CHECK(
        database.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF; PRAGMA temp_store=MEMORY"));
    // The sync of a process before may have failed: what is moved into the database has to be in the log when this stops here.
    DH_CHECK(database.RewriteLog());
    DH_CHECK(database.Execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  return database;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      path_(std::move(other.path_)),
      often_(std::move(other.often_)),
      log_pages_(std::move(other.log_pages_)),
      log_is_doubtful_(other.log_is_doubtful_) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(path_, other.path_);
  std::swap(often_, other.often_);
  std::swap(log_pages_, other.log_pages_);
  std::swap(log_is_doubtful_, other.log_is_doubtful_);
  return *this;
}

// With statements left it would only be closed when they go.
Database::~Database() {
  often_ = {};
  sqlite3_close_v2(handle_);
}

base::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  NoteSync(code);
  if (code != SQLITE_OK) return ErrorOf(handle_, code, path_);
  return {};
}

base::Status Database::Execute(Often which) {
  static constexpr std::array<const char*, 3> kSql = {"BEGIN IMMEDIATE", "BEGIN", "COMMIT"};
  Statement& statement = often_[static_cast<size_t>(which)];
  if (statement.statement_ == nullptr) {
    DH_ASSIGN(statement, Prepare(kSql[static_cast<size_t>(which)]));
  }
  const int code = sqlite3_step(statement.statement_);
  NoteSync(code);
  base::Status status;
  if (code != SQLITE_DONE) status = ErrorOf(handle_, code, path_);
  statement.Reset();
  return status;
}

base::Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return ErrorOf(handle_, code, path_);
  return Statement(statement);
}

int64_t Database::LastRowId() const { return sqlite3_last_insert_rowid(handle_); }

int64_t Database::Changes() const { return sqlite3_changes64(handle_); }

void Database::CheckpointByHand() {
  log_pages_ = std::make_unique<int>(0);
  // In place of SQLite's own hook, which is what checkpoints automatically.
  sqlite3_wal_hook(
      handle_,
      [](void* log_pages, sqlite3*, const char*, int pages) {
        *static_cast<int*>(log_pages) = pages;
        return SQLITE_OK;
      },
      log_pages_.get());
}

base::Status Database::CheckpointAbove(int pages) {
  if (log_pages_ == nullptr || *log_pages_ <= pages) return {};
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  NoteSync(code);
  if (code != SQLITE_OK) return ErrorOf(handle_, code, path_);
  return {};
}

base::Status Database::RewriteLog() {
  sqlite3_file* log = nullptr;
  int code = sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  const auto failed = [&] { return base::Error{base::ErrorCode::kIo, path_ + "-wal: " + sqlite3_errstr(code)}; };
  if (code != SQLITE_OK) return failed();
  if (log != nullptr && log->pMethods != nullptr) {
    sqlite3_int64 size = 0;
    code = log->pMethods->xFileSize(log, &size);
    std::vector<uint8_t> piece(static_cast<size_t>(std::min<sqlite3_int64>(size, kPieceBytes)));
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += static_cast<sqlite3_int64>(piece.size())) {
      piece.resize(static_cast<size_t>(std::min<sqlite3_int64>(size - at, kPieceBytes)));
      code = log->pMethods->xRead(log, piece.data(), static_cast<int>(piece.size()), at);
      if (code == SQLITE_OK) code = log->pMethods->xWrite(log, piece.data(), static_cast<int>(piece.size()), at);
    }
    if (code == SQLITE_OK && size > 0) code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    if (code != SQLITE_OK) return failed();
  }
  log_is_doubtful_ = false;
  return {};
}

base::Result<DatabaseTransaction> DatabaseTransaction::Begin(Database& database, Database::Mode mode) {
  DH_CHECK(database.Execute(mode == Database::Mode::kWrite ? Database::Often::kBeginWrite : Database::Often::kBeginRead));
  return DatabaseTransaction(database);
}

DatabaseTransaction::DatabaseTransaction(DatabaseTransaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

DatabaseTransaction::~DatabaseTransaction() {
  if (database_ != nullptr) (void)database_->Execute("ROLLBACK");
}

base::Status DatabaseTransaction::Commit() {
  DH_CHECK(database_->Execute(Database::Often::kCommit));
  database_ = nullptr;
  return {};
}

base::Status CheckDatabase(Database& database, const std::string& name,
                           const std::function<void(const std::string& line)>& report) {
  DH_ASSIGN(Statement check, database.Prepare("PRAGMA quick_check"));
  for (;;) {
    const auto row = check.Step();
    if (!row.ok() && row.error().code != base::ErrorCode::kCorrupt) return row.error();
    if (!row.ok()) report(name + ": " + row.error().message);
    if (!row.ok() || !*row) return {};
    if (check.Text(0) != "ok") report(name + ": " + std::string(check.Text(0)));
  }
}

}  // namespace dicomhouse::store
