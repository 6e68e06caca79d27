#include "store/catalog.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "store/internal/sqlite.h"

namespace dicomhouse::store {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

// Names are compared byte by byte (BINARY), so that pages and equality agree. AUTOINCREMENT: ids are never used again, not even
// after the newest row was deleted.
constexpr char kTables[] = R"sql(
CREATE TABLE IF NOT EXISTS datasets(
  project TEXT NOT NULL, location TEXT NOT NULL, dataset TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY(project, location, dataset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stores(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL, location TEXT NOT NULL, dataset TEXT NOT NULL, store TEXT NOT NULL, document TEXT NOT NULL,
  UNIQUE(project, location, dataset, store));
CREATE TABLE IF NOT EXISTS deleted_stores(id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS policies(resource TEXT PRIMARY KEY, document TEXT NOT NULL, etag TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations(
  id INTEGER PRIMARY KEY,
  project TEXT NOT NULL, location TEXT NOT NULL, dataset TEXT NOT NULL, done INTEGER NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS operations_of_dataset ON operations(project, location, dataset, id);
CREATE INDEX IF NOT EXISTS operations_unfinished ON operations(id) WHERE done = 0;
CREATE TABLE IF NOT EXISTS log(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  timestamp_us INTEGER NOT NULL, project TEXT NOT NULL, log TEXT NOT NULL, operation TEXT NOT NULL,
  severity TEXT NOT NULL, level INTEGER NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS log_of_project ON log(project, id);
CREATE INDEX IF NOT EXISTS log_of_operation ON log(operation, id);
)sql";

Error NotFound(const std::string& what) { return {ErrorCode::kNotFound, what + " was not found"}; }
Error AlreadyExists(const std::string& what) { return {ErrorCode::kAlreadyExists, what + " already exists"}; }

// google.logging.type.LogSeverity.
int LevelOf(std::string_view severity) {
  constexpr std::array<std::string_view, 9> kNames = {"DEFAULT", "DEBUG",    "INFO",  "NOTICE",   "WARNING",
                                                      "ERROR",   "CRITICAL", "ALERT", "EMERGENCY"};
  const auto found = std::find(kNames.begin(), kNames.end(), severity);
  return found == kNames.end() ? 0 : static_cast<int>(found - kNames.begin()) * 100;
}

// ---- Page tokens: a letter for the kind of list, then the last item's key in hexadecimal digits. Opaque to clients.

std::string MakeToken(char kind, std::string_view key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string token(1, kind);
  for (const char c : key) {
    token += kDigits[static_cast<unsigned char>(c) >> 4];
    token += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return token;
}

// The key; "" for no token.
Result<std::string> KeyOfToken(char kind, std::string_view token) {
  std::string key;
  if (token.empty()) return key;
  const Error bad{ErrorCode::kInvalidArgument, "pageToken is none that this list gave"};
  if (token[0] != kind || token.size() % 2 == 0 || token.size() == 1) return bad;
  for (size_t i = 1; i < token.size(); i += 2) {
    uint8_t byte = 0;
    const auto end = std::from_chars(token.data() + i, token.data() + i + 2, byte, 16);
    if (end.ec != std::errc() || end.ptr != token.data() + i + 2) return bad;
    key += static_cast<char>(byte);
  }
  return key;
}

Result<int64_t> NumberOfToken(char kind, std::string_view token, int64_t otherwise) {
  DH_ASSIGN(const std::string key, KeyOfToken(kind, token));
  if (key.empty()) return otherwise;
  int64_t number = 0;
  const auto end = std::from_chars(key.data(), key.data() + key.size(), number);
  if (end.ec != std::errc() || end.ptr != key.data() + key.size()) {
    return Error{ErrorCode::kInvalidArgument, "pageToken is none that this list gave"};
  }
  return number;
}

// How many rows to ask for: one more than the page, so that its end is known.
int64_t RowsOf(const PageRequest& page) { return int64_t{std::clamp(page.size, 1, base::kMaxPageSize)} + 1; }

// Cuts off the row behind the page. Returns whether there was one.
template <typename T>
bool CutPage(Page<T>& page, const PageRequest& request) {
  if (page.items.size() < static_cast<size_t>(RowsOf(request))) return false;
  page.items.pop_back();
  return true;
}

// ---- Rows

void BindName(Statement& statement, int first, const DatasetName& name) {
  statement.Bind(first, name.project).Bind(first + 1, name.location).Bind(first + 2, name.dataset);
}

void BindName(Statement& statement, int first, const DicomStoreName& name) {
  BindName(statement, first, name.dataset);
  statement.Bind(first + 3, name.store);
}

DatasetName NameAt(const Statement& row, int first) {
  return {std::string(row.Text(first)), std::string(row.Text(first + 1)), std::string(row.Text(first + 2))};
}

constexpr char kStoreColumns[] = "SELECT id, project, location, dataset, store, document FROM stores ";

Result<DicomStore> StoreOf(const Statement& row) {
  DicomStore store{{NameAt(row, 1), std::string(row.Text(4))}, row.Int(0), {}};
  DH_ASSIGN(store.document, Json::Parse(row.Text(5)));
  return store;
}

constexpr char kOperationColumns[] = "SELECT id, project, location, dataset, done, document FROM operations ";

Result<OperationRecord> OperationOf(const Statement& row) {
  OperationRecord record{std::to_string(row.Int(0)), NameAt(row, 1), row.Int(4) != 0, {}};
  DH_ASSIGN(record.document, Json::Parse(row.Text(5)));
  return record;
}

// All rows of a statement, each read by `read`.
template <typename T>
Result<std::vector<T>> ReadRows(Statement& statement, Result<T> (*read)(const Statement&)) {
  std::vector<T> items;
  while (true) {
    DH_ASSIGN(const bool more, statement.Step());
    if (!more) return items;
    DH_ASSIGN(T item, read(statement));
    items.push_back(std::move(item));
  }
}

Result<std::string> TextOf(const Statement& row) { return std::string(row.Text(0)); }

// Ids of operations are digits without leading zeros; anything else names none.
std::optional<int64_t> NumberOfId(std::string_view id) {
  int64_t number = 0;
  const auto end = std::from_chars(id.data(), id.data() + id.size(), number);
  if (end.ec != std::errc() || std::to_string(number) != id) return std::nullopt;
  return number;
}

std::string NewEtag() {
  std::random_device device;
  const uint64_t high = device();
  const uint64_t bits = high << 32 | device();
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  std::string etag;
  base::AppendBase64(etag, bytes);
  return etag;
}

}  // namespace

struct Catalog::State {
  explicit State(Database opened) : database(std::move(opened)) {}

  Result<bool> DatasetExists(const DatasetName& name) {
    DH_ASSIGN(Statement find, database.Prepare("SELECT 1 FROM datasets WHERE project=?1 AND location=?2 AND dataset=?3"));
    BindName(find, 1, name);
    return find.Step();
  }

  // Each request to a store asks this: the statement is kept.
  Result<std::optional<DicomStore>> FindStore(const DicomStoreName& name) {
    if (!find_store) {
      DH_ASSIGN(find_store,
                database.Prepare(std::string(kStoreColumns) + "WHERE project=?1 AND location=?2 AND dataset=?3 AND store=?4"));
    }
    BindName(*find_store, 1, name);
    const Result<bool> found = find_store->Step();
    Result<std::optional<DicomStore>> store = std::optional<DicomStore>();
    if (!found.ok()) {
      store = found.error();
    } else if (*found) {
      Result<DicomStore> read = StoreOf(*find_store);
      store = read.ok() ? Result<std::optional<DicomStore>>(*std::move(read)) : read.error();
    }
    find_store->Reset();  // or it would hold its state of the database open
    return store;
  }

  std::mutex mutex;  // of all that follows
  Database database;
  std::optional<Statement> find_store;  // goes before the database does
  int64_t last_operation_id = 0;
};

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::Open(const std::string& path) {
  DH_ASSIGN(Database database, Database::Open(path, Database::Mode::kWrite));
  DH_CHECK(database.Execute(kTables));
  auto state = std::make_unique<State>(std::move(database));
  {
    DH_ASSIGN(Statement newest, state->database.Prepare("SELECT coalesce(max(id), 0) FROM operations"));
    DH_ASSIGN(const bool row, newest.Step());
    if (row) state->last_operation_id = newest.Int(0);
  }
  return std::unique_ptr<Catalog>(new Catalog(std::move(state)));
}

// ---- Datasets

Status Catalog::CreateDataset(const Dataset& dataset) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement insert, state_->database.Prepare("INSERT INTO datasets VALUES(?1, ?2, ?3, ?4)"));
  BindName(insert, 1, dataset.name);
  Status done = insert.Bind(4, dataset.document.Print()).Run();
  if (!done.ok() && done.error().code == ErrorCode::kAlreadyExists) return AlreadyExists("dataset " + dataset.name.Text());
  return done;
}

Result<Dataset> Catalog::GetDataset(const DatasetName& name) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement find,
            state_->database.Prepare("SELECT document FROM datasets WHERE project=?1 AND location=?2 AND dataset=?3"));
  BindName(find, 1, name);
  DH_ASSIGN(const bool found, find.Step());
  if (!found) return NotFound("dataset " + name.Text());
  DH_ASSIGN(Json document, Json::Parse(find.Text(0)));
  return Dataset{name, std::move(document)};
}

Result<Page<Dataset>> Catalog::ListDatasets(const std::string& project, const std::string& location, const PageRequest& request) {
  DH_ASSIGN(const std::string after, KeyOfToken('d', request.token));
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement list,
            state_->database.Prepare("SELECT project, location, dataset, document FROM datasets "
                                     "WHERE project=?1 AND location=?2 AND dataset>?3 ORDER BY dataset LIMIT ?4"));
  list.Bind(1, project).Bind(2, location).Bind(3, after).Bind(4, RowsOf(request));
  Page<Dataset> page;
  DH_ASSIGN(page.items, ReadRows<Dataset>(list, [](const Statement& row) -> Result<Dataset> {
              DH_ASSIGN(Json document, Json::Parse(row.Text(3)));
              return Dataset{NameAt(row, 0), std::move(document)};
            }));
  if (CutPage(page, request)) page.next = MakeToken('d', page.items.back().name.dataset);
  return page;
}

Status Catalog::UpdateDataset(const Dataset& dataset) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement update,
            state_->database.Prepare("UPDATE datasets SET document=?4 WHERE project=?1 AND location=?2 AND dataset=?3"));
  BindName(update, 1, dataset.name);
  DH_CHECK(update.Bind(4, dataset.document.Print()).Run());
  if (state_->database.Changes() == 0) return NotFound("dataset " + dataset.name.Text());
  return {};
}

Result<std::vector<DicomStore>> Catalog::DeleteDataset(const DatasetName& name) {
  const std::lock_guard lock(state_->mutex);
  Database& database = state_->database;
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(database));
  std::vector<DicomStore> stores;
  {
    DH_ASSIGN(Statement list,
              database.Prepare(std::string(kStoreColumns) + "WHERE project=?1 AND location=?2 AND dataset=?3 ORDER BY store"));
    BindName(list, 1, name);
    DH_ASSIGN(stores, ReadRows<DicomStore>(list, StoreOf));
  }
  constexpr const char* kDeletes[] = {
      "INSERT OR IGNORE INTO deleted_stores SELECT id FROM stores WHERE project=?1 AND location=?2 AND dataset=?3",
      "DELETE FROM stores WHERE project=?1 AND location=?2 AND dataset=?3",
      "DELETE FROM operations WHERE project=?1 AND location=?2 AND dataset=?3",
      "DELETE FROM datasets WHERE project=?1 AND location=?2 AND dataset=?3"};
  for (const char* const sql : kDeletes) {
    DH_ASSIGN(Statement remove, database.Prepare(sql));
    BindName(remove, 1, name);
    DH_CHECK(remove.Run());
  }
  if (database.Changes() == 0) return NotFound("dataset " + name.Text());  // of the last one: the dataset itself
  // '0' follows '/': all names that begin with the dataset's and a slash.
  DH_ASSIGN(Statement policies, database.Prepare("DELETE FROM policies WHERE resource=?1 OR (resource>?2 AND resource<?3)"));
  DH_CHECK(policies.Bind(1, name.Text()).Bind(2, name.Text() + "/").Bind(3, name.Text() + "0").Run());
  DH_CHECK(transaction.Commit());
  return stores;
}

// ---- DICOM stores

Result<DicomStore> Catalog::CreateDicomStore(const DicomStoreName& name, const Json& document) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(state_->database));
  DH_ASSIGN(const bool exists, state_->DatasetExists(name.dataset));
  if (!exists) return NotFound("dataset " + name.dataset.Text());
  DH_ASSIGN(Statement insert, state_->database.Prepare(
                                  "INSERT INTO stores(project, location, dataset, store, document) VALUES(?1, ?2, ?3, ?4, ?5)"));
  BindName(insert, 1, name);
  const Status done = insert.Bind(5, document.Print()).Run();
  if (!done.ok() && done.error().code == ErrorCode::kAlreadyExists) return AlreadyExists("DICOM store " + name.Text());
  DH_CHECK(done);
  const int64_t id = state_->database.LastRowId();
  DH_CHECK(transaction.Commit());
  return DicomStore{name, id, document};
}

Result<DicomStore> Catalog::GetDicomStore(const DicomStoreName& name) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(auto store, state_->FindStore(name));
  if (store) return *std::move(store);
  DH_ASSIGN(const bool dataset, state_->DatasetExists(name.dataset));
  if (!dataset) return NotFound("dataset " + name.dataset.Text());
  return NotFound("DICOM store " + name.Text());
}

Result<Page<DicomStore>> Catalog::ListDicomStores(const DatasetName& dataset, const PageRequest& request) {
  DH_ASSIGN(const std::string after, KeyOfToken('s', request.token));
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(const bool exists, state_->DatasetExists(dataset));
  if (!exists) return NotFound("dataset " + dataset.Text());
  DH_ASSIGN(Statement list,
            state_->database.Prepare(std::string(kStoreColumns) + "WHERE project=?1 AND location=?2 AND dataset=?3 AND store>?4 "
                                                                  "ORDER BY store LIMIT ?5"));
  BindName(list, 1, dataset);
  list.Bind(4, after).Bind(5, RowsOf(request));
  Page<DicomStore> page;
  DH_ASSIGN(page.items, ReadRows<DicomStore>(list, StoreOf));
  if (CutPage(page, request)) page.next = MakeToken('s', page.items.back().name.store);
  return page;
}

Result<std::vector<DicomStore>> Catalog::AllDicomStores() {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement list, state_->database.Prepare(std::string(kStoreColumns) + "ORDER BY project, location, dataset, store"));
  return ReadRows<DicomStore>(list, StoreOf);
}

Status Catalog::UpdateDicomStore(const DicomStore& store) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement update, state_->database.Prepare("UPDATE stores SET document=?2 WHERE id=?1"));
  DH_CHECK(update.Bind(1, store.id).Bind(2, store.document.Print()).Run());
  if (state_->database.Changes() == 0) return NotFound("DICOM store " + store.name.Text());
  return {};
}

Result<DicomStore> Catalog::DeleteDicomStore(const DicomStoreName& name) {
  DH_ASSIGN(DicomStore store, GetDicomStore(name));
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(state_->database));
  DH_ASSIGN(Statement remove, state_->database.Prepare("DELETE FROM stores WHERE id=?1"));
  DH_CHECK(remove.Bind(1, store.id).Run());
  if (state_->database.Changes() == 0) return NotFound("DICOM store " + name.Text());
  DH_ASSIGN(Statement deleted, state_->database.Prepare("INSERT OR IGNORE INTO deleted_stores VALUES(?1)"));
  DH_CHECK(deleted.Bind(1, store.id).Run());
  DH_ASSIGN(Statement policy, state_->database.Prepare("DELETE FROM policies WHERE resource=?1"));
  DH_CHECK(policy.Bind(1, name.Text()).Run());
  DH_CHECK(transaction.Commit());
  return store;
}

Result<DicomStore> Catalog::AdoptDicomStore(int64_t id) {
  const std::lock_guard lock(state_->mutex);
  const DicomStore store{{{"local", "local", "recovered"}, "store-" + std::to_string(id)}, id, Json::MakeObject()};
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(state_->database));
  DH_ASSIGN(Statement dataset, state_->database.Prepare("INSERT OR IGNORE INTO datasets VALUES(?1, ?2, ?3, '{}')"));
  BindName(dataset, 1, store.name.dataset);
  DH_CHECK(dataset.Run());
  DH_ASSIGN(Statement insert, state_->database.Prepare("INSERT INTO stores(project, location, dataset, store, document, id) "
                                                       "VALUES(?1, ?2, ?3, ?4, '{}', ?5)"));
  BindName(insert, 1, store.name);
  DH_CHECK(insert.Bind(5, id).Run());
  DH_CHECK(transaction.Commit());
  return store;
}

Result<std::vector<int64_t>> Catalog::DeletedStores() {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement list, state_->database.Prepare("SELECT id FROM deleted_stores ORDER BY id"));
  return ReadRows<int64_t>(list, [](const Statement& row) -> Result<int64_t> { return row.Int(0); });
}

Status Catalog::ForgetDeletedStore(int64_t id) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement forget, state_->database.Prepare("DELETE FROM deleted_stores WHERE id=?1"));
  return forget.Bind(1, id).Run();
}

Status Catalog::Verify(const std::function<void(const std::string& line)>& report) {
  const std::lock_guard lock(state_->mutex);
  return CheckDatabase(state_->database, "catalog.sqlite", report);
}

Result<std::vector<std::string>> Catalog::Projects() {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement list, state_->database.Prepare("SELECT DISTINCT project FROM datasets ORDER BY project"));
  return ReadRows<std::string>(list, TextOf);
}

Result<std::vector<std::string>> Catalog::Locations(const std::string& project) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement list,
            state_->database.Prepare("SELECT DISTINCT location FROM datasets WHERE project=?1 ORDER BY location"));
  return ReadRows<std::string>(list.Bind(1, project), TextOf);
}

// ---- Policies

Result<Json> Catalog::GetPolicy(const std::string& resource) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement find, state_->database.Prepare("SELECT document FROM policies WHERE resource=?1"));
  DH_ASSIGN(const bool found, find.Bind(1, resource).Step());
  if (!found) return Json();
  return Json::Parse(find.Text(0));
}

Result<Json> Catalog::SetPolicy(const std::string& resource, Json policy, const std::string& etag) {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(state_->database));
  if (!etag.empty()) {
    DH_ASSIGN(Statement find, state_->database.Prepare("SELECT etag FROM policies WHERE resource=?1"));
    DH_ASSIGN(const bool found, find.Bind(1, resource).Step());
    // A resource without a policy has no etag that could be right, but the one of the empty policy.
    if (found ? find.Text(0) != etag : etag != kEmptyPolicyEtag) {
      return Error{ErrorCode::kConflict,
                   "the policy of " + resource + " was changed meanwhile: get it again, change that, and set it with its etag"};
    }
  }
  const std::string fresh = NewEtag();
  policy.Set("etag", fresh);
  DH_ASSIGN(Statement put, state_->database.Prepare("INSERT OR REPLACE INTO policies VALUES(?1, ?2, ?3)"));
  DH_CHECK(put.Bind(1, resource).Bind(2, policy.Print()).Bind(3, fresh).Run());
  DH_CHECK(transaction.Commit());
  return policy;
}

// ---- Operations

Status Catalog::PutOperation(const OperationRecord& record) {
  const std::optional<int64_t> id = NumberOfId(record.id);
  if (!id) return Error{ErrorCode::kInvalidArgument, "'" + record.id + "' is no operation's id"};
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement put,
            state_->database.Prepare("INSERT OR REPLACE INTO operations SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
                                     "WHERE EXISTS(SELECT 1 FROM datasets WHERE project=?2 AND location=?3 AND dataset=?4)"));
  BindName(put, 2, record.dataset);
  DH_CHECK(put.Bind(1, *id).Bind(5, int64_t{record.done}).Bind(6, record.document.Print()).Run());
  if (state_->database.Changes() == 0) return NotFound("dataset " + record.dataset.Text());
  return {};
}

Result<OperationRecord> Catalog::GetOperation(const DatasetName& dataset, const std::string& id) {
  const Error missing = NotFound("operation " + dataset.Text() + "/operations/" + id);
  const std::optional<int64_t> number = NumberOfId(id);
  if (!number) return missing;
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement find, state_->database.Prepare(std::string(kOperationColumns) +
                                                     "WHERE id=?1 AND project=?2 AND location=?3 AND dataset=?4"));
  BindName(find, 2, dataset);
  DH_ASSIGN(const bool found, find.Bind(1, *number).Step());
  if (!found) return missing;
  return OperationOf(find);
}

Result<OperationRecord> Catalog::FindOperation(const std::string& project, const std::string& id) {
  const Error missing = NotFound("operation " + id + " of project " + project);
  const std::optional<int64_t> number = NumberOfId(id);
  if (!number) return missing;
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement find, state_->database.Prepare(std::string(kOperationColumns) + "WHERE id=?1 AND project=?2"));
  DH_ASSIGN(const bool found, find.Bind(1, *number).Bind(2, project).Step());
  if (!found) return missing;
  return OperationOf(find);
}

Result<Page<OperationRecord>> Catalog::ListOperations(const DatasetName& dataset, const PageRequest& request) {
  DH_ASSIGN(const int64_t before, NumberOfToken('o', request.token, INT64_MAX));
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement list,
            state_->database.Prepare(std::string(kOperationColumns) + "WHERE project=?1 AND location=?2 AND dataset=?3 AND id<?4 "
                                                                      "ORDER BY id DESC LIMIT ?5"));
  BindName(list, 1, dataset);
  list.Bind(4, before).Bind(5, RowsOf(request));
  Page<OperationRecord> page;
  DH_ASSIGN(page.items, ReadRows<OperationRecord>(list, OperationOf));
  if (CutPage(page, request)) page.next = MakeToken('o', page.items.back().id);
  return page;
}

Result<std::vector<OperationRecord>> Catalog::UnfinishedOperations() {
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement list, state_->database.Prepare(std::string(kOperationColumns) + "WHERE done=0 ORDER BY id"));
  return ReadRows<OperationRecord>(list, OperationOf);
}

// Nineteen digits, as Google's have; they ascend with time, so that the newest is the greatest.
std::string Catalog::NewOperationId() {
  using std::chrono::duration_cast;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::lock_guard lock(state_->mutex);
  const int64_t nanoseconds = duration_cast<std::chrono::nanoseconds>(now).count();
  state_->last_operation_id = std::max(state_->last_operation_id + 1, nanoseconds);
  return std::to_string(state_->last_operation_id);
}

// ---- The log

Status Catalog::AppendLog(const std::vector<LogEntry>& entries) {
  if (entries.empty()) return {};
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(state_->database));
  DH_ASSIGN(Statement insert,
            state_->database.Prepare("INSERT INTO log(timestamp_us, project, log, operation, severity, level, document) "
                                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  for (const LogEntry& entry : entries) {
    insert.Bind(1, entry.timestamp_us).Bind(2, entry.project).Bind(3, entry.log).Bind(4, entry.operation);
    insert.Bind(5, entry.severity).Bind(6, int64_t{LevelOf(entry.severity)}).Bind(7, entry.document.Print());
    DH_CHECK(insert.Run());
  }
  return transaction.Commit();
}

Result<Page<LogEntry>> Catalog::ListLog(const LogQuery& query, const PageRequest& request) {
  DH_ASSIGN(const int64_t from, NumberOfToken('l', request.token, query.newest_first ? INT64_MAX : 0));
  std::string sql = "SELECT id, timestamp_us, project, log, operation, severity, document FROM log WHERE project=?1";
  if (query.operation) sql += " AND operation=?2";
  sql += " AND level>=?3 AND timestamp_us>=?4 AND timestamp_us<=?5";
  // Entries are appended in the order of their times but for clocks that were set back: ids are the order.
  sql += query.newest_first ? " AND id<?6 ORDER BY id DESC LIMIT ?7" : " AND id>?6 ORDER BY id LIMIT ?7";
  const std::lock_guard lock(state_->mutex);
  DH_ASSIGN(Statement list, state_->database.Prepare(sql));
  list.Bind(1, query.project).Bind(3, int64_t{LevelOf(query.severity.value_or("DEFAULT"))});
  if (query.operation) list.Bind(2, *query.operation);
  list.Bind(4, query.since_us.value_or(INT64_MIN)).Bind(5, query.until_us.value_or(INT64_MAX));
  list.Bind(6, from).Bind(7, RowsOf(request));
  Page<LogEntry> page;
  DH_ASSIGN(page.items, ReadRows<LogEntry>(list, [](const Statement& row) -> Result<LogEntry> {
              LogEntry entry{row.Int(0),
                             row.Int(1),
                             std::string(row.Text(2)),
                             std::string(row.Text(3)),
                             std::string(row.Text(4)),
                             std::string(row.Text(5)),
                             {}};
              DH_ASSIGN(entry.document, Json::Parse(row.Text(6)));
              return entry;
            }));
  if (CutPage(page, request)) page.next = MakeToken('l', std::to_string(page.items.back().id));
  return page;
}

}  // namespace dicomhouse::store
