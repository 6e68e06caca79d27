#include "transfer/internal/path_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace dicomhouse::transfer {
namespace {

std::vector<std::string> All(const PathList& list) {
  std::vector<std::string> paths;
  list.ForEach([&](size_t index, const std::string& path) {
    EXPECT_EQ(index, paths.size());
    paths.push_back(path);
  });
  return paths;
}

TEST(PathList, GivesBackWhatWasAdded) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    PathList list;
    std::vector<std::string> expected;
    std::string path;
    for (int i = 0; i < 100; ++i) {
      path.resize(random() % (path.size() + 1));
      path.append(random() % 300, static_cast<char>('a' + random() % 2));
      if (random() % 20 == 0) path.clear();
      expected.push_back(path);
      list.Add(path);
    }
    EXPECT_EQ(All(list), expected);
  }
  EXPECT_THAT(All(PathList()), ::testing::IsEmpty());
}

TEST(PathList, FilesOfAFolderTakeFewBytes) {
  PathList list;
  for (int i = 0; i < 10000; ++i) list.Add("/archive/a folder with a long name/another one/IM" + std::to_string(100000 + i));
  EXPECT_LT(list.bytes().size(), 10000U * 5);
}

}  // namespace
}  // namespace dicomhouse::transfer
