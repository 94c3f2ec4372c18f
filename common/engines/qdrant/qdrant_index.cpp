#include "common/engines/qdrant/qdrant_index.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "common/engines/qdrant/examine.h"
#include "common/engines/qdrant/generations.h"
#include "common/engines/qdrant/points.h"
#include "common/engines/qdrant/prober.h"
#include "common/engines/qdrant/server.h"

namespace mesh::qdrant {
namespace {

// So many of the best compete for the order by prefix, as in the embedded index.
constexpr int kCompeting = 10;
constexpr int kMostEqual = 1000;  // users with one name or address, of whom any are told
// Asked for beyond the k-th, to see whether more score the same as it does: ties go by user id,
// which the server does not know of. Of more than kMostTied some are passed over.
constexpr int kBeyond = 16;
constexpr int kMostTied = 10'000;
constexpr int kPage = 1'000;
constexpr Duration kCountedFor{5'000};
constexpr int kMostTenants = 1'000'000;
constexpr int kIdPage = 10'000;  // of ids alone

Status check_query(const GenerationSpec& spec, int number, const QueryVector& query) {
  if (spec.embedder != query.embedder) {
    return other_embedder(generation_name(number), spec.embedder, query.embedder);
  }
  if (query.values.size() != static_cast<std::size_t>(spec.dimension)) {
    return fail(ErrorKind::invalid, "the vector has dimension " +
                                        std::to_string(query.values.size()) + ", the index has " +
                                        std::to_string(spec.dimension));
  }
  if (!std::ranges::all_of(query.values, [](float value) { return std::isfinite(value); })) {
    return fail(ErrorKind::invalid, "the vector has a component that is not a finite number");
  }
  return {};
}

struct Counts {
  std::int64_t vectors = 0;
  std::int64_t tenants = 0;
};

class Index final : public QdrantIndex {
 public:
  Index(IndexOptions options, EpochStore& generations, Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        server_(options_, clock),
        book_(options_.prefix, generations, server_, clock),
        prober_(options_.prefix, server_, book_) {}

  Result<std::int64_t> take_over() override { return book_.take_over(); }
  Result<GenerationInfo> create_generation(const GenerationSpec& spec,
                                           std::int64_t epoch) override {
    return book_.create(spec, epoch);
  }
  Status drop_generation(int number, std::int64_t epoch) override {
    return book_.drop(number, epoch);
  }
  Status serve(int number, std::int64_t epoch) override { return book_.serve(number, epoch); }
  Result<std::vector<GenerationInfo>> generations() override;
  Status apply(int generation, std::span<const VectorChange> changes) override;
  Result<std::vector<SearchHit>> search(const TenantId& tenant, const QueryVector& query, int k,
                                        float min_score, const SearchText& text) override;
  Result<std::vector<SearchHit>> search_in(int generation, const TenantId& tenant,
                                           const QueryVector& query, int k, float min_score,
                                           const SearchText& text) override;
  Result<std::vector<IndexedUser>> scan(int generation, const TenantId& tenant, std::int64_t after,
                                        int limit) override;
  Result<KeptPoints> kept(int generation, const TenantId& tenant,
                          std::optional<std::int64_t> user_id) override;
  Status erase(int generation, const TenantId& tenant,
               std::optional<std::int64_t> user_id) override;
  std::optional<Error> trouble() const override { return prober_.trouble(); }
  std::vector<ServerFinding> examine() override { return qdrant::examine(server_, clock_); }
  Result<std::int64_t> sweep(Timestamp removed_before) override;

 private:
  struct Search;
  Result<std::vector<SearchHit>> ask(int number, const Search& search);
  Result<Json> points(int number, const char* what, std::string body);
  Result<Counts> count(int number);
  void forget_count(int number);
  Status index_removals(int number);
  // A 404 of a collection that the document names, after it was read anew.
  tl::unexpected<Error> lost(int number, const Error& error);

  const IndexOptions options_;
  Clock& clock_;
  Server server_;
  GenerationBook book_;
  std::mutex mutex_;  // guards the following
  std::map<int, std::pair<Counts, SteadyTime>> counts_;
  Prober prober_;  // last: its thread uses server and book
};

struct Index::Search {
  const TenantId& tenant;
  const QueryVector& query;
  const int k;
  const float min_score;
  const SearchText& text;
};

Result<Json> Index::points(int number, const char* what, std::string body) {
  return server_.ask({"POST", book_.path(number) + "/" + what, std::move(body)});
}

tl::unexpected<Error> Index::lost(int number, const Error& error) {
  if (error.kind != ErrorKind::not_found) return fail(error);
  if (auto found = book_.current(true); !found) {
    return fail(found.error());
  } else if (!found->specs.contains(number)) {
    return no_generation(number);
  }
  return book_.lost(number, error.cause);
}

Result<std::vector<GenerationInfo>> Index::generations() {
  const auto known = MESH_TRY(book_.current(true));
  std::vector<GenerationInfo> infos;
  for (const auto& [number, spec] : known.specs) {
    auto counts = count(number);
    if (!counts && counts.error().kind == ErrorKind::not_found) {
      // Dropped since the document was read, or lost: who searches it is told.
      counts = Counts{};
    }
    if (!counts) return fail(counts.error());
    const auto bytes = static_cast<std::uint64_t>(counts->vectors) *
                       static_cast<std::uint64_t>(spec.dimension) * sizeof(float);
    infos.push_back({generation_name(number), number, spec, number == known.serving,
                     counts->vectors, counts->tenants, bytes});
  }
  return infos;
}

// Without a filter: removals have no tenant. Not exact where strict mode forbids it; then points
// count twice for as long as the server moves them.
Result<Counts> Index::count(int number) {
  {
    std::lock_guard lock(mutex_);
    const auto it = counts_.find(number);
    if (it != counts_.end() && clock_.steady() < it->second.second + kCountedFor) {
      return it->second.first;
    }
  }
  const auto asked = clock_.steady();
  const auto answer = MESH_TRY(
      server_.ask({"POST", book_.path(number) + "/facet",
                   dump({{"key", "tenantId"}, {"limit", kMostTenants}, {"exact", false}})}));
  Counts counts;
  if (answer.is_object() && answer.contains("hits")) {
    for (const auto& hit : answer["hits"]) {
      if (!hit.is_object() || !hit.contains("count") || !hit["count"].is_number_integer()) continue;
      const auto held = hit["count"].get<std::int64_t>();
      counts.vectors += held;
      if (held > 0) ++counts.tenants;
    }
  }
  std::lock_guard lock(mutex_);
  counts_[number] = {counts, asked};
  return counts;
}

void Index::forget_count(int number) {
  std::lock_guard lock(mutex_);
  counts_.erase(number);
}

Status Index::apply(int generation, std::span<const VectorChange> changes) {
  const auto spec = MESH_TRY(book_.find(generation));
  if (changes.empty()) return {};
  const auto newest = MESH_TRY(newest_of(changes, spec.dimension));
  for (auto& body : upserts(newest, spec.dimension, clock_.now(), options_.max_body_bytes)) {
    auto done = server_.ask(
        {"PUT", book_.path(generation) + "/points?wait=true", std::move(body), true, true});
    forget_count(generation);
    if (!done) return lost(generation, done.error());
  }
  return {};
}

Result<std::vector<SearchHit>> Index::search(const TenantId& tenant, const QueryVector& query,
                                             int k, float min_score, const SearchText& text) {
  const Search search{tenant, query, k, min_score, text};
  for (const bool fresh : {false, true}) {
    const auto known = MESH_TRY(book_.current(fresh));
    if (known.serving == 0) return std::vector<SearchHit>{};
    if (auto fits = check_query(known.specs.at(known.serving), known.serving, query); !fits) {
      // Another generation may serve by now, which the caller has seen.
      if (!fresh && is_other_embedder(fits.error())) continue;
      return fail(fits.error());
    }
    if (k <= 0) return std::vector<SearchHit>{};
    auto hits = ask(known.serving, search);
    if (hits || hits.error().kind != ErrorKind::not_found) return hits;
    // Another generation may serve by now, and this one be gone.
    if (fresh) return lost(known.serving, hits.error());
  }
  return std::vector<SearchHit>{};
}

Result<std::vector<SearchHit>> Index::search_in(int generation, const TenantId& tenant,
                                                const QueryVector& query, int k, float min_score,
                                                const SearchText& text) {
  const auto spec = MESH_TRY(book_.find(generation));
  MESH_TRY(check_query(spec, generation, query));
  if (k <= 0) return std::vector<SearchHit>{};
  auto hits = ask(generation, {tenant, query, k, min_score, text});
  if (!hits) return lost(generation, hits.error());
  return hits;
}

Result<std::vector<SearchHit>> Index::ask(int number, const Search& search) {
  const auto& [tenant, query, k, min_score, text] = search;
  const auto wanted = static_cast<std::size_t>(text.empty() ? k : std::max(k, kCompeting));
  const double factor = factor_of(query.values);
  std::vector<SearchHit> exact;
  for (int limit = static_cast<int>(wanted) + kBeyond;; limit *= 4) {
    Json best;
    if (text.empty() || limit > static_cast<int>(wanted) + kBeyond) {
      auto answer = MESH_TRY(
          points(number, "points/query", best_query(tenant, query.values, limit, min_score)));
      best = std::move(answer);
    } else {
      const int most = std::max(kMostEqual, k);
      auto answer =
          MESH_TRY(points(number, "points/query/batch",
                          matching_queries(tenant, query.values, limit, min_score, text, most)));
      if (!answer.is_array() || answer.size() != 2) {
        return fail(ErrorKind::unavailable, "what answers at qdrant.url is no Qdrant server");
      }
      auto matching = MESH_TRY(hits_of(answer[1], tenant, factor));
      exact = std::move(matching);
      best = std::move(answer[0]);
    }
    auto hits = MESH_TRY(hits_of(best, tenant, factor));
    const bool all = hits.size() < static_cast<std::size_t>(limit);
    if (!all && hits.back().score == hits[wanted - 1].score && limit < kMostTied) continue;
    std::erase_if(hits, [&](const SearchHit& hit) { return hit.score < search.min_score; });
    keep_first(hits, {}, wanted);
    // One that matches exactly is a hit already, and must not be one twice.
    std::erase_if(hits, [&](const SearchHit& hit) {
      return std::ranges::find(exact, hit.user_id, &SearchHit::user_id) != exact.end();
    });
    hits.insert(hits.end(), exact.begin(), exact.end());
    keep_first(hits, text, static_cast<std::size_t>(k));
    return hits;
  }
}

Result<std::vector<IndexedUser>> Index::scan(int generation, const TenantId& tenant,
                                             std::int64_t after, int limit) {
  (void)MESH_TRY(book_.find(generation));
  // Whoever compares what is there with how much it is wants the count of now, not of a while ago.
  forget_count(generation);
  std::vector<IndexedUser> users;
  for (int left = limit; left > 0;) {
    const int page = std::min(left, kPage);
    const auto answer = points(generation, "points/scroll", users_page(tenant, after, page));
    if (!answer) return lost(generation, answer.error());
    const auto found = MESH_TRY(users_of(*answer));
    users.insert(users.end(), found.begin(), found.end());
    if (found.size() < static_cast<std::size_t>(page)) break;
    after = found.back().user_id;
    left -= page;
  }
  return users;
}

Status Index::index_removals(int number) {
  const int version = MESH_TRY(server_.minor_version());
  const auto made = server_.ask({"PUT", book_.path(number) + "/index?wait=true",
                                 removals_index(version), true, true, kPatience});
  if (!made) return lost(number, made.error());
  return {};
}

// By their ids, a page after the other: the server's count is an estimate unless it is exact, which
// strict mode forbids.
Result<KeptPoints> Index::kept(int generation, const TenantId& tenant,
                               std::optional<std::int64_t> user_id) {
  (void)MESH_TRY(book_.find(generation));
  if (!user_id) MESH_TRY(index_removals(generation));
  KeptPoints kept;
  std::string from;
  do {
    const auto answer =
        points(generation, "points/scroll", kept_page(tenant, user_id, from, kIdPage));
    if (!answer) return lost(generation, answer.error());
    const auto page = MESH_TRY(kept_of(*answer));
    kept.vectors += page.vectors;
    kept.removals += page.removals;
    from = next_page_of(*answer);
  } while (!from.empty());
  return kept;
}

Status Index::erase(int generation, const TenantId& tenant, std::optional<std::int64_t> user_id) {
  (void)MESH_TRY(book_.find(generation));
  if (!user_id) MESH_TRY(index_removals(generation));
  const auto done = server_.ask({"POST", book_.path(generation) + "/points/delete?wait=true",
                                 drop_kept(tenant, user_id), true, true, kPatience});
  forget_count(generation);
  if (!done) return lost(generation, done.error());
  return {};
}

Result<std::int64_t> Index::sweep(Timestamp removed_before) {
  const auto known = MESH_TRY(book_.current(true));
  std::int64_t dropped = 0;
  for (const auto& [number, spec] : known.specs) {
    for (std::vector<std::string> before;;) {
      const auto answer = points(number, "points/scroll", removals_page(removed_before, kPage));
      if (!answer && answer.error().kind == ErrorKind::not_found) break;  // it was dropped
      if (!answer) return fail(answer.error());
      auto ids = MESH_TRY(ids_of(*answer));
      // The same again: the server does not drop what it said that it dropped.
      if (ids.empty() || ids == before) break;
      const auto done = server_.ask({"POST", book_.path(number) + "/points/delete?wait=true",
                                     drop_removals(ids, removed_before), true, true});
      if (!done && done.error().kind == ErrorKind::not_found) break;
      if (!done) return fail(done.error());
      dropped += static_cast<std::int64_t>(ids.size());
      before = std::move(ids);
    }
  }
  return dropped;
}

Status check(const IndexOptions& options) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  if (!std::ranges::all_of(options.prefix, allowed) || options.prefix.size() > 100) {
    return fail(ErrorKind::invalid,
                "qdrant.prefix takes up to 100 letters, digits, '_', '-' and '.', not \"" +
                    options.prefix + "\"");
  }
  if (!options.url.starts_with("http://") && !options.url.starts_with("https://")) {
    return fail(ErrorKind::invalid,
                "qdrant.url must begin with http:// or https://, not \"" + options.url + "\"");
  }
  if (options.connections < 1 || options.timeout.count() < 1) {
    return fail(ErrorKind::invalid, "an index in Qdrant needs a time-out and a connection");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<QdrantIndex>> QdrantIndex::open(IndexOptions options,
                                                       EpochStore& generations, Clock& clock) {
  while (options.url.ends_with('/')) options.url.pop_back();
  MESH_TRY(check(options));
  return std::make_unique<Index>(std::move(options), generations, clock);
}

}  // namespace mesh::qdrant
