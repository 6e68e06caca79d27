#include "dicom/text.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>

#include "base/limits.h"

namespace dicomhouse::dicom {

namespace {

constexpr uint8_t kEscape = 0x1B;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr uint16_t kNoMeaning = 0xFFFD;
// More than a header may have can't come from one. The offsets of DecodedText have 32 bits, and a byte can become three.
constexpr size_t kMaxTextBytes = base::kMaxHeaderBytes;
static_assert(kMaxTextBytes <= std::numeric_limits<uint32_t>::max() / 3);

// A set of graphic characters that an escape sequence can invoke (PS3.3 tables C.12-3 and C.12-4).
// ISO-IR 14 (the romaji of JIS X 0201) is ASCII here: 0x5C and 0x7E stay a backslash and a tilde.
enum class CodeSet : uint8_t {
  kNone,
  kAscii,
  kKatakana,
  kLatin1,
  kLatin2,
  kLatin3,
  kLatin4,
  kCyrillic,
  kArabic,
  kGreek,
  kHebrew,
  kLatin5,
  kLatin9,
  kThai,
  kJisX0208,
  kJisX0212,
  kKsX1001,
  kGb2312,
  // Not sets of ISO 2022: here because they have converters too.
  kGbk,
  kGb18030,
  kShiftJis,
};
constexpr size_t kCodeSetCount = 21;

// What iconv calls each set. For those of two bytes: an EUC encoding that has them.
constexpr const char* kIconvNames[kCodeSetCount] = {
    nullptr,      nullptr,      nullptr,      nullptr,      "ISO-8859-2", "ISO-8859-3",  "ISO-8859-4",
    "ISO-8859-5", "ISO-8859-6", "ISO-8859-7", "ISO-8859-8", "ISO-8859-9", "ISO-8859-15", "TIS-620",
    "EUC-JP",     "EUC-JP",     "EUC-KR",     "EUC-CN",     "GBK",        "GB18030",     "CP932"};

constexpr bool IsDoubleByte(CodeSet set) { return set >= CodeSet::kJisX0208 && set <= CodeSet::kGb2312; }

// Bytes that a set of 94 characters can have in G0.
constexpr bool IsGraphic(uint8_t byte) { return byte >= 0x21 && byte <= 0x7E; }
// ... and in G1.
constexpr bool IsHighGraphic(uint8_t byte) { return byte >= 0xA1 && byte <= 0xFE; }

void AppendCodePoint(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
    return;
  }
  if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | code >> 6));
  } else {
    out.push_back(static_cast<char>(0xE0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
  }
  out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
}

// One character of UTF-8, or what has to be replaced.
struct Utf8Step {
  size_t length;  // of a character, or of the longest start of one (at least 1)
  bool valid;
};

// Requires: text is not empty. The ranges are those of the Unicode standard's table 3-7.
Utf8Step NextUtf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {1, true};
  if (first < 0xC2 || first > 0xF4) return {1, false};
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  const uint8_t lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const uint8_t highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < length; ++i) {
    if (i >= text.size()) return {i, false};
    if (i == 1 ? byte(i) < lowest || byte(i) > highest : (byte(i) & 0xC0) != 0x80) return {i, false};
  }
  return {length, true};
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = NextUtf8(text);
    if (!step.valid) return false;
    text.remove_prefix(step.length);
  }
  return true;
}

// ---- escape sequences

struct Escape {
  size_t length = 0;  // 0: not one that is known
  bool g1 = false;
  CodeSet set = CodeSet::kNone;
};

CodeSet DoubleByteSet(char final_byte) {
  switch (final_byte) {
    case '@':  // JIS C 6226, the edition of 1978 of JIS X 0208
    case 'B':
      return CodeSet::kJisX0208;
    case 'D':
      return CodeSet::kJisX0212;
    case 'C':
      return CodeSet::kKsX1001;
    case 'A':
      return CodeSet::kGb2312;
    default:
      return CodeSet::kNone;
  }
}

CodeSet HighSet(char final_byte) {
  switch (final_byte) {
    case 'A':
      return CodeSet::kLatin1;
    case 'B':
      return CodeSet::kLatin2;
    case 'C':
      return CodeSet::kLatin3;
    case 'D':
      return CodeSet::kLatin4;
    case 'L':
      return CodeSet::kCyrillic;
    case 'G':
      return CodeSet::kArabic;
    case 'F':
      return CodeSet::kGreek;
    case 'H':
      return CodeSet::kHebrew;
    case 'M':
      return CodeSet::kLatin5;
    case 'b':
      return CodeSet::kLatin9;
    case 'T':
      return CodeSet::kThai;
    default:
      return CodeSet::kNone;
  }
}

// The escape sequence at the start of `bytes` (ISO 2022, PS3.5 §6.1.2.5.1). Sets of two bytes are known in both G0 and G1.
Escape ParseEscape(std::string_view bytes) {
  const auto made = [](size_t length, bool g1, CodeSet set) {
    return set == CodeSet::kNone ? Escape{} : Escape{length, g1, set};
  };
  if (bytes.size() < 3) return {};
  const char kind = bytes[1];
  const char next = bytes[2];
  if (kind == '(' && (next == 'B' || next == 'J')) return made(3, false, CodeSet::kAscii);
  if (kind == ')' && next == 'I') return made(3, true, CodeSet::kKatakana);
  if (kind == '-') return made(3, true, HighSet(next));
  if (kind != '$') return {};
  if (next == '@' || next == 'A' || next == 'B') return made(3, false, DoubleByteSet(next));
  if ((next == '(' || next == ')') && bytes.size() > 3) return made(4, next == ')', DoubleByteSet(bytes[3]));
  return {};
}

// ---- converters

// An iconv descriptor to UTF-8, opened when first used.
class Converter {
 public:
  Converter() = default;
  ~Converter() {
    if (opened_ && descriptor_ != kFailed) iconv_close(descriptor_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  // Appends what `bytes` mean, up to the first byte that means nothing. Returns the number of bytes that were converted;
  // none when the machine has no such converter.
  size_t Convert(const char* from, std::string_view bytes, std::string& out) {
    if (!opened_) descriptor_ = iconv_open("UTF-8", from);
    opened_ = true;
    if (descriptor_ == kFailed) return 0;
    iconv(descriptor_, nullptr, nullptr, nullptr, nullptr);
    char* in = const_cast<char*>(bytes.data());  // iconv's signature; it doesn't write there
    size_t in_left = bytes.size();
    for (bool full = true; full;) {
      char buffer[512];
      char* to = buffer;
      size_t to_left = sizeof buffer;
      full = iconv(descriptor_, &in, &in_left, &to, &to_left) == kError && errno == E2BIG;
      out.append(buffer, sizeof buffer - to_left);
    }
    return bytes.size() - in_left;
  }

 private:
  static constexpr size_t kError = static_cast<size_t>(-1);
  static inline const iconv_t kFailed = reinterpret_cast<iconv_t>(-1);
  iconv_t descriptor_ = nullptr;
  bool opened_ = false;
};

// The characters of the bytes 80 to FF of a set.
using HighTable = std::array<uint16_t, 128>;

uint16_t DecodeTwoOrThreeBytes(std::string_view utf8) {
  const auto bits = [&](size_t i) { return static_cast<unsigned>(static_cast<uint8_t>(utf8[i])); };
  if (utf8.size() == 2) return static_cast<uint16_t>((bits(0) & 0x1F) << 6 | (bits(1) & 0x3F));
  if (utf8.size() == 3) return static_cast<uint16_t>((bits(0) & 0x0F) << 12 | (bits(1) & 0x3F) << 6 | (bits(2) & 0x3F));
  return kNoMeaning;
}

HighTable MakeHighTable(CodeSet set, Converter& converter) {
  HighTable table;
  std::string utf8;
  for (unsigned i = 0; i < table.size(); ++i) {
    const char byte = static_cast<char>(0x80 + i);
    if (set == CodeSet::kLatin1) {
      table[i] = static_cast<uint16_t>(0x80 + i);
    } else if (set == CodeSet::kKatakana) {
      table[i] = i >= 0x21 && i <= 0x5F ? static_cast<uint16_t>(0xFF61 + i - 0x21) : kNoMeaning;
    } else {
      utf8.clear();
      converter.Convert(kIconvNames[static_cast<size_t>(set)], {&byte, 1}, utf8);
      table[i] = DecodeTwoOrThreeBytes(utf8);
    }
  }
  return table;
}

}  // namespace

struct TextDecoder::Converters {
  std::array<Converter, kCodeSetCount> converters;
  std::array<std::optional<HighTable>, kCodeSetCount> tables;
  std::string scratch;

  size_t Convert(CodeSet set, std::string_view bytes, std::string& out) {
    const auto i = static_cast<size_t>(set);
    return converters[i].Convert(kIconvNames[i], bytes, out);
  }
  const HighTable& Table(CodeSet set) {
    const auto i = static_cast<size_t>(set);
    if (!tables[i]) tables[i] = MakeHighTable(set, converters[i]);
    return *tables[i];
  }
};

// ---- Specific Character Set

struct CharacterSet::Terms {
  enum class Kind : uint8_t { kCodeExtensions, kUtf8, kGb };
  Kind kind = Kind::kCodeExtensions;
  CodeSet g1 = CodeSet::kNone;         // at the start of a value; kGbk or kGb18030 when kind is kGb
  CodeSet announced = CodeSet::kNone;  // the first set for G1 of the terms behind the first
};

namespace {

using Terms = CharacterSet::Terms;

struct Term {
  std::string_view name;
  CodeSet set;
  Terms::Kind kind = Terms::Kind::kCodeExtensions;
};

// Defined terms as NormalTerm leaves them, and names that files have in their place.
constexpr Term kTerms[] = {
    {"6", CodeSet::kAscii},
    {"100", CodeSet::kLatin1},
    {"101", CodeSet::kLatin2},
    {"109", CodeSet::kLatin3},
    {"110", CodeSet::kLatin4},
    {"144", CodeSet::kCyrillic},
    {"127", CodeSet::kArabic},
    {"126", CodeSet::kGreek},
    {"138", CodeSet::kHebrew},
    {"148", CodeSet::kLatin5},
    {"203", CodeSet::kLatin9},
    {"166", CodeSet::kThai},
    {"13", CodeSet::kKatakana},
    {"87", CodeSet::kJisX0208},
    {"159", CodeSet::kJisX0212},
    {"149", CodeSet::kKsX1001},
    {"58", CodeSet::kGb2312},
    {"192", CodeSet::kNone, Terms::Kind::kUtf8},
    {"GBK", CodeSet::kGbk, Terms::Kind::kGb},
    {"GB18030", CodeSet::kGb18030, Terms::Kind::kGb},
    {"646", CodeSet::kAscii},
    {"ASCII", CodeSet::kAscii},
    {"USASCII", CodeSet::kAscii},
    {"88591", CodeSet::kLatin1},
    {"88592", CodeSet::kLatin2},
    {"88593", CodeSet::kLatin3},
    {"88594", CodeSet::kLatin4},
    {"88595", CodeSet::kCyrillic},
    {"88596", CodeSet::kArabic},
    {"88597", CodeSet::kGreek},
    {"88598", CodeSet::kHebrew},
    {"88599", CodeSet::kLatin5},
    {"885915", CodeSet::kLatin9},
    {"LATIN1", CodeSet::kLatin1},
    {"TIS620", CodeSet::kThai},
    {"JISX0201", CodeSet::kKatakana},
    {"JISX0208", CodeSet::kJisX0208},
    {"JISX0212", CodeSet::kJisX0212},
    {"KSX1001", CodeSet::kKsX1001},
    {"KSC5601", CodeSet::kKsX1001},
    {"EUCKR", CodeSet::kKsX1001},
    {"GB2312", CodeSet::kGb2312},
    {"EUCCN", CodeSet::kGb2312},
    {"CP936", CodeSet::kGbk, Terms::Kind::kGb},
    {"UTF8", CodeSet::kNone, Terms::Kind::kUtf8},
    {"10646", CodeSet::kNone, Terms::Kind::kUtf8},
};

// Letters and digits only, upper case, without "ISO", "2022" and "IR" at the start: "ISO_IR 100", "ISO 2022 IR 100",
// "iso-ir-100" and "IR100" are all "100".
std::string NormalTerm(std::string_view term) {
  std::string normal;
  for (const char c : term) {
    if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) normal.push_back(c);
    if (c >= 'a' && c <= 'z') normal.push_back(static_cast<char>(c - 'a' + 'A'));
  }
  for (const std::string_view prefix : {"ISO", "2022", "IR"}) {
    if (normal.size() > prefix.size() && normal.starts_with(prefix)) normal.erase(0, prefix.size());
  }
  return normal;
}

const Term* FindTerm(std::string_view text) {
  const std::string normal = NormalTerm(text);
  const auto* found = std::ranges::find(kTerms, std::string_view(normal), &Term::name);
  return found != std::end(kTerms) ? found : nullptr;
}

// The set that a term brings to G1, if any: those of JIS X 0208 and 0212 are for G0, by escape sequences only.
CodeSet HighSetOf(const Term& term) {
  const bool none = term.set == CodeSet::kAscii || term.set == CodeSet::kJisX0208 || term.set == CodeSet::kJisX0212;
  return none ? CodeSet::kNone : term.set;
}

// Adds the term at `index` to `terms`. False: it is not allowed beside the terms before it.
bool AddTerm(const Term& term, size_t index, bool other_sets, Terms& terms) {
  if (terms.kind != Terms::Kind::kCodeExtensions) return false;
  if (term.kind != Terms::Kind::kCodeExtensions) {
    if (other_sets) return false;
    terms.kind = term.kind;
    terms.g1 = term.set;
  } else if (index == 0) {
    terms.g1 = HighSetOf(term);
  } else if (terms.announced == CodeSet::kNone) {
    terms.announced = HighSetOf(term);
  }
  return true;
}

std::string_view TrimPadding(std::string_view text) {
  const auto is_padding = [](char c) { return c == ' ' || c == '\0'; };
  while (!text.empty() && is_padding(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_padding(text.front())) text.remove_prefix(1);
  return text;
}

const std::shared_ptr<const Terms>& DefaultTerms() {
  static const auto kDefault = std::make_shared<const Terms>();
  return kDefault;
}

}  // namespace

CharacterSet::CharacterSet() : terms_(DefaultTerms()) {}

CharacterSet::CharacterSet(std::string_view value) : value_(value) {
  Terms terms;
  bool other_sets = false;
  for (size_t index = 0, begin = 0; begin <= value.size(); ++index) {
    const size_t end = std::min(value.find('\\', begin), value.size());
    const std::string_view text = TrimPadding(value.substr(begin, end - begin));
    begin = end + 1;
    if (text.empty()) continue;
    const Term* term = FindTerm(text);
    if (term == nullptr || !AddTerm(*term, index, other_sets, terms)) {
      unknown_.emplace_back(text);
    } else {
      other_sets = other_sets || term->set != CodeSet::kAscii;
    }
  }
  terms_ = std::make_shared<const Terms>(terms);
}

bool IsPlainAscii(std::string_view bytes) {
  const char* const p = bytes.data();
  const size_t size = bytes.size();
  const auto plain = [p](size_t at, size_t count) {
    uint64_t word = 0;  // bytes that are not there are NUL: plain
    std::memcpy(&word, p + at, count);
    constexpr uint64_t kOnes = 0x0101010101010101;
    constexpr uint64_t kHighs = 0x8080808080808080;
    const uint64_t escapes = word ^ (kOnes * kEscape);  // a zero byte where the ESC is
    return ((word | ((escapes - kOnes) & ~escapes)) & kHighs) == 0;
  };
  // The last bytes are looked at with some before them once more: values are short, so most are "last bytes".
  if (size < 4) return size == 0 || (plain(0, 1) && plain(size / 2, 1) && plain(size - 1, 1));
  if (size < 8) return plain(0, 4) && plain(size - 4, 4);
  for (size_t i = 0; i + 8 <= size; i += 8) {
    if (!plain(i, 8)) return false;
  }
  return plain(size - 8, 8);
}

// ---- values

namespace {

constexpr bool KeepsLeadingSpaces(Vr vr) {
  return internal::In(internal::VrSet({Vr::kLT, Vr::kST, Vr::kUT, Vr::kUC, Vr::kUR, Vr::kPN}), vr);
}

bool IsPadding(char c) { return c == ' ' || c == '\0'; }

// Ends the value that begins at `begin` of out.text.
void EndValue(Vr vr, size_t begin, DecodedText& out) {
  size_t end = out.text.size();
  while (end > begin && IsPadding(out.text[end - 1])) --end;
  out.text.resize(end);
  if (!KeepsLeadingSpaces(vr)) {
    size_t spaces = 0;
    while (begin + spaces < end && out.text[begin + spaces] == ' ') ++spaces;
    if (spaces > 0) out.text.erase(begin, spaces);
  }
  out.values.emplace_back(static_cast<uint32_t>(begin), static_cast<uint32_t>(out.text.size()));
}

// Replaces what has no meaning.
void Replace(size_t bytes, DecodedText& out) {
  out.text += kReplacement;
  out.replaced_bytes += static_cast<uint32_t>(bytes);
}

void AppendUtf8(std::string_view bytes, DecodedText& out) {
  while (!bytes.empty()) {
    size_t valid = 0;
    Utf8Step step{0, true};
    while (step.valid && valid < bytes.size()) {
      step = NextUtf8(bytes.substr(valid));
      if (step.valid) valid += step.length;
    }
    out.text.append(bytes.substr(0, valid));
    bytes.remove_prefix(valid);
    if (!step.valid) {
      Replace(step.length, out);
      bytes.remove_prefix(step.length);
    }
  }
}

// Bytes of the character of GBK or GB 18030 at `position`; 1 for what is none.
size_t GbLength(CodeSet set, std::string_view bytes, size_t position) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(position + i < bytes.size() ? bytes[position + i] : 0); };
  const auto is_lead = [](uint8_t b) { return b >= 0x81 && b <= 0xFE; };
  const auto is_digit = [](uint8_t b) { return b >= 0x30 && b <= 0x39; };
  if (!is_lead(byte(0))) return 1;
  if (set == CodeSet::kGb18030 && is_digit(byte(1)) && is_lead(byte(2)) && is_digit(byte(3))) return 4;
  return byte(1) >= 0x40 && byte(1) <= 0xFE && byte(1) != 0x7F ? 2 : 1;
}

// Decodes the values of one element.
class Decoding {
 public:
  Decoding(const Terms& terms, Vr vr, std::string_view bytes, TextDecoder::Converters& converters, DecodedText& out)
      : terms_(terms), vr_(vr), splits_(SplitsAtBackslash(vr)), bytes_(bytes), converters_(converters), out_(out) {
    StartValue();
  }

  void Ascii() {
    while (splits_) {
      const size_t end = bytes_.find('\\', position_);
      if (end == std::string_view::npos) break;
      out_.text.append(bytes_.substr(position_, end - position_));
      position_ = end;
      Split();
    }
    out_.text.append(bytes_.substr(position_));
    EndValue(vr_, text_begin_, out_);
  }

  void Utf8() {
    while (splits_) {
      const size_t end = bytes_.find('\\', position_);
      if (end == std::string_view::npos) break;
      AppendUtf8(bytes_.substr(position_, end - position_), out_);
      position_ = end;
      Split();
    }
    AppendUtf8(bytes_.substr(position_), out_);
    EndValue(vr_, text_begin_, out_);
  }

  void Gb() {
    while (position_ < bytes_.size()) {
      const size_t begin = position_;
      while (position_ < bytes_.size() && !(splits_ && bytes_[position_] == '\\')) {
        position_ += GbLength(terms_.g1, bytes_, position_);
      }
      AppendGb(bytes_.substr(begin, position_ - begin));
      if (position_ < bytes_.size()) Split();
    }
    EndValue(vr_, text_begin_, out_);
  }

  void CodeExtensions() {
    while (position_ < bytes_.size()) {
      const uint8_t byte = At(position_);
      if (byte == kEscape) {
        TakeEscape();
      } else if (byte >= 0x80) {
        TakeHigh();
      } else if (IsDoubleByte(g0_) && IsGraphic(byte)) {
        TakeLowPairs();
      } else if (IsDelimiter(byte)) {
        TakeDelimiter();
      } else {
        TakeAscii();
      }
    }
    EndValue(vr_, text_begin_, out_);
  }

 private:
  uint8_t At(size_t position) const { return static_cast<uint8_t>(bytes_[position]); }

  void StartValue() {
    text_begin_ = out_.text.size();
    value_begin_ = position_;
    guess_.reset();
    ResetCodes();
  }
  void ResetCodes() {
    g0_ = CodeSet::kAscii;
    g1_ = terms_.g1;
  }
  // Ends the value at the backslash at position_.
  void Split() {
    EndValue(vr_, text_begin_, out_);
    ++position_;
    StartValue();
  }

  // Bytes that reset the code state (PS3.5 §6.1.2.5.3).
  bool IsDelimiter(uint8_t byte) const {
    switch (byte) {
      case '\t':
      case '\n':
      case '\f':
      case '\r':
        return true;
      case '\\':
        return splits_;
      case '^':
      case '=':
        return vr_ == Vr::kPN;
      default:
        return false;
    }
  }
  void TakeDelimiter() {
    if (At(position_) == '\\') return Split();
    out_.text.push_back(bytes_[position_++]);
    ResetCodes();
  }

  void TakeEscape() {
    const Escape escape = ParseEscape(bytes_.substr(position_));
    if (escape.length == 0) return ReplaceOne();
    (escape.g1 ? g1_ : g0_) = escape.set;
    position_ += escape.length;
  }
  void ReplaceOne() {
    Replace(1, out_);
    ++position_;
  }

  void TakeAscii() {
    const size_t begin = position_;
    const bool pairs = IsDoubleByte(g0_);
    while (position_ < bytes_.size()) {
      const uint8_t byte = At(position_);
      if (byte >= 0x80 || byte == kEscape || IsDelimiter(byte) || (pairs && IsGraphic(byte))) break;
      ++position_;
    }
    out_.text.append(bytes_.substr(begin, position_ - begin));
  }

  // Characters of two bytes in G0. A byte without a second one can still be a delimiter: some writers forget to go back
  // to ASCII in front of it.
  void TakeLowPairs() {
    const std::string& pairs = CollectPairs(g0_, IsGraphic);
    if (!pairs.empty()) return AppendPairs(g0_, pairs);
    if (IsDelimiter(At(position_))) return TakeDelimiter();
    ReplaceOne();
  }

  void TakeHigh() {
    if (g1_ != CodeSet::kNone) return TakeHighOf(g1_);
    const uint32_t replaced = out_.replaced_bytes;
    const size_t begin = position_;
    if (terms_.announced != CodeSet::kNone) {
      TakeHighOf(terms_.announced);
    } else {
      TakeGuessed();
    }
    out_.replaced_bytes = replaced + static_cast<uint32_t>(position_ - begin);
  }
  void TakeHighOf(CodeSet set) {
    if (IsDoubleByte(set)) {
      const std::string& pairs = CollectPairs(set, IsHighGraphic);
      return pairs.empty() ? ReplaceOne() : AppendPairs(set, pairs);
    }
    const HighTable& table = converters_.Table(set);
    while (position_ < bytes_.size() && At(position_) >= 0x80) {
      const uint16_t code = table[At(position_) - 0x80u];
      if (code != kNoMeaning) {
        AppendCodePoint(code, out_.text);
        ++position_;
      } else if (set != CodeSet::kKatakana || !TakeShiftJis()) {
        ReplaceOne();
      }
    }
  }

  // Writers that say ISO_IR 13 and mean Shift JIS are common, and its first bytes have no meaning in JIS X 0201: takes such a
  // pair as a guess. False: there is none.
  bool TakeShiftJis() {
    const uint8_t lead = At(position_);
    if (lead < 0x81 || lead == 0xA0 || lead > 0xFC) return false;
    const std::string_view pair = bytes_.substr(position_, 2);
    if (pair.size() < 2 || static_cast<uint8_t>(pair[1]) < 0x40) return false;
    const size_t before = out_.text.size();
    if (converters_.Convert(CodeSet::kShiftJis, pair, out_.text) != pair.size()) {
      out_.text.resize(before);
      return false;
    }
    out_.replaced_bytes += 2;
    position_ += 2;
    return true;
  }

  // Bytes above 0x7F without any set for them: UTF-8 when the whole value is, else ISO 8859-1.
  void TakeGuessed() {
    if (!guess_) {
      const size_t end = splits_ ? bytes_.find('\\', position_) : std::string_view::npos;
      guess_ = IsUtf8(bytes_.substr(value_begin_, end == std::string_view::npos ? end : end - value_begin_));
    }
    const size_t begin = position_;
    while (position_ < bytes_.size() && At(position_) >= 0x80) ++position_;
    const std::string_view run = bytes_.substr(begin, position_ - begin);
    if (*guess_) return AppendUtf8(run, out_);
    for (const char c : run) AppendCodePoint(static_cast<uint8_t>(c), out_.text);
  }

  // Takes pairs of bytes that `in_set` is true for, in the form that the converter of `set` wants.
  const std::string& CollectPairs(CodeSet set, bool (*in_set)(uint8_t)) {
    std::string& pairs = converters_.scratch;
    pairs.clear();
    while (position_ + 1 < bytes_.size() && in_set(At(position_)) && in_set(At(position_ + 1))) {
      if (set == CodeSet::kJisX0212) pairs.push_back('\x8F');
      pairs.push_back(static_cast<char>(At(position_) | 0x80));
      pairs.push_back(static_cast<char>(At(position_ + 1) | 0x80));
      position_ += 2;
    }
    return pairs;
  }
  void AppendPairs(CodeSet set, std::string_view pairs) {
    const size_t unit = set == CodeSet::kJisX0212 ? 3 : 2;
    while (!pairs.empty()) {
      pairs.remove_prefix(converters_.Convert(set, pairs, out_.text));
      if (pairs.empty()) break;
      Replace(2, out_);
      pairs.remove_prefix(std::min(unit, pairs.size()));
    }
  }

  void AppendGb(std::string_view bytes) {
    while (!bytes.empty()) {
      bytes.remove_prefix(converters_.Convert(terms_.g1, bytes, out_.text));
      if (bytes.empty()) break;
      const size_t length = std::min(GbLength(terms_.g1, bytes, 0), bytes.size());
      // Plain bytes fail only where the machine has no converter.
      static_cast<uint8_t>(bytes.front()) < 0x80 ? out_.text.push_back(bytes.front()) : Replace(length, out_);
      bytes.remove_prefix(length);
    }
  }

  const Terms& terms_;
  const Vr vr_;
  const bool splits_;
  const std::string_view bytes_;
  TextDecoder::Converters& converters_;
  DecodedText& out_;
  size_t position_ = 0;
  size_t value_begin_ = 0;  // of bytes_
  size_t text_begin_ = 0;   // of out_.text
  CodeSet g0_ = CodeSet::kAscii;
  CodeSet g1_ = CodeSet::kNone;
  std::optional<bool> guess_;  // the value is UTF-8
};

}  // namespace

TextDecoder::TextDecoder() : converters_(std::make_unique<Converters>()) {}
TextDecoder::~TextDecoder() = default;

void TextDecoder::Decode(const CharacterSet& set, Vr vr, std::string_view bytes, DecodedText& out) {
  out.Clear();
  if (bytes.empty()) return;
  if (bytes.size() > kMaxTextBytes) {
    out.replaced_bytes = static_cast<uint32_t>(std::min<size_t>(bytes.size() - kMaxTextBytes, kMaxTextBytes));
    bytes = bytes.substr(0, kMaxTextBytes);
  }
  const Terms& terms = UsesCharacterSet(vr) ? set.terms() : *DefaultTerms();
  Decoding decoding(terms, vr, bytes, *converters_, out);
  if (IsPlainAscii(bytes)) return decoding.Ascii();
  switch (terms.kind) {
    case Terms::Kind::kUtf8:
      return decoding.Utf8();
    case Terms::Kind::kGb:
      return decoding.Gb();
    case Terms::Kind::kCodeExtensions:
      return decoding.CodeExtensions();
  }
}

}  // namespace dicomhouse::dicom
