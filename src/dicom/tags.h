// Tags of attributes that more than one module asks for by name (PS3.6 §6, §7). All others come from the dictionary.
#pragma once

#include <cstdint>

namespace dicomhouse::dicom {

inline constexpr uint32_t kMediaStorageSopClassUidTag = 0x00020002;
inline constexpr uint32_t kMediaStorageSopInstanceUidTag = 0x00020003;
inline constexpr uint32_t kTransferSyntaxUidTag = 0x00020010;
inline constexpr uint32_t kSpecificCharacterSetTag = 0x00080005;
inline constexpr uint32_t kSopClassUidTag = 0x00080016;
inline constexpr uint32_t kSopInstanceUidTag = 0x00080018;
inline constexpr uint32_t kTimezoneOffsetFromUtcTag = 0x00080201;
inline constexpr uint32_t kStudyInstanceUidTag = 0x0020000D;
inline constexpr uint32_t kSeriesInstanceUidTag = 0x0020000E;
inline constexpr uint32_t kPixelRepresentationTag = 0x00280103;

}  // namespace dicomhouse::dicom
