// Any bytes as a segment, and as the header bytes of an instance: records lie within the bytes that they claim, and a header
// that is taken apart is a source like any other.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "dicom/byte_source.h"
#include "dicom/instance.h"
#include "store/internal/header_bytes.h"
#include "store/internal/segment.h"

namespace {

namespace store = dicomhouse::store;
namespace dicom = dicomhouse::dicom;
namespace base = dicomhouse::base;

void Require(bool condition) {
  if (!condition) std::abort();
}

void ReadAsSegment(std::span<const uint8_t> bytes) {
  dicom::MemorySource source(bytes);
  uint64_t end = 0;
  (void)store::ScanSegment(source, 0, bytes.size(), [&](const store::RecordHeader& header, uint64_t offset) {
    Require(offset >= end && header.bytes <= bytes.size() - offset);
    end = offset + header.bytes;
    return true;
  }).ok();
}

void ReadAsHeader(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto open_blob = []() -> base::Result<std::unique_ptr<dicom::ByteSource>> {
    return base::Error{base::ErrorCode::kIo, "no instance here"};
  };
  auto source = store::HeaderSource::Make(std::string(text), open_blob);
  if (!source.ok()) return;
  dicom::Instance instance;
  (void)dicom::InstanceReader().Read(**source, instance);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReadAsSegment({data, size});
  ReadAsHeader({data, size});
  return 0;
}
