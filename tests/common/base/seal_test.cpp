#include "common/base/seal.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "common/base/strings.h"

namespace mesh {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    for (const int part : {(c >> 4) & 15, c & 15}) text += "0123456789abcdef"[part];
  }
  return text;
}

// Against HKDF put together by hand of HMAC: extract without a salt, then one block of expand.
TEST(DeriveKey, IsHkdfSha256) {
  EXPECT_EQ(hex(derive_key(std::string(22, '\x0b'), "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")
      << "RFC 5869, A.3";
  EXPECT_NE(derive_key("secret", "one use"), derive_key("secret", "another"));
  EXPECT_NE(derive_key("secret", "one use"), derive_key("another", "one use"));
}

TEST(Seal, OpensWhatHasItsKeyAndItsBoundAlone) {
  const Seal seal(derive_key("secret", "test")), same(derive_key("secret", "test"));
  const Seal other(derive_key("secret", "other"));
  for (const auto& text : {std::string(), std::string("outbox~18~7"), std::string(200, 'x')}) {
    const auto token = seal.close(text, "acme");
    EXPECT_EQ(same.open(token, "acme"), text) << "in another process";
    EXPECT_EQ(seal.open(token, "globex"), std::nullopt);
    EXPECT_EQ(other.open(token, "acme"), std::nullopt);
    EXPECT_EQ(token.find(text.empty() ? "~" : text), token.npos);
    EXPECT_EQ(seal.close(text, "acme"), token) << "a repeated answer is the same";
    EXPECT_NE(seal.close(text, "globex"), token);
  }
}

TEST(Seal, ALengthTellsNothingOfAShortText) {
  const Seal seal(derive_key("secret", "test"));
  EXPECT_EQ(seal.close("1", "acme").size(), seal.close(std::string(63, '1'), "acme").size());
}

TEST(Seal, WhatWasChangedDoesNotOpen) {
  const Seal seal(derive_key("secret", "test"));
  const auto token = seal.close("outbox~18~7", "acme");
  const auto bytes = base64url_decode(token).value();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(seal.open(base64url_encode(changed), "acme"), std::nullopt) << i;
  }
  for (std::size_t length = 0; length < token.size(); ++length) {
    EXPECT_EQ(seal.open(token.substr(0, length), "acme"), std::nullopt) << length;
  }
  EXPECT_EQ(seal.open("outbox~18~7", "acme"), std::nullopt);
  EXPECT_EQ(seal.open(token, "acme"), "outbox~18~7") << "a failure leaves nothing behind";
}

TEST(Seal, ManyThreadsMayUseIt) {
  const Seal seal(derive_key("secret", "test"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&seal, t] {
      for (int i = 0; i < 500; ++i) {
        const auto text = std::to_string(t) + "~" + std::to_string(i);
        EXPECT_EQ(seal.open(seal.close(text, "acme"), "acme"), text);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace mesh
