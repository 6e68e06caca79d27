#include "transfer/internal/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "base/limits.h"
#include "tests/transfer/scratch.h"

namespace dicomhouse::transfer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Cancelled = std::shared_ptr<std::atomic<bool>>;

Cancelled NotCancelled() { return std::make_shared<std::atomic<bool>>(false); }

// Everything that an archive gave: names with bytes or "ERROR: message"; at the end "END" or the archive's error.
struct Reading {
  std::vector<std::pair<std::string, std::string>> entries;
  std::string end;
  base::ErrorCode code{};

  std::string of(const std::string& name) const {
    for (const auto& [entry, bytes] : entries) {
      if (entry == name) return bytes;
    }
    return "no such entry";
  }
};

std::string BytesOf(ArchiveEntry& entry, size_t window) {
  std::string out;
  std::vector<uint8_t> buffer(window);
  for (;;) {
    const auto got = entry.ReadAt(out.size(), buffer);
    if (!got.ok()) return "ERROR: " + got.error().message;
    out.append(reinterpret_cast<const char*>(buffer.data()), *got);
    if (*got < buffer.size()) return out;
  }
}

Reading ReadAll(const std::string& path, size_t window = 1000) {
  const auto archive = MakeArchiveFile(path, NotCancelled());
  Reading reading;
  for (;;) {
    const auto more =
        archive->Next([&](ArchiveEntry& entry) { reading.entries.emplace_back(entry.name(), BytesOf(entry, window)); });
    if (more.ok() && *more) continue;
    EXPECT_TRUE(archive->finished());
    reading.end = more.ok() ? "END" : more.error().message;
    if (!more.ok()) reading.code = more.error().code;
    const auto again = archive->Next([](ArchiveEntry&) { ADD_FAILURE(); });
    EXPECT_TRUE(again.ok() && !*again);
    return reading;
  }
}

std::string FileBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Bytes that don't compress.
std::string Pattern(size_t size, uint32_t seed = 12345) {
  std::string out(size, '\0');
  uint32_t state = seed;
  for (char& c : out) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

TEST(Archive, ReadsEveryFormatAndFilter) {
  const Scratch scratch;
  const std::vector<Member> members = {{"a/", ""}, {"a/one.dcm", Pattern(300'000)}, {"two", "2"}, {"empty", ""}};
  const std::vector<std::vector<std::string>> cases = {
      {"zip", "none", "x.zip"},    {"pax", "none", "x.tar"},       {"ustar", "gzip", "x.tar.gz"},
      {"gnutar", "gzip", "x.tgz"}, {"ustar", "zstd", "x.tar.zst"}, {"pax", "zstd", "x.tzst"},
  };
  for (const auto& one : cases) {
    const std::string path = scratch.Write(one[2], MakeArchive(one[0], one[1], members));
    for (const size_t window : {1U, 4096U, 1U << 20}) {
      const Reading reading = ReadAll(path, window);
      EXPECT_EQ(reading.end, "END") << path;
      ASSERT_EQ(reading.entries.size(), 3U) << path;
      EXPECT_EQ(reading.entries[0].first, path + "!a/one.dcm");
      EXPECT_EQ(reading.of(path + "!a/one.dcm"), members[1].bytes) << path;
      EXPECT_EQ(reading.of(path + "!two"), "2");
      EXPECT_EQ(reading.of(path + "!empty"), "");
    }
  }
}

TEST(Archive, KnowsSizeAndTime) {
  const Scratch scratch;
  const auto archive = MakeArchiveFile(scratch.Write("x.tar", MakeArchive("pax", "none", {{"one", "12345"}})), NotCancelled());
  const auto more = archive->Next([](ArchiveEntry& entry) {
    EXPECT_EQ(entry.size(), 5U);
    EXPECT_EQ(entry.modified_ns(), int64_t{1'600'000'000} * 1'000'000'000);
  });
  EXPECT_TRUE(more.ok() && *more);
}

TEST(Archive, ReadsForwardWithGapsAndLeavesTheRest) {
  const Scratch scratch;
  const std::string big = Pattern(1 << 20);
  for (const char* format : {"zip", "ustar"}) {
    const std::string path = scratch.Write("x.tar", MakeArchive(format, "none", {{"one", big}, {"two", big}}));
    const auto archive = MakeArchiveFile(path, NotCancelled());
    for (int i = 0; i < 2; ++i) {
      const auto more = archive->Next([&](ArchiveEntry& entry) {
        std::vector<uint8_t> buffer(100);
        for (const uint64_t offset : {uint64_t{5}, uint64_t{50}, uint64_t{70'000}, uint64_t{900'000}}) {
          const auto got = entry.ReadAt(offset, buffer);
          ASSERT_TRUE(got.ok());
          EXPECT_EQ(std::string(buffer.begin(), buffer.end()), big.substr(offset, 100));
        }
        const auto past = entry.ReadAt(uint64_t{5} << 20, buffer);
        EXPECT_TRUE(past.ok() && *past == 0);
      });
      EXPECT_TRUE(more.ok() && *more);
    }
  }
}

TEST(Archive, ReadsArchivesInside) {
  const Scratch scratch;
  const std::string zip = MakeArchive("zip", "none", {{"deep", "bytes"}, {"deeper", Pattern(200'000)}});
  const std::string tar = MakeArchive("ustar", "zstd", {{"first", "1"}, {"In.ZIP", zip}, {"last", "9"}});
  const std::string path = scratch.Write("x.tgz", MakeArchive("ustar", "gzip", {{"a.tar.zst", tar}, {"plain", "p"}}));
  const Reading reading = ReadAll(path);
  EXPECT_EQ(reading.end, "END");
  ASSERT_EQ(reading.entries.size(), 5U);
  EXPECT_EQ(reading.of(path + "!a.tar.zst!first"), "1");
  EXPECT_EQ(reading.of(path + "!a.tar.zst!In.ZIP!deep"), "bytes");
  EXPECT_EQ(reading.of(path + "!a.tar.zst!In.ZIP!deeper"), Pattern(200'000));
  EXPECT_EQ(reading.of(path + "!a.tar.zst!last"), "9");
  EXPECT_EQ(reading.of(path + "!plain"), "p");
}

TEST(Archive, EndsNestingAtTheLimit) {
  const Scratch scratch;
  std::string bytes = MakeArchive("zip", "none", {{"core", "c"}});
  for (int depth = 0; depth < base::kMaxArchiveDepth; ++depth) bytes = MakeArchive("zip", "none", {{"in.zip", bytes}});
  EXPECT_THAT(ReadAll(scratch.Write("fits.zip", bytes)).entries.at(0).second, "c");
  const Reading reading = ReadAll(scratch.Write("deep.zip", MakeArchive("zip", "none", {{"in.zip", bytes}, {"after", "a"}})));
  ASSERT_EQ(reading.entries.size(), 2U);
  EXPECT_THAT(reading.entries[0].second, HasSubstr("kMaxArchiveDepth"));
  EXPECT_EQ(reading.entries[1].second, "a");
}

TEST(Archive, BrokenArchiveInsideIsAFailedEntry) {
  const Scratch scratch;
  const std::string inner = MakeArchive("ustar", "none", {{"one", "1"}, {"two", Pattern(20'000)}});
  const std::string path = scratch.Write(
      "x.tar", MakeArchive("ustar", "none", {{"no.zip", "not a zip"}, {"cut.tar", inner.substr(0, 5000)}, {"z", "z"}}));
  const Reading reading = ReadAll(path);
  EXPECT_EQ(reading.end, "END");
  EXPECT_THAT(reading.of(path + "!no.zip"),
              AllOf(HasSubstr("ERROR: " + path + "!no.zip"), HasSubstr("can't be read as an archive")));
  EXPECT_EQ(reading.of(path + "!cut.tar!one"), "1");
  EXPECT_THAT(reading.of(path + "!cut.tar!two"), HasSubstr("ERROR: " + path + "!cut.tar!two: can't be unpacked"));
  EXPECT_EQ(reading.of(path + "!z"), "z");
}

TEST(Archive, EncryptedEntriesFailWithAReason) {
  const Scratch scratch;
  for (const char* options : {"zip:encryption=traditional", "zip:encryption=aes256"}) {
    const std::string path = scratch.Write("x.zip", MakeArchive("zip", "none", {{"one", "111"}, {"in.zip", "222"}}, options));
    const Reading reading = ReadAll(path);
    EXPECT_EQ(reading.end, "END");
    EXPECT_THAT(reading.of(path + "!one"), HasSubstr("encrypted"));
    EXPECT_THAT(reading.of(path + "!in.zip"), HasSubstr("encrypted"));
  }
}

TEST(Archive, NamesAreOnlyNames) {
  const Scratch scratch;
  const std::string path =
      scratch.Write("x.tar", MakeArchive("ustar", "none", {{"../../etc/passwd", "x"}, {"/abs", "y"}, {"..", "z"}}));
  const Reading reading = ReadAll(path);
  EXPECT_EQ(reading.of(path + "!../../etc/passwd"), "x");
  EXPECT_EQ(reading.of(path + "!/abs"), "y");
  EXPECT_EQ(reading.of(path + "!.."), "z");
}

TEST(Archive, NamesOfAnyCharacters) {
  const Scratch scratch;
  const std::string name = "Grün 画像\n.dcm";
  for (const char* format : {"ustar", "zip"}) {
    const Reading reading = ReadAll(scratch.Write("x.tar", MakeArchive(format, "none", {{name, "x"}})));
    ASSERT_EQ(reading.entries.size(), 1U);
    EXPECT_EQ(reading.entries[0].first, scratch.path("x.tar") + "!" + name);
  }
}

// A ZIP with one stored file "ü" = "x", whose flags say that names are UTF-8.
TEST(Archive, NamesMarkedAsUtf8InAnyLocale) {
  const std::string name = "\xc3\xbc";
  const std::string common =
      std::string("\x14\0\0\x08\0\0\0\0\x21\x00", 10) + std::string("\x83\x16\xdc\x8c\1\0\0\0\1\0\0\0\2\0\0\0", 16);
  const std::string local = std::string("PK\3\4", 4) + common + name + "x";
  const std::string central = std::string("PK\1\2\x14\0", 6) + common + std::string(14, '\0') + name;
  const std::string end = std::string("PK\5\6\0\0\0\0\1\0\1\0\x30\0\0\0\x21\0\0\0\0\0", 22);
  const Scratch scratch;
  const std::string path = scratch.Write("x.zip", local + central + end);
  const Reading reading = ReadAll(path);
  EXPECT_EQ(reading.end, "END");
  EXPECT_EQ(reading.of(path + "!" + name), "x");
}

TEST(Archive, WhatIsNotAnArchiveIsCorrupt) {
  const Scratch scratch;
  for (const std::string& bytes :
       {std::string("no archive at all"), std::string("PK\x03\x04zzzz"), std::string("\x1f\x8b\x08"), Pattern(9999)}) {
    const Reading reading = ReadAll(scratch.Write("x.zip", bytes));
    EXPECT_EQ(reading.code, base::ErrorCode::kCorrupt);
    EXPECT_THAT(reading.end, HasSubstr(scratch.path("x.zip")));
  }
  EXPECT_EQ(ReadAll(scratch.path("missing.zip")).code, base::ErrorCode::kNotFound);
}

TEST(Archive, CutArchivesAreFoundOutAtEveryLength) {
  const Scratch scratch;
  const std::vector<Member> members = {{"one", Pattern(3000, 1)}, {"two", Pattern(3000, 2)}, {"three", Pattern(3000, 3)}};
  for (const char* filter : {"none", "gzip", "zstd"}) {
    const std::string whole = MakeArchive("ustar", filter, members);
    for (size_t size = 100; size < 8900; size += 611) {
      const std::string path = scratch.Write("x.tar", whole.substr(0, size));
      const Reading reading = ReadAll(path);
      size_t good = 0;
      for (const auto& [name, bytes] : reading.entries) good += bytes.starts_with("ERROR: ") ? 0 : 1;
      EXPECT_LT(good, members.size());
      // A tar without its end marker counts as whole, so a cut between two entries can't be seen.
      const bool between = std::string(filter) == "none" && size % (3072 + 512) == 0;
      EXPECT_TRUE(reading.end != "END" || between) << filter << " " << size;
    }
  }
}

TEST(Archive, AllInFrontOfACutIsRead) {
  const Scratch scratch;
  const std::vector<Member> members = {{"one", Pattern(200'000, 1)}, {"two", Pattern(200'000, 2)}, {"three", "3"}};
  const std::string gzip = MakeArchive("ustar", "gzip", members);
  // A trailer of eight bytes, of which some are missing: all of the entries are there.
  for (size_t cut = 1; cut <= 8; ++cut) {
    const Reading reading = ReadAll(scratch.Write("x.tar.gz", gzip.substr(0, gzip.size() - cut)));
    ASSERT_EQ(reading.entries.size(), 3U) << cut;
    for (size_t i = 0; i < members.size(); ++i) EXPECT_EQ(reading.entries[i].second, members[i].bytes) << cut;
    EXPECT_THAT(reading.end, HasSubstr("x.tar.gz: can't be unpacked: it ends early")) << cut;
  }
  // Bytes that don't compress: half of them are one entry and less than the next.
  for (const char* filter : {"gzip", "zstd"}) {
    const std::string whole = MakeArchive("ustar", filter, members);
    const Reading reading = ReadAll(scratch.Write("x.tgz", whole.substr(0, whole.size() * 2 / 3)));
    ASSERT_EQ(reading.entries.size(), 2U) << filter;
    EXPECT_EQ(reading.entries[0].second, members[0].bytes) << filter;
    EXPECT_THAT(reading.entries[1].second, HasSubstr("ERROR: ")) << filter;
    EXPECT_THAT(reading.end, HasSubstr("it ends early")) << filter;
  }
}

TEST(Archive, AWrongChecksumOfAllIsFoundOutBehindTheEntries) {
  const Scratch scratch;
  std::string bytes = MakeArchive("ustar", "gzip", {{"one", "1"}});
  bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);
  const Reading reading = ReadAll(scratch.Write("x.tgz", bytes));
  EXPECT_EQ(reading.of(scratch.path("x.tgz") + "!one"), "1");
  EXPECT_THAT(reading.end, HasSubstr("incorrect data check"));
}

// All frames and blocks in front of the fault, however few bytes they are.
TEST(Archive, AllInFrontOfADamagedFrameIsRead) {
  const Scratch scratch;
  const std::string tar = MakeArchive("ustar", "none", {{"one", Pattern(200'000, 1)}, {"two", Pattern(9000, 2)}});
  const std::string out = scratch.path("x.tar.zst");
  const std::string pack = "zstd -c --check " + scratch.Write("x.tar", tar) + " > " + out;
  ASSERT_EQ(std::system(pack.c_str()), 0);
  std::string bytes = FileBytes(out);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);  // of the checksum
  const Reading wrong = ReadAll(scratch.Write("x.tar.zst", bytes));
  EXPECT_EQ(wrong.of(out + "!one"), Pattern(200'000, 1));
  EXPECT_EQ(wrong.of(out + "!two"), Pattern(9000, 2));
  EXPECT_THAT(wrong.end, HasSubstr("checksum"));

  const std::string small = MakeArchive("ustar", "none", {{"one", "1"}, {"two", "2"}});
  ASSERT_EQ(std::system(("head -c 1024 " + scratch.Write("y.tar", small) + " | zstd -c > " + out).c_str()), 0);
  bytes = FileBytes(out) + "no frame follows";
  const Reading reading = ReadAll(scratch.Write("x.tar.zst", bytes));
  EXPECT_EQ(reading.of(out + "!one"), "1");
  EXPECT_THAT(reading.end, HasSubstr("can't be unpacked"));
}

TEST(Archive, MembersAndFramesOneBehindTheOtherAreOneStream) {
  const Scratch scratch;
  const std::string tar = MakeArchive("ustar", "none", {{"one", Pattern(9000)}, {"two", "2"}});
  for (const std::string tool : {"gzip", "zstd"}) {
    const std::string path = scratch.Write("x.tar", tar);
    const std::string out = scratch.path("x.tgz");
    const std::string pack = " | " + tool + " -c >> " + out;
    ASSERT_EQ(std::system(("rm -f " + out + "; head -c 5000 " + path + pack + "; tail -c +5001 " + path + pack).c_str()), 0);
    const Reading reading = ReadAll(out);
    EXPECT_EQ(reading.end, "END") << tool;
    EXPECT_EQ(reading.of(out + "!one"), Pattern(9000)) << tool;
    EXPECT_EQ(reading.of(out + "!two"), "2") << tool;
  }
  // gzip leaves alone what stands behind a stream.
  std::string padded = MakeArchive("ustar", "gzip", {{"one", "1"}});
  padded.append(5000, '\0');
  EXPECT_EQ(ReadAll(scratch.Write("x.tgz", padded)).end, "END");
}

TEST(Archive, CutInAnEntryThatNobodyReadsIsFoundOut) {
  const Scratch scratch;
  const std::string path = scratch.Write("x.tar", MakeArchive("ustar", "none", {{"one", Pattern(500'000)}}).substr(0, 300'000));
  const auto archive = MakeArchiveFile(path, NotCancelled());
  EXPECT_TRUE(*archive->Next([](ArchiveEntry&) {}));
  const auto end = archive->Next([](ArchiveEntry&) {});
  ASSERT_FALSE(end.ok());
  EXPECT_THAT(end.error().message, AllOf(HasSubstr(path), HasSubstr("after the entry \"one\"")));
}

TEST(Archive, WrongChecksumOfAZipEntryFailsThatEntry) {
  const Scratch scratch;
  std::string bytes = MakeArchive("zip", "none", {{"one", std::string(3000, 'a')}, {"two", "2"}}, "zip:compression=store");
  bytes[bytes.find("aaaa") + 50] = 'b';
  const std::string path = scratch.Write("x.zip", bytes);
  const Reading reading = ReadAll(path);
  EXPECT_THAT(reading.of(path + "!one"), HasSubstr("ERROR: " + path + "!one: can't be unpacked"));
  EXPECT_EQ(reading.of(path + "!two"), "2");
  EXPECT_EQ(reading.end, "END");
}

TEST(Archive, DamagedBytesNeverCrash) {
  const Scratch scratch;
  const std::string inner = MakeArchive("zip", "none", {{"one", Pattern(500)}, {"two", std::string(5000, 'x')}});
  for (const char* format : {"zip", "pax"}) {
    const std::string whole = MakeArchive(format, "none", {{"a", Pattern(300)}, {"in.zip", inner}, {"z", "z"}});
    for (size_t at = 0; at < whole.size(); at += 7) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
      ReadAll(scratch.Write("x.tar", bytes), 512);
    }
  }
}

TEST(Archive, ABombCostsOnlyWhatIsRead) {
  const Scratch scratch;
  std::string inner = MakeArchive("ustar", "gzip", {{"bomb", std::string(64 << 20, '\0')}});
  const auto archive = MakeArchiveFile(scratch.Write("x.tgz", inner), NotCancelled());
  const auto more = archive->Next([](ArchiveEntry& entry) {
    std::vector<uint8_t> buffer(16 << 10);
    const auto got = entry.ReadAt(0, buffer);
    EXPECT_TRUE(got.ok() && *got == buffer.size());
  });
  EXPECT_TRUE(more.ok() && *more);
}

TEST(Archive, WorkersShareOne) {
  const Scratch scratch;
  std::vector<Member> members;
  for (int i = 0; i < 500; ++i) members.push_back({std::to_string(i), std::to_string(i * i)});
  const auto archive = MakeArchiveFile(scratch.Write("x.zip", MakeArchive("zip", "none", members)), NotCancelled());
  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&] {
      for (;;) {
        const auto more = archive->Next([&](ArchiveEntry& entry) {
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(seen.insert(entry.name()).second);
        });
        if (!more.ok() || !*more) break;
      }
    });
  }
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(seen.size(), members.size());
}

TEST(Archive, CancelEndsTheReading) {
  const Scratch scratch;
  const auto cancelled = NotCancelled();
  const auto archive =
      MakeArchiveFile(scratch.Write("x.zip", MakeArchive("zip", "none", {{"1", "1"}, {"2", "2"}, {"3", "3"}})), cancelled);
  EXPECT_TRUE(*archive->Next([&](ArchiveEntry&) { cancelled->store(true); }));
  const auto more = archive->Next([](ArchiveEntry&) { ADD_FAILURE(); });
  EXPECT_TRUE(more.ok() && !*more);
  EXPECT_TRUE(archive->finished());
}

TEST(Archive, KnownByNameAndByMagic) {
  for (const char* name : {"a.zip", "A.ZIP", "x/y.tar", "y.tar.gz", "y.TGZ", "y.tar.zst", "y.tzst", "a.b.tar"})
    EXPECT_TRUE(HasArchiveName(name)) << name;
  for (const char* name : {"", "zip", ".zip", "a.zip.dcm", "a.gz", "a.dcm", "a.tar.xz", "tar"})
    EXPECT_FALSE(HasArchiveName(name)) << name;
  const Scratch scratch;
  for (const char* filter : {"gzip", "zstd", "none"}) {
    EXPECT_TRUE(HasArchiveMagic(scratch.Write("x", MakeArchive("ustar", filter, {{"one", "1"}})))) << filter;
  }
  EXPECT_TRUE(HasArchiveMagic(scratch.Write("x", MakeArchive("zip", "none", {{"one", "1"}}))));
  EXPECT_FALSE(HasArchiveMagic(scratch.Write("x", "PK\x03\x04" + std::string(124, '\0') + "DICM" + std::string(200, 'x'))));
  EXPECT_FALSE(HasArchiveMagic(scratch.Write("x", "")));
  EXPECT_FALSE(HasArchiveMagic(scratch.path("missing")));
}

}  // namespace
}  // namespace dicomhouse::transfer
