#include "http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/limits.h"

namespace dicomhouse::http {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;
using testing::HasSubstr;

// A body that comes in pieces of one size.
class Dripping final : public BodyReader {
 public:
  Dripping(std::string bytes, size_t step) : bytes_(std::move(bytes)), step_(step) {}
  base::Result<size_t> Read(std::span<uint8_t> out) override {
    const size_t count = std::min({out.size(), step_, bytes_.size() - at_});
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    return count;
  }
  std::optional<uint64_t> length() const override { return std::nullopt; }

 private:
  std::string bytes_;
  size_t step_;
  size_t at_ = 0;
};

// "type|bytes" of each part; the last one is "error: ..." where there was one.
std::vector<std::string> PartsOf(const std::string& bytes, size_t step = 1 << 20, size_t room = 1 << 16,
                                 std::string boundary = "b") {
  Dripping body(bytes, step);
  MultipartReader reader(body, std::move(boundary));
  std::vector<std::string> parts;
  std::vector<uint8_t> out(room);
  while (true) {
    auto more = reader.NextPart();
    if (!more.ok()) {
      parts.push_back("error: " + more.error().message);
      return parts;
    }
    if (!*more) return parts;
    std::string part(reader.headers().Get("Content-Type"));
    part += "|";
    while (true) {
      auto count = reader.Read(out);
      if (!count.ok()) {
        parts.push_back("error: " + count.error().message);
        return parts;
      }
      if (*count == 0) break;
      part.append(reinterpret_cast<const char*>(out.data()), *count);
    }
    parts.push_back(std::move(part));
  }
}

TEST(MultipartReaderTest, PartsComeWholeHoweverTheBodyIsCut) {
  const std::string body =
      "preamble\r\n--b\r\nContent-Type: a/b\r\n\r\none\r\n\r\n--bar\r\n--\r\n--b \t\r\ncontent-type:c\r\n\r\n\r\n"
      "--b\r\n\r\nthree\r\n--b\r\n\r\n\r\n--b--\r\nepilogue";
  // "--bar" begins with the boundary: RFC 2046 wants no such line in a part, so it is an error and not data.
  for (const size_t step : {1UL, 2UL, 3UL, 7UL, 1000UL}) {
    for (const size_t room : {1UL, 5UL, 1000UL}) {
      const auto parts = PartsOf(body, step, room);
      ASSERT_EQ(parts.size(), 2U);
      EXPECT_EQ(parts[0], "a/b|one\r\n");
      EXPECT_THAT(parts[1], HasSubstr("behind a delimiter"));
      EXPECT_THAT(PartsOf(body.substr(body.find("--bar") + 7), step, room), ElementsAre("c|", "|three", "|"));
    }
  }
}

TEST(MultipartReaderTest, LinesMayEndWithLfAlone) {
  EXPECT_THAT(PartsOf("--b\nContent-Type: a/b\nMIME-Version: 1.0\n\n{}\r\n--b\n\nx\n\n--b--"), ElementsAre("a/b|{}\r", "|x\n"));
  // Headers may, where delimiters don't.
  EXPECT_THAT(PartsOf("--b\r\nContent-Type: a/b\n\nx\n--b\r\n--b--"), ElementsAre("a/b|x\n--b"));
}

TEST(MultipartReaderTest, PartsWithoutABody) {
  for (const size_t step : {1UL, 1000UL}) {
    EXPECT_THAT(PartsOf("--b\r\nContent-Type: x\r\n\r\n--b\r\n\r\n--b--", step), ElementsAre("x|", "|"));
    EXPECT_THAT(PartsOf("--b--", step), ElementsAre());
  }
}

TEST(MultipartReaderTest, FoldedHeadersAreUnfolded) {
  EXPECT_THAT(PartsOf("--b\r\nContent-Type: a/b;\r\n  c=d\r\n\r\nx\r\n--b--"), ElementsAre("a/b; c=d|x"));
}

TEST(MultipartReaderTest, WhatIsLeftOfAPartIsPassed) {
  Dripping body("--b\r\nA: 1\r\n\r\n" + std::string(300000, 'x') + "\r\n--b\r\nA: 2\r\n\r\ny\r\n--b--", 1000);
  MultipartReader reader(body, "b");
  EXPECT_TRUE(*reader.NextPart());
  uint8_t byte = 0;
  EXPECT_EQ(*reader.Read({&byte, 1}), 1U);
  EXPECT_TRUE(*reader.NextPart());
  EXPECT_EQ(reader.headers().Get("a"), "2");
  EXPECT_FALSE(*reader.NextPart());
  EXPECT_FALSE(*reader.NextPart());
  EXPECT_EQ(*reader.Read({&byte, 1}), 0U);
}

TEST(MultipartReaderTest, MalformedBodiesSayWhere) {
  const std::string bodies[] = {
      "",
      "x",
      "--c\r\n\r\nx\r\n--c--",
      "--b",
      "--b\r\n",
      "--b\r\nA: 1\r\n",
      "--b\r\n\r\nx",
      "--b\r\n\r\nx\r\n--",
      "--b\r\n\r\nx\r\n--b",
      "--b\r\n\r\nx\r\n--b-",
      "--b\r\nno colon\r\n\r\nx\r\n--b--",
      "--b\r\n: no name\r\n\r\nx\r\n--b--",
      "--b\r\n folded\r\n\r\nx\r\n--b--",
      "--b\r\nA: \0\r\n\r\nx\r\n--b--"s,
      "--bx\r\n\r\nx\r\n--b--",
  };
  for (const std::string& body : bodies) {
    for (const size_t step : {1UL, 1000UL}) {
      const auto parts = PartsOf(body, step);
      ASSERT_FALSE(parts.empty()) << body;
      EXPECT_THAT(parts.back(), HasSubstr("error: malformed multipart body at byte ")) << body;
    }
  }
}

TEST(MultipartReaderTest, BoundariesHaveALimit) {
  EXPECT_THAT(PartsOf("--\r\n\r\nx\r\n----", 1, 1, ""), ElementsAre(HasSubstr("1 to 70 characters")));
  const std::string longest(70, 'b');
  const std::string body = "--" + longest + "\r\n\r\nx\r\n--" + longest + "\r\n\r\ny\r\n--" + longest + "--";
  EXPECT_THAT(PartsOf(body, 1, 1, longest), ElementsAre("|x", "|y"));
  EXPECT_THAT(PartsOf(body, 1, 1, std::string(100000, 'b')), ElementsAre(HasSubstr("1 to 70 characters")));
}

TEST(MultipartReaderTest, HeadersHaveALimit) {
  EXPECT_THAT(PartsOf("--b\r\nA: " + std::string(base::kMaxPartHeaderBytes, 'x') + "\r\n\r\n\r\n--b--"),
              ElementsAre(HasSubstr("header has more than")));
  std::string lines = "--b\r\n";
  while (lines.size() < base::kMaxPartHeaderBytes + 100) lines += "A: b\r\n";
  EXPECT_THAT(PartsOf(lines + "\r\n\r\n--b--"), ElementsAre(HasSubstr("header has more than")));
  EXPECT_THAT(PartsOf("--b" + std::string(1 << 20, ' ') + "\r\n\r\n\r\n--b--"), ElementsAre(HasSubstr("header has more than")));
}

TEST(MultipartReaderTest, PartsHaveALimit) {
  std::string body;
  for (size_t i = 0; i <= base::kMaxParts; ++i) body += "--b\r\n\r\n\r\n";
  EXPECT_THAT(PartsOf(body + "--b--").back(), HasSubstr("parts"));
}

class StringWriter final : public BodyWriter {
 public:
  base::Status Write(std::string_view bytes) override {
    text.append(bytes);
    return {};
  }
  std::string text;
};

TEST(MultipartWriterTest, TheReaderReadsIt) {
  StringWriter out;
  const std::string boundary = NewBoundary();
  EXPECT_EQ(boundary.size(), 32U);
  EXPECT_NE(boundary, NewBoundary());
  MultipartWriter writer(out, boundary);
  const std::vector<std::string> expected = {"a/b|\r\n-", "c/d|", "e/f|\r\n--" + boundary.substr(1)};
  for (const std::string& part : expected) {
    ASSERT_TRUE(writer.BeginPart({{"Content-Type", part.substr(0, 3)}}).ok());
    ASSERT_TRUE(out.Write(part.substr(4)).ok());
  }
  ASSERT_TRUE(writer.Finish().ok());
  EXPECT_EQ(PartsOf(out.text, 1000, 1000, boundary), expected);
}

}  // namespace
}  // namespace dicomhouse::http
