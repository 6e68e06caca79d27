#include "store/internal/incoming.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "dicom/tags.h"
#include "store/internal/header_bytes.h"

namespace dicomhouse::store {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
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
    : files_(&files), store_(store), spill_path_(std::move(spill_path)) {}

IncomingInstance::~IncomingInstance() {
  if (file_ != nullptr) (void)file_->Close();
  if (spilled_ && !keeps_file_) (void)files_->Remove(spill_path_);
}

base::Status IncomingInstance::Append(std::span<const uint8_t> bytes) {
  if (bytes.size() > base::kMaxInstanceBytes - size_) {
    return base::Error{base::ErrorCode::kLimit,
                       "an instance of more than " + std::to_string(base::kMaxInstanceBytes) + " bytes is not stored"};
  }
  digest_.Update(bytes);
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
  return TakeFacts();
}

base::Status IncomingInstance::Take(const std::string& path) {
  spill_path_ = path;
  spilled_ = keeps_file_ = true;
  DH_ASSIGN(const base::InputFile file, base::InputFile::Open(path));
  dicom::FileSource source(file);
  std::vector<uint8_t> piece(kPieceBytes);
  for (size_t got = piece.size(); got == piece.size(); size_ += got) {
    DH_ASSIGN(got, source.ReadAt(size_, piece));
    digest_.Update(std::span(piece).first(got));
  }
  DH_CHECK(ReadHeader(source));
  return TakeFacts();
}

base::Status IncomingInstance::TakeFacts() {
  const base::Sha256Digest digest = digest_.Digest();
  sha256_.assign(digest.begin(), digest.end());
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
  std::string_view instance = header_.Text(dicom::kSopInstanceUidTag);
  if (instance.empty() && accepts_uid_of_file_meta_) instance = header_.Text(dicom::kMediaStorageSopInstanceUidTag);
  DH_CHECK(TakeUid(header_.Text(dicom::kStudyInstanceUidTag), "Study Instance UID (0020,000D)", key_.study));
  DH_CHECK(TakeUid(header_.Text(dicom::kSeriesInstanceUidTag), "Series Instance UID (0020,000E)", key_.series));
  DH_CHECK(TakeUid(instance, "SOP Instance UID (0008,0018)", key_.instance));
  sop_class_ = header_.Text(dicom::kSopClassUidTag);
  if (sop_class_.empty()) sop_class_ = header_.Text(dicom::kMediaStorageSopClassUidTag);
  if (!IsUid(sop_class_)) sop_class_.clear();
  transfer_syntax_ = header_.Text(dicom::kTransferSyntaxUidTag);
  if (!IsUid(transfer_syntax_)) {
    transfer_syntax_ = header_.encoding.big_endian    ? kExplicitBigEndian
                       : header_.encoding.explicit_vr ? kExplicitLittleEndian
                                                      : kImplicitLittleEndian;
  }
  return {};
}

}  // namespace dicomhouse::store
