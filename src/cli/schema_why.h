// `dicomhouse schema --why`: where a field of the table comes from.
#pragma once

#include <string>

#include "cli/reading.h"

namespace dicomhouse::cli {

// Prints the first file, in sorted order, that has the field, the element in it, the dictionary's entry and the rule.
// `field`: a dotted path. Returns kDone, or kFailed when no file has it.
base::Result<int> ExplainField(const ReadFlags& flags, const std::string& field, bool json);

}  // namespace dicomhouse::cli
