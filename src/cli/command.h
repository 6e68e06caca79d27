// One subcommand: its words and flags, and what it does. Help, man page and completion are made from the same definitions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "warehouse/warehouse.h"

namespace CLI {
class App;
}

namespace dicomhouse::cli {

// Exit codes (docs: design §7).
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kWrongUse = 2,
  kDoneWithFailures = 3,
  kInterrupted = 130,
};

// What all commands share.
struct Common {
  std::string warehouse;  // --warehouse, DICOMHOUSE_WAREHOUSE, or ~/.local/share/dicomhouse/warehouse
  std::string project = "local";
  std::string dataset = "dicom";
  std::string track;  // "alpha." or "beta.": gcloud's word in front of the command, for what is said of errors
};

// Adds the command to `app`. When it is the one chosen, `run` is set to what has to be done.
using Run = std::function<int()>;
void AddExport(CLI::App& app, Common& common, Run& run);
void AddQuery(CLI::App& app, Common& common, Run& run);
void AddSchema(CLI::App& app, Common& common, Run& run);
void AddInspect(CLI::App& app, Common& common, Run& run);
void AddTables(CLI::App& app, Common& common, Run& run);
void AddServe(CLI::App& app, Run& run);
void AddStore(CLI::App& app, Run& run);
// Commands over a server: cli/api_client.h.
void AddHealthcare(CLI::App& app, Common& common, Run& run);
void AddStorage(CLI::App& app, Common& common, Run& run);
void AddLogging(CLI::App& app, Common& common, Run& run);
void AddBq(CLI::App& app, Common& common, Run& run);
// Hidden: writes man page and completions of all that `app` has.
void AddGenerate(CLI::App& app, Run& run);

// DICOMHOUSE_WAREHOUSE, or ~/.local/share/dicomhouse/warehouse.
std::string DefaultWarehouse();
// A server's: DICOMHOUSE_DATA, or ~/.local/share/dicomhouse/data.
std::string DefaultDataFolder();

// Adds --warehouse, --project and --dataset.
void AddCommonFlags(CLI::App& app, Common& common);

// A table's name as the user wrote it, with what is missing from `common`.
base::Result<warehouse::TableName> ParseTableName(const std::string& text, const Common& common);

// For commands that are suggested to a user.
// The words that lead to the warehouse, with a blank behind: "" where it is found without.
std::string WarehouseWords(const Common& common);
// The table as a question names it, whatever --project and --dataset are.
std::string TableInQuery(const warehouse::TableName& name);

// Prints "dicomhouse: TEXT" to standard error and returns `code`.
int Complain(const std::string& text, int code);
// The same for an error; the exit code follows from its class.
int Complain(const base::Error& error);

}  // namespace dicomhouse::cli
