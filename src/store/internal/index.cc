#include "store/internal/index.h"

#include <algorithm>
#include <cassert>

namespace dicomhouse::store {
namespace {

constexpr int64_t kVersion = 2;
// Pages of the write-ahead log, 4 KiB each, that are moved into the index at a time: a commit of one instance writes some 15.
constexpr int kCheckpointPages = 4000;
constexpr size_t kMaxIdleConnections = 16;
// Rows of series and studies that are remembered between transactions.
constexpr size_t kMaxKnown = 4096;

std::string ColumnsOf(Level level, const char* behind) {
  std::string out;
  for (const IndexedAttribute& attribute : IndexedAttributes()) {
    if (attribute.level == level && attribute.column != nullptr) out += std::string(", ") + attribute.column + behind;
  }
  return out;
}

// Names are folded for fuzzy search.
std::string Tables() {
  return "CREATE TABLE counters(one INTEGER PRIMARY KEY, next_id INTEGER NOT NULL, next_file INTEGER NOT NULL, "
         "log_segment INTEGER NOT NULL DEFAULT 0, synced_headers INTEGER NOT NULL DEFAULT 0, "
         "synced_header_segment INTEGER NOT NULL DEFAULT 0, synced_header_end INTEGER NOT NULL DEFAULT 0);"
         "INSERT INTO counters(one, next_id, next_file) VALUES(1, 1, 1);"
         "CREATE TABLE stores(store INTEGER PRIMARY KEY, studies INTEGER NOT NULL DEFAULT 0, series INTEGER NOT NULL DEFAULT 0, "
         "instances INTEGER NOT NULL DEFAULT 0, header_bytes INTEGER NOT NULL DEFAULT 0, blob_bytes INTEGER NOT NULL DEFAULT 0);"
         "CREATE TABLE studies(id INTEGER PRIMARY KEY, store INTEGER NOT NULL, uid TEXT NOT NULL, "
         "members TEXT NOT NULL DEFAULT ''" +
         ColumnsOf(Level::kStudy, " TEXT NOT NULL DEFAULT ''") +
         ", UNIQUE(store, uid));"
         "CREATE INDEX studies_by_patient ON studies(store, patient_id);"
         "CREATE INDEX studies_by_name ON studies(store, patient_name);"
         "CREATE INDEX studies_by_date ON studies(store, study_date);"
         "CREATE INDEX studies_by_accession ON studies(store, accession_number);"
         "CREATE TABLE series(id INTEGER PRIMARY KEY, store INTEGER NOT NULL, study INTEGER NOT NULL, uid TEXT NOT NULL, "
         "instances INTEGER NOT NULL DEFAULT 0, members TEXT NOT NULL DEFAULT ''" +
         ColumnsOf(Level::kSeries, " TEXT NOT NULL DEFAULT ''") +
         ", UNIQUE(study, uid));"
         "CREATE INDEX series_of_store ON series(store);"
         "CREATE INDEX series_by_uid ON series(uid);"
         "CREATE TABLE instances(id INTEGER PRIMARY KEY, store INTEGER NOT NULL, study INTEGER NOT NULL, series INTEGER NOT "
         "NULL, "
         "uid TEXT NOT NULL, kind INTEGER NOT NULL, stored_us INTEGER NOT NULL, sop_class TEXT NOT NULL, syntax TEXT NOT NULL, "
         "sha256 BLOB NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL, bytes INTEGER NOT NULL, "
         "header_segment INTEGER NOT NULL, header_offset INTEGER NOT NULL, header_bytes INTEGER NOT NULL, "
         "members TEXT NOT NULL" +
         ColumnsOf(Level::kInstance, " TEXT NOT NULL DEFAULT ''") +
         ", UNIQUE(store, uid));"
         "CREATE INDEX instances_of_store ON instances(store);"
         "CREATE INDEX instances_of_study ON instances(study);"
         "CREATE INDEX instances_of_series ON instances(series);"
         "CREATE TABLE changes(store INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL, time_us INTEGER NOT NULL, "
         "study TEXT NOT NULL, series TEXT NOT NULL, instance TEXT NOT NULL, PRIMARY KEY(store, number)) WITHOUT ROWID;"
         "CREATE TABLE segments(kind INTEGER NOT NULL, number INTEGER NOT NULL, end INTEGER NOT NULL DEFAULT 0, "
         "live INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(kind, number)) WITHOUT ROWID;"
         "CREATE TABLE garbage(id INTEGER PRIMARY KEY, number INTEGER NOT NULL, kind INTEGER NOT NULL, segment INTEGER NOT NULL, "
         "offset INTEGER NOT NULL, bytes INTEGER NOT NULL);"
         "CREATE INDEX garbage_of_segment ON garbage(kind, segment);"
         "PRAGMA user_version = 2;";
}

// Version 1 synced everything at each commit.
constexpr const char* kTablesFromVersion1 =
    "ALTER TABLE counters ADD COLUMN log_segment INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE counters ADD COLUMN synced_headers INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE counters ADD COLUMN synced_header_segment INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE counters ADD COLUMN synced_header_end INTEGER NOT NULL DEFAULT 0;"
    "UPDATE counters SET synced_headers = next_id - 1;"
    "UPDATE counters SET (synced_header_segment, synced_header_end) = (SELECT number, end FROM segments WHERE kind = 2 "
    "ORDER BY number DESC LIMIT 1) WHERE EXISTS (SELECT 1 FROM segments WHERE kind = 2);"
    "PRAGMA user_version = 2;";

const char* TableOf(Level level) { return level == Level::kStudy ? "studies" : level == Level::kSeries ? "series" : "instances"; }

base::Status RunOnce(Connection& connection, std::string_view sql, std::initializer_list<int64_t> values) {
  DH_ASSIGN(Query query, connection.Prepare(sql));
  int index = 1;
  for (const int64_t value : values) query->Bind(index++, value);
  return query->Run();
}

}  // namespace

const char* const kSelectRow =
    "SELECT i.id, t.uid, s.uid, i.uid, i.sop_class, i.syntax, i.stored_us, i.sha256, i.store, i.study, i.series, i.kind, "
    "i.segment, i.offset, i.bytes, i.header_segment, i.header_offset, i.header_bytes "
    "FROM instances i JOIN series s ON s.id = i.series JOIN studies t ON t.id = i.study ";

InstanceRow ReadRow(const Statement& statement) {
  InstanceRow row;
  row.info.id = statement.Int(0);
  row.info.key = {std::string(statement.Text(1)), std::string(statement.Text(2)), std::string(statement.Text(3))};
  row.info.sop_class = statement.Text(4);
  row.info.transfer_syntax = statement.Text(5);
  row.info.stored_us = statement.Int(6);
  const auto digest = statement.Blob(7);
  row.info.sha256.assign(digest.begin(), digest.end());
  row.store = statement.Int(8);
  row.study = statement.Int(9);
  row.series = statement.Int(10);
  row.kind = static_cast<ChangeKind>(statement.Int(11));
  row.blob = {statement.Int(12), static_cast<uint64_t>(statement.Int(13)), static_cast<uint64_t>(statement.Int(14))};
  row.header = {statement.Int(15), static_cast<uint64_t>(statement.Int(16)), static_cast<uint64_t>(statement.Int(17))};
  row.info.bytes = row.blob.bytes;
  return row;
}

base::Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, Database::Mode mode) {
  DH_ASSIGN(Database database, Database::Open(path, mode));
  return std::unique_ptr<Connection>(new Connection(std::move(database)));
}

base::Result<Query> Connection::Prepare(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    DH_ASSIGN(Statement statement, database_.Prepare(sql));
    found = statements_.emplace(std::string(sql), std::move(statement)).first;
  }
  return Query(found->second);
}

ReadPool::Lease::~Lease() {
  if (connection_ == nullptr) return;
  const std::lock_guard lock(pool_->mutex_);
  if (pool_->idle_.size() < kMaxIdleConnections) pool_->idle_.push_back(std::move(connection_));
}

void ReadPool::Close() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

base::Result<ReadPool::Lease> ReadPool::Take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Lease lease(*this, std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
  }
  DH_ASSIGN(auto connection, Connection::Open(path_, Database::Mode::kRead));
  return Lease(*this, std::move(connection));
}

base::Result<std::unique_ptr<IndexWriter>> IndexWriter::Open(const std::string& path, Folder folder,
                                                             ReadAttributes read_attributes) {
  std::unique_ptr<IndexWriter> index(new IndexWriter);
  index->read_attributes_ = std::move(read_attributes);
  DH_ASSIGN(index->connection_, Connection::Open(path, Database::Mode::kWrite));
  index->connection_->database().CheckpointByHand();
  DH_CHECK(index->MakeTables(folder));
  DH_CHECK(index->LoadCounters());
  for (const Level level : {Level::kStudy, Level::kSeries}) {
    index->update_sql_[static_cast<size_t>(level)] =
        std::string("UPDATE ") + TableOf(level) + " SET members = ?" + ColumnsOf(level, " = ?") + " WHERE id = ?";
  }
  index->update_sql_[2] =
      "INSERT INTO instances(id, store, study, series, uid, kind, stored_us, sop_class, syntax, sha256, segment, offset, bytes, "
      "header_segment, header_offset, header_bytes, members" +
      ColumnsOf(Level::kInstance, "") + ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  return index;
}

base::Status IndexWriter::MakeTables(Folder folder) {
  int64_t version = 0;
  {
    DH_ASSIGN(Query query, connection_->Prepare("PRAGMA user_version"));
    DH_CHECK(query->Step());
    version = query->Int(0);
  }
  if (version == kVersion) return {};
  if (version == 0 && folder == Folder::kUsed) return base::Error{base::ErrorCode::kCorrupt, "the index has no tables"};
  if (version > kVersion) {
    return base::Error{base::ErrorCode::kUnsupported, "the index is of version " + std::to_string(version) +
                                                          "; this program reads up to " + std::to_string(kVersion)};
  }
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(connection_->database()));
  DH_CHECK(connection_->database().Execute(version == 1 ? kTablesFromVersion1 : Tables()));
  return transaction.Commit();
}

base::Status IndexWriter::LoadCounters() {
  DH_ASSIGN(Query query, connection_->Prepare("SELECT next_id, next_file, log_segment, synced_headers, synced_header_segment, "
                                              "synced_header_end FROM counters"));
  DH_ASSIGN(const bool found, query->Step());
  if (!found) return base::Error{base::ErrorCode::kCorrupt, "the index has lost its counters"};
  next_id_ = query->Int(0);
  next_file_ = query->Int(1);
  log_ = new_log_ = {query->Int(2), {query->Int(3), query->Int(4), static_cast<uint64_t>(query->Int(5))}};
  return {};
}

base::Status IndexWriter::Begin(Durability durability) {
  if (connection_->database().log_is_doubtful()) DH_CHECK(connection_->database().RewriteLog());
  if (durability_ != durability) {
    const char* const setting = durability == Durability::kSynced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL";
    DH_CHECK(connection_->database().Execute(setting));
    durability_ = durability;
  }
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(connection_->database()));
  transaction_.emplace(std::move(transaction));
  return {};
}

base::Status IndexWriter::Commit() {
  DH_CHECK(SaveTotals());
  const SyncedHeaders& headers = new_log_.synced_headers;
  DH_CHECK(RunOnce(*connection_,
                   "UPDATE counters SET next_id = ?, next_file = ?, log_segment = ?, synced_headers = ?, "
                   "synced_header_segment = ?, synced_header_end = ?",
                   {next_id_, next_file_, new_log_.segment, headers.id, headers.segment, static_cast<int64_t>(headers.end)}));
  DH_CHECK(transaction_->Commit());
  transaction_.reset();
  log_ = new_log_;
  Reset();
  // Where it fails the log is longer for a while. The transaction is there.
  (void)connection_->database().CheckpointAbove(kCheckpointPages);
  return {};
}

void IndexWriter::SetLog(int64_t segment, const SyncedHeaders& synced_headers) {
  assert(durability_ == Durability::kSynced);
  new_log_ = {segment, synced_headers};
}

void IndexWriter::Rollback() {
  transaction_.reset();
  new_log_ = log_;
  Reset();
  known_.clear();
  written_.clear();
  segments_.clear();
  // Numbers go on: what failed may come back after a crash, and nothing may be like it.
}

void IndexWriter::Reset() {
  series_.clear();
  studies_.clear();
  totals_.clear();
  touched_.clear();
  if (known_.size() > kMaxKnown) known_.clear();
  if (written_.size() > 2 * kMaxKnown) written_.clear();
}

base::Result<std::optional<InstanceRow>> IndexWriter::Find(int64_t store, std::string_view uid) {
  static const std::string kSql = std::string(kSelectRow) + "WHERE i.store = ? AND i.uid = ?";
  DH_ASSIGN(Query query, connection_->Prepare(kSql));
  query->Bind(1, store).Bind(2, uid);
  DH_ASSIGN(const bool found, query->Step());
  if (!found) return std::optional<InstanceRow>();
  return std::optional<InstanceRow>(ReadRow(*query));
}

base::Result<IndexWriter::Known> IndexWriter::FindOrMakeSeries(int64_t store, const IncomingInstance& incoming) {
  const InstanceKey& key = incoming.key();
  const auto cached = known_.find({store, key.study + "/" + key.series});
  if (cached != known_.end()) return cached->second;
  const auto find_or_make = [&](std::string_view find, std::string_view make, int64_t parent, const std::string& uid,
                                bool& made) -> base::Result<int64_t> {
    {
      DH_ASSIGN(Query query, connection_->Prepare(find));
      query->Bind(1, parent).Bind(2, uid);
      DH_ASSIGN(const bool found, query->Step());
      if (found) return query->Int(0);
    }
    DH_ASSIGN(Query query, connection_->Prepare(make));
    query->Bind(1, parent).Bind(2, uid).Bind(3, store);
    DH_CHECK(query->Run());
    made = true;
    return connection_->database().LastRowId();
  };
  Known known;
  bool new_study = false;
  bool new_series = false;
  DH_ASSIGN(known.study, find_or_make("SELECT id FROM studies WHERE store = ? AND uid = ?",
                                      "INSERT INTO studies(store, uid) VALUES(?1, ?2)", store, key.study, new_study));
  DH_ASSIGN(known.series,
            find_or_make("SELECT id FROM series WHERE study = ? AND uid = ?",
                         "INSERT INTO series(study, uid, store) VALUES(?1, ?2, ?3)", known.study, key.series, new_series));
  totals_[store].studies += new_study ? 1 : 0;
  totals_[store].series += new_series ? 1 : 0;
  known_[{store, key.study + "/" + key.series}] = known;
  return known;
}

base::Status IndexWriter::Insert(int64_t id, ChangeKind kind, int64_t time_us, const IncomingInstance& incoming,
                                 const Place& blob, const Place& header) {
  const int64_t store = incoming.store();
  DH_ASSIGN(const Known known, FindOrMakeSeries(store, incoming));
  const LevelAttributes& own = incoming.attributes().levels[static_cast<size_t>(Level::kInstance)];
  {
    DH_ASSIGN(Query query, connection_->Prepare(update_sql_[2]));
    query->Bind(1, id).Bind(2, store).Bind(3, known.study).Bind(4, known.series).Bind(5, incoming.key().instance);
    query->Bind(6, static_cast<int64_t>(kind)).Bind(7, time_us);
    query->Bind(8, incoming.sop_class()).Bind(9, incoming.transfer_syntax());
    query->BindBlob(10, {reinterpret_cast<const uint8_t*>(incoming.sha256().data()), incoming.sha256().size()});
    query->Bind(11, blob.segment).Bind(12, static_cast<int64_t>(blob.offset)).Bind(13, static_cast<int64_t>(blob.bytes));
    query->Bind(14, header.segment).Bind(15, static_cast<int64_t>(header.offset)).Bind(16, static_cast<int64_t>(header.bytes));
    query->Bind(17, own.members);
    int index = 18;
    for (const std::string& column : own.columns) query->Bind(index++, column);
    DH_CHECK(query->Run());
  }
  Totals& totals = totals_[store];
  ++totals.instances;
  totals.blob_bytes += static_cast<int64_t>(blob.bytes);
  totals.header_bytes += static_cast<int64_t>(header.bytes);
  const size_t uid_bytes = incoming.key().instance.size();
  if (blob.segment != 0) {
    touched_[{RecordKind::kInstance, blob.segment}].live += static_cast<int64_t>(RecordBytes(uid_bytes, blob.bytes));
  }
  touched_[{RecordKind::kHeader, header.segment}].live += static_cast<int64_t>(RecordBytes(uid_bytes, header.bytes));
  for (const Level level : {Level::kStudy, Level::kSeries}) {
    LevelState& state = level == Level::kStudy ? studies_[known.study] : series_[known.series];
    state.row = level == Level::kStudy ? known.study : known.series;
    state.study = known.study;
    state.store = store;
    ++state.added;
    state.newest = id;
    state.from = &incoming.attributes().levels[static_cast<size_t>(level)];
  }
  return {};
}

base::Status IndexWriter::MoveHeader(const InstanceRow& row, const Place& header) {
  const size_t uid_bytes = row.info.key.instance.size();
  touched_[{RecordKind::kHeader, row.header.segment}].live -= static_cast<int64_t>(RecordBytes(uid_bytes, row.header.bytes));
  touched_[{RecordKind::kHeader, header.segment}].live += static_cast<int64_t>(RecordBytes(uid_bytes, header.bytes));
  totals_[row.store].header_bytes += static_cast<int64_t>(header.bytes) - static_cast<int64_t>(row.header.bytes);
  return RunOnce(*connection_, "UPDATE instances SET header_segment = ?, header_offset = ?, header_bytes = ? WHERE id = ?",
                 {header.segment, static_cast<int64_t>(header.offset), static_cast<int64_t>(header.bytes), row.info.id});
}

base::Status IndexWriter::AddGarbage(RecordKind kind, const Place& place, size_t uid_bytes, int64_t number) {
  if (place.segment != 0) touched_[{kind, place.segment}].live -= static_cast<int64_t>(RecordBytes(uid_bytes, place.bytes));
  return RunOnce(
      *connection_, "INSERT INTO garbage(number, kind, segment, offset, bytes) VALUES(?, ?, ?, ?, ?)",
      {number, static_cast<int64_t>(kind), place.segment, static_cast<int64_t>(place.offset), static_cast<int64_t>(place.bytes)});
}

base::Status IndexWriter::AddGarbageFile(const Place& place) { return AddGarbage(RecordKind::kInstance, place, 0, next_id_ - 1); }

base::Status IndexWriter::LogChange(int64_t store, int64_t number, ChangeKind kind, int64_t time_us, const InstanceKey& key) {
  DH_ASSIGN(Query query, connection_->Prepare("INSERT INTO changes VALUES(?, ?, ?, ?, ?, ?, ?)"));
  query->Bind(1, store).Bind(2, number).Bind(3, static_cast<int64_t>(kind)).Bind(4, time_us);
  query->Bind(5, key.study).Bind(6, key.series).Bind(7, key.instance);
  return query->Run();
}

base::Status IndexWriter::Remove(const InstanceRow& row, bool deleted, int64_t time_us) {
  // While it is there, the row itself is the change that stored it.
  DH_CHECK(LogChange(row.store, row.info.id, row.kind, row.info.stored_us, row.info.key));
  const int64_t number = NewId();
  if (deleted) DH_CHECK(LogChange(row.store, number, ChangeKind::kDeleted, time_us, row.info.key));
  const size_t uid_bytes = row.info.key.instance.size();
  DH_CHECK(AddGarbage(RecordKind::kInstance, row.blob, uid_bytes, number));
  DH_CHECK(AddGarbage(RecordKind::kHeader, row.header, uid_bytes, number));
  DH_CHECK(RunOnce(*connection_, "DELETE FROM instances WHERE id = ?", {row.info.id}));
  Totals& totals = totals_[row.store];
  --totals.instances;
  totals.blob_bytes -= static_cast<int64_t>(row.blob.bytes);
  totals.header_bytes -= static_cast<int64_t>(row.header.bytes);
  for (const Level level : {Level::kStudy, Level::kSeries}) {
    LevelState& state = level == Level::kStudy ? studies_[row.study] : series_[row.series];
    state.row = level == Level::kStudy ? row.study : row.series;
    state.study = row.study;
    state.store = row.store;
    --state.added;
    state.removed = std::max(state.removed, row.info.id);
    if (state.newest == row.info.id) {
      state.newest = 0;
      state.from = nullptr;
    }
  }
  return {};
}

base::Status IndexWriter::UpdateAttributes(Level level, int64_t row, const LevelAttributes& attributes) {
  // Instances of a series nearly all say the same.
  std::string all = attributes.members;
  for (const std::string& column : attributes.columns) all += '\x1f' + column;
  std::string& written = written_[{level, row}];
  if (written == all) return {};
  DH_ASSIGN(Query query, connection_->Prepare(update_sql_[static_cast<size_t>(level)]));
  query->Bind(1, attributes.members);
  int index = 2;
  for (const std::string& column : attributes.columns) query->Bind(index++, column);
  query->Bind(index, row);
  DH_CHECK(query->Run());
  written = std::move(all);
  return {};
}

base::Status IndexWriter::SettleLevel(Level level, const LevelState& state) {
  if (state.from != nullptr) return UpdateAttributes(level, state.row, *state.from);
  static const std::string kNewestOfStudy = std::string(kSelectRow) + "WHERE i.study = ? ORDER BY i.id DESC LIMIT 1";
  static const std::string kNewestOfSeries = std::string(kSelectRow) + "WHERE i.series = ? ORDER BY i.id DESC LIMIT 1";
  InstanceRow newest;
  {
    DH_ASSIGN(Query query, connection_->Prepare(level == Level::kStudy ? kNewestOfStudy : kNewestOfSeries));
    query->Bind(1, state.row);
    DH_ASSIGN(const bool found, query->Step());
    if (found) newest = ReadRow(*query);
  }
  if (newest.info.id == 0) {
    (level == Level::kStudy ? totals_[state.store].studies : totals_[state.store].series) -= 1;
    known_.clear();
    written_.erase({level, state.row});
    return RunOnce(*connection_, level == Level::kStudy ? "DELETE FROM studies WHERE id = ?" : "DELETE FROM series WHERE id = ?",
                   {state.row});
  }
  if (newest.info.id > state.removed) return {};
  DH_ASSIGN(const InstanceAttributes attributes, read_attributes_(newest));
  return UpdateAttributes(level, state.row, attributes.levels[static_cast<size_t>(level)]);
}

base::Status IndexWriter::Settle() {
  for (const auto& [row, state] : series_) {
    DH_CHECK(RunOnce(*connection_, "UPDATE series SET instances = instances + ? WHERE id = ?", {state.added, row}));
    DH_CHECK(SettleLevel(Level::kSeries, state));
  }
  for (const auto& [row, state] : studies_) DH_CHECK(SettleLevel(Level::kStudy, state));
  return {};
}

base::Status IndexWriter::NeedSegment(RecordKind kind, int64_t number) {
  if (number == 0 || !segments_.insert({kind, number}).second) return {};
  return RunOnce(*connection_, "INSERT OR IGNORE INTO segments(kind, number) VALUES(?, ?)", {static_cast<int64_t>(kind), number});
}

void IndexWriter::SetSegment(RecordKind kind, int64_t number, uint64_t end) {
  if (number != 0) touched_[{kind, number}].end = end;
}

base::Status IndexWriter::SaveTotals() {
  for (const auto& [segment, change] : touched_) {
    const auto kind = static_cast<int64_t>(segment.first);
    if (change.end) {
      DH_CHECK(RunOnce(*connection_,
                       "INSERT INTO segments(kind, number, end, live) VALUES(?1, ?2, ?3, ?4) "
                       "ON CONFLICT DO UPDATE SET end = ?3, live = live + ?4",
                       {kind, segment.second, static_cast<int64_t>(*change.end), change.live}));
    } else {
      DH_CHECK(RunOnce(*connection_, "UPDATE segments SET live = live + ? WHERE kind = ? AND number = ?",
                       {change.live, kind, segment.second}));
    }
  }
  for (const auto& [store, totals] : totals_) {
    DH_CHECK(RunOnce(*connection_,
                     "INSERT INTO stores(store, studies, series, instances, header_bytes, blob_bytes) "
                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET studies = studies + ?2, series = series + ?3, "
                     "instances = instances + ?4, header_bytes = header_bytes + ?5, blob_bytes = blob_bytes + ?6",
                     {store, totals.studies, totals.series, totals.instances, totals.header_bytes, totals.blob_bytes}));
  }
  return {};
}

base::Status IndexWriter::ForgetStore(int64_t store) {
  totals_.erase(store);
  DH_CHECK(RunOnce(*connection_, "DELETE FROM changes WHERE store = ?", {store}));
  return RunOnce(*connection_, "DELETE FROM stores WHERE store = ?", {store});
}

base::Result<std::vector<SegmentRow>> IndexWriter::Segments() {
  std::vector<SegmentRow> rows;
  DH_ASSIGN(Query query, connection_->Prepare("SELECT kind, number, end, live FROM segments ORDER BY kind, number"));
  for (;;) {
    DH_ASSIGN(const bool found, query->Step());
    if (!found) return rows;
    rows.push_back({static_cast<RecordKind>(query->Int(0)), query->Int(1), static_cast<uint64_t>(query->Int(2)),
                    static_cast<uint64_t>(query->Int(3))});
  }
}

base::Result<std::vector<Garbage>> IndexWriter::OldGarbage(int64_t up_to, size_t limit) {
  std::vector<Garbage> found;
  DH_ASSIGN(Query query, connection_->Prepare("SELECT id, kind, segment, offset, bytes FROM garbage WHERE number <= ? LIMIT ?"));
  query->Bind(1, up_to).Bind(2, static_cast<int64_t>(limit));
  for (;;) {
    DH_ASSIGN(const bool row, query->Step());
    if (!row) return found;
    found.push_back({query->Int(0), static_cast<RecordKind>(query->Int(1)),
                     Place{query->Int(2), static_cast<uint64_t>(query->Int(3)), static_cast<uint64_t>(query->Int(4))}});
  }
}

base::Status IndexWriter::RemoveGarbage(int64_t row) { return RunOnce(*connection_, "DELETE FROM garbage WHERE id = ?", {row}); }

base::Result<std::vector<SegmentRow>> IndexWriter::TakeEmptySegments(int64_t active_instances, int64_t active_headers) {
  DH_ASSIGN(std::vector<SegmentRow> rows, Segments());
  std::vector<SegmentRow> empty;
  for (const SegmentRow& row : rows) {
    if (row.live != 0 || row.number == (row.kind == RecordKind::kInstance ? active_instances : active_headers)) continue;
    {
      DH_ASSIGN(Query query, connection_->Prepare("SELECT 1 FROM garbage WHERE kind = ? AND segment = ? LIMIT 1"));
      query->Bind(1, static_cast<int64_t>(row.kind)).Bind(2, row.number);
      DH_ASSIGN(const bool found, query->Step());
      if (found) continue;
    }
    DH_CHECK(RunOnce(*connection_, "DELETE FROM segments WHERE kind = ? AND number = ?",
                     {static_cast<int64_t>(row.kind), row.number}));
    segments_.erase({row.kind, row.number});
    empty.push_back(row);
  }
  return empty;
}

}  // namespace dicomhouse::store
