#include "tests/contract/tenant_store_contract.h"

#include <gmock/gmock.h>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Tenant record_of(const TenantId& id, std::string name) {
  return {.id = id,
          .name = std::move(name),
          .allow_unknown_types = true,
          .rate_limits = {{"search", RatePolicy{30, std::chrono::minutes(1), 5}}}};
}

std::vector<std::string> names(const Result<std::vector<Tenant>>& tenants) {
  std::vector<std::string> out;
  for (const Tenant& each : tenants.value()) out.push_back(each.id.str());
  return out;
}

Record last_event(StoreHarness& store) { return waiting(store.outbox()).value().back().record; }

}  // namespace

TEST_P(TenantStoreContract, ACreatedRecordIsReadBackAlsoAfterAReopen) {
  auto created = store_->tenants().create(record_of(kAcme, "Acme Inc"));
  ASSERT_TRUE(succeeds(created));
  store_->reopen();
  auto read = store_->tenants().get(kAcme);
  ASSERT_TRUE(succeeds(read));
  EXPECT_EQ(read->name, "Acme Inc");
  EXPECT_TRUE(read->allow_unknown_types);
  EXPECT_EQ(read->rate_limits.at("search"), (RatePolicy{30, std::chrono::minutes(1), 5}));
  EXPECT_EQ(read->version, 1);
  EXPECT_EQ(read->created_at, clock_.now());
  EXPECT_EQ(read->updated_at, clock_.now());
}

TEST_P(TenantStoreContract, EachChangeTellsTheSequenceOfItsEvent) {
  const auto last = [&] { return waiting(store_->outbox()).value().back().sequence; };
  auto created = store_->tenants().create(record_of(kAcme, "Acme"));
  ASSERT_TRUE(succeeds(created));
  EXPECT_EQ(created->event, last());
  auto updated = store_->tenants().update(*created);
  ASSERT_TRUE(succeeds(updated));
  EXPECT_EQ(updated->event, last());
  EXPECT_GT(updated->event, created->event);
  auto removed = store_->tenants().remove(kAcme);
  ASSERT_TRUE(succeeds(removed));
  EXPECT_EQ(removed->event, last());
  EXPECT_EQ(removed->name, "Acme");
}

TEST_P(TenantStoreContract, ASecondCreateIsAConflict) {
  ASSERT_TRUE(store_->tenants().create(record_of(kAcme, "Acme")));
  EXPECT_TRUE(fails_with(store_->tenants().create(record_of(kAcme, "Other")), ErrorKind::conflict));
  EXPECT_EQ(store_->tenants().get(kAcme)->name, "Acme");
  EXPECT_EQ(store_->outbox().size(), 1);
}

TEST_P(TenantStoreContract, ARecordKeepsQuotasRolesTypesAndOwner) {
  Tenant acme = record_of(kAcme, "Acme");
  acme.quotas = {{Quota::events_per_day, 100}};
  acme.roles = {TokenRole::reader, {{"bot", TokenRole::publisher}}};
  acme.types["order.placed"] = Json::parse(R"({"type": "object", "required": ["z", "a"]})");
  acme.retention = Duration{3 * 86'400'000};
  acme.managed_by = "apply";
  ASSERT_TRUE(succeeds(store_->tenants().create(acme)));
  const auto kept = store_->tenants().get(kAcme);
  ASSERT_TRUE(succeeds(kept));
  EXPECT_EQ(kept->quotas, acme.quotas);
  EXPECT_EQ(kept->roles, acme.roles);
  EXPECT_EQ(kept->types, acme.types);
  EXPECT_EQ(kept->retention, acme.retention);
  EXPECT_EQ(kept->managed_by, "apply");
}

TEST_P(TenantStoreContract, AnUpdateSetsVersionAndTimeAndKeepsTheCreation) {
  const Timestamp created_at = clock_.now();
  ASSERT_TRUE(store_->tenants().create(record_of(kAcme, "Acme")));
  clock_.advance(std::chrono::hours(1));
  auto updated = store_->tenants().update(record_of(kAcme, "Acme Corp"));
  ASSERT_TRUE(succeeds(updated));
  EXPECT_EQ(updated->version, 2);
  EXPECT_EQ(updated->created_at, created_at);
  EXPECT_EQ(updated->updated_at, clock_.now());
  EXPECT_EQ(store_->tenants().get(kAcme)->name, "Acme Corp");
}

TEST_P(TenantStoreContract, AnUpdateOfAnotherVersionIsAConflictAndChangesNothing) {
  auto first = store_->tenants().create(record_of(kAcme, "Acme"));
  ASSERT_TRUE(succeeds(first));
  Tenant second = *first;  // two who read the same version
  first->name = "First";
  second.name = "Second";
  ASSERT_TRUE(succeeds(store_->tenants().update(*first)));
  EXPECT_TRUE(fails_with(store_->tenants().update(second), ErrorKind::conflict));
  EXPECT_EQ(store_->tenants().get(kAcme)->name, "First");
  EXPECT_EQ(store_->outbox().size(), 2);
  second.version = 3;  // one that is still to come
  EXPECT_TRUE(fails_with(store_->tenants().update(second), ErrorKind::conflict));
  second.version = store_->tenants().get(kAcme)->version;
  auto retried = store_->tenants().update(second);
  ASSERT_TRUE(succeeds(retried));
  EXPECT_EQ(retried->version, 3);
  EXPECT_EQ(store_->tenants().get(kAcme)->name, "Second");
}

TEST_P(TenantStoreContract, ARecordIsRemovedOnlyAtAVersionThatTheCallerNames) {
  ASSERT_TRUE(store_->tenants().create(record_of(kAcme, "Acme")));
  const auto late = store_->tenants().remove(kAcme, std::vector<std::int64_t>{2});
  ASSERT_TRUE(fails_with(late, ErrorKind::conflict));
  EXPECT_EQ(late.error().fields.at(0).pointer, "/version");
  EXPECT_TRUE(succeeds(store_->tenants().get(kAcme)));
  EXPECT_TRUE(succeeds(store_->tenants().remove(kAcme, std::vector<std::int64_t>{1})));
}

TEST_P(TenantStoreContract, UnknownTenantsAreNotFound) {
  ASSERT_TRUE(store_->tenants().create(record_of(kGlobex, "Globex")));
  EXPECT_TRUE(fails_with(store_->tenants().get(kAcme), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(store_->tenants().update(record_of(kAcme, "A")), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(store_->tenants().remove(kAcme), ErrorKind::not_found));
  EXPECT_EQ(store_->outbox().size(), 1);
}

TEST_P(TenantStoreContract, ChangesWriteTheRecordAsAnEvent) {
  auto created = store_->tenants().create(record_of(kAcme, "Acme"));
  Record event = last_event(*store_);
  EXPECT_EQ(event.topic, "tenant.events");
  EXPECT_EQ(event.key, "acme");
  EXPECT_EQ(event.value, dump(to_json(*created)));
  EXPECT_EQ(find_header(event.headers, "ce_type"), "tenant.created");
  EXPECT_EQ(find_header(event.headers, "ce_sequence"), "1");
  auto updated = store_->tenants().update(record_of(kAcme, "Acme Corp"));
  event = last_event(*store_);
  EXPECT_EQ(event.value, dump(to_json(*updated)));
  EXPECT_EQ(find_header(event.headers, "ce_type"), "tenant.updated");
  EXPECT_EQ(find_header(event.headers, "ce_sequence"), "2");
  ASSERT_TRUE(store_->tenants().remove(kAcme));
  event = last_event(*store_);
  EXPECT_EQ(find_header(event.headers, "ce_type"), "tenant.deleted");
  EXPECT_EQ(event.value, R"({"id":"acme","tenantId":"acme"})");
  EXPECT_EQ(find_header(event.headers, "ce_sequence"), "3");
}

TEST_P(TenantStoreContract, ARemovedRecordIsGoneButNotTheTenantsUsers) {
  ASSERT_TRUE(store_->tenants().create(record_of(kAcme, "Acme")));
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_TRUE(succeeds(store_->tenants().remove(kAcme)));
  EXPECT_TRUE(fails_with(store_->tenants().get(kAcme), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(store_->tenants().remove(kAcme), ErrorKind::not_found));
  EXPECT_THAT(names(store_->tenants().list("", 10)), IsEmpty());
  EXPECT_TRUE(succeeds(store_->users().get(kAcme, 1)));
}

// A consumer that keeps the newest version of each tenant would otherwise ignore the new record.
TEST_P(TenantStoreContract, VersionsGoOnWhenARemovedTenantComesBack) {
  ASSERT_TRUE(store_->tenants().create(record_of(kAcme, "Acme")));
  ASSERT_TRUE(store_->tenants().remove(kAcme));
  store_->reopen();
  auto again = store_->tenants().create(record_of(kAcme, "Acme again"));
  ASSERT_TRUE(succeeds(again));
  EXPECT_EQ(again->version, 3);
}

TEST_P(TenantStoreContract, KnownIsWhoHasOrHadARecordOrIsUsed) {
  for (const TenantId& id : {kAcme, kGlobex}) EXPECT_EQ(store_->tenants().known(id), false);
  ASSERT_TRUE(store_->tenants().create(record_of(kAcme, "Acme")));
  EXPECT_EQ(store_->tenants().known(kAcme), true);
  EXPECT_EQ(store_->tenants().known(kGlobex), false);
  ASSERT_TRUE(store_->tenants().remove(kAcme));
  EXPECT_EQ(store_->tenants().known(kAcme), true) << "its events may still be there";
  store_->tenants().note_use(kGlobex);
  store_->reopen();
  EXPECT_EQ(store_->tenants().known(kGlobex), true);
  EXPECT_TRUE(fails_with(store_->tenants().get(kGlobex), ErrorKind::not_found));
  const TenantId peopled = tenant("peopled");
  ASSERT_TRUE(succeeds(create(store_->users(), peopled, "a@b.dev")));
  EXPECT_EQ(store_->tenants().known(peopled), true);
}

TEST_P(TenantStoreContract, ListsPageInIdOrder) {
  for (const char* id : {"globex", "acme", "initech"}) {
    ASSERT_TRUE(store_->tenants().create(record_of(tenant(id), id)));
  }
  EXPECT_THAT(names(store_->tenants().list("", 2)), ElementsAre("acme", "globex"));
  EXPECT_THAT(names(store_->tenants().list("globex", 2)), ElementsAre("initech"));
}

}  // namespace mesh::test
