#include "http/server.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "http/internal/asio.h"
#include "http/internal/body.h"
#include "http/internal/handler_pool.h"
#include "http/internal/wire.h"

// How a request goes through the threads. A connection belongs to one I/O thread, where a coroutine waits for requests, reads
// their heads and small bodies, and writes responses that are in memory. While a handler runs, the coroutine is suspended and the
// handler's thread alone uses the socket: it reads the body and writes streamed responses by blocking calls, without a copy or a
// change of threads on the way. Time limits hold in both: what waits for a peer leaves a deadline in the connection's Watch, and
// twice a second the I/O thread shuts down the sockets that are late, which wakes whoever waits.
//
// g++ 12 may destroy temporaries of a co_await expression twice: arguments with destructors have names
// here.
namespace dicomhouse::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using base::Error;
using base::ErrorCode;
using boost::system::error_code;
using internal::FramedBody;
using internal::Framing;
using internal::Refusal;
using Clock = std::chrono::steady_clock;
using TlsStream = asio::ssl::stream<tcp::socket&>;

constexpr std::chrono::milliseconds kSweepInterval(500);
// A connection that ends with bytes unread is read for so long, so that its peer gets the answer and not a reset.
constexpr int kLingerSeconds = 2;
constexpr size_t kLingerBytes = 16 << 20;
// A body that its handler didn't read has so long to come in, or the connection ends.
constexpr int kDrainSeconds = 5;
// Where there are too many connections, those that wait for longer without a request are ended.
constexpr int kCrowdedIdleSeconds = 1;
// Bodies up to here come in before their handler is called, so that slow senders don't take its thread.
constexpr uint64_t kEarlyBodyBytes = 64 << 10;
constexpr size_t kHeadReadBytes = 8 << 10;

int64_t Milliseconds(Clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// The time by which a peer has to do its part. Set by the thread that waits, looked at by the I/O thread.
class Deadline {
 public:
  void Set(int seconds) { at_.store(Milliseconds(Clock::now()) + seconds * 1000); }
  // Whether it had passed.
  bool Clear() { return at_.exchange(0) == kPassed; }
  // True once when it has passed now.
  bool Pass(int64_t now) {
    int64_t at = at_.load();
    return at > 0 && now > at && at_.compare_exchange_strong(at, kPassed);
  }

 private:
  static constexpr int64_t kPassed = -1;
  std::atomic<int64_t> at_ = 0;  // milliseconds; 0: none
};

// Whether a peer keeps to kMinBodyBytesPerSecond, over `seconds` of waiting for it.
class RateFloor {
 public:
  explicit RateFloor(int seconds) : seconds_(seconds) {}
  bool Keeps(Clock::duration waited, size_t bytes) {
    waited_ += waited;
    bytes_ += bytes;
    if (waited_ < std::chrono::seconds(seconds_)) return true;
    const bool keeps = bytes_ >= uint64_t{base::kMinBodyBytesPerSecond} * static_cast<uint64_t>(seconds_);
    waited_ = {};
    bytes_ = 0;
    return keeps;
  }

 private:
  int seconds_;
  Clock::duration waited_{};
  uint64_t bytes_ = 0;
};

class ServerImpl;
class Connection;

// An I/O thread and the connections that it owns.
struct Loop {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer sweep{io};
  bool ended = false;                  // of its thread: nothing is to be swept any more
  std::list<Connection*> connections;  // of this thread only
  std::thread thread;
};

// A request and its response while they are under way.
struct Exchange {
  internal::RequestHead head;
  Framing framing;
  std::optional<FramedBody> body;
  Request request;
  Response response;
  std::string response_head;
  bool expects_continue = false;
  bool keep_alive = false;
  bool written = false;  // the response, by the handler's thread
  bool broken = false;   // no use in writing to the connection any more
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  size_t sent = 0;  // of the response in memory, head and body, by the handler's thread
  Clock::time_point start = Clock::now();
};

class Connection final : public std::enable_shared_from_this<Connection>, public internal::Transport {
 public:
  Connection(ServerImpl& server, Loop& loop, tcp::socket socket);

  // The connection's life, on its I/O thread.
  asio::awaitable<void> Run();

  // ---- of its I/O thread
  void Sweep(int64_t now, bool crowded);
  void EndIfIdle();
  void Abort() { ::shutdown(socket_.native_handle(), SHUT_RDWR); }

  // ---- Transport: of the handler's thread
  base::Result<size_t> ReadSome(std::span<uint8_t> out) override;
  base::Status Write(std::span<const std::string_view> pieces) override;

 private:
  asio::awaitable<void> Serve();
  asio::awaitable<bool> Handshake();
  asio::awaitable<bool> WaitForRequest();
  asio::awaitable<bool> ReadHead(Exchange& exchange);
  asio::awaitable<bool> ReadEarlyBody(Exchange& exchange);
  asio::awaitable<bool> DrainBody(FramedBody& body);
  asio::awaitable<void> CallHandler(Exchange& exchange);
  asio::awaitable<void> EndRefused(Exchange& exchange);
  asio::awaitable<void> WriteResponse(Exchange& exchange);
  asio::awaitable<void> Close(bool unread);
  asio::awaitable<size_t> AsyncRead(std::span<uint8_t> out, error_code& error);
  asio::awaitable<size_t> AsyncWriteSome(std::string_view bytes, error_code& error);
  asio::awaitable<bool> AsyncWrite(std::string_view bytes);

  std::optional<Refusal> Understand(std::string_view head, Exchange& exchange);
  void Answer(Exchange& exchange);
  void RunHandler(Exchange& exchange);
  void FinishBody(Exchange& exchange);
  void MakeResponseHead(Exchange& exchange, Framing& framing);
  void StreamResponse(Exchange& exchange, const Framing& framing);
  void SendAtOnce(Exchange& exchange);
  void Refuse(Exchange& exchange, int status, const std::string& text);
  void Report(const Exchange& exchange);

  ServerImpl& server_;
  Loop& loop_;
  tcp::socket socket_;
  std::unique_ptr<TlsStream> tls_;
  std::string peer_;
  internal::InputBuffer buffer_;
  Deadline read_deadline_;
  Deadline write_deadline_;
  int64_t idle_since_ = 0;        // milliseconds; 0: it has a request. Of the I/O thread
  bool late_ = false;             // the peer missed its deadline; of the thread that uses the socket
  bool continue_wanted_ = false;  // 100 Continue has to go out before the body is read
  RateFloor read_floor_;
  RateFloor write_floor_;
};

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)), pool_(std::max(1, options_.handler_threads)) {
    for (int i = 0; i < std::max(1, options_.io_threads); ++i) loops_.push_back(std::make_unique<Loop>());
  }
  ~ServerImpl() override { Stop(0); }

  base::Status Listen();
  uint16_t port() const override { return port_; }
  void Stop(double grace_seconds) override {
    std::call_once(stopped_, [&] { DoStop(grace_seconds); });
  }
  int connections() const override { return connections_.load(); }

  const ServerOptions& options() const { return options_; }
  const Handler& handler() const { return handler_; }
  internal::HandlerPool& pool() { return pool_; }
  asio::ssl::context* tls() { return tls_ ? &*tls_ : nullptr; }
  bool stopping() const { return stopping_.load(); }
  int silence_seconds() const { return options_.silence_seconds; }
  void Closed();
  Response ErrorResponse(int status, const std::string& text) const;

 private:
  base::Status LoadTls(const TlsFiles& files);
  asio::awaitable<void> Accept();
  asio::awaitable<void> SweepLoop(Loop& loop);
  void EachConnection(void (*action)(Connection&));
  void DoStop(double grace_seconds);

  ServerOptions options_;
  Handler handler_;
  std::optional<asio::ssl::context> tls_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<tcp::acceptor> acceptor_;  // of the first loop's thread
  uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> crowded_ = false;  // there are connections that can't be accepted
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::condition_variable closed_;
  std::once_flag stopped_;
  internal::HandlerPool pool_;  // last: its threads end before the rest goes
};

asio::mutable_buffer AsBuffer(std::span<uint8_t> bytes) { return {bytes.data(), bytes.size()}; }

// ---- Connection: waiting and reading on the I/O thread

Connection::Connection(ServerImpl& server, Loop& loop, tcp::socket socket)
    : server_(server),
      loop_(loop),
      socket_(std::move(socket)),
      read_floor_(server.silence_seconds()),
      write_floor_(server.silence_seconds()) {}

asio::awaitable<size_t> Connection::AsyncRead(std::span<uint8_t> out, error_code& error) {
  auto token = asio::redirect_error(asio::use_awaitable, error);
  if (tls_) co_return co_await tls_->async_read_some(AsBuffer(out), token);
  co_return co_await socket_.async_read_some(AsBuffer(out), token);
}

asio::awaitable<size_t> Connection::AsyncWriteSome(std::string_view bytes, error_code& error) {
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const asio::const_buffer buffer(bytes.data(), bytes.size());
  if (tls_) co_return co_await tls_->async_write_some(buffer, token);
  co_return co_await socket_.async_write_some(buffer, token);
}

asio::awaitable<bool> Connection::AsyncWrite(std::string_view bytes) {
  while (!bytes.empty()) {
    error_code error;
    write_deadline_.Set(server_.silence_seconds());
    const Clock::time_point start = Clock::now();
    const size_t count = co_await AsyncWriteSome(bytes, error);
    if (write_deadline_.Clear() || error || !write_floor_.Keeps(Clock::now() - start, count)) co_return false;
    bytes.remove_prefix(count);
  }
  co_return true;
}

asio::awaitable<bool> Connection::Handshake() {
  tls_ = std::make_unique<TlsStream>(socket_, *server_.tls());
  read_deadline_.Set(server_.options().header_seconds);
  error_code error;
  co_await tls_->async_handshake(TlsStream::server, asio::redirect_error(asio::use_awaitable, error));
  co_return !read_deadline_.Clear() && !error;
}

// Costs no buffer while nothing comes. False: there will be none.
asio::awaitable<bool> Connection::WaitForRequest() {
  if (!buffer_.view().empty()) co_return true;  // pipelined
  if (server_.stopping()) co_return false;
  buffer_.Release();
  idle_since_ = Milliseconds(Clock::now());
  read_deadline_.Set(server_.options().idle_seconds);
  error_code error;
  if (tls_) {
    std::array<uint8_t, 512> first;
    const size_t count = co_await AsyncRead(first, error);
    std::copy_n(first.begin(), count, buffer_.Room(kHeadReadBytes).begin());
    buffer_.Commit(count);
  } else {
    co_await socket_.async_wait(tcp::socket::wait_read, asio::redirect_error(asio::use_awaitable, error));
  }
  idle_since_ = 0;
  co_return !read_deadline_.Clear() && !error;
}

// False: there is no request; whoever sent a bad one has had its answer.
asio::awaitable<bool> Connection::ReadHead(Exchange& exchange) {
  internal::HeadScanner scanner;
  read_deadline_.Set(server_.options().header_seconds);
  while (true) {
    const internal::HeadScanner::State state = scanner.Scan(buffer_.view());
    std::optional<Refusal> refusal;
    if (state == internal::HeadScanner::State::kBad) refusal = {400, "a line of the header doesn't end with CRLF"};
    const size_t length = state == internal::HeadScanner::State::kMore ? buffer_.view().size() : scanner.length();
    if (length > base::kMaxRequestHeaderBytes) {
      refusal = {scanner.length() > 0 ? 431 : 414,
                 "more than " + std::to_string(base::kMaxRequestHeaderBytes) + " bytes of header"};
    }
    if (!refusal && state == internal::HeadScanner::State::kWhole) {
      read_deadline_.Clear();
      refusal = Understand(buffer_.view().substr(0, length), exchange);
      buffer_.Consume(length);
      exchange.bytes_in += length;
      if (!refusal) co_return true;
    }
    if (!refusal) {
      error_code error;
      const size_t count = co_await AsyncRead(buffer_.Room(kHeadReadBytes), error);
      buffer_.Commit(count);
      if (count > 0 && !error) continue;
      if (!read_deadline_.Clear() || buffer_.view().empty()) co_return false;
      refusal = {408, "the header did not come within " + std::to_string(server_.options().header_seconds) + " seconds"};
    }
    read_deadline_.Clear();
    Refuse(exchange, refusal->status, refusal->text);
    co_await EndRefused(exchange);
    co_return false;
  }
}

std::optional<Refusal> Connection::Understand(std::string_view head, Exchange& exchange) {
  std::optional<Refusal> refusal = internal::ParseRequestHead(head, exchange.head);
  Request& request = exchange.request;
  request.method = exchange.head.method;
  request.target.raw = exchange.head.target;
  request.peer = peer_;
  request.tls = tls_ != nullptr;
  if (refusal) return refusal;
  request.headers = std::move(exchange.head.headers);
  exchange.head.headers = Headers();
  const internal::RequestHead framed{exchange.head.method, exchange.head.target, exchange.head.minor, request.headers};
  if ((refusal = internal::FramingOf(framed, exchange.framing))) return refusal;
  base::Result<Target> target = Target::Parse(exchange.head.target);
  if (!target.ok()) return Refusal{400, target.error().message};
  request.target = *std::move(target);
  exchange.keep_alive = internal::WantsKeepAlive(request.headers, exchange.head.minor) && !server_.stopping();
  const std::string_view expectation = request.headers.Get("Expect");
  if (!expectation.empty() && exchange.head.minor >= 1) {
    if (!internal::HasToken(request.headers, "Expect", "100-continue")) return Refusal{417, "an unknown expectation"};
    exchange.expects_continue = exchange.framing.kind == Framing::Kind::kChunked || exchange.framing.length > 0;
  }
  return std::nullopt;
}

// The beginning of the body, mostly all of it, unless the peer waits for our word. False: it did not come.
asio::awaitable<bool> Connection::ReadEarlyBody(Exchange& exchange) {
  FramedBody& body = exchange.body.emplace(buffer_, *this, exchange.framing, base::kMaxRequestBodyBytes);
  continue_wanted_ = exchange.expects_continue && buffer_.view().empty();
  read_floor_ = RateFloor(server_.silence_seconds());
  write_floor_ = RateFloor(server_.silence_seconds());
  late_ = false;
  while (!continue_wanted_ && !body.Prefetch(kEarlyBodyBytes)) {
    read_deadline_.Set(server_.silence_seconds());
    const Clock::time_point start = Clock::now();
    error_code error;
    const uint64_t wanted = std::clamp<uint64_t>(body.left(), kHeadReadBytes, kEarlyBodyBytes);
    const size_t count = co_await AsyncRead(buffer_.Room(wanted), error);
    buffer_.Commit(count);
    if (read_deadline_.Clear() || !read_floor_.Keeps(Clock::now() - start, count)) {
      Refuse(exchange, 408, "the body came too slowly");
      co_await EndRefused(exchange);
      co_return false;
    }
    if (error || count == 0) co_return false;
  }
  if (!body.error()) co_return true;
  Refuse(exchange, body.error()->code == ErrorCode::kLimit ? 413 : 400, body.error()->message);
  co_await EndRefused(exchange);
  co_return false;
}

// What the handler did not read, so that the next request can be. False: there is too much of it.
asio::awaitable<bool> Connection::DrainBody(FramedBody& body) {
  std::vector<uint8_t> dropped(kHeadReadBytes);
  const uint64_t limit = body.bytes() + base::kMaxDrainBytes;
  read_deadline_.Set(kDrainSeconds);
  bool good = true;
  while (good && !body.ended()) {
    const base::Result<std::optional<size_t>> read = body.TryRead(dropped);
    good = read.ok() && body.bytes() <= limit;
    if (!good || *read) continue;
    error_code error;
    const size_t count = co_await AsyncRead(buffer_.Room(kHeadReadBytes), error);
    buffer_.Commit(count);
    good = count > 0 && !error;
  }
  co_return !read_deadline_.Clear() && good;
}

// ---- Connection: on the handler's thread

base::Result<size_t> Connection::ReadSome(std::span<uint8_t> out) {
  if (std::exchange(continue_wanted_, false)) {
    const std::string_view pieces[] = {"HTTP/1.1 100 Continue\r\n\r\n"};
    DH_CHECK(Write(pieces));
  }
  read_deadline_.Set(server_.silence_seconds());
  const Clock::time_point start = Clock::now();
  error_code error;
  const size_t count = tls_ ? tls_->read_some(AsBuffer(out), error) : socket_.read_some(AsBuffer(out), error);
  late_ = read_deadline_.Clear() || !read_floor_.Keeps(Clock::now() - start, count);
  if (late_) return Error{ErrorCode::kIo, peer_ + " sent its body too slowly"};
  if (error && error != asio::error::eof && error != asio::ssl::error::stream_truncated) {
    return Error{ErrorCode::kIo, peer_ + " went away: " + error.message()};
  }
  return count;
}

base::Status Connection::Write(std::span<const std::string_view> pieces) {
  std::array<asio::const_buffer, 8> buffers;
  size_t used = 0;
  size_t left = 0;
  for (const std::string_view piece : pieces) {
    if (piece.empty()) continue;
    buffers.at(used++) = asio::const_buffer(piece.data(), piece.size());
    left += piece.size();
  }
  size_t first = 0;
  while (left > 0) {
    const std::span<const asio::const_buffer> now(buffers.data() + first, used - first);
    write_deadline_.Set(server_.silence_seconds());
    const Clock::time_point start = Clock::now();
    error_code error;
    size_t count = tls_ ? tls_->write_some(now, error) : socket_.write_some(now, error);
    if (write_deadline_.Clear() || !write_floor_.Keeps(Clock::now() - start, count)) {
      return Error{ErrorCode::kIo, peer_ + " took its answer too slowly"};
    }
    if (error) return Error{ErrorCode::kIo, peer_ + " went away: " + error.message()};
    left -= count;
    for (; count > 0 && count >= buffers[first].size(); ++first) count -= buffers[first].size();
    if (count > 0) buffers[first] += count;
  }
  return {};
}

void Connection::RunHandler(Exchange& exchange) {
  try {
    exchange.response = server_.handler()(exchange.request);
  } catch (const std::exception& exception) {  // std::bad_alloc, or what a library throws: never the end of the server
    exchange.response = server_.ErrorResponse(500, exception.what());
  }
}

// After the handler: what its body's reading means for the response and the connection.
void Connection::FinishBody(Exchange& exchange) {
  const FramedBody& body = *exchange.body;
  if (server_.stopping()) exchange.keep_alive = false;
  if (body.error()) {
    exchange.keep_alive = false;
    const std::string& text = body.error()->message;
    if (late_) {
      exchange.response = server_.ErrorResponse(408, text);
    } else if (body.error()->code == ErrorCode::kInvalidArgument) {
      exchange.response = server_.ErrorResponse(400, text);
    } else if (body.error()->code == ErrorCode::kLimit) {
      exchange.response = server_.ErrorResponse(413, text);
    } else {
      exchange.broken = true;
    }
  } else if (!body.ended() && (continue_wanted_ || (body.length() && body.left() > base::kMaxDrainBytes))) {
    // A peer that still waits for 100 Continue may send the body or not: only a new connection is clear.
    exchange.keep_alive = false;
  }
}

// Fills response_head; `framing`: how the body, if there is one, is sent.
void Connection::MakeResponseHead(Exchange& exchange, Framing& framing) {
  Response& response = exchange.response;
  for (const char* ours : {"Content-Length", "Transfer-Encoding", "Connection", "Date"}) response.headers.Remove(ours);
  if (response.status < 200 || response.status > 999) response = server_.ErrorResponse(500, "a handler gave no final status");
  const bool bodiless = response.status == 204 || response.status == 304;
  framing = Framing();
  std::string& head = exchange.response_head;
  head = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(StatusText(response.status)) + "\r\n";
  internal::AppendFields(head, response.headers);
  head += "Date: " + internal::HttpDate() + "\r\n";
  if (response.stream && !response.length) {
    framing.kind = exchange.head.minor >= 1 ? Framing::Kind::kChunked : Framing::Kind::kUntilClose;
    if (framing.kind == Framing::Kind::kUntilClose) exchange.keep_alive = false;
    if (framing.kind == Framing::Kind::kChunked && !bodiless) head += "Transfer-Encoding: chunked\r\n";
  } else {
    framing.length = response.stream ? *response.length : response.body.size();
    if (response.length && exchange.request.method == "HEAD") framing.length = *response.length;
    if (!bodiless) head += "Content-Length: " + std::to_string(framing.length) + "\r\n";
  }
  if (!exchange.keep_alive) {
    head += "Connection: close\r\n";
  } else if (exchange.head.minor == 0) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  if (bodiless || exchange.request.method == "HEAD") {
    response.stream = nullptr;
    response.body.clear();
  }
}

void Connection::StreamResponse(Exchange& exchange, const Framing& framing) {
  internal::FramedWriter writer(*this, std::move(exchange.response_head), framing);
  base::Status status;
  try {
    status = exchange.response.stream(writer);
  } catch (const std::exception& exception) {
    status = Error{ErrorCode::kIo, exception.what()};
  }
  if (status.ok()) status = writer.Finish();
  if (!status.ok() && !writer.started()) {
    exchange.response = server_.ErrorResponse(500, status.error().message);
    Framing whole;
    return MakeResponseHead(exchange, whole);
  }
  exchange.bytes_out += writer.bytes();
  exchange.written = true;
  exchange.broken = !status.ok();
}

void Connection::Answer(Exchange& exchange) {
  exchange.request.body = &*exchange.body;
  RunHandler(exchange);
  FinishBody(exchange);
  if (exchange.broken) return;
  Framing framing;
  MakeResponseHead(exchange, framing);
  if (exchange.response.stream) {
    StreamResponse(exchange, framing);
  } else {
    SendAtOnce(exchange);
  }
}

// What the socket takes of a response in memory without waiting: the peer then need not wait until the I/O thread has woken. The
// rest, and whatever is wrong, is the I/O thread's.
void Connection::SendAtOnce(Exchange& exchange) {
  if (tls_) return;
  std::string& head = exchange.response_head;
  std::string& body = exchange.response.body;
  std::array<iovec, 2> pieces{{{head.data(), head.size()}, {body.data(), body.size()}}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) exchange.sent = static_cast<size_t>(sent);
}

// ---- Connection: the response, on the I/O thread

asio::awaitable<void> Connection::CallHandler(Exchange& exchange) {
  const auto start = [this, &exchange](auto done) {
    // The pool's jobs are copyable; what Asio waits with is not.
    auto shared = std::make_shared<decltype(done)>(std::move(done));
    server_.pool().Submit([this, &exchange, shared] {
      Answer(exchange);
      asio::post(loop_.io, [shared] { (*shared)(); });
    });
  };
  co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(start, asio::use_awaitable);
}

asio::awaitable<void> Connection::WriteResponse(Exchange& exchange) {
  std::string& head = exchange.response_head;
  std::string_view body = exchange.response.body;
  exchange.bytes_out += body.size();
  const size_t sent_of_head = std::min(exchange.sent, head.size());
  head.erase(0, sent_of_head);
  body.remove_prefix(exchange.sent - sent_of_head);
  if (body.size() <= kHeadReadBytes) {  // in one packet
    head += body;
    body = {};
  }
  bool good = co_await AsyncWrite(head);
  if (good) good = co_await AsyncWrite(body);
  exchange.broken = !good;
}

// The response to a request that no handler gets.
void Connection::Refuse(Exchange& exchange, int status, const std::string& text) {
  exchange.response = server_.ErrorResponse(status, text);
  exchange.keep_alive = false;
  Framing framing;
  MakeResponseHead(exchange, framing);
}

asio::awaitable<void> Connection::EndRefused(Exchange& exchange) {
  co_await WriteResponse(exchange);
  Report(exchange);
  co_await Close(true);
}

void Connection::Report(const Exchange& exchange) {
  if (!server_.options().on_done) return;
  const std::string& raw = exchange.request.target.raw;
  const int status = exchange.broken && !exchange.written ? 499 : exchange.response.status;
  const uint64_t bytes_in = exchange.bytes_in + (exchange.body ? exchange.body->bytes() : 0);
  server_.options().on_done({exchange.request.method, raw.substr(0, raw.find('?')), status, bytes_in, exchange.bytes_out,
                             std::chrono::duration<double>(Clock::now() - exchange.start).count(), peer_});
}

// Tells the peer that no more comes. `unread`: what it still sends is dropped for a while; closing at once would reset the
// connection, and the peer might lose the response (RFC 9112 §9.6).
asio::awaitable<void> Connection::Close(bool unread) {
  error_code error;
  read_deadline_.Set(kLingerSeconds);
  write_deadline_.Set(kLingerSeconds);
  if (tls_ && !unread) co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  socket_.shutdown(tcp::socket::shutdown_send, error);
  std::vector<uint8_t> dropped(unread ? 16 << 10 : 0);
  size_t total = 0;
  while (unread && total < kLingerBytes) {
    error = {};
    const size_t count = co_await socket_.async_read_some(AsBuffer(dropped), asio::redirect_error(asio::use_awaitable, error));
    unread = count > 0 && !error;
    total += count;
  }
  read_deadline_.Clear();
  write_deadline_.Clear();
}

asio::awaitable<void> Connection::Serve() {
  error_code error;
  const tcp::endpoint peer = socket_.remote_endpoint(error);
  if (error || server_.stopping()) co_return;  // accepted at the last moment: nobody would look at its deadlines
  peer_ = peer.address().to_string() + ":" + std::to_string(peer.port());
  socket_.set_option(tcp::no_delay(true), error);
  if (server_.tls() != nullptr && !co_await Handshake()) co_return;
  while (co_await WaitForRequest()) {
    auto exchange = std::make_unique<Exchange>();  // not in the coroutine's frame: idle connections are small
    if (!co_await ReadHead(*exchange) || !co_await ReadEarlyBody(*exchange)) co_return;
    co_await CallHandler(*exchange);
    if (!exchange->written && !exchange->broken) co_await WriteResponse(*exchange);
    Report(*exchange);
    if (exchange->broken) co_return;
    const bool ended = exchange->body->ended();
    if (!exchange->keep_alive || (!ended && !co_await DrainBody(*exchange->body))) {
      co_await Close(!exchange->body->ended());
      co_return;
    }
  }
}

asio::awaitable<void> Connection::Run() {
  const std::shared_ptr<Connection> self = shared_from_this();
  const auto place = loop_.connections.insert(loop_.connections.end(), this);
  try {
    co_await Serve();
  } catch (const std::exception&) {  // std::bad_alloc: this connection ends, the others go on
  }
  loop_.connections.erase(place);
  error_code error;
  socket_.close(error);
  server_.Closed();
}

void Connection::Sweep(int64_t now, bool crowded) {
  if (crowded && idle_since_ > 0 && now - idle_since_ > kCrowdedIdleSeconds * 1000) EndIfIdle();
  if (read_deadline_.Pass(now)) ::shutdown(socket_.native_handle(), SHUT_RD);
  if (write_deadline_.Pass(now)) ::shutdown(socket_.native_handle(), SHUT_RDWR);
}

void Connection::EndIfIdle() {
  if (idle_since_ > 0) ::shutdown(socket_.native_handle(), SHUT_RD);
}

// ---- Server

Response ServerImpl::ErrorResponse(int status, const std::string& text) const {
  if (options_.error_response) return options_.error_response(status, text);
  Response response;
  response.status = status;
  response.headers.Add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::to_string(status) + " " + std::string(StatusText(status)) + ": " + text + "\n";
  return response;
}

base::Status ServerImpl::LoadTls(const TlsFiles& files) {
  tls_.emplace(asio::ssl::context::tls_server);
  error_code error;
  SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(tls_->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  tls_->use_certificate_chain_file(files.certificate, error);
  if (error) return Error{ErrorCode::kInvalidArgument, files.certificate + ": no certificate in PEM: " + error.message()};
  tls_->use_private_key_file(files.key, asio::ssl::context::pem, error);
  if (error) return Error{ErrorCode::kInvalidArgument, files.key + ": no key of this certificate in PEM: " + error.message()};
  return {};
}

base::Status ServerImpl::Listen() {
  if (options_.tls) DH_CHECK(LoadTls(*options_.tls));
  error_code error;
  const asio::ip::address address = asio::ip::make_address(options_.address, error);
  if (error) return Error{ErrorCode::kInvalidArgument, "'" + options_.address + "' is not an IP address"};
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_ = std::make_unique<tcp::acceptor>(loops_[0]->io);
  acceptor_->open(endpoint.protocol(), error);
  if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_->bind(endpoint, error);
  if (!error) acceptor_->listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    return Error{ErrorCode::kIo,
                 "can't listen at " + options_.address + ":" + std::to_string(options_.port) + ": " + error.message()};
  }
  port_ = acceptor_->local_endpoint(error).port();
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur < descriptors.rlim_max) {
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
  }
  asio::co_spawn(loops_[0]->io, Accept(), asio::detached);
  for (const auto& loop : loops_) {
    asio::co_spawn(loop->io, SweepLoop(*loop), asio::detached);
    loop->thread = std::thread([&io = loop->io] { io.run(); });
  }
  return {};
}

asio::awaitable<void> ServerImpl::Accept() {
  size_t next = 0;
  asio::steady_timer pause(loops_[0]->io);
  while (!stopping()) {
    error_code error;
    Loop& loop = *loops_[next++ % loops_.size()];
    if (connections() < base::kMaxConnections) {
      tcp::socket socket = co_await acceptor_->async_accept(loop.io, asio::redirect_error(asio::use_awaitable, error));
      if (!error) {
        crowded_ = false;
        ++connections_;
        auto connection = std::make_shared<Connection>(*this, loop, std::move(socket));
        asio::co_spawn(
            loop.io, [connection] { return connection->Run(); }, asio::detached);
        continue;
      }
    }
    // Too many connections, or no descriptors: those that wait stay in the kernel's queue.
    if (stopping()) co_return;
    crowded_ = true;
    pause.expires_after(std::chrono::milliseconds(50));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

asio::awaitable<void> ServerImpl::SweepLoop(Loop& loop) {
  while (true) {
    loop.sweep.expires_after(kSweepInterval);
    error_code error;
    co_await loop.sweep.async_wait(asio::redirect_error(asio::use_awaitable, error));
    // Where the time had come just before it was cancelled there is no error.
    if (error || loop.ended) co_return;
    const int64_t now = Milliseconds(Clock::now());
    for (Connection* connection : loop.connections) connection->Sweep(now, crowded_.load());
  }
}

void ServerImpl::Closed() {
  {
    const std::lock_guard lock(mutex_);  // or the one who waits could miss it
    --connections_;
  }
  closed_.notify_all();
}

void ServerImpl::EachConnection(void (*action)(Connection&)) {
  for (const auto& loop : loops_) {
    asio::post(loop->io, [&connections = loop->connections, action] {
      for (Connection* connection : connections) action(*connection);
    });
  }
}

void ServerImpl::DoStop(double grace_seconds) {
  stopping_ = true;
  if (acceptor_ == nullptr) return;
  asio::post(loops_[0]->io, [this] {
    error_code error;
    acceptor_->close(error);
  });
  EachConnection([](Connection& connection) { connection.EndIfIdle(); });
  const auto none_left = [this] { return connections_ == 0; };
  {
    std::unique_lock lock(mutex_);
    closed_.wait_for(lock, std::chrono::duration<double>(grace_seconds), none_left);
    while (!none_left()) {  // more than once: a connection may just have been accepted
      lock.unlock();
      EachConnection([](Connection& connection) { connection.Abort(); });
      lock.lock();
      closed_.wait_for(lock, std::chrono::milliseconds(100), none_left);
    }
  }
  for (const auto& loop : loops_) {
    asio::post(loop->io, [&loop = *loop] {
      loop.ended = true;
      loop.sweep.cancel();
      loop.work.reset();
    });
    if (loop->thread.joinable()) loop->thread.join();
  }
}

}  // namespace

base::Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, Handler handler) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(handler));
  DH_CHECK(server->Listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace dicomhouse::http
