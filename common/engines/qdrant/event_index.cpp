#include "common/engines/qdrant/event_index.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "common/engines/qdrant/bodies.h"
#include "common/engines/qdrant/counts.h"
#include "common/engines/qdrant/event_points.h"
#include "common/engines/qdrant/event_types.h"
#include "common/engines/qdrant/prober.h"

namespace mesh::qdrant {
namespace {

// Asked for beyond the k-th, as for users.
constexpr int kBeyondEvents = 16;
constexpr int kMostTiedEvents = 1'000;
constexpr int kEventIdPage = 10'000;  // of ids alone
constexpr int kIdfOfTenants = 19;     // the minor version that has it

static_assert(QdrantEvents::kSettle >= GenerationBook::kKeptFor);

using Hits = std::vector<EventHit>;

// What is to be written of one type.
struct TypeBatch {
  std::shared_ptr<GenerationBook> book;
  std::vector<const EventDocument*> documents;
  std::set<int> written;  // generations
};

// The newest first where scores are equal.
bool before(const EventHit& a, const EventHit& b) {
  if (a.score != b.score) return a.score > b.score;
  if (a.time != b.time) return a.time > b.time;
  if (a.position.offset != b.position.offset) return a.position.offset > b.position.offset;
  return a.event_id < b.event_id;
}

// That each has the vectors of those that are not written yet.
Status check_documents(const TypeBatch& batch, const Generations& generations) {
  for (const auto& [number, spec] : generations.specs) {
    if (batch.written.contains(number)) continue;
    for (const auto* document : batch.documents) {
      const auto it = document->vectors.find(spec.embedder);
      if (it == document->vectors.end()) {
        return fail(ErrorKind::conflict, "the event has no vector of the embedder of " +
                                             batch.book->name(number) +
                                             ", which was made meanwhile: make it and try again");
      }
      MESH_TRY(check_vector(it->second, spec.dimension));
    }
  }
  return {};
}

class Events final : public QdrantEvents {
 public:
  Events(IndexOptions options, EpochStore& store, Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        server_(options_, clock),
        types_(options_.prefix, store, server_, clock),
        counts_(server_, clock),
        prober_(user_book(options_.prefix).alias, server_, [this] { return types_.known(); }) {}

  Result<EventGeneration> create(std::string_view type, const GenerationSpec& spec) override {
    auto info = MESH_TRY(types_.create(type, spec));
    return EventGeneration{std::string(type), std::move(info)};
  }
  Status serve(std::string_view type, int number) override { return types_.serve(type, number); }
  Status drop(std::string_view type, int number) override { return types_.drop(type, number); }
  Status forget(std::string_view type) override { return types_.forget(type); }
  Result<std::vector<EventGeneration>> generations() override;
  Result<std::vector<EventSpec>> specs() override;
  Status apply(std::span<const EventDocument> documents) override;
  Result<Hits> search_vectors(const TenantId& tenant, const EventScope& scope,
                              const QueryVector& query, int k, float min_score) override;
  Result<Hits> search_words(const TenantId& tenant, const EventScope& scope, const Terms& terms,
                            int k) override;
  Status erase_below(const TopicPartition& partition, std::int64_t offset) override {
    return erase_all(events_below(partition, offset));
  }
  Status erase(const TenantId& tenant, std::optional<std::string_view> subject,
               std::optional<Timestamp> before) override {
    return erase_all(events_of(tenant, subject, before));
  }
  Result<KeptEvents> kept(const TenantId& tenant, std::optional<std::string_view> subject) override;
  std::optional<Error> trouble() const override { return prober_.trouble(); }

 private:
  // Calls it for every generation of every type; `not_found` of one that was dropped meanwhile is
  // no error.
  template <typename Visit>
  Status each_generation(Visit visit);
  template <typename Ask>
  Result<Hits> in_serving(const std::string& type, const QueryVector* query, Ask ask);
  template <typename Body>
  Result<Hits> best(const std::string& path, const TenantId& tenant, int k, float min_score,
                    double factor, Body body_of);
  Status write(TypeBatch& batch, GenerationBook::Seen seen);
  Status write_to(const TypeBatch& batch, int number, const std::string& embedder);
  Status erase_all(const Json& filter);

  const IndexOptions options_;
  Clock& clock_;
  Server server_;
  EventTypes types_;
  PointCounts counts_;
  Prober prober_;  // last: its thread uses server and types
};

Result<std::vector<EventGeneration>> Events::generations() {
  std::vector<EventGeneration> all;
  for (const auto& type : MESH_TRY(types_.all())) {
    for (auto& info : MESH_TRY(infos_of(*types_.book(type), counts_))) {
      all.push_back({type, std::move(info)});
    }
  }
  return all;
}

Result<std::vector<EventSpec>> Events::specs() {
  std::vector<EventSpec> all;
  for (const auto& type : MESH_TRY(types_.all())) {
    const auto known = MESH_TRY(types_.book(type)->current(true));
    for (const auto& [number, spec] : known.specs) {
      all.push_back({type, number, spec, number == known.serving});
    }
  }
  return all;
}

Status Events::apply(std::span<const EventDocument> documents) {
  std::map<std::string, std::map<std::string, const EventDocument*>> last;  // by type and point
  for (const auto& document : documents) {
    if (!types_.check(document.type)) continue;  // it has no generations
    last[document.type][event_point_id(document.tenant, document.event_id)] = &document;
  }
  std::vector<std::pair<TypeBatch, GenerationBook::Seen>> batches;
  for (const auto& [type, points] : last) {
    TypeBatch batch{types_.book(type), {}, {}};
    for (const auto& [id, document] : points) batch.documents.push_back(document);
    auto seen = MESH_TRY(batch.book->seen());
    MESH_TRY(check_documents(batch, seen.generations));
    batches.emplace_back(std::move(batch), std::move(seen));
  }
  for (auto& [batch, seen] : batches) MESH_TRY(write(batch, std::move(seen)));
  return {};
}

// Whatever was made more than kKeptFor before it ends is among what it writes to.
Status Events::write(TypeBatch& batch, GenerationBook::Seen seen) {
  for (;;) {
    for (const auto& [number, spec] : seen.generations.specs) {
      if (!batch.written.insert(number).second) continue;
      MESH_TRY(write_to(batch, number, spec.embedder));
    }
    if (clock_.steady() < seen.at + GenerationBook::kKeptFor) return {};
    seen = MESH_TRY(batch.book->seen(true));
    const bool all = std::ranges::all_of(
        seen.generations.specs, [&](const auto& one) { return batch.written.contains(one.first); });
    if (all) return {};
    MESH_TRY(check_documents(batch, seen.generations));
  }
}

Status Events::write_to(const TypeBatch& batch, int number, const std::string& embedder) {
  const auto path = batch.book->path(number);
  for (auto& body : event_upserts(batch.documents, embedder, options_.max_body_bytes)) {
    const auto done = server_.ask({"PUT", path + "/points?wait=true", std::move(body), true, true});
    counts_.forget(path);
    if (done) continue;
    const auto why = batch.book->refused(number, done.error());
    // Dropped meanwhile: nobody misses it there.
    if (why.value().kind == ErrorKind::not_found) return {};
    return why;
  }
  return {};
}

template <typename Ask>
Result<Hits> Events::in_serving(const std::string& type, const QueryVector* query, Ask ask) {
  if (!types_.check(type)) return Hits{};
  const auto book = types_.book(type);
  for (const bool fresh : {false, true}) {
    const auto known = MESH_TRY(book->current(fresh));
    if (known.serving == 0) return Hits{};
    const auto fits = query == nullptr ? Status{}
                                       : check_query(known.specs.at(known.serving),
                                                     book->name(known.serving), *query);
    if (!fits) {
      // Another generation may serve by now, which the caller has seen.
      if (!fresh && is_other_embedder(fits.error())) continue;
      return fail(fits.error());
    }
    Result<Hits> hits = ask(book->path(known.serving));
    if (hits || hits.error().kind != ErrorKind::not_found) return hits;
    // Another generation may serve by now, and this one be gone.
    if (fresh) return book->refused(known.serving, hits.error());
  }
  return Hits{};
}

template <typename Body>
Result<Hits> Events::best(const std::string& path, const TenantId& tenant, int k, float min_score,
                          double factor, Body body_of) {
  const auto wanted = static_cast<std::size_t>(k);
  for (int limit = k + kBeyondEvents;; limit *= 4) {
    const auto answer = MESH_TRY(server_.ask({"POST", path + "/points/query", body_of(limit)}));
    auto hits = MESH_TRY(event_hits_of(answer, tenant, factor));
    const bool all = hits.size() < static_cast<std::size_t>(limit);
    if (!all && hits.back().score == hits[wanted - 1].score && limit < kMostTiedEvents) continue;
    std::erase_if(hits, [&](const EventHit& hit) { return hit.score < min_score; });
    std::ranges::sort(hits, before);
    if (hits.size() > wanted) hits.resize(wanted);
    return hits;
  }
}

Result<Hits> Events::search_vectors(const TenantId& tenant, const EventScope& scope,
                                    const QueryVector& query, int k, float min_score) {
  const auto filter = event_filter(tenant, scope);
  return in_serving(scope.type, &query, [&](const std::string& path) -> Result<Hits> {
    if (k <= 0 || !filter) return Hits{};
    auto hits = MESH_TRY(best(path, tenant, k, min_score, factor_of(query.values), [&](int limit) {
      return nearest_events(*filter, query.values, limit, min_score);
    }));
    // A sum of squares of 32 bits may come out a little beyond 1.
    for (auto& hit : hits) hit.score = std::clamp(hit.score, -1.0F, 1.0F);
    return hits;
  });
}

Result<Hits> Events::search_words(const TenantId& tenant, const EventScope& scope,
                                  const Terms& terms, int k) {
  const auto filter = event_filter(tenant, scope);
  if (k <= 0 || !filter || terms.terms.empty()) return Hits{};
  return in_serving(scope.type, nullptr, [&](const std::string& path) -> Result<Hits> {
    const bool own_idf = MESH_TRY(server_.minor_version()) >= kIdfOfTenants;
    return best(path, tenant, k, 0, 1,
                [&](int limit) { return matching_events(tenant, *filter, terms, limit, own_idf); });
  });
}

template <typename Visit>
Status Events::each_generation(Visit visit) {
  for (const auto& type : MESH_TRY(types_.all())) {
    const auto book = types_.book(type);
    const auto known = MESH_TRY(book->current(true));
    for (const auto& [number, spec] : known.specs) {
      const Status done = visit(book->path(number));
      if (done) continue;
      const auto why = book->refused(number, done.error());
      if (why.value().kind != ErrorKind::not_found) return why;
    }
  }
  return {};
}

Status Events::erase_all(const Json& filter) {
  const auto body = dump({{"filter", filter}});
  return each_generation([&](const std::string& path) -> Status {
    const auto done =
        server_.ask({"POST", path + "/points/delete?wait=true", body, true, true, kPatience});
    counts_.forget(path);
    if (!done) return fail(done.error());
    return {};
  });
}

// By their ids, a page after the other, since strict mode forbids exact counts.
Result<KeptEvents> Events::kept(const TenantId& tenant, std::optional<std::string_view> subject) {
  const auto filter = events_of(tenant, subject, std::nullopt);
  KeptEvents kept;
  MESH_TRY(each_generation([&](const std::string& path) -> Status {
    std::int64_t count = 0;
    std::string from;
    do {
      const auto answer = MESH_TRY(
          server_.ask({"POST", path + "/points/scroll", events_page(filter, from, kEventIdPage)}));
      count += events_in(answer);
      from = next_page_of(answer);
    } while (!from.empty());
    kept.documents += count;
    return {};
  }));
  return kept;
}

}  // namespace

Result<std::unique_ptr<QdrantEvents>> open_event_index(IndexOptions options,
                                                       EpochStore& generations, Clock& clock) {
  auto good = MESH_TRY(checked(std::move(options)));
  return std::make_unique<Events>(std::move(good), generations, clock);
}

}  // namespace mesh::qdrant
