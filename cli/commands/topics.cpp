#include "cli/commands/verb.h"

namespace mesh::cli {
namespace {

const View& topic_view() {
  static const View view{
      "name",
      {{"name", "TOPIC", "the topic's name"},
       {"kind", "KIND", "entity (the last event of each key stays) or activity (expires)"},
       {"partitions", "PARTITIONS", "how many", Field::Show::wide, Field::Kind::count},
       {"records", "RECORDS", "records it holds", Field::Show::always, Field::Kind::count},
       {"bytes", "SIZE", "bytes it takes", Field::Show::always, Field::Kind::size},
       {"retention.age", "AGE LIMIT", "records live so long; - is for ever"},
       {"retention.size", "SIZE LIMIT", "the topic holds so much; - is any", Field::Show::always,
        Field::Kind::size},
       {"held", "HELD", "records beyond these limits that are kept: not processed, or not settled",
        Field::Show::wide, Field::Kind::count},
       {"passed_over", "PASSED OVER",
        "records that went all the same, by log.retention.activity.hard_size, since the start",
        Field::Show::wide, Field::Kind::count},
       {"partition_offsets", "OFFSETS", "first and next offset of each partition (describe only)",
        Field::Show::never}},
      "TOPIC"};
  return view;
}

const View& partition_view() {
  static const View view{"partition",
                         {{"partition", "PARTITION", "the number"},
                          {"start", "START", "first offset that may exist"},
                          {"end", "END", "offset of the next record"}}};
  return view;
}

Outcome list_topics(Session& session) {
  auto topics = MESH_TRY(session.mesh->topics());
  session.out.items(topic_view(), topics);
  return Exit::ok;
}

Outcome describe(Session& session, const std::string& name) {
  auto topic = MESH_TRY(session.mesh->topic(name));
  session.out.record(topic_view(), topic,
                     {{"Partitions:", "partition_offsets", &partition_view()}});
  return Exit::ok;
}

}  // namespace

void add_topics(Commands& commands) {
  auto& topics = commands.group("topics", "Topics of the log", purpose::kOperate);
  commands.verb(topics, {.name = "list",
                         .summary = "List the topics",
                         .examples = "mesh topics list\nmesh topics list -o name\n",
                         .tenant = TenantUse::none,
                         .view = &topic_view(),
                         .run = list_topics});
  auto name = std::make_shared<std::string>();
  commands
      .verb(topics,
            {.name = "describe",
             .summary = "Show a topic and its partitions",
             .examples =
                 "mesh topics describe user.events\nmesh topics describe user.events -o json\n",
             .tenant = TenantUse::none,
             .view = &topic_view(),
             .run = [name](Session& session) { return describe(session, *name); }})
      .add_option("TOPIC", *name, "The topic's name")
      ->required();
}

}  // namespace mesh::cli
