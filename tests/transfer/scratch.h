// Helpers of the tests in this folder: a folder that goes with the test, and archives written into strings.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace dicomhouse::transfer {

class Scratch {
 public:
  Scratch() {
    std::string name = ::testing::TempDir() + "dicomhouse-XXXXXX";
    // The path as the system sees it, so that tests can compare.
    folder_ = ::mkdtemp(name.data()) != nullptr ? std::filesystem::canonical(name).string() : "";
    EXPECT_FALSE(folder_.empty());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  std::string path(const std::string& name) const { return name.empty() ? folder_ : folder_ + "/" + name; }

  // Makes the folders on the way too. Returns the path.
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

 private:
  std::string folder_;
};

struct Member {
  std::string name;
  std::string bytes;
};

// An archive as libarchive writes it: format "zip", "pax", "ustar" or "gnutar", filter "none", "gzip" or "zstd".
inline std::string MakeArchive(const std::string& format, const std::string& filter, const std::vector<Member>& members,
                               const std::string& options = "") {
  struct archive* writer = archive_write_new();
  EXPECT_EQ(archive_write_set_format_by_name(writer, format.c_str()), ARCHIVE_OK);
  if (filter != "none") {
    EXPECT_EQ(archive_write_add_filter_by_name(writer, filter.c_str()), ARCHIVE_OK);
  }
  if (!options.empty()) {
    EXPECT_EQ(archive_write_set_options(writer, options.c_str()), ARCHIVE_OK) << archive_error_string(writer);
    archive_write_set_passphrase(writer, "secret");
  }
  archive_write_set_bytes_per_block(writer, 0);
  size_t size = 4096 + 2 * members.size() * 2048;
  for (const Member& member : members) size += 2 * member.bytes.size() + 4096;
  std::string out(size, '\0');
  size_t used = 0;
  EXPECT_EQ(archive_write_open_memory(writer, out.data(), out.size(), &used), ARCHIVE_OK);
  for (const Member& member : members) {
    struct archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_filetype(entry, member.name.ends_with('/') ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, 1'600'000'000, 0);
    archive_entry_set_size(entry, static_cast<la_int64_t>(member.bytes.size()));
    EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
    archive_write_data(writer, member.bytes.data(), member.bytes.size());
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_free(writer), ARCHIVE_OK);
  out.resize(used);
  return out;
}

}  // namespace dicomhouse::transfer
