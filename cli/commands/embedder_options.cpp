#include "cli/commands/embedder_options.h"

#include <filesystem>

namespace mesh::cli {

void add_embedder_options(CLI::App& verb, EmbedderArgs& args) {
  verb.add_option("--embedder", args.engine, "hashing or static; without it the configured one")
      ->type_name("ENGINE");
  verb.add_option("--model", args.model,
                  "The folder of a static model, at this place on meshd's machine")
      ->type_name("DIR");
}

Json asked_embedder(const EmbedderArgs& args) {
  Json asked = Json::object();
  if (!args.engine.empty()) asked["embedder"] = args.engine;
  // meshd has another working directory, and most often the same machine.
  if (!args.model.empty()) {
    asked["model"] = std::filesystem::absolute(args.model).lexically_normal().string();
  }
  return asked;
}

}  // namespace mesh::cli
