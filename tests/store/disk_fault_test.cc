// Each operation of a change fails, of our own files and of SQLite's, once or until the disk is healed: what was answered with an
// error is not there, what was acknowledged survives a power failure, and the store goes on.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <tuple>

#include "store/catalog.h"
#include "store/objects.h"
#include "tests/store/instance_maker.h"
#include "tests/store/ledger.h"
#include "tests/store/simulated_disk.h"

namespace dicomhouse::store {
namespace {

using testing::Folder;
using testing::Ledger;
using testing::SimulatedDisk;
using Fault = SimulatedDisk::Fault;
using Lasting = SimulatedDisk::Lasting;
using Unsynced = SimulatedDisk::Unsynced;

class StoreDiskFault : public ::testing::TestWithParam<std::tuple<Fault, Lasting>> {
 protected:
  // Runs `round` with each operation failing, until there are fewer; it says how many there were.
  template <typename Round>
  void FailEach(int step, const Round& round) {
    int operation = 1;
    for (bool reached = true; reached && !HasFailure(); operation += step) {
      SCOPED_TRACE("operation " + std::to_string(operation));
      const Folder folder;
      SimulatedDisk disk(folder.path());
      reached = round(disk, folder.path(), operation) >= operation;
    }
    EXPECT_GT(operation, 10);
  }
  static void Fail(SimulatedDisk& disk, int operation) {
    disk.FailAt(operation, std::get<0>(GetParam()), std::get<1>(GetParam()));
  }
  static void ExpectError(const base::Status& status) {
    if (status.ok()) return;
    EXPECT_EQ(status.error().code, base::ErrorCode::kIo) << status.error().message;
    EXPECT_GT(status.error().message.size(), 10U) << status.error().message;
  }
};

std::unique_ptr<Instances> MustOpen(const std::string& folder, SimulatedDisk& disk) {
  auto opened = Instances::Open(folder, disk.files());
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
  return opened.ok() ? *std::move(opened) : nullptr;
}

constexpr int64_t kOtherStore = 2;

// After a power failure now. `others` instances of kOtherStore were acknowledged.
void ExpectDurable(Ledger& ledger, SimulatedDisk& disk, int others = 0) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time
  for (const Unsynced unsynced : {Unsynced::kLost, Unsynced::kAnyPart}) {
    SCOPED_TRACE(unsynced == Unsynced::kLost ? "what was not synced is lost" : "any part of what was not synced is there");
    const Folder image;
    disk.MakeImage(image.path(), unsynced, random);
    auto instances = Instances::Open(image.path(), disk.files());
    ASSERT_TRUE(instances.ok()) << instances.error().message;
    ledger.ExpectAfterCrash(**instances);
    EXPECT_GE((*instances)->Metrics(kOtherStore)->instances, others);
    Ledger::ExpectWhole(**instances, image.path());
  }
}

TEST_P(StoreDiskFault, InstancesThatWereAcknowledgedAreThereAndOthersAreNot) {
  FailEach(1, [&](SimulatedDisk& disk, const std::string& folder, int operation) {
    Ledger ledger;
    auto instances = MustOpen(folder, disk);
    EXPECT_TRUE(ledger.Put(*instances, {0, 1, 2}).ok());
    EXPECT_TRUE(ledger.Put(*instances, {3}).ok());  // in the log segment alone
    Fail(disk, operation);
    ExpectError(ledger.Put(*instances, {1, 4}));
    ExpectError(ledger.Delete(*instances, 0));
    ExpectError(ledger.Put(*instances, {2, Ledger::kLarge}));
    const int operations = disk.operations();
    disk.Heal();
    ledger.ExpectExact(*instances);
    ExpectDurable(ledger, disk);
    // It goes on, each change by itself durable.
    EXPECT_TRUE(ledger.Delete(*instances, 3).ok());
    ExpectDurable(ledger, disk);
    EXPECT_TRUE(ledger.Put(*instances, {0, 5}).ok());
    ledger.ExpectExact(*instances);
    ExpectDurable(ledger, disk);
    instances.reset();
    instances = MustOpen(folder, disk);
    ledger.ExpectExact(*instances);
    Ledger::ExpectWhole(*instances, folder);
    return operations;
  });
}

TEST_P(StoreDiskFault, AStoreThatCouldNotBeOpenedOrClosedIsOpenedLater) {
  FailEach(1, [&](SimulatedDisk& disk, const std::string& folder, int operation) {
    Ledger ledger;
    Fail(disk, operation);
    for (int round = 0; round < 2; ++round) {
      auto instances = Instances::Open(folder, disk.files());
      if (!instances.ok()) continue;
      (void)ledger.Put(**instances, {0, round});
      (void)ledger.Put(**instances, {4});
    }
    const int operations = disk.operations();
    disk.Heal();
    ExpectDurable(ledger, disk);
    auto instances = MustOpen(folder, disk);
    ledger.ExpectAfterCrash(*instances);
    EXPECT_TRUE(ledger.Put(*instances, {0, 7}).ok());
    Ledger::ExpectWhole(*instances, folder);
    ExpectDurable(ledger, disk);
    return operations;
  });
}

// Enough commits for SQLite's log to be moved into the index, which is no part of any of them.
constexpr int kCommitsToACheckpoint = 700;

// Gives how many were acknowledged.
int CommitUpToACheckpoint(Instances& instances) {
  int acknowledged = 0;
  for (int i = 0; i < kCommitsToACheckpoint; ++i) {
    testing::Facts facts;
    facts.instance = "1.2.4." + std::to_string(i);
    acknowledged += testing::Put(instances, kOtherStore, testing::MakeInstance(facts)).ok();
  }
  return acknowledged;
}

// The operations that move the log into the index and the one before them, which syncs the log.
std::vector<int> OperationsOfTheCheckpoint() {
  const Folder folder;
  SimulatedDisk disk(folder.path());
  const auto instances = MustOpen(folder.path(), disk);
  disk.Heal();
  std::set<int> operations;
  disk.OnOperation([&](const std::string& /*what*/, const std::string& path) {
    if (!path.ends_with("index.sqlite")) return;
    operations.insert({disk.operations(), disk.operations() + 1});  // not yet counted
  });
  CommitUpToACheckpoint(*instances);
  disk.OnOperation(nullptr);
  EXPECT_GT(operations.size(), 4U);
  if (operations.size() < 5) return {};
  // Of the pages some.
  return {*operations.begin(), *std::next(operations.begin()), *std::next(operations.begin(), 2), *std::prev(operations.end(), 2),
          *std::prev(operations.end())};
}

TEST_P(StoreDiskFault, AFailedCheckpointLosesNothingThatWasAcknowledged) {
  for (const int operation : OperationsOfTheCheckpoint()) {
    SCOPED_TRACE("operation " + std::to_string(operation));
    const Folder folder;
    SimulatedDisk disk(folder.path());
    Ledger ledger;
    const auto instances = MustOpen(folder.path(), disk);
    Fail(disk, operation);
    const int others = CommitUpToACheckpoint(*instances);
    EXPECT_EQ(others == kCommitsToACheckpoint, std::get<1>(GetParam()) == Lasting::kOnce);
    EXPECT_GE(disk.operations(), operation);
    disk.Heal();
    ExpectDurable(ledger, disk, others);
    EXPECT_TRUE(ledger.Put(*instances, {0, 1}).ok());
    EXPECT_TRUE(ledger.Delete(*instances, 1).ok());  // is in the index alone
    ExpectDurable(ledger, disk, others);
    EXPECT_EQ(instances->Metrics(kOtherStore)->instances, others);
  }
}

// What a catalog has: its stores' names.
std::set<std::string> StoresOf(Catalog& catalog) {
  const auto stores = catalog.AllDicomStores();
  EXPECT_TRUE(stores.ok()) << (stores.ok() ? "" : stores.error().message);
  std::set<std::string> names;
  if (stores.ok()) {
    for (const DicomStore& store : *stores) names.insert(store.name.store);
  }
  return names;
}

TEST_P(StoreDiskFault, ACatalogHasWhatItAcknowledged) {
  const DatasetName dataset{"p", "l", "d"};
  FailEach(1, [&](SimulatedDisk& disk, const std::string& folder, int operation) {
    std::set<std::string> acknowledged;
    std::set<std::string> doubtful;
    const auto create = [&](Catalog& catalog, const std::string& name) {
      const auto created = catalog.CreateDicomStore({dataset, name}, base::Json());
      (created.ok() ? acknowledged : doubtful).insert(name);
      if (!created.ok()) ExpectError(created.error());
      return created.ok();
    };
    const auto expect_durable = [&] {
      std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time
      for (const Unsynced unsynced : {Unsynced::kLost, Unsynced::kAnyPart}) {
        const Folder image;
        disk.MakeImage(image.path(), unsynced, random);
        auto catalog = Catalog::Open(image.path() + "/catalog.sqlite");
        EXPECT_TRUE(catalog.ok());
        if (!catalog.ok()) return;
        const auto found = StoresOf(**catalog);
        for (const std::string& name : acknowledged) EXPECT_TRUE(found.contains(name)) << name;
        for (const std::string& name : found) EXPECT_TRUE(acknowledged.contains(name) || doubtful.contains(name)) << name;
      }
    };
    auto catalog = *Catalog::Open(folder + "/catalog.sqlite");
    EXPECT_TRUE(catalog->CreateDataset({dataset, base::Json()}).ok());
    EXPECT_TRUE(create(*catalog, "before"));
    Fail(disk, operation);
    create(*catalog, "one");
    create(*catalog, "two");
    const base::Status logged = catalog->AppendLog({});
    ExpectError(logged);
    const int operations = disk.operations();
    disk.Heal();
    EXPECT_EQ(StoresOf(*catalog), acknowledged);
    expect_durable();
    EXPECT_TRUE(create(*catalog, "behind"));
    expect_durable();
    catalog.reset();
    catalog = *Catalog::Open(folder + "/catalog.sqlite");
    EXPECT_EQ(StoresOf(*catalog), acknowledged);
    return operations;
  });
}

base::Result<Object> PutObject(Objects& objects, const std::string& contents) {
  Object object;
  object.bucket = "bucket";
  object.name = "x";
  DH_ASSIGN(const auto writer, objects.Write(object));
  DH_CHECK(writer->Append(testing::AsBytes(contents)));
  return writer->Finish(std::nullopt);
}
// Contents of the object; "" where there is none.
std::string ContentsOf(Objects& objects) {
  const auto reader = objects.Read("bucket", "x");
  if (!reader.ok()) {
    EXPECT_EQ(reader.error().code, base::ErrorCode::kNotFound) << reader.error().message;
    return "";
  }
  std::string bytes(100, '\0');
  const auto got = (*reader)->ReadAt(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  EXPECT_TRUE(got.ok());
  return got.ok() ? bytes.substr(0, *got) : "";
}

// Files of objects: they have numbers for names.
int CountFiles(const std::string& folder) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    count += entry.is_regular_file() && entry.path().filename().string().find_first_not_of("0123456789") == std::string::npos;
  }
  return count;
}

TEST_P(StoreDiskFault, ObjectsHaveWhatWasAcknowledged) {
  FailEach(1, [&](SimulatedDisk& disk, const std::string& folder, int operation) {
    std::string acknowledged;
    std::set<std::string> possible;  // after a crash
    const auto note = [&](const base::Status& status, const std::string& contents) {
      ExpectError(status);
      if (status.ok()) possible.clear();
      if (status.ok()) acknowledged = contents;
      possible.insert(contents);
    };
    const auto put = [&](Objects& objects, const std::string& contents) {
      const auto done = PutObject(objects, contents);
      note(done.ok() ? base::Status() : base::Status(done.error()), contents);
      return done.ok();
    };
    const auto expect_durable = [&] {
      std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time
      for (const Unsynced unsynced : {Unsynced::kLost, Unsynced::kAnyPart}) {
        const Folder image;
        disk.MakeImage(image.path(), unsynced, random);
        auto objects = Objects::Open(image.path(), disk.files());
        EXPECT_TRUE(objects.ok()) << (objects.ok() ? "" : objects.error().message);
        if (!objects.ok()) return;
        EXPECT_TRUE(possible.contains(ContentsOf(**objects))) << ContentsOf(**objects);
        EXPECT_TRUE(PutObject(**objects, "afterwards").ok());
        EXPECT_EQ(CountFiles(image.path()), 1) << "no file without a row";
      }
    };
    auto objects = *Objects::Open(folder, disk.files());
    EXPECT_TRUE(objects->CreateBucket("p", "bucket").ok());
    EXPECT_TRUE(put(*objects, "first"));
    Fail(disk, operation);
    put(*objects, "second");
    if (!acknowledged.empty()) note(objects->Delete("bucket", "x", std::nullopt), "");
    put(*objects, "third");
    const int operations = disk.operations();
    disk.Heal();
    EXPECT_EQ(ContentsOf(*objects), acknowledged);
    expect_durable();
    EXPECT_TRUE(put(*objects, "fourth"));
    expect_durable();
    objects.reset();
    objects = *Objects::Open(folder, disk.files());
    EXPECT_EQ(ContentsOf(*objects), "fourth");
    return operations;
  });
}

INSTANTIATE_TEST_SUITE_P(Faults, StoreDiskFault,
                         ::testing::Combine(::testing::Values(Fault::kIoError, Fault::kNoSpace),
                                            ::testing::Values(Lasting::kOnce, Lasting::kUntilHealed)));

}  // namespace
}  // namespace dicomhouse::store
