#include "cli/api_client.h"

#include <CLI/CLI.hpp>

#include "cli/environment.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;

ErrorCode CodeOf(int status) {
  switch (status) {
    case 400:
      return ErrorCode::kInvalidArgument;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kAlreadyExists;
    case 412:
      return ErrorCode::kFailedPrecondition;
    case 501:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kIo;
  }
}

// Google's error body, or what there is.
Error ErrorOf(const http::ClientResponse& response) {
  const auto json = Json::Parse(response.body);
  const Json& error = json.ok() ? (*json)["error"] : Json();
  if (!error.is_object()) {
    return {CodeOf(response.status),
            "HTTP " + std::to_string(response.status) + " " + std::string(http::StatusText(response.status))};
  }
  std::string name = error["status"].as_string();
  if (name.empty()) name = "HTTPError " + std::to_string(response.status);  // Cloud Storage has no status names
  return {CodeOf(response.status), name + ": " + error["message"].as_string()};
}

}  // namespace

void AddServerFlags(CLI::App& app, Server& server) {
  if (server.endpoint.empty()) server.endpoint = Environment(kEndpointVariable);
  if (server.endpoint.empty()) server.endpoint = "http://127.0.0.1:8080";
  if (server.project.empty()) server.project = Environment("CLOUDSDK_CORE_PROJECT");
  if (server.project.empty()) server.project = "local";
  if (server.ca_file.empty()) server.ca_file = Environment(kCaFileVariable);
  app.add_option("--endpoint", server.endpoint, "The server (or the variable DICOMHOUSE_ENDPOINT); its token: DICOMHOUSE_TOKEN")
      ->type_name("URL")
      ->capture_default_str();
  app.add_option("--project", server.project, "Project of names that have none (or the variable CLOUDSDK_CORE_PROJECT)")
      ->capture_default_str();
  app.add_option("--ca-file", server.ca_file, "Certificates to trust, PEM (or the variable DICOMHOUSE_CA_FILE)")
      ->type_name("FILE");
}

base::Result<ApiClient> ApiClient::Make(const Server& server) {
  http::ClientOptions options;
  options.endpoint = server.endpoint;
  options.ca_file = server.ca_file;
  DH_ASSIGN(std::unique_ptr<http::Client> client, http::Client::Make(options));
  ApiClient made(std::move(client));
  made.endpoint_ = server.endpoint;
  while (made.endpoint_.ends_with('/')) made.endpoint_.pop_back();
  if (const std::string token = Environment(kTokenVariable); !token.empty()) made.authorization_ = "Bearer " + token;
  return made;
}

base::Result<http::ClientResponse> ApiClient::Send(http::ClientRequest request, const http::Client::Sink& sink) {
  if (!authorization_.empty()) request.headers.Set("Authorization", authorization_);
  DH_ASSIGN(http::ClientResponse response, client_->Send(request, sink));
  if ((response.status < 200 || response.status > 299) && response.status != 308) return ErrorOf(response);
  return response;
}

base::Result<Json> ApiClient::Call(const std::string& method, const std::string& target, const Json& body) {
  http::ClientRequest request;
  request.method = method;
  request.target = target;
  if (!body.is_null()) {
    request.headers.Set("Content-Type", "application/json");
    request.body = body.Print();
  }
  DH_ASSIGN(const http::ClientResponse response, Send(std::move(request)));
  if (response.body.find_first_not_of(" \t\r\n") == std::string::npos) return Json::MakeObject();
  auto json = Json::Parse(response.body);
  if (!json.ok()) return Error{ErrorCode::kCorrupt, endpoint_ + " answered what is no JSON: " + json.error().message};
  return *std::move(json);
}

}  // namespace dicomhouse::cli
