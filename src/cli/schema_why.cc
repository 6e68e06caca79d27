#include "cli/schema_why.h"

#include <cstdio>
#include <optional>

#include "base/file.h"
#include "cli/progress_line.h"
#include "cli/suggest.h"
#include "cli/terminal.h"
#include "dicom/dictionary.h"
#include "mapping/field_finder.h"

namespace dicomhouse::cli {
namespace {

using mapping::Fate;
using mapping::FieldOrigin;

struct Answer {
  std::string file;
  FieldOrigin origin;
};

// "A.B" and "0040,0275.0040,0009" to their parts. Errors: an empty part.
base::Result<std::vector<std::string>> SplitPath(const std::string& field) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= field.size();) {
    const size_t dot = std::min(field.find('.', begin), field.size());
    names.push_back(field.substr(begin, dot - begin));
    if (names.back().empty()) {
      return base::Error{
          base::ErrorCode::kInvalidArgument,
          "--why " + field + ": a name between the dots is empty; it is a path like RequestAttributesSequence.StudyID"};
    }
    begin = dot + 1;
  }
  return names;
}

// Looks at the instances of a source, one after the other in their sorted order.
class Search {
 public:
  Search(const std::vector<std::string>& names, mapping::Profile profile) : names_(names), profile_(profile) {}

  base::Result<std::optional<Answer>> Run(const std::vector<std::string>& paths) {
    transfer::SourceOptions options;
    options.paths = paths;
    options.ordered = true;
    DH_ASSIGN(auto source, transfer::Source::Start(options));
    transfer::Piece piece;
    while (source->Next(piece)) {
      for (const std::string& path : piece.files) {
        if (File(path)) return answer_;
      }
      if (piece.archive != nullptr && Archive(*piece.archive)) return answer_;
    }
    for (const auto& problem : source->problems()) std::fprintf(stderr, "%s\n", Printable(problem.error.message).c_str());
    return std::optional<Answer>();
  }

  uint64_t instances() const { return instances_; }

 private:
  bool File(const std::string& path) {
    const auto file = base::InputFile::Open(path);
    if (!file.ok()) {
      std::fprintf(stderr, "%s\n", Printable(file.error().message).c_str());
      return false;
    }
    dicom::FileSource source(*file);
    return Look(source, path);
  }

  bool Archive(transfer::ArchiveReader& archive) {
    for (;;) {
      const auto more = archive.Next([this](transfer::ArchiveEntry& entry) {
        if (!answer_) Look(entry, entry.name());
      });
      if (answer_) return true;
      if (more.ok() && !*more) return false;
      if (!more.ok()) std::fprintf(stderr, "%s\n", Printable(more.error().message).c_str());
    }
  }

  bool Look(dicom::ByteSource& source, const std::string& path) {
    if (reader_.Read(source, instance_) != dicom::ReadOutcome::kInstance) return false;
    ++instances_;
    auto origin = mapping::FindField(instance_, names_, profile_);
    if (!origin) return false;
    answer_ = Answer{path, *std::move(origin)};
    return true;
  }

  const std::vector<std::string>& names_;
  const mapping::Profile profile_;
  dicom::InstanceReader reader_;
  dicom::Instance instance_;
  std::optional<Answer> answer_;
  uint64_t instances_ = 0;
};

// The column that the field is, or the one that holds the element.
std::string TypeText(const FieldOrigin& origin) {
  const mapping::Rule& rule = origin.rule;
  if (origin.too_deep || rule.fate == Fate::kDropped) return "no column; named in DroppedTags";
  if (rule.fate == Fate::kOther) return "a row of OtherElements";
  if (!origin.inner.empty()) return "in " + rule.name + ": " + origin.inner;
  if (rule.repeating_group) return "RECORD REPEATED of Id and Value";
  return std::string(table::TypeName(rule.type)) + " " + std::string(table::ModeName(rule.mode));
}

struct Entry {
  std::string keyword;
  std::string name;
  std::string vr;
  std::string vm;
  std::string edition;
};

// What the dictionaries say of the element; empty when they say nothing.
Entry EntryOf(const FieldOrigin& origin) {
  if (mapping::IsPrivate(origin.tag)) {
    const dicom::PrivateEntry* entry = dicom::FindPrivate(origin.creator, origin.tag);
    if (entry == nullptr) return {};
    return {"", std::string(entry->name), std::string(dicom::VrText(entry->vr)), std::string(entry->vm),
            "private, " + origin.creator};
  }
  const dicom::ElementEntry* entry = dicom::FindElement(origin.tag);
  if (entry == nullptr) return {};
  return {std::string(entry->keyword), std::string(entry->name),
          entry->us_or_ss ? "US or SS" : std::string(dicom::VrText(entry->vr)), std::string(entry->vm),
          "DICOM " + std::string(dicom::DictionaryEdition())};
}

std::string WrittenText(const FieldOrigin& origin) {
  return origin.written == dicom::Vr::kNone ? "implicit" : std::string(dicom::VrText(origin.written));
}

void PrintAnswer(const std::string& field, const Answer& answer) {
  const FieldOrigin& origin = answer.origin;
  const Entry entry = EntryOf(origin);
  std::printf("%s: %s\n", field.c_str(), TypeText(origin).c_str());
  std::printf("  first file  %s\n", Printable(answer.file).c_str());
  std::printf("  element     %s at byte %llu, VR in the file: %s\n", origin.tag_path.c_str(),
              static_cast<unsigned long long>(origin.offset), WrittenText(origin).c_str());
  if (!origin.creator.empty()) std::printf("  creator     %s\n", Printable(origin.creator).c_str());
  if (entry.edition.empty()) {
    std::printf("  dictionary  (%s) is not in it\n", mapping::TagText(origin.tag).c_str());
  } else {
    std::printf("  dictionary  (%s) %s%s\"%s\", VR %s, VM %s (%s)\n", mapping::TagText(origin.tag).c_str(), entry.keyword.c_str(),
                entry.keyword.empty() ? "" : " ", entry.name.c_str(), entry.vr.c_str(), entry.vm.c_str(), entry.edition.c_str());
  }
  std::printf("  rule        %s\n", mapping::RuleText(origin).c_str());
}

base::Json AnswerJson(const std::string& field, const Answer& answer) {
  const FieldOrigin& origin = answer.origin;
  const Entry entry = EntryOf(origin);
  base::Json dictionary;
  if (!entry.edition.empty()) {
    dictionary = base::Json::MakeObject();
    dictionary.Set("keyword", entry.keyword)
        .Set("name", entry.name)
        .Set("vr", entry.vr)
        .Set("vm", entry.vm)
        .Set("edition", entry.edition);
  }
  base::Json json = base::Json::MakeObject();
  json.Set("field", field).Set("column", TypeText(origin)).Set("file", answer.file).Set("tag", mapping::TagText(origin.tag));
  json.Set("tagPath", origin.tag_path).Set("offset", origin.offset).Set("vr", WrittenText(origin)).Set("creator", origin.creator);
  return json.Set("dictionary", std::move(dictionary)).Set("rule", mapping::RuleText(origin));
}

// Why there is a column that no single element makes; "" for others.
std::string WhyExtra(const std::string& field, bool lossless) {
  if (IsExtraColumn(field)) return "no element's, but the file's; chosen by --columns";
  if (field != "BulkData") return "";
  return lossless ? "a row for each value that has no column: its tag, and where it lies in the file"
                  : "a column of --profile lossless only: where the values lie that have no column";
}

// What to say when no file has it.
std::string NotFound(const std::vector<std::string>& names, uint64_t instances) {
  std::string text = "none of " + Counted(instances, "DICOM file") + " has it";
  for (const std::string& name : names) {
    if (name.find(',') != std::string::npos || name.starts_with("Tag_") || dicom::FindKeyword(name) != nullptr) continue;
    std::vector<std::string> keywords;
    for (const dicom::ElementEntry& entry : dicom::AllElements()) keywords.emplace_back(entry.keyword);
    const std::string nearest = NearestWord(name, keywords);
    if (!nearest.empty() && nearest != name) return text + "; the dictionary has no " + name + ", did you mean " + nearest + "?";
  }
  return text;
}

}  // namespace

base::Result<int> ExplainField(const ReadFlags& flags, const std::string& field, bool json) {
  const bool lossless = flags.profile == "lossless";
  if (const std::string why = WhyExtra(field, lossless); !why.empty()) {
    if (json) {
      base::Json answer = base::Json::MakeObject();
      PrintJson(answer.Set("field", field).Set("rule", why));
    } else {
      std::printf("%s: %s\n", field.c_str(), why.c_str());
    }
    return kDone;
  }
  DH_ASSIGN(const std::vector<std::string> names, SplitPath(field));
  Search search(names, lossless ? mapping::Profile::kLossless : mapping::Profile::kGoogle);
  DH_ASSIGN(const std::optional<Answer> answer, search.Run(flags.paths));
  if (!answer) return base::Error{base::ErrorCode::kNotFound, field + ": " + NotFound(names, search.instances())};
  if (json) {
    PrintJson(AnswerJson(field, *answer));
  } else {
    PrintAnswer(field, *answer);
  }
  return kDone;
}

}  // namespace dicomhouse::cli
