#include "daemon/pipeline/stages/user_index_stage.h"

#include <set>

#include "common/domain/search.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"
#include "daemon/pipeline/batch_spans.h"
#include "daemon/pipeline/stages/cache_subjects.h"
#include "daemon/pipeline/stages/user_change.h"

namespace mesh::pipeline {
namespace {

using Outcome = StageResult::Outcome;

class UserIndexStage final : public Stage {
 public:
  UserIndexStage(int generation, Embedder& embedder, VectorIndex& index, ReadCache* cache,
                 Spans* spans)
      : generation_(generation), embedder_(embedder), index_(index), cache_(cache), spans_(spans) {}

  // The index keeps no offsets: versions make it harmless to apply a change twice.
  std::vector<StageResult> process(std::span<const StageInput> batch, const Through&) override {
    std::vector<StageResult> results(batch.size());
    std::vector<VectorChange> changes;
    std::vector<std::size_t> of;  // changes[i] is of batch[of[i]]
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Event& event = batch[i].event;
      // Done, since no other event changes the index.
      if (!is_user_event(event)) continue;
      auto change = user_change(event);
      if (!change) {
        results[i] = {Outcome::dead, "schema", change.error().to_string()};
        continue;
      }
      changes.push_back({event.tenant,
                         change->user_id,
                         event.sequence,
                         {},
                         std::move(change->email),
                         std::move(change->name),
                         event.id});
      of.push_back(i);
    }
    apply(changes, of, batch, results);
    return results;
  }

 private:
  void apply(std::vector<VectorChange>& changes, const std::vector<std::size_t>& of,
             std::span<const StageInput> batch, std::vector<StageResult>& results) {
    if (changes.empty()) return;
    StageResult failure;
    if (write(changes, of, batch, failure)) return;
    if (failure.outcome == Outcome::outage || changes.size() == 1) {
      for (const std::size_t i : of) results[i] = failure;
      return;
    }
    // One of them is refused for good: one by one, so that it fails alone. The successors of a
    // refused one of the same user are answered like it, unwritten, so that they keep their order.
    std::set<std::pair<TenantId, std::int64_t>> refused;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const std::pair user{changes[i].tenant, changes[i].user_id};
      if (!refused.contains(user) && write({&changes[i], 1}, {&of[i], 1}, batch, results[of[i]])) {
        continue;
      }
      if (refused.contains(user)) {
        results[of[i]] = {Outcome::retry, "order", "an earlier one failed"};
      }
      // One that never succeeds holds nothing up.
      if (results[of[i]].outcome == Outcome::dead) continue;
      refused.insert(user);
      if (results[of[i]].outcome == Outcome::outage) {
        // The rest would meet the same; unanswered they would count as done.
        for (std::size_t rest = i; rest < changes.size(); ++rest) {
          results[of[rest]] = results[of[i]];
        }
        return;
      }
    }
  }

  // True when durable; otherwise `failure` says what to answer.
  bool write(std::span<VectorChange> changes, std::span<const std::size_t> of,
             std::span<const StageInput> batch, StageResult& failure) {
    std::vector<TenantText> texts;
    std::vector<VectorChange*> upserts;
    std::vector<std::size_t> embedded;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      if (batch[of[i]].event.type == "user.deleted") continue;
      texts.push_back({changes[i].tenant, embedding_text(changes[i].name, changes[i].email)});
      upserts.push_back(&changes[i]);
      embedded.push_back(of[i]);
    }
    if (!texts.empty()) {
      auto traced = begin_spans("embed", embedded, batch);
      auto vectors = embedder_.embed(texts);
      if (traced) traced->end_all(error_of(vectors));
      // Which vector is whose is not known, and the events are not to blame: nothing dies of it.
      if (vectors && vectors->size() != texts.size()) {
        failure = {Outcome::outage, "embed",
                   "the embedder answered " + std::to_string(vectors->size()) + " vectors for " +
                       std::to_string(texts.size()) + " texts"};
        return false;
      }
      if (!vectors) return refuse("embed", vectors.error(), failure);
      for (std::size_t i = 0; i < upserts.size(); ++i) {
        upserts[i]->vector = std::move((*vectors)[i]);
      }
    }
    auto traced = begin_spans("index", of, batch);
    const Status applied = index_.apply(generation_, changes);
    if (traced) traced->end_all(error_of(applied));
    forget_searches(changes);
    if (!applied) return refuse("index", applied.error(), failure);
    if (log::enabled(log::Level::debug)) {
      for (const std::size_t i : of) trace(batch[i].event);
    }
    return true;
  }

  // Whatever became of the call: some may be there though it failed.
  void forget_searches(std::span<const VectorChange> changes) {
    if (cache_ == nullptr) return;
    std::set<TenantId> tenants;
    for (const auto& change : changes) tenants.insert(change.tenant);
    std::vector<CacheSubject> subjects;
    for (const auto& tenant : tenants) subjects.push_back(searches_of(tenant));
    cache_->forget(subjects);
  }

  std::optional<BatchSpans> begin_spans(const char* name, std::span<const std::size_t> of,
                                        std::span<const StageInput> batch) const {
    if (spans_ == nullptr) return std::nullopt;
    BatchSpans all(*spans_, name, Span::Kind::internal);
    for (const std::size_t i : of) {
      // A replay gives none.
      if (batch[i].span) all.add(batch[i].span, {}, spans_->now());
    }
    return all;
  }
  template <typename R>
  static std::optional<Error> error_of(const R& result) {
    return result ? std::nullopt : std::optional(result.error());
  }

  // The end of the way that the request's trace began.
  void trace(const Event& event) const {
    const auto context = TraceContext::parse(event.traceparent);
    log::debug("indexed", {{"trace_id", context ? context->trace_id : std::string()},
                           {"tenant", event.tenant.str()},
                           {"event_id", event.id},
                           {"type", event.type},
                           {"user_id", event.subject},
                           {"generation", generation_}});
  }

  static bool refuse(const char* cause_class, const Error& error, StageResult& failure) {
    const Outcome outcome = error.retryable()                        ? Outcome::outage
                            : error.kind == ErrorKind::unprocessable ? Outcome::dead
                                                                     : Outcome::retry;
    failure = {outcome, cause_class, error.to_string()};
    return false;
  }

  const int generation_;
  Embedder& embedder_;
  VectorIndex& index_;
  ReadCache* const cache_;
  Spans* const spans_;
};

}  // namespace

std::unique_ptr<Stage> make_user_index_stage(int generation, Embedder& embedder, VectorIndex& index,
                                             ReadCache* cache, Spans* spans) {
  return std::make_unique<UserIndexStage>(generation, embedder, index, cache, spans);
}

}  // namespace mesh::pipeline
