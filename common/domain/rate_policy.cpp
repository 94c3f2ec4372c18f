#include "common/domain/rate_policy.h"

#include "common/base/json_members.h"
#include "common/base/range_text.h"
#include "common/base/time.h"

namespace mesh {
namespace {

__extension__ using Wide = __int128;
constexpr std::int64_t kFarthest = std::int64_t{1} << 60;  // 36,000 years
// What a policy that is read may say; gcra takes any.
constexpr std::int64_t kMostUnits = 1'000'000'000;
constexpr Duration kLongest = std::chrono::hours{24 * 366};

// At least 1, since an interval of 0 would divide by zero and admit everything.
std::int64_t clamped(Wide value) {
  return static_cast<std::int64_t>(std::clamp<Wide>(value, 1, kFarthest));
}

}  // namespace

GcraSteps gcra_steps(const RatePolicy& policy) {
  // Takes any policy, also one that nobody has bounded: 128 bits hold every product of these.
  const Wide rate = std::max<std::int64_t>(policy.rate, 1);
  const Wide per = Wide{std::max<std::int64_t>(policy.per.count(), 1)} * 1000;
  const Wide burst = std::max<std::int64_t>(policy.burst, 0);
  // Rounded up: rounded down, a policy would admit more than it says.
  const std::int64_t interval = clamped((per + rate - 1) / rate);
  return {interval, clamped(interval * (burst + 1))};
}

GcraOutcome gcra(const RatePolicy& policy, std::int64_t tat, std::int64_t now, std::int64_t cost) {
  const auto [interval, tolerance] = gcra_steps(policy);
  const std::int64_t burst = std::clamp<std::int64_t>(policy.burst, 0, kFarthest);
  // A tat that no run of this policy can have left counts as never seen (see the header).
  const std::int64_t base = tat > now + 2 * tolerance ? now : std::max(tat, now);

  GcraOutcome outcome{{}, tat};
  RateDecision& decision = outcome.decision;
  decision.limit = burst + 1;
  cost = std::max<std::int64_t>(cost, 0);
  if (cost > decision.limit) {
    decision.allowed = false;
    // No wait helps, so this must not look like a denial that a retry would get past.
    decision.retry_after = std::chrono::microseconds::max();
  } else {
    // base is at most now + 2^61 and the rest 2^60, so the sum fits.
    // The 1 that is added and taken away again lets a cost of 0 through the lower bound of clamped.
    const std::int64_t after = base + clamped(Wide{cost} * interval + 1) - 1;
    decision.allowed = after - tolerance <= now;
    if (!decision.allowed) {
      decision.retry_after = std::chrono::microseconds{after - tolerance - now};
    } else if (cost > 0) {
      outcome.new_tat = after;
    }
  }
  // After a denial or a peek nothing was taken, so that what is left is told from where the bucket
  // stands.
  const std::int64_t ahead = decision.allowed && cost > 0 ? outcome.new_tat - now : base - now;
  decision.remaining = std::clamp<std::int64_t>((tolerance - ahead) / interval, 0, decision.limit);
  decision.reset_after = std::chrono::microseconds{ahead};
  return outcome;
}

Json to_json(const RatePolicy& policy) {
  return {{"rate", policy.rate}, {"per", format_duration(policy.per)}, {"burst", policy.burst}};
}

Result<RatePolicy> rate_policy_from_json(const Json& json, const std::string& at) {
  RatePolicy policy;
  Error error{ErrorKind::unprocessable, "the rate policy is not valid", {}, {}, {}};
  const auto wrong = [&](const std::string& name, std::string detail) {
    error.fields.push_back({at + name, std::move(detail)});
  };
  if (!json.is_object()) {
    wrong("", "must be an object with rate, per and burst");
    return fail(std::move(error));
  }
  const auto integer = [&](const Json& value, const std::string& name, std::int64_t least,
                           std::int64_t& out) {
    const auto number = whole_number(value);
    if (!number || *number < least || *number > kMostUnits) {
      wrong(pointer_to(name), "must be " + whole_number_text(least, kMostUnits));
    } else {
      out = *number;
    }
  };
  // All faults are gathered, so that a client mends a policy in one go.
  for (const auto& [name, value] : json.items()) {
    if (name == "rate") {
      integer(value, name, 1, policy.rate);
    } else if (name == "burst") {
      integer(value, name, 0, policy.burst);
    } else if (name == "per") {
      const auto per = value.is_string() ? parse_duration(value.get_ref<const std::string&>())
                                         : Result<Duration>(fail(ErrorKind::invalid, ""));
      if (per && *per >= Duration{1} && *per <= kLongest) {
        policy.per = *per;
      } else {
        wrong("/per", "must be a duration from 1ms to 366d, such as \"1m\"");
      }
    } else {
      wrong(pointer_to(name), "is not known here: rate, per and burst are");
    }
  }
  if (!json.contains("rate")) wrong("/rate", "is missing");
  // With it `limit`, which is burst + 1, is the rate: what is allowed in a period may come at once.
  if (!json.contains("burst")) policy.burst = policy.rate - 1;
  if (!error.fields.empty()) return fail(std::move(error));
  return policy;
}

}  // namespace mesh
