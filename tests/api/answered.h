// One request to the routes of an API, without a socket, and what it is answered with.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "api/router.h"
#include "base/json.h"
#include "http/message.h"

namespace dicomhouse::api::testing {

struct Answered {
  int status = 0;
  http::Headers headers;
  std::string body;  // all of it, also of what is sent while it is made
  base::Json json;   // null when the body is none
};

class CollectingWriter final : public http::BodyWriter {
 public:
  base::Status Write(std::string_view bytes) override {
    text += bytes;
    return {};
  }
  std::string text;
};

// A body that is sent while it is made has to have the length that was announced.
inline Answered Send(const Router& router, const std::string& method, const std::string& target, http::BodyReader& body,
                     http::Headers headers = {}) {
  auto parsed = http::Target::Parse(target);
  EXPECT_TRUE(parsed.ok()) << target;
  if (!parsed.ok()) return {};
  http::Request request;
  request.method = method;
  request.target = *std::move(parsed);
  request.headers = std::move(headers);
  request.body = &body;
  const http::Response response = router.Handle(request);
  Answered answer{response.status, response.headers, response.body, {}};
  if (response.stream) {
    CollectingWriter writer;
    EXPECT_TRUE(response.stream(writer).ok());
    EXPECT_EQ(response.length.value_or(writer.text.size()), writer.text.size());
    answer.body = writer.text;
  }
  if (auto json = base::Json::Parse(answer.body); json.ok()) answer.json = *json;
  return answer;
}

}  // namespace dicomhouse::api::testing
