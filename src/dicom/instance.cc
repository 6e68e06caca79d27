#include "dicom/instance.h"

#include <algorithm>

#include "base/limits.h"
#include "dicom/dictionary.h"
#include "dicom/inflate.h"
#include "dicom/tags.h"

namespace dicomhouse::dicom {
namespace {

constexpr uint32_t kPreambleBytes = 128;
constexpr size_t kElementsAtOnce = 256;
constexpr std::string_view kDirectoryClass = "1.2.840.10008.1.3.10";
constexpr std::string_view kImplicitLittleEndian = "1.2.840.10008.1.2";
constexpr std::string_view kExplicitBigEndian = "1.2.840.10008.1.2.2";
constexpr std::string_view kDeflated = "1.2.840.10008.1.2.1.99";
// Instances with a preamble may say so late; the first element of a bare data set is in one of these groups.
constexpr uint32_t kLastFirstGroup = 0x0028;

std::string_view TrimPadding(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

// How likely the eight bytes are the header of an element that begins a data set.
bool LooksLikeElement(const uint8_t* p, size_t size, Encoding encoding) {
  if (size < 8) return false;
  const uint32_t group = LoadU16(p, encoding.big_endian);
  if (group > kLastFirstGroup || group == 0 || group == 1) return false;
  if (encoding.explicit_vr) return VrFromBytes(p[4], p[5]) != Vr::kNone;
  const uint32_t length = LoadU32(p + 4, encoding.big_endian);
  const ElementEntry* entry = FindElement(LoadTag(p, encoding.big_endian));
  const bool group_length = LoadU16(p + 2, encoding.big_endian) == 0 && length == 4;
  return group_length || (entry != nullptr && (length == kUndefinedLength || length <= base::kMaxValueBytes));
}

// Of the padding at a position, as the cursor will pass over it.
uint32_t PaddingBytes(Window& window, uint32_t position) {
  if (!window.Ensure(uint64_t{position} + 8) || !IsPadding(window.data() + position)) return 0;
  uint32_t length = 8;
  while (length < base::kMaxPaddingBytes && window.Ensure(uint64_t{position} + length + 1) &&
         window.data()[position + length] == window.data()[position]) {
    ++length;
  }
  return length - length % 2;
}

// Whether a data set in implicit VR seems to be written explicitly, or the other way round.
bool ContradictsDeclared(const uint8_t* p, Encoding declared) {
  const bool has_vr = VrFromBytes(p[4], p[5]) != Vr::kNone;
  if (declared.explicit_vr == has_vr) return false;
  if (declared.explicit_vr) return p[4] < 'A' || p[4] > 'Z';
  // "UI" as the low bytes of a length is 18,773 and more: nothing that begins a data set is so long.
  return LoadTag(p, declared.big_endian) >> 16 <= kLastFirstGroup;
}

// Bytes that are there already, then a source from its `rest_offset` on.
class PrefixedSource final : public ByteSource {
 public:
  PrefixedSource(std::span<const uint8_t> prefix, ByteSource& rest, uint64_t rest_offset = 0)
      : prefix_(prefix), rest_(&rest), rest_offset_(rest_offset) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    if (offset >= prefix_.size()) return rest_->ReadAt(offset - prefix_.size() + rest_offset_, out);
    const size_t count = std::min(out.size(), prefix_.size() - static_cast<size_t>(offset));
    std::copy_n(prefix_.data() + offset, count, out.data());
    if (count == out.size()) return count;
    const auto more = rest_->ReadAt(rest_offset_, out.subspan(count));
    return more.ok() ? count + *more : count;  // the prefix is good whatever comes behind it
  }

 private:
  std::span<const uint8_t> prefix_;
  ByteSource* rest_;
  uint64_t rest_offset_;
};

uint64_t LeftOutOf(const Window& window) {
  uint64_t bytes = 0;
  for (const Gap& gap : window.gaps()) bytes += gap.length;
  return bytes;
}

}  // namespace

const TopElement* Instance::Find(uint32_t tag) const {
  const auto found =
      std::lower_bound(elements.begin(), elements.end(), tag, [](const TopElement& e, uint32_t t) { return e.tag < t; });
  return found != elements.end() && found->tag == tag ? &*found : nullptr;
}

std::string_view Instance::Text(uint32_t tag) const {
  const TopElement* element = Find(tag);
  return element == nullptr || element->truncated ? std::string_view{} : TrimPadding(Value(*element));
}

ReadOutcome InstanceReader::Read(ByteSource& source, Instance& instance) {
  instance.elements.clear();
  instance.problems.clear();
  instance.inflated = false;
  instance.ordered = true;
  problem_counts_.Clear();
  instance.window.HashLeftOut(hash_left_out_);
  if (first_read_bytes_ == 0) first_read_bytes_ = base::kFirstReadBytes;
  instance.window.Open(source, 0, first_read_bytes_);
  uint32_t position = 0;
  if (!FindStart(instance, position)) {
    if (instance.window.error()) {
      instance.problems.push_back({ProblemCode::kReadError, 0, 0});
      return ReadOutcome::kFailed;
    }
    return ReadOutcome::kNotDicom;
  }
  ReadMeta(instance, position);
  instance.data_set_offset = position + LeftOutOf(instance.window);
  const std::string_view syntax = instance.Text(kTransferSyntaxUidTag);
  if (instance.Text(kMediaStorageSopClassUidTag) == kDirectoryClass) return ReadOutcome::kDirectory;
  if (syntax == kDeflated) {
    if (Inflate(source, instance, position)) return instance.elements.empty() ? ReadOutcome::kFailed : ReadOutcome::kInstance;
  }
  ChooseEncoding(instance, position);
  ReadDataSet(instance, position);
  instance.bytes_read = instance.window.bytes_read();
  instance.window.Detach();
  // The next header is probably as long as this one.
  first_read_bytes_ =
      std::clamp<size_t>((instance.window.size() + 4095) / 4096 * 4096, base::kFirstReadBytes, base::kMaxFirstReadBytes);
  return instance.elements.empty() ? ReadOutcome::kFailed : ReadOutcome::kInstance;
}

// PS3.10 §7.1: a preamble of 128 bytes and "DICM"; older files begin with the File Meta Information or the data set.
bool InstanceReader::FindStart(Instance& instance, uint32_t& position) {
  Window& window = instance.window;
  instance.encoding = {};
  const auto marked = [&window](uint32_t at) {
    return window.size() >= at + 4 && std::equal(window.data() + at, window.data() + at + 4, "DICM");
  };
  if (marked(kPreambleBytes)) {
    position = kPreambleBytes + 4;
    return true;
  }
  if (marked(0)) {
    position = 4;
    return true;
  }
  position = 0;
  for (const Encoding encoding : {Encoding{true, false}, Encoding{false, false}, Encoding{true, true}}) {
    if (LooksLikeElement(window.data(), window.size(), encoding)) {
      instance.encoding = encoding;
      return true;
    }
  }
  return false;
}

void InstanceReader::ReadMeta(Instance& instance, uint32_t& position) {
  Window& window = instance.window;
  Cursor& cursor = cursor_;
  cursor.Open(window);
  const bool implicit =
      window.Ensure(position + 8) && VrFromBytes(window.data()[position + 4], window.data()[position + 5]) == Vr::kNone;
  cursor.Start(position, position, {!implicit, false}, kNoEnd);
  while (instance.elements.size() < base::kMaxDataSetElements && window.Ensure(uint64_t{position} + 8) &&
         LoadU16(window.data() + position, false) == 2 && cursor.Next() == Step::kElement) {
    const ElementHeader header = cursor.element();
    const Cursor::Skipped skipped = cursor.Skip();
    position = cursor.position();
    if ((header.tag & 0xFFFF) == 0) continue;  // group length
    instance.ordered = instance.ordered && (instance.elements.empty() || header.tag > instance.elements.back().tag);
    instance.elements.push_back({header.tag, header.start, header.value, skipped.end, header.length, header.vr, skipped.left_out,
                                 skipped.truncated, header.fragments, header.implicit});
  }
  KeepProblems(instance);
  SortElements(instance);
}

// The transfer syntax says how the data set is written, but for files that lie or say nothing.
void InstanceReader::ChooseEncoding(Instance& instance, uint32_t position) {
  Window& window = instance.window;
  const std::string_view syntax = instance.Text(kTransferSyntaxUidTag);
  position += PaddingBytes(window, position);  // it says nothing of how the elements behind it are written
  if (!window.Ensure(uint64_t{position} + 8)) return;
  const uint8_t* p = window.data() + position;
  if (!syntax.empty()) {
    instance.encoding.big_endian = syntax == kExplicitBigEndian;
    instance.encoding.explicit_vr = syntax != kImplicitLittleEndian;
    if (instance.encoding.explicit_vr && FindElement(LoadTag(p, instance.encoding.big_endian)) == nullptr) {
      const Encoding other{true, !instance.encoding.big_endian};
      if (LooksLikeElement(p, window.size() - position, other)) instance.encoding = other;
    }
    if (ContradictsDeclared(p, instance.encoding)) instance.encoding.explicit_vr = !instance.encoding.explicit_vr;
    return;
  }
  for (const Encoding encoding : {Encoding{true, false}, Encoding{true, true}, Encoding{false, false}}) {
    if (LooksLikeElement(p, window.size() - position, encoding)) {
      instance.encoding = encoding;
      return;
    }
  }
  instance.encoding = {VrFromBytes(p[4], p[5]) != Vr::kNone, false};
}

// Reads the inflated data set into the window, behind the File Meta Information. False: it was not deflated at all.
bool InstanceReader::Inflate(ByteSource& source, Instance& instance, uint32_t position) {
  // A stream can't go back: what has been read of the deflated bytes is taken from the window.
  const std::vector<uint8_t> begun(instance.window.data(), instance.window.data() + instance.window.size());
  if (LooksLikeElement(instance.window.data() + position, instance.window.size() - position, {true, false})) return false;
  PrefixedSource deflated(begun, source, begun.size() + LeftOutOf(instance.window));
  InflateSource inflated(deflated, position);
  PrefixedSource joined(std::span<const uint8_t>(begun).first(position), inflated);
  const uint64_t read_before = instance.window.bytes_read();
  instance.window.Open(joined, 0, base::kFirstReadBytes);
  instance.encoding = {true, false};
  instance.inflated = true;
  ReadDataSet(instance, position);
  // Broken data ends like whole data; asking once more tells.
  uint8_t next = 0;
  const bool known = !instance.problems.empty() && instance.problems.back().code != ProblemCode::kNotOrdered;
  if (!known && !inflated.ReadAt(0, {&next, 1}).ok()) instance.problems.push_back({ProblemCode::kTruncated, 0, position});
  const uint64_t begun_deflated = begun.size() - position;
  instance.bytes_read = read_before + std::max(inflated.bytes_read(), begun_deflated) - begun_deflated;
  instance.window.Detach();
  return true;
}

// Elements in a row whose header and value are plain and in the window: nearly all of nearly every file. Stops in front of the
// first that is not, and returns its position. The same as the Cursor would do, without its care (docs/performance.md).
template <bool kExplicit>
uint32_t InstanceReader::ReadPlainElements(Instance& instance, uint32_t position) {
  const uint8_t* data = instance.window.data();
  const size_t size = instance.window.size();
  auto& elements = instance.elements;
  size_t count = elements.size();
  uint32_t last_tag = count == 0 ? 0 : elements.back().tag;
  while (size - position >= 12) {
    const uint8_t* p = data + position;
    const uint32_t tag = LoadTag(p, false);
    uint32_t header = 8;
    uint32_t length = 0;
    Vr vr = Vr::kNone;
    if constexpr (kExplicit) {
      vr = VrFromBytes(p[4], p[5]);
      if (vr == Vr::kNone) break;
      header = HasLongLength(vr) ? 12 : 8;
      length = header == 12 ? LoadU32(p + 8, false) : LoadU16(p + 6, false);
    } else {
      if (IsPadding(p)) break;
      length = LoadU32(p + 4, false);
    }
    if (length > size - position - header || tag >> 16 == kItemTag >> 16) break;
    const uint32_t end = position + header + length;
    if ((tag & 0xFFFF) != 0) {  // not a group length, retired (PS3.5 §7.2)
      // Grown in steps: a push_back for each element took a tenth of the time of reading alone.
      if (count == elements.size()) elements.resize(count + kElementsAtOnce);
      elements[count++] = {tag, position, position + header, end, length, vr, false, false, false, !kExplicit};
      instance.ordered = instance.ordered && tag > last_tag;
      last_tag = tag;
    }
    position = end;
  }
  elements.resize(count);
  return position;
}

void InstanceReader::ReadDataSet(Instance& instance, uint32_t position) {
  Cursor& cursor = cursor_;
  cursor.Open(instance.window);
  uint64_t offset = position + LeftOutOf(instance.window);  // of the File Meta Information
  for (;;) {
    if (!instance.encoding.big_endian) {
      const uint64_t left_out = offset - position;
      position = instance.encoding.explicit_vr ? ReadPlainElements<true>(instance, position)
                                               : ReadPlainElements<false>(instance, position);
      offset = position + left_out;
    }
    if (instance.elements.size() > base::kMaxDataSetElements) {
      // How much was loaded must not decide how many there are.
      const TopElement& first = instance.elements[base::kMaxDataSetElements];
      instance.problems.push_back({ProblemCode::kTooManyElements, first.tag, instance.OffsetOf(first)});
      instance.elements.resize(base::kMaxDataSetElements);
      break;
    }
    cursor.Start(position, offset, instance.encoding, kNoEnd);
    const bool found = cursor.Next() == Step::kElement;
    const ElementHeader header = cursor.element();
    const Cursor::Skipped skipped = cursor.Skip();
    KeepProblems(instance);
    if (!found) break;
    if ((header.tag & 0xFFFF) != 0) {
      instance.ordered = instance.ordered && (instance.elements.empty() || header.tag > instance.elements.back().tag);
      instance.elements.push_back({header.tag, header.start, header.value, skipped.end, header.length, header.vr,
                                   skipped.left_out, skipped.truncated, header.fragments, header.implicit});
    }
    if (cursor.stopped()) break;
    position = cursor.position();
    offset = cursor.offset();
  }
  SortElements(instance);
}

// Tags ascend (PS3.5 §7.1); where they don't, they are put in order, the first of two equal ones in front.
void InstanceReader::SortElements(Instance& instance) {
  if (instance.ordered) return;
  auto& elements = instance.elements;
  const auto not_above = [](const TopElement& a, const TopElement& b) { return a.tag >= b.tag; };
  const auto found = std::adjacent_find(elements.begin(), elements.end(), not_above);
  if (found == elements.end()) return;
  instance.problems.push_back({ProblemCode::kNotOrdered, (found + 1)->tag, instance.OffsetOf(*(found + 1))});
  std::stable_sort(elements.begin(), elements.end(), [](const TopElement& a, const TopElement& b) { return a.tag < b.tag; });
  CountRepeats(elements);
}

// Of elements with one tag only so many are kept that each can have a line of its own in the account; the last has the number of
// the others.
void InstanceReader::CountRepeats(std::vector<TopElement>& elements) {
  size_t kept = 0;
  for (const TopElement& element : elements) {
    const bool again = kept > base::kMaxSameLines && elements[kept - 1 - base::kMaxSameLines].tag == element.tag;
    if (again) {
      elements[kept - 1].repeats += 1 + element.repeats;
    } else {
      elements[kept++] = element;
    }
  }
  elements.resize(kept);
}

// What the cursor found, into the instance's own list.
void InstanceReader::KeepProblems(Instance& instance) {
  for (Problem& problem : cursor_.problems()) {
    Problem* place = problem_counts_.Add(instance.problems, problem.code, 1 + problem.more);
    if (place != nullptr) *place = std::move(problem);
  }
}

}  // namespace dicomhouse::dicom
