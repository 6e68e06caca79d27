#include "http/multipart.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <utility>

#include "base/limits.h"

namespace dicomhouse::http {
namespace {

using base::Error;
using base::ErrorCode;

// Holds a part's header fields whole, and is long enough for reads to be cheap.
constexpr size_t kBufferBytes = 64 << 10;
static_assert(kBufferBytes > 2 * base::kMaxPartHeaderBytes);

// In front of a boundary.
constexpr std::string_view kMark = "\n--";
// RFC 2046 §5.1.1, and the CR that a delimiter may get.
constexpr size_t kMaxBoundary = 70 + 1;

std::string_view TrimBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

MultipartReader::MultipartReader(BodyReader& body, std::string boundary)
    : body_(&body), delimiter_(std::string(kMark) + std::move(boundary)), buffer_(kBufferBytes), end_(1) {
  // The first delimiter may stand at the start of the body, without a line end in front: give it one.
  buffer_[0] = '\n';
}

std::string_view MultipartReader::Buffered() const {
  return {reinterpret_cast<const char*>(buffer_.data()) + begin_, end_ - begin_};
}

void MultipartReader::Consume(size_t count) {
  begin_ += count;
  offset_ += count;
}

Error MultipartReader::Malformed(const std::string& what) const {
  const uint64_t offset = offset_ > 0 ? offset_ - 1 : 0;  // without the line end of the constructor
  return {ErrorCode::kInvalidArgument, "malformed multipart body at byte " + std::to_string(offset) + ": " + what};
}

base::Status MultipartReader::Fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  DH_ASSIGN(const size_t count, body_->Read(std::span(buffer_).subspan(end_)));
  if (count == 0) return Malformed("it ends without its closing delimiter");
  end_ += count;
  return {};
}

base::Status MultipartReader::NeedBytes(size_t count) {
  while (end_ - begin_ < count) DH_CHECK(Fill());
  return {};
}

base::Result<std::string_view> MultipartReader::ReadLine() {
  size_t searched = 0;
  while (true) {
    const std::string_view bytes = Buffered();
    const size_t at = bytes.find('\n', searched);
    const size_t length = at == std::string_view::npos ? bytes.size() : at + 1;
    if (header_bytes_ + length > base::kMaxPartHeaderBytes) {
      return Error{ErrorCode::kLimit, "a part's header has more than " + std::to_string(base::kMaxPartHeaderBytes) + " bytes"};
    }
    if (at != std::string_view::npos) {
      header_bytes_ += length;
      Consume(length);
      std::string_view line = bytes.substr(0, at);
      if (line.ends_with('\r')) line.remove_suffix(1);
      return line;
    }
    searched = bytes.size();
    DH_CHECK(Fill());
  }
}

base::Status MultipartReader::FindFirstDelimiter() {
  while (true) {
    const size_t at = Buffered().find(delimiter_);
    if (at != std::string_view::npos) {
      Consume(at);
      return {};
    }
    const size_t kept = std::min(end_ - begin_, delimiter_.size() - 1);
    Consume(end_ - begin_ - kept);
    DH_CHECK(Fill());
  }
}

// At a delimiter: goes behind its line. False: it was the closing one.
base::Result<bool> MultipartReader::ReadDelimiter() {
  const size_t length = delimiter_.size() - std::exchange(delimiter_read_, 0);
  DH_CHECK(NeedBytes(length + 2));
  Consume(length);
  if (Buffered().starts_with("--")) return false;
  header_bytes_ = 0;
  DH_ASSIGN(const std::string_view padding, ReadLine());
  if (!TrimBlanks(padding).empty()) return Malformed("text behind a delimiter");
  // ReadLine has left the line end just in front of the buffer's begin.
  if (parts_ == 0 && begin_ >= 2 && buffer_[begin_ - 2] == '\r') delimiter_.insert(0, 1, '\r');
  return true;
}

base::Status MultipartReader::ReadHeaders() {
  headers_ = Headers();
  std::string name;
  std::string value;
  while (true) {
    DH_ASSIGN(const std::string_view line, ReadLine());
    const bool folded = !line.empty() && (line.front() == ' ' || line.front() == '\t');
    if (folded && !name.empty()) {
      value.append(" ").append(TrimBlanks(line));
      continue;
    }
    if (!name.empty()) headers_.Add(name, value);
    if (line.empty()) return {};
    const size_t colon = line.find(':');
    if (folded || colon == std::string_view::npos || TrimBlanks(line.substr(0, colon)).empty()) {
      return Malformed("a header line without a name");
    }
    if (line.find('\0') != std::string_view::npos) return Malformed("a NUL in a header");
    name = TrimBlanks(line.substr(0, colon));
    value = TrimBlanks(line.substr(colon + 1));
  }
}

base::Result<bool> MultipartReader::NextPart() {
  if (finished_) return false;
  if (delimiter_.size() <= kMark.size() || delimiter_.size() > kMark.size() + kMaxBoundary) {
    return Error{ErrorCode::kInvalidArgument, "the boundary of a multipart body has 1 to 70 characters"};
  }
  if (parts_ == 0) {
    DH_CHECK(FindFirstDelimiter());
  } else {
    std::array<uint8_t, 16 << 10> passed;
    size_t count = 1;
    while (in_part_ && count > 0) {
      DH_ASSIGN(count, Read(passed));
    }
  }
  DH_ASSIGN(const bool more, ReadDelimiter());
  if (!more) {
    finished_ = true;
    return false;
  }
  if (++parts_ > base::kMaxParts) {
    return Error{ErrorCode::kLimit, "the body has more than " + std::to_string(base::kMaxParts) + " parts"};
  }
  DH_CHECK(ReadHeaders());
  // RFC 2046 §5.1.1: in a part without a body, the delimiter's line end is that of the empty line, which has been read.
  const size_t line_end = delimiter_.find('-');
  DH_CHECK(NeedBytes(delimiter_.size() - line_end));
  in_part_ = !Buffered().starts_with(std::string_view(delimiter_).substr(line_end));
  if (!in_part_) delimiter_read_ = line_end;
  return true;
}

base::Result<size_t> MultipartReader::Read(std::span<uint8_t> out) {
  if (!in_part_ || out.empty()) return size_t{0};
  DH_CHECK(NeedBytes(delimiter_.size()));
  // As far as this call can give, and one delimiter more: a call with little room must not search the whole buffer.
  const size_t window = std::min(end_ - begin_, out.size() + delimiter_.size() - 1);
  const size_t at = Buffered().substr(0, window).find(delimiter_);
  if (at == 0) {
    in_part_ = false;
    return size_t{0};
  }
  const size_t count = at != std::string_view::npos ? at : window - (delimiter_.size() - 1);
  std::memcpy(out.data(), buffer_.data() + begin_, count);
  Consume(count);
  return count;
}

base::Status MultipartWriter::BeginPart(const Headers& headers) {
  std::string text = std::exchange(first_, false) ? "--" : "\r\n--";
  text += boundary_;
  text += "\r\n";
  for (const auto& [name, value] : headers.fields()) text.append(name).append(": ").append(value).append("\r\n");
  text += "\r\n";
  return out_->Write(text);
}

base::Status MultipartWriter::Finish() {
  return out_->Write((std::exchange(first_, false) ? "--" : "\r\n--") + boundary_ + "--\r\n");
}

std::string NewBoundary() {
  constexpr char kHex[] = "0123456789abcdef";
  std::random_device random;
  std::string boundary;
  for (int i = 0; i < 4; ++i) {
    uint32_t word = random();
    for (int k = 0; k < 8; ++k, word >>= 4) boundary += kHex[word & 15];
  }
  return boundary;
}

}  // namespace dicomhouse::http
