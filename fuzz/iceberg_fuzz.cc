// Any bytes as what a warehouse's metadata folder can hold: table metadata (also gzipped), manifest lists, manifests.
// The first byte chooses; the readers refuse or read, and what they read can be written again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "warehouse/internal/codec.h"
#include "warehouse/internal/manifest.h"
#include "warehouse/internal/metadata.h"

namespace {

using dicomhouse::warehouse::FileContent;
using dicomhouse::warehouse::MovedFile;

void ReadMetadata(std::string_view bytes) {
  const auto metadata = dicomhouse::warehouse::TableMetadata::Parse(bytes, "fuzz");
  if (!metadata.ok()) return;
  (void)dicomhouse::warehouse::SchemaFromJson(metadata->current_schema(), "fuzz");
  auto changed = *metadata;
  changed.AddToLog("fuzz", 1);
  changed.KeepSnapshots({});
  (void)dicomhouse::warehouse::TableMetadata::Parse(changed.Print(), "fuzz");
}

dicomhouse::base::Result<MovedFile> Move(const std::string& recorded, FileContent) { return MovedFile{"/moved/" + recorded, 1}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr size_t kMost = size_t{1} << 24;
  switch (data[0] % 6) {
    case 0:
      ReadMetadata(bytes);
      break;
    case 1:
      if (const auto text = dicomhouse::warehouse::Gunzip(bytes, kMost); text.ok()) ReadMetadata(*text);
      break;
    case 2:
      (void)dicomhouse::warehouse::ReadManifestList(bytes, "fuzz");
      (void)dicomhouse::warehouse::MoveManifestList(bytes, "fuzz", Move);
      break;
    case 3:
      (void)dicomhouse::warehouse::ReadManifest(bytes, "fuzz", {}, true);
      (void)dicomhouse::warehouse::MoveManifest(bytes, "fuzz", Move);
      break;
    case 4:
      (void)dicomhouse::warehouse::DecompressAvroSnappy(bytes, kMost);
      break;
    default:
      (void)dicomhouse::warehouse::DecompressZstd(bytes, kMost);
      (void)dicomhouse::warehouse::InflateRaw(bytes, kMost);
  }
  return 0;
}
