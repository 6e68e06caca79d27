// The whole command line, without main, so that tests and the generators of man page and completion can use it.
#pragma once

#include <memory>

#include "cli/command.h"

namespace dicomhouse::cli {

// All commands. `common` and `run` must outlive the result.
std::unique_ptr<CLI::App> MakeProgram(Common& common, Run& run);

// Parses and runs. Returns the exit code; kFailed also when standard output could not be written.
int Main(int argc, char** argv);

}  // namespace dicomhouse::cli
