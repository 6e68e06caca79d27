// A fast hash of bytes for tables in memory. Not for anything on disk, and not against an attacker.
#pragma once

#include <cstdint>
#include <string_view>

namespace dicomhouse::table {

uint64_t HashBytes(std::string_view bytes);

}  // namespace dicomhouse::table
