// Where an export goes: a table of the warehouse, Parquet files, a DuckDB file. One interface, so that the exporter
// knows none of them, and a BigQuery endpoint can become one.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "table/part.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::transfer {

// A part that has been written, without its footer.
struct WrittenPart {
  std::string path;
  table::Part part;
};

// A row that another instance with the same SOP Instance UID takes the place of.
struct RemovedRow {
  std::string path;  // of the part
  int64_t row = 0;
};

// One table to be. Destroyed without Publish: nothing remains.
class Destination {
 public:
  virtual ~Destination() = default;
  // A new file for a part. Thread-safe.
  struct NewFile {
    std::string path;
    std::unique_ptr<base::OutputFile> file;
  };
  virtual base::Result<NewFile> NewPart() = 0;
  // Makes all ready that can be without anybody seeing it. `united`: the schema of all parts. Called once. `cancelled`: once
  // true, what takes long stops soon, in Publish too, with kCancelled; it must outlive this.
  virtual base::Status Prepare(const table::Schema& united, std::vector<WrittenPart> parts,
                               const std::vector<RemovedRow>& removed, const std::map<std::string, std::string>& summary,
                               const std::atomic<bool>& cancelled) = 0;
  // Makes the parts a table, or a version of one: all at once or not at all. Returns the number of columns that the table then
  // has, nested ones counted.
  virtual base::Result<int> Publish() = 0;
  // Whether the table has changed, also when Publish gave an error (what the disk has of it is not known then).
  virtual bool published() const = 0;
  // After Publish, as long as this lives: the table is what it was before. Errors: what it is instead.
  virtual base::Status TakeBack() = 0;
  // Whether it adds to a table that is there: then there is no need for a part without rows.
  virtual bool adds() const { return false; }
  // How parts for it store TIME columns.
  virtual table::TimeStorage times() const { return table::TimeStorage::kTime; }
  // For messages: "bq://local.dicom.metadata", "/data/out.parquet".
  virtual std::string Name() const = 0;
};

// A table of the warehouse. Errors: those of warehouse::Transaction::Begin.
base::Result<std::unique_ptr<Destination>> OpenTableDestination(const warehouse::Warehouse& warehouse,
                                                                const warehouse::TableName& name,
                                                                warehouse::Disposition disposition);

// TABLE_account in the warehouse, of an export with `disposition` into TABLE. The table decides whether the export may be: its
// account follows it. Errors also: kAlreadyExists: what has the account's name is no account, but a table of somebody's.
base::Result<std::unique_ptr<Destination>> OpenAccountDestination(const warehouse::Warehouse& warehouse,
                                                                  const warehouse::TableName& table,
                                                                  warehouse::Disposition disposition);

// Throws the rows away; Publish only says how many columns there are. Errors of Prepare: kLimit (base::kMaxColumns), as a table.
std::unique_ptr<Destination> OpenNullDestination();

// Parquet for other programs. A folder (IsParquetFolder) gets one file for each part, with the columns that have a value in it:
// read it with union_by_name or the like; it is replaced by one rename, and files are added to it one by one. A file has all
// columns; nothing can be added to it. Rows that were removed are in neither.
// Errors: kAlreadyExists, with what to do; kFailedPrecondition: a folder with other files, which is never replaced;
// kInvalidArgument: kAppend to a file; kNotFound: the folder that it is to be in does not exist.
base::Result<std::unique_ptr<Destination>> OpenParquetDestination(const std::string& target, warehouse::Disposition disposition);
// Whether the target is taken as a folder: it ends with '/' or is one.
bool IsParquetFolder(const std::string& target);
// Where the account goes: FILE_account.parquet for FILE.parquet, FOLDER_account/ for FOLDER/, both beside it. Absolute.
std::string ParquetAccountTarget(const std::string& target);

// A table in a DuckDB database file, which is made when there is none. Changes by one transaction.
// Errors: those of warehouse::CheckDuckDbTable, and kNotFound as above.
base::Result<std::unique_ptr<Destination>> OpenDuckDbDestination(const std::string& file, const std::string& table,
                                                                 warehouse::Disposition disposition);

}  // namespace dicomhouse::transfer
