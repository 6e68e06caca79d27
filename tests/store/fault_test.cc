// Every file operation of a commit, and of opening after it, fails once: nothing that was acknowledged is lost or changed,
// nothing that was not acknowledged is half there, and the store goes on working.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/limits.h"
#include "tests/base/faulty_file_system.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using ::testing::ElementsAre;
using testing::Facts;
using testing::Folder;
using testing::Get;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeInstance;
using testing::Receive;

constexpr int64_t kStore = 1;

Facts Number(int number, size_t pixel_bytes = 3000) {
  Facts facts;
  facts.instance = "1.2.3.1." + std::to_string(number);
  facts.pixel_bytes = pixel_bytes;
  return facts;
}
InstanceKey KeyOf(const Facts& facts) { return {facts.study, facts.series, facts.instance}; }

std::unique_ptr<Instances> MustOpen(const std::string& folder, base::FileSystem& files) {
  auto opened = Instances::Open(folder, files);
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
  return opened.ok() ? *std::move(opened) : nullptr;
}

std::vector<std::string> Verify(Instances& instances) {
  std::vector<std::string> lines;
  const auto count = instances.Verify([&lines](const std::string& line) { lines.push_back(line); });
  EXPECT_TRUE(count.ok()) << (count.ok() ? "" : count.error().message);
  return lines;
}

// One commit with a small instance, a replacement and a large one.
base::Status CommitSome(Instances& instances, int round) {
  std::vector<std::unique_ptr<Incoming>> all;
  for (const size_t pixel_bytes : {size_t{3000}, size_t{base::kMaxSegmentInstanceBytes}}) {
    DH_ASSIGN(auto incoming,
              Receive(instances, kStore, MakeInstance(Number(100 + 2 * round + (pixel_bytes > 3000), pixel_bytes))));
    all.push_back(std::move(incoming));
  }
  Facts replaced = Number(1);
  replaced.patient = "ROUND^" + std::to_string(round);
  DH_ASSIGN(auto incoming, Receive(instances, kStore, MakeInstance(replaced)));
  all.push_back(std::move(incoming));
  const auto outcomes = instances.Commit(all, OnExisting::kReplace);
  if (!outcomes.ok()) return outcomes.error();
  return {};
}

// What must be there: by the last acknowledged round, or, if that is unknown, either.
void ExpectRound(Instances& instances, int round, bool stored) {
  EXPECT_EQ(instances.Find(kStore, KeyOf(Number(100 + 2 * round))).ok(), stored);
  EXPECT_EQ(instances.Find(kStore, KeyOf(Number(101 + 2 * round))).ok(), stored);
  const auto one = Get(instances, kStore, KeyOf(Number(1)));
  ASSERT_TRUE(one.ok()) << one.error().message;
  EXPECT_EQ(one->find("ROUND^" + std::to_string(round)) != std::string::npos, stored);
}

class StoreFaultTest : public ::testing::TestWithParam<base::FaultyFileSystem::Fault> {};

TEST_P(StoreFaultTest, AFailedOperationFailsTheCommitAndNothingElse) {
  for (int operation = 1;; ++operation) {
    SCOPED_TRACE(operation);
    const Folder folder;
    base::FaultyFileSystem files;
    auto instances = MustOpen(folder.path(), files);
    ASSERT_TRUE(testing::Put(*instances, kStore, MakeInstance(Number(1))).ok());
    files.FailAt(operation, GetParam());
    const base::Status status = CommitSome(*instances, 1);
    const bool reached = files.operations() >= operation;
    files.Heal();
    ExpectRound(*instances, 1, status.ok());
    // The next works, and so does everything after opening again.
    ASSERT_TRUE(CommitSome(*instances, 2).ok());
    ExpectRound(*instances, 2, true);
    EXPECT_THAT(Verify(*instances), IsEmpty());
    instances.reset();
    instances = MustOpen(folder.path(), files);
    ExpectRound(*instances, 2, true);
    EXPECT_EQ(instances->Find(kStore, KeyOf(Number(102))).ok(), status.ok());
    EXPECT_THAT(Verify(*instances), IsEmpty());
    if (!reached) return;
  }
}
INSTANTIATE_TEST_SUITE_P(Faults, StoreFaultTest,
                         ::testing::Values(base::FaultyFileSystem::Fault::kIoError, base::FaultyFileSystem::Fault::kNoSpace));

TEST(StoreStopTest, AProcessThatStopsAnywhereLeavesAllOrNothing) {
  for (int operation = 1;; ++operation) {
    SCOPED_TRACE(operation);
    const Folder folder;
    base::FaultyFileSystem files;
    auto instances = MustOpen(folder.path(), files);
    ASSERT_TRUE(testing::Put(*instances, kStore, MakeInstance(Number(1))).ok());
    files.StopAt(operation);
    const base::Status status = CommitSome(*instances, 1);
    const bool reached = files.operations() >= operation;
    instances.reset();
    files.Heal();
    instances = MustOpen(folder.path(), files);
    // Nobody was answered when it stopped behind the log: then all of it may be there.
    const bool there = instances->Find(kStore, KeyOf(Number(102))).ok();
    EXPECT_TRUE(there || !status.ok());
    ExpectRound(*instances, 1, there);
    EXPECT_THAT(Verify(*instances), IsEmpty());
    size_t leftovers = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path() + "/large")) leftovers += entry.is_regular_file();
    EXPECT_EQ(leftovers, there ? 1u : 0u);
    ASSERT_TRUE(CommitSome(*instances, 2).ok());
    EXPECT_THAT(Verify(*instances), IsEmpty());
    if (!reached) return;
  }
}

TEST(StoreSyncTest, WhatIsAcknowledgedIsOnTheDisk) {
  const Folder folder;
  base::FaultyFileSystem files;
  auto instances = MustOpen(folder.path(), files);
  ASSERT_TRUE(CommitSome(*instances, 1).ok());
  for (const std::string& path : files.UnsyncedFiles()) EXPECT_THAT(path, HasSubstr(".hdr"));  // a copy, made again if need be
  EXPECT_THAT(files.UnsyncedNames(), IsEmpty());
}

TEST(StoreVerifyTest, EachKindOfDamageIsFound) {
  const Folder folder;
  auto instances = MustOpen(folder.path(), base::RealFileSystem());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(testing::Put(*instances, kStore, MakeInstance(Number(i))).ok());
  EXPECT_THAT(Verify(*instances), IsEmpty());
  const auto flip = [&](const std::string& name, std::streamoff at) {
    std::fstream file(folder.path() + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(at);
    file.put(byte);
  };
  flip("segments/00000001.seg", 1000);
  EXPECT_THAT(Verify(*instances), ElementsAre(HasSubstr("SHA-256")));
  flip("segments/00000001.seg", 1000);
  flip("headers/00000001.hdr", 300);
  EXPECT_THAT(Verify(*instances), ElementsAre(HasSubstr("checksum")));
  // Header bytes are a copy: reading goes on from the instance.
  {
    const auto info = instances->Find(kStore, KeyOf(Number(0)));
    auto header = instances->OpenHeader(*info);
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(*testing::ReadSource(**header), MakeInstance(Number(0)));
  }
  flip("headers/00000001.hdr", 300);
  EXPECT_THAT(Verify(*instances), IsEmpty());
  flip("segments/00000001.seg", 2);  // a record's own header
  EXPECT_FALSE(Verify(*instances).empty());
  std::filesystem::remove(folder.path() + "/segments/00000001.seg");
  instances = MustOpen(folder.path(), base::RealFileSystem());
  EXPECT_GE(Verify(*instances).size(), 5u);
  // What comes now is not put behind what is broken.
  ASSERT_TRUE(testing::Put(*instances, kStore, MakeInstance(Number(9))).ok());
  EXPECT_TRUE(Get(*instances, kStore, KeyOf(Number(9))).ok());
}

TEST(StoreSpaceTest, DeletedBytesAreGivenBack) {
  const Folder folder;
  auto instances = MustOpen(folder.path(), base::RealFileSystem());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(testing::Put(*instances, kStore, MakeInstance(Number(i, 1'000'000))).ok());
  const auto used = [&] {
    struct stat info {};
    EXPECT_EQ(::stat((folder.path() + "/segments/00000001.seg").c_str(), &info), 0);
    return info.st_blocks * 512;
  };
  EXPECT_GT(used(), 9'000'000);
  auto snapshot = *instances->TakeSnapshot(kStore);
  for (int i = 1; i < 10; ++i) ASSERT_TRUE(instances->Delete(kStore, KeyOf(Number(i))).ok());
  EXPECT_GT(used(), 9'000'000);
  snapshot.reset();
  EXPECT_LT(used(), 2'000'000 + static_cast<int64_t>(base::kLogReserveBytes));
  EXPECT_THAT(Verify(*instances), IsEmpty());
  EXPECT_EQ(*Get(*instances, kStore, KeyOf(Number(0))), MakeInstance(Number(0, 1'000'000)));
}

}  // namespace
}  // namespace dicomhouse::store
