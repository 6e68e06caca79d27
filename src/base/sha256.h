// SHA-256 (FIPS 180-4) of bytes that come in pieces.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace dicomhouse::base {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256& other);
  Sha256(Sha256&&) = default;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& operator=(Sha256&&) = default;
  void Update(std::span<const uint8_t> bytes);
  // Of all that has come so far; more may come afterwards.
  Sha256Digest Digest() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// 64 lower-case hexadecimal digits, as sha256sum prints them.
std::string HexText(const Sha256Digest& digest);

}  // namespace dicomhouse::base
