// Wildcards of `gcloud storage` in names of objects. An import's (store::ObjectPattern) are fewer and the server's matter.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dicomhouse::cli {

// `*` and `?` stay in their folder, `**` goes into folders, and what is behind it may too; "**/" is also no folder at all. [abc],
// [a-z] and [!a-z] are one character; [[] is the mark [ itself.
class ObjectGlob {
 public:
  // Whether a name has wildcards.
  static bool IsWild(std::string_view name) { return name.find_first_of(kMarks) != std::string_view::npos; }

  explicit ObjectGlob(std::string_view pattern);

  // What all matches begin with.
  const std::string& prefix() const { return prefix_; }
  // Takes time as the product of both lengths, at most.
  bool Matches(std::string_view name) const;

 private:
  static constexpr std::string_view kMarks = "*?[]";

  struct Range {
    char32_t first;
    char32_t last;
  };
  // One character of a set, or with `repeated` any number of them.
  struct Step {
    std::vector<Range> ranges;
    bool negated = false;  // all but those
    bool repeated = false;
    bool skips = false;  // the "**" of "**/": may be left out together with its slash
  };

  void AddStars(std::string_view pattern, size_t& at, bool deep);
  bool AddSet(std::string_view pattern, size_t& at, bool deep);
  void AddAny(bool deep, bool repeated);
  void LeaveOut(std::vector<bool>& states) const;
  static bool Takes(const Step& step, char32_t code);

  std::string prefix_;
  std::vector<Step> steps_;
};

}  // namespace dicomhouse::cli
