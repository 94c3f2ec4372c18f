#include "common/engines/sqlite/events/event_search.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/events/fields_codec.h"
#include "common/engines/sqlite/events/keyed_rows.h"
#include "common/engines/vectors/codes.h"

namespace mesh::sqlite {
namespace {

using Hits = std::vector<EventHit>;

// What a tenant has in the generation that serves.
struct Served {
  int dimension = 0;
  std::string embedder;
  std::int64_t partition = 0;  // 0: nothing
  std::int64_t documents = 0;
  std::int64_t length = 0;
  KeyRange keys() const { return keys_of(partition); }
};

Result<std::optional<Served>> served_to(Database& db, const TenantId& tenant,
                                        const std::string& type) {
  return first_row(
      query(db,
            "SELECT g.dimension, g.embedder, coalesce(p.id, 0), coalesce(p.documents, 0),"
            " coalesce(p.length, 0) FROM generations g LEFT JOIN partitions p"
            " ON p.generation = g.id AND p.tenant = ?2"
            " WHERE g.type = ?1 AND g.serving = 1 AND g.dropped = 0",
            type, tenant),
      [](const Statement& row) {
        return Served{static_cast<int>(row.integer(0)), std::string(row.text(1)), row.integer(2),
                      row.integer(3), row.integer(4)};
      });
}

// Where a scope names no bound it is one that every event keeps.
struct Times {
  explicit Times(const EventScope& scope)
      : from(scope.from.value_or(Timestamp::min()).time_since_epoch().count()),
        last(scope.to ? scope.to->time_since_epoch().count() - 1
                      : Timestamp::max().time_since_epoch().count()) {}
  std::int64_t from, last;
  bool contain(std::int64_t time) const { return time >= from && time <= last; }
};

struct Scored {
  float score = 0;
  std::int64_t time = 0;
  std::int64_t id = 0;
  // The best first: ties by newest, and of the same time by what was written last.
  friend bool operator<(const Scored& a, const Scored& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.time != b.time ? a.time > b.time : a.id > b.id;
  }
};

std::vector<std::int64_t> sorted_ids(std::span<const Scored> scored) {
  std::vector<std::int64_t> ids;
  ids.reserve(scored.size());
  for (const auto& one : scored) ids.push_back(one.id);
  std::ranges::sort(ids);
  return ids;
}

// Brings the k best to the front, in order, and leaves the others out.
void keep_best(std::vector<Scored>& scored, std::size_t k) {
  const auto end = scored.begin() + static_cast<std::ptrdiff_t>(std::min(k, scored.size()));
  std::partial_sort(scored.begin(), end, scored.end());
  scored.erase(end, scored.end());
}

Result<EventHit> hit_of(const Statement& row, float score) {
  auto fields = MESH_TRY(decode_fields(row.text(2)));
  return EventHit{
      std::string(row.text(3)),
      std::string(row.text(4)),
      {std::string(row.text(5)), static_cast<std::int32_t>(row.integer(6)), row.integer(7)},
      timestamp(row, 1),
      std::string(row.text(8)),
      std::move(fields),
      score};
}

// What is shown of each, in the order given.
Result<Hits> hits_of(Database& db, std::span<const Scored> scored) {
  Hits hits;
  hits.reserve(scored.size());
  auto find = MESH_TRY(
      db.prepare("SELECT d.id, d.time, d.fields, d.event_id, d.subject, t.name, d.part, d.offset,"
                 " d.title FROM documents d JOIN topics t ON t.id = d.topic WHERE d.id = ?1"));
  for (const auto& one : scored) {
    const auto there = MESH_TRY(find.bind(1, one.id).step());
    if (!there) return fail(damaged_file("events.db", "an event is missing that has a code"));
    hits.push_back(MESH_TRY(hit_of(find, one.score)));
    find.reset();
  }
  return hits;
}

// Those of the partition that the filter takes, by key.
Result<std::vector<std::int64_t>> filtered(Database& db, const Served& served,
                                           const EventFilter& filter, const Times& times) {
  std::vector<std::int64_t> ids;
  const auto keys = served.keys();
  MESH_TRY(each_row(query(db,
                          "SELECT id, fields FROM documents WHERE id BETWEEN ?1 AND ?2"
                          " AND time BETWEEN ?3 AND ?4 ORDER BY id",
                          keys.first, keys.last, times.from, times.last),
                    [&](const Statement& row) -> Status {
                      const auto takes = MESH_TRY(stored_holds(filter, row.text(1)));
                      if (takes) ids.push_back(row.integer(0));
                      return {};
                    }));
  return ids;
}

// Scores the high bytes of codes, some hundred at once as the kernel likes it.
class CoarseScan {
 public:
  CoarseScan(const vectors::Query& query, int dimension)
      : query_(query),
        dimension_(static_cast<std::size_t>(dimension)),
        padded_(vectors::padded(dimension)),
        rows_(kRows * padded_, 0) {
    pending_.reserve(kRows);
  }

  // A row of id, time, scale, high.
  Status add(const Statement& row) {
    const auto high = row.text(3);
    if (high.size() != dimension_) {
      return fail(damaged_file("events.db", "a code has not the dimension of its generation"));
    }
    std::memcpy(rows_.data() + pending_.size() * padded_, high.data(), high.size());
    const auto scale = static_cast<float>(row.real(2));
    largest_ = std::max(largest_, scale);
    pending_.push_back({scale, row.integer(1), row.integer(0)});
    if (pending_.size() == kRows) flush();
    return {};
  }
  // The scores of all that were added, each off by at most half of margin().
  std::vector<Scored> take() {
    flush();
    return std::move(scored_);
  }
  float margin() const { return query_.margin(largest_); }

 private:
  static constexpr std::size_t kRows = 256;

  void flush() {
    vectors::dot_rows(rows_.data(), padded_, pending_.size(), query_.code(), dots_);
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      auto one = pending_[i];  // whose score is its scale yet
      one.score = query_.coarse_score(one.score, dots_[i]);
      scored_.push_back(one);
    }
    pending_.clear();
  }

  const vectors::Query& query_;
  const std::size_t dimension_, padded_;
  std::vector<std::uint8_t> rows_;
  std::vector<Scored> pending_;
  std::vector<Scored> scored_;
  std::int32_t dots_[kRows];
  float largest_ = 0;
};

Status scan_codes(Database& db, const Served& served, const EventScope& scope, CoarseScan& scan) {
  constexpr std::string_view kCodes =
      "SELECT id, time, scale, high FROM coarse WHERE id BETWEEN ?1 AND ?2"
      " AND time BETWEEN ?3 AND ?4 ORDER BY id";
  const Times times(scope);
  const auto use = [&](const Statement& row) { return scan.add(row); };
  if (scope.filter.empty()) {
    const auto keys = served.keys();
    return each_row(query(db, kCodes, keys.first, keys.last, times.from, times.last), use);
  }
  const auto ids = MESH_TRY(filtered(db, served, scope.filter, times));
  const auto bind = [&](Statement& rows) { rows.bind(3, times.from).bind(4, times.last); };
  return each_keyed_row(db, kCodes, ids, served.documents, bind, use);
}

// Scores with all bytes; `scored` are of coarse scores.
Status score_finely(Database& db, const Served& served, const vectors::Query& query,
                    std::vector<Scored>& scored) {
  std::ranges::sort(scored, {}, &Scored::id);
  const auto ids = sorted_ids(scored);
  std::size_t next = 0;
  MESH_TRY(each_keyed_row(
      db,
      "SELECT c.id, c.scale, c.high, f.low FROM coarse c JOIN fine f ON f.id = c.id"
      " WHERE c.id BETWEEN ?1 AND ?2 ORDER BY c.id",
      ids, served.documents, [](Statement&) {},
      [&](const Statement& row) -> Status {
        while (scored[next].id != row.integer(0)) ++next;
        const auto high = row.text(2), low = row.text(3);
        if (high.size() != low.size()) {
          return fail(damaged_file("events.db", "the halves of a code are not of one length"));
        }
        scored[next].score = query.fine_score({static_cast<float>(row.real(1)), high, low});
        return {};
      }));
  return {};
}

// The documents that have one of the words, by BM25, the best first; without their times.
Result<std::vector<Scored>> score_words(Database& db, const Served& served, const Terms& terms) {
  struct Posting {
    std::int64_t document, count, length;
  };
  const auto first = served.keys().first;
  const auto documents = static_cast<double>(served.documents);
  const double average = static_cast<double>(served.length) / documents;
  std::unordered_map<std::int64_t, double> sums;
  std::vector<Posting> postings;
  for (const auto& term : terms.terms) {
    postings.clear();
    MESH_TRY(each_row(query(db,
                            "SELECT document, count, length FROM postings"
                            " WHERE partition = ?1 AND term = ?2",
                            served.partition, term.id),
                      [&](const Statement& row) -> Status {
                        postings.push_back({row.integer(0), row.integer(1), row.integer(2)});
                        return {};
                      }));
    for (const auto& posting : postings) {
      sums[posting.document] +=
          bm25(documents, static_cast<double>(postings.size()), static_cast<double>(posting.count),
               static_cast<double>(posting.length), average);
    }
  }
  std::vector<Scored> scored;
  scored.reserve(sums.size());
  for (const auto& [document, sum] : sums) {
    scored.push_back({static_cast<float>(sum), 0, first + document});
  }
  std::sort(scored.begin(), scored.end());
  return scored;
}

// Those of `some` that the scope takes, with their times.
Result<std::vector<Scored>> in_scope(Database& db, const Served& served, const EventScope& scope,
                                     std::span<const Scored> some) {
  std::unordered_map<std::int64_t, float> scores;
  for (const auto& one : some) scores.emplace(one.id, one.score);
  const auto ids = sorted_ids(some);
  const Times times(scope);
  std::vector<Scored> taken;
  MESH_TRY(each_keyed_row(
      db, "SELECT id, time, fields FROM documents WHERE id BETWEEN ?1 AND ?2 ORDER BY id", ids,
      served.documents, [](Statement&) {},
      [&](const Statement& row) -> Status {
        if (!times.contain(row.integer(1))) return {};
        const auto takes = MESH_TRY(stored_holds(scope.filter, row.text(2)));
        if (takes) taken.push_back({scores.at(row.integer(0)), row.integer(1), row.integer(0)});
        return {};
      }));
  return taken;
}

}  // namespace

Result<Hits> find_by_vector(Database& db, const TenantId& tenant, const EventScope& scope,
                            const QueryVector& asked, int k, float min_score) {
  const auto served = MESH_TRY(served_to(db, tenant, scope.type));
  if (!served) return Hits{};
  if (served->embedder != asked.embedder) {
    return fail(
        ErrorKind::unavailable,
        "searches of " + scope.type +
            " wait for an index of the configured embedder, which has to be built",
        "it was made with " + served->embedder + ", the query with " + std::string(asked.embedder));
  }
  if (asked.values.size() != static_cast<std::size_t>(served->dimension)) {
    return fail(ErrorKind::invalid, "the vector has dimension " +
                                        std::to_string(asked.values.size()) + ", the index has " +
                                        std::to_string(served->dimension));
  }
  const auto query = MESH_TRY(vectors::Query::make(asked.values));
  if (k <= 0 || served->documents == 0) return Hits{};
  CoarseScan scan(query, served->dimension);
  MESH_TRY(scan_codes(db, *served, scope, scan));
  auto scored = scan.take();
  // Coarse scores are cosines, fine ones the products that were asked for.
  float least = query.cosine_of(min_score);
  const auto best = static_cast<std::size_t>(k);
  if (scored.size() > best) {
    const auto kth = scored.begin() + static_cast<std::ptrdiff_t>(best - 1);
    std::nth_element(scored.begin(), kth, scored.end());
    least = std::max(least, kth->score);
  }
  std::erase_if(scored, [&](const Scored& one) { return one.score < least - scan.margin(); });
  MESH_TRY(score_finely(db, *served, query, scored));
  std::erase_if(scored, [&](const Scored& one) { return one.score < min_score; });
  keep_best(scored, best);
  return hits_of(db, scored);
}

Result<Hits> find_by_words(Database& db, const TenantId& tenant, const EventScope& scope,
                           const Terms& terms, int k) {
  const auto served = MESH_TRY(served_to(db, tenant, scope.type));
  if (!served || k <= 0 || served->documents == 0) return Hits{};
  const auto scored = MESH_TRY(score_words(db, *served, terms));
  const auto best = static_cast<std::size_t>(k);
  std::vector<Scored> found;
  // Of equal scores all are read, since the newest of them are wanted.
  std::size_t from = 0, step = std::max<std::size_t>(2 * best, 64);
  while (from < scored.size() && found.size() < best) {
    std::size_t to = std::min(from + step, scored.size());
    while (to < scored.size() && scored[to].score == scored[to - 1].score) ++to;
    const auto some =
        MESH_TRY(in_scope(db, *served, scope, std::span(scored).subspan(from, to - from)));
    found.insert(found.end(), some.begin(), some.end());
    from = to;
    step *= 4;  // a filter that takes few: soon a scan is quicker
  }
  keep_best(found, best);
  return hits_of(db, found);
}

}  // namespace mesh::sqlite
