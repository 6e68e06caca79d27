#include "base/json.h"

#include <gtest/gtest.h>

namespace dicomhouse::base {
namespace {

TEST(Json, PrintsBackWhatItParsed) {
  const std::string text = R"({"b":[1,-9223372036854775808,2.5,true,null,"é\n\"\\\u0001"],"a":{},"c":[]})";
  const auto json = Json::Parse(text);
  ASSERT_TRUE(json.ok()) << json.error().message;
  EXPECT_EQ(json->Print(), text);
}

TEST(Json, PrintsUtf8WhateverATextHolds) {  // RFC 8259 §8.1
  EXPECT_EQ(Json("a\xE9\xC3\xA9").Print(), "\"a\\\\xE9\xC3\xA9\"");
}

TEST(Json, RefusesBrokenTextAndDeepNesting) {
  EXPECT_EQ(Json::Parse("{\"a\":").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Json::Parse("\"\xff\"").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Json::Parse(std::string(5000, '[') + std::string(5000, ']')).error().code, ErrorCode::kLimit);
}

TEST(Json, SetKeepsThePlaceOfAField) {
  Json json = *Json::Parse(R"({"x":1,"y":2})");
  json.Set("x", "new").Set("z", int64_t{3});
  EXPECT_EQ(json.Print(), R"({"x":"new","y":2,"z":3})");
}

TEST(Json, PartsOfATemporaryLiveAsLongAsALoopOverThem) {
  const auto make = [] { return *Json::Parse(R"({"list":["a text that is too long to be kept in place","b"]})"); };
  std::string found;
  for (const Json& item : make()["list"].array()) found += item.as_string();
  for (const auto& [key, value] : make().object()) found += key;
  EXPECT_EQ(found, "a text that is too long to be kept in placeblist");
}

}  // namespace
}  // namespace dicomhouse::base
