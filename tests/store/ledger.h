// What a store has to hold by what it acknowledged, and what it may hold besides after a crash. For tests that make disks fail.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store::testing {

class Ledger {
 public:
  static constexpr int64_t kStore = 1;
  static constexpr int kNumbers = 12;
  static constexpr int kLarge = kNumbers - 1;  // the number whose instances are files of their own
  static constexpr int kAbsent = -1;
  using Group = std::map<int, int>;  // number -> version, or kAbsent

  // A change is asked for: after a crash all of it is there or nothing.
  void Begin(Group group) { flight_ = std::move(group); }
  // And was answered. After an error it may still be found after a crash.
  void End(bool acknowledged) {
    for (const auto& [number, version] : flight_) {
      if (acknowledged) {
        now_[number] = version;
        doubtful_[number].clear();
      } else {
        doubtful_[number].insert(version);
      }
    }
    flight_.clear();
  }
  // What is asked, carried out, and answered.
  base::Status Put(Instances& instances, const std::vector<int>& numbers) {
    std::vector<std::unique_ptr<Incoming>> all;
    Group group;
    for (const int number : numbers) group[number] = ++versions_;
    for (const auto& [number, version] : group) {
      DH_ASSIGN(auto incoming, Receive(instances, kStore, Bytes(number, version)));
      all.push_back(std::move(incoming));
    }
    Begin(group);
    const auto outcomes = instances.Commit(all, OnExisting::kReplace);
    End(outcomes.ok());
    if (!outcomes.ok()) return outcomes.error();
    return {};
  }
  base::Status Delete(Instances& instances, int number) {
    if (Version(number) == kAbsent) return {};
    Begin({{number, kAbsent}});
    const auto deleted = instances.Delete(kStore, KeyOf(number));
    End(deleted.ok());
    if (!deleted.ok()) return deleted.error();
    return {};
  }
  int Version(int number) const {
    const auto found = now_.find(number);
    return found == now_.end() ? kAbsent : found->second;
  }

  // The store as it runs: exactly what was acknowledged.
  void ExpectExact(Instances& instances) { ExpectOneOf(ReadAll(instances), false); }
  // A store opened after a crash.
  void ExpectAfterCrash(Instances& instances) { ExpectOneOf(ReadAll(instances), true); }
  // Everything agrees with everything, and no file is left over.
  static void ExpectWhole(Instances& instances, const std::string& folder) {
    const auto count = instances.Verify([](const std::string& line) { ADD_FAILURE() << line; });
    EXPECT_TRUE(count.ok()) << (count.ok() ? "" : count.error().message);
    size_t large = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/large")) large += entry.is_regular_file();
    EXPECT_EQ(large, instances.Find(kStore, KeyOf(kLarge)).ok() ? 1U : 0U) << "files of large instances";
  }

 private:
  static Facts FactsOf(int number, int version) {
    Facts facts;
    facts.series = "1.2.3." + std::to_string(number % 3);
    facts.instance = facts.series + "." + std::to_string(number);
    facts.patient = "VERSION^" + std::to_string(version);
    facts.pixel_bytes = number == kLarge ? base::kMaxSegmentInstanceBytes : 500 + static_cast<size_t>(number) * 400;
    return facts;
  }
  static InstanceKey KeyOf(int number) {
    const Facts facts = FactsOf(number, 0);
    return {facts.study, facts.series, facts.instance};
  }
  const std::string& Bytes(int number, int version) {
    std::string& bytes = bytes_[{number, version}];
    if (bytes.empty()) bytes = MakeInstance(FactsOf(number, version));
    return bytes;
  }
  // The versions that are there, each compared byte for byte.
  Group ReadAll(Instances& instances) {
    Group found;
    for (int number = 0; number < kNumbers; ++number) {
      const auto bytes = Get(instances, kStore, KeyOf(number));
      found[number] = kAbsent;
      if (!bytes.ok()) {
        EXPECT_EQ(bytes.error().code, base::ErrorCode::kNotFound) << bytes.error().message;
        continue;
      }
      constexpr std::string_view kMark = "VERSION^";
      const size_t at = bytes->find(kMark);
      if (at == std::string::npos) {
        ADD_FAILURE() << "number " << number << " is none of ours";
        continue;
      }
      const int version = std::atoi(bytes->c_str() + at + kMark.size());
      EXPECT_TRUE(*bytes == Bytes(number, version)) << "bytes of number " << number << ", version " << version;
      found[number] = version;
    }
    return found;
  }
  void ExpectOneOf(const Group& found, bool crashed) const {
    bool is_old = true;
    bool is_new = crashed && !flight_.empty();
    std::string text;
    for (const auto& [number, version] : found) {
      const auto doubtful = doubtful_.find(number);
      const bool maybe = crashed && doubtful != doubtful_.end() && doubtful->second.contains(version);
      const auto asked = flight_.find(number);
      const int wanted = asked == flight_.end() ? Version(number) : asked->second;
      is_old = is_old && (maybe || version == Version(number));
      is_new = is_new && (maybe || version == wanted);
      text += " " + std::to_string(number) + ":" + std::to_string(version);
      if (version != Version(number)) text += "(not " + std::to_string(Version(number)) + ")";
    }
    EXPECT_TRUE(is_old || is_new) << "found" << text << "; " << flight_.size() << " were being changed";
  }

  Group now_;
  Group flight_;
  std::map<int, std::set<int>> doubtful_;
  std::map<std::pair<int, int>, std::string> bytes_;
  int versions_ = 0;
};

}  // namespace dicomhouse::store::testing
