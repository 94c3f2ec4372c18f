// What rebuilds of the user index and of indexes of events ask for alike.
#pragma once

#include <string>

#include "cli/commands/verb.h"

namespace mesh::cli {

struct EmbedderArgs {
  std::string engine, model;
};
// --embedder and --model. `args` outlives the verb.
void add_embedder_options(CLI::App& verb, EmbedderArgs& args);
// {"embedder","model"}, as the API takes them: those that are given, the model's folder absolute.
Json asked_embedder(const EmbedderArgs& args);

}  // namespace mesh::cli
