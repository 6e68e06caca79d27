// Operators whose operands show their types: what GoogleSQL refuses there and the engine would convert without a word, as in
// Rows = '32'. Operands that do not show their type are the engine's matter.
#include <algorithm>
#include <array>
#include <utility>

#include "query/internal/translator.h"

namespace dicomhouse::query::internal {
namespace {

constexpr std::array<std::string_view, 7> kComparisons = {"=", "<", ">", "<=", ">=", "<>", "!="};
constexpr std::array<std::string_view, 4> kArithmetic = {"+", "-", "*", "/"};
// Functions of INT64 that are often compared, and those of DATE.
constexpr std::array<std::string_view, 16> kCounts = {
    "LENGTH",     "CHAR_LENGTH", "BYTE_LENGTH", "ARRAY_LENGTH", "STRPOS",       "INSTR",       "COUNT",       "COUNTIF",
    "ROW_NUMBER", "RANK",        "DENSE_RANK",  "DATE_DIFF",    "UNIX_SECONDS", "UNIX_MILLIS", "UNIX_MICROS", "UNIX_DATE"};

constexpr std::array<std::string_view, 8> kDates = {"CURRENT_DATE", "DATE",       "DATE_ADD", "DATE_SUB",
                                                    "DATE_TRUNC",   "PARSE_DATE", "LAST_DAY", "DATE_FROM_UNIX_DATE"};

template <size_t N>
bool Contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsNumber(const std::string& type) { return type == "BIGINT" || type == "DOUBLE"; }
bool IsDay(const std::string& type) { return type == "DATE" || type == "TIME" || type.starts_with("TIMESTAMP"); }

std::string GoogleName(const std::string& type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNames = {
      {{"BIGINT", "INT64"},
       {"DOUBLE", "FLOAT64"},
       {"VARCHAR", "STRING"},
       {"BOOLEAN", "BOOL"},
       {"BLOB", "BYTES"},
       {"TIMESTAMP", "DATETIME"},
       {"TIMESTAMP WITH TIME ZONE", "TIMESTAMP"}}};
  const auto* found = std::find_if(kNames.begin(), kNames.end(), [&](const auto& pair) { return pair.first == type; });
  return found == kNames.end() ? type : std::string(found->second);
}

}  // namespace

// Where the operand begins that ends in front of `end`: a literal, a path, a call. `end`: none of these.
size_t Translator::OperandBefore(Range range, size_t end) const {
  size_t i = end;
  while (i > range.begin) {
    --i;
    while (token(i).is("]") && token(i).match > range.begin) i = token(i).match - 1;
    if (token(i).is(")") && token(i).match > range.begin) i = token(i).match - 1;
    const TokenKind kind = token(i).kind;
    const bool value = kind == TokenKind::kInteger || kind == TokenKind::kFloat || kind == TokenKind::kBytes;
    if (kind == TokenKind::kString) return i > range.begin && IsName(i - 1) && !IsOperatorWord(i - 1) ? i - 1 : i;
    if (value) return i;
    if (!IsName(i) || IsOperatorWord(i)) return end;
    if (i <= range.begin + 1 || !token(i - 1).is(".")) return i;
    --i;
  }
  return end;
}

// Where the operand ends that begins at `begin`, a sign in front of it included.
size_t Translator::OperandAfter(Range range, size_t begin) const {
  size_t i = begin;
  if (i < range.end && (token(i).is("-") || token(i).is("+"))) ++i;
  if (i >= range.end) return begin;
  if (IsName(i) && i + 1 < range.end && token(i + 1).kind == TokenKind::kString && !IsOperatorWord(i)) return i + 2;
  if (token(i).kind != TokenKind::kSymbol && !IsName(i)) return i + 1;
  if (!IsName(i) || IsOperatorWord(i)) return begin;
  for (++i; i < range.end; i = Skip(i)) {
    if (token(i).is(".") && IsName(i + 1)) {
      ++i;
    } else if (!token(i).is("[") && !token(i).is("(")) {
      break;
    }
  }
  return i;
}

bool Translator::IsOperatorWord(size_t index) const {
  static constexpr std::array<std::string_view, 14> kWords = {"AND",  "OR",   "NOT",  "IN",   "IS",  "LIKE", "BETWEEN",
                                                              "CASE", "WHEN", "THEN", "ELSE", "END", "NULL", "DISTINCT"};
  return token(index).kind == TokenKind::kName && Contains(kWords, ToUpper(token(index).text));
}

// The type of an operand as the engine calls it; "": it does not show it.
std::string Translator::OperandType(Range operand, const Scope* scope) const {
  if (operand.size() > 2 && IsName(operand.begin) && token(operand.begin + 1).is("(") &&
      token(operand.begin + 1).match + 1 == operand.end) {
    if (Contains(kCounts, ToUpper(token(operand.begin).text))) return "BIGINT";
    if (Contains(kDates, ToUpper(token(operand.begin).text))) return "DATE";
  }
  return StaticType(operand, scope);
}

base::Error Translator::NoSignature(size_t index, const std::string& word, const std::string& left,
                                    const std::string& right) const {
  return ErrorAt(token(index).at, "no matching signature for operator " + word + " for argument types: " + GoogleName(left) +
                                      ", " + GoogleName(right) + "; CAST one of them");
}

// Looks at the operator at `index`, if one is there.
base::Result<Translator::DayShift> Translator::CheckOperator(size_t index, Range range, const Scope* scope) const {
  const std::string word = ToUpper(token(index).text);
  const bool symbol = token(index).kind == TokenKind::kSymbol;
  const bool arithmetic = symbol && Contains(kArithmetic, word);
  const bool compares = symbol && Contains(kComparisons, word);
  const bool keyword = token(index).kind == TokenKind::kName && (word == "IN" || word == "BETWEEN" || word == "LIKE");
  if (index == range.begin || (!arithmetic && !compares && !keyword)) return DayShift::kNone;
  const size_t before = keyword && Keyword(index - 1, "NOT") ? index - 1 : index;
  const size_t begin = OperandBefore(range, before);
  if (begin == before) return DayShift::kNone;
  // What stands in front belongs to the left side too, unless it binds less.
  const bool whole = begin == range.begin || token(begin - 1).is(",") || IsOperatorWord(begin - 1) || arithmetic;
  const std::string left = OperandType({begin, before}, scope);
  if (left.empty() || !whole) return DayShift::kNone;
  std::vector<Range> others;
  if (word == "IN" && token(index + 1).is("(") && !IsQuery(index + 1)) {
    others = Split({index + 2, token(index + 1).match});
  } else if (word != "IN") {
    others.push_back({index + 1, OperandAfter(range, index + 1)});
    if (word == "BETWEEN" && Keyword(others[0].end, "AND")) {
      others.push_back({others[0].end + 1, OperandAfter(range, others[0].end + 1)});
    }
  }
  for (const Range other : others) {
    const bool more = !arithmetic && word != "IN" && other.end < range.end && token(other.end).kind == TokenKind::kSymbol &&
                      !token(other.end).is(",");
    const std::string right = other.empty() || more ? "" : OperandType(other, scope);
    if (right.empty() || (IsNumber(left) && IsNumber(right))) continue;
    const bool sum = symbol && (word == "+" || word == "-");
    if (sum && left == "DATE" && right == "BIGINT") return DayShift::kRight;
    if (symbol && word == "+" && left == "BIGINT" && right == "DATE") return DayShift::kLeft;
    if (word == "-" && symbol && IsDay(left) && left == right) {
      return Unsupported(index, GoogleName(left) + " - " + GoogleName(right), "use " + GoogleName(left) + "_DIFF");
    }
    // Texts become dates and times as literals do; of the others the engine knows what may be added.
    if (IsDay(left) || IsDay(right)) continue;
    if (left != right || arithmetic) return NoSignature(index, word, left, right);
  }
  return DayShift::kNone;
}

}  // namespace dicomhouse::query::internal
