// The Instances that there are. One class over several files: recovery.cc (opening), instances.cc (writing, reading), search.cc,
// snapshot.cc, verify.cc, rebuild.cc.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "store/instances.h"
#include "store/internal/header_bytes.h"
#include "store/internal/index.h"
#include "store/internal/page_ends.h"
#include "store/internal/pins.h"
#include "store/internal/segment.h"

namespace dicomhouse::store {

inline constexpr std::string_view kSpillSuffix = ".part";
inline constexpr std::string_view kLargeSuffix = ".dcm";
inline constexpr std::string_view kSegmentSuffix = ".seg";
inline constexpr std::string_view kHeaderSuffix = ".hdr";
inline constexpr std::string_view kSegmentsFolder = "segments";
inline constexpr std::string_view kHeadersFolder = "headers";
inline constexpr std::string_view kLargeFolder = "large";
inline constexpr std::string_view kIndexName = "index.sqlite";

// Microseconds since 1970.
int64_t NowUs();

class StoredInstances final : public Instances {
 public:
  StoredInstances(const std::string& folder, base::FileSystem& files, std::string_view index_name = kIndexName);
  ~StoredInstances() override;
  // One of these two, once.
  base::Status Start();
  // Makes the index from the segments: it must not be there. Nothing else in the folder changes but header segments that come to
  // the others. rebuild.cc
  base::Result<RebuiltIndex> Rebuild(const RebuildProgress& progress);

  base::Result<std::unique_ptr<Incoming>> Begin(int64_t store) override;
  base::Result<std::vector<Stored>> Commit(std::span<const std::unique_ptr<Incoming>> incoming, OnExisting on_existing) override;

  base::Result<InstanceInfo> Find(int64_t store, const InstanceKey& key) override;
  base::Result<std::vector<InstanceInfo>> List(int64_t store, const std::string& study, const std::string& series, int64_t after,
                                               size_t limit) override;
  base::Result<std::unique_ptr<Blob>> OpenBlob(const InstanceInfo& info) override;
  base::Result<std::unique_ptr<dicom::ByteSource>> OpenHeader(const InstanceInfo& info) override;

  base::Result<std::vector<Match>> Find(int64_t store, const Search& search) override;

  base::Result<int64_t> Delete(int64_t store, const InstanceKey& key) override;
  base::Status DeleteStore(int64_t store) override;
  base::Result<std::vector<int64_t>> Stores() override;

  base::Result<StoreMetrics> Metrics(int64_t store) override;
  base::Result<StoreMetrics> Metrics(int64_t store, const InstanceKey& key) override;
  base::Result<std::unique_ptr<Snapshot>> TakeSnapshot(int64_t store) override;
  base::Result<std::vector<Change>> Changes(int64_t store, int64_t after, size_t limit) override;
  using Report = std::function<void(const std::string& line)>;
  base::Result<int64_t> Verify(const Report& report) override;
  const std::vector<std::string>& opening_notes() const override { return notes_; }

  // For what is read under a pin that is held already.
  using PinPointer = std::shared_ptr<Pins::Pin>;
  base::Result<std::unique_ptr<Blob>> OpenBlobAt(const Place& place, PinPointer pin);
  base::Result<std::unique_ptr<dicom::ByteSource>> OpenHeaderAt(const Place& header, const Place& blob, size_t uid_bytes,
                                                                const PinPointer& pin);
  // A snapshot has gone: gives back what only it may have read.
  void SpaceMayHaveBecomeFree();

 private:
  class Searcher;
  // A change that waits for its group.
  struct Request {
    std::function<base::Status()> apply;  // by the thread that leads, inside of the transaction. kNotFound: nothing changed
    uint64_t bytes = 0;
    bool syncs_index = false;  // it is not all in the log segment
    base::Status status;
    bool done = false;
  };
  // A file of its own that came to its place in this group.
  struct Arrived {
    IncomingInstance* incoming;
    Place place;
  };

  // A record of the log segment that the index has not seen.
  struct Unindexed {
    RecordHeader header;
    Place place;
  };
  class LogReader;
  // What a stop of the machine left of the newest files.
  struct Tails {
    std::vector<Unindexed> unindexed;         // in the order of their ids
    int64_t last_id = 0;                      // groups in the log say that they are whole up to here
    std::vector<InstanceRow> without_header;  // in the order of their ids
    std::map<int64_t, uint64_t> header_ends;  // of the segments that may have lost some: where the first of them began
    SegmentRow instances;                     // the newest of its kind, `end` behind the last record that counts
    SegmentRow headers;
  };

  std::string LargePath(int64_t number) const;
  base::Result<Tails> FindTails(const std::vector<SegmentRow>& segments);
  base::Status FindUnindexed(Tails& tails);
  base::Status FindUnindexedFiles(Tails& tails);
  using LargeFiles = std::multimap<std::string, int64_t>;  // by SOP Instance UID: numbers
  base::Result<LargeFiles> LargeFilesFrom(int64_t number);
  base::Status MatchFiles(int64_t header_segment, uint64_t begin, LargeFiles& files, std::vector<Unindexed>& found);
  base::Status OpenIndex();
  IndexWriter::ReadAttributes AttributesReader();
  base::Status FindUnsyncedHeaders(const std::vector<SegmentRow>& segments, Tails& tails);
  base::Status CutSegments(const std::vector<SegmentRow>& rows, const Tails& tails);
  base::Status RemoveUnknownSegments(const SegmentFiles& segments, const std::vector<SegmentRow>& known, RecordKind kind);
  base::Status RemoveLeftovers(const Tails& tails);
  base::Status RemakeHeaders(const Tails& tails);
  base::Status RemakeHeader(const InstanceRow& row);
  base::Status IndexRecords(const std::vector<Unindexed>& records);
  base::Result<std::unique_ptr<IncomingInstance>> ReadAgain(const Unindexed& record);

  class Rebuilder;
  base::Status SetSegmentEnd(int64_t number, uint64_t end);

  base::Status Submit(Request& request);
  base::Status SyncIndex();
  std::vector<Request*> TakeGroup();
  bool SyncsIndex(std::span<Request* const> group) const;
  void RunGroup(std::span<Request* const> group);
  void UndoGroup(bool committing);
  SyncedHeaders SyncedNow() const;  // after a sync of the header bytes
  base::Status ApplyGroup(std::span<Request* const> group, bool& committing);
  base::Status CommitOne(IncomingInstance& incoming, OnExisting on_existing, Stored& outcome);
  base::Status InsertOne(int64_t id, ChangeKind kind, int64_t now, const IncomingInstance& incoming, const Place& blob);
  base::Result<Place> PlaceBytes(int64_t id, IncomingInstance& incoming);

  base::Status VerifySegments(Connection& reader, const Report& report);
  base::Status VerifyInstance(const InstanceRow& row, const PinPointer& pin);

  // Rows have gone: of what they referred to the space may be given back.
  void AfterRemoving();
  void Reclaim();
  base::Result<bool> ReclaimSome();
  base::Status GiveBack(const Garbage& garbage);

  base::FileSystem* files_;
  std::string folder_;
  std::string index_path_;
  std::string large_folder_;
  SegmentFiles instances_;
  SegmentFiles headers_;
  ReadPool readers_;
  Pins pins_;
  PageEnds page_ends_;
  std::atomic<uint64_t> next_spill_{1};
  std::atomic<bool> garbage_{false};       // there may be some that nobody reads
  std::atomic<bool> held_back_{false};     // there may be some that somebody reads
  std::atomic<bool> index_behind_{false};  // the index on the disk may be, of what the log segment has
  std::mutex reclaim_mutex_;

  std::mutex queue_mutex_;
  std::condition_variable group_done_;
  std::deque<Request*> queue_;
  bool leading_ = false;

  // Of the thread that leads.
  std::unique_ptr<IndexWriter> index_;
  SegmentWriter instance_writer_;
  SegmentWriter header_writer_;
  std::vector<Arrived> arrived_;
  std::vector<Place> orphans_;  // files of groups that failed: garbage as soon as there is a group
  std::vector<std::string> notes_;
  uint64_t indexed_end_ = 0;       // of the log segment, in the index as it is on the disk
  bool headers_doubtful_ = false;  // some of groups that count were not synced, and will not be
};

}  // namespace dicomhouse::store
