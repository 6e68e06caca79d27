#include "modules.h"

#include <cmath>
#include <cstdio>

#include "sop_classes.h"
#include "tags.h"

namespace make_dicom {

DataSet& AddCode(DataSet& data_set, const Attribute& sequence, std::string_view value, std::string_view scheme,
                 std::string_view meaning) {
  DataSet& item = data_set.AddItem(sequence);
  item.Set(kCodeValue, value).Set(kCodingSchemeDesignator, scheme).Set(kCodeMeaning, meaning);
  return item;
}

DataSet& AddReference(DataSet& data_set, const Attribute& sequence, std::string_view sop_class, std::string_view instance) {
  DataSet& item = data_set.AddItem(sequence);
  item.Set(kReferencedSOPClassUID, sop_class).Set(kReferencedSOPInstanceUID, instance);
  return item;
}

std::string TimeText(double seconds) {
  seconds = std::fmod(seconds, 86400);
  const int whole = static_cast<int>(seconds);
  const int micros = static_cast<int>(std::lround((seconds - whole) * 1e6)) % 1000000;
  char text[40];
  std::snprintf(text, sizeof(text), "%02d%02d%02d.%06d", whole / 3600, whole / 60 % 60, whole % 60, micros);
  return text;
}

std::string DateText(int days) {
  // Days to a civil date in the proleptic Gregorian calendar, counted from 0000-03-01 so that leap days come last.
  const int shifted = days + 719468;
  const int era = shifted / 146097;
  const int day_of_era = shifted - era * 146097;
  const int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int month_from_march = (5 * day_of_year + 2) / 153;
  const int day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return Padded(static_cast<uint64_t>(year), 4) + Padded(static_cast<uint64_t>(month), 2) + Padded(static_cast<uint64_t>(day), 2);
}

void SetPatient(DataSet& data_set, const Patient& patient) {
  if (!patient.character_set.empty()) data_set.Set(kSpecificCharacterSet, patient.character_set);
  data_set.Set(kPatientName, patient.name).Set(kPatientID, patient.id).Set(kIssuerOfPatientID, "CITYHOSP");
  data_set.Set(kPatientBirthDate, patient.birth_date).Set(kPatientSex, patient.sex);
  data_set.Set(kPatientSize, patient.size_m).Set(kPatientWeight, patient.weight_kg);
  data_set.Set(kPatientComments, "").Set(kAdditionalPatientHistory, "").Set(kPregnancyStatus, patient.sex == "F" ? "1" : "4");
}

void SetStudy(DataSet& data_set, const Patient& patient, const Study& study) {
  const int age = std::atoi(study.date.substr(0, 4).c_str()) - std::atoi(patient.birth_date.substr(0, 4).c_str());
  data_set.Set(kPatientAge, Padded(static_cast<uint64_t>(age), 3) + "Y");
  data_set.Set(kStudyInstanceUID, study.uid).Set(kStudyID, study.id).Set(kAccessionNumber, study.accession);
  data_set.Set(kStudyDate, study.date).Set(kStudyTime, TimeText(study.seconds)).Set(kStudyDescription, study.description);
  data_set.Set(kReferringPhysicianName, study.referring).Set(kTimezoneOffsetFromUTC, "+0100");
  data_set.Set(kPhysiciansOfRecord, "House^Gregory\\Wilson^James").Set(kNameOfPhysiciansReadingStudy, "Roentgen^Wilhelm");
  data_set.Set(kAdmittingDiagnosesDescription, "").Set(kRequestingPhysician, study.referring);
  data_set.Set(kRequestedProcedureDescription, study.description).Set(kRequestingService, "RADIOLOGY");
  if (!study.procedure_code.empty()) {
    AddCode(data_set, kProcedureCodeSequence, study.procedure_code, "RADLEX", study.procedure_meaning);
  }
}

void SetEquipment(DataSet& data_set, const Scanner& scanner) {
  data_set.Set(kManufacturer, scanner.manufacturer).Set(kManufacturerModelName, scanner.model);
  data_set.Set(kDeviceSerialNumber, scanner.serial).Set(kStationName, scanner.station);
  data_set.Set(kSoftwareVersions, scanner.software).Set(kInstitutionName, scanner.institution);
  data_set.Set(kInstitutionAddress, "1 Hospital Road, 12345 Springfield").Set(kInstitutionalDepartmentName, "Radiology");
  data_set.Set(kDateOfLastCalibration, "20230911").Set(kTimeOfLastCalibration, "060011.000000");
  std::string digits;
  for (const char c : scanner.serial) {
    if (c >= '0' && c <= '9') digits += c;
  }
  data_set.Set(kDeviceUID, "2.25.1097" + digits);
  data_set.Set(kModality, scanner.modality);
}

namespace {

// The request of a series: items in items in items, as a modality worklist gives them.
void SetRequest(DataSet& data_set, const Study& study, const Series& series) {
  DataSet& request = data_set.AddItem(kRequestAttributesSequence);
  request.Set(kRequestedProcedureID, "RP" + study.id).Set(kScheduledProcedureStepID, "SPS" + study.id);
  request.Set(kRequestedProcedureDescription, study.description).Set(kScheduledProcedureStepDescription, series.protocol);
  request.Set(kAccessionNumber, study.accession).Set(kStudyInstanceUID, study.uid);
  DataSet& protocol = AddCode(request, kScheduledProtocolCodeSequence, "P-" + study.id, "99LOCAL", series.protocol);
  for (const std::string_view text : {"Breath hold", "Supine, feet first"}) {
    DataSet& context = protocol.AddItem(kProtocolContextSequence);
    context.Set(kValueType, "TEXT").Set(kTextValue, text);
  }
}

void SetPerformedStep(DataSet& data_set, const Study& study, const Series& series) {
  data_set.Set(kPerformedProcedureStepStartDate, study.date).Set(kPerformedProcedureStepStartTime, TimeText(study.seconds + 5));
  data_set.Set(kPerformedProcedureStepID, "PPS" + study.id).Set(kPerformedProcedureStepDescription, study.description);
  AddCode(data_set, kPerformedProtocolCodeSequence, "P-" + study.id, "99LOCAL", series.protocol);
  AddReference(data_set, kReferencedPerformedProcedureStepSequence, sop::kPerformedStep, study.uid + ".1");
}

}  // namespace

void SetSeries(DataSet& data_set, const Study& study, const Scanner& scanner, const Series& series) {
  const double begin = study.seconds + 60.0 * series.number;
  data_set.Set(kSeriesInstanceUID, series.uid).Set(kSeriesNumber, series.number).Set(kSeriesDescription, series.description);
  data_set.Set(kSeriesDate, study.date).Set(kSeriesTime, TimeText(begin)).Set(kProtocolName, series.protocol);
  data_set.Set(kBodyPartExamined, series.body_part).Set(kPatientPosition, scanner.modality == "CT" ? "FFS" : "HFS");
  data_set.Set(kOperatorsName, "Tech^Tina").Set(kPerformingPhysicianName, "Roentgen^Wilhelm");
  data_set.Set(kFrameOfReferenceUID, series.frame_of_reference).Set(kPositionReferenceIndicator, "SN");
  SetPerformedStep(data_set, study, series);
  SetRequest(data_set, study, series);
}

void SetInstance(DataSet& data_set, const Study& study, const Series& series, std::string_view sop_class, int index) {
  const double begin = study.seconds + 60.0 * series.number + 0.35 * index;
  data_set.Set(kSOPClassUID, sop_class).Set(kSOPInstanceUID, series.uid + "." + std::to_string(index + 1));
  data_set.Set(kInstanceNumber, index + 1).Set(kInstanceCreationDate, study.date).Set(kContentDate, study.date);
  data_set.Set(kInstanceCreationTime, TimeText(begin + 20)).Set(kContentTime, TimeText(begin + 12.5));
}

void SetImagePlane(DataSet& data_set, const Series& series, int index) {
  const double z = series.first_z + index * series.distance;
  const double corner = -series.pixel_spacing * series.size / 2;
  data_set.Set(kImagePositionPatient, Decimals({corner, corner, z})).Set(kSliceLocation, Decimal(z));
  data_set.Set(kImageOrientationPatient, "1\\0\\0\\0\\1\\0").Set(kSliceThickness, series.thickness);
  data_set.Set(kPixelSpacing, Decimals({series.pixel_spacing, series.pixel_spacing}));
}

void SetPixelModule(DataSet& data_set, int rows, int columns) {
  static constexpr Constant kConstants[] = {
      {kSamplesPerPixel, "1"}, {kPhotometricInterpretation, "MONOCHROME2"},
      {kBitsAllocated, "16"},  {kBitsStored, "12"},
      {kHighBit, "11"},        {kPixelRepresentation, "0"},
  };
  SetAll(data_set, kConstants);
  data_set.Set(kRows, rows).Set(kColumns, columns);
}

void SetPixels(DataSet& data_set, Random& random, size_t bytes) {
  std::string pixels = random.Bytes(bytes);
  for (size_t i = 1; i < bytes; i += 2) pixels[i] = static_cast<char>(pixels[i] & 0x0F);
  data_set.Set(kPixelData, pixels);
}

void SetCtImage(DataSet& data_set, const Series& series, Random& random) {
  static constexpr Constant kConstants[] = {
      {kImageType, "ORIGINAL\\PRIMARY\\AXIAL"},
      {kScanOptions, "HELICAL MODE"},
      {kKVP, "120"},
      {kDataCollectionDiameter, "500"},
      {kReconstructionDiameter, "360"},
      {kDistanceSourceToDetector, "949.075"},
      {kDistanceSourceToPatient, "541"},
      {kGantryDetectorTilt, "0"},
      {kTableHeight, "137.5"},
      {kRotationDirection, "CW"},
      {kExposureTime, "500"},
      {kFilterType, "BODY FILTER"},
      {kGeneratorPower, "36000"},
      {kFocalSpots, "1.2"},
      {kDateOfSecondaryCapture, ""},
      {kRevolutionTime, "0.5"},
      {kSingleCollimationWidth, "0.625"},
      {kTotalCollimationWidth, "40"},
      {kTableSpeed, "78.75"},
      {kTableFeedPerRotation, "39.375"},
      {kSpiralPitchFactor, "0.984375"},
      {kExposureModulationType, "XYZ_EC"},
      {kCTDIvol, "9.41"},
      {kRescaleIntercept, "-1024"},
      {kRescaleSlope, "1"},
      {kRescaleType, "HU"},
      {kWindowCenter, "40\\-600"},
      {kWindowWidth, "400\\1600"},
      {kWindowCenterWidthExplanation, "SOFT TISSUE\\LUNG"},
      {kAcquisitionType, "SPIRAL"},
      {kReconstructionTargetCenterPatient, "0\\0\\-112.5"},
      {kDataCollectionCenterPatient, "0\\0\\-112.5"},
      {kEstimatedDoseSaving, "25.5"},
      {kPixelPaddingValue, "63"},
      {kBurnedInAnnotation, "NO"},
      {kLossyImageCompression, "00"},
      {kPatientOrientation, "L\\P"},
  };
  SetAll(data_set, kConstants);
  data_set.Set(kConvolutionKernel, series.kernel).Set(kSpacingBetweenSlices, series.distance);
  data_set.Set(kXRayTubeCurrent, random.Between(120, 480)).Set(kExposure, random.Between(60, 240));
  DataSet& phantom = AddCode(data_set, kCTDIPhantomTypeCodeSequence, "113691", "DCM", "IEC Body Dosimetry Phantom");
  phantom.Set(kCodingSchemeVersion, "01");
  if (series.contrast.empty()) return;
  data_set.Set(kContrastBolusAgent, series.contrast).Set(kContrastBolusRoute, "IV").Set(kContrastBolusVolume, "90");
  data_set.Set(kContrastFlowRate, "3.5").Set(kContrastBolusIngredient, "IODINE");
}

void SetMrImage(DataSet& data_set, const Series& series, Random& random) {
  static constexpr Constant kConstants[] = {
      {kImageType, "ORIGINAL\\PRIMARY\\M\\NORM\\DIS2D"},
      {kScanningSequence, "SE"},
      {kSequenceVariant, "SK\\SP\\OSP"},
      {kScanOptions, "PFP\\FS"},
      {kMRAcquisitionType, "2D"},
      {kSequenceName, "*tse2d1_15"},
      {kAngioFlag, "N"},
      {kNumberOfAverages, "2"},
      {kImagingFrequency, "123.253721"},
      {kImagedNucleus, "1H"},
      {kEchoNumbers, "1"},
      {kMagneticFieldStrength, "3"},
      {kNumberOfPhaseEncodingSteps, "310"},
      {kEchoTrainLength, "15"},
      {kPercentSampling, "80"},
      {kPercentPhaseFieldOfView, "87.5"},
      {kPixelBandwidth, "220"},
      {kTransmitCoilName, "Body"},
      {kReceiveCoilName, "HeadNeck_64"},
      {kAcquisitionMatrix, "0\\320\\224\\0"},
      {kInPlanePhaseEncodingDirection, "ROW"},
      {kFlipAngle, "150"},
      {kVariableFlipAngleFlag, "N"},
      {kSAR, "0.8812345"},
      {kdBdt, "0"},
      {kB1rms, "1.9"},
      {kWindowCenter, "420"},
      {kWindowWidth, "880"},
      {kWindowCenterWidthExplanation, "Algo1"},
      {kNumberOfTemporalPositions, "1"},
      {kTemporalPositionIdentifier, "1"},
      {kBurnedInAnnotation, "NO"},
      {kLossyImageCompression, "00"},
      {kPatientOrientation, "L\\P"},
      {kTriggerTime, ""},
  };
  SetAll(data_set, kConstants);
  data_set.Set(kRepetitionTime, random.Between(20, 60) * 100).Set(kEchoTime, random.Between(8, 110));
  data_set.Set(kSpacingBetweenSlices, series.distance);
  if (!series.contrast.empty()) data_set.Set(kContrastBolusAgent, series.contrast).Set(kContrastBolusVolume, "7.5");
}

namespace {

// Private elements: `element` in the block that `group`,0010 or 0011 reserves.
constexpr Attribute Private(uint32_t group, uint32_t block, uint32_t element, const char (&vr)[3]) {
  return {group << 16 | block << 8 | element, {vr[0], vr[1], 0}};
}
constexpr Attribute Creator(uint32_t group, uint32_t block) { return {group << 16 | block, {'L', 'O', 0}}; }

void SetGeBlocks(DataSet& data_set, const Series& series, int index) {
  data_set.Set(Creator(0x0009, 0x10), "GEMS_IDEN_01").Set(Private(0x0009, 0x10, 0x01, "LO"), "GE_GENESIS_FF");
  data_set.Set(Private(0x0009, 0x10, 0x02, "SH"), "CT01").Set(Private(0x0009, 0x10, 0x04, "SH"), "HiSpeed CT/i");
  data_set.Set(Private(0x0009, 0x10, 0x27, "SL"), 1700000000.0 + series.number);
  data_set.Set(Private(0x0009, 0x10, 0xE3, "UI"), series.uid + ".0.1").Set(Private(0x0009, 0x10, 0xE6, "SH"), "05");
  data_set.Set(Private(0x0009, 0x10, 0xE7, "UL"), 2862301845.0);
  data_set.Set(Creator(0x0019, 0x10), "GEMS_ACQU_01").Set(Private(0x0019, 0x10, 0x02, "SL"), 912.0);
  data_set.Set(Private(0x0019, 0x10, 0x03, "DS"), "389.75").Set(Private(0x0019, 0x10, 0x04, "DS"), "1.0239");
  data_set.Set(Private(0x0019, 0x10, 0x0F, "DS"), "613.9").Set(Private(0x0019, 0x10, 0x11, "SS"), 1.0);
  data_set.Set(Private(0x0019, 0x10, 0x18, "LO"), "S").Set(Private(0x0019, 0x10, 0x1A, "LO"), "I");
  data_set.Set(Private(0x0019, 0x10, 0x23, "DS"), "39.375").Set(Private(0x0019, 0x10, 0x24, "DS"), 2 + 0.25 * index);
  data_set.Set(Private(0x0019, 0x10, 0x25, "SS"), 0.0).Set(Private(0x0019, 0x10, 0x26, "SL"), 180.0 + index);
  data_set.Set(Private(0x0019, 0x10, 0x27, "DS"), "0.5").Set(Private(0x0019, 0x10, 0x2C, "SL"), 1968.0);
  data_set.Set(Private(0x0019, 0x10, 0x2E, "DS"), "-12.5").Set(Private(0x0019, 0x10, 0x2F, "DS"), "984");
}

// The CSA headers are bytes that only the vendor reads: name, VM, VR, items. What they say is not needed here.
std::string CsaHeader(Random& random, size_t bytes) {
  std::string header = "SV10\4\3\2\1";
  header += std::string("\x52\0\0\0\x4d\0\0\0", 8);
  header += random.Bytes(bytes - header.size());
  return header;
}

void SetSiemensBlocks(DataSet& data_set, const Series& series, int index, Random& random) {
  data_set.Set(Creator(0x0019, 0x10), "SIEMENS MR HEADER").Set(Private(0x0019, 0x10, 0x08, "CS"), "IMAGE NUM 4");
  data_set.Set(Private(0x0019, 0x10, 0x09, "LO"), "1.0").Set(Private(0x0019, 0x10, 0x0B, "DS"), "230300");
  data_set.Set(Private(0x0019, 0x10, 0x0F, "SH"), "Fast").Set(Private(0x0019, 0x10, 0x11, "SH"), "No");
  data_set.Set(Private(0x0019, 0x10, 0x12, "SL"), {0.0, 0.0, -1281.0})
      .Set(Private(0x0019, 0x10, 0x13, "SL"), {0.0, 0.0, -1281.0});
  data_set.Set(Private(0x0019, 0x10, 0x14, "IS"), "0\\0\\0");
  data_set.Set(Private(0x0019, 0x10, 0x15, "FD"), {-120.5, -88.25, series.first_z + series.distance * index});
  data_set.Set(Private(0x0019, 0x10, 0x17, "DS"), "1").Set(Private(0x0019, 0x10, 0x18, "IS"), "7100");
  data_set.Set(Creator(0x0029, 0x10), "SIEMENS CSA HEADER").Set(Creator(0x0029, 0x11), "SIEMENS MEDCOM HEADER2");
  data_set.Set(Private(0x0029, 0x10, 0x08, "CS"), "IMAGE NUM 4").Set(Private(0x0029, 0x10, 0x09, "LO"), "20230102");
  if (index == 0) {  // the same in the whole series; the scanner's image header is left out where it would vary most
    data_set.Set(Private(0x0029, 0x10, 0x10, "OB"), CsaHeader(random, 1024));
    data_set.Set(Private(0x0029, 0x10, 0x20, "OB"), CsaHeader(random, 1536));
  }
  data_set.Set(Private(0x0029, 0x10, 0x18, "CS"), "MR").Set(Private(0x0029, 0x10, 0x19, "LO"), "20230102");
  data_set.Set(Private(0x0029, 0x11, 0x60, "LO"), "com");
}

void SetPhilipsBlocks(DataSet& data_set, const Series& series, int index) {
  data_set.Set(Creator(0x2001, 0x10), "Philips Imaging DD 001").Set(Private(0x2001, 0x10, 0x01, "FL"), 0.0);
  data_set.Set(Private(0x2001, 0x10, 0x03, "FL"), 0.0).Set(Private(0x2001, 0x10, 0x06, "CS"), "N");
  data_set.Set(Private(0x2001, 0x10, 0x0A, "IS"), index + 1).Set(Private(0x2001, 0x10, 0x0B, "CS"), "TRANSVERSAL");
  data_set.Set(Private(0x2001, 0x10, 0x18, "SL"), series.instances).Set(Private(0x2001, 0x10, 0x20, "LO"), "TSE");
  data_set.Set(Private(0x2001, 0x10, 0x22, "FL"), 0.4812);
  data_set.Set(Creator(0x2005, 0x10), "Philips MR Imaging DD 001").Set(Private(0x2005, 0x10, 0x00, "FL"), -12.125);
  data_set.Set(Private(0x2005, 0x10, 0x0D, "FL"), 0.0).Set(Private(0x2005, 0x10, 0x0E, "FL"), 0.00721);
  data_set.Set(Private(0x2005, 0x10, 0x33, "FL"), 142.5).Set(Private(0x2005, 0x10, 0x35, "CS"), "PIXEL");
  DataSet& stack = data_set.AddItem(Private(0x2001, 0x10, 0x5F, "SQ"));
  stack.Set(Creator(0x2001, 0x10), "Philips Imaging DD 001").Set(Private(0x2001, 0x10, 0x2D, "SS"), series.instances);
  stack.Set(Private(0x2001, 0x10, 0x32, "FL"), 33.5).Set(Private(0x2001, 0x10, 0x33, "CS"), "RL");
  stack.Set(Creator(0x2005, 0x10), "Philips MR Imaging DD 001").Set(Private(0x2005, 0x10, 0x71, "FL"), -1.125);
  DataSet& original = data_set.AddItem(Private(0x2005, 0x10, 0x80, "SQ"));
  original.Set(kEchoTime, "80").Set(kImageComments, "");
}

}  // namespace

void SetPrivateBlocks(DataSet& data_set, const Scanner& scanner, const Series& series, int index, Random& random) {
  switch (scanner.vendor) {
    case Vendor::kGe:
      return SetGeBlocks(data_set, series, index);
    case Vendor::kSiemens:
      return SetSiemensBlocks(data_set, series, index, random);
    case Vendor::kPhilips:
      data_set.Remove(Private(0x2001, 0x10, 0x5F, "SQ"));
      data_set.Remove(Private(0x2005, 0x10, 0x80, "SQ"));
      return SetPhilipsBlocks(data_set, series, index);
    case Vendor::kOther:
      return;
  }
}

}  // namespace make_dicom
