// A table in a DuckDB database file: parts are collected beside it, and put in by one transaction.
#include <utility>

#include "transfer/destination.h"
#include "transfer/internal/part_folder.h"
#include "warehouse/merge.h"

namespace dicomhouse::transfer {
namespace {

class DuckDbDestination final : public Destination {
 public:
  DuckDbDestination(std::string file, std::string table, warehouse::Disposition disposition, std::unique_ptr<PartFolder> folder)
      : file_(std::move(file)), table_(std::move(table)), disposition_(disposition), folder_(std::move(folder)) {}

  base::Result<NewFile> NewPart() override { return folder_->NewPart(); }

  base::Status Prepare(const table::Schema& united, std::vector<WrittenPart> parts, const std::vector<RemovedRow>& removed,
                       const std::map<std::string, std::string>&, const std::atomic<bool>& cancelled) override {
    DH_ASSIGN(set_, folder_->Finish(united, parts, removed, cancelled));
    return warehouse::CheckDuckDbTable(file_, table_, disposition_, &set_.schema);
  }

  base::Result<int> Publish() override {
    made_file_ = !base::RealFileSystem().Exists(file_);
    DH_ASSIGN(written_, warehouse::WriteDuckDbTable(set_, file_, table_, disposition_));
    published_ = true;
    return written_.columns;
  }

  bool published() const override { return published_; }

  // A table that was there before is not kept for this: the database would grow by it each time.
  base::Status TakeBack() override {
    if (written_.made_table) return warehouse::RemoveDuckDbTable(file_, table_, made_file_);
    return base::Error{base::ErrorCode::kUnsupported, file_ + ": table " + table_ + " has been written all the same"};
  }

  std::string Name() const override { return file_ + ", table " + table_; }

 private:
  std::string file_;
  std::string table_;
  warehouse::Disposition disposition_;
  std::unique_ptr<PartFolder> folder_;
  warehouse::PartSet set_;
  bool made_file_ = false;
  warehouse::DuckDbWritten written_;
  bool published_ = false;
};

}  // namespace

base::Result<std::unique_ptr<Destination>> OpenDuckDbDestination(const std::string& file, const std::string& table,
                                                                 warehouse::Disposition disposition) {
  const std::string path = AbsoluteTarget(file);
  if (file.ends_with('/') || base::RealFileSystem().IsFolder(path)) {
    return base::Error{base::ErrorCode::kInvalidArgument, file + " is a folder; --duckdb needs the name of a file"};
  }
  DH_CHECK(warehouse::CheckDuckDbTable(path, table, disposition));
  DH_ASSIGN(auto folder, PartFolder::Make(path));
  return std::unique_ptr<Destination>(std::make_unique<DuckDbDestination>(path, table, disposition, std::move(folder)));
}

}  // namespace dicomhouse::transfer
