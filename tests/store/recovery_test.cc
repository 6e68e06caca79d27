// The machine stops: files have what was synced, and anything of what was not. The index is put back to what it was at its last
// sync, segments are cut anywhere; what was acknowledged is there again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "store/internal/sqlite.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using testing::Facts;
using testing::Folder;
using testing::Get;
using ::testing::IsEmpty;
using testing::MakeInstance;
using testing::Put;
using testing::Receive;

constexpr int64_t kStore = 1;
constexpr auto kOverwrite = std::filesystem::copy_options::overwrite_existing;

Facts Number(int number, int version = 0) {
  Facts facts;
  facts.series = "1.2.3." + std::to_string(number % 3);
  facts.instance = facts.series + "." + std::to_string(number);
  facts.patient = "VERSION^" + std::to_string(version);
  facts.pixel_bytes = 500 + static_cast<size_t>(number) * 100;
  return facts;
}
InstanceKey KeyOf(const Facts& facts) { return {facts.study, facts.series, facts.instance}; }

std::unique_ptr<Instances> MustOpen(const std::string& folder) {
  auto opened = Instances::Open(folder, base::RealFileSystem());
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
  return opened.ok() ? *std::move(opened) : nullptr;
}

// One group of several instances.
void PutGroup(Instances& instances, const std::vector<Facts>& group) {
  std::vector<std::unique_ptr<Incoming>> all;
  for (const Facts& facts : group) all.push_back(*Receive(instances, kStore, MakeInstance(facts)));
  ASSERT_TRUE(instances.Commit(all, OnExisting::kReplace).ok());
}

// The index as the disk has it when nothing was synced since.
void CopyIndex(const std::string& from, const std::string& to) {
  std::filesystem::create_directories(to);
  for (const char* name : {"index.sqlite", "index.sqlite-wal"}) {
    std::filesystem::copy_file(from + "/" + name, to + "/" + name, kOverwrite);
  }
}
void CopySegments(const std::string& from, const std::string& to) {
  for (const char* name : {"segments", "headers", "large"}) {
    std::filesystem::remove_all(to + "/" + name);
    std::filesystem::copy(from + "/" + name, to + "/" + name, std::filesystem::copy_options::recursive);
  }
}

// Where the records of the log end: zeros may have been written ahead of it.
uint64_t EndOfLog(const std::string& folder) {
  std::ifstream file(folder + "/segments/00000001.seg", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return (bytes.find_last_not_of('\0') / 8 + 1) * 8;
}

void ExpectWhole(Instances& instances) {
  const auto count = instances.Verify([](const std::string& line) { ADD_FAILURE() << line; });
  EXPECT_TRUE(count.ok()) << (count.ok() ? "" : count.error().message);
}
void ExpectThere(Instances& instances, const Facts& facts) {
  const auto found = Get(instances, kStore, KeyOf(facts));
  ASSERT_TRUE(found.ok()) << facts.instance;
  EXPECT_TRUE(*found == MakeInstance(facts)) << facts.instance;
}
bool IsThere(Instances& instances, const Facts& facts) { return instances.Find(kStore, KeyOf(facts)).ok(); }

TEST(StoreRecovery, WhatTheIndexLostIsReadFromTheLogAgain) {
  const Folder folder;
  const Folder after;
  {
    auto instances = MustOpen(folder.path());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(1))).ok());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(2))).ok());
    ASSERT_TRUE(instances->Delete(kStore, KeyOf(Number(2))).ok());  // syncs the index
    CopyIndex(folder.path(), after.path());
    const auto snapshot = instances->TakeSnapshot(kStore);  // space is given back after it, and the index synced before
    for (int i = 3; i < 20; ++i) ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(i))).ok());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(1, 1)), OnExisting::kReplace).ok());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(4, 1)), OnExisting::kReplace).ok());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(4, 2)), OnExisting::kReplace).ok());
    CopySegments(folder.path(), after.path());
  }
  for (int round = 0; round < 2; ++round) {
    auto instances = MustOpen(after.path());
    EXPECT_FALSE(IsThere(*instances, Number(2)));
    ExpectThere(*instances, Number(1, 1));
    ExpectThere(*instances, Number(4, 2));
    for (int i = 5; i < 20; ++i) ExpectThere(*instances, Number(i));
    EXPECT_EQ(instances->Metrics(kStore)->instances, 18);
    EXPECT_EQ(instances->Metrics(kStore)->series, 3);
    ExpectWhole(*instances);
    // The log goes on: each change has a number of its own, and they ascend.
    const auto changes = instances->Changes(kStore, 0, 1000);
    ASSERT_TRUE(changes.ok());
    EXPECT_TRUE(
        std::is_sorted(changes->begin(), changes->end(), [](const Change& a, const Change& b) { return a.number <= b.number; }));
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(1, 1)), OnExisting::kReplace).ok());
  }
}

TEST(StoreRecovery, ZerosAreWrittenAheadOfTheLogAndAreNoRecords) {
  const Folder folder;
  const Folder after;
  const std::string log = "/segments/00000001.seg";
  {
    auto instances = MustOpen(folder.path());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(0))).ok());
    CopyIndex(folder.path(), after.path());
    const uint64_t size = std::filesystem::file_size(folder.path() + log);
    for (int i = 1; i < 20; ++i) ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(i))).ok());
    EXPECT_EQ(std::filesystem::file_size(folder.path() + log), size);  // no sync of a size
    EXPECT_GT(size, EndOfLog(folder.path()) + 1000);
    ExpectWhole(*instances);
    CopySegments(folder.path(), after.path());
  }
  EXPECT_EQ(std::filesystem::file_size(folder.path() + log), EndOfLog(folder.path()));  // closed
  const Folder rebuilt;
  CopySegments(after.path(), rebuilt.path());
  const auto result = RebuildIndex(rebuilt.path(), base::RealFileSystem(), [](size_t, size_t) {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->instances, 20);
  EXPECT_THAT(result->damaged, IsEmpty());
  for (const std::string& path : {after.path(), rebuilt.path()}) {
    auto instances = MustOpen(path);
    for (int i = 0; i < 20; ++i) ExpectThere(*instances, Number(i));
    ExpectWhole(*instances);
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(20))).ok());
    instances.reset();
    instances = MustOpen(path);
    ExpectThere(*instances, Number(20));
    ExpectWhole(*instances);
  }
}

TEST(StoreRecovery, WhatIsAsNeededTakesNoZeros) {
  const Folder folder;
  std::vector<Facts> group;
  for (int i = 0; i < 100; ++i) group.push_back(Number(i));
  auto instances = MustOpen(folder.path());
  PutGroup(*instances, group);
  EXPECT_EQ(std::filesystem::file_size(folder.path() + "/segments/00000001.seg"), EndOfLog(folder.path()));
}

// A group whose sync was not through is the newest one: it is there or not. Damage in one before it costs the instance that is
// damaged, and no other.
TEST(StoreRecovery, ALogThatIsCutOrDamagedAnywhereGivesTheRest) {
  const Folder folder;
  const Folder before;
  uint64_t begin = 0;          // of the first group that the index may lose
  std::vector<uint64_t> ends;  // of each group
  {
    auto instances = MustOpen(folder.path());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(0))).ok());
    CopyIndex(folder.path(), before.path());
    begin = EndOfLog(folder.path());
    for (int group = 0; group < 4; ++group) {
      PutGroup(*instances, {Number(1 + 3 * group), Number(2 + 3 * group), Number(3 + 3 * group)});
      ends.push_back(EndOfLog(folder.path()));
    }
    CopySegments(folder.path(), before.path());
  }
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same each time
  for (int round = 0; round < 60; ++round) {
    const Folder after;
    CopyIndex(before.path(), after.path());
    CopySegments(before.path(), after.path());
    // Cut, in size or with zeros that were there before; or a page in it that never came to the disk.
    const std::string log = after.path() + "/segments/00000001.seg";
    const uint64_t bad = std::uniform_int_distribution<uint64_t>(begin, ends.back() - 1)(random);
    if (round % 2 == 0) {
      const uint64_t size = std::filesystem::file_size(log);
      std::filesystem::resize_file(log, bad);
      if (round % 4 == 0) std::filesystem::resize_file(log, size);
    } else {
      std::FILE* const file = std::fopen(log.c_str(), "r+b");
      std::fseek(file, static_cast<long>(bad), SEEK_SET);
      const int byte = std::fgetc(file);
      std::fseek(file, static_cast<long>(bad), SEEK_SET);
      std::fputc(byte ^ 0x20, file);
      std::fclose(file);
    }
    SCOPED_TRACE("byte " + std::to_string(bad));
    auto instances = MustOpen(after.path());
    for (int group = 0; group < 4; ++group) {
      const bool whole = ends[static_cast<size_t>(group)] <= bad;
      // Zeros behind a record are part of none: a change there may be of no consequence.
      const bool there = IsThere(*instances, Number(1 + 3 * group));
      if (whole || round % 2 == 0) {
        EXPECT_EQ(there, whole);
      }
      int missing = 0;
      for (int i = 1; i <= 3; ++i) {
        const Facts facts = Number(i + 3 * group);
        if (IsThere(*instances, facts)) {
          ExpectThere(*instances, facts);
        } else {
          ++missing;
        }
      }
      if (round % 2 == 0 || group == 3) {
        EXPECT_EQ(missing, there ? 0 : 3);
      } else {
        EXPECT_LE(missing, bad < ends[static_cast<size_t>(group)] && bad >= (group == 0 ? begin : ends[group - 1]) ? 1 : 0);
      }
    }
    ExpectWhole(*instances);
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(50))).ok());
    ExpectWhole(*instances);
  }
}

TEST(StoreRecovery, HeaderBytesThatWereLostAreMadeAgain) {
  const Folder folder;
  const Folder before;
  uint64_t synced = 0;
  {
    auto instances = MustOpen(folder.path());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(0))).ok());
    synced = std::filesystem::file_size(folder.path() + "/headers/00000001.hdr");
    const auto snapshot = instances->TakeSnapshot(kStore);  // space is given back after it, and header bytes synced before
    for (int i = 1; i < 12; ++i) ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(i))).ok());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(5, 1)), OnExisting::kReplace).ok());
    CopyIndex(folder.path(), before.path());
    CopySegments(folder.path(), before.path());
  }
  const uint64_t size = std::filesystem::file_size(before.path() + "/headers/00000001.hdr");
  for (uint64_t end = synced; end < size; end += 333) {
    SCOPED_TRACE(end);
    const Folder after;
    CopyIndex(before.path(), after.path());
    CopySegments(before.path(), after.path());
    std::filesystem::resize_file(after.path() + "/headers/00000001.hdr", end);
    auto instances = MustOpen(after.path());
    ExpectWhole(*instances);
    ExpectThere(*instances, Number(5, 1));
    ASSERT_TRUE(instances->Delete(kStore, KeyOf(Number(3))).ok());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(60))).ok());
    instances.reset();
    instances = MustOpen(after.path());
    EXPECT_EQ(instances->Metrics(kStore)->instances, 12);
    ExpectWhole(*instances);
  }
}

TEST(StoreRecovery, AnIndexOfVersion1IsOpened) {
  const Folder folder;
  { ASSERT_TRUE(Put(*MustOpen(folder.path()), kStore, MakeInstance(Number(1))).ok()); }
  {
    auto database = Database::Open(folder.path() + "/index.sqlite", Database::Mode::kWrite);
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE(database
                    ->Execute("ALTER TABLE counters DROP COLUMN log_segment; ALTER TABLE counters DROP COLUMN synced_headers; "
                              "ALTER TABLE counters DROP COLUMN synced_header_segment; "
                              "ALTER TABLE counters DROP COLUMN synced_header_end; PRAGMA user_version = 1")
                    .ok());
  }
  auto instances = MustOpen(folder.path());
  ExpectThere(*instances, Number(1));
  ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(2))).ok());
  ExpectWhole(*instances);
}

TEST(StoreRecovery, AnIndexOfALaterVersionIsRefused) {
  const Folder folder;
  MustOpen(folder.path()).reset();
  {
    auto database = Database::Open(folder.path() + "/index.sqlite", Database::Mode::kWrite);
    ASSERT_TRUE(database->Execute("PRAGMA user_version = 99").ok());
  }
  const auto opened = Instances::Open(folder.path(), base::RealFileSystem());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, base::ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace dicomhouse::store
