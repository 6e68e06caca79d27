#include "large.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "data_set.h"
#include "files.h"
#include "modules.h"
#include "objects.h"
#include "random.h"
#include "sop_classes.h"
#include "tags.h"

namespace make_dicom {
namespace {

struct Example {
  Patient patient;
  Study study;
  Scanner scanner;
  Series series;
};

Example MakeExample(Random& random, std::string_view modality) {
  Example example;
  example.patient.id = "LARGE0001";
  example.study.uid = random.Uid();
  example.study.accession = "A1";
  example.study.description = "LARGE";
  example.scanner = {Vendor::kOther, "City Hospital", "make_dicom", "SN1", "WS01", "1", "City Hospital", std::string(modality)};
  example.series.uid = random.Uid();
  example.series.frame_of_reference = random.Uid();
  example.series.description = "Large";
  return example;
}

DataSet Common(const Example& example, std::string_view sop_class, int index = 0) {
  DataSet data_set;
  SetPatient(data_set, example.patient);
  SetStudy(data_set, example.patient, example.study);
  SetEquipment(data_set, example.scanner);
  SetSeries(data_set, example.study, example.scanner, example.series);
  SetInstance(data_set, example.study, example.series, sop_class, index);
  return data_set;
}

}  // namespace

void MakeLargeReport(const std::filesystem::path& file, int64_t items) {
  Random random(1);
  DataSet data_set = Common(MakeExample(random, "SR"), sop::kComprehensiveSr);
  SetReportOfItems(data_set, items, random);
  WriteFile(file, EncodeFile(data_set, {}));
}

void MakeLargeSegmentation(const std::filesystem::path& file, int64_t frames) {
  Random random(1);
  const Example example = MakeExample(random, "SEG");
  DataSet data_set = Common(example, sop::kSegmentation);
  SetSegmentation(data_set, example.series, sop::kCt, {"Liver", "Spleen", "Left kidney", "Right kidney", "Aorta"}, frames,
                  random);
  WriteFile(file, EncodeFile(data_set, {}));
}

void MakeLargeEnhancedMr(const std::filesystem::path& file, int64_t frames) {
  Random random(1);
  const Example example = MakeExample(random, "MR");
  DataSet data_set = Common(example, sop::kEnhancedMr);
  SetEnhancedMr(data_set, example.series, frames, random);
  WriteFile(file, EncodeFile(data_set, {}));
}

namespace {

// Paths are made of two sequences and a leaf. That they make no sense together is no matter: the table takes them all.
constexpr Attribute kOuter[] = {
    kProcedureCodeSequence,     kReferencedImageSequence,       kSourceImageSequence,       kAnatomicRegionSequence,
    kRequestAttributesSequence, kPerformedProtocolCodeSequence, kDerivationImageSequence,   kPlanePositionSequence,
    kContentSequence,           kMRDiffusionSequence,           kFrameContentSequence,      kPixelMeasuresSequence,
    kOpticalPathSequence,       kSpecimenDescriptionSequence,   kGraphicAnnotationSequence, kStructureSetROISequence};
constexpr Attribute kLeaves[] = {kCodeValue,
                                 kCodingSchemeDesignator,
                                 kCodeMeaning,
                                 kSliceThickness,
                                 kPixelSpacing,
                                 kImageComments,
                                 kTextValue,
                                 kUID,
                                 kFrameAcquisitionDateTime,
                                 kStudyDate,
                                 kStudyTime,
                                 kRows,
                                 kColumns,
                                 kEchoTime,
                                 kRepetitionTime,
                                 kFlipAngle,
                                 kDiffusionBValue,
                                 kInstanceNumber,
                                 kKVP,
                                 kExposureTime,
                                 kROIName,
                                 kROINumber,
                                 kSegmentNumber,
                                 kSegmentLabel,
                                 kAnchorPoint,
                                 kGraphicLayer,
                                 kSeriesDate,
                                 kSeriesTime,
                                 kProtocolName,
                                 kPatientPosition,
                                 kBodyPartExamined,
                                 kPersonName};
constexpr int64_t kPathsOfInstance = 50;

std::string ValueOf(const Attribute& attribute, int64_t number) {
  const std::string_view vr = attribute.vr;
  if (vr == "DA") return "20250102";
  if (vr == "TM") return "101112";
  if (vr == "DT") return "20250102101112";
  if (vr == "UI") return "1.2." + std::to_string(number);
  if (vr == "PN") return "Doe^" + std::to_string(number);
  return std::to_string(number % 10000);
}

DataSet& ItemOf(DataSet& data_set, const Attribute& sequence, int64_t& paths) {
  if (Element* element = data_set.Find(sequence)) return element->items[0];
  ++paths;
  return data_set.AddItem(sequence);
}

}  // namespace

int64_t MakeManyColumns(const std::filesystem::path& folder, int64_t columns) {
  constexpr auto kSequences = std::ssize(kOuter);
  constexpr auto kLeafCount = std::ssize(kLeaves);
  if (columns > kSequences * kSequences * kLeafCount) throw std::runtime_error("at most 8,192 columns");
  Random random(1);
  const Example example = MakeExample(random, "OT");
  std::filesystem::create_directories(folder);
  DataSet all;  // every path once: tells which paths are new
  int64_t paths = 0;
  int64_t instances = 0;
  DataSet data_set;
  const DataSet common = Common(example, sop::kCt);
  const auto write = [&] {
    SetInstance(data_set, example.study, example.series, sop::kCt, static_cast<int>(instances));
    WriteFile(folder / ("IM" + Padded(static_cast<uint64_t>(++instances), 6) + ".dcm"), EncodeFile(data_set, {}));
    data_set = DataSet().Set(kPatientID, example.patient.id).Set(kStudyInstanceUID, example.study.uid);
    data_set.Set(kSeriesInstanceUID, example.series.uid).Set(kModality, "OT");
  };
  data_set = common;
  for (int64_t i = 0; paths < columns; ++i) {
    const Attribute& outer = kOuter[i / kLeafCount / kSequences % kSequences];
    const Attribute& inner = kOuter[i / kLeafCount % kSequences];
    const Attribute& leaf = kLeaves[i % kLeafCount];
    ItemOf(ItemOf(all, outer, paths), inner, paths).Set(leaf, ValueOf(leaf, i));
    ++paths;
    int64_t ignored = 0;
    ItemOf(ItemOf(data_set, outer, ignored), inner, ignored).Set(leaf, ValueOf(leaf, i));
    if (i % kPathsOfInstance == kPathsOfInstance - 1) write();
  }
  write();
  return instances;
}

namespace {

constexpr int64_t kGib = int64_t{1} << 30;
constexpr int64_t kFrameBytes = 512 * 512 * 2;

class SparseFile {
 public:
  explicit SparseFile(const std::filesystem::path& path) : path_(path.string()) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (descriptor_ < 0) throw std::runtime_error("can't create " + path_);
  }
  ~SparseFile() { ::close(descriptor_); }
  SparseFile(const SparseFile&) = delete;
  SparseFile& operator=(const SparseFile&) = delete;

  void Append(std::string_view bytes) {
    if (::pwrite(descriptor_, bytes.data(), bytes.size(), size_) != std::ssize(bytes)) {
      throw std::runtime_error("can't write " + path_);
    }
    size_ += std::ssize(bytes);
  }
  void AppendHole(int64_t bytes) {
    size_ += bytes;
    if (::ftruncate(descriptor_, size_) != 0) throw std::runtime_error("can't extend " + path_);
  }

 private:
  std::string path_;
  int descriptor_;
  int64_t size_ = 0;
};

// Headers of explicit little endian, which EncodeDataSet makes only with their values.
std::string PixelDataHeader(std::string_view vr, uint32_t length) {
  std::string header("\xE0\x7F\x10\x00", 4);
  header += vr;
  header += std::string(2, '\0');
  return header + PackNumber({0, "UL"}, length);
}
std::string ItemHeader(uint16_t element, uint32_t length) {
  return std::string("\xFE\xFF", 2) + PackNumber({0, "US"}, element) + PackNumber({0, "UL"}, length);
}

void AppendFragments(SparseFile& file, int64_t frames) {
  file.Append(PixelDataHeader("OB", 0xFFFFFFFF) + ItemHeader(0xE000, 0));
  for (int64_t i = 0; i < frames; ++i) {
    file.Append(ItemHeader(0xE000, static_cast<uint32_t>(kFrameBytes)));
    file.AppendHole(kFrameBytes);
  }
  file.Append(ItemHeader(0xE0DD, 0));
}

}  // namespace

void MakeHuge(const std::filesystem::path& path, int64_t gib, bool fragments) {
  Random random(1);
  const Example example = MakeExample(random, "MR");
  const bool native = gib <= 4 && !fragments;
  const int64_t most = native ? 0xFFFFFFFE / kFrameBytes : gib * kGib / kFrameBytes;
  const int64_t frames = std::min(gib * kGib / kFrameBytes, most);
  DataSet data_set = Common(example, sop::kEnhancedMr);
  SetEnhancedMr(data_set, example.series, 100, random);
  data_set.Set(kNumberOfFrames, std::to_string(frames)).Set(kRows, 512.0).Set(kColumns, 512.0);
  data_set.Remove(kPixelData);
  FileFormat format;
  if (!native) format.transfer_syntax = kRleLossless;
  SparseFile file(path);
  file.Append(EncodeFile(data_set, format));
  if (!native) return AppendFragments(file, frames);
  file.Append(PixelDataHeader("OW", static_cast<uint32_t>(frames * kFrameBytes)));
  file.AppendHole(frames * kFrameBytes);
}

}  // namespace make_dicom
