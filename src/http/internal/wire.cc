#include "http/internal/wire.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "base/limits.h"

namespace dicomhouse::http::internal {
namespace {

using base::Error;
using base::ErrorCode;

// RFC 9110 §9.1 knows none of more than 7; others are registered with up to 17.
constexpr size_t kMaxMethodBytes = 32;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// RFC 9110 §5.6.2.
bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (Lower(c) >= 'a' && Lower(c) <= 'z') || IsDigit(c) || kMarks.find(c) != std::string_view::npos;
  });
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// RFC 9110 §5.5: visible characters, blanks and bytes above 0x7F.
bool IsFieldValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return (byte >= 0x20 && byte != 0x7F) || c == '\t';
  });
}

// A host and perhaps a port (RFC 3986 §3.2); may be empty (RFC 9110 §7.2).
bool IsHost(std::string_view text) {
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=:[]%";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (Lower(c) >= 'a' && Lower(c) <= 'z') || IsDigit(c) || kMarks.find(c) != std::string_view::npos;
  });
}

// Up to the next CRLF, which is taken with it.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find("\r\n"), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 2, text.size()));
  return line;
}

// "HTTP/1.1" -> its minor version; -1: another major version, -2: no version.
int ParseVersion(std::string_view text) {
  constexpr std::string_view kName = "HTTP/";
  if (text.size() != kName.size() + 3 || !text.starts_with(kName)) return -2;
  const char major = text[kName.size()];
  const char minor = text[kName.size() + 2];
  if (!IsDigit(major) || text[kName.size() + 1] != '.' || !IsDigit(minor)) return -2;
  return major == '1' ? minor - '0' : -1;
}

std::optional<Refusal> ParseFields(std::string_view text, Headers& out) {
  size_t count = 0;
  while (true) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) return std::nullopt;
    if (line.front() == ' ' || line.front() == '\t') return Refusal{400, "a folded header field"};
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) return Refusal{400, "a malformed header field name"};
    const std::string_view value = Trim(line.substr(colon + 1));
    if (!IsFieldValue(value)) return Refusal{400, "a control character in a header field"};
    if (++count > base::kMaxRequestHeaderFields) {
      return Refusal{431, "more than " + std::to_string(base::kMaxRequestHeaderFields) + " header fields"};
    }
    out.Add(line.substr(0, colon), value);
  }
}

size_t CountOf(const Headers& headers, std::string_view name) {
  return static_cast<size_t>(std::count_if(headers.fields().begin(), headers.fields().end(),
                                           [&](const Headers::Field& field) { return EqualsIgnoringCase(field.first, name); }));
}

std::optional<uint64_t> ParseNumber(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The absolute form, "http://host/path" (RFC 9112 §3.2.2), without scheme and authority.
std::string OriginForm(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!EqualsIgnoringCase(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    return target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  }
  return std::string(target);
}

std::optional<Refusal> ParseRequestLine(std::string_view line, RequestHead& out) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Refusal{400, "a malformed request line"};
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!IsToken(line.substr(0, first)) || target.empty() || target.find(' ') != std::string_view::npos || !IsFieldValue(target)) {
    return Refusal{400, "a malformed request line"};
  }
  if (first > kMaxMethodBytes) return Refusal{501, "an unknown method"};
  out.method = line.substr(0, first);
  out.target = OriginForm(target);
  const int minor = ParseVersion(line.substr(last + 1));
  if (minor == -1) return Refusal{505, "an HTTP version other than 1.0 and 1.1"};
  if (minor < 0) return Refusal{400, "a malformed HTTP version"};
  out.minor = std::min(minor, 1);
  return std::nullopt;
}

}  // namespace

HeadScanner::State HeadScanner::Scan(std::string_view bytes) {
  while (true) {
    const size_t at = bytes.find('\n', searched_);
    if (at == std::string_view::npos) {
      searched_ = bytes.size();
      return State::kMore;
    }
    if (at == 0 || bytes[at - 1] != '\r' || at == line_start_) return State::kBad;
    const bool empty = at - 1 == line_start_;
    searched_ = line_start_ = at + 1;
    if (empty && any_line_) return State::kWhole;
    any_line_ |= !empty;
  }
}

std::optional<Refusal> ParseRequestHead(std::string_view head, RequestHead& out) {
  while (head.starts_with("\r\n")) head.remove_prefix(2);
  if (std::optional<Refusal> refusal = ParseRequestLine(TakeLine(head), out)) return refusal;
  if (std::optional<Refusal> refusal = ParseFields(head, out.headers)) return refusal;
  const size_t hosts = CountOf(out.headers, "Host");
  if (hosts > 1 || (hosts == 0 && out.minor >= 1)) return Refusal{400, "a request has exactly one Host field"};
  if (!IsHost(out.headers.Get("Host"))) return Refusal{400, "a malformed Host field"};
  return std::nullopt;
}

base::Result<ResponseHead> ParseResponseHead(std::string_view head) {
  ResponseHead out;
  const std::string_view line = TakeLine(head);
  const int minor = ParseVersion(line.substr(0, 8));
  const std::optional<uint64_t> status = ParseNumber(line.substr(std::min<size_t>(9, line.size()), 3), 10);
  if (minor < 0 || !status || *status < 100 || *status > 999) {
    return Error{ErrorCode::kIo, "the server's answer is not HTTP/1.1"};
  }
  out.minor = std::min(minor, 1);
  out.status = static_cast<int>(*status);
  if (const std::optional<Refusal> refusal = ParseFields(head, out.headers)) {
    return Error{ErrorCode::kIo, "the server's answer has " + refusal->text};
  }
  return out;
}

std::optional<Refusal> FramingOf(const RequestHead& head, Framing& out) {
  const size_t lengths = CountOf(head.headers, "Content-Length");
  const size_t codings = CountOf(head.headers, "Transfer-Encoding");
  out = Framing();
  if (codings > 0) {
    // Anything here that another server in front reads otherwise would let requests be smuggled (RFC 9112 §11.2).
    if (lengths > 0) return Refusal{400, "both Transfer-Encoding and Content-Length"};
    if (head.minor < 1) return Refusal{400, "Transfer-Encoding in HTTP/1.0"};
    if (codings > 1 || !EqualsIgnoringCase(head.headers.Get("Transfer-Encoding"), "chunked")) {
      return Refusal{501, "a Transfer-Encoding other than chunked"};
    }
    out.kind = Framing::Kind::kChunked;
    return std::nullopt;
  }
  if (lengths == 0) return std::nullopt;
  const std::optional<uint64_t> length = ParseNumber(head.headers.Get("Content-Length"), 10);
  if (lengths > 1 || !length) return Refusal{400, "a malformed Content-Length"};
  if (*length > base::kMaxRequestBodyBytes) {
    return Refusal{413, "a body of more than " + std::to_string(base::kMaxRequestBodyBytes) + " bytes"};
  }
  out.length = *length;
  return std::nullopt;
}

base::Result<Framing> FramingOf(const ResponseHead& head, std::string_view request_method) {
  if (request_method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304) return Framing();
  if (const std::string* coding = head.headers.Find("Transfer-Encoding")) {
    if (!EqualsIgnoringCase(*coding, "chunked"))
      return Error{ErrorCode::kIo, "the server's answer has an unknown Transfer-Encoding"};
    return Framing{Framing::Kind::kChunked, 0};
  }
  const std::string* text = head.headers.Find("Content-Length");
  if (text == nullptr) return Framing{Framing::Kind::kUntilClose, 0};
  const std::optional<uint64_t> length = ParseNumber(*text, 10);
  if (!length || CountOf(head.headers, "Content-Length") > 1) {
    return Error{ErrorCode::kIo, "the server's answer has a malformed Content-Length"};
  }
  return Framing{Framing::Kind::kLength, *length};
}

bool HasToken(const Headers& headers, std::string_view name, std::string_view token) {
  for (const auto& [key, value] : headers.fields()) {
    if (!EqualsIgnoringCase(key, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(','), rest.size());
      if (EqualsIgnoringCase(Trim(rest.substr(0, end)), token)) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return false;
}

bool WantsKeepAlive(const Headers& headers, int minor) {
  if (HasToken(headers, "Connection", "close")) return false;
  return minor >= 1 || HasToken(headers, "Connection", "keep-alive");
}

void AppendFields(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers.fields()) {
    if (!IsToken(name)) continue;
    out.append(name).append(": ");
    const size_t begin = out.size();
    out += value;
    std::replace_if(
        out.begin() + static_cast<ptrdiff_t>(begin), out.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
    out += "\r\n";
  }
}

std::string HttpDate() {
  using std::chrono::floor;
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto now = floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto day = floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[std::chrono::weekday(day).c_encoding()],
                static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                static_cast<int>(date.year()), static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

std::optional<uint64_t> ParseChunkSize(std::string_view line) {
  const size_t semicolon = std::min(line.find(';'), line.size());
  if (!IsFieldValue(line)) return std::nullopt;
  return ParseNumber(semicolon < line.size() ? Trim(line.substr(0, semicolon)) : line, 16);
}

}  // namespace dicomhouse::http::internal
