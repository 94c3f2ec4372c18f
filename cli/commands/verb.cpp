#include "cli/commands/verb.h"

namespace mesh::cli {

CLI::App& Commands::group(const std::string& name, const std::string& summary,
                          const std::string& purpose) {
  CLI::App* app = root_.add_subcommand(name, summary);
  app->group(purpose)->require_subcommand(0, 1)->fallthrough();
  return *app;
}

CLI::App& Commands::verb(CLI::App& parent, Verb verb, const std::string& purpose) {
  CLI::App* app = parent.add_subcommand(verb.name, verb.summary);
  app->group(purpose)->fallthrough();
  verbs_.emplace(app, std::move(verb));
  return *app;
}

const Verb* Commands::find(const CLI::App* app) const {
  const auto it = verbs_.find(app);
  return it == verbs_.end() ? nullptr : &it->second;
}

}  // namespace mesh::cli
