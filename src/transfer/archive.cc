// Archives by libarchive: formats are enabled singly, so that none starts a program; compressed ones are unpacked in front of it.
#include "transfer/internal/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "transfer/internal/unpacked.h"

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr size_t kChunkBytes = 128 << 10;

struct FreeArchive {
  void operator()(struct archive* handle) const { archive_read_free(handle); }
};
using Handle = std::unique_ptr<struct archive, FreeArchive>;

// What libarchive says is wrong, on one line. It says nothing when it finds no format, and that is so as soon as the first bytes
// can't be unpacked.
std::string LibraryReason(struct archive* handle) {
  const char* said = archive_error_string(handle);
  if (said == nullptr) return "it is damaged, or ends early";
  std::string reason = said;
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  reason.erase(reason.find_last_not_of(' ') + 1);
  return reason;
}

// What libarchive reads an archive from: a file, or the entry of an archive around it.
struct Input {
  dicom::ByteSource* source = nullptr;
  uint64_t position = 0;
  uint64_t size = 0;  // of a file; 0 for an entry, in which nothing can be skipped or sought
  const std::atomic<bool>* cancelled = nullptr;
  std::vector<uint8_t> buffer;
  std::optional<Error> error;  // why reading failed, when it did
};

la_ssize_t ReadInput(struct archive* handle, void* data, const void** bytes) {
  Input& input = *static_cast<Input*>(data);
  if (input.cancelled->load(std::memory_order_relaxed)) {
    input.error = Error{ErrorCode::kCancelled, "cancelled"};
    archive_set_error(handle, ECANCELED, "cancelled");
    return ARCHIVE_FATAL;
  }
  auto got = input.source->ReadAt(input.position, input.buffer);
  if (!got.ok()) {
    input.error = got.error();
    archive_set_error(handle, EIO, "can't be read");
    return ARCHIVE_FATAL;
  }
  input.position += *got;
  *bytes = input.buffer.data();
  return static_cast<la_ssize_t>(*got);
}

// Never skips past the end: libarchive then meets the end itself, and a cut archive is found out.
la_int64_t SkipInput(struct archive* /*handle*/, void* data, la_int64_t request) {
  Input& input = *static_cast<Input*>(data);
  const uint64_t left = input.size > input.position ? input.size - input.position : 0;
  const uint64_t skipped = request > 0 ? std::min(left, static_cast<uint64_t>(request)) : 0;
  input.position += skipped;
  return static_cast<la_int64_t>(skipped);
}

la_int64_t SeekInput(struct archive* handle, void* data, la_int64_t offset, int whence) {
  Input& input = *static_cast<Input*>(data);
  const uint64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? input.position : input.size;
  const auto origin = static_cast<int64_t>(from);
  if (offset < -origin || offset > std::numeric_limits<int64_t>::max() - origin) {
    archive_set_error(handle, EINVAL, "a position outside the archive");
    return ARCHIVE_FATAL;
  }
  input.position = static_cast<uint64_t>(origin + offset);
  return origin + offset;
}

// The bytes of an archive's present entry, front to back. Holes of sparse files are read as zeros.
class EntryBytes final : public dicom::ByteSource {
 public:
  // With an error, that is what every read gives. `name` and `input` outlive the object.
  EntryBytes(struct archive* handle, const std::string& name, const Input& input, std::optional<Error> error)
      : handle_(handle), name_(&name), input_(&input), error_(std::move(error)) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    assert(offset >= position_);
    if (error_.has_value()) return *error_;
    size_t done = 0;
    while (done < out.size()) {
      const uint64_t at = offset + done;
      if (at < block_offset_) {
        const auto count = static_cast<size_t>(std::min<uint64_t>(block_offset_ - at, out.size() - done));
        std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(done), count, uint8_t{0});
        done += count;
      } else if (at - block_offset_ < block_.size()) {
        const auto rest = block_.subspan(static_cast<size_t>(at - block_offset_));
        const size_t count = std::min(rest.size(), out.size() - done);
        std::memcpy(out.data() + done, rest.data(), count);
        done += count;
      } else if (ended_) {
        break;
      } else {
        DH_CHECK(NextBlock());
      }
    }
    position_ = offset;
    return done;
  }

 private:
  Status NextBlock() {
    const void* bytes = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int code = archive_read_data_block(handle_, &bytes, &size, &offset);
    if (code != ARCHIVE_OK && code != ARCHIVE_EOF) {
      error_ = Error{ErrorCode::kCorrupt, *name_ + ": can't be unpacked: " + LibraryReason(handle_)};
      if (input_->error.has_value()) error_ = *input_->error;
      return *error_;
    }
    const uint64_t end = block_offset_ + block_.size();
    block_offset_ = std::max(end, static_cast<uint64_t>(std::max<la_int64_t>(offset, 0)));
    ended_ = code == ARCHIVE_EOF;
    block_ = ended_ ? std::span<const uint8_t>() : std::span<const uint8_t>(static_cast<const uint8_t*>(bytes), size);
    return {};
  }

  struct archive* handle_;
  const std::string* name_;
  const Input* input_;
  std::optional<Error> error_;
  uint64_t position_ = 0;
  uint64_t block_offset_ = 0;
  std::span<const uint8_t> block_;  // libarchive's, until its next call
  bool ended_ = false;
};

// An entry as its visitor sees it.
class VisitedEntry final : public ArchiveEntry {
 public:
  VisitedEntry(const std::string& name, uint64_t number, uint64_t size, int64_t modified_ns, dicom::ByteSource& bytes)
      : name_(&name), number_(number), size_(size), modified_ns_(modified_ns), bytes_(&bytes) {}
  const std::string& name() const override { return *name_; }
  uint64_t number() const override { return number_; }
  uint64_t size() const override { return size_; }
  int64_t modified_ns() const override { return modified_ns_; }
  Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override { return bytes_->ReadAt(offset, out); }

 private:
  const std::string* name_;
  uint64_t number_;
  uint64_t size_;
  int64_t modified_ns_;
  dicom::ByteSource* bytes_;
};

// In place of the bytes that can't be had.
class FailedBytes final : public dicom::ByteSource {
 public:
  explicit FailedBytes(Error error) : error_(std::move(error)) {}
  Result<size_t> ReadAt(uint64_t /*offset*/, std::span<uint8_t> /*out*/) override { return error_; }

 private:
  Error error_;
};

int64_t ModifiedNs(struct archive_entry* entry) {
  if (archive_entry_mtime_is_set(entry) == 0) return 0;
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t seconds = archive_entry_mtime(entry);
  if (seconds < 0 || seconds >= std::numeric_limits<int64_t>::max() / kSecond) return 0;
  return seconds * kSecond + std::clamp<int64_t>(archive_entry_mtime_nsec(entry), 0, kSecond - 1);
}

// While it lives, libarchive gives names as UTF-8 on this thread, whatever the user's locale is: in the C locale it
// gives none at all for a name that isn't ASCII.
class Utf8Names {
 public:
  Utf8Names() : before_(::uselocale(Utf8())) {}
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;
  ~Utf8Names() { ::uselocale(before_); }

 private:
  // Never freed. Null, which changes nothing, on a system without the locale.
  static locale_t Utf8() {
    static const locale_t kLocale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return kLocale;
  }

  locale_t before_;
};

// UTF-8 where the archive says which characters are meant, else the bytes as they are.
std::string NameInside(struct archive_entry* entry) {
  if (const char* name = archive_entry_pathname_utf8(entry); name != nullptr) return name;
  if (const char* name = archive_entry_pathname(entry); name != nullptr) return name;
  return "(without a name)";
}

bool IsFile(struct archive_entry* entry) {
  return archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
}

enum class Step { kEntry, kEnd, kBroken };

// One archive being read: the file, or an archive inside it.
class Level {
 public:
  // `source` outlives the level; `size` as in Input.
  Level(std::string name, dicom::ByteSource& source, uint64_t size, const std::atomic<bool>& cancelled) : name_(std::move(name)) {
    input_.source = &source;
    input_.size = size;
    input_.cancelled = &cancelled;
    input_.buffer.resize(kChunkBytes);
  }

  Status Open() {
    handle_.reset(archive_read_new());
    struct archive* handle = handle_.get();
    if (handle == nullptr) return Error{ErrorCode::kIo, name_ + ": no memory for reading the archive"};
    archive_read_support_format_zip(handle);
    archive_read_support_format_tar(handle);
    DH_CHECK(Unpack());
    archive_read_set_callback_data(handle, &input_);
    archive_read_set_read_callback(handle, ReadInput);
    if (input_.size > 0) {
      archive_read_set_skip_callback(handle, SkipInput);
      archive_read_set_seek_callback(handle, SeekInput);
    }
    if (archive_read_open1(handle) != ARCHIVE_OK) return Failure();
    return {};
  }

  // Goes to the next file. At the end, what is left of a compressed archive is unpacked too: a cut or a wrong checksum may be
  // there.
  Step Next() {
    const Step step = NextFile();
    return step == Step::kEnd && unpacked_ != nullptr && !Drain() ? Step::kBroken : step;
  }

  // Why Open or Next failed.
  Error Failure() const {
    if (input_.error.has_value()) return *input_.error;
    const std::string place = inside_.empty() ? "" : "after the entry \"" + inside_ + "\": ";
    return {ErrorCode::kCorrupt, name_ + ": can't be read as an archive: " + place + LibraryReason(handle_.get())};
  }

  const std::string& name() const { return name_; }
  const std::string& entry_name() const { return entry_name_; }
  bool HoldsArchive() const { return !encrypted_ && HasArchiveName(inside_); }
  // Of the present entry. Requires: Next gave kEntry.
  dicom::ByteSource& bytes() { return *bytes_; }

  void Visit(const std::function<void(ArchiveEntry&)>& visit, uint64_t number) {
    const bool sized = archive_entry_size_is_set(entry_) != 0 && archive_entry_size(entry_) > 0;
    VisitedEntry visited(entry_name_, number, sized ? static_cast<uint64_t>(archive_entry_size(entry_)) : 0, ModifiedNs(entry_),
                         *bytes_);
    visit(visited);
  }

 private:
  Step NextFile() {
    const Utf8Names names;
    while (!input_.cancelled->load(std::memory_order_relaxed)) {
      const int code = archive_read_next_header(handle_.get(), &entry_);
      if (code == ARCHIVE_EOF) return Step::kEnd;
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return Step::kBroken;
      if (!IsFile(entry_)) continue;
      inside_ = NameInside(entry_);
      entry_name_ = name_ + "!" + inside_;
      std::optional<Error> error;
      if (archive_entry_is_encrypted(entry_) != 0) {
        error = Error{ErrorCode::kUnsupported, entry_name_ + ": the entry is encrypted; unpack it with its password first"};
      }
      encrypted_ = error.has_value();
      bytes_.emplace(handle_.get(), entry_name_, input_, std::move(error));
      return Step::kEntry;
    }
    return Step::kEnd;
  }

  // Reads through the compressed bytes if it is that.
  Status Unpack() {
    std::array<uint8_t, kPackingBytes> start{};
    DH_ASSIGN(const size_t got, input_.source->ReadAt(0, start));
    const Packing packing = PackingOf({reinterpret_cast<const char*>(start.data()), got});
    if (packing == Packing::kNone) return {};
    unpacked_ = MakeUnpacked(name_, *input_.source, packing);
    input_.source = unpacked_.get();
    input_.size = 0;
    return {};
  }

  // False: there is a fault.
  bool Drain() {
    const uint64_t most = input_.position + base::kMaxArchiveTailBytes;
    while (input_.position < most && !input_.cancelled->load(std::memory_order_relaxed)) {
      const auto got = input_.source->ReadAt(input_.position, input_.buffer);
      if (!got.ok()) input_.error = got.error();
      if (!got.ok() || *got == 0) return got.ok();
      input_.position += *got;
    }
    return true;
  }

  std::string name_;
  Input input_;
  std::unique_ptr<dicom::ByteSource> unpacked_;  // what input_ reads, when it is compressed
  Handle handle_;                                // after input_, which it uses to the end
  struct archive_entry* entry_ = nullptr;
  std::string inside_;      // the present entry's name in this archive
  std::string entry_name_;  // and with the archive's before it
  bool encrypted_ = false;
  std::optional<EntryBytes> bytes_;
};

class LayeredArchive final : public ArchiveFile {
 public:
  LayeredArchive(std::string path, std::shared_ptr<const std::atomic<bool>> cancelled)
      : path_(std::move(path)), cancelled_(std::move(cancelled)) {}
  LayeredArchive(std::string name, std::unique_ptr<dicom::ByteSource> bytes, uint64_t size,
                 std::shared_ptr<const std::atomic<bool>> cancelled)
      : path_(std::move(name)), cancelled_(std::move(cancelled)), source_(std::move(bytes)), source_size_(size) {}

  const std::string& name() const override { return path_; }

  Result<bool> Next(const std::function<void(ArchiveEntry&)>& visit) override {
    const std::lock_guard lock(mutex_);
    if (finished_.load(std::memory_order_relaxed)) return false;
    Result<bool> visited = VisitNext(visit);
    if (visited.ok() && *visited) return visited;
    finished_.store(true, std::memory_order_release);
    Close();
    if (cancelled_->load(std::memory_order_relaxed)) return false;
    return visited;
  }

  ~LayeredArchive() override { Close(); }

 private:
  void Close() {
    while (!levels_.empty()) levels_.pop_back();  // the innermost first
    source_.reset();
    file_ = base::InputFile();
  }

  Result<bool> VisitNext(const std::function<void(ArchiveEntry&)>& visit) {
    if (levels_.empty()) DH_CHECK(Open());
    for (;;) {
      Level& level = *levels_.back();
      const Step step = level.Next();
      if (step == Step::kEntry && level.HoldsArchive()) {
        if (const Status opened = OpenInner(level); !opened.ok()) return VisitFailed(level.entry_name(), opened.error(), visit);
      } else if (step == Step::kEntry) {
        level.Visit(visit, entries_++);
        return true;
      } else if (levels_.size() == 1) {
        if (step == Step::kBroken) return level.Failure();
        return false;
      } else {
        const std::string name = level.name();
        std::optional<Error> error;
        if (step == Step::kBroken) error = level.Failure();
        levels_.pop_back();
        if (error.has_value()) return VisitFailed(name, *error, visit);
      }
    }
  }

  Status Open() {
    if (source_ == nullptr) {
      DH_ASSIGN(file_, base::InputFile::Open(path_));
      DH_ASSIGN(source_size_, file_.Size());
      source_ = std::make_unique<dicom::FileSource>(file_);
    }
    levels_.push_back(std::make_unique<Level>(path_, *source_, source_size_, *cancelled_));
    return levels_.back()->Open();
  }

  // Enters the archive that is the present entry of `outer`.
  Status OpenInner(Level& outer) {
    if (levels_.size() > static_cast<size_t>(base::kMaxArchiveDepth)) {
      return Error{ErrorCode::kLimit, outer.entry_name() + ": more than " + std::to_string(base::kMaxArchiveDepth) +
                                          " archives inside each other (kMaxArchiveDepth)"};
    }
    auto inner = std::make_unique<Level>(outer.entry_name(), outer.bytes(), 0, *cancelled_);
    DH_CHECK(inner->Open());
    levels_.push_back(std::move(inner));
    return {};
  }

  Result<bool> VisitFailed(const std::string& name, const Error& error, const std::function<void(ArchiveEntry&)>& visit) {
    FailedBytes bytes(error);
    VisitedEntry failed(name, entries_++, 0, 0, bytes);
    visit(failed);
    return true;
  }

  const std::string path_;
  const std::shared_ptr<const std::atomic<bool>> cancelled_;
  std::mutex mutex_;
  uint64_t entries_ = 0;  // visited
  base::InputFile file_;
  std::unique_ptr<dicom::ByteSource> source_;
  uint64_t source_size_ = 0;
  std::vector<std::unique_ptr<Level>> levels_;  // each reads from the present entry of the one before
};

}  // namespace

std::shared_ptr<ArchiveFile> MakeArchiveFile(std::string path, std::shared_ptr<const std::atomic<bool>> cancelled) {
  return std::make_shared<LayeredArchive>(std::move(path), std::move(cancelled));
}

std::shared_ptr<ArchiveFile> MakeArchiveOf(std::string name, std::unique_ptr<dicom::ByteSource> bytes, uint64_t size,
                                           std::shared_ptr<const std::atomic<bool>> cancelled) {
  return std::make_shared<LayeredArchive>(std::move(name), std::move(bytes), size, std::move(cancelled));
}

bool IsArchiveStart(std::string_view start) {
  using namespace std::string_view_literals;
  const std::string_view bytes = start.substr(0, kArchiveMagicBytes);
  if (bytes.size() >= 132 && bytes.substr(128, 4) == "DICM"sv) return false;  // whatever its preamble holds
  return bytes.starts_with("PK\x03\x04"sv) || bytes.starts_with("PK\x05\x06"sv) || bytes.starts_with("\x1f\x8b"sv) ||
         bytes.starts_with("\x28\xb5\x2f\xfd"sv) || (bytes.size() == kArchiveMagicBytes && bytes.ends_with("ustar"sv));
}

bool HasArchiveMagic(const std::string& path) {
  auto file = base::InputFile::Open(path);
  if (!file.ok()) return false;
  std::array<uint8_t, kArchiveMagicBytes> start{};
  const auto got = file->ReadAt(0, start);
  return got.ok() && IsArchiveStart({reinterpret_cast<const char*>(start.data()), *got});
}

bool HasArchiveName(const std::string& path) {
  static constexpr std::array<std::string_view, 6> kEndings = {".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"};
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) {
    if (path.size() <= ending.size()) return false;
    const std::string_view tail = std::string_view(path).substr(path.size() - ending.size());
    return std::equal(tail.begin(), tail.end(), ending.begin(), [&](char a, char b) { return lower(a) == b; });
  });
}

}  // namespace dicomhouse::transfer
