// Commands that need no server: contexts, tokens, dates, rates.
#include "cli/rate_text.h"
#include "cli/token.h"
#include "common/base/hmac.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Hmac, MatchesRfc4231) {
  const std::string code = hmac_sha256("Jefe", "what do ya want for nothing?");
  std::string hex;
  for (const unsigned char byte : code) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  EXPECT_EQ(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

const Timestamp kNow = *parse_rfc3339("2026-01-01T00:00:00Z");

TEST(Mint, MakesAJwtThatItsSecretVerifies) {
  const std::string secret(32, 's');
  const auto token =
      mint_hs256({"acme", "alice", "iss", "aud", "tenant_id", std::chrono::hours{1}}, secret, kNow);
  ASSERT_TRUE(token) << token.error().to_string();
  const auto parts = split(*token, '.');
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(*base64url_decode(parts[2]), hmac_sha256(secret, parts[0] + "." + parts[1]));
  const Json claims = Json::parse(*base64url_decode(parts[1]));
  EXPECT_EQ(claims["tenant_id"], "acme");
  EXPECT_EQ(claims["sub"], "alice");
  EXPECT_EQ(claims["exp"].get<std::int64_t>() - claims["iat"].get<std::int64_t>(), 3600);
}

TEST(Mint, RefusesWhatTheServerWouldRefuse) {
  const std::string secret(32, 's');
  EXPECT_FALSE(mint_hs256({"acme", "alice", "iss", "aud"}, "short", kNow));
  EXPECT_FALSE(mint_hs256({"Acme!", "alice", "iss", "aud"}, secret, kNow));
  EXPECT_FALSE(mint_hs256({"acme", "", "iss", "aud"}, secret, kNow));
  EXPECT_FALSE(mint_hs256({"acme", "alice", "", "aud"}, secret, kNow));
  EXPECT_FALSE(dev_token("acme", "a:b"));
}

TEST(Inspect, ShowsWhatATokenSays) {
  const auto token =
      *mint_hs256({"acme", "alice", "iss", "aud", "tenant_id", std::chrono::hours{1}},
                  std::string(32, 's'), kNow);
  EXPECT_EQ(inspect_token(token, kNow)["expired"], false);
  EXPECT_EQ(inspect_token(token, kNow + std::chrono::hours{1})["expired"], true);
  EXPECT_EQ(inspect_token(token, kNow)["expires_at"], "2026-01-01T01:00:00.000Z");
  EXPECT_EQ(inspect_token("acme:alice", kNow)["user"], "alice");
  EXPECT_EQ(inspect_token("0123", kNow)["kind"], "opaque");
}

TEST(RateText, IsReadWithAndWithoutABurst) {
  EXPECT_EQ(to_policy(*parse_rate("30/1m")), (Json{{"rate", 30}, {"per", "1m"}}));
  EXPECT_EQ(to_policy(*parse_rate("5/1s+10")), (Json{{"rate", 5}, {"per", "1s"}, {"burst", 10}}));
  EXPECT_EQ(policy_text({{"rate", 1000}, {"per", "1m"}, {"burst", 10}}), "1,000 per 1m, burst 10");
  for (const char* text : {"30", "0/1m", "30/", "30/soon", "30/1m+", "30/1m+x", "-1/1m"})
    EXPECT_FALSE(parse_rate(text)) << text;
}

class LocalCommandsTest : public CliTest {};

TEST_F(LocalCommandsTest, AContextIsAddedUsedShownAndRemoved) {
  EXPECT_EQ(mesh({"context", "add", "one", "--server", "https://one.example", "--token",
                  "acme:secret", "--tenant", "acme"}),
            0)
      << err;
  EXPECT_EQ(mesh({"context", "add", "two", "--endpoint", "admin=http://two.example:9090"}), 0)
      << err;
  EXPECT_EQ(mesh({"context", "list", "-o", "json"}), 0);
  EXPECT_EQ(json().size(), 2u);
  EXPECT_EQ(json()[0]["current"], true);
  EXPECT_THAT(out, Not(HasSubstr("secret")));
  EXPECT_EQ(mesh({"context", "use", "two"}), 0);
  EXPECT_EQ(mesh({"context", "show", "-o", "json"}), 0);
  EXPECT_EQ(json()["name"], "two");
  EXPECT_EQ(mesh({"context", "remove", "two"}), 0);
  EXPECT_EQ(mesh({"context", "show"}), 3);
  EXPECT_EQ(mesh({"context", "use", "two"}), 3);
}

TEST_F(LocalCommandsTest, AContextOfNothingIsRefused) {
  EXPECT_EQ(mesh({"context", "add", "x"}), 2);
  EXPECT_EQ(mesh({"context", "add", "x", "--endpoint", "cellar=http://x"}), 2);
}

// As the server does, which takes what follows the first line end for a part of the secret.
TEST_F(LocalCommandsTest, OfASecretFileOneLineEndIsLeftOut) {
  const std::string secret(32, 's');
  const auto expect_signed = [&](const std::string& content, const std::string& by) {
    EXPECT_EQ(mesh({"token", "mint", "--tenant", "acme", "--user", "u", "--issuer", "iss",
                    "--audience", "aud", "--hs256-secret-file", file("secret", content)}),
              0)
        << err;
    const auto parts = split(std::string(trim(out)), '.');
    ASSERT_EQ(parts.size(), 3u);
    EXPECT_EQ(*base64url_decode(parts[2]), hmac_sha256(by, parts[0] + "." + parts[1]));
  };
  expect_signed(secret, secret);
  expect_signed(secret + "\n", secret);
  expect_signed(secret + "\r\n", secret);
  expect_signed(secret + "\n\n", secret + "\n");
}

TEST_F(LocalCommandsTest, TokensAreMintedOnStdoutAlone) {
  EXPECT_EQ(mesh({"token", "mint", "--dev", "--tenant", "acme", "--user", "alice"}), 0);
  EXPECT_EQ(out, "acme:alice\n");
  EXPECT_EQ(err, "");
  const std::string secret = file("secret", std::string(32, 'x') + "\n");
  EXPECT_EQ(mesh({"token", "mint", "-t", "acme", "--user", "a", "--hs256-secret-file", secret,
                  "--issuer", "i", "--audience", "m"}),
            0)
      << err;
  EXPECT_EQ(mesh({"token", "inspect", "-", "-o", "json"}, out), 0);
  EXPECT_EQ(json()["claims"]["iss"], "i");
  EXPECT_EQ(mesh({"token", "mint", "--user", "alice", "--dev"}), 2) << "without a tenant";
}

TEST_F(LocalCommandsTest, AYamlAnswerIsYaml) {
  EXPECT_EQ(mesh({"token", "inspect", "acme:alice", "-o", "yaml"}), 0);
  EXPECT_EQ(out, "kind: dev\ntenant: acme\nuser: alice\n");
}

TEST_F(LocalCommandsTest, ABrokenContextFileDoesNotStopLocalCommands) {
  std::filesystem::create_directories(dir.file("mesh"));
  file("mesh/config.yaml", "a: [");
  EXPECT_EQ(mesh({"token", "inspect", "acme:alice"}), 0);
  EXPECT_EQ(mesh({"topics", "list"}), 2);
  EXPECT_THAT(err, HasSubstr("config.yaml"));
}

}  // namespace
}  // namespace mesh::cli
