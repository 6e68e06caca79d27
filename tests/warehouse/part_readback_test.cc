// Parts as somebody else reads them: DuckDB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

#include "table/part.h"
#include "tests/table/random_batch.h"
#include "tests/warehouse/table_maker.h"
#include "warehouse/engine.h"

namespace dicomhouse::warehouse {
namespace {

using base::Json;
using table::Batch;
using table::BatchFiller;
using table::ChunkStats;
using table::Field;
using table::Mode;
using table::Part;
using table::RandomTable;
using table::Schema;
using table::Type;

// A value as table::Unroll writes it.
Json JsonOf(const ValueVector& values, size_t row) {  // NOLINT(misc-no-recursion)
  if (values.is_null(row)) return {};
  switch (values.type().kind) {
    case ValueKind::kString:
    case ValueKind::kBytes:
      return std::string(values.text(row));
    case ValueKind::kDouble:
      return table::FloatText(values.real(row));
    case ValueKind::kBoolean:
      return int64_t{values.boolean(row)};
    case ValueKind::kList: {
      Json list = Json::MakeArray();
      const auto span = values.list(row);
      for (size_t i = 0; i < span.size; ++i) list.Append(JsonOf(values.child(0), span.begin + i));
      return list;
    }
    case ValueKind::kStruct: {
      Json record = Json::MakeObject();
      const auto& fields = values.type().children;
      for (size_t i = 0; i < fields.size(); ++i) {
        Json value = JsonOf(values.child(i), row);
        if (!value.is_null()) record.Set(fields[i].name, std::move(value));
      }
      return record;
    }
    default:
      return values.integer(row);
  }
}

// Only what the schema has, fields by name.
Json Within(const Json& value, const std::vector<Field>& fields, bool record) {  // NOLINT(misc-no-recursion)
  if (value.is_array()) {
    Json list = Json::MakeArray();
    for (const Json& element : value.array()) list.Append(Within(element, fields, record));
    return list;
  }
  if (!record || value.is_null()) return value;
  std::vector<const Field*> sorted;
  for (const Field& field : fields) sorted.push_back(&field);
  std::sort(sorted.begin(), sorted.end(), [](const Field* a, const Field* b) { return a->name < b->name; });
  Json out = Json::MakeObject();
  for (const Field* field : sorted) {
    const Json* inner = value.find(field->name);
    if (inner != nullptr) out.Set(field->name, Within(*inner, field->fields, field->type == Type::kRecord));
  }
  return out;
}

class PartTest : public ::testing::Test {
 protected:
  // Writes the batch with the ids of `schema`.
  base::Result<Part> Write(Batch& batch, const Schema& schema) {
    batch.Close();
    DH_ASSIGN(auto file, base::RealFileSystem().Create(path_));
    DH_ASSIGN(Part part, Part::Write(batch, std::move(file), table::TimeStorage::kTime));
    DH_CHECK(part.Finish(schema));
    DH_CHECK(part.Close());
    return part;
  }
  std::vector<Json> ReadAll() {
    std::vector<Json> read;
    auto engine = Engine::Open({.threads = 1});
    EXPECT_TRUE(engine.ok());
    auto rows = engine->Query("SELECT * FROM read_parquet(" + SqlString(path_) + ")");
    EXPECT_TRUE(rows.ok()) << rows.error().message;
    for (;;) {
      const auto more = rows->Next();
      EXPECT_TRUE(more.ok()) << more.error().message;
      if (!more.ok() || !*more) return read;
      for (size_t row = 0; row < rows->size(); ++row) {
        Json record = Json::MakeObject();
        for (size_t i = 0; i < rows->columns().size(); ++i) {
          Json value = JsonOf(rows->column(i), row);
          if (!value.is_null()) record.Set(rows->columns()[i].name, std::move(value));
        }
        read.push_back(std::move(record));
      }
    }
  }
  // The answer to a question about the file, which it calls T.
  std::string Answer(std::string sql) {
    sql.replace(sql.find(" T"), 2, " read_parquet(" + SqlString(path_) + ")");
    return Ask(sql);
  }
  // Rows go in and come out again.
  void ExpectRead(const Schema& schema, const std::vector<Json>& rows) {
    Batch batch;
    BatchFiller filler(batch, schema);
    for (const Json& row : rows) filler.Add(row);
    const auto part = Write(batch, schema);
    ASSERT_TRUE(part.ok()) << part.error().message;
    EXPECT_EQ(part->rows(), static_cast<int64_t>(rows.size()));
    EXPECT_EQ(static_cast<uint64_t>(part->bytes()), std::filesystem::file_size(path_));
    const std::vector<Json> read = ReadAll();
    ASSERT_EQ(read.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(Within(read[i], part->schema().fields, true).Print(), Within(rows[i], part->schema().fields, true).Print())
          << "row " << i;
    }
  }
  static Schema Numbered(Schema schema) {
    int32_t id = 0;
    const std::function<void(std::vector<Field>&)> number = [&](std::vector<Field>& fields) {
      for (Field& field : fields) {
        field.id = ++id;
        if (field.mode == Mode::kRepeated) field.element_id = ++id;
        number(field.fields);
      }
    };
    number(schema.fields);
    return schema;
  }
  static Json Row(std::initializer_list<std::pair<std::string, Json>> fields) {
    Json row = Json::MakeObject();
    for (const auto& [name, value] : fields) row.Set(name, value);
    return row;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.path() + "/part.parquet";
};

TEST_F(PartTest, RandomRowsComeBack) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomTable random(seed);
    std::vector<Json> rows = {random.NextRow()};
    for (size_t i = 0, n = random.Below(300); i < n; ++i) rows.push_back(random.NextRow());
    // A part needs a column with a value.
    const bool something = std::any_of(rows.begin(), rows.end(), [](const Json& row) { return !row.object().empty(); });
    if (!something) continue;
    Batch batch;
    BatchFiller filler(batch, random.schema());
    for (const Json& row : rows) filler.Add(row);
    batch.Close();
    if (batch.SchemaOf(true).fields.empty()) continue;
    ASSERT_NO_FATAL_FAILURE(ExpectRead(random.schema(), rows));
  }
}

TEST_F(PartTest, EveryTypeComesBack) {
  const Schema schema =
      Numbered({{Column("string"), Column("integer", Type::kInteger), Column("float", Type::kFloat), Column("date", Type::kDate),
                 Column("time", Type::kTime), Column("timestamp", Type::kTimestamp), Column("bytes", Type::kBytes),
                 Column("list", Type::kInteger, Mode::kRepeated),
                 Column("record", Type::kRecord, Mode::kRepeated, {Column("a"), Column("b", Type::kDate, Mode::kRepeated)})}});
  Json item = Row({{"a", "x"}, {"b", Json(Json::Array{1, {}, -1})}});
  const Json full = Row({{"string", "ü"},
                         {"integer", std::numeric_limits<int64_t>::min()},
                         {"float", table::FloatText(-0.0)},
                         {"date", -719162},
                         {"time", int64_t{86'399'999'999}},
                         {"timestamp", int64_t{253'402'300'799'999'999}},
                         {"bytes", std::string("\0\xFF", 2)},
                         {"list", Json(Json::Array{5, {}, 5})},
                         {"record", Json(Json::Array{item, Json::MakeObject(), item})}});
  const Json other = Row({{"string", ""},
                          {"integer", std::numeric_limits<int64_t>::max()},
                          {"float", table::FloatText(std::numeric_limits<double>::infinity())},
                          {"bytes", ""},
                          {"list", Json::MakeArray()},
                          {"record", Json::MakeArray()}});
  ExpectRead(schema, {full, Json::MakeObject(), other, other, other, full, full});
  EXPECT_EQ(Answer("SELECT list IS NULL, len(list), record IS NULL FROM T").substr(0, 40),
            "false|3|false\ntrue|NULL|true\nfalse|0|fal");
  EXPECT_EQ(Answer("SELECT typeof(string), typeof(integer), typeof(float), typeof(date), typeof(time), typeof(timestamp), "
                   "typeof(bytes) FROM T LIMIT 1"),
            "VARCHAR|BIGINT|DOUBLE|DATE|TIME|TIMESTAMP WITH TIME ZONE|BLOB\n");
}

TEST_F(PartTest, FieldIdsAreThoseOfTheSchema) {
  Schema schema = {{Column("a"), Column("b", Type::kInteger, Mode::kRepeated), Column("never")}};
  schema.fields[0].id = 17;
  schema.fields[1].id = 4;
  schema.fields[1].element_id = 99;
  schema.fields[2].id = 5;
  Batch batch;
  BatchFiller filler(batch, schema);
  filler.Add(Row({{"a", "x"}, {"b", Json(Json::Array{1})}}));
  const auto part = Write(batch, schema);
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(Ask("SELECT name, field_id FROM parquet_schema('" + path_ + "') WHERE name <> 'table'"),
            "a|17\nb|4\nlist|NULL\nelement|99\n");
  ASSERT_EQ(part->stats().size(), 2U);
  EXPECT_EQ(part->stats()[0].field_id, 17);
  EXPECT_EQ(part->stats()[1].field_id, 99);
}

TEST_F(PartTest, TheFooterCanBeWrittenAgain) {
  Schema schema = Numbered({{Column("a"), Column("b")}});
  Batch batch;
  BatchFiller filler(batch, schema);
  filler.Add(Row({{"a", "x"}, {"b", "y"}}));
  batch.Close();
  auto file = base::RealFileSystem().Create(path_);
  auto part = Part::Write(batch, *std::move(file), table::TimeStorage::kTime);
  ASSERT_TRUE(part.ok());
  for (const int id : {1000000, 7, 3}) {
    schema.fields[0].id = id;
    ASSERT_TRUE(part->Finish(schema).ok());
    EXPECT_EQ(static_cast<uint64_t>(part->bytes()), std::filesystem::file_size(path_));
    EXPECT_EQ(Ask("SELECT field_id FROM parquet_schema('" + path_ + "') WHERE name = 'a'"), std::to_string(id) + "\n");
    EXPECT_EQ(Answer("SELECT a, b FROM T"), "x|y\n");
  }
  ASSERT_TRUE(part->Close().ok());
}

TEST_F(PartTest, AColumnWithoutAPlaceInTheSchemaIsRefused) {
  Batch batch;
  const Schema schema = Numbered({{Column("a"), Column("b")}});
  BatchFiller filler(batch, schema);
  filler.Add(Row({{"a", "x"}, {"b", "y"}}));
  const auto part = Write(batch, Numbered({{Column("a")}}));
  ASSERT_FALSE(part.ok());
  EXPECT_THAT(part.error().message, testing::HasSubstr("b"));
}

template <typename T>
std::optional<T> Bound(const std::optional<std::string>& bytes) {
  if (!bytes) return {};
  T value{};
  EXPECT_EQ(bytes->size(), sizeof value);
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

TEST_F(PartTest, StatisticsSayWhatIsInside) {
  const Schema schema = Numbered({{Column("s"), Column("i", Type::kInteger), Column("f", Type::kFloat), Column("d", Type::kDate),
                                   Column("l", Type::kInteger, Mode::kRepeated), Column("long"), Column("nan", Type::kFloat)}});
  Batch batch;
  BatchFiller filler(batch, schema);
  const auto f = [](double value) { return Json(table::FloatText(value)); };
  filler.Add(Row({{"s", "b"},
                  {"i", -5},
                  {"f", f(0.0)},
                  {"d", 3},
                  {"l", Json(Json::Array{7, {}, -2})},
                  {"long", std::string(100, 'x')},
                  {"nan", f(1)}}));
  filler.Add(Row({{"s", "\xC3\xBC"}, {"i", 9}, {"f", f(2.5)}, {"d", -3}, {"l", Json::MakeArray()}, {"nan", f(std::nan(""))}}));
  filler.Add(Json::MakeObject());
  const auto part = Write(batch, schema);
  ASSERT_TRUE(part.ok());
  const std::vector<ChunkStats>& stats = part->stats();
  ASSERT_EQ(stats.size(), 7U);
  const std::vector<std::pair<int64_t, int64_t>> counts = {{3, 1}, {3, 1}, {3, 1}, {3, 1}, {5, 3}, {3, 2}, {3, 1}};
  for (size_t i = 0; i < stats.size(); ++i) {
    EXPECT_EQ(stats[i].value_count, counts[i].first) << i;
    EXPECT_EQ(stats[i].null_count, counts[i].second) << i;
    EXPECT_GT(stats[i].compressed_bytes, 0) << i;
  }
  EXPECT_EQ(stats[0].lower, "b");
  EXPECT_EQ(stats[0].upper, "\xC3\xBC") << "bytes are compared without sign";
  EXPECT_EQ(Bound<int64_t>(stats[1].lower), -5);
  EXPECT_EQ(Bound<int64_t>(stats[1].upper), 9);
  EXPECT_TRUE(std::signbit(*Bound<double>(stats[2].lower))) << "-0.0, as the format asks";
  EXPECT_EQ(Bound<double>(stats[2].upper), 2.5);
  EXPECT_EQ(Bound<int32_t>(stats[3].lower), -3);
  EXPECT_EQ(Bound<int32_t>(stats[3].upper), 3);
  EXPECT_EQ(Bound<int64_t>(stats[4].lower), -2);
  EXPECT_EQ(Bound<int64_t>(stats[4].upper), 7);
  EXPECT_FALSE(stats[5].lower.has_value()) << "too long";
  EXPECT_FALSE(stats[6].lower.has_value()) << "NaN has no order";
  EXPECT_EQ(Answer("SELECT count(*) FROM T WHERE i > 8 AND s > 'c' AND d < DATE '1970-01-01'"), "1\n");
}

// ---- pages (a page ends behind a million entries)

constexpr uint32_t kManyRows = 2'500'000;

TEST_F(PartTest, ManyEqualRowsAreFewBytesAndAllThere) {
  Batch batch;
  table::Column& same = batch.AddColumn("same", Type::kString, Mode::kNullable, 0);
  table::Column& list = batch.AddColumn("list", Type::kInteger, Mode::kRepeated, 1);
  same.Set(0, same.KeyOfText("value"));
  const uint32_t key = list.NewKey();
  for (const int64_t number : {1, 2, 3}) list.node.AddValue(list.node.values.AddNumber(number));
  list.Set(0, key);
  for (uint32_t i = 0; i < kManyRows; ++i) batch.CommitRow();
  const auto part = Write(batch, Numbered(batch.SchemaOf(false)));
  ASSERT_TRUE(part.ok());
  EXPECT_LT(part->bytes(), 20000);
  EXPECT_EQ(Answer("SELECT count(*), min(same), max(same), sum(len(list)), min(list[3]) FROM T"),
            "2500000|value|value|7500000|3\n");
}

TEST_F(PartTest, ManyPagesOfDistinctAndAlternatingValuesComeBack) {
  Batch batch;
  table::Column& distinct = batch.AddColumn("distinct", Type::kInteger, Mode::kNullable, 0);
  table::Column& alternating = batch.AddColumn("alternating", Type::kString, Mode::kNullable, 1);
  table::Column& uid = batch.AddColumn("uid", Type::kString, Mode::kNullable, 2);
  table::Column& holes = batch.AddColumn("holes", Type::kDate, Mode::kNullable, 3);
  table::Column& list = batch.AddColumn("list", Type::kInteger, Mode::kRepeated, 4);
  std::array<uint32_t, 3> lists{};
  for (uint32_t n = 0; n < lists.size(); ++n) {
    lists[n] = list.NewKey();
    for (uint32_t i = 0; i < n; ++i) list.node.AddValue(list.node.values.AddNumber(10 * n + i));
  }
  for (uint32_t i = 0; i < kManyRows; ++i) {
    distinct.Set(i, distinct.KeyOfNumber(int64_t{i} * i));
    alternating.Set(i, alternating.KeyOfText(i % 2 == 0 ? "even" : "odd"));
    if (i < 200000) uid.Set(i, uid.KeyOfText("1.2.840." + std::to_string(i)));
    if (i == 200000) uid.Set(i, table::kAbsent);
    holes.Set(i, i % 7 == 0 ? holes.KeyOfNumber(i % 1000) : table::kAbsent);
    list.Set(i, lists[i % 3]);
    batch.CommitRow();
  }
  const auto part = Write(batch, Numbered(batch.SchemaOf(false)));
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(
      Answer("SELECT count(*), count(\"distinct\"), max(\"distinct\"), count(uid), count(DISTINCT uid), count(holes) FROM T"),
      "2500000|2500000|6249995000001|200000|200000|357143\n");
  EXPECT_EQ(Answer("SELECT alternating, count(*) FROM T GROUP BY 1 ORDER BY 1"), "even|1250000\nodd|1250000\n");
  EXPECT_EQ(Answer("SELECT list::VARCHAR, count(*) FROM T GROUP BY 1 ORDER BY 2 DESC, 1"),
            "[]|833334\n[10]|833333\n[20, 21]|833333\n");
  // Each row has all its own values: rows and columns have not slipped.
  EXPECT_EQ(Answer("SELECT count(*) FROM (SELECT *, row_number() OVER () - 1 AS i FROM T) WHERE \"distinct\" <> i * i"
                   " OR (alternating = 'even') <> (i % 2 = 0) OR (holes IS NULL) = (i % 7 = 0) OR len(list) <> i % 3"
                   " OR uid <> '1.2.840.' || i"),
            "0\n");
}

TEST_F(PartTest, TextsLongerThanAPageComeBack) {
  const Schema schema = Numbered({{Column("a"), Column("b", Type::kString, Mode::kRepeated)}});
  std::vector<Json> rows;
  for (int i = 0; i < 6; ++i) {
    const std::string text(700000 + static_cast<size_t>(i), static_cast<char>('a' + i));
    rows.push_back(Row({{"a", text}, {"b", Json(Json::Array{text, "short", text})}}));
  }
  ExpectRead(schema, rows);
}

TEST_F(PartTest, ItemsOfGatheredColumnsAreSharedByRows) {
  const Schema schema = Numbered(
      {{Column("gathered", Type::kRecord, Mode::kRepeated, {Column("Tag"), Column("Data", Type::kString, Mode::kRepeated)})}});
  const Json a = Row({{"Data", Json(Json::Array{"1", "2"})}, {"Tag", "a"}});
  const Json b = Row({{"Data", Json::MakeArray()}, {"Tag", "b"}});
  const auto row = [](Json::Array items) { return Row({{"gathered", Json(std::move(items))}}); };
  ExpectRead(schema, {row({a, b}), row({b, a}), row({a}), Json::MakeObject(), row({a, a, b}), row({a, b})});
}

}  // namespace
}  // namespace dicomhouse::warehouse
