#include "api/logging/entries.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "api/router.h"
#include "http/message.h"
#include "store/names.h"
#include "transfer/operations.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;

constexpr std::array<std::string_view, 9> kSeverities = {"DEFAULT", "DEBUG",    "INFO",  "NOTICE",   "WARNING",
                                                         "ERROR",   "CRITICAL", "ALERT", "EMERGENCY"};

ptrdiff_t LevelOf(std::string_view severity) {
  return std::find(kSeverities.begin(), kSeverities.end(), severity) - kSeverities.begin();
}

Json ResourceJson(const store::LogEntry& entry, const store::DatasetName& dataset) {
  Json labels = Json::MakeObject();
  labels.Set("project_id", entry.project).Set("location", dataset.location).Set("dataset_id", dataset.dataset);
  const auto store = store::DicomStoreName::Parse(entry.document["dicomStore"].as_string());
  if (store.ok()) labels.Set("dicom_store_id", store->store);
  Json resource = Json::MakeObject();
  return resource.Set("type", store.ok() ? "healthcare_dicom_store" : "healthcare_dataset").Set("labels", std::move(labels));
}

Json PayloadJson(const store::LogEntry& entry, const Json& operation) {
  const bool import = entry.log.ends_with("import_dicom");
  const Json& error = entry.document["error"];
  Json status = Json::MakeObject();
  status.Set("code", StatusOf(transfer::CodeOfText(error["code"].as_string())).rpc).Set("message", error["message"]);
  Json payload = Json::MakeObject();
  payload.Set("@type", std::string("type.googleapis.com/google.cloud.healthcare.logging.") +
                           (import ? "ImportDicomLogEntry" : "ExportDicomLogEntry"));
  payload.Set("source", entry.document["source"]);
  if (!import) payload.Set("resourceName", entry.document["source"]);
  return payload.Set("error", std::move(status)).Set("operation", operation);
}

std::string_view SkipSpace(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

// A quoted string or a word; taken off `rest`.
std::optional<std::string> TakeValue(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const size_t end = std::min(rest.find_first_of(" \t\r\n()=<>!:\""), rest.size());
    value = rest.substr(0, end);
    rest.remove_prefix(end);
    return value.empty() ? std::nullopt : std::optional(value);
  }
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return value;
    }
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    value += rest[i];
  }
  return std::nullopt;
}

// "resource.labels.dicom_store_id"; parts may be quoted. Taken off `rest`.
std::optional<std::vector<std::string>> TakePath(std::string_view& rest) {
  std::vector<std::string> path;
  while (true) {
    if (rest.starts_with('"')) {
      auto part = TakeValue(rest);
      if (!part) return std::nullopt;
      path.push_back(*std::move(part));
    } else {
      const size_t end = std::min(rest.find_first_of(". \t\r\n()=<>!:\""), rest.size());
      if (end == 0) return std::nullopt;
      path.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    if (!rest.starts_with('.')) return path;
    rest.remove_prefix(1);
  }
}

Error Unknown(std::string_view at, const std::string& why) {
  return {ErrorCode::kInvalidArgument, "Unparseable filter: " + why + " at " + Json(at.substr(0, 60)).Print()};
}

template <typename T>
bool Compare(const T& left, std::string_view op, const T& right) {
  if (op == "=") return left == right;
  if (op == "!=") return left != right;
  if (op == ">=") return left >= right;
  if (op == "<=") return left <= right;
  if (op == ">") return left > right;
  return left < right;
}

int64_t DigitsAt(std::string_view text, size_t at, size_t count, bool& good) {
  int64_t number = 0;
  for (size_t i = at; i < at + count; ++i) {
    good = good && i < text.size() && text[i] >= '0' && text[i] <= '9';
    if (good) number = number * 10 + (text[i] - '0');
  }
  return number;
}

}  // namespace

Json EntryJson(const store::LogEntry& entry) {
  const auto parsed = store::DatasetName::Parse(entry.document["dataset"].as_string());
  const store::DatasetName dataset = parsed.ok() ? *parsed : store::DatasetName{};
  Json operation = Json::MakeObject();
  operation.Set("id", dataset.Text() + "/operations/" + entry.operation).Set("producer", "healthcare.googleapis.com");
  Json json = Json::MakeObject();
  json.Set("insertId", std::to_string(entry.id)).Set("jsonPayload", PayloadJson(entry, operation));
  json.Set("resource", ResourceJson(entry, dataset)).Set("timestamp", Rfc3339(entry.timestamp_us));
  json.Set("severity", entry.severity);
  json.Set("logName", "projects/" + entry.project + "/logs/" + http::PercentEncode(entry.log));
  return json.Set("operation", std::move(operation)).Set("receiveTimestamp", Rfc3339(entry.timestamp_us));
}

Result<LogFilter> LogFilter::Parse(std::string_view text) {
  LogFilter filter;
  std::string_view rest = SkipSpace(text);
  while (!rest.empty()) {
    DH_ASSIGN(Term term, ParseTerm(rest));
    filter.terms_.push_back(std::move(term));
    rest = SkipSpace(rest);
    if (rest.starts_with("AND ") || rest.starts_with("AND\n")) {
      const std::string_view conjunction = rest;
      rest = SkipSpace(rest.substr(3));
      if (rest.empty()) return Unknown(conjunction, "nothing follows AND");
    }
  }
  return filter;
}

Result<LogFilter::Term> LogFilter::ParseTerm(std::string_view& rest) {
  constexpr std::array<std::string_view, 8> kFields = {"logName",  "severity",  "timestamp",   "receiveTimestamp",
                                                       "resource", "operation", "jsonPayload", "insertId"};
  const std::string_view start = rest;
  auto path = TakePath(rest);
  if (!path || std::find(kFields.begin(), kFields.end(), path->front()) == kFields.end()) {
    return Unknown(start, "a comparison of logName, severity, timestamp, resource, operation or jsonPayload is expected");
  }
  rest = SkipSpace(rest);
  Term term{*std::move(path), "", "", std::nullopt};
  for (const char* const op : {">=", "<=", "!=", "=", ":", ">", "<"}) {
    if (!rest.starts_with(op)) continue;
    term.op = op;
    break;
  }
  if (term.op.empty()) return Unknown(start, "an operator is missing");
  rest = SkipSpace(rest.substr(term.op.size()));
  auto value = TakeValue(rest);
  if (!value) return Unknown(start, "a value is missing");
  term.value = *std::move(value);
  if (term.path.front() == "severity" && LevelOf(term.value) == static_cast<ptrdiff_t>(kSeverities.size())) {
    return Unknown(start, "no severity");
  }
  if (term.path.front() == "timestamp" || term.path.front() == "receiveTimestamp") {
    term.time_us = ParseRfc3339(term.value);
    if (!term.time_us) return Unknown(start, "no RFC 3339 timestamp");
  }
  return term;
}

void LogFilter::Narrow(store::Catalog::LogQuery& query) const {
  for (const Term& term : terms_) {
    const bool operation = term.path == std::vector<std::string>{"operation", "id"} ||
                           term.path == std::vector<std::string>{"jsonPayload", "operation", "id"};
    if (operation && term.op == "=") query.operation = term.value.substr(term.value.rfind('/') + 1);
    if (term.path.front() == "severity" && (term.op == ">=" || term.op == "=")) query.severity = term.value;
    if (term.time_us && (term.op == ">=" || term.op == ">")) query.since_us = term.time_us;
    if (term.time_us && (term.op == "<=" || term.op == "<")) query.until_us = term.time_us;
  }
}

bool LogFilter::Matches(const Json& entry) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const Json* at = &entry;
    for (const std::string& name : term.path) {
      at = at->find(name);
      if (at == nullptr) return term.op == "!=";
    }
    const std::string text = at->is_string() ? at->as_string() : at->Print();
    if (term.op == ":") return text.find(term.value) != std::string::npos;
    if (term.path.front() == "severity") return Compare(LevelOf(text), term.op, LevelOf(term.value));
    if (term.time_us) return Compare(ParseRfc3339(text).value_or(0), term.op, *term.time_us);
    // An operation is named by its id or by its whole name.
    if (term.path.back() == "id" && text.ends_with("/operations/" + term.value)) return term.op == "=";
    return Compare<std::string>(text, term.op, term.value);
  });
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  bool good = text.size() >= 10;
  const int64_t year = DigitsAt(text, 0, 4, good);
  const int64_t month = DigitsAt(text, 5, 2, good);
  const int64_t day = DigitsAt(text, 8, 2, good);
  good = good && text[4] == '-' && text[7] == '-';
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!good || !date.ok()) return std::nullopt;
  int64_t seconds = std::chrono::sys_days(date).time_since_epoch().count() * 86'400;
  if (text.size() == 10) return seconds * 1'000'000;
  const int64_t hour = DigitsAt(text, 11, 2, good);
  const int64_t minute = DigitsAt(text, 14, 2, good);
  const int64_t second = DigitsAt(text, 17, 2, good);
  if (!good || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  seconds += hour * 3600 + minute * 60 + second;
  std::string_view rest = text.substr(19);
  int64_t fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    int64_t scale = 100'000;
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      fraction += (rest[0] - '0') * scale;
      scale /= 10;
      rest.remove_prefix(1);
    }
  }
  if (rest == "Z" || rest == "z") return seconds * 1'000'000 + fraction;
  if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return std::nullopt;
  const int64_t offset = DigitsAt(rest, 1, 2, good) * 3600 + DigitsAt(rest, 4, 2, good) * 60;
  if (!good) return std::nullopt;
  return (seconds - (rest[0] == '+' ? offset : -offset)) * 1'000'000 + fraction;
}

}  // namespace dicomhouse::api
