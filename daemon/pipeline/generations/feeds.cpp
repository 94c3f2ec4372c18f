#include "daemon/pipeline/generations/feeds.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "daemon/pipeline/generations/standing.h"
#include "daemon/pipeline/stages/user_index_stage.h"

namespace mesh::pipeline {

namespace {

struct KeptStage {
  std::shared_ptr<Embedder> embedder;
  std::unique_ptr<Stage> stage;  // uses it
};

}  // namespace

Feeds::Feeds(VectorIndex& index, ReadCache* searches, PipelineOptions base, PipelineDeps deps)
    : index_(index), searches_(searches), base_(std::move(base)), deps_(deps) {}

Feeds::~Feeds() { stop(); }

Status Feeds::feed(int number, const std::shared_ptr<Embedder>& embedder) {
  const std::string id = embedder->id();
  bool other = false;
  {
    std::lock_guard lock(mutex_);
    const auto at = fed_.find(number);
    if (at != fed_.end() && at->second.embedder == id) return {};
    other = at != fed_.end();
  }
  if (other) starve(number);
  std::lock_guard lock(mutex_);
  PipelineOptions options = base_;
  options.name = group(number);
  options.letter_rule = [this, number] { return letter_rule(number); };
  Fed one;
  one.embedder = id;
  const auto kept = std::make_shared<KeptStage>();
  kept->embedder = embedder;
  kept->stage = make_user_index_stage(number, *embedder, index_, searches_, deps_.spans);
  one.stage = std::shared_ptr<Stage>(kept, kept->stage.get());
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

std::shared_ptr<Stage> Feeds::stage(int number) const {
  std::lock_guard lock(mutex_);
  const auto at = fed_.find(number);
  return at == fed_.end() ? nullptr : at->second.stage;
}

// What every process can read of the generation that serves and of how far it is.
struct Feeds::Served {
  int number = 0;  // 0: not known
  std::map<TopicPartition, std::int64_t> committed;
  std::set<Position> parked;

  bool is_past(const Position& position) const {
    const auto at = committed.find({position.topic, position.partition});
    return at != committed.end() && at->second > position.offset && !parked.contains(position);
  }
};

// In this order: what it parks it parks before it commits past it.
Feeds::Served Feeds::look_at_served() const {
  const auto all = index_.generations();
  if (!all) return {};
  const auto serving = std::ranges::find_if(*all, &GenerationInfo::serving);
  if (serving == all->end()) return {};
  Served served{serving->number, {}, {}};
  auto committed = committed_by(deps_.admin, group(serving->number));
  const auto parked = deps_.retries.parked_keys(group(serving->number));
  if (!committed || !parked) return served;
  served.committed = std::move(*committed);
  for (const ParkedKey& one : *parked) served.parked.insert(one.position);
  return served;
}

// One letter per dead event, however many generations, in however many processes, read it: that of
// the one that serves. One that serves later may be past the event by then, and the one that served
// before may come to it when it does so no more: so nobody but the one that serves lets go of an
// event before its letter is written.
LetterRule Feeds::letter_rule(int number) const {
  return [this, number, seen = std::optional<Served>()](const Position& source) mutable {
    if (!seen) seen = look_at_served();
    if (seen->number == number) return LetterFate::write;
    return seen->is_past(source) ? LetterFate::leave : LetterFate::later;
  };
}

}  // namespace mesh::pipeline
