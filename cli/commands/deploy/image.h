// An image of meshd in the registry of the stack, built where a builder is found.
#pragma once

#include <optional>
#include <string>

#include "cli/commands/deploy/steps.h"

namespace mesh::cli::deploy {

// buildah, podman or docker with buildx: the first that is on $PATH and answers.
std::optional<std::string> found_builder();
// What is missing to build one, for the list of what is missing; nothing where it can be.
std::optional<std::string> no_builder(const std::string& source);

// Builds `source`'s image by its scripts/image and pushes it to the repository; its name with the
// tag.
Result<std::string> build_image(Session& session, const Workplace& place, const std::string& source,
                                const std::string& region, const std::string& repository,
                                Step& step);

}  // namespace mesh::cli::deploy
