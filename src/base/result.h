// Errors as values. A function that can fail returns Result<T>; success costs nothing but the value.
//
//   Result<Table> table = OpenTable(name);
//   if (!table.ok()) return table.error();
//   Use(*table);
//
// or, inside a function that itself returns a Result:
//
//   DH_ASSIGN(Table table, OpenTable(name));
//   DH_CHECK(table.Publish());
//
// An Error is for what input, files or the machine did. A bug of ours is an assert, never an Error.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace dicomhouse::base {

// What went wrong, in classes that callers act upon (exit codes, HTTP statuses). The text says the rest.
enum class ErrorCode {
  kInvalidArgument,     // the caller's words are wrong: a flag, a filter line, a statement
  kNotFound,            // what was named does not exist
  kAlreadyExists,       // what was to be made exists
  kFailedPrecondition,  // the state forbids it: a table that is not empty, a version that has gone
  kConflict,            // somebody else changed it meanwhile; trying again can help
  kCancelled,           // the user asked to stop
  kIo,                  // the operating system refused; the text carries its reason
  kCorrupt,             // bytes that are not what they claim to be
  kLimit,               // a limit of base/limits.h; the text names it
  kUnsupported,         // correct, but not something this program does
};

struct Error {
  ErrorCode code = ErrorCode::kInvalidArgument;
  std::string message;  // what, where and what to do; no trailing newline
};

// A value of type T or an Error. Move-only when T is.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Requires: ok().
  T& value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Requires: !ok().
  const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    assert(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

#define DH_CONCAT_INNER(a, b) a##b
#define DH_CONCAT(a, b) DH_CONCAT_INNER(a, b)

// Returns the error of `expression` from the enclosing function, if there is one.
#define DH_CHECK(expression)                       \
  do {                                             \
    auto dh_status = (expression);                 \
    if (!dh_status.ok()) return dh_status.error(); \
  } while (false)

// Declares `declaration` with the value of `expression`, or returns its error from the enclosing function.
#define DH_ASSIGN(declaration, expression) DH_ASSIGN_INNER(DH_CONCAT(dh_result_, __LINE__), declaration, expression)
#define DH_ASSIGN_INNER(result, declaration, expression) \
  auto result = (expression);                            \
  if (!result.ok()) return result.error();               \
  declaration = *std::move(result)

}  // namespace dicomhouse::base
