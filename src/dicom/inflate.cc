#include "dicom/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/limits.h"

namespace dicomhouse::dicom {

struct InflateSource::State {
  ByteSource* source;
  uint64_t in_offset;
  uint64_t bytes_read = 0;
  uint64_t out_offset = 0;  // inflated so far
  bool ended = false;
  bool ready = false;
  z_stream stream{};
  std::array<uint8_t, 16384> in{};
  std::array<uint8_t, 16384> waste{};
};

InflateSource::InflateSource(ByteSource& source, uint64_t offset) : state_(std::make_unique<State>()) {
  state_->source = &source;
  state_->in_offset = offset;
  state_->ready = inflateInit2(&state_->stream, -MAX_WBITS) == Z_OK;
}

InflateSource::~InflateSource() {
  if (state_->ready) inflateEnd(&state_->stream);
}

uint64_t InflateSource::bytes_read() const { return state_->bytes_read; }

base::Result<size_t> InflateSource::ReadAt(uint64_t offset, std::span<uint8_t> out) {
  State& s = *state_;
  if (!s.ready) return base::Error{base::ErrorCode::kLimit, "no memory to inflate"};
  size_t done = 0;
  while (done < out.size() && !s.ended) {
    // Bytes in front of `offset` are inflated and thrown away.
    const bool wasting = s.out_offset < offset;
    const size_t room = wasting ? std::min<uint64_t>(s.waste.size(), offset - s.out_offset) : out.size() - done;
    s.stream.next_out = wasting ? s.waste.data() : out.data() + done;
    s.stream.avail_out = static_cast<uInt>(std::min<size_t>(room, 1 << 20));
    const uInt asked = s.stream.avail_out;
    if (s.stream.avail_in == 0) {
      DH_ASSIGN(const size_t got, s.source->ReadAt(s.in_offset, s.in));
      s.in_offset += got;
      s.bytes_read += got;
      s.stream.next_in = s.in.data();
      s.stream.avail_in = static_cast<uInt>(got);
      if (got == 0) s.ended = true;
    }
    const int code = inflate(&s.stream, Z_NO_FLUSH);
    const size_t made = asked - s.stream.avail_out;
    s.out_offset += made;
    if (!wasting) done += made;
    if (code == Z_STREAM_END) s.ended = true;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      if (done > 0) return done;  // what came before the damage is good; the next call says what is wrong
      return base::Error{base::ErrorCode::kCorrupt, "the deflated data set is broken"};
    }
    if (s.out_offset > base::kMaxInflatedBytes) {
      return base::Error{base::ErrorCode::kLimit,
                         "the deflated data set inflates to more than " + std::to_string(base::kMaxInflatedBytes) + " bytes"};
    }
  }
  return done;
}

}  // namespace dicomhouse::dicom
