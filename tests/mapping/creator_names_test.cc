#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "mapping/type_rules.h"
#include "tests/support/source_tree.h"

namespace dicomhouse::mapping {
namespace {

TEST(TypedPrivateRule, NoTwoCreatorsOfTheDictionaryShareAColumnNameInAnyCase) {
  std::ifstream table(dicomhouse::test_support::SourceTree() / "data/dictionary/private.tsv");
  ASSERT_TRUE(table.good());
  std::map<std::string, std::string> owners;
  std::string line;
  int names = 0;
  while (std::getline(table, line)) {
    const std::string creator = line.substr(0, line.find('\t'));
    const std::string tag = line.substr(line.find('\t') + 1, 8);
    if (line[0] == '#' || tag.size() != 8 || tag.find_first_not_of("0123456789ABCDEFx") != std::string::npos) continue;
    std::string digits = tag;
    for (char& c : digits) c = c == 'x' ? '1' : c;
    const auto rule = TypedPrivateRule(static_cast<uint32_t>(std::stoul(digits, nullptr, 16)), dicom::Vr::kLO, creator);
    if (!rule) continue;
    std::string name = rule->name;
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    const auto [found, added] = owners.try_emplace(name, creator);
    EXPECT_TRUE(added || found->second == creator) << name << ": " << creator << " and " << found->second;
    ++names;
  }
  EXPECT_GT(names, 8000);
}

}  // namespace
}  // namespace dicomhouse::mapping
