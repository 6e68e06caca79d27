// The data folder of a server: catalog, instances, objects, and the lock that keeps a second server out.
//
//   DATA/format            "dicomhouse data 1"
//   DATA/lock              locked (flock) by the process that has it open
//   DATA/catalog.sqlite    datasets, DICOM stores, policies, operations, logs       catalog.h
//   DATA/index.sqlite, DATA/segments/    instances                                  instances.h
//   DATA/objects.sqlite, DATA/objects/   buckets and objects                        objects.h
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "store/catalog.h"
#include "store/instances.h"
#include "store/objects.h"

namespace dicomhouse::store {

class Store {
 public:
  // Opens the folder, or makes it when it is empty or missing: a missing one with mode 0700. Instances of stores that were
  // deleted are removed. Errors: kConflict: another process has it open; kUnsupported: a newer format; kFailedPrecondition: a
  // folder with other things in it; kCorrupt: a database is missing, broken or older than what it is about, and nothing was
  // changed; kIo.
  static base::Result<std::unique_ptr<Store>> Open(const std::string& folder, base::FileSystem& files = base::RealFileSystem());
  ~Store();

  struct Rebuilt {
    RebuiltIndex index;  // when it had to be made
    bool made_index = false;
    std::vector<DicomStore> new_names;  // of stores that the catalog did not know
  };
  // Makes what is missing or broken again: the index from the segments, also when it is whole and `index_too` is set; a catalog
  // with a name for each store that has instances. What was there is kept beside it (*.old). Errors: those of Open.
  static base::Result<Rebuilt> Rebuild(const std::string& folder, bool index_too, const RebuildProgress& progress,
                                       base::FileSystem& files = base::RealFileSystem());
  // Compares everything with its checksum, and what the databases say with each other. `report` gets a line for each thing that
  // is wrong. Errors: kIo.
  struct Verified {
    int64_t instances = 0;
    int64_t objects = 0;
  };
  base::Result<Verified> Verify(const std::function<void(const std::string& line)>& report);

  const std::string& folder() const { return folder_; }
  Catalog& catalog() { return *catalog_; }
  Instances& instances() { return *instances_; }
  Objects& objects() { return *objects_; }

 private:
  Store() = default;

  std::string folder_;
  int lock_ = -1;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Instances> instances_;
  std::unique_ptr<Objects> objects_;
};

}  // namespace dicomhouse::store
