// A data set element by element, for people who look for what is wrong in a file: byte offsets, what is written there, what it
// means.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dicom/instance.h"

namespace dicomhouse::cli {

// One thing that stands in the file.
struct DumpedElement {
  enum class Kind : uint8_t { kElement, kItem, kItemEnd, kSequenceEnd, kRepeats };
  Kind kind = Kind::kElement;
  uint64_t offset = 0;  // of the header, in bytes of the file
  int depth = 0;        // sequences and items around it
  uint32_t tag = 0;
  std::string vr;       // as written, or the dictionary's where the file has none
  uint32_t length = 0;  // as declared; dicom::kUndefinedLength
  bool sequence = false;
  bool is_text = false;             // values are text: shown in brackets
  bool left_out = false;            // a large value that was not read
  uint64_t bytes = 0;               // of the value, in the file
  uint64_t repeats = 0;             // of kRepeats: elements with the tag of the one before that are not shown
  std::vector<std::string> values;  // UTF-8; of a byte stream: one, in hexadecimal
  std::string keyword;              // or the name in a private dictionary; "" when unknown
  std::string creator;              // of a private element
};

struct DumpOptions {
  size_t max_bytes = 64;  // of a byte stream that are put into `values`
};

using DumpSink = std::function<void(const DumpedElement&)>;

// Walks what InstanceReader::Read has brought into `instance` from the first element of the file to the last, group lengths
// included, without recursion. `directory`: Read said that it is a DICOMDIR; its data set is then still to be read, from the same
// source, which must be alive. Returns what is wrong, in the order of the file.
std::vector<dicom::Problem> Dump(dicom::Instance& instance, bool directory, const DumpOptions& options, const DumpSink& sink);

}  // namespace dicomhouse::cli
