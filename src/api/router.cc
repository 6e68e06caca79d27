#include "api/router.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <optional>
#include <set>

#include "base/limits.h"

namespace dicomhouse::api {
namespace {

const std::string kNothing;

std::vector<std::string> SplitAt(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// A segment of a pattern against one of a path: "name", "{name}", "{name}:verb". How well it fits: 0 not at all, 1 by a
// {name}, 2 by one with a verb, 3 by its letters.
int MatchSegment(std::string_view pattern, const std::string& segment) {
  if (!pattern.starts_with('{')) return pattern == segment ? 3 : 0;
  const std::string_view verb = pattern.substr(pattern.find('}') + 1);
  if (segment.size() <= verb.size() || !segment.ends_with(verb)) return 0;
  // A verb belongs to a route that names it, or to none.
  return verb.empty() ? 1 : 2;
}

// How well a path fits a pattern: the fits of its segments, to be compared from the left; nothing when it does not fit. Each
// request is compared with all patterns, so values are taken of the best one only.
std::optional<std::string> MatchPath(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  const bool takes_rest = !pattern.empty() && pattern.back().ends_with("**}");
  if (takes_rest ? path.size() < pattern.size() : path.size() != pattern.size()) return std::nullopt;
  std::string fit;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (takes_rest && i + 1 == pattern.size()) return fit + '0';
    const int matched = MatchSegment(pattern[i], path[i]);
    if (matched == 0) return std::nullopt;
    fit += static_cast<char>('0' + matched);
  }
  return fit;
}

// What the {names} of a pattern matched that fits.
PathValues ValuesOf(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  PathValues values;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view segment = pattern[i];
    if (!segment.starts_with('{')) continue;
    if (segment.ends_with("**}")) {
      std::string rest;
      for (size_t j = i; j < path.size(); ++j) rest += (j > i ? "/" : "") + path[j];
      values.Set(segment.substr(1, segment.size() - 4), std::move(rest));
      continue;
    }
    const size_t end = segment.find('}');
    const size_t verb_bytes = segment.size() - end - 1;
    values.Set(segment.substr(1, end - 1), path[i].substr(0, path[i].size() - verb_bytes));
  }
  return values;
}

bool IsBelow(const std::string& path, const std::string& prefix) {
  return path.starts_with(prefix) && (prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace

const std::string& PathValues::operator[](std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? kNothing : found->second;
}

void PathValues::Set(std::string_view name, std::string value) { values_.insert_or_assign(std::string(name), std::move(value)); }

void Router::Add(std::string_view methods, std::string_view pattern, const RouteHandler& handler) {
  for (const std::string& method : SplitAt(methods, ',')) routes_.push_back({method, SplitAt(pattern, '/'), handler});
}

void Router::SetErrors(std::string_view prefix, ErrorBody body) { errors_.emplace_back(prefix, std::move(body)); }

http::Response Router::Handle(http::Request& request) const {
  const Route* best = nullptr;
  std::string best_fit;
  std::set<std::string> allowed;
  for (const Route& route : routes_) {
    const auto fit = MatchPath(route.segments, request.target.segments);
    if (!fit || *fit < best_fit) continue;
    if (*fit > best_fit) {  // a better pattern's methods count, not those of what it hides
      best_fit = *fit;
      best = nullptr;
      allowed.clear();
    }
    allowed.insert(route.method);
    if (route.method != request.method && !(request.method == "HEAD" && route.method == "GET")) continue;
    best = &route;
  }
  if (best != nullptr) return best->handler(request, ValuesOf(best->segments, request.target.segments));
  const std::string path = request.target.raw.substr(0, request.target.raw.find('?'));
  const int status = allowed.empty() ? 404 : 405;
  const std::string text =
      status == 404 ? "There is nothing at " + path + "." : request.method + " is not possible at " + path + ".";
  http::Response response = ErrorResponse(status, text);
  for (const auto& [prefix, body] : errors_) {
    if (IsBelow(path, prefix)) response = body(status, text);
  }
  std::string allow;
  for (const std::string& method : allowed) allow += (allow.empty() ? "" : ", ") + method;
  if (status == 405) response.headers.Set("Allow", allow);
  return response;
}

ErrorStatus StatusOf(base::ErrorCode code) {
  using base::ErrorCode;
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return {400, "INVALID_ARGUMENT", 3};
    case ErrorCode::kNotFound:
      return {404, "NOT_FOUND", 5};
    case ErrorCode::kAlreadyExists:
      return {409, "ALREADY_EXISTS", 6};
    case ErrorCode::kFailedPrecondition:
      return {400, "FAILED_PRECONDITION", 9};
    case ErrorCode::kConflict:
      return {409, "ABORTED", 10};
    case ErrorCode::kCancelled:
      return {499, "CANCELLED", 1};
    case ErrorCode::kIo:
      return {500, "INTERNAL", 13};
    case ErrorCode::kCorrupt:
      return {400, "INVALID_ARGUMENT", 3};
    case ErrorCode::kLimit:
      return {413, "OUT_OF_RANGE", 11};
    case ErrorCode::kUnsupported:
      return {501, "UNIMPLEMENTED", 12};
  }
  return {};
}

namespace {

http::Response ErrorBodyOf(int status, std::string_view name, const std::string& message) {
  base::Json error = base::Json::MakeObject();
  error.Set("code", status).Set("message", message).Set("status", name);
  base::Json body = base::Json::MakeObject();
  return JsonResponse(body.Set("error", std::move(error)), status);
}

std::string_view NameOf(int http_status) {
  switch (http_status) {
    case 400:
    case 405:
    case 406:
    case 415:
      return "INVALID_ARGUMENT";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "NOT_FOUND";
    case 409:
      return "ABORTED";
    case 408:
      return "DEADLINE_EXCEEDED";
    case 413:
    case 414:
    case 416:
    case 431:
      return "OUT_OF_RANGE";
    case 501:
      return "UNIMPLEMENTED";
    case 503:
      return "UNAVAILABLE";
    default:
      return "INTERNAL";
  }
}

}  // namespace

http::Response ErrorResponse(const base::Error& error) {
  const ErrorStatus status = StatusOf(error.code);
  return ErrorBodyOf(status.http, status.name, error.message);
}

http::Response ErrorResponse(int http_status, const std::string& message) {
  return ErrorBodyOf(http_status, NameOf(http_status), message);
}

http::Response JsonResponse(const base::Json& json, int status) {
  http::Response response;
  response.status = status;
  response.headers.Set("Content-Type", "application/json; charset=UTF-8");
  response.body = json.Print(2) + "\n";
  return response;
}

bool IsPlainBody(const http::Request& request) {
  const std::string_view coding = request.headers.Get("Content-Encoding");
  constexpr std::string_view kIdentity = "identity";  // in any case (RFC 9110 §8.4.1)
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return coding.empty() || std::equal(coding.begin(), coding.end(), kIdentity.begin(), kIdentity.end(), same);
}

http::Response CodingRefused(const http::Request& request) {
  http::Response response =
      ErrorResponse(415, "The body has the Content-Encoding " +
                             base::Json(std::string(request.headers.Get("Content-Encoding").substr(0, 100))).Print() +
                             "; this server takes bodies without one.");
  response.headers.Set("Accept-Encoding", "identity");  // RFC 9110 §15.5.16
  return response;
}

std::string_view WithoutByteOrderMark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

base::Result<base::Json> ReadJson(http::Request& request) {
  DH_ASSIGN(const std::string body, http::ReadAll(*request.body, base::kMaxJsonBodyBytes));
  const std::string_view text = WithoutByteOrderMark(body);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return base::Json::MakeObject();
  auto json = base::Json::Parse(text);
  if (!json.ok()) {
    return base::Error{base::ErrorCode::kInvalidArgument, "Invalid JSON payload received. " + json.error().message};
  }
  if (!json->is_object()) {
    return base::Error{base::ErrorCode::kInvalidArgument, "Invalid JSON payload received. The body must be an object."};
  }
  return *std::move(json);
}

std::string Rfc3339(int64_t microseconds) {
  int64_t seconds = microseconds / 1'000'000;
  int64_t rest = microseconds % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm utc = {};
  ::gmtime_r(&time, &utc);
  char text[64];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + length, sizeof text - length, ".%06dZ", static_cast<int>(rest));
  return text;
}

}  // namespace dicomhouse::api
