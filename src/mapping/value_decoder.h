// One value: bytes to what a column holds. No DICOM structure (dicom::Cursor has that), no columns (mapping::ElementDecoder).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/cursor.h"
#include "dicom/text.h"
#include "mapping/type_rules.h"

namespace dicomhouse::mapping {

// What the meaning of a value depends on beside its own bytes.
struct ValueContext {
  dicom::Encoding encoding;
  const dicom::CharacterSet* set = nullptr;
  int utc_offset_minutes = 0;  // Timezone Offset From UTC (0008,0201)
  bool signed_pixels = false;  // Pixel Representation (0028,0103)
};

// Not thread-safe; one per worker.
class ValueDecoder {
 public:
  // The values of a text VR, split and without padding, as views that live until the next call. Sets replaced().
  const std::vector<std::string_view>& Texts(dicom::Vr vr, std::string_view bytes, const ValueContext& context);
  // The values as numbers of the rule's type. False: some value is none (then nothing of the result counts).
  bool Numbers(const Rule& rule, std::string_view bytes, const ValueContext& context, std::vector<int64_t>& out);
  // The values as OtherElements keeps them: text as it is, numbers in decimal, AT as GGGGEEEE, bytes as "base64:...".
  const std::vector<std::string_view>& Printed(dicom::Vr vr, std::string_view bytes, const ValueContext& context);
  // Bytes of the last Texts or Printed that had no meaning in the character set.
  uint32_t replaced() const { return replaced_; }

 private:
  bool ParsedNumbers(table::Type type, dicom::Vr vr, std::string_view bytes, const ValueContext& context,
                     std::vector<int64_t>& out);

  dicom::TextDecoder decoder_;
  dicom::DecodedText decoded_;
  std::vector<std::string_view> views_;
  std::string printed_;
  uint32_t replaced_ = 0;
};

// The VR as which the bytes are read: US or SS by Pixel Representation where the file does not say.
inline dicom::Vr VrToRead(const Rule& rule, const ValueContext& context) {
  return rule.us_or_ss && context.signed_pixels ? dicom::Vr::kSS : rule.vr;
}

}  // namespace dicomhouse::mapping
