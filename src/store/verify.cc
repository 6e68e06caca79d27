#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/limits.h"
#include "base/sha256.h"
#include "store/internal/stored_instances.h"

namespace dicomhouse::store {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

base::Result<std::string> Sha256Of(dicom::ByteSource& source) {
  base::Sha256 sha256;
  std::vector<uint8_t> piece(kPieceBytes);
  for (uint64_t at = 0;;) {
    DH_ASSIGN(const size_t got, source.ReadAt(at, piece));
    sha256.Update(std::span(piece).first(got));
    at += got;
    if (got < piece.size()) break;
  }
  const base::Sha256Digest digest = sha256.Digest();
  return std::string(digest.begin(), digest.end());
}

// The bytes that the header says it took from the instance are the instance's.
base::Status CompareHeader(std::string_view payload, Blob& blob) {
  DH_ASSIGN(const HeaderBytes header, DecodeHeader(payload));
  if (header.instance_bytes != blob.size()) {
    return base::Error{base::ErrorCode::kCorrupt, "its header bytes are of an instance of another size"};
  }
  std::string bytes;
  for (const Extent& extent : header.extents) {
    bytes.resize(extent.length);
    DH_ASSIGN(const size_t got, blob.ReadAt(extent.offset, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}));
    if (got != extent.length || header.bytes.substr(extent.at, extent.length) != bytes) {
      return base::Error{base::ErrorCode::kCorrupt, "its header bytes are not the instance's"};
    }
  }
  return {};
}

// Numbers that are kept beside the rows that they count. Each statement gives a text for each number that is wrong.
constexpr std::array<const char*, 5> kCountChecks = {
    "SELECT 'series ' || s.uid || ': ' || s.instances || ' instances are counted, ' || count(i.id) || ' are there' FROM series s "
    "LEFT JOIN instances i ON i.series = s.id GROUP BY s.id HAVING count(i.id) <> s.instances OR count(i.id) = 0",
    "SELECT 'study ' || t.uid || ' has no series' FROM studies t WHERE NOT EXISTS (SELECT 1 FROM series s WHERE s.study = t.id)",
    "SELECT 'store ' || x.store || ': its instances or bytes are counted wrongly' FROM stores x WHERE (x.instances, "
    "x.blob_bytes, "
    "x.header_bytes) <> (SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(header_bytes), 0) FROM instances i "
    "WHERE i.store = x.store)",
    "SELECT 'store ' || x.store || ': its studies or series are counted wrongly' FROM stores x WHERE x.studies <> (SELECT "
    "count(*) FROM studies t WHERE t.store = x.store) OR x.series <> (SELECT count(*) FROM series s WHERE s.store = x.store)",
    "SELECT 'instance ' || i.uid || ' has no series or study' FROM instances i LEFT JOIN series s ON s.id = i.series LEFT JOIN "
    "studies t ON t.id = i.study WHERE s.id IS NULL OR t.id IS NULL OR s.study <> i.study"};

}  // namespace

base::Status StoredInstances::VerifySegments(Connection& reader, const Report& report) {
  DH_ASSIGN(Query query, reader.Prepare("SELECT kind, number, end FROM segments ORDER BY kind, number"));
  for (;;) {
    DH_ASSIGN(const bool found, query->Step());
    if (!found) return {};
    const auto kind = static_cast<RecordKind>(query->Int(0));
    SegmentFiles& segments = kind == RecordKind::kInstance ? instances_ : headers_;
    const int64_t number = query->Int(1);
    const auto file = segments.Open(number);
    if (!file.ok()) {
      report(file.error().message);
      continue;
    }
    dicom::FileSource source(**file);
    const base::Status scanned = ScanSegment(
        source, 0, static_cast<uint64_t>(query->Int(2)),
        [kind](const RecordHeader& header, uint64_t) { return header.kind == kind || header.kind == RecordKind::kCommit; });
    if (!scanned.ok()) report(segments.PathOf(number) + ": " + scanned.error().message);
  }
}

base::Status StoredInstances::VerifyInstance(const InstanceRow& row, const PinPointer& pin) {
  DH_ASSIGN(const auto blob, OpenBlobAt(row.blob, pin));
  DH_ASSIGN(const std::string sha256, Sha256Of(*blob));
  if (sha256 != row.info.sha256) return base::Error{base::ErrorCode::kCorrupt, "its bytes don't match their SHA-256"};
  const size_t uid_bytes = row.info.key.instance.size();
  if (row.blob.segment != 0) {
    DH_ASSIGN(const std::string record, instances_.ReadRecord(row.blob, uid_bytes));
  }
  DH_ASSIGN(const std::string header, headers_.ReadRecord(row.header, uid_bytes));
  return CompareHeader(header, *blob);
}

base::Result<int64_t> StoredInstances::Verify(const Report& report) {
  const PinPointer pin = pins_.Take();
  DH_ASSIGN(auto reader, readers_.Take());
  DH_ASSIGN(const DatabaseTransaction transaction, DatabaseTransaction::Begin(reader->database(), Database::Mode::kRead));
  DH_CHECK(CheckDatabase(reader->database(), "index.sqlite", report));
  for (const char* sql : kCountChecks) {
    DH_ASSIGN(Query query, reader->Prepare(sql));
    for (;;) {
      DH_ASSIGN(const bool found, query->Step());
      if (!found) break;
      report("index.sqlite: " + std::string(query->Text(0)));
    }
  }
  DH_CHECK(VerifySegments(*reader, report));
  static const std::string kSql = std::string(kSelectRow) + "ORDER BY i.id";
  DH_ASSIGN(Query rows, reader->Prepare(kSql));
  for (int64_t count = 0;; ++count) {
    DH_ASSIGN(const bool found, rows->Step());
    if (!found) return count;
    const InstanceRow row = ReadRow(*rows);
    const base::Status status = VerifyInstance(row, pin);
    if (!status.ok()) report("instance " + row.info.key.instance + ": " + status.error().message);
  }
}

}  // namespace dicomhouse::store
