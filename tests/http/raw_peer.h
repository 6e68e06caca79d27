// A peer that says on the wire whatever it is told, well-formed or not.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dicomhouse::http::testing {

class RawPeer {
 public:
  explicit RawPeer(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawPeer() { close(socket_); }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  bool connected() const { return connected_; }
  // False: the server has closed the connection.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  void EndSending() { shutdown(socket_, SHUT_WR); }
  // Closes with a reset.
  void Reset() {
    const linger now{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(socket_);
    socket_ = -1;
  }
  // What comes until the server closes, `until` has come or nothing comes for so long.
  std::string Receive(std::string_view until = "", std::chrono::milliseconds silence = std::chrono::seconds(10)) {
    std::string all;
    closed_ = false;
    char block[64 << 10];
    while (until.empty() || all.find(until) == std::string::npos) {
      pollfd wait{socket_, POLLIN, 0};
      if (poll(&wait, 1, static_cast<int>(silence.count())) <= 0) return all;
      const ssize_t count = recv(socket_, block, sizeof block, 0);
      if (count <= 0) {
        closed_ = true;
        return all;
      }
      all.append(block, static_cast<size_t>(count));
    }
    return all;
  }
  // Whether the last Receive ended because the server closed.
  bool closed() const { return closed_; }

 private:
  int socket_;
  bool connected_ = false;
  bool closed_ = false;
};

// The statuses of the responses in what a peer received, in their order: "200 404".
inline std::string StatusesIn(std::string_view received) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  std::string statuses;
  for (size_t at = received.find(kVersion); at != std::string_view::npos; at = received.find(kVersion, at + 1)) {
    if (!statuses.empty()) statuses += ' ';
    statuses += received.substr(at + kVersion.size(), 3);
  }
  return statuses;
}

}  // namespace dicomhouse::http::testing
