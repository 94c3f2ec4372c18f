// What a configuration file adds to YAML: variables in its scalars.
// wordexp(3) expands as a shell does: it splits words, takes quotes away and looks for files.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/config/config.h"
#include "common/yaml/tree.h"

namespace mesh::config {

using Environment = std::function<const char*(const char*)>;

using yaml::Member;
using yaml::Value;

// Expands ${VAR}, ${VAR:-default} (taken where VAR is unset or empty) and $$ in a scalar's text.
// The variables that it names are added to `named`, each once. The error's message is what is
// wrong, without the path.
Result<std::string> expand(std::string_view text, const Environment& env,
                           std::vector<Origin::Variable>* named = nullptr);

// One scalar, list of scalars or flat object in YAML, on one line, such that yaml::parse and expand
// give it back.
std::string to_yaml(const Json& value);

}  // namespace mesh::config
