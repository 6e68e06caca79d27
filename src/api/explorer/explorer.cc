// The page at / that lists what is there; /healthz; /metrics.
#include <string>
#include <string_view>
#include <vector>

#include "api/services.h"
#include "base/text.h"

namespace dicomhouse::api {
namespace {

constexpr int kShownItems = 100;  // of each list; the APIs page through all

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #d0d7de}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .75rem .25rem 0;vertical-align:top}"
    "td.n,th.n{text-align:right}code{background:#f2f4f6;padding:.1rem .3rem;border-radius:3px}a{color:#0550ae}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}code{background:#21262d}a{color:#79c0ff}"
    "h2{border-color:#30363d}}";

std::string Cell(std::string_view text) { return "<td>" + base::EscapedMarkup(text) + "</td>"; }
std::string NumberCell(int64_t number) { return "<td class=n>" + std::to_string(number) + "</td>"; }
std::string Link(const std::string& target, std::string_view text) {
  return "<td><a href=\"" + base::EscapedMarkup(target) + "\">" + base::EscapedMarkup(text) + "</a></td>";
}

// A heading and a table, or a sentence when there are no rows.
std::string Section(const std::string& title, const std::string& head, const std::string& rows, const std::string& when_empty) {
  const std::string body = rows.empty() ? "<p>" + when_empty + "</p>" : "<table><tr>" + head + "</tr>" + rows + "</table>";
  return "<h2>" + title + "</h2>" + body;
}

base::Result<std::string> DicomStoreRows(const Services& services) {
  std::string rows;
  DH_ASSIGN(const std::vector<store::DicomStore> stores, services.store->catalog().AllDicomStores());
  int shown = 0;
  for (const store::DicomStore& store : stores) {
    if (++shown > kShownItems) break;
    DH_ASSIGN(const store::StoreMetrics metrics, services.store->instances().Metrics(store.id));
    const std::string name = store.name.Text();
    rows += "<tr>" + Link("/v1/" + name, name) + NumberCell(metrics.studies) + NumberCell(metrics.series) +
            NumberCell(metrics.instances) + Link("/v1/" + name + "/dicomWeb/studies?limit=20", "studies") + "</tr>";
  }
  return rows;
}

base::Result<std::string> BucketRows(const Services& services) {
  std::string rows;
  DH_ASSIGN(const auto buckets, services.store->objects().ListBuckets("", "", {kShownItems, ""}));
  for (const store::Bucket& bucket : buckets.items) {
    rows += "<tr>" + Link("/storage/v1/b/" + bucket.name + "/o", "gs://" + bucket.name) + Cell(bucket.project) + "</tr>";
  }
  return rows;
}

base::Result<std::string> TableRows(const Services& services) {
  std::string rows;
  DH_ASSIGN(const auto tables, services.warehouse->ListTables());
  int shown = 0;
  for (const warehouse::TableInfo& table : tables) {
    if (++shown > kShownItems) break;
    rows += "<tr>" + Cell(table.name.Uri()) + NumberCell(table.rows) + NumberCell(table.bytes) + "</tr>";
  }
  return rows;
}

base::Result<std::string> Page(const Services& services) {
  DH_ASSIGN(const std::string stores, DicomStoreRows(services));
  DH_ASSIGN(const std::string buckets, BucketRows(services));
  DH_ASSIGN(const std::string tables, TableRows(services));
  return "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
         "content=\"width=device-width\"><title>dicomhouse</title>"
         "<style>" +
         std::string(kStyle) + "</style><h1>dicomhouse</h1>" +
         Section("DICOM stores", "<th>Name<th class=n>Studies<th class=n>Series<th class=n>Instances<th>DICOMweb", stores,
                 "None yet. <code>dicomhouse healthcare datasets create my-dataset --location=local</code>, then "
                 "<code>dicomhouse healthcare dicom-stores create my-store --dataset=my-dataset --location=local</code>") +
         Section("Buckets", "<th>Name<th>Project", buckets, "None yet.") +
         Section("Tables", "<th>Name<th class=n>Rows<th class=n>Bytes", tables,
                 "None yet. Export a DICOM store, and its table is here.") +
         "<h2>APIs</h2><p><a href=\"/$discovery/rest?version=v1\">API description</a> · <a href=\"/metrics\">metrics</a> · "
         "<a href=\"/healthz\">health</a></p></html>\n";
}

http::Response TextResponse(std::string_view type, std::string body) {
  http::Response response;
  response.headers.Set("Content-Type", type);
  response.body = std::move(body);
  return response;
}

http::Response ShowPage(const Services& services) {
  auto page = Page(services);
  if (!page.ok()) return ErrorResponse(page.error());
  http::Response response = TextResponse("text/html; charset=utf-8", *std::move(page));
  response.headers.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  return response;
}

// Healthy: the catalog answers.
http::Response ShowHealth(const Services& services) {
  const auto projects = services.store->catalog().Projects();
  if (projects.ok()) return TextResponse("text/plain; charset=utf-8", "ok\n");
  http::Response response = TextResponse("text/plain; charset=utf-8", projects.error().message + "\n");
  response.status = 503;
  return response;
}

}  // namespace

void AddExplorerRoutes(Router& router, const Services& services) {
  router.Add("GET", "/", [services](http::Request&, const PathValues&) { return ShowPage(services); });
  router.Add("GET", "/healthz", [services](http::Request&, const PathValues&) { return ShowHealth(services); });
  router.Add("GET", "/metrics", [services](http::Request&, const PathValues&) {
    return TextResponse("text/plain; version=0.0.4; charset=utf-8", services.metrics->Print());
  });
}

}  // namespace dicomhouse::api
