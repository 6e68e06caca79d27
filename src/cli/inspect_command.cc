// `dicomhouse inspect`: the data set of one file, as it stands in the bytes.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/dump.h"
#include "cli/terminal.h"
#include "dicom/dictionary.h"
#include "mapping/element_decoder.h"
#include "mapping/type_rules.h"

namespace dicomhouse::cli {
namespace {

using Kind = DumpedElement::Kind;

constexpr size_t kMaxShownBytes = 64;
constexpr int kRemarkColumn = 56;

struct InspectFlags {
  std::string file;
  bool full = false;
  bool json = false;
};

std::string LengthText(uint32_t length) {
  return length == dicom::kUndefinedLength ? "undefined length" : std::to_string(length);
}

std::string Joined(const std::vector<std::string>& values) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : "\\") + values[i];
  return text;
}

std::string ValueText(const DumpedElement& element, bool full) {
  if (element.left_out) return "(" + std::to_string(element.bytes) + " bytes, not shown)";
  if (element.values.empty()) return "(no value)";
  std::string text = Printable(Joined(element.values));
  if (!full && text.size() > kMaxShownBytes) text = std::string(base::Utf8Prefix(text, kMaxShownBytes)) + "...";
  return element.is_text ? "[" + text + "]" : text;
}

// What a UID means: "CT Image Storage".
std::string UidName(const DumpedElement& element) {
  if (element.vr != "UI" || element.values.size() != 1) return "";
  const dicom::UidEntry* entry = dicom::FindUid(element.values[0]);
  return entry == nullptr ? "" : " = " + std::string(entry->name);
}

std::string Remark(const DumpedElement& element) {
  switch (element.kind) {
    case Kind::kItem:
      return "# " + LengthText(element.length) + ", item";
    case Kind::kItemEnd:
      return "# end of item";
    case Kind::kSequenceEnd:
      return "# end of sequence";
    case Kind::kRepeats:
      return "# " + std::to_string(element.repeats) + " more of this tag";
    case Kind::kElement:
      break;
  }
  std::string text = "# " + LengthText(element.length) + ", ";
  if (!element.sequence) text += std::to_string(element.left_out ? 1 : element.values.size()) + " ";
  text += element.keyword.empty() ? "(not in the dictionary)" : element.keyword;
  if (!element.creator.empty()) text += " of " + Printable(element.creator);
  return text + UidName(element);
}

void PrintElement(const DumpedElement& element, bool full) {
  std::string line(static_cast<size_t>(element.depth) * 2, ' ');
  line += "(" + mapping::TagText(element.tag) + ")";
  if (element.kind == Kind::kElement) {
    line += " " + element.vr + (element.sequence ? "" : " " + ValueText(element, full));
  }
  if (line.size() < kRemarkColumn) line.resize(kRemarkColumn, ' ');
  std::printf("%9llu %s %s\n", static_cast<unsigned long long>(element.offset), line.c_str(), Remark(element).c_str());
}

base::Json ElementJson(const DumpedElement& element) {
  static constexpr std::array<std::string_view, 5> kKinds = {"element", "item", "itemEnd", "sequenceEnd", "repeats"};
  base::Json json = base::Json::MakeObject();
  json.Set("offset", element.offset).Set("depth", element.depth).Set("kind", kKinds[static_cast<size_t>(element.kind)]);
  json.Set("tag", mapping::TagText(element.tag));
  if (element.kind == Kind::kElement || element.kind == Kind::kItem) {
    const bool undefined = element.length == dicom::kUndefinedLength;
    json.Set("length", undefined ? base::Json() : base::Json(uint64_t{element.length}));
  }
  if (element.kind == Kind::kRepeats) json.Set("repeats", element.repeats);
  if (element.kind != Kind::kElement) return json;
  json.Set("vr", element.vr).Set("keyword", element.keyword);
  if (!element.creator.empty()) json.Set("creator", element.creator);
  if (element.left_out) return json.Set("bytesNotShown", element.bytes);
  if (element.sequence) return json;
  base::Json values = base::Json::MakeArray();
  for (const std::string& value : element.values) values.Append(value);
  return json.Set("values", std::move(values));
}

base::Json ProblemJson(const dicom::Problem& problem) {
  base::Json json = base::Json::MakeObject();
  json.Set("offset", problem.offset).Set("tag", problem.tag == 0 ? "" : mapping::TagText(problem.tag));
  json.Set("path", mapping::ProblemPath(problem));
  return json.Set("problem", dicom::ProblemMessage(problem));
}

void PrintProblems(const std::vector<dicom::Problem>& problems) {
  if (problems.empty()) return;
  std::printf("\nWhat is wrong:\n");
  for (const dicom::Problem& problem : problems) {
    const std::string path = mapping::ProblemPath(problem);
    const std::string tag = path.empty() ? "" : "(" + path + ") ";
    std::printf("%9llu %s%s\n", static_cast<unsigned long long>(problem.offset), tag.c_str(),
                dicom::ProblemMessage(problem).c_str());
  }
}

base::Result<int> Inspect(const InspectFlags& flags) {
  if (base::RealFileSystem().IsFolder(flags.file)) {
    return base::Error{base::ErrorCode::kInvalidArgument, flags.file + " is a folder; inspect shows one file"};
  }
  DH_ASSIGN(const base::InputFile file, base::InputFile::Open(flags.file));
  dicom::FileSource source(file);
  dicom::InstanceReader reader;
  auto instance = std::make_unique<dicom::Instance>();
  const dicom::ReadOutcome outcome = reader.Read(source, *instance);
  // Behind a length beyond the limit nothing is read, but what is in front of it is shown.
  const auto& error = instance->window.error();
  if (error && (outcome != dicom::ReadOutcome::kInstance || error->code != base::ErrorCode::kLimit)) return *error;
  if (outcome == dicom::ReadOutcome::kNotDicom) {
    return base::Error{base::ErrorCode::kCorrupt, flags.file + ": nothing in it looks like DICOM"};
  }
  DumpOptions options;
  options.max_bytes = flags.full ? SIZE_MAX : kMaxShownBytes / 4;
  const bool directory = outcome == dicom::ReadOutcome::kDirectory;
  base::Json elements = base::Json::MakeArray();
  const auto problems = Dump(*instance, directory, options, [&](const DumpedElement& element) {
    if (flags.json) {
      elements.Append(ElementJson(element));
    } else {
      PrintElement(element, flags.full);
    }
  });
  if (!flags.json) {
    if (instance->inflated) std::printf("(Offsets behind the File Meta Information count bytes of the inflated data set.)\n");
    PrintProblems(problems);
    return kDone;
  }
  base::Json list = base::Json::MakeArray();
  for (const dicom::Problem& problem : problems) list.Append(ProblemJson(problem));
  base::Json json = base::Json::MakeObject();
  PrintJson(json.Set("file", flags.file).Set("elements", std::move(elements)).Set("problems", std::move(list)));
  return kDone;
}

}  // namespace

void AddInspect(CLI::App& app, Common&, Run& run) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = app.add_subcommand("inspect", "Show what stands in a DICOM file, byte offsets first");
  command->footer(
      "A line is: byte offset, tag, VR, value, then behind # the length in bytes, the number of values and the keyword. Text is "
      "shown\n"
      "in UTF-8. Pixel data and other large values are not read. What is wrong in the file stands at the end.\n\n"
      "Examples:\n  dicomhouse inspect scan.dcm\n  dicomhouse inspect scan.dcm --full | less\n  dicomhouse inspect scan.dcm "
      "--json");
  command->add_option("FILE", flags->file, "A DICOM file")->required();
  command->add_flag("--full", flags->full, "Don't cut long values");
  command->add_flag("--json", flags->json, "Print JSON, a list of elements in the order of the file");
  command->callback([flags, &run] {
    run = [flags] {
      const auto code = Inspect(*flags);
      return code.ok() ? *code : Complain(code.error());
    };
  });
}

}  // namespace dicomhouse::cli
