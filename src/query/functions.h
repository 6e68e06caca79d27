// The functions of GoogleSQL that are known, one row each: functions.cc. A new function is a new row there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dicomhouse::query {

enum class FunctionKind : uint8_t {
  kScalar,     // `sql` with its arguments put in
  kAggregate,  // also takes DISTINCT, ORDER BY, IGNORE NULLS, LIMIT; may stand before OVER
  kWindow,     // stands before OVER
  kSpecial,    // calls.cc writes it; `sql` only names the engine's functions that it uses
};

struct Function {
  std::string_view name;  // upper case
  FunctionKind kind = FunctionKind::kScalar;
  int min_arguments = 0;
  int max_arguments = 0;  // -1: any number
  std::string_view sql;   // $1 to $9: an argument; $*: all of them
  bool text = false;      // the result is STRING for certain
};

// The row for `upper` with so many arguments; null when there is none.
const Function* FindFunction(std::string_view upper, size_t arguments);
// Any row of that name.
const Function* FindFunction(std::string_view upper);
// What to say of a function that is not known: "did you mean ...?", or "".
std::string FunctionHint(std::string_view upper);

// May a statement call the engine's function of this name (lower case)? True for what the rows use, and for operators.
bool EngineFunctionAllowed(std::string_view lower);

}  // namespace dicomhouse::query
