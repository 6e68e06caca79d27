// A forward-only walk over the elements of a data set (PS3.5 §7), at every level, without recursion and without trust in
// any length. It pulls: Next() stands on an element's header; its value is untouched until the caller enters it (a
// sequence) or skips it.
//
//   Cursor cursor(window);
//   cursor.Start(position, offset, encoding, end);
//   while ((step = cursor.Next()) != Step::kEnd) {
//     if (step == Step::kElement && cursor.element().IsSequence()) cursor.Enter();
//   }
//
// What is wrong in the bytes never stops it where it can go on: missing delimiters, values past their item and the like
// are recorded in problems().
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/vr.h"
#include "dicom/window.h"

namespace dicomhouse::dicom {

inline constexpr uint32_t kUndefinedLength = 0xFFFFFFFF;
inline constexpr uint64_t kNoEnd = ~uint64_t{0};

inline constexpr uint32_t kItemTag = 0xFFFEE000;
inline constexpr uint32_t kItemDelimitationTag = 0xFFFEE00D;
inline constexpr uint32_t kSequenceDelimitationTag = 0xFFFEE0DD;
inline constexpr uint32_t kPixelDataTag = 0x7FE00010;

// How headers and numbers are written (PS3.5 §7.1, §7.3).
struct Encoding {
  bool explicit_vr = true;
  bool big_endian = false;
  bool operator==(const Encoding&) const = default;
};

inline uint16_t LoadU16(const uint8_t* p, bool big_endian) {
  return static_cast<uint16_t>(big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}
inline uint32_t LoadU32(const uint8_t* p, bool big_endian) {
  const uint32_t first = LoadU16(p, big_endian);
  const uint32_t second = LoadU16(p + 2, big_endian);
  return big_endian ? first << 16 | second : second << 16 | first;
}
inline uint64_t LoadU64(const uint8_t* p, bool big_endian) {
  const uint64_t first = LoadU32(p, big_endian);
  const uint64_t second = LoadU32(p + 4, big_endian);
  return big_endian ? first << 32 | second : second << 32 | first;
}
inline uint32_t LoadTag(const uint8_t* p, bool big_endian) {
  return static_cast<uint32_t>(LoadU16(p, big_endian)) << 16 | LoadU16(p + 2, big_endian);
}

enum class ProblemCode : uint8_t {
  kTruncated,         // the bytes end inside an element
  kTrailingBytes,     // bytes behind the last element that are none
  kValuePastItem,     // a value or item reaches past what contains it
  kMissingDelimiter,  // an item or sequence of undefined length without its delimitation
  kNoItem,            // something else than an item inside a sequence
  kUnknownVr,         // two bytes that are no VR
  kTooDeep,           // base::kMaxSequenceDepth
  kTooLarge,          // base::kMaxHeaderBytes
  kReadError,         // the system's, see Window::error()
  kNotOrdered,        // tags that don't ascend
  kPadding,           // bytes of one kind where an element should be
  kTooMuchPadding,    // base::kMaxPaddingBytes
  kTooManyElements,   // base::kMaxDataSetElements
  kCodes,
};
// A few plain words, for messages and the account.
std::string_view ProblemText(ProblemCode code);

// An item of a sequence, counted from 0.
struct ItemPlace {
  uint32_t sequence = 0;  // its tag
  uint32_t item = 0;
};

struct Problem {
  ProblemCode code;
  uint32_t tag = 0;                 // of the element, 0 when there is none
  uint64_t offset = 0;              // in the source
  std::vector<ItemPlace> inside{};  // the items around it, the outermost first
  uint64_t more = 0;                // of the same code, behind this one: not in the list (base::kMaxSameLines)
  uint64_t padding = 0;             // bytes of it
};
// The problem's text, with the numbers that it has.
std::string ProblemMessage(const Problem& problem);

// Keeps a list of problems short: bytes without meaning make one for every eight.
class ProblemCounts {
 public:
  void Clear() { counts_.fill(0); }
  // A place for one more problem in `problems`, or null: it has been added to the number of those that are not in the list.
  // `times`: how many that are. Requires: since Clear, the list has only grown.
  Problem* Add(std::vector<Problem>& problems, ProblemCode code, uint64_t times = 1);

 private:
  std::array<uint32_t, static_cast<size_t>(ProblemCode::kCodes)> counts_{};
  std::array<size_t, static_cast<size_t>(ProblemCode::kCodes)> last_{};
};

// Whether the eight bytes, where an element should be, are padding: zeros, 0xFF or blanks, as media and programs fill up blocks.
// As elements they would be (0000,0000), (FFFF,FFFF) and (2020,2020), which no data set has (PS3.5 §7.1, §7.8).
inline bool IsPadding(const uint8_t* p) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, p, sizeof bytes);
  return bytes == 0 || bytes == ~uint64_t{0} || bytes == 0x2020202020202020;
}

// The header of one element.
struct ElementHeader {
  uint32_t tag = 0;
  uint32_t length = 0;      // as declared; kUndefinedLength
  Vr vr = Vr::kNone;        // as written; kNone in implicit VR and when it is none
  bool implicit = false;    // header without a VR
  bool fragments = false;   // encapsulated pixel data (PS3.5 §A.4)
  bool unknown_vr = false;  // two letters that no edition knows
  uint32_t start = 0;       // position of the header in the window
  uint32_t value = 0;       // position of the value
  uint64_t offset = 0;      // of the header in the source

  bool undefined_length() const { return length == kUndefinedLength; }
  // Certainly a sequence by its header alone. In implicit VR a defined length says nothing: the dictionary has to.
  bool IsSequence() const { return vr == Vr::kSQ || (undefined_length() && !fragments); }
};

enum class Step : uint8_t { kElement, kItem, kEndItem, kEndSequence, kEnd };

class Cursor {
 public:
  Cursor() = default;
  explicit Cursor(Window& window) : window_(&window) {}
  // Walks another window from now on; memory is kept.
  void Open(Window& window) { window_ = &window; }

  // Stands in front of the element at `position`, whose offset in the source is `offset`. `end_offset`: where the data set
  // ends in the source, or kNoEnd: with the bytes.
  void Start(uint32_t position, uint64_t offset, Encoding encoding, uint64_t end_offset);

  // Goes on. An element that was neither entered nor skipped is skipped.
  Step Next();
  const ElementHeader& element() const { return element_; }

  // Steps into the element that Next() stood on: its items come next. They are written as the data set is, but those of a UN
  // in implicit VR and little endian (PS3.5 §6.2.2 note 2).
  void Enter();
  // An element's value has been passed.
  struct Skipped {
    uint32_t end = 0;        // position behind the value
    bool left_out = false;   // the value is not in the window
    bool truncated = false;  // the bytes end before the value does, or its item does
  };
  Skipped Skip();

  // Of the sequence or item that the walk is in: its level, 0 for the data set itself.
  int depth() const { return static_cast<int>(frames_.size()) - 1; }
  Encoding encoding() const { return frames_.back().encoding; }
  // The offset in the source that nothing of what it is in reaches past (its own end, or that of what contains it), or kNoEnd.
  uint64_t end_offset() const { return frames_.back().end; }
  uint32_t position() const { return position_; }
  uint64_t offset() const { return offset_; }
  bool stopped() const { return stopped_; }

  std::vector<Problem>& problems() { return problems_; }

 private:
  struct Frame {
    uint64_t end;  // offset: of undefined length, that of what contains it; or kNoEnd
    uint32_t tag;
    bool sequence;   // else an item, or the data set
    bool delimited;  // of undefined length
    Encoding encoding;
    uint32_t items = 0;     // of a sequence: those begun
    uint32_t elements = 0;  // of an item: those begun
  };

  Step StepInSequence();
  Step StepInDataSet();
  enum class Header : uint8_t { kWhole, kPastEnd, kTruncated };
  Header ReadHeader();
  // Whether a value that is not loaded may be left out, and whether its last byte is looked for then.
  enum class LeaveOut : uint8_t { kNever, kChecked, kUnchecked };
  bool PassValue(uint64_t length, LeaveOut leave_out, Skipped& result);
  void PassFragments(Skipped& result);
  void PassNested(Skipped& result);
  bool NeedsWalk() const;
  Encoding EncodingOfItems() const;
  bool big_endian() const { return frames_.back().encoding.big_endian; }
  void Stop(ProblemCode code);
  void Report(ProblemCode code);
  Step Leave(Step step);
  Step LeaveAtEnd(Step step);
  Step LeaveNoElement();
  bool PassPadding(uint64_t& before);
  Step PassTooMany();
  Step PassRest(Step step);
  uint64_t bytes_left() const { return frames_.back().end - offset_; }

  Window* window_ = nullptr;
  uint32_t position_ = 0;
  uint64_t offset_ = 0;
  size_t gap_ = 0;  // the next gap
  bool pending_ = false;
  bool stopped_ = false;
  ElementHeader element_;
  std::vector<Frame> frames_;
  std::vector<Problem> problems_;
  ProblemCounts counts_;
};

}  // namespace dicomhouse::dicom
