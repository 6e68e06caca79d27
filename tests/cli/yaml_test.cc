// tests/golden/gcloud_yaml.json: values, and what gcloud's own printer (ruamel.yaml) made of them.
#include "cli/yaml.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/source_tree.h"

namespace dicomhouse::cli {
namespace {

TEST(PrintYaml, PrintsWhatGcloudPrints) {
  const auto text =
      base::RealFileSystem().ReadAll((test_support::SourceTree() / "tests/golden/gcloud_yaml.json").string(), 1 << 20);
  ASSERT_TRUE(text.ok());
  const auto cases = base::Json::Parse(*text);
  ASSERT_TRUE(cases.ok());
  ASSERT_GT(cases->array().size(), 200U);
  for (const base::Json& one : cases->array()) EXPECT_EQ(PrintYaml(one["json"]), one["yaml"].as_string()) << one["json"].Print();
}

TEST(SortedKeys, SortsAtEveryLevel) {
  const auto json = base::Json::Parse(R"({"b": [{"d": 1, "c": 2}], "a": {}})");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(SortedKeys(*json).Print(), R"({"a":{},"b":[{"c":2,"d":1}]})");
}

}  // namespace
}  // namespace dicomhouse::cli
