// The options that several verbs of `mesh deploy` have.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/commands/deploy/fill.h"
#include "cli/commands/verb.h"

namespace mesh::cli::deploy {

struct FillArgs {
  std::string source, name_space, image;
  std::vector<std::string> environment, secret_files, skip;
  bool restart = false, dry_run = false;
};
void add_fill_options(CLI::App& verb, FillArgs& args);

// NAME=VALUE words. `invalid` for one without "=" or without a name; `option` is named.
Result<std::map<std::string, std::string>> pairs_of(const std::vector<std::string>& words,
                                                    const std::string& option);

// A question can be put, or need not be: `invalid` where neither, before anything is begun.
Status can_confirm(const Session& session);

// The verb with Ctrl-C as a flag, telling its error itself: the advice that the tool's errors have
// is about a meshd and its tokens, which these are not.
using Run = std::function<Outcome(Session&)>;
Run guarded(Run verb);

// How long a verb waits for one thing: --timeout, else ten minutes.
Duration patience(const Session& session);

void add_eks(Commands& commands, CLI::App& group);
void add_kubernetes(Commands& commands, CLI::App& group);
void add_local(Commands& commands, CLI::App& group);
void add_status(Commands& commands, CLI::App& group);
void add_upgrade(Commands& commands, CLI::App& group);
void add_destroy(Commands& commands, CLI::App& group);

}  // namespace mesh::cli::deploy
