#include "transfer/instance_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>

namespace dicomhouse::transfer {
namespace {

using Outcome = InstanceSet::Outcome;

TEST(InstanceSet, TheFirstInTheOrderOfTheSourceWins) {
  InstanceSet set;
  EXPECT_EQ(set.Insert("1.2", 5, {0, 0})->outcome, Outcome::kNew);
  EXPECT_EQ(set.Insert("1.3", 6, {0, 1})->outcome, Outcome::kNew);
  EXPECT_EQ(set.Insert("1.2", 9, {0, 2})->outcome, Outcome::kDuplicate);
  const auto replaces = *set.Insert("1.2", 3, {4, 7});
  EXPECT_EQ(replaces.outcome, Outcome::kReplaces);
  EXPECT_EQ(replaces.removed.part, 0U);
  EXPECT_EQ(replaces.removed.row, 0U);
  EXPECT_EQ(set.Insert("1.2", 4, {5, 0})->outcome, Outcome::kDuplicate);
  const auto again = *set.Insert("1.2", 0, {6, 1});
  EXPECT_EQ(again.outcome, Outcome::kReplaces);
  EXPECT_EQ(again.removed.part, 4U);
  EXPECT_EQ(again.removed.row, 7U);
}

TEST(InstanceSet, TellsUidsApartThatAreNearlyTheSame) {
  InstanceSet set;
  for (int i = 0; i < 200000; ++i) {
    ASSERT_EQ(set.Insert("1.2.840.113619.2." + std::to_string(i), 0, {})->outcome, Outcome::kNew) << i;
  }
  EXPECT_EQ(set.Insert("1.2.840.113619.2.", 0, {})->outcome, Outcome::kNew);
  EXPECT_EQ(set.Insert(std::string_view("1.2.840.113619.2.0\0", 19), 0, {})->outcome, Outcome::kNew);
  EXPECT_EQ(set.Insert("1.2.840.113619.2.199999", 1, {})->outcome, Outcome::kDuplicate);
}

// Many threads, copies in any order: of each UID exactly the copy of lowest order is left, each replaced row is named once.
TEST(InstanceSet, ManyThreadsLeaveTheSameCopies) {
  constexpr uint32_t kUids = 2000;
  constexpr uint32_t kCopies = 8;
  constexpr uint32_t kThreads = 8;
  std::vector<uint32_t> orders(kUids * kCopies);
  for (uint32_t i = 0; i < orders.size(); ++i) orders[i] = i;
  std::shuffle(orders.begin(), orders.end(), std::mt19937(7));
  InstanceSet set;
  struct Seen {
    std::vector<uint32_t> rows;     // orders that got a row
    std::vector<uint32_t> removed;  // rows that were taken away
  };
  std::vector<Seen> seen(kThreads);
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < orders.size(); i += kThreads) {
        const uint32_t order = orders[i];
        const auto answer = *set.Insert("1.2." + std::to_string(order % kUids), order, {t, order});
        if (answer.outcome != Outcome::kDuplicate) seen[t].rows.push_back(order);
        if (answer.outcome == Outcome::kReplaces) seen[t].removed.push_back(answer.removed.row);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::map<uint32_t, int> rows;
  for (const Seen& one : seen) {
    for (const uint32_t order : one.rows) ++rows[order];
    for (const uint32_t order : one.removed) --rows[order];
  }
  std::erase_if(rows, [](const auto& entry) { return entry.second == 0; });
  ASSERT_EQ(rows.size(), kUids);
  for (uint32_t uid = 0; uid < kUids; ++uid) EXPECT_EQ(rows[uid], 1);  // the copy of order `uid` comes first
}

}  // namespace
}  // namespace dicomhouse::transfer
