#include "daemon/pipeline/generations/search_users.h"

#include <algorithm>

namespace mesh::pipeline {
namespace {

using Hits = std::vector<SearchHit>;

// Those who match as a prefix are looked for among so many, and stand before who scores more.
constexpr int kPrefixes = 10;

Result<Hits> ask(VectorIndex& index, const UserSearch& search, const std::vector<float>& vector) {
  const QueryVector by{vector, search.embedder};
  if (!search.generation) {
    return index.search(search.tenant, by, search.limit, search.min_score, search.text);
  }
  return index.search_in(*search.generation, search.tenant, by, search.limit, search.min_score,
                         search.text);
}

// Of all users, though `hits` are bounded by a score.
Result<std::optional<float>> best_score(VectorIndex& index, UserSearch search,
                                        const std::vector<float>& vector, const Hits& hits) {
  if (!hits.empty()) return std::ranges::max_element(hits, {}, &SearchHit::score)->score;
  search.text = {};
  search.min_score = -1;
  const auto best = MESH_TRY(ask(index, search, vector));
  return best.empty() ? std::nullopt : std::optional(best.front().score);
}

}  // namespace

Result<UsersFound> search_users(VectorIndex& index, const UserSearch& search, QueryVectors query) {
  if (query.letters.empty()) {
    return UsersFound{MESH_TRY(ask(index, search, query.vector)), std::move(query.vector)};
  }
  UserSearch wide = search;
  wide.limit = std::max(search.limit, kPrefixes);
  const auto cut = [&](Hits hits) {
    if (std::ssize(hits) > search.limit) hits.erase(hits.begin() + search.limit, hits.end());
    return hits;
  };
  auto named = MESH_TRY(ask(index, wide, query.letters));
  const bool exact = !named.empty() &&
                     search.text.match(named.front().email, named.front().name) == TextMatch::exact;
  if (exact) return UsersFound{cut(std::move(named)), std::move(query.letters)};
  auto found = MESH_TRY(ask(index, wide, query.vector));
  // By letters all score below min_score, by meaning somebody does not.
  if (named.empty() && !found.empty()) {
    return UsersFound{cut(std::move(found)), std::move(query.vector)};
  }
  const auto by_letters = MESH_TRY(best_score(index, wide, query.letters, named));
  const auto by_vector = MESH_TRY(best_score(index, wide, query.vector, found));
  if (QueryVectors::letters_answer(by_letters, by_vector)) {
    return UsersFound{cut(std::move(named)), std::move(query.letters)};
  }
  return UsersFound{cut(std::move(found)), std::move(query.vector)};
}

}  // namespace mesh::pipeline
