// Methods of Google's APIs as a table: what they take, what they answer, who does them. One table makes the routes, the checks of
// requests and the API's description.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/json_shape.h"
#include "api/router.h"
#include "api/services.h"
#include "base/json.h"
#include "base/result.h"
#include "http/message.h"

namespace dicomhouse::api {

// One request, checked: its parameters are known ones, its body is of the method's shape.
struct RestCall {
  const Services& services;
  std::string_view version;  // "v1", "v1beta1"
  const http::Request& request;
  const PathValues& path;
  base::Json body;  // as ReadMessage gives it; {} without one

  // A query parameter, "" when there is none.
  const std::string& Query(std::string_view name) const;
};

// Parses nothing that RestCall has parsed, calls one function of a module below, returns the answer's message.
using RestHandler = base::Result<base::Json> (*)(const RestCall& call);

// A parameter of the query.
struct RestParameter {
  std::string_view name;
  JsonKind kind = JsonKind::kString;
  std::string_view description = {};
};

struct RestMethod {
  std::string_view id;  // "projects.locations.datasets.get"
  std::string_view http;
  // With the names of the description's flatPath: "projects/{projectsId}/locations/{locationsId}".
  std::string_view path;
  // The resource is all of the path but this: "/datasets", ":export", "".
  std::string_view suffix;
  std::string_view resource;  // the parameter's name: "name", "parent", "resource"
  std::span<const RestParameter> parameters = {};
  const JsonShape* request = nullptr;  // null: no body is read
  const JsonShape* response = nullptr;
  RestHandler handler = nullptr;  // null: another folder has the route, or nobody
  std::string_view description = {};
};

// Parameters of every method (https://cloud.google.com/apis/docs/system-parameters).
std::span<const RestParameter> SystemParameters();

// Answers a request by a method.
http::Response Answer(const Services& services, const RestMethod& method, std::string_view version, http::Request& request,
                      const PathValues& path);

// A list method's answer: the items in the field `name` and the next page's token, each only when there are any.
base::Json ListAnswer(std::string_view name, base::Json::Array items, const std::string& next_page_token);

// A method that the API has and this server does not: 400. gcloud and Google's clients try again for half a minute what is
// answered with 501, as with every status from 500 on.
base::Result<base::Json> NotImplemented(const RestCall& call);

}  // namespace dicomhouse::api
