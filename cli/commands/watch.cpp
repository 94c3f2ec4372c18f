#include <chrono>
#include <random>

#include "cli/commands/search_events.h"
#include "cli/interrupt.h"
#include "cli/render/width.h"
#include "cli/retry.h"
#include "cli/terminal.h"
#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

// Of a watch that the server ends: below it something may be wrong there.
constexpr std::chrono::seconds kLong{30};

struct WatchArgs {
  std::vector<std::string> words;
  EventArgs events;
  client::SearchOptions search;
};

std::string hit_line(const Json& hit) {
  const Json& score = at_path(hit, "score");
  char text[32] = "";
  if (score.is_number()) std::snprintf(text, sizeof text, "%.3f  ", score.get<double>());
  return time_text(at_path(hit, "time")) + "  " + text +
         printable(plain_text(at_path(hit, "title"))) + "\n";
}

// Until Ctrl-C, or nobody reads any more, or an error that does not pass.
Outcome watch(Session& session, const WatchArgs& args) {
  MESH_TRY(need_tenant(session));
  leave_with_reader();
  const InterruptGuard interrupt;
  const auto query =
      client::Client::watch_of(event_query(args.events, join(args.words, " "), 0, args.search));
  std::mt19937_64 random(std::random_device{}());
  const auto on_event = [&](const http::ReadEvent& event) {
    const auto data = parse_json(event.data);
    if (!data) return true;
    if (event.type == "lost") {
      session.out.note("mesh: " + plain_text(at_path(*data, "dropped")) +
                       " events were dropped, since they came faster than they were taken");
    } else if (event.type == "hit") {
      session.out.stream(event_hit_view(), *data, hit_line(*data));
    }
    session.out.flush();
    return session.out.ok();
  };
  for (int attempt = 0; !InterruptGuard::interrupted();) {
    bool any = false;
    const auto begun = std::chrono::steady_clock::now();
    const auto end = session.mesh->stream(
        query,
        [&](const http::ReadEvent& event) {
          any = true;
          return on_event(event);
        },
        [] { return InterruptGuard::interrupted(); });
    if (end && end->stopped) return Exit::ok;
    // A server that restarts is waited for; what came meanwhile is in the log, and not told.
    if (!end && !retry_delay(end.error(), 1, 0)) return fail(end.error());
    const bool lasted = any || std::chrono::steady_clock::now() - begun >= kLong;
    attempt = lasted ? 1 : std::min(attempt + 1, 7);
    // A server ends streams that have grown old, so that their credential is looked at anew.
    if (!end || !lasted) {
      session.out.note(
          "mesh: " +
          (end ? std::string("the server ended the watch") : printable(end.error().message)) +
          "; watching again, what comes meanwhile is left out");
    }
    const Error again = end ? Error{ErrorKind::unavailable, {}, {}, {}, end->retry} : end.error();
    if (!nap(retry_delay(again, attempt, random()).value_or(Duration{0}) + Duration{100})) {
      return Exit::ok;
    }
  }
  return Exit::ok;
}

}  // namespace

void add_watch(Commands& commands) {
  auto args = std::make_shared<WatchArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "watch",
       .summary = "Show events of a tenant as they come, where they match",
       .details =
           "By meaning and letters, by a filter, or both. What was published before is found "
           "by `mesh search --type`.",
       .examples = "mesh watch \"payment fails\" --tenant acme --min-score 0.5\n"
                   "mesh watch --tenant acme --type order.placed --filter \"amount>=1000\"\n",
       .tenant = TenantUse::acts,
       .view = &event_hit_view(),
       .run = [args](Session& session) { return watch(session, *args); }},
      purpose::kData);
  args->events.type = "analytics.recorded";
  verb.add_option("QUERY", args->words, "What to look for, in any words");
  add_event_options(verb, args->events);
  verb.get_option("--type")->capture_default_str();
  add_score_options(verb, args->search, "Only events at least so alike, -1 to 1");
}

}  // namespace mesh::cli
