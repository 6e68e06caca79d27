// An HTTP/1.1 client for one server, keep-alive, blocking: for the command line and for tests.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace dicomhouse::http {

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  // in origin form, encoded
  Headers headers = {};      // Host, Content-Length and Transfer-Encoding are the client's
  std::string body = {};
  BodyReader* stream = nullptr;  // instead of `body`; sent with its length, or chunked when it does not know it
};

struct ClientResponse {
  int status = 0;
  Headers headers = {};
  std::string body = {};  // unless a sink took it
};

struct ClientOptions {
  std::string endpoint = {};  // "http://127.0.0.1:8080", "https://house.example:8443/"; a path in front of all targets is allowed
  std::string ca_file = {};   // PEM; empty: the system's
  double timeout_seconds = 60;  // without a byte
};

// Not thread-safe. Reconnects when the server has closed an idle connection.
class Client {
 public:
  // Errors: kInvalidArgument: an endpoint that is no http(s) URL. Connects with the first request.
  static base::Result<std::unique_ptr<Client>> Make(ClientOptions options);
  virtual ~Client() = default;

  // `sink`: takes the bytes of the body of a 2xx response as they come; other bodies stay in the response.
  // Errors: kIo (no connection, ended early, time out): the text names the endpoint.
  using Sink = std::function<base::Status(std::string_view bytes)>;
  virtual base::Result<ClientResponse> Send(const ClientRequest& request, const Sink& sink = nullptr) = 0;
};

}  // namespace dicomhouse::http
