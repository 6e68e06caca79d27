// zlib in one call, for test data.
#pragma once

#include <zlib.h>

#include <string>

namespace dicomhouse::test_support {

// `window_bits` as deflateInit2 has them: they say the form too. "" when zlib fails.
inline std::string Compress(const std::string& bytes, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT: zlib's interface
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// Raw deflate, without a header or checksum.
inline std::string Deflate(const std::string& bytes) { return Compress(bytes, -MAX_WBITS); }
inline std::string Gzip(const std::string& bytes) { return Compress(bytes, 16 + MAX_WBITS); }

}  // namespace dicomhouse::test_support
