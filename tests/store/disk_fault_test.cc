// Each operation of a change fails, of our own files and of SQLite's, once or until the disk is healed: what was answered with an
// error is not there, what was acknowledged survives a power failure, and the store goes on.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <tuple>

#include "store/catalog.h"
#include "store/objects.h"
#include "tests/store/instance_maker.h"
#include "tests/store/simulated_disk.h"

namespace dicomhouse::store {
namespace {

using testing::Folder;
using testing::SimulatedDisk;
using Fault = SimulatedDisk::Fault;
using Lasting = SimulatedDisk::Lasting;
using Unsynced = SimulatedDisk::Unsynced;

// Catalog and objects. Those of instances: power_test.cc, fault_test.cc.
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
