#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

namespace dicomhouse::base {
namespace {

// Nobody writes into it: a program that waited for that would wait for ever.
TEST(InputFile, APipeIsAnErrorAtOnce) {
  std::string folder = (std::filesystem::temp_directory_path() / "file-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string pipe = folder + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto file = InputFile::Open(pipe);
  ASSERT_TRUE(file.ok()) << file.error().message;
  std::array<uint8_t, 8> bytes{};
  const auto got = file->ReadAt(0, bytes);
  ASSERT_FALSE(got.ok());
  EXPECT_NE(got.error().message.find("a pipe"), std::string::npos) << got.error().message;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dicomhouse::base
