// Files and folders behind one interface, so that tests can make them fail (tests/base/faulty_file_system.h).
// Everything that the warehouse writes goes through FileSystem; readers of DICOM use base::InputFile directly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dicomhouse::base {

// A file open for reading at any position. Not shared between threads.
class InputFile {
 public:
  InputFile() = default;
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  // Errors: kNotFound, kIo (with the system's reason and the path).
  static Result<InputFile> Open(const std::string& path);

  // Reads up to `out.size()` bytes at `offset`; fewer only at the end of the file. Returns the number read.
  Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) const;
  // The same with one system call: of a regular file, fewer bytes than asked for mean that it ends there.
  Result<size_t> ReadOnceAt(uint64_t offset, std::span<uint8_t> out) const;
  // The size in bytes now.
  Result<uint64_t> Size() const;
  struct FileFacts {
    uint64_t size_bytes = 0;
    int64_t modified_us = 0;  // since 1970
  };
  Result<FileFacts> Facts() const;
  int descriptor() const { return fd_; }

 private:
  friend class FileOpener;

  int fd_ = -1;
};

// Opens files one after the other, most of them in the folder of the one before: that folder is kept open, so that the
// system does not walk the whole path each time (a tenth of the time of opening a warm file seven folders deep).
// Not shared between threads.
class FileOpener {
 public:
  FileOpener() = default;
  FileOpener(const FileOpener&) = delete;
  FileOpener& operator=(const FileOpener&) = delete;
  ~FileOpener();

  // The same as InputFile::Open.
  Result<InputFile> Open(const std::string& path);

 private:
  std::string folder_;  // with its last slash
  int fd_ = -1;
};

// A file being written from its start to its end.
class OutputFile {
 public:
  virtual ~OutputFile() = default;
  virtual Status Append(std::string_view bytes) = 0;
  // Cuts the file to `size` bytes; the next Append goes there.
  virtual Status Truncate(uint64_t size) = 0;
  // Writes zeros behind the end, which stays where it is: what is appended takes their place. Once they are synced, a sync of
  // what is written there has no new size and no new blocks to write. Truncate takes what is left of them away. Not with Pause.
  // After an error there are none.
  virtual Status Reserve(uint64_t bytes) {
    (void)bytes;
    return {};
  }
  // Frees the descriptor until the next call that needs it: thousands of files may wait so.
  virtual Status Pause() { return {}; }
  // Bytes and size are on the disk when this returns (fdatasync). After an error nothing is known of what is.
  virtual Status Sync() = 0;
  // Must be called; a destructor closes silently.
  virtual Status Close() = 0;
};

// The operations that a durable store needs. Thread-safe. All errors carry path and the system's reason.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Creates or empties the file.
  virtual Result<std::unique_ptr<OutputFile>> Create(const std::string& path) = 0;
  // Opens the file for writing at its end; makes it when there is none.
  virtual Result<std::unique_ptr<OutputFile>> OpenForAppend(const std::string& path) = 0;
  // Gives the space of `length` bytes at `offset` back: they read as zeros from then on, the file's size stays. Does nothing
  // where the file system can't.
  virtual Status PunchHole(const std::string& path, uint64_t offset, uint64_t length) = 0;
  // Errors: kNotFound; kLimit when the file is larger than max_bytes.
  virtual Result<std::string> ReadAll(const std::string& path, uint64_t max_bytes) = 0;
  virtual bool Exists(const std::string& path) = 0;
  virtual Result<uint64_t> Size(const std::string& path) = 0;
  // Names in a folder (no path, no "." and ".."), sorted. Errors: kNotFound.
  virtual Result<std::vector<std::string>> List(const std::string& folder) = 0;
  virtual bool IsFolder(const std::string& path) = 0;
  // Errors: kNotFound when one of them goes at this moment.
  virtual Status MakeFolders(const std::string& folder) = 0;
  // A second name for a file, which must not exist yet. Errors: kAlreadyExists. This publishes.
  virtual Status Link(const std::string& from, const std::string& to) = 0;
  // Replaces `to` atomically.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // Removing what is not there is no error.
  virtual Status Remove(const std::string& path) = 0;
  virtual Status RemoveTree(const std::string& folder) = 0;
  // Removes a folder that is empty; else an error, and nothing has changed.
  virtual Status RemoveEmptyFolder(const std::string& folder) = 0;
  // Entries of the folder are on the disk when this returns.
  virtual Status SyncFolder(const std::string& folder) = 0;
};

// The machine's own files. One object for the whole program.
FileSystem& RealFileSystem();

// "a" + "b" -> "a/b"; "a/" + "b" -> "a/b"; an absolute `name` is returned as it is.
std::string JoinPath(std::string_view folder, std::string_view name);
// Writes a whole file and syncs it (not its folder).
Status WriteFileDurably(FileSystem& files, const std::string& path, std::string_view bytes);

}  // namespace dicomhouse::base
