#include "cli/suggest.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace dicomhouse::cli {
namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// The distance of Damerau and Levenshtein, without changes inside exchanged letters.
size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::vector<size_t> next(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

}  // namespace

std::string NearestWord(std::string_view word, const std::vector<std::string>& words) {
  constexpr size_t kMaxWord = 200;
  if (word.empty() || word.size() > kMaxWord) return "";
  const std::string wanted = Lower(word);
  std::string nearest;
  size_t least = wanted.size() < 4 ? 2 : wanted.size() / 3 + 2;  // one more than may differ
  for (const std::string& other : words) {
    const std::string candidate = Lower(other);
    size_t distance = Distance(wanted, candidate);
    // The beginning of a word is meant as that word.
    if (wanted.size() >= 3 && candidate.starts_with(wanted)) distance = std::min<size_t>(distance, 1);
    if (distance < least) {
      least = distance;
      nearest = other;
    }
  }
  return nearest;
}

}  // namespace dicomhouse::cli
