// Where tests find files beside the sources.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/source_tree.h"

namespace dicomhouse::dicom::testing {

using dicomhouse::test_support::SourceTree;
inline std::filesystem::path SharedCorpora() { return dicomhouse::test_support::SharedFolder() / "corpora"; }

inline std::string ReadWholeFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The rows of a table with tabs between the columns; lines that begin with '#' are left out.
inline std::vector<std::vector<std::string>> ReadTable(const std::filesystem::path& path) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    auto& row = rows.emplace_back();
    for (size_t begin = 0; begin <= line.size();) {
      const size_t end = std::min(line.find('\t', begin), line.size());
      row.push_back(line.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return rows;
}

}  // namespace dicomhouse::dicom::testing
