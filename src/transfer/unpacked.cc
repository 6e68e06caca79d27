#include "transfer/internal/unpacked.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>
#include <vector>

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using namespace std::string_view_literals;

constexpr size_t kChunkBytes = 128 << 10;

// What one step did with its bytes.
struct Step {
  size_t used = 0;
  size_t made = 0;
  bool whole = false;  // a member or frame has ended with these bytes
  bool over = false;   // these bytes belong to the stream no more
  const char* fault = nullptr;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Either uses bytes of `in` or makes some of `out`, unless `in` is empty. Requires: out is not empty.
  virtual Step Take(std::span<const uint8_t> in, std::span<uint8_t> out) = 0;
};

class Gunzip final : public Decoder {
 public:
  Gunzip() : ready_(::inflateInit2(&stream_, MAX_WBITS + 16) == Z_OK) {}
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;
  ~Gunzip() override { ::inflateEnd(&stream_); }

  Step Take(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    Step step;
    if (!ready_) return {0, 0, false, false, "no memory"};
    if (between_ && !in.empty()) {
      step.over = in.front() != 0x1F;
      if (step.over) return step;
      ::inflateReset(&stream_);
      between_ = false;
    }
    stream_.next_in = const_cast<Bytef*>(in.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast): not written to
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    step.used = in.size() - stream_.avail_in;
    step.made = out.size() - stream_.avail_out;
    step.whole = between_ = code == Z_STREAM_END;
    // Z_BUF_ERROR: it waits for more bytes.
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      step.fault = stream_.msg != nullptr ? stream_.msg : "not what gzip makes";
    return step;
  }

 private:
  z_stream stream_{};
  bool ready_;
  bool between_ = false;  // two members
};

// A call that fails gives nothing of what it has unpacked before the fault. So each gets one block, or one header, alone: the
// library says how much it wants next, which is a block and the header behind it.
class Unzstd final : public Decoder {
 public:
  Step Take(std::span<const uint8_t> in, std::span<uint8_t> out) override {
    if (stream_ == nullptr) return {0, 0, false, false, "no memory"};
    ZSTD_inBuffer from{in.data(), std::min(in.size(), next_), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const size_t code = ::ZSTD_decompressStream(stream_.get(), &to, &from);
    const bool failed = ::ZSTD_isError(code) != 0;
    next_ = !failed && code > kBlockHeaderBytes ? code - kBlockHeaderBytes : kBlockHeaderBytes;
    return {from.pos, to.pos, !failed && code == 0, false, failed ? ::ZSTD_getErrorName(code) : nullptr};
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };
  static constexpr size_t kBlockHeaderBytes = 3;  // RFC 8878 §3.1.1.2

  std::unique_ptr<ZSTD_DStream, Free> stream_{::ZSTD_createDStream()};
  size_t next_ = kBlockHeaderBytes;  // bytes of the next call
};

class Unpacked final : public dicom::ByteSource {
 public:
  Unpacked(std::string name, dicom::ByteSource& packed, std::unique_ptr<Decoder> decoder)
      : name_(std::move(name)), packed_(&packed), decoder_(std::move(decoder)), buffer_(kChunkBytes) {}

  Result<size_t> ReadAt([[maybe_unused]] uint64_t offset, std::span<uint8_t> out) override {
    assert(offset == position_);
    size_t done = 0;
    while (done < out.size() && !ended_ && !error_) done += Advance(out.subspan(done));
    position_ += done;
    // The bytes in front of the fault first.
    if (done == 0 && error_) return *error_;
    return done;
  }

 private:
  // Returns the number of bytes made.
  size_t Advance(std::span<uint8_t> out) {
    if (waiting_.empty() && !all_read_) Refill();
    if (error_) return 0;
    const bool last = waiting_.empty();
    const Step step = decoder_->Take(waiting_, out);
    waiting_ = waiting_.subspan(step.used);
    if (step.used > 0 || step.made > 0) whole_ = step.whole;
    if (step.fault != nullptr) {
      Fail(step.fault);
    } else if (step.over || (last && step.made == 0)) {
      ended_ = whole_;
      if (!ended_) Fail("it ends early");
    }
    return step.made;
  }

  void Refill() {
    const auto got = packed_->ReadAt(packed_position_, buffer_);
    if (!got.ok()) {
      error_ = got.error();
      return;
    }
    all_read_ = *got == 0;
    packed_position_ += *got;
    waiting_ = std::span<const uint8_t>(buffer_).first(*got);
  }

  void Fail(const std::string& fault) { error_ = Error{ErrorCode::kCorrupt, name_ + ": can't be unpacked: " + fault}; }

  const std::string name_;
  dicom::ByteSource* packed_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<uint8_t> buffer_;
  std::span<const uint8_t> waiting_;  // in buffer_
  uint64_t packed_position_ = 0;
  uint64_t position_ = 0;  // of the plain bytes
  bool all_read_ = false;
  bool whole_ = false;  // the last bytes ended a member or frame
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace

Packing PackingOf(std::string_view start) {
  if (start.starts_with("\x1f\x8b"sv)) return Packing::kGzip;
  return start.starts_with("\x28\xb5\x2f\xfd"sv) ? Packing::kZstd : Packing::kNone;
}

std::unique_ptr<dicom::ByteSource> MakeUnpacked(std::string name, dicom::ByteSource& packed, Packing packing) {
  assert(packing != Packing::kNone);
  std::unique_ptr<Decoder> decoder;
  if (packing == Packing::kGzip) {
    decoder = std::make_unique<Gunzip>();
  } else {
    decoder = std::make_unique<Unzstd>();
  }
  return std::make_unique<Unpacked>(std::move(name), packed, std::move(decoder));
}

}  // namespace dicomhouse::transfer
