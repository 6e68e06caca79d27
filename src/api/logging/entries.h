// Log entries of operations as Cloud Logging's LogEntry, and the filters that lists take.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "store/catalog.h"

namespace dicomhouse::api {

// A LogEntry: logName, resource, severity, operation, jsonPayload (google.cloud.healthcare.logging.ImportDicomLogEntry and
// ExportDicomLogEntry), times.
base::Json EntryJson(const store::LogEntry& entry);

// A filter of Cloud Logging's query language, the part that log readers use: comparisons joined by AND or by new lines, such as
//   logName="projects/P/logs/healthcare.googleapis.com%2Fimport_dicom" severity>=ERROR timestamp>="2026-01-01T00:00:00Z"
//   operation.id="..." resource.labels.dicom_store_id="s" jsonPayload.error.message:"not DICOM"
class LogFilter {
 public:
  // Errors: kInvalidArgument, with the text that was not understood.
  static base::Result<LogFilter> Parse(std::string_view text);

  // What the catalog can do of it.
  void Narrow(store::Catalog::LogQuery& query) const;
  bool Matches(const base::Json& entry) const;

 private:
  struct Term {
    std::vector<std::string> path;
    std::string op;  // "=", "!=", ":", ">=", "<=", ">", "<"
    std::string value;
    std::optional<int64_t> time_us;  // of timestamps
  };
  static base::Result<Term> ParseTerm(std::string_view& rest);

  std::vector<Term> terms_;
};

// Microseconds since 1970 of "2026-11-23T18:20:05.123Z" (RFC 3339 §5.6; offsets too).
std::optional<int64_t> ParseRfc3339(std::string_view text);

}  // namespace dicomhouse::api
