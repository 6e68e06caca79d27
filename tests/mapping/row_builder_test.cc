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

}  // namespace
}  // namespace dicomhouse::mapping
