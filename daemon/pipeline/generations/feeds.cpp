#include "daemon/pipeline/generations/feeds.h"

#include <algorithm>
#include <utility>

#include "daemon/pipeline/stages/user_index_stage.h"

namespace mesh::pipeline {

Feeds::Feeds(VectorIndex& index, Embedder& embedder, PipelineOptions base, PipelineDeps deps)
    : index_(index), embedder_(embedder), base_(std::move(base)), deps_(deps) {}

Feeds::~Feeds() { stop(); }

Status Feeds::feed(int number) {
  std::lock_guard lock(mutex_);
  if (fed_.contains(number)) return {};
  PipelineOptions options = base_;
  options.name = group(number);
  options.writes_letters = [this, number] { return writes_letters(number); };
  Fed one;
  one.stage = make_user_index_stage(number, embedder_, index_);
  one.pipeline = std::make_shared<Pipeline>(std::move(options), *one.stage, deps_);
  MESH_TRY(one.pipeline->start());
  fed_.emplace(number, std::move(one));
  return {};
}

void Feeds::starve(int number) {
  Fed one;
  {
    std::lock_guard lock(mutex_);
    const auto at = fed_.find(number);
    if (at == fed_.end()) return;
    one = std::move(at->second);
    fed_.erase(at);
  }
  one.pipeline->stop();
  deps_.metrics.forget("pipeline", group(number));  // stopped, it uses them no more
}

void Feeds::stop() {
  std::map<int, Fed> all;
  {
    std::lock_guard lock(mutex_);
    all = std::exchange(fed_, {});
  }
  for (auto& [number, one] : all) one.pipeline->stop();
}

std::vector<int> Feeds::numbers() const {
  std::lock_guard lock(mutex_);
  std::vector<int> numbers;
  for (const auto& [number, one] : fed_) numbers.push_back(number);
  return numbers;
}

std::shared_ptr<Pipeline> Feeds::pipeline(int number) const {
  std::lock_guard lock(mutex_);
  const auto at = fed_.find(number);
  return at == fed_.end() ? nullptr : at->second.pipeline;
}

Stage* Feeds::stage(int number) const {
  std::lock_guard lock(mutex_);
  const auto at = fed_.find(number);
  return at == fed_.end() ? nullptr : at->second.stage.get();
}

// One letter per dead event, however many generations, in however many processes, read it: the
// alias is asked when one dies, since another process may have moved it. Where it cannot be read
// two letters are better than none.
bool Feeds::writes_letters(int number) const {
  const auto all = index_.generations();
  if (!all) return true;
  const auto serving = std::ranges::find_if(*all, &GenerationInfo::serving);
  return serving == all->end() || serving->number == number;
}

}  // namespace mesh::pipeline
