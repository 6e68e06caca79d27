// The DICOM JSON Model (PS3.18 annex F): the elements of an instance as JSON text. No recursion; text is valid UTF-8.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dicom/instance.h"
#include "dicom/text.h"

namespace dicomhouse::dicom {

struct DicomJsonOptions {
  // The BulkDataURI of a value that is left out, or is a bulk value of more than `inline_bytes`. `path`: tags and item numbers
  // (from 1) from the top down, "7FE00010" or "00081140/2/00081155". Not set: such elements are left out, as without a value they
  // would look empty.
  std::function<std::string(const std::string& path)> bulk_uri;
  uint32_t inline_bytes = 1024;
  bool file_meta = false;  // group 0002 too
};

// A sequence at any depth, as a Cursor stands on it, and what the text in it means.
struct SequencePlace {
  uint32_t start = 0;                 // of its header, in the window
  uint64_t offset = 0;                // of its header, in the source
  uint64_t end_offset = kNoEnd;       // of what contains it, in the source
  Encoding encoding;                  // of what contains it
  const CharacterSet* set = nullptr;  // not null
  bool signed_pixels = false;         // Pixel Representation (0028,0103)
};

// Made for many instances by one thread: memory is kept.
class DicomJsonWriter {
 public:
  explicit DicomJsonWriter(DicomJsonOptions options = {});
  ~DicomJsonWriter();

  // The whole data set as one object: {"00080005":{"vr":"CS","Value":["ISO_IR 192"]},...}
  void AppendDataSet(Instance& instance, std::string& out);
  // Some top-level elements as members without braces, comma-separated, in ascending order: those of `tags` that are there.
  // Returns whether any was written.
  bool AppendElements(Instance& instance, std::span<const uint32_t> tags, std::string& out);
  // The items of a sequence, an object each; paths for bulk_uri begin with the sequence. False: of what is in it, more is missing
  // than what bulk_uri has been called for (bytes without a meaning, a tag twice in an item, a broken structure), or it takes
  // more than `max_bytes` of text. `items` then has no meaning.
  bool WriteItems(Instance& instance, const SequencePlace& place, size_t max_bytes, std::vector<std::string>& items);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dicomhouse::dicom
