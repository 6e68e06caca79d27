// What the handlers call, and the table of their routes. Each folder below is a sibling that includes no other one:
//
//   healthcare/   projects.locations.datasets.dicomStores, operations, IAM        /v1, /v1beta1
//   dicomweb/     STOW-RS, QIDO-RS, WADO-RS, delete                               …/dicomStores/S/dicomWeb
//   storage/      Cloud Storage's JSON API                                        /storage/v1, /upload/storage/v1,
//   /download/storage/v1 logging/      Cloud Logging's entries:list                                    /v2/entries:list explorer/
//   the page at /, the API description, /healthz, /metrics
#pragma once

#include <string>
#include <vector>

#include "api/metrics.h"
#include "api/router.h"
#include "http/server.h"
#include "store/store.h"
#include "transfer/operations.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::api {

struct Services {
  store::Store* store = nullptr;  // none is null; they outlive the handlers
  const warehouse::Warehouse* warehouse = nullptr;
  transfer::Operations* operations = nullptr;
  Metrics* metrics = nullptr;
  std::string public_url;  // "http://127.0.0.1:8080": of links in answers
  int export_threads = 2;
};

// Each adds the routes of its folder.
void AddHealthcareRoutes(Router& router, const Services& services);
void AddDicomWebRoutes(Router& router, const Services& services);
void AddStorageRoutes(Router& router, const Services& services);
void AddLoggingRoutes(Router& router, const Services& services);
void AddExplorerRoutes(Router& router, const Services& services);

// All of them, behind a check of the bearer token (no tokens: no check). A token comes as "Authorization: Bearer TOKEN" (RFC 6750
// §2.1) or, as at Google's APIs, in the query parameter access_token; it is compared in constant time. /healthz needs none.
http::Handler MakeHandler(const Services& services, std::vector<std::string> tokens);

}  // namespace dicomhouse::api
