// gs:// through a server: what the commands that move objects share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/api_client.h"
#include "store/objects.h"

namespace dicomhouse::cli {

// The bytes of an open file or pipe, from where it stands. Does not own the descriptor.
class DescriptorBody final : public http::BodyReader {
 public:
  explicit DescriptorBody(int descriptor);
  base::Result<size_t> Read(std::span<uint8_t> out) override;
  std::optional<uint64_t> length() const override { return length_; }

 private:
  int descriptor_;
  std::optional<uint64_t> length_;  // of regular files
};

class StorageClient {
 public:
  explicit StorageClient(ApiClient& api) : api_(&api) {}

  // Returns the object's resource.
  base::Result<base::Json> Upload(http::BodyReader& contents, const store::ObjectUri& to);
  base::Status Download(const store::ObjectUri& from, const http::Client::Sink& sink);
  base::Status Copy(const store::ObjectUri& from, const store::ObjectUri& to);
  base::Status Delete(const store::ObjectUri& object);
  base::Result<base::Json> Get(const store::ObjectUri& object);

  struct Listing {
    std::vector<base::Json> objects;
    std::vector<std::string> prefixes;
  };
  // All pages.
  base::Result<Listing> List(const std::string& bucket, const std::string& prefix, const std::string& delimiter);
  base::Result<std::vector<base::Json>> ListBuckets(const std::string& project, int64_t page_size = 0);
  base::Status CreateBucket(const std::string& project, const std::string& name);
  base::Status DeleteBucket(const std::string& name);
  // The names of the objects that a URI means: itself, what its wildcards match, or (recursive) what is below it.
  // Errors: kNotFound: none.
  base::Result<std::vector<std::string>> Expand(const store::ObjectUri& uri, bool recursive);

 private:
  ApiClient* api_;
};

}  // namespace dicomhouse::cli
