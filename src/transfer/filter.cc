#include "transfer/filter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "base/limits.h"

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr size_t kMaxUidBytes = 64;
constexpr std::string_view kForm = "/studies/STUDY_UID[/series/SERIES_UID[/instances/INSTANCE_UID]]";
constexpr std::array<std::string_view, 3> kKeywords = {"studies", "series", "instances"};

// The start of a line for an error message: at most kMaxExcerptBytes, printable ASCII, the rest as \xNN.
std::string Excerpt(std::string_view line) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
    if (out.size() >= base::kMaxExcerptBytes) return out + "...";
  }
  return out;
}

// What is wrong with a UID; empty when nothing is.
std::string UidFault(std::string_view uid, std::string_view keyword) {
  const std::string after = " after '" + std::string(keyword) + "/'";
  if (uid.empty()) return "the UID" + after + " is missing";
  const size_t bad = uid.find_first_not_of("0123456789.");
  if (bad != std::string_view::npos) {
    return "the UID" + after + " holds '" + Excerpt(uid.substr(bad, 1)) + "'; a UID has digits and dots only";
  }
  if (uid.size() > kMaxUidBytes) {
    return "the UID" + after + " has " + std::to_string(uid.size()) + " characters; a UID has at most 64";
  }
  return {};
}

// What is wrong with a line that does not begin with "/studies/".
std::string StartFault(std::string_view line) {
  const size_t inside = line.find("/studies/");
  if (inside != std::string_view::npos && line.find_first_of("\" \t") == std::string_view::npos) {
    return "leave out what stands before '/studies/'";
  }
  if (line.front() == '"') return "leave out the quotation marks";
  if (line.front() == ' ' || line.front() == '\t') return "leave out the blanks around the path";
  if (line.starts_with("studies/")) return "a slash before 'studies' is missing";
  if (line.front() != '/') {
    return "if this is the heading of a column, remove the line (bq extract --noprint_header leaves it out)";
  }
  const std::string_view keyword = line.substr(1, line.find('/', 1) - 1);
  return "the line begins with '" + Excerpt(keyword) + "' instead of 'studies'";
}

// What is wrong with a line that is not empty; empty when nothing is. Sets the number of UIDs.
std::string LineFault(std::string_view line, size_t& level) {
  if (line.size() > base::kMaxFilterLineBytes) {
    return "the line has " + std::to_string(line.size()) + " bytes; at most " + std::to_string(base::kMaxFilterLineBytes) +
           " are read (kMaxFilterLineBytes)";
  }
  if (!line.starts_with("/studies/")) return StartFault(line);
  if (line.back() == ' ' || line.back() == '\t') return "leave out the blanks around the path";
  std::string_view rest = line.substr(1);
  for (level = 0; level < kKeywords.size();) {
    const std::string_view keyword = rest.substr(0, rest.find('/'));
    if (keyword.empty())
      return level > 0 && rest.empty() ? "leave out the slash at the end" : "an empty part between two slashes";
    if (keyword != kKeywords[level]) {
      return "'" + Excerpt(keyword) + "' stands where '" + std::string(kKeywords[level]) + "' is expected";
    }
    if (keyword.size() == rest.size()) return "the UID after '" + std::string(keyword) + "' is missing";
    rest.remove_prefix(keyword.size() + 1);
    const std::string_view uid = rest.substr(0, rest.find('/'));
    if (std::string fault = UidFault(uid, keyword); !fault.empty()) return fault;
    rest.remove_prefix(uid.size());
    ++level;
    if (rest.empty()) return {};
    rest.remove_prefix(1);
  }
  return rest.empty() ? "leave out the slash at the end" : "nothing may follow the instance's UID";
}

bool IsUtf16(std::string_view text) { return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"); }

Error SystemError(const std::string& path, const char* doing) {
  const int reason = errno;
  return {reason == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, path + ": " + doing + ": " + std::strerror(reason)};
}

// Reads a file or a pipe to its end.
Result<std::string> ReadAll(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "can't open the filter file");
  std::string text;
  size_t used = 0;
  for (;;) {
    if (text.size() - used < (64U << 10)) text.resize(text.size() + std::max<size_t>(text.size(), 256U << 10));
    const ssize_t got = ::read(fd, text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      Error error = SystemError(path, "can't read the filter file");
      ::close(fd);
      return error;
    }
    used += static_cast<size_t>(got);
    if (got == 0 || used > base::kMaxFilterBytes) break;
  }
  ::close(fd);
  text.resize(used);
  return text;
}

}  // namespace

// A line of the file, without its "/studies/", is the key of what it admits; so a look-up writes the same text for an
// instance and asks for its study's, its series' and its own part of it.
struct Filter::Rules {
  std::string text;                           // the file; the views below lie in it
  std::unordered_set<std::string_view> keys;  // "STUDY", "STUDY/series/SERIES", "STUDY/series/SERIES/instances/INSTANCE"
  std::array<bool, 3> has_level{};            // whether any line ends at a study, a series, an instance
  size_t lines = 0;

  explicit Rules(std::string bytes) : text(std::move(bytes)) {}

  base::Status Build() {
    if (text.size() > base::kMaxFilterBytes) {
      return Error{ErrorCode::kLimit,
                   "the filter has more than " + std::to_string(base::kMaxFilterBytes) + " bytes (kMaxFilterBytes)"};
    }
    if (IsUtf16(text)) return Error{ErrorCode::kInvalidArgument, "the filter is UTF-16 text; save it as UTF-8 or plain ASCII"};
    std::string_view rest = text;
    if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
    for (size_t number = 1; !rest.empty(); ++number) {
      const size_t end = rest.find('\n');
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty()) DH_CHECK(AddLine(line, number));
    }
    return {};
  }

  base::Status AddLine(std::string_view line, size_t number) {
    size_t level = 0;
    if (const std::string fault = LineFault(line, level); !fault.empty()) {
      return Error{ErrorCode::kInvalidArgument, "line " + std::to_string(number) + ": \"" + Excerpt(line) + "\": " + fault +
                                                    ". A line has the form " + std::string(kForm)};
    }
    keys.insert(line.substr(std::string_view("/studies/").size()));
    has_level[level - 1] = true;
    ++lines;
    return {};
  }
};

Result<Filter> Filter::Parse(std::string_view text) {
  auto rules = std::make_shared<Rules>(std::string(text));
  DH_CHECK(rules->Build());
  Filter filter;
  filter.rules_ = std::move(rules);
  return filter;
}

Result<Filter> Filter::FromFile(const std::string& path) {
  DH_ASSIGN(std::string text, ReadAll(path));
  auto rules = std::make_shared<Rules>(std::move(text));
  if (const base::Status built = rules->Build(); !built.ok())
    return Error{built.error().code, path + ": " + built.error().message};
  Filter filter;
  filter.rules_ = std::move(rules);
  return filter;
}

bool Filter::AdmitsByRules(std::string_view study, std::string_view series, std::string_view instance) const {
  static constexpr std::string_view kSeries = "/series/";
  static constexpr std::string_view kInstances = "/instances/";
  std::array<char, 3 * kMaxUidBytes + kSeries.size() + kInstances.size()> key;
  size_t size = 0;
  const auto append = [&](std::string_view part) {
    std::copy(part.begin(), part.end(), key.begin() + size);
    size += part.size();
  };
  const auto admitted = [&](size_t level) { return rules_->has_level[level] && rules_->keys.contains({key.data(), size}); };
  if (study.size() > kMaxUidBytes) return false;
  append(study);
  if (admitted(0)) return true;
  if (series.size() > kMaxUidBytes) return false;
  append(kSeries);
  append(series);
  if (admitted(1)) return true;
  if (instance.size() > kMaxUidBytes) return false;
  append(kInstances);
  append(instance);
  return admitted(2);
}

size_t Filter::lines() const { return rules_ == nullptr ? 0 : rules_->lines; }

}  // namespace dicomhouse::transfer
