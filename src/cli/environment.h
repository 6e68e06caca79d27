// The variables that the program reads: all that begin with DICOMHOUSE_ are listed here and nowhere else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dicomhouse::cli {

inline constexpr const char* kWarehouseVariable = "DICOMHOUSE_WAREHOUSE";
inline constexpr const char* kDataVariable = "DICOMHOUSE_DATA";
inline constexpr const char* kEndpointVariable = "DICOMHOUSE_ENDPOINT";
inline constexpr const char* kTokenVariable = "DICOMHOUSE_TOKEN";
inline constexpr const char* kCaFileVariable = "DICOMHOUSE_CA_FILE";

// The variable of a setting of `serve` (SettingInfos): DICOMHOUSE_ and the key in capitals.
std::string SettingVariable(std::string_view key);

struct VariableInfo {
  std::string name;
  std::string help;  // a sentence
};
// All of them, sorted by name; those of the settings of `serve` too.
std::vector<VariableInfo> Variables();

// What the variable says; "" when it is not set.
std::string Environment(const char* name);

// For each variable that is set and begins with DICOMHOUSE_, but that nothing reads, a line for people that names the nearest.
// Never its value.
std::vector<std::string> UnknownVariables();

}  // namespace dicomhouse::cli
