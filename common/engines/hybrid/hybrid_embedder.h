// An Embedder of two: letters and meaning side by side in one vector, weighed by the query.
//
// A text's vector is [letters | meaning | rest] / sqrt(2), with both parts of length 1; where a
// part is the zero vector, `rest`, one number that no query asks for, is 1 in its place (of a text
// without either, all is zero). A query's is sqrt(2) [(1 - r) letters | r meaning | 0], with r the
// ratio of meaning, so the product is
//   score = (1 - r) cos(letters) + r cos(meaning)
// whatever r is, on every engine, without another index. A query that has one part only is asked
// by it alone, as with r = 0 or 1.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "common/ports/embedder.h"

namespace mesh::hybrid {

// What ratio a search has that asks for none. No fixed one is as good as the better part alone
// everywhere (docs/search.md has the figures): names with a typo want letters, sentences
// meaning, and addresses some of both. So the query decides, and where it cannot, what is found:
//   it has an '@'                                 kMixedRatio
//   meaning knows more than half of its words      kLanguageRatio and kNameRatio, of which the
//                                                  closer answers
//   any other, as most names with a typo           kNameRatio
//   meaning does not tell (Embedder::count_words)  kMixedRatio
inline constexpr double kNameRatio = 0, kMixedRatio = 0.3, kLanguageRatio = 0.9;
struct Ratio {
  double meaning = 0;
  bool or_letters = false;  // kNameRatio, too (QueryVectors::letters)
  bool operator==(const Ratio&) const = default;
};
Ratio ratio_of(std::string_view query, const std::optional<Embedder::Words>& words);

// Its id is "hybrid-v1(<letters' id>,<meaning's id>)"; its dimension the sum of both and 1. Errors
// are those of either. Threads as theirs. A `default_ratio` takes the place of ratio_of().
std::unique_ptr<Embedder> make_embedder(std::shared_ptr<Embedder> letters,
                                        std::shared_ptr<Embedder> meaning,
                                        std::optional<double> default_ratio = {});

}  // namespace mesh::hybrid
