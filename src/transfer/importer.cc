#include "transfer/importer.h"

#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "transfer/internal/failure.h"
#include "transfer/internal/workers.h"

namespace dicomhouse::transfer {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;

// What the threads of one import share.
class Job {
 public:
  Job(Source& source_to_read, store::Instances& into, int64_t store_id, const ImportOptions& import_options, Progress& shown,
      const FailureSink& on_failure)
      : source(source_to_read),
        instances(into),
        store(store_id),
        options(import_options),
        progress(shown),
        stop(source_to_read, shown, "stopped before the end: what was stored until then stays"),
        on_failure_(on_failure) {}

  Source& source;
  store::Instances& instances;
  const int64_t store;
  const ImportOptions& options;
  Progress& progress;
  Stop stop;

  void SayFailure(const std::string& path, const std::string& text) {
    ++progress.failures;
    const std::lock_guard lock(mutex_);
    if (on_failure_) on_failure_(path, text);
  }
  // Returns whether the conflict counts as done.
  bool SayConflict(const std::string& path, const std::string& text) {
    if (!options.on_conflict) {
      SayFailure(path, text);
      return false;
    }
    const std::lock_guard lock(mutex_);
    options.on_conflict(path, text);
    return true;
  }
  void Add(const ImportReport& part) {
    const std::lock_guard lock(mutex_);
    report_.files += part.files;
    report_.stored += part.stored;
    report_.replaced += part.replaced;
    report_.same += part.same;
    report_.conflicts += part.conflicts;
    report_.skipped += part.skipped;
    report_.failed += part.failed;
    report_.bytes += part.bytes;
  }
  base::Result<ImportReport> Finish() {
    DH_CHECK(stop.Outcome());
    for (const Source::Problem& problem : source.problems()) {
      ++report_.files;
      ++report_.failed;
      SayFailure(problem.path, FailureOf(problem.path, problem.error).text);
    }
    return report_;
  }

 private:
  const FailureSink& on_failure_;
  std::mutex mutex_;
  ImportReport report_;
};

// One thread's part of the job: reads instances, and stores them in groups, because a group costs one sync.
class Worker {
 public:
  explicit Worker(Job& job) : job_(&job), buffer_(kReadBytes) {}

  void Run() {
    Piece piece;
    while (!job_->stop.requested() && job_->source.Next(piece)) {
      for (size_t i = 0; i < piece.files.size() && !job_->stop.requested(); ++i) File(piece.files[i]);
      if (piece.archive != nullptr) Archive(*piece.archive);
    }
    if (!job_->stop.requested()) Commit();
    job_->Add(counts_);
  }

 private:
  void File(const std::string& path) {
    auto file = base::InputFile::Open(path);
    if (!file.ok()) {
      ++counts_.files;
      return Fail(path, file.error());
    }
    dicom::FileSource bytes(*file);
    Read(bytes, path);
    if (group_.size() >= base::kMaxGroupInstances || group_bytes_ >= base::kMaxGroupBytes) Commit();
  }

  void Archive(ArchiveReader& archive) {
    while (!job_->stop.requested()) {
      const auto more = archive.Next([&](ArchiveEntry& entry) { Read(entry, entry.name()); });
      if (!more.ok()) {
        ++counts_.files;
        Fail(archive.name(), more.error());
        continue;
      }
      if (!*more) return;
      if (group_.size() >= base::kMaxGroupInstances || group_bytes_ >= base::kMaxGroupBytes) Commit();
    }
  }

  // Brings the bytes into the store's hands; the group gets the instance when it is one.
  void Read(dicom::ByteSource& bytes, const std::string& path) {
    ++counts_.files;
    ++job_->progress.files;
    auto incoming = job_->instances.Begin(job_->store);
    if (!incoming.ok()) return job_->stop.Fail(incoming.error());
    uint64_t size = 0;
    while (true) {
      const auto count = bytes.ReadAt(size, buffer_);
      if (!count.ok()) return Fail(path, count.error());
      if (*count == 0) break;
      if (const auto status = (*incoming)->Append(std::span(buffer_).first(*count)); !status.ok()) {
        return job_->stop.Fail({status.error().code, path + ": " + status.error().message});
      }
      size += *count;
    }
    counts_.bytes += size;
    job_->progress.bytes += size;
    if (const auto status = (*incoming)->Finish(); !status.ok()) return Refused(path, status.error());
    group_bytes_ += size;
    group_.push_back(*std::move(incoming));
    paths_.push_back(path);
  }

  // Folders hold all sorts of files: what does not look like DICOM is passed over, what does is a failure.
  void Refused(const std::string& path, const base::Error& error) {
    if (error.code == base::ErrorCode::kUnsupported && !job_->options.only_dicom) {
      ++counts_.skipped;
    } else {
      Fail(path, error);
    }
  }

  void Fail(const std::string& path, const base::Error& error) {
    ++counts_.failed;
    job_->SayFailure(path, FailureOf(path, error).text);
  }

  void Commit() {
    if (group_.empty()) return;
    const auto outcomes = job_->instances.Commit(group_, job_->options.on_existing);
    if (!outcomes.ok()) return job_->stop.Fail(outcomes.error());
    for (size_t i = 0; i < outcomes->size(); ++i) Count((*outcomes)[i], i);
    group_.clear();
    paths_.clear();
    group_bytes_ = 0;
  }

  void Count(store::Stored outcome, size_t index) {
    switch (outcome) {
      case store::Stored::kStored:
        ++counts_.stored;
        break;
      case store::Stored::kReplaced:
        ++counts_.replaced;
        break;
      case store::Stored::kSame:
        ++counts_.same;
        break;
      case store::Stored::kConflict:
        ++counts_.conflicts;
        if (!job_->SayConflict(paths_[index], "other bytes are stored under SOP Instance UID " + group_[index]->key().instance)) {
          return;
        }
        break;
    }
    ++job_->progress.instances;
  }

  Job* job_;
  std::vector<uint8_t> buffer_;
  std::vector<std::unique_ptr<store::Incoming>> group_;
  std::vector<std::string> paths_;  // of the group
  uint64_t group_bytes_ = 0;
  ImportReport counts_;
};

}  // namespace

base::Result<ImportReport> Import(Source& source, store::Instances& instances, int64_t store, const ImportOptions& options,
                                  Progress& progress, const FailureSink& on_failure) {
  Job job(source, instances, store, options, progress, on_failure);
  RunWorkers<Worker>(job, options.threads);
  return job.Finish();
}

}  // namespace dicomhouse::transfer
