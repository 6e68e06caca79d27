#include "transfer/internal/row_log.h"

#include <span>
#include <string>
#include <string_view>

namespace dicomhouse::transfer {
namespace {

std::string_view BytesOf(const std::vector<uint32_t>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(uint32_t)};
}

std::span<char> RoomOf(std::vector<uint32_t>& numbers) {
  return {reinterpret_cast<char*>(numbers.data()), numbers.size() * sizeof(uint32_t)};
}

}  // namespace

base::Status RowLog::Add(uint32_t part, const PartRows& rows) {
  const std::string_view paths = rows.paths.bytes();
  extents_[part] = {bytes_.size(), rows.facts.size(), paths.size(), !rows.first_lines.empty()};
  DH_CHECK(bytes_.Append(BytesOf(rows.facts)));
  DH_CHECK(bytes_.Append(BytesOf(rows.first_lines)));
  return bytes_.Append(paths);
}

base::Result<PartRows> RowLog::Get(uint32_t part) const {
  const Extent& extent = extents_.at(part);
  PartRows rows;
  rows.facts.resize(extent.rows);
  rows.first_lines.resize(extent.has_lines ? extent.rows : 0);
  std::string paths(extent.path_bytes, '\0');
  uint64_t at = extent.offset;
  for (const std::span<char> room : {RoomOf(rows.facts), RoomOf(rows.first_lines), std::span<char>(paths)}) {
    DH_CHECK(bytes_.Read(at, room));
    at += room.size();
  }
  rows.paths = PathList(std::move(paths));
  return rows;
}

}  // namespace dicomhouse::transfer
