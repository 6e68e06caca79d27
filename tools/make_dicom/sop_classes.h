// SOP class UIDs (PS3.4 annex B) of what is made here.
#pragma once

#include <string_view>

namespace make_dicom::sop {

inline constexpr std::string_view kCt = "1.2.840.10008.5.1.4.1.1.2";
inline constexpr std::string_view kEnhancedCt = "1.2.840.10008.5.1.4.1.1.2.1";
inline constexpr std::string_view kMr = "1.2.840.10008.5.1.4.1.1.4";
inline constexpr std::string_view kEnhancedMr = "1.2.840.10008.5.1.4.1.1.4.1";
inline constexpr std::string_view kUltrasound = "1.2.840.10008.5.1.4.1.1.6.1";
inline constexpr std::string_view kDigitalXRay = "1.2.840.10008.5.1.4.1.1.1.1";
inline constexpr std::string_view kMammography = "1.2.840.10008.5.1.4.1.1.1.2";
inline constexpr std::string_view kPresentationState = "1.2.840.10008.5.1.4.1.1.11.1";
inline constexpr std::string_view kSegmentation = "1.2.840.10008.5.1.4.1.1.66.4";
inline constexpr std::string_view kWholeSlide = "1.2.840.10008.5.1.4.1.1.77.1.6";
inline constexpr std::string_view kComprehensiveSr = "1.2.840.10008.5.1.4.1.1.88.33";
inline constexpr std::string_view kDoseSr = "1.2.840.10008.5.1.4.1.1.88.67";
inline constexpr std::string_view kStructureSet = "1.2.840.10008.5.1.4.1.1.481.3";
inline constexpr std::string_view kMediaDirectory = "1.2.840.10008.1.3.10";
inline constexpr std::string_view kPerformedStep = "1.2.840.10008.3.1.2.3.3";

}  // namespace make_dicom::sop
