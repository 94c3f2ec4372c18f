#include "cli/commands/tenants.h"

#include <cmath>

#include "cli/interrupt.h"
#include "cli/retry.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

constexpr Duration kRefresh{2'000};
constexpr const char* kSortKeys =
    "requests|rejected|events|bytes|searches|search_ms|queued_ms|processed|stage_ms|tokens";

// The counts of the window, and beside them what they make a second.
std::vector<Json> with_rates(const Json& usage) {
  const double window = usage.value("window_seconds", 1.0);
  std::vector<Json> tenants;
  for (Json tenant : usage.at("tenants")) {
    for (const char* counted :
         {"requests", "rejected", "events", "bytes", "searches", "processed"}) {
      // Three decimals: what a quotient has beyond them is noise in JSON.
      const double rate = tenant.value(counted, 0.0) / window;
      tenant["per_second"][counted] = std::round(rate * 1'000) / 1'000;
    }
    tenant["window_seconds"] = window;
    tenants.push_back(std::move(tenant));
  }
  return tenants;
}

const View& usage_view() {
  using Show = Field::Show;
  using Kind = Field::Kind;
  static const View view{
      "tenant",
      {{"tenant", "TENANT",
        "the tenant; (others): those beyond the 10,000 that are counted by name"},
       {"per_second.requests", "REQUESTS/S", "HTTP requests answered", Show::always, Kind::rate},
       {"per_second.rejected", "REJECTED/S", "of them with 429 or 503", Show::always, Kind::rate},
       {"per_second.events", "EVENTS/S", "events made durable, those of changed users among them",
        Show::always, Kind::rate},
       {"per_second.bytes", "BYTES/S", "the bodies they came in", Show::always, Kind::size},
       {"per_second.searches", "SEARCHES/S", "searches", Show::always, Kind::rate},
       {"per_second.processed", "PROCESSED/S", "events done by pipelines", Show::always,
        Kind::rate},
       {"search_ms", "SEARCHING", "time in searches within the window", Show::wide, Kind::millis},
       {"queued_ms", "QUEUED", "time that requests waited for a worker", Show::wide, Kind::millis},
       {"stage_ms", "IN STAGES", "time that pipelines spent on its events", Show::wide,
        Kind::millis},
       {"tokens", "TOKENS", "paid for at a model's server within the window", Show::wide,
        Kind::count},
       {"window_seconds", "WINDOW", "how far back it was counted", Show::wide, Kind::seconds}}};
  return view;
}

struct TopArgs {
  std::string sort = "events", window = "10s";
  int limit = 20;
  bool watch = false;
  int count = 0;
};

Status show(Session& session, const TopArgs& args) {
  auto usage =
      MESH_TRY(session.mesh->usage(args.window, args.sort, args.limit, session.settings.tenant));
  auto& out = session.out;
  const bool for_people = out.for_people();
  const std::string title = "the last " + args.window + ", by " + args.sort;
  if (args.watch && for_people) {
    // Home, then clear to the end: the terminal's history keeps one picture. A file or a pipe gets
    // one after another.
    if (out.terminal().out) out.data("\x1b[H\x1b[J");
    out.data(time_text(format_rfc3339(session.clock.now())) + "  " + title + "\n");
  } else if (for_people) {
    out.note(title);
  }
  // Several documents in one stream need a mark between them.
  if (args.watch && out.format() == Format::yaml) out.data("---\n");
  out.items(usage_view(), with_rates(usage));
  out.flush();
  return {};
}

Outcome top(Session& session, const TopArgs& args) {
  const InterruptGuard interrupt;
  // A pager would hold up the next picture until a key is pressed.
  if (args.watch) session.out.set_pager({});
  for (int shown = 1;; ++shown) {
    MESH_TRY(show(session, args));
    if (!args.watch || shown == args.count || !session.out.ok() || !nap(kRefresh)) return Exit::ok;
  }
}

}  // namespace

void add_tenants_top(Commands& commands, CLI::App& group) {
  auto args = std::make_shared<TopArgs>();
  auto& verb = commands.verb(
      group,
      {.name = "top",
       .summary = "Show which tenants use the mesh most right now",
       .details =
           "Rates over the last seconds; -o json has the counts, too. With --watch again every two "
           "seconds, on a terminal in place, "
           "until Ctrl-C or --count. With --tenant, only that one.",
       .examples = "mesh tenants top\n"
                   "mesh tenants top --sort searches --window 1m --limit 5\n"
                   "mesh tenants top --watch --sort rejected\n"
                   "mesh tenants top --watch -n 3 -o json\n",
       .tenant = TenantUse::restricts,
       .view = &usage_view(),
       .run = [args](Session& session) { return top(session, *args); }});
  verb.add_option("--sort", args->sort, "By which column")
      ->check(CLI::IsMember(split(kSortKeys, '|'), nullptr))
      ->type_name(kSortKeys)
      ->capture_default_str();
  verb.add_option("--window", args->window, "How far back, 1s to 1m")
      ->type_name("D")
      ->capture_default_str();
  verb.add_option("--limit", args->limit, "At most so many tenants")
      ->check(whole_number(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  auto* watch = verb.add_flag("--watch", args->watch, "Go on showing it");
  verb.add_option("-n,--count", args->count, "End after so many times")
      ->check(whole_number(1, 1'000'000))
      ->type_name("N")
      ->needs(watch);
}

}  // namespace mesh::cli
