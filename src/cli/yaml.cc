#include "cli/yaml.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace dicomhouse::cli {
namespace {

using base::Json;

// A line is broken at the first blank behind this column.
constexpr size_t kWidth = 80;
constexpr size_t kIndent = 2;

bool IsDigits(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

std::string_view WithoutSign(std::string_view text) {
  return text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
}

bool LooksLikeInteger(std::string_view text) {
  text = WithoutSign(text);
  if (text.starts_with("0b")) return IsDigits(text.substr(2), "01_");
  if (text.starts_with("0x")) return IsDigits(text.substr(2), "0123456789abcdefABCDEF_");
  if (text.starts_with("0o") && IsDigits(text.substr(2), "01234567_")) return true;
  return IsDigits(text, "0123456789_");
}

// Digits, a point or an exponent, in the forms that YAML 1.2 takes for numbers.
bool LooksLikeFloat(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789_";
  const std::string_view number = WithoutSign(text);
  std::string lower(number);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(c | 0x20); });
  if (number == ".inf" || number == ".Inf" || number == ".INF") return true;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  const size_t exponent = lower.find('e');
  std::string_view mantissa = number.substr(0, exponent);
  if (exponent != std::string::npos && !IsDigits(WithoutSign(number.substr(exponent + 1)), "0123456789")) return false;
  const size_t point = mantissa.find('.');
  if (point == std::string_view::npos) return exponent != std::string::npos && IsDigits(mantissa, kDigits);
  const std::string_view whole = mantissa.substr(0, point);
  const std::string_view part = mantissa.substr(point + 1);
  if (whole.empty()) return IsDigits(part, kDigits);
  return IsDigits(whole, kDigits) && (part.empty() || IsDigits(part, kDigits));
}

// Takes `count` digits, at least `least`, off the front.
bool TakeDigits(std::string_view& text, size_t least, size_t most) {
  size_t count = 0;
  while (count < most && count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  if (count < least) return false;
  text.remove_prefix(count);
  return true;
}

bool Take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

bool LooksLikeNumber(std::string_view text) { return LooksLikeInteger(text) || LooksLikeFloat(text); }

namespace {

// YAML's timestamps: a date, or a date and a time with a zone or without.
bool LooksLikeTime(std::string_view text) {
  const std::string_view whole = text;
  if (!TakeDigits(text, 4, 4) || !Take(text, '-')) return false;
  const std::string_view month = text;
  if (!TakeDigits(text, 1, 2) || !Take(text, '-') || !TakeDigits(text, 1, 2)) return false;
  if (text.empty()) return whole.size() == 10 && month.size() == 5;
  if (text.front() != 'T' && text.front() != 't' && text.front() != ' ' && text.front() != '\t') return false;
  text.remove_prefix(1);
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  if (!TakeDigits(text, 1, 2) || !Take(text, ':') || !TakeDigits(text, 2, 2) || !Take(text, ':') || !TakeDigits(text, 2, 2)) {
    return false;
  }
  if (Take(text, '.')) (void)TakeDigits(text, 0, 100);
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  if (text.empty() || text == "Z") return true;
  if (text.front() != '+' && text.front() != '-') return false;
  text.remove_prefix(1);
  if (!TakeDigits(text, 1, 2)) return false;
  return text.empty() || (Take(text, ':') && TakeDigits(text, 2, 2) && text.empty());
}

// Text that, without quotes, a reader would not take for text.
bool LooksLikeAnotherType(std::string_view text) {
  static constexpr std::string_view kWords[] = {"~",    "null",  "Null",  "NULL",  "true", "True",
                                                "TRUE", "false", "False", "FALSE", "=",    "<<"};
  if (std::find(std::begin(kWords), std::end(kWords), text) != std::end(kWords)) return true;
  return LooksLikeNumber(text) || LooksLikeTime(text);
}

enum class Style { kPlain, kSingle, kDouble, kLiteral };

bool IsPrintable(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n') || c == 0x7F) return false;
    // U+0080 to U+009F but U+0085, and the byte order mark.
    if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return false;
    if (text.substr(i).starts_with("\xEF\xBB\xBF") || text.substr(i).starts_with("\xE2\x80\xA8") ||
        text.substr(i).starts_with("\xE2\x80\xA9")) {
      return false;
    }
  }
  return true;
}

Style StyleOf(std::string_view text) {
  if (text.empty()) return Style::kSingle;
  if (!IsPrintable(text)) return Style::kDouble;
  if (text.find('\n') != std::string_view::npos) {
    return text.find(" \n") != std::string_view::npos || text.back() == ' ' ? Style::kDouble : Style::kLiteral;
  }
  const Style quoted = text.find('\'') == std::string_view::npos ? Style::kSingle : Style::kDouble;
  if (text.front() == ' ' || text.back() == ' ' || LooksLikeAnotherType(text)) return quoted;
  if (text.starts_with("---") || text.starts_with("...")) return quoted;
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(text.front()) != std::string_view::npos) return quoted;
  const bool alone = text.size() == 1 || text[1] == ' ';
  if ((text.front() == '?' || text.front() == ':' || text.front() == '-') && alone) return quoted;
  if (text.find(": ") != std::string_view::npos || text.back() == ':' || text.find(" #") != std::string_view::npos) {
    return quoted;
  }
  return Style::kPlain;
}

// Writes one document.
class YamlWriter {
 public:
  std::string Print(const Json& json) {
    Value(json, 0, false);
    return std::move(out_);
  }

 private:
  size_t Column() const {  // in characters
    const size_t line = out_.rfind('\n');
    size_t column = 0;
    for (size_t i = line == std::string::npos ? 0 : line + 1; i < out_.size(); ++i) {
      if ((static_cast<unsigned char>(out_[i]) & 0xC0) != 0x80) ++column;
    }
    return column;
  }
  void NewLine(size_t indent) {
    out_ += '\n';
    out_.append(indent, ' ');
  }

  // Words and blanks; a single blank behind the width becomes a line end.
  void Folded(std::string_view text, size_t indent, bool fold) {
    for (size_t i = 0; i < text.size(); ++i) {
      const bool single = text[i] == ' ' && (i == 0 || text[i - 1] != ' ') && i > 0 && i + 1 < text.size() && text[i + 1] != ' ';
      if (single && fold && Column() > kWidth) {
        NewLine(indent);
      } else {
        out_ += text[i];
      }
    }
  }

  // An escape, or nothing for a byte that stands for itself.
  static std::string EscapeOf(unsigned char c) {
    static constexpr std::pair<char, const char*> kNamed[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\t', "\\t"},
                                                              {'\r', "\\r"}, {'\0', "\\0"},  {0x1B, "\\e"}, {'\a', "\\a"},
                                                              {'\b', "\\b"}, {'\v', "\\v"},  {'\f', "\\f"}};
    for (const auto& [byte, text] : kNamed) {
      if (static_cast<unsigned char>(byte) == c) return text;
    }
    if (c >= 0x20 && c != 0x7F) return "";
    char code[8];
    std::snprintf(code, sizeof code, "\\x%02X", c);
    return code;
  }

  // Lines are broken in front of a blank or behind an escape; both ends of the break have a backslash.
  void Double(std::string_view text, size_t indent, bool fold) {
    out_ += '"';
    for (size_t i = 0; i < text.size(); ++i) {
      const std::string escape = EscapeOf(static_cast<unsigned char>(text[i]));
      out_ += escape;
      const bool inside = i > 0 && i + 1 < text.size();
      if (fold && inside && (text[i] == ' ' || !escape.empty()) && Column() > kWidth) {
        out_ += '\\';
        NewLine(indent);
        if (text[escape.empty() ? i : i + 1] == ' ') out_ += '\\';
      }
      if (escape.empty()) out_ += text[i];
    }
    out_ += '"';
  }

  void Literal(std::string_view text, size_t indent) {
    out_ += '|';
    if (text.front() == ' ' || text.front() == '\n') out_ += std::to_string(kIndent);
    if (text.back() != '\n') {
      out_ += '-';
    } else if (text.size() > 1 && text[text.size() - 2] == '\n') {
      out_ += '+';
    }
    if (text.back() == '\n') text.remove_suffix(1);
    while (true) {
      const size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      NewLine(line.empty() ? 0 : indent);
      out_ += line;
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
    }
  }

  void Text(std::string_view text, size_t indent, bool key) {
    switch (StyleOf(text)) {
      case Style::kPlain:
        return Folded(text, indent, !key);
      case Style::kSingle:
        out_ += '\'';
        Folded(text, indent, !key);
        out_ += '\'';
        return;
      case Style::kLiteral:
        if (!key) return Literal(text, indent);
        [[fallthrough]];
      case Style::kDouble:
        return Double(text, indent, !key);
    }
  }

  void Scalar(const Json& json, size_t indent) {
    if (json.is_string()) {
      Text(json.as_string(), indent, false);
    } else {
      out_ += json.is_array() ? "[]" : json.is_object() ? "{}" : json.Print();
    }
  }

  // `inside`: behind "- " or "key:", where a list and a map go on differently.
  void Value(const Json& json, size_t indent, bool behind_key) {  // NOLINT(misc-no-recursion): Json::Parse bounds the depth
    if (json.is_object() && !json.object().empty()) {
      Map(json, indent, behind_key);
    } else if (json.is_array() && !json.array().empty()) {
      // Under a key a list's dashes stand below the key's first letter.
      List(json, behind_key ? indent - kIndent : indent, behind_key);
    } else {
      if (behind_key) out_ += ' ';
      Scalar(json, indent == 0 ? kIndent : indent);
      out_ += '\n';
    }
  }

  void Map(const Json& json, size_t indent, bool on_new_line) {  // NOLINT(misc-no-recursion)
    std::vector<const std::pair<std::string, Json>*> fields;
    for (const auto& field : json.object()) fields.push_back(&field);
    std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
    if (on_new_line) out_ += '\n';
    bool first = !on_new_line;
    for (const auto* field : fields) {
      if (!first) out_.append(indent, ' ');
      first = false;
      Text(field->first, indent, true);
      out_ += ':';
      Value(field->second, indent + kIndent, true);
    }
  }

  void List(const Json& json, size_t indent, bool on_new_line) {  // NOLINT(misc-no-recursion)
    if (on_new_line) out_ += '\n';
    bool first = !on_new_line;
    for (const Json& item : json.array()) {
      if (!first) out_.append(indent, ' ');
      first = false;
      out_ += "- ";
      Value(item, indent + kIndent, false);
    }
  }

  std::string out_;
};

}  // namespace

std::string PrintYaml(const Json& json) { return YamlWriter().Print(json); }

Json SortedKeys(const Json& json) {  // NOLINT(misc-no-recursion): Json::Parse bounds the depth
  if (json.is_array()) {
    Json::Array items;
    for (const Json& item : json.array()) items.push_back(SortedKeys(item));
    return items;
  }
  if (!json.is_object()) return json;
  Json::Object fields;
  for (const auto& [key, value] : json.object()) fields.emplace_back(key, SortedKeys(value));
  std::stable_sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return fields;
}

}  // namespace dicomhouse::cli
