// Contents are files named by numbers of ours, rows say which number a name has.
//
//   objects/new/N     written now, or left behind by a crash
//   objects/SS/N      published: a second name of the same file, made before its row
//
// An open store is brought in order by looking at objects/new and at the table `garbage` only, so that opening costs nothing
// however many objects there are.
#include "store/objects.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <mutex>
#include <set>
#include <utility>

#include "base/limits.h"
#include "store/internal/crc32c.h"
#include "store/internal/sqlite.h"

namespace dicomhouse::store {
namespace {

using base::Error;
using base::ErrorCode;

constexpr int64_t kFormat = 1;
constexpr int64_t kShards = 256;
// Connections of readers that are kept open.
constexpr size_t kMaxIdleReaders = 16;
constexpr size_t kPieceBytes = 1 << 20;

constexpr const char* kTables =
    "CREATE TABLE buckets (name TEXT PRIMARY KEY, project TEXT NOT NULL, created_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE objects (bucket TEXT NOT NULL, name TEXT NOT NULL, file INTEGER NOT NULL, generation INTEGER NOT NULL,"
    " metageneration INTEGER NOT NULL, size INTEGER NOT NULL, type TEXT NOT NULL, md5 BLOB NOT NULL, crc32c INTEGER NOT NULL,"
    " created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, metadata TEXT NOT NULL, PRIMARY KEY (bucket, name)) WITHOUT "
    "ROWID;"
    "CREATE UNIQUE INDEX objects_file ON objects (file);"
    "CREATE TABLE garbage (file INTEGER PRIMARY KEY);"       // published files whose rows have gone
    "CREATE TABLE last (file INTEGER, generation INTEGER);"  // the last numbers given, so that none is given twice
    "INSERT INTO last VALUES (0, 0);"
    "PRAGMA user_version = 1";

// What Row() reads.
constexpr const char* kSelectObject =
    "SELECT bucket, name, file, generation, metageneration, size, type, md5, crc32c, created_us, updated_us, metadata"
    " FROM objects WHERE bucket = ?1 AND name = ?2";
constexpr const char* kSelectAllObjects =
    "SELECT bucket, name, file, generation, metageneration, size, type, md5, crc32c, created_us, updated_us, metadata"
    " FROM objects ORDER BY file";
constexpr const char* kSelectObjects =
    "SELECT bucket, name, file, generation, metageneration, size, type, md5, crc32c, created_us, updated_us, metadata"
    " FROM objects WHERE bucket = ?1 AND name >= ?2 ORDER BY name";

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Error NoBucket(const std::string& name) { return {ErrorCode::kNotFound, "gs://" + name + ": there is no such bucket"}; }
Error NoObject(const std::string& bucket, const std::string& name) {
  return {ErrorCode::kNotFound, "gs://" + bucket + "/" + name + ": there is no such object"};
}

struct Row {
  Object object;
  int64_t file = 0;
};

base::Result<Row> RowOf(const Statement& statement) {
  Row row;
  Object& object = row.object;
  object.bucket = statement.Text(0);
  object.name = statement.Text(1);
  row.file = statement.Int(2);
  object.generation = statement.Int(3);
  object.metageneration = statement.Int(4);
  object.size = static_cast<uint64_t>(statement.Int(5));
  object.content_type = statement.Text(6);
  const std::span<const uint8_t> md5 = statement.Blob(7);
  object.md5.assign(md5.begin(), md5.end());
  object.crc32c = static_cast<uint32_t>(statement.Int(8));
  object.created_us = statement.Int(9);
  object.updated_us = statement.Int(10);
  if (const std::string_view metadata = statement.Text(11); !metadata.empty()) {
    DH_ASSIGN(object.metadata, base::Json::Parse(metadata));
  }
  return row;
}

std::string MetadataText(const base::Json& metadata) { return metadata.is_null() ? "" : metadata.Print(); }

// The row of a name, if it has one.
base::Result<std::optional<Row>> FindRow(Database& database, const std::string& bucket, const std::string& name) {
  DH_ASSIGN(Statement select, database.Prepare(kSelectObject));
  select.Bind(1, bucket).Bind(2, name);
  DH_ASSIGN(const bool found, select.Step());
  if (!found) return std::optional<Row>();
  DH_ASSIGN(Row row, RowOf(select));
  return std::optional<Row>(std::move(row));
}

base::Result<Bucket> FindBucket(Database& database, const std::string& name) {
  DH_ASSIGN(Statement select, database.Prepare("SELECT name, project, created_us FROM buckets WHERE name = ?1"));
  select.Bind(1, name);
  DH_ASSIGN(const bool found, select.Step());
  if (!found) return NoBucket(name);
  return Bucket{std::string(select.Text(0)), std::string(select.Text(1)), select.Int(2)};
}

base::Status CheckGeneration(const std::optional<Row>& row, std::optional<int64_t> wanted, const std::string& what) {
  const int64_t generation = row ? row->object.generation : 0;
  if (!wanted || *wanted == generation) return {};
  return Error{ErrorCode::kFailedPrecondition,
               what + ": its generation is " + std::to_string(generation) + ", not " + std::to_string(*wanted)};
}

// The first text behind all that begin with `prefix`, which is UTF-8 and not empty: no byte of it is 0xFF.
std::string Behind(std::string prefix) {
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

// Page tokens are the first name of the next page, in hexadecimal digits: it need not be text.
std::string TokenOf(std::string_view start) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string token;
  for (const char c : start) {
    token += kDigits[static_cast<unsigned char>(c) >> 4];
    token += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return token;
}

base::Result<std::string> StartOf(const std::string& token) {
  std::string start;
  const char* const end = token.data() + token.size();
  for (const char* at = token.data(); end - at >= 2; at += 2) {
    unsigned byte = 0;
    if (std::from_chars(at, at + 2, byte, 16).ptr != at + 2) break;
    start += static_cast<char>(byte);
  }
  if (start.size() * 2 != token.size())
    return Error{ErrorCode::kInvalidArgument, "'" + token + "' is no page token of this list"};
  return start;
}

size_t PageSize(const PageRequest& page) { return static_cast<size_t>(std::clamp(page.size, 1, base::kMaxPageSize)); }

class Md5 {
 public:
  Md5() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr); }
  void Update(std::span<const uint8_t> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string Digest() const {  // what comes later is not lost
    const std::unique_ptr<EVP_MD_CTX, Free> copy(EVP_MD_CTX_new());
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_MD_CTX_copy_ex(copy.get(), context_.get());
    EVP_DigestFinal_ex(copy.get(), digest.data(), &length);
    return {reinterpret_cast<const char*>(digest.data()), length};
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

class ObjectFiles final : public Objects {
 public:
  ObjectFiles(const std::string& folder, base::FileSystem& files, Database writer)
      : folder_(base::JoinPath(folder, "objects")),
        database_path_(base::JoinPath(folder, "objects.sqlite")),
        files_(files),
        writer_(std::move(writer)) {}

  base::Status Prepare();

  base::Result<Bucket> CreateBucket(const std::string& project, const std::string& name) override;
  base::Result<Bucket> GetBucket(const std::string& name) override;
  base::Result<Page<Bucket>> ListBuckets(const std::string& project, const std::string& prefix, const PageRequest& page) override;
  base::Status DeleteBucket(const std::string& name) override;
  base::Result<std::unique_ptr<ObjectWriter>> Write(const Object& object) override;
  base::Result<Object> Get(const std::string& bucket, const std::string& name) override;
  base::Result<std::unique_ptr<ObjectReader>> Read(const std::string& bucket, const std::string& name) override;
  base::Status Delete(const std::string& bucket, const std::string& name, std::optional<int64_t> if_generation) override;
  base::Result<Object> Copy(const std::string& bucket, const std::string& name, const Object& to,
                            std::optional<int64_t> if_generation) override;
  base::Result<Object> Update(const Object& object, std::optional<int64_t> if_metageneration) override;
  base::Result<Listing> List(const std::string& bucket, const std::string& prefix, const std::string& delimiter,
                             const PageRequest& page) override;
  base::Result<int64_t> Verify(const std::function<void(const std::string& line)>& report) override;

  // For writers. Publishes objects/new/FILE under the name of `object`, whose generation and times are set.
  base::Result<Object> Publish(int64_t file, Object object, std::optional<int64_t> if_generation);
  void Discard(int64_t file) { (void)files_.Remove(NewPath(file)); }

 private:
  // A connection to read with, back in the pool when it goes.
  class Lease {
   public:
    Lease(ObjectFiles& owner, Database database) : owner_(&owner), database_(std::move(database)) {}
    Lease(Lease&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), database_(std::move(other.database_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (owner_ != nullptr) owner_->Return(std::move(database_));
    }
    Database& operator*() { return database_; }

   private:
    ObjectFiles* owner_;
    Database database_;
  };

  base::Result<Lease> Reader();
  void Return(Database database);

  std::string NewPath(int64_t file) const { return folder_ + "/new/" + std::to_string(file); }
  std::string ShardPath(int64_t file) const { return folder_ + "/" + std::to_string(file % kShards); }
  std::string Path(int64_t file) const { return ShardPath(file) + "/" + std::to_string(file); }

  base::Status CheckFormat();
  base::Status CheckTarget(const Object& object);
  base::Status VerifyOne(const Row& row);
  base::Status VerifyFiles(const std::set<int64_t>& known, const std::function<void(const std::string& line)>& report);
  base::Status RemoveLeftovers();
  base::Status RemoveGarbage();
  base::Status Place(int64_t file);
  base::Status Enter(Database& database, int64_t file, Object& object, std::optional<int64_t> if_generation);
  base::Status AddGarbage();
  void RemoveFiles();

  const std::string folder_;
  const std::string database_path_;
  base::FileSystem& files_;
  std::atomic<int64_t> last_file_{0};

  std::mutex writer_mutex_;
  Database writer_;
  // Guarded by writer_mutex_, as writer_ is. A file that loses its row, or was to get one and did not, is unwanted; with the next
  // transaction it is in `garbage`, and behind it removed; its row there goes with the transaction after that.
  std::set<int64_t> unwanted_;
  std::vector<int64_t> removed_;

  std::mutex readers_mutex_;
  std::vector<Database> readers_;
};

class Writer final : public ObjectWriter {
 public:
  Writer(ObjectFiles& owner, Object object, int64_t number, std::unique_ptr<base::OutputFile> file)
      : owner_(owner), object_(std::move(object)), number_(number), file_(std::move(file)) {}
  ~Writer() override {
    if (file_ == nullptr) return;
    file_.reset();
    owner_.Discard(number_);
  }

  base::Status Append(std::span<const uint8_t> bytes) override {
    if (bytes.empty()) return {};
    DH_CHECK(file_->Append({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    md5_.Update(bytes);
    object_.crc32c = ExtendCrc32c(object_.crc32c, bytes);
    object_.size += bytes.size();
    return {};
  }
  uint64_t size() const override { return object_.size; }
  base::Status Pause() override { return file_->Pause(); }
  std::string Md5() const override { return md5_.Digest(); }
  uint32_t Crc32c() const override { return object_.crc32c; }

  base::Result<Object> Finish(std::optional<int64_t> if_generation) override {
    assert(file_ != nullptr);
    DH_CHECK(file_->Sync());
    DH_CHECK(file_->Close());
    object_.md5 = md5_.Digest();
    file_.reset();  // from here on the file is the owner's
    return owner_.Publish(number_, object_, if_generation);
  }

 private:
  ObjectFiles& owner_;
  Object object_;
  int64_t number_;
  std::unique_ptr<base::OutputFile> file_;
  store::Md5 md5_;
};

class Reader final : public ObjectReader {
 public:
  Reader(Object object, base::InputFile file) : object_(std::move(object)), file_(std::move(file)) {}
  const Object& object() const override { return object_; }
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override { return file_.ReadAt(offset, out); }

 private:
  Object object_;
  base::InputFile file_;
};

// ---- opening

base::Status ObjectFiles::Prepare() {
  DH_CHECK(files_.MakeFolders(folder_ + "/new"));
  DH_CHECK(CheckFormat());
  DH_ASSIGN(Statement last, writer_.Prepare("SELECT max((SELECT file FROM last), ifnull((SELECT max(file) FROM objects), 0))"));
  DH_CHECK(last.Step());
  last_file_ = last.Int(0);
  DH_CHECK(RemoveGarbage());
  return RemoveLeftovers();
}

base::Status ObjectFiles::CheckFormat() {
  DH_ASSIGN(Statement version, writer_.Prepare("PRAGMA user_version"));
  DH_CHECK(version.Step());
  const int64_t format = version.Int(0);
  version.Reset();
  if (format == kFormat) return {};
  if (format != 0) {
    return Error{ErrorCode::kUnsupported,
                 database_path_ + ": has format " + std::to_string(format) + "; this program knows " + std::to_string(kFormat)};
  }
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(writer_));
  DH_CHECK(writer_.Execute(kTables));
  return transaction.Commit();
}

base::Status ObjectFiles::RemoveGarbage() {
  DH_ASSIGN(Statement garbage, writer_.Prepare("SELECT file FROM garbage"));
  while (true) {
    DH_ASSIGN(const bool row, garbage.Step());
    if (!row) break;
    last_file_ = std::max<int64_t>(last_file_, garbage.Int(0));
    DH_CHECK(files_.Remove(Path(garbage.Int(0))));
  }
  garbage.Reset();
  return writer_.Execute("DELETE FROM garbage");
}

// What is in objects/new has a row, or was never acknowledged.
base::Status ObjectFiles::RemoveLeftovers() {
  DH_ASSIGN(const std::vector<std::string> names, files_.List(folder_ + "/new"));
  DH_ASSIGN(Statement select, writer_.Prepare("SELECT 1 FROM objects WHERE file = ?1"));
  for (const std::string& name : names) {
    int64_t file = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), file);
    if (code != std::errc() || end != name.data() + name.size() || file <= 0) continue;  // not ours
    last_file_ = std::max<int64_t>(last_file_, file);
    select.Bind(1, file);
    DH_ASSIGN(const bool has_row, select.Step());
    select.Reset();
    if (!has_row) DH_CHECK(files_.Remove(Path(file)));
    DH_CHECK(files_.Remove(NewPath(file)));
  }
  return {};
}

base::Result<ObjectFiles::Lease> ObjectFiles::Reader() {
  {
    const std::lock_guard lock(readers_mutex_);
    if (!readers_.empty()) {
      Database database = std::move(readers_.back());
      readers_.pop_back();
      return Lease(*this, std::move(database));
    }
  }
  DH_ASSIGN(Database database, Database::Open(database_path_, Database::Mode::kRead));
  return Lease(*this, std::move(database));
}

void ObjectFiles::Return(Database database) {
  const std::lock_guard lock(readers_mutex_);
  if (readers_.size() < kMaxIdleReaders) readers_.push_back(std::move(database));
}

// ---- buckets

base::Result<Bucket> ObjectFiles::CreateBucket(const std::string& project, const std::string& name) {
  if (!IsBucketName(name)) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + name +
                     "' is no name of a bucket: 3 to 63 lower case letters, digits, '-', '_' and '.', a letter or digit "
                     "at both ends"};
  }
  const Bucket bucket{name, project, NowUs()};
  const std::lock_guard lock(writer_mutex_);
  DH_ASSIGN(Statement insert, writer_.Prepare("INSERT INTO buckets VALUES (?1, ?2, ?3)"));
  const base::Status done = insert.Bind(1, name).Bind(2, project).Bind(3, bucket.created_us).Run();
  if (done.ok()) return bucket;
  if (done.error().code != ErrorCode::kAlreadyExists) return done.error();
  return Error{ErrorCode::kAlreadyExists, "gs://" + name + ": the bucket exists"};
}

base::Result<Bucket> ObjectFiles::GetBucket(const std::string& name) {
  DH_ASSIGN(Lease reader, Reader());
  return FindBucket(*reader, name);
}

base::Result<Page<Bucket>> ObjectFiles::ListBuckets(const std::string& project, const std::string& prefix,
                                                    const PageRequest& page) {
  DH_ASSIGN(const std::string token, StartOf(page.token));
  DH_ASSIGN(Lease reader, Reader());
  DH_ASSIGN(Statement select,
            (*reader).Prepare("SELECT name, project, created_us FROM buckets WHERE project = ?1 AND name >= ?2 ORDER BY name"));
  select.Bind(1, project).Bind(2, std::max(prefix, token));
  Page<Bucket> found;
  while (true) {
    DH_ASSIGN(const bool row, select.Step());
    if (!row || !select.Text(0).starts_with(prefix)) break;
    if (found.items.size() == PageSize(page)) {
      found.next = TokenOf(select.Text(0));
      break;
    }
    found.items.push_back({std::string(select.Text(0)), std::string(select.Text(1)), select.Int(2)});
  }
  return found;
}

base::Status ObjectFiles::DeleteBucket(const std::string& name) {
  const std::lock_guard lock(writer_mutex_);
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(writer_));
  DH_CHECK(FindBucket(writer_, name));
  DH_ASSIGN(Statement select, writer_.Prepare("SELECT 1 FROM objects WHERE bucket = ?1 LIMIT 1"));
  DH_ASSIGN(const bool used, select.Bind(1, name).Step());
  select.Reset();
  if (used) return Error{ErrorCode::kFailedPrecondition, "gs://" + name + ": the bucket is not empty"};
  DH_ASSIGN(Statement remove, writer_.Prepare("DELETE FROM buckets WHERE name = ?1"));
  DH_CHECK(remove.Bind(1, name).Run());
  return transaction.Commit();
}

// ---- writing

base::Status ObjectFiles::CheckTarget(const Object& object) {
  if (!IsObjectName(object.name)) {
    return Error{ErrorCode::kInvalidArgument, "an object's name has 1 to " + std::to_string(base::kMaxObjectNameBytes) +
                                                  " bytes of UTF-8, without line ends, and is not . or .."};
  }
  DH_CHECK(GetBucket(object.bucket));
  return {};
}

base::Result<std::unique_ptr<ObjectWriter>> ObjectFiles::Write(const Object& object) {
  DH_CHECK(CheckTarget(object));
  Object begun;
  begun.bucket = object.bucket;
  begun.name = object.name;
  begun.content_type = object.content_type;
  begun.metadata = object.metadata;
  const int64_t file = ++last_file_;
  DH_ASSIGN(std::unique_ptr<base::OutputFile> out, files_.Create(NewPath(file)));
  return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(*this, std::move(begun), file, std::move(out)));
}

// The second name of a written file, on the disk.
base::Status ObjectFiles::Place(int64_t file) {
  const std::string shard = ShardPath(file);
  if (!files_.IsFolder(shard)) {
    DH_CHECK(files_.MakeFolders(shard));
    DH_CHECK(files_.SyncFolder(folder_));
  }
  DH_CHECK(files_.Remove(Path(file)));  // of a crash whose objects/new did not reach the disk
  DH_CHECK(files_.Link(NewPath(file), Path(file)));
  return files_.SyncFolder(shard);
}

// Writes the row inside a transaction. Returns the file that the name had, or 0.
base::Status ObjectFiles::Enter(Database& database, int64_t file, Object& object, std::optional<int64_t> if_generation) {
  DH_CHECK(FindBucket(database, object.bucket));
  DH_ASSIGN(const std::optional<Row> old, FindRow(database, object.bucket, object.name));
  DH_CHECK(CheckGeneration(old, if_generation, "gs://" + object.bucket + "/" + object.name));
  object.created_us = object.updated_us = NowUs();
  DH_ASSIGN(Statement last, database.Prepare("UPDATE last SET generation = max(generation + 1, ?1), file = max(file, ?2) "
                                             "RETURNING generation"));
  DH_CHECK(last.Bind(1, object.created_us).Bind(2, file).Step());
  object.generation = last.Int(0);
  DH_CHECK(last.Run());
  DH_ASSIGN(Statement insert,
            database.Prepare("INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"));
  insert.Bind(1, object.bucket).Bind(2, object.name).Bind(3, file).Bind(4, object.generation).Bind(5, object.metageneration);
  insert.Bind(6, static_cast<int64_t>(object.size)).Bind(7, object.content_type);
  insert.BindBlob(8, {reinterpret_cast<const uint8_t*>(object.md5.data()), object.md5.size()});
  insert.Bind(9, int64_t{object.crc32c}).Bind(10, object.created_us).Bind(11, object.updated_us);
  DH_CHECK(insert.Bind(12, MetadataText(object.metadata)).Run());
  if (old) unwanted_.insert(old->file);
  return AddGarbage();
}

// Notes, inside a transaction, which files have no row any more, and forgets those that have gone since.
base::Status ObjectFiles::AddGarbage() {
  DH_ASSIGN(Statement forget, writer_.Prepare("DELETE FROM garbage WHERE file = ?1"));
  for (const int64_t gone : removed_) {
    DH_CHECK(files_.SyncFolder(ShardPath(gone)));  // the row says that the file may still be there
    DH_CHECK(forget.Bind(1, gone).Run());
  }
  removed_.clear();  // should the transaction fail, they are looked at once more at the next start
  DH_ASSIGN(Statement add, writer_.Prepare("INSERT OR IGNORE INTO garbage VALUES (?1)"));
  for (const int64_t file : unwanted_) DH_CHECK(add.Bind(1, file).Run());
  return {};
}

// After the transaction. Should a file stay, the next start removes it.
void ObjectFiles::RemoveFiles() {
  for (const int64_t file : std::exchange(unwanted_, {})) {
    Discard(file);
    if (files_.Remove(Path(file)).ok()) removed_.push_back(file);
  }
}

base::Result<Object> ObjectFiles::Publish(int64_t file, Object object, std::optional<int64_t> if_generation) {
  const base::Status placed = Place(file);
  const std::lock_guard lock(writer_mutex_);
  const std::set<int64_t> unwanted = unwanted_;
  const auto enter = [&]() -> base::Status {
    DH_CHECK(placed);
    DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(writer_));
    DH_CHECK(Enter(writer_, file, object, if_generation));
    return transaction.Commit();
  };
  const base::Status entered = enter();
  if (!entered.ok()) {
    // A COMMIT that failed may still be on the disk: both names of the file stay up to the next one, or the next start.
    unwanted_ = unwanted;
    unwanted_.insert(file);
    return entered.error();
  }
  Discard(file);
  RemoveFiles();
  return object;
}

base::Result<Object> ObjectFiles::Copy(const std::string& bucket, const std::string& name, const Object& to,
                                       std::optional<int64_t> if_generation) {
  DH_CHECK(CheckTarget(to));
  const int64_t file = ++last_file_;
  Object copy;
  while (true) {
    std::optional<Row> row;
    {
      DH_ASSIGN(Lease reader, Reader());
      DH_ASSIGN(row, FindRow(*reader, bucket, name));
    }
    if (!row) return NoObject(bucket, name);
    copy = row->object;
    const base::Status linked = files_.Link(Path(row->file), NewPath(file));
    if (linked.ok()) break;
    if (linked.error().code != ErrorCode::kNotFound) return linked.error();  // else it was replaced just now
  }
  copy.bucket = to.bucket;
  copy.name = to.name;
  copy.content_type = to.content_type;
  copy.metadata = to.metadata;
  copy.metageneration = 1;
  return Publish(file, std::move(copy), if_generation);
}

base::Status ObjectFiles::Delete(const std::string& bucket, const std::string& name, std::optional<int64_t> if_generation) {
  const std::lock_guard lock(writer_mutex_);
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(writer_));
  DH_ASSIGN(const std::optional<Row> row, FindRow(writer_, bucket, name));
  if (!row) return NoObject(bucket, name);
  DH_CHECK(CheckGeneration(row, if_generation, "gs://" + bucket + "/" + name));
  DH_ASSIGN(Statement remove, writer_.Prepare("DELETE FROM objects WHERE bucket = ?1 AND name = ?2"));
  DH_CHECK(remove.Bind(1, bucket).Bind(2, name).Run());
  const std::set<int64_t> unwanted = unwanted_;
  unwanted_.insert(row->file);
  base::Status removed = AddGarbage();
  if (removed.ok()) removed = transaction.Commit();
  if (removed.ok()) {
    RemoveFiles();
  } else {
    unwanted_ = unwanted;  // it may still be there
  }
  return removed;
}

base::Result<Object> ObjectFiles::Update(const Object& object, std::optional<int64_t> if_metageneration) {
  const std::lock_guard lock(writer_mutex_);
  DH_ASSIGN(DatabaseTransaction transaction, DatabaseTransaction::Begin(writer_));
  DH_ASSIGN(std::optional<Row> row, FindRow(writer_, object.bucket, object.name));
  if (!row) return NoObject(object.bucket, object.name);
  Object& updated = row->object;
  if (if_metageneration && *if_metageneration != updated.metageneration) {
    return Error{ErrorCode::kFailedPrecondition, "gs://" + object.bucket + "/" + object.name + ": its metageneration is " +
                                                     std::to_string(updated.metageneration)};
  }
  updated.content_type = object.content_type;
  updated.metadata = object.metadata;
  ++updated.metageneration;
  updated.updated_us = NowUs();
  DH_ASSIGN(Statement update, writer_.Prepare("UPDATE objects SET type = ?3, metadata = ?4, metageneration = ?5, updated_us = ?6 "
                                              "WHERE bucket = ?1 AND name = ?2"));
  update.Bind(1, object.bucket).Bind(2, object.name).Bind(3, updated.content_type).Bind(4, MetadataText(updated.metadata));
  DH_CHECK(update.Bind(5, updated.metageneration).Bind(6, updated.updated_us).Run());
  DH_CHECK(transaction.Commit());
  return updated;
}

// ---- reading

base::Result<Object> ObjectFiles::Get(const std::string& bucket, const std::string& name) {
  DH_ASSIGN(Lease reader, Reader());
  DH_ASSIGN(std::optional<Row> row, FindRow(*reader, bucket, name));
  if (!row) return NoObject(bucket, name);
  return std::move(row->object);
}

base::Result<std::unique_ptr<ObjectReader>> ObjectFiles::Read(const std::string& bucket, const std::string& name) {
  std::optional<Row> before;
  while (true) {
    DH_ASSIGN(Lease reader, Reader());
    DH_ASSIGN(std::optional<Row> row, FindRow(*reader, bucket, name));
    if (!row) return NoObject(bucket, name);
    auto file = base::InputFile::Open(Path(row->file));
    if (file.ok()) {
      return std::unique_ptr<ObjectReader>(std::make_unique<store::Reader>(std::move(row->object), *std::move(file)));
    }
    // Not there: replaced between the row and the file. The same row once more: it is really lost.
    if (file.error().code != ErrorCode::kNotFound) return file.error();
    if (before && before->file == row->file) return Error{ErrorCode::kCorrupt, file.error().message};
    before = std::move(row);
  }
}

base::Result<Objects::Listing> ObjectFiles::List(const std::string& bucket, const std::string& prefix,
                                                 const std::string& delimiter, const PageRequest& page) {
  DH_ASSIGN(const std::string token, StartOf(page.token));
  DH_ASSIGN(Lease reader, Reader());
  DH_CHECK(FindBucket(*reader, bucket));
  DH_ASSIGN(Statement select, (*reader).Prepare(kSelectObjects));
  const size_t limit = PageSize(page);
  Listing listing;
  std::string start = std::max(prefix, token);
  select.Bind(1, bucket).Bind(2, start);
  while (true) {
    DH_ASSIGN(const bool more, select.Step());
    if (!more || !select.Text(1).starts_with(prefix)) return listing;
    if (listing.objects.size() + listing.prefixes.size() == limit) {
      listing.next = TokenOf(select.Text(1));
      return listing;
    }
    const std::string_view name = select.Text(1);
    const size_t cut = delimiter.empty() ? std::string_view::npos : name.find(delimiter, prefix.size());
    if (cut == std::string_view::npos) {
      DH_ASSIGN(Row row, RowOf(select));
      listing.objects.push_back(std::move(row.object));
      continue;
    }
    // All that share the prefix are passed with one step of the index.
    listing.prefixes.emplace_back(name.substr(0, cut + delimiter.size()));
    start = Behind(listing.prefixes.back());
    select.Reset();
    select.Bind(1, bucket).Bind(2, start);
  }
}

// ---- verifying

base::Result<int64_t> ObjectFiles::Verify(const std::function<void(const std::string& line)>& report) {
  DH_ASSIGN(Lease reader, Reader());
  DH_CHECK(CheckDatabase(*reader, "objects.sqlite", report));
  DH_ASSIGN(Statement select, (*reader).Prepare(kSelectAllObjects));
  std::set<int64_t> known;
  for (int64_t count = 0;; ++count) {
    DH_ASSIGN(const bool found, select.Step());
    if (!found) {
      DH_CHECK(VerifyFiles(known, report));
      return count;
    }
    DH_ASSIGN(const Row row, RowOf(select));
    known.insert(row.file);
    const base::Status status = VerifyOne(row);
    if (!status.ok()) report("gs://" + row.object.bucket + "/" + row.object.name + ": " + status.error().message);
  }
}

base::Status ObjectFiles::VerifyOne(const Row& row) {
  DH_ASSIGN(const base::InputFile file, base::InputFile::Open(Path(row.file)));
  std::vector<uint8_t> piece(kPieceBytes);
  Md5 md5;
  uint32_t crc32c = 0;
  uint64_t size = 0;
  for (size_t got = piece.size(); got == piece.size(); size += got) {
    DH_ASSIGN(got, file.ReadAt(size, piece));
    md5.Update(std::span(piece).first(got));
    crc32c = ExtendCrc32c(crc32c, std::span(piece).first(got));
  }
  if (size == row.object.size && crc32c == row.object.crc32c && md5.Digest() == row.object.md5) return {};
  return Error{ErrorCode::kCorrupt, Path(row.file) + " has other bytes than were written"};
}

base::Status ObjectFiles::VerifyFiles(const std::set<int64_t>& known,
                                      const std::function<void(const std::string& line)>& report) {
  for (int64_t shard = 0; shard < kShards; ++shard) {
    const std::string folder = ShardPath(shard);
    if (!files_.IsFolder(folder)) continue;
    DH_ASSIGN(const std::vector<std::string> names, files_.List(folder));
    for (const std::string& name : names) {
      int64_t file = 0;
      (void)std::from_chars(name.data(), name.data() + name.size(), file);
      if (!known.contains(file)) report(folder + "/" + name + ": no object has this file");
    }
  }
  return {};
}

// Without its rows an object has no name.
base::Status RefuseLost(const std::string& folder, base::FileSystem& files) {
  const std::string path = base::JoinPath(folder, "objects.sqlite");
  const auto size = files.Size(path);
  const std::string objects = base::JoinPath(folder, "objects");
  if ((size.ok() && *size > 0) || !files.IsFolder(objects)) return {};
  DH_ASSIGN(const std::vector<std::string> shards, files.List(objects));
  for (const std::string& shard : shards) {
    if (shard == "new" || !files.IsFolder(base::JoinPath(objects, shard))) continue;
    DH_ASSIGN(const std::vector<std::string> names, files.List(base::JoinPath(objects, shard)));
    if (names.empty()) continue;
    return Error{ErrorCode::kCorrupt, path +
                                          " is missing or empty, and objects are there. Nothing was changed. Put its newest copy "
                                          "back; without one, move " +
                                          objects + " elsewhere to begin with none"};
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<Objects>> Objects::Open(const std::string& folder, base::FileSystem& files) {
  DH_CHECK(files.MakeFolders(folder));
  DH_CHECK(RefuseLost(folder, files));
  DH_ASSIGN(Database writer, Database::Open(base::JoinPath(folder, "objects.sqlite"), Database::Mode::kWrite));
  auto objects = std::make_unique<ObjectFiles>(folder, files, std::move(writer));
  DH_CHECK(objects->Prepare());
  return std::unique_ptr<Objects>(std::move(objects));
}

}  // namespace dicomhouse::store
