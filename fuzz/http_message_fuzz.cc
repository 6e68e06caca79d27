// Whatever peers send as targets, fields, heads and chunks: what is accepted is what it says, however the bytes were cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/internal/body.h"
#include "http/internal/wire.h"
#include "http/message.h"

namespace {

using namespace dicomhouse;
using namespace dicomhouse::http;

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckTarget(std::string_view text) {
  const auto target = Target::Parse(text);
  Check(PercentDecode(PercentEncode(text)) == text);
  if (!target.ok()) return;
  std::string again = "/";
  for (size_t i = 0; i < target->segments.size(); ++i) {
    Check(target->segments[i].find('\0') == std::string::npos);
    again += (i > 0 ? "/" : "") + PercentEncode(target->segments[i]);
  }
  for (const auto& [name, value] : target->query) {
    again += (&name == &target->query.front().first ? "?" : "&") + PercentEncode(name) + "=" + PercentEncode(value);
  }
  const auto second = Target::Parse(again);
  Check(second.ok() && second->segments == target->segments && second->query == target->query);
}

void CheckMediaTypes(std::string_view text) {
  const auto media = ParseMediaType(text);
  if (media) Check(!media->type.empty() && !media->subtype.empty() && Matches(*media, media->type, media->subtype));
  double quality = 1;
  for (const AcceptRange& range : ParseAccept(text)) {
    Check(range.quality > 0 && range.quality <= quality);
    quality = range.quality;
  }
}

void CheckRange(std::string_view text) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, ~uint64_t{0}}) {
    const auto range = ParseRange(text, size);
    if (range.ok() && *range) Check((*range)->begin < (*range)->end && (*range)->end <= size);
  }
}

void CheckHead(std::string_view text) {
  internal::HeadScanner whole;
  internal::HeadScanner piecewise;
  const auto state = whole.Scan(text);
  auto last = internal::HeadScanner::State::kMore;
  for (size_t i = 1; i <= text.size() && last == internal::HeadScanner::State::kMore; ++i)
    last = piecewise.Scan(text.substr(0, i));
  Check(last == state && (state != internal::HeadScanner::State::kWhole || whole.length() == piecewise.length()));
  if (state != internal::HeadScanner::State::kWhole) return;
  const std::string_view head = text.substr(0, whole.length());
  internal::RequestHead request;
  if (!internal::ParseRequestHead(head, request)) {
    Check(!request.method.empty() && request.target.find_first_of("\r\n \0") == std::string::npos);
    std::string fields;
    internal::AppendFields(fields, request.headers);
    Check(static_cast<size_t>(std::count(fields.begin(), fields.end(), '\n')) == request.headers.fields().size());
    internal::Framing framing;
    (void)internal::FramingOf(request, framing);
    (void)internal::WantsKeepAlive(request.headers, request.minor);
  }
  const auto response = internal::ParseResponseHead(head);
  if (response.ok()) (void)internal::FramingOf(*response, "GET");
}

class Pieces final : public internal::Transport {
 public:
  Pieces(std::string_view bytes, size_t step) : bytes_(bytes), step_(step) {}
  base::Result<size_t> ReadSome(std::span<uint8_t> out) override {
    const size_t count = std::min({out.size(), step_, bytes_.size()});
    std::copy_n(bytes_.begin(), count, out.begin());
    bytes_.remove_prefix(count);
    return count;
  }
  base::Status Write(std::span<const std::string_view> /*pieces*/) override { return {}; }

 private:
  std::string_view bytes_;
  size_t step_;
};

// The bytes of a chunked body, '!' behind them where it was malformed.
std::string ReadChunks(std::string_view text, size_t step, size_t room, size_t early) {
  Pieces pieces(text, step);
  internal::InputBuffer buffer;
  internal::FramedBody body(buffer, pieces, {internal::Framing::Kind::kChunked, 0}, 1 << 20);
  (void)body.Prefetch(early);
  std::string all;
  std::vector<uint8_t> out(room);
  while (true) {
    const auto count = body.Read(out);
    if (!count.ok()) return all + "!";
    if (*count == 0) return all;
    all.append(out.begin(), out.begin() + static_cast<ptrdiff_t>(*count));
  }
}

}  // namespace

// The input: what it is (one byte), then its text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 't':
      CheckTarget(text);
      break;
    case 'm':
      CheckMediaTypes(text);
      break;
    case 'r':
      CheckRange(text);
      break;
    case 'h':
      CheckHead(text);
      break;
    case 'c': {
      const std::string whole = ReadChunks(text, text.size() + 1, text.size() + 1, 0);
      Check(whole == ReadChunks(text, 1, 3, 0) && whole == ReadChunks(text, 7, 1000, 5));
      break;
    }
    default:
      break;
  }
  return 0;
}
