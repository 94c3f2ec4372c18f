#include "cli/commands/verb.h"
#include "cli/rate_text.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

const View& limit_view() {
  static const View view{
      "scope",
      {{"tenant", "TENANT", "whose limit", Field::Show::wide},
       {"scope", "SCOPE", "search, publish, users or admin"},
       {"policy", "POLICY", "units per period, and how many beyond at once", Field::Show::always,
        Field::Kind::text, policy_text},
       {"source", "SOURCE", "tenant: set for this one; default: the configuration's"},
       {"limit", "LIMIT", "what an idle tenant may do at once", Field::Show::always,
        Field::Kind::count},
       {"remaining", "REMAINING", "what would pass right now", Field::Show::always,
        Field::Kind::count},
       {"reset_seconds", "FULL IN", "until it is all there again", Field::Show::always,
        Field::Kind::seconds}},
      "POLICY"};
  return view;
}

struct LimitArgs {
  std::string tenant, scope, rate_text, rate, per;
  std::int64_t burst = -1;
  bool policy = false;
};

void add_names(CLI::App& verb, LimitArgs& args, bool scope_required) {
  verb.add_option("TENANT", args.tenant, "The tenant")->required();
  auto* scope = verb.add_option("SCOPE", args.scope, "search, publish, users or admin");
  if (scope_required) scope->required();
}

Outcome print(Session& session, const Result<Json>& limit) {
  if (!limit) return fail(limit.error());
  session.out.row(limit_view(), *limit);
  return Exit::ok;
}

Outcome show(Session& session, const LimitArgs& args) {
  if (!args.scope.empty()) return print(session, session.mesh->rate_limit(args.tenant, args.scope));
  auto limits = MESH_TRY(session.mesh->rate_limits(args.tenant));
  session.out.items(limit_view(), limits);
  return Exit::ok;
}

Outcome set(Session& session, const LimitArgs& args) {
  // Neither, or both.
  if (args.rate_text.empty() == args.rate.empty()) {
    return fail(ErrorKind::invalid, "give the rate once: as 30/1m, or with --rate 30 --per 1m");
  }
  std::string text = args.rate_text.empty() ? args.rate : args.rate_text;
  const bool whole = text.find('/') != text.npos;
  if (whole && !args.per.empty()) {
    return fail(ErrorKind::invalid, "\"" + text + "\" says the period, and so does --per " +
                                        args.per + ": give one of them");
  }
  if (!whole) text += "/" + (args.per.empty() ? "1s" : args.per);
  auto rate = MESH_TRY(parse_rate(text));
  if (args.burst >= 0) rate.burst = args.burst;
  const auto limit = session.mesh->set_rate_limit(args.tenant, args.scope, to_policy(rate));
  // A bulk costs a unit for each of its events, so this limit also bounds what one request may
  // hold.
  if (limit && args.scope == "publish") {
    session.out.note("a request with more than " + count_text(at_path(*limit, "limit")) +
                     " events is refused from now on; `mesh events publish` divides its own");
  }
  return print(session, limit);
}

Outcome reset(Session& session, const LimitArgs& args) {
  // The policy first, so that the answer shows the limit that holds from now on.
  if (args.policy) (void)MESH_TRY(session.mesh->default_rate_limit(args.tenant, args.scope));
  return print(session, session.mesh->reset_rate_limit(args.tenant, args.scope));
}

}  // namespace

void add_ratelimit(Commands& commands) {
  auto& group = commands.group("ratelimit", "Rate limits of a tenant", purpose::kTenancy);
  auto shown = std::make_shared<LimitArgs>();
  add_names(
      commands.verb(
          group, {.name = "show",
                  .summary = "Show a tenant's limits and what is left of them",
                  .details = "Looking uses nothing up.",
                  .examples = "mesh ratelimit show acme\nmesh ratelimit show acme search -o json\n",
                  .tenant = TenantUse::argument,
                  .view = &limit_view(),
                  .run = [shown](Session& session) { return show(session, *shown); }}),
      *shown, false);
  auto args = std::make_shared<LimitArgs>();
  auto& verb = commands.verb(
      group, {.name = "set",
              .summary = "Give a tenant a limit of its own",
              .details = "The tenant needs a record: `mesh tenants create`. Without --burst, the "
                         "units of one period may come at once.",
              .examples = "mesh ratelimit set acme search --rate 30 --per 1m --burst 10\n"
                          "mesh ratelimit set acme search 30/1m\n"
                          "mesh ratelimit set acme publish 5000/1s+10000\n",
              .tenant = TenantUse::argument,
              .view = &limit_view(),
              .run = [args](Session& session) { return set(session, *args); }});
  add_names(verb, *args, true);
  verb.add_option("RATE", args->rate_text, "RATE/PER or RATE/PER+BURST, such as 30/1m+10");
  verb.add_option("--rate", args->rate, "Units per period")->type_name("N");
  verb.add_option("--per", args->per, "The period (1s)")->type_name("D");
  verb.add_option("--burst", args->burst, "Units beyond the steady rate")
      ->check(whole_number(0, 1'000'000'000))
      ->type_name("N");
  auto back = std::make_shared<LimitArgs>();
  auto& reset_verb = commands.verb(
      group,
      {.name = "reset",
       .summary = "Fill a tenant's limit up again",
       .examples = "mesh ratelimit reset acme search\nmesh ratelimit reset acme search --policy\n",
       .tenant = TenantUse::argument,
       .view = &limit_view(),
       .run = [back](Session& session) { return reset(session, *back); }});
  add_names(reset_verb, *back, true);
  reset_verb.add_flag("--policy", back->policy, "Also go back to the configuration's policy");
}

}  // namespace mesh::cli
