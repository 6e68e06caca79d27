#include "base/text.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace dicomhouse::base {
namespace {

TEST(Base64, IsThatOfTheRfcBothWays) {  // RFC 4648 §10
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(Base64(bytes), text);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
  for (const char* wrong : {"Z", "Zg", "Zg=", "Z===", "====", "Zm=v", "Zg==Zg==", "Zm9v\n", "Zm-v"}) {
    EXPECT_FALSE(DecodeBase64(wrong)) << wrong;
  }
}

// A shell is the oracle.
TEST(ShellWord, IsOneWordForAShell) {
  for (const std::string text : {"plain", "", "a b", "it's", "\"", "$HOME", "`id`", "back\\slash", "!", "*", "~", "a\nb", "ü",
                                 "#x", "a;b", "a'b\"c$d`e\\f!g"}) {
    FILE* shell = ::popen(("printf '<%s>' " + ShellWord(text)).c_str(), "r");
    std::string out;
    for (int c = std::fgetc(shell); c != EOF; c = std::fgetc(shell)) out += static_cast<char>(c);
    EXPECT_EQ(::pclose(shell), 0);
    EXPECT_EQ(out, "<" + text + ">");
  }
  EXPECT_EQ(ShellWord("/data/a.dcm"), "/data/a.dcm");
}

TEST(EscapedMarkup, CanNeitherOpenATagNorEndAnAttribute) {
  EXPECT_EQ(EscapedMarkup("<b a=\"x\">&amp;é"), "&lt;b a=&quot;x&quot;&gt;&amp;amp;é");
}

TEST(EscapedMarkup, HasNoCharacterThatXmlForbids) {  // XML 1.0 §2.2
  EXPECT_EQ(EscapedMarkup(std::string_view("a\0b\x1F\n\x7F", 6)), "a b  \x7F");
}

TEST(IsUtf8, RefusesWhatIsCutOrOverlong) {
  EXPECT_TRUE(IsUtf8("aé漢😀"));
  for (const char* wrong : {"\xFF", "\xC3", "\xC0\xAF", "\xED\xA0\x80"}) EXPECT_FALSE(IsUtf8(wrong));
}

TEST(Utf8Escaped, ShowsEachByteThatBelongsToNoCharacterAndKeepsTheRest) {
  EXPECT_EQ(Utf8Escaped("plain and \xC3\xA9"), "plain and \xC3\xA9");
  EXPECT_EQ(Utf8Escaped("\xC3\xA9 \xE9"), "\xC3\xA9 \\xE9");
  EXPECT_EQ(Utf8Escaped("cut \xE2\x82"), "cut \\xE2\\x82");
  EXPECT_EQ(Utf8Escaped("\xED\xA0\x80"), "\\xED\\xA0\\x80");  // a surrogate
  EXPECT_EQ(Utf8Escaped(""), "");
}

// The table of RFC 3629 §4, by its edges; the oracle is simdjson's validation.
TEST(FirstCharacter, IsThereWhereTheTextIsUtf8AndComesBackByAppendUtf8) {
  for (const char32_t code : {0x0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF}) {
    std::string text;
    AppendUtf8(text, code);
    EXPECT_TRUE(IsUtf8(text)) << static_cast<uint32_t>(code);
    const Utf8Character character = FirstCharacter(text + "\x80");
    EXPECT_EQ(character.code, code);
    EXPECT_EQ(character.length, text.size());
    EXPECT_EQ(FirstCharacter(text.substr(0, text.size() - 1)).length, 0U);  // cut
  }
  std::string bytes(4, '\0');
  for (uint32_t lead = 0x80; lead < 0x100; ++lead) {
    for (uint32_t second = 0; second < 0x100; ++second) {
      for (size_t length = 1; length <= 4; ++length) {
        bytes = {static_cast<char>(lead), static_cast<char>(second), '\x80', '\xBF'};
        bytes.resize(length);
        EXPECT_EQ(FirstCharacter(bytes).length == length, IsUtf8(bytes)) << lead << " " << second << " " << length;
      }
    }
  }
  EXPECT_EQ(FirstCharacter("").length, 0U);
}

TEST(MatchesWildcard, AStarIsAnyTextAndAQuestionMarkOneCharacter) {
  EXPECT_TRUE(MatchesWildcard("A*B?D", "AxxBcD"));
  EXPECT_FALSE(MatchesWildcard("A*B?D", "AxxBD"));
  EXPECT_TRUE(MatchesWildcard("?", "é"));
  EXPECT_FALSE(MatchesWildcard("??", "é"));
  EXPECT_FALSE(MatchesWildcard("*??", "é"));
  EXPECT_TRUE(MatchesWildcard("*", ""));
  EXPECT_FALSE(MatchesWildcard("?", ""));
  EXPECT_TRUE(MatchesWildcard("*ab*ab", "xabyabab"));
  EXPECT_FALSE(MatchesWildcard("a", "ab"));
}

TEST(MatchesWildcard, ManyStarsAreNoTrap) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*b";
  EXPECT_TRUE(MatchesWildcard(pattern, std::string(5000, 'b')));
  EXPECT_FALSE(MatchesWildcard(pattern + "a", std::string(5000, 'b')));
}

}  // namespace
}  // namespace dicomhouse::base
