#include "tests/mapping/reference_mapper.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <optional>
#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "dicom/dictionary.h"
#include "dicom/value.h"
#include "tests/table/unroll.h"

namespace dicomhouse::mapping {

using base::Json;
using dicom::Vr;
using table::Mode;
using table::Type;

struct ReferenceMapper::Element {
  uint32_t tag = 0;
  Vr vr = Vr::kNone;  // as written
  bool sequence = false;
  bool fragments = false;
  uint64_t offset = 0;
  std::string_view value;
  std::vector<Elements> items;
};

struct ReferenceMapper::Context {
  dicom::Encoding encoding;
  std::string character_set;
  int utc_offset = 0;
  bool signed_pixels = false;
  std::map<uint32_t, std::string> creators;  // by (group, block) of the data set
};

// A field of the schema with its place among its siblings.
struct ReferenceMapper::Field {
  Type type = Type::kRecord;
  Mode mode = Mode::kRepeated;
  uint64_t order = 0;
  std::map<std::string, Field> fields;

  Field& Child(const std::string& name, Type child_type, Mode child_mode, uint64_t child_order) {
    return fields.try_emplace(name, Field{child_type, child_mode, child_order, {}}).first->second;
  }
};

namespace {

constexpr uint64_t kPrivate = uint64_t{1} << 32;
constexpr uint64_t kOther = uint64_t{2} << 32;
constexpr uint64_t kDropped = uint64_t{3} << 32;

bool Private(uint32_t tag) { return (tag >> 16) % 2 == 1; }
bool Creator(uint32_t tag) { return Private(tag) && (tag & 0xFFFF) >= 0x10 && (tag & 0xFFFF) <= 0xFF; }

std::string Format(const char* format, uint32_t a, uint32_t b) {
  char text[64];
  std::snprintf(text, sizeof text, format, a, b);
  return text;
}
std::string Tag(uint32_t tag) { return Format("Tag_%04X%04X", tag >> 16, tag & 0xFFFF); }
std::string Path(uint32_t tag) { return Format("%04X,%04X", tag >> 16, tag & 0xFFFF); }
std::string Name(uint32_t tag) {
  const dicom::ElementEntry* entry = dicom::FindElement(tag);
  return entry != nullptr && !entry->keyword.empty() ? std::string(entry->keyword) : Tag(tag);
}

uint64_t Number(std::string_view bytes, size_t position, size_t size, bool big_endian) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; ++i) {
    const size_t at = position + (big_endian ? i : size - 1 - i);
    number = number << 8 | static_cast<uint8_t>(bytes[at]);
  }
  return number;
}
uint32_t TagAt(std::string_view bytes, size_t position, bool big_endian) {
  return static_cast<uint32_t>(Number(bytes, position, 2, big_endian) << 16 | Number(bytes, position + 2, 2, big_endian));
}

std::string WithoutPadding(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  return std::string(text);
}

Type ColumnType(Vr vr) {
  static const std::set<Vr> kIntegers = {Vr::kAT, Vr::kSL, Vr::kSS, Vr::kUL, Vr::kUS, Vr::kSV, Vr::kUV};
  if (vr == Vr::kDA) return Type::kDate;
  if (vr == Vr::kTM) return Type::kTime;
  if (vr == Vr::kDT) return Type::kTimestamp;
  if (vr == Vr::kFL || vr == Vr::kFD) return Type::kFloat;
  if (vr == Vr::kPN || vr == Vr::kSQ) return Type::kRecord;
  return kIntegers.contains(vr) ? Type::kInteger : Type::kString;
}

// Whether bytes written as `written` say something that a column of the dictionary's VR can hold.
bool Fits(Vr dictionary, Vr written) {
  if (dictionary == written) return true;
  if (dicom::IsText(dictionary)) return dicom::IsText(written);
  if (ColumnType(dictionary) == Type::kInteger)
    return (ColumnType(written) == Type::kInteger && written != Vr::kAT) || written == Vr::kIS;
  if (ColumnType(dictionary) == Type::kFloat) return ColumnType(written) == Type::kFloat || written == Vr::kDS;
  return false;
}

size_t SizeOf(Vr vr) {
  if (vr == Vr::kUS || vr == Vr::kSS) return 2;
  if (vr == Vr::kUL || vr == Vr::kSL || vr == Vr::kAT || vr == Vr::kFL) return 4;
  return 8;
}

// A binary number as an INTEGER, or nothing when it has no place there.
std::optional<int64_t> Integer(Vr vr, std::string_view bytes, size_t position, bool big_endian) {
  if (vr == Vr::kAT) return TagAt(bytes, position, big_endian);
  const uint64_t number = Number(bytes, position, SizeOf(vr), big_endian);
  if (vr == Vr::kSS) return static_cast<int16_t>(number);
  if (vr == Vr::kSL) return static_cast<int32_t>(number);
  if (vr == Vr::kUV && number >> 63 != 0) return std::nullopt;
  return static_cast<int64_t>(number);
}
double Float(Vr vr, std::string_view bytes, size_t position, bool big_endian) {
  const uint64_t number = Number(bytes, position, SizeOf(vr), big_endian);
  return vr == Vr::kFL ? std::bit_cast<float>(static_cast<uint32_t>(number)) : std::bit_cast<double>(number);
}

// A value of a column that is not text, or nothing.
std::optional<Json> Parsed(Type type, const std::string& text, int utc_offset) {
  if (type == Type::kDate) {
    const auto days = dicom::ParseDate(text);
    return days ? std::optional<Json>(Json(int64_t{*days})) : std::nullopt;
  }
  if (type == Type::kFloat) {
    double number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    return code == std::errc() && end == text.data() + text.size() ? std::optional<Json>(Json(table::FloatText(number)))
                                                                   : std::nullopt;
  }
  const auto number = type == Type::kTime        ? dicom::ParseTime(text)
                      : type == Type::kTimestamp ? dicom::ParseDateTime(text, utc_offset)
                                                 : dicom::ParseInteger(text);
  return number ? std::optional<Json>(Json(*number)) : std::nullopt;
}

Json PersonNameOf(const std::string& text) {
  static const char* const kGroups[] = {"Alphabetic", "Ideographic", "Phonetic"};
  static const char* const kComponents[] = {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"};
  const dicom::PersonName name = dicom::SplitPersonName(text);
  Json record = Json::MakeObject();
  for (size_t g = 0; g < 3; ++g) {
    Json group = Json::MakeObject();
    for (size_t c = 0; c < 5; ++c) {
      if (!name.groups[g][c].empty()) group.Set(kComponents[c], std::string(name.groups[g][c]));
    }
    if (!group.object().empty()) record.Set(kGroups[g], group);
  }
  return record;
}

// Objects with their fields by name.
Json Sorted(const Json& json) {  // NOLINT(misc-no-recursion)
  if (json.is_array()) {
    Json list = Json::MakeArray();
    for (const Json& element : json.array()) list.Append(Sorted(element));
    return list;
  }
  if (!json.is_object()) return json;
  auto fields = json.object();
  std::sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Json object = Json::MakeObject();
  for (const auto& [name, value] : fields) object.Set(name, Sorted(value));
  return object;
}

void AppendTo(Json& record, const std::string& name, Json item) {
  Json list = record.find(name) != nullptr ? record[name] : Json::MakeArray();
  list.Append(std::move(item));
  record.Set(name, std::move(list));
}

}  // namespace

ReferenceMapper::ReferenceMapper() : schema_(std::make_unique<Field>()) {
  Field& other = schema_->Child("OtherElements", Type::kRecord, Mode::kRepeated, kOther);
  other.Child("Tag", Type::kString, Mode::kNullable, 0);
  other.Child("Data", Type::kString, Mode::kRepeated, 1);
  schema_->Child("DroppedTags", Type::kRecord, Mode::kRepeated, kDropped).Child("TagName", Type::kString, Mode::kNullable, 0);
}
ReferenceMapper::~ReferenceMapper() = default;

// ---- bytes to a tree (PS3.5 §7)

// Where what begins at `position` ends: items up to a sequence delimitation, or elements up to an item delimitation.
size_t ReferenceMapper::FindEnd(std::string_view bytes, size_t position, dicom::Encoding encoding,
                                bool items) {  // NOLINT(misc-no-recursion)
  for (;;) {
    const uint32_t tag = TagAt(bytes, position, encoding.big_endian);
    if (tag == (items ? dicom::kSequenceDelimitationTag : dicom::kItemDelimitationTag)) return position;
    if (items) {
      const auto length = static_cast<uint32_t>(Number(bytes, position + 4, 4, encoding.big_endian));
      position += 8;
      position = length == dicom::kUndefinedLength ? FindEnd(bytes, position, encoding, false) + 8 : position + length;
    } else {
      ParseElement(bytes, position, 0, encoding);
    }
  }
}

// The element at `position`, which goes behind it.
ReferenceMapper::Elements ReferenceMapper::ParseElement(std::string_view bytes, size_t& position, uint64_t offset,
                                                        dicom::Encoding encoding) {  // NOLINT(misc-no-recursion)
  const bool big = encoding.big_endian;
  Element element;
  element.offset = offset + position;
  element.tag = TagAt(bytes, position, big);
  uint32_t length = 0;
  if (encoding.explicit_vr) {
    element.vr = dicom::VrFromBytes(static_cast<uint8_t>(bytes[position + 4]), static_cast<uint8_t>(bytes[position + 5]));
    const bool wide = dicom::HasLongLength(element.vr);
    length = static_cast<uint32_t>(wide ? Number(bytes, position + 8, 4, big) : Number(bytes, position + 6, 2, big));
    position += wide ? 12 : 8;
  } else {
    length = static_cast<uint32_t>(Number(bytes, position + 4, 4, big));
    position += 8;
  }
  const bool undefined = length == dicom::kUndefinedLength;
  element.fragments = undefined && (element.tag == dicom::kPixelDataTag || dicom::IsBulk(element.vr)) && element.vr != Vr::kUN;
  const size_t begin = position;
  // What is in a UN is implicit and little endian (PS3.5 §6.2.2, note 2).
  const dicom::Encoding inside{encoding.explicit_vr && element.vr == Vr::kSQ, big && element.vr != Vr::kUN};
  const size_t end = undefined ? FindEnd(bytes, position, inside, true) : begin + length;
  position = undefined ? end + 8 : end;
  element.value = bytes.substr(begin, end - begin);
  const bool begins_with_item = element.value.size() >= 8 && TagAt(element.value, 0, inside.big_endian) == dicom::kItemTag;
  const dicom::ElementEntry* entry = Private(element.tag) ? nullptr : dicom::FindElement(element.tag);
  if (element.vr == Vr::kSQ || (undefined && !element.fragments)) {
    element.sequence = true;
  } else if (element.vr == Vr::kNone || element.vr == Vr::kUN) {
    element.sequence = entry == nullptr ? begins_with_item : entry->vr == Vr::kSQ && (element.value.empty() || begins_with_item);
  }
  if (element.sequence) {
    for (size_t at = begin; at < end;) {
      const auto item_length = static_cast<uint32_t>(Number(bytes, at + 4, 4, inside.big_endian));
      const bool open = item_length == dicom::kUndefinedLength;
      const size_t item_end = open ? FindEnd(bytes, at + 8, inside, false) : at + 8 + item_length;
      element.items.push_back(Parse(bytes.substr(at + 8, item_end - at - 8), offset + at + 8, inside));
      at = open ? item_end + 8 : item_end;
    }
  }
  Elements result;
  result.push_back(std::move(element));
  return result;
}

ReferenceMapper::Elements ReferenceMapper::Parse(std::string_view bytes, uint64_t offset,
                                                 dicom::Encoding encoding) {  // NOLINT(misc-no-recursion)
  Elements elements;
  for (size_t position = 0; position < bytes.size();) {
    Element element = std::move(ParseElement(bytes, position, offset, encoding).front());
    if ((element.tag & 0xFFFF) != 0) elements.push_back(std::move(element));
  }
  return elements;
}

// ---- a tree to a row

ReferenceRow ReferenceMapper::Map(std::string_view data_set, dicom::Encoding encoding) {
  row_ = {};
  Elements elements = Parse(data_set, 0, encoding);
  std::stable_sort(elements.begin(), elements.end(), [](const Element& a, const Element& b) { return a.tag < b.tag; });
  Context context;
  context.encoding = encoding;
  row_.row = Sorted(MapDataSet(elements, context, *schema_, "", "", 0));
  return row_;
}

Json ReferenceMapper::MapDataSet(const Elements& elements, Context context, Field& schema, const std::string& path,
                                 const std::string& names, int depth) {  // NOLINT(misc-no-recursion)
  context.creators.clear();
  // What others depend on holds for all elements of the data set or item, wherever it stands.
  const auto note = [&context](const Element& element) {
    if (element.tag == 0x00080005) context.character_set = WithoutPadding(element.value);
    if (element.tag == 0x00080201)
      context.utc_offset = dicom::ParseUtcOffset(WithoutPadding(element.value)).value_or(context.utc_offset);
    if (element.tag == 0x00280103 && element.value.size() >= 2)
      context.signed_pixels = Number(element.value, 0, 2, context.encoding.big_endian) == 1;
    if (Creator(element.tag))
      context.creators[(element.tag & 0xFFFF0000) | (element.tag & 0xFF) << 8] = WithoutPadding(element.value);
  };
  std::set<uint32_t> seen;
  for (const Element& element : elements) {
    if (seen.insert(element.tag).second) note(element);
  }
  Json record = Json::MakeObject();
  seen.clear();
  for (const Element& element : elements) {
    if (depth == 0) dropped_of_element_.clear();
    const bool again = !seen.insert(element.tag).second;
    const dicom::ElementEntry* entry = Private(element.tag) ? nullptr : dicom::FindElement(element.tag);
    const bool known = entry != nullptr && !entry->keyword.empty() && entry->vr != Vr::kNone;
    if (again) {
      DropAll(element, "DUPLICATE_TAG", "DUPLICATE_TAG", path, names);
    } else if (!element.sequence) {
      Context value_context = context;
      if (element.vr == Vr::kUN) value_context.encoding.big_endian = false;  // PS3.5 §6.2.2, note 2
      MapValue(element, value_context, schema, record, path, names);
    } else if (known && entry->vr == Vr::kSQ) {
      MapSequence(element, std::string(entry->keyword), element.tag, context, schema, record, path, names, depth);
    } else {
      MapSequence(element, Tag(element.tag), kPrivate | element.tag, context, schema, record, path, names, depth);
    }
    for (const std::string& name : depth == 0 ? dropped_of_element_ : std::vector<std::string>()) {
      Json item = Json::MakeObject();
      item.Set("TagName", name);
      AppendTo(record, "DroppedTags", item);
    }
  }
  return record;
}

namespace {
template <typename F>
bool HasLeaf(const F& field) {  // NOLINT(misc-no-recursion)
  return field.type != Type::kRecord ||
         std::any_of(field.fields.begin(), field.fields.end(), [](const auto& child) { return HasLeaf(child.second); });
}
template <typename F>
void Unite(F& field, const F& more) {  // NOLINT(misc-no-recursion)
  for (const auto& [name, child] : more.fields) Unite(field.Child(name, child.type, child.mode, child.order), child);
}
template <typename F>
void AddOtherElements(F& level) {
  auto& field = level.Child("OtherElements", Type::kRecord, Mode::kRepeated, kOther);
  field.Child("Tag", Type::kString, Mode::kNullable, 0);
  field.Child("Data", Type::kString, Mode::kRepeated, 1);
}
}  // namespace

void ReferenceMapper::MapSequence(const Element& element, const std::string& name, uint64_t order, const Context& context,
                                  Field& schema,  // NOLINT(misc-no-recursion)
                                  Json& record, const std::string& path, const std::string& names, int depth) {
  // BigQuery has 15 levels of RECORDs, a person name needs two.
  if (depth >= base::kMaxColumnDepth - 2) {
    DropAll(element, "TOO_DEEP", "TOO_DEEP", path, names);
    return;
  }
  ++row_.read;
  ++row_.placed;
  Field& field = schema.Child(name, Type::kRecord, Mode::kRepeated, order);
  Field fields;
  Json list = Json::MakeArray();
  for (size_t i = 0; i < element.items.size(); ++i) {
    Context inside = context;
    inside.encoding.explicit_vr = context.encoding.explicit_vr && element.vr == Vr::kSQ;
    inside.encoding.big_endian = context.encoding.big_endian && element.vr != Vr::kUN;
    list.Append(MapDataSet(element.items[i], inside, fields, path + Path(element.tag) + "[" + std::to_string(i) + "].",
                           names + Name(element.tag) + ".", depth + 1));
  }
  record.Set(name, list);
  // Items without a field can't be counted.
  if (!element.items.empty() && !HasLeaf(fields)) AddOtherElements(fields);
  Unite(field, fields);
}

void ReferenceMapper::Drop(const Element& element, const std::string& reason, const std::string& path, const std::string& names) {
  ++row_.read;
  ++row_.dropped;
  row_.notes.push_back({path + Path(element.tag), element.offset, reason});
  const std::string name = names + Name(element.tag);
  auto& dropped = dropped_of_element_;
  if (std::find(dropped.begin(), dropped.end(), name) == dropped.end()) dropped.push_back(name);
}

void ReferenceMapper::DropAll(const Element& element, const std::string& reason, const std::string& inner_reason,
                              const std::string& path, const std::string& names) {  // NOLINT(misc-no-recursion)
  Drop(element, reason, path, names);
  for (size_t i = 0; i < element.items.size(); ++i) {
    for (const Element& inner : element.items[i]) {
      DropAll(inner, inner_reason, inner_reason, path + Path(element.tag) + "[" + std::to_string(i) + "].",
              names + Name(element.tag) + ".");
    }
  }
}

// Private elements, and those that no dictionary knows: OtherElements.
void ReferenceMapper::MapUnknown(const Element& element, const Context& context, Field& schema, Json& record,
                                 const std::string& path, const std::string& names) {
  const bool unsaid = element.vr == Vr::kNone || element.vr == Vr::kUN;
  const bool too_large = element.value.size() > base::kMaxValueBytes;
  Vr vr = element.vr;
  if (unsaid) {
    vr = Vr::kUN;
    if (Creator(element.tag)) {
      vr = Vr::kLO;
    } else if (Private(element.tag)) {
      const auto creator = context.creators.find(element.tag & 0xFFFFFF00);
      const auto* found = creator == context.creators.end() ? nullptr : dicom::FindPrivate(creator->second, element.tag);
      if (found != nullptr && found->vr != Vr::kSQ) vr = found->vr;
    }
  }
  if (too_large) return Drop(element, "TOO_LARGE", path, names);
  return Other(element, vr, "", context, schema, record, path);
}

namespace {
template <typename F>
void AddPersonNameFields(F& field) {
  uint64_t g = 0;
  for (const char* group_name : {"Alphabetic", "Ideographic", "Phonetic"}) {
    auto& names_of_group = field.Child(group_name, Type::kRecord, Mode::kNullable, g++);
    uint64_t c = 0;
    for (const char* component : {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"}) {
      names_of_group.Child(component, Type::kString, Mode::kNullable, c++);
    }
  }
}
}  // namespace

void ReferenceMapper::MapValue(const Element& element, Context context, Field& schema, Json& record, const std::string& path,
                               const std::string& names) {
  if (element.vr == Vr::kUN) context.encoding.big_endian = false;  // whatever the transfer syntax (PS3.5 §6.2.2, note 2)
  const dicom::ElementEntry* entry = Private(element.tag) ? nullptr : dicom::FindElement(element.tag);
  const bool known = entry != nullptr && !entry->keyword.empty() && entry->vr != Vr::kNone;
  const bool unsaid = element.vr == Vr::kNone || element.vr == Vr::kUN;
  const bool too_large = element.value.size() > base::kMaxValueBytes;
  if (element.fragments) return Drop(element, "BULK_VR", path, names);
  if (!known) return MapUnknown(element, context, schema, record, path, names);
  const Vr vr = unsaid ? entry->vr : element.vr;
  if (dicom::IsBulk(vr) && (dicom::IsBulk(entry->vr) || entry->ambiguous)) return Drop(element, "BULK_VR", path, names);
  if (entry->vr == Vr::kSQ || dicom::IsBulk(entry->vr) || !Fits(entry->vr, vr)) {
    if (too_large) return Drop(element, "TOO_LARGE", path, names);
    return Other(element, vr == Vr::kSQ ? Vr::kUN : vr, "VR_CLASH", context, schema, record, path);
  }
  // An element with a place of its own.
  const bool repeated = entry->vm != "1";
  const Mode mode = repeated ? Mode::kRepeated : Mode::kNullable;
  const bool group = entry->repeating_group();
  const std::string name(entry->keyword);
  const Type type = ColumnType(entry->vr);
  Field* field = nullptr;
  if (group) {
    Field& pair = schema.Child(name, Type::kRecord, Mode::kRepeated, element.tag & entry->mask);
    pair.Child("Id", Type::kString, Mode::kNullable, 0);
    field = &pair.Child("Value", type, mode, 1);
  } else {
    field = &schema.Child(name, type, mode, element.tag & entry->mask);
  }
  if (entry->vr == Vr::kPN) AddPersonNameFields(*field);
  if (too_large) return Drop(element, "TOO_LARGE", path, names);

  const Vr as = unsaid && entry->us_or_ss && context.signed_pixels ? Vr::kSS : vr;
  std::vector<Json> values;
  bool replaced = false;
  if (entry->vr == Vr::kPN || type == Type::kString) {
    const std::vector<std::string> texts = Texts(entry->vr == Vr::kPN ? Vr::kPN : as, element.value, context, replaced);
    const bool nothing = texts.empty() || (texts.size() == 1 && texts[0].empty());
    if (entry->vr == Vr::kPN) {
      if (!repeated && texts.size() > 1) return Other(element, as, "MULTIPLICITY", context, schema, record, path);
      for (const std::string& text : texts) {
        if (repeated || !nothing) values.push_back(PersonNameOf(text));
      }
    } else if (!repeated && texts.size() > 1) {
      std::string all = texts[0];
      for (size_t i = 1; i < texts.size(); ++i) all += "\\" + texts[i];
      values.emplace_back(all);
    } else if (!nothing) {
      values.assign(texts.begin(), texts.end());
    }
  } else if (dicom::IsText(as)) {
    const std::vector<std::string> texts = Texts(as, element.value, context, replaced);
    const bool nothing = texts.empty() || (texts.size() == 1 && texts[0].empty());
    for (size_t i = 0; i < texts.size() && !nothing; ++i) {
      const auto value = Parsed(type, texts[i], context.utc_offset);
      if (!value) return Other(element, as, "INVALID_VALUE", context, schema, record, path);
      values.push_back(*value);
    }
    replaced = false;
  } else {
    const size_t size = SizeOf(as);
    if (element.value.size() % size != 0) return Other(element, as, "INVALID_VALUE", context, schema, record, path);
    for (size_t at = 0; at < element.value.size(); at += size) {
      if (type == Type::kFloat) {
        values.emplace_back(table::FloatText(Float(as, element.value, at, context.encoding.big_endian)));
      } else {
        const auto value = Integer(as, element.value, at, context.encoding.big_endian);
        if (!value) return Other(element, as, "INVALID_VALUE", context, schema, record, path);
        values.emplace_back(*value);
      }
    }
  }
  if (!repeated && values.size() > 1) return Other(element, as, "MULTIPLICITY", context, schema, record, path);
  ++row_.read;
  ++row_.placed;
  if (replaced) row_.notes.push_back({path + Path(element.tag), element.offset, "REPLACED_BYTES"});
  if (values.empty() && (!repeated || group)) return;  // no value: NULL
  Json list = Json::MakeArray();
  for (const Json& value : values) list.Append(value);
  const Json value = repeated ? list : values.front();
  if (!group) {
    record.Set(name, value);
    return;
  }
  Json pair = Json::MakeObject();
  pair.Set("Id", Format("%04X", element.tag >> 16, 0));
  pair.Set("Value", value);
  AppendTo(record, name, pair);
}

void ReferenceMapper::Other(const Element& element, Vr vr, const std::string& reason, const Context& context, Field& schema,
                            Json& record, const std::string& path) {
  if (dicom::IsBulk(vr) && element.value.size() > base::kMaxOtherBinaryBytes) {
    std::string names;  // of the sequences around it, from the path of tags
    for (size_t at = 0; at < path.size(); at = path.find('.', at) + 1) {
      names += Name(static_cast<uint32_t>(std::stoul(path.substr(at, 4) + path.substr(at + 5, 4), nullptr, 16))) + ".";
    }
    return Drop(element, "BULK_VR", path, names);
  }
  ++row_.read;
  ++row_.other;
  bool replaced = false;
  Json data = Json::MakeArray();
  for (const std::string& text : Printed(vr, element.value, context, replaced)) data.Append(text);
  if (!reason.empty()) row_.notes.push_back({path + Path(element.tag), element.offset, reason});
  if (replaced) row_.notes.push_back({path + Path(element.tag), element.offset, "REPLACED_BYTES"});
  AddOtherElements(schema);
  Json item = Json::MakeObject();
  item.Set("Tag", Tag(element.tag));
  item.Set("Data", data);
  AppendTo(record, "OtherElements", item);
}

std::vector<std::string> ReferenceMapper::Texts(Vr vr, std::string_view bytes, const Context& context, bool& replaced) {
  dicom::DecodedText decoded;
  decoder_.Decode(dicom::CharacterSet(context.character_set), vr, bytes, decoded);
  replaced = decoded.replaced_bytes > 0;
  std::vector<std::string> texts;
  for (size_t i = 0; i < decoded.values.size(); ++i) texts.emplace_back(decoded.value(i));
  return texts;
}

// As OtherElements keeps it.
std::vector<std::string> ReferenceMapper::Printed(Vr vr, std::string_view bytes, const Context& context, bool& replaced) {
  if (dicom::IsText(vr)) return Texts(vr, bytes, context, replaced);
  if (bytes.empty()) return {};
  const bool number = ColumnType(vr) == Type::kInteger || ColumnType(vr) == Type::kFloat;
  if (!number || bytes.size() % SizeOf(vr) != 0) {
    std::string text = "base64:";
    base::AppendBase64(text, bytes);
    return {text};
  }
  std::vector<std::string> texts;
  for (size_t at = 0; at < bytes.size(); at += SizeOf(vr)) {
    const bool big = context.encoding.big_endian;
    char text[64];
    char* end = text;
    if (vr == Vr::kAT) {
      texts.push_back(Format("%04X%04X", TagAt(bytes, at, big) >> 16, TagAt(bytes, at, big) & 0xFFFF));
      continue;
    }
    if (vr == Vr::kFL) {
      end = std::to_chars(text, text + sizeof text, static_cast<float>(Float(vr, bytes, at, big))).ptr;
    } else if (vr == Vr::kFD) {
      end = std::to_chars(text, text + sizeof text, Float(vr, bytes, at, big)).ptr;
    } else if (vr == Vr::kUV) {
      end = std::to_chars(text, text + sizeof text, Number(bytes, at, 8, big)).ptr;
    } else {
      end = std::to_chars(text, text + sizeof text, *Integer(vr, bytes, at, big)).ptr;
    }
    texts.emplace_back(text, end);
  }
  return texts;
}

// ---- the schema

table::Schema ReferenceMapper::schema() const {
  const auto fields_of = [](const auto& self, const Field& field) -> std::vector<table::Field> {
    std::vector<std::pair<uint64_t, std::string>> order;
    for (const auto& [name, child] : field.fields) order.emplace_back(child.order, name);
    std::sort(order.begin(), order.end());
    std::vector<table::Field> fields;
    for (const auto& [place, name] : order) {
      const Field& child = field.fields.at(name);
      table::Field out;
      out.name = name;
      out.type = child.type;
      out.mode = child.mode;
      out.fields = self(self, child);
      if (out.type != Type::kRecord || !out.fields.empty()) fields.push_back(std::move(out));  // a RECORD needs a leaf
    }
    return fields;
  };
  return {fields_of(fields_of, *schema_)};
}

}  // namespace dicomhouse::mapping
