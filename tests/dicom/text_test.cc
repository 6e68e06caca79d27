#include "dicom/text.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "dicom/dictionary.h"
#include "tests/dicom/source_tree.h"

namespace dicomhouse::dicom {
namespace {

using testing::ReadTable;
using testing::ReadWholeFile;
using testing::SharedCorpora;
using testing::SourceTree;
using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

using Values = std::vector<std::string>;

struct Decoded {
  Values values;
  uint32_t replaced = 0;
};

Decoded DecodeAll(std::string_view set, Vr vr, std::string_view bytes) {
  static TextDecoder decoder;
  DecodedText text;
  decoder.Decode(CharacterSet(set), vr, bytes, text);
  Decoded decoded{{}, text.replaced_bytes};
  for (size_t i = 0; i < text.values.size(); ++i) decoded.values.emplace_back(text.value(i));
  return decoded;
}

Values Decode(std::string_view set, Vr vr, std::string_view bytes) {
  const Decoded decoded = DecodeAll(set, vr, bytes);
  EXPECT_EQ(decoded.replaced, 0u) << set;
  return decoded.values;
}

// The bit patterns of the Unicode standard's table 3-6; not the code that is tested.
bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<uint8_t>(text[i]);
    const size_t length = first < 0x80             ? 1
                          : (first & 0xE0) == 0xC0 ? 2
                          : (first & 0xF0) == 0xE0 ? 3
                          : (first & 0xF8) == 0xF0 ? 4
                                                   : 0;
    if (length == 0 || i + length > text.size()) return false;
    uint32_t code = length == 1 ? first : first & (0x7Fu >> length);
    for (size_t j = 1; j < length; ++j) {
      const auto byte = static_cast<uint8_t>(text[i + j]);
      if ((byte & 0xC0) != 0x80) return false;
      code = code << 6 | (byte & 0x3Fu);
    }
    constexpr uint32_t kLowest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLowest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

std::vector<std::string> Characters(std::string_view utf8) {
  std::vector<std::string> characters;
  for (const char c : utf8) {
    if ((static_cast<uint8_t>(c) & 0xC0) != 0x80) characters.emplace_back();
    characters.back().push_back(c);
  }
  return characters;
}

// ---- the standard's examples

TEST(TextTest, JapaneseExamplesOfAnnexHAreRead) {
  EXPECT_EQ(
      Decode("\\ISO 2022 IR 87", Vr::kPN, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"),
      Values{"Yamada^Tarou=山田^太郎=やまだ^たろう"});
  EXPECT_EQ(Decode("ISO 2022 IR 13\\ISO 2022 IR 87", Vr::kPN,
                   "\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"),
            Values{"ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"});
}

TEST(TextTest, KoreanExamplesOfAnnexIAreRead) {
  EXPECT_EQ(Decode("\\ISO 2022 IR 149", Vr::kPN,
                   "Hong^Gildong=\x1b$)C\xFB\xF3^\x1b$)C\xD1\xCE\xD4\xD7=\x1b$)C\xC8\xAB^\x1b$)C\xB1\xE6\xB5\xBF"),
            Values{"Hong^Gildong=洪^吉洞=홍^길동"});
  EXPECT_EQ(Decode("\\ISO 2022 IR 149", Vr::kLT,
                   "The 1st line includes \x1b$)C\xB1\xE6\xB5\xBF.\r\nThe 2nd line includes \x1b$)C\xB1\xE6\xB5\xBF, too.\r\n"),
            Values{"The 1st line includes 길동.\r\nThe 2nd line includes 길동, too.\r\n"});
}

TEST(TextTest, ChineseExamplesOfAnnexesJAndKAreRead) {
  EXPECT_EQ(Decode("ISO_IR 192", Vr::kPN, "Wang^XiaoDong=\xE7\x8E\x8B^\xE5\xB0\x8F\xE6\x9D\xB1="),
            Values{"Wang^XiaoDong=王^小東="});
  EXPECT_EQ(Decode("GB18030", Vr::kPN, "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB="), Values{"Wang^XiaoDong=王^小东="});
  EXPECT_EQ(Decode("GBK", Vr::kPN, "Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB="), Values{"Wang^XiaoDong=王^小东="});
  EXPECT_EQ(Decode("\\ISO 2022 IR 58", Vr::kPN, "Zhang^XiaoDong=\x1b$)A\xD5\xC5^\x1b$)A\xD0\xA1\xB6\xAB="),
            Values{"Zhang^XiaoDong=张^小东="});
}

TEST(TextTest, EuropeanSetsAreRead) {
  EXPECT_EQ(Decode("ISO_IR 100", Vr::kPN, "Buc^J\xE9r\xF4me"), Values{"Buc^Jérôme"});
  EXPECT_EQ(Decode("ISO_IR 126", Vr::kPN, "\xC4\xE9\xEF\xED\xF5\xF3\xE9\xEF\xF2"), Values{"Διονυσιος"});
  EXPECT_EQ(Decode("ISO_IR 144", Vr::kPN, "\xBB\xEE\xDA"), Values{"Люк"});
  EXPECT_EQ(Decode("ISO_IR 203", Vr::kLO, "\xA4"), Values{"€"});
  EXPECT_EQ(Decode("ISO 2022 IR 100\\ISO 2022 IR 144", Vr::kLO, "J\xE9r \x1b-L\xBB\xEE\xDA \x1b-A\xE9"), Values{"Jér Люк é"});
}

// ---- every code of every set

// What glibc reads and Python 3.11 doesn't, or otherwise. Key: set, code in hexadecimal digits.
const std::map<std::pair<std::string, std::string>, std::string> kDecided = {
    {{"ISO 2022 IR 159", "A2B7"}, "～"},   // Python: U+007E
    {{"ISO 2022 IR 149", "A2E8"}, "㉾"},   // added to KS X 1001 in 2002; Python's edition is older
    {{"ISO 2022 IR 149", "A4D4"}, "ㅤ"},  // the Hangul filler, which Python keeps for composed syllables
};

// Decodes one code of a set as a value would have it.
std::string DecodeCode(const std::string& set, std::string_view code) {
  static const std::map<std::string, std::string> kEscapes = {{"ISO 2022 IR 87", "\x1b$B"},
                                                              {"ISO 2022 IR 159", "\x1b$(D"},
                                                              {"ISO 2022 IR 149", "\x1b$)C"},
                                                              {"ISO 2022 IR 58", "\x1b$)A"}};
  const auto escape = kEscapes.find(set);
  std::string bytes = escape == kEscapes.end() ? "" : escape->second;
  const bool low = set == "ISO 2022 IR 87" || set == "ISO 2022 IR 159";
  for (const char c : code) bytes.push_back(low ? static_cast<char>(c & 0x7F) : c);
  // LT keeps whatever is in front; the frame keeps spaces.
  const Decoded decoded = DecodeAll(escape == kEscapes.end() ? set : "\\" + set, Vr::kLT, "[" + bytes + (low ? "\x1b(B]" : "]"));
  if (decoded.values.size() != 1 || decoded.values[0].size() < 2) return "?";
  return decoded.values[0].substr(1, decoded.values[0].size() - 2);
}

TEST(TextTest, EveryCodeIsWhatPythonReads) {
  size_t codes = 0;
  std::vector<std::string> different;
  for (const auto& row : ReadTable(SourceTree() / "tests" / "dicom" / "charset_tables.tsv")) {
    const std::vector<std::string> expected = Characters(row[2]);
    const bool single = row[1] == "-";
    unsigned second = single ? 0x80 : row[0] == "GBK" ? 0x40 : 0xA1;
    for (const std::string& character : expected) {
      std::string code = single ? "" : std::string(1, static_cast<char>(std::stoi(row[1], nullptr, 16)));
      code.push_back(static_cast<char>(second));
      ++codes;
      char name[32];
      std::snprintf(name, sizeof name, "%s%02X", single ? "" : row[1].c_str(), second);
      const auto decided = kDecided.find({row[0], name});
      const std::string wanted = decided == kDecided.end() ? character : decided->second;
      // Controls stand for themselves, but TIS 620 has none.
      if (!(single && second < 0xA0 && wanted == ".")) {
        const std::string got = DecodeCode(row[0], code);
        if (got.starts_with("\xEF\xBF\xBD") ? wanted != "\xEF\xBF\xBD" : got != wanted) {
          different.push_back(row[0] + " " + name + ": " + got + " wanted " + wanted);
        }
      }
      second += second == 0x7E && row[0] == "GBK" ? 2 : 1;
    }
  }
  EXPECT_GT(codes, 50000u);
  EXPECT_EQ(different, std::vector<std::string>());
}

TEST(TextTest, EverySupplementaryCodeOfGb18030IsRead) {
  // GB 18030 gives U+10000 and what follows to 90 30 81 30 and what follows, in order.
  for (uint32_t code = 0x10000; code <= 0x10FFFF; code += code < 0x10100 ? 1 : 97) {
    const uint32_t n = code - 0x10000;
    const std::string bytes = {static_cast<char>(0x90 + n / 12600), static_cast<char>(0x30 + n / 1260 % 10),
                               static_cast<char>(0x81 + n / 10 % 126), static_cast<char>(0x30 + n % 10)};
    const std::string expected = {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
                                  static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
    ASSERT_EQ(Decode("GB18030", Vr::kLO, bytes), Values{expected}) << std::hex << code;
  }
}

// ---- the terms of Specific Character Set

TEST(CharacterSetTest, TermsAreKnownInTheFieldsSpellings) {
  const std::map<std::string, std::vector<std::string>> spellings = {
      {"ISO_IR 100",
       {"ISO_IR_100", "ISO-IR 100", "ISO IR 100", "iso8859-1", "ISO-8859-1", "ISO 2022 IR 100", "ISO_IR 100 ", "iso_ir 100",
        "ISOIR100", "ISO_IR100", "ISO 8859-1", "ISO_2022_IR_100", "ISO 2022-IR 100"}},
      {"ISO_IR 192", {"UTF-8", "utf8", "ISO_IR_192", "ISO IR 192", "ISO 2022 IR 192", "ISO_IR 192\0"s}},
      {"GB18030", {"gb18030", "GB 18030", "GB-18030"}},
      {"GBK", {"gbk", "ISO 2022 GBK"}},
      {"\\ISO 2022 IR 87", {"\\ISO-2022-IR 87", "\\ISO_IR 87", "\\ISO 2022 IR 87 "}},
      {"\\ISO 2022 IR 58", {"\\ISO 2022 58", "\\GB2312"}},
      {"ISO_IR 6", {"", "ISO 2022 IR 6", "ISO_IR 6", "ASCII"}}};
  // Texts that the sets above read differently.
  const std::string texts[] = {"[\xE9\xB8\xAD]", "[\x1b$B;3ED\x1b(B]", "[\xD0\xA1\xB6\xAB]", "[\x81\x5C]"};
  for (const auto& [term, others] : spellings) {
    for (const std::string& other : others) {
      EXPECT_TRUE(CharacterSet(other).unknown().empty()) << other;
      for (const std::string& text : texts) {
        EXPECT_EQ(DecodeAll(other, Vr::kLO, text).values, DecodeAll(term, Vr::kLO, text).values) << other;
      }
    }
  }
}

TEST(CharacterSetTest, EveryDefinedTermOfTheStandardIsKnown) {
  for (const std::string number : {"100", "101", "109", "110", "144", "127", "126", "138", "148", "203", "13", "166"}) {
    EXPECT_TRUE(CharacterSet("ISO_IR " + number).unknown().empty()) << number;
    EXPECT_TRUE(CharacterSet("\\ISO 2022 IR " + number).unknown().empty()) << number;
  }
  EXPECT_TRUE(CharacterSet("ISO 2022 IR 6\\ISO 2022 IR 87\\ISO 2022 IR 159\\ISO 2022 IR 149\\ISO 2022 IR 58").unknown().empty());
}

TEST(CharacterSetTest, UnknownTermsAreNamedAndTakenAsTheDefault) {
  const CharacterSet set("ISO_IR 999\\ISO 2022 IR 87\\what");
  EXPECT_EQ(set.unknown(), (std::vector<std::string>{"ISO_IR 999", "what"}));
  EXPECT_EQ(set.value(), "ISO_IR 999\\ISO 2022 IR 87\\what");
  EXPECT_EQ(Decode("ISO_IR 999\\ISO 2022 IR 87", Vr::kLO, "a\x1b$B;3ED\x1b(B"), Values{"a山田"});
  for (const char* term : {"ISO", "2022", "IR", "ISO_IR", "ISO 2022 IR", "\x80\xFF", "1000"}) {
    EXPECT_EQ(CharacterSet(term).unknown().size(), 1u) << term;
  }
}

TEST(CharacterSetTest, SetsWithoutCodeExtensionsStandAlone) {
  EXPECT_EQ(CharacterSet("ISO_IR 192\\ISO 2022 IR 87").unknown(), Values{"ISO 2022 IR 87"});
  EXPECT_EQ(CharacterSet("\\ISO 2022 IR 87\\GB18030").unknown(), Values{"GB18030"});
  EXPECT_TRUE(CharacterSet("ISO 2022 IR 6\\ISO_IR 192").unknown().empty());
  EXPECT_EQ(Decode("ISO 2022 IR 6\\ISO_IR 192", Vr::kLO, "é"), Values{"é"});
}

// ---- code extensions

TEST(TextTest, EscapeSequencesOfSetsThatAreNotAnnouncedAreFollowed) {
  EXPECT_EQ(Decode("", Vr::kLO, "a\x1b$B;3ED\x1b(Bb"), Values{"a山田b"});
  EXPECT_EQ(Decode("ISO_IR 100", Vr::kLO, "\xE9\x1b$)C\xB1\xE6\x1b-A\xE9"), Values{"é길é"});
  EXPECT_EQ(Decode("", Vr::kLO, "\x1b-T\xA1\x1b)I\xB1"), Values{"กｱ"});
}

TEST(TextTest, SetsOfTwoBytesAreReadInG0AndG1) {
  EXPECT_EQ(Decode("", Vr::kLO, "\x1b$@;3ED\x1b(J"), Values{"山田"});
  EXPECT_EQ(Decode("", Vr::kLO, "\x1b$(B;3ED\x1b(B"), Values{"山田"});
  EXPECT_EQ(Decode("", Vr::kLO, "\x1b$)B\xBB\xB3\xC5\xC4"), Values{"山田"});
  EXPECT_EQ(Decode("", Vr::kLO, "\x1b$(C1f\x1b(B!"), Values{"길!"});
  EXPECT_EQ(Decode("", Vr::kLO, "\x1b$AUE\x1b(B!"), Values{"张!"});
}

TEST(TextTest, G0AndG1AreInvokedApart) {
  EXPECT_EQ(Decode("ISO 2022 IR 13\\ISO 2022 IR 87", Vr::kLO,
                   "\xB1\x1b$B;3\xB1"
                   "ED\x1b(J\xB1"),
            Values{"ｱ山ｱ田ｱ"});
}

TEST(TextTest, TheStateIsResetAtDelimiters) {
  // Behind a delimiter the bytes mean what the first term says: here Latin 1.
  for (const char* delimiter : {"\t", "\n", "\f", "\r"}) {
    EXPECT_EQ(Decode("ISO_IR 100\\ISO 2022 IR 144", Vr::kLT, "\x1b-L\xBB" + std::string(delimiter) + "\xE9"),
              Values{"Л" + std::string(delimiter) + "é"});
  }
  EXPECT_EQ(Decode("ISO_IR 100\\ISO 2022 IR 144", Vr::kLO, "\x1b-L\xBB\\\xE9"), (Values{"Л", "é"}));
  EXPECT_EQ(Decode("ISO_IR 100\\ISO 2022 IR 144", Vr::kPN, "\x1b-L\xBB^\xE9=\xE9"), Values{"Л^é=é"});
  EXPECT_EQ(Decode("ISO_IR 100\\ISO 2022 IR 144", Vr::kLO, "\x1b-L\xBB^=\xBB"), Values{"Л^=Л"});
  EXPECT_EQ(Decode("ISO_IR 100\\ISO 2022 IR 144", Vr::kLT, "\x1b-L\xBB\\\xBB"), Values{"Л\\Л"});
}

TEST(TextTest, ABackslashInsideACharacterIsNoDelimiter) {
  EXPECT_EQ(Decode("\\ISO 2022 IR 87", Vr::kLO, "\x1b$B%=%\\\x1b(B\\b"), (Values{"ソボ", "b"}));
  EXPECT_EQ(Decode("GBK", Vr::kLO, "\x81\x5C\\b"), (Values{"乗", "b"}));
  EXPECT_EQ(Decode("GB18030", Vr::kLO, "\x81\x5C\\\x81\x30\x81\x30"), (Values{"乗", "\xC2\x80"}));
  EXPECT_EQ(Decode("ISO_IR 192", Vr::kLO, "é\\b"), (Values{"é", "b"}));
}

TEST(TextTest, ADelimiterBehindAnUnfinishedSetIsOneAllTheSame) {
  // The writer forgot to go back to ASCII, but an ESC follows the delimiter.
  EXPECT_EQ(Decode("\\ISO 2022 IR 87", Vr::kPN, "\x1b$B;3ED^\x1b$BB@O:"), Values{"山田^太郎"});
  EXPECT_EQ(Decode("\\ISO 2022 IR 87", Vr::kLO, "\x1b$B;3ED\\\x1b$BB@O:"), (Values{"山田", "太郎"}));
}

TEST(TextTest, RomajiKeepsBackslashAndTilde) {
  EXPECT_EQ(Decode("ISO_IR 13", Vr::kLO, "\xB1~\\b"), (Values{"ｱ~", "b"}));
  EXPECT_EQ(Decode("ISO_IR 13", Vr::kLT, "\xB1~\\b"), Values{"ｱ~\\b"});
  EXPECT_EQ(Decode("", Vr::kLT, "\x1b(J~\\b"), Values{"~\\b"});
}

// ---- what has no meaning

TEST(TextTest, BytesWithoutMeaningAreReplacedAndCounted) {
  const struct {
    const char* set;
    const char* bytes;
    const char* text;
    uint32_t replaced;
  } cases[] = {
      {"ISO_IR 192",
       "a\xE9"
       "b",
       "a�b", 1},
      {"ISO_IR 192", "\xE5\xB0", "�", 2},
      {"ISO_IR 192", "\xED\xA0\x80", "���", 3},
      {"ISO_IR 192", "\xF4\x90\x80\x80!", "����!", 4},
      {"ISO_IR 126", "a\xFF", "a�", 1},
      {"ISO_IR 13", "\xA0z\xE0 \xFDz\xB1", "�z� �zｱ", 3},
      {"ISO_IR 166", "\xDB", "�", 1},
      {"\\ISO 2022 IR 149", "\x1b$)C\xB1", "�", 1},
      {"\\ISO 2022 IR 149", "\x1b$)C\xB1z\xB1\xE6", "�z길", 1},
      {"\\ISO 2022 IR 149", "\x1b$)C\xFE\xFE\xB1\xE6", "�길", 2},
      {"\\ISO 2022 IR 87", "\x1b$B;3~~ED\x1b(B", "山�田", 2},
      {"\\ISO 2022 IR 87", "\x1b$B;\x1b(Bb", "�b", 1},
      {"\\ISO 2022 IR 159", "\x1b$(D!!0!\x1b(B", "�丂", 2},
      {"GBK", "\x81", "�", 1},
      {"GBK", "a\xFF", "a�", 1},
      {"GBK",
       "\x81\x20"
       "b",
       "� b", 1},
      {"GB18030", "\x84\x31\xFF", "�1�", 2},
      {"", "a\x1b", "a�", 1},
      {"", "\x1b(Zb", "�(Zb", 1},
      {"ISO_IR 100", "\x1b$", "�$", 1},
      {"ISO_IR 100", "\x1b-", "�-", 1},
      {"ISO_IR 100", "\x1b$(", "�$(", 1},
  };
  for (const auto& c : cases) {
    const Decoded decoded = DecodeAll(c.set, Vr::kLO, c.bytes);
    EXPECT_EQ(decoded.values, Values{c.text}) << c.set;
    EXPECT_EQ(decoded.replaced, c.replaced) << c.set << " " << c.text;
  }
}

TEST(TextTest, HighBytesInTheDefaultRepertoireAreGuessedAndCounted) {
  const Decoded utf8 = DecodeAll("", Vr::kLO, "J\xC3\xA9r\\J\xE9r");
  EXPECT_EQ(utf8.values, (Values{"Jér", "Jér"}));
  EXPECT_EQ(utf8.replaced, 3u);
  const Decoded mixed = DecodeAll("", Vr::kLO, "\xC3\xA9 \xE9");
  EXPECT_EQ(mixed.values, Values{"Ã© é"});
  EXPECT_EQ(mixed.replaced, 3u);
}

TEST(TextTest, HighBytesWithoutTheirEscapeSequenceAreOfTheAnnouncedSet) {
  const Decoded decoded =
      DecodeAll("\\ISO 2022 IR 149", Vr::kPN, "Hong^Gildong=\x1b$)C\xFB\xF3^\xD1\xCE\xD4\xD7=\xC8\xAB^\xB1\xE6\xB5\xBF");
  EXPECT_EQ(decoded.values, Values{"Hong^Gildong=洪^吉洞=홍^길동"});
  EXPECT_EQ(decoded.replaced, 10u);
}

TEST(TextTest, ShiftJisUnderTheNameOfIsoIr13IsGuessedAndCounted) {
  const Decoded decoded = DecodeAll("ISO_IR 13", Vr::kPN, "\x8E\x52\x93\x63^\x83\x5C\xB1\xFF");
  EXPECT_EQ(decoded.values, Values{"山田^ソｱ�"});
  EXPECT_EQ(decoded.replaced, 7u);
}

TEST(TextTest, VrsWithoutACharacterSetAreInTheDefaultRepertoire) {
  EXPECT_EQ(DecodeAll("ISO_IR 144", Vr::kCS, "\xBB").values, Values{"»"});
  EXPECT_EQ(DecodeAll("GBK", Vr::kCS, "\x81\\B").values, (Values{"\xC2\x81", "B"}));
}

// ---- values

TEST(TextTest, ValuesAreSplitWhereTheVrHasSeveral) {
  EXPECT_EQ(Decode("", Vr::kLO, "a\\b\\\\c"), (Values{"a", "b", "", "c"}));
  EXPECT_EQ(Decode("", Vr::kLO, "\\"), (Values{"", ""}));
  EXPECT_EQ(Decode("", Vr::kUC, "a\\b"), (Values{"a", "b"}));
  for (const Vr vr : {Vr::kLT, Vr::kST, Vr::kUT, Vr::kUR}) EXPECT_EQ(Decode("", vr, "a\\b"), Values{"a\\b"});
}

TEST(TextTest, PaddingIsRemoved) {
  EXPECT_EQ(Decode("", Vr::kLO, "  a b \\ c"), (Values{"a b", "c"}));
  EXPECT_EQ(Decode("", Vr::kUI, "1.2.3\0"s), Values{"1.2.3"});
  EXPECT_EQ(Decode("", Vr::kLT, "  a \0 "s), Values{"  a"});
  EXPECT_EQ(Decode("", Vr::kPN, " a "), Values{" a"});
  EXPECT_EQ(Decode("ISO_IR 100", Vr::kLO, " \xE9 \\ \xE9"), (Values{"é", "é"}));
  EXPECT_EQ(Decode("GBK", Vr::kLO, " \xCD\xF5 \\ "), (Values{"王", ""}));
  EXPECT_EQ(Decode("", Vr::kLO, "\x1b$B;3\x1b(B  "), Values{"山"});
  EXPECT_EQ(Decode("", Vr::kLO, "  "), Values{""});
  EXPECT_EQ(Decode("", Vr::kLO, ""), Values{});
}

TEST(TextTest, NothingOfAnElementIsLeftForTheNextOne) {
  TextDecoder decoder;
  DecodedText text;
  decoder.Decode(CharacterSet("ISO_IR 100"), Vr::kLO, "\x1b$B;3", text);
  decoder.Decode(CharacterSet("ISO_IR 100"), Vr::kLO, ";3\\\xE9", text);
  ASSERT_EQ(text.values.size(), 2u);
  EXPECT_EQ(text.value(0), ";3");
  EXPECT_EQ(text.value(1), "é");
  EXPECT_EQ(text.text, ";3é");
  decoder.Decode(CharacterSet(), Vr::kLO, "", text);
  EXPECT_TRUE(text.values.empty());
  EXPECT_TRUE(text.text.empty());
}

TEST(TextTest, LongTextIsReadInLinearTime) {
  // Each byte fails: a conversion that begins anew with all that follows would take minutes.
  const std::string bytes(1 << 18, '\xFF');
  for (const char* set : {"", "ISO_IR 192", "GB18030", "GBK", "ISO_IR 13", "\\ISO 2022 IR 149"}) {
    DecodeAll(set, Vr::kUT, bytes);
  }
  std::string pairs = "\x1b$B";
  while (pairs.size() < 1 << 18) pairs += "~~";
  EXPECT_EQ(DecodeAll("", Vr::kUT, pairs).replaced, pairs.size() - 3);
}

TEST(IsPlainAsciiTest, HighBytesAndEscapesAreSeenAnywhere) {
  for (size_t size = 0; size < 40; ++size) {
    std::string text(size, 'x');
    EXPECT_TRUE(IsPlainAscii(text));
    EXPECT_TRUE(IsPlainAscii(std::string(size, '\0')));
    EXPECT_TRUE(IsPlainAscii(std::string(size, '\x7F')));
    for (size_t i = 0; i < size; ++i) {
      for (int byte = 0; byte < 256; ++byte) {
        text[i] = static_cast<char>(byte);
        ASSERT_EQ(IsPlainAscii(text), byte < 0x80 && byte != 0x1B) << size << " " << i << " " << byte;
      }
      text[i] = 'x';
    }
  }
}

TEST(TextTest, AnyBytesInAnySetGiveValidUtf8) {
  const std::string sets[] = {"",
                              "ISO_IR 100",
                              "ISO_IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
                              "\\ISO 2022 IR 149",
                              "\\ISO 2022 IR 58",
                              "ISO_IR 192",
                              "GBK",
                              "GB18030",
                              "ISO_IR 166",
                              "ISO_IR 127\\ISO 2022 IR 149",
                              "ISO_IR 149",
                              "no\\such"};
  const std::string pieces[] = {"\x1b$B",  "\x1b(B", "\x1b(J", "\x1b)I", "\x1b$(D", "\x1b$)C",
                                "\x1b$)A", "\x1b-A", "\x1b-T", "\x1b",   "\\",      "^",
                                "=",       "\r\n",   "  ",     "\0"s,    "山田",    "\x81\x30\x81\x30"};
  std::mt19937 random(20260101);
  TextDecoder decoder;
  DecodedText text;
  for (int round = 0; round < 30000; ++round) {
    const CharacterSet set(sets[random() % std::size(sets)]);
    const auto vr = static_cast<Vr>(random() % kVrCount);
    std::string bytes;
    for (size_t n = random() % 24; n > 0; --n) {
      if (random() % 3 == 0) {
        bytes += pieces[random() % std::size(pieces)];
      } else {
        bytes.push_back(static_cast<char>(random() % 4 == 0 ? random() % 128 : random() % 256));
      }
    }
    decoder.Decode(set, vr, bytes, text);
    ASSERT_TRUE(IsValidUtf8(text.text)) << set.value() << " " << ::testing::PrintToString(bytes);
    ASSERT_EQ(text.values.empty(), bytes.empty());
    uint32_t end = 0;
    for (size_t i = 0; i < text.values.size(); ++i) {
      ASSERT_EQ(text.values[i].first, end);
      end = text.values[i].second;
      ASSERT_TRUE(IsValidUtf8(text.value(i)));
    }
    ASSERT_EQ(end, text.text.size());
  }
}

// ---- files of others

struct FileElement {
  uint32_t tag;
  Vr vr;
  std::string_view bytes;
};

uint32_t LittleEndian(std::string_view bytes, size_t at, size_t size) {
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  return value;
}

// The elements outside of sequences of a Part 10 file in explicit or implicit VR little endian; those before the first
// sequence of undefined length. Enough for the files of this test.
std::vector<FileElement> TopLevelElements(std::string_view file) {
  std::vector<FileElement> elements;
  bool implicit = false;
  for (size_t at = 132; at + 12 <= file.size();) {
    const uint32_t tag = LittleEndian(file, at, 2) << 16 | LittleEndian(file, at + 2, 2);
    const bool has_vr = !implicit || tag >> 16 == 2;
    Vr vr = has_vr ? VrFromBytes(static_cast<uint8_t>(file[at + 4]), static_cast<uint8_t>(file[at + 5])) : Vr::kNone;
    size_t length = LittleEndian(file, at + 4, 4);
    size_t begin = at + 8;
    if (has_vr && HasLongLength(vr)) {
      length = LittleEndian(file, at + 8, 4);
      begin = at + 12;
    } else if (has_vr) {
      length = LittleEndian(file, at + 6, 2);
    }
    const ElementEntry* entry = FindElement(tag);
    if (!has_vr && entry != nullptr) vr = entry->vr;
    if (length > file.size() - begin) break;
    elements.push_back({tag, vr, file.substr(begin, length)});
    if (tag == 0x00020010) implicit = elements.back().bytes == "1.2.840.10008.1.2\0"sv;
    at = begin + length;
  }
  return elements;
}

std::string Command(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, n);
  pclose(pipe);
  return output;
}

// A value of the DICOM JSON model as text.
std::string JsonText(const base::Json& value) {
  if (!value.is_object()) return value.as_string();
  std::string text =
      value["Alphabetic"].as_string() + "=" + value["Ideographic"].as_string() + "=" + value["Phonetic"].as_string();
  while (text.ends_with('=')) text.pop_back();
  // pydicom 2.3.1 leaves the escape sequence of GB 2312 where it is.
  for (size_t at; (at = text.find("\x1b$)A")) != std::string::npos;) text.erase(at, 4);
  return text;
}

Values JsonValues(const base::Json& element) {
  Values values;
  for (const base::Json& value : element["Value"].array()) values.push_back(JsonText(value));
  return values;
}

// Compares every text of the file with what pydicom read. Returns the number of values with more than ASCII.
size_t CompareWithOracle(const std::string& name, const base::Json& oracle) {
  const std::string file = ReadWholeFile(SharedCorpora() / "public" / name);
  std::string set;
  size_t beyond_ascii = 0;
  for (const FileElement& element : TopLevelElements(file)) {
    if (element.tag == 0x00080005) set = element.bytes;
    if (!UsesCharacterSet(element.vr) || element.tag >> 16 == 2) continue;
    char tag[16];
    std::snprintf(tag, sizeof tag, "%08X", element.tag);
    Values values = Decode(set, element.vr, element.bytes);
    for (std::string& value : values) {
      while (element.vr == Vr::kPN && value.ends_with('=')) value.pop_back();
      beyond_ascii += !IsPlainAscii(value);
    }
    EXPECT_EQ(values, JsonValues(oracle["dataset"][tag])) << name << " " << tag;
  }
  return beyond_ascii;
}

TEST(TextTest, FilesOfOthersAreReadAsPydicomReadsThem) {
  const auto archive = SharedCorpora() / "public" / "oracle" / "pydicom.tar.zst";
  if (!std::filesystem::exists(archive)) GTEST_SKIP() << "no corpus at " << archive;
  const std::string unpack = "zstd -dcq '" + archive.string() + "' | tar xOf - ";
  size_t files = 0;
  for (const char* file :
       {"pydicom/charset_files/chrArab.dcm", "pydicom/charset_files/chrFren.dcm", "pydicom/charset_files/chrFrenMulti.dcm",
        "pydicom/charset_files/chrGerm.dcm", "pydicom/charset_files/chrGreek.dcm", "pydicom/charset_files/chrH31.dcm",
        "pydicom/charset_files/chrH32.dcm", "pydicom/charset_files/chrHbrw.dcm", "pydicom/charset_files/chrI2.dcm",
        "pydicom/charset_files/chrJapMulti.dcm", "pydicom/charset_files/chrJapMultiExplicitIR6.dcm",
        "pydicom/charset_files/chrKoreanMulti.dcm", "pydicom/charset_files/chrRuss.dcm", "pydicom/charset_files/chrX1.dcm",
        "pydicom/charset_files/chrX2.dcm", "fo-dicom/charset/chrGB2312.dcm"}) {
    const auto oracle = base::Json::Parse(Command(unpack + file + ".pydicom.json"));
    if (!oracle.ok()) GTEST_SKIP() << "the oracle can't be unpacked (zstd and tar are needed)";
    EXPECT_GT(CompareWithOracle(file, *oracle), 0u) << file;
    ++files;
  }
  EXPECT_EQ(files, 16u);
}

}  // namespace
}  // namespace dicomhouse::dicom
