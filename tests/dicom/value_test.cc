#include "dicom/value.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>

namespace dicomhouse::dicom {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

// The standard library's calendar.
int32_t Days(int year, unsigned month, unsigned day) {
  const auto date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return static_cast<int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

std::string Padded(int number, size_t width) {
  std::string digits = std::to_string(number);
  return std::string(width - digits.size(), '0') + digits;
}

TEST(ParseDateTest, EveryDayIsThatOfTheCalendar) {
  for (int year = 1; year <= 9999; year += year >= 1896 && year < 2110 ? 1 : 37) {
    for (unsigned month = 1; month <= 12; ++month) {
      for (unsigned day = 1; day <= 31; ++day) {
        const bool exists =
            std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)).ok();
        const std::string text = Padded(year, 4) + Padded(static_cast<int>(month), 2) + Padded(static_cast<int>(day), 2);
        ASSERT_EQ(ParseDate(text), exists ? std::optional(Days(year, month, day)) : std::nullopt) << text;
      }
    }
  }
  EXPECT_EQ(ParseDate("00010101"), Days(1, 1, 1));
  EXPECT_EQ(ParseDate("99991231"), Days(9999, 12, 31));
}

TEST(ParseDateTest, TheFormOfAcrNemaIsTaken) { EXPECT_EQ(ParseDate("1993.08.22"), Days(1993, 8, 22)); }

TEST(ParseDateTest, ReducedPrecisionIsTheFirstDay) {
  EXPECT_EQ(ParseDate("2020"), Days(2020, 1, 1));
  EXPECT_EQ(ParseDate("202005"), Days(2020, 5, 1));
  EXPECT_EQ(ParseDate("2020.05"), Days(2020, 5, 1));
}

TEST(ParseDateTest, WhatIsNoDateGivesNothing) {
  for (const char* text : {"",          "0",         "202",
                           "20201",     "2020010",   "202001011",
                           "20200101 ", " 20200101", "20200101-20200102",
                           "-20200101", "20200101-", "00000101",
                           "20200001",  "20201301",  "20200100",
                           "20210229",  "19000229",  "2020-01-01",
                           "2020.1.1",  "2020.01.",  "2020.",
                           "2020.0101", "202001.01", "abcdefgh",
                           "2020010a",  "+2020101"}) {
    EXPECT_EQ(ParseDate(text), std::nullopt) << text;
  }
}

TEST(ParseTimeTest, EveryPrecisionIsTaken) {
  EXPECT_EQ(ParseTime("00"), 0);
  EXPECT_EQ(ParseTime("23"), 23 * kHour);
  EXPECT_EQ(ParseTime("1530"), 15 * kHour + 30 * kMinute);
  EXPECT_EQ(ParseTime("070907"), 7 * kHour + 9 * kMinute + 7 * kSecond);
  EXPECT_EQ(ParseTime("070907.0705"), 7 * kHour + 9 * kMinute + 7 * kSecond + 70500);
  EXPECT_EQ(ParseTime("000000.5"), 500000);
  EXPECT_EQ(ParseTime("235959.999999"), kDay - 1);
  EXPECT_EQ(ParseTime("10:20:30"), 10 * kHour + 20 * kMinute + 30 * kSecond);
  EXPECT_EQ(ParseTime("10:20:30.25"), 10 * kHour + 20 * kMinute + 30 * kSecond + 250000);
}

TEST(ParseTimeTest, ALeapSecondIsTheLastMicrosecondOfItsMinute) {
  EXPECT_EQ(ParseTime("235960"), kDay - 1);
  EXPECT_EQ(ParseTime("235960.75"), kDay - 1);
}

TEST(ParseTimeTest, WhatIsNoTimeGivesNothing) {
  for (const char* text :
       {"",          "1",    "123",     "12345",   "24",  "2400",    "240000",    "1260",  "120061",  "120000.", "120000.1234567",
        "1200.5",    "12.5", "12:3000", "1230:00", "12:", "10:20:3", "1200-1300", "-1200", "120000 ", "ab",      "12 0",
        "120000.12a"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(ParseDateTimeTest, EveryPrecisionIsTaken) {
  const int64_t day = int64_t{Days(2020, 2, 29)} * kDay;
  EXPECT_EQ(ParseDateTime("2020", 0), int64_t{Days(2020, 1, 1)} * kDay);
  EXPECT_EQ(ParseDateTime("202002", 0), int64_t{Days(2020, 2, 1)} * kDay);
  EXPECT_EQ(ParseDateTime("20200229", 0), day);
  EXPECT_EQ(ParseDateTime("2020022911", 0), day + 11 * kHour);
  EXPECT_EQ(ParseDateTime("202002291122", 0), day + 11 * kHour + 22 * kMinute);
  EXPECT_EQ(ParseDateTime("20200229112233", 0), day + 11 * kHour + 22 * kMinute + 33 * kSecond);
  EXPECT_EQ(ParseDateTime("20200229112233.4", 0), day + 11 * kHour + 22 * kMinute + 33 * kSecond + 400000);
  EXPECT_EQ(ParseDateTime("20200229112233.123456", 0), day + 11 * kHour + 22 * kMinute + 33 * kSecond + 123456);
  EXPECT_EQ(ParseDateTime("20200229112233.12345678", 0), day + 11 * kHour + 22 * kMinute + 33 * kSecond + 123456);
  EXPECT_EQ(ParseDateTime("19691231235959.5", 0), -500000);
}

TEST(ParseDateTimeTest, TheOwnOffsetGoesBeforeTheGivenOne) {
  // PS3.5 table 6.2-1: 10:30:47.0 Eastern time of 2006-12-23.
  const auto expected = int64_t{Days(2006, 12, 23)} * kDay + 15 * kHour + 30 * kMinute + 47 * kSecond;
  EXPECT_EQ(ParseDateTime("20061223103047.000000-0500", 0), expected);
  EXPECT_EQ(ParseDateTime("20061223103047.000000-0500", 300), expected);
  EXPECT_EQ(ParseDateTime("20061223103047", -300), expected);
  EXPECT_EQ(ParseDateTime("2006+0100", 0), int64_t{Days(2006, 1, 1)} * kDay - kHour);
}

TEST(ParseDateTimeTest, WhatIsNoDateTimeGivesNothing) {
  for (const char* text :
       {"", "+0100", "20", "2020022", "20200230", "202002291", "2020022924", "20200229112233.", "20200229+", "20200229+01",
        "20200229+1500", "20200229 ", "20200229-20200301", "2020-02-29", "20200229112233.1+0100+0100", "2020.02.29"}) {
    EXPECT_EQ(ParseDateTime(text, 0), std::nullopt) << text;
  }
}

TEST(ParseDateTimeTest, WhatLeavesTheYearsOfATableGivesNothing) {
  EXPECT_NE(ParseDateTime("00010101", 0), std::nullopt);
  EXPECT_EQ(ParseDateTime("00010101", 1), std::nullopt);
  EXPECT_NE(ParseDateTime("99991231235959.999999", 0), std::nullopt);
  EXPECT_EQ(ParseDateTime("99991231235959.999999-0001", 0), std::nullopt);
}

TEST(ParseUtcOffsetTest, OffsetsAreMinutes) {
  EXPECT_EQ(ParseUtcOffset("+0000"), 0);
  EXPECT_EQ(ParseUtcOffset("-0000"), 0);
  EXPECT_EQ(ParseUtcOffset("+0100"), 60);
  EXPECT_EQ(ParseUtcOffset("-0330"), -210);
  EXPECT_EQ(ParseUtcOffset("+1400"), 840);
  EXPECT_EQ(ParseUtcOffset("-1200"), -720);
  for (const char* text : {"", "+", "0100", "+1401", "-1201", "-1300", "+0060", "+01", "+01:00", "+01000", " +0100", "Z"}) {
    EXPECT_EQ(ParseUtcOffset(text), std::nullopt) << text;
  }
}

TEST(ParseIntegerTest, TheWholeTextMustBeANumberOf64Bits) {
  EXPECT_EQ(ParseInteger("0"), 0);
  EXPECT_EQ(ParseInteger("+12"), 12);
  EXPECT_EQ(ParseInteger("-12"), -12);
  EXPECT_EQ(ParseInteger("007"), 7);
  EXPECT_EQ(ParseInteger("9223372036854775807"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(ParseInteger("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  for (const char* text : {"", "+", "-", "+-1", "-+1", "1.0", "1 ", " 1", "1e3", "0x1", "9223372036854775808", "a", "--1"}) {
    EXPECT_EQ(ParseInteger(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseInteger(std::string_view()), std::nullopt);
}

TEST(SplitPersonNameTest, TheExamplesOfTheStandardAreSplit) {
  // PS3.5 §6.2.1.1: "Rev. John Robert Quincy Adams, B.A. M.Div."
  const PersonName adams = SplitPersonName("Adams^John Robert Quincy^^Rev.^B.A. M.Div.");
  EXPECT_EQ(adams.groups[0][0], "Adams");
  EXPECT_EQ(adams.groups[0][1], "John Robert Quincy");
  EXPECT_EQ(adams.groups[0][2], "");
  EXPECT_EQ(adams.groups[0][3], "Rev.");
  EXPECT_EQ(adams.groups[0][4], "B.A. M.Div.");
  EXPECT_EQ(adams.groups[1][0], "");
  EXPECT_FALSE(adams.overflow);
  const PersonName yamada = SplitPersonName("Yamada^Tarou=山田^太郎=やまだ^たろう");
  EXPECT_EQ(yamada.groups[0][0], "Yamada");
  EXPECT_EQ(yamada.groups[1][0], "山田");
  EXPECT_EQ(yamada.groups[1][1], "太郎");
  EXPECT_EQ(yamada.groups[2][1], "たろう");
  EXPECT_FALSE(yamada.overflow);
}

TEST(SplitPersonNameTest, EmptyGroupsKeepTheirPlace) {
  const PersonName name = SplitPersonName("=山田^太郎");
  EXPECT_EQ(name.groups[0][0], "");
  EXPECT_EQ(name.groups[1][1], "太郎");
  EXPECT_EQ(SplitPersonName("").groups[0][0], "");
  EXPECT_EQ(SplitPersonName(std::string_view()).groups[2][4], "");
  EXPECT_FALSE(SplitPersonName("==").overflow);
}

TEST(SplitPersonNameTest, TrailingSpacesOfComponentsAreRemoved) {
  const PersonName name = SplitPersonName("Doe  ^ Jane ^  = a ");
  EXPECT_EQ(name.groups[0][0], "Doe");
  EXPECT_EQ(name.groups[0][1], " Jane");
  EXPECT_EQ(name.groups[0][2], "");
  EXPECT_EQ(name.groups[1][0], " a");
}

TEST(SplitPersonNameTest, NothingIsLostBehindTheLastDelimiter) {
  const PersonName many = SplitPersonName("a^b^c^d^e^f^g");
  EXPECT_EQ(many.groups[0][4], "e^f^g");
  EXPECT_TRUE(many.overflow);
  const PersonName groups = SplitPersonName("a=b=c^d=e^f");
  EXPECT_EQ(groups.groups[2][0], "c");
  EXPECT_EQ(groups.groups[2][1], "d=e^f");
  EXPECT_TRUE(groups.overflow);
  EXPECT_TRUE(SplitPersonName("a===").overflow);
  EXPECT_EQ(SplitPersonName("a===").groups[2][0], "=");
}

}  // namespace
}  // namespace dicomhouse::dicom
