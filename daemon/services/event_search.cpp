#include "daemon/services/event_search.h"

#include <algorithm>
#include <map>
#include <string>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "daemon/pipeline/event_index/event_indexing.h"
#include "daemon/pipeline/scan.h"
#include "daemon/services/admission.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"
#include "daemon/services/event_hits.h"
#include "daemon/services/search_query.h"

namespace mesh::services {
namespace {

constexpr const char* kEventPath = "/ai/search";
constexpr std::size_t kMaxFilter = 2000;
constexpr IntRange kEventHits{1, kMaxSearchHits, 10};
constexpr double kMeaningOfTexts = 0.7;
constexpr double kRankOffset = 60;
constexpr int kLeastCandidates = 100, kCandidatesPerHit = 4;

struct EventQuery {
  std::string text;
  EventScope scope;
  int limit = 0;
  float min_score = 0;
  std::optional<double> ratio;
  bool counted = true;  // as the tenant's use
};

// What both routes ask alike.
Result<EventQuery> read_scope(const EventSearchDeps& deps, const TenantId& tenant,
                              const http::Request& request) {
  EventQuery query;
  query.text = MESH_TRY(optional_query_param(request));
  query.scope.type = text_param(request, "type");
  if (query.scope.type.empty()) {
    return fail(ErrorKind::invalid,
                "query parameter type: missing; name the type of the events, such as "
                "analytics.recorded");
  }
  if (!deps.indexes) {
    return fail(ErrorKind::invalid,
                "query parameter type: no events are searchable here, since vectors.events is off");
  }
  const auto searchable = MESH_TRY(deps.searchable(tenant, query.scope.type));
  if (searchable == nullptr) {
    return fail(ErrorKind::invalid, "query parameter type: events of the type \"" +
                                        query.scope.type +
                                        "\" are not searchable; the tenant's record names those "
                                        "that are (search), beside the built-in ones");
  }
  query.scope.filter = MESH_TRY(parse_filter(text_param(request, "filter"), *searchable));
  query.min_score = MESH_TRY(min_score_param(request));
  query.ratio = MESH_TRY(semantic_ratio_param(request));
  return query;
}

Result<EventQuery> read_query(const EventSearchDeps& deps, const TenantId& tenant,
                              const http::Request& request) {
  (void)MESH_TRY(query_param(request));  // there has to be one
  auto query = MESH_TRY(read_scope(deps, tenant, request));
  const Timestamp now = deps.clock.now();
  query.scope.from = MESH_TRY(time_param(request, "from", now));
  query.scope.to = MESH_TRY(time_param(request, "to", now));
  if (query.scope.from && query.scope.to && *query.scope.to < *query.scope.from) {
    return fail(ErrorKind::invalid, "query parameter to: is before from");
  }
  query.limit = static_cast<int>(MESH_TRY(int_param(request, "limit", kEventHits)));
  return query;
}

// Of the generation that serves; nothing where the type has none yet.
Result<std::optional<GenerationSpec>> serving_spec(EventIndex& index, std::string_view type) {
  for (const auto& one : MESH_TRY(index.specs())) {
    if (one.type == type && one.serving) return std::optional(one.spec);
  }
  return std::optional<GenerationSpec>();
}

// What suits users' names (the embedder's own) does not suit texts, whose words BM25 finds as well.
std::optional<double> ratio_of(const Embedder& embedder, const EventQuery& query) {
  if (query.ratio || !embedder.weighs()) return query.ratio;
  return kMeaningOfTexts;
}

// Whether the type may have events: the topic of an own one comes with the first.
Result<bool> has_topic(const EventSearchDeps& deps, const std::string& type) {
  const auto found = pipeline::find_topic(deps.log_admin, MESH_TRY(pipeline::topic_of(type)));
  if (!found && found.error().kind != ErrorKind::not_found) return fail(found.error());
  return found.has_value();
}

// What a search found, and why vectors had no part in it where they had none.
struct Found {
  std::vector<FusedHit> hits;
  std::optional<std::string> without_vectors;
};

Result<std::vector<EventHit>> by_vectors(const EventSearchDeps& deps, const TenantId& tenant,
                                         const EventQuery& query, const GenerationSpec& spec,
                                         int k) {
  const auto embedder = MESH_TRY(deps.embedders.of(spec));
  const auto asked = MESH_TRY(
      embedder->embed_query({tenant, query.text, query.counted}, ratio_of(*embedder, query)));
  return deps.index.search_vectors(tenant, query.scope, {asked.vector, spec.embedder}, k,
                                   query.min_score);
}

bool is_away(const Error& error) {
  return error.kind == ErrorKind::unavailable || error.kind == ErrorKind::timeout ||
         error.kind == ErrorKind::uncertain;
}

Result<Found> found(const EventSearchDeps& deps, const TenantId& tenant, const EventQuery& query) {
  const auto& type = query.scope.type;
  const auto spec = MESH_TRY(serving_spec(deps.index, type));
  if (!spec) {
    const bool may_have_some = MESH_TRY(has_topic(deps, type));
    if (!may_have_some) return Found{};
    return fail(ErrorKind::unavailable,
                "the index of " + type + " is not built yet; try again later");
  }
  const int k = std::max(kLeastCandidates, kCandidatesPerHit * query.limit);
  auto vectors = by_vectors(deps, tenant, query, *spec, k);
  if (!vectors && is_away(vectors.error())) {
    // It may have been flipped between the look and the search.
    const auto now = MESH_TRY(serving_spec(deps.index, type));
    if (now && now->embedder != spec->embedder) {
      vectors = by_vectors(deps, tenant, query, *now, k);
    }
  }
  if (!vectors && !is_away(vectors.error())) return fail(vectors.error());
  auto words = MESH_TRY(deps.index.search_words(tenant, query.scope, terms_of(query.text), k));
  Found all;
  if (!vectors) {
    all.without_vectors = "unavailable: " + vectors.error().message;
    vectors = std::vector<EventHit>();
  }
  all.hits = fuse(std::move(*vectors), std::move(words), static_cast<std::size_t>(query.limit));
  return all;
}

Json fused_json(const FusedHit& one, const std::string& type) {
  Json json = hit_json(one.hit, type);
  json["score"] = one.hit.score;
  json["rank_score"] = one.rank_score;
  json["words"] = one.words ? Json(*one.words) : Json();
  return json;
}

Json hits_json(const TenantId& tenant, const EventQuery& query, const Found& found) {
  Json results = Json::array();
  for (const auto& hit : found.hits) results.push_back(fused_json(hit, query.scope.type));
  Json body{{"tenant_id", tenant.str()},
            {"type", query.scope.type},
            {"query", query.text},
            {"results", std::move(results)}};
  if (found.without_vectors) body["vectors"] = *found.without_vectors;
  return body;
}

Result<http::Response> search_events(const EventSearchDeps& deps, const http::Request& request) {
  const auto query = MESH_TRY(read_query(deps, request.tenant(), request));
  // A query is embedded, and nothing else is known of it that counts.
  if (deps.admission != nullptr) {
    (void)MESH_TRY(deps.admission->spend(*request.principal, {.embeds = true}));
  }
  const TenantId& tenant = request.tenant();
  const auto start = deps.clock.steady();
  const auto all = MESH_TRY(found(deps, tenant, query));
  deps.metrics
      .counter("ai_gateway_requests_total", "Searches by path and tenant.",
               {{"path", kEventPath}, {"tenant", deps.metrics.tenant_label(tenant.str())}})
      .add();
  deps.usage.add(tenant.str(),
                 {{Use::searches}, {Use::search_micros, micros(deps.clock.steady() - start)}});
  return http::Response::json(200, hits_json(tenant, query, all));
}

// Registers the watch and answers with its stream.
Status watch_events(const std::shared_ptr<const EventSearchDeps>& deps,
                    const http::Request& request, const http::Responder& respond) {
  const auto query = MESH_TRY(read_scope(*deps, request.tenant(), request));
  if (trim(query.text).empty() && query.scope.filter.empty()) {
    return fail(ErrorKind::invalid,
                "query parameter query: missing or empty, and no filter; say what to watch for");
  }
  const TenantId& tenant = request.tenant();
  WatchSpec spec{.tenant = tenant, .type = query.scope.type, .min_score = query.min_score};
  spec.filter = query.scope.filter;
  // Whoever watches by a filter alone needs no vectors.
  if (!trim(query.text).empty()) {
    const auto serving = MESH_TRY(serving_spec(deps->index, query.scope.type));
    auto embedder = serving ? MESH_TRY(deps->embedders.of(*serving)) : deps->embedders.configured();
    if (deps->admission != nullptr) {
      (void)MESH_TRY(deps->admission->spend(*request.principal, {.embeds = true}));
    }
    auto asked = MESH_TRY(embedder->embed_query({tenant, query.text}, ratio_of(*embedder, query)));
    spec.query = std::move(asked.vector);
    spec.embedder = std::move(embedder);
  }
  const auto id = MESH_TRY(deps->tail.watch(std::move(spec), [&] { return respond.stream(); }));
  respond.when_gone([&watches = deps->watches, id] { watches.remove(id); });
  return {};
}

// Of both routes.
std::vector<http::Parameter> parameters_of_events(bool query_is_required) {
  auto query = query_parameter("checkout fails");
  return {api::required(api::query("type", "The type of the events.",
                                   {{"type", "string"},
                                    {"minLength", 1},
                                    {"examples", Json::array({"analytics.recorded"})}})),
          query_is_required ? api::required(std::move(query)) : std::move(query),
          api::query("filter",
                     "Conditions that all hold, such as `country=DE;amount>=10`: a field, one of "
                     "= != < <= > >=, a value, or several with `|` between. In a value `\\;` and "
                     "`\\|` stand for these characters; spaces around it are no part of it.",
                     {{"type", "string"}, {"maxLength", kMaxFilter}}),
          min_score_parameter("the search by vectors"), semantic_ratio_parameter("it is 0.7")};
}

}  // namespace

std::vector<http::Parameter> event_search_parameters() {
  auto all = parameters_of_events(true);
  all.push_back(
      api::query("from", "No earlier than this: a time (RFC 3339), or how long ago (7d)."));
  all.push_back(api::query("to", "Earlier than this: a time, or how long ago."));
  all.push_back(api::limit("hits", kEventHits));
  return all;
}

Result<Json> search_uncounted(const EventSearchDeps& deps, const TenantId& tenant,
                              const http::Request& request) {
  auto query = MESH_TRY(read_query(deps, tenant, request));
  query.counted = false;
  const auto all = MESH_TRY(found(deps, tenant, query));
  return hits_json(tenant, query, all);
}

std::vector<FusedHit> fuse(std::vector<EventHit> by_vectors, std::vector<EventHit> by_words,
                           std::size_t k) {
  std::map<std::string, FusedHit> all;
  const auto part = [](std::size_t rank) {
    return 1 / (kRankOffset + static_cast<double>(rank) + 1);
  };
  for (std::size_t i = 0; i < by_vectors.size(); ++i) {
    std::string id = by_vectors[i].event_id;
    all.emplace(std::move(id), FusedHit{std::move(by_vectors[i]), std::nullopt, part(i)});
  }
  for (std::size_t i = 0; i < by_words.size(); ++i) {
    EventHit& hit = by_words[i];
    const float words = std::exchange(hit.score, 0.0F);
    const std::string id = hit.event_id;
    auto& one = all.try_emplace(id, FusedHit{std::move(hit), std::nullopt, 0}).first->second;
    one.words = words;
    one.rank_score += part(i);
  }
  std::vector<FusedHit> hits;
  hits.reserve(all.size());
  for (auto& [id, one] : all) hits.push_back(std::move(one));
  std::ranges::sort(hits, [](const FusedHit& a, const FusedHit& b) {
    if (a.rank_score != b.rank_score) return a.rank_score > b.rank_score;
    if (a.hit.time != b.hit.time) return a.hit.time > b.hit.time;
    return a.hit.event_id < b.hit.event_id;
  });
  if (hits.size() > k) hits.resize(k);
  return hits;
}

Result<EventFilter> parse_filter(std::string_view text, const Searchable& searchable) {
  EventFilter filter;
  if (text.size() > kMaxFilter) {
    return fail(ErrorKind::invalid, "query parameter filter: over 2000 bytes");
  }
  std::string condition;
  const auto finish = [&]() -> Status {
    if (trim(condition).empty()) return {};
    filter.push_back(MESH_TRY(parse_condition(condition, searchable.fields, searchable.open)));
    condition.clear();
    return {};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      // parse_condition takes the backslash away.
      condition += text[i];
      condition += text[++i];
    } else if (text[i] == ';') {
      MESH_TRY(finish());
    } else {
      condition += text[i];
    }
  }
  MESH_TRY(finish());
  return filter;
}

http::RouteTable event_search_routes(EventSearchDeps given) {
  const auto deps = std::make_shared<const EventSearchDeps>(std::move(given));
  return {
      // Blocking: a scan of a large tenant takes milliseconds, which the loops do not have.
      {.method = "GET",
       .pattern = kEventPath,
       .access = http::Access::tenant,
       .scope = "search",
       .pool = http::Pool::slow,
       .operation = "searchEvents",
       .tag = "search",
       .summary = "Finds events of the tenant by meaning, letters and words",
       .details = "Of one type, built-in or the tenant's own, as its record says what of it is "
                  "searchable. Best first, by the ranks of two searches: one by vectors, one by "
                  "words. An event is found once the pipeline of its topic is past it.",
       .parameters = event_search_parameters(),
       .answers = {api::gives("EventHits", "The hits.")},
       .handler =
           [deps](auto request, auto respond) {
             auto answer = search_events(*deps, *request);
             answer ? respond(std::move(*answer)) : respond(answer.error());
           }},
      {.method = "GET",
       .pattern = "/ai/watch",
       .access = http::Access::tenant,
       .scope = "search",
       .pool = http::Pool::slow,
       .operation = "watchEvents",
       .tag = "search",
       .summary = "Sends events of the tenant as they come, where they match",
       .details =
           "A standing query: what matches of what is published from now on is sent as the "
           "event `hit`. By meaning and letters (`query`, `min_score`), by a filter, or both. "
           "What a slow reader does not take is dropped and told.",
       .parameters = parameters_of_events(false),
       .answers = {api::gives_events("Hits, as events come.", {{"hit", api::ref("EventHit")}})},
       .problems = {429, 503},
       .handler =
           [deps](auto request, auto respond) {
             if (auto begun = watch_events(deps, *request, respond); !begun) respond(begun.error());
           }},
  };
}

}  // namespace mesh::services
