// terraform's JSON stream (`-json`), a line at a time. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::cli::deploy {

struct StackEvent {
  enum class Kind { planned, began, goes_on, complete, failed, diagnostic };
  Kind kind = Kind::planned;
  std::string address;  // "module.eks.aws_eks_cluster.this"
  std::string action;   // "create", "update", "delete", "replace", "read", …
  int seconds = 0;      // how long it has taken
  // Of a diagnostic.
  bool error = false;
  std::string summary, detail;
};
// Nothing for other messages, and for lines that are none.
std::optional<StackEvent> parse_event(const std::string& line);

// "+ module.eks.aws_eks_cluster.this created (9m20s)"; empty for what is no end of an action.
std::string told(const StackEvent& event);

// How a person calls terraform on the stack, in an advice.
struct ByHand {
  std::string terraform;  // "TF_DATA_DIR=… terraform -chdir=…"
  std::string variables;  // " -var=…", as verbs that read the configuration need them
};
// A word of a command that is shown, quoted for a shell where it has to be.
std::string shell_word(const std::string& word);

// What went wrong, by the diagnostics of a run: a lock that somebody holds is `conflict` with who
// and what to do, a want of credentials `unauthenticated`, a variable that is refused `invalid`.
// What AWS has and the state has not is told by its name, with how to take it in.
Error stack_error(const std::vector<StackEvent>& diagnostics, const ByHand& by_hand);

}  // namespace mesh::cli::deploy
