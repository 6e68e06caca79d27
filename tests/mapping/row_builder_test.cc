#include "mapping/row_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/limits.h"
#include "tests/dicom/dicom_writer.h"
#include "tests/mapping/random_data_set.h"
#include "tests/mapping/reference_mapper.h"
#include "tests/table/unroll.h"

namespace dicomhouse::mapping {
namespace {

using base::Json;
using dicom::Encoding;
using dicom::testing::Bytes;
using dicom::testing::DataSet;
using dicom::testing::Element;
using dicom::testing::kExplicitBig;
using dicom::testing::kExplicitLittle;
using dicom::testing::kImplicitLittle;
using dicom::testing::Sequence;
using dicom::testing::Text;
using dicom::testing::Us;
using dicom::testing::Write;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One file, and what the reference makes of it.
struct Sample {
  std::string file;
  size_t data_set = 0;  // where it begins
  ReferenceRow expected;
};

Sample MakeSample(ReferenceMapper& reference, const DataSet& data, Encoding encoding) {
  Sample sample;
  const std::string bytes = Write(data, encoding);
  sample.file = dicom::testing::Preamble() + dicom::testing::WriteMeta(dicom::testing::SyntaxOf(encoding));
  sample.data_set = sample.file.size();
  sample.file += bytes;
  sample.expected = reference.Map(bytes, encoding);
  std::sort(sample.expected.notes.begin(), sample.expected.notes.end());
  return sample;
}

// Feeds files to a RowBuilder and gives its rows back as the reference's.
class Feeder {
 public:
  explicit Feeder(const Options& options = {}) : builder_(options) {}

  // Returns what is asked of the row at once; the row itself comes with Take.
  RowTotals Add(const std::string& file, const std::string& path, bool commit = true) {
    dicom::MemorySource source({reinterpret_cast<const uint8_t*>(file.data()), file.size()});
    EXPECT_EQ(reader_.Read(source, instance_), dicom::ReadOutcome::kInstance);
    builder_.Add(instance_, {path, file.size(), 0}, commit);
    return builder_.row_totals();
  }
  // The rows since the last Take.
  std::vector<Json> Take() {
    builder_.batch().Close();
    builder_.account().Close();
    std::vector<Json> rows = table::Unroll(builder_.batch());
    for (Json& row : rows) row.Remove("TransferSyntaxUID");
    account_ = table::Unroll(builder_.account());
    builder_.Clear();
    return rows;
  }
  // Of the last Take, the lines of a path but for those about the structure.
  std::vector<ReferenceNote> Notes(const std::string& path, size_t data_set) const {
    std::vector<ReferenceNote> notes;
    for (const Json& line : account_) {
      if (line["SourcePath"].as_string() != path || line["Reason"].as_string() == "STRUCTURE") continue;
      notes.push_back(
          {line["TagPath"].as_string(), static_cast<uint64_t>(line["Offset"].as_int()) - data_set, line["Reason"].as_string()});
    }
    std::sort(notes.begin(), notes.end());
    return notes;
  }
  // Of all that was ever added, TransferSyntaxUID left out.
  table::Schema Schema() {
    table::Schema schema = builder_.batch().SchemaOf(false);
    std::erase_if(schema.fields, [](const table::Field& field) { return field.name == "TransferSyntaxUID"; });
    return schema;
  }
  RowBuilder& builder() { return builder_; }
  // All lines of the last Take.
  const std::vector<Json>& account() const { return account_; }

 private:
  RowBuilder builder_;
  dicom::InstanceReader reader_;
  dicom::Instance instance_;
  std::vector<Json> account_;
};

std::string Print(const table::Schema& schema) { return table::ToBigQueryJson(schema).Print(1); }
std::string Print(const std::vector<ReferenceNote>& notes) {
  std::string text;
  for (const ReferenceNote& note : notes) text += note.path + " " + std::to_string(note.offset) + " " + note.reason + "\n";
  return text;
}

template <typename Counts>
std::string Print(const Counts& counts) {
  std::string text;
  for (const uint64_t count : {counts.read, counts.placed, counts.other, counts.dropped}) text += std::to_string(count) + " ";
  return text;
}

// Where two texts of many lines differ first, with some lines around; empty when they don't.
std::string FirstDifference(const std::string& a, const std::string& b) {
  if (a == b) return "";
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  const size_t begin = at < 250 ? 0 : at - 250;
  return "got:\n" + a.substr(begin, 400) + "\nexpected:\n" + b.substr(begin, 400);
}

// Adds the samples in this order, in batches of random sizes, and compares each row, its counts and its lines of the account.
void ExpectRows(Feeder& feeder, const std::vector<Sample>& samples, const std::vector<size_t>& order, RandomDataSets& random) {
  std::vector<size_t> batch;
  std::vector<ElementCounts> counts;
  const auto check = [&] {
    const std::vector<Json> rows = feeder.Take();
    ASSERT_EQ(rows.size(), batch.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const Sample& sample = samples[batch[i]];
      ASSERT_TRUE(rows[i] == sample.expected.row)
          << "sample " << batch[i] << " " << FirstDifference(rows[i].Print(1), sample.expected.row.Print(1));
      ASSERT_EQ(Print(counts[i]), Print(sample.expected)) << "sample " << batch[i];
      ASSERT_EQ(Print(feeder.Notes("#" + std::to_string(i), sample.data_set)), Print(sample.expected.notes))
          << "sample " << batch[i];
    }
    batch.clear();
    counts.clear();
  };
  for (const size_t index : order) {
    const Sample& sample = samples[index];
    if (random.Chance(5)) feeder.Add(sample.file, "not a row", false);
    const RowTotals totals = feeder.Add(sample.file, "#" + std::to_string(batch.size()));
    EXPECT_EQ(totals.failed_balance, 0U);
    counts.push_back(totals.counts);
    counts.back() -= {1, 1, 0, 0};  // TransferSyntaxUID
    batch.push_back(index);
    if (!random.Chance(8)) continue;
    ASSERT_NO_FATAL_FAILURE(check());
  }
  check();
}

// How many random runs a test makes: more when DICOMHOUSE_TEST_RUNS says so.
uint64_t Runs(uint64_t usual) {
  const char* wanted = std::getenv("DICOMHOUSE_TEST_RUNS");
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

// Random data sets in any order, each several times, in batches cut anywhere: the rows, counts and account are the reference's,
// and the schema is that of all data sets whatever their order.
void ExpectReference(uint64_t seed, bool tangled) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomDataSets random(seed);
  ReferenceMapper reference;
  std::vector<Sample> samples;
  for (int i = 0; i < 20; ++i) {
    const Encoding encoding = random.Chance(60) ? kExplicitLittle : random.Chance(60) ? kImplicitLittle : kExplicitBig;
    samples.push_back(MakeSample(reference, random.Make(tangled), encoding));
  }
  std::vector<size_t> order;
  for (size_t i = 0; i < 60; ++i) order.push_back(i < samples.size() ? i : random.Below(samples.size()));
  for (int round = 0; round < 2; ++round) {
    Feeder feeder;
    ASSERT_NO_FATAL_FAILURE(ExpectRows(feeder, samples, order, random));
    ASSERT_EQ(FirstDifference(Print(feeder.Schema()), Print(reference.schema())), "");
    std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
  }
}

TEST(RowBuilder, RowsOfInstancesAloneAreThoseOfTheReference) {
  for (uint64_t seed = 1, runs = Runs(20); seed <= runs && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomDataSets random(seed);
    ReferenceMapper reference;
    for (const Encoding encoding : {kExplicitLittle, kImplicitLittle, kExplicitBig}) {
      Feeder feeder;
      ASSERT_NO_FATAL_FAILURE(ExpectRows(feeder, {MakeSample(reference, random.Make(false), encoding)}, {0}, random))
          << dicom::testing::SyntaxOf(encoding);
    }
  }
}

TEST(RowBuilder, RowsAreThoseOfTheReference) {
  for (uint64_t seed = 1, runs = Runs(12); seed <= runs && !::testing::Test::HasFailure(); ++seed) ExpectReference(seed, false);
}

TEST(RowBuilder, RowsOfTangledDataSetsAreThoseOfTheReference) {
  for (uint64_t seed = 1, runs = Runs(8); seed <= runs && !::testing::Test::HasFailure(); ++seed)
    ExpectReference(1000000 + seed, true);
}

// ---- one rule at a time

Json OnlyRow(const DataSet& data, const Options& options = {}) {
  Feeder feeder(options);
  const RowTotals totals = feeder.Add(dicom::testing::WriteFile(data), "path");
  EXPECT_TRUE(totals.counts.balanced());
  EXPECT_EQ(totals.failed_balance, 0U);
  const auto rows = feeder.Take();
  return rows.size() == 1 ? rows[0] : Json();
}

TEST(RowBuilder, DropsWhatLiesBelowTheLevelsOfATable) {
  DataSet data = {Text(0x00080018, "UI", "1.2.3")};
  for (int i = 0; i < 20; ++i) data = {Sequence(0x00081140, {data}, i % 2 == 0)};
  Feeder feeder;
  const RowTotals totals = feeder.Add(dicom::testing::WriteFile(data), "path");
  EXPECT_EQ(totals.counts.read, 22U);
  EXPECT_EQ(totals.counts.dropped, 8U) << "seven sequences and the element";
  EXPECT_EQ(totals.dropped[static_cast<size_t>(Reason::kTooDeep)], 8U);
  int depth = 0;
  const auto rows = feeder.Take();
  for (const Json* at = &rows.at(0); at->find("ReferencedImageSequence") != nullptr; ++depth)
    at = &(*at)["ReferencedImageSequence"].array().at(0);
  EXPECT_EQ(depth, base::kMaxColumnDepth - 2) << "a person name needs two more";
}

// A data set inside as many sequences as a table has levels for, and what of a row is at their bottom.
constexpr int kLevels = base::kMaxColumnDepth - 2;
DataSet InsideOfLevels(DataSet data) {
  for (int i = 0; i < kLevels; ++i) data = {Sequence(0x00081140, {std::move(data)}, i % 2 == 0)};
  data.insert(data.begin(), Text(0x00080018, "UI", "1"));
  return data;
}
const Json& BottomOf(const Json& row) {
  const Json* at = &row;
  for (int i = 0; i < kLevels; ++i) at = &(*at)["ReferencedImageSequence"].array().at(0);
  return *at;
}
std::string PathOfLevels() {
  std::string path;
  for (int i = 0; i < kLevels; ++i) path += "0008,1140[0].";
  return path;
}

// The texts are those of PS3.18 annex F, written by hand.
TEST(RowBuilder, LosslessKeepsSequencesBelowTheLevelsOfATableAsJson) {
  Options options;
  options.profile = Profile::kLossless;
  const std::string name = "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B";
  const DataSet first = {
      Text(0x00080005, "CS", "\\ISO 2022 IR 87"), Text(0x00100010, "PN", name), Bytes(0x00282000, "OB", "\x01\x02"),
      Sequence(0x0040A730, {{Text(0x00080100, "SH", "A")}, {Bytes(0x00282000, "OB", std::string(2000, 'x'))}})};
  const DataSet second = {Text(0x00190010, "LO", "GEMS_ACQU_01"), Text(0x0019100F, "DS", "2.50"), Us(0x00280010, {7})};
  const DataSet data = InsideOfLevels({Text(0x00080100, "SH", "seen"), Sequence(0x0040A730, {first, second, {}}, true)});
  for (const Encoding encoding : {kExplicitLittle, kExplicitBig}) {
    Feeder feeder(options);
    const RowTotals totals = feeder.Add(dicom::testing::WriteFile(data, encoding), "path");
    EXPECT_EQ(totals.counts.dropped, 0U);
    EXPECT_EQ(totals.counts.placed, 2U + kLevels + 1U) << "two UIDs, the levels, the code";
    EXPECT_EQ(totals.counts.other, 1U + 4 + 2 + 3);
    EXPECT_EQ(totals.failed_balance, 0U);
    const Json row = feeder.Take().at(0);
    const Json& bottom = BottomOf(row);
    EXPECT_EQ(bottom["CodeValue"].as_string(), "seen");
    const auto& others = bottom["OtherElements"].array();
    ASSERT_EQ(others.size(), 1U);
    EXPECT_EQ(others[0]["Tag"].as_string(), "Tag_0040A730");
    const auto& items = others[0]["Data"].array();
    ASSERT_EQ(items.size(), 3U);
    const std::string bulk = PathOfLevels() + "0040,A730[0].0040,A730[1].0028,2000";
    EXPECT_EQ(items[0].as_string(), R"({"00080005":{"vr":"CS","Value":["ISO_IR 192"]},)"
                                    R"("00100010":{"vr":"PN","Value":[{"Alphabetic":"Yamada^Tarou","Ideographic":"山田^太郎"}]},)"
                                    R"("00282000":{"vr":"OB","InlineBinary":"AQI="},)"
                                    R"("0040A730":{"vr":"SQ","Value":[{"00080100":{"vr":"SH","Value":["A"]}},)"
                                    R"({"00282000":{"vr":"OB","BulkDataURI":"BulkData:)" +
                                        bulk + R"("}}]}})");
    EXPECT_EQ(items[1].as_string(), R"({"00190010":{"vr":"LO","Value":["GEMS_ACQU_01"]},"0019100F":{"vr":"DS","Value":[2.50]},)"
                                    R"("00280010":{"vr":"US","Value":[7]}})");
    EXPECT_EQ(items[2].as_string(), "{}");
    ASSERT_EQ(row["BulkData"].array().size(), 1U) << "what the JSON has is not described too";
    EXPECT_EQ(row["BulkData"].array()[0]["Tag"].as_string(), bulk);
    EXPECT_EQ(row["BulkData"].array()[0]["Length"].as_int(), 2000);
  }
}

// What JSON can't hold is described in BulkData, element by element.
TEST(RowBuilder, LosslessDescribesDeepSequencesThatJsonWouldNotHoldWhole) {
  Options options;
  options.profile = Profile::kLossless;
  const Element code = Text(0x00080100, "SH", "A");
  Element cut = Text(0x00080104, "LO", "longer than its item");
  cut.declared_length = 4000;
  const std::vector<DataSet> hard = {
      {code, Text(0x00080100, "SH", "B")},                                                 // twice
      {Text(0x00080005, "CS", "ISO_IR 192"), Text(0x00100010, "PN", "\xff\xfe no name")},  // not of the character set
      {code, Bytes(0x00187FFE, "UT", std::string(base::kMaxValueBytes, 'x'))},             // too large
      {code, cut},
  };
  for (size_t i = 0; i < hard.size(); ++i) {
    SCOPED_TRACE(i);
    Feeder feeder(options);
    const RowTotals totals =
        feeder.Add(dicom::testing::WriteFile(InsideOfLevels({code, Sequence(0x0040A730, {hard[i]})})), "path");
    EXPECT_EQ(totals.counts.dropped, 0U);
    EXPECT_EQ(totals.counts.other, 1U + hard[i].size());
    EXPECT_EQ(totals.failed_balance, 0U);
    const Json row = feeder.Take().at(0);
    EXPECT_EQ(BottomOf(row).find("OtherElements"), nullptr);
    const auto& described = row["BulkData"].array();
    ASSERT_EQ(described.size(), 1 + hard[i].size());
    EXPECT_EQ(described[0]["VR"].as_string(), "SQ");
    EXPECT_EQ(described[1]["Tag"].as_string(), PathOfLevels() + "0040,A730[0]." + TagText(hard[i][0].tag));
  }
}

TEST(RowBuilder, DropsValuesOverTheLimitAndKeepsThoseOfTheLimit) {
  const std::string large(base::kMaxValueBytes, 'x');
  Json row = OnlyRow({Text(0x00080018, "UI", "1"), dicom::testing::Bytes(0x00187FFE, "UT", large)});
  EXPECT_EQ(row.find("DroppedTags"), nullptr);
  row = OnlyRow({Text(0x00080018, "UI", "1"), dicom::testing::Bytes(0x00187FFE, "UT", large + "xx")});
  EXPECT_EQ(row["DroppedTags"].Print(), R"([{"TagName":"Tag_00187FFE"}])");
}

TEST(RowBuilder, TheAccountIsUtf8WhateverBytesAUidHas) {
  Feeder feeder;
  const std::string file = dicom::testing::WriteFile({Text(0x00080018, "UI",
                                                           "1.2\x8C"
                                                           "3"),
                                                      Bytes(0x7FE00010, "OB", "ab")});
  feeder.Add(file, "a\xFF");
  feeder.builder().AddFileNote("b\xFE", "2\xFE", Reason::kFile, 0, "");
  feeder.Take();
  const auto lines = feeder.account();
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines.front()["SOPInstanceUID"].as_string(), "1.2\\x8C3");
  EXPECT_EQ(lines.front()["SourcePath"].as_string(), "a\\xFF");
  EXPECT_EQ(lines.back()["SOPInstanceUID"].as_string(), "2\\xFE");
}

TEST(RowBuilder, TheFirstOfATagThatStandsTwiceInAnItemCounts) {
  const Json row = OnlyRow({Sequence(
      0x00081140, {{Text(0x00081150, "UI", "1"), Text(0x00081150, "UI", "2"),
                    Sequence(0x00081199, {{Text(0x00081155, "UI", "3")}}), Sequence(0x00081199, {{Text(0x00081155, "UI", "4")}})},
                   {Text(0x00081150, "UI", "5")}})});
  EXPECT_EQ(
      row["ReferencedImageSequence"].Print(),
      R"([{"ReferencedSOPClassUID":"1","ReferencedSOPSequence":[{"ReferencedSOPInstanceUID":"3"}]},{"ReferencedSOPClassUID":"5"}])");
  EXPECT_EQ(row["DroppedTags"].array().size(), 3U);
}

// What repeats without end has a bounded number of lines, and each of them counts (PS3.5 §7.1: tags are unique).
TEST(RowBuilder, ATagThatRepeatsWithoutEndHasFewLinesAndIsCounted) {
  constexpr uint64_t kTimes = 30000;
  DataSet item(kTimes, Text(0x00081150, "UI", "1"));
  DataSet mixed;
  for (uint64_t i = 0; i < kTimes; ++i) mixed.push_back(Text(i % 2 == 0 ? 0x00100010 : 0x00100020, "LO", "x"));
  const DataSet sequence = {Text(0x00080018, "UI", "1"), Sequence(0x00081140, {item}), Text(0x00100020, "LO", "id")};
  const DataSet sequences(1 + kTimes, Sequence(0x00081140, {{Text(0x00081150, "UI", "1")}}));
  for (const Profile profile : {Profile::kGoogle, Profile::kLossless}) {
    for (const DataSet& data : {item, mixed, sequence, sequences}) {
      Options options;
      options.profile = profile;
      Feeder feeder(options);
      const RowTotals totals = feeder.Add(dicom::testing::WriteFile(data), "path");
      EXPECT_EQ(totals.failed_balance, 0U);
      EXPECT_GE(totals.counts.read, kTimes + 1);
      feeder.Take();
      EXPECT_LE(feeder.account().size(), 3 * base::kMaxSameLines);
      uint64_t said = 0;  // by the lines that stand for many
      for (const Json& line : feeder.account()) {
        const std::string& text = line["Excerpt"].as_string();
        const size_t number = text.find_first_of("123456789");
        if (text.find(" more times") != std::string::npos) said += std::strtoull(text.c_str() + number, nullptr, 10);
      }
      EXPECT_GE(said, kTimes - 2 * base::kMaxSameLines - 2);
      EXPECT_LE(said, kTimes);
    }
  }
}

TEST(RowBuilder, PaddingHasOneLine) {
  const std::string file = dicom::testing::WriteFile({Text(0x00080018, "UI", "1")});
  for (const char byte : {'\0', '\xFF', ' '}) {
    for (const size_t size : {size_t{8}, size_t{501}, size_t{3} << 20}) {
      Feeder feeder;
      const RowTotals totals = feeder.Add(file + std::string(size, byte), "path");
      EXPECT_EQ(Print(totals.counts), "2 2 0 0 ");
      feeder.Take();
      ASSERT_EQ(feeder.account().size(), 1U) << size;
      const Json& line = feeder.account().front();
      EXPECT_EQ(line["Reason"].as_string(), "STRUCTURE");
      EXPECT_EQ(line["Offset"].as_int(), static_cast<int64_t>(file.size()));
      EXPECT_EQ(line["Excerpt"].as_string(), size > base::kMaxPaddingBytes
                                                 ? "more padding than the limit; nothing behind it is read"
                                                 : "padding where an element should be: " + std::to_string(size) + " bytes");
    }
  }
}

TEST(RowBuilder, ACopyThatGetsNoRowOnlyAddsToTheSchema) {
  Feeder feeder;
  feeder.Add(dicom::testing::WriteFile({Text(0x00080018, "UI", "1"), Text(0x00100010, "PN", "A")}), "a");
  feeder.Add(dicom::testing::WriteFile({Text(0x00080018, "UI", "1"), Text(0x00100010, "PN", "B"), Text(0x00104000, "LT", "c")}),
             "b", false);
  feeder.Add(dicom::testing::WriteFile({Text(0x00080018, "UI", "2"), Text(0x00100010, "PN", "A")}), "c");
  const auto rows = feeder.Take();
  ASSERT_EQ(rows.size(), 2U);
  for (const Json& row : rows) {
    EXPECT_EQ(row["PatientName"]["Alphabetic"]["FamilyName"].as_string(), "A");
    EXPECT_EQ(row.find("PatientComments"), nullptr);
  }
  EXPECT_THAT(Print(feeder.Schema()), ::testing::HasSubstr("PatientComments"));
}

// The character set, the time zone and the pixel representation are told apart however their bytes are arranged.
TEST(RowBuilder, EqualBytesInAnotherContextAreAnotherValue) {
  const auto file = [](std::string_view set, std::string_view zone, std::string_view pixels) {
    return dicom::testing::WriteFile(
        {dicom::testing::Bytes(0x00080005, "CS", std::string(set)), Text(0x0008002A, "DT", "19700101010000"),
         dicom::testing::Bytes(0x00080201, "SH", std::string(zone)), Text(0x00100020, "LO", "\xC0\xC0"),
         dicom::testing::Bytes(0x00280103, "US", std::string(pixels))});
  };
  Feeder feeder;
  feeder.Add(file("ISO_IR 100\1+0100", "", "\1"), "in one value");
  feeder.Add(file("ISO_IR 100", "+0100", "\1\1"), "in two");
  feeder.Add(file("ISO_IR 144", "+0100", "\1\1"), "cyrillic");
  feeder.Add(file("ISO_IR 144", "", ""), "without a zone");
  const auto rows = feeder.Take();
  ASSERT_EQ(rows.size(), 4U);
  constexpr int64_t kHour = 3'600'000'000;
  EXPECT_EQ(rows[0]["AcquisitionDateTime"].as_int(), kHour);
  EXPECT_EQ(rows[1]["AcquisitionDateTime"].as_int(), 0);
  EXPECT_EQ(rows[2]["AcquisitionDateTime"].as_int(), 0);
  EXPECT_EQ(rows[3]["AcquisitionDateTime"].as_int(), kHour);
  EXPECT_EQ(rows[1]["PatientID"].as_string(), "ÀÀ");
  EXPECT_EQ(rows[2]["PatientID"].as_string(), "РР");
  EXPECT_EQ(rows[3]["PatientID"].as_string(), "РР");
}

// PS3.5 §6.2.2 note 2: what is in a UN is implicit VR and little endian.
TEST(RowBuilder, AnUnknownSequenceInABigEndianFileIsReadAsLittleEndian) {
  for (const bool undefined : {false, true}) {
    Element unknown = Sequence(0x00081140, {{Text(0x00081150, "UI", "1.2"), Us(0x00280010, {512})}}, undefined);
    unknown.vr = "UN";
    const DataSet data = {Text(0x00080018, "UI", "1"), unknown, Us(0x00280010, {256})};
    const Sample sample = [&data] {
      ReferenceMapper reference;
      return MakeSample(reference, data, kExplicitBig);
    }();
    Feeder feeder;
    feeder.Add(sample.file, "path");
    const Json row = feeder.Take().at(0);
    EXPECT_EQ(row["ReferencedImageSequence"].Print(), R"([{"ReferencedSOPClassUID":"1.2","Rows":512}])");
    EXPECT_EQ(row["Rows"].as_int(), 256);
  }
}

// A value beyond the first read is no other than one within it, whatever was read before.
TEST(RowBuilder, ALongHeaderBeforeChangesNothing) {
  Element unknown = Sequence(0x00291020, {{Text(0x00081150, "UI", "1.2"), Text(0x00104000, "LT", std::string(6000, 'c'))}});
  unknown.vr = "UN";
  const std::string file = dicom::testing::WriteFile(
      {Text(0x00080018, "UI", "1"), Text(0x00104000, "LT", std::string(20000, 'x')), Text(0x00290010, "LO", "SOMEBODY"),
       dicom::testing::Bytes(0x00291010, "OB", std::string(5000, 'b')),
       dicom::testing::Bytes(0x00291011, "UN", std::string(5000, 'u')), unknown,
       dicom::testing::Bytes(0x00404030, "UN", std::string(5000, 'u')),
       dicom::testing::Bytes(0x00700022, "UN", std::string(5000, 'u'))});
  const std::string long_file =
      dicom::testing::WriteFile({Text(0x00080018, "UI", "2"), Text(0x00104000, "LT", std::string(200000, 'y'))});
  Feeder feeder;
  const RowTotals alone = feeder.Add(file, "path");
  const Json row = feeder.Take().at(0);
  feeder.Add(long_file, "long");
  const RowTotals behind = feeder.Add(file, "path");
  EXPECT_TRUE(feeder.Take().at(1) == row);
  EXPECT_EQ(behind.counts.dropped, alone.counts.dropped);
  EXPECT_EQ(behind.dropped, alone.dropped);
}

// What an item says of its character set, time zone and pixel representation holds for all of it, wherever it stands.
TEST(RowBuilder, TheContextOfAnItemHoldsForTheElementsInFrontToo) {
  const DataSet inner = {Text(0x0008002A, "DT", "19700101020000"), Text(0x00100020, "LO", "\xC0")};
  Element unknown = Bytes(0x00280106, "UN", "\xFF\xFF");  // US or SS
  const DataSet item = {Text(0x0008002A, "DT", "19700101020000"),
                        Text(0x00081030, "LO", "\xC0"),
                        Sequence(0x00081199, {inner}),
                        unknown,
                        Bytes(0x00280103, "US", std::string("\1\0", 2)),
                        Text(0x00080201, "SH", "+0200"),
                        Text(0x00080005, "CS", "ISO_IR 144"),
                        Text(0x00080005, "CS", "ISO_IR 126")};
  const Json row = OnlyRow({Text(0x00080005, "CS", "ISO_IR 100"), Text(0x00080018, "UI", "1"),
                            Sequence(0x00081140, {item, {Text(0x00081030, "LO", "\xC0"), unknown}}, true)});
  const Json& items = row["ReferencedImageSequence"];
  EXPECT_EQ(items.array().at(0)["AcquisitionDateTime"].as_int(), 0);
  EXPECT_EQ(items.array().at(0)["StudyDescription"].as_string(), "Р");
  EXPECT_EQ(items.array().at(0)["SmallestImagePixelValue"].as_int(), -1);
  const Json& nested = items.array().at(0)["ReferencedSOPSequence"].array().at(0);
  EXPECT_EQ(nested["AcquisitionDateTime"].as_int(), 0);
  EXPECT_EQ(nested["PatientID"].as_string(), "Р");
  EXPECT_EQ(items.array().at(1)["StudyDescription"].as_string(), "À");
  EXPECT_EQ(items.array().at(1)["SmallestImagePixelValue"].as_int(), 65535);
}

// Items without any value are counted all the same, and in any order of files the schema is the same.
TEST(RowBuilder, ItemsWithoutAnyValueAreKept) {
  const auto file = [](std::vector<DataSet> items) {
    return dicom::testing::WriteFile({Text(0x00080018, "UI", "1"), Sequence(0x00081140, std::move(items))});
  };
  const std::vector<std::string> files = {file({{}, {}}), file({{Sequence(0x00081199, {{}, {}, {}})}}),
                                          file({{Sequence(0x0008114A, {})}}), file({{Bytes(0x00282000, "OB", "bulk")}}),
                                          file({{Text(0x00081150, "UI", "1.2")}, {}})};
  const std::vector<std::string> expected = {"[{},{}]", R"([{"ReferencedSOPSequence":[{},{},{}]}])",
                                             R"([{"ReferencedInstanceSequence":[]}])", "[{}]",
                                             R"([{"ReferencedSOPClassUID":"1.2"},{}])"};
  std::string schema;
  for (const std::vector<size_t>& order : {std::vector<size_t>{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 4, 0, 1, 3}}) {
    Feeder feeder;
    for (const size_t i : order) {
      feeder.Add(files[i], "path");
      EXPECT_EQ(feeder.Take().at(0)["ReferencedImageSequence"].Print(), expected[i]);
    }
    if (schema.empty()) schema = Print(feeder.Schema());
    EXPECT_EQ(Print(feeder.Schema()), schema);
  }
  EXPECT_THAT(schema, ::testing::Not(::testing::HasSubstr("ReferencedInstanceSequence"))) << "no items, no field";
}

// Where a file ends inside of sequences, its account says where in them, once.
TEST(RowBuilder, TheEndOfACutFileHasTheWholeTagPath) {
  const Element last = Text(0x00081155, "UI", "1.2.3.4.5.6");
  for (const bool undefined : {false, true}) {
    const DataSet data = {
        Text(0x00080018, "UI", "1"),
        Sequence(0x00081140, {{Text(0x00081150, "UI", "1")}, {Sequence(0x00081199, {{}, {last}}, undefined)}}, undefined)};
    const std::string whole = dicom::testing::WriteFile(data);
    const size_t value_end = whole.size() - (undefined ? 32 : 0);
    const auto lines = [&](size_t size) {
      Feeder feeder;
      feeder.Add(whole.substr(0, size), "path");
      feeder.Take();
      std::string text;
      for (const auto& note : feeder.Notes("path", 0)) text += note.path + " " + note.reason + "; ";
      return text;
    };
    // In the value, in the header, behind the item's header.
    EXPECT_EQ(lines(value_end - 4),
              "0008,1140[1].0008,1199[1].0008,1155 TRUNCATED; 0008,1140[1].0008,1199[1].0008,1155 TRUNCATED; ");
    EXPECT_EQ(lines(value_end - 16), "0008,1140[1].0008,1199[1] TRUNCATED; ");
    EXPECT_EQ(lines(value_end - 24), "0008,1140[1].0008,1199 TRUNCATED; ");
  }
}

// A length inside a sequence that says more than there is harms nothing behind the sequence.
TEST(RowBuilder, AValuePastTheEndInsideASequenceLeavesTheElementsBehindItWhole) {
  Element huge = dicom::testing::Bytes(0x00091010, "OB", "");
  huge.declared_length = 0x40000000;
  std::string bytes = Write({Text(0x00080018, "UI", "1")}, kExplicitLittle);
  std::string inside;
  dicom::testing::AppendTag(inside, dicom::kItemTag, false);
  dicom::testing::Append32(inside, dicom::kUndefinedLength, false);
  inside += WriteElement(huge, kExplicitLittle);
  dicom::testing::AppendHeader(bytes, 0x00081140, "SQ", static_cast<uint32_t>(inside.size()), kExplicitLittle);
  bytes += inside + Write({Sequence(0x00081199, {{Text(0x00081150, "UI", "1.2.3")}}), Text(0x00100020, "LO", "id"),
                           Us(0x00100021, {1, 2})},
                          kExplicitLittle);
  const std::string file =
      dicom::testing::Preamble() + dicom::testing::WriteMeta(dicom::testing::SyntaxOf(kExplicitLittle)) + bytes;
  Feeder feeder;
  for (int i = 0; i < 3; ++i) feeder.Add(file, "#" + std::to_string(i));
  const auto rows = feeder.Take();
  const size_t data_set = file.size() - bytes.size();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(rows[i]["ReferencedSOPSequence"].Print(), R"([{"ReferencedSOPClassUID":"1.2.3"}])");
    EXPECT_EQ(rows[i]["PatientID"].as_string(), "id");
    const auto notes = feeder.Notes("#" + std::to_string(i), data_set);
    ASSERT_FALSE(notes.empty());
    EXPECT_EQ(notes.back().path, "0010,0021");
    EXPECT_EQ(notes.back().offset, bytes.size() - 12);
    EXPECT_EQ(Print(notes), Print(feeder.Notes("#0", data_set)));
  }
}

// One creator may own several blocks (PS3.5 §7.8.1); its column has the value of the first, the others stay in OtherElements.
TEST(RowBuilder, OfTwoBlocksOfACreatorTheFirstHasTheColumn) {
  Options options;
  options.profile = Profile::kLossless;
  const auto block = [](uint32_t number, std::string_view creator, std::string_view value) {
    return DataSet{Text(0x00190000 | number, "LO", creator), Text(0x0019000F | number << 8, "DS", value)};
  };
  const auto in_order = [](const DataSet& a, const DataSet& b) {
    DataSet all = a;
    all.insert(all.end(), b.begin(), b.end());
    std::sort(all.begin(), all.end(), [](const Element& x, const Element& y) { return x.tag < y.tag; });
    return all;
  };
  const DataSet first = block(0x10, "GEMS_ACQU_01", "1");
  const DataSet second = block(0x12, "GEMS_ACQU_01", "2");
  const DataSet other = block(0x10, "SOMEBODY", "3");
  const std::vector<DataSet> all = {in_order(first, second), second, first, in_order(other, second), in_order(first, second)};
  const std::vector<std::string> expected = {R"("1")", R"("2")", R"("1")", R"("2")", R"("1")"};
  Feeder feeder(options);
  std::vector<RowTotals> totals;
  for (const DataSet& data : all) {
    DataSet file = {Text(0x00080018, "UI", "1"), Sequence(0x00081140, {data})};
    file.insert(file.end(), data.begin(), data.end());
    totals.push_back(feeder.Add(dicom::testing::WriteFile(file), "path"));
  }
  const auto rows = feeder.Take();
  for (size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(rows[i]["GEMS_ACQU_01__0019xx0F"].Print(), expected[i]);
    const Json& item = rows[i]["ReferencedImageSequence"].array().at(0);
    EXPECT_EQ(item["GEMS_ACQU_01__0019xx0F"].Print(), expected[i]);
    EXPECT_EQ(rows[i]["OtherElements"].array().size(), all[i].size());
    EXPECT_EQ(item["OtherElements"].array().size(), all[i].size());
    EXPECT_TRUE(totals[i].counts.balanced());
  }
  // Creators, and the values of second blocks, are in OtherElements alone; so is what stands twice in an item.
  EXPECT_EQ(totals[0].counts.other, 6U);
  EXPECT_EQ(totals[1].counts.other, 2U);
  const DataSet twice = {first[0], first[1], first[1]};
  feeder.Add(dicom::testing::WriteFile({Text(0x00080018, "UI", "1"), Sequence(0x00081140, {twice, second})}), "path");
  EXPECT_EQ(feeder.Take().at(0)["ReferencedImageSequence"].array().at(0)["GEMS_ACQU_01__0019xx0F"].Print(), R"("1")");
}

// Values of the same place and length, but not of the same VR, are described each with its own.
TEST(RowBuilder, LosslessDescribesEachValueWithItsVr) {
  Options options;
  options.profile = Profile::kLossless;
  Feeder feeder(options);
  const std::vector<std::string> vrs = {"OB", "OW", "UN", "OB"};
  for (const std::string& vr : vrs) {
    const DataSet data = {Text(0x00080018, "UI", "1"), Bytes(0x00091001, vr, std::string(200'000, 'b'))};
    feeder.Add(dicom::testing::WriteFile(data), "path");
  }
  const auto rows = feeder.Take();
  for (size_t i = 0; i < vrs.size(); ++i) EXPECT_EQ(rows[i]["BulkData"].array().back()["VR"].as_string(), vrs[i]) << i;
}

// Profile lossless: no row depends on those before it, and all accounts balance.
TEST(RowBuilder, LosslessRowsDoNotDependOnThoseBefore) {
  Options options;
  options.profile = Profile::kLossless;
  options.extra = {true, true, true, true, true};
  for (uint64_t seed = 1, runs = Runs(10); seed <= runs; ++seed) {
    RandomDataSets random(5000 + seed);
    std::vector<std::string> files;
    for (int i = 0; i < 15; ++i) {
      const Encoding encoding = random.Chance(60) ? kExplicitLittle : random.Chance(60) ? kImplicitLittle : kExplicitBig;
      files.push_back(dicom::testing::WriteFile(random.Make(random.Chance(20)), encoding));
    }
    Feeder together(options);
    std::vector<size_t> order;
    for (int i = 0; i < 40; ++i) order.push_back(random.Below(files.size()));
    for (const size_t i : order) {
      const RowTotals totals = together.Add(files[i], std::to_string(i));
      EXPECT_EQ(totals.failed_balance, 0U) << seed;
    }
    const auto rows = together.Take();
    for (size_t i = 0; i < rows.size(); ++i) {
      Feeder alone(options);
      alone.Add(files[order[i]], std::to_string(order[i]));
      const auto expected = alone.Take();
      ASSERT_TRUE(rows[i] == expected[0]) << seed << " " << FirstDifference(rows[i].Print(1), expected[0].Print(1));
    }
  }
}

}  // namespace
}  // namespace dicomhouse::mapping
