// What was acknowledged is what is billed: loads of known size, a daemon that is killed amid one,
// and the totals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::eventually;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

constexpr int kEvents = 5;  // of a request
constexpr int kWriters = 3;

// Threads that publish to a daemon until they are told to end, or it does. Each has at most one
// request under way: so many, and no more, are neither acknowledged nor refused when it is killed.
class Writers {
 public:
  Writers(Daemon& daemon, const std::string& token) {
    for (int i = 0; i < kWriters; ++i)
      threads_.emplace_back([this, &daemon, token] { run(daemon, token); });
  }
  ~Writers() { end(); }
  void await(int requests) const {
    ASSERT_TRUE(eventually([&] { return acknowledged >= requests; }));
  }
  void end() {
    ending_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  static std::string body() {
    std::string lines;
    for (int i = 0; i < kEvents; ++i) {
      lines += R"({"type":"analytics.recorded","data":{"user_id":"u","event_type":"click"}})"
               "\n";
    }
    return lines;
  }
  std::atomic<int> acknowledged{0}, unanswered{0};

 private:
  void run(Daemon& daemon, const std::string& token) {
    while (!ending_) {
      try {
        const auto answer = daemon.call("publisher", "POST", "/api/v1/events", token, body(),
                                        {{"Content-Type", "application/x-ndjson"}});
        if (answer.status == 202) ++acknowledged;
      } catch (const std::exception&) {
        ++unanswered;
        return;
      }
    }
  }

  std::atomic<bool> ending_{false};
  std::vector<std::thread> threads_;
};

std::map<std::string, std::int64_t> totals(Daemon& daemon, const std::string& tenant) {
  const auto answer = daemon.call("admin", "GET", "/admin/v1/usage/totals?by=kind&tenant=" + tenant,
                                  daemon.operator_token());
  EXPECT_EQ(answer.status, 200) << answer.body;
  std::map<std::string, std::int64_t> all;
  const Json body = answer.json();
  for (const auto& item : body["items"]) {
    EXPECT_EQ(item["tenant"], tenant);
    all[item["kind"].get<std::string>()] = item["amount"].get<std::int64_t>();
  }
  return all;
}

// A stop writes what the minute under way has; the start behind it counts that.
void settle(Daemon& daemon) {
  ASSERT_EQ(daemon.stop(), 0);
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  daemon.await_idle();
}

void search(Daemon& daemon, const std::string& token, int times) {
  for (int i = 0; i < times; ++i) {
    ASSERT_EQ(daemon.call("gateway", "GET", "/ai/users/search?query=x", token).status, 200);
  }
}

class Metering : public ::testing::Test {
 protected:
  test::TempDir dir_;
};

TEST_F(Metering, TheTotalsOfAKilledDaemonAreWhatItAcknowledged) {
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  search(daemon, "acme:a", 3);
  ASSERT_EQ(daemon
                .call("users", "POST", "/users/create", "globex:g",
                      R"({"email":"g@globex.dev","name":"G"})")
                .status,
            201);
  std::int64_t acknowledged = 0, unanswered = 0;
  for (int round = 0; round < 2; ++round) {
    Writers writers(daemon, "acme:a");
    writers.await(40);
    daemon.kill();
    writers.end();
    acknowledged += writers.acknowledged;
    unanswered += writers.unanswered;
    ASSERT_TRUE(daemon.start()) << daemon.errors();
  }
  EXPECT_LE(unanswered, 2 * kWriters);
  search(daemon, "acme:a", 4);
  settle(daemon);

  const auto acme = totals(daemon, "acme");
  // Of a request that nobody was answered either all or nothing was counted, or its events alone.
  EXPECT_THAT(acme.at("events"),
              AllOf(Ge(kEvents * acknowledged), Le(kEvents * (acknowledged + unanswered))));
  const auto bytes = static_cast<std::int64_t>(Writers::body().size());
  EXPECT_THAT(acme.at("bytes"),
              AllOf(Ge(bytes * acknowledged), Le(bytes * (acknowledged + unanswered))));
  EXPECT_EQ(acme.at("searches"), 7);
  EXPECT_EQ(totals(daemon, "globex").at("events"), 1);

  // Nothing comes twice, however often the process begins anew.
  settle(daemon);
  EXPECT_EQ(totals(daemon, "acme"), acme);
}

TEST_F(Metering, SeveralDaemonsAddUpInOneStore) {
  if (!test::PostgresServer::installed()) GTEST_SKIP() << test::PostgresServer::kMissing;
  auto& postgres = test::PostgresServer::shared();
  std::ofstream(dir_.file("password")) << test::PostgresServer::kPassword << "\n";
  // Each has a log of its own here, and all have one store.
  const std::string config = "store: {engine: postgres}\npostgres: {dsn: '" + postgres.dsn() +
                             "', password_file: " + dir_.file("password") +
                             ", schema: " + postgres.new_schema() + "}\n";
  Daemon one(dir_.file("one"), config), other(dir_.file("other"), config);
  ASSERT_TRUE(one.start()) << one.errors();
  ASSERT_TRUE(other.start()) << other.errors();
  std::int64_t acknowledged = 0, unanswered = 0;
  {
    Writers of_one(one, "acme:a"), of_other(other, "acme:a"), of_globex(other, "globex:g");
    of_one.await(30);
    one.kill();
    of_one.end();
    ASSERT_TRUE(one.start()) << one.errors();
    Writers again(one, "acme:a");
    again.await(30);
    for (Writers* writers : {&of_other, &again}) writers->end();
    of_globex.end();
    for (const Writers* writers : {&of_one, &of_other, &again}) {
      acknowledged += writers->acknowledged;
      unanswered += writers->unanswered;
    }
    EXPECT_LE(unanswered, kWriters);
    search(one, "acme:a", 2);
    search(other, "acme:a", 3);
    settle(one);
    settle(other);
    EXPECT_EQ(totals(one, "globex").at("events"), kEvents * of_globex.acknowledged);
  }
  const auto acme = totals(one, "acme");
  EXPECT_THAT(acme.at("events"),
              AllOf(Ge(kEvents * acknowledged), Le(kEvents * (acknowledged + unanswered))));
  EXPECT_EQ(acme.at("searches"), 5);
  EXPECT_EQ(totals(other, "acme"), acme) << "they look at the same totals";
}

TEST_F(Metering, TenantsSeeTheirOwnUsageAndOperatorsAll) {
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  search(daemon, "acme:a", 3);
  search(daemon, "globex:g", 1);
  settle(daemon);

  const auto own = daemon.call("subscriber", "GET", "/api/v1/usage?by=kind", "acme:a");
  ASSERT_EQ(own.status, 200) << own.body;
  EXPECT_EQ(own.json()["items"],
            Json::array({{{"tenant", "acme"}, {"kind", "searches"}, {"amount", 3}}}));
  EXPECT_EQ(daemon.call("subscriber", "GET", "/api/v1/usage?tenant_id=globex", "acme:a").status,
            403);
  const Json day = daemon.call("subscriber", "GET", "/api/v1/usage", "globex:g").json();
  ASSERT_EQ(day["items"].size(), 1u) << day.dump();
  EXPECT_EQ(day["by"], "day");
  EXPECT_EQ(day["items"][0]["searches"], 1);
  EXPECT_EQ(day["items"][0]["events"], 0);
  EXPECT_EQ(day["items"][0]["start"].get<std::string>().substr(10), "T00:00:00.000Z");

  const auto admin = [&](const std::string& query) {
    return daemon.call("admin", "GET", "/admin/v1/usage/totals" + query, daemon.operator_token());
  };
  EXPECT_EQ(admin("?by=hour").json()["items"].size(), 2u);
  EXPECT_EQ(admin("?by=minute&tenant=acme").json()["items"].size(), 1u);
  EXPECT_EQ(admin("?until=1d").json()["items"].size(), 0u);
  for (const char* query : {"?by=week", "?since=tomorrow", "?since=1d&until=2d", "?tenant=No"}) {
    EXPECT_EQ(admin(query).status, 400) << query;
  }
  EXPECT_EQ(daemon.call("admin", "GET", "/admin/v1/usage/totals", "acme:a").status, 403);

  EXPECT_EQ(daemon.mesh({"usage", "--tenant", "acme", "--by", "kind", "-o", "csv"}).out,
            "tenant,kind,amount\nacme,searches,3\n");
  const auto table = daemon.mesh({"usage", "--since", "7d"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("acme"));
  EXPECT_THAT(table.out, HasSubstr("globex"));
  const auto of_token = daemon.mesh({"usage", "--token", "globex:g", "-o", "json"});
  EXPECT_EQ(of_token.exit_code, 0) << of_token.err;
  EXPECT_EQ(Json::parse(of_token.out, nullptr, false).size(), 1u) << of_token.out;

  // What stands behind it, for whoever wants the events themselves.
  const auto events = daemon.mesh({"events", "tail", "--topic", "billing.events", "--from", "start",
                                   "--tenant", "acme", "-n", "1", "-f", "%y %v\\n"});
  EXPECT_THAT(events.out, HasSubstr("billing.usage.incremented"));
  EXPECT_THAT(events.out, HasSubstr(R"("usage":{"searches":3})"));
}

TEST_F(Metering, WhatIsStoredIsCountedAtTheStart) {
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  for (const char* email : {"a@acme.dev", "b@acme.dev"}) {
    ASSERT_EQ(daemon
                  .call("users", "POST", "/users/create", "acme:a",
                        std::string(R"({"name":"A","email":")") + email + "\"}")
                  .status,
              201);
  }
  // The first start may have counted before they were there; the next one counts again.
  settle(daemon);
  EXPECT_TRUE(eventually([&] { return totals(daemon, "acme")["stored_users"] == 2; }));
  EXPECT_EQ(totals(daemon, "acme")["stored_bytes"], 2 * (10 + 1)) << "the addresses and names";
}

}  // namespace
}  // namespace mesh::e2e
