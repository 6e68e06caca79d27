#include "store/store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using std::filesystem::perms;

perms ModeOf(const std::string& path) { return std::filesystem::status(path).permissions(); }

TEST(DataFolder, IsItsOwnersAlone) {
  const testing::Folder folder;
  const std::string data = folder.path() + "/srv/data";
  for (int round = 0; round < 2; ++round) {
    const auto opened = Store::Open(data);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(ModeOf(data), perms::owner_all);
  }
}

TEST(DataFolder, KeepsTheModeThatSomebodyChose) {
  const testing::Folder folder;
  const perms chosen = perms::owner_all | perms::group_read | perms::group_exec;
  std::filesystem::permissions(folder.path(), chosen);
  ASSERT_TRUE(Store::Open(folder.path()).ok());
  EXPECT_EQ(ModeOf(folder.path()), chosen);
}

}  // namespace
}  // namespace dicomhouse::store
