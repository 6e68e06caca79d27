#include "dicom/cursor.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "dicom/dictionary.h"

namespace dicomhouse::dicom {
namespace {

// Of an item, and of an element at least.
constexpr uint32_t kItemHeaderBytes = 8;

// Whether an unread value may stay unread: nobody will want it (mapping drops it by the same limits).
bool MayLeaveOut(const ElementHeader& element) {
  if (element.length > base::kMaxValueBytes) return true;
  if (element.length <= base::kMaxBulkReadBytes) return false;
  // What is written as UN may be text or a sequence all the same: only the dictionary says what nobody wants.
  if (IsBulk(element.vr) && element.vr != Vr::kUN) return true;
  if (!element.implicit && element.vr != Vr::kUN) return false;
  const ElementEntry* entry = FindElement(element.tag);
  return entry != nullptr && IsBulk(entry->vr);
}

bool IsSequenceByDictionary(const ElementHeader& element) {
  if (element.vr == Vr::kSQ) return true;
  if (!element.implicit) return false;
  const ElementEntry* entry = FindElement(element.tag);
  return entry != nullptr && entry->vr == Vr::kSQ;
}

}  // namespace

std::string_view ProblemText(ProblemCode code) {
  switch (code) {
    case ProblemCode::kTruncated:
      return "the bytes end inside the element";
    case ProblemCode::kTrailingBytes:
      return "bytes behind the last element";
    case ProblemCode::kValuePastItem:
      return "reaches past the end of what contains it";
    case ProblemCode::kMissingDelimiter:
      return "a delimitation item is missing";
    case ProblemCode::kNoItem:
      return "not an item, in a sequence";
    case ProblemCode::kUnknownVr:
      return "unknown value representation";
    case ProblemCode::kTooDeep:
      return "nested deeper than the limit";
    case ProblemCode::kTooLarge:
      return "the header is larger than the limit";
    case ProblemCode::kReadError:
      return "the system could not read on";
    case ProblemCode::kNotOrdered:
      return "tags do not ascend";
    case ProblemCode::kPadding:
      return "padding where an element should be";
    case ProblemCode::kTooMuchPadding:
      return "more padding than the limit; nothing behind it is read";
    case ProblemCode::kTooManyElements:
      return "more elements than the limit; the others are not read";
    case ProblemCode::kCodes:
      break;
  }
  return "";
}

std::string ProblemMessage(const Problem& problem) {
  std::string text(ProblemText(problem.code));
  if (problem.padding > 0) text += ": " + std::to_string(problem.padding) + (problem.padding == 1 ? " byte" : " bytes");
  if (problem.more > 0) text += "; and " + std::to_string(problem.more) + " more times";
  return text;
}

Problem* ProblemCounts::Add(std::vector<Problem>& problems, ProblemCode code, uint64_t times) {
  uint32_t& count = counts_[static_cast<size_t>(code)];
  size_t& last = last_[static_cast<size_t>(code)];
  if (count == base::kMaxSameLines) {
    problems[last].more += times;
    return nullptr;
  }
  ++count;
  last = problems.size();
  problems.push_back({code});
  return &problems.back();
}

void Cursor::Start(uint32_t position, uint64_t offset, Encoding encoding, uint64_t end_offset) {
  position_ = position;
  offset_ = offset;
  pending_ = stopped_ = false;
  problems_.clear();
  counts_.Clear();
  frames_.clear();
  frames_.push_back({end_offset, 0, false, false, encoding});
  const auto& gaps = window_->gaps();
  gap_ = 0;
  // A gap at `position` itself belongs to a value that ended there: it lies in front of the element.
  while (gap_ < gaps.size() && gaps[gap_].position <= position) ++gap_;
}

void Cursor::Report(ProblemCode code) {
  Problem* problem = counts_.Add(problems_, code);
  if (problem == nullptr) return;
  problem->tag = element_.tag;
  problem->offset = offset_;
  // A sequence on top is what the problem is about, not what is around it.
  for (size_t i = 0; i + 1 < frames_.size(); ++i) {
    if (frames_[i].sequence) problem->inside.push_back({frames_[i].tag, frames_[i].items - 1});
  }
}

void Cursor::Stop(ProblemCode code) {
  if (stopped_) return;
  if (code == ProblemCode::kTruncated && window_->error()) {
    code = window_->error()->code == base::ErrorCode::kLimit ? ProblemCode::kTooLarge : ProblemCode::kReadError;
  }
  counts_.Clear();  // whatever came before, what stops the walk is in the list
  Report(code);
  stopped_ = true;
}

Step Cursor::Next() {
  if (pending_) Skip();
  if (stopped_) return Step::kEnd;
  return frames_.back().sequence ? StepInSequence() : StepInDataSet();
}

// Ends the sequence or item on top. The data set itself ends the walk.
Step Cursor::Leave(Step step) {
  if (frames_.size() == 1) {
    stopped_ = true;
    return Step::kEnd;
  }
  frames_.pop_back();
  return step;
}

// The same where its bytes, or those of what contains it, are used up.
Step Cursor::LeaveAtEnd(Step step) {
  if (frames_.back().delimited) {
    element_ = {};
    element_.tag = frames_.back().tag;
    Report(ProblemCode::kMissingDelimiter);
  }
  return Leave(step);
}

// Passes what is left of the sequence or item on top: nothing in it is looked for any more.
Step Cursor::PassRest(Step step) {
  Skipped rest;
  element_ = {};
  PassValue(bytes_left(), LeaveOut::kNever, rest);
  return Leave(step);
}

Step Cursor::StepInSequence() {
  const Frame frame = frames_.back();
  if (offset_ >= frame.end) return LeaveAtEnd(Step::kEndSequence);
  if (bytes_left() < kItemHeaderBytes) {
    element_.tag = frame.tag;
    Report(ProblemCode::kNoItem);
    return PassRest(Step::kEndSequence);
  }
  if (!window_->Ensure(uint64_t{position_} + 8)) {
    element_ = {};
    element_.tag = frame.tag;
    Stop(ProblemCode::kTruncated);
    return Step::kEnd;
  }
  const uint8_t* p = window_->data() + position_;
  const uint32_t tag = LoadTag(p, big_endian());
  const uint32_t length = LoadU32(p + 4, big_endian());
  if (tag == kSequenceDelimitationTag) {
    position_ += 8;
    offset_ += 8;
    // A length that was declared holds all the same: whoever skips the sequence goes by it.
    return frame.delimited || offset_ >= frame.end ? Leave(Step::kEndSequence) : PassRest(Step::kEndSequence);
  }
  if (tag != kItemTag) {
    element_.tag = frame.tag;
    Report(ProblemCode::kNoItem);
    // Without a delimiter, what follows is the parent's.
    return frame.delimited ? Leave(Step::kEndSequence) : PassRest(Step::kEndSequence);
  }
  position_ += 8;
  offset_ += 8;
  const bool delimited = length == kUndefinedLength;
  if (!delimited && length > bytes_left()) {
    element_.tag = frame.tag;
    Report(ProblemCode::kValuePastItem);
  }
  const uint64_t end = delimited ? frame.end : std::min(offset_ + length, frame.end);
  ++frames_.back().items;
  frames_.push_back({end, frame.tag, false, delimited, frame.encoding});
  return Step::kItem;
}

Step Cursor::StepInDataSet() {
  for (uint64_t padding = 0;;) {
    if (offset_ >= frames_.back().end) return LeaveAtEnd(Step::kEndItem);
    if (bytes_left() < kItemHeaderBytes) return LeaveNoElement();
    if (!window_->Ensure(uint64_t{position_} + 8)) {
      const bool at_end = frames_.size() == 1 && position_ == window_->size() && !window_->error();
      if (at_end) return Leave(Step::kEnd);
      element_ = {};
      Stop(frames_.size() == 1 && !window_->error() ? ProblemCode::kTrailingBytes : ProblemCode::kTruncated);
      return Step::kEnd;
    }
    if (!IsPadding(window_->data() + position_)) break;
    if (!PassPadding(padding)) return Step::kEnd;
  }
  const uint32_t tag = LoadTag(window_->data() + position_, big_endian());
  if ((tag & 0xFFFFFF00) == (kItemTag & 0xFFFFFF00)) {
    if (frames_.size() == 1) {  // a delimiter that belongs to nothing
      element_ = {};
      element_.tag = tag;
      Stop(ProblemCode::kTrailingBytes);
      return Step::kEnd;
    }
    if (tag == kItemDelimitationTag) {
      position_ += 8;
      offset_ += 8;
    } else {
      Report(ProblemCode::kMissingDelimiter);  // the item ends without one; the sequence will see the tag
    }
    return Leave(Step::kEndItem);
  }
  if (frames_.size() > 1 && ++frames_.back().elements > base::kMaxDataSetElements) return PassTooMany();
  switch (ReadHeader()) {
    case Header::kWhole:
      pending_ = true;
      return Step::kElement;
    case Header::kPastEnd:
      return LeaveNoElement();
    case Header::kTruncated:
      break;
  }
  Stop(ProblemCode::kTruncated);
  return Step::kEnd;
}

// Bytes at the end of an item that are too few for a header. Those behind the item are another's: nothing is made of them.
Step Cursor::LeaveNoElement() {
  element_ = {};
  Report(ProblemCode::kTrailingBytes);
  return PassRest(Step::kEndItem);
}

// Goes behind the bytes that equal the next one. False, and the walk has stopped: they are too many, and nothing else says where
// they end. `before`: bytes of another kind in front of these, to which they are added.
bool Cursor::PassPadding(uint64_t& before) {
  const bool bounded = frames_.back().end != kNoEnd;
  const uint64_t most = bounded ? bytes_left() : std::max<uint64_t>(base::kMaxPaddingBytes - before, kItemHeaderBytes);
  const uint8_t byte = window_->data()[position_];
  uint64_t length = kItemHeaderBytes;
  bool another = false;
  while (!another && length < most && window_->Ensure(position_ + length + 1)) {
    const uint8_t* p = window_->data() + position_;
    const uint64_t loaded = std::min<uint64_t>(most, window_->size() - position_);
    while (length < loaded && p[length] == byte) ++length;
    another = length < loaded;
  }
  element_ = {};
  if (!bounded && length == most) {
    Stop(ProblemCode::kTooMuchPadding);
    return false;
  }
  if (another) length -= length % 2;  // an odd one is the first of the next element: (0010,0010) in big endian
  const size_t known = problems_.size();
  Report(ProblemCode::kPadding);
  if (problems_.size() > known) problems_.back().padding = length;
  before += length;
  position_ += static_cast<uint32_t>(length);
  offset_ += length;
  return true;
}

// An item of too many elements: what follows it can only be found where its length, or that of what contains it, is known.
Step Cursor::PassTooMany() {
  element_ = {};
  if (frames_.back().end == kNoEnd) {
    Stop(ProblemCode::kTooManyElements);
    return Step::kEnd;
  }
  Report(ProblemCode::kTooManyElements);
  return PassRest(Step::kEndItem);
}

// PS3.5 §7.1.2 and §7.1.3.
Cursor::Header Cursor::ReadHeader() {
  const uint8_t* p = window_->data() + position_;
  element_ = {};
  element_.tag = LoadTag(p, big_endian());
  element_.start = position_;
  element_.offset = offset_;
  uint32_t header = 8;
  const bool letters = p[4] >= 'A' && p[4] <= 'Z' && p[5] >= 'A' && p[5] <= 'Z';
  const bool explicit_vr = frames_.back().encoding.explicit_vr;
  if (explicit_vr && p[4] == ' ' && p[5] == ' ') {
    // Written by software that knew no VR: the length that follows has 16 bits.
    element_.unknown_vr = true;
    element_.length = LoadU16(p + 6, big_endian());
    Report(ProblemCode::kUnknownVr);
  } else if (!explicit_vr || !letters) {
    // A header without a VR in an explicit data set is seen in the field: its length is then where implicit VR has it.
    element_.implicit = true;
    element_.length = LoadU32(p + 4, big_endian());
    if (explicit_vr) Report(ProblemCode::kUnknownVr);
  } else {
    element_.vr = VrFromBytes(p[4], p[5]);
    if (element_.vr == Vr::kNone) {
      element_.unknown_vr = true;  // a VR of the future has a long length (PS3.5 §7.1.2)
      Report(ProblemCode::kUnknownVr);
    }
    if (element_.unknown_vr || HasLongLength(element_.vr)) {
      header = 12;
      if (bytes_left() < header) return Header::kPastEnd;
      if (!window_->Ensure(uint64_t{position_} + header)) return Header::kTruncated;
      element_.length = LoadU32(window_->data() + position_ + 8, big_endian());
    } else {
      element_.length = LoadU16(p + 6, big_endian());
    }
  }
  element_.fragments =
      element_.undefined_length() &&
      (element_.tag == kPixelDataTag || (element_.vr != Vr::kNone && element_.vr != Vr::kSQ && element_.vr != Vr::kUN));
  position_ += header;
  offset_ += header;
  element_.value = position_;
  return Header::kWhole;
}

void Cursor::Enter() {
  pending_ = false;
  if (frames_.size() > 2 * static_cast<size_t>(base::kMaxSequenceDepth)) {
    Stop(ProblemCode::kTooDeep);
    return;
  }
  const bool delimited = element_.undefined_length();
  if (!delimited && element_.length > bytes_left()) Report(ProblemCode::kValuePastItem);
  const uint64_t limit = frames_.back().end;
  const uint64_t end = delimited ? limit : std::min(offset_ + element_.length, limit);
  frames_.push_back({end, element_.tag, true, delimited, EncodingOfItems()});
}

// Whether only a walk through the element finds its end, or what in it need not be read.
bool Cursor::NeedsWalk() const {
  if (element_.undefined_length()) return !element_.fragments;
  return position_ + std::min<uint64_t>(element_.length, bytes_left()) > window_->size() && IsSequenceByDictionary(element_);
}

// How the items of the current element are written: those of a UN in implicit VR and little endian, whatever the transfer syntax
// (PS3.5 §6.2.2 note 2).
Encoding Cursor::EncodingOfItems() const {
  if (element_.vr == Vr::kUN) return {false, false};
  return {element_.vr == Vr::kSQ && frames_.back().encoding.explicit_vr, big_endian()};
}

Cursor::Skipped Cursor::Skip() {
  Skipped result;
  if (!pending_) return result;
  pending_ = false;
  uint64_t length = element_.length;
  if (!element_.undefined_length() && length > bytes_left()) {
    Report(ProblemCode::kValuePastItem);
    length = bytes_left();
    result.truncated = true;
  }
  if (element_.fragments) {
    PassFragments(result);
  } else if (NeedsWalk()) {
    PassNested(result);
  } else {
    PassValue(length, MayLeaveOut(element_) ? LeaveOut::kChecked : LeaveOut::kNever, result);
  }
  result.end = position_;
  return result;
}

// Goes behind `length` bytes. False, and the walk has stopped: the bytes end before.
bool Cursor::PassValue(uint64_t length, LeaveOut leave_out, Skipped& result) {
  const auto& gaps = window_->gaps();
  if (gap_ < gaps.size() && gaps[gap_].position == position_ && gaps[gap_].length == length) {
    ++gap_;
    offset_ += length;
    result.left_out = true;
    return true;
  }
  if (position_ + length > window_->size()) {
    if (leave_out != LeaveOut::kNever) {
      result.left_out = true;
      const bool whole = window_->LeaveOut(position_, length, leave_out == LeaveOut::kChecked, element_.value);
      gap_ = gaps.size();
      if (!whole) {
        result.truncated = true;
        Stop(ProblemCode::kTruncated);
        return false;
      }
      offset_ += length;
      return true;
    }
    if (!window_->Ensure(position_ + length)) {
      result.truncated = true;
      Stop(ProblemCode::kTruncated);
      position_ = static_cast<uint32_t>(window_->size());
      return false;
    }
  }
  position_ += static_cast<uint32_t>(length);
  offset_ += length;
  return true;
}

// Encapsulated pixel data: items of bytes up to a sequence delimitation (PS3.5 §A.4).
void Cursor::PassFragments(Skipped& result) {
  uint64_t fragment = offset_;  // where the bytes of the last one begin
  for (;;) {
    if (bytes_left() < kItemHeaderBytes) {
      result.truncated = true;
      Report(ProblemCode::kMissingDelimiter);
      PassValue(bytes_left(), LeaveOut::kNever, result);
      return;
    }
    if (!window_->Ensure(uint64_t{position_} + 8)) {
      result.truncated = true;
      // Without a byte behind it, nobody knows whether a fragment that was left out was whole.
      if (position_ == window_->size()) offset_ = fragment;
      Stop(ProblemCode::kTruncated);
      return;
    }
    const uint8_t* p = window_->data() + position_;
    const uint32_t tag = LoadTag(p, big_endian());
    const uint32_t length = LoadU32(p + 4, big_endian());
    if (tag != kItemTag && tag != kSequenceDelimitationTag) {
      Report(ProblemCode::kMissingDelimiter);
      return;
    }
    position_ += 8;
    offset_ += 8;
    if (tag == kSequenceDelimitationTag) return;
    if (length == kUndefinedLength) continue;
    if (length > bytes_left()) {
      result.truncated = true;
      Report(ProblemCode::kValuePastItem);
      PassValue(bytes_left(), LeaveOut::kNever, result);
      return;
    }
    fragment = offset_;
    if (!PassValue(length, LeaveOut::kUnchecked, result)) return;  // the next item's header proves that it was whole
  }
}

// A sequence whose content does not matter now: only its end does, and what in it can be left out.
void Cursor::PassNested(Skipped& result) {
  const ElementHeader outer = element_;
  const size_t level = frames_.size();
  // What is wrong inside is for whoever looks inside; here only what ended the walk counts.
  std::vector<Problem> known = std::exchange(problems_, {});
  const ProblemCounts counts = std::exchange(counts_, {});
  Enter();
  while (!stopped_ && frames_.size() > level) {
    if (Next() == Step::kElement && NeedsWalk()) Enter();  // never by recursion: Skip would walk it
  }
  if (stopped_ && !problems_.empty()) known.push_back(std::move(problems_.back()));
  problems_ = std::move(known);
  counts_ = counts;
  result.truncated = result.truncated || stopped_;
  element_ = outer;
}

}  // namespace dicomhouse::dicom
