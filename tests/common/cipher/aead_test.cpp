#include "common/cipher/aead.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/strings.h"

namespace mesh::cipher {
namespace {

const std::string kKey(kKeyBytes, '\x03');

// The two vectors of C2SP's XAES-256-GCM.md; each takes another branch of the derivation.
TEST(Aead, IsXaes256Gcm) {
  const std::string nonce = "ABCDEFGHIJKLMNOPQRSTUVWX", text = "XAES-256-GCM";
  EXPECT_EQ(encrypt(std::string(kKeyBytes, '\x01'), nonce, text, ""),
            nonce + hex_decode("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271").value());
  EXPECT_EQ(encrypt(kKey, nonce, text, "c2sp.org/XAES-256-GCM"),
            nonce + hex_decode("986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d").value());
}

TEST(Aead, DecryptsWhatItEncryptedOfAnyLength) {
  for (const std::size_t length : {0, 1, 15, 16, 17, 100'000}) {
    const std::string text(length, '\0');
    const auto hidden = encrypt(kKey, text, "bound");
    EXPECT_EQ(hidden.size(), kNonceBytes + length + kTagBytes);
    EXPECT_EQ(decrypt(kKey, hidden, "bound"), text);
  }
}

TEST(Aead, OneTextIsNeverEncryptedTheSameWay) {
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) all.insert(encrypt(kKey, "text", ""));
  EXPECT_EQ(all.size(), 100u);
}

TEST(Aead, AnotherKeyBoundBitOrLengthDoesNotDecrypt) {
  const auto hidden = encrypt(kKey, "text", "bound");
  EXPECT_EQ(decrypt(std::string(kKeyBytes, '\x04'), hidden, "bound"), std::nullopt);
  EXPECT_EQ(decrypt(kKey, hidden, "bounds"), std::nullopt);
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    auto changed = hidden;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(decrypt(kKey, changed, "bound"), std::nullopt) << i;
    EXPECT_EQ(decrypt(kKey, hidden.substr(0, i), "bound"), std::nullopt) << i;
  }
  EXPECT_EQ(decrypt(kKey, hidden + "x", "bound"), std::nullopt);
}

TEST(Aead, RandomBytesAreAsManyAsAskedFor) {
  EXPECT_EQ(random_bytes(kKeyBytes).size(), kKeyBytes);
  EXPECT_NE(random_bytes(kKeyBytes), random_bytes(kKeyBytes));
}

}  // namespace
}  // namespace mesh::cipher
