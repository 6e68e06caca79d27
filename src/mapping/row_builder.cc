#include "mapping/row_builder.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>

#include "base/limits.h"
#include "base/sha256.h"
#include "base/text.h"
#include "dicom/tags.h"
#include "dicom/value.h"

namespace dicomhouse::mapping {

using table::Column;
using table::kAbsent;
using table::Mode;
using table::Type;

namespace {

// Longer elements are compared with the row before, but not remembered for later rows.
constexpr size_t kMaxRememberedBytes = 4096;
// Entries of nested columns that one batch may unroll to.
constexpr uint64_t kMaxBatchElements = uint64_t{256} << 20;

constexpr uint32_t kMaxAccountRows = 1 << 20;
constexpr uint32_t kRowsBetweenLooks = 256;
constexpr uint64_t kLongInstanceElements = 20000;

std::string_view TrimPadding(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  return text;
}

// For what is not decoded: names of files, and UIDs as they stand in the bytes.
uint32_t KeyOfRawText(Column& column, std::string_view text) {
  return base::IsUtf8(text) ? column.KeyOfText(text) : column.KeyOfText(base::Utf8Escaped(text));
}

Reason ReasonOf(dicom::ProblemCode code) {
  return code == dicom::ProblemCode::kTruncated || code == dicom::ProblemCode::kReadError ? Reason::kTruncated
                                                                                          : Reason::kStructure;
}

}  // namespace

RowTotals& RowTotals::operator+=(const RowTotals& o) {
  counts += o.counts;
  for (size_t i = 0; i < dropped.size(); ++i) dropped[i] += o.dropped[i];
  failed_balance += o.failed_balance;
  return *this;
}

RowTotals& RowTotals::operator-=(const RowTotals& o) {
  counts -= o.counts;
  for (size_t i = 0; i < dropped.size(); ++i) dropped[i] -= o.dropped[i];
  failed_balance -= o.failed_balance;
  return *this;
}

RowBuilder::RowBuilder(const Options& options) : options_(options), decoder_(batch_, options.profile) {
  uint64_t order = 0;
  const auto account = [&](std::string_view name, Type type) {
    return &account_.AddColumn(name, type, Mode::kNullable, order++);
  };
  account_columns_.path = account("SourcePath", Type::kString);
  account_columns_.uid = account("SOPInstanceUID", Type::kString);
  account_columns_.tag_path = account("TagPath", Type::kString);
  account_columns_.vr = account("VR", Type::kString);
  account_columns_.offset = account("Offset", Type::kInteger);
  account_columns_.reason = account("Reason", Type::kString);
  account_columns_.excerpt = account("Excerpt", Type::kString);
  if (options.profile == Profile::kLossless) {
    bulk_.column = &batch_.AddColumn("BulkData", Type::kRecord, Mode::kRepeated, kDroppedTagsOrder + 1, true);
    bulk_.tag = &bulk_.column->node.Child("Tag", Type::kString, Mode::kNullable, 0);
    bulk_.vr = &bulk_.column->node.Child("VR", Type::kString, Mode::kNullable, 1);
    bulk_.length = &bulk_.column->node.Child("Length", Type::kInteger, Mode::kNullable, 2);
    bulk_.offset = &bulk_.column->node.Child("Offset", Type::kInteger, Mode::kNullable, 3);
    if (options.bulk_sha256) bulk_.sha256 = &bulk_.column->node.Child("Sha256", Type::kString, Mode::kNullable, 4);
  }
  order = kExtraColumnsOrder;
  const auto extra = [&](bool wanted, std::string_view name, Type type) {
    return wanted ? &batch_.AddColumn(name, type, Mode::kNullable, order++) : nullptr;
  };
  extras_.size = extra(options.extra.source_size, "SourceSize", Type::kInteger);
  extras_.modified = extra(options.extra.source_modified, "SourceModified", Type::kTimestamp);
  extras_.sha256 = extra(options.extra.source_sha256, "SourceSha256", Type::kString);
  extras_.offset = extra(options.extra.dicom_offset, "DicomOffset", Type::kInteger);
  extras_.path = extra(options.extra.source_path, "SourcePath", Type::kString);
}

void RowBuilder::Add(dicom::Instance& instance, const SourceInfo& source, bool commit) {
  Fill(instance);
  if (bulk_.column != nullptr) SetBulk(instance);
  if (commit) {
    SetExtra(instance, source);
    row_ = {};
    row_.counts = sum_;
    WriteNotes(instance, source);
    uint64_t dropped = 0;
    for (const uint64_t count : row_.dropped) dropped += count;
    if (!row_.counts.balanced() || dropped != row_.counts.dropped) row_.failed_balance = 1;
    elements_in_batch_ += row_.counts.read;
    batch_.CommitRow();
  }
  std::swap(instance, last_);
}

// Walks the elements of the instance and the slots of the last one side by side, both in ascending order of tags.
void RowBuilder::Fill(dicom::Instance& instance) {
  const uint32_t context_number = ContextOf(instance);
  comparable_ = context_number == context_number_;
  context_number_ = context_number;
  next_slots_.clear();
  noted_.clear();
  dirty_private_group_ = 0;
  size_t s = 0;
  for (const dicom::TopElement& element : instance.elements) {
    if (!next_slots_.empty() && next_slots_.back().tag == element.tag) {
      Duplicate(instance, element);
      continue;
    }
    while (s < slots_.size() && (slots_[s].tag < element.tag || !slots_[s].places)) Leave(slots_[s++], nullptr);
    const bool had = s < slots_.size() && slots_[s].tag == element.tag;
    const Slot* before = had ? &slots_[s++] : nullptr;
    if (before != nullptr && Unchanged(instance, element, *before)) {
      if (before->noted) noted_.push_back(static_cast<uint32_t>(next_slots_.size()));
      Slot& slot = NextSlot(element, *before->plan, before->value);
      slot.noted = before->noted;
    } else {
      Element(instance, element, before);
    }
  }
  while (s < slots_.size()) Leave(slots_[s++], nullptr);
  std::swap(slots_, next_slots_);
  if (typed_dirty_) SetTyped();
  if (others_dirty_) SetOthers();
  if (dropped_dirty_) SetDropped();
  if (groups_dirty_) SetGroups();
}

// A number for what the meaning of all elements depends on.
uint32_t RowBuilder::ContextOf(dicom::Instance& instance) {
  const auto value = [&instance](uint32_t tag) {
    const dicom::TopElement* element = instance.Find(tag);
    return element == nullptr ? std::string_view() : instance.Value(*element);
  };
  const std::string_view set = value(dicom::kSpecificCharacterSetTag);
  const std::string_view offset = value(dicom::kTimezoneOffsetFromUtcTag);
  const std::string_view pixels = value(dicom::kPixelRepresentationTag);
  context_key_.clear();
  context_key_ += static_cast<char>('0' + (instance.encoding.explicit_vr ? 1 : 0) + (instance.encoding.big_endian ? 2 : 0));
  for (const std::string_view part : {set, offset, pixels}) {
    const size_t size = part.size();
    context_key_.append(reinterpret_cast<const char*>(&size), sizeof size).append(part);
  }
  auto found = contexts_.find(context_key_);
  if (found == contexts_.end()) found = contexts_.emplace(context_key_, static_cast<uint32_t>(contexts_.size() + 1)).first;
  if (found->second != context_number_ || context_.set == nullptr) {
    context_.encoding = instance.encoding;
    context_.set = decoder_.SetFor(TrimPadding(set));
    context_.utc_offset_minutes = dicom::ParseUtcOffset(TrimPadding(offset)).value_or(0);
    context_.signed_pixels =
        pixels.size() >= 2 && dicom::LoadU16(reinterpret_cast<const uint8_t*>(pixels.data()), instance.encoding.big_endian) == 1;
  }
  return found->second;
}

bool RowBuilder::Unchanged(const dicom::Instance& instance, const dicom::TopElement& element, const Slot& before) const {
  const uint32_t size = element.end - element.start;
  return comparable_ && before.comparable && before.end - before.start == size && !element.truncated &&
         (dirty_private_group_ == 0 || element.tag >> 16 != dirty_private_group_) &&
         std::memcmp(last_.window.data() + before.start, instance.window.data() + element.start, size) == 0;
}

// An element that is not as in the instance before.
void RowBuilder::Element(dicom::Instance& instance, const dicom::TopElement& element, const Slot* before) {
  uint32_t creator = 0;
  if (IsPrivateCreator(element.tag)) {
    dirty_private_group_ = element.tag >> 16;
  } else if (IsPrivate(element.tag)) {
    creator = CreatorOf(instance, element.tag);
  }
  const bool sequence =
      LooksLikeSequence(element.tag, element.vr, element.length == dicom::kUndefinedLength && !element.fragments,
                        instance.Value(element), context_.encoding.big_endian);
  Plan* after = next_slots_.empty() ? nullptr : next_slots_.back().plan;
  Plan& plan = decoder_.PlanFor(decoder_.top(), after, element.tag, element.vr, sequence, creator);
  const Distinct value = DistinctOf(plan, instance, element, creator);
  if (before != nullptr) Leave(*before, plan.column);
  Slot& slot = NextSlot(element, plan, value);
  slot.comparable = !element.truncated;
  Take(slot);
}

// Filled in its place: a slot that is made elsewhere and copied costs a twentieth of all (the copy waits for the stores).
RowBuilder::Slot& RowBuilder::NextSlot(const dicom::TopElement& element, Plan& plan, const Distinct& value) {
  Slot& slot = next_slots_.emplace_back();
  slot.tag = element.tag;
  slot.start = element.start;
  slot.end = element.end;
  slot.value = value;
  slot.plan = &plan;
  return slot;
}

// The same tag again (PS3.5 §7.1: tags are unique). The first counts.
void RowBuilder::Duplicate(dicom::Instance& instance, const dicom::TopElement& element) {
  const bool sequence =
      LooksLikeSequence(element.tag, element.vr, element.length == dicom::kUndefinedLength && !element.fragments,
                        instance.Value(element), context_.encoding.big_endian);
  Plan& plan = decoder_.PlanFor(decoder_.top(), nullptr, element.tag, element.vr, sequence, 0);
  Slot& slot = NextSlot(element, plan, decoder_.Drop(plan, instance, element, Reason::kDuplicateTag));
  slot.comparable = slot.places = false;
  Take(slot);
}

Seen& RowBuilder::SeenOf(Plan& plan) {
  if (plan.seen == nullptr) {
    plan.seen = std::make_unique<Seen>();
    seen_plans_.push_back(&plan);
  }
  return *plan.seen;
}

Distinct RowBuilder::DistinctOf(Plan& plan, dicom::Instance& instance, const dicom::TopElement& element, uint32_t creator) {
  Seen& seen = SeenOf(plan);
  const size_t size = element.end - element.start;
  const bool remembered = size <= kMaxRememberedBytes && !element.truncated && seen.bytes.looking_up();
  if (remembered) {
    const uint32_t index = seen.bytes.AddText({reinterpret_cast<const char*>(instance.window.data()) + element.start, size},
                                              uint64_t{context_number_} << 32 | creator);
    if (index < seen.distincts.size()) return seen.distincts[index];
  }
  ValueContext context = context_;
  context.encoding = instance.EncodingOf(element);
  const Distinct fresh = decoder_.Decode(plan, instance, element, context);
  if (remembered) seen.distincts.push_back(fresh);
  return fresh;
}

// Who owns the block of a private element: its creator stands before it in the same group (PS3.5 §7.8.1).
uint32_t RowBuilder::CreatorOf(const dicom::Instance& instance, uint32_t tag) {
  const dicom::TopElement* creator = instance.Find((tag & 0xFFFF0000) | (tag >> 8 & 0xFF));
  if (creator == nullptr) return 0;
  const uint32_t number = decoder_.CreatorNumber(instance.Value(*creator));
  if (number == 0 || options_.profile != Profile::kLossless) return number;
  while (creator != instance.elements.data() && (--creator)->tag >= ((tag & 0xFFFF0000) | 0x10)) {
    if (decoder_.CreatorNumber(instance.Value(*creator)) == number) return decoder_.CreatorAgain(number);
  }
  return number;
}

// A slot of the last instance that this one does not have so. Its column becomes NULL, `unless` it is set again at once.
void RowBuilder::Leave(const Slot& slot, const Column* unless) {
  Column* column = slot.plan->column;
  if (column != nullptr && column != unless && slot.places && !column->gathered()) {
    column->Set(batch_.rows(), kAbsent);
    typed_dirty_ = typed_dirty_ || slot.plan->typed != nullptr;
  }
  NoteGathered(slot.value);
  sum_ -= decoder_.outcome(slot.value).counts;
  if (IsPrivateCreator(slot.tag)) dirty_private_group_ = slot.tag >> 16;
}

// The last of next_slots_.
void RowBuilder::Take(Slot& slot) {
  Column* column = slot.plan->column;
  if (column != nullptr && slot.places && !column->gathered()) column->Set(batch_.rows(), slot.value.key);
  NoteGathered(slot.value);
  const Outcome& outcome = decoder_.outcome(slot.value);
  sum_ += outcome.counts;
  slot.noted = outcome.noted();
  if (slot.noted) noted_.push_back(static_cast<uint32_t>(next_slots_.size() - 1));
}

// A gathered column's value in this row: the list of items.
void RowBuilder::SetList(Column& column) {
  if (items_.empty()) {
    column.Set(batch_.rows(), kAbsent);
    return;
  }
  table::Values& lists = lists_[&column];
  lists.SetType(Type::kBytes);
  if (!lists.looking_up()) {
    column.Set(batch_.rows(), column.NewKeyOf(items_));
    return;
  }
  const uint32_t key = lists.AddText({reinterpret_cast<const char*>(items_.data()), items_.size() * sizeof(uint32_t)});
  if (key == column.keys()) column.NewKeyOf(items_);
  column.Set(batch_.rows(), key);
}

// Which gathered columns a value that came or went contributes to.
void RowBuilder::NoteGathered(const Distinct& distinct) {
  others_dirty_ = others_dirty_ || distinct.other_item != kAbsent;
  if (distinct.outcome <= Distinct::kOther) return;
  const Outcome& outcome = decoder_.outcome(distinct);
  dropped_dirty_ = dropped_dirty_ || outcome.drops();
  groups_dirty_ = groups_dirty_ || outcome.group_item != kAbsent;
}

// OtherElements of the row, from the elements that contribute to it.
void RowBuilder::SetOthers() {
  others_dirty_ = false;
  items_.clear();
  for (const Slot& slot : slots_) {
    const uint32_t item = slot.value.other_item;
    if (item != kAbsent) items_.push_back(item);
  }
  SetList(decoder_.other_column());
}

// A private element's own column belongs to its creator, whatever the block: one that left may have emptied the column that one
// of another block has filled.
void RowBuilder::SetTyped() {
  typed_dirty_ = false;
  for (const Slot& slot : slots_) {
    if (slot.plan->typed != nullptr && slot.places) slot.plan->column->Set(batch_.rows(), slot.value.key);
  }
}

void RowBuilder::SetDropped() {
  dropped_dirty_ = false;
  items_.clear();
  for (const Slot& slot : slots_) {
    const auto dropped = decoder_.dropped_items(decoder_.outcome(slot.value));
    items_.insert(items_.end(), dropped.begin(), dropped.end());
  }
  SetList(decoder_.dropped_column());
}

// The columns of repeating groups (PS3.5 §7.6): one list for all groups of a keyword.
void RowBuilder::SetGroups() {
  groups_dirty_ = false;
  for (const Slot& slot : slots_) {
    Column* column = slot.plan->column;
    if (column != nullptr && column->gathered() &&
        std::find(group_columns_.begin(), group_columns_.end(), column) == group_columns_.end()) {
      group_columns_.push_back(column);
    }
  }
  for (Column* column : group_columns_) {
    items_.clear();
    for (const Slot& slot : slots_) {
      if (slot.plan->column != column) continue;
      const uint32_t item = decoder_.outcome(slot.value).group_item;
      if (item != kAbsent) items_.push_back(item);
    }
    SetList(*column);
  }
}

// Where the row's values without a column are in its source. Not a matter of equal bytes: offsets differ from file to file.
void RowBuilder::SetBulk(const dicom::Instance& instance) {
  items_.clear();
  for (const uint32_t index : noted_) {
    const Slot& slot = slots_[index];
    const dicom::TopElement& element = instance.elements[index];
    const uint64_t offset = instance.OffsetOf(element);
    for (const Note& note : decoder_.notes(decoder_.outcome(slot.value))) {
      if (!note.described) continue;
      std::optional<base::Sha256Digest> digest;
      if (bulk_.sha256 != nullptr && note.value_end > 0) {
        digest = instance.window.DigestOf(element.start + note.value, element.start + note.value_end);
      }
      items_.push_back(BulkItem(note, offset + note.offset + note.header_bytes, digest ? base::HexText(*digest) : ""));
    }
  }
  SetList(*bulk_.column);
}

// `sha256`: in hexadecimal digits, or empty when it is not known.
uint32_t RowBuilder::BulkItem(const Note& note, uint64_t offset, const std::string& sha256) {
  std::string all = note.path;
  all.append(" ").append(dicom::VrText(note.vr)).append(" ");
  all += std::to_string(offset) + ' ' + std::to_string(note.length) + sha256;
  const auto [found, added] = bulk_.items.try_emplace(std::move(all), 0);
  if (!added) return found->second;
  const uint32_t item = bulk_.column->NewItem();
  const auto text = [item](table::Node& node, std::string_view value) {
    node.Begin(item);
    node.AddValue(node.values.AddText(value));
  };
  text(*bulk_.tag, note.path);
  text(*bulk_.vr, dicom::VrText(note.vr));
  if (note.length != dicom::kUndefinedLength) {
    bulk_.length->Begin(item);
    bulk_.length->AddValue(bulk_.length->values.AddNumber(static_cast<int64_t>(note.length)));
  }
  bulk_.offset->Begin(item);
  bulk_.offset->AddValue(bulk_.offset->values.AddNumber(static_cast<int64_t>(offset)));
  if (!sha256.empty()) text(*bulk_.sha256, sha256);
  found->second = item;
  return item;
}

void RowBuilder::SetExtra(const dicom::Instance& instance, const SourceInfo& source) {
  const uint32_t row = batch_.rows();
  if (extras_.path != nullptr) extras_.path->Set(row, KeyOfRawText(*extras_.path, source.path));
  if (extras_.size != nullptr) extras_.size->Set(row, extras_.size->KeyOfNumber(static_cast<int64_t>(source.size_bytes)));
  if (extras_.modified != nullptr) extras_.modified->Set(row, extras_.modified->KeyOfNumber(source.modified_us));
  if (extras_.sha256 != nullptr)
    extras_.sha256->Set(row, source.sha256.empty() ? kAbsent : extras_.sha256->KeyOfText(source.sha256));
  if (extras_.offset != nullptr) {
    extras_.offset->Set(row, extras_.offset->KeyOfNumber(static_cast<int64_t>(instance.data_set_offset)));
  }
}

// The row's lines in the account.
void RowBuilder::WriteNotes(const dicom::Instance& instance, const SourceInfo& source) {
  if (noted_.empty() && instance.problems.empty()) return;
  const uint32_t path_key = KeyOfRawText(*account_columns_.path, source.path);
  const uint32_t uid_key = KeyOfRawText(*account_columns_.uid, instance.Text(dicom::kSopInstanceUidTag));
  for (const uint32_t index : noted_) {
    const Slot& slot = slots_[index];
    for (const Note& note : decoder_.notes(decoder_.outcome(slot.value))) {
      AccountRow(path_key, uid_key, note, instance.OffsetOf(instance.elements[index]));
      if (note.dropped > 0) row_.dropped[static_cast<size_t>(note.reason)] += note.dropped;
    }
  }
  for (const dicom::Problem& problem : instance.problems) {
    Note note;
    note.reason = ReasonOf(problem.code);
    note.path = ProblemPath(problem);
    if (IsNoted(instance, note, problem.offset)) continue;
    note.excerpt = dicom::ProblemMessage(problem);
    AccountRow(path_key, uid_key, note, problem.offset);
  }
}

// Whether the sequence in which the bytes end says so itself.
bool RowBuilder::IsNoted(const dicom::Instance& instance, const Note& wanted, uint64_t offset) const {
  return std::any_of(noted_.begin(), noted_.end(), [&](uint32_t index) {
    const Slot& slot = slots_[index];
    const auto notes = decoder_.notes(decoder_.outcome(slot.value));
    const uint64_t start = instance.OffsetOf(instance.elements[index]);
    return std::any_of(notes.begin(), notes.end(), [&](const Note& note) {
      return note.reason == wanted.reason && start + note.offset == offset && note.path == wanted.path;
    });
  });
}

void RowBuilder::AddNameColumns() {
  for (const uint32_t tag : {dicom::kSopInstanceUidTag, dicom::kStudyInstanceUidTag, dicom::kSeriesInstanceUidTag})
    decoder_.PlanFor(decoder_.top(), nullptr, tag, dicom::Vr::kUI, false, 0);
}

void RowBuilder::AddFileNote(std::string_view path, std::string_view sop_instance_uid, Reason reason, uint64_t offset,
                             std::string_view text) {
  Note note;
  note.reason = reason;
  note.excerpt = base::Utf8Escaped(text);
  AccountRow(KeyOfRawText(*account_columns_.path, path), KeyOfRawText(*account_columns_.uid, sop_instance_uid), note, offset);
}

void RowBuilder::AccountRow(uint32_t path_key, uint32_t uid_key, const Note& note, uint64_t offset) {
  auto& keys = note.account_keys;
  if (keys[0] == kAbsent) {
    keys[0] = account_columns_.tag_path->KeyOfText(note.path);
    keys[1] = account_columns_.vr->KeyOfText(dicom::VrText(note.vr));
    keys[2] = account_columns_.reason->KeyOfText(ReasonText(note.reason));
    if (!note.excerpt.empty()) keys[3] = account_columns_.excerpt->KeyOfText(note.excerpt);
  }
  const uint32_t row = account_.rows();
  account_columns_.path->Set(row, path_key);
  account_columns_.uid->Set(row, uid_key);
  account_columns_.tag_path->Set(row, keys[0]);
  account_columns_.vr->Set(row, keys[1]);
  account_columns_.offset->Set(row, account_columns_.offset->KeyOfNumber(static_cast<int64_t>(offset + note.offset)));
  account_columns_.reason->Set(row, keys[2]);
  account_columns_.excerpt->Set(row, keys[3]);
  account_.CommitRow();
}

bool RowBuilder::full() {
  if (batch_.rows() >= base::kMaxPartRows || account_.rows() >= kMaxAccountRows || elements_in_batch_ >= kMaxBatchElements)
    return true;
  // Adding the memory up walks all columns: look from time to time, at once after very long instances.
  if (batch_.rows() < rows_at_last_look_ + kRowsBetweenLooks && sum_.read < kLongInstanceElements) return false;
  rows_at_last_look_ = batch_.rows();
  size_t bytes = batch_.memory_bytes() + account_.memory_bytes() + decoder_.memory_bytes();
  for (const Plan* plan : seen_plans_)
    bytes += plan->seen->bytes.memory_bytes() + plan->seen->distincts.size() * sizeof(Distinct);
  return bytes >= base::kMaxBatchBytes;
}

void RowBuilder::Clear() {
  batch_.Clear();
  account_.Clear();
  decoder_.Clear();
  for (Plan* plan : seen_plans_) plan->seen->Clear();
  for (auto& [column, lists] : lists_) lists.Clear();
  bulk_.items.clear();
  slots_.clear();
  noted_.clear();
  sum_ = {};
  context_number_ = 0;
  rows_at_last_look_ = 0;
  elements_in_batch_ = 0;
  others_dirty_ = dropped_dirty_ = groups_dirty_ = true;
}

}  // namespace dicomhouse::mapping
