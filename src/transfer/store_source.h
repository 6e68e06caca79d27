// The instances of a DICOM store as a source of an export: header bytes in the order of the disk, no file is opened.
#pragma once

#include <memory>
#include <string>

#include "store/instances.h"
#include "transfer/source.h"

namespace dicomhouse::transfer {

// `snapshot` is kept until the source goes. Entries are named "PREFIX/studies/…/series/…/instances/…" (`name_prefix`: the
// store's resource name with "/dicomWeb"), which is what failures and accounts call them.
std::unique_ptr<Source> MakeStoreSource(std::shared_ptr<store::Snapshot> snapshot, std::string name_prefix);

}  // namespace dicomhouse::transfer
