#include "cli/rate_text.h"

#include "cli/render/view.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli {

Result<RateText> parse_rate(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorKind::invalid, "\"" + std::string(text) +
                                        "\" is not a rate; write 30/1m, or 30/1m+10 with a burst");
  };
  const auto slash = text.find('/');
  if (slash == text.npos) return wrong();
  const auto rate = parse_int(text.substr(0, slash));
  std::string_view per = text.substr(slash + 1);
  RateText parsed;
  if (const auto plus = per.find('+'); plus != per.npos) {
    parsed.burst = parse_int(per.substr(plus + 1));
    if (!parsed.burst || *parsed.burst < 0) return wrong();
    per = per.substr(0, plus);
  }
  const auto duration = parse_duration(per);
  // The server has narrower bounds and says which.
  if (!rate || *rate < 1 || !duration || duration->count() < 1) return wrong();
  parsed.rate = *rate;
  parsed.per = std::string(per);
  return parsed;
}

Json to_policy(const RateText& rate) {
  Json policy{{"rate", rate.rate}, {"per", rate.per}};
  if (rate.burst) policy["burst"] = *rate.burst;
  return policy;
}

std::string policy_text(const Json& policy) {
  // A scope whose limit was lifted has no policy.
  if (policy.is_null()) return "unlimited";
  if (!policy.is_object()) return plain_text(policy);
  const Json& per = at_path(policy, "per");
  const std::string period = per.is_number_integer()
                                 ? format_duration(Duration{per.get<std::int64_t>()})
                                 : plain_text(per);
  return count_text(at_path(policy, "rate")) + " per " + period + ", burst " +
         count_text(at_path(policy, "burst"));
}

}  // namespace mesh::cli
