// Who uses what, for `mesh tenants top`.
#include <algorithm>
#include <tuple>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "daemon/services/admin.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

struct Column {
  std::string_view name;
  Use use;
  bool is_time;                    // kept in microseconds, shown in milliseconds
  std::optional<Use> and_of = {};  // what is added to it

  std::uint64_t of(const Usage::Row& row) const { return row[use] + (and_of ? row[*and_of] : 0); }
};
constexpr Column kColumns[] = {{"requests", Use::requests, false},
                               {"rejected", Use::rejected, false},
                               {"events", Use::events, false},
                               {"bytes", Use::bytes, false},
                               {"searches", Use::searches, false},
                               {"search_ms", Use::search_micros, true},
                               {"queued_ms", Use::queued_micros, true},
                               {"processed", Use::processed, false},
                               {"stage_ms", Use::stage_micros, true},
                               {"tokens", Use::embedding_tokens, false, Use::chat_tokens}};

std::vector<std::string> column_names() {
  std::vector<std::string> names;
  for (const auto& column : kColumns) names.emplace_back(column.name);
  return names;
}

constexpr IntRange kTenants{1, 1000, 20};
constexpr std::string_view kDefaultColumn = "events";

Result<std::chrono::seconds> window_param(const http::Request& request) {
  const auto text = request.param("window");
  if (!text) return std::chrono::seconds{10};
  // Usage keeps a sum for each second: a part of one cannot be told.
  const auto given = parse_duration(*text);
  if (!given || *given < std::chrono::seconds{1} || *given > Usage::kLongest ||
      given->count() % 1000 != 0) {
    return fail(ErrorKind::invalid, "query parameter window: \"" + std::string(*text) +
                                        "\" is not a whole number of seconds from 1s to 1m");
  }
  return std::chrono::duration_cast<std::chrono::seconds>(*given);
}

Result<Column> sort_param(const http::Request& request) {
  const std::string_view text = request.param("sort").value_or(kDefaultColumn);
  const auto column = std::ranges::find(kColumns, text, &Column::name);
  if (column == std::end(kColumns)) {
    return fail(ErrorKind::invalid, "query parameter sort: \"" + std::string(text) +
                                        "\" is not one of " + join(column_names(), ", "));
  }
  return *column;
}

Result<http::Response> top(const UsageAdminDeps& deps, const http::Request& request) {
  auto window = MESH_TRY(window_param(request));
  auto sort = MESH_TRY(sort_param(request));
  auto limit = MESH_TRY(int_param(request, "limit", kTenants));

  auto rows = deps.usage.window(window);
  if (const auto only = text_param(request, "tenant"); !only.empty()) {
    std::erase_if(rows, [&](const Usage::Row& row) { return row.tenant != only; });
  }
  const auto first = rows.begin() + std::min<std::ptrdiff_t>(limit, std::ssize(rows));
  // Rows come in no order: requests and the name settle ties, so that equal tenants keep their
  // places from one look to the next.
  std::partial_sort(rows.begin(), first, rows.end(), [&](const auto& a, const auto& b) {
    return std::tuple(sort.of(b), b[Use::requests], std::string_view(a.tenant)) <
           std::tuple(sort.of(a), a[Use::requests], std::string_view(b.tenant));
  });
  Json tenants = Json::array();
  for (auto row = rows.begin(); row != first; ++row) {
    Json json{{"tenant", row->tenant}};
    for (const auto& column : kColumns) {
      const auto used = column.of(*row);
      json[std::string(column.name)] =
          column.is_time ? Json(static_cast<double>(used) / 1000) : Json(used);
    }
    tenants.push_back(std::move(json));
  }
  return http::Response::json(
      200,
      {{"window_seconds", window.count()}, {"sort", sort.name}, {"tenants", std::move(tenants)}});
}

}  // namespace

http::RouteTable usage_routes(UsageAdminDeps deps) {
  const auto shared = std::make_shared<const UsageAdminDeps>(std::move(deps));
  // Not below /admin/v1/tenants, where a tenant may have any name.
  return api::for_operators(
      "usage", {{.method = "GET",
                 .pattern = "/admin/v1/usage",
                 .pool = http::Pool::quick,
                 .operation = "getUsage",
                 .summary = "Who used what within the last seconds, the busiest tenants first",
                 .parameters = {api::query("window", "How far back, in whole seconds: 1s to 1m.",
                                           {{"type", "string"},
                                            {"pattern", "^([1-9]|[1-5][0-9]|60)s$|^1m$"},
                                            {"default", "10s"}}),
                                api::query("sort", "By which member.",
                                           api::one_of(column_names(), kDefaultColumn)),
                                api::limit("tenants", kTenants), api::tenant_filter()},
                 .answers = {api::gives("Usage", "The use of each tenant.")},
                 .handler = answering(shared, top)}});
}

}  // namespace mesh::services
