#include "daemon/pipeline/consumer/attempt_spans.h"

namespace mesh::pipeline {
namespace {

using Verdict = Work::Verdict;

const char* outcome_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::done:
      return "done";
    case Verdict::retry:
      return "retry";
    case Verdict::dead:
      return "dead";
    case Verdict::behind:
      return "behind";
    case Verdict::open:
      return "outage";
    case Verdict::abandoned:
      break;
  }
  return "abandoned";
}

}  // namespace

std::optional<AttemptSpans> AttemptSpans::begin(const PipelineDeps& deps,
                                                const std::string& pipeline, Batch& batch) {
  if (deps.spans == nullptr) return std::nullopt;
  AttemptSpans all(BatchSpans(*deps.spans, "pipeline attempt", Span::Kind::consumer));
  const SteadyTime now = deps.spans->now();
  const Timestamp oldest = deps.clock.now() - kHistory;
  batch.give_spans([&](std::size_t place, const Work& work) -> std::optional<TraceContext> {
    const StoredRecord& record = work.event.record;
    if (record.time < oldest) return std::nullopt;
    auto attributes = attributes_of(record.position.topic, record.headers);
    attributes.emplace_back("messaging.consumer.group.name", pipeline);
    attributes.emplace_back("mesh.attempt", std::int64_t{work.event.attempts + 1});
    auto context = all.spans_.add(parent_of(record.headers), std::move(attributes), now,
                                  BatchSpans::Share::never);
    if (context.sampled && all.exemplar_.empty()) all.exemplar_ = context.trace_id;
    all.works_.push_back(place);
    return context;
  });
  return all;
}

void AttemptSpans::end(const Batch& batch, const Status& called) {
  for (std::size_t n = 0; n < works_.size(); ++n) {
    const Work& work = batch.works()[works_[n]];
    spans_.note(n, "mesh.outcome", outcome_of(work.verdict));
    if (work.verdict == Verdict::retry || work.verdict == Verdict::dead) {
      spans_.fail_one(n, work.cause_class);
    } else if (work.verdict == Verdict::open && !called) {
      spans_.fail_with_call(n, called.error().kind);
    }
  }
  spans_.end();
}

}  // namespace mesh::pipeline
