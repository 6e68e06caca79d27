#include "store/instances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/limits.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using testing::Facts;
using testing::Folder;
using testing::Get;
using ::testing::HasSubstr;
using testing::MakeInstance;
using testing::Put;
using testing::ReadSource;
using testing::Receive;

constexpr int64_t kStore = 7;

class InstancesTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    instances_.reset();
    auto opened = Instances::Open(folder_.path(), base::RealFileSystem());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    instances_ = *std::move(opened);
  }
  Stored MustPut(const Facts& facts, OnExisting on_existing = OnExisting::kRefuse) {
    const auto stored = Put(*instances_, kStore, MakeInstance(facts), on_existing);
    EXPECT_TRUE(stored.ok()) << (stored.ok() ? "" : stored.error().message);
    return stored.ok() ? *stored : Stored::kConflict;
  }
  StoreMetrics Metrics() { return *instances_->Metrics(kStore); }

  Folder folder_;
  std::unique_ptr<Instances> instances_;
};

InstanceKey KeyOf(const Facts& facts) { return {facts.study, facts.series, facts.instance}; }

TEST_F(InstancesTest, AnInstanceComesBackByteForByteAlsoAfterReopening) {
  Facts facts;
  facts.pixel_bytes = 100'000;
  const std::string bytes = MakeInstance(facts);
  EXPECT_EQ(MustPut(facts), Stored::kStored);
  EXPECT_EQ(*Get(*instances_, kStore, KeyOf(facts)), bytes);
  Reopen();
  EXPECT_EQ(*Get(*instances_, kStore, KeyOf(facts)), bytes);
  const auto info = instances_->Find(kStore, KeyOf(facts));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->bytes, bytes.size());
  EXPECT_EQ(info->sop_class, "1.2.840.10008.5.1.4.1.1.2");
  EXPECT_EQ(info->transfer_syntax, "1.2.840.10008.1.2.1");
  EXPECT_EQ(info->sha256.size(), 32u);
  EXPECT_EQ(instances_->Find(kStore + 1, KeyOf(facts)).error().code, base::ErrorCode::kNotFound);
}

TEST_F(InstancesTest, ALargeInstanceHasAFileOfItsOwn) {
  Facts facts;
  facts.pixel_bytes = base::kMaxSegmentInstanceBytes + 12345;
  const std::string bytes = MakeInstance(facts);
  EXPECT_EQ(MustPut(facts), Stored::kStored);
  Reopen();
  EXPECT_EQ(*Get(*instances_, kStore, KeyOf(facts)), bytes);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/large")) {
    EXPECT_EQ(entry.path().extension(), ".dcm");
    ++files;
  }
  EXPECT_EQ(files, 1u);
  EXPECT_EQ(*instances_->Delete(kStore, KeyOf(facts)), 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/large"));
}

TEST_F(InstancesTest, WhatIsNotCommittedLeavesNothing) {
  Facts facts;
  facts.pixel_bytes = base::kMaxSegmentInstanceBytes + 1;
  { ASSERT_TRUE(Receive(*instances_, kStore, MakeInstance(facts)).ok()); }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/large"));
  EXPECT_EQ(Metrics().instances, 0);
}

TEST_F(InstancesTest, TheSameBytesAgainAreTheSameOtherBytesAreAConflictOrReplace) {
  Facts facts;
  EXPECT_EQ(MustPut(facts), Stored::kStored);
  EXPECT_EQ(MustPut(facts), Stored::kSame);
  facts.patient = "OTHER";
  EXPECT_EQ(MustPut(facts), Stored::kConflict);
  EXPECT_EQ(MustPut(facts, OnExisting::kReplace), Stored::kReplaced);
  EXPECT_EQ(*Get(*instances_, kStore, KeyOf(facts)), MakeInstance(facts));
  EXPECT_EQ(Metrics().instances, 1);
  // The UID is unique in the store: under another study it replaces too, and the first study goes with its last instance.
  Facts moved = facts;
  moved.study = "1.9";
  EXPECT_EQ(MustPut(moved), Stored::kConflict);
  EXPECT_EQ(MustPut(moved, OnExisting::kReplace), Stored::kReplaced);
  EXPECT_EQ(Metrics().studies, 1);
  EXPECT_EQ(Metrics().series, 1);
  EXPECT_FALSE(instances_->Find(kStore, KeyOf(facts)).ok());
  EXPECT_TRUE(instances_->Find(kStore, KeyOf(moved)).ok());
}

TEST_F(InstancesTest, OneCommitMayHoldTheSameUidTwice) {
  Facts facts;
  std::vector<std::unique_ptr<Incoming>> all;
  all.push_back(*Receive(*instances_, kStore, MakeInstance(facts)));
  all.push_back(*Receive(*instances_, kStore, MakeInstance(facts)));
  facts.patient = "OTHER";
  facts.series = "1.2.3.9";
  all.push_back(*Receive(*instances_, kStore, MakeInstance(facts)));
  const auto outcomes = instances_->Commit(all, OnExisting::kReplace);
  ASSERT_TRUE(outcomes.ok()) << outcomes.error().message;
  EXPECT_THAT(*outcomes, ::testing::ElementsAre(Stored::kStored, Stored::kSame, Stored::kReplaced));
  EXPECT_EQ(Metrics().instances, 1);
  EXPECT_EQ(Metrics().series, 1);
  EXPECT_EQ(*Get(*instances_, kStore, KeyOf(facts)), MakeInstance(facts));
}

TEST_F(InstancesTest, WhatIsNoInstanceIsRefused) {
  const auto code = [&](const std::string& bytes) { return Receive(*instances_, kStore, bytes).error().code; };
  EXPECT_EQ(code("hello, world"), base::ErrorCode::kUnsupported);
  EXPECT_EQ(code(""), base::ErrorCode::kUnsupported);
  Facts facts;
  facts.study = "";
  EXPECT_EQ(code(MakeInstance(facts)), base::ErrorCode::kCorrupt);
  facts.study = "../1.2";
  const auto refused = Receive(*instances_, kStore, MakeInstance(facts));
  EXPECT_EQ(refused.error().code, base::ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("Study Instance UID"));
}

TEST_F(InstancesTest, HeaderBytesAreReadAsTheInstanceWouldBe) {
  using namespace dicom::testing;  // NOLINT(google-build-using-namespace)
  Facts facts;
  facts.pixel_bytes = 50'000;
  facts.more = {Bytes(0x00420011, "OB", std::string(9000, 'd')),
                Sequence(0x00081140, {{Text(0x00081155, "UI", "1.2.3"), Bytes(0x00420011, "OB", std::string(5000, 'e'))}}, true)};
  const std::string bytes = MakeInstance(facts);
  MustPut(facts);
  const auto info = instances_->Find(kStore, KeyOf(facts));
  dicom::MemorySource whole(testing::AsBytes(bytes));
  dicom::Instance expected;
  dicom::InstanceReader().Read(whole, expected);
  auto header = instances_->OpenHeader(*info);
  ASSERT_TRUE(header.ok());
  dicom::Instance found;
  EXPECT_EQ(dicom::InstanceReader().Read(**header, found), dicom::ReadOutcome::kInstance);
  ASSERT_EQ(found.elements.size(), expected.elements.size());
  for (size_t i = 0; i < found.elements.size(); ++i) {
    EXPECT_EQ(found.elements[i].tag, expected.elements[i].tag);
    EXPECT_EQ(found.OffsetOf(found.elements[i]), expected.OffsetOf(expected.elements[i]));
    if (!found.elements[i].left_out && !expected.elements[i].left_out && found.elements[i].tag != 0x00081140) {
      EXPECT_EQ(found.Value(found.elements[i]), expected.Value(expected.elements[i]));
    }
  }
  EXPECT_TRUE(found.problems.empty());
  EXPECT_LT(found.bytes_read, 2000u);
  // As a source it is the instance, every byte of it.
  auto again = instances_->OpenHeader(*info);
  EXPECT_EQ(*ReadSource(**again, 777), bytes);
  EXPECT_LT(Metrics().header_bytes, 2000);
}

TEST_F(InstancesTest, CountsFollowStoringAndDeleting) {
  for (int study = 0; study < 2; ++study) {
    for (int series = 0; series < 2; ++series) {
      for (int instance = 0; instance < 3; ++instance) {
        Facts facts;
        facts.study = "1." + std::to_string(study);
        facts.series = facts.study + "." + std::to_string(series);
        facts.instance = facts.series + "." + std::to_string(instance);
        MustPut(facts);
      }
    }
  }
  EXPECT_EQ(Metrics().studies, 2);
  EXPECT_EQ(Metrics().series, 4);
  EXPECT_EQ(Metrics().instances, 12);
  EXPECT_EQ(*instances_->Delete(kStore, {"1.0", "1.0.0", "1.0.0.1"}), 1);
  EXPECT_EQ(instances_->Delete(kStore, {"1.0", "1.0.0", "1.0.0.1"}).error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(*instances_->Delete(kStore, {"1.0", "1.0.1", ""}), 3);
  EXPECT_EQ(Metrics().series, 3);
  EXPECT_EQ(*instances_->Delete(kStore, {"1.1", "", ""}), 6);
  EXPECT_EQ(Metrics().studies, 1);
  EXPECT_EQ(Metrics().instances, 2);
  EXPECT_EQ(instances_->List(kStore, "1.0", "", 0, 10)->size(), 2u);
  EXPECT_EQ(instances_->List(kStore, "1.0", "1.0.0", 0, 1)->size(), 1u);
  EXPECT_EQ(instances_->List(kStore, "1.1", "", 0, 10)->size(), 0u);
  EXPECT_TRUE(instances_->DeleteStore(kStore).ok());
  EXPECT_EQ(Metrics().instances, 0);
  EXPECT_EQ(Metrics().blob_bytes, 0);
  EXPECT_TRUE(instances_->Stores()->empty());
}

TEST_F(InstancesTest, TheLogSaysWhatHappenedInItsOrder) {
  Facts a;
  Facts b;
  b.instance = "1.2.3.1.2";
  MustPut(a);
  MustPut(b);
  a.patient = "OTHER";
  MustPut(a, OnExisting::kReplace);
  ASSERT_TRUE(instances_->Delete(kStore, KeyOf(b)).ok());
  const auto changes = instances_->Changes(kStore, 0, 100);
  ASSERT_TRUE(changes.ok()) << changes.error().message;
  std::vector<std::pair<ChangeKind, std::string>> said;
  for (const Change& change : *changes) said.emplace_back(change.kind, change.key.instance);
  EXPECT_THAT(said,
              ::testing::ElementsAre(std::pair(ChangeKind::kStored, a.instance), std::pair(ChangeKind::kStored, b.instance),
                                     std::pair(ChangeKind::kReplaced, a.instance), std::pair(ChangeKind::kDeleted, b.instance)));
  const auto later = instances_->Changes(kStore, (*changes)[1].number, 1);
  ASSERT_EQ(later->size(), 1u);
  EXPECT_EQ((*later)[0].kind, ChangeKind::kReplaced);
}

TEST_F(InstancesTest, ASnapshotSeesWhatWasThereAndItsBytesStay) {
  std::vector<Facts> all(20);
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].instance += std::to_string(i);
    all[i].pixel_bytes = 20'000;
    MustPut(all[i]);
  }
  auto snapshot = instances_->TakeSnapshot(kStore);
  ASSERT_TRUE(snapshot.ok());
  ASSERT_TRUE(instances_->Delete(kStore, {"1.2.3", "", ""}).ok());
  Facts later;
  MustPut(later);
  EXPECT_EQ((*snapshot)->instances(), all.size());
  size_t seen = 0;
  for (;;) {
    const auto entries = (*snapshot)->Next(7);
    ASSERT_TRUE(entries.ok());
    if (entries->empty()) break;
    for (const auto& entry : *entries) {
      EXPECT_EQ(entry.info.key.instance, all[seen].instance);
      auto blob = (*snapshot)->OpenBlob(entry);
      EXPECT_EQ(*ReadSource(**blob), MakeInstance(all[seen]));
      auto header = (*snapshot)->OpenHeader(entry);
      EXPECT_EQ(*ReadSource(**header), MakeInstance(all[seen]));
      ++seen;
    }
  }
  EXPECT_EQ(seen, all.size());
}

TEST_F(InstancesTest, ManyThreadsCommitAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        Facts facts;
        facts.series = "1.2.3." + std::to_string(thread % 2);
        facts.instance = "1.5." + std::to_string(thread) + "." + std::to_string(i);
        EXPECT_EQ(MustPut(facts), Stored::kStored);
        EXPECT_EQ(*Get(*instances_, kStore, KeyOf(facts)), MakeInstance(facts));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Metrics().instances, kThreads * kEach);
  EXPECT_EQ(Metrics().series, 2);
  EXPECT_EQ(Metrics().studies, 1);
}

}  // namespace
}  // namespace dicomhouse::store
