#include "mapping/type_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "dicom/dictionary.h"
#include "tests/dicom/source_tree.h"

namespace dicomhouse::mapping {
namespace {

using dicom::Vr;
using table::Mode;
using table::Type;

Rule RuleOf(uint32_t tag, Vr vr, bool sequence = false, std::string_view creator = {}) {
  return RuleFor({tag, vr, sequence, creator}, Profile::kGoogle);
}
// As the dictionary has it, in implicit VR.
Rule RuleOf(const dicom::ElementEntry& entry) { return RuleOf(entry.tag, Vr::kNone, entry.vr == Vr::kSQ); }

// ---- the table that Google's own export made

struct Sample {
  int known = 0;
  std::vector<std::string> wrong;
};

void CheckFields(const base::Json& fields, const std::string& path, bool of_group, Sample& sample) {  // NOLINT(misc-no-recursion)
  uint64_t last_order = 0;
  for (const base::Json& field : fields.array()) {
    const std::string& name = field["name"].as_string();
    const std::string here = path + name;
    const std::string printed = field["type"].as_string() + " " + field["mode"].as_string();
    uint64_t order = 0;
    bool group = false;
    if (const dicom::ElementEntry* entry = dicom::FindKeyword(name); entry != nullptr && !of_group) {
      const Rule rule = RuleOf(*entry);
      group = rule.repeating_group;
      order = rule.order;
      const std::string expected = std::string(group ? "RECORD" : table::TypeName(rule.type)) + " " +
                                   std::string(group ? "REPEATED" : table::ModeName(rule.mode));
      ++sample.known;
      // Its VM became 1-n in a later edition of the dictionary.
      const bool newer = here == "SegmentSequence.SegmentAlgorithmName";
      if (rule.name != name || (expected != printed && !newer))
        sample.wrong.push_back(here + ": " + expected + ", not " + printed);
      if (group) {
        for (const base::Json& child : field["fields"].array()) {
          if (child["name"].as_string() != "Value") continue;
          const std::string value = std::string(table::TypeName(rule.type)) + " " + std::string(table::ModeName(rule.mode));
          if (child["type"].as_string() + " " + child["mode"].as_string() != value)
            sample.wrong.push_back(here + ".Value: " + value);
        }
      }
      if (entry->vr == Vr::kPN) continue;
    } else if (name.starts_with("Tag_")) {
      const auto tag = static_cast<uint32_t>(std::stoul(name.substr(4), nullptr, 16));
      const Rule rule = RuleOf(tag, Vr::kSQ, true);
      order = rule.order;
      if (rule.name != name || rule.type != Type::kRecord || printed != "RECORD REPEATED") sample.wrong.push_back(here);
    } else if (name == "OtherElements") {
      order = kOtherElementsOrder;
    } else if (!of_group) {
      sample.wrong.push_back(here + ": unknown");
      continue;
    }
    if (!of_group && order <= last_order) sample.wrong.push_back(here + ": order");
    last_order = order;
    if (name != "OtherElements") CheckFields(field["fields"], here + ".", group, sample);
  }
}

TEST(TypeRules, GiveEveryFieldOfARealExportItsNameTypeModeAndPlace) {
  const auto path = dicom::testing::SourceTree().parent_path() / "shared" / "spec" / "samples" / "idc-dicom-metadata.schema.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no sample of a real export here";
  const auto json = base::Json::Parse(dicom::testing::ReadWholeFile(path));
  ASSERT_TRUE(json.ok()) << json.error().message;
  Sample sample;
  CheckFields(*json, "", false, sample);
  EXPECT_THAT(sample.wrong, ::testing::IsEmpty());
  EXPECT_GT(sample.known, 1500);
}

// ---- the rules one by one

// Elements with a keyword and a VR, one for each tag (0028,04x0 and 0028,0400 share one).
std::vector<const dicom::ElementEntry*> Entries() {
  std::vector<const dicom::ElementEntry*> entries;
  for (const dicom::ElementEntry& entry : dicom::AllElements()) {
    if (!entry.keyword.empty() && entry.vr != Vr::kNone && dicom::FindElement(entry.tag) == &entry) entries.push_back(&entry);
  }
  return entries;
}

TEST(TypeRules, TypeFollowsFromVr) {
  for (const Vr vr :
       {Vr::kAE, Vr::kAS, Vr::kCS, Vr::kLO, Vr::kLT, Vr::kSH, Vr::kST, Vr::kUC, Vr::kUI, Vr::kUR, Vr::kUT, Vr::kDS, Vr::kIS}) {
    EXPECT_EQ(TypeOf(vr), Type::kString) << dicom::VrText(vr);
  }
  for (const Vr vr : {Vr::kAT, Vr::kSL, Vr::kSS, Vr::kUL, Vr::kUS, Vr::kSV, Vr::kUV})
    EXPECT_EQ(TypeOf(vr), Type::kInteger) << dicom::VrText(vr);
  for (const Vr vr : {Vr::kFL, Vr::kFD}) EXPECT_EQ(TypeOf(vr), Type::kFloat) << dicom::VrText(vr);
  EXPECT_EQ(TypeOf(Vr::kDA), Type::kDate);
  EXPECT_EQ(TypeOf(Vr::kTM), Type::kTime);
  EXPECT_EQ(TypeOf(Vr::kDT), Type::kTimestamp);
  EXPECT_EQ(TypeOf(Vr::kPN), Type::kRecord);
  EXPECT_EQ(TypeOf(Vr::kSQ), Type::kRecord);
}

TEST(TypeRules, ModeFollowsFromMultiplicityAlone) {
  for (const dicom::ElementEntry* found : Entries()) {
    const dicom::ElementEntry& entry = *found;
    const Rule rule = RuleOf(entry);
    if (rule.fate == Fate::kSequence) {
      EXPECT_EQ(rule.mode, Mode::kRepeated) << entry.keyword;
    } else if (rule.fate == Fate::kValue || rule.fate == Fate::kPersonName) {
      EXPECT_EQ(rule.mode, entry.vm == "1" ? Mode::kNullable : Mode::kRepeated) << entry.keyword;
    }
  }
}

// One path, one name, one type, one mode: whatever VR the file writes, an element with a place has the dictionary's.
TEST(TypeRules, TheFileNeverChangesTypeOrMode) {
  for (const dicom::ElementEntry* found : Entries()) {
    const dicom::ElementEntry& entry = *found;
    const Rule natural = RuleOf(entry);
    for (int i = 0; i < dicom::kVrCount; ++i) {
      const Rule rule = RuleOf(entry.tag, static_cast<Vr>(i));
      if (rule.fate != Fate::kValue && rule.fate != Fate::kPersonName) continue;
      EXPECT_EQ(rule.name, entry.keyword);
      EXPECT_EQ(rule.type, natural.type) << entry.keyword;
      EXPECT_EQ(rule.mode, natural.mode) << entry.keyword;
      EXPECT_EQ(rule.order, natural.order) << entry.keyword;
    }
  }
}

TEST(TypeRules, EveryElementOfTheDictionaryHasAFate) {
  for (const dicom::ElementEntry* found : Entries()) {
    const dicom::ElementEntry& entry = *found;
    const Rule rule = RuleOf(entry);
    const Fate expected = entry.vr == Vr::kSQ       ? Fate::kSequence
                          : entry.vr == Vr::kPN     ? Fate::kPersonName
                          : dicom::IsBulk(entry.vr) ? Fate::kDropped
                                                    : Fate::kValue;
    EXPECT_EQ(rule.fate, expected) << entry.keyword;
    EXPECT_TRUE(rule.fate != Fate::kDropped || rule.reason == Reason::kBulkVr) << entry.keyword;
  }
}

TEST(TypeRules, BulkHasNoColumn) {
  EXPECT_EQ(RuleOf(0x7FE00010, Vr::kOW).fate, Fate::kDropped);
  EXPECT_EQ(RuleOf(0x7FE00010, Vr::kNone).fate, Fate::kDropped);
  EXPECT_EQ(RuleOf(0x00281201, Vr::kOW).fate, Fate::kDropped);
  EXPECT_EQ(RuleOf(0x00283006, Vr::kOW).fate, Fate::kDropped) << "LUT Data: US or OW";
  EXPECT_EQ(RuleOf(0x00283006, Vr::kUS).fate, Fate::kValue);
}

TEST(TypeRules, RepeatingGroupsShareOneColumn) {
  for (const uint32_t group : {0x60000000U, 0x60020000U, 0x601E0000U}) {
    const Rule rule = RuleOf(group | 0x0010, Vr::kUS);
    EXPECT_EQ(rule.name, "OverlayRows");
    EXPECT_TRUE(rule.repeating_group);
    EXPECT_EQ(rule.type, Type::kInteger);
    EXPECT_EQ(rule.mode, Mode::kNullable);
    EXPECT_EQ(rule.order, RuleOf(0x60000010, Vr::kUS).order);
    EXPECT_EQ(RuleOf(group | 0x0050, Vr::kSS).mode, Mode::kRepeated);
  }
}

TEST(TypeRules, PrivateSequencesHaveAColumnAndOtherPrivateElementsHaveNone) {
  const Rule sequence = RuleOf(0x00291102, Vr::kSQ, true, "SIEMENS");
  EXPECT_EQ(sequence.fate, Fate::kSequence);
  EXPECT_EQ(sequence.name, "Tag_00291102");
  EXPECT_GE(sequence.order, kPrivateOrder);
  EXPECT_EQ(RuleOf(0x2005140F, Vr::kUN, true).name, "Tag_2005140F");
  EXPECT_EQ(RuleOf(0x00290010, Vr::kLO).fate, Fate::kOther);
  EXPECT_EQ(RuleOf(0x00291008, Vr::kCS, false, "SIEMENS CSA HEADER").fate, Fate::kOther);
  EXPECT_EQ(RuleOf(0x00290010, Vr::kNone).vr, Vr::kLO) << "a private creator is text in implicit VR too";
  EXPECT_EQ(RuleOf(0x00291008, Vr::kNone, false, "SIEMENS CSA HEADER").vr, Vr::kCS) << "the private dictionary knows";
  EXPECT_EQ(RuleOf(0x00291008, Vr::kNone, false, "nobody").vr, Vr::kUN);
}

TEST(TypeRules, WhatClashesWithTheDictionaryGoesToOtherElements) {
  for (const auto& [tag, vr] : {std::pair{0x00280010U, Vr::kLO}, std::pair{0x00100010U, Vr::kUS}, std::pair{0x00081140U, Vr::kLO},
                                std::pair{0x00080020U, Vr::kOB}}) {
    const Rule rule = RuleOf(tag, vr);
    EXPECT_EQ(rule.fate, Fate::kOther) << TagText(tag);
    EXPECT_EQ(rule.reason, Reason::kVrClash) << TagText(tag);
  }
  EXPECT_EQ(RuleOf(0x00081140, Vr::kNone, false).fate, Fate::kOther) << "a sequence that has no item is none";
}

TEST(TypeRules, AnUnknownElementGoesToOtherElements) {
  const Rule rule = RuleOf(0x00087777, Vr::kLO);
  EXPECT_EQ(rule.fate, Fate::kOther);
  EXPECT_EQ(rule.reason, Reason::kReasons);
  EXPECT_EQ(RuleOf(0x00087777, Vr::kSQ, true).name, "Tag_00087777");
}

TEST(TypeRules, NamesOfTags) {
  EXPECT_EQ(TagName(0x0029100F), "Tag_0029100F");
  EXPECT_EQ(TagText(0x7FE00010), "7FE0,0010");
  EXPECT_EQ(ElementName(0x00100010), "PatientName");
  EXPECT_EQ(ElementName(0x00090010), "Tag_00090010");
  EXPECT_TRUE(IsPrivateCreator(0x00090010));
  EXPECT_TRUE(IsPrivateCreator(0x000900FF));
  EXPECT_FALSE(IsPrivateCreator(0x00090001));
  EXPECT_FALSE(IsPrivateCreator(0x00091000));
  EXPECT_FALSE(IsPrivateCreator(0x00080010));
}

// A column for every keyword: none is another's but for case.
TEST(TypeRules, KeywordsAreDifferentNamesInAnyCase) {
  table::Schema schema;
  for (const dicom::ElementEntry& entry : dicom::AllElements()) {
    if (!entry.keyword.empty()) schema.fields.emplace_back().name = entry.keyword;
  }
  for (const char* name : {"OtherElements", "DroppedTags", "BulkData", "SourcePath", "SourceSize", "SourceModified"})
    schema.fields.emplace_back().name = name;
  EXPECT_GT(schema.fields.size(), 4000U);
  const auto checked = table::CheckNames(schema);
  EXPECT_TRUE(checked.ok()) << checked.error().message;
}

}  // namespace
}  // namespace dicomhouse::mapping
