// The Healthcare and Logging APIs, request by request, without a socket; real clients: tests/wire/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "api/healthcare/time_zones.h"
#include "api/json_shape.h"
#include "api/logging/entries.h"
#include "api/metrics.h"
#include "api/services.h"
#include "tests/api/answered.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::api {
namespace {

using base::Json;
using store::testing::Facts;
using store::testing::MakeInstance;
using testing::Answered;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kDatasets = "/v1/projects/p/locations/l/datasets";
const std::string kDataset = kDatasets + "/d";
const std::string kStores = kDataset + "/dicomStores";
const std::string kStore = kStores + "/s";

class HealthcareApi : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *store::Store::Open(folder_.path() + "/data");
    operations_ = *transfer::Operations::Start(*store_, {});
    Services services;
    services.store = store_.get();
    services.warehouse = &warehouse_;
    services.operations = operations_.get();
    services.public_url = "http://house";
    AddHealthcareRoutes(router_, services);
    AddLoggingRoutes(router_, services);
    EXPECT_EQ(Send("POST", kDatasets + "?datasetId=d", "{}").status, 200);
    EXPECT_EQ(Send("POST", kStores + "?dicomStoreId=s", "{}").status, 200);
  }

  Answered Send(const std::string& method, const std::string& target, const std::string& body = "") {
    http::StringBody bytes(body);
    return testing::Send(router_, method, target, bytes);
  }
  // What is wrong with the answer to a wrong request; "" when nothing is.
  std::string Fault(const std::string& method, const std::string& target, const std::string& body, int status,
                    const std::string& name, const std::string& text) {
    const Answered answered = Send(method, target, body);
    const Json& error = answered.json["error"];
    const bool right = answered.status == status && error["code"].as_int() == status && error["status"].as_string() == name &&
                       error["message"].as_string().find(text) != std::string::npos;
    return right ? "" : method + " " + target + " " + body + ": " + answered.body;
  }
  Json Done(const Answered& begun) {
    EXPECT_EQ(begun.status, 200) << begun.body;
    const std::string name = begun.json["name"].as_string();
    for (int i = 0; i < 20'000; ++i) {
      Answered state = Send("GET", "/v1/" + name);
      if (state.status != 200 || state.json["done"].as_bool()) return state.json;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << name << " does not end";
    return {};
  }
  void Store(int count) {
    const auto found = store_->catalog().GetDicomStore({{"p", "l", "d"}, "s"});
    for (int i = 1; i <= count; ++i) {
      Facts facts;
      facts.instance = "1.2.3.1." + std::to_string(i);
      ASSERT_TRUE(store::testing::Put(store_->instances(), found->id, MakeInstance(facts)).ok());
    }
  }
  std::vector<std::string> FieldsOf(const Json& json) {
    std::vector<std::string> names;
    for (const auto& [name, value] : json.object()) names.push_back(name);
    return names;
  }

  store::testing::Folder folder_;
  warehouse::Warehouse warehouse_{folder_.path() + "/warehouse"};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<transfer::Operations> operations_;
  Router router_;
};

// ---- Datasets, locations

TEST_F(HealthcareApi, ADatasetIsMadeByAnOperation) {
  const Answered made = Send("POST", kDatasets + "?datasetId=x", R"({"timeZone": "Europe/Lisbon"})");
  ASSERT_EQ(made.status, 200) << made.body;
  const Answered operation = Send("GET", "/v1/" + made.json["name"].as_string());
  EXPECT_THAT(FieldsOf(operation.json), ElementsAre("name", "metadata", "done", "response"));
  EXPECT_EQ(operation.json["metadata"]["apiMethodName"].as_string(),
            "google.cloud.healthcare.v1.dataset.DatasetService.CreateDataset");
  EXPECT_EQ(operation.json["response"]["name"].as_string(), "projects/p/locations/l/datasets/x");
  const Answered got = Send("GET", kDatasets + "/x");
  EXPECT_EQ(got.body, "{\n  \"name\": \"projects/p/locations/l/datasets/x\",\n  \"timeZone\": \"Europe/Lisbon\"\n}\n");
}

TEST_F(HealthcareApi, DatasetsAreListedChangedAndDeleted) {
  EXPECT_EQ(Send("PATCH", kDataset + "?updateMask=timeZone", R"({"timeZone": "UTC"})").json["timeZone"].as_string(), "UTC");
  EXPECT_EQ(Send("PATCH", kDataset + "?updateMask=time_zone", R"({"time_zone": "CET"})").json["timeZone"].as_string(), "CET");
  const Answered cleared = Send("PATCH", kDataset + "?updateMask=timeZone", "{}");
  EXPECT_EQ(cleared.json.find("timeZone"), nullptr);
  Send("POST", kDatasets + "?datasetId=a", "{}");
  const Answered page = Send("GET", kDatasets + "?pageSize=1");
  EXPECT_EQ(page.json["datasets"].array().at(0)["name"].as_string(), "projects/p/locations/l/datasets/a");
  const Answered rest = Send("GET", kDatasets + "?pageToken=" + page.json["nextPageToken"].as_string());
  EXPECT_EQ(rest.json["datasets"].array().size(), 1U);
  EXPECT_EQ(rest.json.find("nextPageToken"), nullptr);
  EXPECT_EQ(Send("DELETE", kDataset).body, "{}\n");
  EXPECT_EQ(Send("GET", kStore).status, 404);
  EXPECT_EQ(Send("GET", "/v1/projects/none/locations/l/datasets").body, "{}\n");
}

TEST_F(HealthcareApi, LocationsAreThoseWithDatasets) {
  EXPECT_EQ(Send("GET", "/v1/projects/p/locations").json["locations"].array().at(0)["locationId"].as_string(), "l");
  EXPECT_EQ(Send("GET", "/v1beta1/projects/p/locations/x").json["name"].as_string(), "projects/p/locations/x");
}

// ---- DICOM stores

TEST_F(HealthcareApi, ADicomStoreKeepsItsFieldsInTheirOrder) {
  const Answered made = Send("POST", kStores + "?dicomStoreId=x",
                             R"({"streamConfigs": [{"bigqueryDestination": {"tableUri": "bq://p.d.t", "writeDisposition":
                                "WRITE_APPEND"}}], "labels": {"ward": "a-1"}, "notificationConfig": {"pubsubTopic":
                                "projects/p/topics/t", "sendForBulkImport": true}})");
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_THAT(FieldsOf(made.json), ElementsAre("name", "notificationConfig", "labels", "streamConfigs"));
  EXPECT_EQ(Send("GET", kStores + "/x").json, made.json);
  EXPECT_EQ(Send("GET", "/v1beta1" + kStores.substr(3) + "/x").json, made.json);
  const Answered patched = Send("PATCH", kStores + "/x?updateMask=labels", R"({"labels": {}, "streamConfigs": []})");
  EXPECT_THAT(FieldsOf(patched.json), ElementsAre("name", "notificationConfig", "streamConfigs"));
  const Answered nested = Send("PATCH", kStores + "/x?updateMask=notificationConfig.pubsubTopic",
                               R"({"notificationConfig": {"pubsubTopic": "projects/p/topics/u"}})");
  EXPECT_EQ(nested.json["notificationConfig"]["pubsubTopic"].as_string(), "projects/p/topics/u");
  EXPECT_TRUE(nested.json["notificationConfig"]["sendForBulkImport"].as_bool());
  EXPECT_EQ(Send("DELETE", kStores + "/x").body, "{}\n");
  EXPECT_EQ(Send("DELETE", kStores + "/x").status, 404);
}

TEST_F(HealthcareApi, ListsOfStoresAreFilteredByLabels) {
  for (const char* const id : {"a", "b", "c"}) {
    Send("POST", kStores + "?dicomStoreId=" + id, std::string(R"({"labels": {"ward": ")") + (*id == 'b' ? "2" : "1") + "\"}}");
  }
  const Answered first = Send("GET", kStores + "?pageSize=1&filter=labels.ward%3D1");
  EXPECT_THAT(first.json["dicomStores"].array().at(0)["name"].as_string(), HasSubstr("/a"));
  const Answered second =
      Send("GET", kStores + "?pageSize=1&filter=labels.ward%3D%221%22&pageToken=" + first.json["nextPageToken"].as_string());
  EXPECT_THAT(second.json["dicomStores"].array().at(0)["name"].as_string(), HasSubstr("/c"));
}

TEST_F(HealthcareApi, MetricsAreTextAndAbsentWhenZero) {
  EXPECT_THAT(FieldsOf(Send("GET", kStore + ":getDICOMStoreMetrics").json), ElementsAre("name"));
  Store(3);
  const Answered metrics = Send("GET", "/v1beta1" + kStore.substr(3) + ":getDICOMStoreMetrics");
  EXPECT_EQ(metrics.json["instanceCount"].as_string(), "3");
  EXPECT_EQ(metrics.json["studyCount"].as_string(), "1");
  EXPECT_THAT(FieldsOf(metrics.json), ElementsAre("name", "studyCount", "seriesCount", "instanceCount",
                                                  "structuredStorageSizeBytes", "blobStorageSizeBytes"));
}

TEST_F(HealthcareApi, StudiesSeriesAndInstancesHaveMetricsToo) {
  Store(3);
  const std::string study = kStore + "/dicomWeb/studies/1.2.3";
  const std::string name = study.substr(4);
  const Json of_store = Send("GET", kStore + ":getDICOMStoreMetrics").json;
  const Json of_study = Send("GET", study + ":getStudyMetrics").json;
  EXPECT_THAT(FieldsOf(of_study),
              ElementsAre("study", "seriesCount", "instanceCount", "structuredStorageSizeBytes", "blobStorageSizeBytes"));
  EXPECT_EQ(of_study["study"].as_string(), name);
  EXPECT_EQ(of_study["seriesCount"].as_string(), "1");
  EXPECT_EQ(of_study["instanceCount"].as_string(), "3");
  EXPECT_EQ(of_study["structuredStorageSizeBytes"], of_store["structuredStorageSizeBytes"]);
  EXPECT_EQ(of_study["blobStorageSizeBytes"], of_store["blobStorageSizeBytes"]);
  const Json of_series = Send("GET", study + "/series/1.2.3.1:getSeriesMetrics").json;
  EXPECT_THAT(FieldsOf(of_series), ElementsAre("series", "instanceCount", "structuredStorageSizeBytes", "blobStorageSizeBytes"));
  EXPECT_EQ(of_series["series"].as_string(), name + "/series/1.2.3.1");
  EXPECT_EQ(of_series["instanceCount"].as_string(), "3");
  const Json info = Send("GET", study + "/series/1.2.3.1/instances/1.2.3.1.2:getStorageInfo").json;
  EXPECT_EQ(info["referencedResource"].as_string(), name + "/series/1.2.3.1/instances/1.2.3.1.2");
  Facts facts;
  EXPECT_EQ(info["blobStorageInfo"]["sizeBytes"].as_string(), std::to_string(MakeInstance(facts).size()));
  EXPECT_NE(info["structuredStorageInfo"]["sizeBytes"].as_string(), "");
  for (const char* target :
       {"/dicomWeb/studies/9:getStudyMetrics", "/dicomWeb/studies/1.2.3/series/9:getSeriesMetrics",
        "/dicomWeb/studies/1.2.3/series/1.2.3.1/instances/9:getStorageInfo", "x/dicomWeb/studies/1.2.3:getStudyMetrics"}) {
    EXPECT_EQ(Send("GET", kStore + target).status, 404) << target;
  }
}

// ---- Operations

TEST_F(HealthcareApi, AnExportIsAnOperationAsThePageShowsIt) {
  Store(4);
  const Answered begun = Send("POST", kStore + ":export",
                              R"({"bigqueryDestination": {"tableUri": "bq://p.analysis.t", "writeDisposition": "WRITE_EMPTY"}})");
  EXPECT_THAT(FieldsOf(begun.json), ElementsAre("name"));
  const Json done = Done(begun);
  EXPECT_THAT(FieldsOf(done), ElementsAre("name", "metadata", "done", "response"));
  const Json& metadata = done["metadata"];
  EXPECT_THAT(FieldsOf(metadata), ElementsAre("@type", "apiMethodName", "createTime", "endTime", "logsUrl", "counter"));
  EXPECT_EQ(metadata["@type"].as_string(), "type.googleapis.com/google.cloud.healthcare.v1.OperationMetadata");
  EXPECT_EQ(metadata["apiMethodName"].as_string(), "google.cloud.healthcare.v1.dicom.DicomService.ExportDicomData_bq");
  EXPECT_EQ(metadata["counter"].Print(), R"({"success":"4"})");
  EXPECT_EQ(done["response"].Print(), R"({"@type":"type.googleapis.com/google.protobuf.Empty"})");
  EXPECT_EQ(warehouse_.OpenTable({"p", "analysis", "t"})->rows, 4);

  // force is ignored beside writeDisposition; alone it decides.
  EXPECT_EQ(Done(Send("POST", kStore + ":export", R"({"bigqueryDestination": {"tableUri": "bq://p.analysis.t", "force": true,
      "writeDisposition": "WRITE_EMPTY"}})"))["error"]["code"]
                .as_int(),
            6);
  EXPECT_EQ(
      Done(Send("POST", kStore + ":export", R"({"bigqueryDestination": {"tableUri": "bq://p.analysis.t"}})"))["error"]["code"]
          .as_int(),
      6);
  const Json forced =
      Done(Send("POST", kStore + ":export", R"({"bigqueryDestination": {"tableUri": "bq://p.analysis.t", "force": true}})"));
  EXPECT_EQ(forced.find("error"), nullptr);
  const Answered list = Send("GET", kDataset + "/operations?pageSize=2");
  ASSERT_EQ(list.json["operations"].array().size(), 2U);
  EXPECT_EQ(list.json["operations"].array()[0]["metadata"]["counter"]["success"].as_string(), "4");
  EXPECT_EQ(Send("POST", "/v1/" + begun.json["name"].as_string() + ":cancel", "{}").body, "{}\n");
}

TEST_F(HealthcareApi, TheVersionOfTheRequestIsThatOfTheOperation) {
  const Json done = Done(Send("POST", "/v1beta1" + kStore.substr(3) + ":export",
                              R"({"bigqueryDestination": {"tableUri": "bq://p.analysis.beta"}})"));
  EXPECT_EQ(done["metadata"]["@type"].as_string(), "type.googleapis.com/google.cloud.healthcare.v1beta1.OperationMetadata");
  EXPECT_EQ(done["metadata"].find("counter"), nullptr);
}

TEST_F(HealthcareApi, AFailedImportIsExplainedInTheLog) {
  ASSERT_TRUE(store_->objects().CreateBucket("p", "bucket").ok());
  store::Object object;
  object.bucket = "bucket";
  object.name = "no<b>.dcm";
  auto writer = store_->objects().Write(object);
  ASSERT_TRUE((*writer)->Append(store::testing::AsBytes("nothing of DICOM")).ok());
  ASSERT_TRUE((*writer)->Finish(std::nullopt).ok());
  const Json done = Done(Send("POST", kStore + ":import", R"({"gcsSource": {"uri": "gs://bucket/*"}})"));
  EXPECT_EQ(done["error"]["code"].as_int(), 3);
  EXPECT_EQ(done["metadata"]["counter"].Print(), R"({"failure":"1"})");
  const std::string name = done["name"].as_string();
  const std::string id = name.substr(name.rfind('/') + 1);

  const Answered list = Send("POST", "/v2/entries:list",
                             R"({"resourceNames": ["projects/p"], "filter": "severity>=ERROR AND operation.id=\")" + name +
                                 R"(\" timestamp>=\"2020-01-01T00:00:00Z\"", "orderBy": "timestamp asc"})");
  ASSERT_EQ(list.json["entries"].array().size(), 2U) << list.body;
  const Json& entry = list.json["entries"].array()[0];
  EXPECT_EQ(entry["logName"].as_string(), "projects/p/logs/healthcare.googleapis.com%2Fimport_dicom");
  EXPECT_EQ(
      entry["resource"].Print(),
      R"({"type":"healthcare_dicom_store","labels":{"project_id":"p","location":"l","dataset_id":"d","dicom_store_id":"s"}})");
  EXPECT_EQ(entry["jsonPayload"]["source"].as_string(), "gs://bucket/no<b>.dcm");
  EXPECT_EQ(entry["jsonPayload"]["error"]["code"].as_int(), 3);
  EXPECT_EQ(entry["operation"]["id"].as_string(), name);
  for (const std::string filter :
       {"severity=WARNING", "operation.id=\\\"1\\\"", "resource.labels.dataset_id=x", "timestamp<\\\"2020-01-01T00:00:00Z\\\""}) {
    EXPECT_EQ(Send("POST", "/v2/entries:list", R"({"resourceNames": ["projects/p"], "filter": ")" + filter + "\"}").body, "{}\n")
        << filter;
  }
  const std::string url = done["metadata"]["logsUrl"].as_string();
  ASSERT_TRUE(url.starts_with("http://house/logs?")) << url;
  const Answered page = Send("GET", url.substr(12));
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("no&lt;b&gt;.dcm"));
  EXPECT_THAT(page.body, HasSubstr(id));
}

TEST_F(HealthcareApi, AnImportIsAnsweredWithItsOwnMessage) {
  ASSERT_TRUE(store_->objects().CreateBucket("p", "bucket").ok());
  store::Object object;
  object.bucket = "bucket";
  object.name = "a.dcm";
  auto writer = store_->objects().Write(object);
  ASSERT_TRUE((*writer)->Append(store::testing::AsBytes(MakeInstance(Facts{}))).ok());
  ASSERT_TRUE((*writer)->Finish(std::nullopt).ok());
  for (const std::string version : {"v1", "v1beta1"}) {
    const Json done =
        Done(Send("POST", "/" + version + kStore.substr(3) + ":import", R"({"gcsSource": {"uri": "gs://bucket/*"}})"));
    EXPECT_EQ(done["response"].Print(),
              R"({"@type":"type.googleapis.com/google.cloud.healthcare.)" + version + R"(.dicom.ImportDicomDataResponse"})");
  }
}

// The page, F3.
TEST_F(HealthcareApi, AFailedExportIsExplainedInTheLog) {
  const std::string body = R"({"bigqueryDestination": {"tableUri": "bq://p.analysis.t"}})";
  const Json made = Done(Send("POST", kStore + ":export", body));
  EXPECT_EQ(made.find("error"), nullptr);
  const std::string fine = made["metadata"]["logsUrl"].as_string().substr(12);
  EXPECT_THAT(Send("GET", fine).body, HasSubstr("nothing failed"));
  const Json done = Done(Send("POST", kStore + ":export", body));
  ASSERT_EQ(done["error"]["code"].as_int(), 6);
  const std::string name = done["name"].as_string();
  const Answered list =
      Send("POST", "/v2/entries:list",
           R"({"resourceNames": ["projects/p"], "filter": "severity=ERROR AND operation.id=\")" + name + "\\\"\"}");
  ASSERT_EQ(list.json["entries"].array().size(), 1U) << list.body;
  const Json& entry = list.json["entries"].array()[0];
  EXPECT_EQ(entry["jsonPayload"]["error"].Print(), done["error"].Print());
  EXPECT_EQ(entry["resource"]["labels"]["dicom_store_id"].as_string(), "s");
  const Answered page = Send("GET", done["metadata"]["logsUrl"].as_string().substr(12));
  EXPECT_THAT(page.body, HasSubstr("bq://p.analysis.t exists"));
  EXPECT_THAT(page.body, HasSubstr("ERROR"));

  const Answered unknown = Send("GET", "/logs?project=p&operation=1234567890123456789");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("1234567890123456789 of project p was not found"));
  EXPECT_EQ(Send("GET", "/logs?project=other" + fine.substr(fine.find("&operation"))).status, 404);
  EXPECT_EQ(Send("GET", "/logs?project=p&operation=%3Cb%3E").status, 404);
}

// ---- IAM

TEST_F(HealthcareApi, PoliciesAreKeptAndAnswered) {
  for (const std::string& resource : {kDataset, kStore}) {
    EXPECT_EQ(Send("GET", resource + ":getIamPolicy").json.Print(), R"({"etag":"ACAB"})");
    const std::string policy =
        R"({"bindings": [{"role": "roles/healthcare.dicomViewer", "members": ["user:a@b.c"]}], "etag": "ACAB"})";
    const Answered set = Send("POST", resource + ":setIamPolicy", R"({"policy": )" + policy + "}");
    ASSERT_EQ(set.status, 200) << set.body;
    EXPECT_EQ(Send("GET", resource + ":getIamPolicy?options.requestedPolicyVersion=3").json, set.json);
    EXPECT_EQ(Fault("POST", resource + ":setIamPolicy", R"({"policy": )" + policy + "}", 409, "ABORTED", "changed meanwhile"),
              "");
    EXPECT_EQ(Send("POST", resource + ":testIamPermissions", R"({"permissions": ["healthcare.datasets.get"]})").json.Print(),
              R"({"permissions":["healthcare.datasets.get"]})");
  }
}

// ---- Wrong requests

struct Wrong {
  const char* method;
  std::string target;
  const char* body;
  int status;
  const char* name;
  const char* text;
};

TEST_F(HealthcareApi, WrongExportsAndImportsGetTheirErrors) {
  const std::string table = kStore + ":export";
  const Wrong all[] = {
      {"POST", table, "{}", 400, "INVALID_ARGUMENT", "destination is missing"},
      {"POST", table, R"({"bigqueryDestination": {}, "gcsDestination": {}})", 400, "INVALID_ARGUMENT", "exclude each other"},
      {"POST", table, R"({"bigqueryDestination": {"tableUri": "p.d.t"}})", 400, "INVALID_ARGUMENT",
       "bigqueryDestination.tableUri"},
      {"POST", table, R"({"bigqueryDestination": {"tableUri": "bq://p.d.t", "writeDisposition": "WRITE"}})", 400,
       "INVALID_ARGUMENT", "Invalid value at 'bigqueryDestination.writeDisposition'"},
      {"POST", table, R"({"bigqueryDestination": {"tableUri": "bq://p.d.t", "force": "yes"}})", 400, "INVALID_ARGUMENT",
       "TYPE_BOOL"},
      {"POST", table, R"({"bigqueryDestination": {"tableUri": "bq://p.d.t", "changeDataCaptureConfig": {}}})", 400,
       "INVALID_ARGUMENT", "changeDataCaptureConfig"},
      {"POST", "/v1beta1" + table.substr(3),
       R"({"bigqueryDestination": {"tableUri": "bq://p.d.t", "changeDataCaptureConfig": {}}})", 400, "INVALID_ARGUMENT",
       "changeDataCaptureConfig"},
      {"POST", table, R"({"bigqueryDestination": {"tableUri": "bq://p.d.t"}, "filterConfig": {}})", 400, "INVALID_ARGUMENT",
       "resourcePathsGcsUri is missing"},
      {"POST", table, R"({"bigqueryDestination": {"tableUri": "bq://p.d.t"}, "filterConfig": {"resourcePathsGcsUri": "x"}})", 400,
       "INVALID_ARGUMENT", "filterConfig.resourcePathsGcsUri"},
      {"POST", table, R"({"gcsDestination": {"uriPrefix": "x"}})", 400, "INVALID_ARGUMENT", "gcsDestination.uriPrefix"},
      {"POST", table, R"({"gcsDestination": {"uriPrefix": "gs://bucket/x", "mimeType": "image/png"}})", 400, "INVALID_ARGUMENT",
       "image/png"},
      {"POST", table, R"({"gcsDestination": {"uriPrefix": "gs://bucket/x", "mimeType": "application/octet-stream"}})", 400,
       "INVALID_ARGUMENT", "application/dicom; transfer-syntax=*"},
      {"POST", table,
       R"({"gcsDestination": {"uriPrefix": "gs://b-b/x", "mimeType": "application/octet-stream; transfer-syntax=*"}})", 400,
       "INVALID_ARGUMENT", "as they are stored"},
      {"POST", table,
       R"({"gcsDestination": {"uriPrefix": "gs://b-b/x", "mimeType": "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"}})",
       400, "INVALID_ARGUMENT", "does not transcode"},
      {"POST", kStore + "x:export", R"({"gcsDestination": {"uriPrefix": "gs://bucket/x"}})", 404, "NOT_FOUND", "was not found"},
      {"POST", kStore + ":import", R"({"gcsSource": {"uri": "gs://bucket/a*/**.dcm"}})", 400, "INVALID_ARGUMENT",
       "gcsSource.uri: 'a*/**.dcm'"},
      {"POST", kStore + ":import", "{}", 400, "INVALID_ARGUMENT", "gcsSource.uri is missing"},
      {"POST", kStore + ":import", R"({"gcsSource": {"uri": "gs://bucket"}})", 400, "INVALID_ARGUMENT", "names no object"},
      {"POST", kStore + ":import", R"({"gcsSource": {"uri": "gs://bucket/**/x"}})", 400, "INVALID_ARGUMENT", "gcsSource.uri"},
  };
  for (const Wrong& wrong : all) {
    EXPECT_EQ(Fault(wrong.method, wrong.target, wrong.body, wrong.status, wrong.name, wrong.text), "");
  }
}

TEST_F(HealthcareApi, WrongRequestsGetTheirErrors) {
  const Wrong all[] = {
      {"POST", kDatasets, "{}", 400, "INVALID_ARGUMENT", "datasetId is missing"},
      {"POST", kDatasets + "?datasetId=a%2Fb", "{}", 400, "INVALID_ARGUMENT", "a/b"},
      {"POST", kDatasets + "?datasetId=..", "{}", 400, "INVALID_ARGUMENT", "'..'"},
      {"POST", kDatasets + "?datasetId=d", "{}", 409, "ALREADY_EXISTS", "already exists"},
      {"POST", kDatasets + "?datasetId=e", R"({"timeZone": 5})", 400, "INVALID_ARGUMENT",
       "Invalid value at 'timeZone' (TYPE_STRING), 5"},
      {"POST", kDatasets + "?datasetId=e", R"({"timeZone": "Middle Earth"})", 400, "INVALID_ARGUMENT", "Middle Earth"},
      {"POST", kDatasets + "?datasetId=e", R"({"timeZone": "Mars/X"})", 400, "INVALID_ARGUMENT", "Mars/X"},
      {"PATCH", kDataset + "?updateMask=timeZone", R"({"timeZone": "Mars/X"})", 400, "INVALID_ARGUMENT", "Mars/X"},
      {"POST", kDatasets + "?datasetId=e", R"({"timezone": "UTC"})", 400, "INVALID_ARGUMENT",
       "Unknown name \"timezone\": Cannot find field."},
      {"POST", kDatasets + "?datasetId=e", R"({"encryptionSpec": {"kmsKeyName": "k"}})", 400, "INVALID_ARGUMENT", "kmsKeyName"},
      {"POST", kDatasets + "?datasetId=e", R"({"encryptionSpec": {"key": "k"}})", 400, "INVALID_ARGUMENT",
       "Unknown name \"key\" at 'encryptionSpec'"},
      {"POST", kDatasets + "?datasetId=e", "[]", 400, "INVALID_ARGUMENT", "must be an object"},
      {"POST", kDatasets + "?datasetId=e", "{", 400, "INVALID_ARGUMENT", "Invalid JSON payload"},
      {"POST", kDatasets + "?datasetId=e&color=red", "{}", 400, "INVALID_ARGUMENT", "Cannot bind query parameter"},
      {"GET", kDatasets + "?pageSize=many", "", 400, "INVALID_ARGUMENT", "TYPE_INT32"},
      {"GET", kDatasets + "?pageSize=-1", "", 400, "INVALID_ARGUMENT", "negative"},
      {"GET", kDatasets + "?pageToken=x", "", 400, "INVALID_ARGUMENT", "pageToken"},
      {"GET", kDatasets + "?alt=proto", "", 400, "INVALID_ARGUMENT", "alt"},
      {"GET", kDatasets + "?fields=a(", "", 400, "INVALID_ARGUMENT", "field selection"},
      {"GET", kDatasets + "/none", "", 404, "NOT_FOUND", "datasets/none was not found"},
      {"PATCH", kDataset + "?updateMask=name", "{}", 400, "INVALID_ARGUMENT", "update mask"},
      {"PATCH", kDataset + "?updateMask=color", "{}", 400, "INVALID_ARGUMENT", "'color'"},
      {"POST", kDataset + ":deidentify", "{}", 400, "FAILED_PRECONDITION", "does not implement"},
      {"GET", kDataset + "/fhirStores", "", 400, "FAILED_PRECONDITION", "fhirStores"},
      {"PUT", kDataset, "{}", 405, "INVALID_ARGUMENT", "not possible"},
      {"POST", kStores, "{}", 400, "INVALID_ARGUMENT", "dicomStoreId is missing"},
      {"POST", kStores + "?dicomStoreId=s", "{}", 409, "ALREADY_EXISTS", "already exists"},
      {"POST", kDatasets + "/none/dicomStores?dicomStoreId=s", "{}", 404, "NOT_FOUND", "dataset"},
      {"POST", kStores + "?dicomStoreId=x", R"({"labels": {"A": "b"}})", 400, "INVALID_ARGUMENT", "\"A\""},
      {"POST", kStores + "?dicomStoreId=x", R"({"labels": {"a": 1}})", 400, "INVALID_ARGUMENT", "labels"},
      {"POST", kStores + "?dicomStoreId=x", R"({"notificationConfig": {"pubsubTopic": "t"}})", 400, "INVALID_ARGUMENT",
       "pubsubTopic"},
      {"POST", kStores + "?dicomStoreId=x", R"({"streamConfigs": {}})", 400, "INVALID_ARGUMENT", "a list"},
      {"POST", kStores + "?dicomStoreId=x", R"({"streamConfigs": [{"bigqueryDestination": {"tableUri": "t"}}]})", 400,
       "INVALID_ARGUMENT", "tableUri"},
      {"POST", kStores + "?dicomStoreId=x", R"({"streamConfigs": [{}, {}, {}, {}, {}, {}]})", 400, "INVALID_ARGUMENT",
       "at most five"},
      {"GET", kStores + "?filter=name%3Dx", "", 400, "INVALID_ARGUMENT", "labels.KEY=VALUE"},
      {"GET", kStore + "x", "", 404, "NOT_FOUND", "DICOM store"},
      {"PATCH", kStore + "?updateMask=labels.a.b", "{}", 400, "INVALID_ARGUMENT", "labels.a.b"},
      {"GET", kStore + "x:getDICOMStoreMetrics", "", 404, "NOT_FOUND", "was not found"},
      {"POST", kStore + ":setBlobStorageSettings", "{}", 400, "FAILED_PRECONDITION", "does not implement"},
      {"GET", kDataset + "/operations/5", "", 404, "NOT_FOUND", "operations/5 was not found"},
      {"POST", kDataset + "/operations/5:cancel", "{}", 404, "NOT_FOUND", "was not found"},
      {"GET", kDataset + "x/operations", "", 404, "NOT_FOUND", "was not found"},
      {"GET", kDataset + "/operations?filter=x", "", 400, "INVALID_ARGUMENT", "filter"},
      {"GET", kStore + ":getIamPolicy?options.requestedPolicyVersion=2", "", 400, "INVALID_ARGUMENT", "requestedPolicyVersion"},
      {"POST", kStore + ":setIamPolicy", "{}", 400, "INVALID_ARGUMENT", "policy is missing"},
      {"POST", kStore + ":setIamPolicy", R"({"policy": {"version": 2}})", 400, "INVALID_ARGUMENT", "version"},
      {"POST", kStore + ":setIamPolicy", R"({"policy": {"bindings": [{"role": "x"}]}})", 400, "INVALID_ARGUMENT", "Role"},
      {"POST", kStore + ":setIamPolicy", R"({"policy": {"bindings": [{"role": "roles/x", "members": ["me"]}]}})", 400,
       "INVALID_ARGUMENT", "member"},
      {"POST", kStore + ":testIamPermissions", R"({"permissions": ["healthcare.*"]})", 400, "INVALID_ARGUMENT", "wildcards"},
      {"POST", "/v2/entries:list", "{}", 400, "INVALID_ARGUMENT", "resourceNames"},
      {"POST", "/v2/entries:list", R"({"resourceNames": ["folders/5"]})", 400, "INVALID_ARGUMENT", "folders/5"},
      {"POST", "/v2/entries:list", R"({"resourceNames": ["projects/p"], "filter": "a OR b"})", 400, "INVALID_ARGUMENT",
       "Unparseable filter"},
      {"POST", "/v2/entries:list", R"({"resourceNames": ["projects/p"], "orderBy": "x"})", 400, "INVALID_ARGUMENT", "orderBy"},
  };
  for (const Wrong& wrong : all) {
    EXPECT_EQ(Fault(wrong.method, wrong.target, wrong.body, wrong.status, wrong.name, wrong.text), "");
  }
}

// gcloud and its library write bytes as base64url (RFC 4648 §5), whatever they have read.
TEST_F(HealthcareApi, AnEtagMayComeBackInTheOtherAlphabet) {
  int other = 0;
  for (int i = 0; i < 1000 && other < 10; ++i) {
    std::string etag = Send("POST", kStore + ":setIamPolicy", R"({"policy": {}})").json["etag"].as_string();
    if (etag.find_first_of("+/") == std::string::npos) continue;
    ++other;
    std::replace(etag.begin(), etag.end(), '+', '-');
    std::replace(etag.begin(), etag.end(), '/', '_');
    const Answered set = Send("POST", kStore + ":setIamPolicy", R"({"policy": {"etag": ")" + etag + R"("}})");
    EXPECT_EQ(set.status, 200) << etag << set.body;
  }
  EXPECT_EQ(other, 10);
}

TEST_F(HealthcareApi, AFilterThatEndsTooEarlyIsCitedAtItsEnd) {
  EXPECT_EQ(Fault("POST", "/v2/entries:list", R"({"resourceNames": ["projects/p"], "filter": "severity=ERROR AND "})", 400,
                  "INVALID_ARGUMENT", "nothing follows AND at \"AND \""),
            "");
}

// As PowerShell 5.1 writes request.json.
TEST_F(HealthcareApi, ABodyMayBeginWithAByteOrderMark) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(Send("POST", kDatasets + "?datasetId=marked", mark + "{\"timeZone\": \"UTC\"}\r\n").status, 200);
  EXPECT_EQ(Send("GET", kDatasets + "/marked").json["timeZone"].as_string(), "UTC");
  EXPECT_EQ(Send("POST", kDatasets + "?datasetId=empty", mark).status, 200);
  EXPECT_EQ(Fault("POST", kDatasets + "?datasetId=e", mark + mark + "{}", 400, "INVALID_ARGUMENT", "Invalid JSON payload"), "");
}

TEST_F(HealthcareApi, AViolationNamesItsField) {
  const Answered answered = Send("POST", kStore + ":export", R"({"bigqueryDestination": {"force": 1}})");
  const Json& detail = answered.json["error"]["details"].array().at(0);
  EXPECT_EQ(detail["@type"].as_string(), "type.googleapis.com/google.rpc.BadRequest");
  EXPECT_EQ(detail["fieldViolations"].array().at(0)["field"].as_string(), "bigqueryDestination.force");
}

TEST_F(HealthcareApi, SystemParametersAreTaken) {
  EXPECT_EQ(Send("GET", kDataset + "?prettyPrint=false&key=k&alt=json&%24alt=json").body,
            R"({"name":"projects/p/locations/l/datasets/d"})");
  Send("POST", kStores + "?dicomStoreId=t", R"({"labels": {"a": "b"}})");
  EXPECT_EQ(Send("GET", kStores + "?prettyPrint=false&fields=dicomStores(labels/a)").body,
            R"({"dicomStores":[{},{"labels":{"a":"b"}}]})");
}

// ---- The description

TEST_F(HealthcareApi, TheDescriptionNamesWhatIsServed) {
  for (const std::string version : {"v1", "v1beta1"}) {
    const Json api = Send("GET", "/$discovery/rest?version=" + version).json;
    EXPECT_EQ(api["rootUrl"].as_string(), "http://house/");
    EXPECT_EQ(api["id"].as_string(), "healthcare:" + version);
    const Json& method = api["resources"]["projects"]["resources"]["locations"]["resources"]["datasets"]["resources"]
                            ["dicomStores"]["methods"]["export"];
    EXPECT_EQ(method["path"].as_string(), version + "/{+name}:export");
    EXPECT_EQ(
        method["flatPath"].as_string(),
        version + "/projects/{projectsId}/locations/{locationsId}/datasets/{datasetsId}/dicomStores/{dicomStoresId}:export");
    EXPECT_EQ(method["parameters"]["name"]["pattern"].as_string(),
              "^projects/[^/]+/locations/[^/]+/datasets/[^/]+/dicomStores/[^/]+$");
    const bool beta = api["schemas"]["GoogleCloudHealthcareV1beta1DicomBigQueryDestination"].find("id") != nullptr;
    EXPECT_EQ(beta, version == "v1beta1");
    // Every reference leads somewhere.
    const std::string text = api.Print();
    for (size_t at = text.find("\"$ref\":\""); at != std::string::npos; at = text.find("\"$ref\":\"", at + 1)) {
      const std::string name = text.substr(at + 8, text.find('"', at + 8) - at - 8);
      EXPECT_NE(api["schemas"].find(name), nullptr) << name;
    }
  }
  EXPECT_EQ(Send("GET", "/$discovery/rest?version=v9").status, 404);
}

// ---- Shapes

TEST(Fields, AreSelected) {
  const Json json = *Json::Parse(R"({"a": {"b": 1, "c": 2}, "d": [{"e": 3, "f": {"g": 4, "h": 5}}], "i": 6})");
  const auto selected = [&](const char* fields) {
    auto got = SelectFields(json, fields);
    return got.ok() ? got->Print() : "error";
  };
  EXPECT_EQ(selected("a,i"), R"({"a":{"b":1,"c":2},"i":6})");
  EXPECT_EQ(selected("a/b"), R"({"a":{"b":1}})");
  EXPECT_EQ(selected("d(e,f/g),i"), R"({"d":[{"e":3,"f":{"g":4}}],"i":6})");
  EXPECT_EQ(selected("d/f(h)"), R"({"d":[{"f":{"h":5}}]})");
  EXPECT_EQ(selected("*/b"), R"({"a":{"b":1},"d":[{}],"i":{}})");
  for (const char* const bad : {"", ",", "a,", "a(", "a)", "a(b", "a(b))", "a b", "/a", "a(b)c"})
    EXPECT_EQ(selected(bad), "error") << bad;
}

TEST(TimeZones, AreThoseOfTheDatabase) {
  const store::testing::Folder folder;
  // Without a database only the form is known.
  EXPECT_TRUE(IsTimeZone("Mars/X", folder.path()));
  for (const char* name : {"", "..", "../etc/passwd", "/UTC", "UTC/", "a//b", "Middle Earth", "posix/UTC", "localtime"}) {
    EXPECT_FALSE(IsTimeZone(name, folder.path())) << name;
  }
  base::FileSystem& files = base::RealFileSystem();
  const std::string list = "# version x\nR d 1 2 - O 1 2 0 -\nZ Europe/Lisbon -0:36:45 - LMT\nL Europe/Lisbon Portugal\n";
  ASSERT_TRUE(base::WriteFileDurably(files, folder.path() + "/tzdata.zi", list).ok());
  for (const char* name : {"Europe/Lisbon", "Portugal"}) EXPECT_TRUE(IsTimeZone(name, folder.path())) << name;
  for (const char* name : {"Mars/X", "Europe", "europe/lisbon", "LMT"}) EXPECT_FALSE(IsTimeZone(name, folder.path())) << name;
  // Files alone will do.
  ASSERT_TRUE(files.Remove(folder.path() + "/tzdata.zi").ok());
  ASSERT_TRUE(base::WriteFileDurably(files, folder.path() + "/UTC", "TZif2").ok());
  ASSERT_TRUE(base::WriteFileDurably(files, folder.path() + "/zone.tab", "PT").ok());
  EXPECT_TRUE(IsTimeZone("UTC", folder.path()));
  EXPECT_FALSE(IsTimeZone("Portugal", folder.path()));
}

TEST(Timestamps, AreReadAsRfc3339HasThem) {
  EXPECT_EQ(ParseRfc3339("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(ParseRfc3339("1970-01-01T01:00:00.5+01:00"), 500'000);
  EXPECT_EQ(ParseRfc3339("2024-02-29"), 1'709'164'800'000'000);
  for (const char* const bad :
       {"", "2024-02-30", "2024-02-29T00:00:00", "2024-02-29T25:00:00Z", "x024-02-29", "2024-02-29T00:00:00+1"}) {
    EXPECT_FALSE(ParseRfc3339(bad)) << bad;
  }
}

}  // namespace
}  // namespace dicomhouse::api
