// A deflated data set (PS3.5 §A.5) as a source of inflated bytes.
#pragma once

#include <memory>

#include "dicom/byte_source.h"

namespace dicomhouse::dicom {

// Reads raw deflate data of `source` from `offset` on. Stops at base::kMaxInflatedBytes with kLimit; broken data is kCorrupt.
// Reads compressed bytes only as far as inflated ones are asked for.
class InflateSource final : public ByteSource {
 public:
  InflateSource(ByteSource& source, uint64_t offset);
  ~InflateSource() override;
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override;
  uint64_t bytes_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dicomhouse::dicom
