// A tenant is purged, with real programs: nothing of it is found by any way, nor in any file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/receipt_keys.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// Nobody else writes them.
constexpr const char* kPurgedAddress = "zebulon-of-acme@acme.dev";
constexpr const char* kMolecule = "acmeum-trioxide";

class Purge : public ::testing::Test {
 protected:
  explicit Purge(bool by_keys = false)
      : daemon_{dir_.file("data"),
                "tenants: {receipt_key_file: " + file("key.pem", test::kReceiptKey) +
                    (by_keys ? ", erasure: crypto, master_key_file: " +
                                   file("master", std::string(64, 'c') + "\n")
                             : "") +
                    "}\n"} {}
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(dir_.file(name)) << text;
    return dir_.file(name);
  }
  void fill(const std::string& tenant, const std::string& address, const std::string& molecule) {
    const std::string who = tenant + ":a";
    const auto user = daemon_.call("users", "POST", "/users/create", who,
                                   R"({"email":")" + address + R"(","name":"Z"})",
                                   {{"Idempotency-Key", "create-a"}});
    ASSERT_EQ(user.status, 201) << user.body;
    ASSERT_EQ(publish(tenant).status, 202);
    daemon_.append_broken_experiment(tenant, tenant + "-broken", {{"note", molecule}});
  }
  Answer publish(const std::string& tenant) {
    return daemon_.call("publisher", "POST", "/api/v1/events/analytics", tenant + ":a",
                        R"({"user_id":"1","event_type":"click"})");
  }
  Answer get(const std::string& role, const std::string& path, const std::string& token) {
    return daemon_.call(role, "GET", path, token);
  }
  std::size_t letters(const std::string& tenant) {
    return get("admin", "/admin/v1/dlq/chemical.events/letters?tenant=" + tenant,
               daemon_.operator_token())
        .json()["items"]
        .size();
  }
  std::size_t records(const std::string& topic, const std::string& tenant) {
    return get("admin", "/admin/v1/topics/" + topic + "/records?from=start&tenant=" + tenant,
               daemon_.operator_token())
        .json()["items"]
        .size();
  }
  std::vector<std::string> files_with(const std::string& text) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(daemon_.data_dir())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream stream(entry.path(), std::ios::binary);
      const std::string all{std::istreambuf_iterator<char>(stream), {}};
      if (all.find(text) != std::string::npos) found.push_back(entry.path().filename());
    }
    return found;
  }

  test::TempDir dir_;
  Daemon daemon_;
};

class PurgeByKeys : public Purge {
 protected:
  PurgeByKeys() : Purge(true) {}
};

TEST_F(Purge, OfATenantLeavesNothingOfItAndAllOfAnother) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  fill("acme", kPurgedAddress, kMolecule);
  fill("globex", "yolanda@globex.dev", "globexium");
  daemon_.await_idle();
  ASSERT_EQ(letters("acme"), 1u);
  ASSERT_GT(records("user.events", "acme"), 0u);

  const auto plan = daemon_.mesh({"tenants", "purge", "acme", "--dry-run"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  for (const char* place : {"store/users", "log/user.events", "log/analytics.events",
                            "log/chemical.events.dlq", "index/"}) {
    EXPECT_THAT(plan.out, HasSubstr(place));
  }
  EXPECT_EQ(daemon_.mesh({"tenants", "purge", "acme"}).exit_code, 2) << "nobody typed its name";

  const auto receipt = dir_.file("receipt.json");
  const auto purged =
      daemon_.mesh({"tenants", "purge", "acme", "--confirm", "acme", "--receipt", receipt});
  ASSERT_EQ(purged.exit_code, 0) << purged.out << purged.err;

  const auto verified = daemon_.mesh({"verify-receipt", receipt});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  const auto by_key = daemon_.mesh(
      {"verify-receipt", receipt, "--key", file("key.pub.pem", test::kReceiptPublicKey)});
  EXPECT_EQ(by_key.exit_code, 0) << by_key.out << by_key.err;
  std::ifstream stream(receipt);
  Json tampered = Json::parse(stream);
  tampered["receipt"]["erased"] = Json::array();
  EXPECT_EQ(daemon_.mesh({"verify-receipt", file("tampered.json", tampered.dump())}).exit_code, 1);

  EXPECT_EQ(letters("acme"), 0u);
  for (const char* topic : {"user.events", "analytics.events", "chemical.events"}) {
    EXPECT_EQ(records(topic, "acme"), 0u) << topic;
    EXPECT_GT(records(topic, "globex"), 0u) << topic;
  }
  // The process itself sees within some seconds that the record is gone.
  EXPECT_TRUE(test::eventually([&] { return get("users", "/users", "acme:a").status == 200; }));
  EXPECT_EQ(get("users", "/users", "acme:a").json(), Json::array());
  EXPECT_EQ(get("users", "/users", "globex:a").json().size(), 1u);
  EXPECT_EQ(letters("globex"), 1u);

  ASSERT_EQ(publish("acme").status, 202);
  daemon_.await_idle();
  const auto again = daemon_.mesh({"verify-receipt", receipt});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.out, HasSubstr("log/analytics.events"));

  ASSERT_EQ(daemon_.stop(), 0);
  EXPECT_EQ(files_with(kPurgedAddress), std::vector<std::string>());
  EXPECT_EQ(files_with(kMolecule), std::vector<std::string>());
  EXPECT_FALSE(files_with("yolanda@globex.dev").empty());
}

TEST_F(Purge, OfAUserLeavesTheOthers) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  fill("acme", kPurgedAddress, kMolecule);
  const auto other = daemon_.call("users", "POST", "/users/create", "acme:a",
                                  R"({"email":"other@acme.dev","name":"O"})");
  ASSERT_EQ(other.status, 201) << other.body;
  daemon_.await_idle();
  const auto receipt = dir_.file("receipt.json");
  const auto purged =
      daemon_.mesh({"users", "purge", "acme", "1", "--confirm", "acme/1", "--receipt", receipt});
  ASSERT_EQ(purged.exit_code, 0) << purged.out << purged.err;
  EXPECT_EQ(daemon_.mesh({"verify-receipt", receipt}).exit_code, 0);
  const auto users = get("users", "/users", "acme:a").json();
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0]["email"], "other@acme.dev");
  ASSERT_EQ(daemon_.stop(), 0);
  EXPECT_EQ(files_with(kPurgedAddress), std::vector<std::string>());
}

TEST_F(PurgeByKeys, OfATenantTakesItsKeyAndSaysSo) {
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  fill("acme", kAddress, kMolecule);
  fill("globex", "yolanda@globex.dev", "globexium");
  daemon_.await_idle();
  const auto plan = daemon_.mesh({"tenants", "purge", "acme", "--dry-run"});
  EXPECT_THAT(plan.out, ContainsRegex("store/keys +1 +gone")) << plan.err;
  const auto receipt = dir_.file("receipt.json");
  const auto purged =
      daemon_.mesh({"tenants", "purge", "acme", "--confirm", "acme", "--receipt", receipt});
  ASSERT_EQ(purged.exit_code, 0) << purged.out << purged.err;
  EXPECT_THAT(purged.out, ContainsRegex("store/keys +1 +0"));
  EXPECT_EQ(daemon_.mesh({"verify-receipt", receipt}).exit_code, 0);
  EXPECT_EQ(records("user.events", "acme"), 0u);
  EXPECT_GT(records("user.events", "globex"), 0u) << "another's key is not touched";
}

}  // namespace
}  // namespace mesh::e2e
