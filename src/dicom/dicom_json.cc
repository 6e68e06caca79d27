#include "dicom/dicom_json.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "dicom/cursor.h"
#include "dicom/dictionary.h"
#include "dicom/tags.h"
#include "dicom/text.h"

namespace dicomhouse::dicom {
namespace {

constexpr std::string_view kUtf8Term = "ISO_IR 192";
constexpr std::array<std::string_view, 3> kNameGroups = {"Alphabetic", "Ideographic", "Phonetic"};
// More digits may not fit into 64 bits, which readers of JSON integers have.
constexpr size_t kMaxIntegerDigits = 18;
// Integers that a double has exactly: readers in JavaScript have nothing else (RFC 8259 §6).
constexpr int64_t kMaxSafeInteger = (int64_t{1} << 53) - 1;

bool IsPrivate(uint32_t tag) { return (tag >> 16 & 1) != 0; }
bool IsPrivateCreator(uint32_t tag) { return IsPrivate(tag) && (tag & 0xFFFF) >= 0x10 && (tag & 0xFFFF) <= 0xFF; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
const uint8_t* Raw(std::string_view bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

std::string_view TrimmedEnd(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.remove_suffix(1);
  return text;
}
std::string_view Trimmed(std::string_view text) {
  text = TrimmedEnd(text);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}
// Leading spaces mean something in these (PS3.5 §6.2).
bool KeepsLeadingSpaces(Vr vr) {
  return vr == Vr::kLT || vr == Vr::kST || vr == Vr::kUT || vr == Vr::kUC || vr == Vr::kUR || vr == Vr::kPN;
}

bool BeginsWithItem(std::string_view value, bool big_endian) {
  return value.size() >= 8 && LoadTag(Raw(value), big_endian) == kItemTag;
}

void AppendTagText(std::string& out, uint32_t tag) {
  char digits[8];
  for (int i = 0; i < 8; ++i) digits[i] = "0123456789ABCDEF"[tag >> (28 - 4 * i) & 15];
  out.append(digits, sizeof digits);
}

template <typename T, typename... Format>
void AppendDigits(std::string& out, T number, Format... format) {
  char digits[40];
  out.append(digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, number, format...).ptr - digits));
}

// JSON has no numbers that are none: those are strings, as other writers print them. Large ones have an exponent: digits alone
// are an integer to many readers, which refuse one of more than 64 bits.
template <typename T>
void AppendFloat(std::string& out, T number) {
  if (std::isnan(number)) {
    out += "\"NaN\"";
  } else if (std::isinf(number)) {
    out += number < 0 ? "\"-inf\"" : "\"inf\"";
  } else if (std::abs(number) > static_cast<T>(kMaxSafeInteger)) {
    AppendDigits(out, number, std::chars_format::scientific);
  } else {
    AppendDigits(out, number);
  }
}

// SV and UV may be numbers or strings (table F.2.3-1): strings where a double would round.
template <typename T>
void AppendLong(std::string& out, T number) {
  const bool safe =
      number <= static_cast<T>(kMaxSafeInteger) && (!std::is_signed_v<T> || number >= static_cast<T>(-kMaxSafeInteger));
  if (!safe) out += '"';
  AppendDigits(out, number);
  if (!safe) out += '"';
}

// The text of an IS or DS as a JSON number with the same digits; JSON has no leading '+', zeros or '.'. False: it is none.
bool AppendDecimal(std::string& out, std::string_view text, bool integer) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) ++p;
  const char* whole = p;
  while (p < end && IsDigit(*p)) ++p;
  const char* const whole_end = p;
  const char* fraction = p;
  if (!integer && p < end && *p == '.') {
    fraction = ++p;
    while (p < end && IsDigit(*p)) ++p;
  }
  const char* const fraction_end = p;
  if (whole == whole_end && fraction == fraction_end) return false;
  const char* const exponent = p;
  if (!integer && p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '-' || *p == '+')) ++p;
    const char* const digits = p;
    while (p < end && IsDigit(*p)) ++p;
    if (p == digits) return false;
  }
  if (p != end) return false;
  while (whole + 1 < whole_end && *whole == '0') ++whole;
  if (whole_end - whole > static_cast<std::ptrdiff_t>(kMaxIntegerDigits)) return false;
  if (exponent != end) {  // 1E999 is no number to most readers
    double value = 0;
    const char* const digits = text.data() + (text.front() == '+' ? 1 : 0);
    if (std::from_chars(digits, end, value).ec != std::errc()) return false;
  }
  if (negative) out += '-';
  out.append(whole == whole_end ? "0" : whole, whole == whole_end ? 1 : static_cast<size_t>(whole_end - whole));
  if (fraction != fraction_end) out.append(1, '.').append(fraction, fraction_end);
  out.append(exponent, end);
  return true;
}

// Octets of a bulk value are those of little endian (PS3.18 §F.2.7, PS3.5 §A.2).
void ToLittleEndian(std::string& bytes, Vr vr) {
  const size_t size = ValueSize(vr);
  if (size < 2) return;
  for (size_t i = 0; i + size <= bytes.size(); i += size) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i), bytes.begin() + static_cast<std::ptrdiff_t>(i + size));
  }
}

// What the meaning of an element depends on besides its own bytes.
struct Context {
  const CharacterSet* set = nullptr;
  bool signed_pixels = false;
  bool big_endian = false;
};

// An element at any level.
struct Found {
  uint32_t tag = 0;
  Vr vr = Vr::kNone;  // as written
  std::string_view value;
  bool sequence = false;  // by its header alone
  bool fragments = false;
  bool left_out = false;
  bool truncated = false;
};

// The VR of an element whose header does not say it (implicit VR, UN, VRs of the future).
Vr UnwrittenVr(const Found& found, std::string_view creator, const Context& context) {
  if (found.sequence) return Vr::kSQ;
  if (found.fragments) return Vr::kOB;
  const bool item = BeginsWithItem(found.value, context.big_endian && found.vr != Vr::kUN);
  if (IsPrivateCreator(found.tag)) return Vr::kLO;
  if (IsPrivate(found.tag)) {
    if (item) return Vr::kSQ;
    const PrivateEntry* entry = creator.empty() ? nullptr : FindPrivate(creator, found.tag);
    return entry == nullptr || (entry->vr == Vr::kSQ && (!found.value.empty() || found.left_out)) ? Vr::kUN : entry->vr;
  }
  const ElementEntry* entry = FindElement(found.tag);
  if (entry == nullptr) return item ? Vr::kSQ : Vr::kUN;
  if (entry->vr == Vr::kSQ) return item || (found.value.empty() && !found.left_out) ? Vr::kSQ : Vr::kUN;
  return entry->us_or_ss && context.signed_pixels ? Vr::kSS : entry->vr;
}

Vr VrOf(const Found& found, std::string_view creator, const Context& context) {
  if (found.vr != Vr::kNone && found.vr != Vr::kUN) return found.vr;
  return UnwrittenVr(found, creator, context);
}

}  // namespace

struct DicomJsonWriter::State {
  // A member of an object that is being written: where it begins in `out`.
  struct Member {
    uint32_t tag = 0;
    size_t begin = 0;
  };
  // A sequence on the way down, and the item of it that the walk is in.
  struct Frame {
    uint32_t tag = 0;
    uint32_t item = 0;                                            // from 1
    size_t members = 0;                                           // index of the item's first one
    Context outer;                                                // of what contains the sequence
    Context context;                                              // of the item
    std::vector<std::pair<uint32_t, std::string_view>> creators;  // block, private creator
  };

  DicomJsonOptions options;
  TextDecoder decoder;
  DecodedText decoded;
  std::vector<std::string_view> texts;
  std::unordered_map<std::string, std::unique_ptr<CharacterSet>> sets;
  std::string set_key;
  Cursor cursor;
  std::vector<Frame> frames;
  size_t depth = 0;  // frames in use
  std::vector<Member> members;
  std::string scratch;
  std::vector<uint32_t> sorted_tags;
  bool complete = true;                       // all is written, but for what has a BulkDataURI
  std::vector<std::string>* items = nullptr;  // takes the outermost sequence's items, one by one
  size_t items_bytes = 0;                     // of them

  const CharacterSet* SetFor(std::string_view value);
  Context ContextOf(const Instance& instance);
  bool AppendMember(Instance& instance, const dicom::TopElement& element, const Context& context, bool any, std::string& out);
  // False: nothing was written, as the value is left out and has no URI.
  bool TopElement(Instance& instance, const dicom::TopElement& element, const Context& context, std::string& out);
  bool IsNotWritten(const Found& found, Vr vr) const;

  void Value(const Found& found, Vr vr, const Context& context, std::string& out);
  void Bulk(const Found& found, Vr vr, const Context& context, std::string& out);
  void LeftOut(uint32_t tag, std::string& out);
  void Binary(std::string_view bytes, Vr vr, bool big_endian, std::string& out);
  void SplitText(Vr vr, std::string_view bytes, const CharacterSet& set);
  void Text(Vr vr, std::string_view bytes, const CharacterSet& set, std::string& out);
  static void Name(std::string_view text, std::string& out);
  static void Numbers(Vr vr, std::string_view bytes, bool big_endian, std::string& out);

  void Sequence(Instance& instance, const dicom::TopElement& element, const Context& context, std::string& out);
  void WalkOn(Instance& instance, std::string& out);
  void Enter(uint32_t tag, const Context& context, std::string& out);
  void BeginItem(std::string& out);
  void EndItem(std::string& out);
  void EndSequence(std::string& out);
  void Nested(Instance& instance, std::string& out);
  static std::string_view CreatorIn(const Frame& frame, uint32_t tag);
  void NoteContext(Frame& frame, uint32_t tag, std::string_view bytes);
  void Sort(size_t first, std::string& out);
};

DicomJsonWriter::DicomJsonWriter(DicomJsonOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}
DicomJsonWriter::~DicomJsonWriter() = default;

void DicomJsonWriter::AppendDataSet(Instance& instance, std::string& out) {
  const Context context = state_->ContextOf(instance);
  out += '{';
  uint32_t last = 0;
  bool any = false;
  for (const TopElement& element : instance.elements) {
    if (element.tag == last || (element.tag >> 16 == 2 && !state_->options.file_meta)) continue;  // of two equal tags the first
    last = element.tag;
    any = state_->AppendMember(instance, element, context, any, out);
  }
  out += '}';
}

bool DicomJsonWriter::AppendElements(Instance& instance, std::span<const uint32_t> tags, std::string& out) {
  const Context context = state_->ContextOf(instance);
  if (!std::is_sorted(tags.begin(), tags.end())) {
    state_->sorted_tags.assign(tags.begin(), tags.end());
    std::sort(state_->sorted_tags.begin(), state_->sorted_tags.end());
    tags = state_->sorted_tags;
  }
  bool any = false;
  for (size_t i = 0; i < tags.size(); ++i) {
    if (i > 0 && tags[i] == tags[i - 1]) continue;
    const TopElement* element = instance.Find(tags[i]);
    if (element == nullptr) continue;
    any = state_->AppendMember(instance, *element, context, any, out);
  }
  return any;
}

bool DicomJsonWriter::WriteItems(Instance& instance, const SequencePlace& place, size_t max_bytes,
                                 std::vector<std::string>& items) {
  State& state = *state_;
  items.clear();
  state.items = &items;
  state.items_bytes = 0;
  state.complete = true;
  state.depth = 0;
  state.members.clear();
  state.cursor.Open(instance.window);
  state.cursor.Start(place.start, place.offset, place.encoding, place.end_offset);
  std::string text;
  if (state.cursor.Next() != Step::kElement) return false;
  state.Enter(state.cursor.element().tag, {place.set, place.signed_pixels, place.encoding.big_endian}, text);
  while (state.depth > 0 && state.complete && state.items_bytes + text.size() <= max_bytes) state.WalkOn(instance, text);
  state.items = nullptr;
  return state.complete && state.depth == 0 && state.items_bytes <= max_bytes && state.cursor.problems().empty();
}

const CharacterSet* DicomJsonWriter::State::SetFor(std::string_view value) {
  set_key.assign(value);
  auto& set = sets[set_key];
  if (set == nullptr) set = std::make_unique<CharacterSet>(value);
  return set.get();
}

Context DicomJsonWriter::State::ContextOf(const Instance& instance) {
  Context context;
  context.set = SetFor(instance.Text(kSpecificCharacterSetTag));
  context.big_endian = instance.encoding.big_endian;
  const dicom::TopElement* pixels = instance.Find(kPixelRepresentationTag);
  if (pixels != nullptr && pixels->end - pixels->value >= 2 && !pixels->left_out) {
    context.signed_pixels = LoadU16(Raw(instance.Value(*pixels)), context.big_endian) == 1;
  }
  return context;
}

// One more member behind others, if any. Returns whether there are any now.
bool DicomJsonWriter::State::AppendMember(Instance& instance, const dicom::TopElement& element, const Context& context, bool any,
                                          std::string& out) {
  if (any) out += ',';
  if (TopElement(instance, element, context, out)) return true;
  if (any) out.pop_back();
  return any;
}

// "GGGGEEEE":{"vr":"XX",...}
bool DicomJsonWriter::State::TopElement(Instance& instance, const dicom::TopElement& element, const Context& context,
                                        std::string& out) {
  depth = 0;
  Found found;
  found.tag = element.tag;
  found.vr = element.vr;
  found.value = instance.Value(element);
  found.sequence = element.length == kUndefinedLength && !element.fragments;
  found.fragments = element.fragments;
  found.left_out = element.left_out;
  found.truncated = element.truncated;
  std::string_view creator;
  if (IsPrivate(element.tag) && !IsPrivateCreator(element.tag)) {
    const dicom::TopElement* owner = instance.Find((element.tag & 0xFFFF0000) | (element.tag >> 8 & 0xFF));
    if (owner != nullptr) creator = Trimmed(instance.Value(*owner));
  }
  Context own = context;
  own.big_endian = instance.EncodingOf(element).big_endian;
  const Vr vr = VrOf(found, creator, own);
  if (IsNotWritten(found, vr)) return false;
  out += '"';
  AppendTagText(out, element.tag);
  out.append("\":{\"vr\":\"").append(VrText(vr)).append("\"");
  if (vr == Vr::kSQ) {
    Sequence(instance, element, own, out);
  } else {
    Value(found, vr, own, out);
  }
  out += '}';
  return true;
}

bool DicomJsonWriter::State::IsNotWritten(const Found& found, Vr vr) const {
  if (options.bulk_uri || vr == Vr::kSQ || !(IsBulk(vr) || found.left_out)) return false;
  return found.left_out || found.fragments || found.truncated || found.value.size() > options.inline_bytes;
}

// The rest of the element's object: Value, InlineBinary, BulkDataURI, or nothing when it is empty.
void DicomJsonWriter::State::Value(const Found& found, Vr vr, const Context& context, std::string& out) {
  if (IsBulk(vr) || found.left_out) return Bulk(found, vr, context, out);
  complete = complete && !found.truncated;
  if (found.value.empty() || found.truncated) return;
  if (found.tag == kSpecificCharacterSetTag) {  // of the JSON itself, which is UTF-8 whatever the bytes were
    if (!Trimmed(found.value).empty()) out.append(",\"Value\":[\"").append(kUtf8Term).append("\"]");
  } else if (IsText(vr)) {
    Text(vr, found.value, *context.set, out);
  } else if (const size_t size = ValueSize(vr); size == 0 || found.value.size() % size != 0) {
    // Not of this VR: octets of an unknown one, so that nothing is lost.
    out.replace(out.size() - 3, 2, VrText(Vr::kUN));
    Binary(found.value, Vr::kUN, false, out);
  } else {
    // Numbers written as UN are little endian, whatever the transfer syntax (PS3.5 §6.2.2, note 2).
    Numbers(vr, found.value, context.big_endian && found.vr != Vr::kUN, out);
  }
}

void DicomJsonWriter::State::Bulk(const Found& found, Vr vr, const Context& context, std::string& out) {
  if (found.left_out || found.fragments || found.truncated || found.value.size() > options.inline_bytes) {
    LeftOut(found.tag, out);
  } else if (!found.value.empty()) {
    Binary(found.value, vr, context.big_endian && found.vr != Vr::kUN, out);
  }
}

void DicomJsonWriter::State::LeftOut(uint32_t tag, std::string& out) {
  std::string path;
  for (size_t i = 0; i < depth; ++i) {
    AppendTagText(path, frames[i].tag);
    path.append("/").append(std::to_string(frames[i].item)).append("/");
  }
  AppendTagText(path, tag);
  out += ",\"BulkDataURI\":";
  base::AppendJsonString(out, options.bulk_uri(path));
}

void DicomJsonWriter::State::Binary(std::string_view bytes, Vr vr, bool big_endian, std::string& out) {
  out += ",\"InlineBinary\":\"";
  if (big_endian) {
    scratch.assign(bytes);
    ToLittleEndian(scratch, vr);
    bytes = scratch;
  }
  base::AppendBase64(out, bytes);
  out += '"';
}

// The values of a text element as UTF-8 without padding, into texts.
void DicomJsonWriter::State::SplitText(Vr vr, std::string_view bytes, const CharacterSet& set) {
  texts.clear();
  if (!IsPlainAscii(bytes)) {
    decoder.Decode(set, vr, bytes, decoded);
    complete = complete && decoded.replaced_bytes == 0;
    for (size_t i = 0; i < decoded.values.size(); ++i) texts.push_back(decoded.value(i));
    return;
  }
  const bool keep_front = KeepsLeadingSpaces(vr);
  const auto add = [&](std::string_view value) { texts.push_back(keep_front ? TrimmedEnd(value) : Trimmed(value)); };
  if (!SplitsAtBackslash(vr)) return add(bytes);
  for (;;) {
    const size_t end = bytes.find('\\');
    add(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
  }
}

// Empty values among others are null (PS3.18 §F.2.5).
void DicomJsonWriter::State::Text(Vr vr, std::string_view bytes, const CharacterSet& set, std::string& out) {
  SplitText(vr, bytes, set);
  if (texts.empty() || (texts.size() == 1 && texts[0].empty())) return;
  out += ",\"Value\":[";
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    if (texts[i].empty()) {
      out += "null";
    } else if (vr == Vr::kPN) {
      Name(texts[i], out);
    } else if ((vr != Vr::kIS && vr != Vr::kDS) || !AppendDecimal(out, texts[i], vr == Vr::kIS)) {
      base::AppendJsonString(out, texts[i]);
    }
  }
  out += ']';
}

// Component groups that are not empty (PS3.18 §F.2.2). What is behind a third '=' stays in the last.
void DicomJsonWriter::State::Name(std::string_view text, std::string& out) {
  out += '{';
  bool any = false;
  for (size_t g = 0; g < kNameGroups.size(); ++g) {
    const size_t end = g + 1 < kNameGroups.size() ? text.find('=') : std::string_view::npos;
    const std::string_view group = TrimmedEnd(text.substr(0, end));
    if (!group.empty()) {
      if (any) out += ',';
      any = true;
      out.append("\"").append(kNameGroups[g]).append("\":");
      base::AppendJsonString(out, group);
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  out += '}';
}

void DicomJsonWriter::State::Numbers(Vr vr, std::string_view bytes, bool big_endian, std::string& out) {
  const uint8_t* p = Raw(bytes);
  const uint8_t* const end = p + bytes.size();
  const size_t size = ValueSize(vr);
  out += ",\"Value\":[";
  for (; p < end; p += size) {
    switch (vr) {
      case Vr::kUS:
        AppendDigits(out, LoadU16(p, big_endian));
        break;
      case Vr::kSS:
        AppendDigits(out, static_cast<int16_t>(LoadU16(p, big_endian)));
        break;
      case Vr::kUL:
        AppendDigits(out, LoadU32(p, big_endian));
        break;
      case Vr::kSL:
        AppendDigits(out, static_cast<int32_t>(LoadU32(p, big_endian)));
        break;
      case Vr::kAT:
        out += '"';
        AppendTagText(out, LoadTag(p, big_endian));
        out += '"';
        break;
      case Vr::kFL:
        AppendFloat(out, std::bit_cast<float>(LoadU32(p, big_endian)));
        break;
      case Vr::kFD:
        AppendFloat(out, std::bit_cast<double>(LoadU64(p, big_endian)));
        break;
      case Vr::kSV:
        AppendLong(out, static_cast<int64_t>(LoadU64(p, big_endian)));
        break;
      default:
        AppendLong(out, LoadU64(p, big_endian));
        break;
    }
    out += ',';
  }
  out.back() = ']';
}

// A sequence at the top level with all that is in it.
void DicomJsonWriter::State::Sequence(Instance& instance, const dicom::TopElement& element, const Context& context,
                                      std::string& out) {
  cursor.Open(instance.window);
  cursor.Start(element.start, instance.OffsetOf(element), instance.EncodingOf(element), kNoEnd);
  if (cursor.Next() != Step::kElement) return;
  Enter(element.tag, context, out);
  while (depth > 0) WalkOn(instance, out);
}

// One step of the walk through a sequence and all that is in it.
void DicomJsonWriter::State::WalkOn(Instance& instance, std::string& out) {
  switch (cursor.Next()) {
    case Step::kItem:
      BeginItem(out);
      break;
    case Step::kElement:
      Nested(instance, out);
      break;
    case Step::kEndItem:
      EndItem(out);
      break;
    case Step::kEndSequence:
      EndSequence(out);
      break;
    case Step::kEnd:  // the bytes end early: what is open is closed
      complete = false;
      while (depth > 0) {
        if (frames[depth - 1].item > 0 && frames[depth - 1].members != SIZE_MAX) EndItem(out);
        EndSequence(out);
      }
      break;
  }
}

void DicomJsonWriter::State::Enter(uint32_t tag, const Context& context, std::string& out) {
  cursor.Enter();
  if (depth == frames.size()) frames.emplace_back();
  Frame& frame = frames[depth++];
  frame.tag = tag;
  frame.item = 0;
  frame.members = SIZE_MAX;
  frame.outer = context;
  frame.outer.big_endian = cursor.encoding().big_endian;
  out += ",\"Value\":[";
}

void DicomJsonWriter::State::BeginItem(std::string& out) {
  Frame& frame = frames[depth - 1];
  if (frame.item++ > 0) out += ',';
  if (depth == 1 && items != nullptr) out.clear();
  frame.members = members.size();
  frame.context = frame.outer;
  frame.creators.clear();
  out += '{';
}

void DicomJsonWriter::State::EndItem(std::string& out) {
  Frame& frame = frames[depth - 1];
  Sort(frame.members, out);
  members.resize(frame.members);
  frame.members = SIZE_MAX;
  out += '}';
  if (depth > 1 || items == nullptr) return;
  items_bytes += out.size();
  items->push_back(out);
}

void DicomJsonWriter::State::EndSequence(std::string& out) {
  const Frame& frame = frames[--depth];
  if (frame.item > 0) {
    out += ']';
  } else {
    out.resize(out.size() - std::string_view(",\"Value\":[").size());  // no item: no value (PS3.18 §F.2.5)
  }
  if (depth > 0) out += '}';  // of the element; the outermost one's is its caller's
}

// An element inside an item.
void DicomJsonWriter::State::Nested(Instance& instance, std::string& out) {
  const ElementHeader header = cursor.element();
  if ((header.tag & 0xFFFF) == 0) return;  // group length, retired
  Frame& frame = frames[depth - 1];
  const auto* data = reinterpret_cast<const char*>(instance.window.data());
  const size_t loaded = std::min<size_t>(header.undefined_length() ? 0 : header.length, instance.window.size() - header.value);
  Found found;
  found.tag = header.tag;
  found.vr = header.vr;
  found.value = {data + header.value, loaded};
  found.sequence = header.undefined_length() && !header.fragments;
  found.fragments = header.fragments;
  found.left_out = !header.undefined_length() && loaded < header.length;
  const std::string_view creator = CreatorIn(frame, header.tag);
  Vr vr = VrOf(found, creator, frame.context);
  if (vr != Vr::kSQ) {
    const Cursor::Skipped skipped = cursor.Skip();
    found.left_out = skipped.left_out;
    found.truncated = skipped.truncated;
    found.value = {data + header.value, skipped.left_out || header.fragments ? 0 : skipped.end - header.value};
    vr = VrOf(found, creator, frame.context);
    if (vr == Vr::kSQ) vr = Vr::kUN;
    if (IsNotWritten(found, vr)) return;
  }
  if (members.size() > frame.members) out += ',';
  members.push_back({header.tag, out.size()});
  out += '"';
  AppendTagText(out, header.tag);
  out.append("\":{\"vr\":\"").append(VrText(vr)).append("\"");
  if (vr == Vr::kSQ) {
    const Context context = frame.context;  // entering may move the frames
    return Enter(header.tag, context, out);
  }
  if (!found.truncated) NoteContext(frame, header.tag, found.value);
  Value(found, vr, frame.context, out);
  out += '}';
}

std::string_view DicomJsonWriter::State::CreatorIn(const Frame& frame, uint32_t tag) {
  if (!IsPrivate(tag)) return {};
  for (size_t i = frame.creators.size(); i-- > 0;) {
    if (frame.creators[i].first == (tag & 0xFFFFFF00)) return frame.creators[i].second;
  }
  return {};
}

// Elements of an item that the meaning of others depends on.
void DicomJsonWriter::State::NoteContext(Frame& frame, uint32_t tag, std::string_view bytes) {
  if (IsPrivateCreator(tag)) {
    frame.creators.emplace_back((tag & 0xFFFF0000) | (tag & 0xFF) << 8, Trimmed(bytes));
  } else if (tag == kSpecificCharacterSetTag) {
    frame.context.set = SetFor(Trimmed(bytes));
  } else if (tag == kPixelRepresentationTag && bytes.size() >= 2) {
    frame.context.signed_pixels = LoadU16(Raw(bytes), frame.context.big_endian) == 1;
  }
}

// Puts the members of the innermost object into ascending order (PS3.18 §F.2.2); of equal tags the first stays.
void DicomJsonWriter::State::Sort(size_t first, std::string& out) {
  const auto begin = members.begin() + static_cast<std::ptrdiff_t>(first);
  const auto not_above = [](const Member& a, const Member& b) { return a.tag >= b.tag; };
  if (std::adjacent_find(begin, members.end(), not_above) == members.end()) return;
  const size_t start = begin->begin;
  scratch.assign(out, start);
  // Member::begin becomes the place in scratch; ends are kept beside, as sorting loses them.
  std::vector<std::pair<Member, size_t>> pieces;
  for (auto member = begin; member != members.end(); ++member) {
    const size_t end = member + 1 == members.end() ? out.size() : (member + 1)->begin - 1;  // without the comma
    pieces.push_back({{member->tag, member->begin - start}, end - start});
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) { return a.first.tag < b.first.tag; });
  out.resize(start);
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0 && pieces[i].first.tag == pieces[i - 1].first.tag) {
      complete = false;
      continue;
    }
    if (i > 0) out += ',';
    out.append(scratch, pieces[i].first.begin, pieces[i].second - pieces[i].first.begin);
  }
}

}  // namespace dicomhouse::dicom
