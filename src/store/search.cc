#include "store/internal/stored_instances.h"

namespace dicomhouse::store {

base::Result<std::vector<Match>> StoredInstances::Find(int64_t store, const Search& search) {
  (void)store;
  (void)search;
  return base::Error{base::ErrorCode::kUnsupported, "searching is not there yet"};
}

}  // namespace dicomhouse::store
