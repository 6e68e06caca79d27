// The paths of many files in their order, in little memory: each as what it has beyond the one before. Files of a folder differ
// in a few bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace dicomhouse::transfer {

class PathList {
 public:
  PathList() = default;
  // What bytes() of another one said.
  explicit PathList(std::string bytes) : bytes_(std::move(bytes)) {}

  void Add(std::string_view path) {
    const size_t shared = Shared(path);
    AppendNumber(shared);
    AppendNumber(path.size() - shared);
    bytes_.append(path.substr(shared));
    last_.resize(shared);
    last_.append(path.substr(shared));
  }
  const std::string& bytes() const { return bytes_; }
  void Clear() {
    bytes_.clear();
    last_.clear();
  }

  // Calls `visit(index, path)` for each.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    std::string path;
    size_t at = 0;
    for (size_t i = 0; at < bytes_.size(); ++i) {
      path.resize(NumberAt(at));
      const size_t size = NumberAt(at);
      path.append(bytes_, at, size);
      at += size;
      visit(i, path);
    }
  }

 private:
  // Bytes that the path has in common with the last one.
  size_t Shared(std::string_view path) const {
    const size_t most = path.size() < last_.size() ? path.size() : last_.size();
    size_t same = 0;
    while (same + 8 <= most && std::memcmp(path.data() + same, last_.data() + same, 8) == 0) same += 8;
    while (same < most && path[same] == last_[same]) ++same;
    return same;
  }
  // Seven bits at a time, the lowest first.
  void AppendNumber(size_t number) {
    for (; number >= 128; number >>= 7) bytes_ += static_cast<char>(number | 128);
    bytes_ += static_cast<char>(number);
  }
  size_t NumberAt(size_t& at) const {
    size_t number = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_[at++]);
      number |= static_cast<size_t>(byte & 127) << shift;
      if (byte < 128) return number;
    }
  }

  std::string bytes_;
  std::string last_;
};

}  // namespace dicomhouse::transfer
