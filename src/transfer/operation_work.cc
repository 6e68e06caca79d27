// The work of exports and imports, as operations run it.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/text.h"
#include "transfer/exporter.h"
#include "transfer/filter.h"
#include "transfer/importer.h"
#include "transfer/internal/object_source.h"
#include "transfer/operations.h"
#include "transfer/store_source.h"

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using base::Result;
using base::Status;

// The text of an object that is read as a whole: gs://BUCKET/OBJECT.
Result<std::string> ReadObject(store::Objects& objects, const std::string& uri_text, uint64_t max_bytes) {
  DH_ASSIGN(const store::ObjectUri uri, store::ObjectUri::Parse(uri_text));
  DH_ASSIGN(const auto reader, objects.Read(uri.bucket, uri.object));
  if (reader->object().size > max_bytes) {
    return Error{ErrorCode::kLimit, uri_text + " has more than " + std::to_string(max_bytes) + " bytes (kMaxFilterBytes)"};
  }
  std::string text(reader->object().size, '\0');
  size_t used = 0;
  while (used < text.size()) {
    const std::span<uint8_t> rest(reinterpret_cast<uint8_t*>(text.data()) + used, text.size() - used);
    DH_ASSIGN(const size_t got, reader->ReadAt(used, rest));
    if (got == 0) break;
    used += got;
  }
  text.resize(used);
  return text;
}

Result<Filter> ReadFilter(store::Objects& objects, const std::string& uri) {
  if (uri.empty()) return Filter();
  DH_ASSIGN(const std::string text, ReadObject(objects, uri, base::kMaxFilterBytes));
  auto filter = Filter::Parse(text);
  if (!filter.ok()) return Error{filter.error().code, uri + ": " + filter.error().message};
  return filter;
}

Result<Json> RunTableExport(OperationContext& context, store::Store& store, const warehouse::Warehouse& warehouse,
                            const StoreExport& what, const warehouse::TableName& table, warehouse::Disposition disposition,
                            int threads) {
  const std::string name = what.dicom_store.name.Text();
  ExportOptions options;
  DH_ASSIGN(options.filter, ReadFilter(store.objects(), what.filter_uri));
  DH_ASSIGN(const auto destination, OpenTableDestination(warehouse, table, disposition));
  DH_ASSIGN(const auto account, OpenAccountDestination(warehouse, table, disposition));
  DH_ASSIGN(auto snapshot, store.instances().TakeSnapshot(what.dicom_store.id));
  context.expected() = static_cast<int64_t>(snapshot->instances());
  const auto source = MakeStoreSource(std::move(snapshot), name + "/dicomWeb");
  options.threads = threads;
  options.summary = {{"dicomhouse.profile", "google"}, {"dicomhouse.store", name}};
  const auto report = Export(*source, options, *destination, account.get(), context.progress(),
                             [&](const std::string& path, const std::string& text) {
                               context.LogFailure(path, {ErrorCode::kCorrupt, text});
                             });
  if (!report.ok()) return report.error();
  return Json();
}

// Writes instances of a store as objects.
class ObjectExport {
 public:
  ObjectExport(OperationContext& context, store::Store& store, const store::ObjectUri& to)
      : context_(&context), store_(&store), to_(to), buffer_(size_t{1} << 20) {
    if (!to_.object.empty() && !to_.object.ends_with('/')) to_.object += '/';
  }

  Result<Json> Run(const StoreExport& what) {
    DH_ASSIGN(const Filter filter, ReadFilter(store_->objects(), what.filter_uri));
    DH_ASSIGN(const store::Bucket bucket, store_->objects().GetBucket(to_.bucket));
    DH_ASSIGN(const auto snapshot, store_->instances().TakeSnapshot(what.dicom_store.id));
    context_->expected() = static_cast<int64_t>(snapshot->instances());
    Progress& progress = context_->progress();
    while (true) {
      DH_ASSIGN(const std::vector<store::Snapshot::Entry> entries, snapshot->Next(kEntries));
      if (entries.empty()) return Json();
      for (const store::Snapshot::Entry& entry : entries) {
        if (progress.cancelled) return Error{ErrorCode::kCancelled, "stopped before the end: what was written until then stays"};
        const store::InstanceKey& key = entry.info.key;
        if (filter.Admits(key.study, key.series, key.instance)) One(what, *snapshot, entry);
        ++progress.files;
      }
    }
  }

 private:
  static constexpr size_t kEntries = 256;

  void One(const StoreExport& what, store::Snapshot& snapshot, const store::Snapshot::Entry& entry) {
    const store::InstanceKey& key = entry.info.key;
    if (const Status done = Write(snapshot, entry); !done.ok()) {
      ++context_->progress().failures;
      context_->LogFailure(what.dicom_store.name.Text() + "/dicomWeb/studies/" + key.study + "/series/" + key.series +
                               "/instances/" + key.instance,
                           done.error());
      return;
    }
    ++context_->progress().instances;
  }

  Status Write(store::Snapshot& snapshot, const store::Snapshot::Entry& entry) {
    DH_ASSIGN(const auto blob, snapshot.OpenBlob(entry));
    store::Object object;
    object.bucket = to_.bucket;
    const store::InstanceKey& key = entry.info.key;
    object.name = to_.object + key.study + "/" + key.series + "/" + key.instance + ".dcm";
    object.content_type = "application/dicom";
    DH_ASSIGN(const auto writer, store_->objects().Write(object));
    uint64_t at = 0;
    while (at < blob->size()) {
      DH_ASSIGN(const size_t got, blob->ReadAt(at, buffer_));
      if (got == 0) return Error{ErrorCode::kCorrupt, "the stored instance ends early"};
      DH_CHECK(writer->Append(std::span(buffer_).first(got)));
      at += got;
    }
    DH_ASSIGN(const store::Object written, writer->Finish(std::nullopt));
    context_->progress().bytes += at;
    return {};
  }

  OperationContext* context_;
  store::Store* store_;
  store::ObjectUri to_;
  std::vector<uint8_t> buffer_;
};

Result<Json> RunImport(OperationContext& context, store::Store& store, const store::DicomStore& into,
                       const store::ObjectUri& from, int threads) {
  DH_ASSIGN(store::ObjectPattern pattern, store::ObjectPattern::MakeForImport(from.object));
  DH_ASSIGN(const store::Bucket bucket, store.objects().GetBucket(from.bucket));
  const auto source = MakeObjectSource(store.objects(), from.bucket, std::move(pattern), context.expected());
  ImportOptions options;
  options.threads = threads;
  options.only_dicom = true;
  options.on_conflict = [&](const std::string& path, const std::string& text) {
    context.LogWarning(path, {ErrorCode::kAlreadyExists, text + "; the imported ones were left out"});
  };
  DH_ASSIGN(const ImportReport report, Import(*source, store.instances(), into.id, options, context.progress(),
                                              [&](const std::string& path, const std::string& text) {
                                                context.LogFailure(path, {ErrorCode::kInvalidArgument, text});
                                              }));
  for (const Source::Problem& problem : source->problems()) return problem.error;
  if (source->files_found() == 0) return Error{ErrorCode::kNotFound, "no object matches " + from.Text()};
  if (report.failed > 0) {
    return Error{ErrorCode::kInvalidArgument, std::to_string(report.failed) + " of " + std::to_string(report.files) + " " +
                                                  base::Plural(report.files, "file") +
                                                  " could not be imported; the operation's log has the reason for each"};
  }
  return Json();
}

}  // namespace

OperationWork ExportToTable(store::Store& store, const warehouse::Warehouse& warehouse, StoreExport what,
                            warehouse::TableName table, warehouse::Disposition disposition, int threads) {
  return [&store, &warehouse, what = std::move(what), table = std::move(table), disposition, threads](OperationContext& context) {
    return RunTableExport(context, store, warehouse, what, table, disposition, threads);
  };
}

OperationWork ExportToObjects(store::Store& store, StoreExport what, store::ObjectUri prefix) {
  return [&store, what = std::move(what), prefix = std::move(prefix)](OperationContext& context) {
    return ObjectExport(context, store, prefix).Run(what);
  };
}

OperationWork ImportFromObjects(store::Store& store, store::DicomStore into, store::ObjectUri from, int threads) {
  return [&store, into = std::move(into), from = std::move(from), threads](OperationContext& context) {
    return RunImport(context, store, into, from, threads);
  };
}

}  // namespace dicomhouse::transfer
