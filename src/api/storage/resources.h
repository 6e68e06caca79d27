// What Cloud Storage's JSON API prints and takes: resources, errors, query parameters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/router.h"
#include "base/json.h"
#include "store/objects.h"
#include "store/uploads.h"

namespace dicomhouse::api::storage {

// What the handlers share. `url` is the server's own, in front of links.
struct Service {
  store::Objects* objects = nullptr;
  store::Uploads* uploads = nullptr;
  std::string url;
};

base::Json BucketJson(const Service& service, const store::Bucket& bucket);
base::Json ObjectJson(const Service& service, const store::Object& object);
// base64 of the checksum's four bytes, the highest first.
std::string Crc32cText(uint32_t crc32c);
std::string EtagOf(const store::Object& object);

// {"error": {"code", "message", "errors": [{"message", "domain", "reason"}]}}
http::Response StorageError(int status, const std::string& reason, const std::string& message);
http::Response StorageError(int status, const std::string& message);
http::Response StorageError(const base::Error& error);
// Prints what a call below gave, or its error.
http::Response Answer(const base::Result<base::Json>& json);

// A number in the query, if it is there. Errors: kInvalidArgument.
base::Result<std::optional<int64_t>> QueryNumber(const http::Request& request, std::string_view name);
std::string QueryText(const http::Request& request, std::string_view name);
// maxResults and pageToken.
base::Result<store::PageRequest> PageOf(const http::Request& request);
// kInvalidArgument when the query has one of these: a condition must not be passed over in silence.
base::Status RefuseQueries(const http::Request& request, std::initializer_list<std::string_view> names);
// The generation that the object must have to be written: ifGenerationMatch.
base::Result<std::optional<int64_t>> WriteCondition(const http::Request& request);

// Takes what is there in an object's resource: name, contentType, metadata. Errors: kInvalidArgument.
base::Status ApplyResource(const base::Json& resource, store::Object& object);
// md5Hash and crc32c of a resource. Errors: kInvalidArgument.
base::Status ApplySums(const base::Json& resource, store::ObjectSums& sums);
// The same of an X-Goog-Hash header: "crc32c=AAAAAA==,md5=...".
base::Status ApplyHashHeader(std::string_view header, store::ObjectSums& sums);

}  // namespace dicomhouse::api::storage
