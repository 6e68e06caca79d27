#include "store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

namespace dicomhouse::store {
namespace {

constexpr std::string_view kFormat = "dicomhouse data 1\n";
constexpr uint64_t kMaxFormatBytes = 64;

// The descriptor that holds the lock.
base::Result<int> Lock(const std::string& folder) {
  const std::string path = base::JoinPath(folder, "lock");
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return base::Error{base::ErrorCode::kIo, path + ": " + std::strerror(errno)};
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  const int reason = errno;
  ::close(lock);
  if (reason == EWOULDBLOCK) {
    return base::Error{base::ErrorCode::kConflict, folder + ": another dicomhouse has this data folder open; stop it first"};
  }
  return base::Error{base::ErrorCode::kIo, path + ": " + std::strerror(reason)};
}

// Patients' data are nobody else's: a folder that is made here is its owner's alone, and so is all in it. One that was there has
// the mode that somebody chose for it.
base::Status MakeDataFolder(const std::string& folder, base::FileSystem& files) {
  if (files.Exists(folder)) return {};
  DH_CHECK(files.MakeFolders(folder));
  std::error_code code;
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, code);
  if (code) return base::Error{base::ErrorCode::kIo, folder + ": can't set its mode to 0700: " + code.message()};
  return {};
}

// Makes the folder ours, or says why it can't be.
base::Status CheckFormat(const std::string& folder, base::FileSystem& files) {
  const std::string path = base::JoinPath(folder, "format");
  const auto format = files.ReadAll(path, kMaxFormatBytes);
  if (format.ok() && *format == kFormat) return {};
  if (format.ok() && format->starts_with("dicomhouse data ")) {
    return base::Error{base::ErrorCode::kUnsupported,
                       path + ": '" + format->substr(0, format->find('\n')) +
                           "' was written by another version of dicomhouse; this one reads format 1"};
  }
  if (format.ok() || format.error().code != base::ErrorCode::kNotFound) {
    return base::Error{base::ErrorCode::kFailedPrecondition, path + " is not the format file of a data folder"};
  }
  DH_ASSIGN(std::vector<std::string> names, files.List(folder));
  std::erase_if(names, [](const std::string& name) { return name == "lock"; });
  if (!names.empty()) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       folder + " is no data folder of dicomhouse, and has other things in it (" + names.front() +
                           "): give an empty or new folder"};
  }
  DH_CHECK(base::WriteFileDurably(files, path, kFormat));
  return files.SyncFolder(folder);
}

constexpr const char* kSqliteSuffixes[] = {"", "-wal", "-shm"};

std::string CatalogPath(const std::string& folder) { return base::JoinPath(folder, "catalog.sqlite"); }

base::Error Unusable(const std::string& folder, const std::string& what) {
  return {base::ErrorCode::kCorrupt, what +
                                         ". Nothing was changed. Put its newest copy back, or have what is missing made again: "
                                         "dicomhouse store rebuild --data " +
                                         folder};
}

bool IsNothing(base::FileSystem& files, const std::string& path) {
  const auto size = files.Size(path);
  return !size.ok() || *size == 0;
}

// A catalog that is not there is made anew only in a new folder: its instances would belong to nobody.
base::Result<std::unique_ptr<Catalog>> OpenCatalog(const std::string& folder, base::FileSystem& files) {
  const std::string path = CatalogPath(folder);
  const bool is_new = IsNothing(files, path);
  if (is_new && !IsNothing(files, base::JoinPath(folder, "index.sqlite"))) {
    DH_ASSIGN(const bool has_instances, HasInstances(folder, files));
    if (has_instances) return Unusable(folder, path + " is missing or empty, and instances are there");
  }
  auto catalog = Catalog::Open(path);
  if (!catalog.ok() && catalog.error().code == base::ErrorCode::kCorrupt) return Unusable(folder, catalog.error().message);
  return catalog;
}

// Stores that have instances and that the catalog does not know.
base::Result<std::vector<int64_t>> UnknownStores(Catalog& catalog, Instances& instances) {
  DH_ASSIGN(const std::vector<DicomStore> known, catalog.AllDicomStores());
  std::set<int64_t> ids;
  for (const DicomStore& store : known) ids.insert(store.id);
  DH_ASSIGN(std::vector<int64_t> stores, instances.Stores());
  std::erase_if(stores, [&](int64_t id) { return ids.contains(id); });
  return stores;
}

// What a crash between the deletion of a store and that of its instances has left.
base::Status RemoveDeletedStores(Catalog& catalog, Instances& instances) {
  DH_ASSIGN(const std::vector<int64_t> deleted, catalog.DeletedStores());
  for (const int64_t id : deleted) {
    DH_CHECK(instances.DeleteStore(id));
    DH_CHECK(catalog.ForgetDeletedStore(id));
  }
  return {};
}

// Its ids would be given to other stores.
base::Status CheckCatalog(const std::string& folder, Catalog& catalog, Instances& instances) {
  DH_ASSIGN(const std::vector<int64_t> unknown, UnknownStores(catalog, instances));
  if (unknown.empty()) return {};
  return Unusable(folder, CatalogPath(folder) + " is older than the instances: it does not know " +
                              std::to_string(unknown.size()) + " of the DICOM stores that have some");
}

// A database that can't be used goes aside.
base::Status PutAside(const std::string& path, base::FileSystem& files) {
  for (const char* suffix : kSqliteSuffixes) {
    DH_CHECK(files.Remove(path + ".old" + suffix));
    if (files.Exists(path + suffix)) DH_CHECK(files.Rename(path + suffix, path + ".old" + suffix));
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Store>> Store::Open(const std::string& folder, base::FileSystem& files) {
  DH_CHECK(MakeDataFolder(folder, files));
  std::unique_ptr<Store> store(new Store);
  store->folder_ = folder;
  DH_ASSIGN(store->lock_, Lock(folder));
  DH_CHECK(CheckFormat(folder, files));
  DH_ASSIGN(store->catalog_, OpenCatalog(folder, files));
  DH_ASSIGN(store->instances_, Instances::Open(folder, files));
  DH_CHECK(RemoveDeletedStores(*store->catalog_, *store->instances_));
  DH_CHECK(CheckCatalog(folder, *store->catalog_, *store->instances_));
  DH_ASSIGN(store->objects_, Objects::Open(folder, files));
  return store;
}

base::Result<Store::Rebuilt> Store::Rebuild(const std::string& folder, bool index_too, const RebuildProgress& progress,
                                            base::FileSystem& files) {
  Store store;  // for its lock
  DH_ASSIGN(store.lock_, Lock(folder));
  DH_CHECK(CheckFormat(folder, files));
  Rebuilt rebuilt;
  auto instances = index_too ? base::Result<std::unique_ptr<Instances>>(base::Error{base::ErrorCode::kCorrupt, ""})
                             : Instances::Open(folder, files);
  if (!instances.ok()) {
    if (instances.error().code != base::ErrorCode::kCorrupt) return instances.error();
    DH_ASSIGN(rebuilt.index, RebuildIndex(folder, files, progress));
    rebuilt.made_index = true;
    instances = Instances::Open(folder, files);
    if (!instances.ok()) return instances.error();
  }
  auto catalog = Catalog::Open(CatalogPath(folder));
  if (!catalog.ok()) {
    if (catalog.error().code != base::ErrorCode::kCorrupt) return catalog.error();
    DH_CHECK(PutAside(CatalogPath(folder), files));
    catalog = Catalog::Open(CatalogPath(folder));
    if (!catalog.ok()) return catalog.error();
  }
  DH_CHECK(RemoveDeletedStores(**catalog, **instances));
  DH_ASSIGN(const std::vector<int64_t> unknown, UnknownStores(**catalog, **instances));
  for (const int64_t id : unknown) {
    DH_ASSIGN(DicomStore named, (*catalog)->AdoptDicomStore(id));
    rebuilt.new_names.push_back(std::move(named));
  }
  DH_CHECK(files.SyncFolder(folder));
  return rebuilt;
}

base::Result<Store::Verified> Store::Verify(const std::function<void(const std::string& line)>& report) {
  for (const std::string& note : instances_->opening_notes()) report(note);
  DH_CHECK(catalog_->Verify(report));
  Verified verified;
  DH_ASSIGN(verified.instances, instances_->Verify(report));
  DH_ASSIGN(verified.objects, objects_->Verify(report));
  return verified;
}

Store::~Store() {
  // The databases first: the next server may open them as soon as the lock is free.
  objects_.reset();
  instances_.reset();
  catalog_.reset();
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace dicomhouse::store
