// Who is who, through the real daemon and the real command: addresses that look alike, and whoever
// is looked up by the exact address or name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/base/strings.h"
#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kAcme = "acme:alice";

class Identity : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  Answer create(const std::string& email, const std::string& name = "Someone") {
    return daemon_.call("users", "POST", "/users/create", kAcme,
                        Json{{"email", email}, {"name", name}}.dump());
  }
  Json search(const std::string& query, const std::string& more = {}) {
    const auto answer = daemon_.call(
        "gateway", "GET", "/ai/users/search?query=" + percent_encode(query) + more, kAcme);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json()["results"];
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"),
                 "rate_limits: {search: {rate: 100000, per: 1s, burst: 100000}}\n"};
};

TEST_F(Identity, AddressesThatLookAlikeAreOneOrRefused) {
  ASSERT_EQ(create("Jos\u00e9@M\u00fcnchen.de\u00a0").status, 201);
  for (const char* same : {"jose\u0301@m\u00fcnchen.de", "JOS\u00c9@XN--MNCHEN-3YA.de",
                           "\u3000jos\u00e9@m\u00fcnchen.de"}) {
    EXPECT_EQ(create(same).status, 409) << same;
    const auto found = daemon_.call("users", "GET", "/users?email=" + percent_encode(same), kAcme);
    ASSERT_EQ(found.json().size(), 1U) << found.body;
    EXPECT_EQ(found.json()[0]["email"], "Jos\u00e9@M\u00fcnchen.de");
    const auto listed =
        daemon_.mesh({"users", "list", "-t", "acme", "--email", same, "-o", "name"});
    EXPECT_EQ(listed.out, "1\n") << listed.err;
  }
  for (const auto& [email, point] : {std::pair{"jo\u200bs\u00e9@m\u00fcnchen.de", "U+200B"},
                                     {"bob@x.dev\u2060", "U+2060"},
                                     {"b\u202eob@x.dev", "U+202E"},
                                     {"bob@x\ufeff.dev", "U+FEFF"}}) {
    const auto refused = create(email);
    EXPECT_EQ(refused.status, 422);
    EXPECT_THAT(refused.body, HasSubstr(point));
    EXPECT_THAT(refused.body, HasSubstr("/email"));
  }
  ASSERT_EQ(create("bob@x.dev").status, 201);
  EXPECT_EQ(
      daemon_
          .call("users", "PATCH", "/users/2", kAcme, "{\"email\":\"jose\u0301@m\u00fcnchen.de\"}")
          .status,
      409);
  EXPECT_EQ(create("a@x.dev", "\u200b\u3164").status, 422);
  EXPECT_EQ(create("a@\u2603.de").status, 422);
  EXPECT_EQ(create("a@x.dev", "Ann\u202eLee").status, 422);
}

TEST_F(Identity, NothingTurnsALineOfATerminal) {
  ASSERT_EQ(create("heb@x.dev", "Dan\u200f Levi\u200e").status, 201);
  const auto table = daemon_.mesh({"users", "list", "-t", "acme"});
  EXPECT_THAT(table.out, HasSubstr("Dan\\u200f Levi"));
  EXPECT_THAT(table.out, Not(HasSubstr("\u200f")));
  const auto json = daemon_.mesh({"users", "list", "-t", "acme", "-o", "json"});
  EXPECT_EQ(Json::parse(json.out)[0]["name"], "Dan\u200f Levi");
}

// Many with the same words in another order, so that likeness alone cannot tell them apart.
TEST_F(Identity, WhoeverIsLookedUpByAddressOrNameComesFirst) {
  const std::vector<std::string> first{"ann", "anna", "hanna", "joanna",
                                       "ana", "nan",  "dan",   "ian"};
  const std::vector<std::string> last{"lee",  "leeds", "ley",  "lane",
                                      "nale", "neal",  "lean", "allen"};
  const std::vector<std::string> domains{"acme.dev",    "acme.de",   "mail.acme.dev", "acme.dev.de",
                                         "dev.acme.de", "ac-me.dev", "m.acme.de",     "came.dev",
                                         "mace.dev",    "acmedev.de"};
  std::vector<std::pair<std::string, std::string>> users;
  std::string file = "email,name\n";
  for (const auto& a : first) {
    for (const auto& b : last) {
      for (const auto& domain : domains) {
        const bool dot = users.size() % 2 == 0;
        users.emplace_back(a + (dot ? "." : "") + b + "@" + domain, a + " " + b + " " + domain);
        file += users.back().first + "," + users.back().second + "\n";
      }
    }
  }
  ASSERT_GE(users.size(), 600U);
  const auto imported =
      daemon_.mesh({"users", "import", "-t", "acme", "--format", "csv", "-"}, file);
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  daemon_.await_idle();
  for (const auto& [email, name] : users) {
    auto hits = search(email, "&limit=1&min_score=1");
    ASSERT_EQ(hits.size(), 1U) << email;
    EXPECT_EQ(hits[0]["email"], email);
    std::string upper = name;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    hits = search(upper);
    ASSERT_FALSE(hits.empty()) << name;
    EXPECT_EQ(hits[0]["name"], name);
  }
}

TEST_F(Identity, LettersOfOtherKeyboardsAndEmojiFind) {
  ASSERT_EQ(create("isil@x.dev", "I\u015f\u0131l Ta\u015f").status, 201);
  ASSERT_EQ(create("party@x.dev", "Alexandra \U0001f389").status, 201);
  ASSERT_EQ(create("wang@x.cn", "\u738b\u5c0f\u660e").status, 201);
  for (int i = 0; i < 30; ++i) ASSERT_EQ(create("u" + std::to_string(i) + "@y.dev").status, 201);
  daemon_.await_idle();
  for (const auto& [query, email] : {std::pair{"ISIL TAS", "isil@x.dev"},
                                     {"\u0130\u015eIL", "isil@x.dev"},
                                     {"\U0001f389", "party@x.dev"},
                                     {"\u660e", "wang@x.cn"},
                                     {"\u738b", "wang@x.cn"}}) {
    const auto hits = search(query);
    ASSERT_FALSE(hits.empty()) << query;
    EXPECT_EQ(hits[0]["email"], email) << query;
  }
}

}  // namespace
}  // namespace mesh::e2e
