// Requests to handlers: patterns of path segments, methods, and errors as Google's APIs and DICOMweb print them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/message.h"

namespace dicomhouse::api {

// What a pattern's {names} matched.
class PathValues {
 public:
  const std::string& operator[](std::string_view name) const;  // "" when there is none
  void Set(std::string_view name, std::string value);

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

using RouteHandler = std::function<http::Response(http::Request&, const PathValues&)>;

// Patterns: "/v1/projects/{project}/locations/{location}/datasets/{dataset}", a last segment may end in a verb
// ("{store}:export"), "{rest**}" as the last one takes one or more segments, joined by '/' (as sent, percent-decoded each).
// Literal segments win over {names}. Made at the start, then read by many threads.
class Router {
 public:
  void Add(std::string_view methods, std::string_view pattern, const RouteHandler& handler);  // "GET" or "GET,HEAD"
  // What the error bodies of a prefix look like, for requests that no route takes (404, 405 with Allow).
  using ErrorBody = std::function<http::Response(int status, const std::string& text)>;
  void SetErrors(std::string_view prefix, ErrorBody body);

  http::Response Handle(http::Request& request) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    RouteHandler handler;
  };
  std::vector<Route> routes_;
  std::vector<std::pair<std::string, ErrorBody>> errors_;
};

// ---- Errors and bodies, as Google's JSON APIs have them.

// google.rpc.Code's name and the HTTP status of an error (google/rpc/code.proto). kConflict is ABORTED (409).
struct ErrorStatus {
  int http = 500;
  std::string_view name;  // "INVALID_ARGUMENT"
  int rpc = 13;           // google.rpc.Code
};
ErrorStatus StatusOf(base::ErrorCode code);
// {"error": {"code": 404, "message": "...", "status": "NOT_FOUND"}}
http::Response ErrorResponse(const base::Error& error);
http::Response ErrorResponse(int http_status, const std::string& message);
// 200 with JSON, indented by two as Google's are.
http::Response JsonResponse(const base::Json& json, int status = 200);
// Whether the body comes as it is, without a Content-Encoding such as gzip, which this server does not take apart: else 415.
bool IsPlainBody(const http::Request& request);
http::Response CodingRefused(const http::Request& request);
// Text without the mark that PowerShell 5.1's `Out-File -Encoding utf8` puts in front of it (U+FEFF).
std::string_view WithoutByteOrderMark(std::string_view text);
// The request's body as a JSON object; an empty body is {}. Errors: kInvalidArgument, kLimit (base::kMaxJsonBodyBytes).
base::Result<base::Json> ReadJson(http::Request& request);

// "2026-11-23T18:20:05.123456Z"
std::string Rfc3339(int64_t microseconds);

}  // namespace dicomhouse::api
