// Questions of the commands over a server, asked and answered as gcloud does: on a terminal or from a pipe.
#pragma once

#include <string>

#include "base/result.h"

namespace dicomhouse::cli {

// What it means that standard input ends without an answer.
enum class Unanswered { kRefused, kYes };

// Prints `text` and "QUESTION (Y/n)?" to standard error, and reads lines until one is yes, no or empty (yes). `quiet` or the
// variable CLOUDSDK_CORE_DISABLE_PROMPTS: asks nothing. Errors: kFailedPrecondition: no, or not answered.
base::Status Confirm(bool quiet, Unanswered unanswered, const std::string& text,
                     const std::string& question = "Do you want to continue");

}  // namespace dicomhouse::cli
