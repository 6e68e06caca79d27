#include "base/unnamed_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "tests/base/temporary_folder_variable.h"

namespace dicomhouse::base {
namespace {

TEST(UnnamedFile, HasNoNameInItsFolderAndIsOpenedByItsPath) {
  std::string folder = (std::filesystem::temp_directory_path() / "unnamed-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  {
    const TemporaryFolderVariable variable(folder);
    const auto file = UnnamedFile::Make();
    ASSERT_TRUE(file.ok()) << file.error().message;
    ASSERT_TRUE(file->Write("some bytes").ok());
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_EQ(*RealFileSystem().ReadAll(file->path(), 100), "some bytes");
    char first = 0;
    EXPECT_EQ(::read(file->Rewound(), &first, 1), 1);
    EXPECT_EQ(first, 's');
  }
  std::filesystem::remove_all(folder);
}

TEST(UnnamedFile, IsReadAndWrittenAtAnyPlace) {
  const auto file = UnnamedFile::Make();
  ASSERT_TRUE(file.ok()) << file.error().message;
  ASSERT_TRUE(file->WriteAt(0, "0123456789").ok());
  ASSERT_TRUE(file->WriteAt(3, "abc").ok());
  std::string five(5, '-');
  ASSERT_TRUE(file->ReadAt(2, five).ok());
  EXPECT_EQ(five, "2abc6");
  const auto behind = file->ReadAt(8, five);
  ASSERT_FALSE(behind.ok());
  EXPECT_NE(behind.error().message.find("ends too early"), std::string::npos) << behind.error().message;
}

TEST(UnnamedFile, AnErrorNamesTheFolderAndTheReason) {
  const TemporaryFolderVariable variable("/nowhere/at all");
  const auto file = UnnamedFile::Make();
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.error().message.find("/nowhere/at all: "), std::string::npos) << file.error().message;
  EXPECT_NE(file.error().message.find("No such file or directory"), std::string::npos);
  EXPECT_NE(file.error().message.find("TMPDIR"), std::string::npos);
}

}  // namespace
}  // namespace dicomhouse::base
