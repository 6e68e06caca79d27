// A DICOMDIR (PS3.3 annex F): the directory of a disc, whose records point at each other by byte offset.
#pragma once

#include <string>
#include <vector>

#include "data_set.h"

namespace make_dicom {

struct DirectoryEntry {
  std::vector<std::string> file_id;  // path components: "PAT00001", ...
  DataSet instance;                  // of which the keys are taken
  std::string_view transfer_syntax;
};

// The file's bytes. Entries of one patient, study and series stand together.
std::string MakeDirectory(const std::vector<DirectoryEntry>& entries, const std::string& uid);

}  // namespace make_dicom
