#include "cli/object_glob.h"

#include <algorithm>

#include "base/text.h"

namespace dicomhouse::cli {
namespace {

// Takes a character off the text from `at` on; a byte, where it is no UTF-8.
char32_t TakeCharacter(std::string_view text, size_t& at) {
  const base::Utf8Character character = base::FirstCharacter(text.substr(at));
  at += std::max<size_t>(character.length, 1);
  return character.length == 0 ? static_cast<unsigned char>(text[at - 1]) : character.code;
}

// Whether the folder or name that `at` is in has a "**".
bool IsDeep(std::string_view pattern, size_t at) {
  const std::string_view part = pattern.substr(at, std::min(pattern.find('/', at), pattern.size()) - at);
  for (size_t star = part.find('*'); star != std::string_view::npos;) {
    const size_t end = std::min(part.find_first_not_of('*', star), part.size());
    if (end - star == 2) return true;
    star = part.find('*', end);
  }
  return false;
}

}  // namespace

// `deep`: `*`, `?` and sets take slashes too, from the part on that has a "**".
ObjectGlob::ObjectGlob(std::string_view pattern) : prefix_(pattern.substr(0, pattern.find_first_of(kMarks))) {
  bool deep = IsDeep(pattern, 0);
  for (size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '*') {
      AddStars(pattern, at, deep);
    } else if (pattern[at] == '?') {
      AddAny(deep, false);
      ++at;
    } else if (pattern[at] != '[' || !AddSet(pattern, at, deep)) {
      const char32_t code = TakeCharacter(pattern, at);
      steps_.push_back({{{code, code}}, false, false, false});
      if (code == '/') deep |= IsDeep(pattern, at);
    }
  }
}

void ObjectGlob::AddAny(bool deep, bool repeated) {
  Step step;
  step.negated = true;
  step.repeated = repeated;
  if (!deep) step.ranges.push_back({'/', '/'});
  steps_.push_back(std::move(step));
}

void ObjectGlob::AddStars(std::string_view pattern, size_t& at, bool deep) {
  const size_t begin = at;
  at = std::min(pattern.find_first_not_of('*', at), pattern.size());
  AddAny(deep, true);
  const bool whole_part = begin == 0 || pattern[begin - 1] == '/';
  steps_.back().skips = at - begin == 2 && whole_part && at < pattern.size() && pattern[at] == '/';
}

// False when the set has no end: then its [ is a character like others.
bool ObjectGlob::AddSet(std::string_view pattern, size_t& at, bool deep) {
  size_t next = at + 1;
  Step step;
  step.negated = next < pattern.size() && pattern[next] == '!';
  if (step.negated) ++next;
  const size_t begin = next;
  const size_t end = pattern.find(']', begin + 1);  // a ] in front is one of the set
  if (end == std::string_view::npos || (!deep && pattern.substr(begin, end - begin).find('/') != std::string_view::npos)) {
    return false;
  }
  while (next < end) {
    const char32_t first = TakeCharacter(pattern, next);
    char32_t last = first;
    if (next + 1 < end && pattern[next] == '-') last = TakeCharacter(pattern, ++next);
    if (first <= last) step.ranges.push_back({first, last});
  }
  if (!deep && step.negated) step.ranges.push_back({'/', '/'});
  steps_.push_back(std::move(step));
  at = end + 1;
  return true;
}

// `states[i]`: the rest of the name may begin with step i. What can be left out leads on to what is behind it.
void ObjectGlob::LeaveOut(std::vector<bool>& states) const {
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (!states[i] || !steps_[i].repeated) continue;
    states[i + 1] = true;
    if (steps_[i].skips) states[i + 2] = true;
  }
}

bool ObjectGlob::Matches(std::string_view name) const {
  std::vector<bool> states(steps_.size() + 1, false);
  states[0] = true;
  LeaveOut(states);
  for (size_t at = 0; at < name.size();) {
    const char32_t code = TakeCharacter(name, at);
    std::vector<bool> next(states.size(), false);
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (states[i] && Takes(steps_[i], code)) next[steps_[i].repeated ? i : i + 1] = true;
    }
    LeaveOut(next);
    states = std::move(next);
  }
  return states.back();
}

bool ObjectGlob::Takes(const Step& step, char32_t code) {
  const bool in_set = std::any_of(step.ranges.begin(), step.ranges.end(),
                                  [code](const Range& range) { return range.first <= code && code <= range.last; });
  return in_set != step.negated;
}

}  // namespace dicomhouse::cli
