// The Retrieve transaction (WADO-RS, PS3.18 §10.4). Nothing is decoded or transcoded: what is stored is what can be had.
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "api/dicomweb/dicomweb.h"
#include "base/limits.h"
#include "dicom/frames.h"
#include "http/multipart.h"

namespace dicomhouse::api::dicomweb {
namespace {

using base::Error;
using base::ErrorCode;

constexpr std::string_view kExplicitLittleEndian = "1.2.840.10008.1.2.1";
constexpr size_t kMaxFramesInList = 10000;

// ---- Instances of a resource

// Walks over the instances of a study, series or single instance, a page at a time.
class InstanceWalk {
 public:
  InstanceWalk(store::Instances& instances, const Resource& resource) : instances_(&instances), resource_(&resource) {}
  // The next instance, or null at the end.
  base::Result<const store::InstanceInfo*> Next() {
    if (at_ == page_.size()) {
      if (ended_) return nullptr;
      DH_CHECK(Fill());
    }
    return at_ < page_.size() ? &page_[at_++] : nullptr;
  }

 private:
  base::Status Fill() {
    const store::InstanceKey& key = resource_->key;
    const int64_t after = page_.empty() ? 0 : page_.back().id;
    page_.clear();
    at_ = 0;
    if (!key.instance.empty()) {
      ended_ = true;
      DH_ASSIGN(store::InstanceInfo info, instances_->Find(resource_->dicom_store.id, key));
      page_.push_back(std::move(info));
      return {};
    }
    DH_ASSIGN(page_, instances_->List(resource_->dicom_store.id, key.study, key.series, after, base::kMaxPageSize));
    ended_ = page_.size() < static_cast<size_t>(base::kMaxPageSize);
    return {};
  }

  store::Instances* instances_;
  const Resource* resource_;
  std::vector<store::InstanceInfo> page_;
  size_t at_ = 0;
  bool ended_ = false;
};

Error NotThere(const Resource& resource) {
  const char* what = resource.key.series.empty() ? "study " : "series ";
  const std::string& uid = resource.key.series.empty() ? resource.key.study : resource.key.series;
  return {ErrorCode::kNotFound, std::string("There is no ") + what + uid + " in the DICOM store."};
}

// The transfer syntaxes of the resource's instances, each once. Errors: kNotFound: there is no instance.
base::Result<std::vector<std::string>> SyntaxesOf(store::Instances& instances, const Resource& resource) {
  std::vector<std::string> syntaxes;
  InstanceWalk walk(instances, resource);
  while (true) {
    DH_ASSIGN(const store::InstanceInfo* info, walk.Next());
    if (info == nullptr) break;
    if (std::find(syntaxes.begin(), syntaxes.end(), info->transfer_syntax) == syntaxes.end()) {
      syntaxes.push_back(info->transfer_syntax);
    }
  }
  if (syntaxes.empty()) return NotThere(resource);
  return syntaxes;
}

std::string DicomType(const store::InstanceInfo& info) {
  return "application/dicom" + (info.transfer_syntax.empty() ? "" : "; transfer-syntax=" + info.transfer_syntax);
}

std::string RelatedType(const std::string& type, const std::string& boundary) {
  return "multipart/related; type=\"" + type + "\"; boundary=" + boundary;
}

base::Status SendInstance(store::Instances& instances, const store::InstanceInfo& info, http::BodyWriter& out) {
  DH_ASSIGN(const std::unique_ptr<store::Blob> blob, instances.OpenBlob(info));
  const dicom::ByteSpan all{0, info.bytes};
  return dicom::CopySpans(*blob, {&all, 1}, 1, [&out](std::string_view bytes) { return out.Write(bytes); });
}

// How a resource is to be sent as DICOM; nothing: not at all.
std::optional<Wanted> ChooseDicom(const http::Request& request, const std::vector<std::string>& stored, bool one_instance) {
  for (const Wanted& wanted : WantedOf(request)) {
    if (!http::Matches(wanted.type, "application", "dicom") || (!wanted.multipart && !one_instance)) continue;
    const bool as_stored = stored.size() == 1 && stored.front() == wanted.transfer_syntax;
    if (IsWildSyntax(wanted.transfer_syntax) || as_stored) return wanted;
  }
  return std::nullopt;
}

// ---- Frames

// The media type of frames in a transfer syntax (PS3.18 table 8.7.3-5): as they are stored.
std::string FrameType(std::string_view syntax) {
  constexpr std::string_view kRoot = "1.2.840.10008.1.2.";
  if (!syntax.starts_with(kRoot)) return "application/octet-stream";
  const std::string_view rest = syntax.substr(kRoot.size());
  if (rest == "5") return "image/dicom-rle";
  if (rest == "4.80" || rest == "4.81") return "image/jls";
  if (rest == "4.90" || rest == "4.91") return "image/jp2";
  if (rest == "4.92" || rest == "4.93") return "image/jpx";
  if (rest == "4.201" || rest == "4.202" || rest == "4.203") return "image/jphc";
  if (rest == "4.110" || rest == "4.111" || rest == "4.112") return "image/jxl";
  if (rest == "4.50" || rest == "4.51" || rest == "4.57" || rest == "4.70") return "image/jpeg";
  if (rest.starts_with("4.100") || rest.starts_with("4.101")) return "video/mpeg";
  if (rest.starts_with("4.102") || rest.starts_with("4.103") || rest.starts_with("4.104") || rest.starts_with("4.105") ||
      rest.starts_with("4.106")) {
    return "video/mp4";
  }
  return "application/octet-stream";
}

// How frames are to be sent: `type` is then the type of each. Native ones are octets in little endian; encapsulated ones are
// what they are, as their own type, or as octets when the client takes any transfer syntax or names this one.
std::optional<Wanted> ChooseFrames(const http::Request& request, std::string_view syntax, bool encapsulated, bool one_frame) {
  const std::string stored = encapsulated ? FrameType(syntax) : "application/octet-stream";
  const std::string_view sent_syntax = encapsulated ? syntax : kExplicitLittleEndian;
  for (Wanted wanted : WantedOf(request)) {
    if (!wanted.multipart && !one_frame) continue;
    const bool syntax_fits = IsWildSyntax(wanted.transfer_syntax) || wanted.transfer_syntax == sent_syntax;
    const size_t slash = stored.find('/');
    const bool own_type = http::Matches(wanted.type, stored.substr(0, slash), stored.substr(slash + 1));
    const bool octets = http::Matches(wanted.type, "application", "octet-stream");
    if (!syntax_fits || (!own_type && !octets)) continue;
    // Octets without a transfer syntax are those of the default one, which compressed frames are not (§8.7.3.5.2).
    if (!own_type && wanted.transfer_syntax.empty()) continue;
    wanted.type = *http::ParseMediaType(own_type ? stored : "application/octet-stream");
    return wanted;
  }
  return std::nullopt;
}

// "1,3,5": numbers from 1. Errors: kInvalidArgument; kNotFound: there are fewer.
base::Result<std::vector<uint64_t>> ParseFrames(std::string_view text, uint64_t frames) {
  std::vector<uint64_t> list;
  while (true) {
    const size_t end = std::min(text.find(','), text.size());
    uint64_t number = 0;
    const auto [stop, code] = std::from_chars(text.data(), text.data() + end, number);
    if (end == 0 || code != std::errc() || stop != text.data() + end || number == 0 || list.size() == kMaxFramesInList) {
      return Error{ErrorCode::kInvalidArgument, "Frames are a list of numbers from 1: \"1,3,5\"."};
    }
    if (number > frames) {
      return Error{ErrorCode::kNotFound,
                   "There is no frame " + std::to_string(number) + ": the instance has " + std::to_string(frames) + "."};
    }
    list.push_back(number - 1);
    if (end == text.size()) return list;
    text.remove_prefix(end + 1);
  }
}

// One instance that is open, with its header. Not moved: parts refer to each other.
struct OpenInstance {
  store::InstanceInfo info;
  std::unique_ptr<store::Blob> blob;
  dicom::Instance header;
};

base::Result<std::shared_ptr<OpenInstance>> Open(const Context& context, const Resource& resource) {
  auto open = std::make_shared<OpenInstance>();
  DH_ASSIGN(open->info, context.instances->Find(resource.dicom_store.id, resource.key));
  DH_ASSIGN(open->blob, context.instances->OpenBlob(open->info));
  dicom::InstanceReader reader;
  if (reader.Read(*open->blob, open->header) != dicom::ReadOutcome::kInstance) {
    return Error{ErrorCode::kIo, "the bytes of instance " + resource.key.instance + " could not be read"};
  }
  return open;
}

// What is wrong with a stored instance is no fault of the request: it has no such frames or values.
http::Response ValueError(const Error& error) {
  return error.code == ErrorCode::kCorrupt ? ErrorResponse(404, error.message) : ErrorResponse(error);
}

http::Response SendFrames(const std::shared_ptr<OpenInstance>& open, const std::shared_ptr<dicom::FrameIndex>& index,
                          std::vector<uint64_t> frames, const Wanted& wanted) {
  const std::string type = wanted.type.Essence();
  const std::string syntax = index->encapsulated() ? open->info.transfer_syntax : std::string(kExplicitLittleEndian);
  const std::string part_type = type + "; transfer-syntax=" + syntax;
  http::Response response;
  if (!wanted.multipart) {
    response.headers.Set("Content-Type", part_type);
    response.length = index->FrameBytes(frames.front());
    response.stream = [open, index, frame = frames.front()](http::BodyWriter& out) {
      const auto values = dicom::OpenValues(*open->blob, open->header);
      return index->Write(*values, frame, [&out](std::string_view bytes) { return out.Write(bytes); });
    };
    return response;
  }
  const std::string boundary = http::NewBoundary();
  response.headers.Set("Content-Type", RelatedType(type, boundary));
  response.stream = [open, index, frames = std::move(frames), part_type, boundary](http::BodyWriter& out) -> base::Status {
    http::MultipartWriter parts(out, boundary);
    for (const uint64_t frame : frames) {
      const auto values = dicom::OpenValues(*open->blob, open->header);  // anew: lists need not ascend
      DH_CHECK(parts.BeginPart({{"Content-Type", part_type}, {"Content-Length", std::to_string(index->FrameBytes(frame))}}));
      DH_CHECK(index->Write(*values, frame, [&out](std::string_view bytes) { return out.Write(bytes); }));
    }
    return parts.Finish();
  };
  return response;
}

// Frames of an instance; an empty list means all of them.
http::Response Frames(const http::Request& request, const std::shared_ptr<OpenInstance>& open, std::string_view list) {
  auto made = dicom::FrameIndex::Make(open->header);
  if (!made.ok()) return ValueError(made.error());
  auto index = std::make_shared<dicom::FrameIndex>(*std::move(made));
  std::vector<uint64_t> frames;
  if (list.empty()) {
    for (uint64_t i = 0; i < index->frames(); ++i) frames.push_back(i);
  } else {
    auto parsed = ParseFrames(list, index->frames());
    if (!parsed.ok()) return ErrorResponse(parsed.error());
    frames = *std::move(parsed);
  }
  const auto wanted = ChooseFrames(request, open->info.transfer_syntax, index->encapsulated(), frames.size() == 1);
  if (!wanted) {
    return NotAcceptable(
        "The frames are stored in transfer syntax " + open->info.transfer_syntax +
        " and are not transcoded: accept multipart/related; type=\"application/octet-stream\"; transfer-syntax=*" +
        (index->encapsulated() ? ", or type=\"" + FrameType(open->info.transfer_syntax) + "\"." : "."));
  }
  const auto values = dicom::OpenValues(*open->blob, open->header);
  if (const auto located = index->Locate(*values, open->header); !located.ok()) return ValueError(located.error());
  for (const uint64_t frame : frames) {
    const auto bytes = dicom::OpenValues(*open->blob, open->header);  // anew: lists need not ascend
    if (const auto whole = index->Check(*bytes, frame); !whole.ok()) return ValueError(whole.error());
  }
  return SendFrames(open, index, std::move(frames), *wanted);
}

}  // namespace

http::Response RetrieveDicom(const Context& context, const http::Request& request, const PathValues& path) {
  auto resource = FindResource(context, request, path);
  if (!resource.ok()) return ErrorResponse(resource.error());
  const auto syntaxes = SyntaxesOf(*context.instances, *resource);
  if (!syntaxes.ok()) return ErrorResponse(syntaxes.error());
  const bool one_instance = !resource->key.instance.empty();
  const auto wanted = ChooseDicom(request, *syntaxes, one_instance);
  if (!wanted) {
    std::string stored;
    for (const std::string& syntax : *syntaxes) stored += (stored.empty() ? "" : ", ") + syntax;
    return NotAcceptable("Instances are sent as they are stored, in transfer syntax " + stored +
                         ", and are not transcoded: accept multipart/related; type=\"application/dicom\"; transfer-syntax=*" +
                         (one_instance ? " or application/dicom; transfer-syntax=*." : "."));
  }
  http::Response response;
  auto held = std::make_shared<Resource>(*std::move(resource));
  store::Instances* instances = context.instances;
  if (!wanted->multipart) {
    auto info = instances->Find(held->dicom_store.id, held->key);
    if (!info.ok()) return ErrorResponse(info.error());
    response.headers.Set("Content-Type", DicomType(*info));
    response.length = info->bytes;
    response.stream = [instances, info = *std::move(info)](http::BodyWriter& out) { return SendInstance(*instances, info, out); };
    return response;
  }
  const std::string boundary = http::NewBoundary();
  response.headers.Set("Content-Type", RelatedType("application/dicom", boundary));
  response.stream = [instances, held, boundary](http::BodyWriter& out) -> base::Status {
    http::MultipartWriter parts(out, boundary);
    InstanceWalk walk(*instances, *held);
    while (true) {
      DH_ASSIGN(const store::InstanceInfo* info, walk.Next());
      if (info == nullptr) return parts.Finish();
      DH_CHECK(parts.BeginPart({{"Content-Type", DicomType(*info)}, {"Content-Length", std::to_string(info->bytes)}}));
      DH_CHECK(SendInstance(*instances, *info, out));
    }
  };
  return response;
}

http::Response RetrieveMetadata(const Context& context, const http::Request& request, const PathValues& path) {
  auto resource = FindResource(context, request, path);
  if (!resource.ok()) return ErrorResponse(resource.error());
  if (!AcceptsJson(request)) return NotAcceptable("Metadata is there as application/dicom+json.");
  auto held = std::make_shared<Resource>(*std::move(resource));
  auto walk = std::make_shared<InstanceWalk>(*context.instances, *held);
  auto first = walk->Next();
  if (!first.ok()) return ErrorResponse(first.error());
  if (*first == nullptr) return ErrorResponse(NotThere(*held));
  http::Response response;
  response.headers.Set("Content-Type", "application/dicom+json");
  response.stream = [instances = context.instances, held, walk, info = *first](http::BodyWriter& out) mutable -> base::Status {
    std::string url;
    dicom::DicomJsonOptions options;
    options.bulk_uri = [&url](const std::string& value) { return url + value; };
    dicom::DicomJsonWriter writer(std::move(options));
    dicom::InstanceReader reader;
    dicom::Instance instance;
    std::string json = "[";
    while (info != nullptr) {
      DH_ASSIGN(const std::unique_ptr<dicom::ByteSource> header, instances->OpenHeader(*info));
      if (reader.Read(*header, instance) != dicom::ReadOutcome::kInstance) {
        return Error{ErrorCode::kIo, "the header of instance " + info->key.instance + " could not be read"};
      }
      url = held->Url(info->key) + "/bulkdata/";
      writer.AppendDataSet(instance, json);
      DH_ASSIGN(info, walk->Next());
      json += info == nullptr ? ']' : ',';
      if (json.size() < base::kCopyBytes && info != nullptr) continue;
      DH_CHECK(out.Write(json));
      json.clear();
    }
    return {};
  };
  return response;
}

http::Response RetrieveFrames(const Context& context, const http::Request& request, const PathValues& path) {
  const auto resource = FindResource(context, request, path);
  if (!resource.ok()) return ErrorResponse(resource.error());
  auto open = Open(context, *resource);
  if (!open.ok()) return ErrorResponse(open.error());
  return Frames(request, *std::move(open), path["frames"]);
}

http::Response RetrieveBulkData(const Context& context, const http::Request& request, const PathValues& path) {
  const auto resource = FindResource(context, request, path);
  if (!resource.ok()) return ErrorResponse(resource.error());
  auto open = Open(context, *resource);
  if (!open.ok()) return ErrorResponse(open.error());
  const auto place = dicom::FindValue((*open)->header, path["path"]);
  if (!place.ok()) return ErrorResponse(place.error());
  if (place->fragments) return Frames(request, *std::move(open), "");
  if (place->cut) return ErrorResponse(404, "The instance ends inside the value " + path["path"] + ": it was cut.");
  const auto all = WantedOf(request);
  const auto wanted = std::find_if(all.begin(), all.end(), [](const Wanted& one) {
    const bool syntax_fits = IsWildSyntax(one.transfer_syntax) || one.transfer_syntax == kExplicitLittleEndian;
    return syntax_fits && http::Matches(one.type, "application", "octet-stream");
  });
  if (wanted == all.end()) return NotAcceptable("The value is there as application/octet-stream.");
  http::Response response;
  dicom::ByteSpan span = place->bytes;
  if (!wanted->multipart || wanted->anything) {
    const auto range = http::ParseRange(request.headers.Get("Range"), span.length);
    if (!range.ok()) {
      response = ErrorResponse(416, range.error().message);
      response.headers.Set("Content-Range", "bytes */" + std::to_string(span.length));
      return response;
    }
    // A range of turned words would need the words around it.
    if (*range && place->swap == 1) {
      response.status = 206;
      response.headers.Set("Content-Range", "bytes " + std::to_string((*range)->begin) + "-" + std::to_string((*range)->end - 1) +
                                                "/" + std::to_string(span.length));
      span = {span.offset + (*range)->begin, (*range)->end - (*range)->begin};
    }
    response.headers.Set("Content-Type", "application/octet-stream");
    response.headers.Set("Accept-Ranges", "bytes");
    response.length = span.length;
    response.stream = [open = *std::move(open), span, swap = place->swap](http::BodyWriter& out) {
      const auto values = dicom::OpenValues(*open->blob, open->header);
      return dicom::CopySpans(*values, {&span, 1}, swap, [&out](std::string_view bytes) { return out.Write(bytes); });
    };
    return response;
  }
  const std::string boundary = http::NewBoundary();
  response.headers.Set("Content-Type", RelatedType("application/octet-stream", boundary));
  response.stream = [open = *std::move(open), span, swap = place->swap, boundary](http::BodyWriter& out) -> base::Status {
    http::MultipartWriter parts(out, boundary);
    const auto values = dicom::OpenValues(*open->blob, open->header);
    DH_CHECK(parts.BeginPart({{"Content-Type", "application/octet-stream"}, {"Content-Length", std::to_string(span.length)}}));
    DH_CHECK(dicom::CopySpans(*values, {&span, 1}, swap, [&out](std::string_view bytes) { return out.Write(bytes); }));
    return parts.Finish();
  };
  return response;
}

}  // namespace dicomhouse::api::dicomweb
