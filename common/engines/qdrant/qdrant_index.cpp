#include "common/engines/qdrant/qdrant_index.h"

#include <algorithm>

#include "common/engines/qdrant/bodies.h"
#include "common/engines/qdrant/counts.h"
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
constexpr int kIdPage = 10'000;  // of ids alone

class Index final : public QdrantIndex {
 public:
  Index(IndexOptions options, EpochStore& generations, Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        server_(options_, clock),
        book_(std::make_shared<GenerationBook>(user_book(options_.prefix), generations, server_,
                                               clock)),
        counts_(server_, clock),
        prober_(user_book(options_.prefix).alias, server_,
                [book = book_] { return std::vector{book}; }) {}

  Result<std::int64_t> take_over() override { return book_->take_over(); }
  Result<GenerationInfo> create_generation(const GenerationSpec& spec,
                                           std::int64_t epoch) override {
    return book_->create(spec, epoch);
  }
  Status drop_generation(int number, std::int64_t epoch) override {
    return book_->drop(number, epoch);
  }
  Status serve(int number, std::int64_t epoch) override { return book_->serve(number, epoch); }
  Result<std::vector<GenerationInfo>> generations() override { return infos_of(*book_, counts_); }
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
  Status index_removals(int number);

  const IndexOptions options_;
  Clock& clock_;
  Server server_;
  const std::shared_ptr<GenerationBook> book_;
  PointCounts counts_;
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
  return server_.ask({"POST", book_->path(number) + "/" + what, std::move(body)});
}

Status Index::apply(int generation, std::span<const VectorChange> changes) {
  const auto spec = MESH_TRY(book_->find(generation));
  if (changes.empty()) return {};
  const auto newest = MESH_TRY(newest_of(changes, spec.dimension));
  for (auto& body : upserts(newest, spec.dimension, clock_.now(), options_.max_body_bytes)) {
    auto done = server_.ask(
        {"PUT", book_->path(generation) + "/points?wait=true", std::move(body), true, true});
    counts_.forget(book_->path(generation));
    if (!done) return book_->refused(generation, done.error());
  }
  return {};
}

Result<std::vector<SearchHit>> Index::search(const TenantId& tenant, const QueryVector& query,
                                             int k, float min_score, const SearchText& text) {
  const Search search{tenant, query, k, min_score, text};
  for (const bool fresh : {false, true}) {
    const auto known = MESH_TRY(book_->current(fresh));
    if (known.serving == 0) return std::vector<SearchHit>{};
    if (auto fits = check_query(known.specs.at(known.serving), book_->name(known.serving), query);
        !fits) {
      // Another generation may serve by now, which the caller has seen.
      if (!fresh && is_other_embedder(fits.error())) continue;
      return fail(fits.error());
    }
    if (k <= 0) return std::vector<SearchHit>{};
    auto hits = ask(known.serving, search);
    if (hits || hits.error().kind != ErrorKind::not_found) return hits;
    // Another generation may serve by now, and this one be gone.
    if (fresh) return book_->refused(known.serving, hits.error());
  }
  return std::vector<SearchHit>{};
}

Result<std::vector<SearchHit>> Index::search_in(int generation, const TenantId& tenant,
                                                const QueryVector& query, int k, float min_score,
                                                const SearchText& text) {
  const auto spec = MESH_TRY(book_->find(generation));
  MESH_TRY(check_query(spec, book_->name(generation), query));
  if (k <= 0) return std::vector<SearchHit>{};
  auto hits = ask(generation, {tenant, query, k, min_score, text});
  if (!hits) return book_->refused(generation, hits.error());
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
  (void)MESH_TRY(book_->find(generation));
  // Whoever compares what is there with how much it is wants the count of now, not of a while ago.
  counts_.forget(book_->path(generation));
  std::vector<IndexedUser> users;
  for (int left = limit; left > 0;) {
    const int page = std::min(left, kPage);
    const auto answer = points(generation, "points/scroll", users_page(tenant, after, page));
    if (!answer) return book_->refused(generation, answer.error());
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
  const auto made = server_.ask({"PUT", book_->path(number) + "/index?wait=true",
                                 removals_index(version), true, true, kPatience});
  if (!made) return book_->refused(number, made.error());
  return {};
}

// By their ids, a page after the other: the server's count is an estimate unless it is exact, which
// strict mode forbids.
Result<KeptPoints> Index::kept(int generation, const TenantId& tenant,
                               std::optional<std::int64_t> user_id) {
  (void)MESH_TRY(book_->find(generation));
  if (!user_id) MESH_TRY(index_removals(generation));
  KeptPoints kept;
  std::string from;
  do {
    const auto answer =
        points(generation, "points/scroll", kept_page(tenant, user_id, from, kIdPage));
    if (!answer) return book_->refused(generation, answer.error());
    const auto page = MESH_TRY(kept_of(*answer));
    kept.vectors += page.vectors;
    kept.removals += page.removals;
    from = next_page_of(*answer);
  } while (!from.empty());
  return kept;
}

Status Index::erase(int generation, const TenantId& tenant, std::optional<std::int64_t> user_id) {
  (void)MESH_TRY(book_->find(generation));
  if (!user_id) MESH_TRY(index_removals(generation));
  const auto done = server_.ask({"POST", book_->path(generation) + "/points/delete?wait=true",
                                 drop_kept(tenant, user_id), true, true, kPatience});
  counts_.forget(book_->path(generation));
  if (!done) return book_->refused(generation, done.error());
  return {};
}

Result<std::int64_t> Index::sweep(Timestamp removed_before) {
  const auto known = MESH_TRY(book_->current(true));
  std::int64_t dropped = 0;
  for (const auto& [number, spec] : known.specs) {
    for (std::vector<std::string> before;;) {
      const auto answer = points(number, "points/scroll", removals_page(removed_before, kPage));
      if (!answer && answer.error().kind == ErrorKind::not_found) break;  // it was dropped
      if (!answer) return fail(answer.error());
      auto ids = MESH_TRY(ids_of(*answer));
      // The same again: the server does not drop what it said that it dropped.
      if (ids.empty() || ids == before) break;
      const auto done = server_.ask({"POST", book_->path(number) + "/points/delete?wait=true",
                                     drop_removals(ids, removed_before), true, true});
      if (!done && done.error().kind == ErrorKind::not_found) break;
      if (!done) return fail(done.error());
      dropped += static_cast<std::int64_t>(ids.size());
      before = std::move(ids);
    }
  }
  return dropped;
}

}  // namespace

Result<std::unique_ptr<QdrantIndex>> QdrantIndex::open(IndexOptions options,
                                                       EpochStore& generations, Clock& clock) {
  auto good = MESH_TRY(checked(std::move(options)));
  return std::make_unique<Index>(std::move(good), generations, clock);
}

}  // namespace mesh::qdrant
