// Value representations (PS3.5 §6.2) and what the encoding says of each (PS3.5 §7.1.2).
#pragma once

#include <cstdint>
#include <string_view>

namespace dicomhouse::dicom {

enum class Vr : uint8_t {
  kNone,  // no VR known: an unknown element in implicit VR, or two bytes that are no VR
  kAE,
  kAS,
  kAT,
  kCS,
  kDA,
  kDS,
  kDT,
  kFD,
  kFL,
  kIS,
  kLO,
  kLT,
  kOB,
  kOD,
  kOF,
  kOL,
  kOV,
  kOW,
  kPN,
  kSH,
  kSL,
  kSQ,
  kSS,
  kST,
  kSV,
  kTM,
  kUC,
  kUI,
  kUL,
  kUN,
  kUR,
  kUS,
  kUT,
  kUV,
};
inline constexpr int kVrCount = 35;

namespace internal {
inline constexpr char kVrText[kVrCount][3] = {"--", "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO",
                                              "LT", "OB", "OD", "OF", "OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS",
                                              "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV"};
struct VrTable {
  Vr vr[26 * 26] = {};
  constexpr VrTable() {
    for (int i = 1; i < kVrCount; ++i) vr[(kVrText[i][0] - 'A') * 26 + (kVrText[i][1] - 'A')] = static_cast<Vr>(i);
  }
};
inline constexpr VrTable kVrTable;
}  // namespace internal

// The VR that two bytes spell; kNone when they spell none.
constexpr Vr VrFromBytes(uint8_t first, uint8_t second) {
  const unsigned a = static_cast<unsigned>(first) - 'A';
  const unsigned b = static_cast<unsigned>(second) - 'A';
  return a < 26 && b < 26 ? internal::kVrTable.vr[a * 26 + b] : Vr::kNone;
}
constexpr std::string_view VrText(Vr vr) { return {internal::kVrText[static_cast<int>(vr)], 2}; }

namespace internal {
constexpr uint64_t VrSet(std::initializer_list<Vr> vrs) {
  uint64_t set = 0;
  for (const Vr vr : vrs) set |= uint64_t{1} << static_cast<int>(vr);
  return set;
}
constexpr bool In(uint64_t set, Vr vr) { return (set >> static_cast<int>(vr) & 1) != 0; }
}  // namespace internal

// Explicit VR: a length field of 32 bits behind two reserved bytes (PS3.5 table 7.1-1).
constexpr bool HasLongLength(Vr vr) {
  return internal::In(internal::VrSet({Vr::kOB, Vr::kOD, Vr::kOF, Vr::kOL, Vr::kOV, Vr::kOW, Vr::kSQ, Vr::kSV, Vr::kUC, Vr::kUN,
                                       Vr::kUR, Vr::kUT, Vr::kUV}),
                      vr);
}
// Values without a type in a table: "excluded VRs".
constexpr bool IsBulk(Vr vr) {
  return internal::In(internal::VrSet({Vr::kOB, Vr::kOD, Vr::kOF, Vr::kOL, Vr::kOV, Vr::kOW, Vr::kUN}), vr);
}
// Text in any repertoire.
constexpr bool IsText(Vr vr) {
  return internal::In(internal::VrSet({Vr::kAE, Vr::kAS, Vr::kCS, Vr::kDA, Vr::kDS, Vr::kDT, Vr::kIS, Vr::kLO, Vr::kLT, Vr::kPN,
                                       Vr::kSH, Vr::kST, Vr::kTM, Vr::kUC, Vr::kUI, Vr::kUR, Vr::kUT}),
                      vr);
}
// Text that Specific Character Set (0008,0005) applies to (PS3.5 §6.1.2.2).
constexpr bool UsesCharacterSet(Vr vr) {
  return internal::In(internal::VrSet({Vr::kLO, Vr::kLT, Vr::kPN, Vr::kSH, Vr::kST, Vr::kUC, Vr::kUT}), vr);
}
// A backslash separates values (it is an ordinary character in LT, ST, UR and UT).
constexpr bool SplitsAtBackslash(Vr vr) {
  return IsText(vr) && !internal::In(internal::VrSet({Vr::kLT, Vr::kST, Vr::kUR, Vr::kUT}), vr);
}
// Bytes of one value of a binary VR; 0 for text, sequences and byte streams.
constexpr uint32_t ValueSize(Vr vr) {
  switch (vr) {
    case Vr::kSS:
    case Vr::kUS:
    case Vr::kOW:
      return 2;
    case Vr::kAT:
    case Vr::kFL:
    case Vr::kSL:
    case Vr::kUL:
    case Vr::kOF:
    case Vr::kOL:
      return 4;
    case Vr::kFD:
    case Vr::kSV:
    case Vr::kUV:
    case Vr::kOD:
    case Vr::kOV:
      return 8;
    default:
      return 0;
  }
}

}  // namespace dicomhouse::dicom
