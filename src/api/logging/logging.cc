// Cloud Logging's entries:list, and the page that an operation's logsUrl leads to.
#include <algorithm>
#include <string>
#include <utility>

#include "api/logging/entries.h"
#include "api/rest_method.h"
#include "api/services.h"
#include "base/limits.h"
#include "base/text.h"
#include "store/names.h"
#include "transfer/operations.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;

constexpr JsonField kListFields[] = {
    {"projectIds", JsonKind::kString, "Deprecated.", nullptr, {}, true},
    {"resourceNames", JsonKind::kString, "projects/P", nullptr, {}, true},
    {"filter", JsonKind::kString, "Which entries."},
    {"orderBy", JsonKind::kString, "\"timestamp asc\" or \"timestamp desc\"."},
    {"pageSize", JsonKind::kInt32, "Items of a page."},
    {"pageToken", JsonKind::kString, "nextPageToken of the page before."},
};
constexpr JsonShape kListShape{"ListLogEntriesRequest", kListFields};

// The one project that is asked for.
Result<std::string> ProjectOf(const Json& body) {
  std::string project;
  for (const Json& name : body["projectIds"].array()) project = name.as_string();
  for (const Json& name : body["resourceNames"].array()) {
    const std::string& text = name.as_string();
    if (!text.starts_with("projects/") || !store::IsResourceId(text.substr(9))) {
      return Error{ErrorCode::kInvalidArgument, "resourceNames: " + name.Print() + " is not of the form projects/PROJECT"};
    }
    if (!project.empty() && project != text.substr(9)) {
      return Error{ErrorCode::kInvalidArgument, "resourceNames: this server lists the log of one project at a time"};
    }
    project = text.substr(9);
  }
  if (project.empty()) return Error{ErrorCode::kInvalidArgument, "resourceNames is missing: [\"projects/PROJECT\"]"};
  return project;
}

Result<store::PageRequest> PageOf(const Json& body) {
  store::PageRequest page;
  page.token = body["pageToken"].as_string();
  const int64_t size = body["pageSize"].as_int();
  if (size < 0) return Error{ErrorCode::kInvalidArgument, "pageSize can't be negative"};
  if (size > 0) page.size = static_cast<int>(std::min<int64_t>(size, base::kMaxPageSize));
  return page;
}

// A page of the entries that match: as many pages of the catalog as it takes.
Result<store::Page<Json>> FindEntries(store::Catalog& catalog, const store::Catalog::LogQuery& query, const LogFilter& filter,
                                      store::PageRequest request) {
  const auto wanted = static_cast<size_t>(request.size);
  store::Page<Json> found;
  while (true) {
    request.size = static_cast<int>(wanted - found.items.size());
    DH_ASSIGN(const store::Page<store::LogEntry> page, catalog.ListLog(query, request));
    for (const store::LogEntry& entry : page.items) {
      Json json = EntryJson(entry);
      if (filter.Matches(json)) found.items.push_back(std::move(json));
    }
    found.next = page.next;
    if (found.next.empty() || found.items.size() >= wanted) return found;
    request.token = page.next;
  }
}

Result<Json> ListEntries(const RestCall& call) {
  store::Catalog::LogQuery query;
  DH_ASSIGN(query.project, ProjectOf(call.body));
  DH_ASSIGN(const LogFilter filter, LogFilter::Parse(call.body["filter"].as_string()));
  filter.Narrow(query);
  const std::string& order = call.body["orderBy"].as_string();
  if (!order.empty() && order != "timestamp asc" && order != "timestamp desc" && order != "timestamp") {
    return Error{ErrorCode::kInvalidArgument, "orderBy " + Json(order).Print() + ": there are timestamp asc and timestamp desc"};
  }
  query.newest_first = order == "timestamp desc";
  DH_ASSIGN(store::PageRequest request, PageOf(call.body));
  DH_ASSIGN(store::Page<Json> page, FindEntries(call.services.store->catalog(), query, filter, std::move(request)));
  return ListAnswer("entries", std::move(page.items), page.next);
}

constexpr RestMethod kListMethod{"entries.list", "POST",
                                 "entries:list", "entries:list",
                                 "resource",     {},
                                 &kListShape,    nullptr,
                                 ListEntries,    "Log entries of operations."};

// ---- The page

std::string RowOf(const Json& entry) {
  const Json& payload = entry["jsonPayload"];
  const std::string cells[] = {entry["timestamp"].as_string(), entry["severity"].as_string(), payload["source"].as_string(),
                               payload["error"]["message"].as_string()};
  std::string row = "<tr>";
  for (const std::string& cell : cells) row += "<td>" + base::EscapedMarkup(cell) + "</td>";
  return row + "</tr>\n";
}

http::Response HtmlPage(const std::string& title, const std::string& content) {
  http::Response response;
  response.headers.Set("Content-Type", "text/html; charset=UTF-8");
  response.headers.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  response.body = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + base::EscapedMarkup(title) +
                  "</title><style>body{font-family:sans-serif}td,th{text-align:left;padding:.2em .8em .2em 0;"
                  "vertical-align:top}</style></head><body>\n<h1>" +
                  base::EscapedMarkup(title) + "</h1>\n" + content + "</body></html>\n";
  return response;
}

// What an empty log of an operation means. Errors: kNotFound: there is no such operation.
Result<std::string> WhyNoEntries(const Services& services, const std::string& project, const std::string& operation) {
  DH_ASSIGN(const store::OperationRecord record, services.store->catalog().FindOperation(project, operation));
  DH_ASSIGN(const transfer::OperationState state, services.operations->Get(record.dataset, operation));
  if (!state.done) return std::string("No entries: nothing has failed so far; the operation is not done.");
  if (state.error) return "No entries. The operation failed: " + state.error->message;
  return std::string("No entries: nothing failed.");
}

http::Response ShowLog(const Services& services, const http::Request& request) {
  const std::string* const project = request.target.Query("project");
  const std::string* const operation = request.target.Query("operation");
  const std::string* const token = request.target.Query("pageToken");
  if (project == nullptr) return ErrorResponse(400, "project is missing: /logs?project=PROJECT&operation=ID");
  store::Catalog::LogQuery query;
  query.project = *project;
  if (operation != nullptr) query.operation = *operation;
  const auto page =
      FindEntries(services.store->catalog(), query, LogFilter(), {base::kMaxPageSize, token == nullptr ? "" : *token});
  if (!page.ok()) return ErrorResponse(page.error());
  const std::string title = operation != nullptr ? "Log of operation " + *operation : "Log of project " + *project;
  std::string content;
  if (page->items.empty() && token == nullptr) {
    const auto why = operation != nullptr ? WhyNoEntries(services, *project, *operation) : Result<std::string>("No entries.");
    if (!why.ok() && why.error().code != ErrorCode::kNotFound) return ErrorResponse(why.error());
    content = "<p>" + base::EscapedMarkup(why.ok() ? *why : why.error().message + ".") + "</p>\n";
    if (!why.ok()) {
      http::Response missing = HtmlPage(title, content);
      missing.status = 404;
      return missing;
    }
  }
  content += "<table>\n<tr><th>Time</th><th>Severity</th><th>Source</th><th>What is wrong</th></tr>\n";
  for (const Json& entry : page->items) content += RowOf(entry);
  content += "</table>\n";
  if (!page->next.empty()) {
    std::string link = "/logs?project=" + http::PercentEncode(*project) + "&pageToken=" + http::PercentEncode(page->next);
    if (operation != nullptr) link += "&operation=" + http::PercentEncode(*operation);
    content += "<p><a href=\"" + base::EscapedMarkup(link) + "\">More</a></p>\n";
  }
  return HtmlPage(title, content);
}

}  // namespace

void AddLoggingRoutes(Router& router, const Services& services) {
  router.Add("POST", "/v2/entries:list", [services](http::Request& request, const PathValues& path) {
    return Answer(services, kListMethod, "v2", request, path);
  });
  router.Add("GET", "/logs", [services](http::Request& request, const PathValues&) { return ShowLog(services, request); });
}

}  // namespace dicomhouse::api
