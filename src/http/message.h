// HTTP requests and responses (RFC 9110, RFC 9112) as handlers see them, and the tokens that they are made of. No
// resource, no JSON: what a body means is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace dicomhouse::http {

// Header fields in their order. Names are compared without case (RFC 9110 §5.1).
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  void Add(std::string_view name, std::string_view value);
  // Replaces all fields of the name by one.
  void Set(std::string_view name, std::string_view value);
  void Remove(std::string_view name);
  // The first field's value, or null.
  const std::string* Find(std::string_view name) const;
  // The same, "" when there is none. The view lasts as long as the field.
  std::string_view Get(std::string_view name) const;
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

// A request target in origin form (RFC 9112 §3.2.1), taken apart: "/a/b%2Fc?x=1&y" -> segments {"a", "b/c"}, query
// {{"x", "1"}, {"y", ""}}. Segments and query are percent-decoded ('+' is a space in the query only).
struct Target {
  std::string raw;  // as sent
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;

  // Errors: kInvalidArgument: no leading '/', a bad escape, an encoded NUL, text that is not UTF-8. "." and ".." are
  // segments like others: nobody may take a segment for a file name.
  static base::Result<Target> Parse(std::string_view raw);
  // The first value of a query parameter, or null.
  const std::string* Query(std::string_view name) const;
};

// The body of a message, read once from its start to its end. The bytes come as the sender sends them: Read blocks.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Up to out.size() bytes, at least one; 0: the body has ended. Errors: kIo (the sender went away, or was slower than
  // base::kMinBodyBytesPerSecond), kInvalidArgument (bad chunk), kLimit.
  virtual base::Result<size_t> Read(std::span<uint8_t> out) = 0;
  // Content-Length, when the sender gave it.
  virtual std::optional<uint64_t> length() const = 0;
};

// The whole body. Errors: kLimit when it is longer than `max_bytes`; those of Read.
base::Result<std::string> ReadAll(BodyReader& body, uint64_t max_bytes);

// A body in memory.
class StringBody final : public BodyReader {
 public:
  explicit StringBody(std::string bytes) : bytes_(std::move(bytes)) {}
  base::Result<size_t> Read(std::span<uint8_t> out) override;
  std::optional<uint64_t> length() const override { return bytes_.size(); }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

struct Request {
  std::string method;  // "GET", ...
  Target target;
  Headers headers;
  BodyReader* body = nullptr;  // never null in a handler; valid until it returns
  std::string peer;            // "127.0.0.1:51234"
  bool tls = false;
};

// Where the body of a response goes. Write blocks while the receiver is slow.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // Errors: kIo: the receiver has gone or is too slow; stop then.
  virtual base::Status Write(std::string_view bytes) = 0;
};

struct Response {
  int status = 200;
  Headers headers = {};   // Content-Length, Connection and Date are the server's
  std::string body = {};  // unless `stream` is set
  // Writes the body, on the handler's thread after it has returned; the request's body is still there. An error before anything
  // went out (small writes are gathered) becomes a 500; a later one ends the connection, so that the receiver sees that the body
  // is not whole. `length`: its exact length; without it the body is sent chunked.
  std::function<base::Status(BodyWriter&)> stream = {};
  std::optional<uint64_t> length = {};
};

// Answers one request. Called on one of the server's handler threads, many at a time. What is left of the request's body
// is read and dropped by the server, or the connection closed.
using Handler = std::function<Response(Request&)>;

// A media type (RFC 9110 §8.3.1): type and subtype in lower case, parameters with names in lower case, values unquoted.
struct MediaType {
  std::string type;
  std::string subtype;
  std::vector<std::pair<std::string, std::string>> parameters;  // without q

  std::string Essence() const { return type + "/" + subtype; }
  std::string_view Parameter(std::string_view name) const;  // "" when there is none
};
std::optional<MediaType> ParseMediaType(std::string_view text);

// One range of an Accept header, best first (RFC 9110 §12.5.1: by q, then by how exact, then by order). q=0 ones are
// left out. Bad ones are left out too; an empty header gives "*/*".
struct AcceptRange {
  MediaType range;  // "*" for wildcards
  double quality = 1;
};
std::vector<AcceptRange> ParseAccept(std::string_view header);
bool Matches(const MediaType& range, std::string_view type, std::string_view subtype);

// One byte range of a resource of `size` bytes (RFC 9110 §14.1.2): first and behind-the-last byte. No value: the header is
// absent, of another unit, bad, or has several ranges, and is to be ignored. kInvalidArgument: it can't be satisfied (416).
struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};
base::Result<std::optional<ByteRange>> ParseRange(std::string_view header, uint64_t size);

// Percent-encodes all but unreserved characters (RFC 3986 §2.3); `keep` are kept too, such as "/".
std::string PercentEncode(std::string_view text, std::string_view keep = "");
// Nothing for a bad escape.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);

// The reason phrase: "Not Found".
std::string_view StatusText(int status);

}  // namespace dicomhouse::http
