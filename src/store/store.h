// The data folder of a server: catalog, instances, objects, and the lock that keeps a second server out.
//
//   DATA/format            "dicomhouse data 1"
//   DATA/lock              locked (flock) by the process that has it open
//   DATA/catalog.sqlite    datasets, DICOM stores, policies, operations, logs       catalog.h
//   DATA/index.sqlite, DATA/segments/    instances                                  instances.h
//   DATA/objects.sqlite, DATA/objects/   buckets and objects                        objects.h
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "store/catalog.h"
#include "store/instances.h"
#include "store/objects.h"

namespace dicomhouse::store {

class Store {
 public:
  // Opens the folder, or makes it when it is empty or missing. Instances of stores that the catalog no longer has are removed.
  // Errors: kConflict: another process has it open; kUnsupported: a newer format; kFailedPrecondition: a folder with other
  // things in it; kIo, kCorrupt.
  static base::Result<std::unique_ptr<Store>> Open(const std::string& folder, base::FileSystem& files = base::RealFileSystem());
  ~Store();

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
