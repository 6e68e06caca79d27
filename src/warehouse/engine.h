// The embedded SQL engine (DuckDB), wrapped: one instance in memory, errors as values, results walked chunk by chunk
// with their nested values. Nothing outside src/warehouse includes DuckDB's header.
//
//   DH_ASSIGN(Engine engine, Engine::Open({}));
//   DH_CHECK(engine.Lock(paths));                       // from here on: these files and nothing else
//   DH_ASSIGN(Rows rows, engine.Query("SELECT ..."));
//   for (;;) {
//     DH_ASSIGN(bool more, rows.Next());
//     if (!more) break;
//     for (size_t row = 0; row < rows.size(); ++row) Use(rows.column(0).text(row));
//   }
//
// An Engine and its Rows belong to one thread; Interrupt may be called from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dicomhouse::warehouse {

// What a value of a result is. kOther: a type that no GoogleSQL statement makes; its name is in ValueType::name.
enum class ValueKind : uint8_t {
  kNull,
  kBoolean,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kHuge,
  kFloat,
  kDouble,
  kDecimal,
  kString,
  kBytes,
  kDate,
  kTime,
  kDatetime,
  kTimestamp,
  kInterval,
  kList,
  kStruct,
  kOther,
};
// The kinds from kInt8 to kDecimal.
constexpr bool IsNumber(ValueKind kind) { return kind >= ValueKind::kInt8 && kind <= ValueKind::kDecimal; }

// The type of a column or of a nested value.
struct ValueType {
  ValueKind kind = ValueKind::kOther;
  std::string name;                 // the column's or the struct field's
  uint8_t scale = 0;                // of a kDecimal
  int storage = 0;                  // of a kDecimal: how it lies in memory (the engine's type number)
  std::vector<ValueType> children;  // of a kList: one; of a kStruct: its fields
};

// The values of one column in one chunk, or of what is nested in it. Valid until the next Rows::Next().
class ValueVector {
 public:
  struct Span {
    size_t begin = 0;
    size_t size = 0;
  };

  const ValueType& type() const { return *type_; }
  bool is_null(size_t row) const;
  // Requires: kBoolean.
  bool boolean(size_t row) const;
  // Any integer kind but kUint64 and kHuge; kDate: days; kTime, kDatetime and kTimestamp: microseconds.
  int64_t integer(size_t row) const;
  // Requires: kFloat, kDouble.
  double real(size_t row) const;
  // kUint64, kHuge, kDecimal as decimal digits; kInterval as the months, days and microseconds it holds.
  std::string digits(size_t row) const;
  // Requires: kString, kBytes.
  std::string_view text(size_t row) const;
  // Requires: kList. The list's elements are the rows [begin, begin + size) of child(0).
  Span list(size_t row) const;
  // A kStruct's field has the same row numbers as the struct.
  const ValueVector& child(size_t index) const { return children_[index]; }

 private:
  friend class Rows;
  const ValueType* type_ = nullptr;
  const void* data_ = nullptr;
  const uint64_t* validity_ = nullptr;
  std::vector<ValueVector> children_;
};

// What the engine said about a statement that failed.
struct EngineProblem {
  std::string kind;                // the engine's class of errors: "Binder", "Conversion", "Out of Memory", ...
  std::string message;             // without the engine's excerpt of the statement
  std::optional<size_t> position;  // byte offset in the statement
  std::string name;                // the column or function that was not found
};

// A result being read. Moving it is cheap.
class Rows {
 public:
  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) noexcept;
  ~Rows();

  // Names and types; there is at least one column.
  const std::vector<ValueType>& columns() const;
  // Goes to the next chunk. False: there are no more rows. Errors: as Engine::Query.
  base::Result<bool> Next();
  // Rows of the current chunk.
  size_t size() const;
  const ValueVector& column(size_t index) const;

 private:
  friend class Engine;
  struct State;
  explicit Rows(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct EngineOptions {
  int threads = 0;          // 0: as many as the machine has
  size_t memory_bytes = 0;  // 0: the engine's default share of the machine's memory
};

class Engine {
 public:
  // An empty instance without extensions to load, without temporary files. Takes 10 to 15 ms.
  static base::Result<Engine> Open(const EngineOptions& options);
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  // Ends all access to files but `paths`, and all changes of settings. Cannot be undone.
  // The engine may also write these paths: statements of users must not reach COPY.
  base::Status Lock(const std::vector<std::string>& paths);
  // Runs one statement and drops its result. Errors: as Query.
  base::Status Execute(const std::string& sql);
  // Runs one statement with one text parameter and returns the first value of its result as text ("" for NULL).
  base::Result<std::string> Text(const std::string& sql, std::string_view parameter);
  // Runs one statement; rows are made as they are read. Requires: no '\0' in `sql`.
  // Errors: kInvalidArgument (names, types, values), kLimit (memory), kCancelled, kIo; problem() then says more.
  base::Result<Rows> Query(const std::string& sql);
  // Stops what is running; it then fails with kCancelled. Takes a few milliseconds.
  void Interrupt();
  // What the engine said about the last statement that failed here.
  const EngineProblem& problem() const;

 private:
  friend class Rows;
  struct State;
  explicit Engine(std::shared_ptr<State> state);
  base::Error Fail(const char* message);
  std::shared_ptr<State> state_;
};

// `text` in single quotes, and `name` in double quotes, as the engine reads them.
std::string SqlString(std::string_view text);
std::string SqlName(std::string_view name);

}  // namespace dicomhouse::warehouse
