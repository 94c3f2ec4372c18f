#include "cli/commands/deploy/options.h"

#include "cli/interrupt.h"

namespace mesh::cli::deploy {

void add_fill_options(CLI::App& verb, FillArgs& args) {
  verb.add_option("--image", args.image, "Image of meshd, REPOSITORY:TAG or REPOSITORY@DIGEST")
      ->type_name("IMAGE");
  verb.add_option("--env", args.environment,
                  "A variable of meshd's configuration, into the ConfigMap mesh-environment; may "
                  "be repeated")
      ->type_name("NAME=VALUE")
      ->take_all();
  verb.add_option("--secret-file", args.secret_files,
                  "A member of the Secret mesh-secrets, where it has none yet: operator_token, "
                  "postgres_password, redis_password, qdrant_api_key or kafka_password; one that "
                  "is not given is made at random; may be repeated")
      ->type_name("NAME=FILE")
      ->take_all();
  verb.add_option("--skip", args.skip, "Leave out the trial at the end, where no container runs")
      ->type_name("smoke")
      ->check(CLI::IsMember(std::vector<std::string>{"smoke"}, nullptr))
      ->take_all();
  verb.add_option("--source", args.source,
                  "Folder with the manifests and the terraform files, in place of the installed")
      ->type_name("DIR");
  verb.add_flag("--restart", args.restart, "Do every step, also those that the last run did");
  verb.add_flag("--dry-run", args.dry_run, "Show what would be done");
}

Result<std::map<std::string, std::string>> pairs_of(const std::vector<std::string>& words,
                                                    const std::string& option) {
  std::map<std::string, std::string> pairs;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == word.npos || equals == 0)
      return fail(ErrorKind::invalid, option + " " + word + ": give NAME=VALUE");
    pairs[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return pairs;
}

Status can_confirm(const Session& session) {
  const Terminal& terminal = session.out.terminal();
  if (session.globals.yes || (terminal.in && terminal.err)) return {};
  return fail(ErrorKind::invalid,
              "this asks before it changes anything, and there is no terminal "
              "to ask on: give --yes, or --dry-run to see what it would do");
}

Run guarded(Run verb) {
  return [verb = std::move(verb)](Session& session) -> Outcome {
    const InterruptGuard interrupt;
    auto outcome = verb(session);
    if (outcome) return outcome;
    session.out.flush();
    session.out.note("mesh: " + outcome.error().message);
    return InterruptGuard::interrupted() ? InterruptGuard::exit() : exit_code(outcome.error().kind);
  };
}

Duration patience(const Session& session) {
  constexpr Duration kDefault{600'000};
  // Not $MESH_TIMEOUT or a context's: those are for a call to meshd.
  if (!session.globals.timeout) return kDefault;
  return session.settings.timeout.value_or(kDefault);
}

}  // namespace mesh::cli::deploy
