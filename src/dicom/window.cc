#include "dicom/window.h"

#include <algorithm>

#include "base/limits.h"

namespace dicomhouse::dicom {
namespace {
// The most that is read at once when a value asks for more: no more than this is read in vain.
constexpr size_t kMaxReadAhead = 256 << 10;
constexpr size_t kMinReadAhead = 32;
}  // namespace

void Window::Open(ByteSource& source, uint64_t offset, size_t first_bytes) {
  source_ = &source;
  origin_ = offset;
  left_out_ = 0;
  bytes_read_ = 0;
  at_end_ = false;
  size_ = 0;
  gaps_.clear();
  error_.reset();
  Fetch(std::min<uint64_t>(first_bytes, source.AtHand(offset)));
}

void Window::Assign(std::span<const uint8_t> bytes) {
  source_ = nullptr;
  origin_ = left_out_ = bytes_read_ = 0;
  at_end_ = true;
  gaps_.clear();
  error_.reset();
  if (bytes_.size() < bytes.size()) bytes_.resize(bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  size_ = bytes.size();
}

bool Window::Fetch(uint64_t end) {
  if (source_ == nullptr || at_end_ || error_) return false;
  if (end > base::kMaxHeaderBytes) {
    error_ = base::Error{base::ErrorCode::kLimit, "the header has more than " + std::to_string(base::kMaxHeaderBytes) + " bytes"};
    return false;
  }
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

bool Window::LeaveOut(uint32_t position, uint64_t length, bool check_end) {
  if (source_ == nullptr) return false;  // a later walk through what is loaded changes nothing
  gaps_.push_back({position, length});
  size_ = position;
  left_out_ += length;
  if (at_end_) return false;
  if (!check_end) return true;
  // The last byte of the value tells whether it is whole.
  uint8_t last = 0;
  const auto got = source_->ReadAt(origin_ + left_out_ + size_ - 1, {&last, 1});
  return got.ok() && *got == 1;
}

}  // namespace dicomhouse::dicom
