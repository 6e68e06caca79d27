// The handlers of /storage/v1, by folder of the API; storage.cc has the table of their routes.
#pragma once

#include "api/router.h"
#include "api/storage/resources.h"

namespace dicomhouse::api::storage {

// Adds the routes over `objects`, which outlives the router. `url`: the server's own, in front of links.
void AddRoutes(Router& router, store::Objects& objects, const std::string& url);

using HandlerOf = http::Response (*)(const Service&, http::Request&, const PathValues&);

// ---- buckets.cc
http::Response ListBuckets(const Service& service, http::Request& request, const PathValues& path);
http::Response CreateBucket(const Service& service, http::Request& request, const PathValues& path);
http::Response GetBucket(const Service& service, http::Request& request, const PathValues& path);
http::Response DeleteBucket(const Service& service, http::Request& request, const PathValues& path);
http::Response GetStorageLayout(const Service& service, http::Request& request, const PathValues& path);

// ---- objects.cc
http::Response ListObjects(const Service& service, http::Request& request, const PathValues& path);
http::Response GetObject(const Service& service, http::Request& request, const PathValues& path);  // with alt=media: its contents
http::Response DownloadObject(const Service& service, http::Request& request, const PathValues& path);
http::Response PatchObject(const Service& service, http::Request& request, const PathValues& path);
http::Response DeleteObject(const Service& service, http::Request& request, const PathValues& path);
http::Response CopyObject(const Service& service, http::Request& request, const PathValues& path);
http::Response RewriteObject(const Service& service, http::Request& request, const PathValues& path);
http::Response ComposeObject(const Service& service, http::Request& request, const PathValues& path);

// ---- uploads.cc
http::Response BeginUpload(const Service& service, http::Request& request, const PathValues& path);
http::Response ContinueUpload(const Service& service, http::Request& request, const PathValues& path);
http::Response CancelUpload(const Service& service, http::Request& request, const PathValues& path);

}  // namespace dicomhouse::api::storage
