#include "store/internal/header_bytes.h"

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "store/internal/bytes.h"

namespace dicomhouse::store {
namespace {

// Read ahead while a header is taken from an instance: below the size of any value that is left out.
constexpr uint64_t kAheadBytes = 512;
static_assert(kAheadBytes < base::kMaxBulkReadBytes);
// A deflated data set has no places in its bytes: the beginning is kept, so that all but very long ones are kept whole.
constexpr uint64_t kMaxDeflatedBytes = uint64_t{1} << 20;
constexpr size_t kFixedBytes = 16;
constexpr size_t kExtentBytes = 16;

class ExtentWriter {
 public:
  void Add(uint64_t offset, std::string_view bytes) {
    if (bytes.empty()) return;
    if (!extents_.empty() && extents_.back().offset + extents_.back().length == offset) {
      extents_.back().length += bytes.size();
    } else {
      extents_.push_back({offset, bytes.size(), bytes_.size()});
    }
    bytes_.append(bytes);
  }

  std::string Encode(uint64_t instance_bytes) const {
    std::string out;
    out.reserve(kFixedBytes + extents_.size() * kExtentBytes + bytes_.size());
    AppendNumber<uint16_t>(out, kHeaderPolicy);
    AppendNumber<uint16_t>(out, 0);
    AppendNumber<uint32_t>(out, static_cast<uint32_t>(extents_.size()));
    AppendNumber<uint64_t>(out, instance_bytes);
    for (const Extent& extent : extents_) {
      AppendNumber<uint64_t>(out, extent.offset);
      AppendNumber<uint64_t>(out, extent.length);
    }
    return out += bytes_;
  }

 private:
  std::vector<Extent> extents_;
  std::string bytes_;
};

base::Status AddFrom(ExtentWriter& writer, dicom::ByteSource& source, uint64_t offset, uint64_t length) {
  std::string bytes(length, '\0');
  DH_ASSIGN(const size_t got, source.ReadAt(offset, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}));
  writer.Add(offset, std::string_view(bytes).substr(0, got));
  return {};
}

}  // namespace

base::Result<std::string> EncodeHeader(const dicom::Instance& header, dicom::ByteSource& source, uint64_t instance_bytes) {
  ExtentWriter writer;
  if (header.inflated) {
    DH_CHECK(AddFrom(writer, source, 0, std::min(instance_bytes, kMaxDeflatedBytes)));
    return writer.Encode(instance_bytes);
  }
  const dicom::Window& window = header.window;
  const std::string_view loaded(reinterpret_cast<const char*>(window.data()), window.size());
  uint32_t position = 0;
  uint64_t left_out = 0;
  for (const dicom::Gap& gap : window.gaps()) {
    writer.Add(position + left_out, loaded.substr(position, gap.position - position));
    position = gap.position;
    left_out += gap.length;
    // A walk asks for a value's last byte to see whether it is whole.
    const uint64_t end = position + left_out;
    if (gap.length > 0 && end <= instance_bytes) DH_CHECK(AddFrom(writer, source, end - 1, 1));
  }
  writer.Add(position + left_out, loaded.substr(position));
  return writer.Encode(instance_bytes);
}

base::Result<HeaderBytes> DecodeHeader(std::string_view payload) {
  const auto corrupt = [](const char* what) {
    return base::Error{base::ErrorCode::kCorrupt, std::string("header bytes: ") + what};
  };
  if (payload.size() < kFixedBytes) return corrupt("too short");
  const auto count = LoadNumber<uint32_t>(payload, 4);
  if (count > (payload.size() - kFixedBytes) / kExtentBytes) return corrupt("more extents than bytes");
  HeaderBytes header;
  header.instance_bytes = LoadNumber<uint64_t>(payload, 8);
  header.bytes = payload.substr(kFixedBytes + count * kExtentBytes);
  header.extents.reserve(count);
  uint64_t at = 0;
  uint64_t end = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Extent extent{LoadNumber<uint64_t>(payload, kFixedBytes + i * kExtentBytes),
                        LoadNumber<uint64_t>(payload, kFixedBytes + i * kExtentBytes + 8), at};
    if (extent.offset < end || extent.offset > header.instance_bytes) return corrupt("an extent out of order");
    if (extent.length == 0 || extent.length > header.instance_bytes - extent.offset) return corrupt("an extent past the end");
    if (extent.length > header.bytes.size() - at) return corrupt("an extent without its bytes");
    at += extent.length;
    end = extent.offset + extent.length;
    header.extents.push_back(extent);
  }
  if (at != header.bytes.size()) return corrupt("bytes of no extent");
  return header;
}

uint64_t ThriftySource::AtHand(uint64_t offset) const {
  (void)offset;
  return kAheadBytes;
}

base::Result<std::unique_ptr<HeaderSource>> HeaderSource::Make(std::string payload, OpenBlob open_blob) {
  std::unique_ptr<HeaderSource> source(new HeaderSource);
  source->payload_ = std::move(payload);
  DH_ASSIGN(source->header_, DecodeHeader(source->payload_));
  source->open_blob_ = std::move(open_blob);
  return source;
}

size_t HeaderSource::FindExtent(uint64_t offset) const {
  const auto& extents = header_.extents;
  const auto found = std::partition_point(extents.begin(), extents.end(),
                                          [offset](const Extent& extent) { return extent.offset + extent.length <= offset; });
  return static_cast<size_t>(found - extents.begin());
}

uint64_t HeaderSource::AtHand(uint64_t offset) const {
  if (offset >= header_.instance_bytes) return ~uint64_t{0};
  const size_t found = FindExtent(offset);
  if (found == header_.extents.size() || header_.extents[found].offset > offset) return 0;
  const Extent& extent = header_.extents[found];
  const uint64_t end = extent.offset + extent.length;
  // At the end of the instance a read that comes back short is what tells so.
  return end == header_.instance_bytes ? ~uint64_t{0} : end - offset;
}

base::Result<size_t> HeaderSource::ReadAt(uint64_t offset, std::span<uint8_t> out) {
  size_t done = 0;
  size_t next = FindExtent(offset);
  while (done < out.size() && offset + done < header_.instance_bytes) {
    const uint64_t now = offset + done;
    const uint64_t left = std::min<uint64_t>(out.size() - done, header_.instance_bytes - now);
    const Extent* extent = next < header_.extents.size() ? &header_.extents[next] : nullptr;
    if (extent != nullptr && extent->offset <= now) {
      const uint64_t skip = now - extent->offset;
      const auto count = static_cast<size_t>(std::min(left, extent->length - skip));
      std::memcpy(out.data() + done, header_.bytes.data() + extent->at + skip, count);
      done += count;
      ++next;
      continue;
    }
    const auto count = static_cast<size_t>(extent == nullptr ? left : std::min(left, extent->offset - now));
    DH_ASSIGN(const size_t got, ReadGap(now, out.subspan(done, count)));
    done += got;
    if (got < count) break;
  }
  return done;
}

base::Result<size_t> HeaderSource::ReadGap(uint64_t offset, std::span<uint8_t> out) {
  if (blob_ == nullptr) {
    DH_ASSIGN(blob_, open_blob_());
  }
  return blob_->ReadAt(offset, out);
}

}  // namespace dicomhouse::store
