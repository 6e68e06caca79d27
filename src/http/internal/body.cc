#include "http/internal/body.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/limits.h"

namespace dicomhouse::http::internal {
namespace {

using base::Error;
using base::ErrorCode;

// Of one read into the buffer, where the framing has to be looked at.
constexpr size_t kReadBytes = 64 << 10;
// Writes up to here are gathered.
constexpr size_t kGatherBytes = 64 << 10;

}  // namespace

std::span<uint8_t> InputBuffer::Room(size_t bytes) {
  if (begin_ > 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (bytes_.size() < end_ + bytes) bytes_.resize(end_ + bytes);
  return std::span(bytes_).subspan(end_);
}

// ---- FramedBody

FramedBody::FramedBody(InputBuffer& buffer, Transport& transport, Framing framing, uint64_t max_bytes)
    : buffer_(&buffer),
      transport_(&transport),
      framing_(framing),
      room_(max_bytes),
      left_(framing.length),
      state_(framing.kind == Framing::Kind::kChunked ? State::kChunkLine : State::kData) {
  if (framing_.kind == Framing::Kind::kLength && left_ == 0) state_ = State::kEnded;
  if (framing_.kind == Framing::Kind::kUntilClose) left_ = std::numeric_limits<uint64_t>::max();
}

std::optional<uint64_t> FramedBody::length() const {
  if (framing_.kind != Framing::Kind::kLength) return std::nullopt;
  return framing_.length;
}

base::Result<size_t> FramedBody::Read(std::span<uint8_t> out) {
  if (early_at_ < early_.size()) {
    const size_t count = std::min(out.size(), early_.size() - early_at_);
    std::memcpy(out.data(), early_.data() + early_at_, count);
    early_at_ += count;
    return count;
  }
  while (true) {
    DH_ASSIGN(const std::optional<size_t> count, TryRead(out));
    if (count) return *count;
    base::Result<size_t> waited = Wait(out);
    if (!waited.ok()) error_ = waited.error();
    if (!waited.ok() || *waited > 0 || ended()) return waited;
  }
}

// More from the transport: data straight to `out`, anything else into the buffer (then 0).
base::Result<size_t> FramedBody::Wait(std::span<uint8_t> out) {
  const bool data = state_ == State::kData;
  const std::span<uint8_t> room =
      data ? out.first(static_cast<size_t>(std::min<uint64_t>(out.size(), left_))) : buffer_->Room(kReadBytes);
  DH_ASSIGN(const size_t count, transport_->ReadSome(room));
  if (count == 0) {
    if (framing_.kind != Framing::Kind::kUntilClose) return Error{ErrorCode::kIo, "the body ended early"};
    state_ = State::kEnded;
    return size_t{0};
  }
  if (data) {
    DH_CHECK(Took(count));
    return count;
  }
  buffer_->Commit(count);
  return size_t{0};
}

base::Result<std::optional<size_t>> FramedBody::TryRead(std::span<uint8_t> out) {
  if (error_) return *error_;
  base::Result<std::optional<size_t>> count = TryReadFramed(out);
  if (!count.ok()) error_ = count.error();
  return count;
}

base::Result<std::optional<size_t>> FramedBody::TryReadFramed(std::span<uint8_t> out) {
  if (out.empty()) return std::optional<size_t>(0);
  while (state_ != State::kEnded) {
    const std::string_view bytes = buffer_->view();
    if (state_ == State::kData) {
      const size_t count = static_cast<size_t>(std::min<uint64_t>({out.size(), bytes.size(), left_}));
      if (count == 0) return std::optional<size_t>();
      std::memcpy(out.data(), bytes.data(), count);
      buffer_->Consume(count);
      DH_CHECK(Took(count));
      return std::optional<size_t>(count);
    }
    const size_t at = bytes.find('\n', searched_);
    if (std::min(at, bytes.size()) > base::kMaxChunkLineBytes) {
      return Error{ErrorCode::kInvalidArgument, "a line between chunks is too long"};
    }
    if (at == std::string_view::npos) {
      searched_ = bytes.size();
      return std::optional<size_t>();
    }
    if (at == 0 || bytes[at - 1] != '\r') return Error{ErrorCode::kInvalidArgument, "a line between chunks ends without CR"};
    DH_CHECK(TakeLine(bytes.substr(0, at - 1)));
    buffer_->Consume(at + 1);
    searched_ = 0;
  }
  return std::optional<size_t>(0);
}

// `count` bytes of data have come.
base::Status FramedBody::Took(size_t count) {
  if (count > room_) return Error{ErrorCode::kLimit, "the body is too long"};
  room_ -= count;
  bytes_ += count;
  if (framing_.kind == Framing::Kind::kUntilClose) return {};
  left_ -= count;
  if (left_ == 0) state_ = framing_.kind == Framing::Kind::kChunked ? State::kChunkEnd : State::kEnded;
  return {};
}

// A line between chunks or behind the last one (RFC 9112 §7.1), without its CRLF.
base::Status FramedBody::TakeLine(std::string_view line) {
  if (state_ == State::kChunkEnd) {
    if (!line.empty()) return Error{ErrorCode::kInvalidArgument, "a chunk is longer than its size"};
    state_ = State::kChunkLine;
  } else if (state_ == State::kTrailer) {
    trailer_bytes_ += line.size() + 2;
    if (trailer_bytes_ > base::kMaxTrailerBytes) return Error{ErrorCode::kInvalidArgument, "the trailer fields are too long"};
    if (line.empty()) state_ = State::kEnded;
  } else {
    const std::optional<uint64_t> size = ParseChunkSize(line);
    if (!size) return Error{ErrorCode::kInvalidArgument, "a malformed chunk size"};
    left_ = *size;
    state_ = left_ > 0 ? State::kData : State::kTrailer;
  }
  return {};
}

bool FramedBody::Prefetch(size_t max_bytes) {
  while (!ended() && early_.size() < max_bytes) {
    const size_t before = early_.size();
    early_.resize(max_bytes);
    const auto count = TryRead({reinterpret_cast<uint8_t*>(early_.data()) + before, max_bytes - before});
    early_.resize(before + (count.ok() ? count->value_or(0) : 0));
    if (!count.ok()) return true;
    if (!*count) return false;
  }
  return true;
}

// ---- FramedWriter

base::Status FramedWriter::Write(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (framing_.kind == Framing::Kind::kLength) {
    if (bytes.size() > left_) return Error{ErrorCode::kInvalidArgument, "more bytes were written than the length of the body"};
    left_ -= bytes.size();
  }
  bytes_ += bytes.size();
  if (gathered_.size() + bytes.size() <= kGatherBytes) {
    gathered_.append(bytes);
    return {};
  }
  return Flush(bytes);
}

base::Status FramedWriter::Flush(std::string_view direct) {
  const size_t size = gathered_.size() + direct.size();
  std::string_view end;
  if (framing_.kind == Framing::Kind::kChunked && size > 0) {
    char line[20];
    char* const line_end = std::to_chars(line, line + sizeof line, size, 16).ptr;
    pending_.append(line, line_end).append("\r\n");
    end = "\r\n";
  }
  started_ = true;
  const std::string_view pieces[] = {pending_, gathered_, direct, end};
  DH_CHECK(transport_->Write(pieces));
  pending_.clear();
  gathered_.clear();
  return {};
}

base::Status FramedWriter::Finish() {
  if (framing_.kind == Framing::Kind::kLength && left_ > 0) {
    return Error{ErrorCode::kInvalidArgument, "fewer bytes were written than the length of the body"};
  }
  if (framing_.kind != Framing::Kind::kChunked) return Flush({});
  if (!gathered_.empty()) DH_CHECK(Flush({}));
  started_ = true;
  pending_ += "0\r\n\r\n";
  const std::string_view pieces[] = {pending_};
  return transport_->Write(pieces);
}

}  // namespace dicomhouse::http::internal
