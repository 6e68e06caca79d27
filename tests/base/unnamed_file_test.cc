#include "base/unnamed_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace dicomhouse::base {
namespace {

// TMPDIR while it lives.
class TemporaryVariable {
 public:
  explicit TemporaryVariable(const std::string& folder) {
    if (const char* before = std::getenv("TMPDIR"); before != nullptr) before_ = before;
    ::setenv("TMPDIR", folder.c_str(), 1);
  }
  ~TemporaryVariable() { before_.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", before_.c_str(), 1); }
  TemporaryVariable(const TemporaryVariable&) = delete;
  TemporaryVariable& operator=(const TemporaryVariable&) = delete;

 private:
  std::string before_;
};

TEST(UnnamedFile, HasNoNameInItsFolderAndIsOpenedByItsPath) {
  std::string folder = (std::filesystem::temp_directory_path() / "unnamed-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  {
    const TemporaryVariable variable(folder);
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

TEST(UnnamedFile, AnErrorNamesTheFolderAndTheReason) {
  const TemporaryVariable variable("/nowhere/at all");
  const auto file = UnnamedFile::Make();
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.error().message.find("/nowhere/at all: "), std::string::npos) << file.error().message;
  EXPECT_NE(file.error().message.find("No such file or directory"), std::string::npos);
  EXPECT_NE(file.error().message.find("TMPDIR"), std::string::npos);
}

}  // namespace
}  // namespace dicomhouse::base
