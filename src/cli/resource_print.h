// What --format means for the answers of a server: yaml, json, table, value(path,…), with columns as gcloud has them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace dicomhouse::cli {

// A column of a table: its head, and where its text comes from. `path`: "metadata.counter.success"; "id" is the last part of the
// name, "location" the part behind "locations".
struct ResourceColumn {
  std::string head;
  std::string path;
  std::string other;  // what stands there when there is nothing
};

// The value at a path; in a list of objects, the list of their values. Null where there is none.
base::Json ValueAt(const base::Json& resource, std::string_view path);
// Whether PrintResource(s) knows it: "", "yaml", "json", "table", "value(...)".
bool IsResourceFormat(const std::string& format);
// One resource; "" is yaml.
void PrintResource(const base::Json& resource, const std::string& format, const std::vector<ResourceColumn>& columns);
// A list; "" is a table, or several of `page_size` rows each. An empty one says "Listed 0 items." on standard error.
void PrintResources(const base::Json::Array& resources, const std::string& format, const std::vector<ResourceColumn>& columns,
                    size_t page_size = 0);

}  // namespace dicomhouse::cli
