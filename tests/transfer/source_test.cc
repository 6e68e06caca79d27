#include "transfer/source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/transfer/scratch.h"

namespace dicomhouse::transfer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Paths = std::vector<std::string>;

std::unique_ptr<Source> Started(SourceOptions options) {
  auto source = Source::Start(std::move(options));
  EXPECT_TRUE(source.ok()) << (source.ok() ? "" : source.error().message);
  return source.ok() ? *std::move(source) : nullptr;
}

// All files of a source in the order of its pieces; archives' entries as "ARCHIVE!ENTRY".
Paths Drain(Source& source) {
  Paths paths;
  Piece piece;
  while (source.Next(piece)) {
    paths.insert(paths.end(), piece.files.begin(), piece.files.end());
    while (piece.archive != nullptr) {
      const auto more = piece.archive->Next([&](ArchiveEntry& entry) { paths.push_back(entry.name()); });
      if (!more.ok()) paths.push_back("ERROR " + more.error().message);
      if (!more.ok() || !*more) break;
    }
  }
  EXPECT_TRUE(source.listing_done());
  return paths;
}

Paths FilesOf(const Paths& paths) { return Drain(*Started({.paths = paths})); }

TEST(Source, WalksFoldersSortedWithFilesBeforeFolders) {
  const Scratch scratch;
  for (const char* name : {"b/2", "b/1", "b/a/3", "a/5", "z", ".hidden/.x", "c/d/e/f/g"}) scratch.Write(name, "x");
  std::filesystem::create_directory(scratch.path("empty"));
  const auto source = Started({.paths = {scratch.path("") + "//./"}});
  EXPECT_THAT(Drain(*source), ElementsAre(scratch.path("z"), scratch.path(".hidden/.x"), scratch.path("a/5"), scratch.path("b/1"),
                                          scratch.path("b/2"), scratch.path("b/a/3"), scratch.path("c/d/e/f/g")));
  EXPECT_EQ(source->files_found(), 7U);
  EXPECT_THAT(source->problems(), IsEmpty());
}

TEST(Source, CutsPiecesAndCountsThem) {
  const Scratch scratch;
  for (int i = 0; i < 10; ++i) scratch.Write("f" + std::to_string(i), "x");
  const auto source = Started({.paths = {scratch.path("")}, .files_per_piece = 4});
  std::vector<size_t> sizes;
  Piece piece;
  while (source->Next(piece)) {
    EXPECT_EQ(piece.number, sizes.size());
    EXPECT_EQ(piece.archive, nullptr);
    sizes.push_back(piece.files.size());
  }
  EXPECT_THAT(sizes, ElementsAre(4, 4, 2));
}

TEST(Source, ReadsLinksToFilesAndDoesNotFollowLinksToFolders) {
  const Scratch scratch;
  const Scratch elsewhere;
  elsewhere.Write("far", "x");
  scratch.Write("a/near", "x");
  std::filesystem::create_symlink(elsewhere.path("far"), scratch.path("a/link"));
  std::filesystem::create_symlink(elsewhere.path(""), scratch.path("a/folder_link"));
  std::filesystem::create_symlink(scratch.path("a"), scratch.path("a/loop"));
  std::filesystem::create_symlink("nowhere", scratch.path("a/broken"));
  std::filesystem::create_symlink(scratch.path("a"), scratch.path("root_link"));
  const auto source = Started({.paths = {scratch.path("root_link")}});
  EXPECT_THAT(Drain(*source), ElementsAre(scratch.path("root_link/link"), scratch.path("root_link/near")));
  ASSERT_THAT(source->problems(), SizeIs(1));
  EXPECT_EQ(source->problems()[0].path, scratch.path("root_link/broken"));
  EXPECT_EQ(source->problems()[0].error.code, base::ErrorCode::kNotFound);
}

TEST(Source, PassesOverWhatIsNoFile) {
  const Scratch scratch;
  scratch.Write("file", "x");
  ASSERT_EQ(::mkfifo(scratch.path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(FilesOf({scratch.path("")}), ElementsAre(scratch.path("file")));
  const auto named = Source::Start({.paths = {scratch.path("pipe")}});
  ASSERT_FALSE(named.ok());
  EXPECT_EQ(named.error().code, base::ErrorCode::kInvalidArgument);
}

TEST(Source, RefusesWhatDoesNotExistBeforeAnyWork) {
  const Scratch scratch;
  scratch.Write("file", "x");
  const auto missing = Source::Start({.paths = {scratch.path("file"), scratch.path("none")}});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, base::ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr(scratch.path("none")));
  EXPECT_EQ(Source::Start({}).error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_EQ(Source::Start({.paths = {""}}).error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_EQ(Source::Start({.paths = {"-", "-"}}).error().code, base::ErrorCode::kInvalidArgument);
}

TEST(Source, GivesEachPathOnce) {
  const Scratch scratch;
  for (const char* name : {"a/1", "a/b/2", "a/b/3", "c/4"}) scratch.Write(name, "x");
  std::filesystem::create_symlink(scratch.path("a"), scratch.path("link"));
  const Paths all = {scratch.path("a/1"), scratch.path("a/b/2"), scratch.path("a/b/3"), scratch.path("c/4")};
  Paths found = FilesOf({scratch.path("a/b"), scratch.path("c/4"), scratch.path("a"), scratch.path("link/b/2"),
                         scratch.path("a/../c/4"), scratch.path("a/b/3"), scratch.path("c"), scratch.path("link/b")});
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, all);
}

TEST(Source, OrderedPiecesDoNotDependOnTheOrderOfPaths) {
  const Scratch scratch;
  for (int i = 0; i < 40; ++i) scratch.Write("d" + std::to_string(i % 7) + "/f" + std::to_string(i), "x");
  scratch.Write("d3/a.zip", MakeArchive("zip", "none", {{"1", "1"}, {"2", "2"}}));
  Paths paths;
  for (int i = 0; i < 7; ++i) paths.push_back(scratch.path("d" + std::to_string(i)));
  const Paths first = Drain(*Started({.paths = paths, .ordered = true, .files_per_piece = 3}));
  EXPECT_THAT(first, SizeIs(42));
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
  std::reverse(paths.begin(), paths.end());
  paths.push_back(scratch.path("d5/f5"));
  EXPECT_EQ(Drain(*Started({.paths = paths, .ordered = true, .files_per_piece = 3})), first);
}

TEST(Source, UnreadableFoldersAreProblems) {
  if (::geteuid() == 0) GTEST_SKIP() << "permissions don't bind the superuser";
  const Scratch scratch;
  scratch.Write("locked/1", "x");
  scratch.Write("open/2", "x");
  std::filesystem::permissions(scratch.path("locked"), std::filesystem::perms::none);
  const auto source = Started({.paths = {scratch.path("")}});
  EXPECT_THAT(Drain(*source), ElementsAre(scratch.path("open/2")));
  ASSERT_THAT(source->problems(), SizeIs(1));
  EXPECT_EQ(source->problems()[0].path, scratch.path("locked"));
  std::filesystem::permissions(scratch.path("locked"), std::filesystem::perms::owner_all);
}

TEST(Source, FolderDeeperThanAPathCanNameIsAProblem) {
  const Scratch scratch;
  scratch.Write("file", "x");
  const std::string name(200, 'd');
  int folder = ::open(scratch.path("").c_str(), O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 30; ++depth) {
    ASSERT_EQ(::mkdirat(folder, name.c_str(), 0700), 0);
    const int inner = ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY);
    ::close(folder);
    folder = inner;
  }
  ::close(folder);
  const auto source = Started({.paths = {scratch.path("")}});
  EXPECT_THAT(Drain(*source), ElementsAre(scratch.path("file")));
  EXPECT_THAT(source->problems(), SizeIs(1));
}

TEST(Source, TakesArchivesByNameAndNamedOnesByMagicToo) {
  const Scratch scratch;
  const std::string zip = MakeArchive("zip", "none", {{"one", "1"}, {"two", "2"}});
  scratch.Write("d/a.zip", zip);
  scratch.Write("d/b", zip);
  EXPECT_THAT(FilesOf({scratch.path("d")}),
              ElementsAre(scratch.path("d/a.zip!one"), scratch.path("d/a.zip!two"), scratch.path("d/b")));
  EXPECT_THAT(FilesOf({scratch.path("d/b")}), ElementsAre(scratch.path("d/b!one"), scratch.path("d/b!two")));
}

TEST(Source, BrokenArchiveDoesNotEndTheRest) {
  const Scratch scratch;
  scratch.Write("a.zip", "no zip");
  scratch.Write("b", "x");
  EXPECT_THAT(FilesOf({scratch.path("")}), ElementsAre(HasSubstr("ERROR " + scratch.path("a.zip")), scratch.path("b")));
}

// A pipe with something in it.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    CloseWriter();
  }
  void Write(const std::string& bytes) {
    EXPECT_EQ(::write(ends_[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void CloseWriter() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }
  int reader() const { return ends_[0]; }

 private:
  int ends_[2] = {-1, -1};
};

TEST(Source, ReadsAListOfPaths) {
  const Scratch scratch;
  for (const char* name : {"a/1", "a/2", "b/3", "b/4", "with\nline"}) scratch.Write(name, "x");
  scratch.Write("c.zip", MakeArchive("zip", "none", {{"one", "1"}}));
  Pipe pipe;
  pipe.Write(scratch.path("b/4") + "\n\n" + scratch.path("a") + "\r\n" + scratch.path("b/4") + "\n" + scratch.path("a/2") + "\n" +
             scratch.path("none") + "\n" + scratch.path("c.zip") + "\n" + std::string(5000, 'p') + "\n" + scratch.path("b/3"));
  pipe.CloseWriter();
  const auto source = Started({.paths = {"-"}, .list_descriptor = pipe.reader()});
  EXPECT_THAT(Drain(*source), ElementsAre(scratch.path("b/4"), scratch.path("a/1"), scratch.path("a/2"),
                                          scratch.path("c.zip!one"), scratch.path("b/3")));
  ASSERT_THAT(source->problems(), SizeIs(2));
  EXPECT_EQ(source->problems()[0].path, scratch.path("none"));
  EXPECT_THAT(source->problems()[1].error.message, HasSubstr("longer than a path"));
}

TEST(Source, ReadsAListSeparatedByNulBytes) {
  const Scratch scratch;
  for (const char* name : {"with\nline", "b"}) scratch.Write(name, "x");
  Pipe pipe;
  const std::string nul(1, '\0');
  pipe.Write(scratch.path("with\nline") + nul + scratch.path("b") + nul);
  pipe.CloseWriter();
  EXPECT_THAT(Drain(*Started({.paths = {"-"}, .list_descriptor = pipe.reader()})),
              ElementsAre(scratch.path("with\nline"), scratch.path("b")));
}

TEST(Source, ListAndFoldersTogetherGiveEachPathOnce) {
  const Scratch scratch;
  for (const char* name : {"a/1", "a/b/2", "c/3"}) scratch.Write(name, "x");
  Pipe pipe;
  pipe.Write(scratch.path("a/b/2") + "\n" + scratch.path("c/3") + "\n" + scratch.path("c") + "\n" + scratch.path("") + "\n");
  pipe.CloseWriter();
  const auto source = Started({.paths = {"-", scratch.path("a")}, .list_descriptor = pipe.reader()});
  EXPECT_THAT(Drain(*source), ElementsAre(scratch.path("a/1"), scratch.path("a/b/2"), scratch.path("c/3")));
}

TEST(Source, MakesRelativePathsAbsolute) {
  const Scratch scratch;
  scratch.Write("a/1", "x");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.path(""));
  Pipe pipe;
  pipe.Write("a/1\n./a/../a\n");
  pipe.CloseWriter();
  const auto source = Started({.paths = {"-"}, .list_descriptor = pipe.reader()});
  const auto folder = Started({.paths = {"."}});
  std::filesystem::current_path(before);
  EXPECT_THAT(Drain(*source), ElementsAre(scratch.path("a/1")));
  EXPECT_THAT(Drain(*folder), ElementsAre(scratch.path("a/1")));
}

TEST(Source, SharesAnArchiveAmongWorkersThatHaveNothingElse) {
  const Scratch scratch;
  std::vector<Member> members;
  for (int i = 0; i < 2000; ++i) members.push_back({std::to_string(i), "x"});
  scratch.Write("a.zip", MakeArchive("zip", "none", members));
  scratch.Write("b.zip", MakeArchive("zip", "none", members));
  for (int i = 0; i < 100; ++i) scratch.Write("f" + std::to_string(i), "x");
  const auto source = Started({.paths = {scratch.path("")}, .files_per_piece = 7});
  std::mutex mutex;
  std::multiset<std::string> seen;
  std::map<uint64_t, ArchiveReader*> archives;
  const auto add = [&](const std::string& name) {
    const std::lock_guard lock(mutex);
    seen.insert(name);
  };
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&] {
      Piece piece;
      while (source->Next(piece)) {
        for (const auto& file : piece.files) add(file);
        if (piece.archive == nullptr) continue;
        {
          const std::lock_guard lock(mutex);
          EXPECT_EQ(archives.try_emplace(piece.number, piece.archive.get()).first->second, piece.archive.get());
        }
        while (*piece.archive->Next([&](ArchiveEntry& entry) { add(entry.name()); })) {
        }
      }
    });
  }
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(seen.size(), 4100U);
  EXPECT_EQ((std::set<std::string>(seen.begin(), seen.end()).size()), 4100U);
  EXPECT_EQ(archives.size(), 2U);
}

TEST(Source, CancelWakesWhoWaitsForPieces) {
  Pipe pipe;
  const auto source = Started({.paths = {"-"}, .list_descriptor = pipe.reader()});
  std::thread worker([&] {
    Piece piece;
    EXPECT_FALSE(source->Next(piece));
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  source->Cancel();
  worker.join();
  Piece piece;
  EXPECT_FALSE(source->Next(piece));
}

TEST(Source, CancelWakesTheWalkThatWaitsForWorkers) {
  const Scratch scratch;
  for (int i = 0; i < 300; ++i) scratch.Write("f" + std::to_string(i), "x");
  auto source = Started({.paths = {scratch.path("")}, .files_per_piece = 1});
  while (source->files_found() < 60) std::this_thread::yield();
  EXPECT_LT(source->files_found(), 300U);
  source->Cancel();
  Piece piece;
  EXPECT_FALSE(source->Next(piece));
  source.reset();
}

TEST(Source, EndsWhenItIsDroppedUnread) {
  const Scratch scratch;
  for (int i = 0; i < 300; ++i) scratch.Write("f" + std::to_string(i), "x");
  Started({.paths = {scratch.path("")}, .files_per_piece = 1});
  Pipe pipe;
  Started({.paths = {"-"}, .list_descriptor = pipe.reader()});
}

}  // namespace
}  // namespace dicomhouse::transfer
