// Who still reads. Bytes that were deleted stay where they are as long as somebody may be reading them.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

namespace dicomhouse::store {

// Thread-safe. A pin may outlive it.
class Pins {
  struct State {
    std::mutex mutex;
    int64_t committed = 0;
    std::multiset<int64_t> numbers;
  };

 public:
  // Held by whoever reads: bytes that go with a later change stay.
  class Pin {
   public:
    // With the state's lock held.
    explicit Pin(std::shared_ptr<State> state) : state_(std::move(state)), place_(state_->numbers.insert(state_->committed)) {}
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() {
      const std::lock_guard lock(state_->mutex);
      state_->numbers.erase(place_);
    }

   private:
    std::shared_ptr<State> state_;
    std::multiset<int64_t>::iterator place_;
  };

  // To be taken before looking up what is going to be read.
  std::shared_ptr<Pin> Take() {
    const std::lock_guard lock(state_->mutex);
    return std::make_shared<Pin>(state_);
  }
  // All changes up to `number` are committed.
  void Committed(int64_t number) {
    const std::lock_guard lock(state_->mutex);
    state_->committed = number;
  }
  // What went with this change, or an earlier one, nobody reads any more.
  int64_t Oldest() const {
    const std::lock_guard lock(state_->mutex);
    return state_->numbers.empty() ? std::numeric_limits<int64_t>::max() : *state_->numbers.begin();
  }

 private:
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace dicomhouse::store
