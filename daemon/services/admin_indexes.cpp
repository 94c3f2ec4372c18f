#include "daemon/pipeline/generations/compare.h"
#include "daemon/services/admin_work.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"
#include "daemon/services/search.h"

namespace mesh::services {
namespace {

using http::Response;

constexpr IntRange kComparedHits{1, kMaxSearchHits, 10};
constexpr std::size_t kMostQueries = 1'000;

Json generation_json(const pipeline::GenerationStatus& status) {
  const GenerationSpec& spec = status.info.spec;
  return {{"name", status.info.name},
          {"number", status.info.number},
          {"role", status.role},
          {"serving", status.info.serving},
          {"vectors", status.info.vectors},
          {"tenants", status.info.tenants},
          {"bytes", status.info.bytes},
          {"dimension", spec.dimension},
          {"embedder", spec.embedder},
          {"model", spec.model.empty() ? Json(nullptr) : Json(spec.model)},
          {"lag", status.pipeline.lag_events},
          {"state", status.filling ? "filling" : to_string(status.pipeline.state)}};
}

Result<Response> list_indexes(const IndexAdminDeps& deps, const http::Request&) {
  auto all = MESH_TRY(deps.generations.list());
  Json items = Json::array();
  for (const auto& status : all) items.push_back(generation_json(status));
  return page(std::move(items));
}

Result<Response> rebuild(const IndexAdminDeps& deps, const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"embedder", "model", "shadow", "dry_run"}));
  const auto engine = MESH_TRY(text_member(body, "embedder"));
  const auto model = MESH_TRY(text_member(body, "model"));
  const auto shadow = MESH_TRY(bool_member(body, "shadow"));
  const auto dry_run = MESH_TRY(bool_member(body, "dry_run"));
  // Named here, so that whoever does the task builds what was asked for, however it is configured.
  auto spec =
      MESH_TRY(deps.generations.rebuild_spec({engine.value_or(""), model.value_or(""), shadow}));
  if (!dry_run) {
    return task_answer(deps.runner.submit("rebuild", std::move(spec), 0, started_by(request)));
  }
  return Response::json(200, {{"embedder", spec["embedder"]},
                              {"dimension", spec["dimension"]},
                              {"model", spec.contains("model") ? spec["model"] : Json(nullptr)},
                              {"shadow", shadow}});
}

Result<Response> rollback(const IndexAdminDeps& deps, const http::Request& request) {
  MESH_TRY(no_members(request));
  (void)MESH_TRY(deps.generations.rollback());
  return list_indexes(deps, request);
}

Result<Response> verify(const IndexAdminDeps& deps, const http::Request& request) {
  MESH_TRY(no_members(request));
  auto report = MESH_TRY(deps.generations.verify());
  return Response::json(200, pipeline::to_json(report));
}

Result<std::optional<int>> generation_of(const Json& body) {
  const auto number = MESH_TRY(int_member(body, "generation"));
  if (!number) return std::optional<int>();
  if (*number < 1 || *number > 1'000'000'000) {
    return bad_member("generation", "the number of one, from 1 on");
  }
  return std::optional<int>(static_cast<int>(*number));
}

Result<int> the_generation(const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"generation"}));
  const auto number = MESH_TRY(generation_of(body));
  if (!number) return bad_member("generation", "missing; `mesh index list` shows the numbers");
  return *number;
}

Result<Response> serve(const IndexAdminDeps& deps, const http::Request& request) {
  const int number = MESH_TRY(the_generation(request));
  (void)MESH_TRY(deps.generations.serve(number));
  return list_indexes(deps, request);
}

Result<Response> drop(const IndexAdminDeps& deps, const http::Request& request) {
  const int number = MESH_TRY(the_generation(request));
  MESH_TRY(deps.generations.drop(number));
  return list_indexes(deps, request);
}

Result<std::vector<pipeline::AskedQuery>> queries_of(const Json& given, const TenantId& tenant) {
  const auto bad = [] {
    return bad_member("queries", "a list of 1 to " + std::to_string(kMostQueries) +
                                     " texts of at most " + std::to_string(kMaxQueryBytes) +
                                     " bytes");
  };
  if (!given.is_array() || given.empty() || given.size() > kMostQueries) return bad();
  std::vector<pipeline::AskedQuery> queries;
  for (const Json& one : given) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty() ||
        one.get_ref<const std::string&>().size() > kMaxQueryBytes) {
      return bad();
    }
    queries.push_back({tenant, one.get<std::string>()});
  }
  return queries;
}

Result<Response> compare(const IndexAdminDeps& deps, const http::Request& request) {
  const auto body = MESH_TRY(object_body(request));
  MESH_TRY(only_members(body, {"generation", "tenant", "queries", "limit"}));
  pipeline::CompareRequest asked;
  asked.generation = MESH_TRY(generation_of(body));
  const auto limit = MESH_TRY(int_member(body, "limit"));
  if (limit && (*limit < kComparedHits.low || *limit > kComparedHits.high)) {
    return bad_member("limit", "from 1 to " + std::to_string(kComparedHits.high));
  }
  asked.limit = static_cast<int>(limit.value_or(kComparedHits.fallback));
  const auto named = MESH_TRY(string_member(body, "tenant"));
  std::optional<TenantId> tenant;
  if (named) {
    auto parsed = TenantId::parse(*named);
    if (!parsed) return bad_member("tenant", parsed.error().message);
    tenant = std::move(*parsed);
  }
  if (body.contains("queries")) {
    if (!tenant) return bad_member("queries", "whose they are is missing: \"tenant\"");
    asked.queries = MESH_TRY(queries_of(body["queries"], *tenant));
  } else {
    asked.queries = deps.recent.list(tenant);
    if (asked.queries.size() > kMostQueries) {
      asked.queries.erase(asked.queries.begin() + kMostQueries, asked.queries.end());
    }
  }
  // At the end: what is wrong with the body is said before what is not there.
  if (tenant) MESH_TRY(deps.tenants.require(*tenant));
  const auto comparison =
      MESH_TRY(pipeline::compare_generations(deps.index, deps.embedders, deps.clock, asked));
  return Response::json(200, pipeline::to_json(comparison));
}

}  // namespace

http::RouteTable index_routes(IndexAdminDeps deps) {
  using http::Body;
  using IndexWork = Result<Response> (*)(const IndexAdminDeps&, const http::Request&);
  const auto shared = std::make_shared<const IndexAdminDeps>(std::move(deps));
  const auto work = [shared](IndexWork of) { return answering(shared, of); };
  return api::for_operators(
      "indexes",
      {{.method = "GET",
        .pattern = "/admin/v1/indexes",
        .pool = http::Pool::quick,
        .operation = "listIndexes",
        .summary = "Generations of the user index",
        .answers = {api::gives("GenerationPage", "All generations.")},
        .handler = work(list_indexes)},
       {.method = "POST",
        .pattern = "/admin/v1/indexes/rebuild",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "rebuildIndex",
        .summary = "Builds a new generation from the log and serves it",
        .details = "By the configured embedder, or by another one, which needs no restart. A "
                   "shadow is built, follows the log and is not served: it is there to be "
                   "compared, and goes when it is served or dropped.",
        .request = api::json("Rebuild"),
        .answers = {api::gives("RebuildPlan", "With `dry_run`: what would be built."),
                    api::starts_task("The task that builds it.")},
        .problems = {409, 422},
        .handler = work(rebuild)},
       {.method = "POST",
        .pattern = "/admin/v1/indexes/rollback",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "rollBackIndex",
        .summary = "Serves the generation before again",
        .request = api::no_members(),
        .answers = {api::gives("GenerationPage", "All generations, after it.")},
        .problems = {409, 422},
        .handler = work(rollback)},
       {.method = "POST",
        .pattern = "/admin/v1/indexes/serve",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "serveIndex",
        .summary = "Serves a generation, as a shadow",
        .details = "As a rollback does: once it has caught up with the log, and beside no rebuild. "
                   "The one that served is what a rollback goes back to; older ones are dropped, "
                   "but shadows.",
        .request = api::json("GenerationNumber"),
        .answers = {api::gives("GenerationPage", "All generations, after it.")},
        .problems = {404, 409, 422},
        .handler = work(serve)},
       {.method = "POST",
        .pattern = "/admin/v1/indexes/drop",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "dropIndex",
        .summary = "Drops a generation that does not serve",
        .request = api::json("GenerationNumber"),
        .answers = {api::gives("GenerationPage", "All generations, after it.")},
        .problems = {404, 409, 422},
        .handler = work(drop)},
       {.method = "POST",
        .pattern = "/admin/v1/indexes/compare",
        .body = Body::json,
        .pool = http::Pool::slow,
        .read_only = true,
        .payloads = http::Payloads::shown,
        .operation = "compareIndexes",
        .summary = "Asks the serving generation and another one the same",
        .details = "The queries that are given, or else those that were asked of this process "
                   "lately (vectors.recent_searches): each generation by its own embedder, and no "
                   "tenant's usage has anything of it.",
        .request = api::json("Compare"),
        .answers = {api::gives("Comparison", "How far both agree.")},
        .problems = {404, 409, 422},
        .handler = work(compare)},
       {.method = "POST",
        .pattern = "/admin/v1/indexes/verify",
        .body = Body::json,
        .pool = http::Pool::slow,
        .read_only = true,
        .operation = "verifyIndex",
        .summary = "Compares the index with the log",
        .request = api::no_members(),
        .answers = {api::gives("VerifyReport", "What the comparison found.")},
        .problems = {422},
        .handler = work(verify)}});
}

}  // namespace mesh::services
