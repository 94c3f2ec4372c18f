// The programs that a verb needs: are they there, and new enough?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace mesh::cli::deploy {

struct ToolVersion {
  int major = 0, minor = 0, patch = 0;
  auto operator<=>(const ToolVersion&) const = default;
};
// The first version in a text: "1.11.4" of "aws-cli/1.11.4 Python/3.11".
std::optional<ToolVersion> find_version(const std::string& text);
std::string to_string(const ToolVersion& version);

struct Tool {
  std::string name;
  std::vector<std::string> ask;  // its arguments that make it print its version
  ToolVersion least;
  std::string why;   // what it is needed for
  std::string from;  // where to get it
};
// Those that mesh deploy uses.
const Tool& kubectl_tool();
const Tool& terraform_tool();
const Tool& aws_tool();

// What is missing or too old, a line each; empty: nothing.
std::vector<std::string> missing_of(const std::vector<Tool>& tools);
// One error for all of it.
Status found_all(const std::vector<std::string>& missing);

}  // namespace mesh::cli::deploy
