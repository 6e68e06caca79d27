// make_dicom: DICOM archives for tests and benchmarks. `make_dicom --help` says what it makes.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "series.h"

namespace {

constexpr const char kHelp[] = R"(make_dicom: DICOM archives for tests and benchmarks. The same arguments give the same bytes.

Usage:
  make_dicom series OUT_DIR [--instances N] [--series M] [--threads T] [--alike | --unlike] [--seed S]
      CT-like and MR-like instances of about 220 elements and 12 kB, a folder per series of about 200. Alike (the default):
      most elements equal those of the instance before, as in real series. Unlike: no two instances have a value in common.

Examples:
  make_dicom series build/bench/series --instances 20000 --threads 2
  make_dicom series build/bench/unlike --instances 20000 --unlike
)";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `command OUT --option value --switch`.
class Arguments {
 public:
  Arguments(int argc, char** argv) {
    static const std::set<std::string> kSwitches = {"--alike", "--unlike"};
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (word.rfind("--", 0) != 0) {
        words_.push_back(word);
      } else if (kSwitches.contains(word)) {
        options_[word] = "";
      } else if (i + 1 < argc) {
        options_[word] = argv[++i];
      } else {
        throw UsageError(word + " needs a value");
      }
    }
    if (words_.size() != 2) throw UsageError("give a command and where to write");
  }

  const std::string& command() const { return words_[0]; }
  const std::string& out() const { return words_[1]; }

  bool TakeSwitch(const std::string& name) { return options_.erase(name) > 0; }
  int64_t TakeNumber(const std::string& name, int64_t otherwise) {
    const auto at = options_.find(name);
    if (at == options_.end()) return otherwise;
    char* end = nullptr;
    const long long number = std::strtoll(at->second.c_str(), &end, 10);
    if (at->second.empty() || *end != '\0' || number < 0) throw UsageError(name + " needs a number, not " + at->second);
    options_.erase(at);
    return number;
  }
  // All options have been taken, or the command doesn't know one.
  void CheckAllTaken() const {
    if (!options_.empty()) throw UsageError(command() + " has no option " + options_.begin()->first);
  }

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::string> options_;
};

int64_t RunSeries(Arguments& arguments) {
  make_dicom::SeriesOptions options;
  options.instances = arguments.TakeNumber("--instances", options.instances);
  options.series = arguments.TakeNumber("--series", options.series);
  options.threads = static_cast<int>(arguments.TakeNumber("--threads", options.threads));
  options.seed = static_cast<uint64_t>(arguments.TakeNumber("--seed", 1));
  options.unlike = arguments.TakeSwitch("--unlike");
  if (arguments.TakeSwitch("--alike") && options.unlike) throw UsageError("--alike or --unlike, not both");
  arguments.CheckAllTaken();
  return make_dicom::MakeSeries(arguments.out(), options);
}

int64_t Run(Arguments& arguments) {
  if (arguments.command() == "series") return RunSeries(arguments);
  throw UsageError("unknown command " + arguments.command());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (first.empty() || first == "--help" || first == "-h" || first == "help") {
    std::fputs(kHelp, first.empty() ? stderr : stdout);
    return first.empty() ? 2 : 0;
  }
  try {
    Arguments arguments(argc, argv);
    const int64_t instances = Run(arguments);
    std::printf("%lld instances written to %s\n", static_cast<long long>(instances), arguments.out().c_str());
    return 0;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "make_dicom: %s; see make_dicom --help\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_dicom: %s\n", error.what());
    return 1;
  }
}
