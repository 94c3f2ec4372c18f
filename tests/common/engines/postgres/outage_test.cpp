// What a store does while its server is away, stands still, or is lost in a commit.
#include <future>
#include <set>

#include "common/base/strings.h"
#include "tests/common/engines/postgres/cutting_proxy.h"
#include "tests/common/engines/postgres/store_fixture.h"
#include "tests/support/outbox.h"

namespace mesh::postgres {
namespace {

using test::create;
using test::fails_with;
using test::kAcme;
using test::succeeds;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

using PostgresOutage = OwnPostgresTest;

// Adds users without an end, and keeps what was acknowledged.
class Writer {
 public:
  explicit Writer(Stores& stores, std::string domain)
      : stores_(stores), domain_(std::move(domain)), thread_([this] { run(); }) {}
  ~Writer() { stop(); }
  void stop() {
    enough_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int acknowledged() const { return acknowledged_; }
  // Once it is stopped.
  const std::map<std::string, std::int64_t>& made() const { return made_; }
  const std::set<std::string>& others() const { return others_; }

 private:
  void run() {
    for (int i = 0; !enough_; ++i) {
      const std::string email = std::to_string(i) + "@" + domain_;
      const auto user = create(stores_.users(), kAcme, email);
      if (user) {
        made_[email] = user->id;
        ++acknowledged_;
      } else {
        others_.emplace(to_string(user.error().kind));
        // Refusals come at once.
        std::this_thread::yield();
      }
    }
  }
  Stores& stores_;
  const std::string domain_;
  std::atomic<bool> enough_{false};
  std::atomic<int> acknowledged_{0};
  std::map<std::string, std::int64_t> made_;
  std::set<std::string> others_;
  std::thread thread_;
};

TEST_F(PostgresOutage, KilledUnderLoadItLosesNothingThatWasAcknowledged) {
  const auto store = open(own_options());
  std::vector<std::unique_ptr<Writer>> writers;
  for (const char* domain : {"a.dev", "b.dev", "c.dev"}) {
    writers.push_back(std::make_unique<Writer>(*store, domain));
  }
  const auto acknowledged = [&] {
    int sum = 0;
    for (const auto& writer : writers) sum += writer->acknowledged();
    return sum;
  };
  for (int round = 0; round < 3; ++round) {
    const int before = acknowledged();
    ASSERT_TRUE(test::eventually([&] { return acknowledged() > before + 100; })) << round;
    own().kill();
    EXPECT_TRUE(test::eventually([&] { return store->trouble().has_value(); })) << round;
    own().start();
    // By itself, and without a call.
    EXPECT_TRUE(test::eventually([&] { return !store->trouble(); })) << round;
  }
  const int before = acknowledged();
  ASSERT_TRUE(test::eventually([&] { return acknowledged() > before + 100; }));
  for (auto& writer : writers) writer->stop();

  std::map<std::string, std::int64_t> stored;
  const auto users = store->users().list(kAcme, 0, 1'000'000, {}).value();
  for (const User& user : users) stored[user.email] = user.id;
  for (const auto& writer : writers) {
    for (const auto& [email, id] : writer->made()) {
      ASSERT_EQ(stored[email], id) << email << " was acknowledged";
    }
    for (const auto& kind : writer->others()) {
      EXPECT_TRUE(kind == "unavailable" || kind == "uncertain") << kind;
    }
  }
  EXPECT_EQ(store->outbox().size(), static_cast<std::int64_t>(stored.size()))
      << "each user has its event";
}

TEST_F(PostgresOutage, WithoutAServerItDoesNotOpenAndCallsSayWhy) {
  const auto store = open(own_options());
  ASSERT_TRUE(create(store->users(), kAcme, "a@x.dev"));
  own().kill();
  const auto opened = PostgresStores::open(own_options(), system_clock());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("postgres.dsn"));
  EXPECT_TRUE(fails_with(store->users().get(kAcme, 1), ErrorKind::unavailable));
  EXPECT_TRUE(fails_with(create(store->users(), kAcme, "b@x.dev"), ErrorKind::unavailable));
  EXPECT_TRUE(
      fails_with(store->leases().acquire("relay", "a", Duration{1'000}), ErrorKind::unavailable));
  EXPECT_TRUE(store->trouble());
  own().start();
  EXPECT_TRUE(test::eventually([&] { return store->users().get(kAcme, 1).has_value(); }));
}

// Connections that the server has closed are noticed before anything is sent on them.
TEST_F(PostgresOutage, AfterARestartCallsWorkAtOnce) {
  const auto store = open(own_options());
  ASSERT_TRUE(create(store->users(), kAcme, "a@x.dev"));
  own().kill();
  own().start();
  EXPECT_TRUE(test::eventually([&] { return !store->trouble(); }));
  EXPECT_TRUE(succeeds(store->users().get(kAcme, 1)));
  EXPECT_TRUE(succeeds(create(store->users(), kAcme, "b@x.dev")));
}

// One that is stopped in order says good-bye, which is there to be read as the end is.
TEST_F(PostgresOutage, ConnectionsThatTheServerEndedAreNotUsed) {
  const auto store = open(own_options());
  const std::string pooled =
      "FROM pg_stat_activity WHERE application_name='meshd'"
      " AND query NOT LIKE 'LISTEN%'";
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(store->tasks().get("none").error().kind == ErrorKind::not_found);
    ASSERT_EQ(own().ask("SELECT count(*)>0 " + pooled), "t");
    own().ask("SELECT count(pg_terminate_backend(pid)) " + pooled);
    ASSERT_TRUE(test::eventually([&] { return own().ask("SELECT count(*) " + pooled) == "0"; }));
    EXPECT_TRUE(succeeds(store->tasks().insert(test::bare_task("t" + std::to_string(i)))));
  }
}

// Else each of them is waited for in its turn, and a stop takes as long as all together.
TEST_F(PostgresOutage, OfAServerThatStandsStillOneConnectionIsWaitedForAndNotAll) {
  StoreOptions hasty = own_options();
  hasty.connect_timeout = Duration{2'000};
  hasty.statement_timeout = Duration{100};
  const auto store = open(hasty);
  ASSERT_TRUE(create(store->users(), kAcme, "a@x.dev"));
  ASSERT_TRUE(test::eventually([&] {
    std::vector<std::future<bool>> reads;
    for (int i = 0; i < 8; ++i) {
      reads.push_back(
          std::async(std::launch::async, [&] { return store->users().get(kAcme, 1).has_value(); }));
    }
    for (auto& read : reads) read.get();
    return std::stoi(own().ask("SELECT count(*) FROM pg_stat_activity"
                               " WHERE application_name='meshd'")) >= 4;
  }));
  own().pause();
  const auto read = store->users().get(kAcme, 1);
  own().resume();
  ASSERT_TRUE(fails_with(read, ErrorKind::unavailable));
  EXPECT_THAT(read.error().cause, Not(HasSubstr("no answer within")))
      << "what is repeated makes a connection of its own";
}

TEST_F(PostgresOutage, AServerThatStandsStillHoldsNobodyForLongerThanItsLimit) {
  StoreOptions hasty = own_options();
  hasty.connect_timeout = Duration{2'000};
  hasty.statement_timeout = Duration{100};
  const auto store = open(hasty);
  ASSERT_TRUE(create(store->users(), kAcme, "a@x.dev"));
  own().pause();
  EXPECT_TRUE(fails_with(store->users().get(kAcme, 1), ErrorKind::unavailable));
  own().resume();
  EXPECT_TRUE(test::eventually([&] { return store->users().get(kAcme, 1).has_value(); }));
}

// Whoever repeated the request was told for a minute that the first try is still being handled.
TEST_F(PostgresOutage, AClaimThatCouldNotBeEndedIsEndedOnceTheServerIsBack) {
  StoreOptions hasty = own_options();
  hasty.connect_timeout = Duration{2'000};
  hasty.statement_timeout = Duration{100};
  const auto store = open(hasty), other = open(hasty);
  const auto key = [](const char* name) { return IdempotencyKey{kAcme, name, "same"}; };
  const auto held = test::begin(store->idempotency(), key("held"));
  ASSERT_TRUE(held);
  own().pause();
  EXPECT_FALSE(test::wait_for<void>([&](auto done) {
    store->idempotency().release({key("held"), held->token}, Effect::none, std::move(done));
  }));
  own().resume();
  ASSERT_TRUE(test::eventually([&] { return store->users().list(kAcme, 0, 1, {}).has_value(); }));
  own().pause();
  EXPECT_FALSE(test::begin(store->idempotency(), key("begun")));
  own().resume();
  EXPECT_TRUE(
      test::eventually([&] { return test::begin(store->idempotency(), key("next")).has_value(); }));
  for (const char* name : {"held", "begun"}) {
    EXPECT_TRUE(test::eventually([&] {
      return test::begin(other->idempotency(), key(name)).has_value();
    })) << name;
  }
}

struct PostgresCut : PostgresTest {
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped()) return;
    const std::string dsn = server().dsn();
    const auto at = dsn.find("port=") + 5;
    proxy.emplace(static_cast<int>(*parse_int(dsn.substr(at, dsn.find(' ', at) - at))));
    StoreOptions through = options();
    through.dsn += " port=" + std::to_string(proxy->port());
    through.connect_timeout = Duration{2'000};
    store = open(through);
  }
  void TearDown() override {
    store.reset();
    PostgresTest::TearDown();
  }
  std::optional<CuttingProxy> proxy;
  std::unique_ptr<PostgresStores> store;
};

TEST_F(PostgresCut, ACommitWhoseAnswerWasLostIsFoundOut) {
  proxy->cut(1);
  const auto user = create(store->users(), kAcme, "a@x.dev");
  EXPECT_EQ(proxy->cuts_left(), 0);
  ASSERT_TRUE(succeeds(user));
  EXPECT_EQ(user->id, 1);
  EXPECT_THAT(test::waiting(store->outbox()).value(), SizeIs(1)) << "it was not made twice";
}

TEST_F(PostgresCut, OneThatCannotBeFoundOutIsUncertain) {
  ASSERT_TRUE(create(store->users(), kAcme, "a@x.dev"));
  proxy->refuse(true);
  proxy->cut(1);
  EXPECT_TRUE(fails_with(create(store->users(), kAcme, "b@x.dev"), ErrorKind::uncertain));
  proxy->refuse(false);
  EXPECT_TRUE(test::eventually([&] { return store->users().get(kAcme, 2).has_value(); }))
      << "it was made";
}

TEST_F(PostgresCut, AReaderIsToldOfACommitWhoseAnswerWasLost) {
  const auto reader = store->outbox().open({});
  ASSERT_TRUE(reader->next(10).value().empty());
  auto waits = std::async(std::launch::async, [&] { return reader->wait(Duration{60'000}); });
  proxy->cut(1);
  (void)create(store->users(), kAcme, "a@x.dev");
  EXPECT_TRUE(waits.get());
}

TEST_F(PostgresCut, ATenantWhoseCommitWasLostIsUncertain) {
  proxy->cut(1);
  EXPECT_TRUE(
      fails_with(store->tenants().create({.id = kAcme, .name = "Acme"}), ErrorKind::uncertain));
  EXPECT_EQ(store->tenants().get(kAcme)->name, "Acme");
}

}  // namespace
}  // namespace mesh::postgres
