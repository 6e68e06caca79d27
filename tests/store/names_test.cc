#include "store/names.h"

#include <gtest/gtest.h>

namespace dicomhouse::store {
namespace {

TEST(Names, OfADicomStoreAreTakenApartAndPutTogetherAgain) {
  const std::string text = "projects/my-project/locations/us-central1/datasets/ds.1/dicomStores/Store_2";
  const auto name = DicomStoreName::Parse(text);
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(name->dataset.project, "my-project");
  EXPECT_EQ(name->dataset.location, "us-central1");
  EXPECT_EQ(name->dataset.dataset, "ds.1");
  EXPECT_EQ(name->store, "Store_2");
  EXPECT_EQ(name->Text(), text);
}

TEST(Names, ThatLeadElsewhereAreRefused) {
  for (const char* text :
       {"projects/p/locations/l/datasets/..", "projects/p/locations/l/datasets/.", "projects/p/locations/l/datasets/",
        "projects/p/locations/l/datasets/a/b", "projects/p/locations/../datasets/d", "projects//locations/l/datasets/d",
        "projects/p/locations/l", "", "datasets/d", "projects/p/locations/l/datasets/a b", "projects/p/locations/l/datasets/a\nb",
        "projects/p/locations/l/datasets/a%2fb"}) {
    EXPECT_FALSE(DatasetName::Parse(text).ok()) << text;
  }
  EXPECT_FALSE(DatasetName::Parse("projects/p/locations/l/datasets/" + std::string(257, 'a')).ok());
  EXPECT_TRUE(DatasetName::Parse("projects/p/locations/l/datasets/" + std::string(256, 'a')).ok());
}

}  // namespace
}  // namespace dicomhouse::store
