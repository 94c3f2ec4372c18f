#include "daemon/pipeline/generations/serving_embedder.h"

#include <algorithm>

namespace mesh::pipeline {
namespace {

// Between two looks at the index where the serving generation's embedder could not be had: each
// asks its store. How often a model is read in vain is up to Embedders.
constexpr Duration kTryAgain{2'000};

}  // namespace

std::optional<ServingEmbedder::Held> ServingEmbedder::held() const {
  std::lock_guard lock(mutex_);
  if (!held_ || (!*held_ && clock_.steady() >= held_at_ + kTryAgain)) return std::nullopt;
  return held_;
}

ServingEmbedder::Held ServingEmbedder::keep(Held held) {
  std::lock_guard lock(mutex_);
  held_ = std::move(held);
  held_at_ = clock_.steady();
  return *held_;
}

ServingEmbedder::Held ServingEmbedder::of(const std::vector<GenerationInfo>& all) {
  const auto serving = std::ranges::find_if(all, &GenerationInfo::serving);
  return serving == all.end() ? embedders_.configured() : embedders_.of(serving->spec);
}

ServingEmbedder::Held ServingEmbedder::get() {
  if (auto known = held()) return *std::move(known);
  return look_beyond(nullptr);
}

ServingEmbedder::Held ServingEmbedder::look_beyond(const std::shared_ptr<Embedder>& known) {
  std::lock_guard only(looking_);
  if (auto found = held(); found && (!*found || **found != known)) return *std::move(found);
  const auto all = index_.generations();
  if (!all) return fail(all.error());  // what was known stands
  return keep(of(*all));
}

void ServingEmbedder::note(const std::vector<GenerationInfo>& all) {
  std::lock_guard only(looking_);
  (void)keep(of(all));
}

}  // namespace mesh::pipeline
