#include "common/domain/quota.h"

#include "common/base/json_members.h"
#include "common/base/range_text.h"

namespace mesh {
namespace {

constexpr std::array<std::string_view, kQuotas.size()> kNames{
    "events_per_day", "bytes_per_day", "stored_users", "embedding_tokens_per_month",
    "chat_tokens_per_day"};
// Numbers of JSON are exact up to here for every reader.
constexpr std::int64_t kMost = std::int64_t{1} << 53;

}  // namespace

std::string_view to_string(Quota quota) { return kNames[static_cast<std::size_t>(quota)]; }

std::optional<Quota> quota_of(std::string_view name) {
  for (const Quota quota : kQuotas) {
    if (to_string(quota) == name) return quota;
  }
  return std::nullopt;
}

std::optional<Period> period_of(Quota quota, Timestamp time) {
  using namespace std::chrono;
  if (quota == Quota::stored_users) return std::nullopt;
  const auto day = floor<days>(time);
  if (quota != Quota::embedding_tokens_per_month) return Period{day, day + days{1}};
  const year_month_day date{day};
  const year_month month = date.year() / date.month();
  return Period{sys_days{month / 1}, sys_days{(month + months{1}) / 1}};
}

Json to_json(const Quotas& quotas) {
  Json json = Json::object();
  for (const auto& [quota, most] : quotas) json[std::string(to_string(quota))] = most;
  return json;
}

Result<std::int64_t> quota_from_json(const Json& json, const std::string& at) {
  const auto most = whole_number(json);
  if (most && *most >= 0 && *most <= kMost) return *most;
  return fail({ErrorKind::unprocessable,
               "the quota is not valid",
               {},
               {{at, "must be " + whole_number_text(0, kMost)}},
               {}});
}

Result<Quotas> quotas_from_json(const Json& json, const std::string& at) {
  Error error{ErrorKind::unprocessable, "the quotas are not valid", {}, {}, {}};
  if (!json.is_object()) {
    error.fields.push_back({at, "must be an object of bounds by quota"});
    return fail(std::move(error));
  }
  Quotas quotas;
  for (const auto& [name, value] : json.items()) {
    const std::string here = at + pointer_to(name);
    const auto quota = quota_of(name);
    if (!quota) {
      error.fields.push_back({here,
                              "is no quota: they are events_per_day, bytes_per_day, stored_users, "
                              "embedding_tokens_per_month and chat_tokens_per_day"});
      continue;
    }
    auto most = quota_from_json(value, here);
    if (most) {
      quotas[*quota] = *most;
    } else {
      error.fields.push_back(most.error().fields.front());
    }
  }
  if (!error.fields.empty()) return fail(std::move(error));
  return quotas;
}

}  // namespace mesh
