#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "cli/command.h"
#include "cli/environment.h"

namespace dicomhouse::cli {
namespace {

// What HOME says; without it (cron, services) what the system's users say. "/" when neither knows: writing there is refused,
// whereas the working folder could be anybody's.
std::string HomeFolder() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') return home;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return "";
  return entry.pw_dir;
}

// What the variable says, or a folder of the user's data (XDG Base Directory Specification).
std::string FolderOf(const char* variable, const std::string& name) {
  if (const char* folder = std::getenv(variable); folder != nullptr && *folder != 0) return folder;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/') {
    return std::string(data) + "/dicomhouse/" + name;
  }
  return HomeFolder() + "/.local/share/dicomhouse/" + name;
}

}  // namespace

std::string DefaultWarehouse() { return FolderOf(kWarehouseVariable, "warehouse"); }
std::string DefaultDataFolder() { return FolderOf(kDataVariable, "data"); }

void AddCommonFlags(CLI::App& app, Common& common) {
  if (common.warehouse.empty()) common.warehouse = DefaultWarehouse();
  // Not CLI11's envname: each command has the flag, and those that were not chosen would take the variable too.
  app.add_option("--warehouse", common.warehouse, "Folder of the tables (or the variable DICOMHOUSE_WAREHOUSE)")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--project", common.project, "Project of table names that have none")->capture_default_str();
  app.add_option("--dataset", common.dataset, "Dataset of table names that have none")->capture_default_str();
}

base::Result<warehouse::TableName> ParseTableName(const std::string& text, const Common& common) {
  return warehouse::TableName::Parse(text, {common.project, common.dataset, ""});
}

std::string WarehouseWords(const Common& common) {
  return common.warehouse == DefaultWarehouse() ? "" : "--warehouse " + base::ShellWord(common.warehouse) + " ";
}

std::string TableInQuery(const warehouse::TableName& name) {
  // Back-quotes are right for every name, words of GoogleSQL among them; those that everybody sees do without.
  const bool plain = name.table == "metadata" || name.table == "metadata_account";
  return plain && name.project == "local" && name.dataset == "dicom" ? name.table : "`" + name.Text() + "`";
}

int Complain(const base::Error& error) {
  const bool wrong_use = error.code == base::ErrorCode::kInvalidArgument;
  return Complain(error.message, error.code == base::ErrorCode::kCancelled ? kInterrupted : wrong_use ? kWrongUse : kFailed);
}

int Complain(const std::string& text, int code) {
  std::fprintf(stderr, "dicomhouse: %s\n", text.c_str());
  return code;
}

}  // namespace dicomhouse::cli
