// Random numbers that are the same everywhere: the standard library's distributions differ between implementations.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace make_dicom {

class Random {
 public:
  // Streams of different `stream` are independent, so that threads can share a seed.
  explicit Random(uint64_t seed, uint64_t stream = 0) : state_(seed * 0x9E3779B97F4A7C15u ^ (stream + 1) * 0xD1B54A32D192ED03u) {
    Next();
  }

  // splitmix64
  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  uint64_t Below(uint64_t end) { return end == 0 ? 0 : Next() % end; }
  int Between(int low, int high) { return low + static_cast<int>(Below(static_cast<uint64_t>(high - low + 1))); }
  double Real(double low, double high) { return low + (high - low) * static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  bool Chance(double probability) { return Real(0, 1) < probability; }

  template <typename Container>
  const auto& Pick(const Container& values) {
    return values[static_cast<size_t>(Below(std::size(values)))];
  }

  std::string Bytes(size_t count);
  std::string Digits(size_t count);  // the first is not 0
  // A unique identifier below 2.25, the arc that anyone may use, short enough for suffixes ".NNNN.NNNNNN".
  std::string Uid() { return "2.25." + Digits(32); }

 private:
  uint64_t state_;
};

}  // namespace make_dicom
