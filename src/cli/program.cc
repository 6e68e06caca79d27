#include "cli/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace dicomhouse::cli {

std::unique_ptr<CLI::App> MakeProgram(Common& common, Run& run) {
  auto app = std::make_unique<CLI::App>("DICOM archives as SQL tables, on your own machine", "dicomhouse");
  app->set_version_flag("--version", std::string("dicomhouse ") + DICOMHOUSE_VERSION);
  app->require_subcommand(1);
  app->footer(
      "Start here:\n"
      "  dicomhouse export ~/scans\n"
      "  dicomhouse query \"SELECT Modality, COUNT(*) AS n FROM metadata GROUP BY Modality\"\n\n"
      "`dicomhouse COMMAND --help` has the flags and examples of a command.");
  AddExport(*app, common, run);
  AddQuery(*app, common, run);
  AddTables(*app, common, run);
  AddSchema(*app, common, run);
  return app;
}

int Main(int argc, char** argv) {
  Common common;
  Run run;
  const auto app = MakeProgram(common, run);
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11's own codes begin at 100: wrong use is 2, help and version are 0.
    return app->exit(error) == 0 ? kDone : kWrongUse;
  }
  return run ? run() : kWrongUse;
}

}  // namespace dicomhouse::cli
