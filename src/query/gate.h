// The second lock (the first is Engine::Lock): what the engine itself understands of a statement is read before the
// statement runs. It knows nothing of the dialect, so a mistake there opens nothing.
//
// Admitted: exactly one SELECT over known tables; the table functions unnest, range and generate_series; the functions of
// functions.cc. All else is refused, also what is merely not known here.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dicomhouse::query {

// What is refused; `offset` is a byte in the statement, or npos.
struct Refusal {
  std::string message;
  size_t offset = std::string::npos;
};

// The engine's statement that prints another statement as JSON, for Engine::Text.
inline constexpr std::string_view kSerialize = "SELECT json_serialize_sql(CAST(? AS VARCHAR))";

// Reads what kSerialize gave. `tables`: names that may be read. Returns an empty message when the statement is admitted.
// Errors: kCorrupt, kLimit: the JSON cannot be read.
base::Result<Refusal> CheckStatement(std::string_view serialized, const std::set<std::string>& tables);

}  // namespace dicomhouse::query
