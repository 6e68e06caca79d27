#include "cli/dump.h"

#include <algorithm>
#include <deque>
#include <string_view>

#include "base/limits.h"
#include "dicom/dictionary.h"
#include "dicom/tags.h"
#include "dicom/text.h"
#include "dicom/value.h"
#include "mapping/element_decoder.h"
#include "mapping/type_rules.h"
#include "mapping/value_decoder.h"

namespace dicomhouse::cli {
namespace {

using dicom::Step;
using dicom::Vr;
using Kind = DumpedElement::Kind;

constexpr uint32_t kPreambleBytes = 128;
constexpr uint32_t kMetaGroup = 2;

std::string_view Trimmed(std::string_view text) { return text.substr(0, text.find_last_not_of(std::string_view(" \0", 2)) + 1); }

std::string Hex(std::string_view bytes, size_t most) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < std::min(bytes.size(), most); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (i > 0) text += '\\';
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return bytes.size() > most ? text + "..." : text;
}

// What the meaning of an item's elements depends on.
struct Frame {
  mapping::ValueContext context;
  std::vector<std::pair<uint32_t, std::string>> blocks;  // tag of the private creator, its text
  uint32_t tag = 0;                                      // of the last element
  uint64_t times = 0;                                    // that it stood there, one behind the other
  uint64_t repeats_offset = 0;                           // of the first of these that is not shown
};

class Dumper {
 public:
  Dumper(dicom::Instance& instance, const DumpOptions& options, const DumpSink& sink)
      : instance_(instance), window_(instance.window), options_(options), sink_(sink), cursor_(instance.window) {}

  std::vector<dicom::Problem> Run(bool directory) {
    problems_ = instance_.problems;
    uint32_t position = Start();
    frames_ = {Frame{}};
    frames_.back().context.set = SetFor("");
    position = Meta(position);
    frames_ = {Frame{}};
    frames_.back().context.set = SetFor("");
    frames_.back().context.encoding = directory ? dicom::Encoding{} : instance_.encoding;
    cursor_.Start(position, position, frames_.back().context.encoding, EndOffset());
    Walk();
    KeepProblems();
    std::stable_sort(problems_.begin(), problems_.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
    return std::move(problems_);
  }

 private:
  // Where the reading stopped, though more was loaded.
  uint64_t EndOffset() const {
    for (const dicom::Problem& problem : problems_) {
      if (problem.code == dicom::ProblemCode::kTooManyElements && problem.inside.empty()) return problem.offset;
    }
    return dicom::kNoEnd;
  }

  uint32_t Start() const {
    const auto marked = [this](uint32_t at) {
      return window_.size() >= at + 4 && std::equal(window_.data() + at, window_.data() + at + 4, "DICM");
    };
    return marked(kPreambleBytes) ? kPreambleBytes + 4 : marked(0) ? 4 : 0;
  }

  // The File Meta Information: explicit VR but in files that err.
  uint32_t Meta(uint32_t position) {
    const auto in_group = [this](uint32_t at) {
      return window_.Ensure(uint64_t{at} + 8) && dicom::LoadU16(window_.data() + at, false) == kMetaGroup;
    };
    if (!in_group(position)) return position;
    const bool implicit = dicom::VrFromBytes(window_.data()[position + 4], window_.data()[position + 5]) == Vr::kNone;
    frames_.back().context.encoding = {!implicit, false};
    cursor_.Start(position, position, {!implicit, false}, dicom::kNoEnd);
    while (in_group(position) && cursor_.Next() == Step::kElement) {
      Element();
      position = cursor_.position();
    }
    KeepProblems();
    return position;
  }

  void Walk() {
    for (;;) {
      const uint64_t before = cursor_.offset();
      const Step step = cursor_.Next();
      if (step != Step::kElement && step != Step::kItem) Repeats();
      switch (step) {
        case Step::kElement:
          Element();
          break;
        case Step::kItem:
          Item();
          break;
        case Step::kEndItem:
          if (frames_.size() > 1) frames_.pop_back();
          Delimiter(Kind::kItemEnd, dicom::kItemDelimitationTag, before);
          break;
        case Step::kEndSequence:
          Delimiter(Kind::kSequenceEnd, dicom::kSequenceDelimitationTag, before);
          break;
        case Step::kEnd:
          return;
      }
    }
  }

  void Item() {
    Frame frame;
    frame.context = frames_.back().context;
    frame.context.encoding = cursor_.encoding();
    frames_.push_back(std::move(frame));
    DumpedElement out;
    out.kind = Kind::kItem;
    out.tag = dicom::kItemTag;
    out.offset = cursor_.offset() - 8;
    out.depth = cursor_.depth() - 1;
    out.length = dicom::LoadU32(window_.data() + cursor_.position() - 4, frames_.back().context.encoding.big_endian);
    sink_(out);
  }

  // Items and sequences of defined length end without one.
  void Delimiter(Kind kind, uint32_t tag, uint64_t before) {
    if (cursor_.offset() != before + 8) return;
    DumpedElement out;
    out.kind = kind;
    out.tag = tag;
    out.offset = before;
    out.depth = cursor_.depth();
    sink_(out);
  }

  // What was not shown, when something else comes.
  void Repeats() {
    Frame& frame = frames_.back();
    if (frame.times > base::kMaxSameLines) {
      DumpedElement out;
      out.kind = Kind::kRepeats;
      out.offset = frame.repeats_offset;
      out.depth = cursor_.depth();
      out.tag = frame.tag;
      out.repeats = frame.times - base::kMaxSameLines;
      sink_(out);
    }
    frame.times = 0;
  }

  // Whether the element is one of too many with its tag in a row.
  bool IsRepeat(const dicom::ElementHeader& header) {
    Frame& frame = frames_.back();
    if (header.tag != frame.tag) Repeats();
    frame.tag = header.tag;
    if (++frame.times == base::kMaxSameLines + 1) frame.repeats_offset = header.offset;
    return frame.times > base::kMaxSameLines;
  }

  void Element() {
    const dicom::ElementHeader header = cursor_.element();
    if (IsRepeat(header)) {
      cursor_.Skip();
      return;
    }
    const auto* data = reinterpret_cast<const char*>(window_.data());
    const size_t loaded = std::min<size_t>(header.undefined_length() ? 0 : header.length, window_.size() - header.value);
    const mapping::ValueContext& context = frames_.back().context;
    DumpedElement out;
    out.offset = header.offset;
    out.depth = cursor_.depth();
    out.tag = header.tag;
    out.length = header.length;
    out.sequence = mapping::LooksLikeSequence(header.tag, header.vr, header.undefined_length() && !header.fragments,
                                              {data + header.value, loaded}, context.encoding.big_endian);
    out.creator = CreatorOf(header.tag);
    const mapping::Rule rule = mapping::RuleFor({header.tag, header.vr, out.sequence, out.creator}, mapping::Profile::kLossless);
    const Vr vr = mapping::VrToRead(rule, context);
    out.vr = header.vr != Vr::kNone ? dicom::VrText(header.vr) : out.sequence ? "SQ" : dicom::VrText(VrOf(header, vr));
    out.keyword = KeywordOf(header.tag, out.creator);
    if (out.sequence) {
      sink_(out);
      cursor_.Enter();
      return;
    }
    const dicom::Cursor::Skipped skipped = cursor_.Skip();
    out.bytes = cursor_.offset() - header.offset - (header.value - header.start);
    out.left_out = skipped.left_out || header.fragments;
    if (!out.left_out) {
      data = reinterpret_cast<const char*>(window_.data());
      const std::string_view bytes(data + header.value, skipped.end - header.value);
      Values(header.vr, VrOf(header, vr), bytes, out);
      NoteContext(header.tag, bytes);
    }
    sink_(out);
  }

  // Group lengths have no entry in the dictionary (PS3.5 §7.2).
  static Vr VrOf(const dicom::ElementHeader& header, Vr vr) {
    return (header.tag & 0xFFFF) == 0 && header.length == 4 ? Vr::kUL : vr;
  }

  // What is written as UN is little endian, whatever the transfer syntax (PS3.5 §6.2.2 note 2).
  void Values(Vr written, Vr vr, std::string_view bytes, DumpedElement& out) {
    const size_t size = dicom::IsBulk(vr) ? 0 : dicom::ValueSize(vr);
    out.is_text = dicom::IsText(vr);
    if (bytes.empty()) return;
    if (!out.is_text && (size == 0 || bytes.size() % size != 0)) {
      out.values.push_back(Hex(bytes, options_.max_bytes));
      return;
    }
    mapping::ValueContext context = frames_.back().context;
    if (written == Vr::kUN) context.encoding.big_endian = false;
    for (const std::string_view value : decoder_.Printed(vr, bytes, context)) {
      const bool tag = vr == Vr::kAT && value.size() == 8;
      out.values.push_back(tag ? "(" + std::string(value.substr(0, 4)) + "," + std::string(value.substr(4)) + ")"
                               : std::string(value));
    }
  }

  void NoteContext(uint32_t tag, std::string_view bytes) {
    Frame& frame = frames_.back();
    if (mapping::IsPrivateCreator(tag)) {
      frame.blocks.emplace_back(tag, Trimmed(bytes));
    } else if (tag == dicom::kSpecificCharacterSetTag) {
      frame.context.set = SetFor(Trimmed(bytes));
    } else if (tag == dicom::kPixelRepresentationTag && bytes.size() >= 2) {
      const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
      frame.context.signed_pixels = dicom::LoadU16(data, frame.context.encoding.big_endian) == 1;
    }
  }

  // Sets live as long as this: items refer to them.
  const dicom::CharacterSet* SetFor(std::string_view value) {
    const auto found = std::find_if(sets_.begin(), sets_.end(), [value](const auto& set) { return set.value() == value; });
    return found != sets_.end() ? &*found : &sets_.emplace_back(value);
  }

  std::string CreatorOf(uint32_t tag) const {
    if (!mapping::IsPrivate(tag) || mapping::IsPrivateCreator(tag)) return "";
    const uint32_t wanted = (tag & 0xFFFF0000) | (tag >> 8 & 0xFF);
    for (const auto& [block, creator] : frames_.back().blocks) {
      if (block == wanted) return creator;
    }
    return "";
  }

  static std::string KeywordOf(uint32_t tag, const std::string& creator) {
    if (mapping::IsPrivateCreator(tag)) return "PrivateCreator";
    if ((tag & 0xFFFF) == 0 && dicom::FindElement(tag) == nullptr) return "GroupLength";
    if (mapping::IsPrivate(tag)) {
      const dicom::PrivateEntry* entry = dicom::FindPrivate(creator, tag);
      return entry == nullptr ? "" : std::string(entry->name);
    }
    const dicom::ElementEntry* entry = dicom::FindElement(tag);
    return entry == nullptr ? "" : std::string(entry->keyword.empty() ? entry->name : entry->keyword);
  }

  // What the walk found and the reading did not: the reading passes sequences over.
  void KeepProblems() {
    for (const dicom::Problem& problem : cursor_.problems()) {
      const bool known = std::any_of(problems_.begin(), problems_.end(), [&problem](const dicom::Problem& other) {
        return other.code == problem.code && other.tag == problem.tag && other.offset == problem.offset;
      });
      if (!known) problems_.push_back(problem);
    }
    cursor_.problems().clear();
  }

  dicom::Instance& instance_;
  dicom::Window& window_;
  const DumpOptions& options_;
  const DumpSink& sink_;
  dicom::Cursor cursor_;
  mapping::ValueDecoder decoder_;
  std::vector<Frame> frames_;
  std::deque<dicom::CharacterSet> sets_;
  std::vector<dicom::Problem> problems_;
};

}  // namespace

std::vector<dicom::Problem> Dump(dicom::Instance& instance, bool directory, const DumpOptions& options, const DumpSink& sink) {
  return Dumper(instance, options, sink).Run(directory);
}

}  // namespace dicomhouse::cli
