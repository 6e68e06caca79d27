// Random names: what two writers make independently must never meet.
#pragma once

#include <cstdint>
#include <string>

namespace dicomhouse::warehouse {

// 32 hexadecimal digits, 122 of their bits random.
std::string RandomHex();
// The same as a UUID of version 4: xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx.
std::string RandomUuid();
// A snapshot's id: positive, below 2^53, so that readers whose numbers are doubles keep it exactly.
int64_t RandomSnapshotId();

}  // namespace dicomhouse::warehouse
