#include "transfer/internal/failure.h"

#include <string_view>

namespace dicomhouse::transfer {
namespace {

// What is behind "PATH: ", where PATH is all of `path` or an archive that it is an entry of.
std::string_view WithoutPath(std::string_view message, std::string_view path) {
  for (size_t end = path.size(); end != 0 && end != std::string_view::npos; end = path.rfind('!', end - 1)) {
    const std::string_view around = path.substr(0, end);
    if (message.starts_with(around) && message.substr(end).starts_with(": ")) return message.substr(end + 2);
  }
  return message;
}

}  // namespace

Failure FailureOf(const std::string& path, const base::Error& error) {
  const std::string_view text = WithoutPath(error.message, path);
  // Of damaged bytes, what is wrong comes first and how it shows itself in them second; of the system's refusals ("can't open:
  // Permission denied") the second part is the reason.
  const size_t end = error.code == base::ErrorCode::kCorrupt ? text.find(": ") : std::string_view::npos;
  return {std::string(text.substr(0, end)), std::string(text)};
}

}  // namespace dicomhouse::transfer
