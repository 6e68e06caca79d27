// Parquet for other programs: one file, or a folder with a file for each part.

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>  // renameat2
#include <optional>
#include <utility>

#include "transfer/destination.h"
#include "transfer/internal/part_folder.h"
#include "warehouse/merge.h"

namespace dicomhouse::transfer {
namespace {

using base::Error;
using base::ErrorCode;
using base::JoinPath;
using base::Result;
using base::Status;
using warehouse::Disposition;

constexpr std::string_view kExtension = ".parquet";

Error Exists(const std::string& target, bool folder) {
  return {ErrorCode::kAlreadyExists,
          target + " exists. Choose another name, " + (folder ? "add to it or " : "or ") + "replace it"};
}

// `made` gets the target's name. What had it is kept as long as the parts' folder, which `made` is in or is. Returns where, or
// "". The name changes hands at once, where the system can; else there is a moment without it.
Result<std::string> PutInPlaceOf(const std::string& made, const std::string& target) {
  base::FileSystem& files = base::RealFileSystem();
  if (!files.Exists(target)) {
    DH_CHECK(files.Rename(made, target));
    return std::string();
  }
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) return made;
  const std::string old = made + ".old";
  DH_CHECK(files.Rename(target, old));
  const Status renamed = files.Rename(made, target);
  if (renamed.ok()) return files.Rename(old, made).ok() ? made : old;
  (void)files.Rename(old, target);
  return renamed.error();
}

// Which file a path leads to; nothing when there is none.
std::optional<std::pair<dev_t, ino_t>> IdentityOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return std::pair(info.st_dev, info.st_ino);
}

// A single file: the only part as it is, or all parts merged.
class ParquetFile final : public Destination {
 public:
  ParquetFile(std::string target, Disposition disposition, std::unique_ptr<PartFolder> folder)
      : target_(std::move(target)), disposition_(disposition), folder_(std::move(folder)) {}

  static Status Check(const std::string& target, Disposition disposition) {
    base::FileSystem& files = base::RealFileSystem();
    if (!files.Exists(target) || disposition == Disposition::kTruncate) return {};
    if (disposition == Disposition::kAppend) {
      return Error{ErrorCode::kInvalidArgument, target +
                                                    ": nothing can be added to a Parquet file that is finished. "
                                                    "Export into a folder (" +
                                                    target + "/): files can be added to it"};
    }
    return Exists(target, false);
  }

  Result<NewFile> NewPart() override { return folder_->NewPart(); }

  Status Prepare(const table::Schema& united, std::vector<WrittenPart> parts, const std::vector<RemovedRow>& removed,
                 const std::map<std::string, std::string>&, const std::atomic<bool>& cancelled) override {
    DH_ASSIGN(const warehouse::PartSet set, folder_->Finish(united, parts, removed, cancelled));
    columns_ = table::CountFields(united);
    made_ = JoinPath(folder_->path(), "merged.parquet");
    // A part has only the columns that have a value in it: a file that is to show all columns is made of it.
    if (parts.size() == 1 && removed.empty() && table::CountFields(parts[0].part.schema()) == columns_) {
      made_ = parts[0].path;
    } else {
      DH_CHECK(warehouse::MergeToParquet(set, made_));
      DH_CHECK(SyncFile(made_));
    }
    return Check(target_, disposition_);
  }

  Result<int> Publish() override {
    base::FileSystem& files = base::RealFileSystem();
    identity_ = IdentityOf(made_);
    if (disposition_ == Disposition::kTruncate) {
      // A second name keeps what was there before, so that one rename is enough: there is no moment without the file.
      const bool replaces = files.Exists(target_);
      kept_ = replaces ? JoinPath(folder_->path(), "before") : "";
      can_take_back_ = !replaces || files.Link(target_, kept_).ok();
      DH_CHECK(files.Rename(made_, target_));
    } else {
      // Somebody may have made it meanwhile: a link never replaces.
      const Status linked = files.Link(made_, target_);
      if (!linked.ok()) return linked.error().code == ErrorCode::kAlreadyExists ? Exists(target_, false) : linked.error();
    }
    published_ = true;
    DH_CHECK(files.SyncFolder(FolderOf(target_)));
    return columns_;
  }

  bool published() const override { return published_; }

  Status TakeBack() override {
    base::FileSystem& files = base::RealFileSystem();
    if (!can_take_back_ || IdentityOf(target_) != identity_)
      return Error{ErrorCode::kConflict,
                   target_ + " can't be put back: the old file could not be kept, or somebody has written it"};
    return kept_.empty() ? files.Remove(target_) : files.Rename(kept_, target_);
  }

  std::string Name() const override { return target_; }

 private:
  std::string target_;
  Disposition disposition_;
  std::unique_ptr<PartFolder> folder_;
  std::string made_;  // what is to be published
  std::string kept_;  // what the target was before
  bool can_take_back_ = true;
  std::optional<std::pair<dev_t, ino_t>> identity_;  // of what is published
  int columns_ = 0;
  bool published_ = false;
};

// A folder: parts as they are, but those with removed rows, which are written again without them.
class ParquetFolder final : public Destination {
 public:
  ParquetFolder(std::string target, Disposition disposition, std::unique_ptr<PartFolder> folder)
      : target_(std::move(target)), disposition_(disposition), folder_(std::move(folder)) {}

  static Status Check(const std::string& target, Disposition disposition) {
    base::FileSystem& files = base::RealFileSystem();
    if (!files.Exists(target)) return {};
    if (!files.IsFolder(target)) {
      return Error{ErrorCode::kInvalidArgument, target + " is a file; without the / at the end it would be written as one"};
    }
    DH_ASSIGN(const auto names, files.List(target));
    if (names.empty() || disposition == Disposition::kAppend) return {};
    if (disposition != Disposition::kTruncate) return Exists(target, true);
    for (const std::string& name : names) {
      if (name.starts_with("part-") && name.ends_with(kExtension)) continue;
      return Error{ErrorCode::kFailedPrecondition, target + " has other files than an export's (" + name +
                                                       "), which would be lost. Give another folder, or remove them"};
    }
    return {};
  }

  Result<NewFile> NewPart() override { return folder_->NewPart(); }

  Status Prepare(const table::Schema& united, std::vector<WrittenPart> parts, const std::vector<RemovedRow>& removed,
                 const std::map<std::string, std::string>&, const std::atomic<bool>& cancelled) override {
    DH_ASSIGN(const warehouse::PartSet set, folder_->Finish(united, parts, removed, cancelled));
    columns_ = table::CountFields(united);
    DH_ASSIGN(finished_, PartFolder::Make(target_));
    DH_ASSIGN(made_, PutAll(set, finished_->path()));
    DH_CHECK(base::RealFileSystem().SyncFolder(finished_->path()));
    return Check(target_, disposition_);
  }

  Result<int> Publish() override {
    base::FileSystem& files = base::RealFileSystem();
    DH_CHECK(Check(target_, disposition_));
    if (disposition_ == Disposition::kAppend && files.IsFolder(target_)) {
      DH_CHECK(AddTo());
    } else {
      DH_ASSIGN(kept_, PutInPlaceOf(finished_->path(), target_));
      if (!kept_.empty()) finished_->Lock();  // what has its name now
    }
    published_ = true;
    DH_CHECK(files.SyncFolder(FolderOf(target_)));
    return columns_;
  }

  bool published() const override { return published_; }

  Status TakeBack() override {
    if (!added_.empty()) return RemoveAdded();
    if (kept_.empty()) return RemoveMade(target_);
    DH_ASSIGN(const std::string ours, PutInPlaceOf(kept_, target_));
    return ours.empty() ? Status() : RemoveMade(ours);
  }

  bool adds() const override { return disposition_ == Disposition::kAppend && base::RealFileSystem().IsFolder(target_); }
  std::string Name() const override { return target_ + "/"; }

 private:
  // Puts the finished files into `folder`; returns their names.
  static Result<std::vector<std::string>> PutAll(const warehouse::PartSet& set, const std::string& folder) {
    std::vector<std::string> names;
    for (const warehouse::MergePart& part : set.parts) {
      if (part.rows == static_cast<int64_t>(part.removed.size())) continue;
      names.push_back(part.path.substr(part.path.rfind('/') + 1));
      DH_CHECK(Put(set, part, JoinPath(folder, names.back())));
    }
    if (!names.empty()) return names;
    // No rows at all: a file with the columns, so that the folder can be read.
    warehouse::PartSet empty = set;
    empty.parts.clear();
    names.emplace_back("part-00000.parquet");
    DH_CHECK(warehouse::MergeToParquet(empty, JoinPath(folder, names.back())));
    DH_CHECK(SyncFile(JoinPath(folder, names.back())));
    return names;
  }

  static Status Put(const warehouse::PartSet& set, const warehouse::MergePart& part, const std::string& path) {
    if (part.removed.empty()) return base::RealFileSystem().Rename(part.path, path);
    warehouse::PartSet one = set;
    one.parts = {part};
    DH_CHECK(warehouse::MergeToParquet(one, path));
    return SyncFile(path);
  }

  // Adds files under names that are free, one after the other; all go again when one fails.
  Status AddTo() {
    base::FileSystem& files = base::RealFileSystem();
    const std::string& made = finished_->path();
    const std::string id = made.substr(made.rfind('-') + 1);
    Status status;
    for (const std::string& name : made_) {
      const std::string path = JoinPath(target_, "part-" + id + name.substr(4));
      status = files.Link(JoinPath(made, name), path);
      if (!status.ok()) break;
      added_.push_back(path);
    }
    if (status.ok()) status = files.SyncFolder(target_);
    if (!status.ok()) (void)RemoveAdded();
    return status;
  }

  // The folder with what this made in it; what others have put there stays, and so does the folder then.
  Status RemoveMade(const std::string& folder) const {
    base::FileSystem& files = base::RealFileSystem();
    for (const std::string& name : made_) DH_CHECK(files.Remove(JoinPath(folder, name)));
    return files.RemoveEmptyFolder(folder);
  }

  Status RemoveAdded() {
    Status status;
    for (const std::string& path : std::exchange(added_, {})) {
      const Status removed = base::RealFileSystem().Remove(path);
      if (status.ok()) status = removed;
    }
    return status;
  }

  std::string target_;
  Disposition disposition_;
  std::unique_ptr<PartFolder> folder_;
  std::unique_ptr<PartFolder> finished_;  // with what is to be published
  std::vector<std::string> made_;         // names in it
  std::vector<std::string> added_;        // paths in the target
  std::string kept_;                      // what the target was before
  int columns_ = 0;
  bool published_ = false;
};

}  // namespace

bool IsParquetFolder(const std::string& target) { return target.ends_with('/') || base::RealFileSystem().IsFolder(target); }

std::string ParquetAccountTarget(const std::string& target) {
  const std::string path = AbsoluteTarget(target);
  if (IsParquetFolder(target)) return path + "_account/";
  const bool has_extension = path.ends_with(kExtension) && path.size() > kExtension.size();
  return path.substr(0, path.size() - (has_extension ? kExtension.size() : 0)) + "_account" + std::string(kExtension);
}

Result<std::unique_ptr<Destination>> OpenParquetDestination(const std::string& target, Disposition disposition) {
  const std::string path = AbsoluteTarget(target);
  const bool folder = IsParquetFolder(target);
  DH_CHECK(folder ? ParquetFolder::Check(path, disposition) : ParquetFile::Check(path, disposition));
  DH_ASSIGN(auto parts, PartFolder::Make(path));
  if (folder) return std::unique_ptr<Destination>(std::make_unique<ParquetFolder>(path, disposition, std::move(parts)));
  return std::unique_ptr<Destination>(std::make_unique<ParquetFile>(path, disposition, std::move(parts)));
}

}  // namespace dicomhouse::transfer
