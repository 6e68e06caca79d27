// YAML as gcloud prints it: block style, keys sorted, text quoted only where a reader would take it for something else. And a
// reader of that, and of what people write by hand.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace dicomhouse::cli {

// A document, with a line end. Byte for byte what ruamel.yaml's safe dumper makes of it with a width of 80
// (tests/golden/gcloud_yaml.json has its outputs).
std::string PrintYaml(const base::Json& json);

// One document of YAML as a value: JSON's kinds, flow style too, so that JSON is read as well. No text at all is null.
// Errors: kInvalidArgument with line and column: syntax, a key that is there twice, and what JSON can't say or gcloud does not
// print (anchors, tags, merge keys, more documents).
base::Result<base::Json> ReadYaml(std::string_view text);

// Whether text without quotes is a number in YAML 1.2, with what is a number for gcloud's reader too: 0x1F, 1_000, .5, .inf.
bool LooksLikeNumber(std::string_view text);

// The same value with the keys of all objects sorted by their bytes.
base::Json SortedKeys(const base::Json& json);

}  // namespace dicomhouse::cli
