#include "cli/commands/deploy/image.h"

#include <algorithm>
#include <filesystem>

#include "cli/commands/deploy/cluster.h"
#include "cli/commands/deploy/source.h"
#include "cli/program.h"
#include "common/base/strings.h"
#include "common/base/time.h"

#ifndef MESH_VERSION
#define MESH_VERSION "0"
#endif

namespace mesh::cli::deploy {
namespace {

constexpr const char* kDocker = "docker";

// A registry may refuse to give a tag to another image, so each build has its own.
std::string new_tag(Timestamp now) {
  std::string time = format_rfc3339(now).substr(0, 19);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return std::string(MESH_VERSION) + "-" + time;
}

Status run(const Program& program, const std::string& log) {
  std::string said;
  const auto ended = MESH_TRY(run_logged(
      program, {.log = log, .on_line = [&](const std::string& line) { said += line + "\n"; }}));
  if (ended.code == 0) return {};
  return fail(ErrorKind::conflict,
              program.words.at(0) + " " + program.words.at(1) + ": " + last_lines(said, 3));
}

// Signs in, pushes.
Status push(const Workplace& place, const std::string& builder, const std::string& region,
            const std::string& image, const std::string& log) {
  const auto password =
      MESH_TRY(run_program({.words = {"aws", "ecr", "get-login-password", "--region", region}}));
  if (password.code != 0) {
    return fail(ErrorKind::conflict, "aws ecr get-login-password: " + last_lines(password.err, 2));
  }
  const std::string host = image.substr(0, image.find('/'));
  // Credentials of the registry go to a file of the place, not to the user's.
  const std::vector<std::string> environment{
      "REGISTRY_AUTH_FILE=" + place.file("registry/auth.json"),
      "DOCKER_CONFIG=" + place.file("registry")};
  MESH_TRY(run({.words = {builder, "login", "--username", "AWS", "--password-stdin", host},
                .environment = environment,
                .input = password.out},
               log));
  return run({.words = {builder, "push", image}, .environment = environment}, log);
}

}  // namespace

std::optional<std::string> found_builder() {
  for (const std::string name : {"buildah", "podman", kDocker}) {
    if (!has_program(name)) continue;
    // docker is of no use without its daemon, or without buildx, which scripts/image builds by.
    if (succeeds({name, "info"}) && (name != kDocker || succeeds({name, "buildx", "version"})))
      return name;
  }
  return {};
}

std::optional<std::string> no_builder(const std::string& source) {
  const std::string advice = "give --image REPOSITORY:TAG";
  if (!is_checkout(source)) {
    return "an image: " + source + " is no checkout to build one from: " + advice +
           ", or --source CHECKOUT";
  }
  if (!found_builder()) {
    return "an image: none of buildah, podman and docker with buildx is on $PATH and answers "
           "`info`: " +
           advice;
  }
  return {};
}

Result<std::string> build_image(Session& session, const Workplace& place, const std::string& source,
                                const std::string& region, const std::string& repository,
                                Step& step) {
  if (repository.empty())
    return fail(ErrorKind::conflict, "the stack has no repository: give --image REPOSITORY:TAG");
  const std::string builder = found_builder().value_or(kDocker);
  const std::string image = repository + ":" + new_tag(session.clock.now());
  // The one way to build it: the same sources are the same image, whoever builds.
  MESH_TRY(
      run({.words = {source + "/scripts/image", "--builder", builder, "--tag", image, "--no-sbom"}},
          step.log));
  std::error_code failed;
  std::filesystem::create_directories(place.file("registry"), failed);
  const Status pushed = push(place, builder, region, image, step.log);
  std::filesystem::remove_all(place.file("registry"), failed);
  MESH_TRY(pushed);
  step.done = image + " is built by " + builder + " and pushed";
  return image;
}

}  // namespace mesh::cli::deploy
