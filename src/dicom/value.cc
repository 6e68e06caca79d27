#include "dicom/value.h"

#include <charconv>
#include <cstddef>

namespace dicomhouse::dicom {

namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
constexpr int64_t kMicrosPerDay = 24 * 60 * kMicrosPerMinute;

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads a text of numbers with fixed widths from its start to its end.
class DigitReader {
 public:
  explicit DigitReader(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  bool next_is(char c) const { return !text_.empty() && text_.front() == c; }
  bool next_is_digit() const { return !text_.empty() && IsDigit(text_.front()); }
  bool Skip(char c) {
    if (!next_is(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  // A number of exactly `width` digits from `lowest` to `highest`. Requires: width <= 9.
  std::optional<int> Number(size_t width, int lowest, int highest) {
    if (text_.size() < width) return std::nullopt;
    int value = 0;
    for (const char c : text_.substr(0, width)) {
      if (!IsDigit(c)) return std::nullopt;
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(width);
    return value >= lowest && value <= highest ? std::optional(value) : std::nullopt;
  }

  // The digits behind a decimal point as microseconds: at least one digit, at most `max_digits`; those behind the sixth
  // are finer than the result and don't count.
  std::optional<int64_t> Fraction(size_t max_digits) {
    int64_t micros = 0;
    int64_t unit = kMicrosPerSecond / 10;
    size_t digits = 0;
    for (; next_is_digit(); ++digits, unit /= 10) {
      micros += unit * (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return digits >= 1 && digits <= max_digits ? std::optional(micros) : std::nullopt;
  }

 private:
  std::string_view text_;
};

constexpr bool IsLeapYear(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeapYear(year) ? 29 : kDays[month - 1];
}

// Days from 1970-01-01 to a day of the proleptic Gregorian calendar. Counts in years that begin in March, so that the
// leap day is the last day of a year.
constexpr int32_t DaysSinceEpoch(int year, int month, int day) {
  const int march_year = month > 2 ? year : year - 1;
  const int month_from_march = (month + 9) % 12;
  const int day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
  constexpr int kDaysToEpoch = 719468;  // from 0000-03-01 to 1970-01-01
  return march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year - kDaysToEpoch;
}
static_assert(DaysSinceEpoch(1970, 1, 1) == 0);
constexpr int64_t kFirstMicros = int64_t{DaysSinceEpoch(1, 1, 1)} * kMicrosPerDay;
constexpr int64_t kLastMicros = int64_t{DaysSinceEpoch(9999, 12, 31) + 1} * kMicrosPerDay - 1;

// YYYY[MM[DD]] with `separator` (or none, when 0) between the parts, as days.
std::optional<int32_t> ReadDate(DigitReader& reader, char separator) {
  const auto year = reader.Number(4, 1, 9999);
  if (!year) return std::nullopt;
  const auto more = [&] { return separator != 0 ? reader.Skip(separator) : reader.next_is_digit(); };
  if (!more()) return DaysSinceEpoch(*year, 1, 1);
  const auto month = reader.Number(2, 1, 12);
  if (!month) return std::nullopt;
  if (!more()) return DaysSinceEpoch(*year, *month, 1);
  const auto day = reader.Number(2, 1, DaysInMonth(*year, *month));
  if (!day) return std::nullopt;
  return DaysSinceEpoch(*year, *month, *day);
}

// HH[MM[SS[.F]]] or with colons, as microseconds.
std::optional<int64_t> ReadTime(DigitReader& reader, bool colons, size_t max_fraction_digits) {
  const auto hour = reader.Number(2, 0, 23);
  if (!hour) return std::nullopt;
  int64_t micros = *hour * 60 * kMicrosPerMinute;
  const auto more = [&] { return colons ? reader.Skip(':') : reader.next_is_digit(); };
  if (!more()) return micros;
  const auto minute = reader.Number(2, 0, 59);
  if (!minute) return std::nullopt;
  micros += *minute * kMicrosPerMinute;
  if (!more()) return micros;
  const auto second = reader.Number(2, 0, 60);
  if (!second) return std::nullopt;
  int64_t fraction = 0;
  if (reader.Skip('.')) {
    const auto read = reader.Fraction(max_fraction_digits);
    if (!read) return std::nullopt;
    fraction = *read;
  }
  if (*second == 60) return micros + kMicrosPerMinute - 1;
  return micros + *second * kMicrosPerSecond + fraction;
}

// Splits `group` at its first four '^' (there can be fewer). Returns the number of components.
size_t SplitComponents(std::string_view group, std::array<std::string_view, 5>& components) {
  size_t count = 0;
  for (; count + 1 < components.size(); ++count) {
    const size_t end = group.find('^');
    components[count] = group.substr(0, end);
    if (end == std::string_view::npos) return count + 1;
    group.remove_prefix(end + 1);
  }
  components[count] = group;
  return count + 1;
}

void TrimTrailingSpaces(std::string_view& text) {
  const size_t last = text.find_last_not_of(' ');
  text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

std::optional<int32_t> ParseDate(std::string_view text) {
  DigitReader reader(text);
  const auto days = ReadDate(reader, text.size() > 4 && text[4] == '.' ? '.' : '\0');
  return reader.done() ? days : std::nullopt;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  DigitReader reader(text);
  const auto micros = ReadTime(reader, text.size() > 2 && text[2] == ':', 6);
  return reader.done() ? micros : std::nullopt;
}

std::optional<int64_t> ParseDateTime(std::string_view text, int offset_minutes) {
  int64_t offset = offset_minutes;
  const size_t sign = text.find_first_of("+-");
  if (sign != std::string_view::npos) {
    const auto own = ParseUtcOffset(text.substr(sign));
    if (!own) return std::nullopt;
    offset = *own;
    text = text.substr(0, sign);
  }
  DigitReader reader(text);
  const auto days = ReadDate(reader, '\0');
  if (!days) return std::nullopt;
  // A date of reduced precision can't be followed by a time: its digits would have been the month or the day.
  int64_t time = 0;
  if (!reader.done()) {
    const auto micros = ReadTime(reader, false, text.size());
    if (!micros || !reader.done()) return std::nullopt;
    time = *micros;
  }
  const int64_t result = int64_t{*days} * kMicrosPerDay + time - offset * kMicrosPerMinute;
  return result >= kFirstMicros && result <= kLastMicros ? std::optional(result) : std::nullopt;
}

std::optional<int> ParseUtcOffset(std::string_view text) {
  DigitReader reader(text);
  const bool negative = reader.Skip('-');
  if (!negative && !reader.Skip('+')) return std::nullopt;
  const auto hours = reader.Number(2, 0, 14);
  const auto minutes = reader.Number(2, 0, 59);
  if (!hours || !minutes || !reader.done()) return std::nullopt;
  const int offset = *hours * 60 + *minutes;
  if (offset > (negative ? 12 : 14) * 60) return std::nullopt;
  return negative ? -offset : offset;
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && IsDigit(text[1])) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

PersonName SplitPersonName(std::string_view utf8) {
  PersonName name;
  const size_t groups = name.groups.size();
  for (size_t i = 0; i < groups; ++i) {
    const size_t end = utf8.find('=');
    auto& components = name.groups[i];
    const size_t count = SplitComponents(utf8.substr(0, end), components);
    std::string_view& last = components[count - 1];
    if (end != std::string_view::npos && i + 1 == groups) {
      last = utf8.substr(static_cast<size_t>(last.data() - utf8.data()));
      name.overflow = true;
    }
    if (count == components.size() && last.find('^') != std::string_view::npos) name.overflow = true;
    for (std::string_view& component : components) TrimTrailingSpaces(component);
    if (end == std::string_view::npos) break;
    utf8.remove_prefix(end + 1);
  }
  return name;
}

}  // namespace dicomhouse::dicom
