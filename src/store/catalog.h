// What there is: datasets, DICOM stores, their policies; long-running operations; log entries. Small documents in
// DATA/catalog.sqlite; each call is durable when it returns. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "store/names.h"

namespace dicomhouse::store {

// One page of a list, ordered by name. `next`: the token of the page behind it, "" at the end.
template <typename T>
struct Page {
  std::vector<T> items;
  std::string next;
};
struct PageRequest {
  int size = 100;     // at least 1
  std::string token;  // as Page::next gave it. Errors of lists: kInvalidArgument for another one
};

struct Dataset {
  DatasetName name;
  base::Json document;  // the resource's own fields without its name: timeZone, ...
};

struct DicomStore {
  DicomStoreName name;
  int64_t id = 0;       // of the instances in it; never used again
  base::Json document;  // labels, notificationConfig, streamConfigs
};

// A long-running operation as it is kept. `document` is its state as transfer/operations.cc writes it.
struct OperationRecord {
  std::string id;  // digits
  DatasetName dataset;
  bool done = false;
  base::Json document;
};

// One line of an operation's log: an instance that failed, or what the operation did.
struct LogEntry {
  int64_t id = 0;            // given by the catalog, ascending
  int64_t timestamp_us = 0;  // since 1970
  std::string project;
  std::string log;        // "healthcare.googleapis.com/export_dicom"
  std::string operation;  // the operation's id
  std::string severity;   // "ERROR", "INFO"
  base::Json document;    // resource labels, jsonPayload
};

// The etag of the policy of a resource for which nobody has set one, as Google has it.
inline constexpr std::string_view kEmptyPolicyEtag = "ACAB";

class Catalog {
 public:
  // Opens or makes the file. Errors: kIo; kCorrupt: it is no database, or broken.
  static base::Result<std::unique_ptr<Catalog>> Open(const std::string& path);
  ~Catalog();

  // Errors: kAlreadyExists, kNotFound (the dataset of a store too), kIo.
  base::Status CreateDataset(const Dataset& dataset);
  base::Result<Dataset> GetDataset(const DatasetName& name);
  base::Result<Page<Dataset>> ListDatasets(const std::string& project, const std::string& location, const PageRequest& page);
  base::Status UpdateDataset(const Dataset& dataset);
  // With all of its stores, policies and operations. Returns the stores, whose instances are then to be removed.
  base::Result<std::vector<DicomStore>> DeleteDataset(const DatasetName& name);

  base::Result<DicomStore> CreateDicomStore(const DicomStoreName& name, const base::Json& document);  // gives the id
  base::Result<DicomStore> GetDicomStore(const DicomStoreName& name);
  base::Result<Page<DicomStore>> ListDicomStores(const DatasetName& dataset, const PageRequest& page);
  base::Result<std::vector<DicomStore>> AllDicomStores();
  base::Status UpdateDicomStore(const DicomStore& store);
  base::Result<DicomStore> DeleteDicomStore(const DicomStoreName& name);
  // A store that has instances, and whose row was lost: it is called recovered/store-ID of project and location "local".
  base::Result<DicomStore> AdoptDicomStore(int64_t id);
  // Ids of stores that were deleted and whose instances may still be there.
  base::Result<std::vector<int64_t>> DeletedStores();
  base::Status ForgetDeletedStore(int64_t id);

  // Projects and locations that have a dataset, sorted.
  base::Result<std::vector<std::string>> Projects();
  base::Result<std::vector<std::string>> Locations(const std::string& project);

  // The IAM policy of a dataset or store (its resource name); null when none was set. Setting compares `etag` unless empty:
  // kConflict. Returns the policy with its new etag.
  base::Result<base::Json> GetPolicy(const std::string& resource);
  base::Result<base::Json> SetPolicy(const std::string& resource, base::Json policy, const std::string& etag);

  // Makes or replaces. Errors: kNotFound: its dataset.
  base::Status PutOperation(const OperationRecord& record);
  base::Result<OperationRecord> GetOperation(const DatasetName& dataset, const std::string& id);
  // The same where only the project is known: ids are unique.
  base::Result<OperationRecord> FindOperation(const std::string& project, const std::string& id);
  base::Result<Page<OperationRecord>> ListOperations(const DatasetName& dataset, const PageRequest& page);  // newest first
  base::Result<std::vector<OperationRecord>> UnfinishedOperations();
  // A number that no operation has.
  std::string NewOperationId();

  base::Status AppendLog(const std::vector<LogEntry>& entries);
  struct LogQuery {
    std::string project;
    std::optional<std::string> operation;
    std::optional<std::string> severity;  // at least
    std::optional<int64_t> since_us;
    std::optional<int64_t> until_us;
    bool newest_first = false;
  };
  base::Result<Page<LogEntry>> ListLog(const LogQuery& query, const PageRequest& page);

  // Gives a line for each thing that SQLite finds wrong with the file. Errors: kIo.
  base::Status Verify(const std::function<void(const std::string& line)>& report);

 private:
  struct State;
  explicit Catalog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dicomhouse::store
