#include "store/internal/incoming.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "store/internal/header_bytes.h"

namespace dicomhouse::store {
namespace {

constexpr uint32_t kTransferSyntaxTag = 0x00020010;
constexpr uint32_t kMediaStorageClassTag = 0x00020002;
constexpr uint32_t kMediaStorageInstanceTag = 0x00020003;
constexpr uint32_t kSopClassTag = 0x00080016;
constexpr uint32_t kSopInstanceTag = 0x00080018;
constexpr uint32_t kStudyTag = 0x0020000D;
constexpr uint32_t kSeriesTag = 0x0020000E;
constexpr size_t kMaxUidBytes = 64;  // PS3.5 §9.1
constexpr std::string_view kImplicitLittleEndian = "1.2.840.10008.1.2";
constexpr std::string_view kExplicitLittleEndian = "1.2.840.10008.1.2.1";
constexpr std::string_view kExplicitBigEndian = "1.2.840.10008.1.2.2";

bool IsUid(std::string_view text) {
  return !text.empty() && text.size() <= kMaxUidBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

base::Status TakeUid(std::string_view text, const char* name, std::string& out) {
  if (text.empty()) return base::Error{base::ErrorCode::kCorrupt, std::string("the instance has no ") + name};
  if (!IsUid(text)) return base::Error{base::ErrorCode::kCorrupt, std::string(name) + " is not a UID"};
  out = text;
  return {};
}

}  // namespace

base::Result<std::string> ReadHeaderBytes(dicom::ByteSource& source, uint64_t size, dicom::Instance& header) {
  ThriftySource thrifty(source);
  dicom::InstanceReader reader;
  switch (reader.Read(thrifty, header)) {
    case dicom::ReadOutcome::kNotDicom:
      return base::Error{base::ErrorCode::kUnsupported, "not a DICOM instance"};
    case dicom::ReadOutcome::kDirectory:
      return base::Error{base::ErrorCode::kUnsupported, "a DICOMDIR, not an instance"};
    case dicom::ReadOutcome::kFailed: {
      if (header.window.error()) return *header.window.error();
      const std::string why = header.problems.empty() ? "no data element could be read"
                                                      : std::string(dicom::ProblemText(header.problems.back().code));
      return base::Error{base::ErrorCode::kCorrupt, "the instance can't be read: " + why};
    }
    case dicom::ReadOutcome::kInstance:
      break;
  }
  return EncodeHeader(header, source, size);
}

IncomingInstance::IncomingInstance(base::FileSystem& files, int64_t store, std::string spill_path)
    : files_(&files), store_(store), spill_path_(std::move(spill_path)), digest_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
}

IncomingInstance::~IncomingInstance() {
  if (file_ != nullptr) (void)file_->Close();
  if (spilled_) (void)files_->Remove(spill_path_);
}

base::Status IncomingInstance::Append(std::span<const uint8_t> bytes) {
  if (bytes.size() > base::kMaxInstanceBytes - size_) {
    return base::Error{base::ErrorCode::kLimit,
                       "an instance of more than " + std::to_string(base::kMaxInstanceBytes) + " bytes is not stored"};
  }
  EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  size_ += bytes.size();
  if (!spilled_ && size_ <= base::kMaxSegmentInstanceBytes) {
    bytes_.append(text);
    return {};
  }
  if (!spilled_) DH_CHECK(Spill());
  return file_->Append(text);
}

base::Status IncomingInstance::Spill() {
  DH_ASSIGN(file_, files_->Create(spill_path_));
  spilled_ = true;
  DH_CHECK(file_->Append(bytes_));
  bytes_ = {};
  return {};
}

base::Status IncomingInstance::Finish() {
  sha256_.resize(32);
  EVP_DigestFinal_ex(digest_.get(), reinterpret_cast<uint8_t*>(sha256_.data()), nullptr);
  if (spilled_) {
    DH_CHECK(file_->Sync());
    DH_CHECK(std::exchange(file_, nullptr)->Close());
    DH_ASSIGN(const base::InputFile file, base::InputFile::Open(spill_path_));
    dicom::FileSource source(file);
    DH_CHECK(ReadHeader(source));
  } else {
    dicom::MemorySource source({reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size()});
    DH_CHECK(ReadHeader(source));
  }
  DH_CHECK(ReadKey());
  AttributeReader reader;
  attributes_ = reader.Read(header_);
  finished_ = true;
  return {};
}

base::Status IncomingInstance::ReadHeader(dicom::ByteSource& source) {
  DH_ASSIGN(header_record_, ReadHeaderBytes(source, size_, header_));
  return {};
}

base::Status IncomingInstance::ReadKey() {
  std::string_view instance = header_.Text(kSopInstanceTag);
  if (instance.empty()) instance = header_.Text(kMediaStorageInstanceTag);
  DH_CHECK(TakeUid(header_.Text(kStudyTag), "Study Instance UID (0020,000D)", key_.study));
  DH_CHECK(TakeUid(header_.Text(kSeriesTag), "Series Instance UID (0020,000E)", key_.series));
  DH_CHECK(TakeUid(instance, "SOP Instance UID (0008,0018)", key_.instance));
  sop_class_ = header_.Text(kSopClassTag);
  if (sop_class_.empty()) sop_class_ = header_.Text(kMediaStorageClassTag);
  if (!IsUid(sop_class_)) sop_class_.clear();
  transfer_syntax_ = header_.Text(kTransferSyntaxTag);
  if (!IsUid(transfer_syntax_)) {
    transfer_syntax_ = header_.encoding.big_endian    ? kExplicitBigEndian
                       : header_.encoding.explicit_vr ? kExplicitLittleEndian
                                                      : kImplicitLittleEndian;
  }
  return {};
}

}  // namespace dicomhouse::store
