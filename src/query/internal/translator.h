// The translation of one statement: declarations shared by dialect.cc (entry, names), select.cc, from.cc, system_time.cc,
// expression.cc, operands.cc, calls.cc, cast.cc and subquery.cc. Recursion follows the brackets of the statement, whose depth the
// lexer limits.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/dialect.h"
#include "query/functions.h"

namespace dicomhouse::query::internal {

// Tokens [begin, end).
struct Range {
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin >= end; }
  size_t size() const { return empty() ? 0 : end - begin; }
};

// A piece of engine SQL that knows where its parts come from.
class SqlText {
 public:
  SqlText() = default;
  explicit SqlText(std::string text) : sql(std::move(text)) {}

  void Add(std::string_view text) { sql += text; }
  void Add(const SqlText& other);
  // A word and a space between it and what stands before.
  void AddWord(std::string_view text);
  void Mark(Position at) { marks.push_back({sql.size(), at}); }
  void Insert(size_t offset, std::string_view text);

  std::string sql;
  std::vector<Translation::Mark> marks;
  bool has_query = false;      // holds a SELECT
  bool has_aggregate = false;  // holds an aggregate or window call
};

// One name that a FROM clause brings: a table, or an element (or offset) of an UNNEST.
struct Source {
  std::string alias;     // lower case; may be empty
  std::string shown;     // the alias as written
  bool element = false;  // a value, not a row: `column` is how the engine names it
  std::string column;
  const std::vector<table::Field>* fields = nullptr;  // of a row or of a RECORD element; null: not known
  const table::Field* field = nullptr;                // of an element: the repeated field that it comes from
  std::vector<std::string> pushed;                    // of a row: columns that rewrites added to it
  size_t item = 0;                                    // its place in the FROM clause
};

struct Scope {
  const Scope* outer = nullptr;
  std::vector<Source> sources;
  std::set<std::string> aliases;  // of the select list, lower case
  bool prefer_aliases = false;    // in GROUP BY, HAVING, QUALIFY, ORDER BY
};

// One item of a FROM clause.
struct FromItem {
  std::string lead;  // ", " or " LEFT JOIN "
  SqlText body;      // with its alias
  SqlText condition;
  std::string alias;  // as written; empty for brackets around joins
  bool row = false;   // an UNNEST can be moved into it
};

struct FromClause {
  std::vector<FromItem> items;
  bool outer_joins = false;  // RIGHT or FULL: rows are made that no item has, nothing can be moved
};

struct UnnestItem {
  Range array;
  std::string alias;
  std::string offset;  // empty: none
  bool has_offset = false;
  bool left = false;
  std::string lead;
  Position at;
};

struct SelectParts {
  bool distinct = false;
  bool as_struct = false;
  std::vector<Range> items;
  Range from, where, group, having, qualify, window, order, limit;
};

// What a path means: the field it ends at, and whether that is one value of it.
struct FieldType {
  const table::Field* field = nullptr;
  bool repeated = false;
};

class Translator {
 public:
  Translator(const std::vector<Token>& tokens, std::string_view source, const TableOpener& open)
      : tokens_(tokens), source_(source), open_(open) {}

  base::Result<Translation> Run();

 private:
  // dialect.cc: tokens and names
  const Token& token(size_t index) const { return tokens_[index < tokens_.size() ? index : tokens_.size() - 1]; }
  bool Keyword(size_t index, std::string_view upper) const { return IsKeyword(token(index), upper); }
  bool IsName(size_t index) const;
  size_t Skip(size_t index) const;  // the index behind this token, or behind the bracket that it opens
  size_t SkipType(size_t index) const;
  std::vector<Range> Split(Range range) const;
  size_t FindKeyword(Range range, std::string_view upper) const;  // at depth 0; range.end: not there
  bool EndsOperand(Range range, size_t index) const;
  base::Error Unexpected(size_t index, std::string_view expected) const;
  base::Error Unsupported(size_t index, const std::string& what, const std::string& hint = "") const;
  base::Status CheckSize(const SqlText& text, size_t index) const;
  std::string Unique(std::string_view prefix) { return "dh_" + std::string(prefix) + std::to_string(++unique_); }
  std::string ResolveFirst(const Scope* scope, const std::string& name, bool whole_path, bool* plain);
  FieldType TypeOfPath(Range range, const Scope* scope) const;
  base::Status CheckPath(Range path, const Scope* scope) const;
  static const Source* FindAlias(const Scope* scope, const std::string& lower);

  // select.cc
  base::Result<SqlText> Query(Range range, const Scope* outer);
  base::Result<SqlText> SetOperations(Range range, const Scope* outer);
  base::Result<SqlText> With(Range& range, const Scope* outer);
  base::Result<SqlText> Operand(Range range, const Scope* outer);
  base::Result<SelectParts> ParseSelect(Range range) const;
  base::Status ParseSelectHead(SelectParts& parts, Range head) const;
  base::Result<SqlText> Select(const SelectParts& parts, const Scope* outer);
  base::Result<SqlText> SelectList(const SelectParts& parts, Scope& scope);
  base::Result<SqlText> SelectItem(Range item, Scope& scope, bool as_struct, int& anonymous);
  base::Result<SqlText> Star(Range item, const Scope& scope);
  base::Result<SqlText> StarOfPath(Range path, Range item, const Scope& scope);
  base::Result<SqlText> ExpandStar(Range item, const Scope& scope, const std::set<std::string>& except,
                                   std::vector<std::pair<std::string, SqlText>> replace);
  base::Status StarEdits(Range rest, const Scope& scope, std::vector<std::string>& except,
                         std::vector<std::pair<std::string, SqlText>>& replace);
  base::Status CheckStarNames(size_t first, const Scope& scope, const Source* only) const;
  base::Result<SqlText> Tail(const SelectParts& parts, Scope& scope);
  base::Result<SqlText> OrdinalList(Range range, Scope& scope);
  std::string GroupingWord(Range item) const;
  base::Result<SqlText> GroupList(Range range, Scope& scope);
  base::Result<SqlText> GroupingItem(Range item, Scope& scope);
  base::Result<SqlText> Limit(Range range) const;
  Range ItemAlias(Range item, std::string& alias) const;

  // from.cc
  base::Result<SqlText> From(Range range, Scope& scope);
  base::Status FromItems(Range range, Scope& scope, FromClause& from);
  base::Result<std::string> JoinLead(size_t& index, Range range) const;
  base::Status OneItem(size_t& index, Range range, const std::string& lead, Scope& scope, FromClause& from);
  base::Status BracketItem(size_t& index, Range range, const std::string& lead, Scope& scope, FromClause& from);
  base::Status TableItem(size_t& index, Range range, const std::string& lead, Scope& scope, FromClause& from);
  base::Status ImplicitUnnest(size_t& index, Range range, const std::string& lead, Scope& scope, FromClause& from);
  base::Status ParseUnnest(size_t& index, Range range, UnnestItem& item) const;
  base::Status AddUnnest(const UnnestItem& item, Scope& scope, FromClause& from);
  size_t HostOf(Range array, const Scope& scope, const FromClause& from) const;
  void AddElement(const UnnestItem& item, const FieldType& type, size_t host, const std::string& qualifier,
                  const std::string& element, const std::string& offset, Scope& scope);
  base::Result<std::string> TableName(size_t& index) const;
  bool Alias(size_t& index, Range range, std::string& alias) const;
  base::Result<std::optional<int64_t>> SystemTime(size_t& index, Range range) const;
  base::Result<int64_t> ConstantTime(Range range) const;
  base::Result<int64_t> ParseInstant(size_t index) const;
  base::Result<int64_t> ConstantMicros(Range interval) const;
  base::Status Condition(size_t& index, Range range, Scope& scope, FromItem& item);
  base::Status Sample(size_t& index, FromItem& item) const;
  bool StartsJoin(size_t index) const;
  bool IsPivot(size_t index) const;
  bool IsQuery(size_t open) const;

  // expression.cc
  base::Result<SqlText> Expression(Range range, const Scope* scope);
  void GuardDivisor(size_t index, Range range, SqlText& out, size_t operand, bool& divides) const;
  base::Status Primary(size_t& index, Range range, const Scope* scope, SqlText& out, size_t& operand);
  base::Status Name(size_t& index, Range range, const Scope* scope, SqlText& out, size_t& operand);
  base::Result<bool> Literal(size_t& index, const Scope* scope, SqlText& out);
  base::Result<bool> KeywordToken(size_t& index, Range range, const Scope* scope, SqlText& out, size_t& operand);
  base::Status Path(size_t& index, Range range, const Scope* scope, SqlText& out);
  base::Status Symbol(size_t& index, Range range, const Scope* scope, SqlText& out, size_t& operand);
  base::Status Bracket(size_t& index, const Scope* scope, SqlText& out);
  base::Status Subscript(size_t& index, const Scope* scope, SqlText& out, size_t operand);
  base::Status Number(size_t index, SqlText& out) const;
  base::Status Interval(size_t& index, Range range, const Scope* scope, SqlText& out);
  base::Status InUnnest(size_t& index, const Scope* scope, SqlText& out);
  base::Result<SqlText> Window(Range range, const Scope* scope);
  base::Result<std::string> TypeSql(size_t& index, size_t end, int depth) const;
  base::Result<SqlText> Struct(Range arguments, const Scope* scope);
  base::Status TypedStructOrArray(size_t& index, const Scope* scope, SqlText& out);

  // operands.cc
  enum class DayShift : uint8_t { kNone, kLeft, kRight };  // which side holds the days that a date is moved by
  base::Result<DayShift> CheckOperator(size_t index, Range range, const Scope* scope) const;
  size_t OperandBefore(Range range, size_t end) const;
  size_t OperandAfter(Range range, size_t begin) const;
  bool IsOperatorWord(size_t index) const;
  std::string OperandType(Range operand, const Scope* scope) const;
  base::Error NoSignature(size_t index, const std::string& word, const std::string& left, const std::string& right) const;

  // calls.cc
  base::Result<SqlText> Call(size_t& index, const Scope* scope);
  base::Result<SqlText> Special(const Function& function, size_t at, Range inside, const Scope* scope);
  base::Result<SqlText> DateCall(const Function& function, size_t at, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> MomentCall(const Function& function, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> MomentArgument(std::string_view type, Range range, const Scope* scope);
  base::Result<std::string> ZoneInterval(Range range) const;
  base::Result<SqlText> TextCall(const Function& function, size_t at, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> Aggregate(const Function& function, Range inside, const Scope* scope);
  base::Result<SqlText> Count(Range inside, const Scope* scope);
  base::Result<SqlText> Quantiles(size_t at, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> Extract(Range inside, const Scope* scope);
  base::Result<SqlText> Shift(const Function& function, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> Difference(const Function& function, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> Truncate(const Function& function, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> FormatDate(const Function& function, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> Format(const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> RegexpExtract(const Function& function, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<SqlText> Extreme(const Function& function, const std::vector<Range>& arguments, const Scope* scope);
  base::Result<std::string> DatePart(Range range, bool difference) const;

  // cast.cc
  base::Result<SqlText> Cast(Range inside, const Scope* scope, bool safe);
  base::Result<SqlText> CastTo(const std::string& type, Range range, const Scope* scope, bool safe);
  base::Result<SqlText> AsText(Range range, const Scope* scope, bool safe = false);
  bool IsText(Range range, const Scope* scope) const;
  std::string StaticType(Range range, const Scope* scope) const;
  base::Result<SqlText> TypedLiteral(const std::string& type, size_t index) const;

  // subquery.cc
  base::Result<SqlText> ScalarQuery(Range inside, const Scope* scope);
  base::Result<SqlText> ExistsQuery(Range inside, const Scope* scope);
  base::Result<SqlText> ArrayQuery(Range inside, const Scope* scope);
  struct ListForm {
    SqlText list;    // the elements that WHERE leaves
    SqlText result;  // the one item of the select list; empty for EXISTS
    std::string variable;
    bool count = false;  // the item is COUNT(*)
  };
  std::optional<ListForm> AsListForm(Range inside, const Scope* scope, bool need_item, bool allow_limit);

  const std::vector<Token>& tokens_;
  std::string_view source_;
  const TableOpener& open_;
  std::vector<std::string> ctes_;  // visible now, lower case
  bool all_columns_ = false;
  std::vector<Translation::StarName> star_names_;
  int unique_ = 0;
  int list_attempts_ = 0;
  int query_depth_ = 0;
};

// The text with each $1 to $9 and $* replaced.
SqlText FillTemplate(std::string_view text, const std::vector<SqlText>& arguments);

SqlText Wrap(std::string_view before, const SqlText& text, std::string_view after);

const table::Field* FindField(const std::vector<table::Field>& fields, const std::string& lower);
std::string QuoteName(std::string_view name);
std::string QuoteString(std::string_view text);

}  // namespace dicomhouse::query::internal
