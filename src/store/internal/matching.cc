#include "store/internal/matching.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/text.h"
#include "dicom/cursor.h"
#include "dicom/dictionary.h"

namespace dicomhouse::store {
namespace {

// Base letters of U+00C0 to U+017F, '?' where there is none.
constexpr std::string_view kBaseLetters =
    "aaaaaaaceeeeiiiidnooooo?ouuuuytsaaaaaaaceeeeiiiidnooooo?ouuuuyty"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
constexpr uint32_t kFirstBaseLetter = 0xC0;

// The next code point of UTF-8; a byte that is none stands for itself.
uint32_t NextCharacter(std::string_view& text) {
  const base::Utf8Character character = base::FirstCharacter(text);
  const auto byte = static_cast<uint8_t>(text.front());
  text.remove_prefix(std::max<size_t>(character.length, 1));
  return character.length == 0 ? byte : character.code;
}

bool SeparatesWords(uint32_t code) {
  return code == ' ' || code == '^' || code == '=' || code == ',' || code == '.' || code == '-' || code == '\\' || code == '*' ||
         code == 0x3000 || code == '\'';
}

void AppendFolded(std::string& out, uint32_t code, std::string_view bytes) {
  if (code >= 'A' && code <= 'Z') {
    out += static_cast<char>(code + 32);
  } else if (code >= kFirstBaseLetter && code < kFirstBaseLetter + kBaseLetters.size() &&
             kBaseLetters[code - kFirstBaseLetter] != '?') {
    out += kBaseLetters[code - kFirstBaseLetter];
  } else if ((code >= 0x391 && code <= 0x3A9) || (code >= 0x410 && code <= 0x42F)) {  // Greek and Cyrillic capitals
    base::AppendUtf8(out, code + 0x20);
  } else {
    out += bytes;
  }
}

bool BeginsAWord(std::string_view word, std::string_view name) {
  for (size_t at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
    if (at == 0 || name[at - 1] == ' ') return true;
  }
  return false;
}

dicom::Vr VrOf(uint32_t tag, dicom::Vr written) {
  if (written != dicom::Vr::kNone && written != dicom::Vr::kUN) return written;
  const dicom::ElementEntry* entry = dicom::FindElement(tag);
  return entry == nullptr ? dicom::Vr::kLO : entry->vr;
}

// ---- DT (PS3.5 §6.2)

constexpr uint32_t kTimezoneOffsetTag = 0x00080201;
constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

// A date and time: from the first to the last microsecond that it stands for, on a clock of its own place.
struct Moment {
  int64_t first = 0;
  int64_t last = 0;
  std::optional<int64_t> offset;  // of this clock from UTC
};

std::string_view WithoutSpaces(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::optional<int> Digits(std::string_view text) {
  int number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || text.front() == '-') return std::nullopt;
  return number;
}

// "+0100", from -1200 to +1400; or " 0100": in a query of a URL "+" is a space.
std::optional<int64_t> ParseOffset(std::string_view text) {
  if (text.size() != 5 || std::string_view("+- ").find(text[0]) == std::string_view::npos) return std::nullopt;
  const auto hours = Digits(text.substr(1, 2));
  const auto minutes = Digits(text.substr(3));
  if (!hours || !minutes || *minutes > 59 || *hours * 100 + *minutes > (text[0] == '-' ? 1200 : 1400)) return std::nullopt;
  const int64_t offset = *hours * kHour + *minutes * kMinute;
  return text[0] == '-' ? -offset : offset;
}

// "YYYY[MM[DD[HH[MM[SS[.F{1,6}]]]]]]", without an offset.
std::optional<Moment> ParseClock(std::string_view text) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace)
  const size_t dot = std::min(text.find('.'), text.size());
  const std::string_view fraction = text.substr(std::min(dot + 1, text.size()));
  if (dot < 4 || dot > 14 || dot % 2 != 0) return std::nullopt;
  if (dot < text.size() && (dot != 14 || fraction.empty() || fraction.size() > 6)) return std::nullopt;
  int parts[] = {0, 1, 1, 0, 0, 0};  // year, month, day, hour, minute, second
  for (size_t i = 0, at = 0; at < dot; ++i) {
    const size_t digits = i == 0 ? 4 : 2;
    const auto part = Digits(text.substr(at, digits));
    if (!part) return std::nullopt;
    parts[i] = *part;
    at += digits;
  }
  const year_month_day date{year(parts[0]), month(static_cast<unsigned>(parts[1])), day(static_cast<unsigned>(parts[2]))};
  if (!date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 60) return std::nullopt;
  const auto days = [](const year_month_day& when) { return int64_t{sys_days(when).time_since_epoch().count()} * kDay; };
  Moment moment;
  moment.first = days(date) + parts[3] * kHour + parts[4] * kMinute + parts[5] * kSecond;
  int64_t length = kSecond;
  if (dot == 4) length = days(date + years(1)) - moment.first;
  if (dot == 6) length = days(date + months(1)) - moment.first;
  if (dot == 8) length = kDay;
  if (dot == 10) length = kHour;
  if (dot == 12) length = kMinute;
  if (!fraction.empty()) {
    const auto number = Digits(fraction);
    if (!number) return std::nullopt;
    for (size_t i = 0; i < fraction.size(); ++i) length /= 10;
    moment.first += *number * length;
  }
  moment.last = moment.first + length - 1;
  return moment;
}

std::optional<Moment> ParseMoment(std::string_view text) {
  text = WithoutSpaces(text);
  const size_t sign = text.find_last_of("+- ");
  auto moment = ParseClock(text.substr(0, sign));
  if (!moment || sign == std::string_view::npos) return moment;
  moment->offset = ParseOffset(text.substr(sign));
  return moment->offset ? moment : std::nullopt;
}

struct MomentRange {
  std::optional<Moment> first;  // none: no bound
  std::optional<Moment> last;
};

// "A", "A-B", "A-" or "-B". A '-' may also begin an offset from UTC: it does where what follows can be one, so that a single
// value is never taken for a range that ends in the year 500.
std::optional<MomentRange> ParseMomentRange(std::string_view text) {
  if (const auto one = ParseMoment(text)) return MomentRange{one, one};
  for (size_t dash = text.find('-'); dash != std::string_view::npos; dash = text.find('-', dash + 1)) {
    const std::string_view left = WithoutSpaces(text.substr(0, dash));
    const std::string_view right = WithoutSpaces(text.substr(dash + 1));
    const MomentRange range{ParseMoment(left), ParseMoment(right)};
    if ((range.first || left.empty()) && (range.last || right.empty()) && (range.first || range.last)) return range;
  }
  return std::nullopt;
}

// A bound without an offset is on the clock of the value; one with an offset is a moment everywhere. `zone`: the offset of a
// value that has none.
bool MatchesMoment(std::string_view text, const MomentRange& wanted, std::string_view zone) {
  const auto value = ParseMoment(text);
  if (!value) return false;
  const int64_t offset = value->offset ? *value->offset : ParseOffset(zone).value_or(0);
  const auto at_bound = [&](const Moment& bound) { return bound.offset ? value->first - offset + *bound.offset : value->first; };
  return (!wanted.first || at_bound(*wanted.first) >= wanted.first->first) &&
         (!wanted.last || at_bound(*wanted.last) <= wanted.last->last);
}

bool MatchesOne(std::string_view value, dicom::Vr vr, const std::string& wanted, bool fuzzy, std::string_view zone) {
  if (wanted.empty() || wanted == "*") return true;
  if (vr == dicom::Vr::kPN && fuzzy) return MatchesFuzzily(FoldName(wanted), FoldName(value));
  const std::string text = Comparable(value, vr);
  if ((vr == dicom::Vr::kDA || vr == dicom::Vr::kTM) && !HasWildcard(wanted)) {
    const TextRange range = RangeOf(wanted, vr);
    return !text.empty() && (range.first.empty() || text >= range.first) && (range.last.empty() || text <= range.last);
  }
  if (vr == dicom::Vr::kDT && !HasWildcard(wanted)) {
    if (const auto range = ParseMomentRange(wanted)) return MatchesMoment(value, *range, zone);
  }
  const std::string pattern = Comparable(wanted, vr);
  if (vr == dicom::Vr::kUI || !HasWildcard(pattern)) {
    if (text == pattern) return true;
  } else if (base::MatchesWildcard(pattern, text)) {
    return true;
  }
  // A name's component groups are names of their own.
  if (vr != dicom::Vr::kPN || text.find('=') == std::string::npos) return false;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('=', begin), text.size());
    if (base::MatchesWildcard(pattern, std::string_view(text).substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

bool MatchesElement(const dicom::Instance& header, AttributeReader& reader, const dicom::TopElement& element,
                    const Condition& condition, bool fuzzy) {
  const dicom::Vr vr = VrOf(element.tag, element.vr);
  const std::string_view zone = vr == dicom::Vr::kDT ? header.Text(kTimezoneOffsetTag) : std::string_view();
  return Matches(reader.Text(header, element), vr, condition.values, fuzzy, zone);
}

}  // namespace

std::string FoldName(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    const std::string_view before = utf8;
    const uint32_t code = NextCharacter(utf8);
    if (SeparatesWords(code)) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (code < 0x300 || code > 0x36F) {  // combining marks
      AppendFolded(out, code, before.substr(0, before.size() - utf8.size()));
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string Comparable(std::string_view value, dicom::Vr vr) {
  std::string out(value);
  if (vr == dicom::Vr::kDA) std::erase(out, '.');
  if (vr == dicom::Vr::kTM) {
    std::erase(out, ':');
    if (!out.empty() && !HasWildcard(out)) out.resize(std::max<size_t>(out.size(), 6), '0');
  }
  if (vr == dicom::Vr::kPN) {
    while (!out.empty() && (out.back() == '^' || out.back() == '=' || out.back() == ' ')) out.pop_back();
  }
  return out;
}

TextRange RangeOf(std::string_view value, dicom::Vr vr) {
  const size_t dash = value.find('-');
  std::string first(value.substr(0, dash));
  std::string last(dash == std::string_view::npos ? value : value.substr(dash + 1));
  std::erase(first, ' ');
  std::erase(last, ' ');
  if (vr != dicom::Vr::kTM) return {Comparable(first, vr), Comparable(last, vr)};
  std::erase(last, ':');
  constexpr std::string_view kLatest = "235959.999999";
  if (!last.empty() && last.size() < kLatest.size() && last.find('.') == std::string::npos) last += kLatest.substr(last.size());
  return {Comparable(first, vr), last};
}

bool MatchesFuzzily(std::string_view wanted, std::string_view name) {
  while (!wanted.empty()) {
    const size_t end = std::min(wanted.find(' '), wanted.size());
    if (!BeginsAWord(wanted.substr(0, end), name)) return false;
    wanted.remove_prefix(std::min(end + 1, wanted.size()));
  }
  return true;
}

bool Matches(std::string_view text, dicom::Vr vr, std::span<const std::string> wanted, bool fuzzy, std::string_view zone) {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\\', begin), text.size());
    for (const std::string& one : wanted) {
      if (MatchesOne(text.substr(begin, end - begin), vr, one, fuzzy, zone)) return true;
    }
    begin = end + 1;
  }
  return false;
}

bool MatchesHeader(dicom::Instance& header, AttributeReader& reader, const Condition& condition, bool fuzzy) {
  const auto& path = condition.path;
  const dicom::TopElement* top = path.empty() ? nullptr : header.Find(path.front());
  // What is not there matches only what matches everything.
  if (top == nullptr || top->left_out) return Matches("", dicom::Vr::kLO, condition.values, fuzzy);
  if (path.size() == 1) return MatchesElement(header, reader, *top, condition, fuzzy);
  dicom::Cursor cursor(header.window);
  cursor.Start(top->start, header.OffsetOf(*top), header.encoding, dicom::kNoEnd);
  if (cursor.Next() != dicom::Step::kElement) return false;
  cursor.Enter();
  while (!cursor.stopped() && cursor.depth() > 0) {
    if (cursor.Next() != dicom::Step::kElement || cursor.depth() == 0) continue;
    const size_t level = static_cast<size_t>(cursor.depth()) / 2;
    const dicom::ElementHeader element = cursor.element();
    if (level >= path.size() || element.tag != path[level]) continue;
    if (level + 1 < path.size()) {
      cursor.Enter();
      continue;
    }
    const dicom::Cursor::Skipped value = cursor.Skip();
    const dicom::TopElement found{element.tag, element.start,  element.value,   value.end,         element.length,
                                  element.vr,  value.left_out, value.truncated, element.fragments, element.implicit};
    if (MatchesElement(header, reader, found, condition, fuzzy)) return true;
  }
  return false;
}

}  // namespace dicomhouse::store
