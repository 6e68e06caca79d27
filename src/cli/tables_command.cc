// `dicomhouse tables` and `dicomhouse table ...`: what is in the warehouse, and care for it.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "base/json.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/progress_line.h"
#include "cli/terminal.h"
#include "table/schema.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::cli {
namespace {

using warehouse::TableName;
using warehouse::VersionInfo;
using warehouse::Warehouse;

constexpr int64_t kDayMs = 24 * 3600 * 1000;

struct TableFlags {
  std::string name;
  bool json = false;
  bool yes = false;
  int64_t version = 0;
  int keep = 1;
  double older_than_days = 0;
};

std::string Count(int64_t number) { return number < 0 ? "?" : Grouped(static_cast<uint64_t>(number)); }
std::string CountOf(int64_t number, std::string_view noun) {
  return Count(number) + " " + base::Plural(static_cast<uint64_t>(number), noun);
}
std::string Size(int64_t bytes) { return bytes < 0 ? "?" : Bytes(static_cast<uint64_t>(bytes)); }

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A count that a damaged table does not have.
base::Json CountJson(int64_t number) { return number < 0 ? base::Json() : base::Json(number); }

base::Result<int> ListTables(const TableFlags& flags, const Common& common) {
  const Warehouse warehouse(common.warehouse);
  if (warehouse.files().Exists(warehouse.folder()) && !warehouse.files().IsFolder(warehouse.folder())) {
    return base::Error{base::ErrorCode::kInvalidArgument,
                       warehouse.folder() + " is a file; --warehouse is the folder of the tables"};
  }
  DH_ASSIGN(const auto tables, warehouse.ListTables());
  if (flags.json) {
    base::Json list = base::Json::MakeArray();
    for (const auto& table : tables) {
      base::Json json = base::Json::MakeObject();
      json.Set("table", table.name.Uri()).Set("rows", CountJson(table.rows)).Set("bytes", CountJson(table.bytes));
      list.Append(
          std::move(json.Set("modified", table.modified_ms == 0 ? base::Json() : base::Json(UtcTime(table.modified_ms)))));
    }
    PrintJson(list);
    return kDone;
  }
  if (tables.empty()) {
    const bool there = warehouse.files().Exists(warehouse.folder());
    std::printf("There is no table yet in %s%s.\nMake one:\n  dicomhouse export FOLDER\n", warehouse.folder().c_str(),
                there ? "" : ", a folder that does not exist");
    return kDone;
  }
  TextTable text({"TABLE", "ROWS", "SIZE", "CHANGED"}, "lrrl");
  for (const auto& table : tables) {
    text.Add(
        {table.name.Text(), Count(table.rows), Size(table.bytes), table.rows < 0 ? "(damaged)" : LocalTime(table.modified_ms)});
  }
  text.Print();
  return kDone;
}

// ---- show

int64_t PartBytes(const warehouse::Snapshot& snapshot) {
  int64_t bytes = 0;
  for (const auto& file : snapshot.files) bytes += file.bytes;
  return bytes;
}

// The words with which a command finds the table.
std::string TableWords(const TableName& name, const Common& common) {
  return WarehouseWords(common) + base::ShellWord(name.Text());
}

void PrintTable(const TableName& name, const Common& common, const std::string& folder, const warehouse::Snapshot& snapshot,
                size_t versions) {
  const auto line = [](const char* head, const std::string& text) { std::printf("%-12s%s\n", head, text.c_str()); };
  line("table", name.Uri());
  line("folder", folder);
  line("rows", Count(snapshot.rows));
  line("size", Size(PartBytes(snapshot)) + " in " + Counted(snapshot.files.size(), "part"));
  line("columns", Grouped(snapshot.schema.fields.size()) + ", " +
                      Grouped(static_cast<uint64_t>(table::CountFields(snapshot.schema))) + " with nested ones");
  line("version", snapshot.id == 0 ? "none yet" : std::to_string(snapshot.id) + " of " + LocalTime(snapshot.timestamp_ms));
  line("versions", Grouped(versions));
  for (const auto& [key, value] : snapshot.summary) {
    if (key.starts_with("dicomhouse.")) line(key.substr(11).c_str(), value);
  }
  std::printf("Next:\n  dicomhouse schema %s--table %s\n  dicomhouse table versions %s\n", WarehouseWords(common).c_str(),
              base::ShellWord(name.Text()).c_str(), TableWords(name, common).c_str());
}

base::Result<int> ShowTable(const TableFlags& flags, const Common& common) {
  const Warehouse warehouse(common.warehouse);
  DH_ASSIGN(const TableName name, ParseTableName(flags.name, common));
  const auto version = flags.version > 0 ? std::optional<int64_t>(flags.version) : std::nullopt;
  DH_ASSIGN(const warehouse::Snapshot snapshot, warehouse.OpenTable(name, version));
  DH_ASSIGN(const auto versions, warehouse.Versions(name));
  if (!flags.json) {
    PrintTable(name, common, warehouse.TableFolder(name), snapshot, versions.size());
    return kDone;
  }
  base::Json summary = base::Json::MakeObject();
  for (const auto& [key, value] : snapshot.summary) summary.Set(key, value);
  base::Json json = base::Json::MakeObject();
  json.Set("table", name.Uri())
      .Set("folder", warehouse.TableFolder(name))
      .Set("rows", snapshot.rows)
      .Set("bytes", PartBytes(snapshot));
  json.Set("parts", static_cast<int64_t>(snapshot.files.size())).Set("columns", table::CountFields(snapshot.schema));
  json.Set("version", snapshot.id == 0 ? base::Json() : base::Json(snapshot.id)).Set("modified", UtcTime(snapshot.timestamp_ms));
  json.Set("versions", static_cast<int64_t>(versions.size())).Set("summary", std::move(summary));
  PrintJson(json.Set("schema", table::ToBigQueryJson(snapshot.schema)));
  return kDone;
}

// ---- versions

base::Json VersionJson(const VersionInfo& version) {
  base::Json json = base::Json::MakeObject();
  json.Set("version", version.snapshot_id).Set("time", UtcTime(version.timestamp_ms)).Set("operation", version.operation);
  return json.Set("addedRows", version.added_rows).Set("rows", version.total_rows).Set("current", version.current);
}

base::Result<int> ShowVersions(const TableFlags& flags, const Common& common) {
  const Warehouse warehouse(common.warehouse);
  DH_ASSIGN(const TableName name, ParseTableName(flags.name, common));
  DH_ASSIGN(const auto versions, warehouse.Versions(name));
  if (flags.json) {
    base::Json list = base::Json::MakeArray();
    for (const VersionInfo& version : versions) list.Append(VersionJson(version));
    PrintJson(list);
    return kDone;
  }
  TextTable text({"VERSION", "MADE", "BY", "ROWS ADDED", "ROWS", ""}, "lllrrl");
  for (const VersionInfo& version : versions) {
    text.Add({std::to_string(version.snapshot_id), LocalTime(version.timestamp_ms), version.operation, Count(version.added_rows),
              Count(version.total_rows), version.current ? "current" : ""});
  }
  text.Print();
  return kDone;
}

// ---- changes

base::Result<int> ExpireTable(const TableFlags& flags, const Common& common) {
  const Warehouse warehouse(common.warehouse);
  DH_ASSIGN(const TableName name, ParseTableName(flags.name, common));
  DH_ASSIGN(const auto before, warehouse.Versions(name));
  const int64_t older_than = NowMs() - static_cast<int64_t>(flags.older_than_days * static_cast<double>(kDayMs));
  DH_ASSIGN(const int64_t removed, warehouse.Expire(name, flags.keep, older_than));
  DH_ASSIGN(const auto after, warehouse.Versions(name));
  const auto forgotten = static_cast<int64_t>(before.size()) - static_cast<int64_t>(after.size());
  if (flags.json) {
    base::Json json = base::Json::MakeObject();
    json.Set("table", name.Uri()).Set("forgotten", forgotten).Set("versions", static_cast<int64_t>(after.size()));
    PrintJson(json.Set("filesRemoved", removed));
    return kDone;
  }
  std::printf("%s: %s forgotten, %s kept; %s removed\n", name.Uri().c_str(), CountOf(forgotten, "version").c_str(),
              Grouped(after.size()).c_str(), CountOf(removed, "file").c_str());
  return kDone;
}

base::Result<int> DropTable(const TableFlags& flags, const Common& common) {
  const Warehouse warehouse(common.warehouse);
  DH_ASSIGN(const TableName name, ParseTableName(flags.name, common));
  const auto snapshot = warehouse.OpenTable(name);
  // A damaged table may be dropped too: that is perhaps why.
  if (!snapshot.ok() && snapshot.error().code == base::ErrorCode::kNotFound && !warehouse.TableExists(name))
    return snapshot.error();
  if (!flags.yes) {
    const std::string rows = snapshot.ok() ? CountOf(snapshot->rows, "row") : "damaged";
    const auto answer = Ask("Drop " + name.Uri() + " (" + rows + ") with all its versions? It cannot be brought back.");
    if (!answer) {
      return base::Error{base::ErrorCode::kInvalidArgument,
                         "nobody has answered whether " + name.Uri() + " may go for ever; say --yes"};
    }
    if (!*answer) {
      std::fprintf(stderr, "Nothing dropped.\n");
      return kFailed;
    }
  }
  DH_CHECK(warehouse.Drop(name));
  std::printf("%s dropped\n", name.Uri().c_str());
  TableName account = name;
  account.table += "_account";
  if (warehouse.TableExists(account))
    std::printf("Its account remains: dicomhouse table drop %s\n", TableWords(account, common).c_str());
  return kDone;
}

base::Result<int> RelocateTable(const TableFlags& flags, const Common& common) {
  const Warehouse warehouse(common.warehouse);
  DH_ASSIGN(const TableName name, ParseTableName(flags.name, common));
  DH_CHECK(warehouse.Relocate(name));
  std::printf("%s: its metadata now names %s\n", name.Uri().c_str(), warehouse.TableFolder(name).c_str());
  return kDone;
}

using Action = base::Result<int> (*)(const TableFlags&, const Common&);

// A command with what all of this file have in common.
CLI::App* AddAction(CLI::App& parent, const char* word, const char* what, Action action, const std::shared_ptr<TableFlags>& flags,
                    Common& common, Run& run) {
  CLI::App* command = parent.add_subcommand(word, what);
  command->callback([flags, action, &common, &run] {
    run = [flags, action, &common] {
      const auto code = action(*flags, common);
      return code.ok() ? *code : Complain(code.error());
    };
  });
  return command;
}

void AddName(CLI::App& command, TableFlags& flags) {
  command.add_option("NAME", flags.name, "Table: TABLE, DATASET.TABLE or bq://PROJECT.DATASET.TABLE")->required();
}

void AddJson(CLI::App& command, TableFlags& flags) { command.add_flag("--json", flags.json, "Print JSON"); }

void AddExpire(CLI::App& table, const std::shared_ptr<TableFlags>& flags, Common& common, Run& run) {
  CLI::App* command = AddAction(table, "expire", "Forget old versions and remove their files", ExpireTable, flags, common, run);
  AddName(*command, *flags);
  command->add_option("--keep", flags->keep, "Keep the newest so many versions")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command->add_option("--older-than", flags->older_than_days, "Forget only versions older than so many days")
      ->type_name("DAYS")
      ->check(CLI::Range(0.0, 36500.0));
  AddJson(*command, *flags);
  AddCommonFlags(*command, common);
  command->footer(
      "A version that is forgotten cannot be read any more; the current one always stays.\n\n"
      "Examples:\n  dicomhouse table expire metadata\n  dicomhouse table expire metadata --keep 5 --older-than 30");
}

void AddDrop(CLI::App& table, const std::shared_ptr<TableFlags>& flags, Common& common, Run& run) {
  CLI::App* command = AddAction(table, "drop", "Remove a table with all its versions", DropTable, flags, common, run);
  AddName(*command, *flags);
  command->add_flag("--yes", flags->yes, "Don't ask");
  AddCommonFlags(*command, common);
  command->footer("Examples:\n  dicomhouse table drop metadata\n  dicomhouse table drop research.metadata --yes");
}

}  // namespace

void AddTables(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<TableFlags>();
  CLI::App* tables = AddAction(app, "tables", "List the tables of the warehouse", ListTables, flags, common, run);
  AddJson(*tables, *flags);
  AddCommonFlags(*tables, common);
  tables->footer("Examples:\n  dicomhouse tables\n  dicomhouse tables --json --warehouse /data/warehouse");

  CLI::App* table = app.add_subcommand("table", "Show one table and its versions; expire, drop, relocate");
  table->require_subcommand(1);
  table->footer(
      "Examples:\n  dicomhouse table show metadata\n  dicomhouse table versions metadata\n"
      "  dicomhouse table expire metadata --keep 5\n\n`dicomhouse table COMMAND --help` has the flags of a command.");
  CLI::App* show = AddAction(*table, "show", "Rows, size, columns and version of a table", ShowTable, flags, common, run);
  CLI::App* versions =
      AddAction(*table, "versions", "The versions of a table, each export one", ShowVersions, flags, common, run);
  show->add_option("--version", flags->version, "A version that `dicomhouse table versions` lists, not the current one")
      ->type_name("VERSION")
      ->check(CLI::PositiveNumber);
  show->footer("Examples:\n  dicomhouse table show metadata\n  dicomhouse table show bq://local.dicom.metadata --json");
  versions->footer(
      "An earlier version can be read until `dicomhouse table expire` forgets it:\n"
      "  dicomhouse table show metadata --version VERSION\n"
      "  dicomhouse query --version VERSION \"SELECT COUNT(*) FROM metadata\"\n"
      "  dicomhouse query \"SELECT COUNT(*) FROM metadata FOR SYSTEM_TIME AS OF TIMESTAMP '2026-01-31 12:00:00+01'\"\n\n"
      "Examples:\n  dicomhouse table versions metadata\n  dicomhouse table versions metadata --json");
  for (CLI::App* command : {show, versions}) {
    AddName(*command, *flags);
    AddJson(*command, *flags);
    AddCommonFlags(*command, common);
  }
  AddExpire(*table, flags, common, run);
  AddDrop(*table, flags, common, run);
  CLI::App* relocate =
      AddAction(*table, "relocate", "Record where a moved table is, for other engines", RelocateTable, flags, common, run);
  AddName(*relocate, *flags);
  AddCommonFlags(*relocate, common);
  relocate->footer(
      "dicomhouse finds a table wherever its folder lies; Spark, Trino and others follow the paths that the metadata records.\n\n"
      "Example:\n  dicomhouse table relocate metadata");
}

}  // namespace dicomhouse::cli
