#include "warehouse/merge.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>
#include <optional>
#include <thread>

#include "base/limits.h"
#include "warehouse/engine.h"
#include "warehouse/internal/position_delete_file.h"
#include "warehouse/parquet_scan.h"

namespace dicomhouse::warehouse {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// The database file's name inside the engine.
constexpr std::string_view kAttached = "dh_target";

void GiveIds(std::vector<table::Field>& fields, int32_t& last) {  // NOLINT(misc-no-recursion): our own trees
  for (table::Field& field : fields) {
    field.id = ++last;
    field.element_id = field.mode == table::Mode::kRepeated ? ++last : 0;
    GiveIds(field.fields, last);
  }
}

// The SELECT that reads the set. Writes a delete file into the set's scratch folder when rows are removed.
Result<std::string> SelectOf(const PartSet& set) {
  Snapshot snapshot;
  snapshot.schema = set.schema;
  std::vector<DeletedRow> removed;
  for (const MergePart& part : set.parts) {
    snapshot.files.push_back({part.path, part.path, part.rows, 0, 1});
    for (const int64_t row : part.removed) removed.push_back({part.path, row});
  }
  if (!removed.empty()) {
    std::sort(removed.begin(), removed.end());
    DH_ASSIGN(const std::string bytes, MakePositionDeleteFile(removed));
    const std::string path = base::JoinPath(set.scratch, "removed.parquet");
    DH_CHECK(base::WriteFileDurably(base::RealFileSystem(), path, bytes));
    DeleteFile file;
    file.path = path;
    file.sequence_number = 1;
    snapshot.deletes.push_back(std::move(file));
  }
  return ScanSql(snapshot, {});
}

std::string TableSql(std::string_view table) { return std::string(kAttached) + ".main." + SqlName(table); }

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Interrupts what the engine does once the flag is set, as long as this lives.
class Interruption {
 public:
  Interruption(Engine& engine, const std::atomic<bool>* cancelled) {
    if (cancelled == nullptr) return;
    // Again and again: an interruption between two statements is lost.
    watcher_ = std::jthread([&engine, cancelled](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        if (cancelled->load(std::memory_order_relaxed)) engine.Interrupt();
      }
    });
  }

 private:
  std::jthread watcher_;
};

// ---- what a table has

using Fields = std::map<std::string, std::string>;  // path in lower case -> type

std::string TypeOf(ValueKind kind) {
  switch (kind) {
    case ValueKind::kString:
      return "STRING";
    case ValueKind::kInt64:
      return "INTEGER";
    case ValueKind::kDouble:
      return "FLOAT";
    case ValueKind::kDate:
      return "DATE";
    case ValueKind::kTime:
      return "TIME";
    case ValueKind::kTimestamp:
      return "TIMESTAMP";
    case ValueKind::kBytes:
      return "BYTES";
    case ValueKind::kBoolean:
      return "BOOLEAN";
    case ValueKind::kStruct:
      return "RECORD";
    default:
      return "another type";
  }
}

// Types nest as deep as the table's columns, which the engine has read.
void AddFields(const std::vector<ValueType>& types, const std::string& above, Fields& out) {  // NOLINT(misc-no-recursion)
  for (const ValueType& type : types) {
    const bool list = type.kind == ValueKind::kList && !type.children.empty();
    const ValueType& element = list ? type.children.front() : type;
    const std::string path = above + Lower(type.name);
    out[path] = TypeOf(element.kind) + (list ? " REPEATED" : " NULLABLE");
    if (element.kind == ValueKind::kStruct) AddFields(element.children, path + ".", out);
  }
}

void AddFields(const std::vector<table::Field>& fields, const std::string& above, Fields& out) {  // NOLINT(misc-no-recursion)
  for (const table::Field& field : fields) {
    const std::string path = above + Lower(field.name);
    out[path] = std::string(table::TypeName(field.type)) + " " + std::string(table::ModeName(field.mode));
    AddFields(field.fields, path + ".", out);
  }
}

// Whether all of `added` is there already. Errors: a field has another type.
Result<bool> Covers(const Fields& existing, const Fields& added, const std::string& where) {
  bool all = true;
  for (const auto& [path, type] : added) {
    const auto found = existing.find(path);
    if (found == existing.end()) {
      all = false;
    } else if (found->second != type) {
      return Error{ErrorCode::kFailedPrecondition, "column '" + path + "' is " + found->second + " in " + where + " but " + type +
                                                       " in the new data. Write to another table, or replace this one"};
    }
  }
  return all;
}

// ---- the database file

// A DuckDB file that is open in an engine.
class Database {
 public:
  static Result<Database> Attach(const std::string& file, bool read_only) {
    DH_ASSIGN(Engine engine, Engine::Open({}));
    // Much goes into the file at once and not through the log beside it, which takes half the room.
    DH_CHECK(engine.Execute("SET checkpoint_threshold = '0KB'"));
    const Status attached =
        engine.Execute("ATTACH " + SqlString(file) + " AS " + std::string(kAttached) + (read_only ? " (READ_ONLY)" : ""));
    if (!attached.ok()) return Error{ErrorCode::kIo, file + ": " + attached.error().message};
    return Database(std::move(engine), file);
  }

  // The table's fields; nothing when there is no such table.
  Result<std::optional<Fields>> FieldsOf(std::string_view table) {
    DH_ASSIGN(const std::string count,
              engine_.Text("SELECT CAST(COUNT(*) AS VARCHAR) FROM duckdb_tables() WHERE database_name = '" +
                               std::string(kAttached) + "' AND schema_name = 'main' AND lower(table_name) = lower(?)",
                           table));
    if (count == "0") return std::optional<Fields>();
    Fields fields;
    DH_ASSIGN(const Rows rows, engine_.Query("SELECT * FROM " + TableSql(table) + " LIMIT 0"));
    AddFields(rows.columns(), "", fields);
    return std::optional<Fields>(std::move(fields));
  }

  Status Check(std::string_view table, Disposition disposition, const table::Schema* added) {
    if (disposition == Disposition::kTruncate || (disposition == Disposition::kAppend && added == nullptr)) return {};
    DH_ASSIGN(const auto fields, FieldsOf(table));
    if (!fields) return {};
    if (disposition == Disposition::kAppend) {
      DH_ASSIGN([[maybe_unused]] const bool covered, CoversAll(*fields, *added, table));
      return {};
    }
    const std::string there = file_ + ": table " + std::string(table) + " exists";
    if (disposition == Disposition::kCreate) {
      return Error{ErrorCode::kAlreadyExists, there + ". Choose another name, append to it or replace it"};
    }
    DH_ASSIGN(const std::string rows,
              engine_.Text("SELECT CAST(COUNT(*) AS VARCHAR) FROM " + TableSql(table) + " WHERE ? = ''", ""));
    if (rows == "0") return {};
    return Error{ErrorCode::kAlreadyExists,
                 there + " and has " + rows + " rows; it must be empty. Choose another name, append to it or replace it"};
  }

  Result<DuckDbWritten> Write(const PartSet& set, std::string_view table, Disposition disposition) {
    DuckDbWritten written;
    DH_ASSIGN(const std::string select, SelectOf(set));
    // A log that a crash of somebody has left goes into the file: what is in the log from here on is of this call.
    if (const Status emptied = Checkpoint(); !emptied.ok()) return NotWritten(emptied.error());
    DH_CHECK(engine_.Execute("BEGIN"));
    Status status;
    {
      const Interruption interruption(engine_, set.cancelled);
      status = WriteInside(select, set, table, disposition, written);
    }
    if (!status.ok()) {
      (void)engine_.Execute("ROLLBACK");
      return status.error();
    }
    Status committed = engine_.Execute("COMMIT");
    if (committed.ok()) committed = Checkpoint();
    if (!committed.ok()) {
      // On a full disk the rows may be in the log already, and would be in the table as soon as somebody opens the file. The file
      // is still open here, so that nobody else can have it or its log.
      (void)base::RealFileSystem().Remove(file_ + ".wal");
      return NotWritten(committed.error());
    }
    return written;
  }

  Status Drop(std::string_view table) {
    DH_CHECK(engine_.Execute("DROP TABLE IF EXISTS " + TableSql(table)));
    return Checkpoint();
  }

  bool IsEmpty() {
    const auto tables = engine_.Text("SELECT CAST(COUNT(*) AS VARCHAR) FROM duckdb_tables() WHERE database_name = ?", kAttached);
    return tables.ok() && *tables == "0";
  }

  // While it is open here, nobody else can have it.
  Status Remove() const { return base::RealFileSystem().Remove(file_); }

 private:
  Database(Engine engine, std::string file) : engine_(std::move(engine)), file_(std::move(file)) {}

  Result<bool> CoversAll(const Fields& existing, const table::Schema& schema, std::string_view table) const {
    Fields added;
    AddFields(schema.fields, "", added);
    return Covers(existing, added, file_ + ", table " + std::string(table));
  }

  // All that the log has is in the file then, and the log is empty.
  Status Checkpoint() { return engine_.Execute("CHECKPOINT " + std::string(kAttached)); }

  // The system's reason stands behind what the engine says of its own names.
  Error NotWritten(const Error& error) const {
    constexpr std::string_view kReason = "Original error: ";
    const size_t reason = error.message.find(kReason);
    const bool found = reason != std::string::npos;
    return {ErrorCode::kIo, file_ + ": the database can't be written: " +
                                (found ? error.message.substr(reason + kReason.size()) : error.message)};
  }

  Status WriteInside(const std::string& select, const PartSet& set, std::string_view table, Disposition disposition,
                     DuckDbWritten& written) {
    DH_CHECK(Check(table, disposition, nullptr));
    DH_ASSIGN(const auto existing, FieldsOf(table));
    written.made_table = !existing;
    DH_CHECK(existing && disposition == Disposition::kAppend
                 ? AppendInside(select, set, table, *existing)
                 : engine_.Execute("CREATE OR REPLACE TABLE " + TableSql(table) + " AS " + select));
    DH_ASSIGN(const auto fields, FieldsOf(table));
    written.columns = fields ? static_cast<int>(fields->size()) : 0;
    return {};
  }

  Status AppendInside(const std::string& select, const PartSet& set, std::string_view table, const Fields& existing) {
    const std::string name = TableSql(table);
    DH_ASSIGN(const bool covered, CoversAll(existing, set.schema, table));
    if (covered) return engine_.Execute("INSERT INTO " + name + " BY NAME " + select);
    // New fields, perhaps in the middle of nested ones: the engine unites the two by name.
    const std::string grown = std::string(table) + "_grown";
    DH_CHECK(
        engine_.Execute("CREATE TABLE " + TableSql(grown) + " AS SELECT * FROM " + name + " UNION ALL BY NAME (" + select + ")"));
    DH_CHECK(engine_.Execute("DROP TABLE " + name));
    return engine_.Execute("ALTER TABLE " + TableSql(grown) + " RENAME TO " + SqlName(table));
  }

  Engine engine_;
  std::string file_;
};

}  // namespace

void GiveFieldIds(table::Schema& schema) {
  int32_t last = 0;
  GiveIds(schema.fields, last);
}

Status MergeToParquet(const PartSet& set, const std::string& target) {
  DH_ASSIGN(const std::string select, SelectOf(set));
  DH_ASSIGN(Engine engine, Engine::Open({}));
  const Interruption interruption(engine, set.cancelled);
  return engine.Execute("COPY (" + select + ") TO " + SqlString(target) + " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE " +
                        std::to_string(base::kMaxPartRows) + ", USE_TMP_FILE false)");
}

Status CheckDuckDbTable(const std::string& file, std::string_view table, Disposition disposition, const table::Schema* added) {
  if (!base::RealFileSystem().Exists(file)) return {};
  DH_ASSIGN(Database database, Database::Attach(file, true));
  return database.Check(table, disposition, added);
}

Result<DuckDbWritten> WriteDuckDbTable(const PartSet& set, const std::string& file, std::string_view table,
                                       Disposition disposition) {
  const bool made_file = !base::RealFileSystem().Exists(file);
  DH_ASSIGN(Database database, Database::Attach(file, false));
  // Somebody else may have made it and written into it just before; from here on nobody can.
  const bool only_ours = made_file && database.IsEmpty();
  auto written = database.Write(set, table, disposition);
  if (!written.ok() && only_ours) (void)database.Remove();
  return written;
}

Status RemoveDuckDbTable(const std::string& file, std::string_view table, bool made_file) {
  DH_ASSIGN(Database database, Database::Attach(file, false));
  DH_CHECK(database.Drop(table));
  return made_file && database.IsEmpty() ? database.Remove() : Status();
}

}  // namespace dicomhouse::warehouse
