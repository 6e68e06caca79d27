// Instances that are more than one slice: reports, segmentations, multi-frame images, structure sets, slides.
// Each function adds its modules to a data set that has patient, study, equipment and series already.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data_set.h"
#include "modules.h"
#include "random.h"

namespace make_dicom {

struct Code {
  std::string_view value;
  std::string_view scheme;
  std::string_view meaning;
};

// An imaging measurement report (TID 1500): a group for each finding, with three measurements and a qualitative evaluation.
// `items` bounds the number of content items at all depths.
void SetMeasurementReport(DataSet& data_set, const std::vector<std::string>& findings, Random& random);
void SetReportOfItems(DataSet& data_set, int64_t items, Random& random);
// Radiation dose of a CT study (TID 10011, shortened).
void SetDoseReport(DataSet& data_set, int events, double dlp, Random& random);

// Segments with a frame of each slice.
void SetSegmentation(DataSet& data_set, const Series& source, std::string_view source_class,
                     const std::vector<std::string>& labels, int64_t frames, Random& random);
void SetEnhancedMr(DataSet& data_set, const Series& series, int64_t frames, Random& random);
void SetEnhancedCt(DataSet& data_set, const Series& series, int64_t frames, Random& random);

void SetStructureSet(DataSet& data_set, const Series& source, const std::vector<std::string>& structures, Random& random);
void SetWholeSlide(DataSet& data_set, int level, std::string_view container, Random& random);
void SetUltrasound(DataSet& data_set, int index, Random& random);
void SetMammogram(DataSet& data_set, std::string_view view, std::string_view laterality, Random& random);
void SetChestXRay(DataSet& data_set, Random& random);
void SetPresentationState(DataSet& data_set, const Series& source, std::string_view source_class, std::string_view label);

}  // namespace make_dicom
