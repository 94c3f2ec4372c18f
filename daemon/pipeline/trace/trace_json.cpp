#include "daemon/pipeline/trace/trace_json.h"

#include <algorithm>

#include "common/base/time.h"
#include "common/domain/entity_events.h"
#include "common/telemetry/trace_context.h"
#include "daemon/pipeline/groups.h"

namespace mesh::pipeline {
namespace {

Json time_json(const std::optional<Timestamp>& time) {
  return time ? Json(format_rfc3339(*time)) : Json(nullptr);
}
Json text_json(std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); }

std::string_view extension(const Event& event, std::string_view name) {
  return find_header(event.extensions, name);
}

Json accepted_json(const Trace& trace) {
  const Event& event = trace.event;
  // The store and the log take an event before its request is answered. The mesh's own events say
  // when their change was made; of others the log does.
  const bool ours = event.source == kUserSource || event.source == kTenantSource;
  const auto context = TraceContext::parse(event.traceparent);
  return {{"at", format_rfc3339(ours || !trace.record ? event.time : trace.record->time)},
          {"by", text_json(extension(event, accepted::kBy))},
          {"request_id", text_json(extension(event, accepted::kRequestId))},
          {"trace_id", context ? Json(context->trace_id) : Json(nullptr)}};
}

Json letter_json(const DeadLetter& letter) {
  return {{"topic", letter.position.topic},
          {"partition", letter.position.partition},
          {"offset", letter.position.offset},
          {"died_at", format_rfc3339(letter.died_at)}};
}

Json effect_json(const Effect& effect) {
  return {{"generation", text_json(effect.generation)},
          {"reached", effect.reached},
          {"since", time_json(effect.since)},
          {"version", effect.version ? Json(*effect.version) : Json(nullptr)},
          {"text", effect.text}};
}

Json pipeline_json(const PipelineTrace& trace) {
  return {{"pipeline", trace.pipeline},
          {"state", to_string(trace.state)},
          {"serves", trace.serves},
          {"behind", trace.behind},
          {"behind_its_key", trace.behind_its_key},
          {"attempts", trace.attempts},
          {"history", to_json(trace.history)},
          {"next_attempt", time_json(trace.next_attempt)},
          {"cause_class", text_json(trace.cause_class)},
          {"cause", text_json(trace.cause)},
          {"letter", trace.letter ? letter_json(*trace.letter) : Json(nullptr)},
          {"effect", trace.effect ? effect_json(*trace.effect) : Json(nullptr)}};
}

// The pipeline by which the event's own state goes.
const PipelineTrace* serving(const Trace& trace) {
  const auto at = std::ranges::find_if(trace.pipelines, &PipelineTrace::serves);
  return at == trace.pipelines.end() ? nullptr : &*at;
}

// In one sentence: why it can be seen, or why not yet.
std::string outcome_text(const Trace& trace) {
  if (trace.outbox) {
    return "waits in the outbox for the log, behind " + std::to_string(trace.outbox->ahead) +
           " others";
  }
  const TopicGroup* reads = group_of(trace.record->position.topic);
  if (reads == nullptr) return "is in the log, and no pipeline reads its topic";
  const PipelineTrace* one = serving(trace);
  if (one == nullptr)
    return "is in the log; there is no pipeline yet that makes it " + std::string(reads->done);
  switch (one->state) {
    case TraceState::dead:
      return "died: " + one->cause_class + ": " + one->cause +
             (one->settled ? " (the letter was settled)" : "");
    case TraceState::retrying:
      return "failed " + std::to_string(one->attempts) + " times, and is tried again" +
             (one->next_attempt ? " at " + format_rfc3339(*one->next_attempt) : std::string());
    case TraceState::pending:
      if (one->behind_its_key) return "waits for an earlier event of its key, which failed";
      if (!one->passed) {
        return one->pipeline + " has " + std::to_string(one->behind) + " events to do before it";
      }
      if (!trace.search.whole) {
        return one->pipeline +
               " is past it; whether it died there cannot be told, since there are "
               "more records than one search reads";
      }
      return one->pipeline + " is past it, and " + one->effect->generation + " " +
             one->effect->text + "; `mesh index verify` compares the index with the log";
    case TraceState::done:
      break;
  }
  if (!one->effect) return "is done";
  if (!one->effect->generation.empty() && is_removal(trace.event.type)) {
    return one->effect->version ? "a later change brought the user back" : "the user is removed";
  }
  if (one->effect->reached) {
    return "is " + std::string(reads->done) +
           (one->effect->since ? " since " + format_rfc3339(*one->effect->since)
                               : ", since when the index does not keep");
  }
  return one->effect->generation.empty()
             ? "was passed over by its pipeline, and is not counted"
             : one->pipeline + " is past it, and " + one->effect->generation + " " +
                   one->effect->text + ", as where a later change removed the user";
}

}  // namespace

std::string_view to_string(TraceState state) {
  switch (state) {
    case TraceState::pending:
      return "pending";
    case TraceState::retrying:
      return "retrying";
    case TraceState::dead:
      return "dead";
    case TraceState::done:
      return "done";
  }
  return "unknown";
}

Json to_json(const Trace& trace) {
  const Event& event = trace.event;
  Json json{{"id", event.id},
            {"type", event.type},
            {"tenant", event.tenant.str()},
            {"subject", text_json(event.subject)},
            {"source", text_json(event.source)},
            {"time", time_text_of(event)},
            {"version", event.sequence > 0 ? Json(event.sequence) : Json(nullptr)},
            {"status", to_string(trace.state)},
            {"text", outcome_text(trace)},
            {"accepted", accepted_json(trace)},
            {"outbox", nullptr},
            {"log", nullptr},
            {"redriven_from", Json::array()},
            {"pipelines", Json::array()},
            {"searched", {{"records", trace.search.records}, {"whole", trace.search.whole}}}};
  if (trace.outbox) {
    json["outbox"] = {{"sequence", trace.outbox->sequence}, {"ahead", trace.outbox->ahead}};
  }
  if (trace.record) {
    json["log"] = {{"topic", trace.record->position.topic},
                   {"partition", trace.record->position.partition},
                   {"offset", trace.record->position.offset},
                   {"time", format_rfc3339(trace.record->time)}};
  }
  for (const DeadLetter& letter : trace.redriven) {
    Json one = letter_json(letter);
    one["source"] = letter.source;
    one["attempts"] = letter.attempts;
    one["cause_class"] = letter.cause_class;
    one["cause"] = letter.cause;
    json["redriven_from"].push_back(std::move(one));
  }
  for (const PipelineTrace& one : trace.pipelines) {
    json["pipelines"].push_back(pipeline_json(one));
  }
  return json;
}

Json tenant_json(const Trace& trace) {
  const PipelineTrace* const one = serving(trace);
  const bool failed = one != nullptr && one->attempts > 0;
  return {{"id", trace.event.id},
          {"type", trace.event.type},
          {"time", time_text_of(trace.event)},
          {"status", to_string(trace.state)},
          {"attempts", failed ? one->attempts : 0},
          {"next_attempt", time_json(failed ? one->next_attempt : std::nullopt)},
          {"cause_class", failed ? text_json(one->cause_class) : Json(nullptr)}};
}

}  // namespace mesh::pipeline
