// `dicomhouse schema`: the schema that an export would make, or that a table has; differences; where a field comes from.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "base/file.h"
#include "base/limits.h"
#include "cli/command.h"
#include "cli/reading.h"
#include "cli/schema_why.h"
#include "cli/terminal.h"
#include "table/schema.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::cli {
namespace {

struct SchemaFlags {
  ReadFlags read;
  std::string table;
  std::string why;
  bool json = false;
  std::string first;  // of diff
  std::string second;
  bool diff_json = false;
};

// The schema of an export that is thrown away.
struct WouldBe {
  table::Schema schema;
  uint64_t instances = 0;
  uint64_t failures = 0;
};
base::Result<WouldBe> SchemaOfPaths(const ReadFlags& flags) {
  transfer::ExportOptions options;
  DH_ASSIGN(options.mapping, MappingOf(flags));
  options.when_cancelled = "stopped before the end";
  const auto nowhere = transfer::OpenNullDestination();
  DH_ASSIGN(RunResult run, RunOver(flags, std::move(options), *nowhere, nullptr));
  return WouldBe{std::move(run.report.schema), run.report.instances, run.failures};
}

// One field a line, as diffs and eyes like it.
void PrintSchema(const table::Schema& schema) { std::printf("%s\n", table::ToBigQueryJson(schema).Print(2).c_str()); }

base::Result<int> ShowSchema(const SchemaFlags& flags, const Common& common) {
  if (!flags.why.empty()) {
    if (flags.read.paths.empty())
      return base::Error{base::ErrorCode::kInvalidArgument, "--why needs the PATH of files to look at"};
    DH_CHECK(MappingOf(flags.read));
    return ExplainField(flags.read, flags.why, flags.json);
  }
  if (flags.read.paths.empty() == flags.table.empty()) {
    return base::Error{base::ErrorCode::kInvalidArgument,
                       "give either the PATH of files, or --table NAME\n"
                       "  dicomhouse schema FOLDER\n  dicomhouse schema --table metadata"};
  }
  if (!flags.table.empty()) {
    DH_ASSIGN(const warehouse::TableName name, ParseTableName(flags.table, common));
    DH_ASSIGN(const warehouse::Snapshot snapshot, warehouse::Warehouse(common.warehouse).OpenTable(name));
    PrintSchema(snapshot.schema);
    return kDone;
  }
  DH_ASSIGN(const WouldBe found, SchemaOfPaths(flags.read));
  PrintSchema(found.schema);
  return found.failures > 0 ? kDoneWithFailures : kDone;
}

// ---- diff

// A file whose first character that is no blank begins a JSON value.
bool LooksLikeJson(const std::string& path) {
  const auto file = base::InputFile::Open(path);
  std::array<uint8_t, 256> bytes{};
  if (!file.ok()) return false;
  const auto read = file->ReadAt(0, bytes);
  if (!read.ok()) return false;
  for (size_t i = 0; i < *read; ++i) {
    if (bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t') continue;
    return bytes[i] == '[' || bytes[i] == '{';
  }
  return false;
}

// The schema that `text` stands for: a table, a JSON file, or what an export of a file or folder would make.
base::Result<table::Schema> SchemaOf(const std::string& text, const ReadFlags& flags, const Common& common) {
  std::error_code ignored;
  const bool there = std::filesystem::exists(text, ignored);
  if (text.starts_with("bq://") || !there) {
    const auto name = ParseTableName(text, common);
    const warehouse::Warehouse warehouse(common.warehouse);
    if (!text.starts_with("bq://") && (!name.ok() || !warehouse.TableExists(*name))) {
      return base::Error{base::ErrorCode::kNotFound,
                         text + ": neither a file, nor a folder, nor a table of " + warehouse.folder()};
    }
    if (!name.ok()) return name.error();
    DH_ASSIGN(warehouse::Snapshot snapshot, warehouse.OpenTable(*name));
    return std::move(snapshot.schema);
  }
  if (!std::filesystem::is_directory(text, ignored) && LooksLikeJson(text)) {
    DH_ASSIGN(const std::string bytes, base::RealFileSystem().ReadAll(text, base::kMaxMetadataBytes));
    const auto json = base::Json::Parse(bytes);
    if (!json.ok()) return base::Error{json.error().code, text + ": " + json.error().message};
    // `bq show --format=prettyjson` prints {"schema": {"fields": [...]}}, `bq show --schema` the list alone.
    auto schema = table::FromBigQueryJson(json->find("schema") != nullptr ? (*json)["schema"] : *json);
    if (!schema.ok()) return base::Error{schema.error().code, text + ": " + schema.error().message};
    return *std::move(schema);
  }
  ReadFlags one = flags;
  one.paths = {text};
  DH_ASSIGN(WouldBe found, SchemaOfPaths(one));
  if (found.instances == 0) {
    const bool folder = std::filesystem::is_directory(text, ignored);
    return base::Error{base::ErrorCode::kInvalidArgument, text + (folder ? ": no DICOM instance could be read in it"
                                                                         : ": neither a BigQuery schema in JSON nor DICOM")};
  }
  return std::move(found.schema);
}

using Fields = std::map<std::string, std::string>;  // path, type and mode

// Every field by its path. Schemas have a bounded depth.
void Flatten(const std::vector<table::Field>& fields, const std::string& above, Fields& out) {  // NOLINT(misc-no-recursion)
  for (const table::Field& field : fields) {
    const std::string path = above + field.name;
    out[path] = std::string(table::TypeName(field.type)) + " " + std::string(table::ModeName(field.mode));
    Flatten(field.fields, path + ".", out);
  }
}

struct Difference {
  std::string field;
  std::string first;  // "" when only in the second
  std::string second;
};

std::vector<Difference> Compare(const table::Schema& a, const table::Schema& b) {
  Fields first;
  Fields second;
  Flatten(a.fields, "", first);
  Flatten(b.fields, "", second);
  std::vector<Difference> differences;
  for (const auto& [path, type] : first) {
    const auto other = second.find(path);
    if (other == second.end()) {
      differences.push_back({path, type, ""});
    } else if (other->second != type) {
      differences.push_back({path, type, other->second});
    }
  }
  for (const auto& [path, type] : second) {
    if (!first.contains(path)) differences.push_back({path, "", type});
  }
  return differences;
}

base::Json DifferencesJson(const std::vector<Difference>& differences) {
  base::Json only_first = base::Json::MakeArray();
  base::Json only_second = base::Json::MakeArray();
  base::Json different = base::Json::MakeArray();
  for (const Difference& one : differences) {
    base::Json json = base::Json::MakeObject();
    json.Set("field", one.field);
    if (one.second.empty()) {
      only_first.Append(std::move(json.Set("type", one.first)));
    } else if (one.first.empty()) {
      only_second.Append(std::move(json.Set("type", one.second)));
    } else {
      different.Append(std::move(json.Set("first", one.first).Set("second", one.second)));
    }
  }
  base::Json json = base::Json::MakeObject();
  return json.Set("onlyInFirst", std::move(only_first))
      .Set("onlyInSecond", std::move(only_second))
      .Set("different", std::move(different));
}

void PrintDifferences(const SchemaFlags& flags, const std::vector<Difference>& differences) {
  if (differences.empty()) {
    std::printf("The same fields, types and modes.\n");
    return;
  }
  std::printf("- only in %s, + only in %s, ! in both but different\n", flags.first.c_str(), flags.second.c_str());
  for (const Difference& one : differences) {
    if (one.second.empty()) std::printf("- %s  %s\n", one.field.c_str(), one.first.c_str());
  }
  for (const Difference& one : differences) {
    if (one.first.empty()) std::printf("+ %s  %s\n", one.field.c_str(), one.second.c_str());
  }
  for (const Difference& one : differences) {
    if (!one.first.empty() && !one.second.empty()) {
      std::printf("! %s  %s, %s\n", one.field.c_str(), one.first.c_str(), one.second.c_str());
    }
  }
}

base::Result<int> DiffSchemas(const SchemaFlags& flags, const Common& common) {
  DH_ASSIGN(const table::Schema first, SchemaOf(flags.first, flags.read, common));
  DH_ASSIGN(const table::Schema second, SchemaOf(flags.second, flags.read, common));
  const auto differences = Compare(first, second);
  if (flags.diff_json) {
    PrintJson(DifferencesJson(differences));
  } else {
    PrintDifferences(flags, differences);
  }
  DH_CHECK(FlushOutput());  // here, since 1 would say that they differ
  return differences.empty() ? kDone : kFailed;
}

void AddDiff(CLI::App& schema, const std::shared_ptr<SchemaFlags>& flags, Common& common, Run& run) {
  CLI::App* diff = schema.add_subcommand("diff", "Compare two schemas");
  diff->footer(
      "A and B are BigQuery schemas in JSON files, tables (bq://... or names), folders or files to export.\n"
      "The order of fields does not count. Exit codes: 0 the same, 1 different, 2 not comparable.\n\n"
      "Examples:\n  dicomhouse schema diff old.json ~/scans\n  dicomhouse schema diff bq://local.dicom.metadata google.json");
  diff->add_option("A", flags->first, "The first schema")->required();
  diff->add_option("B", flags->second, "The second schema")->required();
  diff->add_flag("--json", flags->diff_json, "Print JSON");
  AddReadFlags(*diff, flags->read);
  AddCommonFlags(*diff, common);
  diff->callback([flags, &common, &run] {
    run = [flags, &common] {
      const auto code = DiffSchemas(*flags, common);
      if (code.ok()) return *code;
      // As diff and cmp have it: 1 says that they differ, and nothing else.
      return Complain(code.error().message, code.error().code == base::ErrorCode::kCancelled ? kInterrupted : kWrongUse);
    };
  });
}

}  // namespace

void AddSchema(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<SchemaFlags>();
  CLI::App* command = app.add_subcommand("schema", "Print the schema that an export would make, or compare schemas");
  command->footer(std::string(kPathHelp) +
                  "The output is BigQuery's JSON, as `bq mk --schema` takes it. No table is written.\n\n"
                  "Examples:\n"
                  "  dicomhouse schema ~/scans > schema.json\n"
                  "  dicomhouse schema --table metadata\n"
                  "  dicomhouse schema diff schema.json ~/more_scans\n"
                  "  dicomhouse schema --why RequestAttributesSequence.ScheduledProcedureStepID ~/scans\n"
                  "  dicomhouse schema --why 7FE0,0010 ~/scans");
  command->add_option("PATH", flags->read.paths, "What an export would read");
  command->add_option("--table", flags->table, "Print the schema of this table instead")->type_name("NAME");
  command
      ->add_option("--why", flags->why,
                   "Where this field comes from: the first file that has it, the dictionary's entry and the rule. "
                   "A dotted path of columns, keywords or tags")
      ->type_name("FIELD");
  command->add_flag("--json", flags->json, "With --why: print JSON");
  AddReadFlags(*command, flags->read);
  AddCommonFlags(*command, common);
  AddDiff(*command, flags, common, run);
  command->callback([flags, command, &common, &run] {
    if (!command->get_subcommands().empty()) return;
    run = [flags, &common] {
      const auto code = ShowSchema(*flags, common);
      return code.ok() ? *code : Complain(code.error());
    };
  });
}

}  // namespace dicomhouse::cli
