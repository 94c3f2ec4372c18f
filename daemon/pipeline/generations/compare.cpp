#include "daemon/pipeline/generations/compare.h"

#include <algorithm>
#include <cmath>

#include "daemon/pipeline/generations/search_users.h"

namespace mesh::pipeline {
namespace {

constexpr Duration kLongest{30'000};
constexpr std::size_t kMostShown = 5;

using Hits = std::vector<SearchHit>;

struct Compared {
  GenerationInfo info;
  std::shared_ptr<Embedder> embedder;
  std::vector<double> took_ms;
  double scores = 0;
  std::int64_t hits = 0;
};

Result<GenerationInfo> other_of(const std::vector<GenerationInfo>& all,
                                const std::optional<int>& wanted) {
  if (wanted) {
    const auto found = std::ranges::find(all, *wanted, &GenerationInfo::number);
    if (found == all.end()) {
      return fail(ErrorKind::not_found, "there is no generation " + std::to_string(*wanted));
    }
    if (!found->serving) return *found;
    return fail(ErrorKind::conflict,
                found->name + " is the one that serves; name another to compare it with");
  }
  const GenerationInfo* newest = nullptr;
  for (const GenerationInfo& info : all) {
    if (info.serving) continue;
    if (newest == nullptr || info.spec.shadow || !newest->spec.shadow) newest = &info;
  }
  if (newest != nullptr) return *newest;
  return fail(ErrorKind::conflict,
              "there is no second generation to compare with; `mesh index rebuild --shadow` makes "
              "one");
}

Result<Compared> opened(Embedders& embedders, GenerationInfo info) {
  auto embedder = MESH_TRY(embedders.of(info.spec));
  return Compared{std::move(info), std::move(embedder), {}, 0, 0};
}

struct FoundBy {
  Hits hits;
  double took_ms = 0;
};

Result<FoundBy> ask(VectorIndex& index, Clock& clock, const Compared& side, const AskedQuery& asked,
                    const CompareRequest& request) {
  const auto start = clock.steady();
  auto vectors = MESH_TRY(side.embedder->embed_query({asked.tenant, asked.query, false}));
  auto found =
      MESH_TRY(search_users(index,
                            {asked.tenant, side.info.spec.embedder, SearchText(asked.query),
                             request.limit, request.min_score, side.info.number},
                            std::move(vectors)));
  return FoundBy{std::move(found.hits),
                 std::chrono::duration<double, std::milli>(clock.steady() - start).count()};
}

Hits take_hits(Compared& side, FoundBy answer) {
  side.took_ms.push_back(answer.took_ms);
  for (const SearchHit& hit : answer.hits) side.scores += static_cast<double>(hit.score);
  side.hits += std::ssize(answer.hits);
  return std::move(answer.hits);
}

ComparedSide summary(Compared& side) {
  ComparedSide summary;
  summary.generation = side.info;
  if (side.hits > 0) summary.mean_score = side.scores / static_cast<double>(side.hits);
  if (side.took_ms.empty()) return summary;
  for (const double ms : side.took_ms) summary.mean_ms += ms;
  const auto count = side.took_ms.size();
  summary.mean_ms /= static_cast<double>(count);
  std::ranges::sort(side.took_ms);
  summary.p95_ms = side.took_ms[std::min(count - 1, count * 95 / 100)];
  return summary;
}

// Of user ids in `from`, their ranks in it.
std::optional<std::size_t> rank_in(const Hits& from, std::int64_t user) {
  const auto at = std::ranges::find(from, user, &SearchHit::user_id);
  if (at == from.end()) return std::nullopt;
  return static_cast<std::size_t>(at - from.begin());
}

double overlap_of(const Hits& one, const Hits& other) {
  const auto most = std::max(one.size(), other.size());
  if (most == 0) return 1;
  const auto both = std::ranges::count_if(
      one, [&](const auto& hit) { return rank_in(other, hit.user_id).has_value(); });
  return static_cast<double>(both) / static_cast<double>(most);
}

bool differs_more(const ComparedQuery& a, const ComparedQuery& b) {
  if (a.overlap != b.overlap) return a.overlap < b.overlap;
  return a.tau.value_or(1) < b.tau.value_or(1);
}

Json rounded(const std::optional<double>& value) {
  return value ? Json(std::round(*value * 1e4) / 1e4) : Json(nullptr);
}

Json side_json(const ComparedSide& side) {
  return {{"generation", side.generation.name},        {"number", side.generation.number},
          {"embedder", side.generation.spec.embedder}, {"mean_score", rounded(side.mean_score)},
          {"mean_ms", rounded(side.mean_ms)},          {"p95_ms", rounded(side.p95_ms)}};
}

Json hits_json(const Hits& hits) {
  Json all = Json::array();
  for (const SearchHit& hit : hits) {
    all.push_back({{"user_id", hit.user_id},
                   {"score", rounded(static_cast<double>(hit.score))},
                   {"email", hit.email},
                   {"name", hit.name}});
  }
  return all;
}

}  // namespace

std::optional<double> kendall_tau(const Hits& one, const Hits& other) {
  std::vector<std::size_t> ranks;  // in `other`, in the order of `one`
  for (const SearchHit& hit : one) {
    if (const auto rank = rank_in(other, hit.user_id)) ranks.push_back(*rank);
  }
  if (ranks.size() < 2) return std::nullopt;
  std::int64_t balance = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    for (std::size_t j = i + 1; j < ranks.size(); ++j) balance += ranks[i] < ranks[j] ? 1 : -1;
  }
  const auto pairs = ranks.size() * (ranks.size() - 1) / 2;
  return static_cast<double>(balance) / static_cast<double>(pairs);
}

Json to_json(const Comparison& comparison) {
  Json different = Json::array();
  for (const ComparedQuery& query : comparison.most_different) {
    different.push_back({{"tenant", query.asked.tenant.str()},
                         {"query", query.asked.query},
                         {"overlap", rounded(query.overlap)},
                         {"tau", rounded(query.tau)},
                         {"serving", hits_json(query.serving)},
                         {"other", hits_json(query.other)}});
  }
  Json json{{"serving", side_json(comparison.serving)},
            {"other", side_json(comparison.other)},
            {"limit", comparison.limit},
            {"queries", comparison.queries},
            {"left_out", comparison.left_out},
            {"overlap", rounded(comparison.overlap)},
            {"tau", rounded(comparison.tau)},
            {"most_different", std::move(different)}};
  if (comparison.failure) json["failure"] = *comparison.failure;
  return json;
}

Result<Comparison> compare_generations(VectorIndex& index, Embedders& embedders, Clock& clock,
                                       const CompareRequest& request) {
  const auto all = MESH_TRY(index.generations());
  const auto at = std::ranges::find_if(all, &GenerationInfo::serving);
  if (at == all.end()) return fail(ErrorKind::conflict, "no generation of the index serves yet");
  auto other_info = MESH_TRY(other_of(all, request.generation));
  auto serving = MESH_TRY(opened(embedders, *at));
  auto other = MESH_TRY(opened(embedders, std::move(other_info)));

  Comparison comparison;
  comparison.limit = request.limit;
  double overlaps = 0, taus = 0;
  std::int64_t with_tau = 0;
  std::optional<Error> failure;
  std::vector<ComparedQuery>& shown = comparison.most_different;
  const SteadyTime deadline = clock.steady() + kLongest;
  for (const AskedQuery& asked : request.queries) {
    if (clock.steady() >= deadline) break;
    ComparedQuery one{asked, {}, {}, 0, {}};
    // Counted once both have answered: of one side alone it is no comparison.
    auto from_serving = ask(index, clock, serving, asked, request);
    auto from_other = from_serving ? ask(index, clock, other, asked, request) : from_serving;
    if (!from_other) {
      if (!failure) failure = std::move(from_other.error());
      continue;
    }
    one.serving = take_hits(serving, std::move(*from_serving));
    one.other = take_hits(other, std::move(*from_other));
    one.overlap = overlap_of(one.serving, one.other);
    one.tau = kendall_tau(one.serving, one.other);
    ++comparison.queries;
    overlaps += one.overlap;
    if (one.tau) taus += *one.tau, ++with_tau;
    // Those that agree are no example of a difference.
    if (one.overlap == 1 && one.tau.value_or(1) == 1) continue;
    shown.insert(std::ranges::upper_bound(shown, one, differs_more), std::move(one));
    if (shown.size() > kMostShown) shown.pop_back();
  }
  if (failure && comparison.queries == 0) return fail(std::move(*failure));
  if (failure) comparison.failure = failure->message;
  comparison.left_out = std::ssize(request.queries) - comparison.queries;
  if (comparison.queries > 0) {
    comparison.overlap = overlaps / static_cast<double>(comparison.queries);
  }
  if (with_tau > 0) comparison.tau = taus / static_cast<double>(with_tau);
  comparison.serving = summary(serving);
  comparison.other = summary(other);
  return comparison;
}

}  // namespace mesh::pipeline
