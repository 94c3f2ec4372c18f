#include "daemon/services/usage.h"

#include "common/base/time.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

constexpr int kMostRows = 10'000;
constexpr std::string_view kByKind = "kind", kDefaultBy = "day", kDefaultSince = "30d";

struct UsageDeps {
  UsageStore& usage;
  Clock& clock;
  TenantDirectory* tenants = nullptr;  // of the operator's look
};

struct Asked {
  UsageQuery query;
  std::string by;
};

// By kind it is the sum of hours, or of days where there would be many.
UsageGrain grain_for_kinds(Timestamp since, Timestamp now) {
  return since < now - std::chrono::days{7} ? UsageGrain::day : UsageGrain::hour;
}

Result<Asked> read(const UsageDeps& deps, const http::Request& request) {
  const Timestamp now = deps.clock.now();
  Asked asked;
  asked.by = request.param("by").value_or(kDefaultBy);
  const auto named = MESH_TRY(time_param(request, "since", now));
  const Timestamp since = named ? *named : now - MESH_TRY(parse_duration(kDefaultSince));
  asked.query.until = MESH_TRY(time_param(request, "until", now)).value_or(now);
  if (asked.query.until < since) {
    return fail(ErrorKind::invalid, "query parameter until: is before since");
  }
  const auto grain = asked.by == kByKind ? grain_for_kinds(since, now) : usage_grain(asked.by);
  if (!grain) {
    return fail(ErrorKind::invalid,
                "query parameter by: \"" + asked.by + "\" is not one of minute, hour, day, kind");
  }
  asked.query.grain = *grain;
  // What began before and reaches into the time counts whole: totals know no parts.
  asked.query.since = start_of(*grain, since);
  return asked;
}

Json items_by_time(const std::vector<UsageTotal>& totals) {
  Json items = Json::array();
  for (const UsageTotal& total : totals) {
    Json item{{"tenant", total.tenant.str()}, {"start", format_rfc3339(total.start)}};
    item.update(to_json(total.amounts));
    items.push_back(std::move(item));
  }
  return items;
}

Json items_by_kind(const std::vector<UsageSum>& sums) {
  Json items = Json::array();
  for (const UsageSum& sum : sums) {
    items.push_back(
        {{"tenant", sum.tenant.str()}, {"kind", to_string(sum.kind)}, {"amount", sum.amount}});
  }
  return items;
}

Result<Json> items(const UsageDeps& deps, const Asked& asked) {
  if (asked.by == kByKind) {
    const auto sums = MESH_TRY(deps.usage.sums(asked.query, kMostRows));
    return items_by_kind(sums);
  }
  const auto totals = MESH_TRY(deps.usage.totals(asked.query, kMostRows));
  return items_by_time(totals);
}

http::Response answer(const Asked& asked, Json items) {
  return http::Response::json(200, {{"by", asked.by},
                                    {"since", format_rfc3339(asked.query.since)},
                                    {"until", format_rfc3339(asked.query.until)},
                                    {"items", std::move(items)}});
}

Result<http::Response> own(const UsageDeps& deps, const http::Request& request) {
  auto asked = MESH_TRY(read(deps, request));
  asked.query.tenant = request.tenant();
  auto found = MESH_TRY(items(deps, asked));
  return answer(asked, std::move(found));
}

Result<http::Response> of_all(const UsageDeps& deps, const http::Request& request) {
  auto asked = MESH_TRY(read(deps, request));
  const auto tenant = text_param(request, "tenant");
  if (!tenant.empty()) asked.query.tenant = MESH_TRY(TenantId::parse(tenant));
  auto found = MESH_TRY(items(deps, asked));
  // One that is gone may have used something; a name that is no tenant's is a slip.
  if (found.empty()) MESH_TRY(deps.tenants->require_if_named(tenant));
  return answer(asked, std::move(found));
}

http::Route route(const char* pattern, const char* operation, const char* summary,
                  http::Handler handler) {
  const Json time{{"type", "string"}, {"examples", Json::array({"7d", "2026-11-21T00:00:00Z"})}};
  Json since = time;
  since["default"] = kDefaultSince;
  return {.method = "GET",
          .pattern = pattern,
          .pool = http::Pool::quick,
          .operation = operation,
          .tag = "usage",
          .summary = summary,
          .details =
              "Days, hours and minutes are those of UTC. Minutes are kept for two days, hours for "
              "90, days for ever. What is used now is here a minute later.",
          .parameters = {api::query("since",
                                    "From the minute, hour or day on in which this time lies: a "
                                    "time, or how long ago.",
                                    std::move(since)),
                         api::query("until", "Before this time: a time, or how long ago.", time),
                         api::query("by",
                                    "What one row is: a minute, hour or day, or the sum of a "
                                    "kind.",
                                    api::one_of({"minute", "hour", "day", std::string(kByKind)},
                                                kDefaultBy))},
          .answers = {api::gives("UsageTotals", "The totals, by time and tenant.")},
          .handler = std::move(handler)};
}

}  // namespace

http::RouteTable own_usage_routes(UsageStore& usage, Clock& clock) {
  const auto deps = std::make_shared<const UsageDeps>(UsageDeps{usage, clock});
  auto row = route("/api/v1/usage", "getOwnUsage", "What the tenant used", answering(deps, own));
  row.access = http::Access::tenant_or_anonymous;
  return {std::move(row)};
}

http::RouteTable usage_totals_routes(UsageStore& usage, TenantDirectory& tenants, Clock& clock) {
  const auto deps = std::make_shared<const UsageDeps>(UsageDeps{usage, clock, &tenants});
  auto row = route("/admin/v1/usage/totals", "getUsageTotals", "What tenants used over time",
                   answering(deps, of_all));
  row.parameters.push_back(api::tenant_filter());
  row.problems = {404};
  return api::for_operators("usage", {std::move(row)});
}

}  // namespace mesh::services
