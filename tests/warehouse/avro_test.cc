#include "warehouse/internal/avro.h"

#include <gmock/gmock.h>
#include <zstd.h>

#include <random>

#include "table_maker.h"
#include "tests/support/deflate.h"
#include "warehouse/internal/codec.h"
#include "warehouse/internal/manifest.h"

namespace dicomhouse::warehouse {
namespace {

using base::ErrorCode;
using test_support::Deflate;
using testing::HasSubstr;

const char* const kSchema =
    R"({"type":"record","name":"r","fields":[{"name":"n","type":"long","field-id":1},)"
    R"({"name":"t","type":["null","string"],"field-id":2},{"name":"d","type":"double","field-id":3},)"
    R"({"name":"f","type":{"type":"fixed","name":"four","size":4},"field-id":4},)"
    R"({"name":"l","type":{"type":"array","items":["int","null"]},"field-id":5},{"name":"again","type":"four","field-id":6}]})";

AvroValue Sample(int64_t number) {
  AvroValue floating;
  floating.value = -2.5;
  return AvroValue(AvroValue::Record{{1, number},
                                     {2, number % 2 == 0 ? AvroValue() : AvroValue(std::string("text"))},
                                     {3, floating},
                                     {4, std::string("abcd")},
                                     {5, AvroValue::Array{AvroValue(int64_t{-7}), AvroValue()}},
                                     {6, std::string("efgh")}});
}

std::string MakeFile(int records) {
  auto writer = AvroWriter::Make({{"avro.schema", kSchema}, {"format-version", "2"}});
  EXPECT_OK(writer);
  for (int i = 0; i < records; ++i) EXPECT_OK(writer->Append(Sample(i)));
  return writer->Finish();
}

base::Result<std::vector<AvroValue>> ReadAll(const std::string& bytes, const std::set<int32_t>& skip = {}) {
  std::vector<AvroValue> rows;
  const auto header = ReadAvro(bytes, "f.avro", skip, [&](AvroValue row) -> base::Status {
    rows.push_back(std::move(row));
    return {};
  });
  if (!header.ok()) return header.error();
  return rows;
}

// The file's only block, packed by `codec`.
std::string Recode(const std::string& file, const std::string& codec,
                   const std::function<std::string(const std::string&)>& pack) {
  const auto writer = AvroWriter::Make({{"avro.schema", kSchema}, {"format-version", "2"}});
  std::string head = AvroWriter::Make({{"avro.schema", kSchema}, {"format-version", "2"}})->Finish();
  const std::string sync = file.substr(file.size() - 16);
  const size_t block = file.size() - 16;
  (void)block;
  // magic | map | sync | count | size | data | sync: count and size of one small block are two-byte numbers at most.
  const size_t start = head.size();
  size_t at = start;
  const auto number = [&](size_t& from) {
    uint64_t bits = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(file[from++]);
      bits |= uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return bits;
    }
  };
  number(at);
  const std::string count = file.substr(start, at - start);
  const uint64_t size = number(at) >> 1U;
  const std::string data = pack(file.substr(at, size));
  const auto put = [](uint64_t value) {
    std::string out;
    for (value <<= 1U; value > 0x7FU; value >>= 7U) out += static_cast<char>(0x80U | (value & 0x7FU));
    return out + static_cast<char>(value);
  };
  std::string header = file.substr(0, start);
  const size_t codec_at = header.find("avro.codec") + 10;
  header.replace(codec_at, 5, put(codec.size()) + codec);  // was: length 4, "null"
  return header + count + put(data.size()) + data + sync;
}

std::string Zstd(const std::string& data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3));
  return out;
}

// Literals only, as snappy may; and Avro's check sum.
std::string Snappy(const std::string& data) {
  std::string out;
  size_t size = data.size();
  for (; size > 0x7FU; size >>= 7U) out += static_cast<char>(0x80U | (size & 0x7FU));
  out += static_cast<char>(size);
  for (size_t at = 0; at < data.size(); at += 60) {
    const std::string piece = data.substr(at, 60);
    out += static_cast<char>((piece.size() - 1) << 2U);
    out += piece;
  }
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size()));
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>((sum >> shift) & 0xFFU);
  return out;
}

TEST(Avro, ReadsWhatItWrote) {
  const auto rows = ReadAll(MakeFile(5000));
  ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 5000U);
  const AvroValue& row = (*rows)[4999];
  EXPECT_EQ(row[1].as_int(), 4999);
  EXPECT_EQ(row[2].as_string(), "text");
  EXPECT_EQ(std::get<double>(row[3].value), -2.5);
  EXPECT_EQ(row[4].as_string(), "abcd");
  EXPECT_EQ(row[5].array()[0].as_int(), -7);
  EXPECT_TRUE(row[5].array()[1].is_null());
  EXPECT_EQ(row[6].as_string(), "efgh");
  EXPECT_TRUE((*rows)[0][2].is_null());
}

TEST(Avro, PassesOverFieldsNotAskedFor) {
  const auto rows = ReadAll(MakeFile(2), {2, 5});
  ASSERT_OK(rows);
  EXPECT_TRUE((*rows)[1][2].is_null());
  EXPECT_EQ((*rows)[1][6].as_string(), "efgh");
}

TEST(Avro, ReadsTheCodecsOfOtherWriters) {
  const std::string plain = MakeFile(30);
  for (const std::string& file :
       {Recode(plain, "deflate", Deflate), Recode(plain, "zstandard", Zstd), Recode(plain, "snappy", Snappy)}) {
    const auto rows = ReadAll(file);
    ASSERT_OK(rows);
    ASSERT_EQ(rows->size(), 30U);
    EXPECT_EQ((*rows)[29][1].as_int(), 29);
  }
  const auto other = ReadAll(Recode(plain, "xz", Deflate));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(other.error().message, HasSubstr("Avro codec 'xz' is not supported"));
}

TEST(Avro, RefusesEveryCutFile) {
  const std::string file = MakeFile(3);
  const size_t whole_header = AvroWriter::Make({{"avro.schema", kSchema}, {"format-version", "2"}})->Finish().size();
  for (size_t size = 0; size < file.size(); ++size) {
    const auto rows = ReadAll(file.substr(0, size));
    if (size == whole_header) continue;  // a file without blocks
    ASSERT_FALSE(rows.ok()) << size;
    EXPECT_THAT(rows.error().message, HasSubstr("f.avro"));
  }
}

TEST(Avro, RefusesOrReadsEveryChangedFile) {
  std::mt19937 random(7);
  for (const std::string& file : {MakeFile(3), Recode(MakeFile(30), "deflate", Deflate), Recode(MakeFile(30), "zstandard", Zstd),
                                  Recode(MakeFile(30), "snappy", Snappy)}) {
    for (int round = 0; round < 3000; ++round) {
      std::string changed = file;
      for (int change = 0; change < 1 + round % 3; ++change) changed[random() % changed.size()] = static_cast<char>(random());
      (void)ReadAll(changed);
      (void)ReadManifest(changed, "m", {});
      (void)ReadManifestList(changed, "l");
    }
  }
}

TEST(Avro, RefusesSchemasThatWouldNeverEnd) {
  const auto code = [](const std::string& schema) {
    const auto parsed = AvroSchema::Parse(schema);
    return parsed.ok() ? ErrorCode::kInvalidArgument : parsed.error().code;
  };
  EXPECT_EQ(code(R"({"type":"record","name":"a","fields":[{"name":"x","type":["null","a"]}]})"), ErrorCode::kUnsupported);
  std::string deep = R"("long")";
  for (int i = 0; i < 100; ++i) deep = R"({"type":"array","items":)" + deep + "}";
  EXPECT_EQ(code(deep), ErrorCode::kLimit);
  EXPECT_EQ(code(R"({"type":"map","values":"long"})"), ErrorCode::kUnsupported);
  EXPECT_EQ(code(R"({"type":"enum","name":"e","symbols":["A"]})"), ErrorCode::kUnsupported);
  EXPECT_EQ(code(R"(["null","long","string"])"), ErrorCode::kUnsupported);
  EXPECT_EQ(code(R"("unheard")"), ErrorCode::kCorrupt);
}

TEST(Avro, RefusesEndlessEmptyRecords) {
  // 2^30 records of two empty records each: a block of no bytes.
  std::string schema = R"({"type":"record","name":"r0","fields":[]})";
  schema = R"({"type":"record","name":"r1","fields":[{"name":"a","type":)" + schema + R"(},{"name":"b","type":"r0"}]})";
  std::string file = AvroWriter::Make({{"avro.schema", schema}})->Finish();
  const std::string sync = file.substr(file.size() - 16);
  file += std::string("\x80\x80\x80\x80\x08", 5) + std::string(1, '\0') + sync;
  const auto rows = ReadAvro(file, "f.avro", {}, [](const AvroValue&) { return base::Status(); });
  ASSERT_FALSE(rows.ok());
  EXPECT_THAT(rows.error().message, HasSubstr("more values than its size allows"));
}

TEST(Codec, ABombMeetsItsLimit) {
  const std::string zeros(1 << 20, '\0');
  EXPECT_EQ(InflateRaw(Deflate(zeros), 1000).error().code, ErrorCode::kLimit);
  EXPECT_EQ(DecompressZstd(Zstd(zeros), 1000).error().code, ErrorCode::kLimit);
  EXPECT_EQ(DecompressAvroSnappy(Snappy(zeros), 1000).error().code, ErrorCode::kLimit);
  EXPECT_EQ(*InflateRaw(Deflate(zeros), zeros.size()), zeros);
  EXPECT_EQ(*DecompressZstd(Zstd(zeros), zeros.size()), zeros);
}

}  // namespace
}  // namespace dicomhouse::warehouse
