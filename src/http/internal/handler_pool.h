// Threads that run handlers, one after the other from a queue.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace dicomhouse::http::internal {

// Of the threads that have nothing to do the one that worked last gets the next job: its stack, its heap and what it touched are
// in the processor's caches, and the others' never have to be made where few are needed.
class HandlerPool {
 public:
  explicit HandlerPool(int threads) {
    for (int i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>());
    for (const auto& worker : workers_) worker->thread = std::thread([this, &own = *worker] { Run(own); });
  }
  // Runs what is queued, then ends.
  ~HandlerPool() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      for (const auto& worker : workers_) worker->wake.notify_one();
    }
    for (const auto& worker : workers_) worker->thread.join();
  }
  HandlerPool(const HandlerPool&) = delete;
  HandlerPool& operator=(const HandlerPool&) = delete;

  void Submit(std::function<void()> job) {
    Worker* last = nullptr;
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
      if (idle_.empty()) return;  // whoever ends what it does takes it
      last = idle_.back();
      idle_.pop_back();
      last->called = true;
    }
    last->wake.notify_one();
  }

 private:
  struct Worker {
    std::condition_variable wake;
    bool called = false;
    std::thread thread;
  };

  void Run(Worker& own) {
    std::unique_lock lock(mutex_);
    while (true) {
      while (jobs_.empty()) {
        if (ending_) return;
        own.called = false;
        idle_.push_back(&own);
        own.wake.wait(lock, [&] { return own.called || ending_; });
      }
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::deque<std::function<void()>> jobs_;
  std::vector<Worker*> idle_;  // the one that became so last at the end
  bool ending_ = false;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace dicomhouse::http::internal
