// YAML as gcloud prints it: block style, keys sorted, text quoted only where a reader would take it for something else.
#pragma once

#include <string>

#include "base/json.h"

namespace dicomhouse::cli {

// A document, with a line end. Byte for byte what ruamel.yaml's safe dumper makes of it with a width of 80
// (tests/golden/gcloud_yaml.json has its outputs).
std::string PrintYaml(const base::Json& json);

// The same value with the keys of all objects sorted by their bytes.
base::Json SortedKeys(const base::Json& json);

}  // namespace dicomhouse::cli
