#include "store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

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

// What a crash between the deletion of a store and that of its instances has left.
base::Status RemoveOrphans(Catalog& catalog, Instances& instances) {
  DH_ASSIGN(const std::vector<DicomStore> known, catalog.AllDicomStores());
  std::set<int64_t> ids;
  for (const DicomStore& store : known) ids.insert(store.id);
  DH_ASSIGN(const std::vector<int64_t> stores, instances.Stores());
  for (const int64_t id : stores) {
    if (!ids.contains(id)) DH_CHECK(instances.DeleteStore(id));
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Store>> Store::Open(const std::string& folder, base::FileSystem& files) {
  DH_CHECK(files.MakeFolders(folder));
  std::unique_ptr<Store> store(new Store);
  store->folder_ = folder;
  DH_ASSIGN(store->lock_, Lock(folder));
  DH_CHECK(CheckFormat(folder, files));
  DH_ASSIGN(store->catalog_, Catalog::Open(base::JoinPath(folder, "catalog.sqlite")));
  DH_ASSIGN(store->instances_, Instances::Open(folder, files));
  DH_ASSIGN(store->objects_, Objects::Open(folder, files));
  DH_CHECK(RemoveOrphans(*store->catalog_, *store->instances_));
  return store;
}

Store::~Store() {
  // The databases first: the next server may open them as soon as the lock is free.
  objects_.reset();
  instances_.reset();
  catalog_.reset();
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace dicomhouse::store
