#include "transfer/internal/row_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dicomhouse::transfer {
namespace {

PartRows RowsOf(uint32_t part, uint32_t count, bool with_lines) {
  PartRows rows;
  for (uint32_t row = 0; row < count; ++row) {
    rows.facts.push_back(part * 1000 + row);
    if (!with_lines) continue;
    rows.first_lines.push_back(row * 3);
    rows.paths.Add("/archive/part " + std::to_string(part) + "/IM" + std::to_string(row));
  }
  return rows;
}

std::vector<std::string> PathsOf(const PartRows& rows) {
  std::vector<std::string> paths;
  rows.paths.ForEach([&](size_t, const std::string& path) { paths.push_back(path); });
  return paths;
}

// So many that most lie in the temporary file; asked for in another order than they came.
TEST(RowLog, GivesBackThePartsThatWereAdded) {
  constexpr uint32_t kParts = 40;
  constexpr uint32_t kRows = 5000;
  RowLog log;
  for (uint32_t part = 0; part < kParts; ++part) {
    ASSERT_TRUE(log.Add(part * 2, RowsOf(part, part == 7 ? 1 : kRows, part % 3 != 0)).ok());
  }
  for (uint32_t part = kParts; part-- > 0;) {
    const auto rows = log.Get(part * 2);
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    const PartRows expected = RowsOf(part, part == 7 ? 1 : kRows, part % 3 != 0);
    EXPECT_EQ(rows->facts, expected.facts);
    EXPECT_EQ(rows->first_lines, expected.first_lines);
    EXPECT_EQ(PathsOf(*rows), PathsOf(expected));
  }
}

}  // namespace
}  // namespace dicomhouse::transfer
