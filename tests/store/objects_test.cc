#include "store/objects.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "store/internal/crc32c.h"
#include "tests/base/faulty_file_system.h"
#include "tests/transfer/scratch.h"

namespace dicomhouse::store {
namespace {

using base::ErrorCode;
using transfer::Scratch;

std::span<const uint8_t> BytesOf(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    text += digits;
  }
  return text;
}

std::unique_ptr<Objects> OpenIn(const Scratch& scratch, base::FileSystem& files = base::RealFileSystem()) {
  auto objects = Objects::Open(scratch.path("data"), files);
  EXPECT_TRUE(objects.ok()) << (objects.ok() ? "" : objects.error().message);
  return objects.ok() ? *std::move(objects) : nullptr;
}

base::Result<Object> Put(Objects& objects, const std::string& name, std::string_view contents,
                         std::optional<int64_t> if_generation = std::nullopt) {
  Object object;
  object.bucket = "bucket";
  object.name = name;
  DH_ASSIGN(const auto writer, objects.Write(object));
  DH_CHECK(writer->Append(BytesOf(contents)));
  return writer->Finish(if_generation);
}

// The contents of an object, or the error's text.
std::string Contents(Objects& objects, const std::string& name) {
  const auto reader = objects.Read("bucket", name);
  if (!reader.ok()) return reader.error().message;
  std::string bytes((*reader)->object().size + 10, '\0');
  const auto got = (*reader)->ReadAt(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  return got.ok() ? bytes.substr(0, *got) : got.error().message;
}

std::vector<std::string> FilesIn(const Scratch& scratch) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch.path("data/objects"))) {
    if (entry.is_regular_file()) names.push_back(entry.path().string());
  }
  return names;
}

TEST(Objects, KeepContentsSumsTypeAndMetadata) {
  const Scratch scratch;
  {
    const auto objects = OpenIn(scratch);
    ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
    Object object;
    object.bucket = "bucket";
    object.name = "a/ü b";
    object.content_type = "text/plain";
    object.metadata.Set("key", "value");
    const auto writer = objects->Write(object);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(BytesOf("1234")).ok());
    ASSERT_TRUE((*writer)->Pause().ok());
    ASSERT_TRUE((*writer)->Append(BytesOf("56789")).ok());
    const auto written = (*writer)->Finish(std::nullopt);
    ASSERT_TRUE(written.ok());
    EXPECT_EQ(Hex(written->md5), "25f9e794323b453885f5181f1b624d0b");  // md5sum
    EXPECT_EQ(written->crc32c, 0xE3069283);                            // the check value of CRC-32C
  }
  const auto objects = OpenIn(scratch);
  const auto read = objects->Get("bucket", "a/ü b");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->size, 9U);
  EXPECT_EQ(Hex(read->md5), "25f9e794323b453885f5181f1b624d0b");
  EXPECT_EQ(read->crc32c, 0xE3069283);
  EXPECT_EQ(read->content_type, "text/plain");
  EXPECT_EQ(read->metadata["key"].as_string(), "value");
  EXPECT_EQ(read->metageneration, 1);
  EXPECT_EQ(Contents(*objects, "a/ü b"), "123456789");
}

TEST(Objects, SumsOfAnyPiecesAreThoseOfTheWhole) {
  std::mt19937 random(1);
  std::string bytes(1000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  const uint32_t whole = ExtendCrc32c(0, BytesOf(bytes));
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    const std::string_view text = bytes;
    EXPECT_EQ(ExtendCrc32c(ExtendCrc32c(0, BytesOf(text.substr(0, cut))), BytesOf(text.substr(cut))), whole);
  }
}

TEST(Objects, GenerationsAscendWithEachWriteAndAreComparedWhenAsked) {
  const Scratch scratch;
  const auto objects = OpenIn(scratch);
  ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
  const auto first = Put(*objects, "x", "1", 0);
  ASSERT_TRUE(first.ok());
  const auto refused = Put(*objects, "x", "2", 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Contents(*objects, "x"), "1");
  const auto second = Put(*objects, "x", "2", first->generation);
  ASSERT_TRUE(second.ok());
  EXPECT_GT(second->generation, first->generation);
  EXPECT_EQ(objects->Delete("bucket", "x", first->generation).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(objects->Delete("bucket", "x", second->generation).ok());
  EXPECT_EQ(objects->Delete("bucket", "x", std::nullopt).error().code, ErrorCode::kNotFound);
  const auto third = Put(*objects, "x", "3");
  ASSERT_TRUE(third.ok());
  EXPECT_GT(third->generation, second->generation);
}

TEST(Objects, OpenReadersKeepWhatTheyOpened) {
  const Scratch scratch;
  const auto objects = OpenIn(scratch);
  ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
  ASSERT_TRUE(Put(*objects, "x", "old").ok());
  const auto reader = objects->Read("bucket", "x");
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(Put(*objects, "x", "new").ok());
  std::string bytes(3, '\0');
  ASSERT_TRUE((*reader)->ReadAt(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}).ok());
  EXPECT_EQ(bytes, "old");
  EXPECT_EQ(Contents(*objects, "x"), "new");
  EXPECT_EQ(FilesIn(scratch).size(), 1U);
}

TEST(Objects, WritersWithoutAnEndLeaveNothing) {
  const Scratch scratch;
  const auto objects = OpenIn(scratch);
  ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
  Object object;
  object.bucket = "bucket";
  object.name = "x";
  {
    const auto writer = objects->Write(object);
    ASSERT_TRUE((*writer)->Append(BytesOf("never")).ok());
  }
  EXPECT_EQ(objects->Get("bucket", "x").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(FilesIn(scratch).empty());
}

TEST(Objects, NamesAreNoFileNames) {
  const Scratch scratch;
  const auto objects = OpenIn(scratch);
  ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
  for (const std::string name : {"../../x", "/etc/x", "a/../b", "new/1", "C:\\x"}) {
    ASSERT_TRUE(Put(*objects, name, name).ok()) << name;
    EXPECT_EQ(Contents(*objects, name), name);
  }
  for (const std::string& file : FilesIn(scratch)) EXPECT_TRUE(file.starts_with(scratch.path("data/objects/")));
  for (const std::string& name : {std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3), std::string("\xFF"),
                                  std::string(), std::string(1025, 'x'), std::string("..")}) {
    EXPECT_EQ(Put(*objects, name, "").error().code, ErrorCode::kInvalidArgument) << name;
  }
  EXPECT_TRUE(Put(*objects, std::string(1024, 'x'), "").ok());
}

TEST(Objects, BucketsAreMadeListedAndRemoved) {
  const Scratch scratch;
  const auto objects = OpenIn(scratch);
  for (const std::string name : {"bucket", "zeta", "alpha.x-y_1"}) ASSERT_TRUE(objects->CreateBucket("p", name).ok());
  EXPECT_EQ(objects->CreateBucket("q", "bucket").error().code, ErrorCode::kAlreadyExists);
  for (const std::string name : {"ab", "Bucket", "-abc", "a/b/c", "../x", ""}) {
    EXPECT_EQ(objects->CreateBucket("p", name).error().code, ErrorCode::kInvalidArgument) << name;
  }
  const auto page = objects->ListBuckets("p", "", {.size = 2, .token = ""});
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->items.size(), 2U);
  EXPECT_EQ(page->items[0].name, "alpha.x-y_1");
  const auto rest = objects->ListBuckets("p", "", {.size = 2, .token = page->next});
  ASSERT_TRUE(rest.ok());
  ASSERT_EQ(rest->items.size(), 1U);
  EXPECT_EQ(rest->items[0].name, "zeta");
  EXPECT_EQ(rest->next, "");
  EXPECT_TRUE(objects->ListBuckets("q", "", {})->items.empty());
  ASSERT_TRUE(Put(*objects, "x", "").ok());
  EXPECT_EQ(objects->DeleteBucket("bucket").error().code, ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(objects->Delete("bucket", "x", std::nullopt).ok());
  EXPECT_TRUE(objects->DeleteBucket("bucket").ok());
  EXPECT_EQ(objects->GetBucket("bucket").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Put(*objects, "x", "").error().code, ErrorCode::kNotFound);
}

TEST(Objects, CopiesAndUpdatesLeaveTheContentsAlone) {
  const Scratch scratch;
  const auto objects = OpenIn(scratch);
  ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
  ASSERT_TRUE(Put(*objects, "x", "contents").ok());
  Object to;
  to.bucket = "bucket";
  to.name = "y";
  to.content_type = "text/html";
  const auto copy = objects->Copy("bucket", "x", to, 0);
  ASSERT_TRUE(copy.ok()) << copy.error().message;
  EXPECT_EQ(copy->size, 8U);
  EXPECT_EQ(objects->Copy("bucket", "x", to, 0).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(objects->Copy("bucket", "y", to, std::nullopt).ok());  // onto itself
  ASSERT_TRUE(objects->Delete("bucket", "x", std::nullopt).ok());
  EXPECT_EQ(Contents(*objects, "y"), "contents");
  to.metadata.Set("a", "b");
  const auto updated = objects->Update(to, 1);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->metageneration, 2);
  EXPECT_EQ(objects->Get("bucket", "y")->metadata["a"].as_string(), "b");
  EXPECT_EQ(objects->Update(to, 1).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(FilesIn(scratch).size(), 1U);
}

// What List answers, against a slow and obvious reckoning over the sorted names.
TEST(Objects, ListsAreByBytesWithPrefixesOncePageByPage) {
  const Scratch scratch;
  const auto objects = OpenIn(scratch);
  ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
  ASSERT_TRUE(objects->CreateBucket("p", "other").ok());
  std::set<std::string> names;
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {"a", "b", "/", "//", "B", "é", "~", "-", "a/", "0"};
  while (names.size() < 120) {
    std::string name;
    for (auto n = 1 + random() % 5; n > 0; --n) name += pieces[random() % pieces.size()];
    names.insert(name);
  }
  for (const std::string& name : names) ASSERT_TRUE(Put(*objects, name, "").ok());
  for (const std::string prefix : {"", "a", "a/", "/", "é", "zz", "a//"}) {
    for (const std::string delimiter : {"", "/", "a"}) {
      std::vector<std::string> expected;
      for (const std::string& name : names) {
        if (!name.starts_with(prefix)) continue;
        const size_t cut = delimiter.empty() ? std::string::npos : name.find(delimiter, prefix.size());
        const std::string item = cut == std::string::npos ? "object " + name : "prefix " + name.substr(0, cut + delimiter.size());
        if (expected.empty() || expected.back() != item) expected.push_back(item);
      }
      for (const int size : {1, 3, 1000}) {
        std::vector<std::string> found;
        PageRequest page{size, ""};
        do {
          const auto listing = objects->List("bucket", prefix, delimiter, page);
          ASSERT_TRUE(listing.ok());
          EXPECT_LE(listing->objects.size() + listing->prefixes.size(), static_cast<size_t>(size));
          for (const Object& object : listing->objects) found.push_back("object " + object.name);
          for (const std::string& name : listing->prefixes) found.push_back("prefix " + name);
          page.token = listing->next;
        } while (!page.token.empty());
        EXPECT_EQ(std::multiset<std::string>(found.begin(), found.end()),
                  std::multiset<std::string>(expected.begin(), expected.end()))
            << prefix << " " << delimiter << " " << size;
      }
    }
  }
  EXPECT_EQ(objects->List("bucket", "", "", {10, "no token"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(objects->List("none", "", "", {}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(objects->List("other", "", "", {})->objects.empty());
}

// Every file operation of a replacement is the last one of the process once: then the old object is there or the new one, whole,
// and no file without a row.
TEST(Objects, AreOldOrNewWhereverTheProcessStops) {
  for (int at = 1; at < 100; ++at) {
    const Scratch scratch;
    base::FaultyFileSystem files;
    bool acknowledged = false;
    bool stopped = false;
    {
      const auto objects = OpenIn(scratch, files);
      ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
      ASSERT_TRUE(Put(*objects, "x", "old").ok());
      files.StopAt(files.operations() + at);
      acknowledged = Put(*objects, "x", "new").ok();
      const int before = files.operations();
      (void)files.Remove(scratch.path("data/objects/probe"));
      stopped = files.operations() > before && !files.Remove(scratch.path("data/objects/probe")).ok();
    }
    files.Heal();
    const auto objects = OpenIn(scratch, files);
    const std::string contents = Contents(*objects, "x");
    EXPECT_TRUE(contents == "new" || (contents == "old" && !acknowledged)) << at << " " << contents;
    EXPECT_EQ(FilesIn(scratch).size(), 1U) << at;
    if (!stopped) return;
  }
  FAIL() << "a replacement has a hundred operations?";
}

TEST(Objects, FullDisksAreErrorsAndLeaveTheOldObject) {
  for (int at = 1; at < 100; ++at) {
    const Scratch scratch;
    base::FaultyFileSystem files;
    const auto objects = OpenIn(scratch, files);
    ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
    ASSERT_TRUE(Put(*objects, "x", "old").ok());
    const int before = files.operations();
    files.FailAt(before + at, base::FaultyFileSystem::Fault::kNoSpace);
    const auto put = Put(*objects, "x", "new");
    EXPECT_TRUE(put.ok() || put.error().code == ErrorCode::kIo) << at;
    EXPECT_EQ(Contents(*objects, "x"), put.ok() ? "new" : "old") << at;
    if (files.operations() < before + at) return;
  }
  FAIL() << "a replacement has a hundred operations?";
}

TEST(Objects, ManyThreadsWriteReadAndRemove) {
  const Scratch scratch;
  const auto objects = OpenIn(scratch);
  ASSERT_TRUE(objects->CreateBucket("p", "bucket").ok());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&objects, &wrong, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string name = "shared" + std::to_string(i % 3);
        if (!Put(*objects, name, "whole").ok()) ++wrong;
        const auto reader = objects->Read("bucket", name);
        std::string bytes(6, '\0');
        if (reader.ok()) {
          const auto got = (*reader)->ReadAt(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
          if (!got.ok() || bytes.substr(0, *got) != "whole") ++wrong;
        } else if (reader.error().code != ErrorCode::kNotFound) {
          ++wrong;
        }
        if (t == 0) (void)objects->Delete("bucket", name, std::nullopt);
        if (!objects->List("bucket", "", "", {}).ok()) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(FilesIn(scratch).size(), objects->List("bucket", "", "", {})->objects.size());
}

}  // namespace
}  // namespace dicomhouse::store
