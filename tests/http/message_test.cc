#include "http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dicomhouse::http {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(HeadersTest, NamesAreComparedWithoutCase) {
  Headers headers{{"Content-Type", "a/b"}, {"X-One", "1"}, {"x-one", "2"}};
  EXPECT_EQ(headers.Get("content-TYPE"), "a/b");
  EXPECT_EQ(headers.Get("x-ONE"), "1");
  EXPECT_EQ(headers.Find("Accept"), nullptr);
  headers.Set("X-ONE", "3");
  EXPECT_THAT(headers.fields(), ElementsAre(Pair("Content-Type", "a/b"), Pair("X-One", "3")));
  headers.Remove("content-type");
  headers.Set("New", "4");
  EXPECT_THAT(headers.fields(), ElementsAre(Pair("X-One", "3"), Pair("New", "4")));
}

std::vector<std::string> SegmentsOf(std::string_view raw) {
  auto target = Target::Parse(raw);
  return target.ok() ? target->segments : std::vector<std::string>{"<" + target.error().message + ">"};
}

TEST(TargetTest, SegmentsAreDecodedOneByOne) {
  EXPECT_THAT(SegmentsOf("/"), IsEmpty());
  EXPECT_THAT(SegmentsOf("/a/b%2Fc?x=1&y"), ElementsAre("a", "b/c"));
  EXPECT_THAT(SegmentsOf("/a+b/%C3%A4"), ElementsAre("a+b", "ä"));
  EXPECT_THAT(SegmentsOf("/a/"), ElementsAre("a", ""));
  EXPECT_THAT(SegmentsOf("//a"), ElementsAre("", "a"));
  EXPECT_THAT(SegmentsOf("/../%2e%2e/."), ElementsAre("..", "..", "."));
  EXPECT_THAT(SegmentsOf("/v1/x:export"), ElementsAre("v1", "x:export"));
}

TEST(TargetTest, QueriesKeepTheirOrder) {
  auto target = Target::Parse("/s?PatientName=A%5EB&includefield=all&includefield=0010%2C0010&&empty=&bare&a=b=c+d");
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->query,
              ElementsAre(Pair("PatientName", "A^B"), Pair("includefield", "all"), Pair("includefield", "0010,0010"),
                          Pair("empty", ""), Pair("bare", ""), Pair("a", "b=c d")));
  EXPECT_EQ(*target->Query("includefield"), "all");
  EXPECT_EQ(target->Query("other"), nullptr);
}

TEST(TargetTest, WhatIsNotATargetIsRefused) {
  for (const std::string& raw :
       {""s, "a"s, "*"s, "http://x/"s, "/%"s, "/%4"s, "/%zz"s, "/%00"s, "/?a=%00"s, "/%C3"s, "/%ED%A0%80"s, "/%C0%AF"s, "/\x80"s,
        "/%F5%80%80%80"s, "/a b"s, "/a\tb"s, "/a#b"s, "/a\0b"s, "/\x7f"s}) {
    EXPECT_FALSE(Target::Parse(raw).ok()) << raw;
  }
}

TEST(MediaTypeTest, ParametersComeQuotedOrNot) {
  auto media = ParseMediaType("Multipart/Related; type=\"application/dicom\"; Boundary=x\\y ;transfer-syntax=*");
  ASSERT_TRUE(media);
  EXPECT_EQ(media->Essence(), "multipart/related");
  EXPECT_EQ(media->Parameter("TYPE"), "application/dicom");
  EXPECT_EQ(media->Parameter("boundary"), "x\\y");
  EXPECT_EQ(media->Parameter("transfer-syntax"), "*");
  EXPECT_EQ(ParseMediaType("multipart/related; type=application/dicom")->Parameter("type"), "application/dicom");
  EXPECT_EQ(ParseMediaType("a/b; x=\"q\\\"; =,\\\\\"; y=1")->Parameter("x"), "q\"; =,\\");
  EXPECT_EQ(ParseMediaType("a/b;;")->parameters.size(), 0U);
  for (const char* bad : {"", "a", "a/", "/b", "a b/c", "a/b; x", "a/b; x=", "a/b; x=\"open", "a/b; =1", "a/b; x=\"1\"2"}) {
    EXPECT_FALSE(ParseMediaType(bad)) << bad;
  }
}

std::string AcceptOf(std::string_view header) {
  std::string text;
  for (const AcceptRange& accept : ParseAccept(header)) {
    text += accept.range.Essence();
    for (const auto& [name, value] : accept.range.parameters) text.append(";").append(name).append("=").append(value);
    text += " ";
  }
  return text;
}

TEST(AcceptTest, BestFirst) {
  EXPECT_EQ(AcceptOf(""), "*/* ");
  EXPECT_EQ(AcceptOf("text/*;q=0.3, text/html;q=0.7, text/html;level=1, */*;q=0.5"), "text/html;level=1 text/html */* text/* ");
  EXPECT_EQ(AcceptOf("*/*, text/*, text/plain"), "text/plain text/* */* ");
  EXPECT_EQ(AcceptOf("a/b;q=0, c/d;q=0.001, e/f;q=2, g/h;q=x, nonsense, i/j"), "i/j c/d ");
  EXPECT_EQ(AcceptOf("multipart/related; type=\"application/dicom, x\"; transfer-syntax=*, application/json"),
            "multipart/related;type=application/dicom, x;transfer-syntax=* application/json ");
  EXPECT_TRUE(Matches(*ParseMediaType("image/*"), "image", "JPEG"));
  EXPECT_FALSE(Matches(*ParseMediaType("image/png"), "image", "jpeg"));
}

std::string RangeOf(std::string_view header, uint64_t size) {
  auto range = ParseRange(header, size);
  if (!range.ok()) return "416";
  if (!*range) return "all";
  return std::to_string((*range)->begin) + ".." + std::to_string((*range)->end);
}

TEST(RangeTest, OneByteRange) {
  EXPECT_EQ(RangeOf("bytes=0-499", 1000), "0..500");
  EXPECT_EQ(RangeOf("Bytes=500-", 1000), "500..1000");
  EXPECT_EQ(RangeOf("bytes=-1", 1000), "999..1000");
  EXPECT_EQ(RangeOf("bytes=-5000", 1000), "0..1000");
  EXPECT_EQ(RangeOf("bytes=999-99999999999999999999999", 1000), "999..1000");
  EXPECT_EQ(RangeOf("bytes=1000-", 1000), "416");
  EXPECT_EQ(RangeOf("bytes=99999999999999999999999-", 1000), "416");
  EXPECT_EQ(RangeOf("bytes=-0", 1000), "416");
  EXPECT_EQ(RangeOf("bytes=0-", 0), "416");
  EXPECT_EQ(RangeOf("bytes=-1", 0), "all");
  for (const char* ignored :
       {"", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "bytes=a-b", "bytes=+1-2", "items=0-1"}) {
    EXPECT_EQ(RangeOf(ignored, 1000), "all") << ignored;
  }
}

TEST(PercentTest, EncodesAndDecodes) {
  EXPECT_EQ(PercentEncode("a b/ä~%"), "a%20b%2F%C3%A4~%25");
  EXPECT_EQ(PercentEncode("a/b c", "/"), "a/b%20c");
  EXPECT_EQ(PercentDecode("a%20b%2f+"), "a b/+");
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  EXPECT_EQ(PercentDecode("%4g"), std::nullopt);
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
}

TEST(BodyTest, ReadAllHasALimit) {
  StringBody small("12345");
  EXPECT_EQ(*ReadAll(small, 5), "12345");
  StringBody large("123456");
  auto result = ReadAll(large, 5);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, base::ErrorCode::kLimit);
}

}  // namespace
}  // namespace dicomhouse::http
