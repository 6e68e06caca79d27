#include "dicom/dictionary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "tests/dicom/source_tree.h"

namespace dicomhouse::dicom {
namespace {

using testing::ReadTable;
using testing::SourceTree;

std::vector<std::vector<std::string>> Rows(const std::string& table) {
  auto rows = ReadTable(SourceTree() / "data" / "dictionary" / table);
  rows.erase(rows.begin());  // the names of the columns
  return rows;
}

// The tag that a row stands for when every x is `digit`.
uint32_t TagOf(std::string digits, char digit) {
  std::ranges::replace(digits, 'x', digit);
  return static_cast<uint32_t>(std::stoul(digits, nullptr, 16));
}

TEST(DictionaryTest, EditionIsNamed) { EXPECT_EQ(DictionaryEdition(), "2026b"); }

TEST(DictionaryTest, KnownElementsAreFound) {
  const ElementEntry* name = FindElement(0x00100010);
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(name->keyword, "PatientName");
  EXPECT_EQ(name->name, "Patient's Name");
  EXPECT_EQ(name->vr, Vr::kPN);
  EXPECT_TRUE(name->single_valued());
  EXPECT_FALSE(name->retired);
  EXPECT_FALSE(name->repeating_group());
  EXPECT_FALSE(name->ambiguous);
  const ElementEntry* type = FindElement(0x00080008);
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->vm, "2-n");
  EXPECT_FALSE(type->single_valued());
}

TEST(DictionaryTest, WhatTheStandardOfThisEditionRetiredIsRetired) {
  for (const uint32_t tag : {0x00102160u, 0x30040012u}) {
    const ElementEntry* entry = FindElement(tag);
    ASSERT_NE(entry, nullptr);
    EXPECT_TRUE(entry->retired) << entry->keyword;
  }
}

TEST(DictionaryTest, UndecidedVrsTakeTheNamedOneAndSaySo) {
  struct Case {
    uint32_t tag;
    Vr vr;
    bool us_or_ss;
  };
  for (const Case& c : {Case{0x7FE00010, Vr::kOW, false}, Case{0x00280106, Vr::kUS, true}, Case{0x00281200, Vr::kUS, true},
                        Case{0x00283006, Vr::kUS, false}, Case{0x60003000, Vr::kOW, false}}) {
    const ElementEntry* entry = FindElement(c.tag);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->vr, c.vr) << entry->keyword;
    EXPECT_EQ(entry->us_or_ss, c.us_or_ss) << entry->keyword;
    EXPECT_TRUE(entry->ambiguous) << entry->keyword;
  }
}

TEST(DictionaryTest, DigitsWrittenAsXMatchAnyDigit) {
  const std::map<uint32_t, std::string> cases = {{0x50041001, "CurveActivationLayer"},
                                                 {0x601E0010, "OverlayRows"},
                                                 {0x60FE3000, "OverlayData"},
                                                 {0x00203142, "SourceImageIDs"},
                                                 {0x00280410, "RowsForNthOrderCoefficients"},
                                                 {0x002804F3, "CoefficientCodingPointers"},
                                                 {0x00280870, "CodeLabel"},
                                                 {0x10000120, "EscapeTriplet"},
                                                 {0x10000FF5, "ShiftTableTriplet"},
                                                 {0x10101234, "ZonalMap"},
                                                 {0x7F020011, "VariableNextDataGroup"},
                                                 {0x7FE20010, "VariablePixelData"}};
  for (const auto& [tag, keyword] : cases) {
    const ElementEntry* entry = FindElement(tag);
    ASSERT_NE(entry, nullptr) << std::hex << tag;
    EXPECT_EQ(entry->keyword, keyword) << std::hex << tag;
    EXPECT_EQ(entry->tag, tag & entry->mask);
  }
}

TEST(DictionaryTest, OnlyGroupsWithXRepeat) {
  EXPECT_TRUE(FindElement(0x60000010)->repeating_group());
  EXPECT_TRUE(FindElement(0x50000010)->repeating_group());
  EXPECT_TRUE(FindElement(0x7F020011)->repeating_group());
  EXPECT_FALSE(FindElement(0x00203142)->repeating_group());
  EXPECT_FALSE(FindElement(0x002804F3)->repeating_group());
  EXPECT_FALSE(FindElement(0x10101234)->repeating_group());
}

TEST(DictionaryTest, ATagOfItsOwnGoesBeforeARepeatingGroup) { EXPECT_EQ(FindElement(0x7FE00010)->keyword, "PixelData"); }

TEST(DictionaryTest, GroupLengthsAreNotFoundButInCommandsAndFileMeta) {
  EXPECT_NE(FindElement(0x00000000), nullptr);
  EXPECT_NE(FindElement(0x00020000), nullptr);
  for (const uint32_t tag : {0x00080000u, 0x10000000u, 0x10100000u, 0x50000000u, 0x60000000u, 0x7FE00000u}) {
    EXPECT_EQ(FindElement(tag), nullptr) << std::hex << tag;
  }
}

TEST(DictionaryTest, OddGroupsAndUnknownTagsAreNotFound) {
  for (const uint32_t tag : {0x00090010u, 0x60010010u, 0x00081234u, 0x002804F9u, 0xFFFFFFFFu, 0x00200031u}) {
    EXPECT_EQ(FindElement(tag), nullptr) << std::hex << tag;
  }
}

TEST(DictionaryTest, DelimitersOfItemsHaveNoVr) {
  for (const uint32_t tag : {0xFFFEE000u, 0xFFFEE00Du, 0xFFFEE0DDu}) {
    ASSERT_NE(FindElement(tag), nullptr);
    EXPECT_EQ(FindElement(tag)->vr, Vr::kNone);
  }
}

TEST(DictionaryTest, EveryRowOfTheTableIsFound) {
  const std::set<std::string> undecided = {"OB or OW", "US or SS", "US or SS or OW", "US or OW"};
  for (const auto& row : Rows("elements.tsv")) {
    for (const char digit : {'4', 'E'}) {
      const ElementEntry* entry = FindElement(TagOf(row[0], digit));
      ASSERT_NE(entry, nullptr) << row[0];
      EXPECT_EQ(entry->keyword, row[1]);
      EXPECT_EQ(entry->vm, row[4]) << row[0];
      EXPECT_EQ(entry->retired, row[5] == "R") << row[0];
      EXPECT_FALSE(entry->name.empty()) << row[0];
      EXPECT_EQ(entry->ambiguous, undecided.contains(row[3])) << row[0];
      if (!entry->ambiguous && row[3] != "-") {
        EXPECT_EQ(VrText(entry->vr), row[3]) << row[0];
      }
      if (!row[1].empty()) {
        EXPECT_EQ(FindKeyword(row[1]), entry) << row[1];
      }
    }
  }
}

TEST(DictionaryTest, KeywordsAreFoundExactly) {
  EXPECT_EQ(FindKeyword("StudyInstanceUID")->tag, 0x0020000Du);
  EXPECT_EQ(FindKeyword("OverlayData")->mask, 0xFF00FFFFu);
  EXPECT_EQ(FindKeyword("studyinstanceuid"), nullptr);
  EXPECT_EQ(FindKeyword("StudyInstanceUI"), nullptr);
  EXPECT_EQ(FindKeyword(""), nullptr);
  EXPECT_EQ(FindKeyword("zzz"), nullptr);
}

TEST(DictionaryTest, PrivateElementsAreFoundInAnyBlock) {
  for (const uint32_t tag : {0x0019100Cu, 0x0019FF0Cu, 0x0019420Cu}) {
    const PrivateEntry* entry = FindPrivate("SIEMENS MR HEADER", tag);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->vr, Vr::kIS);
    EXPECT_EQ(entry->name, "B_value");
  }
  EXPECT_EQ(FindPrivate("SIEMENS MR HEADER", 0x0021100C), nullptr);
}

TEST(DictionaryTest, TrailingSpacesOfACreatorDontCount) {
  EXPECT_NE(FindPrivate("SIEMENS MR HEADER  ", 0x0019100C), nullptr);
  EXPECT_EQ(FindPrivate(" SIEMENS MR HEADER", 0x0019100C), nullptr);
  EXPECT_EQ(FindPrivate("siemens mr header", 0x0019100C), nullptr);
  EXPECT_EQ(FindPrivate("", 0x0019100C), nullptr);
  EXPECT_EQ(FindPrivate("   ", 0x0019100C), nullptr);
}

TEST(DictionaryTest, PrivateTagsOfPeculiarFormsAreFound) {
  EXPECT_NE(FindPrivate("PAPYRUS 3.0", 0x60011010), nullptr);  // 60xxxx10
  EXPECT_NE(FindPrivate("PAPYRUS 3.0", 0x600F2010), nullptr);
  EXPECT_EQ(FindPrivate("CANON_MEC_MR3^10", 0x00191005)->vr, Vr::kFL);  // 00190005 names the number within the block
  EXPECT_EQ(FindPrivate("TOSHIBA_MEC_OT3", 0x70191080)->vr, Vr::kOW);   // OB_OW
  EXPECT_EQ(FindPrivate("GEMS_ACQU_01", 0x00191000), nullptr);          // 001910xx describes the creator element
}

TEST(DictionaryTest, APrivateTagOfItsOwnGoesBeforeTheBlocks) {
  EXPECT_EQ(FindPrivate("PHILIPS MR/PART", 0x00191000)->name, "FieldOfView");
  EXPECT_EQ(FindPrivate("PHILIPS MR/PART", 0x00191100)->name, "NumberOfStacks");
  EXPECT_EQ(FindPrivate("PHILIPS MR/PART", 0x00194200)->name, "Field of View");
  // OCULUS' rows name block 10 only.
  EXPECT_NE(FindPrivate("OCULUS Optikgeraete GmbH", 0x00291010), nullptr);
  EXPECT_EQ(FindPrivate("OCULUS Optikgeraete GmbH", 0x00294210)->name, FindPrivate("OCULUS Optikgeraete GmbH", 0x00291010)->name);
}

TEST(DictionaryTest, EveryPrivateRowIsFound) {
  for (const auto& row : Rows("private.tsv")) {
    if (row[1].ends_with("xx")) continue;
    const bool fixed = row[1].find('x') == std::string::npos;
    const bool in_block = fixed && row[1].substr(4, 2) == "00";  // the tag of a row that may stand behind one with xx
    const uint32_t tag = TagOf(row[1], 'E') | (in_block ? 0x1000u : 0);
    const PrivateEntry* entry = FindPrivate(row[0], tag);
    ASSERT_NE(entry, nullptr) << row[0] << " " << row[1];
    EXPECT_NE(entry->vr, Vr::kNone) << row[0] << " " << row[1];
    if (in_block) continue;
    EXPECT_EQ(entry->vm, row[3]) << row[0] << " " << row[1];
    EXPECT_EQ(entry->name, row[4]) << row[0] << " " << row[1];
  }
}

TEST(DictionaryTest, EveryUidIsFound) {
  for (const auto& row : Rows("uids.tsv")) {
    const UidEntry* entry = FindUid(row[0]);
    ASSERT_NE(entry, nullptr) << row[0];
    EXPECT_EQ(entry->keyword, row[1]);
    EXPECT_EQ(entry->name, row[2]);
    EXPECT_EQ(entry->type, row[3]);
    EXPECT_EQ(entry->retired, row[4] == "R");
  }
  EXPECT_EQ(FindUid("1.2.840.10008.1.2.1")->keyword, "ExplicitVRLittleEndian");
  EXPECT_EQ(FindUid("1.2.840.10008.1.2.1 "), nullptr);
  EXPECT_EQ(FindUid(""), nullptr);
  EXPECT_EQ(FindUid("9"), nullptr);
}

TEST(DictionaryTest, TheGeneratedSourceIsWhatTheGeneratorWrites) {
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
  const std::string command = "python3 '" + (SourceTree() / "tools" / "make_dictionary.py").string() + "' --check";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace dicomhouse::dicom
