// The power fails at each operation of a random series of changes, whether of our own files or of SQLite's: what was acknowledged
// is there, what was being done is there as a whole or not at all.
#include <gtest/gtest.h>

#include <random>

#include "tests/store/ledger.h"
#include "tests/store/simulated_disk.h"

namespace dicomhouse::store {
namespace {

using testing::Folder;
using testing::Ledger;
using testing::SimulatedDisk;
using Unsynced = SimulatedDisk::Unsynced;

constexpr const char* kNames[] = {"lost", "kept", "any part"};

class PowerTest {
 public:
  // `every`: of the writes of pages one in so many is one at which the power fails; all other operations are.
  PowerTest(unsigned seed, int every) : random_(seed), every_(every) {
    disk_.OnOperation([this](const std::string& what, const std::string& path) {
      if (what == "SQLite write" && Number(0, every_ - 1) != 0) return;
      CheckImage(what + " " + path.substr(folder_.path().size()));
    });
  }

  void Run(int changes) {
    Open();
    for (int i = 0; i < changes && !::testing::Test::HasFailure(); ++i) Change();
    snapshot_.reset();
    CheckImage("the end");
    instances_.reset();
    CheckImage("closed");
  }
  int images() const { return images_; }

 private:
  int Number(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }

  void Open() {
    snapshot_.reset();
    instances_.reset();
    auto opened = Instances::Open(folder_.path(), disk_.files());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    instances_ = *std::move(opened);
    ledger_.ExpectExact(*instances_);
  }
  void Change() {
    const int choice = Number(0, 19);
    if (choice < 11) {
      std::vector<int> numbers;
      for (int count = Number(1, 4); count > 0; --count) numbers.push_back(Number(0, Ledger::kLarge - 1));
      EXPECT_TRUE(ledger_.Put(*instances_, numbers).ok());
    } else if (choice == 11) {
      EXPECT_TRUE(ledger_.Put(*instances_, {Ledger::kLarge, Number(0, Ledger::kLarge - 1)}).ok());
    } else if (choice < 16) {
      EXPECT_TRUE(ledger_.Delete(*instances_, Number(0, Ledger::kLarge)).ok());
    } else if (choice < 18) {
      auto taken = instances_->TakeSnapshot(Ledger::kStore);
      ASSERT_TRUE(taken.ok());
      snapshot_ = *std::move(taken);
    } else if (choice == 18) {
      snapshot_.reset();
    } else {
      Open();
    }
  }
  void CheckImage(const std::string& when) {
    if (::testing::Test::HasFailure()) return;
    const auto unsynced = static_cast<Unsynced>(images_++ % 3);
    SCOPED_TRACE("image " + std::to_string(images_) + " before " + when + ", unsynced: " + kNames[static_cast<int>(unsynced)]);
    const Folder image;
    disk_.MakeImage(image.path(), unsynced, random_);
    auto opened = Instances::Open(image.path(), disk_.files());
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    auto instances = *std::move(opened);
    ledger_.ExpectAfterCrash(*instances);
    Ledger::ExpectWhole(*instances, image.path());
    // It goes on.
    Ledger after = ledger_;
    if (images_ % 4 != 0) return;
    EXPECT_TRUE(after.Put(*instances, {0, 3}).ok());
    EXPECT_TRUE(after.Delete(*instances, 0).ok());
    Ledger::ExpectWhole(*instances, image.path());
  }

  std::mt19937 random_;
  int every_;
  const Folder folder_;
  SimulatedDisk disk_{folder_.path()};
  Ledger ledger_;
  std::unique_ptr<Instances> instances_;
  std::unique_ptr<Snapshot> snapshot_;
  int images_ = 0;
};

TEST(StorePower, WhatWasAcknowledgedIsThereAndGroupsAreWhole) {
  PowerTest test(20240131, 40);
  test.Run(40);
  EXPECT_GT(test.images(), 100);
}

TEST(StorePowerLong, WhatWasAcknowledgedIsThereAndGroupsAreWhole) {
  for (unsigned seed = 1; seed <= 10 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    PowerTest(seed, 10).Run(100);
  }
}

}  // namespace
}  // namespace dicomhouse::store
