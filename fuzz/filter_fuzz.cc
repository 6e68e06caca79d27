// Any bytes as a filter file: refused with a printable line, or taken with at least as many lines as it admits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "transfer/filter.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto filter = dicomhouse::transfer::Filter::Parse(text);
  if (!filter.ok()) {
    for (const char c : filter.error().message) Require(c >= 0x20 && c < 0x7f);
    return 0;
  }
  Require(filter->active());
  // The first study named by the text is admitted when nothing follows it.
  const size_t start = text.find("/studies/");
  Require((start == std::string_view::npos) == (filter->lines() == 0));
  if (start != std::string_view::npos) {
    const std::string_view rest = text.substr(start + 9);
    const size_t end = rest.find_first_of("/\r\n");
    const std::string_view study = rest.substr(0, end);
    const bool whole = end == std::string_view::npos || rest[end] != '/';
    if (whole) Require(filter->Admits(study, "1", "2"));
    Require(!filter->Admits(study.substr(1), study, "not a UID") || filter->lines() > 1);
  }
  Require(!filter->Admits("", "", ""));
  return 0;
}
