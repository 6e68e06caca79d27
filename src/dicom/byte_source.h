// Where the bytes of one instance come from: a file, an archive's entry, a header segment of a store, memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/file.h"
#include "base/result.h"

namespace dicomhouse::dicom {

// Read by one thread, front to back: offsets of consecutive calls never decrease (bytes between may be skipped), so that
// a stream can be a source too.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Reads up to out.size() bytes at `offset`; fewer only at the end. Returns the number read.
  virtual base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) = 0;
  // How many bytes from `offset` on are at hand: reading ahead stops behind them, reading what is needed does not.
  virtual uint64_t AtHand(uint64_t offset) const {
    (void)offset;
    return ~uint64_t{0};
  }
};

class FileSource final : public ByteSource {
 public:
  explicit FileSource(const base::InputFile& file) : file_(&file) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override { return file_->ReadOnceAt(offset, out); }

 private:
  const base::InputFile* file_;
};

// Bytes that somebody else keeps alive.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    if (offset >= bytes_.size()) return size_t{0};
    const size_t count = std::min<size_t>(out.size(), bytes_.size() - static_cast<size_t>(offset));
    if (count > 0) std::memcpy(out.data(), bytes_.data() + offset, count);
    return count;
  }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace dicomhouse::dicom
