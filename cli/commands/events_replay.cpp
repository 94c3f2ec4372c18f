#include "cli/commands/events.h"
#include "cli/commands/follow_task.h"
#include "cli/render/number.h"

namespace mesh::cli {
namespace {

struct ReplayArgs {
  client::ReplayRequest request{.from = "start", .to = "end"};
  int partition = -1;
  bool dry_run = false, no_wait = false;
};

const View& estimate_view() {
  static const View view{
      "matching",
      {{"scanned", "SCANNED", "records in the range", Field::Show::always, Field::Kind::count},
       {"matching", "MATCHING", "of them, of the tenant and type asked for", Field::Show::always,
        Field::Kind::count},
       {"seconds", "TAKES", "about so long", Field::Show::always, Field::Kind::seconds},
       {"first", "FIRST", "time of the first one", Field::Show::always, Field::Kind::time},
       {"last", "LAST", "time of the last one", Field::Show::always, Field::Kind::time},
       {"by_type", "TYPES", "how many of each type", Field::Show::wide, Field::Kind::counts},
       {"by_tenant", "TENANTS", "how many of each of the 20 largest tenants", Field::Show::wide,
        Field::Kind::counts}}};
  return view;
}

std::string pipeline_of(const std::string& topic) {
  // The server finds it by itself; here it is for the question. Other topics are left to the
  // server.
  if (topic == "user.events") return "user-index";
  if (topic == "analytics.events") return "analytics";
  if (topic == "chemical.events") return "chemical";
  if (topic == "billing.events") return "metering";
  return {};
}

std::string question(const client::ReplayRequest& request, const Json& estimate) {
  std::string text = "Replay " + count_text(at_path(estimate, "matching")) + " events of " +
                     request.topic + " through " + request.pipeline;
  if (!request.tenant.empty()) text += ", tenant " + request.tenant + " only";
  if (!request.type.empty()) text += ", type " + request.type + " only";
  return text + " (about " + seconds_text(at_path(estimate, "seconds")) + ")?";
}

Outcome replay(Session& session, const ReplayArgs& args) {
  client::ReplayRequest request = args.request;
  request.tenant = session.settings.tenant;
  if (args.partition >= 0) request.partition = args.partition;
  if (request.pipeline.empty()) request.pipeline = pipeline_of(request.topic);
  // The estimate reads the range. With --yes nobody reads the number, so it is not asked for.
  if (args.dry_run || !session.globals.yes) {
    request.dry_run = true;
    auto estimate = MESH_TRY(session.mesh->replay(request));
    if (args.dry_run) {
      session.out.record(estimate_view(), estimate);
      return Exit::ok;
    }
    MESH_TRY(confirm(session, question(request, estimate)));
    request.dry_run = false;
  }
  return started(session, session.mesh->replay(request), args.no_wait);
}

}  // namespace

void add_events_replay(Commands& commands, CLI::App& events) {
  auto args = std::make_shared<ReplayArgs>();
  auto& verb = commands.verb(
      events,
      {.name = "replay",
       .summary = "Run a pipeline again over a range of the log",
       .details = "Harmless to repeat: effects are the same each time. With --tenant only that "
                  "tenant's events. "
                  "The server does the work as a task: Ctrl-C leaves it running. Exit code 6: some "
                  "events died.",
       .examples = "mesh events replay --topic user.events --dry-run\n"
                   "mesh events replay --topic analytics.events --from @-1h --tenant acme --yes\n"
                   "mesh events replay --topic user.events --pipeline user-index --type "
                   "user.updated --yes --no-wait\n",
       .tenant = TenantUse::restricts,
       .view = &estimate_view(),
       .run = [args](Session& session) { return replay(session, *args); }});
  verb.add_option("--topic", args->request.topic, "The topic")->type_name("TOPIC")->required();
  verb.add_option("--pipeline", args->request.pipeline, "The pipeline (the topic's own)")
      ->type_name("user-index|analytics|chemical|metering");
  verb.add_option("--from", args->request.from,
                  "start, end, an offset, @TIME (RFC 3339) or @-DURATION")
      ->type_name("BOUND")
      ->capture_default_str();
  verb.add_option("--to", args->request.to, "Likewise; fixed when the task is made")
      ->type_name("BOUND")
      ->capture_default_str();
  verb.add_option("--type", args->request.type, "Only events of this type")->type_name("TYPE");
  verb.add_option("-p,--partition", args->partition, "Only this partition")
      ->type_name("P")
      ->check(whole_number(0, 1 << 20))
      ->type_name("P");
  verb.add_flag("--dry-run", args->dry_run, "Count and estimate, change nothing");
  verb.add_flag("--no-wait", args->no_wait, "Start it and return");
}

}  // namespace mesh::cli
