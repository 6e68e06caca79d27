#include "dicom/dicom_json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/json.h"
#include "base/limits.h"
#include "tests/dicom/dicom_writer.h"

namespace dicomhouse::dicom {
namespace {

using testing::Bytes;
using testing::DataSet;
using testing::Element;
using testing::Fragments;
using testing::kExplicitBig;
using testing::kExplicitLittle;
using testing::kImplicitLittle;
using testing::LittleEndian;
using testing::Sequence;
using testing::Text;
using testing::Us;

struct Read {
  explicit Read(std::string file) : bytes(std::move(file)) {
    MemorySource source({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    InstanceReader reader;
    EXPECT_EQ(reader.Read(source, instance), ReadOutcome::kInstance);
  }
  std::string bytes;
  Instance instance;
};

DicomJsonOptions WithUris() {
  DicomJsonOptions options;
  options.bulk_uri = [](const std::string& path) { return "bulk/" + path; };
  return options;
}

std::string JsonOf(const std::string& file, DicomJsonOptions options = WithUris()) {
  Read read(file);
  DicomJsonWriter writer(std::move(options));
  std::string out;
  writer.AppendDataSet(read.instance, out);
  EXPECT_TRUE(base::Json::Parse(out).ok()) << out;
  return out;
}
std::string JsonOf(const DataSet& elements, Encoding encoding = kExplicitLittle) {
  return JsonOf(testing::WriteFile(elements, encoding));
}

// PS3.18 §F.4, the parts of its example that have all kinds of values.
TEST(DicomJson, HasTheFormOfTheStandardsExample) {
  EXPECT_EQ(JsonOf({Text(0x00080005, "CS", "ISO_IR 192"), Text(0x00080020, "DA", "20130409"), Text(0x00080056, "CS", "ONLINE"),
                    Text(0x00080061, "CS", "CT\\PET"), Text(0x00080090, "PN", "^Bob^^Dr."), Sequence(0x00081110, {}),
                    Text(0x00100010, "PN", "Wang^XiaoDong=\xE7\x8E\x8B^\xE5\xB0\x8F\xE6\x9D\xB1"),
                    Sequence(0x00101002, {{Text(0x00100020, "LO", "54321"), Text(0x00100021, "LO", "Hospital B")},
                                          {Text(0x00100020, "LO", "24680")}}),
                    Text(0x00201206, "IS", "4")}),
            R"({"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00080020":{"vr":"DA","Value":["20130409"]},)"
            R"("00080056":{"vr":"CS","Value":["ONLINE"]},"00080061":{"vr":"CS","Value":["CT","PET"]},)"
            R"("00080090":{"vr":"PN","Value":[{"Alphabetic":"^Bob^^Dr."}]},"00081110":{"vr":"SQ"},)"
            "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Wang^XiaoDong\",\"Ideographic\":\"\xE7\x8E\x8B^\xE5\xB0\x8F"
            "\xE6\x9D\xB1\"}]},"
            R"("00101002":{"vr":"SQ","Value":[{"00100020":{"vr":"LO","Value":["54321"]},)"
            R"("00100021":{"vr":"LO","Value":["Hospital B"]}},{"00100020":{"vr":"LO","Value":["24680"]}}]},)"
            R"("00201206":{"vr":"IS","Value":[4]}})");
}

TEST(DicomJson, IsTheSameInEveryTransferSyntax) {
  const DataSet elements = {Us(0x00280010, {512}),
                            Text(0x00280030, "DS", "0.5\\1e-3"),
                            Bytes(0x00281054, "LO", "US"),
                            Bytes(0x00282110, "CS", "00"),
                            Sequence(0x00400260, {{Text(0x00080100, "SH", "A"), Us(0x00280011, {7})}}, true),
                            Bytes(0x00720026, "AT", LittleEndian<uint16_t>({0x0010, 0x0020})),
                            Bytes(0x00187040, "LO", "X "),
                            Bytes(0x0070022E, "FL", LittleEndian({0.1F})),
                            Bytes(0x00700232, "FD", LittleEndian({0.1}))};
  const std::string expected = JsonOf(elements);
  EXPECT_NE(expected.find("\"00280010\":{\"vr\":\"US\",\"Value\":[512]}"), std::string::npos);
  EXPECT_NE(expected.find("\"Value\":[\"00100020\"]"), std::string::npos);
  EXPECT_EQ(JsonOf(elements, kExplicitBig), expected);
  EXPECT_EQ(JsonOf(testing::WriteDeflatedFile(elements)), expected);
}

TEST(DicomJson, TakesVrsFromTheDictionaryInImplicitVr) {
  EXPECT_EQ(JsonOf({Us(0x00280103, {1}), Bytes(0x00280106, "SS", LittleEndian<int16_t>({-1000}))}, kImplicitLittle),
            R"({"00280103":{"vr":"US","Value":[1]},"00280106":{"vr":"SS","Value":[-1000]}})");
  EXPECT_EQ(JsonOf({Bytes(0x00280106, "SS", LittleEndian<int16_t>({-1}))}, kImplicitLittle),
            R"({"00280106":{"vr":"US","Value":[65535]}})");
  EXPECT_EQ(
      JsonOf({Text(0x00290010, "LO", "SIEMENS CSA HEADER"), Text(0x00291008, "CS", "IMAGE NUM 4"), Bytes(0x00291099, "LO", "ab")},
             kImplicitLittle),
      R"({"00290010":{"vr":"LO","Value":["SIEMENS CSA HEADER"]},"00291008":{"vr":"CS","Value":["IMAGE NUM 4"]},)"
      R"("00291099":{"vr":"UN","InlineBinary":"YWI="}})");
}

TEST(DicomJson, UnIsWhatTheDictionarySaysAndElseOctets) {
  EXPECT_EQ(
      JsonOf(
          {Bytes(0x00100020, "UN", "P1"), Bytes(0x00280010, "UN", LittleEndian<uint16_t>({3})), Bytes(0x00999999, "UN", "ab")}),
      R"({"00100020":{"vr":"LO","Value":["P1"]},"00280010":{"vr":"US","Value":[3]},"00999999":{"vr":"UN","InlineBinary":"YWI="}})");
  EXPECT_EQ(JsonOf({Bytes(0x00280010, "UN", LittleEndian<uint16_t>({3}))}, kExplicitBig),
            R"({"00280010":{"vr":"US","Value":[3]}})");
  Element sequence = Sequence(0x00400260, {{Text(0x00080100, "SH", "A")}}, true);
  sequence.vr = "UN";
  const std::string expected = R"({"00400260":{"vr":"SQ","Value":[{"00080100":{"vr":"SH","Value":["A"]}}]}})";
  EXPECT_EQ(JsonOf({sequence}), expected);
}

TEST(DicomJson, EmptyValuesHaveNoMemberAndAreNullAmongOthers) {
  EXPECT_EQ(JsonOf({Text(0x00080050, "SH", ""), Text(0x00080054, "AE", "  "), Text(0x00080061, "CS", "CT\\\\MR"),
                    Text(0x00081070, "PN", "A\\\\=B"), Sequence(0x00081110, {{}}), Bytes(0x00280010, "US", ""),
                    Text(0x00280030, "DS", "\\1"), Bytes(0x00420011, "OB", "")}),
            R"({"00080050":{"vr":"SH"},"00080054":{"vr":"AE"},"00080061":{"vr":"CS","Value":["CT",null,"MR"]},)"
            R"("00081070":{"vr":"PN","Value":[{"Alphabetic":"A"},null,{"Ideographic":"B"}]},"00081110":{"vr":"SQ","Value":[{}]},)"
            R"("00280010":{"vr":"US"},"00280030":{"vr":"DS","Value":[null,1]},"00420011":{"vr":"OB"}})");
}

// Numbers keep their digits; text that is none stays text.
TEST(DicomJson, DecimalTextBecomesNumbersOfJson) {
  const auto value = [](const char* vr, std::string_view text) {
    const std::string json = JsonOf({Text(0x00189999, vr, text)});
    const size_t begin = json.find('[') + 1;
    return json.substr(begin, json.rfind(']') - begin);
  };
  EXPECT_EQ(value("DS", "1.500"), "1.500");
  EXPECT_EQ(value("DS", "+1.5"), "1.5");
  EXPECT_EQ(value("DS", ".5"), "0.5");
  EXPECT_EQ(value("DS", "-.5E-03"), "-0.5E-03");
  EXPECT_EQ(value("DS", "5."), "5");
  EXPECT_EQ(value("DS", "007"), "7");
  EXPECT_EQ(value("DS", "000"), "0");
  EXPECT_EQ(value("DS", "0.12345678901234567890"), "0.12345678901234567890");
  EXPECT_EQ(value("DS", "1E999"), "\"1E999\"");
  EXPECT_EQ(value("DS", "1,5"), "\"1,5\"");
  EXPECT_EQ(value("DS", "."), "\".\"");
  EXPECT_EQ(value("DS", "-"), "\"-\"");
  EXPECT_EQ(value("DS", "1e"), "\"1e\"");
  EXPECT_EQ(value("DS", "NaN"), "\"NaN\"");
  EXPECT_EQ(value("IS", "-12"), "-12");
  EXPECT_EQ(value("IS", "1.5"), "\"1.5\"");
  EXPECT_EQ(value("IS", "1234567890123456789"), "\"1234567890123456789\"");
}

TEST(DicomJson, BinaryNumbersThatJsonOrDoublesDoNotHaveAreText) {
  EXPECT_EQ(
      JsonOf({Bytes(0x00189073, "FD",
                    LittleEndian({std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity(), 1e300})),
              Bytes(0x00189999, "FL", LittleEndian({0.1F})),
              Bytes(0x0018A001, "SV", LittleEndian<int64_t>({-5, std::numeric_limits<int64_t>::min()})),
              Bytes(0x0018A002, "UV", LittleEndian<uint64_t>({9007199254740991U, 9007199254740992U}))}),
      R"({"00189073":{"vr":"FD","Value":["NaN","-inf",1e+300]},"00189999":{"vr":"FL","Value":[0.1]},)"
      R"("0018A001":{"vr":"SV","Value":[-5,"-9223372036854775808"]},"0018A002":{"vr":"UV","Value":[9007199254740991,"9007199254740992"]}})");
}

// RFC 8259 §6 and §9: a reader may set limits; many take digits alone for an integer of 64 bits, ours among them.
TEST(DicomJson, FloatsBeyondIntegersOfReadersAreNotWrittenAsSuch) {
  const auto numbers = {0x1p65, -0x1p65, 0x1p64, -0x1p63, 0x1p53, 1e15, -1e22, 1.7976931348623157e308};
  const auto json = base::Json::Parse(JsonOf({Bytes(0x00189073, "FD", LittleEndian(numbers)),
                                              Bytes(0x00189999, "FL", LittleEndian<float>({0x1p65F, -0x1p64F, 16777216.0F}))}));
  ASSERT_TRUE(json.ok()) << json.error().message;
  const auto read = [&](std::string_view tag) {
    std::vector<double> values;
    for (const base::Json& value : (*json)[tag]["Value"].array()) values.push_back(value.as_double());
    return values;
  };
  EXPECT_EQ(read("00189073"), std::vector<double>(numbers));
  const std::vector<double> floats = read("00189999");
  EXPECT_EQ(std::vector<float>(floats.begin(), floats.end()), (std::vector<float>{0x1p65F, -0x1p64F, 16777216.0F}));
}

TEST(DicomJson, ValuesThatAreNotOfTheirVrAreOctets) {
  EXPECT_EQ(JsonOf({Bytes(0x00280010, "US", "abc")}), R"({"00280010":{"vr":"UN","InlineBinary":"YWJj"}})");
}

TEST(DicomJson, TextIsUtf8WhateverTheCharacterSetInItemsToo) {
  EXPECT_EQ(JsonOf({Text(0x00080005, "CS", "ISO_IR 100"), Text(0x00080080, "LO", "Z\xFCrich"),
                    Sequence(0x00081140, {{Text(0x00080005, "CS", "ISO_IR 144"), Text(0x00080080, "LO", "\xBB\xEE")},
                                          {Text(0x00080080, "LO", "\xFC")}})}),
            "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},\"00080080\":{\"vr\":\"LO\",\"Value\":[\"Z\xC3\xBCrich\"]},"
            "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
            "\"00080080\":{\"vr\":\"LO\",\"Value\":[\"\xD0\x9B\xD1\x8E\"]}},{\"00080080\":{\"vr\":\"LO\",\"Value\":[\"\xC3\xBC\"]"
            "}}]}}");
}

TEST(DicomJson, BulkIsInlineWhenShortAndAUriElse) {
  const std::string word = LittleEndian<uint16_t>({0x0102, 0x0304});
  const DataSet elements = {Bytes(0x00281201, "OW", word),
                            Sequence(0x00540016, {{}, {Bytes(0x00189999, "OB", std::string(2000, 'x'))}}),
                            Fragments(0x7FE00010, "OB", {"", "abcd"})};
  const std::string expected =
      R"({"00281201":{"vr":"OW","InlineBinary":"AgEEAw=="},"00540016":{"vr":"SQ","Value":[{},{"00189999":)"
      R"({"vr":"OB","BulkDataURI":"bulk/00540016/2/00189999"}}]},"7FE00010":{"vr":"OB","BulkDataURI":"bulk/7FE00010"}})";
  EXPECT_EQ(JsonOf(elements), expected);
  EXPECT_EQ(JsonOf(elements, kExplicitBig), expected) << "octets are those of little endian";
  EXPECT_EQ(JsonOf(testing::WriteFile({Bytes(0x7FE00010, "OW", std::string(100000, 'x'))}), {}), "{}");
}

TEST(DicomJson, ElementsAscendAndStandOnce) {
  EXPECT_EQ(
      JsonOf({Text(0x00100020, "LO", "B"), Text(0x00100020, "LO", "C"), Text(0x00100010, "PN", "A"),
              Sequence(0x00400260, {{Text(0x00080104, "LO", "z"), Text(0x00080100, "SH", "x"), Text(0x00080104, "LO", "y"),
                                     Sequence(0x00080090, {{Us(0x00280011, {2}), Us(0x00280010, {1})}})}})}),
      R"({"00100010":{"vr":"PN","Value":[{"Alphabetic":"A"}]},"00100020":{"vr":"LO","Value":["B"]},)"
      R"("00400260":{"vr":"SQ","Value":[{"00080090":{"vr":"SQ","Value":[{"00280010":{"vr":"US","Value":[1]},)"
      R"("00280011":{"vr":"US","Value":[2]}}]},"00080100":{"vr":"SH","Value":["x"]},"00080104":{"vr":"LO","Value":["z"]}}]}})");
}

TEST(DicomJson, SequencesOfAnyDepthAreWrittenUpToTheLimit) {
  DataSet inner = {Text(0x00080100, "SH", "A")};
  for (int i = 0; i < base::kMaxSequenceDepth + 100; ++i) inner = {Sequence(0x00400260, {inner}, true)};
  Read read(testing::WriteFile(inner));
  DicomJsonWriter writer;
  std::string out;
  writer.AppendDataSet(read.instance, out);
  EXPECT_GT(out.size(), 512U * 30);
  EXPECT_EQ(std::count(out.begin(), out.end(), '{'), std::count(out.begin(), out.end(), '}'));
}

TEST(DicomJson, ChosenElementsAreMembersInOrder) {
  Read read(testing::WriteFile({Text(0x00080018, "UI", "1.2"), Text(0x00080060, "CS", "MR"), Us(0x00280010, {1})}));
  DicomJsonWriter writer;
  std::string out;
  const std::vector<uint32_t> tags = {0x00280010, 0x00080060, 0x00080060, 0x00100010};
  EXPECT_TRUE(writer.AppendElements(read.instance, tags, out));
  EXPECT_EQ(out, R"("00080060":{"vr":"CS","Value":["MR"]},"00280010":{"vr":"US","Value":[1]})");
  out.clear();
  EXPECT_FALSE(writer.AppendElements(read.instance, std::vector<uint32_t>{0x00100010}, out));
  EXPECT_EQ(out, "");
}

TEST(DicomJson, WithoutUrisLargeValuesAreLeftOutNotShownAsEmpty) {
  const std::string large(5000, 'x');
  Read read(testing::WriteFile({Text(0x00080060, "CS", "MR"), Text(0x00090010, "LO", "MAKER"), Bytes(0x00091001, "OB", large),
                                Sequence(0x00880200, {{Us(0x00280010, {1}), Bytes(0x7FE00010, "OB", large)}}),
                                Bytes(0x00990099, "OB", "ab"), Bytes(0x7FE00010, "OW", large)}));
  const std::string expected =
      R"("00080060":{"vr":"CS","Value":["MR"]},"00090010":{"vr":"LO","Value":["MAKER"]},)"
      R"("00880200":{"vr":"SQ","Value":[{"00280010":{"vr":"US","Value":[1]}}]},"00990099":{"vr":"OB","InlineBinary":"YWI="})";
  DicomJsonWriter writer;
  std::string out;
  writer.AppendDataSet(read.instance, out);
  EXPECT_EQ(out, "{" + expected + "}");
  out.clear();
  const std::vector<uint32_t> tags = {0x7FE00010, 0x00991001, 0x00091001};
  EXPECT_FALSE(writer.AppendElements(read.instance, tags, out));
  EXPECT_EQ(out, "");
  const std::vector<uint32_t> some = {0x00091001, 0x00080060, 0x7FE00010};
  EXPECT_TRUE(writer.AppendElements(read.instance, some, out));
  EXPECT_EQ(out, R"("00080060":{"vr":"CS","Value":["MR"]})");
}

TEST(DicomJson, FileMetaInformationIsWrittenWhenAskedFor) {
  const std::string file = testing::WriteFile({Us(0x00280010, {1})});
  EXPECT_EQ(JsonOf(file), R"({"00280010":{"vr":"US","Value":[1]}})");
  DicomJsonOptions options;
  options.file_meta = true;
  EXPECT_EQ(JsonOf(file, options),
            R"({"00020010":{"vr":"UI","Value":["1.2.840.10008.1.2.1"]},"00280010":{"vr":"US","Value":[1]}})");
}

TEST(DicomJson, ControlCharactersAndQuotesAreEscaped) {
  EXPECT_EQ(JsonOf({Text(0x00104000, "LT", "a\"b\\c\r\n\x01")}), R"({"00104000":{"vr":"LT","Value":["a\"b\\c\r\n\u0001"]}})");
}

}  // namespace
}  // namespace dicomhouse::dicom
