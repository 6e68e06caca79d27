#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "http/client.h"
#include "tests/http/raw_peer.h"

namespace dicomhouse::http {
namespace {

using ::testing::HasSubstr;
using testing::RawPeer;
using ::testing::StartsWith;
using testing::StatusesIn;

// Answers with what it was asked.
Response Echo(Request& request) {
  auto body = ReadAll(*request.body, 64 << 20);
  Response response;
  if (!body.ok()) {
    response.status = 418;
    response.body = body.error().message;
    return response;
  }
  response.headers.Add("Content-Type", "text/plain");
  response.body = request.method + " " + request.target.raw + "\n" + *body;
  return response;
}

// A body that the handler makes piece by piece.
Response Stream(Request& request, bool with_length) {
  Response response;
  const uint64_t size = std::stoull(*request.target.Query("size"));
  if (with_length) response.length = size;
  response.stream = [size](BodyWriter& out) -> base::Status {
    const std::string block(100000, 'x');
    for (uint64_t sent = 0; sent < size;) {
      const uint64_t count = std::min<uint64_t>(block.size(), size - sent);
      DH_CHECK(out.Write(std::string_view(block).substr(0, count)));
      sent += count;
    }
    return {};
  };
  return response;
}

// A body that ends before it is whole.
Response Broken(Request& request) {
  Response response;
  const uint64_t size = std::stoull(*request.target.Query("size"));
  if (request.target.Query("length") != nullptr) response.length = size + 1;
  response.stream = [size](BodyWriter& out) -> base::Status {
    DH_CHECK(out.Write(std::string(size, 'x')));
    return base::Error{base::ErrorCode::kIo, "a disk"};
  };
  return response;
}

Response Route(Request& request) {
  const std::string& first = request.target.segments.empty() ? request.target.raw : request.target.segments[0];
  if (first == "stream") return Stream(request, true);
  if (first == "chunked") return Stream(request, false);
  if (first == "broken") return Broken(request);
  if (first == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(500));
  if (first == "throw") throw std::runtime_error("thrown");
  if (first == "inject") return {.status = 200, .headers = {{"X-Name", "a\r\nX-Other: b"}, {"Bad Name", "c"}}, .body = "x"};
  if (first == "ignore") return {.status = 401, .body = "no"};
  return Echo(request);
}

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }
  void Start(ServerOptions options) {
    auto server = Server::Start(std::move(options), Route);
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = *std::move(server);
    client_ = NewClient();
  }
  std::unique_ptr<Client> NewClient() {
    auto client = Client::Make({.endpoint = "http://127.0.0.1:" + std::to_string(server_->port()), .timeout_seconds = 30});
    EXPECT_TRUE(client.ok());
    return *std::move(client);
  }
  ClientResponse Send(const ClientRequest& request) {
    auto response = client_->Send(request);
    if (response.ok()) return *std::move(response);
    return {.status = -1, .body = response.error().message};
  }

  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(ServerTest, ConnectionsStayOpen) {
  for (int i = 0; i < 3; ++i) {
    const ClientResponse response = Send({.method = "POST", .target = "/a?b=1", .body = "hello"});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "POST /a?b=1\nhello");
    EXPECT_EQ(response.headers.Get("content-length"), std::to_string(response.body.size()));
    EXPECT_NE(response.headers.Find("Date"), nullptr);
    EXPECT_EQ(server_->connections(), 1);
  }
}

TEST_F(ServerTest, LargeBodiesBothWays) {
  std::string large(20 << 20, 'y');
  for (size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>(i);
  EXPECT_EQ(Send({.method = "PUT", .target = "/", .body = large}).body, "PUT /\n" + large);

  class NoLength final : public BodyReader {
   public:
    explicit NoLength(std::string bytes) : body_(std::move(bytes)) {}
    base::Result<size_t> Read(std::span<uint8_t> out) override {
      return body_.Read(out.first(std::min<size_t>(out.size(), 77777)));
    }
    std::optional<uint64_t> length() const override { return std::nullopt; }

   private:
    StringBody body_;
  } chunked(large);
  EXPECT_EQ(Send({.method = "PUT", .target = "/", .stream = &chunked}).body, "PUT /\n" + large);
}

TEST_F(ServerTest, StreamedResponses) {
  for (const char* path : {"/stream", "/chunked"}) {
    for (const char* size : {"0", "1", "100000", "10000001"}) {
      const ClientResponse response = Send({.target = path + std::string("?size=") + size});
      EXPECT_EQ(response.status, 200) << response.body;
      EXPECT_EQ(std::to_string(response.body.size()), size);
    }
  }
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  const ClientResponse response = Send({.method = "HEAD", .target = "/stream?size=1000"});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.Get("Content-Length"), "1000");
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(Send({.target = "/x"}).status, 200);
}

TEST_F(ServerTest, BodiesThatNobodyReadDontHurt) {
  for (const size_t size : {0UL, 10UL, 200000UL, 30000000UL}) {
    EXPECT_EQ(Send({.method = "PUT", .target = "/ignore", .body = std::string(size, 'x')}).status, 401) << size;
  }
}

TEST_F(ServerTest, StopEndsIdleConnections) {
  EXPECT_EQ(Send({.target = "/"}).status, 200);
  server_->Stop(10);
  EXPECT_EQ(server_->connections(), 0);
  EXPECT_THAT(Send({.target = "/"}).body, HasSubstr("can't connect"));
}

TEST_F(ServerTest, StopWaitsForRequestsUnderWay) {
  RawPeer busy(server_->port());
  busy.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  while (server_->connections() == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server_->Stop(10);
  const std::string answer = busy.Receive();
  EXPECT_EQ(StatusesIn(answer), "200");
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

TEST_F(ServerTest, StopEndsWhatLastsTooLong) {
  RawPeer busy(server_->port());
  busy.Send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + std::string(500000, 'x'));
  RawPeer slow_receiver(server_->port());
  slow_receiver.Send("GET /chunked?size=1000000000 HTTP/1.1\r\nHost: h\r\n\r\n");
  while (server_->connections() < 2) std::this_thread::yield();
  const auto start = std::chrono::steady_clock::now();
  server_->Stop(0.2);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(server_->connections(), 0);
}

TEST_F(ServerTest, ExpectedContinue) {
  const std::string head = " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
  RawPeer peer(server_->port());
  peer.Send("PUT /" + head);
  EXPECT_EQ(peer.Receive("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.Send("hello");
  EXPECT_THAT(peer.Receive("hello"), StartsWith("HTTP/1.1 200 OK\r\n"));
  // The body may come unasked.
  peer.Send("PUT /" + head + "hello");
  EXPECT_EQ(StatusesIn(peer.Receive("hello")), "200");
  // A handler that refuses does not ask for it.
  peer.Send("PUT /ignore" + head);
  const std::string refused = peer.Receive();
  EXPECT_EQ(StatusesIn(refused), "401");
  EXPECT_THAT(refused, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(peer.closed());
}

TEST_F(ServerTest, BodiesThatBreakOffAreSeenToBeBroken) {
  EXPECT_THAT(Send({.target = "/broken?size=200000"}).body, HasSubstr("ended"));
  EXPECT_THAT(Send({.target = "/broken?size=200000&length"}).body, HasSubstr("ended"));
  // Nothing has gone out yet: there is time to say so.
  for (const char* target : {"/broken?size=5", "/broken?size=5&length"}) {
    const ClientResponse response = Send({.target = target});
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, HasSubstr("a disk"));
  }
  EXPECT_EQ(Send({.target = "/"}).status, 200);
}

TEST_F(ServerTest, HandlersCantBreakTheServerOrTheHead) {
  EXPECT_EQ(Send({.target = "/throw"}).status, 500);
  const ClientResponse response = Send({.target = "/inject"});
  EXPECT_EQ(response.headers.Get("X-Name"), "a  X-Other: b");
  EXPECT_EQ(response.headers.Find("X-Other"), nullptr);
  EXPECT_EQ(response.headers.Find("Bad Name"), nullptr);
}

TEST_F(ServerTest, ClientsComeBackAfterTheServerClosed) {
  ServerOptions options;
  options.idle_seconds = 1;
  Start(std::move(options));
  EXPECT_EQ(Send({.method = "POST", .target = "/"}).status, 200);
  while (server_->connections() > 0) std::this_thread::yield();
  EXPECT_EQ(Send({.method = "POST", .target = "/"}).status, 200);
}

TEST_F(ServerTest, SinksTakeGoodBodiesOnly) {
  std::string taken;
  const auto sink = [&](std::string_view bytes) {
    taken += bytes;
    return base::Status();
  };
  EXPECT_EQ(client_->Send({.target = "/stream?size=1000000"}, sink)->body, "");
  EXPECT_EQ(taken.size(), 1000000U);
  EXPECT_EQ(client_->Send({.target = "/ignore"}, sink)->body, "no");
  EXPECT_EQ(taken.size(), 1000000U);
}

TEST(ClientTest, EndpointsThatAreNone) {
  for (const char* endpoint :
       {"", "127.0.0.1:80", "ftp://h", "http://", "http://h:x", "http://h:70000", "http://h:", "http://u@h"}) {
    EXPECT_FALSE(Client::Make({.endpoint = endpoint}).ok()) << endpoint;
  }
}

TEST(ServerStartTest, AddressesThatAreNoneOrTaken) {
  ServerOptions options;
  options.address = "nowhere";
  EXPECT_EQ(Server::Start(options, Route).error().code, base::ErrorCode::kInvalidArgument);
  auto first = *Server::Start({}, Route);
  options.address = "127.0.0.1";
  options.port = first->port();
  EXPECT_EQ(Server::Start(options, Route).error().code, base::ErrorCode::kIo);
}

}  // namespace
}  // namespace dicomhouse::http
