#include "transfer/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/sha256.h"
#include "tests/base/faulty_file_system.h"
#include "tests/dicom/dicom_writer.h"
#include "tests/transfer/scratch.h"
#include "tests/warehouse/table_maker.h"
#include "warehouse/parquet_scan.h"

namespace dicomhouse::transfer {
namespace {

using dicom::testing::DataSet;
using dicom::testing::Text;
using dicom::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

const warehouse::TableName kName{"local", "dicom", "metadata"};
const warehouse::TableName kAccountName{"local", "dicom", "metadata_account"};

std::string Instance(const std::string& uid, const std::string& patient, const DataSet& more = {}) {
  DataSet data = {Text(0x00080018, "UI", uid), Text(0x00100020, "LO", patient), Text(0x0020000D, "UI", "1.2.7"),
                  Text(0x0020000E, "UI", "1.2.8")};
  data.insert(data.end(), more.begin(), more.end());
  std::stable_sort(data.begin(), data.end(), [](const auto& a, const auto& b) { return a.tag < b.tag; });
  return WriteFile(data);
}

class ExporterTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) { return scratch_.Write("in/" + name, bytes); }

  base::Result<ExportReport> Run(ExportOptions options = {},
                                 warehouse::Disposition disposition = warehouse::Disposition::kAppend) {
    DH_ASSIGN(const auto source, Source::Start({.paths = {scratch_.path("in")}, .ordered = true, .files_per_piece = 3}));
    const warehouse::Warehouse warehouse(scratch_.path("warehouse"), files_);
    DH_ASSIGN(const auto table, OpenTableDestination(warehouse, kName, disposition));
    DH_ASSIGN(const auto account, OpenTableDestination(warehouse, kAccountName, disposition));
    return Export(*source, options, *table, account.get(), progress_,
                  [this](const std::string& path, const std::string& text) { said_.push_back(path + ": " + text); });
  }
  // Of the table as it is now.
  std::string Ask(const std::string& columns, const warehouse::TableName& name = kName) const {
    const warehouse::Warehouse warehouse(scratch_.path("warehouse"));
    const auto snapshot = warehouse.OpenTable(name);
    if (!snapshot.ok()) return "no table\n";
    return warehouse::Ask("SELECT " + columns + " FROM (" + *warehouse::ScanSql(*snapshot, {}) + ") ORDER BY ALL");
  }
  // Files in the warehouse, hidden ones too.
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    if (!std::filesystem::exists(scratch_.path("warehouse"))) return names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch_.path("warehouse"))) {
      if (entry.is_regular_file()) names.push_back(entry.path().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  Scratch scratch_;
  base::FaultyFileSystem files_;
  Progress progress_;
  std::vector<std::string> said_;
};

TEST_F(ExporterTest, EveryFileIsCountedOnce) {
  Write("a.dcm", Instance("1.1", "P1"));
  Write("b.dcm", Instance("1.2", "P1"));
  Write("copy.dcm", Instance("1.1", "P1"));
  Write("text.txt", "no DICOM");
  Write("broken.dcm", dicom::testing::Preamble());
  Write("DICOMDIR", dicom::testing::Preamble() +
                        dicom::testing::Write({Text(0x00020002, "UI", "1.2.840.10008.1.3.10")}, dicom::testing::kExplicitLittle));
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->files, 6U);
  EXPECT_EQ(report->instances, 2U);
  EXPECT_EQ(report->duplicates, 1U);
  EXPECT_EQ(report->skipped, 2U);
  EXPECT_EQ(report->filtered, 0U);
  uint64_t failures = 0;
  for (const auto& [reason, count] : report->failures) failures += count;
  EXPECT_EQ(failures, 1U);
  EXPECT_EQ(report->files, report->instances + report->duplicates + report->skipped + failures);
  EXPECT_THAT(said_, ElementsAre(HasSubstr("broken.dcm")));
  EXPECT_EQ(Ask("SOPInstanceUID, PatientID"), "1.1|P1\n1.2|P1\n");
  EXPECT_EQ(Ask("Reason, SOPInstanceUID", kAccountName), "DUPLICATE_INSTANCE|1.1\nFILE|\n");
  EXPECT_EQ(progress_.files, 6U);
  EXPECT_EQ(report->elements.counts.read, 10U);  // of two rows: five elements each, the transfer syntax too
  EXPECT_TRUE(report->elements.counts.balanced());
}

TEST_F(ExporterTest, TheRowsAreTheSameForAnyNumberOfThreads) {
  for (int i = 0; i < 60; ++i) {
    // Five copies of each of twelve instances; the patient tells which copy it is.
    DataSet more = {dicom::testing::Us(0x00280010, {static_cast<uint16_t>(i % 3)})};
    if (i % 4 == 0) more.push_back(Text(0x00104000, "LT", "only sometimes"));
    more.push_back(Text(0x00080020, "DA", "no date" + std::to_string(i % 2)));
    more.push_back(dicom::testing::Bytes(0x00282000, "OB", "bulk"));
    Write((i < 10 ? "0" : "") + std::to_string(i) + ".dcm",
          Instance("1.2." + std::to_string(i % 12), "P" + std::to_string(i), more));
  }
  std::string rows;
  std::string schema;
  std::string account;
  for (const int threads : {1, 2, 4, 8, 8, 8, 8}) {
    ExportOptions options;
    options.threads = threads;
    const auto report = Run(options, warehouse::Disposition::kTruncate);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->instances, 12U);
    EXPECT_EQ(report->duplicates, 48U);
    EXPECT_EQ(report->elements.counts.read, 12U * 8 + 3) << "of the rows that are there, not of those removed";
    const std::string now = Ask("SOPInstanceUID, PatientID, \"Rows\", PatientComments");
    if (rows.empty()) rows = now;
    EXPECT_EQ(now, rows) << threads;
    const std::string fields = table::ToBigQueryJson(report->schema).Print();
    if (schema.empty()) schema = fields;
    EXPECT_EQ(fields, schema) << threads;
    // The account too: a line of each copy without a row, and of no element of it.
    const std::string account_now = Ask("SourcePath, SOPInstanceUID, TagPath, \"Offset\", Reason, Excerpt", kAccountName);
    if (account.empty()) account = account_now;
    EXPECT_EQ(account_now, account) << threads;
  }
  EXPECT_EQ(Ask("COUNT(*)", kAccountName), "72\n") << "a bulk value in each of 12 rows, a damaged date in each";
  EXPECT_THAT(account, HasSubstr("12.dcm|1.2.0||0|DUPLICATE_INSTANCE|another file"));
  EXPECT_THAT(rows, ::testing::StartsWith("1.2.0|P0|0|only sometimes\n1.2.1|P1|1|NULL\n1.2.10|P10|"));
}

TEST_F(ExporterTest, ADamagedCopyComesAfterAWholeOne) {
  const std::string whole = Instance("1.1", "whole", {Text(0x00104000, "LT", "the end")});
  const std::string damaged = Instance("1.1", "damaged", {Text(0x00104000, "LT", "the end")});
  Write("a.dcm", damaged.substr(0, damaged.size() - 4));
  Write("b.dcm", whole);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Ask("PatientID"), "whole\n");
  EXPECT_EQ(Ask("SourcePath, SOPInstanceUID, TagPath, Reason, Excerpt", kAccountName),
            scratch_.path("in/a.dcm") + "|1.1||DUPLICATE_INSTANCE|another file with the same SOP Instance UID has the row\n")
      << "of the damaged copy no other line: it has no row";
}

TEST_F(ExporterTest, InstancesWithoutAUidAllHaveARow) {
  for (const char* name : {"a", "b"}) Write(name, WriteFile({Text(0x00100020, "LO", name)}));
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->instances, 2U);
  EXPECT_EQ(Ask("PatientID"), "a\nb\n");
}

TEST_F(ExporterTest, TheFilterAdmitsWhatItNames) {
  for (const char* uid : {"1.1", "1.2", "1.3"}) Write(uid, Instance(uid, "P"));
  ExportOptions options;
  const auto filter = Filter::Parse("/studies/1.2.7/series/1.2.8/instances/1.2\n/studies/9.9\n");
  ASSERT_TRUE(filter.ok());
  options.filter = *filter;
  const auto report = Run(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->instances, 1U);
  EXPECT_EQ(report->filtered, 2U);
  EXPECT_EQ(Ask("SOPInstanceUID"), "1.2\n");
}

std::string HashOf(const std::string& bytes) {
  base::Sha256 hash;
  hash.Update({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  return base::HexText(hash.Digest());
}

// What a data set with every kind of binary value has in BulkData, in the order of the tags: the hashes, NULL for the sequence.
struct BulkCase {
  DataSet data;
  std::vector<std::string> values;
};
BulkCase MakeBulkCase(int seed, bool fragments) {
  const auto filled = [seed](size_t size) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 131 + i / 251 + static_cast<size_t>(seed)) & 0xFF);
    return bytes;
  };
  const std::vector<std::string> parts = {"", filled(40), filled(400'000), filled(2), filled(700'002)};
  const std::string small = filled(100);
  const std::string large = filled(900'000);
  const std::string pixels = filled(3'000'000);
  BulkCase made;
  made.data = {dicom::testing::Bytes(0x00282000, "OB", small),
               dicom::testing::Sequence(0x00880200, {{dicom::testing::Bytes(0x7FE00010, "OB", large)}}, true),
               fragments ? dicom::testing::Fragments(0x7FE00010, "OB", parts) : dicom::testing::Bytes(0x7FE00010, "OB", pixels)};
  std::string encapsulated = dicom::testing::WriteItems(made.data.back(), dicom::testing::kExplicitLittle);
  encapsulated.resize(fragments ? encapsulated.size() - 8 : 0);  // the delimitation is not of the value
  made.values = {small, large, fragments ? encapsulated : pixels};
  return made;
}

TEST_F(ExporterTest, BulkDataHasTheHashesOfWholeValuesWhenAskedFor) {
  std::string expected;
  std::vector<Member> members;
  for (int i = 0; i < 4; ++i) {
    const BulkCase made = MakeBulkCase(i / 2, i % 2 == 1);
    for (const char* where : {"a", "b", "c"}) {
      const std::string uid = "1." + std::string(where) + std::to_string(i);
      const std::string bytes = Instance(uid, "P", made.data);
      if (*where == 'a') Write(uid, bytes);
      if (*where == 'b') members.push_back({uid, bytes});
      if (*where == 'c') {
        DataSet data = {Text(0x00080018, "UI", uid)};
        data.insert(data.end(), made.data.begin(), made.data.end());
        Write(uid, dicom::testing::WriteDeflatedFile(data));
      }
    }
  }
  Write("members.tar.gz", MakeArchive("ustar", "gzip", members));
  for (const char* where : {"a", "b", "c"}) {
    for (int i = 0; i < 4; ++i) {
      expected += "1." + std::string(where) + std::to_string(i) + "|";
      for (const std::string& value : MakeBulkCase(i / 2, i % 2 == 1).values) expected += HashOf(value) + " ";
      expected += "\n";
    }
  }
  ExportOptions options;
  options.mapping.profile = mapping::Profile::kLossless;
  options.mapping.bulk_sha256 = true;
  const auto report = Run(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Ask("SOPInstanceUID, list_aggregate(list_transform(BulkData, x -> x.Sha256 || ' '), 'string_agg', '')"), expected);
  EXPECT_GT(report->bytes_read, 12 * 1'900'000U);

  options.mapping.bulk_sha256 = false;
  const auto without = Run(options, warehouse::Disposition::kTruncate);
  ASSERT_TRUE(without.ok()) << without.error().message;
  EXPECT_LT(without->bytes_read, 4 * 8'000'000U);
  EXPECT_EQ(Ask("count(*)"), "12\n");
}

// A stream can't be read twice: what the reader has seen when it learns that the rest is deflated must not be lost.
TEST_F(ExporterTest, DeflatedInstancesInArchivesAreReadAsThoseInFiles) {
  std::vector<Member> members;
  for (const size_t size : {10UL, 5'000UL, 200'000UL}) {
    std::string text;
    for (uint32_t i = 0; text.size() < size; ++i) text += std::to_string(i * 2654435761U);
    members.push_back({std::to_string(size),
                       dicom::testing::WriteDeflatedFile({Text(0x00080018, "UI", "1." + std::to_string(size)),
                                                          Text(0x00104000, "LT", text), Text(0x00204000, "LT", "the end")})});
  }
  for (const char* format : {"zip", "ustar"}) {
    Write("all." + std::string(format == std::string("zip") ? "zip" : "tar"), MakeArchive(format, "none", members));
    ASSERT_TRUE(Run({}, warehouse::Disposition::kTruncate).ok());
    const std::string from_archive = Ask("SOPInstanceUID, PatientComments, ImageComments");
    std::filesystem::remove_all(scratch_.path("in"));
    for (const Member& member : members) Write(member.name, member.bytes);
    ASSERT_TRUE(Run({}, warehouse::Disposition::kTruncate).ok());
    EXPECT_EQ(from_archive, Ask("SOPInstanceUID, PatientComments, ImageComments"));
    EXPECT_THAT(from_archive, HasSubstr("1.200000|0"));
    std::filesystem::remove_all(scratch_.path("in"));
  }
}

TEST_F(ExporterTest, ValuesThatAreCutHaveNoHash) {
  const std::string whole = Instance("1.1", "P", {dicom::testing::Bytes(0x7FE00010, "OB", std::string(500'000, 'x'))});
  Write("a.dcm", whole.substr(0, whole.size() - 10));
  const std::string coded = Instance("1.2", "P", {dicom::testing::Fragments(0x7FE00010, "OB", {"", std::string(500'000, 'x')})});
  Write("b.dcm", coded.substr(0, coded.size() - 10));
  Write("c.dcm", Instance("1.3", "P", {dicom::testing::Bytes(0x7FE00010, "OB", "")}));
  ExportOptions options;
  options.mapping.profile = mapping::Profile::kLossless;
  options.mapping.bulk_sha256 = true;
  const auto report = Run(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Ask("SOPInstanceUID, BulkData[1].Tag, BulkData[1].Sha256"),
            "1.1|7FE0,0010|NULL\n1.2|7FE0,0010|NULL\n1.3|7FE0,0010|" + HashOf("") + "\n");
}

TEST_F(ExporterTest, SourcesHaveTheHashOfAllTheirBytesAndThePlaceOfTheirDataSet) {
  const BulkCase native = MakeBulkCase(1, false);
  const BulkCase coded = MakeBulkCase(2, true);
  const std::string meta = dicom::testing::Preamble() + dicom::testing::WriteMeta("1.2.840.10008.1.2.1");
  const std::string bare = Instance("1.4", "P").substr(meta.size());
  const std::vector<Member> files = {{"a", Instance("1.1", "P", native.data) + "behind"},
                                     {"b", Instance("1.2", "P", coded.data)},
                                     {"c", dicom::testing::WriteDeflatedFile({Text(0x00080018, "UI", "1.3")})},
                                     {"d", bare},
                                     {"e", Instance("1.5", "P", native.data).substr(0, 1'500'000)}};
  const std::string offset = std::to_string(meta.size());
  const std::string deflated_offset =
      std::to_string((dicom::testing::Preamble() + dicom::testing::WriteMeta("1.2.840.10008.1.2.1.99")).size());
  std::string expected;
  for (const Member& file : files) {
    expected += "1." + std::to_string(file.name[0] - 'a' + 1) + "|" + HashOf(file.bytes) + "|" +
                (file.name == "d"   ? "0"
                 : file.name == "c" ? deflated_offset
                                    : offset) +
                "\n";
  }
  ExportOptions options;
  options.mapping.extra.source_sha256 = true;
  options.mapping.extra.dicom_offset = true;
  for (const Member& file : files) Write(file.name, file.bytes);
  const auto report = Run(options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(Ask("SOPInstanceUID, SourceSha256, DicomOffset"), expected);
  EXPECT_GE(report->bytes_read, files[0].bytes.size() + files[1].bytes.size());

  std::filesystem::remove_all(scratch_.path("in"));
  Write("all.zip", MakeArchive("zip", "none", files));
  ASSERT_TRUE(Run(options, warehouse::Disposition::kTruncate).ok());
  EXPECT_EQ(Ask("SOPInstanceUID, SourceSha256, DicomOffset"), expected);
}

TEST_F(ExporterTest, NothingToReadGivesAnEmptyTable) {
  Write("text.txt", "no DICOM");
  const auto report = Run();
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->instances, 0U);
  EXPECT_EQ(report->skipped, 1U);
}

TEST_F(ExporterTest, ACancelledExportLeavesNothing) {
  for (int i = 0; i < 20; ++i) Write(std::to_string(i), Instance("1." + std::to_string(i), "P"));
  progress_.cancelled = true;
  const auto report = Run();
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, base::ErrorCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(scratch_.path("warehouse"))) << "a folder that the export made";
}

TEST_F(ExporterTest, WithoutInstancesTheTableHasTheColumnsThatNameThem) {
  Write("text.txt", "no DICOM");
  ExportOptions options;
  options.mapping.extra.source_path = true;
  ASSERT_TRUE(Run(options, warehouse::Disposition::kEmpty).ok());
  const std::string names = "SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID, OtherElements, DroppedTags, SourcePath";
  EXPECT_EQ(Ask(names), "");
  EXPECT_EQ(Ask("COUNT(*)"), "0\n");
  EXPECT_EQ(Ask("Reason, TagPath", kAccountName), "");
  // icebird reads no table without a data file.
  const warehouse::Warehouse real(scratch_.path("warehouse"));
  EXPECT_THAT(real.OpenTable(kName)->files, SizeIs(1));
  EXPECT_THAT(real.OpenTable(kAccountName)->files, SizeIs(1));
  Write("a.dcm", Instance("1.1", "P1"));
  ASSERT_TRUE(Run(options, warehouse::Disposition::kEmpty).ok());
  EXPECT_EQ(Ask("SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID, PatientID"), "1.1|1.2.7|1.2.8|P1\n");
}

TEST_F(ExporterTest, AnExportCancelledOnItsWayLeavesTheOldTable) {
  Write("0", Instance("1.0", "old"));
  ASSERT_TRUE(Run().ok());
  const auto before = Files();
  for (int i = 1; i < 20; ++i) Write(std::to_string(i), Instance("1." + std::to_string(i), "new"));
  Write("broken", dicom::testing::Preamble());
  const auto source = Source::Start({.paths = {scratch_.path("in")}, .ordered = true, .files_per_piece = 1});
  ASSERT_TRUE(source.ok());
  const warehouse::Warehouse warehouse(scratch_.path("warehouse"));
  {
    const auto table = OpenTableDestination(warehouse, kName, warehouse::Disposition::kTruncate);
    ASSERT_TRUE(table.ok());
    const auto report =
        Export(**source, {}, **table, nullptr, progress_, [&](const auto&, const auto&) { progress_.cancelled = true; });
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, base::ErrorCode::kCancelled);
  }
  EXPECT_EQ(Ask("PatientID"), "old\n");
  EXPECT_EQ(Files(), before);
}

// Null's, but that the user stops the export while it prepares.
class StoppedDestination final : public Destination {
 public:
  explicit StoppedDestination(Progress& progress) : progress_(&progress) {}
  base::Result<NewFile> NewPart() override { return null_->NewPart(); }
  base::Status Prepare(const table::Schema& united, std::vector<WrittenPart> parts, const std::vector<RemovedRow>& removed,
                       const std::map<std::string, std::string>& summary, const std::atomic<bool>& cancelled) override {
    progress_->cancelled = true;
    EXPECT_TRUE(cancelled);
    return null_->Prepare(united, std::move(parts), removed, summary, cancelled);
  }
  base::Result<int> Publish() override {
    published_ = true;
    return 0;
  }
  bool published() const override { return published_; }
  base::Status TakeBack() override { return {}; }
  std::string Name() const override { return "nowhere"; }

 private:
  Progress* progress_;
  std::unique_ptr<Destination> null_ = OpenNullDestination();
  bool published_ = false;
};

TEST_F(ExporterTest, WhatIsStoppedWhileItIsPreparedIsNotPublished) {
  Write("a.dcm", Instance("1", "P"));
  const auto source = Source::Start({.paths = {scratch_.path("in")}});
  ASSERT_TRUE(source.ok());
  StoppedDestination table(progress_);
  const auto report = Export(**source, {}, table, nullptr, progress_, {});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, base::ErrorCode::kCancelled);
  EXPECT_THAT(report.error().message, HasSubstr("the table is as it was"));
  EXPECT_FALSE(table.published());
}

// Somebody else is first in the moment between the account's version and the table's.
TEST_F(ExporterTest, AConflictAtTheTablesVersionTakesTheAccountsBack) {
  Write("0", Instance("1.0", "old", {dicom::testing::Bytes(0x00282000, "OB", "bulk")}));
  const warehouse::Warehouse real(scratch_.path("warehouse"));
  for (const bool exists : {false, true}) {
    if (exists) {
      ASSERT_TRUE(real.Drop(kName).ok());
      ASSERT_TRUE(Run().ok());
    }
    const auto old = real.OpenTable(kAccountName);
    EXPECT_EQ(old.ok(), exists);
    bool first = true;
    files_.OnOperation([&](const std::string& what, const std::string& path) {
      if (what != "Link" || path.find("/metadata/metadata/v") == std::string::npos || !std::exchange(first, false)) return;
      EXPECT_TRUE(real.OpenTable(kAccountName).ok()) << "the account is first";
      EXPECT_TRUE(warehouse::WriteRows(real, kName, warehouse::Disposition::kAppend, 3).ok());
    });
    const auto report = Run({}, warehouse::Disposition::kTruncate);
    files_.OnOperation({});
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, base::ErrorCode::kConflict);
    EXPECT_FALSE(first);
    const auto now = real.OpenTable(kAccountName);
    ASSERT_EQ(now.ok(), exists);
    EXPECT_EQ(std::filesystem::exists(real.TableFolder(kAccountName)), exists);
    if (!exists) continue;
    EXPECT_EQ(now->id, old->id);
    EXPECT_EQ(Ask("Reason", kAccountName), "BULK_VR\n");
    EXPECT_EQ(real.Versions(kAccountName)->size(), 1U);
  }
  // An append goes on upon what is there now.
  bool first = true;
  files_.OnOperation([&](const std::string& what, const std::string& path) {
    if (what != "Link" || path.find("/metadata/metadata/v") == std::string::npos || !std::exchange(first, false)) return;
    EXPECT_TRUE(warehouse::WriteRows(real, kName, warehouse::Disposition::kAppend, 3).ok());
  });
  ASSERT_TRUE(Run().ok());
  files_.OnOperation({});
  EXPECT_EQ(Ask("Reason", kAccountName), "BULK_VR\nBULK_VR\n");
}

// The disk is full at the k-th write, for every k: the table is the old one when the export says that it failed, the new one
// when it says that it did not, or that only the end of publishing failed. Its account goes with it.
TEST_F(ExporterTest, AFullDiskAtAnyWriteLeavesTheOldTable) {
  Write("0", Instance("1.0", "old"));
  ASSERT_TRUE(Run().ok());
  Write("0", Instance("1.1", "new"));
  int failed = 0;
  const warehouse::Warehouse real(scratch_.path("warehouse"));
  for (int k = 1; k < 200; ++k) {
    const int64_t account = real.OpenTable(kAccountName)->id;
    files_.FailAt(k, base::FaultyFileSystem::Fault::kNoSpace);
    const auto report = Run({}, warehouse::Disposition::kTruncate);
    const bool met = files_.operations() >= k;
    files_.Heal();
    // Behind the moment of publishing an error says that the new version is there.
    const std::string error = report.ok() ? "" : report.error().message;
    const bool visible =
        error.starts_with("the table's new version is visible") && error.find("/dicom/metadata/") != std::string::npos;
    const bool published = report.ok() || visible;
    EXPECT_EQ(Ask("PatientID"), published ? "new\n" : "old\n") << "write " << k << " " << error;
    EXPECT_EQ(real.OpenTable(kAccountName)->id != account, published) << "write " << k << " " << error;
    if (published) {
      if (!met) break;
      // Once more from the old table.
      Write("0", Instance("1.0", "old"));
      ASSERT_TRUE(Run({}, warehouse::Disposition::kTruncate).ok());
      Write("0", Instance("1.1", "new"));
    } else {
      ++failed;
      EXPECT_THAT(error, HasSubstr("No space left")) << k;
    }
  }
  EXPECT_GT(failed, 10);
}

}  // namespace
}  // namespace dicomhouse::transfer
