#include "store/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

namespace dicomhouse::store {
namespace {

using base::ErrorCode;
using base::Json;
using ::testing::ElementsAre;

const DatasetName kDataset{"p", "l", "d"};

Json Parse(std::string_view text) { return *Json::Parse(text); }

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "dicomhouse-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    Reopen();
  }
  void TearDown() override {
    catalog_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Reopen() {
    catalog_.reset();
    auto opened = Catalog::Open(folder_ + "/catalog.sqlite");
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    catalog_ = *std::move(opened);
  }
  void MakeDataset() { ASSERT_TRUE(catalog_->CreateDataset({kDataset, Parse(R"({"timeZone":"UTC"})")}).ok()); }

  std::string folder_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, DatasetsAreKeptOverAReopening) {
  MakeDataset();
  EXPECT_EQ(catalog_->CreateDataset({kDataset, {}}).error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(catalog_->UpdateDataset({kDataset, Parse(R"({"timeZone":"CET"})")}).ok());
  Reopen();
  auto found = catalog_->GetDataset(kDataset);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->document["timeZone"].as_string(), "CET");
  EXPECT_EQ(catalog_->GetDataset({"p", "l", "D"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalog_->UpdateDataset({{"p", "l", "other"}, {}}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalog_->DeleteDataset({"p", "l", "other"}).error().code, ErrorCode::kNotFound);
}

TEST_F(CatalogTest, PagesCoverAListOnceInOrder) {
  std::vector<std::string> all;
  for (int i = 0; i < 25; ++i) all.push_back("d" + std::to_string(i));
  for (const std::string& name : all) ASSERT_TRUE(catalog_->CreateDataset({{"p", "l", name}, {}}).ok());
  ASSERT_TRUE(catalog_->CreateDataset({{"p", "other", "x"}, {}}).ok());
  std::sort(all.begin(), all.end());
  for (const int size : {1, 7, 24, 25, 26}) {
    std::vector<std::string> seen;
    PageRequest request{size, ""};
    do {
      auto page = catalog_->ListDatasets("p", "l", request);
      ASSERT_TRUE(page.ok());
      ASSERT_LE(page->items.size(), static_cast<size_t>(size));
      ASSERT_FALSE(page->items.empty());
      for (const Dataset& dataset : page->items) seen.push_back(dataset.name.dataset);
      request.token = page->next;
    } while (!request.token.empty());
    EXPECT_EQ(seen, all) << size;
  }
}

TEST_F(CatalogTest, TokensOfOthersAreRefused) {
  MakeDataset();
  for (const char* const token : {"x", "d", "d1", "dzz", "s64", "d6 ", "6464"}) {
    auto page = catalog_->ListDatasets("p", "l", {10, token});
    ASSERT_FALSE(page.ok()) << token;
    EXPECT_EQ(page.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(catalog_->ListOperations(kDataset, {10, "o78"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(catalog_->ListLog({}, {10, "l7878"}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(CatalogTest, IdsOfStoresAreNeverUsedAgain) {
  EXPECT_EQ(catalog_->CreateDicomStore({kDataset, "s"}, {}).error().code, ErrorCode::kNotFound);
  MakeDataset();
  auto first = catalog_->CreateDicomStore({kDataset, "s"}, Parse(R"({"labels":{"a":"b"}})"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(catalog_->CreateDicomStore({kDataset, "s"}, {}).error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(catalog_->DeleteDicomStore({kDataset, "s"}).ok());
  EXPECT_EQ(catalog_->DeleteDicomStore({kDataset, "s"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(catalog_->UpdateDicomStore(*first).error().code, ErrorCode::kNotFound);
  Reopen();
  auto second = catalog_->CreateDicomStore({kDataset, "s"}, {});
  ASSERT_TRUE(second.ok());
  EXPECT_GT(second->id, first->id);
}

TEST_F(CatalogTest, ADatasetGoesWithAllThatIsInIt) {
  MakeDataset();
  ASSERT_TRUE(catalog_->CreateDataset({{"p", "l", "d0"}, {}}).ok());  // its name begins like the other one's
  ASSERT_TRUE(catalog_->CreateDicomStore({kDataset, "b"}, {}).ok());
  ASSERT_TRUE(catalog_->CreateDicomStore({kDataset, "a"}, {}).ok());
  ASSERT_TRUE(catalog_->CreateDicomStore({{"p", "l", "d0"}, "a"}, {}).ok());
  for (const DatasetName& name : {kDataset, DatasetName{"p", "l", "d0"}}) {
    ASSERT_TRUE(catalog_->SetPolicy(name.Text(), Json::MakeObject(), "").ok());
    ASSERT_TRUE(catalog_->SetPolicy(DicomStoreName{name, "a"}.Text(), Json::MakeObject(), "").ok());
    ASSERT_TRUE(catalog_->PutOperation({catalog_->NewOperationId(), name, true, {}}).ok());
  }
  auto stores = catalog_->DeleteDataset(kDataset);
  ASSERT_TRUE(stores.ok());
  ASSERT_EQ(stores->size(), 2U);
  EXPECT_EQ((*stores)[0].name.store, "a");
  EXPECT_TRUE(catalog_->GetPolicy(kDataset.Text())->is_null());
  EXPECT_TRUE(catalog_->GetPolicy(DicomStoreName{kDataset, "a"}.Text())->is_null());
  EXPECT_FALSE(catalog_->GetPolicy("projects/p/locations/l/datasets/d0")->is_null());
  EXPECT_FALSE(catalog_->GetPolicy("projects/p/locations/l/datasets/d0/dicomStores/a")->is_null());
  EXPECT_TRUE(catalog_->ListOperations(kDataset, {})->items.empty());
  EXPECT_EQ(catalog_->ListOperations({"p", "l", "d0"}, {})->items.size(), 1U);
  EXPECT_EQ(catalog_->AllDicomStores()->size(), 1U);
  EXPECT_EQ(catalog_->ListDicomStores(kDataset, {}).error().code, ErrorCode::kNotFound);
}

TEST_F(CatalogTest, ProjectsAndLocationsAreThoseWithDatasets) {
  for (const char* const location : {"us-central1", "europe-west2", "us-central1"}) {
    (void)catalog_->CreateDataset({{"p", location, "d"}, {}});
  }
  ASSERT_TRUE(catalog_->CreateDataset({{"a", "x", "d"}, {}}).ok());
  EXPECT_THAT(*catalog_->Projects(), ElementsAre("a", "p"));
  EXPECT_THAT(*catalog_->Locations("p"), ElementsAre("europe-west2", "us-central1"));
  EXPECT_THAT(*catalog_->Locations("none"), ElementsAre());
}

TEST_F(CatalogTest, APolicyIsSetOnlyUponTheOneThatWasRead) {
  const std::string name = kDataset.Text();
  EXPECT_TRUE(catalog_->GetPolicy(name)->is_null());
  EXPECT_EQ(catalog_->SetPolicy(name, Json::MakeObject(), "bm9uZQ==").error().code, ErrorCode::kConflict);
  auto first = catalog_->SetPolicy(name, Parse(R"({"bindings":[]})"), std::string(kEmptyPolicyEtag));
  ASSERT_TRUE(first.ok());
  const std::string etag = (*first)["etag"].as_string();
  auto second = catalog_->SetPolicy(name, Parse(R"({"version":1})"), etag);
  ASSERT_TRUE(second.ok());
  EXPECT_NE((*second)["etag"].as_string(), etag);
  EXPECT_EQ(catalog_->SetPolicy(name, Json::MakeObject(), etag).error().code, ErrorCode::kConflict);
  EXPECT_EQ(catalog_->SetPolicy(name, Json::MakeObject(), std::string(kEmptyPolicyEtag)).error().code, ErrorCode::kConflict);
  Reopen();
  EXPECT_EQ(*catalog_->GetPolicy(name), *second);
}

TEST_F(CatalogTest, OperationsAreListedNewestFirst) {
  EXPECT_EQ(catalog_->PutOperation({catalog_->NewOperationId(), kDataset, true, {}}).error().code, ErrorCode::kNotFound);
  MakeDataset();
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(catalog_->NewOperationId());
    ASSERT_TRUE(catalog_->PutOperation({ids.back(), kDataset, i % 2 == 0, Json(i)}).ok());
  }
  auto page = catalog_->ListOperations(kDataset, {3, ""});
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->items.front().id, ids[4]);
  auto rest = catalog_->ListOperations(kDataset, {3, page->next});
  ASSERT_EQ(rest->items.size(), 2U);
  EXPECT_EQ(rest->items.back().id, ids[0]);
  EXPECT_EQ(rest->next, "");
  EXPECT_EQ(catalog_->UnfinishedOperations()->size(), 2U);
  for (const char* const id : {"", "x", "01", "+1", "-1", "99999999999999999999", "1"}) {
    EXPECT_EQ(catalog_->GetOperation(kDataset, id).error().code, ErrorCode::kNotFound) << id;
  }
  EXPECT_EQ(catalog_->GetOperation({"p", "l", "other"}, ids[0]).error().code, ErrorCode::kNotFound);
  Reopen();
  EXPECT_GT(std::stoll(catalog_->NewOperationId()), std::stoll(ids[4]));
  EXPECT_EQ(catalog_->GetOperation(kDataset, ids[3])->document.as_int(), 3);
}

TEST_F(CatalogTest, TheLogIsFilteredByOperationSeverityAndTime) {
  std::vector<LogEntry> entries;
  for (int i = 0; i < 10; ++i) {
    entries.push_back({0, 1000 + i, "p", "healthcare.googleapis.com/export_dicom", std::to_string(i / 5),
                       i % 2 == 0 ? "ERROR" : "INFO", Json(i)});
  }
  ASSERT_TRUE(catalog_->AppendLog(entries).ok());
  ASSERT_TRUE(catalog_->AppendLog({}).ok());
  const auto numbers = [&](const Catalog::LogQuery& query) {
    std::vector<int64_t> found;
    PageRequest request{2, ""};
    do {
      auto page = catalog_->ListLog(query, request);
      EXPECT_TRUE(page.ok());
      for (const LogEntry& entry : page->items) found.push_back(entry.document.as_int());
      request.token = page->next;
    } while (!request.token.empty());
    return found;
  };
  Catalog::LogQuery query{"p", {}, {}, {}, {}, false};
  EXPECT_EQ(numbers(query).size(), 10U);
  query.operation = "1";
  EXPECT_THAT(numbers(query), ElementsAre(5, 6, 7, 8, 9));
  query.severity = "WARNING";
  EXPECT_THAT(numbers(query), ElementsAre(6, 8));
  query.newest_first = true;
  EXPECT_THAT(numbers(query), ElementsAre(8, 6));
  query = {"p", {}, {}, 1003, 1005, false};
  EXPECT_THAT(numbers(query), ElementsAre(3, 4, 5));
  EXPECT_TRUE(numbers({"other", {}, {}, {}, {}, false}).empty());
}

TEST_F(CatalogTest, ThreadsGetDifferentOperations) {
  MakeDataset();
  std::vector<std::thread> threads;
  std::vector<std::vector<std::string>> ids(4);
  threads.reserve(ids.size());
  for (std::vector<std::string>& mine : ids) {
    threads.emplace_back([this, &mine] {
      for (int i = 0; i < 50; ++i) {
        mine.push_back(catalog_->NewOperationId());
        EXPECT_TRUE(catalog_->PutOperation({mine.back(), kDataset, false, {}}).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& mine : ids) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 200U);
  EXPECT_EQ(catalog_->UnfinishedOperations()->size(), 200U);
}

TEST_F(CatalogTest, AFileOfSomethingElseIsRefused) {
  catalog_.reset();
  const std::string path = folder_ + "/no.sqlite";
  FILE* file = std::fopen(path.c_str(), "w");
  std::fputs(std::string(8192, 'x').c_str(), file);
  std::fclose(file);
  auto opened = Catalog::Open(path);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace dicomhouse::store
