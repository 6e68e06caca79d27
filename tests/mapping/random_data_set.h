// Random data sets: elements of the dictionary and private ones, values right and wrong, nested sequences. The data sets of one
// maker are alike, as instances of a series are, so that values return.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "dicom/dictionary.h"
#include "tests/dicom/dicom_writer.h"

namespace dicomhouse::mapping {

class RandomDataSets {
 public:
  explicit RandomDataSets(uint64_t seed) : random_(seed) {
    for (const dicom::ElementEntry& entry : dicom::AllElements()) {
      if (entry.tag >> 16 >= 8 && entry.vr != dicom::Vr::kNone) entries_.push_back(&entry);
    }
    top_ = MakeVocabulary(0);
  }

  // In ascending order but for `tangled` ones, which have tags out of order and twice.
  dicom::testing::DataSet Make(bool tangled) {
    dicom::testing::DataSet data = Pick(top_);
    if (tangled) {
      for (int i = 0; i < 3 && !data.empty(); ++i) {
        const size_t twice = Below(data.size());
        dicom::testing::Element copy = Any(data[twice].tag, 1);
        data.insert(data.begin() + static_cast<std::ptrdiff_t>(Below(data.size() + 1)), copy);
      }
    }
    return data;
  }

  size_t Below(size_t limit) { return static_cast<size_t>(random_() % limit); }
  bool Chance(int percent) { return Below(100) < static_cast<size_t>(percent); }

 private:
  // An element with the values that it has in this run, and how often it is there.
  struct Word {
    std::vector<dicom::testing::Element> values;
    int present = 100;
  };
  using Vocabulary = std::vector<Word>;

  Vocabulary MakeVocabulary(int depth) {
    std::vector<uint32_t> tags;
    for (const uint32_t tag : {0x00080005U, 0x00080201U, 0x00280103U, 0x00280106U, 0x00080018U}) {
      if (depth == 0 || Chance(15)) tags.push_back(tag);
    }
    const size_t count = depth == 0 ? 25 : 1 + Below(4);
    for (size_t i = 0; i < count; ++i) tags.push_back(TagOf(*entries_[Below(entries_.size())]));
    for (const uint32_t group : {0x60000000U, 0x60020000U}) {
      for (const uint32_t element : {0x0010U, 0x0050U, 0x1500U, 0x3000U}) {
        if (Chance(depth == 0 ? 40 : 4)) tags.push_back(group | element);
      }
    }
    for (const uint32_t group : {0x00090000U, 0x00290000U}) {
      if (!Chance(depth == 0 ? 80 : 10)) continue;
      for (const uint32_t element : {0x0010U, 0x0011U, 0x1008U, 0x1010U, 0x1110U, 0x1131U, 0x1020U}) {
        if (Chance(70)) tags.push_back(group | element);
      }
    }
    if (Chance(20)) tags.push_back(0x00091234);  // in a block that nobody claims
    if (Chance(10)) tags.push_back(0x00087777);  // no element of the standard
    std::sort(tags.begin(), tags.end());
    tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
    Vocabulary words;
    for (const uint32_t tag : tags) {
      Word& word = words.emplace_back();
      word.present = Chance(50) ? 100 : static_cast<int>(20 + Below(70));
      for (size_t i = 0, n = 1 + Below(4); i < n; ++i) word.values.push_back(Any(tag, depth));
    }
    return words;
  }

  dicom::testing::DataSet Pick(const Vocabulary& words) {
    dicom::testing::DataSet data;
    for (const Word& word : words) {
      if (Chance(word.present)) data.push_back(word.values[Chance(60) ? 0 : Below(word.values.size())]);
    }
    return data;
  }

  uint32_t TagOf(const dicom::ElementEntry& entry) {
    const uint32_t free_bits = ~entry.mask & 0xFFFEFFFF;
    const uint32_t tag = entry.tag | (static_cast<uint32_t>(random_()) & free_bits);
    return (tag & 0xFFFF) == 0 ? tag | 0x20 : tag;
  }

  dicom::testing::Element Any(uint32_t tag, int depth) {
    static const char* const kCreators[] = {"SIEMENS CSA HEADER", "GEMS_PARM_01",           "GEMS_IDEN_01",
                                            "NOBODY KNOWS ME",    "SIEMENS MEDCOM HEADER ", ""};
    if (tag % 0x10000 >= 0x10 && tag % 0x10000 <= 0xFF && (tag >> 16) % 2 == 1)
      return dicom::testing::Text(tag, Chance(85) ? "LO" : "UN", kCreators[Below(6)]);
    if (tag == 0x00080005) return dicom::testing::Text(tag, "CS", CharacterSet());
    if (tag == 0x00080201) return dicom::testing::Text(tag, "SH", Chance(70) ? "+0130" : Chance(50) ? "-1200" : "noon");
    const dicom::ElementEntry* entry = (tag >> 16) % 2 == 1 ? nullptr : dicom::FindElement(tag);
    std::string vr = entry == nullptr ? RandomVr() : std::string(dicom::VrText(entry->vr));
    if (entry != nullptr && entry->us_or_ss && Chance(50)) vr = "SS";
    const bool sequence = vr == "SQ" || Chance(entry == nullptr ? 15 : 1);
    if (sequence && depth < 3 && Chance(97)) {
      std::vector<dicom::testing::DataSet> items;
      const Vocabulary words = MakeVocabulary(depth + 1);
      for (size_t i = 0, n = Below(4); i < n; ++i) items.push_back(Pick(words));
      dicom::testing::Element element = dicom::testing::Sequence(tag, std::move(items), Chance(50));
      if (Chance(10)) element.vr = "UN";
      return element;
    }
    if (vr == "SQ") vr = "LO";
    if (Chance(5)) vr = "UN";
    if (Chance(5)) vr = RandomVr();
    return dicom::testing::Bytes(tag, vr, Value(Chance(95) || entry == nullptr ? vr : std::string(dicom::VrText(entry->vr))));
  }

  std::string RandomVr() {
    for (;;) {
      const auto vr = static_cast<dicom::Vr>(1 + Below(dicom::kVrCount - 1));
      if (vr != dicom::Vr::kSQ) return std::string(dicom::VrText(vr));
    }
  }

  std::string CharacterSet() {
    static const char* const kSets[] = {"",          "ISO_IR 100", "ISO_IR 192", "ISO_IR 144", "\\ISO 2022 IR 87",
                                        "ISO_IR 13", "GB18030",    "NONSENSE"};
    return kSets[Below(8)];
  }

  std::string OneOf(std::span<const char* const> texts) { return texts[Below(texts.size())]; }

  std::string Value(const std::string& vr) {
    if (Chance(6)) return "";
    if (Chance(3)) return std::string(1 + Below(3), ' ');
    const size_t size = dicom::ValueSize(dicom::testing::VrOf(vr));
    if (vr[0] == 'O' || vr == "UN" || size > 0) {
      const size_t unit = size == 0 ? 1 : size;
      size_t count = Chance(60) ? 1 : 1 + Below(4);
      if (unit == 1 || vr[0] == 'O') count = Chance(5) ? 1100 : Chance(3) ? 5000 : 1 + Below(12);
      std::string bytes;
      for (size_t i = 0; i < count * unit; ++i) bytes += static_cast<char>(Chance(30) ? random_() : Chance(50) ? 0 : 1);
      if (Chance(4)) bytes.pop_back();
      return bytes;
    }
    std::string text = OneValue(vr);
    while (Chance(20)) text += "\\" + OneValue(vr);
    if (text.size() % 2 != 0 && Chance(95)) text += vr == "UI" ? '\0' : ' ';
    return text;
  }

  std::string OneValue(const std::string& vr) {
    static constexpr const char* kDates[] = {"20240229", "19991231", "2024.01.31",        "20230229",
                                             "2024",     "00000000", "20240101-20240202", ""};
    static constexpr const char* kTimes[] = {"120000", "235959.999999", "07", "0730", "12:30:15", "240000", "noon", "235960", ""};
    static constexpr const char* kDateTimes[] = {"20240229120000.5+0100", "20240101", "2024", "20240101120000", "202413",
                                                 "0001010100+1400",       "x"};
    static constexpr const char* kNumbers[] = {"1", "-2.5", " 3 ", "1e5", "+7", "12,5", "", "9223372036854775808", "0.10"};
    static constexpr const char* kNames[] = {"Doe^Jane", "Yamada^Tarou=\xD4\xCF=x", "^",          "",       "A^B^C^D^E^F",
                                             "=^I",      "M\xFCller^J\xF6rg",       " lead^ing ", "a=b=c=d"};
    static constexpr const char* kTexts[] = {"text",
                                             " both ",
                                             "",
                                             "M\xC3\xBCller",
                                             "\xE4\xF6\xFC",
                                             "\x1B$B;3ED\x1B(B",
                                             "a",
                                             "ORIGINAL",
                                             "1.2.840.113619",
                                             "\xD4\xC4\\\xC2",
                                             "tab\tand\r\n",
                                             "\xFF\xFE"};
    if (vr == "DA") return OneOf(kDates);
    if (vr == "TM") return OneOf(kTimes);
    if (vr == "DT") return OneOf(kDateTimes);
    if (vr == "DS" || vr == "IS") return OneOf(kNumbers);
    if (vr == "PN") return OneOf(kNames);
    return OneOf(kTexts);
  }

  std::mt19937_64 random_;
  std::vector<const dicom::ElementEntry*> entries_;
  Vocabulary top_;
};

}  // namespace dicomhouse::mapping
