// What the threads of an import or an export have in common: they start together, and the first error stops them all.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "transfer/exporter.h"
#include "transfer/source.h"

namespace dicomhouse::transfer {

// Whether a job goes on. For any number of threads, except Outcome().
class Stop {
 public:
  // `when_cancelled`: what the error says when the user stops the job: what becomes of what is done.
  Stop(Source& source, const Progress& progress, std::string when_cancelled)
      : source_(source), progress_(progress), when_cancelled_(std::move(when_cancelled)) {}

  // The first error stops everybody, those too that wait for the source; later ones are dropped.
  void Fail(base::Error error) {
    {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::move(error);
    }
    requested_ = true;
    source_.Cancel();
  }
  // After an error, or when the user wants no more.
  bool requested() {
    if (progress_.cancelled.load(std::memory_order_relaxed) && !requested_) Fail({base::ErrorCode::kCancelled, when_cancelled_});
    return requested_;
  }
  // The first error, or what kept the source from giving all it has. Requires: all threads have ended.
  base::Status Outcome() const {
    if (error_) return *error_;
    if (const auto broken = source_.broken()) return *broken;
    return {};
  }

 private:
  Source& source_;
  const Progress& progress_;
  const std::string when_cancelled_;
  std::mutex mutex_;
  std::atomic<bool> requested_{false};
  std::optional<base::Error> error_;
};

// Makes one Worker(job) a thread, and returns when the Run() of each has ended. The calling thread is one of them.
template <typename Worker, typename Job>
void RunWorkers(Job& job, int threads) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < std::max(1, threads); ++i) workers.push_back(std::make_unique<Worker>(job));
  std::vector<std::thread> others;
  for (size_t i = 1; i < workers.size(); ++i) others.emplace_back([&worker = *workers[i]] { worker.Run(); });
  workers.front()->Run();
  for (std::thread& thread : others) thread.join();
}

}  // namespace dicomhouse::transfer
