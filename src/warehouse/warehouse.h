// The warehouse: a folder of Apache Iceberg v2 tables in file-system layout ("Hadoop catalog"),
// WAREHOUSE/PROJECT/DATASET/TABLE/{metadata,data}. A table changes all at once or not at all.
//
// Writing one version of a table:
//
//   DH_ASSIGN(Transaction write, Transaction::Begin(warehouse, name, Disposition::kAppend));
//   ... write parts to write.NewDataPath() ...
//   DH_CHECK(write.Commit(united_schema, [&](const table::Schema& with_ids) { ...finish parts, return DataFiles... }, summary));
//
// Reading: OpenTable, then Snapshot. Iceberg table spec: "Format versioning", "Scan planning", "Schema evolution".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "table/schema.h"

namespace dicomhouse::warehouse {

// PROJECT.DATASET.TABLE. Names follow BigQuery's rules and are safe as folder names (no '/', no leading '.').
struct TableName {
  std::string project;
  std::string dataset;
  std::string table;

  // "bq://PROJECT.DATASET.TABLE", at most 2,000 characters. Errors: kInvalidArgument, saying which part is wrong.
  static base::Result<TableName> FromUri(std::string_view uri);
  // "TABLE", "DATASET.TABLE", "PROJECT.DATASET.TABLE" or a URI; what is missing comes from `defaults`.
  static base::Result<TableName> Parse(std::string_view text, const TableName& defaults);
  std::string Uri() const;   // bq://PROJECT.DATASET.TABLE
  std::string Text() const;  // PROJECT.DATASET.TABLE
  bool operator==(const TableName&) const = default;
  auto operator<=>(const TableName&) const = default;
};

// The page, A2. kEmpty: the table must not exist, or be empty (the page's exception).
// kCreate: what `force = false` means: an error when the table exists, empty or not.
enum class Disposition { kEmpty, kTruncate, kAppend, kCreate };

// Statistics of one column of one part, by Iceberg field id. Bounds in Iceberg's single-value serialization
// (Iceberg spec, appendix D); empty optionals when unknown.
struct ColumnStats {
  int32_t field_id = 0;
  int64_t compressed_bytes = 0;
  int64_t value_count = 0;
  int64_t null_count = 0;
  std::optional<std::string> lower_bound;
  std::optional<std::string> upper_bound;
};

// One part: a Parquet file of the table.
struct DataFile {
  std::string path;  // relative to the table's folder, e.g. "data/00000-….parquet"
  int64_t rows = 0;
  int64_t bytes = 0;
  std::vector<ColumnStats> columns;
  std::vector<int64_t> split_offsets;
};

// A delete file of Iceberg v2 that a reader has to apply.
struct DeleteFile {
  std::string path;       // absolute, as found now
  bool equality = false;  // equality deletes: `equality_ids`; else position deletes (file_path, pos)
  std::vector<int32_t> equality_ids;
  int64_t sequence_number = 0;
};

// A data file as a reader sees it.
struct LiveFile {
  std::string path;           // absolute, as found now (tables may have been moved)
  std::string recorded_path;  // as the metadata records it: position deletes name it so
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t sequence_number = 0;
};

// One version of a table, complete: independent of what happens to the table later (as long as nobody expires it).
struct Snapshot {
  int64_t id = 0;
  int64_t timestamp_ms = 0;
  table::Schema schema;  // with field ids
  std::vector<LiveFile> files;
  std::vector<DeleteFile> deletes;
  int64_t rows = 0;  // records of `files` minus position deletes as recorded
  std::map<std::string, std::string> summary;
};

// A line of `dicomhouse table versions`.
struct VersionInfo {
  int64_t snapshot_id = 0;
  int64_t timestamp_ms = 0;
  std::string operation;  // append, overwrite, replace, delete
  int64_t added_rows = 0;
  int64_t total_rows = 0;
  bool current = false;
};

struct TableInfo {
  TableName name;
  int64_t rows = 0;
  int64_t bytes = 0;
  int64_t modified_ms = 0;
};

// The folder. Cheap to make; thread-safe (it has no state but the path).
class Warehouse {
 public:
  explicit Warehouse(const std::string& folder, base::FileSystem& files = base::RealFileSystem());

  const std::string& folder() const { return folder_; }
  base::FileSystem& files() const { return *files_; }
  std::string TableFolder(const TableName& name) const;

  // All tables, sorted by name. A folder that is no table is passed over.
  base::Result<std::vector<TableInfo>> ListTables() const;
  bool TableExists(const TableName& name) const;
  // The current version, or the one with `snapshot_id`. A table without any snapshot gives an empty one (id 0).
  // Errors: kNotFound with the names nearest to it; kCorrupt and kUnsupported with the file and what is in it.
  base::Result<Snapshot> OpenTable(const TableName& name, std::optional<int64_t> snapshot_id = std::nullopt) const;
  base::Result<std::vector<VersionInfo>> Versions(const TableName& name) const;
  // The version that was the current one at a Unix time. Errors: kNotFound: there was no table yet, or the version has expired.
  base::Result<int64_t> VersionAt(const TableName& name, int64_t timestamp_ms) const;

  // Forgets all versions but the newest `keep_last` (and those younger than `older_than_ms`, a Unix time), then removes
  // files that no remaining version names. Returns the number of files removed.
  base::Result<int64_t> Expire(const TableName& name, int keep_last, int64_t older_than_ms) const;
  base::Status Drop(const TableName& name) const;
  // Rewrites recorded absolute locations to where the table's folder is now, for other engines.
  base::Status Relocate(const TableName& name) const;

 private:
  std::string folder_;
  base::FileSystem* files_;
};

// One change of one table. Not thread-safe, except NewDataPath. Destroyed without Commit: removes what was written.
class Transaction {
 public:
  // Checks the disposition against the table as it is now. Errors, with what to do instead:
  // kAlreadyExists (kCreate and it exists; kEmpty and it has rows).
  static base::Result<Transaction> Begin(const Warehouse& warehouse, const TableName& name, Disposition disposition);
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  // Whether it appends to a table that was there when it began.
  bool adds() const;

  // A path, absolute, for a new Parquet file in the table's data folder (which exists now). Thread-safe.
  std::string NewDataPath();
  // A data path relative to the table's folder, for DataFile::path.
  std::string RelativePath(const std::string& absolute) const;

  // Writes metadata and publishes. `finish` is given the table's schema to be: the existing columns with their ids (when
  // appending), then the columns of `united` that are new, placed in `united`'s order, with new ids; it must complete the
  // parts (write their footers with these ids, sync them) and return them. It is called again when another writer
  // has changed the schema meanwhile. Data files and folders are synced before the version appears.
  // `rows_removed`: rows of the new parts that must not be seen: (part path as returned by NewDataPath, row number).
  // Errors: kConflict (kEmpty, kTruncate, kCreate: somebody else published first; kAppend re-applies by itself),
  // kFailedPrecondition (a column of `united` has another type or mode in the table: names it and both types), kIo.
  using Finish = std::function<base::Result<std::vector<DataFile>>(const table::Schema& with_ids)>;
  struct RemovedRow {
    std::string data_path;
    int64_t row = 0;
  };
  base::Result<int64_t> Commit(const table::Schema& united, const Finish& finish, const std::vector<RemovedRow>& rows_removed,
                               const std::map<std::string, std::string>& summary);

  // Commit in two steps, for a version of one table that is to stand or fall with that of another
  // (docs/decisions/0039-account-taken-back.md). Prepare writes all of it, checks all that can be known, and shows nothing; its
  // errors are Commit's. Publish makes it visible; it calls `finish` again when another writer was first: what that refers to
  // must live.
  base::Status Prepare(const table::Schema& united, Finish finish, std::vector<RemovedRow> rows_removed,
                       std::map<std::string, std::string> summary);
  base::Result<int64_t> Publish();
  // Whether the version is visible, also when Publish gave an error (it may then be gone after a power cut).
  bool published() const;
  // After Publish: the table is as it was before; one that this write made is gone. Errors: kConflict, and nothing has changed:
  // somebody else has published upon it.
  base::Status TakeBack();

 private:
  struct State;
  explicit Transaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dicomhouse::warehouse
