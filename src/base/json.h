// JSON: a value tree for small documents (Iceberg metadata, schemas, settings) and a printer.
// Reading is simdjson's (base/json.cc); numbers keep 64-bit integers exactly; objects keep the order of their fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace dicomhouse::base {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;                                              // null
  Json(std::nullptr_t) {}                                        // NOLINT
  Json(bool value) : value_(value) {}                            // NOLINT
  Json(int value) : value_(int64_t{value}) {}                    // NOLINT
  Json(int64_t value) : value_(value) {}                         // NOLINT
  Json(uint64_t value) : value_(static_cast<int64_t>(value)) {}  // NOLINT
  Json(double value) : value_(value) {}                          // NOLINT
  Json(const char* value) : value_(std::string(value)) {}        // NOLINT
  Json(std::string_view value) : value_(std::string(value)) {}   // NOLINT
  Json(std::string value) : value_(std::move(value)) {}          // NOLINT
  Json(Array value) : value_(std::move(value)) {}                // NOLINT
  Json(Object value) : value_(std::move(value)) {}               // NOLINT

  static Json MakeArray() { return Json(Array{}); }
  static Json MakeObject() { return Json(Object{}); }

  // Errors: kCorrupt with a byte offset; kLimit when nested deeper than 1,024.
  static Result<Json> Parse(std::string_view text);

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  // The value, or `otherwise` when this is of another kind.
  bool as_bool(bool otherwise = false) const;
  int64_t as_int(int64_t otherwise = 0) const;
  double as_double(double otherwise = 0) const;
  const std::string& as_string() const&;  // "" when not a string
  const Array& array() const&;            // empty when not an array
  const Object& object() const&;          // empty when not an object
  Array& array() &;                       // becomes an array when it was null
  Object& object() &;                     // becomes an object when it was null

  // The field of an object, or null (the value) when there is none.
  const Json& operator[](std::string_view key) const&;
  const Json* find(std::string_view key) const&;
  // A temporary gives away what it holds: a reference into it would not live through a range-for over it.
  std::string as_string() && { return is_string() ? std::get<std::string>(std::move(value_)) : std::string(); }
  Array array() && { return is_array() ? std::get<Array>(std::move(value_)) : Array(); }
  Object object() && { return is_object() ? std::get<Object>(std::move(value_)) : Object(); }
  Json operator[](std::string_view key) && { return std::as_const(*this)[key]; }
  const Json* find(std::string_view key) const&& = delete;
  // Sets or adds a field; keeps the place of an existing one.
  Json& Set(std::string_view key, Json value);
  void Remove(std::string_view key);
  void Append(Json value) { array().push_back(std::move(value)); }

  // One line, or indented by `indent` spaces a level.
  std::string Print(int indent = 0) const;

  bool operator==(const Json& other) const = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

// Appends `text` as a JSON string with its quotes. Requires: valid UTF-8.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace dicomhouse::base
