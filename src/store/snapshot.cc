#include <mutex>
#include <optional>
#include <utility>

#include "store/internal/stored_instances.h"

namespace dicomhouse::store {
namespace {

// A read transaction that stays open: the index keeps what it sees, and a pin keeps the bytes.
class StoredSnapshot final : public Snapshot {
 public:
  StoredSnapshot(StoredInstances& instances, StoredInstances::PinPointer pin, ReadPool::Lease reader)
      : instances_(&instances), pin_(std::move(pin)), reader_(std::move(reader)) {}
  ~StoredSnapshot() override {
    rows_.reset();
    transaction_.reset();
    // What was deleted meanwhile can go.
    pin_.reset();
    instances_->SpaceMayHaveBecomeFree();
  }

  base::Status Start(int64_t store) {
    DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(reader_->database(), Database::Mode::kRead));
    transaction_.emplace(std::move(transaction));
    {
      DH_ASSIGN(Query query, reader_->Prepare("SELECT instances FROM stores WHERE store = ?"));
      query->Bind(1, store);
      DH_ASSIGN(const bool found, query->Step());
      count_ = found ? static_cast<uint64_t>(query->Int(0)) : 0;
    }
    // Instances get their ids and their places in the same order.
    static const std::string kSql = std::string(kSelectRow) + "WHERE i.store = ? ORDER BY i.id";
    DH_ASSIGN(Query rows, reader_->Prepare(kSql));
    rows->Bind(1, store);
    rows_.emplace(std::move(rows));
    return {};
  }

  uint64_t instances() const override { return count_; }

  base::Result<std::vector<Entry>> Next(size_t count) override {
    const std::lock_guard lock(mutex_);
    std::vector<Entry> entries;
    while (!ended_ && entries.size() < count) {
      DH_ASSIGN(const bool found, (*rows_)->Step());
      ended_ = !found;
      if (ended_) break;
      InstanceRow row = ReadRow(**rows_);
      entries.push_back({std::move(row.info), row.blob, row.header});
    }
    return entries;
  }

  base::Result<std::unique_ptr<dicom::ByteSource>> OpenHeader(const Entry& entry) override {
    return instances_->OpenHeaderAt(entry.header, entry.blob, entry.info.key.instance.size(), pin_);
  }
  base::Result<std::unique_ptr<Blob>> OpenBlob(const Entry& entry) override { return instances_->OpenBlobAt(entry.blob, pin_); }

 private:
  StoredInstances* instances_;
  StoredInstances::PinPointer pin_;
  ReadPool::Lease reader_;
  std::mutex mutex_;
  std::optional<DatabaseTransaction> transaction_;
  std::optional<Query> rows_;
  bool ended_ = false;
  uint64_t count_ = 0;
};

}  // namespace

base::Result<std::unique_ptr<Snapshot>> StoredInstances::TakeSnapshot(int64_t store) {
  PinPointer pin = pins_.Take();
  DH_ASSIGN(auto reader, readers_.Take());
  auto snapshot = std::make_unique<StoredSnapshot>(*this, std::move(pin), std::move(reader));
  DH_CHECK(snapshot->Start(store));
  return std::unique_ptr<Snapshot>(std::move(snapshot));
}

}  // namespace dicomhouse::store
