#include "base/sha256.h"

#include <gtest/gtest.h>

#include <string_view>

namespace dicomhouse::base {
namespace {

std::span<const uint8_t> Bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// The examples of FIPS 180-2, appendix B, and the empty message.
TEST(Sha256, GivesTheDigestsOfTheStandard) {
  Sha256 hash;
  EXPECT_EQ(HexText(hash.Digest()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.Update(Bytes("abc"));
  EXPECT_EQ(HexText(hash.Digest()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 million;
  for (int i = 0; i < 1000; ++i) million.Update(Bytes(std::string(1000, 'a')));
  EXPECT_EQ(HexText(million.Digest()), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, GoesOnAfterADigestAndCopiesGoOnAlone) {
  Sha256 hash;
  hash.Update(Bytes("a"));
  Sha256 copy = hash;
  copy.Update(Bytes("other"));
  (void)hash.Digest();
  hash.Update(Bytes("bc"));
  EXPECT_EQ(HexText(hash.Digest()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace dicomhouse::base
