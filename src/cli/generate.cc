#include "cli/generate.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/environment.h"
#include "cli/suggest.h"
#include "cli/terminal.h"

namespace dicomhouse::cli {
namespace {

// A command with the words that lead to it: {"table", "drop"}; none for the program itself.
struct Command {
  std::vector<std::string> words;
  const CLI::App* app = nullptr;

  std::string Joined(const char* between) const {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
    return text;
  }
};

bool IsHidden(const CLI::App& app) { return app.get_group().empty(); }

// All commands that are not hidden, parents first.
std::vector<Command> CommandsOf(const CLI::App& app) {
  std::vector<Command> commands = {{{}, &app}};
  for (size_t i = 0; i < commands.size(); ++i) {
    for (const CLI::App* child : commands[i].app->get_subcommands([](const CLI::App*) { return true; })) {
      if (child->get_name().empty() || IsHidden(*child)) continue;
      Command command = commands[i];
      command.words.push_back(child->get_name());
      command.app = child;
      commands.push_back(std::move(command));
    }
  }
  return commands;
}

std::vector<std::string> ChildrenOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!child->get_name().empty() && !IsHidden(*child)) names.push_back(child->get_name());
  }
  return names;
}

std::vector<const CLI::Option*> FlagsOf(const CLI::App& app) {
  std::vector<const CLI::Option*> flags;
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional() && !option->get_group().empty()) flags.push_back(option);
  }
  return flags;
}

std::vector<const CLI::Option*> PositionalsOf(const CLI::App& app) {
  std::vector<const CLI::Option*> words;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) words.push_back(option);
  }
  return words;
}

bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0 && option.get_type_size_max() > 0; }

// The values of IsMember: CLI11 appends them to the type's name, as "TEXT:{a,b}".
std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.rfind('{');
  std::vector<std::string> choices;
  if (begin == std::string::npos || type.back() != '}') return choices;
  std::string list = type.substr(begin + 1, type.size() - begin - 2) + ",";
  for (size_t at = 0; at < list.size();) {
    const size_t end = list.find(',', at);
    choices.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

std::string TypeOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.substr(0, type.find_first_of(":{ "));
}

bool TakesPath(const CLI::Option& option) {
  const std::string type = TypeOf(option);
  return type.starts_with("FILE") || type == "DIR";
}

std::string Replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) text.replace(at, what.size(), by);
  return text;
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// ---- the manual (mdoc)

// A line of text. mdoc takes '.' and ''' at its beginning as a request, and a backslash as an escape.
std::string ManText(std::string text) {
  text = Replaced(Replaced(std::move(text), "\\", "\\e"), "-", "\\-");
  return !text.empty() && (text[0] == '.' || text[0] == '\'') ? "\\&" + text : text;
}

// Text in short lines, a sentence beginning a new one.
std::string ManFilled(const std::string& text) {
  constexpr size_t kMaxLine = 76;
  std::string out;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) out += ManText(line) + "\n";
    line.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    if (line.size() + word.size() >= kMaxLine) flush();
    line += (line.empty() ? "" : " ") + word;
    const bool sentence_ends = (word.back() == '.' || word.back() == '?') && !word.ends_with("..");
    if (sentence_ends) flush();
  }
  flush();
  return out;
}

// Lines of text as they are; indented ones are examples.
std::string ManParagraphs(const std::string& text) {
  std::string out;
  bool literal = false;
  bool blank = false;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) {
      blank = true;
      continue;
    }
    const bool example = line.starts_with("  ");
    if (example != literal) out += example ? ".Bd -literal -offset indent\n" : ".Ed\n";
    if (blank && !out.empty() && !example) out += ".Pp\n";
    out += example ? ManText(line.substr(2)) + "\n" : ManFilled(line);
    literal = example;
    blank = false;
  }
  return out + (literal ? ".Ed\n" : "");
}

std::string ManFlag(const CLI::Option& option) {
  std::string out = ".It ";
  bool first = true;
  for (const std::string& name : option.get_lnames()) {
    out += std::string(first ? "" : " , ") + "Fl \\-" + ManText(name);
    first = false;
  }
  for (const std::string& name : option.get_snames()) {
    out += std::string(first ? "" : " , ") + "Fl " + name;
    first = false;
  }
  if (TakesValue(option)) out += " Ar " + ManText(TypeOf(option));
  out += "\n" + ManFilled(option.get_description() + ".");
  const auto choices = ChoicesOf(option);
  if (!choices.empty()) {
    std::string list;
    for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
    out += "One of: " + ManText(list) + ".\n";
  }
  // The warehouse's default is a path of the machine on which the page is made.
  const std::string preset = option.get_default_str();
  if (!preset.empty() && preset[0] != '/') out += "Default: " + ManText(preset) + ".\n";
  return out;
}

std::string ManSynopsis(const Command& command) {
  // groff begins a line of the synopsis only with a macro that has no arguments.
  std::string out = ".Nm\n.";
  for (const std::string& word : command.words) out += std::string(out.back() == '.' ? "" : " ") + "Cm " + word;
  out += FlagsOf(*command.app).empty() ? "\n" : "\n.Op Ar flags\n";
  if (!ChildrenOf(*command.app).empty() && PositionalsOf(*command.app).empty()) return out + ".Ar command\n";
  for (const CLI::Option* option : PositionalsOf(*command.app)) {
    const std::string more = option->get_items_expected_max() > 1 ? " ..." : "";
    out += (option->get_required() ? ".Ar " : ".Op Ar ") + ManText(option->get_name(true)) + more + "\n";
  }
  return out;
}

// Without the PATH of the machine: the page says what the default is in words.
std::string ManCommand(const Command& command) {
  std::string out = ".Ss dicomhouse " + ManText(command.Joined(" ")) + "\n" + ManFilled(command.app->get_description() + ".");
  const auto flags = FlagsOf(*command.app);
  const auto words = PositionalsOf(*command.app);
  if (!flags.empty() || !words.empty()) {
    out += ".Bl -tag -width Ds\n";
    for (const CLI::Option* word : words) {
      out += ".It Ar " + ManText(word->get_name(true)) + "\n" + ManFilled(word->get_description() + ".");
    }
    for (const CLI::Option* flag : flags) out += ManFlag(*flag);
    out += ".El\n";
  }
  if (!command.app->get_footer().empty()) out += ".Pp\n" + ManParagraphs(command.app->get_footer());
  return out;
}

constexpr std::string_view kDescription =
    ".Nm\nreads the metadata of DICOM files into tables, one row for each\ninstance, and answers questions in SQL about them.\n"
    "Tables are Apache Iceberg tables in a folder, the warehouse;\nother engines can read them in place.\n";
constexpr std::string_view kManTail =
    ".Sh FILES\n.Bl -tag -width Ds\n.It Pa ~/.local/share/dicomhouse/warehouse\nThe tables, when no other folder is "
    "named.\n.El\n"
    ".Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\nDone.\n.It 1\nFailed; for\n.Cm schema diff :\nthe schemas differ.\n"
    ".It 2\nWrong use; for\n.Cm schema diff :\nnot comparable.\n.It 3\nDone, but some files failed.\n.It "
    "130\nInterrupted.\n.El\n";

// A command that only holds others.
bool IsFolder(const CLI::App& app) { return !ChildrenOf(app).empty() && PositionalsOf(app).empty(); }

// ---- completions

// Words that may stand after a command: its commands and flags.
std::string BashWords(const CLI::App& app) {
  std::string words;
  for (const std::string& name : ChildrenOf(app)) words += (words.empty() ? "" : " ") + name;
  for (const CLI::Option* flag : FlagsOf(app)) {
    for (const std::string& name : flag->get_lnames()) words += (words.empty() ? "" : " ") + ("--" + name);
  }
  return words;
}

// Commands are told apart by their words; flags and their values before them are passed over.
constexpr std::string_view kBashHead = R"bash(# Completion of words for dicomhouse.
_dicomhouse() {
  local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    case "${command:+$command }$word" in
)bash";
constexpr std::string_view kBashTail = R"bash(  esac
  if [[ $current == -* || -z $files ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
    compopt -o filenames
  fi
}
complete -F _dicomhouse dicomhouse
)bash";

std::string BashValues(const std::vector<Command>& commands) {
  std::string out;
  for (const Command& command : commands) {
    for (const CLI::Option* flag : FlagsOf(*command.app)) {
      if (!TakesValue(*flag) || flag->get_lnames().empty()) continue;
      std::string choices;
      for (const std::string& choice : ChoicesOf(*flag)) choices += (choices.empty() ? "" : " ") + choice;
      std::string what = choices.empty() ? "COMPREPLY=()" : "COMPREPLY=($(compgen -W \"" + choices + "\" -- \"$current\"))";
      if (TakesPath(*flag)) what = "COMPREPLY=($(compgen -f -- \"$current\")); compopt -o filenames";
      out += "    \"" + command.Joined(" ") + ":--" + flag->get_lnames()[0] + "\") " + what + "; return ;;\n";
    }
  }
  return out;
}

std::string ZshQuote(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else if (c == '[' || c == ']' || c == ':' || c == '\\') {
      out += std::string("\\") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string ZshValue(const CLI::Option& option) {
  std::string list;
  for (const std::string& choice : ChoicesOf(option)) list += (list.empty() ? "" : " ") + choice;
  if (!list.empty()) return "(" + list + ")";
  return TakesPath(option) ? "_files" : " ";
}

std::string ZshFunction(const Command& command) {
  std::string name = "_dicomhouse";
  for (const std::string& word : command.words) name += "_" + word;
  std::string out = name + "() {\n  _arguments -s -S -C \\\n";
  for (const CLI::Option* flag : FlagsOf(*command.app)) {
    if (flag->get_lnames().empty()) continue;
    out += "    '--" + flag->get_lnames()[0] + "[" + ZshQuote(FirstLine(flag->get_description())) + "]";
    if (TakesValue(*flag)) out += ":" + ZshQuote(TypeOf(*flag)) + ":" + ZshValue(*flag);
    out += "' \\\n";
  }
  const auto children = ChildrenOf(*command.app);
  if (children.empty()) {
    const bool path = !PositionalsOf(*command.app).empty();
    return out + (path ? "    '*:path:_files'\n}\n" : "    ''\n}\n");
  }
  const bool takes_words = !PositionalsOf(*command.app).empty();
  out += "    '1: :->command' '*::word:->words' && return\n  case $state in\n    command)\n      local -a commands=(\n";
  for (const CLI::App* child : command.app->get_subcommands([](const CLI::App*) { return true; })) {
    if (child->get_name().empty() || IsHidden(*child)) continue;
    out += "        '" + child->get_name() + ":" + ZshQuote(FirstLine(child->get_description())) + "'\n";
  }
  out += std::string("      )\n      _describe command commands") + (takes_words ? "\n      _files" : "") +
         ";;\n    words)\n      case $words[1] in\n";
  for (const std::string& child : children) out += "        " + child + ") " + name + "_" + child + " ;;\n";
  return out + (takes_words ? "        *) _files ;;\n" : "") + "      esac;;\n  esac\n}\n";
}

std::string FishQuote(const std::string& text) { return "'" + Replaced(Replaced(text, "\\", "\\\\"), "'", "\\'") + "'"; }

// Where a command's words and flags are offered.
std::string FishCondition(const Command& command) {
  if (command.words.empty()) return "__fish_use_subcommand";
  std::string condition;
  for (const std::string& word : command.words) {
    condition += (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
  }
  for (const std::string& child : ChildrenOf(*command.app)) condition += "; and not __fish_seen_subcommand_from " + child;
  return condition;
}

std::string FishCommand(const Command& command) {
  const std::string head = "complete -c dicomhouse -n " + FishQuote(FishCondition(command));
  std::string out = IsFolder(*command.app) ? head + " -f\n" : "";
  for (const CLI::App* child : command.app->get_subcommands([](const CLI::App*) { return true; })) {
    if (child->get_name().empty() || IsHidden(*child)) continue;
    out += head + " -a " + child->get_name() + " -d " + FishQuote(FirstLine(child->get_description())) + "\n";
  }
  for (const CLI::Option* flag : FlagsOf(*command.app)) {
    if (flag->get_lnames().empty()) continue;
    std::string choices;
    for (const std::string& choice : ChoicesOf(*flag)) choices += (choices.empty() ? "" : " ") + choice;
    out += head + " -l " + flag->get_lnames()[0];
    if (TakesValue(*flag)) out += !choices.empty() ? " -x -a " + FishQuote(choices) : TakesPath(*flag) ? " -r -F" : " -x";
    out += " -d " + FishQuote(FirstLine(flag->get_description())) + "\n";
  }
  return out;
}

// Today, or what SOURCE_DATE_EPOCH says, so that the same sources make the same page.
std::string Today() {
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  const std::time_t now = epoch != nullptr && *epoch != 0 ? static_cast<std::time_t>(std::atoll(epoch)) : std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 64> text{};
  static constexpr std::array<const char*, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                          "July",    "August",   "September", "October", "November", "December"};
  std::snprintf(text.data(), text.size(), "%s %d, %d", kMonths[static_cast<size_t>(parts.tm_mon)], parts.tm_mday,
                1900 + parts.tm_year);
  return text.data();
}

}  // namespace

std::string ManPage(const CLI::App& app, const std::string& date) {
  const auto commands = CommandsOf(app);
  std::string out = ".\\\" Made by `dicomhouse generate man`.\n.Dd " + date +
                    "\n.Dt DICOMHOUSE 1\n.Os\n.Sh NAME\n.Nm dicomhouse\n.Nd " + ManText(app.get_description()) +
                    "\n.Sh SYNOPSIS\n";
  for (const Command& command : commands) {
    if (!command.words.empty() && !IsFolder(*command.app)) out += ManSynopsis(command);
  }
  out += ".Sh DESCRIPTION\n" + std::string(kDescription) + ".Sh COMMANDS\n";
  for (const Command& command : commands) {
    if (!command.words.empty() && !IsFolder(*command.app)) out += ManCommand(command);
  }
  out += ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n";
  for (const VariableInfo& variable : Variables()) out += ".It Ev " + ManText(variable.name) + "\n" + ManFilled(variable.help);
  return out + ".El\n" + std::string(kManTail);
}

std::string BashCompletion(const CLI::App& app) {
  const auto commands = CommandsOf(app);
  std::string out(kBashHead);
  for (const Command& command : commands) {
    if (!command.words.empty()) out += "      \"" + command.Joined(" ") + "\") command=\"" + command.Joined(" ") + "\" ;;\n";
  }
  out += "    esac\n  done\n  case \"$command:$before\" in\n" + BashValues(commands) +
         "  esac\n  local words=\"\" files=\"\"\n  case \"$command\" in\n";
  for (const Command& command : commands) {
    out += "    \"" + command.Joined(" ") + "\") words=\"" + BashWords(*command.app) + "\"" +
           (PositionalsOf(*command.app).empty() ? "" : "; files=1") + " ;;\n";
  }
  return out + std::string(kBashTail);
}

std::string ZshCompletion(const CLI::App& app) {
  std::string out = "#compdef dicomhouse\n# Completion of words for dicomhouse.\n";
  for (const Command& command : CommandsOf(app)) out += ZshFunction(command);
  return out + "_dicomhouse \"$@\"\n";
}

std::string FishCompletion(const CLI::App& app) {
  std::string out = "# Completion of words for dicomhouse.\n";
  for (const Command& command : CommandsOf(app)) out += FishCommand(command);
  return out;
}

void AddGenerate(CLI::App& app, Run& run) {
  auto what = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("generate", "Write the page of the manual or a shell's completion to standard output");
  command->group("");
  command->footer("Example:\n  dicomhouse generate man > dicomhouse.1");
  command->add_option("WHAT", *what, "man, bash, zsh or fish")->required()->check(CLI::IsMember({"man", "bash", "zsh", "fish"}));
  command->callback([what, &app, &run] {
    run = [what, &app] {
      const std::string text = *what == "man"    ? ManPage(app, Today())
                               : *what == "bash" ? BashCompletion(app)
                               : *what == "zsh"  ? ZshCompletion(app)
                                                 : FishCompletion(app);
      const base::Status printed = PrintBytes(text);
      return printed.ok() ? static_cast<int>(kDone) : Complain(printed.error());
    };
  });
}

}  // namespace dicomhouse::cli
