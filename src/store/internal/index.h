// DATA/index.sqlite: which instances there are, where their bytes lie, and what is searched by. docs/data-format.md has the
// tables.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/instances.h"
#include "store/internal/attributes.h"
#include "store/internal/incoming.h"
#include "store/internal/segment.h"
#include "store/internal/sqlite.h"

namespace dicomhouse::store {

// A statement in use; reset when it goes, so that it holds no state of the database open.
class Query {
 public:
  explicit Query(Statement& statement) : statement_(&statement) {}
  Query(Query&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  ~Query() {
    if (statement_ != nullptr) statement_->Reset();
  }
  Statement* operator->() { return statement_; }
  Statement& operator*() { return *statement_; }

 private:
  Statement* statement_;
};

// A connection that prepares each statement once. Used by one thread at a time.
class Connection {
 public:
  static base::Result<std::unique_ptr<Connection>> Open(const std::string& path, Database::Mode mode);
  Database& database() { return database_; }
  // `sql` is a literal; one with the same text must not be in use.
  base::Result<Query> Prepare(std::string_view sql);

 private:
  explicit Connection(Database database) : database_(std::move(database)) {}
  Database database_;
  std::map<std::string, Statement, std::less<>> statements_;
};

// Connections that read; a reader never waits for the writer. Thread-safe.
class ReadPool {
 public:
  explicit ReadPool(std::string path) : path_(std::move(path)) {}
  class Lease {
   public:
    Lease(ReadPool& pool, std::unique_ptr<Connection> connection) : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Connection* operator->() { return connection_.get(); }
    Connection& operator*() { return *connection_; }

   private:
    ReadPool* pool_;
    std::unique_ptr<Connection> connection_;
  };
  base::Result<Lease> Take();
  // Closes those that nobody has.
  void Close();

 private:
  std::string path_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

// One row of `instances` with the UIDs around it.
struct InstanceRow {
  InstanceInfo info;
  int64_t store = 0;
  int64_t study = 0;   // rows of their tables
  int64_t series = 0;  // ...
  ChangeKind kind = ChangeKind::kStored;
  Place blob;
  Place header;
};
// "SELECT ..." up to and without WHERE: tables i (instances), s (series), t (studies); then what ReadRow reads.
extern const char* const kSelectRow;
InstanceRow ReadRow(const Statement& statement);

// What nobody wants any more; its space is given back when nobody reads it either.
struct Garbage {
  int64_t row = 0;
  RecordKind kind = RecordKind::kInstance;
  Place place;
};

struct SegmentRow {
  RecordKind kind = RecordKind::kInstance;
  int64_t number = 0;
  uint64_t end = 0;
  uint64_t live = 0;  // bytes of its records that are not garbage
};

// How far header bytes are surely on the disk: those of instances up to `id`, and in the header segments what lies before byte
// `end` of `segment`.
struct SyncedHeaders {
  int64_t id = 0;
  int64_t segment = 0;
  uint64_t end = 0;
};

// The one connection that writes. All members between Begin and Commit or Rollback by one thread.
class IndexWriter {
 public:
  // Takes attributes from a stored instance, for a level whose newest instance has gone.
  using ReadAttributes = std::function<base::Result<InstanceAttributes>(const InstanceRow& row)>;
  // Makes the tables when there are none and this is a new folder. Errors: kIo; kCorrupt: no tables, or no index; kUnsupported:
  // tables of another version.
  enum class Folder { kNew, kUsed };
  static base::Result<std::unique_ptr<IndexWriter>> Open(const std::string& path, Folder folder, ReadAttributes read_attributes);

  // kSynced: Commit returns when this transaction and all before it are on the disk. kLogged: it may be lost when the machine
  // stops, as may those before it; what was in it is found in the log segment then (docs/data-format.md).
  enum class Durability { kLogged, kSynced };
  base::Status Begin(Durability durability);
  // Errors: kIo: none of it is there, or, if the machine stops now, all of it may be.
  base::Status Commit();
  void Rollback();

  int64_t next_id() const { return next_id_; }
  int64_t next_file() const { return next_file_; }
  int64_t NewId() { return next_id_++; }
  int64_t NewFile() { return next_file_++; }
  // Ids below `id` were given to what the index had not seen.
  void SkipIds(int64_t id) { next_id_ = std::max(next_id_, id); }
  void SkipFiles(int64_t number) { next_file_ = std::max(next_file_, number); }

  // The instance segment whose records may be ahead of the index after a crash; 0: none.
  int64_t log_segment() const { return log_.segment; }
  const SyncedHeaders& synced_headers() const { return log_.synced_headers; }
  // In a transaction of Durability::kSynced.
  void SetLog(int64_t segment, const SyncedHeaders& synced_headers);

  base::Result<std::optional<InstanceRow>> Find(int64_t store, std::string_view uid);
  base::Status Insert(int64_t id, ChangeKind kind, int64_t time_us, const IncomingInstance& incoming, const Place& blob,
                      const Place& header);
  // New header bytes in place of those that were lost.
  base::Status MoveHeader(const InstanceRow& row, const Place& header);
  // `deleted`: logged as a deletion; else the row that takes its place is logged.
  base::Status Remove(const InstanceRow& row, bool deleted, int64_t time_us);
  // Counts and attributes of series and studies as the rows now say. Before Commit, and when all header bytes are readable.
  base::Status Settle();
  // Makes the row of a segment that gets its first record.
  base::Status NeedSegment(RecordKind kind, int64_t number);
  // Written by Commit.
  void SetSegment(RecordKind kind, int64_t number, uint64_t end);
  base::Status ForgetStore(int64_t store);  // its log and its totals; after its instances

  base::Result<std::vector<SegmentRow>> Segments();
  // The oldest garbage that came with change `up_to` or before.
  base::Result<std::vector<Garbage>> OldGarbage(int64_t up_to, size_t limit);
  // A file that no row refers to.
  base::Status AddGarbageFile(const Place& place);
  base::Status RemoveGarbage(int64_t row);
  // Segments but those given that have neither live bytes nor garbage; removes their rows.
  base::Result<std::vector<SegmentRow>> TakeEmptySegments(int64_t active_instances, int64_t active_headers);

  Connection& connection() { return *connection_; }

 private:
  // What a transaction changes of one series or study.
  struct LevelState {
    int64_t row = 0;
    int64_t study = 0;  // of a series: the row of its study
    int64_t store = 0;
    int64_t added = 0;                      // instances
    int64_t newest = 0;                     // the newest instance that was added
    const LevelAttributes* from = nullptr;  // its attributes
    int64_t removed = 0;                    // the newest instance that was removed
  };
  struct Known {  // of a series that was written lately
    int64_t study = 0;
    int64_t series = 0;
  };
  struct Totals {
    int64_t studies = 0;
    int64_t series = 0;
    int64_t instances = 0;
    int64_t header_bytes = 0;
    int64_t blob_bytes = 0;
  };

  // What a transaction changes of one segment.
  struct SegmentState {
    int64_t live = 0;             // bytes more
    std::optional<uint64_t> end;  // the new one
  };

  struct Log {
    int64_t segment = 0;
    SyncedHeaders synced_headers;
  };

  IndexWriter() = default;
  base::Status MakeTables(Folder folder);
  base::Status LoadCounters();
  base::Result<Known> FindOrMakeSeries(int64_t store, const IncomingInstance& incoming);
  base::Status AddGarbage(RecordKind kind, const Place& place, size_t uid_bytes, int64_t number);
  base::Status LogChange(int64_t store, int64_t number, ChangeKind kind, int64_t time_us, const InstanceKey& key);
  base::Status SettleLevel(Level level, const LevelState& state);
  base::Status UpdateAttributes(Level level, int64_t row, const LevelAttributes& attributes);
  base::Status SaveTotals();
  void Reset();

  std::unique_ptr<Connection> connection_;
  ReadAttributes read_attributes_;
  std::optional<DatabaseTransaction> transaction_;
  std::optional<Durability> durability_;
  Log log_;
  Log new_log_;  // of this transaction
  int64_t next_id_ = 1;
  int64_t next_file_ = 1;
  std::array<std::string, 3> update_sql_;  // by Level

  std::map<int64_t, LevelState> series_;  // by row
  std::map<int64_t, LevelState> studies_;
  std::map<int64_t, Totals> totals_;                                // by store
  std::map<std::pair<RecordKind, int64_t>, SegmentState> touched_;  // segments
  std::set<std::pair<RecordKind, int64_t>> segments_;               // whose rows are there; of earlier transactions too
  std::map<std::pair<int64_t, std::string>, Known> known_;          // by store and "study/series"; of earlier transactions too
  std::map<std::pair<Level, int64_t>, std::string> written_;        // the members that a level's row has
};

}  // namespace dicomhouse::store
