#include "common/base/document_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "tests/support/receipt_keys.h"

namespace mesh {
namespace {

using ::testing::HasSubstr;

// Another one of Ed25519, and one of P-256.
constexpr const char* kOther = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIKwp/h/S2Wo6owXXASVlp4VN+faSEBl9nvDe7QW1KYhq
-----END PRIVATE KEY-----
)";
constexpr const char* kEc = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdhAJrJ5qTk2otLPw
g4Xsz2cNHCaBAo5k8hX1dp20nc6hRANCAAS02P8H4VWehNQHMAt0H8VwG75YJ5G1
nGGNFalpoeelFcy2XnpLHsGTKHx9QIoZZNdJ/NiDoVMSL8ZH0z+WSs5n
-----END PRIVATE KEY-----
)";

const Json kDocument{{"version", 1}, {"target", {{"tenant", "acme"}}}, {"name", "Zoë"}};

TEST(DocumentSignature, IsTheKeysOfTheDocumentInWhateverOrderItsMembersStand) {
  const auto key = SigningKey::from_pem(test::kReceiptKey);
  ASSERT_TRUE(key) << key.error().to_string();
  const auto verifying = VerifyingKey::from_pem(test::kReceiptPublicKey);
  ASSERT_TRUE(verifying) << verifying.error().to_string();
  EXPECT_EQ(verifying->id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k") << "as RFC 8037 has it";
  const std::string signature = key->sign(kDocument);
  EXPECT_TRUE(verifying->check(kDocument, signature));
  const Json turned{{"name", "Zoë"}, {"target", {{"tenant", "acme"}}}, {"version", 1}};
  EXPECT_TRUE(verifying->check(turned, signature));
  EXPECT_TRUE(VerifyingKey::from_pem(test::kReceiptKey)->check(kDocument, signature));
  EXPECT_EQ(key->verifying().id(), verifying->id());
}

TEST(DocumentSignature, IsTheJwsThatAnyLibraryMakes) {
  const auto key = SigningKey::from_pem(test::kReceiptKey);
  const std::string signature = key->sign({{"b", 1}, {"a", "x"}});
  const auto header = base64url_decode(signature.substr(0, signature.find("..")));
  EXPECT_EQ(Json::parse(*header), Json({{"alg", "EdDSA"}, {"kid", key->verifying().id()}}));
  // By `openssl pkeyutl -sign -rawin` of header, dot and the base64url of {"a":"x","b":1}.
  EXPECT_EQ(
      signature.substr(signature.find("..") + 2),
      "aZuRtqlV40EIGpgnkII_7EFovhB3XHGEGenTcmI7SVBdkz9VybiVMv9AjfMEET7PrD8c74ZuWq71yLQmKbjuCQ");
}

TEST(DocumentSignature, ThatIsNotGoodIsRefusedWithWhatIsWrong) {
  const auto key = SigningKey::from_pem(test::kReceiptKey);
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
  const auto other = SigningKey::from_pem(kOther);
  ASSERT_TRUE(other);
  EXPECT_THAT(problem(kDocument, other->sign(kDocument)), HasSubstr("another key"));
  // Another key's signature under this key's name.
  const std::string forged = signature.substr(0, signature.find("..")) +
                             other->sign(kDocument).substr(other->sign(kDocument).find(".."));
  EXPECT_THAT(problem(kDocument, forged), HasSubstr("changed since it was signed"));
}

TEST(DocumentSignature, OfWhatIsNoKeyOfEd25519CannotBeMade) {
  EXPECT_THAT(SigningKey::from_pem("nonsense").error().message, HasSubstr("openssl genpkey"));
  EXPECT_THAT(SigningKey::from_pem(test::kReceiptPublicKey).error().message,
              HasSubstr("openssl genpkey"));
  EXPECT_THAT(VerifyingKey::from_pem("nonsense").error().message, HasSubstr("-pubout"));
  EXPECT_THAT(SigningKey::from_pem(kEc).error().message, HasSubstr("Ed25519"));
}

}  // namespace
}  // namespace mesh
