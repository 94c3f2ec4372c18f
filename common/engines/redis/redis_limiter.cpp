#include "common/engines/redis/redis_limiter.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

#include "common/base/strings.h"
#include "common/engines/redis/connection.h"
#include "common/engines/redis/examine.h"

namespace mesh::redis {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
// What a sum of seconds and a policy's longest wait cannot reach.
constexpr std::int64_t kMostSeconds = (std::int64_t{1} << 62) / kMicros;

void append_time(std::vector<std::string>& words, std::int64_t micros) {
  words.push_back(std::to_string(micros / kMicros));
  words.push_back(std::to_string(micros % kMicros));
}

std::optional<std::int64_t> parse_time(std::string_view seconds, std::string_view micros) {
  const auto s = parse_int(seconds), u = parse_int(micros);
  if (!s || !u || *s < 0 || *s > kMostSeconds || *u < 0 || *u >= kMicros) return std::nullopt;
  return *s * kMicros + *u;
}

// The decision that the script has made: the same arithmetic on the same numbers.
Result<RateDecision> decision_of(const RatePolicy& policy, std::int64_t cost,
                                 const Result<Reply>& reply) {
  if (!reply) return fail(reply.error());
  const auto& texts = reply->texts;
  std::optional<std::int64_t> tat, now;
  if (texts.size() == 3) {
    const auto dot = texts[0].find('.');
    now = parse_time(texts[1], texts[2]);
    if (texts[0].empty()) {
      tat = 0;
    } else if (dot != std::string::npos) {
      tat = parse_time(texts[0].substr(0, dot), texts[0].substr(dot + 1));
    }
  }
  if (!tat || !now) {
    return fail(ErrorKind::unavailable, "the Redis server answers something else than a rate limit",
                "redis: " + join(texts, " "));
  }
  return gcra(policy, *tat, *now, cost).decision;
}

class Limiter final : public RedisLimiter {
 public:
  Limiter(ServerOptions options, Clock& clock, Fd wake)
      : prefix_(options.prefix),
        clock_(clock),
        connection_(std::move(options), clock, std::move(wake)) {}

  std::optional<Result<RateDecision>> take(const TenantId& tenant, std::string_view scope,
                                           const RatePolicy& policy, std::int64_t cost,
                                           const Later& later) override {
    if (auto room = connection_.reserve(); !room) return Result<RateDecision>(fail(room.error()));
    connection_.send(take_command(tenant, scope, policy, cost),
                     [policy, cost, done = later()](const Result<Reply>& reply) {
                       done(decision_of(policy, cost, reply));
                     });
    return std::nullopt;
  }

  Result<RateDecision> peek(const TenantId& tenant, std::string_view scope,
                            const RatePolicy& policy) override {
    return decision_of(policy, 0, connection_.ask({Script::peek, {key(tenant, scope)}}));
  }

  Status reset(const TenantId& tenant, std::string_view scope) override {
    (void)MESH_TRY(connection_.ask({std::nullopt, {"DEL", key(tenant, scope)}}));
    return {};
  }

  std::optional<Error> trouble() const override { return connection_.trouble(); }

  std::vector<ServerFinding> examine() override {
    if (trouble()) return {};
    const auto words = [this](std::vector<std::string> all) {
      return connection_.ask({std::nullopt, std::move(all)});
    };
    return redis::examine(words, prefix_, clock_);
  }

 private:
  std::string key(const TenantId& tenant, std::string_view scope) const {
    return prefix_ + tenant.str() + ":" + std::string(scope);
  }

  Command take_command(const TenantId& tenant, std::string_view scope, const RatePolicy& policy,
                       std::int64_t cost) const {
    // By how much the cost moves the time of arrival: 0 where it is none, or can never pass, and
    // then nothing is to be written.
    const std::int64_t step = gcra(policy, 0, 0, cost).new_tat;
    Command command{step == 0 ? Script::peek : Script::take, {key(tenant, scope)}};
    if (step == 0) return command;
    append_time(command.words, step);
    append_time(command.words, gcra_steps(policy).tolerance);
    return command;
  }

  const std::string prefix_;
  Clock& clock_;
  Connection connection_;
};

}  // namespace

Result<std::unique_ptr<RedisLimiter>> open_limiter(ServerOptions options, Clock& clock) {
  Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) {
    return fail(ErrorKind::unavailable, "the rate limiter cannot be set up",
                std::string("eventfd: ") + std::strerror(errno));
  }
  return std::make_unique<Limiter>(std::move(options), clock, std::move(wake));
}

}  // namespace mesh::redis
