// `dicomhouse logging read`: why instances of an import or export failed.
#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/resource_list.h"
#include "cli/resource_print.h"
#include "cli/terminal.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;

constexpr int kPageSize = 1000;

struct LoggingFlags {
  Server server;
  std::string filter;
  std::string format;
  std::string freshness = "1d";
  std::string order = "desc";
  int64_t limit = 0;
};

// "1d", "2h30m", "45s", "1w": seconds.
base::Result<int64_t> ParseDuration(const std::string& text) {
  const Error wrong{ErrorCode::kInvalidArgument, "--freshness: '" + text + "' is no duration such as 1d or 2h30m"};
  const char* at = text.data();
  const char* const end = at + text.size();
  int64_t seconds = 0;
  if (text.empty()) return wrong;
  while (at != end) {
    int64_t number = 0;
    const auto parsed = std::from_chars(at, end, number);
    if (parsed.ec != std::errc() || number < 0 || number > 1'000'000'000) return wrong;
    at = parsed.ptr;
    const char unit = at == end ? 's' : *at++;
    const int64_t factor = unit == 's'   ? 1
                           : unit == 'm' ? 60
                           : unit == 'h' ? 3600
                           : unit == 'd' ? 86400
                           : unit == 'w' ? 604800
                                         : 0;
    if (factor == 0) return wrong;
    seconds += number * factor;
  }
  return seconds;
}

// The user's filter, and how old entries may be, unless the filter says so itself.
base::Result<std::string> FilterOf(const LoggingFlags& flags) {
  if (flags.order != "desc" || flags.filter.find("timestamp") != std::string::npos) return flags.filter;
  DH_ASSIGN(const int64_t seconds, ParseDuration(flags.freshness));
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  const std::string since = "timestamp>=\"" + UtcTime(now.count() - seconds * 1000) + "\"";
  // In front: messages about a filter cite what stands behind the fault, and that is to be the user's own words.
  return flags.filter.empty() ? since : since + " AND " + flags.filter;
}

base::Result<int> Read(const LoggingFlags& flags) {
  if (!IsResourceFormat(flags.format)) return Error{ErrorCode::kInvalidArgument, "Unknown format name [" + flags.format + "]"};
  DH_ASSIGN(ApiClient api, ApiClient::Make(flags.server));
  DH_ASSIGN(const std::string filter, FilterOf(flags));
  Json body = Json::MakeObject();
  body.Set("resourceNames", Json::Array{"projects/" + flags.server.project}).Set("filter", filter);
  body.Set("orderBy", "timestamp " + flags.order).Set("pageSize", kPageSize);
  Json::Array entries;
  while (true) {
    DH_ASSIGN(const Json page, api.Call("POST", "/v2/entries:list", body));
    for (const Json& entry : page["entries"].array()) entries.push_back(entry);
    const std::string& token = page["nextPageToken"].as_string();
    const bool enough = flags.limit > 0 && entries.size() >= static_cast<size_t>(flags.limit);
    if (enough) entries.resize(static_cast<size_t>(flags.limit));
    if (enough || token.empty()) break;
    body.Set("pageToken", token);
  }
  const std::string format = flags.format.empty() ? "yaml" : flags.format;
  PrintResources(entries, format,
                 {{"TIMESTAMP", "timestamp", ""}, {"SEVERITY", "severity", ""}, {"MESSAGE", "jsonPayload.error.message", ""}});
  return kDone;
}

}  // namespace

void AddLogging(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<LoggingFlags>();
  CLI::App* logging = app.add_subcommand("logging", "Log entries of a server");
  logging->require_subcommand(1);
  logging->footer("Example:\n  dicomhouse logging read 'severity>=ERROR' --limit 10");
  CLI::App* read = logging->add_subcommand("read", "Show log entries, newest first");
  read->footer(
      "Examples:\n"
      "  dicomhouse logging read 'severity>=ERROR' --limit 10\n"
      "  dicomhouse logging read 'jsonPayload.operation.id=\"1234567890\"' --format json\n"
      "  dicomhouse logging read --freshness 2h --format table");
  read->add_option("FILTER", flags->filter, "Which entries: comparisons joined by AND, as in Cloud Logging");
  AddLimitFlag(*read, flags->limit);
  read->add_option("--freshness", flags->freshness, "How old entries may be, unless the filter has a timestamp: 30m, 12h, 7d")
      ->capture_default_str();
  read->add_option("--order", flags->order, "By time")->check(CLI::IsMember({"asc", "desc"}))->capture_default_str();
  read->add_option("--format", flags->format, "yaml, json, table, or value(FIELD,...)");
  AddServerFlags(*read, flags->server);
  read->callback([flags, &common, &run] {
    run = [flags, &common] {
      const auto code = Read(*flags);
      if (code.ok()) return *code;
      std::fprintf(stderr, "ERROR: (dicomhouse.%slogging.read) %s\n", common.track.c_str(), code.error().message.c_str());
      return static_cast<int>(kFailed);
    };
  });
}

}  // namespace dicomhouse::cli
