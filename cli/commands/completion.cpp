#include "cli/completion/scripts.h"

#include "cli/commands/verb.h"

namespace mesh::cli {

void add_completion(Commands& commands) {
  auto shell = std::make_shared<std::string>();
  commands
      .verb(commands.root(),
            {.name = "completion",
             .summary = "Print a completion script for a shell",
             .details =
                 "It completes commands, flags and their values, and asks the server that the "
                 "line, the environment or the context names for tenants, topics, groups and "
                 "tasks: for 150ms, or as long as $MESH_COMPLETION_TIMEOUT says, and in silence "
                 "where "
                 "none answers. The script only asks `mesh`, so that it offers what the installed "
                 "version has.",
             .examples = "source <(mesh completion bash)\n"
                         "mesh completion bash > ~/.local/share/bash-completion/completions/mesh\n"
                         "mesh completion zsh > \"${fpath[1]}/_mesh\"\n"
                         "mesh completion fish > ~/.config/fish/completions/mesh.fish\n",
             .tenant = TenantUse::none,
             .run = [shell](Session& session) -> Outcome {
               session.out.data(*shell == "bash"  ? bash_completion()
                                : *shell == "zsh" ? zsh_completion()
                                                  : fish_completion());
               return Exit::ok;
             },
             .needs = Needs::nothing},
            purpose::kSetup)
      .add_option("SHELL", *shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
}

}  // namespace mesh::cli
