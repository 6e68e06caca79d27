// Durability of files that another library has written.
#pragma once

#include <string>

#include "base/result.h"

namespace dicomhouse::base {

// The file's bytes are on the disk when this returns. Errors: kNotFound, kIo.
Status SyncFile(const std::string& path);

}  // namespace dicomhouse::base
