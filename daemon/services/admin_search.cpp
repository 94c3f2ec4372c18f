#include "daemon/services/admin_search.h"

#include <algorithm>

#include "daemon/pipeline/generations/search_users.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"
#include "daemon/services/search.h"

namespace mesh::services {
namespace {

constexpr IntRange kNumber{1, 1'000'000'000, 1};

Result<TenantId> searching_tenant(const SearchAdminDeps& deps, const http::Request& request) {
  auto tenant = TenantId::parse(text_param(request, "tenant"));
  if (!tenant) {
    return fail(ErrorKind::invalid, "query parameter tenant: " + tenant.error().message);
  }
  MESH_TRY(deps.directory.require(*tenant));
  return tenant;
}

// The generation that is named, else the one that serves.
Result<GenerationInfo> asked_generation(VectorIndex& index, const http::Request& request) {
  const auto all = MESH_TRY(index.generations());
  if (!request.param("generation")) {
    const auto serving = std::ranges::find(all, true, &GenerationInfo::serving);
    if (serving != all.end()) return *serving;
    return fail(ErrorKind::unavailable, "no generation of the index serves yet; try again later");
  }
  const auto number = MESH_TRY(int_param(request, "generation", kNumber));
  const auto named = std::ranges::find(all, number, &GenerationInfo::number);
  if (named != all.end()) return *named;
  return fail(ErrorKind::not_found, "there is no generation " + std::to_string(number) +
                                        " of the index; `mesh index list` shows those that are");
}

Result<http::Response> find_users(const SearchAdminDeps& deps, const http::Request& request) {
  const auto asked = MESH_TRY(search_of(request));
  const auto tenant = MESH_TRY(searching_tenant(deps, request));
  const auto generation = MESH_TRY(asked_generation(deps.index, request));
  const auto embedder = MESH_TRY(deps.events.embedders.of(generation.spec));
  const auto start = deps.events.clock.steady();
  auto vectors =
      MESH_TRY(embedder->embed_query({tenant, asked.query, false}, asked.semantic_ratio));
  const auto found =
      MESH_TRY(pipeline::search_users(deps.index,
                                      {tenant, generation.spec.embedder, SearchText(asked.query),
                                       asked.limit, asked.min_score, generation.number},
                                      std::move(vectors)));
  const auto took = deps.events.clock.steady() - start;
  Json results = Json::array();
  for (const auto& hit : found.hits) results.push_back(to_json(hit));
  return http::Response::json(200, {{"generation", generation.number},
                                    {"embedder", generation.spec.embedder},
                                    {"took_micros", micros(took)},
                                    {"results", std::move(results)}});
}

Result<http::Response> find_events(const SearchAdminDeps& deps, const http::Request& request) {
  const auto tenant = MESH_TRY(searching_tenant(deps, request));
  const auto start = deps.events.clock.steady();
  auto body = MESH_TRY(search_uncounted(deps.events, tenant, request));
  body["took_micros"] = micros(deps.events.clock.steady() - start);
  return http::Response::json(200, std::move(body));
}

std::vector<http::Parameter> for_tenant(std::vector<http::Parameter> parameters) {
  parameters.push_back(
      api::required(api::query("tenant", "In whose name it searches.", api::ref("TenantId"))));
  return parameters;
}

}  // namespace

http::RouteTable search_admin_routes(SearchAdminDeps deps) {
  const auto shared = std::make_shared<const SearchAdminDeps>(std::move(deps));
  auto of_users = for_tenant(search_parameters());
  of_users.push_back(
      api::query("generation", "Of the user index; the one that serves without it.",
                 {{"type", "integer"}, {"minimum", kNumber.low}, {"maximum", kNumber.high}}));
  return api::for_operators(
      "search",
      {{.method = "GET",
        .pattern = "/admin/v1/search/users",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::shown,
        .operation = "findUsers",
        .summary = "What a tenant's search of users finds, in any generation",
        .details = "No use of the tenant's.",
        .parameters = std::move(of_users),
        .answers = {api::gives("FoundUsers", "The hits, as the tenant's search has them.")},
        .problems = {404},
        .handler = answering(shared, find_users)},
       {.method = "GET",
        .pattern = "/admin/v1/search/events",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::shown,
        .operation = "findEvents",
        .summary = "What a tenant's search of events finds",
        .details = "No use of the tenant's.",
        .parameters = for_tenant(event_search_parameters()),
        .answers = {api::gives("FoundEvents", "The hits, as the tenant's search has them.")},
        .problems = {404},
        .handler = answering(shared, find_events)}});
}

}  // namespace mesh::services
