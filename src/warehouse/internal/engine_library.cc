#include "warehouse/internal/engine_library.h"

#include <dlfcn.h>

#include <string>

namespace dicomhouse::warehouse::internal {
namespace {

struct Loaded {
  EngineLibrary library;
  std::string problem;

  // The library stays until the process ends.
  Loaded() {
    void* handle = ::dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      problem = ::dlerror();
      return;
    }
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
      if (function == nullptr && problem.empty()) problem = std::string("libduckdb.so has no ") + name;
    };
#define DICOMHOUSE_ENGINE_FIND(name) find(library.name, "duckdb_" #name);
    DICOMHOUSE_ENGINE_FUNCTIONS(DICOMHOUSE_ENGINE_FIND)
#undef DICOMHOUSE_ENGINE_FIND
  }
};

const Loaded& Load() {
  static const Loaded kLoaded;
  return kLoaded;
}

}  // namespace

base::Status LoadEngine() {
  if (!Load().problem.empty()) {
    return base::Error{base::ErrorCode::kUnsupported, "the SQL engine can't be loaded: " + Load().problem};
  }
  return {};
}

const EngineLibrary& DuckDb() { return Load().library; }

}  // namespace dicomhouse::warehouse::internal
