#include "transfer/exporter.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/limits.h"
#include "dicom/tags.h"
#include "transfer/instance_set.h"
#include "transfer/internal/failure.h"
#include "transfer/internal/hashing_source.h"
#include "transfer/internal/row_log.h"
#include "transfer/internal/workers.h"

namespace dicomhouse::transfer {
namespace {

using mapping::Reason;
using mapping::RowTotals;

// Of a copy without a row, in the account.
constexpr std::string_view kHasRow = "another file with the same SOP Instance UID has the row";

// What is to be taken back when another copy gets the place of a row. Rows that have it in common share a number.
struct RowFacts {
  RowTotals totals;
  uint64_t lines = 0;  // in the account
};

// A row that a copy from further in front took the place of.
struct Loser {
  RowPlace place;
  std::string uid;
};

// What all workers share.
class Job {
 public:
  Job(Source& from, const ExportOptions& how, Destination& rows, Destination* account_rows, Progress& moving,
      const FailureSink& on_failure)
      : source(from),
        options(how),
        table(rows),
        account(account_rows),
        progress(moving),
        stop(from, moving, how.when_cancelled),
        on_failure_(on_failure) {}

  Source& source;
  const ExportOptions& options;
  Destination& table;
  Destination* account;
  Progress& progress;
  Stop stop;
  InstanceSet instances;

  uint32_t NumberOf(const RowFacts& facts) {
    const std::string key(reinterpret_cast<const char*>(&facts), sizeof facts);
    const std::lock_guard lock(mutex_);
    const auto [found, added] = numbers_.try_emplace(key, static_cast<uint32_t>(facts_.size()));
    if (added) facts_.push_back(facts);
    return found->second;
  }

  uint32_t NewPartNumber() { return next_part_.fetch_add(1); }
  base::Status PartWritten(uint32_t number, WrittenPart part, const PartRows& rows) {
    const std::lock_guard lock(mutex_);
    parts_.emplace(number, std::move(part));
    return rows_.Add(number, rows);
  }
  void AccountWritten(uint32_t number, WrittenPart part) {
    const std::lock_guard lock(mutex_);
    account_parts_.emplace(number, std::move(part));
  }
  void Remove(RowPlace place, const std::string& uid) {
    const std::lock_guard lock(mutex_);
    losers_.push_back({place, uid});
  }
  void SayFailure(const std::string& path, const std::string& text) {
    const std::lock_guard lock(failure_mutex_);
    if (on_failure_) on_failure_(path, text);
  }
  void Unite(const table::Batch& rows, const table::Batch& account_rows) {
    const std::lock_guard lock(mutex_);
    schema_.Add(rows);
    account_schema_.Add(account_rows);
  }
  void AddCounts(const ExportReport& part) {
    const std::lock_guard lock(mutex_);
    report.instances += part.instances;
    report.files += part.files;
    report.skipped += part.skipped;
    report.filtered += part.filtered;
    report.other_shards += part.other_shards;
    report.duplicates += part.duplicates;
    report.bytes_read += part.bytes_read;
    report.elements += part.elements;
    for (const auto& [reason, count] : part.failures) report.failures[reason] += count;
  }
  base::Result<ExportReport> Finish();

  ExportReport report;

 private:
  base::Status CountProblems();
  base::Status WriteLines(mapping::RowBuilder& lines);
  // Rows of the table and lines of the account.
  struct TakenBack {
    std::vector<RemovedRow> rows;
    std::vector<RemovedRow> lines;
  };
  base::Result<TakenBack> TakeBackLosers();
  void TakeBackRow(const Loser& loser, const RowFacts& facts, TakenBack& taken);
  base::Status TakeBackLines(std::span<const Loser> losers, const PartRows& rows, mapping::RowBuilder& lines, TakenBack& taken);
  base::Status Prepare(const TakenBack& taken);
  base::Status Publish();

  const FailureSink& on_failure_;
  std::mutex mutex_;
  std::mutex failure_mutex_;
  std::atomic<uint32_t> next_part_{0};
  std::map<std::string, uint32_t> numbers_;
  std::vector<RowFacts> facts_;
  std::map<uint32_t, WrittenPart> parts_;
  RowLog rows_;
  std::map<uint32_t, WrittenPart> account_parts_;
  std::vector<Loser> losers_;
  table::SchemaUnion schema_;
  table::SchemaUnion account_schema_;
};

base::Result<WrittenPart> WriteBatch(table::Batch& batch, Destination& destination) {
  batch.Close();
  DH_ASSIGN(Destination::NewFile file, destination.NewPart());
  DH_ASSIGN(table::Part part, table::Part::Write(batch, std::move(file.file), destination.times()));
  return WrittenPart{std::move(file.path), std::move(part)};
}

std::vector<WrittenPart> InOrder(std::map<uint32_t, WrittenPart>&& parts) {
  std::vector<WrittenPart> list;
  list.reserve(parts.size());
  for (auto& [number, part] : parts) list.push_back(std::move(part));
  return list;
}

// Lines of the account that no worker wrote. `lines` is empty then.
base::Status Job::WriteLines(mapping::RowBuilder& lines) {
  DH_ASSIGN(WrittenPart part, WriteBatch(lines.account(), *account));
  AccountWritten(NewPartNumber(), std::move(part));
  lines.Clear();
  return {};
}

// What the source could not list: files that failed, as those that could not be opened.
base::Status Job::CountProblems() {
  mapping::RowBuilder lines(options.mapping);
  for (const Source::Problem& problem : source.problems()) {
    ++report.files;
    if (!options.shard.Has(problem.path)) {
      ++report.other_shards;
      continue;
    }
    const Failure failure = FailureOf(problem.path, problem.error);
    ++report.failures[failure.reason];
    ++progress.failures;
    SayFailure(problem.path, failure.text);
    if (account == nullptr) continue;
    lines.AddFileNote(problem.path, "", Reason::kFile, 0, failure.text);
    if (lines.full()) DH_CHECK(WriteLines(lines));
  }
  if (lines.account().rows() > 0) DH_CHECK(WriteLines(lines));
  return {};
}

// The losers' rows, whose elements no longer count, and their lines in the account. Each has one line instead, as a copy that
// came too late.
base::Result<Job::TakenBack> Job::TakeBackLosers() {
  TakenBack taken;
  std::sort(losers_.begin(), losers_.end(), [](const Loser& a, const Loser& b) {
    return a.place.part != b.place.part ? a.place.part < b.place.part : a.place.row < b.place.row;
  });
  mapping::RowBuilder lines(options.mapping);
  for (auto begin = losers_.begin(); begin != losers_.end();) {
    const auto end =
        std::find_if(begin, losers_.end(), [&](const Loser& loser) { return loser.place.part != begin->place.part; });
    DH_ASSIGN(const PartRows rows, rows_.Get(begin->place.part));
    std::for_each(begin, end, [&](const Loser& loser) { TakeBackRow(loser, facts_[rows.facts[loser.place.row]], taken); });
    if (account != nullptr) DH_CHECK(TakeBackLines({begin, end}, rows, lines, taken));
    begin = end;
  }
  if (lines.account().rows() > 0) DH_CHECK(WriteLines(lines));
  return taken;
}

void Job::TakeBackRow(const Loser& loser, const RowFacts& facts, TakenBack& taken) {
  taken.rows.push_back({parts_.at(loser.place.part).path, loser.place.row});
  report.elements -= facts.totals;
  --report.instances;
}

// Of losers of one part, in the order of their rows.
base::Status Job::TakeBackLines(std::span<const Loser> losers, const PartRows& rows, mapping::RowBuilder& lines,
                                TakenBack& taken) {
  const uint32_t part = losers.front().place.part;
  base::Status written;
  rows.paths.ForEach([&](size_t row, const std::string& path) {
    if (losers.empty() || losers.front().place.row != row || !written.ok()) return;
    const uint64_t first = rows.first_lines[row];
    for (uint64_t line = first; line < first + facts_[rows.facts[row]].lines; ++line)
      taken.lines.push_back({account_parts_.at(part).path, static_cast<int64_t>(line)});
    lines.AddFileNote(path, losers.front().uid, Reason::kDuplicateInstance, 0, kHasRow);
    if (lines.full()) written = WriteLines(lines);
    losers = losers.subspan(1);
  });
  return written;
}

base::Result<ExportReport> Job::Finish() {
  DH_CHECK(stop.Outcome());
  if (report.elements.failed_balance != 0) {
    return base::Error{base::ErrorCode::kCorrupt,
                       "the account of " + std::to_string(report.elements.failed_balance) +
                           " instances does not balance; the table is as it was. This is a bug of dicomhouse: please report it"};
  }
  DH_CHECK(CountProblems());
  progress.committing = true;
  DH_ASSIGN(const TakenBack taken, TakeBackLosers());
  if (report.instances == 0 && !table.adds()) {
    // Questions about studies want their columns, and there are engines that take a table without a file for a broken one.
    mapping::RowBuilder names(options.mapping);
    names.AddNameColumns();
    schema_.Add(names.batch());
    DH_ASSIGN(WrittenPart part, WriteBatch(names.batch(), table));
    parts_.emplace(NewPartNumber(), std::move(part));
  }
  if (account != nullptr && account_parts_.empty() && !account->adds()) {
    mapping::RowBuilder lines(options.mapping);
    DH_CHECK(WriteLines(lines));
  }
  report.schema = schema_.Get();
  DH_CHECK(table::CheckNames(report.schema));
  const base::Status prepared = Prepare(taken);
  // What the user stopped fails in its own words, or does not fail at all.
  if (stop.requested()) DH_CHECK(stop.Outcome());
  DH_CHECK(prepared);
  DH_CHECK(Publish());
  report.table = table.Name();
  return report;
}

base::Status Job::Prepare(const TakenBack& taken) {
  if (account != nullptr) {
    for (const auto& [number, part] : account_parts_) report.account_lines += static_cast<uint64_t>(part.part.rows());
    report.account_lines -= taken.lines.size();
    DH_CHECK(account->Prepare(account_schema_.Get(), InOrder(std::move(account_parts_)), taken.lines, options.summary,
                              progress.cancelled));
  }
  return table.Prepare(report.schema, InOrder(std::move(parts_)), taken.rows, options.summary, progress.cancelled);
}

// The account, then the table: there is no table without its account. All that can be refused has been by now; if something is
// all the same (another writer was first), the account goes back to what it was (docs/decisions/0039-account-taken-back.md).
base::Status Job::Publish() {
  base::Status status;
  if (account != nullptr) {
    const auto accounted = account->Publish();
    if (!accounted.ok()) status = accounted.error();
  }
  if (status.ok()) {
    const auto columns = table.Publish();
    if (columns.ok()) {
      report.columns = *columns;
      return {};
    }
    status = columns.error();
  }
  base::Error error = status.error();
  if (error.code == base::ErrorCode::kCancelled) error.message = options.when_cancelled;
  if (account == nullptr || !account->published() || table.published()) return error;
  const base::Status back = account->TakeBack();
  if (!back.ok())
    error.message += ". The account " + account->Name() + " has the lines of this export all the same: " + back.error().message;
  return error;
}

// One thread's part of the job.
class Worker {
 public:
  explicit Worker(Job& job) : job_(&job), builder_(job.options.mapping), part_(job.NewPartNumber()) {
    reader_.HashLeftOut(job.options.mapping.bulk_sha256);
  }

  void Run() {
    Piece piece;
    while (!job_->stop.requested() && job_->source.Next(piece)) {
      for (size_t i = 0; i < piece.files.size() && !job_->stop.requested(); ++i) File(piece.files[i], piece.number << 32 | i);
      if (piece.archive != nullptr) Archive(*piece.archive, piece.number << 32);
      job_->progress.bytes += std::exchange(bytes_since_, 0);
    }
    if (!job_->stop.requested()) Seal();
    job_->Unite(builder_.batch(), builder_.account());
    job_->AddCounts(counts_);
  }

 private:
  void File(const std::string& path, uint64_t order) {
    auto file = opener_.Open(path);
    ++counts_.files;
    if (!file.ok()) {
      if (IsOurs(path)) Fail(path, FailureOf(path, file.error()));
      return;
    }
    dicom::FileSource source(*file);
    const dicom::ReadOutcome outcome = Read(source);
    mapping::SourceInfo info{path, 0, 0, sha256_};
    const auto& extra = job_->options.mapping.extra;
    if (extra.source_size || extra.source_modified) {
      if (auto facts = file->Facts(); facts.ok()) info = {path, facts->size_bytes, facts->modified_us, sha256_};
    }
    Instance(outcome, info, order);
  }

  // Entries are read one at a time under the archive's lock; what is read becomes a row outside of it.
  void Archive(ArchiveReader& archive, uint64_t order) {
    std::string name;
    while (!job_->stop.requested()) {
      dicom::ReadOutcome outcome = dicom::ReadOutcome::kNotDicom;
      mapping::SourceInfo info;
      uint64_t entry_order = 0;
      const auto more = archive.Next([&](ArchiveEntry& entry) {
        name = entry.name();
        outcome = Read(entry);
        info = {name, entry.size(), entry.modified_ns() / 1000, sha256_};
        entry_order = entry.number();
      });
      if (more.ok() && !*more) return;
      ++counts_.files;
      if (!more.ok()) {
        if (IsOurs(archive.name())) Fail(archive.name(), FailureOf(archive.name(), more.error()));
        continue;
      }
      Instance(outcome, info, order + entry_order);
    }
  }

  // Reads the instance, and the rest of its bytes if they are to be hashed: into sha256_.
  dicom::ReadOutcome Read(dicom::ByteSource& source) {
    if (!job_->options.mapping.extra.source_sha256) return reader_.Read(source, instance_);
    HashingSource hashed(source);
    const dicom::ReadOutcome outcome = reader_.Read(hashed, instance_);
    const auto digest = outcome == dicom::ReadOutcome::kInstance ? hashed.Finish() : std::nullopt;
    sha256_ = digest ? base::HexText(*digest) : "";
    hashed_bytes_ = hashed.bytes_read();
    return outcome;
  }

  // Whether this export counts what has the key; counted for another shard if not.
  bool IsOurs(std::string_view key) {
    if (job_->options.shard.Has(key)) return true;
    ++counts_.other_shards;
    return false;
  }

  void Instance(dicom::ReadOutcome outcome, const mapping::SourceInfo& info, uint64_t order) {
    ++job_->progress.files;
    const uint64_t bytes = std::max(instance_.window.bytes_read(), hashed_bytes_);
    counts_.bytes_read += bytes;
    bytes_since_ += bytes;
    if (outcome != dicom::ReadOutcome::kInstance && !IsOurs(info.path)) return;
    switch (outcome) {
      case dicom::ReadOutcome::kNotDicom:
      case dicom::ReadOutcome::kDirectory:
        ++counts_.skipped;
        return;
      case dicom::ReadOutcome::kFailed:
        Unreadable(info);
        return;
      case dicom::ReadOutcome::kInstance:
        Row(info, order);
        return;
    }
  }

  void Row(const mapping::SourceInfo& info, uint64_t order) {
    std::string_view uid = instance_.Text(dicom::kSopInstanceUidTag);
    if (uid.empty()) uid = instance_.Text(dicom::kMediaStorageSopInstanceUidTag);
    if (!IsOurs(uid.empty() ? info.path : uid)) return;
    if (job_->options.filter.active() && !job_->options.filter.Admits(instance_.Text(dicom::kStudyInstanceUidTag),
                                                                      instance_.Text(dicom::kSeriesInstanceUidTag), uid)) {
      ++counts_.filtered;
      return;
    }
    uid_.assign(uid);  // the builder takes the instance's memory
    const RowPlace place{part_, builder_.batch().rows()};
    // A damaged copy comes after all whole ones.
    if (IsDamaged()) order |= uint64_t{1} << 63;
    InstanceSet::Answer copy;
    if (!uid_.empty()) {
      const auto answer = job_->instances.Insert(uid_, order, place);
      if (!answer.ok()) return job_->stop.Fail(answer.error());
      copy = *answer;
    }
    const bool commit = copy.outcome != InstanceSet::Outcome::kDuplicate;
    const uint32_t first_line = builder_.account().rows();
    builder_.Add(instance_, info, commit);
    if (copy.outcome != InstanceSet::Outcome::kNew) ++counts_.duplicates;
    if (!commit) {
      builder_.AddFileNote(info.path, uid_, Reason::kDuplicateInstance, 0, kHasRow);
      return;
    }
    if (copy.outcome == InstanceSet::Outcome::kReplaces) job_->Remove(copy.removed, uid_);
    CountRow(info, first_line);
    if (builder_.full()) Seal();
  }

  bool IsDamaged() const {
    const auto& problems = instance_.problems;
    return std::any_of(problems.begin(), problems.end(), [](const dicom::Problem& problem) {
      return problem.code == dicom::ProblemCode::kTruncated || problem.code == dicom::ProblemCode::kReadError;
    });
  }

  void CountRow(const mapping::SourceInfo& info, uint32_t first_line) {
    const RowTotals& totals = builder_.row_totals();
    const uint64_t lines = builder_.account().rows() - first_line;
    if (rows_.facts.empty() || lines != last_facts_.lines || std::memcmp(&totals, &last_facts_.totals, sizeof totals) != 0) {
      last_facts_ = {totals, lines};
      last_number_ = job_->NumberOf(last_facts_);
    }
    rows_.facts.push_back(last_number_);
    if (job_->account != nullptr) {
      rows_.paths.Add(info.path);
      rows_.first_lines.push_back(first_line);
    }
    counts_.elements += totals;
    ++counts_.instances;
    ++job_->progress.instances;
  }

  void Unreadable(const mapping::SourceInfo& info) {
    const auto& problems = instance_.problems;
    const std::string path(info.path);
    if (instance_.window.error()) {
      Fail(path, FailureOf(path, *instance_.window.error()));
    } else if (problems.empty()) {
      Fail(path, {"no data element could be read", "no data element could be read"});
    } else {
      const dicom::Problem& last = problems.back();
      const std::string reason(dicom::ProblemText(last.code));
      const std::string tag = last.tag == 0 ? "" : "(" + mapping::TagText(last.tag) + ") ";
      Fail(path, {reason, reason}, last.offset, tag + "at byte " + std::to_string(last.offset) + ": ");
    }
  }

  // `place`: where in the file, for people.
  void Fail(const std::string& path, const Failure& failure, uint64_t offset = 0, const std::string& place = "") {
    ++counts_.failures[failure.reason];
    ++job_->progress.failures;
    builder_.AddFileNote(path, "", Reason::kFile, offset, failure.text);
    job_->SayFailure(path, place + failure.text);
  }

  // Writes the batches as parts and begins new ones.
  void Seal() {
    if (builder_.batch().rows() > 0) {
      auto part = WriteBatch(builder_.batch(), job_->table);
      if (!part.ok()) return job_->stop.Fail(part.error());
      const base::Status kept = job_->PartWritten(part_, *std::move(part), rows_);
      if (!kept.ok()) return job_->stop.Fail(kept.error());
      rows_.Clear();
    }
    if (job_->account != nullptr && builder_.account().rows() > 0) {
      auto part = WriteBatch(builder_.account(), *job_->account);
      if (!part.ok()) return job_->stop.Fail(part.error());
      job_->AccountWritten(part_, *std::move(part));
    }
    part_ = job_->NewPartNumber();
    builder_.Clear();
  }

  Job* job_;
  mapping::RowBuilder builder_;
  base::FileOpener opener_;
  dicom::InstanceReader reader_;
  dicom::Instance instance_;
  uint32_t part_;
  std::string uid_;
  std::string sha256_;         // of the source, if asked for
  uint64_t hashed_bytes_ = 0;  // of it
  PartRows rows_;              // of this part
  RowFacts last_facts_;
  uint32_t last_number_ = 0;
  ExportReport counts_;
  uint64_t bytes_since_ = 0;
};

}  // namespace

bool Shard::Has(std::string_view key) const {
  if (count <= 1) return true;
  uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char c : key) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211U;
  hash ^= hash >> 32;
  return (hash * 0x9e3779b97f4a7c15 >> 32) % count == number;
}

base::Result<ExportReport> Export(Source& source, const ExportOptions& options, Destination& table, Destination* account,
                                  Progress& progress, const FailureSink& on_failure) {
  Job job(source, options, table, account, progress, on_failure);
  RunWorkers<Worker>(job, options.threads);
  return job.Finish();
}

}  // namespace dicomhouse::transfer
