#include "cli/commands/deploy/options.h"
#include "cli/commands/deploy/source.h"
#include "cli/files.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

constexpr const char* kName = "local";
// Not the compose file's own name: that is of who calls it by hand.
constexpr const char* kProject = "mesh-deploy";
constexpr const char* kSecretFiles[] = {"operator_token", "postgres_password", "redis_password",
                                        "qdrant_api_key", "grafana_password"};

struct LocalArgs {
  std::string source;
  bool down = false, dry_run = false;
};

// What compose and its engine answer to; empty: nothing.
std::string found_engine() {
  for (const std::string engine : {"docker", "podman"}) {
    if (has_program(engine) && succeeds({engine, "compose", "version"}) &&
        succeeds({engine, "info"}))
      return engine;
  }
  return {};
}

// The secrets and the build's context stand elsewhere than the copy of the compose file says.
Json compose_override(const std::string& source, const Workplace& place) {
  Json secrets = Json::object(), services = Json::object();
  for (const char* name : kSecretFiles)
    secrets[name] = {{"file", place.file(std::string("secrets/") + name)}};
  for (const char* service : {"meshd-edge", "meshd-pipelines"})
    services[service] = {{"build", {{"context", source}, {"dockerfile", "manifests/Dockerfile"}}}};
  return {{"services", services}, {"secrets", secrets}};
}

Status run(const Program& program, Step& step, Session& session) {
  std::string said;
  const auto told = [&](const std::string& line) {
    said += line + "\n";
    session.out.note("  " + line);
  };
  const auto ended = MESH_TRY(run_logged(program, {.log = step.log, .on_line = told}));
  if (ended.code == 0) return {};
  return fail(ErrorKind::conflict, join(program.words, " ") + " ended with exit code " +
                                       std::to_string(ended.code) + ": " + last_lines(said, 2));
}

Status compose(Session& session, const Workplace& place, const std::string& source,
               const std::string& engine, bool down, Step& step) {
  MESH_TRY(copy_part(source, "manifests", place));
  MESH_TRY(write_private_file(place.file("manifests/override.json"),
                              dump(compose_override(source, place), 2) + "\n"));
  MESH_TRY(run({.words = {source + "/manifests/stack/make-secrets", place.file("secrets")}}, step,
               session));
  std::vector<std::string> words{engine, "compose",
                                 "-p",   kProject,
                                 "-f",   place.file("manifests/compose.yaml"),
                                 "-f",   place.file("manifests/override.json")};
  if (down)
    words.emplace_back("down");
  else
    words.insert(words.end(), {"up", "--build", "--wait"});
  return run({.words = words}, step, session);
}

Status processes(Session& session, const Workplace& place, const std::string& source, bool down,
                 Step& step) {
  return run(
      {.words = {source + "/scripts/stack", "--dir", place.file("stack"), down ? "down" : "up"}},
      step, session);
}

Outcome deploy(Session& session, const LocalArgs& args) {
  const std::string source = MESH_TRY(find_source(args.source));
  if (!is_checkout(source)) {
    return fail(ErrorKind::conflict, "the local stack is built from a checkout, and " + source +
                                         " is none: give --source CHECKOUT; without one `meshd` "
                                         "alone runs all of the mesh in one process");
  }
  const auto place = MESH_TRY(Workplace::open(session, kName));
  const auto before = place.deployment();
  if (!before && before.error().kind != ErrorKind::not_found) return fail(before.error());
  if (before && before->kind != "local") {
    return fail(ErrorKind::conflict, std::string("\"") + kName + "\" is a deployment of kind " +
                                         before->kind + ": destroy it first");
  }
  // What runs already is gone on with and stopped by what started it, whatever answers now.
  const std::string engine = before ? before->engine : found_engine();
  std::string how = engine + " compose";
  if (engine.empty()) {
    how = source + "/scripts/stack, as processes";
    if (!before) how += ": neither docker compose nor podman compose answers";
  }
  session.out.note(std::string(args.down ? "stop" : "start") + " by " + how);
  if (args.dry_run) {
    session.out.note("nothing was done (--dry-run)");
    return Exit::ok;
  }
  // Before anything runs, so that --down finds it.
  const Deployment deployment{.name = kName, .kind = "local", .source = source, .engine = engine};
  if (!args.down) MESH_TRY(place.keep(deployment));
  Steps steps(session, place);
  MESH_TRY(steps.begin(args.down ? "down" : "local", {{"source", source}}, true));
  MESH_TRY(steps.run(args.down ? "down" : "up", args.down ? "stop" : "start", [&](Step& step) {
    return engine.empty() ? processes(session, place, source, args.down, step)
                          : compose(session, place, source, engine, args.down, step);
  }));
  MESH_TRY(steps.end());
  if (args.down) {
    MESH_TRY(place.forget());
    session.out.note("the data stays");
    return Exit::ok;
  }
  const Json report = {{"name", kName},
                       {"kind", "local"},
                       {"namespace", ""},
                       {"image", ""},
                       {"server", ""},
                       {"context", ""},
                       {"kubeconfig", ""},
                       {"logs", place.file("logs")},
                       {"services", Json::array()}};
  show_deployed(session, report);
  session.out.note(
      "meshd answers on its default ports; its operator token: " +
      place.file(engine.empty() ? "stack/secrets/operator_token" : "secrets/operator_token"));
  return Exit::ok;
}

}  // namespace

void add_local(Commands& commands, CLI::App& group) {
  auto args = std::make_shared<LocalArgs>();
  auto& verb = commands.verb(
      group,
      {.name = "local",
       .summary = "Run the whole stack on this machine",
       .details =
           "With manifests/compose.yaml where docker compose or podman compose answers, else "
           "as processes by scripts/stack. Builds, so it needs a checkout. What does not run "
           "is started; --down stops it and keeps the data.",
       .examples = "mesh deploy local --dry-run\n"
                   "mesh deploy local\n"
                   "mesh deploy local --down\n",
       .tenant = TenantUse::none,
       .view = &deployed_view(),
       .run = guarded([args](Session& session) { return deploy(session, *args); }),
       .needs = Needs::nothing});
  verb.add_option("--source", args->source, "The checkout, where `mesh` was built in none")
      ->type_name("DIR");
  verb.add_flag("--down", args->down, "Stop it");
  verb.add_flag("--dry-run", args->dry_run, "Say what would run it");
}

}  // namespace mesh::cli::deploy
