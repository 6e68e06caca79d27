// A multipart body gives the same parts however its bytes come and are asked for.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/multipart.h"

namespace {

using namespace dicomhouse;
using namespace dicomhouse::http;

class Pieces final : public BodyReader {
 public:
  Pieces(std::string_view bytes, size_t step) : bytes_(bytes), step_(step) {}
  base::Result<size_t> Read(std::span<uint8_t> out) override {
    const size_t count = std::min({out.size(), step_, bytes_.size()});
    std::copy_n(bytes_.begin(), count, out.begin());
    bytes_.remove_prefix(count);
    return count;
  }
  std::optional<uint64_t> length() const override { return std::nullopt; }

 private:
  std::string_view bytes_;
  size_t step_;
};

// Fields and bytes of all parts, as text that tells them apart; '!' where the body was malformed.
std::string PartsOf(std::string_view text, size_t step, size_t room) {
  Pieces body(text, step);
  MultipartReader reader(body, "b");
  std::vector<uint8_t> out(room);
  std::string all;
  while (true) {
    const auto more = reader.NextPart();
    if (!more.ok()) return all + "!";
    if (!*more) return all;
    for (const auto& [name, value] : reader.headers().fields())
      all += std::to_string(name.size()) + ":" + name + "=" + value + "\n";
    while (true) {
      const auto count = reader.Read(out);
      if (!count.ok()) return all + "!";
      if (*count == 0) break;
      all.append(out.begin(), out.begin() + static_cast<ptrdiff_t>(*count));
    }
    all += "|";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string whole = PartsOf(text, size + 1, size + 1);
  if (whole != PartsOf(text, 1, size + 1) || whole != PartsOf(text, 5, 3) || whole != PartsOf(text, size + 1, 1)) std::abort();
  return 0;
}
