#include "base/spill.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/base/temporary_folder_variable.h"

namespace dicomhouse::base {
namespace {

std::string ReadAll(const Spill& spill) {
  std::string bytes(spill.size(), '-');
  EXPECT_TRUE(spill.Read(0, bytes).ok());
  return bytes;
}

// Against a string that holds the same: pieces of any size, written over and read at any place, in memory, in the file and
// across.
TEST(Spill, HoldsWhatAStringWouldHold) {
  std::mt19937 random(5);
  for (const size_t memory : {0, 1, 7, 64, 100000}) {
    Spill spill(memory);
    std::string expected;
    for (int step = 0; step < 500; ++step) {
      const std::string piece(random() % 20, static_cast<char>('a' + random() % 26));
      ASSERT_TRUE(spill.Append(piece).ok());
      expected += piece;
      ASSERT_EQ(spill.size(), expected.size());
      const size_t at = expected.empty() ? 0 : random() % expected.size();
      const std::string over(std::min<size_t>(expected.size() - at, random() % 90), 'X');
      if (step % 3 == 0) {
        ASSERT_TRUE(spill.Overwrite(at, over).ok());
        expected.replace(at, over.size(), over);
      }
      std::string part(over.size(), '-');
      ASSERT_TRUE(spill.Read(at, part).ok());
      ASSERT_EQ(part, expected.substr(at, part.size())) << memory << ", step " << step;
    }
    EXPECT_EQ(ReadAll(spill), expected) << memory;
  }
}

TEST(Spill, WhatStaysSmallNeedsNoFile) {
  const TemporaryFolderVariable variable("/nowhere");
  Spill spill(10);
  EXPECT_TRUE(spill.Append("12345").ok());
  EXPECT_TRUE(spill.Append("67890").ok());
  EXPECT_EQ(ReadAll(spill), "1234567890");
}

TEST(Spill, WithoutRoomForAFileNothingIsAddedAndTheErrorSaysWhere) {
  const TemporaryFolderVariable variable("/nowhere");
  Spill spill(10);
  ASSERT_TRUE(spill.Append("1234567890").ok());
  const Status more = spill.Append("1");
  ASSERT_FALSE(more.ok());
  EXPECT_NE(more.error().message.find("/nowhere"), std::string::npos) << more.error().message;
  EXPECT_EQ(ReadAll(spill), "1234567890");
}

}  // namespace
}  // namespace dicomhouse::base
