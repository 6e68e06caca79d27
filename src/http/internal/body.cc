#include "http/internal/body.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

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

std::optional<uint64_t> FramedBody::length() const {
  if (framing_.kind != Framing::Kind::kLength) return std::nullopt;
  return framing_.length;
}

base::Result<size_t> FramedBody::Read(std::span<uint8_t> out) {
  if (error_) return *error_;
  if (ended() || out.empty()) return size_t{0};
  base::Result<size_t> count = ReadFramed(out);
  if (!count.ok()) {
    error_ = count.error();
    return count;
  }
  bytes_ += *count;
  return count;
}

base::Result<size_t> FramedBody::ReadFramed(std::span<uint8_t> out) {
  if (framing_.kind == Framing::Kind::kChunked) return ReadChunked(out);
  const bool has_length = framing_.kind == Framing::Kind::kLength;
  if (has_length) out = out.first(static_cast<size_t>(std::min<uint64_t>(out.size(), left_)));
  DH_ASSIGN(const size_t count, ReadRaw(out));
  if (has_length) {
    if (count == 0) return Error{ErrorCode::kIo, "the body ended before its Content-Length"};
    left_ -= count;
  }
  if (has_length ? left_ == 0 : count == 0) state_ = State::kEnded;
  return count;
}

base::Result<size_t> FramedBody::ReadChunked(std::span<uint8_t> out) {
  while (state_ != State::kEnded) {
    if (state_ == State::kData) {
      DH_ASSIGN(const size_t count, ReadRaw(out.first(static_cast<size_t>(std::min<uint64_t>(out.size(), left_)))));
      if (count == 0) return Error{ErrorCode::kIo, "the body ended within a chunk"};
      left_ -= count;
      if (left_ == 0) state_ = State::kChunkEnd;
      return count;
    }
    DH_ASSIGN(const std::string line, ReadLine(base::kMaxChunkLineBytes));
    if (state_ == State::kChunkEnd) {
      if (!line.empty()) return Error{ErrorCode::kInvalidArgument, "a chunk is longer than its size"};
      state_ = State::kChunkLine;
    } else if (state_ == State::kTrailer) {
      trailer_bytes_ += line.size();
      if (trailer_bytes_ > base::kMaxTrailerBytes) return Error{ErrorCode::kInvalidArgument, "trailer fields are too long"};
      if (line.empty()) state_ = State::kEnded;
    } else {
      const std::optional<uint64_t> size = ParseChunkSize(line);
      if (!size) return Error{ErrorCode::kInvalidArgument, "a malformed chunk size"};
      left_ = *size;
      state_ = left_ > 0 ? State::kData : State::kTrailer;
    }
  }
  return size_t{0};
}

base::Result<size_t> FramedBody::ReadRaw(std::span<uint8_t> out) {
  size_t count = std::min(out.size(), buffer_->view().size());
  if (count > 0) {
    std::memcpy(out.data(), buffer_->view().data(), count);
    buffer_->Consume(count);
  } else {
    DH_ASSIGN(count, transport_->ReadSome(out));
  }
  if (count > room_) return Error{ErrorCode::kLimit, "the body is too long"};
  room_ -= count;
  return count;
}

// Without its CRLF.
base::Result<std::string> FramedBody::ReadLine(size_t max_bytes) {
  size_t searched = 0;
  while (true) {
    const std::string_view bytes = buffer_->view();
    const size_t at = bytes.find('\n', searched);
    if (std::min(at, bytes.size()) > max_bytes) return Error{ErrorCode::kInvalidArgument, "a line between chunks is too long"};
    if (at != std::string_view::npos) {
      if (at == 0 || bytes[at - 1] != '\r') return Error{ErrorCode::kInvalidArgument, "a line between chunks ends without CR"};
      std::string line(bytes.substr(0, at - 1));
      buffer_->Consume(at + 1);
      return line;
    }
    searched = bytes.size();
    DH_ASSIGN(const size_t count, transport_->ReadSome(buffer_->Room(kReadBytes)));
    if (count == 0) return Error{ErrorCode::kIo, "the body ended between chunks"};
    buffer_->Commit(count);
  }
}

bool FramedBody::Drain() {
  if (framing_.kind == Framing::Kind::kLength && left_ > base::kMaxDrainBytes) return false;
  std::array<uint8_t, 16 << 10> dropped;
  uint64_t total = 0;
  while (!ended()) {
    const base::Result<size_t> count = Read(dropped);
    if (!count.ok()) return false;
    total += *count;
    if (total > base::kMaxDrainBytes) return false;
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
  pending_ += "0\r\n\r\n";
  const std::string_view pieces[] = {pending_};
  return transport_->Write(pieces);
}

}  // namespace dicomhouse::http::internal
