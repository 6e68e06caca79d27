#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/client.h"

namespace dicomhouse::http {
namespace {

using testing::HasSubstr;

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

Response Route(Request& request) {
  const std::string& first = request.target.segments.empty() ? request.target.raw : request.target.segments[0];
  if (first == "stream") return Stream(request, true);
  if (first == "chunked") return Stream(request, false);
  if (first == "ignore") return {.status = 401, .body = "no"};
  return Echo(request);
}

class ServerTest : public testing::Test {
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

}  // namespace
}  // namespace dicomhouse::http
