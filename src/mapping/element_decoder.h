// One top-level element, with all that is in it, into columns; and what became of each element inside.
//
// The result is a Distinct: it is computed once for bytes that were never seen before, and counts for every row that repeats
// them (mapping::RowBuilder). Nothing here is done per row.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dicom/dicom_json.h"
#include "dicom/instance.h"
#include "mapping/fate.h"
#include "mapping/plan.h"
#include "mapping/value_decoder.h"
#include "table/batch.h"

namespace dicomhouse::mapping {

// One line of the account, but for the instance that it belongs to.
struct Note {
  Reason reason = Reason::kReasons;
  dicom::Vr vr = dicom::Vr::kNone;
  uint64_t dropped = 0;    // elements that this line accounts for; 0 when they are kept
  bool described = false;  // profile lossless: named in BulkData, by place and length
  uint64_t length = 0;     // of the value, as declared; dicom::kUndefinedLength when the file does not say
  uint32_t header_bytes = 0;
  uint32_t value = 0;      // where the value is in the window, from the top-level element's header on
  uint32_t value_end = 0;  // behind it; 0 for sequences and for values that are not whole
  uint64_t offset = 0;     // in front of the element, from the top-level element's header on
  std::string path;        // "0008,1140[2].0008,1155": tags, items counted from 0
  std::string excerpt;     // of the value, as text
  uint64_t more = 0;       // of the same reason, behind this one, that have no line of their own
  // Keys in the account's columns, once they are known: a note is written for every row that repeats its value.
  mutable std::array<uint32_t, 4> account_keys = {table::kAbsent, table::kAbsent, table::kAbsent, table::kAbsent};
};

// Whether an element is a sequence: by its VR, its undefined length, the dictionary, or (private and unknown elements in
// implicit VR, and UN) because its value begins with an item.
bool LooksLikeSequence(uint32_t tag, dicom::Vr vr, bool undefined_length, std::string_view value, bool big_endian);

// Where a problem is: "0008,1140[2].0008,1155"; ends with the item when the problem is about no element.
std::string ProblemPath(const dicom::Problem& problem);

class ElementDecoder {
 public:
  // Adds columns to `batch`, which must outlive this.
  ElementDecoder(table::Batch& batch, Profile profile);

  Profile profile() const { return profile_; }
  Level& top() { return top_; }
  // The plan for an element of a level. `after`: the plan of the element before it, or null. The reference stays valid.
  Plan& PlanFor(Level& level, Plan* after, uint32_t tag, dicom::Vr vr, bool sequence, uint32_t creator);
  // A number for a private creator's text (padding removed); 0 for none.
  uint32_t CreatorNumber(std::string_view text);
  // The number of a creator for blocks behind its first one in a data set: these have no column of their own, since a column's
  // name has no block.
  uint32_t CreatorAgain(uint32_t creator);

  // The character set that a value of (0008,0005) names. Lives as long as this.
  const dicom::CharacterSet* SetFor(std::string_view value);

  // Requires: `plan` is the element's plan at the top level.
  Distinct Decode(Plan& plan, dicom::Instance& instance, const dicom::TopElement& element, const ValueContext& context);
  // An element that is dropped whatever its plan says.
  Distinct Drop(Plan& plan, dicom::Instance& instance, const dicom::TopElement& element, Reason reason);

  table::Column& other_column() { return *other_column_; }
  table::Column& dropped_column() { return *dropped_column_; }
  const Outcome& outcome(const Distinct& d) const { return outcomes_[d.outcome]; }
  std::span<const uint32_t> dropped_items(const Outcome& o) const {
    return {dropped_items_.data() + o.dropped_begin, o.dropped_end - o.dropped_begin};
  }
  std::span<const Note> notes(const Outcome& o) const { return {notes_.data() + o.notes_begin, o.notes_end - o.notes_begin}; }
  size_t memory_bytes() const {
    return notes_.size() * sizeof(Note) + dropped_items_.size() * 4 + outcomes_.size() * sizeof(Outcome);
  }

  // The batch has been emptied: forget what referred to it.
  void Clear();

 private:
  // Where a value goes: a column's new key, or an item of a sequence.
  struct Place {
    table::Column* column = nullptr;  // at the top
    uint32_t parent = 0;              // item in a sequence
    Level* level = nullptr;
  };
  // A sequence or an item on the way down.
  struct Frame {
    Level* level = nullptr;
    Plan* previous = nullptr;
    uint32_t tag = 0;                  // of the sequence
    uint32_t item = 0;                 // number in the sequence's node
    int64_t index = -1;                // number in this sequence, -1 between items
    Reason reason = Reason::kTooDeep;  // why all below is dropped, when level->dropping
    bool leaf = false;                 // something in it has a column
    bool json = false;                 // all in it is in OtherElements as JSON
    uint32_t again = 0;                // elements of this item whose tag stood before in it
    bool in_many = false;              // of too many of these to have a line for each
    ValueContext context;
    PrivateBlocks blocks;
  };

  void MakeNodes(Level& level, Plan& plan);
  void MakeTyped(Level& level, Plan& plan, std::string_view creator);
  void MakePlaces(Level& level, Plan& plan);
  void MakePersonName(Plan& plan);
  PairNodes MakePair(table::Node& record, std::string_view first, std::string_view second, table::Type type, table::Mode mode);
  PairNodes& OtherOf(Level& level);

  void Value(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place);
  void Text(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place);
  void Number(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place);
  void PersonNames(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place);
  void PersonName(const Plan& plan, std::string_view text, uint32_t item);
  void Other(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place, Reason reason);
  void Typed(Plan& plan, std::string_view bytes, uint64_t offset, const ValueContext& context, const Place& place);
  // An item of a level's OtherElements.
  uint32_t AddOther(const Place& place, uint32_t tag, std::span<const std::string_view> data);
  Distinct Finish(Plan& plan);
  // Makes the value present and returns the node whose slots take it.
  table::Node& Begin(Plan& plan, const Place& place);

  void Sequence(Plan& plan, dicom::Instance& instance, const dicom::TopElement& element, const ValueContext& context);
  void NestedElement(dicom::Cursor& cursor, dicom::Instance& instance);
  void LeaveSequence();
  void FindItemContexts(dicom::Instance& instance, const dicom::TopElement& element);
  void SetItemContext(ValueContext& context, uint32_t item, const dicom::Instance& instance);
  void EnterSequence(Plan& plan, dicom::Cursor& cursor, dicom::Instance& instance, const Place& place,
                     const ValueContext& context, bool again);
  bool KeepAsJson(Plan& plan, dicom::Cursor& cursor, dicom::Instance& instance, const Place& place, const ValueContext& context);
  std::string JsonBulkPath(const std::string& path) const;
  static bool IsThere(const Plan& plan, const Frame& frame);
  Frame& PushFrame();
  void CountDropped(Plan& plan, Reason reason, uint64_t offset, dicom::Vr vr, std::string_view excerpt);
  void CountRepeats(dicom::Vr vr, uint32_t tag, uint32_t repeats);
  // The new line, or the last one of the reason if there may be no more.
  Note& AddNote(Reason reason, dicom::Vr vr, uint64_t offset, uint32_t tag, std::string_view excerpt);
  std::string PathPrefix() const;
  std::string PathText(uint32_t tag) const;
  std::string PathName(uint32_t tag) const;
  std::string Excerpt(dicom::Vr vr, std::string_view bytes, const ValueContext& context);

  table::Batch* batch_;
  Profile profile_;
  Level top_;
  Level dropping_;  // of sequences whose tag stood before in the same item
  table::Column* other_column_;
  table::Column* dropped_column_;
  table::Node* dropped_name_;
  ValueDecoder values_;
  std::vector<int64_t> numbers_;
  std::vector<Frame> frames_;
  // Elements that the meaning of a whole item depends on. Items count from 0 in the order of the walk, at every depth.
  struct ItemContext {
    uint32_t item;
    uint32_t tag;
    uint32_t value;  // position in the window
    uint32_t end;
  };
  std::vector<ItemContext> item_contexts_;  // by item, then as they stand in it
  std::vector<uint32_t> open_items_;
  size_t depth_ = 0;  // frames in use
  Distinct result_;
  Outcome outcome_;       // of result_
  bool in_many_ = false;  // as Frame says
  // Of the element that is being decoded, by reason: how many lines it has, and the last one.
  std::array<uint32_t, static_cast<size_t>(Reason::kReasons)> lines_{};
  std::array<size_t, static_cast<size_t>(Reason::kReasons)> last_lines_{};
  uint64_t length_ = 0;        // declared, of the element that is being decoded
  uint32_t header_bytes_ = 0;  // of it
  uint32_t value_ = 0;         // where its value is in the window, from the top-level element's header on
  uint32_t value_end_ = 0;     // 0 for sequences and what is not whole
  uint64_t offset_base_ = 0;   // of the top-level element that is being decoded
  uint32_t top_start_ = 0;     // where it is in the window
  // Profile lossless: sequences below the levels of a table.
  bool json_ = false;                          // what is being decoded is in OtherElements as JSON
  std::unordered_set<std::string> json_bulk_;  // paths of the values that the JSON only names
  std::unique_ptr<dicom::DicomJsonWriter> json_writer_;
  std::vector<std::string> json_items_;
  std::vector<std::string_view> json_views_;
  std::vector<Outcome> outcomes_;
  std::vector<Note> notes_;
  std::vector<uint32_t> dropped_items_;
  uint64_t decoded_ = 0;              // how many elements have been
  std::vector<uint64_t> dropped_in_;  // by item of dropped_column_: the last of these that has it
  std::unordered_map<std::string, uint32_t> dropped_by_name_;
  std::unordered_map<std::string, uint32_t> creators_;
  struct Creator {
    std::string text;
    uint32_t again = 0;  // CreatorAgain, once it is known
    bool typed = true;   // may have columns of its own
  };
  std::vector<Creator> creator_list_{1};  // by number
  std::unordered_map<std::string, std::unique_ptr<dicom::CharacterSet>> sets_;
};

}  // namespace dicomhouse::mapping
