#include "warehouse/engine.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/warehouse/table_maker.h"
#include "warehouse/parquet_scan.h"

namespace dicomhouse::warehouse {
namespace {

using table::Mode;
using table::Type;

TEST(Engine, WalksNestedValues) {
  auto engine = Engine::Open({});
  ASSERT_OK(engine);
  auto rows = engine->Query(
      "SELECT [{a: 1, b: ['x', NULL]}, NULL] AS l, 'a text longer than twelve bytes' AS s, '\\x00\\x01'::BLOB AS b, "
      "170141183460469231731687303715884105727::HUGEINT AS h, -1.50::DECIMAL(5,2) AS d, NULL AS n, DATE '1970-01-02' AS day, "
      "TIME '00:00:01' AS t, TIMESTAMPTZ '1970-01-01 00:00:01+00' AS ts, 18446744073709551615::UBIGINT AS u, true AS f, "
      "-7::TINYINT AS i");
  ASSERT_OK(rows);
  ASSERT_TRUE(*rows->Next());
  ASSERT_EQ(rows->size(), 1U);
  const ValueVector& list = rows->column(0);
  EXPECT_EQ(list.type().kind, ValueKind::kList);
  ASSERT_EQ(list.list(0).size, 2U);
  const ValueVector& record = list.child(0);
  const size_t first = list.list(0).begin;
  EXPECT_EQ(record.type().children[1].name, "b");
  EXPECT_EQ(record.child(0).integer(first), 1);
  EXPECT_TRUE(record.is_null(first + 1));
  const ValueVector& texts = record.child(1).child(0);
  const ValueVector::Span span = record.child(1).list(first);
  ASSERT_EQ(span.size, 2U);
  EXPECT_EQ(texts.text(span.begin), "x");
  EXPECT_TRUE(texts.is_null(span.begin + 1));
  EXPECT_EQ(rows->column(1).text(0), "a text longer than twelve bytes");
  EXPECT_EQ(rows->column(2).text(0), std::string_view("\0\1", 2));
  EXPECT_EQ(rows->column(3).digits(0), "170141183460469231731687303715884105727");
  EXPECT_EQ(rows->column(4).digits(0), "-1.5");
  EXPECT_TRUE(rows->column(5).is_null(0));
  EXPECT_EQ(rows->column(6).integer(0), 1);
  EXPECT_EQ(rows->column(7).integer(0), 1000000);
  EXPECT_EQ(rows->column(8).integer(0), 1000000);
  EXPECT_EQ(rows->column(9).digits(0), "18446744073709551615");
  EXPECT_TRUE(rows->column(10).boolean(0));
  EXPECT_EQ(rows->column(11).integer(0), -7);
  EXPECT_FALSE(*rows->Next());
}

TEST(Engine, ManyChunksOneAfterTheOther) {
  auto engine = Engine::Open({.threads = 2});
  ASSERT_OK(engine);
  auto rows = engine->Query("SELECT i FROM range(100000) t(i)");
  ASSERT_OK(rows);
  int64_t count = 0;
  for (auto more = rows->Next(); more.ok() && *more; more = rows->Next()) {
    for (size_t row = 0; row < rows->size(); ++row) EXPECT_EQ(rows->column(0).integer(row), count++);
  }
  EXPECT_EQ(count, 100000);
}

TEST(Engine, ErrorsSayWhatAndWhere) {
  auto engine = Engine::Open({});
  ASSERT_OK(engine);
  const auto missing = engine->Query("SELECT  nope FROM range(1) t(i)");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->problem().name, "nope");
  ASSERT_TRUE(engine->problem().position.has_value());
  EXPECT_EQ(*engine->problem().position, 8U);
  EXPECT_FALSE(engine->Query("SELECT 'x").ok());
  EXPECT_FALSE(engine->Query("").ok());
  EXPECT_FALSE(engine->Text("SELECT CAST(? AS VARCHAR)", "\xff").ok());
  EXPECT_EQ(*engine->Text("SELECT CAST(? AS VARCHAR)", "é"), "é");
  // An error in the middle of an answer.
  auto late = engine->Query("SELECT CAST(CASE WHEN i = 150000 THEN 'x' ELSE '1' END AS INTEGER) FROM range(200000) t(i)");
  base::Result<bool> more = true;
  if (late.ok()) {
    while (more.ok() && *more) more = late->Next();
  }
  EXPECT_TRUE(!late.ok() || !more.ok());
}

TEST(Engine, LockedItReadsItsFilesAndNothingElse) {
  const TemporaryFolder folder;
  const std::string mine = folder.path() + "/it's mine.parquet";
  const std::string other = folder.path() + "/other.parquet";
  for (const std::string& path : {mine, other}) Ask("COPY (SELECT 1 AS a) TO " + SqlString(path) + " (FORMAT parquet)");
  auto engine = Engine::Open({});
  ASSERT_OK(engine);
  ASSERT_OK(engine->Lock({mine}));
  EXPECT_OK(engine->Execute("SELECT * FROM read_parquet(" + SqlString(mine) + ")"));
  EXPECT_FALSE(engine->Execute("SELECT * FROM read_parquet(" + SqlString(other) + ")").ok());
  EXPECT_FALSE(engine->Execute("SET threads=1").ok());
  EXPECT_FALSE(engine->Lock({other}).ok());
}

TEST(Engine, InterruptStopsWhatRuns) {
  auto engine = Engine::Open({});
  ASSERT_OK(engine);
  std::atomic<bool> done = false;
  std::thread stopper([&] {
    while (!done) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      engine->Interrupt();
    }
  });
  auto rows = engine->Query("SELECT count(*) FROM range(1000000000) a(i), range(1000) b(j) WHERE (i * j) % 7 = 3");
  base::Result<bool> more = true;
  while (rows.ok() && more.ok() && *more) more = rows->Next();
  done = true;
  stopper.join();
  ASSERT_TRUE(!rows.ok() || !more.ok());
  EXPECT_EQ(rows.ok() ? more.error().code : rows.error().code, base::ErrorCode::kCancelled);
}

// ---- scans

Snapshot OnePart(const std::string& path, std::vector<table::Field> fields) {
  Snapshot snapshot;
  snapshot.schema.fields = std::move(fields);
  snapshot.files.push_back({path, path, 0, 0, 1});
  return snapshot;
}

table::Field WithId(table::Field field, int32_t id, int32_t element_id = 0) {
  field.id = id;
  field.element_id = element_id;
  return field;
}

std::string Scan(const Snapshot& snapshot, const ScanColumns& columns = {}, const std::string& tail = "ORDER BY ALL") {
  const auto sql = ScanSql(snapshot, columns);
  return sql.ok() ? Ask("SELECT * FROM (" + *sql + ") " + tail) : "error: " + sql.error().message;
}

TEST(ParquetScan, FindsColumnsByIdAndFieldsByName) {
  const TemporaryFolder folder;
  const std::string a = folder.path() + "/a.parquet";
  const std::string b = folder.path() + "/b.parquet";
  Ask("COPY (SELECT 1::BIGINT AS old_name, [{x: 'p'}] AS s) TO '" + a +
      "' (FORMAT parquet, FIELD_IDS {old_name: 1, s: {__duckdb_field_id: 2, element: {__duckdb_field_id: 3, x: 4}}})");
  Ask("COPY (SELECT [{y: 'q', x: 'r'}] AS s, 2::BIGINT AS new_name, 'z' AS more) TO '" + b +
      "' (FORMAT parquet, FIELD_IDS {new_name: 1, s: {__duckdb_field_id: 2, element: {__duckdb_field_id: 3, x: 4, y: 5}}, more: "
      "6})");
  Snapshot snapshot =
      OnePart(a, {WithId(Column("n", Type::kInteger), 1),
                  WithId(Column("s", Type::kRecord, Mode::kRepeated, {WithId(Column("x"), 4), WithId(Column("y"), 5)}), 2, 3),
                  WithId(Column("more"), 6)});
  snapshot.files.push_back({b, b, 0, 0, 1});
  EXPECT_EQ(Scan(snapshot, {}, "ORDER BY n"), "1|NULL|NULL\n2|NULL|z\n");
  EXPECT_EQ(Ask("SELECT n, s[1].x, s[1].y FROM (" + *ScanSql(snapshot, {}) + ") ORDER BY n"), "1|p|NULL\n2|r|q\n");
  EXPECT_EQ(Scan(snapshot, {false, {"more"}}), "z\nNULL\n");
  EXPECT_EQ(ScanPaths(snapshot), (std::vector<std::string>{a, b}));
}

TEST(ParquetScan, AnEmptyTableHasItsColumns) {
  Snapshot snapshot;
  snapshot.schema.fields = {WithId(Column("a"), 1), WithId(Column("l", Type::kInteger, Mode::kRepeated), 2, 3)};
  EXPECT_EQ(Scan(snapshot), "");
  EXPECT_EQ(Ask("SELECT count(*), any_value(typeof(l)) FROM (" + *ScanSql(snapshot, {}) + ")"), "0|NULL\n");
  snapshot.schema.fields.clear();
  EXPECT_EQ(Scan(snapshot), "");
}

TEST(ParquetScan, ChoosesACheapColumnWhenNoneIsNamed) {
  Snapshot snapshot = OnePart("/x", {WithId(Column("text"), 1), WithId(Column("number", Type::kInteger), 2)});
  const auto sql = ScanSql(snapshot, {false, {"nothing"}});
  ASSERT_OK(sql);
  EXPECT_EQ(sql->find("\"text\""), std::string::npos);
  EXPECT_NE(sql->find("\"number\""), std::string::npos);
}

TEST(ParquetScan, AppliesPositionDeletes) {
  const TemporaryFolder folder;
  const std::string part = folder.path() + "/part.parquet";
  const std::string young = folder.path() + "/young.parquet";
  const std::string deletes = folder.path() + "/deletes.parquet";
  for (const std::string& path : {part, young})
    Ask("COPY (SELECT i AS a FROM range(4) t(i)) TO '" + path + "' (FORMAT parquet, FIELD_IDS {a: 1})");
  Ask("COPY (SELECT * FROM (VALUES ('s3://old/part.parquet', 1::BIGINT), ('s3://old/part.parquet', 3), "
      "('s3://old/young.parquet', 0)) "
      "t(file_path, pos)) TO '" +
      deletes + "' (FORMAT parquet, FIELD_IDS {file_path: 2147483546, pos: 2147483545})");
  Snapshot snapshot = OnePart(part, {WithId(Column("a", Type::kInteger), 1)});
  snapshot.files[0].recorded_path = "s3://old/part.parquet";
  snapshot.files.push_back({young, "s3://old/young.parquet", 4, 0, 3});
  snapshot.deletes.push_back({deletes, false, {}, 2});
  EXPECT_EQ(Scan(snapshot), "0\n0\n1\n2\n2\n3\n");  // the younger part keeps its rows
  EXPECT_EQ(ScanPaths(snapshot).size(), 3U);
}

TEST(ParquetScan, AppliesEqualityDeletes) {
  const TemporaryFolder folder;
  const std::string part = folder.path() + "/part.parquet";
  const std::string deletes = folder.path() + "/deletes.parquet";
  Ask("COPY (SELECT i AS a, CASE WHEN i > 0 THEN 'k' || i END AS k FROM range(4) t(i)) TO '" + part +
      "' (FORMAT parquet, FIELD_IDS {a: 1, k: 2})");
  Ask("COPY (SELECT * FROM (VALUES ('k2'), (NULL)) t(k)) TO '" + deletes + "' (FORMAT parquet, FIELD_IDS {k: 2})");
  Snapshot snapshot = OnePart(part, {WithId(Column("a", Type::kInteger), 1), WithId(Column("k"), 2)});
  snapshot.deletes.push_back({deletes, true, {2}, 2});
  EXPECT_EQ(Scan(snapshot, {false, {"a"}}), "1\n3\n");
  snapshot.deletes[0].sequence_number = 1;  // as old as the part: it does not count
  EXPECT_EQ(Scan(snapshot, {false, {"a"}}), "0\n1\n2\n3\n");
  snapshot.deletes[0].equality_ids = {9};
  EXPECT_EQ(ScanSql(snapshot, {}).error().code, base::ErrorCode::kUnsupported);
}

TEST(ParquetScan, FoldersMayHaveAnyName) {
  const TemporaryFolder folder;
  for (const std::string name : {"year=2020", "a b'c", "star*", "q?", "br[ab]"}) {
    const std::string path = folder.path() + "/" + name + "/part.parquet";
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    const std::string plain = folder.path() + "/plain.parquet";
    Ask("COPY (SELECT 7::BIGINT AS a) TO '" + plain + "' (FORMAT parquet, FIELD_IDS {a: 1})");
    std::filesystem::rename(plain, path);
    const Snapshot snapshot = OnePart(path, {WithId(Column("a", Type::kInteger), 1)});
    EXPECT_EQ(Scan(snapshot), "7\n") << name;
    auto engine = Engine::Open({});
    ASSERT_OK(engine);
    ASSERT_OK(engine->Lock(ScanPaths(snapshot)));
    EXPECT_OK(engine->Execute(*ScanSql(snapshot, {}))) << name;
  }
}

}  // namespace
}  // namespace dicomhouse::warehouse
