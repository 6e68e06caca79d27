// The server, as the commands see it: where it is, who asks, JSON in and out.
#pragma once

#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "http/client.h"

namespace CLI {
class App;
}

namespace dicomhouse::cli {

struct Server {
  std::string endpoint;  // --endpoint, DICOMHOUSE_ENDPOINT, or http://127.0.0.1:8080
  std::string project;   // --project, CLOUDSDK_CORE_PROJECT, or "local"
  std::string ca_file;   // --ca-file, DICOMHOUSE_CA_FILE: PEM
};

// Adds --endpoint, --project and --ca-file. The token comes from DICOMHOUSE_TOKEN only: flags are seen by other users.
void AddServerFlags(CLI::App& app, Server& server);

class ApiClient {
 public:
  static base::Result<ApiClient> Make(const Server& server);

  // Sends `body` (null: none) and reads the JSON answer. Errors: those of http::Client; what the server said as
  // "NOT_FOUND: message", with the class of its status.
  base::Result<base::Json> Call(const std::string& method, const std::string& target, const base::Json& body = {});
  // The same for other bodies and other answers: a status outside of 200 to 299 (and 308) is an error.
  base::Result<http::ClientResponse> Send(http::ClientRequest request, const http::Client::Sink& sink = nullptr);
  // Where it is: for messages.
  const std::string& endpoint() const { return endpoint_; }

 private:
  explicit ApiClient(std::unique_ptr<http::Client> client) : client_(std::move(client)) {}
  std::unique_ptr<http::Client> client_;
  std::string endpoint_;
  std::string authorization_;
};

}  // namespace dicomhouse::cli
