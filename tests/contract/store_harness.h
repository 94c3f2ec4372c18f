// What the contract suites of the stores of record need of an engine.
//
// An engine instantiates the suites of its ports with a StoreEngine:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, UserStoreContract, ::testing::Values(sqlite_engine()));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <ostream>
#include <string>

#include "common/base/clock.h"
#include "common/ports/stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"

namespace mesh::test {

// An empty store of its own. The ports are valid until reopen().
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual Stores& stores() = 0;
  UserStore& users() { return stores().users(); }
  LeaseStore& leases() { return stores().leases(); }
  MemberStore& members() { return stores().members(); }
  Outbox& outbox() { return stores().outbox(); }
  TenantStore& tenants() { return stores().tenants(); }
  IdempotencyStore& idempotency() { return stores().idempotency(); }
  TaskStore& tasks() { return stores().tasks(); }
  AnalyticsStore& analytics() { return stores().analytics(); }
  ChemicalStore& chemical() { return stores().chemical(); }
  RetryStore& retries() { return stores().retries(); }
  EpochStore& epochs() { return stores().epochs(); }
  virtual void reopen() = 0;  // as a restart of the process would
};

struct StoreEngine {
  std::string name;
  // Nothing where the engine's server is not installed: the tests are then skipped.
  std::function<std::unique_ptr<StoreHarness>(Clock&)> make;
};
inline std::ostream& operator<<(std::ostream& out, const StoreEngine& engine) {
  return out << engine.name;
}

class StoreContract : public ::testing::TestWithParam<StoreEngine> {
 protected:
  void SetUp() override {
    if (!store_) GTEST_SKIP() << "no server of this engine here; ./scripts/bootstrap installs it";
  }

  ManualClock clock_;
  std::unique_ptr<StoreHarness> store_ = GetParam().make(clock_);
};

inline TenantId tenant(std::string_view id) { return TenantId::parse(id).value(); }
inline const TenantId kAcme = tenant("acme");
inline const TenantId kGlobex = tenant("globex");

// Calls `start` with a completion and waits for it: wait_for<User>([&](auto done) { … }).
template <typename T, typename Start>
Result<T> wait_for(Start start) {
  auto answer = std::make_shared<std::promise<Result<T>>>();
  auto future = answer->get_future();
  start([answer](Result<T> result) { answer->set_value(std::move(result)); });
  return future.get();
}

inline Result<ChangedUser> create(UserStore& users, const TenantId& tenant, std::string email,
                                  std::string name = "Alice", ChangeContext context = {}) {
  return wait_for<ChangedUser>([&](UserDone done) {
    users.create(tenant, {std::move(email), std::move(name)}, std::move(context), std::move(done));
  });
}
inline Result<ChangedUser> update(UserStore& users, const TenantId& tenant, std::int64_t id,
                                  UserPatch patch, ChangeContext context = {}) {
  return wait_for<ChangedUser>([&](UserDone done) {
    users.update(tenant, id, std::move(patch), std::move(context), std::move(done));
  });
}
inline Result<ChangedUser> remove(UserStore& users, const TenantId& tenant, std::int64_t id,
                                  ChangeContext context = {}) {
  return wait_for<ChangedUser>(
      [&](UserDone done) { users.remove(tenant, id, std::move(context), std::move(done)); });
}
inline constexpr Duration kClaimLease{60'000};
inline Result<Claim> begin(IdempotencyStore& store, const IdempotencyKey& key,
                           bool durable = false) {
  return wait_for<Claim>(
      [&](auto done) { store.begin(key, kClaimLease, durable, std::move(done)); });
}
// The key as a claim of it holds it.
inline ClaimedKey claimed(const IdempotencyKey& key, const Result<Claim>& claim) {
  return {key, claim.value().token};
}
inline ::testing::AssertionResult is(const Result<Claim>& claim, Claim::State state) {
  if (!claim) return ::testing::AssertionFailure() << claim.error().to_string();
  if (claim->state == state) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "state " << static_cast<int>(claim->state);
}
// A task with nothing but its name.
inline Task bare_task(std::string id) {
  Task task;
  task.id = std::move(id);
  task.kind = "verify";
  return task;
}

template <typename T>
::testing::AssertionResult fails_with(const Result<T>& result, ErrorKind kind) {
  if (result) return ::testing::AssertionFailure() << "succeeded";
  if (result.error().kind == kind) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.error().to_string();
}
template <typename T>
::testing::AssertionResult succeeds(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.error().to_string();
}

}  // namespace mesh::test
