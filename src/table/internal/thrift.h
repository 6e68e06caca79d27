// Thrift's compact protocol, the writing half that Parquet's footer and page headers need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dicomhouse::table::internal {

class ThriftWriter {
 public:
  void I32(int id, int32_t value) {
    Header(id, 5);
    ZigZag(value);
  }
  void I64(int id, int64_t value) {
    Header(id, 6);
    ZigZag(value);
  }
  void Bool(int id, bool value) { Header(id, value ? 1 : 2); }
  void Text(int id, std::string_view value) {
    Header(id, 8);
    Bytes(value);
  }
  void BeginStruct(int id) {
    Header(id, 12);
    Push();
  }
  void EndStruct() {
    out_ += '\0';
    last_ = stack_.back();
    stack_.pop_back();
  }
  // Then `count` elements: BeginElement ... EndStruct, ElementI32 or ElementText.
  void BeginList(int id, size_t count, int element_type) {
    Header(id, 9);
    if (count < 15) {
      out_ += static_cast<char>(count << 4 | static_cast<size_t>(element_type));
    } else {
      out_ += static_cast<char>(0xF0 | element_type);
      Varint(count);
    }
  }
  void BeginElement() { Push(); }
  void ElementI32(int32_t value) { ZigZag(value); }
  void ElementText(std::string_view value) { Bytes(value); }
  // Ends the outermost struct.
  void Finish() { out_ += '\0'; }
  const std::string& bytes() const { return out_; }

  static constexpr int kI32 = 5;
  static constexpr int kText = 8;
  static constexpr int kStruct = 12;

 private:
  void Push() {
    stack_.push_back(last_);
    last_ = 0;
  }
  void Varint(uint64_t value) {
    for (; value >= 128; value >>= 7) out_ += static_cast<char>(value | 128);
    out_ += static_cast<char>(value);
  }
  void ZigZag(int64_t value) { Varint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63)); }
  void Bytes(std::string_view value) {
    Varint(value.size());
    out_.append(value);
  }
  void Header(int id, int type) {
    const int delta = id - last_;
    if (delta > 0 && delta < 16) {
      out_ += static_cast<char>(delta << 4 | type);
    } else {
      out_ += static_cast<char>(type);
      ZigZag(id);
    }
    last_ = id;
  }

  std::string out_;
  int last_ = 0;
  std::vector<int> stack_;
};

}  // namespace dicomhouse::table::internal
