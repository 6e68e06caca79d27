// Any bytes must be read without harm, and comparing an instance with the one before must change nothing: the rows of the
// input, of a neighbour that differs a little and of the input again are those that each gives alone, their lines of the
// account too, and accounts balance.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dicom/byte_source.h"
#include "dicom/instance.h"
#include "mapping/row_builder.h"
#include "table/part.h"
#include "tests/table/row_hash.h"
#include "tests/table/unroll.h"

namespace {

using namespace dicomhouse;

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Bytes with a long run of zeros put in somewhere: what lies beyond the first read is reached without large inputs.
class StretchedSource final : public dicom::ByteSource {
 public:
  StretchedSource(const std::vector<uint8_t>& bytes, size_t cut, size_t zeros) : all_(bytes) {
    all_.insert(all_.begin() + static_cast<std::ptrdiff_t>(cut), zeros, 0);
  }
  base::Result<size_t> ReadAt(uint64_t offset, std::span<uint8_t> out) override {
    if (offset >= all_.size()) return size_t{0};
    const size_t count = std::min<uint64_t>(out.size(), all_.size() - offset);
    std::memcpy(out.data(), all_.data() + offset, count);
    return count;
  }

 private:
  std::vector<uint8_t> all_;
};

class MemoryFile final : public base::OutputFile {
 public:
  base::Status Append(std::string_view bytes) override {
    bytes_.append(bytes);
    return {};
  }
  base::Status Truncate(uint64_t size) override {
    bytes_.resize(size);
    return {};
  }
  base::Status Sync() override { return {}; }
  base::Status Close() override { return {}; }

 private:
  std::string bytes_;
};

struct Input {
  std::vector<uint8_t> bytes;
  size_t cut = 0;
  size_t zeros = 0;
};

void CheckInstance(const dicom::Instance& instance, const Input& input) {
  uint32_t tag = 0;
  for (const dicom::TopElement& element : instance.elements) {
    Require(element.tag >= tag, "tags ascend");
    Require(element.start < element.value && element.value <= element.end && element.end <= instance.window.size(),
            "elements lie in the window");
    Require(instance.inflated || instance.OffsetOf(element) < input.bytes.size() + input.zeros, "elements lie in the source");
    tag = element.tag;
  }
}

// Adds the input as a row. False: it is no instance.
bool Add(const Input& input, dicom::InstanceReader& reader, mapping::RowBuilder& builder) {
  StretchedSource source(input.bytes, input.cut, input.zeros);
  dicom::Instance instance;
  const dicom::ReadOutcome outcome = reader.Read(source, instance);
  Require(outcome != dicom::ReadOutcome::kFailed || instance.elements.empty(), "what failed has no elements");
  if (outcome != dicom::ReadOutcome::kInstance) return false;
  CheckInstance(instance, input);
  builder.Add(instance, {"path", 0, 0}, true);
  Require(builder.row_totals().failed_balance == 0, "the account balances");
  return true;
}

// The rows that are in a builder, and the lines of the account, as numbers: putting them together as text took most of the time.
struct Rows {
  std::vector<uint64_t> rows;
  std::vector<uint64_t> account;

  Rows& operator+=(const Rows& o) {
    rows.insert(rows.end(), o.rows.begin(), o.rows.end());
    account.insert(account.end(), o.account.begin(), o.account.end());
    return *this;
  }
  bool operator==(const Rows& o) const = default;
};

Rows RowsOf(mapping::RowBuilder& builder) {
  builder.batch().Close();
  builder.account().Close();
  return {table::HashRows(builder.batch()), table::HashRows(builder.account())};
}

// For a finding: the rows and lines themselves.
void PrintRows(const char* title, mapping::RowBuilder& builder) {
  builder.batch().Close();
  builder.account().Close();
  for (const auto& row : table::Unroll(builder.batch())) std::fprintf(stderr, "%s %s\n", title, row.Print().c_str());
  for (const auto& line : table::Unroll(builder.account())) std::fprintf(stderr, "%s %s\n", title, line.Print().c_str());
}

void WritePart(const table::Batch& batch) {
  auto part = table::Part::Write(batch, std::make_unique<MemoryFile>(), table::TimeStorage{});
  Require(part.ok() && part->Finish(batch.SchemaOf(false)).ok(), "a part can be written");
}

// What the input gives alone.
Rows Alone(const Input& input, const mapping::Options& options, bool print = false) {
  dicom::InstanceReader reader;
  mapping::RowBuilder builder(options);
  if (!Add(input, reader, builder)) return {};
  if (print) PrintRows("alone   ", builder);
  return RowsOf(builder);
}

// The neighbour: a few bytes changed, perhaps cut. The input's last bytes say how.
Input Neighbour(const Input& input) {
  Input other = input;
  const size_t size = other.bytes.size();
  if (size < 8) return other;
  const uint8_t* last = input.bytes.data() + size - 8;
  uint16_t place = 0;
  std::memcpy(&place, last, sizeof place);
  other.bytes[place % size] ^= last[2];
  std::memcpy(&place, last + 3, sizeof place);
  other.bytes[place % size] = last[5];
  if (last[6] >= 0x80) other.bytes.resize(size - size * (last[6] & 0x7F) / 256);
  other.cut = std::min(other.cut, other.bytes.size());
  return other;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Input input;
  input.bytes.assign(data, data + size);
  if ((data[size - 1] & 3) == 3) {
    input.cut = size * (data[size - 1] >> 2) / 64;
    input.zeros = (data[size - 1] & 0x80) != 0 ? 40000 : 17000;  // three reads, or two: what follows zeros is slow
  }
  const Input other = Neighbour(input);
  mapping::Options options;
  if ((data[size - 1] & 0x40) != 0) options.profile = mapping::Profile::kLossless;
  const Rows row = Alone(input, options);
  Rows expected = row;
  expected += Alone(other, options);
  expected += row;
  dicom::InstanceReader reader;
  mapping::RowBuilder builder(options);
  for (int batch = 0; batch < 2; ++batch) {
    for (const Input* one : {&std::as_const(input), &other, &std::as_const(input)}) Add(*one, reader, builder);
    const Rows rows = RowsOf(builder);
    if (rows != expected) {
      PrintRows("together", builder);
      for (const Input* one : {&std::as_const(input), &other}) Alone(*one, options, true);
    }
    Require(rows == expected, "rows and accounts do not depend on the rows before");
    if (!rows.rows.empty() && batch == 0) WritePart(builder.batch());
    builder.Clear();
  }
  return 0;
}
