// Who still reads. Bytes that were deleted stay where they are as long as somebody may be reading them.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <set>

namespace dicomhouse::store {

// Thread-safe. Outlives its pins.
class Pins {
 public:
  // Held by whoever reads: bytes that go with a later change stay.
  class Pin {
   public:
    Pin(Pins& pins, int64_t number) : pins_(&pins), number_(number) {}
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() { pins_->Drop(number_); }

   private:
    Pins* pins_;
    int64_t number_;
  };

  // To be taken before looking up what is going to be read.
  std::shared_ptr<Pin> Take() {
    const std::lock_guard lock(mutex_);
    numbers_.insert(committed_);
    return std::make_shared<Pin>(*this, committed_);
  }
  // All changes up to `number` are committed.
  void Committed(int64_t number) {
    const std::lock_guard lock(mutex_);
    committed_ = number;
  }
  // What went with this change, or an earlier one, nobody reads any more.
  int64_t Oldest() const {
    const std::lock_guard lock(mutex_);
    return numbers_.empty() ? std::numeric_limits<int64_t>::max() : *numbers_.begin();
  }

 private:
  void Drop(int64_t number) {
    const std::lock_guard lock(mutex_);
    numbers_.erase(numbers_.find(number));
  }

  mutable std::mutex mutex_;
  int64_t committed_ = 0;
  std::multiset<int64_t> numbers_;
};

}  // namespace dicomhouse::store
