#include <cstdlib>

#include "cli/commands/follow_task.h"
#include "cli/commands/verb.h"
#include "cli/render/number.h"

namespace mesh::cli {
namespace {

const View& group_view() {
  static const View view{
      "group",
      {{"group", "GROUP", "the consumer group; each pipeline has one"},
       {"state", "STATE", "running, paused and why, failed or inactive"},
       {"active", "ACTIVE", "is a consumer open"},
       {"lag", "LAG",
        "events not yet processed; those that were compacted away count until it is past them",
        Field::Show::always, Field::Kind::count},
       {"holds", "HOLDS", "events beyond their retention that are kept, since it has not read them",
        Field::Show::always, Field::Kind::count},
       {"passed_over", "PASSED OVER",
        "events that went before it had read them, by the topic's hard size, since the start",
        Field::Show::wide, Field::Kind::count},
       {"topics", "TOPICS", "what it reads"},
       {"members", "MEMBERS",
        "the processes that read with it, by the ids of `mesh members` "
        "(describe only)",
        Field::Show::wide},
       {"lag_seconds", "LAG TIME", "age of the oldest of them (describe only)", Field::Show::wide,
        Field::Kind::seconds},
       {"parked", "PARKED", "events that wait for another try (describe only)", Field::Show::wide,
        Field::Kind::count},
       {"last_error", "LAST ERROR", "what went wrong last (describe only)", Field::Show::wide},
       {"partitions", "PARTITIONS", "offsets of each partition (describe only)",
        Field::Show::never}},
      "STATE"};
  return view;
}

const View& offset_view() {
  static const View view{"partition",
                         {{"topic", "TOPIC", "the topic"},
                          {"partition", "PARTITION", "the number"},
                          {"committed", "COMMITTED", "the group goes on here"},
                          {"end", "END", "offset of the next record"},
                          {"lag", "LAG", "offsets between the two, compacted ones among them",
                           Field::Show::always, Field::Kind::count}}};
  return view;
}

const View& move_view() {
  static const View view{"partition",
                         {{"topic", "TOPIC", "the topic"},
                          {"partition", "PARTITION", "the number"},
                          {"from", "FROM", "where the group stood"},
                          {"to", "TO", "where it goes on"}}};
  return view;
}

Outcome list_groups(Session& session) {
  auto groups = MESH_TRY(session.mesh->groups());
  session.out.items(group_view(), groups);
  return Exit::ok;
}

Outcome describe(Session& session, const std::string& name) {
  auto group = MESH_TRY(session.mesh->group(name));
  session.out.record(group_view(), group, {{"Partitions:", "partitions", &offset_view()}});
  return Exit::ok;
}

struct SeekArgs {
  std::string group;
  client::SeekRequest request;
  int partition = -1;
  bool no_wait = false;
};

// How far a dry run would move the group, in offsets: at most so many events, since some may have
// been compacted away.
std::string touched(const Json& partitions) {
  std::int64_t again = 0, left_out = 0;
  for (const Json& move : partitions) {
    const Json &from = at_path(move, "from"), &to = at_path(move, "to");
    if (!from.is_number_integer() || !to.is_number_integer()) continue;
    const auto by = to.get<std::int64_t>() - from.get<std::int64_t>();
    (by < 0 ? again : left_out) += std::abs(by);
  }
  std::string text;
  if (again > 0) text = "At most " + with_thousands(again) + " events are read again";
  if (left_out > 0) {
    text += (text.empty() ? "At most " : ", and at most ") + with_thousands(left_out) +
            " are left out: it never processes those";
  }
  return text.empty() ? "It stands there already" : text;
}

Outcome seek(Session& session, const SeekArgs& args) {
  client::SeekRequest request = args.request;
  if (args.partition >= 0) request.partition = args.partition;
  // What the question counts is an estimate: the group goes on until it is moved. What is printed
  // at the end comes from the call that moved it.
  if (!request.dry_run && !session.globals.yes) {
    request.dry_run = true;
    auto planned = MESH_TRY(session.mesh->seek_group(args.group, request));
    MESH_TRY(confirm(session, "Move " + args.group + " to " + request.to + "? " +
                                  touched(at_path(planned, "partitions")) + "."));
    request.dry_run = false;
  }
  auto moved = MESH_TRY(session.mesh->seek_group(args.group, request));
  if (at_path(moved, "id").is_string()) return started(session, moved, args.no_wait);
  const Json& partitions = at_path(moved, "partitions");
  session.out.items(move_view(), {partitions.begin(), partitions.end()});
  session.out.note(request.dry_run ? "dry run: nothing was moved. " + touched(partitions)
                                   : touched(partitions));
  return Exit::ok;
}

Outcome remove_group(Session& session, const std::string& name) {
  auto group = MESH_TRY(session.mesh->group(name));
  const auto count = [&](const char* field) { return count_text(at_path(group, field)); };
  MESH_TRY(confirm(session, "Delete group " + name + "? Of its topics " + count("lag") +
                                " events are not processed by it, and may then expire (" +
                                count("holds") +
                                " are due); should it be opened again, it begins at the start."));
  MESH_TRY(session.mesh->delete_group(name));
  session.out.note("group " + name + " is deleted");
  return Exit::ok;
}

}  // namespace

void add_groups(Commands& commands) {
  auto& groups = commands.group("groups", "Consumer groups of the pipelines", purpose::kOperate);
  commands.verb(groups, {.name = "list",
                         .summary = "List the groups and their lag",
                         .examples = "mesh groups list\nmesh groups list -o json\n",
                         .tenant = TenantUse::none,
                         .view = &group_view(),
                         .run = list_groups});
  auto name = std::make_shared<std::string>();
  commands
      .verb(groups, {.name = "describe",
                     .summary = "Show a group and its offsets",
                     .examples = "mesh groups describe analytics\n",
                     .tenant = TenantUse::none,
                     .view = &group_view(),
                     .run = [name](Session& session) { return describe(session, *name); }})
      .add_option("GROUP", *name, "The group's name")
      ->required();
  auto args = std::make_shared<SeekArgs>();
  auto& verb = commands.verb(
      groups, {.name = "seek",
               .summary = "Move a group to another place in the log",
               .details = "What lies between is read again, or left out when the group moves "
                          "forward. Where the log moves no group that has members, the server does "
                          "it as a task, for which they let go of it: Ctrl-C leaves it running. To "
                          "run a pipeline again without moving it, use `mesh events replay`.",
               .examples = "mesh groups seek analytics --to start --dry-run\n"
                           "mesh groups seek analytics --to @-1h --topic analytics.events --yes\n",
               .tenant = TenantUse::none,
               .view = &move_view(),
               .run = [args](Session& session) { return seek(session, *args); }});
  verb.add_option("GROUP", args->group, "The group's name")->required();
  verb.add_option("--to", args->request.to, "start, end, an offset, @TIME (RFC 3339) or @-DURATION")
      ->type_name("BOUND")
      ->required();
  verb.add_option("--topic", args->request.topic, "Only in this topic")->type_name("TOPIC");
  verb.add_option("-p,--partition", args->partition, "Only in this partition")
      ->check(whole_number(0, 1 << 20))
      ->type_name("P");
  verb.add_flag("--dry-run", args->request.dry_run, "Show the move, do not make it");
  verb.add_flag("--no-wait", args->no_wait, "Where it is a task: start it and return");
  auto gone = std::make_shared<std::string>();
  commands
      .verb(groups,
            {.name = "delete",
             .summary = "Delete a group that nothing reads with any more",
             .details = "Retention keeps what a group has not processed. A group that never "
                        "will be opened again holds its topics back until it is deleted.",
             .examples = "mesh groups delete chemical\nmesh groups delete chemical --yes\n",
             .tenant = TenantUse::none,
             .run = [gone](Session& session) { return remove_group(session, *gone); }})
      .add_option("GROUP", *gone, "The group's name")
      ->required();
}

}  // namespace mesh::cli
