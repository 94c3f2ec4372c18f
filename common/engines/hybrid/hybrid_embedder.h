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

#include "common/ports/embedder.h"

namespace mesh::hybrid {

// Where the meaning's embedder cannot tell words: the least loss against the better part alone,
// over what docs/search.md measures.
inline constexpr double kFixedRatio = 0.3;
inline constexpr double kNameRatio = 0.1, kLanguageRatio = 0.8, kLanguageShare = 0.75;
inline constexpr std::size_t kLanguageWords = 3;
double ratio_of(const Embedder::Words& query);

// Its id is "hybrid-v1(<letters' id>,<meaning's id>)"; its dimension the sum of both and 1. Errors
// are those of either. Threads as theirs.
std::unique_ptr<Embedder> make_embedder(std::shared_ptr<Embedder> letters,
                                        std::shared_ptr<Embedder> meaning,
                                        std::optional<double> default_ratio = {});

}  // namespace mesh::hybrid
