// Long-running operations: imports, exports and other long work of a server. An operation is on the disk before its name is
// given out; its counters move while it runs; it can be cancelled; after a restart it is finished or failed with a reason. One
// that fails as a whole has the reason in its log too.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "store/store.h"
#include "transfer/exporter.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::transfer {

// An operation at one moment. Times: microseconds since 1970, 0 while unknown.
struct OperationState {
  std::string id;
  store::DatasetName dataset;
  std::string method;                                // "google.cloud.healthcare.v1.dicom.DicomService.ExportDicomData_bq"
  std::string api_version;                           // "v1", "v1beta1": of the request
  std::string log;                                   // of its entries, "healthcare.googleapis.com/export_dicom"; "": it has none
  std::optional<store::DicomStoreName> dicom_store;  // what it is about, when it is one
  int64_t create_time_us = 0;
  int64_t end_time_us = 0;
  int64_t success = 0;
  int64_t failure = 0;
  int64_t pending = 0;
  bool cancel_requested = false;
  bool done = false;
  std::optional<base::Error> error;  // of a failed one
  base::Json response;               // of a successful one: null stands for one without fields
};

// What the work of an operation is given.
class OperationContext {
 public:
  virtual ~OperationContext() = default;
  virtual const std::string& id() const = 0;
  // What the operation shows of itself while it runs: `instances` are its successes, `failures` its failures. `cancelled` is set
  // when somebody cancelled it or the program stops: the work is then to end with kCancelled soon.
  virtual Progress& progress() = 0;
  // How many instances there are to do in all, as far as known; what is neither done nor failed is pending.
  virtual std::atomic<int64_t>& expected() = 0;
  // A line of its log: what failed and why (store::Catalog). Thread-safe. Kept in groups; all are there when it is done.
  virtual void LogFailure(const std::string& source, const base::Error& error) = 0;
  // The same for what is no failure, but worth knowing (severity WARNING).
  virtual void LogWarning(const std::string& source, const base::Error& error) = 0;
};

// The work. Returns its response. Run on a thread of the operations.
using OperationWork = std::function<base::Result<base::Json>(OperationContext&)>;

class Operations {
 public:
  struct Options {
    int threads = 2;  // operations at once; others wait
  };
  // Operations that were not done when the program ended are failed now, with the reason.
  static base::Result<std::unique_ptr<Operations>> Start(store::Store& store, Options options);
  // Cancels what runs and waits for it: it is then failed with the reason (kConflict), so that a restart shows it.
  virtual ~Operations() = default;

  struct Description {
    store::DatasetName dataset;
    std::optional<store::DicomStoreName> dicom_store;  // of the log's resource labels
    std::string method;
    std::string api_version;
    std::string log;  // "healthcare.googleapis.com/export_dicom"
  };
  // Thread-safe, as all that follow. Returns the operation's state at its start.
  virtual base::Result<OperationState> Begin(const Description& description, OperationWork work) = 0;
  // One that was done at once, such as the creation of a dataset.
  virtual base::Result<OperationState> Record(const Description& description, base::Result<base::Json> outcome) = 0;

  virtual base::Result<OperationState> Get(const store::DatasetName& dataset, const std::string& id) = 0;
  virtual base::Result<store::Page<OperationState>> List(const store::DatasetName& dataset, const store::PageRequest& page) = 0;
  // Asks; the operation ends soon, with kCancelled. One that is done stays as it is.
  virtual base::Status Cancel(const store::DatasetName& dataset, const std::string& id) = 0;
  // Cancels all of a dataset, or those about one of its stores: for their deletion. Does not wait.
  virtual void CancelAll(const store::DatasetName& dataset, const std::optional<store::DicomStoreName>& dicom_store) = 0;
};

// Codes as text, as operations and log entries keep them: "NOT_FOUND". Anything else gives kIo.
std::string_view CodeText(base::ErrorCode code);
base::ErrorCode CodeOfText(std::string_view text);

// ---- The work of imports and exports, for Operations::Begin.

struct StoreExport {
  store::DicomStore dicom_store;
  std::string filter_uri;  // gs://BUCKET/FILE, or ""
};
// A table of the warehouse. What is wrong with the request (disposition, filter) is an error of the operation, as at Google's.
OperationWork ExportToTable(store::Store& store, const warehouse::Warehouse& warehouse, StoreExport what,
                            warehouse::TableName table, warehouse::Disposition disposition, int threads);
// Objects PREFIX{study}/{series}/{instance}.dcm as stored.
OperationWork ExportToObjects(store::Store& store, StoreExport what, store::ObjectUri prefix);
// All objects that match the pattern of gs://BUCKET/PATTERN: DICOM files, archives too. An instance that is there already is
// left as it is, and counts as done (docs/decisions/0027-import.md). Errors: those of ObjectPattern; kNotFound: nothing matches;
// kCorrupt: some objects failed, the others are stored.
OperationWork ImportFromObjects(store::Store& store, store::DicomStore into, store::ObjectUri from, int threads);

}  // namespace dicomhouse::transfer
