// A data folder that lost its catalog or its table of objects: refused as it is, and made again when asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "store/store.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using ::testing::Contains;
using testing::Facts;
using testing::Folder;
using testing::Get;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeInstance;
using testing::Put;

const DatasetName kDataset{"p", "l", "d"};

Facts Number(int number) {
  Facts facts;
  facts.instance = "1.2.3.1." + std::to_string(number);
  facts.pixel_bytes = 3000;
  return facts;
}

std::unique_ptr<Store> MustOpen(const std::string& folder) {
  auto opened = Store::Open(folder);
  EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
  return opened.ok() ? *std::move(opened) : nullptr;
}

int64_t MakeStore(Store& store, const std::string& name) {
  const auto made = store.catalog().CreateDicomStore({kDataset, name}, base::Json::MakeObject());
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  return made.ok() ? made->id : 0;
}

Object ObjectOf(const std::string& name) {
  Object object;
  object.bucket = "bucket";
  object.name = name;
  return object;
}

void PutObject(Store& store, const std::string& name, const std::string& bytes) {
  const auto writer = store.objects().Write(ObjectOf(name));
  ASSERT_TRUE(writer.ok()) << writer.error().message;
  ASSERT_TRUE((*writer)->Append({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}).ok());
  ASSERT_TRUE((*writer)->Finish({}).ok());
}

// Two stores with an instance each, and a bucket with two objects.
void Fill(const std::string& folder) {
  const auto store = MustOpen(folder);
  ASSERT_TRUE(store->catalog().CreateDataset({kDataset, base::Json::MakeObject()}).ok());
  for (const int number : {1, 2}) {
    const int64_t id = MakeStore(*store, "s" + std::to_string(number));
    ASSERT_TRUE(Put(store->instances(), id, MakeInstance(Number(number))).ok());
  }
  ASSERT_TRUE(store->objects().CreateBucket("p", "bucket").ok());
  PutObject(*store, "a", "contents of a");
  PutObject(*store, "b", "contents of b");
}

std::map<std::string, uintmax_t> Files(const std::string& folder) {
  std::map<std::string, uintmax_t> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (entry.is_regular_file() && path.find(".sqlite") == std::string::npos) files[path] = entry.file_size();
  }
  return files;
}

void RemoveDatabase(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
}

std::vector<std::string> Faults(const std::string& folder) {
  std::vector<std::string> lines;
  const auto store = MustOpen(folder);
  const auto verified = store->Verify([&lines](const std::string& line) { lines.push_back(line); });
  EXPECT_TRUE(verified.ok());
  return lines;
}

void ExpectRefused(const std::string& folder, const std::string& what) {
  const auto before = Files(folder);
  for (int i = 0; i < 2; ++i) {
    const auto opened = Store::Open(folder);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, base::ErrorCode::kCorrupt);
    EXPECT_THAT(opened.error().message, HasSubstr(what));
    EXPECT_EQ(Files(folder), before);
  }
}

void ExpectRecoveredStores(const std::string& folder, size_t count) {
  const auto rebuilt = Store::Rebuild(folder, false, [](size_t, size_t) {});
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.error().message;
  EXPECT_FALSE(rebuilt->made_index);
  ASSERT_EQ(rebuilt->new_names.size(), count);
  const auto store = MustOpen(folder);
  for (const DicomStore& named : rebuilt->new_names) {
    EXPECT_EQ(named.name.Text(),
              "projects/local/locations/local/datasets/recovered/dicomStores/store-" + std::to_string(named.id));
    EXPECT_EQ(store->catalog().GetDicomStore(named.name)->id, named.id);
    EXPECT_EQ(store->instances().Metrics(named.id)->instances, 1);
  }
  // No id is given twice.
  ASSERT_TRUE(store->catalog().GetDataset(kDataset).ok() ||
              store->catalog().CreateDataset({kDataset, base::Json::MakeObject()}).ok());
  const int64_t next = MakeStore(*store, "new");
  for (const DicomStore& named : rebuilt->new_names) EXPECT_LT(named.id, next);
}

TEST(LostCatalog, IsRefusedAndItsStoresGetNamesAgain) {
  for (const bool emptied : {false, true}) {
    const Folder folder;
    Fill(folder.path());
    RemoveDatabase(folder.path() + "/catalog.sqlite");
    if (emptied) std::ofstream(folder.path() + "/catalog.sqlite").flush();
    ExpectRefused(folder.path(), "catalog.sqlite is missing or empty");
    ExpectRecoveredStores(folder.path(), 2);
    EXPECT_THAT(Faults(folder.path()), IsEmpty());
  }
}

TEST(LostCatalog, ThatIsNoDatabaseIsPutAside) {
  const Folder folder;
  Fill(folder.path());
  RemoveDatabase(folder.path() + "/catalog.sqlite");
  std::ofstream(folder.path() + "/catalog.sqlite") << std::string(8192, 'x');
  ExpectRefused(folder.path(), "catalog.sqlite");
  ExpectRecoveredStores(folder.path(), 2);
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/catalog.sqlite.old"));
}

TEST(OldCatalog, ThatDoesNotKnowAStoreIsRefusedAndTheStoreGetsAName) {
  const Folder folder;
  const Folder backup;
  Fill(folder.path());
  const std::string catalog = folder.path() + "/catalog.sqlite";
  std::filesystem::copy_file(catalog, backup.path() + "/catalog.sqlite");
  {
    const auto store = MustOpen(folder.path());
    ASSERT_TRUE(Put(store->instances(), MakeStore(*store, "s3"), MakeInstance(Number(3))).ok());
  }
  RemoveDatabase(catalog);
  std::filesystem::copy_file(backup.path() + "/catalog.sqlite", catalog);
  ExpectRefused(folder.path(), "does not know 1 of the DICOM stores");
  ExpectRecoveredStores(folder.path(), 1);
  EXPECT_THAT(Faults(folder.path()), IsEmpty());
}

// The row goes first; the process may stop before the instances do.
TEST(DeletedStore, IsRemovedByTheNextOpeningWhenTheProcessStopped) {
  const Folder folder;
  Fill(folder.path());
  int64_t id = 0;
  {
    const auto store = MustOpen(folder.path());
    const auto deleted = store->catalog().DeleteDicomStore({kDataset, "s1"});
    ASSERT_TRUE(deleted.ok());
    id = deleted->id;
    EXPECT_EQ(store->instances().Metrics(id)->instances, 1);
  }
  for (int i = 0; i < 2; ++i) {
    const auto store = MustOpen(folder.path());
    EXPECT_EQ(store->instances().Metrics(id)->instances, 0);
    EXPECT_THAT(*store->catalog().DeletedStores(), IsEmpty());
    const auto other = store->catalog().GetDicomStore({kDataset, "s2"});
    ASSERT_TRUE(other.ok());
    EXPECT_EQ(store->instances().Metrics(other->id)->instances, 1);
  }
}

TEST(LostObjects, AreRefusedWhileTheirFilesAreThere) {
  const Folder folder;
  Fill(folder.path());
  RemoveDatabase(folder.path() + "/objects.sqlite");
  ExpectRefused(folder.path(), "objects.sqlite");
}

TEST(VerifyObjects, FindsChangedMissingAndUnknownFiles) {
  const Folder folder;
  Fill(folder.path());
  EXPECT_THAT(Faults(folder.path()), IsEmpty());
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() + "/objects")) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  ASSERT_EQ(paths.size(), 2U);
  std::fstream(paths[0], std::ios::in | std::ios::out | std::ios::binary).put('X');
  EXPECT_THAT(Faults(folder.path()), Contains(HasSubstr(paths[0].filename().string())));
  std::filesystem::remove(paths[1]);
  EXPECT_THAT(Faults(folder.path()), Contains(HasSubstr(paths[1].filename().string())));
  std::filesystem::copy_file(paths[0], paths[0].parent_path() / "ffffffffffff");
  EXPECT_GE(Faults(folder.path()).size(), 3U);
}

// All bytes of a segment belong to something that has a checksum.
TEST(VerifyInstances, FindsAFlippedBitInAnyByteOfASegment) {
  const Folder folder;
  Fill(folder.path());
  const std::string path = folder.path() + "/segments/00000001.seg";
  std::string bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  ASSERT_FALSE(bytes.empty());
  for (size_t at = 0; at < bytes.size(); at += at % 7 == 0 ? 41 : 1) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    std::ofstream(path, std::ios::binary) << flipped;
    ASSERT_THAT(Faults(folder.path()), Not(IsEmpty())) << "byte " << at << " of " << bytes.size();
  }
}

}  // namespace
}  // namespace dicomhouse::store
