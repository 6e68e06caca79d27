#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "store/internal/matching.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using ::testing::ElementsAre;
using testing::Facts;
using testing::Folder;
using ::testing::IsEmpty;
using testing::MakeInstance;
using testing::Put;
using ::testing::UnorderedElementsAre;

constexpr int64_t kStore = 1;

class SearchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Instances::Open(folder_.path(), base::RealFileSystem());
    ASSERT_TRUE(opened.ok());
    instances_ = *std::move(opened);
    Add("1.1", "DOE^JANE", "P1", "20240101", "CT", 2);
    Add("1.2", "DOE^JOHN^Q", "P2", "20240215", "MR", 1);
    Add("1.3", "MÜLLER^ÉMILE", "P3", "20230701", "MR", 1);
  }
  void Add(const std::string& study, const std::string& name, const std::string& id, const std::string& date,
           const std::string& modality, int instances) {
    using namespace dicom::testing;  // NOLINT(google-build-using-namespace)
    for (int i = 1; i <= instances; ++i) {
      Facts facts;
      facts.study = study;
      facts.series = study + ".1";
      facts.instance = facts.series + "." + std::to_string(i);
      facts.patient = name;
      facts.patient_id = id;
      facts.date = date;
      facts.modality = modality;
      facts.number = std::to_string(i);
      facts.character_set = "ISO_IR 192";
      facts.more = {Sequence(0x00400275, {{Text(0x00400007, "LO", "nothing")},
                                          {Text(0x00400007, "LO", "step " + id), Text(0x00400009, "SH", "S" + id)}}),
                    Text(0x00081090, "LO", "Model " + id)};
      facts.pixel_bytes = 6000;
      Store(facts);
    }
  }
  void Store(const Facts& facts) { ASSERT_TRUE(Put(*instances_, kStore, MakeInstance(facts), OnExisting::kReplace).ok()); }

  std::vector<Match> Run(const Search& search) {
    auto matches = instances_->Find(kStore, search);
    EXPECT_TRUE(matches.ok()) << (matches.ok() ? "" : matches.error().message);
    return matches.ok() ? *std::move(matches) : std::vector<Match>();
  }
  // The first study of a search's page; "" when it has none.
  std::string StudyAt(Search search, uint64_t offset) {
    search.offset = offset;
    const auto found = Run(search);
    return found.empty() ? "" : found[0].key.study;
  }
  std::vector<std::string> Studies(std::vector<uint32_t> path, const std::string& value, bool fuzzy = false) {
    Search search;
    search.conditions.push_back({std::move(path), {value}});
    search.fuzzy = fuzzy;
    std::vector<std::string> found;
    for (const Match& match : Run(search)) found.push_back(match.key.study);
    return found;
  }
  static base::Json Parse(const Match& match) {
    auto json = base::Json::Parse("{" + match.attributes + "}");
    EXPECT_TRUE(json.ok()) << match.attributes;
    return json.ok() ? *std::move(json) : base::Json();
  }
  static std::string First(const base::Json& object, const char* tag) {
    const auto& values = object[tag]["Value"].array();
    return values.empty() ? "" : values[0].Print();
  }

  Folder folder_;
  std::unique_ptr<Instances> instances_;
};

TEST_F(SearchTest, SingleValuesRangesListsAndWildcards) {
  EXPECT_THAT(Studies({0x00100020}, "P2"), ElementsAre("1.2"));
  EXPECT_THAT(Studies({0x00100020}, "p2"), IsEmpty());
  EXPECT_THAT(Studies({0x00100020}, "P?"), ElementsAre("1.1", "1.2", "1.3"));
  EXPECT_THAT(Studies({0x00100020}, "[P]1"), IsEmpty());
  EXPECT_THAT(Studies({0x00100010}, "DOE*"), ElementsAre("1.1", "1.2"));
  EXPECT_THAT(Studies({0x00100010}, "DOE^JANE"), ElementsAre("1.1"));
  EXPECT_THAT(Studies({0x00080020}, "20240101-20241231"), ElementsAre("1.1", "1.2"));
  EXPECT_THAT(Studies({0x00080020}, "-20231231"), ElementsAre("1.3"));
  EXPECT_THAT(Studies({0x00080020}, "20240215-"), ElementsAre("1.2"));
  EXPECT_THAT(Studies({0x00080030}, "1015"), ElementsAre("1.1", "1.2", "1.3"));
  EXPECT_THAT(Studies({0x00080030}, "1016-"), IsEmpty());
  EXPECT_THAT(Studies({0x0020000D}, "1.1,1.3"), ElementsAre("1.1", "1.3"));
  EXPECT_THAT(Studies({0x00080061}, "MR"), ElementsAre("1.2", "1.3"));
  EXPECT_THAT(Studies({0x00100020}, ""), ElementsAre("1.1", "1.2", "1.3"));
}

TEST_F(SearchTest, DateTimesMatchOnTheClockOfTheirInstance) {
  Facts facts;
  facts.study = "1.5";
  facts.series = "1.5.1";
  facts.instance = "1.5.1.1";
  facts.more = {dicom::testing::Text(0x0008002A, "DT", "20250102003000"), dicom::testing::Text(0x00080201, "SH", "+0100")};
  Store(facts);
  EXPECT_THAT(Studies({0x0008002A}, "20250102-20250103"), ElementsAre("1.5"));
  EXPECT_THAT(Studies({0x0008002A}, "20250101233000-0000"), ElementsAre("1.5"));
  EXPECT_THAT(Studies({0x0008002A}, "20250103-"), IsEmpty());
}

TEST_F(SearchTest, NamesMatchFuzzilyWithoutCaseAndAccents) {
  EXPECT_THAT(Studies({0x00100010}, "jane doe", true), ElementsAre("1.1"));
  EXPECT_THAT(Studies({0x00100010}, "muller", true), ElementsAre("1.3"));
  EXPECT_THAT(Studies({0x00100010}, "emi mül", true), ElementsAre("1.3"));
  EXPECT_THAT(Studies({0x00100010}, "oe", true), IsEmpty());
  EXPECT_THAT(Studies({0x00100010}, "MÜLLER*"), ElementsAre("1.3"));
}

TEST_F(SearchTest, AttributesWithoutAColumnAndInSequencesMatchToo) {
  EXPECT_THAT(Studies({0x00081090}, "Model P2"), ElementsAre("1.2"));
  EXPECT_THAT(Studies({0x00400275, 0x00400009}, "SP3"), ElementsAre("1.3"));
  EXPECT_THAT(Studies({0x00400275, 0x00400007}, "step*"), ElementsAre("1.1", "1.2", "1.3"));
  EXPECT_THAT(Studies({0x00400275, 0x00400010}, "x"), IsEmpty());
  EXPECT_THAT(Studies({0x00280010}, "512"), ElementsAre("1.1", "1.2", "1.3"));
}

TEST_F(SearchTest, StudiesSayTheirModalitiesAndCounts) {
  Facts facts;
  facts.study = "1.1";
  facts.series = "1.1.2";
  facts.instance = "1.1.2.1";
  facts.modality = "SR";
  Store(facts);
  Search search;
  search.study = "1.1";
  const auto matches = Run(search);
  ASSERT_EQ(matches.size(), 1u);
  const base::Json json = Parse(matches[0]);
  EXPECT_EQ(json["00080061"]["Value"].Print(), R"(["CT","SR"])");
  EXPECT_EQ(First(json, "00201206"), "2");
  EXPECT_EQ(First(json, "00201208"), "3");
  EXPECT_EQ(First(json, "0020000D"), "\"1.1\"");
  std::string last;
  for (const auto& [tag, value] : json.object()) {
    EXPECT_LT(last, tag);
    last = tag;
  }
}

TEST_F(SearchTest, TheNewestInstanceSpeaksForStudyAndSeriesAlsoAfterItGoes) {
  Facts facts;
  facts.study = "1.2";
  facts.series = "1.2.1";
  facts.instance = "1.2.1.9";
  facts.patient_id = "NEW";
  Store(facts);
  EXPECT_THAT(Studies({0x00100020}, "NEW"), ElementsAre("1.2"));
  ASSERT_TRUE(instances_->Delete(kStore, {"1.2", "1.2.1", "1.2.1.9"}).ok());
  EXPECT_THAT(Studies({0x00100020}, "NEW"), IsEmpty());
  EXPECT_THAT(Studies({0x00100020}, "P2"), ElementsAre("1.2"));
}

TEST_F(SearchTest, LowerLevelsBringTheirParentsUnlessAsked) {
  Search search;
  search.level = Level::kInstance;
  search.conditions.push_back({{0x00100020}, {"P1"}});
  auto matches = Run(search);
  ASSERT_EQ(matches.size(), 2u);
  base::Json json = Parse(matches[0]);
  EXPECT_EQ(First(json, "00100020"), "\"P1\"");
  EXPECT_EQ(First(json, "00080060"), "\"CT\"");
  EXPECT_EQ(First(json, "00280010"), "512");
  search.study = "1.1";
  search.series = "1.1.1";
  matches = Run(search);
  ASSERT_EQ(matches.size(), 2u);
  json = Parse(matches[0]);
  EXPECT_EQ(json.find("00100020"), nullptr);
  EXPECT_EQ(First(json, "0020000D"), "\"1.1\"");
  EXPECT_EQ(First(json, "0020000E"), "\"1.1.1\"");
  search.include = {{0x00081090}, {0x00100020}};
  json = Parse(Run(search)[0]);
  EXPECT_EQ(First(json, "00081090"), "\"Model P1\"");
  EXPECT_EQ(First(json, "00100020"), "\"P1\"");
  search.include_all = true;
  json = Parse(Run(search)[0]);
  EXPECT_EQ(json["00400275"]["vr"].as_string(), "SQ");
  EXPECT_EQ(json.find("7FE00010"), nullptr);
}

// PS3.18 §10.6.3.3: "All other Study level Attributes passed as match or includefield parameters"; "Series or Instance Level
// Attributes contained in includefield parameters shall not be returned"; private elements come with their creators.
TEST_F(SearchTest, MatchesHaveWhatWasMatchedOrAskedForOfTheirLevel) {
  using namespace dicom::testing;  // NOLINT(google-build-using-namespace)
  Facts facts;
  facts.study = "1.4";
  facts.series = "1.4.1";
  facts.instance = "1.4.1.1";
  facts.more = {Text(0x00080008, "CS", "ORIGINAL"), Text(0x00110010, "LO", "ACME"), Text(0x00111001, "LO", "private words")};
  Store(facts);
  Search search;
  search.level = Level::kInstance;
  search.conditions.push_back({{0x00080008}, {"ORIG*"}});
  search.include = {{0x00111001}};
  ASSERT_EQ(Run(search).size(), 1u);
  const base::Json instance = Parse(Run(search)[0]);
  EXPECT_EQ(First(instance, "00080008"), "\"ORIGINAL\"");
  EXPECT_EQ(First(instance, "00111001"), "\"private words\"");
  EXPECT_EQ(First(instance, "00110010"), "\"ACME\"");
  search = Search();
  search.level = Level::kStudy;
  search.study = "1.4";
  search.include = {{0x00080060}, {0x0020000E}, {0x00080018}, {0x00280010}, {0x00100020}};
  const base::Json study = Parse(Run(search)[0]);
  for (const char* lower : {"00080060", "0020000E", "00080018", "00280010"}) EXPECT_EQ(study.find(lower), nullptr) << lower;
  EXPECT_EQ(First(study, "00100020"), "\"P1\"");
}

TEST_F(SearchTest, LimitAndOffsetPageThroughAllKindsOfSearches) {
  for (const bool by_header : {false, true}) {
    Search search;
    if (by_header) search.conditions.push_back({{0x00081090}, {"Model*"}});
    search.limit = 2;
    EXPECT_EQ(Run(search).size(), 2u);
    search.offset = 2;
    const auto last = Run(search);
    ASSERT_EQ(last.size(), 1u);
    EXPECT_EQ(last[0].key.study, "1.3");
  }
}

// A page goes on behind the one before; after a change the offset counts again.
TEST_F(SearchTest, PagesGoOnWhereTheLastOneEndedAlsoWhenInstancesComeAndGo) {
  for (const bool by_header : {false, true}) {
    Search search;
    if (by_header) search.conditions.push_back({{0x00081090}, {"Model*"}});
    search.limit = 1;
    const auto study_at = [&](uint64_t offset) { return StudyAt(search, offset); };
    EXPECT_EQ(study_at(0), "1.1");
    EXPECT_EQ(study_at(1), "1.2");
    Add("1.4", "DOE^JACK", "P4", "20240301", "CT", 1);
    EXPECT_EQ(study_at(2), "1.3");
    EXPECT_EQ(study_at(3), "1.4");
    EXPECT_EQ(study_at(4), "");
    EXPECT_EQ(study_at(3), "1.4");
    ASSERT_TRUE(instances_->Delete(kStore, {"1.4", "", ""}).ok());
    ASSERT_TRUE(instances_->Delete(kStore, {"1.1", "", ""}).ok());
    EXPECT_EQ(study_at(1), "1.3");
    EXPECT_EQ(study_at(2), "");
    Add("1.1", "DOE^JANE", "P1", "20240101", "CT", 2);
    EXPECT_EQ(study_at(2), "1.1");
    ASSERT_TRUE(instances_->Delete(kStore, {"1.2", "", ""}).ok());
    ASSERT_TRUE(instances_->Delete(kStore, {"1.3", "", ""}).ok());
    Add("1.2", "DOE^JOHN^Q", "P2", "20240215", "MR", 1);
    Add("1.3", "MÜLLER^ÉMILE", "P3", "20230701", "MR", 1);
  }
}

// A study's attributes are those of its newest instance, so one that comes can put a study in front of a page.
TEST_F(SearchTest, PagesOfConditionsSeeStudiesThatBeginToMatch) {
  Add("1.4", "DOE^JANE", "P4", "20240301", "CT", 1);
  Add("1.5", "DOE^JANE", "P5", "20240301", "CT", 1);
  Search search;
  search.conditions.push_back({{0x00100010}, {"DOE^JANE"}});
  search.limit = 1;
  const auto study_at = [&](uint64_t offset) { return StudyAt(search, offset); };
  EXPECT_EQ(study_at(0), "1.1");
  EXPECT_EQ(study_at(1), "1.4");
  Add("1.2", "DOE^JANE", "P2", "20240215", "MR", 2);  // one instance more
  EXPECT_EQ(study_at(1), "1.2");
  EXPECT_EQ(study_at(2), "1.4");
  EXPECT_EQ(study_at(3), "1.5");
}

// As DICOMweb asks: for one more than it answers.
TEST_F(SearchTest, APageThatIsAskedForWithOneMoreIsFollowedByTheNext) {
  Search search;
  search.limit = 2;
  EXPECT_EQ(Run(search).size(), 2u);
  search.offset = 1;
  const auto next = Run(search);
  ASSERT_EQ(next.size(), 2u);
  EXPECT_EQ(next[0].key.study, "1.2");
  EXPECT_EQ(next[1].key.study, "1.3");
}

// The same offset of another search, or of another page size, is another place.
TEST_F(SearchTest, PagesOfOtherSearchesEndElsewhere) {
  Search all;
  all.limit = 2;
  EXPECT_EQ(Run(all).size(), 2u);
  Search magnetic;
  magnetic.conditions.push_back({{0x00080061}, {"MR"}});
  magnetic.offset = 1;
  magnetic.limit = 5;
  ASSERT_EQ(Run(magnetic).size(), 1u);
  EXPECT_EQ(Run(magnetic)[0].key.study, "1.3");
  Search series;
  series.level = Level::kSeries;
  series.limit = 5;
  series.offset = 2;
  ASSERT_EQ(Run(series).size(), 1u);
  EXPECT_EQ(Run(series)[0].key.series, "1.3.1");
}

bool MatchesDateTime(const char* value, const char* wanted, const char* zone = "") {
  return Matches(value, dicom::Vr::kDT, std::vector<std::string>{wanted}, false, zone);
}

// PS3.4 §C.2.2.2.5.
TEST(MatchingTest, DateTimesMatchByPrecisionAndRange) {
  const char* value = "20250102100000.5";
  for (const char* wanted : {"2025", "202501", "20250102", "2025010210", "202501021000", "20250102100000", "20250102100000.5",
                             "20250102-20250103", "20250102-", "-20260101", "-20250102", "2025-", "2024-2025",
                             "20250102100000.500000-20250102100000.500000", "20250102 - 20250103", "2025*", "*"}) {
    EXPECT_TRUE(MatchesDateTime(value, wanted)) << wanted;
  }
  for (const char* wanted : {"2024", "202502", "20250103", "2025010211", "20250102100000.4", "20250103-", "-20250101",
                             "2026-2027", "20250102100001-", "-", "20251301", "x", "20250102100000.5000001", "2025010"}) {
    EXPECT_FALSE(MatchesDateTime(value, wanted)) << wanted;
  }
  EXPECT_TRUE(MatchesDateTime("2025", "2025"));
  EXPECT_FALSE(MatchesDateTime("2025", "20250102"));
  EXPECT_TRUE(MatchesDateTime("20240229235959", "202402"));
  EXPECT_FALSE(MatchesDateTime("", "2025"));
  EXPECT_TRUE(MatchesDateTime("20240101\\20250102", "20250102"));
}

TEST(MatchingTest, OffsetsOfDateTimesAreNoRanges) {
  const char* value = "20250102100000.000000+0100";
  for (const char* wanted : {"20250102", "20250102100000", "20250102090000+0000", "20250102090000 0000", "20250102040000-0500",
                             "20250102040000-0500-", "-20250102040000-0500", "20250102040000-0500-20250102050000-0500",
                             "20250102100000-20250102093000+0000", "20250102100000.000000+0100"}) {
    EXPECT_TRUE(MatchesDateTime(value, wanted)) << wanted;
  }
  for (const char* wanted :
       {"20250102100000+0000", "20250102100000-0500", "20250102050000-0500-", "-20250102030000-0500", "20250102090000"}) {
    EXPECT_FALSE(MatchesDateTime(value, wanted)) << wanted;
  }
  // A value without an offset is on the clock of its instance.
  EXPECT_TRUE(MatchesDateTime("20250102100000", "20250102090000+0000", "+0100"));
  EXPECT_FALSE(MatchesDateTime("20250102100000", "20250102090000+0000"));
  EXPECT_TRUE(MatchesDateTime("20250102100000", "20250102100000+0000"));
}

TEST(MatchingTest, RangesAndNames) {
  const std::vector<std::string> range{"1000-1100"};
  EXPECT_TRUE(Matches("110059.5", dicom::Vr::kTM, range, false));
  EXPECT_FALSE(Matches("110100", dicom::Vr::kTM, range, false));
  EXPECT_TRUE(Matches("YAMADA^TARO=山田^太郎", dicom::Vr::kPN, std::vector<std::string>{"山田*"}, false));
  EXPECT_EQ(FoldName("O'Brien^Ğül=Ж"), "o brien gul ж");
}

}  // namespace
}  // namespace dicomhouse::store
