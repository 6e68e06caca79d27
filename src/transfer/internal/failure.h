// What kept a file, an entry of an archive or a folder from being read, in words. Private to transfer.
#pragma once

#include <string>

#include "base/result.h"

namespace dicomhouse::transfer {

struct Failure {
  // The same words for all failures of a kind, by which they are counted: no path, nothing of the bytes.
  std::string reason;
  // The reason, and behind it what is true of these bytes alone. No path: that stands beside it.
  std::string text;
};

// `path`: of what could not be read. Errors begin with the path that they are about: it, or what it lies in.
Failure FailureOf(const std::string& path, const base::Error& error);

}  // namespace dicomhouse::transfer
