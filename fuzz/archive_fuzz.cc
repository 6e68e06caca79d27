// Compressed bytes and archives of any bytes. What is unpacked does not depend on where chunks and reads end; what was packed
// comes back, and when its end is cut off, what comes back is its beginning and a fault; an archive gives the same entries
// however they are read, and packed the same as plain.
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "dicom/byte_source.h"
#include "transfer/internal/archive.h"
#include "transfer/internal/unpacked.h"

namespace {

using namespace dicomhouse;
using namespace dicomhouse::transfer;

// A small input can be a large output; what lies behind this is left alone.
constexpr size_t kMaxPlainBytes = 1 << 20;
constexpr size_t kMaxEntries = 200;
constexpr size_t kSmallRead = 101;
constexpr size_t kMaxEntryBytes = 640 * kSmallRead;
constexpr size_t kFirstRead = 132;  // a whole one: from here on reads may be shorter than asked for

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Gives at most `step` bytes behind the first ones, so that chunks end anywhere.
class Steps final : public dicom::ByteSource {
 public:
  Steps(std::string_view bytes, size_t step)
      : bytes_(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size())), step_(step) {}
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    return bytes_.ReadAt(offset, offset == 0 ? out.first(std::min(out.size(), std::max(step_, kFirstRead)))
                                             : out.first(std::min(out.size(), step_)));
  }

 private:
  dicom::MemorySource bytes_;
  size_t step_;
};

struct Plain {
  std::string bytes;
  std::string fault;  // none: empty
  bool operator==(const Plain& o) const = default;
};

Plain Read(dicom::ByteSource& source, size_t window, size_t most) {
  Plain plain;
  std::vector<uint8_t> out(window);
  while (plain.bytes.size() < most) {
    const auto got = source.ReadAt(plain.bytes.size(), out);
    if (!got.ok()) plain.fault = got.error().message;
    if (!got.ok() || *got == 0) break;
    plain.bytes.append(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*got));
  }
  if (plain.bytes.size() < most) return plain;
  plain.bytes.resize(most);  // whether a fault was met depends on how much was asked for
  plain.fault.clear();
  return plain;
}

Plain Unpack(std::string_view packed, Packing packing, size_t step, size_t window) {
  Steps source(packed, step);
  return Read(*MakeUnpacked("a", source, packing), window, kMaxPlainBytes);
}

std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  Require(::deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib starts");
  std::string out(::deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  Require(::deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib packs");
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string Zstd(std::string_view bytes) {
  std::string out(::ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ::ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1);
  Require(::ZSTD_isError(size) == 0, "zstd packs");
  out.resize(size);
  return out;
}

// Two members or frames, one behind the other; `at` is where the second one begins.
std::string Pack(std::string_view bytes, size_t split, Packing packing, size_t& at) {
  const auto pack = packing == Packing::kGzip ? Gzip : Zstd;
  const std::string first = pack(bytes.substr(0, split));
  at = first.size();
  return first + pack(bytes.substr(split));
}

// zstd gives out the bytes of a block that isn't compressed as they come, before it finds that the block is too long.
bool SameButInTheFaultyBlock(const Plain& a, const Plain& b) {
  if (a.fault.empty() && b.fault.empty()) return a == b;
  return a.bytes.starts_with(b.bytes) || b.bytes.starts_with(a.bytes);
}

void CheckAnyBytes(std::string_view bytes) {
  const Packing packing = PackingOf(bytes);
  if (packing == Packing::kNone) return;
  const Plain whole = Unpack(bytes, packing, bytes.size(), kMaxEntryBytes);
  for (const size_t step : {size_t{1}, size_t{61}}) {
    const Plain stepped = Unpack(bytes, packing, step, 4099);
    Require(packing == Packing::kGzip ? whole == stepped : SameButInTheFaultyBlock(whole, stepped),
            "what is unpacked does not depend on chunks");
  }
}

void CheckPacked(std::string_view bytes, Packing packing, uint8_t choice) {
  size_t second = 0;
  const std::string packed = Pack(bytes, bytes.size() * (choice & 7) / 8, packing, second);
  const Plain all = Unpack(packed, packing, 1 + choice, 999);
  Require(all.bytes == bytes && all.fault.empty(), "what was packed comes back");

  const size_t cut = packed.size() * choice / 256;
  const Plain some = Unpack(std::string_view(packed).substr(0, cut), packing, 1 + choice, 999);
  Require(bytes.starts_with(some.bytes), "what is in front of a cut comes back");
  Require(some.fault.empty() == (cut == second), "a cut is found out, but between two members");
}

// A read that meets a fault may give none of its bytes: with small reads more is had.
bool SameOrInFrontOfTheFault(const Plain& large_reads, const Plain& small_reads) {
  if (large_reads.fault != small_reads.fault) return false;
  return large_reads.fault.empty() ? large_reads.bytes == small_reads.bytes : small_reads.bytes.starts_with(large_reads.bytes);
}

struct Entry {
  std::string name;
  uint64_t number = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;
  Plain plain;
};

struct Listing {
  std::vector<Entry> entries;
  bool sound = false;
};

bool Same(const Listing& large_reads, const Listing& small_reads) {
  return large_reads.sound == small_reads.sound &&
         std::equal(large_reads.entries.begin(), large_reads.entries.end(), small_reads.entries.begin(),
                    small_reads.entries.end(), [](const Entry& a, const Entry& b) {
                      return std::tie(a.name, a.number, a.size, a.modified_ns) ==
                                 std::tie(b.name, b.number, b.size, b.modified_ns) &&
                             SameOrInFrontOfTheFault(a.plain, b.plain);
                    });
}

Listing List(std::string_view bytes, size_t step, size_t window) {
  const auto archive =
      MakeArchiveOf("a", std::make_unique<Steps>(bytes, step), bytes.size(), std::make_shared<std::atomic<bool>>());
  Listing listing;
  const auto visit = [&](ArchiveEntry& entry) {
    listing.entries.push_back(
        {entry.name(), entry.number(), entry.size(), entry.modified_ns(), Read(entry, window, kMaxEntryBytes)});
  };
  while (listing.entries.size() < kMaxEntries) {
    const size_t before = listing.entries.size();
    const auto more = archive->Next(visit);
    listing.sound = more.ok();
    if (!more.ok() || !*more) break;
    Require(listing.entries.size() == before + 1 && listing.entries.back().number == before, "entries are counted");
  }
  const auto again = archive->finished() ? archive->Next(visit) : base::Result<bool>(false);
  Require(again.ok() && !*again, "an archive ends once");
  return listing;
}

void CheckArchive(std::string_view bytes) {
  if (!IsArchiveStart(bytes)) return;
  const Listing whole = List(bytes, bytes.size(), kMaxEntryBytes);
  Require(Same(whole, List(bytes, 512, kSmallRead)), "entries do not depend on how they are read");
  // The end of a ZIP archive at its end makes one of anything, unless its end is packed.
  const bool maybe_zip = bytes.find("PK") != std::string_view::npos;
  if (whole.sound && !maybe_zip && PackingOf(bytes) == Packing::kNone)
    Require(Same(whole, List(Gzip(bytes), bytes.size(), kSmallRead)), "packed entries are those of the plain archive");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckAnyBytes(bytes);
  CheckPacked(bytes, (data[size - 1] & 1) != 0 ? Packing::kGzip : Packing::kZstd, data[size / 2]);
  CheckArchive(bytes);
  return 0;
}
