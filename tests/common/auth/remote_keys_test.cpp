#include "common/auth/remote_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "common/auth/jwt.h"
#include "tests/common/auth/mint.h"
#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"

namespace mesh::auth {
namespace {

using test::Issuer;
using namespace std::chrono_literals;

const Issuer& old_key() {
  static const Issuer issuer = Issuer::ed25519();
  return issuer;
}
const Issuer& new_key() {
  static const Issuer issuer = Issuer::ed25519();
  return issuer;
}

// A server that answers what it is told to, and counts.
class RemoteKeysTest : public testing::Test {
 protected:
  RemoteKeysTest() { publish(test::jwks({old_key().jwk("old")})); }

  void publish(std::string jwks, std::string cache_control = "max-age=600") {
    std::lock_guard lock(mutex_);
    answer_ = FetchedKeys{std::move(jwks), std::move(cache_control)};
  }
  void break_down() {
    std::lock_guard lock(mutex_);
    answer_.reset();
  }
  Result<FetchedKeys> fetch() {
    std::unique_lock lock(mutex_);
    const int others = under_way_++;
    EXPECT_EQ(others, 0) << "two fetches at once";
    held_.wait(lock, [this] { return !hold_; });
    --under_way_;
    ++fetches_;
    if (!answer_) return fail(ErrorKind::unavailable, "nobody answers");
    return *answer_;
  }
  void hold(bool on) {
    std::lock_guard lock(mutex_);
    hold_ = on;
    held_.notify_all();
  }
  bool under_way() {
    std::lock_guard lock(mutex_);
    return under_way_ == 1;
  }

  // Moves the time when the thread sleeps, and waits until it sleeps again.
  void pass(Duration time) {
    clock_.await_waiters(1);
    clock_.advance(time);
  }
  bool fetched(int times) {
    return mesh::test::eventually([&] { return fetches_ == times; });
  }
  bool knows(const std::string& kid) const {
    const auto keys = keys_.keys();
    return keys && std::ranges::find(*keys, kid, &PublicKey::kid) != keys->end();
  }

  // What of a token that names `kid`, signed with `issuer`, becomes.
  std::string outcome(const Issuer& issuer, const std::string& kid) {
    JwtOptions options;
    options.issuer = "i";
    options.audience = "a";
    options.remote_keys = &keys_;
    const auto opened = JwtVerifier::create(options, clock_)
                            ->open(issuer.token({{"alg", "EdDSA"}, {"kid", kid}}, Json::object()));
    if (opened) return "signed";
    if (opened.error().kind == ErrorKind::unavailable) {
      return "unavailable for " + std::to_string(opened.error().retry_after.value().count()) + "ms";
    }
    EXPECT_EQ(opened.error().kind, ErrorKind::unauthenticated);
    return opened.error().message;
  }

  ManualClock clock_;
  std::mutex mutex_;
  std::condition_variable held_;
  bool hold_ = false;
  int under_way_ = 0;
  std::optional<FetchedKeys> answer_;
  std::atomic<int> fetches_{0};
  RemoteKeys keys_{"https://issuer.test/keys", [this] { return fetch(); }, clock_};
};

TEST_F(RemoteKeysTest, KeysAreThereOnceStartedAndFetchedAgainWhenTheyAreNoLongerFresh) {
  EXPECT_EQ(keys_.keys(), nullptr);
  keys_.start();
  EXPECT_EQ(fetches_, 1);
  EXPECT_EQ(outcome(old_key(), "old"), "signed");
  publish(test::jwks({new_key().jwk("new")}));
  pass(600s - 1ms);
  EXPECT_EQ(outcome(old_key(), "old"), "signed");
  EXPECT_EQ(fetches_, 1);
  pass(1ms);
  ASSERT_TRUE(fetched(2));
  ASSERT_TRUE(mesh::test::eventually([&] { return knows("new"); }));
  EXPECT_EQ(outcome(new_key(), "new"), "signed");
  EXPECT_EQ(outcome(old_key(), "old"), "no key for its kid and alg") << "a removed key ends";
}

TEST_F(RemoteKeysTest, AnUnknownKeyIsAskedForButNotMoreThanEveryHalfMinute) {
  keys_.start();
  publish(test::jwks({old_key().jwk("old"), new_key().jwk("new")}));
  pass(30s - 1ms);
  EXPECT_EQ(outcome(new_key(), "new"), "no key for its kid and alg") << "the keys are that new";
  pass(1ms);
  EXPECT_EQ(fetches_, 1) << "nobody asked";
  hold(true);
  EXPECT_EQ(outcome(new_key(), "new"), "unavailable for 1000ms");
  ASSERT_TRUE(mesh::test::eventually([&] { return under_way(); }));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(outcome(new_key(), "new"), "unavailable for 1000ms");
    EXPECT_EQ(outcome(new_key(), "none"), "unavailable for 1000ms");
    EXPECT_EQ(outcome(old_key(), "old"), "signed") << "others do not wait";
  }
  hold(false);
  ASSERT_TRUE(mesh::test::eventually([&] { return knows("new"); }));
  EXPECT_EQ(outcome(new_key(), "new"), "signed");
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(outcome(new_key(), "none"), "no key for its kid and alg");
  }
  pass(29s);
  clock_.await_waiters(1);
  EXPECT_EQ(fetches_, 2);
}

TEST_F(RemoteKeysTest, AKnownKeyIsNoReasonToAsk) {
  keys_.start();
  pass(100s);
  EXPECT_EQ(outcome(new_key(), "old"), "the signature is wrong");
  clock_.await_waiters(1);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(RemoteKeysTest, WhileFetchingFailsTheOldKeysServeForADay) {
  keys_.start();
  break_down();
  pass(600s);
  ASSERT_TRUE(fetched(2));
  pass(30s);
  ASSERT_TRUE(fetched(3));
  EXPECT_EQ(outcome(old_key(), "old"), "signed");
  EXPECT_EQ(outcome(new_key(), "new"), "unavailable for 31000ms") << "it may be a new key";
  pass(24h - 30s - 1ms);
  EXPECT_EQ(outcome(old_key(), "old"), "signed");
  ASSERT_TRUE(fetched(4));
  clock_.advance(1ms);
  EXPECT_EQ(keys_.keys(), nullptr);
  EXPECT_THAT(outcome(old_key(), "old"), testing::StartsWith("unavailable for "));
  publish(test::jwks({new_key().jwk("new")}));
  pass(30s);
  ASSERT_TRUE(mesh::test::eventually([&] { return knows("new"); }));
  EXPECT_EQ(outcome(old_key(), "old"), "no key for its kid and alg");
}

TEST_F(RemoteKeysTest, WithoutKeysATokenIsNeitherGoodNorBad) {
  break_down();
  keys_.start();
  EXPECT_EQ(outcome(old_key(), "old"), "unavailable for 31000ms");
  publish(test::jwks({old_key().jwk("old")}));
  pass(30s);
  ASSERT_TRUE(mesh::test::eventually([&] { return knows("old"); }));
  EXPECT_EQ(outcome(old_key(), "old"), "signed");
}

TEST_F(RemoteKeysTest, ABrokenSetChangesNothing) {
  keys_.start();
  for (const char* broken :
       {"<html>", R"({"keys":[]})", R"({"keys":[{"kty":"oct","k":"AAAA"}]})"}) {
    publish(broken);
    const int before = fetches_;
    pass(600s);
    ASSERT_TRUE(fetched(before + 1));
    EXPECT_EQ(outcome(old_key(), "old"), "signed") << broken;
  }
}

TEST(RemoteKeysLifetime, MaxAgeCountsWithinBounds) {
  EXPECT_EQ(lifetime(""), 300s);
  EXPECT_EQ(lifetime("public, Max-Age=3600, must-revalidate"), 3600s);
  EXPECT_EQ(lifetime("max-age=\"120\""), 120s);
  EXPECT_EQ(lifetime("max-age=0"), 60s);
  EXPECT_EQ(lifetime("max-age=59"), 60s);
  EXPECT_EQ(lifetime("max-age=86401"), 24h);
  EXPECT_EQ(lifetime("max-age=99999999999999999999999999"), 24h);
  EXPECT_EQ(lifetime("no-store"), 60s);
  EXPECT_EQ(lifetime("max-age=3600, no-cache"), 60s);
  for (const char* bad : {"max-age", "max-age=", "max-age=-5", "max-age=1h", "s-maxage=9999",
                          "max-age=\"", "max-age = 7"}) {
    EXPECT_EQ(lifetime(bad), 300s) << bad;
  }
}

}  // namespace
}  // namespace mesh::auth
