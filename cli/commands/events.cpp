#include "cli/commands/events.h"

namespace mesh::cli {

const View& record_view() {
  static const View view{
      "id",
      {{"topic", "TOPIC", "the topic it lies in"},
       {"partition", "PARTITION", "and the partition"},
       {"offset", "OFFSET", "and the place there"},
       {"time", "TIME", "when the log took it", Field::Show::always, Field::Kind::time},
       {"key", "KEY", "what decides on its partition and keeps its order"},
       {"id", "ID", "the event's id"},
       {"type", "TYPE", "the event's type"},
       {"tenant", "TENANT", "whose it is"},
       {"subject", "SUBJECT", "what it is about"},
       {"source", "SOURCE", "who made it", Field::Show::wide},
       {"event_time", "EVENT TIME", "when it happened", Field::Show::wide, Field::Kind::time},
       {"sequence", "SEQUENCE", "the entity's version", Field::Show::wide},
       {"traceparent", "TRACE", "the trace it began in", Field::Show::wide},
       {"headers", "HEADERS", "the record's headers as they lie in the log", Field::Show::wide},
       {"value", "VALUE", "the data: JSON as it was written, or text by its content type",
        Field::Show::always, Field::Kind::json},
       {"value_base64", "BASE64", "the data's bytes, where VALUE cannot hold them",
        Field::Show::wide}}};
  return view;
}

namespace {

Outcome get(Session& session, const std::string& id, const std::string& topic) {
  auto record = MESH_TRY(session.mesh->event(id, topic, session.settings.tenant));
  session.out.record(record_view(), record);
  return Exit::ok;
}

}  // namespace

void add_events(Commands& commands) {
  auto& events = commands.group("events", "Events of the log", purpose::kData);
  add_events_publish(commands, events);
  add_events_tail(commands, events);
  {
    struct EventsArgs {
      std::string id, topic;
    };
    auto args = std::make_shared<EventsArgs>();
    auto& verb = commands.verb(
        events,
        {.name = "get",
         .summary = "Show an event by its id",
         .details = "With --tenant only where it is that tenant's. Of one that was redriven or "
                    "mended it is the record that went back last: `mesh trace ID` names the "
                    "letters that it came back from, `mesh events tail` shows those before.",
         .examples =
             "mesh events get 01938c5e-7c1a-7000-8000-000000000001\n"
             "mesh events get 01938c5e-7c1a-7000-8000-000000000001 --topic user.events -o json\n",
         .tenant = TenantUse::restricts,
         .view = &record_view(),
         .run = [args](Session& session) { return get(session, args->id, args->topic); }});
    verb.add_option("ID", args->id, "The event's id")->required();
    verb.add_option("--topic", args->topic, "Look only there")->type_name("TOPIC");
  }
  add_events_replay(commands, events);
  add_events_export(commands, events);
}

}  // namespace mesh::cli
