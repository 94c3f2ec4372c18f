#include "common/auth/document_signature.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <array>
#include <cstdlib>

#include "common/auth/signature.h"
#include "common/base/strings.h"

namespace mesh::auth {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

BioPtr reader(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// OpenSSL would ask on the terminal.
int no_pass_phrase(char*, int, int, void*) { return 0; }

PkeyPtr read_private(std::string_view pem) {
  const BioPtr text = reader(pem);
  PkeyPtr key(text ? PEM_read_bio_PrivateKey(text.get(), nullptr, no_pass_phrase, nullptr)
                   : nullptr);
  ERR_clear_error();
  return key;
}

PkeyPtr read_public(std::string_view pem) {
  const BioPtr text = reader(pem);
  PkeyPtr key(text ? PEM_read_bio_PUBKEY(text.get(), nullptr, no_pass_phrase, nullptr) : nullptr);
  ERR_clear_error();
  return key;
}

std::string canonical(const Json& document) {
  const nlohmann::json sorted = document;
  return sorted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string header_of(const std::string& key_id) {
  return base64url_encode(dump({{"alg", "EdDSA"}, {"kid", key_id}}));
}

std::string signing_input(std::string_view header, const Json& document) {
  return std::string(header) + "." + base64url_encode(canonical(document));
}

// The name alone tells which key is meant, so that it must be the whole of it: RFC 7638.
Result<std::string> thumbprint(const EVP_PKEY* key) {
  std::array<unsigned char, kKeyBytes> raw{};
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key, raw.data(), &size) != 1 || size != raw.size()) {
    ERR_clear_error();
    return fail(ErrorKind::invalid, "the key has no public part of 32 bytes");
  }
  const std::string x(reinterpret_cast<const char*>(raw.data()), raw.size());
  const std::string members = R"({"crv":"Ed25519","kty":"OKP","x":")" + base64url_encode(x) + "\"}";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(bytes(members), members.size(), digest.data());
  return base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

tl::unexpected<Error> wrong(const std::string& what) {
  return fail(ErrorKind::unprocessable, "the signature is not good: " + what);
}

}  // namespace

Result<VerifyingKey> VerifyingKey::of(PkeyPtr key) {
  if (!fits(Algorithm::eddsa, key.get())) {
    return fail(ErrorKind::invalid, "not a key of Ed25519, which signatures are made with");
  }
  auto id = MESH_TRY(thumbprint(key.get()));
  return VerifyingKey(std::move(key), std::move(id));
}

Result<VerifyingKey> VerifyingKey::from_pem(std::string_view pem) {
  PkeyPtr key = read_public(pem);
  if (!key) key = read_private(pem);
  if (!key) {
    return fail(ErrorKind::invalid,
                "no public key in PEM (-----BEGIN PUBLIC KEY-----); `openssl pkey -in KEY.pem "
                "-pubout` prints that of a private key");
  }
  return of(std::move(key));
}

Status VerifyingKey::check(const Json& document, std::string_view signature) const {
  // The payload between the dots is left out: it is the document.
  const auto first = signature.find('.');
  if (first == std::string_view::npos || !signature.substr(first).starts_with("..")) {
    return wrong("it has not the form <protected>..<signature>");
  }
  const auto header = signature.substr(0, first);
  const auto raw = base64url_decode(signature.substr(first + 2));
  if (!raw || raw->size() != kSignatureBytes) return wrong("its last part is not 64 bytes");
  // No member of the header is believed: there is one algorithm, and one key.
  if (header != header_of(id_)) return wrong("it was made with another key than " + id_);
  if (!verify_signature(Algorithm::eddsa, key_.get(), signing_input(header, document), *raw)) {
    return wrong("the document was changed since it was signed");
  }
  return {};
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  PkeyPtr key = read_private(pem);
  if (!key) {
    return fail(ErrorKind::invalid,
                "no private key in PEM without a pass phrase (-----BEGIN PRIVATE KEY-----); "
                "`openssl genpkey -algorithm ed25519 -out KEY.pem` makes one");
  }
  auto verifying = MESH_TRY(VerifyingKey::of(std::move(key)));
  return SigningKey(std::move(verifying));
}

std::string SigningKey::sign(const Json& document) const {
  const std::string header = header_of(key_.id_);
  const std::string input = signing_input(header, document);
  std::string raw(kSignatureBytes, '\0');
  std::size_t size = raw.size();
  const DigestContextPtr context(EVP_MD_CTX_new());
  const bool made =
      context != nullptr &&
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.key_.get()) == 1 &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(raw.data()), &size,
                     bytes(input), input.size()) == 1 &&
      size == raw.size();
  // For want of memory alone: the key was checked.
  if (!made) std::abort();
  return header + ".." + base64url_encode(raw);
}

}  // namespace mesh::auth
