#include "store/names.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/limits.h"

namespace dicomhouse::store {
namespace {

bool IsIdCharacter(char c) {
  // Letters and digits of any script are allowed: text is UTF-8 when it gets here, so bytes from 0x80 on are parts of such.
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The values of "KEY/VALUE/KEY/VALUE..." whose keys are given.
template <size_t kCount>
base::Result<std::array<std::string, kCount>> Split(std::string_view text, const std::array<std::string_view, kCount>& keys) {
  std::array<std::string, kCount> values;
  std::string shape;
  for (const std::string_view key : keys) shape += (shape.empty() ? "" : "/") + std::string(key) + "/*";
  std::string_view rest = text;
  for (size_t i = 0; i < kCount; ++i) {
    const std::string key = std::string(keys[i]) + "/";
    if (!rest.starts_with(key)) {
      return base::Error{base::ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is not of the form " + shape};
    }
    rest.remove_prefix(key.size());
    const size_t end = i + 1 < kCount ? std::min(rest.find('/'), rest.size()) : rest.size();
    values[i] = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!IsResourceId(values[i])) {
      return base::Error{base::ErrorCode::kInvalidArgument, "'" + values[i] + "' in '" + std::string(text) +
                                                                "' can't be an id of " + std::string(keys[i]) +
                                                                ": 1 to 256 letters, digits, '_', '-' and '.'"};
    }
  }
  return values;
}

}  // namespace

bool IsResourceId(std::string_view text) {
  return !text.empty() && text.size() <= base::kMaxResourceIdLength && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), IsIdCharacter);
}

base::Result<DatasetName> DatasetName::Parse(std::string_view text) {
  DH_ASSIGN(auto parts, (Split<3>(text, {"projects", "locations", "datasets"})));
  return DatasetName{std::move(parts[0]), std::move(parts[1]), std::move(parts[2])};
}

std::string DatasetName::Text() const { return "projects/" + project + "/locations/" + location + "/datasets/" + dataset; }

base::Result<DicomStoreName> DicomStoreName::Parse(std::string_view text) {
  DH_ASSIGN(auto parts, (Split<4>(text, {"projects", "locations", "datasets", "dicomStores"})));
  return DicomStoreName{{std::move(parts[0]), std::move(parts[1]), std::move(parts[2])}, std::move(parts[3])};
}

std::string DicomStoreName::Text() const { return dataset.Text() + "/dicomStores/" + store; }

}  // namespace dicomhouse::store
