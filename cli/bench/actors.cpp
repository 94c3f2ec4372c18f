#include "cli/bench/actors.h"

namespace mesh::cli {
namespace {

constexpr const char* kUser = "bench";

enum class Mode { dev, other, unknown };

Mode mode_of(client::Client& mesh) {
  if (mesh.options().operator_token.empty()) return Mode::unknown;
  const auto config = mesh.config();
  if (!config || !at_path(*config, "auth.mode").is_string()) return Mode::unknown;
  return at_path(*config, "auth.mode") == "dev" ? Mode::dev : Mode::other;
}

Actor actor(const client::Options& base, const std::string& tenant, const std::string& token,
            bool named_by_token) {
  Actor made{tenant, base, "Authorization: Bearer " + token + "\r\n", false};
  made.options.token = token;
  // A tenant's token names it; so does the header, which must then agree.
  made.options.tenant = named_by_token ? "" : tenant;
  if (!named_by_token) made.headers += "X-Tenant-Id: " + tenant + "\r\n";
  return made;
}

}  // namespace

Result<std::vector<Actor>> make_actors(Session& session, std::optional<int> tenants) {
  const Settings& settings = session.settings;
  const client::Options& base = session.mesh->options();
  const auto owner = token_owner(settings.token);
  if (tenants && session.globals.tenant && !session.globals.tenant->empty())
    return fail(ErrorKind::invalid, "give --tenant or --tenants, not both");
  if (owner && tenants) {
    return fail(ErrorKind::invalid,
                "a tenant's token opens that tenant alone: leave --tenants out, or give the "
                "operator's token");
  }
  // A claim of another name, which only the server knows.
  if (owner && owner->tenant.empty() && settings.tenant.empty())
    return fail(ErrorKind::invalid, "the token does not say whose it is: give --tenant, too");
  // The client sends what was given; the server says where the two do not agree.
  if (owner) {
    const bool agrees = settings.tenant.empty() || settings.tenant == owner->tenant;
    return std::vector<Actor>{actor(base, agrees ? owner->tenant : settings.tenant, settings.token,
                                    agrees || owner->tenant.empty())};
  }
  std::vector<std::string> names;
  const std::string asked = session.globals.tenant.value_or("");
  if (!asked.empty()) {
    names.push_back(asked);
  } else {
    for (int i = 1; i <= tenants.value_or(1); ++i) names.push_back("bench-" + std::to_string(i));
  }
  // Without any credential a dev token is all there is to try.
  const bool dev = base.operator_token.empty() || mode_of(*session.mesh) == Mode::dev;
  std::vector<Actor> actors;
  for (const auto& name : names) {
    actors.push_back(dev ? actor(base, name, name + ":" + kUser, true)
                         : actor(base, name, base.operator_token, false));
    actors.back().by_operator = !dev;
  }
  return actors;
}

std::string names_of(const std::vector<Actor>& actors) {
  if (actors.size() == 1) return "tenant " + actors.front().tenant;
  return "tenants " + actors.front().tenant + " … " + actors.back().tenant;
}

}  // namespace mesh::cli
