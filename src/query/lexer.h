// GoogleSQL text to tokens, with line and column. Strings are decoded, comments dropped (among them the first lines
// #standardSQL and #legacySQL: what is supported of legacy SQL, its table names, is known by its form), brackets matched.
// GoogleSQL reference: "Lexical structure and syntax".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dicomhouse::query {

// A place in the user's text, both from 1; columns count bytes.
struct Position {
  int line = 1;
  int column = 1;
};

enum class TokenKind : uint8_t {
  kName,        // unquoted: a keyword or an identifier
  kQuotedName,  // in back-quotes; `text` is what they hold
  kString,      // decoded, UTF-8
  kBytes,       // decoded
  kInteger,
  kFloat,
  kBadNumber,  // digits followed by letters: only a part of a dashed project name can be that
  kParameter,  // @name, @@name, ?
  kSymbol,
  kEnd,  // always the last token
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // decoded
  size_t begin = 0;  // bytes [begin, end) of the statement
  size_t end = 0;
  Position at;
  size_t match = 0;  // of a bracket ( [ { or its partner: the partner's index

  bool is(std::string_view symbol) const { return kind == TokenKind::kSymbol && text == symbol; }
};

// Errors, with line:column: kInvalidArgument (a character, an escape, a string without end, brackets that do not match);
// kLimit (length, depth of brackets).
base::Result<std::vector<Token>> Lex(std::string_view sql);

// "3:14: ", how every message of this module begins.
std::string Where(Position at);
base::Error ErrorAt(Position at, std::string message, base::ErrorCode code = base::ErrorCode::kInvalidArgument);

// Is the token this keyword, unquoted and in any case? `upper` in upper case.
bool IsKeyword(const Token& token, std::string_view upper);

std::string ToUpper(std::string_view text);
std::string ToLower(std::string_view text);

}  // namespace dicomhouse::query
