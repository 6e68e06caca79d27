// What HTTP/1.1 looks like on the wire (RFC 9112): heads of requests and responses, and how their bodies are framed. Strict where
// two readers could differ about where a message ends; no sockets here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace dicomhouse::http::internal {

// Why a request is answered without asking a handler.
struct Refusal {
  int status = 400;
  std::string text;
};

// Finds the end of a head in bytes that come piece by piece; looks at each byte once.
class HeadScanner {
 public:
  enum class State { kMore, kWhole, kBad };
  // `bytes`: all from the head's start. kBad: a line that doesn't end with CRLF.
  State Scan(std::string_view bytes);
  // After kWhole: the length of the head with its empty line. Before: of the lines that are whole.
  size_t length() const { return line_start_; }

 private:
  size_t line_start_ = 0;
  size_t searched_ = 0;
  bool any_line_ = false;
};

struct RequestHead {
  std::string method;
  std::string target;  // in origin form; the absolute form has lost its scheme and authority
  int minor = 1;       // HTTP/1.minor
  Headers headers;
};
// `head`: with its empty line; empty lines in front are passed (RFC 9112 §2.2). What could be read stays in `out`.
std::optional<Refusal> ParseRequestHead(std::string_view head, RequestHead& out);

struct ResponseHead {
  int status = 0;
  int minor = 1;
  Headers headers;
};
base::Result<ResponseHead> ParseResponseHead(std::string_view head);

// How long a body is (RFC 9112 §6.3).
struct Framing {
  enum class Kind { kLength, kChunked, kUntilClose };
  Kind kind = Kind::kLength;
  uint64_t length = 0;
};
std::optional<Refusal> FramingOf(const RequestHead& head, Framing& out);
base::Result<Framing> FramingOf(const ResponseHead& head, std::string_view request_method);

// Whether a list field such as Connection has the token, in any case (RFC 9110 §5.6.1).
bool HasToken(const Headers& headers, std::string_view name, std::string_view token);
// Whether the sender wants the connection to stay (RFC 9112 §9.3).
bool WantsKeepAlive(const Headers& headers, int minor);

// Fields in lines, without the empty one. Names that are no tokens are left out and line ends in values become blanks, so that no
// value can end the head.
void AppendFields(std::string& out, const Headers& headers);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7), now.
std::string HttpDate();

// Of a chunk's line (RFC 9112 §7.1), extensions passed; none when it is malformed.
std::optional<uint64_t> ParseChunkSize(std::string_view line);

}  // namespace dicomhouse::http::internal
