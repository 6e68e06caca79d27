// The page's filter file (D2): lines /studies/STUDY_UID[/series/SERIES_UID[/instances/INSTANCE_UID]].
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dicomhouse::transfer {

// Immutable after parsing; thread-safe; copies share.
class Filter {
 public:
  // No filter: everything is admitted.
  Filter() = default;
  // Lines end in \n or \r\n; the last may lack it. Empty lines are passed over. A wrong line is refused with its number, its
  // text and what is wrong with it, before anything is read. A file without any line admits nothing.
  static base::Result<Filter> Parse(std::string_view text);
  static base::Result<Filter> FromFile(const std::string& path);

  bool active() const { return rules_ != nullptr; }
  // UIDs without padding. A few nanoseconds when not active.
  bool Admits(std::string_view study, std::string_view series, std::string_view instance) const {
    return rules_ == nullptr || AdmitsByRules(study, series, instance);
  }
  size_t lines() const;

 private:
  struct Rules;
  bool AdmitsByRules(std::string_view study, std::string_view series, std::string_view instance) const;
  std::shared_ptr<const Rules> rules_;
};

}  // namespace dicomhouse::transfer
