#include "base/spill.h"

#include <algorithm>
#include <cassert>

namespace dicomhouse::base {

Status Spill::Append(std::string_view bytes) {
  if (tail_.size() + bytes.size() > memory_bytes_ && !tail_.empty()) {
    if (!file_) {
      DH_ASSIGN(file_, UnnamedFile::Make());
    }
    DH_CHECK(file_->WriteAt(spilled_, tail_));
    spilled_ += tail_.size();
    tail_.clear();
  }
  tail_.append(bytes);
  return {};
}

Status Spill::Overwrite(uint64_t offset, std::string_view bytes) {
  assert(offset + bytes.size() <= size());
  if (offset < spilled_) {
    const size_t in_file = std::min<uint64_t>(bytes.size(), spilled_ - offset);
    DH_CHECK(file_->WriteAt(offset, bytes.substr(0, in_file)));
    bytes.remove_prefix(in_file);
    offset += in_file;
  }
  if (!bytes.empty()) tail_.replace(offset - spilled_, bytes.size(), bytes);
  return {};
}

Status Spill::Read(uint64_t offset, std::span<char> out) const {
  assert(offset + out.size() <= size());
  if (offset < spilled_) {
    const size_t in_file = std::min<uint64_t>(out.size(), spilled_ - offset);
    DH_CHECK(file_->ReadAt(offset, out.first(in_file)));
    out = out.subspan(in_file);
    offset += in_file;
  }
  if (!out.empty()) tail_.copy(out.data(), out.size(), offset - spilled_);
  return {};
}

}  // namespace dicomhouse::base
