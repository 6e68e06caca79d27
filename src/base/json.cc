#include "base/json.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <memory>

#include "base/text.h"

namespace dicomhouse::base {
namespace {

// simdjson's DOM refuses documents deeper than this, so the conversion below is bounded too.
constexpr size_t kMaxDepth = 1024;

Json Convert(const simdjson::dom::element& element) {  // NOLINT(misc-no-recursion): bounded by kMaxDepth
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::ARRAY: {
      Json::Array array;
      const simdjson::dom::array children = element;
      for (const auto child : children) array.push_back(Convert(child));
      return Json(std::move(array));
    }
    case element_type::OBJECT: {
      Json::Object object;
      const simdjson::dom::object fields = element;
      for (const auto field : fields) object.emplace_back(std::string(field.key), Convert(field.value));
      return Json(std::move(object));
    }
    case element_type::INT64:
      return Json(int64_t{element});
    case element_type::UINT64:
      return Json(static_cast<double>(uint64_t{element}));
    case element_type::DOUBLE:
      return Json(double(element));
    case element_type::STRING:
      return Json(std::string_view{element});
    case element_type::BOOL:
      return Json(bool(element));
    case element_type::NULL_VALUE:
      break;
  }
  return {};
}

void AppendDouble(std::string& out, double value) {
  if (!std::isfinite(value)) {  // JSON has no such numbers; BigQuery and protobuf print them as strings
    out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void NewLine(std::string& out, int indent, int depth) {
  if (indent == 0) return;
  out += '\n';
  out.append(static_cast<size_t>(indent) * static_cast<size_t>(depth), ' ');
}

void PrintTo(std::string& out, const Json& json, int indent, int depth) {  // NOLINT(misc-no-recursion): our own trees
  if (json.is_array()) {
    out += '[';
    bool first = true;
    for (const Json& child : json.array()) {
      if (!std::exchange(first, false)) out += ',';
      NewLine(out, indent, depth + 1);
      PrintTo(out, child, indent, depth + 1);
    }
    if (!first) NewLine(out, indent, depth);
    out += ']';
  } else if (json.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, child] : json.object()) {
      if (!std::exchange(first, false)) out += ',';
      NewLine(out, indent, depth + 1);
      AppendJsonString(out, key);
      out += indent == 0 ? ":" : ": ";
      PrintTo(out, child, indent, depth + 1);
    }
    if (!first) NewLine(out, indent, depth);
    out += '}';
  } else if (json.is_string()) {
    AppendJsonString(out, json.as_string());
  } else if (json.is_bool()) {
    out += json.as_bool() ? "true" : "false";
  } else if (json.is_int()) {
    out += std::to_string(json.as_int());
  } else if (json.is_number()) {
    AppendDouble(out, json.as_double());
  } else {
    out += "null";
  }
}

}  // namespace

Result<Json> Json::Parse(std::string_view text) {
  simdjson::dom::parser parser;
  if (parser.allocate(text.size() + 1, kMaxDepth) != simdjson::SUCCESS)
    return Error{ErrorCode::kLimit, "JSON: no memory for the document"};
  const simdjson::padded_string padded(text);
  simdjson::dom::element element;
  const auto code = parser.parse(padded).get(element);
  if (code == simdjson::DEPTH_ERROR) return Error{ErrorCode::kLimit, "JSON: nested deeper than 1,024"};
  if (code != simdjson::SUCCESS) return Error{ErrorCode::kCorrupt, std::string("JSON: ") + simdjson::error_message(code)};
  return Convert(element);
}

bool Json::as_bool(bool otherwise) const { return is_bool() ? std::get<bool>(value_) : otherwise; }
int64_t Json::as_int(int64_t otherwise) const { return is_int() ? std::get<int64_t>(value_) : otherwise; }
double Json::as_double(double otherwise) const {
  if (is_int()) return static_cast<double>(std::get<int64_t>(value_));
  return is_number() ? std::get<double>(value_) : otherwise;
}
const std::string& Json::as_string() const& {
  static const std::string kEmpty;
  return is_string() ? std::get<std::string>(value_) : kEmpty;
}
const Json::Array& Json::array() const& {
  static const Array kEmpty;
  return is_array() ? std::get<Array>(value_) : kEmpty;
}
const Json::Object& Json::object() const& {
  static const Object kEmpty;
  return is_object() ? std::get<Object>(value_) : kEmpty;
}
Json::Array& Json::array() & {
  if (!is_array()) value_ = Array{};
  return std::get<Array>(value_);
}
Json::Object& Json::object() & {
  if (!is_object()) value_ = Object{};
  return std::get<Object>(value_);
}

const Json* Json::find(std::string_view key) const& {
  for (const auto& [name, value] : object()) {
    if (name == key) return &value;
  }
  return nullptr;
}

const Json& Json::operator[](std::string_view key) const& {
  static const Json kNull;
  const Json* found = find(key);
  return found != nullptr ? *found : kNull;
}

Json& Json::Set(std::string_view key, Json value) {
  for (auto& [name, old] : object()) {
    if (name == key) {
      old = std::move(value);
      return *this;
    }
  }
  object().emplace_back(std::string(key), std::move(value));
  return *this;
}

void Json::Remove(std::string_view key) {
  std::erase_if(object(), [key](const auto& field) { return field.first == key; });
}

std::string Json::Print(int indent) const {
  std::string out;
  PrintTo(out, *this, indent, 0);
  return out;
}

void AppendJsonString(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  if (!IsUtf8(text)) return AppendJsonString(out, Utf8Escaped(text));
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  out += '"';
}

}  // namespace dicomhouse::base
