#include "dicom/frames.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/limits.h"
#include "dicom/dictionary.h"
#include "dicom/inflate.h"
#include "dicom/value.h"

namespace dicomhouse::dicom {
namespace {

using base::Error;
using base::ErrorCode;

constexpr uint32_t kSamplesTag = 0x00280002;
constexpr uint32_t kPhotometricTag = 0x00280004;
constexpr uint32_t kFramesTag = 0x00280008;
constexpr uint32_t kRowsTag = 0x00280010;
constexpr uint32_t kColumnsTag = 0x00280011;
constexpr uint32_t kBitsAllocatedTag = 0x00280100;
constexpr uint32_t kExtendedOffsetsTag = 0x7FE00001;
constexpr uint32_t kExtendedLengthsTag = 0x7FE00002;
constexpr uint32_t kFloatPixelsTag = 0x7FE00008;
constexpr uint32_t kDoublePixelsTag = 0x7FE00009;
constexpr uint32_t kItemHeaderBytes = 8;

Error Corrupt(std::string what) { return {ErrorCode::kCorrupt, "pixel data: " + std::move(what)}; }
const uint8_t* Raw(std::string_view bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

// The File Meta Information of a deflated instance, then what its data set inflates to.
class InflatedValues final : public ByteSource {
 public:
  InflatedValues(ByteSource& source, uint64_t meta_bytes)
      : source_(&source), meta_bytes_(meta_bytes), inflated_(source, meta_bytes) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    if (offset >= meta_bytes_) return inflated_.ReadAt(offset - meta_bytes_, out);
    return source_->ReadAt(offset, out.first(std::min<size_t>(out.size(), static_cast<size_t>(meta_bytes_ - offset))));
  }

 private:
  ByteSource* source_;
  uint64_t meta_bytes_;
  InflateSource inflated_;
};

// Hands the source on; the caller keeps it.
class SameValues final : public ByteSource {
 public:
  explicit SameValues(ByteSource& source) : source_(&source) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override { return source_->ReadAt(offset, out); }

 private:
  ByteSource* source_;
};

base::Status ReadFully(ByteSource& source, uint64_t offset, std::span<uint8_t> out) {
  while (!out.empty()) {
    DH_ASSIGN(const size_t count, source.ReadAt(offset, out));
    if (count == 0) return Error{ErrorCode::kCorrupt, "the instance ends inside a value, at byte " + std::to_string(offset)};
    offset += count;
    out = out.subspan(count);
  }
  return {};
}

std::optional<uint64_t> Number(const Instance& instance, uint32_t tag) {
  const TopElement* element = instance.Find(tag);
  if (element == nullptr || element->truncated || element->left_out || element->end - element->value < 2) return std::nullopt;
  return LoadU16(Raw(instance.Value(*element)), instance.encoding.big_endian);
}

// A product that must stay within 62 bits: sizes of files do.
std::optional<uint64_t> Product(std::initializer_list<uint64_t> factors) {
  uint64_t product = 1;
  for (const uint64_t factor : factors) {
    if (factor != 0 && product > (uint64_t{1} << 62) / factor) return std::nullopt;
    product *= factor;
  }
  return product;
}

const TopElement* PixelElement(const Instance& instance) {
  for (const uint32_t tag : {kPixelDataTag, kFloatPixelsTag, kDoublePixelsTag}) {
    if (const TopElement* element = instance.Find(tag)) return element;
  }
  return nullptr;
}

// Bytes of the words that a value of a big-endian data set consists of; 1 in little endian.
uint32_t WordOf(uint32_t tag, Vr vr, bool big_endian) {
  if (!big_endian || vr == Vr::kUN) return 1;
  if (vr == Vr::kNone) {
    const ElementEntry* entry = FindElement(tag);
    vr = entry != nullptr ? entry->vr : Vr::kUN;
  }
  return std::max<uint32_t>(1, vr == Vr::kAT ? 2 : ValueSize(vr));
}

uint64_t ValueOffset(const Instance& instance, const TopElement& element) {
  return instance.OffsetOf(element) + (element.value - element.start);
}

// One step of a path: a tag, or an item's number.
std::optional<uint32_t> TakeStep(std::string_view& path, int base) {
  const size_t end = std::min(path.find('/'), path.size());
  const std::string_view text = path.substr(0, end);
  uint32_t number = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || code != std::errc() || stop != text.data() + text.size() || (base == 16 && text.size() != 8))
    return std::nullopt;
  path.remove_prefix(std::min(end + 1, path.size()));
  return number;
}

// The bytes of a frame of single bits that does not begin at a byte (PS3.5 §8.1.1: frames are not padded to bytes).
base::Status CopyBits(ByteSource& source, uint64_t offset, uint64_t first_bit, uint64_t bits, const ByteSink& sink) {
  std::string block(static_cast<size_t>((first_bit % 8 + bits + 7) / 8), '\0');
  DH_CHECK(ReadFully(source, offset + first_bit / 8, {reinterpret_cast<uint8_t*>(block.data()), block.size()}));
  const unsigned shift = first_bit % 8;
  const size_t size = static_cast<size_t>((bits + 7) / 8);
  for (size_t i = 0; i < size; ++i) {  // bits count from the least significant one of each byte
    const unsigned low = static_cast<uint8_t>(block[i]);
    const unsigned high = i + 1 < block.size() ? static_cast<uint8_t>(block[i + 1]) : 0U;
    block[i] = static_cast<char>((low | high << 8) >> shift);
  }
  block.resize(size);
  if (bits % 8 != 0) block.back() = static_cast<char>(static_cast<uint8_t>(block.back()) & ((1U << bits % 8) - 1));
  return sink(block);
}

}  // namespace

std::unique_ptr<ByteSource> OpenValues(ByteSource& source, const Instance& instance) {
  if (!instance.inflated) return std::make_unique<SameValues>(source);
  uint64_t meta_bytes = 0;
  for (const TopElement& element : instance.elements) {
    if (element.tag >> 16 == 2) meta_bytes = std::max<uint64_t>(meta_bytes, element.end);
  }
  return std::make_unique<InflatedValues>(source, meta_bytes);
}

base::Status CopySpans(ByteSource& source, std::span<const ByteSpan> spans, uint32_t swap, const ByteSink& sink) {
  uint64_t longest = 0;
  for (const ByteSpan& span : spans) longest = std::max(longest, span.length);
  std::vector<uint8_t> block(static_cast<size_t>(std::min<uint64_t>(longest, base::kCopyBytes)));
  for (const ByteSpan& span : spans) {
    for (uint64_t done = 0; done < span.length;) {
      const std::span<uint8_t> part(block.data(), static_cast<size_t>(std::min<uint64_t>(block.size(), span.length - done)));
      DH_CHECK(ReadFully(source, span.offset + done, part));
      for (size_t i = 0; swap > 1 && i + swap <= part.size(); i += swap) std::reverse(part.begin() + i, part.begin() + i + swap);
      DH_CHECK(sink({reinterpret_cast<const char*>(part.data()), part.size()}));
      done += part.size();
    }
  }
  return {};
}

base::Result<ValuePlace> FindValue(Instance& instance, std::string_view path) {
  const Error bad{ErrorCode::kInvalidArgument, "no path of an element: '" + std::string(path.substr(0, 100)) + "'"};
  const Error missing{ErrorCode::kNotFound, "the instance has no value " + std::string(path.substr(0, 100))};
  const auto tag = TakeStep(path, 16);
  if (!tag) return bad;
  const TopElement* top = instance.Find(*tag);
  if (top == nullptr) return missing;
  if (path.empty()) {
    ValuePlace place{top->vr,
                     {ValueOffset(instance, *top), 0},
                     top->fragments,
                     WordOf(top->tag, top->vr, instance.EncodingOf(*top).big_endian)};
    place.bytes.length = top->left_out && !top->fragments ? top->length : top->end - top->value;
    place.cut = top->truncated;
    return place;
  }
  Cursor cursor(instance.window);
  cursor.Start(top->start, instance.OffsetOf(*top), instance.EncodingOf(*top), kNoEnd);
  if (cursor.Next() != Step::kElement) return missing;
  while (true) {  // stands on the sequence that the rest of the path leads into
    const auto item = TakeStep(path, 10);
    const auto inner = TakeStep(path, 16);
    if (!item || !inner || *item == 0) return bad;
    cursor.Enter();
    const int level = cursor.depth();
    uint32_t number = 0;
    bool found = false;
    while (!found) {
      const Step step = cursor.Next();
      if (step == Step::kEnd || cursor.depth() < level) return missing;
      if (step == Step::kItem && ++number > *item) return missing;
      found = step == Step::kElement && number == *item && cursor.element().tag == *inner;
    }
    if (!path.empty()) continue;
    const ElementHeader header = cursor.element();
    const Cursor::Skipped skipped = cursor.Skip();
    ValuePlace place{header.vr,
                     {header.offset + (header.value - header.start), 0},
                     header.fragments,
                     WordOf(header.tag, header.vr, cursor.encoding().big_endian)};
    place.bytes.length = skipped.left_out && !header.fragments ? header.length : skipped.end - header.value;
    place.cut = skipped.truncated;
    return place;
  }
}

base::Result<FrameIndex> FrameIndex::Make(const Instance& instance) {
  const TopElement* element = PixelElement(instance);
  if (element == nullptr) return Error{ErrorCode::kNotFound, "the instance has no pixel data"};
  FrameIndex index;
  index.encapsulated_ = element->fragments;
  if (const std::string_view text = instance.Text(kFramesTag); !text.empty()) {
    const auto frames = ParseInteger(text);
    if (!frames || *frames < 1 || *frames > base::kMaxFrames)
      return Corrupt("Number of Frames is '" + std::string(text.substr(0, 20)) + "'");
    index.frames_ = static_cast<uint64_t>(*frames);
  }
  if (index.encapsulated_) return index;
  const auto rows = Number(instance, kRowsTag);
  const auto columns = Number(instance, kColumnsTag);
  const auto bits = Number(instance, kBitsAllocatedTag);
  if (!rows || !columns || !bits) return Corrupt("Rows, Columns or Bits Allocated is missing");
  uint64_t samples = Number(instance, kSamplesTag).value_or(1);
  const std::string_view photometric = instance.Text(kPhotometricTag);
  // Two samples for each pixel: the colour differences are there for every other one (PS3.3 C.7.6.3.1.2).
  if (samples == 3 && (photometric == "YBR_FULL_422" || photometric == "YBR_PARTIAL_422")) samples = 2;
  const auto frame_bits = Product({*rows, *columns, samples, *bits});
  const auto all_bits = frame_bits ? Product({*frame_bits, index.frames_}) : std::nullopt;
  if (!all_bits || *all_bits == 0)
    return Corrupt("Rows, Columns, Samples per Pixel, Bits Allocated and Number of Frames are impossible");
  index.frame_bits_ = *frame_bits;
  index.value_ = {ValueOffset(instance, *element), element->left_out ? element->length : element->end - element->value};
  index.cut_ = element->truncated;
  index.swap_ = WordOf(element->tag, element->vr, instance.encoding.big_endian);
  return index;
}

base::Status FrameIndex::Locate(ByteSource& values, const Instance& instance) {
  if (!encapsulated_) return {};
  const TopElement& element = *PixelElement(instance);
  DH_CHECK(ReadItems(values, ValueOffset(instance, element), instance.encoding.big_endian));
  return Attribute(instance);
}

// The item headers of encapsulated pixel data (PS3.5 §A.4).
base::Status FrameIndex::ReadItems(ByteSource& values, uint64_t offset, bool big_endian) {
  fragments_.clear();
  bool first = true;
  while (true) {
    std::array<uint8_t, kItemHeaderBytes> header{};
    DH_CHECK(ReadFully(values, offset, header));
    const uint32_t tag = LoadTag(header.data(), big_endian);
    const uint32_t length = LoadU32(header.data() + 4, big_endian);
    if (tag == kSequenceDelimitationTag) break;
    if (tag != kItemTag || length == kUndefinedLength) return Corrupt("no fragment at byte " + std::to_string(offset));
    offset += kItemHeaderBytes;
    if (first) {
      if (length > base::kMaxFrames * 4) return Corrupt("the basic offset table is too long");
      offset_table_.resize(length);
      DH_CHECK(ReadFully(values, offset, {reinterpret_cast<uint8_t*>(offset_table_.data()), length}));
      first_fragment_ = offset + length;
    } else {
      if (fragments_.size() >= base::kMaxFragments) return Corrupt("more fragments than " + std::to_string(base::kMaxFragments));
      fragments_.push_back({offset, length});
    }
    first = false;
    offset += length;
  }
  if (fragments_.empty()) return Corrupt("no fragments");
  return {};
}

// Which fragments belong to which frame.
base::Status FrameIndex::Attribute(const Instance& instance) {
  frame_begins_.clear();
  frame_bytes_.clear();
  std::vector<uint64_t> offsets;
  const TopElement* extended = instance.Find(kExtendedOffsetsTag);
  if (extended != nullptr && !extended->truncated) {
    const std::string_view table = instance.Value(*extended);
    for (size_t i = 0; i + 8 <= table.size(); i += 8) offsets.push_back(LoadU64(Raw(table) + i, instance.encoding.big_endian));
    if (offsets.size() == frames_) {
      DH_CHECK(AttributeByOffsets(offsets));
      const TopElement* lengths = instance.Find(kExtendedLengthsTag);
      const std::string_view sizes = lengths == nullptr ? std::string_view() : instance.Value(*lengths);
      for (size_t i = 0; sizes.size() == table.size() && i + 8 <= sizes.size(); i += 8) {
        frame_bytes_.push_back(LoadU64(Raw(sizes) + i, instance.encoding.big_endian));
      }
      return {};
    }
    offsets.clear();
  }
  for (size_t i = 0; i + 4 <= offset_table_.size(); i += 4) {
    offsets.push_back(LoadU32(Raw(offset_table_) + i, instance.encoding.big_endian));
  }
  if (offsets.size() == frames_ && frames_ > 1) return AttributeByOffsets(offsets);
  if (frames_ == 1) {
    frame_begins_ = {0, fragments_.size()};
    return {};
  }
  if (fragments_.size() == frames_) {
    for (size_t i = 0; i <= fragments_.size(); ++i) frame_begins_.push_back(i);
    return {};
  }
  return Error{ErrorCode::kUnsupported, "pixel data: " + std::to_string(fragments_.size()) + " fragments of " +
                                            std::to_string(frames_) + " frames, and no offset table says which belong together"};
}

// Offsets count from the first fragment's item header (PS3.5 §A.4, PS3.3 C.7.6.3.1.8).
base::Status FrameIndex::AttributeByOffsets(std::span<const uint64_t> offsets) {
  size_t fragment = 0;
  for (const uint64_t offset : offsets) {
    while (fragment < fragments_.size() && fragments_[fragment].offset - kItemHeaderBytes - first_fragment_ < offset) ++fragment;
    if (fragment == fragments_.size() || fragments_[fragment].offset - kItemHeaderBytes - first_fragment_ != offset ||
        (!frame_begins_.empty() && fragment <= frame_begins_.back())) {
      return Corrupt("the offset table names byte " + std::to_string(offset) + ", where no frame begins");
    }
    frame_begins_.push_back(fragment);
  }
  frame_begins_.push_back(fragments_.size());
  return {};
}

uint64_t FrameIndex::FrameBytes(uint64_t frame) const {
  if (!encapsulated_) return (frame_bits_ + 7) / 8;
  uint64_t bytes = 0;
  for (size_t i = frame_begins_[frame]; i < frame_begins_[frame + 1]; ++i) bytes += fragments_[i].length;
  return frame < frame_bytes_.size() ? std::min(bytes, frame_bytes_[frame]) : bytes;
}

base::Status FrameIndex::Check(ByteSource& values, uint64_t frame) const {
  DH_CHECK(CheckLengths(frame));
  if (encapsulated_ || !cut_) return {};
  uint8_t last = 0;
  const auto got = values.ReadAt(value_.offset + ((frame + 1) * frame_bits_ + 7) / 8 - 1, {&last, 1});
  if (!got.ok() && got.error().code == ErrorCode::kIo) return got.error();
  if (got.ok() && *got == 1) return {};
  return Corrupt("the instance ends in front of the end of frame " + std::to_string(frame + 1) + ": it was cut");
}

base::Status FrameIndex::CheckLengths(uint64_t frame) const {
  if (encapsulated_) return {};
  const uint64_t end = (frame + 1) * frame_bits_;
  if ((end + 7) / 8 > value_.length) return Corrupt("frame " + std::to_string(frame + 1) + " is not in its bytes");
  // Bytes of a frame that begins or ends inside a word (8 bits allocated in OW, big endian) would come from its neighbours.
  if (swap_ > 1 && frame_bits_ % (8 * swap_) != 0) {
    return Error{ErrorCode::kUnsupported, "pixel data: frames of a big-endian instance that don't end with a word"};
  }
  return {};
}

base::Status FrameIndex::Write(ByteSource& values, uint64_t frame, const ByteSink& sink) const {
  if (encapsulated_) {
    uint64_t left = FrameBytes(frame);
    std::vector<ByteSpan> spans(fragments_.begin() + static_cast<std::ptrdiff_t>(frame_begins_[frame]),
                                fragments_.begin() + static_cast<std::ptrdiff_t>(frame_begins_[frame + 1]));
    for (ByteSpan& span : spans) {
      span.length = std::min(span.length, left);
      left -= span.length;
    }
    return CopySpans(values, spans, 1, sink);
  }
  DH_CHECK(CheckLengths(frame));
  const uint64_t first_bit = frame * frame_bits_;
  if (first_bit % 8 != 0 || frame_bits_ % 8 != 0) return CopyBits(values, value_.offset, first_bit, frame_bits_, sink);
  const ByteSpan span{value_.offset + first_bit / 8, frame_bits_ / 8};
  return CopySpans(values, {&span, 1}, swap_, sink);
}

}  // namespace dicomhouse::dicom
