// The index is lost, in whole or since some day, and the instances are not: an administrator's rm, a backup put back, a log of
// SQLite that was thought to be of no use. Nothing is deleted, and everything can be had again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "base/limits.h"
#include "store/internal/incoming.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using testing::Facts;
using testing::Folder;
using testing::Get;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeInstance;
using testing::Put;

constexpr int64_t kStore = 7;
constexpr int kLarge = 4;

Facts Number(int number, int version = 0) {
  Facts facts;
  facts.series = "1.2.3." + std::to_string(number % 3);
  facts.instance = facts.series + "." + std::to_string(number);
  facts.patient = "VERSION^" + std::to_string(version);
  facts.pixel_bytes = number == kLarge ? base::kMaxSegmentInstanceBytes : 3000;
  return facts;
}
InstanceKey KeyOf(const Facts& facts) { return {facts.study, facts.series, facts.instance}; }

std::unique_ptr<Instances> MustOpen(const std::string& folder) {
  auto opened = Instances::Open(folder, base::RealFileSystem());
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
  return opened.ok() ? *std::move(opened) : nullptr;
}

void ExpectThere(Instances& instances, const Facts& facts) {
  const auto found = Get(instances, kStore, KeyOf(facts));
  ASSERT_TRUE(found.ok()) << facts.instance;
  EXPECT_TRUE(*found == MakeInstance(facts)) << facts.instance;
}

void ExpectWhole(Instances& instances) {
  const auto count = instances.Verify([](const std::string& line) { ADD_FAILURE() << line; });
  EXPECT_TRUE(count.ok()) << (count.ok() ? "" : count.error().message);
}

// 0 to 8: 1 replaced, 2 deleted, 4 large and replaced, the others as they came.
void Fill(const std::string& folder) {
  auto instances = MustOpen(folder);
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(i))).ok());
  for (const int i : {1, kLarge}) {
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(i, 1)), OnExisting::kReplace).ok());
  }
  ASSERT_TRUE(instances->Delete(kStore, KeyOf(Number(2))).ok());
}
void ExpectFilled(Instances& instances) {
  for (int i = 0; i < 9; ++i) {
    if (i != 2) ExpectThere(instances, Number(i, i == 1 || i == kLarge ? 1 : 0));
  }
  EXPECT_FALSE(instances.Find(kStore, KeyOf(Number(2))).ok());
  EXPECT_EQ(instances.Metrics(kStore)->instances, 8);
  ExpectWhole(instances);
}

std::map<std::string, uintmax_t> Files(const std::string& folder) {
  std::map<std::string, uintmax_t> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[entry.path().string()] = entry.file_size();
  }
  return files;
}

void RemoveIndex(const std::string& folder) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(folder + "/index.sqlite" + suffix);
}
void Write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

struct Loss {
  const char* name;
  std::function<void(const std::string& folder)> lose;
};
class LostIndex : public ::testing::TestWithParam<Loss> {};

TEST_P(LostIndex, IsNotMadeAnewByOpeningAndCanBeRebuilt) {
  const Folder folder;
  Fill(folder.path());
  GetParam().lose(folder.path());
  const auto before = Files(folder.path());
  for (int i = 0; i < 2; ++i) {
    const auto opened = Instances::Open(folder.path(), base::RealFileSystem());
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, base::ErrorCode::kCorrupt);
    EXPECT_THAT(opened.error().message, HasSubstr("store rebuild --data " + folder.path()));
    for (const auto& [path, size] : before) {
      if (path.find("index.sqlite") != std::string::npos) continue;
      EXPECT_EQ(std::filesystem::file_size(path), size) << path;
    }
  }
  const auto rebuilt = RebuildIndex(folder.path(), base::RealFileSystem(), [](size_t, size_t) {});
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.error().message;
  EXPECT_EQ(rebuilt->instances, 8);
  EXPECT_THAT(rebuilt->damaged, IsEmpty());
  for (int round = 0; round < 2; ++round) {
    auto instances = MustOpen(folder.path());
    ExpectFilled(*instances);
    // It goes on: a new instance, and one in place of another.
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(20 + round))).ok());
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(0, 5 + round)), OnExisting::kReplace).ok());
    ExpectThere(*instances, Number(0, 5 + round));
    ASSERT_TRUE(Put(*instances, kStore, MakeInstance(Number(0)), OnExisting::kReplace).ok());
    ASSERT_TRUE(instances->Delete(kStore, KeyOf(Number(20 + round))).ok());
  }
}
INSTANTIATE_TEST_SUITE_P(Losses, LostIndex,
                         ::testing::Values(Loss{"missing", RemoveIndex},
                                           Loss{"empty",
                                                [](const std::string& folder) {
                                                  RemoveIndex(folder);
                                                  Write(folder + "/index.sqlite", "");
                                                }},
                                           Loss{"something_else",
                                                [](const std::string& folder) {
                                                  RemoveIndex(folder);
                                                  Write(folder + "/index.sqlite", std::string(8192, 'x'));
                                                }},
                                           Loss{"cut",
                                                [](const std::string& folder) {
                                                  std::filesystem::resize_file(folder + "/index.sqlite", 8192);
                                                }}),
                         [](const auto& loss) { return loss.param.name; });

// A backup of the index alone, or SQLite's log removed: all that came since is in the segments.
TEST(OldIndex, IsBroughtUpToDateFromAllSegmentsBehindIt) {
  const Folder folder;
  const Folder backup;
  Fill(folder.path());
  std::filesystem::copy_file(folder.path() + "/index.sqlite", backup.path() + "/index.sqlite");
  // More than a segment, large files among them, and records that were given back since.
  constexpr int kMany = 72;
  const auto many = [](int i, int version = 0) {
    Facts facts = Number(100 + i, version);
    facts.pixel_bytes = base::kMaxSegmentInstanceBytes - (i % 24 == 23 ? 0 : 20'000);
    return facts;
  };
  {
    auto instances = MustOpen(folder.path());
    for (int i = 0; i < kMany; ++i) ASSERT_TRUE(Put(*instances, kStore, MakeInstance(many(i))).ok());
    for (const int i : {2, 40, 47}) {
      ASSERT_TRUE(Put(*instances, kStore, MakeInstance(many(i, 1)), OnExisting::kReplace).ok());
    }
    ASSERT_TRUE(instances->Delete(kStore, KeyOf(many(3))).ok());
  }
  ASSERT_TRUE(std::filesystem::exists(folder.path() + "/segments/00000002.seg"));
  RemoveIndex(folder.path());
  std::filesystem::copy_file(backup.path() + "/index.sqlite", folder.path() + "/index.sqlite");
  for (int round = 0; round < 2; ++round) {
    auto instances = MustOpen(folder.path());
    EXPECT_EQ(instances->opening_notes().size(), round == 0 ? 1U : 0U);
    for (int i = 0; i < 9; ++i) {
      if (i != 2) ExpectThere(*instances, Number(i, i == 1 || i == kLarge ? 1 : 0));
    }
    for (int i = 0; i < kMany; ++i) {
      if (i != 3) ExpectThere(*instances, many(i, i == 2 || i == 40 || i == 47 ? 1 : 0));
    }
    EXPECT_FALSE(instances->Find(kStore, KeyOf(many(3))).ok());
    ExpectWhole(*instances);
  }
}

TEST(RebuiltIndex, SaysWhatIsDamagedAndHasTheRest) {
  const Folder folder;
  Fill(folder.path());
  RemoveIndex(folder.path());
  const std::string segment = folder.path() + "/segments/00000001.seg";
  std::string bytes;
  {
    std::ifstream file(segment, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto at = [&](int number) { return bytes.find("DHr1", bytes.find(Number(number).instance) - 48); };
  bytes[at(5) + 2000] ^= 1;  // its bytes
  bytes[at(6) + 5] ^= 1;     // its record
  Write(segment, bytes);
  std::filesystem::remove_all(folder.path() + "/headers");  // whose the large one is
  const auto rebuilt = RebuildIndex(folder.path(), base::RealFileSystem(), [](size_t, size_t) {});
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.error().message;
  EXPECT_THAT(rebuilt->damaged, ::testing::UnorderedElementsAre(HasSubstr("no record says which DICOM store"),
                                                                HasSubstr(Number(5).instance), HasSubstr("bytes are no record")));
  auto instances = MustOpen(folder.path());
  for (const int i : {0, 3, 7, 8}) ExpectThere(*instances, Number(i));
  ExpectThere(*instances, Number(1, 1));
  EXPECT_EQ(instances->Metrics(kStore)->instances, 5);
  EXPECT_TRUE(std::any_of(std::filesystem::directory_iterator(folder.path() + "/large"), {},
                          [](const auto& entry) { return entry.path().extension() == ".dcm"; }));
}

// An earlier version stored instances without a SOP Instance UID under that of their File Meta Information.
TEST(RebuiltIndex, KeepsInstancesWithoutAUidOfTheirOwn) {
  using namespace dicom::testing;  // NOLINT(google-build-using-namespace)
  const std::string bytes =
      Preamble() + WriteMeta("1.2.840.10008.1.2.1", {Text(0x00020003, "UI", "1.2.3.4")}) +
      dicom::testing::Write({Text(0x00080018, "UI", ""), Text(0x0020000D, "UI", "1.2"), Text(0x0020000E, "UI", "1.3")},
                            kExplicitLittle);
  const Folder folder;
  {
    auto instances = MustOpen(folder.path());
    const auto refused = Put(*instances, kStore, bytes);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, base::ErrorCode::kCorrupt);
    EXPECT_THAT(refused.error().message, HasSubstr("no SOP Instance UID (0008,0018)"));
    std::vector<std::unique_ptr<Incoming>> old;
    old.push_back(*instances->Begin(kStore));
    dynamic_cast<IncomingInstance&>(*old[0]).AcceptUidOfFileMeta();
    ASSERT_TRUE(old[0]->Append(testing::AsBytes(bytes)).ok());
    ASSERT_TRUE(old[0]->Finish().ok());
    ASSERT_TRUE(instances->Commit(old, OnExisting::kRefuse).ok());
  }
  RemoveIndex(folder.path());
  const auto rebuilt = RebuildIndex(folder.path(), base::RealFileSystem(), [](size_t, size_t) {});
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.error().message;
  EXPECT_THAT(rebuilt->damaged, IsEmpty());
  auto instances = MustOpen(folder.path());
  EXPECT_EQ(*Get(*instances, kStore, {"1.2", "1.3", "1.2.3.4"}), bytes);
  Search search;
  search.level = Level::kInstance;
  EXPECT_THAT(instances->Find(kStore, search)->at(0).attributes, HasSubstr(R"("00080018":{"vr":"UI","Value":["1.2.3.4"]})"));
}

}  // namespace
}  // namespace dicomhouse::store
