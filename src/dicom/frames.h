// Frames of pixel data, and values of an instance by their place: where their bytes are, without decoding them (PS3.5 §8, annex
// A).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dicom/byte_source.h"
#include "dicom/instance.h"

namespace dicomhouse::dicom {

// `length` bytes of an instance from `offset` on. Offsets of a deflated instance count inflated bytes (Instance::inflated).
struct ByteSpan {
  uint64_t offset = 0;
  uint64_t length = 0;
};

// Takes bytes in their order.
using ByteSink = std::function<base::Status(std::string_view bytes)>;

// The bytes of a whole instance as its offsets count them: `source` itself, or what a deflated one inflates to. `source` and
// `instance` must outlive it; it is read front to back.
std::unique_ptr<ByteSource> OpenValues(ByteSource& source, const Instance& instance);

// Writes the bytes of `spans`. `swap`: 2, 4 or 8: each word of so many bytes is turned round; 1: none is.
// Errors: kCorrupt: the source ends before they do; those of source and sink.
base::Status CopySpans(ByteSource& source, std::span<const ByteSpan> spans, uint32_t swap, const ByteSink& sink);

// A value that DICOM JSON refers to by its path ("7FE00010", "00081140/2/00081155"; DicomJsonOptions::bulk_uri).
struct ValuePlace {
  Vr vr = Vr::kNone;  // as written, kNone in implicit VR
  ByteSpan bytes;     // with `fragments`: of what was read of the items; see FrameIndex
  bool fragments = false;
  uint32_t swap = 1;  // to little endian
  bool cut = false;   // the instance ends inside
};
// Errors: kInvalidArgument: no path; kNotFound: no such element.
base::Result<ValuePlace> FindValue(Instance& instance, std::string_view path);

// The pixel data of one instance: Pixel Data, Float Pixel Data or Double Float Pixel Data.
class FrameIndex {
 public:
  // Errors: kNotFound: no pixel data; kCorrupt: attributes that are missing, impossible, or don't fit the bytes.
  static base::Result<FrameIndex> Make(const Instance& instance);

  uint64_t frames() const { return frames_; }
  bool encapsulated() const { return encapsulated_; }

  // Finds all frames of encapsulated pixel data by the extended or basic offset table, or because each has one fragment.
  // To be called once before Write; reads item headers only. Errors: kCorrupt; kUnsupported: fragments that no table attributes
  // to frames.
  base::Status Locate(ByteSource& values, const Instance& instance);
  // Bytes of a frame (from 0): of native ones in little endian, each beginning at a byte.
  uint64_t FrameBytes(uint64_t frame) const;
  // Whether Write will have bytes to write: by all lengths, and where the instance ends inside the value by a look at the frame's
  // last byte. Requires, as the two around it: frame < frames(). Errors: kCorrupt: the value is too short; kUnsupported; kIo.
  base::Status Check(ByteSource& values, uint64_t frame) const;
  base::Status Write(ByteSource& values, uint64_t frame, const ByteSink& sink) const;

 private:
  base::Status ReadItems(ByteSource& values, uint64_t offset, bool big_endian);
  base::Status Attribute(const Instance& instance);
  base::Status CheckLengths(uint64_t frame) const;
  base::Status AttributeByOffsets(std::span<const uint64_t> offsets);

  bool encapsulated_ = false;
  uint64_t frames_ = 1;
  uint32_t swap_ = 1;
  // Native.
  ByteSpan value_;
  bool cut_ = false;  // the instance ends inside it
  uint64_t frame_bits_ = 0;
  // Encapsulated.
  std::string offset_table_;           // bytes of the first item
  uint64_t first_fragment_ = 0;        // offset of the first item behind it, its header
  std::vector<ByteSpan> fragments_;    // without item headers
  std::vector<size_t> frame_begins_;   // index of each frame's first fragment, and one behind the last
  std::vector<uint64_t> frame_bytes_;  // by the extended offset table's lengths, else empty
};

}  // namespace dicomhouse::dicom
