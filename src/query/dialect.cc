#include "query/dialect.h"

#include <algorithm>
#include <utility>

#include "query/internal/translator.h"
#include "warehouse/engine.h"

namespace dicomhouse::query {

Position Translation::Locate(size_t offset) const {
  Position at;
  for (const Mark& mark : marks) {
    if (mark.offset > offset) break;
    at = mark.at;
  }
  return at;
}

base::Result<Translation> Translate(std::string_view sql, const TableOpener& open) {
  DH_ASSIGN(const std::vector<Token> tokens, Lex(sql));
  return internal::Translator(tokens, sql, open).Run();
}

std::string NoStarColumn(const Translation::StarName& name) {
  return (name.except ? "EXCEPT" : "REPLACE") + (" names a column that is not there: " + name.name);
}

namespace internal {
namespace {

// A rewrite may repeat an argument; statements that nest such rewrites are stopped here.
constexpr size_t kMaxTranslatedBytes = size_t{4} << 20;

}  // namespace

void SqlText::Add(const SqlText& other) {
  for (const Translation::Mark& mark : other.marks) marks.push_back({mark.offset + sql.size(), mark.at});
  sql += other.sql;
  has_query = has_query || other.has_query;
  has_aggregate = has_aggregate || other.has_aggregate;
}

void SqlText::AddWord(std::string_view text) {
  if (!sql.empty() && sql.back() != ' ' && sql.back() != '(') sql += ' ';
  sql += text;
}

void SqlText::Insert(size_t offset, std::string_view text) {
  for (Translation::Mark& mark : marks) {
    if (mark.offset >= offset) mark.offset += text.size();
  }
  sql.insert(offset, text);
}

SqlText FillTemplate(std::string_view text, const std::vector<SqlText>& arguments) {
  SqlText out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '$' && next == '*') {
      for (size_t j = 0; j < arguments.size(); ++j) {
        if (j > 0) out.Add(", ");
        out.Add(arguments[j]);
      }
      ++i;
    } else if (text[i] == '$' && next >= '1' && next <= '9') {
      const auto index = static_cast<size_t>(next - '1');
      // In brackets unless the row's text already sets it apart: operators around it must not bind into it.
      const bool alone = out.sql.ends_with('(') || out.sql.ends_with(", ");
      const bool closed = i + 2 < text.size() && (text[i + 2] == ')' || text[i + 2] == ',');
      if (index < arguments.size()) {
        if (!alone || !closed) out.Add("(");
        out.Add(arguments[index]);
        if (!alone || !closed) out.Add(")");
      }
      ++i;
    } else {
      out.Add(text.substr(i, 1));
    }
  }
  return out;
}

SqlText Wrap(std::string_view before, const SqlText& text, std::string_view after) {
  SqlText out{std::string(before)};
  out.Add(text);
  out.Add(after);
  return out;
}

const table::Field* FindField(const std::vector<table::Field>& fields, const std::string& lower) {
  for (const table::Field& field : fields) {
    if (field.name.size() == lower.size() && ToLower(field.name) == lower) return &field;
  }
  return nullptr;
}

std::string QuoteName(std::string_view name) { return warehouse::SqlName(name); }
std::string QuoteString(std::string_view text) { return warehouse::SqlString(text); }

// ---- tokens

bool Translator::IsName(size_t index) const {
  return token(index).kind == TokenKind::kName || token(index).kind == TokenKind::kQuotedName;
}

// The index behind the type that begins with ARRAY< or STRUCT<; index + 1 when its brackets do not close.
size_t Translator::SkipType(size_t index) const {
  size_t depth = 0;
  for (size_t i = index + 1; i < tokens_.size(); ++i) {
    if (token(i).is("<")) {
      ++depth;
    } else if (token(i).is(">")) {
      if (--depth == 0) return i + 1;
    } else if (token(i).kind != TokenKind::kName && token(i).kind != TokenKind::kQuotedName && !token(i).is(",")) {
      break;
    }
  }
  return index + 1;
}

size_t Translator::Skip(size_t index) const {
  const Token& one = token(index);
  if (token(index + 1).is("<") && (IsKeyword(one, "ARRAY") || IsKeyword(one, "STRUCT"))) return SkipType(index);
  return one.kind == TokenKind::kSymbol && one.match > index ? one.match + 1 : index + 1;
}

std::vector<Range> Translator::Split(Range range) const {
  std::vector<Range> parts;
  if (range.empty()) return parts;
  size_t begin = range.begin;
  for (size_t i = range.begin; i < range.end; i = Skip(i)) {
    if (token(i).is(",")) {
      parts.push_back({begin, i});
      begin = i + 1;
    }
  }
  parts.push_back({begin, range.end});
  return parts;
}

size_t Translator::FindKeyword(Range range, std::string_view upper) const {
  for (size_t i = range.begin; i < range.end; i = Skip(i)) {
    if (Keyword(i, upper) && (i == range.begin || !token(i - 1).is("."))) return i;
  }
  return range.end;
}

bool Translator::EndsOperand(Range range, size_t index) const {
  if (index < range.begin || index >= range.end) return false;
  static const std::set<std::string, std::less<>> kOpen = {
      "AND",      "OR",  "NOT",  "IN",       "IS", "LIKE", "BETWEEN", "CASE", "WHEN",  "THEN",   "ELSE", "SELECT",
      "DISTINCT", "ALL", "OVER", "INTERVAL", "AS", "ON",   "BY",      "FROM", "WHERE", "STRUCT", "ARRAY"};
  const Token& last = token(index);
  switch (last.kind) {
    case TokenKind::kName:
      return (index > range.begin && token(index - 1).is(".")) || !kOpen.contains(ToUpper(last.text));
    case TokenKind::kSymbol:
      return last.is(")") || last.is("]");
    case TokenKind::kEnd:
      return false;
    default:
      return true;
  }
}

base::Error Translator::Unexpected(size_t index, std::string_view expected) const {
  const Token& one = token(index);
  const std::string found = one.kind == TokenKind::kEnd
                                ? "the end of the statement"
                                : "\"" + std::string(source_.substr(one.begin, one.end - one.begin)) + "\"";
  return ErrorAt(one.at, "expected " + std::string(expected) + ", found " + found);
}

base::Error Translator::Unsupported(size_t index, const std::string& what, const std::string& hint) const {
  return ErrorAt(token(index).at, what + " is not supported" + (hint.empty() ? "" : ": " + hint), base::ErrorCode::kUnsupported);
}

base::Status Translator::CheckSize(const SqlText& text, size_t index) const {
  if (text.sql.size() <= kMaxTranslatedBytes) return {};
  return ErrorAt(token(index).at, "this expression grows too large when it is translated: nest fewer functions",
                 base::ErrorCode::kLimit);
}

// ---- names

// How the engine finds the first part of a path. GoogleSQL looks from the innermost query outwards; in each, an alias of FROM
// comes before a column, and the fields of an UNNESTed RECORD count as columns. `whole_path`: there are no more parts.
std::string Translator::ResolveFirst(const Scope* scope, const std::string& name, bool whole_path, bool* plain) {
  *plain = false;
  const std::string lower = ToLower(name);
  for (const Scope* s = scope; s != nullptr; s = s->outer) {
    if (s->prefer_aliases && whole_path && s->aliases.contains(lower)) return QuoteName(name);
    for (const Source& source : s->sources) {
      if (source.alias != lower || source.alias.empty()) continue;
      if (source.element) return source.column;
      const bool column = source.fields != nullptr && FindField(*source.fields, lower) != nullptr;
      if (whole_path && !column) all_columns_ = true;
      return QuoteName(source.shown);
    }
    for (const Source& source : s->sources) {
      if (!source.element && source.fields != nullptr && FindField(*source.fields, lower) != nullptr) {
        *plain = true;
        return QuoteName(name);
      }
    }
    for (const Source& source : s->sources) {
      if (source.element && source.fields != nullptr && FindField(*source.fields, lower) != nullptr) {
        return source.column + "." + QuoteName(name);
      }
    }
  }
  *plain = true;
  return QuoteName(name);
}

// Says what is wrong with the path at [begin, end), as far as types are known: a field that is not there, or one of an array.
base::Status Translator::CheckPath(Range path, const Scope* scope) const {
  for (size_t i = path.begin + 2; i < path.end; i += 2) {
    const Range before{path.begin, i - 1};
    const std::string shown(source_.substr(token(path.begin).begin, token(i - 2).end - token(path.begin).begin));
    const FieldType type = TypeOfPath(before, scope);
    const std::vector<table::Field>* fields = nullptr;
    if (type.field != nullptr) {
      if (type.repeated) {
        return ErrorAt(token(i).at,
                       shown + " is an array: name one of its elements (" + shown + "[SAFE_OFFSET(0)]) or UNNEST it");
      }
      fields = &type.field->fields;
    } else if (i == path.begin + 2) {
      const Source* row = FindAlias(scope, ToLower(token(path.begin).text));
      if (row == nullptr || row->element) return {};
      fields = row->fields;
    }
    if (fields == nullptr) return {};
    if (FindField(*fields, ToLower(token(i).text)) != nullptr) continue;
    std::string known;
    constexpr size_t kShown = 8;
    for (size_t j = 0; j < fields->size() && j < kShown; ++j) known += (j > 0 ? ", " : ": it has ") + (*fields)[j].name;
    return ErrorAt(token(i).at,
                   "there is no field " + token(i).text + " in " + shown + known + (fields->size() > kShown ? ", ..." : ""));
  }
  return {};
}

const Source* Translator::FindAlias(const Scope* scope, const std::string& lower) {
  for (const Scope* s = scope; s != nullptr; s = s->outer) {
    for (const Source& source : s->sources) {
      if (source.alias == lower && !lower.empty()) return &source;
    }
  }
  return nullptr;
}

// Follows names, dots and subscripts. A null field: not a path, or not known.
FieldType Translator::TypeOfPath(Range range, const Scope* scope) const {
  FieldType type;
  if (range.empty() || !IsName(range.begin)) return type;
  const std::string first = ToLower(token(range.begin).text);
  const std::vector<table::Field>* row = nullptr;
  bool found = false;
  for (const Scope* s = scope; s != nullptr && !found; s = s->outer) {
    for (const Source& source : s->sources) {
      if (found || source.alias != first || first.empty()) continue;
      found = true;
      row = source.fields;
      if (source.element) type.field = source.field;
    }
    for (const Source& source : s->sources) {
      if (found || source.fields == nullptr) continue;
      type.field = FindField(*source.fields, first);
      found = type.field != nullptr;
      if (found) type.repeated = type.field->mode == table::Mode::kRepeated;
    }
  }
  for (size_t i = range.begin + 1; i < range.end; i = Skip(i)) {
    if (token(i).is("[") && type.repeated) {
      type.repeated = false;
    } else if (token(i).is(".") && IsName(i + 1) && i + 1 < range.end && !type.repeated) {
      const std::vector<table::Field>* fields = type.field != nullptr ? &type.field->fields : row;
      type.field = fields == nullptr ? nullptr : FindField(*fields, ToLower(token(i + 1).text));
      if (type.field == nullptr) return {};
      type.repeated = type.field->mode == table::Mode::kRepeated;
      ++i;
    } else {
      return {};
    }
  }
  return type;
}

base::Result<Translation> Translator::Run() {
  Range all{0, tokens_.size() - 1};
  while (!all.empty() && token(all.end - 1).is(";")) --all.end;
  if (all.empty()) return ErrorAt(token(0).at, "an empty statement");
  for (size_t i = all.begin; i < all.end; i = Skip(i)) {
    if (token(i).is(";")) return ErrorAt(token(i).at, "one statement at a time");
  }
  DH_ASSIGN(SqlText text, Query(all, nullptr));
  Translation out;
  out.sql = std::move(text.sql);
  out.marks = std::move(text.marks);
  std::stable_sort(out.marks.begin(), out.marks.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  out.all_columns = all_columns_;
  out.star_names = std::move(star_names_);
  for (const Token& one : tokens_) {
    if (one.kind == TokenKind::kName || one.kind == TokenKind::kQuotedName) out.names.insert(ToLower(one.text));
  }
  return out;
}

}  // namespace internal
}  // namespace dicomhouse::query
