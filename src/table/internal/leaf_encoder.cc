#include "table/internal/leaf_encoder.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

#include "table/internal/thrift.h"

namespace dicomhouse::table::internal {
namespace {

// Level 1: of the levels tried the best ratio of time to size for pages that are mostly runs (docs/performance.md).
constexpr int kZstdLevel = 1;
// A page ends at a row boundary behind this many entries or bytes.
constexpr int64_t kPageEntries = 1 << 20;
constexpr size_t kPageBytes = 1 << 20;
// A dictionary pays from this many references to a value on: with fewer, zstd does better with the plain values than with
// indices, which it can't compress. (Of 2 to 5, parts of alike instances were the same and those of unlike ones smaller with
// each.)
constexpr uint64_t kReferencesOfWorth = 4;
// Bounds of longer texts are not kept.
constexpr size_t kMaxBoundBytes = 64;

int BitWidth(uint32_t largest) { return static_cast<int>(std::bit_width(largest)); }

template <typename T>
std::string Bytes(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string SerializeNumber(Type type, int64_t number) {
  return type == Type::kDate ? Bytes(static_cast<int32_t>(number)) : Bytes(number);
}

// Microseconds since midnight as HH:MM:SS, with .ffffff when there is a fraction: as BigQuery prints a TIME.
std::string TimeText(int64_t microseconds) {
  std::string text = "00:00:00.000000";
  const auto digits = [&text](size_t at, int count, int64_t value) {
    for (int i = count - 1; i >= 0; --i, value /= 10) text[at + static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
  };
  const int64_t seconds = microseconds / 1000000;
  digits(0, 2, seconds / 3600);
  digits(3, 2, seconds / 60 % 60);
  digits(6, 2, seconds % 60);
  digits(9, 6, microseconds % 1000000);
  if (microseconds % 1000000 == 0) text.resize(8);
  return text;
}

void AppendLength(std::string& out, size_t length) { out += Bytes(static_cast<uint32_t>(length)); }

}  // namespace

LeafEncoder::LeafEncoder(bool times_as_text) : times_as_text_(times_as_text), zstd_(ZSTD_createCCtx()) {}
LeafEncoder::~LeafEncoder() { ZSTD_freeCCtx(zstd_); }

Chunk LeafEncoder::Encode(const LeafPath& leaf, int64_t base, std::string& out) {
  Chunk chunk;
  chunk_ = &chunk;
  values_ = &leaf.chain.back()->values;
  out_ = &out;
  base_ = base;
  const Node& node = *leaf.chain.back();
  chunk.type = times_as_text_ && node.type() == Type::kTime ? Type::kString : node.type();
  definition_before_.clear();
  repetition_before_.clear();
  int definition = 0;
  int repetition = 0;
  for (const Node* step : leaf.chain) {
    definition_before_.push_back(definition);
    repetition_before_.push_back(repetition);
    definition += step->repeated() ? 3 : 1;
    repetition += step->repeated() ? 1 : 0;
  }
  hint_.assign(leaf.chain.size(), 0);
  ChooseEncoding(leaf);
  if (use_dictionary_) {
    body_.clear();
    for (uint32_t i = 0; i < node.values.size(); ++i) AppendPlain(node.values, i, body_);
    chunk.dictionary_offset = base + static_cast<int64_t>(out.size());
    WritePage(true, body_, node.values.size());
  }
  chunk.data_offset = base + static_cast<int64_t>(out.size());
  repetition_.Start(BitWidth(static_cast<uint32_t>(leaf.max_repetition)));
  definition_.Start(BitWidth(static_cast<uint32_t>(leaf.max_definition)));
  EncodeRuns(leaf);
  FlushPage(leaf);
  FindBounds(node.values, chunk);
  return chunk;
}

// How often the rows refer to the leaf's values. Exact for flat columns; below that as if all occurrences had the same number.
uint64_t LeafEncoder::References(const LeafPath& leaf) {
  const Column& column = *leaf.column;
  const Node& node = *leaf.chain.back();
  const bool flat = leaf.chain.size() == 1 && !node.repeated();
  // What the rows refer to directly: distinct values, or a gathered column's items, which each of its lists names anew.
  uint64_t references = 0;
  for (const Column::Run& run : column.runs()) {
    if (run.key != kAbsent) references += column.gathered() ? column.ItemsOf(run.key).size() * run.count : run.count;
  }
  const uint64_t held = column.gathered() ? column.node.slots : column.keys();
  if (flat || held == 0) return references;
  return std::max<uint64_t>(node.value.size(), node.value.size() * references / held);
}

void LeafEncoder::ChooseEncoding(const LeafPath& leaf) {
  const Node& node = *leaf.chain.back();
  const uint64_t distinct = node.values.size();
  const uint64_t references = References(leaf);
  use_dictionary_ = node.type() != Type::kBoolean && distinct > 0 && distinct * kReferencesOfWorth <= references + 1;
  index_width_ = use_dictionary_ ? std::max(1, BitWidth(static_cast<uint32_t>(distinct - 1))) : 0;
  indices_.Start(index_width_);
  plain_.clear();
  page_entries_ = 0;
}

void LeafEncoder::EncodeRuns(const LeafPath& leaf) {
  const Node& top = *leaf.chain.front();
  const bool flat = leaf.chain.size() == 1 && !top.repeated();
  uint32_t entries_key = kAbsent;
  for (const Column::Run& run : leaf.column->runs()) {
    if (run.key == kAbsent) {
      AddEntry({0, 0, kAbsent}, run.count);
    } else if (flat) {
      AddEntry({0, top.value[run.key] == kAbsent ? 0U : 1U, top.value[run.key]}, run.count);
    } else {
      if (run.key != entries_key) {
        entries_.clear();
        EntriesOfKey(leaf, run.key);
        entries_key = run.key;
      }
      if (entries_.size() == 1) {
        AddEntry(entries_.front(), run.count);
      } else {
        for (uint32_t row = 0; row < run.count; ++row) {
          for (const Entry& entry : entries_) AddEntry(entry, 1);
          if (page_entries_ >= kPageEntries) FlushPage(leaf);
        }
      }
    }
    if (page_entries_ >= kPageEntries || plain_.size() >= kPageBytes) FlushPage(leaf);
  }
}

void LeafEncoder::EntriesOfKey(const LeafPath& leaf, uint32_t key) {
  if (!leaf.column->gathered()) {
    EntriesOfOccurrence(leaf, 0, key, 0);
    return;
  }
  const auto items = leaf.column->ItemsOf(key);
  if (items.empty()) entries_.push_back({0, 1, kAbsent});
  uint32_t repetition = 0;
  for (const uint32_t item : items) {
    EntriesOfItem(leaf, 1, item, repetition);
    repetition = 1;
  }
}

// Recursion goes as deep as the schema, which is bounded (base::kMaxColumnDepth).
void LeafEncoder::EntriesOfOccurrence(const LeafPath& leaf, size_t depth, size_t occurrence,
                                      uint32_t repetition) {  // NOLINT(misc-no-recursion)
  const Node& node = *leaf.chain[depth];
  const bool is_leaf = depth + 1 == leaf.chain.size();
  const auto before = static_cast<uint32_t>(definition_before_[depth]);
  if (!node.repeated()) {
    const auto slot = static_cast<uint32_t>(occurrence);
    if (!is_leaf) {
      EntriesOfItem(leaf, depth + 1, slot, repetition);
    } else {
      const uint32_t value = node.value[slot];
      entries_.push_back({repetition, value == kAbsent ? before : before + 1, value});
    }
    return;
  }
  const uint32_t begin = node.start[occurrence];
  const uint32_t end = occurrence + 1 < node.start.size() ? node.start[occurrence + 1] : node.slots;
  if (begin == end) entries_.push_back({repetition, before + 1, kAbsent});
  for (uint32_t slot = begin; slot < end; ++slot) {
    const uint32_t level = slot == begin ? repetition : static_cast<uint32_t>(repetition_before_[depth] + 1);
    if (!is_leaf) {
      EntriesOfItem(leaf, depth + 1, slot, level);
    } else {
      const uint32_t value = node.value[slot];
      entries_.push_back({level, value == kAbsent ? before + 2 : before + 3, value});
    }
  }
}

void LeafEncoder::EntriesOfItem(const LeafPath& leaf, size_t depth, uint32_t item,
                                uint32_t repetition) {  // NOLINT(misc-no-recursion)
  const Node& node = *leaf.chain[depth];
  const auto& at = node.at;
  size_t& hint = hint_[depth];
  // Items mostly come one after the other, and often every item has the child.
  if (item < at.size() && at[item] == item) {
    hint = item;
  } else if (hint + 1 < at.size() && at[hint + 1] == item) {
    ++hint;
  } else {
    hint = static_cast<size_t>(std::lower_bound(at.begin(), at.end(), item) - at.begin());
    if (hint == at.size() || at[hint] != item) {
      if (hint > 0) --hint;
      entries_.push_back({repetition, static_cast<uint32_t>(definition_before_[depth]), kAbsent});
      return;
    }
  }
  EntriesOfOccurrence(leaf, depth, hint, repetition);
}

void LeafEncoder::AddEntry(const Entry& entry, uint64_t count) {
  repetition_.Add(entry.repetition, count);
  definition_.Add(entry.definition, count);
  page_entries_ += static_cast<int64_t>(count);
  if (entry.value == kAbsent) {
    chunk_->nulls += static_cast<int64_t>(count);
  } else if (use_dictionary_) {
    indices_.Add(entry.value, count);
  } else {
    for (uint64_t i = 0; i < count; ++i) AppendPlain(*values_, entry.value, plain_);
  }
}

void LeafEncoder::AppendPlain(const Values& values, uint32_t index, std::string& out) const {
  if (values.is_text()) {
    const std::string_view text = values.text(index);
    AppendLength(out, text.size());
    out.append(text);
  } else if (times_as_text_ && values.type() == Type::kTime) {
    const std::string text = TimeText(values.number(index));
    AppendLength(out, text.size());
    out += text;
  } else if (values.type() == Type::kDate) {
    out += Bytes(static_cast<int32_t>(values.number(index)));
  } else {
    out += Bytes(values.number(index));
  }
}

void LeafEncoder::FlushPage(const LeafPath& leaf) {
  if (page_entries_ == 0) return;
  body_.clear();
  if (leaf.max_repetition > 0) {
    const std::string& levels = repetition_.Finish();
    AppendLength(body_, levels.size());
    body_ += levels;
  }
  const std::string& levels = definition_.Finish();
  AppendLength(body_, levels.size());
  body_ += levels;
  if (use_dictionary_) {
    body_ += static_cast<char>(index_width_);
    body_ += indices_.Finish();
  } else {
    body_ += plain_;
  }
  WritePage(false, body_, page_entries_);
  chunk_->entries += page_entries_;
  repetition_.Start(BitWidth(static_cast<uint32_t>(leaf.max_repetition)));
  definition_.Start(BitWidth(static_cast<uint32_t>(leaf.max_definition)));
  indices_.Start(index_width_);
  plain_.clear();
  page_entries_ = 0;
}

// parquet.thrift: PageHeader, DataPageHeader, DictionaryPageHeader. Encodings: 0 PLAIN, 3 RLE, 8 RLE_DICTIONARY.
void LeafEncoder::WritePage(bool dictionary, const std::string& body, int64_t values) {
  compressed_.resize(ZSTD_compressBound(body.size()));
  const size_t size = ZSTD_compressCCtx(zstd_, compressed_.data(), compressed_.size(), body.data(), body.size(), kZstdLevel);
  assert(!ZSTD_isError(size));
  ThriftWriter header;
  header.I32(1, dictionary ? 2 : 0);
  header.I32(2, static_cast<int32_t>(body.size()));
  header.I32(3, static_cast<int32_t>(size));
  header.BeginStruct(dictionary ? 7 : 5);
  header.I32(1, static_cast<int32_t>(values));
  header.I32(2, dictionary ? 0 : use_dictionary_ ? 8 : 0);
  if (!dictionary) {
    header.I32(3, 3);
    header.I32(4, 3);
  }
  header.EndStruct();
  header.Finish();
  out_->append(header.bytes());
  out_->append(compressed_, 0, size);
  chunk_->uncompressed_bytes += static_cast<int64_t>(header.bytes().size() + body.size());
  chunk_->compressed_bytes += static_cast<int64_t>(header.bytes().size() + size);
}

void LeafEncoder::FindBounds(const Values& values, Chunk& chunk) const {
  if (values.size() == 0 || values.type() == Type::kBoolean) return;
  if (values.is_text()) {
    std::string_view lower = values.text(0);
    std::string_view upper = lower;
    for (uint32_t i = 1; i < values.size(); ++i) {
      lower = std::min(lower, values.text(i));
      upper = std::max(upper, values.text(i));
    }
    if (lower.size() > kMaxBoundBytes || upper.size() > kMaxBoundBytes) return;
    chunk.lower = std::string(lower);
    chunk.upper = std::string(upper);
    return;
  }
  if (values.type() == Type::kFloat) {
    double lower = std::bit_cast<double>(values.number(0));
    double upper = lower;
    for (uint32_t i = 0; i < values.size(); ++i) {
      const double value = std::bit_cast<double>(values.number(i));
      if (std::isnan(value)) return;
      lower = std::min(lower, value);
      upper = std::max(upper, value);
    }
    // Parquet: zero bounds are written as -0.0 and +0.0.
    chunk.lower = Bytes(lower == 0 ? -0.0 : lower);
    chunk.upper = Bytes(upper == 0 ? 0.0 : upper);
    return;
  }
  int64_t lower = values.number(0);
  int64_t upper = lower;
  for (uint32_t i = 1; i < values.size(); ++i) {
    lower = std::min(lower, values.number(i));
    upper = std::max(upper, values.number(i));
  }
  // Times as text sort as the times do.
  const bool text = times_as_text_ && values.type() == Type::kTime;
  chunk.lower = text ? TimeText(lower) : SerializeNumber(values.type(), lower);
  chunk.upper = text ? TimeText(upper) : SerializeNumber(values.type(), upper);
}

}  // namespace dicomhouse::table::internal
