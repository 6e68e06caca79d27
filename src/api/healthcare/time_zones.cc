#include "api/healthcare/time_zones.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/file.h"

namespace dicomhouse::api {
namespace {

constexpr size_t kMaxNameLength = 64;
constexpr uint64_t kMaxListBytes = 4 << 20;

// Letters, digits and "_+-", parts separated by '/': no part is "..".
bool HasForm(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' ||
           c == '/';
  };
  return !name.empty() && name.size() <= kMaxNameLength && std::all_of(name.begin(), name.end(), fits) &&
         !name.starts_with('/') && !name.ends_with('/') && name.find("//") == std::string_view::npos;
}

// Other things that the folder has: the same zones once more, and the machine's own.
bool IsNoName(std::string_view name) {
  return name.starts_with("posix/") || name.starts_with("right/") || name == "posixrules" || name == "localtime";
}

bool IsZoneFile(const std::string& path) {
  constexpr std::string_view kMagic = "TZif";  // RFC 8536
  const auto file = base::InputFile::Open(path);
  std::array<uint8_t, kMagic.size()> start{};
  const auto got = file.ok() ? file->ReadAt(0, start) : base::Result<size_t>(file.error());
  return got.ok() && *got == start.size() && std::equal(start.begin(), start.end(), kMagic.begin());
}

// Lines "Z NAME ..." and "L TARGET NAME" of tzdata.zi.
bool IsInList(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const size_t end = std::min(list.find('\n'), list.size());
    std::string_view line = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    if (!line.starts_with("Z ") && !line.starts_with("L ")) continue;
    const size_t skipped = line[0] == 'L' ? line.find(' ', 2) : 1;
    if (skipped == std::string_view::npos) continue;
    line.remove_prefix(skipped + 1);
    if (line.substr(0, line.find(' ')) == name) return true;
  }
  return false;
}

}  // namespace

bool IsTimeZone(std::string_view name, const std::string& folder) {
  if (!HasForm(name) || IsNoName(name)) return false;
  if (IsZoneFile(base::JoinPath(folder, name))) return true;
  const auto list = base::RealFileSystem().ReadAll(base::JoinPath(folder, "tzdata.zi"), kMaxListBytes);
  if (list.ok()) return IsInList(*list, name);
  return !IsZoneFile(base::JoinPath(folder, "UTC"));
}

}  // namespace dicomhouse::api
