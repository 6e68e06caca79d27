#include "api/metrics.h"

#include <array>
#include <string_view>

namespace dicomhouse::api {
namespace {

// A label must not be whatever a peer sends: each value makes a row that stays.
std::string_view KnownMethod(std::string_view method) {
  static constexpr std::array<std::string_view, 7> kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  for (const std::string_view known : kMethods) {
    if (method == known) return known;
  }
  return "other";
}

}  // namespace

void Metrics::Count(const http::ServerOptions::Done& done) {
  const std::lock_guard lock(mutex_);
  Requests& requests = requests_[{std::string(KnownMethod(done.method)), done.status}];
  ++requests.count;
  requests.seconds += done.seconds;
  bytes_in_ += done.bytes_in;
  bytes_out_ += done.bytes_out;
}

std::string Metrics::Print() const {
  const std::lock_guard lock(mutex_);
  std::string counts =
      "# HELP dicomhouse_http_requests_total Requests that were answered.\n# TYPE dicomhouse_http_requests_total counter\n";
  std::string seconds =
      "# HELP dicomhouse_http_request_seconds_total Time that they took.\n# TYPE dicomhouse_http_request_seconds_total counter\n";
  for (const auto& [key, requests] : requests_) {
    const std::string labels = "{method=\"" + key.first + "\",status=\"" + std::to_string(key.second) + "\"} ";
    counts += "dicomhouse_http_requests_total" + labels + std::to_string(requests.count) + "\n";
    seconds += "dicomhouse_http_request_seconds_total" + labels + std::to_string(requests.seconds) + "\n";
  }
  return counts + seconds +
         "# HELP dicomhouse_http_received_bytes_total Bytes of requests' bodies.\n# TYPE dicomhouse_http_received_bytes_total "
         "counter\n"
         "dicomhouse_http_received_bytes_total " +
         std::to_string(bytes_in_) +
         "\n# HELP dicomhouse_http_sent_bytes_total Bytes of answers' bodies.\n# TYPE dicomhouse_http_sent_bytes_total counter\n"
         "dicomhouse_http_sent_bytes_total " +
         std::to_string(bytes_out_) + "\n";
}

}  // namespace dicomhouse::api
