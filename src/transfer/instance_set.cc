#include "transfer/instance_set.h"

#include <optional>

namespace dicomhouse::transfer {

base::Result<InstanceSet::Answer> InstanceSet::Insert(std::string_view uid, uint64_t order, RowPlace place) {
  const Fingerprint fingerprint = FingerprintOf(uid);
  // By the last bits: the map goes by the first ones.
  Shard& shard = shards_[fingerprint.back() % shards_.size()];
  const std::lock_guard lock(shard.mutex);
  DH_ASSIGN(const std::optional<Copy> before, shard.copies.FindOrInsert(fingerprint, {order, place}));
  if (!before) return Answer{};
  if (before->order <= order) return Answer{Outcome::kDuplicate, {}};
  DH_CHECK(shard.copies.Replace(fingerprint, {order, place}));
  return Answer{Outcome::kReplaces, before->place};
}

}  // namespace dicomhouse::transfer
