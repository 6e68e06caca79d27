// Queries: WITH, set operations, the clauses of SELECT, the select list.
#include <algorithm>
#include <array>
#include <utility>

#include "query/internal/translator.h"

namespace dicomhouse::query::internal {
namespace {

// Clauses in the order in which they stand.
constexpr std::array<std::string_view, 8> kClauses = {"FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "WINDOW", "ORDER", "LIMIT"};

// Queries inside queries. The engine's planner doubles its work with each level of correlated ones: 20 take seconds.
constexpr int kMaxQueryDepth = 16;

// Words that cannot be an alias without AS.
bool Reserved(const Token& token) {
  static const std::set<std::string, std::less<>> kWords = {"END", "NULL", "TRUE", "FALSE", "ASC", "DESC", "FIRST", "LAST"};
  return token.kind == TokenKind::kName && kWords.contains(ToUpper(token.text));
}

}  // namespace
base::Result<SqlText> Translator::Query(Range range, const Scope* outer) {
  if (query_depth_ >= kMaxQueryDepth) {
    return ErrorAt(token(range.begin).at, "queries nested deeper than " + std::to_string(kMaxQueryDepth),
                   base::ErrorCode::kLimit);
  }
  ++query_depth_;
  base::Result<SqlText> out = SetOperations(range, outer);
  --query_depth_;
  return out;
}

base::Result<SqlText> Translator::SetOperations(Range range, const Scope* outer) {
  const size_t ctes = ctes_.size();
  SqlText out;
  out.has_query = true;
  if (Keyword(range.begin, "WITH")) {
    DH_ASSIGN(const SqlText with, With(range, outer));
    out.Add(with);
  }
  size_t begin = range.begin;
  for (size_t i = begin; i <= range.end; i = i < range.end ? Skip(i) : i + 1) {
    const bool union_all = i < range.end && Keyword(i, "UNION");
    const bool except = i < range.end && Keyword(i, "EXCEPT") && i > begin && !token(i - 1).is("*");
    const bool intersect = i < range.end && Keyword(i, "INTERSECT");
    if (i < range.end && ((!union_all && !except && !intersect) || token(i - 1).is("."))) continue;
    DH_ASSIGN(const SqlText operand, Operand({begin, i}, outer));
    out.Add(operand);
    if (i == range.end) break;
    const bool distinct = Keyword(i + 1, "DISTINCT");
    if (!distinct && !(union_all && Keyword(i + 1, "ALL"))) {
      return Unexpected(i + 1, union_all ? "UNION ALL or UNION DISTINCT" : "DISTINCT (GoogleSQL has no other form)");
    }
    out.Add(" " + ToUpper(token(i).text) + (distinct ? " " : " ALL "));
    begin = i + 2;
    i = begin - 1;
    if (begin >= range.end) return Unexpected(range.end, "a SELECT");
  }
  ctes_.resize(ctes);
  DH_CHECK(CheckSize(out, range.begin));
  return out;
}

// WITH name AS (query), ...; moves range.begin behind it. Each query sees the names before it.
base::Result<SqlText> Translator::With(Range& range, const Scope* outer) {
  SqlText out("WITH ");
  size_t i = range.begin + 1;
  if (Keyword(i, "RECURSIVE")) return Unsupported(i, "WITH RECURSIVE");
  for (;;) {
    if (!IsName(i) || i >= range.end) return Unexpected(i, "a name for the query");
    const Token& name = token(i);
    if (ToLower(name.text).starts_with("dh_")) return ErrorAt(name.at, "names that begin with dh_ are reserved: " + name.text);
    if (!Keyword(i + 1, "AS")) return Unexpected(i + 1, "AS");
    if (!token(i + 2).is("(") || i + 2 >= range.end) return Unexpected(i + 2, "a query in brackets");
    const size_t close = token(i + 2).match;
    DH_ASSIGN(const SqlText query, Query({i + 3, close}, outer));
    out.Add(QuoteName(name.text) + " AS (");
    out.Add(query);
    out.Add(")");
    ctes_.push_back(ToLower(name.text));
    i = close + 1;
    if (!token(i).is(",")) break;
    out.Add(", ");
    ++i;
  }
  out.Add(" ");
  range.begin = i;
  return out;
}

// One side of a set operation: a SELECT, or a query in brackets with ORDER BY and LIMIT behind it.
base::Result<SqlText> Translator::Operand(Range range, const Scope* outer) {
  if (range.empty()) return Unexpected(range.begin, "a SELECT");
  if (token(range.begin).is("(")) {
    const size_t close = token(range.begin).match;
    DH_ASSIGN(SqlText out, Query({range.begin + 1, close}, outer));
    out.Insert(0, "(");
    out.Add(")");
    if (close + 1 == range.end) return out;
    if (!Keyword(close + 1, "ORDER") && !Keyword(close + 1, "LIMIT")) return Unexpected(close + 1, "ORDER BY, LIMIT or the end");
    SelectParts parts;
    const size_t limit = FindKeyword({close + 1, range.end}, "LIMIT");
    if (Keyword(close + 1, "ORDER")) {
      if (!Keyword(close + 2, "BY")) return Unexpected(close + 2, "BY");
      parts.order = {close + 3, limit};
    }
    if (limit < range.end) parts.limit = {limit + 1, range.end};
    Scope scope{outer, {}, {}, false};
    DH_ASSIGN(const SqlText tail, Tail(parts, scope));
    out.Add(tail);
    return out;
  }
  if (Keyword(range.begin, "FROM")) return Unsupported(range.begin, "a query that begins with FROM", "write SELECT ... FROM ...");
  if (!Keyword(range.begin, "SELECT")) {
    return ErrorAt(token(range.begin).at, "only SELECT is allowed here, found \"" + token(range.begin).text + "\"");
  }
  DH_ASSIGN(const SelectParts parts, ParseSelect(range));
  return Select(parts, outer);
}

base::Result<SelectParts> Translator::ParseSelect(Range range) const {
  SelectParts parts;
  const std::array<Range*, 8> clauses = {&parts.from,    &parts.where,  &parts.group, &parts.having,
                                         &parts.qualify, &parts.window, &parts.order, &parts.limit};
  Range* current = nullptr;
  size_t next = 0;
  Range head{range.begin + 1, range.end};
  for (size_t i = range.begin + 1; i < range.end; i = Skip(i)) {
    if (token(i).is("|>")) return Unsupported(i, "the pipe operator |>");
    if (token(i).kind != TokenKind::kName || token(i - 1).is(".")) continue;
    const auto found = std::find_if(kClauses.begin(), kClauses.end(), [&](std::string_view word) { return Keyword(i, word); });
    if (found == kClauses.end()) continue;
    const auto index = static_cast<size_t>(found - kClauses.begin());
    if (*found == "FROM" && Keyword(i - 1, "DISTINCT") && (Keyword(i - 2, "IS") || Keyword(i - 2, "NOT"))) continue;
    // `AS window` and the like: a word behind AS is a name.
    if (Keyword(i - 1, "AS") && *found != "FROM") continue;
    if (index < next) return ErrorAt(token(i).at, std::string(*found) + " stands too late, or twice");
    const bool by = *found == "GROUP" || *found == "ORDER";
    if (by && !Keyword(i + 1, "BY")) return Unexpected(i + 1, "BY");
    (current == nullptr ? head : *current).end = i;
    current = clauses[index];
    *current = {i + (by ? 2U : 1U), range.end};
    if (current->empty()) return Unexpected(current->begin, "something behind " + std::string(*found));
    next = index + 1;
  }
  for (size_t i = 0; i < clauses.size(); ++i) {
    if (clauses[i]->end > 0 && clauses[i]->empty())
      return Unexpected(clauses[i]->begin, "something behind " + std::string(kClauses[i]));
  }
  DH_CHECK(ParseSelectHead(parts, head));
  return parts;
}

base::Status Translator::ParseSelectHead(SelectParts& parts, Range head) const {
  if (Keyword(head.begin, "WITH")) return Unsupported(head.begin, "SELECT WITH");
  if (Keyword(head.begin, "DISTINCT")) {
    parts.distinct = true;
    ++head.begin;
  } else if (Keyword(head.begin, "ALL")) {
    ++head.begin;
  }
  if (Keyword(head.begin, "AS")) {
    parts.as_struct = Keyword(head.begin + 1, "STRUCT");
    if (!parts.as_struct && !Keyword(head.begin + 1, "VALUE")) return Unsupported(head.begin, "SELECT AS a type");
    head.begin += 2;
  }
  parts.items = Split(head);
  if (!parts.items.empty() && parts.items.back().empty()) parts.items.pop_back();  // GoogleSQL allows a last comma
  if (parts.items.empty()) return Unexpected(head.begin, "a select list");
  return {};
}

base::Result<SqlText> Translator::Select(const SelectParts& parts, const Scope* outer) {
  Scope scope{outer, {}, {}, false};
  SqlText from;
  if (!parts.from.empty()) {
    DH_ASSIGN(from, From(parts.from, scope));
  }
  SqlText out(parts.distinct ? "SELECT DISTINCT " : "SELECT ");
  out.has_query = true;
  DH_ASSIGN(const SqlText list, SelectList(parts, scope));
  out.Add(list);
  if (!parts.from.empty()) {
    out.Add(" FROM ");
    out.Add(from);
  }
  if (!parts.where.empty()) {
    DH_ASSIGN(const SqlText where, Expression(parts.where, &scope));
    out.Add(" WHERE ");
    out.Add(where);
  }
  scope.prefer_aliases = true;
  DH_ASSIGN(const SqlText tail, Tail(parts, scope));
  out.Add(tail);
  return out;
}

base::Result<SqlText> Translator::Tail(const SelectParts& parts, Scope& scope) {
  SqlText out;
  if (!parts.group.empty()) {
    out.Add(" GROUP BY ");
    const bool all = parts.group.size() == 1 && Keyword(parts.group.begin, "ALL");
    DH_ASSIGN(const SqlText group, all ? base::Result<SqlText>(SqlText("ALL")) : GroupList(parts.group, scope));
    out.Add(group);
  }
  auto clause = [&](std::string_view word, Range range) -> base::Status {
    if (range.empty()) return {};
    DH_ASSIGN(const SqlText text, Expression(range, &scope));
    out.Add(word);
    out.Add(text);
    return {};
  };
  DH_CHECK(clause(" HAVING ", parts.having));
  DH_CHECK(clause(" QUALIFY ", parts.qualify));
  if (!parts.window.empty()) {
    std::string lead = " WINDOW ";
    for (const Range item : Split(parts.window)) {
      if (!IsName(item.begin) || !Keyword(item.begin + 1, "AS") || !token(item.begin + 2).is("(")) {
        return Unexpected(item.begin, "NAME AS (window)");
      }
      DH_ASSIGN(const SqlText window, Window({item.begin + 3, token(item.begin + 2).match}, &scope));
      out.Add(lead + QuoteName(token(item.begin).text) + " AS (");
      out.Add(window);
      out.Add(")");
      lead = ", ";
    }
  }
  if (!parts.order.empty()) {
    DH_ASSIGN(const SqlText order, OrdinalList(parts.order, scope));
    out.Add(" ORDER BY ");
    out.Add(order);
  }
  if (!parts.limit.empty()) {
    DH_ASSIGN(const SqlText limit, Limit(parts.limit));
    out.Add(limit);
  }
  return out;
}

// Which word of GROUP BY begins a list of sets that is all of `item`; empty: none does.
std::string Translator::GroupingWord(Range item) const {
  const bool sets = Keyword(item.begin, "GROUPING") && Keyword(item.begin + 1, "SETS");
  const size_t open = item.begin + (sets ? 2 : 1);
  if (open >= item.end || !token(open).is("(") || token(open).match + 1 != item.end) return {};
  if (sets) return "GROUPING SETS";
  for (const std::string_view word : {"ROLLUP", "CUBE"}) {
    if (Keyword(item.begin, word)) return std::string(word);
  }
  return {};
}

// Expressions and places of columns, or one list of sets alone: ROLLUP (...), CUBE (...), GROUPING SETS (...), ().
base::Result<SqlText> Translator::GroupList(Range range, Scope& scope) {
  if (!GroupingWord(range).empty() || (range.size() == 2 && token(range.begin).is("("))) return GroupingItem(range, scope);
  for (const Range item : Split(range)) {
    if (!GroupingWord(item).empty()) {
      return Unsupported(item.begin, GroupingWord(item) + " beside other items of GROUP BY", "write one GROUPING SETS (...)");
    }
  }
  return OrdinalList(range, scope);
}

// An item inside of ROLLUP, CUBE or GROUPING SETS, or one of these itself. Brackets make one item of several.
base::Result<SqlText> Translator::GroupingItem(Range item, Scope& scope) {
  const std::string word = GroupingWord(item);
  const bool brackets = !item.empty() && token(item.begin).is("(") && token(item.begin).match + 1 == item.end;
  if (word.empty() && !brackets) return OrdinalList(item, scope);
  const size_t open = item.begin + (word == "GROUPING SETS" ? 2 : word.empty() ? 0 : 1);
  const Range inside{open + 1, item.end - 1};
  const std::vector<Range> items = inside.empty() ? std::vector<Range>() : Split(inside);
  if (!word.empty() && items.empty()) return Unexpected(inside.begin, "something to group by");
  // 2 to the number of items are the sets of a CUBE; GoogleSQL has the same limit.
  constexpr size_t kMaxCubeItems = 12;
  if (word == "CUBE" && items.size() > kMaxCubeItems) {
    return ErrorAt(token(item.begin).at, "CUBE of more than " + std::to_string(kMaxCubeItems) + " items",
                   base::ErrorCode::kLimit);
  }
  SqlText out(word + "(");
  for (const Range& one : items) {
    if (one.empty()) return Unexpected(one.begin, "an expression");
    if (word != "GROUPING SETS" && !GroupingWord(one).empty()) return Unexpected(one.begin, "an expression");
    if (one.begin != items.front().begin) out.Add(", ");
    DH_ASSIGN(const SqlText text, GroupingItem(one, scope));
    out.Add(text);
  }
  out.Add(")");
  return out;
}

// Items of GROUP BY and ORDER BY: a bare integer is the place of a column and must stay one.
base::Result<SqlText> Translator::OrdinalList(Range range, Scope& scope) {
  SqlText out;
  for (const Range item : Split(range)) {
    if (item.empty()) return Unexpected(item.begin, "an expression");
    if (!out.sql.empty()) out.Add(", ");
    Range rest = item;
    if (token(item.begin).kind == TokenKind::kInteger && (item.size() == 1 || IsName(item.begin + 1))) {
      out.Mark(token(item.begin).at);
      out.Add(token(item.begin).text + " ");
      ++rest.begin;
    }
    if (rest.empty()) continue;
    DH_ASSIGN(const SqlText text, Expression(rest, &scope));
    out.Add(text);
  }
  return out;
}

base::Result<SqlText> Translator::Limit(Range range) const {
  const bool offset = range.size() == 3 && Keyword(range.begin + 1, "OFFSET");
  if (!offset && range.size() != 1) return Unexpected(range.begin + 1, "LIMIT count [OFFSET skip]");
  SqlText out;
  for (const size_t i : {range.begin, offset ? range.begin + 2 : range.begin}) {
    const bool digits = token(i).text.find_first_not_of("0123456789") == std::string::npos;
    if (token(i).kind != TokenKind::kInteger || !digits) return Unexpected(i, "a whole number");
  }
  out.Add(" LIMIT " + token(range.begin).text);
  if (offset) out.Add(" OFFSET " + token(range.begin + 2).text);
  return out;
}

// ---- the select list

// The item without its alias; `alias` empty when it has none.
Range Translator::ItemAlias(Range item, std::string& alias) const {
  const size_t last = item.end - 1;
  if (item.size() < 2 || !IsName(last)) return item;
  if (Keyword(last - 1, "AS")) {
    alias = token(last).text;
    return {item.begin, last - 1};
  }
  if (token(last - 1).is(".") || Reserved(token(last)) || !EndsOperand(item, last - 1)) return item;
  if (item.size() > 2 && Keyword(last - 2, "INTERVAL")) return item;
  alias = token(last).text;
  return {item.begin, last};
}

base::Result<SqlText> Translator::SelectList(const SelectParts& parts, Scope& scope) {
  SqlText out;
  int anonymous = 0;
  for (const Range item : parts.items) {
    if (item.empty()) return Unexpected(item.begin, "an expression");
    DH_ASSIGN(const SqlText text, SelectItem(item, scope, parts.as_struct, anonymous));
    if (!out.sql.empty()) out.Add(", ");
    out.Add(text);
  }
  if (parts.as_struct) {
    out.Insert(0, "struct_pack(");
    out.Add(") AS dh_struct");
  }
  return out;
}

base::Result<SqlText> Translator::SelectItem(Range item, Scope& scope, bool as_struct, int& anonymous) {
  SqlText out;
  out.Mark(token(item.begin).at);
  const size_t except = FindKeyword(item, "EXCEPT");
  const size_t replace = FindKeyword(item, "REPLACE");
  const size_t star_end = std::min(except, replace);
  if (star_end > item.begin && token(star_end - 1).is("*") && (star_end == item.begin + 1 || token(star_end - 2).is("."))) {
    if (as_struct) return Unsupported(item.begin, "SELECT AS STRUCT *", "name the fields");
    DH_ASSIGN(const SqlText star, Star(item, scope));
    out.Add(star);
    return out;
  }
  std::string alias;
  const Range value = ItemAlias(item, alias);
  if (!alias.empty()) scope.aliases.insert(ToLower(alias));
  if (value.empty()) return Unexpected(value.begin, "an expression");
  DH_ASSIGN(const SqlText text, Expression(value, &scope));
  bool named = false;  // the engine gives the column this name by itself
  if (alias.empty()) {
    const bool path = IsName(value.end - 1) && (value.size() == 1 || token(value.end - 2).is("."));
    const bool word = path && value.size() == 1 && Reserved(token(value.begin));
    alias = path && !word ? token(value.end - 1).text : "f" + std::to_string(anonymous++) + "_";
    // A column that is not there must not get its own name as an alias: the engine's message would be about that.
    const table::Field* field = TypeOfPath(value, &scope).field;
    bool pure = path && !word;
    for (size_t i = value.begin; i < value.end; ++i) pure = pure && (IsName(i) || token(i).is("."));
    named = pure && text.sql.ends_with(QuoteName(alias)) && (field == nullptr || field->name == alias);
  }
  if (as_struct) {
    out.Add(QuoteName(alias) + " := ");
    out.Add(text);
  } else {
    out.Add(text);
    if (!named) out.Add(" AS " + QuoteName(alias));
  }
  return out;
}

// EXCEPT (a, b) and REPLACE (x AS a) behind a star.
base::Status Translator::StarEdits(Range rest, const Scope& scope, std::vector<std::string>& except,
                                   std::vector<std::pair<std::string, SqlText>>& replace) {
  size_t i = rest.begin;
  while (i < rest.end) {
    const bool is_except = Keyword(i, "EXCEPT");
    if ((!is_except && !Keyword(i, "REPLACE")) || !token(i + 1).is("("))
      return Unexpected(i, "EXCEPT (...), REPLACE (...) or a comma");
    for (const Range item : Split({i + 2, token(i + 1).match})) {
      std::string alias;
      const Range value = ItemAlias(item, alias);
      if (is_except) {
        if (item.size() != 1 || !IsName(item.begin)) return Unexpected(item.begin, "a column's name");
        const std::string& name = token(item.begin).text;
        const auto same = [&](const std::string& other) { return ToLower(other) == ToLower(name); };
        if (std::any_of(except.begin(), except.end(), same)) {
          return ErrorAt(token(item.begin).at, "EXCEPT names a column twice: " + name);
        }
        except.push_back(name);
        star_names_.push_back({name, token(item.begin).at, true});
      } else {
        if (alias.empty()) return Unexpected(item.begin, "expression AS column");
        DH_ASSIGN(SqlText text, Expression(value, &scope));
        replace.emplace_back(alias, std::move(text));
        star_names_.push_back({alias, token(item.end - 1).at, false});
      }
    }
    i = token(i + 1).match + 1;
  }
  return {};
}

// Whether the columns of EXCEPT and REPLACE, from the `first` of star_names_ on, are there, as far as the columns are known here.
base::Status Translator::CheckStarNames(size_t first, const Scope& scope, const Source* only) const {
  std::set<std::string> columns;
  for (const Source& source : scope.sources) {
    if (only != nullptr && only != &source) continue;
    if (source.fields == nullptr && !source.element) return {};
    if (source.fields == nullptr) columns.insert(source.alias);
    if (source.fields == nullptr) continue;
    for (const table::Field& field : *source.fields) columns.insert(ToLower(field.name));
  }
  for (size_t i = first; i < star_names_.size(); ++i) {
    const Translation::StarName& one = star_names_[i];
    if (!columns.contains(ToLower(one.name))) return ErrorAt(one.at, NoStarColumn(one));
  }
  return {};
}

base::Result<SqlText> Translator::Star(Range item, const Scope& scope) {
  size_t star = item.begin;
  while (!token(star).is("*")) ++star;
  std::vector<std::string> except;
  std::vector<std::pair<std::string, SqlText>> replace;
  const size_t first_name = star_names_.size();
  DH_CHECK(StarEdits({star + 1, item.end}, scope, except, replace));
  all_columns_ = true;
  const Source* only = nullptr;
  bool plain = true;
  if (star > item.begin) {
    if (star - item.begin != 2) return StarOfPath({item.begin, star - 1}, {star, item.end}, scope);
    const std::string alias = ToLower(token(item.begin).text);
    for (const Source& source : scope.sources) {
      if (source.alias == alias) only = &source;
    }
    if (only == nullptr) return StarOfPath({item.begin, star - 1}, {star, item.end}, scope);
    plain = !only->element && only->pushed.empty();
  } else {
    if (scope.sources.empty()) return ErrorAt(token(star).at, "SELECT * needs a FROM clause");
    for (const Source& source : scope.sources) plain = plain && !source.element;
  }
  DH_CHECK(CheckStarNames(first_name, scope, only));
  if (!plain) {
    const std::set<std::string> gone = [&] {
      std::set<std::string> lower;
      for (const std::string& name : except) lower.insert(ToLower(name));
      return lower;
    }();
    Scope shown{scope.outer, {}, {}, false};
    for (const Source& source : scope.sources) {
      if (only == nullptr || only == &source) shown.sources.push_back(source);
    }
    return ExpandStar({star, item.end}, shown, gone, std::move(replace));
  }
  SqlText out(only == nullptr ? "*" : QuoteName(only->shown) + ".*");
  std::string lead = " EXCLUDE (";
  for (const std::string& name : except) {
    out.Add(lead + QuoteName(name));
    lead = ", ";
  }
  if (!except.empty()) out.Add(")");
  lead = " REPLACE (";
  for (const auto& [name, text] : replace) {
    out.Add(lead);
    out.Add(text);
    out.Add(" AS " + QuoteName(name));
    lead = ", ";
  }
  if (!replace.empty()) out.Add(")");
  return out;
}

// path.*: the fields of a RECORD.
base::Result<SqlText> Translator::StarOfPath(Range path, Range item, const Scope& scope) {
  const FieldType type = TypeOfPath(path, &scope);
  if (type.field == nullptr || type.repeated || type.field->type != table::Type::kRecord) {
    return Unsupported(path.begin, "\".*\" behind something that is not a RECORD (or whose type is not known here)",
                       "name the fields");
  }
  if (item.size() > 1) return Unsupported(item.begin + 1, "EXCEPT and REPLACE behind a field", "name the fields");
  SqlText out;
  for (const table::Field& field : type.field->fields) {
    if (!out.sql.empty()) out.Add(", ");
    DH_ASSIGN(const SqlText text, Expression(path, &scope));
    out.Add(text);
    out.Add("." + QuoteName(field.name) + " AS " + QuoteName(field.name));
  }
  return out;
}

// A star over a FROM clause in which UNNEST was rewritten: columns in the order of the user's FROM items.
base::Result<SqlText> Translator::ExpandStar(Range item, const Scope& scope, const std::set<std::string>& except,
                                             std::vector<std::pair<std::string, SqlText>> replace) {
  SqlText out;
  auto column = [&](const std::string& shown, const std::string& sql) {
    const std::string lower = ToLower(shown);
    if (except.contains(lower)) return;
    if (!out.sql.empty()) out.Add(", ");
    const auto changed =
        std::find_if(replace.begin(), replace.end(), [&](const auto& pair) { return ToLower(pair.first) == lower; });
    if (changed != replace.end()) {
      out.Add(changed->second);
    } else {
      out.Add(sql);
    }
    out.Add(" AS " + QuoteName(shown));
  };
  int anonymous = 0;
  for (const Source& source : scope.sources) {
    const std::string prefix = source.element ? source.column : QuoteName(source.shown);
    if (source.fields != nullptr) {
      for (const table::Field& field : *source.fields) column(field.name, prefix + "." + QuoteName(field.name));
    } else if (source.element) {
      column(source.shown.empty() ? "f" + std::to_string(anonymous++) + "_" : source.shown, source.column);
    } else {
      if (!except.empty() || !replace.empty()) {
        return Unsupported(item.begin, "EXCEPT or REPLACE with UNNEST over a subquery", "name the columns");
      }
      out.Add((out.sql.empty() ? "" : ", ") + prefix + ".*");
      std::string lead = " EXCLUDE (";
      for (const std::string& name : source.pushed) {
        out.Add(lead + QuoteName(name));
        lead = ", ";
      }
      if (!source.pushed.empty()) out.Add(")");
    }
  }
  if (out.sql.empty()) return ErrorAt(token(item.begin).at, "SELECT * leaves no column");
  return out;
}

}  // namespace dicomhouse::query::internal
