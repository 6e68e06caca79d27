// The pages of one leaf column: levels and values from a Batch's runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "table/batch.h"
#include "table/internal/rle.h"

struct ZSTD_CCtx_s;

namespace dicomhouse::table::internal {

// A leaf and the way to it. chain[0] is the column's node, chain.back() the leaf.
struct LeafPath {
  const Column* column = nullptr;
  std::vector<const Node*> chain;
  int max_definition = 0;
  int max_repetition = 0;
};

// What was written of a leaf.
struct Chunk {
  std::vector<std::string> names;  // path in the Parquet schema, "list" and "element" included
  Type type = Type::kString;
  int64_t entries = 0;
  int64_t nulls = 0;
  int64_t uncompressed_bytes = 0;
  int64_t compressed_bytes = 0;
  int64_t dictionary_offset = -1;  // -1: none
  int64_t data_offset = 0;
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

// Reused for all leaves of a part, and for all parts of a worker.
class LeafEncoder {
 public:
  explicit LeafEncoder(bool times_as_text);
  ~LeafEncoder();
  LeafEncoder(const LeafEncoder&) = delete;
  LeafEncoder& operator=(const LeafEncoder&) = delete;

  // Appends the leaf's pages to `out`, whose first byte lies at `base` in the file.
  Chunk Encode(const LeafPath& leaf, int64_t base, std::string& out);

 private:
  struct Entry {
    uint32_t repetition;
    uint32_t definition;
    uint32_t value;  // index, or kAbsent
  };

  static uint64_t References(const LeafPath& leaf);
  void ChooseEncoding(const LeafPath& leaf);
  void EncodeRuns(const LeafPath& leaf);
  void EntriesOfKey(const LeafPath& leaf, uint32_t key);
  void EntriesOfOccurrence(const LeafPath& leaf, size_t depth, size_t occurrence, uint32_t repetition);
  void EntriesOfItem(const LeafPath& leaf, size_t depth, uint32_t item, uint32_t repetition);
  void AddEntry(const Entry& entry, uint64_t count);
  void AppendPlain(const Values& values, uint32_t index, std::string& out) const;
  void FlushPage(const LeafPath& leaf);
  void WritePage(bool dictionary, const std::string& body, int64_t values);
  void FindBounds(const Values& values, Chunk& chunk) const;

  bool times_as_text_;
  ZSTD_CCtx_s* zstd_;
  RleEncoder repetition_;
  RleEncoder definition_;
  RleEncoder indices_;
  std::string plain_;
  std::string body_;
  std::string compressed_;
  std::vector<Entry> entries_;
  std::vector<int> definition_before_;  // by depth: the level of the parent being there
  std::vector<int> repetition_before_;
  std::vector<size_t> hint_;  // by depth: the last occurrence found
  bool use_dictionary_ = false;
  int index_width_ = 0;
  int64_t page_entries_ = 0;
  int64_t base_ = 0;
  std::string* out_ = nullptr;
  Chunk* chunk_ = nullptr;
  const Values* values_ = nullptr;
};

}  // namespace dicomhouse::table::internal
