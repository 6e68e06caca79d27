// SIGKILL at random moments under load: what was acknowledged is there, byte for byte, and index and bytes agree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <set>
#include <thread>

#include "base/limits.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using testing::Facts;
using testing::Folder;
using testing::MakeInstance;

constexpr int64_t kStore = 1;
constexpr int kThreads = 3;
constexpr int kRounds = 8;

Facts FactsOf(int number) {
  Facts facts;
  facts.series = "1.2.3." + std::to_string(number % 7);
  facts.instance = "1.2.9." + std::to_string(number);
  facts.pixel_bytes = number % 50 == 49 ? base::kMaxSegmentInstanceBytes + 10 : static_cast<size_t>(2000 + number % 977);
  return facts;
}

// Never returns: stores instances, and writes the number of each acknowledged one into the pipe.
[[noreturn]] void StoreUntilKilled(const std::string& folder, int first, int pipe) {
  auto opened = Instances::Open(folder, base::RealFileSystem());
  if (!opened.ok()) ::_exit(1);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int number = first + thread;; number += kThreads) {
        const auto stored = testing::Put(**opened, kStore, MakeInstance(FactsOf(number)));
        if (!stored.ok()) ::_exit(2);
        // Every fifth goes again, which is acknowledged by a negative number.
        const bool remove = number % 5 == 0;
        if (remove &&
            !(*opened)->Delete(kStore, {FactsOf(number).study, FactsOf(number).series, FactsOf(number).instance}).ok()) {
          ::_exit(3);
        }
        const int said = remove ? -number : number;
        if (::write(pipe, &said, sizeof said) != sizeof said) ::_exit(4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ::_exit(5);
}

void CheckWhatIsThere(const std::string& folder, const std::set<int>& present, const std::set<int>& gone) {
  auto opened = Instances::Open(folder, base::RealFileSystem());
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  for (const int number : present) {
    const Facts facts = FactsOf(number);
    const auto bytes = testing::Get(**opened, kStore, {facts.study, facts.series, facts.instance});
    ASSERT_TRUE(bytes.ok()) << number << ": " << bytes.error().message;
    EXPECT_TRUE(*bytes == MakeInstance(facts)) << number;
  }
  for (const int number : gone) {
    const Facts facts = FactsOf(number);
    EXPECT_FALSE((*opened)->Find(kStore, {facts.study, facts.series, facts.instance}).ok()) << number;
  }
  std::vector<std::string> wrong;
  EXPECT_TRUE((*opened)->Verify([&wrong](const std::string& line) { wrong.push_back(line); }).ok());
  EXPECT_THAT(wrong, ::testing::IsEmpty());
}

TEST(StoreKillTest, WhatWasAcknowledgedIsThereAfterAKill) {
  const Folder folder;
  std::mt19937 random(20240131);
  std::set<int> present;
  std::set<int> gone;
  for (int round = 0; round < kRounds; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const int first = 1 + round * 100'000;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      StoreUntilKilled(folder.path(), first, pipe[1]);
    }
    ::close(pipe[1]);
    // Killed after a random number of acknowledgements and a moment more.
    int left = std::uniform_int_distribution<int>(1, 120)(random);
    const auto moment = std::chrono::microseconds(std::uniform_int_distribution<int>(0, 5000)(random));
    int said = 0;
    while (::read(pipe[0], &said, sizeof said) == sizeof said) {
      (said < 0 ? gone : present).insert(std::abs(said));
      if (--left != 0) continue;
      std::this_thread::sleep_for(moment);
      ::kill(child, SIGKILL);
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    CheckWhatIsThere(folder.path(), present, gone);
  }
}

}  // namespace
}  // namespace dicomhouse::store
