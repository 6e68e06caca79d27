#include "api/dicomweb/store_response.h"

#include <charconv>

#include "base/text.h"
#include "dicom/dictionary.h"

namespace dicomhouse::api::dicomweb {
namespace {

using base::Json;

constexpr std::string_view kDetailCreator = "GOOGLE";
constexpr std::string_view kCreatorTag = "00090010";
constexpr std::string_view kDetailTag = "00091097";  // FailureDetail, LT

Json Element(std::string_view vr, Json value) {
  Json element = Json::MakeObject();
  Json values = Json::MakeArray();
  values.Append(std::move(value));
  return std::move(element.Set("vr", vr).Set("Value", std::move(values)));
}

Json Sequence(Json items) {
  Json element = Json::MakeObject();
  return std::move(element.Set("vr", "SQ").Set("Value", std::move(items)));
}

Json ItemOf(const StoreOutcome& outcome, const std::string& url) {
  Json item = Json::MakeObject();
  if (!outcome.sop_class.empty()) item.Set("00081150", Element("UI", outcome.sop_class));
  if (!outcome.key.instance.empty()) item.Set("00081155", Element("UI", outcome.key.instance));
  if (outcome.failure == 0) {
    item.Set("00081190", Element("UR", url + "/studies/" + outcome.key.study + "/series/" + outcome.key.series + "/instances/" +
                                           outcome.key.instance));
    return item;
  }
  item.Set("00081197", Element("US", int{outcome.failure}));
  if (!outcome.detail.empty()) {
    item.Set(kCreatorTag, Element("LO", kDetailCreator)).Set(kDetailTag, Element("LT", outcome.detail));
  }
  return item;
}

// <DicomAttribute tag="..." vr="..." keyword="...">: private ones without their block, with its creator.
void AppendXmlStart(std::string& out, const std::string& tag, const Json& element) {
  uint32_t number = 0;
  std::from_chars(tag.data(), tag.data() + tag.size(), number, 16);
  const dicom::ElementEntry* entry = dicom::FindElement(number);
  const bool detail = tag == kDetailTag;
  out += "<DicomAttribute tag=\"" + (detail ? "00090097" : tag) + "\" vr=\"" + element["vr"].as_string() + "\"";
  if (detail) out.append(" keyword=\"FailureDetail\" privateCreator=\"").append(kDetailCreator).append("\"");
  if (entry != nullptr) out.append(" keyword=\"").append(entry->keyword).append("\"");
  out += '>';
}

// Attributes of the document, or of an item: two levels, as Document() makes them.
void AppendXmlAttributes(std::string& out, const Json& data_set) {
  for (const auto& [tag, element] : data_set.object()) {
    if (tag == kCreatorTag) continue;
    AppendXmlStart(out, tag, element);
    int number = 0;
    for (const Json& value : element["Value"].array()) {
      const std::string name = value.is_object() ? "Item" : "Value";
      out += "<" + name + " number=\"" + std::to_string(++number) + "\">";
      if (value.is_object()) {
        AppendXmlAttributes(out, value);
      } else {
        out += base::EscapedMarkup(value.is_string() ? value.as_string() : value.Print());
      }
      out += "</" + name + ">";
    }
    out += "</DicomAttribute>";
  }
}

}  // namespace

int StoreResponse::Status() const {
  size_t failed = 0;
  for (const StoreOutcome& outcome : outcomes_) failed += outcome.failure != 0 ? 1 : 0;
  return failed == 0 ? 200 : failed == outcomes_.size() ? 409 : 202;
}

base::Json StoreResponse::Document() const {
  Json stored = Json::MakeArray();
  Json failed = Json::MakeArray();
  Json others = Json::MakeArray();
  const std::string* study = nullptr;  // when it is the same of all
  bool one_study = true;
  for (const StoreOutcome& outcome : outcomes_) {
    const bool known = !outcome.key.instance.empty();
    (outcome.failure == 0 ? stored : known ? failed : others).Append(ItemOf(outcome, url_));
    if (outcome.failure != 0) continue;
    one_study = one_study && (study == nullptr || *study == outcome.key.study);
    study = &outcome.key.study;
  }
  Json document = Json::MakeObject();
  if (study != nullptr && one_study) document.Set("00081190", Element("UR", url_ + "/studies/" + *study));
  if (!failed.array().empty()) document.Set("00081198", Sequence(std::move(failed)));
  if (!stored.array().empty()) document.Set("00081199", Sequence(std::move(stored)));
  if (!others.array().empty()) document.Set("0008119A", Sequence(std::move(others)));
  return document;
}

std::string ToXml(const base::Json& document) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<NativeDicomModel>";
  AppendXmlAttributes(out, document);
  return out + "</NativeDicomModel>\n";
}

}  // namespace dicomhouse::api::dicomweb
