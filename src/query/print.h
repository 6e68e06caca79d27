// Results as text: a table for people, JSON as BigQuery prints it, CSV (RFC 4180, but for line ends, which are \n as bq prints
// them).
#pragma once

#include "base/result.h"
#include "query/query.h"
#include "warehouse/engine.h"

namespace dicomhouse::query {

// Reads all of `rows` (at most `max_rows`, unless that is 0) and prints them. Requires: format is not kParquet.
// Memory does not grow with the number of rows. Errors: of the engine, of `output`; kUnsupported: a type without a form.
base::Status Print(warehouse::Rows& rows, Format format, int64_t max_rows, const Output& output);

// The text of one value that is neither NULL nor nested, as BigQuery writes it ("4", "1.5", "true", "2021-07-11",
// "00:38:22", "2021-07-11 00:38:22 UTC", base64 for bytes).
std::string ScalarText(const warehouse::ValueVector& values, size_t row);

// A FLOAT64 as BigQuery writes it: the shortest digits that give it back, "2.0", "1.0E10", "NaN".
std::string FloatText(double value);

}  // namespace dicomhouse::query
