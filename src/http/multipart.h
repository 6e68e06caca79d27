// Multipart bodies (RFC 2046 §5.1; multipart/related: RFC 2387), read and written as streams.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace dicomhouse::http {

// Pulls the parts out of a body, one after the other, in bounded memory:
//
//   MultipartReader reader(body, boundary);
//   while (true) {
//     DH_ASSIGN(const bool more, reader.NextPart());
//     if (!more) break;
//     ... reader.headers(), reader.Read(...) ...
//   }
//
// Lenient where senders differ: text in front of the first boundary is passed; a body whose first delimiter line ends with LF
// alone has LF in front of its delimiters too (Google's Python clients write such bodies); folded header fields are unfolded.
// A body that ends without the closing delimiter is an error. Limits: base::kMaxPartHeaderBytes, base::kMaxParts.
class MultipartReader final : public BodyReader {
 public:
  // `body` must outlive it. `boundary` without the leading "--", 1 to 70 characters.
  MultipartReader(BodyReader& body, std::string boundary);

  // Goes to the next part; what is left of this one is passed. False: the closing delimiter was met.
  // Errors: kInvalidArgument (malformed, ended early) with the byte offset in the body; kLimit; those of the body.
  base::Result<bool> NextPart();
  const Headers& headers() const { return headers_; }
  // The bytes of the part; 0 at its end.
  base::Result<size_t> Read(std::span<uint8_t> out) override;
  std::optional<uint64_t> length() const override { return std::nullopt; }

 private:
  std::string_view Buffered() const;
  void Consume(size_t count);
  base::Error Malformed(const std::string& what) const;
  // More bytes into the buffer, which isn't full. Error: the body has ended.
  base::Status Fill();
  base::Status NeedBytes(size_t count);
  // A line without its end, which is consumed with it. The view lasts until the next call.
  base::Result<std::string_view> ReadLine();
  base::Status FindFirstDelimiter();
  base::Result<bool> ReadDelimiter();
  base::Status ReadHeaders();

  BodyReader* body_;
  std::string delimiter_;  // CRLF or LF, "--", boundary
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;        // of buffer_[begin_] in the body
  size_t delimiter_read_ = 0;  // bytes of the delimiter ahead that have been consumed already
  size_t parts_ = 0;
  size_t header_bytes_ = 0;  // of this part, so far
  bool in_part_ = false;
  bool finished_ = false;
  Headers headers_;
};

// Writes parts to a BodyWriter.
class MultipartWriter {
 public:
  MultipartWriter(BodyWriter& out, std::string boundary) : out_(&out), boundary_(std::move(boundary)) {}
  // Begins a part: delimiter and header fields. Its bytes are then written to the BodyWriter itself.
  base::Status BeginPart(const Headers& headers);
  base::Status Finish();

 private:
  BodyWriter* out_;
  std::string boundary_;
  bool first_ = true;
};

// 32 random hexadecimal digits.
std::string NewBoundary();

}  // namespace dicomhouse::http
