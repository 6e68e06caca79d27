// The compressions that Iceberg's metadata comes in. All lengths are checked; every damaged input gives an Error.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace dicomhouse::warehouse {

// RFC 1951 without a header (Avro's "deflate"). `max_bytes`: of the result. Errors: kCorrupt, kLimit.
base::Result<std::string> InflateRaw(std::string_view bytes, size_t max_bytes);
// gzip (RFC 1952), as in v1.gz.metadata.json.
base::Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes);
base::Result<std::string> DecompressZstd(std::string_view bytes, size_t max_bytes);
// Avro's "snappy": a raw snappy block and the CRC-32 of the result, big-endian.
base::Result<std::string> DecompressAvroSnappy(std::string_view bytes, size_t max_bytes);

bool LooksLikeGzip(std::string_view bytes);

}  // namespace dicomhouse::warehouse
