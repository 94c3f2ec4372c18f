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

// What went wrong, by the diagnostics of a run: a lock that somebody holds is `conflict` with who
// and what to do, a want of credentials `unauthenticated`, a variable that is refused `invalid`.
Error stack_error(const std::vector<StackEvent>& diagnostics);

}  // namespace mesh::cli::deploy
