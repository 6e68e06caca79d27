#include "warehouse/internal/table_folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/limits.h"
#include "warehouse/internal/codec.h"

namespace dicomhouse::warehouse {

using base::Error;
using base::ErrorCode;
using base::FileSystem;
using base::JoinPath;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kHint = "metadata/version-hint.text";

bool TakeSuffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<int64_t> ParseVersion(std::string_view digits) {
  int64_t version = 0;
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, version);
  if (digits.empty() || result.ec != std::errc() || result.ptr != end || version < 0) return std::nullopt;
  return version;
}

// The hint's number; unset when there is none that can be understood. Only a hint, so no error.
std::optional<int64_t> ReadHint(FileSystem& files, const std::string& table_folder) {
  const auto text = files.ReadAll(JoinPath(table_folder, kHint), 64);
  if (!text.ok()) return std::nullopt;
  std::string_view digits = *text;
  while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r' || digits.back() == ' ')) digits.remove_suffix(1);
  return ParseVersion(digits);
}

// Renewing the hint may fail without harm: readers look for higher versions than it says.
void WriteHint(FileSystem& files, const std::string& table_folder, int64_t version, const std::string& temporary_name) {
  const std::string temporary = JoinPath(table_folder, "metadata/" + temporary_name + ".hint");
  if (base::WriteFileDurably(files, temporary, std::to_string(version)).ok() &&
      files.Rename(temporary, JoinPath(table_folder, kHint)).ok()) {
    return;
  }
  (void)files.Remove(temporary);
}

bool HasParentSteps(std::string_view relative) {
  for (const auto& part : std::filesystem::path(relative)) {
    if (part == "..") return true;
  }
  return false;
}

}  // namespace

std::optional<MetadataFile> ParseMetadataName(const std::string& name) {
  std::string_view stem = name;
  if (!TakeSuffix(stem, ".gz.metadata.json") && !TakeSuffix(stem, ".metadata.json.gz") && !TakeSuffix(stem, ".metadata.json")) {
    return std::nullopt;
  }
  MetadataFile file{.name = name};
  file.file_system = stem.starts_with('v');
  stem = file.file_system ? stem.substr(1) : stem.substr(0, stem.find('-'));
  const auto version = ParseVersion(stem);
  if (!version) return std::nullopt;
  file.version = *version;
  return file;
}

Result<std::optional<MetadataFile>> FindCurrent(FileSystem& files, const std::string& table_folder) {
  const std::string folder = JoinPath(table_folder, "metadata");
  const auto names = files.List(folder);
  if (!names.ok()) {
    // No such folder, or a file in its place: no table.
    if (names.error().code == ErrorCode::kNotFound) return std::optional<MetadataFile>();
    return names.error();
  }
  std::optional<MetadataFile> best;
  bool twice = false;
  for (const std::string& name : *names) {
    const auto file = ParseMetadataName(name);
    if (!file) continue;
    twice = best && file->version == best->version ? true : (best && file->version < best->version ? twice : false);
    if (!best || file->version > best->version) best = file;
  }
  if (!best) return best;
  if (twice) {
    return Error{ErrorCode::kCorrupt, folder + ": two metadata files claim to be version " + std::to_string(best->version) +
                                          ". Remove the one that is not the table's"};
  }
  const auto hint = ReadHint(files, table_folder);
  if (best->file_system && hint && *hint > best->version) {
    return Error{ErrorCode::kCorrupt, folder + ": version-hint.text names version " + std::to_string(*hint) +
                                          ", but the newest metadata file is " + best->name +
                                          ". Restore the missing file, or write " + std::to_string(best->version) +
                                          " into version-hint.text to go back to that version"};
  }
  return best;
}

Result<TableMetadata> LoadMetadata(FileSystem& files, const std::string& table_folder, const MetadataFile& file) {
  const std::string path = JoinPath(table_folder, "metadata/" + file.name);
  DH_ASSIGN(std::string text, files.ReadAll(path, base::kMaxMetadataBytes));
  if (LooksLikeGzip(text)) {
    auto inflated = Gunzip(text, base::kMaxMetadataBytes);
    if (!inflated.ok()) return Error{inflated.error().code, path + ": " + inflated.error().message};
    text = *std::move(inflated);
  }
  return TableMetadata::Parse(text, path);
}

// ---- paths

std::string StripFileScheme(const std::string& location) {
  if (!location.starts_with("file:/")) return location;
  std::string_view rest = std::string_view(location).substr(5);
  if (rest.starts_with("//localhost/")) rest.remove_prefix(11);
  while (rest.starts_with("//")) rest.remove_prefix(1);
  return std::string(rest);
}

std::string AbsolutePath(const std::string& folder) {
  std::error_code code;
  std::string path = std::filesystem::absolute(folder, code).lexically_normal().string();
  if (code) path = folder;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

PathMap::PathMap(const std::string& location, const std::string& table_folder) : location_(location), folder_(table_folder) {
  while (location_.size() > 1 && location_.back() == '/') location_.pop_back();
}

Result<std::string> PathMap::Relative(const std::string& recorded) const {
  const std::string path = StripFileScheme(recorded);
  for (const std::string& root : {StripFileScheme(location_), AbsolutePath(folder_)}) {
    if (path.size() <= root.size() || !path.starts_with(root) || path[root.size()] != '/') continue;
    std::string relative = path.substr(root.size());
    relative.erase(0, relative.find_first_not_of('/'));
    if (relative.empty() || HasParentSteps(relative)) {
      return Error{ErrorCode::kCorrupt, "the metadata name a file by a path that leaves the table's folder: " + recorded};
    }
    return relative;
  }
  return Error{ErrorCode::kUnsupported, "the table has a file outside its folder, which is not supported: " + recorded +
                                            " (the table's recorded location is " + location_ + ")"};
}

Result<std::string> PathMap::Absolute(const std::string& recorded) const {
  DH_ASSIGN(const std::string relative, Relative(recorded));
  return JoinPath(AbsolutePath(folder_), relative);
}

// ---- manifests

Result<std::vector<ManifestFile>> LoadManifestList(FileSystem& files, const PathMap& paths, const SnapshotEntry& snapshot) {
  DH_ASSIGN(const std::string path, paths.Absolute(snapshot.manifest_list));
  DH_ASSIGN(const std::string bytes, files.ReadAll(path, base::kMaxMetadataBytes));
  return ReadManifestList(bytes, path);
}

Result<std::vector<ManifestEntry>> LoadManifest(FileSystem& files, const PathMap& paths, const ManifestFile& manifest,
                                                bool with_deleted) {
  DH_ASSIGN(const std::string path, paths.Absolute(manifest.path));
  DH_ASSIGN(const std::string bytes, files.ReadAll(path, base::kMaxMetadataBytes));
  return ReadManifest(bytes, path, manifest, with_deleted);
}

Result<std::vector<std::string>> FilesOfSnapshot(FileSystem& files, const PathMap& paths, const SnapshotEntry& snapshot) {
  DH_ASSIGN(std::string list, paths.Relative(snapshot.manifest_list));
  std::vector<std::string> names = {std::move(list)};
  DH_ASSIGN(const std::vector<ManifestFile> manifests, LoadManifestList(files, paths, snapshot));
  for (const ManifestFile& manifest : manifests) {
    DH_ASSIGN(std::string name, paths.Relative(manifest.path));
    names.push_back(std::move(name));
    DH_ASSIGN(const std::vector<ManifestEntry> entries, LoadManifest(files, paths, manifest));
    for (const ManifestEntry& entry : entries) {
      DH_ASSIGN(std::string file, paths.Relative(entry.path));
      names.push_back(std::move(file));
    }
  }
  return names;
}

// ---- publishing

Status Stage(FileSystem& files, const std::string& table_folder, const std::string& text, const std::string& temporary_name) {
  const std::string folder = JoinPath(table_folder, "metadata");
  DH_CHECK(base::WriteFileDurably(files, JoinPath(folder, temporary_name), text));
  return files.SyncFolder(folder);  // manifests and their list are on the disk before the version is
}

Status PublishStaged(FileSystem& files, const std::string& table_folder, int64_t version, const std::string& text,
                     const std::string& temporary_name, bool& published) {
  published = false;
  const std::string folder = JoinPath(table_folder, "metadata");
  const std::string temporary = JoinPath(folder, temporary_name);
  const std::string stem = JoinPath(folder, "v" + std::to_string(version));
  if (files.Exists(stem + ".gz.metadata.json") || files.Exists(stem + ".metadata.json.gz")) {
    return Error{ErrorCode::kAlreadyExists, stem + ".gz.metadata.json: another writer was first"};
  }
  Status linked = files.Link(temporary, stem + ".metadata.json");
  if (!linked.ok()) {
    // On a network file system a link can be made and its answer be lost. The text has a random id, so if it is there, it is
    // ours.
    const auto there = files.ReadAll(stem + ".metadata.json", base::kMaxMetadataBytes);
    if (there.ok() && *there == text) linked = Status();
  }
  (void)files.Remove(temporary);  // a hidden file; if it stays it does no harm
  if (!linked.ok()) return linked;
  published = true;
  const Status synced = files.SyncFolder(folder);
  WriteHint(files, table_folder, version, temporary_name);
  if (!synced.ok()) {
    return Error{synced.error().code,
                 "the table's new version is visible, but may be lost if the power fails now: " + synced.error().message};
  }
  return {};
}

Status Publish(FileSystem& files, const std::string& table_folder, int64_t version, const std::string& text,
               const std::string& temporary_name, bool& published) {
  published = false;
  const Status staged = Stage(files, table_folder, text, temporary_name);
  if (staged.ok()) return PublishStaged(files, table_folder, version, text, temporary_name, published);
  (void)files.Remove(JoinPath(table_folder, "metadata/" + temporary_name));
  return staged;
}

}  // namespace dicomhouse::warehouse
