#include "table/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/table/random_batch.h"
#include "tests/table/row_hash.h"
#include "tests/table/unroll.h"

namespace dicomhouse::table {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Names(const std::vector<Field>& fields) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

std::vector<std::pair<uint32_t, uint32_t>> Runs(const Column& column) {
  std::vector<std::pair<uint32_t, uint32_t>> runs;
  for (const Column::Run& run : column.runs()) runs.emplace_back(run.key, run.count);
  return runs;
}

TEST(Values, FindEqualValuesAgain) {
  Values texts;
  EXPECT_EQ(texts.AddText("a"), 0U);
  EXPECT_EQ(texts.AddText(""), 1U);
  EXPECT_EQ(texts.AddText("a"), 0U);
  EXPECT_EQ(texts.AddText(std::string_view("a\0", 2)), 2U);
  EXPECT_EQ(texts.text(1), "");
  EXPECT_EQ(texts.text(2), std::string_view("a\0", 2));
  Values numbers;
  numbers.SetType(Type::kInteger);
  EXPECT_EQ(numbers.AddNumber(-1), 0U);
  EXPECT_EQ(numbers.AddNumber(0), 1U);
  EXPECT_EQ(numbers.AddNumber(-1), 0U);
  EXPECT_EQ(numbers.number(0), -1);
}

TEST(Values, StopLookingUpWhenAllAreDifferentAndLoseNothing) {
  Values texts;
  for (int i = 0; i < 20000; ++i) {
    const std::string text = "uid." + std::to_string(i);
    const uint32_t index = texts.AddText(text);
    ASSERT_EQ(texts.text(index), text);
  }
  EXPECT_FALSE(texts.looking_up());
  EXPECT_EQ(texts.size(), 20000U);
  const uint32_t again = texts.AddText("uid.7");
  EXPECT_EQ(texts.text(again), "uid.7");
  texts.Clear();
  EXPECT_TRUE(texts.looking_up());
  EXPECT_EQ(texts.size(), 0U);
  EXPECT_EQ(texts.AddText("uid.7"), 0U);
  EXPECT_EQ(texts.AddText("uid.7"), 0U);
}

TEST(Values, KeepLookingUpWhileItPays) {
  Values numbers;
  numbers.SetType(Type::kInteger);
  for (int i = 0; i < 200000; ++i) ASSERT_EQ(numbers.AddNumber(i % 100), static_cast<uint32_t>(i % 100));
  EXPECT_TRUE(numbers.looking_up());
  EXPECT_EQ(numbers.size(), 100U);
}

TEST(Column, RunsGoOnUntilTheNextSet) {
  Batch batch;
  Column& column = batch.AddColumn("a", Type::kString, Mode::kNullable, 0);
  for (int row = 0; row < 10; ++row) {
    if (row == 2) column.Set(batch.rows(), column.KeyOfText("x"));
    if (row == 5) column.Set(batch.rows(), column.KeyOfText("y"));
    if (row == 6) column.Set(batch.rows(), column.KeyOfText("x"));
    if (row == 9) column.Set(batch.rows(), kAbsent);
    batch.CommitRow();
  }
  batch.Close();
  EXPECT_THAT(Runs(column), ElementsAre(std::pair{kAbsent, 2U}, std::pair{0U, 3U}, std::pair{1U, 1U}, std::pair{0U, 3U},
                                        std::pair{kAbsent, 1U}));
  EXPECT_EQ(column.keys(), 2U);
}

TEST(Column, TheLastSetOfARowCounts) {
  Batch batch;
  Column& column = batch.AddColumn("a", Type::kInteger, Mode::kNullable, 0);
  const uint32_t one = column.KeyOfNumber(1);
  const uint32_t two = column.KeyOfNumber(2);
  column.Set(0, one);
  column.Set(0, two);
  batch.CommitRow();
  column.Set(1, one);
  column.Set(1, two);  // as it was
  batch.CommitRow();
  batch.Close();
  const auto rows = Unroll(batch);
  EXPECT_EQ(rows[0]["a"].as_int(), 2);
  EXPECT_EQ(rows[1]["a"].as_int(), 2);
}

TEST(Column, ARowThatIsNotCommittedLeavesNothing) {
  Batch batch;
  Column& column = batch.AddColumn("a", Type::kInteger, Mode::kNullable, 0);
  column.Set(0, column.KeyOfNumber(1));
  batch.CommitRow();
  column.Set(1, column.KeyOfNumber(2));  // of a row that is not committed
  column.Set(1, column.KeyOfNumber(3));
  batch.CommitRow();
  batch.Close();
  const auto rows = Unroll(batch);
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0]["a"].as_int(), 1);
  EXPECT_EQ(rows[1]["a"].as_int(), 3);
}

TEST(Batch, AColumnIsMadeOnce) {
  Batch batch;
  Column& a = batch.AddColumn("a", Type::kString, Mode::kNullable, 0);
  for (int i = 0; i < 3000; ++i) batch.AddColumn("b" + std::to_string(i), Type::kString, Mode::kNullable, 1);
  EXPECT_EQ(&batch.AddColumn("a", Type::kString, Mode::kNullable, 0), &a);
  EXPECT_THAT(batch.columns(), SizeIs(3001));
}

TEST(Batch, SchemaStandsInOrderWithoutRecordsThatHaveNoLeaf) {
  Batch batch;
  batch.AddColumn("z", Type::kInteger, Mode::kNullable, 2);
  Column& record = batch.AddColumn("r", Type::kRecord, Mode::kRepeated, 1);
  batch.AddColumn("empty", Type::kRecord, Mode::kRepeated, 0);
  record.node.Child("y", Type::kString, Mode::kNullable, 5);
  record.node.Child("hollow", Type::kRecord, Mode::kRepeated, 4);
  record.node.Child("b", Type::kString, Mode::kNullable, 3);
  record.node.Child("a", Type::kString, Mode::kNullable, 3);
  const Schema schema = batch.SchemaOf(false);
  EXPECT_THAT(Names(schema.fields), ElementsAre("r", "z"));
  EXPECT_THAT(Names(schema.fields[0].fields), ElementsAre("a", "b", "y"));
  EXPECT_THAT(batch.SchemaOf(true).fields, IsEmpty());
}

TEST(Batch, ClearKeepsTheSchema) {
  RandomTable random(7);
  Batch batch;
  for (int round = 0; round < 3; ++round) {
    BatchFiller filler(batch, random.schema());
    std::vector<base::Json> rows;
    for (int i = 0; i < 50; ++i) filler.Add(rows.emplace_back(random.NextRow()));
    batch.Close();
    ASSERT_EQ(Unroll(batch), rows);
    const Schema schema = batch.SchemaOf(false);
    batch.Clear();
    EXPECT_EQ(batch.rows(), 0U);
    EXPECT_EQ(batch.SchemaOf(false), schema);
    EXPECT_THAT(batch.SchemaOf(true).fields, IsEmpty());
  }
}

TEST(Batch, HoldsRandomRows) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    RandomTable random(seed);
    Batch batch;
    BatchFiller filler(batch, random.schema());
    std::vector<base::Json> rows;
    for (size_t i = 0, n = random.Below(100); i < n; ++i) filler.Add(rows.emplace_back(random.NextRow()));
    batch.Close();
    ASSERT_EQ(Unroll(batch), rows) << seed;
  }
}

// What the fuzzer of the reader compares rows by (row_hash.h).
TEST(RowHash, IsThatOfAnotherRowExactlyWhenTheRowsAreEqual) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    RandomTable random(seed);
    std::vector<base::Json> rows;
    for (int i = 0; i < 60; ++i) rows.push_back(random.NextRow());
    std::map<std::string, std::set<uint64_t>> hashes_of;
    std::set<uint64_t> hashes;
    for (const bool backwards : {false, true}) {  // the same rows, upon others than before
      if (backwards) std::reverse(rows.begin(), rows.end());
      Batch batch;
      BatchFiller filler(batch, random.schema());
      for (const base::Json& row : rows) filler.Add(row);
      batch.Close();
      const std::vector<uint64_t> got = HashRows(batch);
      ASSERT_EQ(got.size(), rows.size());
      for (size_t i = 0; i < rows.size(); ++i) hashes_of[rows[i].Print()].insert(got[i]);
      hashes.insert(got.begin(), got.end());
    }
    for (const auto& [row, its] : hashes_of) ASSERT_THAT(its, SizeIs(1)) << seed << ' ' << row;
    ASSERT_EQ(hashes.size(), hashes_of.size()) << seed;
  }
}

// All orders of adding give the same schema, and it is that of one batch that has seen everything.
TEST(SchemaUnion, DoesNotDependOnTheOrder) {
  std::vector<std::unique_ptr<Batch>> batches;
  Batch all;
  for (uint32_t i = 0; i < 4; ++i) {
    batches.push_back(std::make_unique<Batch>());
    for (Batch* batch : {batches.back().get(), &all}) {
      batch->AddColumn("own" + std::to_string(i), Type::kInteger, Mode::kNullable, 9 - i);
      Node& record = batch->AddColumn("r", Type::kRecord, Mode::kRepeated, 3).node;
      record.Child("c" + std::to_string(i), Type::kString, Mode::kRepeated, 5 - i);
      record.Child("deep", Type::kRecord, Mode::kRepeated, 0)
          .Child("d" + std::to_string(i % 2), Type::kDate, Mode::kNullable, i % 2);
    }
  }
  std::vector<size_t> order = {0, 1, 2, 3};
  do {
    SchemaUnion schema;
    for (const size_t i : order) schema.Add(*batches[i]);
    schema.Add(*batches[order[0]]);  // once more changes nothing
    ASSERT_EQ(schema.Get(), all.SchemaOf(false));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Schema, GoesToBigQueryJsonAndBack) {
  RandomTable random(3);
  Schema schema = random.schema();
  const auto back = FromBigQueryJson(ToBigQueryJson(schema));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(ToBigQueryJson(*back).Print(), ToBigQueryJson(schema).Print());
  EXPECT_EQ(CountFields(*back), CountFields(schema));
}

}  // namespace
}  // namespace dicomhouse::table
