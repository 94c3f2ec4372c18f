// Text to vectors.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/domain/tenant.h"

namespace mesh {

// A text and whose it is: what a model's server is paid for is the tenant's, and so is what is kept
// of its answers.
struct TenantText {
  TenantId tenant;
  std::string text;
  bool billed = true;  // false: an operator asks, and the tenant's usage has nothing of it
};

// What texts' vectors are compared with: the product with one is the score, -1…1. Of any length.
struct QueryVectors {
  std::vector<float> vector;
  // Of a query that may be a name or language: by its letters alone, while `vector` is most of all
  // by its meaning. A search asks by both, and one of the answers holds. Else empty.
  std::vector<float> letters;

  // How much closer than meaning letters have to come. With the model of docs/search.md they do so
  // for one sentence of twenty, and for nineteen of twenty names with a typo.
  static constexpr float kClearLead = 0.08F;
  // Which answer holds, by the best score of each; nothing where nothing was found.
  static bool letters_answer(std::optional<float> by_letters, std::optional<float> by_vector) {
    return by_letters && (!by_vector || *by_letters > *by_vector + kClearLead);
  }
};

// Any thread; may block on another server. `unavailable` when that server is down, `unprocessable`
// where one of the texts can never be embedded, `internal` where one could not this time: the
// others can, each alone.
class Embedder {
 public:
  virtual ~Embedder() = default;
  virtual int dimension() const = 0;
  // Names the function: equal ids mean equal vectors for equal texts ("hashing-v2/384").
  virtual std::string id() const = 0;
  // One unit vector per text, in order, whatever tenants they are of: the vector depends on the
  // text alone. A text without any feature gives the zero vector.
  virtual Result<std::vector<std::vector<float>>> embed(std::span<const TenantText> texts) = 0;
  // How many words a text has, and how many of them the embedder knows as they stand, and not by
  // their pieces alone; nothing where it cannot tell. Neither fails nor blocks.
  struct Words {
    std::size_t all = 0, known = 0;
  };
  virtual std::optional<Words> count_words(std::string_view /*text*/) const { return std::nullopt; }
  // Whether it has a part for letters and one for meaning, so that a `semantic_ratio` counts.
  virtual bool weighs() const { return false; }
  // `semantic_ratio` (0…1; nothing: what suits the query) is how much of the score is meaning, the
  // rest letters; `invalid` where the embedder has one of both only. One vector where it is given.
  virtual Result<QueryVectors> embed_query(const TenantText& query,
                                           std::optional<double> semantic_ratio = {}) {
    if (semantic_ratio) {
      return fail(ErrorKind::invalid,
                  "semantic_ratio: the embedder " + id() +
                      " has one part only, which nothing weighs against: leave it out");
    }
    auto vectors = MESH_TRY(embed(std::span(&query, 1)));
    return QueryVectors{std::move(vectors.front()), {}};
  }
};

}  // namespace mesh
