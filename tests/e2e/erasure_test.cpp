// With erasure by keys nothing of a tenant's data stands in the log as it is, and without its key
// nobody reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/e2e/daemon.h"
#include "tests/support/bytes.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAddress = "ann.plain@acme.dev";

class Erasure : public ::testing::Test {
 protected:
  Erasure() { test::write_bytes(dir_.file("master"), std::string(64, 'c') + "\n"); }

  std::string crypto() const {
    return "tenants: {erasure: crypto, master_key_file: " + dir_.file("master") + "}\n";
  }
  std::string data() const { return dir_.file("data"); }
  void start(const std::string& config) {
    daemon_.reset();
    daemon_ = std::make_unique<Daemon>(data(), config);
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  }
  void create(const std::string& token, const std::string& email) {
    const auto made = daemon_->call("users", "POST", "/users/create?ack=searchable", token,
                                    dump({{"email", email}, {"name", "Someone"}}),
                                    {{"Content-Type", "application/json"}});
    ASSERT_EQ(made.status, 201) << made.body;
  }
  std::string records() {
    const auto answer =
        daemon_->call("admin", "GET", "/admin/v1/topics/user.events/records?from=start",
                      daemon_->operator_token());
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body;
  }
  std::string log_bytes() const {
    return test::bytes_of(data() + "/log.db") + test::bytes_of(data() + "/log.db-wal");
  }

  test::TempDir dir_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(Erasure, TheLogHoldsNothingPlainAndIsReadAsAnyOther) {
  start(crypto());
  create("acme:ada", kAddress);
  EXPECT_THAT(records(), HasSubstr(kAddress));
  const auto found = daemon_->call("gateway", "GET",
                                   std::string("/ai/users/search?query=") + kAddress, "acme:ada");
  EXPECT_THAT(found.body, HasSubstr(kAddress));
  EXPECT_EQ(daemon_->stop(), 0);
  EXPECT_EQ(log_bytes().find(kAddress), std::string::npos);
  EXPECT_NE(log_bytes().find("acme/1"), std::string::npos) << "keys stay readable";
}

TEST_F(Erasure, ADroppedKeyLeavesGapsForThatTenantAlone) {
  start(crypto());
  create("acme:ada", kAddress);
  create("globex:bob", "bob@globex.dev");
  ASSERT_EQ(daemon_->stop(), 0);
  {
    const auto store = sqlite::SqliteStore::open(data(), {}, system_clock()).value();
    ASSERT_EQ(store->keys().drop(TenantId::parse("acme").value()).value(), 1);
  }
  start(crypto());
  const auto left = records();
  EXPECT_THAT(left, HasSubstr("bob@globex.dev"));
  EXPECT_THAT(left, Not(HasSubstr(kAddress)));
  EXPECT_THAT(left, Not(HasSubstr("acme/1")));
}

TEST_F(Erasure, SwitchedOnOrOffItReadsWhatWasWrittenBefore) {
  start("");
  create("acme:ada", "before@acme.dev");
  start(crypto());
  create("acme:ada", kAddress);
  start("tenants: {master_key_file: " + dir_.file("master") + "}\n");
  create("acme:ada", "after@acme.dev");
  const auto all = records();
  for (const char* email : {"before@acme.dev", kAddress, "after@acme.dev"}) {
    EXPECT_THAT(all, HasSubstr(email));
  }
  EXPECT_EQ(daemon_->stop(), 0);
  const auto bytes = log_bytes();
  EXPECT_NE(bytes.find("before@acme.dev"), std::string::npos);
  EXPECT_NE(bytes.find("after@acme.dev"), std::string::npos);
  EXPECT_EQ(bytes.find(kAddress), std::string::npos);
}

TEST_F(Erasure, AnotherMasterKeyStopsTheStart) {
  start(crypto());
  create("acme:ada", kAddress);
  ASSERT_EQ(daemon_->stop(), 0);
  test::write_bytes(dir_.file("master"), std::string(64, 'd'));
  Daemon other(data(), crypto());
  EXPECT_FALSE(other.start());
  EXPECT_THAT(other.errors(), HasSubstr("tenants.master_key_file holds another key"));
}

TEST_F(Erasure, TheMasterKeyIsExchangedAtAStart) {
  start(crypto());
  create("acme:ada", kAddress);
  ASSERT_EQ(daemon_->stop(), 0);
  test::write_bytes(dir_.file("old"), std::string(64, 'c'));
  test::write_bytes(dir_.file("master"), std::string(64, 'd'));
  start("tenants: {erasure: crypto, master_key_file: " + dir_.file("master") +
        ", old_master_key_file: " + dir_.file("old") + "}\n");
  EXPECT_THAT(records(), HasSubstr(kAddress));
  create("acme:ada", "amid@acme.dev");
  ASSERT_EQ(daemon_->stop(), 0);
  EXPECT_THAT(daemon_->errors(), HasSubstr("encrypted anew"));
  EXPECT_THAT(daemon_->errors(), HasSubstr(R"("keys":1)"));
  start(crypto());
  EXPECT_THAT(records(), AllOf(HasSubstr(kAddress), HasSubstr("amid@acme.dev")));
  ASSERT_EQ(daemon_->stop(), 0);
  test::write_bytes(dir_.file("master"), std::string(64, 'c'));
  Daemon old(data(), crypto());
  EXPECT_FALSE(old.start());
  EXPECT_THAT(old.errors(), HasSubstr("tenants.master_key_file holds another key"));
}

// A repair may lose the mark of the key with the other notes.
TEST_F(Erasure, AnotherMasterKeyStopsTheStartAlsoWhereTheMarkIsLost) {
  start(crypto());
  create("acme:ada", kAddress);
  ASSERT_EQ(daemon_->stop(), 0);
  {
    const auto db =
        sqlite::Database::open(data() + "/store.db", sqlite::Database::Mode::read_write);
    ASSERT_TRUE(sqlite::execute(**db, "DELETE FROM epochs WHERE name='master_key'"));
    ASSERT_EQ((*db)->changes(), 1);
  }
  test::write_bytes(dir_.file("master"), std::string(64, 'd'));
  Daemon other(data(), crypto());
  EXPECT_FALSE(other.start());
  EXPECT_THAT(other.errors(), HasSubstr("tenants.master_key_file holds another key"));
}

TEST_F(Erasure, WithoutTheMasterKeyAReadSaysWhatIsMissing) {
  start(crypto());
  create("acme:ada", kAddress);
  start("");
  const auto answer = daemon_->call(
      "admin", "GET", "/admin/v1/topics/user.events/records?from=start", daemon_->operator_token());
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("tenants.master_key_file"));
}

TEST_F(Erasure, ARepairTakesUsersFromTheEncryptedLog) {
  start(crypto());
  create("acme:ada", kAddress);
  ASSERT_EQ(daemon_->stop(), 0);
  auto bytes = test::bytes_of(data() + "/store.db");
  int flipped = 0;
  for (auto at = bytes.find(kAddress); at != bytes.npos; at = bytes.find(kAddress, at)) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    ++flipped;
  }
  ASSERT_GT(flipped, 0);
  test::write_bytes(data() + "/store.db", bytes);

  const auto repair = [](const Daemon& daemon) {
    return run({MESH_BIN_DIR "/meshd", "--config", daemon.write_config(), "--repair-data"});
  };
  const auto refused = repair(Daemon(data()));
  EXPECT_NE(refused.exit_code, 0) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("tenants.master_key_file"));
  const auto repaired = repair(*daemon_);
  EXPECT_EQ(repaired.exit_code, 0) << repaired.err;
  EXPECT_THAT(repaired.out, HasSubstr("were taken from the log"));
  ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  EXPECT_THAT(daemon_->call("users", "GET", "/users/1", "acme:ada").body, HasSubstr(kAddress));
}

}  // namespace
}  // namespace mesh::e2e
