#include "transfer/internal/workers.h"

#include <gtest/gtest.h>

#include <condition_variable>

namespace dicomhouse::transfer {
namespace {

// Has nothing and does not end by itself: Next waits until it is cancelled.
class EndlessSource : public Source {
 public:
  bool Next(Piece&) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return cancelled_; });
    return false;
  }
  void Cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  uint64_t files_found() const override { return 0; }
  bool listing_done() const override { return false; }
  std::vector<Problem> problems() const override { return {}; }
  std::optional<base::Error> broken() const override { return broken_; }

  std::optional<base::Error> broken_;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
};

struct Job {
  EndlessSource source;
  Progress progress;
  Stop stop{source, progress, "stopped by the user"};
  std::atomic<int> begun{0};
};

// The first to begin fails; the others wait for the source.
class Worker {
 public:
  explicit Worker(Job& job) : job_(&job) {}
  void Run() {
    Piece piece;
    if (job_->begun++ == 0) return job_->stop.Fail({base::ErrorCode::kIo, "the disk is full"});
    while (!job_->stop.requested() && job_->source.Next(piece)) continue;
  }

 private:
  Job* job_;
};

TEST(Workers, AnErrorOfOneEndsThoseThatWaitForTheSource) {
  Job job;
  RunWorkers<Worker>(job, 4);
  EXPECT_EQ(job.begun, 4);
  EXPECT_TRUE(job.stop.requested());
  EXPECT_EQ(job.stop.Outcome().error().message, "the disk is full");
}

TEST(Stop, TheFirstErrorCountsBeforeACancellationAndABrokenSource) {
  Job job;
  job.source.broken_ = {base::ErrorCode::kCorrupt, "the source broke"};
  EXPECT_EQ(job.stop.Outcome().error().message, "the source broke");
  job.stop.Fail({base::ErrorCode::kIo, "first"});
  job.stop.Fail({base::ErrorCode::kIo, "second"});
  job.progress.cancelled = true;
  EXPECT_TRUE(job.stop.requested());
  EXPECT_EQ(job.stop.Outcome().error().message, "first");
}

TEST(Stop, ACancellationIsAnErrorThatSaysWhatBecomesOfTheWork) {
  Job job;
  EXPECT_FALSE(job.stop.requested());
  EXPECT_TRUE(job.stop.Outcome().ok());
  job.progress.cancelled = true;
  EXPECT_TRUE(job.stop.requested());
  EXPECT_EQ(job.stop.Outcome().error().code, base::ErrorCode::kCancelled);
  EXPECT_EQ(job.stop.Outcome().error().message, "stopped by the user");
}

}  // namespace
}  // namespace dicomhouse::transfer
