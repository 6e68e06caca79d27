// Both locks against statements that mean harm. Each statement is tried three ways: as a user writes it (dialect and both
// locks), straight at the gate (as if the dialect let everything through), and straight at the locked engine when it
// would read or write a file.
#include "query/gate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "query/functions.h"
#include "tests/query/question.h"

namespace dicomhouse::query {
namespace {

constexpr std::string_view kAttacks[] = {
    // reading files and the machine
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_json_objects('/etc/passwd')",
    "SELECT * FROM read_ndjson('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM parquet_scan('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM parquet_schema('/etc/passwd')",
    "SELECT * FROM parquet_kv_metadata('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM \"/etc/passwd\"",
    "SELECT * FROM `/etc/passwd`",
    "SELECT * FROM '/etc/passwd.csv'",
    "SELECT * FROM `../../etc/passwd`",
    "SELECT * FROM 'file:///etc/passwd'",
    "SELECT * FROM 'https://example.com/a.parquet'",
    "SELECT * FROM `s3://bucket/a.parquet`",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT 1 WHERE EXISTS (SELECT * FROM glob('/*'))",
    "SELECT x FROM UNNEST([1]) x, read_text('/etc/passwd') r",
    "SELECT 1 FROM UNNEST([1]) x JOIN read_blob('/etc/passwd') r ON TRUE",
    "WITH a AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM a",
    "SELECT ARRAY(SELECT content FROM read_text('/etc/passwd'))",
    "(SELECT * FROM read_text('/etc/passwd'))",
    "SELECT 1 UNION ALL SELECT content FROM read_text('/etc/passwd')",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_extensions()",
    "SELECT * FROM duckdb_functions()",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM duckdb_settings",
    "SELECT * FROM duckdb_logs",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM `information_schema.tables`",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM system.main.duckdb_settings",
    "SELECT * FROM pragma_table_info('t')",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM pragma_database_size()",
    "SELECT current_setting('allowed_paths')",
    "SELECT current_database()",
    "SELECT current_schemas(true)",
    "SELECT version()",
    "SELECT txid_current()",
    "SELECT in_search_path('a', 'b')",
    // changing things
    "COPY (SELECT 1) TO '/var/lib/stolen.csv'",
    "COPY t TO '/var/lib/stolen.parquet'",
    "COPY t FROM '/etc/passwd'",
    "EXPORT DATABASE '/var/lib/stolen'",
    "IMPORT DATABASE '/var/lib/stolen'",
    "ATTACH '/var/lib/stolen.db'",
    "ATTACH ':memory:' AS m",
    "DETACH memory",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '/var/lib/evil.so'",
    "FORCE INSTALL icu",
    "SET memory_limit='1TB'",
    "SET enable_external_access=true",
    "RESET memory_limit",
    "SET VARIABLE x = 1",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "PRAGMA version",
    "CALL enable_logging(storage_path='/var/lib/stolen')",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM truncate_duckdb_logs()",
    "CALL pragma_version()",
    "CREATE TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT 1",
    "CREATE OR REPLACE VIEW dh_t1 AS SELECT 1",
    "CREATE MACRO lower(x) AS 'evil'",
    "CREATE SECRET s (TYPE s3)",
    "CREATE SEQUENCE s",
    "CREATE SCHEMA s",
    "CREATE TYPE m AS ENUM ('a')",
    "DROP VIEW dh_t1",
    "DROP TABLE t",
    "ALTER TABLE t RENAME TO u",
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET PatientID = 'x'",
    "DELETE FROM t",
    "MERGE INTO t USING t AS u ON TRUE WHEN MATCHED THEN DELETE",
    "TRUNCATE t",
    "BEGIN TRANSACTION",
    "COMMIT",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "DESCRIBE t",
    "SHOW TABLES",
    "SUMMARIZE t",
    "SELECT * FROM (DESCRIBE t)",
    "SELECT * FROM (SHOW TABLES)",
    "VALUES (1)",
    "SELECT * FROM (VALUES (1)) v",
    "TABLE t",
    "FROM t",
    "FROM read_text('/etc/passwd')",
    "PIVOT t ON PatientID USING count(*)",
    "SELECT * FROM t PIVOT (COUNT(*) FOR PatientID IN ('a'))",
    // several statements, and statements in disguise
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW dh_t1",
    "SELECT 1;/* */;COPY (SELECT 1) TO '/var/lib/stolen.csv'",
    "SELECT 1 -- \n; SET threads=1",
    "SELECT 1 /* ; */ ; PRAGMA version",
    "SELECT 1 # comment\n; CHECKPOINT",
    "SELECT '\\'; DROP VIEW dh_t1; --' ; SELECT 2",
    "SEL/**/ECT 1",
    "\xEF\xBB\xBFSELECT * FROM read_text('/etc/passwd')",
    "SELECT\xC2\xA0* FROM\xC2\xA0"
    "read_text('/etc/passwd')",
    "SELECT * FROM \xEF\xBD\x92"
    "ead_text('/etc/passwd')",
    "SELECT * FROM U&\"read_text\"('/etc/passwd')",
    "SELECT * FROM $$/etc/passwd$$",
    "SELECT $1",
    "SELECT ?",
    "SELECT @x",
    "SELECT @@version",
    // statements that run text
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('t')",
    "SELECT json_execute_serialized_sql('{}')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "PRAGMA json_execute_serialized_sql('{}')",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT json_deserialize_sql('{}')",
    "SELECT sql_auto_complete('S')",
    "SELECT * FROM sql_auto_complete('S')",
    // functions that are nobody's business
    "SELECT nextval('s')",
    "SELECT setseed(0.5)",
    "SELECT pg_sleep(10)",
    "SELECT sleep_ms(10000)",
    "SELECT write_log('x')",
    "SELECT getvariable('x')",
    "SELECT lower.read_text('x')",
    "SELECT main.read_text('x')",
    "SELECT system.main.current_setting('threads')",
    "SELECT \"current_setting\"('threads')",
    "SELECT `current_setting`('threads')",
    "SELECT 'threads'.current_setting()",
    "SELECT ('threads').current_setting()",
    "SELECT COLUMNS('.*') FROM t",
    "SELECT * FROM t TABLESAMPLE RESERVOIR (1000000000 ROWS)",
    "SELECT * FROM t TABLESAMPLE SYSTEM (1000000000 ROWS)",
    "SELECT * FROM t TABLESAMPLE BERNOULLI (10 PERCENT) REPEATABLE (7)",
    "SELECT * FROM t USING SAMPLE 5 ROWS",
    "SELECT 1 FROM t GROUP BY CUBE (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)",
    "SELECT * FROM t AT (VERSION => 1)",
    "SELECT * FROM range(3) AS r(i) POSITIONAL JOIN glob('/*')",
    "SELECT * FROM summary(t)",
    "SELECT * FROM test_all_types()",
    "SELECT * FROM repeat(1, 1000000000000)",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM force_checkpoint()",
    "SELECT * FROM seq_scan('t')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM which_secret('s3://x', 's3')",
    "SELECT * FROM storage_info('t')",
    "SELECT * FROM icu_calendar_names()",
    "SELECT * FROM pg_timezone_names()",
    // names of WITH used where they do not reach
    "WITH a AS (SELECT * FROM duckdb_settings), duckdb_settings AS (SELECT 1) SELECT * FROM a",
    "SELECT (WITH duckdb_settings AS (SELECT 1 AS n) SELECT MAX(n) FROM duckdb_settings), s.* FROM duckdb_settings AS s",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
};

const std::vector<std::string>& Attacks() {
  static const std::vector<std::string> attacks(std::begin(kAttacks), std::end(kAttacks));
  return attacks;
}

class LocksTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = new House;
    MakeInstances(*house_);
  }
  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }
  static House* house_;
};
House* LocksTest::house_ = nullptr;

TEST_F(LocksTest, AHundredAttacksAreRefusedAsUsersWriteThem) {
  ASSERT_GE(Attacks().size(), 100U);
  for (const std::string& sql : Attacks()) {
    const auto answer = house_->Ask(sql);
    EXPECT_FALSE(answer.ok()) << sql << "\n" << (answer.ok() ? *answer : "");
  }
}

TEST_F(LocksTest, TheGateAloneRefusesEachOfThem) {
  auto engine = warehouse::Engine::Open({});
  ASSERT_TRUE(engine.ok());
  for (const std::string& sql : Attacks()) {
    const auto serialized = engine->Text(std::string(kSerialize), sql);
    if (!serialized.ok()) continue;                     // the engine cannot even read it
    if (sql == "TABLE t" || sql == "FROM t") continue;  // to the engine: SELECT * FROM t
    const auto refusal = CheckStatement(*serialized, {"dh_t1", "t"});
    EXPECT_TRUE(!refusal.ok() || !refusal->message.empty()) << sql;
  }
}

TEST_F(LocksTest, TheEngineAloneReadsAndWritesNoForeignFile) {
  auto engine = warehouse::Engine::Open({});
  ASSERT_TRUE(engine.ok());
  ASSERT_TRUE(engine->Lock({house_->folder() + "/allowed.parquet"}).ok());
  const std::string target = house_->folder() + "/stolen";
  for (const std::string& sql : std::vector<std::string>{
           "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
           "SELECT * FROM glob('/etc/*')", "COPY (SELECT 1) TO '" + target + "'", "EXPORT DATABASE '" + target + "'",
           "ATTACH '" + target + "'", "LOAD '" + target + "'", "INSTALL httpfs", "SET enable_external_access=true",
           "SET allowed_paths=['/etc/passwd']", "SET allowed_directories=['/']", "RESET enable_external_access",
           "SET temp_directory='" + target + "'", "PRAGMA profiling_output='" + target + "'",
           "SELECT * FROM read_text('" + house_->folder() + "/../../etc/passwd')"}) {
    auto rows = engine->Query(sql);
    const bool nothing = rows.ok() && sql.find("glob") != std::string::npos && rows->Next().ok() && rows->size() == 0;
    EXPECT_TRUE(!rows.ok() || nothing) << sql;
  }
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(LocksTest, AMessageNamesWhatIsRefusedAndWhere) {
  EXPECT_EQ(house_->Rows("SELECT *\nFROM read_text('/etc/passwd')"), "error: 2:6: table function read_text is not allowed");
  EXPECT_EQ(house_->Rows("DROP TABLE t"), "error: 1:1: only SELECT is allowed here, found \"DROP\"");
  EXPECT_EQ(house_->Rows("SELECT 1;\nSELECT 2"), "error: 1:9: one statement at a time");
  EXPECT_EQ(house_->Rows("SELECT 1,\n  current_setting('x')"), "error: 2:3: the function current_setting is not supported");
}

TEST_F(LocksTest, BombsEndInAnErrorAndNotInAnExhaustedMachine) {
  for (const std::string sql : {"SELECT ARRAY_LENGTH(GENERATE_ARRAY(1, 1000000000))", "SELECT LENGTH(REPEAT('x', 10000000000))",
                                "SELECT LENGTH(LPAD('x', 2000000000))", "SELECT ARRAY_LENGTH(GENERATE_ARRAY(0, 1000000000, 2))",
                                "SELECT LENGTH(STRING_AGG(REPEAT('a', 1000000))) FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS x"}) {
    const auto answer = house_->Ask(sql);
    EXPECT_FALSE(answer.ok()) << sql;
  }
}

TEST_F(LocksTest, DeepAndLongStatementsGiveErrors) {
  const std::string open(5000, '(');
  const std::string close(5000, ')');
  EXPECT_FALSE(house_->Ask("SELECT " + open + "1" + close).ok());
  std::string sum = "SELECT 1";
  for (int i = 0; i < 20000; ++i) sum += "+1";
  EXPECT_FALSE(house_->Ask(sum).ok());
  std::string nested = "x";
  for (int i = 0; i < 100; ++i) nested = "CONCAT(" + nested + ", 1)";
  EXPECT_FALSE(house_->Ask("SELECT CAST(" + nested + " AS INT64) FROM UNNEST([1]) AS x WHERE " + nested + " = x").ok());
  std::string exists = "SELECT 1 FROM t";
  for (int i = 0; i < 50; ++i) exists = "SELECT 1 FROM UNNEST([1]) AS x WHERE EXISTS (" + exists + ")";
  EXPECT_FALSE(house_->Ask(exists).ok());
  EXPECT_FALSE(house_->Ask(std::string(base::kMaxStatementBytes + 1, ' ')).ok());
}

TEST(Gate, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(CheckStatement(R"({"error":false,"statements":[{"node":{"type":"SELECT_NODE"}}]})", {})->message, "");
  EXPECT_NE(CheckStatement(R"({"error":false,"statements":[{"node":{"type":"NEW_NODE"}}]})", {})->message, "");
  EXPECT_NE(CheckStatement(R"({"error":false,"statements":[]})", {})->message, "");
  EXPECT_NE(CheckStatement(R"({"error":true,"error_message":"no"})", {})->message, "");
  EXPECT_NE(CheckStatement(R"({"statements":[{"node":{"class":"FUNCTION","function_name":"lower"}}]})", {})->message, "");
  EXPECT_NE(
      CheckStatement(R"({"statements":[{"node":{"type":"FUNCTION","class":"FUNCTION","function_name":"getenv"}}]})", {})->message,
      "");
  EXPECT_FALSE(CheckStatement("{", {}).ok());
}

TEST(Gate, AdmitsSharesOfRowsAndFewGroupingSetsOnly) {
  const auto message = [](const std::string& member) {
    return CheckStatement(R"({"error":false,"statements":[{"node":{"type":"SELECT_NODE",)" + member + "}}]}", {})->message;
  };
  const std::string size = R"("sample_size":{"type":{"id":"DOUBLE"},"value":10.0})";
  EXPECT_EQ(message(R"("sample":{)" + size + R"(,"is_percentage":true,"method":"Bernoulli","seed":-1})"), "");
  EXPECT_NE(message(R"("sample":{)" + size + R"(,"is_percentage":false,"method":"Bernoulli","seed":-1})"), "");
  EXPECT_NE(message(R"("sample":{)" + size + R"(,"is_percentage":true,"method":"Reservoir","seed":-1})"), "");
  EXPECT_NE(message(R"("sample":{)" + size + R"(,"is_percentage":true,"method":"Bernoulli","seed":3})"), "");
  EXPECT_NE(message(R"("sample":{"is_percentage":true,"method":"Bernoulli","seed":-1})"), "");
  std::string sets = "[0]";
  for (int i = 1; i < 4096; ++i) sets += ",[0]";
  EXPECT_EQ(message(R"("group_sets":[)" + sets + "]"), "");
  EXPECT_NE(message(R"("group_sets":[)" + sets + ",[0]]"), "");
}

TEST(Gate, FunctionsOfTheRowsAreAllowedAndOthersAreNot) {
  for (const std::string_view name :
       {"lower", "regexp_matches", "list_filter", "count_star", "||", "+", "date_trunc", "array_extract"}) {
    EXPECT_TRUE(EngineFunctionAllowed(name)) << name;
  }
  for (const std::string_view name :
       {"", "getenv", "current_setting", "read_text", "nextval", "query", "json_serialize_sql", "getvariable"}) {
    EXPECT_FALSE(EngineFunctionAllowed(name)) << name;
  }
}

}  // namespace
}  // namespace dicomhouse::query
