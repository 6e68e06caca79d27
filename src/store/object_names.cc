// Names of buckets and objects, and patterns of them.
#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "store/objects.h"

namespace dicomhouse::store {
namespace {

constexpr std::string_view kScheme = "gs://";
constexpr size_t kMinBucketNameLength = 3;
constexpr size_t kMaxBucketNameLength = 63;

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

base::Error Invalid(std::string text) { return {base::ErrorCode::kInvalidArgument, std::move(text)}; }

}  // namespace

bool IsBucketName(std::string_view text) {
  if (text.size() < kMinBucketNameLength || text.size() > kMaxBucketNameLength) return false;
  if (!IsLowerOrDigit(text.front()) || !IsLowerOrDigit(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return IsLowerOrDigit(c) || c == '-' || c == '_' || c == '.'; });
}

bool IsObjectName(std::string_view text) {
  if (text.empty() || text.size() > base::kMaxObjectNameBytes || text == "." || text == "..") return false;
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos && base::IsUtf8(text);
}

base::Result<ObjectUri> ObjectUri::Parse(std::string_view text) {
  if (!text.starts_with(kScheme)) return Invalid("'" + std::string(text) + "' is no gs://BUCKET/OBJECT");
  const std::string_view rest = text.substr(kScheme.size());
  const size_t slash = rest.find('/');
  ObjectUri uri{std::string(rest.substr(0, slash)), ""};
  if (slash != std::string_view::npos) uri.object = rest.substr(slash + 1);
  if (!IsBucketName(uri.bucket)) {
    return Invalid(
        "'" + std::string(text) +
        "': a bucket's name has 3 to 63 lower case letters, digits, '-', '_' and '.', and begins and ends with a letter "
        "or digit");
  }
  if (!uri.object.empty() && !IsObjectName(uri.object)) {
    return Invalid("'" + std::string(text) + "': an object's name has at most " + std::to_string(base::kMaxObjectNameBytes) +
                   " bytes of UTF-8, without line ends");
  }
  return uri;
}

std::string ObjectUri::Text() const { return std::string(kScheme) + bucket + "/" + object; }

base::Result<ObjectPattern> ObjectPattern::Make(std::string_view pattern) {
  ObjectPattern made;
  made.prefix_ = pattern.substr(0, pattern.find_first_of("*?"));
  const size_t any = pattern.find("**");
  std::string_view head = pattern.substr(0, any);
  if (any != std::string_view::npos) {
    const std::string_view tail = pattern.substr(any + 2);
    if (!tail.empty() && (tail.front() != '.' || tail.find_first_of("*?/") != std::string_view::npos)) {
      return Invalid("'" + std::string(pattern) + "': ** stands at the end or in front of a file extension, as in folder/**.dcm");
    }
    made.any_tail_ = true;
    made.tail_ = tail;
  }
  for (size_t slash = head.find('/'); slash != std::string_view::npos; slash = head.find('/')) {
    made.segments_.emplace_back(head.substr(0, slash));
    head.remove_prefix(slash + 1);
  }
  made.segments_.emplace_back(head);
  if (made.any_tail_) made.segments_.back() += '*';
  return made;
}

base::Result<ObjectPattern> ObjectPattern::MakeForImport(std::string_view pattern) {
  const size_t any = pattern.find("**");
  if (any != std::string_view::npos && pattern.find_first_of("*?") < any) {
    return Invalid("'" + std::string(pattern) + "': an import takes ** without other wildcards, as in folder/**.dcm");
  }
  return Make(pattern);
}

bool ObjectPattern::Matches(std::string_view name) const {
  if (!name.ends_with(tail_)) return false;
  name.remove_suffix(tail_.size());
  for (size_t i = 0; i < segments_.size(); ++i) {
    const bool last = i + 1 == segments_.size();
    const size_t slash = name.find('/');
    if (!last && slash == std::string_view::npos) return false;
    if (last && slash != std::string_view::npos && !any_tail_) return false;
    if (!base::MatchesWildcard(segments_[i], name.substr(0, slash))) return false;
    if (!last) name.remove_prefix(slash + 1);
  }
  return true;
}

}  // namespace dicomhouse::store
