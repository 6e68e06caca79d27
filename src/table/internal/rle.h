// Parquet's hybrid of run lengths and bit packing ("RLE / Bit-Packing Hybrid"), fed with runs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace dicomhouse::table::internal {

class RleEncoder {
 public:
  // `bit_width`: 0 to 32. With 0 all values are 0 and nothing is written.
  void Start(int bit_width) {
    width_ = bit_width;
    out_.clear();
    literals_ = 0;
    run_count_ = 0;
  }
  void Add(uint32_t value, uint64_t count = 1) {
    if (value == run_value_ && run_count_ > 0) {
      run_count_ += count;
      return;
    }
    EndRun();
    run_value_ = value;
    run_count_ = count;
  }
  const std::string& Finish() {
    EndRun();
    while (literals_ % 8 != 0) literal_[literals_++] = 0;  // padding: readers know how many values there are
    WriteLiterals();
    return out_;
  }
  size_t size() const { return out_.size(); }

 private:
  void EndRun() {
    while (run_count_ > 0 && literals_ % 8 != 0) PushLiteral(run_value_);
    if (run_count_ >= 8) {
      WriteLiterals();
      Varint(run_count_ << 1);
      for (int i = 0; i < (width_ + 7) / 8; ++i) out_ += static_cast<char>(run_value_ >> 8 * i);
      run_count_ = 0;
    }
    while (run_count_ > 0) PushLiteral(run_value_);
  }
  void PushLiteral(uint32_t value) {
    literal_[literals_++] = value;
    --run_count_;
    if (literals_ == literal_.size()) WriteLiterals();
  }
  void WriteLiterals() {
    if (literals_ == 0) return;
    Varint(uint64_t{literals_ / 8} << 1 | 1);
    uint64_t bits = 0;
    int have = 0;
    for (uint32_t i = 0; i < literals_; ++i) {
      bits |= uint64_t{literal_[i]} << have;
      for (have += width_; have >= 8; have -= 8, bits >>= 8) out_ += static_cast<char>(bits);
    }
    literals_ = 0;
  }
  void Varint(uint64_t value) {
    for (; value >= 128; value >>= 7) out_ += static_cast<char>(value | 128);
    out_ += static_cast<char>(value);
  }

  int width_ = 0;
  uint32_t run_value_ = 0;
  uint64_t run_count_ = 0;
  uint32_t literals_ = 0;
  std::array<uint32_t, 504> literal_{};
  std::string out_;
};

}  // namespace dicomhouse::table::internal
