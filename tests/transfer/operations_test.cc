#include "transfer/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "tests/store/instance_maker.h"
#include "tests/transfer/scratch.h"

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using store::testing::Facts;
using store::testing::Folder;
using store::testing::MakeInstance;
using ::testing::HasSubstr;
using warehouse::Disposition;

const store::DatasetName kDataset{"p", "l", "d"};
const store::DicomStoreName kStoreName{kDataset, "s"};

class OperationsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Open();
    ASSERT_TRUE(store_->catalog().CreateDataset({kDataset, Json::MakeObject()}).ok());
    auto made = store_->catalog().CreateDicomStore(kStoreName, Json::MakeObject());
    ASSERT_TRUE(made.ok());
    dicom_store_ = *made;
    description_.dataset = kDataset;
    description_.dicom_store = kStoreName;
    description_.method = "google.cloud.healthcare.v1.dicom.DicomService.ExportDicomData_bq";
    description_.api_version = "v1";
    description_.log = "healthcare.googleapis.com/export_dicom";
  }

  void Open() {
    auto opened = store::Store::Open(folder_.path() + "/data");
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = *std::move(opened);
    Start();
  }
  void Start(int threads = 2) {
    auto started = Operations::Start(*store_, {threads});
    ASSERT_TRUE(started.ok()) << started.error().message;
    operations_ = *std::move(started);
  }
  void Close() {
    operations_.reset();
    store_.reset();
  }

  OperationState Begin(OperationWork work) {
    auto begun = operations_->Begin(description_, std::move(work));
    EXPECT_TRUE(begun.ok()) << begun.error().message;
    return begun.ok() ? *begun : OperationState{};
  }
  OperationState Wait(const std::string& id) {
    for (int i = 0; i < 20'000; ++i) {
      auto state = operations_->Get(kDataset, id);
      if (!state.ok() || state->done) return state.ok() ? *state : OperationState{};
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "operation " << id << " does not end";
    return {};
  }
  OperationState Run(OperationWork work) { return Wait(Begin(std::move(work)).id); }

  // Instances 1.2.3.1.1, 1.2.3.1.2, ... of one series.
  void Store(int first, int count) {
    for (int i = first; i < first + count; ++i) {
      Facts facts;
      facts.instance = "1.2.3.1." + std::to_string(i);
      auto stored = store::testing::Put(store_->instances(), dicom_store_.id, MakeInstance(facts));
      ASSERT_TRUE(stored.ok()) << stored.error().message;
    }
  }
  void PutObject(const std::string& name, const std::string& bytes) {
    (void)store_->objects().CreateBucket("p", "bucket");
    store::Object object;
    object.bucket = "bucket";
    object.name = name;
    auto writer = store_->objects().Write(object);
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    ASSERT_TRUE((*writer)->Append(store::testing::AsBytes(bytes)).ok());
    ASSERT_TRUE((*writer)->Finish(std::nullopt).ok());
  }

  OperationWork Export(const std::string& table, Disposition disposition, const std::string& filter = "") {
    return ExportToTable(*store_, warehouse_, {dicom_store_, filter}, {"p", "analysis", table}, disposition, 2);
  }
  OperationWork Import(const std::string& pattern) { return ImportFromObjects(*store_, dicom_store_, {"bucket", pattern}, 2); }
  int64_t Rows(const std::string& table) {
    auto opened = warehouse_.OpenTable({"p", "analysis", table});
    return opened.ok() ? opened->rows : -1;
  }
  std::vector<store::LogEntry> Log(const std::string& id) {
    store::Catalog::LogQuery query;
    query.project = "p";
    query.operation = id;
    return store_->catalog().ListLog(query, {1000, ""})->items;
  }

  Folder folder_;
  warehouse::Warehouse warehouse_{folder_.path() + "/warehouse"};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Operations> operations_;
  store::DicomStore dicom_store_;
  Operations::Description description_;
};

// Runs until it is let go, or cancelled.
OperationWork WaitsFor(const std::shared_ptr<std::atomic<bool>>& go) {
  return [go](OperationContext& context) -> Result<Json> {
    while (!*go) {
      if (context.progress().cancelled) return Error{ErrorCode::kCancelled, "stopped"};
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Json();
  };
}

TEST_F(OperationsTest, CountersMoveWhileItRuns) {
  std::promise<void> half;
  std::promise<void> go;
  const OperationState begun = Begin([&](OperationContext& context) -> Result<Json> {
    context.expected() = 10;
    context.progress().instances = 4;
    context.progress().failures = 1;
    half.set_value();
    go.get_future().wait();
    context.progress().instances = 9;
    return Json("response");
  });
  EXPECT_FALSE(begun.done);
  EXPECT_GT(begun.create_time_us, 0);
  half.get_future().wait();
  const auto running = operations_->Get(kDataset, begun.id);
  ASSERT_TRUE(running.ok());
  EXPECT_EQ(running->success, 4);
  EXPECT_EQ(running->failure, 1);
  EXPECT_EQ(running->pending, 5);
  EXPECT_EQ(operations_->List(kDataset, {})->items.at(0).success, 4);
  go.set_value();
  const OperationState done = Wait(begun.id);
  EXPECT_EQ(done.success, 9);
  EXPECT_EQ(done.pending, 0);
  EXPECT_EQ(done.response.as_string(), "response");
  EXPECT_GE(done.end_time_us, done.create_time_us);
}

TEST_F(OperationsTest, CancelledOnesEndWithTheReason) {
  Start(1);
  const auto go = std::make_shared<std::atomic<bool>>(false);
  const OperationState runs = Begin(WaitsFor(go));
  const OperationState waits = Begin(WaitsFor(go));
  ASSERT_TRUE(operations_->Cancel(kDataset, waits.id).ok());  // not behind the first
  EXPECT_EQ(Wait(waits.id).error->code, ErrorCode::kCancelled);
  ASSERT_TRUE(operations_->Cancel(kDataset, runs.id).ok());
  const OperationState done = Wait(runs.id);
  EXPECT_TRUE(done.cancel_requested);
  EXPECT_EQ(done.error->code, ErrorCode::kCancelled);
  EXPECT_TRUE(operations_->Cancel(kDataset, runs.id).ok());  // stays as it is
  EXPECT_EQ(operations_->Cancel(kDataset, "1").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(operations_->Get({"p", "l", "other"}, runs.id).error().code, ErrorCode::kNotFound);
}

TEST_F(OperationsTest, AStopFailsWhatRunsAndWhatWaits) {
  Start(1);
  const auto never = std::make_shared<std::atomic<bool>>(false);
  const OperationState runs = Begin(WaitsFor(never));
  const OperationState waits = Begin(WaitsFor(never));
  Close();
  Open();
  for (const std::string& id : {runs.id, waits.id}) {
    const auto state = operations_->Get(kDataset, id);
    ASSERT_TRUE(state.ok());
    EXPECT_TRUE(state->done);
    EXPECT_FALSE(state->cancel_requested);
    EXPECT_EQ(state->error->code, ErrorCode::kConflict);
    EXPECT_THAT(state->error->message, HasSubstr("stopped"));
    EXPECT_GT(state->end_time_us, 0);
    ASSERT_EQ(Log(id).size(), 1U);
    EXPECT_EQ(Log(id)[0].document["error"]["message"].as_string(), state->error->message);
  }
}

TEST_F(OperationsTest, ACrashFailsWhatWasNotDone) {
  Json document = Json::MakeObject();
  document.Set("method", "m").Set("apiVersion", "v1beta1").Set("createTimeUs", 5);
  document.Set("log", description_.log).Set("dicomStore", kStoreName.Text());
  const std::string id = store_->catalog().NewOperationId();
  ASSERT_TRUE(store_->catalog().PutOperation({id, kDataset, false, document}).ok());
  Start();
  const auto state = operations_->Get(kDataset, id);
  ASSERT_TRUE(state.ok());
  EXPECT_TRUE(state->done);
  EXPECT_EQ(state->method, "m");
  EXPECT_EQ(state->create_time_us, 5);
  EXPECT_EQ(state->error->code, ErrorCode::kConflict);
  EXPECT_TRUE(store_->catalog().UnfinishedOperations()->empty());
  ASSERT_EQ(Log(id).size(), 1U);
  EXPECT_EQ(Log(id)[0].document["dicomStore"].as_string(), kStoreName.Text());
}

TEST_F(OperationsTest, TheLogIsThereWhenItEnds) {
  const OperationState done = Run([](OperationContext& context) -> Result<Json> {
    for (int i = 0; i < 600; ++i) context.LogFailure("file " + std::to_string(i), {ErrorCode::kCorrupt, "why"});
    context.LogWarning("file", {ErrorCode::kAlreadyExists, "there"});
    return Json();
  });
  const auto log = Log(done.id);
  ASSERT_EQ(log.size(), 601U);
  EXPECT_EQ(log[599].document["source"].as_string(), "file 599");
  EXPECT_EQ(log[0].severity, "ERROR");
  EXPECT_EQ(log[600].severity, "WARNING");
  EXPECT_EQ(log[0].document["dicomStore"].as_string(), kStoreName.Text());
}

// The page, F3: errors of an export request are in the logs.
TEST_F(OperationsTest, AFailureOfTheWholeIsInTheLog) {
  ASSERT_FALSE(Run(Export("t", Disposition::kCreate)).error);
  const OperationState done = Run(Export("t", Disposition::kCreate));
  ASSERT_TRUE(done.error);
  const auto log = Log(done.id);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].severity, "ERROR");
  EXPECT_EQ(log[0].log, "healthcare.googleapis.com/export_dicom");
  EXPECT_EQ(log[0].document["source"].as_string(), kStoreName.Text());
  EXPECT_EQ(log[0].document["dicomStore"].as_string(), kStoreName.Text());
  EXPECT_EQ(log[0].document["error"]["code"].as_string(), "ALREADY_EXISTS");
  EXPECT_EQ(log[0].document["error"]["message"].as_string(), done.error->message);
  EXPECT_TRUE(Log(Run([](OperationContext&) -> Result<Json> { return Json(); }).id).empty());
}

TEST_F(OperationsTest, ACancelledOneSaysSoInTheLogAndIsNoError) {
  const OperationState runs = Begin(WaitsFor(std::make_shared<std::atomic<bool>>(false)));
  ASSERT_TRUE(operations_->Cancel(kDataset, runs.id).ok());
  EXPECT_TRUE(Wait(runs.id).error);
  const auto log = Log(runs.id);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].severity, "WARNING");
}

TEST_F(OperationsTest, ADeletedDatasetTakesItsOperationsAlong) {
  const auto never = std::make_shared<std::atomic<bool>>(false);
  const OperationState runs = Begin(WaitsFor(never));
  ASSERT_TRUE(store_->catalog().DeleteDataset(kDataset).ok());
  operations_->CancelAll(kDataset, std::nullopt);
  for (int i = 0; i < 20'000 && operations_->Get(kDataset, runs.id).ok(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(operations_->Get(kDataset, runs.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(operations_->Begin(description_, WaitsFor(never)).error().code, ErrorCode::kNotFound);
}

TEST(Codes, AreTheSameAfterText) {
  for (const ErrorCode code : {ErrorCode::kInvalidArgument, ErrorCode::kConflict, ErrorCode::kCorrupt, ErrorCode::kUnsupported}) {
    EXPECT_EQ(CodeOfText(CodeText(code)), code);
  }
  EXPECT_EQ(CodeOfText("?"), ErrorCode::kIo);
}

// ---- Exports to a table

TEST_F(OperationsTest, AnExportMakesATableOfAllInstances) {
  Store(1, 20);
  const OperationState done = Run(Export("metadata", Disposition::kEmpty));
  ASSERT_FALSE(done.error) << done.error->message;
  EXPECT_EQ(done.success, 20);
  EXPECT_EQ(done.failure, 0);
  EXPECT_TRUE(done.response.is_null());
  EXPECT_EQ(Rows("metadata"), 20);
  EXPECT_TRUE(warehouse_.TableExists({"p", "analysis", "metadata_account"}));
  const auto table = warehouse_.OpenTable({"p", "analysis", "metadata"});
  for (const auto& field : table->schema.fields) EXPECT_NE(field.name, "SourcePath");
}

TEST_F(OperationsTest, DispositionsAreThePages) {
  Store(1, 3);
  EXPECT_FALSE(Run(Export("t", Disposition::kCreate)).error);
  const OperationState create = Run(Export("t", Disposition::kCreate));
  ASSERT_TRUE(create.error);
  EXPECT_EQ(create.error->code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Run(Export("t", Disposition::kEmpty)).error->code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(Rows("t"), 3);
  EXPECT_FALSE(Run(Export("t", Disposition::kAppend)).error);
  EXPECT_EQ(Rows("t"), 6);
  EXPECT_FALSE(Run(Export("t", Disposition::kTruncate)).error);
  EXPECT_EQ(Rows("t"), 3);
}

TEST_F(OperationsTest, AnEmptyTableIsNoObstacle) {
  EXPECT_FALSE(Run(Export("t", Disposition::kEmpty)).error);  // an empty store
  EXPECT_EQ(Rows("t"), 0);
  Store(1, 2);
  EXPECT_FALSE(Run(Export("t", Disposition::kEmpty)).error);
  EXPECT_EQ(Rows("t"), 2);
}

TEST_F(OperationsTest, AFilterNamesWhatIsExported) {
  Store(1, 5);
  PutObject("filter.txt",
            "/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.2\r\n/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.4");
  const OperationState done = Run(Export("t", Disposition::kEmpty, "gs://bucket/filter.txt"));
  ASSERT_FALSE(done.error) << done.error->message;
  EXPECT_EQ(done.success, 2);
  EXPECT_EQ(done.pending, 0);
  EXPECT_EQ(Rows("t"), 2);
}

TEST_F(OperationsTest, AWrongFilterFailsBeforeAnythingIsWritten) {
  PutObject("filter.txt", "/studies/1.2.3\nstudies/4\n");
  const OperationState wrong = Run(Export("t", Disposition::kEmpty, "gs://bucket/filter.txt"));
  ASSERT_TRUE(wrong.error);
  EXPECT_EQ(wrong.error->code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(wrong.error->message, HasSubstr("gs://bucket/filter.txt: line 2"));
  EXPECT_EQ(Run(Export("t", Disposition::kEmpty, "gs://bucket/none")).error->code, ErrorCode::kNotFound);
  EXPECT_EQ(Run(Export("t", Disposition::kEmpty, "gs://no-bucket/none")).error->code, ErrorCode::kNotFound);
  EXPECT_FALSE(warehouse_.TableExists({"p", "analysis", "t"}));
}

// ---- Objects

TEST_F(OperationsTest, InstancesBecomeObjectsByteForByteAndBack) {
  Store(1, 3);
  ASSERT_TRUE(store_->objects().CreateBucket("p", "bucket").ok());
  const OperationState out = Run(ExportToObjects(*store_, {dicom_store_, ""}, {"bucket", "out"}));
  ASSERT_FALSE(out.error) << out.error->message;
  EXPECT_EQ(out.success, 3);
  const auto listing = store_->objects().List("bucket", "", "", {});
  ASSERT_EQ(listing->objects.size(), 3U);
  EXPECT_EQ(listing->objects[0].name, "out/1.2.3/1.2.3.1/1.2.3.1.1.dcm");
  EXPECT_EQ(listing->objects[0].content_type, "application/dicom");
  Facts facts;
  EXPECT_EQ(listing->objects[0].size, MakeInstance(facts).size());

  auto other = store_->catalog().CreateDicomStore({kDataset, "other"}, Json::MakeObject());
  const OperationState in = Run(ImportFromObjects(*store_, *other, {"bucket", "out/**.dcm"}, 2));
  ASSERT_FALSE(in.error) << in.error->message;
  EXPECT_EQ(in.success, 3);
  EXPECT_EQ(*store::testing::Get(store_->instances(), other->id, {"1.2.3", "1.2.3.1", "1.2.3.1.1"}), MakeInstance(facts));
}

TEST_F(OperationsTest, AnExportToNoBucketFails) {
  EXPECT_EQ(Run(ExportToObjects(*store_, {dicom_store_, ""}, {"none", ""})).error->code, ErrorCode::kNotFound);
}

TEST_F(OperationsTest, AnImportTakesArchivesApart) {
  Facts facts;
  std::vector<Member> members;
  for (int i = 1; i <= 4; ++i) {
    facts.instance = "1.2.3.1." + std::to_string(i);
    members.push_back({"folder/" + std::to_string(i), MakeInstance(facts)});
  }
  PutObject("all.zip", MakeArchive("zip", "none", members));
  facts.instance = "1.2.3.1.5";
  PutObject("one.dcm", MakeInstance(facts));
  const OperationState done = Run(Import("*"));
  ASSERT_FALSE(done.error) << done.error->message;
  EXPECT_EQ(done.success, 5);
  EXPECT_EQ(done.pending, 0);
  EXPECT_EQ(store_->instances().Metrics(dicom_store_.id)->instances, 5);
}

TEST_F(OperationsTest, WhatIsNotDicomIsAFailureWithItsReason) {
  Facts facts;
  PutObject("a/good.dcm", MakeInstance(facts));
  PutObject("a/bad.dcm", "this is no instance");
  PutObject("a/empty.dcm", "");
  const OperationState done = Run(Import("a/*.dcm"));
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(done.success, 1);
  EXPECT_EQ(done.failure, 2);
  const auto log = Log(done.id);
  ASSERT_EQ(log.size(), 3U);
  EXPECT_EQ(log[0].document["source"].as_string(), "gs://bucket/a/bad.dcm");
  EXPECT_EQ(log[2].document["error"]["message"].as_string(), done.error->message);
}

// "This API accepts duplicate DICOM instances by ignoring the newly-pushed instance. It does not overwrite."
TEST_F(OperationsTest, AnImportNeverOverwrites) {
  Facts facts;
  PutObject("1.dcm", MakeInstance(facts));
  EXPECT_EQ(Run(Import("1.dcm")).success, 1);
  facts.patient = "OTHER";
  PutObject("2.dcm", MakeInstance(facts));
  const OperationState done = Run(Import("?.dcm"));
  ASSERT_FALSE(done.error) << done.error->message;
  EXPECT_EQ(done.success, 2);
  facts.patient = "DOE^JANE";
  EXPECT_EQ(*store::testing::Get(store_->instances(), dicom_store_.id, {"1.2.3", "1.2.3.1", "1.2.3.1.1"}), MakeInstance(facts));
  const auto log = Log(done.id);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].severity, "WARNING");
  EXPECT_EQ(log[0].document["source"].as_string(), "gs://bucket/2.dcm");
}

TEST_F(OperationsTest, AnImportOfNothingIsAnError) {
  PutObject("a.dcm", "x");
  EXPECT_EQ(Run(Import("b*")).error->code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace dicomhouse::transfer
