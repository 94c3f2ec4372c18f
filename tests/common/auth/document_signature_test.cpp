#include "common/auth/document_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "common/auth/signature.h"
#include "common/base/strings.h"

namespace mesh::auth {
namespace {

using ::testing::HasSubstr;

// The key of RFC 8037, appendix A, whose thumbprint the RFC gives.
constexpr const char* kPrivate = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
)";
constexpr const char* kPublic = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
)";
// Of others.
std::string another_key(const char* type) {
  const PkeyPtr key(std::string_view(type) == "EC" ? EVP_EC_gen("P-256")
                                                   : EVP_PKEY_Q_keygen(nullptr, nullptr, type));
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free_all(bio);
  return pem;
}

const Json kDocument{{"version", 1}, {"target", {{"tenant", "acme"}}}, {"name", "Zoë"}};

TEST(DocumentSignature, IsTheKeysOfTheDocumentInWhateverOrderItsMembersStand) {
  const auto key = SigningKey::from_pem(kPrivate);
  ASSERT_TRUE(key) << key.error().to_string();
  const auto verifying = VerifyingKey::from_pem(kPublic);
  ASSERT_TRUE(verifying) << verifying.error().to_string();
  EXPECT_EQ(verifying->id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k") << "as RFC 8037 has it";
  const std::string signature = key->sign(kDocument);
  EXPECT_TRUE(verifying->check(kDocument, signature));
  const Json turned{{"name", "Zoë"}, {"target", {{"tenant", "acme"}}}, {"version", 1}};
  EXPECT_TRUE(verifying->check(turned, signature));
  EXPECT_TRUE(VerifyingKey::from_pem(kPrivate)->check(kDocument, signature));
  EXPECT_EQ(key->verifying().id(), verifying->id());
}

TEST(DocumentSignature, IsAJwsOfTheCanonicalTextThatAnyLibraryVerifies) {
  const auto key = SigningKey::from_pem(kPrivate);
  const std::string signature = key->sign({{"b", 1}, {"a", "x"}});
  const auto dots = signature.find("..");
  ASSERT_NE(dots, std::string::npos);
  const std::string header = signature.substr(0, dots);
  EXPECT_EQ(Json::parse(*base64url_decode(header)),
            Json({{"alg", "EdDSA"}, {"kid", key->verifying().id()}}));
  BIO* bio = BIO_new_mem_buf(kPublic, -1);
  const PkeyPtr plain(PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr));
  BIO_free_all(bio);
  EXPECT_TRUE(verify_signature(Algorithm::eddsa, plain.get(),
                               header + "." + base64url_encode(R"({"a":"x","b":1})"),
                               *base64url_decode(signature.substr(dots + 2))));
}

TEST(DocumentSignature, ThatIsNotGoodIsRefusedWithWhatIsWrong) {
  const auto key = SigningKey::from_pem(kPrivate);
  const std::string signature = key->sign(kDocument);
  const auto problem = [&](const Json& document, const std::string& text) {
    const auto checked = key->verifying().check(document, text);
    EXPECT_FALSE(checked);
    return checked ? std::string() : checked.error().message;
  };
  Json changed = kDocument;
  changed["version"] = 2;
  EXPECT_THAT(problem(changed, signature), HasSubstr("changed since it was signed"));
  EXPECT_THAT(problem(kDocument, ""), HasSubstr("<protected>..<signature>"));
  EXPECT_THAT(problem(kDocument, signature + "A"), HasSubstr("64 bytes"));
  const auto other = SigningKey::from_pem(another_key("ED25519"));
  ASSERT_TRUE(other);
  EXPECT_THAT(problem(kDocument, other->sign(kDocument)), HasSubstr("another key"));
  // Another key's signature under this key's name.
  const std::string forged = signature.substr(0, signature.find("..")) +
                             other->sign(kDocument).substr(other->sign(kDocument).find(".."));
  EXPECT_THAT(problem(kDocument, forged), HasSubstr("changed since it was signed"));
}

TEST(DocumentSignature, OfWhatIsNoKeyOfEd25519CannotBeMade) {
  EXPECT_THAT(SigningKey::from_pem("nonsense").error().message, HasSubstr("openssl genpkey"));
  EXPECT_THAT(SigningKey::from_pem(kPublic).error().message, HasSubstr("openssl genpkey"));
  EXPECT_THAT(VerifyingKey::from_pem("nonsense").error().message, HasSubstr("-pubout"));
  EXPECT_THAT(SigningKey::from_pem(another_key("EC")).error().message, HasSubstr("Ed25519"));
}

}  // namespace
}  // namespace mesh::auth
