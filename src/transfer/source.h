// What is to be exported: folders, files, archives and lists of paths, given out in pieces to workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dicom/byte_source.h"

namespace dicomhouse::transfer {

// One entry of an archive, while it is visited.
class ArchiveEntry : public dicom::ByteSource {
 public:
  virtual const std::string& name() const = 0;  // "ARCHIVE!ENTRY": the archive's absolute path and the name inside
  virtual uint64_t number() const = 0;          // counts the archive's entries, those of archives inside it too
  virtual uint64_t size() const = 0;            // 0 when the archive does not say
  virtual int64_t modified_ns() const = 0;      // since 1970; 0 when unknown
};

// A ZIP or TAR archive read front to back without unpacking to disk; also archives inside it (base::kMaxArchiveDepth).
// Workers share one: entries are visited one at a time under a lock, so a visitor only takes the bytes that it needs.
class ArchiveReader {
 public:
  virtual ~ArchiveReader() = default;
  // Whose errors Next gives: the archive's absolute path.
  virtual const std::string& name() const = 0;
  // Visits the next regular file. False: no more. Errors: kCorrupt, kIo, once; afterwards false. Thread-safe.
  virtual base::Result<bool> Next(const std::function<void(ArchiveEntry&)>& visit) = 0;
};

// A piece of work: some files, or one archive (the same archive is given to every worker that asks while it lasts).
struct Piece {
  uint64_t number = 0;             // counts from 0 in the order of the source
  std::vector<std::string> files;  // absolute paths
  std::shared_ptr<ArchiveReader> archive;
};

struct SourceOptions {
  std::vector<std::string> paths;  // folders, files, archives; "-": a list of paths on standard input, one a line
  int list_descriptor = 0;         // where "-" reads from
  // All paths are listed and sorted before the first piece: the same pieces for any order of `paths` and of folder listings.
  bool ordered = false;
  uint32_t files_per_piece = 256;
};

// Walks folders in the background (links to folders are not followed, each file once; hidden files too).
class Source {
 public:
  struct Problem {
    std::string path;
    base::Error error;
  };

  // Errors: kNotFound for a path given by the user that does not exist (found before any work).
  static base::Result<std::unique_ptr<Source>> Start(SourceOptions options);
  virtual ~Source() = default;

  // The next piece; waits for it. False: no more, or cancelled. Thread-safe.
  virtual bool Next(Piece& piece) = 0;
  // Makes Next return false soon, everywhere. Thread-safe, callable from a signal-watching thread.
  virtual void Cancel() = 0;

  // For progress: files found so far, and whether that is all.
  virtual uint64_t files_found() const = 0;
  virtual bool listing_done() const = 0;
  // Folders and files that could not be listed; the errors' texts begin with the paths. Call after Next returned false.
  virtual std::vector<Problem> problems() const = 0;
  // Why Next returned false although there is more: an export or import of it then fails as a whole. Call as problems().
  virtual std::optional<base::Error> broken() const { return std::nullopt; }
};

// Whether a name looks like an archive that ArchiveReader reads: .zip .tar .tar.gz .tgz .tar.zst .tzst (any case).
bool HasArchiveName(const std::string& path);

}  // namespace dicomhouse::transfer
