#include "cli/environment.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/serve_settings.h"
#include "cli/suggest.h"
#include "cli/terminal.h"

namespace dicomhouse::cli {
namespace {

constexpr std::string_view kPrefix = "DICOMHOUSE_";

}  // namespace

std::string SettingVariable(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

std::vector<VariableInfo> Variables() {
  std::vector<VariableInfo> variables = {
      {kWarehouseVariable, "The folder of the tables, when --warehouse is not given."},
      {kDataVariable, "The server's data folder, when --data is not given."},
      {kEndpointVariable, "The server of the commands over one, when --endpoint is not given."},
      {kTokenVariable, "The bearer token for that server. There is no flag: all users of a machine see flags."},
      {kCaFileVariable, "Certificates to trust, PEM, when --ca-file is not given."},
      {"DICOMHOUSE_CACHE", "Where a build from the sources keeps what it has fetched."},
  };
  for (const SettingInfo& info : SettingInfos()) {
    const std::string name = SettingVariable(info.key);
    const bool known = std::any_of(variables.begin(), variables.end(), [&name](const auto& v) { return v.name == name; });
    if (!known) variables.push_back({name, "Of serve: " + std::string(info.help) + "."});
  }
  std::sort(variables.begin(), variables.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return variables;
}

std::string Environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

std::vector<std::string> UnknownVariables() {
  std::vector<std::string> lines;
  std::vector<std::string> known;  // without the prefix, which would make all of them near
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    std::string_view name = *variable;
    name = name.substr(0, name.find('='));
    if (!name.starts_with(kPrefix)) continue;
    name.remove_prefix(kPrefix.size());
    if (known.empty()) {
      for (const VariableInfo& info : Variables()) known.push_back(info.name.substr(kPrefix.size()));
    }
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string nearest = NearestWord(name, known);
    std::string line = "there is no variable " + std::string(kPrefix) + Printable(name);
    if (!nearest.empty()) {
      line += "; did you mean " + std::string(kPrefix) + nearest + "?";
    } else {
      line += "; there are";
      for (size_t i = 0; i < known.size(); ++i) line += (i == 0 ? " " : ", ") + std::string(kPrefix) + known[i];
    }
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace dicomhouse::cli
