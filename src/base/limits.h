// Every limit of the program, with its name and the reason for its size. A limit that is met gives an error or an
// account row that says which one; none is a silent cut.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dicomhouse::base {

// ---- reading DICOM
// Levels of nested sequences that are walked. The standard sets none; files in the field have fewer than 20.
inline constexpr int kMaxSequenceDepth = 512;
// Levels of nested RECORDs that BigQuery accepts in a table; deeper items are kept as the account says.
inline constexpr int kMaxColumnDepth = 15;
// A value of more bytes than this is left out of the table (the page, F2: "about 1 MB").
inline constexpr uint64_t kMaxValueBytes = 1 << 20;
// Bulk values (OB, OW, ... and pixel data) of more bytes than this are skipped by seeking, not read.
inline constexpr uint64_t kMaxBulkReadBytes = 4096;
// Private binary values of up to this size are kept in OtherElements, as base64; larger ones are dropped as bulk.
inline constexpr uint64_t kMaxOtherBinaryBytes = 1024;
// Header bytes of one instance, pixel data and other skipped values left out.
inline constexpr uint64_t kMaxHeaderBytes = uint64_t{1} << 30;
// Elements of one data set, at its top level or in one item: the dictionary has 5,000, files in the field have fewer. Nothing
// behind is read; what repeats one element for ever would cost memory without end.
inline constexpr size_t kMaxDataSetElements = 1 << 16;
// Bytes of padding (IsPadding in dicom/cursor.h) behind which a data set may go on; tails of files are often longer.
inline constexpr uint64_t kMaxPaddingBytes = 1 << 20;
// What is wrong in the same way in one data set, or a tag that repeats in it: up to here each has a line in the account of its
// own, then one line has the number of all others.
inline constexpr uint32_t kMaxSameLines = 100;
// Lines of the account that one top-level element and what is in it may have for one reason, as frames have; then the same.
inline constexpr uint32_t kMaxElementLines = 1 << 17;
// Bytes that a deflated data set may inflate to.
inline constexpr uint64_t kMaxInflatedBytes = uint64_t{1} << 30;
// The first read of a file: most headers fit, and reading less is not faster (docs/performance.md).
inline constexpr size_t kFirstReadBytes = 16 << 10;
// A first read that follows longer headers is longer, up to this.
inline constexpr size_t kMaxFirstReadBytes = 256 << 10;
// An excerpt of a value in the account, in bytes of UTF-8.
inline constexpr size_t kMaxExcerptBytes = 200;

// ---- tables
// Rows of one part (one Parquet file with one row group): large enough for engines, small enough for memory.
inline constexpr uint32_t kMaxPartRows = 32768;
// Bytes that a worker's batch may hold before it becomes a part.
inline constexpr size_t kMaxBatchBytes = size_t{128} << 20;
// What an export knows of its instances beyond these bytes lies in temporary files: of the keys of one map, of rows.
inline constexpr size_t kFingerprintMemoryBytes = 64 << 10;
inline constexpr size_t kRowLogMemoryBytes = 1 << 20;
// Columns of a table, nested ones counted (BigQuery's own limit).
inline constexpr int kMaxColumns = 10000;
// A column's name (BigQuery's own limit).
inline constexpr size_t kMaxColumnNameBytes = 300;

// ---- warehouse
// Attempts of a commit that another writer keeps overtaking.
inline constexpr int kMaxCommitAttempts = 20;
// Bytes of one metadata JSON, manifest or manifest list that are accepted for reading.
inline constexpr uint64_t kMaxMetadataBytes = uint64_t{512} << 20;

// ---- input
// Bytes of a filter file, and of one line in it.
inline constexpr uint64_t kMaxFilterBytes = uint64_t{1} << 30;
inline constexpr size_t kMaxFilterLineBytes = 4096;
// Archives inside archives.
inline constexpr int kMaxArchiveDepth = 4;
// Plain bytes behind the end of a compressed archive that are unpacked to find a cut or a wrong checksum. Writers fill up
// blocks of 10 kB, some of a megabyte; without a limit zeros that are nothing when compressed would cost time without end.
inline constexpr uint64_t kMaxArchiveTailBytes = uint64_t{16} << 20;

// ---- store
// Bytes of one instance that is stored. PS3.5's lengths are 32 bits, so fragments can make more: BigTIFF-like slides do.
inline constexpr uint64_t kMaxInstanceBytes = uint64_t{64} << 30;
// Instances of more bytes than this get a file of their own instead of a place in a segment.
inline constexpr uint64_t kMaxSegmentInstanceBytes = uint64_t{4} << 20;
// A segment that has reached this size is followed by a new one.
inline constexpr uint64_t kSegmentBytes = uint64_t{256} << 20;
// Bytes of instances that a start after a crash may have to read again, because the index on the disk has not seen them.
inline constexpr uint64_t kMaxUnindexedBytes = uint64_t{32} << 20;
// Zeros that are written ahead of the newest segment's records, so that a sync of a small group writes these and nothing else;
// and the largest group for which that is worth writing twice.
inline constexpr uint64_t kLogReserveBytes = uint64_t{1} << 20;
inline constexpr uint64_t kMaxReservingGroupBytes = uint64_t{128} << 10;
// Instances that an import or a STOW stores at once: one sync for all of them.
inline constexpr size_t kMaxGroupInstances = 256;
inline constexpr uint64_t kMaxGroupBytes = uint64_t{32} << 20;
// Characters of an id in a resource name, and bytes of an object's name (Cloud Storage's own limit).
inline constexpr size_t kMaxResourceIdLength = 256;
inline constexpr size_t kMaxObjectNameBytes = 1024;
// Resumable uploads that are under way, and how long one may wait for its next piece (Cloud Storage's own week).
inline constexpr size_t kMaxUploads = 1000;
inline constexpr int64_t kMaxUploadIdleSeconds = int64_t{7} * 24 * 3600;
// Objects that one is composed of (Cloud Storage's own limit).
inline constexpr size_t kMaxComposedObjects = 32;
// Entries of a page of any list, when a client asks for more.
inline constexpr int kMaxPageSize = 1000;
// Matches of one search that are answered at once.
inline constexpr uint64_t kMaxSearchLimit = 50000;

// Log entries of an operation that are written together; fewer when they come slowly.
inline constexpr size_t kMaxLogGroup = 256;
// Frames of one instance, and fragments of its pixel data: their places are kept in memory while they are sent.
inline constexpr int64_t kMaxFrames = 16 << 20;
inline constexpr size_t kMaxFragments = 16 << 20;
// What is copied at once from the store to a receiver.
inline constexpr size_t kCopyBytes = 256 << 10;

// ---- HTTP
// A request's line and header fields together, and the number of fields.
inline constexpr size_t kMaxRequestHeaderBytes = 64 << 10;
inline constexpr size_t kMaxRequestHeaderFields = 200;
// Header fields of one part of a multipart body.
inline constexpr size_t kMaxPartHeaderBytes = 16 << 10;
// Parts of one multipart body.
inline constexpr size_t kMaxParts = 100000;
// A JSON document in a request.
inline constexpr uint64_t kMaxJsonBodyBytes = uint64_t{8} << 20;
// A body of any request: a STOW of whole studies, an upload.
inline constexpr uint64_t kMaxRequestBodyBytes = uint64_t{1} << 40;
// A header must have come in this time; a connection without a request is closed after this; a body must not be slower than this.
inline constexpr int kMaxHeaderSeconds = 10;
inline constexpr int kMaxIdleSeconds = 60;
inline constexpr int kMinBodyBytesPerSecond = 1000;
// A server that stops gives requests under way so long.
inline constexpr int kShutdownSeconds = 30;
// A peer that sends or takes nothing for this long within a body is given up; the rate above is measured over as long.
inline constexpr int kMaxBodySilenceSeconds = 20;
// The line in front of a chunk, and the trailer fields behind the last one.
inline constexpr size_t kMaxChunkLineBytes = 4096;
inline constexpr size_t kMaxTrailerBytes = 16 << 10;
// A body that its handler didn't read is read up to here to keep the connection; one of more bytes costs the connection.
inline constexpr uint64_t kMaxDrainBytes = 256 << 10;
// A body of a response that the client keeps in memory.
inline constexpr uint64_t kMaxClientBodyBytes = uint64_t{1} << 30;
// Connections that are open at once.
inline constexpr int kMaxConnections = 10000;

// ---- questions
// Bytes of one SQL text.
inline constexpr size_t kMaxStatementBytes = 1 << 20;

}  // namespace dicomhouse::base
