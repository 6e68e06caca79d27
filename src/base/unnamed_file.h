// A file without a name, for what is too large for memory on its way to somewhere else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dicomhouse::base {

// A file in the temporary folder (TMPDIR, or /tmp) that no folder names: it goes with the object, and with the process however
// that ends, so that no signal leaves a patient's data behind. Not shared between threads.
class UnnamedFile {
 public:
  // Errors: kIo, with the folder and the system's reason.
  static Result<UnnamedFile> Make();
  UnnamedFile(UnnamedFile&& other) noexcept;
  UnnamedFile& operator=(UnnamedFile&& other) noexcept;
  ~UnnamedFile();

  // At the place of the descriptor. Errors: kIo.
  Status Write(std::string_view bytes) const;
  // At any place, that of the descriptor stays. ReadAt fills all of `out`: a file that ends before is an error. Errors: kIo.
  Status WriteAt(uint64_t offset, std::string_view bytes) const;
  Status ReadAt(uint64_t offset, std::span<char> out) const;
  // Owned by this object; the place of reading and writing is at its front again.
  int Rewound() const;
  // A path that opens this file in this process as long as the object lives, for libraries that know paths only.
  std::string path() const;

 private:
  explicit UnnamedFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace dicomhouse::base
