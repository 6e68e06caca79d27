// A source whose bytes are all read and hashed, whatever its reader wants of them: for SourceSha256.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "base/sha256.h"
#include "dicom/byte_source.h"

namespace dicomhouse::transfer {

class HashingSource final : public dicom::ByteSource {
 public:
  // `bytes` outlives the object, and has been read by nobody yet.
  explicit HashingSource(dicom::ByteSource& bytes) : bytes_(&bytes) {}

  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    DH_CHECK(Pass(offset));
    if (hashed_ < offset) return size_t{0};  // behind the end
    DH_ASSIGN(const size_t got, bytes_->ReadAt(offset, out));
    if (offset + got > hashed_) {  // readers may read a little again
      hash_.Update(out.subspan(static_cast<size_t>(hashed_ - offset), static_cast<size_t>(offset + got - hashed_)));
      hashed_ = offset + got;
    }
    return got;
  }
  uint64_t AtHand(uint64_t offset) const override { return bytes_->AtHand(offset); }

  // Reads what is left. The digest of all, or nothing when the system refused some of it.
  std::optional<base::Sha256Digest> Finish() {
    if (!Pass(~uint64_t{0}).ok()) return std::nullopt;
    return hash_.Digest();
  }
  uint64_t bytes_read() const { return hashed_; }

 private:
  // Hashes the bytes in front of `offset`, or all that there are.
  base::Status Pass(uint64_t offset) {
    constexpr size_t kPieceBytes = 256 << 10;
    bool more = true;
    while (more && hashed_ < offset) {
      piece_.resize(kPieceBytes);
      const std::span<uint8_t> wanted(piece_.data(), static_cast<size_t>(std::min<uint64_t>(kPieceBytes, offset - hashed_)));
      DH_ASSIGN(const size_t got, bytes_->ReadAt(hashed_, wanted));
      hash_.Update(wanted.first(got));
      hashed_ += got;
      more = got == wanted.size();
    }
    return {};
  }

  dicom::ByteSource* bytes_;
  base::Sha256 hash_;
  uint64_t hashed_ = 0;  // bytes, from the front
  std::vector<uint8_t> piece_;
};

}  // namespace dicomhouse::transfer
