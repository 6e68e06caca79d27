// Opens archives for the source. Private to transfer; other modules use ArchiveReader from transfer/source.h.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "dicom/byte_source.h"
#include "transfer/source.h"

namespace dicomhouse::transfer {

// An ArchiveReader that knows when it is used up.
class ArchiveFile : public ArchiveReader {
 public:
  // True once Next has returned false or an error. Thread-safe.
  bool finished() const { return finished_.load(std::memory_order_acquire); }

 protected:
  std::atomic<bool> finished_ = false;
};

// The archive at `path` (absolute). Opened by the first Next, which reports what is wrong with it. An archive inside it
// that can't be read, and an entry that is encrypted, are visited as an entry whose ReadAt gives the error. Next returns
// false once `cancelled` is set.
std::shared_ptr<ArchiveFile> MakeArchiveFile(std::string path, std::shared_ptr<const std::atomic<bool>> cancelled);

// The same for an archive that is no file: `bytes` are its `size` bytes, `name` is what it is called.
std::shared_ptr<ArchiveFile> MakeArchiveOf(std::string name, std::unique_ptr<dicom::ByteSource> bytes, uint64_t size,
                                           std::shared_ptr<const std::atomic<bool>> cancelled);

// Bytes from the start that are enough to tell an archive by.
inline constexpr size_t kArchiveMagicBytes = 262;
// Whether these bytes are the start of an archive that MakeArchiveFile reads.
bool IsArchiveStart(std::string_view start);
// Whether the file begins like an archive that MakeArchiveFile reads. False when it can't be read.
bool HasArchiveMagic(const std::string& path);

}  // namespace dicomhouse::transfer
