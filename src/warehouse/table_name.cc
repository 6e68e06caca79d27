// Names of tables: BigQuery's rules, and what a folder's name can be.
#include <algorithm>
#include <cstdint>

#include "base/text.h"
#include "warehouse/warehouse.h"

namespace dicomhouse::warehouse {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr size_t kMaxUriBytes = 2000;  // the page: "at most 2,000 characters"
constexpr size_t kMaxPartBytes = 255;  // a folder's name on the file systems in use; BigQuery allows 1,024
constexpr std::string_view kScheme = "bq://";

bool IsDigit(unsigned char c) { return c >= '0' && c <= '9'; }
bool IsLetter(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Letters, marks, digits, '_', '-' and space, as BigQuery has it. Of what lies beyond ASCII, only what no reader can see or
// tell apart is refused: controls, marks of direction, spaces of no width, private and unassigned planes.
bool IsTableCharacter(char32_t code) {
  if (code < 0x80) {
    const auto c = static_cast<unsigned char>(code);
    return IsDigit(c) || IsLetter(c) || c == '_' || c == '-' || c == ' ';
  }
  const bool hidden = code < 0xA0 || (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
                      (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0xE000 && code <= 0xF8FF) ||
                      (code >= 0xFFF0 && code <= 0xFFFF) || code >= 0xE0000;
  return !hidden;
}

Error Wrong(std::string_view part, std::string_view value, const std::string& why) {
  return {ErrorCode::kInvalidArgument, std::string(part) + " '" + std::string(value) + "': " + why};
}

Status CheckLength(std::string_view part, std::string_view value) {
  if (value.empty()) return Error{ErrorCode::kInvalidArgument, "the " + std::string(part) + "'s name is empty"};
  if (value.size() > kMaxPartBytes) {
    return Wrong(part, value.substr(0, 32),
                 "longer than " + std::to_string(kMaxPartBytes) + " bytes, which is what a folder's name can have");
  }
  return {};
}

Status CheckProject(std::string_view project) {
  DH_CHECK(CheckLength("project", project));
  for (const char c : project) {
    const auto byte = static_cast<unsigned char>(c);
    if (!IsDigit(byte) && !IsLetter(byte) && c != '-' && c != '_' && c != '.' && c != ':') {
      return Wrong("project", project, "only letters, digits, '-', '_', '.' and ':' are possible");
    }
  }
  const auto first = static_cast<unsigned char>(project.front());
  if (!IsDigit(first) && !IsLetter(first)) return Wrong("project", project, "it must start with a letter or digit");
  if (project.find("..") != std::string_view::npos || project.back() == '.')
    return Wrong("project", project, "a part between dots is empty");
  return {};
}

Status CheckDataset(std::string_view dataset) {
  DH_CHECK(CheckLength("dataset", dataset));
  const bool good = std::all_of(dataset.begin(), dataset.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return IsDigit(byte) || IsLetter(byte) || c == '_';
  });
  if (!good) return Wrong("dataset", dataset, "only letters, digits and '_' are possible");
  return {};
}

Status CheckTable(std::string_view table) {
  DH_CHECK(CheckLength("table", table));
  std::string_view rest = table;
  while (!rest.empty()) {
    const base::Utf8Character character = base::FirstCharacter(rest);
    if (character.length == 0) return Wrong("table", table, "not valid UTF-8");
    rest.remove_prefix(character.length);
    if (!IsTableCharacter(character.code))
      return Wrong("table", table, "only letters, marks, digits, '_', '-' and spaces are possible");
  }
  if (table.front() == ' ' || table.back() == ' ') return Wrong("table", table, "a space at its start or end");
  return {};
}

Result<TableName> Checked(TableName name) {
  DH_CHECK(CheckProject(name.project));
  DH_CHECK(CheckDataset(name.dataset));
  DH_CHECK(CheckTable(name.table));
  return name;
}

// From the right, as a project may have dots: "example.com:project.dataset.table".
std::string_view TakeLast(std::string_view& text) {
  const size_t dot = text.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? text : text.substr(dot + 1);
  text = dot == std::string_view::npos ? std::string_view() : text.substr(0, dot);
  return last;
}

}  // namespace

Result<TableName> TableName::FromUri(std::string_view uri) {
  const std::string shown(uri.substr(0, 200));
  if (uri.size() > kMaxUriBytes)
    return Error{ErrorCode::kInvalidArgument, "table URI '" + shown + "...': longer than 2,000 characters"};
  if (!uri.starts_with(kScheme))
    return Error{ErrorCode::kInvalidArgument, "table URI '" + shown + "': it must be bq://PROJECT.DATASET.TABLE"};
  std::string_view rest = uri.substr(kScheme.size());
  if (std::count(rest.begin(), rest.end(), '.') < 2) {
    return Error{ErrorCode::kInvalidArgument,
                 "table URI '" + shown + "': it must be bq://PROJECT.DATASET.TABLE, three names with dots between"};
  }
  TableName name;
  name.table = TakeLast(rest);
  name.dataset = TakeLast(rest);
  name.project = rest;
  return Checked(std::move(name));
}

Result<TableName> TableName::Parse(std::string_view text, const TableName& defaults) {
  if (text.starts_with(kScheme)) return FromUri(text);
  if (text.size() > kMaxUriBytes) return Error{ErrorCode::kInvalidArgument, "table name: longer than 2,000 characters"};
  TableName name = defaults;
  std::string_view rest = text;
  const bool has_dataset = text.find('.') != std::string_view::npos;
  name.table = TakeLast(rest);
  if (has_dataset) {
    const bool has_project = rest.find('.') != std::string_view::npos;
    name.dataset = TakeLast(rest);
    if (has_project) name.project = rest;
    // PROJECT:DATASET.TABLE, as the bq tool writes it.
    if (const size_t colon = name.dataset.rfind(':'); colon != std::string::npos) {
      name.project = (has_project ? name.project + "." : "") + name.dataset.substr(0, colon);
      name.dataset.erase(0, colon + 1);
    }
  }
  return Checked(std::move(name));
}

std::string TableName::Uri() const { return std::string(kScheme) + Text(); }

std::string TableName::Text() const { return project + "." + dataset + "." + table; }

}  // namespace dicomhouse::warehouse
