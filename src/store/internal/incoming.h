// One instance on its way into the store: bytes in memory, or in a file when they are many; their digest; their header.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "store/instances.h"
#include "store/internal/attributes.h"

namespace dicomhouse::store {

// Reads the header of an instance of `size` bytes; gives the header bytes that are kept of it.
// Errors: kUnsupported, kCorrupt: not an instance that can be read; kIo.
base::Result<std::string> ReadHeaderBytes(dicom::ByteSource& source, uint64_t size, dicom::Instance& header);

class IncomingInstance final : public Incoming {
 public:
  // `spill_path`: the file that bytes go to when they don't stay in memory; made when it is needed, removed at the end unless
  // it was given away.
  IncomingInstance(base::FileSystem& files, int64_t store, std::string spill_path);
  ~IncomingInstance() override;

  base::Status Append(std::span<const uint8_t> bytes) override;
  base::Status Finish() override;
  // In place of Append and Finish: the bytes are in a file of the store already. It stays, whatever becomes of this.
  // Errors: those of Finish; kNotFound.
  base::Status Take(const std::string& path);
  // For what earlier versions stored: without a SOP Instance UID of its own it has that of its File Meta Information. New
  // instances need one, else searches would find what they can't name.
  void AcceptUidOfFileMeta() { accepts_uid_of_file_meta_ = true; }
  const InstanceKey& key() const override { return key_; }
  const dicom::Instance& header() const override { return header_; }

  int64_t store() const { return store_; }
  uint64_t size() const { return size_; }
  bool finished() const { return finished_; }
  // All bytes, when they are in memory.
  std::string_view bytes() const { return bytes_; }
  bool spilled() const { return spilled_; }
  const std::string& spill_path() const { return spill_path_; }
  // The file is somebody else's now.
  void GiveFileAway() { spilled_ = false; }
  // They are where they belong.
  void ForgetBytes() { bytes_ = {}; }

  const std::string& sha256() const { return sha256_; }
  const std::string& sop_class() const { return sop_class_; }
  const std::string& transfer_syntax() const { return transfer_syntax_; }
  const std::string& header_record() const { return header_record_; }
  const InstanceAttributes& attributes() const { return attributes_; }

 private:
  base::Status Spill();
  base::Status TakeFacts();
  base::Status ReadHeader(dicom::ByteSource& source);
  base::Status ReadKey();

  base::FileSystem* files_;
  int64_t store_;
  std::string spill_path_;
  std::string bytes_;
  std::unique_ptr<base::OutputFile> file_;
  bool spilled_ = false;
  bool keeps_file_ = false;
  bool finished_ = false;
  bool accepts_uid_of_file_meta_ = false;
  uint64_t size_ = 0;
  base::Sha256 digest_;

  dicom::Instance header_;
  InstanceKey key_;
  std::string sha256_;
  std::string sop_class_;
  std::string transfer_syntax_;
  std::string header_record_;
  InstanceAttributes attributes_;
};

}  // namespace dicomhouse::store
