// The information modules that instances of all kinds share: patient, study, equipment, image plane, private blocks.
#pragma once

#include <string>
#include <string_view>

#include "data_set.h"
#include "random.h"

namespace make_dicom {

struct Patient {
  std::string id;
  std::string name = "Doe^Jane";  // bytes in `character_set`
  std::string character_set = "ISO_IR 100";
  std::string birth_date = "19600101";
  std::string sex = "F";
  double weight_kg = 70;
  double size_m = 1.70;
};

struct Study {
  std::string uid;
  std::string id = "1";
  std::string date = "20240101";
  int seconds = 9 * 3600;  // since midnight
  std::string accession;
  std::string description;
  std::string procedure_code;
  std::string procedure_meaning;
  std::string referring = "Curie^Marie^^Dr";
};

enum class Vendor { kGe, kSiemens, kPhilips, kOther };

struct Scanner {
  Vendor vendor = Vendor::kOther;
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::string station;
  std::string software;
  std::string institution = "City Hospital";
  std::string modality = "CT";
};

struct Series {
  std::string uid;
  int number = 1;
  std::string description;
  std::string protocol;
  std::string body_part = "CHEST";
  std::string frame_of_reference;
  int instances = 1;
  double thickness = 5;  // what Slice Thickness says
  double distance = 5;   // between slices, as the positions say
  double first_z = -300;
  double pixel_spacing = 0.7;
  std::string contrast;  // Contrast/Bolus Agent; "" when none
  std::string kernel = "STANDARD";
  int size = 512;  // rows and columns that are declared; the pixel data is made small all the same
};

// What stands in one element for good.
struct Constant {
  Attribute attribute;
  std::string_view text;
};
template <size_t N>
void SetAll(DataSet& data_set, const Constant (&constants)[N]) {
  for (const Constant& constant : constants) data_set.Set(constant.attribute, constant.text);
}

// An item of the code sequence macro (PS3.3 table 8.8-1).
DataSet& AddCode(DataSet& data_set, const Attribute& sequence, std::string_view value, std::string_view scheme,
                 std::string_view meaning);
// An item with a referenced SOP class and instance.
DataSet& AddReference(DataSet& data_set, const Attribute& sequence, std::string_view sop_class, std::string_view instance);

// "HHMMSS.ffffff" of a time since midnight, which wraps around.
std::string TimeText(double seconds);
// "YYYYMMDD", `days` after 1970-01-01.
std::string DateText(int days);

void SetPatient(DataSet& data_set, const Patient& patient);
void SetStudy(DataSet& data_set, const Patient& patient, const Study& study);
void SetEquipment(DataSet& data_set, const Scanner& scanner);
void SetSeries(DataSet& data_set, const Study& study, const Scanner& scanner, const Series& series);
// Uids and times of instance `index` (from 0) of its series.
void SetInstance(DataSet& data_set, const Study& study, const Series& series, std::string_view sop_class, int index);
void SetImagePlane(DataSet& data_set, const Series& series, int index);
// `rows` x `columns` of 16 bits.
void SetPixelModule(DataSet& data_set, int rows, int columns);
void SetPixels(DataSet& data_set, Random& random, size_t bytes);

void SetCtImage(DataSet& data_set, const Series& series, Random& random);
void SetMrImage(DataSet& data_set, const Series& series, Random& random);

// Private blocks as the vendor's scanners write them: two each. Values that the position decides vary with `index`.
void SetPrivateBlocks(DataSet& data_set, const Scanner& scanner, const Series& series, int index, Random& random);

}  // namespace make_dicom
