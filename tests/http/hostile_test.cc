// Requests as nobody should send them, each with the answer that it gets, and what the server costs afterwards: nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "http/client.h"
#include "http/multipart.h"
#include "http/server.h"
#include "tests/http/raw_peer.h"

namespace dicomhouse::http {
namespace {

using std::string_literals::operator""s;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawPeer;
using ::testing::StartsWith;
using testing::StatusesIn;

std::string Times(size_t count, const std::string& text) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += text;
  return all;
}

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// 200 with the number of bytes of the body; /deaf does not read it, /multipart counts its parts.
Response Count(Request& request) {
  const std::string& path = request.target.raw;
  Response response;
  if (path == "/deaf") return response;
  base::Result<size_t> count = size_t{0};
  size_t total = 0;
  std::vector<uint8_t> block(1 << 16);
  if (path == "/multipart") {
    MultipartReader parts(*request.body, "b");
    base::Result<bool> more = parts.NextPart();
    for (; more.ok() && *more; more = parts.NextPart()) ++total;
    if (!more.ok()) count = more.error();
  } else {
    do {
      count = request.body->Read(block);
      total += count.ok() ? *count : 0;
    } while (count.ok() && *count > 0);
  }
  response.status = count.ok() ? 200 : 422;
  response.body = count.ok() ? std::to_string(total) : count.error().message;
  return response;
}

class HostileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    descriptors_ = OpenDescriptors();
    ServerOptions options;
    options.header_seconds = 1;
    options.idle_seconds = 2;
    options.silence_seconds = 1;
    options.handler_threads = 4;
    options.on_done = [this](const ServerOptions::Done&) { ++done_; };
    auto server = Server::Start(std::move(options), [this](Request& request) {
      ++handled_;
      return Count(request);
    });
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = *std::move(server);
  }
  // It still serves, and nothing is left of those that came before.
  void TearDown() override {
    RawPeer peer(server_->port());
    EXPECT_TRUE(peer.Send("PUT / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nxy"));
    EXPECT_THAT(peer.Receive(), ::testing::EndsWith("\r\n\r\n2"));
    server_->Stop(10);
    EXPECT_EQ(server_->connections(), 0);
    server_.reset();
    EXPECT_EQ(OpenDescriptors(), descriptors_ + 1);  // `peer`
  }
  std::string Ask(std::string_view bytes) {
    RawPeer peer(server_->port());
    peer.Send(bytes);
    std::string answer = peer.Receive();
    EXPECT_TRUE(peer.closed());
    return answer;
  }

  size_t descriptors_ = 0;
  std::atomic<int> handled_ = 0;
  std::atomic<int> done_ = 0;
  std::unique_ptr<Server> server_;
};

struct Case {
  const char* name;
  std::string bytes;
  const char* statuses;  // of all responses on the connection, which the server then closes
  int handled;           // requests that reached the handler
};

const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n";
const std::string kEnd = "Connection: close\r\n\r\n";
const std::string kPut = "PUT / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
const std::string kChunked = kPut + "Transfer-Encoding: chunked\r\n\r\n";
const std::string kNext = "GET /smuggled HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

std::vector<Case> Cases() {
  return {
      // What is right, for comparison.
      {"plain", kGet + kEnd, "200", 1},
      {"pipelined", kGet + "\r\n" + kGet + "\r\n" + kGet + kEnd, "200 200 200", 3},
      {"empty lines in front", "\r\n\r\n" + kGet + kEnd, "200", 1},
      {"absolute form", "GET http://other/x?y HTTP/1.1\r\nHost: h\r\n" + kEnd, "200", 1},
      {"chunked", kChunked + "3;ext=\"1\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", "200", 1},
      {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "200", 1},
      {"HTTP/1.2 is read as 1.1", "GET / HTTP/1.2\r\nHost: h\r\n" + kEnd, "200", 1},
      {"traversal is a segment like others", "GET /../../etc/%2e%2e/passwd HTTP/1.1\r\nHost: h\r\n" + kEnd, "200", 1},
      // Request lines and targets.
      {"no HTTP", "\x16\x03\x01\x02\x01\r\n\r\n", "400", 0},
      {"TLS to a plain port", "\x16\x03\x01\x02\n", "400", 0},
      {"HTTP/0.9", "GET /\r\n\r\n", "400", 0},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", 0},
      {"version in lower case", "GET / http/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"version of three digits", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", "400", 0},
      {"two blanks", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"blank in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"tab for a blank", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"no token for a method", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"endless method", std::string(1000, 'G') + " / HTTP/1.1\r\nHost: h\r\n\r\n", "501", 0},
      {"NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n"s, "400", 0},
      {"encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"bad escape", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"no UTF-8", "GET /%ff HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"overlong '/'", "GET /..%c0%af.. HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"fragment", "GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"authority", "CONNECT other:443 HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"no '/'", "GET index.html HTTP/1.1\r\nHost: h\r\n\r\n", "400", 0},
      {"endless target", "GET /" + std::string(base::kMaxRequestHeaderBytes + 1, 'a'), "414", 0},
      // Header fields.
      {"bare LF", "GET / HTTP/1.1\nHost: h\n\n", "400", 0},
      {"bare LF in the middle", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", "400", 0},
      {"bare CR", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", "400", 0},
      {"NUL in a value", kGet + "X: a\0b\r\n\r\n"s, "400", 0},
      {"control character in a value", kGet + "X: a\x01b\r\n\r\n", "400", 0},
      {"folded", kGet + "X: a\r\n b\r\n\r\n", "400", 0},
      {"folded first", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400", 0},
      {"blank before the colon", kGet + "Content-Length : 5\r\n\r\n", "400", 0},
      {"no colon", kGet + "nonsense\r\n\r\n", "400", 0},
      {"no name", kGet + ": x\r\n\r\n", "400", 0},
      {"name in UTF-8", kGet + "X\xC3\xA4: x\r\n\r\n", "400", 0},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", "400", 0},
      {"two Hosts", kGet + "Host: other\r\n\r\n", "400", 0},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400", 0},
      {"Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "400", 0},
      {"too many fields", kGet + Times(base::kMaxRequestHeaderFields, "A: b\r\n") + "\r\n", "431", 0},
      {"too many bytes", kGet + "A: " + std::string(base::kMaxRequestHeaderBytes, 'x') + "\r\n\r\n", "431", 0},
      {"endless header", kGet + Times(20000, "Abc: d\r\n"), "431", 0},
      {"unknown expectation", kGet + "Expect: miracles\r\n\r\n", "417", 0},
      // Where a body ends. Nothing behind it may be taken for a request when that is in doubt.
      {"two lengths that differ", kPut + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + kNext, "400", 0},
      {"two lengths that agree", kPut + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + kNext, "400", 0},
      {"list of lengths", kPut + "Content-Length: 5, 5\r\n\r\nhello" + kNext, "400", 0},
      {"negative length", kPut + "Content-Length: -5\r\n\r\nhello" + kNext, "400", 0},
      {"length with a sign", kPut + "Content-Length: +5\r\n\r\nhello" + kNext, "400", 0},
      {"length in hexadecimal", kPut + "Content-Length: 0x5\r\n\r\nhello" + kNext, "400", 0},
      {"empty length", kPut + "Content-Length:\r\n\r\nhello" + kNext, "400", 0},
      {"length that overflows", kPut + "Content-Length: 18446744073709551621\r\n\r\nhello" + kNext, "400", 0},
      {"huge length", kPut + "Content-Length: 18446744073709551615\r\n\r\nhello", "413", 0},
      {"length and chunked", kPut + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kNext, "400", 0},
      {"chunked and length", kPut + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + kNext, "400", 0},
      {"chunked twice", kPut + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kNext, "501", 0},
      {"chunked, identity", kPut + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + kNext, "501", 0},
      {"gzip, chunked", kPut + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + kNext, "501", 0},
      {"xchunked", kPut + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + kNext, "501", 0},
      {"chunked with a vertical tab", kPut + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" + kNext, "400", 0},
      {"chunked in HTTP/1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kNext, "400", 0},
      {"body behind a GET", kGet + "Content-Length: 5\r\n\r\nhello" + kNext, "200 200", 2},
      {"body that nobody reads", "PUT /deaf HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + kNext, "200 200", 2},
      {"chunks that nobody reads",
       "PUT /deaf HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + kNext, "200 200", 2},
      {"large body that nobody reads",
       "PUT /deaf HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + std::string(1000000, 'x') + kNext, "200", 1},
      // Chunks.
      {"size is no number", kChunked + "x\r\n\r\n", "400", 0},
      {"empty size", kChunked + "\r\n\r\n", "400", 0},
      {"negative size", kChunked + "-1\r\n\r\n", "400", 0},
      {"size with 0x", kChunked + "0x5\r\nhello\r\n0\r\n\r\n", "400", 0},
      {"size with a blank in front", kChunked + " 5\r\nhello\r\n0\r\n\r\n", "400", 0},
      {"size that overflows", kChunked + "10000000000000005\r\nhello\r\n0\r\n\r\n", "400", 0},
      {"size with bare LF", kChunked + "5\nhello\r\n0\r\n\r\n", "400", 0},
      {"chunk longer than its size", kChunked + "3\r\nhello\r\n0\r\n\r\n", "400", 0},
      {"chunk shorter than its size", kChunked + "7\r\nhello\r\n0\r\n\r\n", "400", 0},
      {"endless extension", kChunked + "5;" + std::string(100000, 'x'), "400", 0},
      {"endless trailer", kChunked + "0\r\n" + Times(10000, "A: b\r\n"), "400", 0},
      {"bad chunk behind good ones", kChunked + "20000\r\n" + std::string(0x20000, 'x') + "\r\nzz\r\n", "400", 1},
      {"NUL in an extension", kChunked + "5;a\0b\r\nhello\r\n0\r\n\r\n"s, "400", 0},
      // Multipart, in the handler: its error is the handler's to answer.
      {"multipart without an end",
       "PUT /multipart HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 9\r\n\r\n--b\r\n\r\nxy", "422", 1},
      {"multipart without a start", "PUT /multipart HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnone",
       "422", 1},
  };
}

TEST_F(HostileTest, EveryOddRequestHasItsAnswer) {
  for (const Case& entry : Cases()) {
    handled_ = 0;
    EXPECT_EQ(StatusesIn(Ask(entry.bytes)), entry.statuses) << entry.name;
    EXPECT_EQ(handled_, entry.handled) << entry.name;
  }
}

TEST_F(HostileTest, TheSameByteByByte) {
  for (const Case& entry : Cases()) {
    if (entry.bytes.size() > 400) continue;
    RawPeer peer(server_->port());
    handled_ = 0;
    for (const char c : entry.bytes) {
      if (!peer.Send({&c, 1})) break;
    }
    // What is sent behind a refusal may reset the connection before the answer was read; it is not another answer.
    const std::string statuses = StatusesIn(peer.Receive());
    if (!statuses.empty() || entry.handled > 0) {
      EXPECT_EQ(statuses, entry.statuses) << entry.name;
    }
    EXPECT_EQ(handled_, entry.handled) << entry.name;
  }
}

TEST_F(HostileTest, SlowHeadersAreCut) {
  RawPeer peer(server_->port());
  peer.Send("GET / HTTP/1.1\r\nHost: h\r\n");
  EXPECT_EQ(StatusesIn(peer.Receive()), "408");
  RawPeer dripping(server_->port());
  int sent = 0;
  while (sent < 100 && dripping.Send("A: b\r\n")) {
    ++sent;
    if (!dripping.Receive("", std::chrono::milliseconds(50)).empty()) break;
  }
  EXPECT_LT(sent, 60);
  EXPECT_EQ(handled_, 0);
}

TEST_F(HostileTest, SilentConnectionsAreClosed) {
  RawPeer peer(server_->port());
  EXPECT_EQ(peer.Receive(), "");
  EXPECT_TRUE(peer.closed());
  RawPeer used(server_->port());
  used.Send(kGet + "\r\n");
  EXPECT_EQ(StatusesIn(used.Receive()), "200");
  EXPECT_TRUE(used.closed());
}

TEST_F(HostileTest, SlowBodiesAreCut) {
  const std::string starts[] = {kPut + "Content-Length: 100000\r\n\r\n",
                                kPut + "Content-Length: 100000\r\n\r\n" + std::string(70000, 'x'), kChunked + "100000\r\n",
                                kChunked + "100000\r\n" + std::string(70000, 'x')};
  std::vector<std::thread> senders;
  for (const std::string& start : starts) {
    senders.emplace_back([&] {
      RawPeer silent(server_->port());
      silent.Send(start);
      EXPECT_EQ(StatusesIn(silent.Receive()), "408");
    });
    senders.emplace_back([&] {
      RawPeer dripping(server_->port());
      dripping.Send(start);
      std::string answer;
      for (int i = 0; i < 100 && answer.empty() && dripping.Send("x"); ++i) {
        answer = dripping.Receive("", std::chrono::milliseconds(50));
      }
      EXPECT_EQ(StatusesIn(answer), "408");
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(handled_, 4);  // those that began fast
}

// Slow senders don't keep the handlers' threads from others.
TEST_F(HostileTest, ManySlowSendersLeaveRoom) {
  std::vector<std::unique_ptr<RawPeer>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<RawPeer>(server_->port()));
    slow.back()->Send(i % 3 == 0 ? kGet : i % 3 == 1 ? kPut + "Content-Length: 1000\r\n\r\n" : kChunked + "10\r\n");
  }
  EXPECT_EQ(StatusesIn(Ask(kGet + kEnd)), "200");
  EXPECT_EQ(handled_, 1);
}

TEST_F(HostileTest, PeersThatVanish) {
  for (const std::string& bytes :
       {""s, "GET"s, kPut + "Content-Length: 100000\r\n\r\nabc", kPut + "Content-Length: 5\r\n\r\nabc", kChunked + "5\r\nab",
        kGet + "\r\n", kPut + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"}) {
    RawPeer(server_->port()).Send(bytes);
    RawPeer reset(server_->port());
    reset.Send(bytes);
    reset.Reset();
    RawPeer half(server_->port());
    half.Send(bytes);
    half.EndSending();
    half.Receive();
    EXPECT_TRUE(half.closed());
  }
}

// More than the limit comes although nothing was said of a length.
TEST_F(HostileTest, EndlessBodiesEnd) {
  RawPeer peer(server_->port());
  peer.Send("PUT /deaf HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  int sent = 0;
  while (sent < 10000 && peer.Send(chunk)) ++sent;
  EXPECT_LT(sent, 10000);
}

// Connections that say nothing use up all descriptors: the server ends them for one that says something.
TEST_F(HostileTest, CrowdsOfSilentPeersMakeRoom) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit few = before;
  few.rlim_cur = OpenDescriptors() + 30;
  setrlimit(RLIMIT_NOFILE, &few);
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(std::make_unique<RawPeer>(server_->port()));
  // Who comes while room is being made may have to come again.
  std::string status;
  for (int i = 0; i < 3 && status != "200"; ++i) {
    RawPeer peer(server_->port());
    peer.Send(kGet + kEnd);
    status = StatusesIn(peer.Receive());
  }
  EXPECT_EQ(status, "200");
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(HostileTest, EveryRequestIsReported) {
  Ask(kGet + "\r\n" + kGet + kEnd);
  Ask("nonsense\r\n\r\n");
  EXPECT_EQ(done_, 3);
}

}  // namespace
}  // namespace dicomhouse::http
