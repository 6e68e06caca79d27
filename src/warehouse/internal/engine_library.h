// The engine's library, loaded by its first use: loading takes longer than a small export, and most commands ask nothing.
#pragma once

#include <duckdb.h>

#include "base/result.h"

namespace dicomhouse::warehouse::internal {

// The functions of DuckDB's C interface that we use, without their prefix.
#define DICOMHOUSE_ENGINE_FUNCTIONS(USE) \
  USE(bind_varchar_length)               \
  USE(close)                             \
  USE(column_count)                      \
  USE(column_logical_type)               \
  USE(column_name)                       \
  USE(connect)                           \
  USE(create_config)                     \
  USE(data_chunk_get_size)               \
  USE(data_chunk_get_vector)             \
  USE(decimal_internal_type)             \
  USE(decimal_scale)                     \
  USE(destroy_config)                    \
  USE(destroy_data_chunk)                \
  USE(destroy_logical_type)              \
  USE(destroy_pending)                   \
  USE(destroy_prepare)                   \
  USE(destroy_result)                    \
  USE(disconnect)                        \
  USE(execute_pending)                   \
  USE(execute_prepared)                  \
  USE(fetch_chunk)                       \
  USE(free)                              \
  USE(get_type_id)                       \
  USE(interrupt)                         \
  USE(list_type_child_type)              \
  USE(list_vector_get_child)             \
  USE(open)                              \
  USE(open_ext)                          \
  USE(pending_error)                     \
  USE(pending_prepared_streaming)        \
  USE(prepare)                           \
  USE(prepare_error)                     \
  USE(query)                             \
  USE(result_error)                      \
  USE(set_config)                        \
  USE(string_t_data)                     \
  USE(string_t_length)                   \
  USE(struct_type_child_count)           \
  USE(struct_type_child_name)            \
  USE(struct_type_child_type)            \
  USE(struct_vector_get_child)           \
  USE(vector_get_data)                   \
  USE(vector_get_validity)

struct EngineLibrary {
#define DICOMHOUSE_ENGINE_MEMBER(name) decltype(&::duckdb_##name) name = nullptr;
  DICOMHOUSE_ENGINE_FUNCTIONS(DICOMHOUSE_ENGINE_MEMBER)
#undef DICOMHOUSE_ENGINE_MEMBER
};

// Loads the library, once for the process. Errors: kUnsupported: it is not there, or lacks a function. Thread-safe.
base::Status LoadEngine();

// Requires: LoadEngine() succeeded.
const EngineLibrary& DuckDb();

}  // namespace dicomhouse::warehouse::internal
