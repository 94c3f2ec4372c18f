#include "common/domain/search.h"

#include "cli/commands/search_events.h"
#include "cli/commands/verb.h"
#include "cli/commands/wait_options.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

const View& hit_view() {
  static const View view{"user_id",
                         {{"user_id", "USER", "the user's number"},
                          {"score", "SCORE", "likeness to the query, 1 at most",
                           Field::Show::always, Field::Kind::text, score_text},
                          {"name", "NAME", "the user's name"},
                          {"email", "EMAIL", "the user's e-mail address"},
                          {"tenant_id", "TENANT", "the tenant searched in", Field::Show::wide}}};
  return view;
}

struct SearchArgs {
  std::vector<std::string> words;
  int limit = 10;
  client::SearchOptions search;
  std::string wait;
  std::string why_not;
  EventArgs events;
};

const View& why_not_view() {
  static const View view{
      "reason",
      {{"reason", "REASON", "found, or the first thing that is in the way"},
       {"text", "WHY", "the same with its numbers"},
       {"score", "SCORE", "likeness to the query, 1 at most", Field::Show::always,
        Field::Kind::text, score_text},
       {"min_score", "MIN SCORE", "the smallest score of hits", Field::Show::wide,
        Field::Kind::text, score_text},
       {"semantic_ratio", "RATIO", "how much of the score is meaning, as asked", Field::Show::wide},
       {"rank", "RANK", "its place in the order of hits"},
       {"limit", "LIMIT", "how many hits the search has", Field::Show::wide},
       {"user", "USER", "the user in the store, the log and the index", Field::Show::never},
       {"elsewhere", "ELSEWHERE", "other tenants' users of the address", Field::Show::never}},
      "WHY"};
  return view;
}

Outcome why_not(Session& session, const SearchArgs& args) {
  const std::string& tenant = session.settings.tenant;
  if (tenant.empty()) {
    return fail(ErrorKind::invalid, "--why-not is for operators: name the tenant with --tenant T");
  }
  if (!args.events.type.empty() || !none_without_type(args.events)) {
    return fail(ErrorKind::invalid,
                "--why-not is of searches for users; of an event, `mesh trace EVENT` says how far "
                "it is");
  }
  auto why = MESH_TRY(
      session.mesh->why_not(tenant, join(args.words, " "), args.limit, args.search, args.why_not));
  session.out.record(why_not_view(), why);
  return Exit::ok;
}

Outcome search(Session& session, SearchArgs args) {
  if (!args.why_not.empty()) return why_not(session, args);
  MESH_TRY(need_tenant(session));
  if (!args.events.type.empty()) {
    if (!args.search.min_position.empty() || !args.wait.empty()) {
      return fail(ErrorKind::invalid,
                  "--min-position and --wait are of searches for users; leave them out, or --type");
    }
    return search_events(session,
                         event_query(args.events, join(args.words, " "), args.limit, args.search));
  }
  MESH_TRY(none_without_type(args.events));
  args.search.wait_seconds = MESH_TRY(wait_seconds(args.wait));
  // Words are joined, so that a query of several needs no quotes.
  auto hits = MESH_TRY(session.mesh->search(join(args.words, " "), args.limit, args.search));
  std::vector<Json> rows;
  for (const SearchHit& hit : hits) rows.push_back(to_json(hit));
  session.out.items(hit_view(), rows);
  return Exit::ok;
}

}  // namespace

void add_search(Commands& commands) {
  auto args = std::make_shared<SearchArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "search",
       .summary = "Search the users or events of a tenant by meaning",
       .details = "With --type events of that type are found, else users.",
       .examples =
           "mesh search alice smith --tenant acme\n"
           "mesh search \"chemist in berlin\" --tenant acme --limit 5 --min-score 0.3\n"
           "mesh search \"chemist in berlin\" --tenant acme --semantic-ratio 0.9\n"
           "mesh search bob --tenant acme -o name\n"
           "mesh search \"checkout fails\" --tenant acme --type analytics.recorded --filter "
           "country=DE --from 7d\n"
           "mesh search bob --tenant acme --why-not bob@acme.dev\n"
           "mesh search ann --tenant acme --min-position \"$position\" --wait=5s\n",
       .tenant = TenantUse::acts,
       .view = &hit_view(),
       .run = [args](Session& session) { return search(session, *args); }},
      purpose::kData);
  verb.add_option("QUERY", args->words, "What to look for, in any words")->required();
  verb.add_option("-n,--limit", args->limit, "At most so many")
      ->check(whole_number(1, kMaxSearchHits))
      ->type_name("N")
      ->capture_default_str();
  add_score_options(verb, args->search,
                    "Only hits at least so alike, -1 to 1, and who is the query itself");
  verb.add_option("--min-position", args->search.min_position,
                  "See this write: the position that a change of users printed with -o json")
      ->type_name("POSITION");
  verb.add_option("--why-not", args->why_not,
                  "Say why it does not find this user, by id or e-mail address")
      ->type_name("ID|EMAIL");
  add_event_options(verb, args->events);
  verb.add_option("--from", args->events.from,
                  "Of events: no earlier than this time, or so long ago (7d)")
      ->type_name("TIME");
  verb.add_option("--to", args->events.to, "Of events: earlier than this time, or so long ago")
      ->type_name("TIME");
  add_wait(verb, args->wait, "--min-position is reached");
}

}  // namespace mesh::cli
