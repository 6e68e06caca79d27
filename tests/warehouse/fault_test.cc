// Every operation of a write fails once, or is the last one before the process dies: the table is the old one or the new
// one, it can be read and written, and nothing that was left behind harms.
#include <gmock/gmock.h>

#include <set>

#include "table_maker.h"
#include "tests/base/faulty_file_system.h"
#include "warehouse/internal/table_state.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {
namespace {

using base::FaultyFileSystem;

const TableName kName{"local", "dicom", "metadata"};
constexpr int kMostOperations = 400;

struct Case {
  const char* name;
  bool exists;  // the table, with 5 rows
  Disposition disposition;
  int64_t rows_after;
  friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
};

class FaultTest : public testing::TestWithParam<Case> {
 protected:
  // Writes a part of 7 rows, one of them removed, through `files`.
  static base::Result<int64_t> WriteSeven(const std::string& folder, FaultyFileSystem& files, Disposition disposition) {
    const Warehouse warehouse(folder, files);
    DH_ASSIGN(Transaction write, Transaction::Begin(warehouse, kName, disposition));
    DH_ASSIGN(DataFile part, WritePlaceholder(write, files, 7));
    return write.Commit(Columns({Column("a"), Column("b")}),
                        [&](const table::Schema&) -> base::Result<std::vector<DataFile>> { return std::vector{part}; },
                        {{warehouse.TableFolder(kName) + "/" + part.path, 3}}, {});
  }

  static int64_t RowsNow(const Warehouse& warehouse) {
    const auto snapshot = warehouse.OpenTable(kName);
    if (!snapshot.ok()) {
      EXPECT_FALSE(warehouse.TableExists(kName)) << snapshot.error().message;
      return -1;
    }
    for (const LiveFile& file : snapshot->files) EXPECT_TRUE(std::filesystem::exists(file.path)) << file.path;
    for (const DeleteFile& file : snapshot->deletes) EXPECT_TRUE(std::filesystem::exists(file.path)) << file.path;
    return snapshot->rows;
  }

  // Files in the table's folder that no version names, beyond those that every table has.
  static std::set<std::string> Strays(const Warehouse& warehouse) {
    const std::string folder = warehouse.TableFolder(kName);
    std::set<std::string> found;
    if (!std::filesystem::exists(folder)) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string path = std::filesystem::relative(entry.path(), folder);
      if (entry.is_regular_file() && !ParseMetadataName(entry.path().filename())) found.insert(path);
    }
    found.erase("metadata/.lock");
    found.erase("metadata/version-hint.text");
    const auto state = LoadState(warehouse.files(), folder);
    if (!state.ok() || !state->has_value()) return found;
    for (const SnapshotEntry& snapshot : (*state)->metadata.snapshots()) {
      const auto named = FilesOfSnapshot(warehouse.files(), PathMap((*state)->metadata.location(), folder), snapshot);
      EXPECT_OK(named);
      for (const std::string& file : *named) found.erase(file);
    }
    return found;
  }

  // Makes the table as it was before; returns its rows, -1 for no table.
  static int64_t MakeOld(const Warehouse& warehouse) {
    if (!GetParam().exists) return -1;
    const int64_t rows = GetParam().disposition == Disposition::kEmpty ? 0 : 5;
    EXPECT_OK(WriteRows(warehouse, kName, Disposition::kAppend, rows));
    return rows;
  }

  // Returns false when operation `k` was never reached.
  static bool TryOne(int k, const std::function<void(FaultyFileSystem&)>& set) {
    SCOPED_TRACE("operation " + std::to_string(k));
    TemporaryFolder folder(MemoryFolder());
    const Warehouse warehouse(folder.path());
    const int64_t old_rows = MakeOld(warehouse);
    FaultyFileSystem files;
    set(files);
    const auto result = WriteSeven(folder.path(), files, GetParam().disposition);
    const bool reached = files.operations() >= k;
    const int64_t rows = RowsNow(warehouse);
    if (result.ok()) {
      EXPECT_EQ(rows, GetParam().rows_after);
    } else {
      EXPECT_TRUE(rows == old_rows || rows == GetParam().rows_after) << rows;
      if (rows == GetParam().rows_after) {
        EXPECT_THAT(result.error().message, testing::HasSubstr("new version is visible"));
      }
      EXPECT_THAT(result.error().message, testing::HasSubstr(folder.path())) << "an error says where";
    }
    // The next writer works, and cleans up after a dead one.
    EXPECT_OK(WriteRows(warehouse, kName, Disposition::kAppend, 1));
    EXPECT_EQ(RowsNow(warehouse), std::max<int64_t>(rows, 0) + 1);
    EXPECT_EQ(Strays(warehouse), std::set<std::string>());
    return reached;
  }
};

TEST_P(FaultTest, AnOperationThatFailsLeavesTheOldTableOrTheNew) {
  for (const auto fault : {FaultyFileSystem::Fault::kIoError, FaultyFileSystem::Fault::kNoSpace}) {
    int k = 1;
    while (k < kMostOperations && TryOne(k, [&](FaultyFileSystem& files) { files.FailAt(k, fault); })) ++k;
    EXPECT_GT(k, 30);
    EXPECT_LT(k, kMostOperations);
  }
}

TEST_P(FaultTest, AProcessThatDiesLeavesTheOldTableOrTheNew) {
  int k = 1;
  while (k < kMostOperations && TryOne(k, [&](FaultyFileSystem& files) { files.StopAt(k); })) ++k;
  EXPECT_GT(k, 30);
  EXPECT_LT(k, kMostOperations);
}

TEST_P(FaultTest, EverythingIsOnTheDiskBeforeTheVersionAppears) {
  TemporaryFolder folder;
  const Warehouse warehouse(folder.path());
  MakeOld(warehouse);
  FaultyFileSystem files;
  int links = 0;
  files.OnOperation([&](const std::string& what, const std::string&) {
    if (what != "Link") return;
    ++links;
    EXPECT_THAT(files.UnsyncedFiles(), testing::IsEmpty());
    EXPECT_THAT(files.UnsyncedNames(), testing::IsEmpty());
  });
  ASSERT_OK(WriteSeven(folder.path(), files, GetParam().disposition));
  EXPECT_EQ(links, 1);
  EXPECT_THAT(files.UnsyncedFiles(), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Writes, FaultTest,
                         testing::Values(Case{"FirstAppend", false, Disposition::kAppend, 6},
                                         Case{"Append", true, Disposition::kAppend, 11},
                                         Case{"Truncate", true, Disposition::kTruncate, 6},
                                         Case{"Empty", true, Disposition::kEmpty, 6},
                                         Case{"Create", false, Disposition::kCreate, 6}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(FaultTest, AnExpireThatDiesLeavesAReadableTable) {
  for (int k = 1; k < kMostOperations; ++k) {
    SCOPED_TRACE("operation " + std::to_string(k));
    TemporaryFolder folder(MemoryFolder());
    const Warehouse real(folder.path());
    ASSERT_OK(WriteRows(real, kName, Disposition::kAppend, 5));
    ASSERT_OK(WriteRows(real, kName, Disposition::kTruncate, 6));
    ASSERT_OK(WriteRows(real, kName, Disposition::kAppend, 7));
    FaultyFileSystem files;
    files.StopAt(k);
    const auto expired = Warehouse(folder.path(), files).Expire(kName, 1, INT64_MAX);
    const auto snapshot = real.OpenTable(kName);
    ASSERT_OK(snapshot);
    EXPECT_EQ(snapshot->rows, 13);
    for (const LiveFile& file : snapshot->files) EXPECT_TRUE(std::filesystem::exists(file.path));
    EXPECT_OK(WriteRows(real, kName, Disposition::kAppend, 1));
    EXPECT_OK(real.Expire(kName, 1, INT64_MAX));
    if (files.operations() < k) return;
  }
  ADD_FAILURE() << "more operations than expected";
}

}  // namespace
}  // namespace dicomhouse::warehouse
