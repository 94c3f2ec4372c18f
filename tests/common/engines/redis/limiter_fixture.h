// A limiter over a server of the test's own, and calls of which each is told how often it was
// answered.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <future>
#include <optional>

#include "common/engines/redis/redis_limiter.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace mesh::redis {

using test::eventually;
using test::RedisServer;

// One unit an hour after a burst of three: nothing comes back while a test runs.
inline constexpr RatePolicy kSlow{1, Duration{3'600'000}, 2};

inline TenantId tenant(const std::string& name) { return TenantId::parse(name).value(); }

// Waits for the decision; an error also where it came at once.
inline Result<RateDecision> take(RateLimiter& limiter, const RatePolicy& policy = kSlow,
                                 std::int64_t cost = 1, const std::string& name = "acme") {
  auto promise = std::make_shared<std::promise<Result<RateDecision>>>();
  auto at_once = limiter.take(tenant(name), "search", policy, cost, [&]() -> RateLimiter::Done {
    return [promise](Result<RateDecision> came) { promise->set_value(std::move(came)); };
  });
  if (at_once) return *std::move(at_once);
  auto decision = promise->get_future();
  if (decision.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
    return fail(ErrorKind::internal, "no decision came");
  }
  return decision.get();
}

// Calls that nobody waits for one by one. Must outlive their limiter.
class Calls {
 public:
  void take(RateLimiter& limiter, const RatePolicy& policy = kSlow) {
    Call& call = calls_.emplace_back();
    const auto at_once =
        limiter.take(tenant("acme"), "search", policy, 1, [&]() -> RateLimiter::Done {
          return [this, &call](const Result<RateDecision>& came) { count(call, came); };
        });
    if (!at_once) return;
    ++refused_at_once_;
    count(call, *at_once);
  }
  std::size_t made() const { return calls_.size(); }
  std::size_t answered() const { return answered_; }
  std::size_t allowed() const { return allowed_; }
  std::size_t failed() const { return failed_; }
  std::size_t refused_at_once() const { return refused_at_once_; }
  bool all_answered() const {
    return eventually([&] { return answered() >= made(); });
  }
  bool each_once() const {
    return std::ranges::all_of(calls_, [](const Call& call) { return call.answers == 1; });
  }

 private:
  struct Call {
    std::atomic<int> answers{0};
  };
  void count(Call& call, const Result<RateDecision>& came) {
    if (!came) ++failed_;
    if (came && came->allowed) ++allowed_;
    ++call.answers;
    ++answered_;
  }

  std::deque<Call> calls_;  // whose elements stay where they are
  std::atomic<std::size_t> answered_{0}, allowed_{0}, failed_{0};
  std::size_t refused_at_once_ = 0;
};

class RedisTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!RedisServer::installed()) GTEST_SKIP() << RedisServer::kMissing;
    server_.emplace(server_options());
  }
  virtual std::vector<std::string> server_options() const { return {}; }
  RedisServer& server() { return *server_; }

  ServerOptions options() {
    ServerOptions options;
    options.port = static_cast<std::uint16_t>(server_->port());
    options.reconnect.cap = Duration{50};
    return options;
  }
  std::unique_ptr<RedisLimiter> open(const ServerOptions& options, Clock& clock = system_clock()) {
    return open_limiter(options, clock).value();
  }
  // And waits until it is there.
  std::unique_ptr<RedisLimiter> connect(const ServerOptions& options) {
    auto limiter = open(options);
    EXPECT_TRUE(eventually([&] { return !limiter->trouble(); })) << limiter->trouble()->to_string();
    return limiter;
  }
  std::unique_ptr<RedisLimiter> connect() { return connect(options()); }

 private:
  std::optional<RedisServer> server_;
};

}  // namespace mesh::redis
