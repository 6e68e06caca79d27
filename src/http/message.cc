#include "http/message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace dicomhouse::http {
namespace {

using base::Error;
using base::ErrorCode;

constexpr std::string_view kBlanks = " \t";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool IsUnreserved(char c) {
  const char lower = Lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

// RFC 9110 §5.6.2.
bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    const char lower = Lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos;
  });
}

base::Result<std::string> DecodePart(std::string_view text, bool plus_is_space) {
  std::optional<std::string> decoded = PercentDecode(text, plus_is_space);
  if (!decoded) return Error{ErrorCode::kInvalidArgument, "a bad percent escape in the request target"};
  if (decoded->find('\0') != std::string::npos) return Error{ErrorCode::kInvalidArgument, "a NUL in the request target"};
  if (!base::IsUtf8(*decoded)) return Error{ErrorCode::kInvalidArgument, "the request target is not UTF-8"};
  return *std::move(decoded);
}

// One item of a list with its parameters, read from the front of `text`: up to the next `end` outside of quotes.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  // Up to one of `ends`, without it.
  std::string_view Until(std::string_view ends) {
    const size_t at = std::min(text_.find_first_of(ends), text_.size());
    const std::string_view token = text_.substr(0, at);
    text_.remove_prefix(at);
    return Trim(token);
  }
  bool Skip(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void SkipBlanks() { text_.remove_prefix(std::min(text_.find_first_not_of(kBlanks), text_.size())); }
  // A quoted string (RFC 9110 §5.6.4), or a value up to one of `ends`: types such as application/dicom come unquoted too.
  std::optional<std::string> Value(std::string_view ends) {
    SkipBlanks();
    if (!Skip('"')) {
      const std::string_view plain = Until(ends);
      if (plain.empty() || plain.find('"') != std::string_view::npos) return std::nullopt;
      return std::string(plain);
    }
    std::string value;
    while (!text_.empty()) {
      char c = text_.front();
      text_.remove_prefix(1);
      if (c == '"') {
        SkipBlanks();
        return value;
      }
      if (c == '\\' && !text_.empty()) {
        c = text_.front();
        text_.remove_prefix(1);
      }
      value += c;
    }
    return std::nullopt;
  }

 private:
  std::string_view text_;
};

// A media type with parameters up to one of `ends`. Goes behind it even where it is bad.
std::optional<MediaType> ReadMediaType(Tokens& tokens, std::string_view ends) {
  const std::string separators = ";" + std::string(ends);
  const std::string name_separators = "=" + separators;
  MediaType media;
  const std::string_view essence = tokens.Until(separators);
  const size_t slash = essence.find('/');
  bool good = slash != std::string_view::npos && IsToken(essence.substr(0, slash)) && IsToken(essence.substr(slash + 1));
  if (good) {
    media.type = LowerCase(essence.substr(0, slash));
    media.subtype = LowerCase(essence.substr(slash + 1));
  }
  while (tokens.Skip(';')) {
    const std::string_view name = tokens.Until(name_separators);
    const bool has_value = tokens.Skip('=');
    if (name.empty() && !has_value) continue;  // "a/b; ;" is allowed by RFC 9110 §5.6.6
    if (!IsToken(name) || !has_value) good = false;
    if (!has_value) continue;
    std::optional<std::string> value = tokens.Value(separators);
    if (!value) {
      good = false;
      tokens.Until(separators);
      continue;
    }
    if (!tokens.Until(separators).empty()) good = false;  // something behind a quoted string
    media.parameters.emplace_back(LowerCase(name), *std::move(value));
  }
  if (!good) return std::nullopt;
  return media;
}

// RFC 9110 §12.4.2: 0 to 1 with up to three digits.
std::optional<double> ParseQuality(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int thousandths = (text[0] - '0') * 1000;
  int unit = 100;
  for (const char c : text.substr(std::min<size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    thousandths += (c - '0') * unit;
    unit /= 10;
  }
  if (thousandths > 1000) return std::nullopt;
  return thousandths / 1000.0;
}

// How exact a range is: */* < type/* < type/subtype < with parameters.
size_t Exactness(const MediaType& range) {
  if (range.type == "*") return 0;
  if (range.subtype == "*") return 1;
  return 2 + range.parameters.size();
}

// Digits only; more than fits becomes the largest number.
std::optional<uint64_t> ParseDigits(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<uint64_t>::max();
  return value;
}

}  // namespace

// ---- Headers

void Headers::Add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }

void Headers::Set(std::string_view name, std::string_view value) {
  const auto is_it = [&](const Field& field) { return EqualsIgnoringCase(field.first, name); };
  const auto first = std::find_if(fields_.begin(), fields_.end(), is_it);
  if (first == fields_.end()) return Add(name, value);
  first->second = value;
  fields_.erase(std::remove_if(first + 1, fields_.end(), is_it), fields_.end());
}

void Headers::Remove(std::string_view name) {
  fields_.erase(
      std::remove_if(fields_.begin(), fields_.end(), [&](const Field& field) { return EqualsIgnoringCase(field.first, name); }),
      fields_.end());
}

const std::string* Headers::Find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (EqualsIgnoringCase(field.first, name)) return &field.second;
  }
  return nullptr;
}

std::string_view Headers::Get(std::string_view name) const {
  const std::string* value = Find(name);
  return value != nullptr ? std::string_view(*value) : std::string_view();
}

// ---- Target

base::Result<Target> Target::Parse(std::string_view raw) {
  if (raw.empty() || raw.front() != '/') {
    return Error{ErrorCode::kInvalidArgument, "the request target has to begin with '/'"};
  }
  for (const char c : raw) {
    if (static_cast<uint8_t>(c) <= 0x20 || c == 0x7F || c == '#') {
      return Error{ErrorCode::kInvalidArgument, "a character in the request target that has to be percent-encoded"};
    }
  }
  Target target;
  target.raw = raw;
  const size_t mark = std::min(raw.find('?'), raw.size());
  std::string_view path = raw.substr(0, mark);
  while (path.size() > 1 || (!path.empty() && !target.segments.empty())) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    DH_ASSIGN(std::string segment, DecodePart(path.substr(0, end), false));
    target.segments.push_back(std::move(segment));
    path.remove_prefix(end);
  }
  std::string_view query = raw.substr(std::min(mark + 1, raw.size()));
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    DH_ASSIGN(std::string name, DecodePart(pair.substr(0, equals), true));
    DH_ASSIGN(std::string value, DecodePart(pair.substr(std::min(equals + 1, pair.size())), true));
    target.query.emplace_back(std::move(name), std::move(value));
  }
  return target;
}

const std::string* Target::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

// ---- Bodies

base::Result<std::string> ReadAll(BodyReader& body, uint64_t max_bytes) {
  const auto too_long = [&] {
    return Error{ErrorCode::kLimit, "the body is longer than " + std::to_string(max_bytes) + " bytes"};
  };
  if (body.length().value_or(0) > max_bytes) return too_long();
  std::string all;
  std::array<uint8_t, 16 << 10> block;
  while (true) {
    DH_ASSIGN(const size_t count, body.Read(block));
    if (count == 0) return all;
    if (count > max_bytes - all.size()) return too_long();
    all.append(reinterpret_cast<const char*>(block.data()), count);
  }
}

base::Result<size_t> StringBody::Read(std::span<uint8_t> out) {
  const size_t count = std::min(out.size(), bytes_.size() - at_);
  if (count > 0) std::memcpy(out.data(), bytes_.data() + at_, count);
  at_ += count;
  return count;
}

// ---- Media types

std::string_view MediaType::Parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return {};
}

std::optional<MediaType> ParseMediaType(std::string_view text) {
  Tokens tokens(text);
  return ReadMediaType(tokens, "");
}

std::vector<AcceptRange> ParseAccept(std::string_view header) {
  std::vector<AcceptRange> ranges;
  if (Trim(header).empty()) {
    ranges.push_back({{"*", "*", {}}, 1});
    return ranges;
  }
  Tokens tokens(header);
  while (!tokens.done()) {
    std::optional<MediaType> media = ReadMediaType(tokens, ",");
    tokens.Skip(',');
    if (!media || (media->type == "*" && media->subtype != "*")) continue;
    AcceptRange range{*std::move(media), 1};
    auto& parameters = range.range.parameters;
    const auto q = std::find_if(parameters.begin(), parameters.end(), [](const auto& field) { return field.first == "q"; });
    if (q != parameters.end()) {
      const std::optional<double> quality = ParseQuality(q->second);
      if (!quality || *quality == 0) continue;
      range.quality = *quality;
      parameters.erase(q);
    }
    ranges.push_back(std::move(range));
  }
  std::stable_sort(ranges.begin(), ranges.end(), [](const AcceptRange& a, const AcceptRange& b) {
    return a.quality != b.quality ? a.quality > b.quality : Exactness(a.range) > Exactness(b.range);
  });
  return ranges;
}

bool Matches(const MediaType& range, std::string_view type, std::string_view subtype) {
  return (range.type == "*" || EqualsIgnoringCase(range.type, type)) &&
         (range.subtype == "*" || EqualsIgnoringCase(range.subtype, subtype));
}

// ---- Ranges

base::Result<std::optional<ByteRange>> ParseRange(std::string_view header, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const std::optional<ByteRange> ignored;
  header = Trim(header);
  if (!EqualsIgnoringCase(header.substr(0, kUnit.size()), kUnit)) return ignored;
  const std::string_view range = Trim(header.substr(kUnit.size()));
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return ignored;
  const std::string_view first_text = range.substr(0, dash);
  const std::string_view last_text = range.substr(dash + 1);
  const std::optional<uint64_t> first = ParseDigits(first_text);
  const std::optional<uint64_t> last = ParseDigits(last_text);
  if ((!first && !first_text.empty()) || (!last && !last_text.empty()) || (!first && !last)) return ignored;
  const Error unsatisfiable{ErrorCode::kInvalidArgument, "the range lies behind the end of " + std::to_string(size) + " bytes"};
  if (!first) {  // the last so many bytes
    if (*last == 0) return unsatisfiable;
    if (size == 0) return ignored;  // satisfiable, but there is no way to say which bytes: Content-Range has none for it
    return std::optional<ByteRange>({size - std::min(*last, size), size});
  }
  if (last && *last < *first) return ignored;
  if (*first >= size) return unsatisfiable;
  return std::optional<ByteRange>({*first, last && *last < size - 1 ? *last + 1 : size});
}

// ---- Percent coding

std::string PercentEncode(std::string_view text, std::string_view keep) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c) || keep.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[static_cast<uint8_t>(c) >> 4];
      encoded += kHex[static_cast<uint8_t>(c) & 15];
    }
  }
  return encoded;
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

// ---- Statuses

std::string_view StatusText(int status) {
  struct Row {
    int status;
    std::string_view text;
  };
  static constexpr Row kRows[] = {
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {203, "Non-Authoritative Information"},
      {204, "No Content"},
      {205, "Reset Content"},
      {206, "Partial Content"},
      {300, "Multiple Choices"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},  // Cloud Storage: "Resume Incomplete"
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {402, "Payment Required"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {407, "Proxy Authentication Required"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {426, "Upgrade Required"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {499, "Client Closed Request"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  };
  for (const Row& row : kRows) {
    if (row.status == status) return row.text;
  }
  return "Unknown";
}

}  // namespace dicomhouse::http
