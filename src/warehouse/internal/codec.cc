#include "warehouse/internal/codec.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace dicomhouse::warehouse {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr size_t kPiece = size_t{64} << 10;

Error TooLarge(size_t max_bytes) { return {ErrorCode::kLimit, "inflates to more than " + std::to_string(max_bytes) + " bytes"}; }

Result<std::string> Inflate(std::string_view bytes, size_t max_bytes, int window_bits) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return Error{ErrorCode::kLimit, "no memory to inflate"};
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ends(&stream, &inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());  // callers read at most kMaxMetadataBytes
  std::string out;
  int state = Z_OK;
  while (state != Z_STREAM_END) {
    const size_t have = out.size();
    if (have > max_bytes) return TooLarge(max_bytes);
    out.resize(have + kPiece);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + have);
    stream.avail_out = static_cast<uInt>(kPiece);
    state = inflate(&stream, Z_NO_FLUSH);
    out.resize(have + kPiece - stream.avail_out);
    if (state != Z_OK && state != Z_STREAM_END) return Error{ErrorCode::kCorrupt, "damaged deflate data"};
  }
  if (out.size() > max_bytes) return TooLarge(max_bytes);
  return out;
}

// Reads a snappy block's header: the length of the result as a base-128 number.
bool ReadSnappyLength(std::string_view& in, uint64_t& length) {
  length = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (in.empty()) return false;
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    length |= uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80U) == 0) return true;
  }
  return false;
}

// Takes a little-endian number of `count` bytes (at most 4) off `in`.
bool TakeLittleEndian(std::string_view& in, size_t count, size_t& value) {
  if (in.size() < count) return false;
  value = 0;
  for (size_t i = 0; i < count; ++i) value |= size_t{static_cast<uint8_t>(in[i])} << (8 * i);
  in.remove_prefix(count);
  return true;
}

bool CopyLiteral(std::string_view& in, uint8_t tag, size_t limit, std::string& out) {
  size_t length = tag >> 2U;
  if (length >= 60 && !TakeLittleEndian(in, length - 59, length)) return false;
  ++length;
  if (length > in.size() || length > limit - out.size()) return false;
  out.append(in.substr(0, length));
  in.remove_prefix(length);
  return true;
}

bool CopyEarlier(std::string_view& in, uint8_t tag, size_t limit, std::string& out) {
  size_t length = 0;
  size_t distance = 0;
  if ((tag & 3U) == 1) {
    if (!TakeLittleEndian(in, 1, distance)) return false;
    distance |= size_t{tag & 0xE0U} << 3U;
    length = ((tag >> 2U) & 7U) + 4U;
  } else {
    if (!TakeLittleEndian(in, (tag & 3U) == 2 ? 2 : 4, distance)) return false;
    length = (tag >> 2U) + 1U;
  }
  if (distance == 0 || distance > out.size() || length > limit - out.size()) return false;
  for (size_t i = 0; i < length; ++i) out += out[out.size() - distance];  // may overlap: byte by byte
  return true;
}

}  // namespace

bool LooksLikeGzip(std::string_view bytes) { return bytes.size() > 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

Result<std::string> InflateRaw(std::string_view bytes, size_t max_bytes) { return Inflate(bytes, max_bytes, -MAX_WBITS); }

Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes) { return Inflate(bytes, max_bytes, 16 + MAX_WBITS); }

Result<std::string> DecompressZstd(std::string_view bytes, size_t max_bytes) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), &ZSTD_freeDStream);
  if (stream == nullptr) return Error{ErrorCode::kLimit, "no memory for zstd"};
  std::string out;
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  size_t state = 1;
  bool full = false;  // the decoder may hold more than the last piece took
  while (input.pos < input.size || full) {
    const size_t have = out.size();
    if (have > max_bytes) return TooLarge(max_bytes);
    out.resize(have + kPiece);
    ZSTD_outBuffer output{out.data() + have, kPiece, 0};
    state = ZSTD_decompressStream(stream.get(), &output, &input);
    if (ZSTD_isError(state) != 0)
      return Error{ErrorCode::kCorrupt, std::string("damaged zstd data: ") + ZSTD_getErrorName(state)};
    out.resize(have + output.pos);
    full = output.pos == kPiece && state != 0;  // at a frame's end nothing is held back
  }
  if (state != 0) return Error{ErrorCode::kCorrupt, "damaged zstd data: it ends too early"};
  if (out.size() > max_bytes) return TooLarge(max_bytes);
  return out;
}

Result<std::string> DecompressAvroSnappy(std::string_view bytes, size_t max_bytes) {
  const Error damaged{ErrorCode::kCorrupt, "damaged snappy data"};
  if (bytes.size() < 5) return damaged;
  uint32_t expected = 0;
  for (const char c : bytes.substr(bytes.size() - 4)) expected = (expected << 8U) | static_cast<uint8_t>(c);
  std::string_view in = bytes.substr(0, bytes.size() - 4);
  uint64_t length = 0;
  if (!ReadSnappyLength(in, length)) return damaged;
  if (length > max_bytes) return TooLarge(max_bytes);
  // A copy makes at most 64 bytes of 2, so a longer promise is a lie that must not cost memory.
  if (length > uint64_t{bytes.size()} * 64) return damaged;
  std::string out;
  out.reserve(length);
  while (!in.empty()) {
    const auto tag = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    if (!((tag & 3U) == 0 ? CopyLiteral(in, tag, length, out) : CopyEarlier(in, tag, length, out))) return damaged;
  }
  if (out.size() != length) return damaged;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(out.data()), static_cast<uInt>(out.size()));
  if (sum != expected) return Error{ErrorCode::kCorrupt, "damaged snappy data: wrong check sum"};
  return out;
}

}  // namespace dicomhouse::warehouse
