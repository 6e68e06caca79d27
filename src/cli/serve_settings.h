// What `dicomhouse serve` runs with: defaults, then the configuration file (TOML), then environment variables, then flags.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dicomhouse::cli {

struct ServeSettings {
  std::string data;       // the data folder
  std::string warehouse;  // the folder of tables
  std::string listen = "127.0.0.1";
  uint16_t port = 8080;    // 0: a free one
  std::string public_url;  // of links in answers, without a slash at its end; "": made of address and port
  std::string token_file;
  std::string tls_certificate;
  std::string tls_key;
  int threads = 2;                  // of exports and imports
  std::string log = "text";         // of requests, on standard error: text, json, off
  std::vector<std::string> tokens;  // read from token_file
};

// One setting: `--listen ADDRESS`, DICOMHOUSE_LISTEN, `listen = "…"`.
struct SettingInfo {
  const char* key;  // in the file; flags have '-' for '_', variables are in capitals behind DICOMHOUSE_
  const char* type_name;
  const char* help;
};
// All of them, in the order of --help.
const std::vector<SettingInfo>& SettingInfos();

// A setting's text from one of the places, or nothing.
using SettingLookup = std::function<std::optional<std::string>(std::string_view key)>;

// `config_file`: "" for none. `flags` and `environment` are asked for each key. Errors: kInvalidArgument with file, line and
// column (unknown keys, wrong types), or the name of flag or variable; and for what must not be: listening on more than the
// loopback without a token file and TLS files. kNotFound: the files. `defaults`: data and warehouse.
base::Result<ServeSettings> LoadServeSettings(const std::string& config_file, const SettingLookup& flags,
                                              const SettingLookup& environment, ServeSettings defaults);

}  // namespace dicomhouse::cli
