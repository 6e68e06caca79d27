#include "query/lexer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"

namespace dicomhouse::query {
namespace {

std::string Texts(std::string_view sql) {
  const auto lexed = Lex(sql);
  if (!lexed.ok()) return "error: " + lexed.error().message;
  std::string out;
  for (const Token& token : *lexed) {
    if (token.kind != TokenKind::kEnd) out += (out.empty() ? "" : "|") + token.text;
  }
  return out;
}

TEST(Lexer, DecodesStringsOfEveryForm) {
  EXPECT_EQ(Texts(R"('a\'b' "c\"d" '''e'
f''' """g""" r'\n' R"\"" rb'\x' b'\x41\101' '\u00e9\U0001F600\x41\t')"),
            "a'b|c\"d|e'\nf|g|\\n|\\\"|\\x|AA|é😀A\t");
  EXPECT_EQ(Texts("`a b.c`"), "a b.c");
}

TEST(Lexer, DropsComments) { EXPECT_EQ(Texts("#legacySQL\na # x\n-- y\n/* z\n */ b--"), "a|b"); }

TEST(Lexer, KnowsNumbers) {
  EXPECT_EQ(Texts("1 1.5 .5 1e3 1.e-2 0x1F 12.a t.1"), "1|1.5|.5|1e3|1.e-2|0x1F|12|.|a|t|.|1");
  EXPECT_EQ((*Lex("12ab"))[0].kind, TokenKind::kBadNumber);
}

TEST(Lexer, CountsLinesAndColumns) {
  const auto lexed = Lex("a\n  b /* \n */ c");
  ASSERT_TRUE(lexed.ok());
  EXPECT_EQ(Where((*lexed)[1].at), "2:3: ");
  EXPECT_EQ(Where((*lexed)[2].at), "3:5: ");
}

TEST(Lexer, RefusesWithLineAndColumn) {
  EXPECT_EQ(Texts("\n 'abc"), "error: 2:2: a string or name that is never closed");
  EXPECT_EQ(Texts("'a\nb'"), "error: 1:1: a string or name that ends with its line: close it, or use '''three quotes'''");
  EXPECT_EQ(Texts("a /* b"), "error: 1:3: a comment that is never closed");
  EXPECT_EQ(Texts("(a]"), "error: 1:3: \"]\" closes nothing");
  EXPECT_EQ(Texts("a("), "error: 1:2: \"(\" is never closed");
  EXPECT_EQ(Texts("'\\q'"),
            "error: 1:2: an escape that GoogleSQL does not have; write \\\\ for a backslash, or r'...' for a raw string");
  EXPECT_EQ(Texts("'\\ud800'"), "error: 1:2: an escape that is no character");
  EXPECT_EQ(Texts("'\xff'"), "error: 1:1: a string or name that is not valid UTF-8");
  EXPECT_EQ(Texts("'\\000'"), "error: 1:1: a zero character in a string or name is not supported");
  EXPECT_EQ(Texts(std::string("a\0b", 3)), "error: 1:2: unexpected control character");
  EXPECT_EQ(Texts("a $ b"), "error: 1:3: unexpected character \"$\"");
  EXPECT_EQ(Texts("é"), "error: 1:1: unexpected character \"é\": letters outside ASCII belong in `back-quotes` or in strings");
  EXPECT_EQ(Texts("\xc0\x80"), "error: 1:1: the statement is not valid UTF-8");
}

TEST(Lexer, LimitsLengthAndDepth) {
  EXPECT_EQ(Lex(std::string(base::kMaxStatementBytes + 1, ' ')).error().code, base::ErrorCode::kLimit);
  EXPECT_EQ(Lex(std::string(1000, '(') + std::string(1000, ')')).error().code, base::ErrorCode::kLimit);
}

}  // namespace
}  // namespace dicomhouse::query
