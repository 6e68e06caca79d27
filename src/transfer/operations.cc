#include "transfer/operations.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/limits.h"

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

constexpr std::array<std::pair<ErrorCode, std::string_view>, 10> kCodes = {{
    {ErrorCode::kInvalidArgument, "INVALID_ARGUMENT"},
    {ErrorCode::kNotFound, "NOT_FOUND"},
    {ErrorCode::kAlreadyExists, "ALREADY_EXISTS"},
    {ErrorCode::kFailedPrecondition, "FAILED_PRECONDITION"},
    {ErrorCode::kConflict, "ABORTED"},
    {ErrorCode::kCancelled, "CANCELLED"},
    {ErrorCode::kIo, "INTERNAL"},
    {ErrorCode::kCorrupt, "DATA_LOSS"},
    {ErrorCode::kLimit, "OUT_OF_RANGE"},
    {ErrorCode::kUnsupported, "UNIMPLEMENTED"},
}};

int64_t NowUs() {
  using std::chrono::duration_cast;
  return duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Json ErrorJson(const Error& error) {
  Json json = Json::MakeObject();
  json.Set("code", CodeText(error.code)).Set("message", error.message);
  return json;
}

Json StateJson(const OperationState& state) {
  Json json = Json::MakeObject();
  json.Set("method", state.method).Set("apiVersion", state.api_version).Set("log", state.log);
  if (state.dicom_store) json.Set("dicomStore", state.dicom_store->Text());
  json.Set("createTimeUs", state.create_time_us).Set("endTimeUs", state.end_time_us);
  json.Set("success", state.success).Set("failure", state.failure).Set("pending", state.pending);
  json.Set("cancelRequested", state.cancel_requested);
  if (state.error) json.Set("error", ErrorJson(*state.error));
  return json.Set("response", state.response);
}

OperationState StateOf(const store::OperationRecord& record) {
  const Json& json = record.document;
  OperationState state;
  state.id = record.id;
  state.dataset = record.dataset;
  state.method = json["method"].as_string();
  state.api_version = json["apiVersion"].as_string();
  state.log = json["log"].as_string();
  const auto dicom_store = store::DicomStoreName::Parse(json["dicomStore"].as_string());
  if (dicom_store.ok()) state.dicom_store = *dicom_store;
  state.create_time_us = json["createTimeUs"].as_int();
  state.end_time_us = json["endTimeUs"].as_int();
  state.success = json["success"].as_int();
  state.failure = json["failure"].as_int();
  state.pending = json["pending"].as_int();
  state.cancel_requested = json["cancelRequested"].as_bool();
  state.done = record.done;
  if (const Json* error = json.find("error"); error != nullptr) {
    state.error = Error{CodeOfText((*error)["code"].as_string()), (*error)["message"].as_string()};
  }
  state.response = json["response"];
  return state;
}

Status Put(store::Catalog& catalog, const OperationState& state) {
  return catalog.PutOperation({state.id, state.dataset, state.done, StateJson(state)});
}

// A line of an operation's log. `source`: what it is about.
store::LogEntry EntryOf(const OperationState& state, const char* severity, const std::string& source, const Error& error) {
  store::LogEntry entry;
  entry.timestamp_us = NowUs();
  entry.project = state.dataset.project;
  entry.log = state.log;
  entry.operation = state.id;
  entry.severity = severity;
  entry.document = Json::MakeObject();
  entry.document.Set("dataset", state.dataset.Text());
  if (state.dicom_store) entry.document.Set("dicomStore", state.dicom_store->Text());
  entry.document.Set("method", state.method).Set("source", source).Set("error", ErrorJson(error));
  return entry;
}

// The line for the failure of all of an operation: who reads only the log must not believe that nothing failed. What somebody
// cancelled is no fault.
std::vector<store::LogEntry> EntriesOfEnd(const OperationState& state) {
  if (!state.error || state.log.empty()) return {};
  const char* const severity = state.error->code == ErrorCode::kCancelled ? "WARNING" : "ERROR";
  return {EntryOf(state, severity, state.dicom_store ? state.dicom_store->Text() : state.dataset.Text(), *state.error)};
}

// One operation while it waits or runs.
class Task final : public OperationContext {
 public:
  Task(store::Catalog& catalog, Operations::Description described, OperationState begun, OperationWork to_do)
      : description(std::move(described)), work(std::move(to_do)), catalog_(&catalog), id_(begun.id), state_(std::move(begun)) {}

  const Operations::Description description;
  OperationWork work;
  std::atomic<bool> cancel_requested = false;  // by somebody, not by the end of the program

  const std::string& id() const override { return id_; }
  Progress& progress() override { return progress_; }
  std::atomic<int64_t>& expected() override { return expected_; }
  void LogFailure(const std::string& source, const Error& error) override { Log("ERROR", source, error); }
  void LogWarning(const std::string& source, const Error& error) override { Log("WARNING", source, error); }

  OperationState State() {
    const std::lock_guard lock(mutex_);
    OperationState state = state_;
    if (!state.done) Count(state);
    return state;
  }

  // The last state, which nobody sees before it is written and Publish is called: an end that was seen stays the end, also
  // after a crash. The log is written first: who sees the end sees all of it.
  OperationState Finish(Result<Json> outcome) {
    const std::lock_guard lock(mutex_);
    OperationState state = state_;
    Count(state);
    state.pending = 0;
    state.end_time_us = NowUs();
    state.done = true;
    if (outcome.ok()) {
      state.response = *std::move(outcome);
    } else {
      state.error = outcome.error();
    }
    for (store::LogEntry& entry : EntriesOfEnd(state)) log_.push_back(std::move(entry));
    FlushLog();
    return state;
  }
  void Publish(OperationState state) {
    const std::lock_guard lock(mutex_);
    state_ = std::move(state);
  }

 private:
  void Count(OperationState& state) {
    const auto files = static_cast<int64_t>(progress_.files.load());
    state.success = static_cast<int64_t>(progress_.instances.load());
    state.failure = static_cast<int64_t>(progress_.failures.load());
    state.pending = std::max<int64_t>(0, expected_.load() - std::max(files, state.success + state.failure));
    state.cancel_requested = cancel_requested;
  }

  void Log(const char* severity, const std::string& source, const Error& error) {
    const std::lock_guard lock(mutex_);
    store::LogEntry entry = EntryOf(state_, severity, source, error);
    const bool old = !log_.empty() && entry.timestamp_us - log_.front().timestamp_us > 1'000'000;
    log_.push_back(std::move(entry));
    if (old || log_.size() >= base::kMaxLogGroup) FlushLog();
  }

  // A log that can't be written does not end the work: its counters tell of the failures.
  void FlushLog() {
    (void)catalog_->AppendLog(log_);
    log_.clear();
  }

  store::Catalog* catalog_;
  const std::string id_;
  Progress progress_;
  std::atomic<int64_t> expected_ = 0;
  std::mutex mutex_;  // of all that follows
  OperationState state_;
  std::vector<store::LogEntry> log_;
};

class Pool final : public Operations {
 public:
  Pool(store::Catalog& catalog, int threads) : catalog_(&catalog) {
    for (int i = 0; i < std::max(1, threads); ++i) threads_.emplace_back([this] { Run(); });
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  ~Pool() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const auto& [id, task] : tasks_) task->progress().cancelled = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    // What never began, and what could not be written at its end.
    for (const auto& [id, task] : tasks_) {
      const OperationState state = task->State();
      (void)Put(*catalog_, state.done ? state : task->Finish(Stopped()));
    }
  }

  Result<OperationState> Begin(const Description& description, OperationWork work) override {
    auto task = std::make_shared<Task>(*catalog_, description, NewState(description), std::move(work));
    const OperationState state = task->State();
    DH_CHECK(Put(*catalog_, state));
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) task->progress().cancelled = true;
      tasks_.emplace(state.id, task);
      queue_.push_back(std::move(task));
    }
    wake_.notify_one();
    return state;
  }

  Result<OperationState> Record(const Description& description, Result<Json> outcome) override {
    Task task(*catalog_, description, NewState(description), nullptr);
    const OperationState state = task.Finish(std::move(outcome));
    DH_CHECK(Put(*catalog_, state));
    return state;
  }

  Result<OperationState> Get(const store::DatasetName& dataset, const std::string& id) override {
    if (const auto task = Find(dataset, id)) return task->State();
    DH_ASSIGN(const store::OperationRecord record, catalog_->GetOperation(dataset, id));
    return StateOf(record);
  }

  Result<store::Page<OperationState>> List(const store::DatasetName& dataset, const store::PageRequest& request) override {
    DH_ASSIGN(const store::Page<store::OperationRecord> page, catalog_->ListOperations(dataset, request));
    store::Page<OperationState> states;
    states.next = page.next;
    for (const store::OperationRecord& record : page.items) {
      const auto task = record.done ? nullptr : Find(dataset, record.id);
      if (task != nullptr || record.done) {
        states.items.push_back(task != nullptr ? task->State() : StateOf(record));
        continue;
      }
      // It ended between the two questions.
      auto again = catalog_->GetOperation(dataset, record.id);
      if (again.ok()) states.items.push_back(StateOf(*again));
    }
    return states;
  }

  Status Cancel(const store::DatasetName& dataset, const std::string& id) override {
    const auto task = Find(dataset, id);
    if (task == nullptr) {
      DH_ASSIGN(const store::OperationRecord record, catalog_->GetOperation(dataset, id));
      return {};
    }
    CancelTask(task);
    return {};
  }

  void CancelAll(const store::DatasetName& dataset, const std::optional<store::DicomStoreName>& dicom_store) override {
    std::vector<std::shared_ptr<Task>> found;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, task] : tasks_) {
        const bool meant = !dicom_store || task->description.dicom_store == dicom_store;
        if (task->description.dataset == dataset && meant) found.push_back(task);
      }
    }
    for (const auto& task : found) CancelTask(task);
  }

 private:
  OperationState NewState(const Description& description) {
    OperationState state;
    state.id = catalog_->NewOperationId();
    state.dataset = description.dataset;
    state.method = description.method;
    state.api_version = description.api_version;
    state.log = description.log;
    state.dicom_store = description.dicom_store;
    state.create_time_us = NowUs();
    return state;
  }

  static Error Stopped() { return {ErrorCode::kConflict, "the server was stopped before the operation's end; start it again"}; }
  static Error Cancelled() { return {ErrorCode::kCancelled, "the operation was cancelled"}; }

  std::shared_ptr<Task> Find(const store::DatasetName& dataset, const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = tasks_.find(id);
    return found == tasks_.end() || !(found->second->description.dataset == dataset) ? nullptr : found->second;
  }

  void CancelTask(const std::shared_ptr<Task>& task) {
    task->cancel_requested = true;
    task->progress().cancelled = true;
    {
      const std::lock_guard lock(mutex_);
      const auto waiting = std::find(queue_.begin(), queue_.end(), task);
      if (waiting == queue_.end()) return;  // its thread ends it
      queue_.erase(waiting);
    }
    End(*task, Cancelled());
  }

  void Run() {
    while (true) {
      std::shared_ptr<Task> task;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        task = std::move(queue_.front());
        queue_.pop_front();
      }
      auto outcome = task->progress().cancelled ? Result<Json>(Cancelled()) : task->work(*task);
      if (!outcome.ok() && outcome.error().code == ErrorCode::kCancelled && !task->cancel_requested) outcome = Stopped();
      task->work = nullptr;  // what it holds is not needed longer
      End(*task, std::move(outcome));
    }
  }

  // One whose dataset has gone is forgotten; one that can't be written stays in memory, and is tried again at the end.
  void End(Task& task, Result<Json> outcome) {
    OperationState state = task.Finish(std::move(outcome));
    const Status written = Put(*catalog_, state);
    task.Publish(std::move(state));
    if (!written.ok() && written.error().code != ErrorCode::kNotFound) return;
    const std::lock_guard lock(mutex_);
    tasks_.erase(task.id());
  }

  store::Catalog* catalog_;
  std::mutex mutex_;  // of all that follows but the threads
  std::condition_variable wake_;
  bool stopping_ = false;
  std::map<std::string, std::shared_ptr<Task>> tasks_;  // all that are not done, by id
  std::deque<std::shared_ptr<Task>> queue_;
  std::vector<std::thread> threads_;
};

// What the last run of the program left undone.
Status FailUnfinished(store::Catalog& catalog) {
  DH_ASSIGN(const std::vector<store::OperationRecord> records, catalog.UnfinishedOperations());
  for (const store::OperationRecord& record : records) {
    OperationState state = StateOf(record);
    state.done = true;
    state.end_time_us = NowUs();
    state.error = Error{ErrorCode::kConflict, "the server ended before the operation did; start it again"};
    DH_CHECK(catalog.AppendLog(EntriesOfEnd(state)));
    DH_CHECK(Put(catalog, state));
  }
  return {};
}

}  // namespace

std::string_view CodeText(ErrorCode code) {
  const auto found = std::find_if(kCodes.begin(), kCodes.end(), [&](const auto& pair) { return pair.first == code; });
  return found == kCodes.end() ? "INTERNAL" : found->second;
}

ErrorCode CodeOfText(std::string_view text) {
  const auto found = std::find_if(kCodes.begin(), kCodes.end(), [&](const auto& pair) { return pair.second == text; });
  return found == kCodes.end() ? ErrorCode::kIo : found->first;
}

Result<std::unique_ptr<Operations>> Operations::Start(store::Store& store, Options options) {
  DH_CHECK(FailUnfinished(store.catalog()));
  return std::unique_ptr<Operations>(std::make_unique<Pool>(store.catalog(), options.threads));
}

}  // namespace dicomhouse::transfer
