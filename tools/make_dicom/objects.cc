#include "objects.h"

#include <algorithm>

#include "sop_classes.h"
#include "tags.h"

namespace make_dicom {
namespace {

// Content items of structured reports (PS3.3 C.17.3).
DataSet& AddContent(DataSet& parent, std::string_view relationship, std::string_view type, const Code& name) {
  DataSet& item = parent.AddItem(kContentSequence);
  item.Set(kRelationshipType, relationship).Set(kValueType, type);
  AddCode(item, kConceptNameCodeSequence, name.value, name.scheme, name.meaning);
  return item;
}
void AddTextContent(DataSet& parent, std::string_view relationship, const Code& name, std::string_view text) {
  AddContent(parent, relationship, "TEXT", name).Set(kTextValue, text);
}
void AddUidContent(DataSet& parent, std::string_view relationship, const Code& name, std::string_view uid) {
  AddContent(parent, relationship, "UIDREF", name).Set(kUID, uid);
}
void AddCodeContent(DataSet& parent, std::string_view relationship, const Code& name, const Code& code) {
  AddCode(AddContent(parent, relationship, "CODE", name), kConceptCodeSequence, code.value, code.scheme, code.meaning);
}
DataSet& AddNumberContent(DataSet& parent, const Code& name, double value, const Code& unit) {
  DataSet& item = AddContent(parent, "CONTAINS", "NUM", name);
  DataSet& measured = item.AddItem(kMeasuredValueSequence);
  measured.Set(kNumericValue, Decimal(value));
  AddCode(measured, kMeasurementUnitsCodeSequence, unit.value, unit.scheme, unit.meaning);
  return item;
}
DataSet& AddContainer(DataSet& parent, const Code& name) {
  DataSet& item = AddContent(parent, "CONTAINS", "CONTAINER", name);
  return item.Set(kContinuityOfContent, "SEPARATE");
}

constexpr Code kMillimetre = {"mm", "UCUM", "millimeter"};
constexpr Code kFinding = {"121071", "DCM", "Finding"};
constexpr Code kTracking = {"112039", "DCM", "Tracking Identifier"};

void SetReportHead(DataSet& data_set, const Code& title) {
  data_set.Set(kValueType, "CONTAINER").Set(kContinuityOfContent, "SEPARATE");
  data_set.Set(kCompletionFlag, "COMPLETE").Set(kVerificationFlag, "UNVERIFIED");
  AddCode(data_set, kConceptNameCodeSequence, title.value, title.scheme, title.meaning);
  data_set.AddItem(kContentTemplateSequence).Set(kMappingResource, "DCMR").Set(kTemplateIdentifier, "1500");
  data_set.EmptySequence(kReferencedPerformedProcedureStepSequence).EmptySequence(kPerformedProcedureCodeSequence);
  AddCodeContent(data_set, "HAS CONCEPT MOD", {"121049", "DCM", "Language of Content Item and Descendants"},
                 {"en-US", "RFC5646", "English (United States)"});
}

// A measurement group: ten content items with the group itself.
constexpr int64_t kItemsOfGroup = 10;
void AddMeasurementGroup(DataSet& parent, std::string_view finding, int number, Random& random) {
  DataSet& group = AddContainer(parent, {"125007", "DCM", "Measurement Group"});
  AddTextContent(group, "HAS OBS CONTEXT", kTracking, std::string(finding) + " " + std::to_string(number));
  AddUidContent(group, "HAS OBS CONTEXT", {"112040", "DCM", "Tracking Unique Identifier"}, random.Uid());
  AddCodeContent(group, "CONTAINS", kFinding, {"F-" + std::to_string(number % 97), "99LOCAL", finding});
  AddCodeContent(group, "HAS CONCEPT MOD", {"363698007", "SCT", "Finding Site"}, {"39607008", "SCT", "Lung"});
  AddNumberContent(group, {"410668003", "SCT", "Length"}, random.Between(30, 600) / 10.0, kMillimetre);
  DataSet& mean = AddNumberContent(group, {"112031", "DCM", "Attenuation Coefficient"}, random.Between(-600, 90),
                                   {"[hnsf'U]", "UCUM", "Hounsfield unit"});
  AddCodeContent(mean, "HAS CONCEPT MOD", {"121401", "DCM", "Derivation"}, {"373098007", "SCT", "Mean"});
  AddNumberContent(group, {"118565006", "SCT", "Volume"}, random.Between(20, 90000), {"mm3", "UCUM", "cubic millimeter"});
  AddCodeContent(group, "CONTAINS", {"111403", "DCM", "Malignancy"}, {"RID39006", "RADLEX", "indeterminate"});
}

}  // namespace

void SetMeasurementReport(DataSet& data_set, const std::vector<std::string>& findings, Random& random) {
  SetReportHead(data_set, {"126000", "DCM", "Imaging Measurement Report"});
  DataSet& device = AddContent(data_set, "HAS OBS CONTEXT", "CODE", {"121005", "DCM", "Observer Type"});
  AddCode(device, kConceptCodeSequence, "121006", "DCM", "Person");
  AddContent(data_set, "HAS OBS CONTEXT", "PNAME", {"121008", "DCM", "Person Observer Name"}).Set(kPersonName, "Reader^Rita");
  DataSet& all = AddContainer(data_set, {"126010", "DCM", "Imaging Measurements"});
  int number = 0;
  for (const std::string& finding : findings) AddMeasurementGroup(all, finding, ++number, random);
}

void SetReportOfItems(DataSet& data_set, int64_t items, Random& random) {
  SetReportHead(data_set, {"126000", "DCM", "Imaging Measurement Report"});
  DataSet& all = AddContainer(data_set, {"126010", "DCM", "Imaging Measurements"});
  int64_t left = items - 2;
  for (int number = 1; left >= kItemsOfGroup; ++number, left -= kItemsOfGroup) AddMeasurementGroup(all, "Nodule", number, random);
  for (; left > 0; --left) AddTextContent(all, "CONTAINS", {"121106", "DCM", "Comment"}, "no. " + std::to_string(left));
}

void SetDoseReport(DataSet& data_set, int events, double dlp, Random& random) {
  SetReportHead(data_set, {"113701", "DCM", "X-Ray Radiation Dose Report"});
  DataSet& total = AddContainer(data_set, {"113811", "DCM", "CT Accumulated Dose Data"});
  AddNumberContent(total, {"113812", "DCM", "Total Number of Irradiation Events"}, events, {"{events}", "UCUM", "events"});
  AddNumberContent(total, {"113813", "DCM", "CT Dose Length Product Total"}, dlp, {"mGy.cm", "UCUM", "mGy.cm"});
  for (int i = 0; i < events; ++i) {
    DataSet& acquisition = AddContainer(data_set, {"113819", "DCM", "CT Acquisition"});
    AddTextContent(acquisition, "CONTAINS", {"125203", "DCM", "Acquisition Protocol"}, i == 0 ? "Topogram" : "Routine");
    AddCodeContent(acquisition, "CONTAINS", {"123014", "DCM", "Target Region"}, {"51185008", "SCT", "Chest"});
    DataSet& dose = AddContainer(acquisition, {"113829", "DCM", "CT Dose"});
    AddNumberContent(dose, {"113830", "DCM", "Mean CTDIvol"}, random.Between(20, 180) / 10.0, {"mGy", "UCUM", "mGy"});
    AddNumberContent(dose, {"113838", "DCM", "DLP"}, dlp / events, {"mGy.cm", "UCUM", "mGy.cm"});
  }
}

namespace {

void SetDimensions(DataSet& data_set, const std::string& uid, const std::vector<Attribute>& pointers) {
  data_set.AddItem(kDimensionOrganizationSequence).Set(kDimensionOrganizationUID, uid);
  for (const Attribute& pointer : pointers) {
    DataSet& index = data_set.AddItem(kDimensionIndexSequence);
    index.Set(kDimensionOrganizationUID, uid).Set(kDimensionIndexPointer, static_cast<double>(pointer.tag));
  }
}

void SetFrameGeometry(DataSet& groups, const Series& series, int64_t slice) {
  const double corner = -series.pixel_spacing * series.size / 2;
  const double z = series.first_z + static_cast<double>(slice) * series.distance;
  groups.AddItem(kPlanePositionSequence).Set(kImagePositionPatient, Decimals({corner, corner, z}));
}

void SetSharedGeometry(DataSet& shared, const Series& series) {
  shared.AddItem(kPlaneOrientationSequence).Set(kImageOrientationPatient, "1\\0\\0\\0\\1\\0");
  DataSet& measures = shared.AddItem(kPixelMeasuresSequence);
  measures.Set(kPixelSpacing, {series.pixel_spacing, series.pixel_spacing}).Set(kSliceThickness, series.thickness);
  measures.Set(kSpacingBetweenSlices, series.distance);
}

void SetDerivation(DataSet& groups, const Series& source, std::string_view source_class, int64_t slice) {
  DataSet& derivation = groups.AddItem(kDerivationImageSequence);
  AddCode(derivation, kDerivationCodeSequence, "113076", "DCM", "Segmentation");
  DataSet& image = AddReference(derivation, kSourceImageSequence, source_class, source.uid + "." + std::to_string(slice + 1));
  AddCode(image, kPurposeOfReferenceCodeSequence, "121322", "DCM", "Source image for image processing operation");
}

void AddSegment(DataSet& data_set, int number, std::string_view label) {
  DataSet& segment = data_set.AddItem(kSegmentSequence);
  segment.Set(kSegmentNumber, number).Set(kSegmentLabel, label).Set(kSegmentAlgorithmType, "AUTOMATIC");
  segment.Set(kSegmentAlgorithmName, "TotalSegmentator").Set(kRecommendedDisplayCIELabValue, {43803.0, 26565.0, 37722.0});
  AddCode(segment, kSegmentedPropertyCategoryCodeSequence, "123037004", "SCT", "Anatomical Structure");
  AddCode(segment, kSegmentedPropertyTypeCodeSequence, "S-" + std::to_string(number), "99LOCAL", label);
}

}  // namespace

void SetSegmentation(DataSet& data_set, const Series& source, std::string_view source_class,
                     const std::vector<std::string>& labels, int64_t frames, Random& random) {
  static constexpr Constant kConstants[] = {
      {kImageType, "DERIVED\\PRIMARY"},
      {kContentLabel, "SEGMENTATION"},
      {kContentDescription, "Organs"},
      {kContentCreatorName, "Robot^Rob"},
      {kSegmentationType, "BINARY"},
      {kSamplesPerPixel, "1"},
      {kPhotometricInterpretation, "MONOCHROME2"},
      {kRows, "16"},
      {kColumns, "16"},
      {kBitsAllocated, "1"},
      {kBitsStored, "1"},
      {kHighBit, "0"},
      {kPixelRepresentation, "0"},
      {kLossyImageCompression, "00"},
  };
  SetAll(data_set, kConstants);
  const std::string dimension = random.Uid();
  SetDimensions(data_set, dimension, {kReferencedSegmentNumber, kImagePositionPatient});
  for (size_t i = 0; i < labels.size(); ++i) AddSegment(data_set, static_cast<int>(i) + 1, labels[i]);
  SetSharedGeometry(data_set.AddItem(kSharedFunctionalGroupsSequence), source);
  const auto slices = std::max<int64_t>(1, frames / std::ssize(labels));
  for (int64_t frame = 0; frame < frames; ++frame) {
    const auto segment = static_cast<double>(std::min<int64_t>(frame / slices + 1, std::ssize(labels)));
    DataSet& groups = data_set.AddItem(kPerFrameFunctionalGroupsSequence);
    SetDerivation(groups, source, source_class, frame % slices);
    groups.AddItem(kFrameContentSequence).Set(kDimensionIndexValues, {segment, static_cast<double>(frame % slices + 1)});
    SetFrameGeometry(groups, source, frame % slices);
    groups.AddItem(kSegmentIdentificationSequence).Set(kReferencedSegmentNumber, segment);
  }
  data_set.Set(kNumberOfFrames, std::to_string(frames));
  data_set.Set(kPixelData, random.Bytes(static_cast<size_t>(frames) * 16 * 16 / 8));
  data_set.Find(kPixelData)->attribute = {kPixelData.tag, "OB"};
}

namespace {

void SetFrameContent(DataSet& groups, int64_t frame, double begin) {
  const std::string date = "20250102";
  DataSet& content = groups.AddItem(kFrameContentSequence);
  content.Set(kFrameAcquisitionDateTime, date + TimeText(begin)).Set(kFrameReferenceDateTime, date + TimeText(begin));
  content.Set(kFrameAcquisitionDuration, 350.0).Set(kStackID, "1").Set(kFrameAcquisitionNumber, 1.0);
  content.Set(kInStackPositionNumber, static_cast<double>(frame + 1));
  content.Set(kDimensionIndexValues, {1.0, static_cast<double>(frame + 1)});
}

void SetEnhancedImage(DataSet& data_set, const Series& series, int64_t frames, Random& random) {
  data_set.Set(kNumberOfFrames, std::to_string(frames)).Set(kContentQualification, "PRODUCT");
  data_set.Set(kBurnedInAnnotation, "NO").Set(kLossyImageCompression, "00").Set(kPresentationLUTShape, "IDENTITY");
  data_set.Set(kAcquisitionDateTime, "20250102100000.000000+0100").Set(kAcquisitionDuration, 61.5);
  SetDimensions(data_set, random.Uid(), {kStackID, kInStackPositionNumber});
  SetPixelModule(data_set, 8, 8);
  SetSharedGeometry(data_set.AddItem(kSharedFunctionalGroupsSequence), series);
  SetPixels(data_set, random, static_cast<size_t>(frames) * 128);
}

void SetTransformation(DataSet& groups, std::string_view intercept, std::string_view type, double centre) {
  DataSet& rescale = groups.AddItem(kPixelValueTransformationSequence);
  rescale.Set(kRescaleIntercept, intercept).Set(kRescaleSlope, "1").Set(kRescaleType, type);
  groups.AddItem(kFrameVOILUTSequence).Set(kWindowCenter, centre).Set(kWindowWidth, 2 * centre + 300);
}

}  // namespace

void SetEnhancedMr(DataSet& data_set, const Series& series, int64_t frames, Random& random) {
  data_set.Set(kImageType, "ORIGINAL\\PRIMARY\\DIFFUSION\\NONE").Set(kMagneticFieldStrength, 3.0);
  data_set.Set(kResonantNucleus, "1H").Set(kPulseSequenceName, "DWI").Set(kVolumetricProperties, "VOLUME");
  SetEnhancedImage(data_set, series, frames, random);
  DataSet& shared = data_set.Find(kSharedFunctionalGroupsSequence)->items[0];
  DataSet& timing = shared.AddItem(kMRTimingAndRelatedParametersSequence);
  timing.Set(kRepetitionTime, 7012.0).Set(kFlipAngle, 90.0).Set(kEchoTrainLength, 59.0).Set(kGradientOutput, 78.5);
  timing.AddItem(kSpecificAbsorptionRateSequence)
      .Set(kSpecificAbsorptionRateDefinition, "IEC_HEAD")
      .Set(kSpecificAbsorptionRateValue, 0.352);
  for (int64_t frame = 0; frame < frames; ++frame) {
    DataSet& groups = data_set.AddItem(kPerFrameFunctionalGroupsSequence);
    SetFrameContent(groups, frame, 36000 + 0.35 * static_cast<double>(frame));
    SetFrameGeometry(groups, series, frame);
    SetTransformation(groups, "0", "US", 420 + static_cast<double>(frame % 40));
    groups.AddItem(kMREchoSequence).Set(kEffectiveEchoTime, 86.0);
    DataSet& diffusion = groups.AddItem(kMRDiffusionSequence);
    diffusion.Set(kDiffusionBValue, static_cast<double>(frame % 4) * 500).Set(kDiffusionDirectionality, "DIRECTIONAL");
    diffusion.AddItem(kDiffusionGradientDirectionSequence)
        .Set(kDiffusionGradientOrientation, {random.Real(-1, 1), random.Real(-1, 1), random.Real(-1, 1)});
  }
}

void SetEnhancedCt(DataSet& data_set, const Series& series, int64_t frames, Random& random) {
  data_set.Set(kImageType, "ORIGINAL\\PRIMARY\\VOLUME\\NONE").Set(kVolumetricProperties, "VOLUME");
  SetEnhancedImage(data_set, series, frames, random);
  DataSet& shared = data_set.Find(kSharedFunctionalGroupsSequence)->items[0];
  shared.AddItem(kCTAcquisitionTypeSequence).Set(kAcquisitionType, "SPIRAL").Set(kTubeAngle, 0.0);
  shared.AddItem(kCTReconstructionSequence).Set(kReconstructionAlgorithm, "ITERATIVE").Set(kConvolutionKernel, series.kernel);
  for (int64_t frame = 0; frame < frames; ++frame) {
    DataSet& groups = data_set.AddItem(kPerFrameFunctionalGroupsSequence);
    SetFrameContent(groups, frame, 36000 + 0.05 * static_cast<double>(frame));
    SetFrameGeometry(groups, series, frame);
    SetTransformation(groups, "-1024", "HU", 40);
    DataSet& exposure = groups.AddItem(kCTExposureSequence);
    exposure.Set(kExposureTimeInms, 500.0).Set(kXRayTubeCurrentInmA, 180.0 + static_cast<double>(frame % 30));
    exposure.Set(kCTDIvol, random.Between(60, 130) / 10.0);
  }
}

void SetStructureSet(DataSet& data_set, const Series& source, const std::vector<std::string>& structures, Random& random) {
  data_set.Set(kStructureSetLabel, "PLAN").Set(kStructureSetName, "Planning").Set(kApprovalStatus, "UNAPPROVED");
  data_set.Set(kStructureSetDate, data_set.Text(kStudyDate)).Set(kStructureSetTime, data_set.Text(kStudyTime));
  DataSet& frame = data_set.AddItem(kReferencedFrameOfReferenceSequence);
  frame.Set(kFrameOfReferenceUID, source.frame_of_reference);
  DataSet& study = AddReference(frame, kRTReferencedStudySequence, "1.2.840.10008.3.1.2.3.1", data_set.Text(kStudyInstanceUID));
  DataSet& series = study.AddItem(kRTReferencedSeriesSequence).Set(kSeriesInstanceUID, source.uid);
  for (int i = 0; i < source.instances; ++i) {
    AddReference(series, kContourImageSequence, sop::kCt, source.uid + "." + std::to_string(i + 1));
  }
  int number = 0;
  for (const std::string& structure : structures) {
    ++number;
    DataSet& roi = data_set.AddItem(kStructureSetROISequence);
    roi.Set(kROINumber, number).Set(kReferencedFrameOfReferenceUID, source.frame_of_reference);
    roi.Set(kROIName, structure).Set(kROIGenerationAlgorithm, number % 2 == 0 ? "AUTOMATIC" : "MANUAL");
    DataSet& contours = data_set.AddItem(kROIContourSequence);
    contours.Set(kReferencedROINumber, number).Set(kROIDisplayColor, {255.0, 16.0 * number, 0.0});
    for (int i = 0; i < std::min(source.instances, 4); ++i) {
      DataSet& contour = contours.AddItem(kContourSequence).Set(kContourGeometricType, "CLOSED_PLANAR");
      const double z = source.first_z + i * source.distance;
      contour.Set(kNumberOfContourPoints, 4.0)
          .Set(kContourData, {-9, -9, z, 9, -9, z, 9, random.Between(8, 12) + 0.5, z, -9, 9, z});
      AddReference(contour, kContourImageSequence, sop::kCt, source.uid + "." + std::to_string(i + 1));
    }
    DataSet& observation = data_set.AddItem(kRTROIObservationsSequence);
    observation.Set(kObservationNumber, number).Set(kReferencedROINumber, number);
    observation.Set(kRTROIInterpretedType, structure.find("TV") != std::string::npos ? structure.substr(0, 3) : "ORGAN");
    observation.Set(kROIInterpreter, "");
  }
}

namespace {

// A frame of JPEG that has the markers and no picture.
std::string SmallJpeg(Random& random) {
  std::string frame("\xFF\xD8\xFF\xDB\x00\x43\x00", 7);
  frame += std::string(64, '\x10') + std::string("\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00", 10);
  std::string scan = random.Bytes(200);
  std::replace(scan.begin(), scan.end(), '\xFF', '\x7F');
  return frame + scan + "\xFF\xD9";
}

void SetJpegPixels(DataSet& data_set, int frames, Random& random) {
  std::vector<std::string> fragments = {""};  // an empty offset table
  for (int i = 0; i < frames; ++i) fragments.push_back(SmallJpeg(random));
  data_set.SetFragments({kPixelData.tag, "OB"}, fragments);
}

void SetColourPixelModule(DataSet& data_set, int rows, int columns) {
  static constexpr Constant kConstants[] = {
      {kSamplesPerPixel, "3"},
      {kPhotometricInterpretation, "YBR_FULL_422"},
      {kPlanarConfiguration, "0"},
      {kBitsAllocated, "8"},
      {kBitsStored, "8"},
      {kHighBit, "7"},
      {kPixelRepresentation, "0"},
      {kLossyImageCompression, "01"},
      {kLossyImageCompressionMethod, "ISO_10918_1"},
      {kLossyImageCompressionRatio, "12.5"},
  };
  SetAll(data_set, kConstants);
  data_set.Set(kRows, rows).Set(kColumns, columns);
}

void SetSpecimen(DataSet& data_set, std::string_view container, Random& random) {
  data_set.Set(kContainerIdentifier, container).EmptySequence(kIssuerOfTheContainerIdentifierSequence);
  AddCode(data_set, kContainerTypeCodeSequence, "433466003", "SCT", "Microscope slide");
  DataSet& specimen = data_set.AddItem(kSpecimenDescriptionSequence);
  specimen.Set(kSpecimenIdentifier, container).Set(kSpecimenUID, random.Uid());
  specimen.Set(kSpecimenShortDescription, "Breast, left, core biopsy").EmptySequence(kIssuerOfTheSpecimenIdentifierSequence);
  AddCode(specimen, kPrimaryAnatomicStructureSequence, "76752008", "SCT", "Breast");
  const Code steps[] = {
      {"65801008", "SCT", "Excision"}, {"40923002", "SCT", "Tissue processing"}, {"127790008", "SCT", "Staining"}};
  for (const Code& step : steps) {
    DataSet& preparation = specimen.AddItem(kSpecimenPreparationSequence);
    DataSet& content = preparation.AddItem(kSpecimenPreparationStepContentItemSequence).Set(kValueType, "CODE");
    AddCode(content, kConceptNameCodeSequence, "111701", "DCM", "Processing type");
    AddCode(content, kConceptCodeSequence, step.value, step.scheme, step.meaning);
  }
}

}  // namespace

void SetWholeSlide(DataSet& data_set, int level, std::string_view container, Random& random) {
  static constexpr Constant kConstants[] = {
      {kVolumetricProperties, "VOLUME"},
      {kFocusMethod, "AUTO"},
      {kExtendedDepthOfField, "NO"},
      {kNumberOfOpticalPaths, "1"},
      {kTotalPixelMatrixFocalPlanes, "1"},
      {kSpecimenLabelInImage, "NO"},
      {kBurnedInAnnotation, "NO"},
      {kImageOrientationSlide, "0\\-1\\0\\-1\\0\\0"},
      {kDimensionOrganizationType, "TILED_FULL"},
      {kImagedVolumeWidth, "15.2"},
      {kImagedVolumeHeight, "20.1"},
      {kImagedVolumeDepth, "1"},
      {kAcquisitionDateTime, "20250310091500"},
  };
  SetAll(data_set, kConstants);
  const int tiles = std::max(1, 16 >> (2 * level));
  data_set.Set(kImageType, level == 0 ? "ORIGINAL\\PRIMARY\\VOLUME\\NONE" : "DERIVED\\PRIMARY\\VOLUME\\RESAMPLED");
  SetColourPixelModule(data_set, 256, 256);
  data_set.Set(kTotalPixelMatrixColumns, (60000 >> (2 * level))).Set(kTotalPixelMatrixRows, (80000 >> (2 * level)));
  data_set.Set(kNumberOfFrames, tiles);
  DataSet& origin = data_set.AddItem(kTotalPixelMatrixOriginSequence);
  origin.Set(kXOffsetInSlideCoordinateSystem, "20").Set(kYOffsetInSlideCoordinateSystem, "40");
  DataSet& path = data_set.AddItem(kOpticalPathSequence);
  path.Set(kOpticalPathIdentifier, "1").Set(kOpticalPathDescription, "Brightfield").Set(kICCProfile, random.Bytes(256));
  AddCode(path, kIlluminationTypeCodeSequence, "111744", "DCM", "Brightfield illumination");
  AddCode(path, kIlluminationColorCodeSequence, "371251000", "SCT", "White color");
  path.Set(kObjectiveLensPower, "20");
  DataSet& shared = data_set.AddItem(kSharedFunctionalGroupsSequence);
  const double spacing = 0.00025 * (1 << (2 * level));
  shared.AddItem(kPixelMeasuresSequence).Set(kPixelSpacing, {spacing, spacing}).Set(kSliceThickness, "0.001");
  shared.AddItem(kWholeSlideMicroscopyImageFrameTypeSequence).Set(kFrameType, data_set.Text(kImageType));
  SetSpecimen(data_set, container, random);
  SetJpegPixels(data_set, tiles, random);
}

void SetUltrasound(DataSet& data_set, int index, Random& random) {
  data_set.Set(kImageType, "ORIGINAL\\PRIMARY\\ABDOMINAL\\0001").Set(kTransducerData, "C1-5-D").Set(kProcessingFunction, "");
  data_set.Set(kTransducerType, "CURVED LINEAR").Set(kMechanicalIndex, "1.2").Set(kBoneThermalIndex, "0.4");
  data_set.Set(kDepthOfScanField, random.Between(80, 180)).Set(kInstanceNumber, index + 1);
  DataSet& region = data_set.AddItem(kSequenceOfUltrasoundRegions);
  region.Set(kRegionSpatialFormat, 1.0).Set(kRegionDataType, 1.0).Set(kRegionFlags, 0.0).Set(kPhysicalUnitsXDirection, 3.0);
  region.Set(kRegionLocationMinX0, 0.0).Set(kRegionLocationMinY0, 0.0).Set(kRegionLocationMaxX1, 639.0);
  region.Set(kRegionLocationMaxY1, 479.0).Set(kPhysicalUnitsYDirection, 3.0);
  region.Set(kPhysicalDeltaX, 0.0251).Set(kPhysicalDeltaY, 0.0251);
  SetColourPixelModule(data_set, 480, 640);
  SetJpegPixels(data_set, 1, random);
}

void SetMammogram(DataSet& data_set, std::string_view view, std::string_view laterality, Random& random) {
  static constexpr Constant kConstants[] = {
      {kImageType, "ORIGINAL\\PRIMARY"},
      {kPresentationIntentType, "FOR PRESENTATION"},
      {kBodyPartExamined, "BREAST"},
      {kKVP, "29"},
      {kAnodeTargetMaterial, "TUNGSTEN"},
      {kFilterMaterial, "RHODIUM"},
      {kDistanceSourceToDetector, "700"},
      {kDetectorType, "DIRECT"},
      {kDetectorID, "DET-77"},
      {kImagerPixelSpacing, "0.07\\0.07"},
      {kBurnedInAnnotation, "NO"},
      {kPixelIntensityRelationship, "LOG"},
      {kPixelIntensityRelationshipSign, "-1"},
      {kPresentationLUTShape, "IDENTITY"},
      {kBreastImplantPresent, "NO"},
      {kPositionerType, "MAMMOGRAPHIC"},
      {kLossyImageCompression, "00"},
  };
  SetAll(data_set, kConstants);
  data_set.Set(kImageLaterality, laterality).Set(kViewPosition, view);
  data_set.Set(kBodyPartThickness, random.Between(30, 75)).Set(kCompressionForce, random.Between(70, 160));
  data_set.Set(kOrganDose, random.Between(80, 260) / 10000.0).Set(kExposureInuAs, random.Between(40000, 120000));
  DataSet& code = AddCode(data_set, kViewCodeSequence, view == "MLO" ? "399368009" : "399162004", "SCT",
                          view == "MLO" ? "medio-lateral oblique" : "cranio-caudal");
  code.EmptySequence(kViewModifierCodeSequence);
  AddCode(data_set, kAnatomicRegionSequence, "76752008", "SCT", "Breast");
  SetPixelModule(data_set, 32, 32);
  SetPixels(data_set, random, 2048);
}

void SetChestXRay(DataSet& data_set, Random& random) {
  static constexpr Constant kConstants[] = {
      {kImageType, "ORIGINAL\\PRIMARY"},
      {kPresentationIntentType, "FOR PRESENTATION"},
      {kBodyPartExamined, "CHEST"},
      {kKVP, "125"},
      {kViewPosition, "PA"},
      {kImageLaterality, "U"},
      {kDetectorType, "SCINTILLATOR"},
      {kGrid, "FOCUSED"},
      {kImagerPixelSpacing, "0.148\\0.148"},
      {kPixelIntensityRelationship, "LOG"},
      {kPixelIntensityRelationshipSign, "-1"},
      {kPresentationLUTShape, "IDENTITY"},
      {kBurnedInAnnotation, "NO"},
      {kLossyImageCompression, "00"},
  };
  SetAll(data_set, kConstants);
  data_set.Set(kExposureInuAs, random.Between(900, 4000)).Set(kImageAndFluoroscopyAreaDoseProduct, random.Between(5, 30) / 100.0);
  AddCode(data_set, kAnatomicRegionSequence, "51185008", "SCT", "Chest");
  SetPixelModule(data_set, 32, 32);
  SetPixels(data_set, random, 2048);
}

void SetPresentationState(DataSet& data_set, const Series& source, std::string_view source_class, std::string_view label) {
  data_set.Set(kContentLabel, "KEY_FINDING").Set(kContentDescription, label).Set(kContentCreatorName, "Reader^Rita");
  data_set.Set(kPresentationCreationDate, data_set.Text(kStudyDate)).Set(kPresentationCreationTime, data_set.Text(kStudyTime));
  data_set.Set(kPresentationLUTShape, "IDENTITY");
  DataSet& series = data_set.AddItem(kReferencedSeriesSequence).Set(kSeriesInstanceUID, source.uid);
  AddReference(series, kReferencedImageSequence, source_class, source.uid + ".1");
  DataSet& layer = data_set.AddItem(kGraphicLayerSequence);
  layer.Set(kGraphicLayer, "ARROWS").Set(kGraphicLayerOrder, 1.0);
  DataSet& annotation = data_set.AddItem(kGraphicAnnotationSequence).Set(kGraphicLayer, "ARROWS");
  AddReference(annotation, kReferencedImageSequence, source_class, source.uid + ".1");
  DataSet& text = annotation.AddItem(kTextObjectSequence);
  text.Set(kUnformattedTextValue, label).Set(kAnchorPointAnnotationUnits, "PIXEL").Set(kAnchorPointVisibility, "Y");
  text.Set(kAnchorPoint, {120.5, 88.25});
  DataSet& area = data_set.AddItem(kDisplayedAreaSelectionSequence).Set(kPresentationSizeMode, "SCALE TO FIT");
  area.Set(kDisplayedAreaTopLeftHandCorner, {1.0, 1.0}).Set(kDisplayedAreaBottomRightHandCorner, {512.0, 512.0});
  area.Set(kPresentationPixelAspectRatio, "1\\1");
}

}  // namespace make_dicom
