#include "dicom/instance.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/limits.h"
#include "dicom/inflate.h"
#include "tests/dicom/dicom_writer.h"

namespace dicomhouse::dicom {
namespace {

using testing::AppendHeader;
using testing::Bytes;
using ::testing::Contains;
using testing::DataSet;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kExplicitBig;
using testing::kExplicitLittle;
using testing::kImplicitLittle;
using testing::Preamble;
using testing::Sequence;
using ::testing::SizeIs;
using testing::SyntaxOf;
using testing::Text;
using testing::Write;
using testing::WriteElement;
using testing::WriteFile;
using testing::WriteMeta;

constexpr uint32_t kSopInstance = 0x00080018;

std::span<const uint8_t> AsBytes(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

// Bytes of which most are zeros that are nowhere; counts what is read, and that reading never goes back.
class CountingSource final : public ByteSource {
 public:
  explicit CountingSource(std::string bytes, uint64_t zeros_at = 0, uint64_t zeros = 0)
      : bytes_(std::move(bytes)), at_(zeros_at), zeros_(zeros) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    EXPECT_GE(offset, last_) << "reading goes back";
    last_ = offset;
    ++reads_;
    size_t count = 0;
    for (; count < out.size() && offset + count < bytes_.size() + zeros_; ++count) {
      const uint64_t at = offset + count;
      out[count] = at < at_            ? static_cast<uint8_t>(bytes_[at])
                   : at < at_ + zeros_ ? 0
                                       : static_cast<uint8_t>(bytes_[at - zeros_]);
    }
    read_ += count;
    return count;
  }
  uint64_t read() const { return read_; }
  int reads() const { return reads_; }

 private:
  std::string bytes_;
  uint64_t at_;
  uint64_t zeros_;
  uint64_t last_ = 0;
  uint64_t read_ = 0;
  int reads_ = 0;
};

class FailingSource final : public ByteSource {
 public:
  FailingSource(std::string bytes, uint64_t fails_at) : bytes_(std::move(bytes)), fails_at_(fails_at) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    if (offset + out.size() > fails_at_) return base::Error{base::ErrorCode::kIo, "a broken disk"};
    return MemorySource(AsBytes(bytes_)).ReadAt(offset, out);
  }

 private:
  std::string bytes_;
  uint64_t fails_at_;
};

struct Reading {
  ReadOutcome outcome;
  Instance instance;

  std::vector<uint32_t> tags() const {
    std::vector<uint32_t> tags;
    for (const TopElement& element : instance.elements) tags.push_back(element.tag);
    return tags;
  }
  std::vector<ProblemCode> problems() const {
    std::vector<ProblemCode> codes;
    for (const Problem& problem : instance.problems) codes.push_back(problem.code);
    return codes;
  }
};

Reading Read(ByteSource& source) {
  Reading reading;
  InstanceReader reader;
  reading.outcome = reader.Read(source, reading.instance);
  return reading;
}
Reading Read(const std::string& bytes) {
  MemorySource source(AsBytes(bytes));
  return Read(source);
}

const DataSet kSmall = {Text(kSopInstance, "UI", "1.2.34"), Text(0x00100010, "PN", "Doe^Jane"), testing::Us(0x00280010, {512})};

void ExpectSmallElements(const Reading& reading, Encoding encoding) {
  EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);
  EXPECT_EQ(reading.instance.encoding, encoding);
  EXPECT_EQ(reading.instance.Text(kSopInstance), "1.2.34");
  EXPECT_EQ(reading.instance.Text(0x00100010), "Doe^Jane");
  const TopElement* rows = reading.instance.Find(0x00280010);
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(LoadU16(reading.instance.window.data() + rows->value, encoding.big_endian), 512);
}

void ExpectSmall(const Reading& reading, Encoding encoding) {
  ExpectSmallElements(reading, encoding);
  EXPECT_THAT(reading.problems(), IsEmpty());
}

TEST(Instance, IsReadInEveryTransferSyntax) {
  for (const Encoding encoding : {kImplicitLittle, kExplicitLittle, kExplicitBig})
    ExpectSmall(Read(WriteFile(kSmall, encoding)), encoding);
  const Reading deflated = Read(testing::WriteDeflatedFile(kSmall));
  ExpectSmall(deflated, kExplicitLittle);
  EXPECT_TRUE(deflated.instance.inflated);
  // Encapsulated syntaxes are explicit little endian (PS3.5 §A.4).
  ExpectSmall(Read(Preamble() + WriteMeta("1.2.840.10008.1.2.4.50") + Write(kSmall, kExplicitLittle)), kExplicitLittle);
}

TEST(Instance, IsReadWithoutPreamble) {
  for (const Encoding encoding : {kImplicitLittle, kExplicitLittle, kExplicitBig}) {
    ExpectSmall(Read(WriteFile(kSmall, encoding).substr(128)), encoding);  // begins with DICM
    ExpectSmall(Read(WriteFile(kSmall, encoding).substr(132)), encoding);  // begins with the File Meta Information
    ExpectSmall(Read(Write(kSmall, encoding)), encoding);                  // a bare data set
    ExpectSmall(Read(Preamble() + Write(kSmall, encoding)), encoding);     // no File Meta Information
  }
}

TEST(Instance, OfADataSetThatIsNotWrittenAsDeclaredIsReadAsItIs) {
  const auto lying = [](std::string_view syntax, Encoding encoding) {
    return Preamble() + WriteMeta(syntax) + Write(kSmall, encoding);
  };
  ExpectSmall(Read(lying("1.2.840.10008.1.2", kExplicitLittle)), kExplicitLittle);
  ExpectSmall(Read(lying("1.2.840.10008.1.2.1", kImplicitLittle)), kImplicitLittle);
  ExpectSmall(Read(lying("1.2.840.10008.1.2.2", kExplicitLittle)), kExplicitLittle);
  ExpectSmall(Read(lying("1.2.840.10008.1.2.4.70", kImplicitLittle)), kImplicitLittle);
  ExpectSmall(Read(lying("1.2.840.10008.1.2.1.99", kExplicitLittle)), kExplicitLittle);
  ExpectSmall(Read(lying("1.2.840.10008.1.2.1", kExplicitBig)), kExplicitBig);
}

TEST(Instance, ElementsOfTheFileMetaInformationAreElements) {
  const std::string file = Preamble() +
                           WriteMeta(SyntaxOf(kExplicitBig), {Text(0x00020012, "UI", "1.2.3"), Text(0x00020013, "SH", "IMPL")}) +
                           Write(kSmall, kExplicitBig);
  const Reading reading = Read(file);
  EXPECT_THAT(reading.tags(), ElementsAre(0x00020010, 0x00020012, 0x00020013, kSopInstance, 0x00100010, 0x00280010));
  EXPECT_EQ(reading.instance.Text(0x00020013), "IMPL");
  EXPECT_EQ(reading.instance.EncodingOf(reading.instance.elements[0]), kExplicitLittle);
  EXPECT_EQ(reading.instance.EncodingOf(reading.instance.elements[3]), kExplicitBig);
}

TEST(Instance, MetaInformationOutOfOrderIsStillFound) {
  const DataSet meta = {Text(0x00020013, "SH", "IMPL"), Text(0x00020012, "UI", "1.2.3"),
                        Text(0x00020010, "UI", SyntaxOf(kExplicitBig)), Text(0x00020002, "UI", "1.2")};
  const Reading reading = Read(Preamble() + Write(meta, kExplicitLittle) + Write(kSmall, kExplicitBig));
  EXPECT_THAT(reading.tags(), ElementsAre(0x00020002, 0x00020010, 0x00020012, 0x00020013, kSopInstance, 0x00100010, 0x00280010));
  EXPECT_EQ(reading.instance.encoding, kExplicitBig);
  EXPECT_THAT(reading.problems(), ElementsAre(ProblemCode::kNotOrdered));
}

TEST(Instance, AWrongGroupLengthOfTheMetaInformationChangesNothing) {
  std::string file = WriteFile(kSmall);
  file[132 + 8] = 3;
  ExpectSmall(Read(file), kExplicitLittle);
}

TEST(Instance, HasNoGroupLengths) {
  DataSet data = {Bytes(0x00080000, "UL", testing::LittleEndian<uint32_t>({99}))};
  data.insert(data.end(), kSmall.begin(), kSmall.end());
  for (const Encoding encoding : {kImplicitLittle, kExplicitLittle, kExplicitBig})
    ExpectSmall(Read(Write(data, encoding)), encoding);
}

TEST(Instance, OffsetsCountBytesOfTheSource) {
  const std::string file = WriteFile(kSmall);
  const Reading reading = Read(file);
  for (const TopElement& element : reading.instance.elements) {
    EXPECT_EQ(LoadTag(reinterpret_cast<const uint8_t*>(file.data()) + reading.instance.OffsetOf(element), false), element.tag);
  }
}

TEST(Instance, OffsetsOfProblemsCountWhatWasLeftOutOfTheMetaInformationToo) {
  const DataSet more = {Text(0x00020100, "UI", "1.2.3"), Bytes(0x00020102, "OB", std::string(100'000, 'p'))};
  const std::string sound = Preamble() + WriteMeta(SyntaxOf(kExplicitLittle), more) + Write(kSmall, kExplicitLittle);
  const Reading reading = Read(sound + "five!");
  EXPECT_TRUE(reading.instance.Find(0x00020102)->left_out);
  ASSERT_THAT(reading.problems(), ElementsAre(ProblemCode::kTrailingBytes));
  EXPECT_EQ(reading.instance.problems[0].offset, sound.size());
}

TEST(Instance, TagsOutOfOrderArePutInOrderAndTheFirstOfTwoIsInFront) {
  const Reading reading = Read(WriteFile({Text(0x00100020, "LO", "id"), Text(0x00100010, "PN", "first"),
                                          Text(0x00100010, "PN", "second"), Text(kSopInstance, "UI", "1.")}));
  EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);
  EXPECT_THAT(reading.tags(), ElementsAre(0x00020010, kSopInstance, 0x00100010, 0x00100010, 0x00100020));
  EXPECT_EQ(reading.instance.Text(0x00100010), "first");
  EXPECT_THAT(reading.problems(), ElementsAre(ProblemCode::kNotOrdered));
}

// As media fill up blocks. Elements behind it count; what is longer than any block is an end.
TEST(Instance, PaddingIsPassedOverUpToALimit) {
  for (const Encoding encoding : {kExplicitLittle, kImplicitLittle, kExplicitBig}) {
    for (const char byte : {'\0', '\xFF', ' '}) {
      for (const size_t size : {size_t{8}, size_t{14}, size_t{512}, size_t{100000}}) {
        const std::string padding(size, byte);
        const std::string front = WriteFile({Text(kSopInstance, "UI", "1.2.34")}, encoding);
        const Reading reading = Read(front + padding + Write({Text(0x00100010, "PN", "Doe^Jane")}, encoding) + padding);
        EXPECT_EQ(reading.instance.Text(0x00100010), "Doe^Jane") << size;
        ASSERT_THAT(reading.problems(), ElementsAre(ProblemCode::kPadding, ProblemCode::kPadding)) << size;
        EXPECT_EQ(reading.instance.problems[0].offset, front.size());
        EXPECT_EQ(reading.instance.problems[0].padding, size);
      }
      const std::string front = WriteFile(kSmall, encoding);
      CountingSource source(front + std::string(64 << 20, byte));
      const Reading reading = Read(source);
      ExpectSmallElements(reading, encoding);
      EXPECT_THAT(reading.problems(), ElementsAre(ProblemCode::kTooMuchPadding));
      EXPECT_EQ(reading.instance.problems[0].offset, front.size());
      EXPECT_LT(source.read(), 2 * base::kMaxPaddingBytes);
    }
    // Of more than one kind.
    std::string mixed(16 << 20, '\0');
    for (size_t i = 0; i < mixed.size(); ++i) mixed[i] = i / 8 % 2 == 0 ? '\0' : '\xFF';
    CountingSource source(WriteFile(kSmall, encoding) + mixed);
    const Reading reading = Read(source);
    ExpectSmallElements(reading, encoding);
    EXPECT_THAT(reading.problems(), SizeIs(base::kMaxSameLines + 1));
    EXPECT_EQ(reading.problems().back(), ProblemCode::kTooMuchPadding);
    EXPECT_LT(source.read(), 2 * base::kMaxPaddingBytes);
  }
}

// It does not say how the elements behind it are written.
TEST(Instance, PaddingInFrontOfTheDataSetDoesNotChangeItsEncoding) {
  for (const Encoding encoding : {kExplicitLittle, kImplicitLittle, kExplicitBig}) {
    for (const char byte : {'\0', '\xFF', ' '}) {
      for (const size_t size : {size_t{8}, size_t{14}, size_t{512}, size_t{100000}}) {
        const std::string front = testing::Preamble() + testing::WriteMeta(testing::SyntaxOf(encoding));
        const Reading reading = Read(front + std::string(size, byte) + Write(kSmall, encoding));
        ExpectSmallElements(reading, encoding);
        EXPECT_THAT(reading.problems(), ElementsAre(ProblemCode::kPadding)) << size << " " << int{byte};
      }
    }
  }
}

TEST(Instance, PaddingInsideOfSequencesIsPassedOverToo) {
  for (const bool undefined : {false, true}) {
    for (const size_t size : {size_t{100000}, size_t{2} << 20}) {
      const std::string front = WriteFile({Text(kSopInstance, "UI", "1.2.34")});
      const std::string padded = Write({Text(0x00400009, "SH", "STEP")}, kExplicitLittle) + std::string(size, '\0');
      std::string sequence;
      AppendHeader(sequence, 0x00400275, "SQ", undefined ? kUndefinedLength : static_cast<uint32_t>(padded.size() + 8),
                   kExplicitLittle);
      sequence += std::string("\xFE\xFF\x00\xE0", 4);
      testing::Append32(sequence, undefined ? kUndefinedLength : static_cast<uint32_t>(padded.size()), false);
      sequence += padded;
      if (undefined) sequence += std::string("\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0", 16);
      const Reading reading = Read(front + sequence + Write({Text(0x00420010, "ST", "title")}, kExplicitLittle));
      const bool ends = undefined && size > base::kMaxPaddingBytes;
      EXPECT_EQ(reading.instance.Text(0x00420010), ends ? "" : "title") << undefined << " " << size;
      if (ends) {
        EXPECT_THAT(reading.problems(), ElementsAre(ProblemCode::kTooMuchPadding));
      } else {
        EXPECT_THAT(reading.problems(), IsEmpty());
      }
    }
  }
}

// The same number whatever was loaded, and no memory for the others.
TEST(Instance, ElementsWithoutEndStopAtTheLimit) {
  for (const Encoding encoding : {kExplicitLittle, kImplicitLittle, kExplicitBig}) {
    std::string many;
    for (uint32_t i = 0; i < base::kMaxDataSetElements + 5000; ++i)
      many += WriteElement(Text(0x00111000 + (i % 2 == 0 ? 0 : i % 50000), "LO", "x"), encoding);
    const std::string front = WriteFile({Text(kSopInstance, "UI", "1.2.34")}, encoding);
    for (const size_t before : {size_t{0}, size_t{200000}}) {
      InstanceReader reader;
      Instance instance;
      const std::string long_header = WriteFile({Text(0x00400280, "ST", std::string(before, 'x'))});
      MemorySource first(AsBytes(long_header));
      reader.Read(first, instance);
      const std::string bytes = front + many;
      MemorySource source(AsBytes(bytes));
      EXPECT_EQ(reader.Read(source, instance), ReadOutcome::kInstance);
      size_t count = 0;
      for (const TopElement& element : instance.elements) count += 1 + element.repeats;
      EXPECT_EQ(count, base::kMaxDataSetElements);
      ASSERT_THAT(instance.problems, SizeIs(2));
      EXPECT_EQ(instance.problems[0].code, ProblemCode::kTooManyElements);
      EXPECT_EQ(instance.problems[0].offset, front.size() + (base::kMaxDataSetElements - 2) * 10);
      EXPECT_EQ(instance.problems[1].code, ProblemCode::kNotOrdered);
      EXPECT_EQ(instance.Text(kSopInstance), "1.2.34");
    }
  }
}

TEST(Instance, TheSameProblemWithoutEndIsCounted) {
  std::string many;
  for (int i = 0; i < 20000; ++i) many += std::string("\x11\x00\x00\x10ZZ\0\0\0\0\0\0", 12);
  const Reading reading = Read(WriteFile(kSmall) + many);
  const auto& problems = reading.instance.problems;
  ASSERT_THAT(problems, SizeIs(base::kMaxSameLines + 1));
  EXPECT_EQ(problems[base::kMaxSameLines - 1].more, 20000 - base::kMaxSameLines);
  EXPECT_EQ(ProblemMessage(problems[base::kMaxSameLines - 1]), "unknown value representation; and 19900 more times");
}

// What one step of the walk has counted is not one, but as many as it says.
TEST(Instance, ProblemsThatAreCountedAlreadyAreCountedOn) {
  const auto paddings = [](int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i) bytes += std::string(8, i % 2 == 0 ? '\0' : '\xFF');
    return bytes;
  };
  const Reading reading = Read(WriteFile(kSmall) + paddings(60) + Write({Text(0x00420010, "ST", "title")}, kExplicitLittle) +
                               paddings(300) + Write({Text(0x00420012, "LO", "last")}, kExplicitLittle));
  EXPECT_EQ(reading.instance.Text(0x00420012), "last");
  ASSERT_THAT(reading.instance.problems, SizeIs(base::kMaxSameLines));
  EXPECT_EQ(reading.instance.problems.back().more, 360 - base::kMaxSameLines);
}

TEST(Instance, WhatIsNotDicomIsNot) {
  EXPECT_EQ(Read("").outcome, ReadOutcome::kNotDicom);
  EXPECT_EQ(Read("x").outcome, ReadOutcome::kNotDicom);
  EXPECT_EQ(Read(std::string(1000, '\0')).outcome, ReadOutcome::kNotDicom);
  EXPECT_EQ(Read("This is a text file, and no DICOM at all.\n").outcome, ReadOutcome::kNotDicom);
  EXPECT_EQ(Read("\x89PNG\r\n\x1a\n" + std::string(200, 'p')).outcome, ReadOutcome::kNotDicom);
  EXPECT_EQ(Read("{\"json\": [1, 2, 3], \"and\": \"so on\"}").outcome, ReadOutcome::kNotDicom);
  EXPECT_EQ(Read("PK\x03\x04" + std::string(200, 'z')).outcome, ReadOutcome::kNotDicom);
  EXPECT_EQ(Read(std::string(128, '\0') + "DICN" + std::string(100, 'x')).outcome, ReadOutcome::kNotDicom);
}

TEST(Instance, AFileOfTheMarkAloneFails) {
  EXPECT_EQ(Read(Preamble()).outcome, ReadOutcome::kFailed);
  EXPECT_EQ(Read(Preamble() + "abc").outcome, ReadOutcome::kFailed);
}

TEST(Instance, ADirectoryOfAMediumIsNone) {
  const std::string meta = WriteMeta(SyntaxOf(kExplicitLittle), {});
  const std::string file =
      Preamble() +
      Write({Text(0x00020002, "UI", "1.2.840.10008.1.3.10"), Text(0x00020010, "UI", SyntaxOf(kExplicitLittle))},
            kExplicitLittle) +
      Write({Text(0x00041130, "CS", "DISC")}, kExplicitLittle);
  EXPECT_EQ(Read(file).outcome, ReadOutcome::kDirectory);
}

// Cut anywhere, a file is an instance as soon as one element is whole, and never has more than the whole one.
TEST(Instance, CutAtEveryByteGivesItsBeginning) {
  testing::Element unknown = Sequence(0x00091101, {{Text(0x00081150, "UI", "1.2.34")}}, true);
  unknown.vr = "UN";
  const DataSet data = {Text(kSopInstance, "UI", "1.2.34"),
                        Sequence(0x00081140, {{Text(0x00081150, "UI", "1.2")}, {}}, true),
                        Sequence(0x0008114A, {{Text(0x00081150, "UI", "1.2")}}),
                        unknown,
                        Text(0x00100010, "PN", "Doe"),
                        Bytes(0x00100099, "UN", "u"),
                        testing::Fragments(kPixelDataTag, "OB", {"", "12345678"})};
  std::vector<std::string> files;
  for (const Encoding encoding : {kImplicitLittle, kExplicitLittle, kExplicitBig}) {
    files.push_back(WriteFile(data, encoding));
    files.push_back(Write(data, encoding));
  }
  files.push_back(testing::WriteDeflatedFile(data));
  for (const std::string& file : files) {
    const Reading whole = Read(file);
    ASSERT_EQ(whole.outcome, ReadOutcome::kInstance);
    InstanceReader reader;  // the same for all: nothing of one reaches the next
    Instance instance;
    for (size_t size = 0; size < file.size(); ++size) {
      const std::string cut = file.substr(0, size);
      MemorySource source(AsBytes(cut));
      const ReadOutcome outcome = reader.Read(source, instance);
      if (size == 0) {
        EXPECT_EQ(outcome, ReadOutcome::kNotDicom);
        continue;
      }
      if (outcome != ReadOutcome::kInstance) {
        EXPECT_THAT(instance.elements, IsEmpty());
        continue;
      }
      ASSERT_FALSE(instance.elements.empty());
      ASSERT_LE(instance.elements.size(), whole.instance.elements.size()) << size;
      for (size_t i = 0; i < instance.elements.size(); ++i) {
        const TopElement& element = instance.elements[i];
        const TopElement& same = whole.instance.elements[i];
        ASSERT_EQ(element.tag, same.tag) << size;
        ASSERT_LE(element.end, instance.window.size());
        if (element.truncated) {
          EXPECT_EQ(i + 1, instance.elements.size()) << "only the last can be cut, at " << size;
          EXPECT_THAT(instance.problems, SizeIs(1)) << size;
        } else {
          EXPECT_EQ(instance.Value(element), whole.instance.Value(same)) << size;
        }
      }
    }
  }
}

TEST(Instance, PixelDataOfFourGibibytesIsNotRead) {
  const DataSet data = {Text(kSopInstance, "UI", "1.2.34"), Text(0x00104000, "LT", std::string(3000, 'c'))};
  for (const Encoding encoding : {kImplicitLittle, kExplicitLittle, kExplicitBig}) {
    testing::Element pixels = Bytes(kPixelDataTag, "OW", "");
    pixels.declared_length = 0xFFFFFFFE;
    const std::string head = WriteFile(data, encoding) + WriteElement(pixels, encoding);
    const std::string tail = Write({Text(0xFFFCFFFC, "LO", "padding ")}, encoding);
    CountingSource source(head + tail, head.size(), 0xFFFFFFFE);
    const Reading reading = Read(source);
    EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);
    EXPECT_THAT(reading.problems(), IsEmpty());
    EXPECT_THAT(reading.tags(), ElementsAre(0x00020010, kSopInstance, 0x00104000, kPixelDataTag, 0xFFFCFFFC));
    const TopElement* found = reading.instance.Find(kPixelDataTag);
    EXPECT_TRUE(found->left_out);
    EXPECT_FALSE(found->truncated);
    EXPECT_EQ(found->length, 0xFFFFFFFE);
    EXPECT_EQ(reading.instance.OffsetOf(reading.instance.elements.back()), head.size() + 0xFFFFFFFE);  // right behind the gap
    EXPECT_EQ(reading.instance.Text(0xFFFCFFFC), "padding");
    EXPECT_LE(source.read(), 2 * head.size() + (1 << 20));
    EXPECT_LE(source.read(), 64U << 10);
    EXPECT_LE(source.reads(), 4);
  }
}

TEST(Instance, ASparseFileOfFourGibibytesIsReadCheaply) {
  const std::string path = ::testing::TempDir() + "dicomhouse-sparse-" + std::to_string(::getpid());
  testing::Element pixels = Bytes(kPixelDataTag, "OB", "");
  pixels.declared_length = 0xFFFFFFFE;
  const std::string head = WriteFile(kSmall) + WriteElement(pixels, kExplicitLittle);
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::write(file, head.data(), head.size()), static_cast<ssize_t>(head.size()));
  const bool sparse = ::ftruncate(file, static_cast<off_t>(head.size() + 0xFFFFFFFE)) == 0;
  ::close(file);
  if (sparse) {
    const auto input = base::InputFile::Open(path);
    ASSERT_TRUE(input.ok());
    FileSource source(*input);
    const Reading reading = Read(source);
    EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);
    EXPECT_THAT(reading.problems(), IsEmpty());
    EXPECT_TRUE(reading.instance.Find(kPixelDataTag)->left_out);
    EXPECT_LE(reading.instance.bytes_read, 2 * head.size() + (1 << 20));
  }
  std::filesystem::remove(path);
  if (!sparse) GTEST_SKIP() << "no sparse files here";
}

TEST(Instance, PixelDataThatIsCutIsTruncated) {
  testing::Element pixels = Bytes(kPixelDataTag, "OW", std::string(100000, 'p'));
  pixels.declared_length = 1 << 24;
  DataSet data = kSmall;
  data.push_back(pixels);
  const Reading reading = Read(WriteFile(data));
  EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);
  EXPECT_TRUE(reading.instance.Find(kPixelDataTag)->truncated);
  EXPECT_THAT(reading.problems(), ElementsAre(ProblemCode::kTruncated));
}

TEST(Instance, ManyFragmentsAreSteppedOver) {
  std::vector<std::string> fragments(50, std::string(50000, 'f'));
  fragments.front() = "";
  DataSet data = kSmall;
  data.push_back(testing::Fragments(kPixelDataTag, "OB", fragments));
  data.push_back(Text(0xFFFCFFFC, "LO", "padding "));
  CountingSource source(WriteFile(data));
  const Reading reading = Read(source);
  EXPECT_THAT(reading.problems(), IsEmpty());
  EXPECT_EQ(reading.instance.Text(0xFFFCFFFC), "padding");
  EXPECT_TRUE(reading.instance.Find(kPixelDataTag)->fragments);
  EXPECT_LE(source.read(), 64U << 10);
}

TEST(Instance, BulkInsideSequencesIsNotReadEither) {
  const std::string bulk(300000, 'b');
  for (const bool undefined : {false, true}) {
    const DataSet data = {
        Text(kSopInstance, "UI", "1.2.34"),
        Sequence(0x00081140,
                 {{Text(0x00081150, "UI", "1.2"), Bytes(0x00282000, "OB", bulk), Text(0x00400512, "LO", "behind")},
                  {Bytes(0x00282000, "OB", bulk), Text(0x00400512, "LO", "again ")}},
                 undefined),
        Text(0x00400555, "LO", "after ")};
    const std::string file = WriteFile(data);
    CountingSource source(file);
    const Reading reading = Read(source);
    EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);
    EXPECT_THAT(reading.problems(), IsEmpty());
    EXPECT_EQ(reading.instance.Text(0x00400555), "after");
    EXPECT_LE(source.read(), 64U << 10);
    const TopElement* last = reading.instance.Find(0x00400555);
    ASSERT_NE(last, nullptr);
    EXPECT_EQ(reading.instance.OffsetOf(*last), file.size() - 8 - 6);
    // The sequence can be walked again: the gaps are known, offsets are right behind them.
    Instance& instance = const_cast<Instance&>(reading.instance);  // NOLINT: a walk takes a window that could grow
    Cursor cursor(instance.window);
    const TopElement* sequence = instance.Find(0x00081140);
    ASSERT_NE(sequence, nullptr);
    cursor.Start(sequence->start, instance.OffsetOf(*sequence), kExplicitLittle, kNoEnd);
    ASSERT_EQ(cursor.Next(), Step::kElement);
    cursor.Enter();
    int left_out = 0;
    std::vector<std::string> texts;
    for (Step step = cursor.Next(); step != Step::kEndSequence && step != Step::kEnd; step = cursor.Next()) {
      if (step != Step::kElement) continue;
      const ElementHeader header = cursor.element();
      EXPECT_EQ(LoadTag(reinterpret_cast<const uint8_t*>(file.data()) + header.offset, false), header.tag);
      const Cursor::Skipped skipped = cursor.Skip();
      if (skipped.left_out) ++left_out;
      if (header.tag == 0x00400512)
        texts.emplace_back(reinterpret_cast<const char*>(instance.window.data()) + header.value, skipped.end - header.value);
    }
    EXPECT_EQ(left_out, 2);
    EXPECT_THAT(texts, ElementsAre("behind", "again "));
    EXPECT_EQ(cursor.offset(), instance.OffsetOf(*last));
  }
}

TEST(Instance, TheSameWhateverWasReadBefore) {
  const DataSet bulky = {Text(kSopInstance, "UI", "1.2.34"), Bytes(0x00282000, "OB", std::string(20000, 'b')),
                         Text(0x00400512, "LO", "behind")};
  const DataSet long_one = {Text(kSopInstance, "UI", "9"), Text(0x00104000, "LT", std::string(200000, 'c'))};
  const std::string file = WriteFile(bulky);
  const std::string before = WriteFile(long_one);
  InstanceReader reader;
  Instance instance;
  MemorySource first(AsBytes(before));
  ASSERT_EQ(reader.Read(first, instance), ReadOutcome::kInstance);
  MemorySource second(AsBytes(file));
  ASSERT_EQ(reader.Read(second, instance), ReadOutcome::kInstance);
  const Reading alone = Read(file);
  ASSERT_EQ(instance.elements.size(), alone.instance.elements.size());
  for (size_t i = 0; i < instance.elements.size(); ++i) {
    EXPECT_EQ(instance.elements[i].tag, alone.instance.elements[i].tag);
    EXPECT_EQ(instance.OffsetOf(instance.elements[i]), alone.instance.OffsetOf(alone.instance.elements[i]));
  }
  EXPECT_EQ(instance.Text(0x00400512), "behind");
}

// How much is at hand when a fragment is met depends on the file before; where the bytes end does not.
TEST(Instance, AFileThatEndsInAFragmentEndsAtThePlaceOfItsBytes) {
  constexpr size_t kFragment = 40000;
  DataSet data = kSmall;
  data.push_back(testing::Fragments(kPixelDataTag, "OB", {"", std::string(kFragment, 'f')}));
  const std::string whole = WriteFile(data);
  const size_t end = whole.size() - 8;  // of the fragment; a delimiter follows
  const std::string long_one = WriteFile({Text(kSopInstance, "UI", "9"), Text(0x00104000, "LT", std::string(100000, 'c'))});
  for (const size_t size : {end - kFragment, end - kFragment + 1, end - 10000, end - 1, end, end + 1, end + 7}) {
    const std::string file = whole.substr(0, size);
    const Reading alone = Read(file);
    InstanceReader reader;
    Instance later;
    MemorySource first(AsBytes(long_one));
    ASSERT_EQ(reader.Read(first, later), ReadOutcome::kInstance);
    MemorySource second(AsBytes(file));
    ASSERT_EQ(reader.Read(second, later), ReadOutcome::kInstance);
    for (const Instance* instance : {&alone.instance, &std::as_const(later)}) {
      ASSERT_EQ(instance->problems.size(), 1U) << size;
      EXPECT_EQ(instance->problems[0].code, ProblemCode::kTruncated) << size;
      EXPECT_EQ(instance->problems[0].offset, size > end ? end : end - kFragment) << size;
      EXPECT_TRUE(instance->Find(kPixelDataTag)->truncated) << size;
    }
  }
}

// Of a length beyond the limit it is never asked whether the bytes end before, whatever is at hand.
TEST(Instance, ALengthBeyondTheLimitIsTooLargeWhetherTheEndIsKnownOrNot) {
  std::string file = WriteFile({Text(kSopInstance, "UI", "1.2.34")});
  AppendHeader(file, 0x00082112, "SQ", 0x7FFFFFFE, kExplicitLittle);
  file.append(20000, 'x');  // no item: what is left of the sequence is passed
  const Reading alone = Read(file);
  InstanceReader reader;
  Instance later;
  const std::string before = WriteFile({Text(kSopInstance, "UI", "9"), Text(0x00104000, "LT", std::string(60000, 'c'))});
  MemorySource first(AsBytes(before));
  ASSERT_EQ(reader.Read(first, later), ReadOutcome::kInstance);
  MemorySource second(AsBytes(file));
  ASSERT_EQ(reader.Read(second, later), ReadOutcome::kInstance);
  EXPECT_THAT(alone.problems(), ElementsAre(ProblemCode::kTooLarge));
  ASSERT_EQ(later.problems.size(), 1U);
  EXPECT_EQ(later.problems[0].code, ProblemCode::kTooLarge);
  EXPECT_EQ(later.problems[0].offset, alone.instance.problems[0].offset);
}

TEST(Instance, HeadersLongerThanTheFirstReadAreReadWhole) {
  DataSet data;
  for (uint32_t i = 0; i < 3000; ++i) data.push_back(Text(0x00091000 + i, "LO", "value " + std::to_string(i)));
  const std::string file = WriteFile(data);
  CountingSource source(file);
  const Reading reading = Read(source);
  EXPECT_THAT(reading.instance.elements, SizeIs(3001));
  EXPECT_EQ(reading.instance.Text(0x00091000 + 2999), "value 2999");
  EXPECT_LE(source.read(), 2 * file.size() + (1 << 20));
  EXPECT_LE(source.reads(), 12);
}

TEST(Instance, ABombStopsAtTheLimit) {
  // 3 GiB of text in 3 MiB: raw deflate of zeros, a thousand to one.
  std::string head;
  AppendHeader(head, 0x00091001, "UT", 0xFFFFFFF0, kExplicitLittle);
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string bomb(8 << 20, '\0');
  const std::string chunk(1 << 20, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(bomb.data());
  stream.avail_out = static_cast<uInt>(bomb.size());
  stream.next_in = reinterpret_cast<Bytef*>(head.data());
  stream.avail_in = static_cast<uInt>(head.size());
  deflate(&stream, Z_NO_FLUSH);
  for (int i = 0; i < 3 << 10; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(chunk.data()));  // NOLINT: zlib's interface
    stream.avail_in = static_cast<uInt>(chunk.size());
    deflate(&stream, Z_NO_FLUSH);
  }
  deflate(&stream, Z_FINISH);
  bomb.resize(stream.total_out);
  deflateEnd(&stream);
  const Reading reading = Read(Preamble() + WriteMeta("1.2.840.10008.1.2.1.99") + bomb);
  EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);  // of the File Meta Information
  EXPECT_THAT(reading.instance.problems, ::testing::Not(IsEmpty()));
  EXPECT_LT(reading.instance.window.size(), 16U << 20);
}

TEST(Instance, ABrokenDeflatedDataSetGivesWhatCameBefore) {
  DataSet data = kSmall;
  for (uint32_t i = 0; i < 2000; ++i) data.push_back(Text(0x00291000 + i, "LO", std::to_string(i * 2654435761U)));
  std::string file = testing::WriteDeflatedFile(data);
  const size_t middle = file.size() / 2;
  for (size_t i = middle; i < middle + 40; ++i) file[i] = '\xFF';
  const Reading reading = Read(file);
  EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);
  EXPECT_EQ(reading.instance.Text(kSopInstance), "1.2.34");
  EXPECT_THAT(reading.instance.problems, ::testing::Not(IsEmpty()));
}

TEST(Instance, ADeflatedDataSetThatIsBrokenFromItsFirstByteIsAProblem) {
  const Reading reading = Read(Preamble() + WriteMeta("1.2.840.10008.1.2.1.99") + std::string(100, '\xFF'));
  EXPECT_EQ(reading.outcome, ReadOutcome::kInstance);  // of the File Meta Information
  EXPECT_EQ(reading.instance.Text(0x00020010), "1.2.840.10008.1.2.1.99");
  EXPECT_LE(reading.instance.elements.back().end, reading.instance.window.size());
  EXPECT_THAT(reading.problems(), ElementsAre(ProblemCode::kTruncated));
}

TEST(Instance, WhatTheSystemRefusesIsAProblem) {
  DataSet data = kSmall;
  data.push_back(Text(0x00324000, "LT", std::string(60000, 'c')));
  const std::string file = WriteFile(data);
  FailingSource at_once(file, 0);
  const Reading none = Read(at_once);
  EXPECT_EQ(none.outcome, ReadOutcome::kFailed);
  ASSERT_TRUE(none.instance.window.error().has_value());
  EXPECT_EQ(none.instance.window.error()->message, "a broken disk");
  FailingSource later(file, 20000);
  const Reading some = Read(later);
  EXPECT_EQ(some.outcome, ReadOutcome::kInstance);
  EXPECT_EQ(some.instance.Text(kSopInstance), "1.2.34");
  EXPECT_THAT(some.problems(), ElementsAre(ProblemCode::kReadError));
}

TEST(InflateSource, GivesTheBytesThatWereDeflated) {
  std::string bytes;
  for (int i = 0; i < 100000; ++i) bytes += std::to_string(i * 7919);
  const std::string deflated = "before" + testing::Deflate(bytes);
  MemorySource memory(AsBytes(deflated));
  InflateSource source(memory, 6);
  std::string got;
  std::vector<uint8_t> buffer(12345);
  for (;;) {
    const auto count = source.ReadAt(got.size(), buffer);
    ASSERT_TRUE(count.ok());
    got.append(reinterpret_cast<const char*>(buffer.data()), *count);
    if (*count < buffer.size()) break;
  }
  EXPECT_TRUE(got == bytes);
  EXPECT_EQ(source.bytes_read(), deflated.size() - 6);
}

TEST(InflateSource, SkipsForward) {
  const std::string bytes = std::string(100000, 'a') + "here" + std::string(100, 'b');
  const std::string deflated = testing::Deflate(bytes);
  MemorySource memory(AsBytes(deflated));
  InflateSource source(memory, 0);
  std::array<uint8_t, 4> buffer{};
  const auto count = source.ReadAt(100000, buffer);
  ASSERT_TRUE(count.ok());
  EXPECT_EQ(std::string(buffer.begin(), buffer.end()), "here");
}

}  // namespace
}  // namespace dicomhouse::dicom
