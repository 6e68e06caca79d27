// A data set in memory and its encoding to bytes (PS3.5 §7, PS3.10 §7).
//
// Written apart from src/ on purpose: what this writes is the oracle for what the product reads, so the two share nothing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace make_dicom {

// An element's tag and value representation; tags.h lists those that are used here.
struct Attribute {
  uint32_t tag;
  char vr[3];
};
constexpr bool operator==(const Attribute& a, const Attribute& b) { return a.tag == b.tag; }

struct Element;

class DataSet {
 public:
  // Replaces or inserts. `text` is what the standard would print: "256\\256" for a US of two values is packed to four bytes.
  // Text is taken as bytes in the character set of the data set. Byte VRs (OB, OW, UN ...) take the bytes as they are.
  DataSet& Set(const Attribute& attribute, std::string_view text);
  DataSet& Set(const Attribute& attribute, const char* text) { return Set(attribute, std::string_view(text)); }
  DataSet& Set(const Attribute& attribute, double number);
  DataSet& Set(const Attribute& attribute, std::initializer_list<double> numbers);
  DataSet& Set(const Attribute& attribute, const std::vector<double>& numbers);
  // Adds one item to a sequence, which it makes when missing. The reference holds until the next item is added.
  DataSet& AddItem(const Attribute& sequence);
  // A sequence without items.
  DataSet& EmptySequence(const Attribute& sequence);
  // Pixel data in fragments; the first one is the offset table.
  DataSet& SetFragments(const Attribute& attribute, std::vector<std::string> fragments);
  void Remove(const Attribute& attribute);

  Element* Find(const Attribute& attribute);
  const Element* Find(const Attribute& attribute) const;
  // Text of an element without padding, "" when missing.
  std::string_view Text(const Attribute& attribute) const;

  const std::vector<Element>& elements() const { return elements_; }
  std::vector<Element>& elements() { return elements_; }
  size_t CountElements() const;  // nested ones too, items not

 private:
  Element& At(const Attribute& attribute);

  std::vector<Element> elements_;  // in tag order
};

struct Element {
  Attribute attribute{};
  std::string value;                   // little endian, padded to an even length
  std::vector<DataSet> items;          // of a sequence
  std::vector<std::string> fragments;  // of encapsulated pixel data

  bool is_sequence() const { return attribute.vr[0] == 'S' && attribute.vr[1] == 'Q'; }
};

// Numbers as DS and IS have them: at most 16 characters, no trailing zeros.
std::string Decimal(double number);
std::string Decimals(std::initializer_list<double> numbers);
std::string Padded(uint64_t number, int digits);

// The bytes of one value of a numeric VR, little endian; "" for other VRs.
std::string PackNumber(const Attribute& attribute, double number);
bool IsNumeric(const Attribute& attribute);

inline constexpr std::string_view kImplicitLittle = "1.2.840.10008.1.2";
inline constexpr std::string_view kExplicitLittle = "1.2.840.10008.1.2.1";
inline constexpr std::string_view kDeflatedLittle = "1.2.840.10008.1.2.1.99";
inline constexpr std::string_view kExplicitBig = "1.2.840.10008.1.2.2";
inline constexpr std::string_view kJpegBaseline = "1.2.840.10008.1.2.4.50";
inline constexpr std::string_view kRleLossless = "1.2.840.10008.1.2.5";

struct FileFormat {
  std::string_view transfer_syntax = kExplicitLittle;
  bool preamble = true;            // 128 bytes and "DICM"
  bool file_meta = true;           // group 0002
  bool undefined_lengths = false;  // of sequences and items
};

// Appends the data set without file meta information. Transfer syntax as above; the deflated one is not deflated here.
void EncodeDataSet(const DataSet& data_set, const FileFormat& format, std::string& out);
// A whole file. SOP class and instance of the file meta information are those of the data set.
std::string EncodeFile(const DataSet& data_set, const FileFormat& format);
// The same into a buffer that is reused.
void EncodeFile(const DataSet& data_set, const FileFormat& format, std::string& out);

}  // namespace make_dicom
