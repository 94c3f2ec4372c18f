// `mesh __complete`, which the shells' scripts ask at each press of TAB.
//
//   mesh __complete bash REPLACED WORD…    words as typed; the end of the last that bash replaces
//   mesh __complete zsh WORD…              words without their quotes
//   mesh __complete fish WORD…             likewise, but for the last
//
// It answers a line "VALUE<tab>DESCRIPTION" for each candidate and one with what else holds:
// ":none", ":nospace", ":files PREFIX" or ":directories PREFIX", the part of the word in front of
// the path. No verb of the tree: no help shows it, and nobody is to type it.
#pragma once

#include "cli/app.h"

namespace mesh::cli {

inline constexpr std::string_view kCompleteVerb = "__complete";

// `arguments`: those behind the verb's name. Says nothing on stderr, whatever is wrong.
Exit answer_shell(Session& session, const std::vector<std::string>& arguments);

}  // namespace mesh::cli
