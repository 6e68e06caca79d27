#include "transfer/internal/fingerprint_map.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <unordered_map>

#include "tests/base/temporary_folder_variable.h"

namespace dicomhouse::transfer {
namespace {

std::string KeyOf(uint32_t number) { return "1.2.840.113619.2." + std::to_string(number); }

// More keys than the memory of a Spill holds, each asked for and replaced at random.
TEST(FingerprintMap, KnowsWhatAHashMapWouldKnow) {
  FingerprintMap<uint64_t> map;
  std::unordered_map<std::string, uint64_t> expected;
  std::mt19937 random(3);
  for (uint64_t step = 0; step < 100000; ++step) {
    const std::string key = KeyOf(static_cast<uint32_t>(random() % 60000));
    const Fingerprint fingerprint = FingerprintOf(key);
    ASSERT_EQ(*map.Has(fingerprint), expected.contains(key));
    const auto before = map.FindOrInsert(fingerprint, step);
    ASSERT_TRUE(before.ok()) << before.error().message;
    const auto [found, added] = expected.try_emplace(key, step);
    ASSERT_EQ(before->has_value(), !added);
    if (added) continue;
    ASSERT_EQ(**before, found->second) << key;
    if (step % 2 == 0) {
      ASSERT_TRUE(map.Replace(fingerprint, step).ok());
      found->second = step;
    }
  }
}

// The first third of the hash finds the slot and sorts out nearly all others; two keys that agree in it are still two.
TEST(FingerprintMap, KeysThatAgreeInTheirFirstThirdAreToldApart) {
  FingerprintMap<uint32_t> map;
  for (uint32_t number = 0; number < 1000; ++number) {
    ASSERT_FALSE(map.FindOrInsert({0xFFFFFFFF, number / 2, number}, number)->has_value()) << number;
  }
  for (uint32_t number = 0; number < 1000; ++number) {
    EXPECT_EQ(**map.FindOrInsert({0xFFFFFFFF, number / 2, number}, 0), number);
  }
}

TEST(FingerprintMap, AnErrorOfTheTemporaryFileIsSaidAndTheKeyIsNotThere) {
  const base::TemporaryFolderVariable variable("/nowhere");
  FingerprintMap<uint64_t> map;
  uint32_t number = 0;
  while (map.FindOrInsert(FingerprintOf(KeyOf(number)), number).ok()) ++number;
  EXPECT_GT(number, 1000U);
  EXPECT_FALSE(*map.Has(FingerprintOf(KeyOf(number))));
  EXPECT_TRUE(*map.Has(FingerprintOf(KeyOf(number - 1))));
}

}  // namespace
}  // namespace dicomhouse::transfer
