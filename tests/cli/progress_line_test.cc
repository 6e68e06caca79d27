#include "cli/progress_line.h"

#include <gtest/gtest.h>

namespace dicomhouse::cli {
namespace {

TEST(FittedToWidth, HasABarWhereThereIsRoomAndIsNeverAsWideAsTheTerminal) {
  const std::string text = "1,234 of 20,000 files, 3.0 s left, 5,000 instances/s";
  for (size_t width = 0; width < 200; ++width) {
    const std::string line = FittedToWidth(text, width, 0.5);
    EXPECT_LT(line.size(), std::max<size_t>(width, 1)) << width;
    EXPECT_EQ(line.ends_with(text), width > text.size()) << line;
  }
  EXPECT_EQ(FittedToWidth(text, 200, 0.5), "[############............] " + text);
  EXPECT_EQ(FittedToWidth(text, text.size() + 12, 0.5), "[####....] " + text);
  EXPECT_EQ(FittedToWidth(text, 6, 0.5), "1,234");
}

TEST(FittedToWidth, ABarIsNeverMoreThanFull) { EXPECT_EQ(FittedToWidth("all", 80, 1.7), "[########################] all"); }

}  // namespace
}  // namespace dicomhouse::cli
