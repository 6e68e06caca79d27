#include "api/router.h"

#include <gtest/gtest.h>

namespace dicomhouse::api {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    Add("GET", "/v1/datasets/{dataset}", "get");
    Add("DELETE", "/v1/datasets/{dataset}", "delete");
    Add("GET,POST", "/v1/datasets", "list");
    Add("GET", "/v1/datasets/{dataset}/stores/{store}", "store");
    Add("POST", "/v1/datasets/{dataset}/stores/{store}:export", "export");
    Add("GET", "/v1/datasets/special/stores/{store}", "special");
    Add("GET", "/o/{object**}", "rest");
  }
  void Add(std::string_view methods, std::string_view pattern, std::string name) {
    router_.Add(methods, pattern, [name](http::Request&, const PathValues& values) {
      http::Response response;
      response.body = name + " " + values["dataset"] + " " + values["store"] + values["object"];
      return response;
    });
  }
  http::Response Send(const std::string& method, const std::vector<std::string>& segments) {
    http::Request request;
    request.method = method;
    request.target.segments = segments;
    for (const std::string& segment : segments) request.target.raw += "/" + segment;
    return router_.Handle(request);
  }

  Router router_;
};

TEST_F(RouterTest, GivesValuesOfNames) {
  EXPECT_EQ(Send("GET", {"v1", "datasets", "d"}).body, "get d ");
  EXPECT_EQ(Send("DELETE", {"v1", "datasets", "d"}).body, "delete d ");
  EXPECT_EQ(Send("POST", {"v1", "datasets"}).body, "list  ");
  EXPECT_EQ(Send("GET", {"o", "a", "b", "c"}).body, "rest  a/b/c");
}

TEST_F(RouterTest, PrefersLettersToNamesAndVerbsToPlainNames) {
  EXPECT_EQ(Send("GET", {"v1", "datasets", "special", "stores", "s"}).body, "special  s");
  EXPECT_EQ(Send("GET", {"v1", "datasets", "d", "stores", "s"}).body, "store d s");
  EXPECT_EQ(Send("POST", {"v1", "datasets", "d", "stores", "s:export"}).body, "export d s");
}

TEST_F(RouterTest, AnswersHeadAsGet) { EXPECT_EQ(Send("HEAD", {"v1", "datasets", "d"}).body, "get d "); }

TEST_F(RouterTest, SaysWhatIsNotThereAndWhatIsNotAllowed) {
  const http::Response missing = Send("GET", {"v2", "datasets"});
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(missing.body.find("\"NOT_FOUND\""), std::string::npos);
  const http::Response wrong = Send("PUT", {"v1", "datasets", "d"});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.Get("Allow"), "DELETE, GET");
  EXPECT_EQ(Send("GET", {"v1", "datasets", "d", "stores", "s:export"}).status, 405);
}

TEST(Times, AreRfc3339WithMicroseconds) {
  EXPECT_EQ(Rfc3339(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(Rfc3339(1'600'000'000'123'456), "2020-09-13T12:26:40.123456Z");
  EXPECT_EQ(Rfc3339(-1), "1969-12-31T23:59:59.999999Z");
}

}  // namespace
}  // namespace dicomhouse::api
