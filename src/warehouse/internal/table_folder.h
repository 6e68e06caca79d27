// Where things are in a table's folder, and how a version becomes the current one.
//
//   metadata/vN.metadata.json     N counts up; the highest is current (Iceberg spec, "File System Tables")
//   metadata/version-hint.text    a hint that may be old
//   metadata/*.avro               manifest lists and manifests
//   data/*.parquet                parts
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "warehouse/internal/manifest.h"
#include "warehouse/internal/metadata.h"

namespace dicomhouse::warehouse {

// A metadata file's name, understood.
struct MetadataFile {
  std::string name;  // in metadata/
  int64_t version = 0;
  bool file_system = true;  // vN.metadata.json; else N-UUID.metadata.json, which a catalog service wrote
};

// "v3.metadata.json", "v3.gz.metadata.json", "v3.metadata.json.gz", "00003-UUID.metadata.json"; unset: another file.
std::optional<MetadataFile> ParseMetadataName(const std::string& name);

// The current version's file; unset when the folder holds no table.
// Errors: kCorrupt (the hint names a version whose file has gone; two files claim to be the newest).
base::Result<std::optional<MetadataFile>> FindCurrent(base::FileSystem& files, const std::string& table_folder);
base::Result<TableMetadata> LoadMetadata(base::FileSystem& files, const std::string& table_folder, const MetadataFile& file);

// Recorded locations and places in today's folder. Everything below the table's recorded location is looked for at the
// same place below the folder, wherever that is now.
class PathMap {
 public:
  PathMap(const std::string& location, const std::string& table_folder);

  // The path relative to the table's folder. Errors: kUnsupported (it lies elsewhere), kCorrupt (it has "..").
  base::Result<std::string> Relative(const std::string& recorded) const;
  // The absolute path as found now.
  base::Result<std::string> Absolute(const std::string& recorded) const;
  // What the metadata record for a relative path.
  std::string Recorded(const std::string& relative) const { return location_ + "/" + relative; }

 private:
  std::string location_;  // as recorded, without a slash at its end
  std::string folder_;
};

// "file:/a", "file:///a" and "file://localhost/a" -> "/a"; others as they are.
std::string StripFileScheme(const std::string& location);
// `folder` made absolute, without "." and "..".
std::string AbsolutePath(const std::string& folder);

// Reads the manifest list of a snapshot and its manifests.
base::Result<std::vector<ManifestFile>> LoadManifestList(base::FileSystem& files, const PathMap& paths,
                                                         const SnapshotEntry& snapshot);
base::Result<std::vector<ManifestEntry>> LoadManifest(base::FileSystem& files, const PathMap& paths, const ManifestFile& manifest,
                                                      bool with_deleted = false);

// All files of one version: relative paths of its manifest list, manifests, data and delete files.
base::Result<std::vector<std::string>> FilesOfSnapshot(base::FileSystem& files, const PathMap& paths,
                                                       const SnapshotEntry& snapshot);

// Writes `text`, which is to be a version, to the hidden file `temporary_name`, synced: what is left to do needs no space.
base::Status Stage(base::FileSystem& files, const std::string& table_folder, const std::string& text,
                   const std::string& temporary_name);
// Makes `text`, which has been staged, the version `version`, all at once: linked to its name, the folder synced, the hint
// renewed; the hidden file goes. Errors: kAlreadyExists when another writer was first; then nothing has changed. Any other error
// before the link: nothing has changed. `published` says whether the version is visible, also when an error is returned
// (its folder could not be synced: it may be gone after a power cut).
base::Status PublishStaged(base::FileSystem& files, const std::string& table_folder, int64_t version, const std::string& text,
                           const std::string& temporary_name, bool& published);
// Both.
base::Status Publish(base::FileSystem& files, const std::string& table_folder, int64_t version, const std::string& text,
                     const std::string& temporary_name, bool& published);

}  // namespace dicomhouse::warehouse
