#include "cli/resource_print.h"

#include <cstdio>
#include <string_view>

#include "cli/terminal.h"
#include "cli/yaml.h"

namespace dicomhouse::cli {
namespace {

using base::Json;

constexpr std::string_view kValue = "value(";

void Write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// gcloud prints tables with Python's words.
std::string CellText(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_bool()) return value.as_bool() ? "True" : "False";
  return Printable(value.is_string() ? value.as_string() : value.Print());
}

std::string ListText(const Json::Array& values) {
  std::string text;
  for (const Json& value : values) text += (text.empty() ? "['" : ", '") + CellText(value) + "'";
  return text.empty() ? "" : text + "]";
}

std::string Cell(const Json& resource, const ResourceColumn& column) {
  const std::string& name = resource["name"].as_string();
  if (column.path == "id") return Printable(name.substr(name.rfind('/') + 1));
  if (column.path == "location") {
    constexpr std::string_view kLocations = "/locations/";
    const size_t at = name.find(kLocations);
    if (at == std::string::npos) return "";
    const size_t begin = at + kLocations.size();
    return Printable(name.substr(begin, name.find('/', begin) - begin));
  }
  const Json value = ValueAt(resource, column.path);
  const std::string text = value.is_array() ? ListText(value.array()) : CellText(value);
  return text.empty() ? column.other : text;
}

void PrintTable(const Json::Array& resources, const std::vector<ResourceColumn>& columns) {
  std::vector<std::string> heads;
  heads.reserve(columns.size());
  for (const ResourceColumn& column : columns) heads.push_back(column.head);
  TextTable table(heads, std::string(columns.size(), 'l'));
  for (const Json& resource : resources) {
    std::vector<std::string> cells;
    cells.reserve(columns.size());
    for (const ResourceColumn& column : columns) cells.push_back(Cell(resource, column));
    table.Add(std::move(cells));
  }
  table.Print();
}

// The paths of "value(a,b.c)", their values with tabs between, a line each resource. In lists gcloud prints the last part of a
// name.
void PrintValues(const Json::Array& resources, std::string_view format, bool list) {
  const std::string_view paths = format.substr(kValue.size(), format.size() - kValue.size() - 1);
  for (const Json& resource : resources) {
    std::string line;
    for (size_t begin = 0; begin <= paths.size();) {
      const size_t end = std::min(paths.find(',', begin), paths.size());
      const std::string path(paths.substr(begin, end - begin));
      const std::string text = list && path == "name" ? Cell(resource, {"", "id", ""}) : CellText(ValueAt(resource, path));
      line += (begin == 0 ? "" : "\t") + text;
      begin = end + 1;
    }
    Write(line + "\n");
  }
}

bool IsValueFormat(std::string_view format) { return format.starts_with(kValue) && format.ends_with(')'); }

}  // namespace

Json ValueAt(const Json& resource, std::string_view path) {
  Json value = resource;
  while (!path.empty()) {
    const std::string_view key = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    if (!value.is_array()) {
      value = Json(value[key]);
      continue;
    }
    Json::Array values;
    for (const Json& item : value.array()) values.push_back(item[key]);
    value = std::move(values);
  }
  return value;
}

bool IsResourceFormat(const std::string& format) {
  return format.empty() || format == "yaml" || format == "json" || format == "table" || IsValueFormat(format);
}

void PrintResource(const Json& resource, const std::string& format, const std::vector<ResourceColumn>& columns) {
  if (format == "json") return Write(SortedKeys(resource).Print(2) + "\n");
  if (format == "table" && !columns.empty()) return PrintTable({resource}, columns);
  if (IsValueFormat(format)) return PrintValues({resource}, format, false);
  Write(PrintYaml(resource));
}

void PrintResources(const Json::Array& resources, const std::string& format, const std::vector<ResourceColumn>& columns,
                    size_t page_size) {
  if (format == "json") return Write(SortedKeys(Json(resources)).Print(2) + "\n");
  if (IsValueFormat(format)) return PrintValues(resources, format, true);
  if (format != "yaml") {
    if (resources.empty()) std::fprintf(stderr, "Listed 0 items.\n");
    const size_t rows = page_size == 0 ? resources.size() : page_size;
    for (size_t at = 0; at < resources.size(); at += rows) {
      if (at > 0) Write("\n");
      const auto begin = resources.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = static_cast<std::ptrdiff_t>(std::min(rows, resources.size() - at));
      PrintTable(Json::Array(begin, begin + count), columns);
    }
    return;
  }
  for (const Json& resource : resources) Write("---\n" + PrintYaml(resource));
}

}  // namespace dicomhouse::cli
