// The embedder that searches ask with: that of the generation which serves.
//
// It is known from the last look at the index. Whoever feeds generations tells what it sees at its
// looks (note); a process that feeds none looks when a search is told that it asked with another
// embedder. So a flip by any process fails no search: that one asks again, at once.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <vector>

#include "common/base/clock.h"
#include "common/ports/embedders.h"
#include "common/ports/vector_index.h"

namespace mesh::pipeline {

// Any thread.
class ServingEmbedder {
 public:
  // What is given outlives it.
  ServingEmbedder(VectorIndex& index, Embedders& embedders, Clock& clock)
      : index_(index), embedders_(embedders), clock_(clock) {}

  // Of the generation that served at the last look, the configured one where none did. The first
  // call looks, which may block. `unavailable` where this process cannot have it; it tries again
  // after a while. Errors of the index.
  Result<std::shared_ptr<Embedder>> get();
  // What a look at the index, made for another reason, has found.
  void note(const std::vector<GenerationInfo>& all);

  // The answer of `ask(embedder)`, which searches the serving generation, as a Result. Where that
  // is of another embedder by now, asks once more, with that one.
  template <typename Ask>
  auto with(const Ask& ask) -> std::invoke_result_t<const Ask&, Embedder&> {
    const auto embedder = MESH_TRY(get());
    auto answer = ask(*embedder);
    if (answer || !is_other_embedder(answer.error())) return answer;
    const auto serving = MESH_TRY(look_beyond(embedder));
    return ask(*serving);
  }

 private:
  using Held = Result<std::shared_ptr<Embedder>>;
  // Looks, unless another has found another one than `known` meanwhile.
  Held look_beyond(const std::shared_ptr<Embedder>& known);
  std::optional<Held> held() const;  // nothing: it is time to look
  Held keep(Held held);
  Held of(const std::vector<GenerationInfo>& all);

  VectorIndex& index_;
  Embedders& embedders_;
  Clock& clock_;
  std::mutex looking_;        // one look at a time, over the mutex below
  mutable std::mutex mutex_;  // taken for moments; guards the following
  std::optional<Held> held_;
  SteadyTime held_at_{};
};

}  // namespace mesh::pipeline
