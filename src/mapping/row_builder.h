// Instances to rows: the hot path. What an instance has in common with the one before it is compared, not decoded.
//
// The builder keeps the bytes of the last instance. Element by element, equal bytes (in an equal context: character set, time
// zone, pixel representation, encoding, private creators) mean that the column's run simply goes on: nothing is touched.
// Different bytes are looked up among all that the batch has seen at this path; only bytes never seen are decoded
// (ElementDecoder). So an instance costs what is new in it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dicom/instance.h"
#include "mapping/element_decoder.h"
#include "mapping/fate.h"
#include "table/batch.h"

namespace dicomhouse::mapping {

// Columns beside DICOM's, off or on (--columns). SourcePath is on for exports of folders.
struct ExtraColumns {
  bool source_path = false;
  bool source_size = false;
  bool source_modified = false;
  bool source_sha256 = false;
  bool dicom_offset = false;
};

struct Options {
  Profile profile = Profile::kGoogle;
  ExtraColumns extra;
  // BulkData has the SHA-256 of each value (profile lossless). Instances must be read so (InstanceReader::HashLeftOut).
  bool bulk_sha256 = false;
};

// Where an instance came from.
struct SourceInfo {
  std::string_view path;  // in the tables a byte that is not UTF-8 stands as \xHH
  uint64_t size_bytes = 0;
  int64_t modified_us = 0;
  std::string_view sha256{};  // hexadecimal digits; empty when it is not known
};

// What became of the elements of one row, or of many.
struct RowTotals {
  ElementCounts counts;
  std::array<uint64_t, kDroppedReasonCount> dropped{};
  uint64_t failed_balance = 0;  // rows whose account does not balance: a bug, which the export reports

  RowTotals& operator+=(const RowTotals& o);
  RowTotals& operator-=(const RowTotals& o);
};

class RowBuilder {
 public:
  explicit RowBuilder(const Options& options);
  RowBuilder(const RowBuilder&) = delete;
  RowBuilder& operator=(const RowBuilder&) = delete;

  // Fills the next row from `instance`, whose memory is exchanged for the last one's: its content is gone afterwards.
  // `commit`: false leaves no row, only the columns that the instance would have (a duplicate adds to the schema).
  void Add(dicom::Instance& instance, const SourceInfo& source, bool commit);
  // A line of the account that belongs to no row: a file that could not be read, a duplicate.
  void AddFileNote(std::string_view path, std::string_view sop_instance_uid, Reason reason, uint64_t offset,
                   std::string_view text);

  // The columns that name an instance, which any table has whose instances have a name: for one without instances.
  void AddNameColumns();

  // Totals of the last row that was committed.
  const RowTotals& row_totals() const { return row_; }

  table::Batch& batch() { return batch_; }
  table::Batch& account() { return account_; }
  // Whether the batch should be written now.
  bool full();
  // After the batches have been written: forgets their rows, keeps the columns.
  void Clear();

 private:
  // An element of the last instance. Slots and Instance::elements have the same indices.
  struct Slot {
    uint32_t tag = 0;
    uint32_t start = 0;
    uint32_t end = 0;
    Distinct value;
    Plan* plan = nullptr;
    bool comparable = true;  // equal bytes mean the same
    bool places = true;      // sets the plan's column
    bool noted = false;      // has lines in the account
  };

  void Fill(dicom::Instance& instance);
  uint32_t ContextOf(dicom::Instance& instance);
  bool Unchanged(const dicom::Instance& instance, const dicom::TopElement& element, const Slot& before) const;
  void Element(dicom::Instance& instance, const dicom::TopElement& element, const Slot* before);
  void Duplicate(dicom::Instance& instance, const dicom::TopElement& element);
  Distinct DistinctOf(Plan& plan, dicom::Instance& instance, const dicom::TopElement& element, uint32_t creator);
  uint32_t CreatorOf(const dicom::Instance& instance, uint32_t tag);
  Seen& SeenOf(Plan& plan);
  void Leave(const Slot& slot, const table::Column* unless);
  Slot& NextSlot(const dicom::TopElement& element, Plan& plan, const Distinct& value);
  void Take(Slot& slot);
  void SetList(table::Column& column);
  void NoteGathered(const Distinct& distinct);
  void SetTyped();
  void SetOthers();
  void SetDropped();
  void SetGroups();
  void SetBulk(const dicom::Instance& instance);
  uint32_t BulkItem(const Note& note, uint64_t offset, const std::string& sha256);
  void SetExtra(const dicom::Instance& instance, const SourceInfo& source);
  void WriteNotes(const dicom::Instance& instance, const SourceInfo& source);
  bool IsNoted(const dicom::Instance& instance, const Note& wanted, uint64_t offset) const;
  void AccountRow(uint32_t path_key, uint32_t uid_key, const Note& note, uint64_t offset);

  Options options_;
  table::Batch batch_;
  uint32_t rows_at_last_look_ = 0;
  table::Batch account_;
  ElementDecoder decoder_;
  dicom::Instance last_;
  std::vector<Slot> slots_;  // of the last instance
  std::vector<Slot> next_slots_;
  std::vector<uint32_t> noted_;    // slots with lines for the account
  std::vector<Plan*> seen_plans_;  // all with a Seen
  uint32_t context_number_ = 0;    // of the last instance; 0: nothing may be compared
  bool comparable_ = false;        // this instance has the last one's context
  std::unordered_map<std::string, uint32_t> contexts_;
  std::string context_key_;
  ValueContext context_;
  uint32_t dirty_private_group_ = 0;  // a private creator of this group is not as before
  RowTotals row_;
  ElementCounts sum_;  // of slots_
  uint64_t elements_in_batch_ = 0;
  // Gathered columns whose list is not that of the row before.
  bool others_dirty_ = true;
  bool typed_dirty_ = false;
  bool dropped_dirty_ = true;
  bool groups_dirty_ = false;
  std::vector<table::Column*> group_columns_;
  std::unordered_map<table::Column*, table::Values> lists_;  // the lists of items that gathered columns have seen
  std::vector<uint32_t> items_;
  struct AccountColumns {
    table::Column* path;
    table::Column* uid;
    table::Column* tag_path;
    table::Column* vr;
    table::Column* offset;
    table::Column* reason;
    table::Column* excerpt;
  } account_columns_;
  // BulkData (profile lossless): where in the source the values are that have no column.
  struct Bulk {
    table::Column* column = nullptr;
    table::Node* tag = nullptr;
    table::Node* vr = nullptr;
    table::Node* length = nullptr;
    table::Node* offset = nullptr;
    table::Node* sha256 = nullptr;  // if wanted
    std::unordered_map<std::string, uint32_t> items;
  } bulk_;
  struct Extras {
    table::Column* path = nullptr;
    table::Column* size = nullptr;
    table::Column* modified = nullptr;
    table::Column* sha256 = nullptr;
    table::Column* offset = nullptr;
  } extras_;
};

}  // namespace dicomhouse::mapping
