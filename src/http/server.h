// An HTTP/1.1 server. Connections are read and written by a few I/O threads, so that idle and slow ones cost next to nothing;
// handlers run on threads of their own and may block. Nothing that a peer sends stops it: limits are base/limits.h's, and each
// has its status (400, 408, 411, 413, 414, 417, 431, 501, 505).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/limits.h"
#include "base/result.h"
#include "http/message.h"

namespace dicomhouse::http {

struct TlsFiles {
  std::string certificate;  // PEM, the chain
  std::string key;          // PEM
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0: a free one
  std::optional<TlsFiles> tls;
  int io_threads = 2;
  int handler_threads = 64;  // more than processors: most wait for disks and peers
  // How long peers may take; see base/limits.h.
  int header_seconds = base::kMaxHeaderSeconds;
  int idle_seconds = base::kMaxIdleSeconds;
  int silence_seconds = base::kMaxBodySilenceSeconds;
  // A response for what never reaches the handler (bad requests, limits): given status and a plain text. Default: text/plain.
  std::function<Response(int status, const std::string& text)> error_response;
  // Called after each request, on any thread: for logs and metrics. Must not block.
  struct Done {
    std::string method;  // "" when it could not be read
    std::string path;    // raw target without the query
    int status = 0;      // 499: the peer went away before an answer
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
    double seconds = 0;
    std::string peer;
  };
  std::function<void(const Done&)> on_done;
};

class Server {
 public:
  // Listens, then returns. Errors: kIo (address in use, refused), kInvalidArgument (address, TLS files).
  static base::Result<std::unique_ptr<Server>> Start(ServerOptions options, Handler handler);
  // Stops as Stop(0) does.
  virtual ~Server() = default;

  virtual uint16_t port() const = 0;
  // Refuses new connections and closes idle ones; requests under way have `grace_seconds` to end. Returns when all is
  // closed. Thread-safe; a second call returns when the first has.
  virtual void Stop(double grace_seconds) = 0;
  // Open connections now.
  virtual int connections() const = 0;
};

}  // namespace dicomhouse::http
