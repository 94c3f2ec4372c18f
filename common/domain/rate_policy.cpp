#include "common/domain/rate_policy.h"

#include "common/base/time.h"

namespace mesh {
namespace {

__extension__ using Wide = __int128;
constexpr std::int64_t kFarthest = std::int64_t{1} << 60;  // 36,000 years

std::int64_t clamped(Wide value) {
  return static_cast<std::int64_t>(std::clamp<Wide>(value, 1, kFarthest));
}

}  // namespace

GcraSteps gcra_steps(const RatePolicy& policy) {
  const Wide rate = std::max<std::int64_t>(policy.rate, 1);
  const Wide per = Wide{std::max<std::int64_t>(policy.per.count(), 1)} * 1000;
  const Wide burst = std::max<std::int64_t>(policy.burst, 0);
  const std::int64_t interval = clamped((per + rate - 1) / rate);
  return {interval, clamped(interval * (burst + 1))};
}

GcraOutcome gcra(const RatePolicy& policy, std::int64_t tat, std::int64_t now, std::int64_t cost) {
  const auto [interval, tolerance] = gcra_steps(policy);
  const std::int64_t burst = std::clamp<std::int64_t>(policy.burst, 0, kFarthest);
  const std::int64_t base = tat > now + 2 * tolerance ? now : std::max(tat, now);

  GcraOutcome outcome{{}, tat};
  RateDecision& decision = outcome.decision;
  decision.limit = burst + 1;
  cost = std::max<std::int64_t>(cost, 0);
  if (cost > decision.limit) {
    decision.allowed = false;
    decision.retry_after = std::chrono::microseconds::max();
  } else {
    // base is at most now + 2^61 and the rest 2^60, so the sum fits.
    const std::int64_t after = base + clamped(Wide{cost} * interval + 1) - 1;
    decision.allowed = after - tolerance <= now;
    if (!decision.allowed) {
      decision.retry_after = std::chrono::microseconds{after - tolerance - now};
    } else if (cost > 0) {
      outcome.new_tat = after;
    }
  }
  const std::int64_t ahead = decision.allowed && cost > 0 ? outcome.new_tat - now : base - now;
  decision.remaining =
      std::clamp<std::int64_t>((tolerance - ahead) / interval, 0, decision.limit);
  decision.reset_after = std::chrono::microseconds{ahead};
  return outcome;
}

Json to_json(const RatePolicy& policy) {
  return {{"rate", policy.rate}, {"per", format_duration(policy.per)}, {"burst", policy.burst}};
}

Result<RatePolicy> rate_policy_from_json(const Json& json) {
  RatePolicy policy;
  Error error{ErrorKind::unprocessable, "the rate policy is not valid", {}, {}, {}};
  if (!json.is_object()) {
    error.fields.push_back({"", "must be an object with rate, per and burst"});
    return fail(std::move(error));
  }
  const auto integer = [&](const char* name, std::int64_t least, std::int64_t& out) {
    const auto it = json.find(name);
    if (it == json.end() || !it->is_number_integer() || *it < least || *it > kFarthest) {
      error.fields.push_back({std::string("/") + name,
                              "must be an integer of at least " + std::to_string(least)});
    } else {
      out = it->get<std::int64_t>();
    }
  };
  integer("rate", 1, policy.rate);
  integer("burst", 0, policy.burst);
  const auto per = json.find("per");
  const auto parsed = per != json.end() && per->is_string()
                          ? parse_duration(per->get_ref<const std::string&>())
                          : Result<Duration>(fail(ErrorKind::invalid, ""));
  if (!parsed || *parsed < Duration{1}) {
    error.fields.push_back({"/per", "must be a duration of at least 1ms, such as \"1m\""});
  } else {
    policy.per = *parsed;
  }
  for (const auto& [name, value] : json.items()) {
    if (name != "rate" && name != "per" && name != "burst") {
      error.fields.push_back({"/" + name, "is not known here: rate, per and burst are"});
    }
  }
  if (!error.fields.empty()) return fail(std::move(error));
  return policy;
}

}  // namespace mesh
