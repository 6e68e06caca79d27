// Names of time zones, as a dataset has one: by the system's zone database, for the time of a call.
#pragma once

#include <string>
#include <string_view>

namespace dicomhouse::api {

// Where Linux has the IANA database: a file for each name, and tzdata.zi with all of them.
inline constexpr char kZoneFolder[] = "/usr/share/zoneinfo";

// Whether the database in `folder` has the name; where there is none, whether the name has the form of one.
bool IsTimeZone(std::string_view name, const std::string& folder = kZoneFolder);

}  // namespace dicomhouse::api
