#include "hospital.h"

#include <algorithm>
#include <string>
#include <vector>

#include "data_set.h"
#include "files.h"
#include "media_directory.h"
#include "modules.h"
#include "names.h"
#include "objects.h"
#include "random.h"
#include "sop_classes.h"
#include "tags.h"

namespace make_dicom {
namespace {

namespace fs = std::filesystem;

constexpr int kLastDay = 20453;         // 2025-12-31; the archive reaches from there about three years back
constexpr int kBadSoftwareDay = 20423;  // 2025-12-01: since then one scanner sends a wrong slice thickness
constexpr std::string_view kReadme = "Exported from the archive of City Hospital.\nThis file is not a DICOM file.\n";

// A scanner, how it writes files, and what it makes.
struct Device {
  Scanner scanner;
  FileFormat format;
  std::vector<double> thicknesses;
  std::string_view extension = ".dcm";
  bool bad_thickness = false;
};

constexpr FileFormat kExplicit = {};
constexpr FileFormat kImplicit = {kImplicitLittle};
constexpr FileFormat kUndefinedLengths = {kImplicitLittle, true, true, true};
constexpr FileFormat kExplicitUndefined = {kExplicitLittle, true, true, true};
constexpr FileFormat kBare = {kImplicitLittle, false, false, false};
constexpr FileFormat kBig = {kExplicitBig};
constexpr FileFormat kDeflated = {kDeflatedLittle};
constexpr FileFormat kJpeg = {kJpegBaseline};

const Device kCtDevices[] = {
    {{Vendor::kGe, "GE MEDICAL SYSTEMS", "Revolution CT", "REVO0001234", "CT01", "revo_ct_22bc.50", "", "CT"},
     kExplicit,
     {0.625, 1.25, 1.25, 2.5, 5}},
    {{Vendor::kOther, "SIEMENS", "SOMATOM Force", "75544", "CTAWP75544", "syngo CT VB20A", "", "CT"},
     kUndefinedLengths,
     {0.6, 1, 1, 3, 5},
     ".IMA"},
    {{Vendor::kOther, "TOSHIBA", "Aquilion ONE", "2BA1042019", "CT03", "V6.02ER", "", "CT"}, kImplicit, {1, 5, 5}, "", true},
    {{Vendor::kOther, "Picker International, Inc.", "PQ5000", "7", "CT_OLD", "4.1", "", "CT"}, kBare, {8, 10}, ""},
};
const Device kMrDevices[] = {
    {{Vendor::kSiemens, "SIEMENS", "Skyra", "45123", "AWP45123", "syngo MR E11", "", "MR"},
     kExplicitUndefined,
     {3, 3, 5},
     ".IMA"},
    {{Vendor::kPhilips, "Philips Medical Systems", "Achieva dStream", "17302", "MR3T", "5.4.1\\5.4.1.1", "", "MR"},
     kExplicit,
     {4, 5},
     ""},
    {{Vendor::kGe, "GE MEDICAL SYSTEMS", "SIGNA Premier", "GEM04411", "MR02", "29\\LX\\MR29.1", "", "MR"}, kBig, {3, 4}},
};
const Device kUltrasoundDevice = {
    {Vendor::kOther, "Philips Medical Systems", "EPIQ 7G", "US717B0123", "US01", "EPIQ 7G_4.0.3", "", "US"}, kJpeg, {}};
const Device kMammographyDevice = {
    {Vendor::kOther, "HOLOGIC, Inc.", "Selenia Dimensions", "81000123", "MG01", "AWS:1.11.1", "", "MG"}, kDeflated, {}};
const Device kXRayDevice = {
    {Vendor::kOther, "Samsung Electronics", "GC85A", "S2A1M3HK", "DX01", "1.20", "", "DX"}, kExplicit, {}};
const Device kSlideDevice = {
    {Vendor::kOther, "Leica Biosystems", "Aperio GT 450", "SS12345", "WSI01", "1.1.0", "", "SM"}, kJpeg, {}};
const Device kWorkstation = {
    {Vendor::kOther, "Fraunhofer", "Reading Workstation", "WS9", "WS01", "9.2", "", "SR"}, kExplicit, {}};

enum class Kind { kCt, kMr, kEnhancedMr, kEnhancedCt, kUltrasound, kMammogram, kXRay, kSlide };
constexpr Kind kFirstKinds[] = {Kind::kCt,         Kind::kMr,   Kind::kUltrasound, Kind::kMammogram,
                                Kind::kEnhancedMr, Kind::kXRay, Kind::kSlide,      Kind::kEnhancedCt};
constexpr Kind kUsualKinds[] = {Kind::kCt, Kind::kCt, Kind::kCt, Kind::kCt, Kind::kMr, Kind::kMr, Kind::kUltrasound, Kind::kXRay};

// A CT series: what its description says, and whether contrast medium was given.
struct CtProtocol {
  std::string_view description;
  bool contrast;
};
constexpr CtProtocol kCtProtocols[] = {{"THORAX NATIVE", false},        {"ABDOMEN ARTERIAL PHASE", true},
                                       {"ABDOMEN PORTAL VENOUS", true}, {"THORAX ABDOMEN", true},  // phase not described
                                       {"ABDOMEN DELAYED 5 MIN", true}, {"ROUTINE", true},         // phase not described
                                       {"CHEST LOW DOSE", false}};
constexpr std::string_view kAgents[] = {"OMNIPAQUE 350", "ULTRAVIST 370", "IOMERON 400", "Omnipaque 350"};
constexpr std::string_view kMrProtocols[] = {"t1_tse_sag", "t2_tse_tra", "ep2d_diff_3scan_trace", "t1_mprage_tra", "FLAIR AX"};

const std::vector<std::string> kOrgans = {"Liver", "Spleen", "Left kidney", "Right kidney", "Aorta", "Pancreas"};
const std::vector<std::string> kPlanStructures = {"GTV",    "CTV_60", "PTV_60",      "Heart",
                                                  "Lung_L", "Lung_R", "Spinal_Cord", "lung left"};
const std::vector<std::string> kFindings = {"Nodule", "Mass", "Lymph node", "Cyst", "Liver lesion"};

std::vector<std::string> PickSome(const std::vector<std::string>& all, Random& random) {
  std::vector<std::string> some;
  for (const std::string& one : all) {
    if (random.Chance(0.6)) some.push_back(one);
  }
  if (some.empty()) some.push_back(all[0]);
  return some;
}

std::string FolderName(std::string_view text) {
  std::string name(text);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '/'; }, '_');
  return name;
}

class Hospital {
 public:
  Hospital(const fs::path& folder, const HospitalOptions& options)
      : folder_(folder), options_(options), random_(options.seed), left_(options.instances) {}

  int64_t Make() {
    fs::create_directories(folder_);
    WriteFile(folder_ / "README.txt", kReadme);
    for (int number = 0; left_ > 0; ++number) MakePatient(number);
    WriteFile(folder_ / "CD0001/DICOMDIR", MakeDirectory(directory_, random_.Uid()));
    if (!options_.manifest.empty()) WriteFile(options_.manifest, manifest_);
    return options_.instances;
  }

 private:
  // Patient 0 is on a disc, with a DICOMDIR and short names.
  bool OnDisc() const { return patient_number_ == 0; }

  void MakePatient(int number) {
    const Name& name = Names()[static_cast<size_t>(number) % Names().size()];
    name_ = &name;
    patient_number_ = number;
    patient_ = {};
    patient_.id = "MRN" + Padded(static_cast<uint64_t>(100200 + 37 * number), 7);
    patient_.name = name.person;
    patient_.character_set = name.character_set;
    patient_.sex = name.sex;
    patient_.birth_date = DateText(random_.Between(-12000, 12000));
    patient_.weight_kg = random_.Between(48, 110);
    patient_.size_m = random_.Between(150, 195) / 100.0;
    const int studies = number < std::ssize(kFirstKinds) ? 1 : random_.Between(1, 3);
    for (int i = 0; i < studies && left_ > 0; ++i) {
      MakeStudy(number < std::ssize(kFirstKinds) ? kFirstKinds[number] : random_.Pick(kUsualKinds));
    }
  }

  void MakeStudy(Kind kind) {
    ++study_number_;
    const double back = random_.Real(0, 1);
    day_ = kLastDay - static_cast<int>(1000 * back * back);  // more of the last months
    study_ = {};
    study_.uid = random_.Uid();
    study_.id = std::to_string(5000 + study_number_);
    study_.date = DateText(day_);
    study_.seconds = random_.Between(7 * 3600, 19 * 3600);
    study_.accession = "A" + Padded(static_cast<uint64_t>(880000 + study_number_), 8);
    series_number_ = 0;
    switch (kind) {
      case Kind::kCt:
        return MakeCtStudy();
      case Kind::kMr:
        return MakeMrStudy();
      case Kind::kEnhancedMr:
        return MakeEnhanced(kMrDevices[1], sop::kEnhancedMr, "MR DIFFUSION");
      case Kind::kEnhancedCt:
        return MakeEnhanced(kCtDevices[0], sop::kEnhancedCt, "CT PERFUSION");
      case Kind::kUltrasound:
        return MakeSimple(kUltrasoundDevice, sop::kUltrasound, "US ABDOMEN", random_.Between(3, 6));
      case Kind::kMammogram:
        return MakeSimple(kMammographyDevice, sop::kMammography, "MAMMOGRAPHY SCREENING", 4);
      case Kind::kXRay:
        return MakeSimple(kXRayDevice, sop::kDigitalXRay, "XR CHEST", 1);
      case Kind::kSlide:
        return MakeSimple(kSlideDevice, sop::kWholeSlide, "BREAST BIOPSY HE", 3);
    }
  }

  Series MakeSeriesOf(std::string_view description, int instances) {
    Series series;
    series.uid = random_.Uid();
    series.number = ++series_number_;
    series.description = description;
    series.protocol = description;
    series.frame_of_reference = study_.uid + ".1." + std::to_string(series.number);
    series.instances = static_cast<int>(std::clamp<int64_t>(instances, 1, std::max<int64_t>(left_, 1)));
    series.pixel_spacing = random_.Between(55, 95) / 100.0;
    return series;
  }

  // The modules that all instances of a series share.
  DataSet Common(const Device& device, const Series& series) {
    Scanner scanner = device.scanner;
    scanner.institution = name_->institution;
    if (device.bad_thickness && day_ >= kBadSoftwareDay) scanner.software = "V10.21ER001";
    DataSet data_set;
    SetPatient(data_set, patient_);
    SetStudy(data_set, patient_, study_);
    SetEquipment(data_set, scanner);
    SetSeries(data_set, study_, scanner, series);
    return data_set;
  }

  void Write(const DataSet& data_set, const Device& device, const Series& series, int index) {
    if (left_ <= 0) return;
    --left_;
    const fs::path path = Path(device, series, index);
    fs::create_directories((folder_ / path).parent_path());
    const std::string bytes = EncodeFile(data_set, device.format);
    WriteFile(folder_ / path, bytes);
    Note(path, data_set, device, "");
    if (OnDisc()) AddToDirectory(path, data_set, device);
    if (options_.instances - left_ == 5) WriteFlawed(data_set, device, bytes);
  }

  fs::path Path(const Device& device, const Series& series, int index) const {
    const auto number = static_cast<uint64_t>(index + 1);
    const auto of_series = static_cast<uint64_t>(series.number);
    if (OnDisc()) return fs::path("CD0001/PAT00001/ST000001") / ("SE" + Padded(of_series, 6)) / ("IM" + Padded(number, 6));
    return fs::path(patient_.id) / (study_.date + "_" + FolderName(study_.description)) /
           (Padded(of_series, 3) + "_" + FolderName(series.description)) /
           ("IM-" + Padded(number, 4) + std::string(device.extension));
  }

  void AddToDirectory(const fs::path& path, const DataSet& data_set, const Device& device) {
    std::vector<std::string> parts;
    for (const fs::path& part : path.lexically_relative("CD0001")) parts.push_back(part.string());
    directory_.push_back({parts, data_set, device.format.transfer_syntax});
  }

  // What archives have too: the same instance twice, and a file whose copy was cut off in the middle of its header.
  void WriteFlawed(const DataSet& data_set, const Device& device, const std::string& bytes) {
    fs::create_directories(folder_ / "incoming");
    WriteFile(folder_ / "incoming/copy_of_instance.dcm", bytes);
    Note("incoming/copy_of_instance.dcm", data_set, device, "duplicate");
    WriteFile(folder_ / "incoming/truncated.dcm", std::string_view(bytes).substr(0, bytes.size() / 3));
    Note("incoming/truncated.dcm", data_set, device, "truncated");
  }

  void Note(const fs::path& path, const DataSet& data_set, const Device& device, std::string_view flaw) {
    if (manifest_.empty())
      manifest_ = "Path\tModality\tTransferSyntaxUID\tSOPInstanceUID\tElements\tPatientName\tInstitutionName\tFlaw\n";
    manifest_ += path.string() + "\t" + std::string(data_set.Text(kModality)) + "\t" +
                 std::string(device.format.transfer_syntax) + "\t" + std::string(data_set.Text(kSOPInstanceUID)) + "\t" +
                 std::to_string(data_set.CountElements()) + "\t" + std::string(name_->person_utf8) + "\t" +
                 std::string(name_->institution_utf8) + "\t" + std::string(flaw) + "\n";
  }

  void WriteSlices(const Device& device, const Series& series, std::string_view sop_class) {
    DataSet data_set = Common(device, series);
    if (device.scanner.modality == "CT") {
      SetCtImage(data_set, series, random_);
    } else {
      SetMrImage(data_set, series, random_);
    }
    SetPixelModule(data_set, 32, 32);
    for (int i = 0; i < series.instances; ++i) {
      SetInstance(data_set, study_, series, sop_class, i);
      SetImagePlane(data_set, series, i);
      SetPrivateBlocks(data_set, device.scanner, series, i, random_);
      data_set.Set(kAcquisitionDate, study_.date).Set(kAcquisitionTime, TimeText(study_.seconds + 60 * series.number + 0.35 * i));
      if (device.scanner.modality == "CT") data_set.Set(kXRayTubeCurrent, random_.Between(110, 420));
      SetPixels(data_set, random_, 2048);
      Write(data_set, device, series, i);
    }
  }

  // One instance of another kind, made from `source`.
  template <typename Fill>
  void WriteDerived(std::string_view modality, std::string_view description, std::string_view sop_class, const Fill& fill) {
    if (left_ <= 0) return;
    Device device = kWorkstation;
    device.scanner.modality = modality;
    const Series series = MakeSeriesOf(description, 1);
    DataSet data_set = Common(device, series);
    SetInstance(data_set, study_, series, sop_class, 0);
    fill(data_set);
    Write(data_set, device, series, 0);
  }

  void MakeCtStudy() {
    const Device& device = OnDisc() ? kCtDevices[0] : random_.Pick(kCtDevices);
    study_.description = random_.Chance(0.5) ? "CT THORAX ABDOMEN" : "CT ABDOMEN";
    study_.procedure_code = "RPID145";
    study_.procedure_meaning = "CT ABDOMEN PELVIS";
    Series last;
    const int count = random_.Between(1, 3);
    for (int i = 0; i < count && left_ > 0; ++i) {
      const CtProtocol& protocol = random_.Pick(kCtProtocols);
      Series series = MakeSeriesOf(protocol.description, random_.Between(6, 16));
      series.distance = random_.Pick(device.thicknesses);
      series.thickness = device.bad_thickness && day_ >= kBadSoftwareDay ? 0.5 : series.distance;
      series.contrast = protocol.contrast ? random_.Pick(kAgents) : "";
      series.kernel = random_.Chance(0.3) ? "LUNG" : "STANDARD";
      WriteSlices(device, series, sop::kCt);
      last = series;
    }
    MakeCtResults(count, last);
  }

  void MakeCtResults(int acquisitions, const Series& source) {
    WriteDerived("SR", "Dose Report", sop::kDoseSr,
                 [&](DataSet& data_set) { SetDoseReport(data_set, acquisitions + 1, random_.Between(120, 1400), random_); });
    if (OnDisc() || random_.Chance(0.4)) {
      WriteDerived("SEG", "Organs", sop::kSegmentation, [&](DataSet& data_set) {
        const std::vector<std::string> labels = PickSome(kOrgans, random_);
        SetSegmentation(data_set, source, sop::kCt, labels, source.instances * std::ssize(labels), random_);
      });
    }
    if (OnDisc() || random_.Chance(0.35)) {
      WriteDerived("RTSTRUCT", "RT structures", sop::kStructureSet,
                   [&](DataSet& data_set) { SetStructureSet(data_set, source, PickSome(kPlanStructures, random_), random_); });
    }
    if (OnDisc() || random_.Chance(0.5)) {
      WriteDerived("SR", "Measurements", sop::kComprehensiveSr,
                   [&](DataSet& data_set) { SetMeasurementReport(data_set, PickSome(kFindings, random_), random_); });
    }
    if (OnDisc() || random_.Chance(0.3)) {
      WriteDerived("PR", "Key findings", sop::kPresentationState,
                   [&](DataSet& data_set) { SetPresentationState(data_set, source, sop::kCt, "Nodule, see report"); });
    }
  }

  void MakeMrStudy() {
    const Device& device = kMrDevices[study_number_ % std::ssize(kMrDevices)];
    study_.description = "MR HEAD";
    study_.procedure_code = "RPID22";
    study_.procedure_meaning = "MR BRAIN";
    const int count = random_.Between(2, 4);
    for (int i = 0; i < count && left_ > 0; ++i) {
      Series series = MakeSeriesOf(random_.Pick(kMrProtocols), random_.Between(5, 12));
      series.body_part = "HEAD";
      series.thickness = random_.Pick(device.thicknesses);
      series.distance = series.thickness * 1.1;
      series.contrast = random_.Chance(0.3) ? "GADOVIST" : "";
      WriteSlices(device, series, sop::kMr);
    }
  }

  void MakeEnhanced(const Device& device, std::string_view sop_class, std::string_view description) {
    study_.description = description;
    for (int i = 0; i < 2 && left_ > 0; ++i) {
      Series series = MakeSeriesOf(description, 1);
      series.thickness = series.distance = random_.Pick(device.thicknesses);
      DataSet data_set = Common(device, series);
      SetInstance(data_set, study_, series, sop_class, 0);
      if (sop_class == sop::kEnhancedMr) {
        SetEnhancedMr(data_set, series, 24, random_);
      } else {
        SetEnhancedCt(data_set, series, 32, random_);
      }
      Write(data_set, device, series, 0);
    }
  }

  void MakeSimple(const Device& device, std::string_view sop_class, std::string_view description, int instances) {
    study_.description = description;
    const Series series = MakeSeriesOf(description, instances);
    const std::string slide = "S25-" + study_.id;
    for (int i = 0; i < series.instances; ++i) {
      DataSet data_set = Common(device, series);
      SetInstance(data_set, study_, series, sop_class, i);
      if (sop_class == sop::kUltrasound) SetUltrasound(data_set, i, random_);
      if (sop_class == sop::kMammography) SetMammogram(data_set, i % 2 == 0 ? "CC" : "MLO", i < 2 ? "L" : "R", random_);
      if (sop_class == sop::kDigitalXRay) SetChestXRay(data_set, random_);
      if (sop_class == sop::kWholeSlide) SetWholeSlide(data_set, i, slide, random_);
      Write(data_set, device, series, i);
    }
  }

  fs::path folder_;
  const HospitalOptions& options_;
  Random random_;
  int64_t left_;
  int patient_number_ = 0;
  int study_number_ = 0;
  int series_number_ = 0;
  int day_ = 0;
  const Name* name_ = nullptr;
  Patient patient_;
  Study study_;
  std::vector<DirectoryEntry> directory_;
  std::string manifest_;
};

}  // namespace

int64_t MakeHospital(const fs::path& folder, const HospitalOptions& options) { return Hospital(folder, options).Make(); }

}  // namespace make_dicom
