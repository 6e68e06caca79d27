// Conversions: CAST, SAFE_CAST, and values as text. The engine's casts take more than GoogleSQL's ('1.5', '1e3' and '1_000' as
// INT64, 'yes' as BOOL), so the form of a text is looked at before the engine converts it.
#include <algorithm>
#include <regex>
#include <utility>

#include "query/internal/translator.h"

namespace dicomhouse::query::internal {
namespace {

// Longer arguments are not repeated.
constexpr size_t kShort = 60;

// A type to cast to. Types of sources are called as the engine's typeof() does.
struct CastRule {
  std::string engine;
  std::string google;
  std::string text;   // $1: the text; NULL where it is no value of the type
  std::string from;   // a pattern: the sources that there is a cast from, beside STRING
  std::string form;   // of types whose literals are texts: the pattern of those,
  std::string value;  // and what the engine casts of them ($1 AS type)
};

std::vector<CastRule> MakeCasts() {
  const std::string date = R"((000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-\d{1,2}-\d{1,2})";
  const std::string time = R"(([01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d(\.\d{0,6})?)";
  const std::string real = R"((\d+\.?\d*|\.\d+)(e[+-]?\d+)?)";
  const std::string integers = "U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER";
  const std::string numbers = integers + "|FLOAT|DOUBLE|DECIMAL.*";
  const std::string days = "DATE|TIMESTAMP.*";
  const auto form = [](const std::string& pattern, const std::string& value) {
    return "WHEN regexp_full_match($1, '" + pattern + "') THEN TRY_CAST(" + value + ") ";
  };
  // A zone with one digit of hours or minutes, a date alone with one, and small letters are brought to the engine's form.
  const std::string moment =
      R"(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace($1, )"
      R"('^([0-9]+-[0-9]+-[0-9]+)([+-].*|[Zz]| [A-Za-z].*)$', '\1 00:00:00\2'), '(\d)t(\d)', '\1T\2'), '(\d)[zZ]$', '\1+00'), )"
      R"('(:[0-9.]+[+-])(\d)(:\d+)?$', '\10\2\3'), '([+-]\d\d:)(\d)$', '\10\2') AS TIMESTAMPTZ)";
  const std::string datetime = date + "([ Tt]" + time + ")?";
  const std::string instant = datetime + R"(([Zz]|[+-](0?\d|1[0-4])(:[0-5]?\d)?| [A-Za-z][A-Za-z0-9_/+-]*)?)";
  return {{"BIGINT", "INT64",
           "CASE " + form(R"(\s*[+-]?\d+\s*)", "$1 AS BIGINT") +
               form(R"(\s*[+-]?0[xX][0-9a-fA-F]+\s*)",
                    R"(CAST(TRY_CAST('0x' || regexp_extract($1, '[xX]0*([0-9a-fA-F]+)', 1) AS UBIGINT) AS HUGEINT) )"
                    R"(* (CASE WHEN contains($1, '-') THEN -1 ELSE 1 END) AS BIGINT)") +
               "END",
           numbers + "|BOOLEAN", "", ""},
          {"DOUBLE", "FLOAT64", "CASE " + form("(?i)\\s*[+-]?(" + real + "|inf|infinity|nan)\\s*", "$1 AS DOUBLE") + "END",
           numbers, "", ""},
          {"DECIMAL(38, 9)", "NUMERIC", "CASE " + form("(?i)\\s*[+-]?" + real + "\\s*", "$1 AS DECIMAL(38, 9)") + "END", numbers,
           R"(\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*)", "$1 AS DECIMAL(38, 9)"},
          {"BOOLEAN", "BOOL", "CASE lower($1) WHEN 'true' THEN true WHEN 'false' THEN false END", integers + "|BOOLEAN", "", ""},
          {"BLOB", "BYTES", "encode($1)", "BLOB", "", ""},
          {"DATE", "DATE", "CASE " + form(date, "$1 AS DATE") + "END", days, date, "$1 AS DATE"},
          {"TIME", "TIME", "CASE " + form(time, "$1 AS TIME") + "END", "TIME|TIMESTAMP.*", time, "$1 AS TIME"},
          {"TIMESTAMP", "DATETIME", "CASE " + form(datetime, "upper($1) AS TIMESTAMP") + "END", days, datetime,
           "upper($1) AS TIMESTAMP"},
          {"TIMESTAMPTZ", "TIMESTAMP",
           "CASE " +
               form(R"([1-9]\d{3}-\d\d-\d\d[ T]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,6})?(Z|[+-](0\d|1[0-3])(:[0-5]\d)?)?)",
                    "$1 AS TIMESTAMPTZ") +
               form(instant, moment) + "END",
           days, instant, moment}};
}

const CastRule* FindCast(const std::string& engine) {
  static const std::vector<CastRule> kCasts = MakeCasts();
  const auto found = std::find_if(kCasts.begin(), kCasts.end(), [&](const CastRule& rule) { return rule.engine == engine; });
  return found == kCasts.end() ? nullptr : &*found;
}

// May `value` stand several times in the engine's text? Not when it is long, or gives another value each time.
bool Repeatable(const SqlText& value) {
  return value.sql.size() < kShort && !value.has_query && value.sql.find("random()") == std::string::npos &&
         value.sql.find("uuid()") == std::string::npos;
}

// NULL where there is no value of the type; the branches of other types than the value's are dropped before anything runs.
SqlText TryCast(const CastRule& rule, const SqlText& value) {
  SqlText out = Wrap("CASE WHEN typeof(", value, ") = 'VARCHAR' THEN ");
  out.Add(FillTemplate(rule.text, {Wrap("CAST(", value, " AS VARCHAR)")}));
  // GoogleSQL rounds halves away from zero, the engine's cast to even numbers.
  if (rule.engine == "BIGINT") {
    out.Add(
        FillTemplate(" WHEN typeof($1) IN ('DOUBLE', 'FLOAT') THEN TRY_CAST(round(TRY_CAST($1 AS DOUBLE)) AS BIGINT)", {value}));
  }
  if (rule.engine == "TIME") {
    out.Add(FillTemplate(" WHEN typeof($1) LIKE 'TIMESTAMP%' THEN CAST(TRY_CAST($1 AS TIMESTAMP) AS TIME)", {value}));
  }
  out.Add(FillTemplate(" WHEN NOT regexp_full_match(typeof($1), '" + rule.from +
                           "|\"NULL\"') THEN error('There is no CAST of a ' || CASE typeof($1) WHEN 'TIMESTAMP' THEN 'DATETIME' "
                           "WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP' ELSE typeof($1) END || ' to " +
                           rule.google + "') ELSE TRY_CAST($1 AS " + rule.engine + ") END",
                       {value}));
  return out;
}

// A TIME or TIMESTAMP as text: fractions of 0, 3 or 6 digits, as GoogleSQL writes them.
SqlText FractionText(const SqlText& text, size_t seconds_end, std::string_view tail) {
  // "08:30:00.5" + "00000": the longest of the three forms before the zeros that are too many.
  const std::string width = ".{" + std::to_string(seconds_end) + "}";
  SqlText out("CASE WHEN length(");
  out.Add(text);
  out.Add(") = " + std::to_string(seconds_end) + " THEN ");
  out.Add(text);
  out.Add(" ELSE regexp_replace(");
  out.Add(text);
  out.Add(" || '00000', '^(" + width + "|" + width + "\\..{3}|" + width + "\\..{6})0*$', '\\1') END");
  return tail.empty() ? Wrap("(", out, ")") : Wrap("((", out, ") || '" + std::string(tail) + "')");
}

SqlText TimeText(const SqlText& value) { return FractionText(Wrap("CAST(", value, " AS VARCHAR)"), 8, ""); }
SqlText DatetimeText(const SqlText& value, std::string_view tail) {
  return FractionText(Wrap("CAST(CAST(", value, " AS TIMESTAMP) AS VARCHAR)"), 19, tail);
}

// Bytes as the text that they are in UTF-8.
SqlText BytesText(const SqlText& value, bool safe) { return Wrap(safe ? "TRY(decode(" : "decode(", value, safe ? "))" : ")"); }

// Text of a value whose type only the engine knows. The branches that do not fit are dropped before anything runs.
SqlText AnyText(const SqlText& value, bool safe) {
  const SqlText text = Wrap("CAST(", value, " AS VARCHAR)");
  SqlText out = Wrap("(CASE typeof(", value, ") WHEN 'TIME' THEN ");
  out.Add(FractionText(text, 8, ""));
  out.Add(" WHEN 'TIMESTAMP' THEN ");
  out.Add(FractionText(text, 19, ""));
  out.Add(" WHEN 'TIMESTAMP WITH TIME ZONE' THEN ");
  out.Add(FractionText(Wrap("replace(", text, ", '+00', '')"), 19, "+00"));
  out.Add(" WHEN 'DOUBLE' THEN regexp_replace(");
  out.Add(text);
  out.Add(", '\\.0$', '') WHEN 'BLOB' THEN ");
  out.Add(BytesText(Wrap("TRY_CAST(", value, " AS BLOB)"), safe));
  out.Add(" ELSE ");
  out.Add(text);
  out.Add(" END)");
  return out;
}

}  // namespace

bool Translator::IsText(Range range, const Scope* scope) const {
  if (range.size() == 1 && token(range.begin).kind == TokenKind::kString) return true;
  if (range.size() > 2 && IsName(range.begin) && token(range.begin + 1).is("(") &&
      token(range.begin + 1).match + 1 == range.end) {
    const Function* function = FindFunction(ToUpper(token(range.begin).text));
    return function != nullptr && function->text;
  }
  const FieldType type = TypeOfPath(range, scope);
  return type.field != nullptr && !type.repeated && type.field->type == table::Type::kString && type.field->foreign_type.empty();
}

// CAST(range AS STRING).
base::Result<SqlText> Translator::AsText(Range range, const Scope* scope, bool safe) {
  DH_ASSIGN(const SqlText value, Expression(range, scope));
  if (IsText(range, scope)) return value.sql.size() < kShort ? value : Wrap("(", value, ")");
  if (range.size() == 1 && token(range.begin).kind == TokenKind::kBytes) return BytesText(value, safe);
  const FieldType type = TypeOfPath(range, scope);
  if (type.field != nullptr && !type.repeated && type.field->foreign_type.empty()) {
    switch (type.field->type) {
      case table::Type::kBytes:
        return BytesText(value, safe);
      case table::Type::kTime:
        return TimeText(value);
      case table::Type::kTimestamp:
        return DatetimeText(value, "+00");
      case table::Type::kDate:
      case table::Type::kInteger:
      case table::Type::kBoolean:
        return Wrap("CAST(", value, " AS VARCHAR)");
      default:
        break;
    }
  }
  if (Repeatable(value)) return AnyText(value, safe);
  SqlText out = Wrap("list_transform([", value, "], lambda dh_value: ");
  out.Add(AnyText(SqlText("dh_value"), safe));
  out.Add(")[1]");
  return out;
}

// The engine's name of the type of an expression that shows it: a literal, a column, a function of text. "": not known here.
std::string Translator::StaticType(Range range, const Scope* scope) const {
  if (range.size() == 2 && (token(range.begin).is("-") || token(range.begin).is("+"))) ++range.begin;
  if (range.size() == 1) {
    const Token& one = token(range.begin);
    if (one.kind == TokenKind::kInteger) return "BIGINT";
    if (one.kind == TokenKind::kFloat) return "DOUBLE";
    if (one.kind == TokenKind::kBytes) return "BLOB";
    if (IsKeyword(one, "TRUE") || IsKeyword(one, "FALSE")) return "BOOLEAN";
  }
  if (range.size() == 2 && token(range.begin + 1).kind == TokenKind::kString) {
    for (const auto& [google, engine] : {std::pair("DATE", "DATE"), std::pair("TIME", "TIME"), std::pair("DATETIME", "TIMESTAMP"),
                                         std::pair("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")}) {
      if (Keyword(range.begin, google)) return engine;
    }
  }
  if (IsText(range, scope)) return "VARCHAR";
  const FieldType type = TypeOfPath(range, scope);
  if (type.field == nullptr || type.repeated || !type.field->foreign_type.empty()) return "";
  switch (type.field->type) {
    case table::Type::kInteger:
      return "BIGINT";
    case table::Type::kFloat:
      return "DOUBLE";
    case table::Type::kBoolean:
      return "BOOLEAN";
    case table::Type::kBytes:
      return "BLOB";
    case table::Type::kDate:
      return "DATE";
    case table::Type::kTime:
      return "TIME";
    case table::Type::kTimestamp:
      return "TIMESTAMP WITH TIME ZONE";
    default:
      return "";
  }
}

base::Result<SqlText> Translator::Cast(Range inside, const Scope* scope, bool safe) {
  const size_t as = FindKeyword(inside, "AS");
  if (as >= inside.end) return Unexpected(as, "CAST(value AS type)");
  size_t end = as + 1;
  DH_ASSIGN(const std::string type, TypeSql(end, inside.end, 0));
  if (end < inside.end && Keyword(end, "FORMAT")) return Unsupported(end, "CAST with FORMAT", "use FORMAT_DATE or PARSE_DATE");
  if (end != inside.end) return Unexpected(end, "\")\"");
  return CastTo(type, {inside.begin, as}, scope, safe);
}

// `range` as the engine's `type`.
base::Result<SqlText> Translator::CastTo(const std::string& type, Range range, const Scope* scope, bool safe) {
  if (type == "VARCHAR") return AsText(range, scope, safe);
  DH_ASSIGN(const SqlText value, Expression(range, scope));
  const CastRule* rule = FindCast(type);
  // Elements of arrays and fields of records follow the engine's rules.
  if (rule == nullptr) return Wrap(safe ? "TRY_CAST(" : "CAST(", value, " AS " + type + ")");
  const std::string from = StaticType(range, scope);
  const bool text = from == "VARCHAR";
  if (!from.empty() && !text && !std::regex_match(from, std::regex(rule->from))) {
    const CastRule* source = FindCast(from == "TIMESTAMP WITH TIME ZONE" ? "TIMESTAMPTZ" : from);
    return ErrorAt(token(range.begin).at,
                   "there is no CAST of a " + (source == nullptr ? from : source->google) + " to " + rule->google);
  }
  if (text && type == "BLOB") return FillTemplate(rule->text, {value});
  if (from.starts_with("TIMESTAMP") && type == "TIME") return Wrap("CAST(CAST(", value, " AS TIMESTAMP) AS TIME)");
  // A date or a whole number: what the engine's cast takes is what GoogleSQL's takes.
  if (!from.empty() && !text && from != "DOUBLE") return Wrap(safe ? "TRY_CAST(" : "CAST(", value, " AS " + type + ")");
  const bool once = !Repeatable(value);
  const SqlText one = once ? SqlText("dh_value") : value;
  SqlText out = text ? FillTemplate(rule->text, {one}) : TryCast(*rule, one);
  if (!safe) {
    out = Wrap("coalesce(", out, ", CASE WHEN (");
    out.Add(one);
    out.Add(") IS NOT NULL THEN error('CAST of a value that is no " + rule->google + "; SAFE_CAST gives NULL') END)");
  }
  if (!once) return Wrap("(", out, ")");
  SqlText list = Wrap("list_transform([", value, "], lambda dh_value: ");
  list.Add(out);
  list.Add(")[1]");
  return list;
}

// DATE '...' and the like: the literal's text at `index`, its type as the engine calls it.
base::Result<SqlText> Translator::TypedLiteral(const std::string& type, size_t index) const {
  constexpr size_t kLongest = 100;
  const CastRule* rule = FindCast(type);
  const std::string& text = token(index).text;
  if (text.size() > kLongest || !std::regex_match(text, std::regex(rule->form))) {
    const std::string form = type == "DATE"   ? "; its form is YYYY-MM-DD"
                             : type == "TIME" ? "; its form is HH:MM:SS, with up to 6 digits of fraction"
                             : type.starts_with("TIMESTAMP")
                                 ? "; its form is YYYY-MM-DD HH:MM:SS, with up to 6 digits of fraction"
                                 : "";
    return ErrorAt(token(index).at, "this text is no " + rule->google + form);
  }
  return Wrap("CAST(", FillTemplate(rule->value, {SqlText(QuoteString(text))}), ")");
}

}  // namespace dicomhouse::query::internal
