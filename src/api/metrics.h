// Counters of the server in Prometheus' text format (version 0.0.4).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "http/server.h"

namespace dicomhouse::api {

// Thread-safe.
class Metrics {
 public:
  // One request is over.
  void Count(const http::ServerOptions::Done& done);
  // The page of /metrics.
  std::string Print() const;

 private:
  struct Requests {
    uint64_t count = 0;
    double seconds = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, Requests> requests_;  // by method and status
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
};

}  // namespace dicomhouse::api
