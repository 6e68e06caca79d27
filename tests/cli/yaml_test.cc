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

TEST(ReadYaml, ReadsAllThatIsPrinted) {
  const auto text =
      base::RealFileSystem().ReadAll((test_support::SourceTree() / "tests/golden/gcloud_yaml.json").string(), 1 << 20);
  ASSERT_TRUE(text.ok());
  const auto cases = base::Json::Parse(*text);
  ASSERT_TRUE(cases.ok());
  for (const base::Json& one : cases->array()) {
    const auto read = ReadYaml(one["yaml"].as_string());
    ASSERT_TRUE(read.ok()) << one["yaml"].as_string() << read.error().message;
    EXPECT_EQ(read->Print(), SortedKeys(one["json"]).Print()) << one["yaml"].as_string();
  }
}

TEST(ReadYaml, ReadsWhatIsWrittenByHand) {
  const auto printed = [](const char* text) {
    const auto read = ReadYaml(text);
    return read.ok() ? read->Print() : read.error().message;
  };
  EXPECT_EQ(printed("# a note\n---\nbindings:\n  - role: r  # why\n    members: [ 'user:a', \"b\\u0041\" ]\n  - {}\netag: A=\n"),
            R"({"bindings":[{"role":"r","members":["user:a","bA"]},{}],"etag":"A="})");
  EXPECT_EQ(printed("{\"a\": [1, -2.5, true, null, \"1\"]}"), R"({"a":[1,-2.5,true,null,"1"]})");
  EXPECT_EQ(printed("version: 1\nempty:\nyes: no\ntime: 2026-11-28T01:02:03Z\ntext: |\n  a\n  b\n"),
            R"({"version":1,"empty":null,"yes":"no","time":"2026-11-28T01:02:03Z","text":"a\nb\n"})");
  EXPECT_EQ(printed(""), "null");
}

TEST(ReadYaml, RefusesTheRestByItsLine) {
  const std::string deep(5000, '[');
  const std::pair<std::string, const char*> cases[] = {
      {"a: b\n c: [\n", "line 2, column 3: mapping values are not allowed in this context"},
      {"a: 1\nb: &x 2\n", "line 2, column 4: anchors (&NAME) are not read"},
      {"a: &x [1]\n", "line 1, column 4: anchors (&NAME) are not read"},
      {"a: 1\nb: *a\n", "line 2, column 4: aliases (*NAME) are not read; write the value again"},
      {"a: !!str 1\n", "line 1, column 4: tags (!NAME) are not read"},
      {"a: 1\n<<: {b: 2}\n", "line 2, column 1: merge keys (<<) are not read"},
      {"a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' is there twice"},
      {"? [a]\n: 1\n", "line 1, column 3: a key is text, not a map or a list"},
      {"a: 0x1F\n", "line 1, column 4: '0x1F' is a number that JSON does not have; text needs quotes"},
      {"a: 1\n---\nb: 2\n", "line 2, column 1: a second document begins; one is read"},
      {deep, "line 1, column 1025: nested deeper than 1024"},
  };
  for (const auto& [text, message] : cases) {
    const auto read = ReadYaml(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().message, message);
  }
  EXPECT_FALSE(ReadYaml("a: \xff\xfe\n").ok());
}

TEST(SortedKeys, SortsAtEveryLevel) {
  const auto json = base::Json::Parse(R"({"b": [{"d": 1, "c": 2}], "a": {}})");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(SortedKeys(*json).Print(), R"({"a":{},"b":[{"c":2,"d":1}]})");
}

}  // namespace
}  // namespace dicomhouse::cli
