#include "transfer/internal/object_source.h"

#include <array>
#include <deque>
#include <mutex>
#include <utility>

#include "base/limits.h"
#include "transfer/internal/archive.h"

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::Result;

class ObjectBytes final : public dicom::ByteSource {
 public:
  explicit ObjectBytes(std::unique_ptr<store::ObjectReader> reader) : reader_(std::move(reader)) {}
  Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override { return reader_->ReadAt(offset, out); }

 private:
  std::unique_ptr<store::ObjectReader> reader_;
};

// One object as its visitor sees it; or in place of one that can't be had, an error that every read gives.
class ObjectEntry final : public ArchiveEntry {
 public:
  ObjectEntry(std::string name, uint64_t number, store::ObjectReader& reader)
      : name_(std::move(name)), number_(number), reader_(&reader) {}
  ObjectEntry(std::string name, uint64_t number, Error error)
      : name_(std::move(name)), number_(number), error_(std::move(error)) {}

  const std::string& name() const override { return name_; }
  uint64_t number() const override { return number_; }
  uint64_t size() const override { return reader_ == nullptr ? 0 : reader_->object().size; }
  int64_t modified_ns() const override { return reader_ == nullptr ? 0 : reader_->object().created_us * 1000; }
  Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    if (reader_ == nullptr) return error_;
    return reader_->ReadAt(offset, out);
  }

 private:
  std::string name_;
  uint64_t number_;
  store::ObjectReader* reader_ = nullptr;
  Error error_;
};

// Some objects, one after the other: what a worker takes at once.
class ObjectBatch final : public ArchiveReader {
 public:
  ObjectBatch(store::Objects& objects, std::vector<store::ObjectUri> uris, std::atomic<int64_t>& expected,
              std::shared_ptr<const std::atomic<bool>> cancelled)
      : objects_(&objects), uris_(std::move(uris)), expected_(&expected), cancelled_(std::move(cancelled)) {}

  const std::string& name() const override { return name_; }

  Result<bool> Next(const std::function<void(ArchiveEntry&)>& visit) override {
    const std::lock_guard lock(mutex_);
    while (!cancelled_->load(std::memory_order_relaxed)) {
      if (inside_ != nullptr) {
        if (NextInside(visit)) return true;
        inside_.reset();
        continue;
      }
      if (at_ >= uris_.size()) return false;
      const store::ObjectUri& uri = uris_[at_++];
      auto reader = objects_->Read(uri.bucket, uri.object);
      if (!reader.ok()) {
        ObjectEntry failed(uri.Text(), count_++, reader.error());
        visit(failed);
        return true;
      }
      if (Enter(uri, *reader)) continue;
      ObjectEntry entry(uri.Text(), count_++, **reader);
      visit(entry);
      return true;
    }
    return false;
  }

 private:
  // Opens an object that is an archive. Its entries are what counts, not itself.
  bool Enter(const store::ObjectUri& uri, std::unique_ptr<store::ObjectReader>& reader) {
    std::array<uint8_t, kArchiveMagicBytes> start{};
    const auto got = reader->ReadAt(0, start);
    if (!got.ok() || !IsArchiveStart({reinterpret_cast<const char*>(start.data()), *got})) return false;
    const uint64_t size = reader->object().size;
    inside_ = MakeArchiveOf(uri.Text(), MakeObjectBytes(std::move(reader)), size, cancelled_);
    --*expected_;
    return true;
  }

  // False: the archive has been read. One that is broken is told by an entry that can't be read.
  bool NextInside(const std::function<void(ArchiveEntry&)>& visit) {
    ++*expected_;
    const auto more = inside_->Next(visit);
    if (!more.ok()) {
      ObjectEntry failed(uris_[at_ - 1].Text(), count_++, more.error());
      visit(failed);
      return true;
    }
    if (!*more) --*expected_;
    return *more;
  }

  store::Objects* objects_;
  const std::string name_ = "gs://";  // no error is about all of it
  const std::vector<store::ObjectUri> uris_;
  std::atomic<int64_t>* expected_;
  const std::shared_ptr<const std::atomic<bool>> cancelled_;
  std::mutex mutex_;
  size_t at_ = 0;
  uint64_t count_ = 0;
  std::shared_ptr<ArchiveFile> inside_;
};

class ObjectSource final : public Source {
 public:
  ObjectSource(store::Objects& objects, std::string bucket, store::ObjectPattern pattern, std::atomic<int64_t>& expected)
      : objects_(&objects), bucket_(std::move(bucket)), pattern_(std::move(pattern)), expected_(&expected) {}

  bool Next(Piece& piece) override {
    const std::lock_guard lock(mutex_);
    while (waiting_.empty() && !listed_ && !*cancelled_) ListMore();
    if (waiting_.empty() || *cancelled_) return false;
    std::vector<store::ObjectUri> batch;
    while (batch.size() < kBatch && !waiting_.empty()) {
      batch.push_back({bucket_, std::move(waiting_.front())});
      waiting_.pop_front();
    }
    piece.number = pieces_++;
    piece.files.clear();
    piece.archive = std::make_shared<ObjectBatch>(*objects_, std::move(batch), *expected_, cancelled_);
    return true;
  }

  void Cancel() override { *cancelled_ = true; }
  uint64_t files_found() const override { return found_; }
  bool listing_done() const override { return listed_; }
  std::vector<Problem> problems() const override {
    const std::lock_guard lock(mutex_);
    return problems_;
  }

 private:
  static constexpr size_t kBatch = 64;

  void ListMore() {
    auto listing = objects_->List(bucket_, pattern_.prefix(), "", {base::kMaxPageSize, token_});
    if (!listing.ok()) {
      problems_.push_back({"gs://" + bucket_, listing.error()});
      listed_ = true;
      return;
    }
    for (store::Object& object : listing->objects) {
      if (!pattern_.Matches(object.name)) continue;
      waiting_.push_back(std::move(object.name));
      ++found_;
      ++*expected_;
    }
    token_ = listing->next;
    if (token_.empty()) listed_ = true;
  }

  store::Objects* objects_;
  const std::string bucket_;
  const store::ObjectPattern pattern_;
  std::atomic<int64_t>* expected_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
  std::atomic<uint64_t> found_ = 0;
  std::atomic<bool> listed_ = false;
  mutable std::mutex mutex_;  // of all that follows
  std::string token_;
  std::deque<std::string> waiting_;
  uint64_t pieces_ = 0;
  std::vector<Problem> problems_;
};

}  // namespace

std::unique_ptr<dicom::ByteSource> MakeObjectBytes(std::unique_ptr<store::ObjectReader> reader) {
  return std::make_unique<ObjectBytes>(std::move(reader));
}

std::unique_ptr<Source> MakeObjectSource(store::Objects& objects, std::string bucket, store::ObjectPattern pattern,
                                         std::atomic<int64_t>& expected) {
  return std::make_unique<ObjectSource>(objects, std::move(bucket), std::move(pattern), expected);
}

}  // namespace dicomhouse::transfer
