// A result as a table: which columns it gets, and the engine's statement that writes them as one part.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "table/schema.h"
#include "warehouse/engine.h"

namespace dicomhouse::query {

class ResultTable {
 public:
  // Errors: kUnsupported: a column of a type that no table has, named.
  static base::Result<ResultTable> Of(const std::vector<warehouse::ValueType>& columns);

  const table::Schema& schema() const { return schema_; }
  // "COPY (...) TO 'file' ...": the columns cast to their types, each with the id that `with_ids` gives to it.
  std::string CopySql(std::string_view select, int64_t max_rows, std::string_view file, const table::Schema& with_ids) const;

 private:
  table::Schema schema_;
};

}  // namespace dicomhouse::query
