#include "mapping/element_decoder.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "dicom/dictionary.h"
#include "dicom/tags.h"
#include "dicom/value.h"

namespace dicomhouse::mapping {

using dicom::Vr;
using table::kAbsent;
using table::Mode;
using table::Node;
using table::Type;

namespace {

// RECORDs that a leaf may need below its level: a person name has two.
constexpr int kRecordsOfPersonName = 2;
constexpr int kMaxItemDepth = base::kMaxColumnDepth - kRecordsOfPersonName;

constexpr std::array<std::string_view, 3> kGroupNames = {"Alphabetic", "Ideographic", "Phonetic"};
constexpr std::array<std::string_view, 5> kComponentNames = {"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"};

std::string_view TrimPadding(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  return text;
}

uint64_t PlanKey(uint32_t tag, Vr vr, bool sequence, uint32_t creator) {
  return uint64_t{tag} << 32 | uint64_t{static_cast<uint8_t>(vr)} << 24 | uint64_t{sequence} << 23 | (creator & 0x7FFFFF);
}

// A value of no known VR that begins with an item is taken as a sequence: nothing else begins so.
bool BeginsWithItem(std::string_view value, bool big_endian) {
  return value.size() >= 8 && dicom::LoadTag(reinterpret_cast<const uint8_t*>(value.data()), big_endian) == dicom::kItemTag;
}

// An element that the walk stands on, as LooksLikeSequence sees it.
bool IsSequence(const dicom::ElementHeader& header, const dicom::Window& window, bool big_endian) {
  const size_t loaded = std::min<size_t>(header.undefined_length() ? 0 : header.length, window.size() - header.value);
  return LooksLikeSequence(header.tag, header.vr, header.undefined_length() && !header.fragments,
                           {reinterpret_cast<const char*>(window.data()) + header.value, loaded}, big_endian);
}

constexpr std::array<uint32_t, 3> kContextTags = {dicom::kSpecificCharacterSetTag, dicom::kTimezoneOffsetFromUtcTag,
                                                  dicom::kPixelRepresentationTag};

// Sixteen bytes that are compared at once (an extension of GCC and clang, for any processor).
using Lanes = uint8_t __attribute__((vector_size(16)));

Lanes LanesAt(std::string_view bytes, size_t at) {
  Lanes lanes;
  std::memcpy(&lanes, bytes.data() + at, sizeof lanes);
  return lanes;
}

bool AnyLane(Lanes lanes) {
  std::array<uint64_t, 2> halves{};
  std::memcpy(halves.data(), &lanes, sizeof lanes);
  return (halves[0] | halves[1]) != 0;
}

bool Contains(std::string_view bytes, uint32_t tag, bool big_endian) {
  const auto byte = [tag](int shift) { return static_cast<char>(tag >> shift); };
  const std::array<char, 4> little = {byte(16), byte(24), byte(0), byte(8)};
  const std::array<char, 4> big = {byte(24), byte(16), byte(8), byte(0)};
  return bytes.find({(big_endian ? big : little).data(), 4}) != std::string_view::npos;
}

// Whether a tag of these stands anywhere in the bytes, or seems to: one pass for the three, since all bytes of all sequences that
// are not as those before come here (three searches were 8 % of what unlike instances cost, this is 2 %).
bool MayHaveContext(std::string_view bytes, bool big_endian) {
  const auto any = [](std::string_view part, bool big) {
    return std::any_of(kContextTags.begin(), kContextTags.end(), [&](uint32_t tag) { return Contains(part, tag, big); });
  };
  if (big_endian && any(bytes, true)) return true;
  size_t at = 0;
  for (; at + sizeof(Lanes) + 2 <= bytes.size(); at += sizeof(Lanes)) {
    // (0008,0005), (0008,0201), (0028,0103) in little endian, but for the last byte: rare enough to look again.
    const Lanes first = LanesAt(bytes, at);
    const Lanes third = LanesAt(bytes, at + 2);
    const auto group = ((first == 0x08) | (first == 0x28)) & (LanesAt(bytes, at + 1) == 0);
    if (!AnyLane(group & ((third == 0x05) | (third == 0x01) | (third == 0x03)))) continue;
    if (any(bytes.substr(at, sizeof(Lanes) + 3), false)) return true;
  }
  return any(bytes.substr(at), false);
}

// Where a value ends in the window, which ends there or with the delimitation of its fragments; from `start` on.
uint32_t ValueEnd(const dicom::Window& window, uint32_t start, uint32_t value, uint32_t end, bool fragments, bool big_endian) {
  constexpr uint32_t kDelimitationBytes = 8;
  const bool delimited = fragments && end - value >= kDelimitationBytes &&
                         dicom::LoadTag(window.data() + end - kDelimitationBytes, big_endian) == dicom::kSequenceDelimitationTag;
  return end - (delimited ? kDelimitationBytes : 0) - start;
}

// Why a value that was not even read is dropped.
Reason LeftOutReason(const Rule& rule) {
  if (rule.fate == Fate::kDropped) return rule.reason;
  return dicom::IsBulk(rule.vr) ? Reason::kBulkVr : Reason::kTooLarge;
}

}  // namespace

bool LooksLikeSequence(uint32_t tag, Vr vr, bool undefined_length, std::string_view value, bool big_endian) {
  if (vr == Vr::kSQ || undefined_length) return true;
  if (vr != Vr::kNone && vr != Vr::kUN) return false;
  big_endian = big_endian && vr != Vr::kUN;  // what is in a UN is little endian (PS3.5 §6.2.2 note 2)
  if (IsPrivate(tag)) return BeginsWithItem(value, big_endian);
  const dicom::ElementEntry* entry = dicom::FindElement(tag);
  if (entry == nullptr) return BeginsWithItem(value, big_endian);
  return entry->vr == Vr::kSQ && (value.empty() || BeginsWithItem(value, big_endian));
}

std::string ProblemPath(const dicom::Problem& problem) {
  std::string path;
  for (const dicom::ItemPlace& place : problem.inside)
    path += (path.empty() ? "" : ".") + TagText(place.sequence) + "[" + std::to_string(place.item) + "]";
  if (problem.tag == 0) return path;
  return path + (path.empty() ? "" : ".") + TagText(problem.tag);
}

ElementDecoder::ElementDecoder(table::Batch& batch, Profile profile)
    : batch_(&batch),
      profile_(profile),
      other_column_(&batch.AddColumn("OtherElements", Type::kRecord, Mode::kRepeated, kOtherElementsOrder, true)),
      dropped_column_(&batch.AddColumn("DroppedTags", Type::kRecord, Mode::kRepeated, kDroppedTagsOrder, true)),
      dropped_name_(&dropped_column_->node.Child("TagName", Type::kString, Mode::kNullable, 0)) {
  dropping_.dropping = true;
  outcomes_.resize(2);
  outcomes_[Distinct::kPlaced].counts = {1, 1, 0, 0};
  outcomes_[Distinct::kOther].counts = {1, 0, 1, 0};
  top_.other = MakePair(other_column_->node, "Tag", "Data", Type::kString, Mode::kRepeated);
}

PairNodes ElementDecoder::MakePair(Node& record, std::string_view first, std::string_view second, Type type, Mode mode) {
  PairNodes pair = {&record, &record.Child(first, Type::kString, Mode::kNullable, 0), &record.Child(second, type, mode, 1)};
  pair.first->values.AlwaysLookUp();
  return pair;
}

PairNodes& ElementDecoder::OtherOf(Level& level) {
  if (level.other.record == nullptr) {
    level.other = MakePair(level.record->Child("OtherElements", Type::kRecord, Mode::kRepeated, kOtherElementsOrder), "Tag",
                           "Data", Type::kString, Mode::kRepeated);
  }
  return level.other;
}

Plan& ElementDecoder::PlanFor(Level& level, Plan* after, uint32_t tag, Vr vr, bool sequence, uint32_t creator) {
  const uint64_t key = PlanKey(tag, vr, sequence, creator);
  Plan*& guess = after != nullptr ? after->next : level.first;
  if (guess != nullptr && guess->key == key) return *guess;
  auto& slot = level.plans[key];
  if (slot == nullptr) {
    slot = std::make_unique<Plan>();
    slot->key = key;
    slot->tag = tag;
    slot->rule = RuleFor({tag, vr, sequence, creator_list_[creator].text}, profile_);
    if (!level.dropping) {
      MakeNodes(level, *slot);
      if (creator_list_[creator].typed) MakeTyped(level, *slot, creator_list_[creator].text);
    }
    if (slot->rule.fate == Fate::kSequence && slot->items == nullptr) {
      slot->items = std::make_unique<Level>();
      slot->items->depth = level.depth + 1;
      slot->items->dropping = true;
    }
  }
  guess = slot.get();
  return *slot;
}

// The columns of a path, made when it is first met.
void ElementDecoder::MakeNodes(Level& level, Plan& plan) {
  const Rule& rule = plan.rule;
  if (rule.fate == Fate::kOther || rule.fate == Fate::kDropped) return;
  if (rule.fate == Fate::kSequence && level.depth >= kMaxItemDepth) return;
  MakePlaces(level, plan);
}

// Profile lossless: a private value has a typed column of its own, beside its text in OtherElements.
void ElementDecoder::MakeTyped(Level& level, Plan& plan, std::string_view creator) {
  if (profile_ != Profile::kLossless || plan.rule.fate != Fate::kOther) return;
  auto rule = TypedPrivateRule(plan.tag, plan.rule.vr, creator);
  if (!rule) return;
  plan.typed = std::make_unique<Plan>();
  plan.typed->tag = plan.tag;
  plan.typed->rule = *std::move(rule);
  MakePlaces(level, *plan.typed);
  plan.column = plan.typed->column;
}

void ElementDecoder::MakePlaces(Level& level, Plan& plan) {
  const Rule& rule = plan.rule;
  const Type type = rule.repeating_group ? Type::kRecord : rule.type;
  const Mode mode = rule.repeating_group ? Mode::kRepeated : rule.mode;
  if (level.record == nullptr) {
    table::Column& column = batch_->AddColumn(rule.name, type, mode, rule.order, rule.repeating_group);
    plan.node = &column.node;
    plan.column = &column;
  } else {
    plan.node = &level.record->Child(rule.name, type, mode, rule.order);
  }
  if (rule.repeating_group) plan.group = MakePair(*plan.node, "Id", "Value", rule.type, rule.mode);
  if (rule.fate == Fate::kPersonName) MakePersonName(plan);
  if (rule.fate == Fate::kSequence) {
    plan.items = std::make_unique<Level>();
    plan.items->record = plan.node;
    plan.items->depth = level.depth + 1;
  }
}

void ElementDecoder::MakePersonName(Plan& plan) {
  Node& name = plan.rule.repeating_group ? *plan.group.second : *plan.node;
  for (size_t g = 0; g < kGroupNames.size(); ++g) {
    plan.person.groups[g] = &name.Child(kGroupNames[g], Type::kRecord, Mode::kNullable, g);
    for (size_t c = 0; c < kComponentNames.size(); ++c) {
      plan.person.components[g][c] = &plan.person.groups[g]->Child(kComponentNames[c], Type::kString, Mode::kNullable, c);
    }
  }
}

uint32_t ElementDecoder::CreatorNumber(std::string_view text) {
  text = TrimPadding(text);
  if (text.empty()) return 0;
  const auto [found, added] = creators_.try_emplace(std::string(text), static_cast<uint32_t>(creator_list_.size()));
  if (added) creator_list_.push_back({std::string(text), 0, true});
  return found->second;
}

uint32_t ElementDecoder::CreatorAgain(uint32_t creator) {
  uint32_t again = creator_list_[creator].again;
  if (again == 0) {
    again = creator_list_[creator].again = static_cast<uint32_t>(creator_list_.size());
    creator_list_.push_back({creator_list_[creator].text, again, false});
  }
  return again;
}

const dicom::CharacterSet* ElementDecoder::SetFor(std::string_view value) {
  auto& set = sets_[std::string(value)];
  if (set == nullptr) set = std::make_unique<dicom::CharacterSet>(value);
  return set.get();
}

void ElementDecoder::Clear() {
  outcomes_.resize(2);
  notes_.clear();
  dropped_items_.clear();
  dropped_by_name_.clear();
}

Distinct ElementDecoder::Decode(Plan& plan, dicom::Instance& instance, const dicom::TopElement& element,
                                const ValueContext& context) {
  result_ = {};
  outcome_ = {};
  lines_.fill(0);
  in_many_ = false;
  ++decoded_;
  length_ = element.length;
  value_ = header_bytes_ = element.value - element.start;
  value_end_ = 0;
  json_ = false;
  depth_ = 0;
  outcome_.dropped_begin = static_cast<uint32_t>(dropped_items_.size());
  outcome_.notes_begin = static_cast<uint32_t>(notes_.size());
  if (plan.rule.fate == Fate::kSequence) {
    Sequence(plan, instance, element, context);
  } else {
    outcome_.counts.read = 1;
    if (!element.truncated) {
      value_end_ =
          ValueEnd(instance.window, element.start, element.value, element.end, element.fragments, context.encoding.big_endian);
    }
    if (element.left_out || element.fragments) {
      CountDropped(plan, LeftOutReason(plan.rule), 0, plan.rule.vr, {});
    } else if (element.truncated) {
      CountDropped(plan, Reason::kTruncated, 0, plan.rule.vr, Excerpt(plan.rule.vr, instance.Value(element), context));
    } else {
      Place place;
      place.column = plan.column;
      place.level = &top_;
      Value(plan, instance.Value(element), 0, context, place);
    }
  }
  if (element.repeats > 0) CountRepeats(plan.rule.vr, element.tag, element.repeats);
  return Finish(plan);
}

// The result, with an outcome of its own only where it needs one.
Distinct ElementDecoder::Finish(Plan& plan) {
  assert(outcome_.counts.balanced());
  outcome_.dropped_end = static_cast<uint32_t>(dropped_items_.size());
  outcome_.notes_end = static_cast<uint32_t>(notes_.size());
  for (size_t i = outcome_.notes_begin; i < notes_.size(); ++i) {
    Note& note = notes_[i];
    if (note.more > 0) note.excerpt += (note.excerpt.empty() ? "and " : "; and ") + std::to_string(note.more) + " more times";
  }
  const bool only_counts = outcome_.group_item == kAbsent && !outcome_.drops() && !outcome_.noted();
  if (only_counts && outcome_.counts.read == 1) {
    result_.outcome = outcome_.counts.placed == 1 ? Distinct::kPlaced : Distinct::kOther;
    return result_;
  }
  // Sequences of the same shape share an outcome.
  if (only_counts && plan.last_outcome < outcomes_.size()) {
    const Outcome& last = outcomes_[plan.last_outcome];
    if (last.counts == outcome_.counts && last.group_item == kAbsent && !last.drops() && !last.noted()) {
      result_.outcome = plan.last_outcome;
      return result_;
    }
  }
  result_.outcome = static_cast<uint32_t>(outcomes_.size());
  if (only_counts) plan.last_outcome = result_.outcome;
  outcomes_.push_back(outcome_);
  return result_;
}

Distinct ElementDecoder::Drop(Plan& plan, dicom::Instance& instance, const dicom::TopElement& element, Reason reason) {
  Level dropping;
  dropping.dropping = true;
  Plan copy;
  copy.tag = plan.tag;
  copy.rule = plan.rule;
  copy.rule.reason = reason;
  if (copy.rule.fate != Fate::kSequence) copy.rule.fate = Fate::kDropped;
  copy.items = std::make_unique<Level>();
  copy.items->dropping = true;
  ValueContext context;
  context.encoding = instance.encoding;
  static const dicom::CharacterSet kDefaultSet;
  context.set = &kDefaultSet;
  return Decode(copy, instance, element, context);
}

Node& ElementDecoder::Begin(Plan& plan, const Place& place) {
  if (plan.rule.repeating_group) {
    plan.node->BeginOrContinue(place.parent);
    const uint32_t item = plan.node->AddItem();
    plan.group.first->Begin(item);
    plan.group.first->AddValue(plan.group.first->values.AddText(TagName(plan.tag).substr(4, 4)));
    plan.group.second->Begin(item);
    outcome_.group_item = item;
    return *plan.group.second;
  }
  if (place.column != nullptr) {
    result_.key = place.column->NewKey();
  } else {
    plan.node->Begin(place.parent);
  }
  return *plan.node;
}

// Anything but a sequence.
void ElementDecoder::Value(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place) {
  const Rule& rule = plan.rule;
  if (context.encoding.big_endian && plan.written_as_unknown()) {
    ValueContext little = context;
    little.encoding.big_endian = false;  // whatever the transfer syntax (PS3.5 §6.2.2, note 2)
    Value(plan, bytes, offset, little, place);
    return;
  }
  if (rule.fate == Fate::kDropped) {
    CountDropped(plan, rule.reason, offset, rule.vr, {});
  } else if (bytes.size() > base::kMaxValueBytes) {
    CountDropped(plan, Reason::kTooLarge, offset, rule.vr, Excerpt(rule.vr, bytes.substr(0, base::kMaxExcerptBytes), context));
  } else if (rule.fate == Fate::kOther) {
    Other(plan, bytes, offset, context, place, rule.reason);
    if (plan.typed != nullptr && !bytes.empty()) Typed(*plan.typed, bytes, offset, context, place);
  } else if (bytes.empty()) {
    ++outcome_.counts.placed;  // no value: NULL, or an empty list
    if (rule.mode == Mode::kRepeated && !rule.repeating_group) Begin(plan, place);
  } else if (rule.fate == Fate::kPersonName) {
    PersonNames(plan, bytes, offset, context, place);
  } else if (rule.type == Type::kString) {
    Text(plan, bytes, offset, context, place);
  } else {
    Number(plan, bytes, offset, context, place);
  }
}

// A private element that has just been put into OtherElements: into its own column too, if it parses and the column is free (a
// tag may stand twice in an item).
void ElementDecoder::Typed(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place) {
  const Rule& rule = plan.rule;
  if (place.column == nullptr && plan.node->used() && plan.node->at.back() == place.parent) return;
  const uint64_t placed = outcome_.counts.placed;
  if (rule.fate == Fate::kPersonName) {
    if (rule.mode == Mode::kRepeated) PersonNames(plan, bytes, offset, context, place);
  } else if (rule.type == Type::kString) {
    Text(plan, bytes, offset, context, place);
  } else if (values_.Numbers(rule, bytes, context, numbers_) && (rule.mode == Mode::kRepeated || numbers_.size() <= 1)) {
    Number(plan, bytes, offset, context, place);
  }
  if (outcome_.counts.placed > placed) --outcome_.counts.other;
}

void ElementDecoder::Text(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place) {
  const Rule& rule = plan.rule;
  const auto& texts = values_.Texts(rule.vr, bytes, context);
  ++outcome_.counts.placed;
  if (values_.replaced() > 0) AddNote(Reason::kReplacedBytes, rule.vr, offset, plan.tag, texts.empty() ? "" : texts[0]);
  if (texts.empty() || (texts.size() == 1 && texts[0].empty())) {
    if (rule.mode == Mode::kRepeated && !rule.repeating_group) Begin(plan, place);
    return;
  }
  Node& node = Begin(plan, place);
  if (rule.mode == Mode::kRepeated) {
    if (rule.repeating_group) node.start.back() = node.slots;
    for (const std::string_view text : texts) node.AddValue(node.values.AddText(text));
  } else if (texts.size() == 1) {
    node.AddValue(node.values.AddText(texts[0]));
  } else {
    // More values than the dictionary allows: the whole text, so that none is lost.
    std::string joined(texts[0]);
    for (size_t i = 1; i < texts.size(); ++i) joined.append("\\").append(texts[i]);
    node.AddValue(node.values.AddText(joined));
  }
}

void ElementDecoder::Number(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context,
                            const Place& place) {
  const Rule& rule = plan.rule;
  if (!values_.Numbers(rule, bytes, context, numbers_)) {
    Other(plan, bytes, offset, context, place, Reason::kInvalidValue);
    return;
  }
  if (rule.mode == Mode::kNullable && numbers_.size() > 1) {
    Other(plan, bytes, offset, context, place, Reason::kMultiplicity);
    return;
  }
  ++outcome_.counts.placed;
  if (numbers_.empty() && (rule.mode == Mode::kNullable || rule.repeating_group)) return;
  Node& node = Begin(plan, place);
  for (const int64_t number : numbers_) node.AddValue(node.values.AddNumber(number));
}

void ElementDecoder::PersonNames(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context,
                                 const Place& place) {
  const auto& texts = values_.Texts(Vr::kPN, bytes, context);
  const bool repeated = plan.rule.mode == Mode::kRepeated;
  if (!repeated && texts.size() > 1) {
    Other(plan, bytes, offset, context, place, Reason::kMultiplicity);
    return;
  }
  ++outcome_.counts.placed;
  if (values_.replaced() > 0) AddNote(Reason::kReplacedBytes, Vr::kPN, offset, plan.tag, texts.empty() ? "" : texts[0]);
  if (!repeated && (texts.empty() || texts[0].empty())) return;
  Node& node = Begin(plan, place);
  for (const std::string_view text : texts) PersonName(plan, text, node.AddItem());
}

void ElementDecoder::PersonName(const Plan& plan, std::string_view text, uint32_t item) {
  const dicom::PersonName name = dicom::SplitPersonName(text);
  for (size_t g = 0; g < name.groups.size(); ++g) {
    const auto& components = name.groups[g];
    if (std::all_of(components.begin(), components.end(), [](std::string_view c) { return c.empty(); })) continue;
    Node& group = *plan.person.groups[g];
    group.Begin(item);
    const uint32_t group_item = group.AddItem();
    for (size_t c = 0; c < components.size(); ++c) {
      if (components[c].empty()) continue;
      Node& component = *plan.person.components[g][c];
      component.Begin(group_item);
      component.AddValue(component.values.AddText(components[c]));
    }
  }
}

// Into OtherElements of the level. `reason`: why not where it belongs; kReasons: it belongs there.
void ElementDecoder::Other(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place,
                           Reason reason) {
  const Vr vr = VrToRead(plan.rule, context);
  if (dicom::IsBulk(vr) && bytes.size() > base::kMaxOtherBinaryBytes) {
    CountDropped(plan, Reason::kBulkVr, offset, vr, {});
    return;
  }
  const auto& data = values_.Printed(vr, bytes, context);
  ++outcome_.counts.other;
  if (reason != Reason::kReasons) AddNote(reason, vr, offset, plan.tag, data.empty() ? "" : data[0]);
  if (values_.replaced() > 0) AddNote(Reason::kReplacedBytes, vr, offset, plan.tag, data.empty() ? "" : data[0]);
  const uint32_t item = AddOther(place, plan.tag, data);
  if (place.level == &top_) result_.other_item = item;
}

uint32_t ElementDecoder::AddOther(const Place& place, uint32_t tag, std::span<const std::string_view> data) {
  PairNodes& pair = OtherOf(*place.level);
  pair.record->BeginOrContinue(place.column != nullptr || place.level == &top_ ? 0 : place.parent);
  const uint32_t item = pair.record->AddItem();
  pair.first->Begin(item);
  pair.first->AddValue(pair.first->values.AddText(TagName(tag)));
  pair.second->Begin(item);
  for (const std::string_view text : data) pair.second->AddValue(pair.second->values.AddText(text));
  return item;
}

// Profile lossless: a sequence below the levels of a table becomes a row of OtherElements, whose Data are its items as DICOM
// JSON. False: not all of it would be in there; its elements are described in BulkData then.
bool ElementDecoder::KeepAsJson(Plan& plan, dicom::Cursor& cursor, dicom::Instance& instance, const Place& place,
                                const ValueContext& context) {
  if (json_writer_ == nullptr) {
    dicom::DicomJsonOptions options;
    options.inline_bytes = static_cast<uint32_t>(base::kMaxOtherBinaryBytes);
    options.bulk_uri = [this](const std::string& path) {
      std::string bulk_path = JsonBulkPath(path);
      json_bulk_.insert(bulk_path);
      return "BulkData:" + bulk_path;
    };
    json_writer_ = std::make_unique<dicom::DicomJsonWriter>(std::move(options));
  }
  json_bulk_.clear();
  const dicom::ElementHeader& header = cursor.element();
  const dicom::SequencePlace sequence = {header.start,      header.offset, cursor.end_offset(),
                                         cursor.encoding(), context.set,   context.signed_pixels};
  if (!json_writer_->WriteItems(instance, sequence, base::kMaxValueBytes, json_items_)) return false;
  json_views_.assign(json_items_.begin(), json_items_.end());
  AddOther(place, plan.tag, json_views_);
  return true;
}

// A path of DicomJsonOptions::bulk_uri below the sequences that the walk is in, as BulkData's Tag has it.
std::string ElementDecoder::JsonBulkPath(const std::string& path) const {
  std::string text = PathPrefix();
  std::string_view rest = path;  // "00081140/2/00081155": items count from 1
  for (;;) {
    text.append(rest.substr(0, 4)).append(",").append(rest.substr(4, 4));
    const size_t item = rest.find('/');
    if (item == std::string_view::npos) return text;
    const size_t end = rest.find('/', item + 1);
    text += "[" + std::to_string(std::strtoul(rest.data() + item + 1, nullptr, 10) - 1) + "].";
    rest.remove_prefix(end + 1);
  }
}

ElementDecoder::Frame& ElementDecoder::PushFrame() {
  if (depth_ == frames_.size()) frames_.emplace_back();
  Frame& frame = frames_[depth_++];
  frame.previous = nullptr;
  frame.index = -1;
  frame.leaf = false;
  frame.json = false;
  frame.in_many = in_many_;
  frame.blocks.Clear();
  return frame;
}

// Whether the plan's column has a value in the item already: the tag stands twice in it (PS3.5 §7.1: tags are unique).
bool ElementDecoder::IsThere(const Plan& plan, const Frame& frame) {
  return plan.node != nullptr && !plan.rule.repeating_group && plan.node->used() && plan.node->at.back() == frame.item;
}

// `again`: the same tag stood before in the item; all below is dropped then.
void ElementDecoder::EnterSequence(Plan& plan, dicom::Cursor& cursor, dicom::Instance& instance, const Place& place,
                                   const ValueContext& context, bool again) {
  Level& level = again ? dropping_ : *plan.items;
  Reason reason = plan.rule.reason < Reason::kDroppedReasons ? plan.rule.reason : Reason::kTooDeep;
  if (again) reason = Reason::kDuplicateTag;
  if (depth_ > 0 && frames_[depth_ - 1].level->dropping) reason = frames_[depth_ - 1].reason;
  ++outcome_.counts.read;
  const bool outermost = level.dropping && depth_ > 0 && !frames_[depth_ - 1].level->dropping;
  if (outermost && reason == Reason::kTooDeep && profile_ == Profile::kLossless)
    json_ = KeepAsJson(plan, cursor, instance, place, context);
  if (level.dropping) {
    CountDropped(plan, reason, cursor.element().offset - offset_base_, Vr::kSQ, {});
  } else {
    ++outcome_.counts.placed;
    if (place.column != nullptr) {
      result_.key = place.column->NewKey();
    } else {
      plan.node->Begin(place.parent);
    }
  }
  cursor.Enter();
  Frame& frame = PushFrame();
  frame.level = &level;
  frame.reason = reason;
  frame.json = json_;
  frame.tag = plan.tag;
  frame.context = context;
}

void ElementDecoder::Sequence(Plan& plan, dicom::Instance& instance, const dicom::TopElement& element,
                              const ValueContext& context) {
  dicom::Cursor cursor(instance.window);
  dicom::Encoding encoding = instance.EncodingOf(element);
  cursor.Start(element.start, instance.OffsetOf(element), encoding, dicom::kNoEnd);
  offset_base_ = instance.OffsetOf(element);
  top_start_ = element.start;
  if (cursor.Next() != dicom::Step::kElement) return;
  Place place;
  place.column = plan.column;
  EnterSequence(plan, cursor, instance, place, context, false);
  FindItemContexts(instance, element);
  uint32_t items = 0;
  bool ended = false;
  while (!ended && depth_ > 0) {
    Frame& frame = frames_[depth_ - 1];
    switch (cursor.Next()) {
      case dicom::Step::kItem:
        ++frame.index;
        frame.previous = nullptr;
        frame.again = 0;
        frame.blocks.Clear();
        if (depth_ > 1)
          frame.context = frames_[depth_ - 2].context;
        else
          frame.context = context;
        frame.context.encoding = cursor.encoding();
        if (!item_contexts_.empty()) SetItemContext(frame.context, items, instance);
        ++items;
        if (!frame.level->dropping) frame.item = frame.level->record->AddItem();
        break;
      case dicom::Step::kElement:
        NestedElement(cursor, instance);
        break;
      case dicom::Step::kEndItem:
        break;
      case dicom::Step::kEndSequence:
        LeaveSequence();
        break;
      case dicom::Step::kEnd:
        ended = true;
        break;
    }
  }
  while (depth_ > 0) LeaveSequence();
  in_many_ = false;
  for (const dicom::Problem& problem : cursor.problems()) {
    Note& note = AddNote(problem.code == dicom::ProblemCode::kTruncated ? Reason::kTruncated : Reason::kStructure, Vr::kSQ,
                         problem.offset - offset_base_, plan.tag, dicom::ProblemMessage(problem));
    if (note.more == 0) note.path = ProblemPath(problem);
    note.more += note.more > 0 ? problem.more : 0;
  }
}

// A table has a RECORD only with a field in it. Items that put nothing into any field make OtherElements at their level, so that
// their number is kept. Whether they do depends on them alone, not on what came before: the schema has no order of files.
void ElementDecoder::LeaveSequence() {
  const Frame& frame = frames_[--depth_];
  if (frame.level->dropping || frame.index < 0) return;
  if (!frame.leaf) OtherOf(*frame.level);
  if (depth_ > 0) frames_[depth_ - 1].leaf = true;
}

// What holds for a whole item holds in front of its own element too: a walk ahead, for sequences that have such elements.
void ElementDecoder::FindItemContexts(dicom::Instance& instance, const dicom::TopElement& element) {
  item_contexts_.clear();
  if (!MayHaveContext(instance.Value(element), instance.encoding.big_endian)) return;
  dicom::Cursor cursor(instance.window);
  cursor.Start(element.start, instance.OffsetOf(element), instance.EncodingOf(element), dicom::kNoEnd);
  if (cursor.Next() != dicom::Step::kElement) return;
  cursor.Enter();
  open_items_.clear();
  uint32_t items = 0;
  for (int depth = 1; depth > 0;) {
    switch (cursor.Next()) {
      case dicom::Step::kItem:
        open_items_.push_back(items++);
        break;
      case dicom::Step::kEndItem:
        open_items_.pop_back();
        break;
      case dicom::Step::kEndSequence:
        --depth;
        break;
      case dicom::Step::kElement: {
        const dicom::ElementHeader header = cursor.element();
        if ((header.tag & 0xFFFF) != 0 && IsSequence(header, instance.window, cursor.encoding().big_endian)) {
          cursor.Enter();
          ++depth;
          break;
        }
        const dicom::Cursor::Skipped skipped = cursor.Skip();
        if (!skipped.left_out && !skipped.truncated &&
            std::find(kContextTags.begin(), kContextTags.end(), header.tag) != kContextTags.end())
          item_contexts_.push_back({open_items_.back(), header.tag, header.value, skipped.end});
        break;
      }
      case dicom::Step::kEnd:
        depth = 0;
        break;
    }
  }
  std::stable_sort(item_contexts_.begin(), item_contexts_.end(),
                   [](const ItemContext& a, const ItemContext& b) { return a.item < b.item; });
}

void ElementDecoder::SetItemContext(ValueContext& context, uint32_t item, const dicom::Instance& instance) {
  const auto first = std::lower_bound(item_contexts_.begin(), item_contexts_.end(), item,
                                      [](const ItemContext& a, uint32_t i) { return a.item < i; });
  for (auto at = first; at != item_contexts_.end() && at->item == item; ++at) {
    const bool again = std::any_of(first, at, [tag = at->tag](const ItemContext& before) { return before.tag == tag; });
    if (again) continue;  // the first of a tag counts
    const uint8_t* data = instance.window.data() + at->value;
    const std::string_view bytes(reinterpret_cast<const char*>(data), at->end - at->value);
    if (at->tag == dicom::kSpecificCharacterSetTag) {
      context.set = SetFor(TrimPadding(bytes));
    } else if (at->tag == dicom::kTimezoneOffsetFromUtcTag) {
      context.utc_offset_minutes = dicom::ParseUtcOffset(TrimPadding(bytes)).value_or(context.utc_offset_minutes);
    } else if (bytes.size() >= 2) {
      context.signed_pixels = dicom::LoadU16(data, context.encoding.big_endian) == 1;
    }
  }
}

// An element inside an item.
void ElementDecoder::NestedElement(dicom::Cursor& cursor, dicom::Instance& instance) {
  const dicom::ElementHeader header = cursor.element();
  length_ = header.length;
  header_bytes_ = header.value - header.start;
  value_ = header.value - top_start_;
  value_end_ = 0;
  Frame& frame = frames_[depth_ - 1];
  json_ = frame.json;
  in_many_ = frame.in_many;
  if ((header.tag & 0xFFFF) == 0) return;  // group length
  const auto* data = reinterpret_cast<const char*>(instance.window.data());
  const bool sequence = IsSequence(header, instance.window, frame.context.encoding.big_endian);
  uint32_t creator = IsPrivate(header.tag) ? frame.blocks.Find(header.tag) : 0;
  if (creator != 0 && profile_ == Profile::kLossless && frame.blocks.OwnsBlockBefore(header.tag, creator))
    creator = CreatorAgain(creator);
  Plan& plan = PlanFor(*frame.level, frame.previous, header.tag, header.vr, sequence, creator);
  frame.previous = &plan;
  frame.leaf = frame.leaf || plan.typed != nullptr || (plan.node != nullptr && plan.rule.fate != Fate::kSequence);
  Place place;
  place.level = frame.level;
  place.parent = frame.item;
  const bool again = !frame.level->dropping && IsThere(plan, frame);
  if (again) in_many_ = ++frame.again > base::kMaxSameLines;
  if (plan.rule.fate == Fate::kSequence) {
    const ValueContext context = frame.context;
    EnterSequence(plan, cursor, instance, place, context, again);
    return;
  }
  const dicom::Cursor::Skipped skipped = cursor.Skip();
  ++outcome_.counts.read;
  if (!skipped.truncated) {
    value_end_ =
        ValueEnd(instance.window, top_start_, header.value, skipped.end, header.fragments, frame.context.encoding.big_endian);
  }
  const uint64_t offset = header.offset - offset_base_;
  if (frame.level->dropping || again) {
    CountDropped(plan, frame.level->dropping ? frame.reason : Reason::kDuplicateTag, offset, plan.rule.vr, {});
    return;
  }
  if (skipped.left_out || header.fragments) {
    CountDropped(plan, LeftOutReason(plan.rule), offset, plan.rule.vr, {});
    return;
  }
  const std::string_view bytes(data + header.value, skipped.end - header.value);
  if (skipped.truncated) {
    CountDropped(plan, Reason::kTruncated, offset, plan.rule.vr, Excerpt(plan.rule.vr, bytes, frame.context));
    return;
  }
  if (IsPrivateCreator(header.tag)) frame.blocks.Add(header.tag, CreatorNumber(bytes));
  Value(plan, bytes, offset, frame.context, place);
}

void ElementDecoder::CountDropped(Plan& plan, Reason reason, uint64_t offset, Vr vr, std::string_view excerpt) {
  Note& note = AddNote(reason, vr, offset, plan.tag, excerpt);
  const bool lossless = profile_ == Profile::kLossless;
  if (lossless && note.more == 0) note.described = !json_ || json_bulk_.contains(note.path);
  // What has no line of its own is not described either, but it may be in the JSON.
  const bool kept = lossless && (json_ || note.more == 0);
  ++(kept ? outcome_.counts.other : outcome_.counts.dropped);
  note.dropped += kept ? 0 : 1;
  std::string name = PathName(plan.tag);
  auto [found, added] = dropped_by_name_.try_emplace(std::move(name), 0);
  if (added) {
    const uint32_t item = dropped_column_->NewItem();
    dropped_name_->Begin(item);
    dropped_name_->AddValue(dropped_name_->values.AddText(found->first));
    found->second = item;
  }
  if (dropped_in_.size() <= found->second) dropped_in_.resize(found->second + 1);
  if (std::exchange(dropped_in_[found->second], decoded_) != decoded_) dropped_items_.push_back(found->second);
}

// Elements of the same tag that are not even looked at: the one that is has a line already.
void ElementDecoder::CountRepeats(Vr vr, uint32_t tag, uint32_t repeats) {
  outcome_.counts.read += repeats;
  outcome_.counts.dropped += repeats;
  Note& note = AddNote(Reason::kDuplicateTag, vr, 0, tag, "the tag " + std::to_string(repeats) + " more times");
  note.dropped += repeats;
  if (note.more > 0) note.more += repeats - 1;
}

Note& ElementDecoder::AddNote(Reason reason, Vr vr, uint64_t offset, uint32_t tag, std::string_view excerpt) {
  uint32_t& lines = lines_[static_cast<size_t>(reason)];
  size_t& last = last_lines_[static_cast<size_t>(reason)];
  if (lines == base::kMaxElementLines || (in_many_ && lines > 0)) {
    ++notes_[last].more;
    return notes_[last];
  }
  ++lines;
  last = notes_.size();
  notes_.push_back({reason,
                    vr,
                    0,
                    false,
                    length_,
                    header_bytes_,
                    value_,
                    value_end_,
                    offset,
                    PathText(tag),
                    std::string(base::Utf8Prefix(excerpt, base::kMaxExcerptBytes)),
                    0,
                    {}});
  notes_.back().account_keys.fill(kAbsent);
  return notes_.back();
}

// Of the sequences and items that the walk is in, up to the tag that follows.
std::string ElementDecoder::PathPrefix() const {
  std::string path;
  for (size_t i = 0; i < depth_; ++i)
    path += TagText(frames_[i].tag) + "[" + std::to_string(std::max<int64_t>(frames_[i].index, 0)) + "].";
  return path;
}

std::string ElementDecoder::PathText(uint32_t tag) const { return PathPrefix() + TagText(tag); }

std::string ElementDecoder::PathName(uint32_t tag) const {
  std::string path;
  for (size_t i = 0; i < depth_; ++i) path += ElementName(frames_[i].tag) + ".";
  return path + ElementName(tag);
}

std::string ElementDecoder::Excerpt(Vr vr, std::string_view bytes, const ValueContext& context) {
  const auto& printed = values_.Printed(dicom::IsText(vr) ? vr : Vr::kUN, bytes.substr(0, base::kMaxExcerptBytes), context);
  return printed.empty() ? std::string() : std::string(printed[0]);
}

}  // namespace dicomhouse::mapping
