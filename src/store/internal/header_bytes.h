// The header bytes of an instance as they are kept beside it: all of it but the large values that nobody will want, so that an
// export reads headers one behind the other and never touches pixel data. docs/data-format.md has the form.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dicom/byte_source.h"
#include "dicom/instance.h"

namespace dicomhouse::store {

// Counts the changes of what InstanceReader leaves out. Kept with the bytes: a reader that wants more gets it from the
// instance, so that bytes of an old policy stay right, and are only slower.
inline constexpr uint16_t kHeaderPolicy = 1;

// A stretch of the instance that is among the header bytes.
struct Extent {
  uint64_t offset = 0;  // in the instance
  uint64_t length = 0;
  uint64_t at = 0;  // in the header bytes
};

struct HeaderBytes {
  uint64_t instance_bytes = 0;
  std::vector<Extent> extents;  // ascending, without overlaps, none empty, all within the instance
  std::string_view bytes;       // of all extents
};

// What is kept of `header`, which was read from `source`, whose size is `instance_bytes`. Errors: those of reading the source.
base::Result<std::string> EncodeHeader(const dicom::Instance& header, dicom::ByteSource& source, uint64_t instance_bytes);

// Takes apart what EncodeHeader made; views into `payload`. Total. Errors: kCorrupt.
base::Result<HeaderBytes> DecodeHeader(std::string_view payload);

// Reads an instance's bytes with reading ahead kept short, so that what InstanceReader leaves out is never loaded.
class ThriftySource final : public dicom::ByteSource {
 public:
  explicit ThriftySource(dicom::ByteSource& source) : source_(&source) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override { return source_->ReadAt(offset, out); }
  uint64_t AtHand(uint64_t offset) const override;

 private:
  dicom::ByteSource* source_;
};

// An instance whose header bytes are at hand; all else comes from `open_blob`, which is called when it is first needed.
class HeaderSource final : public dicom::ByteSource {
 public:
  using OpenBlob = std::function<base::Result<std::unique_ptr<dicom::ByteSource>>()>;
  // Errors: kCorrupt.
  static base::Result<std::unique_ptr<HeaderSource>> Make(std::string payload, OpenBlob open_blob);

  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override;
  uint64_t AtHand(uint64_t offset) const override;

 private:
  HeaderSource() = default;
  // The extent that contains `offset`, or the next behind it, or the end of the list.
  size_t FindExtent(uint64_t offset) const;
  base::Result<size_t> ReadGap(uint64_t offset, std::span<uint8_t> out);

  std::string payload_;
  HeaderBytes header_;
  OpenBlob open_blob_;
  std::unique_ptr<dicom::ByteSource> blob_;
};

}  // namespace dicomhouse::store
