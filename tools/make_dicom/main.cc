// make_dicom: DICOM archives for tests and benchmarks. `make_dicom --help` says what it makes.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "hospital.h"
#include "large.h"
#include "series.h"

namespace {

constexpr const char kHelp[] = R"(make_dicom: DICOM archives for tests and benchmarks. The same arguments give the same bytes.

Usage:
  make_dicom hospital OUT_DIR [--instances N] [--seed S] [--manifest FILE]
      A small archive that looks like a hospital's: CT, MR, enhanced CT and MR, SR, SEG, RTSTRUCT, PR, US, MG, DX, slides;
      names in many character sets; five transfer syntaxes; a DICOMDIR, a file that isn't DICOM, a duplicate, a cut file.
      FILE tells what was written, one line per file. N is 600 unless given.
  make_dicom series OUT_DIR [--instances N] [--series M] [--threads T] [--alike | --unlike] [--seed S]
      CT-like and MR-like instances of about 220 elements and 12 kB, a folder per series of about 200. Alike (the default):
      most elements equal those of the instance before, as in real series. Unlike: no two instances have a value in common.
  make_dicom sr OUT_FILE --items N          one structured report of N content items
  make_dicom seg OUT_FILE --items N         one segmentation of N per-frame items
  make_dicom enhanced OUT_FILE --frames N   one enhanced MR of N frames
  make_dicom columns OUT_DIR --columns N    instances that together have N distinct paths in sequences
  make_dicom huge OUT_FILE --gib N [--fragments]
      A multi-frame instance of N GiB of pixel data in a sparse file. With 4, one frame less than 4 GiB: the limit of a length.

Examples:
  make_dicom hospital ~/demo
  make_dicom series build/bench/series --instances 20000 --threads 2
  make_dicom series build/bench/unlike --instances 20000 --unlike
  make_dicom huge build/bench/huge.dcm --gib 4
)";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `command OUT --option value --switch`.
class Arguments {
 public:
  Arguments(int argc, char** argv) {
    static const std::set<std::string> kSwitches = {"--alike", "--unlike", "--fragments"};
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
  std::string TakeText(const std::string& name) {
    const auto at = options_.find(name);
    if (at == options_.end()) return {};
    const std::string text = at->second;
    options_.erase(at);
    return text;
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

int64_t RunHospital(Arguments& arguments) {
  make_dicom::HospitalOptions options;
  options.instances = arguments.TakeNumber("--instances", options.instances);
  options.seed = static_cast<uint64_t>(arguments.TakeNumber("--seed", 1));
  options.manifest = arguments.TakeText("--manifest");
  arguments.CheckAllTaken();
  return make_dicom::MakeHospital(arguments.out(), options);
}

int64_t RunHuge(Arguments& arguments) {
  const int64_t gib = arguments.TakeNumber("--gib", 4);
  const bool fragments = arguments.TakeSwitch("--fragments");
  arguments.CheckAllTaken();
  make_dicom::MakeHuge(arguments.out(), gib, fragments);
  return 1;
}

// A command with one number.
template <typename Make>
auto RunSized(Arguments& arguments, const std::string& option, int64_t otherwise, const Make& make) {
  const int64_t size = arguments.TakeNumber(option, otherwise);
  arguments.CheckAllTaken();
  return make(arguments.out(), size);
}

int64_t Run(Arguments& arguments) {
  const std::string& command = arguments.command();
  if (command == "hospital") return RunHospital(arguments);
  if (command == "series") return RunSeries(arguments);
  if (command == "huge") return RunHuge(arguments);
  if (command == "columns") return RunSized(arguments, "--columns", 5000, make_dicom::MakeManyColumns);
  if (command == "sr") return RunSized(arguments, "--items", 50000, make_dicom::MakeLargeReport), 1;
  if (command == "seg") return RunSized(arguments, "--items", 50000, make_dicom::MakeLargeSegmentation), 1;
  if (command == "enhanced") return RunSized(arguments, "--frames", 10000, make_dicom::MakeLargeEnhancedMr), 1;
  throw UsageError("unknown command " + command);
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
