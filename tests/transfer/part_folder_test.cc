#include "transfer/internal/part_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "tests/transfer/scratch.h"

namespace dicomhouse::transfer {
namespace {

using ::testing::UnorderedElementsAre;

std::vector<std::string> Names(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

void MakeOld(const std::string& folder) {
  std::filesystem::last_write_time(folder, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
}

TEST(PartFolder, WhatAKilledExportLeftGoesAndWhatLivesStays) {
  const Scratch scratch;
  scratch.Write("out/.x.parquet.partial-killed/part-00000.parquet", "rows");
  scratch.Write("out/.y.parquet.partial-killed/part-00000.parquet", "of another target");
  scratch.Write("out/.x.parquet.partial-young1/part-00000.parquet", "its lock may come yet");
  MakeOld(scratch.path("out/.x.parquet.partial-killed"));
  MakeOld(scratch.path("out/.y.parquet.partial-killed"));
  scratch.Write("out/.x.parquet.partial-killed.old/part-00000.parquet", "what was being replaced");
  MakeOld(scratch.path("out/.x.parquet.partial-killed.old"));
  const std::string target = scratch.path("out/x.parquet");
  const auto living = PartFolder::Make(target);
  ASSERT_TRUE(living.ok()) << living.error().message;
  const std::string name = std::filesystem::path((*living)->path()).filename();
  MakeOld((*living)->path());
  {
    const auto other = PartFolder::Make(target);
    ASSERT_TRUE(other.ok()) << other.error().message;
    EXPECT_TRUE(std::filesystem::exists((*living)->path()));
  }
  EXPECT_THAT(Names(scratch.path("out")), UnorderedElementsAre(name, ".y.parquet.partial-killed", ".x.parquet.partial-killed.old",
                                                               ".x.parquet.partial-young1"));
}

}  // namespace
}  // namespace dicomhouse::transfer
