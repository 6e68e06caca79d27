// The server with clients that we did not write, and our client with certificates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "http/client.h"
#include "http/server.h"
#include "tests/http/self_signed.h"

namespace dicomhouse::http {
namespace {

using ::testing::HasSubstr;
using testing::MakeSelfSigned;

// The first line: method, number of bytes of the body, their sum modulo 2^32. Then the field X-Test.
Response Summary(Request& request) {
  std::vector<uint8_t> block(100000);
  uint64_t size = 0;
  uint32_t sum = 0;
  while (true) {
    const auto count = request.body->Read(block);
    if (!count.ok() || *count == 0) break;
    size += *count;
    for (size_t i = 0; i < *count; ++i) sum += block[i];
  }
  Response response;
  response.body = request.method + " " + std::to_string(size) + " " + std::to_string(sum) + "\n";
  response.body += std::string(request.headers.Get("X-Test")) + "\n";
  if (request.target.raw == "/chunked") {
    response.stream = [text = response.body](BodyWriter& out) { return out.Write(text); };
  }
  return response;
}

class ClientsTest : public ::testing::Test {
 protected:
  void Start(const std::string& names = "") {
    ServerOptions options;
    if (!names.empty()) {
      files_ = MakeSelfSigned(::testing::TempDir() + "http_clients_test", names);
      options.tls = files_;
    }
    auto server = Server::Start(std::move(options), Summary);
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = *std::move(server);
    url_ = std::string(names.empty() ? "http" : "https") + "://127.0.0.1:" + std::to_string(server_->port());
  }
  // What a command prints.
  static std::string Run(const std::string& command) {
    std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    std::string output;
    char block[4096];
    while (const size_t count = std::fread(block, 1, sizeof block, pipe)) output.append(block, count);
    const int status = pclose(pipe);
    return status == 0 ? output : output + "[exit " + std::to_string(WEXITSTATUS(status)) + "]";
  }
  static bool Has(const char* program) {
    return std::system((std::string("command -v ") + program + " > /dev/null").c_str()) == 0;
  }

  TlsFiles files_;
  std::unique_ptr<Server> server_;
  std::string url_;
};

TEST_F(ClientsTest, OurClientVerifiesTheServer) {
  Start("DNS:localhost,IP:127.0.0.1");
  const auto ask = [&](const std::string& endpoint, const std::string& ca_file) -> std::string {
    auto client = Client::Make({.endpoint = endpoint, .ca_file = ca_file});
    if (!client.ok()) return client.error().message;
    const std::string body(3000000, 'x');
    for (int i = 0; i < 2; ++i) {
      auto response = (*client)->Send({.method = "PUT", .target = "/chunked", .body = body});
      if (!response.ok()) return response.error().message;
      if (i == 1) return response->body;
    }
    return "";
  };
  EXPECT_EQ(ask(url_, files_.certificate), "PUT 3000000 360000000\n\n");
  const std::string by_name = "https://localhost:" + std::to_string(server_->port());
  EXPECT_EQ(ask(by_name, files_.certificate), "PUT 3000000 360000000\n\n");
  EXPECT_THAT(ask(url_, ""), HasSubstr("TLS refused"));
  EXPECT_THAT(ask(url_, "/nonexistent"), HasSubstr("no certificates in PEM"));
  const TlsFiles other = MakeSelfSigned(::testing::TempDir() + "http_clients_other", "DNS:localhost");
  EXPECT_THAT(ask(url_, other.certificate), HasSubstr("TLS refused"));
}

TEST_F(ClientsTest, OurClientWantsTheNameInTheCertificate) {
  Start("DNS:elsewhere.example");
  auto client = *Client::Make({.endpoint = url_, .ca_file = files_.certificate});
  auto response = client->Send({.target = "/"});
  ASSERT_FALSE(response.ok());
  EXPECT_THAT(response.error().message, HasSubstr("TLS refused"));
}

TEST_F(ClientsTest, CertificatesThatAreNone) {
  const std::string path = ::testing::TempDir() + "http_clients_none";
  std::ofstream(path) << "none";
  ServerOptions options;
  options.tls = TlsFiles{path, path};
  auto server = Server::Start(std::move(options), Summary);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code, base::ErrorCode::kInvalidArgument);
}

TEST_F(ClientsTest, Curl) {
  if (!Has("curl")) GTEST_SKIP() << "no curl";
  const std::string file = ::testing::TempDir() + "http_clients_body";
  std::ofstream(file) << std::string(5000000, 'a');
  for (const bool tls : {false, true}) {
    Start(tls ? "DNS:localhost,IP:127.0.0.1" : "");
    const std::string curl = "curl -sS --max-time 30 " + (tls ? "--cacert " + files_.certificate : "") + " ";
    EXPECT_EQ(Run(curl + "-H 'X-Test: y' " + url_), "GET 0 0\ny\n");
    EXPECT_EQ(Run(curl + url_ + " " + url_ + "/chunked -w '%{num_connects} '"), "GET 0 0\n\n1 GET 0 0\n\n0 ");
    EXPECT_EQ(Run(curl + "--http1.0 " + url_ + "/chunked"), "GET 0 0\n\n");
    EXPECT_EQ(Run(curl + "-T " + file + " " + url_), "PUT 5000000 485000000\n\n");
    EXPECT_EQ(Run(curl + "-T - " + url_ + " < " + file), "PUT 5000000 485000000\n\n");
    EXPECT_EQ(Run(curl + "--data-binary @" + file + " -H 'Expect: 100-continue' " + url_), "POST 5000000 485000000\n\n");
    EXPECT_THAT(Run(curl + "-v -T " + file + " -H 'Expect: 100-continue' " + url_), HasSubstr("< HTTP/1.1 100 Continue"));
    EXPECT_THAT(Run(curl + "-I " + url_), HasSubstr("Content-Length: 10\r\n"));
    EXPECT_EQ(Run(curl + "--path-as-is " + url_ + "/../../etc/passwd"), "GET 0 0\n\n");
  }
  EXPECT_THAT(Run("curl -sS " + url_), HasSubstr("self-signed certificate"));
}

TEST_F(ClientsTest, PythonHttpClient) {
  if (!Has("python3")) GTEST_SKIP() << "no python3";
  Start();
  const std::string script = ::testing::TempDir() + "http_clients_test.py";
  std::ofstream(script) << R"(
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
def ask(*args, **kwargs):
    connection.request(*args, **kwargs)
    answer = connection.getresponse()
    print(answer.status, answer.read().decode().split("\n")[0])
ask("GET", "/chunked")
first = connection.sock
ask("PUT", "/", body=b"a" * 1000000)
ask("POST", "/", body=(b"a" * 1000 for _ in range(1000)), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
ask("HEAD", "/")
ask("DELETE", "/chunked")
print(connection.sock is first)
)";
  EXPECT_EQ(Run("python3 " + script + " " + std::to_string(server_->port())),
            "200 GET 0 0\n200 PUT 1000000 97000000\n200 POST 1000000 97000000\n200 \n200 DELETE 0 0\nTrue\n");
}

}  // namespace
}  // namespace dicomhouse::http
