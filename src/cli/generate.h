// The page of the manual and the completions of shells, made from the definitions of the command line.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace dicomhouse::cli {

// The page of the manual in mdoc (section 1). `date`: "July 4, 2026".
std::string ManPage(const CLI::App& app, const std::string& date);
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
std::string FishCompletion(const CLI::App& app);

}  // namespace dicomhouse::cli
