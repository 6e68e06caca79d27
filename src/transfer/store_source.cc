#include "transfer/store_source.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

namespace dicomhouse::transfer {
namespace {

constexpr size_t kEntriesPerPiece = 256;

std::string NameOf(const std::string& prefix, const store::InstanceKey& key) {
  return prefix + "/studies/" + key.study + "/series/" + key.series + "/instances/" + key.instance;
}

// In place of header bytes that can't be had.
class FailedSource final : public dicom::ByteSource {
 public:
  explicit FailedSource(base::Error error) : error_(std::move(error)) {}
  base::Result<size_t> ReadAt(uint64_t /*offset*/, std::span<uint8_t> /*out*/) override { return error_; }

 private:
  base::Error error_;
};

class StoredEntry final : public ArchiveEntry {
 public:
  StoredEntry(const store::Snapshot::Entry& entry, std::string name, uint64_t number, dicom::ByteSource& bytes)
      : entry_(&entry), name_(std::move(name)), number_(number), bytes_(&bytes) {}
  const std::string& name() const override { return name_; }
  uint64_t number() const override { return number_; }
  uint64_t size() const override { return entry_->info.bytes; }
  int64_t modified_ns() const override { return entry_->info.stored_us * 1000; }
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override { return bytes_->ReadAt(offset, out); }
  uint64_t AtHand(uint64_t offset) const override { return bytes_->AtHand(offset); }

 private:
  const store::Snapshot::Entry* entry_;
  std::string name_;
  uint64_t number_;
  dicom::ByteSource* bytes_;
};

// Some entries of a snapshot, for one worker.
class StoredEntries final : public ArchiveReader {
 public:
  StoredEntries(std::shared_ptr<store::Snapshot> snapshot, std::vector<store::Snapshot::Entry> entries, const std::string& prefix)
      : snapshot_(std::move(snapshot)), entries_(std::move(entries)), prefix_(&prefix) {}

  const std::string& name() const override { return *prefix_; }

  base::Result<bool> Next(const std::function<void(ArchiveEntry&)>& visit) override {
    const size_t number = next_.fetch_add(1);
    if (number >= entries_.size()) return false;
    const store::Snapshot::Entry& entry = entries_[number];
    auto header = snapshot_->OpenHeader(entry);
    FailedSource failed(header.ok() ? base::Error{} : header.error());
    StoredEntry visited(entry, NameOf(*prefix_, entry.info.key), number, header.ok() ? **header : failed);
    visit(visited);
    return true;
  }

 private:
  std::shared_ptr<store::Snapshot> snapshot_;
  std::vector<store::Snapshot::Entry> entries_;
  const std::string* prefix_;  // the source's
  std::atomic<size_t> next_{0};
};

// Each piece is a reader of its own, so that workers read without waiting for each other.
class StoreSource final : public Source {
 public:
  StoreSource(std::shared_ptr<store::Snapshot> snapshot, std::string name_prefix)
      : snapshot_(std::move(snapshot)), prefix_(std::move(name_prefix)) {}

  bool Next(Piece& piece) override {
    if (cancelled_) return false;
    const std::lock_guard lock(mutex_);
    if (broken_) return false;
    auto entries = snapshot_->Next(kEntriesPerPiece);
    if (!entries.ok()) {
      broken_ = base::Error{entries.error().code, prefix_ + ": " + entries.error().message};
      return false;
    }
    if (entries->empty()) return false;
    piece.number = pieces_++;
    piece.files.clear();
    piece.archive = std::make_shared<StoredEntries>(snapshot_, *std::move(entries), prefix_);
    return true;
  }
  void Cancel() override { cancelled_ = true; }

  uint64_t files_found() const override { return snapshot_->instances(); }
  bool listing_done() const override { return true; }
  std::vector<Problem> problems() const override { return {}; }
  std::optional<base::Error> broken() const override {
    const std::lock_guard lock(mutex_);
    return broken_;
  }

 private:
  std::shared_ptr<store::Snapshot> snapshot_;
  std::string prefix_;
  std::atomic<bool> cancelled_{false};
  mutable std::mutex mutex_;
  uint64_t pieces_ = 0;
  std::optional<base::Error> broken_;
};

}  // namespace

std::unique_ptr<Source> MakeStoreSource(std::shared_ptr<store::Snapshot> snapshot, std::string name_prefix) {
  return std::make_unique<StoreSource>(std::move(snapshot), std::move(name_prefix));
}

}  // namespace dicomhouse::transfer
