// Any bytes as a statement: refused with a reason, or translated into SQL whose places all lie in the statement.
// The gate reads the same bytes as if the engine had printed them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "query/dialect.h"
#include "query/gate.h"
#include "table/schema.h"

namespace {

namespace query = dicomhouse::query;
namespace table = dicomhouse::table;

void Require(bool condition) {
  if (!condition) std::abort();
}

const table::Schema& Schema() {
  static const table::Schema kSchema = [] {
    table::Field text;
    text.name = "a";
    table::Field list = text;
    list.name = "l";
    list.mode = table::Mode::kRepeated;
    table::Field record;
    record.name = "r";
    record.type = table::Type::kRecord;
    record.mode = table::Mode::kRepeated;
    record.fields = {text, list};
    return table::Schema{{text, list, record}};
  }();
  return kSchema;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const query::KnownTable known{"dh_t1", &Schema()};
  const auto open = [&](const std::string& name, std::optional<int64_t>) -> dicomhouse::base::Result<const query::KnownTable*> {
    if (name.empty()) return dicomhouse::base::Error{};
    return &known;
  };
  const auto translation = query::Translate(text, open);
  if (translation.ok()) {
    Require(!translation->sql.empty());
    Require(translation->sql.find('\0') == std::string::npos);
    const query::Position last = translation->Locate(translation->sql.size());
    Require(last.line >= 1 && last.column >= 1);
  } else {
    Require(!translation.error().message.empty());
  }
  const auto refusal = query::CheckStatement(text, {"dh_t1"});
  if (!refusal.ok()) Require(!refusal.error().message.empty());
  return 0;
}
