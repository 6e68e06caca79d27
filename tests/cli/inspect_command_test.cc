#include <gmock/gmock.h>

#include <algorithm>

#include "base/json.h"
#include "program_runner.h"

namespace dicomhouse::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class InspectCommandTest : public testing::Test {
 protected:
  Outcome Inspect(const std::string& bytes, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"inspect", scratch_.Write("file.dcm", bytes)};
    words.insert(words.end(), more.begin(), more.end());
    return Dicomhouse(scratch_, words);
  }
  Scratch scratch_;
};

TEST_F(InspectCommandTest, ShowsElementsWithOffsetsNestedOnesIndented) {
  const Outcome shown = Inspect(Instance("1.1"));
  EXPECT_EQ(shown.code, kDone) << shown.err;
  EXPECT_THAT(shown.out, ContainsRegex(" 132 \\(0002,0010\\) UI \\[1.2.840.10008.1.2.1\\] .*Explicit VR Little Endian\n"));
  EXPECT_THAT(shown.out, ContainsRegex("[0-9]+ \\(0008,0060\\) CS \\[CT\\] +# 2, 1 Modality\n"));
  EXPECT_THAT(shown.out, ContainsRegex("[0-9]+   \\(FFFE,E000\\) +# 14, item\n"));
  EXPECT_THAT(shown.out, ContainsRegex("[0-9]+     \\(0040,0009\\) SH \\[STEP1\\]"));
  EXPECT_THAT(shown.out, ContainsRegex("\\(0009,0010\\) LO \\[ACME\\] +# 4, 1 PrivateCreator"));
  EXPECT_THAT(shown.out, HasSubstr("of ACME"));
  EXPECT_THAT(shown.out, Not(HasSubstr("What is wrong")));
}

TEST_F(InspectCommandTest, OffsetsPointAtTheHeaders) {
  const std::string bytes = Instance("1.1");
  const auto json = base::Json::Parse(Inspect(bytes, {"--json"}).out);
  ASSERT_TRUE(json.ok());
  EXPECT_GT((*json)["elements"].array().size(), 10U);
  for (const base::Json& element : (*json)["elements"].array()) {
    const std::string& tag = element["tag"].as_string();
    const auto group = static_cast<uint32_t>(std::stoul(tag.substr(0, 4), nullptr, 16));
    EXPECT_EQ(bytes.substr(static_cast<size_t>(element["offset"].as_int()), 2), LittleEndian(group, 2)) << tag;
  }
}

TEST_F(InspectCommandTest, WhatRepeatsWithoutEndIsCounted) {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += Element(0x00101000, "LO", "x");
  const std::string bytes = Instance("1.1", "CT", many) + std::string(2 << 20, '\0');
  const Outcome shown = Inspect(bytes);
  EXPECT_EQ(shown.code, kDone) << shown.err;
  EXPECT_LT(std::count(shown.out.begin(), shown.out.end(), '\n'), 200);
  EXPECT_THAT(shown.out, ContainsRegex("\\(0010,1000\\) +# 4900 more of this tag\n"));
  EXPECT_THAT(shown.out, HasSubstr("(7FE0,0010)"));
  EXPECT_THAT(shown.out, HasSubstr("more padding than the limit"));
  const auto json = base::Json::Parse(Inspect(bytes, {"--json"}).out);
  ASSERT_TRUE(json.ok());
  EXPECT_LT((*json)["elements"].array().size(), 200U);
  for (int i = 0; i < 80000; ++i) many += Element(0x00101000, "LO", "x");
  const std::string limited = Inspect(Instance("1.1", "CT", many)).out;
  EXPECT_THAT(limited, ContainsRegex("# 654[0-9][0-9] more of this tag\n"));
  EXPECT_THAT(limited, HasSubstr("more elements than the limit"));
  EXPECT_THAT(limited, Not(HasSubstr("bytes behind the last element")));
}

TEST_F(InspectCommandTest, LongValuesAreCutUnlessAllIsWanted) {
  const std::string bytes = Part10(Element(0x00081030, "LO", std::string(500, 'x') + "END"));
  EXPECT_THAT(Inspect(bytes).out, HasSubstr("x...]"));
  EXPECT_THAT(Inspect(bytes, {"--full"}).out, HasSubstr("xEND]"));
}

TEST_F(InspectCommandTest, TextIsShownInUtf8AndControlCharactersAreNot) {
  const std::string latin = Element(0x00080005, "CS", "ISO_IR 100") + Element(0x00081030, "LO", "caf\xE9");
  EXPECT_THAT(Inspect(Part10(latin)).out, HasSubstr("caf\xC3\xA9"));
  EXPECT_THAT(Inspect(Part10(Element(0x00081030, "LT", "a\x07\x1b[31m"))).out, Not(HasSubstr("\x1b")));
}

TEST_F(InspectCommandTest, WhatIsWrongStandsAtTheEndWithItsOffset) {
  std::string bytes = Instance("1.1");
  bytes.resize(bytes.size() - 10);
  const Outcome shown = Inspect(bytes);
  EXPECT_EQ(shown.code, kDone);
  EXPECT_THAT(shown.out, ContainsRegex("What is wrong:\n +[0-9]+ \\(7FE0,0010\\) the bytes end inside the element\n$"));
}

TEST_F(InspectCommandTest, WhatIsInFrontOfALengthBeyondTheLimitIsShown) {
  const std::string endless = std::string("\x08\0\x12\x21SQ\0\0\xFE\xFF\xFF\x7F", 12) + "these bytes are no item of a sequence";
  const Outcome shown = Inspect(Part10(Element(0x00080018, "UI", "1.2.34") + endless));
  EXPECT_EQ(shown.code, kDone) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("[1.2.34]"));
  EXPECT_THAT(shown.out, HasSubstr("the header is larger than the limit"));
}

TEST_F(InspectCommandTest, DeepNestingNeedsNoStack) {
  std::string nested = Element(0x00400009, "SH", "DEEP");
  for (int i = 0; i < 400; ++i) {
    nested = std::string("\x40\0\x75\x02SQ\0\0\xFF\xFF\xFF\xFF", 12) + std::string("\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF", 8) + nested;
  }
  EXPECT_THAT(Inspect(Part10(nested)).out, HasSubstr("[DEEP]"));
}

TEST_F(InspectCommandTest, WhatIsNoDicomFileIsSaidSo) {
  const Outcome text = Inspect("hello, world");
  EXPECT_EQ(text.code, kFailed);
  EXPECT_THAT(text.err, HasSubstr("nothing in it looks like DICOM"));
  EXPECT_EQ(Dicomhouse(scratch_, {"inspect", scratch_.path("")}).code, kWrongUse);
  EXPECT_EQ(Dicomhouse(scratch_, {"inspect", scratch_.path("nowhere")}).code, kFailed);
}

}  // namespace
}  // namespace dicomhouse::cli
