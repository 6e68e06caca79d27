// "Did you mean ...?": the word nearest to one that is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dicomhouse::cli {

// The one of `words` that takes the fewest single changes (a letter added, left out, replaced, or two exchanged), without
// regard to case; "" when none is near enough to be meant.
std::string NearestWord(std::string_view word, const std::vector<std::string>& words);

}  // namespace dicomhouse::cli
