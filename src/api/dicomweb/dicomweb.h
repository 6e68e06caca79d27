// DICOMweb (PS3.18): what its handlers share. Private to this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/router.h"
#include "api/services.h"
#include "base/result.h"
#include "dicom/dicom_json.h"
#include "store/catalog.h"
#include "store/instances.h"

namespace dicomhouse::api::dicomweb {

// What the handlers call. All outlive them; `operations` may be null where nothing is deleted.
struct Context {
  store::Catalog* catalog = nullptr;
  store::Instances* instances = nullptr;
  transfer::Operations* operations = nullptr;
  std::string public_url;
};

// What a path names: a DICOM store and, as far as the path goes, a study, series and instance in it.
struct Resource {
  store::DicomStore dicom_store;
  std::string version;  // "v1"
  std::string url;      // of the service: PUBLIC_URL/v1/projects/P/locations/L/datasets/D/dicomStores/S/dicomWeb
  store::InstanceKey key;

  // The URL of a study, series or instance.
  std::string Url(const store::InstanceKey& of) const;
};
// Errors: kNotFound: the store; kInvalidArgument: bad names or UIDs.
base::Result<Resource> FindResource(const Context& context, const http::Request& request, const PathValues& path);

// The routes of all transactions.
void AddRoutes(Router& router, const Context& context);

// Store transaction (PS3.18 §10.5): POST studies, studies/{study}.
http::Response Store(const Context& context, http::Request& request, const PathValues& path);
// Search transaction (§10.6).
http::Response Search(const Context& context, const http::Request& request, const PathValues& path, store::Level level);
// Retrieve transaction (§10.4): studies, series and instances as DICOM, ...
http::Response RetrieveDicom(const Context& context, const http::Request& request, const PathValues& path);
// ... their metadata as DICOM JSON, ...
http::Response RetrieveMetadata(const Context& context, const http::Request& request, const PathValues& path);
// ... frames, "1,3,5", ...
http::Response RetrieveFrames(const Context& context, const http::Request& request, const PathValues& path);
// ... and values by the BulkDataURIs of metadata.
http::Response RetrieveBulkData(const Context& context, const http::Request& request, const PathValues& path);
// Google's own: DELETE of an instance, or of a series or study by an operation.
http::Response Delete(const Context& context, const http::Request& request, const PathValues& path);

// ---- Negotiation (PS3.18 §8.7, RFC 9110 §12.5.1)

// What the client takes, best first: the query parameter `accept`, else all Accept fields together.
std::vector<http::AcceptRange> AcceptOf(const http::Request& request);
// One thing that a range of Accept asks for: multipart/related with parts of a type, or a type alone.
struct Wanted {
  bool multipart = false;
  bool anything = false;        // "*/*", "multipart/*", or no Accept at all
  http::MediaType type;         // of the parts, or of the whole; "*" where nothing is said
  std::string transfer_syntax;  // "" or "*": as it is stored
};
std::vector<Wanted> WantedOf(const http::Request& request);
bool IsWildSyntax(std::string_view transfer_syntax);
// Whether application/dicom+json (or application/json) will do.
bool AcceptsJson(const http::Request& request);
http::Response NotAcceptable(const std::string& text);

}  // namespace dicomhouse::api::dicomweb
