// What other engines leave in a table's folder, and what damage looks like.
#include "warehouse/internal/metadata.h"

#include <gmock/gmock.h>

#include <random>

#include "table_maker.h"
#include "tests/support/deflate.h"
#include "warehouse/internal/table_folder.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {
namespace {

using base::ErrorCode;
using base::Json;
using table::Mode;
using table::Type;
using testing::HasSubstr;

const TableName kName{"local", "dicom", "metadata"};

class MetadataTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 5)); }
  std::string File(const std::string& relative) const { return warehouse_.TableFolder(kName) + "/" + relative; }
  // Changes the JSON of version 1.
  void Change(const std::function<void(Json&)>& change) {
    auto json = Json::Parse(ReadFile(File("metadata/v1.metadata.json")));
    ASSERT_OK(json);
    change(*json);
    WriteFile(File("metadata/v1.metadata.json"), json->Print());
  }
  // The message for a table whose metadata was changed.
  std::string Message(const std::function<void(Json&)>& change, ErrorCode code) {
    const std::string before = ReadFile(File("metadata/v1.metadata.json"));
    Change(change);
    const auto snapshot = warehouse_.OpenTable(kName);
    WriteFile(File("metadata/v1.metadata.json"), before);
    if (snapshot.ok()) return "read";
    EXPECT_EQ(snapshot.error().code, code) << snapshot.error().message;
    EXPECT_THAT(snapshot.error().message, HasSubstr("v1.metadata.json"));
    return snapshot.error().message;
  }

  TemporaryFolder folder_;
  Warehouse warehouse_{folder_.path()};
};

TEST_F(MetadataTest, AStaleOrMissingHintIsNoMatter) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  for (const char* hint : {"1", "2\n", "", "nonsense", "99999999999999999999"}) {
    WriteFile(File("metadata/version-hint.text"), hint);
    const auto snapshot = warehouse_.OpenTable(kName);
    ASSERT_OK(snapshot);
    EXPECT_EQ(snapshot->rows, 6);
  }
  std::filesystem::remove(File("metadata/version-hint.text"));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 6);
}

TEST_F(MetadataTest, AHintToALostVersionIsDamage) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  std::filesystem::remove(File("metadata/v2.metadata.json"));
  const auto snapshot = warehouse_.OpenTable(kName);
  ASSERT_FALSE(snapshot.ok());
  EXPECT_EQ(snapshot.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(snapshot.error().message,
              HasSubstr("version-hint.text names version 2, but the newest metadata file is v1.metadata.json"));
}

TEST_F(MetadataTest, ReadsAndContinuesGzippedMetadata) {
  const std::string text = ReadFile(File("metadata/v1.metadata.json"));
  std::filesystem::remove(File("metadata/v1.metadata.json"));
  WriteFile(File("metadata/v1.gz.metadata.json"), test_support::Gzip(text));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 5);
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 6);
  // Two files of the same version: nobody can say which is the table.
  WriteFile(File("metadata/v2.gz.metadata.json"), test_support::Gzip(text));
  EXPECT_THAT(warehouse_.OpenTable(kName).error().message, HasSubstr("two metadata files claim to be version 2"));
}

TEST_F(MetadataTest, ATableOfACatalogServiceIsReadButNotWritten) {
  std::filesystem::rename(File("metadata/v1.metadata.json"),
                          File("metadata/00001-9c12d441-03fe-4693-9a96-a0705ddf69c1.metadata.json"));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 5);
  const auto append = WriteRows(warehouse_, kName, Disposition::kAppend, 1);
  EXPECT_EQ(append.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(append.error().message, HasSubstr("a catalog service keeps this table"));
}

TEST_F(MetadataTest, WhatOtherEnginesNotedStays) {
  Change([](Json& json) {
    json.Set("x-unknown", Json::MakeObject().Set("deep", Json(Json::Array{Json(1), Json("two")})));
    Json properties = json["properties"];
    properties.Set("owner", "somebody");
    json.Set("properties", properties);
    Json schemas = json["schemas"];
    Json field = schemas.array()[0]["fields"].array()[0];
    field.Set("doc", "what it is");
    schemas.array()[0].Set("fields", Json(Json::Array{field}));
    json.Set("schemas", schemas);
  });
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1, Columns({Column("new"), Column("a")})));
  const auto json = Json::Parse(ReadFile(File("metadata/v2.metadata.json")));
  ASSERT_OK(json);
  EXPECT_EQ((*json)["x-unknown"].Print(), R"({"deep":[1,"two"]})");
  EXPECT_EQ((*json)["properties"]["owner"].as_string(), "somebody");
  EXPECT_EQ((*json)["schemas"].array()[1]["fields"].array()[1]["doc"].as_string(), "what it is");
  EXPECT_EQ((*json)["metadata-log"].array().size(), 1U);
  EXPECT_EQ((*json)["snapshot-log"].array().size(), 2U);
}

TEST_F(MetadataTest, AVersionIsFoundByTheTimeAtWhichItWasCurrent) {
  const VersionInfo first = warehouse_.Versions(kName)->at(0);
  const int64_t time = first.timestamp_ms;
  EXPECT_EQ(*warehouse_.VersionAt(kName, time), first.snapshot_id);
  EXPECT_EQ(*warehouse_.VersionAt(kName, INT64_MAX), first.snapshot_id);
  const auto before = warehouse_.VersionAt(kName, time - 1);
  ASSERT_FALSE(before.ok());
  EXPECT_EQ(before.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(before.error().message, HasSubstr("did not exist then"));
  const auto second = WriteRows(warehouse_, kName, Disposition::kAppend, 1);
  ASSERT_OK(second);
  const std::string file = File("metadata/v2.metadata.json");
  const auto log = [&](const std::vector<std::pair<int64_t, int64_t>>& changes) {
    auto json = Json::Parse(ReadFile(file));
    ASSERT_OK(json);
    Json list = Json::MakeArray();
    for (const auto& [at, id] : changes) list.Append(Json::MakeObject().Set("timestamp-ms", at).Set("snapshot-id", id));
    json->Set("snapshot-log", list);
    WriteFile(file, json->Print());
  };
  // Another engine went back to the first version.
  log({{time, first.snapshot_id}, {time + 10, *second}, {time + 20, first.snapshot_id}});
  EXPECT_EQ(*warehouse_.VersionAt(kName, time + 9), first.snapshot_id);
  EXPECT_EQ(*warehouse_.VersionAt(kName, time + 10), *second);
  EXPECT_EQ(*warehouse_.VersionAt(kName, time + 20), first.snapshot_id);
  log({});
  EXPECT_EQ(*warehouse_.VersionAt(kName, INT64_MAX), *second);
  log({{time + 10, *second}});
  const auto expired = warehouse_.VersionAt(kName, time);
  ASSERT_FALSE(expired.ok());
  EXPECT_THAT(expired.error().message, HasSubstr("has expired: the oldest that is left is of "));
  EXPECT_THAT(warehouse_.VersionAt({"local", "dicom", "other"}, time).error().message, HasSubstr("there is no table"));
}

TEST_F(MetadataTest, ForeignTypesAreMappedOrNamed) {
  const auto type = [](const std::string& iceberg) {
    const auto json = Json::Parse(R"({"type":"struct","fields":[{"id":1,"name":"c","required":false,"type":)" + iceberg + "}]}");
    const auto schema = SchemaFromJson(*json, "f");
    if (!schema.ok()) return schema.error().message;
    const table::Field& field = schema->fields[0];
    return std::string(table::TypeName(field.type)) + " " + std::string(table::ModeName(field.mode)) + " " + field.foreign_type;
  };
  EXPECT_EQ(type(R"("long")"), "INTEGER NULLABLE ");
  EXPECT_EQ(type(R"("int")"), "INTEGER NULLABLE int");
  EXPECT_EQ(type(R"("float")"), "FLOAT NULLABLE float");
  EXPECT_EQ(type(R"x("decimal(9, 2)")x"), "STRING NULLABLE decimal(9, 2)");
  EXPECT_EQ(type(R"("uuid")"), "STRING NULLABLE uuid");
  EXPECT_EQ(type(R"("timestamp")"), "TIMESTAMP NULLABLE timestamp");
  EXPECT_EQ(type(R"("fixed[16]")"), "BYTES NULLABLE fixed[16]");
  EXPECT_EQ(type(R"({"type":"map","key-id":2,"key":"string","value-id":3,"value":"long","value-required":false})"),
            "RECORD REPEATED map");
  EXPECT_EQ(type(R"({"type":"list","element-id":2,"element-required":false,"element":"int"})"), "INTEGER REPEATED int");
  EXPECT_EQ(type(R"("variant")"), "f: column 'c' has the Iceberg type 'variant', which is not supported");
  EXPECT_EQ(type(R"({"type":"list","element-id":2,"element":{"type":"list","element-id":3,"element":"int"}})"),
            "f: column 'c' has the Iceberg type 'list of lists', which is not supported");
  EXPECT_EQ(type(R"({"type":"list","element-id":1,"element":"int"})"), "f: schemas: column 'c': field id 1 is there twice");
}

TEST_F(MetadataTest, IntAndFloatAreWidenedOnAppend) {
  const auto existing = Json::Parse(
      R"({"type":"struct","fields":[{"id":1,"name":"i","required":false,"type":"int"},{"id":2,"name":"f","required":false,"type":"float"}]})");
  const auto grown = AppendColumns(*existing, Columns({Column("f", Type::kFloat), Column("i", Type::kInteger)}), 2);
  ASSERT_OK(grown);
  EXPECT_EQ(grown->json["fields"].Print(),
            R"([{"id":2,"name":"f","required":false,"type":"double"},{"id":1,"name":"i","required":false,"type":"long"}])");
  const auto clash = AppendColumns(*existing, Columns({Column("i", Type::kString)}), 2);
  ASSERT_FALSE(clash.ok());
  EXPECT_EQ(clash.error().message,
            "column 'i' is INTEGER (Iceberg int), NULLABLE in the table but STRING, NULLABLE in the new data. "
            "Write to another table, or replace this one");
}

TEST_F(MetadataTest, AColumnThatMustNotBeNullIsRefused) {
  const auto existing = Json::Parse(R"({"type":"struct","fields":[{"id":1,"name":"i","required":true,"type":"long"}]})");
  const auto grown = AppendColumns(*existing, Columns({Column("j")}), 1);
  ASSERT_FALSE(grown.ok());
  EXPECT_EQ(grown.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(grown.error().message, HasSubstr("column 'i' is NOT NULL in the table"));
}

TEST_F(MetadataTest, APartitionedTableIsReadButNotAppendedTo) {
  Change([](Json& json) {
    const auto specs =
        Json::Parse(R"([{"spec-id":0,"fields":[{"name":"a","transform":"identity","source-id":1,"field-id":1000}]}])");
    json.Set("partition-specs", *specs);
  });
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 5);
  for (const auto disposition : {Disposition::kAppend, Disposition::kTruncate}) {
    const auto write = WriteRows(warehouse_, kName, disposition, 1);
    EXPECT_EQ(write.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(write.error().message, HasSubstr("the table is partitioned"));
  }
}

TEST_F(MetadataTest, DamageIsNamedByFileAndField) {
  const auto missing = [](const char* field) { return [field](Json& json) { json.Remove(field); }; };
  EXPECT_THAT(Message(missing("format-version"), ErrorCode::kCorrupt), HasSubstr("'format-version' is missing or wrong"));
  EXPECT_THAT(Message(missing("location"), ErrorCode::kCorrupt), HasSubstr("'location' is missing"));
  EXPECT_THAT(Message(missing("last-column-id"), ErrorCode::kCorrupt), HasSubstr("'last-column-id' is missing"));
  EXPECT_THAT(Message(missing("snapshots"), ErrorCode::kCorrupt), HasSubstr("'current-snapshot-id'"));
  EXPECT_THAT(Message([](Json& json) { json.Set("format-version", 3); }, ErrorCode::kUnsupported),
              HasSubstr("Iceberg format version 3"));
  EXPECT_THAT(Message([](Json& json) { json.Set("current-schema-id", 7); }, ErrorCode::kCorrupt),
              HasSubstr("'current-schema-id'"));
  EXPECT_THAT(Message([](Json& json) { json = Json::MakeArray(); }, ErrorCode::kCorrupt), HasSubstr("not a JSON object"));
}

TEST_F(MetadataTest, LostOrCutFilesAreNamed) {
  const auto snapshot = warehouse_.OpenTable(kName);
  ASSERT_OK(snapshot);
  for (const auto& entry : std::filesystem::directory_iterator(File("metadata"))) {
    if (entry.path().extension() != ".avro") continue;
    const std::string bytes = ReadFile(entry.path());
    WriteFile(entry.path(), bytes.substr(0, bytes.size() / 2));
    const auto cut = warehouse_.OpenTable(kName);
    ASSERT_FALSE(cut.ok());
    EXPECT_EQ(cut.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(cut.error().message, HasSubstr(entry.path().filename().string()));
    std::filesystem::remove(entry.path());
    const auto lost = warehouse_.OpenTable(kName);
    EXPECT_EQ(lost.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(lost.error().message, HasSubstr(entry.path().filename().string()));
    WriteFile(entry.path(), bytes);
  }
}

TEST_F(MetadataTest, EveryChangedByteIsRefusedOrRead) {
  const std::string text = ReadFile(File("metadata/v1.metadata.json"));
  std::mt19937 random(11);
  for (int round = 0; round < 1500; ++round) {
    std::string changed = text;
    changed[random() % changed.size()] = static_cast<char>(random());
    WriteFile(File("metadata/v1.metadata.json"), changed);
    (void)warehouse_.OpenTable(kName);
    (void)warehouse_.ListTables();
  }
}

TEST(PathMap, MapsARecordedPlaceToTheFolderNow) {
  for (const char* location : {"/old/table", "file:/old/table", "file:///old/table/", "file://localhost/old/table"}) {
    const PathMap paths(location, "/new/table");
    for (const char* recorded : {"/old/table/data/x.parquet", "file:/old/table/data/x.parquet",
                                 "file:///old/table//data/x.parquet", "/new/table/data/x.parquet"}) {
      const auto absolute = paths.Absolute(recorded);
      ASSERT_OK(absolute);
      EXPECT_EQ(*absolute, "/new/table/data/x.parquet");
    }
  }
  EXPECT_EQ(*PathMap("s3a://bucket/t", "/new").Absolute("s3a://bucket/t/data/x"), "/new/data/x");
}

TEST(PathMap, RefusesPathsThatLeaveTheTable) {
  const PathMap paths("/old/table", "/new/table");
  EXPECT_EQ(paths.Absolute("/etc/passwd").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(paths.Absolute("/old/tablex/data").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(paths.Absolute("/old/table/../x").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(paths.Absolute("data/x").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(paths.Absolute("s3://other/data/x").error().code, ErrorCode::kUnsupported);
}

TEST(MetadataNames, AreToldFromOtherFiles) {
  EXPECT_EQ(ParseMetadataName("v12.metadata.json")->version, 12);
  EXPECT_EQ(ParseMetadataName("v3.gz.metadata.json")->version, 3);
  EXPECT_EQ(ParseMetadataName("v3.metadata.json.gz")->version, 3);
  EXPECT_FALSE(ParseMetadataName("00003-a-b.metadata.json")->file_system);
  for (const char* other : {"v.metadata.json", "v1x.metadata.json", "v-1.metadata.json", "version-hint.text", ".v1.metadata.json",
                            "metadata.json", "v99999999999999999999.metadata.json"}) {
    EXPECT_FALSE(ParseMetadataName(other)) << other;
  }
}

}  // namespace
}  // namespace dicomhouse::warehouse
