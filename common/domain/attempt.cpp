#include "common/domain/attempt.h"

#include "common/base/time.h"

namespace mesh {
namespace {

// Ten of them stand in a header of a letter, and in a row that is written anew at each attempt.
constexpr std::size_t kMaxCauseBytes = 300;

}  // namespace

std::vector<Attempt> with_attempt(std::vector<Attempt> attempts, Attempt one) {
  if (one.cause.size() > kMaxCauseBytes) one.cause.resize(kMaxCauseBytes);
  attempts.push_back(std::move(one));
  if (attempts.size() > kKeptAttempts) {
    attempts.erase(attempts.begin(), attempts.end() - std::ptrdiff_t{kKeptAttempts});
  }
  return attempts;
}

Json to_json(std::span<const Attempt> attempts) {
  Json all = Json::array();
  for (const Attempt& one : attempts) {
    all.push_back({{"ended", format_rfc3339(one.ended)},
                   {"micros", one.took.count()},
                   {"cause_class", one.cause_class},
                   {"cause", one.cause}});
  }
  return all;
}

std::vector<Attempt> attempts_of(std::string_view json) {
  std::vector<Attempt> attempts;
  const auto all = parse_json(json);
  if (!all || !all->is_array()) return attempts;
  for (const Json& one : *all) {
    const auto text = [&](const char* name) {
      return one.is_object() && one.contains(name) && one[name].is_string()
                 ? one[name].get<std::string>()
                 : std::string();
    };
    const auto ended = parse_rfc3339(text("ended"));
    if (!ended || !one.contains("micros") || !one["micros"].is_number_integer()) continue;
    attempts.push_back({*ended, std::chrono::microseconds(one["micros"].get<std::int64_t>()),
                        text("cause_class"), text("cause")});
  }
  return attempts;
}

}  // namespace mesh
