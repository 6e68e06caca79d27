#include "mapping/value_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "tests/dicom/dicom_writer.h"

namespace dicomhouse::mapping {
namespace {

using dicom::Vr;
using dicom::testing::LittleEndian;
using table::Type;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Decoding {
  dicom::CharacterSet set;
  ValueContext context;
  ValueDecoder decoder;

  explicit Decoding(std::string_view character_set = {}) : set(character_set) { context.set = &set; }
  std::vector<std::string> Texts(Vr vr, std::string_view bytes) {
    const auto& views = decoder.Texts(vr, bytes, context);
    return {views.begin(), views.end()};
  }
  std::vector<std::string> Printed(Vr vr, std::string_view bytes) {
    const auto& views = decoder.Printed(vr, bytes, context);
    return {views.begin(), views.end()};
  }
  // "none" stands for a value that is none.
  std::vector<std::string> Numbers(Vr vr, std::string_view bytes, std::optional<Type> type = {}) {
    Rule rule;
    rule.vr = vr;
    rule.type = type.value_or(TypeOf(vr));
    std::vector<int64_t> numbers;
    if (!decoder.Numbers(rule, bytes, context, numbers)) return {"none"};
    std::vector<std::string> out;
    for (const int64_t number : numbers) out.push_back(std::to_string(number));
    return out;
  }
};

TEST(ValueDecoder, SplitsTextAndTakesPaddingAway) {
  Decoding d;
  EXPECT_THAT(d.Texts(Vr::kLO, "a\\ b \\\\c "), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(d.Texts(Vr::kUI, std::string_view("1.2\0", 4)), ElementsAre("1.2"));
  EXPECT_THAT(d.Texts(Vr::kLT, " a\\b "), ElementsAre(" a\\b"));
  EXPECT_THAT(d.Texts(Vr::kUT, "  "), ElementsAre(""));
  EXPECT_THAT(d.Texts(Vr::kUC, " a\\ b "), ElementsAre(" a", " b"));
  EXPECT_THAT(d.Texts(Vr::kUR, "http://x/a\\b "), ElementsAre("http://x/a\\b"));
  EXPECT_THAT(d.Texts(Vr::kLO, ""), IsEmpty());
}

TEST(ValueDecoder, TextIsUtf8InAnyCharacterSet) {
  Decoding latin("ISO_IR 100");
  EXPECT_THAT(latin.Texts(Vr::kPN, "M\xFCller^J\xF6rg "), ElementsAre("Müller^Jörg"));
  EXPECT_EQ(latin.decoder.replaced(), 0U);
  Decoding japanese("\\ISO 2022 IR 87");
  EXPECT_THAT(japanese.Texts(Vr::kLO, "\x1B$B;3ED\x1B(B\\b"), ElementsAre("山田", "b"));
  Decoding utf8("ISO_IR 192");
  EXPECT_THAT(utf8.Texts(Vr::kLO, "\xFF"), ElementsAre("\xEF\xBF\xBD"));
  EXPECT_EQ(utf8.decoder.replaced(), 1U);
  EXPECT_THAT(utf8.Texts(Vr::kLO, "a"), ElementsAre("a"));
  EXPECT_EQ(utf8.decoder.replaced(), 0U) << "of the last value only";
}

TEST(ValueDecoder, ReadsBinaryNumbersInBothByteOrders) {
  Decoding d;
  EXPECT_THAT(d.Numbers(Vr::kUS, std::string("\x01\x02\xFF\xFF", 4)), ElementsAre("513", "65535"));
  EXPECT_THAT(d.Numbers(Vr::kSS, "\xFF\xFF"), ElementsAre("-1"));
  EXPECT_THAT(d.Numbers(Vr::kUL, "\xFF\xFF\xFF\xFF"), ElementsAre("4294967295"));
  EXPECT_THAT(d.Numbers(Vr::kSL, "\xFE\xFF\xFF\xFF"), ElementsAre("-2"));
  EXPECT_THAT(d.Numbers(Vr::kSV, "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), ElementsAre("-2"));
  EXPECT_THAT(d.Numbers(Vr::kUV, LittleEndian<uint64_t>({uint64_t{1} << 63})), ElementsAre("none"))
      << "over the range of INTEGER";
  EXPECT_THAT(d.Numbers(Vr::kUV, LittleEndian<uint64_t>({(uint64_t{1} << 63) - 1})), ElementsAre("9223372036854775807"));
  EXPECT_THAT(d.Numbers(Vr::kAT, LittleEndian<uint16_t>({0x7FE0, 0x0010})), ElementsAre(std::to_string(0x7FE0 * 65536LL + 0x10)));
  EXPECT_THAT(d.Numbers(Vr::kFL, LittleEndian<float>({1.5F})), ElementsAre(std::to_string(std::bit_cast<int64_t>(1.5))));
  EXPECT_THAT(d.Numbers(Vr::kFD, LittleEndian<double>({-0.1})), ElementsAre(std::to_string(std::bit_cast<int64_t>(-0.1))));
  d.context.encoding.big_endian = true;
  EXPECT_THAT(d.Numbers(Vr::kUS, "\x01\x02"), ElementsAre("258"));
  EXPECT_THAT(d.Numbers(Vr::kAT, std::string("\x7F\xE0\x00\x10", 4)), ElementsAre(std::to_string(0x7FE0 * 65536LL + 0x10)));
}

TEST(ValueDecoder, BytesThatAreNotWholeNumbersAreNone) {
  Decoding d;
  EXPECT_THAT(d.Numbers(Vr::kUS, "abc"), ElementsAre("none"));
  EXPECT_THAT(d.Numbers(Vr::kFD, "abcd"), ElementsAre("none"));
  EXPECT_THAT(d.Numbers(Vr::kUS, ""), IsEmpty());
}

TEST(ValueDecoder, ParsesDatesAndTimes) {
  Decoding d;
  EXPECT_THAT(d.Numbers(Vr::kDA, "19700102\\19691231 "), ElementsAre("1", "-1"));
  EXPECT_THAT(d.Numbers(Vr::kDA, "1970.01.02"), ElementsAre("1"));
  EXPECT_THAT(d.Numbers(Vr::kDA, "19700102\\19700231"), ElementsAre("none")) << "one that is none makes all none";
  EXPECT_THAT(d.Numbers(Vr::kDA, "        "), IsEmpty()) << "padding is no value";
  EXPECT_THAT(d.Numbers(Vr::kTM, "000001.5"), ElementsAre("1500000"));
  EXPECT_THAT(d.Numbers(Vr::kDT, "19700101000000"), ElementsAre("0"));
  EXPECT_THAT(d.Numbers(Vr::kDT, "19700101000000+0100"), ElementsAre("-3600000000"));
  d.context.utc_offset_minutes = -60;
  EXPECT_THAT(d.Numbers(Vr::kDT, "19700101000000"), ElementsAre("3600000000"));
  EXPECT_THAT(d.Numbers(Vr::kDT, "19700101000000+0000"), ElementsAre("0"));
}

TEST(ValueDecoder, ParsesNumbersWrittenAsText) {
  Decoding d;
  EXPECT_THAT(d.Numbers(Vr::kIS, "12\\-7 ", Type::kInteger), ElementsAre("12", "-7"));
  EXPECT_THAT(d.Numbers(Vr::kIS, "1.5", Type::kInteger), ElementsAre("none"));
  EXPECT_THAT(d.Numbers(Vr::kDS, "1.5 ", Type::kFloat), ElementsAre(std::to_string(std::bit_cast<int64_t>(1.5))));
  EXPECT_THAT(d.Numbers(Vr::kDS, "1,5", Type::kFloat), ElementsAre("none"));
}

TEST(ValueDecoder, PixelRepresentationDecidesAboutUsOrSs) {
  Decoding d;
  Rule rule;
  rule.vr = Vr::kUS;
  rule.type = Type::kInteger;
  rule.us_or_ss = true;
  std::vector<int64_t> numbers;
  ASSERT_TRUE(d.decoder.Numbers(rule, "\xFF\xFF", d.context, numbers));
  EXPECT_THAT(numbers, ElementsAre(65535));
  d.context.signed_pixels = true;
  ASSERT_TRUE(d.decoder.Numbers(rule, "\xFF\xFF", d.context, numbers));
  EXPECT_THAT(numbers, ElementsAre(-1));
}

TEST(ValueDecoder, PrintsWhatOtherElementsKeeps) {
  Decoding d;
  EXPECT_THAT(d.Printed(Vr::kLO, "a\\b "), ElementsAre("a", "b"));
  EXPECT_THAT(d.Printed(Vr::kUS, LittleEndian<uint16_t>({1, 65535})), ElementsAre("1", "65535"));
  EXPECT_THAT(d.Printed(Vr::kSL, LittleEndian<int32_t>({-5})), ElementsAre("-5"));
  EXPECT_THAT(d.Printed(Vr::kUV, LittleEndian<uint64_t>({~uint64_t{0}})), ElementsAre("18446744073709551615"));
  EXPECT_THAT(d.Printed(Vr::kFL, LittleEndian<float>({0.1F})), ElementsAre("0.1"));
  EXPECT_THAT(d.Printed(Vr::kFD, LittleEndian<double>({0.1, -2.5})), ElementsAre("0.1", "-2.5"));
  EXPECT_THAT(d.Printed(Vr::kAT, LittleEndian<uint16_t>({0x7FE0, 0x0010})), ElementsAre("7FE00010"));
  EXPECT_THAT(d.Printed(Vr::kOB, std::string("\0\xFF", 2)), ElementsAre("base64:AP8="));
  EXPECT_THAT(d.Printed(Vr::kUN, "abc"), ElementsAre("base64:YWJj"));
  EXPECT_THAT(d.Printed(Vr::kUS, "abc"), ElementsAre("base64:YWJj")) << "not whole numbers";
  EXPECT_THAT(d.Printed(Vr::kOW, "abcd"), ElementsAre("base64:YWJjZA=="));
  EXPECT_THAT(d.Printed(Vr::kUN, ""), IsEmpty());
}

}  // namespace
}  // namespace dicomhouse::mapping
