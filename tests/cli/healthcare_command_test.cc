// Our commands against a server with canned answers: requests that are sent, and what is printed. The texts are what gcloud
// printed for the same answers; tests/wire/cli_check.py runs both.
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "base/json.h"
#include "http/server.h"
#include "tests/cli/program_runner.h"

namespace dicomhouse::cli {
namespace {

const std::string kDataset = "projects/p/locations/us-central1/datasets/d";

class HealthcareCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    http::ServerOptions options;
    options.io_threads = 1;
    options.handler_threads = 1;
    auto server = http::Server::Start(std::move(options), [this](http::Request& request) { return Handle(request); });
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = *std::move(server);
    ::setenv("DICOMHOUSE_ENDPOINT", ("http://127.0.0.1:" + std::to_string(server_->port())).c_str(), 1);
    ::setenv("CLOUDSDK_CORE_PROJECT", "p", 1);
    ::setenv("DICOMHOUSE_TOKEN", "secret", 1);
  }
  void TearDown() override {
    for (const char* name : {"DICOMHOUSE_ENDPOINT", "CLOUDSDK_CORE_PROJECT", "DICOMHOUSE_TOKEN"}) ::unsetenv(name);
  }

  // "GET /v1/...": the answer's status and body.
  void Expect(const std::string& request, const std::string& body, int status = 200) {
    const std::lock_guard lock(mutex_);
    answers_[request] = {status, body};
  }

  Outcome Healthcare(std::vector<std::string> words) {
    words.insert(words.begin(), "healthcare");
    return Dicomhouse(scratch_, std::move(words));
  }

  // The same with what standard input has.
  Outcome HealthcareWith(const std::string& input, std::vector<std::string> words) {
    words.insert(words.begin(), "healthcare");
    return DicomhouseWith(input, scratch_, std::move(words));
  }

  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  const Scratch scratch_;

 private:
  http::Response Handle(http::Request& request) {
    const auto body = http::ReadAll(*request.body, 1 << 20);
    const std::lock_guard lock(mutex_);
    const std::string key = request.method + " " + request.target.raw;
    requests_.push_back(key + (body.ok() && !body->empty() ? " " + *body : ""));
    http::Response response;
    const auto found = answers_.find(key);
    response.status = found == answers_.end() ? 599 : found->second.first;
    if (request.headers.Get("Authorization") != "Bearer secret") response.status = 598;
    if (found != answers_.end()) response.body = found->second.second;
    return response;
  }

  std::mutex mutex_;
  std::map<std::string, std::pair<int, std::string>> answers_;
  std::vector<std::string> requests_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(HealthcareCommands, DescribePrintsSortedYamlOrJson) {
  Expect("GET /v1/" + kDataset + "/dicomStores/s",
         R"({"name": "n", "labels": {"b": "2", "a": "true"}, "streamConfigs": [{"x": "y"}]})");
  const Outcome yaml = Healthcare({"dicom-stores", "describe", "s", "--dataset=d"});
  EXPECT_EQ(yaml.code, 0) << yaml.err;
  EXPECT_EQ(yaml.out, "labels:\n  a: 'true'\n  b: '2'\nname: n\nstreamConfigs:\n- x: y\n");
  const Outcome json = Healthcare({"dicom-stores", "describe", "s", "--dataset", "d", "--format", "json"});
  EXPECT_TRUE(json.out.starts_with("{\n  \"labels\": {\n    \"a\": \"true\",\n")) << json.out;
  EXPECT_EQ(Healthcare({"dicom-stores", "describe", kDataset + "/dicomStores/s", "--format=value(name,labels.b)"}).out, "n\t2\n");
}

TEST_F(HealthcareCommands, ListsAreTablesOverAllPages) {
  Expect("GET /v1/" + kDataset + "/operations",
         R"({"operations": [{"name": ")" + kDataset + R"(/operations/77", "done": true}], "nextPageToken": "a/b"})");
  Expect("GET /v1/" + kDataset + "/operations?pageToken=a%2Fb",
         R"({"operations": [{"name": ")" + kDataset + R"(/operations/8"}]})");
  const Outcome list = Healthcare({"operations", "list", "--dataset=d"});
  EXPECT_EQ(list.out, "ID  LOCATION     DONE\n77  us-central1  True\n8   us-central1\n") << list.err;
  Expect("GET /v1/projects/p/locations/x/datasets", "{}");
  const Outcome none = Healthcare({"datasets", "list", "--location=x"});
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "Listed 0 items.\n");
  EXPECT_EQ(none.code, 0);
}

TEST_F(HealthcareCommands, ListsAreFilteredSortedAndCut) {
  const std::string stores = kDataset + "/dicomStores/";
  Expect("GET /v1/" + kDataset + "/dicomStores",
         R"({"dicomStores": [{"name": ")" + stores + R"(s1"}, {"name": ")" + stores +
             R"(s10", "labels": {"unit": "MRI One", "size": "7"}}], "nextPageToken": "2"})");
  Expect("GET /v1/" + kDataset + "/dicomStores?pageToken=2",
         R"({"dicomStores": [{"name": ")" + stores + R"(a", "notificationConfig": {"pubsubTopic": "t/x", "on": true},)" +
             R"( "streamConfigs": [{"to": "bq://a"}, {"to": "bq://b"}]}]})");
  const auto list = [this](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"dicom-stores", "list", "--dataset=d", "--format=value(name)"});
    Outcome outcome = Healthcare(std::move(flags));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    std::replace(outcome.out.begin(), outcome.out.end(), '\n', ' ');
    return outcome.out + outcome.err;
  };
  EXPECT_EQ(list({"--sort-by=~name"}), "s10 s1 a ");
  EXPECT_EQ(list({"--sort-by=ID", "--limit=2"}), "a s1 ");
  EXPECT_EQ(list({"--sort-by=labels.unit,~name"}), "s10 s1 a ") << "missing is None";
  EXPECT_EQ(list({"--limit=1"}), "s1 ");
  EXPECT_EQ(list({"--limit=unlimited"}), "s1 s10 a ");
  EXPECT_EQ(list({"--filter=name=" + stores + "S1"}), "s1 ");
  EXPECT_EQ(list({"--filter=name:s1"}), "s1 s10 ");
  EXPECT_EQ(list({"--filter=name!=" + stores + "s1 AND name:stores"}), "s10 a ");
  EXPECT_EQ(list({"--filter", "name : 'stores'  labels.unit=\"mri one\""}), "s10 ");
  EXPECT_EQ(list({"--filter=labels.size=7.0"}), "s10 ");
  EXPECT_EQ(list({"--filter=labels:mri"}), "s10 ");
  EXPECT_EQ(list({"--filter=labels.unit:m*e"}), "s10 ");
  EXPECT_EQ(list({"--filter=labels.unit:*i"}), "");
  EXPECT_EQ(list({"--filter=notificationConfig.on=true AND TOPIC:*"}), "a ");
  EXPECT_EQ(list({"--filter=notificationConfig.on=false"}), "");
  EXPECT_EQ(list({"--filter=streamConfigs.to=bq://b"}), "a ");
  EXPECT_EQ(list({"--filter=colour=red"}), "WARNING: The following filter keys were not present in any resource : colour\n");
  const Outcome paged = Healthcare({"dicom-stores", "list", "--dataset=d", "--filter=name:s1", "--uri"});
  EXPECT_EQ(std::count(paged.out.begin(), paged.out.end(), '\n'), 2) << paged.out;

  for (const char* limit : {"--limit=0", "--limit=-1", "--limit=x", "--page-size=0", "--page-size=unlimited"}) {
    const Outcome refused = Healthcare({"dicom-stores", "list", "--dataset=d", limit});
    EXPECT_EQ(refused.code, 2) << limit;
    EXPECT_NE(refused.err.find("Value must be "), std::string::npos) << refused.err;
  }
  EXPECT_EQ(Dicomhouse(scratch_, {"logging", "read", "--limit=0"}).code, 2);
  const size_t sent = requests().size();
  for (const char* filter : {"a=1 OR b=2", "NOT a=1", "-a=1", "(a=1)", "a=(1 2)", "a~x", "a>1", "a", "=1", "a=", "a=1 AND",
                             "AND a=1", "a=1 AND AND b=1", "a[0]=1", "a.scope()=1", "a:*b*", "a='1", "a=AND"}) {
    const Outcome refused = Healthcare({"dicom-stores", "list", "--dataset=d", std::string("--filter=") + filter});
    EXPECT_EQ(refused.code, 1) << filter;
    EXPECT_NE(refused.err.find(std::string("--filter [") + filter + "]: "), std::string::npos) << refused.err;
  }
  EXPECT_EQ(requests().size(), sent);
}

TEST_F(HealthcareCommands, APageIsATable) {
  Expect("GET /v1/projects/p/locations/x/datasets?pageSize=2",
         R"({"datasets": [{"name": "projects/p/locations/x/datasets/a"}, {"name": "projects/p/locations/x/datasets/bb"}],)"
         R"( "nextPageToken": "t"})");
  Expect("GET /v1/projects/p/locations/x/datasets?pageSize=2&pageToken=t",
         R"({"datasets": [{"name": "projects/p/locations/x/datasets/c"}]})");
  const std::string head = "LOCATION  TIMEZONE  ENCRYPTION\n";
  EXPECT_EQ(Healthcare({"datasets", "list", "--location=x", "--page-size=2"}).out,
            "ID  " + head + "a   x                   Google-managed key\nbb  x                   Google-managed key\n\nID  " +
                head + "c   x                   Google-managed key\n");
}

TEST_F(HealthcareCommands, ExportsWaitAndPrintTheOperationsName) {
  const std::string operation = kDataset + "/operations/77";
  Expect("POST /v1/" + kDataset + "/dicomStores/s:export", R"({"name": ")" + operation + R"("})");
  Expect("GET /v1/" + operation, R"({"name": ")" + operation + R"(", "done": true, "response": {}})");
  const std::vector<std::string> words = {"dicom-stores", "export", "bq", "s", "--dataset=d", "--bq-table=bq://a.b.c"};
  const auto with = [&words](std::vector<std::string> more) {
    more.insert(more.begin(), words.begin(), words.end());
    return more;
  };
  const Outcome done = Healthcare(with({"--write-disposition=write-append", "--filter-config-gcs-uri=gs://b/f"}));
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.out, "name: " + operation + "\n");
  EXPECT_EQ(done.err, "Request issued for: [s]\nWaiting for operation [" + operation + "] to complete...done.\n");
  EXPECT_EQ(requests().front(), "POST /v1/" + kDataset + "/dicomStores/s:export " +
                                    R"({"bigqueryDestination":{"tableUri":"bq://a.b.c","writeDisposition":"WRITE_APPEND"},)" +
                                    R"("filterConfig":{"resourcePathsGcsUri":"gs://b/f"}})");
  const Outcome async = Healthcare(with({"--async", "--overwrite-table"}));
  EXPECT_EQ(async.err, "Request issued for: [s]\nCheck operation [" + operation + "] for status.\n");
  EXPECT_TRUE(requests().back().ends_with(R"({"bigqueryDestination":{"tableUri":"bq://a.b.c","force":true}})"));

  Expect("GET /v1/" + operation, R"({"done": true, "error": {"code": 3, "message": "bad: thing"}})");
  const Outcome failed = Healthcare(words);
  EXPECT_EQ(failed.code, 1);
  EXPECT_TRUE(
      failed.err.ends_with("to complete...failed.\nERROR: (dicomhouse.healthcare.dicom-stores.export.bq) {\n  \"code\": 3,\n"
                           "  \"message\": \"bad: thing\"\n}\n"))
      << failed.err;
  EXPECT_EQ(Healthcare(with({"--write-disposition=often"})).code, 2);
  EXPECT_EQ(Healthcare({"dicom-stores", "export", "bq", "s", "--dataset=d"}).code, 2);
}

TEST_F(HealthcareCommands, ANameIsOnePartOrAFullName) {
  const std::string full = "projects/q/locations/here/datasets/d";
  Expect("GET /v1/" + full, R"({"name": "n"})");
  Expect("GET /v1/" + full + "/dicomStores/s", R"({"name": "n"})");
  Expect("GET /v1/" + full + "/dicomStores", "{}");
  Expect("GET /v1/projects/q/locations/here/datasets", "{}");
  const std::vector<std::string> good[] = {
      {"datasets", "describe", full},
      {"datasets", "describe", "d", "--location=here", "--project=q"},
      {"dicom-stores", "describe", full + "/dicomStores/s"},
      {"dicom-stores", "describe", full + "/dicomStores/s", "--dataset=other"},
      {"dicom-stores", "describe", "s", "--dataset", full},
      {"dicom-stores", "list", "--dataset", full},
      {"datasets", "list", "--location=projects/q/locations/here"},
  };
  for (const auto& words : good) EXPECT_EQ(Healthcare(words).code, 0) << words[2];
  const size_t sent = requests().size();
  const std::vector<std::string> bad[] = {
      {"datasets", "create", "../x"},
      {"datasets", "create", ".."},
      {"datasets", "describe", "a/b"},
      {"datasets", "describe", "d/"},
      {"datasets", "describe", "datasets/d"},
      {"datasets", "describe", full + "/"},
      {"datasets", "describe", "/" + full},
      {"datasets", "describe", "projects/p/locations/../datasets/d"},
      {"datasets", "delete", full + "/dicomStores/s", "--quiet"},
      {"datasets", "describe", "d", "--location=a/b"},
      {"datasets", "describe", "d", "--project=a/b"},
      {"datasets", "list", "--location=.."},
      {"dicom-stores", "delete", "s/dicomWeb/studies/1.2", "--dataset=d", "--quiet"},
      {"dicom-stores", "describe", full, "--dataset=d"},
      {"dicom-stores", "describe", "s", "--dataset=x/d"},
      {"dicom-stores", "describe", full + "/operations/1", "--dataset=d"},
      {"dicom-stores", "list", "--dataset=../d"},
  };
  for (const auto& words : bad) {
    const Outcome refused = Healthcare(words);
    EXPECT_EQ(refused.code, 1) << words[2];
    EXPECT_NE(refused.err.find("can't be an id of "), std::string::npos) << refused.err;
  }
  EXPECT_EQ(requests().size(), sent);
  // Other marks are data, not syntax of a URL.
  (void)Healthcare({"datasets", "create", "x&y=1?#%2F"});
  EXPECT_EQ(requests().back(), "POST /v1/projects/p/locations/us-central1/datasets?datasetId=x%26y%3D1%3F%23%252F {}");
  (void)Healthcare({"datasets", "describe", "x?y:z"});
  EXPECT_EQ(requests().back(), "GET /v1/projects/p/locations/us-central1/datasets/x%3Fy%3Az");
}

TEST_F(HealthcareCommands, ErrorsAreTheServersWords) {
  Expect("GET /v1/" + kDataset, R"({"error": {"code": 404, "message": "no dataset", "status": "NOT_FOUND"}})", 404);
  const Outcome missing = Healthcare({"datasets", "describe", "d"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.err, "ERROR: (dicomhouse.healthcare.datasets.describe) NOT_FOUND: no dataset\n");
  const Outcome parent = Healthcare({"operations", "describe", "77"});
  EXPECT_EQ(parent.code, 1);
  EXPECT_NE(parent.err.find("Failed to find attribute [dataset]"), std::string::npos) << parent.err;
}

TEST_F(HealthcareCommands, WordsOfReleaseTracksStandInFront) {
  Expect("GET /v1/" + kDataset, R"({"name": "n"})");
  for (const char* track : {"beta", "alpha"}) {
    EXPECT_EQ(Dicomhouse(scratch_, {track, "healthcare", "datasets", "describe", "d"}).out, "name: n\n");
    EXPECT_EQ(
        Dicomhouse(scratch_, {track, "healthcare", "operations", "cancel", "1"})
            .err.find(std::string("ERROR: (dicomhouse.") + track + ".healthcare.operations.cancel) Error parsing [operation]."),
        0U);
    EXPECT_EQ(Dicomhouse(scratch_, {track, "healthcare", "--help"}).code, 0);
    for (const char* other : {"query", "beta", "--help"})
      EXPECT_EQ(Dicomhouse(scratch_, {track, other}).code, other[0] == '-' ? 0 : 2);
  }
  EXPECT_NE(Dicomhouse(scratch_, {"beta", "storage", "ls", "x"}).err.find("(dicomhouse.beta.storage.ls)"), std::string::npos);
  EXPECT_NE(Dicomhouse(scratch_, {"beta", "logging", "read", "--freshness=x"}).err.find("(dicomhouse.beta.logging.read)"),
            std::string::npos);
}

TEST_F(HealthcareCommands, CreatesUpdatesAndDeletesSayWhatTheyDid) {
  Expect("POST /v1/projects/p/locations/us-central1/datasets?datasetId=d", R"({"name": "op"})");
  Expect("GET /v1/op", R"({"done": true})");
  EXPECT_EQ(Healthcare({"datasets", "create", "d"}).err,
            "Create request issued for: [d]\nWaiting for operation [op] to complete...done.\nCreated dataset [d].\n");
  Expect("PATCH /v1/" + kDataset + "/dicomStores/s?updateMask=notificationConfig.pubsubTopic,streamConfigs", R"({"name": "s"})");
  const Outcome updated =
      Healthcare({"dicom-stores", "update", "s", "--dataset=d", "--pubsub-topic=t", "--stream-configs=bq://a.b.c,bq://d.e.f"});
  EXPECT_EQ(updated.out, "name: s\n");
  EXPECT_EQ(updated.err, "Updated dicomStore [s].\n");
  EXPECT_TRUE(requests().back().ends_with(R"({"notificationConfig":{"pubsubTopic":"t"},"streamConfigs":[{"bigqueryDestination":)"
                                          R"({"tableUri":"bq://a.b.c"}},{"bigqueryDestination":{"tableUri":"bq://d.e.f"}}]})"))
      << requests().back();
  Expect("DELETE /v1/" + kDataset, "{}");
  EXPECT_EQ(Healthcare({"datasets", "delete", "d", "--quiet"}).err, "Deleted dataset [d].\n");
}

TEST_F(HealthcareCommands, AnEmptyValueClearsAField) {
  const std::string store = "PATCH /v1/" + kDataset + "/dicomStores/s?updateMask=";
  Expect(store + "notificationConfig.pubsubTopic", "{}");
  Expect(store + "streamConfigs", "{}");
  Expect("PATCH /v1/" + kDataset + "?updateMask=timeZone", "{}");
  const auto cleared = [this](std::vector<std::string> words) {
    const Outcome outcome = Healthcare(std::move(words));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return requests().empty() ? "" : requests().back().substr(requests().back().rfind(' ') + 1);
  };
  const std::string topic = R"({"notificationConfig":{"pubsubTopic":""}})";
  EXPECT_EQ(cleared({"dicom-stores", "update", "s", "--dataset=d", "--pubsub-topic="}), topic);
  EXPECT_EQ(cleared({"dicom-stores", "update", "--pubsub-topic=", "s", "--dataset=d"}), topic);
  EXPECT_EQ(cleared({"dicom-stores", "update", "s", "--dataset=d", "--pubsub-topic", ""}), topic);
  EXPECT_EQ(cleared({"dicom-stores", "update", "s", "--dataset=d", "--stream-configs="}), R"({"streamConfigs":[]})");
  EXPECT_EQ(cleared({"datasets", "update", "d", "--time-zone="}), R"({"timeZone":""})");
  for (const char* flag : {"--location=", "--project=", "--format="}) {
    EXPECT_EQ(Healthcare({"datasets", "update", "d", "--time-zone=", flag}).code, 2) << flag;
  }
}

TEST_F(HealthcareCommands, QuestionsAreAnsweredByPipesToo) {
  Expect("DELETE /v1/" + kDataset, "{}");
  const std::string asked = "You are about to delete dataset [d]\n\nDo you want to continue (Y/n)?  ";
  const std::string error = "ERROR: (dicomhouse.healthcare.datasets.delete) ";
  const std::string nobody =
      "This prompt could not be answered because you are not in an interactive session.  You can re-run the command with the "
      "--quiet flag to accept default answers for all prompts.\n";
  const auto answered = [this](const std::string& input) { return HealthcareWith(input, {"datasets", "delete", "d"}); };
  for (const char* yes : {"y\n", "YES\n", " yes \r\n", "\n", "y"}) {
    const Outcome deleted = answered(yes);
    EXPECT_EQ(deleted.code, 0) << yes;
    EXPECT_EQ(deleted.err, asked + "\nDeleted dataset [d].\n") << yes;
  }
  const size_t sent = requests().size();
  for (const char* no : {"n\n", "No\ny\n"}) {
    const Outcome kept = answered(no);
    EXPECT_EQ(kept.code, 1) << no;
    EXPECT_EQ(kept.err, asked + "\n" + error + "Aborted by user.\n") << no;
  }
  EXPECT_EQ(answered("maybe\n \nn\n").err,
            asked + "Please enter 'y' or 'n':  Please enter 'y' or 'n':  \n" + error + "Aborted by user.\n");
  EXPECT_EQ(answered("").err, asked + "\n" + error + nobody);
  EXPECT_EQ(answered("maybe").err, asked + "Please enter 'y' or 'n':  \n" + error + nobody);
  EXPECT_EQ(requests().size(), sent);
}

TEST_F(HealthcareCommands, APolicyWithoutEtagIsAskedFor) {
  Expect("POST /v1/" + kDataset + ":setIamPolicy", "{}");
  const std::vector<std::string> words = {"datasets", "set-iam-policy", "d", scratch_.Write("p.yaml", "bindings: []\n")};
  const Outcome no = HealthcareWith("n\n", words);
  EXPECT_EQ(no.code, 1);
  EXPECT_NE(no.err.find("concurrent\n policy changes.\n\nReplace existing policy (Y/n)?  \nERROR:"), std::string::npos) << no.err;
  EXPECT_TRUE(requests().empty());
  EXPECT_EQ(HealthcareWith("", words).code, 0);
  EXPECT_TRUE(requests().back().ends_with(R"({"policy":{"bindings":[]},"updateMask":"bindings"})")) << requests().back();
}

TEST_F(HealthcareCommands, BindingsAreAddedToTheirRole) {
  Expect("GET /v1/" + kDataset + ":getIamPolicy", R"({"etag": "E", "bindings": [{"role": "r", "members": ["a"]}]})");
  Expect("POST /v1/" + kDataset + ":setIamPolicy", R"({"etag": "F"})");
  const auto bind = [this](const char* verb, const char* member, const char* role) {
    return Healthcare({"datasets", verb, "d", std::string("--member=") + member, std::string("--role=") + role});
  };
  EXPECT_EQ(bind("add-iam-policy-binding", "b", "r").err, "Updated IAM policy for dataset [d].\n");
  EXPECT_TRUE(requests().back().ends_with(R"({"policy":{"etag":"E","bindings":[{"role":"r","members":["a","b"]}]}})"));
  bind("add-iam-policy-binding", "b", "s");
  EXPECT_NE(requests().back().find(R"({"members":["b"],"role":"s"})"), std::string::npos);
  bind("remove-iam-policy-binding", "a", "r");
  EXPECT_TRUE(requests().back().ends_with(R"({"policy":{"etag":"E","bindings":[]}})"));
  EXPECT_EQ(bind("remove-iam-policy-binding", "x", "r").code, 1);
}

TEST_F(HealthcareCommands, APolicyThatWasPrintedCanBeSet) {
  const std::string policy = R"({"etag":"E=","bindings":[{"role":"r","members":["user:a","user:b"]}]})";
  Expect("GET /v1/" + kDataset + ":getIamPolicy", policy);
  Expect("POST /v1/" + kDataset + ":setIamPolicy", policy);
  const std::string yaml = scratch_.Write("policy.yaml", Healthcare({"datasets", "get-iam-policy", "d"}).out);
  const std::string sent = R"({"bindings":[{"members":["user:a","user:b"],"role":"r"}],"etag":"E="})";
  const Outcome set = Healthcare({"datasets", "set-iam-policy", "d", yaml});
  EXPECT_EQ(set.code, 0) << set.err;
  EXPECT_TRUE(requests().back().ends_with(R"({"policy":)" + sent + R"(,"updateMask":"bindings,etag"})")) << requests().back();
  const std::string json = scratch_.Write("policy.json", policy);
  EXPECT_EQ(Healthcare({"datasets", "set-iam-policy", "d", json}).code, 0);
  EXPECT_TRUE(requests().back().ends_with(R"({"policy":)" + policy + R"(,"updateMask":"bindings,etag"})")) << requests().back();
  const std::string marked = scratch_.Write("marked.yaml", "\xEF\xBB\xBF" + ReadFile(yaml));
  EXPECT_EQ(Healthcare({"datasets", "set-iam-policy", "d", marked}).code, 0);

  const Outcome wrong = Healthcare({"datasets", "set-iam-policy", "d", scratch_.Write("wrong.yaml", "a: b\n c: [\n")});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("wrong.yaml]: line 2, column 3: mapping values"), std::string::npos) << wrong.err;
  const Outcome text = Healthcare({"datasets", "set-iam-policy", "d", scratch_.Write("text.yaml", "hello\n")});
  EXPECT_EQ(text.code, 1);
  EXPECT_NE(text.err.find("is not a properly formatted YAML or JSON policy file"), std::string::npos) << text.err;
}

// A server's complaint cites the filter from the fault to its end.
TEST_F(HealthcareCommands, TheEndOfALogFilterIsTheUsersOwnWords) {
  (void)Dicomhouse(scratch_, {"logging", "read", "foo bar"});
  const auto sent = requests();
  ASSERT_EQ(sent.size(), 1U);
  const auto body = base::Json::Parse(sent[0].substr(sent[0].find('{')));
  ASSERT_TRUE(body.ok()) << sent[0];
  const std::string& filter = (*body)["filter"].as_string();
  EXPECT_EQ(filter.find("timestamp>="), 0U) << filter;
  EXPECT_TRUE(filter.ends_with(" AND foo bar")) << filter;
}

}  // namespace
}  // namespace dicomhouse::cli
