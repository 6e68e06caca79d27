// `dicomhouse storage cp|ls|rm|buckets`: files to and from gs://, with the words of `gcloud storage` and `gsutil`.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "cli/command.h"
#include "cli/object_glob.h"
#include "cli/resource_list.h"
#include "cli/storage_client.h"
#include "cli/terminal.h"

namespace dicomhouse::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Json;
using store::ObjectUri;
namespace fs = std::filesystem;

struct StorageFlags {
  Server server;
  std::vector<std::string> urls;
  bool recursive = false;
  bool details = false;
  ListFlags list;  // of buckets
};

bool IsRemote(const std::string& url) { return url.starts_with("gs://"); }

// One file or object to be copied, and where to.
struct Step {
  std::string from;
  std::string to;
};

// A file descriptor that is closed with the object, unless it is one of the standard three.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ > STDERR_FILENO) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

// ---- which files and objects

// Where something called `name` goes: into the destination when that is a folder or a bucket, else under its own name.
std::string Join(const std::string& destination, const std::string& name, bool into) {
  if (!into) return destination;
  return destination + (destination.ends_with('/') ? "" : "/") + name;
}

std::string LastPart(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

// A part of an object's name below `folder` as a path of this machine: it must stay below the destination.
base::Status CheckRelative(const std::string& relative, const std::string& url) {
  for (const fs::path& part : fs::path(relative)) {
    if (part == ".." || part == "." || part.is_absolute()) {
      return Error{ErrorCode::kFailedPrecondition, url + ": its name can't be a file below the destination"};
    }
  }
  return {};
}

base::Status AddLocal(const std::string& source, const StorageFlags& flags, bool into, std::vector<Step>& steps) {
  const std::string& destination = flags.urls.back();
  std::error_code failed;
  if (source == "-") {
    if (into) return Error{ErrorCode::kInvalidArgument, "Standard input needs the name of an object: " + destination + "..."};
    steps.push_back({source, destination});
    return {};
  }
  if (!fs::is_directory(source, failed)) {
    if (!fs::exists(source, failed)) {
      return Error{ErrorCode::kNotFound, "The following URLs matched no objects or files:\n" + source};
    }
    steps.push_back({source, Join(destination, LastPart(source), into)});
    return {};
  }
  if (!flags.recursive) return Error{ErrorCode::kInvalidArgument, source + " is a folder; --recursive copies it"};
  const std::string folder = Join(destination, LastPart(fs::absolute(source).lexically_normal().string()), into);
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator at(source, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->is_regular_file(failed)) files.push_back(at->path().string());
  }
  if (failed) return Error{ErrorCode::kIo, source + ": " + failed.message()};
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    steps.push_back({file, Join(folder, fs::path(file).lexically_relative(source).generic_string(), true)});
  }
  return {};
}

base::Status AddRemote(StorageClient& storage, const std::string& source, const StorageFlags& flags, bool into,
                       std::vector<Step>& steps) {
  const std::string& destination = flags.urls.back();
  DH_ASSIGN(const ObjectUri uri, ObjectUri::Parse(source));
  const bool wild = ObjectGlob::IsWild(uri.object);
  DH_ASSIGN(const std::vector<std::string> names, storage.Expand(uri, flags.recursive));
  std::string folder = uri.object;
  while (folder.ends_with('/')) folder.pop_back();
  for (const std::string& name : names) {
    const std::string from = ObjectUri{uri.bucket, name}.Text();
    if (destination == "-") {
      steps.push_back({from, destination});
    } else if (wild || name == uri.object) {
      steps.push_back({from, Join(destination, LastPart(name), into || names.size() > 1)});
    } else {
      const std::string relative = folder.empty() ? name : name.substr(folder.size() + 1);
      if (relative.empty() || relative.ends_with('/')) continue;  // an object that stands for a folder
      if (!IsRemote(destination)) DH_CHECK(CheckRelative(relative, from));
      const std::string top = Join(destination, folder.empty() ? uri.bucket : LastPart(folder), into);
      steps.push_back({from, Join(top, relative, true)});
    }
  }
  return {};
}

// ---- copying

base::Status CopyUp(StorageClient& storage, const Step& step) {
  DH_ASSIGN(const ObjectUri to, ObjectUri::Parse(step.to));
  const Descriptor file(step.from == "-" ? STDIN_FILENO : ::open(step.from.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) return Error{ErrorCode::kIo, step.from + ": can't be opened"};
  DescriptorBody body(file.number());
  DH_CHECK(storage.Upload(body, to));
  return {};
}

// Under another name until it is whole.
base::Status CopyDown(StorageClient& storage, const Step& step) {
  DH_ASSIGN(const ObjectUri from, ObjectUri::Parse(step.from));
  if (step.to == "-") {
    return storage.Download(from, PrintBytes);
  }
  base::FileSystem& files = base::RealFileSystem();
  const std::string folder = fs::path(step.to).parent_path().string();
  if (!folder.empty()) DH_CHECK(files.MakeFolders(folder));
  const std::string partial = step.to + ".partial";
  DH_ASSIGN(const auto file, files.Create(partial));
  base::Status done = storage.Download(from, [&file](std::string_view bytes) { return file->Append(bytes); });
  if (done.ok()) done = file->Close();
  if (done.ok()) done = files.Rename(partial, step.to);
  if (!done.ok()) (void)files.Remove(partial);
  return done;
}

base::Result<int> Copy(const StorageFlags& flags, StorageClient& storage) {
  if (flags.urls.size() < 2) return Error{ErrorCode::kInvalidArgument, "give what to copy and where to"};
  const std::string& destination = flags.urls.back();
  std::error_code failed;
  bool into = destination.ends_with('/') || flags.urls.size() > 2;
  if (IsRemote(destination)) {
    DH_ASSIGN(const ObjectUri uri, ObjectUri::Parse(destination));
    into |= uri.object.empty();
  } else {
    into |= fs::is_directory(destination, failed);
  }
  std::vector<Step> steps;
  for (size_t i = 0; i + 1 < flags.urls.size(); ++i) {
    const std::string& source = flags.urls[i];
    if (!IsRemote(source) && !IsRemote(destination)) {
      return Error{ErrorCode::kInvalidArgument, "one of " + source + " and " + destination + " must be a gs:// URL"};
    }
    DH_CHECK(IsRemote(source) ? AddRemote(storage, source, flags, into, steps) : AddLocal(source, flags, into, steps));
  }
  for (const Step& step : steps) {
    std::fprintf(stderr, "Copying %s to %s\n", Printable(IsRemote(step.from) ? step.from : "file://" + step.from).c_str(),
                 Printable(IsRemote(step.to) ? step.to : "file://" + step.to).c_str());
    if (IsRemote(step.from) && IsRemote(step.to)) {
      DH_ASSIGN(const ObjectUri from, ObjectUri::Parse(step.from));
      DH_ASSIGN(const ObjectUri to, ObjectUri::Parse(step.to));
      DH_CHECK(storage.Copy(from, to));
    } else {
      DH_CHECK(IsRemote(step.from) ? CopyDown(storage, step) : CopyUp(storage, step));
    }
  }
  return kDone;
}

// ---- listing and removing

void PrintObject(const std::string& bucket, const Json& object, bool details) {
  const std::string url = Printable("gs://" + bucket + "/" + object["name"].as_string());
  if (details) {
    std::printf("%10s  %s  %s\n", object["size"].as_string().c_str(),
                object["timeCreated"].as_string().substr(0, 19).append("Z").c_str(), url.c_str());
  } else {
    std::printf("%s\n", url.c_str());
  }
}

base::Status ListUrl(const StorageFlags& flags, StorageClient& storage, const std::string& url) {
  DH_ASSIGN(const ObjectUri uri, ObjectUri::Parse(url));
  const bool wild = ObjectGlob::IsWild(uri.object);
  if (wild || flags.recursive) {
    DH_ASSIGN(const std::vector<std::string> names, storage.Expand(uri, true));
    for (const std::string& name : names) {
      Json object = Json::MakeObject();
      object.Set("name", name);
      if (flags.details) {
        DH_ASSIGN(object, storage.Get({uri.bucket, name}));
      }
      PrintObject(uri.bucket, object, flags.details);
    }
    return {};
  }
  DH_ASSIGN(StorageClient::Listing listing, storage.List(uri.bucket, uri.object, "/"));
  const bool folder = uri.object.empty() || uri.object.ends_with('/');
  const std::string below = uri.object + "/";
  if (!folder && std::find(listing.prefixes.begin(), listing.prefixes.end(), below) != listing.prefixes.end()) {
    DH_ASSIGN(listing, storage.List(uri.bucket, below, "/"));
  } else if (!folder) {
    std::erase_if(listing.objects, [&uri](const Json& object) { return object["name"].as_string() != uri.object; });
    listing.prefixes.clear();
  }
  if (listing.objects.empty() && listing.prefixes.empty() && !uri.object.empty()) {
    return Error{ErrorCode::kNotFound, "One or more URLs matched no objects."};
  }
  for (const Json& object : listing.objects) PrintObject(uri.bucket, object, flags.details);
  for (const std::string& prefix : listing.prefixes) std::printf("%s\n", Printable("gs://" + uri.bucket + "/" + prefix).c_str());
  return {};
}

base::Result<int> ListBuckets(const StorageFlags& flags, StorageClient& storage) {
  DH_ASSIGN(const Selection selection, Selection::Make(flags.list, {}));
  DH_ASSIGN(Json::Array buckets, storage.ListBuckets(flags.server.project, flags.list.page_size));
  selection.Apply(buckets);
  for (const Json& bucket : buckets) std::printf("gs://%s/\n", bucket["name"].as_string().c_str());
  return kDone;
}

base::Result<int> ListUrls(const StorageFlags& flags, StorageClient& storage) {
  if (flags.urls.empty()) return ListBuckets(flags, storage);
  for (const std::string& url : flags.urls) DH_CHECK(ListUrl(flags, storage, url));
  return kDone;
}

base::Result<int> Remove(const StorageFlags& flags, StorageClient& storage) {
  for (const std::string& url : flags.urls) {
    DH_ASSIGN(const ObjectUri uri, ObjectUri::Parse(url));
    const bool whole = uri.object.empty();
    if (whole && !flags.recursive) return Error{ErrorCode::kInvalidArgument, url + " is a bucket; --recursive removes it"};
    const auto names = storage.Expand(uri, flags.recursive);
    if (!names.ok() && !(whole && names.error().code == ErrorCode::kNotFound)) return names.error();
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
      std::fprintf(stderr, "Removing %s...\n", Printable(ObjectUri{uri.bucket, name}.Text()).c_str());
      DH_CHECK(storage.Delete({uri.bucket, name}));
    }
    if (!whole) continue;
    std::fprintf(stderr, "Removing gs://%s/...\n", uri.bucket.c_str());
    DH_CHECK(storage.DeleteBucket(uri.bucket));
  }
  return kDone;
}

base::Result<int> CreateBuckets(const StorageFlags& flags, StorageClient& storage) {
  for (const std::string& url : flags.urls) {
    DH_ASSIGN(const ObjectUri uri, ObjectUri::Parse(url));
    std::fprintf(stderr, "Creating gs://%s/...\n", uri.bucket.c_str());
    DH_CHECK(storage.CreateBucket(flags.server.project, uri.bucket));
  }
  return kDone;
}

base::Result<int> DeleteBuckets(const StorageFlags& flags, StorageClient& storage) {
  for (const std::string& url : flags.urls) {
    DH_ASSIGN(const ObjectUri uri, ObjectUri::Parse(url));
    std::fprintf(stderr, "Removing gs://%s/...\n", uri.bucket.c_str());
    DH_CHECK(storage.DeleteBucket(uri.bucket));
  }
  return kDone;
}

// ---- the commands

struct StorageCommand {
  const char* group;  // "" or "buckets"
  const char* name;
  const char* brief;
  const char* examples;
  base::Result<int> (*run)(const StorageFlags&, StorageClient&);
  bool urls_required;
  bool recursive;
};

constexpr StorageCommand kStorageCommands[] = {
    {"", "cp", "Copy files and objects",
     "  dicomhouse storage cp filter.txt gs://my-bucket\n"
     "  dicomhouse storage cp -r scans gs://my-bucket/scans\n"
     "  dicomhouse storage cp gs://my-bucket/filter.txt -\n"
     "  dicomhouse storage cp 'gs://my-bucket/**.dcm' gs://other-bucket/",
     Copy, true, true},
    {"", "ls", "List buckets and objects",
     "  dicomhouse storage ls\n  dicomhouse storage ls -l gs://my-bucket/scans\n  dicomhouse storage ls -r gs://my-bucket",
     ListUrls, false, true},
    {"", "rm", "Remove objects",
     "  dicomhouse storage rm gs://my-bucket/filter.txt\n  dicomhouse storage rm -r gs://my-bucket/scans", Remove, true, true},
    {"buckets", "create", "Make buckets", "  dicomhouse storage buckets create gs://my-bucket", CreateBuckets, true, false},
    {"buckets", "list", "List buckets",
     "  dicomhouse storage buckets list\n  dicomhouse storage buckets list --filter='name:scans*'", ListBuckets, false, false},
    {"buckets", "delete", "Remove empty buckets", "  dicomhouse storage buckets delete gs://my-bucket", DeleteBuckets, true,
     false},
};

int RunStorage(const StorageCommand& command, const StorageFlags& flags, const std::string& track) {
  const auto code = [&]() -> base::Result<int> {
    DH_ASSIGN(ApiClient api, ApiClient::Make(flags.server));
    StorageClient storage(api);
    return command.run(flags, storage);
  }();
  if (code.ok()) return *code;
  const std::string words = track + "storage." + (*command.group == 0 ? "" : std::string(command.group) + ".") + command.name;
  std::fprintf(stderr, "ERROR: (dicomhouse.%s) %s\n", words.c_str(), code.error().message.c_str());
  return kFailed;
}

}  // namespace

void AddStorage(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<StorageFlags>();
  CLI::App* storage = app.add_subcommand("storage", "Buckets and objects of a server: cp, ls, rm");
  storage->require_subcommand(1);
  storage->footer(
      "Examples:\n"
      "  dicomhouse storage buckets create gs://my-bucket\n"
      "  dicomhouse storage cp -r scans gs://my-bucket\n"
      "  dicomhouse storage ls gs://my-bucket");
  CLI::App* buckets = storage->add_subcommand("buckets", "Buckets: what objects are in");
  buckets->require_subcommand(1);
  buckets->footer("Example:\n  dicomhouse storage buckets create gs://my-bucket");
  for (const StorageCommand& command : kStorageCommands) {
    CLI::App* child = (*command.group == 0 ? storage : buckets)->add_subcommand(command.name, command.brief);
    child->footer("Examples:\n" + std::string(command.examples));
    if (command.run != ListBuckets) {
      auto* urls =
          child->add_option("URL", flags->urls,
                            "gs://BUCKET/OBJECT, with *, **, ?, [a-z] and [!a-z]; cp: files too, - for standard input or output");
      if (command.urls_required) urls->required();
    }
    if (command.recursive) child->add_flag("-r,-R,--recursive", flags->recursive, "What is below folders and prefixes too");
    if (command.run == ListUrls) child->add_flag("-l,--long", flags->details, "Sizes and times too");
    if (command.run == ListBuckets) AddListFlags(*child, flags->list);
    AddServerFlags(*child, flags->server);
    child->callback([&command, flags, &common, &run] {
      run = [&command, flags, &common] { return RunStorage(command, *flags, common.track); };
    });
  }
}

}  // namespace dicomhouse::cli
