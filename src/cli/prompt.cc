#include "cli/prompt.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>

#include "cli/environment.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;

// Without blanks at its ends, in lower case.
std::string Plain(const std::string& line) {
  const auto is_blank = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto begin = std::find_if_not(line.begin(), line.end(), is_blank);
  const auto end = std::find_if_not(line.rbegin(), std::make_reverse_iterator(begin), is_blank).base();
  std::string text(begin, end);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool PromptsAreDisabled() {
  const std::string text = Plain(Environment("CLOUDSDK_CORE_DISABLE_PROMPTS"));
  return text == "1" || text == "true" || text == "yes" || text == "on";
}

base::Status Answer(Unanswered unanswered) {
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::string answer = Plain(line);
    if (line.empty() || answer == "y" || answer == "yes") return {};
    if (answer == "n" || answer == "no") return Error{ErrorCode::kFailedPrecondition, "Aborted by user."};
    std::fprintf(stderr, "Please enter 'y' or 'n':  ");
  }
  if (unanswered == Unanswered::kYes) return {};
  return Error{ErrorCode::kFailedPrecondition,
               "This prompt could not be answered because you are not in an interactive session.  You can re-run the command "
               "with the --quiet flag to accept default answers for all prompts."};
}

}  // namespace

base::Status Confirm(bool quiet, Unanswered unanswered, const std::string& text, const std::string& question) {
  if (quiet || PromptsAreDisabled()) return {};
  std::fprintf(stderr, "%s\n\n%s (Y/n)?  ", text.c_str(), question.c_str());
  base::Status answer = Answer(unanswered);
  std::fprintf(stderr, "\n");
  return answer;
}

}  // namespace dicomhouse::cli
