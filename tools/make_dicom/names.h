// Names and places in the scripts of the world, as bytes of their Specific Character Set (PS3.5 §6.1 and annexes H to K).
#pragma once

#include <span>
#include <string_view>

namespace make_dicom {

struct Name {
  std::string_view character_set;  // "" : the default repertoire
  std::string_view person;         // bytes
  std::string_view institution;    // bytes
  std::string_view person_utf8;    // what a reader should make of `person`
  std::string_view institution_utf8;
  std::string_view sex;
};

std::span<const Name> Names();

}  // namespace make_dicom
