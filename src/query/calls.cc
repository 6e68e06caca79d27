// Calls: the rows of functions.cc, and those that need more than a row.
#include <algorithm>
#include <array>
#include <regex>
#include <utility>

#include "query/internal/translator.h"

namespace dicomhouse::query::internal {
namespace {

struct Part {
  std::string_view google;
  std::string_view engine;
};
// Parts that shift, count and cut dates. WEEK begins on Sunday and is handled where it is used.
constexpr std::array<Part, 12> kParts = {{{"MICROSECOND", "microsecond"},
                                          {"MILLISECOND", "millisecond"},
                                          {"SECOND", "second"},
                                          {"MINUTE", "minute"},
                                          {"HOUR", "hour"},
                                          {"DAY", "day"},
                                          {"WEEK", "week"},
                                          {"ISOWEEK", "week"},
                                          {"MONTH", "month"},
                                          {"QUARTER", "quarter"},
                                          {"YEAR", "year"},
                                          {"ISOYEAR", "isoyear"}}};

// Elements of format strings: GoogleSQL's on the left, the engine's on the right.
constexpr std::array<Part, 34> kFormatElements = {
    {{"A", "%A"},  {"a", "%a"},       {"B", "%B"}, {"b", "%b"},    {"h", "%b"}, {"D", "%m/%d/%y"}, {"d", "%d"},
     {"e", "%-d"}, {"F", "%Y-%m-%d"}, {"G", "%G"}, {"H", "%H"},    {"I", "%I"}, {"j", "%j"},       {"M", "%M"},
     {"m", "%m"},  {"n", "\n"},       {"p", "%p"}, {"R", "%H:%M"}, {"S", "%S"}, {"T", "%H:%M:%S"}, {"t", "\t"},
     {"U", "%U"},  {"u", "%u"},       {"V", "%V"}, {"W", "%W"},    {"w", "%w"}, {"X", "%H:%M:%S"}, {"x", "%m/%d/%y"},
     {"Y", "%Y"},  {"y", "%y"},       {"Z", "%Z"}, {"z", "%z"},    {"%", "%%"}, {"k", "%-H"}}};

// The number of groups in a regular expression: brackets that are not escaped, not in a class, and not "(?:" and the like.
int Groups(const std::string& pattern) {
  int groups = 0;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (in_class) {
      in_class = pattern[i] != ']';
    } else if (pattern[i] == '[') {
      in_class = true;
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') ++i;
    } else if (pattern[i] == '(' && (i + 1 >= pattern.size() || pattern[i + 1] != '?' || pattern.substr(i + 1, 2) == "?P")) {
      ++groups;
    }
  }
  return groups;
}

}  // namespace

// A call; `index` at its name, then behind it.
base::Result<SqlText> Translator::Call(size_t& index, const Scope* scope) {
  const size_t at = index;
  const Range inside{at + 2, token(at + 1).match};
  index = inside.end + 1;
  const std::string upper = ToUpper(token(at).text);
  const std::vector<Range> arguments = Split(inside);
  const Function* function = FindFunction(upper, arguments.size());
  if (function == nullptr) {
    const Function* other = FindFunction(upper);
    if (other == nullptr) return Unsupported(at, "the function " + token(at).text, FunctionHint(upper));
    // Types in CAST hold commas of their own.
    if (other->kind != FunctionKind::kSpecial ||
        (upper != "CAST" && upper != "SAFE_CAST" && upper != "ARRAY" && upper != "EXISTS")) {
      return ErrorAt(token(at).at, upper + " does not take " + std::to_string(arguments.size()) + " arguments");
    }
    function = other;
  }
  base::Result<SqlText> out = SqlText();
  if (function->kind == FunctionKind::kSpecial) {
    out = Special(*function, at, inside, scope);
  } else if (function->kind == FunctionKind::kScalar) {
    std::vector<SqlText> texts;
    for (const Range argument : arguments) {
      DH_ASSIGN(SqlText text, Expression(argument, scope));
      texts.push_back(std::move(text));
    }
    out = FillTemplate(function->sql, texts);
  } else {
    out = Aggregate(*function, inside, scope);
  }
  if (!out.ok()) return out;
  DH_CHECK(CheckSize(*out, at));
  return out;
}

base::Result<SqlText> Translator::Special(const Function& function, size_t at, Range inside, const Scope* scope) {
  const std::string_view name = function.name;
  const std::vector<Range> arguments = Split(inside);
  if (name == "CAST" || name == "SAFE_CAST") return Cast(inside, scope, name == "SAFE_CAST");
  if (name == "EXTRACT") return Extract(inside, scope);
  if (name == "STRUCT") return Struct(inside, scope);
  if (name == "EXISTS" || name == "ARRAY") {
    if (!IsQuery(at + 1)) return Unexpected(inside.begin, "a SELECT");
    return name == "ARRAY" ? ArrayQuery(inside, scope) : ExistsQuery(inside, scope);
  }
  if (name == "UNNEST") return ErrorAt(token(at).at, "UNNEST stands in FROM, or behind IN");
  if (name == "COUNT") return Count(inside, scope);
  if (name == "COUNTIF") {
    DH_ASSIGN(const SqlText condition, Expression(inside, scope));
    SqlText out = Wrap("count(*) FILTER (WHERE ", condition, ")");
    out.has_aggregate = true;
    return out;
  }
  if (name == "APPROX_QUANTILES") return Quantiles(at, arguments, scope);
  if (name == "GREATEST" || name == "LEAST") return Extreme(function, arguments, scope);
  if (name == "DIV") {
    DH_ASSIGN(const SqlText left, Expression(arguments[0], scope));
    DH_ASSIGN(const SqlText right, Expression(arguments[1], scope));
    return FillTemplate("CASE WHEN $2 = 0 THEN error('division by zero in DIV') ELSE $1 // $2 END", {left, right});
  }
  if (name == "ARRAY_CONCAT") {
    SqlText out;
    for (const Range argument : arguments) {
      DH_ASSIGN(const SqlText text, Expression(argument, scope));
      out.Add(out.sql.empty() ? "((" : " || (");
      out.Add(text);
      out.Add(")");
    }
    out.Add(")");
    return out;
  }
  if (function.text) return TextCall(function, at, arguments, scope);
  if (name == "REGEXP_EXTRACT_ALL") return RegexpExtract(function, arguments, scope);
  return DateCall(function, at, arguments, scope);
}

// The argument of a function of dates or times, whose name begins with the type: a text there is a literal of that type.
base::Result<SqlText> Translator::MomentArgument(std::string_view type, Range range, const Scope* scope) {
  if (range.size() != 1 || token(range.begin).kind != TokenKind::kString) return Expression(range, scope);
  for (const std::string_view google : {"DATETIME", "DATE", "TIMESTAMP", "TIME"}) {
    if (!type.starts_with(google)) continue;
    const std::string engine = google == "TIMESTAMP" ? "TIMESTAMPTZ" : google == "DATETIME" ? "TIMESTAMP" : std::string(google);
    return TypedLiteral(engine, range.begin);
  }
  return Expression(range, scope);
}

// The distance of a time zone from UTC as the engine's interval: of UTC and of offsets, which have no summer time.
base::Result<std::string> Translator::ZoneInterval(Range range) const {
  const std::string hint = "known are 'UTC' and offsets, as in '-05:00'";
  if (range.size() != 1 || token(range.begin).kind != TokenKind::kString) {
    return Unsupported(range.begin, "a time zone that is no literal", hint);
  }
  const std::string& text = token(range.begin).text;
  if (text == "UTC" || text == "Etc/UTC") return std::string("INTERVAL 0 MINUTE");
  std::smatch part;
  if (text.size() > 6 || !std::regex_match(text, part, std::regex(R"(([+-])(0?\d|1[0-4])(:([0-5]?\d))?)"))) {
    return Unsupported(range.begin, "the time zone " + text, hint);
  }
  const int minutes = std::stoi(part[2]) * 60 + (part[4].length() > 0 ? std::stoi(part[4]) : 0);
  return "INTERVAL (" + part[1].str() + std::to_string(minutes) + ") MINUTE";
}

// DATE, TIME, DATETIME and TIMESTAMP of a moment, with a time zone or without; DATETIME(date, time).
base::Result<SqlText> Translator::MomentCall(const Function& function, const std::vector<Range>& arguments, const Scope* scope) {
  const std::string_view name = function.name;
  if (name == "TIMESTAMP") {
    if (arguments.size() == 1) return CastTo("TIMESTAMPTZ", arguments[0], scope, false);
    DH_ASSIGN(const std::string zone, ZoneInterval(arguments[1]));
    // A text, a date or a DATETIME is a time in the zone.
    DH_ASSIGN(const SqlText local, CastTo("TIMESTAMP", arguments[0], scope, false));
    return Wrap("CAST((", local, ") - " + zone + " AS TIMESTAMPTZ)");
  }
  const std::string type = StaticType(arguments[1], scope);
  if (name == "DATETIME" && type != "VARCHAR" && type != "BIGINT") {
    DH_ASSIGN(const SqlText date, MomentArgument("DATE", arguments[0], scope));
    DH_ASSIGN(const SqlText time, Expression(arguments[1], scope));
    return FillTemplate("($1 + $2)", {date, time});
  }
  DH_ASSIGN(const std::string zone, ZoneInterval(arguments[1]));
  DH_ASSIGN(const SqlText value, MomentArgument("TIMESTAMP", arguments[0], scope));
  const std::string engine = name == "DATETIME" ? "TIMESTAMP" : std::string(name);
  return Wrap("CAST(CAST(CAST(", value, " AS TIMESTAMPTZ) AS TIMESTAMP) + " + zone + " AS " + engine + ")");
}

base::Result<SqlText> Translator::TextCall(const Function& function, size_t at, const std::vector<Range>& arguments,
                                           const Scope* scope) {
  const std::string_view name = function.name;
  if (name == "CONCAT") {
    // Not the engine's concat: that one passes over NULL.
    SqlText out;
    for (const Range argument : arguments) {
      DH_ASSIGN(const SqlText text, AsText(argument, scope));
      out.Add(out.sql.empty() ? "(" : " || ");
      out.Add(text);
    }
    out.Add(")");
    return out;
  }
  if (name == "STRING") return AsText(arguments[0], scope);
  if (name == "FORMAT") return Format(arguments, scope);
  if (name == "REGEXP_EXTRACT" || name == "REGEXP_SUBSTR") return RegexpExtract(function, arguments, scope);
  if (name.starts_with("FORMAT_")) return FormatDate(function, arguments, scope);
  return Unsupported(at, "the function " + std::string(name));
}

base::Result<SqlText> Translator::DateCall(const Function& function, size_t at, const std::vector<Range>& arguments,
                                           const Scope* scope) {
  const std::string_view name = function.name;
  if (name.starts_with("CURRENT_")) {
    if (!arguments.empty() && !arguments[0].empty()) return Unsupported(at, "a time zone here", "times are UTC");
    if (name == "CURRENT_DATE") return SqlText("CAST(now() AS DATE)");
    if (name == "CURRENT_TIME") return SqlText("CAST(CAST(now() AS TIMESTAMP) AS TIME)");
    return SqlText(name == "CURRENT_DATETIME" ? "CAST(now() AS TIMESTAMP)" : "now()");
  }
  if (name.ends_with("_ADD") || name.ends_with("_SUB")) return Shift(function, arguments, scope);
  if (name.ends_with("_DIFF")) return Difference(function, arguments, scope);
  if (name.ends_with("_TRUNC")) return Truncate(function, arguments, scope);
  if (name.starts_with("PARSE_")) return FormatDate(function, arguments, scope);
  if (name == "DATE" || name == "TIME" || name == "DATETIME" || name == "TIMESTAMP") {
    return MomentCall(function, arguments, scope);
  }
  if (name == "GENERATE_DATE_ARRAY") {
    DH_ASSIGN(const SqlText from, MomentArgument(name.substr(name.find('_') + 1), arguments[0], scope));
    DH_ASSIGN(const SqlText to, MomentArgument(name.substr(name.find('_') + 1), arguments[1], scope));
    SqlText step("INTERVAL 1 DAY");
    if (arguments.size() > 2) {
      DH_ASSIGN(step, Expression(arguments[2], scope));
    }
    return FillTemplate(
        "CASE WHEN date_diff('day', $1, $2) > 1048576 THEN error('GENERATE_DATE_ARRAY of more than 1048576 elements') ELSE "
        "list_transform(generate_series(CAST($1 AS TIMESTAMP), CAST($2 AS TIMESTAMP), $3), lambda dh_day: CAST(dh_day AS DATE)) "
        "END",
        {from, to, step});
  }
  return Unsupported(at, "the function " + std::string(name));
}

// ---- aggregates

base::Result<SqlText> Translator::Count(Range inside, const Scope* scope) {
  SqlText out;
  if (inside.size() == 1 && token(inside.begin).is("*")) {
    out.Add("count(*)");
  } else {
    const bool distinct = Keyword(inside.begin, "DISTINCT");
    if (distinct) ++inside.begin;
    if (Split(inside).size() != 1) return ErrorAt(token(inside.begin).at, "COUNT takes one argument");
    DH_ASSIGN(const SqlText text, Expression(inside, scope));
    out = Wrap(distinct ? "count(DISTINCT " : "count(", text, ")");
  }
  out.has_aggregate = true;
  return out;
}

// name([DISTINCT] arguments [IGNORE NULLS] [ORDER BY ...] [LIMIT n])
base::Result<SqlText> Translator::Aggregate(const Function& function, Range inside, const Scope* scope) {
  const bool window = function.kind == FunctionKind::kWindow;
  const size_t having = FindKeyword(inside, "HAVING");
  if (having < inside.end) return Unsupported(having, "HAVING inside an aggregate", "use MAX_BY or MIN_BY");
  const size_t limit = FindKeyword(inside, "LIMIT");
  const size_t order = std::min(FindKeyword(inside, "ORDER"), limit);
  const size_t ignore = std::min(FindKeyword(inside, "IGNORE"), order);
  const size_t respect = std::min(FindKeyword(inside, "RESPECT"), order);
  const bool nulls = std::min(ignore, respect) < order && Keyword(std::min(ignore, respect) + 1, "NULLS");
  Range rest{inside.begin, nulls ? std::min(ignore, respect) : order};
  const bool distinct = Keyword(rest.begin, "DISTINCT");
  if (distinct) ++rest.begin;
  std::vector<SqlText> texts;
  for (const Range argument : Split(rest)) {
    DH_ASSIGN(SqlText text, Expression(argument, scope));
    texts.push_back(std::move(text));
  }
  if (function.name == "STRING_AGG" && texts.size() == 1) texts.emplace_back("','");
  SqlText inner;
  for (size_t i = 0; i < texts.size(); ++i) {
    inner.Add(i > 0 ? ", " : distinct ? "DISTINCT " : "");
    inner.Add(texts[i]);
  }
  if (order < limit) {
    if (window || !Keyword(order + 1, "BY")) return Unexpected(order, window ? "OVER (... ORDER BY ...)" : "ORDER BY");
    DH_ASSIGN(const SqlText keys, Expression({order + 2, limit}, scope));
    inner.Add(" ORDER BY ");
    inner.Add(keys);
  }
  const bool ignored = nulls && ignore < respect;
  if (window && nulls) inner.Add(ignored ? " IGNORE NULLS" : " RESPECT NULLS");
  const size_t star = function.sql.find("$*");
  SqlText out = star == std::string_view::npos ? SqlText(std::string(function.sql))
                                               : Wrap(function.sql.substr(0, star), inner, function.sql.substr(star + 2));
  if (!window && ignored && function.name == "ARRAY_AGG") {
    out.Add(" FILTER (WHERE (");
    out.Add(texts[0]);
    out.Add(") IS NOT NULL)");
  }
  if (limit < inside.end) {
    if (function.name != "ARRAY_AGG" || limit + 2 != inside.end) return Unsupported(limit, "LIMIT inside this aggregate");
    DH_ASSIGN(const SqlText count, Expression({limit + 1, limit + 2}, scope));
    out = Wrap("(", out, ")[1:" + count.sql + "]");
  }
  out.has_aggregate = true;
  return out;
}

base::Result<SqlText> Translator::Quantiles(size_t at, const std::vector<Range>& arguments, const Scope* scope) {
  constexpr int kMaxQuantiles = 1000;
  const Range number = arguments[1];
  const std::string& digits = token(number.begin).text;
  if (number.size() != 1 || token(number.begin).kind != TokenKind::kInteger || digits.size() > 4)
    return Unexpected(number.begin, "a number");
  const int count = std::stoi(digits);
  if (count < 1 || count > kMaxQuantiles) return ErrorAt(token(at).at, "APPROX_QUANTILES takes 1 to 1000 parts");
  DH_ASSIGN(const SqlText value, Expression(arguments[0], scope));
  std::string list;
  for (int i = 0; i <= count; ++i) list += (i > 0 ? ", " : "") + std::to_string(static_cast<double>(i) / count);
  SqlText out = Wrap("approx_quantile(", value, ", [" + list + "])");
  out.has_aggregate = true;
  return out;
}

// NULL when any argument is NULL; the engine's functions pass over NULL.
base::Result<SqlText> Translator::Extreme(const Function& function, const std::vector<Range>& arguments, const Scope* scope) {
  SqlText condition;
  SqlText list;
  for (const Range argument : arguments) {
    DH_ASSIGN(const SqlText text, Expression(argument, scope));
    condition.Add(condition.sql.empty() ? "(" : " OR (");
    condition.Add(text);
    condition.Add(") IS NULL");
    list.Add(list.sql.empty() ? "" : ", ");
    list.Add(text);
  }
  SqlText out = Wrap("CASE WHEN ", condition, " THEN NULL ELSE ");
  out.Add(Wrap(function.name == "LEAST" ? "least(" : "greatest(", list, ") END"));
  return out;
}

// ---- text

base::Result<SqlText> Translator::RegexpExtract(const Function& function, const std::vector<Range>& arguments,
                                                const Scope* scope) {
  const Range pattern = arguments[1];
  if (pattern.size() != 1 || token(pattern.begin).kind != TokenKind::kString) {
    return Unsupported(pattern.begin, std::string(function.name) + " with a pattern that is no literal");
  }
  const int groups = Groups(token(pattern.begin).text);
  if (groups > 1) return ErrorAt(token(pattern.begin).at, "a pattern with more than one group: use (?:...) for the others");
  DH_ASSIGN(const SqlText value, Expression(arguments[0], scope));
  const SqlText regexp(QuoteString(token(pattern.begin).text));
  const SqlText group(groups == 0 ? "0" : "1");
  if (function.name == "REGEXP_EXTRACT_ALL") return FillTemplate("regexp_extract_all($1, $2, $3)", {value, regexp, group});
  return FillTemplate("CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2, $3) END", {value, regexp, group});
}

// FORMAT('%s: %d', ...): only elements that the engine's printf writes alike.
base::Result<SqlText> Translator::Format(const std::vector<Range>& arguments, const Scope* scope) {
  const Range range = arguments[0];
  if (range.size() != 1 || token(range.begin).kind != TokenKind::kString)
    return Unsupported(range.begin, "FORMAT with a format that is no literal");
  const std::string& format = token(range.begin).text;
  std::string engine;
  SqlText list;
  size_t next = 1;
  for (size_t i = 0; i < format.size(); ++i) {
    engine += format[i];
    if (format[i] != '%') continue;
    for (++i; i < format.size() && std::string_view("-+ 0#.123456789").find(format[i]) != std::string_view::npos; ++i)
      engine += format[i];
    const char kind = i < format.size() ? format[i] : '\0';
    if (kind == '%') {
      engine += kind;
      continue;
    }
    if (kind == '\0' || std::string_view("sdiftegxXoEG").find(kind) == std::string_view::npos) {
      return Unsupported(range.begin, "this element of FORMAT", "known are %s %t %d %i %f %e %g %x %o %%");
    }
    if (next >= arguments.size()) return ErrorAt(token(range.begin).at, "FORMAT has more elements than arguments");
    const bool text = kind == 's' || kind == 't';
    engine += text ? 's' : kind == 'i' ? 'd' : kind;
    DH_ASSIGN(const SqlText value, text ? AsText(arguments[next], scope) : Expression(arguments[next], scope));
    list.Add(", ");
    list.Add(value);
    ++next;
  }
  if (next != arguments.size()) return ErrorAt(token(range.begin).at, "FORMAT has more arguments than elements");
  return Wrap("printf(" + QuoteString(engine), list, ")");
}

// ---- dates and times

// The engine's word for DAY, MONTH, ...; plurals too. `difference`: WEEK(MONDAY) may stand.
base::Result<std::string> Translator::DatePart(Range range, bool difference) const {
  std::string upper = ToUpper(token(range.begin).text);
  if (difference && range.size() == 4 && upper == "WEEK" && Keyword(range.begin + 2, "MONDAY")) return std::string("week");
  if (range.size() == 1 && token(range.begin).kind == TokenKind::kName) {
    if (upper.size() > 1 && upper.back() == 'S') upper.pop_back();
    for (const Part& part : kParts) {
      if (part.google == upper) return std::string(part.engine);
    }
  }
  return Unsupported(range.begin, "the date part " + token(range.begin).text,
                     "known are MICROSECOND to DAY, WEEK, WEEK(MONDAY), ISOWEEK, MONTH, QUARTER, YEAR");
}

// DATE_ADD(date, INTERVAL n PART) and its sisters.
base::Result<SqlText> Translator::Shift(const Function& function, const std::vector<Range>& arguments, const Scope* scope) {
  if (!Keyword(arguments[1].begin, "INTERVAL")) return Unexpected(arguments[1].begin, "INTERVAL number PART");
  DH_ASSIGN(const SqlText value, MomentArgument(function.name, arguments[0], scope));
  DH_ASSIGN(const SqlText interval, Expression(arguments[1], scope));
  const bool add = function.name.ends_with("_ADD");
  if (function.name.starts_with("DATE_")) {
    return FillTemplate(add ? "CAST($1 + $2 AS DATE)" : "CAST($1 - $2 AS DATE)", {value, interval});
  }
  return FillTemplate(add ? "($1 + $2)" : "($1 - $2)", {value, interval});
}

base::Result<SqlText> Translator::Difference(const Function& function, const std::vector<Range>& arguments, const Scope* scope) {
  DH_ASSIGN(const SqlText late, MomentArgument(function.name, arguments[0], scope));
  DH_ASSIGN(const SqlText early, MomentArgument(function.name, arguments[1], scope));
  DH_ASSIGN(const std::string part, DatePart(arguments[2], true));
  const SqlText name(QuoteString(part));
  // Timestamps count whole intervals, the others the borders between them.
  if (function.name == "TIMESTAMP_DIFF") return FillTemplate("date_sub($1, $2, $3)", {name, early, late});
  // Weeks begin on Sunday, or on Monday as the engine's do; it counts whole weeks, not their borders.
  if (part == "week") {
    const bool sunday = arguments[2].size() == 1 && Keyword(arguments[2].begin, "WEEK");
    return FillTemplate(
        sunday ? "(date_diff('day', date_trunc('week', $1 + INTERVAL 1 DAY), date_trunc('week', $2 + INTERVAL 1 DAY)) // 7)"
               : "(date_diff('day', date_trunc('week', $1), date_trunc('week', $2)) // 7)",
        {early, late});
  }
  return FillTemplate("date_diff($1, $2, $3)", {name, early, late});
}

base::Result<SqlText> Translator::Truncate(const Function& function, const std::vector<Range>& arguments, const Scope* scope) {
  DH_ASSIGN(const SqlText value, MomentArgument(function.name, arguments[0], scope));
  DH_ASSIGN(const std::string part, DatePart(arguments[1], true));
  const SqlText name(QuoteString(part));
  const bool sunday = arguments[1].size() == 1 && Keyword(arguments[1].begin, "WEEK");
  const SqlText cut =
      FillTemplate(sunday ? "(date_trunc($1, $2 + INTERVAL 1 DAY) - INTERVAL 1 DAY)" : "date_trunc($1, $2)", {name, value});
  return function.name == "DATE_TRUNC" ? Wrap("CAST(", cut, " AS DATE)") : cut;
}

base::Result<SqlText> Translator::Extract(Range inside, const Scope* scope) {
  const size_t from = FindKeyword(inside, "FROM");
  if (from >= inside.end || from == inside.begin) return Unexpected(inside.begin, "EXTRACT(PART FROM value)");
  const size_t zone = FindKeyword({from + 1, inside.end}, "AT");
  if (zone < inside.end) return Unsupported(zone, "AT TIME ZONE", "times are UTC");
  DH_ASSIGN(const SqlText value, Expression({from + 1, inside.end}, scope));
  const std::string upper = ToUpper(token(inside.begin).text);
  if (from == inside.begin + 1) {
    if (upper == "DATE") return Wrap("CAST(", value, " AS DATE)");
    if (upper == "TIME") return Wrap("CAST(CAST(", value, " AS TIMESTAMP) AS TIME)");  // a TIMESTAMP has no direct one
    if (upper == "DATETIME") return Wrap("CAST(", value, " AS TIMESTAMP)");
    if (upper == "DAYOFWEEK") return Wrap("(date_part('dow', ", value, ") + 1)");
    if (upper == "DAYOFYEAR") return Wrap("date_part('doy', ", value, ")");
    if (upper == "WEEK") return Wrap("CAST(strftime(", value, ", '%U') AS BIGINT)");
    // The engine's seconds hold minutes' worth of fractions; GoogleSQL's do not.
    if (upper == "MILLISECOND") return Wrap("(date_part('millisecond', ", value, ") % 1000)");
    if (upper == "MICROSECOND") return Wrap("(date_part('microsecond', ", value, ") % 1000000)");
  }
  DH_ASSIGN(const std::string part, DatePart({inside.begin, from}, true));
  return Wrap("date_part('" + part + "', ", value, ")");
}

// FORMAT_DATE(format, value), PARSE_DATE(format, text) and their sisters.
base::Result<SqlText> Translator::FormatDate(const Function& function, const std::vector<Range>& arguments, const Scope* scope) {
  const Range range = arguments[0];
  if (range.size() != 1 || token(range.begin).kind != TokenKind::kString) {
    return Unsupported(range.begin, std::string(function.name) + " with a format that is no literal");
  }
  const std::string& format = token(range.begin).text;
  std::string engine;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      engine += format[i];
      continue;
    }
    ++i;
    const std::string_view rest = std::string_view(format).substr(std::min(i, format.size()));
    if (rest.starts_with("E4Y")) {
      engine += "%Y";
      i += 2;
    } else if (rest.starts_with("E6S") || rest.starts_with("E*S")) {
      engine += "%S.%f";
      i += 2;
    } else {
      const auto known = std::find_if(kFormatElements.begin(), kFormatElements.end(),
                                      [&](const Part& element) { return rest.starts_with(element.google); });
      if (rest.empty() || known == kFormatElements.end()) {
        return Unsupported(range.begin, "the format element %" + std::string(rest.substr(0, 1)));
      }
      engine += known->engine;
    }
  }
  const std::string_view name = function.name;
  const bool shown = name.starts_with("FORMAT_");
  const std::string_view type = shown ? name.substr(name.find('_') + 1) : "";
  DH_ASSIGN(const SqlText value, MomentArgument(type, arguments[1], scope));
  const SqlText quoted(QuoteString(engine));
  if (name == "FORMAT_TIME") return FillTemplate("strftime(DATE '1970-01-01' + $1, $2)", {value, quoted});
  if (name == "FORMAT_TIMESTAMP") return FillTemplate("strftime(CAST($1 AS TIMESTAMP), $2)", {value, quoted});
  if (name.starts_with("FORMAT_")) return FillTemplate("strftime($1, $2)", {value, quoted});
  if (name == "PARSE_DATE") return FillTemplate("CAST(strptime($1, $2) AS DATE)", {value, quoted});
  if (name == "PARSE_TIME") return FillTemplate("CAST(strptime($1, $2) AS TIME)", {value, quoted});
  if (name == "PARSE_TIMESTAMP") return FillTemplate("CAST(strptime($1, $2) AS TIMESTAMPTZ)", {value, quoted});
  return FillTemplate("strptime($1, $2)", {value, quoted});
}

}  // namespace dicomhouse::query::internal
