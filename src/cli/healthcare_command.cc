// `dicomhouse healthcare`: words, flags and printed text of `gcloud healthcare`, against a server of ours. One table says which
// request each command makes; a few functions say what becomes of the answers.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/limits.h"
#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/prompt.h"
#include "cli/resource_list.h"
#include "cli/resource_print.h"
#include "cli/terminal.h"
#include "cli/yaml.h"
#include "http/message.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;

struct HealthcareFlags {
  Server server;
  std::string name;  // the positional
  std::string location = "us-central1";
  std::string dataset;
  std::string format;
  bool async = false;
  bool quiet = false;
  ListFlags list;
  std::optional<std::string> time_zone;
  std::optional<std::string> topic;
  bool bulk_import = false;
  bool no_bulk_import = false;
  std::optional<std::string> streams;
  std::string table;
  bool overwrite = false;
  std::string disposition;
  std::string filter;
  std::string gcs_uri;
  std::string gcs_prefix;
  std::string mime_type;
  std::string policy_file;
  std::string member;
  std::string role;
};

// What a command's positional names, or (kLocation, kDatasetFlag) which parent the flags name.
enum class Target { kLocation, kDatasetFlag, kDataset, kDicomStore, kOperation };

struct Command;

// One command being run.
struct Session {
  const HealthcareFlags& flags;
  const Command& command;
  ApiClient api;
  std::string resource;  // projects/…, as it stands in a URL
  std::string id;        // its last part, as it was written

  base::Result<Json> Call(const std::string& method, const std::string& path, const Json& body = {}) {
    return api.Call(method, "/v1/" + path, body);
  }
};

struct Command {
  const char* words;  // "dicom-stores export bq"
  const char* brief;
  const char* example;  // behind "dicomhouse healthcare WORDS "
  Target target;
  void (*add)(CLI::App&, HealthcareFlags&);  // its own flags; null: none
  base::Result<int> (*run)(Session&);
};

const char* KindOf(Target target) {
  return target == Target::kDicomStore ? "dicomStore" : target == Target::kOperation ? "operation" : "dataset";
}

// ---- names

// What a full name has behind each of its keys, or nothing: projects/P/locations/L, with more keys as in `keys`.
std::optional<std::vector<std::string>> PartsOf(const std::string& name, std::initializer_list<std::string_view> keys) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (const std::string_view key : keys) {
    const size_t slash = name.find('/', begin);
    if (slash == std::string::npos || std::string_view(name).substr(begin, slash - begin) != key) return std::nullopt;
    const size_t end = std::min(name.find('/', slash + 1), name.size());
    parts.push_back(name.substr(slash + 1, end - slash - 1));
    begin = end + 1;
  }
  if (begin <= name.size()) return std::nullopt;
  return parts;
}

// The positional's name in gcloud's errors.
std::string WordOf(Target target) { return target == Target::kDicomStore ? "dicom_store" : KindOf(target); }

base::Error MissingDataset(const HealthcareFlags& flags, Target target) {
  const std::string positional =
      flags.name.empty() ? ""
                         : "\n- provide the argument `" + WordOf(target) + "` on the command line with a fully specified name";
  return {ErrorCode::kInvalidArgument, "Error parsing [" + WordOf(target) + "].\nThe [" + KindOf(target) +
                                           "] resource is not properly specified.\nFailed to find attribute [dataset]. The "
                                           "attribute can be set in the following ways: " +
                                           positional + "\n- provide the argument `--dataset` on the command line"};
}

const char* CollectionOf(Target target) { return target == Target::kDicomStore ? "dicomStores" : "operations"; }

// projects/P/locations/L[/datasets/D[/KIND/ID]] as it stands in a URL, and the id as it was written.
struct Resource {
  std::string path;
  std::string id;
};

// A part of a name must be one part of the path too: a slash, or dots that whoever passes a URL on may resolve, would name
// something else, and perhaps delete it. All other marks are for the server to refuse.
base::Result<Resource> ResourceOfParts(const std::vector<std::string>& parts, Target target) {
  const std::string_view keys[] = {"projects", "locations", "datasets", CollectionOf(target)};
  Resource made;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part.empty() || part == "." || part == ".." || part.find('/') != std::string::npos) {
      return Error{ErrorCode::kInvalidArgument, "Error parsing [" + WordOf(target) + "].\n'" + part + "' can't be an id of " +
                                                    std::string(keys[i]) +
                                                    "; names are given by their last part, or in full: projects/..."};
    }
    made.path += (i == 0 ? "" : "/") + std::string(keys[i]) + "/" + http::PercentEncode(part, i == 0 ? ":" : "");
    made.id = part;
  }
  return made;
}

// Any name may be given in full; the flags fill in what is missing.
base::Result<Resource> ResourceOf(const HealthcareFlags& flags, Target target) {
  const bool has_dataset = target != Target::kLocation;
  const bool in_dataset = target == Target::kDicomStore || target == Target::kOperation;
  if (in_dataset) {
    if (const auto full = PartsOf(flags.name, {"projects", "locations", "datasets", CollectionOf(target)})) {
      return ResourceOfParts(*full, target);
    }
  }
  const std::string& dataset = target == Target::kDataset ? flags.name : flags.dataset;
  auto parts = has_dataset ? PartsOf(dataset, {"projects", "locations", "datasets"}) : std::nullopt;
  if (!parts) parts = PartsOf(flags.location, {"projects", "locations"});
  if (!parts) parts = {flags.server.project, flags.location};
  if (has_dataset && parts->size() == 2) {
    if (dataset.empty() && target != Target::kDataset) return MissingDataset(flags, target);
    parts->push_back(dataset);
  }
  if (in_dataset) parts->push_back(flags.name);
  return ResourceOfParts(*parts, target);
}

std::string ParentOf(const std::string& resource) { return resource.substr(0, resource.rfind('/')); }

// ---- what becomes of answers

const std::vector<ResourceColumn>& ColumnsOf(Target target) {
  static const std::vector<ResourceColumn> kDatasets = {{"ID", "id", ""},
                                                        {"LOCATION", "location", ""},
                                                        {"TIMEZONE", "timeZone", ""},
                                                        {"ENCRYPTION", "encryptionSpec.kmsKeyName", "Google-managed key"}};
  static const std::vector<ResourceColumn> kStores = {{"ID", "id", ""},
                                                      {"LOCATION", "location", ""},
                                                      {"TOPIC", "notificationConfig.pubsubTopic", ""},
                                                      {"BULKIMPORT", "notificationConfig.sendForBulkImport", ""},
                                                      {"BQDESTINATION", "streamConfigs.bigqueryDestination.tableUri", ""}};
  static const std::vector<ResourceColumn> kOperations = {{"ID", "id", ""}, {"LOCATION", "location", ""}, {"DONE", "done", ""}};
  return target == Target::kDicomStore ? kStores : target == Target::kOperation ? kOperations : kDatasets;
}

int Show(const Session& session, const Json& resource) {
  PrintResource(resource, session.flags.format, ColumnsOf(session.command.target));
  return kDone;
}

base::Result<int> Describe(Session& session) {
  DH_ASSIGN(const Json resource, session.Call("GET", session.resource));
  return Show(session, resource);
}

base::Result<int> Metrics(Session& session) {
  DH_ASSIGN(const Json metrics, session.Call("GET", session.resource + ":getDICOMStoreMetrics"));
  return Show(session, metrics);
}

// All pages of PARENT/`collection`.
base::Result<int> List(Session& session, const std::string& collection, Target kind) {
  const ListFlags& flags = session.flags.list;
  DH_ASSIGN(const Selection selection, Selection::Make(flags, ColumnsOf(kind)));
  Json::Array items;
  std::string token;
  do {
    std::string query;
    if (flags.page_size > 0) query += "&pageSize=" + std::to_string(flags.page_size);
    if (!token.empty()) query += "&pageToken=" + http::PercentEncode(token);
    if (!query.empty()) query.front() = '?';
    DH_ASSIGN(Json page, session.Call("GET", session.resource + "/" + collection + query));
    for (const Json& item : page[collection].array()) items.push_back(item);
    token = page["nextPageToken"].as_string();
  } while (!token.empty() && !selection.IsEnough(items.size()));
  selection.Apply(items);
  if (flags.uri) {
    for (const Json& item : items) std::printf("%s/v1/%s\n", session.api.endpoint().c_str(), item["name"].as_string().c_str());
    return kDone;
  }
  PrintResources(items, session.flags.format, ColumnsOf(kind), static_cast<size_t>(flags.page_size));
  return kDone;
}

base::Result<int> ListDatasets(Session& session) { return List(session, "datasets", Target::kDataset); }
base::Result<int> ListStores(Session& session) { return List(session, "dicomStores", Target::kDicomStore); }
base::Result<int> ListOperations(Session& session) { return List(session, "operations", Target::kOperation); }

// Waits until an operation is done. Returns it.
base::Result<Json> Wait(Session& session, const std::string& operation) {
  using namespace std::chrono_literals;
  std::fprintf(stderr, "Waiting for operation [%s] to complete...", operation.c_str());
  for (auto pause = 20ms;; pause = std::min<std::chrono::milliseconds>(pause * 2, 1s)) {
    auto state = session.Call("GET", http::PercentEncode(operation, "/"));
    if (!state.ok() || (*state)["done"].as_bool()) {
      const bool failed = !state.ok() || !(*state)["error"].is_null();
      std::fprintf(stderr, failed ? "failed.\n" : "done.\n");
      if (state.ok() && failed) return Error{ErrorCode::kFailedPrecondition, (*state)["error"].Print(2)};
      return state;
    }
    std::this_thread::sleep_for(pause);
    std::fputc('.', stderr);
  }
}

// What --async prints of an operation that has begun.
int Begun(const Session& session, const Json& operation, bool print) {
  std::fprintf(stderr, "Check operation [%s] for status.\n", operation["name"].as_string().c_str());
  if (print) PrintResource(operation, session.flags.format, ColumnsOf(Target::kOperation));
  return kDone;
}

base::Result<int> CreateDataset(Session& session) {
  Json body = Json::MakeObject();
  if (session.flags.time_zone) body.Set("timeZone", *session.flags.time_zone);
  DH_ASSIGN(const Json operation,
            session.Call("POST", ParentOf(session.resource) + "?datasetId=" + http::PercentEncode(session.id), body));
  std::fprintf(stderr, "Create request issued for: [%s]\n", session.id.c_str());
  if (session.flags.async) return Begun(session, operation, false);
  DH_CHECK(Wait(session, operation["name"].as_string()));
  std::fprintf(stderr, "Created dataset [%s].\n", session.id.c_str());
  return kDone;
}

// The store's fields that were given, and where they are in it.
Json StoreBody(const HealthcareFlags& flags, std::string& mask) {
  Json body = Json::MakeObject();
  Json notification = Json::MakeObject();
  const auto note = [&mask](const char* path) { mask += (mask.empty() ? "" : ",") + std::string(path); };
  if (flags.topic) {
    notification.Set("pubsubTopic", *flags.topic);
    note("notificationConfig.pubsubTopic");
  }
  if (flags.bulk_import || flags.no_bulk_import) {
    notification.Set("sendForBulkImport", flags.bulk_import);
    note("notificationConfig.sendForBulkImport");
  }
  if (!notification.object().empty()) body.Set("notificationConfig", std::move(notification));
  if (!flags.streams) return body;
  note("streamConfigs");
  Json streams = Json::MakeArray();
  for (size_t begin = 0; begin < flags.streams->size();) {
    const size_t end = std::min(flags.streams->find(',', begin), flags.streams->size());
    Json destination = Json::MakeObject();
    destination.Set("tableUri", flags.streams->substr(begin, end - begin));
    Json stream = Json::MakeObject();
    streams.Append(stream.Set("bigqueryDestination", std::move(destination)));
    begin = end + 1;
  }
  return body.Set("streamConfigs", std::move(streams));
}

base::Result<int> CreateStore(Session& session) {
  std::string mask;
  const Json body = StoreBody(session.flags, mask);
  DH_CHECK(session.Call("POST", ParentOf(session.resource) + "?dicomStoreId=" + http::PercentEncode(session.id), body));
  std::fprintf(stderr, "Created dicomStore [%s].\n", session.id.c_str());
  return kDone;
}

base::Result<int> Update(Session& session, const Json& body, const std::string& mask) {
  DH_ASSIGN(const Json resource, session.Call("PATCH", session.resource + "?updateMask=" + mask, body));
  std::fprintf(stderr, "Updated %s [%s].\n", KindOf(session.command.target), session.id.c_str());
  return Show(session, resource);
}

base::Result<int> UpdateDataset(Session& session) {
  Json body = Json::MakeObject();
  if (session.flags.time_zone) body.Set("timeZone", *session.flags.time_zone);
  return Update(session, body, session.flags.time_zone ? "timeZone" : "");
}

base::Result<int> UpdateStore(Session& session) {
  std::string mask;
  const Json body = StoreBody(session.flags, mask);
  return Update(session, body, mask);
}

// Before what cannot be undone.
base::Status ConfirmFor(const Session& session, const std::string& text) {
  return Confirm(session.flags.quiet, Unanswered::kRefused, text);
}

base::Result<int> Delete(Session& session) {
  const std::string kind = KindOf(session.command.target);
  DH_CHECK(ConfirmFor(session, "You are about to delete " + kind + " [" + session.id + "]"));
  DH_CHECK(session.Call("DELETE", session.resource));
  std::fprintf(stderr, "Deleted %s [%s].\n", kind.c_str(), session.id.c_str());
  return kDone;
}

base::Result<int> Cancel(Session& session) {
  DH_CHECK(ConfirmFor(session, "You are about to cancel [" + session.id + "]."));
  DH_ASSIGN(const Json answer, session.Call("POST", session.resource + ":cancel", Json::MakeObject()));
  return Show(session, answer);
}

// ---- imports and exports

Json FilterOf(const HealthcareFlags& flags, Json body) {
  if (flags.filter.empty()) return body;
  Json filter = Json::MakeObject();
  filter.Set("resourcePathsGcsUri", flags.filter);
  return body.Set("filterConfig", std::move(filter));
}

// Starts the operation and waits for it. Returns nothing when it was only to be started.
base::Result<std::optional<Json>> RunOperation(Session& session, const char* verb, const Json& body) {
  DH_ASSIGN(const Json operation, session.Call("POST", session.resource + verb, body));
  std::fprintf(stderr, "Request issued for: [%s]\n", session.id.c_str());
  if (session.flags.async) {
    Begun(session, operation, true);
    return std::optional<Json>();
  }
  DH_ASSIGN(Json state, Wait(session, operation["name"].as_string()));
  return std::optional<Json>(std::move(state));
}

// The page prints the operation's name where gcloud shows the store: the next command needs it.
base::Result<int> ExportBigQuery(Session& session) {
  const HealthcareFlags& flags = session.flags;
  Json destination = Json::MakeObject();
  destination.Set("tableUri", flags.table);
  if (flags.overwrite) destination.Set("force", true);
  if (!flags.disposition.empty()) {
    std::string name = flags.disposition;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
    destination.Set("writeDisposition", name);
  }
  Json body = Json::MakeObject();
  body.Set("bigqueryDestination", std::move(destination));
  DH_ASSIGN(const std::optional<Json> done, RunOperation(session, ":export", FilterOf(flags, std::move(body))));
  if (!done) return kDone;
  Json name = Json::MakeObject();
  name.Set("name", (*done)["name"]);
  PrintResource(name, flags.format, ColumnsOf(Target::kOperation));
  return kDone;
}

base::Result<int> ThenDescribe(Session& session, const char* verb, const Json& body) {
  DH_ASSIGN(const std::optional<Json> done, RunOperation(session, verb, body));
  if (!done) return kDone;
  return Describe(session);
}

base::Result<int> ExportStorage(Session& session) {
  Json destination = Json::MakeObject();
  destination.Set("uriPrefix", session.flags.gcs_prefix);
  if (!session.flags.mime_type.empty()) destination.Set("mimeType", session.flags.mime_type);
  Json body = Json::MakeObject();
  body.Set("gcsDestination", std::move(destination));
  return ThenDescribe(session, ":export", FilterOf(session.flags, std::move(body)));
}

base::Result<int> ImportStorage(Session& session) {
  Json source = Json::MakeObject();
  source.Set("uri", session.flags.gcs_uri);
  Json body = Json::MakeObject();
  return ThenDescribe(session, ":import", body.Set("gcsSource", std::move(source)));
}

// ---- policies

base::Result<int> GetPolicy(Session& session) {
  DH_ASSIGN(const Json policy, session.Call("GET", session.resource + ":getIamPolicy"));
  PrintResource(policy, session.flags.format, {});
  return kDone;
}

base::Result<int> PutPolicy(Session& session, Json policy, const char* mask) {
  Json body = Json::MakeObject();
  body.Set("policy", std::move(policy));
  if (mask != nullptr) body.Set("updateMask", mask);
  DH_ASSIGN(const Json set, session.Call("POST", session.resource + ":setIamPolicy", body));
  std::fprintf(stderr, "Updated IAM policy for %s [%s].\n", KindOf(session.command.target), session.id.c_str());
  PrintResource(set, session.flags.format, {});
  return kDone;
}

base::Result<int> SetPolicy(Session& session) {
  const std::string& file = session.flags.policy_file;
  std::string text;
  if (file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    DH_ASSIGN(text, base::RealFileSystem().ReadAll(file, base::kMaxJsonBodyBytes));
  }
  if (constexpr std::string_view kMark = "\xEF\xBB\xBF"; text.starts_with(kMark)) text.erase(0, kMark.size());  // PowerShell's
  auto policy = Json::Parse(text);
  if (!policy.ok()) policy = ReadYaml(text);  // which says lines, and takes what get-iam-policy prints
  if (!policy.ok())
    return Error{ErrorCode::kInvalidArgument, "Failed to parse YAML from [" + file + "]: " + policy.error().message};
  if (!policy->is_object()) {
    return Error{ErrorCode::kInvalidArgument, "Policy file [" + file + "] is not a properly formatted YAML or JSON policy file."};
  }
  if ((*policy)["etag"].as_string().empty()) {
    // With the line ends of gcloud; nobody there to answer is a yes there too.
    DH_CHECK(Confirm(session.flags.quiet, Unanswered::kYes,
                     "The specified policy does not contain an \"etag\" field identifying a specific \nversion to replace. "
                     "Changing a policy without an \"etag\" can overwrite concurrent\n policy changes.",
                     "Replace existing policy"));
  }
  std::string mask;
  for (const auto& [key, value] : SortedKeys(*policy).object()) mask += (mask.empty() ? "" : ",") + key;
  return PutPolicy(session, *std::move(policy), mask.c_str());
}

bool IsBinding(const Json& binding, const std::string& role) {
  return binding["role"].as_string() == role && binding["condition"].is_null();
}

base::Result<int> AddBinding(Session& session) {
  const HealthcareFlags& flags = session.flags;
  DH_ASSIGN(Json policy, session.Call("GET", session.resource + ":getIamPolicy"));
  Json bindings = policy["bindings"].is_array() ? policy["bindings"] : Json::MakeArray();
  bool found = false;
  for (Json& binding : bindings.array()) {
    if (found || !IsBinding(binding, flags.role)) continue;
    found = true;
    Json members = binding["members"];
    const auto& all = members.array();
    if (std::find(all.begin(), all.end(), Json(flags.member)) == all.end()) members.Append(flags.member);
    binding.Set("members", std::move(members));
  }
  if (!found) {
    Json binding = Json::MakeObject();
    bindings.Append(binding.Set("members", Json::Array{flags.member}).Set("role", flags.role));
  }
  policy.Set("bindings", std::move(bindings));
  return PutPolicy(session, std::move(policy), nullptr);
}

base::Result<int> RemoveBinding(Session& session) {
  const HealthcareFlags& flags = session.flags;
  DH_ASSIGN(Json policy, session.Call("GET", session.resource + ":getIamPolicy"));
  Json::Array kept;
  bool found = false;
  for (const Json& old : policy["bindings"].array()) {
    Json binding = old;
    if (IsBinding(binding, flags.role)) {
      Json members = binding["members"];
      found |= std::erase(members.array(), Json(flags.member)) > 0;
      if (members.array().empty()) continue;
      binding.Set("members", std::move(members));
    }
    kept.push_back(std::move(binding));
  }
  if (!found) {
    return Error{ErrorCode::kFailedPrecondition, "Policy binding with the specified principal, role, and condition not found!"};
  }
  policy.Set("bindings", std::move(kept));
  return PutPolicy(session, std::move(policy), nullptr);
}

// ---- flags

void AddAsync(CLI::App& command, HealthcareFlags& flags) {
  command.add_flag("--async", flags.async, "Return at once, without waiting for the operation");
}

void AddListing(CLI::App& command, HealthcareFlags& flags) { AddListFlags(command, flags.list); }

void AddTimeZone(CLI::App& command, HealthcareFlags& flags) {
  command.add_option("--time-zone", flags.time_zone, "Time zone of the dataset, such as America/New_York")->type_name("ZONE");
}

void AddDatasetFlags(CLI::App& command, HealthcareFlags& flags) {
  AddTimeZone(command, flags);
  AddAsync(command, flags);
}

void AddStoreFlags(CLI::App& command, HealthcareFlags& flags) {
  command.add_option("--pubsub-topic", flags.topic, "Topic of notifications: kept with the store")->type_name("TOPIC");
  auto* notify = command.add_flag("--send-for-bulk-import", flags.bulk_import, "Notify of imported instances too");
  command.add_flag("--no-send-for-bulk-import", flags.no_bulk_import, "Do not")->excludes(notify);
  command.add_option("--stream-configs", flags.streams, "Tables that follow the store: bq://P.D.T,bq://P.D.T")->type_name("URIS");
}

void AddQuiet(CLI::App& command, HealthcareFlags& flags) { command.add_flag("-q,--quiet", flags.quiet, "Ask nothing"); }

void AddFilterFlag(CLI::App& command, HealthcareFlags& flags) {
  command
      .add_option("--filter-config-gcs-uri", flags.filter,
                  "Export only what the lines of this object name: /studies/UID[/series/UID[/instances/UID]]")
      ->type_name("gs://BUCKET/FILE");
}

void AddBigQueryFlags(CLI::App& command, HealthcareFlags& flags) {
  command.add_option("--bq-table", flags.table, "Table to export to: bq://PROJECT.DATASET.TABLE")->type_name("URI")->required();
  command.add_flag("--overwrite-table", flags.overwrite, "Replace an existing table");
  command.add_option("--write-disposition", flags.disposition, "What happens to an existing table")
      ->type_name("HOW")
      ->check(CLI::IsMember({"write-append", "write-empty", "write-truncate"}));
  AddFilterFlag(command, flags);
  AddAsync(command, flags);
}

void AddExportStorageFlags(CLI::App& command, HealthcareFlags& flags) {
  command.add_option("--gcs-uri-prefix", flags.gcs_prefix, "Where the files go: gs://BUCKET/FOLDER")
      ->type_name("URI")
      ->required();
  command.add_option("--mime-type", flags.mime_type, "application/dicom: as stored, with .dcm")->type_name("TYPE");
  AddFilterFlag(command, flags);
  AddAsync(command, flags);
}

void AddImportFlags(CLI::App& command, HealthcareFlags& flags) {
  command.add_option("--gcs-uri", flags.gcs_uri, "What to import: gs://BUCKET/PATH, with *, ? and **")
      ->type_name("URI")
      ->required();
  AddAsync(command, flags);
}

void AddPolicyFile(CLI::App& command, HealthcareFlags& flags) {
  command.add_option("POLICY_FILE", flags.policy_file, "The policy in YAML or JSON; - reads standard input")->required();
}

void AddBindingFlags(CLI::App& command, HealthcareFlags& flags) {
  command.add_option("--member", flags.member, "Who: user:NAME, serviceAccount:NAME, group:NAME, ...")->required();
  command.add_option("--role", flags.role, "Which role: roles/healthcare.dicomViewer, ...")->required();
}

// ---- the commands

constexpr const char* kBindingExample = "NAME --member=user:ann@example.com --role=roles/healthcare.dicomViewer";

constexpr Command kCommands[] = {
    {"datasets create", "Make a dataset", "my-dataset --location=europe-west2", Target::kDataset, AddDatasetFlags, CreateDataset},
    {"datasets describe", "Show a dataset", "my-dataset", Target::kDataset, nullptr, Describe},
    {"datasets list", "List datasets", "--location=europe-west2", Target::kLocation, AddListing, ListDatasets},
    {"datasets update", "Change a dataset", "my-dataset --time-zone=UTC", Target::kDataset, AddTimeZone, UpdateDataset},
    {"datasets delete", "Remove a dataset with all that is in it", "my-dataset --quiet", Target::kDataset, AddQuiet, Delete},
    {"datasets get-iam-policy", "Show a dataset's policy", "my-dataset", Target::kDataset, nullptr, GetPolicy},
    {"datasets set-iam-policy", "Set a dataset's policy", "my-dataset policy.yaml", Target::kDataset, AddPolicyFile, SetPolicy},
    {"datasets add-iam-policy-binding", "Give a role on a dataset", kBindingExample, Target::kDataset, AddBindingFlags,
     AddBinding},
    {"datasets remove-iam-policy-binding", "Take a role on a dataset away", kBindingExample, Target::kDataset, AddBindingFlags,
     RemoveBinding},
    {"dicom-stores create", "Make a DICOM store", "my-store --dataset=my-dataset", Target::kDicomStore, AddStoreFlags,
     CreateStore},
    {"dicom-stores describe", "Show a DICOM store", "my-store --dataset=my-dataset", Target::kDicomStore, nullptr, Describe},
    {"dicom-stores list", "List DICOM stores", "--dataset=my-dataset", Target::kDatasetFlag, AddListing, ListStores},
    {"dicom-stores update", "Change a DICOM store", "my-store --dataset=my-dataset --pubsub-topic=projects/p/topics/t",
     Target::kDicomStore, AddStoreFlags, UpdateStore},
    {"dicom-stores delete", "Remove a DICOM store with its instances", "my-store --dataset=my-dataset --quiet",
     Target::kDicomStore, AddQuiet, Delete},
    {"dicom-stores metrics", "Count studies, series and instances", "my-store --dataset=my-dataset", Target::kDicomStore, nullptr,
     Metrics},
    {"dicom-stores import gcs", "Import files from a bucket",
     "my-store --dataset=my-dataset --gcs-uri='gs://my-bucket/scans/**.dcm'", Target::kDicomStore, AddImportFlags, ImportStorage},
    {"dicom-stores export gcs", "Export files to a bucket", "my-store --dataset=my-dataset --gcs-uri-prefix=gs://my-bucket/out",
     Target::kDicomStore, AddExportStorageFlags, ExportStorage},
    {"dicom-stores export bq", "Export the metadata to a table",
     "my-store --dataset=my-dataset --bq-table=bq://local.dicom.metadata --write-disposition=write-truncate", Target::kDicomStore,
     AddBigQueryFlags, ExportBigQuery},
    {"dicom-stores get-iam-policy", "Show a store's policy", "my-store --dataset=my-dataset", Target::kDicomStore, nullptr,
     GetPolicy},
    {"dicom-stores set-iam-policy", "Set a store's policy", "my-store policy.yaml --dataset=my-dataset", Target::kDicomStore,
     AddPolicyFile, SetPolicy},
    {"dicom-stores add-iam-policy-binding", "Give a role on a store", kBindingExample, Target::kDicomStore, AddBindingFlags,
     AddBinding},
    {"dicom-stores remove-iam-policy-binding", "Take a role on a store away", kBindingExample, Target::kDicomStore,
     AddBindingFlags, RemoveBinding},
    {"operations describe", "Show an operation", "1234567890 --dataset=my-dataset", Target::kOperation, nullptr, Describe},
    {"operations list", "List operations", "--dataset=my-dataset", Target::kDatasetFlag, AddListing, ListOperations},
    {"operations cancel", "Ask an operation to end", "1234567890 --dataset=my-dataset --quiet", Target::kOperation, AddQuiet,
     Cancel},
};

constexpr std::pair<const char*, const char*> kGroups[] = {
    {"datasets", "Datasets: what DICOM stores are in"}, {"dicom-stores", "DICOM stores: what instances are in"},
    {"dicom-stores import", "Import instances"},        {"dicom-stores export", "Export instances or their metadata"},
    {"operations", "Long-running operations"},
};

// The command or group of these words below `app`, which is made when it is not there.
CLI::App* Find(CLI::App& app, const std::string& words) {
  CLI::App* at = &app;
  for (size_t begin = 0; begin < words.size();) {
    const size_t end = std::min(words.find(' ', begin), words.size());
    const std::string word = words.substr(begin, end - begin);
    const auto children = at->get_subcommands([&word](const CLI::App* child) { return child->get_name() == word; });
    at = children.empty() ? at->add_subcommand(word) : children.front();
    begin = end + 1;
  }
  return at;
}

base::Result<int> RunCommand(const Command& command, const HealthcareFlags& flags) {
  if (!IsResourceFormat(flags.format)) {
    return Error{ErrorCode::kInvalidArgument,
                 "Format must be one of yaml, json, table, value(FIELD,...); received [" + flags.format + "]"};
  }
  DH_ASSIGN(Resource resource, ResourceOf(flags, command.target));
  DH_ASSIGN(ApiClient api, ApiClient::Make(flags.server));
  Session session{flags, command, std::move(api), std::move(resource.path), std::move(resource.id)};
  return command.run(session);
}

// "ERROR: (dicomhouse.healthcare.datasets.describe) NOT_FOUND: ...", as gcloud has it with its own name.
int ComplainOf(const Command& command, const std::string& track, const Error& error) {
  std::string words = command.words;
  std::replace(words.begin(), words.end(), ' ', '.');
  std::string text = "ERROR: (dicomhouse." + track + "healthcare." + words + ") ";
  for (std::string_view rest = error.message;;) {  // its lines stay lines
    const size_t end = std::min(rest.find('\n'), rest.size());
    text += Printable(rest.substr(0, end)) + "\n";
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  std::fprintf(stderr, "%s", text.c_str());
  return kFailed;
}

void AddCommand(CLI::App& healthcare, const Command& command, const std::shared_ptr<HealthcareFlags>& flags, const Common& common,
                Run& run) {
  CLI::App* app = Find(healthcare, command.words);
  app->description(command.brief);
  app->footer("Example:\n  dicomhouse healthcare " + std::string(command.words) + " " + command.example);
  if (command.target != Target::kLocation && command.target != Target::kDatasetFlag) {
    const char* const name = command.target == Target::kDicomStore  ? "DICOM_STORE"
                             : command.target == Target::kOperation ? "OPERATION"
                                                                    : "DATASET";
    app->add_option(name, flags->name, "Its id, or its full name projects/…")->required();
  }
  if (command.add != nullptr) command.add(*app, *flags);
  if (command.target != Target::kDataset && command.target != Target::kLocation) {
    app->add_option("--dataset", flags->dataset, "The dataset that it is in")->type_name("ID");
  }
  app->add_option("--location", flags->location, "The location that the dataset is in")->capture_default_str();
  app->add_option("--format", flags->format, "yaml, json, table, or value(FIELD,...)");
  if (command.add != AddQuiet) app->add_flag("-q,--quiet", flags->quiet)->group("");
  AddServerFlags(*app, flags->server);
  app->callback([&command, flags, &common, &run] {
    run = [&command, flags, &common] {
      const auto code = RunCommand(command, *flags);
      return code.ok() ? *code : ComplainOf(command, common.track, code.error());
    };
  });
}

}  // namespace

void AddHealthcare(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<HealthcareFlags>();
  CLI::App* healthcare =
      app.add_subcommand("healthcare", "Datasets, DICOM stores and operations of a server, as gcloud has them");
  for (const auto& [words, text] : kGroups) {
    CLI::App* group = Find(*healthcare, words);
    group->description(text)->require_subcommand(1);
    group->footer("Example:\n  dicomhouse healthcare " + std::string(words) + " --help");
  }
  healthcare->require_subcommand(1);
  healthcare->footer(
      "Examples:\n"
      "  dicomhouse healthcare datasets create my-dataset\n"
      "  dicomhouse healthcare dicom-stores create my-store --dataset=my-dataset\n"
      "  dicomhouse healthcare dicom-stores export bq my-store --dataset=my-dataset --bq-table=bq://local.dicom.metadata\n\n"
      "gcloud's words alpha and beta may stand in front: dicomhouse beta healthcare ...");
  for (const Command& command : kCommands) AddCommand(*healthcare, command, flags, common, run);
}

}  // namespace dicomhouse::cli
