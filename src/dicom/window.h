// The bytes of one instance that are in memory: all of its header, without the values that nobody will want.
//
// Bytes are fetched from the source as far as the walk asks. A large unwanted value that lies beyond what is loaded is not
// read: the window leaves a gap there and continues behind it. Positions count bytes in the window, offsets bytes in the
// source; a Cursor knows both.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/sha256.h"
#include "dicom/byte_source.h"

namespace dicomhouse::dicom {

// A value that was left out: `length` bytes of the source are missing in front of `position`.
struct Gap {
  uint32_t position = 0;
  uint64_t length = 0;
};

class Window {
 public:
  // Forgets everything and reads from `source` (which must outlive the reading) from its byte `offset` on. `first_bytes` are
  // asked for at once.
  void Open(ByteSource& source, uint64_t offset, size_t first_bytes);
  // No more bytes can come; what is loaded stays. The source may go away.
  void Detach() { source_ = nullptr; }
  // Puts `bytes` into the window instead (an inflated data set, a test).
  void Assign(std::span<const uint8_t> bytes);

  const uint8_t* data() const { return bytes_.data(); }
  size_t size() const { return size_; }
  const std::vector<Gap>& gaps() const { return gaps_; }

  // Whether bytes [0, end) are loaded; fetches them when they can be had.
  bool Ensure(uint64_t end) { return end <= size_ || Fetch(end); }
  // Leaves out `length` bytes of the source at `position`, which must not be loaded wholly; loaded ones are cut off.
  // False: the source ends inside. That is looked for in the source only when `check_end`. `value`: where the value begins that
  // they are a part of.
  bool LeaveOut(uint32_t position, uint64_t length, bool check_end, uint32_t value);

  // Whether the bytes of left-out values are read all the same, from the next Open on, so that DigestOf knows them.
  void HashLeftOut(bool wanted) { hashing_ = wanted; }
  // The SHA-256 of the value that stands at [begin, end), with all that was left out of it. Nothing when some of it was not read.
  std::optional<base::Sha256Digest> DigestOf(uint32_t begin, uint32_t end) const;

  // The source's offset of position 0.
  uint64_t origin() const { return origin_; }
  uint64_t bytes_read() const { return bytes_read_; }
  // Why Ensure last failed, when it was not the end of the source.
  const std::optional<base::Error>& error() const { return error_; }

 private:
  // Of a value of which parts were left out: the hash of its bytes up to behind the last of these.
  struct Hashed {
    uint32_t value = 0;  // where it begins
    uint32_t end = 0;    // in the window, in front of it all is hashed
    bool whole = true;   // all bytes of the source came
    base::Sha256 hash;
  };

  bool Fetch(uint64_t end);
  bool HashUpTo(uint32_t position, uint64_t length, uint32_t value);

  ByteSource* source_ = nullptr;
  uint64_t origin_ = 0;    // the source's offset of position 0
  uint64_t left_out_ = 0;  // sum of the gaps
  uint64_t bytes_read_ = 0;
  bool at_end_ = false;
  size_t size_ = 0;  // loaded bytes; bytes_ is larger, so that memory is kept and never cleared
  std::vector<uint8_t> bytes_;
  std::vector<Gap> gaps_;
  bool hashing_ = false;
  std::vector<Hashed> hashed_;  // in the order of the walk
  std::vector<uint8_t> piece_;  // of what is hashed, but not kept
  std::optional<base::Error> error_;
};

}  // namespace dicomhouse::dicom
