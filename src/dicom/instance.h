// One instance's header in memory, and the reader that brings it there: Part 10 files with or without preamble and File Meta
// Information, every transfer syntax (PS3.10 §7, PS3.5 §10 and annex A). Only the top level is taken apart here; what is in
// sequences stays bytes until somebody wants it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "dicom/byte_source.h"
#include "dicom/cursor.h"
#include "dicom/window.h"

namespace dicomhouse::dicom {

// An element of the data set itself (or of the File Meta Information).
struct TopElement {
  uint32_t tag = 0;
  uint32_t start = 0;      // position of the header in the window
  uint32_t value = 0;      // position of the value
  uint32_t end = 0;        // position behind the value
  uint32_t length = 0;     // as declared
  Vr vr = Vr::kNone;       // as written; kNone in implicit VR
  bool left_out = false;   // the value is not in the window (pixel data, very large values)
  bool truncated = false;  // the bytes end inside
  bool fragments = false;
  bool implicit = false;
  uint32_t repeats = 0;  // elements of the same tag behind it that are not in the list (base::kMaxSameLines)
};

// Memory is reused from one instance to the next: keep an Instance for a worker's life.
class Instance {
 public:
  Window window;
  std::vector<TopElement> elements;  // ascending tags, group lengths left out
  std::vector<Problem> problems;
  Encoding encoding;             // of the data set; the File Meta Information is always explicit little endian
  uint64_t bytes_read = 0;       // from the source
  uint64_t data_set_offset = 0;  // in the source: behind preamble and File Meta Information
  bool ordered = true;           // tags ascended as they were read
  bool inflated = false;         // offsets then count bytes of the inflated data set

  Encoding EncodingOf(const TopElement& element) const {
    return element.tag >> 16 == 2 ? Encoding{!element.implicit, false} : encoding;
  }
  std::string_view Value(const TopElement& element) const {
    return {reinterpret_cast<const char*>(window.data()) + element.value, element.left_out ? 0 : element.end - element.value};
  }
  // Where the element's header is in the source. A gap in front of it, even right in front, counts.
  uint64_t OffsetOf(const TopElement& element) const {
    uint64_t offset = element.start;
    for (const Gap& gap : window.gaps()) offset += gap.position <= element.start ? gap.length : 0;
    return offset;
  }
  // The element, or null. Binary search.
  const TopElement* Find(uint32_t tag) const;
  // A UID's or code's text without padding; empty when there is none.
  std::string_view Text(uint32_t tag) const;
};

enum class ReadOutcome : uint8_t {
  kInstance,   // an instance, perhaps with problems
  kNotDicom,   // nothing that looks like DICOM
  kDirectory,  // a DICOMDIR (PS3.10 §8.6): a file of the medium, not an instance
  kFailed,     // DICOM by its looks, but not one element could be read; problems says why
};

class InstanceReader {
 public:
  // Reads the header from `source` into `instance`. The source is not needed afterwards. Never fails on any bytes;
  // what the system refused is a problem of kReadError, and window.error().
  ReadOutcome Read(ByteSource& source, Instance& instance);
  // Whether values that are left out are read all the same, for Window::DigestOf: it takes the time of reading whole files.
  void HashLeftOut(bool wanted) { hash_left_out_ = wanted; }

 private:
  bool FindStart(Instance& instance, uint32_t& position);
  void ReadMeta(Instance& instance, uint32_t& position);
  void ChooseEncoding(Instance& instance, uint32_t position);
  bool Inflate(ByteSource& source, Instance& instance, uint32_t position);
  void ReadDataSet(Instance& instance, uint32_t position);
  template <bool kExplicit>
  static uint32_t ReadPlainElements(Instance& instance, uint32_t position);
  static void SortElements(Instance& instance);
  static void CountRepeats(std::vector<TopElement>& elements);
  void KeepProblems(Instance& instance);

  Cursor cursor_;
  ProblemCounts problem_counts_;  // of the instance
  size_t first_read_bytes_ = 0;
  bool hash_left_out_ = false;
};

}  // namespace dicomhouse::dicom
