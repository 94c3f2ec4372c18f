#include "cli/completion.h"

namespace mesh::cli {

void add_completion(Commands& commands) {
  auto shell = std::make_shared<std::string>();
  // The root outlives the verb: it is the tree that owns this function.
  const CLI::App* root = &commands.root();
  commands
      .verb(commands.root(),
            {.name = "completion",
             .summary = "Print a completion script for a shell",
             .examples = "source <(mesh completion bash)\n"
                         "mesh completion bash > ~/.local/share/bash-completion/completions/mesh\n"
                         "mesh completion zsh > \"${fpath[1]}/_mesh\"\n"
                         "mesh completion fish > ~/.config/fish/completions/mesh.fish\n",
             .run = [shell, root](Session& session) -> Outcome {
               session.out.data(*shell == "bash"  ? bash_completion(*root)
                                : *shell == "zsh" ? zsh_completion(*root)
                                                  : fish_completion(*root));
               return Exit::ok;
             },
             .needs = Needs::nothing},
            purpose::kSetup)
      .add_option("SHELL", *shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
}

}  // namespace mesh::cli
