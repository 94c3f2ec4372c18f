#include "cli/commands/verb.h"

namespace mesh::cli {
namespace {

// In the lines of one trace, and not in the columns of a table.
constexpr auto kWide = Field::Show::wide;

const View& trace_view() {
  static const View view{
      "id",
      {{"id", "ID", "the event's id"},
       {"type", "TYPE", "the event's type"},
       {"tenant", "TENANT", "whose it is"},
       {"subject", "SUBJECT", "what it is about", kWide},
       {"version", "VERSION", "the entity's version", kWide},
       {"source", "SOURCE", "who made it", kWide},
       {"time", "TIME", "when it happened", kWide, Field::Kind::time},
       {"status", "STATUS", "pending, retrying, dead or done"},
       {"text", "WHY", "why it is seen, or why not yet"},
       {"accepted.at", "ACCEPTED", "when", kWide, Field::Kind::time},
       {"accepted.by", "BY", "user:<user of the tenant> or operator:<name>", kWide},
       {"accepted.request_id", "REQUEST", "the id of the request", kWide},
       {"accepted.trace_id", "TRACE", "the trace that it began in", kWide},
       {"outbox.sequence", "OUTBOX", "its place among changes that wait for the log", kWide},
       {"outbox.ahead", "AHEAD", "how many of them go before", kWide, Field::Kind::count},
       {"log.topic", "TOPIC", "the topic it lies in", kWide},
       {"log.partition", "PARTITION", "and the partition", kWide},
       {"log.offset", "OFFSET", "and the place there", kWide},
       {"log.time", "TAKEN", "when the log took it", kWide, Field::Kind::time},
       {"searched.records", "SEARCHED", "records that were read to find it", kWide,
        Field::Kind::count},
       {"redriven_from", "REDRIVEN", "dead letters that it came back from", Field::Show::never},
       {"pipelines", "PIPELINES", "what each pipeline did of it", Field::Show::never}},
      "WHY"};
  return view;
}

std::string behind_text(const Json& trace) {
  if (at_path(trace, "behind_its_key") == true) return "its key";
  const Json& behind = at_path(trace, "behind");
  return behind.is_number_integer() && behind > 0 ? count_text(behind) : std::string("-");
}

const View& pipeline_view() {
  static const View view{
      "pipeline",
      {{"pipeline", "PIPELINE", "its group"},
       {"state", "STATE", "pending, retrying, dead or done"},
       {"", "BEHIND", "events that it has to do before; its key: one of its key failed",
        Field::Show::always, Field::Kind::text, behind_text},
       {"attempts", "FAILED", "attempts that failed"},
       {"next_attempt", "NEXT", "when it is tried again", Field::Show::always, Field::Kind::time},
       {"cause_class", "CAUSE", "of the last failure"},
       {"cause", "TEXT", "of the last failure", Field::Show::wide},
       {"letter.topic", "LETTERS", "the topic of its dead letter", Field::Show::wide},
       {"letter.partition", "PARTITION", "and the partition", Field::Show::wide},
       {"letter.offset", "OFFSET", "and the place there", Field::Show::wide},
       {"effect.text", "EFFECT", "what is there of it"},
       {"effect.since", "SINCE", "since when, where that is kept", Field::Show::always,
        Field::Kind::time}},
      "PIPELINE"};
  return view;
}

const View& attempt_view() {
  static const View view{
      "ended",
      {{"pipeline", "PIPELINE", "whose attempt it was"},
       {"ended", "ENDED", "when it failed", Field::Show::always, Field::Kind::time},
       {"micros", "MICROS", "how long its call took, with others", Field::Show::always,
        Field::Kind::count},
       {"cause_class", "CAUSE", "what kind of failure"},
       {"cause", "TEXT", "and what was said"}},
      "TEXT"};
  return view;
}

const View& dead_letter_view() {
  static const View view{
      "offset",
      {{"topic", "TOPIC", "the topic of the letter"},
       {"partition", "PARTITION", "the partition"},
       {"offset", "OFFSET", "the place there"},
       {"died_at", "DIED", "when it died", Field::Show::always, Field::Kind::time},
       {"cause_class", "CAUSE", "of what"}},
      "CAUSE"};
  return view;
}

struct TraceArgs {
  std::string id, topic, from;
};

// Attempts of all pipelines as one list, for people.
Json attempts_of(const Json& trace) {
  Json all = Json::array();
  for (const Json& pipeline : at_path(trace, "pipelines")) {
    for (Json attempt : at_path(pipeline, "history")) {
      if (!attempt.is_object()) continue;
      attempt["pipeline"] = at_path(pipeline, "pipeline");
      all.push_back(std::move(attempt));
    }
  }
  return all;
}

Outcome trace(Session& session, const TraceArgs& args) {
  auto found =
      MESH_TRY(session.mesh->trace(args.id, args.topic, args.from, session.settings.tenant));
  // The exact forms have them where they belong.
  if (session.out.for_people()) found["attempts"] = attempts_of(found);
  session.out.record(trace_view(), found,
                     {{"Pipelines:", "pipelines", &pipeline_view()},
                      {"Attempts that failed:", "attempts", &attempt_view()},
                      {"Redriven from:", "redriven_from", &dead_letter_view()}});
  return Exit::ok;
}

}  // namespace

void add_trace(Commands& commands) {
  auto args = std::make_shared<TraceArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "trace",
       .summary = "Show where an event is, from its acceptance to what it became",
       .details = "An id that the mesh made tells when that was, and is found at once. One of a "
                  "client's own is looked for among the newest records first: --topic and --from "
                  "say where. With --tenant only where it is that tenant's.",
       .examples = "mesh trace 01938c5e-7c1a-7000-8000-000000000001\n"
                   "mesh trace order-4711 --topic analytics.events --from @-2h\n"
                   "mesh trace 01938c5e-7c1a-7000-8000-000000000001 -o json\n",
       .tenant = TenantUse::restricts,
       .view = &trace_view(),
       .run = [args](Session& session) { return trace(session, *args); }},
      purpose::kData);
  verb.add_option("ID", args->id, "The event's id")->required();
  verb.add_option("--topic", args->topic, "Look only there")->type_name("TOPIC");
  verb.add_option("--from", args->from,
                  "Where to begin: start, OFFSET, @-1h, @2026-11-21T08:00:00Z")
      ->type_name("BOUND");
}

}  // namespace mesh::cli
