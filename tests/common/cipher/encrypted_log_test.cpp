#include "common/cipher/encrypted_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/support/append_and_wait.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_keys.h"
#include "tests/support/manual_clock.h"
#include "tests/support/read_all.h"

namespace mesh::cipher {
namespace {

using test::append_and_wait;
using test::eventually;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const TenantId kAcme = TenantId::parse("acme").value();
const TopicPartition kUsers{"user.events", 0};

Record record(const std::string& key, const std::string& value,
              const std::string& topic = "user.events") {
  return {topic, key, value, {{"ce_id", "e"}}};
}

class EncryptedLogTest : public testing::Test {
 protected:
  EncryptedLogTest() {
    for (const char* topic : {"user.events", "tenant.events"}) {
      kept_.ensure(topic, TopicKind::entity, 1);
    }
  }
  void append(const std::string& key, const std::string& value) {
    const auto done = append_and_wait(log_, {record(key, value)});
    EXPECT_TRUE(done) << done.error().to_string();
  }
  static std::vector<std::string> values(const std::vector<StoredRecord>& records) {
    std::vector<std::string> all;
    for (const auto& one : records) all.push_back(one.value.value_or("(none)"));
    return all;
  }
  std::vector<std::string> read() { return values(test::read_all(log_, kUsers, 0).value()); }
  std::unique_ptr<LogConsumer> consumer() {
    auto opened = log_.open_consumer("g", {"user.events"}, "m").value();
    (void)opened->changes();
    return opened;
  }
  void drop(const TenantId& tenant) {
    EXPECT_EQ(keys_.drop(tenant).value(), 1);
    cipher_.forget(tenant);
  }

  ManualClock clock_;
  test::FakeEventLog kept_{clock_};
  test::FakeKeyStore keys_;
  TenantCipher cipher_{keys_, {std::string(32, 'm')}, clock_};
  EncryptedLog log_{kept_, kept_, &cipher_, {.encrypts = true, .max_pending_bytes = 1'000}, clock_};
};

TEST_F(EncryptedLogTest, KeepsHiddenWhatItShows) {
  append("acme/1", "Ann");
  const auto kept = kept_.records("user.events");
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_FALSE(key_of(kept[0]).empty());
  EXPECT_EQ(kept[0].value->find("Ann"), std::string::npos);
  EXPECT_THAT(read(), ElementsAre("Ann"));
  const auto polled = consumer()->poll({}, Duration{0}).value();
  ASSERT_THAT(polled, SizeIs(1));
  EXPECT_EQ(polled[0].value, "Ann");
  EXPECT_EQ(polled[0].headers, record("", "").headers);
}

TEST_F(EncryptedLogTest, WhatIsPlainIsReadAsItIs) {
  kept_.append_now(record("acme/1", "from before"));
  append("acme/1", "now");
  ASSERT_TRUE(append_and_wait(log_, {record("acme", "about", "tenant.events"),
                                     {"user.events", "acme/2", std::nullopt, {}}}));
  EXPECT_EQ(kept_.records("tenant.events")[0].value, "about");
  EXPECT_THAT(read(), ElementsAre("from before", "now", "(none)"));
}

TEST_F(EncryptedLogTest, WhenSwitchedOffItReadsAndWritesPlain) {
  append("acme/1", "hidden");
  EncryptedLog off{kept_, kept_, &cipher_, {.encrypts = false}, clock_};
  ASSERT_TRUE(append_and_wait(off, {record("acme/1", "plain")}));
  EXPECT_EQ(kept_.records("user.events")[1].value, "plain");
  EXPECT_THAT(values(test::read_all(off, kUsers, 0).value()), ElementsAre("hidden", "plain"));
}

// A plain record that an operator appends with the header of a key was taken for an encrypted one:
// all pipelines stood still before it, or it was a gap.
TEST_F(EncryptedLogTest, AHeaderOfAKeyFromOutsideIsLeftOut) {
  Record user = record("acme/1", "plain"), about = record("acme", "about", "tenant.events");
  for (Record* one : {&user, &about}) one->headers.emplace_back(kKeyHeader, "mine");
  EncryptedLog off{kept_, kept_, &cipher_, {.encrypts = false}, clock_};
  ASSERT_TRUE(append_and_wait(off, {user, about}));
  ASSERT_TRUE(append_and_wait(log_, {user, about}));
  EXPECT_THAT(read(), ElementsAre("plain", "plain"));
  EXPECT_THAT(values(test::read_all(log_, {"tenant.events", 0}, 0).value()),
              ElementsAre("about", "about"));
  for (const auto& kept : kept_.records("tenant.events")) EXPECT_EQ(key_of(kept), "");
}

TEST_F(EncryptedLogTest, WithoutAMasterKeyAnEncryptedRecordNamesWhatIsMissing) {
  kept_.append_now(record("acme/1", "plain"));
  append("acme/1", "hidden");
  EncryptedLog without{kept_, kept_, nullptr, {}, clock_};
  const auto read = test::read_all(without, kUsers, 1);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(read.error().message, HasSubstr("user.events/0@1"));
  EXPECT_THAT(read.error().message, HasSubstr("tenants.master_key_file"));
}

TEST_F(EncryptedLogTest, RecordsOfADroppedKeyAreGaps) {
  append("acme/1", "Ann");
  append("globex/1", "Bob");
  append("acme/2", "Ada");
  auto group = consumer();
  drop(kAcme);
  EXPECT_THAT(read(), ElementsAre("Bob"));
  ReadResult last;
  do {  // the fake's reads are empty now and then
    last = log_.read(kUsers, 2, {}).value();
  } while (!last.at_end);
  EXPECT_THAT(last.records, IsEmpty());
  EXPECT_EQ(last.next, 3);
  EXPECT_THAT(values(group->poll({}, Duration{0}).value()), ElementsAre("Bob"));
  EXPECT_EQ(group->position().at(kUsers), 3);
}

TEST_F(EncryptedLogTest, APollGoesThroughGapsToTheNextRecord) {
  for (int i = 0; i < 5; ++i) append("acme/1", "Ann");
  append("globex/1", "Bob");
  drop(kAcme);
  EXPECT_THAT(values(consumer()->poll({.max_records = 2}, Duration{1}).value()),
              ElementsAre("Bob"));
}

// It went on as long as there were gaps, and its member committed nothing and looked at nothing.
TEST_F(EncryptedLogTest, APollOfGapsAloneEndsWithItsTimeOrAfterSome) {
  for (int i = 0; i < 40; ++i) append("acme/1", "Ann");
  append("globex/1", "Bob");
  drop(kAcme);
  auto group = consumer();
  EXPECT_THAT(group->poll({.max_records = 1}, Duration{0}).value(), IsEmpty());
  EXPECT_EQ(group->position().at(kUsers), 1);
  EXPECT_THAT(group->poll({.max_records = 1}, Duration{1'000}).value(), IsEmpty());
  EXPECT_EQ(group->position().at(kUsers), 21);
  EXPECT_THAT(values(group->poll({}, Duration{1'000}).value()), ElementsAre("Bob"));
}

TEST_F(EncryptedLogTest, APollThatCouldNotAskForAKeyLosesNothing) {
  append("acme/1", "one");
  append("globex/1", "two");
  clock_.advance(TenantCipher::kKept);
  auto group = consumer();
  keys_.fail_next(1);
  const auto failed = group->poll({}, Duration{0});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::unavailable);
  EXPECT_EQ(group->position().at(kUsers), 0);
  EXPECT_THAT(values(group->poll({.max_records = 1}, Duration{0}).value()), ElementsAre("one"));
  EXPECT_EQ(group->position().at(kUsers), 1);
  EXPECT_THAT(values(group->poll({}, Duration{0}).value()), ElementsAre("two"));
}

TEST_F(EncryptedLogTest, WhatWasPolledOfALostPartitionIsVoid) {
  append("acme/1", "one");
  clock_.advance(TenantCipher::kKept);
  auto group = consumer();
  keys_.fail_next(1);
  ASSERT_FALSE(group->poll({}, Duration{0}));
  kept_.take_away("g", {kUsers});
  EXPECT_THAT(group->changes().lost, ElementsAre(kUsers));
  EXPECT_THAT(group->poll({}, Duration{0}).value(), IsEmpty());
}

TEST_F(EncryptedLogTest, AnAppendNeverWaitsForTheStoreAndOrderHolds) {
  ASSERT_TRUE(cipher_.key_of(TenantId::parse("globex").value()));
  keys_.hold(true);
  std::vector<std::string> done;
  std::mutex mutex;
  const auto start = [&](const std::string& key, const std::string& value) {
    log_.append({record(key, value)}, [&, value](auto result) {
      std::lock_guard lock(mutex);
      done.push_back(result ? value : result.error().to_string());
    });
  };
  const auto finished = [&] {
    std::lock_guard lock(mutex);
    return done;
  };
  start("acme/1", "first");
  start("acme/1", "second");
  start("globex/1", "passes");
  EXPECT_THAT(finished(), ElementsAre("passes"));
  keys_.hold(false);
  ASSERT_TRUE(eventually([&] { return finished().size() == 3; }));
  EXPECT_THAT(read(), ElementsAre("passes", "first", "second"));
}

// Each five seconds one write of a tenant waited for the store.
TEST_F(EncryptedLogTest, AnAppendDoesNotWaitForAKeyThatIsUsedAgainAndAgain) {
  append("acme/1", "one");
  clock_.advance(TenantCipher::kKept / 2);
  append("acme/1", "two");
  ASSERT_TRUE(eventually([&] { return !cipher_.ages(kAcme); }));
  clock_.advance(TenantCipher::kKept / 2 + Duration{1});
  keys_.hold(true);
  std::atomic<bool> done = false;
  log_.append({record("acme/1", "three")}, [&](auto) { done = true; });
  EXPECT_TRUE(done) << "at once";
  keys_.hold(false);
  ASSERT_TRUE(eventually([&] { return done.load(); }));
}

// A tombstone needs no key, but must not come before the value that it removes.
TEST_F(EncryptedLogTest, WhatNeedsNoKeyStaysBehindWhatWaits) {
  keys_.hold(true);
  std::atomic<int> done = 0;
  const auto count = [&](auto) { ++done; };
  log_.append({record("acme/1", "value")}, count);
  log_.append({{"user.events", "acme/1", std::nullopt, {}}}, count);
  keys_.hold(false);
  ASSERT_TRUE(eventually([&] { return done == 2; }));
  EXPECT_THAT(read(), ElementsAre("value", "(none)"));
}

TEST_F(EncryptedLogTest, WithoutTheStoreAnAppendFailsAndNothingIsWritten) {
  keys_.fail_next(1, {ErrorKind::uncertain, "the answer was lost", {}, {}, {}});
  const auto failed = append_and_wait(log_, {record("acme/1", "Ann")});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::unavailable) << "the log has nothing of it, surely";
  EXPECT_THAT(kept_.records("user.events"), IsEmpty());
  append("acme/1", "Ann");
}

TEST_F(EncryptedLogTest, MoreThanTheBoundDoesNotWait) {
  keys_.hold(true);
  std::atomic<int> done = 0;
  log_.append({record("acme/1", std::string(900, 'x'))}, [&](auto) { ++done; });
  const auto refused = append_and_wait(log_, {record("acme/1", std::string(200, 'x'))});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
  keys_.hold(false);
  ASSERT_TRUE(eventually([&] { return done == 1; }));
  append("acme/1", std::string(2'000, 'x'));
}

TEST_F(EncryptedLogTest, ClosingHandsOnWhatWaitsAndRefusesTheRest) {
  keys_.hold(true);
  std::atomic<int> done = 0;
  log_.append({record("acme/1", "waits")}, [&](auto result) { done += result ? 1 : 100; });
  std::thread closing([&] { log_.close(); });
  keys_.hold(false);
  closing.join();
  EXPECT_EQ(done, 1);
  log_.close();
  EXPECT_EQ(append_and_wait(log_, {record("acme/1", "late")}).error().kind, ErrorKind::unavailable);
  EXPECT_THAT(read(), ElementsAre("waits"));
}

TEST_F(EncryptedLogTest, AChangedValueIsDamageAndNoGap) {
  append("acme/1", "Ann");
  Record moved{"user.events", "acme/2", {}, {}};
  const auto kept = kept_.records("user.events")[0];
  moved.value = kept.value;
  moved.headers = kept.headers;
  kept_.append_now(moved);
  EXPECT_EQ(test::read_all(log_, kUsers, 1).error().kind, ErrorKind::corrupt);
  auto group = consumer();
  EXPECT_THAT(values(group->poll({}, Duration{0}).value()), ElementsAre("Ann"));
  EXPECT_EQ(group->poll({}, Duration{0}).error().kind, ErrorKind::corrupt);
}

TEST_F(EncryptedLogTest, AReadOfKeysAsksForNone) {
  append("acme/1", "Ann");
  drop(kAcme);
  const int asked = keys_.asked();
  auto group = consumer();
  const auto keys = group->poll({.keys_only = true}, Duration{0}).value();
  ASSERT_THAT(keys, SizeIs(1));
  EXPECT_EQ(keys[0].key, "acme/1");
  EXPECT_EQ(keys[0].value, std::nullopt);
  EXPECT_EQ(keys_.asked(), asked);
}

}  // namespace
}  // namespace mesh::cipher
