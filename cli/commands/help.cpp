#include "cli/help.h"

namespace mesh::cli {
namespace {

Outcome help(Session& session, const Commands& commands, const CLI::App& root,
             const std::vector<std::string>& words) {
  // By hand: CLI11's parser would ask for the options that the command requires.
  const CLI::App* app = &root;
  for (const std::string& word : words) {
    const auto named =
        app->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
    if (named.empty()) return fail(ErrorKind::invalid, unknown_command(*app, word));
    app = named.front();
  }
  session.out.data(help_text(commands, *app));
  return Exit::ok;
}

}  // namespace

void add_help(Commands& commands) {
  auto words = std::make_shared<std::vector<std::string>>();
  // The tree outlives the verb: it owns this function.
  commands
      .verb(commands.root(),
            {.name = "help",
             .summary = "Explain a command",
             .details = "The same as its --help.",
             .examples = "mesh help\nmesh help events publish\n",
             .tenant = TenantUse::none,
             .run =
                 [words, &commands](Session& session) {
                   return help(session, commands, commands.root(), *words);
                 },
             .needs = Needs::nothing},
            purpose::kSetup)
      .add_option("COMMAND", *words, "The command's words; none: the overview");
}

}  // namespace mesh::cli
