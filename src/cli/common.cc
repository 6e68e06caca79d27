#include "cli/command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

namespace dicomhouse::cli {
namespace {

std::string DefaultWarehouse() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/') return std::string(data) + "/dicomhouse/warehouse";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr && *home != 0 ? home : ".") + "/.local/share/dicomhouse/warehouse";
}

}  // namespace

void AddCommonFlags(CLI::App& app, Common& common) {
  if (common.warehouse.empty()) common.warehouse = DefaultWarehouse();
  app.add_option("--warehouse", common.warehouse, "Folder of the tables")->envname("DICOMHOUSE_WAREHOUSE")->type_name("DIR")->capture_default_str();
  app.add_option("--project", common.project, "Project of table names that have none")->capture_default_str();
  app.add_option("--dataset", common.dataset, "Dataset of table names that have none")->capture_default_str();
}

int Complain(const std::string& text, int code) {
  std::fprintf(stderr, "dicomhouse: %s\n", text.c_str());
  return code;
}

}  // namespace dicomhouse::cli
