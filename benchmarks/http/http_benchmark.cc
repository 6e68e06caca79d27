// The server under load from the same machine, over loopback: requests a second on connections that stay, bodies of 1 GiB in and
// out, and what idle connections cost. Plain text; TLS with --tls CERTIFICATE KEY for the bodies.
//
// Usage: http_benchmark [--tls CERTIFICATE KEY]
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "http/client.h"
#include "http/server.h"

namespace {

using namespace dicomhouse;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kLargeBytes = uint64_t{1} << 30;

double Since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <typename T>
T OrDie(base::Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

// GET: 6 bytes, or 1 GiB for /large; PUT: reads the body in blocks of 256 KiB and drops it.
http::Response Handle(http::Request& request) {
  http::Response response;
  std::vector<uint8_t> block;
  if (request.method == "PUT") block.resize(256 << 10);
  while (!block.empty()) {
    const auto count = request.body->Read(block);
    if (!count.ok() || *count == 0) break;
  }
  if (request.target.raw == "/large" && request.method == "GET") {
    response.length = kLargeBytes;
    response.stream = [](http::BodyWriter& out) -> base::Status {
      const std::string piece(256 << 10, 'x');
      for (uint64_t sent = 0; sent < kLargeBytes; sent += piece.size()) DH_CHECK(out.Write(piece));
      return {};
    };
  } else {
    response.body = "hello\n";
  }
  return response;
}

int Connect(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    std::exit(1);
  }
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return socket;
}

// One thread, many connections, each with one request under way.
double RequestsPerSecond(uint16_t port, int connections, double seconds) {
  static constexpr char kRequest[] = "GET /small HTTP/1.1\r\nHost: h\r\n\r\n";
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> sockets;
  const auto send_one = [&](int socket) {
    if (send(socket, kRequest, sizeof kRequest - 1, MSG_NOSIGNAL) < 0) std::exit(1);
  };
  for (int i = 0; i < connections; ++i) {
    sockets.push_back(Connect(port));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = sockets.back();
    epoll_ctl(poll, EPOLL_CTL_ADD, sockets.back(), &event);
  }
  for (const int socket : sockets) send_one(socket);
  uint64_t answers = 0;
  const Clock::time_point start = Clock::now();
  std::vector<epoll_event> events(256);
  char answer[1024];
  while (Since(start) < seconds) {
    const int ready = epoll_wait(poll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready; ++i) {
      const int socket = events[static_cast<size_t>(i)].data.fd;
      const ssize_t count = recv(socket, answer, sizeof answer, 0);
      if (count < 6 || std::memcmp(answer + count - 6, "hello\n", 6) != 0) std::exit(1);
      ++answers;
      send_one(socket);
    }
  }
  const double rate = static_cast<double>(answers) / Since(start);
  for (const int socket : sockets) close(socket);
  close(poll);
  return rate;
}

long ResidentKilobytes() {
  std::ifstream statm("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statm >> total >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

void IdleConnections(http::Server& server, int connections) {
  const long before = ResidentKilobytes();
  std::vector<int> sockets;
  for (int i = 0; i < connections; ++i) sockets.push_back(Connect(server.port()));
  while (server.connections() < connections) std::this_thread::yield();
  const double each = 1024.0 * static_cast<double>(ResidentKilobytes() - before) / connections;
  std::printf("%d idle connections: %.0f bytes each\n", connections, each);
  for (const int socket : sockets) close(socket);
}

class Zeros final : public http::BodyReader {
 public:
  explicit Zeros(bool has_length) : has_length_(has_length) {}
  base::Result<size_t> Read(std::span<uint8_t> out) override {
    const size_t count = std::min<uint64_t>(out.size(), left_);
    left_ -= count;
    return count;
  }
  std::optional<uint64_t> length() const override {
    if (has_length_) return kLargeBytes;
    return std::nullopt;
  }

 private:
  bool has_length_;
  uint64_t left_ = kLargeBytes;
};

void LargeBodies(const std::string& endpoint, const std::string& ca_file, const char* name) {
  auto client = OrDie(http::Client::Make({.endpoint = endpoint, .ca_file = ca_file}));
  for (int round = 0; round < 3; ++round) {
    for (const bool has_length : {true, false}) {
      Zeros zeros(has_length);
      const Clock::time_point start = Clock::now();
      OrDie(client->Send({.method = "PUT", .target = "/large", .stream = &zeros}));
      std::printf("%s: 1 GiB in, %s: %.2f s\n", name, has_length ? "with its length" : "chunked", Since(start));
    }
    const Clock::time_point start = Clock::now();
    OrDie(client->Send({.target = "/large"}, [](std::string_view) { return base::Status(); }));
    std::printf("%s: 1 GiB out: %.2f s\n", name, Since(start));
  }
}

}  // namespace

int main(int argc, char** argv) {
  auto server = OrDie(http::Server::Start({}, Handle));
  const uint16_t port = server->port();
  IdleConnections(*server, 5000);
  for (const int connections : {1, 64, 1000}) {
    std::printf("%d connections: %.0f requests a second\n", connections, RequestsPerSecond(port, connections, 3));
  }
  LargeBodies("http://127.0.0.1:" + std::to_string(port), "", "plain");
  if (argc == 4 && std::strcmp(argv[1], "--tls") == 0) {
    http::ServerOptions options;
    options.tls = http::TlsFiles{argv[2], argv[3]};
    auto tls_server = OrDie(http::Server::Start(std::move(options), Handle));
    LargeBodies("https://127.0.0.1:" + std::to_string(tls_server->port()), argv[2], "TLS");
  }
  return 0;
}
