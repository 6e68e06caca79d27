#include "transfer/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "tests/transfer/scratch.h"

namespace dicomhouse::transfer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Filter Parsed(std::string_view text) {
  auto filter = Filter::Parse(text);
  EXPECT_TRUE(filter.ok()) << (filter.ok() ? "" : filter.error().message);
  return filter.ok() ? *filter : Filter();
}

std::string Refusal(std::string_view text) {
  const auto filter = Filter::Parse(text);
  if (filter.ok()) return "accepted";
  EXPECT_EQ(filter.error().code, base::ErrorCode::kInvalidArgument);
  return filter.error().message;
}

TEST(Filter, WithoutRulesAdmitsEverything) {
  const Filter filter;
  EXPECT_FALSE(filter.active());
  EXPECT_EQ(filter.lines(), 0U);
  EXPECT_TRUE(filter.Admits("1", "2", "3"));
}

TEST(Filter, AdmitsAtEachLevel) {
  const Filter filter = Parsed(
      "/studies/1.1\n"
      "/studies/1.2/series/2.1\n"
      "/studies/1.3/series/2.2/instances/3.1\r\n"
      "\n"
      "/studies/1.3/series/2.2/instances/3.2");
  EXPECT_TRUE(filter.active());
  EXPECT_EQ(filter.lines(), 4U);
  EXPECT_TRUE(filter.Admits("1.1", "anything", ""));
  EXPECT_TRUE(filter.Admits("1.2", "2.1", "9"));
  EXPECT_FALSE(filter.Admits("1.2", "2.2", "9"));
  EXPECT_TRUE(filter.Admits("1.3", "2.2", "3.1"));
  EXPECT_TRUE(filter.Admits("1.3", "2.2", "3.2"));
  EXPECT_FALSE(filter.Admits("1.3", "2.2", "3.3"));
  EXPECT_FALSE(filter.Admits("1.3", "2.1", "3.1"));
  EXPECT_FALSE(filter.Admits("1.4", "2.2", "3.1"));
}

TEST(Filter, KeepsPartsOfAKeyApart) {
  const Filter filter = Parsed("/studies/1/series/2/instances/3\n/studies/4/series/5\n");
  EXPECT_FALSE(filter.Admits("1/series/2/instances/3", "", ""));
  EXPECT_FALSE(filter.Admits("1/series/2", "3", ""));
  EXPECT_FALSE(filter.Admits("4/series/5", "6", "7"));
  EXPECT_FALSE(filter.Admits("", "", ""));
}

TEST(Filter, HandlesUidsTooLongForAnyLine) {
  const std::string longest(64, '1');
  const std::string longer(65, '1');
  const Filter filter =
      Parsed("/studies/" + longest + "/series/" + longest + "/instances/" + longest + "\n/studies/2\n/studies/3/series/3");
  EXPECT_TRUE(filter.Admits(longest, longest, longest));
  EXPECT_FALSE(filter.Admits(longer, longest, longest));
  EXPECT_FALSE(filter.Admits(longest, longer, longest));
  EXPECT_FALSE(filter.Admits(longest, longest, longer));
  EXPECT_TRUE(filter.Admits("2", longer, longer));
  EXPECT_TRUE(filter.Admits("3", "3", std::string(100000, '3')));
}

TEST(Filter, WithoutLinesAdmitsNothing) {
  for (const char* text : {"", "\n\n", "\r\n", "\xef\xbb\xbf"}) {
    const Filter filter = Parsed(text);
    EXPECT_TRUE(filter.active());
    EXPECT_FALSE(filter.Admits("1", "2", "3"));
  }
}

TEST(Filter, ToleratesAByteOrderMark) {
  EXPECT_TRUE(Parsed("\xef\xbb\xbf/studies/1.1\n").Admits("1.1", "", ""));
  EXPECT_THAT(Refusal(std::string("\xff\xfe/\0s\0", 6)), HasSubstr("UTF-16"));
}

TEST(Filter, RefusesWrongLinesWithNumberTextAndReason) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/study/1.2", "begins with 'study'"},
      {"/Studies/1.2", "begins with 'Studies'"},
      {"studies/1.2", "a slash before"},
      {"f0_", "heading of a column, remove the line (bq extract --noprint_header leaves it out)"},
      {"\"/studies/1.2\"", "quotation marks"},
      {" /studies/1.2", "blanks"},
      {"/studies/1.2 ", "blanks"},
      {"   ", "blanks"},
      {"projects/p/datasets/d/dicomStores/s/dicomWeb/studies/1.2", "leave out what stands before"},
      {"/studies/", "is missing"},
      {"/studies", "begins with 'studies'"},
      {"/studies//series/1", "is missing"},
      {"/studies/1.2/", "slash at the end"},
      {"/studies/1.2/series", "the UID after 'series' is missing"},
      {"/studies/1.2/series/", "the UID after 'series/' is missing"},
      {"/studies/1.2//series/1", "empty part"},
      {"/studies/1.2/instances/3", "'instances' stands where 'series' is expected"},
      {"/studies/1.2/series/3/frames/1", "'frames' stands where 'instances' is expected"},
      {"/studies/1/series/2/instances/3/", "slash at the end"},
      {"/studies/1/series/2/instances/3/frames/1", "nothing may follow"},
      {"/studies/1.2a", "holds 'a'"},
      {"/studies/1.2\xc3\xa9", "holds '\\xc3'"},
      {"/studies/" + std::string(65, '1'), "has 65 characters"},
      {"/studies/" + std::string(base::kMaxFilterLineBytes, '1'), "kMaxFilterLineBytes"},
  };
  for (const auto& [line, reason] : cases) {
    EXPECT_THAT(Refusal("/studies/1\n\n" + line + "\n/studies/2\n"), AllOf(HasSubstr("line 3: \""), HasSubstr(reason))) << line;
  }
}

TEST(Filter, ErrorsArePrintable) {
  const std::string message = Refusal("/studies/1\x01\x80" + std::string(1000, 'x'));
  EXPECT_LT(message.size(), 600U);
  for (const char c : message) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

TEST(Filter, ReadsFilesAndNamesThemInErrors) {
  const Scratch scratch;
  scratch.Write("good", "/studies/1.1\n");
  scratch.Write("bad", "/studies/x\n");
  const auto good = Filter::FromFile(scratch.path("good"));
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(good->Admits("1.1", "", ""));
  const auto bad = Filter::FromFile(scratch.path("bad"));
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message, HasSubstr(scratch.path("bad") + ": line 1: "));
  EXPECT_EQ(Filter::FromFile(scratch.path("none")).error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(Filter::FromFile(scratch.path("")).error().code, base::ErrorCode::kIo);
}

TEST(Filter, CopiesShareAndOutliveTheFirst) {
  Filter copy;
  {
    const Filter filter = Parsed("/studies/1.1\n");
    copy = filter;
  }
  EXPECT_TRUE(copy.Admits("1.1", "", ""));
}

TEST(Filter, TakesAMillionLines) {
  std::string text;
  const std::string root = "1.2.826.0.1.3680043.8.498.";
  constexpr int kLines = 1'000'000;
  for (int i = 0; i < kLines; ++i) {
    text += "/studies/" + root + std::to_string(i / 100) + "/series/" + root + std::to_string(i / 10) + "/instances/" + root +
            std::to_string(i) + "\n";
  }
  const Filter filter = Parsed(text);
  EXPECT_EQ(filter.lines(), static_cast<size_t>(kLines));
  for (int i = 0; i < kLines; i += 997) {
    EXPECT_TRUE(filter.Admits(root + std::to_string(i / 100), root + std::to_string(i / 10), root + std::to_string(i)));
    EXPECT_FALSE(filter.Admits(root + std::to_string(i / 100), root + std::to_string(i / 10), root + std::to_string(i + 1000)));
  }
}

}  // namespace
}  // namespace dicomhouse::transfer
