// The Store Instances Response Module (PS3.18 annex I): what became of the instances of one request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "store/instances.h"

namespace dicomhouse::api::dicomweb {

// Failure Reason (0008,1197), PS3.18 table I.2-2 and PS3.7 annex C.
inline constexpr uint16_t kProcessingFailure = 0x0110;
inline constexpr uint16_t kDuplicateInstance = 0x0111;
inline constexpr uint16_t kOutOfResources = 0xA700;
inline constexpr uint16_t kDoesNotMatch = 0xA900;
inline constexpr uint16_t kCannotUnderstand = 0xC000;

// One instance of the request.
struct StoreOutcome {
  store::InstanceKey key;  // empty when its UIDs are not known
  std::string sop_class;
  uint16_t failure = 0;  // 0: it is stored
  std::string detail;    // of a failure, in words
};

class StoreResponse {
 public:
  // `url`: of the DICOMweb service.
  explicit StoreResponse(std::string url) : url_(std::move(url)) {}
  void Add(StoreOutcome outcome) { outcomes_.push_back(std::move(outcome)); }

  // 200: all are stored, 202: some, 409: none (§10.5.3).
  int Status() const;
  // DICOM JSON. Details stand in the private block "GOOGLE", as Google's do.
  base::Json Document() const;

 private:
  std::string url_;
  std::vector<StoreOutcome> outcomes_;
};

// A DICOM JSON document of our own as Native DICOM Model (PS3.19 annex A). It has values that are text, numbers and items.
std::string ToXml(const base::Json& document);

}  // namespace dicomhouse::api::dicomweb
