// Where pages of searches ended, so that the next page begins there: SQL's OFFSET steps over all that is in front, which at the
// end of a million instances takes half a second. What is forgotten is stepped over again. Only for searches without conditions:
// of those, rows that are added come behind all others; where rows go, offsets mean other rows and all is forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace dicomhouse::store {

// Thread-safe.
class PageEnds {
 public:
  // The row behind which the page begins that `key` names: the search with its offset.
  std::optional<int64_t> Find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(key);
    return found == rows_.end() ? std::nullopt : std::optional<int64_t>(found->second);
  }
  // Changes when rows go.
  uint64_t generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
  }
  // `generation`: what it was before the search.
  void Remember(std::string key, int64_t row, uint64_t generation) {
    if (key.size() > kMaxKeyBytes) return;
    const std::lock_guard lock(mutex_);
    if (generation != generation_ || !rows_.insert_or_assign(key, row).second) return;
    order_.push_back(std::move(key));
    if (order_.size() <= kMaxPages) return;
    rows_.erase(order_.front());
    order_.pop_front();
  }

  void Forget() {
    const std::lock_guard lock(mutex_);
    ++generation_;
    rows_.clear();
    order_.clear();
  }

 private:
  static constexpr size_t kMaxPages = 1024;
  static constexpr size_t kMaxKeyBytes = 4096;

  mutable std::mutex mutex_;
  uint64_t generation_ = 0;
  std::unordered_map<std::string, int64_t> rows_;
  std::deque<std::string> order_;  // the oldest first
};

}  // namespace dicomhouse::store
