#include "api/rest_method.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

constexpr std::array<RestParameter, 13> kSystemParameters = {{
    {"$.xgafv", JsonKind::kString, "V1 error format."},
    {"access_token", JsonKind::kString, "The token, instead of the Authorization header."},
    {"alt", JsonKind::kString, "Data format for response: json."},
    {"$alt", JsonKind::kString, "The same."},
    {"callback", JsonKind::kString, "Not used."},
    {"fields", JsonKind::kString, "Selector specifying which fields to include in a partial response."},
    {"key", JsonKind::kString, "Not used."},
    {"oauth_token", JsonKind::kString, "Not used."},
    {"prettyPrint", JsonKind::kBool, "Returns response with indentations and line breaks."},
    {"quotaUser", JsonKind::kString, "Not used."},
    {"upload_protocol", JsonKind::kString, "Not used."},
    {"uploadType", JsonKind::kString, "Not used."},
    {"$prettyPrint", JsonKind::kBool, "The same."},
}};

// google.rpc.BadRequest, as a detail of the error.
http::Response ViolationResponse(const Error& error, const FieldViolation& violation) {
  Json field = Json::MakeObject();
  if (!violation.field.empty()) field.Set("field", violation.field);
  field.Set("description", violation.description);
  Json detail = Json::MakeObject();
  detail.Set("@type", "type.googleapis.com/google.rpc.BadRequest").Set("fieldViolations", Json::Array{std::move(field)});
  Json body = Json::MakeObject();
  Json inner = Json::MakeObject();
  inner.Set("code", 400).Set("message", error.message).Set("status", "INVALID_ARGUMENT").Set("details", Json::Array{detail});
  return JsonResponse(body.Set("error", std::move(inner)), 400);
}

bool IsBoolText(std::string_view text) { return text == "true" || text == "false" || text == "1" || text == "0"; }

Status CheckParameter(const RestParameter& parameter, const std::string& value) {
  int32_t number = 0;
  const auto end = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool fits = parameter.kind == JsonKind::kBool    ? IsBoolText(value)
                    : parameter.kind == JsonKind::kInt32 ? end.ec == std::errc() && end.ptr == value.data() + value.size()
                                                         : true;
  if (fits) return {};
  const char* type = parameter.kind == JsonKind::kBool ? "TYPE_BOOL" : "TYPE_INT32";
  return Error{ErrorCode::kInvalidArgument,
               "Invalid value at '" + std::string(parameter.name) + "' (" + type + "), " + Json(value).Print()};
}

// Every parameter is one of the method or of the system, and of its type.
Status CheckParameters(const RestMethod& method, const http::Target& target) {
  for (const auto& [name, value] : target.query) {
    const auto is_it = [&, &key = name](const RestParameter& parameter) { return parameter.name == key; };
    auto found = std::find_if(method.parameters.begin(), method.parameters.end(), is_it);
    const RestParameter* parameter = found == method.parameters.end() ? nullptr : &*found;
    if (parameter == nullptr) {
      const auto system = std::find_if(kSystemParameters.begin(), kSystemParameters.end(), is_it);
      if (system == kSystemParameters.end()) {
        return Error{ErrorCode::kInvalidArgument, "Invalid JSON payload received. Unknown name " + Json(name).Print() +
                                                      ": Cannot bind query parameter. Field '" + name +
                                                      "' could not be found in request message."};
      }
      parameter = system;
    }
    DH_CHECK(CheckParameter(*parameter, value));
    if ((name == "alt" || name == "$alt") && value != "json") {
      return Error{ErrorCode::kInvalidArgument, "alt=" + value + " is not possible: answers are JSON"};
    }
  }
  return {};
}

bool WantsOneLine(const http::Target& target) {
  for (const char* const name : {"prettyPrint", "$prettyPrint"}) {
    const std::string* const value = target.Query(name);
    if (value != nullptr && (*value == "false" || *value == "0")) return true;
  }
  return false;
}

http::Response Print(const Json& json, const http::Target& target) {
  http::Response response = JsonResponse(json);
  if (WantsOneLine(target)) response.body = json.Print();
  return response;
}

const std::string kNothing;

}  // namespace

const std::string& RestCall::Query(std::string_view name) const {
  const std::string* const value = request.target.Query(name);
  return value == nullptr ? kNothing : *value;
}

std::span<const RestParameter> SystemParameters() { return kSystemParameters; }

http::Response Answer(const Services& services, const RestMethod& method, std::string_view version, http::Request& request,
                      const PathValues& path) {
  if (const Status checked = CheckParameters(method, request.target); !checked.ok()) return ErrorResponse(checked.error());
  RestCall call{services, version, request, path, Json::MakeObject()};
  if (method.request != nullptr) {
    if (!IsPlainBody(request)) return CodingRefused(request);
    auto body = ReadJson(request);
    if (!body.ok()) return ErrorResponse(body.error());
    FieldViolation violation;
    auto message = ReadMessage(*body, *method.request, &violation);
    if (!message.ok()) return ViolationResponse(message.error(), violation);
    call.body = *std::move(message);
  }
  auto answer = method.handler(call);
  if (answer.ok() && !call.Query("fields").empty()) answer = SelectFields(*answer, call.Query("fields"));
  return answer.ok() ? Print(*answer, request.target) : ErrorResponse(answer.error());
}

Json ListAnswer(std::string_view name, Json::Array items, const std::string& next_page_token) {
  Json answer = Json::MakeObject();
  if (!items.empty()) answer.Set(name, std::move(items));
  if (!next_page_token.empty()) answer.Set("nextPageToken", next_page_token);
  return answer;
}

Result<Json> NotImplemented(const RestCall& call) {
  const std::string path = call.request.target.raw.substr(0, call.request.target.raw.find('?'));
  return Error{ErrorCode::kFailedPrecondition, "This server does not implement " + call.request.method + " " + path + "."};
}

}  // namespace dicomhouse::api
