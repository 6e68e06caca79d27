#include "query/print.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace dicomhouse::query {
namespace {

using warehouse::Rows;
using warehouse::ValueKind;
using warehouse::ValueType;
using warehouse::ValueVector;

// Output is handed on in pieces of about this size.
constexpr size_t kPieceBytes = 64 << 10;
// A table's columns are as wide as the widest cell of so many rows, and never wider than a cell may be.
constexpr size_t kRowsToMeasure = 1000;
constexpr size_t kMaxCellCharacters = 80;

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kMicros = 1000000;

template <typename... Numbers>
std::string Printed(const char* format, Numbers... numbers) {
  std::array<char, 64> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), format, numbers...);
  return {buffer.data(), static_cast<size_t>(std::max(length, 0))};
}

// Days since 1970-01-01 in the proleptic Gregorian calendar.
std::string DateText(int64_t days) {
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_of_year = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_of_year + 2) / 5 + 1;
  const int64_t month = month_of_year < 10 ? month_of_year + 3 : month_of_year - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return Printed("%04lld-%02lld-%02lld", static_cast<long long>(year), static_cast<long long>(month),
                 static_cast<long long>(day));
}

std::string TimeText(int64_t micros) {
  const int64_t seconds = micros / kMicros;
  std::string text = Printed("%02lld:%02lld:%02lld", static_cast<long long>(seconds / 3600),
                             static_cast<long long>(seconds / 60 % 60), static_cast<long long>(seconds % 60));
  if (micros % kMicros != 0) text += Printed(".%06lld", static_cast<long long>(micros % kMicros));
  return text;
}

std::string DatetimeText(int64_t micros, char between) {
  const int64_t day_micros = kSecondsPerDay * kMicros;
  int64_t days = micros / day_micros;
  int64_t rest = micros % day_micros;
  if (rest < 0) {
    rest += day_micros;
    --days;
  }
  return DateText(days) + between + TimeText(rest);
}

std::string IntervalText(const std::string& digits) {
  long long months = 0;
  long long days = 0;
  long long micros = 0;
  std::sscanf(digits.c_str(), "%lld %lld %lld", &months, &days, &micros);
  const std::string sign = micros < 0 ? "-" : "";
  const long long total = micros < 0 ? -micros : micros;
  std::string text = Printed("%lld-%lld %lld ", months / 12, std::abs(months % 12), days) + sign +
                     Printed("%lld:%lld:%lld", total / kMicros / 3600, total / kMicros / 60 % 60, total / kMicros % 60);
  if (total % kMicros != 0) text += Printed(".%06lld", total % kMicros);
  return text;
}

// ---- nested values as JSON

class JsonPrinter {
 public:
  explicit JsonPrinter(bool lines) : lines_(lines) {}

  // Values nest as deep as their type, which the statement and the schema bound.
  void Value(std::string& out, const ValueVector& values, size_t row, int depth) const {  // NOLINT(misc-no-recursion)
    const ValueKind kind = values.type().kind;
    if (kind == ValueKind::kList) return List(out, values, row, depth);
    if (values.is_null(row)) {
      out += "null";
    } else if (kind == ValueKind::kStruct) {
      Struct(out, values, row, depth);
    } else if (kind == ValueKind::kString) {
      base::AppendJsonString(out, values.text(row));
    } else {
      out += '"';
      out += ScalarText(values, row);
      out += '"';
    }
  }

 private:
  void Line(std::string& out, int depth) const {
    if (!lines_) return;
    out += '\n';
    out.append(static_cast<size_t>(depth) * 2, ' ');
  }

  // A REPEATED value that is NULL is an empty array to GoogleSQL.
  void List(std::string& out, const ValueVector& values, size_t row, int depth) const {  // NOLINT(misc-no-recursion)
    const ValueVector::Span span = values.is_null(row) ? ValueVector::Span{} : values.list(row);
    out += '[';
    for (size_t i = 0; i < span.size; ++i) {
      if (i > 0) out += ',';
      Line(out, depth + 1);
      Value(out, values.child(0), span.begin + i, depth + 1);
    }
    if (span.size > 0) Line(out, depth);
    out += ']';
  }

  void Struct(std::string& out, const ValueVector& values, size_t row, int depth) const {  // NOLINT(misc-no-recursion)
    const std::vector<ValueType>& fields = values.type().children;
    out += '{';
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) out += ',';
      Line(out, depth + 1);
      base::AppendJsonString(out, fields[i].name);
      out += lines_ ? ": " : ":";
      Value(out, values.child(i), row, depth + 1);
    }
    Line(out, depth);
    out += '}';
  }

  bool lines_;
};

base::Status CheckType(const ValueType& type) {  // NOLINT(misc-no-recursion)
  if (type.kind == ValueKind::kOther) {
    return base::Error{base::ErrorCode::kUnsupported, "column " + type.name + " has a type that cannot be printed: CAST it"};
  }
  for (const ValueType& child : type.children) DH_CHECK(CheckType(child));
  return {};
}

std::string CellText(const ValueVector& values, size_t row) {
  std::string out;
  if (values.type().kind == ValueKind::kList || values.type().kind == ValueKind::kStruct) {
    if (values.is_null(row) && values.type().kind == ValueKind::kStruct) return out;
    JsonPrinter(false).Value(out, values, row, 0);
  } else if (!values.is_null(row)) {
    out = ScalarText(values, row);
  }
  return out;
}

// ---- the three forms

class Printer {
 public:
  explicit Printer(const Output& output) : output_(output) {}
  virtual ~Printer() = default;
  virtual base::Status Begin(const std::vector<ValueType>& columns) = 0;
  virtual base::Status Row(const Rows& rows, size_t row) = 0;
  virtual base::Status End() = 0;

 protected:
  base::Status Flush(bool all) {
    if (text_.empty() || (!all && text_.size() < kPieceBytes)) return {};
    DH_CHECK(output_(text_));
    text_.clear();
    return {};
  }

  std::string text_;

 private:
  const Output& output_;
};

// The page's two forms: docs/decisions/0005-json-as-on-the-page.md.
class JsonRows : public Printer {
 public:
  using Printer::Printer;

  base::Status Begin(const std::vector<ValueType>& columns) override {
    columns_ = &columns;
    separator_ = columns.size() == 1 ? ",\n  " : ", ";
    text_ = "[";
    return {};
  }

  base::Status Row(const Rows& rows, size_t row) override {
    text_ += first_ ? "\n  " : separator_;
    first_ = false;
    text_ += "{\n";
    for (size_t i = 0; i < columns_->size(); ++i) {
      text_ += "    ";
      base::AppendJsonString(text_, (*columns_)[i].name);
      text_ += ": ";
      printer_.Value(text_, rows.column(i), row, 2);
      text_ += i + 1 < columns_->size() ? ",\n" : "\n";
    }
    text_ += "  }";
    return Flush(false);
  }

  base::Status End() override {
    text_ += first_ ? "]\n" : "\n]\n";
    return Flush(true);
  }

 private:
  const std::vector<ValueType>* columns_ = nullptr;
  JsonPrinter printer_{true};
  std::string_view separator_;
  bool first_ = true;
};

// BigQuery's NEWLINE_DELIMITED_JSON.
class JsonLineRows : public Printer {
 public:
  using Printer::Printer;

  base::Status Begin(const std::vector<ValueType>& columns) override {
    columns_ = &columns;
    return {};
  }

  // Columns that are NULL are left out.
  base::Status Row(const Rows& rows, size_t row) override {
    text_ += '{';
    bool first = true;
    for (size_t i = 0; i < columns_->size(); ++i) {
      if (rows.column(i).is_null(row)) continue;
      if (!std::exchange(first, false)) text_ += ',';
      base::AppendJsonString(text_, (*columns_)[i].name);
      text_ += ':';
      printer_.Value(text_, rows.column(i), row, 0);
    }
    text_ += "}\n";
    return Flush(false);
  }

  base::Status End() override { return Flush(true); }

 private:
  const std::vector<ValueType>* columns_ = nullptr;
  JsonPrinter printer_{false};
};

class CsvRows : public Printer {
 public:
  using Printer::Printer;

  base::Status Begin(const std::vector<ValueType>& columns) override {
    count_ = columns.size();
    for (size_t i = 0; i < count_; ++i) {
      if (i > 0) text_ += ',';
      Cell(columns[i].name);
    }
    text_ += '\n';
    return {};
  }

  base::Status Row(const Rows& rows, size_t row) override {
    for (size_t i = 0; i < count_; ++i) {
      if (i > 0) text_ += ',';
      const ValueVector& values = rows.column(i);
      const std::string cell = CellText(values, row);
      // NULL is an empty cell, an empty string a quoted one.
      if (cell.empty() && values.type().kind == ValueKind::kString && !values.is_null(row)) {
        text_ += "\"\"";
      } else {
        Cell(cell);
      }
    }
    text_ += '\n';
    return Flush(false);
  }

  base::Status End() override { return Flush(true); }

 private:
  void Cell(std::string_view text) {
    if (text.find_first_of("\",\r\n") == std::string_view::npos) {
      text_ += text;
      return;
    }
    text_ += '"';
    for (const char c : text) {
      if (c == '"') text_ += '"';
      text_ += c;
    }
    text_ += '"';
  }

  size_t count_ = 0;
};

// Characters of a cell: values come from files of strangers, so nothing in them may steer a terminal; a byte that is no UTF-8
// neither.
std::string Shown(std::string_view text) {
  std::string out;
  size_t characters = 0;
  for (size_t i = 0; i < text.size();) {
    const base::Utf8Character character = base::FirstCharacter(text.substr(i));
    const size_t length = std::max<size_t>(character.length, 1);
    if (characters + 1 >= kMaxCellCharacters && i + length < text.size()) return out + "…";
    const char32_t code = character.code;
    if (code < 0x20 || (code >= 0x7F && code < 0xA0)) {  // C0, DEL, C1
      out += code == '\n' ? "⏎" : code == '\t' ? " " : "�";
    } else {
      out += text.substr(i, length);
    }
    ++characters;
    i += length;
  }
  return out;
}

// Characters that a terminal shows in two columns (Unicode's East Asian Width W and F, and emoji) or in none (marks that
// combine).
struct Range {
  uint32_t first;
  uint32_t last;
};
constexpr std::array<Range, 17> kWide = {{{0x1100, 0x115F},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0x3098},
                                          {0x309B, 0x33FF},
                                          {0x3400, 0x4DBF},
                                          {0x4E00, 0x9FFF},
                                          {0xA000, 0xA4CF},
                                          {0xA960, 0xA97C},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFE30, 0xFE6B},
                                          {0xFF01, 0xFF60},
                                          {0xFFE0, 0xFFE6},
                                          {0x1F300, 0x1F64F},
                                          {0x1F680, 0x1F6FF},
                                          {0x1F900, 0x1F9FF},
                                          {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 7> kMarks = {{{0x0300, 0x036F},
                                          {0x0591, 0x05BD},
                                          {0x064B, 0x065F},
                                          {0x200B, 0x200F},
                                          {0x20D0, 0x20F0},
                                          {0x3099, 0x309A},
                                          {0xFE00, 0xFE0F}}};

template <size_t N>
bool In(const std::array<Range, N>& ranges, uint32_t character) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [character](const Range& range) { return character >= range.first && character <= range.last; });
}

// Columns of a terminal that the text takes. Requires: valid UTF-8.
size_t Width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const base::Utf8Character character = base::FirstCharacter(text.substr(i));
    if (character.code < kMarks[0].first) {
      ++width;
    } else if (!In(kMarks, character.code)) {
      width += In(kWide, character.code) ? 2 : 1;
    }
    i += std::max<size_t>(character.length, 1);
  }
  return width;
}

class TableRows : public Printer {
 public:
  using Printer::Printer;

  base::Status Begin(const std::vector<ValueType>& columns) override {
    for (const ValueType& column : columns) {
      right_.push_back(IsNumber(column.kind));
      header_.push_back(Shown(column.name));
      widths_.push_back(Width(header_.back()));
    }
    return {};
  }

  base::Status Row(const Rows& rows, size_t row) override {
    std::vector<std::string> cells;
    cells.reserve(right_.size());
    for (size_t i = 0; i < right_.size(); ++i) {
      const ValueVector& values = rows.column(i);
      const bool null = values.is_null(row) && values.type().kind != ValueKind::kList;
      cells.push_back(null ? "NULL" : Shown(CellText(values, row)));
    }
    ++count_;
    if (started_) {
      Line(cells);
      return Flush(false);
    }
    for (size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], Width(cells[i]));
    measured_.push_back(std::move(cells));
    if (measured_.size() >= kRowsToMeasure) Start();
    return Flush(false);
  }

  base::Status End() override {
    if (!started_) Start();
    Rule();
    text_ += "(" + std::to_string(count_) + (count_ == 1 ? " row)\n" : " rows)\n");
    return Flush(true);
  }

 private:
  void Rule() {
    for (const size_t width : widths_) text_ += "+" + std::string(width + 2, '-');
    text_ += "+\n";
  }

  void Line(const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const size_t width = Width(cells[i]);
      const std::string fill(widths_[i] > width ? widths_[i] - width : 0, ' ');
      text_ += right_[i] ? "| " + fill + cells[i] + " " : "| " + cells[i] + fill + " ";
    }
    text_ += "|\n";
  }

  void Start() {
    started_ = true;
    Rule();
    Line(header_);
    Rule();
    for (const auto& cells : measured_) Line(cells);
    measured_.clear();
  }

  std::vector<bool> right_;
  std::vector<std::string> header_;
  std::vector<size_t> widths_;
  std::vector<std::vector<std::string>> measured_;
  size_t count_ = 0;
  bool started_ = false;
};

base::Status PrintAll(Rows& rows, int64_t max_rows, Printer& printer) {
  for (const ValueType& column : rows.columns()) DH_CHECK(CheckType(column));
  DH_CHECK(printer.Begin(rows.columns()));
  int64_t count = 0;
  for (bool done = false; !done;) {
    DH_ASSIGN(const bool more, rows.Next());
    if (!more) break;
    for (size_t row = 0; row < rows.size() && !done; ++row) {
      DH_CHECK(printer.Row(rows, row));
      done = max_rows > 0 && ++count >= max_rows;
    }
  }
  return printer.End();
}

}  // namespace

std::string FloatText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value == 0) return "0.0";
  const double size = std::fabs(value);
  std::array<char, 400> buffer{};
  // Java's Double.toString, which BigQuery's answers follow: plain digits from 1e-3 up to 1e7, else "d.dE±n".
  const bool plain = size >= 1e-3 && size < 1e7;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer.data(), result.ptr);
  if (plain) return text.find('.') == std::string::npos ? text + ".0" : text;
  const size_t e = text.find('e');
  std::string digits = text.substr(0, e);
  if (digits.find('.') == std::string::npos) digits += ".0";
  return digits + "E" + std::to_string(std::stoi(text.substr(e + 1)));
}

std::string ScalarText(const ValueVector& values, size_t row) {
  switch (values.type().kind) {
    case ValueKind::kBoolean:
      return values.boolean(row) ? "true" : "false";
    case ValueKind::kFloat:
    case ValueKind::kDouble:
      return FloatText(values.real(row));
    case ValueKind::kUint64:
    case ValueKind::kHuge:
    case ValueKind::kDecimal:
      return values.digits(row);
    case ValueKind::kString:
      return std::string(values.text(row));
    case ValueKind::kBytes:
      return base::Base64(values.text(row));
    case ValueKind::kDate:
      return DateText(values.integer(row));
    case ValueKind::kTime:
      return TimeText(values.integer(row));
    case ValueKind::kDatetime:
      return DatetimeText(values.integer(row), 'T');
    case ValueKind::kTimestamp:
      return DatetimeText(values.integer(row), ' ') + " UTC";
    case ValueKind::kInterval:
      return IntervalText(values.digits(row));
    case ValueKind::kNull:
    case ValueKind::kList:
    case ValueKind::kStruct:
    case ValueKind::kOther:
      return "";
    default:
      return std::to_string(values.integer(row));
  }
}

base::Status Print(Rows& rows, Format format, int64_t max_rows, const Output& output) {
  if (format == Format::kJson) {
    JsonRows printer(output);
    return PrintAll(rows, max_rows, printer);
  }
  if (format == Format::kJsonLines) {
    JsonLineRows printer(output);
    return PrintAll(rows, max_rows, printer);
  }
  if (format == Format::kCsv) {
    CsvRows printer(output);
    return PrintAll(rows, max_rows, printer);
  }
  TableRows printer(output);
  return PrintAll(rows, max_rows, printer);
}

}  // namespace dicomhouse::query
