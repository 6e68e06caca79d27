// Compressed bytes as plain ones, as far as they can be had. Private to transfer.
//
// libarchive's own filters lose what they have in their buffer when the bytes end early or are damaged: up to 64 kB, and all of a
// small archive. Here everything in front of the fault is given out first.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "dicom/byte_source.h"

namespace dicomhouse::transfer {

enum class Packing { kNone, kGzip, kZstd };

// Bytes from the start that tell the packing.
inline constexpr size_t kPackingBytes = 4;
Packing PackingOf(std::string_view start);

// The plain bytes behind `packed`, which outlives the result; gzip's members and zstd's frames one after the other, checksums
// compared. What stands behind a gzip stream and is none is left alone, as gzip does. For one thread; each read goes on where the
// last one ended. Errors: kCorrupt, beginning with `name`; those of `packed`. Requires: a packing.
std::unique_ptr<dicom::ByteSource> MakeUnpacked(std::string name, dicom::ByteSource& packed, Packing packing);

}  // namespace dicomhouse::transfer
