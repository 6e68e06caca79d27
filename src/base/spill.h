// Bytes that are written once, seldom read, and may become too many for memory: the last ones are kept, those before them lie in
// an unnamed file. What stays small never makes a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unnamed_file.h"

namespace dicomhouse::base {

// Not thread-safe.
class Spill {
 public:
  // `memory_bytes`: what may be kept in memory, not counting the last Append.
  explicit Spill(size_t memory_bytes) : memory_bytes_(memory_bytes) {}

  // Behind all bytes before. Errors: kIo: no temporary file, or no room in it; then nothing of `bytes` is there.
  Status Append(std::string_view bytes);
  // In place of bytes that are there. Requires: they are. Errors: kIo.
  Status Overwrite(uint64_t offset, std::string_view bytes);
  // Requires: so many bytes are there. Errors: kIo.
  Status Read(uint64_t offset, std::span<char> out) const;

  uint64_t size() const { return spilled_ + tail_.size(); }

 private:
  const size_t memory_bytes_;
  uint64_t spilled_ = 0;  // bytes in the file
  std::string tail_;      // what follows them
  std::optional<UnnamedFile> file_;
};

}  // namespace dicomhouse::base
