// Expressions: literals, names, operators, subscripts, brackets, types. One pass over the tokens; brackets recurse.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "query/internal/translator.h"

namespace dicomhouse::query::internal {
namespace {

constexpr int kMaxTypeDepth = 20;

// Keywords that mean the same in both languages.
constexpr std::array<std::string_view, 24> kPlain = {"AND",  "OR",    "NOT",   "IS",   "NULL",     "TRUE", "FALSE", "BETWEEN",
                                                     "CASE", "WHEN",  "THEN",  "ELSE", "END",      "IN",   "ASC",   "DESC",
                                                     "LIKE", "NULLS", "FIRST", "LAST", "DISTINCT", "FROM", "ANY",   "ALL"};
// Keywords of GoogleSQL that cannot stand in an expression; a column of such a name needs back-quotes.
constexpr std::array<std::string_view, 42> kForbidden = {
    "AS",        "BY",        "COLLATE", "CREATE",    "CROSS",  "CUBE",    "CURRENT", "DEFAULT", "ESCAPE",
    "EXCEPT",    "EXCLUDE",   "FETCH",   "FOR",       "FULL",   "GROUP",   "HAVING",  "INNER",   "INTERSECT",
    "INTO",      "JOIN",      "LATERAL", "LIMIT",     "MERGE",  "NATURAL", "ON",      "ORDER",   "OUTER",
    "PARTITION", "QUALIFY",   "RANGE",   "RECURSIVE", "ROLLUP", "SELECT",  "SET",     "SOME",    "TABLESAMPLE",
    "UNION",     "UNBOUNDED", "USING",   "WHERE",     "WINDOW", "WITH"};

template <size_t N>
bool Contains(const std::array<std::string_view, N>& words, std::string_view upper) {
  return std::find(words.begin(), words.end(), upper) != words.end();
}

struct TypeName {
  std::string_view google;
  std::string_view engine;
};
constexpr std::array<TypeName, 18> kTypes = {{{"INT64", "BIGINT"},
                                              {"INT", "BIGINT"},
                                              {"INTEGER", "BIGINT"},
                                              {"BIGINT", "BIGINT"},
                                              {"SMALLINT", "BIGINT"},
                                              {"TINYINT", "BIGINT"},
                                              {"BYTEINT", "BIGINT"},
                                              {"FLOAT64", "DOUBLE"},
                                              {"NUMERIC", "DECIMAL(38, 9)"},
                                              {"DECIMAL", "DECIMAL(38, 9)"},
                                              {"STRING", "VARCHAR"},
                                              {"BYTES", "BLOB"},
                                              {"BOOL", "BOOLEAN"},
                                              {"BOOLEAN", "BOOLEAN"},
                                              {"DATE", "DATE"},
                                              {"TIME", "TIME"},
                                              {"DATETIME", "TIMESTAMP"},
                                              {"TIMESTAMP", "TIMESTAMPTZ"}}};

}  // namespace

base::Result<SqlText> Translator::Expression(Range range, const Scope* scope) {
  if (range.empty()) return Unexpected(range.begin, "an expression");
  SqlText out;
  size_t operand = 0;
  size_t i = range.begin;
  bool divides = false;
  size_t days_end = range.end + 1;
  while (i < range.end) {
    const bool slash = token(i).is("/");
    DH_ASSIGN(const DayShift shift, CheckOperator(i, range, scope));
    // Days as GoogleSQL adds them are INT64, which the engine adds to no date.
    if (shift == DayShift::kRight) days_end = OperandAfter(range, i + 1);
    if (shift == DayShift::kLeft) {
      out.Insert(operand, "CAST(");
      out.Add(" AS INTEGER)");
    }
    DH_CHECK(Primary(i, range, scope, out, operand));
    if (i == days_end) {
      out.Insert(operand, "CAST(");
      out.Add(" AS INTEGER)");
    }
    divides = divides || slash;
    if (divides && !slash) GuardDivisor(i, range, out, operand, divides);
  }
  DH_CHECK(CheckSize(out, range.begin));
  return out;
}

// GoogleSQL's x / 0 is an error; the engine would give infinity. `index`: behind the token just translated.
void Translator::GuardDivisor(size_t index, Range range, SqlText& out, size_t operand, bool& divides) const {
  if (!EndsOperand(range, index - 1)) return;  // a sign
  const bool more = index < range.end && (token(index).is(".") || token(index).is("[") || Keyword(index, "OVER"));
  if (more) return;
  divides = false;
  const std::string divisor = out.sql.substr(operand);
  const bool number = divisor.find_first_not_of("0123456789.:BIGNTe") == std::string::npos;
  if (number && divisor.find_first_of("123456789") != std::string::npos) return;
  out.Insert(operand, "(CASE WHEN " + divisor + " = 0 THEN error('division by zero; SAFE_DIVIDE gives NULL') ELSE ");
  out.Add(" END)");
}

// One token with what belongs to it. `operand`: where in `out` the last operand begins, for subscripts.
base::Status Translator::Primary(size_t& index, Range range, const Scope* scope, SqlText& out, size_t& operand) {
  const Token& one = token(index);
  out.Mark(one.at);
  switch (one.kind) {
    case TokenKind::kName:
    case TokenKind::kQuotedName:
      return Name(index, range, scope, out, operand);
    case TokenKind::kSymbol:
      return Symbol(index, range, scope, out, operand);
    case TokenKind::kString:
    case TokenKind::kBytes: {
      if (!out.sql.empty() && out.sql.back() != '(') out.Add(" ");
      operand = out.sql.size();
      if (one.kind == TokenKind::kBytes) {
        std::string hex;
        for (const char c : one.text) {
          std::array<char, 3> pair{};
          std::snprintf(pair.data(), pair.size(), "%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
          hex += pair.data();
        }
        out.Add("unhex('" + hex + "')");
      } else {
        out.Add(QuoteString(one.text));
        // GoogleSQL's LIKE always has the backslash as its escape.
        if (index > range.begin && Keyword(index - 1, "LIKE") && one.text.find('\\') != std::string::npos)
          out.Add(" ESCAPE '\\'");
      }
      ++index;
      return {};
    }
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      if (!out.sql.empty() && out.sql.back() != '(') out.Add(" ");
      operand = out.sql.size();
      return Number(index++, out);
    case TokenKind::kBadNumber:
      return ErrorAt(one.at, "a number followed by letters: " + one.text);
    case TokenKind::kParameter:
      return Unsupported(index, "the query parameter " + one.text, "write the value into the statement");
    case TokenKind::kEnd:
      break;
  }
  return Unexpected(index, "an expression");
}

base::Status Translator::Number(size_t index, SqlText& out) const {
  const std::string& text = token(index).text;
  if (token(index).kind == TokenKind::kFloat) {
    // With an exponent it is a DOUBLE to the engine; without, it would be a DECIMAL.
    out.Add(text.find_first_of("eE") == std::string::npos ? text + "e0" : text);
    return {};
  }
  const bool hex = text.size() > 2 && (text[1] == 'x' || text[1] == 'X');
  uint64_t value = 0;
  const char* begin = text.data() + (hex ? 2 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size())
    return ErrorAt(token(index).at, "an integer out of range: " + text);
  const bool large = value > static_cast<uint64_t>(INT64_MAX);
  if (large && hex) return ErrorAt(token(index).at, "an integer out of range: " + text);
  // INT64 in GoogleSQL; the engine would take 32 bits. The one larger number that can be right is -9223372036854775808.
  out.Add(std::to_string(value) + (large ? "" : "::BIGINT"));
  return {};
}

base::Status Translator::Symbol(size_t& index, Range range, const Scope* scope, SqlText& out, size_t& operand) {
  const Token& one = token(index);
  const bool after = EndsOperand(range, index - 1) && index > range.begin;
  if (one.is("(")) {
    if (!out.sql.empty() && out.sql.back() != '(') out.Add(" ");
    operand = out.sql.size();
    return Bracket(index, scope, out);
  }
  if (one.is("[")) {
    if (after) return Subscript(index, scope, out, operand);
    operand = out.sql.size();
    out.AddWord("[");
    const Range inside{index + 1, one.match};
    index = one.match + 1;
    if (!inside.empty()) {
      DH_ASSIGN(const SqlText text, Expression(inside, scope));
      out.Add(text);
    }
    out.Add("]");
    return {};
  }
  if (one.is(".")) {
    if (!after || !IsName(index + 1) || index + 1 >= range.end) return Unexpected(index + 1, "a field's name");
    out.Add("." + QuoteName(token(index + 1).text));
    index += 2;
    return {};
  }
  static constexpr std::array<std::string_view, 17> kSame = {
      "+", "-", "*", "/", "=", "<", ">", "<=", ">=", "<>", "!=", "||", "<<", "&", "|", ",", "~"};
  if (!Contains(kSame, one.text)) {
    return Unsupported(index, "\"" + one.text + "\" here", one.is("^") ? "write BIT_XOR or another form" : "");
  }
  // To the engine a ~ between two values is a pattern match; GoogleSQL has it only before one.
  if (one.is("~") && after) return Unexpected(index, "an operator");
  out.AddWord(one.text);
  if (one.is(">") && token(index + 1).is(">") && token(index + 1).begin == one.end) {
    out.Add(">");
    ++index;
  }
  out.Add(one.is(",") || !after ? "" : " ");
  // "- -1" must not become a comment.
  if (!after && (one.is("-") || one.is("+"))) out.Add(" ");
  ++index;
  return {};
}

// ( ... ): a query or expressions.
base::Status Translator::Bracket(size_t& index, const Scope* scope, SqlText& out) {
  const Range inside{index + 1, token(index).match};
  const bool query = IsQuery(index);
  DH_ASSIGN(const SqlText text, query ? ScalarQuery(inside, scope) : Expression(inside, scope));
  out.Add("(");
  out.Add(text);
  out.Add(")");
  index = inside.end + 1;
  return {};
}

// a[OFFSET(n)], a[ORDINAL(n)], their SAFE_ forms, a[n].
base::Status Translator::Subscript(size_t& index, const Scope* scope, SqlText& out, size_t operand) {
  Range inside{index + 1, token(index).match};
  const size_t after = inside.end + 1;
  bool safe = false;
  bool from_one = false;
  if (token(inside.begin + 1).is("(") && token(inside.begin + 1).match + 1 == inside.end) {
    const std::string word = ToUpper(token(inside.begin).text);
    const bool known = word == "OFFSET" || word == "SAFE_OFFSET" || word == "ORDINAL" || word == "SAFE_ORDINAL";
    safe = word.starts_with("SAFE_");
    from_one = word.ends_with("ORDINAL");
    if (known) inside = {inside.begin + 2, inside.end - 1};
  }
  DH_ASSIGN(const SqlText place, Expression(inside, scope));
  const bool literal = inside.size() == 1 && token(inside.begin).kind == TokenKind::kInteger;
  const std::string number = from_one ? "(" + place.sql + ")" : "((" + place.sql + ") + 1)";
  const std::string array = out.sql.substr(operand);
  // The engine counts from the end for negative places; GoogleSQL has nothing there.
  const std::string subscript = literal ? "[" + number + "]" : "[greatest(" + number + ", 0)]";
  if (safe) {
    out.Add(subscript);
  } else {
    out.Insert(operand, "(CASE WHEN " + number + " < 1 OR " + number + " > len(" + array +
                            ") THEN error('Array index out of bounds; SAFE_OFFSET and SAFE_ORDINAL give NULL there') ELSE ");
    out.Add(subscript + " END)");
  }
  out.has_query = out.has_query || place.has_query;
  out.has_aggregate = out.has_aggregate || place.has_aggregate;
  index = after;
  return CheckSize(out, index);
}

// ---- names

base::Status Translator::Name(size_t& index, Range range, const Scope* scope, SqlText& out, size_t& operand) {
  const bool quoted = token(index).kind == TokenKind::kQuotedName;
  if (!out.sql.empty() && out.sql.back() != '(' && out.sql.back() != ' ') out.Add(" ");
  const size_t before = out.sql.size();
  if (!quoted) {
    DH_ASSIGN(const bool word, KeywordToken(index, range, scope, out, operand));
    if (word) return {};
    operand = before;
    DH_ASSIGN(const bool literal, Literal(index, scope, out));
    if (literal) return {};
  }
  operand = before;
  if (token(index + 1).is("(") && index + 1 < range.end) {
    DH_ASSIGN(const SqlText call, Call(index, scope));
    out.Add(call);
    return {};
  }
  if (Keyword(index, "SAFE") && token(index + 1).is(".") && token(index + 3).is("(")) {
    index += 2;
    DH_ASSIGN(const SqlText call, Call(index, scope));
    out.Add("TRY(");
    out.Add(call);
    out.Add(")");
    return {};
  }
  return Path(index, range, scope, out);
}

// Keywords that are no operand's begin, or that have a form of their own. False: not such a word.
base::Result<bool> Translator::KeywordToken(size_t& index, Range range, const Scope* scope, SqlText& out, size_t& operand) {
  const std::string upper = ToUpper(token(index).text);
  const bool call = token(index + 1).is("(") && index + 1 < range.end;
  if (upper == "OVER" && (call || IsName(index + 1))) {
    out.has_aggregate = true;
    if (!call) {
      out.Add("OVER " + QuoteName(token(index + 1).text));
      index += 2;
      return true;
    }
    const Range inside{index + 2, token(index + 1).match};
    DH_ASSIGN(const SqlText window, Window(inside, scope));
    out.Add("OVER (");
    out.Add(window);
    out.Add(")");
    index = inside.end + 1;
    return true;
  }
  if (upper == "IN" && Keyword(index + 1, "UNNEST")) {
    DH_CHECK(InUnnest(index, scope, out));
    return true;
  }
  if (upper == "INTERVAL" && !call) {
    DH_CHECK(Interval(index, range, scope, out));
    return true;
  }
  const bool contextual = upper == "FIRST" || upper == "LAST";
  if (contextual && (index == range.begin || !Keyword(index - 1, "NULLS"))) return false;
  if ((upper == "ANY" || upper == "ALL") && index > range.begin) return Unsupported(index, upper);
  if (upper == "DISTINCT" && !Keyword(index + 1, "FROM")) return Unexpected(index, "an expression");
  if (upper == "FROM" && (index == range.begin || !Keyword(index - 1, "DISTINCT"))) return Unexpected(index, "an expression");
  if (Contains(kPlain, upper)) {
    if (upper == "NULL" || upper == "TRUE" || upper == "FALSE" || upper == "CASE") operand = out.sql.size();
    if (upper == "IN" && token(index + 1).is("(") && IsQuery(index + 1)) {
      // Unlike other brackets around a query, these hold a set and not one value.
      const Range inside{index + 2, token(index + 1).match};
      DH_ASSIGN(const SqlText query, Query(inside, scope));
      out.Add("IN (");
      out.Add(query);
      out.Add(")");
      index = inside.end + 1;
      return true;
    }
    out.Add(upper);
    ++index;
    return true;
  }
  if (Contains(kForbidden, upper) && !call) {
    return ErrorAt(token(index).at, "unexpected " + upper + "; a column of this name stands in `back-quotes`");
  }
  return false;
}

// DATE '...', ARRAY<T>[...], STRUCT<...>(...), CURRENT_DATE without brackets. False: none of these.
base::Result<bool> Translator::Literal(size_t& index, const Scope* scope, SqlText& out) {
  const std::string upper = ToUpper(token(index).text);
  if (token(index + 1).kind == TokenKind::kString) {
    static constexpr std::array<TypeName, 6> kTyped = {{{"DATE", "DATE"},
                                                        {"TIME", "TIME"},
                                                        {"DATETIME", "TIMESTAMP"},
                                                        {"TIMESTAMP", "TIMESTAMPTZ"},
                                                        {"NUMERIC", "DECIMAL(38, 9)"},
                                                        {"DECIMAL", "DECIMAL(38, 9)"}}};
    for (const TypeName& type : kTyped) {
      if (type.google != upper) continue;
      DH_ASSIGN(const SqlText literal, TypedLiteral(std::string(type.engine), index + 1));
      out.Add(literal);
      index += 2;
      return true;
    }
    if (upper == "JSON" || upper == "BIGNUMERIC" || upper == "RANGE") return Unsupported(index, "a literal of type " + upper);
  }
  if ((upper == "ARRAY" || upper == "STRUCT") && token(index + 1).is("<")) {
    DH_CHECK(TypedStructOrArray(index, scope, out));
    return true;
  }
  if (upper == "ARRAY" && token(index + 1).is("[")) {
    const Range inside{index + 2, token(index + 1).match};
    out.Add("[");
    if (!inside.empty()) {
      DH_ASSIGN(const SqlText text, Expression(inside, scope));
      out.Add(text);
    }
    out.Add("]");
    index = inside.end + 1;
    return true;
  }
  if (upper.starts_with("CURRENT_") && !token(index + 1).is("(") && FindFunction(upper, 0) != nullptr) {
    DH_ASSIGN(const SqlText text, Special(*FindFunction(upper, 0), index, {index, index}, scope));
    out.Add(text);
    ++index;
    return true;
  }
  return false;
}

base::Status Translator::Path(size_t& index, Range range, const Scope* scope, SqlText& out) {
  size_t end = index + 1;
  while (end + 1 < range.end && token(end).is(".") && IsName(end + 1)) end += 2;
  if (end < range.end && token(end).is("(") && end > index + 1) {
    return Unsupported(
        index, "the function " + std::string(source_.substr(token(index).begin, token(end - 1).end - token(index).begin)));
  }
  if (end < range.end && token(end).is(".") && token(end + 1).is("*")) return Unexpected(end + 1, "a field's name");
  DH_CHECK(CheckPath({index, end}, scope));
  bool plain = false;
  out.Add(ResolveFirst(scope, token(index).text, end == index + 1, &plain));
  for (size_t i = index + 2; i < end; i += 2) out.Add("." + QuoteName(token(i).text));
  index = end;
  return {};
}

// x IN UNNEST(array).
base::Status Translator::InUnnest(size_t& index, const Scope* scope, SqlText& out) {
  if (!token(index + 2).is("(")) return Unexpected(index + 2, "UNNEST(array)");
  const Range inside{index + 3, token(index + 2).match};
  DH_ASSIGN(const SqlText array, Expression(inside, scope));
  // IN and a list of one list: the engine compares with the elements when the right side is no bracketed list.
  out.Add("IN list_concat(");
  out.Add(array);
  out.Add(", [])");
  index = inside.end + 1;
  return {};
}

base::Status Translator::Interval(size_t& index, Range range, const Scope* scope, SqlText& out) {
  size_t part = index + 1;
  while (part < range.end && !(IsName(part) && DatePart({part, part + 1}, false).ok())) part = Skip(part);
  if (part >= range.end || part == index + 1) return Unexpected(part, "INTERVAL number PART");
  const size_t inner = FindKeyword({index + 1, part}, "INTERVAL");
  if (inner < part) return Unexpected(inner, "a number");  // also keeps the recursion to brackets
  DH_ASSIGN(const SqlText number, Expression({index + 1, part}, scope));
  DH_ASSIGN(const std::string name, DatePart({part, part + 1}, false));
  out.Add("INTERVAL (");
  out.Add(number);
  out.Add(") " + ToUpper(name));
  index = part + 1;
  return {};
}

// What stands in OVER ( ... ).
base::Result<SqlText> Translator::Window(Range range, const Scope* scope) {
  static constexpr std::array<std::string_view, 13> kWords = {"ROWS",      "RANGE",     "GROUPS",  "BETWEEN", "UNBOUNDED",
                                                              "PRECEDING", "FOLLOWING", "CURRENT", "ROW",     "AND",
                                                              "NO",        "OTHERS",    "TIES"};
  SqlText out;
  size_t i = range.begin;
  if (i < range.end && IsName(i) && !Keyword(i, "PARTITION") && !Keyword(i, "ORDER") &&
      !Contains(kWords, ToUpper(token(i).text))) {
    out.Add(QuoteName(token(i).text));
    ++i;
  }
  auto section = [&](std::string_view word, std::string_view sql) -> base::Status {
    if (i >= range.end || !Keyword(i, word)) return {};
    if (!Keyword(i + 1, "BY")) return Unexpected(i + 1, "BY");
    Range inside{i + 2, i + 2};
    while (inside.end < range.end && !Keyword(inside.end, "ORDER") && !Keyword(inside.end, "RANGE") &&
           !Keyword(inside.end, "GROUPS") &&
           !(Keyword(inside.end, "ROWS") &&
             (Keyword(inside.end + 1, "BETWEEN") || Keyword(inside.end + 1, "UNBOUNDED") || Keyword(inside.end + 1, "CURRENT") ||
              token(inside.end + 1).kind == TokenKind::kInteger))) {
      inside.end = Skip(inside.end);
    }
    DH_ASSIGN(const SqlText text, Expression(inside, scope));
    out.AddWord(sql);
    out.Add(text);
    i = inside.end;
    return {};
  };
  DH_CHECK(section("PARTITION", "PARTITION BY "));
  DH_CHECK(section("ORDER", "ORDER BY "));
  for (; i < range.end; ++i) {
    const bool number = token(i).kind == TokenKind::kInteger;
    if (!number && !(token(i).kind == TokenKind::kName && Contains(kWords, ToUpper(token(i).text)))) {
      return Unexpected(i, "ROWS or RANGE BETWEEN ... AND ...");
    }
    out.AddWord(ToUpper(token(i).text));
  }
  return out;
}

// ---- types

// The engine's name of the type that begins at `index`; moves behind it. `depth`: levels of < > so far.
base::Result<std::string> Translator::TypeSql(size_t& index, size_t end, int depth) const {
  if (depth > kMaxTypeDepth) return ErrorAt(token(index).at, "a type nested too deeply", base::ErrorCode::kLimit);
  if (index >= end) return Unexpected(index, "a type");
  const std::string upper = ToUpper(token(index).text);
  for (const TypeName& type : kTypes) {
    if (type.google != upper || token(index).kind != TokenKind::kName) continue;
    ++index;
    if (index < end && token(index).is("(")) return Unsupported(index, "a type with parameters");
    return std::string(type.engine);
  }
  const bool array = upper == "ARRAY";
  if ((!array && upper != "STRUCT") || !token(index + 1).is("<")) {
    return Unsupported(index, "the type " + token(index).text,
                       "known are INT64, FLOAT64, NUMERIC, STRING, BYTES, BOOL, DATE, TIME, "
                       "DATETIME, TIMESTAMP, ARRAY<T>, STRUCT<name T, ...>");
  }
  index += 2;
  std::string out;
  int number = 0;
  for (;;) {
    std::string name = "_field_" + std::to_string(++number);
    if (!array && IsName(index) && (IsName(index + 1))) name = token(index++).text;
    DH_ASSIGN(const std::string inner, TypeSql(index, end, depth + 1));
    out += (out.empty() ? "" : ", ") + (array ? inner : QuoteName(name) + " " + inner);
    if (array || !token(index).is(",")) break;
    ++index;
  }
  if (!token(index).is(">") || index >= end) return Unexpected(index, "\">\"");
  ++index;
  return array ? out + "[]" : "STRUCT(" + out + ")";
}

base::Status Translator::TypedStructOrArray(size_t& index, const Scope* scope, SqlText& out) {
  const bool array = Keyword(index, "ARRAY");
  DH_ASSIGN(const std::string type, TypeSql(index, tokens_.size() - 1, 0));
  if (!token(index).is(array ? "[" : "(")) return Unexpected(index, array ? "[ ... ]" : "( ... )");
  const Range inside{index + 1, token(index).match};
  SqlText value;
  if (array) {
    value.Add("[");
    if (!inside.empty()) {
      DH_ASSIGN(const SqlText text, Expression(inside, scope));
      value.Add(text);
    }
    value.Add("]");
  } else {
    value.Add("row(");
    if (!inside.empty()) {
      DH_ASSIGN(const SqlText text, Expression(inside, scope));
      value.Add(text);
    }
    value.Add(")");
  }
  out.Add("CAST(");
  out.Add(value);
  out.Add(" AS " + type + ")");
  index = inside.end + 1;
  return {};
}

// STRUCT(a, b AS c): fields without a name take that of their path, or _field_N.
base::Result<SqlText> Translator::Struct(Range arguments, const Scope* scope) {
  SqlText out("struct_pack(");
  int number = 0;
  for (const Range argument : Split(arguments)) {
    ++number;
    std::string name;
    Range value = argument;
    const size_t as = FindKeyword(argument, "AS");
    if (as < argument.end) {
      if (as + 2 != argument.end || !IsName(as + 1)) return Unexpected(as + 1, "a field's name");
      name = token(as + 1).text;
      value.end = as;
    } else if (!argument.empty() && IsName(argument.end - 1) && (argument.size() == 1 || token(argument.end - 2).is("."))) {
      name = token(argument.end - 1).text;
    } else {
      name = "_field_" + std::to_string(number);
    }
    DH_ASSIGN(const SqlText text, Expression(value, scope));
    out.Add((number > 1 ? ", " : "") + QuoteName(name) + " := ");
    out.Add(text);
  }
  if (number == 0) return ErrorAt(token(arguments.begin).at, "STRUCT() needs a field");
  out.Add(")");
  return out;
}

}  // namespace dicomhouse::query::internal
