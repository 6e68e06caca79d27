#include "query/query.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/sync_file.h"
#include "base/unnamed_file.h"
#include "query/dialect.h"
#include "query/gate.h"
#include "query/print.h"
#include "query/result_table.h"
#include "warehouse/engine.h"
#include "warehouse/parquet_scan.h"

namespace dicomhouse::query {
namespace {

using warehouse::Engine;

// The tables of one statement: opened when their name is met, once each.
class Tables {
 public:
  Tables(const warehouse::Warehouse& warehouse, const Options& options)
      : warehouse_(warehouse), defaults_(options.defaults), version_(options.version) {}

  base::Result<const KnownTable*> Open(const std::string& text, std::optional<int64_t> as_of_ms) {
    DH_ASSIGN(const warehouse::TableName name, warehouse::TableName::Parse(text, defaults_));
    if (ToLower(name.dataset) == "information_schema") {
      return base::Error{
          base::ErrorCode::kUnsupported,
          "INFORMATION_SCHEMA is not supported: `dicomhouse tables` lists the tables, and `dicomhouse schema --table "
          "NAME` the columns of one"};
    }
    const Key key(name, as_of_ms);
    const auto found = tables_.find(key);
    if (found != tables_.end()) return &found->second->known;
    if (version_ && (as_of_ms || !tables_.empty())) {
      return base::Error{base::ErrorCode::kInvalidArgument,
                         "a version that is asked for by its number goes with a question about one table; FOR SYSTEM_TIME AS OF "
                         "takes a time for each"};
    }
    std::optional<int64_t> version = version_;
    if (as_of_ms) {
      DH_ASSIGN(version, warehouse_.VersionAt(name, *as_of_ms));
    }
    DH_ASSIGN(warehouse::Snapshot snapshot, warehouse_.OpenTable(name, version));
    auto table = std::make_unique<Table>();
    table->snapshot = std::move(snapshot);
    table->known = {"dh_t" + std::to_string(tables_.size() + 1), &table->snapshot.schema};
    const KnownTable* known = &table->known;
    tables_.emplace(key, std::move(table));
    return known;
  }

  std::set<std::string> Views() const {
    std::set<std::string> views;
    for (const auto& [key, table] : tables_) views.insert(table->known.view);
    return views;
  }

  std::vector<std::string> Paths() const {
    std::vector<std::string> paths;
    for (const auto& [key, table] : tables_) {
      for (std::string& path : warehouse::ScanPaths(table->snapshot)) paths.push_back(std::move(path));
    }
    return paths;
  }

  base::Status CreateViews(Engine& engine, const warehouse::ScanColumns& columns) const {
    for (const auto& [key, table] : tables_) {
      const std::string name = key.first.Text();
      // The engine would take the path for a folder, and say that it may not look into it.
      for (const std::string& path : warehouse::ScanPaths(table->snapshot)) {
        if (!warehouse_.files().Exists(path)) {
          return base::Error{base::ErrorCode::kCorrupt, name + ": a file of the table is missing: " + path};
        }
      }
      const auto sql = warehouse::ScanSql(table->snapshot, columns);
      if (!sql.ok()) return base::Error{sql.error().code, name + ": " + sql.error().message};
      const auto status = engine.Execute("CREATE VIEW " + table->known.view + " AS " + *sql);
      if (!status.ok()) return base::Error{status.error().code, name + ": " + status.error().message};
    }
    return {};
  }

  // Columns of these tables, for messages.
  std::vector<std::string> ColumnNames() const {
    std::vector<std::string> names;
    for (const auto& [key, table] : tables_) {
      for (const table::Field& field : table->snapshot.schema.fields) names.push_back(field.name);
    }
    return names;
  }

 private:
  // One table at two times is two of them.
  using Key = std::pair<warehouse::TableName, std::optional<int64_t>>;

  struct Table {
    warehouse::Snapshot snapshot;
    KnownTable known;
  };

  const warehouse::Warehouse& warehouse_;
  warehouse::TableName defaults_;
  std::optional<int64_t> version_;
  std::map<Key, std::unique_ptr<Table>> tables_;
};

// Letters that two names have in common at their start, after equality without regard to case.
std::string NearestName(const std::vector<std::string>& names, const std::string& wanted) {
  const std::string lower = ToLower(wanted);
  std::string best;
  size_t most = 2;  // fewer letters say nothing
  for (const std::string& name : names) {
    const std::string other = ToLower(name);
    const auto [a, b] = std::mismatch(lower.begin(), lower.end(), other.begin(), other.end());
    const auto common = static_cast<size_t>(a - lower.begin());
    const bool better = common > most || (common == most && !best.empty() && other.size() < best.size());
    if (better) {
      most = common;
      best = name;
    }
  }
  return best;
}

// What the engine says of statements that it can't take: its advice is about itself, and its parser's words about nobody.
std::string WithoutAdvice(std::string message) {
  static constexpr std::pair<std::string_view, std::string_view> kPhrases[] = {
      {"Max expression depth limit",
       "an expression is nested too deeply: 1,000 levels are possible, and each operator of a long chain is one"},
      {"Failure in decode", "the bytes are no text in UTF-8; SAFE_CAST gives NULL"},
      {"memory exhausted at or near", "the question is nested too deeply"}};
  for (const auto& [engine, ours] : kPhrases) {
    if (message.starts_with(engine)) return std::string(ours);
  }
  return message;
}

// The engine's names of types and functions are not the user's.
std::string InGoogleWords(std::string message) {
  message = WithoutAdvice(std::move(message));
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"VARCHAR", "STRING"}, {"BIGINT", "INT64"}, {"DOUBLE", "FLOAT64"}, {"BLOB", "BYTES"}, {"BOOLEAN", "BOOL"}};
  for (const auto& [engine, google] : kWords) {
    for (size_t at = 0; (at = message.find(engine, at)) != std::string::npos; at += google.size()) {
      message.replace(at, engine.size(), google);
    }
  }
  // What follows is the engine's excerpt of its statement, or its lists of functions.
  for (const std::string_view tail : {"\n\nLINE ", "\n\tCandidate", "\nCandidate", "\n\nCandidate"}) {
    message = message.substr(0, message.find(tail));
  }
  return message;
}

// `message` without what stands between the first and the last `quote`.
std::string Unquoted(std::string message, char quote) {
  const size_t first = message.find(quote);
  const size_t last = message.rfind(quote);
  if (first != std::string::npos && last > first) message.replace(first + 1, last - first - 1, "...");
  return message;
}

// Messages name no values. The engine cites those that it cannot convert, take apart or compute with.
std::string WithoutValues(const std::string& kind, std::string message) {
  static constexpr std::pair<std::string_view, std::string_view> kPhrases[] = {
      {"Could not parse string", "a text is not written as the format says; SAFE. before the function's name gives NULL"},
      {"Malformed JSON", "a text is no JSON"},
      {"JSON path error", "a text is no path into JSON"},
      {"Unknown TimeZone", "a text names a time zone that is not known"},
      {"Invalid input for hex digit", "a text is no hexadecimal number"},
      {"Invalid Input for hex digit", "a text is no hexadecimal number"}};
  for (const auto& [engine, ours] : kPhrases) {
    if (message.starts_with(engine)) return std::string(ours);
  }
  // What is wrong with a regular expression, and then the expression, which may come from the data.
  static constexpr std::string_view kPatterns[] = {
      "missing ",      "unexpected ",     "no argument for ",    "bad repetition ",    "invalid escape ",
      "invalid perl ", "invalid regexp ", "invalid repetition ", "invalid character ", "invalid named "};
  for (const std::string_view pattern : kPatterns) {
    if (message.starts_with(pattern)) return "in a regular expression: " + message.substr(0, message.find(": "));
  }
  if (kind != "Conversion" && kind != "Out of Range") return message;
  constexpr std::string_view kRange = " out of range";
  if (const size_t range = message.find(" out of range: "); range != std::string::npos)
    return message.substr(0, range + kRange.size());
  message = Unquoted(Unquoted(std::move(message), '\''), '"');
  constexpr std::string_view kWith = " with value ";
  if (const size_t with = message.find(kWith); with != std::string::npos) {
    message.erase(with, message.find(' ', with + kWith.size()) - with);
  }
  constexpr std::string_view kCast = "Could not cast value ";
  if (message.starts_with(kCast))
    message.replace(0, std::min(message.find(' ', kCast.size()), message.size()), "Could not cast a value");
  // "Overflow in multiplication of INT64 (7 * 8)!"
  const size_t open = message.find(" (");
  const size_t close = message.rfind(')');
  if (message.starts_with("Overflow") && open != std::string::npos && close != std::string::npos && close > open) {
    message.erase(open, close + 1 - open);
  }
  return message;
}

// What the engine says of EXCEPT and REPLACE behind a star, about columns that only it knows: those of a subquery. Of two stars
// that name the column, the outer one: what the inner one has left out is not there any more.
const Translation::StarName* MissingStarName(const std::string& message, const Translation& translation) {
  const auto found = std::find_if(translation.star_names.rbegin(), translation.star_names.rend(), [&](const auto& one) {
    return message.starts_with("Column \"" + one.name + "\" in " + (one.except ? "EXCLUDE" : "REPLACE") + " list not found");
  });
  return found == translation.star_names.rend() ? nullptr : &*found;
}

// The engine's words for a user who has never seen the engine's statement.
base::Error Explain(const Engine& engine, const base::Error& error, const Translation& translation, const Tables& tables) {
  const warehouse::EngineProblem& problem = engine.problem();
  if (const auto* star = MissingStarName(problem.message, translation); star != nullptr) {
    return {error.code, Where(star->at) + NoStarColumn(*star)};
  }
  std::string message = WithoutValues(problem.kind, InGoogleWords(problem.message));
  if (!problem.name.empty() && message.find("not found in FROM clause") != std::string::npos) {
    message = "there is no column " + problem.name;
    const std::string nearest = NearestName(tables.ColumnNames(), problem.name);
    if (!nearest.empty()) message += "; did you mean " + nearest + "?";
  }
  if (!problem.name.empty() && message.find("FROM clause is missing") != std::string::npos) {
    message = "there is no column " + problem.name + ": the question has no FROM";
  }
  if (problem.position.has_value()) message = Where(translation.Locate(*problem.position)) + message;
  return {error.code, message};
}

base::Status CheckNames(const std::vector<warehouse::ValueType>& columns) {
  std::set<std::string> seen;
  for (const warehouse::ValueType& column : columns) {
    if (!seen.insert(ToLower(column.name)).second) {
      return base::Error{base::ErrorCode::kInvalidArgument,
                         "two columns of the result are called " + column.name + ": give one an alias with AS"};
    }
  }
  return {};
}

base::Status CopyToOutput(const std::string& path, const Output& output) {
  DH_ASSIGN(const base::InputFile file, base::InputFile::Open(path));
  std::vector<uint8_t> buffer(size_t{1} << 20);
  for (uint64_t offset = 0;;) {
    DH_ASSIGN(const size_t read, file.ReadAt(offset, std::span<uint8_t>(buffer)));
    if (read == 0) return {};
    DH_CHECK(output(std::string_view(reinterpret_cast<const char*>(buffer.data()), read)));
    offset += read;
  }
}

// Parquet has no 128-bit integers: sums become INT64 again, as GoogleSQL has them.
std::string ParquetQuery(const std::string& sql, const std::vector<warehouse::ValueType>& columns, int64_t max_rows) {
  std::string list;
  for (const warehouse::ValueType& column : columns) {
    const std::string name = warehouse::SqlName(column.name);
    list += (list.empty() ? "" : ", ") +
            (column.kind == warehouse::ValueKind::kHuge ? "CAST(" + name + " AS BIGINT) AS " + name : name);
  }
  return "SELECT " + list + " FROM (" + sql + ")" + (max_rows > 0 ? " LIMIT " + std::to_string(max_rows) : "");
}

// One statement on its way through both locks.
class Statement {
 public:
  Statement(const warehouse::Warehouse& warehouse, const Options& options) : tables_(warehouse, options), options_(options) {}

  base::Status Answer(std::string_view sql, const Output& output) {
    std::optional<base::UnnamedFile> spool;
    if (options_.format == Format::kParquet) {
      DH_ASSIGN(spool, base::UnnamedFile::Make());
    }
    const std::string file = spool.has_value() ? spool->path() : "";
    DH_ASSIGN(Engine engine, Prepare(sql, file));
    auto rows = engine.Query(translation_.sql);
    if (!rows.ok()) return Explain(engine, rows.error(), translation_, tables_);
    DH_CHECK(CheckNames(rows->columns()));
    base::Status status =
        file.empty() ? Print(*rows, options_.format, options_.max_rows, output) : Parquet(engine, *rows, file, output);
    return status.ok() ? status : Explained(engine, status.error());
  }

  // Answers into one new part of a table.
  base::Result<int64_t> AnswerInto(std::string_view sql, const warehouse::Warehouse& warehouse, const warehouse::TableName& table,
                                   warehouse::Disposition disposition) {
    DH_ASSIGN(warehouse::Transaction transaction, warehouse::Transaction::Begin(warehouse, table, disposition));
    const std::string file = transaction.NewDataPath();
    DH_ASSIGN(Engine engine, Prepare(sql, file));
    DH_ASSIGN(const ResultTable result, Shape(engine));
    int64_t count = 0;
    const auto finish = [&](const table::Schema& with_ids) -> base::Result<std::vector<warehouse::DataFile>> {
      auto copied = engine.Query(result.CopySql(translation_.sql, options_.max_rows, file, with_ids));
      if (!copied.ok()) return Explained(engine, copied.error());
      DH_ASSIGN(const bool any, copied->Next());
      count = any && copied->size() > 0 ? copied->column(0).integer(0) : 0;
      DH_CHECK(base::SyncFile(file));
      DH_ASSIGN(const uint64_t bytes, warehouse.files().Size(file));
      if (count == 0) return std::vector<warehouse::DataFile>();
      return std::vector<warehouse::DataFile>{{transaction.RelativePath(file), count, static_cast<int64_t>(bytes), {}, {}}};
    };
    DH_CHECK(transaction.Commit(result.schema(), finish, {}, {}));
    if (count == 0) (void)warehouse.files().Remove(file);
    return count;
  }

 private:
  // Both locks are passed, the tables are there; `file` (unless "") can be written.
  base::Result<Engine> Prepare(std::string_view sql, const std::string& file) {
    DH_ASSIGN(translation_, Translate(sql, [this](const std::string& name, std::optional<int64_t> as_of_ms) {
                return tables_.Open(name, as_of_ms);
              }));
    DH_ASSIGN(Engine engine, Engine::Open({options_.threads, options_.memory_bytes}));
    DH_CHECK(PassGate(engine));
    std::vector<std::string> paths = tables_.Paths();
    if (!file.empty()) paths.push_back(file);
    DH_CHECK(engine.Lock(paths));
    warehouse::ScanColumns columns;
    columns.all = translation_.all_columns;
    columns.names = translation_.names;
    DH_CHECK(tables_.CreateViews(engine, columns));
    return engine;
  }

  // The table that the result is. No row is made.
  base::Result<ResultTable> Shape(Engine& engine) {
    auto rows = engine.Query("SELECT * FROM (" + translation_.sql + ") LIMIT 0");
    if (!rows.ok()) {
      rows = engine.Query(translation_.sql);  // once more, so that the error has its place
      if (!rows.ok()) return Explain(engine, rows.error(), translation_, tables_);
    }
    DH_CHECK(CheckNames(rows->columns()));
    return ResultTable::Of(rows->columns());
  }

  // An error of the engine in the user's words; others as they are.
  base::Error Explained(const Engine& engine, const base::Error& error) const {
    const std::string& said = engine.problem().message;
    return !said.empty() && error.message == said ? Explain(engine, error, translation_, tables_) : error;
  }

  base::Status PassGate(Engine& engine) {
    const auto serialized = engine.Text(std::string(kSerialize), translation_.sql);
    if (!serialized.ok()) return base::Error{serialized.error().code, WithoutAdvice(serialized.error().message)};
    DH_ASSIGN(const Refusal refusal, CheckStatement(*serialized, tables_.Views()));
    if (refusal.message.empty()) return {};
    const bool placed = refusal.offset != std::string::npos;
    return base::Error{base::ErrorCode::kInvalidArgument,
                       (placed ? Where(translation_.Locate(refusal.offset)) : std::string()) + WithoutAdvice(refusal.message)};
  }

  base::Status Parquet(Engine& engine, const warehouse::Rows& rows, const std::string& file, const Output& output) {
    const std::string query = ParquetQuery(translation_.sql, rows.columns(), options_.max_rows);
    DH_CHECK(engine.Execute("COPY (" + query + ") TO " + warehouse::SqlString(file) +
                            " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"));
    return CopyToOutput(file, output);
  }

  Tables tables_;
  Options options_;
  Translation translation_;
};

}  // namespace

base::Status Run(const warehouse::Warehouse& warehouse, std::string_view sql, const Options& options, const Output& output) {
  return Statement(warehouse, options).Answer(sql, output);
}

base::Result<int64_t> RunInto(const warehouse::Warehouse& warehouse, std::string_view sql, const Options& options,
                              const warehouse::TableName& table, warehouse::Disposition disposition) {
  return Statement(warehouse, options).AnswerInto(sql, warehouse, table, disposition);
}

}  // namespace dicomhouse::query
