#include "dicom/frames.h"

#include <gtest/gtest.h>

#include "tests/dicom/dicom_writer.h"

namespace dicomhouse::dicom {
namespace {

using testing::Bytes;
using testing::DataSet;
using testing::Fragments;
using testing::LittleEndian;
using testing::Text;
using testing::Us;

class Image {
 public:
  explicit Image(std::string file)
      : file_(std::move(file)), source_({reinterpret_cast<const uint8_t*>(file_.data()), file_.size()}) {
    InstanceReader reader;
    EXPECT_EQ(reader.Read(source_, header_), ReadOutcome::kInstance);
  }
  base::Result<std::string> Frame(uint64_t frame) {
    DH_ASSIGN(FrameIndex index, FrameIndex::Make(header_));
    const auto values = OpenValues(source_, header_);
    DH_CHECK(index.Locate(*values, header_));
    if (frame >= index.frames()) return base::Error{base::ErrorCode::kNotFound, ""};
    DH_CHECK(index.Check(*OpenValues(source_, header_), frame));
    std::string bytes;
    DH_CHECK(index.Write(*OpenValues(source_, header_), frame, [&bytes](std::string_view more) {
      bytes += more;
      return base::Status();
    }));
    EXPECT_EQ(bytes.size(), index.FrameBytes(frame));
    return bytes;
  }
  base::ErrorCode Error(uint64_t frame = 0) {
    const auto bytes = Frame(frame);
    return bytes.ok() ? base::ErrorCode::kAlreadyExists : bytes.error().code;
  }

 private:
  std::string file_;
  MemorySource source_;
  Instance header_;
};

DataSet Attributes(uint16_t rows, uint16_t columns, uint16_t samples, uint16_t bits, const std::string& frames, DataSet more) {
  DataSet all = {Us(0x00280002, {samples}), Text(0x00280008, "IS", frames), Us(0x00280010, {rows}), Us(0x00280011, {columns}),
                 Us(0x00280100, {bits})};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// PS3.5 §8.1.1: bits of frames follow each other without padding.
TEST(Frames, OfSingleBitsBeginAtBytesWhateverTheirSize) {
  Image image(testing::WriteFile(Attributes(3, 3, 1, 1, "2", {Bytes(0x7FE00010, "OB", "\x01\xFF\x03\0")})));  // 9 bits each
  EXPECT_EQ(*image.Frame(0), std::string("\x01\x01", 2));
  EXPECT_EQ(*image.Frame(1), std::string("\xFF\x01", 2));
}

TEST(Frames, OfColourWithHalfTheDifferencesHaveTwoSamples) {
  DataSet all = Attributes(1, 2, 3, 8, "1", {Bytes(0x7FE00010, "OB", "YYBR")});
  all.insert(all.begin() + 1, Text(0x00280004, "CS", "YBR_FULL_422"));
  EXPECT_EQ(*Image(testing::WriteFile(all)).Frame(0), "YYBR");
}

TEST(Frames, AreThereAsFarAsTheFileGoes) {
  for (const bool deflated : {false, true}) {
    std::string pixels(80000, '\0');
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<char>(i * i * 31 >> 3);  // does not deflate well
    const DataSet elements = Attributes(200, 200, 1, 8, "2", {Bytes(0x7FE00010, "OB", pixels)});
    std::string file = deflated ? testing::WriteDeflatedFile(elements) : testing::WriteFile(elements);
    file.resize(file.size() - (deflated ? file.size() / 10 : 1));
    Image image(file);
    EXPECT_EQ(*image.Frame(0), pixels.substr(0, 40000)) << deflated;
    const auto second = image.Frame(1);
    ASSERT_FALSE(second.ok()) << deflated;
    EXPECT_EQ(second.error().code, base::ErrorCode::kCorrupt);
    EXPECT_NE(second.error().message.find("frame 2"), std::string::npos) << second.error().message;
  }
}

TEST(Frames, OfDeflatedAndFloatPixelDataAreFound) {
  const std::string pixels(20000, 'p');
  Image deflated(testing::WriteDeflatedFile(Attributes(100, 100, 1, 8, "2", {Bytes(0x7FE00010, "OB", pixels)})));
  EXPECT_EQ(*deflated.Frame(1), pixels.substr(10000));
  EXPECT_EQ(*deflated.Frame(0), pixels.substr(10000));
  Image floats(
      testing::WriteFile(Attributes(1, 1, 1, 32, "1", {Bytes(0x7FE00008, "OF", LittleEndian({1.5F}))}), testing::kExplicitBig));
  EXPECT_EQ(*floats.Frame(0), LittleEndian({1.5F}));
}

TEST(Frames, FollowTheExtendedOffsetTable) {
  DataSet more = {Bytes(0x7FE00001, "OV", LittleEndian<uint64_t>({0, 10})),
                  Bytes(0x7FE00002, "OV", LittleEndian<uint64_t>({1, 4})), Fragments(0x7FE00010, "OB", {"", "a\0", "cccc"})};
  more[2].fragments[1] = std::string("a\0", 2);
  Image image(testing::WriteFile(Attributes(1, 1, 1, 8, "2", more)));
  EXPECT_EQ(*image.Frame(0), "a") << "the padding of the fragment is not the frame's";
  EXPECT_EQ(*image.Frame(1), "cccc");
}

TEST(Frames, OfOneFrameTakeAllFragments) {
  Image image(testing::WriteFile(Attributes(1, 1, 1, 8, "1", {Fragments(0x7FE00010, "OB", {"", "ab", "cd"})})));
  EXPECT_EQ(*image.Frame(0), "abcd");
}

TEST(Frames, ThatCanNotBeToldApartAreAnError) {
  const auto error = [](DataSet all, uint64_t frame = 0) { return Image(testing::WriteFile(all)).Error(frame); };
  using base::ErrorCode;
  EXPECT_EQ(error(Attributes(1, 1, 1, 8, "2", {Fragments(0x7FE00010, "OB", {"", "ab", "cd", "ef"})})), ErrorCode::kUnsupported);
  EXPECT_EQ(error(Attributes(1, 1, 1, 8, "2", {Fragments(0x7FE00010, "OB", {LittleEndian<uint32_t>({0, 9}), "ab", "cd"})})),
            ErrorCode::kCorrupt);
  EXPECT_EQ(error(Attributes(1, 1, 1, 8, "2", {Fragments(0x7FE00010, "OB", {LittleEndian<uint32_t>({10, 0}), "ab", "cd"})})),
            ErrorCode::kCorrupt);
  EXPECT_EQ(error(Attributes(1, 1, 1, 8, "1", {Fragments(0x7FE00010, "OB", {""})})), ErrorCode::kCorrupt);
  EXPECT_EQ(error(Attributes(4, 4, 1, 8, "1", {Bytes(0x7FE00010, "OB", "ab")})), ErrorCode::kCorrupt);
  EXPECT_EQ(error(Attributes(0, 4, 1, 8, "1", {Bytes(0x7FE00010, "OB", "ab")})), ErrorCode::kCorrupt);
  EXPECT_EQ(error(Attributes(65535, 65535, 65535, 65535, "16000000", {Bytes(0x7FE00010, "OB", "ab")})), ErrorCode::kCorrupt);
  EXPECT_EQ(error(Attributes(1, 1, 1, 8, "-3", {Bytes(0x7FE00010, "OB", "ab")})), ErrorCode::kCorrupt);
  EXPECT_EQ(error(Attributes(1, 1, 1, 8, "2", {Bytes(0x7FE00010, "OB", "ab")}), 2), ErrorCode::kNotFound);
  EXPECT_EQ(error({Us(0x00280010, {1})}), ErrorCode::kNotFound);
  // A frame that ends inside a word of sixteen bits.
  Image odd(testing::WriteFile(Attributes(1, 1, 1, 8, "2", {Bytes(0x7FE00010, "OW", "ab")}), testing::kExplicitBig));
  EXPECT_EQ(odd.Error(1), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace dicomhouse::dicom
