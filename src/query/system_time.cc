// FOR SYSTEM_TIME AS OF: a table as it was. The time is computed here, as it decides which files are read.
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <regex>
#include <utility>

#include "query/internal/translator.h"

namespace dicomhouse::query::internal {
namespace {

constexpr int64_t kSecond = 1000000;  // in microseconds

constexpr std::array<std::pair<std::string_view, int64_t>, 6> kUnits = {{{"MICROSECOND", 1},
                                                                         {"MILLISECOND", 1000},
                                                                         {"SECOND", kSecond},
                                                                         {"MINUTE", 60 * kSecond},
                                                                         {"HOUR", 3600 * kSecond},
                                                                         {"DAY", 24 * 3600 * kSecond}}};

int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

int64_t Digits(const std::string& text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

// The time behind FOR SYSTEM_TIME AS OF as Unix time in ms; moves behind it. None: there is no such clause.
base::Result<std::optional<int64_t>> Translator::SystemTime(size_t& index, Range range) const {
  if (index >= range.end || !Keyword(index, "FOR")) return std::optional<int64_t>();
  if (!Keyword(index + 1, "SYSTEM_TIME")) return Unexpected(index + 1, "SYSTEM_TIME AS OF");
  if (!Keyword(index + 2, "AS") || !Keyword(index + 3, "OF")) return Unexpected(index + 2, "AS OF");
  Range time{index + 4, index + 4};
  const auto ends = [&](size_t i) {
    return StartsJoin(i) || Keyword(i, "ON") || Keyword(i, "USING") || Keyword(i, "TABLESAMPLE");
  };
  while (time.end < range.end && !ends(time.end)) time.end = Skip(time.end);
  if (time.empty()) return Unexpected(time.begin, "a TIMESTAMP");
  DH_ASSIGN(const int64_t micros, ConstantTime(time));
  if (micros > NowMicros()) return ErrorAt(token(time.begin).at, "FOR SYSTEM_TIME AS OF a time that is not there yet");
  index = time.end;
  return std::optional<int64_t>(micros / 1000);
}

// Microseconds since 1970 of an expression that needs no table.
base::Result<int64_t> Translator::ConstantTime(Range range) const {  // NOLINT(misc-no-recursion): brackets
  const std::string word = ToUpper(token(range.begin).text);
  const bool text = token(range.begin).kind == TokenKind::kString;
  if (text && range.size() == 1) return ParseInstant(range.begin);
  if (!text && word == "TIMESTAMP" && range.size() == 2 && token(range.begin + 1).kind == TokenKind::kString) {
    return ParseInstant(range.begin + 1);
  }
  if (!text && word == "CURRENT_TIMESTAMP" && range.size() == 1) return NowMicros();
  const size_t open = token(range.begin).is("(") ? range.begin : range.begin + 1;
  if (!text && range.size() > 2 && token(open).is("(") && token(open).match + 1 == range.end) {
    const Range inside{open + 1, range.end - 1};
    if (open == range.begin && !inside.empty()) return ConstantTime(inside);
    if (word == "CURRENT_TIMESTAMP" && inside.empty()) return NowMicros();
    if (word == "TIMESTAMP" && inside.size() == 1 && token(inside.begin).kind == TokenKind::kString) {
      return ParseInstant(inside.begin);
    }
    const std::vector<Range> arguments = Split(inside);
    if ((word == "TIMESTAMP_SUB" || word == "TIMESTAMP_ADD") && arguments.size() == 2 && !arguments[0].empty()) {
      DH_ASSIGN(const int64_t base, ConstantTime(arguments[0]));
      DH_ASSIGN(const int64_t shift, ConstantMicros(arguments[1]));
      int64_t sum = 0;
      const bool overflow =
          word == "TIMESTAMP_ADD" ? __builtin_add_overflow(base, shift, &sum) : __builtin_sub_overflow(base, shift, &sum);
      if (overflow) return ErrorAt(token(range.begin).at, "a time out of range");
      return sum;
    }
  }
  return Unsupported(range.begin, "this time behind FOR SYSTEM_TIME AS OF",
                     "it takes TIMESTAMP '...', CURRENT_TIMESTAMP(), and TIMESTAMP_SUB and TIMESTAMP_ADD of these");
}

// INTERVAL n PART in microseconds.
base::Result<int64_t> Translator::ConstantMicros(Range interval) const {
  const bool negative = token(interval.begin + 1).is("-");
  const size_t number = interval.begin + (negative ? 2 : 1);
  if (!Keyword(interval.begin, "INTERVAL") || interval.size() != (negative ? 4U : 3U) ||
      token(number).kind != TokenKind::kInteger) {
    return Unexpected(interval.begin, "INTERVAL number PART");
  }
  std::string part = ToUpper(token(number + 1).text);
  if (part.ends_with('S')) part.pop_back();
  for (const auto& [name, micros] : kUnits) {
    if (name != part) continue;
    const std::string& digits = token(number).text;
    int64_t count = 0;
    int64_t product = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc() || end != digits.data() + digits.size() ||
        __builtin_mul_overflow(negative ? -count : count, micros, &product)) {
      return ErrorAt(token(number).at, "an interval out of range");
    }
    return product;
  }
  return Unsupported(number + 1, "the date part " + token(number + 1).text + " here",
                     "known are MICROSECOND, MILLISECOND, SECOND, MINUTE, HOUR, DAY");
}

// Microseconds since 1970 of a literal TIMESTAMP.
base::Result<int64_t> Translator::ParseInstant(size_t index) const {
  DH_CHECK(TypedLiteral("TIMESTAMPTZ", index));
  static const std::regex kForm(
      R"((\d+)-(\d+)-(\d+)(?:[ Tt](\d+):(\d+):(\d+)(?:\.(\d*))?)?(?:[Zz]| UTC| Etc/UTC|([+-])(\d+)(?::(\d+))?)?)");
  std::smatch part;
  const std::string& text = token(index).text;
  if (!std::regex_match(text, part, kForm)) {
    return Unsupported(index, "this time zone", "known are UTC and offsets, as in '2020-01-01 00:00:00-05:00'");
  }
  const auto number = [&](size_t group) { return Digits(part[group].str()); };
  const std::chrono::year_month_day day{std::chrono::year(static_cast<int>(number(1))),
                                        std::chrono::month(static_cast<unsigned>(number(2))),
                                        std::chrono::day(static_cast<unsigned>(number(3)))};
  if (!day.ok()) return ErrorAt(token(index).at, "this text is no TIMESTAMP; there is no such day");
  int64_t seconds = int64_t{std::chrono::sys_days(day).time_since_epoch().count()} * 24 * 3600;
  seconds += number(4) * 3600 + number(5) * 60 + number(6);
  const int64_t offset = (number(9) * 60 + number(10)) * 60;
  seconds += part[8].str() == "-" ? offset : -offset;
  std::string fraction = part[7].str();
  fraction.resize(6, '0');
  return seconds * kSecond + Digits(fraction);
}

}  // namespace dicomhouse::query::internal
