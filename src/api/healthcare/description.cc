// The API's description, made of the table of methods.
#include <map>
#include <string>
#include <utility>

#include "api/healthcare/methods.h"
#include "api/healthcare/shapes.h"

namespace dicomhouse::api {
namespace {

using base::Json;

constexpr std::string_view kScopes[] = {"https://www.googleapis.com/auth/cloud-healthcare",
                                        "https://www.googleapis.com/auth/cloud-platform"};

struct TypeAndFormat {
  const char* type;
  const char* format;  // null: none
};

TypeAndFormat TypeOf(JsonKind kind) {
  switch (kind) {
    case JsonKind::kBool:
      return {"boolean", nullptr};
    case JsonKind::kInt32:
      return {"integer", "int32"};
    case JsonKind::kInt64:
      return {"string", "int64"};
    case JsonKind::kTimestamp:
      return {"string", "google-datetime"};
    case JsonKind::kBytes:
      return {"string", "byte"};
    case JsonKind::kFieldMask:
      return {"string", "google-fieldmask"};
    case JsonKind::kMap:
    case JsonKind::kAny:
      return {"object", nullptr};
    default:
      return {"string", nullptr};
  }
}

void SetType(Json& json, JsonKind kind) {
  const TypeAndFormat type = TypeOf(kind);
  json.Set("type", type.type);
  if (type.format != nullptr) json.Set("format", type.format);
}

// JSON schema of one value of a field.
Json ValueJson(const JsonField& field) {
  Json json = Json::MakeObject();
  if (field.kind == JsonKind::kMessage) return json.Set("$ref", field.shape->name);
  SetType(json, field.kind);
  if (field.kind == JsonKind::kMap || field.kind == JsonKind::kAny) {
    Json inner = Json::MakeObject();
    json.Set("additionalProperties", inner.Set("type", field.kind == JsonKind::kMap ? "string" : "any"));
  }
  if (field.values.empty()) return json;
  Json values = Json::MakeArray();
  for (const std::string_view value : field.values) values.Append(value);
  return json.Set("enum", std::move(values));
}

Json FieldJson(const JsonField& field) {
  Json json = ValueJson(field);
  if (field.repeated) {
    Json list = Json::MakeObject();
    json = list.Set("type", "array").Set("items", std::move(json));
  }
  json.Set("description", field.description);
  if (field.output_only) json.Set("readOnly", true);
  return json;
}

// Shapes by name; the first of a name counts: what requests take knows the most fields.
using Shapes = std::map<std::string, const JsonShape*, std::less<>>;

void Collect(const JsonShape* shape, Shapes& shapes) {  // NOLINT(misc-no-recursion): our own tables
  if (shape == nullptr || !shapes.emplace(shape->name, shape).second) return;
  for (const JsonField& field : shape->fields) Collect(field.shape, shapes);
}

Json SchemasJson(const std::vector<RestMethod>& methods) {
  Shapes shapes;
  for (const RestMethod& method : methods) Collect(method.request, shapes);
  for (const RestMethod& method : methods) Collect(method.response, shapes);
  for (const JsonShape* const shape : ExtraShapes()) Collect(shape, shapes);
  Json schemas = Json::MakeObject();
  for (const auto& [name, shape] : shapes) {
    Json properties = Json::MakeObject();
    for (const JsonField& field : shape->fields) properties.Set(field.name, FieldJson(field));
    Json schema = Json::MakeObject();
    schema.Set("id", name).Set("type", "object").Set("properties", std::move(properties));
    schemas.Set(name, std::move(schema));
  }
  return schemas;
}

Json QueryParameterJson(const RestParameter& parameter) {
  Json json = Json::MakeObject();
  json.Set("description", parameter.description).Set("location", "query");
  SetType(json, parameter.kind);
  return json;
}

// "projects/{projectsId}/locations/{locationsId}" -> "^projects/[^/]+/locations/[^/]+$"
std::string PatternOf(std::string_view resource) {
  std::string pattern = "^";
  bool inside = false;
  for (const char c : resource) {
    if (c == '{') pattern += "[^/]+";
    inside = c == '{' || (inside && c != '}');
    if (!inside && c != '}') pattern += c;
  }
  return pattern + "$";
}

Json PathParameterJson(const std::string& pattern, const char* description) {
  Json json = Json::MakeObject();
  json.Set("description", description).Set("location", "path").Set("required", true).Set("type", "string");
  return json.Set("pattern", pattern);
}

Json MethodJson(const RestMethod& method, std::string_view version) {
  const std::string_view resource = method.path.substr(0, method.path.size() - method.suffix.size());
  const bool web = method.suffix.starts_with("/dicomWeb/");
  std::string path = std::string(version) + "/{+" + std::string(method.resource) + "}";
  path += web ? "/dicomWeb/{+dicomWebPath}" : std::string(method.suffix);
  Json parameters = Json::MakeObject();
  Json order = Json::MakeArray();
  parameters.Set(method.resource, PathParameterJson(PatternOf(resource), "The resource's name."));
  order.Append(method.resource);
  if (web) {
    const std::string_view web_path = method.suffix.substr(std::string_view("/dicomWeb/").size());
    parameters.Set("dicomWebPath", PathParameterJson(PatternOf(web_path), "What follows dicomWeb/."));
    order.Append("dicomWebPath");
  }
  for (const RestParameter& parameter : method.parameters) parameters.Set(parameter.name, QueryParameterJson(parameter));
  Json json = Json::MakeObject();
  json.Set("id", "healthcare." + std::string(method.id)).Set("description", method.description);
  json.Set("httpMethod", method.http).Set("path", path);
  json.Set("flatPath", std::string(version) + "/" + std::string(method.path));
  json.Set("parameters", std::move(parameters)).Set("parameterOrder", std::move(order));
  Json request = Json::MakeObject();
  if (method.request != nullptr) json.Set("request", request.Set("$ref", method.request->name));
  Json response = Json::MakeObject();
  json.Set("response", response.Set("$ref", method.response->name));
  Json scopes = Json::MakeArray();
  for (const std::string_view scope : kScopes) scopes.Append(scope);
  return json.Set("scopes", std::move(scopes));
}

Json& Child(Json& json, std::string_view name) {
  if (json.find(name) == nullptr) json.Set(name, Json::MakeObject());
  for (auto& [key, value] : json.object()) {
    if (key == name) return value;
  }
  return json;
}

// "projects.locations.get": resources, projects, resources, locations, methods, get.
void AddMethod(Json& root, const RestMethod& method, std::string_view version) {
  Json* at = &root;
  std::string_view rest = method.id;
  for (size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
    at = &Child(Child(*at, "resources"), rest.substr(0, dot));
    rest.remove_prefix(dot + 1);
  }
  Child(*at, "methods").Set(rest, MethodJson(method, version));
}

Json AuthJson() {
  Json scopes = Json::MakeObject();
  for (const std::string_view scope : kScopes) {
    Json text = Json::MakeObject();
    scopes.Set(scope, text.Set("description", "What a client of Google's asks for; this server takes the tokens of its file."));
  }
  Json oauth2 = Json::MakeObject();
  oauth2.Set("scopes", std::move(scopes));
  Json auth = Json::MakeObject();
  return auth.Set("oauth2", std::move(oauth2));
}

}  // namespace

Json DescribeApi(std::string_view version, const std::string& root_url) {
  const std::vector<RestMethod> methods = HealthcareMethods(version);
  Json api = Json::MakeObject();
  api.Set("kind", "discovery#restDescription").Set("discoveryVersion", "v1");
  api.Set("id", "healthcare:" + std::string(version)).Set("name", "healthcare").Set("version", version);
  api.Set("revision", "20260101").Set("title", "Cloud Healthcare API").Set("ownerName", "dicomhouse");
  api.Set("canonicalName", "Cloud Healthcare");
  api.Set("description", "The part of the Cloud Healthcare API that dicomhouse serves.");
  api.Set("protocol", "rest").Set("rootUrl", root_url).Set("servicePath", "").Set("basePath", "").Set("baseUrl", root_url);
  api.Set("batchPath", "batch").Set("version_module", true).Set("auth", AuthJson());
  Json parameters = Json::MakeObject();
  for (const RestParameter& parameter : SystemParameters()) parameters.Set(parameter.name, QueryParameterJson(parameter));
  api.Set("parameters", std::move(parameters)).Set("schemas", SchemasJson(methods));
  for (const RestMethod& method : methods) AddMethod(api, method, version);
  return api;
}

}  // namespace dicomhouse::api
