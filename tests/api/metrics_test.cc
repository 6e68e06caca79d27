#include "api/metrics.h"

#include <gmock/gmock.h>

namespace dicomhouse::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, CountRequestsByMethodAndStatus) {
  Metrics metrics;
  metrics.Count({"GET", "/v1", 200, 0, 100, 0.5, ""});
  metrics.Count({"GET", "/v2", 200, 0, 20, 0.25, ""});
  metrics.Count({"POST", "/v1", 404, 7, 3, 0, ""});
  const std::string page = metrics.Print();
  EXPECT_THAT(page, HasSubstr("dicomhouse_http_requests_total{method=\"GET\",status=\"200\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("dicomhouse_http_requests_total{method=\"POST\",status=\"404\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("dicomhouse_http_request_seconds_total{method=\"GET\",status=\"200\"} 0.75"));
  EXPECT_THAT(page, HasSubstr("dicomhouse_http_received_bytes_total 7\n"));
  EXPECT_THAT(page, HasSubstr("dicomhouse_http_sent_bytes_total 123\n"));
}

TEST(MetricsTest, ThatPeersInventMakeNoRowsOfTheirOwn) {
  Metrics metrics;
  for (int i = 0; i < 100; ++i) metrics.Count({"X" + std::to_string(i) + "\"}\n", "/", 501, 0, 0, 0, ""});
  EXPECT_THAT(metrics.Print(), HasSubstr("{method=\"other\",status=\"501\"} 100\n"));
  EXPECT_THAT(metrics.Print(), Not(HasSubstr("X1")));
}

}  // namespace
}  // namespace dicomhouse::api
