// The Search transaction (QIDO-RS, PS3.18 §10.6, §8.3.4).
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "api/dicomweb/dicomweb.h"
#include "base/limits.h"
#include "dicom/dictionary.h"

namespace dicomhouse::api::dicomweb {
namespace {

using base::Error;
using base::ErrorCode;

constexpr uint32_t kAvailabilityTag = 0x00080056;
constexpr uint32_t kRetrieveUrlTag = 0x00081190;
constexpr size_t kMaxPathSteps = 8;

// As Google's: limits of studies and series are lower than those of instances.
struct Limits {
  uint64_t standard;
  uint64_t most;
};
Limits LimitsOf(store::Level level) {
  return level == store::Level::kInstance ? Limits{1000, base::kMaxSearchLimit} : Limits{100, 5000};
}

// Parameters of every Google API, which say nothing about the search; and the one of the negotiation.
bool IsSystemParameter(std::string_view name) {
  static constexpr std::array<std::string_view, 15> kNames = {
      "$.xgafv",   "access_token",    "alt",        "callback", "fields",       "key", "oauth_token", "prettyPrint",
      "quotaUser", "upload_protocol", "uploadType", "$alt",     "bearer_token", "pp",  "accept"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::optional<uint32_t> ParseTag(std::string_view text) {
  uint32_t tag = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), tag, 16);
  if (text.size() != 8 || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return tag;
}

// "PatientName", "00100010", "00400275.00400009", "RequestAttributesSequence.ScheduledProcedureStepID".
base::Result<std::vector<uint32_t>> ParsePath(std::string_view text) {
  const Error unknown{ErrorCode::kInvalidArgument, "unknown attribute '" + std::string(text.substr(0, 100)) +
                                                       "': a keyword of the data dictionary or eight digits of a tag is needed"};
  std::vector<uint32_t> path;
  while (path.size() < kMaxPathSteps) {
    const size_t end = std::min(text.find('.'), text.size());
    const std::string_view step = text.substr(0, end);
    if (const auto tag = ParseTag(step)) {
      path.push_back(*tag);
    } else if (const dicom::ElementEntry* entry = dicom::FindKeyword(step); entry != nullptr && !step.empty()) {
      path.push_back(entry->tag);
    } else {
      return unknown;
    }
    if (end == text.size()) return path;
    text.remove_prefix(end + 1);
  }
  return Error{ErrorCode::kInvalidArgument, "an attribute's path has more than " + std::to_string(kMaxPathSteps) + " steps"};
}

base::Result<uint64_t> ParseNumber(std::string_view name, std::string_view text) {
  uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 std::string(name) + " has to be a number, not '" + std::string(text.substr(0, 100)) + "'"};
  }
  return number;
}

std::vector<std::string> SplitList(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

base::Status AddInclude(store::Search& search, std::string_view text) {
  for (const std::string& one : SplitList(text, ",")) {
    if (one == "all") {
      search.include_all = true;
      continue;
    }
    DH_ASSIGN(std::vector<uint32_t> path, ParsePath(one));
    search.include.push_back(std::move(path));
  }
  return {};
}

// ATTRIBUTE=VALUE. An attribute without a value matches all and is returned (PS3.4 §C.2.2.2.3).
base::Status AddCondition(store::Search& search, std::string_view name, std::string_view value) {
  DH_ASSIGN(std::vector<uint32_t> path, ParsePath(name));
  if (value.empty()) {
    search.include.push_back(std::move(path));
    return {};
  }
  if (path.front() == kRetrieveUrlTag) {
    return Error{ErrorCode::kInvalidArgument, "RetrieveURL can't be searched for: ask for what it names"};
  }
  const dicom::ElementEntry* entry = dicom::FindElement(path.back());
  store::Condition condition;
  condition.path = std::move(path);
  if (entry != nullptr && entry->vr == dicom::Vr::kUI) {
    condition.values = SplitList(value, ",\\");
  } else {
    condition.values.emplace_back(value);
  }
  search.conditions.push_back(std::move(condition));
  return {};
}

base::Result<store::Search> ParseSearch(const http::Target& target, const store::InstanceKey& key, store::Level level) {
  const Limits limits = LimitsOf(level);
  store::Search search;
  search.level = level;
  search.study = key.study;
  search.series = key.series;
  search.limit = limits.standard;
  for (const auto& [name, value] : target.query) {
    if (IsSystemParameter(name)) continue;
    if (name == "limit") {
      DH_ASSIGN(const uint64_t limit, ParseNumber(name, value));
      search.limit = std::min(limit, limits.most);
    } else if (name == "offset") {
      DH_ASSIGN(search.offset, ParseNumber(name, value));
    } else if (name == "fuzzymatching") {
      if (value != "true" && value != "false") return Error{ErrorCode::kInvalidArgument, "fuzzymatching has to be true or false"};
      search.fuzzy = value == "true";
    } else if (name == "includefield") {
      DH_CHECK(AddInclude(search, value));
    } else {
      DH_CHECK(AddCondition(search, name, value));
    }
  }
  return search;
}

// Where a member of `tag` belongs among members in ascending order; nothing when it is there. They are our own text: names of
// eight digits at the top level.
std::optional<size_t> PlaceOf(std::string_view members, uint32_t tag) {
  int depth = 0;
  bool quoted = false;
  bool name = true;  // the next string at the top level is a name
  for (size_t i = 0; i < members.size(); ++i) {
    const char c = members[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      if (depth == 0 && name) {
        const auto here = ParseTag(members.substr(i + 1, 8)).value_or(0);
        if (here == tag) return std::nullopt;
        if (here > tag) return i;
        name = false;
      }
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ',' && depth == 0) {
      name = true;
    }
  }
  return members.size();
}

void AddMember(std::string& members, uint32_t tag, const std::string& member) {
  const auto place = PlaceOf(members, tag);
  if (!place) return;
  if (*place == members.size()) {
    members += (members.empty() ? "" : ",") + member;
  } else {
    members.insert(*place, member + ",");
  }
}

}  // namespace

http::Response Search(const Context& context, const http::Request& request, const PathValues& path, store::Level level) {
  const auto resource = FindResource(context, request, path);
  if (!resource.ok()) return ErrorResponse(resource.error());
  if (!AcceptsJson(request)) return NotAcceptable("Searches are answered as application/dicom+json.");
  auto search = ParseSearch(request.target, resource->key, level);
  if (!search.ok()) return ErrorResponse(search.error());
  const uint64_t limit = search->limit;
  search->limit = std::min(limit + 1, base::kMaxSearchLimit);  // whether there are more
  auto matches = context.instances->Find(resource->dicom_store.id, *search);
  if (!matches.ok()) return ErrorResponse(matches.error());
  http::Response response;
  if (matches->size() > limit) {
    response.headers.Set("Warning", "299 dicomhouse \"There are additional results that can be requested\"");
    matches->resize(static_cast<size_t>(limit));
  }
  if (matches->empty()) {
    response.status = 204;  // as Google's answers; what the standard's newer editions have is 200 with []
    return response;
  }
  response.headers.Set("Content-Type", "application/dicom+json");
  response.body = "[";
  for (store::Match& match : *matches) {
    AddMember(match.attributes, kAvailabilityTag, R"("00080056":{"vr":"CS","Value":["ONLINE"]})");
    AddMember(match.attributes, kRetrieveUrlTag, R"("00081190":{"vr":"UR","Value":[")" + resource->Url(match.key) + "\"]}");
    if (response.body.size() > 1) response.body += ',';
    response.body.append("{").append(match.attributes).append("}");
  }
  response.body += ']';
  return response;
}

}  // namespace dicomhouse::api::dicomweb
