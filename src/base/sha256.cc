#include "base/sha256.h"

#include <openssl/evp.h>

namespace dicomhouse::base {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }

Sha256::Sha256(const Sha256& other) : context_(EVP_MD_CTX_new()) { EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()); }

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

void Sha256::Update(std::span<const uint8_t> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }

Sha256Digest Sha256::Digest() const {
  const Sha256 copy(*this);
  Sha256Digest digest{};
  EVP_DigestFinal_ex(copy.context_.get(), digest.data(), nullptr);
  return digest;
}

std::string HexText(const Sha256Digest& digest) {
  std::string text;
  text.reserve(digest.size() * 2);
  for (const uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace dicomhouse::base
