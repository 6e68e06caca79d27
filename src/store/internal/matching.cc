#include "store/internal/matching.h"

#include <algorithm>

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

bool MatchesOne(std::string_view value, dicom::Vr vr, const std::string& wanted, bool fuzzy) {
  if (wanted.empty() || wanted == "*") return true;
  if (vr == dicom::Vr::kPN && fuzzy) return MatchesFuzzily(FoldName(wanted), FoldName(value));
  const std::string text = Comparable(value, vr);
  if ((vr == dicom::Vr::kDA || vr == dicom::Vr::kTM) && !HasWildcard(wanted)) {
    const TextRange range = RangeOf(wanted, vr);
    return !text.empty() && (range.first.empty() || text >= range.first) && (range.last.empty() || text <= range.last);
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
  return Matches(reader.Text(header, element), VrOf(element.tag, element.vr), condition.values, fuzzy);
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

bool Matches(std::string_view text, dicom::Vr vr, std::span<const std::string> wanted, bool fuzzy) {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\\', begin), text.size());
    for (const std::string& one : wanted) {
      if (MatchesOne(text.substr(begin, end - begin), vr, one, fuzzy)) return true;
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
