#include "cli/resource_list.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "cli/terminal.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using Term = Selection::Term;

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kOperators = ":=!<>~";

// ---- flags

// 1 or more, in gcloud's words. "unlimited" becomes 0 where it may be said.
CLI::Validator AtLeastOne(bool or_unlimited) {
  const auto check = [or_unlimited](std::string& text) -> std::string {
    if (or_unlimited && text == "unlimited") {
      text = "0";
      return "";
    }
    int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc() || end != text.data() + text.size()) return "Value must be an integer; received: " + text;
    return number < 1 ? "Value must be greater than or equal to 1; received: " + text : "";
  };
  return {check, ""};
}

// ---- the text of a filter

// Reads "KEY=VALUE AND KEY:VALUE ...".
class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text), rest_(text) {}

  base::Result<std::vector<Term>> Parse() {
    std::vector<Term> terms;
    while (true) {
      SkipBlanks();
      if (rest_.empty()) return terms;
      if (!terms.empty() && TakeWord("AND")) SkipBlanks();  // terms without a word between are joined by AND too
      DH_ASSIGN(Term term, TakeTerm());
      terms.push_back(std::move(term));
    }
  }

 private:
  Error Refused(const std::string& what) const {
    return {ErrorCode::kInvalidArgument, "--filter [" + std::string(text_) + "]: " + what +
                                             "; a filter is KEY=VALUE, KEY:VALUE or KEY!=VALUE, or some of them joined by AND"};
  }

  void SkipBlanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size())); }

  bool IsAtWord(std::string_view word) const {
    return rest_.starts_with(word) && (rest_.size() == word.size() || kBlanks.find(rest_[word.size()]) != std::string_view::npos);
  }

  bool TakeWord(std::string_view word) {
    if (!IsAtWord(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  base::Status RefuseLogic() const {
    for (const char* word : {"AND", "OR", "NOT"}) {
      if (IsAtWord(word)) return Refused(std::string(word) + " is not possible here");
    }
    if (rest_.starts_with('-')) return Refused("a - in front of a term is not supported");
    if (rest_.starts_with('(')) return Refused("parentheses are not supported");
    return rest_.empty() ? Refused("a term is missing at the end") : base::Status();
  }

  base::Result<Term> TakeTerm() {
    DH_CHECK(RefuseLogic());
    const size_t end = std::min(rest_.find_first_of(std::string(kOperators) + std::string(kBlanks)), rest_.size());
    Term term;
    term.written_key = rest_.substr(0, end);
    rest_.remove_prefix(end);
    SkipBlanks();
    const size_t size = std::min(rest_.find_first_not_of(kOperators), rest_.size());
    const std::string sign(rest_.substr(0, size));
    rest_.remove_prefix(size);
    if (term.written_key.empty()) return Refused("a key is missing in front of " + sign);
    if (sign.empty()) return Refused("'" + term.written_key + "' has no value");
    if (term.written_key.find_first_of("()[]{}\"',") != std::string::npos) {
      return Refused("'" + term.written_key + "' is no key; a key is words with dots between");
    }
    if (sign != "=" && sign != ":" && sign != "!=") return Refused("the comparison " + sign + " is not supported");
    term.has = sign == ":";
    term.negated = sign == "!=";
    SkipBlanks();
    DH_ASSIGN(term.value, TakeValue(term.written_key + sign));
    if (term.has && std::count(term.value.begin(), term.value.end(), '*') > 1) {
      return Refused("at most one * is possible in '" + term.value + "'");
    }
    return term;
  }

  // Up to a blank; quotes may be around all or parts of it.
  base::Result<std::string> TakeValue(const std::string& behind) {
    if (rest_.empty()) return Refused("a value is missing behind " + behind);
    if (rest_.front() != '"' && rest_.front() != '\'') DH_CHECK(RefuseWordAsValue());
    std::string value;
    char quote = 0;
    while (!rest_.empty() && (quote != 0 || kBlanks.find(rest_.front()) == std::string_view::npos)) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (quote == 0 && (c == '(' || c == ')')) return Refused("lists and parentheses are not supported");
      const bool escaped =
          c == '\\' && !rest_.empty() && (rest_.front() == '"' || rest_.front() == '\'' || rest_.front() == '\\');
      if (escaped) {
        value += rest_.front();
        rest_.remove_prefix(1);
      } else if (c == quote) {
        quote = 0;
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else {
        value += c;
      }
    }
    if (quote != 0) return Refused("a quote is not closed");
    return value;
  }

  base::Status RefuseWordAsValue() const {
    for (const char* word : {"AND", "OR", "NOT"}) {
      if (IsAtWord(word)) return Refused(std::string(word) + " is not possible here");
    }
    return {};
  }

  std::string_view text_;
  std::string_view rest_;
};

// ---- values

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : c); });
  return text;
}

std::optional<double> NumberOf(const std::string& text) {
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> NumberOf(const Json& value) {
  if (value.is_bool()) return value.as_bool() ? 1 : 0;
  if (value.is_int()) return static_cast<double>(value.as_int());
  if (value.is_number()) return value.as_double();
  return value.is_string() ? NumberOf(value.as_string()) : std::nullopt;
}

// As gcloud's words for it are in Python.
std::string PythonText(const Json& value, const char* null) {
  if (value.is_null()) return null;
  if (value.is_bool()) return value.as_bool() ? "True" : "False";
  return value.is_string() ? value.as_string() : value.Print();
}

// ':': what is in front of a * begins the text, what is behind it ends it.
bool Has(const std::string& text, const std::string& pattern) {
  const size_t star = pattern.find('*');
  if (pattern == "*") return !text.empty();
  if (star == std::string::npos) return text.find(pattern) != std::string::npos;
  const std::string begin = pattern.substr(0, star);
  const std::string end = pattern.substr(star + 1);
  return text.size() >= begin.size() + end.size() && text.starts_with(begin) && text.ends_with(end);
}

// One value. Case does not count, and "7" is the number 7.
bool MatchesOne(const Json& value, const Term& term) {
  const auto wanted = NumberOf(term.value);
  if (wanted && wanted == NumberOf(value)) return true;
  if (value.is_null() && term.value.empty()) return true;
  if (value.is_null() && term.has && term.value == "*") return false;
  const std::string text = Lower(PythonText(value, "null"));
  const std::string pattern = Lower(term.value);
  return term.has ? Has(text, pattern) : text == pattern;
}

// A map is its keys and its values.
bool MatchesAny(const Json& value, const Term& term) {
  if (!value.is_object()) return MatchesOne(value, term);
  return std::any_of(value.object().begin(), value.object().end(), [&term](const auto& field) {
    return MatchesOne(Json(field.first), term) || MatchesOne(field.second, term);
  });
}

bool Matches(const Json& resource, const Term& term) {
  const Json value = ValueAt(resource, term.key);
  if (value.array().empty()) return MatchesAny(value, term) != term.negated;
  return std::any_of(value.array().begin(), value.array().end(),
                     [&term](const Json& item) { return MatchesAny(item, term) != term.negated; });
}

bool IsThere(const Json& resource, const std::string& key) {
  const Json value = ValueAt(resource, key);
  if (!value.is_array()) return !value.is_null();
  return value.array().empty() ||
         std::any_of(value.array().begin(), value.array().end(), [](const Json& item) { return !item.is_null(); });
}

// The path that a key means: heads of columns are keys too.
std::string PathOf(const std::string& key, const std::vector<ResourceColumn>& columns) {
  for (const ResourceColumn& column : columns) {
    if (column.head == key) return column.path == "id" || column.path == "location" ? "name" : column.path;
  }
  return key;
}

}  // namespace

void AddLimitFlag(CLI::App& app, int64_t& limit) {
  app.add_option("--limit", limit, "List at most so many (default: all)")->type_name("N")->transform(AtLeastOne(true));
}

void AddListFlags(CLI::App& app, ListFlags& flags) {
  app.add_option("--filter", flags.filter, "List only those: KEY=VALUE, KEY:PART or KEY!=VALUE, joined by AND")
      ->type_name("TEXT");
  app.add_option("--sort-by", flags.sort_by, "In the order of these keys; ~KEY: the other way round")->type_name("KEY,...");
  AddLimitFlag(app, flags.limit);
  app.add_option("--page-size", flags.page_size, "Resources asked for with one request, and rows of one table")
      ->type_name("N")
      ->transform(AtLeastOne(false));
  app.add_flag("--uri", flags.uri, "Print the resources' URIs only");
}

base::Result<Selection> Selection::Make(const ListFlags& flags, const std::vector<ResourceColumn>& columns) {
  Selection made;
  made.limit_ = static_cast<size_t>(flags.limit);
  DH_ASSIGN(made.terms_, FilterParser(flags.filter).Parse());
  for (Term& term : made.terms_) term.key = PathOf(term.written_key, columns);
  for (size_t begin = 0; begin < flags.sort_by.size();) {
    const size_t end = std::min(flags.sort_by.find(',', begin), flags.sort_by.size());
    const std::string key = flags.sort_by.substr(begin, end - begin);
    const bool descending = key.starts_with('~');
    made.order_.push_back({PathOf(key.substr(descending ? 1 : 0), columns), descending});
    begin = end + 1;
  }
  return made;
}

bool Selection::IsEnough(size_t resources) const { return limit_ > 0 && terms_.empty() && order_.empty() && resources >= limit_; }

void Selection::Apply(Json::Array& resources) const {
  std::string missing;
  for (const Term& term : terms_) {
    const bool there =
        std::any_of(resources.begin(), resources.end(), [&term](const Json& item) { return IsThere(item, term.key); });
    if (!there) missing += (missing.empty() ? "" : ", ") + term.key;
  }
  if (!missing.empty()) {
    std::fprintf(stderr, "WARNING: The following filter keys were not present in any resource : %s\n",
                 Printable(missing).c_str());
  }
  std::erase_if(resources, [this](const Json& item) {
    return !std::all_of(terms_.begin(), terms_.end(), [&item](const Term& term) { return Matches(item, term); });
  });
  // gcloud compares texts too: missing ones are "None".
  for (auto key = order_.rbegin(); key != order_.rend(); ++key) {
    std::stable_sort(resources.begin(), resources.end(), [&key](const Json& left, const Json& right) {
      const int order = PythonText(ValueAt(left, key->key), "None").compare(PythonText(ValueAt(right, key->key), "None"));
      return key->descending ? order > 0 : order < 0;
    });
  }
  if (limit_ > 0 && resources.size() > limit_) resources.resize(limit_);
}

}  // namespace dicomhouse::cli
