#include "api/json_shape.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace dicomhouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

// "write_disposition" -> "writeDisposition".
std::string CamelOf(std::string_view name) {
  std::string camel;
  bool upper = false;
  for (const char c : name) {
    if (c == '_') {
      upper = !camel.empty();
    } else {
      camel += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return camel;
}

std::string PathOf(std::string_view outer, std::string_view name) {
  return outer.empty() ? std::string(name) : std::string(outer) + "." + std::string(name);
}

std::string_view TypeText(const JsonField& field) {
  switch (field.kind) {
    case JsonKind::kBool:
      return "TYPE_BOOL";
    case JsonKind::kInt32:
      return "TYPE_INT32";
    case JsonKind::kInt64:
      return "TYPE_INT64";
    case JsonKind::kEnum:
      return "TYPE_ENUM";
    case JsonKind::kTimestamp:
      return "type.googleapis.com/google.protobuf.Timestamp";
    case JsonKind::kFieldMask:
      return "type.googleapis.com/google.protobuf.FieldMask";
    case JsonKind::kMap:
      return "a map of strings";
    case JsonKind::kMessage:
      return field.shape->name;
    default:
      return "TYPE_STRING";
  }
}

// A number in either of its forms: 5 or "5".
std::optional<int64_t> IntegerOf(const Json& json) {
  if (json.is_int()) return json.as_int();
  const std::string& text = json.as_string();
  int64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!json.is_string() || text.empty() || end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

bool IsStringMap(const Json& json) {
  return json.is_object() &&
         std::all_of(json.object().begin(), json.object().end(), [](const auto& entry) { return entry.second.is_string(); });
}

// What protobuf does not tell from an absent field.
bool IsDefault(const Json& value, const JsonField& field) {
  if (field.repeated) return value.array().empty();
  if (field.kind == JsonKind::kMap) return value.object().empty();
  if (field.kind == JsonKind::kInt64) return value.as_string() == "0";
  return value == Json(false) || value == Json(0) || value == Json("");
}

// Excerpt of a value for a message.
std::string Shown(const Json& value) {
  std::string text = value.Print();
  if (text.size() > base::kMaxExcerptBytes) text = text.substr(0, base::kMaxExcerptBytes) + "...";
  return text;
}

// Walks message and shape side by side. The depth is that of the shape, not of the input.
class Reader {
 public:
  explicit Reader(FieldViolation* violation) : violation_(violation) {}

  Result<Json> Message(const Json& json, const JsonShape& shape, const std::string& path) {  // NOLINT(misc-no-recursion)
    for (const auto& [name, value] : json.object()) {
      if (FindField(shape, name) == nullptr) {
        const std::string at = path.empty() ? "" : " at '" + path + "'";
        return Fail(path,
                    "Invalid JSON payload received. Unknown name \"" + Printable(name) + "\"" + at + ": Cannot find field.");
      }
    }
    Json out = Json::MakeObject();
    for (const JsonField& field : shape.fields) {
      const Json* value = nullptr;
      for (const auto& [name, given] : json.object()) {
        if (FindField(shape, name) != &field) continue;
        if (value != nullptr) return Fail(PathOf(path, field.name), "Invalid JSON payload received. Duplicate field: " + name);
        value = &given;
      }
      if (value == nullptr || value->is_null() || field.output_only) continue;
      DH_ASSIGN(Json read, Field(*value, field, PathOf(path, field.name)));
      if (!IsDefault(read, field)) out.Set(field.name, std::move(read));
    }
    return out;
  }

 private:
  Result<Json> Field(const Json& value, const JsonField& field, const std::string& path) {  // NOLINT(misc-no-recursion)
    if (!field.repeated) return Value(value, field, path);
    if (!value.is_array()) {
      return Fail(path, "Invalid value at '" + path + "' (a list of " + std::string(TypeText(field)) + "), " + Shown(value));
    }
    Json out = Json::MakeArray();
    for (size_t i = 0; i < value.array().size(); ++i) {
      DH_ASSIGN(Json item, Value(value.array()[i], field, path + "[" + std::to_string(i) + "]"));
      out.Append(std::move(item));
    }
    return out;
  }

  Result<Json> Value(const Json& value, const JsonField& field, const std::string& path) {  // NOLINT(misc-no-recursion)
    switch (field.kind) {
      case JsonKind::kAny:
        return value;
      case JsonKind::kMessage:
        if (value.is_object()) return Message(value, *field.shape, path);
        break;
      case JsonKind::kMap:
        if (IsStringMap(value)) return value;
        break;
      case JsonKind::kBool:
        if (value.is_bool()) return value;
        break;
      case JsonKind::kInt32:
        if (const auto number = IntegerOf(value); number && *number >= INT32_MIN && *number <= INT32_MAX) return Json(*number);
        break;
      case JsonKind::kInt64:
        if (const auto number = IntegerOf(value)) return Json(std::to_string(*number));
        break;
      case JsonKind::kEnum: {
        const std::string& text = value.as_string();
        if (value.is_string() && std::find(field.values.begin(), field.values.end(), text) != field.values.end()) return value;
        break;
      }
      default:
        if (value.is_string()) return value;
    }
    return Fail(path, "Invalid value at '" + path + "' (" + std::string(TypeText(field)) + "), " + Shown(value));
  }

  Error Fail(const std::string& path, std::string text) {
    if (violation_ != nullptr) *violation_ = {path, text};
    return {ErrorCode::kInvalidArgument, std::move(text)};
  }

  static std::string Printable(std::string_view name) { return std::string(name.substr(0, base::kMaxExcerptBytes)); }

  FieldViolation* violation_;
};

std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// The names of a path, as the shape has them.
Result<std::vector<std::string>> ResolvePath(const JsonShape& shape, std::string_view path) {
  const Error bad{ErrorCode::kInvalidArgument, "Invalid update mask: '" + std::string(path) + "' is no field of " +
                                                   std::string(shape.name) + " that can be changed"};
  std::vector<std::string> names;
  const JsonShape* at = &shape;
  bool in_map = false;
  for (const std::string_view part : SplitAt(path, '.')) {
    if (in_map) {
      names.emplace_back(part);
      continue;
    }
    const JsonField* field = at == nullptr ? nullptr : FindField(*at, part);
    if (field == nullptr || field->output_only || field->name == "name") return bad;
    names.emplace_back(field->name);
    in_map = field->kind == JsonKind::kMap;
    at = field->repeated ? nullptr : field->shape;
  }
  if (in_map && names.size() > 2) return bad;
  return names;
}

const Json* FindAt(const Json& json, const std::vector<std::string>& names) {
  const Json* at = &json;
  for (const std::string& name : names) {
    at = at->find(name);
    if (at == nullptr) return nullptr;
  }
  return at;
}

// The objects on the way are made when there are none.
void SetAt(Json& json, const std::vector<std::string>& names, const Json* value) {
  Json* at = &json;
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    if (at->find(names[i]) == nullptr) {
      if (value == nullptr) return;
      at->Set(names[i], Json::MakeObject());
    }
    for (auto& [name, field] : at->object()) {
      if (name != names[i]) continue;
      at = &field;
      break;
    }
  }
  if (value == nullptr) {
    at->Remove(names.back());
  } else {
    at->Set(names.back(), *value);
  }
}

// Paths of names, from the text of a `fields` parameter.
Result<std::vector<std::vector<std::string>>> ParseFields(std::string_view text) {
  const Error bad{ErrorCode::kInvalidArgument, "Invalid field selection " + std::string(text.substr(0, base::kMaxExcerptBytes))};
  std::vector<std::vector<std::string>> paths;
  std::vector<std::string> path;
  std::vector<size_t> outer;  // lengths of the path in front of each open bracket
  std::string name;
  bool closed = false;  // a bracket was just closed: no name is expected
  const auto finish = [&] {
    if (!closed) {
      if (name.empty()) return false;
      path.push_back(std::exchange(name, ""));
      paths.push_back(path);
    }
    closed = false;
    path.resize(outer.empty() ? 0 : outer.back());
    return true;
  };
  for (const char c : text) {
    if (c == ',' && finish()) continue;
    if ((c == '/' || c == '(') && !name.empty()) {
      path.push_back(std::exchange(name, ""));
      if (c == '(') outer.push_back(path.size());
      continue;
    }
    if (c == ')' && !outer.empty() && finish()) {
      outer.pop_back();
      closed = true;
      continue;
    }
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '*' ||
                       c == '@' || c == '-' || c == '.';
    if (!plain || closed) return bad;
    name += c;
  }
  if (!finish() || !outer.empty()) return bad;
  return paths;
}

using Paths = std::vector<std::vector<std::string>>;

// What the paths name of a value, at their depth `depth`. Goes as deep as the answer, which is ours.
Json Select(const Json& json, const Paths& paths, size_t depth) {  // NOLINT(misc-no-recursion)
  const bool whole = std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return path.size() == depth; });
  if (whole) return json;
  if (json.is_array()) {
    Json out = Json::MakeArray();
    for (const Json& item : json.array()) out.Append(Select(item, paths, depth));
    return out;
  }
  Json out = Json::MakeObject();
  for (const auto& [name, value] : json.object()) {
    Paths inner;
    std::copy_if(paths.begin(), paths.end(), std::back_inserter(inner),
                 [&, &key = name](const auto& path) { return path[depth] == key || path[depth] == "*"; });
    if (!inner.empty()) out.Set(name, Select(value, inner, depth + 1));
  }
  return out;
}

}  // namespace

const JsonField* FindField(const JsonShape& shape, std::string_view name) {
  for (const JsonField& field : shape.fields) {
    if (field.name == name) return &field;
  }
  if (name.find('_') == std::string_view::npos) return nullptr;
  const std::string camel = CamelOf(name);
  const auto found =
      std::find_if(shape.fields.begin(), shape.fields.end(), [&](const JsonField& field) { return field.name == camel; });
  return found == shape.fields.end() ? nullptr : &*found;
}

Result<Json> ReadMessage(const Json& json, const JsonShape& shape, FieldViolation* violation) {
  return Reader(violation).Message(json, shape, "");
}

Status ApplyFieldMask(const JsonShape& shape, std::string_view mask, const Json& given, Json& message) {
  for (std::string_view path : SplitAt(mask, ',')) {
    while (path.starts_with(' ')) path.remove_prefix(1);
    while (path.ends_with(' ')) path.remove_suffix(1);
    DH_ASSIGN(const std::vector<std::string> names, ResolvePath(shape, path));
    SetAt(message, names, FindAt(given, names));
  }
  return {};
}

Result<Json> SelectFields(const Json& json, std::string_view fields) {
  DH_ASSIGN(const Paths paths, ParseFields(fields));
  return Select(json, paths, 0);
}

}  // namespace dicomhouse::api
