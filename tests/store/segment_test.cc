#include "store/internal/segment.h"

#include <gtest/gtest.h>

#include "store/internal/crc32c.h"
#include "store/internal/header_bytes.h"
#include "tests/store/instance_maker.h"

namespace dicomhouse::store {
namespace {

using testing::AsBytes;

// RFC 9260 has no vectors; these are of RFC 3720 §B.4.
TEST(ChecksumTest, BothWaysGiveTheStandardsValues) {
  const std::string zeros(32, '\0');
  const std::string ones(32, '\xff');
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  for (const auto& extend : {ExtendCrc32c, ExtendCrc32cByTable}) {
    EXPECT_EQ(extend(0, AsBytes(zeros)), 0x8A9136AAU);
    EXPECT_EQ(extend(0, AsBytes(ones)), 0x62A8AB43U);
    EXPECT_EQ(extend(0, AsBytes(ascending)), 0x46DD794EU);
    EXPECT_EQ(extend(extend(0, AsBytes(ascending).first(13)), AsBytes(ascending).subspan(13)), 0x46DD794EU);
  }
}

TEST(RecordTest, AHeaderComesBackAndAnyFlippedByteIsSeen) {
  std::string bytes;
  AppendRecordHeader(bytes, {RecordKind::kHeader, 3, 77, "1.2.3.4", 1000, 0x12345678});
  ASSERT_EQ(bytes.size(), RecordHeaderBytes(7));
  const auto header = ReadRecordHeader(bytes);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->kind, RecordKind::kHeader);
  EXPECT_EQ(header->store, 3);
  EXPECT_EQ(header->id, 77);
  EXPECT_EQ(header->uid, "1.2.3.4");
  EXPECT_EQ(header->bytes, 1000u);
  EXPECT_EQ(header->checksum, 0x12345678U);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    EXPECT_FALSE(ReadRecordHeader(damaged).ok()) << i;
    EXPECT_FALSE(ReadRecordHeader(std::string_view(bytes).substr(0, i)).ok()) << i;
  }
}

TEST(HeaderBytesTest, GapsComeFromTheInstanceAndOnlyThen) {
  testing::Facts facts;
  facts.pixel_bytes = 20'000;
  const std::string bytes = testing::MakeInstance(facts);
  dicom::MemorySource source(AsBytes(bytes));
  ThriftySource thrifty(source);
  dicom::Instance instance;
  ASSERT_EQ(dicom::InstanceReader().Read(thrifty, instance), dicom::ReadOutcome::kInstance);
  const auto payload = EncodeHeader(instance, source, bytes.size());
  ASSERT_TRUE(payload.ok());
  EXPECT_LT(payload->size(), 1500u);
  int opened = 0;
  const auto open = [&]() -> base::Result<std::unique_ptr<dicom::ByteSource>> {
    ++opened;
    return std::unique_ptr<dicom::ByteSource>(std::make_unique<dicom::MemorySource>(AsBytes(bytes)));
  };
  auto header = HeaderSource::Make(*payload, open);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(dicom::InstanceReader().Read(**header, instance), dicom::ReadOutcome::kInstance);
  EXPECT_EQ(opened, 0);
  EXPECT_TRUE(instance.problems.empty());
  EXPECT_EQ(*testing::ReadSource(**header, 100), bytes);
  EXPECT_EQ(opened, 1);
  for (size_t i = 0; i < payload->size(); ++i) (void)DecodeHeader(std::string_view(*payload).substr(0, i)).ok();
}

TEST(HeaderBytesTest, ExtentsThatLieAreRefused) {
  const auto decode = [](uint32_t count, uint64_t size, std::vector<std::pair<uint64_t, uint64_t>> extents, size_t bytes) {
    std::string payload("\1\0\0\0", 4);
    const auto number = [&payload](uint64_t n, int width) {
      for (int i = 0; i < width; ++i) payload += static_cast<char>(n >> (8 * i) & 0xFF);
    };
    number(count, 4);
    number(size, 8);
    for (const auto& [offset, length] : extents) {
      number(offset, 8);
      number(length, 8);
    }
    return DecodeHeader(payload + std::string(bytes, 'x')).ok();
  };
  EXPECT_TRUE(decode(2, 100, {{0, 10}, {50, 10}}, 20));
  EXPECT_FALSE(decode(2, 100, {{0, 10}, {50, 10}}, 19));
  EXPECT_FALSE(decode(2, 100, {{0, 10}, {50, 10}}, 21));
  EXPECT_FALSE(decode(2, 100, {{0, 10}, {9, 10}}, 20));
  EXPECT_FALSE(decode(1, 100, {{95, 10}}, 10));
  EXPECT_FALSE(decode(1, 100, {{0, 0}}, 0));
  EXPECT_FALSE(decode(1, 100, {{10, ~uint64_t{0} - 5}}, 10));
  EXPECT_FALSE(decode(1, 100, {{~uint64_t{0} - 5, 10}}, 10));
  EXPECT_FALSE(decode(0xFFFFFFFF, 100, {{0, 10}}, 10));
}

}  // namespace
}  // namespace dicomhouse::store
