#include "tests/contract/user_store_contract.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

namespace mesh::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::int64_t> ids(const Result<std::vector<User>>& users) {
  std::vector<std::int64_t> out;
  for (const User& user : users.value()) out.push_back(user.id);
  return out;
}

std::vector<Record> events(StoreHarness& store) {
  std::vector<Record> out;
  auto entries = waiting(store.outbox()).value();
  for (OutboxEntry& entry : entries) {
    out.push_back(std::move(entry.record));
  }
  return out;
}

std::vector<std::string> types(StoreHarness& store) {
  std::vector<std::string> out;
  for (const Record& record : events(store)) {
    out.emplace_back(find_header(record.headers, "ce_type"));
  }
  return out;
}

StoredAnswer answer_of(const User& user) {
  return {200, to_json_text(user), {{"X-Version", std::to_string(user.version)}}};
}

// A change under a key that is claimed for it.
ChangeContext under_key(StoreHarness& store, const IdempotencyKey& key) {
  return {.claim = claimed(key, begin(store.idempotency(), key)),
          .answer = [](const ChangedUser& user) { return answer_of(user); }};
}

// What is stored, once the claim has ended.
Result<Claim> stored_under(StoreHarness& store, const ChangeContext& context) {
  store.idempotency().release(*context.claim, Effect::possible, [](const Status&) {});
  return begin(store.idempotency(), context.claim->key);
}

}  // namespace

TEST_P(UserStoreContract, ACreatedUserIsReadBack) {
  auto created = create(store_->users(), kAcme, "Alice@acme.dev", "Alice A");
  ASSERT_TRUE(succeeds(created));
  EXPECT_EQ(created->id, 1);
  EXPECT_EQ(created->version, 1);
  auto read = store_->users().get(kAcme, 1);
  ASSERT_TRUE(succeeds(read));
  EXPECT_EQ(read->email, "Alice@acme.dev");
  EXPECT_EQ(read->name, "Alice A");
  EXPECT_EQ(read->tenant, kAcme);
  EXPECT_EQ(read->version, 1);
}

TEST_P(UserStoreContract, IdsCountFromOneInEachTenant) {
  EXPECT_EQ(create(store_->users(), kAcme, "a@x.dev")->id, 1);
  EXPECT_EQ(create(store_->users(), kAcme, "b@x.dev")->id, 2);
  EXPECT_EQ(create(store_->users(), kGlobex, "a@x.dev")->id, 1);
}

TEST_P(UserStoreContract, AnEmailIsTakenOnceInATenantWhateverItsCase) {
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "alice@acme.dev")));
  EXPECT_TRUE(fails_with(create(store_->users(), kAcme, "ALICE@acme.dev"), ErrorKind::conflict));
  EXPECT_TRUE(succeeds(create(store_->users(), kGlobex, "alice@acme.dev")));
}

TEST_P(UserStoreContract, AddressesThatAreOneBelongToOneUser) {
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "Jos\u00e9@m\u00fcnchen.de")));
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "bob@x.de")));
  for (const char* same : {"jose\u0301@m\u00fcnchen.de", "JOS\u00c9@xn--mnchen-3ya.de"}) {
    EXPECT_TRUE(fails_with(create(store_->users(), kAcme, same), ErrorKind::conflict)) << same;
    EXPECT_TRUE(fails_with(update(store_->users(), kAcme, 2, {.email = same, .name = {}}),
                           ErrorKind::conflict))
        << same;
    EXPECT_THAT(ids(store_->users().list(kAcme, 0, 10, same)), ElementsAre(1)) << same;
  }
  EXPECT_EQ(store_->users().get(kAcme, 1)->email, "Jos\u00e9@m\u00fcnchen.de");
}

TEST_P(UserStoreContract, AConflictLeavesNothingBehind) {
  ASSERT_TRUE(succeeds(create(store_->users(), kAcme, "alice@acme.dev")));
  const IdempotencyKey key{kAcme, "k", "f"};
  const auto context = under_key(*store_, key);
  EXPECT_FALSE(create(store_->users(), kAcme, "alice@acme.dev", "Other", context));
  EXPECT_EQ(events(*store_).size(), 1u);
  EXPECT_EQ(create(store_->users(), kAcme, "bob@acme.dev")->id, 2);
  EXPECT_TRUE(is(stored_under(*store_, context), Claim::State::fresh));
}

TEST_P(UserStoreContract, CreationWritesTheWholeUserAsAnEvent) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev", "Alice A",
                     {.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}));
  auto records = events(*store_);
  ASSERT_EQ(records.size(), 1u);
  const Record& record = records.front();
  EXPECT_EQ(record.topic, "user.events");
  EXPECT_EQ(record.key, "acme/1");
  EXPECT_EQ(record.value,
            R"({"id":1,"email":"alice@acme.dev","name":"Alice A","tenantId":"acme"})");
  EXPECT_EQ(find_header(record.headers, "ce_type"), "user.created");
  EXPECT_EQ(find_header(record.headers, "ce_tenantid"), "acme");
  EXPECT_EQ(find_header(record.headers, "ce_subject"), "1");
  EXPECT_EQ(find_header(record.headers, "ce_sequence"), "1");
  EXPECT_EQ(find_header(record.headers, "ce_time"), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(find_header(record.headers, "traceparent"),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

TEST_P(UserStoreContract, AnUpdateChangesWhatThePatchNamesAndWritesTheWholeUser) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev", "Alice A"));
  auto updated = update(store_->users(), kAcme, 1, {.email = std::nullopt, .name = "Alice B"});
  ASSERT_TRUE(succeeds(updated));
  EXPECT_EQ(updated->email, "alice@acme.dev");
  EXPECT_EQ(updated->name, "Alice B");
  EXPECT_EQ(updated->version, 2);
  EXPECT_EQ(store_->users().get(kAcme, 1)->name, "Alice B");
  auto records = events(*store_);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].value,
            R"({"id":1,"email":"alice@acme.dev","name":"Alice B","tenantId":"acme"})");
  EXPECT_EQ(find_header(records[1].headers, "ce_type"), "user.updated");
  EXPECT_EQ(find_header(records[1].headers, "ce_sequence"), "2");
}

TEST_P(UserStoreContract, APatchThatChangesNothingWritesNothing) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev", "Alice A"));
  auto same = update(store_->users(), kAcme, 1, {.email = "alice@acme.dev", .name = "Alice A"});
  ASSERT_TRUE(succeeds(same));
  EXPECT_EQ(same->version, 1);
  EXPECT_THAT(types(*store_), ElementsAre("user.created"));
}

TEST_P(UserStoreContract, AnUpdateToATakenEmailIsAConflictAndToANewCaseIsNot) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_TRUE(create(store_->users(), kAcme, "bob@acme.dev"));
  EXPECT_TRUE(fails_with(
      update(store_->users(), kAcme, 2, {.email = "Alice@acme.dev", .name = std::nullopt}),
      ErrorKind::conflict));
  EXPECT_EQ(store_->users().get(kAcme, 2)->email, "bob@acme.dev");
  auto recased = update(store_->users(), kAcme, 2, {.email = "Bob@acme.dev", .name = std::nullopt});
  ASSERT_TRUE(succeeds(recased));
  EXPECT_EQ(recased->email, "Bob@acme.dev");
}

TEST_P(UserStoreContract, AChangedEmailFreesTheOldOne) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_TRUE(update(store_->users(), kAcme, 1, {.email = "new@acme.dev", .name = std::nullopt}));
  EXPECT_TRUE(succeeds(create(store_->users(), kAcme, "alice@acme.dev")));
  EXPECT_THAT(ids(store_->users().list(kAcme, 0, 10, "new@acme.dev")), ElementsAre(1));
}

TEST_P(UserStoreContract, ARemovedUserIsGoneAndItsEventNamesNothingButItsId) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev", "Alice A"));
  ASSERT_TRUE(succeeds(remove(store_->users(), kAcme, 1)));
  EXPECT_TRUE(fails_with(store_->users().get(kAcme, 1), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(remove(store_->users(), kAcme, 1), ErrorKind::not_found));
  auto records = events(*store_);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].key, "acme/1");
  EXPECT_EQ(records[1].value, R"({"id":1,"tenantId":"acme"})");
  EXPECT_EQ(find_header(records[1].headers, "ce_type"), "user.deleted");
  EXPECT_EQ(find_header(records[1].headers, "ce_sequence"), "2");
}

TEST_P(UserStoreContract, TheIdOfARemovedUserNeverComesBackButItsEmailIsFree) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_TRUE(remove(store_->users(), kAcme, 1));
  EXPECT_EQ(create(store_->users(), kAcme, "alice@acme.dev")->id, 2);
  ASSERT_TRUE(remove(store_->users(), kAcme, 2));
  store_->reopen();
  EXPECT_EQ(create(store_->users(), kAcme, "alice@acme.dev")->id, 3);
}

TEST_P(UserStoreContract, ChangesOfUnknownUsersAreNotFound) {
  EXPECT_TRUE(fails_with(update(store_->users(), kAcme, 7, {.email = std::nullopt, .name = "X"}),
                         ErrorKind::not_found));
  EXPECT_TRUE(fails_with(remove(store_->users(), kAcme, 7), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(store_->users().get(kAcme, 7), ErrorKind::not_found));
  EXPECT_THAT(types(*store_), IsEmpty());
}

TEST_P(UserStoreContract, ListsPageInIdOrder) {
  for (const char* email : {"c@x.dev", "a@x.dev", "b@x.dev"}) {
    ASSERT_TRUE(create(store_->users(), kAcme, email));
  }
  EXPECT_THAT(ids(store_->users().list(kAcme, 0, 2, std::nullopt)), ElementsAre(1, 2));
  EXPECT_THAT(ids(store_->users().list(kAcme, 2, 2, std::nullopt)), ElementsAre(3));
  EXPECT_THAT(ids(store_->users().list(kAcme, 3, 2, std::nullopt)), IsEmpty());
}

TEST_P(UserStoreContract, CountsTheUsersOfATenantAlone) {
  EXPECT_EQ(store_->users().count(kAcme), 0);
  ASSERT_TRUE(create(store_->users(), kGlobex, "c@x.dev"));
  for (const char* email : {"a@x.dev", "b@x.dev"}) {
    ASSERT_TRUE(create(store_->users(), kAcme, email));
  }
  EXPECT_EQ(store_->users().count(kAcme), 2);
  ASSERT_TRUE(remove(store_->users(), kAcme, 1));
  EXPECT_EQ(store_->users().count(kAcme), 1);
}

TEST_P(UserStoreContract, AListByEmailIgnoresItsCase) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev"));
  ASSERT_TRUE(create(store_->users(), kAcme, "Bob@acme.dev"));
  EXPECT_THAT(ids(store_->users().list(kAcme, 0, 10, "BOB@acme.dev")), ElementsAre(2));
  EXPECT_THAT(ids(store_->users().list(kAcme, 2, 10, "bob@acme.dev")), IsEmpty());
  EXPECT_THAT(ids(store_->users().list(kAcme, 0, 10, "carol@acme.dev")), IsEmpty());
}

TEST_P(UserStoreContract, NoMethodReachesUsersOfAnotherTenant) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev", "Alice A"));
  ASSERT_TRUE(create(store_->users(), kAcme, "bob@acme.dev", "Bob"));
  ASSERT_TRUE(create(store_->users(), kGlobex, "gina@globex.dev"));
  EXPECT_TRUE(fails_with(store_->users().get(kGlobex, 2), ErrorKind::not_found));
  EXPECT_TRUE(fails_with(update(store_->users(), kGlobex, 2, {.email = std::nullopt, .name = "X"}),
                         ErrorKind::not_found));
  EXPECT_TRUE(fails_with(remove(store_->users(), kGlobex, 2), ErrorKind::not_found));
  EXPECT_THAT(ids(store_->users().list(kGlobex, 0, 10, std::nullopt)), ElementsAre(1));
  EXPECT_THAT(ids(store_->users().list(kGlobex, 0, 10, "alice@acme.dev")), IsEmpty());
  EXPECT_THAT(ids(store_->users().list(tenant("nobody"), 0, 10, std::nullopt)), IsEmpty());
  ASSERT_TRUE(update(store_->users(), kGlobex, 1, {.email = std::nullopt, .name = "Gina"}));
  ASSERT_TRUE(remove(store_->users(), kGlobex, 1));
  EXPECT_EQ(store_->users().get(kAcme, 1)->name, "Alice A");
}

// What operators may ask.
TEST_P(UserStoreContract, AnAddressIsFoundAcrossTenants) {
  ASSERT_TRUE(create(store_->users(), kAcme, "ann@acme.dev", "Ann"));
  ASSERT_TRUE(create(store_->users(), kAcme, "bob@acme.dev", "Bob"));
  ASSERT_TRUE(create(store_->users(), kGlobex, "Ann@acme.dev", "Another"));
  const auto names = [&](const std::string& email, int limit) {
    std::vector<std::string> all;
    const auto users = store_->users().everywhere(email, limit).value();
    for (const User& user : users) all.push_back(user.tenant.str() + "/" + user.name);
    return all;
  };
  EXPECT_THAT(names("ANN@acme.dev", 10), ElementsAre("acme/Ann", "globex/Another"));
  EXPECT_THAT(names("ann@acme.dev", 1), ElementsAre("acme/Ann"));
  EXPECT_THAT(names("carl@acme.dev", 10), IsEmpty());
}

TEST_P(UserStoreContract, AChangesEventCarriesWhatItsContextAdds) {
  ChangeContext context{.extensions = {{std::string(accepted::kBy), "user:ada"}}};
  std::promise<void> done;
  store_->users().create(kAcme, {"ann@acme.dev", "Ann"}, std::move(context),
                         [&](const Result<ChangedUser>&) { done.set_value(); });
  done.get_future().get();
  EXPECT_EQ(find_header(events(*store_).at(0).headers, "ce_meshacceptedby"), "user:ada");
}

TEST_P(UserStoreContract, AnAnswerIsStoredTogetherWithTheChange) {
  const auto created = under_key(*store_, {kAcme, "create", "f1"}),
             updated = under_key(*store_, {kAcme, "update", "f2"}),
             removed = under_key(*store_, {kAcme, "remove", "f3"});
  ASSERT_TRUE(create(store_->users(), kAcme, "a@x.dev", "Alice", created));
  ASSERT_TRUE(update(store_->users(), kAcme, 1, {.email = std::nullopt, .name = "Al"}, updated));
  ASSERT_TRUE(remove(store_->users(), kAcme, 1, removed));
  const User alice{1, "a@x.dev", "Alice", kAcme, 1}, al{1, "a@x.dev", "Al", kAcme, 2},
      gone{1, "a@x.dev", "Al", kAcme, 3};
  for (const auto& [context, user] :
       {std::pair{created, alice}, std::pair{updated, al}, std::pair{removed, gone}}) {
    const auto found = stored_under(*store_, context);
    ASSERT_TRUE(is(found, Claim::State::answered)) << context.claim->key.key;
    EXPECT_EQ(found->answer.code, 200);
    EXPECT_EQ(found->answer.body, to_json_text(user));
    EXPECT_EQ(found->answer.headers, answer_of(user).headers);
  }
}

TEST_P(UserStoreContract, AChangeTellsWhereItsEventWaitsAndSoDoesItsStoredAnswer) {
  auto context = under_key(*store_, {kAcme, "k", "f"});
  context.answer = [](const ChangedUser& user) {
    return StoredAnswer{200, std::to_string(user.event), {}};
  };
  const auto created = create(store_->users(), kAcme, "a@x.dev", "Alice", context);
  const auto updated = update(store_->users(), kAcme, 1, {{}, "Al"});
  const auto same = update(store_->users(), kAcme, 1, {{}, "Al"});
  const auto removed = remove(store_->users(), kAcme, 1);
  ASSERT_TRUE(created && updated && same && removed);
  for (const auto& changed : {created, updated, removed}) {
    EXPECT_TRUE(store_->outbox().holds(changed->event, changed->event).value()) << changed->event;
  }
  EXPECT_LT(created->event, updated->event);
  EXPECT_LT(updated->event, removed->event);
  EXPECT_EQ(same->event, 0) << "nothing was written";
  EXPECT_FALSE(store_->outbox().holds(removed->event + 1, removed->event + 1).value());
  const auto stored = stored_under(*store_, context);
  ASSERT_TRUE(is(stored, Claim::State::answered));
  EXPECT_EQ(stored->answer.body, std::to_string(created->event));
}

TEST_P(UserStoreContract, AChangeIsMadeOnlyAtAVersionThatTheCallerNames) {
  ASSERT_TRUE(create(store_->users(), kAcme, "a@x.dev", "Alice"));
  const auto rename = [&](std::string name, std::vector<std::int64_t> versions) {
    return update(store_->users(), kAcme, 1, {.email = std::nullopt, .name = std::move(name)},
                  {.only_at = std::move(versions)});
  };
  ASSERT_TRUE(succeeds(rename("Al", {1})));
  const auto late = rename("Ali", {1});
  ASSERT_TRUE(fails_with(late, ErrorKind::conflict));
  ASSERT_EQ(late.error().fields.size(), 1u);
  EXPECT_EQ(late.error().fields[0].pointer, "/version");
  EXPECT_TRUE(fails_with(rename("Ali", {}), ErrorKind::conflict)) << "none is no version";
  EXPECT_TRUE(fails_with(rename("Al", {7}), ErrorKind::conflict)) << "also without a change";
  EXPECT_TRUE(
      fails_with(remove(store_->users(), kAcme, 1, {.only_at = std::vector<std::int64_t>{1}}),
                 ErrorKind::conflict));
  EXPECT_EQ(store_->users().get(kAcme, 1)->name, "Al");
  EXPECT_EQ(events(*store_).size(), 2u);
  EXPECT_TRUE(succeeds(rename("Ali", {1, 2})));
  EXPECT_TRUE(
      succeeds(remove(store_->users(), kAcme, 1, {.only_at = std::vector<std::int64_t>{3}})));
}

TEST_P(UserStoreContract, OfManyChangesOfOneVersionExactlyOneIsMade) {
  constexpr int kThreads = 8;
  ASSERT_TRUE(create(store_->users(), kAcme, "a@x.dev", "Alice"));
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      made += update(store_->users(), kAcme, 1,
                     {.email = std::nullopt, .name = "Name " + std::to_string(t)},
                     {.only_at = std::vector<std::int64_t>{1}})
                  .has_value();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(store_->users().get(kAcme, 1)->version, 2);
}

TEST_P(UserStoreContract, AnUpdateWithoutChangeStoresItsAnswerToo) {
  ASSERT_TRUE(create(store_->users(), kAcme, "a@x.dev", "Alice"));
  const auto context = under_key(*store_, {kAcme, "k", "f"});
  ASSERT_TRUE(update(store_->users(), kAcme, 1, {.email = std::nullopt, .name = "Alice"}, context));
  EXPECT_TRUE(is(stored_under(*store_, context), Claim::State::answered));
}

TEST_P(UserStoreContract, OfManyCreatesOfOneEmailExactlyOneWins) {
  constexpr int kThreads = 8, kEach = 50;
  std::atomic<int> won{0}, conflicts{0}, others{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        auto user = create(store_->users(), kAcme, "u" + std::to_string(i) + "@x.dev");
        ++(user ? won : user.error().kind == ErrorKind::conflict ? conflicts : others);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(won, kEach);
  EXPECT_EQ(conflicts, kEach * (kThreads - 1));
  EXPECT_EQ(others, 0);
  auto users = ids(store_->users().list(kAcme, 0, 1000, std::nullopt));
  ASSERT_EQ(users.size(), std::size_t{kEach});
  EXPECT_EQ(users.front(), 1);
  EXPECT_EQ(users.back(), kEach) << "a failed create must not use up an id";
  EXPECT_EQ(store_->outbox().size(), kEach);
}

TEST_P(UserStoreContract, ManyChangesInFlightEachAnswerOnce) {
  constexpr int kUsers = 500;
  std::mutex mutex;
  std::condition_variable cv;
  std::multiset<std::int64_t> answered;
  for (int i = 0; i < kUsers; ++i) {
    store_->users().create(kAcme, {"u" + std::to_string(i) + "@x.dev", "U"}, {}, [&](auto user) {
      std::lock_guard lock(mutex);
      answered.insert(user ? user->id : -1);
      cv.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  cv.wait(lock, [&] { return answered.size() == kUsers; });
  EXPECT_EQ(std::set<std::int64_t>(answered.begin(), answered.end()).size(), kUsers);
  EXPECT_EQ(*answered.begin(), 1);
  EXPECT_EQ(*answered.rbegin(), kUsers);
}

TEST_P(UserStoreContract, UsersSurviveAReopen) {
  ASSERT_TRUE(create(store_->users(), kAcme, "alice@acme.dev", "Alice A"));
  ASSERT_TRUE(update(store_->users(), kAcme, 1, {.email = std::nullopt, .name = "Alice B"}));
  store_->reopen();
  auto user = store_->users().get(kAcme, 1);
  ASSERT_TRUE(succeeds(user));
  EXPECT_EQ(user->name, "Alice B");
  EXPECT_EQ(user->version, 2);
  EXPECT_THAT(types(*store_), ElementsAre("user.created", "user.updated"));
}

}  // namespace mesh::test
