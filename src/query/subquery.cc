// Subqueries over one UNNEST. `EXISTS (SELECT ... FROM UNNEST(a) AS e WHERE ...)` is a join to the engine, 60 times slower
// than filtering the list where it is; so these forms become list functions when nothing in them needs a real query.
#include <utility>

#include "query/internal/translator.h"

namespace dicomhouse::query::internal {
namespace {

// A form that turns out to need a query is translated again: so many times, then no more.
constexpr int kMaxListAttempts = 300;

}  // namespace

// The parts of `SELECT item FROM UNNEST(array) [AS e] [WHERE ...]` as list expressions; nullopt: it is more than that.
std::optional<Translator::ListForm> Translator::AsListForm(Range inside, const Scope* scope, bool need_item, bool allow_limit) {
  if (!Keyword(inside.begin, "SELECT") || ++list_attempts_ > kMaxListAttempts) return std::nullopt;
  for (const std::string_view word : {"UNION", "INTERSECT", "EXCEPT"}) {
    if (FindKeyword(inside, word) < inside.end) return std::nullopt;
  }
  const auto parts = ParseSelect(inside);
  if (!parts.ok() || parts->distinct || !parts->group.empty() || !parts->having.empty() || !parts->qualify.empty() ||
      !parts->window.empty() || !parts->order.empty() || parts->items.size() != 1 || parts->from.empty()) {
    return std::nullopt;
  }
  const bool limit_one = parts->limit.size() == 1 && token(parts->limit.begin).text == "1";
  if (!parts->limit.empty() && !(allow_limit && limit_one)) return std::nullopt;
  if (!Keyword(parts->from.begin, "UNNEST")) return std::nullopt;
  size_t i = parts->from.begin;
  UnnestItem item;
  if (!ParseUnnest(i, parts->from, item).ok() || i != parts->from.end || item.has_offset) return std::nullopt;

  const auto array = Expression(item.array, scope);
  if (!array.ok() || array->has_query) return std::nullopt;
  ListForm form;
  form.variable = Unique("v");
  Scope inner{scope, {}, {}, false};
  const FieldType type = TypeOfPath(item.array, scope);
  AddElement(item, type, 0, "", form.variable, "", inner);
  inner.sources.back().column = form.variable;
  form.list = *array;
  if (!parts->where.empty()) {
    const auto where = Expression(parts->where, &inner);
    if (!where.ok() || where->has_query || where->has_aggregate) return std::nullopt;
    form.list.Insert(0, "list_filter(");
    form.list.Add(", lambda " + form.variable + ": ");
    form.list.Add(*where);
    form.list.Add(")");
  }
  if (!need_item) return form;
  const Range select = parts->items[0];
  if (select.size() == 4 && Keyword(select.begin, "COUNT") && token(select.begin + 2).is("*")) {
    form.count = true;
    return form;
  }
  std::string alias;
  const Range value = ItemAlias(select, alias);
  if (value.empty() || token(value.end - 1).is("*")) return std::nullopt;
  if (parts->as_struct) return std::nullopt;
  const auto result = Expression(value, &inner);
  if (!result.ok() || result->has_query || result->has_aggregate) return std::nullopt;
  form.result = *result;
  return form;
}

base::Result<SqlText> Translator::ExistsQuery(Range inside, const Scope* scope) {
  if (const auto form = AsListForm(inside, scope, false, true)) {
    SqlText out("(coalesce(len(");
    out.Add(form->list);
    out.Add("), 0) > 0)");
    return out;
  }
  DH_ASSIGN(const SqlText query, Query(inside, scope));
  SqlText out("EXISTS (");
  out.Add(query);
  out.Add(")");
  return out;
}

base::Result<SqlText> Translator::ArrayQuery(Range inside, const Scope* scope) {
  const auto form = AsListForm(inside, scope, true, false);
  if (form && !form->count) {
    SqlText out("coalesce(list_transform(");
    out.Add(form->list);
    out.Add(", lambda " + form->variable + ": ");
    out.Add(form->result);
    out.Add("), [])");
    return out;
  }
  DH_ASSIGN(const SqlText query, Query(inside, scope));
  SqlText out("ARRAY(");
  out.Add(query);
  out.Add(")");
  out.has_query = true;
  return out;
}

// A query in brackets that stands for one value.
base::Result<SqlText> Translator::ScalarQuery(Range inside, const Scope* scope) {
  const bool limited = FindKeyword(inside, "LIMIT") < inside.end;
  const auto form = AsListForm(inside, scope, true, true);
  if (!form) return Query(inside, scope);
  SqlText out;
  if (form->count) {
    out.Add("coalesce(len(");
    out.Add(form->list);
    out.Add("), 0)");
    return out;
  }
  SqlText values("list_transform(");
  values.Add(form->list);
  values.Add(", lambda " + form->variable + ": ");
  values.Add(form->result);
  values.Add(")");
  if (!limited) {
    out.Add("CASE WHEN len(");
    out.Add(form->list);
    out.Add(") > 1 THEN error('Scalar subquery produced more than one element; add LIMIT 1') ELSE ");
  }
  out.Add("array_extract(");
  out.Add(values);
  out.Add(", 1)");
  if (!limited) out.Add(" END");
  DH_CHECK(CheckSize(out, inside.begin));
  return out;
}

}  // namespace dicomhouse::query::internal
