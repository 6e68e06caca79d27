#include "series.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "data_set.h"
#include "files.h"
#include "modules.h"
#include "random.h"
#include "sop_classes.h"
#include "tags.h"
#include "vary.h"

namespace make_dicom {
namespace {

constexpr int64_t kInstancesPerSeries = 200;
constexpr size_t kFileBytes = 12000;
constexpr size_t kLeastPixelBytes = 2048;

const Scanner kScanners[] = {
    {Vendor::kGe, "GE MEDICAL SYSTEMS", "Revolution CT", "REVO0001234", "CT01", "revo_ct_22bc.50", "City Hospital", "CT"},
    {Vendor::kSiemens, "SIEMENS", "Skyra", "45123", "AWP45123", "syngo MR E11", "City Hospital", "MR"},
    {Vendor::kPhilips, "Philips Medical Systems", "Achieva dStream", "17302", "MR3T", "5.4.1\\5.4.1.1", "City Hospital", "MR"},
    {Vendor::kGe, "GE MEDICAL SYSTEMS", "LightSpeed VCT", "VCT00077", "CT02", "gmp_vct.42", "City Hospital", "CT"},
};

// One series and the data set that its instances share.
class SeriesMaker {
 public:
  SeriesMaker(const SeriesOptions& options, int64_t number, int64_t first, int64_t count)
      : options_(options),
        random_(options.seed, static_cast<uint64_t>(number)),
        scanner_(kScanners[number % std::ssize(kScanners)]),
        first_(first),
        count_(count) {
    study_.uid = random_.Uid();
    study_.id = std::to_string(number / 4 + 1);
    study_.date = DateText(19000 + static_cast<int>(number / 4 % 700));
    study_.seconds = random_.Between(7 * 3600, 18 * 3600);
    study_.accession = "A" + Padded(static_cast<uint64_t>(number / 4), 9);
    study_.description = scanner_.modality == "CT" ? "CT THORAX ABDOMEN" : "MR HEAD";
    study_.procedure_code = "RPID16";
    study_.procedure_meaning = study_.description;
    patient_.id = "PAT" + Padded(static_cast<uint64_t>(number / 8), 7);
    patient_.name = "Benchmark^Patient " + std::to_string(number / 8);
    series_.uid = random_.Uid();
    series_.number = static_cast<int>(number % 4) + 1;
    series_.frame_of_reference = series_.uid + ".0";
    series_.description = scanner_.modality == "CT" ? "Thorax 1.25 mm" : "t2_tse_tra";
    series_.protocol = scanner_.modality == "CT" ? "5.1 Routine Chest Abdomen" : "t2_tse_tra_320";
    series_.instances = static_cast<int>(count);
    series_.thickness = series_.distance = scanner_.modality == "CT" ? 1.25 : 3.3;
    series_.contrast = number % 2 == 0 ? "OMNIPAQUE 350" : "";
    Compose();
  }

  void Write(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    std::string bytes;
    for (int index = 0; index < count_; ++index) {
      SetVarying(index);
      Encode(index, bytes);
      WriteFile(folder / ("IM" + Padded(static_cast<uint64_t>(index + 1), 6) + ".dcm"), bytes);
    }
  }

 private:
  std::string_view SopClass() const { return scanner_.modality == "CT" ? sop::kCt : sop::kMr; }

  void Encode(int index, std::string& bytes) {
    if (!options_.unlike) return EncodeFile(data_set_, {}, bytes);
    DataSet varied = data_set_;
    VaryAll(varied, static_cast<uint64_t>(first_ + index), random_);
    EncodeFile(varied, {}, bytes);
  }

  void Compose() {
    SetPatient(data_set_, patient_);
    SetStudy(data_set_, patient_, study_);
    SetEquipment(data_set_, scanner_);
    SetSeries(data_set_, study_, scanner_, series_);
    if (scanner_.modality == "CT") {
      SetCtImage(data_set_, series_, random_);
    } else {
      SetMrImage(data_set_, series_, random_);
    }
    SetPixelModule(data_set_, 32, 32);
    SetAnatomy();
    SetReferences();
    SetVarying(0);
    SetPixels(data_set_, random_, kLeastPixelBytes);
    const size_t size = EncodeFile(data_set_, {}).size();
    const size_t more = size < kFileBytes ? (kFileBytes - size) / 64 * 64 : 0;
    SetPixels(data_set_, random_, kLeastPixelBytes + more);
    data_set_.Set(kRows, 32 + static_cast<double>(more) / 64);
  }

  void SetAnatomy() {
    for (const std::string_view side : {"Right", "Left"}) {
      DataSet& region = AddCode(data_set_, kAnatomicRegionSequence, "T-D3000", "SRT", "Chest");
      DataSet& modifier = AddCode(region, kAnatomicRegionModifierSequence, side == "Right" ? "G-A100" : "G-A101", "SRT", side);
      modifier.Set(kCodingSchemeVersion, "2020");
    }
  }

  // Three localizers and the series that this one was made from, with the purpose of each reference.
  void SetReferences() {
    for (int i = 0; i < 3; ++i) {
      DataSet& image = AddReference(data_set_, kReferencedImageSequence, SopClass(), series_.uid + ".9." + std::to_string(i));
      DataSet& purpose = AddCode(image, kPurposeOfReferenceCodeSequence, "121311", "DCM", "Localizer");
      AddCode(purpose, kEquivalentCodeSequence, "LOC", "99LOCAL", "Scout");
    }
    DataSet& source = AddReference(data_set_, kSourceImageSequence, SopClass(), series_.uid + ".8.1");
    AddCode(source, kPurposeOfReferenceCodeSequence, "121322", "DCM", "Source image for image processing operation");
    AddReference(data_set_, kReferencedStudySequence, "1.2.840.10008.3.1.2.3.1", study_.uid + ".7");
  }

  // What differs from one instance of a real series to the next.
  void SetVarying(int index) {
    const double begin = study_.seconds + 60.0 * series_.number + 0.35 * index;
    SetInstance(data_set_, study_, series_, SopClass(), index);
    SetImagePlane(data_set_, series_, index);
    SetPrivateBlocks(data_set_, scanner_, series_, index, random_);
    data_set_.Set(kAcquisitionDate, study_.date).Set(kAcquisitionTime, TimeText(begin)).Set(kAcquisitionNumber, 1.0);
    data_set_.Set(kAcquisitionDateTime, study_.date + TimeText(begin));
    data_set_.Set(kSmallestImagePixelValue, random_.Between(0, 3)).Set(kLargestImagePixelValue, random_.Between(1800, 4000));
    if (scanner_.modality == "CT") data_set_.Set(kXRayTubeCurrent, 200 + index / 4 % 90);  // dose modulation
    DataSet& source = data_set_.Find(kSourceImageSequence)->items[0];
    source.Set(kReferencedSOPInstanceUID, series_.uid + ".8." + std::to_string(index + 1));
  }

  const SeriesOptions& options_;
  Random random_;
  const Scanner& scanner_;
  int64_t first_;  // of all instances
  int64_t count_;
  Patient patient_;
  Study study_;
  Series series_;
  DataSet data_set_;
};

}  // namespace

int64_t MakeSeries(const std::filesystem::path& folder, const SeriesOptions& options) {
  const int64_t wanted =
      options.series > 0 ? options.series : (options.instances + kInstancesPerSeries - 1) / kInstancesPerSeries;
  const int64_t count = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(options.instances, 1));
  std::atomic<int64_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    try {
      for (int64_t number = next++; number < count; number = next++) {
        const int64_t first = options.instances * number / count;
        const int64_t end = options.instances * (number + 1) / count;
        SeriesMaker(options, number, first, end - first)
            .Write(folder / ("series-" + Padded(static_cast<uint64_t>(number + 1), 5)));
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      next = count;
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < std::max(options.threads, 1); ++i) threads.emplace_back(work);
  threads.clear();
  if (failure) std::rethrow_exception(failure);
  return options.instances;
}

}  // namespace make_dicom
