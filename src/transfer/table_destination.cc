#include <algorithm>

#include "mapping/row_builder.h"
#include "transfer/destination.h"

namespace dicomhouse::transfer {
namespace {

warehouse::ColumnStats StatsOf(const table::ChunkStats& chunk) {
  return {chunk.field_id, chunk.compressed_bytes, chunk.value_count, chunk.null_count, chunk.lower, chunk.upper};
}

class TableDestination final : public Destination {
 public:
  TableDestination(warehouse::Transaction transaction, warehouse::TableName name, base::FileSystem& files)
      : transaction_(std::move(transaction)), name_(std::move(name)), files_(&files) {}

  base::Result<NewFile> NewPart() override {
    NewFile part;
    part.path = transaction_.NewDataPath();
    DH_ASSIGN(part.file, files_->Create(part.path));
    return part;
  }

  base::Status Prepare(const table::Schema& united, std::vector<WrittenPart> parts, const std::vector<RemovedRow>& removed,
                       const std::map<std::string, std::string>& summary, const std::atomic<bool>&) override {
    parts_ = std::move(parts);
    const auto finish = [this](const table::Schema& with_ids) -> base::Result<std::vector<warehouse::DataFile>> {
      std::vector<warehouse::DataFile> files;
      columns_ = table::CountFields(with_ids);
      for (WrittenPart& part : parts_) {
        DH_CHECK(part.part.Finish(with_ids));
        warehouse::DataFile file;
        file.path = transaction_.RelativePath(part.path);
        file.rows = part.part.rows();
        file.bytes = part.part.bytes();
        for (const table::ChunkStats& chunk : part.part.stats()) file.columns.push_back(StatsOf(chunk));
        if (file.rows > 0) file.split_offsets = {4};
        files.push_back(std::move(file));
      }
      return files;
    };
    std::vector<warehouse::Transaction::RemovedRow> rows;
    rows.reserve(removed.size());
    for (const RemovedRow& row : removed) rows.push_back({row.path, row.row});
    return transaction_.Prepare(united, finish, std::move(rows), summary);
  }

  base::Result<int> Publish() override {
    DH_CHECK(transaction_.Publish());
    for (WrittenPart& part : parts_) (void)part.part.Close();  // synced and published: nothing can fail any more
    return columns_;
  }

  bool published() const override { return transaction_.published(); }
  base::Status TakeBack() override { return transaction_.TakeBack(); }

  bool adds() const override { return transaction_.adds(); }
  table::TimeStorage times() const override { return table::TimeStorage::kText; }
  std::string Name() const override { return name_.Uri(); }

 private:
  warehouse::Transaction transaction_;
  warehouse::TableName name_;
  base::FileSystem* files_;
  std::vector<WrittenPart> parts_;
  int columns_ = 0;
};

// Whether a table's columns are those of an account, and no others.
bool IsAccount(const table::Schema& schema) {
  static const table::Schema kAccount = [] {
    table::SchemaUnion columns;
    columns.Add(mapping::RowBuilder(mapping::Options()).account());
    return columns.Get();
  }();
  const auto same_name = [](const table::Field& a, const table::Field& b) { return a.name == b.name; };
  return std::equal(schema.fields.begin(), schema.fields.end(), kAccount.fields.begin(), kAccount.fields.end(), same_name);
}

}  // namespace

base::Result<std::unique_ptr<Destination>> OpenAccountDestination(const warehouse::Warehouse& warehouse,
                                                                  const warehouse::TableName& table,
                                                                  warehouse::Disposition disposition) {
  using warehouse::Disposition;
  warehouse::TableName account = table;
  account.table += "_account";
  const auto before = warehouse.OpenTable(account);
  if (before.ok() && !before->schema.fields.empty() && !IsAccount(before->schema)) {
    return base::Error{base::ErrorCode::kAlreadyExists, "table " + account.Uri() +
                                                            " exists and is not the account of an export, which " + table.Uri() +
                                                            " would have there. Choose another name"};
  }
  return OpenTableDestination(warehouse, account,
                              disposition == Disposition::kAppend ? Disposition::kAppend : Disposition::kTruncate);
}

base::Result<std::unique_ptr<Destination>> OpenTableDestination(const warehouse::Warehouse& warehouse,
                                                                const warehouse::TableName& name,
                                                                warehouse::Disposition disposition) {
  DH_ASSIGN(warehouse::Transaction transaction, warehouse::Transaction::Begin(warehouse, name, disposition));
  return std::unique_ptr<Destination>(std::make_unique<TableDestination>(std::move(transaction), name, warehouse.files()));
}

}  // namespace dicomhouse::transfer
