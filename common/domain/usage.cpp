#include "common/domain/usage.h"

#include <algorithm>

#include "common/base/time.h"
#include "common/domain/catalogue.h"

namespace mesh {
namespace {

constexpr std::string_view kType = "billing.usage.incremented";
constexpr std::string_view kSource = "/mesh/metering";
constexpr std::array<std::string_view, kUsageKinds> kKinds{
    "events",      "bytes",        "searches",     "embedding_tokens",
    "chat_tokens", "stored_users", "stored_bytes", "chat_cost"};
constexpr std::array<std::string_view, 3> kGrains{"minute", "hour", "day"};

}  // namespace

std::span<const std::string_view> usage_kind_names() { return kKinds; }
std::string_view to_string(UsageKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

void UsageAmounts::add(const UsageAmounts& more) {
  for (std::size_t i = 0; i < kUsageKinds; ++i) {
    of[i] = is_level(static_cast<UsageKind>(i)) ? std::max(of[i], more.of[i]) : of[i] + more.of[i];
  }
}

Json to_json(const UsageAmounts& amounts) {
  Json json = Json::object();
  for (std::size_t i = 0; i < kUsageKinds; ++i) json[std::string(kKinds[i])] = amounts.of[i];
  return json;
}

Event usage_event(const UsageIncrement& increment) {
  Json usage = Json::object();
  for (std::size_t i = 0; i < kUsageKinds; ++i) {
    if (increment.amounts.of[i] != 0) usage[std::string(kKinds[i])] = increment.amounts.of[i];
  }
  const Json data{{"tenantId", increment.tenant.str()},
                  {"period_start", format_rfc3339(increment.period_start)},
                  {"period_seconds", increment.seconds},
                  {"process", increment.process},
                  {"usage", std::move(usage)}};
  return {.id = increment.id,
          .type = std::string(kType),
          .source = std::string(kSource),
          .time = increment.time,
          .tenant = increment.tenant,
          .subject = {},
          .sequence = 0,
          .traceparent = {},
          .data = dump(data),
          .extensions = {}};
}

Result<UsageIncrement> usage_of(const Event& event) {
  constexpr std::size_t kLongestId = 200;  // it stands in an index
  if (event.id.size() > kLongestId) return fail(ErrorKind::unprocessable, "its id is too long");
  const auto data = parse_json(event.data);
  if (!data) return fail(ErrorKind::unprocessable, data.error().message);
  MESH_TRY(validate_data(*find_event_type(kType), *data));
  if (data->at("tenantId") != event.tenant.str()) {
    return fail(ErrorKind::unprocessable, "/tenantId is not the event's tenant");
  }
  // Of the schema's format "date-time", which lets years pass that have more than four digits.
  const auto start = parse_rfc3339(data->at("period_start").get_ref<const std::string&>());
  if (!start) return fail(ErrorKind::unprocessable, "/period_start: " + start.error().message);
  UsageIncrement increment{event.id,
                           event.tenant,
                           event.time,
                           *start,
                           data->at("period_seconds").get<std::int64_t>(),
                           data->at("process").get<std::string>(),
                           {}};
  for (const auto& [name, amount] : data->at("usage").items()) {
    const auto at = std::ranges::find(kKinds, name);
    if (at == kKinds.end()) continue;
    increment.amounts.of[static_cast<std::size_t>(at - kKinds.begin())] =
        amount.get<std::int64_t>();
  }
  return increment;
}

std::string_view to_string(UsageGrain grain) { return kGrains[static_cast<std::size_t>(grain)]; }

std::optional<UsageGrain> usage_grain(std::string_view name) {
  const auto at = std::ranges::find(kGrains, name);
  if (at == kGrains.end()) return std::nullopt;
  return static_cast<UsageGrain>(at - kGrains.begin());
}

Timestamp start_of(UsageGrain grain, Timestamp time) {
  if (grain == UsageGrain::minute) return std::chrono::floor<std::chrono::minutes>(time);
  if (grain == UsageGrain::hour) return std::chrono::floor<std::chrono::hours>(time);
  return std::chrono::floor<std::chrono::days>(time);
}

Error too_much_usage(int limit) {
  return {ErrorKind::invalid,
          "more than " + std::to_string(limit) +
              " rows: ask for one tenant, a shorter time, or by hour or day",
          {},
          {},
          {}};
}

// A shorter time, or another grain, has as many.
Error too_many_sums(int limit) {
  return {ErrorKind::invalid,
          "more than " + std::to_string(limit) + " sums: ask for one tenant",
          {},
          {},
          {}};
}

Result<UsageSum> usage_sum(std::string_view tenant, std::int64_t kind, std::int64_t amount) {
  auto id = TenantId::parse(tenant);
  if (!id) return fail(ErrorKind::corrupt, "the sums of usage: " + id.error().message);
  if (kind < 0 || kind >= static_cast<std::int64_t>(kUsageKinds)) {
    return fail(ErrorKind::corrupt, "the sums of usage: no kind is " + std::to_string(kind));
  }
  return UsageSum{std::move(*id), static_cast<UsageKind>(kind), amount};
}

UsageAmounts usage_of_kind(std::int64_t kind, std::int64_t amount) {
  UsageAmounts amounts;
  if (kind >= 0 && kind < std::ssize(amounts.of))
    amounts.of[static_cast<std::size_t>(kind)] = amount;
  return amounts;
}

Status UsageTotals::add(std::string_view tenant, Timestamp start, std::int64_t kind,
                        std::int64_t amount) {
  if (totals_.empty() || totals_.back().tenant.str() != tenant || totals_.back().start != start) {
    auto id = TenantId::parse(tenant);
    if (!id) return fail(ErrorKind::corrupt, "the totals of usage: " + id.error().message);
    totals_.push_back({std::move(*id), start, {}});
  }
  totals_.back().amounts.add(usage_of_kind(kind, amount));
  return {};
}

Result<std::vector<UsageTotal>> UsageTotals::take() {
  if (std::ssize(totals_) <= limit_) return std::move(totals_);
  return fail(too_much_usage(limit_));
}

}  // namespace mesh
