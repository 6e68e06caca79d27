// The resource names of Google's Healthcare API, as text and taken apart.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace dicomhouse::store {

// projects/P/locations/L/datasets/D
struct DatasetName {
  std::string project;
  std::string location;
  std::string dataset;

  // Errors: kInvalidArgument, saying which part is wrong: ids have 1 to 256 characters of letters, digits, '_', '-' and '.'.
  static base::Result<DatasetName> Parse(std::string_view text);
  std::string Text() const;
  bool operator==(const DatasetName&) const = default;
};

// projects/P/locations/L/datasets/D/dicomStores/S
struct DicomStoreName {
  DatasetName dataset;
  std::string store;

  static base::Result<DicomStoreName> Parse(std::string_view text);
  std::string Text() const;
  bool operator==(const DicomStoreName&) const = default;
};

// Whether a text may be a part of a resource name.
bool IsResourceId(std::string_view text);

}  // namespace dicomhouse::store
