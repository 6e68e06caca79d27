// Objects of a bucket as a source of an import. Private to transfer.
#pragma once

#include <atomic>
#include <memory>

#include "store/objects.h"
#include "transfer/source.h"

namespace dicomhouse::transfer {

// The objects of a bucket that match a pattern, in the order of their names; archives among them are opened. Entries are named
// "gs://BUCKET/OBJECT", or "gs://BUCKET/OBJECT!ENTRY". `expected` grows by each that is found. `objects` and `expected` outlive
// the source.
std::unique_ptr<Source> MakeObjectSource(store::Objects& objects, std::string bucket, store::ObjectPattern pattern,
                                         std::atomic<int64_t>& expected);

// An object's bytes. `reader` is not null.
std::unique_ptr<dicom::ByteSource> MakeObjectBytes(std::unique_ptr<store::ObjectReader> reader);

}  // namespace dicomhouse::transfer
