#include "cli/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <set>

#include "cli/environment.h"
#include "cli/suggest.h"
#include "cli/terminal.h"

namespace dicomhouse::cli {

namespace {

// The command that the user chose, as deep as words were understood, and the words that lead to it.
const CLI::App* ChosenCommand(const CLI::App& app, std::string& words) {
  const CLI::App* command = &app;
  words = "dicomhouse";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    words += " " + command->get_name();
  }
  return command;
}

std::vector<std::string> CommandNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* child : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!child->get_name().empty() && !child->get_group().empty()) names.push_back(child->get_name());
  }
  return names;
}

std::string Listed(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

std::string WithSuggestion(const std::string& text, const std::string& word, const std::vector<std::string>& words) {
  const std::string nearest = NearestWord(word, words);
  return nearest.empty() ? text : text + "; did you mean " + nearest + "?";
}

// A word that no command and no flag takes.
std::string ExplainExtra(const CLI::App& command, const std::string& word) {
  if (word.starts_with('-') && word.size() > 1) {
    std::vector<std::string> flags;
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    }
    const std::string flag = word.substr(0, word.find('='));
    return WithSuggestion("there is no flag " + flag, flag, flags);
  }
  const std::vector<std::string> names = CommandNames(command);
  if (names.empty()) return "the word '" + word + "' is one too many";
  const std::string text = WithSuggestion("there is no command '" + word + "'", word, names);
  return text.ends_with('?') ? text : text + "; there are " + Listed(names);
}

// CLI11 says "--flag: At Most 1 required but received 2".
std::string ExplainCount(const std::string& text) {
  const size_t at = text.find(": At Most 1 required but received ");
  return at == std::string::npos ? text : text.substr(0, at) + " is given twice; one of them is meant";
}

// CLI11 says "--flag: value not in {a,b}".
std::string ExplainValue(const std::string& text) {
  constexpr std::string_view kNotIn = " not in {";
  const size_t at = text.find(kNotIn);
  const size_t colon = text.find(": ");
  if (at == std::string::npos || colon == std::string::npos || colon > at || text.back() != '}') return text;
  std::vector<std::string> values;
  std::string list = text.substr(at + kNotIn.size(), text.size() - at - kNotIn.size() - 1);
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    values.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  const std::string value = text.substr(colon + 2, at - colon - 2);
  const std::string said = text.substr(0, colon + 2) + "'" + value + "' is not possible";
  const std::string better = WithSuggestion(said, value, values);
  return better.ends_with('?') ? better : said + "; possible are " + Listed(values);
}

// What is wrong with the words, and where help is.
int Refuse(const CLI::App& app, const CLI::ParseError& error) {
  std::string words;
  const CLI::App* command = ChosenCommand(app, words);
  const auto extra = app.remaining(true);
  std::string text = error.what();
  if (!extra.empty()) {
    text = ExplainExtra(*command, extra.front());
  } else if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) {
    text = ExplainValue(text);
  } else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    text = ExplainCount(text);
  } else if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && text.starts_with("A subcommand")) {
    text = "say which command: " + Listed(CommandNames(*command));
  }
  return Complain(text + "\nTry `" + words + " --help`.", kWrongUse);
}

}  // namespace

std::unique_ptr<CLI::App> MakeProgram(Common& common, Run& run) {
  auto app = std::make_unique<CLI::App>("DICOM archives as SQL tables, on your own machine", "dicomhouse");
  app->set_version_flag("--version", std::string("dicomhouse ") + DICOMHOUSE_VERSION);
  app->require_subcommand(1);
  app->footer(
      "Start here:\n"
      "  dicomhouse export ~/scans\n"
      "  dicomhouse query \"SELECT Modality, COUNT(*) AS n FROM metadata GROUP BY Modality\"\n\n"
      "`dicomhouse COMMAND --help` has the flags and examples of a command.");
  AddExport(*app, common, run);
  AddQuery(*app, common, run);
  AddTables(*app, common, run);
  AddSchema(*app, common, run);
  AddInspect(*app, common, run);
  AddServe(*app, run);
  AddStore(*app, run);
  AddHealthcare(*app, common, run);
  AddStorage(*app, common, run);
  AddLogging(*app, common, run);
  AddBq(*app, common, run);
  AddGenerate(*app, run);
  return app;
}

namespace {

// Of the descriptors 0, 1 and 2, those that the caller has closed. A file opened later would get one of their numbers, and a
// message would be written into a table. What is opened instead can't be used: who needs the stream gets an error.
void FillStandardDescriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    (void)::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // takes the lowest free number
  }
}

// Flags that clear a field of a resource when their value is empty.
bool IsClearing(std::string_view flag) {
  static const std::set<std::string, std::less<>> kClearing = {"pubsub-topic", "stream-configs", "time-zone"};
  return kClearing.contains(flag);
}

// The words behind the program's name, the last one first, as CLI11 wants them. It takes "--flag=" for a flag without a value.
std::vector<std::string> WordsOf(int argc, char** argv) {
  std::vector<std::string> words;
  bool flags_end = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    flags_end |= word == "--";
    const bool clears =
        !flags_end && word.starts_with("--") && word.ends_with('=') && IsClearing(word.substr(2, word.size() - 3));
    words.emplace_back(clears ? word.substr(0, word.size() - 1) : word);
    if (clears) words.emplace_back();
  }
  std::reverse(words.begin(), words.end());
  return words;
}

// Nobody means "" by a folder, a file or a table: it is a variable of a shell that is not set. Where the server's API clears a
// field by an empty text, it may be given.
void RefuseEmptyValues(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : ChosenCommand(app, words)->get_options()) {
    if (option->get_lnames().empty() || IsClearing(option->get_lnames().front())) continue;
    const auto& values = option->results();
    if (std::find(values.begin(), values.end(), "") != values.end())
      throw CLI::ValidationError("--" + option->get_lnames().front(), "the value is empty");
  }
}

// gcloud's release tracks: `beta healthcare ...` is the command of the same name. Takes the word away and returns it, or "".
std::string TakeTrack(std::vector<std::string>& words) {
  static const std::set<std::string, std::less<>> kCommands = {"healthcare", "logging", "storage"};
  if (words.size() < 2 || !kCommands.contains(words[words.size() - 2])) return "";
  std::string word = words.back();
  if (word != "alpha" && word != "beta") return "";
  words.pop_back();
  return word;
}

int ParseAndRun(int argc, char** argv) {
  Common common;
  std::vector<std::string> words = WordsOf(argc, argv);
  if (const std::string track = TakeTrack(words); !track.empty()) common.track = track + ".";
  Run run;
  const auto app = MakeProgram(common, run);
  try {
    app->parse(std::move(words));
    RefuseEmptyValues(*app);
  } catch (const CLI::ParseError& error) {
    // Help and version are exceptions too, with the code 0.
    return error.get_exit_code() == 0 ? app->exit(error) : Refuse(*app, error);
  }
  if (!app->got_subcommand("generate")) {
    for (const std::string& line : UnknownVariables()) Complain("warning: " + line, kDone);
  }
  return run ? run() : kWrongUse;
}

}  // namespace

int Main(int argc, char** argv) {
  FillStandardDescriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows beyond ulimit -f is an error of the write, as a full disk is
  const int code = ParseAndRun(argc, argv);
  const base::Status printed = FlushOutput();
  const bool good = code == kDone || code == kDoneWithFailures;
  return printed.ok() || !good ? code : Complain(printed.error().message, kFailed);
}

}  // namespace dicomhouse::cli
