// The shapes of JSON messages as tables, and one reader for all of them: protobuf's JSON mapping, as Google's APIs take it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace dicomhouse::api {

enum class JsonKind {
  kString,
  kBool,
  kInt32,
  kInt64,      // printed as a string
  kEnum,       // one of JsonField::values
  kTimestamp,  // RFC 3339
  kBytes,      // base64
  kFieldMask,  // "a,b.c"
  kMap,        // of strings
  kMessage,    // JsonField::shape
  kAny,        // whatever
};

struct JsonShape;

// One field of a message. Tables of them are constants that outlive everything.
struct JsonField {
  std::string_view name;
  JsonKind kind = JsonKind::kString;
  std::string_view description = {};
  const JsonShape* shape = nullptr;
  std::span<const std::string_view> values = {};
  bool repeated = false;
  bool output_only = false;  // ignored in requests, as Google does
};

// A message: its fields in the order in which they are printed. No shape contains itself.
struct JsonShape {
  std::string_view name;
  std::span<const JsonField> fields = {};
};

// What is wrong with a message, as google.rpc.BadRequest.FieldViolation has it.
struct FieldViolation {
  std::string field;  // "bigqueryDestination.tableUri"; "" for the message itself
  std::string description;
};

// Reads a message by its shape: fields in the shape's order and under their names (lowerCamelCase; snake_case is taken too), null
// ones and defaults (false, 0, "", no items) left out, int64 as strings. Errors: kInvalidArgument for an unknown field or a wrong
// type, in Google's words; `violation`, when given, is then filled.
base::Result<base::Json> ReadMessage(const base::Json& json, const JsonShape& shape, FieldViolation* violation = nullptr);

// The field of that name, in either spelling, or null.
const JsonField* FindField(const JsonShape& shape, std::string_view name);

// The fields of `given` that `mask` names ("labels,notificationConfig.pubsubTopic", either spelling) take the place of those in
// `message`; named ones that `given` lacks are removed. Errors: kInvalidArgument: a path that is not in the shape or is output
// only.
base::Status ApplyFieldMask(const JsonShape& shape, std::string_view mask, const base::Json& given, base::Json& message);

// A partial response: what Google's `fields` parameter names, "a,b/c,d(e,f/g)", "*" for any. Errors: kInvalidArgument.
base::Result<base::Json> SelectFields(const base::Json& json, std::string_view fields);

}  // namespace dicomhouse::api
