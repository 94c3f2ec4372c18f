// What is promised of tenants' records with a log that takes no single one out, with a real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/e2e/daemon.h"
#include "tests/support/bytes.h"
#include "tests/support/eventually.h"
#include "tests/support/kafka_server.h"
#include "tests/support/receipt_keys.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::eventually;
using testing::HasSubstr;

// Nobody else writes them.
constexpr const char* kOfAcme = "zebulon-of-acme";
constexpr const char* kOfGlobex = "yolanda-of-globex";

class OnKafka : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::KafkaServer::installed()) GTEST_SKIP() << test::KafkaServer::kMissing;
    test::write_bytes(dir_.file("master"), std::string(64, 'c'));
    test::write_bytes(dir_.file("receipt.pem"), test::kReceiptKey);
    daemon_.emplace(dir_.file("data"),
                    "log: {engine: kafka, partitions: 2}\n"
                    "kafka: {brokers: ['" +
                        test::KafkaServer::shared().address() + "'], prefix: e2e-" + prefix() +
                        "-}\n"
                        "tenants: {erasure: crypto, master_key_file: " +
                        dir_.file("master") + ", receipt_key_file: " + dir_.file("receipt.pem") +
                        "}\n");
  }
  static std::string prefix() {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  // A user, and an event of what summaries are made of.
  void fill(const std::string& tenant, const std::string& marker) {
    const std::string who = tenant + ":a";
    const auto user = daemon_->call("users", "POST", "/users/create", who,
                                    dump({{"email", marker + "@mesh.dev"}, {"name", marker}}));
    ASSERT_EQ(user.status, 201) << user.body;
    const auto event = daemon_->call("publisher", "POST", "/api/v1/events/analytics", who,
                                     dump({{"user_id", "1"}, {"event_type", marker}}));
    ASSERT_EQ(event.status, 202) << event.body;
  }
  std::string records(const std::string& topic, const std::string& tenant) {
    return daemon_
        ->call("admin", "GET", "/admin/v1/topics/" + topic + "/records?from=start&tenant=" + tenant,
               daemon_->operator_token())
        .body;
  }
  bool finds(const std::string& tenant, const std::string& marker) {
    const auto found = daemon_->call(
        "gateway", "GET", "/ai/users/search?query=" + marker + "@mesh.dev", tenant + ":a");
    return found.status == 200 && found.json()["results"].dump().find(marker) != std::string::npos;
  }
  // Whether a file of the broker's log holds the text.
  static bool broker_holds(const std::string& text) {
    const std::filesystem::recursive_directory_iterator files(test::KafkaServer::shared().data());
    return std::any_of(begin(files), end(files), [&](const auto& entry) {
      return entry.is_regular_file() &&
             test::bytes_of(entry.path()).find(text) != std::string::npos;
    });
  }

  test::TempDir dir_;
  std::optional<Daemon> daemon_;
};

TEST_F(OnKafka, APurgeByKeysLeavesNothingToReadAndAllOfAnother) {
  ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  fill("acme", kOfAcme);
  fill("globex", kOfGlobex);
  daemon_->await_idle();
  ASSERT_THAT(records("user.events", "acme"), HasSubstr(kOfAcme));
  ASSERT_THAT(records("analytics.events", "acme"), HasSubstr(kOfAcme));
  ASSERT_TRUE(finds("acme", kOfAcme));
  EXPECT_FALSE(broker_holds(kOfAcme)) << "it never stood there in plain";
  EXPECT_TRUE(broker_holds("acme/1")) << "keys do, so these are the files";

  const auto receipt = dir_.file("receipt.json");
  const auto purged =
      daemon_->mesh({"tenants", "purge", "acme", "--confirm", "acme", "--receipt", receipt});
  ASSERT_EQ(purged.exit_code, 0) << purged.out << purged.err;
  const auto verified = daemon_->mesh({"verify-receipt", receipt});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;

  for (const char* topic : {"user.events", "analytics.events"}) {
    EXPECT_EQ(records(topic, "acme").find(kOfAcme), std::string::npos) << topic;
    EXPECT_THAT(records(topic, "globex"), HasSubstr(kOfGlobex)) << topic;
  }
  // The process itself sees within some seconds that the tenant is open again.
  EXPECT_TRUE(
      eventually([&] { return daemon_->call("users", "GET", "/users", "acme:a").status == 200; }));
  EXPECT_EQ(daemon_->call("users", "GET", "/users", "acme:a").json(), Json::array());
  EXPECT_FALSE(finds("acme", kOfAcme));
  EXPECT_TRUE(finds("globex", kOfGlobex));
  ASSERT_EQ(daemon_->stop(), 0) << daemon_->errors();
  EXPECT_FALSE(broker_holds(kOfAcme));
  EXPECT_FALSE(broker_holds(kOfGlobex));
  // A rebuild from this log, too, finds the other one alone.
  std::filesystem::remove(dir_.file("data") + "/vectors.db");
  ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  EXPECT_TRUE(eventually([&] { return finds("globex", kOfGlobex); }));
  EXPECT_FALSE(finds("acme", kOfAcme));
}

// Moved there from an embedded log, which obeyed it, the record said what nothing did.
TEST_F(OnKafka, ARetentionOfATenantIsToldToBeOfNoEffect) {
  std::filesystem::create_directories(dir_.file("data"));
  {
    const auto store = sqlite::SqliteStore::open(dir_.file("data"), {}, system_clock()).value();
    Tenant record{.id = *TenantId::parse("acme"), .name = "Acme", .rate_limits = {}};
    record.retention = std::chrono::hours(24);
    ASSERT_TRUE(store->tenants().create(record));
  }
  ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  const auto doctor = daemon_->mesh({"doctor", "-o", "json"});
  EXPECT_EQ(doctor.exit_code, 1);
  EXPECT_THAT(doctor.out, HasSubstr("1 tenant's record has a retention, which is not obeyed"));
  EXPECT_THAT(doctor.out, HasSubstr("log.retention.activity.age"));
  ASSERT_EQ(daemon_->stop(), 0);
  const auto& log = daemon_->errors();
  const auto at = log.find("not obeyed");
  ASSERT_NE(at, std::string::npos) << log;
  EXPECT_EQ(log.find("not obeyed", at + 1), std::string::npos) << "once, and not once a tenant";
}

}  // namespace
}  // namespace mesh::e2e
