#include "cli/commands/verb.h"

namespace mesh::cli {
namespace {

using Show = Field::Show;
using Kind = Field::Kind;

const View& time_view() {
  static const View view{
      "tenant",
      {{"tenant", "TENANT", "who used it"},
       {"start", "START", "when the minute, hour or day began, in UTC", Show::always, Kind::text,
        time_text},
       {"events", "EVENTS", "acknowledged as durable: published, or of changed users", Show::always,
        Kind::count},
       {"bytes", "BYTES", "the bodies that they came in", Show::always, Kind::size},
       {"searches", "SEARCHES", "searches", Show::always, Kind::count},
       {"embedding_tokens", "EMBED TOKENS", "paid for at the embedder's server", Show::always,
        Kind::count},
       {"chat_tokens", "CHAT TOKENS", "paid for at the extractor's server", Show::wide,
        Kind::count},
       {"chat_cost", "CHAT COST", "of them, in millionths of the currency of extractor.price",
        Show::wide, Kind::count},
       {"stored_users", "STORED USERS", "the most that were found, once an hour", Show::always,
        Kind::count},
       {"stored_bytes", "STORED", "the texts of users and events; the most, as of users",
        Show::wide, Kind::size}}};
  return view;
}

const View& kind_view() {
  static const View view{"kind",
                         {{"tenant", "TENANT", "who used it"},
                          {"kind", "KIND", "what was used, as the columns of --by day"},
                          {"amount", "AMOUNT", "how much of it; of what is stored the most",
                           Show::always, Kind::count}}};
  return view;
}

Outcome show(Session& session, client::Client::UsageQuery query) {
  query.own = is_tenant_token(session.settings.token);
  query.tenant = session.settings.tenant;
  auto usage = MESH_TRY(session.mesh->usage_totals(query));
  std::vector<Json> items(usage["items"].begin(), usage["items"].end());
  session.out.items(query.by == "kind" ? kind_view() : time_view(), items);
  return Exit::ok;
}

}  // namespace

void add_usage(Commands& commands) {
  auto args = std::make_shared<client::Client::UsageQuery>();
  args->since = "30d";
  args->by = "day";
  auto& verb = commands.verb(
      commands.root(),
      {.name = "usage",
       .summary = "Show what tenants used over time",
       .details =
           "What is billed: totals by minute (kept for 2 days), hour (90 days) or day, in UTC, a "
           "minute behind. A tenant's --token shows that tenant's own; the operator sees all "
           "tenants, or that of --tenant. For rates of this moment: mesh tenants top.",
       .examples = "mesh usage --tenant acme --since 7d\n"
                   "mesh usage --tenant acme --since 2026-11-01T00:00:00Z --by kind -o csv\n"
                   "mesh usage --since 2h --by minute -o json\n",
       .tenant = TenantUse::restricts,
       .view = &time_view(),
       .run = [args](Session& session) { return show(session, *args); }},
      purpose::kTenancy);
  verb.add_option("--since", args->since, "From this time on, or how long ago")
      ->type_name("TIME")
      ->capture_default_str();
  verb.add_option("--until", args->until, "Before this time, or how long ago; now by default")
      ->type_name("TIME");
  verb.add_option("--by", args->by, "What one row is")
      ->check(CLI::IsMember({"minute", "hour", "day", "kind"}))
      ->type_name("minute|hour|day|kind")
      ->capture_default_str();
}

}  // namespace mesh::cli
