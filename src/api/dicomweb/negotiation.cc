#include <algorithm>

#include "api/dicomweb/dicomweb.h"

namespace dicomhouse::api::dicomweb {

std::vector<http::AcceptRange> AcceptOf(const http::Request& request) {
  if (const std::string* parameter = request.target.Query("accept"); parameter != nullptr && !parameter->empty()) {
    std::string text = *parameter;
    // "application/dicom+json" is what people write, though a '+' is a space there.
    for (size_t i = 1; i + 1 < text.size(); ++i) {
      if (text[i] == ' ' && text[i - 1] != ';' && text[i - 1] != ',' && text[i + 1] != ';' && text[i + 1] != ',') text[i] = '+';
    }
    return http::ParseAccept(text);
  }
  std::string all;
  for (const auto& [name, value] : request.headers.fields()) {
    if (name.size() == 6 && http::Headers{{name, value}}.Find("Accept") != nullptr) all += (all.empty() ? "" : ", ") + value;
  }
  return http::ParseAccept(all);
}

std::vector<Wanted> WantedOf(const http::Request& request) {
  std::vector<Wanted> wanted;
  for (const http::AcceptRange& range : AcceptOf(request)) {
    Wanted one;
    one.transfer_syntax = range.range.Parameter("transfer-syntax");
    one.anything = range.range.type == "*" || (range.range.type == "multipart" && range.range.subtype == "*");
    one.multipart = one.anything || http::Matches(range.range, "multipart", "related");
    one.type = range.range;
    if (one.multipart) {
      const auto inner = http::ParseMediaType(range.range.Parameter("type"));
      one.type = inner ? *inner : http::MediaType{"*", "*", {}};
      if (inner && one.transfer_syntax.empty()) one.transfer_syntax = inner->Parameter("transfer-syntax");
    }
    wanted.push_back(std::move(one));
  }
  return wanted;
}

bool IsWildSyntax(std::string_view transfer_syntax) { return transfer_syntax.empty() || transfer_syntax == "*"; }

bool AcceptsJson(const http::Request& request) {
  const auto ranges = AcceptOf(request);
  return std::any_of(ranges.begin(), ranges.end(), [](const http::AcceptRange& range) {
    return http::Matches(range.range, "application", "dicom+json") || http::Matches(range.range, "application", "json");
  });
}

http::Response NotAcceptable(const std::string& text) { return ErrorResponse(406, text); }

}  // namespace dicomhouse::api::dicomweb
