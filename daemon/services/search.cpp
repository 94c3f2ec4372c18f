#include "daemon/services/search.h"

#include "common/base/strings.h"
#include "daemon/pipeline/generations/search_users.h"
#include "daemon/pipeline/stages/cache_subjects.h"
#include "daemon/services/admission.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/cached_answer.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

constexpr const char* kPath = "/ai/users/search";
constexpr IntRange kHits{1, kMaxSearchHits, 10};

// The answer as text: ten hits as JSON values would cost as much as the rest of a small search.
Result<std::string> answer_of(Embedder& embedder, VectorIndex& index, const TenantId& tenant,
                              const Search& search) {
  const std::string& query = search.query;
  auto vectors = MESH_TRY(embedder.embed_query({tenant, query}, search.semantic_ratio));
  const auto found = MESH_TRY(pipeline::search_users(
      index, {tenant, embedder.id(), SearchText(query), search.limit, search.min_score},
      std::move(vectors)));
  const auto& hits = found.hits;
  std::string answer;
  // Some 160 bytes a hit: the text is allocated once, most often.
  answer.reserve(128 + query.size() + 160 * hits.size());
  answer += R"({"tenant_id":)";
  append_quoted(answer, tenant.str());
  answer += R"(,"query":)";
  append_quoted(answer, query);
  answer += R"(,"results":[)";
  for (const auto& hit : hits) {
    append_json(answer, hit);
    answer += ',';
  }
  if (!hits.empty()) answer.pop_back();
  answer += "]}";
  return answer;
}

// All that the answer goes by, beside the tenant's users.
std::string question_of(const Embedder& embedder, const Search& search) {
  const std::string ratio = search.semantic_ratio ? dump(Json(*search.semantic_ratio)) : "-";
  return embedder.id() + "/" + std::to_string(search.limit) + "/" +
         std::to_string(search.min_score) + "/" + ratio + "/" + search.query;
}

Result<std::string> search(pipeline::ServingEmbedder& serving, VectorIndex& index, ReadCache* cache,
                           RecentSearches* recent, const http::Request& request) {
  const TenantId& tenant = request.tenant();
  const auto wanted = MESH_TRY(search_of(request));
  if (recent != nullptr) recent->note(tenant, wanted.query);
  return serving.with([&](Embedder& embedder) {
    return cached_answer(cache, pipeline::searches_of(tenant), question_of(embedder, wanted),
                         [&] { return answer_of(embedder, index, tenant, wanted); });
  });
}

}  // namespace

Result<Search> search_of(const http::Request& request) {
  std::string query = MESH_TRY(query_param(request));
  const auto limit = MESH_TRY(int_param(request, "limit", kHits));
  const float min_score = MESH_TRY(min_score_param(request));
  const auto ratio = MESH_TRY(semantic_ratio_param(request));
  return Search{std::move(query), static_cast<int>(limit), min_score, ratio};
}

std::vector<http::Parameter> search_parameters() {
  return {api::required(query_parameter("ada")), api::limit("hits", kHits),
          min_score_parameter("hits that are not the query itself"),
          semantic_ratio_parameter("the query decides, and what comes closer")};
}

http::RouteTable search_routes(pipeline::ServingEmbedder& serving, VectorIndex& index, Clock& clock,
                               Metrics& metrics, Usage& usage, WriteWaits& waits, ReadCache* cache,
                               Admission* admission, RecentSearches* recent) {
  auto parameters = search_parameters();
  for (auto&& seen : {api::min_position(), api::prefer_wait()}) parameters.push_back(seen);
  return {
      // Blocking: a scan of a large partition takes milliseconds, which the loops do not have.
      {.method = "GET",
       .pattern = kPath,
       .access = http::Access::tenant,
       .scope = "search",
       .pool = http::Pool::slow,
       .operation = "searchUsers",
       .tag = "search",
       .summary = "Finds users of the tenant by name, e-mail address or parts of them",
       .details = "Forgives typos. Users whose name or address is the query come first, then those "
                  "whose name or address begins with it, then the others by score.",
       .parameters = std::move(parameters),
       .answers = {api::gives("SearchResults", "The hits.")},
       .handler =
           [&, cache, admission, recent](auto request, auto respond) {
             waits.when_seen(*request, respond, [&, cache, admission, recent, request, respond] {
               // A query is embedded, and nothing else is known of it that counts.
               if (admission != nullptr) {
                 const auto within = admission->spend(*request->principal, {.embeds = true});
                 if (!within) return respond(within.error());
               }
               // From here: what the request waited for its position is not the search's time.
               const auto start = clock.steady();
               auto found = search(serving, index, cache, recent, *request);
               const Labels tenant{{"tenant", metrics.tenant_label(request->tenant().str())}};
               metrics
                   .counter("ai_gateway_requests_total", "Searches by path and tenant.",
                            {{"path", kPath}, {"tenant", tenant.at("tenant")}})
                   .add();
               const auto took = clock.steady() - start;
               metrics
                   .histogram("ai_gateway_search_latency_seconds", "Latency of searches.", tenant)
                   .observe(std::chrono::duration<double>(took).count());
               usage.add(request->tenant().str(),
                         {{Use::searches}, {Use::search_micros, micros(took)}});
               found ? respond(http::Response::json_text(200, std::move(*found)))
                     : respond(found.error());
             });
           }},
  };
}

}  // namespace mesh::services
