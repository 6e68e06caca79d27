// ReadYaml: libyaml says what stands where, and here its events become a value.
#include <yaml.h>

#include <algorithm>
#include <memory>

#include "cli/yaml.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;

// Json::Parse has the same.
constexpr size_t kMaxDepth = 1024;

Error Wrong(const yaml_mark_t& mark, const std::string& what) {
  return {ErrorCode::kInvalidArgument,
          "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1) + ": " + what};
}

// An event of libyaml, freed with the object.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&event_); }
  yaml_event_t* get() { return &event_; }
  const yaml_event_t* operator->() const { return &event_; }

 private:
  yaml_event_t event_{};
};

std::string_view TextOf(const yaml_event_t& event) {
  return {reinterpret_cast<const char*>(event.data.scalar.value), event.data.scalar.length};
}

// What text without quotes stands for: YAML 1.2, as gcloud reads it.
base::Result<Json> PlainValue(std::string_view text, const yaml_mark_t& mark) {
  const auto is_one_of = [text](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  if (is_one_of({"", "~", "null", "Null", "NULL"})) return Json();
  if (is_one_of({"true", "True", "TRUE"})) return Json(true);
  if (is_one_of({"false", "False", "FALSE"})) return Json(false);
  if (!LooksLikeNumber(text)) return Json(text);
  auto number = Json::Parse(text);
  if (number.ok() && number->is_number()) return number;
  return Wrong(mark, "'" + std::string(text) + "' is a number that JSON does not have; text needs quotes");
}

class YamlReader {
 public:
  explicit YamlReader(std::string_view text) {
    if (yaml_parser_initialize(&parser_) == 0) return;
    ready_ = true;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;
  ~YamlReader() {
    if (ready_) yaml_parser_delete(&parser_);
  }

  base::Result<Json> Read() {
    if (!ready_) return Error{ErrorCode::kLimit, "no memory to read YAML"};
    while (true) {
      Event event;
      if (yaml_parser_parse(&parser_, event.get()) == 0) return Complaint();
      if (event->type == YAML_STREAM_END_EVENT) return std::move(root_);
      DH_CHECK(Take(*event.get()));
    }
  }

 private:
  // A map or a list whose end is not yet there.
  struct Open {
    Json value;
    bool has_key = false;
    std::string key;
  };

  Error Complaint() const {
    const std::string problem = parser_.problem == nullptr ? "no memory" : parser_.problem;
    if (parser_.error != YAML_READER_ERROR) return Wrong(parser_.problem_mark, problem);
    return {ErrorCode::kInvalidArgument, "byte " + std::to_string(parser_.problem_offset) + ": " + problem};
  }

  base::Status Take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ > 1) return Wrong(event.start_mark, "a second document begins; one is read");
        return {};
      case YAML_ALIAS_EVENT:
        return Wrong(event.start_mark, "aliases (*NAME) are not read; write the value again");
      case YAML_SCALAR_EVENT:
        return TakeScalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return Begin(event.start_mark, event.data.sequence_start.anchor, event.data.sequence_start.tag, Json::MakeArray());
      case YAML_MAPPING_START_EVENT:
        return Begin(event.start_mark, event.data.mapping_start.anchor, event.data.mapping_start.tag, Json::MakeObject());
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT: {
        Json value = std::move(open_.back().value);
        open_.pop_back();
        Add(std::move(value));
        return {};
      }
      default:
        return {};
    }
  }

  static base::Status CheckPlain(const yaml_mark_t& mark, const yaml_char_t* anchor, const yaml_char_t* tag) {
    if (anchor != nullptr) return Wrong(mark, "anchors (&NAME) are not read");
    if (tag != nullptr) return Wrong(mark, "tags (!NAME) are not read");
    return {};
  }

  bool WantsKey() const { return !open_.empty() && open_.back().value.is_object() && !open_.back().has_key; }

  base::Status Begin(const yaml_mark_t& mark, const yaml_char_t* anchor, const yaml_char_t* tag, Json empty) {
    DH_CHECK(CheckPlain(mark, anchor, tag));
    if (WantsKey()) return Wrong(mark, "a key is text, not a map or a list");
    if (open_.size() >= kMaxDepth) {
      return Wrong(mark, "nested deeper than " + std::to_string(kMaxDepth));
    }
    open_.push_back({std::move(empty), false, ""});
    return {};
  }

  base::Status TakeScalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    const std::string_view text = TextOf(event);
    const bool plain = scalar.style == YAML_PLAIN_SCALAR_STYLE;
    DH_CHECK(CheckPlain(event.start_mark, scalar.anchor, scalar.tag));
    if (WantsKey()) {
      Open& map = open_.back();
      if (plain && text == "<<") return Wrong(event.start_mark, "merge keys (<<) are not read");
      if (map.value.find(text) != nullptr) return Wrong(event.start_mark, "the key '" + std::string(text) + "' is there twice");
      map.key = text;
      map.has_key = true;
      return {};
    }
    if (!plain) {
      Add(Json(text));
      return {};
    }
    DH_ASSIGN(Json value, PlainValue(text, event.start_mark));
    Add(std::move(value));
    return {};
  }

  // A whole value goes into what is open.
  void Add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Open& in = open_.back(); in.value.is_object()) {
      in.value.Set(in.key, std::move(value));
      in.has_key = false;
    } else {
      in.value.Append(std::move(value));
    }
  }

  yaml_parser_t parser_{};
  bool ready_ = false;
  int documents_ = 0;
  std::vector<Open> open_;
  Json root_;
};

}  // namespace

base::Result<Json> ReadYaml(std::string_view text) { return YamlReader(text).Read(); }

}  // namespace dicomhouse::cli
