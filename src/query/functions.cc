#include "query/functions.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace dicomhouse::query {
namespace {

constexpr FunctionKind kScalar = FunctionKind::kScalar;
constexpr FunctionKind kAggregate = FunctionKind::kAggregate;
constexpr FunctionKind kWindow = FunctionKind::kWindow;
constexpr FunctionKind kSpecial = FunctionKind::kSpecial;

constexpr Function kFunctions[] = {
    // ---- conditions
    {"IF", kScalar, 3, 3, "CASE WHEN $1 THEN $2 ELSE $3 END"},
    {"IFNULL", kScalar, 2, 2, "coalesce($1, $2)"},
    {"NULLIF", kScalar, 2, 2, "nullif($1, $2)"},
    {"COALESCE", kScalar, 1, -1, "coalesce($*)"},
    {"GREATEST", kSpecial, 1, -1, "greatest()"},
    {"LEAST", kSpecial, 1, -1, "least()"},
    {"ERROR", kScalar, 1, 1, "error($1)"},
    // ---- conversion
    {"CAST", kSpecial, 1, 1,
     "typeof() regexp_replace() length() strftime() list_transform() decode() encode() replace() regexp_full_match() "
     "regexp_extract() contains() lower() upper() round() error()"},
    {"SAFE_CAST", kSpecial, 1, 1, ""},
    {"TO_JSON_STRING", kScalar, 1, 1, "CAST(to_json($1) AS VARCHAR)", true},
    {"JSON_VALUE", kScalar, 2, 2, "json_extract_string($1, $2)", true},
    {"JSON_EXTRACT_SCALAR", kScalar, 2, 2, "json_extract_string($1, $2)", true},
    {"JSON_QUERY", kScalar, 2, 2, "CAST(json_extract($1, $2) AS VARCHAR)", true},
    {"JSON_EXTRACT", kScalar, 2, 2, "CAST(json_extract($1, $2) AS VARCHAR)", true},
    // ---- text
    {"ASCII", kScalar, 1, 1, "CAST(ascii($1) AS BIGINT)"},
    {"BYTE_LENGTH", kScalar, 1, 1, "CAST(octet_length(CAST($1 AS BLOB)) AS BIGINT)"},
    {"CHAR_LENGTH", kScalar, 1, 1, "length($1)"},
    {"CHARACTER_LENGTH", kScalar, 1, 1, "length($1)"},
    {"CHR", kScalar, 1, 1, "chr(CAST($1 AS INTEGER))", true},
    {"CONCAT", kSpecial, 1, -1, "", true},
    {"CONTAINS_SUBSTR", kScalar, 2, 2, "contains(lower(CAST($1 AS VARCHAR)), lower($2))"},
    {"EDIT_DISTANCE", kScalar, 2, 2, "levenshtein($1, $2)"},
    {"ENDS_WITH", kScalar, 2, 2, "ends_with($1, $2)"},
    {"FORMAT", kSpecial, 1, -1, "printf()", true},
    {"FROM_BASE64", kScalar, 1, 1, "from_base64($1)"},
    {"FROM_HEX", kScalar, 1, 1, "unhex($1)"},
    {"GENERATE_UUID", kScalar, 0, 0, "CAST(uuid() AS VARCHAR)", true},
    {"INSTR", kScalar, 2, 2, "instr($1, $2)"},
    {"LEFT", kScalar, 2, 2, "left($1, $2)", true},
    {"LENGTH", kScalar, 1, 1, "length($1)"},
    {"LOWER", kScalar, 1, 1, "lower($1)", true},
    // The engine does not count the memory of such strings and lists: they end where BigQuery's do, at 1 MB.
    {"LPAD", kScalar, 2, 2,
     "CASE WHEN $2 > 1048576 THEN error('LPAD to more than 1 MB') ELSE lpad($1, CAST($2 AS INTEGER), ' ') END", true},
    {"LPAD", kScalar, 3, 3,
     "CASE WHEN $2 > 1048576 THEN error('LPAD to more than 1 MB') ELSE lpad($1, CAST($2 AS INTEGER), $3) END", true},
    {"LTRIM", kScalar, 1, 2, "ltrim($*)", true},
    {"MD5", kScalar, 1, 1, "unhex(md5($1))"},
    {"NORMALIZE", kScalar, 1, 1, "nfc_normalize($1)", true},
    {"OCTET_LENGTH", kScalar, 1, 1, "CAST(octet_length(CAST($1 AS BLOB)) AS BIGINT)"},
    {"REGEXP_CONTAINS", kScalar, 2, 2, "regexp_matches($1, $2)"},
    {"REGEXP_EXTRACT", kSpecial, 2, 2, "regexp_matches() regexp_extract()", true},
    {"REGEXP_SUBSTR", kSpecial, 2, 2, "", true},
    {"REGEXP_EXTRACT_ALL", kSpecial, 2, 2, "regexp_extract_all()"},
    {"REGEXP_REPLACE", kScalar, 3, 3, "regexp_replace($1, $2, $3, 'g')", true},
    {"REPEAT", kScalar, 2, 2,
     "CASE WHEN length($1) * CAST($2 AS DOUBLE) > 1048576 THEN error('REPEAT to more than 1 MB') ELSE repeat($1, $2) END", true},
    {"REPLACE", kScalar, 3, 3, "replace($1, $2, $3)", true},
    {"REVERSE", kScalar, 1, 1, "reverse($1)", true},
    {"RIGHT", kScalar, 2, 2, "right($1, $2)", true},
    {"RPAD", kScalar, 2, 2,
     "CASE WHEN $2 > 1048576 THEN error('RPAD to more than 1 MB') ELSE rpad($1, CAST($2 AS INTEGER), ' ') END", true},
    {"RPAD", kScalar, 3, 3,
     "CASE WHEN $2 > 1048576 THEN error('RPAD to more than 1 MB') ELSE rpad($1, CAST($2 AS INTEGER), $3) END", true},
    {"RTRIM", kScalar, 1, 2, "rtrim($*)", true},
    {"SAFE_CONVERT_BYTES_TO_STRING", kScalar, 1, 1, "TRY(decode($1))", true},
    {"SHA1", kScalar, 1, 1, "unhex(sha1($1))"},
    {"SHA256", kScalar, 1, 1, "unhex(sha256($1))"},
    {"SPLIT", kScalar, 1, 1, "string_split($1, ',')"},
    {"SPLIT", kScalar, 2, 2, "string_split($1, $2)"},
    {"STARTS_WITH", kScalar, 2, 2, "starts_with($1, $2)"},
    {"STRING", kSpecial, 1, 1, "", true},
    {"STRPOS", kScalar, 2, 2, "instr($1, $2)"},
    {"SUBSTR", kScalar, 2, 2, "substring($1, CASE WHEN $2 = 0 THEN 1 ELSE $2 END)", true},
    {"SUBSTR", kScalar, 3, 3, "substring($1, CASE WHEN $2 = 0 THEN 1 ELSE $2 END, $3)", true},
    {"SUBSTRING", kScalar, 2, 2, "substring($1, CASE WHEN $2 = 0 THEN 1 ELSE $2 END)", true},
    {"SUBSTRING", kScalar, 3, 3, "substring($1, CASE WHEN $2 = 0 THEN 1 ELSE $2 END, $3)", true},
    {"TO_BASE64", kScalar, 1, 1, "to_base64($1)", true},
    {"TO_HEX", kScalar, 1, 1, "lower(hex($1))", true},
    {"TRANSLATE", kScalar, 3, 3, "translate($1, $2, $3)", true},
    {"TRIM", kScalar, 1, 2, "trim($*)", true},
    {"UNICODE", kScalar, 1, 1, "CAST(unicode($1) AS BIGINT)"},
    {"UPPER", kScalar, 1, 1, "upper($1)", true},
    // ---- numbers
    {"ABS", kScalar, 1, 1, "abs($1)"},
    {"ACOS", kScalar, 1, 1, "acos($1)"},
    {"ASIN", kScalar, 1, 1, "asin($1)"},
    {"ATAN", kScalar, 1, 1, "atan($1)"},
    {"ATAN2", kScalar, 2, 2, "atan2($1, $2)"},
    {"BIT_COUNT", kScalar, 1, 1, "CAST(bit_count($1) AS BIGINT)"},
    {"CBRT", kScalar, 1, 1, "cbrt($1)"},
    {"CEIL", kScalar, 1, 1, "ceil($1)"},
    {"CEILING", kScalar, 1, 1, "ceil($1)"},
    {"COS", kScalar, 1, 1, "cos($1)"},
    {"DIV", kSpecial, 2, 2, "//()"},
    {"EXP", kScalar, 1, 1, "exp($1)"},
    {"FLOOR", kScalar, 1, 1, "floor($1)"},
    {"IEEE_DIVIDE", kScalar, 2, 2, "(CAST($1 AS DOUBLE) / CAST($2 AS DOUBLE))"},
    {"IS_INF", kScalar, 1, 1, "isinf($1)"},
    {"IS_NAN", kScalar, 1, 1, "isnan($1)"},
    {"LN", kScalar, 1, 1, "ln($1)"},
    {"LOG", kScalar, 1, 1, "ln($1)"},
    {"LOG", kScalar, 2, 2, "(ln($1) / ln($2))"},
    {"LOG10", kScalar, 1, 1, "log10($1)"},
    {"MOD", kScalar, 2, 2, "CASE WHEN $2 = 0 THEN error('division by zero in MOD') ELSE mod($1, $2) END"},
    {"POW", kScalar, 2, 2, "pow($1, $2)"},
    {"POWER", kScalar, 2, 2, "pow($1, $2)"},
    {"RAND", kScalar, 0, 0, "random()"},
    {"ROUND", kScalar, 1, 1, "round($1)"},
    {"ROUND", kScalar, 2, 2, "round($1, CAST($2 AS INTEGER))"},
    {"SAFE_ADD", kScalar, 2, 2, "TRY($1 + $2)"},
    {"SAFE_DIVIDE", kScalar, 2, 2, "($1 / nullif($2, 0))"},
    {"SAFE_MULTIPLY", kScalar, 2, 2, "TRY($1 * $2)"},
    {"SAFE_NEGATE", kScalar, 1, 1, "TRY(-($1))"},
    {"SAFE_SUBTRACT", kScalar, 2, 2, "TRY($1 - $2)"},
    {"SIGN", kScalar, 1, 1, "sign($1)"},
    {"SIN", kScalar, 1, 1, "sin($1)"},
    {"SQRT", kScalar, 1, 1, "sqrt($1)"},
    {"TAN", kScalar, 1, 1, "tan($1)"},
    {"TRUNC", kScalar, 1, 1, "trunc($1)"},
    // ---- arrays and structs
    {"ARRAY", kSpecial, 1, 1, "list_value() array_agg() list_sort() list_reverse_sort()"},
    {"ARRAY_CONCAT", kSpecial, 1, -1, "list_concat()"},
    {"ARRAY_FIRST", kScalar, 1, 1, "array_extract($1, 1)"},
    {"ARRAY_INCLUDES", kScalar, 2, 2, "list_contains($1, $2)"},
    {"ARRAY_LAST", kScalar, 1, 1, "array_extract($1, -1)"},
    {"ARRAY_LENGTH", kScalar, 1, 1, "len($1)"},
    {"ARRAY_REVERSE", kScalar, 1, 1, "list_reverse($1)"},
    {"ARRAY_TO_STRING", kScalar, 2, 2, "CASE WHEN $1 IS NOT NULL THEN coalesce(array_to_string($1, $2), '') END", true},
    {"ARRAY_TO_STRING", kScalar, 3, 3,
     "CASE WHEN $1 IS NOT NULL THEN coalesce(array_to_string(list_transform($1, lambda dh_item: coalesce(dh_item, $3)), $2), '') "
     "END",
     true},
    {"GENERATE_ARRAY", kScalar, 2, 2,
     "CASE WHEN $2 - $1 > 1048576 THEN error('GENERATE_ARRAY of more than 1048576 elements') ELSE generate_series($1, $2) END"},
    {"GENERATE_ARRAY", kScalar, 3, 3,
     "CASE WHEN abs(($2 - $1) / $3) > 1048576 THEN error('GENERATE_ARRAY of more than 1048576 elements') ELSE "
     "generate_series($1, $2, $3) END"},
    {"GENERATE_DATE_ARRAY", kSpecial, 2, 3, ""},
    {"STRUCT", kSpecial, 0, -1, "struct_pack() row()"},
    {"EXISTS", kSpecial, 1, 1, "list_filter()"},
    {"UNNEST", kSpecial, 1, 1, "unnest() range()"},
    // ---- dates and times
    {"CURRENT_DATE", kSpecial, 0, 1, "get_current_timestamp() current_date() today()"},
    {"CURRENT_DATETIME", kSpecial, 0, 1, "current_localtimestamp()"},
    {"CURRENT_TIME", kSpecial, 0, 1, "current_localtime()"},
    {"CURRENT_TIMESTAMP", kSpecial, 0, 0, "now()"},
    {"DATE", kScalar, 1, 1, "CAST($1 AS DATE)"},
    {"DATE", kSpecial, 2, 2, ""},
    {"DATE", kScalar, 3, 3, "make_date($1, $2, $3)"},
    {"DATETIME", kScalar, 1, 1, "CAST($1 AS TIMESTAMP)"},
    {"DATETIME", kSpecial, 2, 2, ""},
    {"DATETIME", kScalar, 6, 6, "make_timestamp($1, $2, $3, $4, $5, $6)"},
    {"TIME", kScalar, 1, 1, "CAST(CAST($1 AS TIMESTAMP) AS TIME)"},
    {"TIME", kSpecial, 2, 2, ""},
    {"TIME", kScalar, 3, 3, "make_time($1, $2, $3)"},
    {"TIMESTAMP", kSpecial, 1, 2, ""},
    {"DATE_ADD", kSpecial, 2, 2,
     "to_years() to_months() to_quarters() to_weeks() to_days() to_hours() to_minutes() to_seconds() "
     "to_milliseconds() to_microseconds()"},
    {"DATE_SUB", kSpecial, 2, 2, ""},
    {"DATETIME_ADD", kSpecial, 2, 2, ""},
    {"DATETIME_SUB", kSpecial, 2, 2, ""},
    {"TIMESTAMP_ADD", kSpecial, 2, 2, ""},
    {"TIMESTAMP_SUB", kSpecial, 2, 2, ""},
    {"TIME_ADD", kSpecial, 2, 2, ""},
    {"TIME_SUB", kSpecial, 2, 2, ""},
    {"DATE_DIFF", kSpecial, 3, 3, "date_diff()"},
    {"DATETIME_DIFF", kSpecial, 3, 3, ""},
    {"TIME_DIFF", kSpecial, 3, 3, ""},
    {"TIMESTAMP_DIFF", kSpecial, 3, 3, "date_sub()"},
    {"DATE_TRUNC", kSpecial, 2, 2, "date_trunc()"},
    {"DATETIME_TRUNC", kSpecial, 2, 2, ""},
    {"TIMESTAMP_TRUNC", kSpecial, 2, 2, ""},
    {"EXTRACT", kSpecial, 1, 1,
     "date_part() year() month() day() quarter() hour() minute() second() millisecond() microsecond() week() "
     "isodow() dayofweek() dayofyear() isoyear() timezone()"},
    {"FORMAT_DATE", kSpecial, 2, 2, "", true},
    {"FORMAT_DATETIME", kSpecial, 2, 2, "", true},
    {"FORMAT_TIME", kSpecial, 2, 2, "", true},
    {"FORMAT_TIMESTAMP", kSpecial, 2, 2, "", true},
    {"PARSE_DATE", kSpecial, 2, 2, "strptime()"},
    {"PARSE_DATETIME", kSpecial, 2, 2, ""},
    {"PARSE_TIME", kSpecial, 2, 2, ""},
    {"PARSE_TIMESTAMP", kSpecial, 2, 2, ""},
    {"DATE_FROM_UNIX_DATE", kScalar, 1, 1, "(DATE '1970-01-01' + CAST($1 AS INTEGER))"},
    {"LAST_DAY", kScalar, 1, 1, "last_day($1)"},
    {"TIMESTAMP_MICROS", kScalar, 1, 1, "make_timestamptz($1)"},
    {"TIMESTAMP_MILLIS", kScalar, 1, 1, "make_timestamptz(($1) * 1000)"},
    {"TIMESTAMP_SECONDS", kScalar, 1, 1, "make_timestamptz(($1) * 1000000)"},
    {"UNIX_DATE", kScalar, 1, 1, "date_diff('day', DATE '1970-01-01', $1)"},
    {"UNIX_MICROS", kScalar, 1, 1, "epoch_us($1)"},
    {"UNIX_MILLIS", kScalar, 1, 1, "epoch_ms($1)"},
    {"UNIX_SECONDS", kScalar, 1, 1, "(epoch_us($1) // 1000000)"},
    // ---- aggregates
    {"ANY_VALUE", kAggregate, 1, 1, "any_value($*)"},
    {"APPROX_COUNT_DISTINCT", kAggregate, 1, 1, "approx_count_distinct($*)"},
    {"APPROX_QUANTILES", kSpecial, 2, 2, "approx_quantile()"},
    {"ARRAY_AGG", kAggregate, 1, 1, "list($*)"},
    {"ARRAY_CONCAT_AGG", kAggregate, 1, 1, "flatten(list($*))"},
    {"AVG", kAggregate, 1, 1, "avg($*)"},
    {"BIT_AND", kAggregate, 1, 1, "bit_and($*)"},
    {"BIT_OR", kAggregate, 1, 1, "bit_or($*)"},
    {"BIT_XOR", kAggregate, 1, 1, "bit_xor($*)"},
    {"CORR", kAggregate, 2, 2, "corr($*)"},
    {"COUNT", kSpecial, 1, 1, "count() count_star()"},
    {"GROUPING", kScalar, 1, 1, "grouping($1)"},
    {"COUNTIF", kSpecial, 1, 1, ""},
    {"COVAR_POP", kAggregate, 2, 2, "covar_pop($*)"},
    {"COVAR_SAMP", kAggregate, 2, 2, "covar_samp($*)"},
    {"LOGICAL_AND", kAggregate, 1, 1, "bool_and($*)"},
    {"LOGICAL_OR", kAggregate, 1, 1, "bool_or($*)"},
    {"MAX", kAggregate, 1, 1, "max($*)"},
    {"MAX_BY", kAggregate, 2, 2, "max_by($*)"},
    {"MIN", kAggregate, 1, 1, "min($*)"},
    {"MIN_BY", kAggregate, 2, 2, "min_by($*)"},
    {"STDDEV", kAggregate, 1, 1, "stddev_samp($*)"},
    {"STDDEV_POP", kAggregate, 1, 1, "stddev_pop($*)"},
    {"STDDEV_SAMP", kAggregate, 1, 1, "stddev_samp($*)"},
    {"STRING_AGG", kAggregate, 1, 2, "string_agg($*)", true},
    {"SUM", kAggregate, 1, 1, "sum($*)"},
    {"VARIANCE", kAggregate, 1, 1, "var_samp($*)"},
    {"VAR_POP", kAggregate, 1, 1, "var_pop($*)"},
    {"VAR_SAMP", kAggregate, 1, 1, "var_samp($*)"},
    // ---- windows
    {"CUME_DIST", kWindow, 0, 0, "cume_dist()"},
    {"DENSE_RANK", kWindow, 0, 0, "dense_rank()"},
    {"FIRST_VALUE", kWindow, 1, 1, "first_value($*)"},
    {"LAG", kWindow, 1, 3, "lag($*)"},
    {"LAST_VALUE", kWindow, 1, 1, "last_value($*)"},
    {"LEAD", kWindow, 1, 3, "lead($*)"},
    {"NTH_VALUE", kWindow, 2, 2, "nth_value($*)"},
    {"NTILE", kWindow, 1, 1, "ntile($*)"},
    {"PERCENT_RANK", kWindow, 0, 0, "percent_rank()"},
    {"RANK", kWindow, 0, 0, "rank()"},
    {"ROW_NUMBER", kWindow, 0, 0, "row_number()"},
};

// Operators and literals, as the engine names their functions.
constexpr std::string_view kOperators[] = {
    "+",
    "-",
    "*",
    "/",
    "||",
    "&",
    "|",
    "~",
    "<<",
    ">>",
    "~~",
    "!~~",
    "like_escape",
    "not_like_escape",
    "array_extract",
    "array_slice",
    "struct_extract",
    "list_value",
    "contains",
    "first",
    "coalesce",
    "try",
};

// Letters and digits before a "(" in the rows' texts.
std::set<std::string, std::less<>> EngineFunctions() {
  std::set<std::string, std::less<>> names(std::begin(kOperators), std::end(kOperators));
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '/'; };
  for (const Function& function : kFunctions) {
    for (size_t i = 0; i < function.sql.size(); ++i) {
      if (function.sql[i] != '(') continue;
      size_t begin = i;
      while (begin > 0 && word(function.sql[begin - 1])) --begin;
      if (begin < i) names.emplace(function.sql.substr(begin, i - begin));
    }
  }
  names.emplace("//");
  return names;
}

size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

const Function* FindFunction(std::string_view upper, size_t arguments) {
  for (const Function& function : kFunctions) {
    if (function.name != upper || arguments < static_cast<size_t>(function.min_arguments)) continue;
    if (function.max_arguments < 0 || arguments <= static_cast<size_t>(function.max_arguments)) return &function;
  }
  return nullptr;
}

const Function* FindFunction(std::string_view upper) {
  for (const Function& function : kFunctions) {
    if (function.name == upper) return &function;
  }
  return nullptr;
}

std::string FunctionHint(std::string_view upper) {
  constexpr size_t kLongName = 40;
  if (upper.size() > kLongName) return "";
  std::string best;
  size_t least = upper.size() / 4 + 2;  // a name this far is another name
  for (const Function& function : kFunctions) {
    const size_t distance = Distance(upper, function.name);
    if (distance < least) {
      least = distance;
      best = function.name;
    }
  }
  return best.empty() ? "" : "did you mean " + best + "?";
}

bool EngineFunctionAllowed(std::string_view lower) {
  static const std::set<std::string, std::less<>> kNames = EngineFunctions();
  return kNames.contains(lower);
}

}  // namespace dicomhouse::query
