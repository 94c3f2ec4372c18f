#include "common/base/strings.h"
#include "common/engines/redis/redis_limiter.h"
#include "tests/contract/rate_limiter_contract.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace mesh::test {
namespace {

class RedisHost final : public RateLimiterHost {
 public:
  RedisHost() {
    redis::ServerOptions options;
    options.port = static_cast<std::uint16_t>(server_.port());
    limiter_ = redis::open_limiter(options, system_clock()).value();
    EXPECT_TRUE(eventually([&] { return !limiter_->trouble(); }));
  }
  RateLimiter& limiter() override { return *limiter_; }

  // The server's clock is not ours, so what is stored moves.
  void pass(Duration time) override {
    for (const auto& key : split(server_.ask({"KEYS", "*"}), ' ')) {
      const std::string stored = server_.ask({"GET", key});
      const auto dot = stored.find('.');
      if (dot == std::string::npos) continue;
      // By whole milliseconds, so that the micros below them stay.
      const auto millis = *parse_int(stored.substr(0, dot)) * 1'000 +
                          *parse_int(stored.substr(dot + 1, 3)) - time.count();
      const std::string fraction = std::to_string(1'000 + millis % 1'000).substr(1);
      server_.ask({"SET", key,
                   std::to_string(millis / 1'000) + "." + fraction + stored.substr(dot + 4), "PXAT",
                   std::to_string(millis + 1)});
    }
  }

 private:
  RedisServer server_;
  std::unique_ptr<redis::RedisLimiter> limiter_;
};

std::unique_ptr<RateLimiterHost> make_redis_host() {
  if (!RedisServer::installed()) return nullptr;
  return std::make_unique<RedisHost>();
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Redis, RateLimiterContract, testing::Values(&make_redis_host));

}  // namespace mesh::test
