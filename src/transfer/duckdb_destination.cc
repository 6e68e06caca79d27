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

  base::Result<int> Commit(const table::Schema& united, std::vector<WrittenPart> parts, const std::vector<RemovedRow>& removed,
                           const std::map<std::string, std::string>&) override {
    DH_ASSIGN(const warehouse::PartSet set, folder_->Finish(united, parts, removed));
    const bool fresh = !base::RealFileSystem().Exists(file_);
    auto columns = warehouse::WriteDuckDbTable(set, file_, table_, disposition_);
    if (!columns.ok() && fresh) (void)base::RealFileSystem().Remove(file_);
    return columns;
  }

  std::string Name() const override { return file_ + ", table " + table_; }

 private:
  std::string file_;
  std::string table_;
  warehouse::Disposition disposition_;
  std::unique_ptr<PartFolder> folder_;
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
