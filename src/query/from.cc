// FROM: tables, joins, UNNEST. The engine answers `t, UNNEST(t.a) AS e` by a join of each row with itself, 60 times slower
// than `(SELECT t.*, UNNEST(t.a) AS e FROM t) AS t`. So an UNNEST is moved into the item that its array belongs to whenever
// that means the same, and stays a lateral join otherwise.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "query/internal/translator.h"

namespace dicomhouse::query::internal {
namespace {

constexpr size_t kNoHost = static_cast<size_t>(-1);

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// Words that end an item of FROM, so that they are no alias without AS.
bool EndsItem(const Token& token) {
  static const std::set<std::string, std::less<>> kWords = {
      "JOIN",  "INNER", "CROSS", "LEFT",  "RIGHT",  "FULL", "OUTER", "ON",  "USING", "WHERE",   "GROUP",
      "ORDER", "LIMIT", "WITH",  "UNION", "HAVING", "FOR",  "AS",    "AND", "OR",    "NATURAL", "TABLESAMPLE"};
  return token.kind == TokenKind::kName && kWords.contains(ToUpper(token.text));
}

}  // namespace

base::Result<SqlText> Translator::From(Range range, Scope& scope) {
  FromClause from;
  for (size_t i = range.begin; i < range.end; i = Skip(i)) {
    if (Keyword(i, "RIGHT") || Keyword(i, "FULL")) from.outer_joins = true;
  }
  DH_CHECK(FromItems(range, scope, from));
  SqlText out;
  for (const FromItem& item : from.items) {
    if (!out.sql.empty()) out.Add(item.lead);
    out.Add(item.body);
    out.Add(item.condition);
  }
  return out;
}

base::Status Translator::FromItems(Range range, Scope& scope, FromClause& from) {
  size_t i = range.begin;
  bool first = true;
  while (i < range.end) {
    std::string lead;
    if (!first) {
      DH_ASSIGN(lead, JoinLead(i, range));
    }
    if (i >= range.end) return Unexpected(i, "a table");
    DH_CHECK(OneItem(i, range, lead, scope, from));
    first = false;
  }
  return {};
}

bool Translator::StartsJoin(size_t index) const {
  if (token(index).is(",")) return true;
  static constexpr std::array<std::string_view, 7> kWords = {"JOIN", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "NATURAL"};
  for (const std::string_view word : kWords) {
    if (Keyword(index, word)) return word == "JOIN" || !token(index + 1).is("(");  // LEFT(x, 1) and RIGHT(x, 1) are calls
  }
  return false;
}

// The words between two items, in one form: ", " or " LEFT JOIN ".
base::Result<std::string> Translator::JoinLead(size_t& index, Range range) const {
  if (token(index).is(",")) {
    ++index;
    return std::string(", ");
  }
  std::string kind = "JOIN";
  if (Keyword(index, "NATURAL")) return Unsupported(index, "NATURAL JOIN", "name the columns with USING");
  for (const std::string_view word : {"INNER", "CROSS", "LEFT", "RIGHT", "FULL"}) {
    if (!Keyword(index, word)) continue;
    kind = std::string(word) + " JOIN";
    ++index;
    if (Keyword(index, "OUTER")) ++index;
    break;
  }
  if (!Keyword(index, "JOIN") || index >= range.end) return Unexpected(index, "a comma, JOIN, WHERE or the end");
  ++index;
  return " " + kind + " ";
}

// Does the bracket at `open` hold a query (and not a join)?
bool Translator::IsQuery(size_t open) const {
  size_t i = open;
  while (token(i).is("(")) ++i;
  return Keyword(i, "SELECT") || Keyword(i, "WITH");
}

// PIVOT and UNPIVOT are no aliases when brackets follow.
bool Translator::IsPivot(size_t index) const {
  return (Keyword(index, "PIVOT") || Keyword(index, "UNPIVOT")) && token(index + 1).is("(");
}

bool Translator::Alias(size_t& index, Range range, std::string& alias) const {
  if (index < range.end && Keyword(index, "AS") && IsName(index + 1)) {
    alias = token(index + 1).text;
    index += 2;
    return true;
  }
  if (index < range.end && IsName(index) && !EndsItem(token(index)) && !IsPivot(index)) {
    alias = token(index).text;
    ++index;
    return true;
  }
  return false;
}

base::Status Translator::OneItem(size_t& index, Range range, const std::string& lead, Scope& scope, FromClause& from) {
  if (Keyword(index, "UNNEST") && token(index + 1).is("(")) {
    UnnestItem item;
    item.lead = lead;
    DH_CHECK(ParseUnnest(index, range, item));
    return AddUnnest(item, scope, from);
  }
  if (token(index).is("(")) return BracketItem(index, range, lead, scope, from);
  if (IsName(index) && token(index + 1).is(".") && token(index).end == token(index + 1).begin) {
    const std::string first = ToLower(token(index).text);
    for (const Scope* s = &scope; s != nullptr; s = s->outer) {
      for (const Source& source : s->sources) {
        if (source.alias == first && !first.empty()) return ImplicitUnnest(index, range, lead, scope, from);
      }
    }
  }
  return TableItem(index, range, lead, scope, from);
}

base::Status Translator::BracketItem(size_t& index, Range range, const std::string& lead, Scope& scope, FromClause& from) {
  const size_t close = token(index).match;
  FromItem item;
  item.lead = lead;
  if (IsQuery(index)) {
    DH_ASSIGN(const SqlText query, Query({index + 1, close}, scope.outer));
    index = close + 1;
    if (!Alias(index, range, item.alias)) item.alias = Unique("q");
    item.body.Add("(");
    item.body.Add(query);
    item.body.Add(") AS " + QuoteName(item.alias));
    item.row = lead.find("LEFT") == std::string::npos;
    Source source;
    source.alias = ToLower(item.alias);
    source.shown = item.alias;
    source.item = from.items.size();
    scope.sources.push_back(source);
  } else {
    FromClause inner;
    inner.outer_joins = true;  // nothing is moved into brackets
    const size_t known = scope.sources.size();
    DH_CHECK(FromItems({index + 1, close}, scope, inner));
    item.body.Add("(");
    for (const FromItem& part : inner.items) {
      if (item.body.sql.size() > 1) item.body.Add(part.lead);
      item.body.Add(part.body);
      item.body.Add(part.condition);
    }
    item.body.Add(")");
    for (size_t i = known; i < scope.sources.size(); ++i) scope.sources[i].item = from.items.size();
    index = close + 1;
  }
  DH_CHECK(Condition(index, range, scope, item));
  from.items.push_back(std::move(item));
  return {};
}

// The table's name as written, "P.D.T", from back-quotes, legacy brackets, or plain (with dashes in the project).
base::Result<std::string> Translator::TableName(size_t& index) const {
  std::string name;
  if (token(index).is("[")) {
    const size_t close = token(index).match;
    name = std::string(source_.substr(token(index).end, token(close).begin - token(index).end));
    const size_t colon = name.rfind(':');
    if (colon != std::string::npos) name[colon] = '.';
    index = close + 1;
    return name;
  }
  for (;;) {
    if (!IsName(index)) return Unexpected(index, "a table's name");
    if (token(index).kind == TokenKind::kQuotedName) {
      name += token(index).text;
      ++index;
    } else {
      size_t end = token(index).begin;
      while (end < source_.size() && IsNameCharacter(source_[end]) && source_.substr(end, 2) != "--") ++end;
      name += std::string(source_.substr(token(index).begin, end - token(index).begin));
      while (token(index).kind != TokenKind::kEnd && token(index).begin < end) ++index;
    }
    if (!token(index).is(".")) return name;
    name += '.';
    ++index;
  }
}

base::Status Translator::TableItem(size_t& index, Range range, const std::string& lead, Scope& scope, FromClause& from) {
  const size_t begin = index;
  if (token(index).kind == TokenKind::kString) {
    return ErrorAt(token(index).at, "a table's name stands in `back-quotes`, not in quotes; files cannot be read here");
  }
  DH_ASSIGN(const std::string name, TableName(index));
  if (token(index).is("(")) return ErrorAt(token(begin).at, "table function " + name + " is not allowed");
  FromItem item;
  item.lead = lead;
  Source source;
  std::string view;
  item.body.Mark(token(begin).at);
  if (!Alias(index, range, item.alias)) item.alias = name.substr(name.find_last_of('.') + 1);
  if (token(index).is("(")) return Unsupported(index - 1, token(index - 1).text);
  const size_t when = index;
  DH_ASSIGN(const std::optional<int64_t> as_of_ms, SystemTime(index, range));
  if (std::find(ctes_.begin(), ctes_.end(), ToLower(name)) != ctes_.end()) {
    if (as_of_ms) return ErrorAt(token(when).at, name + " is a query of WITH: FOR SYSTEM_TIME stands behind tables");
    view = name;
  } else {
    const auto known = open_(name, as_of_ms);
    if (!known.ok()) return ErrorAt(token(begin).at, known.error().message, known.error().code);
    view = (*known)->view;
    source.fields = &(*known)->schema->fields;
  }
  item.body.Add(QuoteName(view) + " AS " + QuoteName(item.alias));
  item.row = lead.find("LEFT") == std::string::npos;
  source.alias = ToLower(item.alias);
  source.shown = item.alias;
  source.item = from.items.size();
  for (const Source& other : scope.sources) {
    if (other.alias == source.alias)
      return ErrorAt(token(begin).at, "two items of FROM are called " + item.alias + ": give one an alias");
  }
  scope.sources.push_back(source);
  DH_CHECK(Condition(index, range, scope, item));
  from.items.push_back(std::move(item));
  return {};
}

// TABLESAMPLE SYSTEM (n PERCENT). GoogleSQL takes blocks of rows, as they are stored; here each row is taken by chance, so that
// small tables have samples too.
base::Status Translator::Sample(size_t& index, FromItem& item) const {
  constexpr double kAll = 100;
  if (!Keyword(index + 1, "SYSTEM")) return Unexpected(index + 1, "SYSTEM");
  const size_t open = index + 2;
  if (!token(open).is("(")) return Unexpected(open, "(n PERCENT)");
  const Token& number = token(open + 1);
  const bool is_number = number.kind == TokenKind::kInteger || number.kind == TokenKind::kFloat;
  if (!is_number || number.text.find_first_not_of("0123456789.") != std::string::npos) {
    return Unexpected(open + 1, "a number from 0 to 100");
  }
  if (std::strtod(number.text.c_str(), nullptr) > kAll) return ErrorAt(number.at, "TABLESAMPLE of more than 100 PERCENT");
  if (!Keyword(open + 2, "PERCENT") || token(open).match != open + 3) return Unexpected(open + 2, "PERCENT");
  item.body.Add(" TABLESAMPLE BERNOULLI (" + number.text + " PERCENT)");
  index = open + 4;
  return {};
}

// ON ... or USING (...), up to the next join.
base::Status Translator::Condition(size_t& index, Range range, Scope& scope, FromItem& item) {
  if (index < range.end && IsPivot(index)) return Unsupported(index, ToUpper(token(index).text));
  if (Keyword(index, "TABLESAMPLE") && index < range.end) {
    DH_CHECK(Sample(index, item));
  }
  if (index >= range.end || StartsJoin(index)) return {};
  if (Keyword(index, "FOR")) {
    return Unsupported(index, "FOR SYSTEM_TIME here", "it stands behind a table and its alias");
  }
  if (Keyword(index, "USING") && token(index + 1).is("(")) {
    item.condition.Add(" USING (");
    std::string comma;
    for (const Range column : Split({index + 2, token(index + 1).match})) {
      if (column.size() != 1 || !IsName(column.begin)) return Unexpected(column.begin, "a column's name");
      item.condition.Add(comma + QuoteName(token(column.begin).text));
      comma = ", ";
    }
    item.condition.Add(")");
    index = token(index + 1).match + 1;
    return {};
  }
  if (!Keyword(index, "ON")) return Unexpected(index, "a comma, JOIN, ON, WHERE or the end");
  Range on{index + 1, index + 1};
  while (on.end < range.end && !StartsJoin(on.end)) on.end = Skip(on.end);
  DH_ASSIGN(const SqlText text, Expression(on, &scope));
  item.condition.Add(" ON (");
  item.condition.Add(text);
  item.condition.Add(")");
  index = on.end;
  return {};
}

// ---- UNNEST

base::Status Translator::ParseUnnest(size_t& index, Range range, UnnestItem& item) const {
  item.at = token(index).at;
  item.left = item.lead == " LEFT JOIN ";
  if (item.lead == " RIGHT JOIN " || item.lead == " FULL JOIN ") return Unsupported(index, "RIGHT or FULL JOIN UNNEST");
  if (Keyword(index, "UNNEST")) {
    item.array = {index + 2, token(index + 1).match};
    index = item.array.end + 1;
  } else {
    item.array.begin = index;
    while (IsName(index) && token(index + 1).is(".")) index += 2;
    if (!IsName(index)) return Unexpected(index, "a field");
    item.array.end = ++index;
  }
  if (item.array.empty()) return Unexpected(item.array.begin, "an array");
  Alias(index, range, item.alias);
  if (index < range.end && Keyword(index, "WITH") && Keyword(index + 1, "OFFSET")) {
    index += 2;
    item.has_offset = true;
    if (!Alias(index, range, item.offset)) item.offset = "offset";
  }
  if (index < range.end && Keyword(index, "ON")) {
    if (!Keyword(index + 1, "TRUE"))
      return Unsupported(index, "JOIN UNNEST(...) ON a condition", "move it to WHERE, or use a subquery");
    index += 2;
  }
  return {};
}

// FROM t, t.array: the same as UNNEST(t.array).
base::Status Translator::ImplicitUnnest(size_t& index, Range range, const std::string& lead, Scope& scope, FromClause& from) {
  UnnestItem item;
  item.lead = lead;
  DH_CHECK(ParseUnnest(index, range, item));
  if (item.alias.empty()) item.alias = token(item.array.end - 1).text;
  return AddUnnest(item, scope, from);
}

// The item that an array belongs to and into which its UNNEST can be moved; kNoHost: none.
size_t Translator::HostOf(Range array, const Scope& scope, const FromClause& from) const {
  if (from.outer_joins || from.items.empty()) return kNoHost;
  size_t host = kNoHost;
  if (IsName(array.begin) && !token(array.begin + 1).is("(")) {
    const std::string first = ToLower(token(array.begin).text);
    for (const Source& source : scope.sources) {
      const bool column = source.fields != nullptr && FindField(*source.fields, first) != nullptr;
      if (source.alias == first || (host == kNoHost && column)) host = source.item;
    }
  }
  // One item alone: an array that is not its own gives the same for each of its rows.
  const bool alone = from.items.size() == 1;
  if (host == kNoHost && alone) host = 0;
  const bool path = [&] {
    for (size_t i = array.begin; i < array.end; ++i) {
      if (!IsName(i) && !token(i).is(".")) return false;
    }
    return true;
  }();
  if (host == kNoHost || host >= from.items.size() || (!alone && !path)) return kNoHost;
  return from.items[host].row ? host : kNoHost;
}

void Translator::AddElement(const UnnestItem& item, const FieldType& type, size_t host, const std::string& qualifier,
                            const std::string& element, const std::string& offset, Scope& scope) {
  Source source;
  source.alias = ToLower(item.alias);
  source.shown = item.alias;
  source.element = true;
  source.column = qualifier + "." + QuoteName(element);
  source.item = host;
  if (type.field != nullptr && type.repeated) {
    source.field = type.field;
    if (type.field->type == table::Type::kRecord) source.fields = &type.field->fields;
  }
  scope.sources.push_back(source);
  if (!item.has_offset) return;
  Source place;
  place.alias = ToLower(item.offset);
  place.shown = item.offset;
  place.element = true;
  place.column = qualifier + "." + QuoteName(offset);
  place.item = host;
  scope.sources.push_back(place);
}

base::Status Translator::AddUnnest(const UnnestItem& item, Scope& scope, FromClause& from) {
  const size_t host = HostOf(item.array, scope, from);
  const FieldType type = TypeOfPath(item.array, &scope);
  if (type.field != nullptr && !type.repeated) {
    return ErrorAt(item.at,
                   "UNNEST needs an array; " + type.field->name + " is " + std::string(table::TypeName(type.field->type)));
  }
  for (const Source& source : scope.sources) {
    if (!item.alias.empty() && source.alias == ToLower(item.alias)) {
      return ErrorAt(item.at, "two items of FROM are called " + item.alias + ": give one another alias");
    }
  }
  DH_ASSIGN(const SqlText array, Expression(item.array, &scope));
  const std::string element = Unique("e");
  const std::string offset = item.has_offset ? Unique("o") : "";
  SqlText list;
  list.Mark(item.at);
  auto unnest = [&](bool range, const std::string& name) {
    std::string open = range ? "range(len(" : "";
    std::string close = range ? "))" : "";
    list.Add("UNNEST(");
    if (item.left) {
      list.Add("CASE WHEN len(");
      list.Add(array);
      list.Add(") > 0 THEN ");
    }
    list.Add(open);
    list.Add(array);
    list.Add(close + (item.left ? " ELSE [NULL] END" : "") + ") AS " + QuoteName(name));
  };
  unnest(false, element);
  if (item.has_offset) {
    list.Add(", ");
    unnest(true, offset);
  }
  if (host != kNoHost) {
    FromItem& into = from.items[host];
    SqlText body("(SELECT " + QuoteName(into.alias) + ".*, ");
    body.Add(list);
    body.Add(" FROM ");
    body.Add(into.body);
    body.Add(") AS " + QuoteName(into.alias));
    DH_CHECK(CheckSize(body, item.array.begin));
    into.body = std::move(body);
    for (Source& source : scope.sources) {
      if (source.item != host || source.element) continue;
      source.pushed.push_back(element);
      if (item.has_offset) source.pushed.push_back(offset);
    }
    AddElement(item, type, host, QuoteName(into.alias), element, offset, scope);
    return {};
  }
  FromItem lateral;
  const std::string name = Unique("u");
  lateral.lead = item.left ? " LEFT JOIN LATERAL " : ", ";
  if (item.lead == " CROSS JOIN " || item.lead == " JOIN " || item.lead == " INNER JOIN ") lateral.lead = " CROSS JOIN LATERAL ";
  lateral.body.Add("(SELECT ");
  lateral.body.Add(list);
  lateral.body.Add(") AS " + QuoteName(name));
  if (item.left) lateral.condition.Add(" ON true");
  AddElement(item, type, from.items.size(), QuoteName(name), element, offset, scope);
  from.items.push_back(std::move(lateral));
  return {};
}

}  // namespace dicomhouse::query::internal
