// GoogleSQL to the engine's SQL. This is the only place that knows both; a full GoogleSQL parser can replace it behind
// this header. Statements are read by their structure (clauses, FROM items, calls, paths), not expression by expression:
// what GoogleSQL and the engine write alike goes through as it stands, what differs is rewritten, what is not known is
// refused. The rewrites: README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/lexer.h"
#include "table/schema.h"

namespace dicomhouse::query {

// A table that a statement may read: the name of its view in the engine, and its columns.
struct KnownTable {
  std::string view;
  const table::Schema* schema = nullptr;
};

// Finds the table that a statement calls `name` ("T", "D.T" or "P.D.T"), as it was at a Unix time if one is given
// (FOR SYSTEM_TIME AS OF). The pointer lives as long as the opener. Errors: without line:column; the dialect adds it.
using TableOpener = std::function<base::Result<const KnownTable*>(const std::string& name, std::optional<int64_t> as_of_ms)>;

// A statement in the engine's SQL.
struct Translation {
  struct Mark {
    size_t offset = 0;  // in `sql`
    Position at;        // in the user's text
  };

  std::string sql;
  std::vector<Mark> marks;      // in rising order of offset
  std::set<std::string> names;  // every identifier of the statement, in lower case
  bool all_columns = false;     // it shows whole rows: `names` does not say which columns it needs
  // Columns that EXCEPT and REPLACE behind a star name: the engine does not say where one is that is not there.
  struct StarName {
    std::string name;
    Position at;
    bool except = false;  // else of REPLACE
  };
  std::vector<StarName> star_names;  // those of a subquery in front of those around it

  // The place in the user's text that byte `offset` of `sql` comes from.
  Position Locate(size_t offset) const;
};

// What is wrong with a name that no column of the star has.
std::string NoStarColumn(const Translation::StarName& name);

// Errors, with line:column: kInvalidArgument, kNotFound (from the opener), kUnsupported (GoogleSQL that is not known yet,
// by name and with a hint), kLimit (a statement that grows too large).
base::Result<Translation> Translate(std::string_view sql, const TableOpener& open);

}  // namespace dicomhouse::query
