// `mesh tenants purge`, `mesh users purge`, `mesh verify-receipt`.
#include "common/base/document_signature.h"
#include "tests/cli/cli_fixture.h"
#include "tests/support/receipt_keys.h"

namespace mesh::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

Json place(const char* name, int count, int erased, const char* remains = "") {
  return {{"place", name}, {"count", count}, {"erased", erased}, {"remains", remains}};
}

class PurgeTest : public CliTest {
 protected:
  PurgeTest() {
    const auto key = SigningKey::from_pem(test::kReceiptKey);
    signed_receipt["signature"] = key->sign(signed_receipt["receipt"]);
    fake.on("POST", "/admin/v1/tenants/{tenant}/purge", [this](const http::Request& request) {
      const bool dry = Json::parse(request.body).value("dry_run", false);
      return http::Response::json(202, {{"id", dry ? "count" : "erase"}, {"state", "queued"}});
    });
    fake.on("POST", "/admin/v1/receipts/verify", [this](const http::Request&) {
      return refuses
                 ? http::Response::problem({ErrorKind::unprocessable, "the signature is not good"})
                 : http::Response::json(202, {{"id", "count"}, {"state", "queued"}});
    });
    fake.on("GET", "/admin/v1/tasks/{id}", [this](const http::Request& request) {
      const bool erases = request.path_params.at("id") == "erase";
      Json task{{"id", request.path_params.at("id")},
                {"kind", "erasure"},
                {"state", erases ? state : "done"},
                {"summary", erases ? "erased 5" : "found 5"},
                {"error", ""},
                {"result", {{"parts", erases ? after : counted}}}};
      if (erases && state == "done") task["result"]["receipt"] = signed_receipt;
      return http::Response::json(200, task);
    });
  }
  std::vector<std::string> purge(std::vector<std::string> more) {
    std::vector<std::string> all{"tenants", "purge", "acme", "--receipt", dir.file("r.json")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  bool asked_to_erase() {
    for (const auto& request : fake.requests()) {
      if (request.method == "POST" && !Json::parse(request.body).value("dry_run", true))
        return true;
    }
    return false;
  }

  Json counted{place("store/users", 2, 0), place("log/user.events", 3, 0),
               place("store/usage", 4, 0, "totals of what was billed"),
               place("store/outbox", 0, 0)};
  Json after{place("store/users", 0, 2), place("log/user.events", 0, 3),
             place("store/usage", 4, 0, "totals of what was billed")};
  Json signed_receipt{{"receipt",
                       {{"version", 1},
                        {"target", {{"tenant", "acme"}}},
                        {"backups", "not reached: copies made before"}}}};
  std::string state = "done";
  bool refuses = false;
};

TEST_F(PurgeTest, ADryRunShowsWhatThereIsAndWhatBecomesOfIt) {
  EXPECT_EQ(at_fake(purge({"--dry-run"})), 0) << err;
  EXPECT_THAT(out, ContainsRegex("store/users +2 +gone\n"));
  EXPECT_THAT(out, ContainsRegex("store/usage +4 +remains: totals of what was billed\n"));
  EXPECT_THAT(out, Not(HasSubstr("store/outbox"))) << "which holds none";
  EXPECT_FALSE(asked_to_erase());
}

TEST_F(PurgeTest, NothingGoesUntilTheNameIsTypedOrGiven) {
  EXPECT_EQ(at_fake(purge({})), 2);
  EXPECT_THAT(err, HasSubstr("--confirm acme"));
  EXPECT_EQ(at_fake(purge({"--yes"})), 2) << "a yes is not enough";
  EXPECT_EQ(at_fake(purge({"--confirm", "globex"})), 2);
  terminal.in = terminal.err = true;
  EXPECT_NE(at_fake(purge({"--no-progress"}), "y\n"), 0);
  EXPECT_THAT(err, HasSubstr("Type acme to go on:"));
  EXPECT_FALSE(asked_to_erase());
  EXPECT_EQ(at_fake(purge({"--no-progress"}), "acme\n"), 0) << err;
  EXPECT_TRUE(asked_to_erase());
}

TEST_F(PurgeTest, ThePurgeEndsWithWhatWentAndItsReceiptInANewFile) {
  EXPECT_EQ(at_fake(purge({"--confirm", "acme"})), 0) << err;
  EXPECT_THAT(out, ContainsRegex("store/users +2 +0"));
  EXPECT_THAT(err, HasSubstr("erased 5; not reached: copies made before"));
  EXPECT_EQ(Json::parse(contents("r.json")), signed_receipt);
  const auto asked = fake.requests().size();
  EXPECT_EQ(at_fake(purge({"--confirm", "acme"})), 2);
  EXPECT_THAT(err, HasSubstr("is not overwritten"));
  EXPECT_EQ(fake.requests().size(), asked);
}

TEST_F(PurgeTest, AUserIsNamedWithItsTenant) {
  EXPECT_EQ(at_fake({"users", "purge", "acme", "7", "--confirm", "acme/7", "--receipt",
                     dir.file("u.json")}),
            0)
      << err;
  EXPECT_EQ(Json::parse(fake.requests().front().body), Json({{"dry_run", true}, {"subject", "7"}}));
  EXPECT_THAT(err, HasSubstr("user 7 of tenant acme is purged"));
  EXPECT_EQ(at_fake({"users", "purge", "acme", "7", "--confirm", "acme"}), 2);
}

TEST_F(PurgeTest, OneThatFailsSaysSoAndWritesNoReceipt) {
  state = "failed";
  EXPECT_EQ(at_fake(purge({"--confirm", "acme"})), 1);
  EXPECT_THAT(err, HasSubstr("has not ended well"));
  EXPECT_EQ(contents("r.json"), "");
}

TEST_F(PurgeTest, WhatKeepsNothingIsNotAskedAbout) {
  counted = Json::array({place("store/users", 0, 0), place("log/task.events", 1, 0, "this one")});
  EXPECT_EQ(at_fake(purge({})), 0);
  EXPECT_THAT(err, HasSubstr("nothing that can go is kept of tenant acme"));
  EXPECT_FALSE(asked_to_erase());
}

TEST_F(PurgeTest, AReceiptIsVerifiedByTheServerOrByAKey) {
  counted = Json::array({place("store/usage", 4, 0, "totals of what was billed")});
  const auto receipt = file("receipt.json", signed_receipt.dump());
  EXPECT_EQ(at_fake({"verify-receipt", receipt}), 0) << err;
  EXPECT_EQ(Json::parse(fake.requests().front().body), signed_receipt);
  EXPECT_THAT(err, HasSubstr("but what the receipt says remains"));
  EXPECT_EQ(at_fake({"verify-receipt", receipt, "--key", file("key.pem", test::kReceiptPublicKey)}),
            0)
      << err;
  EXPECT_EQ(Json::parse(fake.requests()[fake.requests().size() - 2].body),
            Json({{"dry_run", true}}));
}

TEST_F(PurgeTest, WhatRemainsIsComparedWithTheReceipt) {
  Json& remains = signed_receipt["receipt"]["remains"];
  remains = Json::array({{{"place", "log/user.events"}, {"count", 3}, {"why", "compaction"}},
                         {{"place", "store/tasks"}, {"count", nullptr}, {"why", "ids"}}});
  signed_receipt["signature"] =
      SigningKey::from_pem(test::kReceiptKey)->sign(signed_receipt["receipt"]);
  const auto receipt = file("receipt.json", signed_receipt.dump());
  const std::vector<std::string> verify{"verify-receipt", receipt};
  counted = Json::array({place("log/user.events", 3, 0, "compaction")});
  EXPECT_EQ(at_fake(verify), 0) << err;
  counted[0]["count"] = 4;
  EXPECT_EQ(at_fake(verify), 1) << "there is more of it";
  EXPECT_THAT(err, HasSubstr("1 place has something"));
  counted = Json::array({place("log/analytics.events", 1, 0, "retention")});
  EXPECT_EQ(at_fake(verify), 1) << "the receipt does not name it";
  // What the mesh goes on to write of those that are gone.
  counted = Json::array({place("log/task.events", 9, 0, "the operator's"),
                         place("log/tenant.events", 9, 0, "the operator's"),
                         place("store/usage", 9, 0, "billed"),
                         place("index/user_embeddings-2 (removals)", 1, 0, "ids")});
  EXPECT_EQ(at_fake(verify), 0) << err;
}

TEST_F(PurgeTest, AReceiptThatIsNotGoodOrNotTrueAnyMoreIsOne) {
  const auto receipt = file("receipt.json", signed_receipt.dump());
  EXPECT_EQ(at_fake({"verify-receipt", receipt}), 1) << "there is something again";
  EXPECT_THAT(out, ContainsRegex("store/users +0 +2"));
  refuses = true;
  EXPECT_EQ(at_fake({"verify-receipt", receipt}), 1);
  signed_receipt["receipt"]["target"]["tenant"] = "globex";
  const auto changed = file("changed.json", signed_receipt.dump());
  EXPECT_EQ(at_fake({"verify-receipt", changed, "--key", file("key.pem", test::kReceiptPublicKey)}),
            1);
  EXPECT_THAT(err, HasSubstr("changed since it was signed"));
  EXPECT_EQ(at_fake({"verify-receipt", file("no.json", "{}")}), 2);
}

}  // namespace
}  // namespace mesh::cli
