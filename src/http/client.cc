#include "http/client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <vector>

#include "base/limits.h"
#include "http/internal/asio.h"
#include "http/internal/body.h"
#include "http/internal/wire.h"

namespace dicomhouse::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Error;
using base::ErrorCode;
using boost::system::error_code;
using internal::Framing;
using TlsStream = asio::ssl::stream<tcp::socket&>;

constexpr size_t kBlockBytes = 256 << 10;

struct Endpoint {
  bool tls = false;
  std::string host;  // without the brackets of an IPv6 address
  std::string port;
  std::string authority;  // of the Host field
  std::string prefix;     // in front of all targets, without '/' at its end
};

std::optional<Endpoint> ParseEndpoint(std::string_view url) {
  Endpoint endpoint;
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kTls = "https://";
  endpoint.tls = url.starts_with(kTls);
  if (!endpoint.tls && !url.starts_with(kPlain)) return std::nullopt;
  url.remove_prefix(endpoint.tls ? kTls.size() : kPlain.size());
  const size_t slash = std::min(url.find('/'), url.size());
  endpoint.authority = url.substr(0, slash);
  endpoint.prefix = url.substr(slash);
  while (endpoint.prefix.ends_with('/')) endpoint.prefix.pop_back();
  if (endpoint.authority.find_first_of("@?# \t\r\n") != std::string::npos) return std::nullopt;
  std::string_view host = endpoint.authority;
  std::string_view port;
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
    uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return std::nullopt;
  endpoint.host = host;
  endpoint.port = port.empty() ? (endpoint.tls ? "443" : "80") : std::string(port);
  return endpoint;
}

// One connection. Every call waits at most the time out for a byte.
class Connection final : public internal::Transport {
 public:
  Connection(asio::io_context& io, std::chrono::duration<double> timeout, std::string name)
      : io_(io), socket_(io), timeout_(std::chrono::duration_cast<std::chrono::nanoseconds>(timeout)), name_(std::move(name)) {}

  base::Status Connect(const Endpoint& endpoint, asio::ssl::context* tls) {
    tcp::resolver resolver(io_);
    error_code error;
    const auto addresses = resolver.resolve(endpoint.host, endpoint.port, error);
    if (error) return Failure("no address", error);
    error = Wait([&](auto done) {
              asio::async_connect(socket_, addresses, [done](error_code result, const tcp::endpoint&) { done(result, 0); });
            }).first;
    if (error) return Failure("can't connect", error);
    socket_.set_option(tcp::no_delay(true), error);
    if (tls == nullptr) return {};
    tls_.emplace(socket_, *tls);
    SSL_set_tlsext_host_name(tls_->native_handle(), endpoint.host.c_str());
    tls_->set_verify_callback(asio::ssl::host_name_verification(endpoint.host));
    error =
        Wait([&](auto done) { tls_->async_handshake(TlsStream::client, [done](error_code result) { done(result, 0); }); }).first;
    if (error) return Failure("TLS refused", error);
    return {};
  }

  base::Result<size_t> ReadSome(std::span<uint8_t> out) override {
    const asio::mutable_buffer buffer(out.data(), out.size());
    const auto [error, count] =
        Wait([&](auto done) { tls_ ? tls_->async_read_some(buffer, done) : socket_.async_read_some(buffer, done); });
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return size_t{0};
    if (error) return Failure("the answer broke off", error);
    return count;
  }

  base::Status Write(std::span<const std::string_view> pieces) override {
    for (std::string_view piece : pieces) {
      while (!piece.empty()) {
        const asio::const_buffer buffer(piece.data(), piece.size());
        const auto [error, count] =
            Wait([&](auto done) { tls_ ? tls_->async_write_some(buffer, done) : socket_.async_write_some(buffer, done); });
        if (error) return Failure("the request broke off", error);
        piece.remove_prefix(count);
      }
    }
    return {};
  }

  // Whether the server has said something, or closed, without having been asked.
  bool HasInput() {
    char byte = 0;
    return ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
  }
  bool tls() const { return tls_.has_value(); }
  internal::InputBuffer& buffer() { return buffer_; }

 private:
  // Starts an operation with its handler and waits for it.
  template <typename Start>
  std::pair<error_code, size_t> Wait(const Start& start) {
    std::optional<std::pair<error_code, size_t>> result;
    start([&result](error_code error, size_t count) { result.emplace(error, count); });
    io_.restart();
    io_.run_for(timeout_);
    if (result) return *result;
    error_code ignored;
    socket_.close(ignored);
    io_.restart();
    io_.run();
    return {asio::error::timed_out, 0};
  }

  Error Failure(std::string_view what, error_code error) const {
    return {ErrorCode::kIo, name_ + ": " + std::string(what) + ": " + error.message()};
  }

  asio::io_context& io_;
  tcp::socket socket_;
  std::optional<TlsStream> tls_;
  std::chrono::nanoseconds timeout_;
  std::string name_;
  internal::InputBuffer buffer_;
};

// What can be sent again when the server closed the connection at the same time (RFC 9110 §9.2.2).
bool IsRepeatable(const ClientRequest& request) {
  constexpr std::string_view kIdempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return request.stream == nullptr &&
         std::find(std::begin(kIdempotent), std::end(kIdempotent), request.method) != std::end(kIdempotent);
}

class ClientImpl final : public Client {
 public:
  ClientImpl(ClientOptions options, Endpoint endpoint) : options_(std::move(options)), endpoint_(std::move(endpoint)) {}

  base::Status LoadTls();
  base::Result<ClientResponse> Send(const ClientRequest& request, const Sink& sink) override;

 private:
  base::Status Connect();
  base::Result<ClientResponse> Exchange(const ClientRequest& request, const Sink& sink, bool& answered);
  base::Status WriteRequest(const ClientRequest& request);
  base::Status WriteStream(BodyReader& stream, internal::FramedWriter& writer);
  base::Result<internal::ResponseHead> ReadHead(bool& answered);
  base::Result<ClientResponse> ReadResponse(const ClientRequest& request, const Sink& sink, bool& answered);
  base::Status ReadBody(internal::FramedBody& body, const Sink& sink, ClientResponse& response);

  ClientOptions options_;
  Endpoint endpoint_;
  asio::io_context io_;
  std::optional<asio::ssl::context> tls_;
  std::unique_ptr<Connection> connection_;  // after the io_context that it uses
};

base::Status ClientImpl::LoadTls() {
  if (!endpoint_.tls) return {};
  tls_.emplace(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
  tls_->set_verify_mode(asio::ssl::verify_peer);
  error_code error;
  if (options_.ca_file.empty()) {
    tls_->set_default_verify_paths(error);
  } else {
    tls_->load_verify_file(options_.ca_file, error);
  }
  if (error) return Error{ErrorCode::kInvalidArgument, options_.ca_file + ": no certificates in PEM: " + error.message()};
  return {};
}

base::Status ClientImpl::Connect() {
  const std::chrono::duration<double> timeout(options_.timeout_seconds);
  connection_ = std::make_unique<Connection>(io_, timeout, options_.endpoint);
  base::Status status = connection_->Connect(endpoint_, tls_ ? &*tls_ : nullptr);
  if (!status.ok()) connection_.reset();
  return status;
}

base::Result<ClientResponse> ClientImpl::Send(const ClientRequest& request, const Sink& sink) {
  if (connection_ != nullptr && connection_->HasInput()) connection_.reset();  // an idle connection says nothing but its end
  const bool reused = connection_ != nullptr;
  if (!reused) DH_CHECK(Connect());
  bool answered = false;
  base::Result<ClientResponse> response = Exchange(request, sink, answered);
  if (response.ok() || answered || !reused || !IsRepeatable(request)) return response;
  DH_CHECK(Connect());
  return Exchange(request, sink, answered);
}

// After an error there is no connection any more.
base::Result<ClientResponse> ClientImpl::Exchange(const ClientRequest& request, const Sink& sink, bool& answered) {
  const base::Status sent = WriteRequest(request);
  // A server that refuses a body answers without reading it.
  base::Result<ClientResponse> response = ReadResponse(request, sink, answered);
  if (!response.ok() || !sent.ok()) connection_.reset();
  if (!response.ok() && !answered && !sent.ok()) return sent.error();
  return response;
}

base::Status ClientImpl::WriteRequest(const ClientRequest& request) {
  Headers headers = request.headers;
  for (const char* ours : {"Host", "Content-Length", "Transfer-Encoding"}) headers.Remove(ours);
  std::string head =
      request.method + " " + endpoint_.prefix + request.target + " HTTP/1.1\r\nHost: " + endpoint_.authority + "\r\n";
  internal::AppendFields(head, headers);
  Framing framing;
  const std::optional<uint64_t> length = request.stream != nullptr ? request.stream->length() : request.body.size();
  if (!length) {
    framing.kind = Framing::Kind::kChunked;
    head += "Transfer-Encoding: chunked\r\n";
  } else {
    framing.length = *length;
    const bool needs_length = *length > 0 || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    if (needs_length) head += "Content-Length: " + std::to_string(*length) + "\r\n";
  }
  head += "\r\n";
  internal::FramedWriter writer(*connection_, std::move(head), framing);
  if (request.stream != nullptr) {
    DH_CHECK(WriteStream(*request.stream, writer));
  } else {
    DH_CHECK(writer.Write(request.body));
  }
  return writer.Finish();
}

base::Status ClientImpl::WriteStream(BodyReader& stream, internal::FramedWriter& writer) {
  std::vector<uint8_t> block(kBlockBytes);
  while (true) {
    DH_ASSIGN(const size_t count, stream.Read(block));
    if (count == 0) return {};
    DH_CHECK(writer.Write({reinterpret_cast<const char*>(block.data()), count}));
    // Not with TLS, where session tickets come unasked.
    if (!connection_->tls() && connection_->HasInput()) return Error{ErrorCode::kIo, "the server answered before the body's end"};
  }
}

base::Result<internal::ResponseHead> ClientImpl::ReadHead(bool& answered) {
  internal::InputBuffer& buffer = connection_->buffer();
  internal::HeadScanner scanner;
  while (true) {
    const internal::HeadScanner::State state = scanner.Scan(buffer.view());
    if (state == internal::HeadScanner::State::kWhole) {
      base::Result<internal::ResponseHead> head = internal::ParseResponseHead(buffer.view().substr(0, scanner.length()));
      buffer.Consume(scanner.length());
      return head;
    }
    if (state == internal::HeadScanner::State::kBad || buffer.view().size() > base::kMaxRequestHeaderBytes) {
      return Error{ErrorCode::kIo, options_.endpoint + ": the answer is not HTTP/1.1"};
    }
    DH_ASSIGN(const size_t count, connection_->ReadSome(buffer.Room(8 << 10)));
    if (count == 0) return Error{ErrorCode::kIo, options_.endpoint + ": closed the connection without an answer"};
    answered = true;
    buffer.Commit(count);
  }
}

base::Result<ClientResponse> ClientImpl::ReadResponse(const ClientRequest& request, const Sink& sink, bool& answered) {
  internal::ResponseHead head;
  do {
    DH_ASSIGN(head, ReadHead(answered));
  } while (head.status < 200);  // interim ones, such as 100 Continue
  DH_ASSIGN(const Framing framing, internal::FramingOf(head, request.method));
  ClientResponse response;
  response.status = head.status;
  response.headers = std::move(head.headers);
  const bool to_sink = sink && head.status / 100 == 2;
  internal::FramedBody body(connection_->buffer(), *connection_, framing,
                            to_sink ? base::kMaxRequestBodyBytes : base::kMaxClientBodyBytes);
  DH_CHECK(ReadBody(body, to_sink ? sink : nullptr, response));
  const bool stays = framing.kind != Framing::Kind::kUntilClose && internal::WantsKeepAlive(response.headers, head.minor);
  if (!stays) connection_.reset();
  return response;
}

base::Status ClientImpl::ReadBody(internal::FramedBody& body, const Sink& sink, ClientResponse& response) {
  std::vector<uint8_t> block(std::min<uint64_t>(kBlockBytes, body.length().value_or(kBlockBytes)));
  while (!body.ended()) {
    DH_ASSIGN(const size_t count, body.Read(block));
    const std::string_view bytes(reinterpret_cast<const char*>(block.data()), count);
    if (!sink) {
      response.body.append(bytes);
    } else if (count > 0) {
      DH_CHECK(sink(bytes));
    }
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Client>> Client::Make(ClientOptions options) {
  std::optional<Endpoint> endpoint = ParseEndpoint(options.endpoint);
  if (!endpoint) return Error{ErrorCode::kInvalidArgument, "'" + options.endpoint + "' is no http or https URL of a server"};
  auto client = std::make_unique<ClientImpl>(std::move(options), *std::move(endpoint));
  DH_CHECK(client->LoadTls());
  return std::unique_ptr<Client>(std::move(client));
}

}  // namespace dicomhouse::http
