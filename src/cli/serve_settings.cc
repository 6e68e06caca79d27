#include "cli/serve_settings.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "cli/environment.h"
#include "cli/suggest.h"

namespace dicomhouse::cli {
namespace {

constexpr uint64_t kMaxConfigBytes = 1 << 20;
constexpr int kMaxThreads = 1024;

base::Error Wrong(const std::string& text) { return {base::ErrorCode::kInvalidArgument, text}; }

base::Status SetNumber(const std::string& text, int low, int high, const std::string& where, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= low && number <= high) return {};
  return Wrong(where + ": '" + text + "' is not a number from " + std::to_string(low) + " to " + std::to_string(high));
}

// `where`: for messages, such as "--port" or "house.toml:3:1: port".
base::Status Set(ServeSettings& settings, std::string_view key, const std::string& text, const std::string& where) {
  if (key == "port") {
    int port = 0;
    DH_CHECK(SetNumber(text, 0, 65535, where, port));
    settings.port = static_cast<uint16_t>(port);
    return {};
  }
  if (key == "threads") return SetNumber(text, 1, kMaxThreads, where, settings.threads);
  if (key == "log" && text != "text" && text != "json" && text != "off") {
    return Wrong(where + ": '" + text + "' is not possible; possible are text, json and off");
  }
  if (text.empty()) return Wrong(where + ": a value is missing");
  if (key == "public_url" && ((!text.starts_with("http://") && !text.starts_with("https://")) || text.ends_with('/'))) {
    return Wrong(where + ": '" + text + "' must begin with http:// or https:// and not end with a slash");
  }
  std::string* const targets[] = {&settings.data,       &settings.warehouse,       &settings.listen,  &settings.public_url,
                                  &settings.token_file, &settings.tls_certificate, &settings.tls_key, &settings.log};
  constexpr std::string_view kKeys[] = {"data",       "warehouse",       "listen",  "public_url",
                                        "token_file", "tls_certificate", "tls_key", "log"};
  *targets[std::find(std::begin(kKeys), std::end(kKeys), key) - std::begin(kKeys)] = text;
  return {};
}

base::Status ReadConfig(const std::string& path, ServeSettings& settings) {
  DH_ASSIGN(const std::string text, base::RealFileSystem().ReadAll(path, kMaxConfigBytes));
  const auto at = [&path](const toml::source_region& source) {
    return path + ":" + std::to_string(source.begin.line) + ":" + std::to_string(source.begin.column) + ": ";
  };
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return Wrong(at(error.source()) + std::string(error.description()));
  }
  std::vector<std::string> keys;
  for (const SettingInfo& info : SettingInfos()) keys.emplace_back(info.key);
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (std::find(keys.begin(), keys.end(), name) == keys.end()) {
      const std::string nearest = NearestWord(name, keys);
      return Wrong(at(key.source()) + "there is no setting '" + name + "'" +
                   (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
    std::string value;
    if (node.is_string()) {
      value = node.as_string()->get();
    } else if (node.is_integer()) {
      value = std::to_string(node.as_integer()->get());
    } else {
      return Wrong(at(node.source()) + name + " must be a text or a whole number");
    }
    DH_CHECK(Set(settings, name, value, at(node.source()) + name));
  }
  return {};
}

std::string FlagOf(std::string_view key) {
  std::string name = "--" + std::string(key);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

base::Status ReadTokens(ServeSettings& settings) {
  if (settings.token_file.empty()) return {};
  DH_ASSIGN(const std::string text, base::RealFileSystem().ReadAll(settings.token_file, kMaxConfigBytes));
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string token = text.substr(begin, end - begin);
    while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
    if (!token.empty() && token.front() != '#') settings.tokens.push_back(std::move(token));
    begin = end + 1;
  }
  if (settings.tokens.empty()) return Wrong(settings.token_file + ": there is no token in it; put one on a line");
  return {};
}

bool IsLoopback(const std::string& address) { return address.starts_with("127.") || address == "::1" || address == "localhost"; }

base::Status CheckTogether(const ServeSettings& settings) {
  if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
    return Wrong("TLS needs both --tls-certificate and --tls-key");
  }
  if (!IsLoopback(settings.listen) && (settings.token_file.empty() || settings.tls_key.empty())) {
    return Wrong("--listen " + settings.listen +
                 " would let other machines in: that needs --token-file, --tls-certificate and --tls-key as well");
  }
  return {};
}

}  // namespace

const std::vector<SettingInfo>& SettingInfos() {
  static const std::vector<SettingInfo> kInfos = {
      {"data", "DIR", "Folder of instances, objects and operations"},
      {"warehouse", "DIR", "Folder of the tables"},
      {"listen", "ADDRESS", "Address to listen on; other than the loopback only with token and TLS files (default: 127.0.0.1)"},
      {"port", "N", "Port; 0: a free one, which is printed (default: 8080)"},
      {"public_url", "URL", "What clients call this server, for links in answers (default: made of address and port)"},
      {"token_file", "FILE", "Bearer tokens, one a line: requests must bring one of them"},
      {"tls_certificate", "FILE", "Certificate chain, PEM"},
      {"tls_key", "FILE", "Its private key, PEM"},
      {"threads", "N", "Threads of an export or import (default: 2)"},
      {"log", "HOW", "Log of requests on standard error: text, json, off (default: text)"},
  };
  return kInfos;
}

base::Result<ServeSettings> LoadServeSettings(const std::string& config_file, const SettingLookup& flags,
                                              const SettingLookup& environment, ServeSettings defaults) {
  ServeSettings settings = std::move(defaults);
  if (!config_file.empty()) DH_CHECK(ReadConfig(config_file, settings));
  for (const SettingInfo& info : SettingInfos()) {
    const std::string variable = SettingVariable(info.key);
    if (const auto text = environment(variable)) DH_CHECK(Set(settings, info.key, *text, variable));
    if (const auto text = flags(info.key)) DH_CHECK(Set(settings, info.key, *text, FlagOf(info.key)));
  }
  DH_CHECK(CheckTogether(settings));
  DH_CHECK(ReadTokens(settings));
  return settings;
}

}  // namespace dicomhouse::cli
