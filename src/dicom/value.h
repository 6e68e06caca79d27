// The text of DICOM's typed values to numbers: dates, times, person names, integers (PS3.5 §6.2).
// All functions take text without padding, are total (any bytes), don't allocate and are thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dicomhouse::dicom {

// DA to days since 1970-01-01. Takes YYYYMMDD and ACR-NEMA's YYYY.MM.DD; reduced precision is padded with 01
// (decision). Nothing for ranges, impossible days and years outside 0001-9999.
std::optional<int32_t> ParseDate(std::string_view text);

// TM to microseconds since midnight. HH, HHMM, HHMMSS, HHMMSS.F to .FFFFFF, and HH:MM:SS[.F]. A leap second (60)
// is taken as 59.999999 (decision). Nothing for 24:00 and ranges.
std::optional<int64_t> ParseTime(std::string_view text);

// DT to microseconds since 1970-01-01T00:00:00Z: YYYY[MM[DD[HH[MM[SS[.F+]]]]]][&ZZXX]. `offset_minutes` is used when the
// text has no offset of its own: Timezone Offset From UTC (0008,0201), or 0. Digits of F behind the sixth are finer than
// the result and don't count. Nothing for ranges and what lies outside of the years 0001-9999 of UTC.
std::optional<int64_t> ParseDateTime(std::string_view text, int offset_minutes);

// "+0100", "-0330" to minutes (PS3.3 C.12.1.1.8): -1200 to +1400. "-0000", which the standard forbids, is 0.
std::optional<int> ParseUtcOffset(std::string_view text);

// A decimal integer with optional sign: the whole text, within 64 bits.
std::optional<int64_t> ParseInteger(std::string_view text);

// PN (PS3.5 §6.2.1): up to three component groups (alphabetic, ideographic, phonetic), each with up to five components
// (family, given, middle, prefix, suffix). Views into `utf8`; trailing spaces of components removed.
// What is behind a fifth '^' or a third '=' stays in the last component: nothing is lost; `overflow` says so.
struct PersonName {
  std::array<std::array<std::string_view, 5>, 3> groups;
  bool overflow = false;
};
PersonName SplitPersonName(std::string_view utf8);

}  // namespace dicomhouse::dicom
