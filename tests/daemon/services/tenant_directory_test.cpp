// What is known of tenants while their store answers, fails, or hangs.
#include "daemon/services/tenant_directory.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/support/eventually.h"
#include "tests/support/fake_tenants.h"
#include "tests/support/manual_clock.h"

namespace mesh::services {
namespace {

using test::advance_until;
using test::eventually;

constexpr RatePolicy kDefault{10, Duration{1000}, 10};

TenantId tenant(const std::string& id) { return *TenantId::parse(id); }

Tenant record(const std::string& id, std::int64_t rate) {
  Tenant made{.id = tenant(id), .name = id, .rate_limits = {}};
  made.rate_limits["search"] = {rate, Duration{1000}, 0};
  return made;
}

class Directory : public testing::Test {
 protected:
  ~Directory() override { store_.hang(false); }

  void open() { directory_.emplace(store_, defaults_, clock_, &usage_); }
  // The rate of its policy; -1 where that is not known.
  std::int64_t rate(const std::string& id) {
    const auto policy = directory_->rate_policy(tenant(id), "search");
    return policy && *policy ? (*policy)->policy.rate : -1;
  }
  // Until all records were read again, or could not be.
  void await_refresh() {
    clock_.await_waiters(1);
    const int before = store_.lists;
    EXPECT_TRUE(
        advance_until(clock_, TenantDirectory::kRefresh, [&] { return store_.lists > before; }));
  }

  ManualClock clock_;
  Usage usage_{clock_};
  test::FakeTenants store_;
  const std::map<std::string, RatePolicy> defaults_{{"search", kDefault}};
  std::optional<TenantDirectory> directory_;
};

TEST_F(Directory, RequestsAskTheStoreForNothing) {
  store_.put(record("acme", 7));
  open();
  const int before = store_.calls;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(rate("acme"), 7);
    EXPECT_EQ(rate("globex"), kDefault.rate) << "never seen before, and without a record";
    EXPECT_EQ(directory_->allows_unknown_types(tenant("acme")), false);
  }
  EXPECT_EQ(store_.calls, before);
}

// One tenant's large schemas held up the events of all others.
TEST_F(Directory, NobodyWaitsWhileTheTypesOfAnotherAreCompiled) {
  for (const char* id : {"acme", "globex"}) {
    Tenant one = record(id, 7);
    one.types[std::string(id) + ".made"] = {{"type", "object"}};
    store_.put(one);
  }
  std::future<bool> other;
  directory_.emplace(store_, defaults_, clock_, &usage_, [&](const TypeSchemas& types) {
    if (types.contains("acme.made")) {
      other = std::async(std::launch::async,
                         [&] { return directory_->own_types(tenant("globex")).has_value(); });
      EXPECT_EQ(other.wait_for(std::chrono::seconds{10}), std::future_status::ready);
    }
    return compile_types(types);
  });
  EXPECT_TRUE(directory_->own_types(tenant("acme")));
  EXPECT_TRUE(other.get());
}

TEST_F(Directory, TypesAreCompiledOnceForEachVersionOfTheRecord) {
  Tenant acme = record("acme", 7);
  acme.types["order.placed"] = {{"type", "object"}, {"required", Json::array({"id"})}};
  acme.types["order.broken"] = {{"type", "nonsense"}};
  store_.put(acme);
  open();
  const auto types = directory_->own_types(tenant("acme")).value();
  ASSERT_EQ(types->size(), 2u);
  EXPECT_EQ(types->at("order.broken"), nullptr) << "a schema that cannot be compiled";
  EXPECT_TRUE(check_own("order.placed", *types->at("order.placed"), {{"id", 1}}));
  EXPECT_FALSE(check_own("order.placed", *types->at("order.placed"), Json::object()));
  EXPECT_EQ(directory_->own_types(tenant("acme")).value(), types);
  EXPECT_TRUE(directory_->own_types(tenant("globex")).value()->empty());
  acme.types.clear();
  acme.version = 2;
  store_.put(acme);
  directory_->note_change(tenant("acme"));
  EXPECT_TRUE(directory_->own_types(tenant("acme")).value()->empty());
}

TEST_F(Directory, WhereTenantsHaveToBeRegisteredARequestWithoutARecordIsRefused) {
  store_.put(record("acme", 7));
  open();
  http::Request request;
  request.method = "POST";
  for (const auto kind : {Principal::Kind::tenant_user, Principal::Kind::operator_for_tenant}) {
    request.principal = Principal{kind, tenant("acme"), "u"};
    EXPECT_TRUE(check_registered(*directory_, request));
    request.principal->tenant = tenant("globex");
    const auto refused = check_registered(*directory_, request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::forbidden);
    EXPECT_NE(refused.error().message.find("mesh tenants create globex"), std::string::npos);
  }
  request.principal = Principal{Principal::Kind::operator_, {}, "operator"};
  EXPECT_TRUE(check_registered(*directory_, request));
}

TEST_F(Directory, ATokensRoleSaysWhatItMayAsk) {
  Tenant acme = record("acme", 7);
  acme.roles = {TokenRole::reader, {{"bot", TokenRole::publisher}, {"ada", TokenRole::writer}}};
  store_.put(acme);
  open();
  const http::Route look{.method = "GET", .pattern = "/users"};
  const http::Route change{.method = "POST", .pattern = "/users/create"};
  http::Route publish{.method = "POST", .pattern = "/api/v1/events"};
  publish.token_roles = {TokenRole::publisher};
  const auto may = [&](const std::string& user, const http::Route& route,
                       const std::string& id = "acme") {
    http::Request request;
    request.method = route.method;
    request.principal = Principal{Principal::Kind::tenant_user, tenant(id), user};
    return check_role(*directory_, request, route);
  };
  for (const auto& route : {look, change, publish}) {
    EXPECT_TRUE(may("ada", route));
    EXPECT_TRUE(may("alice", route, "globex")) << "without a record";
  }
  EXPECT_TRUE(may("alice", look));
  EXPECT_FALSE(may("alice", publish));
  const auto refused = may("alice", change);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::forbidden);
  EXPECT_EQ(refused.error().message,
            "alice is a reader of acme: POST /users/create needs a writer (roles.default in the "
            "tenant's record)");
  EXPECT_TRUE(may("bot", publish));
  EXPECT_FALSE(may("bot", change));
  const auto blind = may("bot", look);
  ASSERT_FALSE(blind);
  EXPECT_EQ(blind.error().message,
            "bot is a publisher of acme: GET /users needs a reader (roles.users.bot in the "
            "tenant's record)");
  http::Request request;
  request.method = "POST";
  request.principal = Principal{Principal::Kind::operator_for_tenant, tenant("acme"), "operator"};
  EXPECT_TRUE(check_role(*directory_, request, change));
}

TEST_F(Directory, AllPagesOfRecordsAreRead) {
  for (int i = 0; i < 2'500; ++i) store_.put(record("t" + std::to_string(i), i + 100));
  open();
  for (const int i : {0, 999, 1000, 1001, 2'499}) EXPECT_EQ(rate("t" + std::to_string(i)), i + 100);
}

TEST_F(Directory, AChangeThroughThisProcessIsSeenAtOnce) {
  store_.put(record("acme", 7));
  open();
  store_.put(record("acme", 8));
  EXPECT_EQ(rate("acme"), 7);
  directory_->note_change(tenant("acme"));
  EXPECT_EQ(rate("acme"), 8);
  ASSERT_TRUE(store_.remove(tenant("acme"), {}));
  directory_->note_change(tenant("acme"));
  EXPECT_EQ(rate("acme"), kDefault.rate);
}

TEST_F(Directory, AChangeThroughAnotherProcessIsSeenSoon) {
  open();
  store_.put(record("acme", 7));
  EXPECT_TRUE(advance_until(clock_, Duration{100}, [&] { return rate("acme") == 7; }));
}

// All records were read before the change, and arrive after it.
TEST_F(Directory, AReadingThatIsOverlappedByAChangeDoesNotUndoIt) {
  class Slow final : public TenantStore {
   public:
    explicit Slow(TenantStore& store) : store_(store) {}
    std::function<void()> before_listing_ends;
    Result<ChangedTenant> create(Tenant t) override { return store_.create(std::move(t)); }
    Result<ChangedTenant> update(Tenant t) override { return store_.update(std::move(t)); }
    Result<ChangedTenant> remove(const TenantId& id,
                                 const std::optional<std::vector<std::int64_t>>& at) override {
      return store_.remove(id, at);
    }
    Result<Tenant> get(const TenantId& id) override { return store_.get(id); }
    Result<std::vector<Tenant>> list(std::string_view after, int limit) override {
      auto page = store_.list(after, limit);
      if (before_listing_ends) before_listing_ends();
      return page;
    }
    Result<bool> known(const TenantId& id) override { return store_.known(id); }
    void note_use(const TenantId& id) override { store_.note_use(id); }

   private:
    TenantStore& store_;
  } slow(store_);
  store_.put(record("acme", 7));
  TenantDirectory directory(slow, defaults_, clock_);
  std::atomic<int> changes{0};
  slow.before_listing_ends = [&] {
    store_.put(record("acme", 8));
    directory.note_change(tenant("acme"));
    ++changes;
  };
  clock_.await_waiters(1);
  EXPECT_TRUE(
      advance_until(clock_, TenantDirectory::kRefresh, [&] { return changes.load() >= 1; }));
  clock_.await_waiters(1);  // it rests again
  EXPECT_EQ((*directory.rate_policy(tenant("acme"), "search"))->policy.rate, 8);
  directory.stop();
}

TEST_F(Directory, WhatIsKnownServesWhileTheStoreFails) {
  store_.put(record("acme", 7));
  open();
  store_.fail_with(ErrorKind::unavailable);
  await_refresh();
  await_refresh();
  EXPECT_EQ(rate("acme"), 7);
  EXPECT_EQ(rate("globex"), kDefault.rate);
  store_.put(record("acme", 8));
  directory_->note_change(tenant("acme"));
  EXPECT_EQ(rate("acme"), 7) << "it cannot be read";
  store_.fail_with(std::nullopt);
  EXPECT_TRUE(advance_until(clock_, Duration{1000}, [&] { return rate("acme") == 8; }));
}

TEST_F(Directory, NobodyWaitsForAStoreThatHangs) {
  store_.put(record("acme", 7));
  open();
  clock_.await_waiters(1);
  store_.hang(true);
  clock_.advance(TenantDirectory::kRefresh);
  store_.await_hanging();
  EXPECT_EQ(rate("acme"), 7);
  EXPECT_EQ(rate("globex"), kDefault.rate);
  EXPECT_EQ(directory_->allows_unknown_types(tenant("acme")), false);
  EXPECT_TRUE(directory_->knows(tenant("acme")));
  EXPECT_FALSE(directory_->knows(tenant("globex")));
  directory_->note_use(tenant("globex"));
  EXPECT_TRUE(directory_->knows(tenant("globex")));
}

TEST_F(Directory, WhereNothingCouldBeReadNobodysLimitIsGuessed) {
  store_.put(record("acme", 7));
  store_.fail_with(ErrorKind::unavailable);
  open();
  const auto policy = directory_->rate_policy(tenant("acme"), "search");
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().kind, ErrorKind::unavailable);
  EXPECT_FALSE(directory_->allows_unknown_types(tenant("acme")));
  store_.fail_with(std::nullopt);
  EXPECT_TRUE(advance_until(clock_, Duration{1000}, [&] { return rate("acme") == 7; }));
  // That record may have come alone, since it was asked for.
  EXPECT_TRUE(
      advance_until(clock_, Duration{1000}, [&] { return rate("globex") == kDefault.rate; }));
}

// One record that is damaged kept all others from being read.
TEST_F(Directory, ADamagedRecordIsItsTenantsAlone) {
  store_.put(record("acme", 7));
  store_.put(record("globex", 8));
  store_.damage("globex");
  open();
  EXPECT_TRUE(eventually([&] { return rate("acme") == 7; })) << "once it was asked about";
  EXPECT_TRUE(eventually([&] { return rate("initech") == kDefault.rate; }));
  EXPECT_EQ(rate("globex"), -1);
}

TEST_F(Directory, WhetherATenantExistsIsAskedOnceWhereItDoes) {
  store_.note_use(tenant("used"));
  open();
  const auto check = [&](const std::string& id, bool may_block) {
    http::Request request;
    request.method = "GET";
    request.principal = Principal{Principal::Kind::operator_for_tenant, tenant(id), "operator"};
    return check_tenant(*directory_, request, may_block);
  };
  EXPECT_FALSE(check("used", false)) << "only the store can tell";
  EXPECT_TRUE(check("used", true)->has_value());
  const int before = store_.calls;
  EXPECT_TRUE(check("used", false)->has_value());
  EXPECT_EQ(store_.calls, before);

  EXPECT_FALSE(check("never", false));
  EXPECT_EQ(check("never", true)->error().kind, ErrorKind::not_found);
  EXPECT_FALSE(check("never", false)) << "it may exist by now";
  usage_.add("never", {{Use::requests}});
  EXPECT_TRUE(check("never", true)->has_value());
  EXPECT_TRUE(check("never", false)->has_value());
}

TEST_F(Directory, NobodyAsksForATenantThatIsClosedNorInItsName) {
  Tenant closed = record("acme", 7);
  closed.closed = true;
  store_.put(closed);
  store_.put(record("globex", 7));
  open();
  const auto check = [&](Principal principal) {
    http::Request request;
    request.principal = std::move(principal);
    return check_open(*directory_, request);
  };
  using Kind = Principal::Kind;
  const auto refused = check({Kind::tenant_user, tenant("acme"), "u"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::forbidden);
  EXPECT_NE(refused.error().message.find("its data are being purged"), std::string::npos);
  EXPECT_FALSE(check({Kind::operator_for_tenant, tenant("acme"), "o"}));
  EXPECT_TRUE(check({Kind::operator_, {}, "o"}));
  EXPECT_TRUE(check({Kind::tenant_user, tenant("globex"), "u"}));
  EXPECT_TRUE(check({Kind::tenant_user, tenant("new"), "u"}));
}

TEST_F(Directory, OnlyOperatorsWhoNameATenantAreChecked) {
  open();
  store_.fail_with(ErrorKind::unavailable);
  const auto check = [&](Principal principal, const char* method, const char* named) {
    http::Request request;
    request.method = method;
    request.principal = std::move(principal);
    if (*named != '\0') request.query.emplace_back("tenant", named);
    return check_tenant(*directory_, request, false);
  };
  using Kind = Principal::Kind;
  EXPECT_TRUE(check({Kind::tenant_user, tenant("new"), "u"}, "GET", "")->has_value());
  EXPECT_TRUE(check({Kind::operator_for_tenant, tenant("new"), "o"}, "POST", "")->has_value());
  EXPECT_FALSE(check({Kind::operator_for_tenant, tenant("new"), "o"}, "GET", ""));
  EXPECT_TRUE(check({Kind::operator_, {}, "o"}, "GET", "")->has_value());
  EXPECT_FALSE(check({Kind::operator_, {}, "o"}, "GET", "new"));
  EXPECT_EQ(check({Kind::operator_, {}, "o"}, "GET", "-no-")->error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace mesh::services
