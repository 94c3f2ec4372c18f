#include "common/base/document_signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <array>
#include <new>

#include "common/base/free_with.h"
#include "common/base/raw_bytes.h"
#include "common/base/strings.h"

namespace mesh {

struct Ed25519Key {
  std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>> key;
};

namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using Key = std::shared_ptr<const Ed25519Key>;

// OpenSSL would ask on the terminal.
int no_pass_phrase(char*, int, int, void*) { return 0; }

// Null where there is none in it.
Key read_key(std::string_view pem, bool private_part) {
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!text) throw std::bad_alloc();
  EVP_PKEY* key = private_part
                      ? PEM_read_bio_PrivateKey(text.get(), nullptr, no_pass_phrase, nullptr)
                      : PEM_read_bio_PUBKEY(text.get(), nullptr, no_pass_phrase, nullptr);
  // What failed leaves an entry in the thread's error queue, which others read.
  ERR_clear_error();
  if (key == nullptr) return nullptr;
  auto made = std::make_shared<Ed25519Key>();
  made->key.reset(key);
  return made;
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

tl::unexpected<Error> wrong(const std::string& what) {
  return fail(ErrorKind::unprocessable, "the signature is not good: " + what);
}

}  // namespace

Result<VerifyingKey> VerifyingKey::of(Key key) {
  std::string raw(kKeyBytes, '\0');
  std::size_t size = raw.size();
  const bool fits = EVP_PKEY_is_a(key->key.get(), "ED25519") == 1 &&
                    EVP_PKEY_get_raw_public_key(
                        key->key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) == 1;
  ERR_clear_error();
  if (!fits)
    return fail(ErrorKind::invalid, "not a key of Ed25519, which signatures are made with");
  // RFC 7638 says in which order the members stand, and that there is nothing between them.
  const std::string members =
      R"({"crv":"Ed25519","kty":"OKP","x":")" + base64url_encode(raw) + "\"}";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(bytes(members), members.size(), digest.data());
  auto id = base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  return VerifyingKey(std::move(key), std::move(id));
}

Result<VerifyingKey> VerifyingKey::from_pem(std::string_view pem) {
  Key key = read_key(pem, false);
  if (!key) key = read_key(pem, true);
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
  const std::string input = signing_input(header, document);
  const DigestContext context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_->key.get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes(*raw), raw->size(), bytes(input), input.size()) == 1;
  ERR_clear_error();
  if (!good) return wrong("the document was changed since it was signed");
  return {};
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  Key key = read_key(pem, true);
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
  const DigestContext context(EVP_MD_CTX_new());
  const bool made =
      context &&
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.key_->key.get()) == 1 &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(raw.data()), &size,
                     bytes(input), input.size()) == 1;
  // The key was checked: what is left is a want of memory.
  if (!made) throw std::bad_alloc();
  return header + ".." + base64url_encode(raw);
}

}  // namespace mesh
