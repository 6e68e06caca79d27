// Cloud Storage's JSON API, request by request, without a socket; real clients: tests/wire/.
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "api/storage/handlers.h"
#include "tests/api/answered.h"
#include "tests/transfer/scratch.h"

namespace dicomhouse::api {
namespace {

using base::Json;
using testing::Answered;

// A body that breaks off after its bytes.
class BrokenBody final : public http::BodyReader {
 public:
  explicit BrokenBody(std::string bytes) : bytes_(std::move(bytes)) {}
  base::Result<size_t> Read(std::span<uint8_t> out) override {
    DH_ASSIGN(const size_t got, bytes_.Read(out));
    if (got > 0) return got;
    return base::Error{base::ErrorCode::kIo, "the sender went away"};
  }
  std::optional<uint64_t> length() const override { return std::nullopt; }

 private:
  http::StringBody bytes_;
};

class StorageApi : public ::testing::Test {
 protected:
  StorageApi() {
    objects_ = *store::Objects::Open(scratch_.path("data"), base::RealFileSystem());
    storage::AddRoutes(router_, *objects_, "http://house");
    Send("POST", "/storage/v1/b?project=p", R"({"name": "bucket"})");
  }

  Answered Send(const std::string& method, const std::string& target, const std::string& body = "", http::Headers headers = {}) {
    http::StringBody bytes(body);
    return SendBody(method, target, bytes, std::move(headers));
  }
  Answered SendBody(const std::string& method, const std::string& target, http::BodyReader& body, http::Headers headers = {}) {
    return testing::Send(router_, method, target, body, std::move(headers));
  }
  Answered Put(const std::string& name, const std::string& contents) {
    return Send("POST", "/upload/storage/v1/b/bucket/o?uploadType=media&name=" + http::PercentEncode(name), contents,
                {{"Content-Type", "text/plain"}});
  }
  std::string Contents(const std::string& name) {
    return Send("GET", "/storage/v1/b/bucket/o/" + http::PercentEncode(name) + "?alt=media").body;
  }
  std::string BeginResumable(const std::string& name, const std::string& query = "", http::Headers headers = {}) {
    const Answered begun =
        Send("POST", "/upload/storage/v1/b/bucket/o?uploadType=resumable&name=" + name + query, "{}", std::move(headers));
    EXPECT_EQ(begun.status, 200) << begun.body;
    const std::string location(begun.headers.Get("Location"));
    EXPECT_TRUE(location.starts_with("http://house/upload/storage/v1/b/bucket/o?uploadType=resumable&name=")) << location;
    return location.substr(std::string("http://house").size());
  }

  const transfer::Scratch scratch_;
  std::unique_ptr<store::Objects> objects_;
  Router router_;
};

std::string ReasonOf(const Answered& answer) {
  return answer.json["error"]["errors"].array().empty() ? "" : answer.json["error"]["errors"].array()[0]["reason"].as_string();
}

TEST_F(StorageApi, ObjectsLookAsCloudStoragesDo) {
  const Answered put = Put("a/b c.txt", "123456789");
  ASSERT_EQ(put.status, 200) << put.body;
  const Json& object = put.json;
  EXPECT_EQ(object["kind"].as_string(), "storage#object");
  EXPECT_EQ(object["name"].as_string(), "a/b c.txt");
  EXPECT_EQ(object["bucket"].as_string(), "bucket");
  EXPECT_EQ(object["size"].as_string(), "9");
  EXPECT_EQ(object["contentType"].as_string(), "text/plain");
  EXPECT_EQ(object["md5Hash"].as_string(), "JfnnlDI7RTiF9RgfG2JNCw==");
  EXPECT_EQ(object["crc32c"].as_string(), "4waSgw==");
  EXPECT_EQ(object["metageneration"].as_string(), "1");
  EXPECT_EQ(object["id"].as_string(), "bucket/a/b c.txt/" + object["generation"].as_string());
  EXPECT_EQ(object["selfLink"].as_string(), "http://house/storage/v1/b/bucket/o/a%2Fb%20c.txt");
  EXPECT_EQ(object["mediaLink"].as_string(), "http://house/download/storage/v1/b/bucket/o/a%2Fb%20c.txt?generation=" +
                                                 object["generation"].as_string() + "&alt=media");
  EXPECT_TRUE(object["timeCreated"].as_string().ends_with("Z"));
  EXPECT_EQ(Send("GET", "/storage/v1/b/bucket/o/a%2Fb%20c.txt").json, object);
}

TEST_F(StorageApi, BucketsAreMadeShownListedAndRemoved) {
  const Answered bucket = Send("GET", "/storage/v1/b/bucket");
  EXPECT_EQ(bucket.json["kind"].as_string(), "storage#bucket");
  EXPECT_EQ(bucket.json["selfLink"].as_string(), "http://house/storage/v1/b/bucket");
  EXPECT_EQ(Send("POST", "/storage/v1/b?project=p", R"({"name": "bucket"})").status, 409);
  EXPECT_EQ(Send("POST", "/storage/v1/b?project=p", R"({"name": "../x"})").status, 400);
  EXPECT_EQ(Send("POST", "/storage/v1/b?project=p", "[1]").status, 400);
  EXPECT_EQ(Send("GET", "/storage/v1/b").status, 400);
  const Answered list = Send("GET", "/storage/v1/b?project=p");
  ASSERT_EQ(list.json["items"].array().size(), 1U);
  const Answered others = Send("GET", "/storage/v1/b?project=q");
  EXPECT_EQ(others.json.find("items"), nullptr);
  Put("x", "");
  const Answered full = Send("DELETE", "/storage/v1/b/bucket");
  EXPECT_EQ(full.status, 409);
  EXPECT_EQ(ReasonOf(full), "conflict");
  EXPECT_EQ(Send("DELETE", "/storage/v1/b/bucket/o/x").status, 204);
  EXPECT_EQ(Send("DELETE", "/storage/v1/b/bucket").status, 204);
  EXPECT_EQ(ReasonOf(Send("GET", "/storage/v1/b/bucket")), "notFound");
}

TEST_F(StorageApi, ErrorsHaveGooglesBody) {
  const Answered missing = Send("GET", "/storage/v1/b/bucket/o/none");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.json["error"]["code"].as_int(), 404);
  EXPECT_EQ(missing.json["error"]["message"].as_string(), "gs://bucket/none: there is no such object");
  const Json& detail = missing.json["error"]["errors"].array().at(0);
  EXPECT_EQ(detail["domain"].as_string(), "global");
  EXPECT_EQ(detail["reason"].as_string(), "notFound");
  EXPECT_EQ(ReasonOf(Send("GET", "/storage/v1/nothing")), "notFound");
  EXPECT_EQ(ReasonOf(Send("POST", "/storage/v1/b/bucket")), "methodNotAllowed");
  EXPECT_EQ(ReasonOf(Send("GET", "/storage/v1/b/bucket/o?maxResults=x")), "invalid");
  EXPECT_EQ(ReasonOf(Send("GET", "/storage/v1/b/bucket/o?pageToken=x")), "invalid");
  EXPECT_EQ(ReasonOf(Send("GET", "/storage/v1/b/bucket/o?matchGlob=x")), "invalid");
  EXPECT_EQ(ReasonOf(Send("POST", "/upload/storage/v1/b/bucket/o?uploadType=media")), "invalid");
  EXPECT_EQ(ReasonOf(Send("POST", "/upload/storage/v1/b/bucket/o?uploadType=x&name=x")), "invalid");
  EXPECT_EQ(ReasonOf(Send("POST", "/upload/storage/v1/b/none/o?uploadType=media&name=x")), "notFound");
}

TEST_F(StorageApi, RangesAreServedAndRefused) {
  Put("x", "0123456789");
  const auto get = [this](const std::string& range) {
    return Send("GET", "/download/storage/v1/b/bucket/o/x?alt=media", "", {{"Range", range}});
  };
  EXPECT_EQ(get("bytes=2-4").body, "234");
  EXPECT_EQ(get("bytes=2-4").status, 206);
  EXPECT_EQ(get("bytes=2-4").headers.Get("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(get("bytes=-3").body, "789");
  EXPECT_EQ(get("bytes=8-").body, "89");
  EXPECT_EQ(get("bytes=10-").status, 416);
  EXPECT_EQ(get("bytes=10-").headers.Get("Content-Range"), "bytes */10");
  const Answered whole = get("");
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, "0123456789");
  EXPECT_EQ(whole.headers.Get("Content-Type"), "text/plain");
  EXPECT_TRUE(whole.headers.Get("X-Goog-Hash").starts_with("crc32c="));
}

TEST_F(StorageApi, ListsHavePrefixesAndPages) {
  for (const char* name : {"a/1", "a/2", "b", "c/d/1", "e"}) Put(name, "");
  std::vector<std::string> found;
  std::string token;
  do {
    const Answered page =
        Send("GET", "/storage/v1/b/bucket/o?delimiter=/&maxResults=2" + (token.empty() ? "" : "&pageToken=" + token));
    for (const Json& prefix : page.json["prefixes"].array()) found.push_back(prefix.as_string());
    for (const Json& item : page.json["items"].array()) found.push_back(item["name"].as_string());
    token = page.json["nextPageToken"].as_string();
  } while (!token.empty());
  EXPECT_EQ(std::multiset<std::string>(found.begin(), found.end()), (std::multiset<std::string>{"a/", "b", "c/", "e"}));
  EXPECT_EQ(Send("GET", "/storage/v1/b/bucket/o?prefix=a/").json["items"].array().size(), 2U);
  const Answered none = Send("GET", "/storage/v1/b/bucket/o?prefix=zz");
  EXPECT_EQ(none.json.find("items"), nullptr);
}

TEST_F(StorageApi, GenerationsAreConditions) {
  const std::string upload = "/upload/storage/v1/b/bucket/o?uploadType=media&name=x";
  const Answered first = Send("POST", upload + "&ifGenerationMatch=0", "1");
  EXPECT_EQ(first.status, 200);
  const Answered refused = Send("POST", upload + "&ifGenerationMatch=0", "2");
  EXPECT_EQ(refused.status, 412);
  EXPECT_EQ(ReasonOf(refused), "conditionNotMet");
  const std::string generation = first.json["generation"].as_string();
  const std::string object = "/storage/v1/b/bucket/o/x?";
  EXPECT_EQ(Send("GET", object + "ifGenerationMatch=" + generation).status, 200);
  EXPECT_EQ(Send("GET", object + "ifGenerationMatch=1").status, 412);
  EXPECT_EQ(Send("GET", object + "ifGenerationNotMatch=" + generation).status, 304);
  EXPECT_EQ(Send("GET", object + "generation=1").status, 404);
  EXPECT_EQ(Send("DELETE", object + "generation=1").status, 404);
  EXPECT_EQ(Send("DELETE", object + "ifGenerationMatch=1").status, 412);
  EXPECT_EQ(Send("DELETE", object + "ifMetagenerationMatch=1").status, 400);
  EXPECT_EQ(Send("DELETE", object + "generation=" + generation).status, 204);
}

TEST_F(StorageApi, MultipartUploadsCarryMetadataAndSums) {
  const auto upload = [this](const std::string& resource, const std::string& end = "\r\n--cut--") {
    return Send("POST", "/upload/storage/v1/b/bucket/o?uploadType=multipart",
                "--cut\r\nContent-Type: application/json\r\n\r\n" + resource +
                    "\r\n--cut\r\nContent-Type: text/css\r\n\r\n123456789" + end,
                {{"Content-Type", "multipart/related; boundary=\"cut\""}});
  };
  const Answered put =
      upload(R"({"name": "x", "metadata": {"k": "v"}, "crc32c": "4waSgw==", "md5Hash": "JfnnlDI7RTiF9RgfG2JNCw=="})");
  ASSERT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(put.json["contentType"].as_string(), "text/css");
  EXPECT_EQ(put.json["metadata"]["k"].as_string(), "v");
  EXPECT_EQ(Contents("x"), "123456789");
  EXPECT_EQ(upload(R"({"name": "y", "crc32c": "AAAAAA=="})").status, 400);
  EXPECT_EQ(upload(R"({"name": "y", "md5Hash": "?"})").status, 400);
  EXPECT_EQ(upload(R"({"name": "y", "metadata": {"k": 1}})").status, 400);
  EXPECT_EQ(upload(R"({"name": 1})").status, 400);
  EXPECT_EQ(upload("{").status, 400);
  EXPECT_EQ(upload(R"({"name": "y"})", "").status, 400);  // no closing delimiter: not whole
  EXPECT_EQ(upload(R"({"name": "y"})", "\r\n--cut\r\n\r\nthird\r\n--cut--").status, 400);
  EXPECT_EQ(Send("GET", "/storage/v1/b/bucket/o/y").status, 404);
}

// As gsutil writes them: line feeds only, and a boundary in quotes that are no part of it.
TEST_F(StorageApi, MultipartUploadsOfGsutilAreUnderstood) {
  const Answered put = Send("POST", "/upload/storage/v1/b/bucket/o?uploadType=multipart",
                            "--==1==\nContent-Type: application/json\n\n{\"name\": \"x\"}\n--==1==\nContent-Type: text/plain\n\n"
                            "line\r\n\n--==1==--\n",
                            {{"Content-Type", "multipart/related; boundary='==1=='"}});
  ASSERT_EQ(put.status, 200) << put.body;
  EXPECT_EQ(Contents("x"), "line\r\n");
}

TEST_F(StorageApi, ResumableUploadsTakePiecesAndSayHowFarTheyAre) {
  const std::string at = BeginResumable("x", "", {{"X-Upload-Content-Type", "text/css"}});
  const Answered none = Send("PUT", at, "", {{"Content-Range", "bytes */10"}});
  EXPECT_EQ(none.status, 308);
  EXPECT_EQ(none.headers.Find("Range"), nullptr);
  const Answered some = Send("PUT", at, "01234", {{"Content-Range", "bytes 0-4/*"}});
  EXPECT_EQ(some.status, 308);
  EXPECT_EQ(some.headers.Get("Range"), "bytes=0-4");
  EXPECT_EQ(Send("PUT", at, "789", {{"Content-Range", "bytes 7-9/10"}}).status, 400);  // a gap
  // Bytes that have come already are passed over.
  EXPECT_EQ(Send("PUT", at, "345", {{"Content-Range", "bytes 3-5/10"}}).headers.Get("Range"), "bytes=0-5");
  const Answered done = Send("PUT", at, "6789", {{"Content-Range", "bytes 6-9/10"}});
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.json["contentType"].as_string(), "text/css");
  EXPECT_EQ(Contents("x"), "0123456789");
  EXPECT_EQ(Send("PUT", at, "", {{"Content-Range", "bytes */10"}}).json, done.json);  // asked again: the same answer
}

TEST_F(StorageApi, ResumableUploadsSurviveBrokenConnections) {
  const std::string at = BeginResumable("x");
  BrokenBody broken("01234");
  EXPECT_EQ(SendBody("PUT", at, broken, {{"Content-Range", "bytes 0-9/10"}}).status, 500);
  EXPECT_EQ(Send("GET", "/storage/v1/b/bucket/o/x").status, 404);
  EXPECT_EQ(Send("PUT", at, "", {{"Content-Range", "bytes */10"}}).headers.Get("Range"), "bytes=0-4");
  EXPECT_EQ(Send("PUT", at, "56789", {{"Content-Range", "bytes 5-9/10"}}).status, 200);
  EXPECT_EQ(Contents("x"), "0123456789");
}

TEST_F(StorageApi, ResumableUploadsInOnePieceOrOfUnknownLengthEnd) {
  EXPECT_EQ(Send("PUT", BeginResumable("one"), "whole").status, 200);
  EXPECT_EQ(Contents("one"), "whole");
  const std::string at = BeginResumable("open");
  EXPECT_EQ(Send("PUT", at, "01", {{"Content-Range", "bytes 0-1/*"}}).status, 308);
  EXPECT_EQ(Send("PUT", at, "", {{"Content-Range", "bytes */2"}}).status, 200);
  EXPECT_EQ(Contents("open"), "01");
  EXPECT_EQ(Send("PUT", BeginResumable("empty"), "", {{"Content-Range", "bytes */0"}}).status, 200);
  EXPECT_EQ(Contents("empty"), "");
}

TEST_F(StorageApi, ResumableUploadsAreCancelledAndRefused) {
  const std::string at = BeginResumable("x");
  EXPECT_EQ(Send("DELETE", at).status, 499);
  EXPECT_EQ(Send("DELETE", at).status, 404);
  EXPECT_EQ(Send("PUT", at, "x").status, 404);
  for (const char* range : {"bytes", "bytes 1", "bytes a-b/c", "bytes 5-4/10", "bytes 0-10/10", "items 0-1/2", "bytes -1/2",
                            "bytes 0-18446744073709551615/*"}) {
    EXPECT_EQ(Send("PUT", BeginResumable("y"), "0", {{"Content-Range", range}}).status, 400) << range;
  }
  const std::string longer = BeginResumable("y");
  EXPECT_EQ(Send("PUT", longer, "0123", {{"Content-Range", "bytes 0-1/10"}}).status, 400);
  const std::string sized = BeginResumable("y", "", {{"X-Upload-Content-Length", "3"}});
  EXPECT_EQ(Send("PUT", sized, "0123").status, 400);
  EXPECT_EQ(Send("PUT", BeginResumable("y", "&ifGenerationMatch=7"), "x").status, 412);
  EXPECT_EQ(Send("GET", "/storage/v1/b/bucket/o/y").status, 404);
}

TEST_F(StorageApi, CopiesRewritesAndComposes) {
  Put("a/x", "contents");
  const Answered copy = Send("POST", "/storage/v1/b/bucket/o/a%2Fx/copyTo/b/bucket/o/b%2Fy");
  ASSERT_EQ(copy.status, 200) << copy.body;
  EXPECT_EQ(copy.json["contentType"].as_string(), "text/plain");
  EXPECT_EQ(Contents("b/y"), "contents");
  const Answered rewrite = Send("POST", "/storage/v1/b/bucket/o/a%2Fx/rewriteTo/b/bucket/o/z", R"({"contentType": "text/css"})");
  EXPECT_EQ(rewrite.json["kind"].as_string(), "storage#rewriteResponse");
  EXPECT_TRUE(rewrite.json["done"].as_bool());
  EXPECT_EQ(rewrite.json["objectSize"].as_string(), "8");
  EXPECT_EQ(rewrite.json["resource"]["contentType"].as_string(), "text/css");
  EXPECT_EQ(Send("POST", "/storage/v1/b/bucket/o/none/rewriteTo/b/bucket/o/z").status, 404);
  EXPECT_EQ(Send("POST", "/storage/v1/b/bucket/o/z/rewriteTo/b/none/o/z").status, 404);
  EXPECT_EQ(Send("POST", "/storage/v1/b/bucket/o/z/rewriteTo/b/bucket/o/w?ifSourceGenerationMatch=1").status, 412);
  const Answered composed = Send("POST", "/storage/v1/b/bucket/o/both/compose",
                                 R"({"sourceObjects": [{"name": "z"}, {"name": "a/x"}], "destination": {"contentType": "a/b"}})");
  ASSERT_EQ(composed.status, 200) << composed.body;
  EXPECT_EQ(Contents("both"), "contentscontents");
  EXPECT_EQ(Send("POST", "/storage/v1/b/bucket/o/both/compose", "{}").status, 400);
}

TEST_F(StorageApi, PatchesMergeMetadata) {
  Put("x", "");
  const std::string at = "/storage/v1/b/bucket/o/x";
  EXPECT_EQ(Send("PATCH", at, R"({"metadata": {"a": "1", "b": "2"}})").json["metageneration"].as_string(), "2");
  const Answered patched = Send("PATCH", at, R"({"metadata": {"a": null, "c": "3"}, "contentType": "text/css"})");
  EXPECT_EQ(patched.json["metadata"].Print(), R"({"b":"2","c":"3"})");
  EXPECT_EQ(patched.json["contentType"].as_string(), "text/css");
  EXPECT_EQ(Send("PATCH", at + "?ifMetagenerationMatch=1", "{}").status, 412);
  EXPECT_EQ(Send("PATCH", at, R"({"metadata": {"a": 1}})").status, 400);
  EXPECT_EQ(Send("PATCH", "/storage/v1/b/bucket/o/none", "{}").status, 404);
}

}  // namespace
}  // namespace dicomhouse::api
