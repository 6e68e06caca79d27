#include "mapping/field_finder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/limits.h"
#include "dicom/dictionary.h"
#include "mapping/element_decoder.h"

namespace dicomhouse::mapping {
namespace {

using dicom::Vr;

// A person name needs two RECORDs below its level.
constexpr size_t kMaxItemDepth = base::kMaxColumnDepth - 2;

bool Same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [name](std::string_view other) { return Same(name, other); });
}

std::string_view WithoutParentheses(std::string_view name) {
  return name.size() > 2 && name.front() == '(' && name.back() == ')' ? name.substr(1, name.size() - 2) : name;
}

// Whether the names from `first` on lie inside what one element makes.
bool IsInside(const std::vector<std::string>& names, size_t first, const Rule& rule) {
  if (first < names.size() && rule.repeating_group) {
    if (!IsOneOf(names[first], {"Id", "Value"})) return false;
    ++first;
  }
  if (first < names.size() && rule.fate == Fate::kPersonName) {
    if (!IsOneOf(names[first], {"Alphabetic", "Ideographic", "Phonetic"})) return false;
    ++first;
    if (first < names.size() && IsOneOf(names[first], {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"}))
      ++first;
  }
  return first == names.size();
}

// One walk through one instance. Only sequences that the path names are entered.
class Walk {
 public:
  Walk(dicom::Instance& instance, const std::vector<std::string>& names, Profile profile)
      : instance_(instance), names_(names), profile_(profile) {}

  std::optional<FieldOrigin> Find() {
    for (const dicom::TopElement& element : instance_.elements) {
      const bool sequence =
          LooksLikeSequence(element.tag, element.vr, element.length == dicom::kUndefinedLength && !element.fragments,
                            instance_.Value(element), instance_.encoding.big_endian);
      if (Take(element.tag, element.vr, sequence, CreatorOf(element.tag), instance_.OffsetOf(element))) return found_;
      if (descend_ && InSequence(element)) return found_;
    }
    return std::nullopt;
  }

 private:
  struct Frame {
    uint32_t tag = 0;
    int64_t index = -1;
    std::vector<std::pair<uint32_t, std::string>> blocks;  // group and block, creator
  };

  std::string CreatorOf(uint32_t tag) const {
    const dicom::TopElement* element = IsPrivate(tag) && !IsPrivateCreator(tag) ? instance_.Find(CreatorTag(tag)) : nullptr;
    return element == nullptr ? std::string() : std::string(instance_.Value(*element));
  }

  static uint32_t CreatorTag(uint32_t tag) { return (tag & 0xFFFF0000) | (tag >> 8 & 0xFF); }

  static std::string CreatorIn(const Frame& frame, uint32_t tag) {
    for (const auto& [block, creator] : frame.blocks) {
      if (block == CreatorTag(tag)) return creator;
    }
    return "";
  }

  // Looks at one element of the level frames_.size(). True: it is the one. Sets descend_ when it lies on the way.
  bool Take(uint32_t tag, Vr vr, bool sequence, const std::string& creator, uint64_t offset) {
    descend_ = false;
    const size_t level = frames_.size();
    if (level >= names_.size()) return false;
    FieldOrigin origin;
    origin.tag = tag;
    origin.written = vr;
    origin.creator = creator.substr(0, creator.find_last_not_of(std::string_view(" \0", 2)) + 1);
    origin.rule = RuleFor({tag, vr, sequence, origin.creator}, profile_);
    origin.offset = offset;
    origin.too_deep = level > kMaxItemDepth || (level == kMaxItemDepth && origin.rule.fate == Fate::kSequence);
    const std::string_view name = WithoutParentheses(names_[level]);
    const bool gathered = IsGathered(name, level, origin.rule.fate);
    const bool named = IsOneOf(name, {origin.rule.name, ElementName(tag), TagName(tag), TagText(tag)});
    if (!gathered && !named) return false;
    if (!gathered && origin.rule.fate == Fate::kSequence && level + 1 < names_.size()) {
      descend_ = true;
      return false;
    }
    if (!gathered && !IsInside(names_, level + 1, origin.rule)) return false;
    for (size_t i = level + 1; i < names_.size(); ++i) origin.inner += (origin.inner.empty() ? "" : ".") + names_[i];
    for (const Frame& frame : frames_)
      origin.tag_path += TagText(frame.tag) + "[" + std::to_string(std::max<int64_t>(frame.index, 0)) + "].";
    origin.tag_path += TagText(tag);
    found_ = std::move(origin);
    return true;
  }

  // Whether the path names the column in which elements of this fate gather.
  bool IsGathered(std::string_view name, size_t level, Fate fate) const {
    const bool last = level + 1 == names_.size();
    if (Same(name, "OtherElements") && fate == Fate::kOther) return last || IsOneOf(names_[level + 1], {"Tag", "Data"});
    return Same(name, "DroppedTags") && level == 0 && fate == Fate::kDropped && (last || Same(names_[level + 1], "TagName"));
  }

  void Enter(dicom::Cursor& cursor) {
    frames_.push_back({cursor.element().tag, -1, {}});
    cursor.Enter();
  }

  bool InSequence(const dicom::TopElement& element) {
    dicom::Cursor cursor(instance_.window);
    cursor.Start(element.start, instance_.OffsetOf(element), instance_.EncodingOf(element), dicom::kNoEnd);
    if (cursor.Next() != dicom::Step::kElement) return false;
    Enter(cursor);
    while (!frames_.empty()) {
      const dicom::Step step = cursor.Next();
      if (step == dicom::Step::kEnd) break;
      if (step == dicom::Step::kItem) {
        ++frames_.back().index;
        frames_.back().blocks.clear();
      } else if (step == dicom::Step::kEndSequence) {
        frames_.pop_back();
      } else if (step == dicom::Step::kElement && InItem(cursor)) {
        return true;
      }
    }
    frames_.clear();
    return false;
  }

  bool InItem(dicom::Cursor& cursor) {
    const dicom::ElementHeader header = cursor.element();
    if ((header.tag & 0xFFFF) == 0) return false;  // group length
    const auto* data = reinterpret_cast<const char*>(instance_.window.data());
    const size_t loaded = std::min<size_t>(header.undefined_length() ? 0 : header.length, instance_.window.size() - header.value);
    const std::string_view value(data + header.value, loaded);
    const bool sequence = LooksLikeSequence(header.tag, header.vr, header.undefined_length() && !header.fragments, value,
                                            cursor.encoding().big_endian);
    Frame& frame = frames_.back();
    if (IsPrivateCreator(header.tag)) frame.blocks.emplace_back(header.tag, value);
    if (Take(header.tag, header.vr, sequence, IsPrivate(header.tag) ? CreatorIn(frame, header.tag) : "", header.offset))
      return true;
    if (descend_) Enter(cursor);
    return false;
  }

  dicom::Instance& instance_;
  const std::vector<std::string>& names_;
  const Profile profile_;
  std::vector<Frame> frames_;
  bool descend_ = false;
  FieldOrigin found_;
};

// What the dictionary's VR and VM make of a value.
std::string TypeText(const Rule& rule, const dicom::ElementEntry& entry) {
  const std::string vr = entry.us_or_ss ? "US or SS" : std::string(dicom::VrText(entry.vr));
  std::string text = "VR " + vr + " makes " +
                     (rule.fate == Fate::kPersonName ? "a RECORD of Alphabetic, Ideographic and Phonetic"
                                                     : std::string(table::TypeName(rule.type)));
  text += "; VM " + std::string(entry.vm) + " makes " + std::string(table::ModeName(rule.mode));
  if (rule.repeating_group)
    text += "; all groups of this keyword share one column, a REPEATED RECORD of Id (the group) and Value";
  return text;
}

std::string OtherText(const FieldOrigin& origin, const dicom::ElementEntry* entry) {
  if (IsPrivateCreator(origin.tag)) return "a private creator says who owns a block of tags: kept in OtherElements of its level";
  if (IsPrivate(origin.tag)) return "a private element that is no sequence: kept in OtherElements of its level, with its tag";
  if (entry == nullptr) return "the dictionary does not know the tag: kept in OtherElements of its level";
  return "written as " + std::string(dicom::VrText(origin.rule.vr)) + ", which a column of VR " +
         std::string(dicom::VrText(entry->vr)) + " cannot take: kept in OtherElements of its level";
}

}  // namespace

std::optional<FieldOrigin> FindField(dicom::Instance& instance, const std::vector<std::string>& names, Profile profile) {
  return Walk(instance, names, profile).Find();
}

std::string RuleText(const FieldOrigin& origin) {
  const dicom::ElementEntry* entry = IsPrivate(origin.tag) ? nullptr : dicom::FindElement(origin.tag);
  if (origin.too_deep) {
    return "deeper than the " + std::to_string(base::kMaxColumnDepth) +
           " levels of RECORDs that a table has: only named in DroppedTags (profile lossless: JSON in OtherElements)";
  }
  switch (origin.rule.fate) {
    case Fate::kValue:
    case Fate::kPersonName:
      return entry == nullptr ? "" : TypeText(origin.rule, *entry);
    case Fate::kSequence: {
      const std::string fields = " a REPEATED RECORD whose fields are those of all its items";
      if (entry != nullptr && entry->vr == Vr::kSQ) return "VR SQ makes" + fields;
      return std::string(IsPrivate(origin.tag) ? "a private sequence" : "a sequence that the dictionary does not know as one") +
             " is a column named by its tag," + fields;
    }
    case Fate::kOther:
      return OtherText(origin, entry);
    case Fate::kDropped:
      return "VR " + std::string(dicom::VrText(origin.rule.vr)) +
             " holds bytes that no column type is for: only named in DroppedTags";
  }
  return "";
}

}  // namespace dicomhouse::mapping
