#include "cli/commands/check_data.h"
#include "cli/commands/verb.h"
#include "cli/render/width.h"

namespace mesh::cli {
namespace {

// The plug-in conventions of Nagios and its kin.
enum class State { ok = 0, warning = 1, critical = 2, unknown = 3 };

struct CheckArgs {
  // Below 0: no bound was given.
  std::int64_t lag_warning = -1, lag_critical = -1, letters_warning = -1, letters_critical = -1;
  bool repair = false;
};

struct Findings {
  State state = State::ok;
  std::vector<std::string> problems;
  std::vector<std::string> performance;
  Json measured = Json::object();

  void add(State found, const std::string& problem) {
    // critical before unknown before warning: what is known to be broken counts most.
    const auto rank = [](State s) {
      return s == State::critical ? 3 : s == State::unknown ? 2 : s == State::warning ? 1 : 0;
    };
    if (rank(found) > rank(state)) state = found;
    problems.push_back(printable(problem));
  }
  void measure(const std::string& name, std::int64_t value, std::int64_t warning,
               std::int64_t critical) {
    const auto bound = [](std::int64_t n) { return n < 0 ? std::string{} : std::to_string(n); };
    // NAME=VALUE;WARNING;CRITICAL;LEAST, the plug-ins' form; a bound that is not given stays empty.
    performance.push_back(name + "=" + std::to_string(value) + ";" + bound(warning) + ";" +
                          bound(critical) + ";0");
    measured[name] = value;
    // The worse bound first: one finding for each value.
    if (critical >= 0 && value > critical) {
      add(State::critical, name + " is " + std::to_string(value));
    } else if (warning >= 0 && value > warning) {
      add(State::warning, name + " is " + std::to_string(value));
    }
  }
};

State state_of(const Error& error) {
  // A question that was refused tells nothing of the mesh: the credential, the server's version or
  // the command line is wrong. Where nobody answers, or meshd fails, that is the finding.
  switch (error.kind) {
    case ErrorKind::unauthenticated:
    case ErrorKind::forbidden:
    case ErrorKind::invalid:
    case ErrorKind::not_found:
    case ErrorKind::unsupported:
      return State::unknown;
    default:
      return State::critical;
  }
}

void check_listeners(client::Client& mesh, Findings& findings) {
  int ready = 0;
  for (const client::Role role : client::kRoles) {
    // This meshd does not run the role, which is no fault.
    if (mesh.options().endpoints.of(role).empty()) continue;
    const auto answer = mesh.probe(role, "/readyz");
    if (!answer) {
      findings.add(State::critical, std::string(to_string(role)) + ": " + answer.error().message);
    } else if (answer->status != 200) {
      findings.add(State::critical, std::string(to_string(role)) + " is not ready (" +
                                        std::to_string(answer->status) + ")");
    } else {
      ++ready;
    }
  }
  findings.measure("listeners", ready, -1, -1);
}

void check_inside(client::Client& mesh, const CheckArgs& args, Findings& findings) {
  const auto checks = mesh.check();
  if (!checks) return findings.add(state_of(checks.error()), checks.error().message);
  for (const Json& check : *checks) {
    const bool ok = at_path(check, "ok") == Json(true);
    if (ok && at_path(check, "warning") != Json(true)) continue;
    findings.add(ok ? State::warning : State::critical,
                 plain_text(at_path(check, "name")) + ": " + plain_text(at_path(check, "detail")));
  }
  const auto sum = [](const std::vector<Json>& items, const char* path) {
    std::int64_t total = 0;
    for (const Json& item : items) {
      if (const Json& value = at_path(item, path); value.is_number_integer())
        total += value.get<std::int64_t>();
    }
    return total;
  };
  // What was not measured is within no bound: its error is a finding.
  if (const auto groups = mesh.groups()) {
    findings.measure("lag", sum(*groups, "lag"), args.lag_warning, args.lag_critical);
  } else {
    findings.add(state_of(groups.error()), groups.error().message);
  }
  if (const auto letters = mesh.dead_letter_topics()) {
    findings.measure("letters", sum(*letters, "letters"), args.letters_warning,
                     args.letters_critical);
  } else {
    findings.add(state_of(letters.error()), letters.error().message);
  }
}

// The folder named by flag or environment.
std::optional<std::string> named_data(const Session& session) {
  // --server asks about that server, whatever folder the environment names.
  if (session.globals.server) return std::nullopt;
  std::optional<std::string> dir = session.globals.data_dir;
  if (const char* named = session.surroundings.env("MESH_DATA_DIR");
      !dir && named != nullptr && *named != '\0')
    dir = named;
  return dir;
}

Outcome check(Session& session, const CheckArgs& args) {
  // Where a meshd holds the folder's LOCK it is asked. Only a folder that nobody uses is looked at
  // as files: whoever looks takes the LOCK.
  const auto dir = named_data(session);
  if (dir && !in_use(*dir)) return check_data(session, *dir, args.repair);
  if (args.repair) {
    return unknown(session, dir ? "data folder " + *dir + " is in use by " + holder(*dir) +
                                      ": stop it, then repair"
                                : "--repair needs --data-dir DIR with the folder of a meshd that "
                                  "is stopped, and no --server");
  }
  Findings findings;
  if (const auto connected = session.connect(); !connected) {
    // The folder of a context without a meshd is an outage; a setting that cannot be is a mistake
    // of whoever asks.
    findings.add(
        connected.error().kind == ErrorKind::unavailable ? State::critical : State::unknown,
        connected.error().message);
  } else {
    check_listeners(*session.mesh, findings);
    // Where nobody listens the inside need not be asked.
    if (findings.state == State::ok) check_inside(*session.mesh, args, findings);
  }
  static constexpr const char* kWords[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  const char* word = kWords[static_cast<int>(findings.state)];
  if (!session.out.for_people()) {
    session.out.row(
        check_view(),
        {{"state", word}, {"problems", findings.problems}, {"measured", findings.measured}});
    return static_cast<Exit>(findings.state);
  }
  std::string line = std::string(word) + " - ";
  if (findings.problems.empty()) line += "every listener is ready, every check passed";
  for (std::size_t i = 0; i < findings.problems.size(); ++i)
    line += (i == 0 ? "" : "; ") + findings.problems[i];
  for (std::size_t i = 0; i < findings.performance.size(); ++i)
    line += (i == 0 ? "|" : " ") + findings.performance[i];
  session.out.data(line + "\n");
  // The plug-ins' numbers, which Exit has other names for.
  return static_cast<Exit>(findings.state);
}

}  // namespace

const View& check_view() {
  static const View view{
      "state",
      {{"state", "STATE", "OK, WARNING, CRITICAL or UNKNOWN, as the exit codes 0 to 3"},
       {"problems", "PROBLEMS", "what is not as it should be"},
       {"measured", "MEASURED", "listeners that are ready, lag in events, dead letters"}}};
  return view;
}

void add_check(Commands& commands) {
  auto args = std::make_shared<CheckArgs>();
  auto& verb = commands.verb(
      commands.root(),
      {.name = "check",
       .summary = "One line on the state of a meshd, for monitoring systems",
       .details = "Follows the plug-in conventions: exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 "
                  "UNKNOWN, and performance data "
                  "behind a bar. Where no meshd runs on the folder of --data-dir, its files are "
                  "looked at for damage: what "
                  "is damaged or missing, whose it is, and what a repair would lose; --repair puts "
                  "what is whole in their place and "
                  "keeps the damaged files beside.",
       .examples =
           "mesh check\n"
           "mesh check -o json\n"
           "mesh check --data-dir /var/lib/mesh\n"
           "mesh check --data-dir ./mesh-data --repair\n"
           "mesh check --lag-warning 1000 --lag-critical 100000 --letters-warning 0 --timeout 5s\n",
       .tenant = TenantUse::none,
       .view = &check_view(),
       .run = [args](Session& session) { return check(session, *args); },
       .needs = Needs::nothing},
      purpose::kHealth);
  verb.add_flag("--repair", args->repair,
                "of a folder that no meshd uses: repair what is damaged, after a question");
  const auto counts = whole_number(0, std::int64_t{1} << 60);
  const auto add = [&](const char* name, std::int64_t& value, const char* help) {
    verb.add_option(name, value, help)->check(counts)->type_name("N");
  };
  add("--lag-warning", args->lag_warning, "WARNING beyond so many unprocessed events");
  add("--lag-critical", args->lag_critical, "CRITICAL beyond so many");
  add("--letters-warning", args->letters_warning, "WARNING beyond so many dead letters");
  add("--letters-critical", args->letters_critical, "CRITICAL beyond so many");
}

}  // namespace mesh::cli
