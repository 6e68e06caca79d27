#include "transfer/store_source.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "tests/store/instance_maker.h"
#include "tests/transfer/scratch.h"
#include "transfer/exporter.h"

namespace dicomhouse::transfer {
namespace {

using namespace dicom::testing;  // NOLINT(google-build-using-namespace)

constexpr int64_t kStore = 4;
constexpr int kInstances = 600;

// Of all kinds that a header may be: long, with gaps in sequences, in fragments, deflated.
std::string InstanceOf(int number) {
  store::testing::Facts facts;
  facts.series = "1.2.3." + std::to_string(number / 100);
  facts.instance = "1.2.4." + std::to_string(number);
  facts.pixel_bytes = number % 3 == 0 ? 30'000 : 700;
  if (number % 4 == 1) facts.more.push_back(Sequence(0x00081140, {{Bytes(0x00420011, "OB", std::string(9000, 'e'))}}, true));
  if (number % 5 == 2) facts.more.push_back(Text(0x00204000, "LT", std::string(20'000, 't')));
  if (number % 6 == 3) {
    facts.pixel_bytes = 0;
    facts.more.push_back(Fragments(0x7FE00010, "OB", {"", std::string(6000, 'f'), std::string(50'000, 'g')}));
  }
  if (number % 10 != 4) return store::testing::MakeInstance(facts);
  return WriteDeflatedFile({Text(0x00080018, "UI", facts.instance), Text(0x00100010, "PN", "A^B"),
                            Text(0x0020000D, "UI", "1.2.3"), Text(0x0020000E, "UI", facts.series),
                            Text(0x00204000, "LT", std::string(3000, 'z'))});
}

base::Result<ExportReport> ExportAll(Source& source) {
  Progress progress;
  ExportOptions options;
  options.threads = 2;
  const auto table = OpenNullDestination();
  return Export(source, options, *table, nullptr, progress,
                [](const std::string& path, const std::string& text) { ADD_FAILURE() << path << ": " << text; });
}

TEST(StoreSourceTest, AnExportFromAStoreIsThatOfTheFiles) {
  const Scratch scratch;
  auto instances = *store::Instances::Open(scratch.path("data"), base::RealFileSystem());
  std::vector<std::unique_ptr<store::Incoming>> all;
  for (int i = 0; i < kInstances; ++i) {
    const std::string bytes = InstanceOf(i);
    scratch.Write("in/" + std::to_string(i) + ".dcm", bytes);
    auto incoming = store::testing::Receive(*instances, kStore, bytes);
    ASSERT_TRUE(incoming.ok()) << incoming.error().message;
    all.push_back(*std::move(incoming));
  }
  ASSERT_TRUE(instances->Commit(all, store::OnExisting::kRefuse).ok());
  const auto files = *Source::Start({.paths = {scratch.path("in")}});
  const auto expected = ExportAll(*files);
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  auto snapshot = *instances->TakeSnapshot(kStore);
  const auto source = MakeStoreSource(std::move(snapshot), "projects/p/dicomWeb");
  EXPECT_EQ(source->files_found(), static_cast<uint64_t>(kInstances));
  const auto found = ExportAll(*source);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->instances, static_cast<uint64_t>(kInstances));
  EXPECT_EQ(found->instances, expected->instances);
  EXPECT_EQ(found->failures, expected->failures);
  EXPECT_EQ(std::memcmp(&found->elements, &expected->elements, sizeof found->elements), 0);
  EXPECT_EQ(found->columns, expected->columns);
  EXPECT_LT(found->bytes_read, expected->bytes_read);
  EXPECT_TRUE(source->problems().empty());
}

// A snapshot whose index can't be read any more after some entries.
class BrokenSnapshot final : public store::Snapshot {
 public:
  uint64_t instances() const override { return 1000; }
  base::Result<std::vector<Entry>> Next(size_t) override { return base::Error{base::ErrorCode::kIo, "the disk has gone"}; }
  base::Result<std::unique_ptr<dicom::ByteSource>> OpenHeader(const Entry&) override {
    return base::Error{base::ErrorCode::kIo, "the disk has gone"};
  }
  base::Result<std::unique_ptr<store::Blob>> OpenBlob(const Entry&) override {
    return base::Error{base::ErrorCode::kIo, "the disk has gone"};
  }
};

TEST(StoreSourceTest, AnExportOfAStoreThatCanNotBeReadToItsEndFailsAsAWhole) {
  const auto source = MakeStoreSource(std::make_shared<BrokenSnapshot>(), "projects/p");
  const auto report = ExportAll(*source);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().message, "projects/p: the disk has gone");
}

}  // namespace
}  // namespace dicomhouse::transfer
