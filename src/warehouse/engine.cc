#include "warehouse/engine.h"

#include <array>
#include <utility>

#include "base/json.h"
#include "warehouse/internal/engine_library.h"

namespace dicomhouse::warehouse {
namespace {

using internal::DuckDb;

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

constexpr std::array<std::pair<duckdb_type, ValueKind>, 22> kKinds = {{
    {DUCKDB_TYPE_SQLNULL, ValueKind::kNull},       {DUCKDB_TYPE_BOOLEAN, ValueKind::kBoolean},
    {DUCKDB_TYPE_TINYINT, ValueKind::kInt8},       {DUCKDB_TYPE_SMALLINT, ValueKind::kInt16},
    {DUCKDB_TYPE_INTEGER, ValueKind::kInt32},      {DUCKDB_TYPE_BIGINT, ValueKind::kInt64},
    {DUCKDB_TYPE_UTINYINT, ValueKind::kUint8},     {DUCKDB_TYPE_USMALLINT, ValueKind::kUint16},
    {DUCKDB_TYPE_UINTEGER, ValueKind::kUint32},    {DUCKDB_TYPE_UBIGINT, ValueKind::kUint64},
    {DUCKDB_TYPE_HUGEINT, ValueKind::kHuge},       {DUCKDB_TYPE_FLOAT, ValueKind::kFloat},
    {DUCKDB_TYPE_DOUBLE, ValueKind::kDouble},      {DUCKDB_TYPE_DECIMAL, ValueKind::kDecimal},
    {DUCKDB_TYPE_VARCHAR, ValueKind::kString},     {DUCKDB_TYPE_BLOB, ValueKind::kBytes},
    {DUCKDB_TYPE_DATE, ValueKind::kDate},          {DUCKDB_TYPE_TIME, ValueKind::kTime},
    {DUCKDB_TYPE_TIMESTAMP, ValueKind::kDatetime}, {DUCKDB_TYPE_TIMESTAMP_TZ, ValueKind::kTimestamp},
    {DUCKDB_TYPE_INTERVAL, ValueKind::kInterval},  {DUCKDB_TYPE_LIST, ValueKind::kList},
}};

std::string TakeString(char* text) {
  std::string out = text == nullptr ? "" : text;
  DuckDb().free(text);
  return out;
}

// Types nest as deep as the schema or the statement, both bounded where they are read.
ValueType ReadType(duckdb_logical_type logical, std::string name) {  // NOLINT(misc-no-recursion)
  ValueType type;
  type.name = std::move(name);
  const duckdb_type id = DuckDb().get_type_id(logical);
  for (const auto& [engine, kind] : kKinds) {
    if (engine == id) type.kind = kind;
  }
  if (id == DUCKDB_TYPE_DECIMAL) {
    type.scale = DuckDb().decimal_scale(logical);
    type.storage = static_cast<int>(DuckDb().decimal_internal_type(logical));
  } else if (id == DUCKDB_TYPE_LIST) {
    duckdb_logical_type child = DuckDb().list_type_child_type(logical);
    type.children.push_back(ReadType(child, ""));
    DuckDb().destroy_logical_type(&child);
  } else if (id == DUCKDB_TYPE_STRUCT) {
    type.kind = ValueKind::kStruct;
    const idx_t count = DuckDb().struct_type_child_count(logical);
    for (idx_t i = 0; i < count; ++i) {
      duckdb_logical_type child = DuckDb().struct_type_child_type(logical, i);
      type.children.push_back(ReadType(child, TakeString(DuckDb().struct_type_child_name(logical, i))));
      DuckDb().destroy_logical_type(&child);
    }
  }
  return type;
}

template <typename T>
const T& At(const void* data, size_t row) {
  return static_cast<const T*>(data)[row];
}

// A 128-bit number in decimal digits, with a point before the last `scale` ones.
std::string HugeDigits(Int128 value, int scale) {
  const bool negative = value < 0;
  auto rest = negative ? -static_cast<Uint128>(value) : static_cast<Uint128>(value);
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  if (scale > 0) {
    const auto places = static_cast<size_t>(scale);
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    digits.insert(digits.size() - places, ".");
    while (digits.back() == '0') digits.pop_back();
    if (digits.back() == '.') digits.pop_back();
  }
  return negative ? "-" + digits : digits;
}

Int128 Huge(const duckdb_hugeint& value) {
  return static_cast<Int128>((static_cast<Uint128>(static_cast<uint64_t>(value.upper)) << 64) | value.lower);
}

Int128 DecimalValue(const void* data, size_t row, int storage) {
  switch (storage) {
    case DUCKDB_TYPE_SMALLINT:
      return At<int16_t>(data, row);
    case DUCKDB_TYPE_INTEGER:
      return At<int32_t>(data, row);
    case DUCKDB_TYPE_BIGINT:
      return At<int64_t>(data, row);
    default:
      return Huge(At<duckdb_hugeint>(data, row));
  }
}

base::ErrorCode CodeOf(const std::string& kind) {
  if (kind == "IO" || kind == "HTTP") return base::ErrorCode::kIo;
  if (kind == "Out of Memory") return base::ErrorCode::kLimit;
  if (kind == "INTERRUPT" || kind == "Interrupt") return base::ErrorCode::kCancelled;
  if (kind == "Not implemented") return base::ErrorCode::kUnsupported;
  return base::ErrorCode::kInvalidArgument;
}

}  // namespace

// ---- ValueVector

bool ValueVector::is_null(size_t row) const {
  return type_->kind == ValueKind::kNull || (validity_ != nullptr && ((validity_[row / 64] >> (row % 64)) & 1) == 0);
}

bool ValueVector::boolean(size_t row) const { return At<bool>(data_, row); }

int64_t ValueVector::integer(size_t row) const {
  switch (type_->kind) {
    case ValueKind::kInt8:
      return At<int8_t>(data_, row);
    case ValueKind::kInt16:
      return At<int16_t>(data_, row);
    case ValueKind::kUint8:
      return At<uint8_t>(data_, row);
    case ValueKind::kUint16:
      return At<uint16_t>(data_, row);
    case ValueKind::kUint32:
      return At<uint32_t>(data_, row);
    case ValueKind::kInt32:
    case ValueKind::kDate:
      return At<int32_t>(data_, row);
    default:
      return At<int64_t>(data_, row);
  }
}

double ValueVector::real(size_t row) const {
  return type_->kind == ValueKind::kFloat ? static_cast<double>(At<float>(data_, row)) : At<double>(data_, row);
}

std::string ValueVector::digits(size_t row) const {
  if (type_->kind == ValueKind::kUint64) return std::to_string(At<uint64_t>(data_, row));
  if (type_->kind == ValueKind::kDecimal) return HugeDigits(DecimalValue(data_, row, type_->storage), type_->scale);
  if (type_->kind == ValueKind::kInterval) {
    const auto& value = At<duckdb_interval>(data_, row);
    return std::to_string(value.months) + " " + std::to_string(value.days) + " " + std::to_string(value.micros);
  }
  return HugeDigits(Huge(At<duckdb_hugeint>(data_, row)), 0);
}

std::string_view ValueVector::text(size_t row) const {
  // The engine's string holds up to 12 bytes inside itself: the view must point into the vector, not into a copy.
  auto* value = const_cast<duckdb_string_t*>(&At<duckdb_string_t>(data_, row));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return {DuckDb().string_t_data(value), DuckDb().string_t_length(*value)};
}

ValueVector::Span ValueVector::list(size_t row) const {
  const auto& entry = At<duckdb_list_entry>(data_, row);
  return {static_cast<size_t>(entry.offset), static_cast<size_t>(entry.length)};
}

// ---- Engine

struct Engine::State {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  EngineProblem problem;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (connection != nullptr) DuckDb().disconnect(&connection);
    if (database != nullptr) DuckDb().close(&database);
  }

  // Keeps what the engine said and turns it into an Error. `message` may be null, JSON, or plain text.
  base::Error Keep(const char* message) {
    problem = {};
    const std::string text = message == nullptr ? "the engine gave no reason" : message;
    const auto json = base::Json::Parse(text);
    if (json.ok() && json->is_object()) {
      problem.kind = (*json)["exception_type"].as_string();
      problem.message = (*json)["exception_message"].as_string();
      problem.name = (*json)["name"].as_string();
      const std::string position = (*json)["position"].as_string();
      if (!position.empty() && position.size() < 10 && position.find_first_not_of("0123456789") == std::string::npos) {
        problem.position = std::stoul(position);
      }
    } else {
      problem.message = text;
      problem.kind = text.substr(0, text.find(" Error"));
    }
    return {CodeOf(problem.kind), problem.message};
  }
};

struct Rows::State {
  std::shared_ptr<Engine::State> engine;
  duckdb_result result{};
  duckdb_data_chunk chunk = nullptr;
  std::vector<ValueType> types;
  std::vector<ValueVector> vectors;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (chunk != nullptr) DuckDb().destroy_data_chunk(&chunk);
    DuckDb().destroy_result(&result);
  }

  static void Bind(ValueVector& view, const ValueType& type, duckdb_vector vector) {  // NOLINT(misc-no-recursion)
    view.type_ = &type;
    view.data_ = DuckDb().vector_get_data(vector);
    view.validity_ = DuckDb().vector_get_validity(vector);
    view.children_.resize(type.children.size());
    for (size_t i = 0; i < type.children.size(); ++i) {
      Bind(view.children_[i], type.children[i],
           type.kind == ValueKind::kList ? DuckDb().list_vector_get_child(vector) : DuckDb().struct_vector_get_child(vector, i));
    }
  }
};

Rows::Rows(std::unique_ptr<State> state) : state_(std::move(state)) {}
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;
Rows::~Rows() = default;

const std::vector<ValueType>& Rows::columns() const { return state_->types; }

base::Result<bool> Rows::Next() {
  if (state_->chunk != nullptr) DuckDb().destroy_data_chunk(&state_->chunk);
  state_->chunk = DuckDb().fetch_chunk(state_->result);
  if (state_->chunk == nullptr || DuckDb().data_chunk_get_size(state_->chunk) == 0) {
    const char* message = DuckDb().result_error(&state_->result);
    if (message != nullptr && *message != '\0') return state_->engine->Keep(message);
    return false;
  }
  for (size_t i = 0; i < state_->types.size(); ++i) {
    State::Bind(state_->vectors[i], state_->types[i], DuckDb().data_chunk_get_vector(state_->chunk, i));
  }
  return true;
}

size_t Rows::size() const { return state_->chunk == nullptr ? 0 : DuckDb().data_chunk_get_size(state_->chunk); }

const ValueVector& Rows::column(size_t index) const { return state_->vectors[index]; }

Engine::Engine(std::shared_ptr<State> state) : state_(std::move(state)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

base::Result<Engine> Engine::Open(const EngineOptions& options) {
  DH_CHECK(internal::LoadEngine());
  duckdb_config config = nullptr;
  if (DuckDb().create_config(&config) != DuckDBSuccess) {
    return base::Error{base::ErrorCode::kLimit, "the SQL engine has no memory to start"};
  }
  std::vector<std::pair<std::string, std::string>> settings = {{"autoinstall_known_extensions", "false"},
                                                               {"autoload_known_extensions", "false"},
                                                               {"allow_community_extensions", "false"},
                                                               {"temp_directory", ""},
                                                               {"max_temp_directory_size", "0KB"},
                                                               {"errors_as_json", "true"},
                                                               {"default_null_order", "nulls_first_on_asc_last_on_desc"}};
  if (options.threads > 0) settings.emplace_back("threads", std::to_string(options.threads));
  if (options.memory_bytes > 0) settings.emplace_back("memory_limit", std::to_string(options.memory_bytes) + "B");
  std::string refused;
  for (const auto& [name, value] : settings) {
    if (DuckDb().set_config(config, name.c_str(), value.c_str()) != DuckDBSuccess)
      refused += (refused.empty() ? "" : ", ") + name;
  }
  auto state = std::make_shared<State>();
  char* message = nullptr;
  const bool opened = refused.empty() && DuckDb().open_ext(nullptr, &state->database, config, &message) == DuckDBSuccess;
  DuckDb().destroy_config(&config);
  const std::string reason = TakeString(message);
  if (!opened || DuckDb().connect(state->database, &state->connection) != DuckDBSuccess) {
    return base::Error{
        base::ErrorCode::kUnsupported,
        "the SQL engine does not start: " + (refused.empty() ? reason : "it does not know the settings " + refused)};
  }
  Engine engine(std::move(state));
  DH_CHECK(engine.Execute("SET TimeZone='UTC'"));  // belongs to a built-in extension: not known before
  return engine;
}

base::Error Engine::Fail(const char* message) { return state_->Keep(message); }

base::Status Engine::Lock(const std::vector<std::string>& paths) {
  std::string list;
  for (const std::string& path : paths) {
    if (path.find('\0') != std::string::npos) {
      return base::Error{base::ErrorCode::kInvalidArgument, "a file's path holds a zero byte"};
    }
    list += (list.empty() ? "" : ",") + SqlString(path);
  }
  // The order is the engine's: paths can only be set while access is open, and nothing once settings are locked.
  DH_CHECK(Execute("SET allowed_paths=[" + list + "]"));
  DH_CHECK(Execute("SET enable_external_access=false"));
  return Execute("SET lock_configuration=true");
}

base::Status Engine::Execute(const std::string& sql) {
  duckdb_result result{};
  const bool ok = DuckDb().query(state_->connection, sql.c_str(), &result) == DuckDBSuccess;
  base::Status status;
  if (!ok) status = Fail(DuckDb().result_error(&result));
  DuckDb().destroy_result(&result);
  return status;
}

base::Result<std::string> Engine::Text(const std::string& sql, std::string_view parameter) {
  duckdb_prepared_statement statement = nullptr;
  duckdb_result result{};
  base::Result<std::string> out = std::string();
  if (DuckDb().prepare(state_->connection, sql.c_str(), &statement) != DuckDBSuccess) {
    out = Fail(DuckDb().prepare_error(statement));
  } else if (DuckDb().bind_varchar_length(statement, 1, parameter.data(), parameter.size()) != DuckDBSuccess) {
    out = base::Error{base::ErrorCode::kInvalidArgument, "the text is not valid UTF-8"};
  } else if (DuckDb().execute_prepared(statement, &result) != DuckDBSuccess) {
    out = Fail(DuckDb().result_error(&result));
  } else if (duckdb_data_chunk chunk = DuckDb().fetch_chunk(result); chunk != nullptr) {
    duckdb_vector vector = DuckDb().data_chunk_get_vector(chunk, 0);
    const uint64_t* validity = DuckDb().vector_get_validity(vector);
    if (DuckDb().data_chunk_get_size(chunk) > 0 && (validity == nullptr || (validity[0] & 1) != 0)) {
      auto* text = static_cast<duckdb_string_t*>(DuckDb().vector_get_data(vector));
      out = std::string(DuckDb().string_t_data(text), DuckDb().string_t_length(*text));
    }
    DuckDb().destroy_data_chunk(&chunk);
  }
  DuckDb().destroy_result(&result);
  DuckDb().destroy_prepare(&statement);
  return out;
}

base::Result<Rows> Engine::Query(const std::string& sql) {
  auto rows = std::make_unique<Rows::State>();
  rows->engine = state_;
  duckdb_prepared_statement statement = nullptr;
  duckdb_pending_result pending = nullptr;
  base::Status status;
  if (DuckDb().prepare(state_->connection, sql.c_str(), &statement) != DuckDBSuccess) {
    status = Fail(DuckDb().prepare_error(statement));
  } else if (DuckDb().pending_prepared_streaming(statement, &pending) != DuckDBSuccess) {
    status = Fail(DuckDb().pending_error(pending));
  } else if (DuckDb().execute_pending(pending, &rows->result) != DuckDBSuccess) {
    status = Fail(DuckDb().result_error(&rows->result));
  }
  if (pending != nullptr) DuckDb().destroy_pending(&pending);
  DuckDb().destroy_prepare(&statement);
  if (!status.ok()) return status.error();
  const idx_t count = DuckDb().column_count(&rows->result);
  for (idx_t i = 0; i < count; ++i) {
    duckdb_logical_type type = DuckDb().column_logical_type(&rows->result, i);
    rows->types.push_back(ReadType(type, DuckDb().column_name(&rows->result, i)));
    DuckDb().destroy_logical_type(&type);
  }
  rows->vectors.resize(count);
  return Rows(std::move(rows));
}

void Engine::Interrupt() { DuckDb().interrupt(state_->connection); }

const EngineProblem& Engine::problem() const { return state_->problem; }

namespace {

std::string Quote(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

}  // namespace

std::string SqlString(std::string_view text) { return Quote(text, '\''); }
std::string SqlName(std::string_view name) { return Quote(name, '"'); }

}  // namespace dicomhouse::warehouse
