#include "query/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/limits.h"
#include "base/text.h"

namespace dicomhouse::query {
namespace {

// Levels of brackets in a statement: more than any person writes, and little enough for the walks over them.
constexpr size_t kMaxBrackets = 120;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsWord(char c) { return IsLetter(c) || IsDigit(c); }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  base::Result<std::vector<Token>> Run() {
    if (sql_.size() > base::kMaxStatementBytes) {
      return base::Error{base::ErrorCode::kLimit, "the statement is longer than " + std::to_string(base::kMaxStatementBytes) +
                                                      " bytes (kMaxStatementBytes)"};
    }
    for (;;) {
      DH_CHECK(SkipSpace());
      Token token;
      token.begin = at_;
      token.at = position();
      if (at_ >= sql_.size()) break;
      DH_CHECK(Next(token));
      token.end = at_;
      DH_CHECK(Match(token));
      out_.push_back(std::move(token));
    }
    if (!open_.empty()) {
      const Token& token = out_[open_.back()];
      return ErrorAt(token.at, "\"" + token.text + "\" is never closed");
    }
    Token end;
    end.begin = end.end = sql_.size();
    end.at = position();
    out_.push_back(end);
    return std::move(out_);
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }
  bool StartsWith(std::string_view text) const { return sql_.substr(at_).starts_with(text); }

  // Positions are asked for in rising order, so each byte is counted once.
  Position position() {
    for (; counted_ < at_; ++counted_) {
      if (sql_[counted_] == '\n') {
        ++place_.line;
        place_.column = 1;
      } else {
        ++place_.column;
      }
    }
    return place_;
  }

  base::Status SkipSpace() {
    while (at_ < sql_.size()) {
      const char c = sql_[at_];
      if (c == ' ' || (c >= '\t' && c <= '\r')) {
        ++at_;
      } else if (c == '#' || StartsWith("--")) {
        at_ = std::min(sql_.find('\n', at_), sql_.size());
      } else if (StartsWith("/*")) {
        const Position begin = position();
        const size_t end = sql_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return ErrorAt(begin, "a comment that is never closed");
        at_ = end + 2;
      } else {
        break;
      }
    }
    return {};
  }

  base::Status Next(Token& token) {
    const char c = Peek();
    if (IsLetter(c)) {
      size_t prefix = 0;
      while (prefix < 2 && std::string_view("rRbB").find(Peek(prefix)) != std::string_view::npos) ++prefix;
      const char quote = Peek(prefix);
      if (prefix > 0 && (quote == '\'' || quote == '"')) return String(token, prefix);
      return Word(token);
    }
    if (c == '\'' || c == '"') return String(token, 0);
    if (c == '`') return QuotedName(token);
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)) && !AfterOperand())) return Number(token);
    if (c == '@' || c == '?') return Parameter(token);
    return Symbol(token);
  }

  // After a name or a closing bracket a dot starts a field, not a number: a.1 never is one.
  bool AfterOperand() const {
    if (out_.empty() || out_.back().end != at_) return false;
    const Token& last = out_.back();
    return last.kind == TokenKind::kName || last.kind == TokenKind::kQuotedName || last.is(")") || last.is("]");
  }

  base::Status Word(Token& token) {
    while (IsWord(Peek())) ++at_;
    token.kind = TokenKind::kName;
    token.text = std::string(sql_.substr(token.begin, at_ - token.begin));
    return {};
  }

  base::Status Number(Token& token) {
    token.kind = TokenKind::kInteger;
    if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X') && HexValue(Peek(2)) >= 0) {
      at_ += 2;
      while (HexValue(Peek()) >= 0) ++at_;
    } else {
      while (IsDigit(Peek())) ++at_;
      const size_t power = Peek(2) == '+' || Peek(2) == '-' ? 3 : 2;
      const bool exponent = (Peek(1) == 'e' || Peek(1) == 'E') && IsDigit(Peek(power));
      if (Peek() == '.' && (!IsLetter(Peek(1)) || exponent)) {
        token.kind = TokenKind::kFloat;
        ++at_;
        while (IsDigit(Peek())) ++at_;
      }
      const size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 2 : 1;
      if ((Peek() == 'e' || Peek() == 'E') && IsDigit(Peek(sign))) {
        token.kind = TokenKind::kFloat;
        at_ += sign;
        while (IsDigit(Peek())) ++at_;
      }
    }
    if (IsWord(Peek())) token.kind = TokenKind::kBadNumber;
    while (IsWord(Peek())) ++at_;
    token.text = std::string(sql_.substr(token.begin, at_ - token.begin));
    return {};
  }

  base::Status Parameter(Token& token) {
    token.kind = TokenKind::kParameter;
    while (Peek() == '@' || Peek() == '?') ++at_;
    while (IsWord(Peek())) ++at_;
    token.text = std::string(sql_.substr(token.begin, at_ - token.begin));
    return {};
  }

  base::Status Symbol(Token& token) {
    static constexpr std::array<std::string_view, 8> kTwo = {"<=", ">=", "<>", "!=", "||", "<<", "=>", "|>"};
    // ">>" stays two tokens: it also ends ARRAY<STRUCT<...>>.
    static constexpr std::string_view kOne = "+-*/=<>.,;()[]{}:&|^~";
    token.kind = TokenKind::kSymbol;
    size_t length = 0;
    for (const std::string_view two : kTwo) {
      if (StartsWith(two)) length = 2;
    }
    if (length == 0 && kOne.find(Peek()) != std::string_view::npos) length = 1;
    if (length == 0) return Unknown(token);
    token.text = std::string(sql_.substr(at_, length));
    at_ += length;
    return {};
  }

  base::Status Unknown(const Token& token) const {
    const size_t length = base::FirstCharacter(sql_.substr(at_)).length;
    if (length == 0) return ErrorAt(token.at, "the statement is not valid UTF-8");
    const auto first = static_cast<unsigned char>(Peek());
    if (length == 1 && first >= ' ') return ErrorAt(token.at, "unexpected character \"" + std::string(1, Peek()) + "\"");
    return ErrorAt(token.at, length == 1 ? "unexpected control character"
                                         : "unexpected character \"" + std::string(sql_.substr(at_, length)) +
                                               "\": letters outside ASCII belong in `back-quotes` or in strings");
  }

  base::Status QuotedName(Token& token) {
    token.kind = TokenKind::kQuotedName;
    ++at_;
    DH_CHECK(Quoted(token, "`", false, false));
    if (token.text.empty()) return ErrorAt(token.at, "an empty name");
    return CheckText(token);
  }

  base::Status String(Token& token, size_t prefix) {
    bool raw = false;
    token.kind = TokenKind::kString;
    for (size_t i = 0; i < prefix; ++i) {
      if (Peek(i) == 'r' || Peek(i) == 'R') raw = true;
      if (Peek(i) == 'b' || Peek(i) == 'B') token.kind = TokenKind::kBytes;
    }
    at_ += prefix;
    const std::string one(1, Peek());
    const std::string three = one + one + one;
    const std::string quote = StartsWith(three) ? three : one;
    at_ += quote.size();
    DH_CHECK(Quoted(token, quote, raw, quote.size() == 3));
    return token.kind == TokenKind::kBytes ? base::Status() : CheckText(token);
  }

  static base::Status CheckText(const Token& token) {
    if (token.text.find('\0') != std::string::npos)
      return ErrorAt(token.at, "a zero character in a string or name is not supported");
    if (!base::IsUtf8(token.text)) return ErrorAt(token.at, "a string or name that is not valid UTF-8");
    return {};
  }

  // What stands up to `quote`, decoded.
  base::Status Quoted(Token& token, std::string_view quote, bool raw, bool lines) {
    for (;;) {
      if (at_ >= sql_.size()) return ErrorAt(token.at, "a string or name that is never closed");
      if (StartsWith(quote)) {
        at_ += quote.size();
        return {};
      }
      const char c = Peek();
      if (c == '\n' && !lines)
        return ErrorAt(token.at, "a string or name that ends with its line: close it, or use '''three quotes'''");
      if (c != '\\') {
        token.text += c;
        ++at_;
      } else if (raw) {
        token.text += c;
        ++at_;
        if (at_ < sql_.size()) token.text += sql_[at_++];
      } else {
        DH_CHECK(Escape(token));
      }
    }
  }

  base::Status Escape(Token& token) {
    static constexpr std::string_view kFrom = "abfnrtv\\?\"'`";
    static constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\?\"'`";
    const Position begin = position();
    ++at_;
    const char c = Peek();
    if (const size_t known = kFrom.find(c); at_ < sql_.size() && known != std::string_view::npos) {
      token.text += kTo[known];
      ++at_;
      return {};
    }
    if (c >= '0' && c <= '3') return Code(token, begin, 3, 8);
    ++at_;
    if (c == 'x' || c == 'X') return Code(token, begin, 2, 16);
    if (c == 'u' && token.kind != TokenKind::kBytes) return Code(token, begin, 4, 16);
    if (c == 'U' && token.kind != TokenKind::kBytes) return Code(token, begin, 8, 16);
    return ErrorAt(begin, "an escape that GoogleSQL does not have; write \\\\ for a backslash, or r'...' for a raw string");
  }

  base::Status Code(Token& token, Position begin, int digits, int radix) {
    uint32_t code = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int value = HexValue(Peek());
      if (value < 0 || value >= radix) return ErrorAt(begin, "an escape with too few digits");
      code = code * static_cast<uint32_t>(radix) + static_cast<uint32_t>(value);
    }
    if (token.kind == TokenKind::kBytes) {
      token.text += static_cast<char>(static_cast<unsigned char>(code));
      return {};
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return ErrorAt(begin, "an escape that is no character");
    base::AppendUtf8(token.text, code);
    return {};
  }

  base::Status Match(Token& token) {
    static constexpr std::string_view kOpen = "([{";
    static constexpr std::string_view kClose = ")]}";
    if (token.kind != TokenKind::kSymbol || token.text.size() != 1) return {};
    const size_t index = out_.size();
    if (kOpen.find(token.text[0]) != std::string_view::npos) {
      if (open_.size() >= kMaxBrackets) {
        return ErrorAt(token.at, "brackets nested deeper than " + std::to_string(kMaxBrackets), base::ErrorCode::kLimit);
      }
      open_.push_back(index);
    } else if (const size_t kind = kClose.find(token.text[0]); kind != std::string_view::npos) {
      if (open_.empty() || out_[open_.back()].text[0] != kOpen[kind]) {
        return ErrorAt(token.at, "\"" + token.text + "\" closes nothing");
      }
      token.match = open_.back();
      out_[open_.back()].match = index;
      open_.pop_back();
    }
    return {};
  }

  std::string_view sql_;
  size_t at_ = 0;
  size_t counted_ = 0;
  Position place_;
  std::vector<size_t> open_;
  std::vector<Token> out_;
};

std::string Mapped(std::string_view text, char from, char to) {
  std::string out(text);
  for (char& c : out) {
    if (c >= from && c <= static_cast<char>(from + 25)) c = static_cast<char>(c - from + to);
  }
  return out;
}

}  // namespace

base::Result<std::vector<Token>> Lex(std::string_view sql) { return Lexer(sql).Run(); }

std::string Where(Position at) { return std::to_string(at.line) + ":" + std::to_string(at.column) + ": "; }

base::Error ErrorAt(Position at, std::string message, base::ErrorCode code) { return {code, Where(at) + std::move(message)}; }

std::string ToUpper(std::string_view text) { return Mapped(text, 'a', 'A'); }
std::string ToLower(std::string_view text) { return Mapped(text, 'A', 'a'); }

bool IsKeyword(const Token& token, std::string_view upper) {
  if (token.kind != TokenKind::kName || token.text.size() != upper.size()) return false;
  return std::equal(upper.begin(), upper.end(), token.text.begin(),
                    [](char a, char b) { return a == (b >= 'a' && b <= 'z' ? static_cast<char>(b - 'a' + 'A') : b); });
}

}  // namespace dicomhouse::query
