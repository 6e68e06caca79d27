#include "warehouse/warehouse.h"

#include <gmock/gmock.h>

#include "table_maker.h"

namespace dicomhouse::warehouse {
namespace {

using base::ErrorCode;
using table::Mode;
using table::Type;
using testing::HasSubstr;
using testing::Not;

const TableName kName{"local", "dicom", "metadata"};

class WarehouseTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  Warehouse warehouse_{folder_.path()};

  std::string TableFile(const std::string& relative) const { return warehouse_.TableFolder(kName) + "/" + relative; }
  // All files of the table, hidden ones too.
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    if (!std::filesystem::exists(warehouse_.TableFolder(kName))) return names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(warehouse_.TableFolder(kName))) {
      if (entry.is_regular_file()) names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(WarehouseTest, WhatIsWrittenIsRead) {
  const auto id = WriteRows(warehouse_, kName, Disposition::kEmpty, 5);
  ASSERT_OK(id);
  const auto snapshot = warehouse_.OpenTable(kName);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->id, *id);
  EXPECT_EQ(snapshot->rows, 5);
  ASSERT_EQ(snapshot->files.size(), 1U);
  EXPECT_EQ(ReadFile(snapshot->files[0].path), "part of 5");
  EXPECT_EQ(snapshot->files[0].path, snapshot->files[0].recorded_path);
  EXPECT_EQ(snapshot->files[0].sequence_number, 1);
  ASSERT_EQ(snapshot->schema.fields.size(), 1U);
  EXPECT_EQ(snapshot->schema.fields[0].id, 1);
  EXPECT_EQ(snapshot->summary.at("operation"), "append");
  EXPECT_EQ(snapshot->summary.at("total-records"), "5");
}

TEST_F(WarehouseTest, AppendAddsAndTruncateReplaces) {
  const auto first = WriteRows(warehouse_, kName, Disposition::kAppend, 5);
  ASSERT_OK(first);
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 7));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 12);
  EXPECT_EQ(warehouse_.OpenTable(kName)->files.size(), 2U);
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kTruncate, 2, Columns({Column("b")})));
  const auto now = warehouse_.OpenTable(kName);
  ASSERT_OK(now);
  EXPECT_EQ(now->rows, 2);
  EXPECT_EQ(now->summary.at("operation"), "overwrite");
  EXPECT_EQ(now->summary.at("deleted-records"), "12");
  ASSERT_EQ(now->schema.fields.size(), 1U);
  EXPECT_EQ(now->schema.fields[0].name, "b");
  EXPECT_EQ(now->schema.fields[0].id, 2) << "an id is never given twice";
  const auto old = warehouse_.OpenTable(kName, *first);
  ASSERT_OK(old);
  EXPECT_EQ(old->rows, 5);
  EXPECT_EQ(old->schema.fields[0].name, "a");
}

TEST_F(WarehouseTest, AnAppendWithAColumnThatDiffersInCaseOnlyIsRefused) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 5, Columns({Column("rows")})));
  const auto appended = WriteRows(warehouse_, kName, Disposition::kAppend, 5, Columns({Column("Rows")}));
  ASSERT_FALSE(appended.ok());
  EXPECT_EQ(appended.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(appended.error().message, HasSubstr("ows' have the same name but for upper and lower case"));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 5);
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kTruncate, 2, Columns({Column("Rows")})));
}

TEST_F(WarehouseTest, AnAppendAfterAReplacementHasOnlyTheReplacement) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 5));
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kTruncate, 2));
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 3));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 5);
}

TEST_F(WarehouseTest, EmptyAndCreateRefuseATableWithRows) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kCreate, 5));
  const auto empty = WriteRows(warehouse_, kName, Disposition::kEmpty, 1);
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(empty.error().message,
            "table bq://local.dicom.metadata has 5 rows; it must be empty or not exist. Choose another name, append to it or "
            "replace it");
  const auto create = WriteRows(warehouse_, kName, Disposition::kCreate, 1);
  ASSERT_FALSE(create.ok());
  EXPECT_EQ(create.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(create.error().message, "table bq://local.dicom.metadata exists. Choose another name, append to it or replace it");
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 5);
}

TEST_F(WarehouseTest, EmptyAcceptsATableWithoutRowsAndCreateDoesNot) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kEmpty, 0));
  EXPECT_EQ(WriteRows(warehouse_, kName, Disposition::kCreate, 1).error().code, ErrorCode::kAlreadyExists);
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kEmpty, 4));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 4);
}

TEST_F(WarehouseTest, AVersionWithoutPartsIsATable) {
  auto write = Transaction::Begin(warehouse_, kName, Disposition::kEmpty);
  ASSERT_OK(write);
  const auto id =
      write->Commit(Columns({Column("a")}),
                    [](const table::Schema&) -> base::Result<std::vector<DataFile>> { return std::vector<DataFile>(); }, {}, {});
  ASSERT_OK(id);
  const auto snapshot = warehouse_.OpenTable(kName);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 0);
  EXPECT_EQ(snapshot->schema.fields.size(), 1U);
}

TEST_F(WarehouseTest, ATransactionWithoutCommitLeavesNothing) {
  {
    auto write = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
    ASSERT_OK(write);
    ASSERT_OK(WritePlaceholder(*write, warehouse_.files(), 1));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/" + kName.project)) << "folders around it that it made go too";
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  const auto before = Files();
  {
    auto write = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
    ASSERT_OK(write);
    ASSERT_OK(WritePlaceholder(*write, warehouse_.files(), 1));
  }
  EXPECT_EQ(Files(), before);
}

TEST_F(WarehouseTest, ColumnsGrowAndKeepTheirIds) {
  const auto nested = [](std::vector<table::Field> fields) {
    return Column("Seq", Type::kRecord, Mode::kRepeated, std::move(fields));
  };
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1, Columns({Column("A"), nested({Column("X")}), Column("Z")})));
  ASSERT_OK(WriteRows(
      warehouse_, kName, Disposition::kAppend, 1,
      Columns({Column("A"), Column("B", Type::kDate), nested({Column("W", Type::kFloat, Mode::kRepeated), Column("X")})})));
  const auto snapshot = warehouse_.OpenTable(kName);
  ASSERT_OK(snapshot);
  const auto& fields = snapshot->schema.fields;
  ASSERT_EQ(fields.size(), 4U);
  EXPECT_EQ(fields[0].name + fields[1].name + fields[2].name + fields[3].name, "ABSeqZ");
  EXPECT_EQ(fields[0].id, 1);
  EXPECT_EQ(fields[2].id, 2);
  EXPECT_EQ(fields[2].element_id, 3);
  ASSERT_EQ(fields[2].fields.size(), 2U);
  EXPECT_EQ(fields[2].fields[1].id, 4) << "X";
  EXPECT_EQ(fields[3].id, 5) << "Z";
  EXPECT_EQ(fields[1].id, 6) << "B";
  EXPECT_EQ(fields[2].fields[0].id, 7) << "W";
  EXPECT_EQ(fields[2].fields[0].element_id, 8);
}

TEST_F(WarehouseTest, AColumnOfAnotherTypeOrModeIsRefusedByName) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1,
                      Columns({Column("R", Type::kRecord, Mode::kNullable, {Column("X")})})));
  const auto type =
      WriteRows(warehouse_, kName, Disposition::kAppend, 1,
                Columns({Column("R", Type::kRecord, Mode::kNullable, {Column("X", Type::kInteger, Mode::kRepeated)})}));
  ASSERT_FALSE(type.ok());
  EXPECT_EQ(type.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(
      type.error().message,
      "table bq://local.dicom.metadata: column 'R.X' is STRING, NULLABLE in the table but INTEGER, REPEATED in the new data. "
      "Write to another table, or replace this one");
}

TEST_F(WarehouseTest, TwoAppendsAtOnceBothArrive) {
  auto one = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
  auto two = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
  ASSERT_OK(one);
  ASSERT_OK(two);
  const auto commit = [&](Transaction& write, const std::string& column) {
    const auto part = WritePlaceholder(write, warehouse_.files(), 1);
    int calls = 0;
    EXPECT_OK(write.Commit(Columns({Column(column)}),
                           [&](const table::Schema&) -> base::Result<std::vector<DataFile>> {
                             if (calls++ == 0 && column == "b") {
                               EXPECT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1, Columns({Column("c")})));
                             }
                             return std::vector{*part};
                           },
                           {}, {}));
    return calls;
  };
  EXPECT_EQ(commit(*one, "a"), 1);
  EXPECT_EQ(commit(*two, "b"), 2) << "the schema changed between: the part's ids must be made anew";
  const auto snapshot = warehouse_.OpenTable(kName);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 3);
  EXPECT_EQ(snapshot->schema.fields.size(), 3U);
  EXPECT_EQ(warehouse_.Versions(kName)->size(), 3U);
}

TEST_F(WarehouseTest, TheSlowerOfTwoReplacementsIsToldSo) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  for (const Disposition disposition : {Disposition::kTruncate, Disposition::kEmpty, Disposition::kCreate}) {
    const TableName name{"local", "dicom", "race" + std::to_string(static_cast<int>(disposition))};
    auto slow = Transaction::Begin(warehouse_, name, disposition);
    ASSERT_OK(slow);
    ASSERT_OK(WriteRows(warehouse_, name, disposition, 3));
    const auto part = WritePlaceholder(*slow, warehouse_.files(), 1);
    const auto late =
        slow->Commit(Columns({Column("a")}),
                     [&](const table::Schema&) -> base::Result<std::vector<DataFile>> { return std::vector{*part}; }, {}, {});
    ASSERT_FALSE(late.ok());
    EXPECT_EQ(late.error().code, ErrorCode::kConflict);
    EXPECT_THAT(late.error().message, HasSubstr("by somebody else during this write. Try again"));
    EXPECT_EQ(warehouse_.OpenTable(name)->rows, 3);
  }
}

class TakeBackTest : public WarehouseTest {
 protected:
  // Publishes `rows` rows and does not let go.
  std::optional<Transaction> Published(int64_t rows, Disposition disposition = Disposition::kAppend) {
    auto write = Transaction::Begin(warehouse_, kName, disposition);
    EXPECT_OK(write);
    const auto part = WritePlaceholder(*write, warehouse_.files(), rows);
    EXPECT_OK(write->Prepare(Columns({Column("b")}),
                             [part](const table::Schema&) -> base::Result<std::vector<DataFile>> { return std::vector{*part}; },
                             {}, {}));
    EXPECT_FALSE(write->published());
    EXPECT_OK(write->Publish());
    EXPECT_TRUE(write->published());
    return *std::move(write);
  }
};

TEST_F(TakeBackTest, ATableThatTheWriteMadeGoes) {
  {
    auto write = Published(5);
    EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 5);
    EXPECT_OK(write->TakeBack());
  }
  EXPECT_FALSE(warehouse_.TableExists(kName));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/" + kName.project));
}

TEST_F(TakeBackTest, TheVersionBeforeIsTheNewestAgain) {
  for (const Disposition disposition : {Disposition::kAppend, Disposition::kTruncate}) {
    const auto first = WriteRows(warehouse_, kName, disposition, 5);
    ASSERT_OK(first);
    const int64_t rows = warehouse_.OpenTable(kName)->rows;
    const size_t versions = warehouse_.Versions(kName)->size();
    { EXPECT_OK(Published(3, disposition)->TakeBack()); }
    const auto now = warehouse_.OpenTable(kName);
    ASSERT_OK(now);
    EXPECT_EQ(now->id, *first);
    EXPECT_EQ(now->rows, rows);
    EXPECT_EQ(now->schema.fields.size(), 1U);
    EXPECT_EQ(warehouse_.Versions(kName)->size(), versions);
    size_t parts = 0;
    const std::string data = warehouse_.TableFolder(kName) + "/data";
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(data)) ++parts;
    EXPECT_EQ(parts, versions) << "what was taken back is on the disk no more";
    // An id of a column that was taken back is not given again.
    ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1, Columns({Column("c")})));
    EXPECT_EQ(warehouse_.OpenTable(kName)->rows, rows + 1);
    ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kTruncate, 1));
    ASSERT_OK(warehouse_.Expire(kName, 1, INT64_MAX));
  }
}

TEST_F(TakeBackTest, WhatSomebodyElseHasBuiltUponStays) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 5));
  {
    auto write = Published(3);
    ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
    const auto back = write->TakeBack();
    ASSERT_FALSE(back.ok());
    EXPECT_EQ(back.error().code, ErrorCode::kConflict);
  }
  const auto now = warehouse_.OpenTable(kName);
  ASSERT_OK(now);
  EXPECT_EQ(now->rows, 9);
  for (const LiveFile& file : now->files) EXPECT_TRUE(std::filesystem::exists(file.path));
}

TEST_F(TakeBackTest, AnotherWriterOfANewTableGoesOn) {
  auto other = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
  ASSERT_OK(other);
  const auto part = WritePlaceholder(*other, warehouse_.files(), 7);
  { EXPECT_OK(Published(3)->TakeBack()); }
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 0);
  EXPECT_OK(other->Commit(Columns({Column("a")}),
                          [&](const table::Schema&) -> base::Result<std::vector<DataFile>> { return std::vector{*part}; }, {},
                          {}));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 7);
}

TEST_F(WarehouseTest, RemovedRowsAreInADeleteFile) {
  auto write = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
  ASSERT_OK(write);
  const std::string path = write->NewDataPath();
  const auto commit = [&](const table::Schema& schema) -> base::Result<std::vector<DataFile>> {
    DH_ASSIGN(DataFile part, WritePart(*write, path, "SELECT i AS a FROM range(10) t(i)", schema.fields));
    return std::vector{part};
  };
  ASSERT_OK(write->Commit(Columns({Column("a", Type::kInteger)}), commit, {{path, 7}, {path, 2}, {path, 7}}, {}));
  const auto snapshot = warehouse_.OpenTable(kName);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 8);
  ASSERT_EQ(snapshot->deletes.size(), 1U);
  EXPECT_FALSE(snapshot->deletes[0].equality);
  EXPECT_EQ(Ask("SELECT * FROM read_parquet('" + snapshot->deletes[0].path + "')"),
            snapshot->files[0].recorded_path + "|2\n" + snapshot->files[0].recorded_path + "|7\n");
  EXPECT_EQ(warehouse_.Versions(kName)->at(0).total_rows, 8);
}

TEST_F(WarehouseTest, AMovedWarehouseIsReadAndAppendedTo) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 5));
  TemporaryFolder other;
  std::filesystem::rename(folder_.path() + "/local", other.path() + "/local");
  const Warehouse moved(other.path());
  ASSERT_OK(WriteRows(moved, kName, Disposition::kAppend, 6));
  const auto snapshot = moved.OpenTable(kName);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 11);
  for (const LiveFile& file : snapshot->files) EXPECT_THAT(file.path, testing::StartsWith(other.path()));
}

TEST_F(WarehouseTest, RelocateRecordsTheNewPlace) {
  auto write = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
  const std::string path = write->NewDataPath();
  ASSERT_OK(write->Commit(Columns({Column("a", Type::kInteger)}),
                          [&](const table::Schema& schema) -> base::Result<std::vector<DataFile>> {
                            DH_ASSIGN(DataFile part, WritePart(*write, path, "SELECT i AS a FROM range(10) t(i)", schema.fields));
                            return std::vector{part};
                          },
                          {{path, 7}}, {}));
  TemporaryFolder other;
  std::filesystem::rename(folder_.path() + "/local", other.path() + "/local");
  const Warehouse moved(other.path());
  ASSERT_OK(moved.Relocate(kName));
  const auto snapshot = moved.OpenTable(kName);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 9);
  EXPECT_EQ(snapshot->files[0].path, snapshot->files[0].recorded_path);
  EXPECT_EQ(Ask("SELECT * FROM read_parquet('" + snapshot->deletes[0].path + "')"), snapshot->files[0].path + "|7\n");
  EXPECT_THAT(ReadFile(moved.TableFolder(kName) + "/metadata/v2.metadata.json"), Not(HasSubstr(folder_.path())));
}

TEST_F(WarehouseTest, ExpireRemovesWhatNoVersionNames) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 5));
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kTruncate, 6));
  const auto last = WriteRows(warehouse_, kName, Disposition::kAppend, 7);
  ASSERT_OK(last);
  const auto removed = warehouse_.Expire(kName, 1, INT64_MAX);
  ASSERT_OK(removed);
  EXPECT_EQ(warehouse_.Versions(kName)->size(), 1U);
  const auto snapshot = warehouse_.OpenTable(kName);
  ASSERT_OK(snapshot);
  EXPECT_EQ(snapshot->rows, 13);
  for (const LiveFile& file : snapshot->files) EXPECT_TRUE(std::filesystem::exists(file.path));
  // Two parts, their two manifests, the manifest list; two metadata files; the hint; the lock.
  EXPECT_EQ(Files().size(), 2U + 2U + 1U + 2U + 1U + 1U) << testing::PrintToString(Files());
  EXPECT_EQ(*warehouse_.Expire(kName, 1, INT64_MAX), 0);
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
}

TEST_F(WarehouseTest, ExpireKeepsYoungVersionsAndTheLast) {
  for (int i = 0; i < 4; ++i) ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  ASSERT_OK(warehouse_.Expire(kName, 1, 0));
  EXPECT_EQ(warehouse_.Versions(kName)->size(), 4U);
  ASSERT_OK(warehouse_.Expire(kName, 3, INT64_MAX));
  EXPECT_EQ(warehouse_.Versions(kName)->size(), 3U);
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 4);
}

TEST_F(WarehouseTest, DropRemovesTheTableButNotUnderAWriter) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  {
    auto write = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
    ASSERT_OK(write);
    const auto drop = warehouse_.Drop(kName);
    ASSERT_FALSE(drop.ok());
    EXPECT_EQ(drop.error().code, ErrorCode::kConflict);
  }
  ASSERT_OK(warehouse_.Drop(kName));
  EXPECT_FALSE(warehouse_.TableExists(kName));
  EXPECT_TRUE(warehouse_.ListTables()->empty());
  EXPECT_EQ(warehouse_.Drop(kName).error().code, ErrorCode::kNotFound);
}

TEST_F(WarehouseTest, ListsTablesByNameAndPassesOverOtherFolders) {
  ASSERT_OK(WriteRows(warehouse_, {"p", "d", "b"}, Disposition::kAppend, 2));
  ASSERT_OK(WriteRows(warehouse_, {"p", "d", "a"}, Disposition::kAppend, 3));
  std::filesystem::create_directories(folder_.path() + "/p/d/nothing/data");
  std::filesystem::create_directories(folder_.path() + "/p/.git/x/metadata");
  WriteFile(folder_.path() + "/p/file", "");
  const auto tables = warehouse_.ListTables();
  ASSERT_OK(tables);
  ASSERT_EQ(tables->size(), 2U);
  EXPECT_EQ((*tables)[0].name.Text(), "p.d.a");
  EXPECT_EQ((*tables)[0].rows, 3);
  EXPECT_GT((*tables)[0].bytes, 0);
  EXPECT_EQ((*tables)[1].rows, 2);
}

TEST_F(WarehouseTest, AnUnknownTableIsNamedWithItsNeighbours) {
  EXPECT_THAT(warehouse_.OpenTable(kName).error().message, HasSubstr("which has no tables"));
  ASSERT_OK(WriteRows(warehouse_, {"local", "dicom", "metadatas"}, Disposition::kAppend, 2));
  const auto missing = warehouse_.OpenTable(kName);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("The nearest: bq://local.dicom.metadatas"));
}

TEST_F(WarehouseTest, OrphansOfADeadWriterGoWithTheNextOne) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  const auto before = Files();
  const std::string dead(32, 'd');
  WriteFile(TableFile("metadata/.writing-" + dead), "");
  WriteFile(TableFile("data/00000-" + dead + ".parquet"), "part");
  WriteFile(TableFile("metadata/" + dead + "-m1-0.avro"), "manifest");
  WriteFile(TableFile("metadata/." + dead), "{");
  WriteFile(TableFile("data/other.parquet"), "not ours");
  {
    auto write = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
    ASSERT_OK(write);
  }
  auto expected = before;
  expected.push_back("other.parquet");
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(Files(), expected);
}

TEST_F(WarehouseTest, PartsOfALivingWriterStay) {
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  auto living = Transaction::Begin(warehouse_, kName, Disposition::kAppend);
  ASSERT_OK(living);
  const auto part = WritePlaceholder(*living, warehouse_.files(), 4);
  ASSERT_OK(part);
  ASSERT_OK(WriteRows(warehouse_, kName, Disposition::kAppend, 1));
  ASSERT_OK(warehouse_.Expire(kName, 1, INT64_MAX));
  ASSERT_OK(living->Commit(Columns({Column("a")}),
                           [&](const table::Schema&) -> base::Result<std::vector<DataFile>> { return std::vector{*part}; }, {},
                           {}));
  EXPECT_EQ(warehouse_.OpenTable(kName)->rows, 6);
}

}  // namespace
}  // namespace dicomhouse::warehouse
