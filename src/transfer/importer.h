// The import: instances of a source into a DICOM store. Every file is counted once: stored, there already, skipped or failed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "store/instances.h"
#include "transfer/exporter.h"
#include "transfer/source.h"

namespace dicomhouse::transfer {

struct ImportOptions {
  store::OnExisting on_existing = store::OnExisting::kRefuse;
  int threads = 1;
  // What is not DICOM is a failure too, instead of passed over.
  bool only_dicom = false;
  // Set: is told of conflicts, which then count as done instead of failed.
  FailureSink on_conflict = nullptr;
};

struct ImportReport {
  uint64_t files = 0;      // looked at, entries of archives too
  uint64_t stored = 0;     // new ones
  uint64_t replaced = 0;   // that took the place of other bytes
  uint64_t same = 0;       // whose very bytes were there already
  uint64_t conflicts = 0;  // whose UID other bytes have: refused, and told to a sink
  uint64_t skipped = 0;    // not DICOM, or a DICOMDIR
  uint64_t failed = 0;     // could not be read, or lack a UID
  uint64_t bytes = 0;
};

// What is stored stays stored, also when it ends early. Errors: kCancelled; kIo: the store could not write.
// `progress.instances` counts what is durable.
base::Result<ImportReport> Import(Source& source, store::Instances& instances, int64_t store, const ImportOptions& options,
                                  Progress& progress, const FailureSink& on_failure);

}  // namespace dicomhouse::transfer
