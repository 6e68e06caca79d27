#include "dicom/window.h"

#include <algorithm>

#include "base/limits.h"

namespace dicomhouse::dicom {
namespace {
// The most that is read at once when a value asks for more: no more than this is read in vain.
constexpr size_t kMaxReadAhead = 256 << 10;
constexpr size_t kMinReadAhead = 32;
// What is read at once of values that are hashed only.
constexpr size_t kHashPieceBytes = 256 << 10;
}  // namespace

void Window::Open(ByteSource& source, uint64_t offset, size_t first_bytes) {
  source_ = &source;
  origin_ = offset;
  left_out_ = 0;
  bytes_read_ = 0;
  at_end_ = false;
  size_ = 0;
  gaps_.clear();
  hashed_.clear();
  error_.reset();
  Fetch(std::min<uint64_t>(first_bytes, source.AtHand(offset)));
}

void Window::Assign(std::span<const uint8_t> bytes) {
  source_ = nullptr;
  origin_ = left_out_ = bytes_read_ = 0;
  at_end_ = true;
  gaps_.clear();
  hashed_.clear();
  error_.reset();
  if (bytes_.size() < bytes.size()) bytes_.resize(bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  size_ = bytes.size();
}

bool Window::Fetch(uint64_t end) {
  if (error_) return false;
  // Before anything else: how much is loaded already must not decide what is said of such a length.
  if (end > base::kMaxHeaderBytes) {
    error_ = base::Error{base::ErrorCode::kLimit, "the header has more than " + std::to_string(base::kMaxHeaderBytes) + " bytes"};
    return false;
  }
  if (source_ == nullptr || at_end_) return false;
  // Ask for as much again as came since the last gap: a long header needs few reads, the next fragment of pixel data a short one.
  const size_t since_gap = gaps_.empty() ? size_ : size_ - gaps_.back().position;
  const size_t ahead = std::clamp(since_gap, kMinReadAhead, kMaxReadAhead);
  const uint64_t at_hand = source_->AtHand(origin_ + left_out_ + size_);
  const size_t wanted = std::max<size_t>(static_cast<size_t>(end), size_ + std::min<uint64_t>(ahead, at_hand));
  if (bytes_.size() < wanted) bytes_.resize(std::max(wanted, bytes_.size() * 2));
  const auto got = source_->ReadAt(origin_ + left_out_ + size_, {bytes_.data() + size_, wanted - size_});
  if (!got.ok()) {
    error_ = got.error();
    return false;
  }
  if (*got < wanted - size_) at_end_ = true;
  bytes_read_ += *got;
  size_ += *got;
  return end <= size_;
}

bool Window::LeaveOut(uint32_t position, uint64_t length, bool check_end, uint32_t value) {
  if (source_ == nullptr) return false;  // a later walk through what is loaded changes nothing
  const bool whole = hashing_ && HashUpTo(position, length, value);
  gaps_.push_back({position, length});
  size_ = position;
  left_out_ += length;
  if (at_end_) return false;
  if (!check_end) return true;
  if (hashing_) return whole;
  // The last byte of the value tells whether it is whole.
  uint8_t last = 0;
  const auto got = source_->ReadAt(origin_ + left_out_ + size_ - 1, {&last, 1});
  return got.ok() && *got == 1;
}

// Hashes the value from where that stopped last up to the `length` bytes at `position`, and these. False: the source ends inside.
bool Window::HashUpTo(uint32_t position, uint64_t length, uint32_t value) {
  if (hashed_.empty() || hashed_.back().value != value) hashed_.push_back({value, value, true, {}});
  Hashed& hashed = hashed_.back();
  hashed.hash.Update({bytes_.data() + hashed.end, size_ - hashed.end});
  hashed.end = position;
  uint64_t offset = origin_ + left_out_ + size_;
  const uint64_t end = origin_ + left_out_ + position + length;
  piece_.resize(kHashPieceBytes);
  while (offset < end && !at_end_) {
    const auto got =
        source_->ReadAt(offset, {piece_.data(), static_cast<size_t>(std::min<uint64_t>(piece_.size(), end - offset))});
    if (!got.ok() || *got == 0) break;
    hashed.hash.Update({piece_.data(), *got});
    bytes_read_ += *got;
    offset += *got;
  }
  hashed.whole = hashed.whole && offset >= end;
  return offset >= end;
}

std::optional<base::Sha256Digest> Window::DigestOf(uint32_t begin, uint32_t end) const {
  const auto found =
      std::lower_bound(hashed_.begin(), hashed_.end(), begin, [](const Hashed& h, uint32_t value) { return h.value < value; });
  if (found == hashed_.end() || found->value != begin) {
    const bool left_out =
        std::any_of(gaps_.begin(), gaps_.end(), [&](const Gap& gap) { return gap.position >= begin && gap.position <= end; });
    if (left_out) return std::nullopt;
    base::Sha256 hash;
    hash.Update({bytes_.data() + begin, end - begin});
    return hash.Digest();
  }
  if (!found->whole) return std::nullopt;
  base::Sha256 hash = found->hash;
  hash.Update({bytes_.data() + found->end, end - found->end});
  return hash.Digest();
}

}  // namespace dicomhouse::dicom
